/* Adds to the indexes of days, reads them, and keeps sets of ids and days. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/store/files/internal.h"
#include "common/base/sum.h"

int
h5_files_wait(int64_t until_ms)
{
	int64_t left = until_ms - h5_clock_mono_ms();

	/* Never negative: 0 asks for the lock without a wait. */
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* --- adding a line -------------------------------------------------------- */

static const char *const index_folders[] = {
    [H5_FILES_CREATED] = "index/created", [H5_FILES_WAKE] = "index/wake"};

void
h5_files_day_path(
    enum h5_files_index which, const char *day, char out[H5_FILES_PATH])
{
	(void)snprintf(out, H5_FILES_PATH, "%s/%s", index_folders[which], day);
}

enum h5_code
h5_files_index_make(
    struct h5_files *st, enum h5_files_index which, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_file_mkdir(st->dir, "index", e);
	if (rc == H5_OK)
		rc = h5_file_mkdir(st->dir, index_folders[which], e);
	return rc;
}

/* Opens a day's file and holds it against being replaced by a rebuilt one. */
static enum h5_code
open_day(struct h5_files *st, enum h5_files_index which, const char *day,
    int64_t until_ms, int *fd, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	struct h5_file_look look;
	enum h5_code rc;
	size_t size;

	h5_files_day_path(which, day, path);
	for (;;) {
		rc = h5_file_open(
		    st->dir, path, O_RDWR | O_APPEND | O_CREAT, fd, &size, e);
		/* An operator removed the folder.  An index can be made anew,
		 * so this is no reason to refuse an order. */
		if (rc == H5_E_NOTFOUND) {
			rc = h5_files_index_make(st, which, e);
			if (rc == H5_OK)
				continue;
		}
		/* Shared: many orders are noted at once, and only a rebuild of
		 * the index keeps them all out. */
		if (rc == H5_OK)
			rc = h5_file_lock(
			    *fd, LOCK_SH, h5_files_wait(until_ms), e);
		if (rc == H5_OK)
			rc = h5_file_look(*fd, &look, e);
		/* A rebuild put another file in its place while we waited: a
		 * line in the old one would be lost. */
		if (rc != H5_OK || look.named)
			break;
		h5_file_drop(fd);
	}
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* Makes sure that the day's file is on disk under its name, once a day in each
 * process. */
static enum h5_code
sync_day(struct h5_files *st, enum h5_files_index which, const char *day,
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
h5_files_note(struct h5_files *st, enum h5_files_index which, int64_t at,
    const char *id, int64_t until_ms, int *fd, struct h5_err *e)
{
	char day[H5_CLOCK_DAY];
	enum h5_code rc;

	h5_clock_day(at, day);
	rc = open_day(st, which, day, until_ms, fd, e);
	/* One write with O_APPEND, so that lines of two programs never mix. */
	if (rc == H5_OK)
		rc = h5_file_add_line(*fd, id, e);
	if (rc == H5_OK)
		rc = h5_file_sync_data(*fd, e);
	/* The line is on disk.  The file's name may not be yet; this comes
	 * last, since it has to be done only once a day. */
	if (rc == H5_OK)
		rc = sync_day(st, which, day, e);
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* --- reading -------------------------------------------------------------- */

enum h5_code
h5_files_index_read(struct h5_files *st, enum h5_files_index which,
    const char *day, size_t from, int *fd, struct h5_buf *b, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;
	size_t size;

	h5_files_day_path(which, day, path);
	rc = h5_file_open(st->dir, path, O_RDONLY, fd, &size, e);
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	/* Nothing new since the last look. */
	if (rc != H5_OK || size <= from)
		return rc;
	rc = h5_file_slurp(*fd, from, size - from, b, e);
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

bool
h5_files_line(
    const char **p, const char *end, char id[H5_ORDER_ID_MAX + 1], bool *good)
{
	size_t left = (size_t)(end - *p), n;
	const char *lf;

	id[0] = '\0';
	lf = left > 0 ? memchr(*p, '\n', left) : NULL;
	if (lf == NULL)
		return false;
	n = (size_t)(lf - *p);
	/* An empty line is what a write that was cut short may leave. */
	*good = n == 0;
	if (n > 0 && n <= H5_ORDER_ID_MAX) {
		memcpy(id, *p, n);
		id[n] = '\0';
		/* A NUL inside the line would end the id too early. */
		*good = strlen(id) == n && h5_number_is_order(id);
		if (!*good)
			id[0] = '\0';
	}
	*p = lf + 1;
	return true;
}

/* --- days ----------------------------------------------------------------- */

enum h5_code
h5_files_days_one(struct h5_files_days *d, const char *day, struct h5_err *e)
{
	void *v;

	/* The list grows by 64: two months at a time. */
	if (d->n % 64 == 0) {
		v = reallocarray(d->v, d->n + 64, sizeof *d->v);
		if (v == NULL)
			return h5_err_nomem(e);
		d->v = v;
	}
	memcpy(d->v[d->n++], day, H5_CLOCK_DAY);
	return H5_OK;
}

static enum h5_code
add_day(void *arg, const char *name, struct h5_err *e)
{
	int64_t t;

	if (h5_clock_from_day(name, &t, NULL) != H5_OK)
		return H5_OK;
	return h5_files_days_one(arg, name, e);
}

static int
by_day(const void *a, const void *b)
{
	return memcmp(a, b, H5_CLOCK_DAY);
}

void
h5_files_days_sort(struct h5_files_days *d)
{
	size_t i, kept = 0;

	if (d->n == 0)
		return;
	qsort(d->v, d->n, sizeof *d->v, by_day);
	for (i = 1; i < d->n; i++)
		if (by_day(d->v[i], d->v[kept]) != 0)
			memmove(d->v[++kept], d->v[i], H5_CLOCK_DAY);
	d->n = kept + 1;
}

enum h5_code
h5_files_days_add(struct h5_files *st, const char *folder,
    struct h5_files_days *d, struct h5_err *e)
{
	enum h5_code rc;
	int fd;

	rc = h5_files_sub(st, folder, &fd, e);
	if (rc == H5_OK)
		rc = h5_file_list(fd, add_day, d, e);
	h5_file_drop(&fd);
	/* No folder, no days: nothing was created, or nothing woke up. */
	if (rc == H5_E_NOTFOUND)
		rc = H5_OK;
	h5_files_days_sort(d);
	return rc;
}

void
h5_files_days_release(struct h5_files_days *d)
{
	free(d->v);
	d->v = NULL;
	d->n = 0;
}

/* --- a set of ids --------------------------------------------------------- */

/* Where id is, or would be, in the hash table, which always has a free slot.
 */
static uint32_t *
slot_of(const struct h5_files_ids *ids, const char *id)
{
	/* The size of the table is a power of two, so the mask is a modulo. */
	size_t i = h5_sum_64(id, strlen(id), 0) & (ids->n_slots - 1);

	while (ids->slots[i] != 0 && strcmp(ids->v[ids->slots[i] - 1], id) != 0)
		i = (i + 1) & (ids->n_slots - 1);
	return &ids->slots[i];
}

static enum h5_code
grow_ids(struct h5_files_ids *ids, struct h5_err *e)
{
	size_t cap = ids->cap == 0 ? 64 : ids->cap * 2, i;
	uint32_t *slots;
	void *v;

	/* The slots hold 32 bits, and 0 is taken for "free". */
	if (cap > UINT32_MAX / 2)
		return h5_err_set(e, H5_E_INPUT, "there are too many orders");
	/* There are twice as many slots as ids, so that a search is short. */
	slots = calloc(cap * 2, sizeof *slots);
	v = reallocarray(ids->v, cap, sizeof *ids->v);
	if (v != NULL)
		ids->v = v;
	if (v == NULL || slots == NULL) {
		free(slots);
		return h5_err_nomem(e);
	}
	free(ids->slots);
	ids->slots = slots;
	ids->n_slots = cap * 2;
	ids->cap = cap;
	/* Every id moves: its place depends on the size of the table. */
	for (i = 0; i < ids->n; i++)
		*slot_of(ids, ids->v[i]) = (uint32_t)i + 1;
	return H5_OK;
}

bool
h5_files_ids_has(const struct h5_files_ids *ids, const char *id)
{
	return ids->n > 0 && *slot_of(ids, id) != 0;
}

enum h5_code
h5_files_ids_add(
    struct h5_files_ids *ids, const char *id, bool *fresh, struct h5_err *e)
{
	enum h5_code rc;

	if (fresh != NULL)
		*fresh = false;
	if (h5_files_ids_has(ids, id))
		return H5_OK;
	if (ids->n == ids->cap) {
		rc = grow_ids(ids, e);
		if (rc != H5_OK)
			return rc;
	}
	memcpy(ids->v[ids->n], id, strlen(id) + 1);
	*slot_of(ids, id) = (uint32_t)++ids->n;
	if (fresh != NULL)
		*fresh = true;
	return H5_OK;
}

void
h5_files_ids_release(struct h5_files_ids *ids)
{
	free(ids->v);
	free(ids->slots);
	memset(ids, 0, sizeof *ids);
}
