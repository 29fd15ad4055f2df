/* APIv3's refusals: the table of codes, and what else tells the operator where
 * to look. */
#include "common/wechat/v3/error.h"

#include <stdio.h>
#include <string.h>

#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/json_read.h"

/* --- the table ------------------------------------------------------------ */

#define ON(what) (1U << (what))
#define ALL (~0U)
#define TRADE (ON(H5_V3_PREPAY) | ON(H5_V3_QUERY) | ON(H5_V3_CLOSE))

/* PROTOCOL-V3 6.2, with the older spellings; the first row that fits.  The
 * status is no part of it: the same code comes with several. */
static const struct {
	const char *code;
	unsigned on;
	enum h5_wechat_verdict verdict;
	const char *note;
} rows[] = {
    {"PARAM_ERROR", ALL, H5_WECHAT_MERCHANT,
	"err_code_des names the value: check it in the configuration; if it is "
	"right there, report a bug"},
    {"INVALID_REQUEST", ON(H5_V3_PREPAY), H5_WECHAT_TAKEN_PERHAPS,
	"against WeChat's rules, or this number was ordered with other "
	"parameters: a query tells"},
    {"INVALID_REQUEST", ON(H5_V3_CLOSE), H5_WECHAT_PAID,
	"it cannot be closed as it stands: a query tells why"},
    {"INVALID_REQUEST", ON(H5_V3_REFUND), H5_WECHAT_REFUSED,
	"against WeChat's rules: compare the order, its amount and its earlier "
	"refunds on the merchant platform; not repeated"},
    {"INVALID_REQUEST", ALL, H5_WECHAT_REFUSED, "err_code_des says why"},
    {"APPID_MCHID_NOT_MATCH", ALL, H5_WECHAT_MERCHANT,
	"bind merchant.appid to merchant.mch_id on the merchant platform"},
    {"APPID_NOT_EXIST", ALL, H5_WECHAT_MERCHANT, "check merchant.appid"},
    {"MCH_NOT_EXISTS", ALL, H5_WECHAT_MERCHANT,
	"check merchant.mch_id, and merchant.sub_mch_id of a service "
	"provider"},
    {"ORDER_CLOSED", ON(H5_V3_PREPAY), H5_WECHAT_CLOSED,
	"this number is closed"},
    {"ORDERCLOSED", ON(H5_V3_PREPAY), H5_WECHAT_CLOSED,
	"this number is closed"},
    {"ORDER_CLOSED", ON(H5_V3_CLOSE), H5_WECHAT_PAID,
	"it is said to be closed: a query tells"},
    {"ORDERCLOSED", ON(H5_V3_CLOSE), H5_WECHAT_PAID,
	"it is said to be closed: a query tells"},
    {"ORDER_PAID", TRADE, H5_WECHAT_PAID,
	"it is said to be paid: a query tells"},
    {"ORDERPAID", TRADE, H5_WECHAT_PAID,
	"it is said to be paid: a query tells"},
    {"SIGN_ERROR", ALL, H5_WECHAT_MERCHANT,
	"WeChat does not accept our signature, and carried nothing out: "
	"merchant.cert_file and merchant.key_file must be a pair, the one that "
	"WeChat has now for merchant.mch_id"},
    {"NO_AUTH", ON(H5_V3_BILL_FILE), H5_WECHAT_MERCHANT,
	"this bill is another merchant's"},
    {"NO_AUTH", ALL, H5_WECHAT_MERCHANT,
	"this product is not open for merchant.mch_id: pay.weixin.qq.com, "
	"product centre"},
    {"NOAUTH", ALL, H5_WECHAT_MERCHANT,
	"this product is not open for merchant.mch_id: pay.weixin.qq.com, "
	"product centre"},
    {"OUT_TRADE_NO_USED", ALL, H5_WECHAT_TAKEN,
	"this number was ordered with other parameters or for another "
	"product"},
    {"RULE_LIMIT", ALL, H5_WECHAT_REFUSED,
	"a business rule of WeChat's, such as risk control or the payment "
	"domain: err_code_des says which"},
    {"RULELIMIT", ALL, H5_WECHAT_REFUSED,
	"a business rule of WeChat's, such as risk control or the payment "
	"domain: err_code_des says which"},
    {"TRADE_ERROR", ON(H5_V3_CLOSE), H5_WECHAT_PAID,
	"it cannot be closed as it stands: a query tells why"},
    {"TRADE_ERROR", ALL, H5_WECHAT_REFUSED,
	"the trade failed for business reasons: err_code_des says which"},
    {"NOT_ENOUGH", ALL, H5_WECHAT_REFUSED,
	"the balance is too low: top it up on the merchant platform, then "
	"repeat with the same number"},
    {"NOTENOUGH", ALL, H5_WECHAT_REFUSED,
	"the balance is too low: top it up on the merchant platform, then "
	"repeat with the same number"},
    {"USER_ACCOUNT_ABNORMAL", ALL, H5_WECHAT_REFUSED,
	"the payer's account no longer exists: pay it back by other means"},
    {"REQUEST_BLOCKED", ALL, H5_WECHAT_MERCHANT,
	"WeChat's risk control stops this merchant: see its messages on "
	"pay.weixin.qq.com"},
    {"ORDER_NOT_EXIST", TRADE, H5_WECHAT_UNKNOWN_ORDER,
	"WeChat does not know this number under our mch_id"},
    {"ORDERNOTEXIST", TRADE, H5_WECHAT_UNKNOWN_ORDER,
	"WeChat does not know this number under our mch_id"},
    {"RESOURCE_NOT_EXISTS", ON(H5_V3_REFUND_QUERY), H5_WECHAT_NO_REFUND,
	"WeChat does not know this out_refund_no under our mch_id"},
    {"REFUNDNOTEXIST", ON(H5_V3_REFUND_QUERY), H5_WECHAT_NO_REFUND,
	"WeChat does not know this out_refund_no under our mch_id"},
    {"RESOURCE_NOT_EXISTS", ON(H5_V3_REFUND), H5_WECHAT_REFUSED,
	"WeChat does not know this order, or it was not paid"},
    {"RESOURCE_NOT_EXISTS", ON(H5_V3_CERTIFICATES), H5_WECHAT_MERCHANT,
	"this merchant has no platform certificate: set "
	"merchant.public_key_file and merchant.public_key_id (merchant "
	"platform, account centre, API security), and leave "
	"merchant.platform_certs out"},
    {"TRADE_OVERDUE", ALL, H5_WECHAT_REFUSED,
	"it was paid more than a year ago: pay it back by other means"},
    {"REFUND_FEE_MISMATCH", ALL, H5_WECHAT_REFUSED,
	"this out_refund_no was used before with a different amount"},
    {"OPENID_MISMATCH", ALL, H5_WECHAT_MERCHANT,
	"the openid is another appid's: check merchant.appid"},
    {"INVALID_TRANSACTIONID", ALL, H5_WECHAT_REFUSED,
	"there is no such transaction_id"},
    {"INVALID_REQ_TOO_MUCH", ALL, H5_WECHAT_NOT_YET,
	"one minute must pass between two refunds of an order"},
    {"NO_STATEMENT_EXIST", ALL, H5_WECHAT_REFUSED,
	"there was no trade on that day"},
    {"STATEMENT_CREATING", ALL, H5_WECHAT_REFUSED,
	"WeChat is still making that bill: try again after 10:00"},
    {"FREQUENCY_LIMITED", ALL, H5_WECHAT_AGAIN, "too many calls: slow down"},
    {"FREQUENCY_LIMIT_EXCEED", ALL, H5_WECHAT_AGAIN,
	"too many calls: slow down"},
    {"RATELIMIT_EXCEEDED", ALL, H5_WECHAT_AGAIN, "too many calls: slow down"},
    {"SYSTEM_ERROR", ALL, H5_WECHAT_AGAIN,
	"WeChat had a fault: the outcome is unknown"},
    {"SYSTEMERROR", ALL, H5_WECHAT_AGAIN,
	"WeChat had a fault: the outcome is unknown"},
    {"BANKERROR", ALL, H5_WECHAT_AGAIN,
	"the bank had a fault: the outcome is unknown"},
    {"BIZ_ERR_NEED_RETRY", ALL, H5_WECHAT_AGAIN,
	"repeat it with the same numbers"},
    {"SERVICE_UNAVAILABLE", ALL, H5_WECHAT_AGAIN,
	"WeChat is overloaded: the outcome is unknown"},
};

