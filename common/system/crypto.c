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

#define KEY_MAX 4096
#define BLOCK 16 /* AES, bytes */
#define REFUND_MAX 65536 /* bytes of a decrypted notice */

/* Filled once and only read after that, so threads may share it: md5 and mac
 * are copied from, never run. */
struct h5_sign_key {
	EVP_MD *md5; /* NULL where the provider has none (FIPS) */
	EVP_MAC_CTX *mac; /* HMAC-SHA256, keyed */
	size_t n;
	unsigned char bytes[KEY_MAX];
};

void
h5_sign_start_lean(void)
{
	/* If it fails, it starts as it always does. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
				      OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
				      OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
				      OPENSSL_INIT_NO_ATEXIT,
	    NULL);
}

/* OpenSSL refused.  Its queue is per thread and would grow. */
static enum h5_code
refused(const char *what, struct h5_err *e)
{
	ERR_clear_error();
	return h5_err_set(e, H5_E_BUG, "OpenSSL cannot do %s here", what);
}

static enum h5_code
start_mac(struct h5_sign_key *k, struct h5_err *e)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[2];
	EVP_MAC *hmac;

	params[0] =
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hmac == NULL)
		return refused("HMAC", e);
	k->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (k->mac == NULL || EVP_MAC_init(k->mac, k->bytes, k->n, params) != 1)
		return refused("HMAC-SHA256", e);
	return H5_OK;
}

enum h5_code
h5_sign_key_new(
    const void *p, size_t n, struct h5_sign_key **out, struct h5_err *e)
{
	struct h5_sign_key *k;
	enum h5_code rc;

	*out = NULL;
	if (n < 1 || n > KEY_MAX)
		return h5_err_set(
		    e, H5_E_INPUT, "a key has 1 to %d bytes", KEY_MAX);
	k = calloc(1, sizeof *k);
	if (k == NULL)
		return h5_err_nomem(e);
	memcpy(k->bytes, p, n);
	k->n = n;
	rc = start_mac(k, e);
	if (rc != H5_OK) {
		h5_sign_key_free(k);
		return rc;
	}
	/* A shop that signs with HMAC does not need MD5: its absence counts
	 * only when it is asked for. */
	k->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	ERR_clear_error();
	*out = k;
	return H5_OK;
}

void
h5_sign_key_free(struct h5_sign_key *k)
{
	if (k == NULL)
		return;
	EVP_MD_free(k->md5);
	EVP_MAC_CTX_free(k->mac);
	OPENSSL_cleanse(k, sizeof *k);
	free(k);
}

static enum h5_code
md5(const struct h5_sign_key *k, const void *p, size_t n, unsigned char out[16],
    struct h5_err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	memset(out, 0, 16);
	if (k->md5 == NULL ||
	    EVP_Digest(p, n, digest, &len, k->md5, NULL) != 1 || len != 16)
		return refused("MD5", e);
	memcpy(out, digest, 16);
	OPENSSL_cleanse(digest, sizeof digest);
	return H5_OK;
}

enum h5_code
h5_sign_mac(const struct h5_sign_key *k, const void *p, size_t n,
    unsigned char out[32], struct h5_err *e)
{
	EVP_MAC_CTX *ctx;
	size_t len = 0;
	bool done;

	ctx = EVP_MAC_CTX_dup(k->mac);
	done = ctx != NULL && EVP_MAC_update(ctx, p, n) == 1 &&
	       EVP_MAC_final(ctx, out, &len, 32) == 1 && len == 32;
	EVP_MAC_CTX_free(ctx);
	if (done)
		return H5_OK;
	memset(out, 0, 32);
	return refused("HMAC-SHA256", e);
}

enum h5_code
h5_sign_sha256(const void *p, size_t n, unsigned char out[32], struct h5_err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD *md;
	bool done;

	memset(out, 0, 32);
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	done = md != NULL && EVP_Digest(p, n, digest, &len, md, NULL) == 1 &&
	       len == 32;
	EVP_MD_free(md);
	if (!done)
		return refused("SHA-256", e);
	memcpy(out, digest, 32);
	return H5_OK;
}

/* The text that is signed: name=value&...&key=KEY.  All room is taken at
 * once, so that no copy of the key is left behind by growing. */
