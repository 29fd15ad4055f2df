/* v3.c - APIv3: which call it is, who asks, and how it is answered.
 *
 * Facts and texts: PROTOCOL-V3.  A good answer is signed, an error is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/v3.h"

enum { CLOCK_S = 300 };

/* ---- errors ---------------------------------------------------------- */

bool
gw_v3_deny_inner(struct gw_v3_call *c, int status, const char *code,
    const char *message, unsigned inner)
{
	c->status = status;
	gw_copy(c->code, sizeof(c->code), code);
	gw_copy(c->message, sizeof(c->message), message);
	c->detail[0] = '\0';
	c->inner = inner;
	return false;
}

bool
gw_v3_deny(
    struct gw_v3_call *c, int status, const char *code, const char *message)
{
	static const struct {
		const char *code;
		unsigned inner;
	} known[] = {
	    {"PARAM_ERROR", 268435461},
	    {"APPID_MCHID_NOT_MATCH", 268445527},
	    {"ORDER_CLOSED", 268447914},
	    {"ORDER_PAID", 268449538},
	    {"SIGN_ERROR", 268443699},
	    {"ORDER_NOT_EXIST", 268512771},
	    {"FREQUENCY_LIMITED", 268447840},
	};
	unsigned inner = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].code, code) == 0)
			inner = known[i].inner;
	}
	return gw_v3_deny_inner(c, status, code, message, inner);
}

bool
gw_v3_deny_member(struct gw_v3_call *c, const char *path, const char *issue)
{
	struct gw_buf message = {0};
	struct gw_buf detail = {0};
	struct gw_buf field = {0};

	gw_buf_puts(&field, "/body/");
	gw_buf_puts(&field, path);
	for (char *p = field.data; *p != '\0'; p++) {
		if (*p == '.')
			*p = '/';
	}
	gw_buf_putf(&message, "输入源“%s”映射到字段规则校验失败，%s",
	    field.data, issue);
	gw_buf_puts(&detail, "{\"location\":\"body\",");
	gw_json_pair(&detail, "field", field.data + strlen("/body"));
	gw_buf_puts(&detail, ",");
	gw_json_pair(&detail, "value", gw_v3_text(&c->in, path));
	gw_buf_puts(&detail, ",");
	gw_json_pair(&detail, "issue", issue);
	gw_buf_puts(&detail, "}");
	gw_v3_deny(c, 400, "PARAM_ERROR", message.data);
	if (detail.len < sizeof(c->detail))
		gw_copy(c->detail, sizeof(c->detail), detail.data);
	gw_buf_free(&message);
	gw_buf_free(&detail);
	gw_buf_free(&field);
	return false;
}

#define B(api) (1U << (api))
#define PREPAY B(GW_UNIFIEDORDER)
#define QUERY B(GW_ORDERQUERY)
#define CLOSE B(GW_CLOSEORDER)
#define REFUND B(GW_REFUND_CALL)
#define REFUNDQUERY B(GW_REFUNDQUERY)
#define BILLS (B(GW_TRADEBILL) | B(GW_BILLFILE))
#define ALL                                                                    \
	(PREPAY | QUERY | CLOSE | REFUND | REFUNDQUERY | BILLS |               \
	    B(GW_CERTIFICATES) | B(GW_ECHO))

