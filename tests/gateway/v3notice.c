/* v3notice.c - APIv3: notices, and the signatures of answers and notices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/v3.h"

/* ---- faults of members ----------------------------------------------- */

static void
set_text(struct gw_list *f, const char *path, const char *text)
{
	struct gw_buf b = {0};

	gw_json_text(&b, text);
	gw_list_set(f, path, b.data);
	gw_buf_free(&b);
}

static const char *
or_else(const char *given, const char *otherwise)
{
	return *given != '\0' ? given : otherwise;
}

/* A number stays one if digits replace it. */
static void
set_alike(struct gw_list *f, const char *path, const char *value)
{
	const char *old = gw_list_text(f, path);
	int64_t n = 0;

	if (gw_number(old, INT64_MAX, &n) && gw_number(value, INT64_MAX, &n))
		gw_list_set(f, path, value);
	else
		set_text(f, path, value);
}

static void
drop_below(struct gw_list *f, const char *path)
{
	struct gw_buf below = {0};

	gw_list_drop(f, path);
	gw_buf_putf(&below, "%s.", path);
	for (size_t i = f->n; i > 0; i--) {
		if (gw_starts(f->v[i - 1].name, below.data)) {
			char *name = gw_dup(f->v[i - 1].name);

			gw_list_drop(f, name);
			free(name);
			i = f->n + 1;
		}
	}
	gw_buf_free(&below);
}

static void
set_either(
    struct gw_list *f, const char *name, const char *partner, const char *value)
{
	set_text(f, gw_list_get(f, partner) != NULL ? partner : name, value);
}

static void
spoil_amount(struct gw_list *f, const struct gw_fault *fault)
{
	struct gw_buf more = {0};
	int64_t fen = 0;

	if (!gw_number(gw_list_text(f, "amount.total"), INT64_MAX / 100, &fen))
		return;
	gw_buf_putf(&more, "%lld", (long long)fen + 1);
	gw_list_set(f, "amount.total", or_else(fault->value, more.data));
	if (gw_list_get(f, "amount.payer_total") != NULL)
		gw_list_set(
		    f, "amount.payer_total", gw_list_text(f, "amount.total"));
	gw_buf_free(&more);
}

static void
add_coupons(struct gw_list *f)
{
	int64_t total = 0;
	int64_t off;
	struct gw_buf text = {0};

	if (!gw_number(
		gw_list_text(f, "amount.total"), INT64_MAX / 100, &total) ||
	    gw_list_get(f, "amount.payer_total") == NULL)
		return;
	off = total < 2 ? total : (total + 1) / 2;
	gw_buf_putf(&text, "%lld", (long long)(total - off));
	gw_list_set(f, "amount.payer_total", text.data);
	text.len = 0;
	gw_buf_putf(&text,
	    "[{\"coupon_id\":\"109519\",\"name\":\"满减券\",\"scope\":"
	    "\"GLOBAL\",\"type\":\"CASH\",\"amount\":%lld,\"stock_id\":"
	    "\"931386\",\"wechatpay_contribute\":%lld,"
	    "\"merchant_contribute\":0,\"other_contribute\":0,"
	    "\"currency\":\"CNY\"}]",
	    (long long)off, (long long)off);
	gw_list_set(f, "promotion_detail", text.data);
	gw_buf_free(&text);
}

static void
spoil_url(struct gw_list *f, const struct gw_fault *fault)
{
	struct gw_buf url = {0};
	const char *old = gw_list_text(f, "h5_url");
	const char *path = strstr(old, "/cgi-bin/");

	if (path == NULL)
		return;
	if (fault->kind == GW_FOREIGN_MWEB_URL)
		gw_buf_putf(&url, "\"%s%s",
		    or_else(fault->value, "https://wx.tenpay.com.evil.example"),
		    path);
	else
		gw_buf_putf(&url, "%.*s\\r\\nSet-Cookie: spoilt=1\\r\\n\"",
		    (int)strlen(old) - 1, old);
	gw_list_set(f, "h5_url", url.data);
	gw_buf_free(&url);
}

