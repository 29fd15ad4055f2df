/* h5pay doctor: WeChat - is it reached, what time is it there, does it know
 * our ids and our key? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/doctor.h"
#include "common/clock.h"
#include "common/https.h"
#include "common/text.h"
#include "common/wxpay.h"

#define ANSWER_MAX 65536
#define SKEW_WARN_S 60
#define SKEW_FAIL_S 300

/* --- reaching it --- */

static void
clock_against(struct doctor *d, const char *date, int64_t now)
{
	int64_t there, skew;
	const char *remedy =
	    "set this machine's clock (timedatectl set-ntp true, or ask the "
	    "host): time_expire is counted from it";

	if (h5_clock_from_http(date, &there, NULL) != H5_OK) {
		doctor_say(d, DOCTOR_WARN, "clock",
		    "compare date -u with a clock you trust",
		    "WeChat's answer tells no time");
		return;
	}
	skew = now - there;
	doctor_say(d,
	    llabs(skew) > SKEW_FAIL_S	? DOCTOR_FAIL
	    : llabs(skew) > SKEW_WARN_S ? DOCTOR_WARN
					: DOCTOR_PASS,
	    "clock", llabs(skew) > SKEW_WARN_S ? remedy : NULL,
	    "%lld s %s WeChat's", llabs(skew),
	    skew < 0 ? "behind" : "ahead of");
}

static const char *
why_unreached(const struct h5_https_answer *a, const struct h5_err *e)
{
	if (e->code == H5_E_CONFIG)
		return "apt install ca-certificates, or set gateway.ca_file";
	if (a->distrusted)
		return "check the clock, gateway.ca_file (leave it out for the "
		       "system's), and who stands in between";
	return "let this machine reach it: DNS, firewall (tcp 443 outgoing), "
	       "gateway.url";
}

/* One host.  What it answers to GET does not matter; that it answers does. */
static bool
host(struct doctor *d, struct h5_https *h, const char *check, const char *url,
    bool needed)
{
	struct h5_https_answer a;
	struct h5_buf body;
	struct h5_err e;
	int64_t began = h5_clock_mono_ms();
	enum h5_code rc;

	h5_buf_init(&body, ANSWER_MAX);
	rc =
	    h5_https_get(h, url, d->c->gateway.timeout_ms, NULL, &body, &a, &e);
	/* A long page is an answer, too. */
	if (rc != H5_OK && rc != H5_E_REMOTE)
		doctor_say(d, needed ? DOCTOR_FAIL : DOCTOR_WARN, check,
		    why_unreached(&a, &e), "%s is not reached: %s", url, e.msg);
	else if (d->c->gateway.loopback)
		doctor_say(d, DOCTOR_WARN, check,
		    "for real payments leave gateway.url out",
		    "%s is a stand-in on this machine", url);
	else
		doctor_say(d, DOCTOR_PASS, check, NULL,
		    "%s reached, certificate good, %lld ms", url,
		    (long long)(h5_clock_mono_ms() - began));
	if (needed && (rc == H5_OK || rc == H5_E_REMOTE))
		clock_against(d, a.date, h5_clock_now());
	h5_buf_release(&body);
	return rc == H5_OK || rc == H5_E_REMOTE;
}

/* --- ids and key --- */

#define BIND                                                                   \
	"bind them on the merchant platform, product centre, AppID accounts; " \
	"or one of the two is another account's"

/* What an answer that is not believed, or refuses, most likely means.  bytes:
 * WeChat's words (UTF-8), its err_code, or ours. */
static const struct {
	const char *bytes;
	const char *cause, *remedy;
} mixups[] = {
    /* "signature", as in "signature wrong" */
    {"\xe7\xad\xbe\xe5\x90\x8d", "api_key is not the APIv2 key of this mch_id",
	"copy the APIv2 key (not the APIv3 key, not the certificate's), or set "
	"it anew under API security; is mch_id of the same account?"},
    {"SIGNERROR", "api_key is not the APIv2 key of this mch_id",
	"copy the APIv2 key (not the APIv3 key), or set it anew under API "
	"security; is mch_id of the same account?"},
    {"APPID_MCHID_NOT_MATCH", "appid is not bound to mch_id", BIND},
    {"not our appid", "appid is not bound to mch_id", BIND},
    {"APPID_NOT_EXIST", "there is no such appid",
	"copy it from the official account's or app's page: wx and 16 "
	"characters"},
    {"MCHID", "there is no such merchant number",
	"copy mch_id from the merchant platform, account settings; a service "
	"provider's number or a sub-merchant's does not work here"},
    {"mch_id", "mch_id is malformed or unknown",
	"copy it from the merchant platform, account settings: 10 digits; not "
	"the appid"},
    {"appid", "appid is malformed or unknown",
	"copy it from the official account's or app's page: wx and 16 "
	"characters; not the mch_id"},
    {"answer: wrong sign", "the answer is signed with another key",
	"check gateway.url and who stands in between; then merchant.api_key"},
    {"answer: sign", "the answer is signed in another way",
	"check merchant.sign_type: HMAC-SHA256 or MD5"},
    {"not our", "the answer is for another merchant",
	"check gateway.url and who stands in between"},
    {"NOAUTH", "the product is not opened for this mch_id",
	"open H5 payment: merchant platform, product centre"},
    {"HTTP status 3", "something in between redirects",
	"check gateway.url: a host without a path"},
};