/* The number at the end of Request-ID (PROTOCOL-V3 6.4). */
static const struct {
	uint64_t inner;
	const char *note;
} inners[] = {
    {268512771, "WeChat does not know this number under our mch_id"},
    {268447840, "too many calls: slow down"},
    {268449538, "it is said to be paid: a query tells"},
    {268498689, "it is said to be paid: a query tells"},
    {268447843, "the order is another merchant number's"},
    {268447914, "the order's time is over, or it is closed"},
    {268448010, "WeChat restricts this account: see its messages on "
		"pay.weixin.qq.com"},
    {268449641, "it was paid in a way that only a reversal ends"},
    {268447845, "merchant.sub_mch_id is not the order's"},
    {268443699, "WeChat does not accept our signature: merchant.cert_file and "
		"merchant.key_file must be a pair, the one that WeChat has now "
		"for merchant.mch_id"},
    {268501013, "the openid is missing: check merchant.appid and "
		"merchant.app_secret"},
    {268443701, "merchant.sub_mch_id has no acceptance relation with "
		"merchant.mch_id"},
    {268443704, "merchant.sub_mch_id is wrong"},
    {268443705, "merchant.sub_mch_id is wrong"},
    {268498688, "this number was ordered before, with other parameters"},
    {268445527,
	"bind merchant.appid to merchant.mch_id on the merchant platform"},
    {268435461, "a parameter is not as WeChat wants it: report a bug"},
    {268435464, "a parameter is not as WeChat wants it: report a bug"},
    {268443715, "WeChat has stopped this merchant: see its messages on "
		"pay.weixin.qq.com"},
};

