/* The signature of a webhook, as Standard Webhooks 1.0.0 says: made, and
 * verified for whoever tries out a shop. */
#include "common/hooks/webhook.h"

#include <string.h>

#include "common/base/text.h"
#include "common/format/base64.h"
#include "common/system/crypto.h"

#define TOLERANCE_S 300
#define SIGNATURE 64 /* "v1," and 32 bytes as base64, and NUL */

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

/* Is want among the signatures, which stand with blanks between them? */
static bool
among(const char *signatures, const char *want)
{
	const char *s = signatures;
	char one[SIGNATURE];
	bool good = false;
	size_t n;

	for (; *s != '\0'; s += n) {
		s += strspn(s, " ");
		n = strcspn(s, " ");
		if (n >= sizeof one)
			continue;
		memcpy(one, s, n);
		one[n] = '\0';
		good = h5_crypto_same(one, want) || good;
	}
	return good;
}

enum h5_code
h5_webhook_verify(const struct h5_config *c, const char *id, const char *at,
    const char *signatures, const char *body, size_t n, int64_t now,
    struct h5_err *e)
{
	const struct h5_crypto_key *keys[] = {
	    c->hooks.webhook_secret, c->hooks.webhook_secret_previous};
	struct h5_buf want;
	enum h5_code rc = H5_OK;
	bool good = false;
	uint64_t sent;
	size_t i;

	if (id == NULL || at == NULL || signatures == NULL)
		return h5_err_set(e, H5_E_INPUT,
		    "webhook-id, webhook-timestamp or webhook-signature is "
		    "missing");
	if (h5_text_u64(at, 1, INT64_MAX, &sent, NULL) != H5_OK)
		return h5_err_set(
		    e, H5_E_INPUT, "webhook-timestamp is no number of seconds");
	if ((int64_t)sent < now - TOLERANCE_S ||
	    (int64_t)sent > now + TOLERANCE_S)
		return h5_err_set(e, H5_E_STATE,
		    "webhook-timestamp is %lld s from our clock",
		    (long long)((int64_t)sent - now));
	h5_buf_init(&want, SIGNATURE);
	for (i = 0; rc == H5_OK && i < 2; i++) {
		if (keys[i] == NULL)
			continue;
		h5_buf_clear(&want);
		rc = h5_webhook_sign(
		    keys[i], id, (int64_t)sent, body, n, &want, e);
		good = good || (rc == H5_OK && among(signatures, want.data));
	}
	h5_buf_release(&want);
	if (rc == H5_OK && !good)
		rc = h5_err_set(e, H5_E_AUTH, "no signature fits the secret");
	return rc;
}
