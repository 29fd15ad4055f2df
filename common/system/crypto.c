/* What h5pay takes from OpenSSL and from the system's random generator.  Each
 * result of OpenSSL is checked: with FIPS providers MD5 is missing, and an
 * unchecked digest would stay unset. */
#include "common/system/crypto.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/system/openssl.h"

#define BLOCK 16 /* AES, bytes */

/* Filled once and only read after that, so threads may share it: mac is copied
 * from, never run. */
struct h5_crypto_key {
	EVP_MAC_CTX *mac; /* HMAC-SHA256, keyed */
	size_t n;
	unsigned char bytes[H5_CRYPTO_KEY];
};

void
h5_crypto_start_lean(void)
{
	/* If this fails, OpenSSL starts the way it always does, which takes
	 * longer. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
				      OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
				      OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
				      OPENSSL_INIT_NO_ATEXIT,
	    NULL);
}

enum h5_code
h5_crypto_refused(const char *what, struct h5_err *e)
{
	ERR_clear_error();
	return h5_err_set(e, H5_E_BUG, "OpenSSL does not offer %s here", what);
}

static enum h5_code
start_mac(struct h5_crypto_key *k, struct h5_err *e)
{
	/* An array, since OpenSSL's parameter takes no const text. */
	char digest[] = "SHA256";
	OSSL_PARAM params[2];
	EVP_MAC *hmac;

	params[0] =
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hmac == NULL)
		return h5_crypto_refused("HMAC", e);
	k->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (k->mac == NULL || EVP_MAC_init(k->mac, k->bytes, k->n, params) != 1)
		return h5_crypto_refused("HMAC-SHA256", e);
	return H5_OK;
}

enum h5_code
h5_crypto_key_new(
    const void *p, size_t n, struct h5_crypto_key **out, struct h5_err *e)
{
	struct h5_crypto_key *k;
	enum h5_code rc;

	*out = NULL;
	if (n < 1 || n > H5_CRYPTO_KEY)
		return h5_err_set(e, H5_E_INPUT,
		    "a key must have 1 to %d bytes", H5_CRYPTO_KEY);
	k = calloc(1, sizeof *k);
	if (k == NULL)
		return h5_err_nomem(e);
	memcpy(k->bytes, p, n);
	k->n = n;
	rc = start_mac(k, e);
	if (rc != H5_OK) {
		h5_crypto_key_free(k);
		return rc;
	}
	*out = k;
	return H5_OK;
}

void
h5_crypto_key_free(struct h5_crypto_key *k)
{
	if (k == NULL)
		return;
	/* The context holds the key as well, and OpenSSL wipes it. */
	EVP_MAC_CTX_free(k->mac);
	explicit_bzero(k, sizeof *k);
	free(k);
}

size_t
h5_crypto_key_length(const struct h5_crypto_key *k)
{
	return k->n;
}

void
h5_crypto_key_put(const struct h5_crypto_key *k, struct h5_buf *out)
{
	h5_buf_add(out, k->bytes, k->n);
}

enum h5_code
h5_crypto_mac(const struct h5_crypto_key *k, const void *p, size_t n,
    unsigned char out[32], struct h5_err *e)
{
	EVP_MAC_CTX *ctx;
	size_t len = 0;
	bool done;

	/* A copy of the keyed context: the schedule of the key is computed
	 * once, and threads do not disturb each other. */
	ctx = EVP_MAC_CTX_dup(k->mac);
	done = ctx != NULL && EVP_MAC_update(ctx, p, n) == 1 &&
	       EVP_MAC_final(ctx, out, &len, 32) == 1 && len == 32;
	EVP_MAC_CTX_free(ctx);
	if (done)
		return H5_OK;
	/* A caller that overlooks the result must not compare with what was
	 * left in the array. */
	memset(out, 0, 32);
	return h5_crypto_refused("HMAC-SHA256", e);
}

