/* link.h - makes and checks what cannot be guessed: the signature of a pay
 * link, the token of an order, the token of a form.
 * A missing or wrong order token gets the answer of an order that does not
 * exist, so that nobody can find out which ids are in use. */
#ifndef H5_SHOP_LINK_H
#define H5_SHOP_LINK_H

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fields.h"
#include "common/config/config.h"
#include "common/system/crypto.h"

#define H5_LINK_SIG 65 /* a link's sig and NUL */
#define H5_LINK_TOKEN 44 /* a token and NUL */

/* h5_link_sign(k, f, hex, e): sign the terms of a pay link (INTERFACE 3).  hex:
 * HMAC-SHA256 in lower case over order, total_fee, body, attach, expires and
 * return_url, as far as they are there, sorted by name in byte order,
 * "name=value" joined by one line feed.  Other fields do not count.
 * H5_E_INPUT: a control byte in one of these values. */
H5_MUST_CHECK enum h5_code h5_link_sign(const struct h5_crypto_key *k,
    const struct h5_fields *f, char hex[H5_LINK_SIG], struct h5_err *e);

/* h5_link_check(k, f, e): is the field sig right?
 * H5_E_AUTH: it is not, or it is missing.
 * Others as h5_link_sign. */
H5_MUST_CHECK enum h5_code h5_link_check(
    const struct h5_crypto_key *k, const struct h5_fields *f, struct h5_err *e);

/* h5_link_token(k, purpose, text, out, e): an unguessable token (base64url
 * of HMAC-SHA256 over purpose, LF, text; 43 characters) that only the holder
 * of site.secret can make.  purpose "order", text the id: the order token t.
 * purpose "form", text the terms one line each: the form token. */
H5_MUST_CHECK enum h5_code h5_link_token(const struct h5_crypto_key *k,
    const char *purpose, const char *text, char out[H5_LINK_TOKEN],
    struct h5_err *e);

/* h5_link_order_token(c, id, out, e): the order token of id. */
H5_MUST_CHECK enum h5_code h5_link_order_token(const struct h5_config *c,
    const char *id, char out[H5_LINK_TOKEN], struct h5_err *e);

/* h5_link_admit(c, f, token, e): are the fields order and t there, and does t
 * belong to order?  token: set to t, or "". H5_E_NOTFOUND: one of them is
 * missing or wrong. */
H5_MUST_CHECK enum h5_code h5_link_admit(const struct h5_config *c,
    const struct h5_fields *f, char token[H5_LINK_TOKEN], struct h5_err *e);

#endif
