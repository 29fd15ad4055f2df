/* rsa.h - RSA keys: read from PEM, signing (RSASSA-PKCS1-v1_5 with SHA-256) and
 * checking what others signed.
 *
 * A key is made once and only read after that: any number of threads may use
 * one.  Messages begin where a sentence about the file goes on ("does not
 * contain ..."), so that the caller can name the file. */
#ifndef H5_SYSTEM_RSA_H
#define H5_SYSTEM_RSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define H5_RSA_BITS 2048 /* shorter keys are refused */
#define H5_RSA_SIGNATURE 1024 /* most bytes of a signature: 8192 bits */
#define H5_RSA_SERIAL 65 /* longest serial as text, and NUL */

/* A private or a public key.  Wiped when freed. */
struct h5_rsa_key;
void h5_rsa_free(struct h5_rsa_key *k);

/* h5_rsa_read_private(pem, out, e): the private key in pem, PKCS#8 or PKCS#1.
 * h5_rsa_read_public(pem, out, e): the public key in pem, SPKI.
 * H5_E_CONFIG: there is none, or it is locked with a password, not RSA, or
 *   shorter than H5_RSA_BITS.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_rsa_read_private(
    const struct h5_buf *pem, struct h5_rsa_key **out, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_rsa_read_public(
    const struct h5_buf *pem, struct h5_rsa_key **out, struct h5_err *e);

/* h5_rsa_read_certificate(pem, at, out, serial, e): the public key of the next
 * certificate in pem from the offset *at on, which moves behind it; and its
 * serial in upper-case hexadecimal digits, two for each byte, so that a leading
 * zero stays.
 * H5_E_NOTFOUND: there is none more.
 * H5_E_CONFIG: it is broken, or its key is none that h5_rsa_read_public takes.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_rsa_read_certificate(const struct h5_buf *pem,
    size_t *at, struct h5_rsa_key **out, char serial[H5_RSA_SERIAL],
    struct h5_err *e);

/* h5_rsa_same(a, b): are they the same key, one private or both public? */
bool h5_rsa_same(const struct h5_rsa_key *a, const struct h5_rsa_key *b);

/* h5_rsa_sign(k, p, n, out, e): append the signature over n bytes by the
 * private key k; the same bytes always get the same one.
 * H5_E_BUG: OpenSSL refused.  H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_rsa_sign(const struct h5_rsa_key *k,
    const void *p, size_t n, struct h5_buf *out, struct h5_err *e);

/* h5_rsa_verify(k, p, n, signature, e): did the owner of k sign these n bytes?
 * H5_E_AUTH: no.  H5_E_BUG: OpenSSL refused.  H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_rsa_verify(const struct h5_rsa_key *k,
    const void *p, size_t n, const struct h5_buf *signature, struct h5_err *e);

#endif
