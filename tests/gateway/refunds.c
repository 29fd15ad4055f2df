/* refunds.c - the book of refunds, refund notices.
 *
 * The texts of refusals are the stand-in's own where README.md says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

enum {
	REFUNDS_MAX = 50,
	PAGE_MAX = 20, /* in one answer of refundquery */
};

bool
gw_refund_status_known(const char *status)
{
	return *status != '\0' &&
	       gw_in_words("PROCESSING SUCCESS CHANGE REFUNDCLOSE", status);
}

struct gw_refund *
gw_refund_find(struct gw *gw, const char *out_refund_no)
{
	struct gw_refund *r = gw->refunds;

	if (*out_refund_no == '\0')
		return NULL;
	while (r != NULL && strcmp(r->out_refund_no, out_refund_no) != 0)
		r = r->next;
	return r;
}

void
gw_refund_set(struct gw *gw, struct gw_refund *r, const char *status)
{
	gw_copy(r->status, sizeof(r->status), status);
	if (strcmp(status, "SUCCESS") == 0)
		r->success_ms = gw_now_ms(gw);
	if (strcmp(status, "PROCESSING") == 0)
		r->due_ms = INT64_MAX / 2; /* until it is set again */
	pthread_cond_broadcast(&gw->changed);
}

void
gw_refund_settle(struct gw *gw, struct gw_refund *r)
{
	if (strcmp(r->status, "PROCESSING") == 0 && gw_now_ms(gw) >= r->due_ms)
		gw_refund_set(gw, r, r->result);
}

struct gw_refund *
gw_refund_make(struct gw *gw, struct gw_order *o, const char *out_refund_no,
    int64_t fee, const char *notify_url, const char *source)
{
	struct gw_refund *r = gw_alloc(sizeof(*r));
	char time[16];

	gw_copy(r->out_refund_no, sizeof(r->out_refund_no), out_refund_no);
	gw_copy(r->out_trade_no, sizeof(r->out_trade_no), o->out_trade_no);
	gw_copy(
	    r->transaction_id, sizeof(r->transaction_id), o->transaction_id);
	gw_copy(r->status, sizeof(r->status), "PROCESSING");
	gw_copy(r->result, sizeof(r->result), gw->opt.refund_result);
	gw_copy(r->notify_url, sizeof(r->notify_url), notify_url);
	gw_copy(r->source, sizeof(r->source), source);
	r->fee = fee;
	r->total_fee = o->total_fee;
	r->asked_ms = gw_now_ms(gw);
	r->due_ms = r->asked_ms + gw->opt.refund_s * 1000;
	r->epoch = gw->epoch;
	gw_beijing(r->asked_ms, time);
	snprintf(r->refund_id, sizeof(r->refund_id), "5000%05u%.8s%04u%07llu",
	    (unsigned)gw_random(100000), time, (unsigned)gw_random(10000),
	    (unsigned long long)(++gw->serial % 10000000));
	r->next = gw->refunds;
	gw->refunds = r;
	o->state = GW_REFUND;
	if (r->notify_url[0] == '\0')
		gw_copy(r->notify_url, sizeof(r->notify_url),
		    gw->opt.platform_notify_url);
	if (r->notify_url[0] != '\0')
		gw_notice_refund(gw, r);
	pthread_cond_broadcast(&gw->changed);
	return r;
}

/* ---- refund ---------------------------------------------------------- */

static const struct gw_refusal fine;

static struct gw_refusal
no(const char *err_code, const char *err_code_des)
{
	return (struct gw_refusal){err_code, err_code_des};
}

