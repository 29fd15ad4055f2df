/* api.c - unifiedorder, orderquery, closeorder, refund, refundquery, and what
 * downloadbill shares with them.
 *
 * The texts are those of the real gateway where they are known; README.md
 * lists the ones that are not. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

enum {
	EXPIRE_LEAST_MS = 5 * 60 * 1000,
	CLOSE_LEAST_MS = 5 * 60 * 1000,
};

/* One call on its way through. */
struct call {
	struct gw *gw;
	enum gw_api api;
	struct gw_list in;
	struct gw_plan plan;
	struct gw_answer out;
	bool made; /* unifiedorder issued a mweb_url */
	struct gw_buf file; /* downloadbill: instead of XML */
};

struct rule {
	const char *name;
	size_t max; /* bytes */
	bool needed;
};

static const struct rule order_rules[] = {
    {"appid", 32, true},
    {"mch_id", 32, true},
    {"sub_appid", 32, false},
    {"sub_mch_id", 32, false},
    {"device_info", 32, false},
    {"nonce_str", 32, true},
    {"sign", 64, true},
    {"sign_type", 32, false},
    {"body", 128, true},
    {"detail", 6000, false},
    {"attach", 127, false},
    {"out_trade_no", 32, true},
    {"fee_type", 16, false},
    {"total_fee", 10, true},
    {"spbill_create_ip", 64, true},
    {"time_start", 14, false},
    {"time_expire", 14, false},
    {"goods_tag", 32, false},
    {"notify_url", 256, true},
    {"trade_type", 16, true},
    {"product_id", 32, false},
    {"limit_pay", 32, false},
    {"openid", 128, false},
    {"sub_openid", 128, false},
    {"scene_info", 256, false},
    {"receipt", 8, false},
    {"profit_sharing", 16, false},
    {"version", 32, false},
    {"fingerprint", 1024, false},
    {"user_type", 32, false},
    {"user_creid", 32, false},
    {"user_truename", 64, false},
    {NULL, 0, false},
};

static const struct rule query_rules[] = {
    {"appid", 32, true},
    {"mch_id", 32, true},
    {"sub_appid", 32, false},
    {"sub_mch_id", 32, false},
    {"nonce_str", 32, true},
    {"sign", 64, true},
    {"sign_type", 32, false},
    {"transaction_id", 32, false},
    {"out_trade_no", 32, false},
    {NULL, 0, false},
};

static const struct rule close_rules[] = {
    {"appid", 32, true},
    {"mch_id", 32, true},
    {"sub_appid", 32, false},
    {"sub_mch_id", 32, false},
    {"nonce_str", 32, true},
    {"sign", 64, true},
    {"sign_type", 32, false},
    {"out_trade_no", 32, true},
    {NULL, 0, false},
};

static const struct rule bill_rules[] = {
    {"appid", 32, true},
    {"mch_id", 32, true},
    {"sub_appid", 32, false},
    {"sub_mch_id", 32, false},
    {"nonce_str", 32, true},
    {"sign", 64, true},
    {"sign_type", 32, false},
    {"bill_date", 8, true},
    {"bill_type", 16, false},
    {"tar_type", 8, false},
    {NULL, 0, false},
};

static const struct rule refund_rules[] = {
    {"appid", 32, true},
    {"mch_id", 32, true},
    {"sub_appid", 32, false},
    {"sub_mch_id", 32, false},
    {"nonce_str", 32, true},
    {"sign", 64, true},
    {"sign_type", 32, false},
    {"transaction_id", 32, false},
    {"out_trade_no", 32, false},
    {"out_refund_no", 64, true},
    {"total_fee", 10, true},
    {"refund_fee", 10, true},
    {"refund_fee_type", 8, false},
    {"refund_desc", 80, false},
    {"refund_account", 30, false},
    {"notify_url", 256, false},
    {"op_user_id", 32, false},
    {"detail", 6000, false},
    {NULL, 0, false},
};

static const struct rule refundquery_rules[] = {
    {"appid", 32, true},
    {"mch_id", 32, true},
    {"sub_appid", 32, false},
    {"sub_mch_id", 32, false},
    {"nonce_str", 32, true},
    {"sign", 64, true},
    {"sign_type", 32, false},
    {"transaction_id", 32, false},
    {"out_trade_no", 32, false},
    {"out_refund_no", 64, false},
    {"refund_id", 32, false},
    {"offset", 10, false},
    {NULL, 0, false},
};

/* ---- answers --------------------------------------------------------- */

/* Returns false, so that a check can end with it. */
static bool
return_fail(struct call *c, const char *text)
{
	gw_list_free(&c->out.f);
	c->out.bare = true;
	gw_list_add(&c->out.f, "return_code", "FAIL");
	gw_list_add(&c->out.f, "return_msg", text);
	return false;
}

static bool
return_fail2(struct call *c, const char *a, const char *b)
{
	struct gw_buf text = {0};

	gw_buf_putf(&text, "%s%s", a, b);
	return_fail(c, text.data);
	gw_buf_free(&text);
	return false;
}

