/* The fold of the events about refunds: what each of them is, and the state
 * that they make of a paid order. */
#include <string.h>

#include "common/base/clock.h"
#include "common/order/fold_parts.h"
#include "common/order/order.h"

/* May its amount still change?  A hint is hearsay, and a refund that WeChat
 * refused does not exist. */
static bool
loose(const struct h5_refund *r)
{
	return r->state == H5_REFUND_HINTED || r->state == H5_REFUND_REFUSED;
}

/* The state that the refunds make of a paid order. */
static void
weigh_refunds(struct h5_order *o)
{
	int64_t returned = h5_order_refunded(o);
	bool open = false;
	size_t i;

	for (i = 0; i < o->n_refunds; i++)
		open = open || h5_order_refund_open(&o->refunds[i]);
	open = open || (h5_order_alerts_open(o) & H5_ALERT_ELSEWHERE) != 0;
	/* By the sum first: with all money back, an open refund changes
	 * nothing. */
	if (returned >= h5_order_received(o))
		o->state = H5_ORDER_REFUNDED;
	else if (open)
		o->state = H5_ORDER_REFUNDING;
	else if (returned > 0)
		o->state = H5_ORDER_PARTLY_REFUNDED;
	else
		o->state = H5_ORDER_PAID;
}

/* rule: stays
 * A refund that did not come about: if all the money was thought to go back,
 * and the shop was not told of it for that reason, it is told now. */
static void
tell_if_it_stays(struct h5_order *o, const struct h5_event *ev)
{
	/* What somebody else gave back is not among them. */
	if (!o->paid_untold ||
	    (h5_order_alerts_open(o) & H5_ALERT_ELSEWHERE) != 0 ||
	    h5_order_refunds_out(o, h5_order_paid_attempt(o)) >= o->total_fee)
		return;
	o->paid_untold = false;
	h5_fold_tell_shop(o, ev, "order.paid");
}

/* What the refund events say. */
struct refund_word {
	char *out_refund_no;
	char *out_trade_no; /* NULL: not said */
	char *refund_id; /* NULL: not said */
	char *reason; /* likewise */
	int64_t refund_fee; /* 0: not said */
	int64_t success_at; /* likewise */
	struct h5_refund *r; /* the refund, NULL: unknown so far */
};

static enum h5_code
read_refund(const struct h5_order *o, const struct h5_event *ev,
    struct refund_word *w, struct h5_err *e)
{
	struct h5_refund *r;
	enum h5_code rc;

