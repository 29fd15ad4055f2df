#include "common/order/order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"

#define WHY_MAX 128
#define LANG_MAX 16

/* Long texts of an order (body, mweb_url, reason...) are not copied: they
 * point into the fields of the events, which live as long as the order. */

/* --- words ---------------------------------------------------------------- */

static const char *const state_names[] = {
    [H5_ORDER_CREATED] = "created",
    [H5_ORDER_AWAITING] = "awaiting",
    [H5_ORDER_PAID] = "paid",
    [H5_ORDER_CLOSED] = "closed",
    [H5_ORDER_REFUNDING] = "refunding",
    [H5_ORDER_PARTLY_REFUNDED] = "partly-refunded",
    [H5_ORDER_REFUNDED] = "refunded",
};

const char *
h5_order_state_name(enum h5_order_state s)
{
	return state_names[s];
}

bool
h5_order_state_of(const char *name, enum h5_order_state *s)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(state_names); i++)
		if (strcmp(state_names[i], name) == 0) {
			*s = (enum h5_order_state)i;
			return true;
		}
	return false;
}

const char *
h5_order_attempt_word(enum h5_attempt_state s)
{
	switch (s) {
	case H5_ATTEMPT_AWAITING:
		return "awaiting";
	case H5_ATTEMPT_PAID:
		return "paid";
	case H5_ATTEMPT_CLOSED:
		break;
	}
	return "closed";
}

const char *
h5_order_alert_name(enum h5_order_alert bit)
{
	switch (bit) {
	case H5_ALERT_DISPUTED:
		return "disputed";
	case H5_ALERT_LATE:
		return "late";
	case H5_ALERT_OVERPAID:
		break;
	}
	return "overpaid";
}

/* --- events --------------------------------------------------------------- */

/* --- reading an event's fields -------------------------------------------- */

/* A text that must be there; at most max bytes. */
static enum h5_code
text(const struct h5_event *ev, const char *name, size_t max, char **out,
    struct h5_err *e)
{
	size_t i;

	*out = NULL;
	for (i = 0; i < ev->fields.n; i++) {
		if (strcmp(ev->fields.v[i].name, name) != 0)
			continue;
		if (ev->fields.v[i].value_len == 0 ||
		    ev->fields.v[i].value_len > max)
			return h5_err_set(e, H5_E_INPUT,
			    "%s: %s is empty or too long",
			    h5_event_name(ev->kind), name);
		*out = ev->fields.v[i].value;
		return H5_OK;
	}
	return h5_err_set(
	    e, H5_E_INPUT, "%s: no %s", h5_event_name(ev->kind), name);
}

/* A text that may be absent: *out is NULL then. */
static enum h5_code
text_if(const struct h5_event *ev, const char *name, size_t max, char **out,
    struct h5_err *e)
{
	*out = NULL;
	if (h5_fields_get(&ev->fields, name) == NULL)
		return H5_OK;
	return text(ev, name, max, out, e);
}

static enum h5_code
number(const struct h5_event *ev, const char *name, uint64_t min, uint64_t max,
    int64_t *out, struct h5_err *e)
{
	enum h5_code rc;
	uint64_t n;
	char *s;

	*out = 0;
	rc = text(ev, name, 20, &s, e);
	if (rc != H5_OK)
		return rc;
	if (h5_text_u64(s, min, max, &n, NULL) != H5_OK)
		return h5_err_set(e, H5_E_INPUT, "%s: %s is not a fit number",
		    h5_event_name(ev->kind), name);
	*out = (int64_t)n;
	return H5_OK;
}

static enum h5_code
fen(const struct h5_event *ev, const char *name, int64_t *out, struct h5_err *e)
{
	return number(ev, name, 1, H5_FEN_MAX, out, e);
}

