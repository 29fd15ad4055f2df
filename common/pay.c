#include "common/pay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/escape.h"
#include "common/settle.h"
#include "common/web.h"

/* A mweb_url lives five minutes; the last half is left to the buyer's way. */
#define FRESH_S 270
/* After a try that did not reach WeChat the next may follow soon. */
#define RETRY_S 1
/* The least time between two queries doubles with each so many of them, so
 * that a button pressed for days cannot fill a ledger. */
#define QUERIES_A_STEP 32
#define STEPS_MAX 10
/* time_expire must be more than five minutes ahead (PROTOCOL 2.3). */
#define EXPIRE_LEAST_S 360
#define ATTEMPTS_MAX 999

/* --- small facts -----------------------------------------------------------
 */

bool
h5_pay_fresh(const struct h5_attempt *a, int64_t now)
{
	return a->state == H5_ATTEMPT_AWAITING && a->mweb_url != NULL &&
	       now >= a->mweb_url_at && now - a->mweb_url_at < FRESH_S;
}

/* Money that does not fit has come in: the buyer must not pay again. */
static bool
held(const struct h5_order *o)
{
	return (o->alerts & (H5_ALERT_DISPUTED | H5_ALERT_OVERPAID)) != 0;
}

static bool
nothing_to_pay(const struct h5_order *o)
{
	return h5_order_settled(o) || held(o);
}

static size_t
count(const struct h5_order *o, enum h5_event_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < o->n_events; i++)
		if (o->events[i].kind == kind)
			n++;
	return n;
}

/* Is it too early to ask WeChat again? */
static bool
too_early(const struct h5_pay *p, const struct h5_order *o, int64_t now)
{
	size_t steps = count(o, H5_EVENT_QUERIED) / QUERIES_A_STEP;
	int64_t gap = p->c->orders.query_interval_s;

	if (o->tried_at == 0 || now < o->tried_at)
		return false;
	if (o->unreached)
		gap = gap < RETRY_S ? gap : RETRY_S;
	else
		gap <<= steps < STEPS_MAX ? steps : STEPS_MAX;
	return now - o->tried_at < gap;
}

static enum h5_code
reload(const struct h5_pay *p, const char *id, struct h5_order **o,
    struct h5_err *e)
{
	h5_order_free(*o);
	*o = NULL;
	return h5_store_load(p->st, id, o, e);
}

/* How long to wait for another program's talk with WeChat: as long as one may
 * last. */
static int
patience_ms(const struct h5_pay *p)
{
	return p->c->gateway.deadline_ms + 1000;
}

/* --- one event, written unless another road was faster ----------------------
 */

struct note {
	enum h5_event_kind kind;
	const char *out_trade_no;
	const char *why;
	const char *trade_state;
};

static enum h5_code
decide_note(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct note *n = arg;
	const struct h5_attempt *a = NULL;

	if (n->out_trade_no != NULL) {
		a = h5_order_attempt(o, n->out_trade_no);
		if (a == NULL)
			return h5_err_set(e, H5_E_NOTFOUND, "no such attempt");
	}
	/* Under the lock things may look different: what has ended stays
	 * ended, and what was paid meanwhile stays paid. */
	if (n->kind == H5_EVENT_ENDED && a != NULL &&
	    a->state != H5_ATTEMPT_AWAITING)
		return H5_OK;
	if (n->kind == H5_EVENT_CLOSED && h5_order_settled(o))
		return H5_OK;
	return h5_event_fill(h5_store_add(b, n->kind), e, "out_trade_no",
	    n->out_trade_no, "trade_state", n->trade_state, "why", n->why,
	    NULL);
}

static enum h5_code
note(const struct h5_pay *p, struct h5_order **o, struct note n,
    struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];

	memcpy(id, (*o)->id, sizeof id);
	h5_order_free(*o);
	*o = NULL;
	return h5_store_update(p->st, id, decide_note, &n, o, e);
}

