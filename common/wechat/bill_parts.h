/* bill_parts.h - a bill while it is read: bill.c finds the lines and the
 * totals, bill_row.c makes a row of a trade. */
#ifndef H5_WECHAT_BILL_PARTS_H
#define H5_WECHAT_BILL_PARTS_H

#include "common/wechat/bill.h"

#define H5_BILL_FEE_PLACES 5 /* WeChat's fee: 1/1000 fen */

/* The columns that mean something to us, and the totals. */
enum h5_bill_column {
	H5_BILL_AT,
	H5_BILL_APPID,
	H5_BILL_MCH_ID,
	H5_BILL_SUB_MCH_ID,
	H5_BILL_TRANSACTION_ID,
	H5_BILL_OUT_TRADE_NO,
	H5_BILL_TRADE_TYPE,
	H5_BILL_TRADE_STATE,
	H5_BILL_CURRENCY,
	H5_BILL_SETTLED,
	H5_BILL_TOTAL,
	H5_BILL_REFUND_ID,
	H5_BILL_OUT_REFUND_NO,
	H5_BILL_PAID_BACK,
	H5_BILL_REFUND_ASKED,
	H5_BILL_REFUND_STATUS,
	H5_BILL_BODY,
	H5_BILL_FEE,
	H5_BILL_RATE
};

enum h5_bill_total {
	H5_BILL_COUNT,
	H5_BILL_SETTLED_SUM,
	H5_BILL_REFUND_SUM,
	H5_BILL_FEE_SUM,
	H5_BILL_TOTAL_SUM,
	H5_BILL_ASKED_SUM,
	H5_BILL_TOTALS
};

struct h5_bill_reader {
	struct h5_bill *b;
	char *next, *end; /* what is not read yet */
	unsigned line; /* the last one that was read */
	int means[H5_BILL_COLUMNS]; /* by place; -1: not ours */
	size_t cap, odd_cap;
	int64_t sums[H5_BILL_TOTALS]; /* of the rows that could be read */
};

/* One trade: the line that begins it, and those up to the next trade.  A name
 * that holds line feeds makes several of one. */
struct h5_bill_lines {
	char *text;
	size_t len, first_len; /* bytes; of the first line */
	unsigned line; /* the first one's number */
	bool begins; /* it begins as a trade does */
};

/* h5_bill_split(line, separator, v): cut a line at each separator into at most
 * H5_BILL_COLUMNS values; how many, 0: more. */
size_t h5_bill_split(
    char *line, const char *separator, char *v[H5_BILL_COLUMNS]);

/* h5_bill_take(r, g, e): make a row of g, whose bytes may be written to up to
 * and with text[len], or count it among the odd ones.
 * H5_E_INPUT: sums overflow, or there are too many odd ones.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_bill_take(
    struct h5_bill_reader *r, const struct h5_bill_lines *g, struct h5_err *e);

#endif