/* PROTOCOL-V3 6.2.  The same code has other statuses on other calls. */
static const struct {
	unsigned apis;
	int status;
	const char *code;
	const char *old; /* its older spelling */
	const char *message;
} errors[] = {
    {ALL, 400, "PARAM_ERROR", NULL, "参数错误"},
    {ALL, 400, "INVALID_REQUEST", NULL, "无效请求"},
    {PREPAY, 400, "APPID_MCHID_NOT_MATCH", NULL, "appid和mchid不匹配"},
    {PREPAY | QUERY | CLOSE, 400, "MCH_NOT_EXISTS", NULL, "商户号不存在"},
    {REFUND | REFUNDQUERY, 404, "MCH_NOT_EXISTS", NULL, "商户号不存在"},
    {PREPAY, 400, "ORDER_CLOSED", "ORDERCLOSED", "订单已关闭"},
    {BILLS, 400, "NO_STATEMENT_EXIST", NULL, "账单文件不存在"},
    {BILLS, 400, "STATEMENT_CREATING", NULL, "账单生成中"},
    {CLOSE, 400, "ORDER_PAID", "ORDERPAID", "该订单已支付"},
    {ALL, 401, "SIGN_ERROR", NULL, "签名错误"},
    {PREPAY | BILLS, 403, "NO_AUTH", "NOAUTH", "商户无权限"},
    {PREPAY, 403, "OUT_TRADE_NO_USED", NULL, "商户订单号重复"},
    {PREPAY | QUERY | CLOSE, 403, "RULE_LIMIT", "RULELIMIT", "业务规则限制"},
    {QUERY | CLOSE, 403, "TRADE_ERROR", NULL, "交易错误"},
    {REFUND, 403, "NOT_ENOUGH", "NOTENOUGH", "余额不足"},
    {REFUND, 403, "USER_ACCOUNT_ABNORMAL", NULL, "用户账户异常"},
    {ALL, 403, "REQUEST_BLOCKED", NULL, "请求受阻"},
    {QUERY | CLOSE, 404, "ORDER_NOT_EXIST", "ORDERNOTEXIST", "订单不存在"},
    {REFUND, 404, "RESOURCE_NOT_EXISTS", NULL, "订单不存在"},
    {REFUNDQUERY, 404, "RESOURCE_NOT_EXISTS", NULL, "退款单不存在"},
    {B(GW_CERTIFICATES), 404, "RESOURCE_NOT_EXISTS", NULL,
	"无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。"
	"可查看指引https://pay.weixin.qq.com/docs/merchant/products/"
	"platform-certificate/wxp-pub-key-guide.html"},
    {ALL, 429, "FREQUENCY_LIMITED", NULL, "频率超限"},
    {ALL, 429, "RATELIMIT_EXCEEDED", NULL, "请求频率超过限制"},
    {ALL, 500, "SYSTEM_ERROR", "SYSTEMERROR", "系统错误"},
    {ALL, 500, "BANKERROR", NULL, "银行系统异常"},
    {ALL, 500, "BIZ_ERR_NEED_RETRY", NULL, "业务错误，请重试"},
    {ALL, 500, "INVALID_TRANSACTIONID", NULL, "无效的微信支付交易单号"},
    {ALL, 500, "OPENID_MISMATCH", NULL, "openid和appid不匹配"},
    {ALL, 503, "SERVICE_UNAVAILABLE", NULL, "服务不可用"},
    /* Their status is not known. */
    {REFUND, 400, "TRADE_OVERDUE", NULL, "订单已经超过可退款的最大期限"},
    {REFUND, 400, "REFUND_FEE_MISMATCH", NULL,
	"订单金额或退款金额与之前请求不一致"},
};

bool
gw_v3_deny_code(struct gw_v3_call *c, const char *code, const char *message)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if ((errors[i].apis & B(c->api)) == 0 ||
		    (strcmp(errors[i].code, code) != 0 &&
			(errors[i].old == NULL ||
			    strcmp(errors[i].old, code) != 0)))
			continue;
		return gw_v3_deny(c, errors[i].status, code,
		    *message != '\0' ? message : errors[i].message);
	}
	return gw_v3_deny(c, 400, code, message);
}

void
gw_v3_errors_json(struct gw_buf *b)
{
	const char *comma = "";

	gw_buf_puts(b, "{\"errors\":[");
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		for (int a = 0; a < GW_API_COUNT; a++) {
			if ((errors[i].apis & B(a)) == 0)
				continue;
			gw_buf_putf(b, "%s{", comma);
			gw_json_pair(b, "api", gw_api_name((enum gw_api)a));
			gw_buf_puts(b, ",");
			gw_json_pair(b, "code", errors[i].code);
			gw_buf_puts(b, ",");
			gw_json_pair(b, "old",
			    errors[i].old != NULL ? errors[i].old : "");
			gw_buf_putf(b, ",\"status\":%d}", errors[i].status);
			comma = ",";
		}
	}
	gw_buf_puts(b, "]}");
}

/* ---- who asks -------------------------------------------------------- */

struct credentials {
	char mchid[40];
	char nonce_str[40];
	char signature[1024];
	char timestamp[24];
	char serial_no[80];
};

