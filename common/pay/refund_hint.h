/* refund_hint.h - notes what a notice says of a refund. */
#ifndef H5_PAY_REFUND_HINT_H
#define H5_PAY_REFUND_HINT_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/store/store.h"
#include "common/wechat/wechat.h"

/* h5_refund_hint(shop, hint, id, e): note that a notice spoke of a refund.  A
 * notice proves nothing and moves no state: h5_refund_look asks WeChat.  The
 * same hint twice is one.  id: the order's id, or "" if the number is not one
 * of ours.  Durable if H5_OK.
 * H5_E_NOTFOUND: no such order.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_refund_hint(const struct h5_shop *shop,
    struct h5_wechat_hint *hint, char id[H5_ORDER_ID_MAX + 1],
    struct h5_err *e);

/* h5_refund_decide_hint: writes down a struct h5_wechat_hint, for
 * h5_store_update.  The same hint twice is one. */
H5_MUST_CHECK enum h5_code h5_refund_decide_hint(void *arg,
    const struct h5_order *o, struct h5_store_batch *b, struct h5_err *e);

#endif
