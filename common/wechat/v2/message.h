/* message.h - APIv2's messages as facts: what an answer or a notice says once
 * it is signed, ours, and about what we asked.  Links no curl, so that notify
 * starts fast. */
#ifndef H5_WECHAT_V2_MESSAGE_H
#define H5_WECHAT_V2_MESSAGE_H

#include <stdbool.h>

#include "common/wechat/wechat.h"

/* How the message of an unsigned refusal begins; WeChat's words follow. */
#define H5_V2_REFUSED_CALL "WeChat refuses the call: "

/* h5_v2_read_answer(c, type, body, n, f, refusal, e): read the answer to a
 * request that was signed by that type, and believe it: whole XML, return_code
 * SUCCESS, signed with our present key and the request's type, our appid and
 * mch_id.  f is initialised here and holds all elements; release it.
 * H5_OK: result_code is SUCCESS, or it is FAIL and *refusal tells; an unknown
 * err_code is H5_WECHAT_REFUSED (docs/PROTOCOL.md 2.6, 4, 5, 7).
 * H5_E_REMOTE: it must not be believed.  return_code FAIL is unsigned: its
 * return_msg is in e->msg, as advice.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v2_read_answer(const struct h5_config *c,
    enum h5_sign_type type, const char *body, size_t n, struct h5_fields *f,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v2_read_trade(f, t, e): the trade's facts from the believed elements of an
 * orderquery answer or a notice.  t is initialised here; release it.  A trade
 * without trade_state is taken for SUCCESS, since notices have none; whoever
 * reads an answer has to check that it is there.
 * H5_E_INPUT: malformed, or paid without transaction_id or total_fee.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v2_read_trade(
    const struct h5_fields *f, struct h5_wechat_trade *t, struct h5_err *e);

/* h5_v2_read_refund(f, r, e): the refund's facts from a believed answer of
 * refund.
 * H5_E_INPUT: one is missing or malformed. */
H5_MUST_CHECK enum h5_code h5_v2_read_refund(
    const struct h5_fields *f, struct h5_wechat_refund *r, struct h5_err *e);

/* h5_v2_read_refund_of(f, out_refund_no, r, e): the facts of that refund from a
 * believed answer of refundquery, which may list others as well.
 * H5_E_INPUT: it is not there exactly once, or a fact is missing or
 * malformed. */
H5_MUST_CHECK enum h5_code h5_v2_read_refund_of(const struct h5_fields *f,
    const char *out_refund_no, struct h5_wechat_refund *r, struct h5_err *e);

/* h5_v2_read_refunds(f, list, more, e): appends to list what a believed answer
 * of refundquery lists and list lacks; *more: does it say, or may it be, that
 * there are others behind these?  H5_E_INPUT: it lists none, more than it
 * counts or than WeChat allows, or a fact is missing or malformed. */
H5_MUST_CHECK enum h5_code h5_v2_read_refunds(const struct h5_fields *f,
    struct h5_wechat_refunds *list, bool *more, struct h5_err *e);

/* h5_v2_read_notice(c, body, n, kind, t, refund, e): read a notice, as
 * h5_wechat_notice does, except that refund gets the decrypted elements as they
 * are (docs/PROTOCOL.md 6, 7.3).  t and refund are initialised here; release
 * both. */
H5_MUST_CHECK enum h5_code h5_v2_read_notice(const struct h5_config *c,
    const char *body, size_t n, enum h5_wechat_kind *kind,
    struct h5_wechat_trade *t, struct h5_fields *refund, struct h5_err *e);

/* h5_v2_read_hint(f, hint, e): what the decrypted elements of a refund notice
 * say.
 * H5_E_INPUT: out_trade_no, out_refund_no or refund_status is missing, or one
 * element is malformed. */
H5_MUST_CHECK enum h5_code h5_v2_read_hint(
    const struct h5_fields *f, struct h5_wechat_hint *hint, struct h5_err *e);

/* h5_v2_reply, h5_v2_is_reply: h5_wechat_reply, h5_wechat_is_reply. */
void h5_v2_reply(bool ok, const char *msg, struct h5_buf *out);
bool h5_v2_is_reply(const char *text);

/* h5_v2_read_word(f, name, needed, to, size, e): a word of visible ASCII, 1 to
 * size - 1 bytes.  An empty element is like an absent one: to is "", and only
 * if it is needed the result is H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_v2_read_word(const struct h5_fields *f,
    const char *name, bool needed, char *to, size_t size, struct h5_err *e);

#endif