static enum h5_code
signed_text(const struct h5_sign_key *k, const struct h5_fields *f,
    struct h5_buf *out, struct h5_err *e)
{
	const struct h5_field **v;
	enum h5_code rc;
	size_t i;

	rc = h5_fields_sorted(f, &v, e);
	if (rc != H5_OK)
		return rc;
	(void)h5_buf_room(out, out->max);
	for (i = 0; i < f->n; i++) {
		if (v[i]->value_len == 0 || strcmp(v[i]->name, "sign") == 0)
			continue;
		h5_buf_add(out, v[i]->name, v[i]->name_len);
		h5_buf_putc(out, '=');
		h5_buf_add(out, v[i]->value, v[i]->value_len);
		h5_buf_putc(out, '&');
	}
	free(v);
	h5_buf_puts(out, "key=");
	h5_buf_add(out, k->bytes, k->n);
	return h5_buf_finish(out, e);
}

static size_t
digest_bytes(enum h5_sign_type type)
{
	return type == H5_SIGN_MD5 ? 16 : 32;
}

enum h5_code
h5_sign_fields(const struct h5_sign_key *k, enum h5_sign_type type,
    const struct h5_fields *f, char hex[H5_SIGN_HEX], struct h5_err *e)
{
	unsigned char digest[32];
	struct h5_buf text;
	enum h5_code rc;
	size_t i;

	memset(hex, 0, H5_SIGN_HEX);
	h5_buf_init(&text, f->bytes + 2 * f->n + sizeof "key=" + k->n);
	rc = signed_text(k, f, &text, e);
	if (rc == H5_OK && type == H5_SIGN_MD5)
		rc = md5(k, text.data, text.len, digest, e);
	else if (rc == H5_OK)
		rc = h5_sign_mac(k, text.data, text.len, digest, e);
	h5_buf_wipe(&text);
	if (rc != H5_OK)
		return rc;
	h5_text_hex(digest, digest_bytes(type), hex);
	for (i = 0; hex[i] != '\0'; i++)
		if (hex[i] >= 'a')
			hex[i] = (char)(hex[i] - 'a' + 'A');
	return H5_OK;
}

enum h5_code
h5_sign_check(const struct h5_sign_key *k, enum h5_sign_type type,
    const struct h5_fields *f, struct h5_err *e)
{
	const char *name = type == H5_SIGN_MD5 ? "MD5" : "HMAC-SHA256";
	const char *sign = h5_fields_get(f, "sign");
	const char *own = h5_fields_get(f, "sign_type");
	char hex[H5_SIGN_HEX];
	enum h5_code rc;

	if (sign == NULL || sign[0] == '\0')
		return h5_err_set(e, H5_E_AUTH, "no sign");
	/* Pinned to the configured type: whoever could choose it would choose
	 * the weaker one. */
	if (strlen(sign) != 2 * digest_bytes(type))
		return h5_err_set(e, H5_E_AUTH, "sign is not %s", name);
	if (own != NULL && own[0] != '\0' && strcmp(own, name) != 0)
		return h5_err_set(e, H5_E_AUTH, "sign_type is not %s", name);
	rc = h5_sign_fields(k, type, f, hex, e);
	if (rc == H5_OK && !h5_sign_same(hex, sign))
		rc = h5_err_set(e, H5_E_AUTH, "wrong sign");
	OPENSSL_cleanse(hex, sizeof hex);
	return rc;
}

enum h5_code
h5_sign_random(void *p, size_t n, struct h5_err *e)
{
	unsigned char *to = p;
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = getrandom(to + have, n - have, 0);
		if (got > 0) {
			have += (size_t)got;
		} else if (got < 0 && errno != EINTR) {
			explicit_bzero(p, n);
			return h5_err_sys(e, H5_E_IO, errno, "no random bytes");
		}
	}
	return H5_OK;
}

enum h5_code
h5_sign_nonce(char out[33], struct h5_err *e)
{
	unsigned char bytes[16];
	enum h5_code rc;

	out[0] = '\0';
	rc = h5_sign_random(bytes, sizeof bytes, e);
	if (rc == H5_OK)
		h5_text_hex(bytes, sizeof bytes, out);
	return rc;
}

bool
h5_sign_same(const char *a, const char *b)
{
	volatile unsigned char different = 0;
	size_t i, at = 0;

	/* at stops at a's NUL, which differs from whatever b still has. */
	for (i = 0; b[i] != '\0'; i++) {
		different = (unsigned char)(different | (a[at] ^ b[i]));
		at += a[at] != '\0';
	}
	return (different | (unsigned char)a[at]) == 0;
}

