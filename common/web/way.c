/* The buyer's way to pay: which one fits his browser, and how he gets there. */
#include "common/web/way.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/format/escape.h"
#include "common/pay/attempt.h"
#include "common/pay/pay.h"
#include "common/pay/shut.h"
#include "common/pay/who.h"
#include "common/shop/offer.h"
#include "common/web/reply.h"

/* --- which way ------------------------------------------------------------ */

void
h5_way_choose(const struct h5_job *job, struct h5_choice *choice)
{
	const struct h5_config *c = job->shop.c;

	h5_product_choose(job->r->user_agent,
	    c->merchant.products & ~h5_shut_read(c, h5_clock_now()), choice);
}

static enum h5_way_found
bad_way(struct h5_job *job, const char *via)
{
	h5_log_event(&job->log, H5_LOG_WARN, "bad-request", "why",
	    "a way to pay that this shop does not have", "name", via, NULL);
	h5_page_plain(&job->page, H5_PAGE_BAD_REQUEST, NULL, NULL);
	return H5_WAY_BAD;
}

enum h5_way_found
h5_way_find(struct h5_job *job, const struct h5_fields *f,
    struct h5_choice *choice, enum h5_product *product)
{
	const char *via = h5_fields_get(f, "via");

	h5_way_choose(job, choice);
	*product = choice->ways[0];
	if (via == NULL)
		return choice->elsewhere == H5_ELSEWHERE_NO ? H5_WAY_FOUND
							    : H5_WAY_ELSEWHERE;
	if (!h5_order_product_of(via, product) ||
	    (job->shop.c->merchant.products & 1U << *product) == 0)
		return bad_way(job, via);
	if (h5_product_possible(choice, *product))
		return H5_WAY_FOUND;
	/* WeChat refused it after that form was made: the next way instead. */
	if ((h5_shut_read(job->shop.c, h5_clock_now()) & 1U << *product) != 0) {
		*product = choice->ways[0];
		return choice->n > 0 ? H5_WAY_FOUND : H5_WAY_ELSEWHERE;
	}
	/* A form of another browser, sent on: what it wants works there. */
	if (choice->elsewhere == H5_ELSEWHERE_NO)
		choice->elsewhere = *product == H5_PRODUCT_JSAPI
					? H5_ELSEWHERE_WECHAT
					: H5_ELSEWHERE_BROWSER;
	return H5_WAY_ELSEWHERE;
}

void
h5_way_elsewhere(struct h5_job *job, const char *program,
    const struct h5_fields *f, const char *token,
    const struct h5_choice *choice, const struct h5_fields *hidden)
{
	struct h5_buf url;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&url, H5_WEB_QUERY);
	if (token != NULL)
		h5_reply_url(
		    job, program, h5_fields_get(f, "order"), token, "", &url);
	else
		h5_offer_link(job->shop.c, f, &url);
	rc = h5_buf_finish(&url, &e);
	/* Without an address to copy the page would lead nowhere. */
	if (rc == H5_E_NOMEM)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else
		h5_page_elsewhere(
		    &job->page, rc == H5_OK ? url.data : "", choice, hidden);
	h5_buf_release(&url);
}

void
h5_way_show(struct h5_job *job, const struct h5_order *o)
{
	char token[H5_LINK_TOKEN];
	struct h5_err e;

	if (h5_link_order_token(job->shop.c, o->id, token, &e) != H5_OK)
		h5_reply_failed(job, e.code, &e, NULL, NULL);
	else
		h5_page_result(&job->page, o, token, H5_NOTE_NONE, 0, 200);
}

/* --- on the way ----------------------------------------------------------- */

static void
to_cashier(struct h5_job *job, const struct h5_order *o, const char *token,
    bool handoff)
{
	struct h5_buf url;
	struct h5_err e;

	/* The pages need an address of their own, so that a reload of one does
	 * not order again. */
	if (handoff || job->shop.c->site.handoff_page ||
	    h5_order_current(o)->product != H5_PRODUCT_H5) {
		h5_reply_redirect(job, "checkout", o->id, token, "&go=1");
		return;
	}
	h5_buf_init(&url, H5_WEB_QUERY);
	if (h5_reply_cashier_url(job->shop.c, o, h5_order_current(o), token,
		h5_reply_lang(job), &url, &e) == H5_OK)
		h5_page_redirect(&job->page, 303, url.data);
	else
		h5_reply_failed(job, e.code, &e, o, token);
	h5_buf_release(&url);
}

/* Where WeChat asks the buyer who he is.  It takes the parameters in this order
 * alone, and wants the fragment (PROTOCOL-V3 17.3). */
static void
to_authorize(
    struct h5_job *job, const char *id, const char *token, const char *state)
{
	const struct h5_config *c = job->shop.c;
	struct h5_buf back, url;
	struct h5_err e;

