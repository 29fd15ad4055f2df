/* store_internal.h - what the files of the store share.  For store*.c only. */
#ifndef H5_STORE_INTERNAL_H
#define H5_STORE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/file.h"
#include "common/ledger.h"
#include "common/order.h"
#include "common/store.h"

#define H5_STORE_FORMAT "h5pay store 1\n"
#define H5_STORE_LOCK_MS 4000 /* WeChat waits five seconds for an answer */
#define H5_STORE_LEDGER 4194304 /* most bytes of one order's ledger */

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
};

#define H5_STORE_PATH 64
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

/* h5_store_note(st, which, at, id, fd, e): a durable line with id in the index
 * of the day of at.  Whoever rebuilds that index waits until *fd is closed:
 * the caller keeps it until what it announces is there. */
H5_MUST_CHECK enum h5_code h5_store_note(struct h5_store *st,
    enum h5_store_index which, int64_t at, const char *id, int *fd,
    struct h5_err *e);

#endif
