/* The calls to WeChat: which API carries each of them, and the handle that they
 * share. */
#include "common/wechat/api.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/length.h"
#include "common/wechat/v2/api.h"
#include "common/wechat/v3/api.h"

#define MESSAGE_MAX 65536 /* bytes of a request, and of an answer */

enum h5_code
h5_wechat_new(
    const struct h5_config *c, struct h5_wechat **out, struct h5_err *e)
{
	/* The handle is made once a thread and keeps its connections: a TLS
	 * handshake costs more than the call. */
	struct h5_https_options o = {.ca_file = c->gateway.ca_file,
	    .connect_timeout_ms = c->gateway.connect_timeout_ms,
	    .timeout_ms = c->gateway.timeout_ms};
	struct h5_wechat *w;
	enum h5_code rc;

	*out = NULL;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return h5_err_nomem(e);
	w->c = c;
	/* One buffer for all requests and one for all answers of a thread. */
	h5_buf_init(&w->request, MESSAGE_MAX);
	h5_buf_init(&w->answer, MESSAGE_MAX);
	rc = h5_https_new(&o, &w->https, e);
	if (rc != H5_OK) {
		h5_wechat_free(w);
		return rc;
	}
	*out = w;
	return H5_OK;
}

void
h5_wechat_free(struct h5_wechat *w)
{
	if (w == NULL)
		return;
	/* The request's buffer held no key, only its digest, so no wiping is
	 * needed. */
	h5_https_free(w->https);
	h5_buf_release(&w->request);
	h5_buf_release(&w->answer);
	free(w);
}

enum h5_code
h5_wechat_worker_new(const struct h5_config *c, void **out, struct h5_err *e)
{
	struct h5_wechat *w;
	enum h5_code rc = h5_wechat_new(c, &w, e);

	/* Also after a failure, when w is NULL. */
	*out = w;
	return rc;
}

void
h5_wechat_worker_free(void *worker)
{
	h5_wechat_free(worker);
}

/* --- which API ------------------------------------------------------------ */

/* An API is known here alone, by its row. */
static const struct h5_wechat_api *const apis[] = {
    [H5_API_V2] = &h5_v2_api,
    [H5_API_V3] = &h5_v3_api,
};
_Static_assert(H5_LENGTH(apis) == H5_APIS, "a row for each API");

/* What is asked without an attempt goes by the API that new attempts get. */
static const struct h5_wechat_api *
api_of_shop(const struct h5_config *c)
{
	return apis[c->merchant.api];
}

/* WeChat knows an attempt under the API that it was made with, and no other. */
static const struct h5_wechat_api *
api_of(const struct h5_attempt *a)
{
	return apis[a->api];
}

/* A refund goes by its attempt; of a hint that names none, by the first. */
static const struct h5_wechat_api *
api_of_refund(const struct h5_order *o, const struct h5_refund *r)
{
	const struct h5_attempt *a = h5_order_attempt(o, r->out_trade_no);

	return api_of(a != NULL ? a : &o->attempts[0]);
}

/* --- the calls ------------------------------------------------------------ */

enum h5_code
h5_wechat_prepay(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_wechat_prepay *out, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	return api_of(a)->prepay(w, log, o, a, ip, out, refusal, e);
}

enum h5_code
h5_wechat_request(const struct h5_config *c, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_buf *out,
    struct h5_err *e)
{
	const struct h5_wechat_api *api = api_of(a);

	return api->request == NULL ? H5_OK : api->request(c, o, a, ip, out, e);
}

enum h5_code
h5_wechat_bridge(const struct h5_config *c, const struct h5_attempt *a,
    int64_t now, struct h5_wechat_bridge *out, struct h5_err *e)
{
	return api_of(a)->bridge(c, a, now, out, e);
}

enum h5_code
h5_wechat_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, struct h5_wechat_trade *t,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	return api_of(a)->query(w, log, a->out_trade_no, t, refusal, e);
}

enum h5_code
h5_wechat_close(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	return api_of(a)->close(w, log, a->out_trade_no, refusal, e);
}

enum h5_code
h5_wechat_refund(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	return api_of_refund(o, r)->refund(w, log, o, r, got, refusal, e);
}

enum h5_code
h5_wechat_refund_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	return api_of_refund(o, r)->refund_query(w, log, o, r, got, refusal, e);
}

enum h5_code
h5_wechat_refunds(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, const char *transaction_id,
    struct h5_wechat_refunds *list, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	const struct h5_wechat_api *api = api_of(a);

	memset(list, 0, sizeof *list);
	if (api->refunds == NULL)
		return h5_err_set(e, H5_E_BUG, "APIv3 lists no refunds");
	return api->refunds(
	    w, log, a->out_trade_no, transaction_id, list, refusal, e);
}

enum h5_code
h5_wechat_refund_ready(const struct h5_config *c, int64_t now, struct h5_err *e)
{
	return api_of_shop(c)->refund_ready(c, now, e);
}

enum h5_code
h5_wechat_sample_notice(const struct h5_config *c, const char *number,
    struct h5_buf *out, struct h5_err *e)
{
	return api_of_shop(c)->sample_notice(c, number, out, e);
}
