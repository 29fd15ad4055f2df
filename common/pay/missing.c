/* Orders that WeChat was paid for and that are not here: written from its own
 * signed answer, after a store came out of an old backup or was lost.  Such an
 * order has an alert from its first line on, and the shop is told nothing of it
 * before the operator says so. */
#include <stdio.h>
#include <string.h>

#include "common/pay/pay.h"
#include "common/wechat/wechat.h"

#define NO_ADDRESS "unknown" /* nobody knows where the buyer was */

/* The API that told of it is the one that it is asked about by. */
static void
put_api(struct h5_event *ev, enum h5_api api)
{
	if (api != H5_API_V2)
		h5_event_text(ev, "api", h5_order_api_word(api));
}

/* Its first line.  The terms are what WeChat says was paid. */
static void
fill_created(struct h5_event *ev, const char *id, const char *body,
    const struct h5_wechat_trade *t, int64_t at)
{
	h5_event_init(ev, H5_EVENT_CREATED, at);
	h5_event_text(ev, "order", id);
	h5_event_number(ev, "total_fee", t->total_fee);
	h5_event_text(ev, "body", body != NULL && body[0] != '\0' ? body : "-");
	h5_event_time(ev, "expires_at", at);
	h5_event_text(ev, "found", "bill");
	h5_event_text(ev, "out_trade_no", id);
	h5_event_text(ev, "spbill_create_ip", NO_ADDRESS);
	h5_event_time(ev, "time_start", at);
	h5_event_time(ev, "time_expire", at);
	put_api(ev, t->api);
}

/* Up to which attempt there are to be attempts. */
struct attempts {
	unsigned nth;
	int64_t at;
	enum h5_api api;
};

static enum h5_code
decide_attempts(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct attempts *x = arg;
	char no[H5_OUT_TRADE_NO_MAX + 1];
	struct h5_event *ev;

	if (o->n_attempts >= x->nth)
		return H5_OK;
	h5_number_attempt(o->id, (unsigned)o->n_attempts + 1, no);
	ev = h5_store_add(b, H5_EVENT_ATTEMPT);
	h5_event_text(ev, "out_trade_no", no);
	h5_event_text(ev, "spbill_create_ip", NO_ADDRESS);
	h5_event_time(ev, "time_start", x->at);
	h5_event_time(ev, "time_expire", x->at);
	put_api(ev, x->api);
	return h5_event_finish(ev, e);
}

/* A payment of a later attempt: those before it are numbers that this order
 * had. */
static enum h5_code
add_attempts(const struct h5_shop *shop, const char *id, struct attempts *x,
    struct h5_err *e)
{
	struct h5_order *o = NULL;
	enum h5_code rc;
	size_t n = 0;

	do {
		rc = h5_store_update(
		    shop->st, id, NULL, decide_attempts, x, &o, e);
		if (rc == H5_OK)
			n = o->n_attempts;
		h5_order_free(o);
		o = NULL;
	} while (rc == H5_OK && n < x->nth);
	return rc;
}

static enum h5_code
write_order(const struct h5_shop *shop, const char *id, unsigned nth,
    const char *body, int64_t at, const struct h5_wechat_trade *t, bool *made,
    struct h5_err *e)
{
	struct attempts x = {nth, t->time_end > 0 ? t->time_end : at, t->api};
	struct h5_order *o = NULL;
	enum h5_code rc, begun;
	struct h5_event ev;

	fill_created(&ev, id, body, t, x.at);
	begun = h5_event_finish(&ev, e);
	if (begun == H5_OK)
		begun = h5_store_create(shop->st, &ev, &o, e);
	h5_event_release(&ev);
	h5_order_free(o);
	/* It is there meanwhile: from an earlier line of the same bill, or
	 * because somebody else did the same. */
	rc = begun == H5_E_EXISTS ? H5_OK : begun;
	if (rc == H5_OK)
		rc = add_attempts(shop, id, &x, e);
	*made = rc == H5_OK;
	if (begun == H5_OK)
		h5_log_event(shop->log, H5_LOG_ALERT, "order-unrecorded",
		    "order", id, "out_trade_no", t->out_trade_no,
		    "transaction_id", t->transaction_id, "total_fee",
		    H5_LOG_NUM(t->total_fee), NULL);
	return rc;
}

/* Before anything is written: the bill itself is not signed line by line, and
 * it does not say which API the order was made with. */
static enum h5_code
ask(const struct h5_shop *shop, const char *out_trade_no, enum h5_api api,
    struct h5_wechat_trade *t, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_attempt a = {.state = H5_ATTEMPT_AWAITING, .api = api};
	enum h5_code rc;

	(void)snprintf(
	    a.out_trade_no, sizeof a.out_trade_no, "%s", out_trade_no);
	rc = h5_wechat_query(shop->wx, shop->log, &a, t, refusal, e);
	t->api = api;
	return rc;
}

/* Is the other API set up as well?  Then the order may be one of its. */
static bool
other_api(const struct h5_config *c, enum h5_api *api)
{
	*api = c->merchant.api == H5_API_V2 ? H5_API_V3 : H5_API_V2;
	return *api == H5_API_V2 ? c->merchant.api_key != NULL
				 : c->merchant.apiv3_key != NULL;
}

enum h5_code
h5_pay_missing(const struct h5_shop *shop, const char *out_trade_no,
    const char *body, int64_t at, bool *made, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	enum h5_api other;
	enum h5_code rc;
	unsigned nth;

	*made = false;
	rc = h5_number_order_of(out_trade_no, id, &nth, e);
	if (rc != H5_OK)
		return rc;
	rc = ask(shop, out_trade_no, shop->c->merchant.api, &t, &refusal, e);
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_UNKNOWN_ORDER &&
	    other_api(shop->c, &other)) {
		h5_wechat_trade_release(&t);
		rc = ask(shop, out_trade_no, other, &t, &refusal, e);
	}
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS && t.paid &&
	    t.total_fee > 0)
		rc = write_order(shop, id, nth, body, at, &t, made, e);
	h5_wechat_trade_release(&t);
	return rc;
}

static enum h5_code
decide_release(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct h5_event *ev;

	(void)arg;
	if (!o->withheld)
		return H5_OK;
	ev = h5_store_add(b, H5_EVENT_RELEASED);
	h5_event_text(ev, "why", "operator");
	return h5_event_finish(ev, e);
}

enum h5_code
h5_pay_release(const struct h5_shop *shop, const char *id, struct h5_err *e)
{
	return h5_store_update(
	    shop->st, id, NULL, decide_release, NULL, NULL, e);
}
