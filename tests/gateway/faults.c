/* faults.c - what goes wrong on request. */
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

#define BIT(api) (1U << (api))
#define REFUNDS (BIT(GW_REFUND_CALL) | BIT(GW_REFUNDQUERY))
/* APIv3's own; the others are calls of both APIs. */
#define V3ONLY (BIT(GW_TRADEBILL) | BIT(GW_CERTIFICATES) | BIT(GW_ECHO))
#define SIGNED                                                                 \
	(BIT(GW_UNIFIEDORDER) | BIT(GW_ORDERQUERY) | BIT(GW_CLOSEORDER) |      \
	    REFUNDS | V3ONLY)
#define BILL (BIT(GW_DOWNLOADBILL) | BIT(GW_TRADEBILL))
#define CALLS (SIGNED | BILL | BIT(GW_BILLFILE))
#define SEALED (SIGNED | BIT(GW_NOTICE))
#define ORDER BIT(GW_UNIFIEDORDER)
#define QUERY BIT(GW_ORDERQUERY)
#define CASHIER BIT(GW_CASHIER)
#define NOTICE BIT(GW_NOTICE)
#define TOKEN BIT(GW_ACCESS_TOKEN)
#define CONNECT BIT(GW_CONNECT)

const char *
gw_api_name(enum gw_api api)
{
	static const char *const names[GW_API_COUNT] = {
	    [GW_UNIFIEDORDER] = "unifiedorder",
	    [GW_ORDERQUERY] = "orderquery",
	    [GW_CLOSEORDER] = "closeorder",
	    [GW_DOWNLOADBILL] = "downloadbill",
	    [GW_REFUND_CALL] = "refund",
	    [GW_REFUNDQUERY] = "refundquery",
	    [GW_TRADEBILL] = "tradebill",
	    [GW_BILLFILE] = "billfile",
	    [GW_CERTIFICATES] = "certificates",
	    [GW_ECHO] = "echo",
	    [GW_CASHIER] = "cashier",
	    [GW_ACCESS_TOKEN] = "access_token",
	    [GW_NOTICE] = "notice",
	    [GW_CONNECT] = "connect",
	};

	return names[api];
}

bool
gw_api_find(const char *name, enum gw_api *out)
{
	for (int i = 0; i < GW_API_COUNT; i++) {
		if (strcmp(gw_api_name((enum gw_api)i), name) == 0) {
			*out = (enum gw_api)i;
			return true;
		}
	}
	return false;
}

struct row {
	const char *name;
	unsigned apis; /* where it can happen */
	int64_t num; /* if none is given */
	const char *text;
};