/* What every signed answer has, in the order of live ones. */
static void
begin(struct call *c, const char *err_code, const char *err_code_des)
{
	struct gw_list *f = &c->out.f;
	const char *device = gw_list_text(&c->in, "device_info");
	static const char *const subs[] = {"sub_appid", "sub_mch_id"};
	char nonce[17];

	gw_list_free(f);
	c->out.bare = false;
	gw_list_add(f, "return_code", "SUCCESS");
	gw_list_add(f, "return_msg", "OK");
	gw_list_add(f, "result_code", err_code != NULL ? "FAIL" : "SUCCESS");
	if (err_code != NULL) {
		gw_list_add(f, "err_code", err_code);
		gw_list_add(f, "err_code_des", err_code_des);
	}
	gw_list_add(f, "mch_id", c->gw->setup.mch_id);
	gw_list_add(f, "appid", c->gw->setup.appid);
	for (size_t i = 0; i < 2; i++) {
		if (*gw_list_text(&c->in, subs[i]) != '\0')
			gw_list_add(f, subs[i], gw_list_text(&c->in, subs[i]));
	}
	if (*device != '\0')
		gw_list_add(f, "device_info", device);
	gw_random_text(nonce, 16);
	gw_list_add(f, "nonce_str", nonce);
	gw_list_add(f, "sign", "");
}

static bool
result_fail(struct call *c, const char *err_code, const char *err_code_des)
{
	begin(c, err_code, err_code_des);
	return false;
}

/* ---- what every call must be ----------------------------------------- */

static const struct rule *
find_rule(const struct rule *rules, const char *name)
{
	for (; rules->name != NULL; rules++) {
		if (strcmp(rules->name, name) == 0)
			return rules;
	}
	return NULL;
}

static bool
check_fields(struct call *c, const struct rule *rules)
{
	for (size_t i = 0; i < c->in.n; i++) {
		if (find_rule(rules, c->in.v[i].name) == NULL)
			return return_fail2(c, "不识别的参数", c->in.v[i].name);
	}
	for (const struct rule *r = rules; r->name != NULL; r++) {
		const char *value = gw_list_text(&c->in, r->name);

		if (strlen(value) > r->max || (r->needed && *value == '\0'))
			return return_fail2(c, r->name, "参数长度有误");
	}
	return true;
}

/* A service provider speaks for one of its sub-merchants, nobody else for
 * anybody. */
static bool
check_provider(struct call *c)
{
	const struct gw_setup *s = &c->gw->setup;
	const char *sub = gw_list_text(&c->in, "sub_mch_id");
	const char *appid = gw_list_text(&c->in, "sub_appid");
	bool provider = s->sub_mch_ids[0] != '\0';

	if (!provider && *sub == '\0' && *appid == '\0')
		return true;
	if (provider && *sub == '\0' && c->api == GW_DOWNLOADBILL)
		return true; /* of all of them */
	if (provider && *sub == '\0')
		return return_fail(c, "sub_mch_id参数长度有误");
	if (!provider || !gw_in_words(s->sub_mch_ids, sub))
		return result_fail(c, "INVALID_REQUEST", "受理关系不存在");
	if (*appid != '\0' && !gw_in_words(s->sub_appids, appid))
		return result_fail(
		    c, "APPID_MCHID_NOT_MATCH", "sub_appid和sub_mch_id不匹配");
	return true;
}

