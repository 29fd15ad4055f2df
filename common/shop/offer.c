/* Turns the fields of a pay link into the terms of an order, or says why that
 * is not possible. */
#include "common/shop/offer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/escape.h"
#include "common/base/log.h"
#include "common/shop/browser.h"
#include "common/shop/kept.h"
#include "common/shop/link.h"
#include "common/shop/typed.h"

/* Every parameter that a pay link or its confirmation form may carry. */
static const char *const signed_names[] = {"order", "total_fee", "body",
    "attach", "expires", "return_url", "sig", "form", "via"};
static const char *const item_names[] = {"item", "qty", "amount", "return_url",
    "order", "total_fee", "yuan", "form", "via"};
/* Those of the link itself come first. */
#define SIGNED_LINK 7
#define RETURN_MAX 512 /* bytes of a return_url */
#define ORDER "{order}"
/* Unix seconds between 2020 and 2100: milliseconds and 20261201123000 are
 * beyond, an hour's seconds before. */
#define EXPIRES_LEAST 1577836800
#define EXPIRES_MOST 4102444800
#define ITEM_LINK 4

static enum h5_code
only(const struct h5_fields *f, const char *const *names, size_t n,
    struct h5_err *e)
{
	/* A parameter that is not known may be a misspelt term.  It is refused,
	 * since the buyer would otherwise pay by other terms than the shop
	 * meant. */
	size_t i, j;

	for (i = 0; i < f->n; i++) {
		for (j = 0; j < n && strcmp(f->v[i].name, names[j]) != 0; j++)
			;
		if (j == n)
			return h5_err_set(
			    e, H5_E_INPUT, "a parameter of another form");
	}
	return H5_OK;
}

/* --- the form token --- */

static void
put_terms(const struct h5_offer *o, struct h5_buf *out)
{
	h5_buf_printf(out, "%s\n%lld\n%lld", o->item != NULL ? o->item : "",
	    (long long)o->qty, (long long)o->total_fee);
	if (o->return_link != NULL)
		h5_buf_printf(out, "\n%s", o->return_link);
}

static enum h5_code
form_token(const struct h5_crypto_key *k, const struct h5_offer *o,
    char out[H5_LINK_TOKEN], struct h5_err *e)
{
	struct h5_buf terms;
	enum h5_code rc;

	h5_buf_init(&terms, 2048);
	h5_buf_printf(&terms, "%s%s%s\n", o->id,
	    o->page_of[0] != '\0' ? " " : "", o->page_of);
	put_terms(o, &terms);
	rc = h5_buf_finish(&terms, e);
	if (rc == H5_OK)
		rc = h5_link_token(k, "form", terms.data, out, e);
	h5_buf_release(&terms);
	return rc;
}

/* given: a token, and for an item the word of the browser behind it. */
static enum h5_code
check_form(const struct h5_config *c, struct h5_offer *o, const char *form,
    struct h5_err *e)
{
	char token[H5_LINK_TOKEN], given[H5_LINK_TOKEN];
	size_t n = strlen(form);
	enum h5_code rc;

	(void)snprintf(given, sizeof given, "%s", form);
	if (n >= sizeof given - 1 + sizeof o->page_of ||
	    (n >= sizeof given && o->signed_link))
		return h5_err_set(e, H5_E_AUTH, "wrong form token");
	(void)snprintf(o->page_of, sizeof o->page_of, "%s",
	    n >= sizeof given ? form + sizeof given - 1 : "");
	rc = form_token(c->site.secret, o, token, e);
	if (rc == H5_OK && c->site.secret_previous != NULL &&
	    !h5_crypto_same(given, token))
		rc = form_token(c->site.secret_previous, o, token, e);
	if (rc != H5_OK)
		return rc;
	if (!h5_crypto_same(given, token))
		return h5_err_set(e, H5_E_AUTH, "wrong form token");
	return H5_OK;
}

