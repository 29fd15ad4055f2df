/* The gateway's answers over APIv3: their headers, refusals of any status, and
 * what a good one says once its signature was found right.  The second reader
 * is jansson's own. */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#include "common/base/text.h"
#include "common/wechat/v3/error.h"
#include "common/wechat/v3/facts.h"
#include "common/wechat/v3/headers.h"

static const long statuses[] = {202, 400, 401, 403, 404, 405, 429, 500, 503};

/* The string there by jansson; NULL: none. */
static const char *
text(const json_t *v, const char *name)
{
	return json_string_value(json_object_get(v, name));
}

static bool
is_text(const json_t *v, const char *name, const char *want)
{
	const char *s = text(v, name);

	return s == NULL ? want[0] == '\0' : strcmp(s, want) == 0;
}

static bool
is_fen(const json_t *v, const char *name, int64_t want)
{
	const json_t *n = json_object_get(json_object_get(v, "amount"), name);

	return json_is_integer(n) && json_integer_value(n) == want &&
	       want >= 1 && want <= H5_FEN_MAX;
}

static void
check_headers(const char *p, size_t n)
{
	char id[H5_V3_REQUEST_ID];
	struct h5_wechat_headers h;
	struct h5_buf head;
	size_t i;

	h5_buf_init(&head, n + 1);
	h5_buf_add(&head, p, n);
	h5_v3_headers(&head, &h, id);
	MUST(strlen(id) < sizeof id && h5_text_printable(id));
	for (i = 0; i < H5_WECHAT_HEADERS; i++) {
		if (h.v[i] == NULL)
			continue;
		MUST(h.any);
		MUST(h.v[i] >= head.data && h.v[i] <= head.data + head.len);
		MUST(strpbrk(h.v[i], "\n") == NULL);
	}
	h5_buf_release(&head);
}

/* Nothing unsigned is a success, and an unknown outcome is never a no. */
static void
check_refusal(const char *p, size_t n, const json_t *v)
{
	struct h5_wechat_refusal r;
	unsigned what;
	size_t i;

	for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		for (what = H5_V3_PREPAY; what <= H5_V3_ECHO; what++) {
			h5_v3_refused((enum h5_v3_what)what, statuses[i], p, n,
			    "1-268498688", &r);
			MUST(r.verdict != H5_WECHAT_SUCCESS);
			MUST(r.err_code[0] != '\0');
			MUST(strlen(r.err_code) < sizeof r.err_code);
			MUST(strlen(r.err_code_des) < sizeof r.err_code_des);
			if (statuses[i] == 202 || statuses[i] == 429 ||
			    statuses[i] >= 500)
				MUST(r.verdict == H5_WECHAT_AGAIN);
			/* Only WeChat's code tells what is not there. */
			if (r.verdict == H5_WECHAT_UNKNOWN_ORDER ||
			    r.verdict == H5_WECHAT_NO_REFUND ||
			    r.verdict == H5_WECHAT_PAID ||
			    r.verdict == H5_WECHAT_TAKEN)
				MUST(is_text(v, "code", r.err_code));
		}
}

static void
check_trade(const struct h5_json_value *mine, const json_t *v)
{
	struct h5_wechat_trade t;
	bool paid;

	h5_wechat_trade_init(&t);
	if (h5_v3_read_trade(mine, &t, NULL) == H5_OK) {
		MUST(is_text(v, "out_trade_no", t.out_trade_no));
		MUST(is_text(v, "trade_state", t.trade_state));
		MUST(is_text(v, "transaction_id", t.transaction_id));
		paid = strcmp(t.trade_state, "SUCCESS") == 0 ||
		       strcmp(t.trade_state, "REFUND") == 0;
		MUST(t.paid == paid && t.api == H5_API_V3);
		if (paid)
			MUST(is_fen(v, "total", t.total_fee) &&
			     t.transaction_id[0] != '\0');
		MUST(h5_fields_get(&t.further, "openid") == NULL);
	}
	h5_wechat_trade_release(&t);
}

static void
check_refund(const struct h5_json_value *mine, const json_t *v)
{
	struct h5_wechat_refund r;

	if (h5_v3_read_refund(mine, &r, NULL) != H5_OK) {
		MUST(r.out_refund_no[0] == '\0' && r.refund_fee == 0);
		return;
	}
	MUST(is_text(v, "out_refund_no", r.out_refund_no));
	MUST(is_text(v, "out_trade_no", r.out_trade_no));
	MUST(is_text(v, "transaction_id", r.transaction_id));
	MUST(is_text(v, "refund_id", r.refund_id));
	MUST(is_fen(v, "refund", r.refund_fee));
	MUST(is_fen(v, "total", r.total_fee));
	MUST(r.state >= H5_REFUND_PROCESSING);
	MUST((r.state == H5_REFUND_SUCCESS) == is_text(v, "status", "SUCCESS"));
}

static void
check_ids(const struct h5_json_value *mine, const json_t *v)
{
	static char appid[] = "wx2421b1c4370ec43b", mch_id[] = "1230000109";
	static char sub[] = "1900000200";
	struct h5_config c;

	memset(&c, 0, sizeof c);
	c.merchant.appid = appid;
	c.merchant.mch_id = mch_id;
	if (h5_v3_check_ids(&c, mine, true, NULL) == H5_OK)
		MUST(is_text(v, "mchid", mch_id) &&
		     is_text(v, "appid", appid) && is_text(v, "sub_mchid", ""));
	c.merchant.sub_mch_id = sub;
	if (h5_v3_check_ids(&c, mine, true, NULL) == H5_OK)
		MUST((is_text(v, "sp_mchid", mch_id) ||
			 is_text(v, "mchid", mch_id)) &&
		     is_text(v, "sp_appid", appid) &&
		     is_text(v, "sub_mchid", sub));
}

/* The input: headers, a byte 0xff, the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = memchr(data, 0xff, size);
	struct h5_json_value *mine = NULL;
	const char *body;
	size_t n;
	json_t *v;

	n = cut == NULL ? 0 : (size_t)(cut - data);
	check_headers((const char *)data, n);
	body = (const char *)data + (cut == NULL ? 0 : n + 1);
	n = cut == NULL ? size : size - n - 1;
	/* The mark that h5_json_read passes over. */
	v = json_loadb(body + h5_text_skip_bom(body, n),
	    n - h5_text_skip_bom(body, n), JSON_ALLOW_NUL, NULL);
	check_refusal(body, n, v);
	if (h5_json_read(body, n, &mine, NULL) == H5_OK) {
		MUST(json_is_object(v));
		check_trade(mine, v);
		check_refund(mine, v);
		check_ids(mine, v);
	}
	h5_json_free(mine);
	json_decref(v);
	return 0;
}
