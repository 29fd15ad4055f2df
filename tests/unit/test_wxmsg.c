/* Answers and notices: what is believed, and what is not. */
#include "tests/unit/help.h"
#include "tests/fields_set.h"

#include "common/system/crypto.h"
#include "common/wechat/v2/message.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

#define KEY "192006250b4c09247ec02edce69f6a2d"
#define REAL "tests/fixtures/v2-real/"
#define REFUND "tests/fixtures/v2-refund-notify/"

#define HEAD "return_code=SUCCESS|appid=wx2421b1c4370ec43b|mch_id=10000100|"
#define OK_ANSWER HEAD "result_code=SUCCESS|nonce_str=8dZJdXOW9V8Wffqj"
#define FAIL_ANSWER HEAD "result_code=FAIL|nonce_str=8dZJdXOW9V8Wffqj|"
#define NOTICE                                                                 \
	HEAD "result_code=SUCCESS|nonce_str=5d2b6c2a8db53831f7eda20af46e531c|" \
	     "out_trade_no=order-1|transaction_id="                            \
	     "4200000522202004140990926670|"                                   \
	     "total_fee=12800|fee_type=CNY|time_end=20261123164012|"           \
	     "trade_type=MWEB|bank_type=CFT|openid="                           \
	     "oUpF8uMEb4qRXf22hE3X68TekukE"

/* --- making messages --- */

static int
set_up(void **state)
{
	struct h5_config *c = calloc(1, sizeof *c);
	struct h5_err e;

	assert_non_null(c);
	c->merchant.appid = strdup("wx2421b1c4370ec43b");
	c->merchant.mch_id = strdup("10000100");
	c->merchant.sign_type = H5_SIGN_HMAC_SHA256;
	assert_int_equal(
	    h5_crypto_key_new(KEY, strlen(KEY), &c->merchant.api_key, &e),
	    H5_OK);
	*state = c;
	return 0;
}

static int
tear_down(void **state)
{
	struct h5_config *c = *state;

	free(c->merchant.appid);
	free(c->merchant.mch_id);
	free(c->merchant.sub_mch_id);
	free(c->merchant.sub_appid);
	h5_crypto_key_free(c->merchant.api_key);
	free(c);
	return 0;
}

/* "name=value|name=value" as fields. */
static void
read_pairs(const char *pairs, struct h5_fields *f)
{
	const char *equal;
	struct h5_err e;
	size_t n;

	h5_fields_init(f, H5_XML_ELEMENTS, H5_XML_MAX);
	for (; *pairs != '\0'; pairs += n + (pairs[n] == '|')) {
		n = strcspn(pairs, "|");
		equal = memchr(pairs, '=', n);
		assert_non_null(equal);
		assert_int_equal(
		    h5_fields_addn(f, pairs, (size_t)(equal - pairs), equal + 1,
			n - (size_t)(equal + 1 - pairs), &e),
		    H5_OK);
	}
}

static void
seal(struct h5_fields *f, const char *key, enum h5_sign_type type)
{
	struct h5_crypto_key *k;
	char hex[H5_SIGN_HEX];
	struct h5_err e;

	assert_int_equal(h5_crypto_key_new(key, strlen(key), &k, &e), H5_OK);
	assert_int_equal(h5_sign_fields(k, type, f, hex, &e), H5_OK);
	assert_int_equal(fields_set(f, "sign", hex, &e), H5_OK);
	h5_crypto_key_free(k);
}

/* A sealed message as XML; free() it. */
static char *
message(const char *pairs, const char *key, enum h5_sign_type type)
{
	struct h5_fields f;
	struct h5_buf xml;
	struct h5_err e;
	char *text;

	read_pairs(pairs, &f);
	seal(&f, key, type);
	h5_buf_init(&xml, H5_XML_MAX);
	assert_int_equal(h5_xml_write(&f, &xml, &e), H5_OK);
	h5_fields_release(&f);
	text = h5_buf_take(&xml);
	assert_non_null(text);
	return text;
}

static char *
good(const char *pairs)
{
	return message(pairs, KEY, H5_SIGN_HMAC_SHA256);
}

/* Replaces from by to once, in place; both have one length. */
static void
tamper(char *xml, const char *from, const char *to)
{
	char *at = strstr(xml, from);

	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
}

static enum h5_code
answer(const struct h5_config *c, const char *xml,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	struct h5_fields f;
	enum h5_code rc;

	e->msg[0] = '\0';
	rc = h5_v2_read_answer(
	    c, c->merchant.sign_type, xml, strlen(xml), &f, refusal, e);
	if (rc != H5_OK)
		assert_int_equal(f.n, 0);
	h5_fields_release(&f);
	return rc;
}

static enum h5_code
notice(const struct h5_config *c, const char *xml, struct h5_wechat_trade *t,
    struct h5_err *e)
{
	enum h5_wechat_kind kind;
	struct h5_fields refund;
	enum h5_code rc;

	e->msg[0] = '\0';
	rc = h5_v2_read_notice(c, xml, strlen(xml), &kind, t, &refund, e);
	h5_fields_release(&refund);
	if (rc == H5_OK)
		assert_int_equal(kind, H5_WECHAT_PAYMENT);
	else
		assert_false(t->paid);
	return rc;
}

static enum h5_code
notice_only(const struct h5_config *c, const char *xml, struct h5_err *e)
{
	struct h5_wechat_trade t;
	enum h5_code rc = notice(c, xml, &t, e);

	h5_wechat_trade_release(&t);
	return rc;
}

/* --- verdicts --- */

