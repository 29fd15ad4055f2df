/* Steps with one attempt: asking WeChat about it and how often, closing it,
 * sending the buyer to it; and what becomes of the answers. */
#include "common/pay/attempt.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/pay/hold.h"
#include "common/pay/returned.h"
#include "common/pay/settle.h"

/* The last half minute of a mweb_url's life is the buyer's way there. */
#define FRESH_S (H5_PAY_URL_LIFE_S - 30)
/* WeChat closes no number that was ordered more recently (PROTOCOL 5). */
#define CLOSE_AFTER_S 300
/* So long after a number's time_expire nobody can be paying it any more,
 * however WeChat's clock and ours differ. */
#define EXPIRED_S 60
/* After a try that did not reach WeChat the next may follow soon. */
#define RETRY_S 1
/* The least time between two questions doubles with each so many events that a
 * button can cause, so that one pressed for days cannot fill a ledger. */
#define TRIES_A_STEP 32
#define STEPS_MAX 10

static size_t
count(const struct h5_order *o, enum h5_event_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < o->n_events; i++)
		if (o->events[i].kind == kind)
			n++;
	return n;
}

/* What buttons and sweeps may cause again and again. */
static size_t
tries(const struct h5_order *o)
{
	return count(o, H5_EVENT_QUERIED) + count(o, H5_EVENT_UNREACHED) +
	       count(o, H5_EVENT_PREPAID);
}

/* The least time between two talks with WeChat about the order, in seconds. */
static int64_t
least_gap(const struct h5_shop *shop, const struct h5_order *o)
{
	size_t steps = o->full ? STEPS_MAX : tries(o) / TRIES_A_STEP;
	int64_t gap = shop->c->orders.query_interval_s;

	/* An unreached WeChat was not troubled, so its interval does not apply;
	 * a short pause still keeps a broken line from being tried in a
	 * loop. */
	if (o->unreached && gap > RETRY_S)
		gap = RETRY_S;
	return gap << (steps < STEPS_MAX ? steps : STEPS_MAX);
}

bool
h5_pay_too_early(
    const struct h5_shop *shop, const struct h5_order *o, int64_t now)
{
	/* A clock that was set back must not silence queries until it catches
	 * up. */
	return o->tried_at != 0 && now >= o->tried_at &&
	       now - o->tried_at < least_gap(shop, o);
}

int64_t
h5_pay_orderable_at(
    const struct h5_shop *shop, const struct h5_order *o, int64_t now)
{
	int64_t last = h5_order_current(o)->prepaid_at;

	/* Every PREPAID is a line of the ledger. */
	if (o->full)
		return h5_order_ends_at(o);
	if (last < o->tried_at)
		last = o->tried_at;
	if (tries(o) < TRIES_A_STEP || now < last)
		return now;
	last += least_gap(shop, o);
	return last > now ? last : now;
}

static bool
closing_noted(const struct h5_order *o, const struct h5_attempt *a)
{
	size_t i;

	for (i = 0; i < o->n_events; i++)
		if (o->events[i].kind == H5_EVENT_CLOSING &&
		    h5_fields_is(
			&o->events[i].fields, "out_trade_no", a->out_trade_no))
			return true;
	return false;
}

static enum h5_code
decide_note(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct h5_pay_note *n = arg;
	const struct h5_attempt *a = NULL;
	struct h5_event *ev;

	/* Without a number the event is about the order as a whole. */
	if (n->out_trade_no != NULL) {
		a = h5_order_attempt(o, n->out_trade_no);
		if (a == NULL)
			return h5_err_set(
			    e, H5_E_NOTFOUND, "there is no such attempt");
	}
	/* Under the lock things may look different: what has ended stays
	 * ended, and what was paid meanwhile stays paid. */
	if (n->kind == H5_EVENT_ENDED && a != NULL &&
	    a->state != H5_ATTEMPT_AWAITING)
		return H5_OK;
	if (n->kind == H5_EVENT_CLOSED && h5_order_settled(o))
		return H5_OK;
	/* That we want it closed is remembered once, however often WeChat
	 * will not close it yet. */
	if (n->kind == H5_EVENT_CLOSING && a != NULL && closing_noted(o, a))
		return H5_OK;
	ev = h5_store_add(b, n->kind);
	h5_event_text(ev, "out_trade_no", n->out_trade_no);
	h5_event_text(ev, "trade_state", n->trade_state);
	h5_event_text(ev, "why", n->why);
	return h5_event_finish(ev, e);
}

