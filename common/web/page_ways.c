/* Fills the pages that choose a way to pay, or are one: the confirmation, the
 * code to scan, WeChat's bridge, and where to open the page instead.  Checkout
 * alone has them, and so the library that draws codes. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/format/escape.h"
#include "common/format/json.h"
#include "common/format/qr.h"
#include "common/web/page_parts.h"
#include "common/web/pages_parts.h"

#define QR_MAX 65536 /* bytes of a path */
/* Most modules of a code on a page of 320 CSS pixels, at 4 of them each. */
#define QR_MOST 73

/* --- parts ---------------------------------------------------------------- */

/* The ways of choice from the n-th on. */
static void
put_ways(struct h5_page *pg, const struct h5_choice *choice, unsigned n)
{
	for (; n < choice->n; n++) {
		struct h5_data *item = h5_data_item(pg->v, "ways");
		const char *word = h5_order_product_word(choice->ways[n]);

		h5_data_ref(item, "via", word);
		h5_data_flag(item, word, true);
	}
}

/* text as a QR code, if a phone can read it; px: CSS pixels of a module. */
static void
put_qr(struct h5_page *pg, const char *text, unsigned px)
{
	struct h5_buf path;
	unsigned side;

	h5_buf_init(&path, QR_MAX);
	/* One that no camera could read is worse than none: the address stands
	 * beside it. */
	if (h5_qr_path(text, QR_MOST, &path, &side, NULL) == H5_OK) {
		h5_page_put_buf(pg, "qr_path", &path);
		h5_data_str(pg->v, "qr_side", H5_LOG_NUM(side));
		h5_data_str(pg->v, "qr_px", H5_LOG_NUM(side * px));
	} else if (path.bad == H5_E_NOMEM) {
		h5_data_spoil(pg->v);
	}
	h5_buf_release(&path);
}

/* The script of that name, and a policy that allows it. */
static void
put_script(struct h5_page *pg, const char *name)
{
	size_t n;

	pg->script = h5_pages_embedded(name, &n);
	h5_data_ref(pg->v, "script", pg->script);
}

/* An address of the order, as the value of name. */
static void
put_address(struct h5_page *pg, const char *name, const char *program,
    const struct h5_order *o, const char *token, const char *more)
{
	struct h5_buf b;

	h5_buf_init(&b, H5_PAGE_URL_MAX);
	h5_config_url(pg->x->c, program, &b);
	h5_buf_printf(&b, "?order=%s&t=%s%s", o->id, token, more);
	if (pg->lang_in_url)
		h5_buf_printf(&b, "&lang=%s", pg->lang);
	h5_page_put_buf(pg, name, &b);
	h5_buf_release(&b);
}

/* What the forms of further ways post of an order. */
static void
put_order_ways(struct h5_page *pg, const struct h5_order *o, const char *token,
    const struct h5_choice *choice)
{
	unsigned i;

	h5_page_put_hidden(pg, "order", o->id);
	h5_page_put_hidden(pg, "t", token);
	h5_page_put_hidden(pg, "again", "1");
	for (i = 0; i < choice->n; i++)
		if (choice->ways[i] != h5_order_current(o)->product) {
			struct h5_choice one = {
			    .ways = {choice->ways[i]}, .n = 1};

			put_ways(pg, &one, 0);
		}
}

/* --- the confirmation page ------------------------------------------------ */

/* Puts the address that shows the confirmation again: what the form posts,
 * without its token. */
static void
put_link_url(struct h5_page *pg, const struct h5_fields *hidden)
{
	struct h5_buf b;

	if (h5_page_is_get(pg->x->r))
		return;
	h5_buf_init(&b, H5_PAGE_URL_MAX);
	h5_offer_link(pg->x->c, hidden, &b);
	h5_buf_printf(&b, "&lang=%s", h5_page_other_lang(pg));
	h5_page_put_buf(pg, "other_url", &b);
	h5_buf_release(&b);
}

