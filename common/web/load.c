/* Reads what a program needs before it serves, and finds every fault in it. */
#include "common/web/load.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/config/keys.h"

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

/* The catalogue is read again for each item that is asked for. */
static enum h5_code
load_catalogue(const struct h5_config *c, struct h5_buf *faults,
    struct h5_catalogue **out, struct h5_err *e)
{
	size_t before = faults->len;
	struct h5_err why;
	enum h5_code rc;

	if (c->catalogue.file == NULL)
		return H5_OK;
	rc = h5_catalogue_load(c->catalogue.file, faults, out, &why);
	if (rc == H5_OK)
		return H5_OK;
	/* A catalogue that cannot be opened has no line of its own to tell. */
	if (faults->len == before)
		h5_buf_printf(faults, "%s:1: %s\n", c->catalogue.file, why.msg);
	return h5_err_set(e, rc, "%s", why.msg);
}

/* The engine of the orders has to be there, and is loaded now: later a sandbox
 * may be closed. */
static enum h5_code
load_engine(const struct h5_config *c, struct h5_buf *faults, struct h5_err *e)
{
	struct h5_store_needs needs;
	struct h5_err why;
	enum h5_code rc;
	unsigned line;

	rc = h5_store_ready(&c->store, &needs, &why);
	if (rc == H5_OK)
		return H5_OK;
	line = c->key_line[h5_keys_find("store", "engine")];
	h5_buf_printf(faults, "%s:%u: store.engine: %s\n", c->path,
	    line == 0 ? 1 : line, why.msg);
	return h5_err_pass(e, &why);
}

/* serving: NULL for all that is there; else the program that is to serve. */
static enum h5_code
load(const char *path, enum h5_load_pages which,
    const struct h5_program *serving,
    enum h5_code (*ready)(struct h5_config *c, int64_t now,
	struct h5_buf *faults, struct h5_err *e),
    struct h5_buf *faults, struct h5_loaded *out, struct h5_err *e)
{
	enum h5_code rc, last = H5_OK;
	struct h5_buf ignored;
	struct h5_err why;

	memset(out, 0, sizeof *out);
	rc = h5_config_load(path, faults, &out->c, e);
	if (rc != H5_OK)
		return rc;
	/* Each is looked at, whatever the first one says: the operator sees
	 * all faults in one run. */
	h5_buf_init(&ignored, H5_LOAD_FAULTS);
	if (serving == NULL)
		last = load_catalogue(out->c, faults, &out->items, e);
	else if (serving->catalogue)
		(void)!load_catalogue(out->c, &ignored, &out->items, NULL);
	h5_buf_release(&ignored);
	if (ready != NULL) {
		rc = ready(out->c, h5_clock_now(), faults, &why);
		if (rc != H5_OK)
			last = h5_err_set(e, rc, "%s", why.msg);
	}
	rc = load_engine(out->c, faults, &why);
	if (rc != H5_OK)
		last = h5_err_set(e, rc, "%s", why.msg);
	rc = h5_load_pages(out->c, which, faults, &out->pages, &why);
	if (rc != H5_OK)
		(void)h5_err_set(e, rc, "%s", why.msg);
	else
		rc = last;
	if (rc != H5_OK)
		h5_load_release(out);
	return rc;
}

enum h5_code
h5_load(const char *path,
    enum h5_code (*ready)(struct h5_config *c, int64_t now,
	struct h5_buf *faults, struct h5_err *e),
    struct h5_buf *faults, struct h5_loaded *out, struct h5_err *e)
{
	return load(path, H5_LOAD_PAGES, NULL, ready, faults, out, e);
}

enum h5_code
h5_load_serving(const struct h5_program *p, const char *path,
    enum h5_load_pages which, struct h5_buf *faults, struct h5_loaded *out,
    struct h5_err *e)
{
	return load(path, which, p, NULL, faults, out, e);
}

void
h5_load_doubts(const struct h5_loaded *l, struct h5_buf *out)
{
	if (l->c->open_line != 0)
		h5_buf_printf(out,
		    "%s:%u: warning: the last line has no line feed: is this "
		    "the whole file?\n",
		    l->c->path, l->c->open_line);
}

void
h5_load_release(struct h5_loaded *l)
{
	h5_catalogue_free(l->items);
	h5_pages_free(l->pages);
	h5_config_free(l->c);
	memset(l, 0, sizeof *l);
}
