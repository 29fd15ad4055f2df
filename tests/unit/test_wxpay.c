/* What is sent to WeChat, byte for byte, and which mweb_url is followed.
 * Faults of the other side: tests/wechat. */
#include "tests/unit/help.h"

#include "common/base/clock.h"
#include "common/system/https.h"
#include "common/system/crypto.h"
#include "common/base/text.h"
#include "common/wechat/wechat.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

#define KEY "192006250b4c09247ec02edce69f6a2d"

struct desk {
	struct h5_config c;
	struct h5_wechat *w;
	struct h5_log log;
	struct h5_fields sent; /* the last request */
	char url[256];
	char mweb_url[4096]; /* for the answer */
	unsigned posts;
	enum h5_sign_type made_with; /* the attempt */
	enum h5_sign_type answers_by; /* UNSAID: the configured one */
	const char *err_code; /* the answer refuses; NULL: it does not */
	const char *number; /* the answer's out_trade_no; NULL: none */
	const char *raw; /* the answer itself; NULL: it is made up */
};

/* The wrapped call has no argument of ours. */
static struct desk *desk;

enum h5_code __wrap_h5_https_call(struct h5_https *h,
    const struct h5_https_request *q, struct h5_buf *out,
    struct h5_https_answer *a, struct h5_err *e);

enum h5_code
__wrap_h5_https_call(struct h5_https *h, const struct h5_https_request *q,
    struct h5_buf *out, struct h5_https_answer *a, struct h5_err *e)
{
	struct h5_fields f;
	char hex[H5_SIGN_HEX];

	(void)h;
	assert_int_equal(q->method, H5_HTTPS_POST);
	assert_true(
	    q->timeout_ms > 0 && (desk->raw != NULL || q->timeout_ms <= 15000));
	assert_int_equal(q->n_headers, 1);
	assert_string_equal(
	    q->headers[0], "Content-Type: text/xml; charset=utf-8");
	desk->posts++;
	(void)snprintf(desk->url, sizeof desk->url, "%s", q->url);
	h5_fields_release(&desk->sent);
	assert_int_equal(
	    h5_xml_read(q->body, q->body_len, "xml", &desk->sent, e), H5_OK);
	memset(a, 0, sizeof *a);
	a->status = 200;
	h5_fields_init(&f, 16, 8192);
	assert_int_equal(h5_fields_add(&f, "return_code", "SUCCESS", e), 0);
	assert_int_equal(h5_fields_add(&f, "result_code",
			     desk->err_code != NULL ? "FAIL" : "SUCCESS", e),
	    0);
	if (desk->err_code != NULL)
		assert_int_equal(
		    h5_fields_add(&f, "err_code", desk->err_code, e), 0);
	if (desk->number != NULL)
		assert_int_equal(
		    h5_fields_add(&f, "out_trade_no", desk->number, e), 0);
	assert_int_equal(
	    h5_fields_add(&f, "appid", desk->c.merchant.appid, e), 0);
	assert_int_equal(
	    h5_fields_add(&f, "mch_id", desk->c.merchant.mch_id, e), 0);
	if (desk->c.merchant.sub_mch_id != NULL)
		assert_int_equal(h5_fields_add(&f, "sub_mch_id",
				     desk->c.merchant.sub_mch_id, e),
		    0);
	assert_int_equal(h5_fields_add(&f, "trade_type", "MWEB", e), 0);
	assert_int_equal(h5_fields_add(&f, "prepay_id", "wx1410", e), 0);
	assert_int_equal(h5_fields_add(&f, "mweb_url", desk->mweb_url, e), 0);
	assert_int_equal(
	    h5_sign_fields(desk->c.merchant.api_key,
		desk->answers_by != H5_SIGN_UNSAID ? desk->answers_by
						   : desk->c.merchant.sign_type,
		&f, hex, e),
	    0);
	assert_int_equal(h5_fields_add(&f, "sign", hex, e), 0);
	h5_buf_clear(out);
	if (desk->raw != NULL)
		h5_buf_puts(out, desk->raw);
	else
		assert_int_equal(h5_xml_write(&f, out, e), 0);
	h5_fields_release(&f);
	return H5_OK;
}