enum h5_code
h5_pay_note(const struct h5_shop *shop, struct h5_order **o,
    struct h5_pay_note n, struct h5_err *e)
{
	return h5_pay_update(shop, decide_note, &n, o, e);
}

/* WeChat was asked and gave nothing to believe: remember when, hand the
 * reason up. */
static enum h5_code
unreached(const struct h5_shop *shop, struct h5_order **o,
    const char *out_trade_no, enum h5_code why, struct h5_err *e)
{
	struct h5_pay_note n = {
	    H5_EVENT_UNREACHED, out_trade_no, h5_err_name(why), NULL};
	struct h5_err e_note;
	char id[H5_ORDER_ID_MAX + 1];

	/* h5_pay_note frees *o, so the id is copied before it is needed
	 * again. */
	memcpy(id, (*o)->id, sizeof id);
	/* A note that cannot be written is logged and no more: the caller must
	 * still hear why WeChat gave nothing, which is the more useful
	 * reason. */
	if (h5_pay_note(shop, o, n, &e_note) != H5_OK) {
		h5_log_event(shop->log, H5_LOG_ERROR, "store-failed", "order",
		    id, "why", e_note.msg, NULL);
		/* The update took the order away.  It is loaded again, since
		 * the caller goes on with the order as it is stored. */
		if (*o == NULL &&
		    h5_store_load(shop->st, id, o, &e_note) != H5_OK)
			return h5_err_set(e, e_note.code, "%s", e_note.msg);
	}
	return why;
}

static enum h5_code
settle(const struct h5_shop *shop, const struct h5_wechat_trade *t,
    struct h5_order **o, struct h5_err *e)
{
	enum h5_settled settled;

	/* h5_settle loads the order itself, under the store's lock. */
	h5_order_free(*o);
	*o = NULL;
	return h5_settle(shop, t, "query", &settled, o, e);
}

/* rule: returned_first
 * REFUND says "paid, and some went back".  How much decides what the shop is
 * told, so it is asked before the payment is recorded; until WeChat has said
 * it, nothing is. */
static enum h5_code
settle_returned(const struct h5_shop *shop, struct h5_wechat_trade *t,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_wechat_refunds *list;
	bool all;
	enum h5_code rc;

	rc = h5_returned_ask(shop, *o, h5_order_attempt(*o, t->out_trade_no),
	    t->transaction_id, &list, &all, e);
	if (rc == H5_E_NET || rc == H5_E_REMOTE) {
		rc = unreached(shop, o, t->out_trade_no, rc, e);
	} else if (rc == H5_OK) {
		t->returned = h5_returned_sum(list);
		/* Nobody knows how much: until it is known the shop is told
		 * nothing, as if it were all. */
		t->elsewhere = !all && t->returned == 0;
		if (t->elsewhere)
			t->returned = t->total_fee;
		rc = h5_returned_announce(shop, list, o, e);
		if (rc == H5_OK)
			rc = settle(shop, t, o, e);
		if (rc == H5_OK)
			rc = h5_returned_record_all(shop, list, o, e);
	}
	free(list);
	return rc;
}

/* Money of another amount or currency is disputed, whatever became of it. */
static bool
went_back(const struct h5_order *o, const struct h5_wechat_trade *t)
{
	return strcmp(t->trade_state, "REFUND") == 0 &&
	       t->total_fee == o->total_fee && strcmp(t->fee_type, "CNY") == 0;
}

