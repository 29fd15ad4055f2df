/* Becoming paid: what a believed trade makes of an order.  Amount and
 * currency are compared here, under the store's lock; the fold is the last
 * guard behind it. */
#include "common/pay/settle.h"

#include <string.h>

#include "common/base/clock.h"

struct settling {
	const struct h5_config *c;
	const struct h5_wechat_trade *t;
	const char *via;
	enum h5_settled result;
	bool late, news;
};

/* The further elements of a message are kept with this prefix, so that none of
 * them can take the name of a field that an event has anyway. */
#define FURTHER "wx_"

static enum h5_code
add_further(
    struct h5_fields *f, const struct h5_fields *further, struct h5_err *e)
{
	struct h5_buf name;
	enum h5_code rc = H5_OK;
	size_t i;

	/* The longest name in an answer is far shorter; the limit is there
	 * because the other side chooses the names. */
	h5_buf_init(&name, 128);
	for (i = 0; i < further->n && rc == H5_OK; i++) {
		h5_buf_clear(&name);
		h5_buf_puts(&name, FURTHER);
		h5_buf_puts(&name, further->v[i].name);
		rc = h5_buf_finish(&name, e);
		if (rc == H5_OK)
			rc =
			    h5_fields_add(f, name.data, further->v[i].value, e);
	}
	h5_buf_release(&name);
	return rc;
}

static enum h5_code
add_paid(struct h5_store_batch *b, const struct settling *s, struct h5_err *e)
{
	struct h5_event *ev = h5_store_add(b, H5_EVENT_PAID);
	const struct h5_wechat_trade *t = s->t;
	enum h5_code rc;

	h5_event_text(ev, "out_trade_no", t->out_trade_no);
	h5_event_text(ev, "transaction_id", t->transaction_id);
	h5_event_number(ev, "total_fee", t->total_fee);
	h5_event_text(ev, "via", s->via);
	h5_event_time(ev, "time_end", t->time_end);
	/* SUCCESS goes without saying.  Anything else (REFUND, say) tells an
	 * auditor why a paid order looks odd. */
	if (strcmp(t->trade_state, "SUCCESS") != 0)
		h5_event_text(ev, "trade_state", t->trade_state);
	if (s->result == H5_SETTLED_NOW && t->returned >= t->total_fee)
		h5_event_number(ev, "returned", t->returned);
	rc = h5_event_finish(ev, e);
	if (rc == H5_OK)
		rc = add_further(&ev->fields, &t->further, e);
	return rc;
}

static enum h5_code
add_alert(struct h5_store_batch *b, enum h5_order_alert which,
    const struct h5_wechat_trade *t, struct h5_err *e)
{
	struct h5_event *ev = h5_store_add(b, H5_EVENT_ALERT);

	h5_event_text(ev, "alert", h5_order_alert_name(which));
	h5_event_text(ev, "out_trade_no", t->out_trade_no);
	h5_event_text(ev, "transaction_id", t->transaction_id);
	h5_event_number(ev, "total_fee", t->total_fee);
	h5_event_text(ev, "fee_type", t->fee_type);
	return h5_event_finish(ev, e);
}

/* Was this alert raised for this very payment already?  One alert for each
 * (transaction_id, total_fee), however often the notice is repeated. */
static bool
alerted(const struct h5_order *o, enum h5_order_alert which,
    const struct h5_wechat_trade *t)
{
	const struct h5_fields *f;
	int64_t fee;
	size_t i;

	for (i = 0; i < o->n_events; i++) {
		f = &o->events[i].fields;
		if (o->events[i].kind == H5_EVENT_ALERT &&
		    h5_fields_is(f, "alert", h5_order_alert_name(which)) &&
		    h5_fields_is(f, "transaction_id", t->transaction_id) &&
		    h5_event_read_number(&o->events[i], "total_fee", 0,
			INT64_MAX, &fee, NULL) == H5_OK &&
		    fee == t->total_fee)
			return true;
	}
	return false;
}

