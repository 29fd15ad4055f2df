/* pay.h - the walks of an order with WeChat: create, start, ask, close.
 * checkout, query, sweep and the operator's verbs all come here.  The rule of
 * attempts (INTERFACE 5) stands in pay.c alone; the steps that the walks are
 * made of are in attempt.h. */
#ifndef H5_PAY_PAY_H
#define H5_PAY_PAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"

enum h5_pay_result {
	H5_PAY_GO, /* what the buyer pays with is at hand, and fresh */
	H5_PAY_SETTLED, /* nothing to pay: paid, closed, refunded, alert */
	H5_PAY_WAIT, /* WeChat will not close the old attempt yet */
	H5_PAY_MERCHANT, /* refused for a merchant's fault */
	H5_PAY_NOT_OPEN /* of that kind: he has not this product */
};

/* What an order is made of.  NULL: none. */
struct h5_pay_terms {
	const char *id, *body, *attach, *item, *lang;
	const char *return_url; /* where the shop shows the order; or NULL */
	const char *ip; /* the buyer's address */
	enum h5_product product; /* what the first attempt is made for */
	int64_t total_fee; /* fen */
	int64_t qty; /* with item alone */
	int64_t expires; /* Unix seconds: the order lives no longer, but as long
			    as WeChat needs to order it; 0: no end of its own */
};
/* h5_pay_create(shop, t, o, e): make the order durable, or find that it is
 * there already with the same terms.
 * H5_E_EXISTS: the id is taken with other terms; *o is the order that has it.
 * Others as h5_store_create. */
H5_MUST_CHECK enum h5_code h5_pay_create(const struct h5_shop *shop,
    const struct h5_pay_terms *t, struct h5_order **o, struct h5_err *e);

/* The walks.  Each holds the order (hold.h), so that one program at a time
 * talks with WeChat about it, and blocks for the calls that it makes.  *o is
 * the order as stored, also after most failures; NULL if it could not be read.
 * Errors of each of them:
 *   H5_E_NET     WeChat was not reached
 *   H5_E_REMOTE  its answer was not believed
 *   H5_E_BUSY    another program's conversation took too long, or shop->limit's
 *                buyer has started too much (limit.h)
 * and those of h5_store_update. */

/* How a buyer wants to pay. */
struct h5_pay_way {
	const char *ip; /* his address */
	enum h5_product product;
	const char *openid; /* JSAPI: who he is */
	bool
	    again; /* he says that there was a problem: WeChat is asked first */
};
/* h5_pay_start(shop, id, way, result, o, e): get what the buyer pays with: a
 * mweb_url, a code_url or a prepay_id.  *result tells what came of it.  An
 * attempt that was made for another product, or for another person, is closed
 * first, and the next one is made. */
H5_MUST_CHECK enum h5_code h5_pay_start(const struct h5_shop *shop,
    const char *id, const struct h5_pay_way *way, enum h5_pay_result *result,
    struct h5_order **o, struct h5_err *e);

/* h5_pay_ask(shop, id, force, asked, o, e): ask WeChat about every attempt that
 * may be paid, and settle.  Without force, nothing is asked if the order is
 * settled or was asked about within orders.query_interval_s.  *asked: whether
 * WeChat was asked. */
H5_MUST_CHECK enum h5_code h5_pay_ask(const struct h5_shop *shop,
    const char *id, bool force, bool *asked, struct h5_order **o,
    struct h5_err *e);

/* h5_pay_close(shop, id, why, o, e): close the order at WeChat, ask once more,
 * then close it here.  why: "operator".
 * H5_E_STATE: it is paid, or WeChat will not close it yet (e->msg says
 * which). */
H5_MUST_CHECK enum h5_code h5_pay_close(const struct h5_shop *shop,
    const char *id, const char *why, struct h5_order **o, struct h5_err *e);

/* h5_pay_expire(shop, id, o, e): the same for an order whose time is over, if
 * it is over by WeChat's clock as well.
 * H5_E_STATE: it is paid, its time is not over, WeChat will not close it yet,
 * or this machine's clock cannot be trusted, which is an alert (e->msg says
 * which). */
H5_MUST_CHECK enum h5_code h5_pay_expire(const struct h5_shop *shop,
    const char *id, struct h5_order **o, struct h5_err *e);

/* h5_pay_close_rest(shop, id, o, e): close at WeChat what still awaits payment
 * beside a paid attempt, so that nobody pays twice.
 * H5_E_STATE: WeChat will not close it yet. */
H5_MUST_CHECK enum h5_code h5_pay_close_rest(const struct h5_shop *shop,
    const char *id, struct h5_order **o, struct h5_err *e);

/* --- orders that are not here --- */

/* h5_pay_missing(shop, out_trade_no, body, at, made, e): WeChat's bill has a
 * payment under this number, and there is no such order here: ask WeChat, and
 * if its signed answer says that it was paid, write the order.  body, at (Unix
 * seconds): as the bill has them.  made: the order is there now, with this
 * attempt; the payment itself comes by h5_pay_ask.  It has the alert
 * unrecorded, and is withheld from the shop.  Durable if H5_OK.
 * H5_E_NET, H5_E_REMOTE: WeChat was not reached, or is not believed.
 * H5_E_INPUT: not a number of an order.
 * Others as h5_store_create and h5_store_update. */
H5_MUST_CHECK enum h5_code h5_pay_missing(const struct h5_shop *shop,
    const char *out_trade_no, const char *body, int64_t at, bool *made,
    struct h5_err *e);

/* h5_pay_release(shop, id, e): the operator's word that the shop may be told of
 * an order that was withheld.  Durable if H5_OK.  Results as
 * h5_store_update. */
H5_MUST_CHECK enum h5_code h5_pay_release(
    const struct h5_shop *shop, const char *id, struct h5_err *e);

#endif
