/* kept.h - the last good catalogue of a running program.
 * The catalogue is read for each item that is asked for, so that a new price
 * counts at once.  While the file has a fault (half of it has arrived, or
 * somebody mistyped a price) the program goes on with the one before. */
#ifndef H5_SHOP_KEPT_H
#define H5_SHOP_KEPT_H

#include <pthread.h>
#include <stdbool.h>

#include "common/shop/catalogue.h"
#include "common/shop/shop.h"

struct h5_kept {
	pthread_mutex_t lock;
	struct h5_catalogue *last; /* NULL: none yet */
	bool told; /* the log has it that the file has a fault */
};

/* h5_kept_init(k, first): first, which may be NULL, belongs to k from now
 * on. */
void h5_kept_init(struct h5_kept *k, struct h5_catalogue *first);
void h5_kept_release(struct h5_kept *k);

/* h5_kept_item(shop, name, item, e): the item as the catalogue has it now; if
 * the file has a fault, as shop->kept has it, which the log is told once.
 * item: its title is a copy; free it.
 * H5_E_NOTFOUND: no such item, or no catalogue.
 * H5_E_CONFIG: a fault, and nothing is kept; or the file is gone.
 * H5_E_IO, H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_kept_item(const struct h5_shop *shop,
    const char *name, struct h5_item *item, struct h5_err *e);

#endif
