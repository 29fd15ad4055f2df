#include "tests/unit/help.h"

#include "common/base/clock.h"
#include "common/base/embed.h"
#include "common/format/base64.h"
#include "common/web/pages.h"
#include "common/system/crypto.h"
#include "tests/unit/folder.h"

#define NOON 1795406412 /* 2026-11-23 12:00:12 Beijing time */
#define TOKEN "Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1ub3RoaW5n"
#define ID "20261123-6f1c09a7b2d4"

/* One shop, one buyer, one answer. */
struct stage {
	struct h5_config c;
	struct h5_pages *pages;
	struct h5_log log;
	struct h5_order o;
	struct h5_attempt attempt;
	struct h5_refund refund;
	struct h5_request r;
	struct h5_response resp;
	struct h5_page_ctx x;
};

static char empty[] = "";

static void
stage_ask(struct stage *s, const char *method, char *query)
{
	(void)snprintf(s->r.method, sizeof s->r.method, "%s", method);
	s->r.query = query;
	h5_response_clear(&s->resp);
}

static void
stage_open(struct stage *s)
{
	static char base[] = "https://shop.example/cgi-bin", suffix[] = ".fcgi",
		    name[] = "Tea & Co", url[] = "https://shop.example",
		    contact[] = "+86 400-000-0000", lang[] = "zh-CN",
		    cashier[] = "https://wx.tenpay.com", body[] = "<b>tea</b>";
	struct h5_buf faults;
	struct h5_err e;

	memset(s, 0, sizeof *s);
	s->c.site.base_url = base;
	s->c.site.program_suffix = suffix;
	s->c.site.name = name;
	s->c.site.shop_url = url;
	s->c.site.contact = contact;
	s->c.site.lang = lang;
	s->c.gateway.cashier_origin = cashier;
	h5_log_init(&s->log, "test", "/dev/null");
	(void)snprintf(s->log.rid, sizeof s->log.rid, "rid-4711");
	h5_buf_init(&faults, 65536);
	if (h5_pages_load(&s->c, &faults, &s->pages, &e) != H5_OK)
		fail_msg("%s%s", faults.data, e.msg);
	h5_buf_release(&faults);
	(void)snprintf(s->o.id, sizeof s->o.id, "%s", ID);
	s->o.state = H5_ORDER_AWAITING;
	s->o.total_fee = 12800;
	s->o.body = body;
	s->o.attempts = &s->attempt;
	s->o.n_attempts = 1;
	s->o.refunds = &s->refund;
	s->r.user_agent = s->r.accept = s->r.accept_language = empty;
	s->r.origin = s->r.referer = s->r.content_type = empty;
	s->r.forwarded_for = s->r.document_root = s->r.conf = empty;
	h5_response_init(&s->resp);
	s->x = (struct h5_page_ctx){
	    s->pages, &s->c, &s->r, &s->log, &s->resp, "checkout"};
	stage_ask(s, "GET", empty);
}

static void
stage_close(struct stage *s)
{
	h5_response_release(&s->resp);
	h5_pages_free(s->pages);
}

static void
say_has(const struct stage *s, const char *part, int line)
{
	if (strstr(s->resp.body.data, part) == NULL)
		fail_msg(
		    "line %d: no %s in\n%s", line, part, s->resp.body.data);
}
#define HAS(s, part) say_has((s), (part), __LINE__)
#define LACKS(s, part) assert_null(strstr((s)->resp.body.data, (part)))
#define HEADER(s, line)                                                        \
	assert_non_null(strstr((s)->resp.headers.data, line "\r\n"))

/* How often part stands in the page. */
static int
count(const struct stage *s, const char *part)
{
	int n = 0;

	for (const char *p = strstr(s->resp.body.data, part); p != NULL;
	     p = strstr(p + 1, part))
		n++;
	return n;
}

/* --- headers and policy -------------------------------------------------- */

static void
check_headers(const struct stage *s)
{
	HEADER(s, "Content-Type: text/html; charset=utf-8");
	HEADER(s, "Cache-Control: no-store");
	HEADER(s, "Referrer-Policy: strict-origin");
	HEADER(s, "X-Content-Type-Options: nosniff");
	HEADER(s, "X-Robots-Tag: noindex");
	HEADER(s, "Vary: Accept-Language");
}

static void
test_pages__the_policy_allows_exactly_the_style(void **state)
{
	unsigned char hash[32];
	const char *from, *to;
	struct h5_buf want;
	struct stage s;
	struct h5_err e;

	(void)state;
	stage_open(&s);
	h5_page_return(&s.x, &s.o, TOKEN);
	check_headers(&s);
	HEADER(&s, "Content-Language: zh-CN");
	from = strstr(s.resp.body.data, "<style>");
	to = strstr(s.resp.body.data, "</style>");
	assert_true(from != NULL && to != NULL);
	from += 7;
	assert_int_equal(
	    h5_crypto_sha256(from, (size_t)(to - from), hash, &e), H5_OK);
	h5_buf_init(&want, 4096);
	h5_buf_puts(&want, "Content-Security-Policy: default-src 'none'; "
			   "style-src 'sha256-");
	h5_base64_write(hash, sizeof hash, &want);
	h5_buf_puts(&want, "'; form-action 'self' https://wx.tenpay.com; "
			   "base-uri 'none'; frame-ancestors 'none'\r\n");
	assert_non_null(strstr(s.resp.headers.data, want.data));
	h5_buf_release(&want);
	stage_close(&s);
}

