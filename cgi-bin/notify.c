/* notify - takes WeChat's notices, of both APIs, and answers each in its own
 * form.  A notice is taken (SUCCESS, 204) only when the event is durable.
 * Never talks to the network: WeChat waits five seconds, whatever a checkout is
 * waiting for. */
#include <stdio.h>

#include "common/doctor/echo.h"
#include "common/pay/refund_hint.h"
#include "common/pay/settle.h"
#include "common/web/program.h"
#include "common/web/reply.h"
#include "common/wechat/wechat.h"

/* In whose form the notice came: that of the reply. */
static enum h5_api
form_of(const struct h5_job *job)
{
	return h5_wechat_form(
	    &job->r->wechatpay, job->r->body.data, job->r->body.len);
}

static void
reply(struct h5_job *job, int status, bool ok, const char *msg)
{
	enum h5_api form = form_of(job);
	struct h5_response *resp = job->resp;

	h5_response_clear(resp);
	resp->status = status;
	h5_wechat_reply(form, ok, msg, &resp->body);
	/* A reply without its headers is worse than a status that makes WeChat
	 * come again. */
	if (h5_response_header(resp, "Cache-Control", "no-store", NULL) !=
		H5_OK ||
	    (resp->body.len > 0 &&
		h5_response_header(resp, "Content-Type",
		    h5_wechat_reply_type(form), NULL) != H5_OK))
		resp->status = 500;
}

/* Durable, or nothing that has to be. */
static void
taken(struct h5_job *job)
{
	reply(job, form_of(job) == H5_API_V3 ? 204 : 200, true, "OK");
}

/* status: what APIv3 is told by.  APIv2 is told 200 with FAIL: WeChat repeats
 * the notice, and a web server does not put its own error page in place of the
 * reply. */
static void
not_taken(struct h5_job *job, int status, const char *msg)
{
	reply(job, form_of(job) == H5_API_V3 ? status : 200, false, msg);
}

/* status: as for not_taken. */
static void
fail(struct h5_job *job, int status, const struct h5_err *e, const char *order)
{
	enum h5_log_level level = H5_LOG_WARN;

	/* A bad message is the sender's matter; a store that cannot take a
	 * good one is the operator's. */
	if (e->code == H5_E_IO || e->code == H5_E_BUG)
		level = H5_LOG_ALERT;
	else if (h5_wechat_probe(&job->r->wechatpay))
		level = H5_LOG_INFO;
	h5_log_event(&job->log, level, "notice-refused", "why", e->msg, "code",
	    h5_err_name(e->code), "order", order, NULL);
	/* What the store cannot read is no fault of the message. */
	not_taken(job, status,
	    (status == 500 && e->code == H5_E_INPUT) || e->code == H5_E_IO ||
		    e->code == H5_E_BUSY || e->code == H5_E_NOMEM ||
		    e->code == H5_E_BUG || e->code == H5_E_CONFIG
		? "try again later"
		: e->msg);
}

/* WeChat's own word is needed: it is asked once this is answered. */
static void
ask(struct h5_job *job, const char *id)
{
	(void)snprintf(job->sweep, sizeof job->sweep, "%s", id);
	job->ask = true;
}

static void
payment(struct h5_job *job, const struct h5_wechat_trade *t)
{
	struct h5_order *o = NULL;
	enum h5_settled settled;
	struct h5_err e;

	/* rule: ack_last
	 * Durable before it is acknowledged. */
	if (h5_settle(&job->shop, t, "notify", &settled, &o, &e) != H5_OK) {
		fail(job, e.code == H5_E_AUTH ? 401 : 500, &e, t->out_trade_no);
		return;
	}
	/* The money is noted, but WeChat must not hear that all is well: it
	 * repeats the notice, and the operator has been alerted. */
	if (settled == H5_SETTLED_DISPUTED)
		not_taken(
		    job, 500, "total_fee or fee_type differs from the order");
	else if (settled == H5_SETTLED_WRONG_API)
		not_taken(job, 401, "not in the form of this order's API");
	else
		taken(job);
	h5_reply_deliver(job, o);
	if (settled == H5_SETTLED_WRONG_API)
		ask(job, o->id);
	h5_order_free(o);
}

