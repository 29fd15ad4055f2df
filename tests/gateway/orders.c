/* orders.c - the order book, the clock, payments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/gateway/gateway.h"

enum {
	BEIJING_S = 8 * 3600,
	LIFE_MS = 7 * 24 * 3600 * 1000, /* of an order nobody pays */
};

static const char *const states[GW_STATE_COUNT][2] = {
    [GW_NOTPAY] = {"NOTPAY", "订单未支付"},
    [GW_SUCCESS] = {"SUCCESS", "支付成功"},
    [GW_REFUND] = {"REFUND", "订单发生过退款，退款详情请查询退款单"},
    [GW_CLOSED] = {"CLOSED", "订单已关闭"},
    [GW_REVOKED] = {"REVOKED", "订单已撤销"},
    [GW_USERPAYING] = {"USERPAYING", "用户支付中"},
    [GW_PAYERROR] = {"PAYERROR", "支付失败"},
    [GW_ACCEPT] = {"ACCEPT", "已接收，等待扣款"},
};

const char *
gw_state_name(enum gw_state s)
{
	return states[s][0];
}

const char *
gw_state_desc(enum gw_state s)
{
	return states[s][1];
}

bool
gw_state_find(const char *name, enum gw_state *out)
{
	for (int i = 0; i < GW_STATE_COUNT; i++) {
		if (strcmp(states[i][0], name) == 0) {
			*out = (enum gw_state)i;
			return true;
		}
	}
	return false;
}

/* ---- the clock ------------------------------------------------------- */

int64_t
gw_now_ms(struct gw *gw)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 +
	       gw->clock_offset_ms;
}

int64_t
gw_wire_now_ms(struct gw *gw)
{
	return gw_now_ms(gw) - gw->clock_offset_ms + gw->wire_offset_ms;
}

void
gw_beijing(int64_t now_ms, char out[16])
{
	time_t t = (time_t)(now_ms / 1000) + BEIJING_S;
	struct tm tm = {0};

	gmtime_r(&t, &tm);
	strftime(out, 16, "%Y%m%d%H%M%S", &tm);
}

bool
gw_beijing_read(const char *text, int64_t *ms)
{
	struct tm tm = {0};
	char again[16];
	const char *end;

	if (strlen(text) != 14 || strspn(text, "0123456789") != 14)
		return false;
	end = strptime(text, "%Y%m%d%H%M%S", &tm);
	if (end == NULL || *end != '\0')
		return false;
	*ms = ((int64_t)timegm(&tm) - BEIJING_S) * 1000;
	gw_beijing(*ms, again);
	return strcmp(again, text) == 0; /* no 31st of February */
}

/* ---- the book -------------------------------------------------------- */

struct gw_order *
gw_order_find(struct gw *gw, const char *no)
{
	return gw_map_get(&gw->orders, no);
}

const char *
gw_order_type(const struct gw_order *o)
{
	const char *type = gw_list_text(&o->terms, "trade_type");

	return *type != '\0' ? type : "MWEB";
}

bool
gw_order_of(const struct gw_order *o, const char *sub_mch_id)
{
	return strcmp(gw_list_text(&o->terms, "sub_mch_id"), sub_mch_id) == 0;
}

struct gw_order *
gw_order_by_transaction(struct gw *gw, const char *id)
{
	return gw_map_get(&gw->transactions, id);
}

static void
new_openid(char out[32])
{
	out[0] = 'o';
	gw_random_text(out + 1, 27);
}

struct gw_order *
gw_order_add(struct gw *gw, const char *no)
{
	struct gw_order *o = gw_alloc(sizeof(*o));

	gw_copy(o->out_trade_no, sizeof(o->out_trade_no), no);
	o->made_ms = gw_now_ms(gw);
	o->epoch = gw->epoch;
	o->sign_type = GW_HMAC_SHA256;
	new_openid(o->openid);
	o->next = gw->newest;
	gw->newest = o;
	gw_map_put(&gw->orders, no, o);
	return o;
}

/* Shaped as live ones: wx ddHHmmss, six digits, 20 hex digits that end in
 * 0000. */
struct gw_entry *
gw_order_issue(struct gw *gw, struct gw_order *o)
{
	struct gw_entry *e = gw_alloc(sizeof(*e));
	int64_t now = gw_now_ms(gw);
	char time[16];

	gw_beijing(now, time);
	snprintf(e->prepay_id, sizeof(e->prepay_id), "wx%s%06u%08llx%08llx0000",
	    time + 6, (unsigned)gw_random(1000000),
	    (unsigned long long)gw_random(UINT64_C(1) << 32),
	    (unsigned long long)++gw->serial & 0xffffffffU);
	snprintf(e->package, sizeof(e->package), "%llu",
	    (unsigned long long)(100000000 + gw_random(1900000000)));
	gw_random_text(e->code, 7);
	if (gw->opt.same_code)
		gw_copy(e->code, sizeof(e->code), "SAMEone");
	e->issued_ms = now;
	e->order = o;
	e->next = o->entries;
	o->entries = e;
	gw_map_put(&gw->entries, e->prepay_id, e);
	gw_map_put(&gw->entries, e->code, e);
	return e;
}

