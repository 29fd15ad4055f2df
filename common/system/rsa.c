/* RSA keys by OpenSSL: PEM in, signatures out, signatures checked. */
#include "common/system/rsa.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/text.h"
#include "common/system/openssl.h"

struct h5_rsa_key {
	EVP_PKEY *pkey; /* never changed, so threads may share it */
};

void
h5_rsa_free(struct h5_rsa_key *k)
{
	if (k == NULL)
		return;
	/* OpenSSL wipes it. */
	EVP_PKEY_free(k->pkey);
	free(k);
}

/* Reads from the offset at on; an editor's byte-order mark is no part of PEM.
 */
static BIO *
open_pem(const struct h5_buf *pem, size_t at)
{
	size_t skip = at + h5_text_skip_bom(pem->data + at, pem->len - at);

	if (pem->len - skip > INT_MAX)
		return NULL;
	return BIO_new_mem_buf(pem->data + skip, (int)(pem->len - skip));
}

/* Makes a key of pkey, which is the key's or freed afterwards. */
static enum h5_code
take(EVP_PKEY *pkey, struct h5_rsa_key **out, struct h5_err *e)
{
	struct h5_rsa_key *k = NULL;
	enum h5_code rc = H5_OK;

	/* Of RSA-PSS keys other signatures are made. */
	if (!EVP_PKEY_is_a(pkey, "RSA"))
		rc = h5_err_set(e, H5_E_CONFIG, "does not contain an RSA key");
	else if (EVP_PKEY_get_bits(pkey) < H5_RSA_BITS ||
		 EVP_PKEY_get_size(pkey) > H5_RSA_SIGNATURE)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "contains a key of %d bits; WeChat Pay's have %d",
		    EVP_PKEY_get_bits(pkey), H5_RSA_BITS);
	if (rc == H5_OK) {
		k = calloc(1, sizeof *k);
		if (k == NULL)
			rc = h5_err_nomem(e);
	}
	if (rc == H5_OK) {
		k->pkey = pkey;
		*out = k;
	} else {
		EVP_PKEY_free(pkey);
	}
	ERR_clear_error();
	return rc;
}

enum h5_code
h5_rsa_read_private(
    const struct h5_buf *pem, struct h5_rsa_key **out, struct h5_err *e)
{
	BIO *bio = open_pem(pem, 0);
	EVP_PKEY *pkey;

	*out = NULL;
	if (bio == NULL)
		return h5_err_nomem(e);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, h5_crypto_no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (pkey == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "does not contain a key in PEM form without a password: "
		    "use apiclient_key.pem from the merchant platform");
	return take(pkey, out, e);
}

enum h5_code
h5_rsa_read_public(
    const struct h5_buf *pem, struct h5_rsa_key **out, struct h5_err *e)
{
	BIO *bio = open_pem(pem, 0);
	EVP_PKEY *pkey;

	*out = NULL;
	if (bio == NULL)
		return h5_err_nomem(e);
	pkey = PEM_read_bio_PUBKEY(bio, NULL, h5_crypto_no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (pkey == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "does not contain a public key in PEM form: use "
		    "pub_key.pem from the merchant platform (API security, "
		    "WeChat Pay public key)");
	return take(pkey, out, e);
}

/* As openssl x509 -serial has it: two digits a byte, so that no leading zero is
 * lost. */
static enum h5_code
write_serial(const X509 *x, char serial[H5_RSA_SERIAL], struct h5_err *e)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = n == NULL ? NULL : BN_bn2hex(n);
	enum h5_code rc = H5_OK;

	if (hex == NULL)
		rc = h5_err_nomem(e);
	else if (strlen(hex) >= H5_RSA_SERIAL)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "contains a certificate with too long a serial number");
	else
		memcpy(serial, hex, strlen(hex) + 1);
	OPENSSL_free(hex);
	BN_free(n);
	return rc;
}

enum h5_code
h5_rsa_read_certificate(const struct h5_buf *pem, size_t *at,
    struct h5_rsa_key **out, char serial[H5_RSA_SERIAL], struct h5_err *e)
{
	static const char begin[] = "-----BEGIN ";
	size_t from = *at;
	EVP_PKEY *pkey;
	enum h5_code rc;
	const char *next;
	X509 *x;
	BIO *bio;

	*out = NULL;
	serial[0] = '\0';
	next = from < pem->len ? strstr(pem->data + from, begin) : NULL;
	if (next == NULL)
		return h5_err_set(
		    e, H5_E_NOTFOUND, "there is no further certificate");
	from = (size_t)(next - pem->data);
	bio = open_pem(pem, from);
	if (bio == NULL)
		return h5_err_nomem(e);
	x = PEM_read_bio_X509(bio, NULL, h5_crypto_no_password, NULL);
	/* What is left in the BIO is not read yet. */
	*at = pem->len - (size_t)BIO_pending(bio);
	BIO_free(bio);
	pkey = x == NULL ? NULL : X509_get_pubkey(x);
	if (pkey == NULL) {
		rc = h5_err_set(e, H5_E_CONFIG,
		    "contains something that is not a certificate in PEM "
		    "form");
		goto out;
	}
	rc = write_serial(x, serial, e);
	if (rc == H5_OK)
		rc = take(pkey, out, e);
	else
		EVP_PKEY_free(pkey);
out:
	X509_free(x);
	ERR_clear_error();
	return rc;
}

bool
h5_rsa_same(const struct h5_rsa_key *a, const struct h5_rsa_key *b)
{
	bool same = EVP_PKEY_eq(a->pkey, b->pkey) == 1;

	ERR_clear_error();
	return same;
}

enum h5_code
h5_rsa_sign(const struct h5_rsa_key *k, const void *p, size_t n,
    struct h5_buf *out, struct h5_err *e)
{
	size_t size = (size_t)EVP_PKEY_get_size(k->pkey);
	char *to = h5_buf_room(out, size);
	EVP_MD_CTX *ctx;
	bool done;

	if (to == NULL)
		return h5_buf_finish(out, e);
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		return h5_err_nomem(e);
	done = EVP_DigestSignInit_ex(
		   ctx, NULL, "SHA256", NULL, NULL, k->pkey, NULL) == 1 &&
	       EVP_DigestSign(ctx, (unsigned char *)to, &size, p, n) == 1;
	EVP_MD_CTX_free(ctx);
	if (!done)
		return h5_crypto_refused("RSA with SHA-256", e);
	h5_buf_commit(out, size);
	return H5_OK;
}

enum h5_code
h5_rsa_verify(const struct h5_rsa_key *k, const void *p, size_t n,
    const struct h5_buf *signature, struct h5_err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum h5_code rc = H5_OK;

	if (ctx == NULL)
		return h5_err_nomem(e);
	if (EVP_DigestVerifyInit_ex(
		ctx, NULL, "SHA256", NULL, NULL, k->pkey, NULL) != 1)
		rc = h5_crypto_refused("RSA with SHA-256", e);
	else if (EVP_DigestVerify(ctx, (const unsigned char *)signature->data,
		     signature->len, p, n) != 1)
		rc = h5_err_set(e, H5_E_AUTH, "the signature is wrong");
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}
