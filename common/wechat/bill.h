/* bill.h - WeChat Pay's bill of a day, read by the names of its columns.
 * Call h5_bill_read, look things up, call h5_bill_free.
 *
 * A bill is UTF-8 with or without BOM, with CR LF or LF: a line of headings, a
 * line for each trade, a line of headings for the totals, the totals.  Columns
 * come and go over the years (20, 24, 27 and 29 are known), so each is found by
 * its name, and unknown ones are passed over.  A value begins with a back-tick;
 * a comma and a back-tick part it from the next.  A name, ours or another
 * system's, may hold commas, line feeds and even that separator: columns are
 * found from both ends of the line, and a line that cannot be read is counted
 * and does not spoil the rest.  Source: docs/PROTOCOL.md 8. */
#ifndef H5_WECHAT_BILL_H
#define H5_WECHAT_BILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define H5_BILL_MAX (256U << 20) /* bytes of a bill's text */
#define H5_BILL_COLUMNS 64 /* more are refused */
#define H5_BILL_ODD_MAX 1000 /* lines that cannot be read; more are refused */

/* One trade.  Texts are borrowed from the bill, never NULL, "" where the bill
 * has no such column or "0" in it.  Money is fen; -1: no such column. */
struct h5_bill_row {
	unsigned line; /* in the file, from 1 */
	int64_t at; /* of the payment or the refund, Unix seconds */
	const char *appid, *mch_id, *sub_mch_id;
	const char *transaction_id, *out_trade_no;
	const char *trade_type, *trade_state, *currency, *body;
	const char *refund_id, *out_refund_no, *refund_status;
	const char *rate; /* "0.60%" */
	bool refund; /* a refund's line; else a payment's */
	int64_t total_fee; /* ordered; in bills without it, what was settled */
	int64_t settled_fee; /* ordered less coupons that are not settled */
	int64_t refund_fee; /* asked back; in older bills what was paid back */
	int64_t paid_back; /* what was paid back, without coupons */
	int64_t fee_micro; /* WeChat's fee, 1/1000 fen; below 0: given back */
	bool has_fee;
};

/* A line that could not be read. */
struct h5_bill_odd {
	unsigned line;
	const char *transaction_id; /* "": not to be seen */
	char why[96]; /* "bill, line 7: ..." */
};

struct h5_bill {
	char *text;
	size_t columns;
	struct h5_bill_row *rows; /* in the bill's order */
	size_t n;
	/* Look-up tables, sorted: payments by transaction_id, refunds by
	 * out_refund_no. */
	const struct h5_bill_row **payments, **refunds;
	size_t n_payments, n_refunds;
	struct h5_bill_odd *odd;
	size_t n_odd;
	/* By the totals, what the odd lines are worth, fen; 0 without odd lines
	 * or such a total. */
	int64_t odd_settled, odd_refunded;
	/* Sums over the rows, fen; the fee in 1/1000 fen. */
	int64_t settled_sum, refund_sum, fee_sum_micro;
};

/* h5_bill_read(text, b, e): fill b.  The bytes of text are taken over, and text
 * is empty afterwards.  The totals at the end are compared with the rows.
 * H5_E_INPUT: not a bill, cut short, a line with too few or too many values, a
 * malformed number or time, or totals that do not fit the rows; the message
 * names the line.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_bill_read(
    struct h5_buf *text, struct h5_bill *b, struct h5_err *e);

/* h5_bill_empty(b): make b the bill of a day without trade; cannot fail. */
void h5_bill_empty(struct h5_bill *b);
void h5_bill_free(struct h5_bill *b);

/* h5_bill_index(b, e): make the look-up tables from the rows, as h5_bill_read
 * does.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_bill_index(struct h5_bill *b, struct h5_err *e);

/* h5_bill_narrow(b, sub_mch_id): leave out the lines that name another
 * sub-merchant: a provider's bill may hold all of his, under numbers that are
 * unique with each of them alone.  NULL: an ordinary merchant's, which stays as
 * it is.  Cannot fail; the result: how many lines went. */
size_t h5_bill_narrow(struct h5_bill *b, const char *sub_mch_id);

/* h5_bill_payment(b, transaction_id), h5_bill_refund(b, out_refund_no): the row
 * with that number, or NULL. */
const struct h5_bill_row *h5_bill_payment(
    const struct h5_bill *b, const char *transaction_id);
const struct h5_bill_row *h5_bill_refund(
    const struct h5_bill *b, const char *out_refund_no);

/* h5_bill_order(b, out_trade_no): the first row of that number, or NULL. */
const struct h5_bill_row *h5_bill_order(
    const struct h5_bill *b, const char *out_trade_no);

/* h5_bill_fee_due(r, micro): the fee that the row's rate makes of its settled
 * amount, in 1/1000 fen, rounded to a fen as WeChat does. False: the row does
 * not say. */
bool h5_bill_fee_due(const struct h5_bill_row *r, int64_t *micro);

#endif
