/* fsck: reads every ledger, and reports what lies beside them. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/store/files/archive.h"
#include "common/store/format.h"

#define SUFFIX ".ledger"
/* A program that writes a temporary file ends within seconds.  After ten
 * minutes it has died. */
#define STALE_S 600

static void
progress(struct h5_files_checking *c)
{
	c->done++;
	/* Progress is told now and then: a line for each of a million orders
	 * would cost more than reading them. */
	if (c->r->progress != NULL && (c->done & 255) == 0)
		c->r->progress(c->r->arg, c->done,
		    c->total > c->done ? c->total : c->done);
}

/* --- orders --- */

static enum h5_code
fold(struct h5_files_checking *c, int fd, size_t size, const char *id,
    struct h5_order **out, size_t *whole, struct h5_err *e)
{
	struct h5_buf *b = &c->ledger;
	struct h5_ledger_at at;
	enum h5_code rc;

	h5_buf_clear(b);
	if (size > b->max)
		return h5_err_set(
		    e, H5_E_INPUT, "the record of %s is too large", id);
	rc = h5_file_slurp(fd, 0, size, b, e);
	if (rc == H5_OK)
		rc = h5_record_fold(b, id, out, whole, &at, e);
	return h5_format_believe(c->st->self, c->st, rc, e);
}

/* Reads one ledger; *tail: bytes of a torn tail, which is cut off when cut is
 * true (then under the lock). */
static enum h5_code
read_ledger(struct h5_files_checking *c, const char *name, const char *id,
    bool cut, struct h5_order **o, size_t *tail, struct h5_err *e)
{
	struct h5_file_look look;
	size_t size, whole = 0;
	enum h5_code rc;
	int fd;

	*o = NULL;
	*tail = 0;
	rc = h5_file_open(
	    c->leaf_fd, name, cut ? O_RDWR : O_RDONLY, &fd, &size, e);
	/* Locked for the second look alone: a check must not make buyers
	 * wait. */
	if (rc == H5_OK && cut) {
		rc = h5_file_lock(fd, LOCK_EX, c->st->budget_ms, e);
		if (rc == H5_OK)
			rc = h5_file_look(fd, &look, e);
		if (rc == H5_OK)
			size = look.size;
	}
	if (rc == H5_OK)
		rc = fold(c, fd, size, id, o, &whole, e);
	if (rc == H5_OK)
		*tail = size - whole;
	/* Still under the lock, so the tail is nobody's write in progress. */
	if (rc == H5_OK && cut && *tail > 0 && c->repair) {
		rc = h5_file_cut(fd, whole, e);
		if (rc == H5_OK)
			rc = h5_file_sync_data(fd, e);
	}
	h5_file_unlock(fd);
	h5_file_drop(&fd);
	return rc;
}

static enum h5_code
check_ledger(struct h5_files_checking *c, const char *name, const char *id,
    struct h5_err *e)
{
	char leaf[H5_FILES_PATH];
	struct h5_order *o;
	struct h5_err why;
	enum h5_code rc;
	size_t tail;

	rc = read_ledger(c, name, id, false, &o, &tail, &why);
	/* What looks torn or broken may be a write under way: look again in
	 * peace. */
	if (rc == H5_E_INPUT || (rc == H5_OK && tail > 0)) {
		h5_order_free(o);
		rc = read_ledger(c, name, id, true, &o, &tail, &why);
	}
	/* A lack of memory ends the check.  Called a broken ledger, it would
	 * send the operator looking for damage that is not there. */
	if (rc == H5_E_NOMEM)
		return h5_err_nomem(e);
	h5_files_leaf(id, leaf);
	/* The store is newer than this program: then no finding can be
	 * trusted. */
	if (rc == H5_E_CONFIG) {
		(void)h5_err_set(e, rc, "%s", why.msg);
	} else if (rc == H5_E_NOTFOUND) {
		rc = H5_OK;
	} else if (rc != H5_OK) {
		h5_files_check_found(c, &c->r->broken, id, why.msg, false);
		rc = H5_OK;
	} else if (strcmp(leaf, c->leaf) != 0) {
		h5_files_check_found(
		    c, &c->r->broken, id, "is in the wrong folder", false);
	} else {
		if (tail > 0)
			h5_files_check_found(
			    c, &c->r->unfinished, id, "torn tail", c->repair);
		rc = h5_files_check_order(c, o, e);
	}
	h5_order_free(o);
	return rc;
}

