/* cashier.c - the page behind mweb_url.
 *
 * The real one opens the WeChat app and comes back by itself; here buttons
 * stand for what the payer does. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

enum { URL_LIFE_MS = 5 * 60 * 1000 };

/* What is shown, by short name.  account has two texts: the second one is
 * iOS's. */
static const char *const errors[][2] = {
    {"network", "网络环境未能通过安全验证，请稍后再试"},
    {"format", "商家参数格式有误，请联系商家解决"},
    {"unconfigured", "商家存在未配置的参数，请联系商家解决"},
    {"expired", "支付请求已失效，请重新发起支付"},
    {"in-wechat", "请在微信外打开订单，进行支付"},
    {"account", "系统繁忙，请稍后再试"},
    {"account-ios", "签名验证失败"},
    {"bad-params",
	"由于商家传入的H5交易参数有误，该笔交易暂时无法完成，请联系商家解决"},
};

bool
gw_cashier_nth(size_t n, const char **name, const char **text)
{
	if (n >= sizeof(errors) / sizeof(*errors))
		return false;
	*name = errors[n][0];
	*text = errors[n][1];
	return true;
}

const char *
gw_cashier_text(const char *name)
{
	const char *each;
	const char *text;

	for (size_t i = 0; gw_cashier_nth(i, &each, &text); i++) {
		if (strcmp(each, name) == 0)
			return text;
	}
	return NULL;
}

/* ---- the visit ------------------------------------------------------- */

struct visit {
	struct gw *gw;
	struct gw_request *req;
	struct gw_list args; /* of the query or the form */
	struct gw_plan plan;
	struct gw_order order; /* a copy */
	bool found;
	bool cut; /* redirect_url was badly appended */
};

static bool
clean_url(const char *text)
{
	struct gw_url url;

	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	}
	return gw_url_read(text, &url);
}

/* The query must be prepay_id, package and, percent-encoded as a whole,
 * redirect_url.  Anything else is a URL that was cut or badly appended. */
static void
read_query(struct visit *v)
{
	static const char raw[] = ":/?#\"<> ";
	const char *query = v->req->query;
	const char *at = strstr(query, "redirect_url=");
	const char *redirect;

	v->cut = !gw_form_read(query, strlen(query), &v->args);
	if (at != NULL && strpbrk(at, raw) != NULL)
		v->cut = true;
	for (size_t i = 0; i < v->args.n; i++) {
		const char *name = v->args.v[i].name;

		if (strcmp(name, "prepay_id") != 0 &&
		    strcmp(name, "package") != 0 &&
		    strcmp(name, "redirect_url") != 0)
			v->cut = true;
	}
	redirect = gw_list_get(&v->args, "redirect_url");
	if (redirect != NULL && !clean_url(redirect))
		v->cut = true;
}

static bool
same_address(const char *a, const char *b)
{
	unsigned char x[16] = {0};
	unsigned char y[16] = {0};

	if (inet_pton(AF_INET, a, x) == 1 && inet_pton(AF_INET, b, y) == 1)
		return memcmp(x, y, 4) == 0;
	if (inet_pton(AF_INET6, a, x) == 1 && inet_pton(AF_INET6, b, y) == 1)
		return memcmp(x, y, 16) == 0;
	return false;
}

/* [lock] Where WeChat sees the payer. */
static void
payer_address(const struct visit *v, char *out, size_t size)
{
	const char *forwarded = gw_request_header(v->req, "x-forwarded-for");
	size_t n = strcspn(forwarded, ", ");

	if (v->gw->opt.client_ip[0] != '\0') {
		gw_copy(out, size, v->gw->opt.client_ip);
	} else if (n > 0 && n < size) {
		memcpy(out, forwarded, n);
		out[n] = '\0';
	} else {
		gw_copy(out, size, v->req->conn->peer);
	}
}

/* [lock] On one machine everybody is 127.0.0.1: compared only on request. */
static const char *
judge_address(const struct visit *v)
{
	const struct gw_options *opt = &v->gw->opt;
	const char *due = gw_list_text(&v->order.terms, "spbill_create_ip");
	char client[64];

	if (!opt->enforce_ip && opt->client_ip[0] == '\0')
		return NULL;
	payer_address(v, client, sizeof(client));
	if (opt->enforce_ip &&
	    (gw_starts(due, "127.") || strcmp(due, "::1") == 0))
		return "bad-params";
	return same_address(client, due) ? NULL : "network";
}

