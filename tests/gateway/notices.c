/* notices.c - payment notices and their retries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

/* Seconds from one notice to the next. */
static const int64_t gaps_s[] = {15, 15, 30, 180, 600, 1200, 1800, 1800, 1800,
    3600, 10800, 10800, 10800, 21600, 21600};

enum {
	GAPS = sizeof(gaps_s) / sizeof(*gaps_s),
	FLYING_MAX = 200,
};

/* ---- the schedule ---------------------------------------------------- */

/* [lock] The first one is due at once, retry n a gap after the one before. */
static void
schedule(struct gw *gw, struct gw_notice *n)
{
	int64_t wait = 0;

	if (n->attempt > 0)
		wait = gaps_s[n->attempt - 1] * 1000 / gw->opt.speed;
	n->due_ms = gw_now_ms(gw) + wait;
	pthread_cond_broadcast(&gw->timing);
}

void
gw_notice_start(struct gw *gw, struct gw_order *o, unsigned attempt)
{
	struct gw_notice *n = gw_alloc(sizeof(*n));

	n->id = ++gw->last_notice;
	gw_copy(n->out_trade_no, sizeof(n->out_trade_no), o->out_trade_no);
	n->attempt = attempt;
	n->next = gw->notices;
	gw->notices = n;
	schedule(gw, n);
}

void
gw_notice_refund(struct gw *gw, const struct gw_refund *r)
{
	struct gw_notice *n = gw_alloc(sizeof(*n));

	n->id = ++gw->last_notice;
	gw_copy(n->out_trade_no, sizeof(n->out_trade_no), r->out_trade_no);
	gw_copy(n->out_refund_no, sizeof(n->out_refund_no), r->out_refund_no);
	n->due_ms = r->due_ms;
	n->next = gw->notices;
	gw->notices = n;
	pthread_cond_broadcast(&gw->timing);
}

void
gw_notice_echo(
    struct gw *gw, const char *url, const char *message, bool by_public_key)
{
	struct gw_notice *n = gw_alloc(sizeof(*n));

	n->id = ++gw->last_notice;
	n->echo = gw_dup(message);
	n->by_public_key = by_public_key;
	gw_copy(n->url, sizeof(n->url), url);
	n->next = gw->notices;
	gw->notices = n;
	schedule(gw, n);
}

void
gw_notice_hurry(struct gw *gw, const char *out_trade_no)
{
	for (struct gw_notice *n = gw->notices; n != NULL; n = n->next) {
		if (*out_trade_no == '\0' ||
		    strcmp(n->out_trade_no, out_trade_no) == 0)
			n->due_ms = 0;
	}
	pthread_cond_broadcast(&gw->timing);
}

static struct gw_notice *
find_notice(struct gw *gw, unsigned id)
{
	struct gw_notice *n = gw->notices;

	while (n != NULL && n->id != id)
		n = n->next;
	return n;
}

static void
drop_notice(struct gw *gw, const struct gw_notice *gone)
{
	struct gw_notice **at = &gw->notices;

	while (*at != NULL && *at != gone)
		at = &(*at)->next;
	if (*at != NULL) {
		struct gw_notice *n = *at;

		*at = n->next;
		free(n->echo);
		free(n);
	}
}

/* [lock] All copies of one attempt are back. */
static void
attempt_over(struct gw *gw, struct gw_notice *n)
{
	if (n->taken || n->attempt >= GAPS) {
		drop_notice(gw, n);
		return;
	}
	n->attempt++;
	schedule(gw, n);
}

/* ---- one notice ------------------------------------------------------ */