	memset(w, 0, sizeof *w);
	rc = h5_event_read_text(ev, "out_refund_no",
	    sizeof r->out_refund_no - 1, &w->out_refund_no, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "out_trade_no",
		    sizeof r->out_trade_no - 1, &w->out_trade_no, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(
		    ev, "refund_id", sizeof r->refund_id - 1, &w->refund_id, e);
	if (rc == H5_OK && h5_fields_get(&ev->fields, "refund_fee") != NULL)
		rc = h5_event_read_fen(ev, "refund_fee", &w->refund_fee, e);
	if (rc != H5_OK)
		return rc;
	w->r = h5_order_refund(o, w->out_refund_no);
	/* Under one number WeChat keeps one amount (PROTOCOL 7.1).  Two of them
	 * in a ledger mean that somebody else uses our numbers, or worse. */
	if (w->r != NULL && w->r->refund_fee != 0 && w->refund_fee != 0 &&
	    w->r->refund_fee != w->refund_fee && !loose(w->r))
		return h5_err_set(e, H5_E_STATE,
		    "refund %s has a different amount", w->out_refund_no);
	return H5_OK;
}

/* Takes what is new into the refund, which is made when it is unknown. */
static enum h5_code
note_refund(struct h5_order *o, const struct h5_event *ev,
    const struct refund_word *w, enum h5_refund_state state, struct h5_err *e)
{
	struct h5_refund *r = w->r;
	enum h5_code rc;

	if (r == NULL) {
		rc = h5_fold_room_for_refund(o, e);
		if (rc != H5_OK)
			return rc;
		r = &o->refunds[o->n_refunds++];
		memset(r, 0, sizeof *r);
		h5_fold_keep(r->out_refund_no, w->out_refund_no);
		r->heard_at = ev->at;
	}
	/* What is said replaces what was there; what is not said stays. */
	r->state = state;
	if (w->out_trade_no != NULL)
		h5_fold_keep(r->out_trade_no, w->out_trade_no);
	if (w->refund_id != NULL)
		h5_fold_keep(r->refund_id, w->refund_id);
	if (w->refund_fee != 0)
		r->refund_fee = w->refund_fee;
	if (w->reason != NULL)
		r->reason = w->reason;
	if (ev->kind == H5_EVENT_REFUND_ASKED)
		r->asked_at = ev->at;
	if (ev->kind == H5_EVENT_REFUND_HINT)
		r->hinted_at = ev->at;
	if (ev->kind == H5_EVENT_REFUNDED)
		r->looked_at = ev->at;
	/* WeChat's time of the refund, where it is given: bills go by it. */
	r->changed_at = w->success_at != 0 ? w->success_at : ev->at;
	return H5_OK;
}

enum h5_code
h5_fold_must_be_paid(
    const struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	if (o->transaction_id[0] != '\0')
		return H5_OK;
	return h5_err_set(e, H5_E_STATE, "%s: order %s is not paid",
	    h5_event_name(ev->kind), o->id);
}

enum h5_code
h5_fold_refund_asked(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct refund_word w;
	enum h5_code rc;
	int64_t out;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK && w.refund_fee == 0)
		rc = h5_err_set(
		    e, H5_E_INPUT, "refund-asked: refund_fee is missing");
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "reason", 256, &w.reason, e);
	if (rc == H5_OK)
		rc = h5_fold_must_be_paid(o, ev, e);
	if (rc != H5_OK)
		return rc;
	/* Asking again with the same number is a retry; once WeChat has
	 * taken it, it says nothing new. */
	if (w.r != NULL && w.r->state >= H5_REFUND_PROCESSING)
		return H5_OK;
	/* Everything that is under way or has gone back already, and this
	 * refund.  If this number is counted among them, it must not be counted
	 * twice. */
	out = h5_order_refunds_out(o, NULL) + w.refund_fee;
	if (w.r != NULL && w.r->state != H5_REFUND_REFUSED)
		out -= w.r->refund_fee;
	if (out > h5_order_received(o))
		return h5_err_set(e, H5_E_STATE,
		    "refunds of order %s would exceed what was paid", o->id);
	rc = note_refund(o, ev, &w, H5_REFUND_ASKED, e);
	if (rc == H5_OK)
		weigh_refunds(o);
	return rc;
}

enum h5_code
h5_fold_refund_hint(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct refund_word w;
	enum h5_code rc;
	char *status;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "refund_status", 32, &status, e);
	if (rc != H5_OK)
		return rc;
	/* What is under way already stays what it is: the hint only says that
	 * there is news. */
	if (w.r != NULL &&
	    (h5_order_refund_open(w.r) || w.r->state == H5_REFUND_SUCCESS)) {
		w.r->hinted_at = ev->at;
		return H5_OK;
	}
	return note_refund(o, ev, &w, H5_REFUND_HINTED, e);
}

/* What we or a notice spoke of does not exist at WeChat. */
enum h5_code
h5_fold_refund_refused(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct refund_word w;
	enum h5_code rc;
	char *why;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "why", H5_FOLD_WHY_MAX, &why, e);
	/* Only what was asked for or hinted at can be refused. */
	if (rc == H5_OK && w.r == NULL)
		rc = h5_err_set(
		    e, H5_E_INPUT, "refund-refused: there is no such refund");
	if (rc == H5_OK)
		rc = h5_fold_room_for_outgoing(o, e);
	/* WeChat's word on a refund is not taken back by an old refusal. */
	if (rc != H5_OK ||
	    (w.r->state != H5_REFUND_ASKED && w.r->state != H5_REFUND_HINTED))
		return rc;
	rc = note_refund(o, ev, &w, H5_REFUND_REFUSED, e);
	if (rc != H5_OK || o->transaction_id[0] == '\0')
		return rc;
	weigh_refunds(o);
	tell_if_it_stays(o, ev);
	return H5_OK;
}