/* What WeChat checks of a number it has not seen. */
static struct gw_refusal
check_new(struct gw *gw, const struct gw_order *o, int64_t fee)
{
	int64_t now = gw_now_ms(gw);
	int64_t sum = fee;
	unsigned n = 0;
	bool soon = false;

	for (struct gw_refund *r = gw->refunds; r != NULL; r = r->next) {
		if (strcmp(r->out_trade_no, o->out_trade_no) != 0)
			continue;
		gw_refund_settle(gw, r);
		n++;
		if (now - r->asked_ms < gw->opt.refund_gap_s * 1000)
			soon = true;
		if (strcmp(r->status, "REFUNDCLOSE") != 0)
			sum += r->fee;
	}
	if (now - o->paid_ms > YEAR_MS)
		return no("TRADE_OVERDUE", "订单已经超过可退款的最大期限");
	if (sum > o->total_fee)
		return no("ERROR", "累计退款金额大于支付金额");
	if (n >= REFUNDS_MAX)
		return no("ERROR", "部分退款次数超过限制");
	if (soon)
		return no("INVALID_REQ_TOO_MUCH", "无效请求过多");
	if (fee > gw->opt.balance)
		return no("NOTENOUGH", "基本账户余额不足，请充值后重新发起");
	return fine;
}

static void
add_accepted(struct gw_list *f, const struct gw_refund *r)
{
	gw_list_add(f, "transaction_id", r->transaction_id);
	gw_list_add(f, "out_trade_no", r->out_trade_no);
	gw_list_add(f, "out_refund_no", r->out_refund_no);
	gw_list_add(f, "refund_id", r->refund_id);
	gw_list_add(f, "refund_channel", "");
	gw_list_addf(f, "refund_fee", "%lld", (long long)r->fee);
	gw_list_add(f, "coupon_refund_fee", "0");
	gw_list_addf(f, "total_fee", "%lld", (long long)r->total_fee);
	gw_list_addf(f, "cash_fee", "%lld", (long long)r->total_fee);
	gw_list_add(f, "coupon_refund_count", "0");
	gw_list_addf(f, "cash_refund_fee", "%lld", (long long)r->fee);
}

struct gw_refusal
gw_refund_ask(struct gw *gw, const struct gw_list *in, struct gw_order *o,
    struct gw_list *f)
{
	const char *number = gw_list_text(in, "out_refund_no");
	struct gw_refund *r = gw_refund_find(gw, number);
	struct gw_refusal not ;
	int64_t total = 0;
	int64_t fee = 0;