/* --- what does not belong ------------------------------------------------- */

/* A temporary file that nobody can be writing any more goes; anything else
 * that is not ours is only told. */
static void
stranger(
    struct h5_files_checking *c, int dir, const char *folder, const char *name)
{
	char what[NAME_MAX + H5_FILES_PATH + 32];
	bool temp = strncmp(name, ".tmp-", 5) == 0, gone = false;

	/* Its writer may be alive. */
	if (temp && !h5_file_older(dir, name, h5_clock_now() - STALE_S))
		return;
	/* A stranger's file is never removed, whoever may want it. */
	if (temp && c->repair)
		gone = h5_file_remove(dir, name, NULL) == H5_OK;
	(void)snprintf(what, sizeof what, "%s: %s/%s",
	    temp ? "left over" : "unknown file", folder, name);
	h5_files_check_found(c, &c->r->derived, "", what, gone);
}

/* A check only tells of a folder that is open to others; a repair closes it. */
static enum h5_code
open_folder(
    struct h5_files_checking *c, const char *folder, int *fd, struct h5_err *e)
{
	return c->repair ? h5_files_sub(c->st, folder, fd, e)
			 : h5_file_folder(c->st->dir, folder, fd, e);
}

/* One folder whose entries all have names of a known kind. */
struct listing {
	struct h5_files_checking *c;
	const char *folder; /* below the store */
	int fd;
	bool (*known)(const char *name);
};

static bool
known_index(const char *name)
{
	return strcmp(name, "created") == 0 || strcmp(name, "wake") == 0;
}

static bool
known_digit(const char *name)
{
	return strlen(name) == 1 && strchr("0123456789abcdef", name[0]) != NULL;
}

static bool
known_archive(const char *name)
{
	struct h5_archive_month m;

	return strcmp(name, "index") == 0 || h5_archive_name(name, &m);
}

static bool
known_day(const char *name)
{
	int64_t t;

	return h5_clock_from_day(name, &t, NULL) == H5_OK;
}

static enum h5_code
list_one(void *arg, const char *name, struct h5_err *e)
{
	const struct listing *l = arg;

	(void)e;
	if (!l->known(name))
		stranger(l->c, l->fd, l->folder, name);
	return H5_OK;
}

/* H5_OK also when the folder is missing or not ours, which is told. */
static enum h5_code
list_folder(struct h5_files_checking *c, const char *folder,
    bool (*known)(const char *name), struct h5_err *e)
{
	struct listing l = {c, folder, -1, known};
	struct h5_err why;
	enum h5_code rc;

	rc = open_folder(c, folder, &l.fd, &why);
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	if (rc != H5_OK) {
		h5_files_check_found(c, &c->r->broken, "", why.msg, false);
		return H5_OK;
	}
	rc = h5_file_list(l.fd, list_one, &l, e);
	h5_file_drop(&l.fd);
	return rc;
}

static enum h5_code
list_all(struct h5_files_checking *c, struct h5_err *e)
{
	char folder[H5_FILES_PATH];
	enum h5_code rc;
	unsigned i;

	rc = list_folder(c, ".", h5_files_own_name, e);
	if (rc == H5_OK)
		rc = list_folder(c, "orders", known_digit, e);
	for (i = 0; rc == H5_OK && i < 16; i++) {
		(void)snprintf(folder, sizeof folder, "orders/%x", i);
		rc = list_folder(c, folder, known_digit, e);
	}
	if (rc == H5_OK)
		rc = list_folder(c, "index", known_index, e);
	if (rc == H5_OK)
		rc = list_folder(c, "index/created", known_day, e);
	if (rc == H5_OK)
		rc = list_folder(c, "index/wake", known_day, e);
	if (rc == H5_OK)
		rc = list_folder(c, "sweep", known_day, e);
	if (rc == H5_OK)
		rc = list_folder(c, H5_ARCHIVE_FOLDER, known_archive, e);
	return rc;
}

