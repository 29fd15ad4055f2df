/* The doctor: APIv3 - WeChat's echo proves what it is set up with, and the road
 * back to notify; or what is missing to move to it. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/log.h"
#include "common/doctor/echo.h"
#include "common/doctor/words.h"
#include "common/wechat/wechat.h"

#define NOTICE_MS 8000 /* a first notice comes within seconds */
#define LOOK_MS 100

/* --- what it needs -------------------------------------------------------- */

static bool
add_missing(struct h5_buf *out, bool missing, const char *keys)
{
	if (missing)
		h5_buf_printf(out, "%s%s", out->len > 0 ? ", " : "", keys);
	return missing;
}

/* Appends the keys that APIv3 needs and that are not set.  false: all are. */
static bool
missing(const struct h5_config *c, struct h5_buf *out)
{
	bool some = add_missing(out, c->merchant.key_file == NULL,
	    "merchant.cert_file, merchant.key_file");

	some = add_missing(out, c->merchant.apiv3_key == NULL,
		   "merchant.apiv3_key_file") ||
	       some;
	return add_missing(out,
		   c->merchant.public_key_file == NULL &&
		       c->merchant.platform_certs == NULL,
		   "merchant.public_key_file, merchant.public_key_id") ||
	       some;
}

/* --- the answer ----------------------------------------------------------- */

/* What a refusal most likely means.  bytes: its code, or words of its message
 * (UTF-8); the first row that fits. */
static const struct {
	const char *bytes, *what;
} causes[] = {
    {"timestamp", "echo-clock"},
    /* "certificate's serial number", "never applied for a certificate" */
    {"\xe8\xaf\x81\xe4\xb9\xa6\xe5\xba\x8f\xe5\x88\x97\xe5\x8f\xb7",
	"echo-serial"},
    {"\xe6\x9c\xaa\xe7\x94\xb3\xe8\xaf\xb7\xe8\xbf\x87\xe8\xaf\x81\xe4\xb9\xa6",
	"echo-serial"},
    /* "is expired", "was voided", "was changed" */
    {"\xe5\xb7\xb2\xe8\xbf\x87\xe6\x9c\x9f", "echo-ended"},
    {"\xe5\xb7\xb2\xe4\xbd\x9c\xe5\xba\x9f", "echo-ended"},
    {"\xe5\xb7\xb2\xe6\x9b\xb4\xe6\x8d\xa2", "echo-ended"},
    /* "has not set" */
    {"\xe6\x9c\xaa\xe8\xae\xbe\xe7\xbd\xae", "echo-no-key"},
    {"SIGN_ERROR", "echo-sign"},
    {"MCH_NOT_EXISTS", "ids-no-mch"},
    {"RESOURCE_NOT_EXISTS", "echo-no-certificate"},
};

static void
refused(struct h5_doctor *d, const struct h5_wechat_refusal *refusal)
{
	char words[H5_ERR_MSG];
	const char *what = "ids-other";
	size_t i;

	(void)snprintf(words, sizeof words, "%s %s", refusal->err_code,
	    refusal->err_code_des);
	for (i = H5_LENGTH(causes); i-- > 0;)
		if (strstr(words, causes[i].bytes) != NULL)
			what = causes[i].what;
	h5_doctor_say(d, H5_DOCTOR_FAIL, "api-v3", what, "mch_id",
	    d->c->merchant.mch_id, "appid", d->c->merchant.appid, "words",
	    words, NULL);
}

/* false: nothing was proved. */
static bool
judge(struct h5_doctor *d, enum h5_code rc,
    const struct h5_wechat_refusal *refusal, const struct h5_err *e)
{
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS) {
		h5_doctor_say(d, H5_DOCTOR_PASS, "api-v3", "echo-good",
		    "mch_id", d->c->merchant.mch_id, NULL);
		return true;
	}
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_AGAIN)
		h5_doctor_say(d, H5_DOCTOR_WARN, "api-v3", "ids-busy", "code",
		    refusal->err_code, NULL);
	else if (rc == H5_OK)
		refused(d, refusal);
	else
		h5_doctor_say(d, H5_DOCTOR_FAIL, "api-v3",
		    rc == H5_E_REMOTE	? "echo-odd"
		    : rc == H5_E_CONFIG ? "echo-config"
					: "ids-unproved",
		    "why", e->msg, NULL);
	return false;
}

/* --- and the notice ------------------------------------------------------- */

static void
wait_for_notice(struct h5_doctor *d, const char *message)
{
	int64_t until = h5_clock_mono_ms() + h5_doctor_left(d, NOTICE_MS);
	bool came;

	while (
	    !(came = h5_echo_came(d->c, message)) && h5_clock_mono_ms() < until)
		h5_clock_pause_ms(LOOK_MS);
	if (came)
		h5_doctor_say(
		    d, H5_DOCTOR_PASS, "echo-notice", "echo-notice-good", NULL);
	else
		h5_doctor_say(d,
		    d->c->merchant.api == H5_API_V3 ? H5_DOCTOR_FAIL
						    : H5_DOCTOR_WARN,
		    "echo-notice", "echo-notice-none", NULL);
}

static void
echo(struct h5_doctor *d)
{
	struct h5_wechat_refusal refusal;
	struct h5_wechat *wx = NULL;
	struct h5_log quiet;
	char message[33];
	bool notice, good;
	struct h5_err e;
	enum h5_code rc;

	memset(&refusal, 0, sizeof refusal);
	h5_log_init(&quiet, "doctor", "/dev/null");
	rc = h5_crypto_nonce(message, &e);
	/* Before the first order there is no place to write it down. */
	notice = rc == H5_OK && h5_echo_ask(d->c, message, NULL) == H5_OK;
	if (rc == H5_OK)
		rc = h5_wechat_new(d->c, &wx, &e);
	if (rc == H5_OK)
		rc = h5_wechat_echo(wx, &quiet, message, notice, &refusal, &e);
	good = judge(d, rc, &refusal, &e);
	h5_wechat_free(wx);
	if (good && notice)
		wait_for_notice(d, message);
	else if (good)
		h5_doctor_say(d, H5_DOCTOR_WARN, "echo-notice",
		    "echo-notice-untried", NULL);
}

void
h5_doctor_api(struct h5_doctor *d)
{
	const struct h5_config *c = d->c;
	struct h5_buf keys;

	h5_buf_init(&keys, 1024);
	if (missing(c, &keys))
		h5_doctor_say(d, H5_DOCTOR_PASS, "api-v3", "v3-missing", "keys",
		    keys.data, NULL);
	else
		echo(d);
	if (keys.len == 0 && c->merchant.api == H5_API_V2)
		h5_doctor_say(d, H5_DOCTOR_PASS, "api-v3", "v3-ready", NULL);
	h5_buf_release(&keys);
}
