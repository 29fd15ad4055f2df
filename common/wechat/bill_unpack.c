/* Unpacks a bill and ends its download, whichever API it came by. */
#include "common/wechat/bill_unpack.h"

#include "common/base/clock.h"
#include "common/format/gzip.h"

enum h5_code
h5_wechat_unpack_bill(
    const struct h5_buf *raw, struct h5_buf *text, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	h5_buf_clear(text);
	/* The first bytes tell, and not a header, since hosts differ in what
	 * they send. */
	if (h5_gzip_is(raw->data, raw->len)) {
		rc = h5_gzip_unpack(raw->data, raw->len, text, e);
	} else {
		h5_buf_add(text, raw->data, raw->len);
		rc = h5_buf_finish(text, e);
	}
	if (rc == H5_E_INPUT)
		return h5_err_as(e, H5_E_REMOTE);
	if (rc == H5_OK && text->len == 0)
		return h5_err_set(e, H5_E_REMOTE, "the answer is empty");
	/* This happens if a proxy packs what is packed already. */
	if (rc == H5_OK && h5_gzip_is(text->data, text->len))
		return h5_err_set(
		    e, H5_E_REMOTE, "the bill is compressed twice");
	return rc;
}

enum h5_code
h5_wechat_end_bill(const struct h5_wechat_bill_end *d, enum h5_code rc,
    const struct h5_err *why, struct h5_buf *raw, struct h5_buf *text,
    struct h5_err *e)
{
	/* "No trade on that day" is an answer like any other. */
	h5_log_event(d->log,
	    rc == H5_OK || rc == H5_E_NOTFOUND ? H5_LOG_INFO : H5_LOG_WARN,
	    "wechat-call", "api", d->api, "bill_date", d->date, "bill_type",
	    d->type, "result", rc == H5_OK ? "SUCCESS" : h5_err_name(rc), "why",
	    rc == H5_OK ? NULL : why->msg, "bytes", H5_LOG_NUM(raw->len), "ms",
	    H5_LOG_NUM(h5_clock_mono_ms() - d->began_ms), NULL);
	/* A half of a bill must not be taken for a whole one. */
	if (rc != H5_OK) {
		h5_buf_clear(raw);
		h5_buf_clear(text);
		(void)h5_err_pass(e, why);
	}
	return rc;
}
