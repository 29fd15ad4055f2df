/* The calls about an attempt over APIv2: unifiedorder, orderquery and
 * closeorder. */
#include "common/wechat/v2/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/format/json.h"
#include "common/system/crypto.h"
#include "common/wechat/believe.h"
#include "common/wechat/v2/converse.h"
#include "common/wechat/v2/message.h"
#include "common/wechat/v2/sign.h"

#define BODY_MAX 127 /* bytes: whether WeChat counts characters is unknown */
#define SCENE_MAX 256

/* A conversation about one attempt. */
static enum h5_code
begin(struct h5_wechat *w, struct h5_v2_call *k, const char *api,
    const char *path, const char *out_trade_no,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	enum h5_code rc =
	    h5_v2_begin(w, k, api, path, out_trade_no, refusal, e);

	if (rc == H5_OK)
		rc = h5_fields_add(&k->params, "out_trade_no", out_trade_no, e);
	return rc;
}

/* --- unifiedorder --- */

static enum h5_code
scene_with(const struct h5_config *c, size_t name_bytes, struct h5_buf *out,
    struct h5_err *e)
{
	/* Cut by bytes, at a place between characters that the caller has
	 * found. */
	char *name = strndup(c->site.name, name_bytes);

	if (name == NULL)
		return h5_err_nomem(e);
	h5_buf_clear(out);
	h5_buf_puts(out, "{\"h5_info\":{\"type\":\"Wap\",\"wap_url\":");
	h5_json_string(c->site.origin, out);
	h5_buf_puts(out, ",\"wap_name\":");
	h5_json_string(name, out);
	h5_buf_puts(out, "}}");
	free(name);
	return H5_OK;
}

static enum h5_code
scene_info(const struct h5_config *c, struct h5_buf *out, struct h5_err *e)
{
	/* A name may be far longer than the room for it (docs/PROTOCOL.md 2.2).
	 * Begin with the most that could fit; then cut a character at a time
	 * until the escaped text does. */
	size_t n = h5_text_cut(c->site.name, strlen(c->site.name), SCENE_MAX);
	struct h5_buf text;
	enum h5_code rc;

	h5_buf_init(&text, 16384);
	for (;;) {
		rc = scene_with(c, n, &text, e);
		if (rc == H5_OK)
			rc = h5_buf_finish(&text, e);
		if (rc != H5_OK || text.len <= SCENE_MAX)
			break;
		if (n == 0) {
			rc = h5_err_set(e, H5_E_CONFIG,
			    "site.base_url is too long for scene_info");
			break;
		}
		n = h5_text_cut(c->site.name, strlen(c->site.name), n - 1);
	}
	if (rc == H5_OK) {
		h5_buf_add(out, text.data, text.len);
		rc = h5_buf_finish(out, e);
	}
	h5_buf_release(&text);
	return rc;
}

/* What the configuration says of the shop. */
static enum h5_code
add_shop(struct h5_wechat *w, enum h5_product product, struct h5_fields *f,
    struct h5_err *e)
{
	struct h5_buf scene, notify;
	enum h5_code rc;

	h5_buf_init(&scene, SCENE_MAX);
	h5_buf_init(&notify, H5_CONFIG_URL);
	h5_config_url(w->c, "notify", &notify);
	rc = h5_buf_finish(&notify, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "notify_url", notify.data, e);
	/* H5 alone tells where its page is. */
	if (rc == H5_OK && product == H5_PRODUCT_H5)
		rc = scene_info(w->c, &scene, e);
	if (rc == H5_OK && product == H5_PRODUCT_H5)
		rc = h5_fields_add(f, "scene_info", scene.data, e);
	h5_buf_release(&scene);
	h5_buf_release(&notify);
	return rc;
}

/* An openid goes under the name of the appid that it belongs to. */
static const char *
openid_name(const struct h5_config *c)
{
	return c->merchant.sub_appid != NULL ? "sub_openid" : "openid";
}

/* What the order and its attempt say.  WeChat refuses a number that comes again
 * with other parameters, so all of them are stored (docs/PROTOCOL.md 2.1, 2.7);
 * only the buyer's address may differ. */
