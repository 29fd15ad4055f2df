/* What is sent over APIv3, byte for byte: targets and bodies. */
#include "tests/unit/help.h"

#include "common/wechat/v3/message.h"

#define TEA "\xe8\x8c\xb6"
#define CAKE "\xf0\x9f\x8e\x82" /* four bytes */
#define SQUARE "\xe2\x96\xa1"
#define T0 1764496800 /* 2025-11-30T18:00:00+08:00 */

static struct h5_config config;
static struct h5_attempt attempt;
static struct h5_order order;

static int
set_up(void **state)
{
	(void)state;
	memset(&config, 0, sizeof config);
	memset(&attempt, 0, sizeof attempt);
	memset(&order, 0, sizeof order);
	config.merchant.appid = strdup("wxd678efh567hg6787");
	config.merchant.mch_id = strdup("1900000109");
	config.site.base_url = strdup("https://pay.example.com");
	config.site.program_suffix = strdup("");
	(void)snprintf(attempt.out_trade_no, sizeof attempt.out_trade_no,
	    "H5T20251130000001");
	attempt.api = H5_API_V3;
	attempt.time_expire = T0 + 7200;
	order.total_fee = 100;
	order.body = strdup("\xe6\xb5\x8b\xe8\xaf\x95\xe5\x95\x86\xe5\x93\x81");
	order.attempts = &attempt;
	order.n_attempts = 1;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(config.merchant.appid);
	free(config.merchant.mch_id);
	free(config.merchant.sub_mch_id);
	free(config.merchant.sub_appid);
	free(config.site.base_url);
	free(config.site.program_suffix);
	free(order.body);
	free(order.attach);
	free(attempt.openid);
	return 0;
}

static void
partner(bool appid)
{
	config.merchant.sub_mch_id = strdup("1900000200");
	if (appid)
		config.merchant.sub_appid = strdup("wx0000000000000abc");
}

/* The body, which the next call overwrites. */
static const char *
prepay(const char *ip)
{
	static char text[H5_V3_BODY_MAX + 1];
	struct h5_buf out;
	struct h5_err e;

	h5_buf_init(&out, H5_V3_BODY_MAX);
	assert_int_equal(
	    h5_v3_write_prepay(&config, &order, &attempt, ip, &out, &e), H5_OK);
	memcpy(text, out.data, out.len + 1);
	h5_buf_release(&out);
	return text;
}

