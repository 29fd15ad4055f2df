/* format.h - which format a store must have for what is written into it, and
 * whether this program knows the format that it has.  For the core, and for
 * an engine's fsck. */
#ifndef H5_STORE_FORMAT_H
#define H5_STORE_FORMAT_H

#include "common/base/err.h"
#include "common/order/event.h"
#include "common/store/engine.h"

/* A store that was sealed: its orders are elsewhere. */
#define H5_FORMAT_MOVED 999999U

/* h5_format_must_know(f, e): H5_E_CONFIG, with both versions and what to do, if
 * f is newer than this program knows. */
H5_MUST_CHECK enum h5_code h5_format_must_know(
    const struct h5_engine_format *f, struct h5_err *e);

/* h5_format_believe(engine, store, rc, e): a record was read with the result
 * rc.  Returns rc, unless the format is newer by now than this program knows:
 * then H5_E_CONFIG, since what was read may hold something that this program
 * does not see or takes for damage.  Whoever wrote that had raised the format
 * before. */
H5_MUST_CHECK enum h5_code h5_format_believe(
    const struct h5_store_engine *engine, void *store, enum h5_code rc,
    struct h5_err *e);

/* h5_format_need(ev, number, e): makes *number at least the format that ev
 * needs.  H5_E_BUG: the table in order/since.c lacks something in ev. */
H5_MUST_CHECK enum h5_code h5_format_need(
    const struct h5_event *ev, unsigned *number, struct h5_err *e);

/* h5_format_raise(engine, store, number, until_ms, e): the store has at least
 * this format, durably; called before anything is written that needs it.
 * Anything but H5_OK: it must not be written. */
H5_MUST_CHECK enum h5_code h5_format_raise(const struct h5_store_engine *engine,
    void *store, unsigned number, int64_t until_ms, struct h5_err *e);

#endif
