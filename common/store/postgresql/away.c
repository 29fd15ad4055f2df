/* Rewrites records that are relieved of what tells of the buyer.  Orders at
 * rest need not be put away here: they cost a database nothing but room. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgresql/derive.h"
#include "common/store/record.h"
#include "common/system/crypto.h"

/* The last line is a new unit, which writers compete for as ever.  Whoever wins
 * it, replaces all before it by one unit. */
static const struct h5_pg_statement rewrite = {"h5_rewrite",
    "WITH i AS (INSERT INTO h5_unit (m, h, id, n, lines, w)"
    " SELECT u.m, u.h, u.id, $3::int, $5::text, $6::bigint FROM h5_unit u"
    " WHERE u.h = $1::smallint AND u.id = $2::text AND u.n = 1"
    " ON CONFLICT DO NOTHING RETURNING 1), "
    "d AS (DELETE FROM h5_unit WHERE h = $1::smallint AND id = $2::text"
    " AND n > 1 AND n < $3::int AND EXISTS (SELECT 1 FROM i) RETURNING 1), "
    "w AS (UPDATE h5_unit SET lines = $4::text WHERE h = $1::smallint"
    " AND id = $2::text AND n = 1 AND EXISTS (SELECT 1 FROM i) RETURNING 1) "
    "SELECT (SELECT count(*) FROM i), current_setting('synchronous_commit')",
    6, 23, true};

/* One that was written to since it was read stays. */
static const struct h5_pg_statement put_away = {"h5_put_away",
    "INSERT INTO h5_away (h, id) SELECT $1::smallint, $2::text"
    " WHERE (SELECT max(n) FROM h5_unit WHERE h = $1::smallint"
    " AND id = $2::text) <= $3::int ON CONFLICT DO NOTHING RETURNING 1",
    3, 26, true};
static const struct h5_pg_statement bring_back = {"h5_bring_back",
    "DELETE FROM h5_away WHERE h = $1::smallint AND id = $2::text"
    " AND $3::int > 0 RETURNING 1",
    3, 27, true};

struct passing {
	struct h5_postgresql *pg;
	struct h5_engine_away *a;
	uint64_t done, total;
};

/* Splits instead before its last line. */
static enum h5_code
split(const struct h5_buf *instead, char **before, const char **last,
    unsigned *lines, struct h5_err *e)
{
	const char *p = instead->data, *lf;
	size_t at = 0, i;

	*before = NULL;
	*lines = 0;
	for (i = 0; i + 1 < instead->len; i++)
		if (p[i] == '\n') {
			at = i + 1;
			(*lines)++;
		}
	lf = p + at;
	if (at == 0)
		return h5_err_set(e, H5_E_INPUT, "a record of one line");
	*before = strndup(p, at);
	*last = lf;
	return *before == NULL ? h5_err_nomem(e) : H5_OK;
}

static enum h5_code
replace(struct passing *p, const struct h5_derive_record *r,
    const struct h5_buf *instead, struct h5_err *e)
{
	char hash[H5_PG_NUMBER], n[H5_PG_NUMBER], mark[H5_PG_NUMBER];
	int64_t until = h5_clock_mono_ms() + p->pg->w->budget_ms;
	const char *last = "", *values[6];
	struct h5_wire_answer *a = NULL;
	char *before;
	enum h5_code rc;
	unsigned lines;
	uint64_t w = 0;

	rc = split(instead, &before, &last, &lines, e);
	if (rc == H5_OK)
		rc = h5_crypto_random(&w, sizeof w, e);
	/* Lines keep their numbers, and one is new. */
	if (rc == H5_OK && lines != r->last)
		rc = h5_err_set(e, H5_E_BUG, "a record of other lines");
	if (rc == H5_OK) {
		values[0] = h5_run_text(h5_state_hash(r->id), hash);
		values[1] = r->id;
		values[2] = h5_run_text(lines + 1, n);
		values[3] = before;
		values[4] = last;
		values[5] = h5_run_text((int64_t)(w >> 1), mark);
		rc = h5_run_ask(p->pg, &rewrite, values, until, &a, e);
	}
	if (rc == H5_OK) {
		/* One that was written to meanwhile stays as it is. */
		p->a->rewritten += strcmp(h5_wire_value(a, 0, 0), "1") == 0;
		rc = h5_guard_durable(p->pg, h5_wire_value(a, 0, 1), e);
		h5_wire_drop(a);
	}
	free(before);
	return rc;
}

static enum h5_code
mark(struct passing *p, const struct h5_derive_record *r,
    const struct h5_pg_statement *s, uint64_t *counter, struct h5_err *e)
{
	int64_t until = h5_clock_mono_ms() + p->pg->w->budget_ms;
	char hash[H5_PG_NUMBER], last[H5_PG_NUMBER];
	const char *values[] = {h5_run_text(h5_state_hash(r->id), hash), r->id,
	    h5_run_text(r->last, last)};
	struct h5_wire_answer *a = NULL;
	enum h5_code rc;

	rc = h5_run_ask(p->pg, s, values, until, &a, e);
	if (rc != H5_OK)
		return rc;
	*counter += h5_wire_rows(a) == 1;
	h5_wire_drop(a);
	return H5_OK;
}

static enum h5_code
judge_one(void *arg, struct h5_derive_record *r, struct h5_err *e)
{
	enum h5_engine_verdict verdict = H5_ENGINE_STAY;
	struct passing *p = arg;
	struct h5_buf instead;
	enum h5_code rc;

	p->done++;
	if (p->a->progress != NULL && (p->done & 255) == 0)
		p->a->progress(p->a->progress_arg, p->done,
		    p->total > p->done ? p->total : p->done);
	if (!r->listed || r->created_at >= p->a->until ||
	    (r->away && !p->a->look_away))
		return H5_OK;
	h5_buf_init(&instead, H5_RECORD_MAX);
	rc = p->a->judge(
	    p->a->arg, r->id, &r->bytes, r->away, &verdict, &instead, e);
	if (rc == H5_OK && verdict == H5_ENGINE_REWRITE)
		rc = replace(p, r, &instead, e);
	else if (rc == H5_OK && verdict == H5_ENGINE_AWAY && !r->away)
		rc = mark(p, r, &put_away, &p->a->away, e);
	else if (rc == H5_OK && verdict == H5_ENGINE_BACK && r->away)
		rc = mark(p, r, &bring_back, &p->a->back, e);
	h5_buf_release(&instead);
	return rc;
}

enum h5_code
h5_postgresql_away(void *store, struct h5_engine_away *a, struct h5_err *e)
{
	struct passing p = {.pg = store, .a = a};
	enum h5_code rc;

	rc = h5_derive_total(p.pg, &p.total, e);
	return rc == H5_OK ? h5_derive_each(p.pg, judge_one, &p, e) : rc;
}
