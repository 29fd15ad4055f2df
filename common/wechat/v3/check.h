/* check.h - is it WeChat who says this?  Answers with status 2xx and notices of
 * APIv3 (PROTOCOL-V3 4, 13.2).  Links no curl. */
#ifndef H5_WECHAT_V3_CHECK_H
#define H5_WECHAT_V3_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/wechat/v3/keys.h"
#include "common/wechat/wechat.h"

#define H5_V3_CLOCK_S 300 /* seconds that a message's time may differ */

/* h5_v3_check_name(which): the header's name, as WeChat writes it. */
const char *h5_v3_check_name(enum h5_wechat_header which);

/* h5_v3_check(k, h, body, n, now, previous, e): did WeChat sign these n bytes,
 * the body as it came, in the last five minutes?  Call it before anything of
 * the body is read.  now: Unix seconds.
 * previous: signed with merchant.public_key_previous: a reason to ask, nothing
 *   to believe.
 * H5_E_AUTH: no.  e->msg is English, tells which header it is about, and is fit
 *   for the log and the reply.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v3_check(const struct h5_v3_keys *k,
    const struct h5_wechat_headers *h, const char *body, size_t n, int64_t now,
    bool *previous, struct h5_err *e);

/* What was encrypted with the APIv3 key, as JSON has it. */
struct h5_v3_sealed {
	const char *ciphertext; /* base64; the last 16 bytes are the tag */
	const char *nonce; /* 8 to 16 bytes */
	const char *associated_data; /* NULL: none */
};

/* h5_v3_decrypt(k, s, out, previous, e): append the plain text of s.  Not a
 * byte of it is there before the tag was checked.  The APIv3 key is tried, then
 * the one before it. previous: that one it was: a reason to ask, nothing to
 * believe. H5_E_AUTH: not encrypted with our APIv3 key, or changed since.
 * H5_E_INPUT: no base64, too short, a nonce of another length, or longer than
 *   out may be.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v3_decrypt(const struct h5_v3_keys *k,
    const struct h5_v3_sealed *s, struct h5_buf *out, bool *previous,
    struct h5_err *e);

#endif