static bool
check_sign(struct call *c)
{
	const char *type = gw_list_text(&c->in, "sign_type");
	char due[GW_SIGN_SIZE];

	if (strcmp(type, "HMAC-SHA256") == 0)
		c->out.sign_type = GW_HMAC_SHA256;
	else if (*type == '\0' || strcmp(type, "MD5") == 0)
		c->out.sign_type = GW_MD5;
	else
		return return_fail(c, "参数错误:sign_type");
	if (strcmp(gw_list_text(&c->in, "mch_id"), c->gw->setup.mch_id) != 0)
		return return_fail(c, "MCHID不存在");
	gw_sign(&c->in, c->gw->setup.key, c->out.sign_type, due);
	if (!gw_same_text(due, gw_list_text(&c->in, "sign")))
		return return_fail(c, "签名错误，请检查后再试");
	if (strcmp(gw_list_text(&c->in, "appid"), c->gw->setup.appid) != 0)
		return result_fail(
		    c, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配");
	return check_provider(c);
}

/* ---- unifiedorder ---------------------------------------------------- */

static bool
check_number_syntax(struct call *c)
{
	const char *no = gw_list_text(&c->in, "out_trade_no");
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz_-|*@";

	if (strlen(no) < 6)
		return return_fail(c, "out_trade_no参数长度有误");
	if (no[strspn(no, set)] != '\0')
		return return_fail(c, "参数错误:out_trade_no");
	return true;
}

static bool
check_money(struct call *c)
{
	const char *fee_type = gw_list_text(&c->in, "fee_type");
	int64_t fen = 0;

	if (!gw_number(
		gw_list_text(&c->in, "total_fee"), INT64_MAX / 100, &fen) ||
	    fen < 1)
		return result_fail(c, "PARAM_ERROR", "参数错误:total_fee");
	if (*fee_type != '\0' && strcmp(fee_type, "CNY") != 0)
		return result_fail(c, "PARAM_ERROR", "参数错误:fee_type");
	return true;
}

static bool
check_address(struct call *c)
{
	const char *ip = gw_list_text(&c->in, "spbill_create_ip");
	struct in6_addr a;

	if (inet_pton(AF_INET, ip, &a) == 1 || inet_pton(AF_INET6, ip, &a) == 1)
		return true;
	return return_fail(c, "参数错误:spbill_create_ip");
}

static bool
check_times(struct call *c)
{
	const char *start = gw_list_text(&c->in, "time_start");
	const char *expire = gw_list_text(&c->in, "time_expire");
	int64_t ms = 0;

	if (*start != '\0' && !gw_beijing_read(start, &ms))
		return return_fail(c, "参数错误:time_start");
	if (*expire == '\0')
		return true;
	if (!gw_beijing_read(expire, &ms))
		return return_fail(c, "参数错误:time_expire");
	if (!c->gw->opt.strict_expire &&
	    gw_order_find(c->gw, gw_list_text(&c->in, "out_trade_no")) != NULL)
		return true;
	if (ms - gw_now_ms(c->gw) <= EXPIRE_LEAST_MS)
		return return_fail(
		    c, "time_expire时间过短,刷卡至少1分钟,其他5分钟");
	return true;
}

static bool
check_notify_url(struct call *c)
{
	const char *text = gw_list_text(&c->in, "notify_url");
	struct gw_url url;

	if (!gw_url_read(text, &url) || url.target[0] != '/' ||
	    strpbrk(text, "?# ") != NULL)
		return return_fail(c, "参数错误:notify_url");
	return true;
}

static bool
all_there(const struct gw_list *json, const char *a, const char *b)
{
	return *gw_list_text(json, a) != '\0' && *gw_list_text(json, b) != '\0';
}

/* {"h5_info":{"type":"Wap","wap_url":...,"wap_name":...}} and the two for
 * apps. */
static bool
scene_is_good(const struct gw_list *json)
{
	const char *type = gw_list_text(json, "h5_info.type");

	if (strcmp(gw_list_text(json, "h5_info"), "{}") != 0)
		return false;
	if (strcmp(type, "Wap") == 0)
		return all_there(json, "h5_info.wap_url", "h5_info.wap_name");
	if (strcmp(type, "Android") == 0)
		return all_there(
		    json, "h5_info.app_name", "h5_info.package_name");
	if (strcmp(type, "IOS") == 0)
		return all_there(
			   json, "h5_info.app_name", "h5_info.bundle_id") ||
		       all_there(
			   json, "h5_info.app_name", "h5_info.package_name");
	return false;
}

/* H5 alone must say where it is shown. */
static bool
check_scene(struct call *c)
{
	struct gw_list json = {0};
	const char *scene = gw_list_text(&c->in, "scene_info");
	bool h5 = strcmp(gw_list_text(&c->in, "trade_type"), "MWEB") == 0;
	bool ok = true;

	if (h5 && *scene == '\0')
		return return_fail(c, "scene_info参数长度有误");
	if (*scene != '\0')
		ok =
		    gw_json_read(scene, &json) && (!h5 || scene_is_good(&json));
	gw_list_free(&json);
	return ok || return_fail(c, "参数错误:scene_info");
}

/* The product is one the merchant has, and what it needs is there. */
static bool
check_product(struct call *c)
{
	const char *type = gw_list_text(&c->in, "trade_type");
	const char *openid = gw_list_text(&c->in, "openid");
	const char *sub_openid = gw_list_text(&c->in, "sub_openid");
	const char *sub_appid = gw_list_text(&c->in, "sub_appid");

	if (!gw_in_words("MWEB NATIVE JSAPI", type) ||
	    !gw_in_words(c->gw->opt.products, type))
		return result_fail(c, "NOAUTH", "商户号该产品权限未开通");
	if (strcmp(type, "NATIVE") == 0 &&
	    *gw_list_text(&c->in, "product_id") == '\0')
		return result_fail(c, "PARAM_ERROR", "缺少参数product_id");
	if (strcmp(type, "JSAPI") != 0)
		return true;
	if ((*openid == '\0') == (*sub_openid == '\0') ||
	    (*sub_openid != '\0' && *sub_appid == '\0'))
		return result_fail(c, "PARAM_ERROR", "缺少参数openid");
	if (*openid != '\0'
		? !gw_openid_known(c->gw, c->gw->setup.appid, openid)
		: !gw_openid_known(c->gw, sub_appid, sub_openid))
		return result_fail(c, "PARAM_ERROR", "appid与openid不匹配");
	return true;
}

/* A number that comes again must come with the same parameters. */
static bool
same_terms(const struct call *c, const struct gw_order *o)
{
	static const char free_ones[] = "nonce_str sign sign_type";

	for (const struct rule *r = order_rules; r->name != NULL; r++) {
		if (gw_in_words(free_ones, r->name))
			continue;
		if (strcmp(r->name, "spbill_create_ip") == 0 &&
		    !c->gw->opt.strict_ip)
			continue;
		if (strcmp(gw_list_text(&c->in, r->name),
			gw_list_text(&o->terms, r->name)) != 0)
			return false;
	}
	return true;
}

static bool
check_reuse(struct call *c, struct gw_order *o)
{
	if (o == NULL)
		return true;
	gw_order_settle(c->gw, o);
	if (!o->burnt && (o->state == GW_SUCCESS || o->state == GW_REFUND))
		return result_fail(c, "ORDERPAID", "该订单已支付");
	if (!o->burnt && (o->state == GW_CLOSED || o->state == GW_REVOKED))
		return result_fail(c, "ORDERCLOSED", "订单已关闭");
	if (o->burnt || o->v3 || !same_terms(c, o))
		return result_fail(c, "INVALID_REQUEST", "201 商户订单号重复");
	return true;
}

static void
unifiedorder(struct call *c)
{
	const char *no = gw_list_text(&c->in, "out_trade_no");
	struct gw_order *o = gw_order_find(c->gw, no);
	const char *type = gw_list_text(&c->in, "trade_type");
	const struct gw_entry *e;

	if (!check_number_syntax(c) || !check_money(c) || !check_address(c) ||
	    !check_times(c) || !check_notify_url(c) || !check_scene(c) ||
	    !check_reuse(c, o) || (o == NULL && !check_product(c)))
		return;
	if (o == NULL) {
		o = gw_order_add(c->gw, no);
		gw_list_copy(&o->terms, &c->in);
		if (strcmp(type, "JSAPI") == 0) {
			gw_copy(o->openid, sizeof(o->openid),
			    gw_list_text(&c->in, "openid"));
			gw_copy(o->sub_openid, sizeof(o->sub_openid),
			    gw_list_text(&c->in, "sub_openid"));
		}
		o->sign_type = c->out.sign_type;
		gw_number(gw_list_text(&c->in, "total_fee"), INT64_MAX / 100,
		    &o->total_fee);
	} else {
		/* The cashier compares with where the payer is now. */
		gw_list_set(&o->terms, "spbill_create_ip",
		    gw_list_text(&c->in, "spbill_create_ip"));
	}
	o->ordered++;
	e = gw_order_issue(c->gw, o);
	c->made = true;
	begin(c, NULL, NULL);
	gw_list_add(&c->out.f, "prepay_id", e->prepay_id);
	gw_list_add(&c->out.f, "trade_type", type);
	if (strcmp(type, "MWEB") == 0)
		gw_list_addf(&c->out.f, "mweb_url",
		    "%s/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=%s&package=%s",
		    c->gw->setup.public_url, e->prepay_id, e->package);
	else if (strcmp(type, "NATIVE") == 0)
		gw_list_addf(&c->out.f, "code_url", GW_CODE_URL "%s", e->code);
}

/* ---- orderquery ------------------------------------------------------ */

static void
add_paid(struct gw_list *f, const struct gw_order *o, const char *state)
{
	char time[16];

	gw_list_add(f, "openid", o->openid);
	if (o->sub_openid[0] != '\0')
		gw_list_add(f, "sub_openid", o->sub_openid);
	gw_list_add(f, "is_subscribe", "N");
	gw_list_add(f, "trade_type", gw_order_type(o));
	gw_list_add(f, "trade_state", state);
	gw_list_add(f, "bank_type", "OTHERS");
	gw_list_addf(f, "total_fee", "%lld", (long long)o->total_fee);
	gw_list_add(f, "fee_type", "CNY");
	gw_list_addf(f, "cash_fee", "%lld", (long long)o->total_fee);
	gw_list_add(f, "cash_fee_type", "CNY");
	gw_list_add(f, "transaction_id",
	    o->transaction_id[0] != '\0' ? o->transaction_id
					 : "4200000000202601010000000000");
	gw_list_add(f, "out_trade_no", o->out_trade_no);
	if (*gw_list_text(&o->terms, "attach") != '\0')
		gw_list_add(f, "attach", gw_list_text(&o->terms, "attach"));
	gw_beijing(o->paid_ms != 0 ? o->paid_ms : o->made_ms, time);
	gw_list_add(f, "time_end", time);
}

static struct gw_order *
find_asked(struct call *c)
{
	const char *id = gw_list_text(&c->in, "transaction_id");
	struct gw_order *o =
	    *id != '\0'
		? gw_order_by_transaction(c->gw, id)
		: gw_order_find(c->gw, gw_list_text(&c->in, "out_trade_no"));

	/* Money may go back across the APIs, and that alone. */
	if (o != NULL && o->v3 && !c->gw->opt.cross_api &&
	    c->api != GW_REFUND_CALL)
		return NULL;
	return o != NULL && gw_order_of(o, gw_list_text(&c->in, "sub_mch_id"))
		   ? o
		   : NULL;
}

static void
orderquery(struct call *c)
{
	struct gw_list *f = &c->out.f;
	const struct gw_fault *forced = gw_plan_find(&c->plan, GW_STATE);
	struct gw_order *o = find_asked(c);
	enum gw_state state;

	if (*gw_list_text(&c->in, "transaction_id") == '\0' &&
	    *gw_list_text(&c->in, "out_trade_no") == '\0') {
		return_fail(c, "out_trade_no参数长度有误");
		return;
	}
	if (o == NULL) {
		result_fail(c, "ORDERNOTEXIST", "此交易订单号不存在");
		return;
	}
	gw_order_settle(c->gw, o);
	state = o->state;
	if (gw_plan_find(&c->plan, GW_HIDE_PAYMENT) != NULL)
		state = GW_NOTPAY;
	if (forced != NULL)
		gw_state_find(forced->name, &state);
	begin(c, NULL, NULL);
	if (state == GW_SUCCESS || state == GW_REFUND) {
		add_paid(f, o, gw_state_name(state));
	} else {
		gw_list_set(
		    f, "device_info", gw_list_text(&o->terms, "device_info"));
		gw_list_add(f, "trade_state", gw_state_name(state));
		if (state != GW_CLOSED && state != GW_REVOKED)
			gw_list_addf(
			    f, "total_fee", "%lld", (long long)o->total_fee);
		gw_list_add(f, "out_trade_no", o->out_trade_no);
		if (*gw_list_text(&o->terms, "attach") != '\0')
			gw_list_add(
			    f, "attach", gw_list_text(&o->terms, "attach"));
	}
	gw_list_add(f, "trade_state_desc", gw_state_desc(state));
}

/* ---- closeorder ------------------------------------------------------ */

static void
closeorder(struct call *c)
{
	const struct gw_options *opt = &c->gw->opt;
	const char *no = gw_list_text(&c->in, "out_trade_no");
	struct gw_order *o = gw_order_find(c->gw, no);

	if (!check_number_syntax(c))
		return;
	if (o != NULL &&
	    ((o->v3 && !opt->cross_api) ||
		!gw_order_of(o, gw_list_text(&c->in, "sub_mch_id")))) {
		result_fail(c, "ORDERNOTEXIST", "此交易订单号不存在");
		return;
	}
	if (o == NULL && opt->refuse_unknown_close) {
		result_fail(c, "ORDERNOTEXIST", "此交易订单号不存在");
		return;
	}
	if (o == NULL) {
		o = gw_order_add(c->gw, no);
		o->burnt = true;
		o->state = GW_CLOSED;
		gw_list_add(&o->terms, "sub_mch_id",
		    gw_list_text(&c->in, "sub_mch_id"));
	}
	gw_order_settle(c->gw, o);
	if (o->state == GW_SUCCESS || o->state == GW_REFUND) {
		result_fail(c, "ORDERPAID", "该订单已支付");
		return;
	}
	if (o->state == GW_CLOSED && !o->burnt && opt->refuse_second_close) {
		result_fail(c, "ORDERCLOSED", "订单已关闭");
		return;
	}
	if (o->state != GW_CLOSED && opt->refuse_early_close &&
	    gw_now_ms(c->gw) - o->made_ms < CLOSE_LEAST_MS) {
		result_fail(c, "TRADE_STATE_ERROR", "订单状态错误");
		return;
	}
	o->state = GW_CLOSED;
	begin(c, NULL, NULL);
	gw_list_add(&c->out.f, "result_msg", "OK");
}

static const char *
or_else(const char *given, const char *otherwise)
{
	return *given != '\0' ? given : otherwise;
}

/* What the faults say before the work. */
static bool
early_fault(struct call *c)
{
	const struct gw_fault *f;

	if (gw_plan_find(&c->plan, GW_SYSTEMERROR) != NULL)
		return result_fail(c, "SYSTEMERROR", "系统错误");
	f = gw_plan_find(&c->plan, GW_RETURN_FAIL);
	if (f != NULL)
		return return_fail(c, or_else(f->value, "系统繁忙"));
	f = gw_plan_find(&c->plan, GW_RESULT_FAIL);
	if (f != NULL)
		return result_fail(c, or_else(f->name, "SYSTEMERROR"),
		    or_else(f->value, "系统错误"));
	return true;
}

/* ---- downloadbill ---------------------------------------------------- */

/* Its errors are in words of their own, with an error_code. */
static bool
bill_fail(struct call *c, const char *error_code, const char *text)
{
	return_fail(c, text);
	gw_list_add(&c->out.f, "error_code", error_code);
	return false;
}

static bool
check_bill(struct call *c)
{
	if (!check_fields(c, bill_rules))
		return bill_fail(c, "20001", "invalid parameter");
	if (!check_sign(c))
		return bill_fail(
		    c, "20001", c->out.bare ? "sign error" : "invalid appid");
	if (gw_plan_find(&c->plan, GW_SYSTEMERROR) != NULL)
		return bill_fail(c, "20003", "system error");
	return true;
}

static void
downloadbill(struct call *c)
{
	struct gw_bill bill = {0};

	if (!check_bill(c) || !early_fault(c))
		return;
	pthread_mutex_lock(&c->gw->lock);
	gw_bill_make(c->gw, &c->in, &c->plan, &bill);
	pthread_mutex_unlock(&c->gw->lock);
	if (bill.error_code[0] != '\0')
		bill_fail(c, bill.error_code, bill.return_msg);
	else
		c->file = bill.file;
}

/* ---- refund, refundquery --------------------------------------------- */

static void
refund(struct call *c)
{
	struct gw_refusal no;

	if (*gw_list_text(&c->in, "transaction_id") == '\0' &&
	    *gw_list_text(&c->in, "out_trade_no") == '\0') {
		return_fail(c, "out_trade_no参数长度有误");
		return;
	}
	begin(c, NULL, NULL);
	no = gw_refund_ask(c->gw, &c->in, find_asked(c), &c->out.f);
	if (no.err_code != NULL)
		result_fail(c, no.err_code, no.err_code_des);
}

static void
refundquery(struct call *c)
{
	struct gw_refusal no;

	begin(c, NULL, NULL);
	no = gw_refund_query(c->gw, &c->in, &c->plan, &c->out.f);
	if (no.err_code != NULL)
		result_fail(c, no.err_code, no.err_code_des);
}

/* ---- sealing --------------------------------------------------------- */

static void
add_coupons(struct gw_list *f)
{
	int64_t total = 0;
	int64_t first;
	int64_t second;

	if (!gw_number(gw_list_text(f, "total_fee"), INT64_MAX / 100, &total) ||
	    gw_list_get(f, "cash_fee") == NULL)
		return;
	first = total < 2 ? total : (total + 3) / 4;
	second = total < 2 ? 0 : (total + 1) / 4;
	gw_list_drop(f, "cash_fee");
	gw_list_addf(
	    f, "cash_fee", "%lld", (long long)(total - first - second));
	gw_list_addf(f, "coupon_fee", "%lld", (long long)(first + second));
	gw_list_add(f, "coupon_count", second > 0 ? "2" : "1");
	if (second > 0) {
		/* The indexes come in any order. */
		gw_list_add(f, "coupon_id_1", "2000000000000000002");
		gw_list_add(f, "coupon_type_1", "NO_CASH");
		gw_list_addf(f, "coupon_fee_1", "%lld", (long long)second);
		gw_list_addf(f, "settlement_total_fee", "%lld",
		    (long long)(total - second));
	}
	gw_list_add(f, "coupon_id_0", "2000000000000000001");
	gw_list_add(f, "coupon_type_0", "CASH");
	gw_list_addf(f, "coupon_fee_0", "%lld", (long long)first);
}

static void
spoil_amount(struct gw_list *f, const struct gw_fault *fault)
{
	struct gw_buf more = {0};
	int64_t fen = 0;

	if (!gw_number(gw_list_text(f, "total_fee"), INT64_MAX / 100, &fen))
		return;
	gw_buf_putf(&more, "%lld", (long long)fen + 1);
	gw_list_set(f, "total_fee", or_else(fault->value, more.data));
	if (gw_list_get(f, "cash_fee") != NULL)
		gw_list_set(f, "cash_fee", gw_list_text(f, "total_fee"));
	gw_buf_free(&more);
}

static void
spoil_url(struct gw_list *f, const struct gw_fault *fault)
{
	struct gw_buf url = {0};
	const char *old = gw_list_text(f, "mweb_url");
	const char *path = strstr(old, "/cgi-bin/");

	if (path == NULL)
		return;
	if (fault->kind == GW_FOREIGN_MWEB_URL)
		gw_buf_putf(&url, "%s%s",
		    or_else(fault->value, "https://wx.tenpay.com.evil.example"),
		    path);
	else
		gw_buf_putf(&url, "%s\r\nSet-Cookie: spoilt=1\r\n", old);
	gw_list_set(f, "mweb_url", url.data);
	gw_buf_free(&url);
}

static void
spoil_result(struct gw_list *f, const struct gw_fault *fault)
{
	gw_list_set(f, "result_code", "FAIL");
	gw_list_set(f, "err_code", or_else(fault->name, "SYSTEMERROR"));
	gw_list_set(f, "err_code_des", or_else(fault->value, "系统错误"));
}

/* Before signing. */
static void
spoil_fields(struct gw_list *f, const struct gw_fault *fault)
{
	switch ((int)fault->kind) {
	case GW_RESULT_FAIL:
		spoil_result(f, fault);
		break;
	case GW_OTHER_MCH_ID:
		gw_list_set(f, "mch_id", or_else(fault->value, "1900000109"));
		break;
	case GW_OTHER_APPID:
		gw_list_set(
		    f, "appid", or_else(fault->value, "wxffffffffffffffff"));
		break;
	case GW_OTHER_ORDER:
		gw_list_set(
		    f, "out_trade_no", or_else(fault->value, "somebody-elses"));
		break;
	case GW_SET_FIELD:
		gw_list_set(f, fault->name, fault->value);
		break;
	case GW_DROP_FIELD:
		gw_list_drop(f, fault->name);
		break;
	case GW_GBK:
		gw_list_set(f, "return_msg", "\xb3\xc9\xb9\xa6");
		break;
	case GW_NO_MWEB_URL:
		gw_list_drop(f, "mweb_url");
		break;
	case GW_NO_CODE_URL:
		gw_list_drop(f, "code_url");
		break;
	case GW_NO_PREPAY_ID:
		gw_list_drop(f, "prepay_id");
		break;
	case GW_FOREIGN_MWEB_URL:
	case GW_CRLF_MWEB_URL:
		spoil_url(f, fault);
		break;
	case GW_COUPONS:
		add_coupons(f);
		break;
	case GW_WRONG_AMOUNT:
		spoil_amount(f, fault);
		break;
	case GW_FEE_TYPE:
		gw_list_set(f, "fee_type", or_else(fault->value, "USD"));
		break;
	case GW_UNKNOWN_FIELD:
		gw_list_set(f, "unheard_of", "新字段");
		gw_list_set(f, "zz_New.field-1", "a b&c<d>]]>");
		break;
	case GW_SIGN_TYPE:
		break;
	default:
		break;
	}
}

static void
put_sign(struct gw *gw, const struct gw_plan *plan, struct gw_answer *a)
{
	enum gw_sign_type type = a->sign_type;
	char key[sizeof(gw->setup.key)];
	char sign[GW_SIGN_SIZE];

	gw_copy(key, sizeof(key), gw->setup.key);
	if (gw_plan_find(plan, GW_WRONG_SIGN) != NULL)
		key[0] = key[0] == 'x' ? 'y' : 'x';
	if (gw_plan_find(plan, GW_MD5_SIGN) != NULL)
		type = GW_MD5;
	gw_sign(&a->f, key, type, sign);
	if (gw_plan_find(plan, GW_LOWER_SIGN) != NULL) {
		for (char *p = sign; *p != '\0'; p++) {
			if (*p >= 'A' && *p <= 'F')
				*p = (char)(*p - 'A' + 'a');
		}
	}
	if (gw_plan_find(plan, GW_EMPTY_SIGN) != NULL)
		sign[0] = '\0';
	gw_list_set(&a->f, "sign", sign);
	if (gw_plan_find(plan, GW_UNSIGNED) != NULL)
		gw_list_drop(&a->f, "sign");
}

static int
by_name(const void *a, const void *b)
{
	const struct gw_pair *x = a;
	const struct gw_pair *y = b;

	return strcmp(x->name, y->name);
}

static const char *
double_what(const struct gw_list *f, const struct gw_fault *fault)
{
	static const char *const names[] = {
	    "mweb_url", "trade_state", "total_fee", "result_code"};

	if (fault->name[0] != '\0')
		return fault->name;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (gw_list_get(f, names[i]) != NULL)
			return names[i];
	}
	return "return_code";
}

