/* One conversation with WeChat over APIv2: signed, sent, repeated where that
 * helps, believed or not, and told to the log. */
#include "common/wechat/v2/converse.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/order/number.h"
#include "common/system/crypto.h"
#include "common/wechat/v2/message.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

#define URL_MAX 2048
#define AGAIN_MAX 3 /* repetitions after SYSTEMERROR, FREQUENCY_LIMITED */
#define AGAIN_PAUSE_MS 250 /* before the first of them; doubles */

/* --- asking --- */

enum h5_code
h5_v2_add_sub(const struct h5_config *c, struct h5_fields *f, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	/* An empty element would be no element to the signature: an ordinary
	 * merchant sends none. */
	if (c->merchant.sub_appid != NULL)
		rc = h5_fields_add(f, "sub_appid", c->merchant.sub_appid, e);
	if (rc == H5_OK && c->merchant.sub_mch_id != NULL)
		rc = h5_fields_add(f, "sub_mch_id", c->merchant.sub_mch_id, e);
	return rc;
}

enum h5_code
h5_v2_begin(struct h5_wechat *w, struct h5_v2_call *k, const char *api,
    const char *path, const char *out_trade_no,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	enum h5_code rc;

	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	memset(k, 0, sizeof *k);
	k->api = api;
	k->path = path;
	k->out_trade_no = out_trade_no;
	k->sign_type = w->c->merchant.sign_type;
	/* Before anything else: the deadline counts from the decision to
	 * ask. */
	k->began_ms = h5_clock_mono_ms();
	h5_fields_init(&k->params, H5_V2_PARAMS_N, H5_V2_PARAMS_BYTES);
	rc = h5_fields_add(&k->params, "appid", w->c->merchant.appid, e);
	if (rc == H5_OK)
		rc = h5_fields_add(
		    &k->params, "mch_id", w->c->merchant.mch_id, e);
	return rc == H5_OK ? h5_v2_add_sub(w->c, &k->params, e) : rc;
}

/* The request's bytes, with a nonce of its own. */
static enum h5_code
write_request(struct h5_wechat *w, const struct h5_v2_call *k, struct h5_err *e)
{
	char nonce[33], sign[H5_SIGN_HEX];
	struct h5_fields f;
	enum h5_code rc;

	h5_buf_clear(&w->request);
	/* Three more than the parameters: the nonce, the type and the
	 * signature. */
	h5_fields_init(&f, H5_V2_PARAMS_N + 3, H5_V2_PARAMS_BYTES + 256);
	rc = h5_fields_copy(&f, &k->params, e);
	if (rc == H5_OK)
		rc = h5_fields_add(
		    &f, "sign_type", h5_order_sign_word(k->sign_type), e);
	if (rc == H5_OK)
		/* A nonce of its own on each attempt, as WeChat asks (PROTOCOL
		 * 1.5). */
		rc = h5_crypto_nonce(nonce, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "nonce_str", nonce, e);
	if (rc == H5_OK)
		rc = h5_sign_fields(
		    w->c->merchant.api_key, k->sign_type, &f, sign, e);
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
	/* An attempt is counted before it can fail, so that the log tells how
	 * often it was tried. */
	k->attempts++;
	rc = write_request(w, k, e);
	if (rc != H5_OK)
		return rc;
	rc = post(w, k, host, left, a, e);
	/* Not reached.  A proxy's or a server's 5xx counts the same, below. */
	*elsewhere = rc == H5_E_NET;
	if (rc != H5_OK)
		return rc;
	if (a->status != 200) {
		*elsewhere = a->status >= 500;
		return h5_err_set(
		    e, H5_E_REMOTE, "HTTP status %ld from %s", a->status, host);
	}
	rc = h5_v2_read_answer(
	    w->c, k->sign_type, w->answer.data, w->answer.len, f, refusal, e);
	/* The answer may be large, and the thread lives long. */
	h5_buf_clear(&w->answer);
	if (rc == H5_OK)
		h5_wechat_told_time(w, a->date);
	return rc;
}

static void
log_attempt(const struct h5_log *log, const struct h5_v2_call *k,
    const char *host, const struct h5_https_answer *a, enum h5_code rc,
    const struct h5_wechat_refusal *refusal, const struct h5_err *e)
{
	/* A certificate that is not trusted is more than a bad line: somebody
	 * may be listening. */
	h5_log_event(log, a->distrusted ? H5_LOG_ALERT : H5_LOG_WARN,
	    "wechat-try-again", "api", k->api, "out_trade_no", k->out_trade_no,
	    "out_refund_no", k->out_refund_no, "host", host, "err_code",
	    rc == H5_OK ? refusal->err_code : NULL, "why",
	    rc == H5_OK ? NULL : e->msg, "sent", a->sent ? "yes" : "no", NULL);
}

/* Words of unsigned refusals, as bytes of UTF-8, and what they mean for whoever
 * reads the log. */
