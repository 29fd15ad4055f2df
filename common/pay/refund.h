/* refund.h - money back: asked for under one number, however often it takes,
 * and asked about until WeChat has said its last word.  What to ask for:
 * refund_plan.h. */
#ifndef H5_PAY_REFUND_H
#define H5_PAY_REFUND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/pay/refund_plan.h"
#include "common/shop/shop.h"

/* h5_refund_ask(shop, id, want, plan, o, e): ask WeChat for a refund.  plan:
 * what h5_refund_plan said of want and the operator agreed to.  The number is
 * durable before the request goes out.  *o: the order as stored, or NULL.
 * Blocks for the call.
 * H5_OK: WeChat has taken it; h5_refund_look tells if the money arrives.
 * H5_E_NET, H5_E_REMOTE: outcome unknown; ask again, the number stays.
 * H5_E_STATE: refused.
 * H5_E_CONFIG: refused for a merchant's fault.
 * H5_E_BUSY: too early, or the plan is another one by now.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_refund_ask(const struct h5_shop *shop,
    const char *id, const struct h5_refund_want *want,
    const struct h5_refund_plan *plan, struct h5_order **o, struct h5_err *e);

/* h5_refund_due(o, now): is it time to ask what became of a refund of o: every
 * minute, more slowly after five, at once when a notice came? */
bool h5_refund_due(const struct h5_order *o, int64_t now);

/* h5_refund_look(shop, id, force, o, e): ask WeChat about each refund that is
 * due (force: about each that is not over) and record the answers.  A refund's
 * state moves here and nowhere else.  *o: the order as stored, or NULL.  Blocks
 * for the calls.  The result is the first failure; the other refunds are looked
 * at all the same. */
H5_MUST_CHECK enum h5_code h5_refund_look(const struct h5_shop *shop,
    const char *id, bool force, struct h5_order **o, struct h5_err *e);

#endif
