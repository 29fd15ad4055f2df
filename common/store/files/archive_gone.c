/* The last step of putting away: the ledgers that are in an archive now are
 * removed. */
#include <stdlib.h>
#include <string.h>

#include "common/base/sum.h"
#include "common/store/files/archive.h"

enum h5_code
h5_archive_gone_add(struct h5_archive_gone *l, const char *id,
    const struct h5_buf *bytes, struct h5_err *e)
{
	size_t cap;
	void *v;

	if (l->n == l->cap) {
		cap = l->cap == 0 ? 256 : l->cap * 2;
		v = reallocarray(l->v, cap, sizeof *l->v);
		if (v == NULL)
			return h5_err_nomem(e);
		l->v = v;
		l->cap = cap;
	}
	memcpy(l->v[l->n].id, id, strlen(id) + 1);
	l->v[l->n].size = bytes->len;
	l->v[l->n].sum = h5_sum_64(bytes->data, bytes->len, 0);
	l->n++;
	return H5_OK;
}

void
h5_archive_gone_release(struct h5_archive_gone *l)
{
	free(l->v);
	memset(l, 0, sizeof *l);
}

static enum h5_code
remove_one(struct h5_files *st, const struct h5_archive_ledger *was,
    struct h5_buf *bytes, uint64_t *removed, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;
	int fd;

	h5_buf_clear(bytes);
	rc = h5_files_hold_live(st, was->id, H5_ENGINE_WRITE, &fd, bytes, e);
	/* Somebody has written to it meanwhile: it stays, and counts. */
	if (rc == H5_OK && bytes->len == was->size &&
	    h5_sum_64(bytes->data, bytes->len, 0) == was->sum) {
		h5_files_path(was->id, path);
		rc = h5_file_remove(st->dir, path, e);
		*removed += rc == H5_OK;
	}
	h5_file_unlock(fd);
	h5_file_drop(&fd);
	/* Gone, or written to just now: neither ends the pass. */
	return rc == H5_E_NOTFOUND || rc == H5_E_BUSY ? H5_OK : rc;
}

enum h5_code
h5_archive_gone_remove(struct h5_files *st, const struct h5_archive_gone *l,
    uint64_t *removed, struct h5_err *e)
{
	bool touched[256] = {false};
	char leaf[H5_FILES_PATH];
	enum h5_code rc = H5_OK;
	struct h5_buf bytes;
	size_t i, h;

	h5_buf_init(&bytes, H5_RECORD_MAX);
	/* Whoever wrote the index may have died before this. */
	if (l->n > 0)
		rc = h5_file_sync_folder(st->dir, H5_ARCHIVE_FOLDER, e);
	for (i = 0; rc == H5_OK && i < l->n; i++) {
		rc = remove_one(st, &l->v[i], &bytes, removed, e);
		touched[h5_files_hash(l->v[i].id)] = true;
	}
	/* Each folder once. */
	for (i = 0; rc == H5_OK && i < l->n; i++) {
		h = h5_files_hash(l->v[i].id);
		if (!touched[h])
			continue;
		touched[h] = false;
		h5_files_leaf(l->v[i].id, leaf);
		rc = h5_file_sync_folder(st->dir, leaf, e);
	}
	h5_buf_release(&bytes);
	return rc;
}