void
gw_api_seal(struct gw *gw, const struct gw_plan *plan, struct gw_answer *a,
    enum gw_xml_style style, struct gw_buf *out)
{
	const struct gw_fault *twin = gw_plan_find(plan, GW_DUPLICATE);

	for (size_t i = 0; i < plan->n; i++) {
		if (!a->bare || plan->v[i].kind == GW_GBK)
			spoil_fields(&a->f, &plan->v[i]);
	}
	if (!a->bare)
		put_sign(gw, plan, a);
	if (style == GW_XML_NOTICE && a->f.n > 0)
		qsort(a->f.v, a->f.n, sizeof(*a->f.v), by_name);
	if (twin != NULL) {
		const char *name = double_what(&a->f, twin);

		gw_list_add(&a->f, name,
		    or_else(twin->value, gw_list_text(&a->f, name)));
	}
	if (gw_plan_find(plan, GW_DOCTYPE) != NULL)
		gw_buf_puts(out, "<!DOCTYPE xml [<!ENTITY e \"OK\">]>\n");
	gw_xml_write(out, &a->f, style);
}

/* ---- one call -------------------------------------------------------- */

static const struct rule *
rules_of(enum gw_api api)
{
	if (api == GW_UNIFIEDORDER)
		return order_rules;
	if (api == GW_REFUND_CALL)
		return refund_rules;
	if (api == GW_REFUNDQUERY)
		return refundquery_rules;
	return api == GW_ORDERQUERY ? query_rules : close_rules;
}

