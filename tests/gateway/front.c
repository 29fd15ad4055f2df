/* front.c - the page for people. */
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

static const char style[] =
    ":root{--bg:#f5f5f5;--card:#fff;--ink:#1a1a1a;--dim:#595959;"
    "--line:#8a8a8a;--go:#067a3c;--goink:#fff;--link:#0b57a4;"
    "color-scheme:light dark}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#111;--card:#1c1c1c;"
    "--ink:#e8e8e8;--dim:#ababab;--line:#767676;--go:#3ddc84;"
    "--goink:#06210f;--link:#8ab4f8}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--ink);"
    "font:1rem/1.6 system-ui,-apple-system,\"PingFang SC\","
    "\"Microsoft YaHei\",\"Noto Sans CJK SC\",sans-serif;"
    "overflow-wrap:anywhere}\n"
    "main,footer{max-width:26rem;margin:0 auto;padding:1rem}\n"
    "main.wide{max-width:60rem}\n"
    "footer,.dim,small{color:var(--dim);font-size:.875rem}\n"
    ".card{background:var(--card);border-radius:.75rem;padding:1.25rem;"
    "margin:0 0 1rem;text-align:center}\n"
    "h1{font-size:1.25rem;line-height:1.4;margin:.25rem 0}\n"
    "h2{font-size:1.05rem;margin:1.5rem 0 .25rem}\n"
    ".amount{font-size:2.25rem;font-weight:600;margin:.25rem 0}\n"
    "button,.btn{display:block;width:100%;min-height:3rem;"
    "margin:.75rem 0 0;padding:.5rem 1rem;border-radius:.5rem;"
    "border:1px solid var(--line);background:var(--card);color:var(--ink);"
    "font:inherit;text-align:center;text-decoration:none;cursor:pointer}\n"
    "button small,.btn small{display:block}\n"
    ".go{background:var(--go);border-color:var(--go);color:var(--goink);"
    "font-weight:600}\n"
    ".go small{color:inherit}\n"
    ":focus-visible{outline:3px solid var(--link);outline-offset:2px}\n"
    ".row{display:flex;flex-wrap:wrap;gap:.5rem}\n"
    ".row button{width:auto;min-height:2.5rem;margin:0;padding:.25rem "
    ".75rem}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;background:var(--card)}\n"
    "th,td{text-align:left;padding:.4rem .6rem;vertical-align:top;"
    "border-bottom:1px solid var(--line);overflow-wrap:normal}\n"
    "th,td button{white-space:nowrap}td code{white-space:nowrap}\n"
    "a{color:var(--link)}a.btn{color:inherit}\n"
    ".faults{padding-left:1.25rem}.faults .row{align-items:center}\n"
    "code{font-family:ui-monospace,monospace}\n";

void
gw_front_head(struct gw_buf *b, const char *lang, const char *title)
{
	gw_buf_putf(b,
	    "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n"
	    "<title>%s</title>\n<style>\n%s</style>\n</head>\n<body>\n",
	    lang, title, style);
}

/* ---- the page for people --------------------------------------------- */

enum {
	ORDERS_SHOWN = 50,
	CALLS_SHOWN = 30,
};

/* One button: what it sends to which control. */
struct button {
	const char *verb;
	const char *form; /* name=value pairs, '&' between them */
	const char *label; /* NULL: a heading's end */
};

static const struct button cashier_buttons[] = {
    {"fault", "api=cashier&kind=show-error&count=1&name=network",
	"网络环境未能通过安全验证"},
    {"fault", "api=cashier&kind=show-error&count=1&name=format",
	"商家参数格式有误"},
    {"fault", "api=cashier&kind=show-error&count=1&name=unconfigured",
	"商家存在未配置的参数"},
    {"fault", "api=cashier&kind=show-error&count=1&name=expired",
	"支付请求已失效"},
    {"fault", "api=cashier&kind=show-error&count=1&name=in-wechat",
	"请在微信外打开订单"},
    {"fault", "api=cashier&kind=show-error&count=1&name=account-ios",
	"签名验证失败"},
    {"fault", "api=cashier&kind=show-error&count=1&name=account", "系统繁忙"},
    {"fault", "api=cashier&kind=show-error&count=1&name=bad-params",
	"H5交易参数有误"},
    {NULL, NULL, NULL},
};

