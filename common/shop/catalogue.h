/* catalogue.h - the items that can be sold by name, read from their file.
 * Load the catalogue, find items in it, free it.  It never changes after the
 * load. */
#ifndef H5_SHOP_CATALOGUE_H
#define H5_SHOP_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct h5_item {
	char name[33];
	char *title;
	int64_t price; /* fen; 0: the buyer names the amount */
	int64_t min_price, max_price; /* fen; 0 unless price is 0 */
	int64_t max_qty; /* 1.. */
};

struct h5_catalogue {
	struct h5_item *items; /* sorted by name */
	size_t n;
};

/* h5_catalogue_load(path, faults, out, e): read the file at path.  Each fault
 * is appended to faults as a line "file:line: ...".  A file that may be half of
 * one is a fault: empty, its last line without a line feed, or written to while
 * it was read.  Blocks for the file.
 * H5_E_CONFIG: there are faults.
 * H5_E_NOTFOUND: no such file.
 * H5_E_IO: it cannot be read. */
H5_MUST_CHECK enum h5_code h5_catalogue_load(const char *path,
    struct h5_buf *faults, struct h5_catalogue **out, struct h5_err *e);

/* h5_catalogue_free(c): c may be NULL. */
void h5_catalogue_free(struct h5_catalogue *c);

/* h5_catalogue_find(c, name): the item, which lives as long as c; NULL if there
 * is none of that name. */
const struct h5_item *h5_catalogue_find(
    const struct h5_catalogue *c, const char *name);

#endif
