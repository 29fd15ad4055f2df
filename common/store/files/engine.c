#include "common/store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/base/length.h"
#include "common/store/files/internal.h"
#include "common/base/sum.h"
#include "common/system/state.h"

/* What a buyer or a silent gateway can cause again and again may fill three
 * quarters of a ledger; the rest is kept for payments and refunds. */
#define LEDGER_COMMON (H5_STORE_LEDGER / 4 * 3)

_Static_assert(
    H5_STORE_BATCH <= H5_LEDGER_UNIT, "a batch is one unit of the ledger");

/* --- paths ---------------------------------------------------------------- */

unsigned
h5_store_hash(const char *id)
{
	return (unsigned)(h5_sum_64(id, strlen(id), 0) >> 56);
}

void
h5_store_leaf(const char *id, char out[H5_STORE_PATH])
{
	unsigned h = h5_store_hash(id);

	(void)snprintf(out, H5_STORE_PATH, "orders/%x/%x", h >> 4, h & 15);
}

void
h5_store_path(const char *id, char out[H5_STORE_PATH])
{
	size_t n;

	h5_store_leaf(id, out);
	n = strlen(out);
	(void)snprintf(
	    out + n, H5_STORE_PATH - n, "/%.*s.ledger", H5_ORDER_ID_MAX, id);
}

/* --- open ----------------------------------------------------------------- */

static const char *const folders[] = {
    "orders", "index", "index/created", "index/wake", "sweep"};