/* Words of a message, as bytes of UTF-8 (PROTOCOL-V3 6.3).  They add to the
 * note and decide nothing. */
#define CLOCK_WORD "timestamp"
static const char clock_note[] =
    "this machine's clock is more than five minutes off WeChat's: set it by "
    "NTP; the time zone does not matter";
static const struct {
	const char *bytes, *note;
} hints[] = {
    {CLOCK_WORD, clock_note},
    /* "the value has a wrong form" */
    {"\xe5\x80\xbc\xe6\xa0\xbc\xe5\xbc\x8f\xe9\x94\x99\xe8\xaf\xaf",
	"the header Authorization did not arrive as it was sent: look for a "
	"proxy between this machine and WeChat"},
    /* "kind of authentication" */
    {"\xe8\xae\xa4\xe8\xaf\x81\xe7\xb1\xbb\xe5\x9e\x8b",
	"the header Authorization did not arrive as it was sent: look for a "
	"proxy between this machine and WeChat"},
    /* "lacks Accept" */
    {"\xe7\xbc\xba\xe5\xb0\x91"
     "Accept",
	"the headers Accept and User-Agent did not arrive: look for a proxy "
	"between this machine and WeChat"},
    /* "certificate's serial number" */
    {"\xe8\xaf\x81\xe4\xb9\xa6\xe5\xba\x8f\xe5\x88\x97\xe5\x8f\xb7",
	"merchant.cert_file is not a certificate of merchant.mch_id: use "
	"apiclient_cert.pem and apiclient_key.pem of the same download"},
    /* "certificate is expired" */
    {"\xe8\xaf\x81\xe4\xb9\xa6\xe5\xb7\xb2\xe8\xbf\x87\xe6\x9c\x9f",
	"the merchant's certificate is expired: renew merchant.cert_file and "
	"merchant.key_file together"},
    /* "was voided" */
    {"\xe5\xb7\xb2\xe4\xbd\x9c\xe5\xba\x9f",
	"the merchant's certificate was revoked: renew merchant.cert_file and "
	"merchant.key_file together"},
    /* "has changed its certificate" */
    {"\xe5\xb7\xb2\xe6\x9b\xb4\xe6\x8d\xa2\xe8\xaf\x81\xe4\xb9\xa6",
	"the merchant has a newer certificate: put it into merchant.cert_file "
	"and its key into merchant.key_file"},
    /* "has not set its APIv3 key" */
    {"\xe6\x9c\xaa\xe8\xae\xbe\xe7\xbd\xae"
     "APIv3",
	"no APIv3 key is set at WeChat: merchant platform, account centre, API "
	"security; put the same into merchant.apiv3_key"},
    /* "never applied for a certificate" */
    {"\xe6\x9c\xaa\xe7\x94\xb3\xe8\xaf\xb7\xe8\xbf\x87\xe8\xaf\x81\xe4\xb9\xa6",
	"merchant.mch_id has no API certificate: merchant platform, account "
	"centre, API security"},
};

/* --- what an answer says -------------------------------------------------- */

/* Copies what fits, cut at a character. */
static void
copy_cut(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	n = n < size ? n : h5_text_cut(from, n, size - 1);
	memcpy(to, from, n);
	to[n] = '\0';
}

/* A code is one word of capitals; anything else is no code of WeChat's. */
static bool
is_code(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && s[n] == '\0';
}

