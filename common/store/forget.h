/* forget.h - a record without what tells of the buyer. */
#ifndef H5_STORE_FORGET_H
#define H5_STORE_FORGET_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/order/order.h"

/* h5_forget_needed(o): does the record of o hold a field that tells of the
 * buyer?  The openid in all its spellings, attach, the request that both were
 * sent in, and the buyer's addresses. */
bool h5_forget_needed(const struct h5_order *o);

/* h5_forget_record(o, at, out, e): the record of o without these fields, and
 * with one line more that says so: a ledger like any other, whose sums are its
 * own.  Lines keep their numbers and times.  An address that an event cannot be
 * without becomes H5_FORGOTTEN.  at: now, in Unix seconds.
 * H5_E_INPUT: the record would be too large. */
#define H5_FORGOTTEN "forgotten"
H5_MUST_CHECK enum h5_code h5_forget_record(
    const struct h5_order *o, int64_t at, struct h5_buf *out, struct h5_err *e);

#endif
