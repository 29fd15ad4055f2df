/* sign.c - MD5 and HMAC-SHA256 signatures, random text. */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "tests/gateway/gateway.h"

const char *
gw_sign_name(enum gw_sign_type type)
{
	return type == GW_MD5 ? "MD5" : "HMAC-SHA256";
}

static int
by_name(const void *a, const void *b)
{
	const struct gw_pair *x = a;
	const struct gw_pair *y = b;

	return strcmp(x->name, y->name);
}

/* The text that is signed: PROTOCOL 1.3, steps 1 to 3. */
static void
signed_text(struct gw_buf *b, const struct gw_list *fields, const char *key)
{
	struct gw_pair *v = gw_alloc((fields->n + 1) * sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < fields->n; i++) {
		const struct gw_pair *f = &fields->v[i];

		if (strcmp(f->name, "sign") != 0 && f->value[0] != '\0')
			v[n++] = *f;
	}
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		gw_buf_putf(b, "%s=%s&", v[i].name, v[i].value);
	gw_buf_putf(b, "key=%s", key);
	free(v);
}

void
gw_sign(const struct gw_list *fields, const char *key, enum gw_sign_type type,
    char out[GW_SIGN_SIZE])
{
	static const char hex[] = "0123456789ABCDEF";
	struct gw_buf text = {0};
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	unsigned n = 0;

	signed_text(&text, fields, key);
	if (type == GW_MD5)
		EVP_Digest(text.data, text.len, digest, &n, EVP_md5(), NULL);
	else
		HMAC(EVP_sha256(), key, (int)strlen(key),
		    (const unsigned char *)text.data, text.len, digest, &n);
	for (unsigned i = 0; i < n && i < (GW_SIGN_SIZE - 1) / 2; i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[2 * n] = '\0';
	gw_buf_free(&text);
}

bool
gw_same_text(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

uint64_t
gw_random(uint64_t below)
{
	uint64_t r = 0;

	if (RAND_bytes((unsigned char *)&r, (int)sizeof(r)) != 1)
		abort();
	return r % below;
}

void
gw_random_text(char *out, size_t n)
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz";
	unsigned char bytes[64];

	for (size_t i = 0; i < n; i++) {
		if (i % sizeof(bytes) == 0 &&
		    RAND_bytes(bytes, (int)sizeof(bytes)) != 1)
			abort();
		out[i] = set[bytes[i % sizeof(bytes)] % (sizeof(set) - 1)];
	}
	out[n] = '\0';
}

void
gw_encrypt_refund(const char *text, const char *key, struct gw_buf *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(text);
	unsigned char md5[EVP_MAX_MD_SIZE] = {0};
	unsigned char hex[32];
	unsigned char *cipher = gw_alloc(n + 32);
	unsigned char *base64 = gw_alloc((n + 32) * 4 / 3 + 8);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned len = 0;
	int first = 0;
	int last = 0;

	EVP_Digest(key, strlen(key), md5, &len, EVP_md5(), NULL);
	for (size_t i = 0; i < 16; i++) {
		hex[2 * i] = (unsigned char)digits[md5[i] >> 4];
		hex[2 * i + 1] = (unsigned char)digits[md5[i] & 15];
	}
	if (ctx == NULL ||
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, hex, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, cipher, &first, (const unsigned char *)text,
		(int)n) != 1 ||
	    EVP_EncryptFinal_ex(ctx, cipher + first, &last) != 1)
		abort();
	EVP_EncodeBlock(base64, cipher, first + last);
	gw_buf_puts(out, (const char *)base64);
	EVP_CIPHER_CTX_free(ctx);
	free(cipher);
	free(base64);
}