/* The causes themselves; they last until they are taken back. */
static const struct button cause_buttons[] = {
    {"option", "client_ip=203.0.113.9", "The payer comes from elsewhere"},
    {"option", "client_ip=", "… from where the order says"},
    {"option", "account=B", "A second WeChat account opens it"},
    {"option", "account=A", "… the first account again"},
    {"option", "allowed_domains=shop.example", "This shop is not configured"},
    {"option", "products=MWEB", "The merchant has H5 alone"},
    {"option", "products=NATIVE JSAPI", "… all but H5"},
    {"option", "products=MWEB NATIVE JSAPI", "… every product"},
    {"option", "same_code=1", "Each code_url is the same"},
    {"option", "oauth_domains=shop.example", "网页授权域名 is another host"},
    {"fault", "api=access_token&kind=errcode&n=40125&count=1",
	"AppSecret refused"},
    {"fault", "api=access_token&kind=snapshot&count=1", "A virtual openid"},
    {NULL, NULL, NULL},
};

static const struct button order_buttons[] = {
    {"fault", "api=unifiedorder&kind=delay&ms=3000&count=1", "3 s slow"},
    {"fault", "api=unifiedorder&kind=hang&ms=30000&count=3", "No answer"},
    {"fault", "api=unifiedorder&kind=cut-after&count=1",
	"Ordered, answer lost"},
    {"fault", "api=unifiedorder&kind=systemerror&count=2", "SYSTEMERROR twice"},
    {"fault", "api=unifiedorder&kind=systemerror", "SYSTEMERROR always"},
    {"fault",
	"api=unifiedorder&kind=result-fail&count=1&code=NOAUTH"
	"&text=商户号该产品权限未开通",
	"NOAUTH"},
    {"fault",
	"api=unifiedorder&kind=result-fail&count=1&code=INVALID_REQUEST"
	"&text=201 商户订单号重复",
	"201 商户订单号重复"},
    {"fault", "api=unifiedorder&kind=unsigned&count=1", "Unsigned answer"},
    {"fault", "api=unifiedorder&kind=wrong-sign&count=1", "Forged answer"},
    {"fault", "api=unifiedorder&kind=other-mch-id&count=1",
	"Another merchant's answer"},
    {"fault", "api=unifiedorder&kind=foreign-mweb-url&count=1",
	"Foreign mweb_url"},
    {"fault", "api=unifiedorder&kind=http-status&status=500&count=1",
	"HTTP 500"},
    {NULL, NULL, NULL},
};

static const struct button query_buttons[] = {
    {"fault", "api=orderquery&kind=hide-payment&count=3",
	"Payment not seen, 3 times"},
    {"fault", "api=orderquery&kind=state&state=USERPAYING&count=1",
	"USERPAYING"},
    {"fault", "api=orderquery&kind=state&state=PAYERROR&count=1", "PAYERROR"},
    {"fault", "api=orderquery&kind=state&state=CLOSED&count=1", "CLOSED"},
    {"fault", "api=orderquery&kind=systemerror&count=3", "SYSTEMERROR 3 times"},
    {"fault", "api=orderquery&kind=wrong-amount&count=1", "Wrong amount"},
    {"option", "refuse_early_close=1", "Not closed before 5 minutes"},
    {NULL, NULL, NULL},
};

static const struct button refund_buttons[] = {
    {"option", "refund_result=SUCCESS&refund_s=10", "Succeed in 10 s"},
    {"option", "refund_result=PROCESSING", "Stay under way"},
    {"option", "refund_result=CHANGE&refund_s=0", "Turn out abnormal"},
    {"option", "refund_result=REFUNDCLOSE&refund_s=0", "Are closed"},
    {"option", "balance=0", "The balance is empty"},
    {"option", "balance=100000000", "… is full again"},
    {"fault", "api=refund&kind=cut-after&count=2", "Taken, answer lost"},
    {"fault", "api=refund&kind=systemerror", "SYSTEMERROR always"},
    {NULL, NULL, NULL},
};

