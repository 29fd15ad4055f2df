/* store.h - orders, durable.
 * An interface with one engine now (one append-only ledger an order, see
 * docs/STORE.md); nothing above knows that there are files.
 * Calling order: h5_store_open, any calls, h5_store_close.  One handle serves
 * all threads of a process; any number of processes may share a store.
 * Two locks: the append lock is held inside create/update only, never across
 * the network; the conversation lock is h5_store_talk. */
#ifndef H5_STORE_STORE_H
#define H5_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/order/order.h"

struct h5_store;
struct h5_store_talk;

/* h5_store_open(dir, hooks, out, e): open, or make it with mode 0700.  hooks:
 * bits of enum h5_hook that are configured: what an order at rest is.
 * H5_E_CONFIG: not ours, readable by others, another format, a symlink.
 * H5_E_IO.  */
H5_MUST_CHECK enum h5_code h5_store_open(
    const char *dir, unsigned hooks, struct h5_store **out, struct h5_err *e);
void h5_store_close(struct h5_store *st);
/* h5_store_there(dir): was a store made there already?  True also for what is
 * there and is none: h5_store_open says what is wrong with it. */
bool h5_store_there(const char *dir);

/* h5_store_create(st, created, out, e): make an order durable from its first
 * event (taken over).  H5_OK: the order and its directory entry are on disk;
 * *out is the order.  H5_E_EXISTS: the id is taken; *out is the order that
 * has it (made durable before it is returned), for the caller to compare.
 * H5_E_INPUT: a field is missing or malformed, or what has the id is broken.
 * H5_E_BUSY: as h5_store_update.  H5_E_IO: not acknowledged; the order is not
 * there, or it is and a power cut may still take it away: the same create
 * again settles it.  Blocks for the disk. */
H5_MUST_CHECK enum h5_code h5_store_create(struct h5_store *st,
    struct h5_event *created, struct h5_order **out, struct h5_err *e);

/* h5_store_load(st, id, out, e): the order as it is now, without a lock.
 * st may be NULL: a store that was not made yet, which holds no order.
 * H5_E_NOTFOUND.  H5_E_INPUT: its record is broken (fsck).  H5_E_IO. */
H5_MUST_CHECK enum h5_code h5_store_load(struct h5_store *st, const char *id,
    struct h5_order **out, struct h5_err *e);

/* What an update adds: up to H5_STORE_BATCH events, written as one unit. */
#define H5_STORE_BATCH 4
struct h5_store_batch {
	struct h5_event ev[H5_STORE_BATCH];
	size_t n;
};
/* h5_store_add(b, kind): the next event of the batch, stamped with the time
 * now and with an empty field list to fill; NULL when the batch is full. */
struct h5_event *h5_store_add(
    struct h5_store_batch *b, enum h5_event_kind kind);

/* Decides, under the append lock, on the order as it is: fills b or leaves it
 * empty.  A result other than H5_OK writes nothing and is handed up. */
typedef enum h5_code (*h5_store_decide_fn)(void *arg, const struct h5_order *o,
    struct h5_store_batch *b, struct h5_err *e);

/* h5_store_update(st, id, decide, arg, out, e): lock, read, decide, append,
 * make durable, unlock.  H5_OK: what was decided is on disk, and so is every
 * event before it (also when decide added nothing); *out is the order after
 * it (out may be NULL).  H5_E_NOTFOUND; H5_E_INPUT: the record is broken or
 * full, or an event is malformed; H5_E_STATE: an event is a move that may
 * never happen; H5_E_BUSY: the lock was not to be had within 4 s; H5_E_IO: a
 * failed disk; nothing was added, or (close failed) a repetition finds it.
 * Blocks for the disk. */
H5_MUST_CHECK enum h5_code h5_store_update(struct h5_store *st, const char *id,
    h5_store_decide_fn decide, void *arg, struct h5_order **out,
    struct h5_err *e);

/* h5_store_talk(st, id, wait_ms, out, e): take the conversation lock: one
 * program at a time talks to WeChat about an order.  Released by
 * h5_store_hush, or by the process's end.  H5_E_BUSY: another one talks for
 * longer than wait_ms. */
H5_MUST_CHECK enum h5_code h5_store_talk(struct h5_store *st, const char *id,
    int wait_ms, struct h5_store_talk **out, struct h5_err *e);
void h5_store_hush(struct h5_store_talk *talk);

/* Called with each order; a result other than H5_OK ends the walk and is
 * handed up.  o is NULL and e_o tells why when a record could not be read. */
typedef enum h5_code (*h5_store_visit_fn)(void *arg, const char *id,
    const struct h5_order *o, const struct h5_err *e_o);

/* h5_store_each(st, since, until, visit, arg, e): orders created in
 * [since, until) (Unix seconds; 0: no bound), oldest first; cost grows with
 * the days asked for, not with the store. */
H5_MUST_CHECK enum h5_code h5_store_each(struct h5_store *st, int64_t since,
    int64_t until, h5_store_visit_fn visit, void *arg, struct h5_err *e);
/* h5_store_each_open(st, visit, arg, e): orders that are not at rest, found
 * without looking at those that are.  Safe in many processes at once. */
H5_MUST_CHECK enum h5_code h5_store_each_open(
    struct h5_store *st, h5_store_visit_fn visit, void *arg, struct h5_err *e);

/* h5_store_swept(st, e): a sweep over all open orders ends now; durable.
 * h5_store_swept_at(st, at, e): when the last one ended.  H5_E_NOTFOUND: none
 * is known of.
 * h5_store_unswept(st, now, age_s): have age_s seconds gone by since then, or,
 * when none was, since the store was made? */
H5_MUST_CHECK enum h5_code h5_store_swept(
    struct h5_store *st, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_store_swept_at(
    struct h5_store *st, int64_t *at, struct h5_err *e);
bool h5_store_unswept(struct h5_store *st, int64_t now, int64_t age_s);

/* What fsck found, one call each; and progress. */
struct h5_store_report {
	void (*found)(
	    void *arg, const char *id, const char *what, bool repaired);
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
	uint64_t orders;
	uint64_t torn; /* tails, harmless */
	uint64_t broken; /* need an operator */
	uint64_t index; /* wrong or missing index entries, leftovers */
};
/* h5_store_check(st, repair, r, e): read every order; with repair cut torn
 * tails and rebuild every index.  H5_OK: done, r tells. */
H5_MUST_CHECK enum h5_code h5_store_check(struct h5_store *st, bool repair,
    struct h5_store_report *r, struct h5_err *e);

/* h5_store_probe(dir, e): can this folder hold a store: fsync, link, flock,
 * no network file system known to break them?  H5_E_CONFIG says what. */
H5_MUST_CHECK enum h5_code h5_store_probe(const char *dir, struct h5_err *e);
/* h5_store_owner(dir, uid, gid, e): who the store belongs to; one that is
 * not there yet: whose the folder above it is. */
H5_MUST_CHECK enum h5_code h5_store_owner(
    const char *dir, unsigned *uid, unsigned *gid, struct h5_err *e);

#endif