static enum h5_code
moment(
    const struct h5_event *ev, const char *name, int64_t *out, struct h5_err *e)
{
	enum h5_code rc;
	char *s;

	*out = 0;
	rc = text(ev, name, H5_CLOCK_RFC3339 - 1, &s, e);
	if (rc == H5_OK && h5_clock_from_rfc3339(s, out, NULL) != H5_OK)
		rc = h5_err_set(e, H5_E_INPUT, "%s: %s is not a time",
		    h5_event_name(ev->kind), name);
	return rc;
}

/* Copies a text whose length was checked against the array's. */
static void
keep(char *to, const char *from)
{
	memcpy(to, from, strlen(from) + 1);
}

/* The attempt that the event speaks of. */
static enum h5_code
attempt_of(const struct h5_order *o, const struct h5_event *ev,
    struct h5_attempt **a, struct h5_err *e)
{
	enum h5_code rc;
	char *no;

	*a = NULL;
	rc = text(ev, "out_trade_no", H5_OUT_TRADE_NO_MAX, &no, e);
	if (rc != H5_OK)
		return rc;
	*a = h5_order_attempt(o, no);
	if (*a == NULL)
		return h5_err_set(e, H5_E_INPUT, "%s: %s has no attempt %s",
		    h5_event_name(ev->kind), o->id, no);
	return H5_OK;
}

/* --- growing lists -------------------------------------------------------- */

/* Room for one more behind n entries; lists hold 4, 8, 16... entries, so the
 * count alone tells when one is full.  NULL: out of memory, v is as it was. */
static void *
grow(void *v, size_t n, size_t size)
{
	if (n == 0)
		return reallocarray(v, 4, size);
	if (n >= 4 && (n & (n - 1)) == 0)
		return reallocarray(v, n * 2, size);
	return v;
}

static enum h5_code
room_for_event(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->events, o->n_events, sizeof *o->events);

	if (v == NULL)
		return h5_err_nomem(e);
	o->events = v;
	return H5_OK;
}

static enum h5_code
room_for_attempt(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->attempts, o->n_attempts, sizeof *o->attempts);

	if (v == NULL)
		return h5_err_nomem(e);
	o->attempts = v;
	return H5_OK;
}

static enum h5_code
room_for_refund(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->refunds, o->n_refunds, sizeof *o->refunds);

	if (v == NULL)
		return h5_err_nomem(e);
	o->refunds = v;
	return H5_OK;
}

static enum h5_code
room_for_outgoing(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->outgoing, o->n_outgoing, sizeof *o->outgoing);

	if (v == NULL)
		return h5_err_nomem(e);
	o->outgoing = v;
	return H5_OK;
}

/* Tell the shop of the event that is being applied.  Room was made.  The id
 * names the ledger line, so every program that reads the ledger makes the
 * same one. */
static void
tell_shop(struct h5_order *o, const struct h5_event *ev, const char *type)
{
	struct h5_outgoing *g = &o->outgoing[o->n_outgoing++];

	memset(g, 0, sizeof *g);
	(void)snprintf(
	    g->id, sizeof g->id, "evt_%s_%zu", o->id, o->n_events + 1);
	g->type = type;
	g->at = ev->at;
}

/* --- attempts ------------------------------------------------------------- */

struct h5_attempt *
h5_order_attempt(const struct h5_order *o, const char *out_trade_no)
{
	size_t i;

	for (i = 0; i < o->n_attempts; i++)
		if (strcmp(o->attempts[i].out_trade_no, out_trade_no) == 0)
			return &o->attempts[i];
	return NULL;
}

struct h5_attempt *
h5_order_current(const struct h5_order *o)
{
	return &o->attempts[o->n_attempts - 1];
}

