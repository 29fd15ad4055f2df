/* refund_steps.h - what asking and looking share.  Private to
 * common/refund*.c.  Called under the conversation lock; *o is replaced by the
 * order's newer self and may be NULL after H5_E_IO. */
#ifndef H5_PAY_REFUND_PARTS_H
#define H5_PAY_REFUND_PARTS_H

#include "common/pay/refund.h"

/* What WeChat said of one refund goes into the ledger and into the log. */
H5_MUST_CHECK enum h5_code h5_refund_record(const struct h5_shop *shop,
    const struct h5_wechat_refund *got, struct h5_order **o, struct h5_err *e);
/* Ask refundquery about one.  refused: why a request for it was refused a
 * moment ago, or NULL; what was refused and is unknown to WeChat does not
 * exist. */
H5_MUST_CHECK enum h5_code h5_refund_look_one(const struct h5_shop *shop,
    const char *out_refund_no, const char *refused, struct h5_order **o,
    struct h5_err *e);

#endif
