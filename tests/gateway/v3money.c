/* v3money.c - APIv3: refunds, bills, certificates, the echo test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/v3.h"

enum { URL_LIFE_MS = 5 * 60 * 1000 };

#define REFUND_COMMON                                                          \
	{"transaction_id", 's', 32, NULL, NULL},                               \
	    {"out_trade_no", 's', 32, NULL, NULL},                             \
	    {"out_refund_no", 's', 64, "all", NULL},                           \
	    {"reason", 's', 80, NULL, NULL},                                   \
	    {"notify_url", 's', 256, NULL, NULL},                              \
	    {"funds_account", 's', 32, NULL, NULL},                            \
	    {"amount", 'o', 0, "all", NULL},                                   \
	    {"amount.refund", 'n', 0, "all", NULL},                            \
	    {"amount.total", 'n', 0, "all", NULL},                             \
	    {"amount.currency", 's', 16, "all", NULL},                         \
	    {"amount.from", 'a', 0, NULL, NULL},                               \
	    {"goods_detail", 'a', 0, NULL, NULL},                              \
	{                                                                      \
		NULL, 0, 0, NULL, NULL                                         \
	}

static const struct gw_v3_rule refund_rules[] = {REFUND_COMMON};
static const struct gw_v3_rule partner_refund_rules[] = {
    {"sub_mchid", 's', 32, "all", NULL},
    REFUND_COMMON,
};

static const struct gw_v3_rule echo_rules[] = {
    {"echo_message", 's', 1024, "all", NULL},
    {"notify_url", 's', 255, NULL, NULL},
    {NULL, 0, 0, NULL, NULL},
};

/* ---- refunds --------------------------------------------------------- */

/* The book keeps APIv2's words. */
const char *
gw_v3_refund_status(const char *v2)
{
	if (strcmp(v2, "CHANGE") == 0)
		return "ABNORMAL";
	return strcmp(v2, "REFUNDCLOSE") == 0 ? "CLOSED" : v2;
}

static void
add_refund(struct gw_list *f, const struct gw_refund *r, const char *status)
{
	gw_v3_add(f, "refund_id", r->refund_id);
	gw_v3_add(f, "out_refund_no", r->out_refund_no);
	gw_v3_add(f, "transaction_id", r->transaction_id);
	gw_v3_add(f, "out_trade_no", r->out_trade_no);
	gw_v3_add(f, "channel", "ORIGINAL");
	gw_v3_add(f, "user_received_account", "支付用户零钱");
	if (strcmp(status, "SUCCESS") == 0)
		gw_v3_add_time(f, "success_time",
		    r->success_ms != 0 ? r->success_ms : r->asked_ms);
	gw_v3_add_time(f, "create_time", r->asked_ms);
	gw_v3_add(f, "status", status);
	gw_v3_add(f, "funds_account", "AVAILABLE");
	gw_v3_addn(f, "amount.total", r->total_fee);
	gw_v3_addn(f, "amount.refund", r->fee);
	gw_v3_addn(f, "amount.payer_total", r->total_fee);
	gw_v3_addn(f, "amount.payer_refund", r->fee);
	gw_v3_addn(f, "amount.settlement_refund", r->fee);
	gw_v3_addn(f, "amount.settlement_total", r->total_fee);
	gw_v3_addn(f, "amount.discount_refund", 0);
	gw_v3_add(f, "amount.currency", "CNY");
	gw_list_add(f, "amount.from", "[]");
	gw_list_add(f, "promotion_detail", "[]");
}

/* APIv2's refusal, in APIv3's code. */
static void
deny_refund(struct gw_v3_call *c, const struct gw_refusal *no)
{
	static const char *const codes[][2] = {
	    {"ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"},
	    {"NOTENOUGH", "NOT_ENOUGH"},
	    {"ERROR", "INVALID_REQUEST"},
	    {"INVALID_REQ_TOO_MUCH", "FREQUENCY_LIMITED"},
	};
	const char *code = no->err_code;

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (strcmp(no->err_code, codes[i][0]) == 0)
			code = codes[i][1];
	}
	gw_v3_deny_code(c, code, no->err_code_des);
}

static bool
check_sub(struct gw_v3_call *c, const char *sub)
{
	return gw_v3_check_merchant(c, c->gw->setup.mch_id, sub);
}

