/* v3order.c - APIv3: prepay h5, native and jsapi, query, close; for merchants
 * and for service providers. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/gateway/v3.h"

enum {
	LEAST_MS = 60 * 1000, /* time_expire is raised to that */
	MOST_MS = 15 * 24 * 3600 * 1000, /* and cut to that */
	CLOSE_LEAST_MS = 5 * 60 * 1000,
};

#define COMMON                                                                 \
	{"description", 's', 127, "all", NULL},                                \
	    {"out_trade_no", 's', 32, "all", NULL},                            \
	    {"time_expire", 's', 64, NULL, NULL},                              \
	    {"attach", 's', 128, NULL, NULL},                                  \
	    {"notify_url", 's', 255, "all", NULL},                             \
	    {"goods_tag", 's', 32, NULL, NULL},                                \
	    {"support_fapiao", 'b', 0, NULL, NULL},                            \
	    {"amount", 'o', 0, "all", NULL},                                   \
	    {"amount.total", 'n', 0, "all", NULL},                             \
	    {"amount.currency", 's', 16, NULL, NULL},                          \
	    {"payer", 'o', 0, "JSAPI", "JSAPI"},                               \
	    {"scene_info", 'o', 0, "MWEB", NULL},                              \
	    {"scene_info.payer_client_ip", 's', 45, "MWEB", NULL},             \
	    {"scene_info.device_id", 's', 32, NULL, NULL},                     \
	    {"scene_info.h5_info", 'o', 0, "MWEB", "MWEB"},                    \
	    {"scene_info.h5_info.type", 's', 32, "MWEB", "MWEB"},              \
	    {"scene_info.h5_info.app_name", 's', 64, NULL, "MWEB"},            \
	    {"scene_info.h5_info.app_url", 's', 128, NULL, "MWEB"},            \
	    {"scene_info.h5_info.bundle_id", 's', 128, NULL, "MWEB"},          \
	    {"scene_info.h5_info.package_name", 's', 128, NULL, "MWEB"},       \
	    {"scene_info.store_info", 'o', 0, NULL, NULL},                     \
	    {"scene_info.store_info.id", 's', 32, NULL, NULL},                 \
	    {"scene_info.store_info.name", 's', 256, NULL, NULL},              \
	    {"scene_info.store_info.area_code", 's', 32, NULL, NULL},          \
	    {"scene_info.store_info.address", 's', 512, NULL, NULL},           \
	    {"detail", 'o', 0, NULL, NULL},                                    \
	    {"detail.cost_price", 'n', 0, NULL, NULL},                         \
	    {"detail.invoice_id", 's', 32, NULL, NULL},                        \
	    {"detail.goods_detail", 'a', 0, NULL, NULL},                       \
	    {"settle_info", 'o', 0, NULL, NULL},                               \
	    {"settle_info.profit_sharing", 'b', 0, NULL, NULL},                \
	{                                                                      \
		NULL, 0, 0, NULL, NULL                                         \
	}

static const struct gw_v3_rule merchant_rules[] = {
    {"appid", 's', 32, "all", NULL},
    {"mchid", 's', 32, "all", NULL},
    {"payer.openid", 's', 128, "JSAPI", "JSAPI"},
    COMMON,
};

static const struct gw_v3_rule partner_rules[] = {
    {"sp_appid", 's', 32, "all", NULL},
    {"sp_mchid", 's', 32, "all", NULL},
    {"sub_appid", 's', 32, NULL, NULL},
    {"sub_mchid", 's', 32, "all", NULL},
    {"payer.sp_openid", 's', 128, NULL, "JSAPI"},
    {"payer.sub_openid", 's', 128, NULL, "JSAPI"},
    COMMON,
};

static const struct gw_v3_rule close_rules[] = {
    {"mchid", 's', 32, "all", NULL},
    {NULL, 0, 0, NULL, NULL},
};

static const struct gw_v3_rule partner_close_rules[] = {
    {"sp_mchid", 's', 32, "all", NULL},
    {"sub_mchid", 's', 32, "all", NULL},
    {NULL, 0, 0, NULL, NULL},
};

