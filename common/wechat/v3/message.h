/* message.h - APIv3's requests: where each goes, and its bytes.
 * A target is what stands in the request line; it is signed and sent as it is.
 * A body is written once, in a fixed order of members, and never again: what is
 * signed is what is sent (PROTOCOL-V3 3).  Links no curl. */
#ifndef H5_WECHAT_V3_MESSAGE_H
#define H5_WECHAT_V3_MESSAGE_H

#include "common/wechat/wechat.h"

#define H5_V3_TARGET_MAX 2048 /* bytes of a path with its query */
#define H5_V3_BODY_MAX H5_ORDER_REQUEST_MAX

/* The targets, appended; whether h5_buf_finish is content tells. */
void h5_v3_target_prepay(
    const struct h5_config *c, enum h5_product product, struct h5_buf *out);
void h5_v3_target_query(
    const struct h5_config *c, const char *out_trade_no, struct h5_buf *out);
void h5_v3_target_close(
    const struct h5_config *c, const char *out_trade_no, struct h5_buf *out);
void h5_v3_target_refund(struct h5_buf *out);
void h5_v3_target_refund_query(
    const struct h5_config *c, const char *out_refund_no, struct h5_buf *out);
void h5_v3_target_bill(const struct h5_config *c, const char *day,
    const char *type, struct h5_buf *out);

/* h5_v3_write_prepay(c, o, a, ip, out, e): h5_wechat_request: append the body
 * of the first prepay of attempt a of o for a payer at ip (PROTOCOL-V3
 * 7).  The description is the order's body as WeChat takes it: its first 127
 * bytes, without characters of four bytes, control characters, or blanks at its
 * ends.
 * H5_E_INPUT: ip is no address, or the body is longer than out may be.
 * H5_E_BUG: a JSAPI attempt without openid.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v3_write_prepay(const struct h5_config *c,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_buf *out, struct h5_err *e);

/* h5_v3_prepay_for(request, ip, out, e): append the body that was stored as
 * request, with ip in place of the payer's address if that differs.  No other
 * byte is touched.  Errors as h5_v3_write_prepay. */
H5_MUST_CHECK enum h5_code h5_v3_prepay_for(
    const char *request, const char *ip, struct h5_buf *out, struct h5_err *e);

/* h5_v3_write_close(c, out, e): append the body of a close: exactly who asks
 * (PROTOCOL-V3 9). */
H5_MUST_CHECK enum h5_code h5_v3_write_close(
    const struct h5_config *c, struct h5_buf *out, struct h5_err *e);

/* h5_v3_write_refund(c, o, r, out, e): append the body that asks for the refund
 * r of o (PROTOCOL-V3 10.1). */
H5_MUST_CHECK enum h5_code h5_v3_write_refund(const struct h5_config *c,
    const struct h5_order *o, const struct h5_refund *r, struct h5_buf *out,
    struct h5_err *e);

/* h5_v3_write_echo(c, message, notice, out, e): append the body of an echo.
 * notice: have it sent to the shop's notify as well (PROTOCOL-V3
 * 12.2). */
H5_MUST_CHECK enum h5_code h5_v3_write_echo(const struct h5_config *c,
    const char *message, bool notice, struct h5_buf *out, struct h5_err *e);

#endif