static void
build(struct gw *gw, const struct gw_order *o, const struct gw_plan *plan,
    bool sign_type, struct gw_buf *body)
{
	struct gw_answer a = {.sign_type = o->sign_type};
	const char *nonce = gw_list_text(&o->terms, "nonce_str");
	char made_up[17];
	char time[16];
	static const char *const echoed[] = {"device_info", "attach"};
	static const char *const subs[] = {"sub_appid", "sub_mch_id"};

	gw_random_text(made_up, 16);
	gw_beijing(o->paid_ms != 0 ? o->paid_ms : gw_now_ms(gw), time);
	gw_list_add(&a.f, "return_code", "SUCCESS");
	gw_list_add(&a.f, "result_code", "SUCCESS");
	gw_list_add(&a.f, "appid", gw->setup.appid);
	gw_list_add(&a.f, "mch_id", gw->setup.mch_id);
	for (size_t i = 0; i < 2; i++) {
		if (*gw_list_text(&o->terms, subs[i]) != '\0')
			gw_list_add(
			    &a.f, subs[i], gw_list_text(&o->terms, subs[i]));
	}
	gw_list_add(&a.f, "nonce_str", *nonce != '\0' ? nonce : made_up);
	gw_list_add(&a.f, "openid", o->openid);
	if (o->sub_openid[0] != '\0')
		gw_list_add(&a.f, "sub_openid", o->sub_openid);
	gw_list_add(&a.f, "is_subscribe", "N");
	gw_list_add(&a.f, "trade_type", gw_order_type(o));
	gw_list_add(&a.f, "bank_type", "OTHERS");
	gw_list_addf(&a.f, "total_fee", "%lld", (long long)o->total_fee);
	gw_list_add(&a.f, "fee_type", "CNY");
	gw_list_addf(&a.f, "cash_fee", "%lld", (long long)o->total_fee);
	gw_list_add(&a.f, "transaction_id", o->transaction_id);
	gw_list_add(&a.f, "out_trade_no", o->out_trade_no);
	gw_list_add(&a.f, "time_end", time);
	for (size_t i = 0; i < 2; i++) {
		if (*gw_list_text(&o->terms, echoed[i]) != '\0')
			gw_list_add(&a.f, echoed[i],
			    gw_list_text(&o->terms, echoed[i]));
	}
	if (sign_type || gw_plan_find(plan, GW_SIGN_TYPE) != NULL)
		gw_list_add(&a.f, "sign_type", gw_sign_name(o->sign_type));
	gw_api_seal(gw, plan, &a, GW_XML_NOTICE, body);
	gw_list_free(&a.f);
}

/* What is posted. */
struct letter {
	bool v3;
	struct gw_buf body;
	struct gw_buf inside;
	struct gw_list headers;
};

static void
sent_free(struct gw_sent *s)
{
	if (s == NULL)
		return;
	free(s->url);
	free(s->body);
	free(s->reply);
	free(s->inside);
	gw_list_free(&s->headers);
	free(s);
}

static unsigned
log_begin(struct gw *gw, const struct gw_order *o, const char *url,
    const struct letter *l, unsigned notice, unsigned attempt)
{
	struct gw_sent *s = gw_alloc(sizeof(*s));
	struct gw_sent **slot;

	s->id = ++gw->last_sent;
	s->notice = notice;
	s->attempt = attempt;
	gw_copy(s->out_trade_no, sizeof(s->out_trade_no), o->out_trade_no);
	s->at_ms = gw_now_ms(gw);
	s->url = gw_dup(url);
	s->body = gw_dup(l->body.data);
	s->v3 = l->v3;
	if (l->v3)
		s->inside = gw_dup(l->inside.data);
	gw_list_copy(&s->headers, &l->headers);
	slot = &gw->sent[s->id % gw->setup.kept];
	sent_free(*slot);
	*slot = s;
	gw->count[GW_NOTICE]++;
	pthread_cond_broadcast(&gw->changed);
	return s->id;
}

/* Taken: HTTP 200 and return_code SUCCESS; APIv3: HTTP 200 or 204. */
static bool
taken(const struct gw_reply *r, bool v3, const char **why)
{
	struct gw_list f = {0};
	bool ok = false;

	*why = r->why;
	if (r->status == 0)
		return false;
	if (v3) {
		ok = r->status == 200 || r->status == 204;
		*why = ok ? "taken" : "status is neither 200 nor 204";
		return ok;
	}
	*why = "status is not 200";
	if (r->status == 200 &&
	    gw_xml_read(r->body.data, r->body.len, &f, why)) {
		ok = strcmp(gw_list_text(&f, "return_code"), "SUCCESS") == 0;
		*why = ok ? "taken" : "return_code is not SUCCESS";
	}
	gw_list_free(&f);
	return ok;
}

