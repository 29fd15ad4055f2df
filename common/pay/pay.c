/* The walks of an order with WeChat: created, asked about, closed, started; and
 * the rule of attempts (docs/ARCHITECTURE.md), which stands here alone. */
#include "common/pay/pay.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/pay/attempt.h"
#include "common/pay/code.h"
#include "common/pay/close.h"
#include "common/pay/hold.h"
#include "common/pay/limit.h"
#include "common/pay/shut.h"
#include "common/wechat/wechat.h"

/* --- asking --------------------------------------------------------------- */

/* True if WeChat ended the attempt, or the merchant did on WeChat's platform,
 * and not we. */
static bool
ended_there(const struct h5_order *o, const char *out_trade_no)
{
	const struct h5_event *ev;
	bool there = false;
	size_t i;

	for (i = 0; i < o->n_events; i++) {
		ev = &o->events[i];
		if (!h5_fields_is(&ev->fields, "out_trade_no", out_trade_no))
			continue;
		if (ev->kind == H5_EVENT_CLOSING)
			return false;
		if (ev->kind == H5_EVENT_ENDED)
			there = h5_fields_is(&ev->fields, "why", "query");
	}
	return there;
}

/* If WeChat says that the last attempt is closed, and nobody here asked for
 * that, the order is closed as well. */
static enum h5_code
close_if_wechat_did(
    const struct h5_shop *shop, struct h5_order **o, struct h5_err *e)
{
	const struct h5_attempt *a = h5_order_current(*o);
	struct h5_pay_note closed = {H5_EVENT_CLOSED, NULL, "wechat", NULL};

	if (h5_order_nothing_due(*o) || a->state != H5_ATTEMPT_CLOSED ||
	    !ended_there(*o, a->out_trade_no))
		return H5_OK;
	return h5_pay_note(shop, o, closed, e);
}

/* True if WeChat was not asked yet since it gave out the last mweb_url.  The
 * buyer then comes back from the cashier, and no limit keeps that look from
 * him. */
static bool
first_look(const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_current(o);

	return a->prepay_id != NULL && o->tried_at <= a->prepaid_at;
}

enum h5_code
h5_pay_ask(const struct h5_shop *shop, const char *id, bool force, bool *asked,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*asked = false;
	*o = NULL;
	rc = h5_store_load(shop->st, id, o, e);
	if (rc != H5_OK)
		return rc;
	/* A look without the hold: most calls end here and wait for nobody. */
	if (!force && (h5_order_settled(*o) ||
			  h5_pay_too_early(shop, *o, h5_clock_now())))
		return H5_OK;
	/* Whoever held it before may have learned the answer already.  Both
	 * conditions are tested again on the order as it is now. */
	rc = h5_pay_hold(shop, id, &hold, o, e);
	if (rc != H5_OK ||
	    (!force && (h5_order_settled(*o) ||
			   h5_pay_too_early(shop, *o, h5_clock_now()))))
		goto out;
	if (!first_look(*o))
		rc = h5_limit_admit(shop, H5_LIMIT_ASK, e);
	if (rc != H5_OK)
		goto out;
	*asked = true;
	rc = h5_pay_ask_all(shop, force, o, e);
	if (rc == H5_OK)
		rc = close_if_wechat_did(shop, o, e);
out:
	h5_store_release(hold);
	return rc;
}

/* --- starting: the rule of attempts --------------------------------------- */

struct prepaid {
	const char *out_trade_no;
	const char *ip;
	const struct h5_wechat_prepay *prepay;
};

static enum h5_code
decide_prepaid(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct prepaid *x = arg;
	struct h5_event *ev;

	/* A notice may have been faster than the order's own answer. */
	if (h5_order_settled(o))
		return H5_OK;
	ev = h5_store_add(b, H5_EVENT_PREPAID);
	h5_event_text(ev, "out_trade_no", x->out_trade_no);
	h5_event_text(ev, "spbill_create_ip", x->ip);
	h5_event_text(ev, "prepay_id", x->prepay->prepay_id);
	h5_event_text(ev, "mweb_url", x->prepay->mweb_url);
	h5_event_text(ev, "code_url", x->prepay->code_url);
	return h5_event_finish(ev, e);
}

struct next {
	int64_t now;
	int64_t expire;
	const struct h5_pay_way *way;
	const struct h5_config *c;
};

