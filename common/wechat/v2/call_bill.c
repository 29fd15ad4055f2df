/* The bill of a day over APIv2: a conversation of its own kind, whose answer is
 * a large file without a signature. */
#include "common/wechat/v2/call.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fields.h"
#include "common/base/length.h"
#include "common/system/https.h"
#include "common/wechat/bill_unpack.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

#define URL_MAX 2048
#define PATIENCE 20 /* a bill takes longer than an order's few bytes */
#define TRIES 3
#define PAUSE_MS 250 /* before the second; doubles */

/* --- asking --------------------------------------------------------------- */

static enum h5_code
fill(const struct h5_config *c, int64_t day, const char *type,
    struct h5_fields *f, struct h5_err *e)
{
	char nonce[33], sign[H5_SIGN_HEX], wire[H5_CLOCK_WIRE];
	const struct {
		const char *name, *value;
	} params[] = {
	    {"appid", c->merchant.appid},
	    {"mch_id", c->merchant.mch_id},
	    {"nonce_str", nonce},
	    {"sign_type", h5_order_sign_word(c->merchant.sign_type)},
	    {"bill_date", wire},
	    {"bill_type", type},
	    {"tar_type", "GZIP"},
	};
	/* Not h5_v2_begin: this call has a host list and a time of its own. */
	enum h5_code rc = h5_crypto_nonce(nonce, e);
	size_t i;

	h5_clock_wire(day, wire);
	/* bill_date is a day, and the wire's time begins with it. */
	wire[8] = '\0'; /* yyyyMMdd */
	for (i = 0; rc == H5_OK && i < H5_LENGTH(params); i++)
		rc = h5_fields_add(f, params[i].name, params[i].value, e);
	/* Without it a provider gets the bill of all his sub-merchants. */
	if (rc == H5_OK && c->merchant.sub_mch_id != NULL)
		rc = h5_fields_add(f, "sub_mch_id", c->merchant.sub_mch_id, e);
	if (rc == H5_OK)
		rc = h5_sign_fields(
		    c->merchant.api_key, c->merchant.sign_type, f, sign, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "sign", sign, e);
	return rc;
}

static enum h5_code
post(struct h5_https *h, const char *host, const struct h5_buf *request,
    int timeout_ms, struct h5_buf *raw, struct h5_err *e)
{
	static const char *const headers[] = {"Content-Type: " H5_WECHAT_TYPE};
	struct h5_https_request q = {.method = H5_HTTPS_POST,
	    .headers = headers,
	    .n_headers = H5_LENGTH(headers),
	    .body = request->data,
	    .body_len = request->len,
	    .timeout_ms = timeout_ms};
	struct h5_https_answer a;
	struct h5_buf url;
	enum h5_code rc;

	h5_buf_init(&url, URL_MAX);
	h5_buf_puts(&url, host);
	h5_buf_puts(&url, "/pay/downloadbill");
	rc = h5_buf_finish(&url, e);
	q.url = url.data;
	if (rc == H5_OK)
		rc = h5_https_call(h, &q, raw, &a, e);
	/* Whatever else came with another status, it is not a bill. */
	if (rc == H5_OK && a.status != 200)
		rc = h5_err_set(
		    e, H5_E_NET, "HTTP status %ld from %s", a.status, host);
	h5_buf_release(&url);
	return rc;
}

/* --- what came ------------------------------------------------------------ */

/* error_code and return_msg, as they pair up in docs/PROTOCOL.md 8.  The code
 * alone does not tell: 20002 is "no trade" and "not yet". */
static const struct {
	const char *code, *msg; /* NULL: any */
	enum h5_code means;
	const char *words;
} errors[] = {
    {NULL, "No Bill Exist", H5_E_NOTFOUND, "there was no trade on that day"},
    {NULL, "Bill Creating", H5_E_BUSY,
	"WeChat is still making that bill: try again after 10:00"},
    {NULL, "invalid bill_date", H5_E_INPUT,
	"WeChat has no bill for that day: it keeps three months, and makes a "
	"day's bill on the next day from 09:00"},
    {NULL, "sign error", H5_E_CONFIG,
	"WeChat rejects our signature: check merchant.api_key"},
    {NULL, "invalid appid", H5_E_CONFIG, "check merchant.appid"},
    {"20007", NULL, H5_E_CONFIG,
	"downloading bills is switched off for this merchant: switch it on in "
	"the merchant platform"},
    {"20003", NULL, H5_E_BUSY,
	"WeChat reports an internal error: try again later"},
    {"20100", NULL, H5_E_BUSY,
	"WeChat reports an internal error: try again later"},
    {"100", NULL, H5_E_BUSY,
	"WeChat reports an internal error: try again later"},
    {NULL, "CompressGZip Error", H5_E_BUSY,
	"WeChat could not compress the bill: try again later"},
    {NULL, "UnCompressGZip Error", H5_E_BUSY,
	"WeChat could not decompress the bill: try again later"},
    {NULL, "SYSTEMERROR", H5_E_BUSY,
	"WeChat reports an internal error: try again later"},
    {NULL, "system error", H5_E_BUSY,
	"WeChat reports an internal error: try again later"},
};