static const struct button notice_buttons[] = {
    {"fault", "api=notice&kind=never", "Never"},
    {"fault", "api=notice&kind=late&seconds=20&count=1", "20 s late"},
    {"fault", "api=notice&kind=twice&count=1", "Twice at once"},
    {"fault", "api=notice&kind=times&n=32&count=1", "32 at once"},
    {"fault", "api=unifiedorder&kind=pay-before-answer&count=1",
	"Before the order's answer"},
    {"fault", "api=notice&kind=wrong-amount&count=1", "Wrong amount"},
    {"fault", "api=notice&kind=fee-type&count=1", "In USD"},
    {"fault", "api=notice&kind=other-mch-id&count=1", "Another merchant's"},
    {"fault", "api=notice&kind=wrong-sign&count=1", "Forged"},
    {"fault", "api=notice&kind=coupons&count=1", "With coupons"},
    {"hurry", "", "Send what is pending now"},
    {NULL, NULL, NULL},
};

static const struct button v3_buttons[] = {
    {"fault", "api=unifiedorder&kind=result-fail&count=1&code=NO_AUTH",
	"403 NO_AUTH"},
    {"fault",
	"api=unifiedorder&kind=result-fail&count=1&code=OUT_TRADE_NO_USED",
	"403 OUT_TRADE_NO_USED"},
    {"fault",
	"api=unifiedorder&kind=result-fail&count=1&code=FREQUENCY_LIMITED",
	"429 FREQUENCY_LIMITED"},
    {"fault", "api=unifiedorder&kind=accepted&count=1", "202"},
    {"fault", "api=orderquery&kind=signtest&count=1",
	"WeChat's probe as an answer"},
    {"fault", "api=notice&kind=signtest&count=1", "WeChat's probe as a notice"},
    {"fault", "api=notice&kind=wrong-key&count=1",
	"A notice by another APIv3 key"},
    {"option", "strict_ip=1", "The payer's address is compared"},
    {"option", "notice_public_percent=50",
	"Half of the notices by the certificate"},
    {"option", "notice_public_percent=101", "… each as its order asked"},
    {NULL, NULL, NULL},
};

static const struct button time_buttons[] = {
    {"clock", "advance=60", "+1 minute"},
    {"clock", "advance=300", "+5 minutes"},
    {"clock", "advance=7200", "+2 hours"},
    {"clock", "advance=86400", "+1 day"},
    {"option", "speed=1", "Retries at real speed"},
    {"option", "speed=60", "Retries 60 times faster"},
    {"clear", "", "Stop every fault"},
    {"reset", "", "Reset everything"},
    {NULL, NULL, NULL},
};

static void
add_button(struct gw_buf *b, const char *verb, const char *form,
    const char *label, const char *about)
{
	gw_buf_putf(b,
	    "<form method=\"post\" action=\"/_control/%s\">"
	    "<input type=\"hidden\" name=\"back\" value=\"/\">",
	    verb);
	while (*form != '\0') {
		size_t n = strcspn(form, "&");
		size_t cut = strcspn(form, "=");

		gw_buf_putf(b, "<input type=\"hidden\" name=\"%.*s\" value=\"",
		    (int)cut, form);
		gw_buf_putf(b, "%.*s\">", (int)(n - cut - 1), form + cut + 1);
		form += n + (form[n] == '&');
	}
	gw_buf_puts(b, "<button");
	if (*about != '\0') {
		gw_buf_putf(b, " aria-label=\"%s ", label);
		gw_escape_html(b, about);
		gw_buf_puts(b, "\"");
	}
	if ((unsigned char)label[0] >= 0xe3)
		gw_buf_puts(b, " lang=\"zh-CN\"");
	gw_buf_putf(b, ">%s</button></form>\n", label);
}

static void
add_buttons(struct gw_buf *b, const char *title, const struct button *v)
{
	gw_buf_putf(b, "<h2>%s</h2>\n<div class=\"row\">\n", title);
	for (; v->label != NULL; v++)
		add_button(b, v->verb, v->form, v->label, "");
	gw_buf_puts(b, "</div>\n");
}

/* hh:mm:ss in Beijing */
static void
add_time(struct gw_buf *b, int64_t ms)
{
	char t[16];

	gw_beijing(ms, t);
	gw_buf_putf(b, "%.2s:%.2s:%.2s", t + 8, t + 10, t + 12);
}