static void
test_v3_bodies__prepay_is_exactly_this(void **state)
{
	(void)state;
	assert_string_equal(prepay("203.0.113.7"),
	    "{\"appid\":\"wxd678efh567hg6787\",\"mchid\":\"1900000109\","
	    "\"description\":"
	    "\"\xe6\xb5\x8b\xe8\xaf\x95\xe5\x95\x86\xe5\x93\x81\","
	    "\"out_trade_no\":\"H5T20251130000001\","
	    "\"time_expire\":\"2025-11-30T20:00:00+08:00\","
	    "\"notify_url\":\"https://pay.example.com/notify\","
	    "\"amount\":{\"total\":100,\"currency\":\"CNY\"},"
	    "\"scene_info\":{\"payer_client_ip\":\"203.0.113.7\","
	    "\"h5_info\":{\"type\":\"Wap\"}}}");
	attempt.product = H5_PRODUCT_NATIVE;
	order.attach = strdup("a=1&b=\"2\"");
	assert_string_equal(prepay("203.0.113.7"),
	    "{\"appid\":\"wxd678efh567hg6787\",\"mchid\":\"1900000109\","
	    "\"description\":"
	    "\"\xe6\xb5\x8b\xe8\xaf\x95\xe5\x95\x86\xe5\x93\x81\","
	    "\"out_trade_no\":\"H5T20251130000001\","
	    "\"time_expire\":\"2025-11-30T20:00:00+08:00\","
	    "\"attach\":\"a=1&b=\\\"2\\\"\","
	    "\"notify_url\":\"https://pay.example.com/notify\","
	    "\"amount\":{\"total\":100,\"currency\":\"CNY\"}}");
	attempt.product = H5_PRODUCT_JSAPI;
	attempt.openid = strdup("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
	assert_non_null(strstr(prepay("203.0.113.7"),
	    "\"currency\":\"CNY\"},\"payer\":{\"openid\":"
	    "\"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\"}}"));
}

static void
test_v3_bodies__jsapi_needs_an_openid(void **state)
{
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	attempt.product = H5_PRODUCT_JSAPI;
	h5_buf_init(&out, H5_V3_BODY_MAX);
	assert_int_equal(h5_v3_write_prepay(&config, &order, &attempt,
			     "203.0.113.7", &out, &e),
	    H5_E_BUG);
	h5_buf_release(&out);
}

static void
test_v3_bodies__a_provider_names_both(void **state)
{
	static const char begins[] = "{\"sp_appid\":\"wxd678efh567hg6787\","
				     "\"sp_mchid\":\"1900000109\","
				     "\"sub_mchid\":\"1900000200\","
				     "\"description\":";
	const char *s;

	(void)state;
	partner(false);
	s = prepay("203.0.113.7");
	assert_int_equal(strncmp(s, begins, strlen(begins)), 0);
	attempt.product = H5_PRODUCT_JSAPI;
	attempt.openid = strdup("o1");
	assert_non_null(
	    strstr(prepay("1.2.3.4"), "\"payer\":{\"sp_openid\":\"o1\"}}"));
	config.merchant.sub_appid = strdup("wx0000000000000abc");
	s = prepay("1.2.3.4");
	assert_non_null(strstr(s, ",\"sub_appid\":\"wx0000000000000abc\","
				  "\"sub_mchid\":\"1900000200\","));
	assert_non_null(strstr(s, "\"payer\":{\"sub_openid\":\"o1\"}}"));
	assert_null(strstr(s, "\"appid\""));
	assert_null(strstr(s, "\"mchid\""));
}

static void
test_v3__bug_25_amounts_are_whole_numbers(void **state)
{
	(void)state;
	order.total_fee = 99999999999;
	assert_non_null(strstr(prepay("1.2.3.4"), "{\"total\":99999999999,"));
	order.total_fee = 1;
	assert_non_null(strstr(prepay("1.2.3.4"), "{\"total\":1,"));
}

static void
test_v3__bug_26_time_expire_has_beijings_offset(void **state)
{
	(void)state;
	attempt.time_expire = T0 + 6 * 3600; /* past midnight in Beijing */
	assert_non_null(strstr(prepay("1.2.3.4"),
	    "\"time_expire\":\"2025-12-01T00:00:00+08:00\""));
}

static void
test_v3__bug_44_the_address_is_never_mapped(void **state)
{
	static const char *const rows[][2] = {
	    {"::ffff:203.0.113.7", "203.0.113.7"},
	    {"::FFFF:203.0.113.7", "203.0.113.7"},
	    {"2001:DB8::7", "2001:db8::7"},
	};
	char want[128];
	struct h5_buf out;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(want, sizeof want, "\"payer_client_ip\":\"%s\"",
		    rows[i][1]);
		ROW(rows[i][0], strstr(prepay(rows[i][0]), want) != NULL);
	}
	h5_buf_init(&out, H5_V3_BODY_MAX);
	assert_int_equal(
	    h5_v3_write_prepay(&config, &order, &attempt, "unknown", &out, &e),
	    H5_E_INPUT);
	h5_buf_release(&out);
}

/* What WeChat is shown for this body. */
static const char *
description(const char *body)
{
	static char text[256];
	const char *s, *end;

	free(order.body);
	order.body = strdup(body);
	s = strstr(prepay("1.2.3.4"), "\"description\":\"") + 15;
	end = strstr(s, "\",\"out_trade_no\"");
	assert_non_null(end);
	assert_true((size_t)(end - s) < sizeof text);
	memcpy(text, s, (size_t)(end - s));
	text[end - s] = '\0';
	return text;
}

static void
test_v3__bug_49_no_character_has_four_bytes(void **state)
{
	static const char *const rows[][2] = {
	    {"Tea " CAKE, "Tea " SQUARE},
	    {CAKE, SQUARE},
	    {CAKE CAKE "x", SQUARE SQUARE "x"},
	    {"\xf4\x8f\xbf\xbf" TEA, SQUARE TEA},
	    {" Tea ", "Tea"},
	    {"\t\nTea\r\n", "Tea"},
	    {"Green\ttea", "Green tea"},
	    {"\xe3\x80\x80Tea\xc2\xa0", "Tea"},
	    {"\xc2\x85Tea\x7f", "Tea"},
	    {"A\xe3\x80\x80"
	     "B",
		"A\xe3\x80\x80"
		"B"},
	    {"   ", "-"},
	    {"\"", "\\\""},
	};
	char body[500] = "";
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		ROW(rows[i][0],
		    strcmp(description(rows[i][0]), rows[i][1]) == 0);
	/* Cut at 127 bytes, at a character. */
	for (i = 0; i < 50; i++)
		memcpy(body + 3 * i, TEA, 4);
	assert_int_equal(strlen(description(body)), 126);
	memset(body, 'a', 200);
	body[126] = ' ';
	body[200] = '\0';
	assert_int_equal(strlen(description(body)), 126);
	/* The order's own words are as they were. */
	(void)description("Tea " CAKE);
	assert_string_equal(order.body, "Tea " CAKE);
}