static const struct row rows[GW_KIND_COUNT] = {
    [GW_DELAY] = {"delay", CALLS | TOKEN | CASHIER, 1000,
	"works ms later than it could"},
    [GW_DELAY_ANSWER] = {"delay-answer", CALLS | TOKEN | CASHIER, 1000,
	"does the work, answers ms later"},
    [GW_CUT_BEFORE] = {"cut-before", CALLS | TOKEN | CASHIER, 0,
	"closes instead of working; name=reset: RST"},
    [GW_CUT_AFTER] = {"cut-after", CALLS | TOKEN | CASHIER, 0,
	"does the work, closes instead of answering; name=reset: RST"},
    [GW_HANG] = {"hang", CALLS | TOKEN | CASHIER, 60000,
	"does the work, says nothing for ms, closes"},
    [GW_HANG_BODY] = {"hang-body", CALLS | TOKEN | CASHIER, 60000,
	"sends the headers, then nothing for ms"},
    [GW_HALF] = {"half", CALLS | TOKEN | CASHIER, 0,
	"half an answer under the whole Content-Length"},
    [GW_HALF_NO_LENGTH] = {"half-no-length", CALLS | TOKEN | CASHIER, 0,
	"half an answer without a length, then the end"},
    [GW_DRIP] = {"drip", CALLS | TOKEN | CASHIER, 100,
	"the body one byte each ms"},
    [GW_DRIP_HEADER] = {"drip-header", CALLS | CASHIER, 100,
	"all of it one byte each ms"},
    [GW_HUGE] = {"huge", CALLS | TOKEN, 100000000,
	"Content-Length of bytes, filled with blanks"},
    [GW_ENDLESS] = {"endless", CALLS | TOKEN, 4000000000,
	"chunks until bytes were sent or the peer has enough"},
    [GW_GZIP] = {"gzip", CALLS, 0, "gzip body nobody asked for"},
    [GW_TWO_LENGTHS] = {"two-lengths", CALLS, 0,
	"two Content-Length that differ"},
    [GW_CONTINUE_FLOOD] = {"continue-flood", CALLS, 0,
	"40,000 times 100 Continue first"},
    [GW_HEADER_BOMB] = {"header-bomb", CALLS, 0, "1 MB of headers"},
    [GW_HTTP_STATUS] = {"http-status", CALLS | TOKEN, 500,
	"another status over the good XML"},
    [GW_REDIRECT] = {"redirect", CALLS | TOKEN, 0,
	"302 to value (default: this API again)"},
    [GW_EMPTY] = {"empty", CALLS | TOKEN, 0, "200 and no body"},
    [GW_HTML] = {"html", CALLS | TOKEN, 0, "200 and a front end's HTML page"},
    [GW_SYSTEMERROR] = {"systemerror", CALLS, 0, "SYSTEMERROR, nothing done"},
    [GW_SYSTEMERROR_AFTER] = {"systemerror-after", SIGNED, 0,
	"does the work, answers SYSTEMERROR"},
    [GW_RETURN_FAIL] = {"return-fail", CALLS, 0,
	"unsigned FAIL with value as return_msg, nothing done"},
    [GW_RESULT_FAIL] = {"result-fail", SEALED, 0,
	"signed FAIL with name as err_code, value as err_code_des; v3: that "
	"error, with its documented status or status"},
    [GW_RESULT_FAIL_AFTER] = {"result-fail-after", SIGNED, 0,
	"does the work, answers as result-fail"},
    [GW_UNSIGNED] = {"unsigned", SEALED, 0, "SUCCESS without sign"},
    [GW_WRONG_SIGN] = {"wrong-sign", SEALED, 0, "sign by another key"},
    [GW_EMPTY_SIGN] = {"empty-sign", SEALED, 0, "empty sign element"},
    [GW_LOWER_SIGN] = {"lower-sign", SEALED, 0, "sign in lower case"},
    [GW_MD5_SIGN] = {"md5-sign", SEALED, 0,
	"good MD5 where HMAC-SHA256 is due"},
    [GW_OTHER_MCH_ID] = {"other-mch-id", SEALED, 0,
	"another merchant (value), properly signed"},
    [GW_OTHER_APPID] = {"other-appid", SEALED, 0,
	"another appid (value), properly signed"},
    [GW_OTHER_ORDER] = {"other-order", QUERY | REFUNDS | NOTICE, 0,
	"another out_trade_no (value), properly signed"},
    [GW_SET_FIELD] = {"set-field", SEALED, 0,
	"element name is value, properly signed"},
    [GW_DROP_FIELD] = {"drop-field", SEALED, 0,
	"element name is missing, properly signed"},
    [GW_DUPLICATE] = {"duplicate", SEALED, 0,
	"element name comes again, as value, unsigned"},
    [GW_GBK] = {"gbk", SEALED, 0, "return_msg in GBK bytes"},
    [GW_DOCTYPE] = {"doctype", SEALED, 0,
	"DOCTYPE with an entity before the XML"},
    [GW_NO_MWEB_URL] = {"no-mweb-url", ORDER, 0, "no mweb_url"},
    [GW_FOREIGN_MWEB_URL] = {"foreign-mweb-url", ORDER, 0,
	"mweb_url on another host (value)"},
    [GW_CRLF_MWEB_URL] = {"crlf-mweb-url", ORDER, 0,
	"mweb_url with CR, LF and a header inside"},
    [GW_NO_CODE_URL] = {"no-code-url", ORDER, 0, "no code_url"},
    [GW_NO_PREPAY_ID] = {"no-prepay-id", ORDER, 0, "no prepay_id"},
    [GW_PAY_BEFORE_ANSWER] = {"pay-before-answer", ORDER, 0,
	"paid, and the notice sent, before the answer"},
    [GW_STATE] = {"state", QUERY, 0,
	"query answers trade_state name, whatever is true"},
    [GW_HIDE_PAYMENT] = {"hide-payment", QUERY, 0,
	"query answers NOTPAY for a paid order"},
    [GW_REFUND_STATUS] = {"refund-status", BIT(GW_REFUNDQUERY), 0,
	"query answers refund_status name, whatever is true"},
    [GW_COUPONS] = {"coupons", QUERY | NOTICE, 0,
	"paid partly with two coupons"},
    [GW_NEVER] = {"never", NOTICE, 0, "the notice is lost"},
    [GW_LATE] = {"late", NOTICE, 10, "the first notice comes seconds late"},
    [GW_TIMES] = {"times", NOTICE, 8, "n copies at once"},
    [GW_TWICE] = {"twice", NOTICE, 2, "two copies at once"},
    [GW_WRONG_AMOUNT] = {"wrong-amount", NOTICE | QUERY | REFUNDS, 0,
	"total_fee is value (default: one more)"},
    [GW_FEE_TYPE] = {"fee-type", NOTICE | QUERY, 0,
	"fee_type is value (default: USD)"},
    [GW_UNKNOWN_FIELD] = {"unknown-field", SEALED, 0,
	"further elements nobody documented, signed"},
    [GW_SIGN_TYPE] = {"sign-type", NOTICE, 0, "with a sign_type element"},
    [GW_SHOW_ERROR] = {"show-error", CASHIER, 0,
	"shows the error called name, without its cause"},
    [GW_ERRCODE] = {"errcode", TOKEN, -1,
	"errcode n with value as errmsg, nothing done"},
    [GW_SNAPSHOT] = {"snapshot", TOKEN, 0,
	"a virtual person: is_snapshotuser 1, unionid, unknown members"},
    [GW_BILL_ERROR] = {"bill-error", BILL, 0,
	"error_code name (20002), return_msg value (Bill Creating)"},
    [GW_BILL_DROP] = {"bill-drop", BILL, 0,
	"order, or refund, name is not in the bill"},
    [GW_BILL_EXTRA] = {"bill-extra", BILL, 0,
	"a further line, value, not in the totals"},
    [GW_BILL_AMOUNT] = {"bill-amount", BILL, 0,
	"order name stands there with n fen (1)"},
    [GW_BILL_TOTALS] = {"bill-totals", BILL, 0, "totals of one trade more"},
    [GW_BILL_PLAIN] = {"bill-plain", BILL, 0, "the text, not packed"},
    [GW_ACCEPTED] = {"accepted", SIGNED, 0, "v3: 202, nothing done"},
    [GW_SIGNTEST] = {"signtest", SEALED, 0,
	"v3: a signature WECHATPAY/SIGNTEST/..., as WeChat's own probes"},
    [GW_OTHER_KEY] = {"other-key", SEALED, 0,
	"v3: well signed by the certificate instead of the public key, or the "
	"other way"},
    [GW_UNKNOWN_SERIAL] = {"unknown-serial", SEALED, 0,
	"v3: well signed, under Wechatpay-Serial value"},
    [GW_OLD_TIME] = {"old-time", SEALED, 301,
	"v3: well signed, seconds ago; name=future: ahead"},
    [GW_NO_HEADER] = {"no-header", SEALED, 0, "v3: without header name"},
    [GW_TWO_HEADERS] = {"two-headers", SEALED, 0,
	"v3: header name again, as value"},
    [GW_SET_HEADER] = {"set-header", SEALED, 0, "v3: header name is value"},
    [GW_SPOIL_BODY] = {"spoil-body", SEALED, 0,
	"v3: value, or a line feed, behind the signed body"},
    [GW_SET_JSON] = {"set-json", SEALED, 0,
	"v3: member name is value, which is JSON"},
    [GW_CHUNKED] = {"chunked", CALLS, 7, "a good answer in chunks of n bytes"},
    [GW_WRONG_KEY] = {"wrong-key", NOTICE, 0,
	"v3: encrypted by another APIv3 key"},
    [GW_BAD_TAG] = {"bad-tag", NOTICE, 0, "v3: one byte of it changed"},
    [GW_NO_AAD] = {"no-aad", NOTICE, 0,
	"v3: without associated_data, encrypted with it"},
    [GW_ENVELOPE] = {"envelope", NOTICE, 0,
	"v3: member name of the envelope is value; no value: it is missing"},
    [GW_PLAINTEXT] = {"plaintext", NOTICE, 0, "v3: value is what is encrypted"},
    [GW_BILL_HASH] = {"bill-hash", BIT(GW_TRADEBILL), 0, "another hash"},
    [GW_BILL_HASH_PACKED] = {"bill-hash-packed", BIT(GW_TRADEBILL), 0,
	"the hash of the packed bytes"},
    [GW_BILL_URL] = {"bill-url", BIT(GW_TRADEBILL), 0, "download_url is value"},
    [GW_CONNECT_RESET] = {"connect-reset", CONNECT, 0, "RST on accept"},
    [GW_CONNECT_HANG] = {"connect-hang", CONNECT, 60000,
	"accepts, then nothing for ms, not even TLS"},
    [GW_CONNECT_PLAIN] = {"connect-plain", CONNECT, 0,
	"plain HTTP where TLS is due"},
};

