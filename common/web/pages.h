/* pages.h - shows the page for each case.
 * pages.c loads (h5_pages_*), page.c fills (h5_page_*).  Templates, messages
 * and style are compiled in (build/embed.c); files in pages.templates replace
 * single ones.  Every page leaves with the headers of INTERFACE 3. */
#ifndef H5_WEB_PAGES_H
#define H5_WEB_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/shop/catalogue.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/offer.h"
#include "common/format/template_data.h"
#include "common/pay/product.h"
#include "common/web/request.h"
#include "common/wechat/wechat.h"

struct h5_pages;

/* CSS pixels of a module of a QR code: of WeChat's own, and of an address of
 * ours, which has more modules. */
#define H5_PAGE_QR_CODE_PX 6
#define H5_PAGE_QR_OWN_PX 4

/* h5_pages_load(c, faults, out, e): compile all templates in both languages.  c
 * may be NULL, for error pages before a configuration exists.
 * H5_E_CONFIG: faults says which file is wrong.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_pages_load(const struct h5_config *c,
    struct h5_buf *faults, struct h5_pages **out, struct h5_err *e);

/* h5_pages_load_once(c, faults, out, e): the same for the one request of plain
 * CGI.  What is compiled in is compiled only when it is first met.  With
 * pages.templates it is h5_pages_load. */
H5_MUST_CHECK enum h5_code h5_pages_load_once(const struct h5_config *c,
    struct h5_buf *faults, struct h5_pages **out, struct h5_err *e);
void h5_pages_free(struct h5_pages *p);

/* For page.c, which knows the cases.  h5_pages_render appends the page called
 * name in a language (errors as h5_template_render), h5_pages_headers the
 * headers that every page has; script: the one inline script that the page may
 * run, NULL: none.  h5_pages_csp and h5_pages_style are borrowed.
 * p may be NULL: then there is no page and no style, and the policy allows
 * nothing. */
H5_MUST_CHECK enum h5_code h5_pages_render(struct h5_pages *p, const char *name,
    const char *lang, const struct h5_data *v, struct h5_buf *out,
    struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_pages_headers(const struct h5_pages *p,
    const char *lang, const char *script, struct h5_response *resp,
    struct h5_err *e);
const char *h5_pages_csp(const struct h5_pages *p);
const char *h5_pages_style(const struct h5_pages *p);

/* What the confirmation page shows and posts. */
struct h5_page_confirm {
	const char *title; /* what is bought */
	int64_t total_fee; /* fen; 0: the buyer names the amount */
	int64_t min_fee, max_fee; /* when total_fee is 0 */
	int64_t qty; /* shown when above 1 */
	const char *order; /* shown; NULL: none yet */
	const struct h5_fields *hidden; /* the form's hidden fields */
	bool changed; /* the price changed: say so (409) */
	enum h5_offer_typed typed; /* if not well: say why, and ask again */
	const char *yuan; /* what was typed, to be shown again; or NULL */
	const struct h5_choice *choice; /* which ways to pay it offers */
	const char *url; /* the page's own address, for another device; or
			    NULL */
};

/* What was just learned and does not stand in the order. */
enum h5_page_note {
	H5_NOTE_NONE,
	H5_NOTE_UNREACHABLE, /* WeChat was not reached: stored state shown */
	H5_NOTE_WAIT /* the old attempt cannot be closed yet; until says when */
};

/* Each function fills resp (status, headers, body) for the request r in the
 * buyer's language.  They do not fail: if a template fails, resp is a plain 500
 * page and the log says why. */
struct h5_page_ctx {
	struct h5_pages *pages; /* NULL: a refusal that needs none */
	const struct h5_config *c; /* NULL before one was found */
	const struct h5_request *r;
	const struct h5_log *log;
	struct h5_response *resp;
	const char *program; /* checkout ... : links to other languages */
};
void h5_page_confirm(
    const struct h5_page_ctx *x, const struct h5_page_confirm *v, int status);
/* data-page="handoff": the one link to url. */
void h5_page_handoff(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const char *url, int64_t until);
/* data-page="return": the button, and the list of cashier messages. */
void h5_page_return(
    const struct h5_page_ctx *x, const struct h5_order *o, const char *token);
/* data-page="result" with data-state and data-alert. */
void h5_page_result(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, enum h5_page_note note, int64_t until, int status);
/* The same of an order that the browser paid for, with the form of v below it,
 * which buys the same once more. */
void h5_page_bought(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_page_confirm *v);
/* data-page="scan": the code_url of the current attempt as a QR code; until:
 * its end.  If that is over, the page shows a button that renews it. */
void h5_page_scan(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_choice *choice, int64_t until);
/* data-page="jsapi": the button that calls WeChat's bridge.  bridge NULL: it is
 * too old, and a button renews it. */
void h5_page_jsapi(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_wechat_bridge *bridge);
/* data-page="merchant-error", with the other ways that are possible. */
void h5_page_not_open(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, const struct h5_choice *choice);
/* data-page="authorize": WeChat did not tell who the buyer is. */
void h5_page_authorize(const struct h5_page_ctx *x, const struct h5_order *o,
    const char *token, enum h5_wechat_who who, int status);
/* data-page="open-outside" or "open-in-wechat", as choice says; url: the
 * address to open there.  hidden: what the forms of the ways that are possible
 * all the same post; NULL: no forms. */
void h5_page_elsewhere(const struct h5_page_ctx *x, const char *url,
    const struct h5_choice *choice, const struct h5_fields *hidden);

/* The plain pages have a heading, a text and perhaps one button. */
enum h5_page_plain {
	H5_PAGE_BAD_REQUEST, /* 400 bad-request */
	H5_PAGE_BAD_ADDRESS, /* 400 bad-address */
	H5_PAGE_BAD_LINK, /* 403 bad-link */
	H5_PAGE_BAD_ORIGIN, /* 403 bad-origin */
	H5_PAGE_NOT_FOUND, /* 404 not-found */
	H5_PAGE_NOT_ALLOWED, /* 405 not-allowed; caller adds Allow */
	H5_PAGE_CONFLICT, /* 409 conflict */
	H5_PAGE_LINK_EXPIRED, /* 410 link-expired */
	H5_PAGE_TOO_LARGE, /* 413 too-large */
	H5_PAGE_TOO_MANY, /* 429 too-many; caller adds Retry-After */
	H5_PAGE_ERROR, /* 500 error */
	H5_PAGE_GATEWAY_ERROR, /* 502 gateway-error */
	H5_PAGE_MERCHANT_ERROR, /* 502 merchant-error */
	H5_PAGE_STORE_ERROR, /* 503 store-error */
	H5_PAGE_BUSY /* 503 busy */
};
/* h5_page_plain(x, which, o, token): a plain page.  o and token: the order that
 * the page is about (its button tries it again), or NULL.  Every plain page
 * names the request id. */
void h5_page_plain(const struct h5_page_ctx *x, enum h5_page_plain which,
    const struct h5_order *o, const char *token);

/* h5_page_filled(x, name, fill, arg, status): the page called name, whose
 * values fill adds to those that every page has. */
void h5_page_filled(const struct h5_page_ctx *x, const char *name,
    void (*fill)(void *arg, struct h5_data *v, const char *lang), void *arg,
    int status);

/* h5_page_redirect(x, status, url): 303 or 308 to url, with the pages'
 * headers. */
void h5_page_redirect(const struct h5_page_ctx *x, int status, const char *url);

#endif