/* rule: number_first
 * The next attempt is made only after the last one can no longer be paid, and
 * before WeChat hears of it. */
static enum h5_code
decide_next(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct next *x = arg;
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct h5_event *ev;

	if (h5_order_nothing_due(o) ||
	    h5_order_current(o)->state != H5_ATTEMPT_CLOSED)
		return H5_OK;
	if (o->n_attempts >= H5_ATTEMPTS_MAX)
		return h5_err_set(
		    e, H5_E_STATE, "order %s has no attempts left", o->id);
	h5_number_attempt(o->id, (unsigned)o->n_attempts + 1, number);
	ev = h5_store_add(b, H5_EVENT_ATTEMPT);
	h5_event_text(ev, "out_trade_no", number);
	h5_event_text(ev, "spbill_create_ip", x->way->ip);
	h5_event_time(ev, "time_start", x->now);
	h5_event_time(ev, "time_expire", x->expire);
	h5_pay_made_with(x->c, ev);
	/* H5 is what a version without the field takes it for. */
	if (x->way->product != H5_PRODUCT_H5)
		h5_event_text(
		    ev, "product", h5_order_product_word(x->way->product));
	if (x->way->product == H5_PRODUCT_JSAPI)
		h5_event_text(ev, "openid", x->way->openid);
	return h5_event_finish(ev, e);
}

static enum h5_code
next_attempt(const struct h5_shop *shop, const struct h5_pay_way *way,
    struct h5_order **o, struct h5_err *e)
{
	int64_t now = h5_clock_now();
	struct next x = {now, h5_order_expires_at(*o, now), way, shop->c};

	/* WeChat refuses a number with five minutes or less to live.  The order
	 * itself still ends at expires_at; start_locked sees to that. */
	if (x.expire < x.now + H5_PAY_EXPIRE_LEAST_S)
		x.expire = x.now + H5_PAY_EXPIRE_LEAST_S;
	return h5_pay_update(shop, decide_next, &x, o, e);
}

/* Why an attempt is replaced. */
enum why {
	WHY_OURS, /* our decision */
	WHY_TAKEN, /* WeChat just said that it has the number (201,
		      ORDERCLOSED) */
	WHY_PERHAPS /* or that it breaks some rule */
};

/* The number cannot be ordered again, so WeChat is asked about it, the attempt
 * is closed, and the next one is made. */
static enum h5_code
replace_attempt(const struct h5_shop *shop, const struct h5_pay_way *way,
    enum why why, enum h5_pay_result *result, struct h5_order **o,
    struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct h5_pay_note closing = {H5_EVENT_CLOSING, number, NULL, NULL};
	enum h5_code rc;

	memcpy(number, h5_order_current(*o)->out_trade_no, sizeof number);
	rc = h5_pay_ask_one(shop, number, o, e);
	/* Of a number that it does not have WeChat refused something else, and
	 * would of the next one. */
	if (rc == H5_OK && why == WHY_PERHAPS &&
	    strcmp(h5_order_current(*o)->trade_state, "ORDERNOTEXIST") == 0) {
		h5_log_event(shop->log, H5_LOG_ALERT, "prepay-refused", "order",
		    (*o)->id, "out_trade_no", number, "note",
		    "WeChat does not have this number: err_code_des of the "
		    "prepay before says what it refused",
		    NULL);
		*result = H5_PAY_MERCHANT;
		return H5_OK;
	}
	if (rc == H5_OK && !h5_order_nothing_due(*o) &&
	    h5_order_current(*o)->state == H5_ATTEMPT_AWAITING) {
		/* rule: closing_first
		 * Written first, so that a close whose answer is lost is later
		 * known to be ours and does not end the order.  It also keeps
		 * in mind that WeChat knew the number. */
		if (why != WHY_OURS || h5_pay_known(*o, h5_order_current(*o)))
			rc = h5_pay_note(shop, o, closing, e);
		if (rc == H5_OK)
			rc = h5_pay_close_attempt(shop, number, o, e);
	}
	/* WeChat will close it in a few minutes.  The buyer is told to wait,
	 * which is an answer and not a failure. */
	if (rc == H5_E_STATE) {
		*result = H5_PAY_WAIT;
		return H5_OK;
	}
	if (rc != H5_OK)
		return rc;
	if (h5_order_nothing_due(*o)) {
		*result = H5_PAY_SETTLED;
		return H5_OK;
	}
	return next_attempt(shop, way, o, e);
}