/* Numbers are given out in order: "<id>", "<id>_2", "<id>_3"... */
static enum h5_code
add_attempt(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1], *no, *ip;
	struct h5_attempt a = {0};
	enum h5_code rc;
	unsigned nth;

	rc = text(ev, "out_trade_no", H5_OUT_TRADE_NO_MAX, &no, e);
	if (rc == H5_OK)
		rc = h5_number_order_of(no, id, &nth, e);
	if (rc == H5_OK && (strcmp(id, o->id) != 0 || nth != o->n_attempts + 1))
		rc = h5_err_set(e, H5_E_INPUT,
		    "%s: %s is not the next number of order %s",
		    h5_event_name(ev->kind), no, o->id);
	if (rc == H5_OK)
		rc = text(ev, "spbill_create_ip", sizeof a.spbill_create_ip - 1,
		    &ip, e);
	if (rc == H5_OK)
		rc = moment(ev, "time_start", &a.time_start, e);
	if (rc == H5_OK)
		rc = moment(ev, "time_expire", &a.time_expire, e);
	if (rc == H5_OK)
		rc = room_for_attempt(o, e);
	if (rc != H5_OK)
		return rc;
	keep(a.out_trade_no, no);
	keep(a.spbill_create_ip, ip);
	a.state = H5_ATTEMPT_AWAITING;
	a.created_at = ev->at;
	o->attempts[o->n_attempts++] = a;
	return H5_OK;
}

/* --- one function an event; each changes nothing unless it succeeds --- */

typedef enum h5_code (*apply_fn)(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);

static enum h5_code
apply_created(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	char *id;

	if (o->n_events > 0)
		return h5_err_set(
		    e, H5_E_STATE, "order %s is created already", o->id);
	rc = text(ev, "order", H5_ORDER_ID_MAX, &id, e);
	if (rc == H5_OK && !h5_number_is_order(id))
		rc = h5_err_set(e, H5_E_INPUT, "created: not an order's id");
	if (rc == H5_OK)
		keep(o->id, id);
	if (rc == H5_OK)
		rc = fen(ev, "total_fee", &o->total_fee, e);
	if (rc == H5_OK)
		rc = text(ev, "body", 1024, &o->body, e);
	if (rc == H5_OK)
		rc = text_if(ev, "attach", 1024, &o->attach, e);
	if (rc == H5_OK)
		rc = text_if(ev, "item", 64, &o->item, e);
	if (rc == H5_OK && o->item != NULL)
		rc = number(ev, "qty", 1, 1000000000, &o->qty, e);
	if (rc == H5_OK)
		rc = text_if(ev, "lang", LANG_MAX, &o->lang, e);
	if (rc == H5_OK)
		rc = moment(ev, "expires_at", &o->expires_at, e);
	if (rc == H5_OK)
		rc = add_attempt(o, ev, e);
	o->state = H5_ORDER_CREATED;
	o->created_at = ev->at;
	return rc;
}

static enum h5_code
apply_attempt(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	if (h5_order_settled(o))
		return h5_err_set(e, H5_E_STATE,
		    "order %s is %s: no further attempt", o->id,
		    h5_order_state_name(o->state));
	return add_attempt(o, ev, e);
}

static enum h5_code
apply_prepaid(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	char *ip, *prepay_id, *url;
	struct h5_attempt *a;
	enum h5_code rc;

	rc = attempt_of(o, ev, &a, e);
	if (rc == H5_OK)
		rc = text(ev, "spbill_create_ip",
		    sizeof a->spbill_create_ip - 1, &ip, e);
	if (rc == H5_OK)
		rc = text(ev, "prepay_id", 256, &prepay_id, e);
	if (rc == H5_OK)
		rc = text(ev, "mweb_url", 2048, &url, e);
	if (rc != H5_OK)
		return rc;
	keep(a->spbill_create_ip, ip);
	a->prepay_id = prepay_id;
	a->mweb_url = url;
	a->mweb_url_at = ev->at;
	if (o->state == H5_ORDER_CREATED)
		o->state = H5_ORDER_AWAITING;
	return H5_OK;
}

