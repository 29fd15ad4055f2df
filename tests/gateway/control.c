/* control.c - /_control/: what tests steer and read.  See README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

/* ---- the log of calls ------------------------------------------------ */

static void
call_free(struct gw_call *c)
{
	if (c == NULL)
		return;
	gw_list_free(&c->fields);
	gw_list_free(&c->headers);
	free(c->target);
	free(c->body);
	free(c);
}

unsigned
gw_call_begin(struct gw *gw, enum gw_api api, const struct gw_request *req,
    const struct gw_list *fields, const char *out_trade_no,
    const struct gw_plan *plan)
{
	struct gw_call *c = gw_alloc(sizeof(*c));
	struct gw_buf kinds = {0};
	struct gw_call **slot;

	c->id = ++gw->last_call;
	c->api = api;
	gw_copy(c->method, sizeof(c->method), req->method);
	gw_copy(c->peer, sizeof(c->peer), req->conn->peer);
	c->conn = req->conn->number;
	c->at_ms = gw_now_ms(gw);
	c->real_ms = gw_monotonic_ms();
	gw_copy(c->out_trade_no, sizeof(c->out_trade_no), out_trade_no);
	gw_copy(c->cert, sizeof(c->cert), req->conn->cert);
	gw_list_copy(&c->fields, fields);
	gw_list_copy(&c->headers, &req->headers);
	c->target = gw_dup(req->target);
	c->body = gw_dup(req->body.data != NULL ? req->body.data : "");
	gw_buf_puts(&kinds, "");
	for (size_t i = 0; i < plan->n; i++)
		gw_buf_putf(&kinds, "%s%s", i > 0 ? " " : "",
		    gw_kind_name(plan->v[i].kind));
	gw_copy(c->faults, sizeof(c->faults), kinds.data);
	gw_buf_free(&kinds);
	slot = &gw->calls[c->id % gw->setup.kept];
	call_free(*slot);
	*slot = c;
	gw->count[api]++;
	if (api < GW_CASHIER && !req->conn->carried) {
		req->conn->carried = true;
		gw->api_connections++;
	}
	pthread_cond_broadcast(&gw->changed);
	return c->id;
}

void
gw_call_end(struct gw *gw, unsigned id, const char *outcome)
{
	struct gw_call *c = gw->calls[id % gw->setup.kept];

	if (c != NULL && c->id == id)
		gw_copy(c->outcome, sizeof(c->outcome), outcome);
	pthread_cond_broadcast(&gw->changed);
}

void
gw_call_clear(struct gw *gw)
{
	for (unsigned i = 0; i < gw->setup.kept; i++) {
		call_free(gw->calls[i]);
		gw->calls[i] = NULL;
	}
}

static void
call_json(struct gw_buf *b, const struct gw_call *c)
{
	gw_buf_putf(b, "{\"id\":%u,", c->id);
	gw_json_pair(b, "api", gw_api_name(c->api));
	gw_buf_puts(b, ",");
	gw_json_pair(b, "method", c->method);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "peer", c->peer);
	gw_buf_putf(b, ",\"conn\":%u,\"at_ms\":%lld,\"real_ms\":%lld,", c->conn,
	    (long long)c->at_ms, (long long)c->real_ms);
	gw_json_pair(b, "out_trade_no", c->out_trade_no);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "cert", c->cert);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "faults", c->faults);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "outcome", c->outcome);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "target", c->target);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "body", c->body);
	gw_buf_puts(b, ",\"fields\":");
	gw_json_list(b, &c->fields);
	gw_buf_puts(b, ",\"headers\":");
	gw_json_list(b, &c->headers);
	gw_buf_puts(b, "}");
}

/* ---- one control request --------------------------------------------- */

struct control {
	struct gw *gw;
	struct gw_list args;
	struct gw_buf out; /* JSON */
	int status;
};

static void
refuse(struct control *c, int status, const char *why)
{
	c->status = status;
	c->out.len = 0;
	gw_buf_puts(&c->out, "{");
	gw_json_pair(&c->out, "error", why);
	gw_buf_puts(&c->out, "}");
}

static const char *
arg(const struct control *c, const char *name)
{
	return gw_list_text(&c->args, name);
}

static int64_t
number_arg(const struct control *c, const char *name, int64_t otherwise)
{
	int64_t n = otherwise;

	if (!gw_number(arg(c, name), INT64_MAX / 10000, &n))
		return otherwise;
	return n;
}