void
h5_sign_base64(const void *p, size_t n, struct h5_buf *out)
{
	const unsigned char *from = p;
	size_t chunk;
	char *to;

	for (; n > 0; n -= chunk) {
		/* A multiple of 3: only the last chunk is padded. */
		chunk = n < 3072 ? n : 3072;
		to = h5_buf_room(out, (chunk + 2) / 3 * 4);
		if (to == NULL)
			return;
		(void)EVP_EncodeBlock((unsigned char *)to, from, (int)chunk);
		h5_buf_commit(out, (chunk + 2) / 3 * 4);
		from += chunk;
	}
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void
forget_from(struct h5_buf *b, size_t len)
{
	if (b->len <= len)
		return;
	explicit_bzero(b->data + len, b->len - len);
	b->len = len;
}

enum h5_code
h5_sign_unbase64(const char *s, struct h5_buf *out, struct h5_err *e)
{
	size_t before = out->len, digits = 0, pads = 0;
	unsigned bits = 0;
	bool good = true;
	enum h5_code rc;
	int value;

	for (; *s != '\0' && good; s++) {
		if (*s == '\n' || *s == '\r')
			continue;
		value = base64_value(*s);
		pads += *s == '=';
		/* Nothing follows a pad but another pad. */
		good = *s == '=' || (value >= 0 && pads == 0);
		if (!good || *s == '=')
			continue;
		bits = bits << 6 | (unsigned)value;
		digits++;
		if (digits % 4 != 1)
			h5_buf_putc(
			    out, (char)(bits >> (6 - 2 * ((digits - 1) % 4)) &
					0xff));
	}
	/* Whole groups, the right pads, and no bits that nobody reads: one
	 * text for one value. */
	good = good && (digits + pads) % 4 == 0 && pads <= 2 &&
	       digits % 4 != 1 && (pads == 0 || digits % 4 != 0) &&
	       (digits % 4 != 2 || (bits & 15) == 0) &&
	       (digits % 4 != 3 || (bits & 3) == 0);
	rc = h5_buf_finish(out, e);
	if (rc == H5_OK && !good)
		rc = h5_err_set(e, H5_E_INPUT, "not base64");
	if (rc != H5_OK)
		forget_from(out, before);
	return rc;
}

/* PKCS#7 is checked by EVP_DecryptFinal_ex; one word for every failure, so
 * that the answer tells a guesser nothing. */
static enum h5_code
open_ecb(const unsigned char key[32], const struct h5_buf *in,
    struct h5_buf *out, struct h5_err *e)
{
	EVP_CIPHER *aes = NULL;
	EVP_CIPHER_CTX *ctx = NULL;
	enum h5_code rc = H5_E_BUG;
	unsigned char *to;
	int len = 0, rest = 0;

	to = (unsigned char *)h5_buf_room(out, in->len + BLOCK);
	if (to == NULL)
		return h5_buf_finish(out, e);
	aes = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	ctx = EVP_CIPHER_CTX_new();
	if (aes == NULL || ctx == NULL ||
	    EVP_DecryptInit_ex2(ctx, aes, key, NULL, NULL) != 1 ||
	    EVP_DecryptUpdate(ctx, to, &len, (const unsigned char *)in->data,
		(int)in->len) != 1) {
		rc = refused("AES-256-ECB", e);
		goto out;
	}
	if (EVP_DecryptFinal_ex(ctx, to + len, &rest) != 1) {
		ERR_clear_error();
		rc = h5_err_set(
		    e, H5_E_AUTH, "req_info is not encrypted with our API key");
		goto out;
	}
	h5_buf_commit(out, (size_t)len + (size_t)rest);
	rc = H5_OK;
out:
	if (rc != H5_OK)
		explicit_bzero(to, in->len + BLOCK);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(aes);
	return rc;
}

enum h5_code
h5_sign_open_refund(const struct h5_sign_key *k, const char *req_info,
    struct h5_buf *out, struct h5_err *e)
{
	unsigned char digest[16];
	struct h5_buf in;
	char key[33] = "";
	enum h5_code rc;

	h5_buf_init(&in, REFUND_MAX);
	rc = h5_sign_unbase64(req_info, &in, e);
	if (rc == H5_E_INPUT || (rc == H5_OK && in.len % BLOCK != 0) ||
	    (rc == H5_OK && in.len == 0))
		rc = h5_err_set(
		    e, H5_E_AUTH, "req_info is not encrypted with our API key");
	if (rc == H5_OK)
		rc = md5(k, k->bytes, k->n, digest, e);
	if (rc == H5_OK) {
		h5_text_hex(digest, sizeof digest, key);
		rc = open_ecb((const unsigned char *)key, &in, out, e);
	}
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(digest, sizeof digest);
	h5_buf_release(&in);
	return rc;
}

/* --- the merchant's certificate --- */

/* Nobody is asked for a password: a program has no one to ask. */
static int
no_password(char *to, int size, int rw, void *arg)
{
	(void)to;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
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
	*x = PEM_read_bio_X509(bio_x, NULL, no_password, NULL);
	*k = PEM_read_bio_PrivateKey(bio_k, NULL, no_password, NULL);
	if (*x == NULL)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "merchant.cert_file holds no certificate in PEM form: "
		    "apiclient_cert.pem of the merchant platform is one");
	else if (*k == NULL)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "merchant.key_file holds no key in PEM form without a "
		    "password: apiclient_key.pem of the merchant platform is "
		    "one");
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
check_time(const X509 *x, int64_t now, struct h5_err *e)
{
	char today[H5_CLOCK_DAY], then[H5_CLOCK_DAY];
	time_t at = (time_t)now;
	struct tm tm = {0};

	h5_clock_day(now, today);
	if (X509_cmp_time(X509_get0_notBefore(x), &at) > 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "merchant.cert_file is not valid yet on %s: is this "
		    "machine's clock right?",
		    today);
	if (X509_cmp_time(X509_get0_notAfter(x), &at) > 0)
		return H5_OK;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return h5_err_set(e, H5_E_CONFIG,
		    "merchant.cert_file has no end that can be read");
	h5_clock_day((int64_t)timegm(&tm), then);
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
	    "merchant.cert_file is of merchant %s, not of merchant.mch_id %s",
	    cn, mch_id);
}