	h5_buf_init(&back, H5_CONFIG_URL);
	h5_buf_init(&url, H5_WEB_QUERY);
	h5_reply_url(job, "checkout", id, token, "", &back);
	if (h5_buf_finish(&back, &e) == H5_OK) {
		h5_buf_printf(&url, "%s/connect/oauth2/authorize?appid=%s",
		    c->gateway.oauth_url, h5_config_payer_appid(c));
		h5_buf_puts(&url, "&redirect_uri=");
		h5_escape_url(&url, back.data);
		h5_buf_printf(&url,
		    "&response_type=code&scope=snsapi_base&state=%s"
		    "#wechat_redirect",
		    state);
	}
	if (back.bad == H5_OK && h5_buf_finish(&url, &e) == H5_OK)
		h5_page_redirect(&job->page, 303, url.data);
	else
		h5_reply_failed(job, e.code, &e, NULL, NULL);
	h5_buf_release(&back);
	h5_buf_release(&url);
}

static void
authorize(struct h5_job *job, const char *id, const char *token)
{
	char state[H5_WHO_STATE];
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc = h5_who_begin(&job->shop, id, state, &o, &e);

	if (rc == H5_OK)
		to_authorize(job, id, token, state);
	else if (rc == H5_E_BUSY && job->limit.wait_s == 0 && o != NULL)
		h5_page_authorize(
		    &job->page, o, token, H5_WECHAT_WHO_STALE, 200);
	else
		h5_reply_failed(job, rc, &e, o, token);
	h5_order_free(o);
}

/* The next way of the table, at once: a press, or the page that says where
 * there is one. */
static void
not_open(struct h5_job *job, const struct h5_order *o, const char *token)
{
	enum h5_product refused = h5_order_current(o)->product;
	struct h5_choice choice;

	h5_way_choose(job, &choice);
	if (h5_product_possible(&choice, refused))
		h5_page_plain(&job->page, H5_PAGE_MERCHANT_ERROR, o, token);
	else if (choice.n > 0)
		h5_page_not_open(&job->page, o, token, &choice);
	else
		h5_reply_redirect(job, "checkout", o->id, token, "&go=1");
}

static void
answer(struct h5_job *job, enum h5_pay_result result, const struct h5_order *o,
    const char *token, bool handoff)
{
	switch (result) {
	case H5_PAY_GO:
		to_cashier(job, o, token, handoff);
		break;
	case H5_PAY_WAIT:
		h5_page_result(&job->page, o, token, H5_NOTE_WAIT,
		    h5_pay_closable_at(h5_order_current(o), h5_clock_now()),
		    200);
		break;
	case H5_PAY_MERCHANT:
		h5_page_plain(&job->page, H5_PAGE_MERCHANT_ERROR, o, token);
		break;
	case H5_PAY_NOT_OPEN:
		not_open(job, o, token);
		break;
	case H5_PAY_SETTLED:
		h5_page_result(&job->page, o, token, H5_NOTE_NONE, 0, 200);
		break;
	}
}

static void
start(struct h5_job *job, const char *id, const char *token,
    const struct h5_pay_way *way, bool handoff)
{
	struct h5_order *o = NULL;
	enum h5_pay_result result;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_pay_start(&job->shop, id, way, &result, &o, &e);
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, o, token);
	else
		answer(job, result, o, token, handoff);
	/* h5_pay_start may have settled the order on its way, so the shop's
	 * hook may be due. */
	if (o != NULL)
		h5_reply_deliver(job, o);
	h5_order_free(o);
}

/* Whose attempt it is, if that is known: nothing to ask WeChat for then. */
static bool
owner_known(const struct h5_order *o, char openid[H5_WECHAT_OPENID])
{
	const struct h5_attempt *a = h5_order_current(o);

	if (a->product != H5_PRODUCT_JSAPI || a->openid == NULL ||
	    a->state != H5_ATTEMPT_AWAITING ||
	    strlen(a->openid) >= H5_WECHAT_OPENID)
		return false;
	memcpy(openid, a->openid, strlen(a->openid) + 1);
	return true;
}

static void
start_in_wechat(struct h5_job *job, const char *id, const char *token,
    const struct h5_way_asked *asked)
{
	char openid[H5_WECHAT_OPENID];
	struct h5_pay_way way = {.ip = job->limit.ip,
	    .product = H5_PRODUCT_JSAPI,
	    .openid = openid,
	    .again = asked->again};
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc = h5_store_load(job->shop.st, id, &o, &e);

	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (h5_order_nothing_due(o))
		h5_page_result(&job->page, o, token, H5_NOTE_NONE, 0, 200);
	else if (!asked->other && owner_known(o, openid))
		start(job, id, token, &way, false);
	else
		authorize(job, id, token);
	h5_order_free(o);
}