static char *
place_of(struct credentials *a, const char *name, size_t n, size_t *size)
{
	struct {
		const char *name;
		char *at;
		size_t size;
	} all[] = {
	    {"mchid", a->mchid, sizeof(a->mchid)},
	    {"nonce_str", a->nonce_str, sizeof(a->nonce_str)},
	    {"signature", a->signature, sizeof(a->signature)},
	    {"timestamp", a->timestamp, sizeof(a->timestamp)},
	    {"serial_no", a->serial_no, sizeof(a->serial_no)},
	};

	for (size_t i = 0; i < 5; i++) {
		if (strlen(all[i].name) == n &&
		    strncmp(all[i].name, name, n) == 0) {
			*size = all[i].size;
			return all[i].at;
		}
	}
	return NULL;
}

/* name="value", five of them, each once, a comma and nothing else between. */
static bool
read_credentials(const char *p, struct credentials *a)
{
	for (int i = 0; i < 5; i++) {
		size_t n = strcspn(p, "=");
		size_t size = 0;
		char *at = place_of(a, p, n, &size);
		size_t len;

		if (at == NULL || *at != '\0' || p[n] != '=' || p[n + 1] != '"')
			return false;
		p += n + 2;
		len = strcspn(p, "\"");
		if (len == 0 || len >= size || p[len] != '"')
			return false;
		memcpy(at, p, len);
		at[len] = '\0';
		p += len + 1;
		if (i < 4 && *p++ != ',')
			return false;
	}
	return *p == '\0';
}