/* WeChat answered about an attempt. */
static void
checked(struct h5_order *o, struct h5_attempt *a, const struct h5_event *ev,
    const char *trade_state)
{
	keep(a->trade_state, trade_state);
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

	rc = attempt_of(o, ev, &a, e);
	if (rc == H5_OK)
		rc = text(
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

	rc = attempt_of(o, ev, &a, e);
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
};

static enum h5_code
read_payment(const struct h5_order *o, const struct h5_event *ev,
    struct payment *p, struct h5_err *e)
{
	enum h5_code rc;
	int64_t total;

	rc = attempt_of(o, ev, &p->a, e);
	if (rc == H5_OK)
		rc = text(ev, "transaction_id", sizeof p->a->transaction_id - 1,
		    &p->transaction_id, e);
	if (rc == H5_OK)
		rc = fen(ev, "total_fee", &total, e);
	if (rc == H5_OK)
		rc = text(ev, "via", sizeof o->paid_via - 1, &p->via, e);
	if (rc == H5_OK && strcmp(p->via, "notify") != 0 &&
	    strcmp(p->via, "query") != 0)
		rc = h5_err_set(e, H5_E_INPUT, "paid: via is neither");
	if (rc == H5_OK)
		rc = text_if(ev, "trade_state", sizeof p->a->trade_state - 1,
		    &p->trade_state, e);
	p->end = ev->at;
	if (rc == H5_OK && h5_fields_get(&ev->fields, "time_end") != NULL)
		rc = moment(ev, "time_end", &p->end, e);
	/* The last of several guards: another amount is never "paid". */
	if (rc == H5_OK && total != o->total_fee)
		rc = h5_err_set(e, H5_E_STATE,
		    "order %s is not paid with another amount", o->id);
	if (rc == H5_OK && p->a->state == H5_ATTEMPT_PAID &&
	    strcmp(p->a->transaction_id, p->transaction_id) != 0)
		rc = h5_err_set(e, H5_E_STATE,
		    "attempt %s is paid by another transaction",
		    p->a->out_trade_no);
	return rc;
}

static enum h5_code
apply_paid(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct payment p = {0};
	enum h5_code rc;

	rc = read_payment(o, ev, &p, e);
	if (rc == H5_OK)
		rc = room_for_outgoing(o, e);
	if (rc != H5_OK)
		return rc;
	if (strcmp(p.via, "query") == 0)
		checked(o, p.a, ev,
		    p.trade_state != NULL ? p.trade_state : "SUCCESS");
	p.a->state = H5_ATTEMPT_PAID;
	keep(p.a->transaction_id, p.transaction_id);
	if (o->transaction_id[0] != '\0')
		return H5_OK;
	o->state = H5_ORDER_PAID;
	o->paid_at = p.end;
	keep(o->paid_via, p.via);
	keep(o->transaction_id, p.transaction_id);
	tell_shop(o, ev, "order.paid");
	return H5_OK;
}

/* Changes nothing: it tells later readers who closed the attempt. */
static enum h5_code
apply_closing(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;

	return attempt_of(o, ev, &a, e);
}

static enum h5_code
apply_ended(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;
	enum h5_code rc;
	char *why;

	rc = attempt_of(o, ev, &a, e);
	if (rc == H5_OK)
		rc = text(ev, "why", WHY_MAX, &why, e);
	if (rc == H5_OK && a->state != H5_ATTEMPT_PAID)
		a->state = H5_ATTEMPT_CLOSED;
	return rc;
}

static enum h5_code
apply_closed(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;
	char *why;

	rc = text(ev, "why", WHY_MAX, &why, e);
	if (rc == H5_OK)
		rc = room_for_outgoing(o, e);
	if (rc != H5_OK || h5_order_settled(o))
		return rc;
	o->state = H5_ORDER_CLOSED;
	o->closed_at = ev->at;
	tell_shop(o, ev, "order.closed");
	return H5_OK;
}

/* --- refunds -------------------------------------------------------------- */

static bool
refund_is(const struct h5_refund *r, const char *status)
{
	return strcmp(r->status, status) == 0;
}

/* Has WeChat not said its last word on it?  CHANGE waits for the merchant at
 * WeChat's own platform and may still become SUCCESS. */
static bool
refund_open(const struct h5_refund *r)
{
	return refund_is(r, "asked") || refund_is(r, "PROCESSING") ||
	       refund_is(r, "CHANGE");
}

/* Does nothing bind its amount?  A hint is hearsay, and what WeChat refused
 * never was. */
static bool
refund_loose(const struct h5_refund *r)
{
	return refund_is(r, "hinted") || refund_is(r, "refused");
}

/* All that came in: each payment of an overpaid order can be refunded. */
static int64_t
received(const struct h5_order *o)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < o->n_attempts; i++)
		if (o->attempts[i].state == H5_ATTEMPT_PAID)
			sum += o->total_fee;
	return sum;
}