/* The order that out_trade_no names; refuses if there is none. */
static struct gw_order *
order_arg(struct control *c)
{
	struct gw_order *o = gw_order_find(c->gw, arg(c, "out_trade_no"));

	if (o == NULL)
		refuse(c, 404, "no such order");
	return o;
}

/* ---- options --------------------------------------------------------- */

struct option {
	const char *name;
	size_t at;
	size_t size; /* of a text; 0: a number */
};

#define TEXT(field)                                                            \
	{                                                                      \
#field, offsetof(struct gw_options, field),                    \
		    sizeof(((struct gw_options *)0)->field)                    \
	}
#define NUMBER(field)                                                          \
	{                                                                      \
#field, offsetof(struct gw_options, field), 0                  \
	}

static const struct option option_rows[] = {
    TEXT(allowed_domains),
    TEXT(client_ip),
    TEXT(account),
    TEXT(products),
    TEXT(oauth_domains),
    TEXT(jsapi_directories),
    TEXT(refund_result),
    NUMBER(refund_s),
    NUMBER(refund_gap_s),
    NUMBER(balance),
    NUMBER(plain_refund),
    NUMBER(enforce_ip),
    NUMBER(strict_ip),
    NUMBER(strict_expire),
    NUMBER(refuse_early_close),
    NUMBER(refuse_second_close),
    NUMBER(refuse_unknown_close),
    NUMBER(old_urls_live),
    NUMBER(same_code),
    NUMBER(no_scope),
    NUMBER(notice_sign_type),
    NUMBER(notice_timeout_ms),
    NUMBER(pay_later_s),
    NUMBER(latency_ms),
    NUMBER(speed),
    NUMBER(bill_early),
    TEXT(platform_notify_url),
    NUMBER(same_prepay),
    NUMBER(cross_api),
    NUMBER(certificates),
    NUMBER(notice_public_percent),
    NUMBER(refund_notice_mchid),
    NUMBER(real_wire_clock),
};

static const struct option *
find_option(const char *name)
{
	for (size_t i = 0; i < sizeof(option_rows) / sizeof(*option_rows);
	     i++) {
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	}
	return NULL;
}

static bool
set_option(struct gw *gw, const struct option *row, const char *value)
{
	char *at = (char *)&gw->opt + row->at;
	int64_t n = 0;

	if (row->size > 0) {
		if (strlen(value) >= row->size ||
		    (strcmp(row->name, "refund_result") == 0 &&
			!gw_refund_status_known(value)))
			return false;
		gw_copy(at, row->size, value);
		return true;
	}
	if (!gw_number(value, INT32_MAX, &n))
		return false;
	if (strcmp(row->name, "speed") == 0 && n < 1)
		return false;
	memcpy(at, &n, sizeof(n));
	return true;
}

/* [lock] */
static void
set_wire_clock(struct gw *gw)
{
	gw->wire_offset_ms =
	    gw->opt.real_wire_clock ? 0 : (int64_t)gw->clock_offset_ms;
}

static void
options_json(struct control *c)
{
	const char *base = (const char *)&c->gw->opt;

	gw_buf_puts(&c->out, "{");
	for (size_t i = 0; i < sizeof(option_rows) / sizeof(*option_rows);
	     i++) {
		const struct option *row = &option_rows[i];
		int64_t n = 0;

		gw_buf_puts(&c->out, i > 0 ? "," : "");
		if (row->size > 0) {
			gw_json_pair(&c->out, row->name, base + row->at);
			continue;
		}
		memcpy(&n, base + row->at, sizeof(n));
		gw_json_text(&c->out, row->name);
		gw_buf_putf(&c->out, ":%lld", (long long)n);
	}
	gw_buf_puts(&c->out, "}");
}

static void
do_option(struct control *c)
{
	for (size_t i = 0; i < c->args.n; i++) {
		const struct gw_pair *a = &c->args.v[i];
		const struct option *row = find_option(a->name);

		if (strcmp(a->name, "back") == 0)
			continue;
		if (row == NULL || !set_option(c->gw, row, a->value)) {
			refuse(c, 400,
			    row == NULL ? "no such option" : "bad value");
			return;
		}
	}
	set_wire_clock(c->gw);
	pthread_cond_broadcast(&c->gw->timing);
	options_json(c);
}