const char *
gw_kind_name(enum gw_kind kind)
{
	return rows[kind].name;
}

const char *
gw_kind_text(enum gw_kind kind)
{
	return rows[kind].text;
}

bool
gw_kind_find(const char *name, enum gw_kind *out)
{
	for (int i = 0; i < GW_KIND_COUNT; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*out = (enum gw_kind)i;
			return true;
		}
	}
	return false;
}

bool
gw_kind_fits(enum gw_kind kind, enum gw_api api)
{
	return (rows[kind].apis & BIT(api)) != 0;
}

/* The first of several names under which a parameter may come. */
static const char *
first_of(const struct gw_list *args, const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = gw_list_get(args, *names);

		if (value != NULL)
			return value;
	}
	return NULL;
}

static bool
read_count(const struct gw_list *args, struct gw_fault *f, const char **why)
{
	static const char *const nums[] = {
	    "ms", "seconds", "n", "bytes", "status", NULL};
	const char *count = gw_list_text(args, "count");
	const char *skip = gw_list_text(args, "skip");
	const char *num = first_of(args, nums);

	f->left = -1;
	f->num = rows[f->kind].num;
	*why = "count, skip and numbers are decimal";
	if (*count != '\0' && !gw_number(count, INT32_MAX, &f->left))
		return false;
	if (*skip != '\0' && !gw_number(skip, INT32_MAX, &f->skip))
		return false;
	return num == NULL || *num == '\0' ||
	       gw_number(num, INT64_MAX / 1000000, &f->num);
}