static void
test_wxmsg__every_err_code_has_its_verdict(void **state)
{
	static const struct {
		const char *code, *des;
		enum h5_wechat_verdict verdict;
	} rows[] = {
	    {"ORDERPAID", "", H5_WECHAT_PAID},
	    {"ORDERCLOSED", "", H5_WECHAT_CLOSED},
	    {"OUT_TRADE_NO_USED", "", H5_WECHAT_TAKEN},
	    {"INVALID_REQUEST", "201 商户订单号重复", H5_WECHAT_TAKEN},
	    {"INVALID_REQUEST", "201", H5_WECHAT_TAKEN},
	    {"INVALID_REQUEST", "201:repeated", H5_WECHAT_TAKEN},
	    {"INVALID_REQUEST", "商户订单号重复", H5_WECHAT_TAKEN},
	    {"INVALID_REQUEST", "2010 other", H5_WECHAT_REFUSED},
	    {"INVALID_REQUEST", "参数格式校验错误", H5_WECHAT_REFUSED},
	    {"INVALID_REQUEST", "", H5_WECHAT_REFUSED},
	    {"ORDERNOTEXIST", "", H5_WECHAT_UNKNOWN_ORDER},
	    {"SYSTEMERROR", "", H5_WECHAT_AGAIN},
	    {"FREQUENCY_LIMITED", "", H5_WECHAT_AGAIN},
	    {"FREQUENCE_LIMITED", "", H5_WECHAT_AGAIN},
	    {"BIZERR_NEED_RETRY", "", H5_WECHAT_AGAIN},
	    {"TRADE_STATE_ERROR", "", H5_WECHAT_NOT_YET},
	    {"NOAUTH", "", H5_WECHAT_MERCHANT},
	    {"APPID_NOT_EXIST", "", H5_WECHAT_MERCHANT},
	    {"MCHID_NOT_EXIST", "", H5_WECHAT_MERCHANT},
	    {"APPID_MCHID_NOT_MATCH", "", H5_WECHAT_MERCHANT},
	    {"SIGNERROR", "", H5_WECHAT_MERCHANT},
	    {"NOTENOUGH", "", H5_WECHAT_REFUSED},
	    {"LACK_PARAMS", "", H5_WECHAT_REFUSED},
	    {"PARAM_ERROR", "", H5_WECHAT_REFUSED},
	    {"XML_FORMAT_ERROR", "", H5_WECHAT_REFUSED},
	    {"REQUIRE_POST_METHOD", "", H5_WECHAT_REFUSED},
	    {"POST_DATA_EMPTY", "", H5_WECHAT_REFUSED},
	    {"NOT_UTF8", "", H5_WECHAT_REFUSED},
	    {"INVALID_TRANSACTIONID", "", H5_WECHAT_REFUSED},
	    {"ACCOUNTERROR", "", H5_WECHAT_REFUSED},
	    {"BANKERROR", "", H5_WECHAT_REFUSED},
	    {"TRADE_ERROR", "", H5_WECHAT_REFUSED},
	    {"RULELIMIT", "", H5_WECHAT_REFUSED},
	    {"orderpaid", "", H5_WECHAT_REFUSED},
	    {"SOMETHING_NEW", "201 商户订单号重复", H5_WECHAT_REFUSED},
	};
	struct h5_wechat_refusal refusal;
	char pairs[512], *xml;
	struct h5_err e;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(pairs, sizeof pairs,
		    FAIL_ANSWER "err_code=%s|err_code_des=%s", rows[i].code,
		    rows[i].des);
		xml = good(pairs);
		ROW(rows[i].code, answer(*state, xml, &refusal, &e) == H5_OK);
		ROW(rows[i].des, refusal.verdict == rows[i].verdict);
		ROW(rows[i].code, strcmp(refusal.err_code, rows[i].code) == 0);
		ROW(rows[i].code,
		    strcmp(refusal.err_code_des, rows[i].des) == 0);
		free(xml);
	}
}

/* The refusal that an answer with this err_code is. */
static struct h5_wechat_refusal
refusal_of(const struct h5_config *c, const char *code)
{
	struct h5_wechat_refusal refusal;
	char pairs[256], *xml;
	struct h5_err e;

	(void)snprintf(pairs, sizeof pairs, FAIL_ANSWER "err_code=%s", code);
	xml = good(pairs);
	assert_int_equal(answer(c, xml, &refusal, &e), H5_OK);
	free(xml);
	return refusal;
}

static void
test_wxmsg__merchant_faults_say_what_to_fix(void **state)
{
	static const char *const codes[] = {"NOAUTH", "APPID_NOT_EXIST",
	    "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH", "SIGNERROR"};
	size_t i;

	for (i = 0; i < COUNT(codes); i++)
		ROW(codes[i], refusal_of(*state, codes[i]).note != NULL);
	assert_null(refusal_of(*state, "SOMETHING_NEW").note);
	assert_null(refusal_of(*state, "").note);
}

static void
test_wxmsg__refusals_of_refunds(void **state)
{
	static const struct {
		const char *code;
		enum h5_wechat_verdict verdict;
	} rows[] = {
	    {"SYSTEMERROR", H5_WECHAT_AGAIN},
	    {"BIZERR_NEED_RETRY", H5_WECHAT_AGAIN},
	    {"FREQUENCY_LIMITED", H5_WECHAT_AGAIN},
	    {"TRADE_OVERDUE", H5_WECHAT_REFUSED},
	    {"ERROR", H5_WECHAT_REFUSED},
	    {"USER_ACCOUNT_ABNORMAL", H5_WECHAT_REFUSED},
	    {"INVALID_REQ_TOO_MUCH", H5_WECHAT_NOT_YET},
	    {"NOTENOUGH", H5_WECHAT_REFUSED},
	    {"INVALID_TRANSACTIONID", H5_WECHAT_REFUSED},
	    {"PARAM_ERROR", H5_WECHAT_REFUSED},
	    {"APPID_NOT_EXIST", H5_WECHAT_MERCHANT},
	    {"MCHID_NOT_EXIST", H5_WECHAT_MERCHANT},
	    {"ORDERNOTEXIST", H5_WECHAT_UNKNOWN_ORDER},
	    {"REFUNDNOTEXIST", H5_WECHAT_NO_REFUND},
	    {"REFUND_FEE_MISMATCH", H5_WECHAT_REFUSED},
	    {"SIGNERROR", H5_WECHAT_MERCHANT},
	};
	struct h5_wechat_refusal refusal;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		refusal = refusal_of(*state, rows[i].code);
		ROW(rows[i].code, refusal.verdict == rows[i].verdict);
		ROW(rows[i].code, refusal.note != NULL);
	}
}