/* ---- reset, clock, faults -------------------------------------------- */

static void
do_reset(struct control *c)
{
	static const struct gw_list all;
	struct gw *gw = c->gw;
	int64_t end = gw_monotonic_ms() + gw->opt.notice_timeout_ms + 1000;

	gw->epoch++;
	gw_order_clear(gw);
	gw_refund_clear(gw);
	gw_fault_clear(gw, &all);
	gw_notice_drop(gw);
	/* What is in the air lands before the answer: nothing old comes
	 * after it. */
	while (gw->flying > 0 && gw_wait(gw, &gw->changed, end))
		continue;
	gw_call_clear(gw);
	gw_sent_clear(gw);
	gw->opt = gw->start;
	gw->clock_offset_ms = 0;
	set_wire_clock(gw);
	gw->notice_share = 0;
	gw_v3_clear(gw);
	memset(gw->count, 0, sizeof(gw->count));
	gw->connections = gw->api_connections = 0;
	gw->handshakes = gw->failed_handshakes = gw->requests = 0;
	for (struct gw_conn *conn = gw->conns; conn != NULL; conn = conn->next)
		conn->carried = false;
	pthread_cond_broadcast(&gw->timing);
	pthread_cond_broadcast(&gw->changed);
	gw_buf_puts(&c->out, "{\"ok\":true}");
}

static void
do_clock(struct control *c)
{
	struct gw *gw = c->gw;
	const char *set = arg(c, "set");
	const char *advance = arg(c, "advance");
	bool back = advance[0] == '-';
	int64_t s = 0;
	char beijing[16];

	if (*set != '\0') {
		if (!gw_number(set, INT64_C(99999999999), &s)) {
			refuse(c, 400, "set is Unix seconds");
			return;
		}
		gw->clock_offset_ms += s * 1000 - gw_now_ms(gw);
	}
	if (*advance != '\0') {
		if (!gw_number(advance + back, INT64_C(99999999999), &s)) {
			refuse(c, 400, "advance is seconds");
			return;
		}
		gw->clock_offset_ms += back ? -s * 1000 : s * 1000;
	}
	set_wire_clock(gw);
	pthread_cond_broadcast(&gw->timing);
	pthread_cond_broadcast(&gw->changed);
	gw_beijing(gw_now_ms(gw), beijing);
	gw_buf_putf(&c->out, "{\"now_ms\":%lld,\"offset_ms\":%lld,",
	    (long long)gw_now_ms(gw), (long long)gw->clock_offset_ms);
	gw_json_pair(&c->out, "beijing", beijing);
	gw_buf_puts(&c->out, "}");
}

static void
do_faults(struct control *c)
{
	gw_buf_puts(&c->out, "{\"faults\":[");
	for (struct gw_fault *f = c->gw->faults; f != NULL; f = f->next) {
		gw_fault_json(&c->out, f);
		if (f->next != NULL)
			gw_buf_puts(&c->out, ",");
	}
	gw_buf_puts(&c->out, "]}");
}

static void
do_fault(struct control *c)
{
	const char *why = NULL;
	struct gw_fault *f = gw_fault_read(&c->args, &why);

	if (f == NULL) {
		refuse(c, 400, why);
		return;
	}
	gw_fault_set(c->gw, f);
	gw_fault_json(&c->out, f);
}

static void
do_clear(struct control *c)
{
	gw_buf_putf(
	    &c->out, "{\"cleared\":%u}", gw_fault_clear(c->gw, &c->args));
}

static void
do_errors(struct control *c)
{
	gw_v3_errors_json(&c->out);
}

static void
do_kinds(struct control *c)
{
	gw_buf_puts(&c->out, "{\"kinds\":[");
	for (int k = 0; k < GW_KIND_COUNT; k++) {
		const char *comma = "";

		gw_buf_puts(&c->out, k > 0 ? ",{" : "{");
		gw_json_pair(&c->out, "kind", gw_kind_name((enum gw_kind)k));
		gw_buf_puts(&c->out, ",");
		gw_json_pair(&c->out, "does", gw_kind_text((enum gw_kind)k));
		gw_buf_puts(&c->out, ",\"apis\":[");
		for (int a = 0; a < GW_API_COUNT; a++) {
			if (!gw_kind_fits((enum gw_kind)k, (enum gw_api)a))
				continue;
			gw_buf_puts(&c->out, comma);
			gw_json_text(&c->out, gw_api_name((enum gw_api)a));
			comma = ",";
		}
		gw_buf_puts(&c->out, "]}");
	}
	gw_buf_puts(&c->out, "]}");
}