/* All zero bytes if it fails. */
static enum h5_code
digest_of(const char *name, const void *p, size_t n, unsigned char *out,
    size_t size, struct h5_err *e)
{
	unsigned char all[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD *md;
	bool done;

	memset(out, 0, size);
	md = EVP_MD_fetch(NULL, name, NULL);
	done = md != NULL && EVP_Digest(p, n, all, &len, md, NULL) == 1 &&
	       len == size;
	EVP_MD_free(md);
	if (!done)
		return h5_crypto_refused(name, e);
	memcpy(out, all, size);
	explicit_bzero(all, sizeof all);
	return H5_OK;
}

enum h5_code
h5_crypto_sha256(
    const void *p, size_t n, unsigned char out[32], struct h5_err *e)
{
	return digest_of("SHA-256", p, n, out, 32, e);
}

enum h5_code
h5_crypto_md5(const void *p, size_t n, unsigned char out[16], struct h5_err *e)
{
	return digest_of("MD5", p, n, out, 16, e);
}

enum h5_code
h5_crypto_sha1(const void *p, size_t n, unsigned char out[20], struct h5_err *e)
{
	return digest_of("SHA-1", p, n, out, 20, e);
}

enum h5_code
h5_crypto_random(void *p, size_t n, struct h5_err *e)
{
	unsigned char *to = p;
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		/* 0: wait until the kernel has enough randomness, which it has
		 * long before a web server runs. */
		got = getrandom(to + have, n - have, 0);
		if (got > 0) {
			have += (size_t)got;
		} else if (got < 0 && errno != EINTR) {
			explicit_bzero(p, n);
			return h5_err_sys(
			    e, H5_E_IO, errno, "no random bytes are available");
		}
	}
	return H5_OK;
}

enum h5_code
h5_crypto_nonce(char out[33], struct h5_err *e)
{
	unsigned char bytes[16];
	enum h5_code rc;

	out[0] = '\0';
	rc = h5_crypto_random(bytes, sizeof bytes, e);
	if (rc == H5_OK)
		h5_text_hex(bytes, sizeof bytes, out);
	return rc;
}

bool
h5_crypto_same(const char *a, const char *b)
{
	volatile unsigned char different = 0;
	size_t i, at = 0;

	/* at stops at the NUL of a, which differs from every byte that b still
	 * has. */
	for (i = 0; b[i] != '\0'; i++) {
		different = (unsigned char)(different | (a[at] ^ b[i]));
		at += a[at] != '\0';
	}
	return (different | (unsigned char)a[at]) == 0;
}

enum h5_code
h5_crypto_open_ecb(const unsigned char key[32], const struct h5_buf *in,
    struct h5_buf *out, struct h5_err *e)
{
	EVP_CIPHER *aes = NULL;
	EVP_CIPHER_CTX *ctx = NULL;
	enum h5_code rc = H5_E_BUG;
	unsigned char *to;
	int len = 0, rest = 0;

	/* Half of what int holds, so that adding a block cannot overflow. */
	if (in->len == 0 || in->len > INT_MAX / 2 || in->len % BLOCK != 0)
		return h5_err_set(
		    e, H5_E_AUTH, "not a whole number of AES blocks");
	/* One block of room more, as OpenSSL asks for. */
	to = (unsigned char *)h5_buf_room(out, in->len + BLOCK);
	if (to == NULL)
		return h5_buf_finish(out, e);
	aes = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	ctx = EVP_CIPHER_CTX_new();
	if (aes == NULL || ctx == NULL ||
	    EVP_DecryptInit_ex2(ctx, aes, key, NULL, NULL) != 1 ||
	    EVP_DecryptUpdate(ctx, to, &len, (const unsigned char *)in->data,
		(int)in->len) != 1) {
		rc = h5_crypto_refused("AES-256-ECB", e);
		goto out;
	}
	/* This is where the padding is checked. */
	if (EVP_DecryptFinal_ex(ctx, to + len, &rest) != 1) {
		ERR_clear_error();
		rc = h5_err_set(e, H5_E_AUTH, "not encrypted with this key");
		goto out;
	}
	h5_buf_commit(out, (size_t)len + (size_t)rest);
	rc = H5_OK;
out:
	if (rc != H5_OK)
		/* What was decrypted with a wrong key may still hold parts of
		 * the text. */
		explicit_bzero(to, in->len + BLOCK);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(aes);
	return rc;
}