static void
test_wxmsg__long_words_of_a_refusal_are_cut_at_a_character(void **state)
{
	struct h5_wechat_refusal refusal;
	char pairs[1024] = FAIL_ANSWER "err_code=";
	size_t i, n = strlen(pairs);
	struct h5_err e;
	char *xml;

	memset(pairs + n, 'A', 60);
	n += 60;
	n += (size_t)snprintf(pairs + n, sizeof pairs - n, "|err_code_des=");
	for (i = 0; i < 60; i++)
		n += (size_t)snprintf(pairs + n, sizeof pairs - n, "付");
	xml = good(pairs);
	assert_int_equal(answer(*state, xml, &refusal, &e), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_REFUSED);
	assert_int_equal(strlen(refusal.err_code), 32);
	assert_int_equal(strlen(refusal.err_code_des), 129);
	free(xml);
}

/* --- answers --- */

static void
test_wxmsg__a_good_answer_is_believed(void **state)
{
	struct h5_config *c = *state;
	struct h5_wechat_refusal refusal;
	struct h5_fields f;
	struct h5_err e;
	char *xml;

	xml = good(OK_ANSWER "|prepay_id=wx14105706563206ab24a00689936c800000"
			     "|mweb_url=https://wx.tenpay.com/a?b=1&c=2"
			     "|device_info=|something_new=1");
	assert_int_equal(h5_v2_read_answer(c, H5_SIGN_HMAC_SHA256, xml,
			     strlen(xml), &f, &refusal, &e),
	    H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	assert_string_equal(refusal.err_code, "");
	assert_true(
	    h5_fields_is(&f, "mweb_url", "https://wx.tenpay.com/a?b=1&c=2"));
	assert_true(h5_fields_is(&f, "something_new", "1"));
	h5_fields_release(&f);
	free(xml);
	c->merchant.sign_type = H5_SIGN_MD5;
	xml = message(OK_ANSWER, KEY, H5_SIGN_MD5);
	assert_int_equal(answer(c, xml, &refusal, &e), H5_OK);
	free(xml);
}

/* A signed refusal may come before the ids were looked at; a success not. */
static void
test_wxmsg__ids_must_be_ours(void **state)
{
	static const struct {
		const char *pairs;
		enum h5_code rc;
	} rows[] = {
	    {"return_code=SUCCESS|result_code=FAIL|err_code=NOAUTH", H5_OK},
	    {"return_code=SUCCESS|result_code=FAIL|err_code=NOAUTH|"
	     "mch_id=10000101",
		H5_E_REMOTE},
	    {"return_code=SUCCESS|result_code=SUCCESS", H5_E_REMOTE},
	    {"return_code=SUCCESS|result_code=SUCCESS|mch_id=10000100",
		H5_E_REMOTE},
	    {"return_code=SUCCESS|result_code=SUCCESS|mch_id=10000100|appid=",
		H5_E_REMOTE},
	    {"return_code=SUCCESS|result_code=SUCCESS|mch_id=10000101|"
	     "appid=wx2421b1c4370ec43b",
		H5_E_REMOTE},
	    {"return_code=SUCCESS|result_code=SUCCESS|mch_id=10000100|"
	     "appid=wx2421b1c4370ec43c",
		H5_E_REMOTE},
	    {OK_ANSWER, H5_OK},
	};
	struct h5_wechat_refusal refusal;
	struct h5_err e;
	size_t i;
	char *xml;

	for (i = 0; i < COUNT(rows); i++) {
		xml = good(rows[i].pairs);
		ROW(rows[i].pairs,
		    answer(*state, xml, &refusal, &e) == rows[i].rc);
		free(xml);
	}
}

/* A provider's key signs for all his sub-merchants, so it is the element that
 * tells whose money a message is about. */
static void
test_wxmsg__a_message_is_of_our_sub_merchant(void **state)
{
	static const struct {
		const char *ours, *appid; /* NULL: not configured */
		const char *more; /* to the message */
		bool believed;
	} rows[] = {
	    {"1900000110", NULL, "|sub_mch_id=1900000110", true},
	    {"1900000110", NULL, "|sub_mch_id=1900000111", false},
	    {"1900000110", NULL, "|sub_mch_id=19000001100", false},
	    {"1900000110", NULL, "|sub_mch_id=10000100", false},
	    {"1900000110", NULL, "|sub_mch_id=", false},
	    {"1900000110", NULL, "", false},
	    {"1900000110", NULL, "|sub_mchid=1900000110", false},
	    /* Named where it was sent, or not at all. */
	    {"1900000110", "wx1234567890abcdef",
		"|sub_mch_id=1900000110|sub_appid=wx1234567890abcdef", true},
	    {"1900000110", "wx1234567890abcdef",
		"|sub_mch_id=1900000110|sub_appid=", true},
	    {"1900000110", "wx1234567890abcdef", "|sub_mch_id=1900000110",
		true},
	    {"1900000110", "wx1234567890abcdef",
		"|sub_mch_id=1900000110|sub_appid=wx1234567890abcdee", false},
	    {"1900000110", "wx1234567890abcdef",
		"|sub_appid=wx1234567890abcdef", false},
	    {"1900000110", NULL,
		"|sub_mch_id=1900000110|sub_appid=wx1234567890abcdef", true},
	    /* An ordinary merchant has no sub-merchant. */
	    {NULL, NULL, "", true},
	    {NULL, NULL, "|sub_mch_id=", true},
	    {NULL, NULL, "|sub_mch_id=1900000110", false},
	    {NULL, NULL, "|sub_mch_id=10000100", false},
	};
	struct h5_config *c = *state;
	struct h5_wechat_refusal refusal;
	char text[2048];
	struct h5_err e;
	size_t i;
	char *xml;

	for (i = 0; i < COUNT(rows); i++) {
		free(c->merchant.sub_mch_id);
		free(c->merchant.sub_appid);
		c->merchant.sub_mch_id =
		    rows[i].ours != NULL ? strdup(rows[i].ours) : NULL;
		c->merchant.sub_appid =
		    rows[i].appid != NULL ? strdup(rows[i].appid) : NULL;
		(void)snprintf(
		    text, sizeof text, "%s%s", OK_ANSWER, rows[i].more);
		xml = good(text);
		ROW(rows[i].more, answer(c, xml, &refusal, &e) ==
				      (rows[i].believed ? H5_OK : H5_E_REMOTE));
		free(xml);
		(void)snprintf(text, sizeof text, "%s%s", NOTICE, rows[i].more);
		xml = good(text);
		ROW(rows[i].more, notice_only(c, xml, &e) ==
				      (rows[i].believed ? H5_OK : H5_E_AUTH));
		free(xml);
	}
	/* A refusal may come before it was looked at, but not about another's.
	 */
	free(c->merchant.sub_mch_id);
	c->merchant.sub_mch_id = strdup("1900000110");
	xml = good("return_code=SUCCESS|result_code=FAIL|err_code=NOAUTH");
	assert_int_equal(answer(c, xml, &refusal, &e), H5_OK);
	free(xml);
	xml = good("return_code=SUCCESS|result_code=FAIL|err_code=NOAUTH|"
		   "sub_mch_id=1900000111");
	assert_int_equal(answer(c, xml, &refusal, &e), H5_E_REMOTE);
	free(xml);
}

static void
test_wxmsg__an_unsigned_refusal_is_words_only(void **state)
{
	struct h5_wechat_refusal refusal;
	struct h5_err e;

	assert_int_equal(
	    answer(*state,
		"<xml><return_code><![CDATA[FAIL]]></return_code>\n"
		"<return_msg><![CDATA[签名错误]]></return_msg>\n</xml>",
		&refusal, &e),
	    H5_E_REMOTE);
	assert_int_not_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	assert_non_null(strstr(e.msg, "签名错误"));
	assert_int_equal(
	    answer(*state, "<xml><return_code>FAIL</return_code></xml>",
		&refusal, &e),
	    H5_E_REMOTE);
	assert_non_null(strstr(e.msg, "no reason"));
	/* Not even with a verdict inside. */
	assert_int_equal(answer(*state,
			     "<xml><return_code>FAIL</return_code>"
			     "<result_code>FAIL</result_code>"
			     "<err_code>ORDERCLOSED</err_code></xml>",
			     &refusal, &e),
	    H5_E_REMOTE);
	assert_int_equal(refusal.verdict, H5_WECHAT_REFUSED);
}

/* Every way to forge a message; none passes as an answer or as a notice. */
static void
test_wxmsg__forged_messages_are_not_believed(void **state)
{
	struct forged {
		const char *name;
		char *xml;
	} rows[11];
	struct h5_wechat_refusal refusal;
	size_t i, n = 0;
	struct h5_err e;
	char *sign;

	rows[n++] = (struct forged){
	    "another key", message(NOTICE, "x" KEY, H5_SIGN_HMAC_SHA256)};
	rows[n++] = (struct forged){"MD5, but says HMAC",
	    message(NOTICE "|sign_type=HMAC-SHA256", KEY, H5_SIGN_MD5)};
	rows[n++] = (struct forged){
	    "HMAC, but says MD5", good(NOTICE "|sign_type=MD5")};
	rows[n++] = (struct forged){"amount changed", good(NOTICE)};
	tamper(rows[n - 1].xml, "12800", "12801");
	rows[n++] = (struct forged){"element renamed", good(NOTICE)};
	tamper(rows[n - 1].xml, "<bank_type>CFT</bank_type>",
	    "<cash_type>CFT</cash_type>");
	rows[n++] = (struct forged){"sign gone", good(NOTICE)};
	tamper(rows[n - 1].xml, "<sign>", "<sigm>");
	tamper(rows[n - 1].xml, "</sign>", "</sigm>");
	rows[n++] = (struct forged){"lower case", good(NOTICE)};
	for (sign = strstr(rows[n - 1].xml, "<sign>") + 6; *sign != '<'; sign++)
		if (*sign >= 'A')
			*sign = (char)(*sign - 'A' + 'a');
	rows[n++] = (struct forged){"63 digits", good(NOTICE)};
	sign = strstr(rows[n - 1].xml, "<sign>") + 6;
	memmove(sign, sign + 1, strlen(sign));
	rows[n++] = (struct forged){"empty sign", good(NOTICE)};
	sign = strstr(rows[n - 1].xml, "<sign>") + 6;
	memmove(sign, sign + 64, strlen(sign + 64) + 1);
	rows[n++] = (struct forged){"one digit wrong", good(NOTICE)};
	sign = strstr(rows[n - 1].xml, "<sign>") + 6;
	*sign = *sign == '0' ? '1' : '0';
	rows[n++] = (struct forged){"another merchant",
	    good("return_code=SUCCESS|result_code=SUCCESS|appid="
		 "wx2421b1c4370ec43b|mch_id=1900000109|out_trade_no=order-1|"
		 "transaction_id=1|total_fee=1")};
	assert_int_equal(n, COUNT(rows));
	for (i = 0; i < n; i++) {
		ROW(rows[i].name,
		    answer(*state, rows[i].xml, &refusal, &e) == H5_E_REMOTE);
		ROW(rows[i].name,
		    notice_only(*state, rows[i].xml, &e) == H5_E_AUTH);
		ROW(rows[i].name, strstr(e.msg, KEY) == NULL);
		free(rows[i].xml);
	}
}

static void
test_wxmsg__md5_is_pinned_too(void **state)
{
	struct h5_config *c = *state;
	struct h5_wechat_refusal refusal;
	struct h5_err e;
	char *xml = good(OK_ANSWER), *sign;

	c->merchant.sign_type = H5_SIGN_MD5;
	assert_int_equal(answer(c, xml, &refusal, &e), H5_E_REMOTE);
	free(xml);
	xml = message(OK_ANSWER, KEY, H5_SIGN_MD5);
	sign = strstr(xml, "<sign>") + 6;
	memmove(sign, sign + 1, strlen(sign)); /* 31 digits */
	assert_int_equal(answer(c, xml, &refusal, &e), H5_E_REMOTE);
	free(xml);
}

/* An answer is signed as its question was; of a notice the type is told, for
 * whoever knows the attempt. */
static void
test_wxmsg__the_type_of_a_signature(void **state)
{
	static const struct {
		const char *pairs;
		enum h5_sign_type by;
	} rows[] = {
	    {NOTICE, H5_SIGN_HMAC_SHA256},
	    {NOTICE "|sign_type=HMAC-SHA256", H5_SIGN_HMAC_SHA256},
	    {NOTICE "|sign_type=", H5_SIGN_HMAC_SHA256},
	    {NOTICE, H5_SIGN_MD5},
	    {NOTICE "|sign_type=MD5", H5_SIGN_MD5},
	};
	const enum h5_sign_type types[] = {H5_SIGN_MD5, H5_SIGN_HMAC_SHA256};
	struct h5_config *c = *state;
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	struct h5_err e;
	size_t i, j;
	char *xml;

	for (i = 0; i < COUNT(rows); i++) {
		xml = message(rows[i].pairs, KEY, rows[i].by);
		for (j = 0; j < COUNT(types); j++) {
			c->merchant.sign_type = types[j];
			ROW(rows[i].pairs,
			    (answer(c, xml, &refusal, &e) == H5_OK) ==
				(types[j] == rows[i].by));
			ROW(rows[i].pairs, notice(c, xml, &t, &e) == H5_OK);
			assert_int_equal(t.sign_type, rows[i].by);
			h5_wechat_trade_release(&t);
		}
		free(xml);
	}
}

/* What verifies only with the key before is a reason to ask, and an answer is
 * not even that. */
static void
test_wxmsg__c6_the_previous_key(void **state)
{
	static const char old[] = "0123456789abcdef0123456789abcdef";
	static const struct {
		const char *name, *key;
		enum h5_code rc;
		enum h5_wechat_kind kind;
	} rows[] = {
	    {"present", KEY, H5_OK, H5_WECHAT_PAYMENT},
	    {"previous", old, H5_OK, H5_WECHAT_PAYMENT_HINT},
	    {"neither", "x" KEY, H5_E_AUTH, H5_WECHAT_PAYMENT},
	};
	const enum h5_sign_type types[] = {H5_SIGN_MD5, H5_SIGN_HMAC_SHA256};
	struct h5_config *c = *state;
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	enum h5_wechat_kind kind;
	struct h5_fields refund;
	struct h5_err e;
	size_t i, j;
	char *xml;

	assert_int_equal(h5_crypto_key_new(old, sizeof old - 1,
			     &c->merchant.api_key_previous, &e),
	    H5_OK);
	for (i = 0; i < COUNT(rows) * COUNT(types); i++) {
		j = i / COUNT(types);
		c->merchant.sign_type = types[i % COUNT(types)];
		xml = message(NOTICE, rows[j].key, c->merchant.sign_type);
		ROW(rows[j].name, h5_v2_read_notice(c, xml, strlen(xml), &kind,
				      &t, &refund, &e) == rows[j].rc);
		ROW(rows[j].name, kind == rows[j].kind);
		ROW(rows[j].name, (t.total_fee == 12800) == (rows[j].rc == 0));
		h5_wechat_trade_release(&t);
		h5_fields_release(&refund);
		ROW(rows[j].name,
		    (answer(c, xml, &refusal, &e) == H5_OK) == (j == 0));
		free(xml);
	}
	h5_crypto_key_free(c->merchant.api_key_previous);
	c->merchant.api_key_previous = NULL;
}

/* Malformed: no part of it counts. */
static void
test_wxmsg__malformed_messages_are_refused(void **state)
{
	static const char *const rows[] = {
	    "",
	    "<xml></xml>",
	    "<xml><return_code>SUCCESS</return_code>",
	    "<xml><return_code>SUCCESS</return_code></xml><xml></xml>",
	    "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml>"
	    "<return_code>SUCCESS</return_code></xml>",
	    "<?xml version=\"1.0\"?><xml><return_code>SUCCESS</return_code>"
	    "</xml>",
	    "<xml><return_code>SUCCESS</return_code>"
	    "<return_code>SUCCESS</return_code></xml>",
	    "<xml><return_code><b>SUCCESS</b></return_code></xml>",
	    "<html><body>502 Bad Gateway</body></html>",
	    "{\"return_code\":\"SUCCESS\"}",
	    "<xml><return_code>YES</return_code></xml>",
	    "<xml><return_code>\xb2\xce\xca\xfd</return_code></xml>",
	};
	struct h5_wechat_refusal refusal;
	struct h5_err e;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i],
		    answer(*state, rows[i], &refusal, &e) == H5_E_REMOTE);
		ROW(rows[i], notice_only(*state, rows[i], &e) == H5_E_INPUT);
		ROW(rows[i], e.msg[0] != '\0');
	}
}

