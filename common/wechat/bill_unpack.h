/* bill_unpack.h - a bill as it comes over the network, unpacked, and the end of
 * its download.  Private to common/wechat. */
#ifndef H5_WECHAT_BILL_UNPACK_H
#define H5_WECHAT_BILL_UNPACK_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"

/* h5_wechat_unpack_bill(raw, text, e): text is cleared and gets what is in raw:
 * a gzip file, or text that WeChat did not pack.
 * H5_E_REMOTE: damaged, empty, packed twice, or more than text may hold.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_unpack_bill(
    const struct h5_buf *raw, struct h5_buf *text, struct h5_err *e);

/* A download, for the log. */
struct h5_wechat_bill_end {
	const struct h5_log *log;
	const char *api, *date, *type;
	int64_t began_ms; /* h5_clock_mono_ms */
};

/* h5_wechat_end_bill(d, rc, why, raw, text, e): log that the download ended
 * with rc.  Unless that is H5_OK, raw and text are cleared and why is handed on
 * to e.  Returns rc. */
H5_MUST_CHECK enum h5_code h5_wechat_end_bill(
    const struct h5_wechat_bill_end *d, enum h5_code rc,
    const struct h5_err *why, struct h5_buf *raw, struct h5_buf *text,
    struct h5_err *e);

#endif
