/* pg.h - what the files of the PostgreSQL engine share: connections, statements
 * and their answers.  Private to the plug-in. */
#ifndef H5_STORE_POSTGRESQL_PG_H
#define H5_STORE_POSTGRESQL_PG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/store/engine.h"
#include "common/store/postgresql/wire.h"

#define H5_PG_VALUES 12 /* most parameters of a statement */
#define H5_PG_CONNECTIONS 64 /* most of one process */
#define H5_PG_NUMBER 24 /* a number as text, and NUL */
#define H5_PG_TIMELINE 64 /* "<system identifier> <timeline>", and NUL */

/* --- statements ----------------------------------------------------------- */

/* Every unit of work is one statement, committed by itself. */
struct h5_pg_statement {
	const char *name; /* prepared under it */
	const char *sql;
	int n; /* parameters */
	unsigned bit; /* which of a connection's prepared ones: 0 to 31 */
	bool writes; /* its outcome can be unknown */
};

/* What became of a statement. */
enum h5_pg_outcome {
	H5_PG_DONE, /* carried out; its answer is there */
	H5_PG_AGAIN, /* not carried out, because somebody was in the way */
	H5_PG_UNKNOWN, /* it may have been carried out: find out */
	H5_PG_FAILED /* not carried out; e says why */
};

/* --- the store ------------------------------------------------------------ */

struct h5_pg_slot {
	struct h5_wire *conn; /* NULL: none yet */
	bool busy;
	int64_t idle_since; /* h5_clock_mono_ms */
	uint32_t prepared; /* bits of statements */
	char timeline[H5_PG_TIMELINE]; /* of its server; "": it has none */
	bool marked; /* and it stands in the local folder */
};

/* A record that this process has committed, or sealed. */
#define H5_PG_KNOWN 16384
struct h5_pg_known {
	uint64_t id; /* its sum */
	unsigned lines;
};

struct h5_postgresql {
	const struct h5_store_engine *self;
	struct h5_store_where where; /* its texts have to stay as long */
	const struct h5_store_where *w; /* that one */
	unsigned hooks;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t freed; /* a slot */
	struct h5_pg_slot slots[H5_PG_CONNECTIONS];
	atomic_bool unnamed; /* a pooler between forgets prepared statements */
	struct h5_engine_format format; /* as the last answer told */
	struct h5_pg_known *known;
	unsigned slot; /* of h5_seal: which row this process writes */
	char holder[64]; /* who we are, in leases and claims */
};

/* h5_state_make(w, hooks, out, e): the store without a connection.
 * H5_E_CONFIG: w names no database.
 * H5_E_IO: no random bytes.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_state_make(const struct h5_store_where *w,
    unsigned hooks, struct h5_postgresql **out, struct h5_err *e);
void h5_state_free(struct h5_postgresql *pg);
/* h5_state_hash(id): the first byte of its sum, which leads every key. */
int h5_state_hash(const char *id);

/* --- carrying out (run.c) --- */

/* h5_run(pg, s, values, until_ms, out, e): carry out one statement on some
 * connection by until_ms.  values: texts; NULL: the SQL NULL.  out: to be freed
 * by h5_wire_drop; set for H5_PG_DONE alone. */
enum h5_pg_outcome h5_run(struct h5_postgresql *pg,
    const struct h5_pg_statement *s, const char *const *values,
    int64_t until_ms, struct h5_wire_answer **out, struct h5_err *e);
/* h5_run_ask(pg, s, values, until_ms, out, e): the same for what may be asked
 * again: everything but H5_PG_DONE is an error in words of the store.
 * H5_E_BUSY: somebody was in the way until the end.
 * H5_E_IO: the database was not reached, or refused.
 * H5_E_CONFIG: it is not set up as it must be. */
H5_MUST_CHECK enum h5_code h5_run_ask(struct h5_postgresql *pg,
    const struct h5_pg_statement *s, const char *const *values,
    int64_t until_ms, struct h5_wire_answer **out, struct h5_err *e);
/* h5_run_text(n, out): n in decimal; returns out. */
const char *h5_run_text(int64_t n, char out[H5_PG_NUMBER]);

/* --- connections (connect.c) --- */

/* h5_connect_take(pg, until_ms, slot, e): a connection for one statement, made
 * if none is idle, to a server that takes writes.
 * H5_E_BUSY: all are in use until then.
 * H5_E_IO: no server was reached.
 * H5_E_CONFIG: the server is not one that may be believed. */
H5_MUST_CHECK enum h5_code h5_connect_take(struct h5_postgresql *pg,
    int64_t until_ms, struct h5_pg_slot **slot, struct h5_err *e);