static const char *
in(const struct gw_v3_call *c, const char *path)
{
	return gw_v3_text(&c->in, path);
}

/* ---- times ----------------------------------------------------------- */

void
gw_v3_add_time(struct gw_list *f, const char *path, int64_t ms)
{
	char t[16];

	gw_beijing(ms, t);
	gw_list_addf(f, path, "\"%.4s-%.2s-%.2sT%.2s:%.2s:%.2s+08:00\"", t,
	    t + 4, t + 6, t + 8, t + 10, t + 12);
}

/* 2025-11-30T18:00:00+08:00; Z, and other offsets. */
static bool
read_time(const char *text, int64_t *ms)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t offset = 0;
	int h = 0;
	int m = 0;

	if (end == NULL || strlen(text) < 20 || text[10] != 'T' ||
	    end != text + 19)
		return false;
	if (strcmp(end, "Z") != 0) {
		if (strlen(end) != 6 || strchr("+-", *end) == NULL ||
		    strspn(end + 1, "0123456789:") != 5 || end[3] != ':' ||
		    sscanf(end + 1, "%2d:%2d", &h, &m) != 2)
			return false;
		offset = (h * 60 + m) * (*end == '-' ? -60 : 60);
	}
	*ms = ((int64_t)timegm(&tm) - offset) * 1000;
	return true;
}

/* ---- prepay ---------------------------------------------------------- */

static bool
good_number(const char *no)
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz_-|*";

	return strlen(no) >= 6 && no[strspn(no, set)] == '\0';
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

static bool
check_values(struct gw_v3_call *c)
{
	const char *url = in(c, "notify_url");
	const char *expire = in(c, "time_expire");
	const char *ip = in(c, "scene_info.payer_client_ip");
	const char *currency = in(c, "amount.currency");
	struct gw_url parts;
	struct in6_addr a;
	int64_t ms = 0;

	if (!good_number(in(c, "out_trade_no")))
		return gw_v3_deny_member(c, "out_trade_no", "格式错误");
	if (has_control(in(c, "description")))
		return gw_v3_deny_member(c, "description", "含有非法字符");
	if (strcmp(in(c, "amount.total"), "0") == 0)
		return gw_v3_deny_member(c, "amount.total", "小于最小值");
	if (*currency != '\0' && strcmp(currency, "CNY") != 0)
		return gw_v3_deny_member(
		    c, "amount.currency", "Currency code is invalid");
	if (*expire != '\0' && !read_time(expire, &ms))
		return gw_v3_deny_member(c, "time_expire", "时间格式错误");
	if (!gw_url_read(url, &parts) || parts.target[0] != '/' ||
	    strpbrk(url, "?# ") != NULL)
		return gw_v3_deny_member(c, "notify_url", "格式错误");
	if (*ip != '\0' && inet_pton(AF_INET, ip, &a) != 1 &&
	    inet_pton(AF_INET6, ip, &a) != 1)
		return gw_v3_deny_member(
		    c, "scene_info.payer_client_ip", "格式错误");
	if (gw_v3_kind(&c->in, "scene_info.h5_info") == 'o' &&
	    !gw_in_words("Wap iOS Android", in(c, "scene_info.h5_info.type")))
		return gw_v3_deny_member(
		    c, "scene_info.h5_info.type", "取值错误");
	return true;
}

