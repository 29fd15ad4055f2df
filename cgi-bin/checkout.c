/* checkout - from a pay link to WeChat's cashier.  GET shows what is offered,
 * writes nothing and asks WeChat nothing; POST makes the order durable first,
 * then gets a mweb_url, then sends the buyer there. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/system/https.h"
#include "common/shop/browser.h"
#include "common/shop/offer.h"
#include "common/pay/attempt.h"
#include "common/pay/pay.h"
#include "common/web/program.h"
#include "common/web/reply.h"
#include "common/web/way.h"
#include "common/wechat/wechat.h"

/* What a request may carry that names an order.  A pay link's own names are
 * checked with the link (offer.h). */
static const char *const known_get[] = {"order", "t", "go"};
static const char *const known_back[] = {"order", "t", "code", "state"};
static const char *const known_post[] = {
    "order", "t", "again", "handoff", "via", "other"};

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

static bool
one_if_there(const struct h5_fields *f, const char *name)
{
	return h5_fields_get(f, name) == NULL || h5_fields_is(f, name, "1");
}

/* An order is to be paid (again), by the way that was posted. */
static void
pay_known(struct h5_job *job, const struct h5_order *o,
    const struct h5_fields *f, const char *token)
{
	struct h5_way_asked asked = {.again = true,
	    .handoff = h5_fields_get(f, "handoff") != NULL,
	    .other = h5_fields_get(f, "other") != NULL};
	struct h5_choice choice;
	struct h5_err e;

	switch (h5_way_find(job, f, &choice, &asked.product)) {
	case H5_WAY_BAD:
		break;
	case H5_WAY_ELSEWHERE:
		h5_way_elsewhere(job, "return-page", f, token, &choice, NULL);
		break;
	case H5_WAY_FOUND:
		/* The buyer's address comes last, since a buyer who only looks
		 * must not fail on it. */
		if (h5_order_nothing_due(o))
			h5_way_show(job, o);
		else if (h5_reply_buyer(job, &e) != H5_OK)
			plain(job, H5_PAGE_BAD_ADDRESS, &e);
		else
			h5_way_start(job, o->id, &asked);
		break;
	}
}

static void
come_back(struct h5_job *job, const struct h5_order *o,
    const struct h5_fields *f, const char *token)
{
	struct h5_err e;

	/* A buyer who has paid already sees that, whatever his address. */
	if (h5_order_nothing_due(o))
		h5_reply_redirect(job, "checkout", o->id, token, "&go=1");
	else if (h5_reply_buyer(job, &e) != H5_OK)
		plain(job, H5_PAGE_BAD_ADDRESS, &e);
	else
		h5_way_back(job, o->id, token, f);
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
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (post)
		pay_known(job, o, f, token);
	else if (h5_fields_get(f, "state") != NULL)
		come_back(job, o, f, token);
	else
		h5_way_go(job, o, token, f);
	h5_order_free(o);
}

static bool
says_nothing(struct h5_job *job)
{
	h5_log_event(&job->log, H5_LOG_WARN, "bad-request", "why",
	    "the request does not say what to do", NULL);
	h5_page_plain(&job->page, H5_PAGE_BAD_REQUEST, NULL, NULL);
	return false;
}

/* What WeChat's authorize page sends a buyer back with. */
static bool
back_wellformed(struct h5_job *job, const struct h5_fields *f)
{
	const char *code = h5_fields_get(f, "code");
	const char *state = h5_fields_get(f, "state");

	if (state != NULL && state[0] != '\0' &&
	    (code == NULL ||
		(code[0] != '\0' && strlen(code) <= H5_WECHAT_CODE_MAX)))
		return true;
	return says_nothing(job);
}

static bool
known_wellformed(struct h5_job *job, const struct h5_fields *f, bool post)
{
	const char *code = h5_fields_get(f, "code");

	if (!post && (code != NULL || h5_fields_get(f, "state") != NULL))
		return h5_reply_only(
			   job, f, known_back, H5_LENGTH(known_back)) &&
		       back_wellformed(job, f);
	if (!h5_reply_only(job, f, post ? known_post : known_get,
		post ? H5_LENGTH(known_post) : H5_LENGTH(known_get)))
		return false;
	/* A form says what it wants, "again" or "go".  Anything else is not a
	 * form of ours, and must not order anything by accident. */
	if (h5_fields_is(f, post ? "again" : "go", "1") &&
	    one_if_there(f, "handoff") && one_if_there(f, "other"))
		return true;
	return says_nothing(job);
}

/* --- a pay link --- */

static struct h5_page_confirm
offered(const struct h5_offer *offer)
{
	struct h5_page_confirm v = {0};

	v.title = offer->body;
	v.total_fee = offer->total_fee;
	v.min_fee = offer->min_fee;
	v.max_fee = offer->max_fee;
	v.qty = offer->qty;
	v.order = offer->id;
	v.hidden = &offer->hidden;
	v.yuan = offer->yuan;
	return v;
}

static void
confirm(struct h5_job *job, const struct h5_offer *offer, bool changed,
    enum h5_offer_typed typed, int status)
{
	struct h5_page_confirm v = offered(offer);
	struct h5_choice choice;
	struct h5_buf url;