static int
set_up(void **state)
{
	struct desk *d = calloc(1, sizeof *d);
	struct h5_err e;

	assert_non_null(d);
	d->c.merchant.appid = strdup("wx2421b1c4370ec43b");
	d->c.merchant.mch_id = strdup("1900000109");
	d->c.merchant.sign_type = H5_SIGN_HMAC_SHA256;
	assert_int_equal(
	    h5_crypto_key_new(KEY, strlen(KEY), &d->c.merchant.api_key, &e), 0);
	d->c.site.base_url = strdup("https://shop.example/cgi-bin");
	d->c.site.origin = strdup("https://shop.example");
	d->c.site.program_suffix = strdup(".fcgi");
	d->c.site.name = strdup("\xe5\xb0\x8f\xe5\xba\x97 \"A\"");
	d->c.gateway.url = strdup("https://api.mch.weixin.qq.com");
	d->c.gateway.cashier = strdup("https://wx.tenpay.com/");
	d->c.gateway.connect_timeout_ms = 3000;
	d->c.gateway.timeout_ms = 6000;
	d->c.gateway.deadline_ms = 15000;
	h5_log_init(&d->log, "test", "/dev/null");
	h5_fields_init(&d->sent, 0, 0);
	(void)snprintf(d->mweb_url, sizeof d->mweb_url,
	    "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?"
	    "prepay_id=wx1410&package=1148742901");
	assert_int_equal(h5_wechat_new(&d->c, &d->w, &e), H5_OK);
	desk = d;
	*state = d;
	return 0;
}

static int
tear_down(void **state)
{
	struct desk *d = *state;

	h5_wechat_free(d->w);
	h5_fields_release(&d->sent);
	free(d->c.merchant.appid);
	free(d->c.merchant.mch_id);
	free(d->c.merchant.sub_mch_id);
	free(d->c.merchant.sub_appid);
	h5_crypto_key_free(d->c.merchant.api_key);
	free(d->c.site.base_url);
	free(d->c.site.origin);
	free(d->c.site.program_suffix);
	free(d->c.site.name);
	free(d->c.gateway.url);
	free(d->c.gateway.cashier);
	free(d);
	desk = NULL;
	return 0;
}

static enum h5_code
order(struct desk *d, const char *body, const char *attach,
    struct h5_wechat_prepay *prepay, struct h5_err *e)
{
	struct h5_attempt a = {.time_start = 1795423212,
	    .time_expire = 1795430412,
	    .sign_type = d->made_with};
	struct h5_order o = {.total_fee = 12800};
	struct h5_wechat_refusal refusal;
	enum h5_code rc;

	(void)snprintf(o.id, sizeof o.id, "order-1");
	(void)snprintf(a.out_trade_no, sizeof a.out_trade_no, "order-1_2");
	o.body = strdup(body);
	o.attach = attach != NULL ? strdup(attach) : NULL;
	o.attempts = &a;
	o.n_attempts = 1;
	rc = h5_wechat_prepay(
	    d->w, &d->log, &o, &a, "2001:db8::7", prepay, &refusal, e);
	if (rc == H5_OK)
		assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	else
		assert_null(prepay->mweb_url);
	free(o.body);
	free(o.attach);
	return rc;
}