static bool
log_end(struct gw *gw, unsigned id, const struct gw_reply *r, int64_t took_ms)
{
	const char *why = NULL;
	struct gw_sent *s = gw->sent[id % gw->setup.kept];
	bool ok = false;

	if (s != NULL && s->id == id) {
		ok = taken(r, s->v3, &why);
		s->answered = true;
		s->taken = ok;
		s->status = r->status;
		s->took_ms = took_ms;
		s->reply = gw_dup(r->body.data != NULL ? r->body.data : "");
		gw_copy(s->result, sizeof(s->result), why != NULL ? why : "");
	}
	pthread_cond_broadcast(&gw->changed);
	return ok;
}

/* Freshly made at each try: times and signatures are of now. */
static void
write_letter(struct gw *gw, const struct gw_about *about,
    const struct gw_plan *plan, bool sign_type, struct letter *l)
{
	l->v3 = about->echo != NULL ||
		(about->refund != NULL ? about->refund->v3 : about->order->v3);
	if (l->v3) {
		gw_v3_notice(
		    gw, about, plan, &l->body, &l->inside, &l->headers);
	} else {
		if (about->refund != NULL)
			gw_refund_notice(
			    gw, about->order, about->refund, plan, &l->body);
		else
			build(gw, about->order, plan, sign_type, &l->body);
		gw_list_add(&l->headers, "Content-Type", "text/xml");
	}
	gw_list_add(&l->headers, "User-Agent", "Mozilla/4.0");
	gw_list_add(&l->headers, "Accept", "*/*");
	gw_list_addf(&l->headers, "Request-ID", "%08llX-%08llX",
	    (unsigned long long)gw_random(UINT64_C(1) << 32),
	    (unsigned long long)gw_random(UINT64_C(1) << 32));
}

/* Without an APIv3 key WeChat sends nothing at all. */
static bool
can_write(const struct gw *gw, const struct gw_about *about)
{
	bool v3 =
	    about->echo != NULL ||
	    (about->refund != NULL ? about->refund->v3 : about->order->v3);

	return !v3 || (gw->keys != NULL && gw->setup.apiv3_key[0] != '\0');
}

bool
gw_notice_send(struct gw *gw, const struct gw_about *about, const char *url,
    const struct gw_plan *plan, unsigned notice, unsigned attempt, unsigned *id)
{
	struct letter l = {0};
	struct gw_reply reply = {0};
	int64_t start = gw_monotonic_ms();
	int64_t timeout_ms;
	bool sign_type;
	bool ok = false;

	*id = 0;
	if (!can_write(gw, about))
		return false;
	pthread_mutex_lock(&gw->lock);
	sign_type = gw->opt.notice_sign_type != 0;
	timeout_ms = gw->opt.notice_timeout_ms;
	pthread_mutex_unlock(&gw->lock);
	write_letter(gw, about, plan, sign_type, &l);
	pthread_mutex_lock(&gw->lock);
	if (about->order->epoch == gw->epoch)
		*id = log_begin(gw, about->order, url, &l, notice, attempt);
	pthread_mutex_unlock(&gw->lock);
	if (*id == 0)
		goto out;
	gw_http_post(gw, url, &l.headers, &l.body, timeout_ms, &reply);
	pthread_mutex_lock(&gw->lock);
	ok = log_end(gw, *id, &reply, gw_monotonic_ms() - start);
	pthread_mutex_unlock(&gw->lock);
out:
	gw_buf_free(&reply.body);
	gw_buf_free(&l.body);
	gw_buf_free(&l.inside);
	gw_list_free(&l.headers);
	return ok;
}

/* ---- threads --------------------------------------------------------- */