/* What the confirmation page posts: the link's own fields, for an item the
 * order's id and the amount shown, and the token over them. */
static enum h5_code
fill_hidden(const struct h5_config *c, const struct h5_fields *f,
    struct h5_offer *o, struct h5_err *e)
{
	const char *const *names = o->signed_link ? signed_names : item_names;
	size_t n = o->signed_link ? SIGNED_LINK : ITEM_LINK, i;
	char token[H5_LINK_TOKEN] = "", form[sizeof token + H5_BROWSER_TAG];
	enum h5_code rc = H5_OK;
	const char *value;

	/* Only the names that are known are passed on, so that nothing which a
	 * visitor adds to the address is posted with our token. */
	for (i = 0; i < n && rc == H5_OK; i++) {
		value = h5_fields_get(f, names[i]);
		if (value != NULL)
			rc = h5_fields_add(&o->hidden, names[i], value, e);
	}
	/* A signed link carries both already, under the shop's signature. */
	if (rc == H5_OK && !o->signed_link)
		rc = h5_fields_add(&o->hidden, "order", o->id, e);
	if (rc == H5_OK && !o->signed_link)
		rc =
		    h5_fields_add_int(&o->hidden, "total_fee", o->total_fee, e);
	if (rc == H5_OK)
		rc = form_token(c->site.secret, o, token, e);
	(void)snprintf(form, sizeof form, "%s%s", token, o->page_of);
	if (rc == H5_OK)
		rc = h5_fields_add(&o->hidden, "form", form, e);
	return rc;
}

/* --- where the shop shows the order --- */

/* Is u's origin one of this site's or its shop's? */
static bool
may_return(const struct h5_config *c, const struct h5_url *u)
{
	const struct h5_config_list *lists[] = {
	    &c->site.allowed_origins, &c->site.return_origins};
	struct h5_buf want, shop;
	struct h5_url home;
	bool may = false;
	size_t i, k;

	h5_buf_init(&want, H5_URL_MAX);
	h5_buf_init(&shop, H5_URL_MAX);
	h5_url_origin(u, &want);
	if (c->site.shop_url != NULL &&
	    h5_url_read(c->site.shop_url, &home, NULL) == H5_OK)
		h5_url_origin(&home, &shop);
	if (h5_buf_finish(&want, NULL) == H5_OK &&
	    h5_buf_finish(&shop, NULL) == H5_OK)
		may = strcmp(want.data, c->site.origin) == 0 ||
		      strcmp(want.data, shop.data) == 0;
	for (i = 0; i < H5_LENGTH(lists) && want.bad == H5_OK; i++)
		for (k = 0; k < lists[i]->n; k++)
			may = may || strcmp(want.data, lists[i]->v[k]) == 0;
	h5_buf_release(&want);
	h5_buf_release(&shop);
	return may;
}

/* return_url, strictly read, with o->id for each {order} behind its origin. */
static enum h5_code
read_return(const struct h5_config *c, struct h5_offer *o, struct h5_err *e)
{
	const char *s = o->return_link, *path;
	struct h5_buf b;
	struct h5_url u;
	enum h5_code rc;

	if (s == NULL)
		return H5_OK;
	if (strlen(s) > RETURN_MAX)
		return h5_err_set(e, H5_E_INPUT,
		    "return_url: longer than %d bytes", RETURN_MAX);
	path = strstr(s, "://");
	path = path == NULL ? s : path + 3 + strcspn(path + 3, "/?");
	h5_buf_init(&b, H5_URL_MAX);
	h5_buf_add(&b, s, (size_t)(path - s));
	for (s = path; *s != '\0';)
		if (strncmp(s, ORDER, strlen(ORDER)) == 0) {
			h5_buf_puts(&b, o->id);
			s += strlen(ORDER);
		} else {
			h5_buf_putc(&b, *s++);
		}
	rc = h5_buf_finish(&b, e);
	if (rc == H5_OK)
		rc = h5_url_read(b.data, &u, e);
	if (rc == H5_OK && !may_return(c, &u))
		rc = h5_err_set(e, H5_E_INPUT,
		    "return_url leads to an origin that site.return_origins "
		    "does not name");
	if (rc == H5_OK)
		memcpy(o->return_url, b.data, b.len + 1);
	h5_buf_release(&b);
	return rc;
}

