/* APIv2's signature: a digest over the sorted fields with the API key at their
 * end.  Messages to and from WeChat and its notices carry it. */
#include "common/wechat/v2/sign.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/base64.h"

#define REFUND_MAX 65536 /* bytes of an encrypted notice */

/* The text that is signed: name=value&...&key=KEY.  All its room is taken at
 * once, so that growing leaves no copy of the key behind. */
static enum h5_code
signed_text(const struct h5_crypto_key *k, const struct h5_fields *f,
    struct h5_buf *out, struct h5_err *e)
{
	const struct h5_field **v;
	enum h5_code rc;
	size_t i;

	rc = h5_fields_sorted(f, &v, e);
	if (rc != H5_OK)
		return rc;
	/* A failure sticks in out and is found at the end. */
	(void)h5_buf_room(out, out->max);
	for (i = 0; i < f->n; i++) {
		/* Empty values are left out, as WeChat does (PROTOCOL 1.3). */
		if (v[i]->value_len == 0 || strcmp(v[i]->name, "sign") == 0)
			continue;
		h5_buf_add(out, v[i]->name, v[i]->name_len);
		h5_buf_putc(out, '=');
		h5_buf_add(out, v[i]->value, v[i]->value_len);
		h5_buf_putc(out, '&');
	}
	free(v);
	h5_buf_puts(out, "key=");
	h5_crypto_key_put(k, out);
	return h5_buf_finish(out, e);
}

static size_t
digest_bytes(enum h5_sign_type type)
{
	return type == H5_SIGN_MD5 ? 16 : 32;
}

/* A shop that was set up for APIv3 alone, and something of APIv2. */
static enum h5_code
no_key(struct h5_err *e)
{
	return h5_err_set(e, H5_E_CONFIG,
	    "this is APIv2's, which needs merchant.api_key_file: it is not "
	    "set");
}

enum h5_code
h5_sign_fields(const struct h5_crypto_key *k, enum h5_sign_type type,
    const struct h5_fields *f, char hex[H5_SIGN_HEX], struct h5_err *e)
{
	unsigned char digest[32];
	struct h5_buf text;
	enum h5_code rc;
	size_t i;

	memset(hex, 0, H5_SIGN_HEX);
	if (k == NULL)
		return no_key(e);
	/* Exactly what is needed, for all of it is wiped. */
	h5_buf_init(&text,
	    f->bytes + 2 * f->n + sizeof "key=" + h5_crypto_key_length(k));
	rc = signed_text(k, f, &text, e);
	/* HMAC takes the key twice, as a key and at the end of the text; that
	 * is WeChat's rule. */
	if (rc == H5_OK && type == H5_SIGN_MD5)
		rc = h5_crypto_md5(text.data, text.len, digest, e);
	else if (rc == H5_OK)
		rc = h5_crypto_mac(k, text.data, text.len, digest, e);
	h5_buf_wipe(&text);
	if (rc != H5_OK)
		return rc;
	h5_text_hex(digest, digest_bytes(type), hex);
	/* WeChat writes upper case, and a comparison is of bytes. */
	for (i = 0; hex[i] != '\0'; i++)
		if (hex[i] >= 'a')
			hex[i] = (char)(hex[i] - 'a' + 'A');
	return H5_OK;
}

enum h5_code
h5_sign_type_of(
    const struct h5_fields *f, enum h5_sign_type *type, struct h5_err *e)
{
	const char *sign = h5_fields_get(f, "sign");
	size_t n = sign == NULL ? 0 : strlen(sign);

	*type = H5_SIGN_UNSAID;
	if (n == 0)
		return h5_err_set(e, H5_E_AUTH, "no sign");
	if (n == 2 * digest_bytes(H5_SIGN_MD5))
		*type = H5_SIGN_MD5;
	else if (n == 2 * digest_bytes(H5_SIGN_HMAC_SHA256))
		*type = H5_SIGN_HMAC_SHA256;
	else
		return h5_err_set(
		    e, H5_E_AUTH, "sign is neither HMAC-SHA256 nor MD5");
	return H5_OK;
}

