/* Conversations with WeChat over APIv2: how one is asked, repeated and logged,
 * and those about an attempt. */
#include "common/wechat/v2/call.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/system/https.h"
#include "common/format/json.h"
#include "common/wechat/v2/message.h"
#include "common/wechat/v2/sign.h"
#include "common/base/text.h"
#include "common/wechat/v2/xml.h"

#define BODY_MAX 127 /* bytes: whether WeChat counts characters is unknown */
#define SCENE_MAX 256
#define URL_MAX 2048
#define MWEB_URL_MAX 2048
#define AGAIN_MAX 3 /* repetitions after SYSTEMERROR, FREQUENCY_LIMITED */
#define AGAIN_PAUSE_MS 250 /* before the first of them; doubles */

/* --- asking --- */

enum h5_code
h5_v2_begin(struct h5_wechat *w, struct h5_v2_call *k, const char *api,
    const char *path, const char *out_trade_no, struct h5_err *e)
{
	const char *type = h5_sign_name(w->c->merchant.sign_type);
	enum h5_code rc;

	memset(k, 0, sizeof *k);
	k->api = api;
	k->path = path;
	k->out_trade_no = out_trade_no;
	k->began_ms = h5_clock_mono_ms();
	h5_fields_init(&k->params, H5_V2_PARAMS_N, H5_V2_PARAMS_BYTES);
	rc = h5_fields_add(&k->params, "appid", w->c->merchant.appid, e);
	if (rc == H5_OK)
		rc = h5_fields_add(
		    &k->params, "mch_id", w->c->merchant.mch_id, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&k->params, "sign_type", type, e);
	return rc;
}

/* The same about an attempt. */
static enum h5_code
begin(struct h5_wechat *w, struct h5_v2_call *k, const char *api,
    const char *path, const char *out_trade_no, struct h5_err *e)
{
	enum h5_code rc = h5_v2_begin(w, k, api, path, out_trade_no, e);

	if (rc == H5_OK)
		rc = h5_fields_add(&k->params, "out_trade_no", out_trade_no, e);
	return rc;
}

/* The request's bytes, with a nonce of its own. */
static enum h5_code
write_request(struct h5_wechat *w, const struct h5_v2_call *k, struct h5_err *e)
{
	char nonce[33], sign[H5_SIGN_HEX];
	struct h5_fields f;
	enum h5_code rc;

	h5_buf_clear(&w->request);
	h5_fields_init(&f, H5_V2_PARAMS_N + 2, H5_V2_PARAMS_BYTES + 256);
	rc = h5_fields_copy(&f, &k->params, e);
	if (rc == H5_OK)
		rc = h5_crypto_nonce(nonce, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "nonce_str", nonce, e);
	if (rc == H5_OK)
		rc = h5_sign_fields(w->c->merchant.api_key,
		    w->c->merchant.sign_type, &f, sign, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "sign", sign, e);
	if (rc == H5_OK)
		rc = h5_xml_write(&f, &w->request, e);
	h5_fields_release(&f);
	return rc;
}

static enum h5_code
post(struct h5_wechat *w, const struct h5_v2_call *k, const char *host,
    int64_t left, struct h5_https_answer *a, struct h5_err *e)
{
	static const char *const headers[] = {"Content-Type: " H5_WECHAT_TYPE};
	struct h5_https_request q = {.method = H5_HTTPS_POST,
	    .headers = headers,
	    .n_headers = H5_LENGTH(headers),
	    .body = w->request.data,
	    .body_len = w->request.len,
	    .timeout_ms = left < INT32_MAX ? (int)left : INT32_MAX};
	struct h5_buf url;
	enum h5_code rc;

	/* A stand-in on this machine that talks plain http asks for none. */
	if (k->certificate) {
		q.cert_file = w->c->merchant.cert_file;
		q.key_file = w->c->merchant.key_file;
	}
	h5_buf_init(&url, URL_MAX);
	h5_buf_puts(&url, host);
	h5_buf_puts(&url, k->path);
	rc = h5_buf_finish(&url, e);
	q.url = url.data;
	if (rc == H5_OK)
		rc = h5_https_call(w->https, &q, &w->answer, a, e);
	h5_buf_release(&url);
	return rc;
}

