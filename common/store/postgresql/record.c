/* Reads, appends to and creates one order's record: a row a unit, whose number
 * is the number of its first line.  Two writers want the same number, and the
 * primary key lets one of them have it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/order/due.h"
#include "common/order/since.h"
#include "common/store/postgresql/pg.h"
#include "common/system/crypto.h"

static const struct h5_pg_statement load = {"h5_load",
    "SELECT u.lines, (SELECT v FROM h5_meta WHERE k = 'format')"
    " FROM h5_unit u WHERE u.h = $1::smallint AND u.id = $2::text"
    " AND u.m = (SELECT o.m FROM h5_order o"
    " WHERE o.h = $1::smallint AND o.id = $2::text) ORDER BY u.n",
    2, 1, false};

/* The unit's row is the truth.  That there is work for the order is written by
 * the same statement, so that no crash leaves the one without the other. */
#define META "WITH g AS (SELECT v AS format FROM h5_meta WHERE k = 'format'), "
#define TOLD                                                                   \
	" SELECT (SELECT count(*) FROM i),"                                    \
	" current_setting('synchronous_commit'), g.format"

static const struct h5_pg_statement create = {"h5_create",
    META "i AS (INSERT INTO h5_order (h, id, m, created_at)"
	 " SELECT $1::smallint, $2::text, $3::smallint, $4::bigint FROM g"
	 " WHERE g.format::int <= $8::int"
	 " ON CONFLICT DO NOTHING RETURNING 1), "
	 "u AS (INSERT INTO h5_unit (m, h, id, n, lines, w)"
	 " SELECT $3::smallint, $1::smallint, $2::text, 1, $5::text, $7::bigint"
	 " FROM i RETURNING 1), "
	 "d AS (INSERT INTO h5_due (h, id, due_at)"
	 " SELECT $1::smallint, $2::text, $6::bigint FROM i"
	 " WHERE $6::bigint IS NOT NULL RETURNING 1)" TOLD " FROM g",
    8, 2, true};

#define FENCE                                                                  \
	"f AS (SELECT $9::text IS NULL OR EXISTS (SELECT 1 FROM h5_lease"      \
	" WHERE h = $10::smallint AND id = $9::text"                           \
	" AND fence = $11::bigint AND until > now()) AS held), "
#define INSERT_UNIT                                                            \
	"i AS (INSERT INTO h5_unit (m, h, id, n, lines, w)"                    \
	" SELECT $3::smallint, $1::smallint, $2::text, $4::int, $5::text,"     \
	" $7::bigint FROM g, f WHERE f.held"                                   \
	" AND g.format::int <= $8::int"                                        \
	" ON CONFLICT DO NOTHING RETURNING 1), "

/* What was put away comes back with the unit. */
#define BACK                                                                   \
	"b AS (DELETE FROM h5_away WHERE h = $1::smallint AND id = $2::text"   \
	" AND EXISTS (SELECT 1 FROM i) RETURNING 1), "

static const struct h5_pg_statement append_due = {"h5_append",
    META FENCE INSERT_UNIT BACK
    "d AS (INSERT INTO h5_due (h, id, due_at)"
    " SELECT $1::smallint, $2::text, $6::bigint FROM i"
    " ON CONFLICT (h, id) DO UPDATE SET due_at = excluded.due_at,"
    " taken_by = NULL, taken_until = NULL RETURNING 1)" TOLD
    ", f.held FROM g, f",
    11, 3, true};
static const struct h5_pg_statement append_rest = {"h5_append_rest",
    META FENCE INSERT_UNIT BACK
    "d AS (DELETE FROM h5_due WHERE h = $1::smallint AND id = $2::text"
    " AND $6::bigint IS NULL AND EXISTS (SELECT 1 FROM i) RETURNING 1)" TOLD
    ", f.held FROM g, f",
    11, 4, true};

static const struct h5_pg_statement whose = {"h5_whose",
    "SELECT w FROM h5_unit WHERE h = $1::smallint AND id = $2::text"
    " AND n = $3::int",
    3, 5, false};

/* --- reading -------------------------------------------------------------- */