static void
late_fault(struct call *c)
{
	const struct gw_fault *f;

	if (gw_plan_find(&c->plan, GW_SYSTEMERROR_AFTER) != NULL)
		result_fail(c, "SYSTEMERROR", "系统错误");
	f = gw_plan_find(&c->plan, GW_RESULT_FAIL_AFTER);
	if (f != NULL)
		result_fail(c, or_else(f->name, "SYSTEMERROR"),
		    or_else(f->value, "系统错误"));
}

static void
work(struct call *c, const char *bad_form)
{
	if (bad_form != NULL) {
		return_fail(c, bad_form);
		return;
	}
	if (c->api == GW_DOWNLOADBILL) {
		downloadbill(c);
		return;
	}
	if (!check_fields(c, rules_of(c->api)) || !check_sign(c) ||
	    !early_fault(c))
		return;
	pthread_mutex_lock(&c->gw->lock);
	if (c->api == GW_UNIFIEDORDER)
		unifiedorder(c);
	else if (c->api == GW_ORDERQUERY)
		orderquery(c);
	else if (c->api == GW_REFUND_CALL)
		refund(c);
	else if (c->api == GW_REFUNDQUERY)
		refundquery(c);
	else
		closeorder(c);
	pthread_mutex_unlock(&c->gw->lock);
	late_fault(c);
}

