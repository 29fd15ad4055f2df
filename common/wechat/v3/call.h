/* call.h - APIv3: the calls of common/wechat/wechat.h. */
#ifndef H5_WECHAT_V3_CALL_H
#define H5_WECHAT_V3_CALL_H

#include <stdint.h>

#include "common/wechat/api.h"

/* h5_v3_prepay: h5_wechat_prepay (PROTOCOL-V3 7).  What is sent is a->request,
 * which must be there. */
H5_MUST_CHECK enum h5_code h5_v3_prepay(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_wechat_prepay *out,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v3_bridge: h5_wechat_bridge (PROTOCOL-V3 17.4). */
H5_MUST_CHECK enum h5_code h5_v3_bridge(const struct h5_config *c,
    const struct h5_attempt *a, int64_t now, struct h5_wechat_bridge *out,
    struct h5_err *e);

/* h5_v3_query: h5_wechat_query (PROTOCOL-V3 8). */
H5_MUST_CHECK enum h5_code h5_v3_query(struct h5_wechat *w,
    const struct h5_log *log, const char *out_trade_no,
    struct h5_wechat_trade *t, struct h5_wechat_refusal *refusal,
    struct h5_err *e);

/* h5_v3_close: h5_wechat_close (PROTOCOL-V3 9).  A refusal is not signed, so
 * it is followed by a query, which alone decides. */
H5_MUST_CHECK enum h5_code h5_v3_close(struct h5_wechat *w,
    const struct h5_log *log, const char *out_trade_no,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v3_refund, h5_v3_refund_query: h5_wechat_refund, h5_wechat_refund_query
 * (PROTOCOL-V3 10). */
H5_MUST_CHECK enum h5_code h5_v3_refund(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_v3_refund_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v3_refund_ready: h5_wechat_refund_ready.  No client certificate is shown:
 * the signature is all, and it needs the same files. */
H5_MUST_CHECK enum h5_code h5_v3_refund_ready(
    const struct h5_config *c, int64_t now, struct h5_err *e);

/* h5_v3_bill: h5_wechat_bill (PROTOCOL-V3 11). */
H5_MUST_CHECK enum h5_code h5_v3_bill(const struct h5_config *c,
    const struct h5_log *log, int64_t day, const char *type, struct h5_buf *raw,
    struct h5_buf *text, struct h5_err *e);

/* h5_v3_sample_notice: h5_wechat_sample_notice.  Nobody but WeChat can sign one
 * of APIv3, so this one is not signed, and notify has to refuse it (401). */
H5_MUST_CHECK enum h5_code h5_v3_sample_notice(const struct h5_config *c,
    const char *number, struct h5_buf *out, struct h5_err *e);

#endif