/* ---- orders ---------------------------------------------------------- */

static void
do_order(struct control *c)
{
	struct gw_order *o = order_arg(c);

	if (o != NULL)
		gw_order_json(c->gw, &c->out, o);
}

static void
do_orders(struct control *c)
{
	int64_t left = number_arg(c, "max", 1000);
	const char *comma = "";

	gw_buf_puts(&c->out, "{\"orders\":[");
	for (struct gw_order *o = c->gw->newest; o != NULL && left > 0;
	     o = o->next, left--) {
		gw_buf_puts(&c->out, comma);
		gw_order_json(c->gw, &c->out, o);
		comma = ",";
	}
	gw_buf_puts(&c->out, "]}");
}

static void
do_pay(struct control *c)
{
	struct gw_order *o = order_arg(c);

	if (o == NULL)
		return;
	gw_order_settle(c->gw, o);
	if (o->state != GW_NOTPAY && strcmp(arg(c, "force"), "1") != 0) {
		refuse(c, 409, "not NOTPAY; force=1 pays it all the same");
		return;
	}
	gw_order_pay(c->gw, o, strcmp(arg(c, "notice"), "0") != 0);
	gw_order_json(c->gw, &c->out, o);
}

static void
do_state(struct control *c)
{
	struct gw_order *o = order_arg(c);
	enum gw_state s;

	if (o == NULL)
		return;
	if (!gw_state_find(arg(c, "state"), &s)) {
		refuse(c, 400, "no such state");
		return;
	}
	o->state = s;
	pthread_cond_broadcast(&c->gw->changed);
	gw_order_json(c->gw, &c->out, o);
}

static void
do_close(struct control *c)
{
	struct gw_order *o = order_arg(c);

	if (o == NULL)
		return;
	o->state = GW_CLOSED;
	pthread_cond_broadcast(&c->gw->changed);
	gw_order_json(c->gw, &c->out, o);
}

/* ---- what happened --------------------------------------------------- */

static bool
call_fits(const struct control *c, const struct gw_call *call)
{
	const char *api = arg(c, "api");
	const char *no = arg(c, "out_trade_no");
	const char *method = arg(c, "method");
	const char *outcome = arg(c, "outcome");

	if (*api != '\0' && strcmp(api, gw_api_name(call->api)) != 0)
		return false;
	if (*no != '\0' && strcmp(no, call->out_trade_no) != 0)
		return false;
	if (*method != '\0' && strcmp(method, call->method) != 0)
		return false;
	return gw_starts(call->outcome, outcome) &&
	       call->id > number_arg(c, "since", 0);
}

static bool
sent_fits(const struct control *c, const struct gw_sent *s)
{
	const char *no = arg(c, "out_trade_no");

	if (*no != '\0' && strcmp(no, s->out_trade_no) != 0)
		return false;
	if (strcmp(arg(c, "taken"), "1") == 0 && !s->taken)
		return false;
	return s->id > number_arg(c, "since", 0);
}

/* The oldest id a ring may still hold. */
static unsigned
oldest(unsigned last, unsigned kept)
{
	return last > kept ? last - kept + 1 : 1;
}

static const struct gw_call *
call_at(const struct gw *gw, unsigned id)
{
	const struct gw_call *call = gw->calls[id % gw->setup.kept];

	return call != NULL && call->id == id ? call : NULL;
}

static const struct gw_sent *
sent_at(const struct gw *gw, unsigned id)
{
	const struct gw_sent *s = gw->sent[id % gw->setup.kept];

	return s != NULL && s->id == id ? s : NULL;
}

static void
do_calls(struct control *c)
{
	const struct gw *gw = c->gw;
	const char *comma = "";

	gw_buf_putf(&c->out, "{\"last\":%u,\"calls\":[", gw->last_call);
	for (unsigned id = oldest(gw->last_call, gw->setup.kept);
	     id <= gw->last_call; id++) {
		const struct gw_call *call = call_at(gw, id);

		if (call == NULL || !call_fits(c, call))
			continue;
		gw_buf_puts(&c->out, comma);
		call_json(&c->out, call);
		comma = ",";
	}
	gw_buf_puts(&c->out, "]}");
}

