/* The engine of plain files (docs/STORE.md): its table, opening and closing. */
#include <stdlib.h>

#include "common/store/files/archive.h"

static void
close_store(void *store)
{
	struct h5_files *st = store;

	h5_archive_close(st);
	h5_file_drop(&st->format_fd);
	h5_file_drop(&st->dir);
	free(st->known);
	(void)pthread_mutex_destroy(&st->lock);
	free(st);
}

static enum h5_code
open_store(const struct h5_store_where *w, unsigned hooks, void **store,
    struct h5_err *e)
{
	struct h5_engine_format f;
	struct h5_files *st;
	struct h5_err why, said;
	enum h5_code rc;

	st = calloc(1, sizeof *st);
	if (st == NULL)
		return h5_err_nomem(e);
	st->self = &h5_store_files;
	st->dir = -1;
	st->format_fd = -1;
	/* Format 1 is what every store has at least. */
	st->format_sure = 1;
	st->hooks = hooks;
	st->budget_ms = w->budget_ms;
	st->log = w->log;
	(void)pthread_mutex_init(&st->lock, NULL);
	/* Untouched pages of it cost nothing. */
	st->known = calloc(H5_FILES_KNOWN, sizeof *st->known);
	if (st->known == NULL) {
		close_store(st);
		return h5_err_nomem(e);
	}
	/* The order of these looks decides what an operator is told first: the
	 * folder, its locks, then what is in it. */
	rc = h5_files_folder(w, true, &st->dir, &why);
	if (rc == H5_OK)
		rc = h5_files_lockable(st->dir, &why);
	if (rc == H5_OK)
		rc = h5_files_format(st, &f, &why);
	/* A folder without a format is made a store, if it is empty. */
	if (rc == H5_E_NOTFOUND) {
		rc = h5_files_furnish(st->dir, &why);
		if (rc == H5_OK)
			rc = h5_files_format(st, &f, &why);
	}
	if (rc != H5_OK) {
		close_store(st);
		(void)h5_err_set(&said, rc, "store %s: %s", w->dir, why.msg);
		/* The error number goes along: it tells a full disk from a
		 * wrong path. */
		said.sys = why.sys;
		return h5_err_pass(e, &said);
	}
	*store = st;
	return H5_OK;
}

/* Everything lies in the folder, and its format file stands there last. */
static void
local(const struct h5_store_where *w, struct h5_store_place *out)
{
	out->folder = w->dir;
	out->witness = "format";
}

const struct h5_store_engine h5_store_files = {
    .abi = H5_ENGINE_ABI,
    .size = sizeof(struct h5_store_engine),
    .version = H5_VERSION,
    .name = "files",
    .there = h5_files_there,
    .probe = h5_files_probe,
    .peek = h5_files_peek,
    .local = local,
    .open = open_store,
    .close = close_store,
    .format = h5_files_format,
    .raise = h5_files_raise,
    .begin = h5_files_begin,
    .append = h5_files_append,
    .seal = h5_files_seal,
    .end = h5_files_end,
    .create = h5_files_create,
    .hold = h5_files_hold,
    .renew = h5_files_renew,
    .release = h5_files_release,
    .page = h5_files_page,
    .leave = h5_files_leave,
    .swept = h5_files_swept,
    .swept_at = h5_files_swept_at,
    .away = h5_files_away,
    .check = h5_files_check,
};
