/* Holds conversations: a row that runs out, with a number that grows each time
 * somebody takes it.  The database's clock decides, never ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgresql/pg.h"

#define CALL_MS 2000 /* for one statement */

static const struct h5_pg_statement take = {"h5_take",
    "INSERT INTO h5_lease AS l (h, id, fence, holder, until)"
    " VALUES ($1::smallint, $2::text, 1, $3::text,"
    " now() + $4::bigint * interval '1 millisecond')"
    " ON CONFLICT (h, id) DO UPDATE SET fence = l.fence + 1,"
    " holder = excluded.holder, until = excluded.until"
    " WHERE l.until < now() RETURNING fence",
    4, 6, true};
/* Never removed while it may be used, because the number has to grow. */
static const struct h5_pg_statement renew = {"h5_renew",
    "UPDATE h5_lease SET until = now() + $4::bigint * interval '1 millisecond'"
    " WHERE h = $1::smallint AND id = $2::text AND fence = $3::bigint"
    " AND until > now() RETURNING 1",
    4, 7, true};
static const struct h5_pg_statement release = {"h5_release",
    "UPDATE h5_lease SET until = now() - interval '1 second'"
    " WHERE h = $1::smallint AND id = $2::text AND fence = $3::bigint",
    3, 8, true};

/* One try.  *got: it is ours. */
static enum h5_code
try_take(struct h5_postgresql_hold *hold, int hold_ms, int64_t until_ms,
    bool *got, struct h5_err *e)
{
	char hash[H5_PG_NUMBER], ms[H5_PG_NUMBER];
	const char *values[] = {h5_run_text(h5_state_hash(hold->id), hash),
	    hold->id, hold->pg->holder, h5_run_text(hold_ms, ms)};
	struct h5_wire_answer *a;
	enum h5_pg_outcome how;
	struct h5_err why;

	*got = false;
	how = h5_run(hold->pg, &take, values, until_ms, &a, &why);
	if (how == H5_PG_DONE) {
		*got = h5_wire_rows(a) == 1;
		(void)snprintf(hold->fence, sizeof hold->fence, "%s",
		    h5_wire_value(a, 0, 0));
		h5_wire_drop(a);
		return H5_OK;
	}
	/* Taken without our knowing is not taken: it runs out by itself. */
	if (how == H5_PG_FAILED || how == H5_PG_UNKNOWN)
		return h5_err_pass(e, &why);
	return H5_OK;
}

enum h5_code
h5_postgresql_hold(void *store, const char *id, int wait_ms, int hold_ms,
    void **hold, struct h5_err *e)
{
	int64_t now = h5_clock_mono_ms(), until = now + wait_ms;
	struct h5_postgresql_hold *h;
	bool got = false;
	struct h5_err why;
	enum h5_code rc;
	int pause = 50;

	h = calloc(1, sizeof *h);
	if (h == NULL)
		return h5_err_nomem(e);
	h->pg = store;
	(void)snprintf(h->id, sizeof h->id, "%s", id);
	h5_err_clear(&why);
	for (;;) {
		rc = try_take(
		    h, hold_ms, h5_clock_mono_ms() + CALL_MS, &got, &why);
		now = h5_clock_mono_ms();
		if (rc != H5_OK || got || now >= until)
			break;
		h5_clock_pause_ms(
		    pause < until - now ? pause : (int)(until - now));
		pause = pause < 200 ? pause * 2 : 200;
	}
	if (rc == H5_OK && !got)
		rc = h5_err_set(&why, H5_E_BUSY, "%s is held", id);
	if (rc == H5_OK)
		*hold = h;
	else
		free(h);
	return rc == H5_OK ? rc : h5_err_pass(e, &why);
}

enum h5_code
h5_postgresql_renew(void *hold, int hold_ms, struct h5_err *e)
{
	char hash[H5_PG_NUMBER], ms[H5_PG_NUMBER];
	struct h5_postgresql_hold *h = hold;
	const char *values[] = {h5_run_text(h5_state_hash(h->id), hash), h->id,
	    h->fence, h5_run_text(hold_ms, ms)};
	struct h5_wire_answer *a;
	enum h5_code rc;
	bool ours;

	rc = h5_run_ask(
	    h->pg, &renew, values, h5_clock_mono_ms() + CALL_MS, &a, e);
	if (rc != H5_OK)
		return rc;
	ours = h5_wire_rows(a) == 1;
	h5_wire_drop(a);
	if (!ours)
		return h5_err_set(
		    e, H5_E_BUSY, "the conversation about %s was lost", h->id);
	return H5_OK;
}

void
h5_postgresql_release(void *hold)
{
	char hash[H5_PG_NUMBER];
	struct h5_postgresql_hold *h = hold;
	const char *values[] = {
	    h5_run_text(h5_state_hash(h->id), hash), h->id, h->fence};
	struct h5_wire_answer *a = NULL;
	enum h5_pg_outcome how;

	/* What cannot be said now runs out by itself. */
	how = h5_run(
	    h->pg, &release, values, h5_clock_mono_ms() + CALL_MS, &a, NULL);
	if (how == H5_PG_DONE)
		h5_wire_drop(a);
	free(h);
}