static void
test_wxpay__unifiedorder_sends_exactly_this(void **state)
{
	static const char *const rows[][2] = {
	    {"appid", "wx2421b1c4370ec43b"},
	    {"mch_id", "1900000109"},
	    {"sign_type", "HMAC-SHA256"},
	    {"out_trade_no", "order-1_2"},
	    {"trade_type", "MWEB"},
	    {"device_info", "WEB"},
	    {"body", "\xe8\x8c\xb6 <&]]>"},
	    {"attach", "a=1&b=\"2\""},
	    {"total_fee", "12800"},
	    {"fee_type", "CNY"},
	    {"spbill_create_ip", "2001:db8::7"},
	    {"time_start", "20261123164012"}, /* Beijing */
	    {"time_expire", "20261123184012"},
	    {"notify_url", "https://shop.example/cgi-bin/notify.fcgi"},
	    {"scene_info", "{\"h5_info\":{\"type\":\"Wap\",\"wap_url\":"
			   "\"https://shop.example\",\"wap_name\":"
			   "\"\xe5\xb0\x8f\xe5\xba\x97 \\\"A\\\"\"}}"},
	};
	struct desk *d = *state;
	struct h5_wechat_prepay prepay;
	char nonce[33];
	struct h5_err e;
	size_t i;

	assert_int_equal(order(d, rows[6][1], rows[7][1], &prepay, &e), H5_OK);
	assert_string_equal(prepay.mweb_url, d->mweb_url);
	assert_string_equal(prepay.prepay_id, "wx1410");
	free(prepay.mweb_url);
	assert_string_equal(
	    d->url, "https://api.mch.weixin.qq.com/pay/unifiedorder");
	for (i = 0; i < COUNT(rows); i++)
		ROW(rows[i][0], h5_fields_is(&d->sent, rows[i][0], rows[i][1]));
	assert_int_equal(d->sent.n, COUNT(rows) + 2);
	assert_int_equal(h5_sign_check(d->c.merchant.api_key,
			     H5_SIGN_HMAC_SHA256, &d->sent, &e),
	    H5_OK);
	memcpy(nonce, h5_fields_get(&d->sent, "nonce_str"), sizeof nonce);
	assert_int_equal(strlen(nonce), 32);
	/* No attach, no element; and never the same nonce. */
	assert_int_equal(order(d, "Tea", NULL, &prepay, &e), H5_OK);
	free(prepay.mweb_url);
	assert_null(h5_fields_get(&d->sent, "attach"));
	assert_string_not_equal(h5_fields_get(&d->sent, "nonce_str"), nonce);
}

static void
test_wxpay__body_is_cut_at_a_character(void **state)
{
	struct desk *d = *state;
	struct h5_wechat_prepay prepay;
	char body[400] = "";
	struct h5_err e;
	size_t i;

	for (i = 0; i < 50; i++)
		memcpy(body + 3 * i, "\xe8\x8c\xb6", 4);
	assert_int_equal(order(d, body, NULL, &prepay, &e), H5_OK);
	free(prepay.mweb_url);
	assert_int_equal(strlen(h5_fields_get(&d->sent, "body")), 126);
	memset(body, 'a', 127);
	body[127] = '\0';
	assert_int_equal(order(d, body, NULL, &prepay, &e), H5_OK);
	free(prepay.mweb_url);
	assert_true(h5_fields_is(&d->sent, "body", body));
}

static void
test_wxpay__scene_info_has_at_most_256_bytes(void **state)
{
	struct h5_wechat_prepay prepay;
	struct desk *d = *state;
	char name[400], host[400];
	const char *scene;
	struct h5_err e;
	size_t i, n;

	for (i = 0; i < 100; i++)
		memcpy(name + 3 * i, "\xe8\x8c\xb6", 4);
	free(d->c.site.name);
	d->c.site.name = strdup(name);
	assert_int_equal(order(d, "Tea", NULL, &prepay, &e), H5_OK);
	free(prepay.mweb_url);
	scene = h5_fields_get(&d->sent, "scene_info");
	assert_non_null(scene);
	n = strlen(scene);
	assert_true(n <= 256 && n > 250);
	assert_true(h5_text_utf8(scene, n));
	assert_string_equal(scene + n - 3, "\"}}");
	(void)snprintf(host, sizeof host, "https://%0300d.example", 1);
	free(d->c.site.origin);
	d->c.site.origin = strdup(host);
	d->posts = 0;
	assert_int_equal(order(d, "Tea", NULL, &prepay, &e), H5_E_CONFIG);
	assert_int_equal(d->posts, 0);
}

