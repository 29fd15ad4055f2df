/* What a refund would be, before anybody is asked for it: which payment, which
 * number, how much, and whether WeChat's limits allow it. */
#include "common/pay/refund_plan.h"

#include <string.h>

#include "common/base/text.h"

/* WeChat's limits (PROTOCOL 7.1). */
#define YEAR_S (365 * 86400)
#define REFUNDS_MAX 50
#define GAP_S 60

/* What can still go back of what an attempt paid. */
static int64_t
left_of(const struct h5_order *o, const struct h5_attempt *a)
{
	return o->total_fee - h5_order_refunds_out(o, a);
}

/* If an order was paid twice, the surplus payment goes back first. */
static const struct h5_attempt *
choose_attempt(const struct h5_order *o)
{
	const struct h5_attempt *a, *first = NULL;
	size_t i;

	/* The newest comes first: among several surplus payments any will do,
	 * and the newest is the likeliest mistake. */
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

/* A number that is another order's is never asked for again. */
static bool
anothers(const struct h5_order *o, const struct h5_refund *r)
{
	const struct h5_fields *f;
	size_t i;

	for (i = 0; i < o->n_events; i++) {
		f = &o->events[i].fields;
		if (o->events[i].kind == H5_EVENT_REFUND_REFUSED &&
		    h5_fields_is(f, "out_refund_no", r->out_refund_no) &&
		    h5_fields_is(f, "why", H5_REFUND_ANOTHERS))
			return true;
	}
	return false;
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
		/* If only a false notice spoke of it, it counts as unknown. */
		if (*out != NULL && (*out)->asked_at == 0 &&
		    (*out)->state == H5_REFUND_REFUSED)
			*out = NULL;
		return H5_OK;
	}
	/* The newest that has no answer comes first.  While its outcome is
	 * unknown, another refund might give the money back twice. */
	for (i = o->n_refunds; i > 0; i--) {
		r = &o->refunds[i - 1];
		if (r->state == H5_REFUND_REFUSED && r->asked_at != 0 &&
		    r->refund_fee == fee && *out == NULL && !anothers(o, r))
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
	/* The attempt that the refund named then, not the one that would be
	 * chosen today. */
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
	/* A repeat with another sum would be another refund in WeChat's eyes,
	 * and is refused there (PROTOCOL 7.1). */
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
	/* A refused one reserves nothing, so its sum may have been refunded
	 * under another number since. */
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
	/* Both limits are WeChat's.  The minute counts for the whole order, the
	 * fifty for one payment. */
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

	/* A number that the operator chose is taken as it is. */
	if (no != NULL) {
		if (!h5_number_is_refund(no))
			return h5_err_set(e, H5_E_INPUT,
			    "a refund number must be 1 to 64 of 0-9 A-Z a-z _ "
			    "- | * @");
		memcpy(plan->out_refund_no, no, strlen(no) + 1);
		return H5_OK;
	}
	/* With n refunds, one of the first n + 1 names is free. */
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
	/* Without a transaction there was no payment, whatever the attempts
	 * say. */
	a = o->transaction_id[0] != '\0' ? choose_attempt(o) : NULL;
	if (a == NULL)
		return h5_err_set(e, H5_E_STATE,
		    "order %s is %s: there is no payment to refund", o->id,
		    h5_order_state_name(o->state));
	if (fee == 0)
		fee = left_of(o, a);
	/* An earlier refund decides number and amount, so it is looked for
	 * before a new number is made. */
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