static void
spoil(struct gw_list *f, const struct gw_fault *fault)
{
	switch ((int)fault->kind) {
	case GW_OTHER_MCH_ID:
		set_either(f, "mchid", "sp_mchid",
		    or_else(fault->value, "1900000109"));
		break;
	case GW_OTHER_APPID:
		set_either(f, "appid", "sp_appid",
		    or_else(fault->value, "wxffffffffffffffff"));
		break;
	case GW_OTHER_ORDER:
		set_text(
		    f, "out_trade_no", or_else(fault->value, "somebody-elses"));
		break;
	case GW_SET_FIELD:
		set_alike(f, fault->name, fault->value);
		break;
	case GW_SET_JSON:
		gw_list_set(f, fault->name, fault->value);
		break;
	case GW_DROP_FIELD:
		drop_below(f, fault->name);
		break;
	case GW_NO_MWEB_URL:
		gw_list_drop(f, "h5_url");
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
		set_text(f, "amount.currency", or_else(fault->value, "USD"));
		break;
	case GW_UNKNOWN_FIELD:
		set_text(f, "unheard_of", "新字段");
		gw_list_set(f, "zz_new",
		    "{\"a\":[1.5e3,null,{\"b\":\"\\ud83d\\ude00\"}]}");
		break;
	case GW_GBK:
		gw_list_set(f, "unheard_of", "\"\xb3\xc9\xb9\xa6\"");
		break;
	default:
		break;
	}
}

void
gw_v3_spoil(const struct gw_plan *plan, struct gw_list *f)
{
	for (size_t i = 0; i < plan->n; i++)
		spoil(f, &plan->v[i]);
}

static const char *
double_what(const struct gw_list *f, const struct gw_fault *fault)
{
	static const char *const names[] = {"h5_url", "code_url", "prepay_id",
	    "trade_state", "refund_status", "status"};

	if (fault->name[0] != '\0')
		return fault->name;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (gw_list_get(f, names[i]) != NULL)
			return names[i];
	}
	return "mchid";
}

void
gw_v3_text_of(
    const struct gw_plan *plan, const struct gw_list *f, struct gw_buf *out)
{
	const struct gw_fault *twin = gw_plan_find(plan, GW_DUPLICATE);
	const char *name;

	gw_v3_write(out, f);
	if (twin == NULL)
		return;
	name = double_what(f, twin);
	out->len--;
	gw_buf_puts(out, out->len > 1 ? "," : "");
	gw_json_text(out, name);
	gw_buf_puts(out, ":");
	if (twin->value[0] != '\0')
		gw_json_text(out, twin->value);
	else
		gw_buf_puts(out, or_else(gw_list_text(f, name), "null"));
	gw_buf_puts(out, "}");
}

/* ---- signatures ------------------------------------------------------ */

static void
spoil_signature(const struct gw_plan *plan, struct gw_buf *sign)
{
	static const char probe[] = "WECHATPAY/SIGNTEST/";

	if (gw_plan_find(plan, GW_SIGNTEST) != NULL)
		memcpy(sign->data, probe, sizeof(probe) - 1);
	if (gw_plan_find(plan, GW_EMPTY_SIGN) != NULL) {
		sign->data[0] = '\0';
		sign->len = 0;
	}
	if (gw_plan_find(plan, GW_LOWER_SIGN) != NULL) {
		for (char *p = sign->data; *p != '\0'; p++) {
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		}
	}
}

static void
spoil_headers(const struct gw_plan *plan, struct gw_list *headers)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct gw_fault *f = &plan->v[i];
		const char *name = or_else(f->name, "Wechatpay-Signature");

		if (f->kind == GW_UNSIGNED)
			gw_list_drop(headers, "Wechatpay-Signature");
		if (f->kind == GW_NO_HEADER)
			gw_list_drop(headers, name);
		if (f->kind == GW_TWO_HEADERS)
			gw_list_add(headers, name,
			    or_else(f->value, gw_list_text(headers, name)));
		if (f->kind == GW_SET_HEADER)
			gw_list_set(headers, name, f->value);
	}
}

