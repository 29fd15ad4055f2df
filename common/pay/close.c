/* The end of attempts and of orders: at WeChat first, then here. */
#include <string.h>

#include "common/base/clock.h"
#include "common/pay/attempt.h"

/* WeChat will not close it because it was paid.  Until orderquery says so, too,
 * it may be neither closed nor followed by another. */
static enum h5_code
paid_already(const struct h5_shop *shop, const char *out_trade_no,
    struct h5_order **o, struct h5_err *e)
{
	enum h5_code rc = h5_pay_ask_one(shop, out_trade_no, o, e);

	if (rc != H5_OK || h5_order_nothing_due(*o) ||
	    h5_order_attempt(*o, out_trade_no)->state != H5_ATTEMPT_AWAITING)
		return rc;
	return h5_err_set(
	    e, H5_E_REMOTE, "ORDERPAID, but orderquery knows no payment");
}

/* A cashier link was issued for it moments ago: that WeChat does not know it
 * only means that not all of WeChat knows it yet (PROTOCOL 4). */
static bool
too_young(const struct h5_attempt *a)
{
	return a != NULL && a->mweb_url != NULL &&
	       h5_clock_now() < a->mweb_url_at + H5_PAY_CLOSE_AFTER_S;
}

/* Closes one attempt at WeChat.  H5_OK: it can be paid no more, or it was paid
 * (then the order says so).  H5_E_STATE: not yet. */
enum h5_code
h5_pay_close_attempt(const struct h5_shop *shop, const char *out_trade_no,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_pay_note ended = {
	    H5_EVENT_ENDED, out_trade_no, "closeorder", NULL};
	struct h5_wechat_refusal refusal;
	enum h5_code rc;

	rc = h5_wechat_close(shop->wx, shop->log,
	    h5_order_attempt(*o, out_trade_no), &refusal, e);
	if (rc != H5_OK)
		return rc;
	switch (refusal.verdict) {
	case H5_WECHAT_UNKNOWN_ORDER:
		if (too_young(h5_order_attempt(*o, out_trade_no)))
			return h5_err_set(e, H5_E_STATE,
			    "WeChat does not know %s yet: try again later",
			    out_trade_no);
		/* It was never ordered, and this call has burnt the number. */
		return h5_pay_note(shop, o, ended, e);
	case H5_WECHAT_SUCCESS:
	case H5_WECHAT_CLOSED:
		return h5_pay_note(shop, o, ended, e);
	case H5_WECHAT_PAID:
		return paid_already(shop, out_trade_no, o, e);
	case H5_WECHAT_NOT_YET:
		return h5_err_set(e, H5_E_STATE,
		    "WeChat does not close %s yet: try again later",
		    out_trade_no);
	case H5_WECHAT_AGAIN:
		return h5_err_set(e, H5_E_NET, "closeorder: outcome unknown");
	case H5_WECHAT_TAKEN:
	case H5_WECHAT_NO_REFUND:
	case H5_WECHAT_MERCHANT:
	case H5_WECHAT_REFUSED:
		break;
	}
	return h5_err_set(
	    e, H5_E_REMOTE, "closeorder refused: %s", refusal.err_code);
}

static enum h5_code
close_attempts(
    const struct h5_shop *shop, struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < (*o)->n_attempts; i++) {
		if ((*o)->attempts[i].state != H5_ATTEMPT_AWAITING)
			continue;
		memcpy(number, (*o)->attempts[i].out_trade_no, sizeof number);
		rc = h5_pay_close_attempt(shop, number, o, e);
	}
	return rc;
}

enum h5_code
h5_pay_close_order(const struct h5_shop *shop, const char *why,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_pay_note closed = {H5_EVENT_CLOSED, NULL, why, NULL};
	enum h5_code rc = close_attempts(shop, o, e);

	/* Once more, since money may have arrived in the same moment. */
	if (rc == H5_OK && !h5_order_settled(*o))
		rc = h5_pay_ask_all(shop, true, o, e);
	if (rc == H5_OK && !h5_order_settled(*o))
		rc = h5_pay_note(shop, o, closed, e);
	if (rc == H5_OK && (*o)->state != H5_ORDER_CLOSED)
		return h5_err_set(e, H5_E_STATE, "order %s is %s", (*o)->id,
		    h5_order_state_name((*o)->state));
	if (rc == H5_OK)
		h5_log_event(shop->log, H5_LOG_INFO, "order-closed", "order",
		    (*o)->id, "why", why, NULL);
	return rc;
}

enum h5_code
h5_pay_close(const struct h5_shop *shop, const char *id, const char *why,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*o = NULL;
	rc = h5_store_hold(shop->st, id, h5_pay_patience_ms(shop),
	    h5_pay_patience_ms(shop), &hold, e);
	if (rc != H5_OK)
		return rc;
	rc = h5_store_load(shop->st, id, o, e);
	if (rc == H5_OK && (*o)->state == H5_ORDER_CLOSED)
		goto out;
	if (rc == H5_OK && h5_order_settled(*o))
		rc = h5_err_set(e, H5_E_STATE, "order %s is %s", id,
		    h5_order_state_name((*o)->state));
	if (rc == H5_OK)
		rc = h5_pay_close_order(shop, why, o, e);
out:
	h5_store_release(hold);
	return rc;
}

enum h5_code
h5_pay_close_rest(const struct h5_shop *shop, const char *id,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*o = NULL;
	rc = h5_store_hold(shop->st, id, h5_pay_patience_ms(shop),
	    h5_pay_patience_ms(shop), &hold, e);
	if (rc == H5_OK)
		rc = h5_store_load(shop->st, id, o, e);
	if (rc == H5_OK && (*o)->paid_at != 0)
		rc = close_attempts(shop, o, e);
	h5_store_release(hold);
	return rc;
}
