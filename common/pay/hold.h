/* hold.h - lets one program at a time talk with WeChat about an order, and
 * updates an order in place.
 *
 * Take the hold, make the calls and the updates, release the hold.  *o is the
 * order as it is stored, or NULL; it belongs to the caller. */
#ifndef H5_PAY_HOLD_H
#define H5_PAY_HOLD_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/store/store.h"

/* h5_pay_hold(shop, id, hold, o, e): wait until no other program talks with
 * WeChat about the order, at most as long as such a talk may last, and load the
 * order anew.  An order that *o holds is freed first.  Call
 * h5_store_release(*hold) afterwards, also after a failure.
 * H5_E_BUSY: another program still talks.
 * Others as h5_store_load. */
H5_MUST_CHECK enum h5_code h5_pay_hold(const struct h5_shop *shop,
    const char *id, struct h5_store_hold **hold, struct h5_order **o,
    struct h5_err *e);

/* h5_pay_update(shop, decide, arg, o, e): h5_store_update of the order *o,
 * which is replaced by its newer self, or by NULL after a failure.  Durable if
 * H5_OK.
 * Errors as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_pay_update(const struct h5_shop *shop,
    h5_store_decide_fn decide, void *arg, struct h5_order **o,
    struct h5_err *e);

#endif
