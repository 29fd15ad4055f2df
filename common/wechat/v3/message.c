/* APIv3's requests: targets, percent-encoded before anything is signed, and
 * bodies, written member by member in a fixed order. */
#include "common/wechat/v3/message.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/format/escape.h"
#include "common/format/json.h"
#include "common/format/netaddr.h"

#define DESCRIPTION_MAX 127 /* bytes, which are never fewer than characters */
#define ATTACH_MAX 128
#define REASON_MAX 80 /* bytes */

#define TRADES "/v3/pay/transactions"
#define PARTNER_TRADES "/v3/pay/partner/transactions"
#define REFUNDS "/v3/refund/domestic/refunds"

/* --- targets -------------------------------------------------------------- */

static bool
partner(const struct h5_config *c)
{
	return c->merchant.sub_mch_id != NULL;
}

/* The name of a value in a query follows '?' or '&'. */
static void
put_query(struct h5_buf *out, const char *before, const char *value)
{
	h5_buf_puts(out, before);
	h5_escape_url(out, value);
}

static void
put_trade(
    const struct h5_config *c, const char *out_trade_no, struct h5_buf *out)
{
	h5_buf_puts(out, partner(c) ? PARTNER_TRADES : TRADES);
	h5_buf_puts(out, "/out-trade-no/");
	h5_escape_url(out, out_trade_no);
}

void
h5_v3_target_prepay(
    const struct h5_config *c, enum h5_product product, struct h5_buf *out)
{
	h5_buf_puts(out, partner(c) ? PARTNER_TRADES : TRADES);
	h5_buf_putc(out, '/');
	h5_buf_puts(out, h5_order_product_word(product));
}

void
h5_v3_target_query(
    const struct h5_config *c, const char *out_trade_no, struct h5_buf *out)
{
	put_trade(c, out_trade_no, out);
	put_query(
	    out, partner(c) ? "?sp_mchid=" : "?mchid=", c->merchant.mch_id);
	if (partner(c))
		put_query(out, "&sub_mchid=", c->merchant.sub_mch_id);
}

void
h5_v3_target_close(
    const struct h5_config *c, const char *out_trade_no, struct h5_buf *out)
{
	put_trade(c, out_trade_no, out);
	h5_buf_puts(out, "/close");
}

void
h5_v3_target_refund(struct h5_buf *out)
{
	h5_buf_puts(out, REFUNDS);
}

void
h5_v3_target_refund_query(
    const struct h5_config *c, const char *out_refund_no, struct h5_buf *out)
{
	h5_buf_puts(out, REFUNDS "/");
	h5_escape_url(out, out_refund_no);
	if (partner(c))
		put_query(out, "?sub_mchid=", c->merchant.sub_mch_id);
}

void
h5_v3_target_bill(const struct h5_config *c, const char *day, const char *type,
    struct h5_buf *out)
{
	put_query(out, "/v3/bill/tradebill?bill_date=", day);
	put_query(out, "&bill_type=", type);
	h5_buf_puts(out, "&tar_type=GZIP");
	if (partner(c))
		put_query(out, "&sub_mchid=", c->merchant.sub_mch_id);
}

/* --- members -------------------------------------------------------------- */

/* An empty value is left out: WeChat refuses null (PROTOCOL-V3 1). */
static void
put(struct h5_buf *out, const char *name, const char *s)
{
	if (s == NULL || s[0] == '\0')
		return;
	h5_json_name(name, out);
	h5_json_string(s, out);
}

static void
open_object(struct h5_buf *out, const char *name)
{
	h5_json_name(name, out);
	h5_buf_putc(out, '{');
}

