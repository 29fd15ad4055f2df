/* Names the ids of a walk, one day of an index a page. */
#include <stdlib.h>
#include <string.h>

#include "common/store/files/internal.h"

#define DAY_S 86400

/* A walk between two pages. */
struct walking {
	struct h5_files_days days;
	size_t next; /* of days */
	struct h5_files_ids page;
	struct h5_files_ids seen; /* what is open: on whatever day before */
	/* Of the page before: it was handed out, but could not be remembered.
	 * Its orders are cared for all the same, and then this is told. */
	enum h5_code noted;
	struct h5_err why;
};

static enum h5_code
start(struct h5_files *st, struct h5_engine_walk *w, struct h5_err *e)
{
	struct walking *own;
	enum h5_code rc;

	own = calloc(1, sizeof *own);
	if (own == NULL)
		return h5_err_nomem(e);
	w->own = own;
	rc = h5_files_days_add(st, "index/created", &own->days, e);
	if (rc == H5_OK && w->kind != H5_ENGINE_CREATED)
		/* A walk over what was created does not care what woke up. */
		rc = h5_files_days_add(st, "index/wake", &own->days, e);
	return rc;
}

/* The ids that were named on the day. */
static enum h5_code
page_created(struct h5_files *st, struct h5_engine_walk *w, const char *day,
    struct h5_err *e)
{
	struct walking *own = w->own;
	char id[H5_ORDER_ID_MAX + 1];
	const char *p, *end;
	struct h5_buf b;
	enum h5_code rc;
	bool good;
	int fd;

	rc = h5_clock_from_day(day, &w->from, e);
	w->to = w->from + DAY_S;
	h5_buf_init(&b, H5_FILES_INDEX);
	if (rc == H5_OK) {
		/* The day is read whole: an index of a busy day has a few
		 * megabytes. */
		rc = h5_files_index_read(
		    st, H5_FILES_CREATED, day, 0, &fd, &b, e);
		h5_file_drop(&fd);
	}
	p = b.data;
	end = p + b.len;
	while (rc == H5_OK && h5_files_line(&p, end, id, &good))
		if (id[0] != '\0')
			rc = h5_files_ids_add(&own->page, id, NULL, e);
	h5_buf_release(&b);
	return rc;
}

/* The ids of the day that may not be at rest, without those of earlier days.
 */
static enum h5_code
page_open(struct h5_files *st, struct h5_engine_walk *w, const char *day,
    struct h5_err *e)
{
	struct walking *own = w->own;
	struct h5_files_ids open = {0};
	enum h5_code rc;
	bool fresh;
	size_t i;

	rc = h5_files_open_day(st, day, &open, &own->noted, &own->why, e);
	for (i = 0; rc == H5_OK && i < open.n; i++) {
		rc = h5_files_ids_add(&own->seen, open.v[i], &fresh, e);
		if (rc == H5_OK && fresh)
			rc = h5_files_ids_add(&own->page, open.v[i], NULL, e);
	}
	h5_files_ids_release(&open);
	return rc;
}

/* The next day of those asked for; NULL: none is left. */
static const char *
next_day(struct walking *own, const struct h5_engine_walk *w)
{
	char first[H5_CLOCK_DAY], last[H5_CLOCK_DAY];
	const char *day;

	h5_clock_day(w->since, first);
	/* until is the first second that is not meant any more. */
	h5_clock_day(w->until > 0 ? w->until - 1 : INT64_MAX, last);
	while (own->next < own->days.n) {
		day = own->days.v[own->next++];
		if (w->kind != H5_ENGINE_CREATED ||
		    (strcmp(day, first) >= 0 && strcmp(day, last) <= 0))
			return day;
	}
	return NULL;
}

enum h5_code
h5_files_page(void *store, struct h5_engine_walk *w, struct h5_err *e)
{
	struct walking *own;
	enum h5_code rc = H5_OK;
	const char *day;

	w->more = false;
	if (w->own == NULL)
		rc = start(store, w, e);
	if (rc != H5_OK)
		return rc;
	own = w->own;
	if (own->noted != H5_OK)
		return h5_err_pass(e, &own->why);
	/* The ids that were handed out last are not needed any more. */
	h5_files_ids_release(&own->page);
	day = next_day(own, w);
	if (day == NULL)
		return H5_OK;
	rc = w->kind == H5_ENGINE_CREATED ? page_created(store, w, day, e)
					  : page_open(store, w, day, e);
	w->more = rc == H5_OK;
	w->ids = own->page.v;
	w->n = own->page.n;
	return rc;
}

void
h5_files_leave(void *store, struct h5_engine_walk *w)
{
	struct walking *own = w->own;

	(void)store;
	if (own == NULL)
		return;
	h5_files_days_release(&own->days);
	h5_files_ids_release(&own->page);
	h5_files_ids_release(&own->seen);
	free(own);
	w->own = NULL;
}