/* One attempt at one host.  *elsewhere: the other host may do better. */
static enum h5_code
attempt(struct h5_wechat *w, struct h5_v2_call *k, const char *host,
    int64_t left, bool *elsewhere, struct h5_https_answer *a,
    struct h5_fields *f, struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	enum h5_code rc;

	*elsewhere = false;
	memset(a, 0, sizeof *a);
	k->attempts++;
	rc = write_request(w, k, e);
	if (rc != H5_OK)
		return rc;
	rc = post(w, k, host, left, a, e);
	*elsewhere = rc == H5_E_NET;
	if (rc != H5_OK)
		return rc;
	if (a->status != 200) {
		*elsewhere = a->status >= 500;
		return h5_err_set(
		    e, H5_E_REMOTE, "HTTP status %ld from %s", a->status, host);
	}
	rc = h5_v2_read_answer(
	    w->c, w->answer.data, w->answer.len, f, refusal, e);
	h5_buf_clear(&w->answer);
	return rc;
}

static void
log_attempt(const struct h5_log *log, const struct h5_v2_call *k,
    const char *host, const struct h5_https_answer *a, enum h5_code rc,
    const struct h5_wechat_refusal *refusal, const struct h5_err *e)
{
	h5_log_event(log, a->distrusted ? H5_LOG_ALERT : H5_LOG_WARN,
	    "wechat-try-again", "api", k->api, "out_trade_no", k->out_trade_no,
	    "out_refund_no", k->out_refund_no, "host", host, "err_code",
	    rc == H5_OK ? refusal->err_code : NULL, "why",
	    rc == H5_OK ? NULL : e->msg, "sent", a->sent ? "yes" : "no", NULL);
}

/* Attempts until there is an answer to go by, or no time.  The same
 * parameters again are harmless: the number makes an order one order, and to
 * ask or to close twice is to do it once (PROTOCOL 2.7).
 * Each host has one chance to be out of order; WeChat's "again" has
 * AGAIN_MAX. */
enum h5_code
h5_v2_converse(struct h5_wechat *w, const struct h5_log *log,
    struct h5_v2_call *k, struct h5_https_answer *a, struct h5_fields *f,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	int64_t end = k->began_ms + w->c->gateway.deadline_ms;
	const char *host = w->c->gateway.url;
	const char *backup = w->c->gateway.backup_url;
	unsigned again = 0;
	int pause_ms = AGAIN_PAUSE_MS;
	bool elsewhere;
	enum h5_code rc;

	for (;;) {
		rc = attempt(w, k, host, end - h5_clock_mono_ms(), &elsewhere,
		    a, f, refusal, e);
		if (elsewhere && backup != NULL && backup[0] != '\0' &&
		    h5_clock_mono_ms() < end) {
			log_attempt(log, k, host, a, rc, refusal, e);
			host = backup;
			backup = NULL;
			continue;
		}
		if (rc != H5_OK || refusal->verdict != H5_WECHAT_AGAIN ||
		    again == AGAIN_MAX ||
		    h5_clock_mono_ms() + 2 * pause_ms >= end)
			return rc;
		log_attempt(log, k, host, a, rc, refusal, e);
		h5_fields_release(f);
		h5_clock_pause_ms(pause_ms);
		pause_ms *= 2;
		again++;
	}
}

/* --- what is logged --- */

/* Words of unsigned refusals, as bytes of UTF-8, and what they mean for the
 * one who reads the log. */
static const struct {
	const char *bytes;
	const char *hint;
	bool operator; /* only the operator can mend it */
} hints[] = {
    /* "wrong signature" */
    {"\xe7\xad\xbe\xe5\x90\x8d\xe9\x94\x99\xe8\xaf\xaf",
	"WeChat finds our signature wrong: check merchant.api_key (the APIv2 "
	"key), merchant.sign_type and merchant.mch_id",
	true},
    {"appid", "check merchant.appid", true},
    {"mch_id", "check merchant.mch_id", true},
    {"time_expire",
	"check this machine's clock; orders.expire_minutes must be 6 or more",
	true},
    /* Ours, not WeChat's. */
    {"answer: wrong sign",
	"the answer is signed with another key: check merchant.api_key", true},
    {"answer: sign",
	"the answer is signed in another way: check merchant.sign_type", true},
    {"HTTP status 400",
	"a refund needs a certificate that WeChat knows: check "
	"merchant.cert_file and merchant.key_file",
	true},
    {"HTTP status 3",
	"something between us and WeChat redirects: check gateway.url", true},
};

static const char *
hint_of(const char *msg, enum h5_log_level *level)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(hints); i++)
		if (strstr(msg, hints[i].bytes) != NULL) {
			if (hints[i].operator)
				*level = H5_LOG_ALERT;
			return hints[i].hint;
		}
	return NULL;
}

