/* reconcile.h - WeChat's bill of a day against the orders here.
 * There are three questions: about a payment's line, about a refund's line,
 * and about an order.  Each is answered by calls to found().  The whole
 * comparison is to ask the first two for every line of the bill, and the third
 * for every order that may have been paid that day. */
#ifndef H5_PAY_RECONCILE_H
#define H5_PAY_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wechat/bill.h"
#include "common/order/order.h"

enum h5_reconcile_kind {
	H5_DIFF_MISSING_HERE, /* WeChat was paid for what is no order here */
	H5_DIFF_MISSING_THERE, /* paid here, not in the bill */
	H5_DIFF_AMOUNT,
	H5_DIFF_STATE, /* the order, or the refund, is not so far here */
	H5_DIFF_REFUND_MISSING_HERE,
	H5_DIFF_REFUND_MISSING_THERE,
	H5_DIFF_UNREADABLE, /* a line of the bill */
	H5_DIFF_PRODUCT, /* the bill names another way to pay */
	H5_DIFF_FEE /* not what the rate makes of the amount */
};

/* What is known of one difference; texts are borrowed during the call. */
struct h5_difference {
	enum h5_reconcile_kind kind;
	bool held; /* of the last hour before midnight: may be in the next
		      bill, or its notice is late; not counted for a day */
	const char *order; /* "": none here */
	const char *out_trade_no, *transaction_id, *out_refund_no; /* or "" */
	unsigned line; /* of the bill, where it could not be read; else 0 */
	int64_t at; /* of the payment or refund, Unix seconds; of an unreadable
		       line the day's beginning */
	char here[24], there[24]; /* fen, or a state; "" for nothing */
};

struct h5_reconcile {
	const struct h5_bill *bill;
	const struct h5_bill *next; /* the day after, or NULL */
	const char *appid;
	unsigned products; /* of this shop, bit 1 << enum h5_product each */
	int64_t day; /* its first second */
	int64_t now;
	void (*found)(void *arg, const struct h5_difference *d);
	void *arg;
	uint64_t elsewhere; /* lines of other trade types or appids */
};

/* h5_reconcile_payment(x, r, o), h5_reconcile_refund(x, r, o): a line of the
 * bill, and the order its number names (NULL: none here). */
void h5_reconcile_payment(struct h5_reconcile *x, const struct h5_bill_row *r,
    const struct h5_order *o);
void h5_reconcile_refund(struct h5_reconcile *x, const struct h5_bill_row *r,
    const struct h5_order *o);
/* h5_reconcile_odd(x, odd): a line that could not be read. */
void h5_reconcile_odd(struct h5_reconcile *x, const struct h5_bill_odd *odd);
/* h5_reconcile_order(x, o): does the bill hold what happened to o that day?  A
 * refund that took more than a day to arrive is left to the bill's side, since
 * it is not known here under which day WeChat lists it. */
void h5_reconcile_order(struct h5_reconcile *x, const struct h5_order *o);

/* h5_reconcile_name(kind): missing-here, missing-there, amount, state,
 * refund-missing-here, refund-missing-there, unreadable, product, fee. */
const char *h5_reconcile_name(enum h5_reconcile_kind kind);

#endif
