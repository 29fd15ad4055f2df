/* hold.h - one conversation with WeChat about an order at a time, and an order
 * that is brought up to date where it stands.  *o is always the order as it is
 * stored, or NULL. */
#ifndef H5_PAY_HOLD_H
#define H5_PAY_HOLD_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/store/store.h"

/* h5_pay_hold(shop, id, hold, o, e): wait until no other program talks with
 * WeChat about the order, for as long as one may, and load it anew; an order
 * that *o holds is freed.  h5_store_release(*hold) afterwards, also when this
 * failed.  H5_E_BUSY: another one still talks.  Others as h5_store_load. */
H5_MUST_CHECK enum h5_code h5_pay_hold(const struct h5_shop *shop,
    const char *id, struct h5_store_hold **hold, struct h5_order **o,
    struct h5_err *e);

/* h5_pay_hold_if_free(...): likewise, but does not wait. */
H5_MUST_CHECK enum h5_code h5_pay_hold_if_free(const struct h5_shop *shop,
    const char *id, struct h5_store_hold **hold, struct h5_order **o,
    struct h5_err *e);

/* h5_pay_update(shop, decide, arg, o, e): h5_store_update on the order *o,
 * which becomes its newer self; NULL if that fails. */
H5_MUST_CHECK enum h5_code h5_pay_update(const struct h5_shop *shop,
    h5_store_decide_fn decide, void *arg, struct h5_order **o,
    struct h5_err *e);

#endif