static void
test_wxpay__mweb_url_leads_to_the_cashier(void **state)
{
	static const struct {
		const char *cashier, *url;
		enum h5_code rc;
	} rows[] = {
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com/a?b=1&c=2",
		H5_OK},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com/", H5_OK},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com", H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "http://wx.tenpay.com/a", H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "HTTPS://wx.tenpay.com/a", H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com.evil.example/",
		H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com@evil.example/",
		H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "https://evil.example/", H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "//wx.tenpay.com/a", H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "javascript:alert(1)", H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com/a b",
		H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com/a#b",
		H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com/\"><a",
		H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "https://wx.tenpay.com/\xe8\x8c\xb6",
		H5_E_REMOTE},
	    {"https://wx.tenpay.com/", "", H5_E_REMOTE},
	    /* a prefix that ends with the host ends there */
	    {"https://wx.tenpay.com", "https://wx.tenpay.com/a", H5_OK},
	    {"https://wx.tenpay.com", "https://wx.tenpay.com.evil.example/",
		H5_E_REMOTE},
	    {"https://wx.tenpay.com", "https://wx.tenpay.com:99/", H5_E_REMOTE},
	    {"https://wx.tenpay.com", "https://wx.tenpay.com@evil.example/",
		H5_E_REMOTE},
	    {"http://127.0.0.1:8080/", "http://127.0.0.1:8080/pay", H5_OK},
	};
	struct desk *d = *state;
	struct h5_wechat_prepay prepay;
	struct h5_err e;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		free(d->c.gateway.cashier);
		d->c.gateway.cashier = strdup(rows[i].cashier);
		(void)snprintf(
		    d->mweb_url, sizeof d->mweb_url, "%s", rows[i].url);
		ROW(rows[i].url,
		    order(d, "Tea", NULL, &prepay, &e) == rows[i].rc);
		free(prepay.mweb_url);
	}
	assert_int_equal(d->posts, COUNT(rows));
}

static void
test_wxpay__a_long_mweb_url_is_taken_to_2048_bytes(void **state)
{
	struct desk *d = *state;
	struct h5_wechat_prepay prepay;
	size_t n = strlen(d->mweb_url);
	struct h5_err e;

	memset(d->mweb_url + n, '1', 2048 - n);
	d->mweb_url[2048] = '\0';
	assert_int_equal(order(d, "Tea", NULL, &prepay, &e), H5_OK);
	free(prepay.mweb_url);
	d->mweb_url[2048] = '1';
	d->mweb_url[2049] = '\0';
	assert_int_equal(order(d, "Tea", NULL, &prepay, &e), H5_E_REMOTE);
}

/* A number is ordered again by the type that it was made with, whatever is
 * configured since; one of 0.1.0, which did not say, by the configured. */
static void
test_wxpay__c6_the_type_of_an_attempt(void **state)
{
	const enum h5_sign_type types[] = {
	    H5_SIGN_UNSAID, H5_SIGN_MD5, H5_SIGN_HMAC_SHA256};
	struct desk *d = *state;
	struct h5_wechat_prepay prepay;
	enum h5_sign_type want;
	struct h5_err e;
	size_t i, j;

	for (i = 0; i < COUNT(types); i++)
		for (j = 1; j < COUNT(types); j++) {
			d->made_with = types[i];
			d->c.merchant.sign_type = types[j];
			want = types[i] != H5_SIGN_UNSAID ? types[i] : types[j];
			d->answers_by = want;
			assert_int_equal(
			    order(d, "Tea", NULL, &prepay, &e), H5_OK);
			free(prepay.mweb_url);
			assert_true(h5_fields_is(
			    &d->sent, "sign_type", h5_order_sign_word(want)));
			assert_int_equal(h5_sign_check(d->c.merchant.api_key,
					     want, &d->sent, &e),
			    H5_OK);
			/* An answer by the other type is not believed. */
			d->answers_by = want == H5_SIGN_MD5
					    ? H5_SIGN_HMAC_SHA256
					    : H5_SIGN_MD5;
			assert_int_equal(
			    order(d, "Tea", NULL, &prepay, &e), H5_E_REMOTE);
		}
}

/* What WeChat did not do is sent again, and not without end. */
static void
test_wxpay__a_system_error_is_tried_three_times_more(void **state)
{
	struct h5_attempt a = {.time_start = 1};
	struct h5_wechat_refusal refusal;
	struct desk *d = *state;
	struct h5_err e;

	(void)snprintf(a.out_trade_no, sizeof a.out_trade_no, "order-1");
	d->err_code = "SYSTEMERROR";
	assert_int_equal(
	    h5_wechat_close(d->w, &d->log, &a, &refusal, &e), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_AGAIN);
	assert_int_equal(d->posts, 4);
}

/* Words that are in no list, and no code at all. */
static void
test_wxpay__a_bill_refused_in_unknown_words(void **state)
{
	struct desk *d = *state;
	struct h5_buf raw, text;
	struct h5_err e;

	h5_buf_init(&raw, 65536);
	h5_buf_init(&text, 65536);
	d->raw = "<xml><return_code>FAIL</return_code>"
		 "<return_msg>no such luck</return_msg></xml>";
	assert_int_equal(
	    h5_wechat_bill(&d->c, &d->log, 1795363200, "ALL", &raw, &text, &e),
	    H5_E_REMOTE);
	assert_non_null(strstr(e.msg, "no such luck"));
	h5_buf_release(&raw);
	h5_buf_release(&text);
}

