/* refund_hint.h - what a notice says of a refund, noted. */
#ifndef H5_PAY_REFUND_HINT_H
#define H5_PAY_REFUND_HINT_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/wechat/wechat.h"

/* h5_refund_hint(shop, hint, id, e): note that a notice spoke of a refund.  It
 * proves nothing and moves no state, and the same hint twice is one;
 * h5_refund_look asks WeChat.  id: the order's, "" if the number is none of
 * ours.  Durable if H5_OK.
 * H5_E_NOTFOUND: no such order.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_refund_hint(const struct h5_shop *shop,
    struct h5_wechat_hint *hint, char id[H5_ORDER_ID_MAX + 1],
    struct h5_err *e);

#endif