struct gw_fault *
gw_fault_read(const struct gw_list *args, const char **why)
{
	static const char *const names[] = {
	    "name", "code", "state", "how", "field", NULL};
	static const char *const values[] = {"value", "text", "location", NULL};
	const char *api = gw_list_text(args, "api");
	const char *name = first_of(args, names);
	const char *value = first_of(args, values);
	struct gw_fault *f = gw_alloc(sizeof(*f));
	enum gw_api one;

	*why = "no such kind";
	if (!gw_kind_find(gw_list_text(args, "kind"), &f->kind))
		goto bad;
	*why = "this kind does not happen there";
	if (*api == '\0' || strcmp(api, "any") == 0)
		f->apis = rows[f->kind].apis;
	else if (gw_api_find(api, &one) && gw_kind_fits(f->kind, one))
		f->apis = BIT(one);
	else
		goto bad;
	if (!read_count(args, f, why))
		goto bad;
	gw_copy(f->out_trade_no, sizeof(f->out_trade_no),
	    gw_list_text(args, "out_trade_no"));
	gw_copy(f->name, sizeof(f->name), name != NULL ? name : "");
	gw_copy(f->value, sizeof(f->value), value != NULL ? value : "");
	*why = "no such state";
	if (f->kind == GW_STATE) {
		enum gw_state s;

		if (!gw_state_find(f->name, &s))
			goto bad;
	}
	if (f->kind == GW_REFUND_STATUS && !gw_refund_status_known(f->name))
		goto bad;
	*why = "no such error";
	if (f->kind == GW_SHOW_ERROR && gw_cashier_text(f->name) == NULL)
		goto bad;
	*why = NULL;
	return f;
bad:
	free(f);
	return NULL;
}

unsigned
gw_fault_set(struct gw *gw, struct gw_fault *f)
{
	struct gw_fault **end = &gw->faults;

	while (*end != NULL)
		end = &(*end)->next;
	*end = f;
	f->id = ++gw->last_fault;
	pthread_cond_broadcast(&gw->changed);
	return f->id;
}

/* Does every parameter that is given fit? */
static bool
picked(const struct gw_fault *f, const struct gw_list *args)
{
	const char *id = gw_list_text(args, "id");
	const char *kind = gw_list_text(args, "kind");
	const char *api = gw_list_text(args, "api");
	const char *no = gw_list_text(args, "out_trade_no");
	int64_t number = 0;
	enum gw_api one;

	if (*id != '\0' &&
	    (!gw_number(id, INT32_MAX, &number) || number != (int64_t)f->id))
		return false;
	if (*kind != '\0' && strcmp(kind, rows[f->kind].name) != 0)
		return false;
	if (*no != '\0' && strcmp(no, f->out_trade_no) != 0)
		return false;
	return *api == '\0' ||
	       (gw_api_find(api, &one) && (f->apis & BIT(one)) != 0);
}

