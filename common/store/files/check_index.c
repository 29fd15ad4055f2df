/* fsck: compares the indexes and the sweep's memory with the orders that are
 * there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/store/files/internal.h"

static int
by_creation(const void *a, const void *b)
{
	const struct h5_files_entry *l = a, *r = b;

	/* By id as well, so that a repaired index is the same whoever made
	 * it. */
	if (l->created_at != r->created_at)
		return l->created_at < r->created_at ? -1 : 1;
	return strcmp(l->id, r->id);
}

static enum h5_code
load(struct h5_files_checking *c, const char *id, struct h5_order **o)
{
	return h5_record_load(c->st->self, c->st, id,
	    h5_clock_mono_ms() + c->st->budget_ms, o, NULL);
}

/* --- one day of one index ------------------------------------------------- */

struct day {
	struct h5_files_checking *c;
	enum h5_files_index which;
	const char *name;
	const struct h5_files_entry *v; /* orders created that day */
	size_t n;
	struct h5_files_ids own; /* their ids */
	struct h5_files_ids
	    lines; /* those that the file names and that belong there */
	bool wrong; /* it holds what is no line of an index */
};

/* Does this line belong in this file?  An order that is not among those read
 * may have been created since. */
static bool
belongs(const struct day *d, const char *id)
{
	char own_day[H5_CLOCK_DAY];
	struct h5_order *o;
	enum h5_code rc;
	bool yes;

	/* Most lines name an order that was read just now, which costs
	 * nothing. */
	if (h5_files_ids_has(&d->own, id))
		return true;
	rc = load(d->c, id, &o);
	/* A broken one stays named, so that sweeps go on to tell of it. */
	if (rc != H5_OK)
		return rc != H5_E_NOTFOUND;
	h5_clock_day(o->created_at, own_day);
	/* A wake line may stand on any day; a creation belongs to its own. */
	yes = d->which == H5_FILES_WAKE || strcmp(own_day, d->name) == 0;
	h5_order_free(o);
	return yes;
}

static enum h5_code
take_lines(struct day *d, const struct h5_buf *b, struct h5_err *e)
{
	const char *p = b->data, *end = p + b->len;
	char id[H5_ORDER_ID_MAX + 1];
	enum h5_code rc = H5_OK;
	bool good;

	d->wrong = false;
	while (rc == H5_OK && h5_files_line(&p, end, id, &good)) {
		/* A creation that was cut short leaves a line without an order,
		 * which is nothing to tell.  A line that is malformed is told
		 * once for the whole file, however many there are. */
		d->wrong = d->wrong || !good;
		if (id[0] != '\0' && belongs(d, id))
			rc = h5_files_ids_add(&d->lines, id, NULL, e);
	}
	/* A last line without its end. */
	d->wrong = d->wrong || p != end;
	return rc;
}

/* Opens the file as its only user, so that no creation is under way. */
static enum h5_code
hold_day(const struct day *d, int *fd, size_t *size, struct h5_err *e)
{
	int flags = d->c->repair ? O_RDWR | O_CREAT : O_RDONLY;
	struct h5_files *st = d->c->st;
	char path[H5_FILES_PATH];
	struct h5_file_look look;
	/* If this is a repair, a file that is missing is made, and then held
	 * like any other. */
	enum h5_code rc;

	h5_files_day_path(d->which, d->name, path);
	rc = h5_file_open(st->dir, path, flags, fd, size, e);
	if (rc == H5_E_NOTFOUND && d->c->repair) {
		rc = h5_files_index_make(st, d->which, e);
		if (rc == H5_OK)
			rc = h5_file_open(st->dir, path, flags, fd, size, e);
	}
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	if (rc == H5_OK)
		rc = h5_file_lock(*fd, LOCK_EX, d->c->st->budget_ms, e);
	if (rc == H5_OK)
		rc = h5_file_look(*fd, &look, e);
	/* It was replaced while we waited for its lock: what we hold is an old
	 * file that nobody reads any more. */
	if (rc == H5_OK && !look.named)
		rc = h5_err_set(e, H5_E_BUSY, "another fsck is running");
	if (rc == H5_OK)
		*size = look.size;
	return rc;
}