static void
test_pages__a_redirect_carries_the_same_headers(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	h5_page_redirect(&s.x, 303, "https://wx.tenpay.com/x?a=1&b=2");
	assert_int_equal(s.resp.status, 303);
	check_headers(&s);
	HEADER(&s, "Location: https://wx.tenpay.com/x?a=1&b=2");
	stage_close(&s);
}

static void
test_pages__headers_set_before_stay(void **state)
{
	struct stage s;
	struct h5_err e;

	(void)state;
	stage_open(&s);
	assert_int_equal(
	    h5_response_header(&s.resp, "Allow", "GET, HEAD", &e), H5_OK);
	h5_page_plain(&s.x, H5_PAGE_NOT_ALLOWED, NULL, NULL);
	HEADER(&s, "Allow: GET, HEAD");
	stage_close(&s);
}

/* --- the pages ----------------------------------------------------------- */

static const struct {
	enum h5_page_plain which;
	int status;
	const char *name;
} plain[] = {
    {H5_PAGE_BAD_REQUEST, 400, "bad-request"},
    {H5_PAGE_BAD_ADDRESS, 400, "bad-address"},
    {H5_PAGE_BAD_LINK, 403, "bad-link"},
    {H5_PAGE_BAD_ORIGIN, 403, "bad-origin"},
    {H5_PAGE_NOT_FOUND, 404, "not-found"},
    {H5_PAGE_NOT_ALLOWED, 405, "not-allowed"},
    {H5_PAGE_CONFLICT, 409, "conflict"},
    {H5_PAGE_LINK_EXPIRED, 410, "link-expired"},
    {H5_PAGE_TOO_LARGE, 413, "too-large"},
    {H5_PAGE_TOO_MANY, 429, "too-many"},
    {H5_PAGE_ERROR, 500, "error"},
    {H5_PAGE_GATEWAY_ERROR, 502, "gateway-error"},
    {H5_PAGE_MERCHANT_ERROR, 502, "merchant-error"},
    {H5_PAGE_STORE_ERROR, 503, "store-error"},
    {H5_PAGE_BUSY, 503, "busy"},
};

static void
test_pages__plain_pages_have_status_name_and_reference(void **state)
{
	char zh[] = "lang=zh-CN", en[] = "lang=en", want[64];
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i < 2 * COUNT(plain); i++) {
		size_t k = i / 2;

		stage_ask(&s, "GET", i % 2 == 0 ? zh : en);
		h5_page_plain(&s.x, plain[k].which, NULL, NULL);
		(void)snprintf(
		    want, sizeof want, "data-page=\"%s\"", plain[k].name);
		HAS(&s, want);
		LACKS(&s, "data-state");
		assert_int_equal(s.resp.status, plain[k].status);
		HAS(&s, "rid-4711");
		HAS(&s, i % 2 == 0 ? "<html lang=\"zh-CN\">"
				   : "<html lang=\"en\">");
	}
	stage_close(&s);
}

static void
test_pages__a_failed_order_can_be_tried_again(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	stage_ask(&s, "POST", empty);
	h5_page_plain(&s.x, H5_PAGE_GATEWAY_ERROR, &s.o, TOKEN);
	HAS(&s, "data-page=\"gateway-error\" data-state=\"awaiting\"");
	HAS(&s, "action=\"https://shop.example/cgi-bin/checkout.fcgi\"");
	HAS(&s, "name=\"order\" value=\"" ID "\"");
	HAS(&s, "name=\"t\" value=\"" TOKEN "\"");
	HAS(&s, "name=\"again\" value=\"1\"");
	stage_close(&s);
}

static void
test_pages__without_configuration_the_buyer_learns_nothing(void **state)
{
	char en[] = "item=tea&lang=en";
	struct stage s;

	(void)state;
	stage_open(&s);
	s.x.c = NULL;
	h5_page_plain(&s.x, H5_PAGE_ERROR, NULL, NULL);
	assert_int_equal(s.resp.status, 500);
	HAS(&s, "data-page=\"error\"");
	HAS(&s, "系统异常");
	LACKS(&s, "Tea");
	LACKS(&s, "shop.example");
	stage_ask(&s, "GET", en);
	h5_page_plain(&s.x, H5_PAGE_ERROR, NULL, NULL);
	HAS(&s, "Something went wrong");
	HAS(&s, "href=\"?item=tea&amp;lang=zh-CN\"");
	stage_close(&s);
}

/* Where most buyers are, and where nothing can be paid. */
static const struct h5_choice phone = {.place = H5_PLACE_PHONE, .n = 1};
static const struct h5_choice outside = {
    .place = H5_PLACE_WECHAT, .elsewhere = H5_ELSEWHERE_BROWSER};

static void
confirm(struct stage *s, struct h5_page_confirm *v, int status)
{
	struct h5_fields hidden;
	struct h5_err e;

	h5_fields_init(&hidden, 16, 4096);
	assert_int_equal(h5_fields_add(&hidden, "item", "tea", &e), H5_OK);
	assert_int_equal(h5_fields_add(&hidden, "qty", "2", &e), H5_OK);
	assert_int_equal(h5_fields_add(&hidden, "form", "\"<&", &e), H5_OK);
	v->hidden = &hidden;
	v->choice = &phone;
	h5_page_confirm(&s->x, v, status);
	h5_fields_release(&hidden);
}

