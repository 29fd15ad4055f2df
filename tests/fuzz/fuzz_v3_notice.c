/* Notices of APIv3.  A signature cannot be guessed, so whether it is good is a
 * bit of the first byte; the inside of a notice is sealed here as WeChat does.
 *   first byte: 1: the signature is good; 2: what follows is the inside; 4: by
 *   the APIv3 key before; 8: signed by the public key before; 16, 32: the event
 */
#include <jansson.h>
#include <openssl/evp.h>

#include "tests/fuzz/fuzz.h"

#include "common/format/base64.h"
#include "common/system/rsa.h"
#include "common/wechat/v3/keys.h"
#include "common/wechat/v3/notice.h"

#define NOW 1764496800
#define KEY "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
#define KEY_BEFORE "00000000000000000000000000000000"
#define NONCE "fdasflkja484"

static const char *const events[] = {"TRANSACTION.SUCCESS", "REFUND.CLOSED",
    "SECURITY_ECHO.SUCCESS", "COUPON.USE"};
static bool signature_good;

/* The linker puts these in the place of ours. */
enum h5_code __wrap_h5_rsa_verify(const struct h5_rsa_key *k, const void *p,
    size_t n, const struct h5_buf *signature, struct h5_err *e);
const struct h5_rsa_key *__wrap_h5_v3_keys_find(
    const struct h5_v3_keys *k, const char *serial, bool *previous);
const struct h5_crypto_key *__wrap_h5_v3_keys_secret(
    const struct h5_v3_keys *k, bool previous);

enum h5_code
__wrap_h5_rsa_verify(const struct h5_rsa_key *k, const void *p, size_t n,
    const struct h5_buf *signature, struct h5_err *e)
{
	(void)k;
	(void)p;
	(void)n;
	(void)signature;
	return signature_good ? H5_OK : h5_err_set(e, H5_E_AUTH, "wrong");
}

const struct h5_rsa_key *
__wrap_h5_v3_keys_find(
    const struct h5_v3_keys *k, const char *serial, bool *previous)
{
	*previous = strcmp(serial, "PUB_KEY_ID_0") == 0;
	return *previous || strcmp(serial, "PUB_KEY_ID_1") == 0
		   ? (const void *)k
		   : NULL;
}

const struct h5_crypto_key *
__wrap_h5_v3_keys_secret(const struct h5_v3_keys *k, bool previous)
{
	static struct h5_crypto_key *keys[2];

	(void)k;
	if (keys[0] == NULL)
		MUST(
		    h5_crypto_key_new(KEY, 32, &keys[0], NULL) == H5_OK &&
		    h5_crypto_key_new(KEY_BEFORE, 32, &keys[1], NULL) == H5_OK);
	return keys[previous];
}

static const struct h5_config *
config(void)
{
	static char appid[] = "wxd678efh567hg6787", mch_id[] = "1900000109";
	static struct h5_config c;
	static int keys;

	c.merchant.appid = appid;
	c.merchant.mch_id = mch_id;
	c.merchant.v3 = (void *)&keys;
	return &c;
}

static void
seal(const char *p, size_t n, const char *key, const char *event,
    struct h5_buf *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *to = malloc(n + 32);
	int len = 0, rest = 0, ignored;

	MUST(ctx != NULL && to != NULL);
	MUST(
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL,
		(const unsigned char *)key, (const unsigned char *)NONCE) == 1);
	MUST(EVP_EncryptUpdate(ctx, NULL, &ignored,
		 (const unsigned char *)"transaction", 11) == 1);
	MUST(EVP_EncryptUpdate(
		 ctx, to, &len, (const unsigned char *)p, (int)n) == 1);
	MUST(EVP_EncryptFinal_ex(ctx, to + len, &rest) == 1);
	MUST(EVP_CIPHER_CTX_ctrl(
		 ctx, EVP_CTRL_AEAD_GET_TAG, 16, to + len + rest) == 1);
	h5_buf_printf(out,
	    "{\"event_type\":\"%s\",\"resource\":{\"algorithm\":"
	    "\"AEAD_AES_256_GCM\",\"nonce\":\"" NONCE
	    "\",\"associated_data\":\"transaction\",\"ciphertext\":\"",
	    event);
	h5_base64_write(to, n + 16, out);
	h5_buf_puts(out, "\"}}");
	EVP_CIPHER_CTX_free(ctx);
	free(to);
}

