/* Reads, appends to and creates one order's ledger.  The steps are those of
 * docs/STORE.md, "Create" and "Append". */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/base/sum.h"
#include "common/store/files/archive.h"

/* --- what is known to be on disk ------------------------------------------ */

static struct h5_files_known *
bucket_of(struct h5_files *st, uint64_t ino)
{
	/* Inode numbers come in runs; the sum spreads them over the buckets. */
	uint64_t h = h5_sum_64(&ino, sizeof ino, 0);

	return &st->known[h % (H5_FILES_KNOWN / H5_FILES_WAYS) * H5_FILES_WAYS];
}

static bool
known(struct h5_files *st, const struct h5_file_look *look)
{
	struct h5_files_known *b = bucket_of(st, look->ino);
	bool found = false;
	size_t i;

	(void)pthread_mutex_lock(&st->lock);
	for (i = 0; i < H5_FILES_WAYS; i++)
		found = found ||
			(b[i].ino == look->ino && b[i].stamp == look->stamp);
	(void)pthread_mutex_unlock(&st->lock);
	return found;
}

static void
learn(struct h5_files *st, const struct h5_file_look *look)
{
	struct h5_files_known *b = bucket_of(st, look->ino);
	/* The one that gives way when the bucket is full. */
	size_t i, at = look->stamp % H5_FILES_WAYS;

	(void)pthread_mutex_lock(&st->lock);
	for (i = 0; i < H5_FILES_WAYS; i++)
		if (b[i].ino == 0)
			at = i;
	/* An older stamp of the same file is replaced: two would be two
	 * truths. */
	for (i = 0; i < H5_FILES_WAYS; i++)
		if (b[i].ino == look->ino)
			at = i;
	b[at].ino = look->ino;
	b[at].stamp = look->stamp;
	(void)pthread_mutex_unlock(&st->lock);
}

/* Everything in fd was synced just now, under its lock. */
static void
learn_now(struct h5_files *st, int fd)
{
	struct h5_file_look look;

	if (h5_file_look(fd, &look, NULL) == H5_OK)
		learn(st, &look);
}

/* --- reading -------------------------------------------------------------- */

/* What the engine keeps of a record from begin to end. */
struct opened {
	int fd;
	struct h5_file_look look; /* the ledger as it was found */
	bool away; /* it was put away, and has no ledger */
};

static enum h5_code
open_ledger(struct h5_files *st, const char *id, int flags, int *fd,
    size_t *size, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;

	h5_files_path(id, path);
	rc = h5_file_open(st->dir, path, flags, fd, size, e);
	if (rc == H5_E_NOTFOUND)
		return h5_err_set(e, H5_E_NOTFOUND, "no order %s", id);
	return rc;
}

/* Opens the ledger, and holds it unless the mode is LOOK. */
static enum h5_code
hold_ledger(struct h5_files *st, const char *id, enum h5_engine_mode mode,
    int64_t until_ms, struct opened *own, struct h5_err *e)
{
	bool write = mode == H5_ENGINE_WRITE;
	enum h5_code rc;

	for (;;) {
		/* A look opens for reading only, so that it works where writing
		 * does not. */
		rc = open_ledger(st, id, write ? O_RDWR : O_RDONLY, &own->fd,
		    &own->look.size, e);
		if (rc != H5_OK || mode == H5_ENGINE_LOOK)
			return rc;
		rc = h5_file_lock(own->fd, write ? LOCK_EX : LOCK_SH,
		    h5_files_wait(until_ms), e);
		/* The size is taken anew under the lock, since whoever held it
		 * before may have written. */
		if (rc == H5_OK)
			rc = h5_file_look(own->fd, &own->look, e);
		if (rc != H5_OK || own->look.named)
			return rc;
		/* It was put away while we waited: what is written into this
		 * file would be lost. */
		h5_file_unlock(own->fd);
		h5_file_drop(&own->fd);
	}
}