static struct gw_order *
find_refunded(struct gw_v3_call *c)
{
	const char *id = gw_v3_text(&c->in, "transaction_id");
	struct gw_order *o =
	    *id != '\0'
		? gw_order_by_transaction(c->gw, id)
		: gw_order_find(c->gw, gw_v3_text(&c->in, "out_trade_no"));

	return o != NULL && gw_order_of(o, gw_v3_text(&c->in, "sub_mchid"))
		   ? o
		   : NULL;
}

void
gw_v3_refund(struct gw_v3_call *c)
{
	const char *number = gw_v3_text(&c->in, "out_refund_no");
	struct gw_list v2 = {0};
	struct gw_list unused = {0};
	struct gw_refusal no;

	if (!gw_v3_check(c, c->partner ? partner_refund_rules : refund_rules) ||
	    !check_sub(c, gw_v3_text(&c->in, "sub_mchid")))
		return;
	if (strlen(gw_v3_text(&c->in, "reason")) > 80) {
		gw_v3_deny_member(c, "reason", "字节数超过最大值");
		return;
	}
	if (strcmp(gw_v3_text(&c->in, "amount.currency"), "CNY") != 0) {
		gw_v3_deny_member(c, "amount.currency", "取值错误");
		return;
	}
	gw_list_add(&v2, "out_refund_no", number);
	gw_list_add(&v2, "total_fee", gw_v3_text(&c->in, "amount.total"));
	gw_list_add(&v2, "refund_fee", gw_v3_text(&c->in, "amount.refund"));
	gw_list_add(&v2, "notify_url", gw_v3_text(&c->in, "notify_url"));
	gw_list_add(&v2, "v3", c->by_public_key ? "public" : "platform");
	no = gw_refund_ask(c->gw, &v2, find_refunded(c), &unused);
	if (no.err_code != NULL)
		deny_refund(c, &no);
	else
		add_refund(
		    &c->out, gw_refund_find(c->gw, number), "PROCESSING");
	gw_list_free(&v2);
	gw_list_free(&unused);
}

void
gw_v3_refundquery(struct gw_v3_call *c)
{
	const struct gw_fault *forced =
	    gw_plan_find(&c->plan, GW_REFUND_STATUS);
	struct gw_refund *r = gw_refund_find(c->gw, c->number);
	const char *sub = gw_list_text(&c->query, "sub_mchid");
	const struct gw_order *o;

	if (!gw_v3_check_query(c, c->partner ? "sub_mchid" : "") ||
	    !check_sub(c, sub))
		return;
	o = r != NULL ? gw_order_find(c->gw, r->out_trade_no) : NULL;
	if (o == NULL || !gw_order_of(o, sub)) {
		gw_v3_deny_code(c, "RESOURCE_NOT_EXISTS", "");
		return;
	}
	gw_refund_settle(c->gw, r);
	add_refund(&c->out, r,
	    gw_v3_refund_status(forced != NULL ? forced->name : r->status));
}

/* ---- bills ----------------------------------------------------------- */

static struct gw_file *
keep_file(struct gw *gw, const struct gw_buf *bytes, const char *sub)
{
	struct gw_file *f = gw_alloc(sizeof(*f));

	gw_random_text(f->token, 40);
	gw_buf_add(&f->bytes, bytes->data, bytes->len);
	gw_copy(f->sub_mch_id, sizeof(f->sub_mch_id), sub);
	f->until_ms = gw_now_ms(gw) + URL_LIFE_MS;
	f->next = gw->files;
	gw->files = f;
	return f;
}

void
gw_v3_clear(struct gw *gw)
{
	while (gw->files != NULL) {
		struct gw_file *f = gw->files;

		gw->files = f->next;
		gw_buf_free(&f->bytes);
		free(f);
	}
}

/* Over the text, not over what is packed. */
static void
add_bill(struct gw_v3_call *c, const struct gw_buf *text, bool packed)
{
	const struct gw_fault *url = gw_plan_find(&c->plan, GW_BILL_URL);
	struct gw_buf gzip = {0};
	const struct gw_buf *file = text;
	const struct gw_file *kept;
	struct gw_buf address = {0};
	char hash[41];

	if (packed && gw_plan_find(&c->plan, GW_BILL_PLAIN) == NULL) {
		gw_gzip(&gzip, text);
		file = &gzip;
	}
	gw_sha1(
	    gw_plan_find(&c->plan, GW_BILL_HASH_PACKED) != NULL ? file : text,
	    hash);
	if (gw_plan_find(&c->plan, GW_BILL_HASH) != NULL)
		hash[0] = hash[0] == '0' ? '1' : '0';
	kept = keep_file(c->gw, file, gw_list_text(&c->query, "sub_mchid"));
	gw_buf_putf(&address, "%s/v3/billdownload/file?token=%s%s",
	    c->gw->setup.public_url, kept->token,
	    packed ? "&tartype=gzip" : "");
	gw_v3_add(&c->out, "hash_type", "SHA1");
	gw_v3_add(&c->out, "hash_value", hash);
	gw_v3_add(&c->out, "download_url",
	    url != NULL && url->value[0] != '\0' ? url->value : address.data);
	gw_buf_free(&gzip);
	gw_buf_free(&address);
}

