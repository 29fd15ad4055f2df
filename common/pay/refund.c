/* Money back: asking for a refund, asking what became of it, and recording what
 * WeChat says. */
#include "common/pay/refund.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/order/due.h"
#include "common/pay/elsewhere.h"
#include "common/pay/hold.h"
#include "common/pay/returned.h"
#include "common/wechat/wechat.h"

/* A refund that WeChat does not know: a request may still be on its way. */
#define SETTLE_S 600

/* --- recording ------------------------------------------------------------ */

struct denial {
	const char *out_refund_no;
	const char *why;
};

static enum h5_code
decide_refused(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct denial *x = arg;
	const struct h5_refund *r = h5_order_refund(o, x->out_refund_no);
	struct h5_event *ev;

	/* Under the lock another answer may have arrived: a refund that WeChat
	 * works on is not refused any more. */
	if (r == NULL ||
	    (r->state != H5_REFUND_ASKED && r->state != H5_REFUND_HINTED))
		return H5_OK;
	ev = h5_store_add(b, H5_EVENT_REFUND_REFUSED);
	h5_event_text(ev, "out_refund_no", x->out_refund_no);
	h5_event_text(ev, "why", x->why);
	return h5_event_finish(ev, e);
}

/* It does not exist at WeChat, for this reason. */
static enum h5_code
record_refused(const struct h5_shop *shop, const char *out_refund_no,
    const char *why, struct h5_order **o, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1], number[H5_OUT_REFUND_NO_MAX + 1];
	struct denial x = {number, why[0] != '\0' ? why : "refused"};
	bool asked;
	enum h5_code rc;

	/* asked_at is 0 if no request of ours ever named it. */
	asked = h5_order_refund(*o, out_refund_no)->asked_at != 0;
	/* out_refund_no may point into *o, which the update frees. */
	memcpy(id, (*o)->id, sizeof id);
	memcpy(number, out_refund_no, strlen(out_refund_no) + 1);
	rc = h5_pay_update(shop, decide_refused, &x, o, e);
	if (rc == H5_OK)
		h5_log_event(shop->log, asked ? H5_LOG_ALERT : H5_LOG_WARN,
		    "refund-refused", "order", id, "out_refund_no", number,
		    "why", x.why, "note",
		    asked ? "no money went back: remove the cause, then repeat "
			    "the refund with the same number"
			  : "a notice named a refund that does not exist",
		    NULL);
	return rc;
}

/* --- looking at one ------------------------------------------------------- */

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Asks refundquery about one refund.  refused: why a request for it was refused
 * a moment ago, or NULL.  A refund that was refused and that WeChat does not
 * know does not exist. */
static enum h5_code
look_one(const struct h5_shop *shop, const char *out_refund_no,
    const char *refused, struct h5_order **o, struct h5_err *e)
{
	const struct h5_refund *r = h5_order_refund(*o, out_refund_no);
	struct h5_wechat_refusal refusal;
	struct h5_wechat_refund got;
	enum h5_code rc;

	rc = h5_wechat_refund_query(
	    shop->wx, shop->log, *o, r, &got, &refusal, e);
	if (rc != H5_OK)
		return rc;
	/* Any believed status, also "processing": it proves that the refund
	 * exists. */
	if (refusal.verdict == H5_WECHAT_SUCCESS)
		return h5_returned_record(shop, &got, o, e);
	if (refusal.verdict == H5_WECHAT_TAKEN)
		return record_refused(
		    shop, out_refund_no, H5_REFUND_ANOTHERS, o, e);
	/* Anything but "no such refund" leaves the question open. */
	if (refusal.verdict != H5_WECHAT_NO_REFUND)
		return h5_err_set(e, H5_E_REMOTE, "refundquery refused: %s",
		    refusal.err_code);
	/* WeChat does not know it.  If it was refused a moment ago, that is
	 * final; else a request may still be under way, and it is given
	 * SETTLE_S to show. */
	if (r->state == H5_REFUND_ASKED || r->state == H5_REFUND_HINTED) {
		if (refused != NULL)
			return record_refused(
			    shop, out_refund_no, refused, o, e);
		if (h5_clock_now() - later(r->asked_at, r->hinted_at) >=
		    SETTLE_S)
			return record_refused(
			    shop, out_refund_no, refusal.err_code, o, e);
	}
	return H5_OK;
}