enum h5_code
h5_sign_check(const struct h5_crypto_key *k, enum h5_sign_type type,
    const struct h5_fields *f, struct h5_err *e)
{
	const char *name = h5_order_sign_word(type);
	const char *sign = h5_fields_get(f, "sign");
	const char *own = h5_fields_get(f, "sign_type");
	char hex[H5_SIGN_HEX];
	enum h5_code rc;

	if (sign == NULL || sign[0] == '\0')
		return h5_err_set(e, H5_E_AUTH, "no sign");
	/* Pinned to the type that is due: whoever could choose it would choose
	 * the weaker one. */
	if (strlen(sign) != 2 * digest_bytes(type))
		return h5_err_set(e, H5_E_AUTH, "sign is not %s", name);
	/* A message may name its type.  If it does, it must not contradict
	 * that. */
	if (own != NULL && own[0] != '\0' && strcmp(own, name) != 0)
		return h5_err_set(e, H5_E_AUTH, "sign_type is not %s", name);
	rc = h5_sign_fields(k, type, f, hex, e);
	/* In constant time: how far it fits must not be learned. */
	if (rc == H5_OK && !h5_crypto_same(hex, sign))
		rc = h5_err_set(e, H5_E_AUTH, "wrong sign");
	explicit_bzero(hex, sizeof hex);
	return rc;
}

enum h5_code
h5_sign_open_refund(const struct h5_crypto_key *k, const char *req_info,
    struct h5_buf *out, struct h5_err *e)
{
	unsigned char digest[16];
	struct h5_buf secret, in;
	char key[33] = "";
	enum h5_code rc;

	if (k == NULL)
		return no_key(e);
	h5_buf_init(&secret, H5_CRYPTO_KEY);
	h5_buf_init(&in, REFUND_MAX);
	/* All at once, for the reason given above. */
	(void)h5_buf_room(&secret, secret.max);
	h5_crypto_key_put(k, &secret);
	rc = h5_buf_finish(&secret, e);
	if (rc == H5_OK)
		rc = h5_crypto_md5(secret.data, secret.len, digest, e);
	if (rc != H5_OK)
		goto out;
	h5_text_hex(digest, sizeof digest, key);
	rc = h5_base64_read(req_info, &in, e);
	if (rc == H5_OK)
		rc =
		    h5_crypto_open_ecb((const unsigned char *)key, &in, out, e);
	else if (rc == H5_E_INPUT)
		rc = H5_E_AUTH;
	/* One sentence for every failure: it tells a guesser nothing. */
	if (rc == H5_E_AUTH)
		rc = h5_err_set(
		    e, H5_E_AUTH, "req_info is not encrypted with our API key");
out:
	explicit_bzero(key, sizeof key);
	explicit_bzero(digest, sizeof digest);
	h5_buf_wipe(&secret);
	h5_buf_release(&in);
	return rc;
}

/* The example of WeChat Pay's own page on signatures (docs/PROTOCOL.md 11). */
static enum h5_code
test_vector(const struct h5_crypto_key *k, enum h5_sign_type type,
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
	for (i = 0; i < H5_LENGTH(pairs) && rc == H5_OK; i++)
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
	struct h5_crypto_key *k;
	enum h5_code rc;

	rc = h5_crypto_key_new(key, sizeof key - 1, &k, e);
	if (rc == H5_OK)
		rc = test_vector(
		    k, H5_SIGN_MD5, "9A0A8659F005D6984697E2CA0A9CF3B7", e);
	if (rc == H5_OK)
		rc = test_vector(k, H5_SIGN_HMAC_SHA256,
		    "6A9AE1657590FD6257D693A078E1C3E4"
		    "BB6BA4DC30B23E0EE2496E54170DACD6",
		    e);
	h5_crypto_key_free(k);
	return rc;
}