/* --- the walk ------------------------------------------------------------- */

static enum h5_code
count_one(void *arg, const char *name, struct h5_err *e)
{
	struct h5_files_checking *c = arg;

	(void)name;
	(void)e;
	c->total++;
	return H5_OK;
}

static enum h5_code
check_one(void *arg, const char *name, struct h5_err *e)
{
	struct h5_files_checking *c = arg;
	size_t n = strlen(name), suffix = sizeof SUFFIX - 1;
	char id[H5_ORDER_ID_MAX + 1] = "";

	progress(c);
	/* The name must be "<id>.ledger" and nothing else. */
	if (n > suffix && n - suffix <= H5_ORDER_ID_MAX &&
	    strcmp(name + n - suffix, SUFFIX) == 0) {
		memcpy(id, name, n - suffix);
		id[n - suffix] = '\0';
	}
	if (h5_number_is_order(id))
		return check_ledger(c, name, id, e);
	stranger(c, c->leaf_fd, c->leaf, name);
	return H5_OK;
}

static enum h5_code
each_leaf(struct h5_files_checking *c, h5_file_each_fn each, bool tell,
    struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	/* Each of the 256 folders may be missing, since it is made when it is
	 * needed. */
	struct h5_err why;
	unsigned i;

	for (i = 0; rc == H5_OK && i < 256; i++) {
		(void)snprintf(
		    c->leaf, sizeof c->leaf, "orders/%x/%x", i >> 4, i & 15);
		rc = open_folder(c, c->leaf, &c->leaf_fd, &why);
		if (rc == H5_OK)
			rc = h5_file_list(c->leaf_fd, each, c, e);
		else if (rc != H5_E_NOTFOUND && tell)
			h5_files_check_found(
			    c, &c->r->broken, "", why.msg, false);
		/* A folder that could not be opened was told about and does not
		 * end the check of the others. */
		if (c->leaf_fd < 0)
			rc = H5_OK;
		h5_file_drop(&c->leaf_fd);
	}
	return rc;
}

/* A copy that was made while the format was raised has the old word and the
 * new records. */
static enum h5_code
raise_format(struct h5_files_checking *c, struct h5_err *e)
{
	struct h5_files *st = c->st;
	enum h5_code rc = H5_OK;
	char what[96];

	(void)snprintf(what, sizeof what,
	    "the format is %u, and a record needs %u", st->format.number,
	    c->format);
	if (c->repair)
		rc = h5_format_raise(st->self, st, c->format,
		    h5_clock_mono_ms() + st->budget_ms, e);
	if (rc == H5_OK)
		h5_files_check_found(c, &c->r->derived, "", what, c->repair);
	return rc;
}

enum h5_code
h5_files_check(
    void *store, bool repair, struct h5_store_report *r, struct h5_err *e)
{
	struct h5_files_checking c = {
	    .st = store, .r = r, .repair = repair, .leaf_fd = -1};
	enum h5_code rc;
	int hold;

	h5_buf_init(&c.ledger, H5_RECORD_MAX);
	/* While orders are put away, one could be met twice, or missed. */
	rc = h5_archive_hold(c.st, repair ? LOCK_EX : LOCK_SH, &hold, e);
	/* The orders are counted first, so that the progress means
	 * something. */
	if (rc == H5_OK)
		rc = each_leaf(&c, count_one, false, e);
	if (rc == H5_OK)
		rc = list_all(&c, e);
	if (rc == H5_OK)
		rc = each_leaf(&c, check_one, true, e);
	if (rc == H5_OK)
		rc = h5_archive_check(&c, e);
	/* After all records were read, and before the indexes: these are
	 * rebuilt for the format that the store really has. */
	if (rc == H5_OK && c.format > c.st->format.number)
		rc = raise_format(&c, e);
	if (rc == H5_OK)
		rc = h5_files_reindex(&c, e);
	if (rc == H5_OK && r->progress != NULL)
		r->progress(r->arg, c.done, c.done);
	h5_file_unlock(hold);
	h5_file_drop(&hold);
	h5_buf_release(&c.ledger);
	free(c.v);
	return rc;
}
