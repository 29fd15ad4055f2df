/* pay_steps.h - the steps that the walks of pay.h share.  Private to
 * common/pay*.c.  All are called under the conversation lock.  *o is the order,
 * replaced by its newer self as steps write; it may be NULL after H5_E_IO. */
#ifndef H5_PAY_ATTEMPT_H
#define H5_PAY_ATTEMPT_H

#include "common/pay/pay.h"

/* One event about an attempt (or, out_trade_no NULL, about the order), written
 * unless another road was faster. */
struct h5_pay_note {
	enum h5_event_kind kind;
	const char *out_trade_no;
	const char *why;
	const char *trade_state;
};
H5_MUST_CHECK enum h5_code h5_pay_note(const struct h5_shop *shop,
    struct h5_order **o, struct h5_pay_note n, struct h5_err *e);

/* The order as it is now. */
H5_MUST_CHECK enum h5_code h5_pay_reload(const struct h5_shop *shop,
    const char *id, struct h5_order **o, struct h5_err *e);
/* How many events of a kind there are. */
size_t h5_pay_count(const struct h5_order *o, enum h5_event_kind kind);
/* How long to wait for another program's talk with WeChat: as long as one may
 * last. */
int h5_pay_patience_ms(const struct h5_shop *shop);
/* Is it too early to ask WeChat again? */
bool h5_pay_too_early(
    const struct h5_shop *shop, const struct h5_order *o, int64_t now);

/* Ask about one attempt, and bring the answer into the ledger. */
H5_MUST_CHECK enum h5_code h5_pay_ask_one(const struct h5_shop *shop,
    const char *out_trade_no, struct h5_order **o, struct h5_err *e);
/* Ask about each attempt that money may still arrive for; every: closed ones,
 * too. */
H5_MUST_CHECK enum h5_code h5_pay_ask_all(const struct h5_shop *shop,
    bool every, struct h5_order **o, struct h5_err *e);
/* WeChat says that the last attempt is closed, and nobody here asked for that:
 * then the order is. */
H5_MUST_CHECK enum h5_code h5_pay_close_if_wechat_did(
    const struct h5_shop *shop, struct h5_order **o, struct h5_err *e);
/* Close one attempt at WeChat.  H5_OK: it can be paid no more, or it was paid
 * (then the order says so).  H5_E_STATE: not yet. */
H5_MUST_CHECK enum h5_code h5_pay_close_attempt(const struct h5_shop *shop,
    const char *out_trade_no, struct h5_order **o, struct h5_err *e);
/* Close at WeChat, ask once more, close here. */
H5_MUST_CHECK enum h5_code h5_pay_close_order(const struct h5_shop *shop,
    const char *why, struct h5_order **o, struct h5_err *e);

#endif
