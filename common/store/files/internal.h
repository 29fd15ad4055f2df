/* internal.h - what the parts of the file engine share. */
#ifndef H5_STORE_FILES_INTERNAL_H
#define H5_STORE_FILES_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/system/file.h"
#include "common/order/order.h"
#include "common/store/engine.h"
#include "common/store/record.h"
#include "common/store/store.h"

#define H5_FILES_FIRST "h5pay store 1\n" /* the format of a new store */
#define H5_FILES_INDEX 1073741824 /* most bytes of one day's index */

/* What this process knows to be on disk: the file with this inode, as long as
 * it has this stamp.  Such a file was not touched since its last sync, so a
 * repeated notice need not sync it again. */
#define H5_FILES_KNOWN 16384
#define H5_FILES_WAYS 4
struct h5_files_known {
	uint64_t ino;
	uint64_t stamp;
};

/* The two kinds of index.  Each is a folder with one file for each day. */
enum h5_files_index { H5_FILES_CREATED, H5_FILES_WAKE };

struct h5_files {
	const struct h5_store_engine *self; /* this engine */
	int dir;
	unsigned hooks;
	int budget_ms; /* for fsck, whose caller sets no deadline */
	const struct h5_log *log; /* of what was mended; may be NULL */
	pthread_mutex_t lock; /* covers what follows */
	struct h5_files_known *known;
	/* The day of each index whose file's name this process knows to be
	 * on disk. */
	char synced[2][H5_CLOCK_DAY];
	/* The same for the folders that orders live in, by h5_files_hash. */
	bool sure[256];
	/* The file that holds the format, and what it said last. */
	int format_fd; /* -1: not read yet */
	uint64_t format_stamp;
	struct h5_engine_format format;
	unsigned format_sure; /* the format that is surely on disk */
	/* The index of the archives, as it was read last; NULL: never. */
	struct h5_archive_cache *archive;
};

/* h5_files_wait(until_ms): how long a lock may be waited for until then, in
 * ms. */
int h5_files_wait(int64_t until_ms);

/* --- the folder (folder.c) --- */

/* h5_files_folder(w, make, fd, e): open the store's folder, and close it to
 * others if it is a store.  make: make it if it is missing, and close an empty
 * one that others may look into.
 * H5_E_NOTFOUND: it is missing, and make is false.  H5_E_CONFIG: it cannot be a
 * store's. H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_files_folder(
    const struct h5_store_where *w, bool make, int *fd, struct h5_err *e);
/* h5_files_sub(st, path, fd, e): open a folder of the store; it is closed to
 * others, if it was not.  H5_E_NOTFOUND: it is missing. */
H5_MUST_CHECK enum h5_code h5_files_sub(
    struct h5_files *st, const char *path, int *fd, struct h5_err *e);
/* h5_files_lockable(dir, e): can locks there be relied on?  H5_E_CONFIG: it
 * lies on a network file system. */
H5_MUST_CHECK enum h5_code h5_files_lockable(int dir, struct h5_err *e);
/* h5_files_furnish(dir, e): make an empty folder a store of format 1.
 * H5_E_CONFIG: it is not empty. */
H5_MUST_CHECK enum h5_code h5_files_furnish(int dir, struct h5_err *e);
/* h5_files_own_name(name): may an entry of the store's folder have this
 * name? */
bool h5_files_own_name(const char *name);

#define H5_FILES_PATH 64
/* h5_files_hash(id): the number of the folder that id lives in, 0 to 255. */
unsigned h5_files_hash(const char *id);
/* h5_files_leaf(id, out): the folder that id lives in, "orders/a/b". */
void h5_files_leaf(const char *id, char out[H5_FILES_PATH]);
/* h5_files_path(id, out): the file of id, "orders/a/b/<id>.ledger". */
void h5_files_path(const char *id, char out[H5_FILES_PATH]);
/* h5_files_day_path(which, day, out): the file of a day's index,
 * "index/created/2026-11-23". */
void h5_files_day_path(
    enum h5_files_index which, const char *day, char out[H5_FILES_PATH]);

/* --- ledgers (record.c) --- */

