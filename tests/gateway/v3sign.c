/* v3sign.c - APIv3's keys, signatures and encryption, by OpenSSL alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "tests/gateway/gateway.h"

enum {
	TAG = 16,
	NONCE = 12, /* of AES-GCM, as in live messages */
};

struct gw_v3_keys {
	EVP_PKEY *merchant; /* public half */
	EVP_PKEY *wechat; /* private half of the WeChat Pay public key */
	EVP_PKEY *platform; /* private half of the platform certificate */
	char *certificate; /* PEM */
	char merchant_serial[80];
	char platform_serial[80];
	char from[32]; /* the certificate's time, RFC 3339 */
	char to[32];
};

/* ---- loading --------------------------------------------------------- */

static void *
fail(const char *path, const char *what)
{
	fprintf(stderr, "gateway: %s: %s\n", path, what);
	return NULL;
}

static EVP_PKEY *
load_key(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = NULL;

	if (f != NULL) {
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	return key != NULL ? key : fail(path, "no private key");
}

static X509 *
load_certificate(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *cert = NULL;

	if (f != NULL) {
		cert = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
	}
	return cert != NULL ? cert : fail(path, "no certificate");
}

/* As openssl x509 -serial writes it. */
static void
serial_of(X509 *cert, char *out, size_t size)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = n != NULL ? BN_bn2hex(n) : NULL;

	if (hex == NULL)
		abort();
	gw_copy(out, size, hex);
	OPENSSL_free(hex);
	BN_free(n);
}

static void
time_of(const ASN1_TIME *t, char out[32])
{
	struct tm tm = {0};

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		abort();
	strftime(out, 32, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
}

static void
load_platform(struct gw_v3_keys *k, X509 *cert)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n;

	if (b == NULL || PEM_write_bio_X509(b, cert) != 1)
		abort();
	n = BIO_get_mem_data(b, &text);
	k->certificate = gw_alloc((size_t)n + 1);
	memcpy(k->certificate, text, (size_t)n);
	BIO_free(b);
	serial_of(cert, k->platform_serial, sizeof(k->platform_serial));
	time_of(X509_get0_notBefore(cert), k->from);
	time_of(X509_get0_notAfter(cert), k->to);
}

struct gw_v3_keys *
gw_v3_keys_load(const struct gw_setup *s)
{
	struct gw_v3_keys *k = gw_alloc(sizeof(*k));
	X509 *merchant = load_certificate(s->merchant_cert);
	X509 *platform = load_certificate(s->platform_cert);

	if (merchant != NULL && platform != NULL) {
		k->merchant = X509_get_pubkey(merchant);
		serial_of(
		    merchant, k->merchant_serial, sizeof(k->merchant_serial));
		load_platform(k, platform);
		k->platform = load_key(s->platform_key);
		if (s->wechat_key != NULL)
			k->wechat = load_key(s->wechat_key);
	}
	X509_free(merchant);
	X509_free(platform);
	if (k->merchant != NULL && k->platform != NULL &&
	    (s->wechat_key == NULL || k->wechat != NULL))
		return k;
	gw_v3_keys_free(k);
	return NULL;
}

void
gw_v3_keys_free(struct gw_v3_keys *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->merchant);
	EVP_PKEY_free(k->wechat);
	EVP_PKEY_free(k->platform);
	free(k->certificate);
	free(k);
}

const char *
gw_v3_merchant_serial(const struct gw_v3_keys *k)
{
	return k->merchant_serial;
}

const char *
gw_v3_platform_serial(const struct gw_v3_keys *k)
{
	return k->platform_serial;
}

/* ---- base64, hashes -------------------------------------------------- */

void
gw_base64(struct gw_buf *out, const void *bytes, size_t n)
{
	unsigned char *text = gw_alloc(n / 3 * 4 + 8);

	EVP_EncodeBlock(text, bytes, (int)n);
	gw_buf_puts(out, (const char *)text);
	free(text);
}