/* What a unifiedorder call led to, beside enum h5_pay_result. */
enum step { STEP_DONE, STEP_REPLACE, STEP_QUERY };

/* A product that WeChat refuses is left alone for an hour: the buyer takes
 * another way, and the next buyers are offered no dead one. */
static enum h5_pay_result
merchants(const struct h5_shop *shop, const struct h5_wechat_refusal *refusal,
    const struct h5_order *o)
{
	if (!refusal->not_open)
		return H5_PAY_MERCHANT;
	h5_shut_note(shop, h5_order_current(o)->product);
	return H5_PAY_NOT_OPEN;
}

static enum h5_code
refused(const struct h5_shop *shop, enum h5_wechat_verdict verdict,
    const struct h5_wechat_refusal *refusal, enum h5_pay_result *result,
    enum step *step, struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc;

	switch (verdict) {
	/* An earlier payment whose notice has not come: ask, and never order
	 * again. */
	case H5_WECHAT_PAID:
		memcpy(
		    number, h5_order_current(*o)->out_trade_no, sizeof number);
		rc = h5_pay_ask_one(shop, number, o, e);
		if (rc != H5_OK)
			return rc;
		if (!h5_order_nothing_due(*o))
			return h5_err_set(e, H5_E_REMOTE,
			    "ORDERPAID, but orderquery knows no payment");
		*result = H5_PAY_SETTLED;
		return H5_OK;
	/* The number is spent.  What to do about it belongs to the caller,
	 * which counts the turns. */
	case H5_WECHAT_CLOSED:
	case H5_WECHAT_TAKEN:
		*step = STEP_REPLACE;
		return H5_OK;
	case H5_WECHAT_TAKEN_PERHAPS:
		*step = STEP_QUERY;
		return H5_OK;
	case H5_WECHAT_MERCHANT:
	case H5_WECHAT_REFUSED:
		*result = merchants(shop, refusal, *o);
		return H5_OK;
	/* The outcome is unknown.  Repeating the same number is safe (PROTOCOL
	 * 2.7). */
	case H5_WECHAT_AGAIN:
		return h5_err_set(
		    e, H5_E_NET, "unifiedorder: %s", refusal->err_code);
	case H5_WECHAT_SUCCESS:
	case H5_WECHAT_UNKNOWN_ORDER:
	case H5_WECHAT_NO_REFUND:
	case H5_WECHAT_NOT_YET:
		break;
	}
	return h5_err_set(
	    e, H5_E_REMOTE, "unifiedorder refused: %s", refusal->err_code);
}

struct ordering {
	const char *out_trade_no, *request;
};

static enum h5_code
decide_ordering(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct ordering *x = arg;
	const struct h5_attempt *a = h5_order_attempt(o, x->out_trade_no);
	struct h5_event *ev;

	if (h5_order_settled(o) || a == NULL || a->request != NULL)
		return H5_OK;
	ev = h5_store_add(b, H5_EVENT_ORDERING);
	h5_event_text(ev, "out_trade_no", x->out_trade_no);
	h5_event_text(ev, "request", x->request);
	return h5_event_finish(ev, e);
}

/* WeChat compares a repetition with the first prepay of its number, so the
 * first one's bytes are durable before they are sent, whatever becomes of the
 * answer, the configuration or the program. */
static enum h5_code
keep_request(const struct h5_shop *shop, const char *ip, struct h5_order **o,
    struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct ordering x = {number, NULL};
	struct h5_buf body;
	enum h5_code rc;

	if (h5_order_current(*o)->request != NULL)
		return H5_OK;
	memcpy(number, h5_order_current(*o)->out_trade_no, sizeof number);
	h5_buf_init(&body, H5_ORDER_REQUEST_MAX);
	rc = h5_wechat_request(shop->c, *o, h5_order_current(*o), ip, &body, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&body, e);
	x.request = body.data;
	if (rc == H5_OK && body.len > 0)
		rc = h5_pay_update(shop, decide_ordering, &x, o, e);
	h5_buf_release(&body);
	return rc;
}

/* rule: same_number
 * Without an answer the next call has the same number again. */
