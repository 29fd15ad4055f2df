/* sign.h - how APIv2 signs a message (docs/PROTOCOL.md 1.3) and encrypts a
 * refund notice (7.3). */
#ifndef H5_WECHAT_V2_SIGN_H
#define H5_WECHAT_V2_SIGN_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fields.h"
#include "common/config/config.h"
#include "common/system/crypto.h"

#define H5_SIGN_HEX 65 /* longest signature and NUL */

/* h5_sign_fields(k, type, f, hex, e): the signature over every field but "sign"
 * whose value is not empty, in upper-case hex: 32 digits (MD5) or 64.
 * H5_E_CONFIG: k is NULL: the shop has no key of APIv2.
 * H5_E_BUG: OpenSSL refused; hex is "".
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_sign_fields(const struct h5_crypto_key *k,
    enum h5_sign_type type, const struct h5_fields *f, char hex[H5_SIGN_HEX],
    struct h5_err *e);

/* h5_sign_type_of(f, type, e): the only type that the field "sign" can be of,
 * by its length.
 * H5_E_AUTH: missing, empty, or of no type. */
H5_MUST_CHECK enum h5_code h5_sign_type_of(
    const struct h5_fields *f, enum h5_sign_type *type, struct h5_err *e);

/* h5_sign_check(k, type, f, e): is the field "sign" right?  It must have
 * exactly the length of the type that is due and be upper-case; it is compared
 * in constant time.  If the message names a sign_type, that must be the same.
 * H5_E_AUTH: missing, empty, of another type, or wrong.
 * H5_E_CONFIG, H5_E_BUG, H5_E_NOMEM: as h5_sign_fields. */
H5_MUST_CHECK enum h5_code h5_sign_check(const struct h5_crypto_key *k,
    enum h5_sign_type type, const struct h5_fields *f, struct h5_err *e);

/* h5_sign_open_refund(k, req_info, out, e): append the XML text that is
 * encrypted in a refund notice's req_info: base64 of AES-256-ECB whose key is
 * the lower-case hex MD5 of the API key.
 * H5_E_AUTH: not encrypted with our key, however that shows.
 * H5_E_CONFIG: k is NULL.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_sign_open_refund(const struct h5_crypto_key *k,
    const char *req_info, struct h5_buf *out, struct h5_err *e);

/* h5_sign_self_test(e): compute a published vector with both types.
 * H5_E_BUG: this machine's OpenSSL cannot do them. */
H5_MUST_CHECK enum h5_code h5_sign_self_test(struct h5_err *e);

#endif
