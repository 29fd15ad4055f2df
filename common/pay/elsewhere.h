/* elsewhere.h - money that went back by a refund that was made elsewhere, of an
 * attempt whose API does not list refunds (APIv3).
 * That it went back is known from the trade's state, how much is not.  Until a
 * refund notice, a day's bill or the operator tells, the order is refunding,
 * with the alert refunded-elsewhere, and the shop is told of no payment that it
 * was not told of before. */
#ifndef H5_PAY_ELSEWHERE_H
#define H5_PAY_ELSEWHERE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/store/store.h"
#include "common/wechat/bill.h"

/* h5_elsewhere_explained(o, a): is there a refund of what attempt a paid, or
 * money given back by hand, that explains why WeChat says that some went
 * back? */
bool h5_elsewhere_explained(
    const struct h5_order *o, const struct h5_attempt *a);

/* h5_elsewhere_keep(b, o, out, e): it becomes known now that, in all, out fen
 * of o went back.  If the shop was not told of the payment because that was
 * unknown, and it was not all of it, add to b that it is told first. */
H5_MUST_CHECK enum h5_code h5_elsewhere_keep(struct h5_store_batch *b,
    const struct h5_order *o, int64_t out, struct h5_err *e);

/* h5_elsewhere_note(shop, out_trade_no, o, e): some of what that attempt paid
 * went back, and no refund here explains it: raise the alert, unless that was
 * done.  o as hold.h has it.  Durable if H5_OK.  Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_elsewhere_note(const struct h5_shop *shop,
    const char *out_trade_no, struct h5_order **o, struct h5_err *e);

/* h5_elsewhere_days(o, first, last): the Beijing days whose bills may tell, by
 * their first seconds.  The refund was made between the payment and the
 * alert. */
void h5_elsewhere_days(const struct h5_order *o, int64_t *first, int64_t *last);

/* h5_elsewhere_take(shop, id, b, taken, e): note each refund of the order id
 * that stands in the bill b and is not known here, as hearsay: refundquery,
 * which is due at once then, decides.  taken: how many.  Durable if H5_OK.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_elsewhere_take(const struct h5_shop *shop,
    const char *id, const struct h5_bill *b, unsigned *taken, struct h5_err *e);

/* h5_elsewhere_looked(shop, id, day, e): the bills up to that of day (Unix
 * seconds) were looked through, so that the next look is tomorrow's.  Durable
 * if H5_OK.  Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_elsewhere_looked(
    const struct h5_shop *shop, const char *id, int64_t day, struct h5_err *e);

#endif
