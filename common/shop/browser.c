/* The cookie that tells one browser from another, and the ids of its orders. */
#include "common/shop/browser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/format/url.h"
#include "common/shop/link.h"

#define NAME "h5c"
#define RANDOM 32 /* hex digits */
#define LIFE_S 86400
/* No browser buys one thing more often; a power of two. */
#define ORDERS_MOST 65536U

/* --- the cookie ----------------------------------------------------------- */

static bool
well_formed(const char *p, size_t n)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

	return n == H5_BROWSER_TEXT - 1 && strspn(p, digits) >= n;
}

static void
add(struct h5_browser_given *g, const char *p, size_t n)
{
	unsigned i;

	for (i = 0; i < g->n && i < H5_BROWSER_MOST; i++)
		if (strncmp(g->v[i], p, n) == 0)
			return;
	if (g->n < H5_BROWSER_MOST) {
		memcpy(g->v[g->n], p, n);
		g->v[g->n][n] = '\0';
	}
	g->n++;
}

void
h5_browser_pick(struct h5_browser_given *g, const char *header)
{
	const char *p = header;
	size_t n;

	while (*p != '\0' && g->n <= H5_BROWSER_MOST) {
		p += strspn(p, "; \t");
		n = strcspn(p, "; \t");
		if (strncmp(p, NAME "=", sizeof NAME) == 0 &&
		    well_formed(p + sizeof NAME, n - sizeof NAME))
			add(g, p + sizeof NAME, n - sizeof NAME);
		p += n;
	}
}

/* text: its random digits alone. */
static enum h5_code
token_of(const struct h5_crypto_key *k, const char *text,
    char token[H5_LINK_TOKEN], struct h5_err *e)
{
	return h5_link_token(k, "browser", text, token, e);
}

/* *k: the secret that the cookie was made with, or NULL. */
static enum h5_code
whose(const struct h5_config *c, const char *cookie,
    const struct h5_crypto_key **k, struct h5_err *e)
{
	const struct h5_crypto_key *keys[] = {
	    c->site.secret, c->site.secret_previous};
	char text[RANDOM + 1], token[H5_LINK_TOKEN];
	enum h5_code rc = H5_OK;
	size_t i;

	*k = NULL;
	(void)snprintf(text, sizeof text, "%.*s", RANDOM, cookie);
	for (i = 0; i < 2 && rc == H5_OK && *k == NULL; i++) {
		if (keys[i] == NULL)
			continue;
		rc = token_of(keys[i], text, token, e);
		if (rc == H5_OK && h5_crypto_same(cookie + RANDOM, token))
			*k = keys[i];
	}
	return rc;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum h5_code
new_one(const struct h5_config *c, struct h5_browser *out, struct h5_err *e)
{
	char token[H5_LINK_TOKEN], text[RANDOM + 1];
	enum h5_code rc = h5_crypto_nonce(text, e);

	if (rc == H5_OK)
		rc = token_of(c->site.secret, text, token, e);
	if (rc != H5_OK)
		return rc;
	out->key = c->site.secret;
	out->one = true;
	(void)snprintf(out->cookie, sizeof out->cookie, "%s%s", text, token);
	return H5_OK;
}

enum h5_code
h5_browser_read(const struct h5_config *c, const struct h5_browser_given *g,
    struct h5_browser *out, struct h5_err *e)
{
	struct h5_browser_given sorted = *g;
	const struct h5_crypto_key *k;
	enum h5_code rc = H5_OK;
	size_t len = 0;
	unsigned i, n = 0;

	memset(out, 0, sizeof *out);
	/* Too many: any of them may be somebody else's, so none is believed. */
	if (g->n > H5_BROWSER_MOST)
		return new_one(c, out, e);
	qsort(sorted.v, g->n, sizeof sorted.v[0], compare);
	for (i = 0; i < g->n && rc == H5_OK; i++) {
		rc = whose(c, sorted.v[i], &k, e);
		if (rc != H5_OK || k == NULL)
			continue;
		if (out->key == NULL)
			out->key = k;
		memcpy(out->cookie + len, sorted.v[i], H5_BROWSER_TEXT);
		len += H5_BROWSER_TEXT - 1;
		n++;
	}
	if (rc != H5_OK)
		return rc;
	out->known = n > 0;
	out->one = n == 1;
	return n > 0 ? H5_OK : new_one(c, out, e);
}

void
h5_browser_set(
    const struct h5_config *c, const struct h5_browser *b, struct h5_buf *out)
{
	const char *path = "/";
	struct h5_url u;

	/* An attribute ends at a semicolon, and has no escape for one. */
	if (h5_url_read(c->site.base_url, &u, NULL) != H5_OK)
		u.path = "";
	if (u.path[0] == '/' && strpbrk(u.path, ";,") == NULL)
		path = u.path;
	h5_buf_printf(out,
	    NAME "=%s; Max-Age=%d; Path=%s; HttpOnly; SameSite=Lax%s",
	    b->cookie, LIFE_S, path,
	    strncmp(c->site.base_url, "https:", 6) == 0 ? "; Secure" : "");
}

enum h5_code
h5_browser_tag(
    const struct h5_browser *b, char tag[H5_BROWSER_TAG], struct h5_err *e)
{
	char token[H5_LINK_TOKEN];
	enum h5_code rc = h5_link_token(b->key, "page", b->cookie, token, e);

	if (rc == H5_OK)
		(void)snprintf(
		    tag, H5_BROWSER_TAG, "%.*s", H5_BROWSER_TAG - 1, token);
	return rc;
}

enum h5_code
h5_browser_foreign(const struct h5_browser *b, const char *tag, bool *foreign,
    struct h5_err *e)
{
	char own[H5_BROWSER_TAG];
	enum h5_code rc;

	*foreign = false;
	if (tag[0] == '\0' || b == NULL || !b->known)
		return H5_OK;
	rc = h5_browser_tag(b, own, e);
	*foreign = rc == H5_OK && strcmp(own, tag) != 0;
	return rc;
}

/* --- its orders ----------------------------------------------------------- */

enum h5_code
h5_browser_id(const struct h5_crypto_key *k, const char *terms, unsigned n,
    char id[H5_ORDER_ID_MAX + 1], struct h5_err *e)
{
	unsigned char mac[32];
	char hex[2 * 8 + 1];
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, 4096);
	h5_buf_printf(&b, "item-order\n%u\n%s", n, terms);
	rc = h5_buf_finish(&b, e);
	if (rc == H5_OK)
		rc = h5_crypto_mac(k, b.data, b.len, mac, e);
	if (rc == H5_OK) {
		/* 64 bits: nobody meets another one's number. */
		h5_text_hex(mac, 8, hex);
		(void)snprintf(id, H5_ORDER_ID_MAX + 1, "%.4s-%.4s-%.4s-%.4s",
		    hex, hex + 4, hex + 8, hex + 12);
	}
	h5_buf_release(&b);
	return rc;
}

