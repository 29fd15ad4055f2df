/* phone.c - a phone that scans a code_url.
 *
 * WeChat's scanner has no web page; here one shows what the phone would, and
 * its buttons post to the cashier's. */
#include <string.h>

#include "tests/gateway/gateway.h"

enum { CODE_LIFE_MS = 2 * 3600 * 1000 };

struct scan {
	struct gw *gw;
	struct gw_request *req;
	struct gw_list args;
	struct gw_order order; /* a copy */
	char prepay_id[40];
	char package[16];
	bool found;
};

/* PROTOCOL-V3 16: one order is one person's.  The others' texts are ours. */
static const char *const errors[][3] = {
    {"no-code", "未能识别的二维码", "This is no code of WeChat Pay."},
    {"account", "商家订单信息有误，请重新下单支付",
	"Another person scanned this order before."},
    {"expired", "二维码已过期，请刷新后再试", "The code is dead."},
    {"paid", "该订单已支付", "This order is paid already."},
};

/* [lock] */
static const char *
judge(struct scan *s, struct gw_entry *e)
{
	struct gw_order *o = e->order;
	int64_t expire = 0;
	int64_t now = gw_now_ms(s->gw);

	gw_order_settle(s->gw, o);
	gw_order_copy(&s->order, o);
	s->found = true;
	gw_copy(s->prepay_id, sizeof(s->prepay_id), e->prepay_id);
	gw_copy(s->package, sizeof(s->package), e->package);
	if (o->state == GW_SUCCESS || o->state == GW_REFUND)
		return "paid";
	if (o->state == GW_CLOSED || now - e->issued_ms >= CODE_LIFE_MS)
		return "expired";
	if (e != o->entries && !s->gw->opt.old_urls_live)
		return "expired";
	if (gw_beijing_read(gw_list_text(&o->terms, "time_expire"), &expire) &&
	    now >= expire)
		return "expired";
	if (!gw_entry_claim(e, gw_page_account(s->gw, s->req)))
		return "account";
	gw_openid(s->gw->setup.appid, e->account, o->openid);
	return NULL;
}

static void
error_page(struct gw_response *res, const char *name)
{
	size_t i = 0;

	while (strcmp(errors[i][0], name) != 0)
		i++;
	gw_page_begin(res, "phone-error", NULL);
	gw_buf_putf(&res->body,
	    "<h1 data-error=\"%s\">%s</h1>\n"
	    "<p class=\"dim\" lang=\"en\">%s</p>\n</div>\n",
	    name, errors[i][1], errors[i][2]);
	gw_page_end(&res->body);
}

static void
pay_page(const struct scan *s, struct gw_response *res)
{
	struct gw_buf *b = &res->body;

	gw_page_begin(res, "phone", s->order.out_trade_no);
	gw_buf_puts(b, "<h1>");
	gw_escape_html(b, gw_list_text(&s->order.terms, "body"));
	gw_buf_puts(b, "</h1>\n<p class=\"amount\">");
	gw_page_amount(b, s->order.total_fee);
	gw_buf_puts(b, "</p>\n</div>\n<form method=\"post\" "
		       "action=\"/cgi-bin/mmpayweb-bin/act\">\n");
	gw_page_hidden(b, "prepay_id", s->prepay_id);
	gw_page_hidden(b, "package", s->package);
	gw_buf_puts(b,
	    "<button name=\"action\" value=\"stay\" class=\"go\">立即支付"
	    "<small lang=\"en\">Pay now</small></button>\n"
	    "<button name=\"action\" value=\"cancel\">取消"
	    "<small lang=\"en\">Cancel</small></button>\n</form>\n");
	gw_page_end(b);
}

void
gw_phone_scan(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct scan s = {.gw = gw, .req = req};
	struct gw_entry *e = NULL;
	const char *error = "no-code";
	const char *url;

	gw_form_read(req->query, strlen(req->query), &s.args);
	url = gw_list_text(&s.args, "code_url");
	pthread_mutex_lock(&gw->lock);
	if (gw_starts(url, GW_CODE_URL))
		e = gw_entry_find(gw, url + strlen(GW_CODE_URL));
	if (e != NULL && strcmp(gw_order_type(e->order), "NATIVE") == 0)
		error = judge(&s, e);
	pthread_mutex_unlock(&gw->lock);
	if (error != NULL)
		error_page(res, error);
	else
		pay_page(&s, res);
	gw_list_free(&s.args);
	if (s.found)
		gw_order_drop(&s.order);
}
