/* offer.h - what a pay link offers: its fields, checked, as terms.
 * A link has one of two forms (INTERFACE 3): it names an item of the
 * catalogue, or it carries terms that the shop has signed.  Our own
 * confirmation page adds the form token to either, which proves that the buyer
 * saw these very terms. */
#ifndef H5_SHOP_OFFER_H
#define H5_SHOP_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/fields.h"
#include "common/base/text.h"
#include "common/format/url.h"
#include "common/shop/browser.h"
#include "common/shop/shop.h"

#define H5_OFFER_TEXT 127 /* bytes of body and attach */

/* What the buyer typed as the amount, and what is wrong with it. */
enum h5_offer_typed {
	H5_TYPED_WELL, /* an amount in range, or nothing was typed */
	H5_TYPED_UNREADABLE, /* it is not certain what is meant */
	H5_TYPED_LOW, /* below min_fee */
	H5_TYPED_HIGH /* above max_fee */
};

struct h5_offer {
	bool signed_link;
	char id[H5_ORDER_ID_MAX + 1];
	char before[H5_ORDER_ID_MAX + 1]; /* after H5_E_EXISTS: the id that the
					     buyer saw */
	char last[H5_ORDER_ID_MAX + 1]; /* "", or what this browser paid for by
					   the same terms (browser.h) */
	char page_of[H5_BROWSER_TAG]; /* whose page the form stands on; "": not
					 said, as for a signed link */
	bool own; /* the id is this browser's: its page sets the cookie */
	char body[H5_OFFER_TEXT + 1];
	const char *attach; /* borrowed from the fields; NULL: none */
	const char *return_link; /* return_url as the link has it; likewise */
	char return_url[H5_URL_MAX + 1]; /* with the id; "": none */
	int64_t expires; /* Unix seconds; 0: the link has no end */
	const char *item; /* borrowed from the fields; NULL: signed link */
	int64_t qty; /* 1 for a signed link */
	int64_t total_fee; /* fen; 0: the buyer has yet to name the amount */
	int64_t min_fee, max_fee; /* of the whole, where the buyer names it */
	bool shown; /* a good form token came with it */
	enum h5_offer_typed typed; /* not well: the page asks again */
	const char *yuan; /* what was typed then; borrowed from the fields */
	struct h5_fields hidden; /* what the confirmation page posts */
};

/* h5_offer_read(shop, f, now, o, e): read the fields f of a pay link, and those
 * that the form adds when posted: form, and for an item order, total_fee and
 * yuan.  o is initialised here; release it, whatever the result.  Blocks for
 * the catalogue's file.  In brackets: the status that the caller answers with.
 * H5_E_INPUT: malformed (400).  If o->typed is not H5_TYPED_WELL, the fault is
 * in what the buyer typed, and the page may ask again.
 * H5_E_AUTH: a wrong sig or form token (403).
 * H5_E_NOTFOUND: no such item (404).
 * H5_E_EXISTS: the price is not the one that the buyer saw (409).  o holds the
 * new terms under a new id, and o->before the old id; the caller finds out
 * whether that was ordered.  Or the page was made for another browser: o holds
 * this one's own id, and o->before is "".
 * H5_E_STATE: the link has expired (410).
 * H5_E_CONFIG, H5_E_IO: the catalogue cannot be read. */
H5_MUST_CHECK enum h5_code h5_offer_read(const struct h5_shop *shop,
    const struct h5_fields *f, int64_t now, struct h5_offer *o,
    struct h5_err *e);
void h5_offer_release(struct h5_offer *o);

/* h5_offer_link(c, f, out): append the pay link made of the fields f, for a
 * page that shows it.  A failure sticks in out. */
void h5_offer_link(
    const struct h5_config *c, const struct h5_fields *f, struct h5_buf *out);

#endif