/* --- asking --------------------------------------------------------------- */

struct asking {
	const struct h5_refund_want *want;
	const struct h5_refund_plan *plan;
};

static bool
same_plan(const struct h5_refund_plan *a, const struct h5_refund_plan *b)
{
	return strcmp(a->out_trade_no, b->out_trade_no) == 0 &&
	       strcmp(a->out_refund_no, b->out_refund_no) == 0 &&
	       a->fee == b->fee && a->taken == b->taken;
}

/* Under the lock the order may look different from what was agreed to. */
static enum h5_code
decide_asked(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct asking *x = arg;
	const struct h5_refund *earlier;
	struct h5_refund_plan now;
	const char *reason = x->want->reason;
	struct h5_event *ev;
	enum h5_code rc;

	/* The plan is made again from what is stored now, by the same function
	 * that made the one shown to the operator. */
	rc = h5_refund_plan(o, x->want, h5_clock_now(), &now, e);
	if (rc != H5_OK)
		return rc;
	/* Neither the sum nor the number may differ from what was agreed to. */
	if (!same_plan(&now, x->plan) || now.taken)
		return h5_err_set(e, H5_E_BUSY,
		    "order %s changed just now: look at it again", o->id);
	/* A repeated number must carry the parameters of its first request
	 * (PROTOCOL 7.1). */
	earlier = h5_order_refund(o, now.out_refund_no);
	if (earlier != NULL && earlier->asked_at != 0)
		reason = earlier->reason;
	/* The number is durable before the request goes out.  After a crash it
	 * is known, so the refund is repeated and not made twice. */
	ev = h5_store_add(b, H5_EVENT_REFUND_ASKED);
	h5_event_text(ev, "out_refund_no", now.out_refund_no);
	h5_event_text(ev, "out_trade_no", now.out_trade_no);
	h5_event_number(ev, "refund_fee", now.fee);
	h5_event_text(ev, "reason", reason);
	return h5_event_finish(ev, e);
}

/* WeChat says no.  Whether the refund exists all the same (an earlier request
 * may have gone through) is for refundquery to say. */
static enum h5_code
refused(const struct h5_shop *shop, const char *number,
    const struct h5_wechat_refusal *refusal, struct h5_order **o,
    struct h5_err *e)
{
	const struct h5_refund *r;
	struct h5_err why;
	const char *note = refusal->note;
	enum h5_code rc;

	/* WeChat itself asks for the same request again, so nothing is known
	 * yet. */
	if (refusal->verdict == H5_WECHAT_AGAIN)
		return h5_err_set(e, H5_E_NET, "refund: %s", refusal->err_code);
	rc = look_one(shop, number, refusal->err_code, o, &why);
	r = *o != NULL ? h5_order_refund(*o, number) : NULL;
	/* refundquery knows better than the refusal: an earlier request of this
	 * number got through. */
	if (rc == H5_OK && r != NULL && r->state != H5_REFUND_ASKED &&
	    r->state != H5_REFUND_REFUSED)
		return H5_OK;
	/* What was learned could not be written, which is worse than a
	 * refusal. */
	if (rc == H5_E_IO)
		return h5_err_set(e, rc, "%s", why.msg);
	/* Why WeChat refuses decides what the operator can do: wait, mend the
	 * configuration, or give up. */
	switch (refusal->verdict) {
	case H5_WECHAT_NOT_YET:
		rc = H5_E_BUSY;
		break;
	case H5_WECHAT_MERCHANT:
		rc = H5_E_CONFIG;
		break;
	case H5_WECHAT_SUCCESS:
	case H5_WECHAT_PAID:
	case H5_WECHAT_CLOSED:
	case H5_WECHAT_TAKEN:
	case H5_WECHAT_TAKEN_PERHAPS:
	case H5_WECHAT_UNKNOWN_ORDER:
	case H5_WECHAT_NO_REFUND:
	case H5_WECHAT_AGAIN:
	case H5_WECHAT_REFUSED:
		rc = H5_E_STATE;
		break;
	}
	return h5_err_set(e, rc, "WeChat refuses the refund: %s %s%s%s%s",
	    refusal->err_code, refusal->err_code_des, note != NULL ? " (" : "",
	    note != NULL ? note : "", note != NULL ? ")" : "");
}