static void
test_pages__confirm_shows_and_posts(void **state)
{
	struct h5_page_confirm v = {
	    .title = "<b>tea</b>", .total_fee = 12800, .qty = 2, .order = ID};
	char query[] = "item=tea&qty=2";
	struct stage s;

	(void)state;
	stage_open(&s);
	stage_ask(&s, "GET", query);
	confirm(&s, &v, 200);
	HAS(&s, "<main data-page=\"confirm\" data-product=\"h5\">");
	HAS(&s, "name=\"via\" value=\"h5\"");
	HAS(&s, "¥</span>128.00");
	HAS(&s, "&lt;b&gt;tea&lt;/b&gt;");
	HAS(&s, "<dd>2</dd>");
	HAS(&s, ID);
	HAS(&s, "Tea &amp; Co");
	HAS(&s, "<form method=\"post\" "
		"action=\"https://shop.example/cgi-bin/checkout.fcgi\">");
	HAS(&s, "name=\"form\" value=\"&quot;&lt;&amp;\"");
	HAS(&s, "<button class=\"btn go\">微信支付 ¥128.00</button>");
	HAS(&s, "href=\"?item=tea&amp;qty=2&amp;lang=en\"");
	LACKS(&s, "name=\"yuan\"");
	LACKS(&s, "data-state");
	assert_int_equal(count(&s, "<button"), 1);
	/* A page that answers a POST has its GET form in the other tongue. */
	stage_ask(&s, "POST", empty);
	v.changed = true;
	confirm(&s, &v, 409);
	assert_int_equal(s.resp.status, 409);
	HAS(&s, "价格已变更");
	HAS(&s, "href=\"https://shop.example/cgi-bin/"
		"checkout.fcgi?item=tea&amp;qty=2&amp;lang=en\"");
	stage_close(&s);
}

#define ASKED "请输入 1.00–5000.00 元之间的金额</p>"
#define ERROR "<p class=\"error\" id=\"yuan-error\">"

static const struct {
	enum h5_offer_typed typed;
	const char *error;
} typed[] = {
    {H5_TYPED_UNREADABLE, ERROR "金额格式有误，" ASKED},
    {H5_TYPED_LOW, ERROR "金额过低，" ASKED},
    {H5_TYPED_HIGH, ERROR "金额过高，" ASKED},
};

static void
test_pages__confirm_asks_for_an_amount(void **state)
{
	struct h5_page_confirm v = {
	    .title = "gift", .qty = 1, .min_fee = 100, .max_fee = 500000};
	struct stage s;

	(void)state;
	stage_open(&s);
	confirm(&s, &v, 200);
	HAS(&s, "<label for=\"yuan\">");
	HAS(&s, "id=\"yuan\" name=\"yuan\" inputmode=\"decimal\"");
	HAS(&s, "aria-describedby=\"yuan-hint\"");
	HAS(&s, "1.00–5000.00 元");
	HAS(&s, "<button class=\"btn go\">微信支付</button>");
	LACKS(&s, "aria-invalid");
	for (size_t i = 0; i < COUNT(typed); i++) {
		v.typed = typed[i].typed;
		stage_ask(&s, "POST", empty);
		confirm(&s, &v, 400);
		HAS(&s, "data-page=\"bad-request\"");
		HAS(&s, "aria-invalid=\"true\"");
		HAS(&s, "aria-describedby=\"yuan-error yuan-hint\"");
		HAS(&s, typed[i].error);
	}
	stage_close(&s);
}

static void
test_pages__language_stays_in_the_addresses(void **state)
{
	char asked[] = "order=1&lang=en&t=x", not_asked[] = "order=1&t=x";
	struct stage s;

	(void)state;
	stage_open(&s);
	stage_ask(&s, "GET", asked);
	h5_page_return(&s.x, &s.o, TOKEN);
	HAS(&s, "action=\"https://shop.example/cgi-bin/query.fcgi?lang=en\"");
	HAS(&s, "href=\"?order=1&amp;t=x&amp;lang=zh-CN\" lang=\"zh-CN\"");
	stage_ask(&s, "GET", not_asked);
	h5_page_return(&s.x, &s.o, TOKEN);
	HAS(&s, "action=\"https://shop.example/cgi-bin/query.fcgi\"");
	HAS(&s, "href=\"?order=1&amp;t=x&amp;lang=en\" lang=\"en\"");
	stage_close(&s);
}

/* WeChat's own words (the cashier's seven answers). */
static const char *const cashier[] = {
    "网络环境未能通过安全验证，请稍后再试",
    "商家参数格式有误，请联系商家解决",
    "商家存在未配置的参数，请联系商家解决",
    "支付请求已失效，请重新发起支付",
    "请在微信外打开订单，进行支付",
    "签名验证失败",
    "系统繁忙，请稍后再试",
    "由于商家传入的H5交易参数有误，该笔交易暂时无法完成，请联系商家解决",
};

static void
test_pages__return_asks_and_helps(void **state)
{
	char en[] = "lang=en";
	const char *query, *again;
	struct stage s;

	(void)state;
	stage_open(&s);
	for (int i = 0; i < 2; i++) {
		stage_ask(&s, "GET", i == 0 ? empty : en);
		h5_page_return(&s.x, &s.o, TOKEN);
		HAS(&s, "data-page=\"return\" data-state=\"awaiting\"");
		for (size_t k = 0; k < COUNT(cashier); k++)
			HAS(&s, cashier[k]);
		assert_int_equal(count(&s, "<details>"), 7);
		assert_int_equal(count(&s, "name=\"handoff\" value=\"1\""), 1);
		/* The first of two forms asks, the second pays again. */
		query = strstr(s.resp.body.data, "/query.fcgi");
		again = strstr(s.resp.body.data, "/checkout.fcgi");
		assert_true(query != NULL && again != NULL && query < again);
	}
	stage_ask(&s, "GET", empty);
	h5_page_return(&s.x, &s.o, TOKEN);
	HAS(&s, "<h1>请确认微信支付是否已完成</h1>");
	HAS(&s, "<button class=\"btn go\">已完成支付</button>");
	HAS(&s, "<button class=\"btn\">支付遇到问题，重新支付</button>");
	stage_close(&s);
}

