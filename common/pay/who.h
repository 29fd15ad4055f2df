/* who.h - who a buyer inside WeChat is: sent out to say so, and come back.
 *
 * JSAPI takes an order for one person, by his openid.  He is sent to WeChat's
 * authorize page with a state of our own, and comes back with that state and a
 * code, which is exchanged for the openid.  The state stands in the order's
 * ledger and in no cookie, since WeChat's browsers lose them in between; it
 * lives ten minutes, and is exchanged once, however often it comes back. */
#ifndef H5_PAY_WHO_H
#define H5_PAY_WHO_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/wechat/wechat.h"

#define H5_WHO_STATE 33 /* 128 bits in hex, and NUL */

/* h5_who_begin(shop, id, state, o, e): a new state for the order's current
 * attempt.  Durable if H5_OK.
 * H5_E_BUSY: he was sent out too often within the last minute.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_who_begin(const struct h5_shop *shop,
    const char *id, char state[H5_WHO_STATE], struct h5_order **o,
    struct h5_err *e);

/* What came of a callback. */
enum h5_who_result {
	H5_WHO_KNOWN, /* openid is filled: now, or by an earlier callback */
	H5_WHO_AGAIN, /* the code was spent elsewhere or too old, and he was
			 sent out but once within a minute: do it once more */
	H5_WHO_FAILED, /* *who tells the buyer why */
	H5_WHO_STRAY /* no state of this order that lives: show the order */
};

/* h5_who_end(shop, id, state, code, result, openid, who, o, e): exchange code,
 * unless that state was exchanged before.  Holds the order and blocks for the
 * call.  code NULL: WeChat sent none.
 * H5_E_BUSY, and those of h5_store_update. */
H5_MUST_CHECK enum h5_code h5_who_end(const struct h5_shop *shop,
    const char *id, const char *state, const char *code,
    enum h5_who_result *result, char openid[H5_WECHAT_OPENID],
    enum h5_wechat_who *who, struct h5_order **o, struct h5_err *e);

#endif
