/* Posts one event to the shop's URL, signed as Standard Webhooks says. */
#include "common/hooks/webhook.h"

#include <string.h>

#include "common/base/clock.h"

#define CONNECT_MS 5000
#define TIMEOUT_MS 15000
#define ANSWER_MAX 65536 /* bytes; only the status is looked at */
#define HEADER_MAX 256

enum header { ID, TIMESTAMP, SIGNATURE, TYPE, HEADERS };

static enum h5_code
write_headers(const struct h5_config *c, const char *id, const char *body,
    size_t n, struct h5_buf h[HEADERS], struct h5_err *e)
{
	/* The time is signed with the rest, so that a shop can refuse what
	 * somebody recorded and sends again later. */
	int64_t at = h5_clock_now();
	enum h5_code rc;
	size_t i;

	h5_buf_printf(&h[ID], "webhook-id: %s", id);
	h5_buf_printf(&h[TIMESTAMP], "webhook-timestamp: %lld", (long long)at);
	h5_buf_puts(&h[SIGNATURE], "webhook-signature: ");
	rc = h5_webhook_sign(
	    c->hooks.webhook_secret, id, at, body, n, &h[SIGNATURE], e);
	/* The shop may know the one key or the other. */
	if (rc == H5_OK && c->hooks.webhook_secret_previous != NULL) {
		h5_buf_putc(&h[SIGNATURE], ' ');
		rc = h5_webhook_sign(c->hooks.webhook_secret_previous, id, at,
		    body, n, &h[SIGNATURE], e);
	}
	h5_buf_puts(&h[TYPE], "Content-Type: application/json");
	for (i = 0; rc == H5_OK && i < HEADERS; i++)
		rc = h5_buf_finish(&h[i], e);
	return rc;
}

static enum h5_code
post(const struct h5_config *c, const struct h5_buf h[HEADERS],
    const char *body, size_t n, struct h5_err *e)
{
	/* The shop has a certificate of a public authority, so the system's
	 * bundle is used: gateway.ca_file may hold WeChat's authority alone. */
	struct h5_https_options o = {
	    .connect_timeout_ms = CONNECT_MS, .timeout_ms = TIMEOUT_MS};
	const char *headers[HEADERS];
	struct h5_https_request q = {.method = H5_HTTPS_POST,
	    .url = c->hooks.webhook_url,
	    .headers = headers,
	    .n_headers = HEADERS,
	    .body = body,
	    .body_len = n,
	    .timeout_ms = TIMEOUT_MS};
	struct h5_https_answer a;
	struct h5_https *https;
	struct h5_buf answer;
	enum h5_code rc;
	size_t i;

	rc = h5_https_new(&o, &https, e);
	if (rc != H5_OK)
		return rc;
	for (i = 0; i < HEADERS; i++)
		headers[i] = h[i].data;
	h5_buf_init(&answer, ANSWER_MAX);
	rc = h5_https_call(https, &q, &answer, &a, e);
	/* An answer that is too long is an answer all the same: its status has
	 * arrived. */
	if ((rc == H5_OK || rc == H5_E_REMOTE) && a.status >= 200 &&
	    a.status < 300)
		rc = H5_OK;
	else if (rc == H5_OK || rc == H5_E_REMOTE)
		rc = h5_err_set(e, H5_E_NET, "HTTP status %ld", a.status);
	h5_buf_release(&answer);
	h5_https_free(https);
	return rc;
}

enum h5_code
h5_webhook_send(const struct h5_config *c, const char *id, const char *body,
    size_t n, struct h5_err *e)
{
	struct h5_buf h[HEADERS];
	enum h5_code rc;
	size_t i;

	for (i = 0; i < HEADERS; i++)
		h5_buf_init(&h[i], HEADER_MAX);
	rc = write_headers(c, id, body, n, h, e);
	if (rc == H5_OK)
		rc = post(c, h, body, n, e);
	for (i = 0; i < HEADERS; i++)
		h5_buf_release(&h[i]);
	return rc;
}
