/* bill_unpack.h - a bill as it comes over the network, unpacked.  Private to
 * common/wechat. */
#ifndef H5_WECHAT_BILL_UNPACK_H
#define H5_WECHAT_BILL_UNPACK_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* h5_wechat_unpack_bill(raw, text, e): text is cleared and gets what is in raw:
 * a gzip file, or text that WeChat did not pack.
 * H5_E_REMOTE: damaged, empty, packed twice, or more than text may hold.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_unpack_bill(
    const struct h5_buf *raw, struct h5_buf *text, struct h5_err *e);

#endif
