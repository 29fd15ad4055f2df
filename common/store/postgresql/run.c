/* Carries out one statement on some connection, and says what became of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgresql/pg.h"

const char *
h5_run_text(int64_t n, char out[H5_PG_NUMBER])
{
	(void)snprintf(out, H5_PG_NUMBER, "%" PRId64, n);
	return out;
}

static bool
among(const char *state, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(state, *list) == 0)
			return true;
	return false;
}

/* Somebody was in the way: serialization_failure, deadlock_detected,
 * lock_not_available, query_canceled before the commit, a unique key that
 * somebody else's statement had under way. */
static const char *const in_the_way[] = {
    "40001", "40P01", "55P03", "57014", "23505", NULL};
/* The server is going, or only reads: another one is to be found. */
static const char *const going[] = {"25006", "57P01", "57P02", "57P03", NULL};
/* Whether it was carried out is not known, whatever the server says. */
static const char *const unsure[] = {"40003", "57P01", "57P02", NULL};
/* A pooler hands each transaction to another connection, where names of
 * statements mean nothing. */
static const char *const forgotten[] = {"26000", "42P05", NULL};

static enum h5_pg_outcome
refused(const struct h5_wire_result *r, struct h5_err *e)
{
	bool no_table = strcmp(r->state, "42P01") == 0;
	bool ours = no_table || strcmp(r->state, "42501") == 0 ||
		    strncmp(r->state, "28", 2) == 0;

	(void)h5_err_set(e, ours ? H5_E_CONFIG : H5_E_IO,
	    "the database refuses: %s (%s)%s", r->words, r->state,
	    no_table ? "; run h5pay store init" : "");
	return H5_PG_FAILED;
}

/* Reads what became of the statement off its exchange. */
static enum h5_pg_outcome
outcome(
    struct h5_wire_result *r, const struct h5_pg_statement *s, struct h5_err *e)
{
	if (r->good && !(r->warned && s->writes))
		return H5_PG_DONE;
	if (s->writes && r->sent &&
	    (r->broken || r->warned || among(r->state, unsure))) {
		(void)h5_err_set(e, H5_E_IO,
		    "the database did not say whether it was written: %s %s",
		    r->words, r->state);
		r->broken = true;
		return H5_PG_UNKNOWN;
	}
	if (among(r->state, in_the_way)) {
		(void)h5_err_set(e, H5_E_BUSY,
		    "other programs are at work in the database (%s)",
		    r->state);
		return H5_PG_AGAIN;
	}
	if (r->broken || among(r->state, going)) {
		r->broken = true;
		(void)h5_err_set(e, H5_E_IO,
		    "the connection to the database was lost: %s %s", r->words,
		    r->state);
		return H5_PG_AGAIN;
	}
	if (r->state[0] == '\0') {
		(void)h5_err_nomem(e);
		return s->writes ? H5_PG_UNKNOWN : H5_PG_FAILED;
	}
	return refused(r, e);
}

static void
exchange(struct h5_postgresql *pg, struct h5_pg_slot *slot,
    const struct h5_pg_statement *s, const char *const *values,
    int64_t until_ms, struct h5_wire_result *r)
{
	uint32_t bit = (uint32_t)1 << s->bit;
	bool named = !pg->unnamed && !pg->w->pooler;

	if (named && (slot->prepared & bit) == 0) {
		h5_wire_prepare(slot->conn, s->name, s->sql, until_ms, r);
		if (r->good)
			slot->prepared |= bit;
	}
	if (named && (slot->prepared & bit) != 0)
		h5_wire_named(slot->conn, s->name, s->n, values, until_ms, r);
	if (named && (r->broken || !among(r->state, forgotten)))
		return;
	/* From now on nothing is prepared in this process. */
	if (named)
		pg->unnamed = true;
	h5_wire_query(slot->conn, s->sql, s->n, values, until_ms, r);
}

enum h5_pg_outcome
h5_run(struct h5_postgresql *pg, const struct h5_pg_statement *s,
    const char *const *values, int64_t until_ms, struct h5_wire_answer **out,
    struct h5_err *e)
{
	struct h5_wire_result r;
	enum h5_pg_outcome how;
	struct h5_pg_slot *slot;

	*out = NULL;
	if (h5_connect_take(pg, until_ms, &slot, e) != H5_OK)
		return H5_PG_FAILED;
	if (s->writes && !slot->marked) {
		if (h5_guard_mark(pg, slot->timeline, e) != H5_OK) {
			h5_connect_give(pg, slot, false);
			return H5_PG_FAILED;
		}
		slot->marked = true;
	}
	exchange(pg, slot, s, values, until_ms, &r);
	how = outcome(&r, s, e);
	if (how == H5_PG_DONE)
		*out = r.answer;
	else
		h5_wire_drop(r.answer);
	h5_connect_give(pg, slot, !r.broken);
	return how;
}

enum h5_code
h5_run_ask(struct h5_postgresql *pg, const struct h5_pg_statement *s,
    const char *const *values, int64_t until_ms, struct h5_wire_answer **out,
    struct h5_err *e)
{
	enum h5_pg_outcome how;
	struct h5_err why;

	for (;;) {
		h5_err_clear(&why);
		how = h5_run(pg, s, values, until_ms, out, &why);
		if (how == H5_PG_DONE)
			return H5_OK;
		if (how == H5_PG_FAILED || h5_clock_mono_ms() >= until_ms)
			return h5_err_pass(e, &why);
		h5_clock_pause_ms(10);
	}
}
