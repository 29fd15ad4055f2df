/* Pay links: a query string as an offer.  What is accepted says what its
 * parameters (or the catalogue) say, and its signature is the one that other
 * code computes; with one bit changed it is refused.  What the confirmation
 * page would post is accepted as the same offer. */
#include "common/config/config.h"
#include "tests/fields_set.h"
#include "common/format/form.h"
#include "tests/form_read.h"
#include "common/shop/offer.h"
#include "common/shop/browser.h"
#include "common/shop/link.h"
#include "common/web/request.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mac.h"

#define LINK_KEY "fuzz-link-key-fuzz-link-key-0001"
#define SITE_KEY "fuzz-site-key-fuzz-site-key-0001"
#define NOW 1795423212
#define CATALOGUE                                                              \
	"[tea]\ntitle=Green tea\nprice=128.00\nmax_qty=5\n"                    \
	"[gift]\ntitle=Gift\nmin_price=1\nmax_price=1000.50\nmax_qty=3\n"

static const struct h5_config *
config(void)
{
	static struct h5_config c; /* what an offer needs of one */
	static char base[] = "https://shop.example/cgi-bin", none[] = "",
		    items[] = "/srv/items.ini";

	if (c.site.secret == NULL) {
		MUST(h5_crypto_key_new(SITE_KEY, strlen(SITE_KEY),
			 &c.site.secret, NULL) == H5_OK);
		MUST(h5_crypto_key_new(LINK_KEY, strlen(LINK_KEY),
			 &c.site.link_key, NULL) == H5_OK);
		c.site.base_url = base;
		c.site.program_suffix = none;
		c.catalogue.file = items;
	}
	return &c;
}

static const struct h5_shop *
shop(void)
{
	static struct h5_browser browser = {.cookie = "a browser", .one = true};
	static struct h5_shop s;

	s.c = config();
	browser.key = s.c->site.secret;
	s.browser = &browser;
	return &s;
}

static bool
is_term(const char *name)
{
	return strcmp(name, "order") == 0 || strcmp(name, "total_fee") == 0 ||
	       strcmp(name, "body") == 0 || strcmp(name, "attach") == 0 ||
	       strcmp(name, "expires") == 0;
}

/* The signature of INTERFACE 3. */
static void
signature(const struct h5_fields *f, char hex[65])
{
	const struct h5_field *x = NULL;
	bool first = true;
	struct mac m;

	mac_init(&m, LINK_KEY);
	while ((x = mac_next(f, x == NULL ? NULL : x->name)) != NULL) {
		if (!is_term(x->name))
			continue;
		mac_add(&m, "\n", first ? 0 : 1);
		first = false;
		mac_add(&m, x->name, x->name_len);
		mac_add(&m, "=", 1);
		mac_add(&m, x->value, x->value_len);
	}
	mac_hex(&m, "0123456789abcdef", hex);
}

static void
check_offer(const struct h5_fields *f, const struct h5_offer *o)
{
	const char *sig = h5_fields_get(f, "sig");
	char fee[32], hex[65];

	MUST(o->signed_link && o->item == NULL);
	MUST(h5_number_is_order(o->id) && h5_fields_is(f, "order", o->id));
	MUST(h5_fields_is(f, "body", o->body) && strlen(o->body) <= 127);
	(void)snprintf(fee, sizeof fee, "%lld", (long long)o->total_fee);
	MUST(h5_fields_is(f, "total_fee", fee) && o->total_fee > 0);
	signature(f, hex);
	MUST(sig != NULL && strcmp(sig, hex) == 0);
	MUST(h5_fields_is(&o->hidden, "total_fee", fee));
	MUST(h5_fields_is(&o->hidden, "sig", hex));
}

/* The link that a page shows is the link that came. */
static void
check_link(const struct h5_fields *f)
{
	struct h5_fields again;
	struct h5_offer o;
	struct h5_buf out;

	h5_buf_init(&out, 65536);
	h5_offer_link(config(), f, &out);
	MUST(h5_buf_finish(&out, NULL) == H5_OK);
	h5_fields_init(&again, H5_WEB_PARAMS, 16384);
	MUST(strchr(out.data, '?') != NULL);
	MUST(form_read(strchr(out.data, '?') + 1,
		 strlen(strchr(out.data, '?') + 1), &again, NULL) == H5_OK);
	MUST(h5_offer_read(shop(), &again, NOW, &o, NULL) == H5_OK);
	check_offer(&again, &o);
	h5_offer_release(&o);
	h5_fields_release(&again);
	h5_buf_release(&out);
}