	if (o == NULL || o->transaction_id[0] == '\0')
		return no("ORDERNOTEXIST", "订单不存在");
	if (!gw_number(gw_list_text(in, "total_fee"), INT32_MAX, &total) ||
	    total != o->total_fee)
		return no("PARAM_ERROR", "参数错误:total_fee");
	if (!gw_number(gw_list_text(in, "refund_fee"), total, &fee) || fee < 1)
		return no("PARAM_ERROR", "参数错误:refund_fee");
	if (number[strspn(number, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz_-|*@")] != '\0')
		return no("PARAM_ERROR", "参数错误:out_refund_no");
	if (r != NULL &&
	    (strcmp(r->out_trade_no, o->out_trade_no) != 0 || r->fee != fee))
		return no("REFUND_FEE_MISMATCH",
		    "订单金额或退款金额与之前请求不一致，请核实后再试");
	if (r == NULL) {
		not = check_new(gw, o, fee);
		if (not .err_code != NULL)
			return not ;
		gw->opt.balance -= fee;
		r = gw_refund_make(
		    gw, o, number, fee, gw_list_text(in, "notify_url"), "API");
		r->v3 = *gw_list_text(in, "v3") != '\0' &&
			*gw_list_text(in, "notify_url") != '\0';
		r->by_public_key =
		    strcmp(gw_list_text(in, "v3"), "public") == 0;
	}
	add_accepted(f, r);
	return fine;
}

/* ---- refundquery ----------------------------------------------------- */

static bool
asked_for(const struct gw_list *in, const struct gw_refund *r)
{
	static const char *const names[] = {
	    "refund_id", "out_refund_no", "transaction_id", "out_trade_no"};
	const char *const values[] = {
	    r->refund_id, r->out_refund_no, r->transaction_id, r->out_trade_no};

	for (size_t i = 0; i < 4; i++) {
		if (*gw_list_text(in, names[i]) != '\0')
			return strcmp(gw_list_text(in, names[i]), values[i]) ==
			       0;
	}
	return false;
}

static void
add_number(struct gw_list *f, const char *name, unsigned i, const char *value)
{
	char indexed[64];

	snprintf(indexed, sizeof(indexed), "%s_%u", name, i);
	gw_list_add(f, indexed, value);
}

static void
plain_time(int64_t ms, char out[24])
{
	char t[16];

	gw_beijing(ms, t);
	snprintf(out, 24, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", t, t + 4, t + 6,
	    t + 8, t + 10, t + 12);
}

static void
add_refund(struct gw_list *f, const struct gw_refund *r, const char *status,
    unsigned i)
{
	char text[24];

	add_number(f, "out_refund_no", i, r->out_refund_no);
	add_number(f, "refund_id", i, r->refund_id);
	add_number(f, "refund_channel", i, "ORIGINAL");
	snprintf(text, sizeof(text), "%lld", (long long)r->fee);
	add_number(f, "refund_fee", i, text);
	add_number(f, "refund_status", i, status);
	add_number(f, "refund_account", i, "REFUND_SOURCE_RECHARGE_FUNDS");
	add_number(f, "refund_recv_accout", i, "支付用户的零钱");
	if (strcmp(status, "SUCCESS") != 0)
		return;
	plain_time(r->success_ms, text);
	add_number(f, "refund_success_time", i, text);
}

struct gw_refusal
gw_refund_query(struct gw *gw, const struct gw_list *in,
    const struct gw_plan *plan, struct gw_list *f)
{
	const struct gw_fault *forced = gw_plan_find(plan, GW_REFUND_STATUS);
	const struct gw_refund *any = NULL;
	const char *offset = gw_list_text(in, "offset");
	unsigned skip = (unsigned)strtoul(offset, NULL, 10);
	unsigned n = 0;
	unsigned total = 0;

	for (struct gw_refund *r = gw->refunds; r != NULL; r = r->next) {
		if (!asked_for(in, r) || total++ < skip || n >= PAGE_MAX)
			continue;
		gw_refund_settle(gw, r);
		if (any == NULL) {
			gw_list_add(f, "transaction_id", r->transaction_id);
			gw_list_add(f, "out_trade_no", r->out_trade_no);
			gw_list_addf(
			    f, "total_fee", "%lld", (long long)r->total_fee);
			gw_list_add(f, "fee_type", "CNY");
			gw_list_addf(
			    f, "cash_fee", "%lld", (long long)r->total_fee);
		}
		any = r;
		add_refund(
		    f, r, forced != NULL ? forced->name : r->status, n++);
	}
	if (any == NULL)
		return no("REFUNDNOTEXIST", "退款订单查询失败");
	if (*offset != '\0')
		gw_list_addf(f, "total_refund_count", "%u", total);
	gw_list_addf(f, "refund_count", "%u", n);
	return fine;
}

/* ---- the notice ------------------------------------------------------ */

static void
add_inside(struct gw_list *f, const struct gw_refund *r)
{
	char time[24];

	plain_time(r->success_ms, time);
	gw_list_add(f, "out_refund_no", r->out_refund_no);
	gw_list_add(f, "out_trade_no", r->out_trade_no);
	gw_list_add(f, "refund_account", "REFUND_SOURCE_RECHARGE_FUNDS");
	gw_list_addf(f, "refund_fee", "%lld", (long long)r->fee);
	gw_list_add(f, "refund_id", r->refund_id);
	gw_list_add(f, "refund_recv_accout", "支付用户的零钱");
	gw_list_add(f, "refund_request_source", r->source);
	gw_list_add(f, "refund_status", r->status);
	gw_list_addf(f, "settlement_refund_fee", "%lld", (long long)r->fee);
	gw_list_addf(
	    f, "settlement_total_fee", "%lld", (long long)r->total_fee);
	if (strcmp(r->status, "SUCCESS") == 0)
		gw_list_add(f, "success_time", time);
	gw_list_addf(f, "total_fee", "%lld", (long long)r->total_fee);
	gw_list_add(f, "transaction_id", r->transaction_id);
}

/* The faults of what is inside; the others are of the envelope. */
static void
spoil_inside(struct gw_list *f, const struct gw_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct gw_fault *fault = &plan->v[i];

		if (fault->kind == GW_SET_FIELD)
			gw_list_set(f, fault->name, fault->value);
		if (fault->kind == GW_DROP_FIELD)
			gw_list_drop(f, fault->name);
		if (fault->kind == GW_OTHER_ORDER)
			gw_list_set(f, "out_trade_no",
			    fault->value[0] != '\0' ? fault->value
						    : "somebody-elses");
	}
}

static void
encrypt(struct gw *gw, const struct gw_list *inside, const struct gw_plan *plan,
    struct gw_buf *out)
{
	char key[sizeof(gw->setup.key)];
	struct gw_buf text = {0};

	gw_copy(key, sizeof(key), gw->setup.key);
	if (gw_plan_find(plan, GW_WRONG_SIGN) != NULL)
		key[0] = key[0] == 'x' ? 'y' : 'x';
	gw_buf_puts(&text, "<root>\n");
	for (size_t i = 0; i < inside->n; i++)
		gw_buf_putf(&text, "<%s><![CDATA[%s]]></%s>\n",
		    inside->v[i].name, inside->v[i].value, inside->v[i].name);
	gw_buf_puts(&text, "</root>");
	gw_encrypt_refund(text.data, key, out);
	gw_buf_free(&text);
}

void
gw_refund_notice(struct gw *gw, const struct gw_order *o,
    const struct gw_refund *r, const struct gw_plan *plan, struct gw_buf *body)
{
	static const char *const subs[] = {"sub_appid", "sub_mch_id"};
	struct gw_list inside = {0};
	struct gw_list f = {0};
	struct gw_buf info = {0};
	char nonce[33];

	add_inside(&inside, r);
	spoil_inside(&inside, plan);
	encrypt(gw, &inside, plan, &info);
	gw_random_text(nonce, 32);
	gw_list_add(&f, "return_code", "SUCCESS");
	gw_list_add(&f, "appid",
	    gw_plan_find(plan, GW_OTHER_APPID) != NULL ? "wxffffffffffffffff"
						       : gw->setup.appid);
	gw_list_add(&f, "mch_id",
	    gw_plan_find(plan, GW_OTHER_MCH_ID) != NULL ? "1900000109"
							: gw->setup.mch_id);
	for (size_t i = 0; i < 2; i++) {
		if (*gw_list_text(&o->terms, subs[i]) != '\0')
			gw_list_add(
			    &f, subs[i], gw_list_text(&o->terms, subs[i]));
	}
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->v[i].kind == GW_ENVELOPE &&
		    plan->v[i].value[0] != '\0')
			gw_list_set(&f, plan->v[i].name, plan->v[i].value);
		else if (plan->v[i].kind == GW_ENVELOPE)
			gw_list_drop(&f, plan->v[i].name);
	}
	gw_list_add(&f, "nonce_str", nonce);
	gw_list_add(&f, "req_info", info.data);
	gw_xml_write(body, &f, GW_XML_NOTICE);
	gw_buf_free(&info);
	gw_list_free(&inside);
	gw_list_free(&f);
}

/* ---- looking, forgetting --------------------------------------------- */

void
gw_refund_json(struct gw *gw, struct gw_buf *b, struct gw_refund *r)
{
	gw_refund_settle(gw, r);
	gw_buf_puts(b, "{");
	gw_json_pair(b, "out_refund_no", r->out_refund_no);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "out_trade_no", r->out_trade_no);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "refund_id", r->refund_id);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "status", r->status);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "source", r->source);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "wire", r->v3 ? "v3" : "v2");
	gw_buf_putf(b, ",\"refund_fee\":%lld,\"asked_at_ms\":%lld}",
	    (long long)r->fee, (long long)r->asked_ms);
}

void
gw_refund_clear(struct gw *gw)
{
	while (gw->refunds != NULL) {
		struct gw_refund *r = gw->refunds;

		gw->refunds = r->next;
		free(r);
	}
}
