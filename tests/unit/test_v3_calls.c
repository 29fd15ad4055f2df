/* Conversations over APIv3: what is sent, what is believed, what a refusal
 * means, and what is tried again. */
#include "tests/unit/help.h"
#include "tests/unit/v3desk.h"

#include "common/wechat/v3/call.h"
#include "common/wechat/v3/error.h"

#define NO "order-1_2"
#define H5_URL                                                                 \
	"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?"                \
	"prepay_id=wx1410&package=1148742901"
#define H5_ANSWER "{\"h5_url\":\"" H5_URL "\"}"
#define REQUEST                                                                \
	"{\"x\":\"\xe8\x8c\xb6\",\"scene_info\":{\"payer_client_ip\":"         \
	"\"203.0.113.7\",\"h5_info\":{\"type\":\"Wap\"}}}"
#define IDS "\"appid\":\"" APPID "\",\"mchid\":\"" MCH_ID "\""
#define PAID_WITH(state, amount)                                               \
	"{" IDS ",\"out_trade_no\":\"" NO "\",\"trade_state\":\"" state        \
	"\",\"transaction_id\":\"4200000001\",\"amount\":{" amount "}}"
#define OPEN                                                                   \
	"{" IDS ",\"out_trade_no\":\"" NO "\",\"trade_state\":\"NOTPAY\","     \
	"\"trade_state_desc\":\"x\",\"promotion_detail\":[],"                  \
	"\"scene_info\":{\"device_id\":\"\"},\"amount\":{\"total\":12800}}"
#define CLOSED                                                                 \
	"{" IDS ",\"out_trade_no\":\"" NO "\",\"trade_state\":\"CLOSED\"}"
#define CODE(code) "{\"code\":\"" code "\",\"message\":\"m\"}"

static unsigned pauses;
void __wrap_h5_clock_pause_ms(int ms);
void
__wrap_h5_clock_pause_ms(int ms)
{
	assert_true(ms > 0);
	pauses++;
}

static struct h5_attempt attempt;
static struct h5_order order;
static char request[] = REQUEST;
static struct h5_wechat_refusal refusal;
static struct h5_err err;

static int
set_up(void **state)
{
	static char body[] = "Tea";

	memset(&attempt, 0, sizeof attempt);
	memset(&order, 0, sizeof order);
	(void)snprintf(attempt.out_trade_no, sizeof attempt.out_trade_no, NO);
	(void)snprintf(attempt.transaction_id, sizeof attempt.transaction_id,
	    "4200000001");
	(void)snprintf(order.id, sizeof order.id, "order-1");
	attempt.api = H5_API_V3;
	attempt.request = request;
	order.total_fee = 12800;
	order.body = body;
	order.attempts = &attempt;
	order.n_attempts = 1;
	pauses = 0;
	return desk_set_up(state);
}

static int
tear_down(void **state)
{
	return desk_tear_down(state);
}

/* --- the calls, short --- */

static enum h5_code
prepay(struct h5_wechat_prepay *out)
{
	return h5_wechat_prepay(desk->w, &desk->log, &order, &attempt,
	    "203.0.113.7", out, &refusal, &err);
}

static enum h5_code
prepay_rc(void)
{
	struct h5_wechat_prepay p;
	enum h5_code rc = prepay(&p);

	if (rc != H5_OK || refusal.verdict != H5_WECHAT_SUCCESS) {
		assert_null(p.mweb_url);
		assert_null(p.code_url);
		assert_string_equal(p.prepay_id, "");
	}
	h5_wechat_prepay_release(&p);
	return rc;
}

static enum h5_code
query(struct h5_wechat_trade *t)
{
	return h5_wechat_query(
	    desk->w, &desk->log, &attempt, t, &refusal, &err);
}

static enum h5_code
query_rc(void)
{
	struct h5_wechat_trade t;
	enum h5_code rc = query(&t);

	if (rc != H5_OK)
		assert_false(t.paid && refusal.verdict == H5_WECHAT_SUCCESS &&
			     rc == H5_OK);
	h5_wechat_trade_release(&t);
	return rc;
}

static enum h5_code
close_rc(void)
{
	return h5_wechat_close(desk->w, &desk->log, &attempt, &refusal, &err);
}

static struct h5_refund refund_row = {.out_refund_no = "order-1-r1",
    .out_trade_no = NO,
    .refund_fee = 300,
    .state = H5_REFUND_ASKED,
    .asked_at = 1};
static struct h5_wechat_refund got;

static enum h5_code
refund_rc(void)
{
	return h5_wechat_refund(
	    desk->w, &desk->log, &order, &refund_row, &got, &refusal, &err);
}

static enum h5_code
refund_query_rc(void)
{
	return h5_wechat_refund_query(
	    desk->w, &desk->log, &order, &refund_row, &got, &refusal, &err);
}