/* An item's amount is the catalogue's, or the buyer's in its range. */
static void
check_item(const struct h5_fields *f, const struct h5_offer *o)
{
	MUST(h5_fields_is(f, "item", o->item) && h5_number_is_order(o->id));
	if (strcmp(o->item, "tea") == 0) {
		MUST(o->qty >= 1 && o->qty <= 5);
		MUST(o->total_fee == 12800 * o->qty);
	} else {
		MUST(strcmp(o->item, "gift") == 0 && o->qty <= 3);
		MUST(o->total_fee == 0 || (o->total_fee >= 100 * o->qty &&
					      o->total_fee <= 100050 * o->qty));
	}
}

static enum h5_code
read_offer(const struct h5_fields *f, struct h5_offer *o)
{
	enum h5_code rc;

	disk_text = CATALOGUE;
	disk_len = strlen(CATALOGUE);
	rc = h5_offer_read(shop(), f, NOW, o, NULL);
	disk_text = NULL;
	MUST(rc != H5_E_BUG && rc != H5_E_NOMEM && rc != H5_E_CONFIG);
	if (rc == H5_OK && o->signed_link)
		check_offer(f, o);
	else if (rc == H5_OK)
		check_item(f, o);
	return rc;
}

/* The page's button: the same offer, now shown; not with another amount, and
 * not with another token. */
static void
post(const struct h5_offer *seen)
{
	char token[H5_LINK_TOKEN] = "";
	struct h5_fields f;
	struct h5_offer o;

	h5_fields_init(&f, H5_WEB_PARAMS, 16384);
	MUST(h5_fields_copy(&f, &seen->hidden, NULL) == H5_OK);
	MUST(read_offer(&f, &o) == H5_OK && o.shown);
	MUST(strcmp(o.id, seen->id) == 0 && o.qty == seen->qty);
	MUST(strcmp(o.body, seen->body) == 0);
	h5_offer_release(&o);
	(void)snprintf(token, sizeof token, "%s", h5_fields_get(&f, "form"));
	token[20] = token[20] == 'x' ? 'y' : 'x';
	MUST(fields_set(&f, "form", token, NULL) == H5_OK);
	MUST(read_offer(&f, &o) == H5_E_AUTH);
	h5_offer_release(&o);
	token[20] = h5_fields_get(&seen->hidden, "form")[20];
	MUST(fields_set(&f, "form", token, NULL) == H5_OK);
	MUST(fields_set(&f, "total_fee", "1", NULL) == H5_OK);
	MUST(read_offer(&f, &o) != H5_OK || seen->total_fee == 1);
	h5_offer_release(&o);
	h5_fields_release(&f);
}

static enum h5_code
offer(const struct h5_fields *f)
{
	struct h5_offer o;
	enum h5_code rc = read_offer(f, &o);

	if (rc == H5_OK)
		post(&o);
	h5_offer_release(&o);
	return rc;
}

/* Signed as the shop would; then every change has to show. */
static void
sign_and_spoil(struct h5_fields *f, size_t at)
{
	char hex[65], ours[H5_LINK_SIG];
	enum h5_code rc;
	size_t i;

	h5_fields_drop(f, "form");
	signature(f, hex);
	if (fields_set(f, "sig", hex, NULL) != H5_OK)
		return;
	rc = h5_link_sign(config()->site.link_key, f, ours, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT);
	MUST(rc != H5_OK || strcmp(ours, hex) == 0);
	MUST(h5_link_check(config()->site.link_key, f, NULL) == rc);
	if (rc != H5_OK)
		return;
	if (offer(f) == H5_OK)
		check_link(f);
	hex[at % 64] ^= 1;
	MUST(fields_set(f, "sig", hex, NULL) == H5_OK);
	MUST(offer(f) != H5_OK);
	hex[at % 64] ^= 1;
	MUST(fields_set(f, "sig", hex, NULL) == H5_OK);
	i = at % f->n;
	if ((!is_term(f->v[i].name) && strcmp(f->v[i].name, "sig") != 0) ||
	    f->v[i].value_len == 0)
		return;
	f->v[i].value[at % f->v[i].value_len] ^= 1;
	if (strlen(f->v[i].value) == f->v[i].value_len)
		MUST(h5_link_check(config()->site.link_key, f, NULL) != H5_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h5_fields f;
	size_t i, at = 0;

	for (i = 0; i < size; i++)
		at = at * 31 + data[i];
	h5_fields_init(&f, H5_WEB_PARAMS, 16384);
	if (form_read((const char *)data, size, &f, NULL) == H5_OK) {
		h5_fields_drop(&f, "lang");
		(void)offer(&f);
		if (h5_fields_get(&f, "item") == NULL)
			sign_and_spoil(&f, at);
	}
	h5_fields_release(&f);
	return 0;
}
