/* Fills the pages: which values each case shows. */
#include "common/web/page_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/escape.h"
#include "common/web/problem.h"
#include "common/base/text.h"

void
h5_page_handoff(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const char *url, int64_t until)
{
	struct h5_page pg;

	h5_page_begin(&pg, x);
	h5_page_put_steps(&pg, 2);
	h5_page_put_order(&pg, o, token);
	h5_page_put_until(&pg, until);
	h5_data_ref(pg.v, "url", url);
	h5_page_finish(&pg, "handoff", 200);
}

void
h5_page_return(
    const struct h5_page_ctx *x, const struct h5_order *o, const char *token)
{
	struct h5_page pg;

	h5_page_begin(&pg, x);
	h5_page_put_steps(&pg, 2);
	h5_page_put_order(&pg, o, token);
	h5_page_put_order_url(&pg, "return-page", o, token);
	h5_page_finish(&pg, "return", 200);
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
result_case(struct h5_page *pg, const struct h5_order *o, bool hold)
{
	/* Before the state: the buyer must not be told to pay. */
	if ((o->alerts & (H5_ALERT_DISPUTED | H5_ALERT_OVERPAID)) != 0)
		return "review";
	h5_page_put_steps(pg, 3);
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
		h5_page_put_steps(pg, 4);
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
	struct h5_page pg;
	const char *name;

	h5_page_begin(&pg, x);
	h5_page_put_order(&pg, o, token);
	h5_page_put_alerts(&pg, o);
	h5_page_put_order_url(&pg, "query", o, token);
	h5_data_flag(pg.v, "unreachable", note == H5_NOTE_UNREACHABLE);
	h5_data_flag(pg.v, "wait", note == H5_NOTE_WAIT);
	if (note == H5_NOTE_WAIT)
		h5_page_put_until(&pg, until);
	name = result_case(&pg, o, note != H5_NOTE_NONE);
	h5_page_finish(&pg, name, status);
}

void
h5_page_bought(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_page_confirm *v)
{
	struct h5_page pg;
	size_t i;

	h5_page_begin(&pg, x);
	h5_page_put_order(&pg, o, token);
	h5_page_put_alerts(&pg, o);
	h5_data_flag(pg.v, "buy_again", true);
	h5_data_flag(pg.v, "ask_amount", v->total_fee == 0);
	if (v->total_fee == 0) {
		h5_page_put_yuan(&pg, "min", v->min_fee);
		h5_page_put_yuan(&pg, "max", v->max_fee);
	}
	for (i = 0; v->hidden != NULL && i < v->hidden->n; i++)
		h5_page_put_hidden(
		    &pg, v->hidden->v[i].name, v->hidden->v[i].value);
	h5_page_finish(&pg, result_case(&pg, o, false), 200);
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
	struct h5_page pg;

	h5_page_begin(&pg, x);
	if (o != NULL && token != NULL && x->c != NULL) {
		h5_page_put_order(&pg, o, token);
		h5_page_put_order_url(&pg, "query", o, token);
	}
	h5_page_finish(&pg, plain_pages[which].name, plain_pages[which].status);
}

void
h5_page_filled(const struct h5_page_ctx *x, const char *name,
    void (*fill)(void *arg, struct h5_data *v, const char *lang), void *arg,
    int status)
{
	struct h5_page pg;

	h5_page_begin(&pg, x);
	fill(arg, pg.v, pg.lang);
	h5_page_finish(&pg, name, status);
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
		    x->pages, h5_web_lang(x->c, x->r), NULL, x->resp, &e);
	if (rc == H5_OK)
		x->resp->status = status;
	else
		h5_page_plain_500(x, &e);
}
