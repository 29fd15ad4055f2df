/* The indexes by day, and what finds orders through them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/store_internal.h"

/* --- adding a line -------------------------------------------------------- */

static const char *const index_folders[] = {
    [H5_STORE_CREATED] = "index/created", [H5_STORE_WAKE] = "index/wake"};

void
h5_store_day_path(
    enum h5_store_index which, const char *day, char out[H5_STORE_PATH])
{
	(void)snprintf(out, H5_STORE_PATH, "%s/%s", index_folders[which], day);
}

/* Opens a day's file and holds it against being replaced by a rebuilt one. */
static enum h5_code
open_day(struct h5_store *st, enum h5_store_index which, const char *day,
    int *fd, struct h5_err *e)
{
	char path[H5_STORE_PATH];
	struct h5_file_look look;
	enum h5_code rc;
	size_t size;

	h5_store_day_path(which, day, path);
	for (;;) {
		rc = h5_file_open(
		    st->dir, path, O_RDWR | O_APPEND | O_CREAT, fd, &size, e);
		if (rc == H5_E_NOTFOUND) {
			rc = h5_file_mkdir(st->dir, "index", e);
			if (rc == H5_OK)
				rc = h5_file_mkdir(
				    st->dir, index_folders[which], e);
			if (rc == H5_OK)
				continue;
		}
		if (rc == H5_OK)
			rc = h5_file_lock(*fd, LOCK_SH, H5_STORE_LOCK_MS, e);
		if (rc == H5_OK)
			rc = h5_file_look(*fd, &look, e);
		if (rc != H5_OK || look.named)
			break;
		h5_file_drop(fd);
	}
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* Is the day's file itself on disk, by its name?  Once a day a process. */
static enum h5_code
sync_day(struct h5_store *st, enum h5_store_index which, const char *day,
    struct h5_err *e)
{
	enum h5_code rc;
	bool done;

	(void)pthread_mutex_lock(&st->lock);
	done = strcmp(st->synced[which], day) == 0;
	(void)pthread_mutex_unlock(&st->lock);
	if (done)
		return H5_OK;
	rc = h5_file_sync_folder(st->dir, index_folders[which], e);
	if (rc != H5_OK)
		return rc;
	(void)pthread_mutex_lock(&st->lock);
	memcpy(st->synced[which], day, H5_CLOCK_DAY);
	(void)pthread_mutex_unlock(&st->lock);
	return H5_OK;
}

enum h5_code
h5_store_note(struct h5_store *st, enum h5_store_index which, int64_t at,
    const char *id, int *fd, struct h5_err *e)
{
	char day[H5_CLOCK_DAY];
	enum h5_code rc;

	h5_clock_day(at, day);
	rc = open_day(st, which, day, fd, e);
	if (rc == H5_OK)
		rc = h5_file_add_line(*fd, id, e);
	if (rc == H5_OK)
		rc = h5_file_sync_data(*fd, e);
	if (rc == H5_OK)
		rc = sync_day(st, which, day, e);
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* --- walking by day ------------------------------------------------------- */

struct days {
	char (*v)[H5_CLOCK_DAY];
	size_t n;
};

static enum h5_code
add_day(void *arg, const char *name, struct h5_err *e)
{
	struct days *d = arg;
	int64_t t;
	void *v;

	if (h5_clock_from_day(name, &t, NULL) != H5_OK)
		return H5_OK;
	v = reallocarray(d->v, d->n + 1, sizeof *d->v);
	if (v == NULL)
		return h5_err_nomem(e);
	d->v = v;
	memcpy(d->v[d->n++], name, H5_CLOCK_DAY);
	return H5_OK;
}

static int
by_day(const void *a, const void *b)
{
	return memcmp(a, b, H5_CLOCK_DAY);
}

static enum h5_code
list_days(struct h5_store *st, struct days *d, struct h5_err *e)
{
	enum h5_code rc;
	int fd;

	d->v = NULL;
	d->n = 0;
	rc = h5_file_folder(st->dir, index_folders[H5_STORE_CREATED], &fd, e);
	if (rc == H5_OK)
		rc = h5_file_list(fd, add_day, d, e);
	if (rc == H5_OK && d->n > 0)
		qsort(d->v, d->n, sizeof *d->v, by_day);
	h5_file_drop(&fd);
	return rc;
}

static enum h5_code
visit_one(struct h5_store *st, const char *id, int64_t since, int64_t until,
    h5_store_visit_fn visit, void *arg)
{
	struct h5_order *o;
	struct h5_err why;
	enum h5_code rc;

	rc = h5_store_load(st, id, &o, &why);
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	if (rc != H5_OK)
		return visit(arg, id, NULL, &why);
	rc = H5_OK;
	if (o->created_at >= since && (until == 0 || o->created_at < until))
		rc = visit(arg, id, o, NULL);
	h5_order_free(o);
	return rc;
}

static enum h5_code
visit_day(struct h5_store *st, const char *day, int64_t since, int64_t until,
    h5_store_visit_fn visit, void *arg, struct h5_err *e)
{
	char path[H5_STORE_PATH], *line, *lf;
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, 1u << 30);
	h5_store_day_path(H5_STORE_CREATED, day, path);
	rc = h5_file_read(st->dir, path, &b, e);
	for (line = b.data; rc == H5_OK; line = lf + 1) {
		lf = strchr(line, '\n');
		if (lf == NULL)
			break;
		*lf = '\0';
		if (h5_text_order_id(line))
			rc = visit_one(st, line, since, until, visit, arg);
	}
	h5_buf_release(&b);
	return rc;
}

enum h5_code
h5_store_each(struct h5_store *st, int64_t since, int64_t until,
    h5_store_visit_fn visit, void *arg, struct h5_err *e)
{
	char first[H5_CLOCK_DAY], last[H5_CLOCK_DAY];
	enum h5_code rc;
	struct days d;
	size_t i;

	h5_clock_day(since, first);
	h5_clock_day(until > 0 ? until - 1 : INT64_MAX, last);
	rc = list_days(st, &d, e);
	for (i = 0; rc == H5_OK && i < d.n; i++)
		if (strcmp(d.v[i], first) >= 0 && strcmp(d.v[i], last) <= 0)
			rc = visit_day(st, d.v[i], since, until, visit, arg, e);
	free(d.v);
	return rc;
}

struct open_visit {
	struct h5_store *st;
	h5_store_visit_fn visit;
	void *arg;
};

static enum h5_code
visit_if_open(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	const struct open_visit *v = arg;

	if (o != NULL && h5_order_at_rest(o, v->st->hooks))
		return H5_OK;
	return v->visit(v->arg, id, o, e_o);
}

enum h5_code
h5_store_each_open(
    struct h5_store *st, h5_store_visit_fn visit, void *arg, struct h5_err *e)
{
	struct open_visit v = {st, visit, arg};

	return h5_store_each(st, 0, 0, visit_if_open, &v, e);
}