/* --- signed links --- */

static enum h5_code
text_field(const char *name, const char *s, struct h5_err *e)
{
	if (s[0] == '\0' || strlen(s) > H5_OFFER_TEXT || !h5_text_printable(s))
		return h5_err_set(e, H5_E_INPUT,
		    "%s must be 1 to %d bytes without control characters", name,
		    H5_OFFER_TEXT);
	return H5_OK;
}

static enum h5_code
signed_syntax(const struct h5_fields *f, struct h5_offer *o, uint64_t *expires,
    struct h5_err *e)
{
	const char *id = h5_fields_get(f, "order");
	const char *fee = h5_fields_get(f, "total_fee");
	const char *body = h5_fields_get(f, "body");
	const char *until = h5_fields_get(f, "expires");
	enum h5_code rc;

	o->attach = h5_fields_get(f, "attach");
	if (o->attach != NULL && o->attach[0] == '\0')
		o->attach = NULL; /* signed over, and nothing to keep */
	/* Each test runs only if all before it passed: the first fault is the
	 * one that is told. */
	rc = only(f, signed_names, H5_LENGTH(signed_names), e);
	if (rc == H5_OK && (id == NULL || fee == NULL || body == NULL))
		rc = h5_err_set(
		    e, H5_E_INPUT, "order, total_fee and body are required");
	if (rc == H5_OK && !h5_number_is_order(id))
		rc = h5_err_set(e, H5_E_INPUT, "order: not a valid id");
	if (rc == H5_OK)
		rc = h5_text_fen(fee, &o->total_fee, e);
	if (rc == H5_OK)
		rc = text_field("body", body, e);
	if (rc == H5_OK && o->attach != NULL)
		rc = text_field("attach", o->attach, e);
	/* Fewer digits, milliseconds, or a date as a number: see
	 * EXPIRES_LEAST. */
	if (rc == H5_OK && until != NULL &&
	    h5_text_u64(until, EXPIRES_LEAST, EXPIRES_MOST, expires, NULL) !=
		H5_OK)
		rc = h5_err_set(e, H5_E_INPUT,
		    "expires: Unix seconds between 2020 and 2100");
	if (rc != H5_OK)
		return rc;
	(void)snprintf(o->id, sizeof o->id, "%s", id);
	(void)snprintf(o->body, sizeof o->body, "%s", body);
	return H5_OK;
}

static enum h5_code
signed_sig(
    const struct h5_config *c, const struct h5_fields *f, struct h5_err *e)
{
	struct h5_fields link;
	enum h5_code rc;

	if (c->site.link_key == NULL)
		return h5_err_set(e, H5_E_AUTH, "signed links are off");
	h5_fields_init(&link, f->max_n, f->max_bytes);
	rc = h5_fields_copy(&link, f, e);
	/* The form's token and its way are ours and not part of what the shop
	 * signed. */
	h5_fields_drop(&link, "form");
	h5_fields_drop(&link, "via");
	if (rc == H5_OK)
		rc = h5_link_check(c->site.link_key, &link, e);
	if (rc == H5_E_AUTH && c->site.link_key_previous != NULL)
		rc = h5_link_check(c->site.link_key_previous, &link, e);
	h5_fields_release(&link);
	return rc;
}

static enum h5_code
read_signed(const struct h5_config *c, const struct h5_fields *f, int64_t now,
    struct h5_offer *o, struct h5_err *e)
{
	const char *form = h5_fields_get(f, "form");
	/* A link without the field does not expire. */
	uint64_t expires = INT64_MAX;
	enum h5_code rc;