struct gw_entry *
gw_entry_find(struct gw *gw, const char *id)
{
	return gw_map_get(&gw->entries, id);
}

void
gw_order_settle(struct gw *gw, struct gw_order *o)
{
	if (o->state == GW_NOTPAY && gw_now_ms(gw) - o->made_ms > LIFE_MS)
		o->state = GW_CLOSED;
}

/* 28 digits: 42000, five more, the day, ten more. */
static void
new_transaction(struct gw *gw, struct gw_order *o)
{
	char time[16];

	gw_beijing(o->paid_ms, time);
	snprintf(o->transaction_id, sizeof(o->transaction_id),
	    "42000%05u%.8s%04u%06llu", (unsigned)gw_random(100000), time,
	    (unsigned)gw_random(10000),
	    (unsigned long long)(++gw->serial % 1000000));
	gw_map_put(&gw->transactions, o->transaction_id, o);
}

void
gw_order_pay(struct gw *gw, struct gw_order *o, bool notice)
{
	if (o->pay_at_ms != 0) {
		o->pay_at_ms = 0;
		gw->waiting_payments--;
	}
	o->state = GW_SUCCESS;
	o->paid_ms = gw_now_ms(gw);
	new_transaction(gw, o);
	if (notice)
		gw_notice_start(gw, o, 0);
	pthread_cond_broadcast(&gw->changed);
}

void
gw_order_copy(struct gw_order *to, const struct gw_order *from)
{
	*to = *from;
	to->entries = NULL;
	to->next = NULL;
	to->terms = (struct gw_list){0};
	to->asked = (struct gw_list){0};
	gw_list_copy(&to->terms, &from->terms);
}

void
gw_order_drop(struct gw_order *copy)
{
	gw_list_free(&copy->terms);
}

static void
add_entries(struct gw_buf *b, const struct gw_order *o)
{
	gw_buf_puts(b, "\"entries\":[");
	for (struct gw_entry *e = o->entries; e != NULL; e = e->next) {
		gw_buf_putf(b, "%s{", e == o->entries ? "" : ",");
		gw_json_pair(b, "prepay_id", e->prepay_id);
		gw_buf_puts(b, ",");
		gw_json_pair(b, "package", e->package);
		gw_buf_puts(b, ",");
		gw_json_pair(b, "code", e->code);
		gw_buf_puts(b, ",");
		gw_json_pair(b, "account", e->account);
		gw_buf_putf(
		    b, ",\"issued_at_ms\":%lld}", (long long)e->issued_ms);
	}
	gw_buf_puts(b, "]");
}

void
gw_order_json(struct gw *gw, struct gw_buf *b, struct gw_order *o)
{
	gw_order_settle(gw, o);
	gw_buf_puts(b, "{");
	gw_json_pair(b, "out_trade_no", o->out_trade_no);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "state", gw_state_name(o->state));
	gw_buf_putf(b, ",\"burnt\":%s,\"total_fee\":%lld,\"ordered\":%u,",
	    o->burnt ? "true" : "false", (long long)o->total_fee, o->ordered);
	gw_json_pair(b, "sign_type", gw_sign_name(o->sign_type));
	gw_buf_puts(b, ",");
	gw_json_pair(b, "wire", o->v3 ? "v3" : "v2");
	gw_buf_puts(b, ",");
	gw_json_pair(b, "sub_openid", o->sub_openid);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "transaction_id", o->transaction_id);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "openid", o->openid);
	gw_buf_putf(b,
	    ",\"made_at_ms\":%lld,\"paid_at_ms\":%lld,"
	    "\"pay_at_ms\":%lld,\"terms\":",
	    (long long)o->made_ms, (long long)o->paid_ms,
	    (long long)o->pay_at_ms);
	gw_json_list(b, &o->terms);
	gw_buf_puts(b, ",");
	add_entries(b, o);
	gw_buf_puts(b, "}");
}

static void
order_free(struct gw_order *o)
{
	while (o->entries != NULL) {
		struct gw_entry *e = o->entries;

		o->entries = e->next;
		free(e);
	}
	gw_list_free(&o->terms);
	gw_list_free(&o->asked);
	free(o);
}

void
gw_order_clear(struct gw *gw)
{
	while (gw->newest != NULL) {
		struct gw_order *o = gw->newest;

		gw->newest = o->next;
		order_free(o);
	}
	gw_map_free(&gw->orders);
	gw_map_free(&gw->entries);
	gw_map_free(&gw->transactions);
	gw_map_free(&gw->openids);
	gw_grant_clear(gw);
	gw->waiting_payments = 0;
}