static enum h5_code
order_once(const struct h5_shop *shop, const char *ip,
    enum h5_pay_result *result, enum step *step, struct h5_order **o,
    struct h5_err *e)
{
	struct h5_wechat_prepay prepay = {{0}, NULL, NULL};
	struct h5_wechat_refusal refusal;
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct prepaid x = {number, ip, &prepay};
	enum h5_code rc;

	*step = STEP_DONE;
	rc = keep_request(shop, ip, o, e);
	if (rc != H5_OK || h5_order_nothing_due(*o)) {
		*result = H5_PAY_SETTLED;
		return rc;
	}
	/* The updates free the order that the number stands in. */
	memcpy(number, h5_order_current(*o)->out_trade_no, sizeof number);
	rc = h5_wechat_prepay(shop->wx, shop->log, *o, h5_order_current(*o), ip,
	    &prepay, &refusal, e);
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS) {
		/* The address is durable before the buyer sees it: a payment
		 * must always find its attempt. */
		rc = h5_pay_update(shop, decide_prepaid, &x, o, e);
		if (rc == H5_OK) {
			h5_code_note(shop, (*o)->id,
			    prepay.code_url != NULL ? prepay.code_url
						    : prepay.mweb_url);
			*result = h5_order_nothing_due(*o) ? H5_PAY_SETTLED
							   : H5_PAY_GO;
		}
	} else if (rc == H5_OK) {
		rc = refused(
		    shop, refusal.verdict, &refusal, result, step, o, e);
	} else if (rc == H5_E_REMOTE && refusal.merchants) {
		/* Trying again is of no use, and the buyer is told no more than
		 * that. */
		*result = merchants(shop, &refusal, *o);
		rc = H5_OK;
	}
	h5_wechat_prepay_release(&prepay);
	return rc;
}

/* Was the current attempt made for another way?  WeChat refuses its number for
 * any other product, and each person's JSAPI order is his own. */
static bool
of_another_way(const struct h5_order *o, const struct h5_pay_way *way)
{
	const struct h5_attempt *a = h5_order_current(o);

	if (a->product != way->product)
		return true;
	return way->product == H5_PRODUCT_JSAPI && a->openid != NULL &&
	       way->openid != NULL && strcmp(a->openid, way->openid) != 0;
}

/* Orders the current attempt.  If its number cannot be used any more, orders
 * the next one, once. */
static enum h5_code
order_attempts(const struct h5_shop *shop, const struct h5_pay_way *way,
    enum h5_pay_result *result, struct h5_order **o, struct h5_err *e)
{
	enum step step;
	enum h5_code rc = H5_OK;
	int turn;

	/* A close was confirmed before, and the program died before the next
	 * attempt stood in the ledger; or the number has so little time left
	 * that WeChat would refuse it. */
	if (h5_order_current(*o)->state == H5_ATTEMPT_CLOSED) {
		rc = next_attempt(shop, way, o, e);
	} else if (of_another_way(*o, way) ||
		   h5_order_current(*o)->time_expire - h5_clock_now() <=
		       H5_PAY_ORDERABLE_S) {
		*result = H5_PAY_GO;
		rc = replace_attempt(shop, way, WHY_OURS, result, o, e);
		if (rc != H5_OK || *result != H5_PAY_GO)
			return rc;
	}
	/* Two turns: the number as it stands, and one replacement.  More would
	 * let a shop whose settings WeChat dislikes burn all its numbers in one
	 * visit. */
	for (turn = 0; rc == H5_OK && turn < 2; turn++) {
		if (h5_order_nothing_due(*o)) {
			*result = H5_PAY_SETTLED;
			return H5_OK;
		}
		rc = order_once(shop, way->ip, result, &step, o, e);
		if (rc != H5_OK || step == STEP_DONE)
			return rc;
		*result = H5_PAY_GO;
		rc = replace_attempt(shop, way,
		    step == STEP_QUERY ? WHY_PERHAPS : WHY_TAKEN, result, o, e);
		if (rc != H5_OK || *result != H5_PAY_GO)
			return rc;
	}
	if (rc != H5_OK)
		return rc;
	return h5_err_set(e, H5_E_REMOTE,
	    "WeChat refuses every new number of order %s", (*o)->id);
}

static bool
reusable(const struct h5_order *o, const struct h5_pay_way *way)
{
	const struct h5_attempt *a = h5_order_current(o);

	/* WeChat opens a mweb_url only from the network address it was made for
	 * (PROTOCOL 3.4). */
	return !of_another_way(o, way) && h5_pay_fresh(a, h5_clock_now()) &&
	       (a->product != H5_PRODUCT_H5 ||
		   strcmp(a->spbill_create_ip, way->ip) == 0);
}

