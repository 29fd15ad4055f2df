/* Reads what a program needs before it serves, and finds every fault in it. */
#include "common/web/load.h"

#include <string.h>

#include "common/shop/catalogue.h"

enum h5_code
h5_load_pages(const struct h5_config *c, enum h5_load_pages which,
    struct h5_buf *faults, struct h5_pages **out, struct h5_err *e)
{
	*out = NULL;
	if (which == H5_LOAD_PAGES)
		return h5_pages_load(c, faults, out, e);
	/* Templates of the shop are looked at even by a program that shows
	 * none, so that their faults are found. */
	if (which == H5_LOAD_NO_PAGES &&
	    (c == NULL || c->pages.templates == NULL))
		return H5_OK;
	return h5_pages_load_once(c, faults, out, e);
}

/* The catalogue is read for each order; here it is only looked at. */
static enum h5_code
check_catalogue(
    const struct h5_config *c, struct h5_buf *faults, struct h5_err *e)
{
	struct h5_catalogue *cat = NULL;
	size_t before = faults->len;
	struct h5_err why;
	enum h5_code rc;

	if (c->catalogue.file == NULL)
		return H5_OK;
	rc = h5_catalogue_load(c->catalogue.file, faults, &cat, &why);
	h5_catalogue_free(cat);
	if (rc == H5_OK)
		return H5_OK;
	/* A catalogue that cannot be opened has no line of its own to tell. */
	if (faults->len == before)
		h5_buf_printf(faults, "%s:1: %s\n", c->catalogue.file, why.msg);
	return h5_err_set(e, rc, "%s", why.msg);
}

enum h5_code
h5_load(const char *path, enum h5_load_pages which, struct h5_buf *faults,
    struct h5_loaded *out, struct h5_err *e)
{
	enum h5_code rc, last;
	struct h5_err why;

	memset(out, 0, sizeof *out);
	rc = h5_config_load(path, faults, &out->c, e);
	if (rc != H5_OK)
		return rc;
	/* Both are looked at, whatever the first one says: the operator sees
	 * all faults in one run. */
	last = check_catalogue(out->c, faults, e);
	rc = h5_load_pages(out->c, which, faults, &out->pages, &why);
	if (rc != H5_OK)
		(void)h5_err_set(e, rc, "%s", why.msg);
	else
		rc = last;
	if (rc != H5_OK)
		h5_load_release(out);
	return rc;
}

void
h5_load_release(struct h5_loaded *l)
{
	h5_pages_free(l->pages);
	h5_config_free(l->c);
	memset(l, 0, sizeof *l);
}