/* h5_connect_give(pg, slot, good): it is not needed any more.  good: it can be
 * used again; otherwise it is closed, and with it all that are idle: after a
 * failover they lead to the same dead server. */
void h5_connect_give(
    struct h5_postgresql *pg, struct h5_pg_slot *slot, bool good);
/* h5_connect_close(pg): close what is connected; nothing is under way. */
void h5_connect_close(struct h5_postgresql *pg);

/* --- guards (guard.c) --- */

/* h5_guard(pg, conn, until_ms, timeline, e): may this new connection be
 * believed: does its server take writes, does it wait for the standbys that
 * store.replicas asks for, and is it no old primary that came back?  timeline:
 * gets the cluster and its timeline, or "".
 * H5_E_IO: it takes no writes, or came back.
 * H5_E_CONFIG: it does not wait for standbys. */
H5_MUST_CHECK enum h5_code h5_guard(struct h5_postgresql *pg,
    struct h5_wire *conn, int64_t until_ms, char timeline[H5_PG_TIMELINE],
    struct h5_err *e);
/* h5_guard_mark(pg, timeline, e): something is about to be committed on that
 * timeline: keep it in the local folder, durably.  Errors as h5_guard. */
H5_MUST_CHECK enum h5_code h5_guard_mark(
    struct h5_postgresql *pg, const char *timeline, struct h5_err *e);
/* h5_guard_accept(w, e): forget which timeline was written to. */
H5_MUST_CHECK enum h5_code h5_guard_accept(
    const struct h5_store_where *w, struct h5_err *e);
/* h5_guard_durable(pg, setting, e): is a commit durable whose server said this
 * of synchronous_commit?  H5_E_CONFIG: it is not. */
H5_MUST_CHECK enum h5_code h5_guard_durable(
    struct h5_postgresql *pg, const char *setting, struct h5_err *e);
/* h5_guard_folder(w, dir, e): open the local folder, and make it if there is
 * none. */
H5_MUST_CHECK enum h5_code h5_guard_folder(
    const struct h5_store_where *w, int *dir, struct h5_err *e);

/* --- what is durable (seal.c) --- */

bool h5_seal_sure(struct h5_postgresql *pg, const char *id, unsigned lines);
void h5_seal_learn(struct h5_postgresql *pg, const char *id, unsigned lines);
/* h5_seal(pg, until_ms, e): what this process saw in the database before is
 * durable after it: a commit of its own came later.  Errors as a write. */
H5_MUST_CHECK enum h5_code h5_seal(
    struct h5_postgresql *pg, int64_t until_ms, struct h5_err *e);

/* --- the functions of engine.h, by their names --- */

H5_MUST_CHECK enum h5_code h5_postgresql_begin(
    void *store, struct h5_engine_record *r, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_append(void *store,
    struct h5_engine_record *r, const struct h5_buf *unit,
    const struct h5_engine_facts *facts, void *hold, enum h5_engine_result *how,
    struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_seal(
    void *store, struct h5_engine_record *r, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_end(
    void *store, struct h5_engine_record *r, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_create(void *store, const char *id,
    const struct h5_buf *unit, const struct h5_engine_facts *facts,
    int64_t until_ms, enum h5_engine_result *how, struct h5_err *e);

/* A conversation: a row that runs out. */
struct h5_postgresql_hold {
	struct h5_postgresql *pg;
	char id[H5_ORDER_ID_MAX + 8];
	char fence[H5_PG_NUMBER];
};
H5_MUST_CHECK enum h5_code h5_postgresql_hold(void *store, const char *id,
    int wait_ms, int hold_ms, void **hold, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_renew(
    void *hold, int hold_ms, struct h5_err *e);
void h5_postgresql_release(void *hold);

H5_MUST_CHECK enum h5_code h5_postgresql_page(
    void *store, struct h5_engine_walk *w, struct h5_err *e);
void h5_postgresql_leave(void *store, struct h5_engine_walk *w);
H5_MUST_CHECK enum h5_code h5_postgresql_sizes(void *store,
    void (*tell)(void *arg, const char *id, uint64_t bytes), void *arg,
    struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_away(
    void *store, struct h5_engine_away *a, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_check(
    void *store, bool repair, struct h5_store_report *r, struct h5_err *e);

H5_MUST_CHECK enum h5_code h5_postgresql_format(
    void *store, struct h5_engine_format *f, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_raise(void *store,
    struct h5_engine_format *f, int64_t until_ms, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_swept(
    void *store, int64_t at, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_postgresql_swept_at(
    void *store, int64_t *at, int64_t *made_at, struct h5_err *e);
/* h5_meta_told_format(pg, text): an answer said that the store has this format.
 */
void h5_meta_told_format(struct h5_postgresql *pg, const char *text);

#endif
