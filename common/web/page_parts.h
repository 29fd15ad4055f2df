/* page_parts.h - what the pages are put together from.  Private to
 * common/web/page*.c.
 * Calling order: h5_page_begin, any h5_page_put_*, h5_page_finish. */
#ifndef H5_WEB_PAGE_PARTS_H
#define H5_WEB_PAGE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/format/template_data.h"
#include "common/pay/product.h"
#include "common/web/pages.h"

#define H5_PAGE_URL_MAX 32768 /* longest address on a page, bytes */
#define H5_PAGE_LONG_FEN                                                       \
	10000000 /* from 100000.00 yuan on an amount is a long one */

/* One page in the making. */
struct h5_page {
	const struct h5_page_ctx *x;
	struct h5_data *v;
	const char *lang;
	bool lang_in_url; /* then it stays in every address of ours */
	const char *script; /* the one that the page holds, for its policy; or
			       NULL */
};

/* h5_page_put_query: append the query string of a request, without its lang=.
 */
void h5_page_put_query(struct h5_buf *out, const char *query);
/* h5_page_other_lang: the language that a page is not in. */
const char *h5_page_other_lang(const struct h5_page *pg);
/* h5_page_put_buf: the text of b under name; a buffer that failed makes the
 * page fail. */
void h5_page_put_buf(
    struct h5_page *pg, const char *name, const struct h5_buf *b);
/* h5_page_is_get: was the page asked for by GET or HEAD? */
bool h5_page_is_get(const struct h5_request *r);
/* h5_page_put_order_url: the address of an order at a program of ours. */
void h5_page_put_order_url(struct h5_page *pg, const char *program,
    const struct h5_order *o, const char *token);
/* h5_page_put_yuan: an amount of fen, as yuan. */
void h5_page_put_yuan(struct h5_page *pg, const char *name, int64_t fen);
/* h5_page_put_count: a number above 1. */
void h5_page_put_count(struct h5_page *pg, const char *name, int64_t n);
/* h5_page_put_steps: which of the three steps the buyer is at. */
void h5_page_put_steps(struct h5_page *pg, int step);
/* h5_page_put_order: what every page shows of an order. */
void h5_page_put_order(
    struct h5_page *pg, const struct h5_order *o, const char *token);
/* h5_page_put_hidden: what a form of the page posts. */
void h5_page_put_hidden(
    struct h5_page *pg, const char *name, const char *value);
/* h5_page_put_product: the way to pay that the page is about. */
void h5_page_put_product(struct h5_page *pg, enum h5_product product);
/* h5_page_put_until: until when, as a time of day. */
void h5_page_put_until(struct h5_page *pg, int64_t until);
/* h5_page_put_alerts: the alerts of an order, by their names. */
void h5_page_put_alerts(struct h5_page *pg, const struct h5_order *o);
/* h5_page_begin: the values that every page has. */
void h5_page_begin(struct h5_page *pg, const struct h5_page_ctx *x);
/* h5_page_plain_500: the last resort, which needs no template and barely any
 * memory. */
void h5_page_plain_500(const struct h5_page_ctx *x, const struct h5_err *why);
/* h5_page_finish: render the page called name into the answer, or a plain 500;
 * pg is released. */
void h5_page_finish(struct h5_page *pg, const char *name, int status);

#endif