/* Money came in for an amount or in a currency that was not asked for. */
static enum h5_code
decide_disputed(struct settling *s, const struct h5_order *o,
    struct h5_store_batch *b, struct h5_err *e)
{
	s->result = H5_SETTLED_DISPUTED;
	if (alerted(o, H5_ALERT_DISPUTED, s->t))
		return H5_OK;
	return add_alert(b, H5_ALERT_DISPUTED, s->t, e);
}

/* rule: second_payment
 * Money came in a second time.  The order stays paid by the first payment, the
 * second is kept beside it, and the operator is told. */
static enum h5_code
decide_overpaid(struct settling *s, const struct h5_order *o,
    const struct h5_attempt *a, struct h5_store_batch *b, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	s->result = H5_SETTLED_OVERPAID;
	if (alerted(o, H5_ALERT_OVERPAID, s->t))
		return H5_OK;
	/* The attempt may be paid already (one number paid twice, by two
	 * transactions).  Then the alert alone is written. */
	if (a->state != H5_ATTEMPT_PAID)
		rc = add_paid(b, s, e);
	if (rc == H5_OK)
		rc = add_alert(b, H5_ALERT_OVERPAID, s->t, e);
	return rc;
}

/* Some of it went back, and nobody told how much. */
static enum h5_code
add_elsewhere(struct h5_store_batch *b, const struct settling *s,
    const struct h5_order *o, struct h5_err *e)
{
	if (!s->t->elsewhere || (o->alerts & H5_ALERT_ELSEWHERE) != 0)
		return H5_OK;
	return add_alert(b, H5_ALERT_ELSEWHERE, s->t, e);
}

static enum h5_code
decide_paid(struct settling *s, const struct h5_order *o,
    const struct h5_attempt *a, struct h5_store_batch *b, struct h5_err *e)
{
	const struct h5_wechat_trade *t = s->t;
	enum h5_code rc;

	/* Amount and currency first: a signature proves who speaks, not that
	 * the sum is the one the buyer was asked for. */
	if (t->total_fee != o->total_fee || strcmp(t->fee_type, "CNY") != 0)
		return decide_disputed(s, o, b, e);
	/* The same notice again, or the query after the notice: nothing to
	 * write. */
	if (a->state == H5_ATTEMPT_PAID &&
	    strcmp(a->transaction_id, t->transaction_id) == 0) {
		s->result = H5_SETTLED_BEFORE;
		return H5_OK;
	}
	/* Any transaction that the order has is another one than this. */
	if (o->transaction_id[0] != '\0')
		return decide_overpaid(s, o, a, b, e);
	s->result = H5_SETTLED_NOW;
	/* rule: late_money
	 * Money for a closed order is still money: it becomes paid, and the
	 * operator is told. */
	s->late = o->state == H5_ORDER_CLOSED;
	rc = add_paid(b, s, e);
	if (rc == H5_OK && s->late)
		rc = add_alert(b, H5_ALERT_LATE, t, e);
	if (rc == H5_OK)
		rc = add_elsewhere(b, s, o, e);
	return rc;
}

/* WeChat said something else than that it is paid.  An attempt that is closed
 * there can no longer be paid; whether that ends the order is not decided
 * here. */
static enum h5_code
decide_noted(struct settling *s, const struct h5_attempt *a,
    struct h5_store_batch *b, struct h5_err *e)
{
	const char *state = s->t->trade_state;
	struct h5_event *ev = h5_store_add(b, H5_EVENT_QUERIED);
	enum h5_code rc;

