/* shut.h - products that WeChat refused lately because the merchant has not
 * opened them.  Kept in the state folder, a small file each, so that every
 * program knows it and no order is touched.  Where a shop has another product,
 * a refused one is not asked for again for an hour. */
#ifndef H5_PAY_SHUT_H
#define H5_PAY_SHUT_H

#include <stdint.h>

#include "common/order/order.h"
#include "common/shop/shop.h"

#define H5_SHUT_S 3600

/* h5_shut_read(c, now): the products, as bits 1 << enum h5_product.  A file
 * that is torn, from the future or of another configuration of the merchant
 * counts for nothing.  Never all products of the shop: 0 then, since nothing is
 * left to offer instead. */
unsigned h5_shut_read(const struct h5_config *c, int64_t now);

/* h5_shut_note(shop, product): WeChat refused it just now.  Tells the log, once
 * an hour.  A shop of one product keeps nothing. */
void h5_shut_note(const struct h5_shop *shop, enum h5_product product);

/* h5_shut_forget(c, now): ask for each of them again.  Returns which were
 * refused. */
unsigned h5_shut_forget(const struct h5_config *c, int64_t now);

#endif
