/* What show --json, the hooks and POST query print of an order (INTERFACE 3, 5,
 * 6).  Output only, so no library. */
#include "common/order/order_json.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/format/json.h"

/* A time of 0 is written as null. */
static void
put_time(const char *name, int64_t t, struct h5_buf *out)
{
	char when[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(t, when);
	h5_json_text(name, t != 0 ? when : NULL, out);
}

/* Opens the i-th object of a list. */
static void
put_entry(size_t i, struct h5_buf *out)
{
	h5_buf_puts(out, i > 0 ? ",{" : "{");
}

static void
put_alerts(const struct h5_order *o, struct h5_buf *out)
{
	unsigned bit, left = h5_order_alerts_open(o);

	h5_json_name("alerts", out);
	h5_buf_putc(out, '[');
	/* Until no bit is left, so that the comma is known to be wanted. */
	for (bit = H5_ALERT_DISPUTED; left != 0; bit <<= 1) {
		if ((left & bit) == 0)
			continue;
		left &= ~bit;
		h5_json_string(
		    h5_order_alert_name((enum h5_order_alert)bit), out);
		if (left != 0)
			h5_buf_putc(out, ',');
	}
	h5_buf_putc(out, ']');
}

static void
put_attempts(const struct h5_order *o, struct h5_buf *out)
{
	const struct h5_attempt *a;
	size_t i;

	h5_json_name("attempts", out);
	h5_buf_putc(out, '[');
	for (i = 0; i < o->n_attempts; i++) {
		a = &o->attempts[i];
		put_entry(i, out);
		h5_json_text("out_trade_no", a->out_trade_no, out);
		h5_json_text("state", h5_order_attempt_word(a->state), out);
		put_time("created_at", a->created_at, out);
		put_time("mweb_url_at", a->mweb_url != NULL ? a->prepaid_at : 0,
		    out);
		/* What 0.1.0 knows it is shown as it was. */
		if (a->product != H5_PRODUCT_H5) {
			h5_json_text(
			    "product", h5_order_product_word(a->product), out);
			put_time("prepaid_at", a->prepaid_at, out);
		}
		if (a->api != H5_API_V2)
			h5_json_text("api", h5_order_api_word(a->api), out);
		h5_json_text("spbill_create_ip", a->spbill_create_ip, out);
		h5_buf_putc(out, '}');
	}
	h5_buf_putc(out, ']');
}

static void
put_refunds(const struct h5_order *o, struct h5_buf *out)
{
	const struct h5_refund *r;
	size_t i;

	h5_json_name("refunds", out);
	h5_buf_putc(out, '[');
	for (i = 0; i < o->n_refunds; i++) {
		r = &o->refunds[i];
		put_entry(i, out);
		h5_json_text("out_refund_no", r->out_refund_no, out);
		h5_json_text("refund_id", r->refund_id, out);
		h5_json_text("out_trade_no", r->out_trade_no, out);
		h5_json_int("refund_fee", r->refund_fee, out);
		h5_json_text("status", h5_order_refund_word(r->state), out);
		h5_json_text("reason", r->reason, out);
		put_time("asked_at", r->asked_at, out);
		put_time("changed_at", r->changed_at, out);
		h5_buf_putc(out, '}');
	}
	h5_buf_putc(out, ']');
}

/* Who bought is nobody's business who only looks at an order, the request names
 * him as well, and a state that was not answered yet would let him take the
 * buyer's place. */
static bool
is_private(const char *name)
{
	return strcmp(name, "openid") == 0 || strcmp(name, "request") == 0 ||
	       strcmp(name, "oauth_state") == 0;
}

static void
put_events(const struct h5_order *o, struct h5_buf *out)
{
	const struct h5_event *ev;
	size_t i, k;

	h5_json_name("events", out);
	h5_buf_putc(out, '[');
	for (i = 0; i < o->n_events; i++) {
		ev = &o->events[i];
		put_entry(i, out);
		put_time("at", ev->at, out);
		h5_json_text("event", h5_event_name(ev->kind), out);
		for (k = 0; k < ev->fields.n; k++) {
			if (is_private(ev->fields.v[k].name))
				continue;
			h5_buf_putc(out, ',');
			h5_event_put_field(
			    ev->fields.v[k].name, ev->fields.v[k].value, out);
		}
		h5_buf_putc(out, '}');
	}
	h5_buf_putc(out, ']');
}

enum h5_code
h5_order_json(const struct h5_order *o, struct h5_buf *out, struct h5_err *e)
{
	h5_buf_putc(out, '{');
	h5_json_text("order", o->id, out);
	h5_json_text("state", h5_order_state_name(o->state), out);
	put_alerts(o, out);
	h5_json_int("total_fee", o->total_fee, out);
	h5_json_text("body", o->body, out);
	h5_json_text("attach", o->attach, out);
	if (o->return_url != NULL)
		h5_json_text("return_url", o->return_url, out);
	put_time("created_at", o->created_at, out);
	put_time("paid_at", o->paid_at, out);
	/* An empty text is written as null (json.h). */
	h5_json_text("paid_via", o->paid_via, out);
	h5_json_text("transaction_id", o->transaction_id, out);
	put_attempts(o, out);
	put_refunds(o, out);
	put_events(o, out);
	put_time("closed_at", o->closed_at, out);
	put_time("expires_at", o->expires_at, out);
	put_time("checked_at", o->checked_at, out);
	h5_json_text("item", o->item, out);
	if (o->item != NULL)
		h5_json_int("qty", o->qty, out);
	else
		h5_json_text("qty", NULL, out);
	h5_buf_putc(out, '}');
	return h5_buf_finish(out, e);
}

enum h5_code
h5_order_outgoing_json(const struct h5_order *o, const struct h5_outgoing *g,
    struct h5_buf *out, struct h5_err *e)
{
	enum h5_code rc;

	h5_buf_putc(out, '{');
	h5_json_text("id", g->id, out);
	h5_json_text("type", g->type, out);
	put_time("at", g->at, out);
	h5_buf_puts(out, g->test ? ",\"test\":true,\"order\":" : ",\"order\":");
	rc = h5_order_json(o, out, e);
	h5_buf_putc(out, '}');
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}

/* The number that stands for the order: the attempt that paid it, else the
 * one that is to be paid now. */
static const char *
number_of(const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_paid_attempt(o);

	return a != NULL ? a->out_trade_no : h5_order_current(o)->out_trade_no;
}

enum h5_code
h5_order_status_json(
    const struct h5_order *o, struct h5_buf *out, struct h5_err *e)
{
	h5_buf_putc(out, '{');
	h5_json_text("order", o->id, out);
	h5_json_text("state", h5_order_state_name(o->state), out);
	h5_json_int("total_fee", o->total_fee, out);
	h5_json_text("out_trade_no", number_of(o), out);
	h5_json_text("transaction_id", o->transaction_id, out);
	put_time("paid_at", o->paid_at, out);
	put_time("checked_at", o->checked_at, out);
	h5_buf_putc(out, '}');
	return h5_buf_finish(out, e);
}
