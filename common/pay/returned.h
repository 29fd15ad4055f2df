/* returned.h - money that went back: every refund of a payment as WeChat lists
 * them, whoever asked for it, and how that comes into the ledger.
 * The order is held (hold.h).  *o is the order, replaced by its newer self; it
 * may be NULL after H5_E_IO. */
#ifndef H5_PAY_RETURNED_H
#define H5_PAY_RETURNED_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/wechat/wechat.h"

/* h5_returned_ask(shop, o, a, transaction_id, list, all, e): ask WeChat for the
 * refunds of what attempt a of o paid by that transaction.  No refund is an
 * empty list; free() it.  all: there are no others; false: APIv3 lists none,
 * and these are the ones that are known here.  Blocks for the calls.
 * H5_E_NET, H5_E_REMOTE: not reached or not believed.
 * H5_E_CONFIG, H5_E_BUG, H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_returned_ask(const struct h5_shop *shop,
    const struct h5_order *o, const struct h5_attempt *a,
    const char *transaction_id, struct h5_wechat_refunds **list, bool *all,
    struct h5_err *e);

/* h5_returned_sum(list): fen that went back or are on their way. */
int64_t h5_returned_sum(const struct h5_wechat_refunds *list);

/* h5_returned_announce(shop, list, o, e): note those that the order does not
 * know as hearsay, so that they are asked about if what follows is cut short.
 * Before the payment itself is recorded, which refunds presuppose. */
H5_MUST_CHECK enum h5_code h5_returned_announce(const struct h5_shop *shop,
    const struct h5_wechat_refunds *list, struct h5_order **o,
    struct h5_err *e);

/* h5_returned_record(shop, got, o, e): what WeChat says of one refund of a paid
 * order. */
H5_MUST_CHECK enum h5_code h5_returned_record(const struct h5_shop *shop,
    const struct h5_wechat_refund *got, struct h5_order **o, struct h5_err *e);

/* h5_returned_record_all(shop, list, o, e): likewise of each. */
H5_MUST_CHECK enum h5_code h5_returned_record_all(const struct h5_shop *shop,
    const struct h5_wechat_refunds *list, struct h5_order **o,
    struct h5_err *e);

#endif
