/* Sends a buyer inside WeChat out to say who he is, and takes his answer. */
#include "common/pay/who.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/pay/hold.h"
#include "common/pay/limit.h"

#define LIFE_S 600 /* of a state */
/* A buyer who is sent out in a circle is stopped: so many starts of one order
 * in so many seconds. */
#define STARTS_MAX 3
#define STARTS_S 60

/* The last event of that kind about a state; NULL: none. */
static const struct h5_event *
find(const struct h5_order *o, enum h5_event_kind kind, const char *state)
{
	size_t i;

	for (i = o->n_events; i > 0; i--)
		if (o->events[i - 1].kind == kind &&
		    h5_fields_is(
			&o->events[i - 1].fields, "oauth_state", state))
			return &o->events[i - 1];
	return NULL;
}

static unsigned
starts(const struct h5_order *o, int64_t now)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < o->n_events; i++)
		if (o->events[i].kind == H5_EVENT_AUTHORIZING &&
		    o->events[i].at <= now && now - o->events[i].at < STARTS_S)
			n++;
	return n;
}

struct note {
	enum h5_event_kind kind;
	const char *out_trade_no; /* NULL: the current attempt's */
	const char *state, *openid, *why;
};

static enum h5_code
decide(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct note *n = arg;
	struct h5_event *ev;

	if (n->kind == H5_EVENT_AUTHORIZING &&
	    starts(o, h5_clock_now()) >= STARTS_MAX)
		return h5_err_set(e, H5_E_BUSY,
		    "the buyer of order %s was sent to say who he is %d times "
		    "in %d s",
		    o->id, STARTS_MAX, STARTS_S);
	ev = h5_store_add(b, n->kind);
	h5_event_text(ev, "out_trade_no",
	    n->out_trade_no != NULL ? n->out_trade_no
				    : h5_order_current(o)->out_trade_no);
	h5_event_text(ev, "oauth_state", n->state);
	h5_event_text(ev, "openid", n->openid);
	h5_event_text(ev, "why", n->why);
	return h5_event_finish(ev, e);
}

enum h5_code
h5_who_begin(const struct h5_shop *shop, const char *id,
    char state[H5_WHO_STATE], struct h5_order **o, struct h5_err *e)
{
	struct note n = {.kind = H5_EVENT_AUTHORIZING, .state = state};
	enum h5_code rc;

	*o = NULL;
	rc = h5_limit_admit(shop, H5_LIMIT_ASK, e);
	if (rc == H5_OK)
		rc = h5_crypto_nonce(state, e);
	if (rc == H5_OK)
		rc = h5_store_load(shop->st, id, o, e);
	if (rc == H5_OK)
		rc = h5_pay_update(shop, decide, &n, o, e);
	return rc;
}

/* Does the state live, and is it about the attempt that is to be paid? */
static bool
lives(const struct h5_order *o, const char *state, int64_t now)
{
	const struct h5_event *ev = find(o, H5_EVENT_AUTHORIZING, state);

	return ev != NULL && now >= ev->at && now - ev->at < LIFE_S &&
	       h5_fields_is(&ev->fields, "out_trade_no",
		   h5_order_current(o)->out_trade_no);
}

/* What an earlier callback of the same state found out. */
static bool
known_before(const struct h5_order *o, const char *state,
    enum h5_who_result *result, char openid[H5_WECHAT_OPENID])
{
	const struct h5_event *ev = find(o, H5_EVENT_AUTHORIZED, state);
	const char *id =
	    ev == NULL ? NULL : h5_fields_get(&ev->fields, "openid");

	if (id != NULL && strlen(id) < H5_WECHAT_OPENID) {
		memcpy(openid, id, strlen(id) + 1);
		*result = H5_WHO_KNOWN;
		return true;
	}
	if (find(o, H5_EVENT_UNAUTHORIZED, state) == NULL)
		return false;
	*result = H5_WHO_STRAY;
	return true;
}

static enum h5_code
exchange(const struct h5_shop *shop, const char *state, const char *code,
    enum h5_who_result *result, char openid[H5_WECHAT_OPENID],
    enum h5_wechat_who *who, struct h5_order **o, struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct note n = {.out_trade_no = number, .state = state};
	enum h5_code rc = H5_OK;

	memcpy(number, h5_order_current(*o)->out_trade_no, sizeof number);
	*who = H5_WECHAT_WHO_STALE;
	rc = h5_limit_admit(shop, H5_LIMIT_ASK, e);
	if (rc != H5_OK)
		return rc;
	if (code != NULL)
		rc = h5_wechat_openid(
		    shop->wx, shop->log, (*o)->id, code, openid, who, e);
	/* Not reached or not to be believed: the code may be spent, so only a
	 * new one helps, and the buyer decides about that. */
	if (rc == H5_E_NET || rc == H5_E_REMOTE)
		*who = H5_WECHAT_WHO_LATER;
	else if (rc != H5_OK)
		return rc;
	n.kind =
	    *who == H5_WECHAT_WHO ? H5_EVENT_AUTHORIZED : H5_EVENT_UNAUTHORIZED;
	if (*who == H5_WECHAT_WHO)
		n.openid = openid;
	else
		n.why = *who == H5_WECHAT_WHO_STALE ? "code" : "exchange";
	*result = H5_WHO_FAILED;
	if (*who == H5_WECHAT_WHO)
		*result = H5_WHO_KNOWN;
	else if (*who == H5_WECHAT_WHO_STALE && starts(*o, h5_clock_now()) < 2)
		*result = H5_WHO_AGAIN;
	return h5_pay_update(shop, decide, &n, o, e);
}

enum h5_code
h5_who_end(const struct h5_shop *shop, const char *id, const char *state,
    const char *code, enum h5_who_result *result, char openid[H5_WECHAT_OPENID],
    enum h5_wechat_who *who, struct h5_order **o, struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	*result = H5_WHO_STRAY;
	*who = H5_WECHAT_WHO;
	openid[0] = '\0';
	*o = NULL;
	rc = h5_store_load(shop->st, id, o, e);
	/* A stranger's state costs no hold. */
	if (rc != H5_OK || h5_order_nothing_due(*o) ||
	    !lives(*o, state, h5_clock_now()))
		return rc;
	rc = h5_pay_hold(shop, id, &hold, o, e);
	if (rc != H5_OK)
		goto out;
	/* Android calls twice almost at once: the second waits here, and finds
	 * what the first was told. */
	if (known_before(*o, state, result, openid))
		goto out;
	if (!h5_order_nothing_due(*o) && lives(*o, state, h5_clock_now()))
		rc = exchange(shop, state, code, result, openid, who, o, e);
out:
	h5_store_release(hold);
	return rc;
}