static enum h5_code
read_day(struct day *d, bool hold, int *fd, struct h5_err *e)
{
	size_t size = 0;
	struct h5_buf b;
	enum h5_code rc;

	h5_files_ids_release(&d->lines);
	h5_buf_init(&b, H5_FILES_INDEX);
	if (hold) {
		rc = hold_day(d, fd, &size, e);
		if (rc == H5_OK && *fd >= 0)
			rc = h5_file_slurp(*fd, 0, size, &b, e);
	} else {
		rc = h5_files_index_read(
		    d->c->st, d->which, d->name, 0, fd, &b, e);
	}
	if (rc == H5_OK)
		rc = take_lines(d, &b, e);
	h5_buf_release(&b);
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* Writes the whole file anew: the day's orders by age, then what came since. */
static enum h5_code
write_day(struct day *d, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	struct h5_buf b;
	enum h5_code rc;
	size_t i;

	h5_buf_init(&b, H5_FILES_INDEX);
	/* By age, which is how a walk wants them. */
	for (i = 0; i < d->n; i++)
		h5_buf_printf(&b, "%s\n", d->v[i].id);
	for (i = 0; i < d->lines.n; i++)
		if (d->n == 0 || !h5_files_ids_has(&d->own, d->lines.v[i]))
			h5_buf_printf(&b, "%s\n", d->lines.v[i]);
	rc = h5_buf_finish(&b, e);
	h5_files_day_path(d->which, d->name, path);
	if (rc == H5_OK)
		rc = h5_file_replace(
		    d->c->st->dir, path, b.data, b.len, 0600, e);
	h5_buf_release(&b);
	return rc;
}

static void
tell_day(struct day *d, bool repaired)
{
	char path[H5_FILES_PATH], what[2 * H5_FILES_PATH];
	size_t i;

	h5_files_day_path(d->which, d->name, path);
	for (i = 0; i < d->n; i++) {
		if (h5_files_ids_has(&d->lines, d->v[i].id))
			continue;
		(void)snprintf(what, sizeof what, "missing in %s", path);
		h5_files_check_found(
		    d->c, &d->c->r->derived, d->v[i].id, what, repaired);
	}
	if (!d->wrong)
		return;
	(void)snprintf(what, sizeof what,
	    "%s contains something that is not an order id", path);
	h5_files_check_found(d->c, &d->c->r->derived, "", what, repaired);
}

static bool
complete(const struct day *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (!h5_files_ids_has(&d->lines, d->v[i].id))
			return false;
	return !d->wrong;
}

static enum h5_code
check_day(struct day *d, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	size_t i;
	int fd = -1;

	/* The ids of the day as a set, or every line would be searched for in
	 * all orders. */
	for (i = 0; rc == H5_OK && i < d->n; i++)
		rc = h5_files_ids_add(&d->own, d->v[i].id, NULL, e);
	if (rc == H5_OK)
		rc = read_day(d, false, &fd, e);
	/* What looks amiss may be a creation under way.  The second look waits
	 * until the creation is done, and what is still missing then is
	 * missing. */
	if (rc == H5_OK && !complete(d)) {
		h5_file_drop(&fd);
		rc = read_day(d, true, &fd, e);
		if (rc == H5_OK && !complete(d) && d->c->repair) {
			tell_day(d, true);
			rc = write_day(d, e);
		} else if (rc == H5_OK) {
			tell_day(d, false);
		}
	}
	h5_file_drop(&fd);
	h5_files_ids_release(&d->own);
	h5_files_ids_release(&d->lines);
	return rc;
}

/* --- every day ------------------------------------------------------------ */

/* The orders created on a day; the entries are sorted. */
static void
orders_of(const struct h5_files_checking *c, const char *day, size_t *at,
    struct day *d)
{
	int64_t from = 0;

	/* An empty store has no array to point into. */
	if (c->n == 0 || h5_clock_from_day(day, &from, NULL) != H5_OK)
		return;
	/* Both lists are sorted by time, so each is walked through once. */
	while (*at < c->n && c->v[*at].created_at < from)
		(*at)++;
	d->v = c->v + *at;
	while (*at < c->n && c->v[*at].created_at < from + 86400) {
		(*at)++;
		d->n++;
	}
}

/* Days on which orders were created, whether their index is there or not. */
static enum h5_code
days_of_orders(const struct h5_files_checking *c, struct h5_files_days *d,
    struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	char day[H5_CLOCK_DAY];
	int64_t next = 0;
	size_t i;

	for (i = 0; rc == H5_OK && i < c->n; i++) {
		/* Sorted by time: all orders up to the end of a day share
		 * it. */
		if (i > 0 && c->v[i].created_at < next)
			continue;
		h5_clock_day(c->v[i].created_at, day);
		rc = h5_clock_from_day(day, &next, e);
		next += 86400;
		if (rc == H5_OK)
			rc = h5_files_days_one(d, day, e);
	}
	return rc;
}

static enum h5_code
check_index(
    struct h5_files_checking *c, enum h5_files_index which, struct h5_err *e)
{
	struct h5_files_days d = {0};
	enum h5_code rc = H5_OK;
	size_t i, at = 0;

	if (which == H5_FILES_CREATED)
		rc = days_of_orders(c, &d, e);
	if (rc == H5_OK)
		rc = h5_files_days_add(c->st,
		    which == H5_FILES_CREATED ? "index/created" : "index/wake",
		    &d, e);
	for (i = 0; rc == H5_OK && i < d.n; i++) {
		struct day day = {.c = c, .which = which, .name = d.v[i]};

		if (which == H5_FILES_CREATED)
			orders_of(c, d.v[i], &at, &day);
		rc = check_day(&day, e);
	}
	h5_files_days_release(&d);
	return rc;
}

/* --- what sweeps will find ------------------------------------------------ */

/* All that the next sweep will look at. */
static enum h5_code
collect(struct h5_files_checking *c, const char *day, struct h5_files_ids *ids,
    struct h5_err *e)
{
	struct h5_files_sweep s;
	char path[H5_FILES_PATH], what[2 * H5_FILES_PATH];
	enum h5_code rc;
	bool sound, gone;
	int fd = -1;
	size_t i;

	rc = h5_files_sweep_read(c->st, day, &s, &sound, e);
	if (rc == H5_OK && !sound) {
		/* A damaged file costs nothing but time, so it is removed and
		 * the next sweep reads the day anew. */
		(void)snprintf(path, sizeof path, "sweep/%s", day);
		gone = c->repair &&
		       h5_file_remove(c->st->dir, path, NULL) == H5_OK;
		(void)snprintf(what, sizeof what, "%s is damaged", path);
		h5_files_check_found(c, &c->r->derived, "", what, gone);
	}
	if (rc == H5_OK)
		rc = h5_files_sweep_news(c->st, day, &s, &fd, e);
	h5_file_drop(&fd);
	for (i = 0; rc == H5_OK && i < s.open.n; i++)
		rc = h5_files_ids_add(ids, s.open.v[i], NULL, e);
	h5_files_sweep_release(&s);
	return rc;
}

static enum h5_code
check_open(struct h5_files_checking *c, const char *id, struct h5_err *e)
{
	struct h5_order *o;
	bool rests;
	int fd = -1;

	/* It may have come to rest since it was read. */
	if (load(c, id, &o) != H5_OK)
		return H5_OK;
	rests = h5_order_at_rest(o, c->st->hooks);
	h5_order_free(o);
	if (rests)
		return H5_OK;
	h5_files_check_found(c, &c->r->derived, id,
	    "is not at rest, but no sweep would find it", c->repair);
	if (!c->repair)
		return H5_OK;
	if (h5_files_note(c->st, H5_FILES_WAKE, h5_clock_now(), id,
		h5_clock_mono_ms() + c->st->budget_ms, &fd, e) != H5_OK)
		return H5_E_IO;
	h5_file_drop(&fd);
	return H5_OK;
}

static enum h5_code
check_sweeps(struct h5_files_checking *c, struct h5_err *e)
{
	struct h5_files_days d = {0};
	struct h5_files_ids ids = {0};
	enum h5_code rc;
	size_t i;

	rc = h5_files_days_add(c->st, "index/created", &d, e);
	if (rc == H5_OK)
		rc = h5_files_days_add(c->st, "index/wake", &d, e);
	for (i = 0; rc == H5_OK && i < d.n; i++)
		rc = collect(c, d.v[i], &ids, e);
	for (i = 0; rc == H5_OK && i < c->n; i++)
		/* Asked of the orders that were read as open; the others need
		 * no sweep. */
		if (c->v[i].open && !h5_files_ids_has(&ids, c->v[i].id))
			rc = check_open(c, c->v[i].id, e);
	h5_files_ids_release(&ids);
	h5_files_days_release(&d);
	return rc;
}

enum h5_code
h5_files_reindex(struct h5_files_checking *c, struct h5_err *e)
{
	enum h5_code rc;

	/* An empty store has no array, and qsort wants one. */
	if (c->n > 0)
		qsort(c->v, c->n, sizeof *c->v, by_creation);
	rc = check_index(c, H5_FILES_CREATED, e);
	if (rc == H5_OK)
		rc = check_index(c, H5_FILES_WAKE, e);
	if (rc == H5_OK)
		rc = check_sweeps(c, e);
	return rc;
}
