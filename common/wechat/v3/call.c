/* The calls about an attempt over APIv3: prepay, query and close. */
#include "common/wechat/v3/call.h"

#include <stdio.h>
#include <string.h>

#include "common/system/crypto.h"
#include "common/wechat/believe.h"
#include "common/wechat/v3/converse.h"
#include "common/wechat/v3/facts.h"
#include "common/wechat/v3/message.h"
#include "common/wechat/v3/sign.h"

/* The believed answer as a value, which must be an object. */
static enum h5_code
read_answer(struct h5_wechat *w, const struct h5_v3_call *k,
    struct h5_json_value **v, struct h5_err *e)
{
	struct h5_err why;
	enum h5_code rc;

	*v = NULL;
	/* 204 has nothing to say where something is due. */
	if (k->facts.status != 200)
		return h5_err_set(e, H5_E_REMOTE,
		    "WeChat's answer: HTTP status %ld", k->facts.status);
	rc = h5_json_read(w->answer.data, w->answer.len, v, &why);
	/* Signed and yet malformed: WeChat's, but nothing to go by. */
	if (rc == H5_E_INPUT)
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: %s", why.msg);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* --- prepay --------------------------------------------------------------- */

/* h5 and native name no prepay_id, and the ledger wants one. */
#define NO_PREPAY_ID "-"

static enum h5_code
take_prepay(const struct h5_config *c, enum h5_product product,
    const struct h5_json_value *v, struct h5_wechat_prepay *out,
    struct h5_err *e)
{
	enum h5_code rc;