static void
do_notices(struct control *c)
{
	const struct gw *gw = c->gw;
	const char *comma = "";

	gw_buf_putf(&c->out, "{\"last\":%u,\"sent\":[", gw->last_sent);
	for (unsigned id = oldest(gw->last_sent, gw->setup.kept);
	     id <= gw->last_sent; id++) {
		const struct gw_sent *s = sent_at(gw, id);

		if (s == NULL || !sent_fits(c, s))
			continue;
		gw_buf_puts(&c->out, comma);
		gw_sent_json(&c->out, s);
		comma = ",";
	}
	gw_buf_puts(&c->out, "],\"pending\":[");
	comma = "";
	for (struct gw_notice *n = gw->notices; n != NULL; n = n->next) {
		gw_buf_putf(&c->out, "%s{\"id\":%u,", comma, n->id);
		gw_json_pair(&c->out, "out_trade_no", n->out_trade_no);
		gw_buf_puts(&c->out, ",");
		gw_json_pair(&c->out, "out_refund_no", n->out_refund_no);
		gw_buf_putf(&c->out,
		    ",\"attempt\":%u,\"due_ms\":%lld,\"flying\":%u}",
		    n->attempt, (long long)n->due_ms, n->flying);
		comma = ",";
	}
	gw_buf_puts(&c->out, "]}");
}

static void
do_counters(struct control *c)
{
	const struct gw *gw = c->gw;

	gw_buf_puts(&c->out, "{");
	for (int i = 0; i < GW_CONNECT; i++) {
		gw_json_text(&c->out, gw_api_name((enum gw_api)i));
		gw_buf_putf(
		    &c->out, ":%llu,", (unsigned long long)gw->count[i]);
	}
	gw_buf_putf(&c->out,
	    "\"connections\":%llu,\"api_connections\":%llu,"
	    "\"handshakes\":%llu,\"failed_handshakes\":%llu,"
	    "\"requests\":%llu,\"orders\":%zu,\"flying\":%u}",
	    (unsigned long long)gw->connections,
	    (unsigned long long)gw->api_connections,
	    (unsigned long long)gw->handshakes,
	    (unsigned long long)gw->failed_handshakes,
	    (unsigned long long)gw->requests, gw->orders.n, gw->flying);
}

/* ---- waiting --------------------------------------------------------- */

static int64_t
count_calls(const struct control *c)
{
	const struct gw *gw = c->gw;
	bool done = strcmp(arg(c, "done"), "1") == 0;
	int64_t n = 0;

	for (unsigned id = oldest(gw->last_call, gw->setup.kept);
	     id <= gw->last_call; id++) {
		const struct gw_call *call = call_at(gw, id);

		if (call != NULL && call_fits(c, call) &&
		    (!done || call->outcome[0] != '\0'))
			n++;
	}
	return n;
}

static int64_t
count_sent(const struct control *c)
{
	const struct gw *gw = c->gw;
	int64_t n = 0;

	for (unsigned id = oldest(gw->last_sent, gw->setup.kept);
	     id <= gw->last_sent; id++) {
		const struct gw_sent *s = sent_at(gw, id);

		if (s != NULL && s->answered && sent_fits(c, s))
			n++;
	}
	return n;
}

static bool
idle(struct gw *gw)
{
	if (gw->flying > 0)
		return false;
	for (struct gw_notice *n = gw->notices; n != NULL; n = n->next) {
		if (n->due_ms <= gw_now_ms(gw))
			return false;
	}
	return true;
}

/* 1: holds, 0: not yet, -1: no such condition */
static int
holds(struct control *c)
{
	const char *what = arg(c, "for");
	int64_t n = number_arg(c, "n", 1);

	if (strcmp(what, "calls") == 0)
		return count_calls(c) >= n;
	if (strcmp(what, "notices") == 0)
		return count_sent(c) >= n;
	if (strcmp(what, "idle") == 0)
		return idle(c->gw);
	if (strcmp(what, "order") == 0) {
		struct gw_order *o =
		    gw_order_find(c->gw, arg(c, "out_trade_no"));
		const char *state = arg(c, "state");

		if (o == NULL)
			return 0;
		gw_order_settle(c->gw, o);
		return *state == '\0' ||
		       strcmp(state, gw_state_name(o->state)) == 0;
	}
	return -1;
}