static const struct {
	const char *bytes;
	const char *hint;
	bool operator; /* only the operator can mend it */
	bool not_open; /* the product that was asked for is not opened */
} hints[] = {
    /* "wrong signature" */
    {"\xe7\xad\xbe\xe5\x90\x8d\xe9\x94\x99\xe8\xaf\xaf",
	"WeChat rejects our signature: check merchant.api_key (the APIv2 key), "
	"merchant.sign_type and merchant.mch_id",
	true, false},
    /* "product's permission", "not opened" */
    {"\xe4\xba\xa7\xe5\x93\x81\xe6\x9d\x83\xe9\x99\x90",
	"this product is not opened for merchant.mch_id: pay.weixin.qq.com, "
	"product centre",
	true, true},
    {"\xe6\x9c\xaa\xe5\xbc\x80\xe9\x80\x9a",
	"this product is not opened for merchant.mch_id: pay.weixin.qq.com, "
	"product centre",
	true, true},
    /* "no permission" in two spellings */
    {"\xe6\x97\xa0\xe6\x9d\x83\xe9\x99\x90",
	"merchant.mch_id may not do this: pay.weixin.qq.com, product centre",
	true, false},
    {"\xe6\xb2\xa1\xe6\x9c\x89\xe6\x9d\x83\xe9\x99\x90",
	"merchant.mch_id may not do this: pay.weixin.qq.com, product centre",
	true, false},
    /* "has been restricted", "frozen" */
    {"\xe5\xb7\xb2\xe8\xa2\xab\xe9\x99\x90\xe5\x88\xb6",
	"WeChat restricts this account: see its messages on pay.weixin.qq.com",
	true, false},
    {"\xe5\x86\xbb\xe7\xbb\x93",
	"WeChat has frozen this account: see its messages on pay.weixin.qq.com",
	true, false},
    {"sub_appid", "check merchant.sub_appid", true, false},
    {"sub_mch_id", "check merchant.sub_mch_id", true, false},
    {"appid", "check merchant.appid", true, false},
    {"mch_id", "check merchant.mch_id", true, false},
    {"time_expire",
	"check this machine's clock; orders.expire_minutes must be 6 or more",
	true, false},
    /* Ours, not WeChat's. */
    {"answer: wrong sign",
	"the answer is signed with another key: check merchant.api_key", true,
	false},
    {"answer: sign",
	"the answer is signed with another algorithm: check merchant.sign_type",
	true, false},
    {"HTTP status 400",
	"a refund needs a certificate that WeChat knows: check "
	"merchant.cert_file and merchant.key_file",
	true, false},
    {"HTTP status 3",
	"something between us and WeChat redirects: check gateway.url", true,
	false},
};

/* The first that fits; the list goes from the particular to the general.
 * H5_LENGTH(hints): none. */
static size_t
hint_of(const char *msg)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(hints); i++)
		if (strstr(msg, hints[i].bytes) != NULL)
			break;
	return i;
}

/* Is msg of an unsigned refusal in words that only the merchant can mend? */
static void
read_words(const char *msg, struct h5_wechat_refusal *refusal)
{
	size_t i = hint_of(msg);

	if (strstr(msg, H5_V2_REFUSED_CALL) != msg)
		return;
	refusal->merchants = i < H5_LENGTH(hints) && hints[i].operator;
	refusal->not_open = i < H5_LENGTH(hints) && hints[i].not_open;
}

/* Sending the same parameters again is harmless: the number makes an order one
 * order, and to ask or to close twice is to do it once (docs/PROTOCOL.md 2.7).
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
	struct h5_err why;
	enum h5_code rc;

	for (;;) {
		rc = attempt(w, k, host, end - h5_clock_mono_ms(), &elsewhere,
		    a, f, refusal, &why);
		/* Once: a second failure elsewhere is a fault that repeating
		 * will not mend, and the buyer waits. */
		if (elsewhere && backup != NULL && backup[0] != '\0' &&
		    h5_clock_mono_ms() < end) {
			log_attempt(log, k, host, a, rc, refusal, &why);
			host = backup;
			backup = NULL;
			continue;
		}
		/* There must be time for one more attempt, or the pause is of
		 * no use. */
		if (rc != H5_OK || refusal->verdict != H5_WECHAT_AGAIN ||
		    again == AGAIN_MAX ||
		    h5_clock_mono_ms() + 2 * pause_ms >= end)
			break;
		log_attempt(log, k, host, a, rc, refusal, &why);
		/* Nothing of the old answer may stay beside the new one. */
		h5_fields_release(f);
		h5_clock_pause_ms(pause_ms);
		pause_ms *= 2;
		again++;
	}
	/* This is told apart for the buyer's sake: a page that says "try again"
	 * would be wrong here. */
	if (rc == H5_E_REMOTE)
		read_words(why.msg, refusal);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* --- what is logged --- */

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
	size_t i;

	if (rc == H5_OK) {
		/* Refusals have the level of what the operator should do about
		 * them. */
		level = h5_wechat_level(refusal->verdict);
		result = refused ? "FAIL" : "SUCCESS";
		note = refused ? refusal->note : NULL;
	} else {
		level = rc == H5_E_NET ? H5_LOG_WARN : H5_LOG_ERROR;
		result = h5_err_name(rc);
		i = hint_of(e->msg);
		if (i < H5_LENGTH(hints)) {
			level = hints[i].operator? H5_LOG_ALERT : level;
			note = hints[i].hint;
		}
		/* Of a prepay it names the product. */
		if (refusal->not_open && refusal->note != NULL)
			note = refusal->note;
		/* Above all others: no hint on the message can matter more. */
		if (a->distrusted) {
			level = H5_LOG_ALERT;
			note = "the certificate cannot be trusted: check "
			       "gateway.ca_file, gateway.url and any proxy in "
			       "between";
		}
	}
	/* A refund that is known from a notice alone may name any number. */
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