enum h5_code
h5_postgresql_begin(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	char hash[H5_PG_NUMBER];
	const char *values[] = {h5_run_text(h5_state_hash(r->id), hash), r->id};
	struct h5_postgresql *pg = store;
	struct h5_wire_answer *a;
	enum h5_code rc;
	size_t i, n;

	rc = h5_run_ask(pg, &load, values, r->until_ms, &a, e);
	if (rc != H5_OK)
		return rc;
	n = h5_wire_rows(a);
	for (i = 0; i < n; i++)
		h5_buf_add(
		    &r->bytes, h5_wire_value(a, i, 0), h5_wire_length(a, i, 0));
	/* Of the same moment as the record, so it is as new as what is in it.
	 */
	if (n > 0)
		h5_meta_told_format(pg, h5_wire_value(a, 0, 1));
	h5_wire_drop(a);
	if (n == 0)
		return h5_err_set(e, H5_E_NOTFOUND, "no order %s", r->id);
	return h5_buf_finish(&r->bytes, e);
}

enum h5_code
h5_postgresql_end(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	/* Nothing is held between two statements. */
	(void)store;
	(void)r;
	(void)e;
	return H5_OK;
}

enum h5_code
h5_postgresql_seal(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	struct h5_postgresql *pg = store;
	enum h5_code rc;

	if (h5_seal_sure(pg, r->id, r->lines))
		return H5_OK;
	rc = h5_seal(pg, r->until_ms, e);
	if (rc == H5_OK)
		h5_seal_learn(pg, r->id, r->lines);
	return rc;
}

/* --- writing -------------------------------------------------------------- */

/* One unit on its way. */
struct writing {
	struct h5_postgresql *pg;
	const struct h5_pg_statement *s;
	const char *id;
	unsigned n; /* of the unit's first line */
	int64_t until_ms;
	const char *values[H5_PG_VALUES];
	char hash[H5_PG_NUMBER], month[H5_PG_NUMBER], made[H5_PG_NUMBER],
	    number[H5_PG_NUMBER], due[H5_PG_NUMBER], mark[H5_PG_NUMBER],
	    newest[H5_PG_NUMBER], hold_hash[H5_PG_NUMBER];
};

/* Months since January 2000, in Beijing. */
static int
month_of(int64_t at)
{
	char day[H5_CLOCK_DAY];
	long year, month;

	h5_clock_day(at, day);
	year = strtol(day, NULL, 10);
	month = strtol(day + 5, NULL, 10);
	return (int)((year - 2000) * 12 + month - 1);
}

static enum h5_code
prepare(struct writing *w, const struct h5_buf *unit,
    const struct h5_engine_facts *facts, struct h5_err *e)
{
	uint64_t mark;
	enum h5_code rc;

	/* By this number our own row is told from another's. */
	rc = h5_crypto_random(&mark, sizeof mark, e);
	if (rc != H5_OK)
		return rc;
	(void)h5_run_text((int64_t)(mark >> 1), w->mark);
	w->values[0] = h5_run_text(h5_state_hash(w->id), w->hash);
	w->values[1] = w->id;
	w->values[2] = h5_run_text(month_of(facts->created_at), w->month);
	w->values[4] = unit->data;
	w->values[5] = facts->due_at == H5_DUE_NEVER
			   ? NULL
			   : h5_run_text(facts->due_at, w->due);
	w->values[6] = w->mark;
	w->values[7] = h5_run_text(h5_since_newest(), w->newest);
	return H5_OK;
}

/* Whose is the unit that has our number?  *mine, *taken. */
static enum h5_code
find_out(struct writing *w, bool *mine, bool *taken, struct h5_err *e)
{
	const char *values[] = {w->hash, w->id, h5_run_text(w->n, w->number)};
	struct h5_wire_answer *a;
	enum h5_code rc;

	rc = h5_run_ask(w->pg, &whose, values, w->until_ms, &a, e);
	if (rc != H5_OK)
		return h5_err_as(e, H5_E_IO);
	*taken = h5_wire_rows(a) > 0;
	*mine = *taken && strcmp(h5_wire_value(a, 0, 0), w->mark) == 0;
	h5_wire_drop(a);
	return H5_OK;
}