static enum h5_code
read_ledger(const struct opened *own, const char *id, struct h5_buf *bytes,
    struct h5_err *e)
{
	if (own->look.size > bytes->max)
		return h5_err_set(
		    e, H5_E_INPUT, "the record of %s is too large", id);
	return h5_file_slurp(own->fd, 0, own->look.size, bytes, e);
}

enum h5_code
h5_files_hold_live(struct h5_files *st, const char *id,
    enum h5_engine_mode mode, int *fd, struct h5_buf *bytes, struct h5_err *e)
{
	struct opened own = {.fd = -1};
	enum h5_code rc;

	rc = hold_ledger(
	    st, id, mode, h5_clock_mono_ms() + st->budget_ms, &own, e);
	if (rc == H5_OK)
		rc = read_ledger(&own, id, bytes, e);
	*fd = own.fd;
	return rc;
}

enum h5_code
h5_files_begin(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	struct h5_files *st = store;
	struct opened *own;
	enum h5_code rc;
	int turn;

	own = calloc(1, sizeof *own);
	if (own == NULL)
		return h5_err_nomem(e);
	own->fd = -1;
	r->own = own;
	/* The ledger first: where there is one, it counts.  Twice, since an
	 * order may be brought back just between the two looks. */
	for (turn = 0; turn < 2; turn++) {
		rc = hold_ledger(st, r->id, r->mode, r->until_ms, own, e);
		if (rc != H5_E_NOTFOUND)
			break;
		rc = h5_archive_read(st, r->id, &r->bytes, e);
		own->away = rc == H5_OK;
		if (rc != H5_E_NOTFOUND)
			return rc;
	}
	if (rc == H5_E_NOTFOUND)
		return h5_err_set(e, rc, "no order %s", r->id);
	return rc == H5_OK ? read_ledger(own, r->id, &r->bytes, e) : rc;
}

enum h5_code
h5_files_end(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	struct opened *own = r->own;
	enum h5_code rc = H5_OK;
	struct h5_err why;

	(void)store;
	if (own == NULL)
		return H5_OK;
	/* The lock is given up before the file is closed: closing may take
	 * long, and the next one waits. */
	if (r->mode != H5_ENGINE_LOOK)
		h5_file_unlock(own->fd);
	if (r->mode != H5_ENGINE_WRITE)
		h5_file_drop(&own->fd);
	else if (h5_file_close(&own->fd, &why) != H5_OK)
		rc = h5_err_set(e, H5_E_IO, "order %s: %s", r->id, why.msg);
	free(own);
	r->own = NULL;
	return rc;
}

/* --- appending ------------------------------------------------------------ */

/* Makes sure that the ledger's own name is on disk: whoever made it may have
 * died before its folder was synced.  A second unit is never written before
 * this, so the name is in doubt only while there is a single unit. */
static enum h5_code
sync_name(
    struct h5_files *st, const struct h5_engine_record *r, struct h5_err *e)
{
	char leaf[H5_FILES_PATH];

	if (r->lines > 1)
		return H5_OK;
	h5_files_leaf(r->id, leaf);
	return h5_file_sync_folder(st->dir, leaf, e);
}

/* What was found may have been written by somebody who was killed before its
 * sync. */
enum h5_code
h5_files_seal(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	const struct opened *own = r->own;
	enum h5_code rc;

	/* The archive was on disk before the ledger was removed. */
	if (own->away)
		return H5_OK;
	/* Known: synced by this process, and not touched since. */
	if (known(store, &own->look))
		return H5_OK;
	rc = sync_name(store, r, e);
	if (rc == H5_OK)
		rc = h5_file_sync_data(own->fd, e);
	if (rc == H5_OK)
		learn_now(store, own->fd);
	return rc;
}

/* A write or its sync failed: the ledger is what it was before.  If even
 * cutting fails, the last checksum is spoilt, which makes the whole unit a
 * torn tail.  fd is not synced again: the kernel would report success for pages
 * it has dropped. */
static void
undo(const struct h5_engine_record *r, size_t n)
{
	const struct opened *own = r->own;

	if (h5_file_cut(own->fd, r->whole, NULL) != H5_OK)
		h5_file_spoil(own->fd, r->whole + n - 4);
}

