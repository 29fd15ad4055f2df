/* close.h - closing an order that is held already; the other ways: pay.h. */
#ifndef H5_PAY_CLOSE_H
#define H5_PAY_CLOSE_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"

/* h5_pay_expire_held(shop, o, e): h5_pay_expire, for the order *o, which is
 * held and whose time is over.  WeChat is asked first unless it told its time
 * within the last minute. */
H5_MUST_CHECK enum h5_code h5_pay_expire_held(
    const struct h5_shop *shop, struct h5_order **o, struct h5_err *e);

#endif
