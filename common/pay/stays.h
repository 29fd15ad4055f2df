/* stays.h - before the shop is told of a payment: is the money still there?
 *
 * A notice says that somebody paid, not that the money stayed.  One that is old
 * when the shop is told may be about money that has gone back since. */
#ifndef H5_PAY_STAYS_H
#define H5_PAY_STAYS_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"

/* h5_stays_doubtful(o, g, now): is g the news of a payment that nobody was told
 * of yet, and WeChat's last word on it more than five minutes old, or did a
 * notice speak of a refund since? */
bool h5_stays_doubtful(
    const struct h5_order *o, const struct h5_outgoing *g, int64_t now);

/* h5_stays_most_ms(shop): how long h5_stays_ask may take, in milliseconds. */
int h5_stays_most_ms(const struct h5_shop *shop);

/* h5_stays_ask(shop, id, at, e): ask WeChat about a doubtful payment of the
 * order, which was recorded at that time (Unix seconds).  Refunds that it tells
 * of are durable afterwards, so that h5_order_untold heeds them.  If WeChat
 * gives no answer, the shop is told without one: that is H5_OK as well, and
 * logged.  Blocks for the calls. H5_E_NET, H5_E_REMOTE: some of it went back,
 * but not how much could be learned; given for ten minutes after the payment
 * was recorded, H5_OK then. H5_E_BUSY: another program talks with WeChat about
 * it. Others as h5_store_load and h5_store_update. */
H5_MUST_CHECK enum h5_code h5_stays_ask(
    const struct h5_shop *shop, const char *id, int64_t at, struct h5_err *e);

#endif