bool
h5_store_own_name(const char *name)
{
	/* lost+found is there where the store is a file system of its own. */
	static const char *const own[] = {"format", "orders", "index", "sweep",
	    "swept", "talk", "lost+found"};
	size_t i;

	for (i = 0; i < H5_LENGTH(own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return h5_state_name(name);
}

/* A folder without a format file becomes a store only if it holds nothing but
 * what an interrupted start has left. */
static enum h5_code
must_be_own(void *arg, const char *name, struct h5_err *e)
{
	(void)arg;
	if (h5_store_own_name(name) || strncmp(name, ".tmp-", 5) == 0)
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "it is no order store and not empty either (%s)", name);
}

/* orders/0 to orders/f.  The folders in these are made when they are needed:
 * all 256 at once would take a tenth of a second. */
static enum h5_code
make_branches(int dir, struct h5_err *e)
{
	char name[H5_STORE_PATH];
	enum h5_code rc = H5_OK;
	unsigned i;

	for (i = 0; rc == H5_OK && i < 16; i++) {
		(void)snprintf(name, sizeof name, "orders/%x", i);
		rc = h5_file_mkdir_unsynced(dir, name, e);
	}
	return rc == H5_OK ? h5_file_sync_folder(dir, "orders", e) : rc;
}

/* The format file comes last: where it stands, all the rest does. */
static enum h5_code
furnish(int dir, struct h5_err *e)
{
	enum h5_code rc;
	size_t i, size;
	int fd = -1;

	rc = h5_file_list(dir, must_be_own, NULL, e);
	for (i = 0; rc == H5_OK && i < H5_LENGTH(folders); i++)
		rc = h5_file_mkdir(dir, folders[i], e);
	if (rc == H5_OK)
		rc = make_branches(dir, e);
	if (rc == H5_OK)
		rc = h5_file_open(dir, "talk", O_RDWR | O_CREAT, &fd, &size, e);
	h5_file_drop(&fd);
	if (rc == H5_OK)
		rc = h5_file_create(dir, "format", H5_STORE_FORMAT,
		    sizeof H5_STORE_FORMAT - 1, 0600, e);
	return rc == H5_E_EXISTS ? H5_OK : rc;
}

static enum h5_code
check_format(int dir, struct h5_err *e)
{
	struct h5_buf b;
	enum h5_code rc;
	const char *network;

	network = h5_file_network(dir);
	if (network != NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "it lies on a network file system (%s), whose locks cannot "
		    "be relied on: use a local disk",
		    network);
	h5_buf_init(&b, 256);
	rc = h5_file_read(dir, "format", &b, e);
	if (rc == H5_E_NOTFOUND) {
		rc = furnish(dir, e);
		if (rc == H5_OK)
			rc = h5_file_read(dir, "format", &b, e);
	}
	if (rc == H5_E_INPUT ||
	    (rc == H5_OK && strcmp(b.data, H5_STORE_FORMAT) != 0))
		rc = h5_err_set(e, H5_E_CONFIG,
		    "its format is not the one this version knows");
	h5_buf_release(&b);
	return rc;
}

/* Opens the folder.  make: when it is missing, it is made; an empty one that
 * others may look into is closed to them. */
static enum h5_code
open_folder(const char *dir, bool make, int *fd, struct h5_err *e)
{
	struct h5_buf path;
	enum h5_code rc;

	*fd = -1;
	h5_buf_init(&path, 4096);
	h5_buf_puts(&path, dir);
	/* With a slash behind it, a link would be followed. */
	while (
	    path.bad == H5_OK && path.len > 1 && path.data[path.len - 1] == '/')
		path.data[--path.len] = '\0';
	rc = h5_buf_finish(&path, e);
	if (rc == H5_OK)
		rc = h5_file_folder(AT_FDCWD, path.data, fd, e);
	/* Made by hand, as an FTP program makes it. */
	if (rc == H5_E_CONFIG &&
	    h5_file_bare(AT_FDCWD, path.data, make, NULL) == H5_OK)
		rc = make ? h5_file_folder(AT_FDCWD, path.data, fd, e)
			  : h5_err_set(e, H5_E_NOTFOUND, "an empty folder");
	if (rc == H5_E_NOTFOUND && make) {
		rc = h5_file_mkdir(AT_FDCWD, path.data, e);
		if (rc == H5_E_NOTFOUND)
			rc = h5_err_set(e, H5_E_CONFIG,
			    "the folder above %s does not exist", dir);
		if (rc == H5_OK)
			rc = h5_file_folder(AT_FDCWD, path.data, fd, e);
	}
	h5_buf_release(&path);
	return rc;
}

bool
h5_store_there(const struct h5_store_where *w)
{
	size_t size;
	int folder = -1, format = -1;
	enum h5_code rc;

	rc = open_folder(w->dir, false, &folder, NULL);
	if (rc == H5_OK)
		rc = h5_file_open(
		    folder, "format", O_RDONLY, &format, &size, NULL);
	h5_file_drop(&format);
	h5_file_drop(&folder);
	return rc != H5_E_NOTFOUND;
}

enum h5_code
h5_store_open(const struct h5_store_where *w, unsigned hooks,
    struct h5_store **out, struct h5_err *e)
{
	struct h5_store *st;
	struct h5_err why;
	enum h5_code rc;

	*out = NULL;
	st = calloc(1, sizeof *st);
	if (st == NULL)
		return h5_err_nomem(e);
	st->dir = -1;
	st->hooks = hooks;
	(void)pthread_mutex_init(&st->lock, NULL);
	/* Untouched pages of it cost nothing. */
	st->known = calloc(H5_STORE_KNOWN, sizeof *st->known);
	if (st->known == NULL) {
		h5_store_close(st);
		return h5_err_nomem(e);
	}
	rc = open_folder(w->dir, true, &st->dir, &why);
	if (rc == H5_OK)
		rc = check_format(st->dir, &why);
	if (rc != H5_OK) {
		h5_store_close(st);
		(void)h5_err_set(e, rc, "store %s: %s", w->dir, why.msg);
		if (e != NULL)
			e->sys = why.sys;
		return rc;
	}
	*out = st;
	return H5_OK;
}

void
h5_store_close(struct h5_store *st)
{
	if (st == NULL)
		return;
	h5_file_drop(&st->dir);
	free(st->known);
	(void)pthread_mutex_destroy(&st->lock);
	free(st);
}

/* --- what is known to be on disk ------------------------------------------ */

static struct h5_store_known *
bucket_of(struct h5_store *st, uint64_t ino)
{
	uint64_t h = h5_sum_64(&ino, sizeof ino, 0);

	return &st->known[h % (H5_STORE_KNOWN / H5_STORE_WAYS) * H5_STORE_WAYS];
}

static bool
known(struct h5_store *st, const struct h5_file_look *look)
{
	struct h5_store_known *b = bucket_of(st, look->ino);
	bool found = false;
	size_t i;

	(void)pthread_mutex_lock(&st->lock);
	for (i = 0; i < H5_STORE_WAYS; i++)
		found = found ||
			(b[i].ino == look->ino && b[i].stamp == look->stamp);
	(void)pthread_mutex_unlock(&st->lock);
	return found;
}

static void
learn(struct h5_store *st, const struct h5_file_look *look)
{
	struct h5_store_known *b = bucket_of(st, look->ino);
	/* The one that gives way when the bucket is full. */
	size_t i, at = look->stamp % H5_STORE_WAYS;

	(void)pthread_mutex_lock(&st->lock);
	for (i = 0; i < H5_STORE_WAYS; i++)
		if (b[i].ino == 0)
			at = i;
	for (i = 0; i < H5_STORE_WAYS; i++)
		if (b[i].ino == look->ino)
			at = i;
	b[at].ino = look->ino;
	b[at].stamp = look->stamp;
	(void)pthread_mutex_unlock(&st->lock);
}

/* Everything in fd was synced just now, under its lock. */
static void
learn_now(struct h5_store *st, int fd)
{
	struct h5_file_look look;

	if (h5_file_look(fd, &look, NULL) == H5_OK)
		learn(st, &look);
}

/* --- load ----------------------------------------------------------------- */

static enum h5_code
open_ledger(struct h5_store *st, const char *id, int flags, int *fd,
    size_t *size, struct h5_err *e)
{
	char path[H5_STORE_PATH];
	enum h5_code rc;

	*fd = -1;
	*size = 0;
	if (!h5_text_order_id(id))
		return h5_err_set(e, H5_E_NOTFOUND, "not an order's id");
	h5_store_path(id, path);
	rc = h5_file_open(st->dir, path, flags, fd, size, e);
	if (rc == H5_E_NOTFOUND)
		return h5_err_set(e, H5_E_NOTFOUND, "no order %s", id);
	return rc;
}

enum h5_code
h5_store_fold(int fd, size_t size, const char *id, struct h5_buf *b,
    struct h5_order **out, size_t *whole, struct h5_ledger_at *at,
    struct h5_err *e)
{
	enum h5_code rc;

	*out = NULL;
	*whole = 0;
	h5_buf_clear(b);
	if (size > H5_STORE_LEDGER)
		return h5_err_set(
		    e, H5_E_INPUT, "the record of %s is too large", id);
	rc = h5_file_slurp(fd, 0, size, b, e);
	if (rc == H5_OK)
		rc = h5_ledger_fold(b->data, b->len, id, out, whole, at, e);
	/* A ledger is written whole before it gets its name, so an empty one
	 * was damaged; it must not look like an order that never was. */
	if (rc == H5_E_NOTFOUND)
		rc = h5_err_set(e, H5_E_INPUT, "the record of %s is empty", id);
	return rc;
}

/* how: 0, or LOCK_SH to wait until no update is under way. */
static enum h5_code
load(struct h5_store *st, const char *id, int how, struct h5_order **out,
    struct h5_err *e)
{
	struct h5_file_look look;
	struct h5_ledger_at at;
	struct h5_buf b;
	size_t size, whole;
	enum h5_code rc;
	int fd;

	*out = NULL;
	h5_buf_init(&b, H5_STORE_LEDGER);
	rc = open_ledger(st, id, O_RDONLY, &fd, &size, e);
	if (rc == H5_OK && how != 0) {
		rc = h5_file_lock(fd, how, H5_STORE_LOCK_MS, e);
		if (rc == H5_OK)
			rc = h5_file_look(fd, &look, e);
		if (rc == H5_OK)
			size = look.size;
	}
	if (rc == H5_OK)
		rc = h5_store_fold(fd, size, id, &b, out, &whole, &at, e);
	if (how != 0)
		h5_file_unlock(fd);
	h5_file_drop(&fd);
	h5_buf_release(&b);
	return rc;
}

enum h5_code
h5_store_load_locked(struct h5_store *st, const char *id, struct h5_order **out,
    struct h5_err *e)
{
	return load(st, id, LOCK_SH, out, e);
}

enum h5_code
h5_store_load(struct h5_store *st, const char *id, struct h5_order **out,
    struct h5_err *e)
{
	enum h5_code rc;

	*out = NULL;
	if (st == NULL)
		return h5_err_set(
		    e, H5_E_NOTFOUND, "no order was ever made here");
	rc = load(st, id, 0, out, e);
	/* A writer may have cut off a torn tail and written anew while it was
	 * being read: what looks broken is looked at again in peace. */
	if (rc == H5_E_INPUT)
		rc = load(st, id, LOCK_SH, out, e);
	return rc;
}

/* --- update --------------------------------------------------------------- */

struct h5_event *
h5_store_add(struct h5_store_batch *b, enum h5_event_kind kind)
{
	struct h5_event *ev;

	if (b->n >= H5_STORE_BATCH)
		return NULL;
	ev = &b->ev[b->n++];
	h5_event_init(ev, kind, h5_clock_now());
	return ev;
}

/* One update under way. */
struct update {
	struct h5_store *st;
	const char *id;
	int fd;
	struct h5_file_look look; /* the ledger as it was found */
	size_t whole; /* bytes of its good lines */
	struct h5_ledger_at at;
	struct h5_order *o;
	struct h5_buf in;
	struct h5_store_batch batch;
	struct h5_buf out; /* the batch as lines */
};

/* A1 to A3 of the commit protocol (docs/STORE.md). */
static enum h5_code
begin(struct update *u, struct h5_err *e)
{
	enum h5_code rc;
	size_t size;

	rc = open_ledger(u->st, u->id, O_RDWR, &u->fd, &size, e);
	if (rc == H5_OK)
		rc = h5_file_lock(u->fd, LOCK_EX, H5_STORE_LOCK_MS, e);
	if (rc == H5_OK)
		rc = h5_file_look(u->fd, &u->look, e);
	if (rc == H5_OK)
		rc = h5_store_fold(u->fd, u->look.size, u->id, &u->in, &u->o,
		    &u->whole, &u->at, e);
	return rc;
}

/* May a buyer's clicks or a silent gateway cause it without end? */
static bool
common(enum h5_event_kind kind)
{
	return kind == H5_EVENT_ATTEMPT || kind == H5_EVENT_PREPAID ||
	       kind == H5_EVENT_QUERIED || kind == H5_EVENT_UNREACHED ||
	       kind == H5_EVENT_CLOSING || kind == H5_EVENT_REFUND_HINT ||
	       kind == H5_EVENT_UNDELIVERED;
}

/* The batch into lines and into the order: both refuse what does not fit
 * before anything is written. */
static enum h5_code
encode(struct update *u, struct h5_err *e)
{
	struct h5_store_batch *b = &u->batch;
	size_t limit = H5_STORE_LEDGER, i;
	enum h5_code rc = H5_OK;

	for (i = 0; i < b->n && rc == H5_OK; i++) {
		if (common(b->ev[i].kind))
			limit = LEDGER_COMMON;
		u->at.more = (unsigned)(b->n - 1 - i);
		rc = h5_ledger_write(&u->at, &b->ev[i], &u->out, e);
		if (rc == H5_OK)
			rc = h5_order_apply(u->o, &b->ev[i], e);
	}
	if (rc == H5_OK && u->whole + u->out.len > limit)
		rc = h5_err_set(
		    e, H5_E_INPUT, "the record of %s is full", u->id);
	return rc;
}

/* Is the ledger's own name on disk?  Whoever made it may have died before its
 * folder was synced.  A second unit is written only after this, so it is in
 * doubt only while there is one. */
static enum h5_code
sync_name(struct update *u, size_t events_before, struct h5_err *e)
{
	char leaf[H5_STORE_PATH];

	if (events_before > 1)
		return H5_OK;
	h5_store_leaf(u->id, leaf);
	return h5_file_sync_folder(u->st->dir, leaf, e);
}

/* Nothing to add; but what was found may have been written by somebody who
 * was killed before its sync. */
static enum h5_code
sync_found(struct update *u, struct h5_err *e)
{
	enum h5_code rc;

	if (known(u->st, &u->look))
		return H5_OK;
	rc = sync_name(u, u->o->n_events, e);
	if (rc == H5_OK)
		rc = h5_file_sync_data(u->fd, e);
	if (rc == H5_OK)
		learn_now(u->st, u->fd);
	return rc;
}

/* A write or its sync failed: the ledger is what it was before.  If even
 * cutting fails, the last checksum is spoilt, which makes the whole unit a
 * torn tail.  fd is not synced again: the kernel would report success for pages
 * it has dropped. */
static void
undo(struct update *u)
{
	if (h5_file_cut(u->fd, u->whole, NULL) != H5_OK)
		h5_file_spoil(u->fd, u->whole + u->out.len - 4);
}

/* Each line is on disk before the next one is written.  So a crash can spoil
 * the last line of a file only, and a line that does not fit before the last
 * is known to have been damaged later. */
static enum h5_code
write_unit(struct update *u, struct h5_err *e)
{
	const char *p = u->out.data, *end = p + u->out.len;
	enum h5_code rc = H5_OK;
	size_t at = u->whole, n;

	for (; rc == H5_OK && p < end; p += n, at += n) {
		n = strcspn(p, "\n") + 1;
		rc = h5_file_write_at(u->fd, at, p, n, e);
		if (rc == H5_OK)
			rc = h5_file_sync_data(u->fd, e);
	}
	return rc;
}

/* A4 to A6. */
static enum h5_code
append(struct update *u, struct h5_err *e)
{
	bool rested = h5_order_at_rest(u->o, 0);
	size_t before = u->o->n_events;
	enum h5_code rc;
	int wake = -1;

	rc = encode(u, e);
	if (rc == H5_OK && !known(u->st, &u->look))
		rc = sync_name(u, before, e);
	/* A sweep may have put this order aside, with whatever hooks were
	 * configured then: it must find it again before there is a reason to.
	 */
	if (rc == H5_OK && rested && !h5_order_at_rest(u->o, u->st->hooks))
		rc = h5_store_note(
		    u->st, H5_STORE_WAKE, h5_clock_now(), u->id, &wake, e);
	if (rc == H5_OK && u->whole < u->look.size)
		rc = h5_file_cut(u->fd, u->whole, e);
	if (rc == H5_OK) {
		rc = write_unit(u, e);
		if (rc != H5_OK)
			undo(u);
	}
	if (rc == H5_OK)
		learn_now(u->st, u->fd);
	h5_file_drop(&wake);
	return rc;
}

static void
end(struct update *u)
{
	size_t i;

	for (i = 0; i < u->batch.n; i++)
		h5_event_release(&u->batch.ev[i]);
	h5_buf_release(&u->in);
	h5_buf_release(&u->out);
	h5_order_free(u->o);
}

enum h5_code
h5_store_update(struct h5_store *st, const char *id, struct h5_store_hold *hold,
    h5_store_decide_fn decide, void *arg, struct h5_order **out,
    struct h5_err *e)
{
	struct update u = {.st = st, .id = id, .fd = -1};
	struct h5_err why;
	enum h5_code rc;

	(void)hold;
	if (out != NULL)
		*out = NULL;
	h5_buf_init(&u.in, H5_STORE_LEDGER);
	h5_buf_init(&u.out, (size_t)H5_STORE_BATCH * H5_LEDGER_LINE);
	rc = begin(&u, e);
	if (rc == H5_OK)
		rc = decide(arg, u.o, &u.batch, e);
	if (rc == H5_OK)
		rc = u.batch.n > 0 ? append(&u, e) : sync_found(&u, e);
	h5_file_unlock(u.fd);
	if (h5_file_close(&u.fd, &why) != H5_OK && rc == H5_OK)
		rc = h5_err_set(e, H5_E_IO, "order %s: %s", id, why.msg);
	if (rc == H5_OK && out != NULL) {
		*out = u.o;
		u.o = NULL;
	}
	end(&u);
	return rc;
}

/* --- create --------------------------------------------------------------- */

static enum h5_code
decide_nothing(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	(void)arg;
	(void)o;
	(void)b;
	(void)e;
	return H5_OK;
}

/* The id is taken: hand out who has it, durable. */
static enum h5_code
found_taken(struct h5_store *st, const char *id, struct h5_order **out,
    struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_store_update(st, id, NULL, decide_nothing, NULL, out, e);
	if (rc != H5_OK)
		return rc;
	return h5_err_set(e, H5_E_EXISTS, "order %s exists", id);
}

/* The folder for an order, there and durable by its name.  Whoever made it may
 * have died before that was so: each process makes sure once. */
static enum h5_code
ensure_leaf(struct h5_store *st, const char *id, struct h5_err *e)
{
	char leaf[H5_STORE_PATH], branch[H5_STORE_PATH];
	bool *sure = &st->sure[h5_store_hash(id)];
	enum h5_code rc;
	bool done;

	(void)pthread_mutex_lock(&st->lock);
	done = *sure;
	(void)pthread_mutex_unlock(&st->lock);
	if (done)
		return H5_OK;
	h5_store_leaf(id, leaf);
	rc = h5_file_mkdir(st->dir, leaf, e);
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

/* The ledger with its first line. */
static enum h5_code
create_ledger(struct h5_store *st, const char *id, const struct h5_buf *line,
    struct h5_err *e)
{
	char path[H5_STORE_PATH];
	enum h5_code rc;
	int turn;

	h5_store_path(id, path);
	for (turn = 0; turn < 2; turn++) {
		rc = ensure_leaf(st, id, e);
		if (rc == H5_OK)
			rc = h5_file_create(
			    st->dir, path, line->data, line->len, 0600, e);
		if (rc != H5_E_NOTFOUND)
			return rc;
		/* The folder was there once and is gone. */
		(void)pthread_mutex_lock(&st->lock);
		st->sure[h5_store_hash(id)] = false;
		(void)pthread_mutex_unlock(&st->lock);
	}
	return h5_err_set(e, H5_E_IO, "the folder of order %s vanishes", id);
}

/* From now on a repetition by this process needs no sync; unless somebody
 * has already added what may not be on disk yet. */
static void
learn_created(struct h5_store *st, const char *id, size_t size)
{
	struct h5_file_look look;
	size_t now;
	int fd;

	if (open_ledger(st, id, O_RDONLY, &fd, &now, NULL) == H5_OK &&
	    h5_file_look(fd, &look, NULL) == H5_OK && look.size == size)
		learn(st, &look);
	h5_file_drop(&fd);
}

static enum h5_code
create_new(struct h5_store *st, const struct h5_order *o,
    const struct h5_buf *line, struct h5_err *e)
{
	enum h5_code rc;
	int fd, note = -1;
	size_t size;

	rc = open_ledger(st, o->id, O_RDONLY, &fd, &size, e);
	h5_file_drop(&fd);
	if (rc == H5_OK)
		return h5_err_set(e, H5_E_EXISTS, "order %s exists", o->id);
	if (rc != H5_E_NOTFOUND)
		return rc;
	/* The index first: a line without an order is harmless, an order that
	 * no sweep finds is not. */
	rc =
	    h5_store_note(st, H5_STORE_CREATED, o->created_at, o->id, &note, e);
	if (rc == H5_OK)
		rc = create_ledger(st, o->id, line, e);
	h5_file_drop(&note);
	if (rc == H5_OK)
		learn_created(st, o->id, line->len);
	return rc;
}

enum h5_code
h5_store_create(struct h5_store *st, struct h5_event *created,
    struct h5_order **out, struct h5_err *e)
{
	struct h5_ledger_at at = {0, "", 0};
	struct h5_order *o = NULL;
	struct h5_buf line;
	enum h5_code rc;

	*out = NULL;
	h5_buf_init(&line, H5_LEDGER_LINE);
	rc = h5_ledger_write(&at, created, &line, e);
	if (rc == H5_OK)
		rc = h5_order_new(created, &o, e);
	if (rc == H5_OK)
		rc = create_new(st, o, &line, e);
	if (rc == H5_OK) {
		*out = o;
		o = NULL;
	} else if (rc == H5_E_EXISTS) {
		rc = found_taken(st, o->id, out, e);
	}
	h5_event_release(created);
	h5_order_free(o);
	h5_buf_release(&line);
	return rc;
}

/* --- the conversation lock ------------------------------------------------ */

struct h5_store_hold {
	int fd;
};

enum h5_code
h5_store_hold(struct h5_store *st, const char *id, int wait_ms, int hold_ms,
    struct h5_store_hold **out, struct h5_err *e)
{
	struct h5_store_hold *hold;
	enum h5_code rc;
	size_t size;

	(void)hold_ms;
	*out = NULL;
	hold = calloc(1, sizeof *hold);
	if (hold == NULL)
		return h5_err_nomem(e);
	/* One byte of one file for each order, found by hash: no file is left
	 * behind.  A lock belongs to the open file, so a thread's own one
	 * keeps the other threads out as well. */
	rc = h5_file_open(
	    st->dir, "talk", O_RDWR | O_CREAT, &hold->fd, &size, e);
	if (rc == H5_OK)
		rc = h5_file_lock_byte(
		    hold->fd, h5_sum_64(id, strlen(id), 0), wait_ms, e);
	if (rc == H5_E_BUSY)
		rc = h5_err_set(e, H5_E_BUSY,
		    "another program talks with WeChat about order %s", id);
	if (rc != H5_OK) {
		h5_store_release(hold);
		return rc;
	}
	*out = hold;
	return H5_OK;
}

enum h5_code
h5_store_renew(struct h5_store_hold *hold, int hold_ms, struct h5_err *e)
{
	(void)hold;
	(void)hold_ms;
	(void)e;
	return H5_OK;
}

void
h5_store_release(struct h5_store_hold *hold)
{
	if (hold == NULL)
		return;
	h5_file_drop(&hold->fd);
	free(hold);
}
