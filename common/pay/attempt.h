/* attempt.h - steps with one attempt of an order: asking WeChat about it,
 * closing it there, sending the buyer to it.  The walks that are made of these
 * steps are in pay.h.
 *
 * A step that writes is made while the order is held (hold.h).  *o is the
 * order; the step replaces it by its newer self, and by NULL if the order could
 * not be read again. */
#ifndef H5_PAY_ATTEMPT_H
#define H5_PAY_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"

/* WeChat takes an order only if its number has more than five minutes to live.
 * A new number gets one minute more than that (PROTOCOL 2.3). */
#define H5_PAY_ORDERABLE_S 300
#define H5_PAY_EXPIRE_LEAST_S (H5_PAY_ORDERABLE_S + 60)
/* A buyer has this many seconds to open a mweb_url (PROTOCOL 2.3). */
#define H5_PAY_URL_LIFE_S 300
/* A code_url, and a prepay_id inside WeChat, live two hours; the last ten
 * minutes are the buyer's (PROTOCOL-V3 16, 17). */
#define H5_PAY_CODE_LIFE_S (110 * 60)

/* h5_pay_made_with(c, ev): note in the event that makes an attempt what new
 * attempts are made with.  APIv2 goes without saying, as in 0.1.0; a type of
 * signature is its alone. */
void h5_pay_made_with(const struct h5_config *c, struct h5_event *ev);

/* h5_pay_fresh_until(a): until when the buyer may be sent to pay what a was
 * prepaid as, with time enough to do it, in Unix seconds; 0: a was not prepaid
 * or takes no payment. */
int64_t h5_pay_fresh_until(const struct h5_attempt *a);
/* h5_pay_fresh(a, now): may he be sent there now? */
bool h5_pay_fresh(const struct h5_attempt *a, int64_t now);

/* h5_pay_too_early(shop, o, now): is it too early to ask WeChat again?  It is
 * within orders.query_interval_s of the last time, and for longer after many
 * talks about the order.  now: Unix seconds. */
bool h5_pay_too_early(
    const struct h5_shop *shop, const struct h5_order *o, int64_t now);

/* h5_pay_orderable_at(shop, o, now): from when on the order may be ordered at
 * WeChat once more, in Unix seconds: now, unless that was done many times or
 * the ledger is full. */
int64_t h5_pay_orderable_at(
    const struct h5_shop *shop, const struct h5_order *o, int64_t now);

/* One event about an attempt, or about the order if out_trade_no is NULL.  The
 * other texts may be NULL. */
struct h5_pay_note {
	enum h5_event_kind kind;
	const char *out_trade_no;
	const char *why;
	const char *trade_state;
};
/* h5_pay_note(shop, o, n, e): write the event, unless another program was
 * faster: what has ended stays ended, and what was paid stays paid.  Durable if
 * H5_OK.
 * H5_E_NOTFOUND: the order has no such attempt.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_pay_note(const struct h5_shop *shop,
    struct h5_order **o, struct h5_pay_note n, struct h5_err *e);

/* h5_pay_ask_one(shop, out_trade_no, o, e): ask WeChat about an attempt and
 * bring the answer into the ledger.  Blocks for the call; durable if H5_OK.
 * H5_E_NET: WeChat was not reached; that is noted.
 * H5_E_REMOTE: its answer is not believed; that is noted.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_pay_ask_one(const struct h5_shop *shop,
    const char *out_trade_no, struct h5_order **o, struct h5_err *e);

/* h5_pay_known(o, a): has WeChat ever said that it has the attempt a?  It has
 * if it gave a mweb_url, answered a query, or refused the number as used. */
bool h5_pay_known(const struct h5_order *o, const struct h5_attempt *a);

/* h5_pay_closable_at(a, now): when to try again after H5_PAY_WAIT, in Unix
 * seconds.  That is when WeChat closes the attempt a; if it could have closed
 * it and did not, it is when a's own time is up. */
int64_t h5_pay_closable_at(const struct h5_attempt *a, int64_t now);

/* h5_pay_ask_all(shop, every, o, e): the same for each attempt that money may
 * still arrive for; the first failure ends it.  every: also for those that are
 * closed. */
H5_MUST_CHECK enum h5_code h5_pay_ask_all(const struct h5_shop *shop,
    bool every, struct h5_order **o, struct h5_err *e);

/* h5_pay_close_attempt(shop, out_trade_no, o, e): close an attempt at WeChat.
 * Blocks for the call; durable if H5_OK.
 * H5_OK: it can no longer be paid, or it was paid; the order says which.
 * H5_E_STATE: WeChat does not close it yet, or does not confirm that a number
 * which it knew is closed.
 * H5_E_NET: the outcome is unknown.
 * H5_E_REMOTE: refused, or the answer is not believed.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_pay_close_attempt(const struct h5_shop *shop,
    const char *out_trade_no, struct h5_order **o, struct h5_err *e);

#endif
