/* A day's bill: what is accepted adds up, line by line, and every line is
 * found again.  The first line of the input is tried as an amount, too. */
#include "common/base/text.h"
#include "common/wechat/bill.h"
#include "common/pay/reconcile.h"
#include "tests/fuzz/fuzz.h"

/* Prints n of so many decimals. */
static void
print(int64_t n, unsigned places, char *out, size_t size)
{
	uint64_t whole = n < 0 ? (uint64_t)-n : (uint64_t)n, scale = 1;
	unsigned i;

	for (i = 0; i < places; i++)
		scale *= 10;
	(void)snprintf(out, size, "%s%llu", n < 0 ? "-" : "",
	    (unsigned long long)(whole / scale));
	if (places > 0)
		(void)snprintf(out + strlen(out), size - strlen(out), ".%0*llu",
		    (int)places, (unsigned long long)(whole % scale));
}

static void
check_decimal(const char *s, unsigned places)
{
	char text[48], *digits;
	int64_t n, again;
	size_t same;

	if (h5_text_decimal(s, places, &n, NULL) != H5_OK)
		return;
	print(n, places, text, sizeof text);
	MUST(h5_text_decimal(text, places, &again, NULL) == H5_OK);
	MUST(again == n);
	MUST((n < 0) == (text[0] == '-'));
	MUST(n == 0 || (n < 0) == (s[0] == '-'));
	/* No digit but a zero is lost or added at the end. */
	s += s[0] == '-';
	if (s[0] != '0') {
		digits = text + (n < 0);
		for (same = 0; s[same] != '\0' && s[same] == digits[same];)
			same++;
		MUST(strspn(s + same, ".0") == strlen(s + same));
		MUST(strspn(digits + same, ".0") == strlen(digits + same));
	}
}

static void
check_row(const struct h5_bill *b, const struct h5_bill_row *r)
{
	const struct h5_bill_row *found;
	int64_t micro;

	MUST(r->line >= 2 && r->settled_fee >= 0);
	MUST(r->total_fee >= 0 || r->total_fee == -1);
	if (h5_bill_fee_due(r, &micro))
		MUST(micro >= 0 && micro % 1000 == 0);
	found = r->refund ? h5_bill_refund(b, r->out_refund_no)
			  : h5_bill_payment(b, r->transaction_id);
	MUST(found != NULL && found->refund == r->refund);
	MUST(strcmp(r->refund ? found->out_refund_no : found->transaction_id,
		 r->refund ? r->out_refund_no : r->transaction_id) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t settled = 0, paid_back = 0, fee = 0;
	const struct h5_bill_row *r;
	char *text = fuzz_text(data, size), *rest = text;
	struct h5_bill b;
	struct h5_buf in;
	enum h5_code rc;
	size_t i;

	h5_buf_init(&in, H5_BILL_MAX);
	h5_buf_add(&in, data, size);
	rc = h5_bill_read(&in, &b, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT);
	MUST(rc == H5_OK || (b.n == 0 && b.text == NULL));
	for (i = 0; i < b.n; i++) {
		r = &b.rows[i];
		check_row(&b, r);
		settled += r->settled_fee;
		paid_back += r->paid_back < 0 ? 0 : r->paid_back;
		fee += r->fee_micro;
	}
	MUST(b.n == b.n_payments + b.n_refunds);
	MUST(settled == b.settled_sum && fee == b.fee_sum_micro);
	MUST(paid_back == b.refund_sum);
	h5_bill_free(&b);
	h5_buf_release(&in);
	(void)fuzz_cut(&rest, '\n');
	check_decimal(text, 2);
	check_decimal(text, 0);
	check_decimal(text, 5);
	free(text);
	return 0;
}
