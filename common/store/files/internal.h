/* store_internal.h - what the files of the store share.  For store*.c only. */
#ifndef H5_STORE_FILES_INTERNAL_H
#define H5_STORE_FILES_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/system/file.h"
#include "common/store/files/ledger.h"
#include "common/order/order.h"
#include "common/store/store.h"

#define H5_STORE_FORMAT "h5pay store 1\n"
#define H5_STORE_LOCK_MS 4000 /* WeChat waits five seconds for an answer */
#define H5_STORE_LEDGER 4194304 /* most bytes of one order's ledger */
#define H5_STORE_INDEX 1073741824 /* most bytes of one day's index */

/* What this process knows to be on disk: file ino with that stamp.  A file
 * that still has the stamp was not touched since its last sync, so a repeated
 * notice need not sync it again. */
#define H5_STORE_KNOWN 16384
#define H5_STORE_WAYS 4
struct h5_store_known {
	uint64_t ino;
	uint64_t stamp;
};

/* The two kinds of index, each a folder of one file a day. */
enum h5_store_index { H5_STORE_CREATED, H5_STORE_WAKE };

struct h5_store {
	int dir;
	unsigned hooks;
	pthread_mutex_t lock; /* covers what follows */
	struct h5_store_known *known;
	/* The day of each index whose file's name this process knows to be
	 * on disk. */
	char synced[2][H5_CLOCK_DAY];
	/* The same of the folders that orders live in, by h5_store_hash. */
	bool sure[256];
};

/* h5_store_own_name(name): may an entry of the store's folder be called so? */
bool h5_store_own_name(const char *name);

#define H5_STORE_PATH 64
/* h5_store_hash(id): 0 to 255, which folder id lives in. */
unsigned h5_store_hash(const char *id);
/* h5_store_leaf(id, out): "orders/a/b", the folder that id lives in. */
void h5_store_leaf(const char *id, char out[H5_STORE_PATH]);
/* h5_store_path(id, out): "orders/a/b/<id>.ledger". */
void h5_store_path(const char *id, char out[H5_STORE_PATH]);
/* h5_store_day_path(which, day, out): "index/created/2026-11-23". */
void h5_store_day_path(
    enum h5_store_index which, const char *day, char out[H5_STORE_PATH]);

/* h5_store_fold(fd, size, id, b, out, whole, at, e): read size bytes of a
 * ledger with b as workspace and fold them.  As h5_ledger_fold, but an empty
 * record is H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_store_fold(int fd, size_t size, const char *id,
    struct h5_buf *b, struct h5_order **out, size_t *whole,
    struct h5_ledger_at *at, struct h5_err *e);
/* h5_store_load_locked(st, id, out, e): h5_store_load, but waits until no
 * update of this order is under way. */
H5_MUST_CHECK enum h5_code h5_store_load_locked(struct h5_store *st,
    const char *id, struct h5_order **out, struct h5_err *e);

/* --- indexes (store_index.c) --- */

/* h5_store_note(st, which, at, id, fd, e): a durable line with id in the index
 * of the day of at.  Whoever rebuilds that index waits until *fd is closed:
 * the caller keeps it until what it announces is there. */
H5_MUST_CHECK enum h5_code h5_store_note(struct h5_store *st,
    enum h5_store_index which, int64_t at, const char *id, int *fd,
    struct h5_err *e);
/* h5_store_index_make(st, which, e): the folder, which somebody removed. */
H5_MUST_CHECK enum h5_code h5_store_index_make(
    struct h5_store *st, enum h5_store_index which, struct h5_err *e);
/* h5_store_index_read(st, which, day, from, fd, b, e): the day's bytes from
 * that offset on.  *fd: the file; -1 and nothing read when there is none. */
H5_MUST_CHECK enum h5_code h5_store_index_read(struct h5_store *st,
    enum h5_store_index which, const char *day, size_t from, int *fd,
    struct h5_buf *b, struct h5_err *e);