/* How many bytes of s are one blank or one control character; 0: none. */
static size_t
blank_at(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	if (*u == '\0')
		return 0;
	if (*u <= ' ' || *u == 0x7f)
		return 1;
	/* U+0080 to U+00A0: controls, and a blank; U+3000: a wide blank. */
	if (*u == 0xc2 && u[1] >= 0x80 && u[1] <= 0xa0)
		return 2;
	return strncmp(s, "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

/* Text of ours as WeChat takes it: a character of four bytes gets the whole
 * order refused, so a square stands for it. */
static void
put_clean(struct h5_buf *text, const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = blank_at(s);
		if (n == 1 || n == 2) {
			h5_buf_putc(text, ' ');
		} else if ((unsigned char)*s >= 0xf0) {
			h5_buf_puts(text, "\xe2\x96\xa1");
			for (n = 1; ((unsigned char)s[n] & 0xc0) == 0x80;)
				n++;
		} else {
			n = n > 0 ? n : 1;
			h5_buf_add(text, s, n);
		}
	}
}

/* Where s ends without the blanks at its end. */
static size_t
trimmed(const char *s, size_t n)
{
	size_t i, end = 0, blank;

	for (i = 0; i<n; i += blank> 0 ? blank : 1) {
		blank = blank_at(s + i);
		if (blank == 0)
			end = i + 1;
	}
	return end;
}

/* A member that a person reads, of at most max bytes. */
static enum h5_code
put_words(struct h5_buf *out, const char *name, const char *s, size_t max,
    bool needed, struct h5_err *e)
{
	struct h5_buf text;
	const char *from;
	enum h5_code rc;
	size_t n;

	if (s == NULL)
		s = "";
	h5_buf_init(&text, strlen(s) + 1);
	put_clean(&text, s);
	rc = h5_buf_finish(&text, e);
	if (rc == H5_OK) {
		for (from = text.data; (n = blank_at(from)) > 0;)
			from += n;
		n = strlen(from);
		n = trimmed(from, h5_text_cut(from, n, n < max ? n : max));
		text.data[(size_t)(from - text.data) + n] = '\0';
		put(out, name, n > 0 ? from : needed ? "-" : NULL);
	}
	h5_buf_release(&text);
	return rc;
}

static enum h5_code
put_notify_url(const struct h5_config *c, struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf url;
	enum h5_code rc;

	h5_buf_init(&url, H5_CONFIG_URL);
	h5_config_url(c, "notify", &url);
	rc = h5_buf_finish(&url, e);
	if (rc == H5_OK)
		put(out, "notify_url", url.data);
	h5_buf_release(&url);
	return rc;
}

/* As WeChat is told it: an IPv4 address is always plain. */
static enum h5_code
plain_ip(const char *ip, char out[H5_NETADDR_TEXT], struct h5_err *e)
{
	struct h5_netaddr a;
	enum h5_code rc = h5_netaddr_read(ip, &a, e);

	if (rc == H5_OK)
		h5_netaddr_text(&a, out);
	return rc;
}

/* --- prepay --------------------------------------------------------------- */

static void
put_ids(const struct h5_config *c, struct h5_buf *out)
{
	if (!partner(c)) {
		put(out, "appid", c->merchant.appid);
		put(out, "mchid", c->merchant.mch_id);
		return;
	}
	put(out, "sp_appid", c->merchant.appid);
	put(out, "sp_mchid", c->merchant.mch_id);
	put(out, "sub_appid", c->merchant.sub_appid);
	put(out, "sub_mchid", c->merchant.sub_mch_id);
}

static enum h5_code
put_payer(const struct h5_config *c, const struct h5_attempt *a,
    struct h5_buf *out, struct h5_err *e)
{
	/* A person's openid is one appid's: that of whoever asked for it. */
	const char *name = !partner(c)			   ? "openid"
			   : c->merchant.sub_appid == NULL ? "sp_openid"
							   : "sub_openid";

	if (a->openid == NULL)
		return h5_err_set(e, H5_E_BUG, "there is no openid yet");
	open_object(out, "payer");
	put(out, name, a->openid);
	h5_buf_putc(out, '}');
	return H5_OK;
}

/* What h5_v3_prepay_for looks for.  Inside a value each quote is escaped, so
 * these bytes stand where they are written and nowhere else. */
#define PAYER_IP "\"payer_client_ip\":\""

static enum h5_code
put_scene(const char *ip, struct h5_buf *out, struct h5_err *e)
{
	char plain[H5_NETADDR_TEXT];
	enum h5_code rc = plain_ip(ip, plain, e);

	if (rc != H5_OK)
		return rc;
	open_object(out, "scene_info");
	put(out, "payer_client_ip", plain);
	open_object(out, "h5_info");
	put(out, "type", "Wap");
	h5_buf_puts(out, "}}");
	return H5_OK;
}

enum h5_code
h5_v3_write_prepay(const struct h5_config *c, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_buf *out,
    struct h5_err *e)
{
	char expire[H5_CLOCK_RFC3339];
	enum h5_code rc;

	h5_clock_rfc3339(a->time_expire, expire);
	h5_buf_putc(out, '{');
	put_ids(c, out);
	rc = put_words(out, "description", o->body, DESCRIPTION_MAX, true, e);
	if (rc == H5_OK) {
		put(out, "out_trade_no", a->out_trade_no);
		put(out, "time_expire", expire);
		rc = put_words(out, "attach", o->attach, ATTACH_MAX, false, e);
	}
	if (rc == H5_OK)
		rc = put_notify_url(c, out, e);
	if (rc == H5_OK) {
		open_object(out, "amount");
		h5_json_int("total", o->total_fee, out);
		put(out, "currency", "CNY");
		h5_buf_putc(out, '}');
	}
	if (rc == H5_OK && a->product == H5_PRODUCT_JSAPI)
		rc = put_payer(c, a, out, e);
	/* The other products do not need the address, and without it nothing
	 * in a repetition can differ. */
	if (rc == H5_OK && a->product == H5_PRODUCT_H5)
		rc = put_scene(ip, out, e);
	h5_buf_putc(out, '}');
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}

enum h5_code
h5_v3_prepay_for(
    const char *request, const char *ip, struct h5_buf *out, struct h5_err *e)
{
	const char *at = strstr(request, PAYER_IP);
	char plain[H5_NETADDR_TEXT];
	enum h5_code rc;

	if (at == NULL) {
		h5_buf_puts(out, request);
		return h5_buf_finish(out, e);
	}
	rc = plain_ip(ip, plain, e);
	if (rc != H5_OK)
		return rc;
	at += strlen(PAYER_IP);
	h5_buf_add(out, request, (size_t)(at - request));
	h5_buf_puts(out, plain);
	h5_buf_puts(out, at + strcspn(at, "\""));
	return h5_buf_finish(out, e);
}

/* --- the other calls ------------------------------------------------------ */

enum h5_code
h5_v3_write_close(
    const struct h5_config *c, struct h5_buf *out, struct h5_err *e)
{
	h5_buf_putc(out, '{');
	put(out, partner(c) ? "sp_mchid" : "mchid", c->merchant.mch_id);
	put(out, "sub_mchid", c->merchant.sub_mch_id);
	h5_buf_putc(out, '}');
	return h5_buf_finish(out, e);
}

enum h5_code
h5_v3_write_refund(const struct h5_config *c, const struct h5_order *o,
    const struct h5_refund *r, struct h5_buf *out, struct h5_err *e)
{
	enum h5_code rc;

	h5_buf_putc(out, '{');
	put(out, "sub_mchid", c->merchant.sub_mch_id);
	put(out, "out_trade_no", r->out_trade_no);
	put(out, "out_refund_no", r->out_refund_no);
	rc = put_words(out, "reason", r->reason, REASON_MAX, false, e);
	/* Without it the notice would come as XML of APIv2. */
	if (rc == H5_OK)
		rc = put_notify_url(c, out, e);
	open_object(out, "amount");
	h5_json_int("refund", r->refund_fee, out);
	h5_json_int("total", o->total_fee, out);
	put(out, "currency", "CNY");
	h5_buf_puts(out, "}}");
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}

enum h5_code
h5_v3_write_echo(const struct h5_config *c, const char *message, bool notice,
    struct h5_buf *out, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	h5_buf_putc(out, '{');
	put(out, "echo_message", message);
	if (notice)
		rc = put_notify_url(c, out, e);
	h5_buf_putc(out, '}');
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}