static void
test_v3__bug_5_what_is_sent_is_utf8(void **state)
{
	(void)state;
	assert_string_equal(description(TEA), TEA);
	order.attach = strdup(TEA CAKE);
	assert_non_null(
	    strstr(prepay("1.2.3.4"), "\"attach\":\"" TEA SQUARE "\""));
}

static void
test_v3_bodies__an_empty_attach_is_no_member(void **state)
{
	(void)state;
	order.attach = strdup("");
	assert_null(strstr(prepay("1.2.3.4"), "attach"));
	assert_null(strstr(prepay("1.2.3.4"), "null"));
}

/* --- the same bytes again --- */

static const char *
again(const char *request, const char *ip)
{
	static char text[H5_V3_BODY_MAX + 1];
	struct h5_buf out;
	struct h5_err e;

	h5_buf_init(&out, H5_V3_BODY_MAX);
	assert_int_equal(h5_v3_prepay_for(request, ip, &out, &e), H5_OK);
	memcpy(text, out.data, out.len + 1);
	h5_buf_release(&out);
	return text;
}

static void
test_v3_bodies__a_repetition_changes_the_address_alone(void **state)
{
	char first[H5_V3_BODY_MAX + 1], other[H5_V3_BODY_MAX + 1];
	char stored[] = "{ \"x\" : 1.0, \"scene_info\":{"
			"\"payer_client_ip\":\"1.2.3.4\"} }";

	(void)state;
	free(order.body);
	order.body = strdup("\"payer_client_ip\":\"9.9.9.9\"");
	order.attach = strdup("\\\"payer_client_ip\":\"8.8.8.8\"");
	(void)snprintf(first, sizeof first, "%s", prepay("203.0.113.7"));
	(void)snprintf(other, sizeof other, "%s", prepay("2001:db8::7"));
	assert_string_not_equal(first, other);
	assert_string_equal(again(first, "203.0.113.7"), first);
	assert_string_equal(again(first, "::ffff:203.0.113.7"), first);
	assert_string_equal(again(first, "2001:db8::7"), other);
	assert_string_equal(again(other, "203.0.113.7"), first);
	/* Whatever else stands there stays. */
	assert_string_equal(again(stored, "5.6.7.8"),
	    "{ \"x\" : 1.0, \"scene_info\":{\"payer_client_ip\":\"5.6.7.8\"} "
	    "}");
	assert_string_equal(again("{\"a\":1}", "5.6.7.8"), "{\"a\":1}");
	assert_string_equal(again("{\"a\":1}", "unknown"), "{\"a\":1}");
}

/* --- targets --- */

static const char *
finish(struct h5_buf *out)
{
	static char text[H5_V3_TARGET_MAX + 1];
	struct h5_err e;

	assert_int_equal(h5_buf_finish(out, &e), H5_OK);
	memcpy(text, out->data, out->len + 1);
	h5_buf_release(out);
	return text;
}

#define TARGET(call) (h5_buf_init(&out, H5_V3_TARGET_MAX), (call), finish(&out))

static void
test_v3_bodies__targets(void **state)
{
	struct h5_buf out;

	(void)state;
	assert_string_equal(
	    TARGET(h5_v3_target_prepay(&config, H5_PRODUCT_H5, &out)),
	    "/v3/pay/transactions/h5");
	assert_string_equal(
	    TARGET(h5_v3_target_prepay(&config, H5_PRODUCT_JSAPI, &out)),
	    "/v3/pay/transactions/jsapi");
	assert_string_equal(
	    TARGET(h5_v3_target_query(&config, "H5T20251130000001", &out)),
	    "/v3/pay/transactions/out-trade-no/H5T20251130000001"
	    "?mchid=1900000109");
	assert_string_equal(TARGET(h5_v3_target_close(&config, "a_2", &out)),
	    "/v3/pay/transactions/out-trade-no/a_2/close");
	assert_string_equal(
	    TARGET(h5_v3_target_refund(&out)), "/v3/refund/domestic/refunds");
	assert_string_equal(
	    TARGET(h5_v3_target_refund_query(&config, "r@1", &out)),
	    "/v3/refund/domestic/refunds/r%401");
	assert_string_equal(
	    TARGET(h5_v3_target_bill(&config, "2025-11-29", "ALL", &out)),
	    "/v3/bill/tradebill?bill_date=2025-11-29&bill_type=ALL"
	    "&tar_type=GZIP");
	partner(true);
	assert_string_equal(
	    TARGET(h5_v3_target_prepay(&config, H5_PRODUCT_NATIVE, &out)),
	    "/v3/pay/partner/transactions/native");
	assert_string_equal(TARGET(h5_v3_target_query(&config, "a_2", &out)),
	    "/v3/pay/partner/transactions/out-trade-no/a_2"
	    "?sp_mchid=1900000109&sub_mchid=1900000200");
	assert_string_equal(TARGET(h5_v3_target_close(&config, "a_2", &out)),
	    "/v3/pay/partner/transactions/out-trade-no/a_2/close");
	assert_string_equal(
	    TARGET(h5_v3_target_refund_query(&config, "r1", &out)),
	    "/v3/refund/domestic/refunds/r1?sub_mchid=1900000200");
	assert_string_equal(
	    TARGET(h5_v3_target_bill(&config, "2025-11-29", "ALL", &out)),
	    "/v3/bill/tradebill?bill_date=2025-11-29&bill_type=ALL"
	    "&tar_type=GZIP&sub_mchid=1900000200");
}

