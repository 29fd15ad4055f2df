/* Names the ids of a walk, a page of a table at a time.  No connection is held
 * between two pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgresql/derive.h"
#include "common/store/postgresql/pg.h"

#define PAGE 256
#define PAGE_TEXT "256"
#define CLAIM_TEXT "32"

static const struct h5_pg_statement created = {"h5_created",
    "SELECT id, created_at FROM h5_order WHERE created_at >= $1::bigint"
    " AND created_at < $2::bigint AND (created_at, id) > ($3::bigint, $4::text)"
    " ORDER BY created_at, id LIMIT " PAGE_TEXT,
    4, 9, false};
static const struct h5_pg_statement open_ones = {"h5_open",
    "SELECT id, h FROM h5_due WHERE (h, id) > ($1::smallint, $2::text)"
    " ORDER BY h, id LIMIT " PAGE_TEXT,
    2, 10, false};
/* A claim that was lost costs a delay and nothing else.  Each page goes on
 * behind the one before, so that no order comes twice. */
static const struct h5_pg_statement claim = {"h5_claim",
    "UPDATE h5_due d SET taken_by = $3::text,"
    " taken_until = now() + $2::bigint * interval '1 millisecond'"
    " FROM (SELECT h, id FROM h5_due WHERE due_at <= $1::bigint"
    " AND (due_at, h, id) > ($4::bigint, $5::smallint, $6::text)"
    " AND (taken_until IS NULL OR taken_until < now())"
    " ORDER BY due_at, h, id LIMIT " CLAIM_TEXT " FOR UPDATE SKIP LOCKED) x"
    " WHERE d.h = x.h AND d.id = x.id RETURNING d.id, d.due_at, d.h",
    6, 11, true};

static const struct h5_pg_statement sizes = {"h5_sizes",
    "SELECT h, id, sum(octet_length(lines)) FROM h5_unit"
    " WHERE (h, id) > ($1::smallint, $2::text) AND h = $3::smallint"
    " GROUP BY h, id ORDER BY h, id LIMIT 4096",
    3, 28, false};

/* A walk between two pages. */
struct walking {
	char ids[PAGE][H5_ORDER_ID_MAX + 1];
	char last_id[H5_ORDER_ID_MAX + 1]; /* the last one named */
	int64_t last; /* with this time, or hash */
	int last_hash; /* of DUE, beside the time */
	bool over;
};

static enum h5_code
start(struct h5_postgresql *pg, struct h5_engine_walk *w, struct h5_err *e)
{
	struct walking *own = calloc(1, sizeof *own);

	if (own == NULL)
		return h5_err_nomem(e);
	own->last = w->kind == H5_ENGINE_OPEN ? -1 : INT64_MIN;
	own->last_hash = -1;
	w->own = own;
	/* Orders may be told to the shop that were at rest without a hook. */
	return w->kind == H5_ENGINE_CREATED ? H5_OK : h5_derive_hooks(pg, e);
}

static enum h5_code
ask(struct h5_postgresql *pg, struct h5_engine_walk *w,
    struct h5_wire_answer **a, struct h5_err *e)
{
	char one[H5_PG_NUMBER], two[H5_PG_NUMBER], three[H5_PG_NUMBER];
	int64_t until = h5_clock_mono_ms() + pg->w->budget_ms;
	struct walking *own = w->own;
	char four[H5_PG_NUMBER];
	const char *values[6];

	if (w->kind == H5_ENGINE_CREATED) {
		values[0] = h5_run_text(w->since, one);
		values[1] =
		    h5_run_text(w->until > 0 ? w->until : INT64_MAX, two);
		values[2] = h5_run_text(own->last, three);
		values[3] = own->last_id;
		return h5_run_ask(pg, &created, values, until, a, e);
	}
	if (w->kind == H5_ENGINE_OPEN) {
		values[0] = h5_run_text(own->last, one);
		values[1] = own->last_id;
		return h5_run_ask(pg, &open_ones, values, until, a, e);
	}
	values[0] = h5_run_text(w->now, one);
	values[1] = h5_run_text(w->claim_ms, two);
	values[2] = pg->holder;
	values[3] = h5_run_text(own->last, three);
	values[4] = h5_run_text(own->last_hash, four);
	values[5] = own->last_id;
	return h5_run_ask(pg, &claim, values, until, a, e);
}

/* The greatest key of a page: rows of an update come in any order. */
static void
remember(struct walking *own, const struct h5_wire_answer *a, bool due)
{
	int64_t at;
	size_t i;
	int hash;

	for (i = 0; i < h5_wire_rows(a); i++) {
		at = h5_wire_number(a, i, 1);
		hash = due ? (int)h5_wire_number(a, i, 2) : 0;
		if (due && (at < own->last ||
			       (at == own->last && hash < own->last_hash) ||
			       (at == own->last && hash == own->last_hash &&
				   strcmp(own->ids[i], own->last_id) <= 0)))
			continue;
		own->last = at;
		own->last_hash = hash;
		memcpy(own->last_id, own->ids[i], sizeof own->last_id);
	}
}

enum h5_code
h5_postgresql_page(void *store, struct h5_engine_walk *w, struct h5_err *e)
{
	struct h5_wire_answer *a;
	struct walking *own;
	enum h5_code rc = H5_OK;
	size_t i;

	w->more = false;
	if (w->own == NULL)
		rc = start(store, w, e);
	own = w->own;
	if (rc != H5_OK || own->over)
		return rc;
	rc = ask(store, w, &a, e);
	if (rc != H5_OK)
		return rc;
	w->n = h5_wire_rows(a);
	for (i = 0; i < w->n && i < PAGE; i++)
		(void)snprintf(own->ids[i], sizeof own->ids[i], "%s",
		    h5_wire_value(a, i, 0));
	remember(own, a, w->kind == H5_ENGINE_DUE);
	h5_wire_drop(a);
	/* Each page is of all times, so the order itself tells if it is
	 * meant. */
	w->from = INT64_MIN;
	w->to = INT64_MAX;
	w->ids = own->ids;
	w->more = w->n > 0;
	own->over = !w->more;
	return H5_OK;
}

void
h5_postgresql_leave(void *store, struct h5_engine_walk *w)
{
	(void)store;
	free(w->own);
	w->own = NULL;
}

enum h5_code
h5_postgresql_sizes(void *store,
    void (*tell)(void *arg, const char *id, uint64_t bytes), void *arg,
    struct h5_err *e)
{
	char hash[H5_PG_NUMBER], id[H5_ORDER_ID_MAX + 1];
	const char *values[] = {hash, id, hash};
	struct h5_postgresql *pg = store;
	struct h5_wire_answer *a;
	enum h5_code rc = H5_OK;
	size_t i, n;
	int h;

	for (h = 0; rc == H5_OK && h < 256; h++) {
		(void)h5_run_text(h, hash);
		id[0] = '\0';
		do {
			rc = h5_run_ask(pg, &sizes, values,
			    h5_clock_mono_ms() + pg->w->budget_ms, &a, e);
			if (rc != H5_OK)
				break;
			n = h5_wire_rows(a);
			for (i = 0; i < n; i++)
				tell(arg, h5_wire_value(a, i, 1),
				    (uint64_t)h5_wire_number(a, i, 2));
			if (n > 0)
				(void)snprintf(id, sizeof id, "%s",
				    h5_wire_value(a, n - 1, 1));
			h5_wire_drop(a);
		} while (n > 0);
	}
	return rc;
}
