/* record.h - one order's record: the bytes of whole units, and what they say.
 * For the core and for an engine that has to know what is at rest. */
#ifndef H5_STORE_RECORD_H
#define H5_STORE_RECORD_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/order/order.h"
#include "common/store/engine.h"
#include "common/store/ledger.h"
#include "common/store/store.h"

#define H5_RECORD_MAX 4194304 /* most bytes of one order's record */

/* h5_record_fold(b, id, out, whole, at, e): the record in b as an order.
 * whole, at: as h5_ledger_fold.  H5_E_INPUT: it is broken or empty. */
H5_MUST_CHECK enum h5_code h5_record_fold(const struct h5_buf *b,
    const char *id, struct h5_order **out, size_t *whole,
    struct h5_ledger_at *at, struct h5_err *e);

/* h5_record_id(b, id, e): the id of the order whose record b is, by its first
 * line.  H5_E_INPUT: it is broken. */
H5_MUST_CHECK enum h5_code h5_record_id(
    const struct h5_buf *b, char id[H5_ORDER_ID_MAX + 1], struct h5_err *e);

/* h5_record_unit(b, o, whole, at, unit, format, e): the events of b as one
 * unit, to be written behind whole bytes that end in at, and folded into o.  o
 * and at move; the events are taken over.  format: what the store must have
 * before the unit is written.
 *   H5_E_INPUT  an event is malformed, or the record would be too large
 *   H5_E_STATE  a move that may never happen */
H5_MUST_CHECK enum h5_code h5_record_unit(struct h5_store_batch *b,
    struct h5_order *o, size_t whole, struct h5_ledger_at *at,
    struct h5_buf *unit, unsigned *format, struct h5_err *e);

/* h5_record_read(engine, store, id, mode, until_ms, out, e): what the record
 * says now.  mode: LOOK or CALM.  Results as h5_store_load. */
H5_MUST_CHECK enum h5_code h5_record_read(const struct h5_store_engine *engine,
    void *store, const char *id, enum h5_engine_mode mode, int64_t until_ms,
    struct h5_order **out, struct h5_err *e);
/* h5_record_load(engine, store, id, until_ms, out, e): the same without a
 * lock; what looks broken is read again between two writes. */
H5_MUST_CHECK enum h5_code h5_record_load(const struct h5_store_engine *engine,
    void *store, const char *id, int64_t until_ms, struct h5_order **out,
    struct h5_err *e);

#endif
