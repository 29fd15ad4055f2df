/* Fills the pages: which values each case shows. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/escape.h"
#include "common/web/pages.h"
#include "common/web/problem.h"
#include "common/base/text.h"

#define URL_MAX 32768 /* longest address on a page, bytes */
#define USUAL 20000 /* bytes that hold nearly every page */
#define LONG_FEN 10000000 /* from 100000.00 yuan on an amount is a long one */

/* One page in the making. */
struct page {
	const struct h5_page_ctx *x;
	struct h5_data *v;
	const char *lang;
	bool lang_in_url; /* then it stays in every address of ours */
};

/* --- addresses ----------------------------------------------------------- */

/* Appends the pieces of a query string except lang=, each with a "&" behind
 * it. */
static void
put_query(struct h5_buf *out, const char *query)
{
	while (*query != '\0') {
		size_t n = strcspn(query, "&");

		if (n > 0 && strncmp(query, "lang=", 5) != 0) {
			h5_buf_add(out, query, n);
			h5_buf_putc(out, '&');
		}
		query += query[n] == '&' ? n + 1 : n;
	}
}

static bool
names_lang(const char *query)
{
	return strncmp(query, "lang=", 5) == 0 ||
	       strstr(query, "&lang=") != NULL;
}

static const char *
other_lang(const struct page *pg)
{
	return strcmp(pg->lang, "en") == 0 ? "zh-CN" : "en";
}

/* The value of a buffer as the string called name.  A form without its
 * address would be worse than no page. */
static void
put_buf(struct page *pg, const char *name, const struct h5_buf *b)
{
	if (b->bad == H5_OK)
		h5_data_str(pg->v, name, b->data);
	else
		h5_data_spoil(pg->v);
}

/* Puts the address that a form of ours goes to; the language stays the one
 * asked for. */
static void
put_action(struct page *pg, const char *name, const char *program)
{
	struct h5_buf b;

	h5_buf_init(&b, URL_MAX);
	h5_config_url(pg->x->c, program, &b);
	if (pg->lang_in_url)
		h5_buf_printf(&b, "?lang=%s", pg->lang);
	put_buf(pg, name, &b);
	h5_buf_release(&b);
}