/* The second of a doubled element may not hide behind a good signature. */
static void
test_wxmsg__a_doubled_element_is_refused_though_signed(void **state)
{
	char twice[2048], *xml = good(NOTICE);
	struct h5_err e;

	(void)snprintf(twice, sizeof twice,
	    "%.*s<total_fee>1</total_fee></xml>",
	    (int)(strlen(xml) - strlen("</xml>")), xml);
	assert_int_equal(notice_only(*state, xml, &e), H5_OK);
	assert_int_equal(notice_only(*state, twice, &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "occurs twice"));
	free(xml);
}

static void
test_wxmsg__a_result_code_is_needed(void **state)
{
	struct h5_wechat_refusal refusal;
	struct h5_err e;
	char *xml = good(HEAD "nonce_str=1");

	assert_int_equal(answer(*state, xml, &refusal, &e), H5_E_REMOTE);
	free(xml);
}

/* Answers as the live gateway writes them; their keys are not public, so they
 * are sealed again with ours. */
static char *
sealed_again(struct h5_config *c, const char *path)
{
	struct h5_fields f;
	struct h5_buf xml;
	struct h5_err e;
	char *bytes, *text;
	size_t n;

	bytes = fixture(path, &n);
	assert_int_equal(h5_xml_read(bytes, n, "xml", &f, &e), H5_OK);
	free(bytes);
	free(c->merchant.appid);
	free(c->merchant.mch_id);
	c->merchant.appid = strdup(h5_fields_get(&f, "appid"));
	c->merchant.mch_id = strdup(h5_fields_get(&f, "mch_id"));
	seal(&f, KEY, H5_SIGN_HMAC_SHA256);
	h5_buf_init(&xml, H5_XML_MAX);
	assert_int_equal(h5_xml_write(&f, &xml, &e), H5_OK);
	h5_fields_release(&f);
	text = h5_buf_take(&xml);
	assert_non_null(text);
	return text;
}