/* The statement was carried out: what did it do? */
static enum h5_code
look_at(struct writing *w, const struct h5_wire_answer *a,
    enum h5_engine_result *how, struct h5_err *e)
{
	h5_meta_told_format(w->pg, h5_wire_value(a, 0, 2));
	if (strcmp(h5_wire_value(a, 0, 0), "1") == 0) {
		*how = H5_ENGINE_DONE;
		return h5_guard_durable(w->pg, h5_wire_value(a, 0, 1), e);
	}
	*how = H5_ENGINE_CONFLICT;
	if (h5_wire_number(a, 0, 2) > h5_since_newest())
		return h5_err_set(e, H5_E_CONFIG,
		    "the store has a newer format than this program knows, or "
		    "was "
		    "moved away");
	if (strcmp(h5_wire_value(a, 0, 3), "f") == 0)
		return h5_err_set(e, H5_E_BUSY,
		    "the conversation about order %s was lost", w->id);
	return H5_OK;
}

/* Until it is known what became of the unit.  At most one of our attempts can
 * win, since they want one number. */
static enum h5_code
write_unit(struct writing *w, enum h5_engine_result *how, struct h5_err *e)
{
	bool unsure = false, mine, taken;
	enum h5_pg_outcome outcome;
	struct h5_err why;
	struct h5_wire_answer *a;
	enum h5_code rc;

	for (;;) {
		outcome = h5_run(w->pg, w->s, w->values, w->until_ms, &a, &why);
		if (outcome == H5_PG_DONE) {
			rc = look_at(w, a, how, e);
			h5_wire_drop(a);
			if (rc != H5_OK || *how == H5_ENGINE_DONE || !unsure)
				return rc;
		} else if (outcome == H5_PG_AGAIN && !unsure) {
			*how = H5_ENGINE_CONFLICT;
			return H5_OK;
		} else if (outcome == H5_PG_FAILED && !unsure) {
			return h5_err_pass(e, &why);
		}
		unsure = true;
		if (h5_clock_mono_ms() >= w->until_ms)
			return h5_err_set(e, H5_E_IO,
			    "it is not known whether the database wrote it");
		rc = find_out(w, &mine, &taken, e);
		if (rc == H5_OK && mine)
			rc = h5_seal(w->pg, w->until_ms, e);
		*how = mine ? H5_ENGINE_DONE : H5_ENGINE_CONFLICT;
		if (rc != H5_OK || taken)
			return rc == H5_E_BUSY ? h5_err_as(e, H5_E_IO) : rc;
	}
}

enum h5_code
h5_postgresql_append(void *store, struct h5_engine_record *r,
    const struct h5_buf *unit, const struct h5_engine_facts *facts, void *hold,
    enum h5_engine_result *how, struct h5_err *e)
{
	const struct h5_postgresql_hold *held = hold;
	struct writing w = {.pg = store, .id = r->id};
	struct h5_err why;
	enum h5_code rc;

	h5_err_clear(&why);
	w.n = r->lines + 1;
	w.until_ms = r->until_ms;
	w.s = facts->due_at == H5_DUE_NEVER ? &append_rest : &append_due;
	rc = prepare(&w, unit, facts, &why);
	w.values[3] = h5_run_text(w.n, w.made);
	if (held != NULL) {
		w.values[8] = held->id;
		w.values[9] = h5_run_text(h5_state_hash(held->id), w.hold_hash);
		w.values[10] = held->fence;
	}
	if (rc == H5_OK)
		rc = write_unit(&w, how, &why);
	if (rc == H5_OK && *how == H5_ENGINE_DONE)
		h5_seal_learn(w.pg, r->id, r->lines + facts->lines);
	return rc == H5_OK ? rc : h5_err_pass(e, &why);
}

enum h5_code
h5_postgresql_create(void *store, const char *id, const struct h5_buf *unit,
    const struct h5_engine_facts *facts, int64_t until_ms,
    enum h5_engine_result *how, struct h5_err *e)
{
	struct writing w = {.pg = store, .s = &create, .id = id};
	struct h5_err why;
	enum h5_code rc;

	h5_err_clear(&why);
	w.n = 1;
	w.until_ms = until_ms;
	rc = prepare(&w, unit, facts, &why);
	w.values[3] = h5_run_text(facts->created_at, w.made);
	if (rc == H5_OK)
		rc = write_unit(&w, how, &why);
	if (rc == H5_OK && *how == H5_ENGINE_DONE)
		h5_seal_learn(w.pg, id, facts->lines);
	return rc == H5_OK ? rc : h5_err_pass(e, &why);
}