/* Whose appids they are, and whose openid pays. */
static bool
check_who(struct gw_v3_call *c)
{
	const struct gw_setup *s = &c->gw->setup;
	const char *appid = in(c, c->partner ? "sp_appid" : "appid");
	const char *sub = in(c, "sub_appid");
	const char *openid =
	    in(c, c->partner ? "payer.sp_openid" : "payer.openid");
	const char *sub_openid = in(c, "payer.sub_openid");

	if (!gw_v3_check_merchant(c, in(c, c->partner ? "sp_mchid" : "mchid"),
		in(c, "sub_mchid")))
		return false;
	if (strcmp(appid, s->appid) != 0 ||
	    (*sub != '\0' && !gw_in_words(s->sub_appids, sub)))
		return gw_v3_deny_inner(c, 400, "APPID_MCHID_NOT_MATCH",
		    "appid和mchid不匹配", 268445527);
	if (strcmp(c->product, "JSAPI") != 0)
		return true;
	if ((*openid == '\0') == (*sub_openid == '\0') ||
	    (*sub_openid != '\0' && *sub == '\0'))
		return gw_v3_deny_inner(
		    c, 400, "PARAM_ERROR", "缺少参数openid", 268501013);
	if (*openid != '\0' ? !gw_openid_known(c->gw, appid, openid)
			    : !gw_openid_known(c->gw, sub, sub_openid))
		return gw_v3_deny(c, 400, "PARAM_ERROR", "appid与openid不匹配");
	return true;
}

/* The same members with the same values, in any order. */
static bool
same_terms(const struct gw_v3_call *c, const struct gw_order *o)
{
	const struct gw_list *sides[2] = {&c->in, &o->asked};

	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < sides[s]->n; i++) {
			const struct gw_pair *p = &sides[s]->v[i];

			if (!c->gw->opt.strict_ip &&
			    strcmp(p->name, "scene_info.payer_client_ip") == 0)
				continue;
			if (strcmp(gw_list_text(sides[1 - s], p->name),
				p->value) != 0)
				return false;
		}
	}
	return true;
}

static bool
check_reuse(struct gw_v3_call *c, struct gw_order *o)
{
	if (o == NULL)
		return true;
	gw_order_settle(c->gw, o);
	if (o->burnt || !o->v3 || strcmp(gw_order_type(o), c->product) != 0 ||
	    !gw_order_of(o, in(c, "sub_mchid")))
		return gw_v3_deny_code(c, "OUT_TRADE_NO_USED", "");
	if (o->state == GW_SUCCESS || o->state == GW_REFUND)
		return gw_v3_deny_inner(
		    c, 400, "INVALID_REQUEST", "该订单已支付", 268498689);
	if (o->state == GW_CLOSED || o->state == GW_REVOKED)
		return gw_v3_deny_inner(c, 400,
		    strcmp(c->product, "NATIVE") == 0 ? "ORDER_CLOSED"
						      : "INVALID_REQUEST",
		    "订单已关闭", 268447914);
	if (!same_terms(c, o))
		return gw_v3_deny_inner(c, 400, "INVALID_REQUEST",
		    "请求重入时参数不一致", 268498688);
	return true;
}

/* The book's own words, which are APIv2's, so that the cashier and the bill
 * know one vocabulary. */
static void
keep_terms(struct gw_v3_call *c, struct gw_order *o)
{
	static const char *const names[][2] = {{"description", "body"},
	    {"attach", "attach"}, {"notify_url", "notify_url"},
	    {"sub_mchid", "sub_mch_id"}, {"sub_appid", "sub_appid"},
	    {"scene_info.payer_client_ip", "spbill_create_ip"},
	    {"scene_info.device_id", "device_info"}};
	const char *expire = in(c, "time_expire");
	int64_t now = gw_now_ms(c->gw);
	int64_t ms = 0;
	char time[16];

	o->v3 = true;
	o->by_public_key = c->by_public_key;
	gw_list_copy(&o->asked, &c->in);
	gw_list_add(&o->terms, "trade_type", c->product);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (*in(c, names[i][0]) != '\0')
			gw_list_add(&o->terms, names[i][1], in(c, names[i][0]));
	}
	if (read_time(expire, &ms)) {
		ms = ms < now + LEAST_MS ? now + LEAST_MS : ms;
		ms = ms > now + MOST_MS ? now + MOST_MS : ms;
		gw_beijing(ms, time);
		gw_list_add(&o->terms, "time_expire", time);
	}
	gw_number(in(c, "amount.total"), INT64_MAX / 100, &o->total_fee);
}

