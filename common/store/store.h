/* store.h - orders, durable.  The only door to them: nothing outside
 * common/store/ knows what they are kept in (docs/STORE.md, "The seam").
 *
 * Open it, make any calls, close it.  One handle serves all threads of a
 * process; any number of processes may share a store.  No handle crosses a
 * fork.
 *
 * Each call has one deadline, budget_ms after it began; h5_store_hold has a
 * wait of its own, and a walk has as many deadlines as it reads records.
 *
 * Every function here returns the codes that its block names, and
 * H5_E_NOMEM; those that read orders return H5_E_CONFIG once a newer program
 * has raised the store to a format that this one does not know.  None returns
 * H5_E_NET: when the outcome of a write is unknown, that is H5_E_IO, and the
 * same call again settles it. */
#ifndef H5_STORE_STORE_H
#define H5_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/order/order.h"

struct h5_store;
struct h5_store_hold;

/* Which store; part of struct h5_config. */
struct h5_store_where {
	char *dir; /* the folder that holds it; with a database, what is kept
	    of it on this machine */
	int budget_ms; /* what one call may take, ms, 1 or more */
	int query_gap_s; /* orders.query_interval_s: when work is due */
	/* A database, if another engine than files is meant. */
	char *engine; /* NULL: files */
	char *database; /* libpq's keywords or URI, without a password */
	char *password; /* NULL: none */
	char *ca_file, *cert_file, *key_file; /* each may be NULL */
	int replicas; /* standbys that a commit must wait for; 0: none */
	int connections; /* most of one process, 1 to 64 */
	bool pooler; /* one of transactions stands in between */
	/* Is told what was mended on the way; NULL: nobody.  It has to stay as
	 * long as the store is open. */
	const struct h5_log *log;
};
/* WeChat waits five seconds for the answer to a notice. */
#define H5_STORE_BUDGET_MS 4000

/* --- the store as a whole ------------------------------------------------- */

/* h5_store_open(w, hooks, out, e): open the store, or make it if there is none.
 * hooks: the bits of enum h5_hook that are configured; they decide which orders
 * are at rest.  Blocks for the disk.
 * H5_E_CONFIG: not ours, readable by others, of a newer format, or a link.
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_open(const struct h5_store_where *w,
    unsigned hooks, struct h5_store **out, struct h5_err *e);
void h5_store_close(struct h5_store *st);

/* h5_store_until(st, until_ms, out, e): the same store, whose calls all end by
 * until_ms (of h5_clock_mono_ms), whatever their own deadlines; for what must
 * be answered by then.  st has to stay open for longer. H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_store_until(const struct h5_store *st,
    int64_t until_ms, struct h5_store **out, struct h5_err *e);
void h5_store_until_free(struct h5_store *st);

/* h5_store_there(w): has a store been made there?  Makes none.  It is also true
 * if what is there is no store; h5_store_open says what is wrong with it. */
bool h5_store_there(const struct h5_store_where *w);

/* h5_store_format(w, format, e): the number of the format of the store that is
 * there; makes none.  What this program knows: h5_since_newest.
 * H5_E_NOTFOUND: there is none, or none that can be looked at.
 * H5_E_CONFIG: it is newer than this program knows.
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_format(
    const struct h5_store_where *w, unsigned *format, struct h5_err *e);

/* h5_store_probe(w, e): can a store be kept there durably, and do its locks
 * hold?
 * H5_E_CONFIG: e->msg says what is wrong. */
H5_MUST_CHECK enum h5_code h5_store_probe(
    const struct h5_store_where *w, struct h5_err *e);

/* What a store keeps on this machine: for code that closes a program in, looks
 * at the space that is left, or asks whether a web server hands it out. */
struct h5_store_place {
	const char *folder; /* all of it lies below; borrowed from w */
	const char *witness; /* a file there that every store has: whoever can
	    fetch it can fetch orders */
};
void h5_store_local(const struct h5_store_where *w, struct h5_store_place *out);

/* What a store reaches outside its folder, for code that closes a program
 * in. */