/* One copy of one attempt on its way. */
struct flight {
	struct gw *gw;
	struct gw_order order;
	bool of_refund;
	struct gw_refund refund;
	char *echo;
	char url[256];
	bool by_public_key;
	struct gw_plan plan;
	unsigned notice;
	unsigned attempt;
};

/* [lock] */
static void
land(const struct flight *f, bool ok)
{
	struct gw *gw = f->gw;
	struct gw_notice *n;

	gw->flying--;
	n = find_notice(gw, f->notice);
	if (n != NULL) {
		n->flying--;
		n->taken = n->taken || ok;
		if (n->flying == 0)
			attempt_over(gw, n);
	}
	pthread_cond_broadcast(&gw->changed);
	pthread_cond_broadcast(&gw->timing);
}

static void
flight_free(struct flight *f)
{
	gw_order_drop(&f->order);
	gw_plan_free(&f->plan);
	free(f->echo);
	free(f);
}

static void *
fly(void *arg)
{
	struct flight *f = arg;
	struct gw *gw = f->gw;
	bool lost = gw_plan_find(&f->plan, GW_NEVER) != NULL;
	struct gw_about about = {&f->order, f->of_refund ? &f->refund : NULL,
	    f->echo, f->by_public_key};
	bool ok = false;
	unsigned id = 0;

	if (!lost)
		ok = gw_notice_send(gw, &about,
		    f->echo != NULL ? f->url
		    : f->of_refund
			? f->refund.notify_url
			: gw_list_text(&f->order.terms, "notify_url"),
		    &f->plan, f->notice, f->attempt, &id);
	pthread_mutex_lock(&gw->lock);
	land(f, ok);
	pthread_mutex_unlock(&gw->lock);
	flight_free(f);
	return NULL;
}

/* [lock] */
static void
start_flight(struct gw *gw, struct gw_notice *n, const struct gw_order *o,
    const struct gw_refund *r, const struct gw_plan *plan)
{
	struct flight *f = gw_alloc(sizeof(*f));

	f->gw = gw;
	f->notice = n->id;
	f->attempt = n->attempt;
	gw_order_copy(&f->order, o);
	if (n->echo != NULL)
		f->echo = gw_dup(n->echo);
	gw_copy(f->url, sizeof(f->url), n->url);
	f->by_public_key = n->by_public_key;
	if (r != NULL) {
		f->of_refund = true;
		f->refund = *r;
	}
	for (size_t i = 0; i < plan->n; i++)
		gw_plan_add(&f->plan, &plan->v[i]);
	n->flying++;
	gw->flying++;
	if (!gw_thread(fly, f)) {
		land(f, false);
		flight_free(f);
	}
}

/* [lock] Sends what is due, or puts it off. */
static void
launch(struct gw *gw, struct gw_notice *n)
{
	struct gw_order nothing = {.epoch = gw->epoch};
	struct gw_order *o =
	    n->echo != NULL ? &nothing : gw_order_find(gw, n->out_trade_no);
	struct gw_refund *r = n->out_refund_no[0] != '\0'
				  ? gw_refund_find(gw, n->out_refund_no)
				  : NULL;
	struct gw_plan plan = gw_fault_plan(gw, GW_NOTICE, n->out_trade_no);
	const struct gw_fault *late = gw_plan_find(&plan, GW_LATE);
	const struct gw_fault *more = gw_plan_find(&plan, GW_TIMES);
	int64_t copies = 1;
	unsigned id = n->id;

	if (r != NULL)
		gw_refund_settle(gw, r);
	if (more == NULL)
		more = gw_plan_find(&plan, GW_TWICE);
	if (more != NULL && more->num > 0 && more->num <= FLYING_MAX)
		copies = more->num;
	if (late != NULL && n->attempt == 0 && !n->held) {
		n->held = true;
		n->due_ms = gw_now_ms(gw) + late->num * 1000;
	} else if (o == NULL) {
		drop_notice(gw, n);
	} else {
		/* A flight that can not start may end the notice. */
		for (int64_t i = 0; i < copies; i++) {
			n = find_notice(gw, id);
			if (n != NULL)
				start_flight(gw, n, o, r, &plan);
		}
	}
	gw_plan_free(&plan);
}