static void
do_wait(struct control *c)
{
	int64_t start = gw_monotonic_ms();
	int64_t end = start + number_arg(c, "timeout_ms", 5000);
	int held = holds(c);

	while (held == 0 && !c->gw->stopping &&
	       gw_wait(c->gw, &c->gw->changed, end))
		held = holds(c);
	if (held == 0)
		held = holds(c);
	if (held < 0) {
		refuse(c, 400, "for is calls, notices, order or idle");
		return;
	}
	gw_buf_putf(&c->out, "{\"ok\":%s,\"waited_ms\":%lld}",
	    held == 1 ? "true" : "false",
	    (long long)(gw_monotonic_ms() - start));
}

/* ---- notices by hand ------------------------------------------------- */

struct copy {
	struct gw *gw;
	const struct gw_order *order;
	const struct gw_refund *refund;
	const char *url;
	const struct gw_plan *plan;
	unsigned id;
};

static void *
send_copy(void *arg_)
{
	struct copy *copy = arg_;

	struct gw_about about = {copy->order, copy->refund, NULL, false};

	gw_notice_send(
	    copy->gw, &about, copy->url, copy->plan, 0, 0, &copy->id);
	return NULL;
}

static void
plan_field(struct gw_plan *plan, enum gw_kind kind, const char *name,
    const char *value)
{
	struct gw_fault f = {.kind = kind};

	gw_copy(f.name, sizeof(f.name), name);
	gw_copy(f.value, sizeof(f.value), value);
	gw_plan_add(plan, &f);
}

/* kind=, drop=, set.NAME=, and APIv3's json.NAME=, envelope.NAME= and
 * header.NAME= any number of times. */
static bool
read_plan(struct control *c, struct gw_plan *plan)
{
	static const char *const fields[] = {"total_fee", "transaction_id"};

	for (size_t i = 0; i < 2; i++) {
		if (*arg(c, fields[i]) != '\0')
			plan_field(
			    plan, GW_SET_FIELD, fields[i], arg(c, fields[i]));
	}
	for (size_t i = 0; i < c->args.n; i++) {
		const struct gw_pair *a = &c->args.v[i];

		if (gw_starts(a->name, "set.")) {
			plan_field(plan, GW_SET_FIELD, a->name + 4, a->value);
		} else if (gw_starts(a->name, "json.")) {
			plan_field(plan, GW_SET_JSON, a->name + 5, a->value);
		} else if (gw_starts(a->name, "envelope.")) {
			plan_field(plan, GW_ENVELOPE, a->name + 9, a->value);
		} else if (gw_starts(a->name, "header.")) {
			plan_field(plan, GW_SET_HEADER, a->name + 7, a->value);
		} else if (strcmp(a->name, "drop") == 0) {
			struct gw_fault f = {.kind = GW_DROP_FIELD};

			gw_copy(f.name, sizeof(f.name), a->value);
			gw_plan_add(plan, &f);
		} else if (strcmp(a->name, "kind") == 0) {
			struct gw_list args = {0};
			const char *why = NULL;
			struct gw_fault *f;

			gw_list_add(&args, "kind", a->value);
			gw_list_add(&args, "api", "notice");
			gw_list_add(&args, "name", arg(c, "name"));
			gw_list_add(&args, "value", arg(c, "value"));
			gw_list_add(&args, "n", arg(c, "num"));
			f = gw_fault_read(&args, &why);
			gw_list_free(&args);
			if (f == NULL) {
				refuse(c, 400, why);
				return false;
			}
			gw_plan_add(plan, f);
			free(f);
		}
	}
	return true;
}

