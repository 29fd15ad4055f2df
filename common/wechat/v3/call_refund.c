/* Refunds over APIv3: asking for one, asking what became of it, and whether the
 * first can be done at all. */
#include "common/wechat/v3/call.h"

#include <string.h>

#include "common/wechat/believe.h"
#include "common/wechat/v3/converse.h"
#include "common/wechat/v3/facts.h"
#include "common/wechat/v3/keys.h"
#include "common/wechat/v3/message.h"

/* Does WeChat know the number as a refund of an order that is not o?  Of one
 * that it has accepted for o that is not believed. */
static bool
is_anothers(const struct h5_order *o, const struct h5_refund *r,
    const struct h5_wechat_refund *got)
{
	return (r->state == H5_REFUND_ASKED || r->state == H5_REFUND_HINTED) &&
	       strcmp(got->out_refund_no, r->out_refund_no) == 0 &&
	       h5_order_attempt(o, got->out_trade_no) == NULL;
}

static enum h5_code
take_refund(struct h5_wechat *w, const struct h5_v3_call *k,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_json_value *v = NULL;
	struct h5_err why;
	enum h5_code rc;

	if (k->facts.status != 200)
		return h5_err_set(e, H5_E_REMOTE,
		    "WeChat's answer: HTTP status %ld", k->facts.status);
	rc = h5_json_read(w->answer.data, w->answer.len, &v, &why);
	if (rc == H5_OK)
		rc = h5_v3_read_refund(v, got, &why);
	h5_json_free(v);
	if (rc == H5_E_INPUT)
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: %s", why.msg);
	if (rc != H5_OK)
		return h5_err_pass(e, &why);
	if (k->what == H5_V3_REFUND_QUERY && is_anothers(o, r, got)) {
		refusal->verdict = H5_WECHAT_TAKEN;
		memset(got, 0, sizeof *got);
		return H5_OK;
	}
	return h5_wechat_fits(o, r, got, e);
}

static enum h5_code
talk(struct h5_wechat *w, const struct h5_log *log, struct h5_v3_call *k,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *why)
{
	enum h5_code rc = h5_v3_converse(w, log, k, refusal, why);

	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS)
		rc = take_refund(w, k, o, r, got, refusal, why);
	h5_v3_report(log, k, rc, refusal,
	    got->out_refund_no[0] != '\0' ? h5_order_refund_word(got->state)
					  : NULL,
	    why);
	return rc;
}

enum h5_code
h5_v3_refund(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v3_call k;
	enum h5_code rc;

	memset(got, 0, sizeof *got);
	h5_v3_begin(&k, H5_V3_REFUND, refusal);
	k.out_trade_no = r->out_trade_no;
	k.out_refund_no = r->out_refund_no;
	/* Anything but 200 is followed by the refund query (PROTOCOL-V3 10.3),
	 * and refunds that fail are limited to six a second. */
	k.once = true;
	h5_v3_target_refund(&k.target);
	rc = h5_v3_write_refund(w->c, o, r, &k.body, &why);
	if (rc == H5_OK)
		rc = talk(w, log, &k, o, r, got, refusal, &why);
	h5_v3_end(&k);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v3_refund_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v3_call k;
	enum h5_code rc;

	memset(got, 0, sizeof *got);
	h5_v3_begin(&k, H5_V3_REFUND_QUERY, refusal);
	/* A hint may not know the attempt.  Then the order's own number stands
	 * in the log. */
	k.out_trade_no = r->out_trade_no[0] != '\0' ? r->out_trade_no : o->id;
	k.out_refund_no = r->out_refund_no;
	h5_v3_target_refund_query(w->c, r->out_refund_no, &k.target);
	rc = talk(w, log, &k, o, r, got, refusal, &why);
	h5_v3_end(&k);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v3_refund_ready(const struct h5_config *c, int64_t now, struct h5_err *e)
{
	if (c->merchant.cert_file == NULL || c->merchant.key_file == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "APIv3 needs merchant.cert_file and merchant.key_file: "
		    "apiclient_cert.pem and apiclient_key.pem from the "
		    "merchant platform");
	return h5_wechat_pair_ready(c, now, e);
}
