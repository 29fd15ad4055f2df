/* Checks what WeChat signed, and opens what it sealed.  Nothing is read, parsed
 * or decrypted here before it was checked. */
#include "common/wechat/v3/check.h"

#include <string.h>

#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/base64.h"
#include "common/system/crypto.h"

#define NONCE_MAX 128 /* bytes of Wechatpay-Nonce; WeChat's have 32 */
#define MESSAGE_FRAME 256 /* bytes around the body in what is signed */

static const char *const names[] = {
    [H5_WECHAT_TIMESTAMP] = "Wechatpay-Timestamp",
    [H5_WECHAT_NONCE] = "Wechatpay-Nonce",
    [H5_WECHAT_SIGNATURE] = "Wechatpay-Signature",
    [H5_WECHAT_SERIAL] = "Wechatpay-Serial",
    [H5_WECHAT_SIGNATURE_TYPE] = "Wechatpay-Signature-Type",
};
_Static_assert(H5_LENGTH(names) == H5_WECHAT_HEADERS, "a name for each header");

const char *
h5_v3_check_name(enum h5_wechat_header which)
{
	return names[which];
}

/* The four must be there, each once; the fifth may be. */
static enum h5_code
check_headers(const struct h5_wechat_headers *h, struct h5_err *e)
{
	const char *type = h->v[H5_WECHAT_SIGNATURE_TYPE];
	size_t i;

	if (h->doubled)
		return h5_err_set(
		    e, H5_E_AUTH, "a Wechatpay-* header is there twice");
	for (i = 0; i < H5_WECHAT_SIGNATURE_TYPE; i++)
		if (h->v[i] == NULL || h->v[i][0] == '\0')
			return h5_err_set(e, H5_E_AUTH,
			    "%s is missing: does a proxy or a firewall drop "
			    "the Wechatpay-* headers?",
			    names[i]);
	/* Of another kind (SM2) we have no keys. */
	if (type != NULL && strcmp(type, "WECHATPAY2-SHA256-RSA2048") != 0)
		return h5_err_set(e, H5_E_AUTH,
		    "Wechatpay-Signature-Type is not "
		    "WECHATPAY2-SHA256-RSA2048");
	if (strlen(h->v[H5_WECHAT_NONCE]) > NONCE_MAX)
		return h5_err_set(e, H5_E_AUTH, "Wechatpay-Nonce is too long");
	return H5_OK;
}

static enum h5_code
check_time(const char *text, int64_t now, struct h5_err *e)
{
	uint64_t t;
	int64_t off;

	if (h5_text_u64(text, 0, INT64_MAX / 2, &t, NULL) != H5_OK)
		return h5_err_set(
		    e, H5_E_AUTH, "Wechatpay-Timestamp is not a number");
	off = now - (int64_t)t;
	/* WeChat signs each repetition anew, so an older one is a replay. */
	if (off > H5_V3_CLOCK_S || off < -H5_V3_CLOCK_S)
		return h5_err_set(e, H5_E_AUTH,
		    "Wechatpay-Timestamp is %lld seconds off this machine's "
		    "clock; %d are allowed",
		    off > 0 ? (long long)off : -(long long)off, H5_V3_CLOCK_S);
	return H5_OK;
}

static enum h5_code
check_serial(const struct h5_v3_keys *k, const char *serial,
    const struct h5_rsa_key **key, bool *previous, struct h5_err *e)
{
	struct h5_buf shown;

	*key = h5_v3_keys_find(k, serial, previous);
	if (*key != NULL)
		return H5_OK;
	h5_buf_init(&shown, 512);
	(void)h5_text_show(serial, H5_V3_SERIAL_MAX, "", &shown);
	(void)h5_err_set(e, H5_E_AUTH,
	    "Wechatpay-Serial %s is none of ours: check "
	    "merchant.public_key_id, merchant.platform_certs",
	    shown.data);
	h5_buf_release(&shown);
	return H5_E_AUTH;
}

/* The message is the raw bytes of the body, never what a reader makes of them.
 */
static enum h5_code
verify(const struct h5_rsa_key *key, const struct h5_wechat_headers *h,
    const char *body, size_t n, struct h5_err *e)
{
	struct h5_buf message, signature;
	enum h5_code rc;

	h5_buf_init(&signature, H5_RSA_SIGNATURE);
	h5_buf_init(&message, n + MESSAGE_FRAME);
	h5_buf_puts(&message, h->v[H5_WECHAT_TIMESTAMP]);
	h5_buf_putc(&message, '\n');
	h5_buf_puts(&message, h->v[H5_WECHAT_NONCE]);
	h5_buf_putc(&message, '\n');
	if (n > 0)
		h5_buf_add(&message, body, n);
	h5_buf_putc(&message, '\n');
	rc = h5_buf_finish(&message, e);
	if (rc == H5_OK) {
		rc = h5_base64_read(h->v[H5_WECHAT_SIGNATURE], &signature, e);
		if (rc == H5_E_INPUT)
			rc = h5_err_set(e, H5_E_AUTH,
			    "Wechatpay-Signature is not a signature");
	}
	if (rc != H5_OK)
		goto out;
	rc = h5_rsa_verify(key, message.data, message.len, &signature, e);
	if (rc == H5_E_AUTH)
		rc = h5_err_set(e, H5_E_AUTH,
		    "Wechatpay-Signature is not WeChat's: the body was changed "
		    "on its way, or merchant.public_key_file is not the key "
		    "of that id");
out:
	h5_buf_release(&signature);
	h5_buf_release(&message);
	return rc;
}

enum h5_code
h5_v3_check(const struct h5_v3_keys *k, const struct h5_wechat_headers *h,
    const char *body, size_t n, int64_t now, bool *previous, struct h5_err *e)
{
	const struct h5_rsa_key *key = NULL;
	enum h5_code rc;

	*previous = false;
	rc = check_headers(h, e);
	if (rc == H5_OK)
		rc = check_time(h->v[H5_WECHAT_TIMESTAMP], now, e);
	if (rc == H5_OK)
		rc = check_serial(k, h->v[H5_WECHAT_SERIAL], &key, previous, e);
	if (rc == H5_OK)
		rc = verify(key, h, body, n, e);
	return rc;
}

/* --- what is sealed ------------------------------------------------------- */

enum h5_code
h5_v3_decrypt(const struct h5_v3_keys *k, const struct h5_v3_sealed *s,
    struct h5_buf *out, bool *previous, struct h5_err *e)
{
	const struct h5_crypto_key *before = h5_v3_keys_secret(k, true);
	struct h5_crypto_sealed in = {
	    .nonce = s->nonce, .also = s->associated_data};
	struct h5_buf raw;
	enum h5_code rc;

	*previous = false;
	h5_buf_init(&raw, out->max - out->len + H5_CRYPTO_TAG);
	rc = h5_base64_read(s->ciphertext, &raw, e);
	in.p = raw.data;
	in.n = raw.len;
	if (rc == H5_OK)
		rc = h5_crypto_open_gcm(
		    h5_v3_keys_secret(k, false), &in, out, e);
	if (rc == H5_E_AUTH && before != NULL) {
		rc = h5_crypto_open_gcm(before, &in, out, e);
		*previous = rc == H5_OK;
	}
	if (rc == H5_E_AUTH)
		rc = h5_err_set(e, H5_E_AUTH,
		    "not encrypted with merchant.apiv3_key: check it; it is "
		    "not the APIv2 key");
	h5_buf_release(&raw);
	return rc;
}
