/* The parts of the pages: addresses, what is shown of an order, and how a page
 * begins and ends. */
#include "common/web/page_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/escape.h"
#include "common/web/problem.h"
#include "common/base/text.h"

#define USUAL 20000 /* bytes that hold nearly every page */

/* --- addresses ----------------------------------------------------------- */

/* Appends the pieces of a query string except lang=, each with a "&" behind
 * it. */
void
h5_page_put_query(struct h5_buf *out, const char *query)
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

const char *
h5_page_other_lang(const struct h5_page *pg)
{
	return strcmp(pg->lang, "en") == 0 ? "zh-CN" : "en";
}

/* The value of a buffer as the string called name.  A form without its
 * address would be worse than no page. */
void
h5_page_put_buf(struct h5_page *pg, const char *name, const struct h5_buf *b)
{
	if (b->bad == H5_OK)
		h5_data_str(pg->v, name, b->data);
	else
		h5_data_spoil(pg->v);
}

/* Puts the address that a form of ours goes to; the language stays the one
 * asked for. */
static void
put_action(struct h5_page *pg, const char *name, const char *program)
{
	struct h5_buf b;

	h5_buf_init(&b, H5_PAGE_URL_MAX);
	h5_config_url(pg->x->c, program, &b);
	if (pg->lang_in_url)
		h5_buf_printf(&b, "?lang=%s", pg->lang);
	h5_page_put_buf(pg, name, &b);
	h5_buf_release(&b);
}

bool
h5_page_is_get(const struct h5_request *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

/* A page that answers a GET is found again at its own address. */
static void
put_own_urls(struct h5_page *pg)
{
	struct h5_buf b;

	if (!h5_page_is_get(pg->x->r))
		return;
	h5_buf_init(&b, H5_PAGE_URL_MAX);
	h5_buf_putc(&b, '?');
	h5_page_put_query(&b, pg->x->r->query);
	if (pg->lang_in_url)
		h5_buf_printf(&b, "lang=%s", pg->lang);
	h5_page_put_buf(pg, "self_url", &b);
	h5_buf_clear(&b);
	h5_buf_putc(&b, '?');
	h5_page_put_query(&b, pg->x->r->query);
	h5_buf_printf(&b, "lang=%s", h5_page_other_lang(pg));
	h5_page_put_buf(pg, "other_url", &b);
	h5_buf_release(&b);
}

/* An order's page; lang may be "". */
static void
put_order_page(struct h5_page *pg, const char *name, const char *program,
    const struct h5_order *o, const char *token, const char *lang)
{
	struct h5_buf b;

	h5_buf_init(&b, H5_PAGE_URL_MAX);
	h5_config_url(pg->x->c, program, &b);
	h5_buf_printf(&b, "?order=%s&t=", o->id);
	h5_escape_url(&b, token);
	h5_buf_printf(&b, "%s%s", lang[0] == '\0' ? "" : "&lang=", lang);
	h5_page_put_buf(pg, name, &b);
	h5_buf_release(&b);
}

/* The page that answers a POST has the order's page for its other language. */
void
h5_page_put_order_url(struct h5_page *pg, const char *program,
    const struct h5_order *o, const char *token)
{
	if (pg->x->c != NULL && !h5_page_is_get(pg->x->r))
		put_order_page(
		    pg, "other_url", program, o, token, h5_page_other_lang(pg));
}

/* "tel:", "mailto:" or a web address for the shop's contact; else nothing. */
static void
put_contact(struct h5_page *pg, const char *contact)
{
	struct h5_buf b;
	size_t len = strlen(contact);

	h5_data_ref(pg->v, "contact", contact);
	h5_buf_init(&b, H5_PAGE_URL_MAX);
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
		h5_page_put_buf(pg, "contact_url", &b);
	h5_buf_release(&b);
}

/* --- values -------------------------------------------------------------- */

void
h5_page_put_yuan(struct h5_page *pg, const char *name, int64_t fen)
{
	char text[H5_TEXT_FEN];

	h5_text_from_fen(fen, text);
	h5_data_str(pg->v, name, text);
}

/* A time for people, and as name_iso for machines.  0: none. */
static void
put_time(struct h5_page *pg, const char *name, const char *name_iso, int64_t t)
{
	char plain[H5_CLOCK_PLAIN], iso[H5_CLOCK_RFC3339];

	if (t == 0)
		return;
	h5_clock_plain(t, plain);
	h5_clock_rfc3339(t, iso);
	h5_data_str(pg->v, name, plain);
	h5_data_str(pg->v, name_iso, iso);
}

/* Only the time of day, since the moment is minutes away. */
void
h5_page_put_until(struct h5_page *pg, int64_t until)
{
	char plain[H5_CLOCK_PLAIN], iso[H5_CLOCK_RFC3339];

	h5_clock_plain(until, plain);
	h5_clock_rfc3339(until, iso);
	h5_data_str(pg->v, "until", plain + 11);
	h5_data_str(pg->v, "until_iso", iso);
}

void
h5_page_put_product(struct h5_page *pg, enum h5_product product)
{
	h5_data_ref(pg->v, "product", h5_order_product_word(product));
	h5_data_flag(pg->v, "by_h5", product == H5_PRODUCT_H5);
	h5_data_flag(pg->v, "by_native", product == H5_PRODUCT_NATIVE);
	h5_data_flag(pg->v, "by_jsapi", product == H5_PRODUCT_JSAPI);
}

void
h5_page_put_count(struct h5_page *pg, const char *name, int64_t n)
{
	if (n > 1)
		h5_data_str(pg->v, name, H5_LOG_NUM(n));
}

/* The step we are at, and those behind. */
void
h5_page_put_steps(struct h5_page *pg, int step)
{
	h5_data_flag(pg->v, "step1", step == 1);
	h5_data_flag(pg->v, "step2", step == 2);
	h5_data_flag(pg->v, "step3", step == 3);
	h5_data_flag(pg->v, "past1", step > 1);
	h5_data_flag(pg->v, "past2", step > 2);
	h5_data_flag(pg->v, "past3", step > 3);
}

static void
put_refunds(struct h5_page *pg, const struct h5_order *o)
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
		h5_page_put_yuan(pg, "refunded", done);
		put_time(pg, "refunded_at", "refunded_at_iso", at);
	}
	h5_page_put_yuan(pg, "refund_asked", asked);
}