/* --- create ------------------------------------------------------------------
 */

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static enum h5_code
fill_created(const struct h5_pay *p, const struct h5_pay_terms *t,
    struct h5_event *ev, struct h5_err *e)
{
	char start[H5_CLOCK_RFC3339], expire[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(ev->at, start);
	h5_clock_rfc3339(
	    ev->at + (int64_t)p->c->orders.expire_minutes * 60, expire);
	return h5_event_fill(ev, e, "order", t->id, "total_fee",
	    H5_LOG_NUM(t->total_fee), "body", t->body, "attach", t->attach,
	    "item", t->item, "qty", t->item != NULL ? H5_LOG_NUM(t->qty) : NULL,
	    "lang", t->lang, "expires_at", expire, "out_trade_no", t->id,
	    "spbill_create_ip", t->ip, "time_start", start, "time_expire",
	    expire, NULL);
}

enum h5_code
h5_pay_create(const struct h5_pay *p, const struct h5_pay_terms *t,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_event ev;
	enum h5_code rc;

	*o = NULL;
	h5_event_init(&ev, H5_EVENT_CREATED, h5_clock_now());
	rc = fill_created(p, t, &ev, e);
	if (rc == H5_OK)
		rc = h5_store_create(p->st, &ev, o, e);
	h5_event_release(&ev);
	if (rc == H5_OK) {
		h5_log_event(p->log, H5_LOG_INFO, "order-created", "order",
		    t->id, "total_fee", H5_LOG_NUM(t->total_fee), "item",
		    t->item, NULL);
		return H5_OK;
	}
	if (rc != H5_E_EXISTS || *o == NULL)
		return rc;
	if ((*o)->total_fee == t->total_fee && same((*o)->body, t->body) &&
	    same((*o)->attach, t->attach) && same((*o)->item, t->item) &&
	    (*o)->qty == (t->item != NULL ? t->qty : 0))
		return H5_OK;
	return h5_err_set(
	    e, H5_E_EXISTS, "order %s exists with other terms", t->id);
}

/* --- ask
 * ---------------------------------------------------------------------- */

/* WeChat was asked and gave nothing to believe: remember when, hand the
 * reason up. */
static enum h5_code
unreached(const struct h5_pay *p, struct h5_order **o, const char *out_trade_no,
    enum h5_code why, struct h5_err *e)
{
	struct note n = {
	    H5_EVENT_UNREACHED, out_trade_no, h5_err_name(why), NULL};
	struct h5_err e_note;
	char id[H5_ORDER_ID_MAX + 1];

	memcpy(id, (*o)->id, sizeof id);
	if (note(p, o, n, &e_note) != H5_OK) {
		h5_log_event(p->log, H5_LOG_ERROR, "store-failed", "order", id,
		    "why", e_note.msg, NULL);
		if (*o == NULL && h5_store_load(p->st, id, o, &e_note) != H5_OK)
			return h5_err_set(e, e_note.code, "%s", e_note.msg);
	}
	return why;
}

/* Asks about one attempt and brings the answer into the ledger. */
static enum h5_code
ask_one(const struct h5_pay *p, const char *out_trade_no, struct h5_order **o,
    struct h5_err *e)
{
	struct h5_wx_refusal refusal;
	struct h5_wx_trade t;
	enum h5_settled settled;
	struct note gone = {
	    H5_EVENT_QUERIED, out_trade_no, NULL, "ORDERNOTEXIST"};
	enum h5_code rc;

	rc = h5_wxpay_orderquery(p->wx, p->log, out_trade_no, &t, &refusal, e);
	if (rc == H5_E_NET || rc == H5_E_REMOTE) {
		rc = unreached(p, o, out_trade_no, rc, e);
	} else if (rc == H5_OK && refusal.verdict == H5_WX_SUCCESS) {
		h5_order_free(*o);
		*o = NULL;
		rc = h5_settle(p->st, p->log, &t, "query", &settled, o, e);
	} else if (rc == H5_OK && refusal.verdict == H5_WX_UNKNOWN_ORDER) {
		rc = note(p, o, gone, e);
	} else if (rc == H5_OK) {
		(void)h5_err_set(
		    e, H5_E_REMOTE, "orderquery refused: %s", refusal.err_code);
		rc = unreached(p, o, out_trade_no, H5_E_REMOTE, e);
	}
	h5_wx_trade_release(&t);
	return rc;
}

/* Asks about each attempt that money may still arrive for.  every: those that
 * are closed, too. */
static enum h5_code
ask_all(
    const struct h5_pay *p, bool every, struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < (*o)->n_attempts; i++) {
		if ((*o)->attempts[i].state == H5_ATTEMPT_PAID ||
		    (!every && (*o)->attempts[i].state == H5_ATTEMPT_CLOSED))
			continue;
		memcpy(number, (*o)->attempts[i].out_trade_no, sizeof number);
		rc = ask_one(p, number, o, e);
	}
	return rc;
}

