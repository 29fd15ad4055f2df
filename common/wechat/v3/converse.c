/* One conversation with WeChat over APIv3: signed, sent, repeated where that
 * helps, believed or not, and told to the log. */
#include "common/wechat/v3/converse.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/order/number.h"
#include "common/wechat/v3/check.h"
#include "common/wechat/v3/headers.h"
#include "common/wechat/v3/message.h"
#include "common/wechat/v3/sign.h"

#define URL_MAX 4096
#define AGAIN_MAX 3 /* repetitions after 429, 202 and faults */
#define AGAIN_PAUSE_MS 250 /* before the first of them; doubles */
#define HEADERS 4

static const struct {
	const char *name;
	enum h5_https_method method;
} calls[] = {
    [H5_V3_PREPAY] = {"v3/transactions", H5_HTTPS_POST},
    [H5_V3_QUERY] = {"v3/query", H5_HTTPS_GET},
    [H5_V3_CLOSE] = {"v3/close", H5_HTTPS_POST},
    [H5_V3_REFUND] = {"v3/refunds", H5_HTTPS_POST},
    [H5_V3_REFUND_QUERY] = {"v3/refund-query", H5_HTTPS_GET},
    [H5_V3_BILL] = {"v3/tradebill", H5_HTTPS_GET},
    [H5_V3_BILL_FILE] = {"v3/billdownload", H5_HTTPS_GET},
    [H5_V3_CERTIFICATES] = {"v3/certificates", H5_HTTPS_GET},
    [H5_V3_ECHO] = {"v3/echo", H5_HTTPS_POST},
};

enum h5_code
h5_v3_ready(const struct h5_config *c, struct h5_err *e)
{
	if (c->merchant.v3 != NULL)
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "APIv3 is not set up: it needs merchant.apiv3_key, "
	    "merchant.cert_file, merchant.key_file, and "
	    "merchant.public_key_file with merchant.public_key_id");
}

void
h5_v3_begin(struct h5_v3_call *k, enum h5_v3_what what,
    struct h5_wechat_refusal *refusal)
{
	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	memset(k, 0, sizeof *k);
	/* Before anything else: the deadline counts from the decision to
	 * ask. */
	k->began_ms = h5_clock_mono_ms();
	k->what = what;
	k->api = calls[what].name;
	k->method = calls[what].method;
	h5_buf_init(&k->target, H5_V3_TARGET_MAX);
	h5_buf_init(&k->body, H5_V3_BODY_MAX);
	h5_buf_init(&k->head, H5_HTTPS_HEAD);
}

void
h5_v3_end(struct h5_v3_call *k)
{
	h5_buf_release(&k->target);
	h5_buf_release(&k->body);
	h5_buf_release(&k->head);
}

/* --- one attempt ---------------------------------------------------------- */

/* The headers of a request; authorization and serial are the caller's. */
static enum h5_code
put_headers(const struct h5_config *c, const struct h5_v3_call *k,
    struct h5_https_request *q, const char *headers[HEADERS],
    struct h5_buf *authorization, struct h5_buf *serial, struct h5_err *e)
{
	bool post = k->method == H5_HTTPS_POST;
	struct h5_v3_request r = {.method = post ? "POST" : "GET",
	    .target = k->target.data,
	    .body = k->body.data,
	    .n = k->body.len};
	const char *asked =
	    k->serial != NULL ? k->serial : h5_v3_keys_asked(c->merchant.v3);
	enum h5_code rc;

	h5_buf_puts(authorization, "Authorization: ");
	rc = h5_v3_authorization(
	    c->merchant.v3, &r, h5_clock_now(), authorization, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(authorization, e);
	headers[q->n_headers++] = authorization->data;
	headers[q->n_headers++] = "Accept: application/json";
	if (post)
		headers[q->n_headers++] = "Content-Type: application/json";
	/* Without it WeChat signs with a certificate that this merchant does
	 * not have. */
	if (asked != NULL) {
		h5_buf_puts(serial, "Wechatpay-Serial: ");
		h5_buf_puts(serial, asked);
		headers[q->n_headers++] = serial->data;
	}
	return rc == H5_OK ? h5_buf_finish(serial, e) : rc;
}

enum h5_code
h5_v3_send(const struct h5_config *c, struct h5_https *h, struct h5_v3_call *k,
    const char *host, int64_t timeout_ms, struct h5_buf *out, struct h5_err *e)
{
	const char *headers[HEADERS];
	struct h5_https_request q = {.method = k->method,
	    .headers = headers,
	    .body = k->body.data,
	    .body_len = k->body.len,
	    .timeout_ms = timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX,
	    .head = &k->head};
	struct h5_buf url, authorization, serial;
	enum h5_code rc;

	h5_buf_init(&url, URL_MAX);
	h5_buf_init(&authorization, H5_V3_AUTHORIZATION + 32);
	h5_buf_init(&serial, H5_V3_SERIAL_MAX + 32);
	h5_buf_puts(&url, host);
	h5_buf_puts(&url, k->target.data);
	rc = put_headers(c, k, &q, headers, &authorization, &serial, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&url, e);
	q.url = url.data;
	if (rc == H5_OK)
		rc = h5_https_call(h, &q, out, &k->facts, e);
	if (rc == H5_OK)
		h5_v3_headers(&k->head, &k->headers, k->request_id);
	h5_buf_release(&url);
	h5_buf_release(&authorization);
	h5_buf_release(&serial);
	return rc;
}

/* WeChat tries out whether we look, by a signature that is wrong on purpose: to
 * be refused like any other, and no reason for an alarm. */
static bool
is_probe(const struct h5_wechat_headers *h)
{
	static const char begins[] = "WECHATPAY/SIGNTEST/";
	const char *s = h->v[H5_WECHAT_SIGNATURE];

	return s != NULL && strncmp(s, begins, sizeof begins - 1) == 0;
}

/* *distrusted: it must not be believed. */
static enum h5_code
check_good(struct h5_wechat *w, struct h5_v3_call *k, bool *distrusted,
    struct h5_err *e)
{
	bool previous = false;
	struct h5_err why;
	enum h5_code rc = H5_OK;