/* PARAM_ERROR says in its detail which value it is about. */
static void
read_detail(const struct h5_json_value *body, struct h5_wechat_refusal *refusal)
{
	const char *field = h5_json_string_of(body, "detail.field");
	size_t n = strlen(refusal->err_code_des);
	char more[64];

	if (field == NULL || n + 4 >= sizeof refusal->err_code_des)
		return;
	copy_cut(more, sizeof more, field);
	(void)snprintf(refusal->err_code_des + n,
	    sizeof refusal->err_code_des - n, "%s(%s)", n > 0 ? " " : "", more);
}

static const char *
inner_note(const char *request_id)
{
	const char *last = strrchr(request_id, '-');
	uint64_t inner;
	size_t i;

	if (last == NULL ||
	    h5_text_u64(last + 1, 0, UINT32_MAX, &inner, NULL) != H5_OK)
		return NULL;
	for (i = 0; i < H5_LENGTH(inners); i++)
		if (inners[i].inner == inner)
			return inners[i].note;
	return NULL;
}

static const char *
message_note(const char *message)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(hints); i++)
		if (strstr(message, hints[i].bytes) != NULL)
			return hints[i].note;
	return NULL;
}

/* Codes that stand for many things: the inner code says which. */
static bool
says_little(const struct h5_wechat_refusal *refusal)
{
	static const char *const codes[] = {"INVALID_REQUEST", "NO_AUTH",
	    "NOAUTH", "RULE_LIMIT", "RULELIMIT", "TRADE_ERROR"};
	size_t i;

	for (i = 0; i < H5_LENGTH(codes); i++)
		if (strcmp(codes[i], refusal->err_code) == 0)
			return true;
	return refusal->note == NULL;
}

/* --- the verdict ---------------------------------------------------------- */

static void
judge_code(enum h5_v3_what what, struct h5_wechat_refusal *refusal)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(rows); i++)
		if ((rows[i].on & ON(what)) != 0 &&
		    strcmp(rows[i].code, refusal->err_code) == 0) {
			refusal->verdict = rows[i].verdict;
			refusal->note = rows[i].note;
			return;
		}
}

/* An answer without a code is some server's in between, or says that the path
 * is none. */
static void
judge_status(long status, struct h5_wechat_refusal *refusal)
{
	if (refusal->err_code[0] == '\0') {
		(void)snprintf(refusal->err_code, sizeof refusal->err_code,
		    "HTTP_%ld", status);
		if (status == 404 || status == 405)
			refusal->note = "WeChat has no such call: check "
					"gateway.url, or report a bug";
	}
	/* Taken and not done, too often, or a fault on the other side: whether
	 * it was carried out nobody knows, whatever the code. */
	if (status != 202 && status != 429 && status < 500)
		return;
	refusal->verdict = H5_WECHAT_AGAIN;
	if (refusal->note == NULL)
		refusal->note = status == 429 ? "too many calls: slow down"
				: status == 202
				    ? "taken by WeChat and not done yet"
				    : "WeChat had a fault: the outcome is "
				      "unknown";
}

void
h5_v3_refused(enum h5_v3_what what, long status, const char *body, size_t n,
    const char *request_id, struct h5_wechat_refusal *refusal)
{
	struct h5_json_value *v = NULL;
	const char *code, *message, *more = NULL;

	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	if (h5_json_read(body, n, &v, NULL) == H5_OK) {
		code = h5_json_string_of(v, "code");
		message = h5_json_string_of(v, "message");
		if (code != NULL && is_code(code))
			copy_cut(
			    refusal->err_code, sizeof refusal->err_code, code);
		if (message != NULL)
			copy_cut(refusal->err_code_des,
			    sizeof refusal->err_code_des, message);
		read_detail(v, refusal);
	}
	h5_json_free(v);
	judge_code(what, refusal);
	judge_status(status, refusal);
	if (status == 401 || strcmp(refusal->err_code, "INVALID_REQUEST") == 0)
		more = message_note(refusal->err_code_des);
	if (more == NULL && says_little(refusal))
		more = inner_note(request_id);
	if (more != NULL)
		refusal->note = more;
	/* The code alone says so; an inner one may know better. */
	refusal->not_open = what == H5_V3_PREPAY && more == NULL &&
			    (strcmp(refusal->err_code, "NO_AUTH") == 0 ||
				strcmp(refusal->err_code, "NOAUTH") == 0);
}

bool
h5_v3_clock_refused(const struct h5_wechat_refusal *refusal)
{
	return refusal->note == clock_note;
}