static bool
ended_by_query(const struct h5_order *o, const char *out_trade_no)
{
	size_t i;

	for (i = o->n_events; i > 0; i--)
		if (o->events[i - 1].kind == H5_EVENT_ENDED &&
		    h5_fields_is(
			&o->events[i - 1].fields, "out_trade_no", out_trade_no))
			return h5_fields_is(
			    &o->events[i - 1].fields, "why", "query");
	return false;
}

/* WeChat says that the last attempt is closed, and nobody here asked for
 * that: then the order is. */
static enum h5_code
close_if_wechat_did(
    const struct h5_pay *p, struct h5_order **o, struct h5_err *e)
{
	const struct h5_attempt *a = h5_order_current(*o);
	struct note closed = {H5_EVENT_CLOSED, NULL, "wechat", NULL};

	if (nothing_to_pay(*o) || a->state != H5_ATTEMPT_CLOSED ||
	    !ended_by_query(*o, a->out_trade_no))
		return H5_OK;
	return note(p, o, closed, e);
}

enum h5_code
h5_pay_ask(const struct h5_pay *p, const char *id, bool force, bool *asked,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_store_talk *talk = NULL;
	enum h5_code rc;

	*asked = false;
	*o = NULL;
	rc = h5_store_load(p->st, id, o, e);
	if (rc != H5_OK)
		return rc;
	if (!force &&
	    (h5_order_settled(*o) || too_early(p, *o, h5_clock_now())))
		return H5_OK;
	rc = h5_store_talk(p->st, id, patience_ms(p), &talk, e);
	if (rc != H5_OK)
		return rc;
	/* The one who talked before may have learned it already. */
	rc = reload(p, id, o, e);
	if (rc == H5_OK && (force || (!h5_order_settled(*o) &&
					 !too_early(p, *o, h5_clock_now())))) {
		*asked = true;
		rc = ask_all(p, force, o, e);
		if (rc == H5_OK)
			rc = close_if_wechat_did(p, o, e);
	}
	h5_store_hush(talk);
	return rc;
}

/* --- start
 * -------------------------------------------------------------------- */

struct prepaid {
	const char *out_trade_no;
	const char *ip;
	const struct h5_wx_prepay *prepay;
};

static enum h5_code
decide_prepaid(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct prepaid *x = arg;

	/* A notice may have been faster than the order's own answer. */
	if (h5_order_settled(o))
		return H5_OK;
	return h5_event_fill(h5_store_add(b, H5_EVENT_PREPAID), e,
	    "out_trade_no", x->out_trade_no, "spbill_create_ip", x->ip,
	    "prepay_id", x->prepay->prepay_id, "mweb_url", x->prepay->mweb_url,
	    NULL);
}

struct next {
	int64_t now;
	int64_t expire;
	const char *ip;
};

/* The next attempt exists only after the last one cannot be paid any more. */
static enum h5_code
decide_next(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct next *x = arg;
	char number[H5_OUT_TRADE_NO_MAX + 1];
	char start[H5_CLOCK_RFC3339], expire[H5_CLOCK_RFC3339];

	if (nothing_to_pay(o) ||
	    h5_order_current(o)->state != H5_ATTEMPT_CLOSED)
		return H5_OK;
	if (o->n_attempts >= ATTEMPTS_MAX)
		return h5_err_set(
		    e, H5_E_STATE, "order %s has used all its attempts", o->id);
	(void)snprintf(
	    number, sizeof number, "%s_%u", o->id, (unsigned)o->n_attempts + 1);
	h5_clock_rfc3339(x->now, start);
	h5_clock_rfc3339(x->expire, expire);
	return h5_event_fill(h5_store_add(b, H5_EVENT_ATTEMPT), e,
	    "out_trade_no", number, "spbill_create_ip", x->ip, "time_start",
	    start, "time_expire", expire, NULL);
}

static enum h5_code
next_attempt(const struct h5_pay *p, const char *ip, struct h5_order **o,
    struct h5_err *e)
{
	struct next x = {h5_clock_now(), (*o)->expires_at, ip};
	char id[H5_ORDER_ID_MAX + 1];