/* The way that the page offers first, and the others.  While the amount is
 * open there is one form alone: an amount is typed once. */
static void
put_choice(struct h5_page *pg, const struct h5_page_confirm *v)
{
	const struct h5_choice *choice = v->choice;
	bool open = v->total_fee == 0;

	h5_page_put_product(pg, choice->ways[0]);
	h5_data_flag(pg->v, "apart", choice->apart);
	h5_data_flag(pg->v, "more", !open && choice->n > 1);
	if (!open)
		put_ways(pg, choice, 1);
	/* A desktop has no WeChat to open: the page goes on to a phone. */
	if (choice->place != H5_PLACE_DESKTOP ||
	    choice->ways[0] != H5_PRODUCT_H5)
		return;
	h5_data_flag(pg->v, "desktop", true);
	if (v->url == NULL)
		return;
	h5_data_ref(pg->v, "page_url", v->url);
	put_qr(pg, v->url, H5_PAGE_QR_OWN_PX);
}

void
h5_page_confirm(
    const struct h5_page_ctx *x, const struct h5_page_confirm *v, int status)
{
	struct h5_page pg;

	h5_page_begin(&pg, x);
	h5_page_put_steps(&pg, 1);
	h5_data_ref(pg.v, "title", v->title);
	h5_data_ref(pg.v, "order", v->order);
	h5_page_put_count(&pg, "qty", v->qty);
	if (v->total_fee > 0) {
		h5_page_put_yuan(&pg, "amount", v->total_fee);
	} else {
		h5_page_put_yuan(&pg, "min", v->min_fee);
		h5_page_put_yuan(&pg, "max", v->max_fee);
	}
	h5_data_flag(pg.v, "long_amount", v->total_fee >= H5_PAGE_LONG_FEN);
	h5_data_flag(pg.v, "changed", v->changed);
	h5_data_flag(pg.v, "bad_amount", v->typed != H5_TYPED_WELL);
	h5_data_ref(pg.v, "typed", v->yuan);
	h5_data_flag(pg.v, "unreadable", v->typed == H5_TYPED_UNREADABLE);
	h5_data_flag(pg.v, "too_low", v->typed == H5_TYPED_LOW);
	h5_data_flag(pg.v, "too_high", v->typed == H5_TYPED_HIGH);
	for (size_t i = 0; v->hidden != NULL && i < v->hidden->n; i++)
		h5_page_put_hidden(
		    &pg, v->hidden->v[i].name, v->hidden->v[i].value);
	if (v->hidden != NULL)
		put_link_url(&pg, v->hidden);
	put_choice(&pg, v);
	h5_page_finish(&pg, "confirm", status);
}

/* --- the pages ------------------------------------------------------------ */

void
h5_page_scan(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_choice *choice, int64_t until)
{
	int64_t left = until - h5_clock_now();
	struct h5_page pg;

	h5_page_begin(&pg, x);
	h5_page_put_steps(&pg, 2);
	h5_page_put_order(&pg, o, token);
	put_order_ways(&pg, o, token, choice);
	h5_data_ref(pg.v, "number", h5_order_current(o)->out_trade_no);
	put_address(&pg, "look_url", "query", o, token, "&scan=1");
	put_address(&pg, "result_url", "query", o, token, "");
	if (left > 0) {
		h5_page_put_until(&pg, until);
		h5_data_str(pg.v, "life", H5_LOG_NUM(left));
		h5_data_str(pg.v, "minutes", H5_LOG_NUM((left + 59) / 60));
		put_qr(&pg, h5_order_current(o)->code_url, H5_PAGE_QR_CODE_PX);
		put_script(&pg, "scan.js");
	}
	h5_page_finish(&pg, "scan", 200);
}

