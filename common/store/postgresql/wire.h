/* wire.h - one connection to one PostgreSQL server, and what goes over it.
 * Private to the plug-in; wire.c is its only file that knows libpq. */
#ifndef H5_STORE_POSTGRESQL_WIRE_H
#define H5_STORE_POSTGRESQL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/store/store.h"

/* --- servers -------------------------------------------------------------- */

struct h5_wire_servers; /* what store.database says */

/* h5_wire_servers(database, out, e): read it.  The environment decides
 * nothing: a variable that libpq would listen to is refused.
 * H5_E_CONFIG: it cannot be read, or such a variable is set.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wire_servers(
    const char *database, struct h5_wire_servers **out, struct h5_err *e);
void h5_wire_servers_free(struct h5_wire_servers *s);
/* How many there are, at least one; the port of the i-th, and whether it is on
 * this machine. */
int h5_wire_count(const struct h5_wire_servers *s);
unsigned h5_wire_port(const struct h5_wire_servers *s, int i);
bool h5_wire_nearby(const struct h5_wire_servers *s, int i);

/* --- a connection --------------------------------------------------------- */

struct h5_wire;

/* h5_wire_connect(w, s, i, until_ms, out, e): connect to the i-th server by
 * until_ms (h5_clock_mono_ms).
 * H5_E_CONFIG: it is elsewhere, and would not have to prove who it is.
 * H5_E_IO: it was not reached.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wire_connect(const struct h5_store_where *w,
    const struct h5_wire_servers *s, int i, int64_t until_ms,
    struct h5_wire **out, struct h5_err *e);
/* NULL does nothing. */
void h5_wire_close(struct h5_wire *c);
/* h5_wire_host(c): whom it leads to, for messages. */
const char *h5_wire_host(const struct h5_wire *c);

/* --- statements ----------------------------------------------------------- */

struct h5_wire_answer; /* rows of text */

/* What became of one exchange. */
struct h5_wire_result {
	bool sent; /* some of it may have arrived */
	bool warned; /* the server said WARNING */
	bool broken; /* the connection is of no use any more */
	bool good; /* answered, and not by a refusal; warned or not */
	char state[6]; /* SQLSTATE of a refusal, else "" */
	char words[160]; /* of the refusal or of the broken connection */
	struct h5_wire_answer *answer; /* if good: h5_wire_drop it */
};

/* Each blocks until until_ms at most.  What is given up on is never cancelled:
 * a cancel would turn "not on the standby yet" into success. */
/* h5_wire_prepare(c, name, sql, until_ms, r): give the statement a name. */
void h5_wire_prepare(struct h5_wire *c, const char *name, const char *sql,
    int64_t until_ms, struct h5_wire_result *r);
/* h5_wire_named(c, name, n, values, until_ms, r): carry it out by its name. */
void h5_wire_named(struct h5_wire *c, const char *name, int n,
    const char *const *values, int64_t until_ms, struct h5_wire_result *r);
/* h5_wire_query(c, sql, n, values, until_ms, r): carry it out once. */
void h5_wire_query(struct h5_wire *c, const char *sql, int n,
    const char *const *values, int64_t until_ms, struct h5_wire_result *r);

/* NULL does nothing. */
void h5_wire_drop(struct h5_wire_answer *a);
/* Values live as long as the answer; of what is NULL or not there, "". */
size_t h5_wire_rows(const struct h5_wire_answer *a);
const char *h5_wire_value(
    const struct h5_wire_answer *a, size_t row, int column);
size_t h5_wire_length(const struct h5_wire_answer *a, size_t row, int column);
bool h5_wire_null(const struct h5_wire_answer *a, size_t row, int column);
int64_t h5_wire_number(const struct h5_wire_answer *a, size_t row, int column);

#endif