void
h5_page_put_order(
    struct h5_page *pg, const struct h5_order *o, const char *token)
{
	h5_data_ref(pg->v, "order", o->id);
	h5_data_ref(pg->v, "token", token);
	h5_data_ref(pg->v, "state", h5_order_state_name(o->state));
	h5_data_ref(pg->v, "title", o->body);
	h5_page_put_count(pg, "qty", o->qty);
	h5_page_put_yuan(pg, "amount", o->total_fee);
	h5_data_flag(pg->v, "long_amount", o->total_fee >= H5_PAGE_LONG_FEN);
	if (pg->x->c != NULL)
		put_order_page(pg, "here_url", "return-page", o, token, "");
	if (o->transaction_id[0] != '\0')
		h5_data_ref(pg->v, "transaction_id", o->transaction_id);
	put_time(pg, "paid_at", "paid_at_iso", o->paid_at);
	put_time(pg, "checked_at", "checked_at_iso", o->checked_at);
	h5_page_put_product(pg, h5_order_current(o)->product);
	put_refunds(pg, o);
}

void
h5_page_put_hidden(struct h5_page *pg, const char *name, const char *value)
{
	struct h5_data *item = h5_data_item(pg->v, "hidden");

	h5_data_ref(item, "name", name);
	h5_data_ref(item, "value", value);
}

/* data-alert: the names of the alerts, with blanks between them. */
void
h5_page_put_alerts(struct h5_page *pg, const struct h5_order *o)
{
	static const enum h5_order_alert all[] = {H5_ALERT_DISPUTED,
	    H5_ALERT_LATE, H5_ALERT_OVERPAID, H5_ALERT_UNRECORDED};
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
		h5_page_put_buf(pg, "alert", &b);
	h5_buf_release(&b);
}

/* The first character of the shop's name, for its mark. */
static void
put_monogram(struct h5_page *pg, const char *name)
{
	struct h5_buf b;
	size_t n = 1;

	while (((unsigned char)name[n] & 0xc0) == 0x80)
		n++;
	h5_buf_init(&b, 8);
	h5_buf_add(&b, name, name[0] == '\0' ? 0 : n);
	h5_page_put_buf(pg, "monogram", &b);
	h5_buf_release(&b);
}

/* --- begin and end ------------------------------------------------------- */

void
h5_page_begin(struct h5_page *pg, const struct h5_page_ctx *x)
{
	const struct h5_config *c = x->c;

	*pg = (struct h5_page){
	    .x = x, .v = h5_data_new(), .lang = h5_web_lang(x->c, x->r)};
	pg->lang_in_url = names_lang(x->r->query);
	h5_data_ref(pg->v, "lang", pg->lang);
	h5_data_ref(pg->v, "other_lang", h5_page_other_lang(pg));
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
	if (c->site.contact_wechat != NULL)
		h5_data_ref(pg->v, "contact_wechat", c->site.contact_wechat);
	put_action(pg, "checkout", "checkout");
	put_action(pg, "query", "query");
}

/* The last resort needs no template, and barely any memory. */
void
h5_page_plain_500(const struct h5_page_ctx *x, const struct h5_err *why)
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
	if (h5_pages_headers(x->pages, "en", NULL, x->resp, &e) != H5_OK)
		h5_buf_clear(&x->resp->headers);
	h5_buf_puts(&x->resp->body, body);
	if (x->log != NULL)
		h5_log_event(
		    x->log, H5_LOG_ERROR, "page-failed", "why", why->msg, NULL);
}

void
h5_page_finish(struct h5_page *pg, const char *name, int status)
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
		rc = h5_pages_headers(
		    x->pages, pg->lang, pg->script, x->resp, &e);
	if (rc == H5_OK)
		x->resp->status = status;
	else
		h5_page_plain_500(x, &e);
	h5_data_free(pg->v);
}