static const char *
text_of(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

/* What is believed is what was sealed: about us, and to the fen. */
static void
same(const char *p, size_t n, const struct h5_wechat_trade *t)
{
	size_t bom = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	json_t *j = json_loadb(p + bom, n - bom, JSON_ALLOW_NUL, NULL), *total;

	if (j == NULL)
		return; /* it holds a number that jansson cannot */
	total = json_object_get(json_object_get(j, "amount"), "total");
	MUST(strcmp(text_of(j, "mchid"), "1900000109") == 0);
	MUST(strcmp(text_of(j, "appid"), "wxd678efh567hg6787") == 0);
	MUST(strcmp(text_of(j, "out_trade_no"), t->out_trade_no) == 0);
	MUST(strcmp(text_of(j, "transaction_id"), t->transaction_id) == 0);
	MUST(json_is_integer(total) &&
	     json_integer_value(total) == t->total_fee && t->total_fee > 0);
	json_decref(j);
}

static void
notice(unsigned how, const char *body, size_t n, const char *sealed,
    size_t sealed_n)
{
	char time[] = "1764496800", nonce[] = "n", signature[] = "AAAA";
	char serial[] = "PUB_KEY_ID_1";
	struct h5_wechat_headers h = {
	    true, false, {time, nonce, signature, serial, NULL}};
	bool previous = (how & 8) != 0 || (sealed != NULL && (how & 4) != 0);
	struct h5_wechat_hint hint;
	struct h5_wechat_trade t;
	enum h5_wechat_kind kind;
	enum h5_code rc;

	if ((how & 8) != 0)
		serial[11] = '0';
	signature_good = (how & 1) != 0;
	rc = h5_v3_read_notice(config(), &(struct h5_v3_notice){&h, body, n},
	    NOW, &kind, &t, &hint, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT || rc == H5_E_AUTH ||
	     rc == H5_E_STATE || rc == H5_E_NOTFOUND);
	if (!signature_good)
		MUST(rc == H5_E_AUTH);
	if (rc != H5_OK || kind == H5_WECHAT_UNUSED)
		MUST(!t.paid && t.out_trade_no[0] == '\0' &&
		     hint.out_trade_no[0] == '\0' && hint.echo[0] == '\0' &&
		     kind == H5_WECHAT_UNUSED);
	if (rc == H5_OK &&
	    (kind == H5_WECHAT_PAYMENT || kind == H5_WECHAT_PAYMENT_HINT)) {
		MUST(t.paid && t.transaction_id[0] != '\0');
		MUST(t.api == H5_API_V3);
		if (sealed != NULL) {
			MUST((kind == H5_WECHAT_PAYMENT_HINT) == previous);
			same(sealed, sealed_n, &t);
		}
	}
	if (rc == H5_OK && kind == H5_WECHAT_REFUND)
		MUST(hint.out_trade_no[0] != '\0' &&
		     hint.out_refund_no[0] != '\0' &&
		     hint.refund_status[0] != '\0' && hint.refund_fee >= 0);
	h5_wechat_trade_release(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned how = size > 0 ? data[0] : 0;
	const char *p = (const char *)data + (size > 0);
	size_t n = size - (size > 0);
	struct h5_buf out;

	if ((how & 2) == 0) {
		notice(how, p, n, NULL, 0);
		return 0;
	}
	h5_buf_init(&out, 1 << 20);
	seal(p, n, (how & 4) != 0 ? KEY_BEFORE : KEY, events[how >> 4 & 3],
	    &out);
	MUST(h5_buf_finish(&out, NULL) == H5_OK);
	notice(how, out.data, out.len, p, n);
	h5_buf_release(&out);
	return 0;
}