/* h5_files_hold_live(st, id, mode, fd, bytes, e): open, hold (unless mode is
 * LOOK) and read the ledger of id, and look into no archive.  *fd: give it up
 * by h5_file_unlock and h5_file_drop, whatever the result. H5_E_NOTFOUND: there
 * is none. */
H5_MUST_CHECK enum h5_code h5_files_hold_live(struct h5_files *st,
    const char *id, enum h5_engine_mode mode, int *fd, struct h5_buf *bytes,
    struct h5_err *e);
/* h5_files_put_live(st, id, bytes, e): make a ledger of whole units; durable.
 * H5_E_EXISTS: there is one. */
H5_MUST_CHECK enum h5_code h5_files_put_live(struct h5_files *st,
    const char *id, const struct h5_buf *bytes, struct h5_err *e);

/* --- indexes (index.c) --- */

/* h5_files_note(st, which, at, id, until_ms, fd, e): add a durable line with id
 * to the index of the day of at.  The caller keeps *fd open until the order
 * that the line announces is there; whoever rebuilds the index waits for
 * that. */
H5_MUST_CHECK enum h5_code h5_files_note(struct h5_files *st,
    enum h5_files_index which, int64_t at, const char *id, int64_t until_ms,
    int *fd, struct h5_err *e);
/* h5_files_index_make(st, which, e): make the folder of an index again, which
 * somebody removed. */
H5_MUST_CHECK enum h5_code h5_files_index_make(
    struct h5_files *st, enum h5_files_index which, struct h5_err *e);
/* h5_files_index_read(st, which, day, from, fd, b, e): append the bytes of the
 * day's file from that offset on.  *fd: the file; -1: there is none, and
 * nothing was read. */
H5_MUST_CHECK enum h5_code h5_files_index_read(struct h5_files *st,
    enum h5_files_index which, const char *day, size_t from, int *fd,
    struct h5_buf *b, struct h5_err *e);
/* h5_files_line(p, end, id, good): take one whole line at *p.  False: none is
 * left.  id: the id in it, or "" if it holds none.  good: false if it holds
 * something else; an empty line is good. */
bool h5_files_line(
    const char **p, const char *end, char id[H5_ORDER_ID_MAX + 1], bool *good);

/* Names of days, sorted. */
struct h5_files_days {
	char (*v)[H5_CLOCK_DAY];
	size_t n;
};
/* h5_files_days_add(st, folder, d, e): add the days that have a file there,
 * each once. */
H5_MUST_CHECK enum h5_code h5_files_days_add(struct h5_files *st,
    const char *folder, struct h5_files_days *d, struct h5_err *e);
/* h5_files_days_one(d, day, e): append one day. */
H5_MUST_CHECK enum h5_code h5_files_days_one(
    struct h5_files_days *d, const char *day, struct h5_err *e);
/* h5_files_days_sort(d): sort them; each once. */
void h5_files_days_sort(struct h5_files_days *d);
void h5_files_days_release(struct h5_files_days *d);

/* A set of ids that keeps the order in which they came.  All zero is the empty
 * set. */
struct h5_files_ids {
	char (*v)[H5_ORDER_ID_MAX + 1];
	size_t n;
	size_t cap;
	uint32_t *slots; /* index + 1 into v, by hash */
	size_t n_slots;
};
/* h5_files_ids_add(ids, id, fresh, e): add id to the set.  fresh (may be NULL):
 * it was not in it before. */
H5_MUST_CHECK enum h5_code h5_files_ids_add(
    struct h5_files_ids *ids, const char *id, bool *fresh, struct h5_err *e);
bool h5_files_ids_has(const struct h5_files_ids *ids, const char *id);
void h5_files_ids_release(struct h5_files_ids *ids);

/* --- what is open (open.c) --- */

/* What is remembered of one day: how far its indexes were read, and which of
 * the orders named there may not be at rest. */
struct h5_files_sweep {
	unsigned hooks; /* that were configured then */
	size_t offset[2]; /* bytes read, by enum h5_files_index */
	uint64_t tail[2]; /* checksum of the bytes before it */
	struct h5_files_ids open;
};
/* h5_files_sweep_read(st, day, s, sound, e): read what is remembered of a day.
 * s is all zero if nothing is, or nothing that can be used.  sound: false if
 * the file is there and damaged. */