void
gw_api_pay_early(struct gw *gw, const char *no)
{
	struct gw_about about = {0};
	struct gw_order copy;
	struct gw_order *o;
	struct gw_plan plan;
	unsigned id = 0;
	bool taken;

	pthread_mutex_lock(&gw->lock);
	o = gw_order_find(gw, no);
	if (o == NULL) {
		pthread_mutex_unlock(&gw->lock);
		return;
	}
	gw_order_pay(gw, o, false);
	gw_order_copy(&copy, o);
	plan = gw_fault_plan(gw, GW_NOTICE, no);
	pthread_mutex_unlock(&gw->lock);
	about.order = &copy;
	taken = gw_notice_send(gw, &about,
	    gw_list_text(&copy.terms, "notify_url"), &plan, 0, 0, &id);
	gw_order_drop(&copy);
	gw_plan_free(&plan);
	if (taken)
		return;
	pthread_mutex_lock(&gw->lock);
	o = gw_order_find(gw, no);
	if (o != NULL)
		gw_notice_start(gw, o, 1);
	pthread_mutex_unlock(&gw->lock);
}

static const char *
read_form(struct gw_request *req, struct gw_list *in)
{
	const char *why = NULL;

	if (strcmp(req->method, "POST") != 0)
		return "请使用post方法";
	if (req->body.len == 0)
		return "post数据为空";
	if (gw_xml_read(req->body.data, req->body.len, in, &why))
		return NULL;
	gw_list_free(in);
	return strcmp(why, "not UTF-8") == 0 ? "编码格式错误" : "XML格式错误";
}

