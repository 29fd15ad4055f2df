/* fsck: reads every archive, and compares the index of archives with what is in
 * them. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/store/files/archive.h"
#include "common/store/format.h"

struct looking {
	struct h5_files_checking *c;
	/* The index as it is. */
	bool there, sound;
	struct h5_archive_head old;
	struct h5_archive_list lines;
	/* The files as they are, by month and generation. */
	struct h5_archive_month *files;
	size_t n;
	/* The index as it should be. */
	struct h5_archive_head head;
	struct h5_archive_list list;
	/* The file being read. */
	char path[H5_FILES_PATH];
	struct h5_archive_month now;
	bool tell; /* what is wrong with it */
	uint64_t bad; /* records that cannot be read */
};

static void
tell(struct looking *l, uint64_t *counter, bool repaired, const char *what)
{
	char text[H5_FILES_PATH + 200];

	(void)snprintf(text, sizeof text, "%s: %s", l->path, what);
	h5_files_check_found(l->c, counter, "", text, repaired);
}

/* --- what is there -------------------------------------------------------- */

static enum h5_code
add_month(struct h5_archive_month **v, size_t *n,
    const struct h5_archive_month *m, struct h5_err *e)
{
	void *more = reallocarray(*v, *n + 1, sizeof **v);

	if (more == NULL)
		return h5_err_nomem(e);
	*v = more;
	(*v)[(*n)++] = *m;
	return H5_OK;
}

static enum h5_code
add_file(void *arg, const char *name, struct h5_err *e)
{
	struct looking *l = arg;
	struct h5_archive_month m;

	return h5_archive_name(name, &m) ? add_month(&l->files, &l->n, &m, e)
					 : H5_OK;
}

static int
by_generation(const void *a, const void *b)
{
	const struct h5_archive_month *l = a, *r = b;
	int side = strcmp(l->name, r->name);

	/* The newest of a month first. */
	if (side != 0)
		return side;
	return l->generation > r->generation ? -1
					     : l->generation < r->generation;
}

static enum h5_code
read_index(struct looking *l, struct h5_err *e)
{
	enum h5_code rc;
	int fd;

	rc = h5_archive_index_open(l->c->st, &fd, &l->old, e);
	l->there = rc != H5_E_NOTFOUND;
	if (rc == H5_OK)
		rc = h5_archive_lines(fd, &l->old, NULL, &l->lines, e);
	h5_file_drop(&fd);
	l->sound = rc == H5_OK;
	if (!l->sound) {
		h5_archive_head_release(&l->old);
		h5_archive_list_release(&l->lines);
	}
	return rc == H5_E_NOTFOUND || rc == H5_E_INPUT ? H5_OK : rc;
}

/* --- one file ------------------------------------------------------------- */

/* The ledger counts.  But one that is only the beginning of what was put away
 * came out of an old backup. */
static enum h5_code
compare_ledger(struct looking *l, const char *id, const struct h5_buf *bytes,
    bool *live, struct h5_err *e)
{
	struct h5_buf *b = &l->c->ledger;
	enum h5_code rc;
	int fd;

	h5_buf_clear(b);
	rc = h5_files_hold_live(l->c->st, id, H5_ENGINE_LOOK, &fd, b, e);
	h5_file_drop(&fd);
	*live = rc != H5_E_NOTFOUND;
	if (rc == H5_OK && b->len < bytes->len &&
	    memcmp(b->data, bytes->data, b->len) == 0)
		h5_files_check_found(l->c, &l->c->r->broken, id,
		    "its ledger is older than its archived copy: remove the "
		    "ledger, and the copy counts",
		    false);
	/* What is wrong with the ledger was told when it was read. */
	return rc == H5_E_NOTFOUND || rc == H5_E_INPUT ? H5_OK : rc;
}

static enum h5_code
each_record(void *arg, uint64_t at, size_t len, const struct h5_buf *bytes,
    struct h5_err *e)
{
	struct looking *l = arg;
	struct h5_archive_entry en = {.at = at, .len = len};
	struct h5_order *o = NULL;
	struct h5_ledger_at end;
	bool live = false;
	enum h5_code rc;
	size_t whole;