/* What the notice is about: the order, or one made up for it. */
static bool
read_order(struct control *c, struct gw_order *out)
{
	const char *no = arg(c, "out_trade_no");
	const struct gw_order *o = gw_order_find(c->gw, no);

	*out = (struct gw_order){0};
	if (o != NULL) {
		gw_order_copy(out, o);
	} else if (*no != '\0' && *arg(c, "total_fee") != '\0') {
		gw_copy(out->out_trade_no, sizeof(out->out_trade_no), no);
		gw_copy(out->openid, sizeof(out->openid),
		    "oMadeUpForThisNotice0000000_");
		out->sign_type = GW_HMAC_SHA256;
		out->epoch = c->gw->epoch;
		out->total_fee = number_arg(c, "total_fee", 1);
	} else {
		refuse(c, 404, "no such order; total_fee makes one up");
		return false;
	}
	if (*arg(c, "wire") != '\0')
		out->v3 = strcmp(arg(c, "wire"), "v3") == 0;
	if (strcmp(arg(c, "sign_type"), "MD5") == 0)
		out->sign_type = GW_MD5;
	if (strcmp(arg(c, "sign_type"), "HMAC-SHA256") == 0)
		out->sign_type = GW_HMAC_SHA256;
	if (out->transaction_id[0] == '\0')
		snprintf(out->transaction_id, sizeof(out->transaction_id),
		    "42000000002026010100000%05u", (unsigned)gw_random(100000));
	return true;
}