enum h5_code
h5_pay_ask_one(const struct h5_shop *shop, const char *out_trade_no,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	struct h5_pay_note gone = {
	    H5_EVENT_QUERIED, out_trade_no, NULL, "ORDERNOTEXIST"};
	enum h5_code rc;

	rc = h5_wechat_query(shop->wx, shop->log,
	    h5_order_attempt(*o, out_trade_no), &t, &refusal, e);
	/* Only a failure to talk is "unreached".  Other errors (of
	 * configuration, of memory) say nothing about WeChat and are not
	 * recorded as a try. */
	if (rc == H5_E_NET || rc == H5_E_REMOTE) {
		rc = unreached(shop, o, out_trade_no, rc, e);
	} else if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS) {
		rc = went_back(*o, &t) ? settle_returned(shop, &t, o, e)
				       : settle(shop, &t, o, e);
	} else if (rc == H5_OK && refusal.verdict == H5_WECHAT_UNKNOWN_ORDER) {
		/* Noted as a query, or the sweep would ask again at once.  The
		 * attempt stays open: a number that is unknown today can be
		 * ordered tomorrow. */
		rc = h5_pay_note(shop, o, gone, e);
	} else if (rc == H5_OK) {
		/* A refusal says nothing about the payment (PROTOCOL 4), so it
		 * counts as no answer at all. */
		(void)h5_err_set(
		    e, H5_E_REMOTE, "orderquery refused: %s", refusal.err_code);
		rc = unreached(shop, o, out_trade_no, H5_E_REMOTE, e);
	}
	h5_wechat_trade_release(&t);
	return rc;
}

enum h5_code
h5_pay_ask_all(const struct h5_shop *shop, bool every, struct h5_order **o,
    struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < (*o)->n_attempts; i++) {
		if ((*o)->attempts[i].state == H5_ATTEMPT_PAID ||
		    (!every && (*o)->attempts[i].state == H5_ATTEMPT_CLOSED))
			continue;
		memcpy(number, (*o)->attempts[i].out_trade_no, sizeof number);
		rc = h5_pay_ask_one(shop, number, o, e);
	}
	return rc;
}

/* --- closing -------------------------------------------------------------- */

/* rule: paid_there
 * WeChat will not close it because it was paid.  Until orderquery says the
 * same, it may be neither closed nor followed by another. */
static enum h5_code
paid_already(const struct h5_shop *shop, const char *out_trade_no,
    struct h5_order **o, struct h5_err *e)
{
	enum h5_code rc = h5_pay_ask_one(shop, out_trade_no, o, e);

	/* Three ways out: the query failed, it found the payment, or WeChat has
	 * closed the attempt since. */
	if (rc != H5_OK || h5_order_nothing_due(*o) ||
	    h5_order_attempt(*o, out_trade_no)->state != H5_ATTEMPT_AWAITING)
		return rc;
	/* APIv3 says no in unsigned words that mean several things: that it was
	 * paid, or that it is too early. */
	if (h5_order_attempt(*o, out_trade_no)->api == H5_API_V3)
		return h5_err_set(e, H5_E_STATE,
		    "WeChat does not close %s as it stands: try again later",
		    out_trade_no);
	return h5_err_set(
	    e, H5_E_REMOTE, "ORDERPAID, but orderquery knows no payment");
}

bool
h5_pay_known(const struct h5_order *o, const struct h5_attempt *a)
{
	const struct h5_event *ev;
	size_t i;

	if (a->prepay_id != NULL)
		return true;
	for (i = 0; i < o->n_events; i++) {
		ev = &o->events[i];
		if (!h5_fields_is(&ev->fields, "out_trade_no", a->out_trade_no))
			continue;
		if (ev->kind == H5_EVENT_CLOSING ||
		    (ev->kind == H5_EVENT_QUERIED &&
			!h5_fields_is(
			    &ev->fields, "trade_state", "ORDERNOTEXIST")))
			return true;
	}
	return false;
}