/* Each line is on disk before the next one is written.  So a crash can spoil
 * the last line of a file only, and a line that does not fit before the last
 * is known to have been damaged later. */
static enum h5_code
write_unit(const struct h5_engine_record *r, const struct h5_buf *unit,
    struct h5_err *e)
{
	const char *p = unit->data, *end = p + unit->len;
	const struct opened *own = r->own;
	enum h5_code rc = H5_OK;
	size_t at = r->whole, n;

	for (; rc == H5_OK && p < end; p += n, at += n) {
		/* With its line feed, which is what makes a line whole. */
		n = strcspn(p, "\n") + 1;
		rc = h5_file_write_at(own->fd, at, p, n, e);
		if (rc == H5_OK)
			rc = h5_file_sync_data(own->fd, e);
	}
	return rc;
}

/* Into the ledger, which is held. */
static enum h5_code
append_live(struct h5_files *st, struct h5_engine_record *r,
    const struct h5_buf *unit, struct h5_err *e)
{
	const struct opened *own = r->own;
	enum h5_code rc = H5_OK;

	/* Before this program's first write to the file, since the name of the
	 * file may not be on disk yet. */
	if (!known(st, &own->look))
		rc = sync_name(st, r, e);
	/* The torn tail of a write that failed goes first, or the new unit
	 * would stand behind it. */
	if (rc == H5_OK && r->whole < own->look.size)
		rc = h5_file_cut(own->fd, r->whole, e);
	if (rc == H5_OK) {
		rc = write_unit(r, unit, e);
		if (rc != H5_OK)
			undo(r, unit->len);
	}
	if (rc == H5_OK)
		learn_now(st, own->fd);
	return rc;
}

/* --- creating ------------------------------------------------------------- */

/* Makes the folder for an order, durable together with its name.  Whoever made
 * it may have died before that, so each process makes sure once. */
static enum h5_code
ensure_leaf(struct h5_files *st, const char *id, struct h5_err *e)
{
	char leaf[H5_FILES_PATH], branch[H5_FILES_PATH];
	bool *sure = &st->sure[h5_files_hash(id)];
	enum h5_code rc;
	bool done;

	(void)pthread_mutex_lock(&st->lock);
	done = *sure;
	(void)pthread_mutex_unlock(&st->lock);
	if (done)
		return H5_OK;
	h5_files_leaf(id, leaf);
	rc = h5_file_mkdir(st->dir, leaf, e);
	/* The folder above is missing as well, in a store that was copied
	 * without its empty folders. */
	if (rc == H5_E_NOTFOUND) {
		memcpy(branch, leaf, sizeof branch);
		branch[strlen("orders/x")] = '\0';
		rc = h5_file_mkdir(st->dir, branch, e);
		if (rc == H5_OK)
			rc = h5_file_mkdir(st->dir, leaf, e);
	}
	(void)pthread_mutex_lock(&st->lock);
	*sure = rc == H5_OK;
	(void)pthread_mutex_unlock(&st->lock);
	return rc;
}

enum h5_code
h5_files_put_live(struct h5_files *st, const char *id,
    const struct h5_buf *bytes, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;
	int turn;

	h5_files_path(id, path);
	for (turn = 0; turn < 2; turn++) {
		rc = ensure_leaf(st, id, e);
		if (rc == H5_OK)
			rc = h5_file_create(
			    st->dir, path, bytes->data, bytes->len, 0600, e);
		/* Anything but a missing folder is an answer. */
		if (rc != H5_E_NOTFOUND)
			return rc;
		/* The folder was there once and is gone. */
		(void)pthread_mutex_lock(&st->lock);
		st->sure[h5_files_hash(id)] = false;
		(void)pthread_mutex_unlock(&st->lock);
	}
	return h5_err_set(
	    e, H5_E_IO, "the folder of order %s keeps disappearing", id);
}

/* From now on this process need not sync if the request is repeated, unless
 * somebody has added something that may not be on disk yet. */
