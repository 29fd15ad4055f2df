/* settle.h - the one place where an order becomes paid.
 * Both notify and query bring a trade here, after they have found it worthy of
 * belief. */
#ifndef H5_PAY_SETTLE_H
#define H5_PAY_SETTLE_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/wechat/wechat.h"

enum h5_settled {
	H5_SETTLED_NOW, /* this call made it paid */
	H5_SETTLED_BEFORE, /* it was paid by this transaction already */
	H5_SETTLED_OVERPAID, /* another attempt had been paid: alert */
	H5_SETTLED_DISPUTED, /* amount or currency differ: alert, not paid */
	H5_SETTLED_NOTED, /* not a payment: what WeChat said was recorded */
	H5_SETTLED_WRONG_API /* a notice of another API than the attempt's:
				alert, nothing believed */
};

/* h5_settle(shop, t, via, out, o, e): bring the trade t into the record of the
 * order that its number belongs to.  *out tells what it meant there; the same
 * trade again changes nothing.  via: "notify" or "query"; what a notice says is
 * believed only in the form of the API that the attempt was made with.  o: set
 * to the order as it is afterwards; may be NULL.  Durable if H5_OK.
 * H5_E_NOTFOUND: no such order or attempt.
 * H5_E_AUTH: a notice that is signed by another type than the attempt's.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_settle(const struct h5_shop *shop,
    const struct h5_wechat_trade *t, const char *via, enum h5_settled *out,
    struct h5_order **o, struct h5_err *e);

/* h5_settle_hint(shop, t, known, id, e): look at a payment that only a notice
 * signed with merchant.api_key_previous tells of.  Nothing of it is recorded.
 * known: that payment is recorded already, durably; else WeChat should be asked
 * about the order id.
 * H5_E_NOTFOUND: no such order or attempt.
 * H5_E_AUTH: signed by another type than the attempt's.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_settle_hint(const struct h5_shop *shop,
    const struct h5_wechat_trade *t, bool *known, char id[H5_ORDER_ID_MAX + 1],
    struct h5_err *e);

#endif