static void
test_pages__handoff_has_one_link_to_the_cashier(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	h5_page_handoff(&s.x, &s.o, TOKEN,
	    "https://wx.tenpay.com/x?a=1&redirect_url=y", NOON + 300);
	HAS(&s, "data-page=\"handoff\" data-state=\"awaiting\"");
	HAS(&s, "referrerpolicy=\"origin\" "
		"href=\"https://wx.tenpay.com/x?a=1&amp;redirect_url=y\"");
	HAS(&s, "datetime=\"2026-11-23T12:05:12+08:00\">12:05:12<");
	assert_int_equal(count(&s, "wx.tenpay.com"), 1);
	stage_close(&s);
}

static void
test_pages__inside_wechat_the_address_is_shown(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	stage_ask(&s, "POST", empty);
	h5_page_elsewhere(&s.x,
	    "https://shop.example/cgi-bin/checkout?item=a&lang=zh-CN", &outside,
	    NULL);
	assert_int_equal(s.resp.status, 200);
	HAS(&s, "data-page=\"open-outside\"");
	HAS(&s, "<code>https://shop.example/cgi-bin/"
		"checkout?item=a&amp;lang=zh-CN</code>");
	HAS(&s, "checkout?item=a&amp;lang=en\" lang=\"en\"");
	LACKS(&s, "<form");
	stage_close(&s);
}

/* --- results ------------------------------------------------------------- */

static const struct outcome {
	const char *name;
	enum h5_order_state state;
	const char *trade_state;
	unsigned alerts;
	const char *attributes, *heading;
	int forms; /* beside those of the help list */
} outcomes[] = {
    {"created", H5_ORDER_CREATED, "", 0, "data-state=\"created\">",
	"支付结果待确认", 2},
    {"awaiting", H5_ORDER_AWAITING, "", 0, "data-state=\"awaiting\">",
	"支付结果待确认", 2},
    {"not paid", H5_ORDER_AWAITING, "NOTPAY", 0, "data-state=\"awaiting\">",
	"暂未查到支付结果", 2},
    {"not known", H5_ORDER_AWAITING, "ORDERNOTEXIST", 0,
	"data-state=\"awaiting\">", "暂未查到支付结果", 2},
    {"paying", H5_ORDER_AWAITING, "USERPAYING", 0, "data-state=\"awaiting\">",
	"支付进行中", 2},
    {"failed", H5_ORDER_AWAITING, "PAYERROR", 0, "data-state=\"awaiting\">",
	"支付失败", 2},
    {"paid", H5_ORDER_PAID, "", 0, "data-state=\"paid\">", "支付成功", 0},
    {"late", H5_ORDER_PAID, "", H5_ALERT_LATE,
	"data-state=\"paid\" data-alert=\"late\">", "支付成功", 0},
    {"disputed", H5_ORDER_AWAITING, "NOTPAY", H5_ALERT_DISPUTED,
	"data-state=\"awaiting\" data-alert=\"disputed\">",
	"已收到款项，商家正在核对", 0},
    {"overpaid and late", H5_ORDER_PAID, "", H5_ALERT_OVERPAID | H5_ALERT_LATE,
	"data-state=\"paid\" data-alert=\"late overpaid\">",
	"已收到款项，商家正在核对", 0},
    {"closed", H5_ORDER_CLOSED, "CLOSED", 0, "data-state=\"closed\">",
	"订单已关闭", 0},
    {"refunding", H5_ORDER_REFUNDING, "", 0, "data-state=\"refunding\">",
	"退款处理中", 0},
    {"partly refunded", H5_ORDER_PARTLY_REFUNDED, "", 0,
	"data-state=\"partly-refunded\">", "已部分退款", 0},
    {"refunded", H5_ORDER_REFUNDED, "", 0, "data-state=\"refunded\">", "已退款",
	0},
};

static void
test_pages__each_state_has_its_result(void **state)
{
	struct stage s;
	char want[128];

	(void)state;
	stage_open(&s);
	s.x.program = "query";
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		const struct outcome *w = &outcomes[i];

		s.o.state = w->state;
		s.o.alerts = w->alerts;
		(void)snprintf(s.attempt.trade_state,
		    sizeof s.attempt.trade_state, "%s", w->trade_state);
		stage_ask(&s, "GET", empty);
		h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
		HAS(&s, w->attributes);
		(void)snprintf(want, sizeof want, "<h1>%s</h1>", w->heading);
		HAS(&s, want);
		(void)snprintf(want, sizeof want, "<title>%s", w->heading);
		HAS(&s, want);
		assert_int_equal(count(&s, "data-page=\"result\""), 1);
		ROW(w->name,
		    count(&s, "<form") == (w->forms == 0 ? 0 : w->forms + 5));
	}
	stage_close(&s);
}