/* [lock] The earliest thing to do, in the stand-in's time; -1: none. */
static int64_t
next_due(struct gw *gw, struct gw_notice **notice)
{
	int64_t due = -1;

	*notice = NULL;
	for (struct gw_notice *n = gw->notices; n != NULL; n = n->next) {
		if (n->flying == 0 && (due < 0 || n->due_ms < due)) {
			due = n->due_ms;
			*notice = n;
		}
	}
	return due;
}

/* [lock] Payments of payers who went back first. */
static int64_t
pay_waiting(struct gw *gw)
{
	int64_t now = gw_now_ms(gw);
	int64_t due = -1;

	if (gw->waiting_payments == 0)
		return -1;
	for (struct gw_order *o = gw->newest; o != NULL; o = o->next) {
		if (o->pay_at_ms == 0)
			continue;
		if (o->state != GW_NOTPAY) {
			o->pay_at_ms = 0;
			gw->waiting_payments--;
		} else if (o->pay_at_ms <= now) {
			gw_order_pay(gw, o, true);
		} else if (due < 0 || o->pay_at_ms < due) {
			due = o->pay_at_ms;
		}
	}
	return due;
}

void *
gw_notice_clockwork(void *arg)
{
	struct gw *gw = arg;

	pthread_mutex_lock(&gw->lock);
	while (!gw->stopping) {
		int64_t payment = pay_waiting(gw);
		struct gw_notice *n;
		int64_t due = next_due(gw, &n);
		int64_t now = gw_now_ms(gw);
		int64_t wait = 60000;

		if (n != NULL && due <= now && gw->flying < FLYING_MAX) {
			launch(gw, n);
			continue;
		}
		if (n != NULL && due > now && due - now < wait)
			wait = due - now;
		if (payment >= 0 && payment - now < wait)
			wait = payment - now;
		gw_wait(gw, &gw->timing, gw_monotonic_ms() + wait);
	}
	pthread_mutex_unlock(&gw->lock);
	return NULL;
}

/* ---- log ------------------------------------------------------------- */

void
gw_sent_json(struct gw_buf *b, const struct gw_sent *s)
{
	struct gw_list f = {0};
	const char *why = NULL;

	gw_buf_putf(b, "{\"id\":%u,\"notice\":%u,\"attempt\":%u,", s->id,
	    s->notice, s->attempt);
	gw_json_pair(b, "out_trade_no", s->out_trade_no);
	gw_buf_putf(b,
	    ",\"at_ms\":%lld,\"took_ms\":%lld,\"answered\":%s,"
	    "\"taken\":%s,\"status\":%d,",
	    (long long)s->at_ms, (long long)s->took_ms,
	    s->answered ? "true" : "false", s->taken ? "true" : "false",
	    s->status);
	gw_json_pair(b, "url", s->url);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "result", s->result);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "reply", s->reply != NULL ? s->reply : "");
	gw_buf_puts(b, ",");
	gw_json_pair(b, "body", s->body);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "wire", s->v3 ? "v3" : "v2");
	gw_buf_puts(b, ",\"inside\":");
	gw_buf_puts(
	    b, s->inside != NULL && *s->inside != '\0' ? s->inside : "null");
	gw_buf_puts(b, ",\"headers\":");
	gw_json_list(b, &s->headers);
	gw_buf_puts(b, ",\"fields\":");
	if (!gw_xml_read(s->body, strlen(s->body), &f, &why))
		gw_list_free(&f);
	gw_json_list(b, &f);
	gw_list_free(&f);
	gw_buf_puts(b, "}");
}

void
gw_notice_drop(struct gw *gw)
{
	while (gw->notices != NULL) {
		struct gw_notice *n = gw->notices;

		gw->notices = n->next;
		free(n->echo);
		free(n);
	}
}

void
gw_sent_clear(struct gw *gw)
{
	for (unsigned i = 0; i < gw->setup.kept; i++) {
		sent_free(gw->sent[i]);
		gw->sent[i] = NULL;
	}
}