static void
ids_wrong(struct doctor *d, const char *words)
{
	size_t i;

	for (i = 0; i < sizeof mixups / sizeof mixups[0]; i++)
		if (strstr(words, mixups[i].bytes) != NULL) {
			doctor_say(d, DOCTOR_FAIL, "ids-and-key",
			    mixups[i].remedy, "%s (mch_id %s, appid %s): %s",
			    mixups[i].cause, d->c->merchant.mch_id,
			    d->c->merchant.appid, words);
			return;
		}
	doctor_say(d, DOCTOR_FAIL, "ids-and-key",
	    "h5pay explain with these words; else try again later", "%s",
	    words);
}

static void
ids_judge(struct doctor *d, enum h5_code rc,
    const struct h5_wx_refusal *refusal, const struct h5_err *e)
{
	char words[H5_ERR_MSG];

	if (rc == H5_E_NET || rc == H5_E_BUSY) {
		doctor_say(d, DOCTOR_FAIL, "ids-and-key",
		    "mend what keeps WeChat away, then run doctor again",
		    "not proved: %s", e->msg);
	} else if (rc != H5_OK) {
		ids_wrong(d, e->msg);
	} else if (refusal->verdict == H5_WX_UNKNOWN_ORDER) {
		doctor_say(d, DOCTOR_PASS, "ids-and-key", NULL,
		    "WeChat knows appid %s and mch_id %s, and our signature",
		    d->c->merchant.appid, d->c->merchant.mch_id);
	} else if (refusal->verdict == H5_WX_AGAIN) {
		doctor_say(d, DOCTOR_WARN, "ids-and-key",
		    "run doctor again in a minute", "WeChat is busy: %s",
		    refusal->err_code);
	} else {
		(void)snprintf(words, sizeof words, "%s %s", refusal->err_code,
		    refusal->err_code_des);
		ids_wrong(d, words);
	}
}

/* Nobody ordered this number: ORDERNOTEXIST, signed, proves the ids and both
 * directions of the key, and changes nothing. */
static void
ids_and_key(struct doctor *d)
{
	struct h5_log quiet;
	struct h5_wx_refusal refusal;
	struct h5_wxpay *wx = NULL;
	struct h5_wx_trade t;
	char number[H5_OUT_TRADE_NO_MAX + 1], nonce[33];
	struct h5_err e;
	enum h5_code rc;

	/* What is found is said here, not in the log as well. */
	h5_log_init(&quiet, "h5pay", "/dev/null");
	h5_wx_trade_init(&t);
	memset(&refusal, 0, sizeof refusal);
	rc = h5_sign_nonce(nonce, &e);
	(void)snprintf(number, sizeof number, "doctor-%.16s", nonce);
	if (rc == H5_OK)
		rc = h5_wxpay_new(d->c, &wx, &e);
	if (rc == H5_OK)
		rc = h5_wxpay_orderquery(wx, &quiet, number, &t, &refusal, &e);
	ids_judge(d, rc, &refusal, &e);
	h5_wx_trade_release(&t);
	h5_wxpay_free(wx);
}

void
doctor_wechat(struct doctor *d)
{
	const struct h5_config *c = d->c;
	struct h5_https_options o = {.ca_file = c->gateway.ca_file,
	    .connect_timeout_ms = c->gateway.connect_timeout_ms,
	    .timeout_ms = c->gateway.timeout_ms};
	struct h5_https *h = NULL;
	bool reached;
	struct h5_err e;

	if (h5_https_new(&o, &h, &e) != H5_OK) {
		doctor_say(d, DOCTOR_FAIL, "gateway",
		    "apt install ca-certificates, or correct gateway.ca_file",
		    "%s", e.msg);
		return;
	}
	reached = host(d, h, "gateway", c->gateway.url, true);
	if (c->gateway.backup_url != NULL && c->gateway.backup_url[0] != '\0')
		reached = host(d, h, "backup", c->gateway.backup_url, false) ||
			  reached;
	h5_https_free(h);
	if (reached)
		ids_and_key(d);
	else
		doctor_say(d, DOCTOR_FAIL, "ids-and-key",
		    "mend what keeps WeChat away, then run doctor again",
		    "not proved: WeChat is not reached");
}
