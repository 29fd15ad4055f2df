/* webhook.h - posts one event to the shop as Standard Webhooks
 * (https://www.standardwebhooks.com, specification 1.0.0).  Private to
 * hooks. */
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

/* h5_webhook_send(c, id, body, n, e): post body once.  Blocks up to 15 s.
 * H5_OK: the shop answered with a 2xx.
 * H5_E_NET: anything else; e->msg says what. */
H5_MUST_CHECK enum h5_code h5_webhook_send(const struct h5_config *c,
    const char *id, const char *body, size_t n, struct h5_err *e);

#endif
