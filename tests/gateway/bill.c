/* bill.c - downloadbill: the payments and refunds of a day, as a table.
 *
 * Headings, back-ticks, BOM and line ends are those of live bills.  The fee is
 * 0.60 %, rounded to a fen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

enum {
	DAY_MS = 24 * 3600 * 1000,
	READY_MS = 9 * 3600 * 1000, /* of the next day */
	KEPT_DAYS = 92,
};

static const char start_of_heading[] =
    "\xef\xbb\xbf交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,"
    "商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额";
static const char heading_all[] =
    ",微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
    "商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n";
static const char heading_success[] =
    ",商品名称,商户数据包,手续费,费率,订单金额,费率备注\r\n";
static const char heading_refund[] =
    ",退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额,"
    "充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,"
    "订单金额,申请退款金额,费率备注\r\n";
static const char heading_totals[] =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,"
    "订单总金额,申请退款总金额\r\n";

struct day {
	struct gw *gw;
	const struct gw_plan *plan;
	bool all; /* bill_type ALL; else SUCCESS */
	const char *sub; /* of this sub-merchant; "": of everybody */
	int64_t from_ms;
	struct gw_buf *out;
	int64_t trades, total, refunded, fee; /* fen */
};

static void
put_yuan(struct gw_buf *b, int64_t fen)
{
	gw_buf_putf(
	    b, "%lld.%02lld", (long long)(fen / 100), (long long)(fen % 100));
}

/* yyyy-MM-dd HH:mm:ss */
static void
put_time(struct gw_buf *b, int64_t ms)
{
	char t[16];

	gw_beijing(ms, t);
	gw_buf_putf(b, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", t, t + 4, t + 6, t + 8,
	    t + 10, t + 12);
}

/* Column 特约商户号: 0 with an ordinary merchant. */
static const char *
sub_of(const struct gw_order *o)
{
	const char *sub = gw_list_text(&o->terms, "sub_mch_id");

	return *sub != '\0' ? sub : "0";
}

static bool
asked_for(const struct day *d, const struct gw_order *o)
{
	return *d->sub == '\0' || (o != NULL && gw_order_of(o, d->sub));
}

static void
put_payment(struct day *d, const struct gw_order *o, int64_t total)
{
	struct gw_buf *b = d->out;
	int64_t fee = (total * 60 + 5000) / 10000;

	gw_buf_puts(b, "`");
	put_time(b, o->paid_ms);
	gw_buf_putf(b, ",`%s,`%s,`%s,`%s,`%s,`%s,`%s,`%s,`SUCCESS,`OTHERS,`CNY",
	    d->gw->setup.appid, d->gw->setup.mch_id, sub_of(o),
	    gw_list_text(&o->terms, "device_info"), o->transaction_id,
	    o->out_trade_no, o->openid, gw_order_type(o));
	gw_buf_puts(b, ",`");
	put_yuan(b, total);
	gw_buf_puts(b, ",`0.00");
	if (d->all)
		gw_buf_puts(b, ",`0,`0,`0.00,`0.00,`,`");
	gw_buf_putf(b, ",`%s,`%s,`", gw_list_text(&o->terms, "body"),
	    gw_list_text(&o->terms, "attach"));
	put_yuan(b, fee);
	gw_buf_puts(b, "000,`0.60%,`");
	put_yuan(b, total);
	if (d->all)
		gw_buf_puts(b, ",`0.00");
	gw_buf_puts(b, ",`\r\n");
	d->trades++;
	d->total += total;
	d->fee += fee;
}

/* The n-th fault of a kind that names an order, or any (NULL). */
static const struct gw_fault *
fault_for(const struct day *d, enum gw_kind kind, const char *no)
{
	for (size_t i = 0; i < d->plan->n; i++) {
		const struct gw_fault *f = &d->plan->v[i];

		if (f->kind == kind && (no == NULL || strcmp(f->name, no) == 0))
			return f;
	}
	return NULL;
}

static void
put_orders(struct day *d)
{
	for (struct gw_order *o = d->gw->newest; o != NULL; o = o->next) {
		const struct gw_fault *f =
		    fault_for(d, GW_BILL_AMOUNT, o->out_trade_no);

		if (o->paid_ms < d->from_ms ||
		    o->paid_ms >= d->from_ms + DAY_MS || !asked_for(d, o))
			continue;
		if (fault_for(d, GW_BILL_DROP, o->out_trade_no) == NULL)
			put_payment(d, o,
			    f == NULL	 ? o->total_fee
			    : f->num > 0 ? f->num
					 : 1);
	}
	for (size_t i = 0; i < d->plan->n; i++) {
		if (d->plan->v[i].kind == GW_BILL_EXTRA)
			gw_buf_putf(d->out, "%s\r\n", d->plan->v[i].value);
	}
}

/* A refund stands under the day it was accepted; WeChat gives its share of the
 * fee back. */
