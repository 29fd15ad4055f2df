/* refund_plan.h - says what a refund would be, before anybody is asked for it.
 * Pure; refund.h carries the plan out. */
#ifndef H5_PAY_REFUND_PLAN_H
#define H5_PAY_REFUND_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/order/order.h"

#define H5_REFUND_REASON_MAX 80 /* bytes; WeChat's limit (PROTOCOL 7.1) */

/* The why of a refusal: WeChat knows the number as another order's. */
#define H5_REFUND_ANOTHERS "another order's"

/* What the operator wants. */
struct h5_refund_want {
	const char *out_refund_no; /* NULL: ours to choose */
	int64_t fee; /* fen; 0: what is left */
	const char *reason; /* shown to the payer; NULL: none */
};

/* What that means for an order as it is. */
struct h5_refund_plan {
	char out_trade_no[H5_OUT_TRADE_NO_MAX + 1]; /* the attempt */
	char out_refund_no[H5_OUT_REFUND_NO_MAX + 1];
	int64_t fee; /* fen */
	bool again; /* asked before: the same number again */
	bool taken; /* WeChat has taken it: there is nothing to ask for */
};

/* h5_refund_plan(o, want, now, plan, e): what would be asked for at the time
 * now (Unix seconds).  If want has no number, a refund that WeChat has not
 * answered yet is repeated under its number; otherwise the number is the next
 * of "<order>-r1", "-r2" and so on.  The surplus payment of an overpaid order
 * goes back first.
 * H5_E_INPUT: not a number, or it was asked for with another amount.
 * H5_E_STATE: not paid, more than is left, or beyond WeChat's limits (a year,
 * fifty refunds).
 * H5_E_BUSY: a minute must pass after the last one. */
H5_MUST_CHECK enum h5_code h5_refund_plan(const struct h5_order *o,
    const struct h5_refund_want *want, int64_t now, struct h5_refund_plan *plan,
    struct h5_err *e);

#endif
