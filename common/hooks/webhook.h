/* webhook.h - posts one event to the shop as Standard Webhooks
 * (https://www.standardwebhooks.com, specification 1.0.0), and says whether one
 * is good. */
#ifndef H5_HOOKS_WEBHOOK_H
#define H5_HOOKS_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/system/https.h"

/* h5_webhook_sign(key, id, at, body, n, out, e): append the value of the
 * header webhook-signature: "v1," and the base64 of the HMAC-SHA256 of
 * "id.at.body".  at: Unix seconds. */
H5_MUST_CHECK enum h5_code h5_webhook_sign(const struct h5_crypto_key *key,
    const char *id, int64_t at, const char *body, size_t n, struct h5_buf *out,
    struct h5_err *e);

/* h5_webhook_verify(c, id, at, signatures, body, n, now, e): is this a webhook
 * that was signed with one of the secrets of c, within five minutes of now
 * (Unix seconds)?  at, signatures: the headers webhook-timestamp and
 * webhook-signature; NULL, like id, where one is missing.
 * H5_E_INPUT: a header is missing or malformed.
 * H5_E_STATE: it is too old, or of a time to come.
 * H5_E_AUTH: no signature fits. */
H5_MUST_CHECK enum h5_code h5_webhook_verify(const struct h5_config *c,
    const char *id, const char *at, const char *signatures, const char *body,
    size_t n, int64_t now, struct h5_err *e);

/* h5_webhook_send(c, id, body, n, e): post body once.  Blocks up to 15 s.
 * H5_OK: the shop answered with a 2xx.
 * H5_E_NET: anything else; e->msg says what. */
H5_MUST_CHECK enum h5_code h5_webhook_send(const struct h5_config *c,
    const char *id, const char *body, size_t n, struct h5_err *e);

#endif
