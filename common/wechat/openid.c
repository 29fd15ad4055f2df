/* Who a buyer inside WeChat is: the exchange of a code for an openid
 * (PROTOCOL-V3 17.3).  It is the same for every API of WeChat Pay, for another
 * host than theirs answers, and nobody signs the answer: TLS alone vouches. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/escape.h"
#include "common/system/crypto.h"
#include "common/wechat/api.h"

#define PATH "/sns/oauth2/access_token"
#define URL_MAX 8192
#define TIMEOUT_MS 8000 /* within ten seconds the buyer has another way */

/* The errors that are told; all others may pass by themselves. */
static const struct {
	int errcode;
	enum h5_wechat_who who;
	const char *note;
} errors[] = {
    {40029, H5_WECHAT_WHO_STALE, NULL},
    {40163, H5_WECHAT_WHO_STALE, NULL},
    {41008, H5_WECHAT_WHO_STALE, NULL},
    {42003, H5_WECHAT_WHO_STALE, NULL},
    {40013, H5_WECHAT_WHO_MERCHANT,
	"WeChat does not know this appid: check merchant.appid, of a "
	"sub-merchant merchant.sub_appid"},
    {40125, H5_WECHAT_WHO_MERCHANT,
	"WeChat rejects the AppSecret: check merchant.app_secret_file against "
	"mp.weixin.qq.com"},
    {41002, H5_WECHAT_WHO_MERCHANT,
	"check merchant.appid, of a sub-merchant merchant.sub_appid"},
    {41004, H5_WECHAT_WHO_MERCHANT, "check merchant.app_secret_file"},
    {40164, H5_WECHAT_WHO_MERCHANT,
	"this server's address is not on the account's IP list at "
	"mp.weixin.qq.com"},
};

/* The address holds the AppSecret and the code, so it is wiped and never
 * logged. */
static enum h5_code
ask(struct h5_wechat *w, const char *code, int timeout_ms,
    struct h5_https_answer *a, struct h5_err *e)
{
	struct h5_https_request q = {
	    .method = H5_HTTPS_GET, .timeout_ms = timeout_ms};
	struct h5_buf url, secret;
	enum h5_code rc;

	h5_buf_init(&url, URL_MAX);
	h5_buf_init(&secret, H5_CRYPTO_KEY);
	/* All at once, so that growing leaves no copy of the secret behind. */
	(void)h5_buf_room(&secret, secret.max);
	(void)h5_buf_room(&url, url.max);
	h5_crypto_key_put(w->c->merchant.app_secret, &secret);
	h5_buf_puts(&url, w->c->gateway.sns_url);
	h5_buf_puts(&url, PATH "?appid=");
	h5_escape_url(&url, h5_config_payer_appid(w->c));
	h5_buf_puts(&url, "&secret=");
	h5_escape_url(&url, secret.data);
	h5_buf_puts(&url, "&code=");
	h5_escape_url(&url, code);
	h5_buf_puts(&url, "&grant_type=authorization_code");
	rc = h5_buf_finish(&secret, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&url, e);
	q.url = url.data;
	if (rc == H5_OK)
		rc = h5_https_call(w->https, &q, &w->answer, a, e);
	if (rc == H5_OK && a->status != 200)
		rc = h5_err_set(e, H5_E_REMOTE, "HTTP status %ld", a->status);
	h5_buf_wipe(&secret);
	h5_buf_wipe(&url);
	return rc;
}

/* An openid as JSAPI takes it: visible, and nothing that a page or a log could
 * trip over. */
static bool
is_openid(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < H5_WECHAT_OPENID &&
	       strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "abcdefghijklmnopqrstuvwxyz_-") == n;
}

/* True also for "1": some numbers have been seen as texts. */
static bool
is_one(const json_t *v)
{
	const char *s = json_string_value(v);

	return json_is_true(v) || json_integer_value(v) == 1 ||
	       (s != NULL && strcmp(s, "1") == 0);
}

static json_t *
read_json(const struct h5_buf *answer)
{
	return json_loadb(answer->data != NULL ? answer->data : "", answer->len,
	    JSON_REJECT_DUPLICATES, NULL);
}

static void
say_refusal(long long errcode, const json_t *text, struct h5_err *words)
{
	const char *s = json_string_value(text);

	(void)h5_err_set(words, H5_E_REMOTE, "%lld %s", errcode,
	    s != NULL ? s : "without words");
}

