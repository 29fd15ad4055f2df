/* checkout - from a pay link to WeChat's cashier.  GET shows what is offered,
 * writes nothing and asks WeChat nothing; POST makes the order durable first,
 * then gets a mweb_url, then sends the buyer there. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/system/https.h"
#include "common/shop/offer.h"
#include "common/pay/attempt.h"
#include "common/pay/pay.h"
#include "common/web/program.h"
#include "common/web/reply.h"
#include "common/wechat/wechat.h"

/* What a request may carry that names an order.  A pay link's own names are
 * checked with the link (offer.h). */
static const char *const known_get[] = {"order", "t", "go"};
static const char *const known_post[] = {"order", "t", "again", "handoff"};

static void
plain(struct h5_job *job, enum h5_page_plain page, const struct h5_err *e)
{
	h5_log_event(&job->log, H5_LOG_WARN, "refused", "code",
	    h5_err_name(e->code), "why", e->msg, NULL);
	h5_page_plain(&job->page, page, NULL, NULL);
}

/* Was this posted from another site's page?  Then that is the answer. */
static bool
foreign(struct h5_job *job)
{
	struct h5_err e;

	if (h5_web_origin(job->shop.c, job->r) != H5_ORIGIN_FOREIGN)
		return false;
	(void)h5_err_set(&e, H5_E_AUTH, "foreign Origin");
	plain(job, H5_PAGE_BAD_ORIGIN, &e);
	return true;
}

/* An order that stands, as its buyer sees it. */
static void
show_order(struct h5_job *job, const struct h5_order *o, enum h5_page_note note,
    int64_t until)
{
	char token[H5_LINK_TOKEN];
	struct h5_err e;

	if (h5_link_order_token(job->shop.c, o->id, token, &e) != H5_OK)
		h5_reply_failed(job, e.code, &e, NULL, NULL);
	else
		h5_page_result(&job->page, o, token, note, until, 200);
}

/* --- off to the cashier --- */