/* [lock] */
static void
add_told(struct gw *gw, struct gw_buf *b, const char *no)
{
	unsigned sent = 0;
	const char *last = "";
	unsigned from =
	    gw->last_sent > gw->setup.kept ? gw->last_sent - gw->setup.kept : 0;

	for (unsigned id = from + 1; id <= gw->last_sent; id++) {
		const struct gw_sent *s = gw->sent[id % gw->setup.kept];

		if (s == NULL || s->id != id ||
		    strcmp(s->out_trade_no, no) != 0)
			continue;
		sent++;
		last = s->answered ? s->result : "under way";
	}
	if (sent > 0) {
		gw_buf_putf(b, "%u sent, ", sent);
		gw_escape_html(b, last);
	}
	for (struct gw_notice *n = gw->notices; n != NULL; n = n->next) {
		if (strcmp(n->out_trade_no, no) != 0 || n->flying > 0)
			continue;
		gw_buf_puts(b, sent > 0 ? "; next " : "next ");
		add_time(b, n->due_ms);
	}
}

/* [lock] */
static void
add_order(struct gw *gw, struct gw_buf *b, struct gw_order *o)
{
	struct gw_buf form = {0};

	gw_order_settle(gw, o);
	gw_buf_puts(b, "<tr><td><code>");
	gw_escape_html(b, o->out_trade_no);
	gw_buf_puts(b, "</code></td><td lang=\"zh-CN\">");
	gw_escape_html(b, gw_list_text(&o->terms, "body"));
	gw_buf_putf(b, "</td><td>%lld.%02lld</td><td>%s",
	    (long long)(o->total_fee / 100), (long long)(o->total_fee % 100),
	    gw_state_name(o->state));
	if (o->pay_at_ms != 0) {
		gw_buf_puts(b, "<br>pays at ");
		add_time(b, o->pay_at_ms);
	}
	gw_buf_puts(b, "</td><td>");
	add_told(gw, b, o->out_trade_no);
	gw_buf_puts(b, "</td><td><div class=\"row\">");
	gw_buf_puts(&form, "out_trade_no=");
	gw_escape_html(&form, o->out_trade_no);
	if (o->state == GW_NOTPAY) {
		add_button(b, "pay", form.data, "Pay", o->out_trade_no);
		add_button(b, "close", form.data, "Close", o->out_trade_no);
		if (strcmp(gw_order_type(o), "NATIVE") == 0)
			gw_buf_putf(b,
			    "<a class=\"btn\" href=\"/scan?code_url="
			    "weixin%%3A%%2F%%2Fwxpay%%2Fbizpayurl%%3Fpr%%3D%"
			    "s\">"
			    "Scan</a>",
			    o->entries->code);
	} else if (o->state == GW_SUCCESS) {
		add_button(
		    b, "notice", form.data, "Notice again", o->out_trade_no);
	}
	gw_buf_puts(b, "</div></td></tr>\n");
	gw_buf_free(&form);
}

/* [lock] */
static void
add_orders(struct gw *gw, struct gw_buf *b)
{
	int left = ORDERS_SHOWN;

	if (gw->newest == NULL) {
		gw_buf_puts(b, "<p>None yet: buy something in the shop.</p>\n");
		return;
	}
	gw_buf_puts(b,
	    "<div class=\"scroll\" role=\"region\" aria-label=\"Orders\" "
	    "tabindex=\"0\">\n<table>\n<thead><tr><th>out_trade_no</th>"
	    "<th>body</th><th>yuan</th><th>trade_state</th>"
	    "<th>notices</th><th>do</th></tr></thead>\n<tbody>\n");
	for (struct gw_order *o = gw->newest; o != NULL && left > 0;
	     o = o->next, left--)
		add_order(gw, b, o);
	gw_buf_puts(b, "</tbody>\n</table>\n</div>\n");
	if (gw->orders.n > ORDERS_SHOWN)
		gw_buf_putf(b, "<p>and %zu older ones</p>\n",
		    gw->orders.n - ORDERS_SHOWN);
}

/* [lock] */
static void
add_faults(struct gw *gw, struct gw_buf *b)
{
	bool any = false;

	for (struct gw_fault *f = gw->faults; f != NULL; f = f->next) {
		struct gw_buf form = {0};

		if (f->left == 0)
			continue;
		gw_buf_puts(b, any ? "" : "<ul class=\"faults\">\n");
		any = true;
		gw_buf_puts(b, "<li><div class=\"row\"><span>");
		for (int i = 0; i < GW_API_COUNT; i++) {
			if ((f->apis >> i & 1) != 0)
				gw_buf_putf(
				    b, "%s ", gw_api_name((enum gw_api)i));
		}
		gw_buf_putf(b, "<code>%s</code> ", gw_kind_name(f->kind));
		gw_escape_html(b, f->name);
		gw_buf_putf(b, " (%s", gw_kind_text(f->kind));
		if (f->left > 0)
			gw_buf_putf(b, "; %lld to go", (long long)f->left);
		gw_buf_puts(b, ")</span>");
		gw_buf_putf(&form, "id=%u", f->id);
		add_button(
		    b, "clear", form.data, "Stop", gw_kind_name(f->kind));
		gw_buf_puts(b, "</div></li>\n");
		gw_buf_free(&form);
	}
	gw_buf_puts(b, any ? "</ul>\n" : "<p>Nothing: all goes well.</p>\n");
}

