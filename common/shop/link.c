/* Makes and checks what cannot be guessed: a pay link's signature, the token of
 * an order, the token of a form. */
#include "common/shop/link.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/base64.h"
#include "common/order/number.h"

static enum h5_code
refuse_controls(const char *p, size_t n, struct h5_err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return h5_err_set(e, H5_E_INPUT,
			    "the pay link contains a control byte");
	return H5_OK;
}

/* Is it one of the parameters that are terms?  Others are not signed. */
static bool
is_signed(const char *name)
{
	static const char *const names[] = {
	    "attach", "body", "expires", "order", "return_url", "total_fee"};
	size_t i;

	for (i = 0; i < H5_LENGTH(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The text that is signed.  A line feed stands between two fields, so one
 * inside a field would let two different links share a signature. */
static enum h5_code
signed_text(const struct h5_fields *f, struct h5_buf *out, struct h5_err *e)
{
	const struct h5_field **v;
	enum h5_code rc;
	size_t i;

	rc = h5_fields_sorted(f, &v, e);
	for (i = 0; i < f->n && rc == H5_OK; i++) {
		if (!is_signed(v[i]->name))
			continue;
		rc = refuse_controls(v[i]->value, v[i]->value_len, e);
		if (out->len > 0)
			h5_buf_putc(out, '\n');
		h5_buf_add(out, v[i]->name, v[i]->name_len);
		h5_buf_putc(out, '=');
		h5_buf_add(out, v[i]->value, v[i]->value_len);
	}
	free(v);
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}

enum h5_code
h5_link_sign(const struct h5_crypto_key *k, const struct h5_fields *f,
    char hex[H5_LINK_SIG], struct h5_err *e)
{
	unsigned char mac[32];
	struct h5_buf text;
	enum h5_code rc;

	memset(hex, 0, H5_LINK_SIG);
	/* All that the text can need: each field, an equals sign and a line
	 * feed. */
	h5_buf_init(&text, f->bytes + 2 * f->n);
	rc = signed_text(f, &text, e);
	if (rc == H5_OK)
		rc = h5_crypto_mac(k, text.data, text.len, mac, e);
	if (rc == H5_OK)
		h5_text_hex(mac, sizeof mac, hex);
	h5_buf_release(&text);
	return rc;
}

enum h5_code
h5_link_check(
    const struct h5_crypto_key *k, const struct h5_fields *f, struct h5_err *e)
{
	const char *sig = h5_fields_get(f, "sig");
	char hex[H5_LINK_SIG];
	enum h5_code rc;

	rc = h5_link_sign(k, f, hex, e);
	if (rc == H5_OK && (sig == NULL || !h5_crypto_same(hex, sig)))
		rc = h5_err_set(e, H5_E_AUTH,
		    sig == NULL ? "the pay link has no sig"
				: "the sig of the pay link is wrong");
	explicit_bzero(hex, sizeof hex);
	return rc;
}

enum h5_code
h5_link_token(const struct h5_crypto_key *k, const char *purpose,
    const char *text, char out[H5_LINK_TOKEN], struct h5_err *e)
{
	size_t purpose_len = strlen(purpose), text_len = strlen(text), i;
	struct h5_buf all, base64;
	unsigned char mac[32];
	enum h5_code rc;

	memset(out, 0, H5_LINK_TOKEN);
	h5_buf_init(&all, purpose_len + 1 + text_len);
	h5_buf_init(&base64, H5_LINK_TOKEN);
	h5_buf_add(&all, purpose, purpose_len);
	h5_buf_putc(&all, '\n');
	h5_buf_add(&all, text, text_len);
	rc = h5_buf_finish(&all, e);
	if (rc == H5_OK)
		rc = h5_crypto_mac(k, all.data, all.len, mac, e);
	if (rc == H5_OK) {
		h5_base64_write(mac, sizeof mac, &base64);
		rc = h5_buf_finish(&base64, e);
	}
	/* 32 bytes make 43 digits and one pad, which is left out. */
	for (i = 0; rc == H5_OK && i < H5_LINK_TOKEN - 1; i++)
		out[i] = base64.data[i] == '+'	 ? '-'
			 : base64.data[i] == '/' ? '_'
						 : base64.data[i];
	h5_buf_wipe(&base64);
	h5_buf_release(&all);
	return rc;
}

enum h5_code
h5_link_order_token(const struct h5_config *c, const char *id,
    char out[H5_LINK_TOKEN], struct h5_err *e)
{
	return h5_link_token(c->site.secret, "order", id, out, e);
}

enum h5_code
h5_link_admit(const struct h5_config *c, const struct h5_fields *f,
    char token[H5_LINK_TOKEN], struct h5_err *e)
{
	const char *id = h5_fields_get(f, "order");
	const char *t = h5_fields_get(f, "t");
	char before[H5_LINK_TOKEN];
	enum h5_code rc;

	token[0] = '\0';
	if (id == NULL || t == NULL || !h5_number_is_order(id))
		return h5_err_set(
		    e, H5_E_NOTFOUND, "order or token is missing");
	rc = h5_link_order_token(c, id, token, e);
	if (rc != H5_OK)
		return rc;
	if (h5_crypto_same(t, token))
		return H5_OK;
	/* A page of the time before goes on; what it leads to has the present
	 * token. */
	if (c->site.secret_previous != NULL) {
		rc = h5_link_token(
		    c->site.secret_previous, "order", id, before, e);
		if (rc != H5_OK)
			return rc;
		if (h5_crypto_same(t, before))
			return H5_OK;
	}
	token[0] = '\0';
	return h5_err_set(e, H5_E_NOTFOUND, "wrong token");
}