void
gw_v3_seal(struct gw *gw, const struct gw_plan *plan, bool by_public_key,
    const struct gw_buf *body, struct gw_list *headers)
{
	const struct gw_fault *old = gw_plan_find(plan, GW_OLD_TIME);
	const struct gw_fault *serial = gw_plan_find(plan, GW_UNKNOWN_SERIAL);
	int64_t stamp = gw_wire_now_ms(gw) / 1000;
	struct gw_buf m = {0};
	struct gw_buf sign = {0};
	char nonce[33];

	if (gw_plan_find(plan, GW_OTHER_KEY) != NULL &&
	    gw->setup.public_key_id[0] != '\0')
		by_public_key = !by_public_key;
	if (old != NULL)
		stamp +=
		    strcmp(old->name, "future") == 0 ? old->num : -old->num;
	gw_random_text(nonce, 32);
	gw_buf_putf(&m, "%lld\n%s\n", (long long)stamp, nonce);
	gw_buf_add(&m, body->data != NULL ? body->data : "", body->len);
	gw_buf_puts(
	    &m, gw_plan_find(plan, GW_WRONG_SIGN) != NULL ? "other\n" : "\n");
	gw_v3_sign(gw->keys, by_public_key, &m, &sign);
	spoil_signature(plan, &sign);
	gw_list_addf(headers, "Wechatpay-Timestamp", "%lld", (long long)stamp);
	gw_list_add(headers, "Wechatpay-Nonce", nonce);
	gw_list_add(headers, "Wechatpay-Signature", sign.data);
	gw_list_add(headers, "Wechatpay-Serial",
	    serial != NULL  ? or_else(serial->value,
				  "PUB_KEY_ID_0000000000000000000000000001")
	    : by_public_key ? gw->setup.public_key_id
			    : gw_v3_platform_serial(gw->keys));
	gw_list_add(
	    headers, "Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048");
	spoil_headers(plan, headers);
	gw_buf_free(&m);
	gw_buf_free(&sign);
}

/* ---- notices --------------------------------------------------------- */

/* What one notice says. */
struct event {
	const char *type;
	const char *of; /* original_type, and associated_data */
	const char *summary;
	struct gw_list inside;
};

static void
of_payment(struct gw *gw, const struct gw_order *o, struct event *e)
{
	e->type = "TRANSACTION.SUCCESS";
	e->of = "transaction";
	e->summary = "支付成功";
	gw_v3_add_order(gw, &e->inside, o, GW_SUCCESS);
}

static void
of_refund(struct gw *gw, const struct gw_order *o, const struct gw_refund *r,
    struct event *e)
{
	const char *status = gw_v3_refund_status(r->status);
	const char *sub = gw_list_text(&o->terms, "sub_mch_id");
	struct gw_list *f = &e->inside;

	e->of = "refund";
	e->type = strcmp(status, "SUCCESS") == 0  ? "REFUND.SUCCESS"
		  : strcmp(status, "CLOSED") == 0 ? "REFUND.CLOSED"
						  : "REFUND.ABNORMAL";
	e->summary = strcmp(status, "SUCCESS") == 0  ? "退款成功"
		     : strcmp(status, "CLOSED") == 0 ? "退款关闭"
						     : "退款异常";
	pthread_mutex_lock(&gw->lock);
	gw_v3_add(f,
	    *sub != '\0' && !gw->opt.refund_notice_mchid ? "sp_mchid" : "mchid",
	    gw->setup.mch_id);
	pthread_mutex_unlock(&gw->lock);
	if (*sub != '\0')
		gw_v3_add(f, "sub_mchid", sub);
	gw_v3_add(f, "out_trade_no", r->out_trade_no);
	gw_v3_add(f, "transaction_id", r->transaction_id);
	gw_v3_add(f, "out_refund_no", r->out_refund_no);
	gw_v3_add(f, "refund_id", r->refund_id);
	gw_v3_add(f, "refund_status", status);
	if (strcmp(status, "SUCCESS") == 0)
		gw_v3_add_time(f, "success_time", r->success_ms);
	gw_v3_add(f, "user_received_account", "支付用户零钱");
	gw_v3_addn(f, "amount.total", r->total_fee);
	gw_v3_addn(f, "amount.refund", r->fee);
	gw_v3_addn(f, "amount.payer_total", r->total_fee);
	gw_v3_addn(f, "amount.payer_refund", r->fee);
}

static void
of_echo(const char *message, struct event *e)
{
	e->type = "SECURITY_ECHO.SUCCESS";
	e->of = "security";
	e->summary = "安全探测成功";
	gw_v3_add(&e->inside, "echo_message", message);
	gw_v3_add(&e->inside, "encrypt_echo_message", "");
}