void
h5_way_start(
    struct h5_job *job, const char *id, const struct h5_way_asked *asked)
{
	struct h5_pay_way way = {.ip = job->limit.ip,
	    .product = asked->product,
	    .again = asked->again};
	char token[H5_LINK_TOKEN];
	struct h5_err e;

	/* The token comes first: each page that follows, also that of a
	 * failure, leads back to the order by it. */
	if (h5_link_order_token(job->shop.c, id, token, &e) != H5_OK)
		h5_reply_failed(job, e.code, &e, NULL, NULL);
	else if (asked->product == H5_PRODUCT_JSAPI)
		start_in_wechat(job, id, token, asked);
	else
		start(job, id, token, &way, asked->handoff);
}

/* --- where it is paid ----------------------------------------------------- */

static void
go_h5(struct h5_job *job, const struct h5_order *o, const char *token)
{
	const struct h5_attempt *a = h5_order_current(o);
	struct h5_buf url;
	struct h5_err e;

	h5_buf_init(&url, H5_WEB_QUERY);
	if (h5_reply_cashier_url(job->shop.c, o, a, token, h5_reply_lang(job),
		&url, &e) == H5_OK)
		h5_page_handoff(&job->page, o, token, url.data,
		    a->prepaid_at + H5_PAY_URL_LIFE_S);
	else
		h5_reply_failed(job, e.code, &e, o, token);
	h5_buf_release(&url);
}

static void
go_jsapi(
    struct h5_job *job, const struct h5_order *o, const char *token, bool fresh)
{
	const struct h5_attempt *a = h5_order_current(o);
	struct h5_wechat_bridge bridge;
	struct h5_err e;

	if (!fresh)
		h5_page_jsapi(&job->page, o, token, NULL);
	else if (h5_wechat_bridge(
		     job->shop.c, a, h5_clock_now(), &bridge, &e) == H5_OK)
		h5_page_jsapi(&job->page, o, token, &bridge);
	else
		h5_reply_failed(job, e.code, &e, o, token);
}

void
h5_way_go(struct h5_job *job, const struct h5_order *o, const char *token,
    const struct h5_fields *f)
{
	const struct h5_attempt *a = h5_order_current(o);
	bool fresh = h5_pay_fresh(a, h5_clock_now());
	struct h5_choice choice;

	h5_way_choose(job, &choice);
	/* What was ordered before WeChat refused the product is still paid. */
	if (fresh)
		h5_product_choose(job->r->user_agent,
		    job->shop.c->merchant.products, &choice);
	if (h5_order_nothing_due(o))
		h5_page_result(&job->page, o, token, H5_NOTE_NONE, 0, 200);
	/* Each opening chooses anew: the link may have been sent on to a
	 * browser where this way does not work. */
	else if (choice.elsewhere != H5_ELSEWHERE_NO &&
		 !h5_product_possible(&choice, a->product))
		h5_way_elsewhere(job, "return-page", f, token, &choice, NULL);
	/* A bookmark of the page shows the order when it is over. */
	else if (a->prepay_id == NULL || a->state != H5_ATTEMPT_AWAITING ||
		 !h5_product_possible(&choice, a->product) ||
		 (a->product == H5_PRODUCT_H5 && !fresh))
		h5_page_result(&job->page, o, token, H5_NOTE_NONE, 0, 200);
	else if (a->product == H5_PRODUCT_NATIVE)
		h5_page_scan(
		    &job->page, o, token, &choice, h5_pay_fresh_until(a));
	else if (a->product == H5_PRODUCT_JSAPI)
		go_jsapi(job, o, token, fresh);
	else
		go_h5(job, o, token);
}

/* --- back from the authorize page ----------------------------------------- */

/* The buyer is told, and what he can do; the log has the rest. */
static int
status_of(enum h5_wechat_who who)
{
	return who == H5_WECHAT_WHO_LATER || who == H5_WECHAT_WHO_MERCHANT
		   ? 502
		   : 200;
}

void
h5_way_back(struct h5_job *job, const char *id, const char *token,
    const struct h5_fields *f)
{
	char openid[H5_WECHAT_OPENID];
	struct h5_pay_way way = {
	    .ip = job->limit.ip, .product = H5_PRODUCT_JSAPI, .openid = openid};
	struct h5_order *o = NULL;
	enum h5_who_result result;
	enum h5_wechat_who who;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_who_end(&job->shop, id, h5_fields_get(f, "state"),
	    h5_fields_get(f, "code"), &result, openid, &who, &o, &e);
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, o, token);
	else if (result == H5_WHO_KNOWN)
		start(job, id, token, &way, false);
	else if (result == H5_WHO_AGAIN)
		authorize(job, id, token);
	else if (result == H5_WHO_FAILED)
		h5_page_authorize(&job->page, o, token, who, status_of(who));
	else
		h5_reply_redirect(job, "checkout", id, token, "&go=1");
	h5_order_free(o);
}