enum h5_code
h5_fold_refunded(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_refund_state state = H5_REFUND_HINTED;
	struct refund_word w;
	enum h5_code rc;
	char *status;
	bool known;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "status", 15, &status, e);
	/* Of the words for states, only WeChat's own are an answer. */
	known = rc == H5_OK && h5_order_refund_state_of(status, &state) &&
		state >= H5_REFUND_PROCESSING;
	if (rc == H5_OK && (!known || w.refund_id == NULL || w.refund_fee == 0))
		rc = h5_err_set(e, H5_E_INPUT,
		    "refunded: status, refund_id or refund_fee is wrong");
	if (rc == H5_OK && h5_fields_get(&ev->fields, "success_time") != NULL)
		rc = h5_event_read_time(ev, "success_time", &w.success_at, e);
	if (rc == H5_OK)
		rc = h5_fold_must_be_paid(o, ev, e);
	if (rc == H5_OK)
		rc = h5_fold_room_for_outgoing(o, e);
	/* Money that has gone back stays gone.  A PROCESSING that arrives late
	 * is old news. */
	if (rc != H5_OK || (w.r != NULL && w.r->state == H5_REFUND_SUCCESS))
		return rc;
	rc = note_refund(o, ev, &w, state, e);
	if (rc != H5_OK)
		return rc;
	/* Somebody else's refund: now it is known how much. */
	if (state == H5_REFUND_SUCCESS &&
	    h5_order_refund(o, w.out_refund_no)->asked_at == 0)
		o->alerts_done |= o->alerts & H5_ALERT_ELSEWHERE;
	/* The refunds are summed up first, so that the shop is given the order
	 * as it is now. */
	weigh_refunds(o);
	if (state == H5_REFUND_SUCCESS)
		h5_fold_tell_shop(o, ev, "order.refunded");
	else if (state == H5_REFUND_CLOSED)
		tell_if_it_stays(o, ev);
	return H5_OK;
}

/* How much went back is not known, so nothing is said to be settled. */
void
h5_fold_elsewhere(struct h5_order *o, const struct h5_event *ev)
{
	o->elsewhere_at = ev->at;
	o->billed_at = 0;
	o->billed = 0;
	weigh_refunds(o);
}

/* Stands before the refund that tells it, so that the shop hears of the payment
 * first. */
enum h5_code
h5_fold_kept(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	char *why;

	rc = h5_event_read_text(ev, "why", H5_FOLD_WHY_MAX, &why, e);
	if (rc == H5_OK)
		rc = h5_fold_must_be_paid(o, ev, e);
	if (rc == H5_OK)
		rc = h5_fold_room_for_outgoing(o, e);
	if (rc != H5_OK || !o->paid_untold)
		return rc;
	o->paid_untold = false;
	h5_fold_tell_shop(o, ev, "order.paid");
	return H5_OK;
}

/* Changes nothing but when the next bill is due. */
enum h5_code
h5_fold_billed(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	char *day;

	rc = h5_event_read_text(ev, "bill_date", H5_CLOCK_DAY - 1, &day, e);
	if (rc != H5_OK)
		return rc;
	o->billed_at = ev->at;
	o->billed++;
	return H5_OK;
}

/* So much in all went back without WeChat. */
static enum h5_code
refunded_by_hand(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	int64_t fee;

	rc = h5_event_read_fen(ev, "refund_fee", &fee, e);
	if (rc == H5_OK)
		rc = h5_fold_must_be_paid(o, ev, e);
	if (rc == H5_OK && fee < o->refunded_by_hand)
		rc = h5_err_set(e, H5_E_STATE,
		    "settled: %lld fen of order %s went back before",
		    (long long)o->refunded_by_hand, o->id);
	if (rc == H5_OK &&
	    h5_order_refunds_out(o, NULL) - o->refunded_by_hand + fee >
		h5_order_received(o))
		rc = h5_err_set(e, H5_E_STATE,
		    "refunds of order %s would exceed what was paid", o->id);
	if (rc == H5_OK)
		rc = h5_fold_room_for_outgoing(o, e);
	if (rc != H5_OK || fee == o->refunded_by_hand)
		return rc;
	o->refunded_by_hand = fee;
	o->alerts_done |= o->alerts & H5_ALERT_ELSEWHERE;
	weigh_refunds(o);
	h5_fold_tell_shop(o, ev, "order.refunded");
	return H5_OK;
}

enum h5_code
h5_fold_settled(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	char *how;

	rc = h5_event_read_text(ev, "how", 16, &how, e);
	if (rc != H5_OK)
		return rc;
	if (strcmp(how, "refunded") == 0)
		return refunded_by_hand(o, ev, e);
	if (strcmp(how, "disputed-done") != 0)
		return h5_err_set(e, H5_E_INPUT, "settled: unknown word");
	if ((o->alerts & H5_ALERT_DISPUTED) == 0)
		return h5_err_set(
		    e, H5_E_STATE, "settled: order %s is not disputed", o->id);
	o->alerts_done |= H5_ALERT_DISPUTED;
	return H5_OK;
}
