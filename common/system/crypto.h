/* sign.h - signatures, tokens, random bytes.
 * The only user of OpenSSL.  Every EVP result is checked: with FIPS
 * providers MD5 vanishes and the output would stay unset. */
#ifndef H5_SYSTEM_CRYPTO_H
#define H5_SYSTEM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fields.h"

#define H5_SIGN_HEX 65 /* longest signature and NUL */

enum h5_sign_type { H5_SIGN_MD5, H5_SIGN_HMAC_SHA256 };

/* h5_sign_start_lean(): before anything else here, in a process that answers
 * one request and speaks no TLS.  OpenSSL leaves out what only others need: its
 * words for errors, lists of every algorithm by its old names, tidying up at
 * the end.  The system's openssl.cnf holds as ever. */
void h5_sign_start_lean(void);

/* A secret: never printed, wiped when freed.  There is no getter. */
struct h5_sign_key;

/* h5_sign_key_new(p, n, out, e): a copy of n bytes, 1..4096.  Any number of
 * threads may use one key at the same time.  H5_E_INPUT: n.  H5_E_NOMEM.
 * H5_E_BUG: OpenSSL has no HMAC-SHA256. */
H5_MUST_CHECK enum h5_code h5_sign_key_new(
    const void *p, size_t n, struct h5_sign_key **out, struct h5_err *e);
void h5_sign_key_free(struct h5_sign_key *k);

/* h5_sign_fields(k, type, f, hex, e): WeChat Pay's APIv2 signature over every
 * field but "sign" whose value is not empty (PROTOCOL 1.3): upper-case hex, 32
 * (MD5) or 64 digits.  H5_E_BUG: OpenSSL refused.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_sign_fields(const struct h5_sign_key *k,
    enum h5_sign_type type, const struct h5_fields *f, char hex[H5_SIGN_HEX],
    struct h5_err *e);

/* h5_sign_check(k, type, f, e): is the field "sign" right?  Exact length for
 * the configured type, upper-case, constant time; the message's own
 * sign_type, if there is one, must name the same type.  H5_E_AUTH: missing,
 * empty, another type's length, wrong. */
H5_MUST_CHECK enum h5_code h5_sign_check(const struct h5_sign_key *k,
    enum h5_sign_type type, const struct h5_fields *f, struct h5_err *e);

/* h5_sign_mac(k, p, n, out, e): HMAC-SHA256 of bytes. */
H5_MUST_CHECK enum h5_code h5_sign_mac(const struct h5_sign_key *k,
    const void *p, size_t n, unsigned char out[32], struct h5_err *e);
/* h5_sign_sha256(p, n, out, e). */
H5_MUST_CHECK enum h5_code h5_sign_sha256(
    const void *p, size_t n, unsigned char out[32], struct h5_err *e);
/* h5_sign_random(p, n, e): from the system's generator.  H5_E_IO. */
H5_MUST_CHECK enum h5_code h5_sign_random(void *p, size_t n, struct h5_err *e);
/* h5_sign_nonce(out, e): 32 hex digits. */
H5_MUST_CHECK enum h5_code h5_sign_nonce(char out[33], struct h5_err *e);
/* h5_sign_same(a, b): are two strings equal, in time that depends on the
 * length of b alone? */
bool h5_sign_same(const char *a, const char *b);

/* h5_sign_base64(p, n, out): append standard base64. */
void h5_sign_base64(const void *p, size_t n, struct h5_buf *out);
/* h5_sign_unbase64(s, out, e): strict; line breaks allowed.  H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_sign_unbase64(
    const char *s, struct h5_buf *out, struct h5_err *e);

/* h5_sign_open_refund(k, req_info, out, e): decrypt a refund notice's req_info
 * (PROTOCOL 7.3: base64, AES-256-ECB, PKCS#7, key = lower-case hex MD5 of the
 * API key) into the XML text.  H5_E_AUTH: not encrypted with our key, however
 * that shows.  H5_E_NOMEM, H5_E_BUG as above. */
H5_MUST_CHECK enum h5_code h5_sign_open_refund(const struct h5_sign_key *k,
    const char *req_info, struct h5_buf *out, struct h5_err *e);

/* h5_sign_certificate(cert, key, mch_id, now, e): can this pair, in PEM, prove
 * at the time now (Unix seconds) that we are merchant mch_id?  H5_E_CONFIG: no
 * certificate or key in it (a key with a password is none), they do not belong
 * together, expired, not valid yet, another merchant's (where the subject's CN
 * is a merchant's number); e->msg says what to do.  Who signed it is for WeChat
 * to judge.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_sign_certificate(const struct h5_buf *cert,
    const struct h5_buf *key, const char *mch_id, int64_t now,
    struct h5_err *e);

/* h5_sign_self_test(e): both algorithms against a published vector; H5_E_BUG
 * when this machine's OpenSSL cannot do them. */
H5_MUST_CHECK enum h5_code h5_sign_self_test(struct h5_err *e);

#endif