struct chain {
	struct h5_store *st;
	const struct h5_crypto_key *key;
	const char *terms;
	struct h5_order *newest; /* of those that were found */
	unsigned n; /* how many there are at least */
};

/* Is there an n-th order?  Then it is the newest known. */
static enum h5_code
look(struct chain *x, unsigned n, bool *there, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];
	struct h5_order *o = NULL;
	enum h5_code rc;

	*there = false;
	rc = h5_browser_id(x->key, x->terms, n, id, e);
	if (rc != H5_OK)
		return rc;
	rc = h5_store_load(x->st, id, &o, e);
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	if (rc == H5_E_INPUT)
		return h5_err_set(e, H5_E_IO, "order %s is broken", id);
	if (rc != H5_OK)
		return rc;
	h5_order_free(x->newest);
	x->newest = o;
	x->n = n;
	*there = true;
	return H5_OK;
}

/* The next order is offered only after the one before has come to rest, so they
 * stand without a gap: the newest is found by doubling, then by halving. */
static enum h5_code
find_newest(struct chain *x, struct h5_err *e)
{
	unsigned end = 1, middle;
	enum h5_code rc;
	bool there;

	do {
		rc = look(x, end, &there, e);
		end = there ? end * 2 : end;
	} while (rc == H5_OK && there && end < ORDERS_MOST);
	while (rc == H5_OK && end - x->n > 1) {
		middle = x->n + (end - x->n) / 2;
		rc = look(x, middle, &there, e);
		end = there ? end : middle;
	}
	return rc;
}

/* When we learned that it was paid: WeChat's own time may be of a payment that
 * was found late.  0: it was not. */
static int64_t
paid_at(const struct h5_order *o)
{
	size_t i;

	for (i = 0; i < o->n_events; i++)
		if (o->events[i].kind == H5_EVENT_PAID)
			return o->events[i].at;
	return 0;
}

enum h5_code
h5_browser_order(struct h5_store *st, const struct h5_browser *b,
    const char *terms, int64_t now, char id[H5_ORDER_ID_MAX + 1],
    char last[H5_ORDER_ID_MAX + 1], struct h5_err *e)
{
	struct chain x = {.st = st, .key = b->key};
	const struct h5_order *o;
	struct h5_buf all;
	enum h5_code rc;

	last[0] = '\0';
	h5_buf_init(&all, 4096);
	h5_buf_printf(&all, "%s\n%s", b->cookie, terms);
	rc = h5_buf_finish(&all, e);
	x.terms = all.data;
	/* A browser that is new has made none. */
	if (rc == H5_OK && b->known)
		rc = find_newest(&x, e);
	o = x.newest;
	if (rc != H5_OK)
		goto out;
	/* It can still be paid, or the shop is looking at it. */
	if (o != NULL && (!h5_order_settled(o) ||
			     (o->state != H5_ORDER_CLOSED &&
				 (o->alerts & (H5_ALERT_DISPUTED |
						  H5_ALERT_OVERPAID)) != 0))) {
		memcpy(id, o->id, sizeof o->id);
		goto out;
	}
	if (o != NULL && now - paid_at(o) < LIFE_S)
		memcpy(last, o->id, sizeof o->id);
	rc = h5_browser_id(x.key, x.terms, x.n + 1, id, e);
out:
	h5_order_free(x.newest);
	h5_buf_release(&all);
	return rc;
}