static void
put_bridge(struct h5_page *pg, const struct h5_wechat_bridge *b)
{
	struct h5_buf json;

	h5_buf_init(&json, 2048);
	h5_buf_putc(&json, '{');
	h5_json_text("appId", b->app_id, &json);
	h5_json_text("timeStamp", b->time_stamp, &json);
	h5_json_text("nonceStr", b->nonce_str, &json);
	h5_json_text("package", b->package, &json);
	h5_json_text("signType", b->sign_type, &json);
	h5_json_text("paySign", b->pay_sign, &json);
	h5_buf_putc(&json, '}');
	h5_page_put_buf(pg, "bridge", &json);
	h5_buf_release(&json);
}

void
h5_page_jsapi(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_wechat_bridge *bridge)
{
	struct h5_page pg;

	h5_page_begin(&pg, x);
	h5_page_put_steps(&pg, 2);
	h5_page_put_order(&pg, o, token);
	put_address(&pg, "return_page", "return-page", o, token, "");
	if (bridge != NULL) {
		put_bridge(&pg, bridge);
		put_script(&pg, "jsapi.js");
	}
	h5_page_finish(&pg, "jsapi", 200);
}

void
h5_page_authorize(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, enum h5_wechat_who who, int status)
{
	struct h5_page pg;

	h5_page_begin(&pg, x);
	h5_page_put_order(&pg, o, token);
	h5_data_flag(pg.v, "virtual", who == H5_WECHAT_WHO_VIRTUAL);
	h5_data_flag(pg.v, "merchant", who == H5_WECHAT_WHO_MERCHANT);
	h5_data_flag(pg.v, "retry",
	    who != H5_WECHAT_WHO_VIRTUAL && who != H5_WECHAT_WHO_MERCHANT);
	h5_page_finish(&pg, "authorize", status);
}

void
h5_page_elsewhere(const struct h5_page_ctx *x, const char *url,
    const struct h5_choice *choice, const struct h5_fields *hidden)
{
	const char *query = strchr(url, '?');
	struct h5_page pg;
	struct h5_buf b;
	size_t i;

	h5_page_begin(&pg, x);
	h5_data_ref(pg.v, "url", url);
	h5_data_flag(pg.v, "app", choice->place == H5_PLACE_APP);
	h5_data_flag(pg.v, "apart", choice->apart);
	h5_data_flag(pg.v, "computer",
	    choice->place == H5_PLACE_WECHAT && !choice->apart &&
		(x->c->merchant.products & 1U << H5_PRODUCT_NATIVE) != 0);
	h5_data_flag(pg.v, "by_h5",
	    hidden != NULL && h5_product_possible(choice, H5_PRODUCT_H5));
	for (i = 0; hidden != NULL && i < hidden->n; i++)
		h5_page_put_hidden(&pg, hidden->v[i].name, hidden->v[i].value);
	if (hidden != NULL)
		put_ways(&pg, choice, 0);
	if (choice->place == H5_PLACE_DESKTOP)
		put_qr(&pg, url, H5_PAGE_QR_OWN_PX);
	h5_buf_init(&b, H5_PAGE_URL_MAX);
	h5_buf_add(
	    &b, url, query == NULL ? strlen(url) : (size_t)(query - url));
	h5_buf_putc(&b, '?');
	h5_page_put_query(&b, query == NULL ? "" : query + 1);
	h5_buf_printf(&b, "lang=%s", h5_page_other_lang(&pg));
	h5_page_put_buf(&pg, "other_url", &b);
	h5_buf_release(&b);
	h5_page_finish(&pg,
	    choice->elsewhere == H5_ELSEWHERE_WECHAT ? "open-in-wechat"
						     : "open-outside",
	    200);
}

void
h5_page_not_open(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_choice *choice)
{
	struct h5_page pg;

	h5_page_begin(&pg, x);
	h5_page_put_order(&pg, o, token);
	h5_page_put_order_url(&pg, "query", o, token);
	h5_page_put_product(&pg, h5_order_current(o)->product);
	put_order_ways(&pg, o, token, choice);
	h5_data_flag(pg.v, "another_way", true);
	h5_page_finish(&pg, "merchant-error", 502);
}