/* Signed with the key before, which proves nothing any more: WeChat is asked,
 * and repeats the notice until what it says is recorded. */
static void
payment_hint(struct h5_job *job, const struct h5_wechat_trade *t)
{
	struct h5_err e;
	bool known;
	char id[H5_ORDER_ID_MAX + 1];

	if (h5_settle_hint(&job->shop, t, &known, id, &e) != H5_OK) {
		fail(job, e.code == H5_E_AUTH ? 401 : 500, &e, t->out_trade_no);
		return;
	}
	if (known) {
		taken(job);
		return;
	}
	not_taken(job, 401, "signed with the previous key");
	ask(job, id);
}

static void
refund(struct h5_job *job, struct h5_wechat_hint *hint)
{
	char id[H5_ORDER_ID_MAX + 1];
	struct h5_err e;

	/* A hint for an order that is not ours is refused like any other. */
	if (h5_refund_hint(&job->shop, hint, id, &e) != H5_OK) {
		fail(job, 500, &e, NULL);
		return;
	}
	taken(job);
	/* The sweep of this order asks WeChat what became of the refund. */
	(void)snprintf(job->sweep, sizeof job->sweep, "%s", id);
}

/* The doctor waits for it; nobody else does. */
static void
echo(struct h5_job *job, const struct h5_wechat_hint *hint)
{
	struct h5_err e;

	if (h5_echo_heard(job->shop.c, hint->echo, &e) != H5_OK)
		fail(job, 500, &e, NULL);
	else
		taken(job);
}

static void
handle(struct h5_job *job)
{
	struct h5_wechat_trade t;
	struct h5_wechat_hint hint;
	enum h5_wechat_kind kind;
	struct h5_err e;

	if (h5_wechat_notice(job->shop.c, &job->r->wechatpay, job->r->body.data,
		job->r->body.len, &kind, &t, &hint, &e) != H5_OK) {
		fail(job,
		    e.code == H5_E_INPUT || e.code == H5_E_AUTH ? 401 : 500, &e,
		    NULL);
		goto out;
	}
	switch (kind) {
	case H5_WECHAT_PAYMENT:
		payment(job, &t);
		break;
	case H5_WECHAT_PAYMENT_HINT:
		payment_hint(job, &t);
		break;
	case H5_WECHAT_REFUND:
		refund(job, &hint);
		break;
	case H5_WECHAT_ECHO:
		echo(job, &hint);
		break;
	case H5_WECHAT_UNUSED:
		taken(job);
		break;
	}
out:
	h5_wechat_trade_release(&t);
}

/* What never reaches handle is refused in WeChat's words as well. */
static void
refuse(struct h5_job *job, enum h5_page_plain why)
{
	switch ((int)why) {
	case H5_PAGE_NOT_ALLOWED:
		reply(job, 405, false, "POST only");
		break;
	case H5_PAGE_TOO_LARGE:
		reply(job, 413, false, "the body is too large");
		break;
	case H5_PAGE_BAD_REQUEST:
		not_taken(job, 401, "bad request");
		break;
	case H5_PAGE_ERROR:
		reply(job, 500, false, "try again later");
		break;
	default:
		not_taken(job, 500, "try again later");
		break;
	}
}

const struct h5_program h5_program = {
    .name = "notify",
    .allow = "POST",
    .body_max = 65536,
    .body_ms = 3000,
    .answer_ms = 4300, /* WeChat waits five seconds */
    .threads = 8,
    .writes = true,
    .ready = h5_wechat_ready_to_take,
    .handle = handle,
    .refuse = refuse,
    .last_headers = "Content-Type: " H5_WECHAT_TYPE "\r\n"
		    "Cache-Control: no-store\r\n",
    .last_body = H5_WECHAT_REPLY_LATER,
};
