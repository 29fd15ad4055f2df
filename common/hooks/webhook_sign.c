/* The signature of a webhook, as Standard Webhooks 1.0.0 says. */
#include "common/hooks/webhook.h"

#include <string.h>

#include "common/format/base64.h"
#include "common/system/crypto.h"

enum h5_code
h5_webhook_sign(const struct h5_crypto_key *key, const char *id, int64_t at,
    const char *body, size_t n, struct h5_buf *out, struct h5_err *e)
{
	unsigned char mac[32];
	struct h5_buf text;
	enum h5_code rc;

	/* The time is at most 20 digits, and two dots go with it. */
	h5_buf_init(&text, strlen(id) + n + 32);
	h5_buf_printf(&text, "%s.%lld.", id, (long long)at);
	h5_buf_add(&text, body, n);
	rc = h5_buf_finish(&text, e);
	if (rc == H5_OK)
		rc = h5_crypto_mac(key, text.data, text.len, mac, e);
	h5_buf_release(&text);
	if (rc != H5_OK)
		return rc;
	h5_buf_puts(out, "v1,");
	h5_base64_write(mac, sizeof mac, out);
	return h5_buf_finish(out, e);
}