static bool
look_first(const struct h5_order *o, bool again, int64_t now)
{
	const struct h5_attempt *a = h5_order_current(o);

	return again || (a->prepay_id != NULL && !h5_pay_fresh(a, now));
}

/* Nothing to do before that time. */
static enum h5_code
come_back_at(const struct h5_shop *shop, int64_t at, int64_t now,
    const struct h5_order *o, struct h5_err *e)
{
	if (shop->limit != NULL)
		shop->limit->wait_s = (int)(at - now);
	return h5_err_set(e, H5_E_BUSY,
	    "order %s was ordered many times: not again for %d s", o->id,
	    (int)(at - now));
}

static enum h5_code
start_locked(const struct h5_shop *shop, const struct h5_pay_way *way,
    enum h5_pay_result *result, struct h5_order **o, struct h5_err *e)
{
	int64_t now = h5_clock_now(), at;
	enum h5_code rc;

	if (now >= h5_order_expires_at(*o, now)) {
		/* Expired by our clock.  It is closed at WeChat first, since
		 * the cashier may still be open on the buyer's phone. */
		rc = h5_pay_expire_held(shop, o, e);
		*result = H5_PAY_SETTLED;
		if (rc == H5_E_STATE && *o != NULL &&
		    !h5_order_nothing_due(*o)) {
			*result = H5_PAY_WAIT;
			return H5_OK;
		}
		/* "Not closed" here means paid or settled in the meantime,
		 * which is just what the page will show. */
		return rc == H5_E_STATE && *o != NULL ? H5_OK : rc;
	}
	/* Before the look, which moves it on. */
	at = h5_pay_orderable_at(shop, *o, now);
	/* The buyer may have paid while this page was away: look first.  Inside
	 * the interval the same number is used again, which cannot be paid
	 * twice, so the look may be skipped. */
	if (look_first(*o, way->again, now) &&
	    !h5_pay_too_early(shop, *o, now)) {
		rc = h5_pay_ask_all(shop, false, o, e);
		if (rc == H5_OK)
			rc = close_if_wechat_did(shop, o, e);
		if (rc != H5_OK)
			return rc;
	}
	if (h5_order_nothing_due(*o)) {
		*result = H5_PAY_SETTLED;
		return H5_OK;
	}
	if (at > now)
		return come_back_at(shop, at, now, *o, e);
	/* A code that WeChat takes still is shown again: another prepay would
	 * kill the one on the buyer's other screen. */
	if (way->product != H5_PRODUCT_H5 && reusable(*o, way))
		return H5_OK;
	return order_attempts(shop, way, result, o, e);
}

/* Is there an address to hand out at once?  again: the buyer says that it did
 * not work, and gets another one, but no sooner than WeChat is asked again. */
static bool
at_hand(const struct h5_shop *shop, const struct h5_order *o,
    const struct h5_pay_way *way)
{
	return reusable(o, way) &&
	       (!way->again || h5_pay_too_early(shop, o, h5_clock_now()));
}

enum h5_code
h5_pay_start(const struct h5_shop *shop, const char *id,
    const struct h5_pay_way *way, enum h5_pay_result *result,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*result = H5_PAY_SETTLED;
	*o = NULL;
	/* Without the hold first: most visits want a mweb_url that is there
	 * already, and need not wait for anybody. */
	rc = h5_store_load(shop->st, id, o, e);
	if (rc != H5_OK || h5_order_nothing_due(*o))
		return rc;
	*result = H5_PAY_GO;
	if (at_hand(shop, *o, way))
		return H5_OK;
	rc = h5_pay_hold(shop, id, &hold, o, e);
	if (rc != H5_OK)
		goto out;
	/* A double click: the first one asked, and got a mweb_url, while this
	 * one waited. */
	if (h5_order_nothing_due(*o))
		*result = H5_PAY_SETTLED;
	else if (at_hand(shop, *o, way))
		*result = H5_PAY_GO;
	else if ((rc = h5_limit_admit(shop, H5_LIMIT_ASK, e)) == H5_OK)
		rc = start_locked(shop, way, result, o, e);
out:
	h5_store_release(hold);
	return rc;
}
