/* Writes a record anew without what tells of the buyer.  The sums chain the
 * lines, so taking a field out of one line means new sums from there on: the
 * record is written by the same writer as any other, and its last line says
 * that and when this was done. */
#include "common/store/forget.h"

#include <string.h>

#include "common/base/length.h"
#include "common/store/ledger.h"

#define ADDRESS "spbill_create_ip"

/* Those of WeChat's messages stand in a ledger with a wx_ before them. */
static const char *const fields[] = {"openid", "sub_openid", "wx_openid",
    "wx_sub_openid", "attach", "wx_attach", "request", ADDRESS};

static bool
tells_field(const char *name)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(fields); i++)
		if (strcmp(name, fields[i]) == 0)
			return true;
	return false;
}

/* Does it still say what it said at first? */
static bool
tells(const struct h5_field *f)
{
	return tells_field(f->name) && strcmp(f->value, H5_FORGOTTEN) != 0;
}

bool
h5_forget_needed(const struct h5_order *o)
{
	const struct h5_fields *f;
	size_t i, k;

	for (i = 0; i < o->n_events; i++) {
		f = &o->events[i].fields;
		for (k = 0; k < f->n; k++)
			if (tells(&f->v[k]))
				return true;
	}
	return false;
}

/* A copy of ev without them. */
static enum h5_code
without(const struct h5_event *ev, struct h5_event *out, struct h5_err *e)
{
	const struct h5_fields *f = &ev->fields;
	enum h5_code rc = H5_OK;
	size_t i;

	h5_event_init(out, ev->kind, ev->at);
	for (i = 0; rc == H5_OK && i < f->n; i++) {
		if (!tells(&f->v[i]))
			rc = h5_fields_add(
			    &out->fields, f->v[i].name, f->v[i].value, e);
		else if (strcmp(f->v[i].name, ADDRESS) == 0)
			rc = h5_fields_add(
			    &out->fields, ADDRESS, H5_FORGOTTEN, e);
	}
	return rc;
}

/* Behind the last line, so that events keep the numbers by which the shop
 * knows them. */
static enum h5_code
say_so(
    struct h5_ledger_at *here, int64_t at, struct h5_buf *out, struct h5_err *e)
{
	struct h5_event ev;
	enum h5_code rc;

	h5_event_init(&ev, H5_EVENT_FORGOTTEN, at);
	h5_event_text(&ev, "fields", "openid attach request " ADDRESS);
	rc = h5_event_finish(&ev, e);
	if (rc == H5_OK)
		rc = h5_ledger_write(here, &ev, out, e);
	h5_event_release(&ev);
	return rc;
}

enum h5_code
h5_forget_record(
    const struct h5_order *o, int64_t at, struct h5_buf *out, struct h5_err *e)
{
	struct h5_ledger_at here = {0, "", 0};
	struct h5_event ev;
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < o->n_events; i++) {
		rc = without(&o->events[i], &ev, e);
		/* Units are not kept: each line is a unit of its own.  What
		 * they are for is over, since the record is written whole. */
		if (rc == H5_OK)
			rc = h5_ledger_write(&here, &ev, out, e);
		h5_event_release(&ev);
	}
	if (rc == H5_OK)
		rc = say_so(&here, at, out, e);
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}