static void
test_wxmsg__captured_messages_are_understood(void **state)
{
	struct h5_config *c = *state;
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	struct h5_err e;
	char *xml;

	xml = sealed_again(c, REAL "unifiedorder-mweb-response-2021.xml");
	assert_int_equal(answer(c, xml, &refusal, &e), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	free(xml);
	xml = sealed_again(c, REAL "notify-mweb-2020.xml");
	assert_int_equal(notice(c, xml, &t, &e), H5_OK);
	assert_true(t.paid);
	assert_string_equal(t.out_trade_no, "2004140913416734678");
	assert_string_equal(t.transaction_id, "4200000522202004140990926670");
	assert_int_equal(t.total_fee, 1);
	assert_int_equal(t.time_end, 1586826830); /* 09:13:50 in Beijing */
	h5_wechat_trade_release(&t);
	free(xml);
	/* Of another trade type, with coupons: that decides nothing. */
	xml = sealed_again(c, REAL "notify-official-doc.xml");
	assert_int_equal(notice(c, xml, &t, &e), H5_OK);
	assert_true(h5_fields_is(&t.further, "trade_type", "JSAPI"));
	assert_true(h5_fields_is(&t.further, "coupon_fee", "10"));
	h5_wechat_trade_release(&t);
	free(xml);
}

static void
test_wxmsg__captured_messages_of_others_are_not_ours(void **state)
{
	static const char *const paths[] = {REAL "notify-mweb-2020.xml",
	    REAL "notify-official-doc.xml",
	    REAL "unifiedorder-mweb-response-2021.xml"};
	struct h5_config *c = *state;
	struct h5_wechat_trade t;
	struct h5_err e;
	size_t i, n;
	char *xml;

	c->merchant.sign_type = H5_SIGN_MD5;
	for (i = 0; i < COUNT(paths); i++) {
		xml = fixture(paths[i], &n);
		ROW(paths[i], notice(c, xml, &t, &e) == H5_E_AUTH);
		h5_wechat_trade_release(&t);
		free(xml);
	}
}

/* --- trades --- */

static enum h5_code
trade(const char *pairs, struct h5_wechat_trade *t, struct h5_err *e)
{
	struct h5_fields f;
	enum h5_code rc;

	read_pairs(pairs, &f);
	rc = h5_v2_read_trade(&f, t, e);
	h5_fields_release(&f);
	return rc;
}

static void
test_wxmsg__trade_states(void **state)
{
	static const struct {
		const char *state;
		bool paid;
	} rows[] = {
	    {"SUCCESS", true},
	    {"REFUND", true},
	    {"NOTPAY", false},
	    {"CLOSED", false},
	    {"REVOKED", false},
	    {"USERPAYING", false},
	    {"PAYERROR", false},
	    {"ACCEPT", false},
	    {"SOMETHING_NEW", false},
	    {"success", false},
	};
	struct h5_wechat_trade t;
	char pairs[256];
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(pairs, sizeof pairs,
		    "trade_state=%s|out_trade_no=order-1|transaction_id=42|"
		    "total_fee=1",
		    rows[i].state);
		ROW(rows[i].state, trade(pairs, &t, &e) == H5_OK);
		ROW(rows[i].state, t.paid == rows[i].paid);
		ROW(rows[i].state, strcmp(t.trade_state, rows[i].state) == 0);
		ROW(rows[i].state, strcmp(t.fee_type, "CNY") == 0);
		h5_wechat_trade_release(&t);
	}
}

