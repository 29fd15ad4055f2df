/* sign.h - how a request of APIv3 is signed (PROTOCOL-V3 3).  Links no curl. */
#ifndef H5_WECHAT_V3_SIGN_H
#define H5_WECHAT_V3_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/wechat/v3/keys.h"

#define H5_V3_AUTHORIZATION 4096 /* bytes: room for any header's value */

/* What is signed: the very bytes that are sent. */
struct h5_v3_request {
	const char *method; /* "GET" or "POST" */
	const char *target; /* path and query as in the request line */
	const char *body; /* may be NULL if n is 0 */
	size_t n;
	const char *nonce; /* 1 to 32 letters and digits; NULL: a new one */
};

/* h5_v3_authorization(k, r, now, out, e): append the whole value of the header
 * Authorization.  now: Unix seconds; WeChat takes five minutes to either side.
 * H5_E_CONFIG: k was read without the merchant's key.
 * H5_E_IO: no random bytes.  H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v3_authorization(const struct h5_v3_keys *k,
    const struct h5_v3_request *r, int64_t now, struct h5_buf *out,
    struct h5_err *e);

/* h5_v3_pay_sign(k, app_id, time_stamp, nonce_str, package, out, e): append
 * paySign of a payment inside WeChat, whose signType is RSA.  package:
 * "prepay_id=" and the id (PROTOCOL-V3 17.4).  Errors as h5_v3_authorization.
 */
H5_MUST_CHECK enum h5_code h5_v3_pay_sign(const struct h5_v3_keys *k,
    const char *app_id, const char *time_stamp, const char *nonce_str,
    const char *package, struct h5_buf *out, struct h5_err *e);

#endif
