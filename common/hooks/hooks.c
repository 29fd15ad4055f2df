/* Tells the shop what happened to an order, event by event, until each was
 * taken. */
#include "common/hooks/hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/hooks/exec.h"
#include "common/base/text.h"
#include "common/hooks/webhook.h"
#include "common/order/order_json.h"
#include "common/pay/stays.h"
#include "common/system/crypto.h"

/* A program of the shop gets ten seconds, a webhook fifteen (webhook.c). */
#define EXEC_MS 10000
#define BODY_MAX 1048576 /* an order's JSON, bytes */
/* Another program may be about to end, having looked for more just before our
 * event was written. */
#define PATIENCE_MS 250
/* Longer than one receiver may take. */
#define HOLD_MS 30000

/* Seconds from a failure to the next try, by how many failures there were. The
 * last one is repeated for ever: an event is never given up, since the shop's
 * order depends on it. */
static const int waits[] = {5, 30, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600};
#define WAITS H5_LENGTH(waits)

static const struct {
	enum h5_hook hook;
	const char *name; /* in the ledger and the log */
} receivers[] = {{H5_HOOK_EXEC, "exec"}, {H5_HOOK_WEBHOOK, "webhook"}};
#define RECEIVERS H5_LENGTH(receivers)

const struct h5_outgoing *
h5_hooks_due(const struct h5_config *c, const struct h5_order *o, int64_t now)
{
	/* Only the first one: those behind it wait, so that the shop never
	 * hears of a refund before the payment. */
	const struct h5_outgoing *g = h5_order_untold(o, c->hooks.mask);

	return g != NULL && g->retry_at <= now ? g : NULL;
}

/* --- sending --- */

enum variable {
	PATH,
	EVENT,
	EVENT_ID,
	ORDER,
	TOTAL_FEE,
	TRANSACTION,
	TEST,
	VARIABLES
};

static enum h5_code
run_exec(const struct h5_config *c, const struct h5_order *o,
    const struct h5_outgoing *g, const struct h5_buf *body,
    char said[H5_EXEC_SAID + 1], struct h5_err *e)
{
	struct h5_buf v[VARIABLES];
	char *env[VARIABLES + 1];
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; i < VARIABLES; i++)
		h5_buf_init(&v[i], 256);
	/* No variable of ours is passed on: the environment holds secrets, and
	 * a PATH that the web server was given is not the shop's. */
	h5_buf_puts(&v[PATH], "PATH=/usr/local/bin:/usr/bin:/bin");
	h5_buf_printf(&v[EVENT], "H5PAY_EVENT=%s", g->type);
	h5_buf_printf(&v[EVENT_ID], "H5PAY_EVENT_ID=%s", g->id);
	h5_buf_printf(&v[ORDER], "H5PAY_ORDER=%s", o->id);
	h5_buf_printf(
	    &v[TOTAL_FEE], "H5PAY_TOTAL_FEE=%lld", (long long)o->total_fee);
	h5_buf_printf(
	    &v[TRANSACTION], "H5PAY_TRANSACTION_ID=%s", o->transaction_id);
	h5_buf_printf(&v[TEST], "H5PAY_TEST=%s", g->test ? "1" : "");
	/* All are read even after a failure: each has to be released below. */
	for (i = 0; i < VARIABLES; i++) {
		if (rc == H5_OK)
			rc = h5_buf_finish(&v[i], e);
		env[i] = v[i].data;
	}
	env[VARIABLES] = NULL;
	if (rc == H5_OK)
		rc = h5_exec_run(c->hooks.exec, env, body->data, body->len,
		    EXEC_MS, said, e);
	for (i = 0; i < VARIABLES; i++)
		h5_buf_release(&v[i]);
	return rc;
}

