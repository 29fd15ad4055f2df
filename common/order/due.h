/* due.h - when an order next has work for a sweep: derived from the order
 * alone, so that an engine may file it away with the order's other facts. */
#ifndef H5_ORDER_DUE_H
#define H5_ORDER_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/order/order.h"

#define H5_DUE_NEVER INT64_MAX /* not before something happens to the order */

/* h5_due_ask(o, query_gap): from when on WeChat is to be asked whether o was
 * paid, Unix seconds; only while o is not settled.  query_gap: the least time
 * between two questions, s (orders.query_interval_s). */
int64_t h5_due_ask(const struct h5_order *o, int64_t query_gap);
/* h5_due_refund(r): from when on WeChat is to be asked what became of r, Unix
 * seconds; 0: at once. */
int64_t h5_due_refund(const struct h5_refund *r);
/* h5_due_close_rest(o): was an earlier attempt paid while a later one still
 * stands open at WeChat?  It is closed at once, before somebody pays twice. */
bool h5_due_close_rest(const struct h5_order *o);
/* h5_due_at(o, hooks, query_gap): from when on anything at all is to be done
 * for o: ask, close, look after refunds, tell the shop.  Unix seconds; 0: at
 * once.  hooks: bits of enum h5_hook that are configured.  At rest: never. */
int64_t h5_due_at(const struct h5_order *o, unsigned hooks, int64_t query_gap);

#endif