unsigned
gw_fault_clear(struct gw *gw, const struct gw_list *args)
{
	struct gw_fault **at = &gw->faults;
	unsigned gone = 0;

	while (*at != NULL) {
		struct gw_fault *f = *at;

		if (picked(f, args)) {
			*at = f->next;
			free(f);
			gone++;
		} else {
			at = &f->next;
		}
	}
	pthread_cond_broadcast(&gw->changed);
	return gone;
}

void
gw_plan_add(struct gw_plan *p, const struct gw_fault *f)
{
	struct gw_fault *v = gw_alloc((p->n + 1) * sizeof(*v));

	if (p->n > 0)
		memcpy(v, p->v, p->n * sizeof(*v));
	free(p->v);
	p->v = v;
	p->v[p->n++] = *f;
}

struct gw_plan
gw_fault_plan(struct gw *gw, enum gw_api api, const char *out_trade_no)
{
	struct gw_plan p = {0};

	for (struct gw_fault *f = gw->faults; f != NULL; f = f->next) {
		if ((f->apis & BIT(api)) == 0 || f->left == 0)
			continue;
		if (f->out_trade_no[0] != '\0' &&
		    strcmp(f->out_trade_no, out_trade_no) != 0)
			continue;
		if (f->skip > 0) {
			f->skip--;
			continue;
		}
		if (f->left > 0)
			f->left--;
		gw_plan_add(&p, f);
	}
	return p;
}

const struct gw_fault *
gw_plan_find(const struct gw_plan *p, enum gw_kind kind)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].kind == kind)
			return &p->v[i];
	}
	return NULL;
}

void
gw_plan_free(struct gw_plan *p)
{
	free(p->v);
	*p = (struct gw_plan){0};
}

static const enum gw_kind wire_kinds[] = {GW_CUT_BEFORE, GW_CUT_AFTER, GW_HANG,
    GW_HANG_BODY, GW_HALF, GW_HALF_NO_LENGTH, GW_DRIP, GW_DRIP_HEADER, GW_HUGE,
    GW_ENDLESS, GW_GZIP, GW_TWO_LENGTHS, GW_CONTINUE_FLOOD, GW_HEADER_BOMB,
    GW_CHUNKED};

void
gw_plan_wire(const struct gw_plan *p, struct gw_response *res)
{
	const struct gw_fault *f = gw_plan_find(p, GW_HTTP_STATUS);

	if (f != NULL)
		res->status = (int)f->num;
	f = gw_plan_find(p, GW_EMPTY);
	if (f != NULL)
		res->body.len = 0;
	f = gw_plan_find(p, GW_HTML);
	if (f != NULL)
		gw_response_text(res, 200, "text/html",
		    "<html><head><title>504 Gateway Time-out</title></head>"
		    "<body><h1>504 Gateway Time-out</h1></body></html>");
	for (size_t i = 0; i < sizeof(wire_kinds) / sizeof(*wire_kinds); i++) {
		f = gw_plan_find(p, wire_kinds[i]);
		if (f != NULL) {
			res->broken = true;
			res->wire = *f;
			return;
		}
	}
}

void
gw_fault_json(struct gw_buf *b, const struct gw_fault *f)
{
	const char *comma = "";

	gw_buf_putf(b, "{\"id\":%u,", f->id);
	gw_json_pair(b, "kind", rows[f->kind].name);
	gw_buf_puts(b, ",\"apis\":[");
	for (int i = 0; i < GW_API_COUNT; i++) {
		if ((f->apis & BIT(i)) == 0)
			continue;
		gw_buf_puts(b, comma);
		gw_json_text(b, gw_api_name((enum gw_api)i));
		comma = ",";
	}
	gw_buf_puts(b, "],");
	gw_json_pair(b, "out_trade_no", f->out_trade_no);
	gw_buf_putf(b, ",\"left\":%lld,\"skip\":%lld,\"num\":%lld,",
	    (long long)f->left, (long long)f->skip, (long long)f->num);
	gw_json_pair(b, "name", f->name);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "value", f->value);
	gw_buf_puts(b, "}");
}