	/* The id stands inside, and the folding compares it with itself. */
	rc = h5_record_id(bytes, en.id, e);
	if (rc == H5_OK)
		rc = h5_record_fold(bytes, en.id, &o, &whole, &end, e);
	rc = h5_format_believe(l->c->st->self, l->c->st, rc, e);
	if (rc == H5_E_INPUT) {
		l->bad++;
		return H5_OK;
	}
	memcpy(en.month, l->now.name, sizeof en.month);
	if (rc == H5_OK && l->tell)
		rc = compare_ledger(l, en.id, bytes, &live, e);
	if (rc == H5_OK && l->tell && !live)
		rc = h5_files_check_order(l->c, o, e);
	if (rc == H5_OK)
		rc = h5_archive_list_add(&l->list, &en, e);
	l->now.orders += rc == H5_OK;
	h5_order_free(o);
	return rc;
}

/* *whole: it is what was written.  tell: this is the file that counts. */
static enum h5_code
read_file(struct looking *l, const struct h5_archive_month *m, bool tell_it,
    bool *whole, struct h5_err *e)
{
	enum h5_code rc;
	size_t size;
	int fd;

	*whole = false;
	l->now = *m;
	l->now.orders = 0;
	l->bad = 0;
	l->tell = tell_it;
	h5_archive_path(m, l->path);
	rc = h5_file_open(l->c->st->dir, l->path, O_RDONLY, &fd, &size, e);
	l->now.bytes = size;
	if (rc == H5_OK)
		rc = h5_archive_scan(
		    fd, size, m->name, each_record, l, whole, e);
	h5_file_drop(&fd);
	return rc == H5_E_NOTFOUND || rc == H5_E_INPUT ? H5_OK : rc;
}

/* --- one month ------------------------------------------------------------ */

/* What the index says of the month goes into the new index unchanged: ids stay
 * taken, and an order that cannot be read is not one that never was. */
static enum h5_code
keep_lines(
    struct looking *l, const struct h5_archive_month *m, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < l->lines.n; i++)
		if (strcmp(l->lines.v[i].month, m->name) == 0)
			rc = h5_archive_list_add(&l->list, &l->lines.v[i], e);
	return rc == H5_OK ? add_month(&l->head.months, &l->head.n, m, e) : rc;
}

/* The file that counts, m, is read; named: the index says so. */
static enum h5_code
take_file(struct looking *l, const struct h5_archive_month *m, bool named,
    struct h5_err *e)
{
	size_t before = l->list.n;
	char what[160];
	enum h5_code rc;
	bool whole;

	rc = read_file(l, m, true, &whole, e);
	if (rc != H5_OK)
		return rc;
	if (!whole || l->bad > 0) {
		(void)snprintf(what, sizeof what,
		    "damaged: %" PRIu64 " orders can be read%s; restore the "
		    "file from a backup",
		    l->now.orders,
		    named ? "" : ", how many there were is lost");
		if (named)
			(void)snprintf(what, sizeof what,
			    "damaged: %" PRIu64 " of %" PRIu64 " orders can be "
			    "read; restore the file from a backup",
			    l->now.orders, m->orders);
		tell(l, &l->c->r->broken, false, what);
		if (named) {
			l->list.n = before;
			return keep_lines(l, m, e);
		}
	}
	return l->now.orders > 0
		   ? add_month(&l->head.months, &l->head.n, &l->now, e)
		   : H5_OK;
}

/* Without an index the newest whole one counts: it was finished before the one
 * before it was removed. */
static enum h5_code
newest_whole(
    struct looking *l, size_t from, size_t to, size_t *at, struct h5_err *e)
{
	size_t before = l->list.n;
	enum h5_code rc = H5_OK;
	bool whole = false;

	for (*at = from; rc == H5_OK && *at < to; (*at)++) {
		rc = read_file(l, &l->files[*at], false, &whole, e);
		l->list.n = before;
		if (whole)
			return rc;
	}
	*at = from;
	return rc;
}

/* The files from to to are of one month. */
static enum h5_code
check_month(struct looking *l, size_t from, size_t to, struct h5_err *e)
{
	const struct h5_archive_month *named;
	enum h5_code rc = H5_OK;
	size_t i, at = to;
	bool gone;

	named = h5_archive_head_find(&l->old, l->files[from].name);
	for (i = from; named != NULL && i < to; i++)
		if (l->files[i].generation == named->generation)
			at = i;
	if (!l->sound)
		rc = newest_whole(l, from, to, &at, e);
	if (rc == H5_OK && at < to)
		rc = take_file(
		    l, named != NULL ? named : &l->files[at], named != NULL, e);
	/* Left by a pass that was cut short; but not if it is all there is of
	 * the month. */
	for (i = from; rc == H5_OK && i < to; i++) {
		if (i == at || (named != NULL && at == to))
			continue;
		h5_archive_path(&l->files[i], l->path);
		gone = l->c->repair &&
		       h5_file_remove(l->c->st->dir, l->path, NULL) == H5_OK;
		tell(l, &l->c->r->derived, gone, "left over");
	}
	return rc;
}