static bool
good_nonce(const char *nonce)
{
	size_t n = strspn(nonce, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz");

	return n <= 32 && nonce[n] == '\0';
}

/* The five lines, over the bytes as they came. */
static bool
signed_well(struct gw_v3_call *c, const struct credentials *a)
{
	struct gw_buf m = {0};
	bool ok;

	gw_buf_putf(&m, "%s\n%s\n%s\n%s\n", c->req->method, c->req->target,
	    a->timestamp, a->nonce_str);
	gw_buf_add(&m, c->req->body.data != NULL ? c->req->body.data : "",
	    c->req->body.len);
	gw_buf_puts(&m, "\n");
	ok = gw_v3_signed(c->gw->keys, &m, a->signature);
	gw_buf_free(&m);
	return ok;
}

static bool
deny_sign(struct gw_v3_call *c, const char *message)
{
	return gw_v3_deny_inner(c, 401, "SIGN_ERROR", message, 268443699);
}

/* The clock comes before all that needs to know the merchant. */
static bool
check_credentials(struct gw_v3_call *c)
{
	static const char scheme[] = "WECHATPAY2-SHA256-RSA2048 ";
	const char *header = gw_request_header(c->req, "authorization");
	struct credentials a = {0};
	int64_t stamp = 0;
	int64_t off;

	if (!gw_starts(header, scheme))
		return deny_sign(c, "签名信息错误，验签失败");
	if (!read_credentials(header + strlen(scheme), &a) ||
	    !gw_number(a.timestamp, INT64_C(99999999999), &stamp) ||
	    !good_nonce(a.nonce_str))
		return deny_sign(c, "Http头Authorization值格式错误，请参考"
				    "《微信支付商户REST API签名规则》");
	off = gw_wire_now_ms(c->gw) / 1000 - stamp;
	if (off > CLOCK_S || off < -CLOCK_S)
		return deny_sign(c, "Http头Authorization中的timestamp与发起请求"
				    "的时间不得超过5分钟");
	if (strcmp(a.mchid, c->gw->setup.mch_id) != 0)
		return deny_sign(c, "签名错误");
	if (strcmp(a.serial_no, gw_v3_merchant_serial(c->gw->keys)) != 0)
		return deny_sign(c, "商户证书序列号有误。请使用签名私钥匹配的"
				    "证书序列号");
	if (c->gw->setup.apiv3_key[0] == '\0')
		return deny_sign(c, "商户未设置APIv3密钥");
	return signed_well(c, &a) || deny_sign(c, "签名错误");
}

static bool
of_payment(const struct gw_v3_call *c)
{
	return c->api == GW_UNIFIEDORDER || c->api == GW_ORDERQUERY ||
	       c->api == GW_CLOSEORDER;
}

static bool
check_headers(struct gw_v3_call *c)
{
	const char *accept = gw_request_header(c->req, "accept");
	bool named = *gw_request_header(c->req, "user-agent") != '\0' &&
		     (strstr(accept, "application/json") != NULL ||
			 strstr(accept, "*/*") != NULL);

	if (!named && !of_payment(c))
		return gw_v3_deny(
		    c, 400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent");
	return true;
}

/* Which key answers: the public key if, and only if, it was asked for. */
static bool
check_wanted_key(struct gw_v3_call *c)
{
	const char *wanted = gw_request_header(c->req, "wechatpay-serial");
	const struct gw_setup *s = &c->gw->setup;

	c->by_public_key = s->public_key_id[0] != '\0' &&
			   strcmp(wanted, s->public_key_id) == 0;
	if (*wanted == '\0' || c->by_public_key ||
	    strcmp(wanted, gw_v3_platform_serial(c->gw->keys)) == 0)
		return true;
	return gw_v3_deny(c, 400, "PARAM_ERROR", "Http头Wechatpay-Serial有误");
}

/* ---- what a body must be --------------------------------------------- */

static bool
in_products(const char *words, const char *product)
{
	return words != NULL &&
	       (strcmp(words, "all") == 0 ||
		   (product != NULL && gw_in_words(words, product)));
}

static const struct gw_v3_rule *
rule_of(const struct gw_v3_rule *rules, const struct gw_v3_call *c,
    const char *path)
{
	for (; rules->path != NULL; rules++) {
		if (strcmp(rules->path, path) == 0 &&
		    (rules->allowed == NULL ||
			in_products(rules->allowed, c->product)))
			return rules;
	}
	return NULL;
}

static size_t
characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool
check_member(struct gw_v3_call *c, const struct gw_v3_rule *rules,
    const struct gw_pair *p)
{
	const struct gw_v3_rule *r;
	int64_t n = 0;

	if (p->name[0] == '\0' || strchr(p->name, '[') != NULL)
		return true; /* the whole; what is in an array */
	r = rule_of(rules, c, p->name);
	if (r == NULL)
		return gw_v3_deny_inner(c, 400, "PARAM_ERROR",
		    "参数中含有非法的额外参数", 270924358);
	if (p->value[0] != r->kind ||
	    (r->kind == 'n' && !gw_number(p->value + 1, INT64_MAX / 100, &n)))
		return gw_v3_deny_member(c, p->name, "类型错误");
	if (r->kind == 's' && characters(p->value + 1) > r->max)
		return gw_v3_deny_member(c, p->name, "字符数超过最大值");
	if (r->kind == 's' && strpbrk(p->value + 1, "\xf0\xf1\xf2\xf3\xf4"))
		return gw_v3_deny_member(c, p->name, "含有非法字符");
	return true;
}

bool
gw_v3_check(struct gw_v3_call *c, const struct gw_v3_rule *rules)
{
	for (size_t i = 0; i < c->in.n; i++) {
		if (!check_member(c, rules, &c->in.v[i]))
			return false;
	}
	for (const struct gw_v3_rule *r = rules; r->path != NULL; r++) {
		if (in_products(r->needed, c->product) &&
		    (gw_v3_kind(&c->in, r->path) == '\0' ||
			(r->kind == 's' &&
			    *gw_v3_text(&c->in, r->path) == '\0')))
			return gw_v3_deny_member(c, r->path, "缺少必填字段");
	}
	return true;
}

bool
gw_v3_check_query(struct gw_v3_call *c, const char *words)
{
	struct gw_list due = {0};
	bool ok = true;

	for (const char *w = words; *w != '\0';) {
		size_t n = strcspn(w, " ");
		char name[64] = "";

		memcpy(name, w, n < sizeof(name) ? n : 0);
		gw_list_add(&due, name[0] == '?' ? name + 1 : name, "");
		if (name[0] != '?' && gw_list_get(&c->query, name) == NULL)
			ok = false;
		w += n;
		w += strspn(w, " ");
	}
	for (size_t i = 0; i < c->query.n; i++) {
		if (gw_list_get(&due, c->query.v[i].name) == NULL)
			ok = false;
	}
	gw_list_free(&due);
	return ok || gw_v3_deny(c, 400, "PARAM_ERROR", "参数错误");
}

bool
gw_v3_check_merchant(
    struct gw_v3_call *c, const char *mchid, const char *sub_mchid)
{
	const struct gw_setup *s = &c->gw->setup;

	if (strcmp(mchid, s->mch_id) != 0)
		return gw_v3_deny_code(c, "MCH_NOT_EXISTS", "");
	if (!c->partner)
		return true;
	if (!gw_in_words(s->sub_mch_ids, sub_mchid))
		return gw_v3_deny_inner(
		    c, 400, "INVALID_REQUEST", "受理关系不存在", 268443701);
	return true;
}

/* ---- faults ---------------------------------------------------------- */

static bool
early_fault(struct gw_v3_call *c)
{
	const struct gw_fault *f;

	if (gw_plan_find(&c->plan, GW_SYSTEMERROR) != NULL)
		return gw_v3_deny_code(c, "SYSTEM_ERROR", "");
	f = gw_plan_find(&c->plan, GW_RETURN_FAIL);
	if (f != NULL)
		return gw_v3_deny(c, 400, "PARAM_ERROR",
		    f->value[0] != '\0' ? f->value : "参数错误");
	f = gw_plan_find(&c->plan, GW_ACCEPTED);
	if (f != NULL)
		return gw_v3_deny(c, 202, "ACCEPTED", "处理中");
	f = gw_plan_find(&c->plan, GW_RESULT_FAIL);
	if (f == NULL)
		return true;
	gw_v3_deny_code(
	    c, f->name[0] != '\0' ? f->name : "SYSTEM_ERROR", f->value);
	if (f->num > 0)
		c->status = (int)f->num;
	return false;
}

static void
late_fault(struct gw_v3_call *c)
{
	const struct gw_fault *f;

	if (gw_plan_find(&c->plan, GW_SYSTEMERROR_AFTER) != NULL)
		gw_v3_deny_code(c, "SYSTEM_ERROR", "");
	f = gw_plan_find(&c->plan, GW_RESULT_FAIL_AFTER);
	if (f == NULL)
		return;
	gw_v3_deny_code(
	    c, f->name[0] != '\0' ? f->name : "SYSTEM_ERROR", f->value);
	if (f->num > 0)
		c->status = (int)f->num;
}

/* ---- which call ------------------------------------------------------ */

#define PAY "/v3/pay/transactions/"
#define PARTNER "/v3/pay/partner/transactions/"

static bool
is_post(const struct gw_v3_call *c)
{
	return strcmp(c->req->method, "POST") == 0;
}

static bool
find_payment(struct gw_v3_call *c, const char *rest, bool *post)
{
	static const char *const products[][2] = {
	    {"h5", "MWEB"}, {"native", "NATIVE"}, {"jsapi", "JSAPI"}};

	*post = true;
	c->api = GW_UNIFIEDORDER;
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(rest, products[i][0]) == 0) {
			c->product = products[i][1];
			return true;
		}
	}
	c->by_id = gw_starts(rest, "id/");
	if (!c->by_id && !gw_starts(rest, "out-trade-no/"))
		return false;
	rest = strchr(rest, '/') + 1;
	gw_copy(c->number, sizeof(c->number), rest);
	c->api = GW_CLOSEORDER;
	if (!c->by_id && gw_ends(rest, "/close")) {
		c->number[strcspn(c->number, "/")] = '\0';
		return true;
	}
	*post = false;
	c->api = GW_ORDERQUERY;
	return *rest != '\0' && strchr(rest, '/') == NULL;
}

