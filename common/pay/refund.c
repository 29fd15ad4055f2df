#include "common/pay/refund_parts.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/pay/attempt.h"
#include "common/base/text.h"

/* WeChat's limits (PROTOCOL 7.1). */
#define YEAR_S (365 * 86400)
#define REFUNDS_MAX 50
#define GAP_S 60

/* --- what to ask for ------------------------------------------------------ */

/* What can still go back of what an attempt paid. */
static int64_t
left_of(const struct h5_order *o, const struct h5_attempt *a)
{
	return o->total_fee - h5_order_refunds_out(o, a);
}

/* Of two payments the one too many goes back first. */
static const struct h5_attempt *
choose_attempt(const struct h5_order *o)
{
	const struct h5_attempt *a, *first = NULL;
	size_t i;

	for (i = o->n_attempts; i > 0; i--) {
		a = &o->attempts[i - 1];
		if (a->state != H5_ATTEMPT_PAID)
			continue;
		if (strcmp(a->transaction_id, o->transaction_id) == 0)
			first = a;
		else if (left_of(o, a) > 0)
			return a;
	}
	return first;
}

/* The refund that want means, if it was asked for before: the one it names,
 * else one that has no answer yet, else one of this amount that was refused. */
static enum h5_code
find_earlier(const struct h5_order *o, const struct h5_refund_want *want,
    int64_t fee, const struct h5_refund **out, struct h5_err *e)
{
	const struct h5_refund *r;
	char yuan[H5_TEXT_FEN];
	size_t i;

	*out = NULL;
	if (want->out_refund_no != NULL) {
		*out = h5_order_refund(o, want->out_refund_no);
		/* Known from a false notice alone: as good as unknown. */
		if (*out != NULL && (*out)->asked_at == 0 &&
		    (*out)->state == H5_REFUND_REFUSED)
			*out = NULL;
		return H5_OK;
	}
	for (i = o->n_refunds; i > 0; i--) {
		r = &o->refunds[i - 1];
		if (r->state == H5_REFUND_REFUSED && r->asked_at != 0 &&
		    r->refund_fee == fee && *out == NULL)
			*out = r;
		if (r->state != H5_REFUND_ASKED)
			continue;
		*out = r;
		if (want->fee == 0 || want->fee == r->refund_fee)
			return H5_OK;
		h5_text_from_fen(r->refund_fee, yuan);
		return h5_err_set(e, H5_E_STATE,
		    "refund %s of %s yuan has no answer yet: repeat it first "
		    "(--id %s)",
		    r->out_refund_no, yuan, r->out_refund_no);
	}
	return H5_OK;
}

static enum h5_code
plan_again(const struct h5_order *o, const struct h5_refund_want *want,
    const struct h5_refund *r, struct h5_refund_plan *plan, struct h5_err *e)
{
	const struct h5_attempt *a = h5_order_refund_attempt(o, r);
	char yuan[H5_TEXT_FEN];

	if (a == NULL)
		return h5_err_set(e, H5_E_STATE,
		    "refund %s does not belong to a payment that we know",
		    r->out_refund_no);
	if (r->state == H5_REFUND_CLOSED)
		return h5_err_set(e, H5_E_STATE,
		    "refund %s is closed at WeChat: use another number",
		    r->out_refund_no);
	h5_text_from_fen(r->refund_fee, yuan);
	if (want->fee != 0 && want->fee != r->refund_fee)
		return h5_err_set(e, H5_E_INPUT,
		    "refund %s was asked for with %s yuan: a number keeps its "
		    "amount",
		    r->out_refund_no, yuan);
	memcpy(plan->out_trade_no, a->out_trade_no, sizeof a->out_trade_no);
	memcpy(plan->out_refund_no, r->out_refund_no, sizeof r->out_refund_no);
	plan->fee = r->refund_fee;
	plan->taken =
	    r->state != H5_REFUND_ASKED && r->state != H5_REFUND_REFUSED;
	plan->again = !plan->taken;
	if (r->state == H5_REFUND_REFUSED && r->refund_fee > left_of(o, a))
		return h5_err_set(e, H5_E_STATE,
		    "less than the %s yuan of refund %s is left", yuan,
		    r->out_refund_no);
	return H5_OK;
}

static enum h5_code
check_limits(const struct h5_order *o, const struct h5_attempt *a, int64_t fee,
    int64_t now, struct h5_err *e)
{
	int64_t left = left_of(o, a);
	char yuan[H5_TEXT_FEN];
	size_t i, n = 0;

	if (left <= 0)
		return h5_err_set(e, H5_E_STATE,
		    "order %s has nothing left to refund", o->id);
	h5_text_from_fen(left, yuan);
	if (fee > left)
		return h5_err_set(e, H5_E_STATE,
		    "only %s yuan of order %s can still be refunded", yuan,
		    o->id);
	if (o->paid_at != 0 && now - o->paid_at > YEAR_S)
		return h5_err_set(e, H5_E_STATE,
		    "order %s was paid more than 365 days ago: WeChat no "
		    "longer refunds it",
		    o->id);
	for (i = 0; i < o->n_refunds; i++) {
		if (o->refunds[i].state != H5_REFUND_REFUSED &&
		    h5_order_refund_attempt(o, &o->refunds[i]) == a)
			n++;
		if (o->refunds[i].asked_at != 0 &&
		    now >= o->refunds[i].asked_at &&
		    now - o->refunds[i].asked_at < GAP_S)
			return h5_err_set(e, H5_E_BUSY,
			    "one minute must pass between two refunds of an "
			    "order: try again in a minute");
	}
	if (n >= REFUNDS_MAX)
		return h5_err_set(e, H5_E_STATE,
		    "order %s has %d refunds: WeChat does not allow more",
		    o->id, REFUNDS_MAX);
	return H5_OK;
}