/* One line, no blanks, padded. */
static bool
unbase64(const char *text, struct gw_buf *out)
{
	size_t n = strlen(text);
	unsigned char *bytes;
	int got;

	if (n == 0 || n % 4 != 0 || n > 4096 ||
	    strpbrk(text, " \t\r\n-") != NULL)
		return false;
	bytes = gw_alloc(n);
	got = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n);
	for (size_t i = n; got > 0 && i > n - 2 && text[i - 1] == '='; i--)
		got--;
	if (got > 0)
		gw_buf_add(out, (const char *)bytes, (size_t)got);
	free(bytes);
	return got > 0;
}

void
gw_sha1(const struct gw_buf *in, char out[41])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	unsigned n = 0;

	EVP_Digest(in->data, in->len, digest, &n, EVP_sha1(), NULL);
	for (unsigned i = 0; i < 20; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- signatures ------------------------------------------------------ */

void
gw_v3_sign(const struct gw_v3_keys *k, bool by_public_key,
    const struct gw_buf *message, struct gw_buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = by_public_key ? k->wechat : k->platform;
	unsigned char sign[1024];
	size_t n = sizeof(sign);

	if (ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sign, &n, (const unsigned char *)message->data,
		message->len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	gw_base64(out, sign, n);
}

bool
gw_v3_signed(const struct gw_v3_keys *k, const struct gw_buf *message,
    const char *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct gw_buf sign = {0};
	bool ok = false;

	if (ctx == NULL)
		abort();
	if (unbase64(signature, &sign))
		ok = EVP_DigestVerifyInit(
			 ctx, NULL, EVP_sha256(), NULL, k->merchant) == 1 &&
		     EVP_DigestVerify(ctx, (const unsigned char *)sign.data,
			 sign.len, (const unsigned char *)message->data,
			 message->len) == 1;
	EVP_MD_CTX_free(ctx);
	gw_buf_free(&sign);
	return ok;
}

/* ---- AES-256-GCM ----------------------------------------------------- */

void
gw_v3_encrypt(const char *key, const char *nonce, const char *aad,
    const char *text, struct gw_buf *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t n = strlen(text);
	unsigned char *cipher = gw_alloc(n + TAG + 16);
	int got = 0;
	int len = 0;

	if (ctx == NULL || strlen(key) != 32 ||
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		ctx, EVP_CTRL_GCM_SET_IVLEN, (int)strlen(nonce), NULL) != 1 ||
	    EVP_EncryptInit_ex(ctx, NULL, NULL, (const unsigned char *)key,
		(const unsigned char *)nonce) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)aad,
		(int)strlen(aad)) != 1 ||
	    EVP_EncryptUpdate(
		ctx, cipher, &got, (const unsigned char *)text, (int)n) != 1 ||
	    EVP_EncryptFinal_ex(ctx, cipher + got, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, cipher + got) !=
		1)
		abort();
	EVP_CIPHER_CTX_free(ctx);
	gw_base64(out, cipher, (size_t)got + TAG);
	free(cipher);
}

void
gw_v3_certificate(
    const struct gw_v3_keys *k, const char *key, struct gw_buf *out)
{
	struct gw_buf cipher = {0};
	char nonce[NONCE + 1];

	gw_random_text(nonce, NONCE);
	gw_v3_encrypt(key, nonce, "certificate", k->certificate, &cipher);
	gw_buf_putf(out,
	    "{\"serial_no\":\"%s\",\"effective_time\":\"%s\","
	    "\"expire_time\":\"%s\",\"encrypt_certificate\":{"
	    "\"algorithm\":\"AEAD_AES_256_GCM\",\"nonce\":\"%s\","
	    "\"associated_data\":\"certificate\",\"ciphertext\":\"%s\"}}",
	    k->platform_serial, k->from, k->to, nonce, cipher.data);
	gw_buf_free(&cipher);
}