static enum h5_code
add_order(const struct h5_config *c, struct h5_fields *f,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_err *e)
{
	char start[H5_CLOCK_WIRE], expire[H5_CLOCK_WIRE];
	size_t n = strlen(o->body);
	enum h5_code rc;

	/* Both as stored: a number that comes again with other times is
	 * refused. */
	h5_clock_wire(a->time_start, start);
	h5_clock_wire(a->time_expire, expire);
	rc =
	    h5_fields_add(f, "trade_type", h5_wechat_trade_type(a->product), e);
	if (rc == H5_OK && a->product == H5_PRODUCT_NATIVE)
		rc = h5_fields_add(f, "product_id", a->out_trade_no, e);
	if (rc == H5_OK && a->product == H5_PRODUCT_JSAPI)
		rc = a->openid != NULL
			 ? h5_fields_add(f, openid_name(c), a->openid, e)
			 : h5_err_set(e, H5_E_BUG, "there is no openid yet");
	if (rc == H5_OK)
		rc = h5_fields_add(f, "device_info", "WEB", e);
	if (rc == H5_OK)
		/* Cut when it is sent.  The order keeps the whole text. */
		rc = h5_fields_addn(f, "body", strlen("body"), o->body,
		    h5_text_cut(o->body, n, BODY_MAX), e);
	/* An empty element would be left out of the signature but not of the
	 * message, so none is sent. */
	if (rc == H5_OK && o->attach != NULL && o->attach[0] != '\0')
		rc = h5_fields_add(f, "attach", o->attach, e);
	if (rc == H5_OK)
		rc = h5_fields_add_int(f, "total_fee", o->total_fee, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "fee_type", "CNY", e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "spbill_create_ip", ip, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "time_start", start, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "time_expire", expire, e);
	return rc;
}

static enum h5_code
take_prepay(struct h5_wechat *w, enum h5_product product,
    const struct h5_fields *f, struct h5_wechat_prepay *out, struct h5_err *e)
{
	enum h5_code rc;

	/* Another trade type would open another cashier. */
	if (!h5_fields_is(f, "trade_type", h5_wechat_trade_type(product)))
		return h5_err_set(e, H5_E_REMOTE,
		    "WeChat's answer: trade_type is not %s",
		    h5_wechat_trade_type(product));
	rc = h5_wechat_take_prepay_id(h5_fields_get(f, "prepay_id"), out, e);
	if (rc == H5_OK && product == H5_PRODUCT_H5)
		rc = h5_wechat_take_mweb_url(
		    w->c, h5_fields_get(f, "mweb_url"), &out->mweb_url, e);
	else if (rc == H5_OK && product == H5_PRODUCT_NATIVE)
		rc = h5_wechat_take_code_url(
		    h5_fields_get(f, "code_url"), &out->code_url, e);
	if (rc != H5_OK)
		out->prepay_id[0] = '\0';
	return rc;
}

/* An answer that names a number names the one we asked about. */
static enum h5_code
check_number(const struct h5_fields *f, const char *out_trade_no, bool needed,
    struct h5_err *e)
{
	const char *s = h5_fields_get(f, "out_trade_no");

	if (s == NULL ? !needed : strcmp(s, out_trade_no) == 0)
		return H5_OK;
	return h5_err_set(
	    e, H5_E_REMOTE, "WeChat's answer: about another order");
}

