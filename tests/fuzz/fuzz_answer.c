/* The gateway's answers (unifiedorder, orderquery, refund, refundquery): once
 * as they come, and once signed as WeChat would.  What is believed carries the
 * signature that other code computes and our ids, and its facts are its
 * elements. */
#include "tests/fuzz/wechat.h"

static void
check_refund(const struct h5_fields *f, const struct h5_wechat_refund *r,
    const char *index)
{
	char name[48], fee[32];

	(void)snprintf(name, sizeof name, "out_refund_no%s", index);
	MUST(h5_fields_is(f, name, r->out_refund_no));
	(void)snprintf(name, sizeof name, "refund_id%s", index);
	MUST(h5_fields_is(f, name, r->refund_id));
	(void)snprintf(name, sizeof name, "refund_fee%s", index);
	(void)snprintf(fee, sizeof fee, "%lld", (long long)r->refund_fee);
	MUST(h5_fields_is(f, name, fee) && r->refund_fee >= 1);
	(void)snprintf(fee, sizeof fee, "%lld", (long long)r->total_fee);
	MUST(h5_fields_is(f, "total_fee", fee) && r->total_fee >= 1);
	MUST(h5_fields_is(f, "out_trade_no", r->out_trade_no));
	MUST(h5_fields_is(f, "transaction_id", r->transaction_id));
}

static void
check_refund_of(const struct h5_fields *f, const char *no)
{
	struct h5_wechat_refund r;
	char name[48], index[8] = "";
	unsigned i, n = 0;

	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "out_refund_no_%u", i);
		if (h5_fields_is(f, name, no) && n++ == 0)
			(void)snprintf(index, sizeof index, "_%u", i);
	}
	if (h5_v2_read_refund_of(f, no, &r, NULL) != H5_OK) {
		MUST(r.out_refund_no[0] == '\0' && r.refund_fee == 0);
		return;
	}
	MUST(n == 1 && strcmp(r.out_refund_no, no) == 0);
	check_refund(f, &r, index);
	(void)snprintf(name, sizeof name, "refund_status%s", index);
	MUST(h5_fields_is(f, name, h5_order_refund_word(r.state)));
}

static void
check_facts(const struct h5_fields *f)
{
	struct h5_wechat_trade t;
	struct h5_wechat_refund r;

	if (h5_v2_read_trade(f, &t, NULL) == H5_OK)
		wechat_trade(f, &t);
	else
		MUST(!t.paid && t.total_fee == -1 && t.further.n == 0);
	h5_wechat_trade_release(&t);
	if (h5_v2_read_refund(f, &r, NULL) == H5_OK)
		check_refund(f, &r, "");
	if (h5_fields_get(f, "out_refund_no_0") != NULL)
		check_refund_of(f, h5_fields_get(f, "out_refund_no_0"));
}

/* Does an answer say yes where its result is one, and no where it is not? */
static bool
answer(const char *p, size_t n)
{
	struct h5_wechat_refusal refusal;
	struct h5_fields f;
	enum h5_code rc;
	bool success;

	rc = h5_v2_read_answer(wechat_config(),
	    wechat_config()->merchant.sign_type, p, n, &f, &refusal, NULL);
	MUST(rc == H5_OK || rc == H5_E_REMOTE);
	if (rc != H5_OK) {
		MUST(f.n == 0 && refusal.verdict != H5_WECHAT_SUCCESS);
		h5_fields_release(&f);
		return false;
	}
	success = h5_fields_is(&f, "result_code", "SUCCESS");
	wechat_believed(&f, success);
	MUST(success == (refusal.verdict == H5_WECHAT_SUCCESS));
	MUST(success || h5_fields_is(&f, "result_code", "FAIL"));
	if (success)
		check_facts(&f);
	h5_fields_release(&f);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct h5_fields f;
	struct h5_buf out;

	(void)answer(p, size);
	if (h5_xml_read(p, size, "xml", &f, NULL) == H5_OK) {
		check_facts(&f);
		h5_buf_init(&out, H5_XML_MAX);
		if (wechat_signed(&f, &out) && answer(out.data, out.len)) {
			/* A digit of the sign that is another one. */
			char *sign = strstr(out.data, "<sign>");

			MUST(sign != NULL);
			sign[6 + size % 64] ^= 1;
			MUST(!answer(out.data, out.len));
		}
		h5_buf_release(&out);
	}
	h5_fields_release(&f);
	return 0;
}