/* B11: while a note says to wait, nothing below it says to pay. */
static void
test_pages__a_note_and_its_page_say_one_thing(void **state)
{
	static const char *const words[] = {
	    "", "NOTPAY", "USERPAYING", "PAYERROR", "ORDERNOTEXIST"};
	static const enum h5_page_note notes[] = {
	    H5_NOTE_UNREACHABLE, H5_NOTE_WAIT};
	char en[] = "lang=en";
	struct stage s;
	size_t i;

	(void)state;
	stage_open(&s);
	for (i = 0; i < COUNT(words) * COUNT(notes) * 2; i++) {
		(void)snprintf(s.attempt.trade_state,
		    sizeof s.attempt.trade_state, "%s",
		    words[i % COUNT(words)]);
		stage_ask(&s, "POST", i % 4 < 2 ? empty : en);
		h5_page_result(&s.x, &s.o, TOKEN, notes[i % 2], NOON + 90, 200);
		LACKS(&s, "name=\"again\"");
		LACKS(&s, "<main class=\"tone-bad");
		assert_int_equal(count(&s, "class=\"btn go\""), 1);
		assert_int_equal(count(&s, "<form"), 1);
		assert_int_equal(count(&s, "<details"), 12);
	}
	stage_ask(&s, "POST", empty);
	(void)snprintf(
	    s.attempt.trade_state, sizeof s.attempt.trade_state, "PAYERROR");
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
	HAS(&s, "name=\"again\"");
	HAS(&s, "<h1>支付失败</h1>");
	stage_close(&s);
}

/* B10: whatever kept WeChat from opening, and whatever its page said, Back and
 * its link to the shop lead to a page that has the list. */
static void
test_pages__what_to_do_where_wechat_did_not_open(void **state)
{
	static const char *const zh[] = {
	    "没有反应", "没装微信", "浏览器拦截", "QQ、抖音", "电脑上"};
	static const char *const en[] = {"Nothing happened",
	    "WeChat is not installed", "The browser blocked it", "QQ, Douyin",
	    "on a computer"};
	char query[] = "lang=en";
	struct h5_page_confirm v = {.title = "tea",
	    .total_fee = 12800,
	    .qty = 1,
	    .order = "20261123-0007",
	    .choice = &phone};
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i < 8; i++) {
		stage_ask(
		    &s, i % 4 == 3 ? "POST" : "GET", i < 4 ? empty : query);
		if (i % 4 == 0)
			h5_page_confirm(&s.x, &v, 200);
		else if (i % 4 == 1)
			h5_page_handoff(&s.x, &s.o, TOKEN,
			    "https://wx.tenpay.com/x", NOON + 300);
		else if (i % 4 == 2)
			h5_page_return(&s.x, &s.o, TOKEN);
		else
			h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
		for (size_t k = 0; k < COUNT(zh); k++)
			HAS(&s, i < 4 ? zh[k] : en[k]);
		for (size_t k = 0; k < COUNT(cashier); k++)
			HAS(&s, cashier[k]);
		assert_int_equal(count(&s, "<details"), 12);
		/* Before there is an order there is no address of one, and the
		 * page has one button. */
		assert_int_equal(
		    count(&s, "class=\"copy\""), i % 4 == 0 ? 0 : 3);
		if (i % 4 == 0)
			assert_int_equal(count(&s, "<form"), 1);
	}
	stage_close(&s);
}

/* B12: without a style sheet the icons are as large as with it, and a long
 * amount is marked. */
static void
test_pages__icons_have_a_size_and_long_amounts_a_mark(void **state)
{
	static const struct {
		int64_t fen;
		bool is_long;
	} rows[] = {
	    {1, false}, {9999999, false}, {10000000, true}, {H5_FEN_MAX, true}};
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i < COUNT(rows); i++) {
		s.o.total_fee = rows[i].fen;
		stage_ask(&s, "GET", empty);
		h5_page_return(&s.x, &s.o, TOKEN);
		assert_int_equal(count(&s, "<svg"), 1);
		assert_int_equal(
		    count(&s, "<svg viewBox=\"0 0 24 24\" width=\"36\" "
			      "height=\"36\" fill=\"none\""),
		    1);
		assert_int_equal(count(&s, "class=\"amount long\""),
		    rows[i].is_long ? 1 : 0);
	}
	stage_close(&s);
}

static void
test_pages__a_receipt_has_what_a_receipt_needs(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.o.state = H5_ORDER_PAID;
	s.o.paid_at = NOON;
	s.o.qty = 3;
	(void)snprintf(s.o.transaction_id, sizeof s.o.transaction_id,
	    "4200001234202611230000000001");
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
	HAS(&s, "4200001234202611230000000001");
	HAS(&s, "<time datetime=\"2026-11-23T12:00:12+08:00\">"
		"2026-11-23 12:00:12</time>");
	HAS(&s, "北京时间");
	HAS(&s, ID);
	HAS(&s, "¥</span>128.00");
	HAS(&s, "<dd>3</dd>");
	HAS(&s, "href=\"https://shop.example\"");
	HAS(&s, "href=\"tel:+864000000000\"");
	/* Paying again was refused because it is paid: the page says so. */
	HAS(&s, "该订单已支付");
	s.x.program = "query";
	stage_ask(&s, "GET", empty);
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
	LACKS(&s, "该订单已支付");
	stage_close(&s);
}

static void
test_pages__refunds_are_summed(void **state)
{
	struct h5_refund two[2] = {
	    {.refund_fee = 2800, .changed_at = NOON}, {.refund_fee = 1000}};
	struct stage s;

	(void)state;
	stage_open(&s);
	two[0].state = H5_REFUND_SUCCESS;
	two[1].state = H5_REFUND_PROCESSING;
	s.o.refunds = two;
	s.o.n_refunds = 2;
	s.o.state = H5_ORDER_REFUNDING;
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
	HAS(&s, "已申请退款 ¥10.00");
	HAS(&s, "<dd>¥28.00</dd>");
	s.o.state = H5_ORDER_PARTLY_REFUNDED;
	stage_ask(&s, "GET", empty);
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
	HAS(&s, "已退款 ¥28.00，原支付 ¥128.00");
	stage_close(&s);
}