static enum h5_log_level
level_of_refusal(enum h5_wechat_verdict v)
{
	switch (v) {
	case H5_WECHAT_SUCCESS:
	case H5_WECHAT_PAID:
	case H5_WECHAT_CLOSED:
	case H5_WECHAT_TAKEN:
	case H5_WECHAT_UNKNOWN_ORDER:
	case H5_WECHAT_NO_REFUND:
	case H5_WECHAT_NOT_YET:
		return H5_LOG_INFO;
	case H5_WECHAT_AGAIN:
		return H5_LOG_WARN;
	case H5_WECHAT_MERCHANT:
		return H5_LOG_ALERT;
	case H5_WECHAT_REFUSED:
		break;
	}
	return H5_LOG_ERROR;
}

/* One line for one conversation: how it ended, and what to do about it. */
void
h5_v2_report(const struct h5_log *log, const struct h5_v2_call *k,
    const struct h5_https_answer *a, enum h5_code rc,
    const struct h5_wechat_refusal *refusal, const char *state,
    const struct h5_err *e)
{
	enum h5_log_level level;
	const char *note = NULL, *result = NULL;
	char id[H5_ORDER_ID_MAX + 1];
	bool refused = rc == H5_OK && refusal->verdict != H5_WECHAT_SUCCESS;
	unsigned n;

	if (rc == H5_OK) {
		level = level_of_refusal(refusal->verdict);
		result = refused ? "FAIL" : "SUCCESS";
		note = refused ? refusal->note : NULL;
	} else {
		level = rc == H5_E_NET ? H5_LOG_WARN : H5_LOG_ERROR;
		result = h5_err_name(rc);
		note = hint_of(e->msg, &level);
		if (a->distrusted) {
			level = H5_LOG_ALERT;
			note = "the certificate is not to be trusted: check "
			       "gateway.ca_file, gateway.url and who stands in "
			       "between";
		}
	}
	if (h5_number_order_of(k->out_trade_no, id, &n, NULL) != H5_OK)
		id[0] = '\0';
	h5_log_event(log, level, "wechat-call", "api", k->api, "order",
	    id[0] != '\0' ? id : NULL, "out_trade_no", k->out_trade_no,
	    "out_refund_no", k->out_refund_no, "result", result, "err_code",
	    refused ? refusal->err_code : NULL, "err_code_des",
	    refused ? refusal->err_code_des : NULL,
	    k->out_refund_no != NULL ? "refund_status" : "trade_state", state,
	    "why", rc == H5_OK ? NULL : e->msg, "outcome",
	    rc == H5_E_NET && a->sent ? "unknown" : NULL, "note", note,
	    "attempts", H5_LOG_NUM(k->attempts), "ms",
	    H5_LOG_NUM(h5_clock_mono_ms() - k->began_ms), NULL);
}

/* --- unifiedorder --- */

static enum h5_code
scene_with(const struct h5_config *c, size_t name_bytes, struct h5_buf *out,
    struct h5_err *e)
{
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
	/* A name may be sixteen times as long as what there is room for. */
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

/* What the shop and its configuration say. */
static enum h5_code
add_shop(struct h5_wechat *w, struct h5_fields *f, struct h5_err *e)
{
	struct h5_buf scene, notify;
	enum h5_code rc;

	h5_buf_init(&scene, SCENE_MAX);
	h5_buf_init(&notify, H5_CONFIG_URL);
	rc = scene_info(w->c, &scene, e);
	h5_config_url(w->c, "notify", &notify);
	if (rc == H5_OK)
		rc = h5_buf_finish(&notify, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "notify_url", notify.data, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "scene_info", scene.data, e);
	h5_buf_release(&scene);
	h5_buf_release(&notify);
	return rc;
}

/* What the order and its attempt say: always the same for one number. */
static enum h5_code
add_order(struct h5_fields *f, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_err *e)
{
	char start[H5_CLOCK_WIRE], expire[H5_CLOCK_WIRE];
	size_t n = strlen(o->body);
	enum h5_code rc;

	h5_clock_wire(a->time_start, start);
	h5_clock_wire(a->time_expire, expire);
	rc = h5_fields_add(f, "trade_type", "MWEB", e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "device_info", "WEB", e);
	if (rc == H5_OK)
		rc = h5_fields_addn(f, "body", strlen("body"), o->body,
		    h5_text_cut(o->body, n, BODY_MAX), e);
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

static bool
visible_ascii(const char *s, const char *without)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || strchr(without, *s) != NULL)
			return false;
	return true;
}