static void
outcome(const struct call *c, char *out, size_t size)
{
	const struct gw_list *f = &c->out.f;
	struct gw_buf b = {0};

	if (c->file.len > 0)
		gw_buf_putf(&b, "SUCCESS %zu bytes", c->file.len);
	else if (c->out.bare)
		gw_buf_putf(&b, "FAIL %s", gw_list_text(f, "return_msg"));
	else if (gw_list_get(f, "err_code") != NULL)
		gw_buf_putf(&b, "%s %s", gw_list_text(f, "err_code"),
		    gw_list_text(f, "err_code_des"));
	else
		gw_buf_putf(&b, "SUCCESS %s%s", gw_list_text(f, "trade_state"),
		    gw_list_text(f, "refund_status_0"));
	gw_copy(out, size, b.data);
	gw_buf_free(&b);
}

static void
finish(struct call *c, const struct gw_request *req, struct gw_response *res)
{
	const struct gw_fault *f = gw_plan_find(&c->plan, GW_REDIRECT);

	gw_response_text(res, 200, "text/plain", "");
	if (c->file.len > 0)
		gw_buf_add(&res->body, c->file.data, c->file.len);
	else
		gw_api_seal(
		    c->gw, &c->plan, &c->out, GW_XML_ANSWER, &res->body);
	if (f != NULL) {
		res->status = 302;
		gw_list_set(
		    &res->headers, "Location", or_else(f->value, req->path));
	}
	gw_plan_wire(&c->plan, res);
}