static void
test_v3__bug_3_a_path_is_encoded_before_it_is_signed(void **state)
{
	struct h5_buf out;

	(void)state;
	assert_string_equal(
	    TARGET(h5_v3_target_query(&config, "A|B*-_20251130", &out)),
	    "/v3/pay/transactions/out-trade-no/A%7CB%2A-_20251130"
	    "?mchid=1900000109");
}

/* --- the other bodies --- */

#define BODY(call)                                                             \
	(h5_buf_init(&out, H5_V3_BODY_MAX), assert_int_equal((call), H5_OK),   \
	    finish(&out))

static void
test_v3__bug_23_a_close_says_who_and_nothing_else(void **state)
{
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	assert_string_equal(BODY(h5_v3_write_close(&config, &out, &e)),
	    "{\"mchid\":\"1900000109\"}");
	partner(true);
	assert_string_equal(BODY(h5_v3_write_close(&config, &out, &e)),
	    "{\"sp_mchid\":\"1900000109\",\"sub_mchid\":\"1900000200\"}");
}

static void
test_v3_bodies__refund_is_exactly_this(void **state)
{
	char reason[] = "one cup broken";
	struct h5_refund r = {.out_refund_no = "a-r1",
	    .out_trade_no = "H5T20251130000001",
	    .refund_fee = 30};
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	assert_string_equal(
	    BODY(h5_v3_write_refund(&config, &order, &r, &out, &e)),
	    "{\"out_trade_no\":\"H5T20251130000001\","
	    "\"out_refund_no\":\"a-r1\","
	    "\"notify_url\":\"https://pay.example.com/notify\","
	    "\"amount\":{\"refund\":30,\"total\":100,\"currency\":\"CNY\"}}");
	r.reason = reason;
	partner(true);
	assert_string_equal(
	    BODY(h5_v3_write_refund(&config, &order, &r, &out, &e)),
	    "{\"sub_mchid\":\"1900000200\","
	    "\"out_trade_no\":\"H5T20251130000001\","
	    "\"out_refund_no\":\"a-r1\",\"reason\":\"one cup broken\","
	    "\"notify_url\":\"https://pay.example.com/notify\","
	    "\"amount\":{\"refund\":30,\"total\":100,\"currency\":\"CNY\"}}");
}

static void
test_v3_bodies__echo(void **state)
{
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	assert_string_equal(
	    BODY(h5_v3_write_echo(&config, "hello", false, &out, &e)),
	    "{\"echo_message\":\"hello\"}");
	assert_string_equal(
	    BODY(h5_v3_write_echo(&config, "hello", true, &out, &e)),
	    "{\"echo_message\":\"hello\","
	    "\"notify_url\":\"https://pay.example.com/notify\"}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_v3_bodies__prepay_is_exactly_this),
	    T(test_v3_bodies__jsapi_needs_an_openid),
	    T(test_v3_bodies__a_provider_names_both),
	    T(test_v3__bug_25_amounts_are_whole_numbers),
	    T(test_v3__bug_26_time_expire_has_beijings_offset),
	    T(test_v3__bug_44_the_address_is_never_mapped),
	    T(test_v3__bug_49_no_character_has_four_bytes),
	    T(test_v3__bug_5_what_is_sent_is_utf8),
	    T(test_v3_bodies__an_empty_attach_is_no_member),
	    T(test_v3_bodies__a_repetition_changes_the_address_alone),
	    T(test_v3_bodies__targets),
	    T(test_v3__bug_3_a_path_is_encoded_before_it_is_signed),
	    T(test_v3__bug_23_a_close_says_who_and_nothing_else),
	    T(test_v3_bodies__refund_is_exactly_this),
	    T(test_v3_bodies__echo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