/* [lock] newest first */
static void
add_calls(struct gw *gw, struct gw_buf *b)
{
	int left = CALLS_SHOWN;

	gw_buf_puts(b,
	    "<div class=\"scroll\" role=\"region\" aria-label=\"Calls\" "
	    "tabindex=\"0\">\n<table>\n<thead><tr><th>time</th><th>call</th>"
	    "<th>out_trade_no</th><th>answer</th><th>faults</th></tr>"
	    "</thead>\n<tbody>\n");
	for (unsigned id = gw->last_call; id > 0 && left > 0; id--, left--) {
		const struct gw_call *c = gw->calls[id % gw->setup.kept];

		if (c == NULL || c->id != id)
			break;
		gw_buf_puts(b, "<tr><td>");
		add_time(b, c->at_ms);
		gw_buf_putf(
		    b, "</td><td>%s</td><td><code>", gw_api_name(c->api));
		gw_escape_html(b, c->out_trade_no);
		gw_buf_puts(b, "</code></td><td>");
		gw_escape_html(
		    b, c->outcome[0] != '\0' ? c->outcome : "under way");
		gw_buf_puts(b, "</td><td>");
		gw_escape_html(b, c->faults);
		gw_buf_puts(b, "</td></tr>\n");
	}
	gw_buf_puts(b, "</tbody>\n</table>\n</div>\n");
}

void
gw_front_handle(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct gw_buf *b = &res->body;

	(void)req;
	gw_response_text(res, 200, "text/html; charset=utf-8", "");
	gw_list_set(&res->headers, "Cache-Control", "no-store");
	gw_front_head(b, "en", "WeChat Pay stand-in");
	gw_buf_puts(b,
	    "<main class=\"wide\" data-page=\"front\">\n"
	    "<h1>WeChat Pay stand-in</h1>\n"
	    "<p>Plays WeChat Pay for tests and demonstrations; no money "
	    "moves. <a href=\"/\">Reload</a> to see what is new.</p>\n");
	pthread_mutex_lock(&gw->lock);
	gw_buf_puts(b, "<p class=\"dim\">Merchant ");
	gw_escape_html(b, gw->setup.mch_id);
	gw_buf_puts(b, gw->keys != NULL ? ", by APIv2 and APIv3, H5 domains "
					: ", by APIv2, H5 domains ");
	gw_escape_html(b, gw->opt.allowed_domains);
	gw_buf_puts(b, "; Beijing time ");
	add_time(b, gw_now_ms(gw));
	gw_buf_puts(b, gw->clock_offset_ms != 0 ? " (set by hand)" : "");
	gw_buf_putf(
	    b, "; retries at speed %lld</p>\n", (long long)gw->opt.speed);
	gw_buf_puts(b, "<h2>Orders</h2>\n");
	add_orders(gw, b);
	gw_buf_puts(b, "<h2>Going wrong now</h2>\n");
	add_faults(gw, b);
	add_buttons(b, "The next cashier page shows", cashier_buttons);
	add_buttons(b, "Real causes at the cashier", cause_buttons);
	add_buttons(b, "Placing an order", order_buttons);
	add_buttons(b, "Asking and closing", query_buttons);
	add_buttons(b, "Refunds", refund_buttons);
	add_buttons(b, "The notice comes", notice_buttons);
	if (gw->keys != NULL)
		add_buttons(b, "APIv3 alone", v3_buttons);
	add_buttons(b, "Time, and tidying up", time_buttons);
	gw_buf_puts(b, "<h2>Latest calls</h2>\n");
	add_calls(gw, b);
	pthread_mutex_unlock(&gw->lock);
	gw_buf_puts(b, "</main>\n</body>\n</html>\n");
}