/* The state that the refunds make of a paid order. */
static void
weigh_refunds(struct h5_order *o)
{
	int64_t returned = 0;
	bool open = false;
	size_t i;

	for (i = 0; i < o->n_refunds; i++) {
		open = open || refund_open(&o->refunds[i]);
		if (refund_is(&o->refunds[i], "SUCCESS"))
			returned += o->refunds[i].refund_fee;
	}
	if (returned >= received(o))
		o->state = H5_ORDER_REFUNDED;
	else if (open)
		o->state = H5_ORDER_REFUNDING;
	else if (returned > 0)
		o->state = H5_ORDER_PARTLY_REFUNDED;
	else
		o->state = H5_ORDER_PAID;
}

/* What the refund events say. */
struct refund_word {
	char *out_refund_no;
	char *out_trade_no; /* NULL: not said */
	char *refund_id; /* NULL: not said */
	char *status; /* likewise */
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
	size_t i;

	memset(w, 0, sizeof *w);
	rc = text(ev, "out_refund_no", sizeof r->out_refund_no - 1,
	    &w->out_refund_no, e);
	if (rc == H5_OK)
		rc = text_if(ev, "out_trade_no", sizeof r->out_trade_no - 1,
		    &w->out_trade_no, e);
	if (rc == H5_OK)
		rc = text_if(
		    ev, "refund_id", sizeof r->refund_id - 1, &w->refund_id, e);
	if (rc == H5_OK && h5_fields_get(&ev->fields, "refund_fee") != NULL)
		rc = fen(ev, "refund_fee", &w->refund_fee, e);
	if (rc != H5_OK)
		return rc;
	for (i = 0; i < o->n_refunds && w->r == NULL; i++)
		if (strcmp(o->refunds[i].out_refund_no, w->out_refund_no) == 0)
			w->r = &o->refunds[i];
	if (w->r != NULL && w->r->refund_fee != 0 && w->refund_fee != 0 &&
	    w->r->refund_fee != w->refund_fee && !refund_loose(w->r))
		return h5_err_set(e, H5_E_STATE, "refund %s has another amount",
		    w->out_refund_no);
	return H5_OK;
}

/* Takes what is new into the refund, which is made when it is unknown. */
static enum h5_code
note_refund(struct h5_order *o, const struct h5_event *ev,
    const struct refund_word *w, const char *status, struct h5_err *e)
{
	struct h5_refund *r = w->r;
	enum h5_code rc;

	if (r == NULL) {
		rc = room_for_refund(o, e);
		if (rc != H5_OK)
			return rc;
		r = &o->refunds[o->n_refunds++];
		memset(r, 0, sizeof *r);
		keep(r->out_refund_no, w->out_refund_no);
	}
	keep(r->status, status);
	if (w->out_trade_no != NULL)
		keep(r->out_trade_no, w->out_trade_no);
	if (w->refund_id != NULL)
		keep(r->refund_id, w->refund_id);
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
	r->changed_at = w->success_at != 0 ? w->success_at : ev->at;
	return H5_OK;
}

/* Refunds that may still leave, or have left. */
static int64_t
refunds_out(const struct h5_order *o)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < o->n_refunds; i++)
		if (!refund_is(&o->refunds[i], "REFUNDCLOSE") &&
		    !refund_is(&o->refunds[i], "refused"))
			sum += o->refunds[i].refund_fee;
	return sum;
}

