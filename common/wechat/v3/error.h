/* error.h - what APIv3's refusals mean, by HTTP status, code and call
 * (PROTOCOL-V3 6).  They are not signed: TLS alone vouches for them, so nothing
 * is taken from one that a query could tell. */
#ifndef H5_WECHAT_V3_ERROR_H
#define H5_WECHAT_V3_ERROR_H

#include "common/wechat/wechat.h"

/* The calls, as far as refusals differ by them. */
enum h5_v3_what {
	H5_V3_PREPAY,
	H5_V3_QUERY,
	H5_V3_CLOSE,
	H5_V3_REFUND,
	H5_V3_REFUND_QUERY,
	H5_V3_BILL,
	H5_V3_BILL_FILE,
	H5_V3_CERTIFICATES,
	H5_V3_ECHO
};

#define H5_V3_REQUEST_ID 64 /* longest Request-ID and NUL */

/* h5_v3_refused(what, status, body, n, request_id, refusal): what an answer
 * means whose status is not 200 or 204.  body: its n bytes, which may be
 * nothing, or a page of some server in between.  request_id: "" if there was
 * none; its last number only adds to the note.
 * refusal: H5_WECHAT_AGAIN says that the outcome is unknown.  H5_WECHAT_PAID,
 *   of a close too, means that a query has to tell. */
void h5_v3_refused(enum h5_v3_what what, long status, const char *body,
    size_t n, const char *request_id, struct h5_wechat_refusal *refusal);

/* h5_v3_clock_refused(refusal): is it about our clock? */
bool h5_v3_clock_refused(const struct h5_wechat_refusal *refusal);

#endif
