/* What APIv3's refusals mean: every row of WeChat's table, the words and the
 * inner codes that add to it, and answers that are none of WeChat's. */
#include "tests/unit/help.h"

#include "common/wechat/v3/error.h"
#include "common/wechat/v3/headers.h"

static struct h5_wechat_refusal
refusal_of(
    enum h5_v3_what what, long status, const char *body, const char *request_id)
{
	struct h5_wechat_refusal r;

	h5_v3_refused(what, status, body, strlen(body), request_id, &r);
	return r;
}

static struct h5_wechat_refusal
refusal_code(enum h5_v3_what what, long status, const char *code)
{
	char body[256];

	(void)snprintf(
	    body, sizeof body, "{\"code\":\"%s\",\"message\":\"words\"}", code);
	return refusal_of(what, status, body, "");
}

static void
test_v3_refusals__every_row_of_the_table(void **state)
{
	static const struct {
		long status;
		const char *code;
		enum h5_v3_what what;
		enum h5_wechat_verdict verdict;
	} rows[] = {
	    {202, "ACCEPTED", H5_V3_CLOSE, H5_WECHAT_AGAIN},
	    {400, "PARAM_ERROR", H5_V3_PREPAY, H5_WECHAT_MERCHANT},
	    {400, "PARAM_ERROR", H5_V3_REFUND, H5_WECHAT_MERCHANT},
	    {400, "INVALID_REQUEST", H5_V3_PREPAY, H5_WECHAT_TAKEN_PERHAPS},
	    {400, "INVALID_REQUEST", H5_V3_REFUND, H5_WECHAT_REFUSED},
	    {400, "INVALID_REQUEST", H5_V3_QUERY, H5_WECHAT_REFUSED},
	    {400, "INVALID_REQUEST", H5_V3_CLOSE, H5_WECHAT_PAID},
	    {400, "APPID_MCHID_NOT_MATCH", H5_V3_PREPAY, H5_WECHAT_MERCHANT},
	    {400, "MCH_NOT_EXISTS", H5_V3_PREPAY, H5_WECHAT_MERCHANT},
	    {400, "MCH_NOT_EXISTS", H5_V3_QUERY, H5_WECHAT_MERCHANT},
	    {404, "MCH_NOT_EXISTS", H5_V3_REFUND, H5_WECHAT_MERCHANT},
	    {400, "ORDER_CLOSED", H5_V3_PREPAY, H5_WECHAT_CLOSED},
	    {400, "ORDER_CLOSED", H5_V3_CLOSE, H5_WECHAT_PAID},
	    {400, "NO_STATEMENT_EXIST", H5_V3_BILL, H5_WECHAT_REFUSED},
	    {400, "STATEMENT_CREATING", H5_V3_BILL, H5_WECHAT_REFUSED},
	    {400, "ORDER_PAID", H5_V3_CLOSE, H5_WECHAT_PAID},
	    {400, "ORDER_PAID", H5_V3_PREPAY, H5_WECHAT_PAID},
	    {401, "SIGN_ERROR", H5_V3_PREPAY, H5_WECHAT_MERCHANT},
	    {401, "SIGN_ERROR", H5_V3_REFUND_QUERY, H5_WECHAT_MERCHANT},
	    {403, "NO_AUTH", H5_V3_PREPAY, H5_WECHAT_MERCHANT},
	    {403, "NO_AUTH", H5_V3_BILL_FILE, H5_WECHAT_MERCHANT},
	    {403, "OUT_TRADE_NO_USED", H5_V3_PREPAY, H5_WECHAT_TAKEN},
	    {403, "RULE_LIMIT", H5_V3_PREPAY, H5_WECHAT_REFUSED},
	    {403, "RULE_LIMIT", H5_V3_QUERY, H5_WECHAT_REFUSED},
	    {403, "TRADE_ERROR", H5_V3_QUERY, H5_WECHAT_REFUSED},
	    {403, "TRADE_ERROR", H5_V3_CLOSE, H5_WECHAT_PAID},
	    {403, "NOT_ENOUGH", H5_V3_REFUND, H5_WECHAT_REFUSED},
	    {403, "USER_ACCOUNT_ABNORMAL", H5_V3_REFUND, H5_WECHAT_REFUSED},
	    {403, "REQUEST_BLOCKED", H5_V3_PREPAY, H5_WECHAT_MERCHANT},
	    {404, "ORDER_NOT_EXIST", H5_V3_QUERY, H5_WECHAT_UNKNOWN_ORDER},
	    {404, "RESOURCE_NOT_EXISTS", H5_V3_REFUND_QUERY,
		H5_WECHAT_NO_REFUND},
	    {404, "RESOURCE_NOT_EXISTS", H5_V3_REFUND, H5_WECHAT_REFUSED},
	    {404, "RESOURCE_NOT_EXISTS", H5_V3_CERTIFICATES,
		H5_WECHAT_MERCHANT},
	    {404, "RESOURCE_NOT_EXISTS", H5_V3_QUERY, H5_WECHAT_REFUSED},
	    {429, "FREQUENCY_LIMITED", H5_V3_PREPAY, H5_WECHAT_AGAIN},
	    {429, "RATELIMIT_EXCEEDED", H5_V3_REFUND, H5_WECHAT_AGAIN},
	    {429, "NOT_ENOUGH", H5_V3_REFUND, H5_WECHAT_AGAIN},
	    {500, "SYSTEM_ERROR", H5_V3_PREPAY, H5_WECHAT_AGAIN},
	    {500, "BANKERROR", H5_V3_REFUND, H5_WECHAT_AGAIN},
	    {500, "BIZ_ERR_NEED_RETRY", H5_V3_REFUND, H5_WECHAT_AGAIN},
	    {500, "INVALID_TRANSACTIONID", H5_V3_REFUND, H5_WECHAT_AGAIN},
	    {500, "OPENID_MISMATCH", H5_V3_PREPAY, H5_WECHAT_AGAIN},
	    {500, "ORDER_NOT_EXIST", H5_V3_QUERY, H5_WECHAT_AGAIN},
	    {503, "SERVICE_UNAVAILABLE", H5_V3_QUERY, H5_WECHAT_AGAIN},
	    {403, "TRADE_OVERDUE", H5_V3_REFUND, H5_WECHAT_REFUSED},
	    {400, "REFUND_FEE_MISMATCH", H5_V3_REFUND, H5_WECHAT_REFUSED},
	    /* Older spellings. */
	    {404, "ORDERNOTEXIST", H5_V3_QUERY, H5_WECHAT_UNKNOWN_ORDER},
	    {403, "NOAUTH", H5_V3_PREPAY, H5_WECHAT_MERCHANT},
	    {403, "NOTENOUGH", H5_V3_REFUND, H5_WECHAT_REFUSED},
	    {400, "SYSTEMERROR", H5_V3_QUERY, H5_WECHAT_AGAIN},
	    {400, "ORDERPAID", H5_V3_CLOSE, H5_WECHAT_PAID},
	    {400, "ORDERCLOSED", H5_V3_PREPAY, H5_WECHAT_CLOSED},
	    {403, "RULELIMIT", H5_V3_PREPAY, H5_WECHAT_REFUSED},
	    /* A code that is not in the table. */
	    {400, "SOMETHING_NEW", H5_V3_PREPAY, H5_WECHAT_REFUSED},
	    {403, "SOMETHING_NEW", H5_V3_QUERY, H5_WECHAT_REFUSED},
	};
	struct h5_wechat_refusal r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		r = refusal_code(rows[i].what, rows[i].status, rows[i].code);
		ROW(rows[i].code, r.verdict == rows[i].verdict);
		ROW(rows[i].code, strcmp(r.err_code, rows[i].code) == 0);
		ROW(rows[i].code, strcmp(r.err_code_des, "words") == 0);
		/* Each code of the table comes with what to do about it. */
		ROW(rows[i].code,
		    (r.note == NULL) ==
			(strcmp(rows[i].code, "SOMETHING_NEW") == 0 ||
			    (rows[i].what == H5_V3_QUERY &&
				strcmp(rows[i].code, "RESOURCE_NOT_EXISTS") ==
				    0)));
	}
}