	rc = signed_syntax(f, o, &expires, e);
	if (rc == H5_OK)
		rc = signed_sig(c, f, e);
	if (rc == H5_OK && form != NULL) {
		rc = check_form(c, o, form, e);
		o->shown = rc == H5_OK;
	}
	if (rc == H5_OK)
		rc = read_return(c, o, e);
	o->expires = expires == INT64_MAX ? 0 : (int64_t)expires;
	if (rc == H5_OK && (uint64_t)now >= expires)
		rc = h5_err_set(e, H5_E_STATE, "the pay link has expired");
	if (rc == H5_OK)
		rc = fill_hidden(c, f, o, e);
	return rc;
}

/* --- items --- */

/* The order that this browser makes by these terms. */
static enum h5_code
own_id(const struct h5_shop *shop, int64_t now, struct h5_offer *o,
    struct h5_err *e)
{
	struct h5_buf terms;
	enum h5_code rc;

	if (shop->browser == NULL)
		return h5_err_set(e, H5_E_BUG, "nobody asks for the item");
	h5_buf_init(&terms, 2048);
	put_terms(o, &terms);
	rc = h5_buf_finish(&terms, e);
	if (rc == H5_OK)
		rc = h5_browser_order(shop->st, shop->browser, terms.data, now,
		    o->id, o->last, e);
	if (rc == H5_OK)
		rc = h5_browser_tag(shop->browser, o->page_of, e);
	h5_buf_release(&terms);
	o->own = rc == H5_OK;
	return rc;
}

/* The form was posted before, and the buyer names another amount now: that is
 * another order, one for each amount. */
static enum h5_code
another_amount(const struct h5_shop *shop, struct h5_offer *o, struct h5_err *e)
{
	struct h5_order *before = NULL;
	struct h5_buf terms;
	enum h5_code rc;
	bool same;

	rc = h5_store_load(shop->st, o->id, &before, e);
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	same = rc != H5_OK || before->total_fee == o->total_fee;
	h5_order_free(before);
	/* What cannot be read is told by whoever needs it. */
	if (same)
		return H5_OK;
	h5_buf_init(&terms, 256);
	h5_buf_printf(
	    &terms, "amount\n%s\n%lld", o->id, (long long)o->total_fee);
	rc = h5_buf_finish(&terms, e);
	if (rc == H5_OK)
		rc = h5_browser_id(
		    shop->c->site.secret, terms.data, 0, o->id, e);
	h5_buf_release(&terms);
	return rc == H5_OK ? read_return(shop->c, o, e) : rc;
}

static enum h5_code
item_load(const struct h5_shop *shop, struct h5_item *item, struct h5_offer *o,
    struct h5_err *e)
{
	enum h5_code rc = h5_kept_item(shop, o->item, item, e);

	if (rc != H5_OK)
		return rc;
	(void)snprintf(o->body, sizeof o->body, "%.*s",
	    (int)h5_text_cut(item->title, strlen(item->title), H5_OFFER_TEXT),
	    item->title);
	free(item->title);
	item->title = NULL;
	return H5_OK;
}

/* What the buyer names is the whole amount, whatever the quantity. */
static enum h5_code
item_named(int64_t fee, struct h5_offer *o, struct h5_err *e)
{
	if (fee < o->min_fee || fee > o->max_fee)
		return h5_err_set(e, H5_E_INPUT, "the amount is out of range");
	o->total_fee = fee;
	return H5_OK;
}

/* The total the link itself fixes: the item's price, or the link's amount; 0
 * where the buyer is asked. */
static enum h5_code
item_price(const struct h5_fields *f, const struct h5_item *item,
    struct h5_offer *o, struct h5_err *e)
{
	const char *amount = h5_fields_get(f, "amount");
	int64_t fee;
	enum h5_code rc;