static bool
is_get(const struct h5_request *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

/* A page that answers a GET is found again at its own address. */
static void
put_own_urls(struct page *pg)
{
	struct h5_buf b;

	if (!is_get(pg->x->r))
		return;
	h5_buf_init(&b, URL_MAX);
	h5_buf_putc(&b, '?');
	put_query(&b, pg->x->r->query);
	if (pg->lang_in_url)
		h5_buf_printf(&b, "lang=%s", pg->lang);
	put_buf(pg, "self_url", &b);
	h5_buf_clear(&b);
	h5_buf_putc(&b, '?');
	put_query(&b, pg->x->r->query);
	h5_buf_printf(&b, "lang=%s", other_lang(pg));
	put_buf(pg, "other_url", &b);
	h5_buf_release(&b);
}

/* An order's page; lang may be "". */
static void
put_order_page(struct page *pg, const char *name, const char *program,
    const struct h5_order *o, const char *token, const char *lang)
{
	struct h5_buf b;

	h5_buf_init(&b, URL_MAX);
	h5_config_url(pg->x->c, program, &b);
	h5_buf_printf(&b, "?order=%s&t=", o->id);
	h5_escape_url(&b, token);
	h5_buf_printf(&b, "%s%s", lang[0] == '\0' ? "" : "&lang=", lang);
	put_buf(pg, name, &b);
	h5_buf_release(&b);
}

/* The page that answers a POST has the order's page for its other language. */
static void
put_order_url(struct page *pg, const char *program, const struct h5_order *o,
    const char *token)
{
	if (pg->x->c != NULL && !is_get(pg->x->r))
		put_order_page(
		    pg, "other_url", program, o, token, other_lang(pg));
}

/* "tel:", "mailto:" or a web address for the shop's contact; else nothing. */
static void
put_contact(struct page *pg, const char *contact)
{
	struct h5_buf b;
	size_t len = strlen(contact);

	h5_data_ref(pg->v, "contact", contact);
	h5_buf_init(&b, URL_MAX);
	if (len > 0 && strspn(contact, "0123456789+-() ") == len) {
		h5_buf_puts(&b, "tel:");
		for (; *contact != '\0'; contact++) {
			if (strchr("+0123456789", *contact) != NULL)
				h5_buf_putc(&b, *contact);
		}
	} else if (strchr(contact, '@') != NULL &&
		   strpbrk(contact, " ?&%:/,") == NULL) {
		h5_buf_printf(&b, "mailto:%s", contact);
	} else if (strncmp(contact, "https://", 8) == 0 &&
		   strchr(contact, ' ') == NULL) {
		h5_buf_puts(&b, contact);
	}
	if (b.len > 0 || b.bad != H5_OK)
		put_buf(pg, "contact_url", &b);
	h5_buf_release(&b);
}

/* --- values -------------------------------------------------------------- */

static void
put_yuan(struct page *pg, const char *name, int64_t fen)
{
	char text[H5_TEXT_FEN];

	h5_text_from_fen(fen, text);
	h5_data_str(pg->v, name, text);
}

/* A time for people, and as name_iso for machines.  0: none. */
static void
put_time(struct page *pg, const char *name, const char *name_iso, int64_t t)
{
	char plain[H5_CLOCK_PLAIN], iso[H5_CLOCK_RFC3339];

	if (t == 0)
		return;
	h5_clock_plain(t, plain);
	h5_clock_rfc3339(t, iso);
	h5_data_str(pg->v, name, plain);
	h5_data_str(pg->v, name_iso, iso);
}

static void
put_count(struct page *pg, const char *name, int64_t n)
{
	if (n > 1)
		h5_data_str(pg->v, name, H5_LOG_NUM(n));
}

/* The step we are at, and those behind. */
static void
put_steps(struct page *pg, int step)
{
	h5_data_flag(pg->v, "step1", step == 1);
	h5_data_flag(pg->v, "step2", step == 2);
	h5_data_flag(pg->v, "step3", step == 3);
	h5_data_flag(pg->v, "past1", step > 1);
	h5_data_flag(pg->v, "past2", step > 2);
	h5_data_flag(pg->v, "past3", step > 3);
}

static void
put_refunds(struct page *pg, const struct h5_order *o)
{
	int64_t done = 0, asked = 0, at = 0;

	for (size_t i = 0; i < o->n_refunds; i++) {
		const struct h5_refund *f = &o->refunds[i];

		if (f->state == H5_REFUND_SUCCESS) {
			done += f->refund_fee;
			at = f->changed_at > at ? f->changed_at : at;
		} else if (h5_order_refund_open(f)) {
			asked += f->refund_fee;
		}
	}
	if (done > 0) {
		put_yuan(pg, "refunded", done);
		put_time(pg, "refunded_at", "refunded_at_iso", at);
	}
	put_yuan(pg, "refund_asked", asked);
}

static void
put_order(struct page *pg, const struct h5_order *o, const char *token)
{
	h5_data_ref(pg->v, "order", o->id);
	h5_data_ref(pg->v, "token", token);
	h5_data_ref(pg->v, "state", h5_order_state_name(o->state));
	h5_data_ref(pg->v, "title", o->body);
	put_count(pg, "qty", o->qty);
	put_yuan(pg, "amount", o->total_fee);
	h5_data_flag(pg->v, "long_amount", o->total_fee >= LONG_FEN);
	if (pg->x->c != NULL)
		put_order_page(pg, "here_url", "return-page", o, token, "");
	if (o->transaction_id[0] != '\0')
		h5_data_ref(pg->v, "transaction_id", o->transaction_id);
	put_time(pg, "paid_at", "paid_at_iso", o->paid_at);
	put_time(pg, "checked_at", "checked_at_iso", o->checked_at);
	put_refunds(pg, o);
}

/* data-alert: the names of the alerts, with blanks between them. */
static void
put_alerts(struct page *pg, const struct h5_order *o)
{
	static const enum h5_order_alert all[] = {
	    H5_ALERT_DISPUTED, H5_ALERT_LATE, H5_ALERT_OVERPAID};
	struct h5_buf b;

	h5_buf_init(&b, 256);
	for (size_t i = 0; i < H5_LENGTH(all); i++) {
		const char *name = h5_order_alert_name(all[i]);

		if ((o->alerts & (unsigned)all[i]) == 0)
			continue;
		h5_data_flag(pg->v, name, true);
		h5_buf_printf(&b, "%s%s", b.len > 0 ? " " : "", name);
	}
	if (b.len > 0 || b.bad != H5_OK)
		put_buf(pg, "alert", &b);
	h5_buf_release(&b);
}

/* The first character of the shop's name, for its mark. */
static void
put_monogram(struct page *pg, const char *name)
{
	struct h5_buf b;
	size_t n = 1;

	while (((unsigned char)name[n] & 0xc0) == 0x80)
		n++;
	h5_buf_init(&b, 8);
	h5_buf_add(&b, name, name[0] == '\0' ? 0 : n);
	put_buf(pg, "monogram", &b);
	h5_buf_release(&b);
}

/* --- begin and end ------------------------------------------------------- */

static void
begin(struct page *pg, const struct h5_page_ctx *x)
{
	const struct h5_config *c = x->c;

	*pg = (struct page){
	    .x = x, .v = h5_data_new(), .lang = h5_web_lang(x->c, x->r)};
	pg->lang_in_url = names_lang(x->r->query);
	h5_data_ref(pg->v, "lang", pg->lang);
	h5_data_ref(pg->v, "other_lang", other_lang(pg));
	h5_data_ref(pg->v, "style", h5_pages_style(x->pages));
	if (x->log != NULL)
		h5_data_ref(pg->v, "rid", x->log->rid);
	put_own_urls(pg);
	if (c == NULL)
		return;
	h5_data_ref(pg->v, "shop", c->site.name);
	put_monogram(pg, c->site.name);
	h5_data_ref(pg->v, "shop_url", c->site.shop_url);
	if (c->site.contact != NULL)
		put_contact(pg, c->site.contact);
	put_action(pg, "checkout", "checkout");
	put_action(pg, "query", "query");
}

/* The last resort needs no template, and barely any memory. */
static void
plain_500(const struct h5_page_ctx *x, const struct h5_err *why)
{
	static const char body[] =
	    "<!doctype html><html lang=\"en\"><head><meta "
	    "charset=\"utf-8\"><title>Something went "
	    "wrong</title></head><body><main data-page=\"error\"><h1>Something "
	    "went wrong</h1><p>This step charged nothing. Please try again "
	    "later.</p></main></body></html>\n";
	bool head = x->resp->head;
	struct h5_err e;

	h5_response_clear(x->resp);
	x->resp->head = head;
	x->resp->status = 500;
	if (h5_pages_headers(x->pages, "en", x->resp, &e) != H5_OK)
		h5_buf_clear(&x->resp->headers);
	h5_buf_puts(&x->resp->body, body);
	if (x->log != NULL)
		h5_log_event(
		    x->log, H5_LOG_ERROR, "page-failed", "why", why->msg, NULL);
}

static void
finish(struct page *pg, const char *name, int status)
{
	const struct h5_page_ctx *x = pg->x;
	struct h5_err e;
	enum h5_code rc;

	if (h5_problem_wanted(x->r, status)) {
		h5_problem_fill(x, name, status, pg->lang, pg->v);
		h5_data_free(pg->v);
		return;
	}
	h5_buf_clear(&x->resp->body);
	/* Room for all of it at once; otherwise the buffer would grow nine
	 * times. */
	(void)h5_buf_room(&x->resp->body, USUAL);
	rc = h5_pages_render(
	    x->pages, name, pg->lang, pg->v, &x->resp->body, &e);
	if (rc == H5_OK)
		rc = h5_pages_headers(x->pages, pg->lang, x->resp, &e);
	if (rc == H5_OK)
		x->resp->status = status;
	else
		plain_500(x, &e);
	h5_data_free(pg->v);
}

/* --- the pages ----------------------------------------------------------- */

/* Puts the address that shows the confirmation again: what the form posts,
 * without its token. */
static void
put_link_url(struct page *pg, const struct h5_fields *hidden)
{
	struct h5_buf b;

	if (is_get(pg->x->r))
		return;
	h5_buf_init(&b, URL_MAX);
	h5_offer_link(pg->x->c, hidden, &b);
	h5_buf_printf(&b, "&lang=%s", other_lang(pg));
	put_buf(pg, "other_url", &b);
	h5_buf_release(&b);
}

void
h5_page_confirm(
    const struct h5_page_ctx *x, const struct h5_page_confirm *v, int status)
{
	struct page pg;

	begin(&pg, x);
	put_steps(&pg, 1);
	h5_data_ref(pg.v, "title", v->title);
	h5_data_ref(pg.v, "order", v->order);
	put_count(&pg, "qty", v->qty);
	if (v->total_fee > 0) {
		put_yuan(&pg, "amount", v->total_fee);
	} else {
		put_yuan(&pg, "min", v->min_fee);
		put_yuan(&pg, "max", v->max_fee);
	}
	h5_data_flag(pg.v, "long_amount", v->total_fee >= LONG_FEN);
	h5_data_flag(pg.v, "changed", v->changed);
	h5_data_flag(pg.v, "bad_amount", v->typed != H5_TYPED_WELL);
	h5_data_ref(pg.v, "typed", v->yuan);
	h5_data_flag(pg.v, "unreadable", v->typed == H5_TYPED_UNREADABLE);
	h5_data_flag(pg.v, "too_low", v->typed == H5_TYPED_LOW);
	h5_data_flag(pg.v, "too_high", v->typed == H5_TYPED_HIGH);
	for (size_t i = 0; v->hidden != NULL && i < v->hidden->n; i++) {
		struct h5_data *item = h5_data_item(pg.v, "hidden");

		h5_data_ref(item, "name", v->hidden->v[i].name);
		h5_data_ref(item, "value", v->hidden->v[i].value);
	}
	if (v->hidden != NULL)
		put_link_url(&pg, v->hidden);
	finish(&pg, "confirm", status);
}

/* Only the time of day, since the moment is minutes away. */
static void
put_until(struct page *pg, int64_t until)
{
	char plain[H5_CLOCK_PLAIN], iso[H5_CLOCK_RFC3339];

	h5_clock_plain(until, plain);
	h5_clock_rfc3339(until, iso);
	h5_data_str(pg->v, "until", plain + 11);
	h5_data_str(pg->v, "until_iso", iso);
}

void
h5_page_handoff(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const char *url, int64_t until)
{
	struct page pg;

	begin(&pg, x);
	put_steps(&pg, 2);
	put_order(&pg, o, token);
	put_until(&pg, until);
	h5_data_ref(pg.v, "url", url);
	finish(&pg, "handoff", 200);
}

void
h5_page_return(
    const struct h5_page_ctx *x, const struct h5_order *o, const char *token)
{
	struct page pg;

	begin(&pg, x);
	put_steps(&pg, 2);
	put_order(&pg, o, token);
	put_order_url(&pg, "return-page", o, token);
	finish(&pg, "return", 200);
}

/* What to say of an order that is not paid; hold: a note says to wait. */
static const char *
unpaid_case(const struct h5_order *o, bool hold)
{
	const char *word = h5_order_current(o)->trade_state;

	if (word[0] == '\0')
		return "unasked";
	if (strcmp(word, "USERPAYING") == 0 || strcmp(word, "ACCEPT") == 0)
		return "userpaying";
	return strcmp(word, "PAYERROR") == 0 && !hold ? "payerror" : "notpay";
}

/* The template for an order's state; fills what only that one needs. */
static const char *
result_case(struct page *pg, const struct h5_order *o, bool hold)
{
	/* Before the state: the buyer must not be told to pay. */
	if ((o->alerts & (H5_ALERT_DISPUTED | H5_ALERT_OVERPAID)) != 0)
		return "review";
	put_steps(pg, 3);
	/* The way back to the shop is shown once the order is settled; before
	 * that, the shop could not know how it ends. */
	if (h5_order_settled(o))
		h5_data_ref(pg->v, "return_url", o->return_url);
	switch (o->state) {
	case H5_ORDER_CREATED:
	case H5_ORDER_AWAITING:
		h5_data_flag(pg->v, "hold", hold);
		h5_data_flag(pg->v, unpaid_case(o, hold), true);
		return "unpaid";
	case H5_ORDER_PAID:
		put_steps(pg, 4);
		h5_data_flag(pg->v, "already",
		    pg->x->program != NULL &&
			strcmp(pg->x->program, "checkout") == 0);
		return "paid";
	case H5_ORDER_CLOSED:
		return "closed";
	case H5_ORDER_REFUNDING:
		h5_data_flag(pg->v, "refunding", true);
		return "refund";
	case H5_ORDER_PARTLY_REFUNDED:
		h5_data_flag(pg->v, "partly", true);
		return "refund";
	case H5_ORDER_REFUNDED:
		h5_data_flag(pg->v, "whole", true);
		return "refund";
	}
	return "error";
}

void
h5_page_result(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, enum h5_page_note note, int64_t until, int status)
{
	struct page pg;
	const char *name;

	begin(&pg, x);
	put_order(&pg, o, token);
	put_alerts(&pg, o);
	put_order_url(&pg, "query", o, token);
	h5_data_flag(pg.v, "unreachable", note == H5_NOTE_UNREACHABLE);
	h5_data_flag(pg.v, "wait", note == H5_NOTE_WAIT);
	if (note == H5_NOTE_WAIT)
		put_until(&pg, until);
	name = result_case(&pg, o, note != H5_NOTE_NONE);
	finish(&pg, name, status);
}

void
h5_page_outside(const struct h5_page_ctx *x, const char *url)
{
	const char *query = strchr(url, '?');
	struct page pg;
	struct h5_buf b;

	begin(&pg, x);
	h5_data_ref(pg.v, "url", url);
	h5_buf_init(&b, URL_MAX);
	h5_buf_add(
	    &b, url, query == NULL ? strlen(url) : (size_t)(query - url));
	h5_buf_putc(&b, '?');
	put_query(&b, query == NULL ? "" : query + 1);
	h5_buf_printf(&b, "lang=%s", other_lang(&pg));
	put_buf(&pg, "other_url", &b);
	h5_buf_release(&b);
	finish(&pg, "open-outside", 200);
}

static const struct plain {
	const char *name;
	int status;
} plain_pages[] = {
    [H5_PAGE_BAD_REQUEST] = {"bad-request", 400},
    [H5_PAGE_BAD_ADDRESS] = {"bad-address", 400},
    [H5_PAGE_BAD_LINK] = {"bad-link", 403},
    [H5_PAGE_BAD_ORIGIN] = {"bad-origin", 403},
    [H5_PAGE_NOT_FOUND] = {"not-found", 404},
    [H5_PAGE_NOT_ALLOWED] = {"not-allowed", 405},
    [H5_PAGE_CONFLICT] = {"conflict", 409},
    [H5_PAGE_LINK_EXPIRED] = {"link-expired", 410},
    [H5_PAGE_TOO_LARGE] = {"too-large", 413},
    [H5_PAGE_TOO_MANY] = {"too-many", 429},
    [H5_PAGE_ERROR] = {"error", 500},
    [H5_PAGE_GATEWAY_ERROR] = {"gateway-error", 502},
    [H5_PAGE_MERCHANT_ERROR] = {"merchant-error", 502},
    [H5_PAGE_STORE_ERROR] = {"store-error", 503},
    [H5_PAGE_BUSY] = {"busy", 503},
};

void
h5_page_plain(const struct h5_page_ctx *x, enum h5_page_plain which,
    const struct h5_order *o, const char *token)
{
	struct page pg;

	begin(&pg, x);
	if (o != NULL && token != NULL && x->c != NULL) {
		put_order(&pg, o, token);
		put_order_url(&pg, "query", o, token);
	}
	finish(&pg, plain_pages[which].name, plain_pages[which].status);
}

void
h5_page_filled(const struct h5_page_ctx *x, const char *name,
    void (*fill)(void *arg, struct h5_data *v, const char *lang), void *arg,
    int status)
{
	struct page pg;

	begin(&pg, x);
	fill(arg, pg.v, pg.lang);
	finish(&pg, name, status);
}

void
h5_page_redirect(const struct h5_page_ctx *x, int status, const char *url)
{
	struct h5_err e;
	enum h5_code rc;

	h5_buf_clear(&x->resp->body);
	rc = h5_response_header(x->resp, "Location", url, &e);
	if (rc == H5_OK)
		rc = h5_pages_headers(
		    x->pages, h5_web_lang(x->c, x->r), x->resp, &e);
	if (rc == H5_OK)
		x->resp->status = status;
	else
		plain_500(x, &e);
}