/* What was seen of the real one, and what stands in its documents. */
static void
test_v3_refusals__answers_that_were_seen(void **state)
{
	static const struct {
		long status;
		const char *body, *code, *note;
	} rows[] = {
	    {401,
		"{\"code\":\"SIGN_ERROR\",\"message\":\"Http\xe5\xa4\xb4"
		"Authorization\xe5\x80\xbc\xe6\xa0\xbc\xe5\xbc\x8f\xe9\x94\x99"
		"\xe8\xaf\xaf\xef\xbc\x8c\xe8\xaf\xb7\xe5\x8f\x82\xe8\x80\x83"
		"\"}",
		"SIGN_ERROR", "Authorization did not arrive"},
	    {401,
		"{\"code\":\"SIGN_ERROR\",\"message\":\"\xe7\xad\xbe\xe5\x90"
		"\x8d\xe9\x94\x99\xe8\xaf\xaf\"}",
		"SIGN_ERROR", "must be a pair"},
	    {401,
		"{\"code\":\"SIGN_ERROR\",\"message\":\"Http\xe5\xa4\xb4"
		"Authorization\xe4\xb8\xad\xe7\x9a\x84timestamp\xe4\xb8\x8e"
		"\xe5\x8f\x91\xe8\xb5\xb7\"}",
		"SIGN_ERROR", "clock"},
	    {401,
		"{\"code\":\"SIGN_ERROR\",\"message\":\"\xe5\x95\x86\xe6\x88"
		"\xb7\xe8\xaf\x81\xe4\xb9\xa6\xe5\xba\x8f\xe5\x88\x97\xe5\x8f"
		"\xb7\xe6\x9c\x89\xe8\xaf\xaf\"}",
		"SIGN_ERROR", "same download"},
	    {401,
		"{\"code\":\"SIGN_ERROR\",\"message\":\"\xe5\x95\x86\xe6\x88"
		"\xb7\xe6\x9c\xaa\xe8\xae\xbe\xe7\xbd\xae"
		"APIv3\xe5\xaf\x86\xe9\x92\xa5\"}",
		"SIGN_ERROR", "no APIv3 key"},
	    {400,
		"{\"code\":\"INVALID_REQUEST\",\"message\":\"Http\xe5\xa4\xb4"
		"\xe7\xbc\xba\xe5\xb0\x91"
		"Accept\xe6\x88\x96User-Agent\"}",
		"INVALID_REQUEST", "Accept and User-Agent"},
	    {400,
		"{\"code\":\"PARAM_ERROR\",\"message\":\"m\",\"detail\":"
		"{\"field\":\"/amount/currency\",\"value\":\"XYZ\",\"issue\":"
		"\"Currency code is invalid\",\"location\":\"body\"}}",
		"PARAM_ERROR", "names the value"},
	    {405, "", "HTTP_405", "no such call"},
	    {404, "", "HTTP_404", "no such call"},
	    {502, "<html><body>502 Bad Gateway</body></html>", "HTTP_502",
		"unknown"},
	    {400, "{\"code\":\"<b>\",\"message\":5}", "HTTP_400", NULL},
	    {400, "{\"code\":[\"NO_AUTH\"]}", "HTTP_400", NULL},
	    {400, "[\"NO_AUTH\"]", "HTTP_400", NULL},
	    {400, "{\"code\":\"\"}", "HTTP_400", NULL},
	};
	struct h5_wechat_refusal r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		r = refusal_of(
		    H5_V3_REFUND_QUERY, rows[i].status, rows[i].body, "");
		ROW(rows[i].body, strcmp(r.err_code, rows[i].code) == 0);
		ROW(rows[i].body,
		    rows[i].note == NULL
			? r.note == NULL
			: r.note != NULL &&
			      strstr(r.note, rows[i].note) != NULL);
		ROW(rows[i].body, h5_v3_clock_refused(&r) == (i == 2));
	}
	r = refusal_of(H5_V3_PREPAY, 400, rows[6].body, "");
	assert_string_equal(r.err_code_des, "m (/amount/currency)");
}