/* The buyer is sent there: it leads to the cashier and nowhere else.  A prefix
 * that ends with the host must be followed by its end: https://a.example is
 * no beginning of https://a.example.evil/. */
static bool
leads_to_cashier(const char *url, const char *cashier)
{
	size_t n = strlen(cashier);
	const char *host = strstr(cashier, "://");

	if (n == 0 || host == NULL || strlen(url) > MWEB_URL_MAX ||
	    strncmp(url, cashier, n) != 0 || !visible_ascii(url, "\"<>\\#"))
		return false;
	if (strchr(host + 3, '/') == NULL && url[n] != '/' && url[n] != '?')
		return false;
	return true;
}

static enum h5_code
take_prepay(struct h5_wechat *w, const struct h5_fields *f,
    struct h5_wechat_prepay *out, struct h5_err *e)
{
	const char *id = h5_fields_get(f, "prepay_id");
	const char *url = h5_fields_get(f, "mweb_url");

	if (!h5_fields_is(f, "trade_type", "MWEB"))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: trade_type is not MWEB");
	if (id == NULL || id[0] == '\0' ||
	    strlen(id) >= sizeof out->prepay_id || !visible_ascii(id, "\"<>&"))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no good prepay_id");
	if (url == NULL || !leads_to_cashier(url, w->c->gateway.cashier))
		return h5_err_set(e, H5_E_REMOTE,
		    "WeChat's answer: mweb_url does not lead to %s",
		    w->c->gateway.cashier);
	out->mweb_url = strdup(url);
	if (out->mweb_url == NULL)
		return h5_err_nomem(e);
	memcpy(out->prepay_id, id, strlen(id) + 1);
	return H5_OK;
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
	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	h5_fields_init(&f, 0, 0);
	rc = begin(
	    w, &k, "unifiedorder", "/pay/unifiedorder", a->out_trade_no, &why);
	if (rc == H5_OK)
		rc = add_order(&k.params, o, a, ip, &why);
	if (rc == H5_OK)
		rc = add_shop(w, &k.params, &why);
	if (rc == H5_OK)
		rc = h5_v2_converse(w, log, &k, &facts, &f, refusal, &why);
	if (rc == H5_OK)
		rc = check_number(&f, a->out_trade_no, false, &why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS)
		rc = take_prepay(w, &f, out, &why);
	h5_v2_report(log, &k, &facts, rc, refusal, NULL, &why);
	h5_fields_release(&f);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_set(e, rc, "%s", why.msg);
}

/* --- orderquery, closeorder --- */

static enum h5_code
take_trade(const struct h5_fields *f, const char *out_trade_no,
    struct h5_wechat_trade *t, struct h5_err *e)
{
	const char *state = h5_fields_get(f, "trade_state");
	enum h5_code rc;

	rc = check_number(f, out_trade_no, true, e);
	if (rc == H5_OK && (state == NULL || state[0] == '\0'))
		rc = h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no trade_state");
	if (rc != H5_OK)
		return rc;
	rc = h5_v2_read_trade(f, t, e);
	return rc == H5_E_INPUT ? H5_E_REMOTE : rc;
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
	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	h5_fields_init(&f, 0, 0);
	rc = begin(w, &k, "orderquery", "/pay/orderquery", out_trade_no, &why);
	if (rc == H5_OK)
		rc = h5_v2_converse(w, log, &k, &facts, &f, refusal, &why);
	if (rc == H5_OK)
		rc = check_number(&f, out_trade_no, false, &why);
	success = rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS;
	if (success)
		rc = take_trade(&f, out_trade_no, t, &why);
	h5_v2_report(log, &k, &facts, rc, refusal,
	    success && rc == H5_OK ? t->trade_state : NULL, &why);
	h5_fields_release(&f);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_set(e, rc, "%s", why.msg);
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

	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	h5_fields_init(&f, 0, 0);
	rc = begin(w, &k, "closeorder", "/pay/closeorder", out_trade_no, &why);
	if (rc == H5_OK)
		rc = h5_v2_converse(w, log, &k, &facts, &f, refusal, &why);
	if (rc == H5_OK)
		rc = check_number(&f, out_trade_no, false, &why);
	h5_v2_report(log, &k, &facts, rc, refusal, NULL, &why);
	h5_fields_release(&f);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_set(e, rc, "%s", why.msg);
}
