/* ledger.h - event to ledger line and back, with the chained checksum.
 * Floor 1; the only reader and writer of JSON lines (jansson).
 * A line is one flat JSON object: {"n":1,"at":"...+08:00","event":"created",
 * ...,"sum":"<16 hex>"} and LF, where sum covers the line before it and this
 * line's bytes up to the comma before "sum".  Format: docs/STORE.md. */
#ifndef H5_LEDGER_H
#define H5_LEDGER_H

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/order.h"

#define H5_LEDGER_LINE 16384 /* longest line, bytes */
#define H5_LEDGER_SUM 17 /* 16 hex digits and NUL */

/* Where a reader or writer is in the chain. */
struct h5_ledger_at {
	unsigned n; /* lines so far */
	char sum[H5_LEDGER_SUM]; /* checksum of the last, "" before the first */
};

/* h5_ledger_write(at, ev, out, e): append the line for ev to out and move at.
 * H5_E_INPUT: too long, invalid UTF-8.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_ledger_write(struct h5_ledger_at *at,
    const struct h5_event *ev, struct h5_buf *out, struct h5_err *e);

/* h5_ledger_read(at, line, n, ev, e): one line without its LF into ev
 * (initialised here; release it).  H5_E_INPUT: checksum, number or shape is
 * wrong; at is unchanged then. */
H5_MUST_CHECK enum h5_code h5_ledger_read(struct h5_ledger_at *at,
    const char *line, size_t n, struct h5_event *ev, struct h5_err *e);

/* h5_ledger_fold(p, n, id, out, whole, e): a whole file into an order.  whole:
 * bytes of good lines; less than n means a torn tail, which is not an error:
 * a tail is torn when it is the last piece of the file and is not a whole good
 * line.  H5_E_INPUT: broken in the middle, or the id inside is not id.
 * H5_E_NOTFOUND: no whole line at all.  at: where the chain ends. */
H5_MUST_CHECK enum h5_code h5_ledger_fold(const char *p, size_t n,
    const char *id, struct h5_order **out, size_t *whole,
    struct h5_ledger_at *at, struct h5_err *e);

/* h5_ledger_order_json(o, out, e): the object of show --json (INTERFACE 6). */
H5_MUST_CHECK enum h5_code h5_ledger_order_json(
    const struct h5_order *o, struct h5_buf *out, struct h5_err *e);
/* h5_ledger_outgoing_json(o, g, out, e): {"id","type","at","order":{...}}. */
H5_MUST_CHECK enum h5_code h5_ledger_outgoing_json(const struct h5_order *o,
    const struct h5_outgoing *g, struct h5_buf *out, struct h5_err *e);
/* h5_ledger_status_json(o, out, e): what POST query answers to
 * Accept: application/json. */
H5_MUST_CHECK enum h5_code h5_ledger_status_json(
    const struct h5_order *o, struct h5_buf *out, struct h5_err *e);
/* h5_ledger_string(s, out): one JSON string literal, for small hand-made
 * objects (scene_info, list --json). */
void h5_ledger_string(const char *s, struct h5_buf *out);

#endif
