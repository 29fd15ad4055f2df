/* What WeChat is asked, how often, and what becomes of the answer. */
#include <string.h>

#include "common/base/clock.h"
#include "common/pay/attempt.h"
#include "common/pay/settle.h"

/* After a try that did not reach WeChat the next may follow soon. */
#define RETRY_S 1
/* The least time between two queries doubles with each so many of them, so
 * that a button pressed for days cannot fill a ledger. */
#define QUERIES_A_STEP 32
#define STEPS_MAX 10

size_t
h5_pay_count(const struct h5_order *o, enum h5_event_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < o->n_events; i++)
		if (o->events[i].kind == kind)
			n++;
	return n;
}

/* Is it too early to ask WeChat again? */
bool
h5_pay_too_early(
    const struct h5_shop *shop, const struct h5_order *o, int64_t now)
{
	size_t steps = h5_pay_count(o, H5_EVENT_QUERIED) / QUERIES_A_STEP;
	int64_t gap = shop->c->orders.query_interval_s;

	if (o->tried_at == 0 || now < o->tried_at)
		return false;
	if (o->unreached)
		gap = gap < RETRY_S ? gap : RETRY_S;
	else
		gap <<= steps < STEPS_MAX ? steps : STEPS_MAX;
	return now - o->tried_at < gap;
}

enum h5_code
h5_pay_reload(const struct h5_shop *shop, const char *id, struct h5_order **o,
    struct h5_err *e)
{
	h5_order_free(*o);
	*o = NULL;
	return h5_store_load(shop->st, id, o, e);
}

/* How long to wait for another program's talk with WeChat: as long as one may
 * last. */
int
h5_pay_patience_ms(const struct h5_shop *shop)
{
	return shop->c->gateway.deadline_ms + 1000;
}

static enum h5_code
decide_note(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct h5_pay_note *n = arg;
	const struct h5_attempt *a = NULL;
	struct h5_event *ev;

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
	char id[H5_ORDER_ID_MAX + 1];

	memcpy(id, (*o)->id, sizeof id);
	h5_order_free(*o);
	*o = NULL;
	return h5_store_update(shop->st, id, NULL, decide_note, &n, o, e);
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

	memcpy(id, (*o)->id, sizeof id);
	if (h5_pay_note(shop, o, n, &e_note) != H5_OK) {
		h5_log_event(shop->log, H5_LOG_ERROR, "store-failed", "order",
		    id, "why", e_note.msg, NULL);
		if (*o == NULL &&
		    h5_store_load(shop->st, id, o, &e_note) != H5_OK)
			return h5_err_set(e, e_note.code, "%s", e_note.msg);
	}
	return why;
}

/* Asks about one attempt and brings the answer into the ledger. */
enum h5_code
h5_pay_ask_one(const struct h5_shop *shop, const char *out_trade_no,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	enum h5_settled settled;
	struct h5_pay_note gone = {
	    H5_EVENT_QUERIED, out_trade_no, NULL, "ORDERNOTEXIST"};
	enum h5_code rc;

	rc = h5_wechat_query(shop->wx, shop->log,
	    h5_order_attempt(*o, out_trade_no), &t, &refusal, e);
	if (rc == H5_E_NET || rc == H5_E_REMOTE) {
		rc = unreached(shop, o, out_trade_no, rc, e);
	} else if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS) {
		h5_order_free(*o);
		*o = NULL;
		rc = h5_settle(shop, &t, "query", &settled, o, e);
	} else if (rc == H5_OK && refusal.verdict == H5_WECHAT_UNKNOWN_ORDER) {
		rc = h5_pay_note(shop, o, gone, e);
	} else if (rc == H5_OK) {
		(void)h5_err_set(
		    e, H5_E_REMOTE, "orderquery refused: %s", refusal.err_code);
		rc = unreached(shop, o, out_trade_no, H5_E_REMOTE, e);
	}
	h5_wechat_trade_release(&t);
	return rc;
}

/* Asks about each attempt that money may still arrive for.  every: those that
 * are closed, too. */
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

/* Was it WeChat, or the merchant over there, who ended it, and not we? */
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

/* WeChat says that the last attempt is closed, and nobody here asked for
 * that: then the order is. */
enum h5_code
h5_pay_close_if_wechat_did(
    const struct h5_shop *shop, struct h5_order **o, struct h5_err *e)
{
	const struct h5_attempt *a = h5_order_current(*o);
	struct h5_pay_note closed = {H5_EVENT_CLOSED, NULL, "wechat", NULL};

	if (h5_order_nothing_due(*o) || a->state != H5_ATTEMPT_CLOSED ||
	    !ended_there(*o, a->out_trade_no))
		return H5_OK;
	return h5_pay_note(shop, o, closed, e);
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
	if (!force && (h5_order_settled(*o) ||
			  h5_pay_too_early(shop, *o, h5_clock_now())))
		return H5_OK;
	rc = h5_store_hold(shop->st, id, h5_pay_patience_ms(shop),
	    h5_pay_patience_ms(shop), &hold, e);
	if (rc != H5_OK)
		return rc;
	/* The one who talked before may have learned it already. */
	rc = h5_pay_reload(shop, id, o, e);
	if (rc == H5_OK &&
	    (force || (!h5_order_settled(*o) &&
			  !h5_pay_too_early(shop, *o, h5_clock_now())))) {
		*asked = true;
		rc = h5_pay_ask_all(shop, force, o, e);
		if (rc == H5_OK)
			rc = h5_pay_close_if_wechat_did(shop, o, e);
	}
	h5_store_release(hold);
	return rc;
}
