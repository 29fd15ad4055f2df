/* wxpay_bill.h - the bill of a day, from WeChat Pay.
 * A conversation of its own kind: the answer is large and carries no
 * signature, TLS alone vouches for it (PROTOCOL 1.7, 8.1).  What it says moves
 * no money and changes no order: it is compared, and where it differs the
 * signed orderquery is asked. */
#ifndef H5_WECHAT_V2_CALL_BILL_H
#define H5_WECHAT_V2_CALL_BILL_H

#include <stdint.h>

#include "common/base/buf.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/log.h"

#define H5_WXPAY_BILL_RAW (64U << 20) /* bytes of an answer */

/* h5_wxpay_bill(c, log, day, type, raw, text, e): downloadbill.
 * day: its first second, Unix.  type: ALL, SUCCESS or REFUND.  raw (ceiling
 * H5_WXPAY_BILL_RAW) gets the answer as it came, a gzip file; text (ceiling
 * H5_BILL_MAX) what is in it.  Both are cleared first.
 * H5_E_NOTFOUND: no trade that day.  H5_E_BUSY: WeChat still makes the bill,
 * or had an error of its own three times.  H5_E_CONFIG: signature, appid, or
 * downloads are switched off for this merchant.  H5_E_INPUT: WeChat has no
 * bill for such a day.  H5_E_NET, H5_E_REMOTE: not reached, not believed.
 * Blocks up to twenty times gateway.timeout_ms an attempt. */
H5_MUST_CHECK enum h5_code h5_wxpay_bill(const struct h5_config *c,
    const struct h5_log *log, int64_t day, const char *type, struct h5_buf *raw,
    struct h5_buf *text, struct h5_err *e);

#endif
