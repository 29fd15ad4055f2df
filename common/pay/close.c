/* Closing an order: by the operator, because its time is over, and what is open
 * beside a payment. */
#include "common/pay/close.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/pay/attempt.h"
#include "common/pay/hold.h"
#include "common/pay/pay.h"
#include "common/wechat/wechat.h"

/* A clock that differs more from WeChat's ends no order. */
#define CLOCK_OFF_S 60

static enum h5_code
close_attempts(
    const struct h5_shop *shop, struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc = H5_OK;
	size_t i;

	/* The first failure stops the loop: an order is closed only when every
	 * attempt of it is, so the rest can wait for the next try. */
	for (i = 0; rc == H5_OK && i < (*o)->n_attempts; i++) {
		if ((*o)->attempts[i].state != H5_ATTEMPT_AWAITING)
			continue;
		memcpy(number, (*o)->attempts[i].out_trade_no, sizeof number);
		rc = h5_pay_close_attempt(shop, number, o, e);
	}
	return rc;
}

static enum h5_code
close_order(const struct h5_shop *shop, const char *why, struct h5_order **o,
    struct h5_err *e)
{
	struct h5_pay_note closed = {H5_EVENT_CLOSED, NULL, why, NULL};
	enum h5_code rc = close_attempts(shop, o, e);

	/* Closing may take seconds for each attempt, and money may have arrived
	 * meanwhile.  Only a query about the closed attempts as well can find
	 * it. */
	if (rc == H5_OK && !h5_order_settled(*o))
		rc = h5_pay_ask_all(shop, true, o, e);
	if (rc == H5_OK && !h5_order_settled(*o))
		rc = h5_pay_note(shop, o, closed, e);
	/* The order may have become paid in between.  The caller asked for a
	 * closed one, so it learns that it did not get it. */
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
	rc = h5_pay_hold(shop, id, &hold, o, e);
	if (rc == H5_OK && (*o)->state == H5_ORDER_CLOSED)
		goto out;
	if (rc == H5_OK && h5_order_settled(*o))
		rc = h5_err_set(e, H5_E_STATE, "order %s is %s", id,
		    h5_order_state_name((*o)->state));
	if (rc == H5_OK)
		rc = close_order(shop, why, o, e);
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
	rc = h5_pay_hold(shop, id, &hold, o, e);
	/* rule: close_rest
	 * Only beside a payment: an order that is not paid is closed by
	 * h5_pay_close, which also ends the order. */
	if (rc == H5_OK && (*o)->paid_at != 0)
		rc = close_attempts(shop, o, e);
	h5_store_release(hold);
	return rc;
}

/* --- the time is over ----------------------------------------------------- */

/* rule: right_clock
 * May this machine's clock end an order?  To close at WeChat is for good. */
static enum h5_code
clock_good(
    const struct h5_shop *shop, const struct h5_order *o, struct h5_err *e)
{
	int64_t ahead;
	bool told = h5_wechat_clock(shop->wx, &ahead);

	if (told && llabs(ahead) <= CLOCK_OFF_S)
		return H5_OK;
	h5_log_event(shop->log, H5_LOG_ALERT, "clock-wrong", "order", o->id,
	    "ahead_s", told ? H5_LOG_NUM(ahead) : NULL, "why",
	    told ? "no order expires until this machine's clock is right"
		 : "no order expires: WeChat's answers tell no time",
	    NULL);
	if (!told)
		return h5_err_set(
		    e, H5_E_STATE, "WeChat's answers tell no time");
	return h5_err_set(e, H5_E_STATE,
	    "this machine's clock is %lld s %s WeChat's",
	    (long long)llabs(ahead), ahead < 0 ? "behind" : "ahead of");
}

enum h5_code
h5_pay_expire_held(
    const struct h5_shop *shop, struct h5_order **o, struct h5_err *e)
{
	bool every = h5_order_current(*o)->state != H5_ATTEMPT_AWAITING;
	enum h5_code rc = H5_OK;
	int64_t ahead, now;

	if (!h5_wechat_clock(shop->wx, &ahead))
		rc = h5_pay_ask_all(shop, every, o, e);
	if (rc == H5_OK && !h5_order_settled(*o))
		rc = clock_good(shop, *o, e);
	/* rule: clock_again
	 * It may have been set right after the caller looked at it. */
	now = h5_clock_now();
	if (rc == H5_OK && now < h5_order_expires_at(*o, now))
		rc = h5_err_set(
		    e, H5_E_STATE, "order %s has time left", (*o)->id);
	return rc == H5_OK ? close_order(shop, "expired", o, e) : rc;
}

enum h5_code
h5_pay_expire(const struct h5_shop *shop, const char *id, struct h5_order **o,
    struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*o = NULL;
	rc = h5_pay_hold(shop, id, &hold, o, e);
	if (rc != H5_OK || (*o)->state == H5_ORDER_CLOSED)
		goto out;
	/* It may have been paid, or begun anew, while this one waited. */
	if (h5_order_settled(*o) || h5_clock_now() < h5_order_ends_at(*o))
		rc = h5_err_set(e, H5_E_STATE, "order %s is %s", id,
		    h5_order_state_name((*o)->state));
	else
		rc = h5_pay_expire_held(shop, o, e);
out:
	h5_store_release(hold);
	return rc;
}