#define H5_STORE_NEEDS 8
struct h5_store_needs {
	unsigned ports[H5_STORE_NEEDS]; /* TCP, of any host */
	size_t n_ports;
	const char *files[H5_STORE_NEEDS]; /* read; borrowed from w */
	size_t n_files;
	bool names; /* names of hosts are looked up */
};
/* h5_store_ready(w, needs, e): whatever w needs is loaded into this process,
 * and needs tells what it will reach.  To be called before a sandbox is closed.
 * H5_E_CONFIG: no such engine, or the configuration is not one of its. */
H5_MUST_CHECK enum h5_code h5_store_ready(const struct h5_store_where *w,
    struct h5_store_needs *needs, struct h5_err *e);

/* h5_store_init(w, accept, print, e): make a store where opening it does not:
 * in a database.  What is there stays.  accept: it may be another database than
 * the one that was written to before.  print: nothing is done, and the
 * statements are appended; NULL: they are carried out.
 * H5_E_CONFIG: the database is not fit for it.
 * H5_E_IO: it was not reached. */
H5_MUST_CHECK enum h5_code h5_store_init(const struct h5_store_where *w,
    bool accept, struct h5_buf *print, struct h5_err *e);

/* h5_store_owner(w, uid, gid, e): the owner of w->dir or, if it is not there
 * yet, of the folder above it.
 * H5_E_NOTFOUND: neither is there.
 * H5_E_CONFIG: it is no folder. */
H5_MUST_CHECK enum h5_code h5_store_owner(const struct h5_store_where *w,
    unsigned *uid, unsigned *gid, struct h5_err *e);

/* --- one order ------------------------------------------------------------ */

/* h5_store_create(st, created, out, e): make an order durable from its first
 * event, which is taken over.  Blocks for the disk.
 * H5_OK: the order is on disk and will be found after a power cut; *out is the
 * order.
 * H5_E_EXISTS: the id is taken; *out is the order that has it, made durable
 * first, for the caller to compare.
 * H5_E_INPUT: a field is missing or malformed, or the record under this id is
 * broken.
 * H5_E_BUSY: the deadline passed; nothing was written.
 * H5_E_IO: not acknowledged.  The order is not there, or it is and a power cut
 * may still take it away; the same call again settles it. */
H5_MUST_CHECK enum h5_code h5_store_create(struct h5_store *st,
    struct h5_event *created, struct h5_order **out, struct h5_err *e);

/* h5_store_load(st, id, out, e): the order as it is now.  Takes no lock, but
 * reads a record that looks broken again under one.  st: NULL stands for a
 * store that was not made yet and holds no order.
 * H5_E_NOTFOUND: no such order.
 * H5_E_INPUT: its record is broken (h5pay fsck tells).
 * H5_E_BUSY: the deadline passed.
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_load(struct h5_store *st, const char *id,
    struct h5_order **out, struct h5_err *e);

/* What an update adds: up to H5_STORE_BATCH events, written as one unit. */
#define H5_STORE_BATCH 4
struct h5_store_batch {
	struct h5_event ev[H5_STORE_BATCH];
	size_t n;
};

/* h5_store_add(b, kind): the next event of the batch, stamped with the present
 * time and without fields; NULL if the batch is full. */
struct h5_event *h5_store_add(
    struct h5_store_batch *b, enum h5_event_kind kind);

/* Decides on the order as it is: fills b, which is empty, or leaves it empty.
 * Nobody writes to the order between this look and the append.  If somebody was
 * faster, the decision is dropped and asked for again, with the newer order.
 * So it must depend on o, on what the caller put into arg and on the clock
 * alone, never on what an earlier call left in arg; it must set every result in
 * arg each time; and it must do nothing that cannot be done twice.  A result
 * other than H5_OK writes nothing and is handed up. */
typedef enum h5_code (*h5_store_decide_fn)(void *arg, const struct h5_order *o,
    struct h5_store_batch *b, struct h5_err *e);

/* h5_store_update(st, id, hold, decide, arg, out, e): read, decide, append as
 * one unit, make durable.  hold: the conversation whose intents this writes, or
 * NULL; if it was lost meanwhile, nothing is written.  out: the order
 * afterwards; may be NULL.  Blocks for the disk.
 * H5_OK: what was decided is on disk, and so is every event before it, also if
 * decide added nothing.
 * H5_E_NOTFOUND: no such order.
 * H5_E_INPUT: the record is broken or full, or an event is malformed.
 * H5_E_STATE: an event is a move that may never happen.
 * H5_E_BUSY: the deadline passed or hold was lost; nothing was written.
 * H5_E_IO: nothing was added, or it was and is not acknowledged; the same
 * update again finds it. */
