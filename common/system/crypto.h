/* crypto.h - secrets, digests, random bytes and certificates.
 * OpenSSL is used here, by rsa.c and by chain.c alone. */
#ifndef H5_SYSTEM_CRYPTO_H
#define H5_SYSTEM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* h5_crypto_start_lean(): call this before anything else here, in a process
 * that answers one request and speaks no TLS.  OpenSSL then leaves out what
 * only others need: its words for errors, lists of every algorithm by its old
 * names, tidying up at the end.  The system's openssl.cnf is still obeyed. */
void h5_crypto_start_lean(void);

/* A secret: never printed, wiped when freed. */
struct h5_crypto_key;

#define H5_CRYPTO_KEY 4096 /* most bytes of a key */

/* h5_crypto_key_new(p, n, out, e): make a key that holds a copy of the n bytes
 * at p, 1 to H5_CRYPTO_KEY.  Any number of threads may use one key at once.
 * H5_E_INPUT: n is out of range.
 * H5_E_BUG: this machine's OpenSSL has no HMAC-SHA256.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_crypto_key_new(
    const void *p, size_t n, struct h5_crypto_key **out, struct h5_err *e);
void h5_crypto_key_free(struct h5_crypto_key *k);

/* h5_crypto_key_length(k): how many bytes the secret has. */
size_t h5_crypto_key_length(const struct h5_crypto_key *k);

/* h5_crypto_key_put(k, out): append the secret itself, for a protocol that
 * hashes a text with its key inside.  The caller takes all the room of out
 * beforehand, so that growing leaves no copy behind, and wipes it. */
void h5_crypto_key_put(const struct h5_crypto_key *k, struct h5_buf *out);

/* h5_crypto_mac(k, p, n, out, e): HMAC-SHA256 of n bytes.
 * H5_E_BUG: OpenSSL refused; out is zero. */
H5_MUST_CHECK enum h5_code h5_crypto_mac(const struct h5_crypto_key *k,
    const void *p, size_t n, unsigned char out[32], struct h5_err *e);

/* h5_crypto_sha256(p, n, out, e), h5_crypto_md5(p, n, out, e),
 * h5_crypto_sha1(p, n, out, e): a digest of n bytes.
 * H5_E_BUG: OpenSSL refused; out is zero. */
H5_MUST_CHECK enum h5_code h5_crypto_sha256(
    const void *p, size_t n, unsigned char out[32], struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_crypto_md5(
    const void *p, size_t n, unsigned char out[16], struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_crypto_sha1(
    const void *p, size_t n, unsigned char out[20], struct h5_err *e);

/* h5_crypto_random(p, n, e): n bytes of the system's generator.  Blocks until
 * the system has gathered randomness after its start.
 * H5_E_IO: there are none. */
H5_MUST_CHECK enum h5_code h5_crypto_random(
    void *p, size_t n, struct h5_err *e);

/* h5_crypto_nonce(out, e): 32 random hex digits.  Errors as
 * h5_crypto_random. */
H5_MUST_CHECK enum h5_code h5_crypto_nonce(char out[33], struct h5_err *e);

/* h5_crypto_same(a, b): are two strings equal?  The time it takes depends on
 * the length of b alone. */
bool h5_crypto_same(const char *a, const char *b);

/* h5_crypto_open_ecb(key, in, out, e): append the plain text of in, which is
 * AES-256-ECB with PKCS#7 padding.
 * H5_E_AUTH: not encrypted with this key.  The words are the same for every way
 * in which that shows, so that they tell a guesser nothing.
 * H5_E_INPUT: longer than out may be.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_crypto_open_ecb(const unsigned char key[32],
    const struct h5_buf *in, struct h5_buf *out, struct h5_err *e);

#define H5_CRYPTO_TAG 16 /* bytes, behind what is encrypted */

/* What AES-256-GCM encrypted.  A nonce is 8 to 16 bytes. */
struct h5_crypto_sealed {
	const void *p; /* with the tag at its end */
	size_t n;
	const char *nonce, *also; /* also: what was only authenticated, or NULL
				   */
};

/* h5_crypto_open_gcm(key, in, out, e): append the plain text of in, all of it
 * only after its tag was checked.  key: of 32 bytes.
 * H5_E_AUTH: not encrypted with this key, or changed since.
 * H5_E_INPUT: shorter than a tag, a nonce or a key of another length, or longer
 *   than out may be.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_crypto_open_gcm(const struct h5_crypto_key *key,
    const struct h5_crypto_sealed *in, struct h5_buf *out, struct h5_err *e);

/* h5_crypto_certificate(cert, key, mch_id, now, e): can this pair, in PEM,
 * prove at the time now (Unix seconds) that we are the merchant mch_id?  WeChat
 * itself judges who signed the certificate.
 * H5_E_CONFIG: there is no certificate or no key without a password; they do
 * not belong together; the certificate is expired or not valid yet; or its
 * subject's CN is another merchant's number.  e->msg says what to do.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_crypto_certificate(const struct h5_buf *cert,
    const struct h5_buf *key, const char *mch_id, int64_t now,
    struct h5_err *e);

/* h5_crypto_certificate_end(cert, end, e): the last second (Unix) at which the
 * first certificate in cert, PEM, is valid.  H5_E_CONFIG: there is none, or
 * its date cannot be read.  H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_crypto_certificate_end(
    const struct h5_buf *cert, int64_t *end, struct h5_err *e);

#endif