static void
test_v3_refusals__the_inner_code_adds_a_note(void **state)
{
	static const char body[] = "{\"code\":\"INVALID_REQUEST\"}";
	struct h5_wechat_refusal r;

	(void)state;
	r = refusal_of(H5_V3_PREPAY, 400, body, "08E7D1A2B006-1-2-268498688");
	assert_non_null(strstr(r.note, "with other parameters"));
	assert_int_equal(r.verdict, H5_WECHAT_TAKEN_PERHAPS);
	r = refusal_of(H5_V3_REFUND, 400, body, "08E7-268443701");
	assert_non_null(strstr(r.note, "acceptance relation"));
	assert_int_equal(r.verdict, H5_WECHAT_REFUSED);
	/* What the code says already is not said worse. */
	r = refusal_of(H5_V3_CERTIFICATES, 404,
	    "{\"code\":\"RESOURCE_NOT_EXISTS\"}", "08E7-268435461");
	assert_non_null(strstr(r.note, "merchant.public_key_file"));
	r = refusal_of(
	    H5_V3_REFUND, 400, "{\"code\":\"SOMETHING_NEW\"}", "1-268443715");
	assert_non_null(strstr(r.note, "stopped this merchant"));
	r = refusal_of(H5_V3_REFUND, 400, body, "08E7-99999999999999999999");
	assert_non_null(strstr(r.note, "not repeated"));
	r = refusal_of(H5_V3_REFUND, 400, body, "-");
	assert_non_null(strstr(r.note, "not repeated"));
	r = refusal_of(H5_V3_REFUND, 400, body, "268443701");
	assert_non_null(strstr(r.note, "not repeated"));
}

