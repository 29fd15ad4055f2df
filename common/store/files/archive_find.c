/* Finds a record that was put away: by the index, and then in its month's
 * file. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/store/files/archive.h"

struct h5_archive_cache {
	int fd; /* -1: none */
	uint64_t stamp;
	struct h5_archive_head head;
};

static void
forget(struct h5_archive_cache *c)
{
	h5_file_drop(&c->fd);
	h5_archive_head_release(&c->head);
}

void
h5_archive_close(struct h5_files *st)
{
	if (st->archive == NULL)
		return;
	forget(st->archive);
	free(st->archive);
	st->archive = NULL;
}

static enum h5_code
a_month(void *arg, const char *name, struct h5_err *e)
{
	struct h5_archive_month m;

	(void)arg;
	return h5_archive_name(name, &m)
		   ? h5_err_set(e, H5_E_IO,
			 "there are archives without their index: h5pay fsck "
			 "--repair makes it again")
		   : H5_OK;
}

/* There is no index.  If there are archives, somebody removed it, and then
 * nothing can be said of any id. */
enum h5_code
h5_archive_unindexed(struct h5_files *st, struct h5_err *e)
{
	enum h5_code rc;
	int fd;

	rc = h5_files_sub(st, H5_ARCHIVE_FOLDER, &fd, e);
	if (rc == H5_OK)
		rc = h5_file_list(fd, a_month, NULL, e);
	h5_file_drop(&fd);
	return rc == H5_OK ? h5_err_set(e, H5_E_NOTFOUND, "nothing is archived")
			   : rc;
}

/* Under st->lock: the index that stands there now. */
static enum h5_code
refresh(struct h5_files *st, struct h5_err *e)
{
	struct h5_archive_cache *c = st->archive;
	struct h5_file_look look;
	enum h5_code rc;

	if (c == NULL) {
		c = calloc(1, sizeof *c);
		if (c == NULL)
			return h5_err_nomem(e);
		c->fd = -1;
		st->archive = c;
	}
	if (c->fd >= 0 && h5_file_look(c->fd, &look, NULL) == H5_OK &&
	    look.named && look.stamp == c->stamp)
		return H5_OK;
	forget(c);
	rc = h5_archive_index_open(st, &c->fd, &c->head, e);
	if (rc == H5_E_NOTFOUND)
		return h5_archive_unindexed(st, e);
	if (rc == H5_OK)
		rc = h5_file_look(c->fd, &look, e);
	c->stamp = look.stamp;
	if (rc != H5_OK)
		forget(c);
	return rc;
}

/* Interpolation, since sums are spread evenly, and every second step bisection,
 * which ends whatever the sums are. */
static enum h5_code
search(const struct h5_archive_cache *c, const char *id,
    struct h5_archive_entry *en, struct h5_err *e)
{
	uint64_t lo = 0, hi = c->head.ids, mid, want = h5_archive_sum(id), is;
	uint64_t least = 0, most = UINT64_MAX;
	enum h5_code rc;
	unsigned turn;
	int side;

	for (turn = 0; lo < hi; turn++) {
		mid = lo + (hi - lo) / 2;
		if (turn % 2 == 0)
			mid = lo + ((want - least) >> 32) * (hi - lo) /
				       (((most - least) >> 32) + 1);
		rc = h5_archive_line(c->fd, &c->head, mid, en, e);
		if (rc != H5_OK)
			return rc;
		is = h5_archive_sum(en->id);
		side = want != is ? (want < is ? -1 : 1) : strcmp(id, en->id);
		if (side == 0)
			return H5_OK;
		if (side < 0) {
			hi = mid;
			most = is;
		} else {
			lo = mid + 1;
			least = is;
		}
	}
	return h5_err_set(e, H5_E_NOTFOUND, "%s is not archived", id);
}

enum h5_code
h5_archive_find(struct h5_files *st, const char *id,
    struct h5_archive_month *month, struct h5_archive_entry *entry,
    struct h5_err *e)
{
	const struct h5_archive_month *m = NULL;
	enum h5_code rc;

	memset(entry, 0, sizeof *entry);
	(void)pthread_mutex_lock(&st->lock);
	rc = refresh(st, e);
	if (rc == H5_OK)
		rc = search(st->archive, id, entry, e);
	if (rc == H5_OK) {
		m = h5_archive_head_find(&st->archive->head, entry->month);
		rc = m != NULL ? H5_OK : H5_E_INPUT;
	}
	if (m != NULL)
		*month = *m;
	(void)pthread_mutex_unlock(&st->lock);
	if (rc != H5_E_INPUT)
		return rc;
	/* Nobody may take the id for a free one, or the order for broken. */
	return h5_err_set(e, H5_E_IO,
	    "the index of the archives is damaged: h5pay fsck --repair makes "
	    "it again");
}

enum h5_code
h5_archive_read(
    struct h5_files *st, const char *id, struct h5_buf *out, struct h5_err *e)
{
	struct h5_archive_entry en;
	struct h5_archive_month m;
	char path[H5_FILES_PATH];
	enum h5_code rc;
	size_t size;
	int fd = -1, turn;

	/* A pass may put another file in the place of the one that the index
	 * named just now. */
	for (turn = 0; turn < 3 && fd < 0; turn++) {
		rc = h5_archive_find(st, id, &m, &en, e);
		if (rc != H5_OK)
			return rc;
		h5_archive_path(&m, path);
		rc = h5_file_open(st->dir, path, O_RDONLY, &fd, &size, e);
		if (rc != H5_OK && rc != H5_E_NOTFOUND)
			return rc;
	}
	if (fd < 0)
		return h5_err_set(e, H5_E_IO,
		    "%s, which holds order %s, is missing: restore it from a "
		    "backup",
		    path, id);
	rc = h5_archive_member(fd, en.at, en.len, out, e);
	h5_file_drop(&fd);
	if (rc == H5_E_INPUT)
		return h5_err_set(
		    e, H5_E_INPUT, "%s: the record of %s is damaged", path, id);
	return rc;
}
