/* The doctor: WeChat - is it reached, what time is it there, does it know
 * our ids and our key? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/doctor/words.h"
#include "common/system/https.h"
#include "common/wechat/wechat.h"

#define ANSWER_MAX 65536
#define SKEW_WARN_S 60
#define SKEW_FAIL_S 300

/* --- reaching it --- */

static void
clock_against(struct h5_doctor *d, const char *date, int64_t now)
{
	int64_t there, skew;

	if (h5_clock_from_http(date, &there, NULL) != H5_OK) {
		h5_doctor_say(d, H5_DOCTOR_WARN, "clock", "clock-untold", NULL);
		return;
	}
	skew = now - there;
	h5_doctor_say(d,
	    llabs(skew) > SKEW_FAIL_S	? H5_DOCTOR_FAIL
	    : llabs(skew) > SKEW_WARN_S ? H5_DOCTOR_WARN
					: H5_DOCTOR_PASS,
	    "clock", llabs(skew) > SKEW_WARN_S ? "clock-off" : "clock-good",
	    "s", H5_LOG_NUM(llabs(skew)), "way",
	    skew < 0 ? "behind" : "ahead of", NULL);
}

static const char *
unreached(const struct h5_https_answer *a, const struct h5_err *e)
{
	if (e->code == H5_E_CONFIG)
		return "host-no-ca";
	return a->distrusted ? "host-distrusted" : "host-unreached";
}

/* Tries one host.  What it answers to GET does not matter, only that it
 * answers. */
static bool
host(struct h5_doctor *d, struct h5_https *h, const char *check,
    const char *url, bool needed)
{
	struct h5_https_answer a;
	struct h5_buf body;
	struct h5_err e;
	int64_t began = h5_clock_mono_ms();
	struct h5_https_request q = {.url = url,
	    .timeout_ms = h5_doctor_left(d, d->c->gateway.timeout_ms)};
	enum h5_code rc;

	if (q.timeout_ms == 0) {
		h5_doctor_say(d, H5_DOCTOR_WARN, check, "no-time", NULL);
		return false;
	}
	h5_buf_init(&body, ANSWER_MAX);
	rc = h5_https_call(h, &q, &body, &a, &e);
	/* A page that is too long is an answer as well. */
	if (rc != H5_OK && rc != H5_E_REMOTE)
		h5_doctor_say(d, needed ? H5_DOCTOR_FAIL : H5_DOCTOR_WARN,
		    check, unreached(&a, &e), "url", url, "why", e.msg, NULL);
	else if (d->c->gateway.loopback)
		h5_doctor_say(d, H5_DOCTOR_WARN, check, "host-stand-in", "url",
		    url, NULL);
	else
		h5_doctor_say(d, H5_DOCTOR_PASS, check, "host-good", "url", url,
		    "ms", H5_LOG_NUM(h5_clock_mono_ms() - began), NULL);
	if (needed && (rc == H5_OK || rc == H5_E_REMOTE))
		clock_against(d, a.date, h5_clock_now());
	h5_buf_release(&body);
	return rc == H5_OK || rc == H5_E_REMOTE;
}

/* --- ids and key --- */

/* What an answer that is not believed, or refuses, most likely means.  bytes:
 * WeChat's words (UTF-8), its err_code, or ours. */
static const struct {
	const char *bytes, *what;
} mixups[] = {
    /* "signature", as in "signature wrong" */
    {"\xe7\xad\xbe\xe5\x90\x8d", "ids-key"},
    {"SIGNERROR", "ids-key"},
    /* "relation of acceptance": of a provider to his sub-merchant */
    {"\xe5\x8f\x97\xe7\x90\x86\xe5\x85\xb3\xe7\xb3\xbb", "ids-sub"},
    {"answer: not our sub", "ids-answer-other"},
    {"sub_appid", "ids-sub-appid"},
    {"sub_mch_id", "ids-sub"},
    {"APPID_MCHID_NOT_MATCH", "ids-unbound"},
    {"not our appid", "ids-unbound"},
    {"APPID_NOT_EXIST", "ids-no-appid"},
    {"MCHID", "ids-no-mch"},
    {"mch_id", "ids-mch"},
    {"appid", "ids-appid"},
    {"answer: wrong sign", "ids-answer-key"},
    {"answer: sign", "ids-answer-type"},
    {"not our", "ids-answer-other"},
    {"NOAUTH", "ids-not-opened"},
    {"HTTP status 3", "ids-redirected"},
};