enum h5_code
h5_sign_certificate(const struct h5_buf *cert, const struct h5_buf *key,
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

/* The example of WeChat Pay's own page on signatures (PROTOCOL 11, 1 and 2). */
static enum h5_code
test_vector(const struct h5_sign_key *k, enum h5_sign_type type,
    const char *expected, struct h5_err *e)
{
	static const char *const pairs[][2] = {
	    {"appid", "wxd930ea5d5a258f4f"},
	    {"mch_id", "10000100"},
	    {"device_info", "1000"},
	    {"body", "test"},
	    {"nonce_str", "ibuaiVcKdpRxkhJA"},
	};
	char hex[H5_SIGN_HEX];
	struct h5_fields f;
	enum h5_code rc = H5_OK;
	size_t i;

	h5_fields_init(&f, 8, 256);
	for (i = 0; i < sizeof pairs / sizeof pairs[0] && rc == H5_OK; i++)
		rc = h5_fields_add(&f, pairs[i][0], pairs[i][1], e);
	if (rc == H5_OK)
		rc = h5_sign_fields(k, type, &f, hex, e);
	if (rc == H5_OK && strcmp(hex, expected) != 0)
		rc = h5_err_set(
		    e, H5_E_BUG, "OpenSSL's digests are wrong on this machine");
	h5_fields_release(&f);
	return rc;
}

enum h5_code
h5_sign_self_test(struct h5_err *e)
{
	static const char key[] = "192006250b4c09247ec02edce69f6a2d";
	struct h5_sign_key *k;
	enum h5_code rc;

	rc = h5_sign_key_new(key, sizeof key - 1, &k, e);
	if (rc == H5_OK)
		rc = test_vector(
		    k, H5_SIGN_MD5, "9A0A8659F005D6984697E2CA0A9CF3B7", e);
	if (rc == H5_OK)
		rc = test_vector(k, H5_SIGN_HMAC_SHA256,
		    "6A9AE1657590FD6257D693A078E1C3E4"
		    "BB6BA4DC30B23E0EE2496E54170DACD6",
		    e);
	h5_sign_key_free(k);
	return rc;
}