static void
test_wxmsg__an_unpaid_trade_needs_its_number_alone(void **state)
{
	struct h5_wechat_trade t;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    trade("trade_state=CLOSED|out_trade_no=order-1", &t, &e), H5_OK);
	assert_int_equal(t.total_fee, -1);
	assert_int_equal(t.time_end, 0);
	assert_string_equal(t.transaction_id, "");
	h5_wechat_trade_release(&t);
}

/* Nothing was paid, says a good signature: that is another amount than the
 * order's, and settle's to judge. */
static void
test_wxmsg__a_trade_of_nothing_is_a_trade(void **state)
{
	struct h5_wechat_trade t;
	struct h5_err e;

	(void)state;
	assert_int_equal(trade("trade_state=SUCCESS|out_trade_no=order-1|"
			       "transaction_id=42|total_fee=0",
			     &t, &e),
	    H5_OK);
	assert_true(t.paid);
	assert_int_equal(t.total_fee, 0);
	h5_wechat_trade_release(&t);
}

static void
test_wxmsg__malformed_trades_are_refused(void **state)
{
#define PAID "trade_state=SUCCESS|out_trade_no=order-1|"
	static const char *const rows[] = {
	    "trade_state=NOTPAY",
	    "trade_state=NOTPAY|out_trade_no=",
	    "trade_state=NOTPAY|out_trade_no=order 1",
	    "trade_state=NOTPAY|out_trade_no=012345678901234567890123456789012",
	    "trade_state=A_VERY_LONG_STATE|out_trade_no=order-1",
	    "trade_state=NOTPAY|out_trade_no=order-1|total_fee=x",
	    PAID "total_fee=1",
	    PAID "total_fee=1|transaction_id=",
	    PAID "total_fee=1|transaction_id=4 2",
	    PAID "transaction_id=42",
	    PAID "transaction_id=42|total_fee=",
	    PAID "transaction_id=42|total_fee=-1",
	    PAID "transaction_id=42|total_fee=+1",
	    PAID "transaction_id=42|total_fee= 1",
	    PAID "transaction_id=42|total_fee=1 ",
	    PAID "transaction_id=42|total_fee=01",
	    PAID "transaction_id=42|total_fee=1.0",
	    PAID "transaction_id=42|total_fee=1e3",
	    PAID "transaction_id=42|total_fee=0x10",
	    PAID "transaction_id=42|total_fee=18446744073709551617",
	    PAID "transaction_id=42|total_fee=1|fee_type=VERYLONGS",
	};
#undef PAID
	struct h5_wechat_trade t;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i], trade(rows[i], &t, &e) == H5_E_INPUT);
		ROW(rows[i], !t.paid && t.further.n == 0);
		h5_wechat_trade_release(&t);
	}
}