/* One event to one receiver, and a line about it in the log. */
static enum h5_code
send_one(const struct h5_shop *shop, const struct h5_order *o,
    const struct h5_outgoing *g, size_t to, struct h5_err *e)
{
	int64_t began_ms = h5_clock_mono_ms();
	char said[H5_EXEC_SAID + 1] = "";
	enum h5_log_level level = H5_LOG_INFO;
	struct h5_buf body;
	struct h5_err why;
	enum h5_code rc;

	h5_buf_init(&body, BODY_MAX);
	/* The order as it is now, not as it was at the time of the event: the
	 * shop sees the newest state, and the type says what the event was. */
	rc = h5_order_outgoing_json(o, g, &body, &why);
	if (rc == H5_OK)
		rc = h5_buf_finish(&body, &why);
	if (rc == H5_OK && receivers[to].hook == H5_HOOK_EXEC)
		rc = run_exec(shop->c, o, g, &body, said, &why);
	else if (rc == H5_OK)
		rc = h5_webhook_send(shop->c, g->id, body.data, body.len, &why);
	h5_buf_release(&body);
	/* The log warns while retries are quick.  After the last step of the
	 * table the shop is silent for a day or so, which a person must look
	 * at. */
	if (rc != H5_OK)
		level = g->failures + 1 >= WAITS ? H5_LOG_ALERT : H5_LOG_WARN;
	h5_log_event(shop->log, level,
	    rc == H5_OK ? "hook-delivered" : "hook-failed", "order", o->id,
	    "id", g->id, "type", g->type, "to", receivers[to].name, "why",
	    rc == H5_OK ? NULL : why.msg, "said",
	    rc == H5_OK || said[0] == '\0' ? NULL : said, "failures",
	    rc == H5_OK ? NULL : H5_LOG_NUM(g->failures + 1), "ms",
	    H5_LOG_NUM(h5_clock_mono_ms() - began_ms), NULL);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* --- recording --- */

struct result {
	char id[sizeof((struct h5_outgoing *)0)->id];
	const char *to;
	const char *why; /* NULL: taken */
	unsigned failures; /* before */
};

static enum h5_code
decide_result(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct result *r = arg;
	struct h5_event *ev;
	unsigned n = r->failures < WAITS ? r->failures : WAITS - 1;

	/* Nothing to compare: the hold keeps every other delivery of this order
	 * away, and the events it speaks of never vanish. */
	(void)o;
	ev = h5_store_add(
	    b, r->why == NULL ? H5_EVENT_DELIVERED : H5_EVENT_UNDELIVERED);
	h5_event_text(ev, "id", r->id);
	h5_event_text(ev, "to", r->to);
	if (ev != NULL && r->why != NULL) {
		h5_event_number(ev, "failures", r->failures + 1);
		h5_event_time(ev, "retry_at", ev->at + waits[n]);
		h5_event_text(ev, "why", r->why);
	}
	return h5_event_finish(ev, e);
}

/* Sends what is open of one event to each receiver that has not taken it and
 * records each result at once: a crash in between repeats one delivery, which
 * its id gives away. */
static enum h5_code
deliver_event(const struct h5_shop *shop, struct h5_store_hold *hold,
    const struct h5_order *o, const struct h5_outgoing *g, struct h5_err *e)
{
	enum h5_code rc, worst = H5_OK;
	struct h5_err why;
	struct result r;
	size_t i;

	for (i = 0; i < RECEIVERS; i++) {
		/* An order is at rest only when each receiver has taken the
		 * event, so each keeps its own mark. */
		if ((shop->c->hooks.mask & receivers[i].hook) == 0 ||
		    (g->done & receivers[i].hook) != 0)
			continue;
		/* The hold must last for this receiver as well.  If it was
		 * lost, another program delivers now and this one stops. */
		rc = h5_store_renew(hold, HOLD_MS, e);
		if (rc != H5_OK)
			return rc;
		rc = send_one(shop, o, g, i, &why);
		memset(&r, 0, sizeof r);
		memcpy(r.id, g->id, sizeof r.id);
		r.to = receivers[i].name;
		r.failures = g->failures;
		if (rc != H5_OK) {
			/* A program prints what it likes, but a ledger takes
			 * only clean text. */
			r.why = h5_text_printable(why.msg) ? why.msg
							   : h5_err_name(rc);
			worst = h5_err_set(e, H5_E_NET, "%s: %s", r.to, r.why);
		}
		/* Recorded before the next receiver is tried. */
		rc = h5_store_update(
		    shop->st, o->id, hold, decide_result, &r, NULL, &why);
		if (rc != H5_OK)
			return h5_err_set(e, rc, "%s", why.msg);
	}
	return worst;
}

/* --- an order --- */

/* A verb that has nothing to do with WeChat cannot ask. */
static bool
doubtful(const struct h5_shop *shop, const struct h5_order *o,
    const struct h5_outgoing *g)
{
	return shop->wx != NULL && h5_stays_doubtful(o, g, h5_clock_now());
}

static enum h5_code
ask(const struct h5_shop *shop, struct h5_store_hold *hold,
    const struct h5_order *o, const struct h5_outgoing *g, struct h5_err *e)
{
	enum h5_code rc;

	/* Nobody else may deliver meanwhile. */
	rc = h5_store_renew(hold, h5_stays_most_ms(shop), e);
	if (rc != H5_OK)
		return rc;
	return h5_stays_ask(shop, o->id, g->at, e);
}

static enum h5_code
deliver_all(const struct h5_shop *shop, struct h5_store_hold *hold,
    const char *id, bool force, struct h5_err *e)
{
	const struct h5_outgoing *g;
	struct h5_order *o;
	bool asked = false;
	enum h5_code rc;

	for (;;) {
		/* The order is loaded anew each time, so that what came
		 * meanwhile is sent as well. */
		o = NULL;
		rc = h5_store_load(shop->st, id, &o, e);
		if (rc != H5_OK)
			return rc;
		g = force ? h5_order_untold(o, shop->c->hooks.mask)
			  : h5_hooks_due(shop->c, o, h5_clock_now());
		if (g == NULL) {
			h5_order_free(o);
			return H5_OK;
		}
		if (!asked && !force && doubtful(shop, o, g)) {
			asked = true;
			rc = ask(shop, hold, o, g, e);
		} else {
			rc = deliver_event(shop, hold, o, g, e);
		}
		h5_order_free(o);
		if (rc != H5_OK)
			return rc;
	}
}

enum h5_code
h5_hooks_deliver(
    const struct h5_shop *shop, const char *id, bool force, struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	char lock[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_code rc;

	/* Nobody to tell: then nothing is ever untold, and no lock is
	 * needed. */
	if (shop->c->hooks.mask == 0)
		return H5_OK;
	/* The number of the lock below is made from it. */
	if (!h5_number_is_order(id))
		return h5_err_set(e, H5_E_NOTFOUND, "not an order id");
	/* Another number than the order's own: a slow shop must not hold up a
	 * buyer. */
	h5_number_delivery(id, lock);
	rc = h5_store_hold(shop->st, lock, PATIENCE_MS, HOLD_MS, &hold, e);
	if (rc == H5_E_BUSY)
		return h5_err_set(
		    e, rc, "another program is delivering for order %s", id);
	if (rc != H5_OK)
		return rc;
	rc = deliver_all(shop, hold, id, force, e);
	h5_store_release(hold);
	return rc;
}

/* --- a rehearsal --- */

#define TEST_ORDER "test-order"
#define TEST_TRANSACTION "4200000000000000000000000000"
#define TEST_REFUND "test-order-r1"

const char *const h5_hooks_types[] = {
    "order.paid", "order.closed", "order.refunded", "order.alert", NULL};

static enum h5_code
make_event(struct h5_order **o, struct h5_event *ev, struct h5_err *e)
{
	enum h5_code rc = h5_event_finish(ev, e);

	if (rc == H5_OK && *o == NULL)
		rc = h5_order_new(ev, o, e);
	else if (rc == H5_OK)
		rc = h5_order_apply(*o, ev, e);
	h5_event_release(ev);
	return rc;
}

static enum h5_code
make_created(struct h5_order **o, int64_t now, struct h5_err *e)
{
	struct h5_event ev;

	h5_event_init(&ev, H5_EVENT_CREATED, now);
	h5_event_text(&ev, "order", TEST_ORDER);
	h5_event_number(&ev, "total_fee", 1);
	h5_event_text(&ev, "body", "h5pay hook test");
	h5_event_text(&ev, "lang", "en");
	h5_event_time(&ev, "expires_at", now + 7200);
	h5_event_text(&ev, "out_trade_no", TEST_ORDER);
	/* The address is one of those that RFC 5737 reserves for documents. */
	h5_event_text(&ev, "spbill_create_ip", "192.0.2.1");
	h5_event_time(&ev, "time_start", now);
	h5_event_time(&ev, "time_expire", now + 7200);
	return make_event(o, &ev, e);
}

static enum h5_code
make_paid(struct h5_order **o, int64_t now, struct h5_err *e)
{
	struct h5_event ev;

	h5_event_init(&ev, H5_EVENT_PAID, now);
	h5_event_text(&ev, "out_trade_no", TEST_ORDER);
	h5_event_text(&ev, "transaction_id", TEST_TRANSACTION);
	h5_event_number(&ev, "total_fee", 1);
	h5_event_text(&ev, "via", "query");
	h5_event_time(&ev, "time_end", now);
	return make_event(o, &ev, e);
}

static enum h5_code
make_closed(struct h5_order **o, int64_t now, struct h5_err *e)
{
	struct h5_event ev;

	h5_event_init(&ev, H5_EVENT_CLOSED, now);
	h5_event_text(&ev, "why", "operator");
	return make_event(o, &ev, e);
}

static enum h5_code
make_refunded(struct h5_order **o, int64_t now, struct h5_err *e)
{
	struct h5_event ev;
	enum h5_code rc;

	h5_event_init(&ev, H5_EVENT_REFUND_ASKED, now);
	h5_event_text(&ev, "out_refund_no", TEST_REFUND);
	h5_event_number(&ev, "refund_fee", 1);
	h5_event_text(&ev, "out_trade_no", TEST_ORDER);
	rc = make_event(o, &ev, e);
	if (rc != H5_OK)
		return rc;
	h5_event_init(&ev, H5_EVENT_REFUNDED, now);
	h5_event_text(&ev, "out_refund_no", TEST_REFUND);
	h5_event_text(&ev, "refund_id", "50000000000000000000000000000");
	h5_event_number(&ev, "refund_fee", 1);
	h5_event_text(&ev, "status", "SUCCESS");
	h5_event_time(&ev, "success_time", now);
	h5_event_text(&ev, "out_trade_no", TEST_ORDER);
	return make_event(o, &ev, e);
}

/* Another amount than ordered: the order stays unpaid. */
static enum h5_code
make_alert(struct h5_order **o, int64_t now, struct h5_err *e)
{
	struct h5_event ev;

	h5_event_init(&ev, H5_EVENT_ALERT, now);
	h5_event_text(&ev, "alert", h5_order_alert_name(H5_ALERT_DISPUTED));
	h5_event_text(&ev, "out_trade_no", TEST_ORDER);
	h5_event_text(&ev, "transaction_id", TEST_TRANSACTION);
	h5_event_number(&ev, "total_fee", 2);
	h5_event_text(&ev, "fee_type", "CNY");
	return make_event(o, &ev, e);
}

/* The same events that a real order goes through, so that the shop's program
 * gets exactly what it will get later. */
static enum h5_code
made_up_order(const char *type, struct h5_order **o, struct h5_err *e)
{
	bool refunded = strcmp(type, "order.refunded") == 0;
	int64_t now = h5_clock_now();
	enum h5_code rc;

	rc = make_created(o, now, e);
	if (rc == H5_OK && (refunded || strcmp(type, "order.paid") == 0))
		rc = make_paid(o, now, e);
	if (rc == H5_OK && refunded)
		rc = make_refunded(o, now, e);
	if (rc == H5_OK && strcmp(type, "order.closed") == 0)
		rc = make_closed(o, now, e);
	if (rc == H5_OK && strcmp(type, "order.alert") == 0)
		rc = make_alert(o, now, e);
	return rc;
}

enum h5_code
h5_hooks_test(const struct h5_shop *shop, const char *type, struct h5_err *e)
{
	struct h5_outgoing g = {.test = true};
	struct h5_order *o = NULL;
	struct h5_err why;
	char nonce[33];
	enum h5_code rc;
	size_t i;

	if (shop->c->hooks.mask == 0)
		return h5_err_set(e, H5_E_CONFIG, "no hook is configured");
	for (i = 0; h5_hooks_types[i] != NULL && g.type == NULL; i++)
		if (strcmp(h5_hooks_types[i], type) == 0)
			g.type = h5_hooks_types[i];
	if (g.type == NULL)
		return h5_err_set(e, H5_E_INPUT, "there is no such event");
	rc = h5_crypto_nonce(nonce, e);
	if (rc == H5_OK)
		rc = made_up_order(type, &o, e);
	if (rc != H5_OK)
		goto out;
	g.at = o->created_at;
	/* A new id each time: a shop that drops doubles must not drop the next
	 * rehearsal. */
	(void)snprintf(g.id, sizeof g.id, "evt_test_%.16s", nonce);
	/* One receiver's failure does not keep the other from its rehearsal. */
	for (i = 0; i < RECEIVERS; i++) {
		if ((shop->c->hooks.mask & receivers[i].hook) == 0)
			continue;
		if (send_one(shop, o, &g, i, &why) != H5_OK)
			rc = h5_err_set(e, H5_E_NET, "%s: %s: %s", type,
			    receivers[i].name, why.msg);
	}
out:
	h5_order_free(o);
	return rc;
}