	s->result = H5_SETTLED_NOTED;
	/* The state is recorded even if it is no news: it says that WeChat was
	 * asked, which the interval between queries counts from. */
	h5_event_text(ev, "out_trade_no", s->t->out_trade_no);
	h5_event_text(ev, "trade_state", state);
	rc = h5_event_finish(ev, e);
	/* Only these two states are final for a number (PROTOCOL 4). */
	if (rc != H5_OK || a->state != H5_ATTEMPT_AWAITING ||
	    (strcmp(state, "CLOSED") != 0 && strcmp(state, "REVOKED") != 0))
		return rc;
	ev = h5_store_add(b, H5_EVENT_ENDED);
	h5_event_text(ev, "out_trade_no", s->t->out_trade_no);
	h5_event_text(ev, "why", "query");
	return h5_event_finish(ev, e);
}

/* WeChat sends the notice of a payment in the form of the API that the attempt
 * was made with.  Whoever holds the other API's key, which may be years old,
 * cannot make it paid.  One alert an attempt, however many copies come. */
static enum h5_code
decide_wrong_api(struct settling *s, const struct h5_order *o,
    struct h5_store_batch *b, struct h5_err *e)
{
	const char *word = h5_order_alert_name(H5_ALERT_WRONG_API);
	const struct h5_fields *f;
	size_t i;

	s->result = H5_SETTLED_WRONG_API;
	s->news = false;
	for (i = 0; i < o->n_events; i++) {
		f = &o->events[i].fields;
		if (o->events[i].kind == H5_EVENT_ALERT &&
		    h5_fields_is(f, "alert", word) &&
		    h5_fields_is(f, "out_trade_no", s->t->out_trade_no))
			return H5_OK;
	}
	s->news = true;
	return add_alert(b, H5_ALERT_WRONG_API, s->t, e);
}

static bool
of_another_api(const struct settling *s, const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_attempt(o, s->t->out_trade_no);

	return a != NULL && strcmp(s->via, "notify") == 0 &&
	       a->api != s->t->api;
}

/* The attempt that it is about, if the type of its signature is the one that
 * WeChat uses for that attempt.  Whoever could choose another would choose the
 * weaker. */
static enum h5_code
attempt_of(const struct settling *s, const struct h5_order *o,
    const struct h5_attempt **a, struct h5_err *e)
{
	enum h5_sign_type type = s->t->sign_type;

	*a = h5_order_attempt(o, s->t->out_trade_no);
	if (*a == NULL)
		return h5_err_set(e, H5_E_NOTFOUND, "unknown order");
	if (type == H5_SIGN_UNSAID || type == (*a)->sign_type)
		return H5_OK;
	if ((*a)->sign_type == H5_SIGN_UNSAID &&
	    (type == s->c->merchant.sign_type ||
		type == s->c->merchant.sign_type_previous))
		return H5_OK;
	return h5_err_set(e, H5_E_AUTH, "sign is not %s",
	    h5_order_sign_word((*a)->sign_type != H5_SIGN_UNSAID
				   ? (*a)->sign_type
				   : s->c->merchant.sign_type));
}

static enum h5_code
decide(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct settling *s = arg;
	const struct h5_attempt *a;
	enum h5_code rc;

	if (of_another_api(s, o))
		return decide_wrong_api(s, o, b, e);
	rc = attempt_of(s, o, &a, e);
	if (rc != H5_OK)
		return rc;
	if (s->t->paid)
		return decide_paid(s, o, a, b, e);
	return decide_noted(s, a, b, e);
}