static void
test_wxmsg__a_bad_time_end_decides_nothing(void **state)
{
	static const char *const ends[] = {
	    "", "yesterday", "20261323000000", "2026112316401", "-1"};
	struct h5_wechat_trade t;
	char pairs[256];
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ends); i++) {
		(void)snprintf(pairs, sizeof pairs,
		    "out_trade_no=order-1|transaction_id=42|total_fee=1|"
		    "time_end=%s",
		    ends[i]);
		ROW(ends[i], trade(pairs, &t, &e) == H5_OK);
		ROW(ends[i], t.time_end == 0 && t.paid);
		h5_wechat_trade_release(&t);
	}
}

static void
test_wxmsg__further_elements_are_kept_but_for_secrets(void **state)
{
	static const char *const out[] = {"sign", "nonce_str", "openid",
	    "sub_openid", "out_trade_no", "transaction_id", "total_fee",
	    "fee_type", "time_end", "appid", "empty"};
	struct h5_wechat_trade t;
	struct h5_err e;
	size_t i;

	(void)state;
	assert_int_equal(
	    trade(NOTICE "|sign=ABC|sub_openid=o|cash_fee=1|coupon_fee_0=2|"
			 "something_new=3|empty=",
		&t, &e),
	    H5_OK);
	for (i = 0; i < COUNT(out); i++)
		ROW(out[i], h5_fields_get(&t.further, out[i]) == NULL);
	assert_true(h5_fields_is(&t.further, "bank_type", "CFT"));
	assert_true(h5_fields_is(&t.further, "cash_fee", "1"));
	assert_true(h5_fields_is(&t.further, "coupon_fee_0", "2"));
	assert_true(h5_fields_is(&t.further, "something_new", "3"));
	h5_wechat_trade_release(&t);
}

/* Coupons come in hundreds; none is lost, and one that a ledger cannot name is
 * left out. */
static void
test_wxmsg__many_further_elements_are_kept(void **state)
{
	char pairs[40000] =
	    "out_trade_no=order-1|transaction_id=42|total_fee=1|a.b=1";
	size_t i, n = strlen(pairs);
	struct h5_wechat_trade t;
	struct h5_err e;

	(void)state;
	for (i = 0; i < 900; i++)
		n += (size_t)snprintf(pairs + n, sizeof pairs - n,
		    "|coupon_id_%zu=\"\n%zu", i, i);
	assert_true(n < sizeof pairs - 1);
	assert_int_equal(trade(pairs, &t, &e), H5_OK);
	assert_int_equal(t.further.n, 900);
	assert_true(h5_fields_is(&t.further, "coupon_id_899", "\"\n899"));
	h5_wechat_trade_release(&t);
}

/* --- notices --- */

static void
test_wxmsg__a_notice_says_what_was_paid(void **state)
{
	struct h5_wechat_trade t;
	struct h5_err e;
	char *xml = good(NOTICE);

	assert_int_equal(notice(*state, xml, &t, &e), H5_OK);
	assert_true(t.paid);
	assert_string_equal(t.trade_state, "SUCCESS");
	assert_string_equal(t.out_trade_no, "order-1");
	assert_string_equal(t.fee_type, "CNY");
	assert_int_equal(t.total_fee, 12800);
	assert_int_equal(t.time_end, 1795423212);
	h5_wechat_trade_release(&t);
	free(xml);
	xml = good(NOTICE "|sign_type=HMAC-SHA256");
	assert_int_equal(notice_only(*state, xml, &e), H5_OK);
	free(xml);
	/* An element that says nothing is none. */
	xml = good(NOTICE "|trade_state=");
	assert_int_equal(notice_only(*state, xml, &e), H5_OK);
	free(xml);
}

static void
test_wxmsg__notices_that_tell_of_no_payment(void **state)
{
	static const struct {
		const char *pairs;
		enum h5_code rc;
	} rows[] = {
	    {FAIL_ANSWER "out_trade_no=order-1|err_code=ORDERPAID", H5_E_STATE},
	    {HEAD "out_trade_no=order-1|transaction_id=42|total_fee=1",
		H5_E_STATE},
	    /* our own answers, sent to us */
	    {OK_ANSWER "|trade_state=NOTPAY|out_trade_no=order-1|total_fee=1",
		H5_E_STATE},
	    {OK_ANSWER "|prepay_id=wx1|trade_type=MWEB", H5_E_INPUT},
	    {OK_ANSWER "|out_trade_no=order-1|total_fee=1", H5_E_INPUT},
	    {OK_ANSWER "|out_trade_no=order-1|total_fee=1|transaction_id=",
		H5_E_INPUT},
	    /* a request of ours */
	    {"appid=wx2421b1c4370ec43b|mch_id=10000100|out_trade_no=order-1|"
	     "total_fee=1|trade_type=MWEB",
		H5_E_INPUT},
	};
	struct h5_err e;
	size_t i;
	char *xml;

	for (i = 0; i < COUNT(rows); i++) {
		xml = good(rows[i].pairs);
		ROW(rows[i].pairs, notice_only(*state, xml, &e) == rows[i].rc);
		free(xml);
	}
}

static enum h5_code
refund_notice(const struct h5_config *c, const char *req_info,
    struct h5_fields *refund, struct h5_err *e)
{
	struct h5_wechat_trade t;
	enum h5_wechat_kind kind;
	enum h5_code rc;
	struct h5_buf b;

	h5_buf_init(&b, H5_XML_MAX);
	h5_buf_printf(&b,
	    "<xml><return_code>SUCCESS</return_code><appid>%s</appid>"
	    "<mch_id>%s</mch_id><nonce_str>1</nonce_str>"
	    "<req_info><![CDATA[%s]]></req_info></xml>",
	    c->merchant.appid, c->merchant.mch_id, req_info);
	rc = h5_v2_read_notice(c, b.data, b.len, &kind, &t, refund, e);
	assert_int_equal(kind, H5_WECHAT_REFUND);
	assert_false(t.paid);
	h5_wechat_trade_release(&t);
	h5_buf_release(&b);
	return rc;
}

