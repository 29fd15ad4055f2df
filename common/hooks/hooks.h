/* hooks.h - tells the shop of events: at least once, and those of one order in
 * their order.  What is due follows from the ledger (h5_order.outgoing), so
 * that no crash loses an event or makes a second id.  After a failure the next
 * try waits 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, then 10 h each time, for ever.
 * Later events of the order wait behind the one that failed. */
#ifndef H5_HOOKS_HOOKS_H
#define H5_HOOKS_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"

/* h5_hooks_due(c, o, now): the first event of o that is due now, or NULL. */
const struct h5_outgoing *h5_hooks_due(
    const struct h5_config *c, const struct h5_order *o, int64_t now);

/* h5_hooks_deliver(shop, id, force, e): deliver what is due of one order, one
 * event after the other.  Each result is durable before the next is sent.
 * force: also deliver what waits for a retry.  Blocks; links curl.
 * H5_OK: all that was due is delivered.
 * H5_E_NET: one failed and waits for its retry.
 * H5_E_BUSY: another process delivers for this order now.
 * Others as h5_store_load and h5_store_update. */
H5_MUST_CHECK enum h5_code h5_hooks_deliver(
    const struct h5_shop *shop, const char *id, bool force, struct h5_err *e);

/* The types of events, ended by NULL. */
extern const char *const h5_hooks_types[];

/* h5_hooks_test(shop, type, e): send a made-up event of that type to each
 * receiver: "test":true, H5PAY_TEST=1 for a program, an id that begins with
 * "evt_test_".  Nothing is stored.  Blocks.
 * H5_E_INPUT: there is no such type.
 * H5_E_CONFIG: no hook is configured.
 * H5_E_NET: a receiver did not take it; e->msg says which. */
H5_MUST_CHECK enum h5_code h5_hooks_test(
    const struct h5_shop *shop, const char *type, struct h5_err *e);

#endif