static void
test_wxpay__an_answer_to_a_close_is_about_its_number(void **state)
{
	struct h5_attempt a = {.time_start = 1};
	struct h5_wechat_refusal refusal;
	struct desk *d = *state;
	struct h5_err e;

	(void)snprintf(a.out_trade_no, sizeof a.out_trade_no, "order-1");
	d->number = "order-1_2";
	assert_int_equal(
	    h5_wechat_close(d->w, &d->log, &a, &refusal, &e), H5_E_REMOTE);
	d->number = "order-1";
	assert_int_equal(
	    h5_wechat_close(d->w, &d->log, &a, &refusal, &e), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
}

static void
test_wxpay__query_and_close_send_the_number_alone(void **state)
{
	static const char *const rows[][2] = {{"appid", "wx2421b1c4370ec43b"},
	    {"mch_id", "1900000109"}, {"sign_type", "MD5"},
	    {"out_trade_no", "order-1"}};
	struct h5_wechat_refusal refusal;
	struct desk *d = *state;
	struct h5_attempt a = {.out_trade_no = "order-1"};
	struct h5_wechat_trade t;
	struct h5_err e;
	size_t i, turn;

	d->c.merchant.sign_type = H5_SIGN_MD5;
	for (turn = 0; turn < 2; turn++) {
		if (turn == 0) {
			assert_int_equal(
			    h5_wechat_close(d->w, &d->log, &a, &refusal, &e),
			    H5_OK);
			assert_string_equal(d->url,
			    "https://api.mch.weixin.qq.com/pay/closeorder");
		} else {
			/* This desk's answers name no order. */
			assert_int_equal(h5_wechat_query(d->w, &d->log, &a, &t,
					     &refusal, &e),
			    H5_E_REMOTE);
			assert_false(t.paid);
			h5_wechat_trade_release(&t);
			assert_string_equal(d->url,
			    "https://api.mch.weixin.qq.com/pay/orderquery");
		}
		for (i = 0; i < COUNT(rows); i++)
			ROW(rows[i][0],
			    h5_fields_is(&d->sent, rows[i][0], rows[i][1]));
		assert_int_equal(d->sent.n, COUNT(rows) + 2);
		assert_int_equal(h5_sign_check(d->c.merchant.api_key,
				     H5_SIGN_MD5, &d->sent, &e),
		    H5_OK);
	}
}

/* What a service provider sends with each call, and an ordinary merchant with
 * none. */
static enum h5_code
send_one(struct desk *d, size_t turn, struct h5_err *e)
{
	struct h5_attempt a = {.out_trade_no = "order-1"};
	struct h5_refund r = {
	    .out_trade_no = "order-1", .out_refund_no = "r-1"};
	struct h5_order o = {.id = "order-1", .total_fee = 100};
	struct h5_wechat_refusal refusal;
	struct h5_wechat_prepay prepay;
	struct h5_wechat_refund got;
	struct h5_wechat_trade t;
	struct h5_buf raw, text;
	enum h5_code rc;

	o.attempts = &a;
	o.n_attempts = 1;
	r.refund_fee = 100;
	switch (turn) {
	case 0:
		rc = order(d, "Tea", NULL, &prepay, e);
		h5_wechat_prepay_release(&prepay);
		return rc;
	case 1:
		rc = h5_wechat_query(d->w, &d->log, &a, &t, &refusal, e);
		h5_wechat_trade_release(&t);
		return rc;
	case 2:
		return h5_wechat_close(d->w, &d->log, &a, &refusal, e);
	case 3:
		return h5_wechat_refund(
		    d->w, &d->log, &o, &r, &got, &refusal, e);
	case 4:
		return h5_wechat_refund_query(
		    d->w, &d->log, &o, &r, &got, &refusal, e);
	default:
		break;
	}
	h5_buf_init(&raw, 4096);
	h5_buf_init(&text, 4096);
	d->raw = "a bill";
	rc = h5_wechat_bill(&d->c, &d->log, 1795363200, "ALL", &raw, &text, e);
	d->raw = NULL;
	h5_buf_release(&raw);
	h5_buf_release(&text);
	return rc;
}

static void
send_each(struct desk *d, bool named, bool appid)
{
	/* This desk's answers name no order and no refund. */
	static const enum h5_code due[] = {
	    H5_OK, H5_E_REMOTE, H5_OK, H5_E_REMOTE, H5_E_REMOTE, H5_OK};
	struct h5_err e;
	size_t turn;

	for (turn = 0; turn < COUNT(due); turn++) {
		ROW(d->url, send_one(d, turn, &e) == due[turn]);
		assert_true(h5_fields_is(&d->sent, "mch_id", "1900000109"));
		ROW(d->url, h5_fields_is(
				&d->sent, "sub_mch_id", "1900000110") == named);
		/* A bill is of a sub-merchant, under whichever appid. */
		ROW(d->url, h5_fields_is(&d->sent, "sub_appid",
				"wx1234567890abcdef") == (appid && turn < 5));
		ROW(d->url,
		    named || h5_fields_get(&d->sent, "sub_mch_id") == NULL);
		ROW(d->url,
		    appid || h5_fields_get(&d->sent, "sub_appid") == NULL);
	}
}

static void
test_wxpay__a_provider_names_the_sub_merchant_each_time(void **state)
{
	struct desk *d = *state;

	send_each(d, false, false);
	d->c.merchant.sub_mch_id = strdup("1900000110");
	send_each(d, true, false);
	d->c.merchant.sub_appid = strdup("wx1234567890abcdef");
	send_each(d, true, true);
}

/* The bridge's appId, the openid's name and the openid's appid are of one
 * account (Q58). */
static void
test_wxpay__q58_an_openid_goes_with_its_appid(void **state)
{
	struct desk *d = *state;
	struct h5_attempt a = {.product = H5_PRODUCT_JSAPI,
	    .out_trade_no = "order-1",
	    .time_start = 1795423212,
	    .time_expire = 1795430412};
	struct h5_order o = {.id = "order-1", .total_fee = 100};
	struct h5_wechat_refusal refusal;
	struct h5_wechat_prepay prepay;
	struct h5_wechat_bridge bridge;
	struct h5_err e;
	size_t turn;

	a.prepay_id = strdup("wx1410");
	a.openid = strdup("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
	o.body = strdup("Tea");
	o.attempts = &a;
	o.n_attempts = 1;
	d->c.merchant.sub_mch_id = strdup("1900000110");
	for (turn = 0; turn < 2; turn++) {
		/* This desk's answers are of H5. */
		assert_int_equal(h5_wechat_prepay(d->w, &d->log, &o, &a,
				     "192.0.2.1", &prepay, &refusal, &e),
		    H5_E_REMOTE);
		assert_true(h5_fields_is(
		    &d->sent, turn == 0 ? "openid" : "sub_openid", a.openid));
		assert_null(h5_fields_get(
		    &d->sent, turn == 0 ? "sub_openid" : "openid"));
		assert_int_equal(
		    h5_wechat_bridge(&d->c, &a, 1795423212, &bridge, &e),
		    H5_OK);
		assert_string_equal(bridge.app_id,
		    turn == 0 ? "wx2421b1c4370ec43b" : "wx1234567890abcdef");
		if (turn == 0)
			d->c.merchant.sub_appid = strdup("wx1234567890abcdef");
	}
	free(a.prepay_id);
	free(a.openid);
	free(o.body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_wxpay__unifiedorder_sends_exactly_this),
	    TEST(test_wxpay__body_is_cut_at_a_character),
	    TEST(test_wxpay__scene_info_has_at_most_256_bytes),
	    TEST(test_wxpay__mweb_url_leads_to_the_cashier),
	    TEST(test_wxpay__a_long_mweb_url_is_taken_to_2048_bytes),
	    TEST(test_wxpay__c6_the_type_of_an_attempt),
	    TEST(test_wxpay__a_system_error_is_tried_three_times_more),
	    TEST(test_wxpay__a_bill_refused_in_unknown_words),
	    TEST(test_wxpay__an_answer_to_a_close_is_about_its_number),
	    TEST(test_wxpay__query_and_close_send_the_number_alone),
	    TEST(test_wxpay__a_provider_names_the_sub_merchant_each_time),
	    TEST(test_wxpay__q58_an_openid_goes_with_its_appid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