static const char *
or_none(const char *s)
{
	return s != NULL ? s : "";
}

/* otherwise: what they mean where none of these is in them. */
static void
ids_wrong(struct h5_doctor *d, const char *words, const char *otherwise)
{
	const char *what = otherwise;
	char products[H5_ORDER_PRODUCTS];
	size_t i;

	h5_order_products(d->c->merchant.products, products);
	for (i = H5_LENGTH(mixups); i-- > 0;)
		if (strstr(words, mixups[i].bytes) != NULL)
			what = mixups[i].what;
	h5_doctor_say(d, H5_DOCTOR_FAIL, "ids-and-key", what, "mch_id",
	    d->c->merchant.mch_id, "appid", d->c->merchant.appid, "sub_mch_id",
	    or_none(d->c->merchant.sub_mch_id), "sub_appid",
	    or_none(d->c->merchant.sub_appid), "products", products, "words",
	    words, NULL);
}

static void
ids_judge(struct h5_doctor *d, enum h5_code rc,
    const struct h5_wechat_refusal *refusal, const struct h5_err *e)
{
	char words[H5_ERR_MSG];

	if (rc == H5_E_NET || rc == H5_E_BUSY) {
		h5_doctor_say(d, H5_DOCTOR_FAIL, "ids-and-key", "ids-unproved",
		    "why", e->msg, NULL);
	} else if (rc != H5_OK) {
		ids_wrong(d, e->msg, "ids-answer-odd");
	} else if (refusal->verdict == H5_WECHAT_UNKNOWN_ORDER) {
		h5_doctor_say(d, H5_DOCTOR_PASS, "ids-and-key",
		    d->c->merchant.sub_mch_id != NULL ? "ids-good-sub"
						      : "ids-good",
		    "appid", d->c->merchant.appid, "mch_id",
		    d->c->merchant.mch_id, "sub_mch_id",
		    or_none(d->c->merchant.sub_mch_id), NULL);
	} else if (refusal->verdict == H5_WECHAT_AGAIN) {
		h5_doctor_say(d, H5_DOCTOR_WARN, "ids-and-key", "ids-busy",
		    "code", refusal->err_code, NULL);
	} else {
		(void)snprintf(words, sizeof words, "%s %s", refusal->err_code,
		    refusal->err_code_des);
		ids_wrong(d, words, "ids-other");
	}
}

/* Nobody ordered this number.  A signed ORDERNOTEXIST proves the ids and the
 * key in both directions, and changes nothing. */
static void
ids_and_key(struct h5_doctor *d)
{
	struct h5_log quiet;
	struct h5_wechat_refusal refusal;
	struct h5_wechat *wx = NULL;
	struct h5_wechat_trade t;
	struct h5_attempt a = {0};
	char nonce[33];
	struct h5_err e;
	enum h5_code rc;

	/* The finding says it; the log need not say it as well. */
	h5_log_init(&quiet, "doctor", "/dev/null");
	h5_wechat_trade_init(&t);
	memset(&refusal, 0, sizeof refusal);
	rc = h5_crypto_nonce(nonce, &e);
	(void)snprintf(
	    a.out_trade_no, sizeof a.out_trade_no, "doctor-%.16s", nonce);
	if (rc == H5_OK)
		rc = h5_wechat_new(d->c, &wx, &e);
	if (rc == H5_OK)
		rc = h5_wechat_query(wx, &quiet, &a, &t, &refusal, &e);
	ids_judge(d, rc, &refusal, &e);
	h5_wechat_trade_release(&t);
	h5_wechat_free(wx);
}

