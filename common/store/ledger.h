/* ledger.h - event to ledger line and back, with the chained checksum.
 * The only reader and writer of JSON lines.
 * A line is one flat JSON object: {"n":1,"at":"...+08:00","event":"created",
 * ...,"sum":"<16 hex>"} and LF, where sum covers the line before it and this
 * line's bytes up to the comma before "sum".  Lines that were written as one
 * unit count down: "more":1 says that one more belongs to it.  Only the one
 * spelling that h5_ledger_write gives is read.  Format: docs/STORE.md. */
#ifndef H5_STORE_LEDGER_H
#define H5_STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/order/order.h"

/* Longest line, bytes: a notice of 64 KiB, all its elements kept and escaped,
 * fits. */
#define H5_LEDGER_LINE 196608
#define H5_LEDGER_UNIT 4 /* most lines written as one unit */
#define H5_LEDGER_SUM 17 /* 16 hex digits and NUL */

/* Where a reader or writer is in the chain. */
struct h5_ledger_at {
	unsigned n; /* lines so far */
	char sum[H5_LEDGER_SUM]; /* checksum of the last, "" before the first */
	/* Lines of the same unit after the last one read or (set by the
	 * caller before each) the one to be written. */
	unsigned more;
};

/* h5_ledger_write(at, ev, out, e): append the line for ev to out and move at.
 * H5_E_INPUT: too long, not UTF-8, or a field that no line may hold. */
H5_MUST_CHECK enum h5_code h5_ledger_write(struct h5_ledger_at *at,
    const struct h5_event *ev, struct h5_buf *out, struct h5_err *e);

/* h5_ledger_read(at, line, n, ev, summed, e): one line of n bytes, without its
 * line feed, into ev, which is initialised here; release it.  *summed: does the
 * checksum match?  Then the line arrived whole, whatever the result.
 * H5_E_INPUT: checksum, number or shape is wrong; at is unchanged. */
H5_MUST_CHECK enum h5_code h5_ledger_read(struct h5_ledger_at *at,
    const char *line, size_t n, struct h5_event *ev, bool *summed,
    struct h5_err *e);

/* h5_ledger_fold(p, n, id, out, whole, at, e): the n bytes of a ledger into an
 * order.  *whole: bytes of whole units; fewer than n mean a torn tail, which is
 * no error.  A tail is torn if it is the last piece of the ledger, is no whole
 * good line and holds the end of one line at most, or if lines of its unit are
 * missing at the end.  *at: where the chain ends.
 *   H5_E_INPUT     broken before the end, the order inside is not id, or a line
 *                  that arrived whole makes no sense
 *   H5_E_NOTFOUND  no whole unit at all */
H5_MUST_CHECK enum h5_code h5_ledger_fold(const char *p, size_t n,
    const char *id, struct h5_order **out, size_t *whole,
    struct h5_ledger_at *at, struct h5_err *e);

#endif
