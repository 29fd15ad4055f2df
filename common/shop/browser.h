/* browser.h - which browser asks, by the one cookie that we set (INTERFACE 3),
 * and which orders of an item are its own.
 *
 * Back, reload and a restored page ask for the same page again.  The id of an
 * item's order is made of the cookie and the terms, so all of them find one
 * order, and nothing is stored for it.  Nothing that two people can share, an
 * address or a User-Agent, has a part in it.  A cookie is ours if it carries
 * our token, so nobody can choose one; whoever has somebody else's still gets
 * no order's token by it that a visit to the page would not give. */
#ifndef H5_SHOP_BROWSER_H
#define H5_SHOP_BROWSER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/config/config.h"
#include "common/order/number.h"
#include "common/store/store.h"

#define H5_BROWSER_TEXT 76 /* 32 random digits, 43 of a token, and NUL */
#define H5_BROWSER_MOST 4
#define H5_BROWSER_TAG 11 /* ten of a token, and NUL */

/* The cookies of that name in a request, unchecked. */
struct h5_browser_given {
	unsigned n; /* above H5_BROWSER_MOST: too many to tell */
	char v[H5_BROWSER_MOST][H5_BROWSER_TEXT];
};

/* h5_browser_pick(g, header): add what a Cookie header holds of ours. */
void h5_browser_pick(struct h5_browser_given *g, const char *header);

struct h5_browser {
	const struct h5_crypto_key *key; /* of the cookie; borrowed */
	char cookie[H5_BROWSER_MOST * H5_BROWSER_TEXT];
	bool known; /* it was sent, and has not just been made */
	bool one; /* the page may set it: it is one cookie, not several */
};

/* h5_browser_read(c, g, out, e): the browser that sent g; a new one if none of
 * g is ours.  Several cookies (set for other paths, or by another site of the
 * domain) count together: who knows one of them has not got the others.
 * Errors as h5_crypto_random and h5_crypto_mac. */
H5_MUST_CHECK enum h5_code h5_browser_read(const struct h5_config *c,
    const struct h5_browser_given *g, struct h5_browser *out, struct h5_err *e);

/* h5_browser_set(c, b, out): append the value of a Set-Cookie header. */
void h5_browser_set(
    const struct h5_config *c, const struct h5_browser *b, struct h5_buf *out);

/* h5_browser_tag(b, tag, e): the word that stands for the browser in the forms
 * of its pages, so that a page which a cache shows to all is found out.  Tells
 * nothing of the cookie.  Errors as h5_crypto_mac. */
H5_MUST_CHECK enum h5_code h5_browser_tag(
    const struct h5_browser *b, char tag[H5_BROWSER_TAG], struct h5_err *e);

/* h5_browser_foreign(b, tag, foreign, e): was the form that carries tag made
 * for another browser than b, which posts it?  Two buyers of one page from a
 * cache would else pay one order.  tag "": not said.  A browser that keeps no
 * cookie is believed, and so is b NULL.  Errors as h5_crypto_mac. */
H5_MUST_CHECK enum h5_code h5_browser_foreign(const struct h5_browser *b,
    const char *tag, bool *foreign, struct h5_err *e);

/* h5_browser_order(st, b, terms, now, id, last, e): the id of the order that
 * this browser makes, or has made and not paid yet, by these terms.
 * terms: one text that tells them from all others.
 * last: "", or the order before it: paid within a day, so that who only went
 * Back must not be sold the same again unasked.  Blocks for the store.
 * H5_E_IO: an order of this browser cannot be read.
 * Others as h5_store_load. */
H5_MUST_CHECK enum h5_code h5_browser_order(struct h5_store *st,
    const struct h5_browser *b, const char *terms, int64_t now,
    char id[H5_ORDER_ID_MAX + 1], char last[H5_ORDER_ID_MAX + 1],
    struct h5_err *e);

/* h5_browser_id(k, terms, n, id, e): an order's id, made of a text that tells
 * it from all others and of a number. */
H5_MUST_CHECK enum h5_code h5_browser_id(const struct h5_crypto_key *k,
    const char *terms, unsigned n, char id[H5_ORDER_ID_MAX + 1],
    struct h5_err *e);

#endif