	h5_way_choose(job, &choice);
	h5_buf_init(&url, H5_WEB_QUERY);
	h5_offer_link(job->shop.c, &offer->hidden, &url);
	v.choice = &choice;
	v.url = h5_buf_finish(&url, NULL) == H5_OK ? url.data : NULL;
	v.changed = changed;
	v.typed = typed;
	h5_page_confirm(&job->page, &v, status);
	h5_buf_release(&url);
	if (offer->own)
		h5_reply_cookie(job, job->shop.browser);
}

/* This browser has bought the item: Back and reload show that it did, and to
 * buy it once more takes a button that says so. */
static void
bought(struct h5_job *job, const struct h5_offer *offer)
{
	struct h5_page_confirm v = offered(offer);
	char token[H5_LINK_TOKEN];
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_store_load(job->shop.st, offer->last, &o, &e);
	if (rc == H5_OK)
		rc = h5_link_order_token(job->shop.c, o->id, token, &e);
	if (rc != H5_OK) {
		h5_reply_failed(job, rc, &e, NULL, NULL);
	} else {
		h5_page_bought(&job->page, o, token, &v);
		h5_reply_cookie(job, job->shop.browser);
	}
	h5_order_free(o);
}

/* The price changed after the buyer had ordered: the same form again (double
 * click, Back) is the same order still, never a second one. */
static bool
ordered_before(struct h5_job *job, const struct h5_offer *offer,
    const struct h5_way_asked *asked)
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
		h5_way_show(job, o);
	else if (h5_reply_buyer(job, &e) != H5_OK)
		plain(job, H5_PAGE_BAD_ADDRESS, &e);
	else
		h5_way_start(job, offer->before, asked);
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
		h5_way_show(job, o);
	h5_order_free(o);
	return settled;
}

static void
no_offer(struct h5_job *job, enum h5_code rc, const struct h5_offer *offer,
    const struct h5_way_asked *asked, const struct h5_err *e)
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
		if (offer->before[0] == '\0')
			confirm(job, offer, false, H5_TYPED_WELL, 409);
		else if (!ordered_before(job, offer, asked))
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
		h5_way_show(job, o);
	else
		answered = false;
	*stands = o != NULL;
	h5_order_free(o);
	return answered;
}

static void
order_and_start(struct h5_job *job, const struct h5_offer *offer, bool stands,
    const struct h5_way_asked *asked)
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
	terms.product = asked->product;
	rc = stands ? H5_OK : h5_limit_admit(&job->shop, H5_LIMIT_ORDER, &e);
	if (rc == H5_OK)
		rc = h5_pay_create(&job->shop, &terms, &o, &e);
	h5_order_free(o);
	/* H5_E_EXISTS: another visit created it with other terms since
	 * stands_already looked. */
	if (rc == H5_OK)
		h5_way_start(job, offer->id, asked);
	else if (rc == H5_E_EXISTS)
		plain(job, H5_PAGE_CONFLICT, &e);
	else
		h5_reply_failed(job, rc, &e, NULL, NULL);
}

static void
link_posted(struct h5_job *job, const struct h5_offer *offer, bool stands,
    const struct h5_way_asked *asked)
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
		order_and_start(job, offer, stands, asked);
	}
}

static void
pay_link(struct h5_job *job, const struct h5_fields *f, bool post)
{
	struct h5_way_asked asked = {0};
	enum h5_way_found way;
	struct h5_choice choice;
	struct h5_browser browser;
	struct h5_offer offer;
	struct h5_err e;
	bool stands;
	enum h5_code rc = H5_OK;

	way = h5_way_find(job, f, &choice, &asked.product);
	if (way == H5_WAY_BAD)
		return;
	/* The id of a signed link is the shop's, whatever the browser. */
	if (h5_fields_get(f, "item") != NULL) {
		job->shop.browser = &browser;
		rc = h5_browser_read(
		    job->shop.c, &job->r->browser, &browser, &e);
	}
	if (rc != H5_OK) {
		h5_reply_failed(job, rc, &e, NULL, NULL);
		return;
	}
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
	/* The browser comes before the method: where no way works, neither a
	 * form nor a page may begin one. */
	else if ((rc == H5_OK || rc == H5_E_EXISTS || rc == H5_E_INPUT) &&
		 way == H5_WAY_ELSEWHERE &&
		 (rc != H5_E_INPUT || offer.typed != H5_TYPED_WELL))
		h5_way_elsewhere(job, "checkout", f, NULL, &choice,
		    choice.n > 0 && offer.total_fee != 0 ? &offer.hidden
							 : NULL);
	else if (rc != H5_OK)
		no_offer(job, rc, &offer, &asked, &e);
	else if (stands_already(job, &offer, &stands))
		;
	else if (post)
		link_posted(job, &offer, stands, &asked);
	else if (offer.last[0] != '\0')
		bought(job, &offer);
	else
		confirm(job, &offer, false, H5_TYPED_WELL, 200);
	h5_offer_release(&offer);
	job->shop.browser = NULL;
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
		     h5_fields_get(&f, "go") != NULL ||
		     h5_fields_get(&f, "state") != NULL;
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
    .ready = h5_wechat_ready,
    .worker_new = h5_wechat_worker_new,
    .worker_free = h5_wechat_worker_free,
};
