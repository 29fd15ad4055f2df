/* pay.h - what an order goes through with WeChat: start, ask, close, expire.
 * checkout, query, sweep and the operator's verbs all walk here; the
 * attempt rule of INTERFACE section 5 lives in this file alone. */
#ifndef H5_PAY_PAY_H
#define H5_PAY_PAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"
#include "common/wechat/wechat.h"

/* WeChat closes no number that was ordered more recently (PROTOCOL 5). */
#define H5_PAY_CLOSE_AFTER_S 300

enum h5_pay_result {
	H5_PAY_GO, /* a mweb_url younger than its life is at hand */
	H5_PAY_SETTLED, /* nothing to pay: paid, closed, refunded, alert */
	H5_PAY_WAIT, /* WeChat will not close the old attempt yet */
	H5_PAY_MERCHANT /* refused for a merchant's fault */
};

/* h5_pay_create(shop, t, o, e): make the order durable, or find that the very
 * same one is there. H5_E_EXISTS: the id is taken with other terms. */
struct h5_pay_terms {
	const char *id, *body, *attach, *item, *lang, *ip;
	int64_t total_fee, qty;
};
H5_MUST_CHECK enum h5_code h5_pay_create(const struct h5_shop *shop,
    const struct h5_pay_terms *t, struct h5_order **o, struct h5_err *e);

/* h5_pay_start(shop, id, ip, again, result, o, e): get the buyer at ip a
 * mweb_url. One at a time for an order (conversation lock).  again: the buyer
 * says there was a problem: asks orderquery first. H5_OK: *result; *o is the
 * order afterwards.  H5_E_NET, H5_E_REMOTE: WeChat was not reached or not
 * believed; H5_E_BUSY; H5_E_IO. */
H5_MUST_CHECK enum h5_code h5_pay_start(const struct h5_shop *shop,
    const char *id, const char *ip, bool again, enum h5_pay_result *result,
    struct h5_order **o, struct h5_err *e);

/* h5_pay_ask(shop, id, force, asked, o, e): ask orderquery about every attempt
 * that may be paid, unless settled or asked within orders.query_interval_s
 * (force: always), and settle.  *o: the order as stored, also when the result
 * is H5_E_NET or H5_E_REMOTE (then WeChat was not reached or not believed). */
H5_MUST_CHECK enum h5_code h5_pay_ask(const struct h5_shop *shop,
    const char *id, bool force, bool *asked, struct h5_order **o,
    struct h5_err *e);

/* h5_pay_close(shop, id, why, o, e): close at WeChat, ask once more, then close
 * here.  why: "operator", "expired".  H5_E_STATE: it is paid, or WeChat will
 * not close it yet (e->msg).  *o as h5_pay_ask. */
H5_MUST_CHECK enum h5_code h5_pay_close(const struct h5_shop *shop,
    const char *id, const char *why, struct h5_order **o, struct h5_err *e);

/* h5_pay_close_rest(shop, id, o, e): close at WeChat what is still awaiting
 * beside a paid attempt, so that nobody pays twice.  Results as h5_pay_close.
 */
H5_MUST_CHECK enum h5_code h5_pay_close_rest(const struct h5_shop *shop,
    const char *id, struct h5_order **o, struct h5_err *e);

#endif
