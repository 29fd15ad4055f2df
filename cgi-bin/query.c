/* query - the buyer's click on "I have paid".  POST looks: was a notice
 * received? If not, and it is not too early, asks orderquery; then leads to
 * GET, which shows the stored state and never asks. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/system/https.h"
#include "common/order/due.h"
#include "common/order/order_json.h"
#include "common/pay/pay.h"
#include "common/web/program.h"
#include "common/web/reply.h"
#include "common/wechat/wechat.h"

static const char *const posted[] = {"order", "t"};

/* The last try, this one or one a moment ago, did not reach WeChat: what is
 * stored may be old. */
static bool
in_doubt(const struct h5_order *o)
{
	return o->unreached && !h5_order_settled(o);
}

static void
answer_json(struct h5_job *job, const struct h5_order *o, int status)
{
	struct h5_response *resp = job->resp;
	struct h5_err e;

	h5_response_clear(resp);
	resp->status = status;
	/* Kept from no cache: the answer is about one moment. */
	if (h5_order_status_json(o, &resp->body, &e) != H5_OK ||
	    h5_response_header(resp, "Content-Type", "application/json", &e) !=
		H5_OK ||
	    h5_response_header(resp, "Cache-Control", "no-store", &e) != H5_OK)
		h5_reply_failed(job, e.code, &e, o, NULL);
}

static void
look(struct h5_job *job, const struct h5_fields *f, const char *token)
{
	const char *id = h5_fields_get(f, "order");
	struct h5_order *o = NULL;
	bool asked;
	struct h5_err e;
	enum h5_code rc;

	/* A look may come from anywhere, since WeChat is not told the address;
	 * without a usable one it is nobody's start. */
	if (h5_reply_buyer(job, NULL) != H5_OK)
		job->shop.limit = NULL;
	/* Without force: within the interval the stored answer is as good. */
	rc = h5_pay_ask(&job->shop, id, false, &asked, &o, &e);
	if (o == NULL || (rc != H5_OK && rc != H5_E_NET && rc != H5_E_REMOTE))
		h5_reply_failed(job, rc, &e, rc == H5_E_BUSY ? o : NULL, token);
	else if (h5_web_wants_json(job->r))
		answer_json(job, o, rc == H5_OK && !in_doubt(o) ? 200 : 502);
	else
		h5_reply_redirect(job, "query", id, token, "");
	if (o != NULL)
		h5_reply_deliver(job, o);
	h5_order_free(o);
}

/* While somebody looks at the code and no notice came, WeChat is asked now and
 * then, but never within this request. */
static void
answer_watcher(
    struct h5_job *job, const struct h5_fields *f, const struct h5_order *o)
{
	if (h5_fields_is(f, "scan", "1") && h5_clock_now() >= h5_due_watched(o))
		(void)snprintf(job->sweep, sizeof job->sweep, "%s", o->id);
	answer_json(job, o, 200);
}

static void
show(struct h5_job *job, const struct h5_fields *f, const char *token)
{
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_store_load(job->shop.st, h5_fields_get(f, "order"), &o, &e);
	if (rc != H5_OK)
		/* Not reached is an answer that the page can show; anything
		 * else is not. */
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (h5_web_wants_json(job->r))
		answer_watcher(job, f, o);
	else
		h5_page_result(&job->page, o, token,
		    in_doubt(o) ? H5_NOTE_UNREACHABLE : H5_NOTE_NONE, 0, 200);
	h5_order_free(o);
}

static void
handle(struct h5_job *job)
{
	bool post = strcmp(job->r->method, "POST") == 0;
	char token[H5_LINK_TOKEN];
	struct h5_fields f;
	struct h5_err e;
	enum h5_code rc;

	if (!h5_reply_fields(job, &f) ||
	    (post && !h5_reply_only(job, &f, posted, H5_LENGTH(posted))))
		goto out;
	rc = h5_link_admit(job->shop.c, &f, token, &e);
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (post)
		look(job, &f, token);
	else
		show(job, &f, token);
out:
	h5_fields_release(&f);
}

const struct h5_program h5_program = {
    .name = "query",
    .allow = "GET, HEAD, POST",
    .body_max = 16384,
    .threads = 32,
    .sweeps = true,
    .gateway = true,
    .writes = true,
    .handle = handle,
    .start = h5_https_start,
    .ready = h5_wechat_ready,
    .worker_new = h5_wechat_worker_new,
    .worker_free = h5_wechat_worker_free,
};