/* APIv3 may have taken a refund whose request failed in whatever way, so its
 * refund query comes before every repetition, and at once after an unknown
 * outcome (docs/PROTOCOL.md 7).  true: WeChat has taken it; *o has what became
 * of it. */
static bool
taken_already(const struct h5_shop *shop, const char *number,
    struct h5_order **o, enum h5_code *rc, struct h5_err *e)
{
	const struct h5_refund *r = h5_order_refund(*o, number);
	const struct h5_attempt *a = h5_order_refund_attempt(*o, r);

	*rc = H5_OK;
	if (a == NULL || a->api == H5_API_V2)
		return false;
	*rc = look_one(shop, number, NULL, o, e);
	if (*rc != H5_OK || *o == NULL)
		return false;
	return h5_order_refund(*o, number)->state >= H5_REFUND_PROCESSING;
}

/* A number that the operator chose may be another order's.  WeChat keeps one
 * register of all numbers, so it is asked, which costs no walk over the store;
 * only then is the number written down here.  *there: it is a refund of this
 * order that was made elsewhere, and is recorded. */
static enum h5_code
look_up(const struct h5_shop *shop, const struct asking *x, struct h5_order **o,
    bool *there, struct h5_err *e)
{
	const char *no = x->want->out_refund_no;
	struct h5_refund r = {.state = H5_REFUND_HINTED};
	struct h5_wechat_refusal refusal;
	struct h5_wechat_refund got;
	enum h5_code rc;

	*there = false;
	if (no == NULL || h5_order_refund(*o, no) != NULL)
		return H5_OK;
	memcpy(r.out_refund_no, no, strlen(no) + 1);
	rc = h5_wechat_refund_query(
	    shop->wx, shop->log, *o, &r, &got, &refusal, e);
	if (rc != H5_OK || refusal.verdict == H5_WECHAT_NO_REFUND)
		return rc;
	if (refusal.verdict == H5_WECHAT_TAKEN)
		return h5_err_set(e, H5_E_STATE,
		    "refund %s is another order's: use another number", no);
	if (refusal.verdict != H5_WECHAT_SUCCESS)
		return h5_err_set(e, H5_E_REMOTE, "refundquery refused: %s",
		    refusal.err_code);
	*there = true;
	return h5_returned_record(shop, &got, o, e);
}

static enum h5_code
ask_locked(const struct h5_shop *shop, const char *id, const struct asking *x,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	struct h5_wechat_refund got;
	struct asking arg = *x;
	enum h5_code rc, looked = H5_OK;
	struct h5_err why;
	bool there;

	rc = look_up(shop, x, o, &there, e);
	if (rc != H5_OK || there)
		return rc;
	rc = h5_pay_update(shop, decide_asked, &arg, o, e);
	if (rc != H5_OK)
		return rc;
	h5_log_event(shop->log, H5_LOG_INFO, "refund-asked", "order", id,
	    "out_trade_no", x->plan->out_trade_no, "out_refund_no",
	    x->plan->out_refund_no, "refund_fee", H5_LOG_NUM(x->plan->fee),
	    "again", x->plan->again ? "yes" : NULL, NULL);
	if (x->plan->again) {
		there = taken_already(shop, x->plan->out_refund_no, o, &rc, e);
		if (there || rc != H5_OK)
			return rc;
	}
	/* From here on a failure means "outcome unknown": the number stays
	 * asked, and look_locked finds out. */
	rc = h5_wechat_refund(shop->wx, shop->log, *o,
	    h5_order_refund(*o, x->plan->out_refund_no), &got, &refusal, e);
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS)
		return h5_returned_record(shop, &got, o, e);
	if (((rc == H5_OK && refusal.verdict == H5_WECHAT_AGAIN) ||
		rc == H5_E_NET || rc == H5_E_REMOTE) &&
	    taken_already(shop, x->plan->out_refund_no, o, &looked, &why))
		return H5_OK;
	if (rc != H5_OK)
		return rc;
	if (*o == NULL)
		return h5_err_set(e, looked, "%s", why.msg);
	return refused(shop, x->plan->out_refund_no, &refusal, o, e);
}