static void
encrypt(struct gw *gw, const struct gw_plan *plan, const struct event *e,
    const char *nonce, struct gw_buf *out)
{
	char key[33];
	struct gw_buf text = {0};
	const struct gw_fault *raw = gw_plan_find(plan, GW_PLAINTEXT);
	char *at;

	gw_copy(key, sizeof(key), gw->setup.apiv3_key);
	if (gw_plan_find(plan, GW_WRONG_KEY) != NULL)
		key[0] = key[0] == 'x' ? 'y' : 'x';
	gw_v3_text_of(plan, &e->inside, &text);
	gw_v3_encrypt(
	    key, nonce, e->of, raw != NULL ? raw->value : text.data, out);
	if (gw_plan_find(plan, GW_BAD_TAG) != NULL) {
		at = out->data + out->len / 2;
		*at = *at == 'A' ? 'B' : 'A';
	}
	gw_buf_free(&text);
}

static void
write_envelope(struct gw *gw, const struct gw_plan *plan, const struct event *e,
    struct gw_buf *body)
{
	struct gw_list f = {0};
	struct gw_buf cipher = {0};
	char id[20];
	char nonce[13];

	gw_random_text(id, 16);
	gw_random_text(nonce, 12);
	encrypt(gw, plan, e, nonce, &cipher);
	gw_list_addf(&f, "id", "\"EV-%s\"", id);
	gw_v3_add_time(&f, "create_time", gw_now_ms(gw));
	gw_v3_add(&f, "resource_type", "encrypt-resource");
	gw_v3_add(&f, "event_type", e->type);
	gw_v3_add(&f, "summary", e->summary);
	gw_v3_add(&f, "resource.original_type", e->of);
	gw_v3_add(&f, "resource.algorithm", "AEAD_AES_256_GCM");
	gw_v3_add(&f, "resource.ciphertext", cipher.data);
	if (gw_plan_find(plan, GW_NO_AAD) == NULL)
		gw_v3_add(&f, "resource.associated_data", e->of);
	gw_v3_add(&f, "resource.nonce", nonce);
	for (size_t i = 0; i < plan->n; i++) {
		const struct gw_fault *fault = &plan->v[i];

		if (fault->kind == GW_ENVELOPE && fault->value[0] != '\0')
			set_text(&f, fault->name, fault->value);
		if (fault->kind == GW_ENVELOPE && fault->value[0] == '\0')
			drop_below(&f, fault->name);
	}
	gw_v3_write(body, &f);
	gw_list_free(&f);
	gw_buf_free(&cipher);
}

/* The n-th of a hundred in a fair order: exact shares, no chance. */
static bool
by_public_key(struct gw *gw, const struct gw_about *about)
{
	bool yes = about->echo != NULL	   ? about->by_public_key
		   : about->refund != NULL ? about->refund->by_public_key
					   : about->order->by_public_key;

	if (gw->setup.public_key_id[0] == '\0')
		return false;
	pthread_mutex_lock(&gw->lock);
	if (gw->opt.notice_public_percent <= 100) {
		gw->notice_share += gw->opt.notice_public_percent;
		yes = gw->notice_share >= 100;
		if (yes)
			gw->notice_share -= 100;
	}
	pthread_mutex_unlock(&gw->lock);
	return yes;
}

void
gw_v3_notice(struct gw *gw, const struct gw_about *about,
    const struct gw_plan *plan, struct gw_buf *body, struct gw_buf *inside,
    struct gw_list *headers)
{
	const struct gw_fault *spoilt = gw_plan_find(plan, GW_SPOIL_BODY);
	struct event e = {0};

	if (about->echo != NULL)
		of_echo(about->echo, &e);
	else if (about->refund != NULL)
		of_refund(gw, about->order, about->refund, &e);
	else
		of_payment(gw, about->order, &e);
	gw_v3_spoil(plan, &e.inside);
	gw_v3_text_of(plan, &e.inside, inside);
	write_envelope(gw, plan, &e, body);
	gw_list_add(headers, "Content-Type", "application/json");
	gw_v3_seal(gw, plan, by_public_key(gw, about), body, headers);
	if (spoilt != NULL)
		gw_buf_puts(body, or_else(spoilt->value, "\n"));
	gw_list_free(&e.inside);
}