static void
keep_payer(struct gw_v3_call *c, struct gw_order *o)
{
	const char *openid =
	    in(c, c->partner ? "payer.sp_openid" : "payer.openid");

	if (strcmp(c->product, "JSAPI") != 0)
		return;
	gw_copy(o->openid, sizeof(o->openid), openid);
	gw_copy(
	    o->sub_openid, sizeof(o->sub_openid), in(c, "payer.sub_openid"));
}

static void
add_issued(struct gw_v3_call *c, const struct gw_entry *e)
{
	struct gw_buf url = {0};

	if (strcmp(c->product, "JSAPI") == 0) {
		gw_v3_add(&c->out, "prepay_id", e->prepay_id);
	} else if (strcmp(c->product, "NATIVE") == 0) {
		gw_buf_putf(&url, GW_CODE_URL "%s", e->code);
		gw_v3_add(&c->out, "code_url", url.data);
	} else {
		gw_buf_putf(&url,
		    "%s/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=%s"
		    "&package=%s",
		    c->gw->setup.public_url, e->prepay_id, e->package);
		gw_v3_add(&c->out, "h5_url", url.data);
	}
	gw_buf_free(&url);
}

void
gw_v3_prepay(struct gw_v3_call *c)
{
	bool provider = c->gw->setup.sub_mch_ids[0] != '\0';
	const char *ip = in(c, "scene_info.payer_client_ip");
	const struct gw_entry *e;
	struct gw_order *o;

	if (!gw_v3_check(c, c->partner ? partner_rules : merchant_rules) ||
	    !check_values(c) || !check_who(c))
		return;
	o = gw_order_find(c->gw, in(c, "out_trade_no"));
	if (!check_reuse(c, o))
		return;
	if (o == NULL && (provider != c->partner ||
			     !gw_in_words(c->gw->opt.products, c->product))) {
		gw_v3_deny_code(c, "NO_AUTH", "");
		return;
	}
	if (o == NULL) {
		o = gw_order_add(c->gw, in(c, "out_trade_no"));
		keep_terms(c, o);
		keep_payer(c, o);
	} else if (*ip != '\0') {
		/* The cashier compares with where the payer is now. */
		gw_list_set(&o->terms, "spbill_create_ip", ip);
	}
	o->ordered++;
	e = c->gw->opt.same_prepay && o->entries != NULL
		? o->entries
		: gw_order_issue(c->gw, o);
	c->made = true;
	add_issued(c, e);
}

/* ---- query ----------------------------------------------------------- */

static void
add_ids(struct gw *gw, struct gw_list *f, const struct gw_order *o)
{
	const char *sub = gw_list_text(&o->terms, "sub_mch_id");
	const char *sub_appid = gw_list_text(&o->terms, "sub_appid");

	if (*sub == '\0') {
		gw_v3_add(f, "appid", gw->setup.appid);
		gw_v3_add(f, "mchid", gw->setup.mch_id);
		return;
	}
	gw_v3_add(f, "sp_appid", gw->setup.appid);
	gw_v3_add(f, "sp_mchid", gw->setup.mch_id);
	if (*sub_appid != '\0')
		gw_v3_add(f, "sub_appid", sub_appid);
	gw_v3_add(f, "sub_mchid", sub);
}

static void
add_payer(struct gw_list *f, const struct gw_order *o)
{
	bool partner = *gw_list_text(&o->terms, "sub_mch_id") != '\0';

	if (o->openid[0] != '\0')
		gw_v3_add(
		    f, partner ? "payer.sp_openid" : "payer.openid", o->openid);
	if (o->sub_openid[0] != '\0')
		gw_v3_add(f, "payer.sub_openid", o->sub_openid);
}

void
gw_v3_add_order(struct gw *gw, struct gw_list *f, const struct gw_order *o,
    enum gw_state state)
{
	bool paid = state == GW_SUCCESS || state == GW_REFUND;