	if (x.expire < x.now + EXPIRE_LEAST_S)
		x.expire = x.now + EXPIRE_LEAST_S;
	memcpy(id, (*o)->id, sizeof id);
	h5_order_free(*o);
	*o = NULL;
	return h5_store_update(p->st, id, decide_next, &x, o, e);
}

/* Closes one attempt at WeChat.  H5_OK: it can be paid no more, or it was paid
 * (then the order says so).  H5_E_STATE: not yet. */
static enum h5_code
close_attempt(const struct h5_pay *p, const char *out_trade_no,
    struct h5_order **o, struct h5_err *e)
{
	struct note ended = {H5_EVENT_ENDED, out_trade_no, "closeorder", NULL};
	struct h5_wx_refusal refusal;
	enum h5_code rc;

	rc = h5_wxpay_closeorder(p->wx, p->log, out_trade_no, &refusal, e);
	if (rc != H5_OK)
		return rc;
	switch (refusal.verdict) {
	case H5_WX_SUCCESS:
	case H5_WX_CLOSED:
	/* It was never ordered, and this call has burnt the number. */
	case H5_WX_UNKNOWN_ORDER:
		return note(p, o, ended, e);
	case H5_WX_PAID:
		return ask_one(p, out_trade_no, o, e);
	case H5_WX_NOT_YET:
		return h5_err_set(e, H5_E_STATE,
		    "WeChat does not close %s yet: try again later",
		    out_trade_no);
	case H5_WX_AGAIN:
		return h5_err_set(e, H5_E_NET, "closeorder: outcome unknown");
	case H5_WX_TAKEN:
	case H5_WX_MERCHANT:
	case H5_WX_REFUSED:
		break;
	}
	return h5_err_set(
	    e, H5_E_REMOTE, "closeorder refused: %s", refusal.err_code);
}

/* The number cannot be ordered again (201, ORDERCLOSED): a fresh query, a
 * confirmed close, then the next one. */
static enum h5_code
replace_attempt(const struct h5_pay *p, const char *ip,
    enum h5_pay_result *result, struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc;

	memcpy(number, h5_order_current(*o)->out_trade_no, sizeof number);
	rc = ask_one(p, number, o, e);
	if (rc == H5_OK && !nothing_to_pay(*o) &&
	    h5_order_current(*o)->state == H5_ATTEMPT_AWAITING)
		rc = close_attempt(p, number, o, e);
	if (rc == H5_E_STATE) {
		*result = H5_PAY_WAIT;
		return H5_OK;
	}
	if (rc != H5_OK)
		return rc;
	if (nothing_to_pay(*o)) {
		*result = H5_PAY_SETTLED;
		return H5_OK;
	}
	return next_attempt(p, ip, o, e);
}

/* What a unifiedorder call led to, beside enum h5_pay_result. */
enum step { STEP_DONE, STEP_REPLACE };

static enum h5_code
refused(const struct h5_pay *p, enum h5_wx_verdict verdict,
    const struct h5_wx_refusal *refusal, enum h5_pay_result *result,
    enum step *step, struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc;

	switch (verdict) {
	case H5_WX_PAID:
		memcpy(
		    number, h5_order_current(*o)->out_trade_no, sizeof number);
		rc = ask_one(p, number, o, e);
		if (rc != H5_OK)
			return rc;
		if (!nothing_to_pay(*o))
			return h5_err_set(e, H5_E_REMOTE,
			    "ORDERPAID, but orderquery knows no payment");
		*result = H5_PAY_SETTLED;
		return H5_OK;
	case H5_WX_CLOSED:
	case H5_WX_TAKEN:
		*step = STEP_REPLACE;
		return H5_OK;
	case H5_WX_MERCHANT:
	case H5_WX_REFUSED:
		*result = H5_PAY_MERCHANT;
		return H5_OK;
	case H5_WX_AGAIN:
		return h5_err_set(
		    e, H5_E_NET, "unifiedorder: %s", refusal->err_code);
	case H5_WX_SUCCESS:
	case H5_WX_UNKNOWN_ORDER:
	case H5_WX_NOT_YET:
		break;
	}
	return h5_err_set(
	    e, H5_E_REMOTE, "unifiedorder refused: %s", refusal->err_code);
}

static enum h5_code
order_once(const struct h5_pay *p, const char *ip, enum h5_pay_result *result,
    enum step *step, struct h5_order **o, struct h5_err *e)
{
	struct h5_wx_prepay prepay = {{0}, NULL};
	struct h5_wx_refusal refusal;
	char id[H5_ORDER_ID_MAX + 1], number[H5_OUT_TRADE_NO_MAX + 1];
	struct prepaid x = {number, ip, &prepay};
	enum h5_code rc;