static bool
find_call(struct gw_v3_call *c, bool *post)
{
	static const struct {
		const char *path;
		bool post;
		enum gw_api api;
	} plain[] = {
	    {"/v3/refund/domestic/refunds", true, GW_REFUND_CALL},
	    {"/v3/bill/tradebill", false, GW_TRADEBILL},
	    {"/v3/billdownload/file", false, GW_BILLFILE},
	    {"/v3/certificates", false, GW_CERTIFICATES},
	    {"/v3/security/echo", true, GW_ECHO},
	};
	const char *path = c->req->path;

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (strcmp(path, plain[i].path) == 0) {
			c->api = plain[i].api;
			*post = plain[i].post;
			return true;
		}
	}
	if (gw_starts(path, "/v3/refund/domestic/refunds/")) {
		c->api = GW_REFUNDQUERY;
		*post = false;
		path += strlen("/v3/refund/domestic/refunds/");
		gw_copy(c->number, sizeof(c->number), path);
		return *path != '\0' && strchr(path, '/') == NULL;
	}
	c->partner = gw_starts(path, PARTNER);
	if (c->partner)
		return find_payment(c, path + strlen(PARTNER), post);
	return gw_starts(path, PAY) &&
	       find_payment(c, path + strlen(PAY), post);
}

/* ---- one call -------------------------------------------------------- */

