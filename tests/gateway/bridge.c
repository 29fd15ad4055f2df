/* bridge.c - what WeixinJSBridge answers to getBrandWCPayRequest.
 *
 * A test, or the demonstration, injects the bridge into the page and hands on
 * what the page's script called it with (PROTOCOL-V3 17.5): a form with the six
 * values, url (of the page), action (pay, cancel, stay: paid, and the script is
 * told nothing) and account.  The answer is what the script is given. */
#include <string.h>

#include "tests/gateway/gateway.h"

enum { PREPAY_LIFE_MS = 2 * 3600 * 1000 };

/* [lock] An entry for the host's root covers it all, another one the pages of
 * its very directory. */
static bool
registered(const char *entries, const char *url)
{
	size_t n = strcspn(url, "?#");
	const char *slash;

	while (n > 0 && url[n - 1] != '/')
		n--;
	if (*entries == '\0')
		return true;
	for (const char *e = entries; *e != '\0';) {
		size_t m = strcspn(e, " ");

		slash = m > 8 ? memchr(e + 8, '/', m - 8) : NULL;
		if (m == n && strncmp(e, url, n) == 0)
			return true;
		if (slash == e + m - 1 && m <= n && strncmp(e, url, m) == 0)
			return true;
		e += m;
		e += strspn(e, " ");
	}
	return false;
}

/* APIv3: four lines, by the merchant's own key. */
static bool
signed_by_v3(struct gw *gw, const struct gw_list *args)
{
	static const char *const names[] = {
	    "appId", "timeStamp", "nonceStr", "package"};
	struct gw_buf m = {0};
	bool ok;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		gw_buf_putf(&m, "%s\n", gw_list_text(args, names[i]));
	ok = strcmp(gw_list_text(args, "signType"), "RSA") == 0 &&
	     gw_v3_signed(gw->keys, &m, gw_list_text(args, "paySign"));
	gw_buf_free(&m);
	return ok;
}

/* [lock] Signed with the key and the type of the prepay. */
static bool
signed_well(struct gw *gw, const struct gw_list *args, const struct gw_order *o)
{
	static const char *const names[] = {
	    "appId", "timeStamp", "nonceStr", "package", "signType"};
	struct gw_list due = {0};
	char sign[GW_SIGN_SIZE];
	bool ok;

	if (o->v3)
		return signed_by_v3(gw, args);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		gw_list_add(&due, names[i], gw_list_text(args, names[i]));
	gw_sign(&due, gw->setup.key, o->sign_type, sign);
	ok = strcmp(gw_list_text(args, "signType"),
		 gw_sign_name(o->sign_type)) == 0 &&
	     gw_same_text(sign, gw_list_text(args, "paySign"));
	gw_list_free(&due);
	return ok;
}

/* [lock] WeChat's words for what is wrong, NULL if nothing is. */
static const char *
judge(struct gw *gw, const struct gw_list *args, struct gw_order **order)
{
	const char *package = gw_list_text(args, "package");
	struct gw_entry *e = NULL;
	struct gw_order *o;
	const char *appid;
	char openid[32];

	if (!registered(gw->opt.jsapi_directories, gw_list_text(args, "url")))
		return "当前页面的URL未注册";
	if (!gw_appid_known(gw, gw_list_text(args, "appId")))
		return "调用支付JSAPI缺少参数：appId";
	if (gw_starts(package, "prepay_id="))
		e = gw_entry_find(gw, package + strlen("prepay_id="));
	if (e == NULL || strcmp(gw_order_type(e->order), "JSAPI") != 0 ||
	    gw_now_ms(gw) - e->issued_ms >= PREPAY_LIFE_MS)
		return "调用支付JSAPI缺少参数：total_fee";
	o = e->order;
	/* The appid under which the payer was named. */
	appid = o->sub_openid[0] != '\0' ? gw_list_text(&o->terms, "sub_appid")
					 : gw->setup.appid;
	if (strcmp(gw_list_text(args, "appId"), appid) != 0)
		return "调用支付JSAPI缺少参数：total_fee";
	gw_order_settle(gw, o);
	if (!signed_well(gw, args, o))
		return "支付验证签名失败";
	gw_openid(appid, gw_list_text(args, "account"), openid);
	if (strcmp(openid,
		o->sub_openid[0] != '\0' ? o->sub_openid : o->openid) != 0)
		return "下单账号与支付账号不一致";
	if (o->state == GW_SUCCESS || o->state == GW_REFUND)
		return "该订单已支付";
	if (o->state == GW_CLOSED ||
	    (e != o->entries && !gw->opt.old_urls_live))
		return "订单已关闭";
	*order = o;
	return NULL;
}

void
gw_bridge_handle(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct gw_list args = {0};
	struct gw_order *o = NULL;
	const char *action;
	const char *why;
	const char *msg = "fail";

	gw_form_read(req->body.data, req->body.len, &args);
	action = gw_list_text(&args, "action");
	pthread_mutex_lock(&gw->lock);
	if (*gw_list_text(&args, "account") == '\0')
		gw_list_set(&args, "account", gw->opt.account);
	why = judge(gw, &args, &o);
	if (why == NULL && strcmp(action, "cancel") == 0) {
		msg = "cancel";
	} else if (why == NULL) {
		gw_order_pay(gw, o, true);
		msg = "ok";
	}
	pthread_mutex_unlock(&gw->lock);
	gw_response_text(res, 200, "application/json; charset=utf-8", "");
	gw_buf_putf(
	    &res->body, "{\"err_msg\":\"get_brand_wcpay_request:%s\"", msg);
	if (why != NULL) {
		gw_buf_puts(&res->body, ",");
		gw_json_pair(&res->body, "err_desc", why);
	}
	gw_buf_puts(&res->body, "}");
	gw_list_free(&args);
}