static void
test_wxmsg__a_refund_notice_is_decrypted(void **state)
{
	struct h5_config *c = *state;
	struct h5_fields refund;
	struct h5_err e;
	char *info, *key;
	size_t n;

	info = fixture(REFUND "gopay-req_info.b64", &n);
	assert_int_equal(refund_notice(c, info, &refund, &e), H5_E_AUTH);
	assert_int_equal(refund.n, 0);
	h5_fields_release(&refund);
	key = fixture(REFUND "gopay-key.txt", &n);
	/* A hint is one by the key before as well (C6). */
	assert_int_equal(h5_crypto_key_new(key, strcspn(key, "\r\n"),
			     &c->merchant.api_key_previous, &e),
	    H5_OK);
	assert_int_equal(refund_notice(c, info, &refund, &e), H5_OK);
	assert_true(h5_fields_is(&refund, "refund_fee", "6"));
	h5_fields_release(&refund);
	assert_int_equal(
	    refund_notice(c, "not base64!", &refund, &e), H5_E_AUTH);
	h5_fields_release(&refund);
	h5_crypto_key_free(c->merchant.api_key_previous);
	c->merchant.api_key_previous = NULL;
	h5_crypto_key_free(c->merchant.api_key);
	assert_int_equal(h5_crypto_key_new(key, strcspn(key, "\r\n"),
			     &c->merchant.api_key, &e),
	    H5_OK);
	assert_int_equal(refund_notice(c, info, &refund, &e), H5_OK);
	assert_true(h5_fields_is(
	    &refund, "refund_id", "50000404922017112502468056157"));
	assert_true(h5_fields_is(&refund, "refund_fee", "6"));
	h5_fields_release(&refund);
	assert_int_equal(
	    refund_notice(c, "not base64!", &refund, &e), H5_E_AUTH);
	h5_fields_release(&refund);
	/* Ours by key, but not about a refund. */
	h5_crypto_key_free(c->merchant.api_key);
	assert_int_equal(
	    h5_crypto_key_new("foo-merchant-key", 16, &c->merchant.api_key, &e),
	    H5_OK);
	assert_int_equal(
	    refund_notice(
		c, "FTuPWOW4npLOTY8GQp+JtWXKe3ZFa2wsJC6v9gFoATU=", &refund, &e),
	    H5_E_AUTH);
	h5_fields_release(&refund);
	free(key);
	free(info);
}

static void
test_wxmsg__a_refund_notice_for_others_is_refused(void **state)
{
	struct h5_config *c = *state;
	struct h5_fields refund;
	struct h5_wechat_trade t;
	enum h5_wechat_kind kind;
	struct h5_err e;
	size_t n;
	char *xml =
	    fixture(REFUND "wxjava-refund-notify-undecryptable.xml", &n);

	assert_int_equal(
	    h5_v2_read_notice(c, xml, n, &kind, &t, &refund, &e), H5_E_AUTH);
	h5_wechat_trade_release(&t);
	h5_fields_release(&refund);
	free(xml);
}

/* --- replies --- */

static void
test_wxmsg__replies_are_these_bytes(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 1024);
	h5_v2_reply(true, "anything", &b);
	assert_string_equal(b.data,
	    "<xml><return_code><![CDATA[SUCCESS]]></return_code>"
	    "<return_msg><![CDATA[OK]]></return_msg></xml>");
	h5_buf_clear(&b);
	h5_v2_reply(false, "wrong sign", &b);
	assert_string_equal(b.data,
	    "<xml><return_code><![CDATA[FAIL]]></return_code>"
	    "<return_msg><![CDATA[wrong sign]]></return_msg></xml>");
	h5_buf_clear(&b);
	h5_v2_reply(false, "a]]><b>&\n\xe4\xbb\x98", &b);
	assert_string_equal(b.data,
	    "<xml><return_code><![CDATA[FAIL]]></return_code>"
	    "<return_msg><![CDATA[a    b      ]]></return_msg></xml>");
	h5_buf_clear(&b);
	h5_v2_reply(false, NULL, &b);
	assert_non_null(strstr(b.data, "[refused]"));
	h5_buf_release(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_wxmsg__every_err_code_has_its_verdict),
	    TEST(test_wxmsg__merchant_faults_say_what_to_fix),
	    TEST(test_wxmsg__refusals_of_refunds),
	    TEST(test_wxmsg__long_words_of_a_refusal_are_cut_at_a_character),
	    TEST(test_wxmsg__a_good_answer_is_believed),
	    TEST(test_wxmsg__ids_must_be_ours),
	    TEST(test_wxmsg__a_message_is_of_our_sub_merchant),
	    TEST(test_wxmsg__an_unsigned_refusal_is_words_only),
	    TEST(test_wxmsg__forged_messages_are_not_believed),
	    TEST(test_wxmsg__md5_is_pinned_too),
	    TEST(test_wxmsg__the_type_of_a_signature),
	    TEST(test_wxmsg__c6_the_previous_key),
	    TEST(test_wxmsg__malformed_messages_are_refused),
	    TEST(test_wxmsg__a_doubled_element_is_refused_though_signed),
	    TEST(test_wxmsg__a_result_code_is_needed),
	    TEST(test_wxmsg__captured_messages_are_understood),
	    TEST(test_wxmsg__captured_messages_of_others_are_not_ours),
	    TEST(test_wxmsg__trade_states),
	    TEST(test_wxmsg__an_unpaid_trade_needs_its_number_alone),
	    TEST(test_wxmsg__a_trade_of_nothing_is_a_trade),
	    TEST(test_wxmsg__malformed_trades_are_refused),
	    TEST(test_wxmsg__a_bad_time_end_decides_nothing),
	    TEST(test_wxmsg__further_elements_are_kept_but_for_secrets),
	    TEST(test_wxmsg__many_further_elements_are_kept),
	    TEST(test_wxmsg__a_notice_says_what_was_paid),
	    TEST(test_wxmsg__notices_that_tell_of_no_payment),
	    TEST(test_wxmsg__a_refund_notice_is_decrypted),
	    TEST(test_wxmsg__a_refund_notice_for_others_is_refused),
	    TEST(test_wxmsg__replies_are_these_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