/* [lock] The order that a call is about, for faults and the log. */
static const char *
number_asked(struct gw_v3_call *c)
{
	const struct gw_order *o;
	const struct gw_refund *r;

	if (c->api == GW_REFUNDQUERY) {
		r = gw_refund_find(c->gw, c->number);
		return r != NULL ? r->out_trade_no : "";
	}
	if (c->number[0] != '\0' && !c->by_id)
		return c->number;
	o = gw_order_by_transaction(
	    c->gw, c->by_id ? c->number : gw_v3_text(&c->in, "transaction_id"));
	return o != NULL ? o->out_trade_no : gw_v3_text(&c->in, "out_trade_no");
}

/* What tests read: the body's members and the query's, as texts. */
static void
fields_of(const struct gw_v3_call *c, struct gw_list *out)
{
	for (size_t i = 0; i < c->in.n; i++) {
		if (strchr("snbz", c->in.v[i].value[0]) != NULL)
			gw_list_add(out, c->in.v[i].name, c->in.v[i].value + 1);
	}
	for (size_t i = 0; i < c->query.n; i++)
		gw_list_add(out, c->query.v[i].name, c->query.v[i].value);
	if (c->number[0] != '\0')
		gw_list_add(out,
		    c->api == GW_REFUNDQUERY ? "out_refund_no"
		    : c->by_id		     ? "transaction_id"
					     : "out_trade_no",
		    c->number);
}

static bool
check_form(struct gw_v3_call *c, bool readable)
{
	const char *type = gw_request_header(c->req, "content-type");

	if (!is_post(c))
		return c->req->body.len == 0 ||
		       gw_v3_deny(c, 400, "PARAM_ERROR", "GET请求不能有包体");
	if (!gw_starts(type, "application/json"))
		return gw_v3_deny(c, 400, "INVALID_REQUEST",
		    "Http头Content-Type不是application/json");
	return readable ||
	       gw_v3_deny(c, 400, "PARAM_ERROR", "无法将包体解析为JSON");
}

static void
do_work(struct gw_v3_call *c)
{
	switch ((int)c->api) {
	case GW_UNIFIEDORDER:
		gw_v3_prepay(c);
		break;
	case GW_ORDERQUERY:
		gw_v3_query(c);
		break;
	case GW_CLOSEORDER:
		gw_v3_close(c);
		break;
	case GW_REFUND_CALL:
		gw_v3_refund(c);
		break;
	case GW_REFUNDQUERY:
		gw_v3_refundquery(c);
		break;
	case GW_TRADEBILL:
		gw_v3_tradebill(c);
		break;
	case GW_BILLFILE:
		gw_v3_billfile(c);
		break;
	case GW_CERTIFICATES:
		gw_v3_certificates(c);
		break;
	default:
		gw_v3_echo(c);
		break;
	}
}

static void
work(struct gw_v3_call *c, bool readable)
{
	c->status = 200;
	if (!check_headers(c) || !check_credentials(c) ||
	    !check_wanted_key(c) || !check_form(c, readable) || !early_fault(c))
		return;
	pthread_mutex_lock(&c->gw->lock);
	do_work(c);
	pthread_mutex_unlock(&c->gw->lock);
	late_fault(c);
}

static void
answer_error(struct gw_v3_call *c, struct gw_response *res)
{
	struct gw_buf id = {0};

	gw_response_text(res, c->status, "application/json; charset=utf-8", "");
	gw_buf_puts(&res->body, "{");
	gw_json_pair(&res->body, "code", c->code);
	gw_buf_puts(&res->body, ",");
	gw_json_pair(&res->body, "message", c->message);
	if (c->detail[0] != '\0')
		gw_buf_putf(&res->body, ",\"detail\":%s", c->detail);
	gw_buf_puts(&res->body, "}");
	/* As seen: not there on a 401 of a payment's call. */
	if (c->status == 401 && of_payment(c))
		return;
	gw_buf_putf(&id, "%08llX%08llX-%u",
	    (unsigned long long)gw_random(UINT64_C(1) << 32),
	    (unsigned long long)gw_random(UINT64_C(1) << 32), c->inner);
	gw_list_set(&res->headers, "Request-ID", id.data);
	gw_buf_free(&id);
}