static void
learn_created(struct h5_files *st, const char *id, size_t size)
{
	struct h5_file_look look;
	size_t now;
	int fd;

	if (open_ledger(st, id, O_RDONLY, &fd, &now, NULL) == H5_OK &&
	    h5_file_look(fd, &look, NULL) == H5_OK && look.size == size)
		learn(st, &look);
	h5_file_drop(&fd);
}

/* H5_E_EXISTS: the id is taken. */
static enum h5_code
create_new(struct h5_files *st, const char *id, const struct h5_buf *line,
    int64_t created_at, int64_t until_ms, struct h5_err *e)
{
	struct h5_archive_entry entry;
	struct h5_archive_month month;
	enum h5_code rc;
	int fd, note = -1;
	size_t size;

	/* A cheap look first: most repetitions of a form find the order
	 * there. */
	rc = open_ledger(st, id, O_RDONLY, &fd, &size, e);
	h5_file_drop(&fd);
	/* An id that was put away stays taken. */
	if (rc == H5_E_NOTFOUND)
		rc = h5_archive_find(st, id, &month, &entry, e);
	if (rc == H5_OK)
		return H5_E_EXISTS;
	if (rc != H5_E_NOTFOUND)
		return rc;
	/* The index first: a line without an order is harmless, an order that
	 * no sweep finds is not. */
	rc = h5_files_note(
	    st, H5_FILES_CREATED, created_at, id, until_ms, &note, e);
	if (rc == H5_OK)
		rc = h5_files_put_live(st, id, line, e);
	h5_file_drop(&note);
	if (rc == H5_OK)
		learn_created(st, id, line->len);
	return rc;
}

/* --- adding to what is there ---------------------------------------------- */

/* The record was put away: it comes back together with the unit, in one step.
 * Somebody else may be faster, and then this is a conflict. */
static enum h5_code
append_away(struct h5_files *st, struct h5_engine_record *r,
    const struct h5_buf *unit, enum h5_engine_result *how, struct h5_err *e)
{
	struct h5_buf all;
	enum h5_code rc;

	h5_buf_init(&all, H5_RECORD_MAX);
	h5_buf_add(&all, r->bytes.data, r->whole);
	h5_buf_add(&all, unit->data, unit->len);
	rc = h5_buf_finish(&all, e);
	if (rc == H5_OK)
		rc = h5_files_put_live(st, r->id, &all, e);
	if (rc == H5_OK)
		learn_created(st, r->id, all.len);
	h5_buf_release(&all);
	*how = rc == H5_E_EXISTS ? H5_ENGINE_CONFLICT : H5_ENGINE_DONE;
	return rc == H5_E_EXISTS ? H5_OK : rc;
}

enum h5_code
h5_files_append(void *store, struct h5_engine_record *r,
    const struct h5_buf *unit, const struct h5_engine_facts *facts, void *hold,
    enum h5_engine_result *how, struct h5_err *e)
{
	const struct opened *own = r->own;
	struct h5_files *st = store;
	enum h5_code rc = H5_OK;
	int wake = -1;

	/* The kernel gives a conversation up only with its program, so this one
	 * cannot have been lost. */
	(void)hold;
	*how = H5_ENGINE_DONE;
	/* A sweep must be able to find the order before there is anything to
	 * find. */
	if (facts->wakes)
		rc = h5_files_note(st, H5_FILES_WAKE, h5_clock_now(), r->id,
		    r->until_ms, &wake, e);
	if (rc == H5_OK)
		rc = own->away ? append_away(st, r, unit, how, e)
			       : append_live(st, r, unit, e);
	/* The index is let go only now that the order can be seen awake. */
	h5_file_drop(&wake);
	return rc;
}

enum h5_code
h5_files_create(void *store, const char *id, const struct h5_buf *unit,
    const struct h5_engine_facts *facts, int64_t until_ms,
    enum h5_engine_result *how, struct h5_err *e)
{
	enum h5_code rc;

	rc = create_new(store, id, unit, facts->created_at, until_ms, e);
	*how = rc == H5_E_EXISTS ? H5_ENGINE_CONFLICT : H5_ENGINE_DONE;
	return rc == H5_E_EXISTS ? H5_OK : rc;
}
