/* The rule of formats.  A store's format is raised just before the first write
 * of something that a program of its present format cannot read, and never
 * earlier, so that an upgrade can be undone until then.  A program that does
 * not know the format refuses the store as a whole, and not one order after
 * another. */
#include "common/store/format.h"

#include <stdio.h>

#include "common/order/since.h"
#include "common/store/core.h"

enum h5_code
h5_format_must_know(const struct h5_engine_format *f, struct h5_err *e)
{
	/* Both versions are named, since whoever reads this has an old program
	 * and a new store before them. */
	unsigned newest = h5_since_newest();

	if (f->number <= newest)
		return H5_OK;
	if (f->number == H5_FORMAT_MOVED)
		return h5_err_set(e, H5_E_CONFIG,
		    "its orders were moved away (%s): set store.engine and "
		    "store.dir or store.database to where they are now",
		    f->by);
	return h5_err_set(e, H5_E_CONFIG,
	    "its format is %u%s%s, and h5pay " H5_VERSION
	    " knows %u at most: run the newer version; see docs/UPGRADE.md",
	    f->number, f->by[0] != '\0' ? ", raised by " : "", f->by, newest);
}

enum h5_code
h5_format_believe(const struct h5_store_engine *engine, void *store,
    enum h5_code rc, struct h5_err *e)
{
	struct h5_engine_format f;
	struct h5_err why;
	enum h5_code now;

	/* A failure to read has nothing to do with formats.  A record that
	 * makes no sense may. */
	if (rc != H5_OK && rc != H5_E_INPUT)
		return rc;
	/* After the read, never before: a newer program may have raised the
	 * format in between. */
	now = engine->format(store, &f, &why);
	if (now == H5_OK)
		now = h5_format_must_know(&f, &why);
	if (now == H5_OK)
		return rc;
	return h5_err_set(e, now, "the store: %s", why.msg);
}

enum h5_code
h5_format_need(const struct h5_event *ev, unsigned *number, struct h5_err *e)
{
	/* Whoever adds a field to an event without a row in that table finds
	 * out when the event is first written, and not years later. */
	unsigned since = h5_since_event(ev);

	if (since == 0)
		return h5_err_set(e, H5_E_BUG,
		    "common/order/since.c lacks something of this %s event",
		    h5_event_name(ev->kind));
	if (*number < since)
		*number = since;
	return H5_OK;
}

enum h5_code
h5_format_raise(const struct h5_store_engine *engine, void *store,
    unsigned number, int64_t until_ms, struct h5_err *e)
{
	struct h5_engine_format f = {.number = number};
	enum h5_code rc;

	/* No store has a format below 1, so there is nothing to raise. */
	if (number <= 1)
		return H5_OK;
	(void)snprintf(f.by, sizeof f.by, "h5pay %s", H5_VERSION);
	rc = engine->raise(store, &f, until_ms, e);
	/* Another program may have raised it higher meanwhile. */
	return rc == H5_OK ? h5_format_must_know(&f, e) : rc;
}