static void
put_refund(struct day *d, struct gw_refund *r)
{
	struct gw_order *o = gw_order_find(d->gw, r->out_trade_no);
	int64_t fee = (r->fee * 60 + 5000) / 10000;
	struct gw_buf *b = d->out;

	gw_refund_settle(d->gw, r);
	gw_buf_puts(b, "`");
	put_time(b, r->asked_ms);
	gw_buf_putf(b,
	    ",`%s,`%s,`%s,`%s,`%s,`%s,`%s,`%s,`REFUND,`OTHERS,`CNY,`0.00,"
	    "`0.00",
	    d->gw->setup.appid, d->gw->setup.mch_id,
	    o != NULL ? sub_of(o) : "0",
	    o != NULL ? gw_list_text(&o->terms, "device_info") : "",
	    r->transaction_id, r->out_trade_no, o != NULL ? o->openid : "",
	    o != NULL ? gw_order_type(o) : "MWEB");
	if (!d->all) {
		gw_buf_puts(b, ",`");
		put_time(b, r->asked_ms);
		gw_buf_puts(b, ",`");
		if (r->success_ms > 0)
			put_time(b, r->success_ms);
	}
	gw_buf_putf(b, ",`%s,`%s,`", r->refund_id, r->out_refund_no);
	put_yuan(b, r->fee);
	gw_buf_putf(b, ",`0.00,`ORIGINAL,`%s,`%s,`%s,`-", r->status,
	    o != NULL ? gw_list_text(&o->terms, "body") : "",
	    o != NULL ? gw_list_text(&o->terms, "attach") : "");
	put_yuan(b, fee);
	gw_buf_puts(b, "000,`0.60%,`0.00,`");
	put_yuan(b, r->fee);
	gw_buf_puts(b, ",`\r\n");
	d->trades++;
	d->refunded += r->fee;
	d->fee -= fee;
}

static void
put_refunds(struct day *d)
{
	for (struct gw_refund *r = d->gw->refunds; r != NULL; r = r->next) {
		if (r->asked_ms >= d->from_ms &&
		    r->asked_ms < d->from_ms + DAY_MS &&
		    asked_for(d, gw_order_find(d->gw, r->out_trade_no)) &&
		    fault_for(d, GW_BILL_DROP, r->out_refund_no) == NULL)
			put_refund(d, r);
	}
}

static void
put_totals(struct day *d)
{
	int64_t more = fault_for(d, GW_BILL_TOTALS, NULL) != NULL;
	struct gw_buf *b = d->out;

	gw_buf_puts(b, heading_totals);
	gw_buf_putf(b, "`%lld.0,`", (long long)(d->trades + more));
	put_yuan(b, d->total);
	gw_buf_puts(b, ",`");
	put_yuan(b, d->refunded);
	gw_buf_puts(b, d->fee < 0 ? ",`0.00,`-" : ",`0.00,`");
	put_yuan(b, d->fee < 0 ? -d->fee : d->fee);
	gw_buf_puts(b, "000,`");
	put_yuan(b, d->total);
	gw_buf_puts(b, ",`");
	put_yuan(b, d->refunded);
	gw_buf_puts(b, "\r\n");
}

static void
fail(struct gw_bill *out, const char *error_code, const char *return_msg)
{
	gw_copy(out->error_code, sizeof(out->error_code), error_code);
	gw_copy(out->return_msg, sizeof(out->return_msg), return_msg);
}

static bool
is_type(const char *type)
{
	return *type == '\0' || strcmp(type, "ALL") == 0 ||
	       strcmp(type, "SUCCESS") == 0 || strcmp(type, "REFUND") == 0;
}

/* Is there, or will there be, a bill of that day? */
static bool
check(struct gw *gw, const struct gw_list *in, int64_t *from_ms,
    struct gw_bill *out)
{
	const char *tar = gw_list_text(in, "tar_type");
	int64_t now = gw_now_ms(gw);
	char wire[16];

	snprintf(
	    wire, sizeof(wire), "%.8s000000", gw_list_text(in, "bill_date"));
	if (!gw_beijing_read(wire, from_ms) ||
	    now - *from_ms > (int64_t)KEPT_DAYS * DAY_MS ||
	    (now < *from_ms + DAY_MS && !gw->opt.bill_early))
		fail(out, "20001", "invalid bill_date");
	else if (!is_type(gw_list_text(in, "bill_type")))
		fail(out, "20001", "invalid bill_type");
	else if (*tar != '\0' && strcmp(tar, "GZIP") != 0)
		fail(out, "20001", "invalid tar_type: Only GZIP supported");
	else if (now < *from_ms + DAY_MS + READY_MS && !gw->opt.bill_early)
		fail(out, "20002", "Bill Creating");
	return out->error_code[0] == '\0';
}

void
gw_bill_make(struct gw *gw, const struct gw_list *in,
    const struct gw_plan *plan, struct gw_bill *out)
{
	const struct gw_fault *f = gw_plan_find(plan, GW_BILL_ERROR);
	const char *type = gw_list_text(in, "bill_type");
	struct gw_buf text = {0};
	struct day d = {.gw = gw, .plan = plan, .out = &text};
	bool refunds = strcmp(type, "REFUND") == 0;

	if (f != NULL) {
		fail(out, f->name[0] != '\0' ? f->name : "20002",
		    f->value[0] != '\0' ? f->value : "Bill Creating");
		return;
	}
	if (!check(gw, in, &d.from_ms, out))
		return;
	d.sub = gw_list_text(in, "sub_mch_id");
	d.all = *type == '\0' || strcmp(type, "ALL") == 0;
	gw_buf_puts(&text, start_of_heading);
	gw_buf_puts(&text, d.all     ? heading_all
			   : refunds ? heading_refund
				     : heading_success);
	if (!refunds)
		put_orders(&d);
	if (refunds || d.all)
		put_refunds(&d);
	if (d.trades == 0 && fault_for(&d, GW_BILL_EXTRA, NULL) == NULL)
		fail(out, "20002", "No Bill Exist");
	put_totals(&d);
	if (out->error_code[0] == '\0' &&
	    strcmp(gw_list_text(in, "tar_type"), "GZIP") == 0 &&
	    gw_plan_find(plan, GW_BILL_PLAIN) == NULL)
		gw_gzip(&out->file, &text);
	else if (out->error_code[0] == '\0')
		gw_buf_add(&out->file, text.data, text.len);
	gw_buf_free(&text);
}
