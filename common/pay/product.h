/* product.h - which way to pay fits which browser.
 * Pure: one table of marks in the User-Agent, and what follows from it and from
 * the products that the merchant has (docs/BROWSERS.md). */
#ifndef H5_PAY_PRODUCT_H
#define H5_PAY_PRODUCT_H

#include <stdbool.h>

#include "common/order/order.h"

/* Where a page is open. */
enum h5_place {
	H5_PLACE_DESKTOP,
	H5_PLACE_PHONE, /* or a tablet */
	H5_PLACE_WECHAT, /* on a phone */
	H5_PLACE_WECHAT_SHUT, /* WeCom, or a mini program: JSAPI fails there */
	H5_PLACE_APP /* another app's own browser, where much is blocked */
};

/* What the page has to say where no way of its own comes first. */
enum h5_elsewhere {
	H5_ELSEWHERE_NO,
	H5_ELSEWHERE_BROWSER, /* open this address in a browser */
	H5_ELSEWHERE_WECHAT /* open this address in WeChat */
};

struct h5_choice {
	enum h5_place place;
	enum h5_elsewhere elsewhere; /* comes before the ways */
	enum h5_product ways[H5_PRODUCTS]; /* possible here, the best first */
	unsigned n;
	bool apart; /* only Native, on a phone: another screen has to show the
		       code, or another phone to scan it */
};

/* h5_product_choose(user_agent, products, out): which ways there are in that
 * browser.  products: bits 1 << enum h5_product. */
void h5_product_choose(
    const char *user_agent, unsigned products, struct h5_choice *out);

/* h5_product_possible(choice, p): may a buyer pay so in that browser? */
bool h5_product_possible(const struct h5_choice *choice, enum h5_product p);

#endif