/* --- the AppSecret --- */

/* Answers to a code that nobody got.  Only the first proves the secret. */
static const struct {
	long long errcode;
	enum h5_doctor_result result;
	const char *what;
} exchanges[] = {
    {40029, H5_DOCTOR_PASS, "secret-good"},
    {40125, H5_DOCTOR_FAIL, "secret-wrong"},
    {41004, H5_DOCTOR_FAIL, "secret-wrong"},
    {40013, H5_DOCTOR_FAIL, "secret-appid"},
    {41002, H5_DOCTOR_FAIL, "secret-appid"},
    {40164, H5_DOCTOR_FAIL, "secret-ip"},
};

static void
secret_judge(struct h5_doctor *d, long long errcode, const char *words)
{
	enum h5_doctor_result result = H5_DOCTOR_WARN;
	const char *what = "secret-odd";
	size_t i;

	for (i = 0; i < H5_LENGTH(exchanges); i++)
		if (exchanges[i].errcode == errcode) {
			result = exchanges[i].result;
			what = exchanges[i].what;
		}
	h5_doctor_say(d, result, "app-secret", what, "appid",
	    h5_config_payer_appid(d->c), "words", words, NULL);
}

/* An exchange needs no order, and a code that nobody got is refused only after
 * appid and secret were found good. */
static void
app_secret(struct h5_doctor *d)
{
	int timeout_ms = h5_doctor_left(d, d->c->gateway.timeout_ms);
	struct h5_wechat *wx = NULL;
	long long errcode = 0;
	struct h5_err words, e;
	enum h5_code rc;

	if (timeout_ms == 0) {
		h5_doctor_say(d, H5_DOCTOR_WARN, "app-secret", "no-time", NULL);
		return;
	}
	rc = h5_wechat_new(d->c, &wx, &e);
	if (rc == H5_OK)
		rc = h5_wechat_try_secret(wx, timeout_ms, &errcode, &words, &e);
	if (rc == H5_OK)
		secret_judge(d, errcode, words.msg);
	else
		h5_doctor_say(d, H5_DOCTOR_FAIL, "app-secret",
		    rc == H5_E_REMOTE ? "secret-foreign" : "secret-unproved",
		    "url", d->c->gateway.sns_url, "why", e.msg, NULL);
	h5_wechat_free(wx);
}

void
h5_doctor_wechat(struct h5_doctor *d)
{
	const struct h5_config *c = d->c;
	struct h5_https_options o = {.ca_file = c->gateway.ca_file,
	    .connect_timeout_ms = c->gateway.connect_timeout_ms,
	    .timeout_ms = c->gateway.timeout_ms};
	struct h5_https *h = NULL;
	bool reached;
	struct h5_err e;

	if (h5_https_new(&o, &h, &e) != H5_OK) {
		h5_doctor_say(
		    d, H5_DOCTOR_FAIL, "gateway", "no-ca", "why", e.msg, NULL);
		return;
	}
	reached = host(d, h, "gateway", c->gateway.url, true);
	if (c->gateway.backup_url != NULL && c->gateway.backup_url[0] != '\0')
		reached = host(d, h, "backup", c->gateway.backup_url, false) ||
			  reached;
	h5_https_free(h);
	if (!reached)
		h5_doctor_say(
		    d, H5_DOCTOR_FAIL, "ids-and-key", "ids-unreached", NULL);
	else if (c->merchant.api_key != NULL)
		ids_and_key(d);
	if (reached)
		h5_doctor_api(d);
	/* Another host of WeChat's. */
	if ((c->merchant.products & 1U << H5_PRODUCT_JSAPI) != 0)
		app_secret(d);
}