/* Takes the lock itself; the answers come while it is free. */
static void
fly_copies(struct control *c, const struct gw_order *o,
    const struct gw_refund *r, const char *url, const struct gw_plan *plan,
    size_t n)
{
	struct copy *copies = gw_alloc(n * sizeof(*copies));
	pthread_t *threads = gw_alloc(n * sizeof(*threads));
	bool *started = gw_alloc(n * sizeof(*started));

	for (size_t i = 0; i < n; i++) {
		copies[i] = (struct copy){c->gw, o, r, url, plan, 0};
		started[i] = n > 1 && pthread_create(&threads[i], NULL,
					  send_copy, &copies[i]) == 0;
		if (!started[i])
			send_copy(&copies[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
	}
	pthread_mutex_lock(&c->gw->lock);
	gw_buf_puts(&c->out, "{\"sent\":[");
	for (size_t i = 0; i < n; i++) {
		const struct gw_sent *s = sent_at(c->gw, copies[i].id);

		gw_buf_puts(&c->out, i > 0 ? "," : "");
		if (s != NULL)
			gw_sent_json(&c->out, s);
		else
			gw_buf_puts(&c->out, "null");
	}
	gw_buf_puts(&c->out, "]}");
	pthread_mutex_unlock(&c->gw->lock);
	free(copies);
	free(threads);
	free(started);
}

static void
do_notice(struct control *c)
{
	struct gw_plan plan = {0};
	struct gw_order order = {0};
	int64_t n = number_arg(c, "n", 1);
	const char *url = arg(c, "url");

	if (read_order(c, &order) && read_plan(c, &plan)) {
		if (*url == '\0')
			url = gw_list_text(&order.terms, "notify_url");
		if (*url == '\0') {
			refuse(c, 400, "url is missing");
		} else if (n < 1 || n > 256) {
			refuse(c, 400, "n is 1 to 256");
		} else {
			pthread_mutex_unlock(&c->gw->lock);
			fly_copies(c, &order, NULL, url, &plan, (size_t)n);
			pthread_mutex_lock(&c->gw->lock);
		}
	}
	gw_order_drop(&order);
	gw_plan_free(&plan);
}

/* ---- refunds --------------------------------------------------------- */

static struct gw_refund *
refund_arg(struct control *c)
{
	struct gw_refund *r = gw_refund_find(c->gw, arg(c, "out_refund_no"));

	if (r == NULL)
		refuse(c, 404, "no such refund");
	return r;
}

/* One refund; with status= it becomes that. */
static void
do_refund(struct control *c)
{
	struct gw_refund *r = refund_arg(c);

	if (r == NULL)
		return;
	if (*arg(c, "status") != '\0' &&
	    !gw_refund_status_known(arg(c, "status"))) {
		refuse(c, 400, "no such status");
		return;
	}
	if (*arg(c, "status") != '\0')
		gw_refund_set(c->gw, r, arg(c, "status"));
	gw_refund_json(c->gw, &c->out, r);
}

static void
do_refunds(struct control *c)
{
	const char *no = arg(c, "out_trade_no");
	const char *comma = "";

	gw_buf_puts(&c->out, "{\"refunds\":[");
	for (struct gw_refund *r = c->gw->refunds; r != NULL; r = r->next) {
		if (*no != '\0' && strcmp(no, r->out_trade_no) != 0)
			continue;
		gw_buf_puts(&c->out, comma);
		gw_refund_json(c->gw, &c->out, r);
		comma = ",";
	}
	gw_buf_puts(&c->out, "]}");
}

/* The merchant gives money back on WeChat's own pages. */
static void
do_platform_refund(struct control *c)
{
	struct gw_order *o = order_arg(c);
	int64_t fee = o != NULL ? number_arg(c, "fee", o->total_fee) : 0;
	const struct gw_refund *r;

	if (o == NULL)
		return;
	if (o->transaction_id[0] == '\0' || fee < 1 ||
	    *arg(c, "out_refund_no") == '\0' ||
	    gw_refund_find(c->gw, arg(c, "out_refund_no")) != NULL) {
		refuse(c, 409, "not paid, no fee, or no new out_refund_no");
		return;
	}
	/* Its notice is APIv2's, whatever the order was made by. */
	r = gw_refund_make(c->gw, o, arg(c, "out_refund_no"), fee,
	    gw_list_text(&o->terms, "notify_url"), "VENDOR_PLATFORM");
	gw_refund_json(c->gw, &c->out, gw_refund_find(c->gw, r->out_refund_no));
}

/* Sends a refund's notice now.  set.NAME, drop: of what is inside. */
static void
do_refund_notice(struct control *c)
{
	struct gw_refund *found = refund_arg(c);
	struct gw_order order = {0};
	struct gw_plan plan = {0};
	struct gw_refund r;
	const char *url = arg(c, "url");

	if (found == NULL || !read_plan(c, &plan)) {
		gw_plan_free(&plan);
		return;
	}
	gw_refund_settle(c->gw, found);
	r = *found;
	if (*arg(c, "wire") != '\0')
		r.v3 = strcmp(arg(c, "wire"), "v3") == 0;
	gw_order_copy(&order, gw_order_find(c->gw, r.out_trade_no));
	pthread_mutex_unlock(&c->gw->lock);
	fly_copies(c, &order, &r, *url != '\0' ? url : r.notify_url, &plan, 1);
	pthread_mutex_lock(&c->gw->lock);
	gw_order_drop(&order);
	gw_plan_free(&plan);
}

static void
do_hurry(struct control *c)
{
	gw_notice_hurry(c->gw, arg(c, "out_trade_no"));
	gw_buf_puts(&c->out, "{\"ok\":true}");
}

/* ---- dispatch -------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct control *c); /* [lock] */
} verbs[] = {
    {"reset", do_reset},
    {"option", do_option},
    {"clock", do_clock},
    {"fault", do_fault},
    {"faults", do_faults},
    {"clear", do_clear},
    {"kinds", do_kinds},
    {"errors", do_errors},
    {"order", do_order},
    {"orders", do_orders},
    {"pay", do_pay},
    {"state", do_state},
    {"close", do_close},
    {"calls", do_calls},
    {"counters", do_counters},
    {"notices", do_notices},
    {"notice", do_notice},
    {"hurry", do_hurry},
    {"refund", do_refund},
    {"refunds", do_refunds},
    {"platform-refund", do_platform_refund},
    {"refund-notice", do_refund_notice},
    {"wait", do_wait},
};

static bool
loopback(const char *peer)
{
	return gw_starts(peer, "127.") || strcmp(peer, "::1") == 0 ||
	       gw_starts(peer, "::ffff:127.");
}

static void
dispatch(struct control *c, const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0) {
			pthread_mutex_lock(&c->gw->lock);
			verbs[i].run(c);
			pthread_mutex_unlock(&c->gw->lock);
			return;
		}
	}
	refuse(c, 404, "no such control");
}

void
gw_control_handle(
    struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct control c = {.gw = gw, .status = 200};
	const char *name = req->path + strlen("/_control/");
	const char *back;

	if (!loopback(req->conn->peer))
		refuse(&c, 403, "loopback only");
	else if (!gw_form_read(req->query, strlen(req->query), &c.args) ||
		 !gw_form_read(req->body.data, req->body.len, &c.args))
		refuse(&c, 400, "bad form");
	else
		dispatch(&c, name);
	back = arg(&c, "back");
	if (c.status == 200 && back[0] == '/' && back[1] != '/') {
		gw_response_go(res, back);
	} else {
		gw_response_text(res, c.status, "application/json", "");
		gw_buf_puts(&c.out, "\n");
		gw_buf_add(&res->body, c.out.data, c.out.len);
	}
	gw_list_free(&c.args);
	gw_buf_free(&c.out);
}