static enum h5_code
name_refund(const struct h5_order *o, const struct h5_refund_want *want,
    struct h5_refund_plan *plan, struct h5_err *e)
{
	const char *no = want->out_refund_no;
	unsigned n;

	if (no != NULL) {
		if (!h5_number_is_refund(no))
			return h5_err_set(e, H5_E_INPUT,
			    "a refund number must be 1 to 64 of 0-9 A-Z a-z _ "
			    "- | * @");
		memcpy(plan->out_refund_no, no, strlen(no) + 1);
		return H5_OK;
	}
	for (n = 1; n <= o->n_refunds + 1; n++) {
		h5_number_refund(o->id, n, plan->out_refund_no);
		if (h5_order_refund(o, plan->out_refund_no) == NULL)
			return H5_OK;
	}
	return h5_err_set(e, H5_E_BUG, "no refund number could be made");
}

enum h5_code
h5_refund_plan(const struct h5_order *o, const struct h5_refund_want *want,
    int64_t now, struct h5_refund_plan *plan, struct h5_err *e)
{
	const struct h5_refund *earlier;
	const struct h5_attempt *a;
	int64_t fee = want->fee;
	enum h5_code rc;

	memset(plan, 0, sizeof *plan);
	a = o->transaction_id[0] != '\0' ? choose_attempt(o) : NULL;
	if (a == NULL)
		return h5_err_set(e, H5_E_STATE,
		    "order %s is %s: there is no payment to refund", o->id,
		    h5_order_state_name(o->state));
	if (fee == 0)
		fee = left_of(o, a);
	rc = find_earlier(o, want, fee, &earlier, e);
	if (rc == H5_OK && earlier != NULL)
		return plan_again(o, want, earlier, plan, e);
	if (rc == H5_OK)
		rc = name_refund(o, want, plan, e);
	if (rc == H5_OK)
		rc = check_limits(o, a, fee, now, e);
	if (rc != H5_OK)
		return rc;
	memcpy(plan->out_trade_no, a->out_trade_no, sizeof a->out_trade_no);
	plan->fee = fee;
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

	rc = h5_refund_plan(o, x->want, h5_clock_now(), &now, e);
	if (rc != H5_OK)
		return rc;
	if (!same_plan(&now, x->plan) || now.taken)
		return h5_err_set(e, H5_E_BUSY,
		    "order %s changed just now: look at it again", o->id);
	/* A number is asked for with the same words each time. */
	earlier = h5_order_refund(o, now.out_refund_no);
	if (earlier != NULL && earlier->asked_at != 0)
		reason = earlier->reason;
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

	if (refusal->verdict == H5_WECHAT_AGAIN)
		return h5_err_set(e, H5_E_NET, "refund: %s", refusal->err_code);
	rc = h5_refund_look_one(shop, number, refusal->err_code, o, &why);
	r = *o != NULL ? h5_order_refund(*o, number) : NULL;
	if (rc == H5_OK && r != NULL && r->state != H5_REFUND_ASKED &&
	    r->state != H5_REFUND_REFUSED)
		return H5_OK;
	if (rc == H5_E_IO)
		return h5_err_set(e, rc, "%s", why.msg);
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

static enum h5_code
ask_locked(const struct h5_shop *shop, const char *id, const struct asking *x,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	struct h5_wechat_refund got;
	struct asking arg = *x;
	enum h5_code rc;

	rc = h5_store_update(shop->st, id, NULL, decide_asked, &arg, o, e);
	if (rc != H5_OK)
		return rc;
	h5_log_event(shop->log, H5_LOG_INFO, "refund-asked", "order", id,
	    "out_trade_no", x->plan->out_trade_no, "out_refund_no",
	    x->plan->out_refund_no, "refund_fee", H5_LOG_NUM(x->plan->fee),
	    "again", x->plan->again ? "yes" : NULL, NULL);
	rc = h5_wechat_refund(shop->wx, shop->log, *o,
	    h5_order_refund(*o, x->plan->out_refund_no), &got, &refusal, e);
	if (rc != H5_OK)
		return rc;
	if (refusal.verdict == H5_WECHAT_SUCCESS)
		return h5_refund_record(shop, &got, o, e);
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
	rc = h5_store_hold(shop->st, id, h5_pay_patience_ms(shop),
	    h5_pay_patience_ms(shop), &hold, e);
	if (rc == H5_OK)
		rc = ask_locked(shop, id, &x, o, e);
	h5_store_release(hold);
	return rc;
}
