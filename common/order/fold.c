/* The fold: an order is what its events make of it, one after another, and
 * nothing else changes it.  Each event has one function, which changes nothing
 * unless it succeeds.
 *
 * Long texts (body, mweb_url, reason and others) are not copied.  They point
 * into the fields of the events, which live as long as the order. */
#include <stdlib.h>
#include <string.h>

#include "common/base/length.h"
#include "common/order/fold_parts.h"
#include "common/order/order.h"

#define LANG_MAX 16

/* --- one function an event; each changes nothing unless it succeeds --- */

static enum h5_code
apply_created(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	char *id, *found = NULL;
	enum h5_code rc;

	/* The number of events tells, since an order without any has no id
	 * yet. */
	if (o->n_events > 0)
		return h5_err_set(
		    e, H5_E_STATE, "order %s was created before", o->id);
	rc = h5_event_read_text(ev, "order", H5_ORDER_ID_MAX, &id, e);
	if (rc == H5_OK && !h5_number_is_order(id))
		rc = h5_err_set(e, H5_E_INPUT, "created: not an order id");
	if (rc == H5_OK)
		h5_fold_keep(o->id, id);
	if (rc == H5_OK)
		rc = h5_event_read_fen(ev, "total_fee", &o->total_fee, e);
	if (rc == H5_OK)
		/* The limits are wider than WeChat's: what was written once
		 * must stay readable when a limit is drawn tighter. */
		rc = h5_event_read_text(ev, "body", 1024, &o->body, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "attach", 1024, &o->attach, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(
		    ev, "return_url", 1024, &o->return_url, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "item", 64, &o->item, e);
	if (rc == H5_OK && o->item != NULL)
		rc = h5_event_read_number(ev, "qty", 1, 1000000000, &o->qty, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "lang", LANG_MAX, &o->lang, e);
	if (rc == H5_OK)
		rc = h5_event_read_time(ev, "expires_at", &o->expires_at, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "found", 16, &found, e);
	if (rc == H5_OK && found != NULL)
		rc = h5_fold_room_for_outgoing(o, e);
	if (rc == H5_OK)
		rc = h5_fold_add_attempt(o, ev, e);
	/* It was not made by a buyer here, but is written from WeChat's word:
	 * that is an alert from its first line on, and the shop hears of
	 * nothing until the operator says so. */
	if (rc == H5_OK && found != NULL) {
		o->withheld = true;
		o->alerts |= H5_ALERT_UNRECORDED;
		h5_fold_tell_shop(o, ev, "order.alert");
	}
	/* These two are set in any case: h5_order_new throws a failed order
	 * away. */
	o->state = H5_ORDER_CREATED;
	o->created_at = ev->at;
	return rc;
}

static enum h5_code
apply_attempt(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	/* WeChat's number of a settled order must not be followed by another
	 * that can be paid. */
	if (h5_order_settled(o))
		return h5_err_set(e, H5_E_STATE,
		    "order %s is %s: it takes no further attempt", o->id,
		    h5_order_state_name(o->state));
	return h5_fold_add_attempt(o, ev, e);
}

static enum h5_code
apply_prepaid(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	char *ip, *prepay_id, *mweb_url = NULL, *code_url = NULL;
	struct h5_attempt *a;
	enum h5_code rc;

	rc = h5_fold_attempt(o, ev, &a, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "spbill_create_ip",
		    sizeof a->spbill_create_ip - 1, &ip, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "prepay_id", 256, &prepay_id, e);
	if (rc == H5_OK && a->product == H5_PRODUCT_H5)
		rc = h5_event_read_text(ev, "mweb_url", 2048, &mweb_url, e);
	if (rc == H5_OK && a->product == H5_PRODUCT_NATIVE)
		rc = h5_event_read_text(ev, "code_url", 2048, &code_url, e);
	if (rc != H5_OK)
		return rc;
	h5_fold_keep(a->spbill_create_ip, ip);
	a->prepay_id = prepay_id;
	a->mweb_url = mweb_url;
	a->code_url = code_url;
	a->prepaid_at = ev->at;
	/* A notice may have made it paid before the answer with the address
	 * came; then it stays paid. */
	if (o->state == H5_ORDER_CREATED)
		o->state = H5_ORDER_AWAITING;
	return H5_OK;
}

/* WeChat answered about an attempt. */
static void
checked(struct h5_order *o, struct h5_attempt *a, const struct h5_event *ev,
    const char *trade_state)
{
	h5_fold_keep(a->trade_state, trade_state);
	a->queried_at = ev->at;
	o->checked_at = ev->at;
	o->tried_at = ev->at;
	o->unreached = false;
}

static enum h5_code
apply_queried(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;
	enum h5_code rc;
	char *state;

	rc = h5_fold_attempt(o, ev, &a, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(
		    ev, "trade_state", sizeof a->trade_state - 1, &state, e);
	if (rc == H5_OK)
		checked(o, a, ev, state);
	return rc;
}

static enum h5_code
apply_unreached(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;
	enum h5_code rc;

	rc = h5_fold_attempt(o, ev, &a, e);
	if (rc != H5_OK)
		return rc;
	o->tried_at = ev->at;
	o->unreached = true;
	return H5_OK;
}

/* What a paid event says, checked. */
struct payment {
	struct h5_attempt *a;
	char *transaction_id;
	char *via;
	char *trade_state;
	int64_t end;
	int64_t returned; /* fen; 0: not said */
};

static enum h5_code
read_payment(const struct h5_order *o, const struct h5_event *ev,
    struct payment *p, struct h5_err *e)
{
	enum h5_code rc;
	int64_t total;

	rc = h5_fold_attempt(o, ev, &p->a, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "transaction_id",
		    sizeof p->a->transaction_id - 1, &p->transaction_id, e);
	if (rc == H5_OK)
		rc = h5_event_read_fen(ev, "total_fee", &total, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(
		    ev, "via", sizeof o->paid_via - 1, &p->via, e);
	if (rc == H5_OK && strcmp(p->via, "notify") != 0 &&
	    strcmp(p->via, "query") != 0)
		rc = h5_err_set(
		    e, H5_E_INPUT, "paid: via is neither notify nor query");
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "trade_state",
		    sizeof p->a->trade_state - 1, &p->trade_state, e);
	if (rc == H5_OK && h5_fields_get(&ev->fields, "returned") != NULL)
		rc = h5_event_read_fen(ev, "returned", &p->returned, e);
	/* WeChat's own time of the payment where it is given, since bills go by
	 * it. */
	p->end = ev->at;
	if (rc == H5_OK && h5_fields_get(&ev->fields, "time_end") != NULL)
		rc = h5_event_read_time(ev, "time_end", &p->end, e);
	/* The last of several guards: another amount is never "paid". */
	if (rc == H5_OK && total != o->total_fee)
		rc = h5_err_set(e, H5_E_STATE,
		    "order %s cannot be paid with a different amount", o->id);
	if (rc == H5_OK && p->a->state == H5_ATTEMPT_PAID &&
	    strcmp(p->a->transaction_id, p->transaction_id) != 0)
		rc = h5_err_set(e, H5_E_STATE,
		    "attempt %s was already paid by another transaction",
		    p->a->out_trade_no);
	return rc;
}

/* rule: told_once
 * The first payment of an order is told; a further one is an alert's matter. */
static enum h5_code
apply_paid(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct payment p = {0};
	enum h5_code rc;

	rc = read_payment(o, ev, &p, e);
	if (rc == H5_OK)
		rc = h5_fold_room_for_outgoing(o, e);
	if (rc != H5_OK)
		return rc;
	/* A notice is no answer to a question, so it does not count as one. */
	if (strcmp(p.via, "query") == 0)
		checked(o, p.a, ev,
		    p.trade_state != NULL ? p.trade_state : "SUCCESS");
	p.a->state = H5_ATTEMPT_PAID;
	h5_fold_keep(p.a->transaction_id, p.transaction_id);
	if (o->transaction_id[0] != '\0')
		return H5_OK;
	o->state = H5_ORDER_PAID;
	o->paid_at = p.end;
	h5_fold_keep(o->paid_via, p.via);
	h5_fold_keep(o->transaction_id, p.transaction_id);
	o->paid_untold = p.returned >= o->total_fee;
	if (!o->paid_untold)
		h5_fold_tell_shop(o, ev, "order.paid");
	return H5_OK;
}

/* Changes nothing: it tells later readers who closed the attempt. */
static enum h5_code
apply_closing(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;

	return h5_fold_attempt(o, ev, &a, e);
}

static enum h5_code
apply_ended(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;
	enum h5_code rc;
	char *why;

	rc = h5_fold_attempt(o, ev, &a, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "why", H5_FOLD_WHY_MAX, &why, e);
	/* Paid beats closed: a notice that came before the close still
	 * counts. */
	if (rc == H5_OK && a->state != H5_ATTEMPT_PAID)
		a->state = H5_ATTEMPT_CLOSED;
	return rc;
}

static enum h5_code
apply_closed(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	char *why;

	rc = h5_event_read_text(ev, "why", H5_FOLD_WHY_MAX, &why, e);
	if (rc == H5_OK)
		rc = h5_fold_room_for_outgoing(o, e);
	/* Money that came in at the last moment wins over the close, so the
	 * event is kept and changes nothing. */
	if (rc != H5_OK || h5_order_settled(o))
		return rc;
	o->state = H5_ORDER_CLOSED;
	o->closed_at = ev->at;
	h5_fold_tell_shop(o, ev, "order.closed");
	return H5_OK;
}

/* --- alerts and deliveries ------------------------------------------------ */

static enum h5_code
apply_alert(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	unsigned bit, found = 0;
	struct h5_attempt *a;
	enum h5_code rc;
	char *word;

	rc = h5_event_read_text(ev, "alert", 32, &word, e);
	if (rc != H5_OK)
		return rc;
	/* Bits from the first to the last: the list of words is in words.c
	 * alone.  Unrecorded is said by created, and by nothing else. */
	for (bit = 1; bit < 1U << H5_ALERTS; bit <<= 1)
		if (bit != H5_ALERT_UNRECORDED &&
		    strcmp(word,
			h5_order_alert_name((enum h5_order_alert)bit)) == 0)
			found = bit;
	if (found == 0)
		return h5_err_set(e, H5_E_INPUT, "alert: unknown word");
	rc = h5_fold_attempt(o, ev, &a, e);
	if (rc == H5_OK && found == H5_ALERT_ELSEWHERE)
		rc = h5_fold_must_be_paid(o, ev, e);
	if (rc == H5_OK)
		rc = h5_fold_room_for_outgoing(o, e);
	if (rc != H5_OK)
		return rc;
	o->alerts |= found;
	/* One that comes again is open again. */
	o->alerts_done &= ~found;
	if (found == H5_ALERT_ELSEWHERE)
		h5_fold_elsewhere(o, ev);
	h5_fold_tell_shop(o, ev, "order.alert");
	return H5_OK;
}

/* The outgoing event that a delivery speaks of, and to whom it went. */
static enum h5_code
delivery(const struct h5_order *o, const struct h5_event *ev,
    struct h5_outgoing **g, unsigned *hook, struct h5_err *e)
{
	enum h5_code rc;
	char *id, *to;
	size_t i;

	*g = NULL;
	*hook = 0;
	rc = h5_event_read_text(ev, "id", sizeof(*g)->id - 1, &id, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "to", 16, &to, e);
	if (rc != H5_OK)
		return rc;
	/* An unknown receiver leaves hook at 0 and is refused below. */
	if (strcmp(to, "exec") == 0)
		*hook = H5_HOOK_EXEC;
	else if (strcmp(to, "webhook") == 0)
		*hook = H5_HOOK_WEBHOOK;
	for (i = 0; i < o->n_outgoing; i++)
		if (strcmp(o->outgoing[i].id, id) == 0)
			*g = &o->outgoing[i];
	if (*g == NULL || *hook == 0)
		return h5_err_set(e, H5_E_INPUT,
		    "%s: no such event or receiver", h5_event_name(ev->kind));
	return H5_OK;
}

static enum h5_code
apply_delivered(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_outgoing *g;
	enum h5_code rc;
	unsigned hook;

	rc = delivery(o, ev, &g, &hook, e);
	if (rc == H5_OK)
		g->done |= hook;
	return rc;
}

static enum h5_code
apply_undelivered(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	int64_t failures, retry_at;
	struct h5_outgoing *g;
	enum h5_code rc;
	unsigned hook;

	rc = delivery(o, ev, &g, &hook, e);
	if (rc == H5_OK)
		rc = h5_event_read_number(
		    ev, "failures", 1, 1000000, &failures, e);
	if (rc == H5_OK)
		rc = h5_event_read_time(ev, "retry_at", &retry_at, e);
	if (rc != H5_OK)
		return rc;
	g->failures = (unsigned)failures;
	g->retry_at = retry_at;
	return H5_OK;
}

/* Changes no state: the record was written anew without some of its fields
 * (store/forget.c), and this says so. */
static enum h5_code
apply_forgotten(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	char *fields;

	rc = h5_event_read_text(ev, "fields", 1024, &fields, e);
	if (rc == H5_OK)
		o->forgotten_at = ev->at;
	return rc;
}

static enum h5_code
apply_released(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	(void)ev;
	(void)e;
	o->withheld = false;
	return H5_OK;
}

/* --- the fold ------------------------------------------------------------- */

static const h5_fold_fn appliers[] = {
    [H5_EVENT_CREATED] = apply_created,
    [H5_EVENT_ATTEMPT] = apply_attempt,
    [H5_EVENT_ORDERING] = h5_fold_ordering,
    [H5_EVENT_PREPAID] = apply_prepaid,
    [H5_EVENT_QUERIED] = apply_queried,
    [H5_EVENT_UNREACHED] = apply_unreached,
    [H5_EVENT_PAID] = apply_paid,
    [H5_EVENT_CLOSING] = apply_closing,
    [H5_EVENT_ENDED] = apply_ended,
    [H5_EVENT_CLOSED] = apply_closed,
    [H5_EVENT_REFUND_ASKED] = h5_fold_refund_asked,
    [H5_EVENT_REFUND_HINT] = h5_fold_refund_hint,
    [H5_EVENT_REFUNDED] = h5_fold_refunded,
    [H5_EVENT_REFUND_REFUSED] = h5_fold_refund_refused,
    [H5_EVENT_KEPT] = h5_fold_kept,
    [H5_EVENT_BILLED] = h5_fold_billed,
    [H5_EVENT_ALERT] = apply_alert,
    [H5_EVENT_DELIVERED] = apply_delivered,
    [H5_EVENT_UNDELIVERED] = apply_undelivered,
    [H5_EVENT_SETTLED] = h5_fold_settled,
    [H5_EVENT_FORGOTTEN] = apply_forgotten,
    [H5_EVENT_RELEASED] = apply_released,
    [H5_EVENT_AUTHORIZING] = h5_fold_authorizing,
    [H5_EVENT_AUTHORIZED] = h5_fold_authorized,
    [H5_EVENT_UNAUTHORIZED] = h5_fold_authorizing,
};

_Static_assert(
    H5_LENGTH(appliers) == H5_EVENT_KINDS, "a function for each event");

enum h5_code
h5_order_apply(struct h5_order *o, struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;

	/* Room is made first, since an event that has changed the order must be
	 * kept in any case. */
	rc = h5_fold_room_for_event(o, e);
	if (rc == H5_OK)
		rc = appliers[ev->kind](o, ev, e);
	if (rc != H5_OK) {
		h5_event_release(ev);
		return rc;
	}
	/* The event moves into the list.  Texts of the order point into its
	 * fields, which stay where they are when the list grows. */
	o->events[o->n_events++] = *ev;
	h5_event_init(ev, ev->kind, ev->at);
	return H5_OK;
}

enum h5_code
h5_order_new(struct h5_event *created, struct h5_order **out, struct h5_err *e)
{
	struct h5_order *o;
	enum h5_code rc;

	*out = NULL;
	if (created->kind != H5_EVENT_CREATED) {
		h5_event_release(created);
		return h5_err_set(e, H5_E_INPUT,
		    "an order begins with created, not with %s",
		    h5_event_name(created->kind));
	}
	o = calloc(1, sizeof *o);
	if (o == NULL) {
		h5_event_release(created);
		return h5_err_nomem(e);
	}
	rc = h5_order_apply(o, created, e);
	if (rc != H5_OK) {
		h5_order_free(o);
		return rc;
	}
	*out = o;
	return H5_OK;
}

void
h5_order_free(struct h5_order *o)
{
	size_t i;

	if (o == NULL)
		return;
	for (i = 0; i < o->n_events; i++)
		h5_event_release(&o->events[i]);
	free(o->events);
	free(o->attempts);
	free(o->refunds);
	free(o->outgoing);
	free(o);
}