	if (item->price > 0 && amount != NULL)
		return h5_err_set(
		    e, H5_E_INPUT, "the buyer cannot choose this item's price");
	/* Tested by division, since the product itself might overflow. */
	if (item->price > H5_FEN_MAX / o->qty ||
	    item->max_price > H5_FEN_MAX / o->qty)
		return h5_err_set(e, H5_E_INPUT, "the total is too large");
	o->total_fee = item->price * o->qty;
	if (item->price > 0)
		return H5_OK;
	o->min_fee = item->min_price * o->qty;
	o->max_fee = item->max_price * o->qty;
	if (amount == NULL)
		return H5_OK;
	rc = h5_text_fen(amount, &fee, e);
	return rc == H5_OK ? item_named(fee, o, e) : rc;
}

/* The form came back: is what it shows still what the catalogue says? */
static enum h5_code
item_posted(const struct h5_shop *shop, const struct h5_fields *f, int64_t now,
    struct h5_offer *o, struct h5_err *e)
{
	const char *form = h5_fields_get(f, "form");
	const char *id = h5_fields_get(f, "order");
	const char *fee = h5_fields_get(f, "total_fee");
	int64_t current = o->total_fee;
	uint64_t seen;
	bool foreign;
	enum h5_code rc;

	/* None of the three: this is the link, and not yet the form. */
	if (form == NULL && id == NULL && fee == NULL)
		return own_id(shop, now, o, e);
	if (form == NULL || id == NULL || fee == NULL ||
	    !h5_number_is_order(id))
		return h5_err_set(e, H5_E_INPUT, "the form is incomplete");
	rc = h5_text_u64(fee, 0, H5_FEN_MAX, &seen, e);
	if (rc != H5_OK)
		return rc;
	(void)snprintf(o->id, sizeof o->id, "%s", id);
	/* The token was made over the sum that was shown, so that sum takes the
	 * other's place while it is checked. */
	o->total_fee = (int64_t)seen;
	rc = check_form(shop->c, o, form, e);
	o->total_fee = current;
	if (rc == H5_OK)
		rc = h5_browser_foreign(shop->browser, o->page_of, &foreign, e);
	if (rc != H5_OK)
		return rc;
	if (foreign) {
		rc = own_id(shop, now, o, e);
		return rc == H5_OK ? h5_err_set(e, H5_E_EXISTS,
					 "the page was another browser's")
				   : rc;
	}
	o->shown = true;
	if ((int64_t)seen == current)
		return H5_OK;
	/* The new terms get a new id.  The old one may have been ordered at the
	 * old price, and the caller shows that order then. */
	memcpy(o->before, o->id, sizeof o->before);
	rc = own_id(shop, now, o, e);
	return rc == H5_OK ? h5_err_set(e, H5_E_EXISTS, "the price changed")
			   : rc;
}

/* Why it is no amount to order with.  fee: what was read, 0 if nothing was. */
static enum h5_offer_typed
typed_fault(const char *yuan, int64_t fee, const struct h5_offer *o)
{
	if (fee > 0)
		return fee < o->min_fee ? H5_TYPED_LOW : H5_TYPED_HIGH;
	if (yuan[0] == '0' && yuan[strspn(yuan, "0.")] == '\0')
		return H5_TYPED_LOW;
	/* More digits than H5_FEN_MAX has in yuan. */
	return strspn(yuan, "0123456789") > 9 ? H5_TYPED_HIGH
					      : H5_TYPED_UNREADABLE;
}

/* What the buyer typed.  The page that asks stays valid, so the hidden fields
 * are made before this. */