	switch (product) {
	case H5_PRODUCT_H5:
		rc = h5_wechat_take_mweb_url(
		    c, h5_json_string_of(v, "h5_url"), &out->mweb_url, e);
		break;
	case H5_PRODUCT_NATIVE:
		rc = h5_wechat_take_code_url(
		    h5_json_string_of(v, "code_url"), &out->code_url, e);
		break;
	case H5_PRODUCT_JSAPI:
	default:
		return h5_wechat_take_prepay_id(
		    h5_json_string_of(v, "prepay_id"), out, e);
	}
	if (rc == H5_OK)
		memcpy(out->prepay_id, NO_PREPAY_ID, sizeof NO_PREPAY_ID);
	return rc;
}

enum h5_code
h5_v3_prepay(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_wechat_prepay *out, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_json_value *v = NULL;
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v3_call k;
	enum h5_code rc;

	(void)o;
	memset(out, 0, sizeof *out);
	h5_v3_begin(&k, H5_V3_PREPAY, refusal);
	k.out_trade_no = a->out_trade_no;
	h5_v3_target_prepay(w->c, a->product, &k.target);
	/* WeChat compares a repetition with the first prepay, byte for byte
	 * for all we know, so what was stored is sent, and never written
	 * again. */
	if (a->request == NULL)
		rc = h5_err_set(&why, H5_E_BUG, "there is no request yet");
	else
		rc = h5_v3_prepay_for(a->request, ip, &k.body, &why);
	if (rc == H5_OK)
		rc = h5_v3_converse(w, log, &k, refusal, &why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS)
		rc = read_answer(w, &k, &v, &why);
	if (v != NULL)
		rc = take_prepay(w->c, a->product, v, out, &why);
	if (refusal->not_open)
		refusal->note = h5_wechat_not_open(a->product);
	/* Reported whatever happened: every call leaves one line in the log. */
	h5_v3_report(log, &k, rc, refusal, NULL, &why);
	h5_json_free(v);
	h5_v3_end(&k);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* --- the bridge inside WeChat --------------------------------------------- */

enum h5_code
h5_v3_bridge(const struct h5_config *c, const struct h5_attempt *a, int64_t now,
    struct h5_wechat_bridge *out, struct h5_err *e)
{
	struct h5_buf sign;
	enum h5_code rc;

	memset(out, 0, sizeof *out);
	out->app_id = h5_config_payer_appid(c);
	out->sign_type = "RSA";
	(void)snprintf(
	    out->time_stamp, sizeof out->time_stamp, "%lld", (long long)now);
	(void)snprintf(
	    out->package, sizeof out->package, "prepay_id=%s", a->prepay_id);
	h5_buf_init(&sign, sizeof out->pay_sign - 1);
	rc = h5_v3_ready(c, e);
	if (rc == H5_OK)
		rc = h5_crypto_nonce(out->nonce_str, e);
	if (rc == H5_OK)
		rc = h5_v3_pay_sign(c->merchant.v3, out->app_id,
		    out->time_stamp, out->nonce_str, out->package, &sign, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&sign, e);
	if (rc == H5_OK)
		memcpy(out->pay_sign, sign.data, sign.len + 1);
	h5_buf_release(&sign);
	return rc;
}

/* --- query, close --------------------------------------------------------- */

static enum h5_code
take_trade(const struct h5_config *c, const struct h5_json_value *v,
    const char *out_trade_no, struct h5_wechat_trade *t, struct h5_err *e)
{
	struct h5_err why;
	enum h5_code rc;

	rc = h5_v3_check_ids(c, v, true, &why);
	if (rc == H5_OK)
		rc = h5_v3_read_trade(v, t, &why);
	if (rc == H5_OK && strcmp(t->out_trade_no, out_trade_no) != 0)
		rc = h5_err_set(&why, H5_E_INPUT, "about another order");
	if (rc == H5_E_INPUT || rc == H5_E_NOTFOUND)
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: %s", why.msg);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v3_query(struct h5_wechat *w, const struct h5_log *log,
    const char *out_trade_no, struct h5_wechat_trade *t,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	struct h5_json_value *v = NULL;
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v3_call k;
	enum h5_code rc;

	h5_wechat_trade_init(t);
	h5_v3_begin(&k, H5_V3_QUERY, refusal);
	k.out_trade_no = out_trade_no;
	h5_v3_target_query(w->c, out_trade_no, &k.target);
	rc = h5_v3_converse(w, log, &k, refusal, &why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS)
		rc = read_answer(w, &k, &v, &why);
	if (v != NULL)
		rc = take_trade(w->c, v, out_trade_no, t, &why);
	/* The state is logged only if it was believed. */
	h5_v3_report(log, &k, rc, refusal,
	    rc == H5_OK && v != NULL ? t->trade_state : NULL, &why);
	h5_json_free(v);
	h5_v3_end(&k);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* Only 204, or CLOSED from a query, says that a number is closed. */
static enum h5_code
what_stands(struct h5_wechat *w, const struct h5_log *log,
    const char *out_trade_no, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_wechat_refusal answer;
	struct h5_wechat_trade t;
	enum h5_code rc = h5_v3_query(w, log, out_trade_no, &t, &answer, e);

	if (rc == H5_OK && answer.verdict != H5_WECHAT_SUCCESS)
		*refusal = answer;
	else if (rc == H5_OK)
		refusal->verdict = t.paid ? H5_WECHAT_PAID
				   : strcmp(t.trade_state, "CLOSED") == 0
				       ? H5_WECHAT_CLOSED
				       : H5_WECHAT_NOT_YET;
	h5_wechat_trade_release(&t);
	return rc;
}

enum h5_code
h5_v3_close(struct h5_wechat *w, const struct h5_log *log,
    const char *out_trade_no, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v3_call k;
	enum h5_code rc;

	h5_v3_begin(&k, H5_V3_CLOSE, refusal);
	k.out_trade_no = out_trade_no;
	h5_v3_target_close(w->c, out_trade_no, &k.target);
	rc = h5_v3_write_close(w->c, &k.body, &why);
	if (rc == H5_OK)
		rc = h5_v3_converse(w, log, &k, refusal, &why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS &&
	    k.facts.status != 204)
		rc = h5_err_set(&why, H5_E_REMOTE,
		    "WeChat's answer: HTTP status %ld where 204 is due",
		    k.facts.status);
	h5_v3_report(log, &k, rc, refusal, NULL, &why);
	h5_v3_end(&k);
	if (rc != H5_OK)
		return h5_err_pass(e, &why);
	switch (refusal->verdict) {
	case H5_WECHAT_PAID:
	case H5_WECHAT_CLOSED:
	case H5_WECHAT_TAKEN:
	case H5_WECHAT_TAKEN_PERHAPS:
	case H5_WECHAT_UNKNOWN_ORDER:
	case H5_WECHAT_NO_REFUND:
	case H5_WECHAT_NOT_YET:
	case H5_WECHAT_REFUSED:
		return what_stands(w, log, out_trade_no, refusal, e);
	case H5_WECHAT_SUCCESS:
	case H5_WECHAT_AGAIN:
	case H5_WECHAT_MERCHANT:
		break;
	}
	return H5_OK;
}