/* [lock] */
static bool
configured(const struct visit *v, const char *text)
{
	struct gw_url url;

	return gw_url_read(text, &url) &&
	       gw_in_words(v->gw->opt.allowed_domains, url.host);
}

const char *
gw_page_account(struct gw *gw, const struct gw_request *req)
{
	const char *account = gw_request_header(req, "x-wechat-account");

	return *account != '\0' ? account : gw->opt.account;
}

bool
gw_entry_claim(struct gw_entry *e, const char *account)
{
	if (e->account[0] == '\0')
		gw_copy(e->account, sizeof(e->account), account);
	return strcmp(e->account, account) == 0;
}

/* [lock] */
static const char *
judge_account(const struct visit *v, struct gw_entry *e)
{
	const char *agent = gw_request_header(v->req, "user-agent");

	if (gw_entry_claim(e, gw_page_account(v->gw, v->req)))
		return NULL;
	return strstr(agent, "iPhone") != NULL || strstr(agent, "iPad") != NULL
		   ? "account-ios"
		   : "account";
}

/* [lock] */
static const char *
judge_age(const struct visit *v, const struct gw_entry *e)
{
	const struct gw_order *o = e->order;
	int64_t now = gw_now_ms(v->gw);
	int64_t expire = 0;

	if (now - e->issued_ms >= URL_LIFE_MS || o->state == GW_CLOSED)
		return "expired";
	if (e != o->entries && !v->gw->opt.old_urls_live)
		return "expired";
	if (gw_beijing_read(gw_list_text(&o->terms, "time_expire"), &expire) &&
	    now >= expire)
		return "expired";
	return NULL;
}

/* [lock] The short name of the error to show, NULL if all is well. */
static const char *
judge(struct visit *v)
{
	const struct gw_fault *f = gw_plan_find(&v->plan, GW_SHOW_ERROR);
	const char *agent = gw_request_header(v->req, "user-agent");
	const char *referer = gw_request_header(v->req, "referer");
	const char *redirect = gw_list_get(&v->args, "redirect_url");
	struct gw_entry *e =
	    gw_entry_find(v->gw, gw_list_text(&v->args, "prepay_id"));
	const char *error;

	if (e != NULL) {
		gw_order_settle(v->gw, e->order);
		gw_order_copy(&v->order, e->order);
		v->found = true;
	}
	if (f != NULL)
		return f->name;
	if (strstr(agent, "MicroMessenger") != NULL)
		return "in-wechat";
	if (*referer == '\0')
		return "format";
	if (!configured(v, referer))
		return "unconfigured";
	if (v->cut || e == NULL ||
	    strcmp(e->package, gw_list_text(&v->args, "package")) != 0)
		return strstr(agent, "iPhone") != NULL ? "account-ios"
						       : "account";
	if (redirect != NULL && !configured(v, redirect))
		return "unconfigured";
	error = judge_address(v);
	if (error == NULL)
		error = judge_age(v, e);
	if (error == NULL)
		error = judge_account(v, e);
	return error;
}

/* ---- pages ----------------------------------------------------------- */

void
gw_page_amount(struct gw_buf *b, int64_t fen)
{
	gw_buf_putf(
	    b, "¥%lld.%02lld", (long long)(fen / 100), (long long)(fen % 100));
}