static void
tell(const struct h5_log *log, const char *id, const struct settling *s)
{
	const struct h5_wechat_trade *t = s->t;
	enum h5_log_level level = H5_LOG_INFO;
	const char *event = NULL;

	/* An alert is what a person must act on.  The rest is a record. */
	switch (s->result) {
	case H5_SETTLED_NOW:
		event = s->late ? "order-paid-late" : "order-paid";
		level = s->late ? H5_LOG_ALERT : H5_LOG_INFO;
		break;
	case H5_SETTLED_BEFORE:
		event = "order-paid-again-told";
		level = H5_LOG_DEBUG;
		break;
	case H5_SETTLED_OVERPAID:
		event = "order-overpaid";
		level = H5_LOG_ALERT;
		break;
	case H5_SETTLED_DISPUTED:
		event = "order-disputed";
		level = H5_LOG_ALERT;
		break;
	case H5_SETTLED_NOTED:
		event = "order-queried";
		break;
	case H5_SETTLED_WRONG_API:
		event = "notice-wrong-api";
		level = s->news ? H5_LOG_ALERT : H5_LOG_WARN;
		break;
	}
	if (s->result == H5_SETTLED_NOW && t->elsewhere)
		h5_log_event(log, H5_LOG_ALERT, "order-refunded-elsewhere",
		    "order", id, "out_trade_no", t->out_trade_no, "total_fee",
		    H5_LOG_NUM(t->total_fee), NULL);
	h5_log_event(log, level, event, "order", id, "out_trade_no",
	    t->out_trade_no, "via", s->via, "trade_state", t->trade_state,
	    "transaction_id", t->paid ? t->transaction_id : NULL, "total_fee",
	    t->paid ? H5_LOG_NUM(t->total_fee) : NULL, "fee_type",
	    t->paid ? t->fee_type : NULL, NULL);
}

enum h5_code
h5_settle(const struct h5_shop *shop, const struct h5_wechat_trade *t,
    const char *via, enum h5_settled *out, struct h5_order **o,
    struct h5_err *e)
{
	struct settling s = {shop->c, t, via, H5_SETTLED_NOTED, false, false};
	char id[H5_ORDER_ID_MAX + 1];
	unsigned attempt;
	enum h5_code rc;

	*out = H5_SETTLED_NOTED;
	if (o != NULL)
		*o = NULL;
	/* Notices carry numbers of other programs of the same merchant as well:
	 * these are unknown, not wrong. */
	if (h5_number_order_of(t->out_trade_no, id, &attempt, NULL) != H5_OK)
		return h5_err_set(e, H5_E_NOTFOUND, "unknown order");
	rc = h5_store_update(shop->st, id, NULL, decide, &s, o, e);
	if (rc != H5_OK)
		return rc;
	/* Told after it is durable, so that the log never claims more than the
	 * ledger. */
	*out = s.result;
	tell(shop->log, id, &s);
	return H5_OK;
}

/* Writes nothing of the payment; that the store has what it says is durable. */
static enum h5_code
decide_hint(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct settling *s = arg;
	const struct h5_attempt *a;
	enum h5_code rc;

	s->result = H5_SETTLED_NOTED;
	if (of_another_api(s, o))
		return decide_wrong_api(s, o, b, e);
	rc = attempt_of(s, o, &a, e);
	if (rc != H5_OK)
		return rc;
	if (s->t->total_fee == o->total_fee &&
	    strcmp(s->t->fee_type, "CNY") == 0 &&
	    ((a->state == H5_ATTEMPT_PAID &&
		 strcmp(a->transaction_id, s->t->transaction_id) == 0) ||
		alerted(o, H5_ALERT_OVERPAID, s->t)))
		s->result = H5_SETTLED_BEFORE;
	return H5_OK;
}

enum h5_code
h5_settle_hint(const struct h5_shop *shop, const struct h5_wechat_trade *t,
    bool *known, char id[H5_ORDER_ID_MAX + 1], struct h5_err *e)
{
	struct settling s = {
	    shop->c, t, "notify", H5_SETTLED_NOTED, false, false};
	unsigned attempt;
	enum h5_code rc;

	*known = false;
	if (h5_number_order_of(t->out_trade_no, id, &attempt, NULL) != H5_OK)
		return h5_err_set(e, H5_E_NOTFOUND, "unknown order");
	rc = h5_store_update(shop->st, id, NULL, decide_hint, &s, NULL, e);
	if (rc != H5_OK)
		return rc;
	*known = s.result == H5_SETTLED_BEFORE;
	h5_log_event(shop->log, H5_LOG_WARN, "notice-previous-key", "order", id,
	    "out_trade_no", t->out_trade_no, "known", *known ? "yes" : "no",
	    NULL);
	return H5_OK;
}