/* Months that the index names and of which there is no file. */
static enum h5_code
check_missing(struct looking *l, struct h5_err *e)
{
	const struct h5_archive_month *m;
	enum h5_code rc = H5_OK;
	char what[96];
	size_t i, k;

	for (i = 0; rc == H5_OK && i < l->old.n; i++) {
		m = &l->old.months[i];
		for (k = 0; k < l->n; k++)
			if (strcmp(l->files[k].name, m->name) == 0 &&
			    l->files[k].generation == m->generation)
				break;
		if (k < l->n)
			continue;
		h5_archive_path(m, l->path);
		(void)snprintf(what, sizeof what,
		    "missing, with %" PRIu64 " orders: restore it from a "
		    "backup",
		    m->orders);
		tell(l, &l->c->r->broken, false, what);
		rc = keep_lines(l, m, e);
	}
	return rc;
}

/* --- the index ------------------------------------------------------------ */

static int
by_id(const void *a, const void *b)
{
	const struct h5_archive_entry *l = a, *r = b;

	return strcmp(l->id, r->id);
}

/* Does the index say what it should? */
static bool
same(struct looking *l)
{
	const struct h5_archive_entry *x, *y;
	size_t i;

	if (!l->sound || l->lines.n != l->list.n)
		return false;
	if (l->list.n > 0) {
		qsort(l->lines.v, l->lines.n, sizeof *l->lines.v, by_id);
		qsort(l->list.v, l->list.n, sizeof *l->list.v, by_id);
	}
	for (i = 0; i < l->list.n; i++) {
		x = &l->lines.v[i];
		y = &l->list.v[i];
		if (strcmp(x->id, y->id) != 0 || x->at != y->at ||
		    x->len != y->len || strcmp(x->month, y->month) != 0)
			return false;
	}
	return true;
}

static enum h5_code
check_index(struct looking *l, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	if (same(l) || (!l->there && l->head.n == 0))
		return H5_OK;
	(void)snprintf(l->path, sizeof l->path, H5_ARCHIVE_INDEX);
	if (l->c->repair)
		rc = h5_archive_index_write(
		    l->c->st, NULL, NULL, &l->head, &l->list, e);
	if (rc == H5_OK)
		tell(l, &l->c->r->derived, l->c->repair,
		    !l->there	? "missing"
		    : !l->sound ? "damaged"
				: "not what is in the archives");
	return rc;
}

static enum h5_code
check_files(struct looking *l, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	size_t from, to;

	if (l->n > 0)
		qsort(l->files, l->n, sizeof *l->files, by_generation);
	for (from = 0; rc == H5_OK && from < l->n; from = to) {
		for (to = from + 1; to < l->n; to++)
			if (strcmp(l->files[to].name, l->files[from].name) != 0)
				break;
		rc = check_month(l, from, to, e);
	}
	return rc;
}

enum h5_code
h5_archive_check(struct h5_files_checking *c, struct h5_err *e)
{
	struct looking l = {.c = c};
	enum h5_code rc;
	int fd;

	rc = h5_files_sub(c->st, H5_ARCHIVE_FOLDER, &fd, e);
	/* Nothing was ever archived, or the folder is not ours, which was
	 * told. */
	if (rc == H5_E_NOTFOUND || rc == H5_E_CONFIG)
		return H5_OK;
	if (rc == H5_OK)
		rc = h5_file_list(fd, add_file, &l, e);
	h5_file_drop(&fd);
	if (rc == H5_OK)
		rc = read_index(&l, e);
	if (rc == H5_OK)
		rc = check_files(&l, e);
	if (rc == H5_OK)
		rc = check_missing(&l, e);
	if (rc == H5_OK)
		rc = check_index(&l, e);
	h5_archive_head_release(&l.old);
	h5_archive_head_release(&l.head);
	h5_archive_list_release(&l.lines);
	h5_archive_list_release(&l.list);
	free(l.files);
	return rc;
}