static void
test_pages__notes_say_what_was_just_learned(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.o.checked_at = NOON;
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_UNREACHABLE, 0, 200);
	HAS(&s, "暂时无法连接微信支付");
	HAS(&s, "2026-11-23 12:00:12");
	stage_ask(&s, "POST", empty);
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_WAIT, NOON + 90, 200);
	HAS(&s, "上一次支付尚未结束");
	HAS(&s, ">12:01:42</time>");
	HAS(&s, "href=\"https://shop.example/cgi-bin/query.fcgi?order=" ID
		"&amp;t=" TOKEN "&amp;lang=en\"");
	stage_close(&s);
}

static void
test_pages__closed_promises_only_what_is_known(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.o.state = H5_ORDER_CLOSED;
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
	LACKS(&s, "未扣款");
	s.o.checked_at = NOON;
	stage_ask(&s, "GET", empty);
	h5_page_result(&s.x, &s.o, TOKEN, H5_NOTE_NONE, 0, 200);
	HAS(&s, "未扣款");
	stage_close(&s);
}

/* --- words --------------------------------------------------------------- */

/* A page in Chinese has one word for paying, WeChat's; one in English never
 * shows a bare yuan sign, which is read as yen.  How many amounts it has. */
static int
check_words(const struct stage *s)
{
	const char *body = s->resp.body.data, *p;
	int amounts = 0;

	if (strstr(body, "<html lang=\"zh-CN\">") != NULL) {
		HAS(s, "支付");
		LACKS(s, "付款");
		return 0;
	}
	HAS(s, "<html lang=\"en\">");
	for (p = strstr(body, "¥"); p != NULL; p = strstr(p + 1, "¥")) {
		if (p - body < 2 || strncmp(p - 2, "CN", 2) != 0)
			fail_msg("a bare yuan sign in\n%s", body);
		amounts++;
	}
	return amounts;
}

static int
check_confirm_words(struct stage *s, char *lang)
{
	struct h5_page_confirm fixed = {.title = "tea", .total_fee = 12800},
			       named = {.title = "a",
				   .min_fee = 100,
				   .max_fee = 500};
	int amounts;

	stage_ask(s, "GET", lang);
	confirm(s, &fixed, 200);
	amounts = check_words(s);
	fixed.changed = true;
	stage_ask(s, "GET", lang);
	confirm(s, &fixed, 409);
	amounts += check_words(s);
	for (int i = H5_TYPED_WELL; i <= H5_TYPED_HIGH; i++) {
		named.typed = (enum h5_offer_typed)i;
		stage_ask(s, "GET", lang);
		confirm(s, &named, 200);
		amounts += check_words(s);
	}
	return amounts;
}

static int
check_result_words(struct stage *s, char *lang)
{
	int amounts = 0;

	for (size_t i = 0; i < 2 * COUNT(outcomes); i++) {
		const struct outcome *w = &outcomes[i / 2];

		s->o.state = w->state;
		s->o.alerts = w->alerts;
		s->o.checked_at = i % 2 == 0 ? 0 : NOON;
		s->o.paid_at = s->o.checked_at;
		(void)snprintf(s->attempt.trade_state,
		    sizeof s->attempt.trade_state, "%s", w->trade_state);
		for (int note = H5_NOTE_NONE; note <= H5_NOTE_WAIT; note++) {
			stage_ask(s, "GET", lang);
			h5_page_result(&s->x, &s->o, TOKEN,
			    (enum h5_page_note)note, NOON, 200);
			amounts += check_words(s);
		}
	}
	return amounts;
}

static int
check_other_words(struct stage *s, char *lang)
{
	int amounts;

	stage_ask(s, "GET", lang);
	h5_page_handoff(&s->x, &s->o, TOKEN, "https://wx.tenpay.com/", NOON);
	amounts = check_words(s);
	stage_ask(s, "GET", lang);
	h5_page_return(&s->x, &s->o, TOKEN);
	amounts += check_words(s);
	stage_ask(s, "GET", lang);
	h5_page_elsewhere(
	    &s->x, "https://shop.example/cgi-bin/checkout", &outside, NULL);
	amounts += check_words(s);
	for (size_t i = 0; i < COUNT(plain); i++) {
		stage_ask(s, "GET", lang);
		h5_page_plain(&s->x, plain[i].which, &s->o, TOKEN);
		amounts += check_words(s);
	}
	return amounts;
}

static void
test_pages__one_word_for_paying_and_no_bare_yuan_sign(void **state)
{
	static char zh[] = "lang=zh-CN", en[] = "lang=en";
	struct h5_refund two[2] = {{.refund_fee = 2800,
				       .changed_at = NOON,
				       .state = H5_REFUND_SUCCESS},
	    {.refund_fee = 1000, .state = H5_REFUND_PROCESSING}};
	struct stage s;

	(void)state;
	stage_open(&s);
	(void)check_confirm_words(&s, zh);
	(void)check_other_words(&s, zh);
	/* Title, amount and button of a fixed one; the field of a named one. */
	assert_int_equal(check_confirm_words(&s, en), 2 * 3 + 4);
	/* Two of the handoff, one of the page after it. */
	assert_int_equal(check_other_words(&s, en), 3);
	s.o.refunds = two;
	s.o.n_refunds = 2;
	(void)check_result_words(&s, zh);
	/* Each result shows an amount, and what was given back. */
	assert_true(check_result_words(&s, en) >= 6 * 2 * (int)COUNT(outcomes));
	stage_close(&s);
}