H5_MUST_CHECK enum h5_code h5_store_update(struct h5_store *st, const char *id,
    struct h5_store_hold *hold, h5_store_decide_fn decide, void *arg,
    struct h5_order **out, struct h5_err *e);

/* --- conversations -------------------------------------------------------- */

/* h5_store_hold(st, id, wait_ms, hold_ms, out, e): begin a conversation about
 * id.  No other program can begin one meanwhile, so that one at a time talks to
 * WeChat about an order.  id need not be an order's.  wait_ms: how long to wait
 * for another one, 0 or more.  The conversation ends with h5_store_release or
 * with the process; an engine that cannot see a process end gives it up hold_ms
 * after the last renewal.  Updates go on meanwhile: the lock for appending is
 * another one.
 * H5_E_BUSY: another conversation lasted longer than wait_ms.
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_hold(struct h5_store *st, const char *id,
    int wait_ms, int hold_ms, struct h5_store_hold **out, struct h5_err *e);

/* h5_store_renew(hold, hold_ms, e): let the conversation go on for hold_ms from
 * now.
 * H5_E_BUSY: it was lost.
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_renew(
    struct h5_store_hold *hold, int hold_ms, struct h5_err *e);

/* h5_store_release(hold): end the conversation; NULL does nothing. */
void h5_store_release(struct h5_store_hold *hold);

/* --- many orders ---------------------------------------------------------- */

/* Called with each order; a result other than H5_OK ends the walk and is handed
 * up.  If a record could not be read, o is NULL and e_o tells why.  It may
 * update the order, and may take its time, since nothing is locked. */
typedef enum h5_code (*h5_store_visit_fn)(void *arg, const char *id,
    const struct h5_order *o, const struct h5_err *e_o);

/* h5_store_each(st, since, until, visit, arg, e): walk over the orders created
 * in [since, until) (Unix seconds; 0: no bound), oldest day first.  The cost
 * grows with the days asked for, not with the store. */
H5_MUST_CHECK enum h5_code h5_store_each(struct h5_store *st, int64_t since,
    int64_t until, h5_store_visit_fn visit, void *arg, struct h5_err *e);

/* h5_store_find(st, transaction_id, id, e): the order that has a payment by
 * this transaction of WeChat's, the first or a further one.  Looks at the days
 * that the number hints at, then at all others; so what is not there costs a
 * walk over every order. H5_E_NOTFOUND: none has. Others as h5_store_each. */
H5_MUST_CHECK enum h5_code h5_store_find(struct h5_store *st,
    const char *transaction_id, char id[H5_ORDER_ID_MAX + 1], struct h5_err *e);

/* h5_store_each_open(st, visit, arg, e): walk over the orders that are not at
 * rest, without a look at those that are.  Safe in many processes at once. */
H5_MUST_CHECK enum h5_code h5_store_each_open(
    struct h5_store *st, h5_store_visit_fn visit, void *arg, struct h5_err *e);

/* h5_store_each_due(st, now, claim_ms, visit, arg, e): walk over the orders
 * that may have work due at now (Unix seconds), for a sweep.  An engine that
 * knows when each is due leaves out the others, and those that another sweep
 * claimed less than claim_ms ago; any other engine does what h5_store_each_open
 * does.  So the visitor has to look at what is due itself. */
H5_MUST_CHECK enum h5_code h5_store_each_due(struct h5_store *st, int64_t now,
    int claim_ms, h5_store_visit_fn visit, void *arg, struct h5_err *e);

/* h5_store_swept(st, e): note that a sweep over all open orders ends now;
 * durable. */
H5_MUST_CHECK enum h5_code h5_store_swept(
    struct h5_store *st, struct h5_err *e);

/* h5_store_swept_at(st, at, e): when the last one ended, in Unix seconds.
 * H5_E_NOTFOUND: none is known.
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_swept_at(
    struct h5_store *st, int64_t *at, struct h5_err *e);

/* h5_store_unswept(st, now, age_s): have age_s seconds gone by since then or,
 * if there was none, since the store was made? */
