/* The engine of PostgreSQL where the tests ask for files: each folder is a
 * schema of the database that H5PAY_TEST_DATABASE names. */
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/sum.h"
#include "common/store/postgresql/engine.h"
#include "common/store/postgresql/pg.h"
#include "common/store/postgresql/schema.h"

#define REAL (&h5_store_postgresql)
#define PLACES 512

/* A folder's database lives as long as the test. */
static struct place {
	char dir[256], database[768];
	char schema[32];
	struct h5_store_where w;
} places[PLACES];
static size_t n_places;

static struct place *
place_of(const struct h5_store_where *w)
{
	const char *base = getenv("H5PAY_TEST_DATABASE");
	char schema[sizeof places->schema];
	struct place *p;
	size_t i;

	for (i = 0; i < n_places; i++)
		if (strcmp(places[i].dir, w->dir) == 0)
			return &places[i];
	if (base == NULL || n_places == PLACES) {
		(void)fputs(
		    "no H5PAY_TEST_DATABASE, or too many folders\n", stderr);
		abort();
	}
	p = &places[n_places++];
	(void)snprintf(p->dir, sizeof p->dir, "%s", w->dir);
	(void)snprintf(schema, sizeof schema, "s_%016llx",
	    (unsigned long long)h5_sum_64(w->dir, strlen(w->dir), 0));
	memcpy(p->schema, schema, sizeof schema);
	(void)snprintf(p->database, sizeof p->database,
	    "%s options='-csearch_path=%s'", base, schema);
	p->w = *w;
	p->w.dir = p->dir;
	p->w.database = p->database;
	p->w.connections = 8;
	p->w.query_gap_s = 3;
	return p;
}

static bool
tell(const char *sql, bool rows)
{
	PGconn *c = PQconnectdb(getenv("H5PAY_TEST_DATABASE"));
	PGresult *r = PQexec(c, sql);
	bool good =
	    PQresultStatus(r) == (rows ? PGRES_TUPLES_OK : PGRES_COMMAND_OK) &&
	    (!rows || PQntuples(r) > 0);

	PQclear(r);
	PQfinish(c);
	return good;
}

static bool
there(const struct h5_store_where *w)
{
	char sql[128];

	(void)snprintf(sql, sizeof sql,
	    "SELECT 1 FROM pg_namespace WHERE nspname = '%s'",
	    place_of(w)->schema);
	return tell(sql, true);
}

static enum h5_code
open_store(const struct h5_store_where *w, unsigned hooks, void **store,
    struct h5_err *e)
{
	struct place *p = place_of(w);
	enum h5_code rc = H5_OK;
	char sql[128];

	if (!there(w)) {
		(void)snprintf(sql, sizeof sql, "CREATE SCHEMA %s", p->schema);
		(void)tell(sql, false);
		rc = h5_schema_make(&p->w, false, e);
	}
	return rc == H5_OK ? REAL->open(&p->w, hooks, store, e) : rc;
}

static enum h5_code
probe(const struct h5_store_where *w, struct h5_err *e)
{
	return REAL->probe(&place_of(w)->w, e);
}

static enum h5_code
peek(const struct h5_store_where *w, struct h5_engine_format *f,
    struct h5_err *e)
{
	return REAL->peek(&place_of(w)->w, f, e);
}

static void
local(const struct h5_store_where *w, struct h5_store_place *out)
{
	REAL->local(w, out);
}

static void
close_store(void *store)
{
	REAL->close(store);
}

/* In the place of the files'; everything that has no folder is the engine's
 * own. */
const struct h5_store_engine h5_store_files = {
    .name = "postgresql",
    .files_due = true,
    .there = there,
    .probe = probe,
    .peek = peek,
    .local = local,
    .open = open_store,
    .close = close_store,
    .format = h5_postgresql_format,
    .raise = h5_postgresql_raise,
    .begin = h5_postgresql_begin,
    .append = h5_postgresql_append,
    .seal = h5_postgresql_seal,
    .end = h5_postgresql_end,
    .create = h5_postgresql_create,
    .hold = h5_postgresql_hold,
    .renew = h5_postgresql_renew,
    .release = h5_postgresql_release,
    .page = h5_postgresql_page,
    .leave = h5_postgresql_leave,
    .swept = h5_postgresql_swept,
    .swept_at = h5_postgresql_swept_at,
    .away = h5_postgresql_away,
    .sizes = h5_postgresql_sizes,
    .check = h5_postgresql_check,
};