/* Before this returns true nothing of what is at to may be used. */
static bool
gcm_opens(EVP_CIPHER_CTX *ctx, const struct h5_crypto_key *key,
    const struct h5_crypto_sealed *in, unsigned char *to, int *len)
{
	const unsigned char *from = in->p;
	const unsigned char *nonce = (const unsigned char *)in->nonce;
	size_t n = in->n - H5_CRYPTO_TAG;
	unsigned char tag[H5_CRYPTO_TAG];
	int rest = 0, ignored = 0;

	memcpy(tag, from + n, sizeof tag);
	/* The length of the nonce first: 12 is only where OpenSSL begins. */
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN,
		(int)strlen(in->nonce), NULL) != 1 ||
	    EVP_DecryptInit_ex2(ctx, NULL, key->bytes, nonce, NULL) != 1)
		return false;
	if (in->also != NULL && in->also[0] != '\0' &&
	    EVP_DecryptUpdate(ctx, NULL, &ignored,
		(const unsigned char *)in->also, (int)strlen(in->also)) != 1)
		return false;
	/* The tag decides, and nothing before it. */
	return EVP_DecryptUpdate(ctx, to, len, from, (int)n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(
		   ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, to + *len, &rest) == 1 && rest == 0;
}

enum h5_code
h5_crypto_open_gcm(const struct h5_crypto_key *key,
    const struct h5_crypto_sealed *in, struct h5_buf *out, struct h5_err *e)
{
	size_t nonce = strlen(in->nonce);
	EVP_CIPHER *aes = NULL;
	EVP_CIPHER_CTX *ctx = NULL;
	enum h5_code rc = H5_OK;
	unsigned char *to;
	int len = 0;

	if (key->n != 32 || nonce < 8 || nonce > 16)
		return h5_err_set(
		    e, H5_E_INPUT, "a nonce has 8 to 16 bytes, and a key 32");
	if (in->n < H5_CRYPTO_TAG || in->n > INT_MAX / 2 ||
	    (in->also != NULL && strlen(in->also) > INT_MAX / 2))
		return h5_err_set(
		    e, H5_E_INPUT, "too short or too long to be encrypted");
	/* One byte more, since there may be no text at all. */
	to = (unsigned char *)h5_buf_room(out, in->n - H5_CRYPTO_TAG + 1);
	if (to == NULL)
		return h5_buf_finish(out, e);
	aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	ctx = EVP_CIPHER_CTX_new();
	if (aes == NULL || ctx == NULL ||
	    EVP_DecryptInit_ex2(ctx, aes, NULL, NULL, NULL) != 1) {
		rc = h5_crypto_refused("AES-256-GCM", e);
	} else if (gcm_opens(ctx, key, in, to, &len)) {
		h5_buf_commit(out, (size_t)len);
	} else {
		ERR_clear_error();
		explicit_bzero(to, in->n - H5_CRYPTO_TAG + 1);
		rc = h5_err_set(e, H5_E_AUTH, "not encrypted with this key");
	}
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(aes);
	return rc;
}

/* --- the merchant's certificate --- */