void
gw_page_hidden(struct gw_buf *b, const char *name, const char *value)
{
	gw_buf_putf(b, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	gw_escape_html(b, value);
	gw_buf_puts(b, "\">\n");
}

static void
add_button(struct gw_buf *b, const char *action, const char *class,
    const char *zh, const char *en)
{
	gw_buf_putf(b,
	    "<button name=\"action\" value=\"%s\"%s>%s"
	    "<small lang=\"en\">%s</small></button>\n",
	    action, class, zh, en);
}

void
gw_page_end(struct gw_buf *b)
{
	gw_buf_puts(b,
	    "</main>\n<footer>\n<p>这是微信支付的测试替身，不会扣款。"
	    "<br><span lang=\"en\">A stand-in for tests: no money moves."
	    "</span></p>\n</footer>\n</body>\n</html>\n");
}

void
gw_page_begin(struct gw_response *res, const char *page, const char *data)
{
	gw_response_text(res, 200, "text/html; charset=utf-8", "");
	gw_list_set(&res->headers, "Cache-Control", "no-store");
	gw_front_head(&res->body, "zh-CN", "微信支付");
	gw_buf_putf(&res->body, "<main data-page=\"%s\"", page);
	if (data != NULL) {
		gw_buf_puts(&res->body, " data-order=\"");
		gw_escape_html(&res->body, data);
		gw_buf_puts(&res->body, "\"");
	}
	gw_buf_puts(&res->body, ">\n<div class=\"card\">\n");
}

static void
add_back(struct gw_buf *b, const char *url)
{
	if (*url == '\0' || !clean_url(url))
		return;
	gw_buf_puts(b, "<p><a class=\"btn\" href=\"");
	gw_escape_html(b, url);
	gw_buf_puts(b,
	    "\">返回商家<small lang=\"en\">Back to the shop</small></a></p>\n");
}

static void
error_page(struct gw_response *res, const char *name, const char *back)
{
	struct gw_buf *b = &res->body;
	const char *text = gw_cashier_text(name);

	gw_response_text(res, 200, "text/html; charset=utf-8", "");
	gw_list_set(&res->headers, "Cache-Control", "no-store");
	gw_front_head(b, "zh-CN", "微信支付");
	gw_buf_putf(b,
	    "<main data-page=\"cashier-error\" data-error=\"%s\">\n"
	    "<div class=\"card\">\n<h1>%s</h1>\n"
	    "<p class=\"dim\" lang=\"en\">Cashier error: %s</p>\n</div>\n",
	    name, text != NULL ? text : name, name);
	add_back(b, back);
	gw_page_end(b);
}

/* A plain sentence, for what the real page shows in the app. */
static void
word_page(struct gw_response *res, const char *page, const char *zh,
    const char *en, const char *back)
{
	struct gw_buf *b = &res->body;

	gw_page_begin(res, page, NULL);
	gw_buf_putf(b,
	    "<h1>%s</h1>\n<p class=\"dim\" lang=\"en\">%s</p>\n</div>\n", zh,
	    en);
	add_back(b, back);
	gw_page_end(b);
}

static void
add_shop(struct gw_buf *b, const struct gw_order *o)
{
	struct gw_list scene = {0};
	const char *name = "";

	if (gw_json_read(gw_list_text(&o->terms, "scene_info"), &scene))
		name = gw_list_text(&scene, "h5_info.wap_name");
	gw_buf_puts(b, "<p class=\"dim\">");
	gw_escape_html(b, *name != '\0' ? name : "商家");
	gw_buf_puts(b, "</p>\n<h1>");
	gw_escape_html(b, gw_list_text(&o->terms, "body"));
	gw_buf_puts(b, "</h1>\n<p class=\"amount\">");
	gw_page_amount(b, o->total_fee);
	gw_buf_puts(b, "</p>\n");
	gw_list_free(&scene);
}

static void
pay_page(struct visit *v, struct gw_response *res, int64_t later_s)
{
	struct gw_buf *b = &res->body;
	char later[64];

	gw_page_begin(res, "cashier", v->order.out_trade_no);
	add_shop(b, &v->order);
	gw_buf_puts(b, "</div>\n<form method=\"post\" "
		       "action=\"/cgi-bin/mmpayweb-bin/act\">\n");
	gw_page_hidden(b, "prepay_id", gw_list_text(&v->args, "prepay_id"));
	gw_page_hidden(b, "package", gw_list_text(&v->args, "package"));
	gw_page_hidden(
	    b, "redirect_url", gw_list_text(&v->args, "redirect_url"));
	gw_page_hidden(b, "back", gw_request_header(v->req, "referer"));
	add_button(b, "pay", " class=\"go\"", "立即支付", "Pay now");
	add_button(b, "cancel", "", "取消支付", "Cancel, go back unpaid");
	add_button(b, "stay", "", "付款后不返回", "Pay, but stay here");
	snprintf(later, sizeof(later), "Go back first, pay %lld s later",
	    (long long)later_s);
	add_button(b, "later", "", "先返回后付款", later);
	add_button(b, "fail", "", "支付失败", "The payment fails");
	gw_buf_puts(b, "</form>\n");
	gw_page_end(b);
}

/* ---- opening it ------------------------------------------------------ */

static void
pause_for(struct visit *v, enum gw_kind kind)
{
	const struct gw_fault *f = gw_plan_find(&v->plan, kind);

	if (f != NULL)
		gw_pause(v->gw, f->num);
}

/* Logs it and finds the faults.  Returns the entry's number in the log. */
static unsigned
begin(struct visit *v)
{
	const struct gw_entry *e;
	const char *no = "";
	unsigned id;

	pthread_mutex_lock(&v->gw->lock);
	e = gw_entry_find(v->gw, gw_list_text(&v->args, "prepay_id"));
	if (e != NULL)
		no = e->order->out_trade_no;
	v->plan = gw_fault_plan(v->gw, GW_CASHIER, no);
	id = gw_call_begin(v->gw, GW_CASHIER, v->req, &v->args, no, &v->plan);
	pthread_mutex_unlock(&v->gw->lock);
	pause_for(v, GW_DELAY);
	return id;
}

static void
end(struct visit *v, struct gw_response *res, unsigned id, const char *outcome)
{
	pause_for(v, GW_DELAY_ANSWER);
	gw_plan_wire(&v->plan, res);
	pthread_mutex_lock(&v->gw->lock);
	gw_call_end(v->gw, id, outcome);
	pthread_mutex_unlock(&v->gw->lock);
	gw_plan_free(&v->plan);
	gw_list_free(&v->args);
	if (v->found)
		gw_order_drop(&v->order);
}

void
gw_cashier_open(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct visit v = {.gw = gw, .req = req};
	const char *referer = gw_request_header(req, "referer");
	const char *error;
	char name[64] = "";
	char outcome[80] = "SHOWN";
	int64_t later_s;
	unsigned id;

	read_query(&v);
	id = begin(&v);
	pthread_mutex_lock(&gw->lock);
	error = judge(&v);
	if (error != NULL)
		gw_copy(name, sizeof(name), error);
	later_s = gw->opt.pay_later_s;
	pthread_mutex_unlock(&gw->lock);
	if (error != NULL) {
		error_page(res, name, referer);
		snprintf(outcome, sizeof(outcome), "ERROR %s", name);
	} else if (v.order.state == GW_SUCCESS || v.order.state == GW_REFUND) {
		const char *to = gw_list_text(&v.args, "redirect_url");

		word_page(res, "cashier-paid", "该订单已支付",
		    "This order is paid already.", *to != '\0' ? to : referer);
		gw_copy(outcome, sizeof(outcome), "PAID");
	} else {
		pay_page(&v, res, later_s);
	}
	end(&v, res, id, outcome);
}

/* ---- what the payer does --------------------------------------------- */

static void
pay_later(struct gw *gw, struct gw_order *o)
{
	if (o->pay_at_ms == 0)
		gw->waiting_payments++;
	o->pay_at_ms = gw_now_ms(gw) + gw->opt.pay_later_s * 1000;
	pthread_cond_broadcast(&gw->timing);
	pthread_cond_broadcast(&gw->changed);
}

/* [lock] False if this order takes no payment any more. */
static bool
act(struct visit *v, const char *action)
{
	struct gw *gw = v->gw;
	struct gw_entry *e =
	    gw_entry_find(gw, gw_list_text(&v->args, "prepay_id"));
	struct gw_order *o;
	bool pays;

	if (e == NULL ||
	    strcmp(e->package, gw_list_text(&v->args, "package")) != 0)
		return false;
	o = e->order;
	gw_order_settle(gw, o);
	pays = strcmp(action, "pay") == 0 || strcmp(action, "stay") == 0 ||
	       strcmp(action, "later") == 0;
	if (pays && o->state == GW_CLOSED)
		return false;
	if (pays && o->state == GW_NOTPAY) {
		if (strcmp(action, "later") == 0)
			pay_later(gw, o);
		else
			gw_order_pay(gw, o, true);
	}
	gw_order_copy(&v->order, o);
	v->found = true;
	return true;
}

void
gw_cashier_act(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct visit v = {.gw = gw, .req = req};
	const char *action;
	const char *to;
	char outcome[80];
	unsigned id;
	bool ok;

	gw_form_read(req->body.data, req->body.len, &v.args);
	action = gw_list_text(&v.args, "action");
	to = gw_list_text(&v.args, "redirect_url");
	if (*to == '\0')
		to = gw_list_text(&v.args, "back");
	id = begin(&v);
	pthread_mutex_lock(&gw->lock);
	ok = act(&v, action);
	pthread_mutex_unlock(&gw->lock);
	if (!ok)
		error_page(res, "expired", to);
	else if (strcmp(action, "stay") == 0)
		word_page(res, "cashier-done", "支付成功",
		    "Paid. Close this page, or go back by hand.", to);
	else if (clean_url(to))
		gw_response_go(res, to);
	else
		word_page(res, "cashier-done", "已完成",
		    "Done; there is no page to go back to.", "");
	snprintf(outcome, sizeof(outcome), "%s %.40s", ok ? "ACT" : "REFUSED",
	    action);
	end(&v, res, id, outcome);
}
