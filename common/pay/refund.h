/* refund.h - money back: asked for under one number, however often it takes.
 * refund.c asks, refund_look.c learns what became of it. */
#ifndef H5_PAY_REFUND_H
#define H5_PAY_REFUND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "common/base/err.h"
#include "common/order/order.h"
#include "common/pay/pay.h"

#define H5_REFUND_REASON_MAX 80 /* bytes */

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
	int64_t fee;
	bool again; /* asked before: the same number again */
	bool taken; /* WeChat has taken it: there is nothing to ask for */
};

/* h5_refund_plan(o, want, now, plan, e): what would be asked for; pure.  With
 * no number in want: a refund that WeChat has not answered yet is repeated
 * under its number; else the next "<order>-r1", "-r2"...  Of an overpaid order
 * the surplus payment goes back first.
 * H5_E_INPUT: not a number; asked before with another amount.  H5_E_STATE: not
 * paid, more than is left, the limits of WeChat (a year, fifty).  H5_E_BUSY:
 * not before a minute has passed. */
H5_MUST_CHECK enum h5_code h5_refund_plan(const struct h5_order *o,
    const struct h5_refund_want *want, int64_t now, struct h5_refund_plan *plan,
    struct h5_err *e);

/* h5_refund_ask(shop, id, want, plan, o, e): ask for it.  plan: what
 * h5_refund_plan said and the operator agreed to; H5_E_BUSY when it is another
 * one by now. The number is durable before the request goes out. H5_OK: WeChat
 * has taken it; when the money arrives, h5_refund_look tells. H5_E_NET,
 * H5_E_REMOTE: outcome unknown; ask again, the number stays. H5_E_STATE:
 * refused; H5_E_CONFIG: refused for a merchant's fault; H5_E_BUSY: too early.
 * *o: the order as stored, or NULL. */
H5_MUST_CHECK enum h5_code h5_refund_ask(const struct h5_shop *shop,
    const char *id, const struct h5_refund_want *want,
    const struct h5_refund_plan *plan, struct h5_order **o, struct h5_err *e);

/* h5_refund_due(o, now): is it time to ask what became of a refund of o: every
 * minute, more slowly after five, at once when a notice came? */
bool h5_refund_due(const struct h5_order *o, int64_t now);

/* h5_refund_look(shop, id, force, o, e): ask refundquery about each refund that
 * is due (force: about each that is not over) and record the answers.  The
 * state moves here and nowhere else.  *o: the order as stored, or NULL. */
H5_MUST_CHECK enum h5_code h5_refund_look(const struct h5_shop *shop,
    const char *id, bool force, struct h5_order **o, struct h5_err *e);

#endif