	add_ids(gw, f, o);
	gw_v3_add(f, "out_trade_no", o->out_trade_no);
	if (paid) {
		gw_v3_add(f, "transaction_id",
		    o->transaction_id[0] != '\0'
			? o->transaction_id
			: "4200000000202601010000000000");
		gw_v3_add(f, "trade_type", gw_order_type(o));
	}
	gw_v3_add(f, "trade_state", gw_state_name(state));
	gw_v3_add(f, "trade_state_desc", gw_state_desc(state));
	if (paid)
		gw_v3_add(f, "bank_type", "OTHERS");
	if (*gw_list_text(&o->terms, "attach") != '\0')
		gw_v3_add(f, "attach", gw_list_text(&o->terms, "attach"));
	if (paid) {
		gw_v3_add_time(f, "success_time",
		    o->paid_ms != 0 ? o->paid_ms : o->made_ms);
		add_payer(f, o);
	}
	gw_v3_addn(f, "amount.total", o->total_fee);
	if (paid)
		gw_v3_addn(f, "amount.payer_total", o->total_fee);
	gw_v3_add(f, "amount.currency", "CNY");
	if (paid)
		gw_v3_add(f, "amount.payer_currency", "CNY");
	gw_v3_add(
	    f, "scene_info.device_id", gw_list_text(&o->terms, "device_info"));
	if (!paid)
		gw_list_add(f, "promotion_detail", "[]");
}

static bool
check_asker(struct gw_v3_call *c, const struct gw_list *from, bool typed)
{
	const char *name = c->partner ? "sp_mchid" : "mchid";

	return gw_v3_check_merchant(c,
	    typed ? gw_v3_text(from, name) : gw_list_text(from, name),
	    typed ? gw_v3_text(from, "sub_mchid")
		  : gw_list_text(from, "sub_mchid"));
}

void
gw_v3_query(struct gw_v3_call *c)
{
	const struct gw_fault *forced = gw_plan_find(&c->plan, GW_STATE);
	struct gw_order *o = c->by_id
				 ? gw_order_by_transaction(c->gw, c->number)
				 : gw_order_find(c->gw, c->number);
	enum gw_state state;

	if (!gw_v3_check_query(
		c, c->partner ? "sp_mchid sub_mchid" : "mchid") ||
	    !check_asker(c, &c->query, false))
		return;
	if (o == NULL || o->burnt || (!o->v3 && !c->gw->opt.cross_api) ||
	    !gw_order_of(o, gw_list_text(&c->query, "sub_mchid"))) {
		gw_v3_deny_inner(
		    c, 404, "ORDER_NOT_EXIST", "订单不存在", 268512771);
		return;
	}
	gw_order_settle(c->gw, o);
	state = o->state;
	if (gw_plan_find(&c->plan, GW_HIDE_PAYMENT) != NULL)
		state = GW_NOTPAY;
	if (forced != NULL)
		gw_state_find(forced->name, &state);
	gw_v3_add_order(c->gw, &c->out, o, state);
}

/* ---- close ----------------------------------------------------------- */

void
gw_v3_close(struct gw_v3_call *c)
{
	struct gw_order *o = gw_order_find(c->gw, c->number);

	if (!gw_v3_check(c, c->partner ? partner_close_rules : close_rules) ||
	    !check_asker(c, &c->in, true))
		return;
	if (o == NULL || o->burnt || (!o->v3 && !c->gw->opt.cross_api) ||
	    !gw_order_of(o, in(c, "sub_mchid"))) {
		gw_v3_deny_inner(
		    c, 404, "ORDER_NOT_EXIST", "订单不存在", 268512771);
		return;
	}
	gw_order_settle(c->gw, o);
	if (o->state == GW_SUCCESS || o->state == GW_REFUND) {
		gw_v3_deny_inner(
		    c, 400, "ORDER_PAID", "该订单已支付", 268449538);
		return;
	}
	if (o->state != GW_CLOSED && c->gw->opt.refuse_early_close &&
	    gw_now_ms(c->gw) - o->made_ms < CLOSE_LEAST_MS) {
		gw_v3_deny_code(c, "TRADE_ERROR", "");
		return;
	}
	o->state = GW_CLOSED;
	pthread_cond_broadcast(&c->gw->changed);
	c->status = 204;
}
