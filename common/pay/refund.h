/* refund.h - money back: it is asked for under one number, however often that
 * takes, and asked about until WeChat has said its last word.
 * What to ask for is planned first (refund_plan.h). */
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
 * H5_E_NET: the outcome is unknown; ask again, under the same number.
 * H5_E_REMOTE: likewise, since the answer is not believed.
 * H5_E_STATE: refused.
 * H5_E_CONFIG: refused for a merchant's fault.
 * H5_E_BUSY: too early, or the plan is another one by now.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_refund_ask(const struct h5_shop *shop,
    const char *id, const struct h5_refund_want *want,
    const struct h5_refund_plan *plan, struct h5_order **o, struct h5_err *e);

/* h5_refund_due(o, now): is it time to ask what became of a refund of o?  That
 * is every minute, more slowly after five, and at once when a notice came. now:
 * Unix seconds. */
bool h5_refund_due(const struct h5_order *o, int64_t now);

/* h5_refund_look(shop, id, force, o, e): ask WeChat about each refund that is
 * due and record the answers.  A refund's state moves here and nowhere else.
 * force: ask about each refund that is not over, and take in those that were
 * made elsewhere.  *o: the order as stored, or
 * NULL.  Blocks for the calls.  A failure does not keep the other refunds from
 * being looked at; the first one is the result. */
H5_MUST_CHECK enum h5_code h5_refund_look(const struct h5_shop *shop,
    const char *id, bool force, struct h5_order **o, struct h5_err *e);

#endif