H5_MUST_CHECK enum h5_code h5_files_sweep_read(struct h5_files *st,
    const char *day, struct h5_files_sweep *s, bool *sound, struct h5_err *e);
/* h5_files_sweep_news(st, day, s, fd, e): take in what the indexes hold beyond
 * s.  fd: the file of the index of created orders, or -1. */
H5_MUST_CHECK enum h5_code h5_files_sweep_news(struct h5_files *st,
    const char *day, struct h5_files_sweep *s, int *fd, struct h5_err *e);
void h5_files_sweep_release(struct h5_files_sweep *s);
/* h5_files_open_day(st, day, open, noted, why, e): the orders named on a day
 * that may not be at rest; release open.  noted, why: whether that could be
 * remembered for the next time, and if not, why. */
H5_MUST_CHECK enum h5_code h5_files_open_day(struct h5_files *st,
    const char *day, struct h5_files_ids *open, enum h5_code *noted,
    struct h5_err *why, struct h5_err *e);

/* --- fsck (check.c, check_index.c) --- */

/* What is kept of every order that was read, to check the indexes with. */
struct h5_files_entry {
	int64_t created_at;
	char id[H5_ORDER_ID_MAX + 1];
	bool open; /* not at rest */
};

struct h5_files_checking {
	struct h5_files *st;
	struct h5_store_report *r;
	bool repair;
	uint64_t total; /* orders there may be, for the progress */
	uint64_t done;
	struct h5_files_entry *v;
	size_t n;
	size_t cap;
	unsigned format; /* that a record needs; 0: none above the store's */
	struct h5_buf ledger; /* workspace */
	char leaf[H5_FILES_PATH]; /* the folder being read */
	int leaf_fd;
};
/* h5_files_check_found(c, counter, id, what, repaired): count a finding and
 * report it. */
void h5_files_check_found(struct h5_files_checking *c, uint64_t *counter,
    const char *id, const char *what, bool repaired);
/* h5_files_check_order(c, o, e): take in an order that was read. */
H5_MUST_CHECK enum h5_code h5_files_check_order(
    struct h5_files_checking *c, const struct h5_order *o, struct h5_err *e);
/* h5_files_reindex(c, e): compare the indexes with the orders in c->v. */
H5_MUST_CHECK enum h5_code h5_files_reindex(
    struct h5_files_checking *c, struct h5_err *e);

/* --- what files.c puts into the engine's table -----------------------------
 */

H5_MUST_CHECK enum h5_code h5_files_peek(const struct h5_store_where *w,
    struct h5_engine_format *f, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_format(
    void *store, struct h5_engine_format *f, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_raise(void *store,
    struct h5_engine_format *f, int64_t until_ms, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_begin(
    void *store, struct h5_engine_record *r, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_append(void *store,
    struct h5_engine_record *r, const struct h5_buf *unit,
    const struct h5_engine_facts *facts, void *hold, enum h5_engine_result *how,
    struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_seal(
    void *store, struct h5_engine_record *r, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_end(
    void *store, struct h5_engine_record *r, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_create(void *store, const char *id,
    const struct h5_buf *unit, const struct h5_engine_facts *facts,
    int64_t until_ms, enum h5_engine_result *how, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_hold(void *store, const char *id,
    int wait_ms, int hold_ms, void **hold, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_renew(
    void *hold, int hold_ms, struct h5_err *e);
void h5_files_release(void *hold);
H5_MUST_CHECK enum h5_code h5_files_page(
    void *store, struct h5_engine_walk *w, struct h5_err *e);
void h5_files_leave(void *store, struct h5_engine_walk *w);
H5_MUST_CHECK enum h5_code h5_files_swept(
    void *store, int64_t at, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_swept_at(
    void *store, int64_t *at, int64_t *made_at, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_files_check(
    void *store, bool repair, struct h5_store_report *r, struct h5_err *e);
bool h5_files_there(const struct h5_store_where *w);
H5_MUST_CHECK enum h5_code h5_files_probe(
    const struct h5_store_where *w, struct h5_err *e);

#endif
