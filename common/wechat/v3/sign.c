/* Signs what APIv3 is asked, and what a page hands to the bridge inside
 * WeChat. */
#include "common/wechat/v3/sign.h"

#include <inttypes.h>

#include "common/format/base64.h"
#include "common/system/crypto.h"

#define MESSAGE_MAX (1U << 20) /* bytes: above any body of ours */

/* Appends the signature over message, in base64. */
static enum h5_code
sign(const struct h5_v3_keys *k, const struct h5_buf *message,
    struct h5_buf *out, struct h5_err *e)
{
	const struct h5_rsa_key *key;
	const char *mch_id, *serial;
	struct h5_buf raw;
	enum h5_code rc;

	key = h5_v3_keys_merchant(k, &mch_id, &serial);
	if (key == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "merchant.key_file was not read: this program signs "
		    "nothing");
	h5_buf_init(&raw, H5_RSA_SIGNATURE);
	rc = h5_buf_finish(message, e);
	if (rc == H5_OK)
		rc = h5_rsa_sign(key, message->data, message->len, &raw, e);
	if (rc == H5_OK) {
		h5_base64_write(raw.data, raw.len, out);
		rc = h5_buf_finish(out, e);
	}
	h5_buf_release(&raw);
	return rc;
}

enum h5_code
h5_v3_authorization(const struct h5_v3_keys *k, const struct h5_v3_request *r,
    int64_t now, struct h5_buf *out, struct h5_err *e)
{
	const char *mch_id, *serial, *nonce = r->nonce;
	struct h5_buf message;
	enum h5_code rc;
	char fresh[33];

	if (nonce == NULL) {
		rc = h5_crypto_nonce(fresh, e);
		if (rc != H5_OK)
			return rc;
		nonce = fresh;
	}
	(void)h5_v3_keys_merchant(k, &mch_id, &serial);
	h5_buf_init(&message, MESSAGE_MAX);
	h5_buf_printf(&message, "%s\n%s\n%" PRId64 "\n%s\n", r->method,
	    r->target, now, nonce);
	if (r->n > 0)
		h5_buf_add(&message, r->body, r->n);
	h5_buf_putc(&message, '\n');
	h5_buf_printf(out,
	    "WECHATPAY2-SHA256-RSA2048 mchid=\"%s\",nonce_str=\"%s\","
	    "signature=\"",
	    mch_id, nonce);
	rc = sign(k, &message, out, e);
	h5_buf_printf(
	    out, "\",timestamp=\"%" PRId64 "\",serial_no=\"%s\"", now, serial);
	if (rc == H5_OK)
		rc = h5_buf_finish(out, e);
	h5_buf_release(&message);
	return rc;
}

enum h5_code
h5_v3_pay_sign(const struct h5_v3_keys *k, const char *app_id,
    const char *time_stamp, const char *nonce_str, const char *package,
    struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf message;
	enum h5_code rc;

	h5_buf_init(&message, MESSAGE_MAX);
	h5_buf_printf(&message, "%s\n%s\n%s\n%s\n", app_id, time_stamp,
	    nonce_str, package);
	rc = sign(k, &message, out, e);
	h5_buf_release(&message);
	return rc;
}