static void
answer(struct gw_v3_call *c, struct gw_response *res)
{
	if (c->code[0] != '\0') {
		answer_error(c, res);
		return;
	}
	gw_response_text(res, c->status, "application/json; charset=utf-8", "");
	if (c->api == GW_BILLFILE) {
		gw_list_set(&res->headers, "Content-Type", "text/plain");
		gw_buf_add(&res->body, c->file.data, c->file.len);
		return;
	}
	gw_v3_spoil(&c->plan, &c->out);
	if (c->status != 204)
		gw_v3_text_of(&c->plan, &c->out, &res->body);
	gw_v3_seal(
	    c->gw, &c->plan, c->by_public_key, &res->body, &res->headers);
}

static void
finish(struct gw_v3_call *c, struct gw_response *res)
{
	const struct gw_fault *f = gw_plan_find(&c->plan, GW_REDIRECT);

	answer(c, res);
	if (f != NULL) {
		res->status = 302;
		gw_list_set(&res->headers, "Location",
		    f->value[0] != '\0' ? f->value : c->req->target);
	}
	f = gw_plan_find(&c->plan, GW_SPOIL_BODY);
	if (f != NULL)
		gw_buf_puts(&res->body, f->value[0] != '\0' ? f->value : "\n");
	gw_plan_wire(&c->plan, res);
}

static void
outcome(const struct gw_v3_call *c, char *out, size_t size)
{
	struct gw_buf b = {0};
	const char *state = gw_list_text(
	    &c->out, c->api == GW_ORDERQUERY ? "trade_state" : "status");

	if (c->code[0] != '\0')
		gw_buf_putf(&b, "%d %s %s", c->status, c->code, c->message);
	else if (c->file.len > 0)
		gw_buf_putf(&b, "SUCCESS %zu bytes", c->file.len);
	else
		gw_buf_putf(&b, "SUCCESS %.*s",
		    (int)strcspn(state + (*state == '"'), "\""),
		    state + (*state == '"'));
	gw_copy(out, size, b.data);
	gw_buf_free(&b);
}

static void
pause_for(const struct gw_v3_call *c, enum gw_kind kind)
{
	const struct gw_fault *f = gw_plan_find(&c->plan, kind);

	if (f != NULL)
		gw_pause(c->gw, f->num);
}

static void
handle(struct gw_v3_call *c, struct gw_response *res)
{
	struct gw *gw = c->gw;
	struct gw_list fields = {0};
	bool readable = gw_v3_read(c->req->body.data, c->req->body.len, &c->in);
	char text[256];
	const char *no;
	int64_t latency;
	unsigned id;

	if (!readable)
		gw_list_free(&c->in);
	gw_form_read(c->req->query, strlen(c->req->query), &c->query);
	fields_of(c, &fields);
	pthread_mutex_lock(&gw->lock);
	no = number_asked(c);
	c->plan = gw_fault_plan(gw, c->api, no);
	id = gw_call_begin(gw, c->api, c->req, &fields, no, &c->plan);
	latency = gw->opt.latency_ms;
	pthread_mutex_unlock(&gw->lock);

	if (latency > 0)
		gw_pause(gw, latency);
	pause_for(c, GW_DELAY);
	if (gw_plan_find(&c->plan, GW_CUT_BEFORE) == NULL)
		work(c, readable);
	else
		gw_v3_deny(c, 500, "CUT", "cut");
	if (c->made && gw_plan_find(&c->plan, GW_PAY_BEFORE_ANSWER) != NULL)
		gw_api_pay_early(gw, gw_v3_text(&c->in, "out_trade_no"));
	pause_for(c, GW_DELAY_ANSWER);
	outcome(c, text, sizeof(text));
	finish(c, res);
	pthread_mutex_lock(&gw->lock);
	gw_call_end(gw, id, text);
	pthread_mutex_unlock(&gw->lock);
	gw_list_free(&fields);
}

void
gw_v3_handle(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct gw_v3_call c = {.gw = gw, .req = req};
	bool post = false;

	if (gw->keys == NULL || !find_call(&c, &post)) {
		gw_response_text(res, 404, "text/plain", "");
		return;
	}
	if (strcmp(req->method, post ? "POST" : "GET") != 0) {
		gw_response_text(res, 405, "text/plain", "");
		return;
	}
	if (!of_payment(&c))
		c.partner = gw->setup.sub_mch_ids[0] != '\0';
	handle(&c, res);
	gw_list_free(&c.in);
	gw_list_free(&c.query);
	gw_list_free(&c.out);
	gw_buf_free(&c.file);
	gw_plan_free(&c.plan);
}