#define REFUND_WITH(status, more)                                              \
	"{\"refund_id\":\"5000001\",\"out_refund_no\":\"order-1-r1\","         \
	"\"transaction_id\":\"4200000001\",\"out_trade_no\":\"" NO             \
	"\",\"channel\":\"ORIGINAL\"," status                                  \
	"\"amount\":{\"total\":12800,\"refund\":300,\"payer_total\":12000,"    \
	"\"payer_refund\":280,\"currency\":\"CNY\"}" more "}"
#define REFUND REFUND_WITH("\"status\":\"PROCESSING\",", "")

/* --- what is sent --- */

static void
test_v3_calls__prepay_sends_what_was_stored(void **state)
{
	struct h5_wechat_prepay p;

	(void)state;
	(void)desk_reply(200, H5_ANSWER);
	assert_int_equal(prepay(&p), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	assert_string_equal(p.mweb_url, H5_URL);
	assert_string_equal(p.prepay_id, "-");
	h5_wechat_prepay_release(&p);
	desk_asked(1);
	assert_string_equal(desk->seen[0].url,
	    "https://api.mch.weixin.qq.com/v3/pay/transactions/h5");
	assert_string_equal(desk->seen[0].body, REQUEST);
}

static void
test_v3_calls__prepay_without_stored_bytes_is_our_bug(void **state)
{
	(void)state;
	attempt.request = NULL;
	assert_int_equal(prepay_rc(), H5_E_BUG);
	desk_asked(0);
}

static void
test_v3__bug_12_each_request_names_the_public_key(void **state)
{
	size_t i;

	(void)state;
	(void)desk_reply(200, H5_ANSWER);
	(void)desk_reply(200, OPEN);
	(void)desk_reply(204, "");
	(void)desk_reply(200, REFUND);
	(void)desk_reply(200, REFUND);
	(void)desk_reply(200, "{\"echo_message\":\"hello\"}");
	assert_int_equal(prepay_rc(), H5_OK);
	assert_int_equal(query_rc(), H5_OK);
	assert_int_equal(close_rc(), H5_OK);
	assert_int_equal(refund_rc(), H5_OK);
	assert_int_equal(refund_query_rc(), H5_OK);
	assert_int_equal(
	    h5_wechat_echo(desk->w, &desk->log, "hello", false, &refusal, &err),
	    H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	desk_asked(6);
	for (i = 0; i < desk->n_seen; i++)
		assert_string_equal(
		    seen_header(&desk->seen[i], "Wechatpay-Serial"), PUBLIC_ID);
}

static void
test_v3__bug_43_accept_and_content_type_are_sent(void **state)
{
	(void)state;
	(void)desk_reply(200, H5_ANSWER);
	(void)desk_reply(200, OPEN);
	assert_int_equal(prepay_rc(), H5_OK);
	assert_int_equal(query_rc(), H5_OK);
	assert_string_equal(
	    seen_header(&desk->seen[0], "Accept"), "application/json");
	assert_string_equal(
	    seen_header(&desk->seen[0], "Content-Type"), "application/json");
	assert_string_equal(
	    seen_header(&desk->seen[1], "Accept"), "application/json");
	assert_null(seen_header(&desk->seen[1], "Content-Type"));
	assert_int_equal(desk->seen[1].n_body, 0);
}

static void
test_v3__bug_21_nobody_is_asked_to_pack(void **state)
{
	size_t i;

	(void)state;
	(void)desk_reply(200, OPEN);
	assert_int_equal(query_rc(), H5_OK);
	for (i = 0; i < desk->seen[0].n_headers; i++)
		assert_null(strstr(desk->seen[0].headers[i], "Encoding"));
}

/* desk checks each signature over the request line and body that came. */
static void
test_v3__bug_1_the_query_string_is_signed(void **state)
{
	(void)state;
	(void)desk_reply(200, OPEN);
	assert_int_equal(query_rc(), H5_OK);
	assert_string_equal(desk->seen[0].url,
	    "https://api.mch.weixin.qq.com/v3/pay/transactions/out-trade-no/" NO
	    "?mchid=" MCH_ID);
}

static void
test_v3__bug_2_what_is_encoded_is_signed_as_it_is_sent(void **state)
{
	struct h5_attempt odd = attempt;
	struct h5_wechat_trade t;

	(void)state;
	(void)snprintf(odd.out_trade_no, sizeof odd.out_trade_no, "A|B*-_1");
	(void)desk_reply(404, CODE("ORDER_NOT_EXIST"));
	assert_int_equal(
	    h5_wechat_query(desk->w, &desk->log, &odd, &t, &refusal, &err),
	    H5_OK);
	h5_wechat_trade_release(&t);
	assert_int_equal(refusal.verdict, H5_WECHAT_UNKNOWN_ORDER);
	assert_non_null(strstr(
	    desk->seen[0].url, "/out-trade-no/A%7CB%2A-_1?mchid=" MCH_ID));
}

static void
test_v3__bug_4_a_repetition_has_the_same_bytes(void **state)
{
	(void)state;
	(void)desk_reply(0, "");
	(void)desk_reply(502, "<html>");
	(void)desk_reply(200, H5_ANSWER);
	assert_int_equal(prepay_rc(), H5_OK);
	desk_asked(3);
	assert_string_equal(desk->seen[0].body, REQUEST);
	assert_string_equal(desk->seen[1].body, REQUEST);
	assert_string_equal(desk->seen[2].body, REQUEST);
	assert_string_not_equal(seen_header(&desk->seen[0], "Authorization"),
	    seen_header(&desk->seen[1], "Authorization"));
}

/* --- what is believed --- */

static void
test_v3__bug_16_an_answer_that_nobody_signed_is_none(void **state)
{
	(void)state;
	desk_reply(200, H5_ANSWER)->bare = true;
	desk_reply(200, H5_ANSWER)->bare = true;
	assert_int_equal(prepay_rc(), H5_E_REMOTE);
	desk_asked(2);
	desk_anew();
	desk_reply(200, PAID_WITH("SUCCESS", "\"total\":12800"))->bare = true;
	desk_reply(200, PAID_WITH("SUCCESS", "\"total\":12800"))->wrong = true;
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_asked(2);
	desk_anew();
	desk_reply(204, "")->bare = true;
	desk_reply(204, "")->wrong = true;
	assert_int_equal(close_rc(), H5_E_REMOTE);
	desk_asked(2);
	desk_anew();
	desk_reply(200, REFUND)->bare = true;
	assert_int_equal(refund_rc(), H5_E_REMOTE);
	assert_string_equal(got.out_refund_no, "");
	desk_asked(1);
}

static void
test_v3_calls__an_old_answer_or_a_strange_key_is_none(void **state)
{
	(void)state;
	desk_reply(200, OPEN)->ago = 301;
	desk_reply(200, OPEN)->ago = -301;
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_anew();
	desk_reply(200, OPEN)->serial =
	    "PUB_KEY_ID_0114232134912410000000000001";
	desk_reply(200, OPEN)->serial = "0114232134912410000000000000";
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_anew();
	desk_reply(200, OPEN)->doubled = true;
	desk_reply(200, OPEN)->doubled = true;
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_anew();
	desk_reply(200, OPEN)->ago = 290;
	assert_int_equal(query_rc(), H5_OK);
}

static void
test_v3__bug_30_the_raw_bytes_are_checked(void **state)
{
	static const char odd[] =
	    "\n{ \"amount\" : { \"total\":12800 , \"new\":[1.5,null]},"
	    "\"trade_state\":\"SUCCE\\u0053S\",\"transaction_id\":"
	    "\"4200000001\""
	    ",\"attach\":\"\\/\\u8336\", " IDS ",\"out_trade_no\":\"" NO
	    "\"}\r\n";
	struct h5_wechat_trade t;

	(void)state;
	(void)desk_reply(200, odd);
	assert_int_equal(query(&t), H5_OK);
	assert_true(t.paid);
	assert_int_equal(t.total_fee, 12800);
	assert_true(h5_fields_is(&t.further, "attach", "/\xe8\x8c\xb6"));
	h5_wechat_trade_release(&t);
}

static void
test_v3__bug_32_names_of_headers_have_no_case(void **state)
{
	(void)state;
	desk_reply(200, OPEN)->lower = true;
	assert_int_equal(query_rc(), H5_OK);
	desk_anew();
	desk_reply(200, OPEN)->extra =
	    "HTTP/1.1 100 Continue\n"
	    "Wechatpay-Serial: x\n\nHTTP/1.1 200 OK\n";
	assert_int_equal(query_rc(), H5_OK);
}

static void
test_v3__bug_33_a_probe_is_refused_and_asked_again(void **state)
{
	(void)state;
	desk_reply(200, OPEN)->probe = true;
	(void)desk_reply(200, OPEN);
	assert_int_equal(query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	desk_asked(2);
	assert_int_equal(pauses, 1);
	desk_anew();
	desk_reply(200, OPEN)->probe = true;
	desk_reply(200, OPEN)->probe = true;
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_asked(2);
	/* Of a refund nobody knows whether it was carried out. */
	desk_anew();
	desk_reply(200, REFUND)->probe = true;
	assert_int_equal(refund_rc(), H5_E_REMOTE);
	desk_asked(1);
}

static void
test_v3__bug_17_a_refusal_needs_no_signature(void **state)
{
	(void)state;
	(void)desk_reply(404, CODE("ORDER_NOT_EXIST"));
	assert_int_equal(query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_UNKNOWN_ORDER);
	assert_string_equal(refusal.err_code, "ORDER_NOT_EXIST");
	desk_asked(1);
}

static void
test_v3__bug_18_what_is_not_believed_is_no_refusal(void **state)
{
	(void)state;
	desk_reply(200, REFUND)->wrong = true;
	assert_int_equal(refund_rc(), H5_E_REMOTE);
	assert_int_equal(refusal.verdict, H5_WECHAT_REFUSED);
	assert_string_equal(refusal.err_code, "");
	/* Its status would be a refusal, but it says 200. */
	desk_anew();
	desk_reply(200, CODE("NOT_ENOUGH"))->bare = true;
	assert_int_equal(refund_rc(), H5_E_REMOTE);
}

static void
test_v3__bug_22_a_close_is_told_by_its_status(void **state)
{
	(void)state;
	(void)desk_reply(204, "");
	assert_int_equal(close_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	desk_asked(1);
	assert_string_equal(desk->seen[0].body, "{\"mchid\":\"" MCH_ID "\"}");
	assert_int_equal(desk->seen[0].method, H5_HTTPS_POST);
}

static void
test_v3__bug_41_empty_is_no_success(void **state)
{
	size_t i;

	(void)state;
	(void)desk_reply(200, "");
	assert_int_equal(prepay_rc(), H5_E_REMOTE);
	desk_anew();
	(void)desk_reply(200, "");
	assert_int_equal(close_rc(), H5_E_REMOTE);
	desk_anew();
	(void)desk_reply(204, "");
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_anew();
	(void)desk_reply(204, "");
	assert_int_equal(refund_rc(), H5_E_REMOTE);
	/* 202: the same again, then nobody knows. */
	desk_anew();
	for (i = 0; i < 4; i++)
		(void)desk_reply(202, "");
	assert_int_equal(close_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_AGAIN);
	desk_asked(4);
	desk_anew();
	(void)desk_reply(202, H5_ANSWER);
	(void)desk_reply(200, H5_ANSWER);
	assert_int_equal(prepay_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	/* A refund is asked about, not repeated. */
	desk_anew();
	(void)desk_reply(202, "");
	assert_int_equal(refund_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_AGAIN);
	desk_asked(1);
}

static void
test_v3__bug_24_an_error_may_say_nothing(void **state)
{
	(void)state;
	(void)desk_reply(405, "");
	assert_int_equal(query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_REFUSED);
	assert_string_equal(refusal.err_code, "HTTP_405");
	desk_anew();
	(void)desk_reply(404, "");
	assert_int_equal(query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_REFUSED);
	desk_anew();
	(void)desk_reply(404, "<html><body>ORDER_NOT_EXIST</body></html>");
	assert_int_equal(query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_REFUSED);
}

/* --- facts --- */

static void
test_v3__bug_36_partly_refunded_is_paid(void **state)
{
	struct h5_wechat_trade t;

	(void)state;
	(void)desk_reply(200, PAID_WITH("REFUND", "\"total\":12800"));
	assert_int_equal(query(&t), H5_OK);
	assert_true(t.paid);
	assert_string_equal(t.trade_state, "REFUND");
	assert_string_equal(t.transaction_id, "4200000001");
	assert_string_equal(t.fee_type, "CNY");
	assert_int_equal(t.api, H5_API_V3);
	h5_wechat_trade_release(&t);
}

static void
test_v3__bug_37_coupons_do_not_make_another_amount(void **state)
{
	struct h5_wechat_trade t;

	(void)state;
	(void)desk_reply(200,
	    "{" IDS ",\"out_trade_no\":\"" NO "\",\"trade_state\":\"SUCCESS\","
	    "\"trade_type\":\"MWEB\",\"bank_type\":\"OTHERS\","
	    "\"success_time\":\"2025-11-30T10:00:05.123Z\","
	    "\"transaction_id\":\"4200000001\",\"payer\":{\"openid\":\"o1\"},"
	    "\"amount\":{\"total\":12800,\"payer_total\":12000,"
	    "\"currency\":\"CNY\",\"payer_currency\":\"CNY\"},"
	    "\"promotion_detail\":[{\"coupon_id\":\"1\",\"amount\":800}]}");
	assert_int_equal(query(&t), H5_OK);
	assert_int_equal(t.total_fee, 12800);
	assert_int_equal(t.time_end, 1764496805);
	assert_true(h5_fields_is(&t.further, "payer_total", "12000"));
	assert_true(h5_fields_is(&t.further, "trade_type", "MWEB"));
	assert_null(h5_fields_get(&t.further, "openid"));
	h5_wechat_trade_release(&t);
}

static void
test_v3_calls__a_trade_must_be_the_one_that_was_asked_about(void **state)
{
	static const char *const rows[] = {
	    "{" IDS ",\"out_trade_no\":\"order-1_3\",\"trade_state\":"
	    "\"NOTPAY\"}",
	    "{\"appid\":\"" APPID "\",\"mchid\":\"1230000108\","
	    "\"out_trade_no\":\"" NO "\",\"trade_state\":\"NOTPAY\"}",
	    "{\"appid\":\"wx0\",\"mchid\":\"" MCH_ID "\",\"out_trade_no\":\"" NO
	    "\",\"trade_state\":\"NOTPAY\"}",
	    "{\"mchid\":\"" MCH_ID "\",\"out_trade_no\":\"" NO
	    "\",\"trade_state\":\"NOTPAY\"}",
	    "{" IDS ",\"sub_mchid\":\"1\",\"out_trade_no\":\"" NO
	    "\",\"trade_state\":\"NOTPAY\"}",
	    "{" IDS ",\"out_trade_no\":\"" NO "\"}",
	    "{" IDS ",\"out_trade_no\":\"" NO "\",\"trade_state\":5}",
	    PAID_WITH("SUCCESS", "\"payer_total\":12800"),
	    PAID_WITH("SUCCESS", "\"total\":\"12800\""),
	    PAID_WITH("SUCCESS", "\"total\":12800.0"),
	    PAID_WITH("SUCCESS", "\"total\":0"),
	    PAID_WITH("SUCCESS", "\"total\":-1"),
	    PAID_WITH("SUCCESS", "\"total\":1,\"total\":12800"),
	    "{" IDS ",\"out_trade_no\":\"" NO
	    "\",\"trade_state\":\"SUCCESS\",\"amount\":{\"total\":12800}}",
	    "[]",
	    "{",
	    "<xml/>",
	};
	struct h5_wechat_trade t;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		desk_anew();
		(void)desk_reply(200, rows[i]);
		ROW(rows[i], query(&t) == H5_E_REMOTE);
		h5_wechat_trade_release(&t);
	}
}

static void
test_v3_calls__a_provider_asks_for_its_sub_merchant(void **state)
{
	static const char mine[] =
	    "{\"sp_appid\":\"" APPID "\",\"sp_mchid\":\"" MCH_ID
	    "\",\"sub_appid\":\"wx1\",\"sub_mchid\":\"1900000200\","
	    "\"out_trade_no\":\"" NO "\",\"trade_state\":\"NOTPAY\"}";
	static const char theirs[] =
	    "{\"sp_appid\":\"" APPID "\",\"sp_mchid\":\"" MCH_ID
	    "\",\"sub_mchid\":\"1900000201\","
	    "\"out_trade_no\":\"" NO "\",\"trade_state\":\"NOTPAY\"}";

	(void)state;
	desk->c.merchant.sub_mch_id = strdup("1900000200");
	desk->c.merchant.sub_appid = strdup("wx1");
	(void)desk_reply(200, mine);
	assert_int_equal(query_rc(), H5_OK);
	assert_non_null(strstr(desk->seen[0].url,
	    "/v3/pay/partner/transactions/out-trade-no/" NO "?sp_mchid=" MCH_ID
	    "&sub_mchid=1900000200"));
	desk_anew();
	(void)desk_reply(200, theirs);
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_anew();
	(void)desk_reply(200, OPEN);
	assert_int_equal(query_rc(), H5_E_REMOTE);
}

static void
test_v3_calls__where_a_buyer_is_sent(void **state)
{
	static const char *const rows[] = {
	    "{\"h5_url\":\"https://wx.tenpay.com.evil/x\"}",
	    "{\"h5_url\":\"http://wx.tenpay.com/x\"}",
	    "{\"h5_url\":\"https://wx.tenpay.com/\\\"x\"}",
	    "{\"h5_url\":\"\"}",
	    "{\"h5_url\":null}",
	    "{\"code_url\":\"https://wx.tenpay.com/x\"}",
	    "{}",
	};
	struct h5_wechat_prepay p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		desk_anew();
		(void)desk_reply(200, rows[i]);
		ROW(rows[i], prepay(&p) == H5_E_REMOTE && p.mweb_url == NULL);
		h5_wechat_prepay_release(&p);
	}
	attempt.product = H5_PRODUCT_NATIVE;
	desk_anew();
	(void)desk_reply(200, "{\"code_url\":\"weixin://wxpay/bizpayurl/"
			      "up?pr=NwY5Mz9&groupid=00\"}");
	assert_int_equal(prepay(&p), H5_OK);
	assert_string_equal(
	    p.code_url, "weixin://wxpay/bizpayurl/up?pr=NwY5Mz9&groupid=00");
	h5_wechat_prepay_release(&p);
	assert_non_null(strstr(desk->seen[0].url, "/transactions/native"));
	attempt.product = H5_PRODUCT_JSAPI;
	desk_anew();
	(void)desk_reply(200, "{\"prepay_id\":\"wx26112221580621e9b071c0\"}");
	assert_int_equal(prepay(&p), H5_OK);
	assert_string_equal(p.prepay_id, "wx26112221580621e9b071c0");
	h5_wechat_prepay_release(&p);
}

/* --- refunds --- */

static void
test_v3__bug_35_an_answer_says_status(void **state)
{
	static const struct {
		const char *answer;
		enum h5_refund_state state;
	} rows[] = {
	    {REFUND, H5_REFUND_PROCESSING},
	    {REFUND_WITH("\"status\":\"SUCCESS\",",
		 ",\"success_time\":\"2025-11-30T18:00:05+08:00\""),
		H5_REFUND_SUCCESS},
	    {REFUND_WITH("\"status\":\"CLOSED\",", ""), H5_REFUND_CLOSED},
	    {REFUND_WITH("\"status\":\"ABNORMAL\",", ""), H5_REFUND_CHANGE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		desk_anew();
		(void)desk_reply(200, rows[i].answer);
		ROW(rows[i].answer, refund_query_rc() == H5_OK);
		ROW(rows[i].answer, got.state == rows[i].state);
		ROW(rows[i].answer, got.refund_fee == 300);
		ROW(rows[i].answer,
		    got.success_time == (i == 1 ? 1764496805 : 0));
	}
	desk_anew();
	(void)desk_reply(
	    200, REFUND_WITH("\"refund_status\":\"SUCCESS\",", ""));
	assert_int_equal(refund_query_rc(), H5_E_REMOTE);
	assert_string_equal(got.out_refund_no, "");
	desk_anew();
	(void)desk_reply(200, REFUND_WITH("\"status\":\"REFUNDCLOSE\",", ""));
	assert_int_equal(refund_query_rc(), H5_E_REMOTE);
}

static void
test_v3_calls__a_refund_of_something_else_is_not_believed(void **state)
{
	(void)state;
	(void)desk_reply(200, REFUND);
	refund_row.refund_fee = 301;
	assert_int_equal(refund_rc(), H5_E_REMOTE);
	assert_string_equal(got.out_refund_no, "");
	refund_row.refund_fee = 300;
	desk_anew();
	(void)desk_reply(200, REFUND);
	attempt.transaction_id[0] = '5';
	assert_int_equal(refund_query_rc(), H5_E_REMOTE);
	attempt.transaction_id[0] = '4';
	desk_anew();
	(void)desk_reply(200, REFUND);
	(void)snprintf(
	    attempt.out_trade_no, sizeof attempt.out_trade_no, "order-1_3");
	assert_int_equal(refund_query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_TAKEN);
	desk_anew();
	(void)desk_reply(404, CODE("RESOURCE_NOT_EXISTS"));
	assert_int_equal(refund_query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_NO_REFUND);
}

static void
test_v3__bug_39_a_refund_is_sent_once(void **state)
{
	(void)state;
	(void)desk_reply(429, CODE("FREQUENCY_LIMITED"));
	assert_int_equal(refund_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_AGAIN);
	desk_asked(1);
	/* The other host, the same number, and no more. */
	desk_anew();
	(void)desk_reply(500, CODE("SYSTEM_ERROR"));
	(void)desk_reply(500, CODE("SYSTEM_ERROR"));
	assert_int_equal(refund_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_AGAIN);
	desk_asked(2);
	assert_string_equal(desk->seen[0].body, desk->seen[1].body);
	desk_anew();
	(void)desk_reply(0, "");
	(void)desk_reply(0, "");
	assert_int_equal(refund_rc(), H5_E_NET);
	desk_asked(2);
	assert_string_equal(desk->seen[0].body, desk->seen[1].body);
}

static void
test_v3_calls__all_refunds_cannot_be_asked_for(void **state)
{
	struct h5_wechat_refunds list;

	(void)state;
	assert_int_equal(h5_wechat_refunds(desk->w, &desk->log, &attempt,
			     "4200000001", &list, &refusal, &err),
	    H5_E_BUG);
	desk_asked(0);
}

/* --- the other host, and again --- */

static void
test_v3__bug_42_the_other_host_gets_the_same_request(void **state)
{
	(void)state;
	(void)desk_reply(0, "");
	(void)desk_reply(200, H5_ANSWER);
	assert_int_equal(prepay_rc(), H5_OK);
	desk_asked(2);
	assert_string_equal(desk->seen[1].url,
	    "https://api2.mch.weixin.qq.com/v3/pay/transactions/h5");
	assert_string_equal(desk->seen[0].body, desk->seen[1].body);
	/* An answer that can be read is an answer. */
	desk_anew();
	(void)desk_reply(403, CODE("OUT_TRADE_NO_USED"));
	assert_int_equal(prepay_rc(), H5_OK);
	desk_asked(1);
	desk_anew();
	(void)desk_reply(401, CODE("SIGN_ERROR"));
	assert_int_equal(prepay_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_MERCHANT);
	desk_asked(1);
	desk_anew();
	desk_reply(200, H5_ANSWER)->wrong = true;
	desk_reply(200, H5_ANSWER)->wrong = true;
	assert_int_equal(prepay_rc(), H5_E_REMOTE);
	assert_non_null(strstr(desk->seen[1].url, "//api.mch.weixin"));
}

static void
test_v3_calls__again_is_tried_three_times_more(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		(void)desk_reply(429, CODE("RATELIMIT_EXCEEDED"));
	assert_int_equal(query_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_AGAIN);
	desk_asked(4);
	assert_int_equal(pauses, 3);
	/* No time, no repetition. */
	desk_anew();
	desk->c.gateway.deadline_ms = 400;
	(void)desk_reply(429, CODE("RATELIMIT_EXCEEDED"));
	assert_int_equal(query_rc(), H5_OK);
	desk_asked(1);
}

/* --- what a query must decide --- */

static void
test_v3__bug_38_a_number_of_another_product_is_taken(void **state)
{
	(void)state;
	(void)desk_reply(403, CODE("OUT_TRADE_NO_USED"));
	assert_int_equal(prepay_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_TAKEN);
	desk_asked(1);
}

static void
test_v3_calls__against_the_rules_may_mean_taken(void **state)
{
	(void)state;
	(void)desk_reply(400, CODE("INVALID_REQUEST"));
	assert_int_equal(prepay_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_TAKEN_PERHAPS);
	assert_string_equal(refusal.err_code, "INVALID_REQUEST");
	desk_asked(1);
}

static void
test_v3_calls__a_refused_close_is_decided_by_a_query(void **state)
{
	static const char *const codes[] = {CODE("ORDER_PAID"),
	    CODE("TRADE_ERROR"), CODE("INVALID_REQUEST"), CODE("ORDER_CLOSED"),
	    CODE("ORDER_NOT_EXIST"), CODE("RULE_LIMIT"), CODE("SOMETHING"), ""};
	static const struct {
		long status;
		const char *answer;
		enum h5_wechat_verdict verdict;
	} rows[] = {
	    {200, PAID_WITH("SUCCESS", "\"total\":12800"), H5_WECHAT_PAID},
	    {200, PAID_WITH("REFUND", "\"total\":12800"), H5_WECHAT_PAID},
	    {200, CLOSED, H5_WECHAT_CLOSED},
	    {200, OPEN, H5_WECHAT_NOT_YET},
	    {404, CODE("ORDER_NOT_EXIST"), H5_WECHAT_UNKNOWN_ORDER},
	    {403, CODE("TRADE_ERROR"), H5_WECHAT_REFUSED},
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(codes); i++)
		for (j = 0; j < COUNT(rows); j++) {
			desk_anew();
			(void)desk_reply(400, codes[i]);
			(void)desk_reply(rows[j].status, rows[j].answer);
			ROW(codes[i], close_rc() == H5_OK);
			ROW(rows[j].answer, refusal.verdict == rows[j].verdict);
			desk_asked(2);
		}
	desk_anew();
	(void)desk_reply(401, CODE("SIGN_ERROR"));
	assert_int_equal(close_rc(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_MERCHANT);
	desk_asked(1);
	desk_anew();
	(void)desk_reply(400, CODE("ORDER_CLOSED"));
	desk_reply(200, CLOSED)->wrong = true;
	desk_reply(200, CLOSED)->wrong = true;
	assert_int_equal(close_rc(), H5_E_REMOTE);
}

/* --- the bridge --- */

static void
test_v3__bug_46_the_bridge_gets_texts(void **state)
{
	static char id[] = "wx26112221580621e9b071c0";
	struct h5_wechat_bridge b;
	struct h5_buf message, signature;

	(void)state;
	attempt.product = H5_PRODUCT_JSAPI;
	attempt.prepay_id = id;
	assert_int_equal(
	    h5_wechat_bridge(&desk->c, &attempt, 1764496800, &b, &err), H5_OK);
	assert_string_equal(b.time_stamp, "1764496800");
	assert_string_equal(b.app_id, APPID);
	assert_string_equal(b.sign_type, "RSA");
	assert_string_equal(b.package, "prepay_id=wx26112221580621e9b071c0");
	assert_int_equal(strlen(b.pay_sign), 344);
	h5_buf_init(&message, 1024);
	h5_buf_init(&signature, 1024);
	h5_buf_printf(&message, "%s\n1764496800\n%s\n%s\n", APPID, b.nonce_str,
	    b.package);
	assert_int_equal(h5_base64_read(b.pay_sign, &signature, &err), H5_OK);
	assert_int_equal(h5_rsa_verify(desk->ours, message.data, message.len,
			     &signature, &err),
	    H5_OK);
	h5_buf_release(&message);
	h5_buf_release(&signature);
	desk->c.merchant.sub_mch_id = strdup("1900000200");
	assert_int_equal(
	    h5_wechat_bridge(&desk->c, &attempt, 1764496800, &b, &err), H5_OK);
	assert_string_equal(b.app_id, APPID);
	desk->c.merchant.sub_appid = strdup("wx1");
	assert_int_equal(
	    h5_wechat_bridge(&desk->c, &attempt, 1764496800, &b, &err), H5_OK);
	assert_string_equal(b.app_id, "wx1");
}

/* --- time --- */

static void
test_v3_calls__answers_and_refusals_tell_the_time(void **state)
{
	int64_t ahead;

	(void)state;
	assert_false(h5_wechat_clock(desk->w, &ahead));
	desk_reply(404, CODE("ORDER_NOT_EXIST"))->date_ago = 100;
	assert_int_equal(query_rc(), H5_OK);
	assert_true(h5_wechat_clock(desk->w, &ahead));
	assert_true(ahead >= 99 && ahead <= 101);
	desk_anew();
	desk_reply(200, OPEN)->date_ago = -50;
	assert_int_equal(query_rc(), H5_OK);
	assert_true(h5_wechat_clock(desk->w, &ahead));
	assert_true(ahead >= -51 && ahead <= -49);
	/* A page of some other server does not. */
	desk_anew();
	desk_reply(403, "<html>")->date_ago = 5000;
	assert_int_equal(query_rc(), H5_OK);
	assert_true(h5_wechat_clock(desk->w, &ahead));
	assert_true(ahead >= -51 && ahead <= -49);
}

static void
test_v3_calls__without_keys_nothing_is_sent(void **state)
{
	(void)state;
	h5_v3_keys_free(desk->c.merchant.v3);
	desk->c.merchant.v3 = NULL;
	assert_int_equal(query_rc(), H5_E_CONFIG);
	assert_int_equal(prepay_rc(), H5_E_CONFIG);
	desk_asked(0);
}

static void
test_v3_calls__a_redirect_is_not_followed(void **state)
{
	(void)state;
	(void)desk_reply(302, "");
	assert_int_equal(query_rc(), H5_E_REMOTE);
	desk_asked(1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_v3_calls__prepay_sends_what_was_stored),
	    T(test_v3_calls__prepay_without_stored_bytes_is_our_bug),
	    T(test_v3__bug_12_each_request_names_the_public_key),
	    T(test_v3__bug_43_accept_and_content_type_are_sent),
	    T(test_v3__bug_21_nobody_is_asked_to_pack),
	    T(test_v3__bug_1_the_query_string_is_signed),
	    T(test_v3__bug_2_what_is_encoded_is_signed_as_it_is_sent),
	    T(test_v3__bug_4_a_repetition_has_the_same_bytes),
	    T(test_v3__bug_16_an_answer_that_nobody_signed_is_none),
	    T(test_v3_calls__an_old_answer_or_a_strange_key_is_none),
	    T(test_v3__bug_30_the_raw_bytes_are_checked),
	    T(test_v3__bug_32_names_of_headers_have_no_case),
	    T(test_v3__bug_33_a_probe_is_refused_and_asked_again),
	    T(test_v3__bug_17_a_refusal_needs_no_signature),
	    T(test_v3__bug_18_what_is_not_believed_is_no_refusal),
	    T(test_v3__bug_22_a_close_is_told_by_its_status),
	    T(test_v3__bug_41_empty_is_no_success),
	    T(test_v3__bug_24_an_error_may_say_nothing),
	    T(test_v3__bug_36_partly_refunded_is_paid),
	    T(test_v3__bug_37_coupons_do_not_make_another_amount),
	    T(test_v3_calls__a_trade_must_be_the_one_that_was_asked_about),
	    T(test_v3_calls__a_provider_asks_for_its_sub_merchant),
	    T(test_v3_calls__where_a_buyer_is_sent),
	    T(test_v3__bug_35_an_answer_says_status),
	    T(test_v3_calls__a_refund_of_something_else_is_not_believed),
	    T(test_v3__bug_39_a_refund_is_sent_once),
	    T(test_v3_calls__all_refunds_cannot_be_asked_for),
	    T(test_v3__bug_42_the_other_host_gets_the_same_request),
	    T(test_v3_calls__again_is_tried_three_times_more),
	    T(test_v3__bug_38_a_number_of_another_product_is_taken),
	    T(test_v3_calls__against_the_rules_may_mean_taken),
	    T(test_v3_calls__a_refused_close_is_decided_by_a_query),
	    T(test_v3__bug_46_the_bridge_gets_texts),
	    T(test_v3_calls__answers_and_refusals_tell_the_time),
	    T(test_v3_calls__without_keys_nothing_is_sent),
	    T(test_v3_calls__a_redirect_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