static enum h5_code
item_typed(const struct h5_fields *f, struct h5_offer *o, struct h5_err *e)
{
	const char *yuan = h5_fields_get(f, "yuan");
	char plain[H5_TYPED_TEXT];
	int64_t fee;
	enum h5_code rc;

	if (yuan == NULL)
		return H5_OK;
	if (o->total_fee > 0)
		return h5_err_set(
		    e, H5_E_INPUT, "yuan: the amount is fixed already");
	if (!h5_typed_fold(yuan, plain))
		plain[0] = '\0';
	rc = h5_text_yuan(plain, &fee, e);
	if (rc == H5_OK)
		rc = item_named(fee, o, e);
	if (rc == H5_E_INPUT) {
		o->typed = typed_fault(plain, fee, o);
		o->yuan = yuan;
	}
	return rc;
}

static enum h5_code
read_item(const struct h5_shop *shop, const struct h5_fields *f, int64_t now,
    struct h5_offer *o, struct h5_err *e)
{
	const struct h5_config *c = shop->c;
	const char *qty = h5_fields_get(f, "qty");
	struct h5_item item;
	uint64_t n = 1;
	enum h5_code rc, rc_hidden;

	o->item = h5_fields_get(f, "item");
	rc = only(f, item_names, H5_LENGTH(item_names), e);
	if (rc == H5_OK && !h5_text_item_name(o->item))
		rc = h5_err_set(e, H5_E_INPUT, "item: not a valid name");
	if (rc == H5_OK && qty != NULL)
		/* The item's own limit is below, once it is known. */
		rc = h5_text_u64(qty, 1, 1000000, &n, e);
	if (rc == H5_OK)
		rc = item_load(shop, &item, o, e);
	if (rc == H5_OK && (int64_t)n > item.max_qty)
		rc = h5_err_set(e, H5_E_INPUT, "qty: at most %lld",
		    (long long)item.max_qty);
	o->qty = (int64_t)n;
	if (rc == H5_OK)
		rc = item_price(f, &item, o, e);
	if (rc == H5_OK)
		rc = item_posted(shop, f, now, o, e);
	/* A price that has changed still makes a page, with the new one on
	 * it. */
	if (rc != H5_OK && rc != H5_E_EXISTS)
		return rc;
	rc_hidden = read_return(c, o, e);
	if (rc_hidden == H5_OK)
		rc_hidden = fill_hidden(c, f, o, e);
	if (rc_hidden != H5_OK)
		return rc_hidden;
	if (rc == H5_OK)
		rc = item_typed(f, o, e);
	if (rc == H5_OK && o->shown && o->min_fee > 0 && o->total_fee > 0 &&
	    h5_fields_get(f, "yuan") != NULL)
		rc = another_amount(shop, o, e);
	return rc;
}

enum h5_code
h5_offer_read(const struct h5_shop *shop, const struct h5_fields *f,
    int64_t now, struct h5_offer *o, struct h5_err *e)
{
	memset(o, 0, sizeof *o);
	h5_fields_init(&o->hidden, 16, 4096);
	o->qty = 1;
	o->signed_link = h5_fields_get(f, "item") == NULL;
	o->return_link = h5_fields_get(f, "return_url");
	if (o->return_link != NULL && o->return_link[0] == '\0')
		o->return_link = NULL; /* as an empty attach */
	return o->signed_link ? read_signed(shop->c, f, now, o, e)
			      : read_item(shop, f, now, o, e);
}

void
h5_offer_release(struct h5_offer *o)
{
	h5_fields_release(&o->hidden);
}

void
h5_offer_link(
    const struct h5_config *c, const struct h5_fields *f, struct h5_buf *out)
{
	bool item = h5_fields_get(f, "item") != NULL;
	const char *const *names = item ? item_names : signed_names;
	size_t n = item ? ITEM_LINK : SIGNED_LINK, i;
	const char *value;
	char between = '?';

	h5_config_url(c, "checkout", out);
	for (i = 0; i < n; i++) {
		value = h5_fields_get(f, names[i]);
		if (value == NULL)
			continue;
		h5_buf_putc(out, between);
		between = '&';
		h5_buf_puts(out, names[i]);
		h5_buf_putc(out, '=');
		h5_escape_url(out, value);
	}
}
