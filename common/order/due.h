/* due.h - when an order next has work for a sweep.
 * That follows from the order alone, so an engine may file it away with the
 * order's other facts.  All times are Unix seconds; all functions are pure. */
#ifndef H5_ORDER_DUE_H
#define H5_ORDER_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/order/order.h"

#define H5_DUE_NEVER INT64_MAX /* not before something happens to the order */

/* h5_due_ask(o, query_gap): from when on WeChat is to be asked whether o was
 * paid; only while o is not settled.  query_gap: the least time between two
 * questions, in seconds (orders.query_interval_s). */
int64_t h5_due_ask(const struct h5_order *o, int64_t query_gap);

/* h5_due_watched(o): from when on WeChat may be asked about o because somebody
 * sits before its code and no notice came; H5_DUE_NEVER: it shows none.  Only
 * whoever knows that the page is open goes by it. */
int64_t h5_due_watched(const struct h5_order *o);

/* h5_due_refund(r): from when on WeChat is to be asked what became of r; 0:
 * at once, H5_DUE_NEVER: nothing more will come of it. */
int64_t h5_due_refund(const struct h5_refund *r);

/* h5_due_bill(o): from when on the bills are to be looked through for refunds
 * of o that were made elsewhere; H5_DUE_NEVER: none is wanted.  A day's bill is
 * there on the next morning (docs/PROTOCOL.md 8). */
int64_t h5_due_bill(const struct h5_order *o);

/* h5_due_close_rest(o): was an earlier attempt paid while a later one still
 * stands open at WeChat?  It is closed at once, before somebody pays twice. */
bool h5_due_close_rest(const struct h5_order *o);

/* h5_due_at(o, hooks, query_gap): from when on anything at all is to be done
 * for o: ask, close, look after refunds, tell the shop.  0 is at once; an order
 * at rest gives H5_DUE_NEVER.  hooks: the bits of enum h5_hook that are
 * configured. */
int64_t h5_due_at(const struct h5_order *o, unsigned hooks, int64_t query_gap);

#endif