/* An error is not signed, so it is never more than a reason to stop. */
static enum h5_code
read_error(const struct h5_buf *text, struct h5_err *e)
{
	const char *code, *msg;
	struct h5_fields f;
	enum h5_code rc;
	size_t i;

	rc = h5_xml_read(text->data, text->len, "xml", &f, e);
	/* XML that cannot be read is a broken answer, and not our input. */
	if (rc != H5_OK)
		return rc == H5_E_INPUT ? h5_err_as(e, H5_E_REMOTE) : rc;
	code = h5_fields_get(&f, "error_code");
	msg = h5_fields_get(&f, "return_msg");
	/* It is compared below; a missing text and an empty one are the
	 * same. */
	if (msg == NULL)
		msg = "";
	rc = h5_err_set(e, H5_E_REMOTE, "WeChat refuses the bill: %s %s",
	    code == NULL ? "" : code, msg);
	/* The first row that fits decides.  A text without a code comes first,
	 * since codes mean several things. */
	for (i = 0; i < H5_LENGTH(errors); i++) {
		if ((errors[i].code != NULL &&
			(code == NULL || strcmp(code, errors[i].code) != 0)) ||
		    (errors[i].msg != NULL && strcmp(msg, errors[i].msg) != 0))
			continue;
		rc = h5_err_set(e, errors[i].means, "%s (%s %s)",
		    errors[i].words, code == NULL ? "-" : code, msg);
		break;
	}
	h5_fields_release(&f);
	return rc;
}

static enum h5_code
unpack(const struct h5_buf *raw, struct h5_buf *text, struct h5_err *e)
{
	enum h5_code rc = h5_wechat_unpack_bill(raw, text, e);

	/* A bill begins with a heading, an error with its tag. */
	if (rc == H5_OK && text->data[0] == '<')
		return read_error(text, e);
	return rc;
}

/* May another attempt do better?  Also after an answer that was cut short. */
static bool
again(enum h5_code rc)
{
	return rc == H5_E_NET || rc == H5_E_REMOTE || rc == H5_E_BUSY;
}

static enum h5_code
converse(struct h5_https *h, const struct h5_config *c,
    const struct h5_log *log, const struct h5_buf *request, struct h5_buf *raw,
    struct h5_buf *text, struct h5_err *e)
{
	int timeout_ms = c->gateway.timeout_ms * PATIENCE;
	bool has_backup =
	    c->gateway.backup_url != NULL && c->gateway.backup_url[0] != '\0';
	const char *host = c->gateway.url;
	int pause_ms = PAUSE_MS;
	enum h5_code rc = H5_E_BUG;
	struct h5_err why;
	unsigned i;

	for (i = 0; i < TRIES; i++) {
		if (i > 0) {
			h5_log_event(log, H5_LOG_WARN, "wechat-try-again",
			    "api", "downloadbill", "host", host, "why", why.msg,
			    NULL);
			h5_clock_pause_ms(pause_ms);
			pause_ms *= 2;
		}
		rc = post(h, host, request, timeout_ms, raw, &why);
		/* The two hosts take turns, each try at the other one. */
		if (rc == H5_E_NET && has_backup)
			host = host == c->gateway.url ? c->gateway.backup_url
						      : c->gateway.url;
		if (rc == H5_OK)
			rc = unpack(raw, text, &why);
		/* A bill in the making takes minutes. */
		if (!again(rc) || strstr(why.msg, "Bill Creating") != NULL)
			break;
	}
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v2_downloadbill(const struct h5_config *c, const struct h5_log *log,
    int64_t day, const char *type, struct h5_buf *raw, struct h5_buf *text,
    struct h5_err *e)
{
	struct h5_https_options o = {.ca_file = c->gateway.ca_file,
	    .connect_timeout_ms = c->gateway.connect_timeout_ms,
	    .timeout_ms = c->gateway.timeout_ms * PATIENCE};
	int64_t began_ms = h5_clock_mono_ms();
	struct h5_https *h = NULL;
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_fields f;
	struct h5_buf request;
	char date[H5_CLOCK_DAY];
	enum h5_code rc;

	/* Both are cleared first, since the caller may hold the bill of another
	 * day in them. */
	h5_buf_clear(raw);
	h5_buf_clear(text);
	h5_buf_init(&request, H5_XML_MAX);
	h5_fields_init(&f, 16, 4096);
	h5_clock_day(day, date);
	rc = fill(c, day, type, &f, &why);
	if (rc == H5_OK)
		rc = h5_xml_write(&f, &request, &why);
	if (rc == H5_OK)
		rc = h5_https_new(&o, &h, &why);
	if (rc == H5_OK)
		rc = converse(h, c, log, &request, raw, text, &why);
	rc = h5_wechat_end_bill(&(struct h5_wechat_bill_end){log,
				    "downloadbill", date, type, began_ms},
	    rc, &why, raw, text, e);
	h5_https_free(h);
	h5_fields_release(&f);
	h5_buf_release(&request);
	return rc;
}