/* h5_store_line(p, end, id): takes one whole line at *p.  false: none is left.
 * id: the id in it, or "" when it holds none; good: false if it holds
 * something else (an empty line is good). */
bool h5_store_line(
    const char **p, const char *end, char id[H5_ORDER_ID_MAX + 1], bool *good);

/* Names of days, sorted. */
struct h5_store_days {
	char (*v)[H5_CLOCK_DAY];
	size_t n;
};
/* h5_store_days_add(st, folder, d, e): those that have a file there, each
 * once. */
H5_MUST_CHECK enum h5_code h5_store_days_add(struct h5_store *st,
    const char *folder, struct h5_store_days *d, struct h5_err *e);
/* h5_store_days_one(d, day, e): append one. */
H5_MUST_CHECK enum h5_code h5_store_days_one(
    struct h5_store_days *d, const char *day, struct h5_err *e);
void h5_store_days_release(struct h5_store_days *d);

/* A set of ids that keeps the order in which they came.  Zero is empty. */
struct h5_store_ids {
	char (*v)[H5_ORDER_ID_MAX + 1];
	size_t n;
	size_t cap;
	uint32_t *slots; /* index + 1 into v, by hash */
	size_t n_slots;
};
/* h5_store_ids_add(ids, id, fresh, e): fresh (may be NULL): was it not in it
 * before? */
H5_MUST_CHECK enum h5_code h5_store_ids_add(
    struct h5_store_ids *ids, const char *id, bool *fresh, struct h5_err *e);
bool h5_store_ids_has(const struct h5_store_ids *ids, const char *id);
void h5_store_ids_release(struct h5_store_ids *ids);

/* --- sweeping (store_sweep.c) --- */

/* What is remembered of one day: how far its indexes were read, and which of
 * the orders named there may not be at rest. */
struct h5_store_sweep {
	unsigned hooks; /* that were configured then */
	size_t offset[2]; /* bytes read, by enum h5_store_index */
	uint64_t tail[2]; /* checksum of the bytes before it */
	struct h5_store_ids open;
};
/* h5_store_sweep_read(st, day, s, sound, e): zero when there is none, or none
 * that can be used; sound: false if there is one and it is damaged. */
H5_MUST_CHECK enum h5_code h5_store_sweep_read(struct h5_store *st,
    const char *day, struct h5_store_sweep *s, bool *sound, struct h5_err *e);
/* h5_store_sweep_news(st, day, s, fd, e): take in what the indexes hold beyond
 * s.  fd: of the index of created orders, or -1. */
H5_MUST_CHECK enum h5_code h5_store_sweep_news(struct h5_store *st,
    const char *day, struct h5_store_sweep *s, int *fd, struct h5_err *e);
void h5_store_sweep_release(struct h5_store_sweep *s);

/* --- fsck (store_check.c, store_reindex.c) --- */

/* What every order that was read leaves for the look at the indexes. */
struct h5_store_entry {
	int64_t created_at;
	char id[H5_ORDER_ID_MAX + 1];
	bool open; /* not at rest */
};

struct h5_store_checking {
	struct h5_store *st;
	struct h5_store_report *r;
	bool repair;
	uint64_t total; /* orders there may be, for the progress */
	uint64_t done;
	struct h5_store_entry *v;
	size_t n;
	size_t cap;
	struct h5_buf ledger; /* workspace */
	char leaf[H5_STORE_PATH]; /* the folder being read */
	int leaf_fd;
};
/* h5_store_check_found(c, counter, id, what, repaired): count and tell. */
void h5_store_check_found(struct h5_store_checking *c, uint64_t *counter,
    const char *id, const char *what, bool repaired);
/* h5_store_reindex(c, e): hold the indexes against the orders in c->v. */
H5_MUST_CHECK enum h5_code h5_store_reindex(
    struct h5_store_checking *c, struct h5_err *e);

#endif
