/* call.h - APIv2: the calls of common/wechat/wechat.h under the names that
 * WeChat gives them. */
#ifndef H5_WECHAT_V2_CALL_H
#define H5_WECHAT_V2_CALL_H

#include <stdint.h>

#include "common/wechat/api.h"

/* h5_v2_unifiedorder: h5_wechat_prepay (docs/PROTOCOL.md 2). */
H5_MUST_CHECK enum h5_code h5_v2_unifiedorder(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_wechat_prepay *out,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v2_bridge: h5_wechat_bridge. */
H5_MUST_CHECK enum h5_code h5_v2_bridge(const struct h5_config *c,
    const struct h5_attempt *a, int64_t now, struct h5_wechat_bridge *out,
    struct h5_err *e);

/* h5_v2_orderquery: h5_wechat_query (docs/PROTOCOL.md 4). */
H5_MUST_CHECK enum h5_code h5_v2_orderquery(struct h5_wechat *w,
    const struct h5_log *log, const char *out_trade_no,
    struct h5_wechat_trade *t, struct h5_wechat_refusal *refusal,
    struct h5_err *e);

/* h5_v2_closeorder: h5_wechat_close (docs/PROTOCOL.md 5). */
H5_MUST_CHECK enum h5_code h5_v2_closeorder(struct h5_wechat *w,
    const struct h5_log *log, const char *out_trade_no,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v2_refund, h5_v2_refundquery: h5_wechat_refund, h5_wechat_refund_query
 * (docs/PROTOCOL.md 7). */
H5_MUST_CHECK enum h5_code h5_v2_refund(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_v2_refundquery(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v2_refunds: h5_wechat_refunds. */
H5_MUST_CHECK enum h5_code h5_v2_refunds(struct h5_wechat *w,
    const struct h5_log *log, const char *out_trade_no,
    const char *transaction_id, struct h5_wechat_refunds *list,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v2_refund_ready: h5_wechat_refund_ready. */
H5_MUST_CHECK enum h5_code h5_v2_refund_ready(
    const struct h5_config *c, int64_t now, struct h5_err *e);

/* h5_v2_downloadbill: h5_wechat_bill (docs/PROTOCOL.md 8). */
H5_MUST_CHECK enum h5_code h5_v2_downloadbill(const struct h5_config *c,
    const struct h5_log *log, int64_t day, const char *type, struct h5_buf *raw,
    struct h5_buf *text, struct h5_err *e);

/* h5_v2_sample_notice: h5_wechat_sample_notice. */
H5_MUST_CHECK enum h5_code h5_v2_sample_notice(const struct h5_config *c,
    const char *number, struct h5_buf *out, struct h5_err *e);

#endif
