/* The tables, and making them: statement by statement, since not every database
 * takes them in one transaction. */
#include "common/store/postgresql/schema.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"

/* A step of making the store. */
static const char *const steps[] = {
    "CREATE TABLE IF NOT EXISTS h5_meta (k text PRIMARY KEY, v text NOT NULL)",
    /* Written once.  m: months since January 2000, by which h5_unit can be
     * partitioned. */
    "CREATE TABLE IF NOT EXISTS h5_order (h smallint NOT NULL,"
    " id text NOT NULL, m smallint NOT NULL, created_at bigint NOT NULL,"
    " PRIMARY KEY (h, id))",
    "CREATE INDEX IF NOT EXISTS h5_order_by_time"
    " ON h5_order (created_at, id)",
    /* The truth: a row a unit, the lines of the ledger as they are. */
    "CREATE TABLE IF NOT EXISTS h5_unit (m smallint NOT NULL,"
    " h smallint NOT NULL, id text NOT NULL, n int NOT NULL,"
    " lines text NOT NULL, w bigint NOT NULL, PRIMARY KEY (h, id, n, m))",
    /* A row while an order is not at rest. */
    "CREATE TABLE IF NOT EXISTS h5_due (h smallint NOT NULL,"
    " id text NOT NULL, due_at bigint NOT NULL, taken_by text,"
    " taken_until timestamptz, PRIMARY KEY (h, id))",
    "CREATE INDEX IF NOT EXISTS h5_due_by_time ON h5_due (due_at, h, id)",
    "CREATE TABLE IF NOT EXISTS h5_lease (h smallint NOT NULL,"
    " id text NOT NULL, fence bigint NOT NULL, holder text NOT NULL,"
    " until timestamptz NOT NULL, PRIMARY KEY (h, id))",
    /* A row while an order is put away. */
    "CREATE TABLE IF NOT EXISTS h5_away (h smallint NOT NULL,"
    " id text NOT NULL, PRIMARY KEY (h, id))",
    "CREATE TABLE IF NOT EXISTS h5_seal (slot int PRIMARY KEY,"
    " at timestamptz NOT NULL)",
    "INSERT INTO h5_meta (k, v) VALUES ('engine', 'h5pay postgresql 1')"
    " ON CONFLICT (k) DO NOTHING",
    "INSERT INTO h5_meta (k, v) VALUES ('hooks', '0')"
    " ON CONFLICT (k) DO NOTHING",
    "INSERT INTO h5_meta (k, v) VALUES ('made_at',"
    " floor(extract(epoch FROM now()))::bigint::text)"
    " ON CONFLICT (k) DO NOTHING",
    "INSERT INTO h5_meta (k, v) VALUES ('format_by', '')"
    " ON CONFLICT (k) DO NOTHING",
    /* Last: where it stands, all the rest does. */
    "INSERT INTO h5_meta (k, v) VALUES ('format', '1')"
    " ON CONFLICT (k) DO NOTHING"};

/* What the role that the programs use should have; a pooler forbids SET. */
static const char role[] =
    "-- For the role that h5pay uses (its name for h5pay):\n"
    "-- ALTER ROLE h5pay SET synchronous_commit = 'on';\n"
    "-- ALTER ROLE h5pay SET default_transaction_isolation ="
    " 'read committed';\n"
    "-- ALTER ROLE h5pay SET statement_timeout = '3s';\n"
    "-- ALTER ROLE h5pay SET lock_timeout = '2s';\n"
    "-- ALTER ROLE h5pay SET idle_in_transaction_session_timeout = '5s';\n"
    "-- The database needs a bytewise collation: CREATE DATABASE h5pay\n"
    "-- TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';\n";

void
h5_schema_print(struct h5_buf *out)
{
	size_t i;

	h5_buf_puts(out, role);
	for (i = 0; i < H5_LENGTH(steps); i++)
		h5_buf_printf(out, "%s;\n", steps[i]);
}

/* Ids are compared as bytes, here and there. */
static enum h5_code
collation(struct h5_postgresql *pg, int64_t until_ms, struct h5_err *e)
{
	static const struct h5_pg_statement ask = {"h5_collation",
	    "SELECT 'B'::text < 'a'::text,"
	    " current_setting('server_encoding')",
	    0, 24, false};
	struct h5_wire_answer *a;
	enum h5_code rc;

	rc = h5_run_ask(pg, &ask, NULL, until_ms, &a, e);
	if (rc != H5_OK)
		return rc;
	if (strcmp(h5_wire_value(a, 0, 0), "t") != 0)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "the database does not sort by bytes: make it with "
		    "LC_COLLATE 'C' (h5pay store init --print says how)");
	else if (strcmp(h5_wire_value(a, 0, 1), "UTF8") != 0)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "the database's encoding is %s: make it with UTF8",
		    h5_wire_value(a, 0, 1));
	h5_wire_drop(a);
	return rc;
}

enum h5_code
h5_schema_make(const struct h5_store_where *w, bool accept, struct h5_err *e)
{
	struct h5_pg_statement s = {"", NULL, 0, 25, true};
	int64_t until = h5_clock_mono_ms() + 10000;
	struct h5_wire_answer *a;
	enum h5_code rc = H5_OK;
	struct h5_postgresql *pg;
	size_t i;

	if (accept)
		rc = h5_guard_accept(w, e);
	if (rc == H5_OK)
		rc = h5_state_make(w, 0, &pg, e);
	if (rc != H5_OK)
		return rc;
	/* Each is sent once, so preparing it would be a detour. */
	pg->unnamed = true;
	rc = collation(pg, until, e);
	for (i = 0; rc == H5_OK && i < H5_LENGTH(steps); i++) {
		s.sql = steps[i];
		rc = h5_run_ask(pg, &s, NULL, until, &a, e);
		if (rc == H5_OK)
			h5_wire_drop(a);
	}
	h5_state_free(pg);
	return rc;
}