/* Words of WeChat's are cut where a character ends. */
static void
test_v3_refusals__long_words_are_cut(void **state)
{
	struct h5_wechat_refusal r;
	char body[2000] = "{\"code\":\"NO_AUTH\",\"message\":\"";
	size_t i;

	(void)state;
	for (i = 0; i < 200; i++)
		memcpy(body + strlen(body), "\xe8\x8c\xb6", 4);
	memcpy(body + strlen(body), "\",\"detail\":{\"field\":\"/x\"}}", 27);
	r = refusal_of(H5_V3_PREPAY, 403, body, "");
	assert_int_equal(strlen(r.err_code_des), 129);
	assert_int_equal(r.verdict, H5_WECHAT_MERCHANT);
	r = refusal_code(
	    H5_V3_PREPAY, 403, "A_CODE_THAT_IS_FAR_LONGER_THAN_ANY_OF_WECHATS");
	assert_int_equal(strlen(r.err_code), 32);
}

/* --- headers --- */

static void
test_v3_refusals__headers_are_found(void **state)
{
	static const char text[] = "HTTP/1.1 100 Continue\n"
				   "wechatpay-nonce: interim\n"
				   "Request-ID: interim\n"
				   "\n"
				   "HTTP/1.1 200 OK\n"
				   "Date: x\n"
				   "WECHATPAY-SERIAL:  PUB_KEY_ID_1 \n"
				   "wechatpay-timestamp:1764496800\n"
				   "Wechatpay-Signature: abc==\t\n"
				   "Wechatpay-Other: 1\n"
				   "request-id: 08E7-268443701\n"
				   "no colon\n"
				   ": empty\n"
				   "\n";
	char id[H5_V3_REQUEST_ID];
	struct h5_wechat_headers h;
	struct h5_buf head;

	(void)state;
	h5_buf_init(&head, 65536);
	h5_buf_puts(&head, text);
	h5_v3_headers(&head, &h, id);
	assert_true(h.any);
	assert_false(h.doubled);
	assert_string_equal(h.v[H5_WECHAT_SERIAL], "PUB_KEY_ID_1");
	assert_string_equal(h.v[H5_WECHAT_TIMESTAMP], "1764496800");
	assert_string_equal(h.v[H5_WECHAT_SIGNATURE], "abc==");
	assert_null(h.v[H5_WECHAT_NONCE]);
	assert_null(h.v[H5_WECHAT_SIGNATURE_TYPE]);
	assert_string_equal(id, "08E7-268443701");
	h5_buf_clear(&head);
	h5_buf_puts(&head, "HTTP/1.1 404 Not Found\nDate: x\n\n");
	h5_v3_headers(&head, &h, id);
	assert_false(h.any);
	assert_string_equal(id, "");
	h5_buf_clear(&head);
	h5_buf_puts(&head, "Wechatpay-Nonce: 1\nWECHATPAY-NONCE: 2");
	h5_v3_headers(&head, &h, id);
	assert_true(h.doubled);
	h5_buf_release(&head);
	/* An empty head, which no byte was ever put into. */
	h5_buf_init(&head, 65536);
	h5_v3_headers(&head, &h, id);
	assert_false(h.any);
}

static void
test_v3_refusals__a_request_id_that_is_too_long_is_none(void **state)
{
	char id[H5_V3_REQUEST_ID];
	struct h5_wechat_headers h;
	struct h5_buf head;
	size_t i;

	(void)state;
	h5_buf_init(&head, 65536);
	h5_buf_puts(&head, "Request-ID: ");
	for (i = 0; i < H5_V3_REQUEST_ID; i++)
		h5_buf_putc(&head, 'a');
	h5_buf_puts(&head, "\n");
	h5_v3_headers(&head, &h, id);
	assert_string_equal(id, "");
	h5_buf_release(&head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_v3_refusals__every_row_of_the_table),
	    cmocka_unit_test(test_v3_refusals__answers_that_were_seen),
	    cmocka_unit_test(test_v3_refusals__the_inner_code_adds_a_note),
	    cmocka_unit_test(test_v3_refusals__long_words_are_cut),
	    cmocka_unit_test(test_v3_refusals__headers_are_found),
	    cmocka_unit_test(
		test_v3_refusals__a_request_id_that_is_too_long_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