	*step = STEP_DONE;
	memcpy(id, (*o)->id, sizeof id);
	memcpy(number, h5_order_current(*o)->out_trade_no, sizeof number);
	rc = h5_wxpay_unifiedorder(
	    p->wx, p->log, *o, h5_order_current(*o), ip, &prepay, &refusal, e);
	if (rc == H5_OK && refusal.verdict == H5_WX_SUCCESS) {
		h5_order_free(*o);
		*o = NULL;
		rc = h5_store_update(p->st, id, decide_prepaid, &x, o, e);
		if (rc == H5_OK)
			*result =
			    nothing_to_pay(*o) ? H5_PAY_SETTLED : H5_PAY_GO;
	} else if (rc == H5_OK) {
		rc = refused(p, refusal.verdict, &refusal, result, step, o, e);
	}
	free(prepay.mweb_url);
	return rc;
}

/* Orders the current attempt, and once more a next one if its number cannot
 * be used any more. */
static enum h5_code
order_attempts(const struct h5_pay *p, const char *ip,
    enum h5_pay_result *result, struct h5_order **o, struct h5_err *e)
{
	enum step step;
	enum h5_code rc = H5_OK;
	int turn;

	/* A close was confirmed before, and the program died before the next
	 * attempt stood in the ledger. */
	if (h5_order_current(*o)->state == H5_ATTEMPT_CLOSED)
		rc = next_attempt(p, ip, o, e);
	for (turn = 0; rc == H5_OK && turn < 2; turn++) {
		if (nothing_to_pay(*o)) {
			*result = H5_PAY_SETTLED;
			return H5_OK;
		}
		rc = order_once(p, ip, result, &step, o, e);
		if (rc != H5_OK || step == STEP_DONE)
			return rc;
		*result = H5_PAY_GO;
		rc = replace_attempt(p, ip, result, o, e);
		if (rc != H5_OK || *result != H5_PAY_GO)
			return rc;
	}
	if (rc != H5_OK)
		return rc;
	return h5_err_set(e, H5_E_REMOTE,
	    "WeChat refuses each new number of order %s", (*o)->id);
}

static bool
reusable(const struct h5_order *o, const char *ip)
{
	const struct h5_attempt *a = h5_order_current(o);

	return h5_pay_fresh(a, h5_clock_now()) &&
	       strcmp(a->spbill_create_ip, ip) == 0;
}

static bool
look_first(const struct h5_order *o, bool again, int64_t now)
{
	const struct h5_attempt *a = h5_order_current(o);

	return again || (a->mweb_url != NULL && !h5_pay_fresh(a, now));
}

/* Close at WeChat, ask once more, close here: see h5_pay_close. */
static enum h5_code close_order(const struct h5_pay *p, const char *why,
    struct h5_order **o, struct h5_err *e);

static enum h5_code
start_locked(const struct h5_pay *p, const char *ip, bool again,
    enum h5_pay_result *result, struct h5_order **o, struct h5_err *e)
{
	int64_t now = h5_clock_now();
	enum h5_code rc;

	if (now >= (*o)->expires_at) {
		rc = close_order(p, "expired", o, e);
		*result = H5_PAY_SETTLED;
		if (rc == H5_E_STATE && *o != NULL && !nothing_to_pay(*o)) {
			*result = H5_PAY_WAIT;
			return H5_OK;
		}
		return rc == H5_E_STATE && *o != NULL ? H5_OK : rc;
	}
	/* The buyer may have paid while this page was away: look first.  Inside
	 * the interval the same number is used again, which cannot be paid
	 * twice, so the look may be skipped. */
	if (look_first(*o, again, now) && !too_early(p, *o, now)) {
		rc = ask_all(p, false, o, e);
		if (rc == H5_OK)
			rc = close_if_wechat_did(p, o, e);
		if (rc != H5_OK)
			return rc;
	}
	if (nothing_to_pay(*o)) {
		*result = H5_PAY_SETTLED;
		return H5_OK;
	}
	return order_attempts(p, ip, result, o, e);
}