enum h5_code
h5_v2_unifiedorder(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_wechat_prepay *out, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_https_answer facts = {0};
	struct h5_fields f;
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v2_call k;
	enum h5_code rc;

	memset(out, 0, sizeof *out);
	h5_fields_init(&f, 0, 0);
	rc = begin(w, &k, "unifiedorder", "/pay/unifiedorder", a->out_trade_no,
	    refusal, &why);
	/* A parameter like the others: WeChat signs its notices about this
	 * number with the type that the number was ordered with. */
	if (a->sign_type != H5_SIGN_UNSAID)
		k.sign_type = a->sign_type;
	if (rc == H5_OK)
		rc = add_order(w->c, &k.params, o, a, ip, &why);
	if (rc == H5_OK)
		rc = add_shop(w, a->product, &k.params, &why);
	if (rc == H5_OK)
		rc = h5_v2_converse(w, log, &k, &facts, &f, refusal, &why);
	if (rc == H5_OK)
		/* Refusals need not name a number, but must not name another
		 * one. */
		rc = check_number(&f, a->out_trade_no, false, &why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS)
		rc = take_prepay(w, a->product, &f, out, &why);
	if (refusal->not_open)
		refusal->note = h5_wechat_not_open(a->product);
	/* Reported whatever happened: every call leaves one line in the log. */
	h5_v2_report(log, &k, &facts, rc, refusal, NULL, &why);
	h5_fields_release(&f);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* --- the bridge inside WeChat --- */

enum h5_code
h5_v2_bridge(const struct h5_config *c, const struct h5_attempt *a, int64_t now,
    struct h5_wechat_bridge *out, struct h5_err *e)
{
	enum h5_sign_type type = a->sign_type != H5_SIGN_UNSAID
				     ? a->sign_type
				     : c->merchant.sign_type;
	struct h5_fields f;
	enum h5_code rc;

	memset(out, 0, sizeof *out);
	out->app_id = h5_config_payer_appid(c);
	out->sign_type = h5_order_sign_word(type);
	(void)snprintf(
	    out->time_stamp, sizeof out->time_stamp, "%lld", (long long)now);
	(void)snprintf(
	    out->package, sizeof out->package, "prepay_id=%s", a->prepay_id);
	rc = h5_crypto_nonce(out->nonce_str, e);
	h5_fields_init(&f, 8, 1024);
	/* The capitals are the bridge's own (PROTOCOL-V3 17.4). */
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "appId", out->app_id, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "timeStamp", out->time_stamp, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "nonceStr", out->nonce_str, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "package", out->package, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "signType", out->sign_type, e);
	/* The type of the prepay, and no other, opens it. */
	if (rc == H5_OK)
		rc = h5_sign_fields(
		    c->merchant.api_key, type, &f, out->pay_sign, e);
	h5_fields_release(&f);
	return rc;
}

/* --- orderquery, closeorder --- */

static enum h5_code
take_trade(const struct h5_fields *f, const char *out_trade_no,
    struct h5_wechat_trade *t, struct h5_err *e)
{
	const char *state = h5_fields_get(f, "trade_state");
	enum h5_code rc;

	/* A successful query has to name the number; without it, nothing ties
	 * the trade to the order. */
	rc = check_number(f, out_trade_no, true, e);
	if (rc == H5_OK && (state == NULL || state[0] == '\0'))
		rc = h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no trade_state");
	if (rc != H5_OK)
		return rc;
	rc = h5_v2_read_trade(f, t, e);
	/* Signed and yet malformed: the answer is WeChat's, but nothing to go
	 * by. */
	return rc == H5_E_INPUT ? h5_err_as(e, H5_E_REMOTE) : rc;
}

enum h5_code
h5_v2_orderquery(struct h5_wechat *w, const struct h5_log *log,
    const char *out_trade_no, struct h5_wechat_trade *t,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	struct h5_https_answer facts = {0};
	struct h5_fields f;
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v2_call k;
	bool success = false;
	enum h5_code rc;

	h5_wechat_trade_init(t);
	h5_fields_init(&f, 0, 0);
	rc = begin(w, &k, "orderquery", "/pay/orderquery", out_trade_no,
	    refusal, &why);
	if (rc == H5_OK)
		rc = h5_v2_converse(w, log, &k, &facts, &f, refusal, &why);
	if (rc == H5_OK)
		rc = check_number(&f, out_trade_no, false, &why);
	/* The state is logged only if it was believed. */
	success = rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS;
	if (success)
		rc = take_trade(&f, out_trade_no, t, &why);
	h5_v2_report(log, &k, &facts, rc, refusal,
	    success && rc == H5_OK ? t->trade_state : NULL, &why);
	h5_fields_release(&f);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v2_closeorder(struct h5_wechat *w, const struct h5_log *log,
    const char *out_trade_no, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_https_answer facts = {0};
	struct h5_fields f;
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v2_call k;
	enum h5_code rc;

	h5_fields_init(&f, 0, 0);
	rc = begin(w, &k, "closeorder", "/pay/closeorder", out_trade_no,
	    refusal, &why);
	if (rc == H5_OK)
		rc = h5_v2_converse(w, log, &k, &facts, &f, refusal, &why);
	if (rc == H5_OK)
		rc = check_number(&f, out_trade_no, false, &why);
	h5_v2_report(log, &k, &facts, rc, refusal, NULL, &why);
	h5_fields_release(&f);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}