static enum h5_code
refused(const json_t *code, const json_t *text, enum h5_wechat_who *who,
    const char **note, struct h5_err *why)
{
	long long n = json_integer_value(code);
	size_t i;

	*who = H5_WECHAT_WHO_LATER;
	for (i = 0; i < H5_LENGTH(errors); i++)
		if (errors[i].errcode == n) {
			*who = errors[i].who;
			*note = errors[i].note;
		}
	say_refusal(n, text, why);
	return H5_OK;
}

/* The members that we need; all others are WeChat's. */
static enum h5_code
read_answer(const struct h5_buf *answer, char openid[H5_WECHAT_OPENID],
    enum h5_wechat_who *who, const char **note, struct h5_err *why)
{
	json_t *root = read_json(answer);
	const json_t *code = json_object_get(root, "errcode");
	const char *id = json_string_value(json_object_get(root, "openid"));
	enum h5_code rc = H5_OK;

	if (root == NULL)
		rc = h5_err_set(why, H5_E_REMOTE, "not JSON");
	else if (code != NULL && json_integer_value(code) != 0)
		rc = refused(
		    code, json_object_get(root, "errmsg"), who, note, why);
	else if (is_one(json_object_get(root, "is_snapshotuser")))
		*who = H5_WECHAT_WHO_VIRTUAL;
	else if (id == NULL || !is_openid(id))
		rc = h5_err_set(why, H5_E_REMOTE, "no valid openid");
	else
		memcpy(openid, id, strlen(id) + 1);
	json_decref(root);
	return rc;
}

static void
report(const struct h5_log *log, const char *order, enum h5_code rc,
    enum h5_wechat_who who, const struct h5_https_answer *a, const char *note,
    int64_t began_ms, const struct h5_err *why)
{
	static const char *const words[] = {
	    [H5_WECHAT_WHO] = "SUCCESS",
	    [H5_WECHAT_WHO_STALE] = "stale",
	    [H5_WECHAT_WHO_VIRTUAL] = "virtual",
	    [H5_WECHAT_WHO_MERCHANT] = "refused",
	    [H5_WECHAT_WHO_LATER] = "later",
	};
	enum h5_log_level level = H5_LOG_INFO;

	if (rc != H5_OK)
		level = rc == H5_E_NET ? H5_LOG_WARN : H5_LOG_ERROR;
	else if (who == H5_WECHAT_WHO_LATER)
		level = H5_LOG_WARN;
	if (a->distrusted || (rc == H5_OK && who == H5_WECHAT_WHO_MERCHANT))
		level = H5_LOG_ALERT;
	if (a->distrusted)
		note = "the certificate cannot be trusted: check "
		       "gateway.ca_file and gateway.sns_url";
	h5_log_event(log, level, "wechat-call", "api", "access_token", "order",
	    order, "result", rc == H5_OK ? words[who] : h5_err_name(rc), "why",
	    why->msg[0] != '\0' ? why->msg : NULL, "note", note, "ms",
	    H5_LOG_NUM(h5_clock_mono_ms() - began_ms), NULL);
}

enum h5_code
h5_wechat_openid(struct h5_wechat *w, const struct h5_log *log,
    const char *order, const char *code, char openid[H5_WECHAT_OPENID],
    enum h5_wechat_who *who, struct h5_err *e)
{
	struct h5_https_answer a = {0};
	int64_t began_ms = h5_clock_mono_ms();
	struct h5_err why = {H5_OK, 0, ""};
	const char *note = NULL;
	enum h5_code rc;

	*who = H5_WECHAT_WHO;
	openid[0] = '\0';
	/* Once: the code is spent even if its answer is lost. */
	rc = ask(w, code, TIMEOUT_MS, &a, &why);
	if (rc == H5_OK)
		rc = read_answer(&w->answer, openid, who, &note, &why);
	report(log, order, rc, *who, &a, note, began_ms, &why);
	h5_buf_clear(&w->answer);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_wechat_try_secret(struct h5_wechat *w, int timeout_ms, long long *errcode,
    struct h5_err *words, struct h5_err *e)
{
	struct h5_https_answer a = {0};
	json_t *root = NULL;
	char made_up[33];
	enum h5_code rc;

	*errcode = 0;
	rc = h5_crypto_nonce(made_up, e);
	if (rc == H5_OK)
		rc = ask(w, made_up, timeout_ms, &a, e);
	if (rc == H5_OK) {
		root = read_json(&w->answer);
		if (!json_is_object(root))
			rc = h5_err_set(e, H5_E_REMOTE, "not JSON");
		*errcode = json_integer_value(json_object_get(root, "errcode"));
		say_refusal(*errcode, json_object_get(root, "errmsg"), words);
	}
	json_decref(root);
	h5_buf_clear(&w->answer);
	return rc;
}