static void
test_pages__nothing_inline_and_nothing_foreign(void **state)
{
	static const char *const banned[] = {"<script", " style=", " onclick",
	    " onload", "javascript:", "http://", "<link", "<img", "target="};

	(void)state;
	assert_true(h5_embed_count > 20);
	for (size_t i = 0; i < h5_embed_count; i++) {
		const struct h5_embed *f = &h5_embed_files[i];

		assert_int_equal(strlen((const char *)f->bytes), f->length);
		for (size_t k = 0; k < COUNT(banned); k++)
			/* Two pages have one script each, by its hash. */
			ROW(f->name,
			    strstr((const char *)f->bytes, banned[k]) == NULL ||
				(k == 0 &&
				    (strcmp(f->name, "scan.html") == 0 ||
					strcmp(f->name, "jsapi.html") == 0)));
	}
}

static void
test_pages__a_page_that_fails_is_a_plain_500(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.resp.body.max = 1024;
	s.resp.head = true;
	h5_page_return(&s.x, &s.o, TOKEN);
	assert_int_equal(s.resp.status, 500);
	HAS(&s, "data-page=\"error\"");
	check_headers(&s);
	assert_true(s.resp.head);
	stage_close(&s);
}

/* --- a shop's own files -------------------------------------------------- */

static enum h5_code
load_from(struct folder *f, struct stage *s, struct h5_buf *faults)
{
	struct h5_err e;

	h5_pages_free(s->pages);
	s->c.pages.templates = f->path;
	return h5_pages_load(&s->c, faults, &s->pages, &e);
}

static void
test_pages__an_empty_folder_changes_nothing(void **state)
{
	struct folder f;
	struct h5_buf faults;
	struct stage s;

	(void)state;
	stage_open(&s);
	folder_make(&f);
	h5_buf_init(&faults, 65536);
	/* With a folder every partial and key is checked, ours too. */
	if (load_from(&f, &s, &faults) != H5_OK)
		fail_msg("%s", faults.data);
	folder_remove(&f);
	h5_buf_release(&faults);
	stage_close(&s);
}

static void
test_pages__single_files_and_messages_are_replaced(void **state)
{
	struct folder f;
	struct h5_buf faults;
	struct stage s;

	(void)state;
	stage_open(&s);
	folder_make(&f);
	folder_write(&f, "busy.html",
	    "{{> head}}\n<main data-page=\"busy\">{{> m.busy_title}}!"
	    "{{> m.return_title}}</main>\n",
	    0644);
	folder_write(
	    &f, "messages.zh-CN", "# ours\n\nbusy_title = Wait\n", 0644);
	folder_write(&f, "style.css", "/* x */\nb {\n\tcolor: red;\n}\n", 0644);
	h5_buf_init(&faults, 65536);
	if (load_from(&f, &s, &faults) != H5_OK)
		fail_msg("%s", faults.data);
	s.x.pages = s.pages;
	h5_page_plain(&s.x, H5_PAGE_BUSY, NULL, NULL);
	HAS(&s,
	    "<main data-page=\"busy\">Wait!请确认微信支付是否已完成</main>");
	HAS(&s, "<style>b {\ncolor: red;\n}\n</style>");
	folder_remove(&f);
	h5_buf_release(&faults);
	stage_close(&s);
}

static const struct {
	const char *row, *file, *text, *want;
} mistakes[] = {
    {"template", "busy.html", "a\n{{#x}}\n",
	"busy.html:2: nothing closes the section x\n"},
    {"no such partial", "busy.html", "{{> nobody}}",
	"busy.html:1: there is no template nobody.html\n"},
    {"no such message", "busy.html", "{{> m.nobody}}",
	"busy.html:1: messages.en has no nobody\n"},
    {"endless", "head.html", "{{> head}}",
	"head.html:1: includes itself, or is nested too deeply\n"},
    {"no pair", "messages.en", "\nbusy_title\n",
	"messages.en:2: a line is \"key = text\"\n"},
    {"capitals", "messages.en", "Busy = x\n",
	"messages.en:1: a line is \"key = text\"\n"},
    {"message", "messages.en", "# x\nbusy_title = {{x\n",
	"messages.en:2: this tag is not closed\n"},
    {"twice", "messages.en", "busy_title = x\nbusy_title = y\n",
	"messages.en:2: busy_title is already set in line 1\n"},
    {"unused", "messages.en", "busy_titel = x\n",
	"messages.en:1: no template uses busy_titel\n"},
    {"style", "style.css", "a{}</STYLE>",
	"style.css:1: contains \"</style\", which would end it\n"},
    {"not UTF-8", "busy.html", "\xff", "busy.html:1: is not UTF-8\n"},
    {"misspelt", "confrim.html", "x",
	"confrim.html:1: there is no template of this name; "
	"did you mean confirm.html?\n"},
};

static void
test_pages__faults_name_file_and_line(void **state)
{
	struct folder f;
	struct h5_buf faults;
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		folder_make(&f);
		folder_write(&f, mistakes[i].file, mistakes[i].text, 0644);
		folder_write(&f, ".hidden", "x", 0644);
		folder_write(&f, "busy.html~", "x", 0644);
		h5_buf_init(&faults, 65536);
		ROW(mistakes[i].row, load_from(&f, &s, &faults) == H5_E_CONFIG);
		assert_null(s.pages);
		if (strstr(faults.data, mistakes[i].want) == NULL)
			fail_msg(
			    "row \"%s\": got %s", mistakes[i].row, faults.data);
		assert_int_equal(
		    strncmp(faults.data, f.path, strlen(f.path)), 0);
		h5_buf_release(&faults);
		folder_remove(&f);
	}
	stage_close(&s);
}