enum h5_code
h5_refund_ask(const struct h5_shop *shop, const char *id,
    const struct h5_refund_want *want, const struct h5_refund_plan *plan,
    struct h5_order **o, struct h5_err *e)
{
	struct asking x = {want, plan};
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*o = NULL;
	rc = h5_pay_hold(shop, id, &hold, o, e);
	if (rc == H5_OK)
		rc = ask_locked(shop, id, &x, o, e);
	h5_store_release(hold);
	return rc;
}

/* --- looking -------------------------------------------------------------- */

bool
h5_refund_due(const struct h5_order *o, int64_t now)
{
	size_t i;

	/* Before the order is settled there is no payment to give back. */
	for (i = 0; i < o->n_refunds; i++)
		if (h5_order_settled(o) && h5_due_refund(&o->refunds[i]) <= now)
			return true;
	return false;
}

/* An API that lists no refunds still says in the trade's state that some went
 * back. */
static enum h5_code
look_at_trade(const struct h5_shop *shop, const struct h5_attempt *a,
    struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	enum h5_code rc;

	memcpy(number, a->out_trade_no, sizeof number);
	rc = h5_wechat_query(shop->wx, shop->log, a, &t, &refusal, e);
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS &&
	    strcmp(t.trade_state, "REFUND") == 0)
		rc = h5_elsewhere_note(shop, number, o, e);
	h5_wechat_trade_release(&t);
	return rc;
}

/* Refunds that were asked for elsewhere stand in WeChat's list alone. */
static enum h5_code
take_in_of(const struct h5_shop *shop, const struct h5_attempt *a,
    struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct h5_wechat_refunds *list;
	enum h5_code rc;
	bool all;

	memcpy(number, a->out_trade_no, sizeof number);
	rc = h5_returned_ask(shop, *o, a, a->transaction_id, &list, &all, e);
	if (rc == H5_OK)
		rc = h5_returned_record_all(shop, list, o, e);
	free(list);
	if (rc != H5_OK || all)
		return rc;
	a = h5_order_attempt(*o, number);
	return h5_elsewhere_explained(*o, a) ? H5_OK
					     : look_at_trade(shop, a, o, e);
}

static enum h5_code
take_in(const struct h5_shop *shop, struct h5_order **o, struct h5_err *e)
{
	enum h5_code rc = H5_OK, one;
	struct h5_err why;
	size_t i;

	for (i = 0; *o != NULL && i < (*o)->n_attempts; i++) {
		if ((*o)->attempts[i].state != H5_ATTEMPT_PAID)
			continue;
		one = take_in_of(shop, &(*o)->attempts[i], o, &why);
		if (one != H5_OK && rc == H5_OK)
			rc = h5_err_set(e, one, "%s", why.msg);
	}
	return rc;
}

static enum h5_code
look_locked(const struct h5_shop *shop, bool force, struct h5_order **o,
    struct h5_err *e)
{
	int64_t now = h5_clock_now();
	/* The first failure is returned, but the other refunds are looked at
	 * all the same: one faulty number must not hide the rest. */
	enum h5_code rc = H5_OK, one;
	struct h5_err why;
	char number[H5_OUT_REFUND_NO_MAX + 1];
	size_t i;

	for (i = 0; *o != NULL && i < (*o)->n_refunds; i++) {
		const struct h5_refund *r = &(*o)->refunds[i];

		if (h5_order_refund_over(r) ||
		    (!force && h5_due_refund(r) > now))
			continue;
		/* look_one replaces *o, and r with it. */
		memcpy(number, r->out_refund_no, sizeof number);
		/* A notice about money that never came to us. */
		if ((*o)->transaction_id[0] == '\0')
			one = record_refused(
			    shop, number, "the order is not paid", o, &why);
		else
			one = look_one(shop, number, NULL, o, &why);
		if (one != H5_OK && rc == H5_OK)
			rc = h5_err_set(e, one, "%s", why.msg);
	}
	if (force && *o != NULL) {
		one = take_in(shop, o, &why);
		if (one != H5_OK && rc == H5_OK)
			rc = h5_err_set(e, one, "%s", why.msg);
	}
	return rc;
}

enum h5_code
h5_refund_look(const struct h5_shop *shop, const char *id, bool force,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*o = NULL;
	rc = h5_pay_hold(shop, id, &hold, o, e);
	if (rc == H5_OK && h5_order_settled(*o))
		rc = look_locked(shop, force, o, e);
	h5_store_release(hold);
	return rc;
}