static enum h5_code
must_be_paid(
    const struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	if (o->transaction_id[0] != '\0')
		return H5_OK;
	return h5_err_set(e, H5_E_STATE, "%s: order %s is not paid",
	    h5_event_name(ev->kind), o->id);
}

static enum h5_code
apply_refund_asked(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct refund_word w;
	enum h5_code rc;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK && w.refund_fee == 0)
		rc = h5_err_set(e, H5_E_INPUT, "refund-asked: no refund_fee");
	if (rc == H5_OK)
		rc = text_if(ev, "reason", 256, &w.reason, e);
	if (rc == H5_OK)
		rc = must_be_paid(o, ev, e);
	if (rc != H5_OK)
		return rc;
	/* Asking again with the same number is a retry; once WeChat has
	 * taken it, it says nothing new. */
	if (w.r != NULL && !refund_is(w.r, "asked") &&
	    !refund_is(w.r, "hinted") && !refund_is(w.r, "refused"))
		return H5_OK;
	if (refunds_out(o) -
		(w.r != NULL && !refund_is(w.r, "refused") ? w.r->refund_fee
							   : 0) +
		w.refund_fee >
	    received(o))
		return h5_err_set(e, H5_E_STATE,
		    "refunds of order %s would exceed what was paid", o->id);
	rc = note_refund(o, ev, &w, "asked", e);
	if (rc == H5_OK)
		weigh_refunds(o);
	return rc;
}

static enum h5_code
apply_refund_hint(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct refund_word w;
	enum h5_code rc;
	char *status;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK)
		rc = text_if(ev, "refund_status", 32, &status, e);
	if (rc != H5_OK)
		return rc;
	/* What is under way already stays what it is: the hint only says that
	 * there is news. */
	if (w.r != NULL && (refund_open(w.r) || refund_is(w.r, "SUCCESS"))) {
		w.r->hinted_at = ev->at;
		return H5_OK;
	}
	return note_refund(o, ev, &w, "hinted", e);
}

/* What we or a notice spoke of does not exist at WeChat. */
static enum h5_code
apply_refund_refused(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct refund_word w;
	enum h5_code rc;
	char *why;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK)
		rc = text(ev, "why", WHY_MAX, &why, e);
	if (rc == H5_OK && w.r == NULL)
		rc =
		    h5_err_set(e, H5_E_INPUT, "refund-refused: no such refund");
	if (rc != H5_OK ||
	    (!refund_is(w.r, "asked") && !refund_is(w.r, "hinted")))
		return rc;
	rc = note_refund(o, ev, &w, "refused", e);
	if (rc == H5_OK && o->transaction_id[0] != '\0')
		weigh_refunds(o);
	return rc;
}