static void
test_pages__all_faults_in_one_run(void **state)
{
	struct folder f;
	struct h5_buf faults;
	struct stage s;

	(void)state;
	stage_open(&s);
	folder_make(&f);
	folder_write(&f, "busy.html", "{{", 0644);
	folder_write(&f, "error.html", "{{/x}}", 0644);
	folder_write(&f, "messages.en", "X\nY\n", 0644);
	folder_mkdir(&f, "paid.html");
	h5_buf_init(&faults, 65536);
	assert_int_equal(load_from(&f, &s, &faults), H5_E_CONFIG);
	assert_non_null(strstr(faults.data, "busy.html:1:"));
	assert_non_null(strstr(faults.data, "error.html:1:"));
	assert_non_null(strstr(faults.data, "messages.en:1:"));
	assert_non_null(strstr(faults.data, "messages.en:2:"));
	assert_non_null(strstr(faults.data, "paid.html:1:"));
	folder_remove(&f);
	h5_buf_clear(&faults);
	assert_int_equal(load_from(&f, &s, &faults), H5_E_CONFIG);
	assert_non_null(strstr(faults.data, ":1: pages.templates"));
	h5_buf_release(&faults);
	stage_close(&s);
}

/* --- for one request ------------------------------------------------------ */

static void
test_pages__on_demand_shows_the_same_bytes(void **state)
{
	static char zh[] = "zh-CN", en[] = "en";
	struct h5_pages *once, *all;
	struct h5_buf faults, want;
	struct h5_err e;
	struct stage s;

	(void)state;
	stage_open(&s);
	all = s.pages;
	h5_buf_init(&faults, 1000);
	h5_buf_init(&want, 1 << 20);
	for (int i = 0; i < 2 * (H5_PAGE_BUSY + 1); i++) {
		s.c.site.lang = i % 2 == 0 ? zh : en;
		assert_int_equal(
		    h5_pages_load_once(&s.c, &faults, &once, &e), H5_OK);
		for (int k = 0; k < 2; k++) {
			h5_response_clear(&s.resp);
			s.x.pages = k == 0 ? all : once;
			h5_page_plain(
			    &s.x, (enum h5_page_plain)(i / 2), &s.o, "tok");
			if (k == 0) {
				h5_buf_clear(&want);
				h5_buf_add(
				    &want, s.resp.body.data, s.resp.body.len);
			}
		}
		assert_true(want.len > 1000);
		assert_int_equal(s.resp.body.len, want.len);
		assert_memory_equal(s.resp.body.data, want.data, want.len);
		h5_pages_free(once);
	}
	h5_buf_release(&want);
	h5_buf_release(&faults);
	stage_close(&s);
}

static void
test_pages__no_pages_are_a_plain_500(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.x.pages = NULL;
	h5_page_return(&s.x, &s.o, "tok");
	assert_int_equal(s.resp.status, 500);
	HAS(&s, "data-page=\"error\"");
	HEADER(&s, "Content-Security-Policy: default-src 'none'");
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pages__the_policy_allows_exactly_the_style),
	    cmocka_unit_test(test_pages__a_redirect_carries_the_same_headers),
	    cmocka_unit_test(test_pages__headers_set_before_stay),
	    cmocka_unit_test(
		test_pages__plain_pages_have_status_name_and_reference),
	    cmocka_unit_test(test_pages__a_failed_order_can_be_tried_again),
	    cmocka_unit_test(
		test_pages__without_configuration_the_buyer_learns_nothing),
	    cmocka_unit_test(test_pages__confirm_shows_and_posts),
	    cmocka_unit_test(test_pages__confirm_asks_for_an_amount),
	    cmocka_unit_test(test_pages__language_stays_in_the_addresses),
	    cmocka_unit_test(test_pages__return_asks_and_helps),
	    cmocka_unit_test(test_pages__handoff_has_one_link_to_the_cashier),
	    cmocka_unit_test(test_pages__inside_wechat_the_address_is_shown),
	    cmocka_unit_test(test_pages__each_state_has_its_result),
	    cmocka_unit_test(test_pages__a_note_and_its_page_say_one_thing),
	    cmocka_unit_test(test_pages__what_to_do_where_wechat_did_not_open),
	    cmocka_unit_test(
		test_pages__icons_have_a_size_and_long_amounts_a_mark),
	    cmocka_unit_test(test_pages__a_receipt_has_what_a_receipt_needs),
	    cmocka_unit_test(test_pages__refunds_are_summed),
	    cmocka_unit_test(test_pages__notes_say_what_was_just_learned),
	    cmocka_unit_test(test_pages__closed_promises_only_what_is_known),
	    cmocka_unit_test(
		test_pages__one_word_for_paying_and_no_bare_yuan_sign),
	    cmocka_unit_test(test_pages__nothing_inline_and_nothing_foreign),
	    cmocka_unit_test(test_pages__a_page_that_fails_is_a_plain_500),
	    cmocka_unit_test(test_pages__an_empty_folder_changes_nothing),
	    cmocka_unit_test(
		test_pages__single_files_and_messages_are_replaced),
	    cmocka_unit_test(test_pages__faults_name_file_and_line),
	    cmocka_unit_test(test_pages__all_faults_in_one_run),
	    cmocka_unit_test(test_pages__on_demand_shows_the_same_bytes),
	    cmocka_unit_test(test_pages__no_pages_are_a_plain_500),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