bool h5_store_unswept(struct h5_store *st, int64_t now, int64_t age_s);

/* --- archives ------------------------------------------------------------- */

/* Orders that nothing is expected of any more (h5_order_over) can be put away,
 * compressed.  They are orders all the same: every function above finds them,
 * and an update that adds an event brings the order back by itself. */
struct h5_store_moved {
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
	uint64_t moved; /* orders put away, brought back, or rewritten */
	uint64_t kept; /* created before that time and not at rest */
};

/* h5_store_archive(st, before, m, e): put away the orders that were created
 * before that time (Unix seconds) and are over.  All three: a call that was cut
 * short loses nothing, and the same call again ends it.  They block for the
 * disk.
 * H5_E_BUSY: another one is under way.
 * H5_E_INPUT: an archive is damaged (h5pay fsck tells).
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_archive(struct h5_store *st, int64_t before,
    struct h5_store_moved *m, struct h5_err *e);

/* h5_store_restore(st, before, m, e): bring back those created before that
 * time, byte for byte. */
H5_MUST_CHECK enum h5_code h5_store_restore(struct h5_store *st, int64_t before,
    struct h5_store_moved *m, struct h5_err *e);

/* h5_store_forget(st, before, m, e): take what tells of the buyer out of the
 * records of orders that are over and to which nothing happened since that
 * time, put away or not.  Which fields: store/forget.h. */
H5_MUST_CHECK enum h5_code h5_store_forget(struct h5_store *st, int64_t before,
    struct h5_store_moved *m, struct h5_err *e);

/* --- moving --------------------------------------------------------------- */

struct h5_store_copy {
	int64_t since; /* orders created from then on; 0: all */
	/* Called of each order that is not as it should be. */
	void (*found)(void *arg, const char *id, const char *what);
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
	uint64_t orders; /* looked at */
	uint64_t copied; /* of these, new there or longer */
	uint64_t differ; /* found; not copied */
};

/* h5_store_open_moved(w, hooks, out, e): as h5_store_open, but also a store
 * that was sealed, to be copied from. */
H5_MUST_CHECK enum h5_code h5_store_open_moved(const struct h5_store_where *w,
    unsigned hooks, struct h5_store **out, struct h5_err *e);

/* h5_store_copy(from, to, c, e): every order of from is in to afterwards, byte
 * for byte and durable.  An order that is there is carried on, if it is the
 * same one.  May be called again, and while both are in use. Errors as
 * h5_store_update. */
H5_MUST_CHECK enum h5_code h5_store_copy(struct h5_store *from,
    struct h5_store *to, struct h5_store_copy *c, struct h5_err *e);

/* h5_store_compare(a, b, c, e): tell of each order that is not the same in
 * both. */
H5_MUST_CHECK enum h5_code h5_store_compare(struct h5_store *a,
    struct h5_store *b, struct h5_store_copy *c, struct h5_err *e);

/* h5_store_seal(st, to, e): from now on every program refuses st, with these
 * words of where it went.  It cannot be taken back.  A write that was under way
 * may still end, within its deadline. */
H5_MUST_CHECK enum h5_code h5_store_seal(
    struct h5_store *st, const char *to, struct h5_err *e);

/* --- fsck ----------------------------------------------------------------- */

/* What h5_store_check tells: one call of found for each finding, in the
 * engine's words, and how far it is. */
struct h5_store_report {
	void (*found)(
	    void *arg, const char *id, const char *what, bool repaired);
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
	uint64_t orders;
	uint64_t unfinished; /* writes that were cut short: harmless */
	uint64_t broken; /* need an operator */
	uint64_t derived; /* wrong, missing or left over beside the records */
};

/* h5_store_check(st, repair, r, e): read every order and everything derived
 * from orders.  repair: take away what is unfinished and derive the rest again;
 * no acknowledged event is ever touched.  Blocks for the disk.
 * H5_OK: done; r tells what was found.
 * H5_E_BUSY: somebody else does the same.
 * H5_E_IO: a system call failed. */
H5_MUST_CHECK enum h5_code h5_store_check(struct h5_store *st, bool repair,
    struct h5_store_report *r, struct h5_err *e);

#endif
