/* A bill that was read: finding a payment or a refund in it, and the fee that a
 * row's rate makes due. */
#include "common/wechat/bill.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"

#define RATE_PLACES 4 /* of a percentage */
#define FEE_OF_MAX H5_FEN_MAX /* above it no fee is computed */

static int
by_transaction(const void *a, const void *b)
{
	const struct h5_bill_row *const *x = a, *const *y = b;

	return strcmp((*x)->transaction_id, (*y)->transaction_id);
}

static int
by_refund(const void *a, const void *b)
{
	const struct h5_bill_row *const *x = a, *const *y = b;

	return strcmp((*x)->out_refund_no, (*y)->out_refund_no);
}

/* Pointers are sorted and not rows: the bill keeps its own order. */
static void
fill_index(struct h5_bill *b)
{
	size_t i;

	b->n_payments = b->n_refunds = 0;
	for (i = 0; i < b->n; i++)
		if (b->rows[i].refund)
			b->refunds[b->n_refunds++] = &b->rows[i];
		else
			b->payments[b->n_payments++] = &b->rows[i];
	if (b->n_payments > 0)
		qsort(b->payments, b->n_payments, sizeof(struct h5_bill_row *),
		    by_transaction);
	if (b->n_refunds > 0)
		qsort(b->refunds, b->n_refunds, sizeof(struct h5_bill_row *),
		    by_refund);
}

enum h5_code
h5_bill_index(struct h5_bill *b, struct h5_err *e)
{
	/* One more than needed, since calloc may return NULL for a size of
	 * 0. */
	b->payments = calloc(b->n + 1, sizeof(struct h5_bill_row *));
	b->refunds = calloc(b->n + 1, sizeof(struct h5_bill_row *));
	if (b->payments == NULL || b->refunds == NULL)
		return h5_err_nomem(e);
	fill_index(b);
	return H5_OK;
}

/* A row's share of the sums, which hold no column that it lacks. */
static void
take_from_sums(struct h5_bill *b, const struct h5_bill_row *r)
{
	b->settled_sum -= r->settled_fee > 0 ? r->settled_fee : 0;
	b->refund_sum -= r->paid_back > 0 ? r->paid_back : 0;
	b->fee_sum_micro -= r->fee_micro;
}

size_t
h5_bill_narrow(struct h5_bill *b, const char *sub_mch_id)
{
	size_t i, kept = 0, all = b->n;

	if (sub_mch_id == NULL || all == 0)
		return 0;
	for (i = 0; i < all; i++)
		if (b->rows[i].sub_mch_id[0] == '\0' ||
		    strcmp(b->rows[i].sub_mch_id, sub_mch_id) == 0)
			b->rows[kept++] = b->rows[i];
		else
			take_from_sums(b, &b->rows[i]);
	b->n = kept;
	if (kept < all)
		fill_index(b);
	return all - kept;
}

static const struct h5_bill_row *
find(const struct h5_bill_row **v, size_t n, const struct h5_bill_row *key,
    int (*order)(const void *, const void *))
{
	const struct h5_bill_row **found;

	if (n == 0)
		return NULL;
	found = bsearch(&key, v, n, sizeof *v, order);
	return found == NULL ? NULL : *found;
}

const struct h5_bill_row *
h5_bill_payment(const struct h5_bill *b, const char *transaction_id)
{
	struct h5_bill_row key = {.transaction_id = transaction_id};

	return find(b->payments, b->n_payments, &key, by_transaction);
}

const struct h5_bill_row *
h5_bill_refund(const struct h5_bill *b, const char *out_refund_no)
{
	struct h5_bill_row key = {.out_refund_no = out_refund_no};

	return find(b->refunds, b->n_refunds, &key, by_refund);
}

bool
h5_bill_fee_due(const struct h5_bill_row *r, int64_t *micro)
{
	size_t n = strlen(r->rate);
	int64_t rate; /* millionths */
	char text[16];

	*micro = 0;
	/* A rate is "0.60%".  Whatever does not look like one, or could
	 * overflow below, is not judged. */
	if (n < 2 || n > sizeof text || r->rate[n - 1] != '%' ||
	    r->settled_fee < 0 || r->settled_fee > FEE_OF_MAX)
		return false;
	memcpy(text, r->rate, n - 1);
	text[n - 1] = '\0';
	if (h5_text_decimal(text, RATE_PLACES, &rate, NULL) != H5_OK ||
	    rate < 0 || rate > 1000000)
		return false;
	/* Rounded to the fen, half up, and given in thousandths of a fen like
	 * the fee of the bill. */
	*micro = (r->settled_fee * rate + 500000) / 1000000 * 1000;
	return true;
}