static enum h5_code
apply_refunded(struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	static const char *const words[] = {
	    "SUCCESS", "PROCESSING", "CHANGE", "REFUNDCLOSE"};
	struct refund_word w;
	enum h5_code rc;
	bool known = false;
	size_t i;

	rc = read_refund(o, ev, &w, e);
	if (rc == H5_OK)
		rc = text(ev, "status", sizeof w.r->status - 1, &w.status, e);
	for (i = 0; rc == H5_OK && i < H5_LENGTH(words); i++)
		known = known || strcmp(w.status, words[i]) == 0;
	if (rc == H5_OK && (!known || w.refund_id == NULL || w.refund_fee == 0))
		rc = h5_err_set(e, H5_E_INPUT,
		    "refunded: status, refund_id or refund_fee is amiss");
	if (rc == H5_OK && h5_fields_get(&ev->fields, "success_time") != NULL)
		rc = moment(ev, "success_time", &w.success_at, e);
	if (rc == H5_OK)
		rc = must_be_paid(o, ev, e);
	if (rc == H5_OK)
		rc = room_for_outgoing(o, e);
	/* Money that has gone back stays gone: a late PROCESSING is old news.
	 */
	if (rc != H5_OK || (w.r != NULL && refund_is(w.r, "SUCCESS")))
		return rc;
	rc = note_refund(o, ev, &w, w.status, e);
	if (rc != H5_OK)
		return rc;
	weigh_refunds(o);
	if (strcmp(w.status, "SUCCESS") == 0)
		tell_shop(o, ev, "order.refunded");
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

	rc = text(ev, "alert", 16, &word, e);
	if (rc != H5_OK)
		return rc;
	for (bit = H5_ALERT_DISPUTED; bit <= H5_ALERT_OVERPAID; bit <<= 1)
		if (strcmp(word,
			h5_order_alert_name((enum h5_order_alert)bit)) == 0)
			found = bit;
	if (found == 0)
		return h5_err_set(e, H5_E_INPUT, "alert: unknown word");
	rc = attempt_of(o, ev, &a, e);
	if (rc == H5_OK)
		rc = room_for_outgoing(o, e);
	if (rc != H5_OK)
		return rc;
	o->alerts |= found;
	tell_shop(o, ev, "order.alert");
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
	rc = text(ev, "id", sizeof(*g)->id - 1, &id, e);
	if (rc == H5_OK)
		rc = text(ev, "to", 16, &to, e);
	if (rc != H5_OK)
		return rc;
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
		rc = number(ev, "failures", 1, 1000000, &failures, e);
	if (rc == H5_OK)
		rc = moment(ev, "retry_at", &retry_at, e);
	if (rc != H5_OK)
		return rc;
	g->failures = (unsigned)failures;
	g->retry_at = retry_at;
	return H5_OK;
}

/* --- the fold ------------------------------------------------------------- */

static const apply_fn appliers[] = {
    [H5_EVENT_CREATED] = apply_created,
    [H5_EVENT_ATTEMPT] = apply_attempt,
    [H5_EVENT_PREPAID] = apply_prepaid,
    [H5_EVENT_QUERIED] = apply_queried,
    [H5_EVENT_UNREACHED] = apply_unreached,
    [H5_EVENT_PAID] = apply_paid,
    [H5_EVENT_CLOSING] = apply_closing,
    [H5_EVENT_ENDED] = apply_ended,
    [H5_EVENT_CLOSED] = apply_closed,
    [H5_EVENT_REFUND_ASKED] = apply_refund_asked,
    [H5_EVENT_REFUND_HINT] = apply_refund_hint,
    [H5_EVENT_REFUNDED] = apply_refunded,
    [H5_EVENT_REFUND_REFUSED] = apply_refund_refused,
    [H5_EVENT_ALERT] = apply_alert,
    [H5_EVENT_DELIVERED] = apply_delivered,
    [H5_EVENT_UNDELIVERED] = apply_undelivered,
};

_Static_assert(
    H5_LENGTH(appliers) == H5_EVENT_KINDS, "a function for each event");

enum h5_code
h5_order_apply(struct h5_order *o, struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc;

	rc = room_for_event(o, e);
	if (rc == H5_OK)
		rc = appliers[ev->kind](o, ev, e);
	if (rc != H5_OK) {
		h5_event_release(ev);
		return rc;
	}
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

/* --- what programs ask of an order ---------------------------------------- */

bool
h5_order_settled(const struct h5_order *o)
{
	return o->state != H5_ORDER_CREATED && o->state != H5_ORDER_AWAITING;
}

bool
h5_order_at_rest(const struct h5_order *o, unsigned hooks)
{
	size_t i;

	if (!h5_order_settled(o))
		return false;
	for (i = 0; i < o->n_attempts; i++)
		if (o->attempts[i].state == H5_ATTEMPT_AWAITING)
			return false;
	for (i = 0; i < o->n_refunds; i++)
		if (refund_open(&o->refunds[i]) ||
		    refund_is(&o->refunds[i], "hinted"))
			return false;
	for (i = 0; i < o->n_outgoing; i++)
		if ((o->outgoing[i].done & hooks) != hooks)
			return false;
	return true;
}