static void
deny_bill(struct gw_v3_call *c, const struct gw_bill *bill)
{
	if (strcmp(bill->error_code, "20002") != 0)
		gw_v3_deny(c, 400, "PARAM_ERROR", bill->return_msg);
	else
		gw_v3_deny_code(c,
		    strcmp(bill->return_msg, "No Bill Exist") == 0
			? "NO_STATEMENT_EXIST"
			: "STATEMENT_CREATING",
		    "");
}

void
gw_v3_tradebill(struct gw_v3_call *c)
{
	const char *date = gw_list_text(&c->query, "bill_date");
	const char *sub = gw_list_text(&c->query, "sub_mchid");
	const char *tar = gw_list_text(&c->query, "tar_type");
	struct gw_list v2 = {0};
	struct gw_bill bill = {0};

	if (!gw_v3_check_query(
		c, c->partner ? "bill_date ?bill_type ?tar_type ?sub_mchid"
			      : "bill_date ?bill_type ?tar_type") ||
	    (*sub != '\0' && !check_sub(c, sub)))
		return;
	if (strlen(date) != 10 || date[4] != '-' || date[7] != '-') {
		gw_v3_deny(c, 400, "PARAM_ERROR", "bill_date格式错误");
		return;
	}
	gw_list_addf(
	    &v2, "bill_date", "%.4s%.2s%.2s", date, date + 5, date + 8);
	gw_list_add(&v2, "bill_type", gw_list_text(&c->query, "bill_type"));
	gw_list_add(&v2, "sub_mch_id", sub);
	if (*tar != '\0' && strcmp(tar, "GZIP") != 0) {
		gw_v3_deny(c, 400, "PARAM_ERROR", "tar_type取值错误");
	} else {
		gw_bill_make(c->gw, &v2, &c->plan, &bill);
		if (bill.error_code[0] != '\0')
			deny_bill(c, &bill);
		else
			add_bill(c, &bill.file, *tar != '\0');
	}
	gw_buf_free(&bill.file);
	gw_list_free(&v2);
}

void
gw_v3_billfile(struct gw_v3_call *c)
{
	const char *token = gw_list_text(&c->query, "token");
	const struct gw_file *f = c->gw->files;

	while (f != NULL && strcmp(f->token, token) != 0)
		f = f->next;
	if (f == NULL || gw_now_ms(c->gw) > f->until_ms)
		gw_v3_deny(c, 400, "INVALID_REQUEST", "下载链接已失效");
	else
		gw_buf_add(&c->file, f->bytes.data, f->bytes.len);
}

/* ---- certificates, echo ---------------------------------------------- */

void
gw_v3_certificates(struct gw_v3_call *c)
{
	struct gw_buf one = {0};

	if (!gw_v3_check_query(c, "?algorithm_type"))
		return;
	if (!c->gw->opt.certificates) {
		gw_v3_deny_code(c, "RESOURCE_NOT_EXISTS", "");
		return;
	}
	gw_v3_certificate(c->gw->keys, c->gw->setup.apiv3_key, &one);
	gw_list_addf(&c->out, "data", "[%s]", one.data);
	gw_buf_free(&one);
}

void
gw_v3_echo(struct gw_v3_call *c)
{
	const char *message = gw_v3_text(&c->in, "echo_message");
	const char *url = gw_v3_text(&c->in, "notify_url");

	if (*gw_request_header(c->req, "wechatpay-serial") == '\0') {
		gw_v3_deny(c, 400, "PARAM_ERROR", "Http头缺少Wechatpay-Serial");
		return;
	}
	if (!gw_v3_check(c, echo_rules))
		return;
	gw_v3_add(&c->out, "echo_message", message);
	if (*url != '\0')
		gw_notice_echo(c->gw, url, message, c->by_public_key);
}