	k->probe = is_probe(&k->headers);
	if (!k->unchecked)
		rc = h5_v3_check(w->c->merchant.v3, &k->headers, w->answer.data,
		    w->answer.len, h5_clock_now(), &previous, &why);
	/* An answer is signed by the key that was asked for. */
	if (rc == H5_OK && previous)
		rc = h5_err_set(&why, H5_E_AUTH,
		    "signed with merchant.public_key_previous_file");
	if (rc == H5_OK || rc == H5_E_NOMEM || rc == H5_E_BUG)
		return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
	*distrusted = true;
	return h5_err_set(e, H5_E_REMOTE, "WeChat's answer: %s", why.msg);
}

/* What came is judged by its status first: only a good answer is signed
 * (PROTOCOL-V3 4). */
static enum h5_code
judge(struct h5_wechat *w, struct h5_v3_call *k, bool *distrusted,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	struct h5_https_answer *a = &k->facts;
	int64_t there;
	enum h5_code rc;

	if (a->status == 200 || a->status == 204) {
		rc = check_good(w, k, distrusted, e);
		if (rc != H5_OK)
			return rc;
		h5_wechat_told_time(w, a->date);
		refusal->verdict = H5_WECHAT_SUCCESS;
		return H5_OK;
	}
	if (a->status < 400 && a->status != 202)
		return h5_err_set(e, H5_E_REMOTE, "HTTP status %ld", a->status);
	h5_v3_refused(k->what, a->status, w->answer.data, w->answer.len,
	    k->request_id, refusal);
	if (h5_clock_from_http(a->date, &there, NULL) != H5_OK)
		return H5_OK;
	k->skewed = h5_v3_clock_refused(refusal);
	k->ahead_s = h5_clock_now() - there;
	/* TLS vouches for this as well as for the code, and a page of some
	 * other server has none. */
	if (strncmp(refusal->err_code, "HTTP_", 5) != 0)
		h5_wechat_told_time(w, a->date);
	return H5_OK;
}

/* One attempt at one host.  *elsewhere: the other host may do better. */
static enum h5_code
attempt(struct h5_wechat *w, struct h5_v3_call *k, const char *host,
    int64_t left, bool *elsewhere, bool *distrusted,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	enum h5_code rc;

	*elsewhere = *distrusted = false;
	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	memset(&k->facts, 0, sizeof k->facts);
	k->skewed = k->probe = false;
	k->request_id[0] = '\0';
	/* An attempt is counted before it can fail, so that the log tells how
	 * often it was tried. */
	k->attempts++;
	rc = h5_v3_send(w->c, w->https, k, host, left, &w->answer, e);
	*elsewhere = rc == H5_E_NET;
	if (rc == H5_OK)
		rc = judge(w, k, distrusted, refusal, e);
	if (rc == H5_OK && k->facts.status >= 500)
		*elsewhere = true;
	/* Only an answer that is believed may be read. */
	if (rc != H5_OK || refusal->verdict != H5_WECHAT_SUCCESS)
		h5_buf_clear(&w->answer);
	return rc;
}

static void
log_attempt(const struct h5_log *log, const struct h5_v3_call *k,
    const char *host, enum h5_code rc, const struct h5_wechat_refusal *refusal,
    const struct h5_err *e)
{
	/* A certificate that is not trusted is more than a bad line: somebody
	 * may be listening.  A probe is nothing at all. */
	h5_log_event(log,
	    k->facts.distrusted ? H5_LOG_ALERT
	    : k->probe		? H5_LOG_INFO
				: H5_LOG_WARN,
	    "wechat-try-again", "api", k->api, "out_trade_no", k->out_trade_no,
	    "out_refund_no", k->out_refund_no, "host", host, "err_code",
	    rc == H5_OK ? refusal->err_code : NULL, "why",
	    rc == H5_OK ? NULL : e->msg, "request_id",
	    k->request_id[0] != '\0' ? k->request_id : NULL, "sent",
	    k->facts.sent ? "yes" : "no", NULL);
}

/* --- asking --------------------------------------------------------------- */

/* Sending the same bytes again is harmless: the number makes an order one
 * order and a refund one refund, and to ask or to close twice is to do it once
 * (PROTOCOL-V3 7, 9, 10).  Each host has one chance to be out of order,
 * WeChat's "again" has AGAIN_MAX, and an answer whose signature is wrong one:
 * WeChat sends such ones to see what we do. */
enum h5_code
h5_v3_converse(struct h5_wechat *w, const struct h5_log *log,
    struct h5_v3_call *k, struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	int64_t end = k->began_ms + w->c->gateway.deadline_ms;
	const char *host = w->c->gateway.url;
	const char *backup = w->c->gateway.backup_url;
	unsigned again = 0, probes = 0;
	int pause_ms = AGAIN_PAUSE_MS;
	bool elsewhere, distrusted;
	struct h5_err why;
	enum h5_code rc;

	rc = h5_v3_ready(w->c, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&k->target, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&k->body, e);
	if (rc != H5_OK)
		return rc;
	for (;;) {
		rc = attempt(w, k, host, end - h5_clock_mono_ms(), &elsewhere,
		    &distrusted, refusal, &why);
		if (elsewhere && backup != NULL && backup[0] != '\0' &&
		    h5_clock_mono_ms() < end) {
			log_attempt(log, k, host, rc, refusal, &why);
			host = backup;
			backup = NULL;
			continue;
		}
		/* There must be time for one more attempt, or the pause is of
		 * no use. */
		if (k->once || h5_clock_mono_ms() + 2 * pause_ms >= end ||
		    (rc == H5_OK ? refusal->verdict != H5_WECHAT_AGAIN ||
				       again++ == AGAIN_MAX
				 : !distrusted || probes++ == 1))
			break;
		log_attempt(log, k, host, rc, refusal, &why);
		h5_clock_pause_ms(pause_ms);
		pause_ms *= 2;
	}
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* --- what is logged ------------------------------------------------------- */

/* What an error that is no answer of WeChat's calls for. */
static const char *
hint_of(const struct h5_v3_call *k, enum h5_code rc, enum h5_log_level *level)
{
	*level = rc == H5_E_NET ? H5_LOG_WARN : H5_LOG_ERROR;
	if (k->facts.distrusted) {
		*level = H5_LOG_ALERT;
		return "the certificate cannot be trusted: check "
		       "gateway.ca_file, gateway.url and any proxy in between";
	}
	if (rc != H5_E_REMOTE)
		return NULL;
	if (k->facts.status >= 300 && k->facts.status < 400) {
		*level = H5_LOG_ALERT;
		return "something between us and WeChat redirects: check "
		       "gateway.url";
	}
	return "the outcome is unknown until a query tells";
}

void
h5_v3_report(const struct h5_log *log, const struct h5_v3_call *k,
    enum h5_code rc, const struct h5_wechat_refusal *refusal, const char *state,
    const struct h5_err *e)
{
	bool refused = rc == H5_OK && refusal->verdict != H5_WECHAT_SUCCESS;
	enum h5_log_level level = h5_wechat_level(refusal->verdict);
	const char *note = refused ? refusal->note : NULL;
	char id[H5_ORDER_ID_MAX + 1];
	unsigned n;

	if (rc != H5_OK)
		note = hint_of(k, rc, &level);
	/* A refund that is known from a notice alone may name any number. */
	if (k->out_trade_no == NULL ||
	    h5_number_order_of(k->out_trade_no, id, &n, NULL) != H5_OK)
		id[0] = '\0';
	h5_log_event(log, level, "wechat-call", "api", k->api, "order",
	    id[0] != '\0' ? id : NULL, "out_trade_no", k->out_trade_no,
	    "out_refund_no", k->out_refund_no, "result",
	    rc != H5_OK ? h5_err_name(rc)
	    : refused	? "FAIL"
			: "SUCCESS",
	    "status", k->facts.status != 0 ? H5_LOG_NUM(k->facts.status) : NULL,
	    "err_code", refused ? refusal->err_code : NULL, "err_code_des",
	    refused ? refusal->err_code_des : NULL,
	    k->out_refund_no != NULL ? "refund_status" : "trade_state", state,
	    "why", rc == H5_OK ? NULL : e->msg, "outcome",
	    rc == H5_E_NET && k->facts.sent ? "unknown" : NULL, "ahead_s",
	    k->skewed ? H5_LOG_NUM(k->ahead_s) : NULL, "note", note,
	    "request_id", k->request_id[0] != '\0' ? k->request_id : NULL,
	    "attempts", H5_LOG_NUM(k->attempts), "ms",
	    H5_LOG_NUM(h5_clock_mono_ms() - k->began_ms), NULL);
}