int64_t
h5_pay_closable_at(const struct h5_attempt *a, int64_t now)
{
	int64_t at = a->created_at + CLOSE_AFTER_S;

	return now < at ? at : a->time_expire + EXPIRED_S;
}

/* rule: their_time
 * Was the number's time up when WeChat gave its last answer?  By WeChat's own
 * clock: this machine's may be hours ahead. */
static bool
over_there(const struct h5_shop *shop, const struct h5_attempt *a)
{
	int64_t at;

	return h5_wechat_date(shop->wx, &at) &&
	       at >= a->time_expire + EXPIRED_S;
}

/* rule: spoken
 * closeorder says that there is no such number.  That ends one that WeChat
 * never spoke of, since this call has burnt it.  One that WeChat did speak of
 * (the answer to its unifiedorder may be all that was lost) can be paid until
 * its time is up. */
static enum h5_code
unknown_there(const struct h5_shop *shop, struct h5_pay_note ended,
    struct h5_order **o, struct h5_err *e)
{
	const struct h5_attempt *a = h5_order_attempt(*o, ended.out_trade_no);

	if (h5_pay_known(*o, a) && !over_there(shop, a))
		return h5_err_set(e, H5_E_STATE,
		    "WeChat knew %s, and does not confirm that it is closed: "
		    "try again later",
		    a->out_trade_no);
	return h5_pay_note(shop, o, ended, e);
}

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
	/* Every verdict is named, so that a new one does not compile until
	 * somebody has decided what it means for closing. */
	case H5_WECHAT_UNKNOWN_ORDER:
		return unknown_there(shop, ended, o, e);
	case H5_WECHAT_SUCCESS:
	case H5_WECHAT_CLOSED:
		return h5_pay_note(shop, o, ended, e);
	case H5_WECHAT_PAID:
		return paid_already(shop, out_trade_no, o, e);
	case H5_WECHAT_NOT_YET:
		return h5_err_set(e, H5_E_STATE,
		    "WeChat does not close %s yet: try again later",
		    out_trade_no);
	/* rule: confirmed_close
	 * The close may have happened.  Closing again is harmless (PROTOCOL 5),
	 * so the caller simply repeats it. */
	case H5_WECHAT_AGAIN:
		return h5_err_set(e, H5_E_NET, "closeorder: outcome unknown");
	case H5_WECHAT_TAKEN:
	case H5_WECHAT_TAKEN_PERHAPS:
	case H5_WECHAT_NO_REFUND:
	case H5_WECHAT_MERCHANT:
	case H5_WECHAT_REFUSED:
		break;
	}
	return h5_err_set(
	    e, H5_E_REMOTE, "closeorder refused: %s", refusal.err_code);
}

/* --- what it is made with ------------------------------------------------- */

void
h5_pay_made_with(const struct h5_config *c, struct h5_event *ev)
{
	if (c->merchant.api == H5_API_V2)
		h5_event_text(
		    ev, "sign_type", h5_order_sign_word(c->merchant.sign_type));
	else
		h5_event_text(ev, "api", h5_order_api_word(c->merchant.api));
}

/* --- the buyer's way ------------------------------------------------------ */

int64_t
h5_pay_fresh_until(const struct h5_attempt *a)
{
	int64_t until;

	if (a->state != H5_ATTEMPT_AWAITING || a->prepay_id == NULL)
		return 0;
	if (a->product == H5_PRODUCT_H5)
		return a->prepaid_at + FRESH_S;
	until = a->prepaid_at + H5_PAY_CODE_LIFE_S;
	return until < a->time_expire ? until : a->time_expire;
}

bool
h5_pay_fresh(const struct h5_attempt *a, int64_t now)
{
	return now >= a->prepaid_at && now < h5_pay_fresh_until(a);
}