static void
to_cashier(struct h5_job *job, const struct h5_order *o, const char *token,
    bool handoff)
{
	struct h5_buf url;
	struct h5_err e;

	/* The hand-off page needs an address of its own, so that a reload of it
	 * does not order again. */
	if (handoff || job->shop.c->site.handoff_page) {
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

static void
start(struct h5_job *job, const char *id, bool again, bool handoff)
{
	char token[H5_LINK_TOKEN];
	struct h5_order *o = NULL;
	enum h5_pay_result result;
	struct h5_err e;
	enum h5_code rc;

	/* The token comes first: each page that follows, also that of a
	 * failure, leads back to the order by it. */
	rc = h5_link_order_token(job->shop.c, id, token, &e);
	if (rc == H5_OK)
		rc = h5_pay_start(
		    &job->shop, id, job->limit.ip, again, &result, &o, &e);
	if (rc != H5_OK) {
		h5_reply_failed(job, rc, &e, o, token);
	} else if (result == H5_PAY_GO) {
		to_cashier(job, o, token, handoff);
	} else if (result == H5_PAY_WAIT) {
		h5_page_result(&job->page, o, token, H5_NOTE_WAIT,
		    h5_pay_closable_at(h5_order_current(o), h5_clock_now()),
		    200);
	} else if (result == H5_PAY_MERCHANT) {
		h5_page_plain(&job->page, H5_PAGE_MERCHANT_ERROR, o, token);
	} else {
		h5_page_result(&job->page, o, token, H5_NOTE_NONE, 0, 200);
	}
	/* h5_pay_start may have settled the order on its way, so the shop's
	 * hook may be due. */
	if (o != NULL)
		h5_reply_deliver(job, o);
	h5_order_free(o);
}

/* --- an order that is known: order and t --- */

static void
go(struct h5_job *job, struct h5_order *o, const char *token)
{
	const struct h5_attempt *a = h5_order_current(o);
	struct h5_buf url;
	struct h5_err e;

	/* The address has a life of five minutes.  A bookmark of this page
	 * shows the order when it is over. */
	if (h5_order_nothing_due(o) || !h5_pay_fresh(a, h5_clock_now())) {
		show_order(job, o, H5_NOTE_NONE, 0);
		return;
	}
	h5_buf_init(&url, H5_WEB_QUERY);
	if (h5_reply_cashier_url(job->shop.c, o, a, token, h5_reply_lang(job),
		&url, &e) == H5_OK)
		h5_page_handoff(&job->page, o, token, url.data,
		    a->mweb_url_at + H5_PAY_URL_LIFE_S);
	else
		h5_reply_failed(job, e.code, &e, o, token);
	h5_buf_release(&url);
}

static void
outside(struct h5_job *job, const char *program, const struct h5_fields *f,
    const char *token)
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
		h5_page_outside(&job->page, rc == H5_OK ? url.data : "");
	h5_buf_release(&url);
}

static bool
one_if_there(const struct h5_fields *f, const char *name)
{
	return h5_fields_get(f, name) == NULL || h5_fields_is(f, name, "1");
}

static void
known(struct h5_job *job, const struct h5_fields *f, bool post)
{
	char token[H5_LINK_TOKEN];
	const char *id = h5_fields_get(f, "order");
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_link_admit(job->shop.c, f, token, &e);
	if (rc == H5_OK)
		/* Nothing is read from the store before the token has proved
		 * that the order is the visitor's. */
		rc = h5_store_load(job->shop.st, id, &o, &e);
	/* The browser comes before the method: inside WeChat neither a form nor
	 * a page may lead to the cashier, which does not open there (PROTOCOL
	 * 3.3).  The buyer's address comes last, since a buyer who only looks
	 * must not fail on it. */
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (h5_web_in_wechat(job->r))
		outside(job, "return-page", f, token);
	else if (!post)
		go(job, o, token);
	else if (h5_order_nothing_due(o))
		show_order(job, o, H5_NOTE_NONE, 0);
	else if (h5_reply_buyer(job, &e) != H5_OK)
		plain(job, H5_PAGE_BAD_ADDRESS, &e);
	else
		start(job, id, true, h5_fields_get(f, "handoff") != NULL);
	h5_order_free(o);
}

static bool
known_wellformed(struct h5_job *job, const struct h5_fields *f, bool post)
{
	if (!h5_reply_only(job, f, post ? known_post : known_get,
		post ? H5_LENGTH(known_post) : H5_LENGTH(known_get)))
		return false;
	/* A form says what it wants, "again" or "go".  Anything else is not a
	 * form of ours, and must not order anything by accident. */
	if (h5_fields_is(f, post ? "again" : "go", "1") &&
	    one_if_there(f, "handoff"))
		return true;
	h5_log_event(&job->log, H5_LOG_WARN, "bad-request", "why",
	    "the request does not say what to do", NULL);
	h5_page_plain(&job->page, H5_PAGE_BAD_REQUEST, NULL, NULL);
	return false;
}

/* --- a pay link --- */

static void
confirm(struct h5_job *job, const struct h5_offer *offer, bool changed,
    enum h5_offer_typed typed, int status)
{
	struct h5_page_confirm v = {0};

	v.title = offer->body;
	v.total_fee = offer->total_fee;
	v.min_fee = offer->min_fee;
	v.max_fee = offer->max_fee;
	v.qty = offer->qty;
	v.order = offer->id;
	v.hidden = &offer->hidden;
	v.changed = changed;
	v.typed = typed;
	v.yuan = offer->yuan;
	h5_page_confirm(&job->page, &v, status);
}

/* The price changed after the buyer had ordered: the same form again (double
 * click, Back) is the same order still, never a second one. */
static bool
ordered_before(struct h5_job *job, const struct h5_offer *offer)
{
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_store_load(job->shop.st, offer->before, &o, &e);
	if (rc == H5_E_NOTFOUND)
		return false;
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (h5_order_nothing_due(o))
		show_order(job, o, H5_NOTE_NONE, 0);
	else if (h5_reply_buyer(job, &e) != H5_OK)
		plain(job, H5_PAGE_BAD_ADDRESS, &e);
	else
		start(job, offer->before, false, false);
	h5_order_free(o);
	return true;
}

/* The link is over, but what was bought with it is not: a buyer who has paid
 * sees that, and never that the time to pay has passed. */
static bool
settled_already(struct h5_job *job, const struct h5_offer *offer)
{
	struct h5_order *o = NULL;
	bool settled;

	/* Without a token the id alone proves nothing, so the terms must
	 * match. */
	settled = h5_store_load(job->shop.st, offer->id, &o, NULL) == H5_OK &&
		  h5_order_nothing_due(o) && o->total_fee == offer->total_fee &&
		  strcmp(o->body, offer->body) == 0;
	if (settled)
		show_order(job, o, H5_NOTE_NONE, 0);
	h5_order_free(o);
	return settled;
}

static void
no_offer(struct h5_job *job, enum h5_code rc, const struct h5_offer *offer,
    const struct h5_err *e)
{
	switch (rc) {
	case H5_E_INPUT:
		/* If the buyer mistyped the amount, it is asked for again.  A
		 * fault of the link itself can only be mended by the shop. */
		if (offer->typed != H5_TYPED_WELL)
			confirm(job, offer, false, offer->typed, 400);
		else
			plain(job, H5_PAGE_BAD_REQUEST, e);
		break;
	case H5_E_AUTH:
		plain(job, H5_PAGE_BAD_LINK, e);
		break;
	case H5_E_EXISTS:
		if (!ordered_before(job, offer))
			confirm(job, offer, true, H5_TYPED_WELL, 409);
		break;
	case H5_E_STATE:
		if (!settled_already(job, offer))
			plain(job, H5_PAGE_LINK_EXPIRED, e);
		break;
	/* The catalogue is faulty.  The buyer can do nothing about it; the
	 * operator is alerted. */
	case H5_E_CONFIG:
		h5_log_event(
		    &job->log, H5_LOG_ALERT, "catalogue", "why", e->msg, NULL);
		h5_page_plain(&job->page, H5_PAGE_ERROR, NULL, NULL);
		break;
	case H5_OK:
	case H5_E_NOTFOUND:
	case H5_E_REMOTE:
	case H5_E_NET:
	case H5_E_IO:
	case H5_E_NOMEM:
	case H5_E_BUSY:
	case H5_E_BUG:
		h5_reply_failed(job, rc, e, NULL, NULL);
		break;
	}
}

/* Is there an order under this id already (*stands)?  Then it decides what is
 * shown: other terms are a conflict, a settled one is its result. */
static bool
stands_already(struct h5_job *job, const struct h5_offer *offer, bool *stands)
{
	struct h5_order *o = NULL;
	struct h5_err e;
	bool answered = true;
	enum h5_code rc;

	*stands = false;
	/* The id of an item that was not posted yet is new, so nothing stands
	 * there. */
	if (!offer->signed_link && !offer->shown)
		return false;
	rc = h5_store_load(job->shop.st, offer->id, &o, &e);
	if (rc == H5_E_NOTFOUND)
		return false;
	/* An offer without an amount has no terms to compare. */
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (offer->total_fee != 0 &&
		 (o->total_fee != offer->total_fee ||
		     (offer->item == NULL &&
			 strcmp(o->body, offer->body) != 0) ||
		     !h5_order_attach_is(o, offer->attach) ||
		     strcmp(o->return_url != NULL ? o->return_url : "",
			 offer->return_url) != 0))
		h5_page_plain(&job->page, H5_PAGE_CONFLICT, NULL, NULL);
	else if (h5_order_nothing_due(o))
		show_order(job, o, H5_NOTE_NONE, 0);
	else
		answered = false;
	*stands = o != NULL;
	h5_order_free(o);
	return answered;
}

static void
order_and_start(struct h5_job *job, const struct h5_offer *offer, bool stands)
{
	struct h5_pay_terms terms = {0};
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;

	/* WeChat wants the buyer's address with the order, so nothing is
	 * written for a buyer whose address cannot be told. */
	if (h5_reply_buyer(job, &e) != H5_OK) {
		plain(job, H5_PAGE_BAD_ADDRESS, &e);
		return;
	}
	terms.id = offer->id;
	terms.body = offer->body;
	terms.attach = offer->attach;
	if (offer->return_url[0] != '\0')
		terms.return_url = offer->return_url;
	terms.expires = offer->expires;
	terms.item = offer->item;
	terms.qty = offer->qty;
	terms.total_fee = offer->total_fee;
	terms.lang = h5_web_lang(job->shop.c, job->r);
	terms.ip = job->limit.ip;
	rc = stands ? H5_OK : h5_limit_admit(&job->shop, H5_LIMIT_ORDER, &e);
	if (rc == H5_OK)
		rc = h5_pay_create(&job->shop, &terms, &o, &e);
	h5_order_free(o);
	/* H5_E_EXISTS: another visit created it with other terms since
	 * stands_already looked. */
	if (rc == H5_OK)
		start(job, offer->id, false, false);
	else if (rc == H5_E_EXISTS)
		plain(job, H5_PAGE_CONFLICT, &e);
	else
		h5_reply_failed(job, rc, &e, NULL, NULL);
}

static void
link_posted(struct h5_job *job, const struct h5_offer *offer, bool stands)
{
	struct h5_err e;

	/* Without our page's token only the shop's own pages may post. */
	if (!offer->shown &&
	    h5_web_origin(job->shop.c, job->r) != H5_ORIGIN_OURS) {
		(void)h5_err_set(&e, H5_E_AUTH,
		    "there is neither a form token nor an Origin");
		plain(job, H5_PAGE_BAD_ORIGIN, &e);
	} else if (offer->total_fee == 0) {
		/* The form came back without the amount that it asks for. */
		confirm(job, offer, false, H5_TYPED_UNREADABLE, 400);
	} else {
		order_and_start(job, offer, stands);
	}
}

static void
pay_link(struct h5_job *job, const struct h5_fields *f, bool post)
{
	struct h5_offer offer;
	struct h5_err e;
	bool stands;
	enum h5_code rc;

	rc = h5_offer_read(&job->shop, f, h5_clock_now(), &offer, &e);
	/* These two change what happens; a link that is only followed must
	 * not. */
	if (!post && (h5_fields_get(f, "form") != NULL ||
			 h5_fields_get(f, "yuan") != NULL))
		rc = h5_err_set(&e, H5_E_INPUT, "a form must be posted");
	/* A malformed request is told so, wherever it was posted from.  What
	 * the buyer typed is not malformed. */
	if ((rc != H5_E_INPUT || offer.typed != H5_TYPED_WELL) && post &&
	    foreign(job))
		;
	else if ((rc == H5_OK || rc == H5_E_EXISTS) && h5_web_in_wechat(job->r))
		outside(job, "checkout", f, NULL);
	else if (rc != H5_OK)
		no_offer(job, rc, &offer, &e);
	else if (stands_already(job, &offer, &stands))
		;
	else if (post)
		link_posted(job, &offer, stands);
	else
		confirm(job, &offer, false, H5_TYPED_WELL, 200);
	h5_offer_release(&offer);
}

static void
handle(struct h5_job *job)
{
	bool post = strcmp(job->r->method, "POST") == 0;
	struct h5_fields f;
	bool order_page;

	if (!h5_reply_fields(job, &f))
		goto out;
	/* Each of the three alone marks the page of an order, so that half a
	 * request is refused as one and not taken for a pay link. */
	order_page = h5_fields_get(&f, "t") != NULL ||
		     h5_fields_get(&f, "again") != NULL ||
		     h5_fields_get(&f, "go") != NULL;
	if (order_page && !known_wellformed(job, &f, post))
		goto out;
	if (!order_page)
		pay_link(job, &f, post);
	else if (!post || !foreign(job))
		known(job, &f, post);
out:
	h5_fields_release(&f);
}

const struct h5_program h5_program = {
    .name = "checkout",
    .allow = "GET, HEAD, POST",
    .body_max = 16384,
    .threads = 32,
    .sweeps = true,
    .gateway = true,
    .catalogue = true,
    .writes = true,
    .handle = handle,
    .start = h5_https_start,
    .worker_new = h5_wechat_worker_new,
    .worker_free = h5_wechat_worker_free,
};