int
h5_crypto_no_password(char *to, int size, int rw, void *arg)
{
	(void)to;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static enum h5_code
no_certificate(struct h5_err *e)
{
	return h5_err_set(e, H5_E_CONFIG,
	    "merchant.cert_file does not contain a certificate in PEM form: "
	    "use apiclient_cert.pem from the merchant platform");
}

static enum h5_code
read_pair(const struct h5_buf *cert, const struct h5_buf *key, X509 **x,
    EVP_PKEY **k, struct h5_err *e)
{
	BIO *bio_x, *bio_k;
	enum h5_code rc = H5_OK;

	bio_x = BIO_new_mem_buf(cert->data, (int)cert->len);
	bio_k = BIO_new_mem_buf(key->data, (int)key->len);
	if (bio_x == NULL || bio_k == NULL) {
		rc = h5_err_nomem(e);
		goto out;
	}
	*x = PEM_read_bio_X509(bio_x, NULL, h5_crypto_no_password, NULL);
	*k = PEM_read_bio_PrivateKey(bio_k, NULL, h5_crypto_no_password, NULL);
	if (*x == NULL)
		rc = no_certificate(e);
	else if (*k == NULL)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "merchant.key_file does not contain a key in PEM form "
		    "without a password: use apiclient_key.pem from the "
		    "merchant platform");
	else if (X509_check_private_key(*x, *k) != 1)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "merchant.cert_file and merchant.key_file do not belong "
		    "together: take both from one download");
out:
	BIO_free(bio_x);
	BIO_free(bio_k);
	ERR_clear_error();
	return rc;
}

static enum h5_code
read_end(const X509 *x, int64_t *end, struct h5_err *e)
{
	struct tm tm = {0};

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return h5_err_set(e, H5_E_CONFIG,
		    "the expiry date of merchant.cert_file cannot be read");
	*end = (int64_t)timegm(&tm);
	return H5_OK;
}

static enum h5_code
check_time(const X509 *x, int64_t now, struct h5_err *e)
{
	char today[H5_CLOCK_DAY], then[H5_CLOCK_DAY];
	time_t at = (time_t)now;
	enum h5_code rc;
	int64_t end;

	h5_clock_day(now, today);
	if (X509_cmp_time(X509_get0_notBefore(x), &at) > 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "merchant.cert_file is not valid yet on %s: check this "
		    "machine's clock",
		    today);
	if (X509_cmp_time(X509_get0_notAfter(x), &at) > 0)
		return H5_OK;
	/* The date is wanted for the message alone. */
	rc = read_end(x, &end, e);
	if (rc != H5_OK)
		return rc;
	h5_clock_day(end, then);
	return h5_err_set(e, H5_E_CONFIG,
	    "merchant.cert_file expired on %s: download a new certificate "
	    "from the merchant platform",
	    then);
}

/* WeChat's certificates name the merchant in CN. */
static enum h5_code
check_merchant(const X509 *x, const char *mch_id, struct h5_err *e)
{
	char cn[64] = "";

	if (X509_NAME_get_text_by_NID(
		X509_get_subject_name(x), NID_commonName, cn, sizeof cn) < 1 ||
	    cn[0] == '\0' || cn[strspn(cn, "0123456789")] != '\0' ||
	    strcmp(cn, mch_id) == 0)
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "merchant.cert_file belongs to merchant %s, not to merchant.mch_id "
	    "%s",
	    cn, mch_id);
}

enum h5_code
h5_crypto_certificate(const struct h5_buf *cert, const struct h5_buf *key,
    const char *mch_id, int64_t now, struct h5_err *e)
{
	X509 *x = NULL;
	EVP_PKEY *k = NULL;
	enum h5_code rc;

	rc = read_pair(cert, key, &x, &k, e);
	if (rc == H5_OK)
		rc = check_time(x, now, e);
	if (rc == H5_OK)
		rc = check_merchant(x, mch_id, e);
	EVP_PKEY_free(k);
	X509_free(x);
	return rc;
}

enum h5_code
h5_crypto_certificate_end(
    const struct h5_buf *cert, int64_t *end, struct h5_err *e)
{
	BIO *bio = BIO_new_mem_buf(cert->data, (int)cert->len);
	X509 *x = NULL;
	enum h5_code rc;

	if (bio == NULL)
		return h5_err_nomem(e);
	x = PEM_read_bio_X509(bio, NULL, h5_crypto_no_password, NULL);
	rc = x != NULL ? read_end(x, end, e) : no_certificate(e);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}