enum h5_code
h5_pay_start(const struct h5_pay *p, const char *id, const char *ip, bool again,
    enum h5_pay_result *result, struct h5_order **o, struct h5_err *e)
{
	struct h5_store_talk *talk = NULL;
	size_t issued;
	bool waited = false;
	enum h5_code rc;

	*result = H5_PAY_SETTLED;
	*o = NULL;
	rc = h5_store_load(p->st, id, o, e);
	if (rc != H5_OK || nothing_to_pay(*o))
		return rc;
	*result = H5_PAY_GO;
	if (!again && reusable(*o, ip))
		return H5_OK;
	issued = count(*o, H5_EVENT_PREPAID);
	rc = h5_store_talk(p->st, id, 0, &talk, e);
	if (rc == H5_E_BUSY) {
		waited = true;
		rc = h5_store_talk(p->st, id, patience_ms(p), &talk, e);
	}
	if (rc == H5_OK)
		rc = reload(p, id, o, e);
	if (rc != H5_OK)
		goto out;
	/* A double click: the first one got a mweb_url while this one waited.
	 */
	if (nothing_to_pay(*o))
		*result = H5_PAY_SETTLED;
	else if (reusable(*o, ip) &&
		 (!again || (waited && count(*o, H5_EVENT_PREPAID) > issued)))
		*result = H5_PAY_GO;
	else
		rc = start_locked(p, ip, again, result, o, e);
out:
	h5_store_hush(talk);
	return rc;
}

/* --- close
 * -------------------------------------------------------------------- */

static enum h5_code
close_order(const struct h5_pay *p, const char *why, struct h5_order **o,
    struct h5_err *e)
{
	struct note closed = {H5_EVENT_CLOSED, NULL, why, NULL};
	char number[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < (*o)->n_attempts; i++) {
		if ((*o)->attempts[i].state != H5_ATTEMPT_AWAITING)
			continue;
		memcpy(number, (*o)->attempts[i].out_trade_no, sizeof number);
		rc = close_attempt(p, number, o, e);
	}
	/* Once more, since money may have arrived in the same moment. */
	if (rc == H5_OK && !h5_order_settled(*o))
		rc = ask_all(p, true, o, e);
	if (rc == H5_OK && !h5_order_settled(*o))
		rc = note(p, o, closed, e);
	if (rc == H5_OK && (*o)->state != H5_ORDER_CLOSED)
		return h5_err_set(e, H5_E_STATE, "order %s is %s", (*o)->id,
		    h5_order_state_name((*o)->state));
	if (rc == H5_OK)
		h5_log_event(p->log, H5_LOG_INFO, "order-closed", "order",
		    (*o)->id, "why", why, NULL);
	return rc;
}

enum h5_code
h5_pay_close(const struct h5_pay *p, const char *id, const char *why,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_store_talk *talk = NULL;
	enum h5_code rc;

	*o = NULL;
	rc = h5_store_talk(p->st, id, patience_ms(p), &talk, e);
	if (rc != H5_OK)
		return rc;
	rc = h5_store_load(p->st, id, o, e);
	if (rc == H5_OK && (*o)->state == H5_ORDER_CLOSED)
		goto out;
	if (rc == H5_OK && h5_order_settled(*o))
		rc = h5_err_set(e, H5_E_STATE, "order %s is %s", id,
		    h5_order_state_name((*o)->state));
	if (rc == H5_OK)
		rc = close_order(p, why, o, e);
out:
	h5_store_hush(talk);
	return rc;
}

/* --- the way to the cashier
 * ----------------------------------------------------- */

enum h5_code
h5_pay_cashier_url(const struct h5_config *c, const struct h5_order *o,
    const struct h5_attempt *a, const char *token, const char *lang,
    struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf back;
	enum h5_code rc;

	if (a->mweb_url == NULL)
		return h5_err_set(e, H5_E_BUG, "no mweb_url yet");
	h5_buf_init(&back, H5_WEB_QUERY);
	h5_web_url(c, "return-page", &back);
	h5_buf_printf(&back, "?order=%s&t=%s", o->id, token);
	if (lang != NULL)
		h5_buf_printf(&back, "&lang=%s", lang);
	rc = h5_buf_finish(&back, e);
	if (rc == H5_OK) {
		h5_buf_puts(out, a->mweb_url);
		h5_buf_puts(out, "&redirect_url=");
		h5_escape_url(out, back.data);
		rc = h5_buf_finish(out, e);
	}
	h5_buf_release(&back);
	return rc;
}