static void
wait_out(const struct call *c, enum gw_kind kind)
{
	const struct gw_fault *f = gw_plan_find(&c->plan, kind);

	if (f != NULL)
		gw_pause(c->gw, f->num);
}

/* A refund's front end asks for a certificate before anything is read. */
static bool
certified(struct gw *gw, const struct gw_request *req)
{
	bool plain;

	pthread_mutex_lock(&gw->lock);
	plain = gw->opt.plain_refund != 0;
	pthread_mutex_unlock(&gw->lock);
	return plain || req->conn->cert[0] != '\0';
}

/* [lock] The order that a call is about, for faults and the log. */
static const char *
number_asked(struct gw *gw, const struct gw_list *in)
{
	const struct gw_order *o =
	    gw_order_by_transaction(gw, gw_list_text(in, "transaction_id"));
	const struct gw_refund *r =
	    gw_refund_find(gw, gw_list_text(in, "out_refund_no"));

	if (o != NULL)
		return o->out_trade_no;
	if (*gw_list_text(in, "out_trade_no") == '\0' && r != NULL)
		return r->out_trade_no;
	return gw_list_text(in, "out_trade_no");
}

void
gw_api_handle(struct gw *gw, enum gw_api api, struct gw_request *req,
    struct gw_response *res)
{
	struct call c = {.gw = gw, .api = api};
	const char *bad_form = read_form(req, &c.in);
	const char *no;
	char text[256];
	int64_t latency;
	unsigned id;

	if (api == GW_REFUND_CALL && !certified(gw, req)) {
		gw_list_free(&c.in);
		gw_response_text(res, 400, "text/html",
		    "<html><head><title>400 No required SSL certificate was "
		    "sent</title></head><body><h1>400 Bad Request</h1>"
		    "No required SSL certificate was sent</body></html>");
		return;
	}
	pthread_mutex_lock(&gw->lock);
	no = number_asked(gw, &c.in);
	c.plan = gw_fault_plan(gw, api, no);
	id = gw_call_begin(gw, api, req, &c.in, no, &c.plan);
	latency = gw->opt.latency_ms;
	pthread_mutex_unlock(&gw->lock);

	if (latency > 0)
		gw_pause(gw, latency);
	wait_out(&c, GW_DELAY);
	if (gw_plan_find(&c.plan, GW_CUT_BEFORE) == NULL)
		work(&c, bad_form);
	else
		return_fail(&c, "cut");
	if (c.made && gw_plan_find(&c.plan, GW_PAY_BEFORE_ANSWER) != NULL)
		gw_api_pay_early(gw, gw_list_text(&c.in, "out_trade_no"));
	wait_out(&c, GW_DELAY_ANSWER);
	outcome(&c, text, sizeof(text));
	finish(&c, req, res);
	pthread_mutex_lock(&gw->lock);
	gw_call_end(gw, id, text);
	pthread_mutex_unlock(&gw->lock);
	gw_list_free(&c.in);
	gw_list_free(&c.out.f);
	gw_buf_free(&c.file);
	gw_plan_free(&c.plan);
}
