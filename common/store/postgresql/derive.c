/* Reads every record, and writes what is derived from one. */
#include "common/store/postgresql/derive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/order/due.h"
#include "common/store/format.h"
#include "common/store/record.h"

#define BESIDE                                                                 \
	"SELECT u.h, u.id, u.n, u.lines, o.created_at, d.due_at,"              \
	" a.h IS NOT NULL"                                                     \
	" FROM u LEFT JOIN h5_order o ON o.h = u.h AND o.id = u.id"            \
	" LEFT JOIN h5_due d ON d.h = u.h AND d.id = u.id"                     \
	" LEFT JOIN h5_away a ON a.h = u.h AND a.id = u.id"                    \
	" ORDER BY u.h, u.id, u.n"
/* So many rows are a few megabytes at most, but for the longest records. */
static const struct h5_pg_statement units = {"h5_units",
    "WITH u AS (SELECT h, id, n, lines, m FROM h5_unit"
    " WHERE (h, id, n) > ($1::smallint, $2::text, $3::int)"
    " ORDER BY h, id, n LIMIT 64) " BESIDE,
    3, 15, false};
static const struct h5_pg_statement units_of = {"h5_units_of",
    "WITH u AS (SELECT h, id, n, lines, m FROM h5_unit"
    " WHERE h = $1::smallint AND id = $2::text) " BESIDE,
    2, 16, false};
static const struct h5_pg_statement list = {"h5_list",
    "INSERT INTO h5_order AS o (h, id, m, created_at)"
    " SELECT $1::smallint, $2::text, m, $3::bigint FROM h5_unit"
    " WHERE h = $1::smallint AND id = $2::text AND n = 1"
    " ON CONFLICT (h, id) DO UPDATE SET created_at = excluded.created_at"
    " WHERE o.created_at <> excluded.created_at",
    3, 17, true};
#define UNGROWN                                                                \
	" (SELECT max(n) FROM h5_unit WHERE h = $1::smallint"                  \
	" AND id = $2::text) = $4::int"
static const struct h5_pg_statement set_due = {"h5_set_due",
    "INSERT INTO h5_due (h, id, due_at)"
    " SELECT $1::smallint, $2::text, $3::bigint WHERE" UNGROWN
    " ON CONFLICT (h, id) DO UPDATE SET due_at = excluded.due_at",
    4, 18, true};
static const struct h5_pg_statement drop_due = {"h5_drop_due",
    "DELETE FROM h5_due WHERE h = $1::smallint AND id = $2::text"
    " AND $3::bigint IS NULL AND" UNGROWN,
    4, 19, true};
static const struct h5_pg_statement hooks_told = {
    "h5_hooks", "SELECT v FROM h5_meta WHERE k = 'hooks'", 0, 20, false};
static const struct h5_pg_statement hooks_set = {"h5_hooks_set",
    "INSERT INTO h5_meta (k, v) VALUES ('hooks', $1::text)"
    " ON CONFLICT (k) DO UPDATE SET v = excluded.v",
    1, 21, true};
static const struct h5_pg_statement total = {
    "h5_total", "SELECT count(*) FROM h5_order", 0, 22, false};

static int64_t
until(const struct h5_postgresql *pg)
{
	return h5_clock_mono_ms() + pg->w->budget_ms;
}

/* Carries out one write that may be repeated. */
static enum h5_code
change(struct h5_postgresql *pg, const struct h5_pg_statement *s,
    const char *const *values, struct h5_err *e)
{
	struct h5_wire_answer *a;
	enum h5_code rc;

	rc = h5_run_ask(pg, s, values, until(pg), &a, e);
	if (rc == H5_OK)
		h5_wire_drop(a);
	return rc;
}

/* --- reading -------------------------------------------------------------- */

static void
begin(struct h5_derive_record *r, const struct h5_wire_answer *a, size_t row)
{
	h5_buf_clear(&r->bytes);
	r->units = 0;
	r->last = 0;
	r->gap = false;
	(void)snprintf(r->id, sizeof r->id, "%s", h5_wire_value(a, row, 1));
	r->listed = !h5_wire_null(a, row, 4);
	r->created_at = h5_wire_number(a, row, 4);
	r->due = !h5_wire_null(a, row, 5);
	r->due_at = h5_wire_number(a, row, 5);
	r->away = strcmp(h5_wire_value(a, row, 6), "t") == 0;
}

/* One more unit: its number is that of its first line. */
static void
add(struct h5_derive_record *r, const struct h5_wire_answer *a, size_t row)
{
	const char *lines = h5_wire_value(a, row, 3);
	unsigned n = (unsigned)h5_wire_number(a, row, 2), i;

	r->gap = r->gap || n != r->last + 1;
	for (i = 0; *lines != '\0'; lines++)
		i += *lines == '\n';
	r->last = n + (i > 0 ? i - 1 : 0);
	r->units++;
	h5_buf_add(
	    &r->bytes, h5_wire_value(a, row, 3), h5_wire_length(a, row, 3));
}

enum h5_code
h5_derive_each(struct h5_postgresql *pg, h5_derive_each_fn each, void *arg,
    struct h5_err *e)
{
	char hash[H5_PG_NUMBER] = "-1", n[H5_PG_NUMBER] = "0";
	char id[H5_ORDER_ID_MAX + 1] = "";
	const char *values[] = {hash, id, n};
	struct h5_derive_record r = {.id = ""};
	struct h5_wire_answer *a;
	enum h5_code rc;
	size_t i, rows;

	h5_buf_init(&r.bytes, H5_RECORD_MAX);
	do {
		rc = h5_run_ask(pg, &units, values, until(pg), &a, e);
		if (rc != H5_OK)
			break;
		rows = h5_wire_rows(a);
		for (i = 0; rc == H5_OK && i < rows; i++) {
			if (strcmp(r.id, h5_wire_value(a, i, 1)) != 0) {
				if (r.units > 0)
					rc = each(arg, &r, e);
				begin(&r, a, i);
			}
			add(&r, a, i);
		}
		if (rows > 0) {
			(void)h5_run_text(h5_wire_number(a, rows - 1, 0), hash);
			(void)h5_run_text(h5_wire_number(a, rows - 1, 2), n);
			memcpy(id, r.id, sizeof id);
		}
		h5_wire_drop(a);
	} while (rc == H5_OK && rows > 0);
	if (rc == H5_OK && r.units > 0)
		rc = each(arg, &r, e);
	h5_buf_release(&r.bytes);
	return rc;
}

enum h5_code
h5_derive_again(
    struct h5_postgresql *pg, struct h5_derive_record *r, struct h5_err *e)
{
	char hash[H5_PG_NUMBER], id[H5_ORDER_ID_MAX + 1];
	const char *values[] = {h5_run_text(h5_state_hash(r->id), hash), id};
	struct h5_wire_answer *a;
	enum h5_code rc;
	size_t i;

	memcpy(id, r->id, sizeof id);
	rc = h5_run_ask(pg, &units_of, values, until(pg), &a, e);
	if (rc != H5_OK)
		return rc;
	for (i = 0; i < h5_wire_rows(a); i++) {
		if (i == 0)
			begin(r, a, i);
		add(r, a, i);
	}
	h5_wire_drop(a);
	return H5_OK;
}

enum h5_code
h5_derive_total(struct h5_postgresql *pg, uint64_t *n, struct h5_err *e)
{
	struct h5_wire_answer *a;
	enum h5_code rc;

	rc = h5_run_ask(pg, &total, NULL, until(pg), &a, e);
	if (rc != H5_OK)
		return rc;
	*n = (uint64_t)h5_wire_number(a, 0, 0);
	h5_wire_drop(a);
	return H5_OK;
}

/* --- writing -------------------------------------------------------------- */

enum h5_code
h5_derive(struct h5_postgresql *pg, const struct h5_derive_record *r,
    const struct h5_order *o, struct h5_err *e)
{
	char hash[H5_PG_NUMBER], at[H5_PG_NUMBER], n[H5_PG_NUMBER];
	const char *values[] = {h5_run_text(h5_state_hash(r->id), hash), r->id,
	    at, h5_run_text(r->last, n)};
	int64_t due = h5_due_at(o, pg->hooks, pg->w->query_gap_s);
	enum h5_code rc = H5_OK;

	(void)h5_run_text(o->created_at, at);
	if (!r->listed || r->created_at != o->created_at)
		rc = change(pg, &list, values, e);
	if (rc != H5_OK)
		return rc;
	(void)h5_run_text(due, at);
	if (due != H5_DUE_NEVER)
		return change(pg, &set_due, values, e);
	values[2] = NULL;
	return change(pg, &drop_due, values, e);
}

static enum h5_code
derive_one(void *arg, struct h5_derive_record *r, struct h5_err *e)
{
	struct h5_postgresql *pg = arg;
	struct h5_ledger_at at;
	struct h5_order *o;
	enum h5_code rc;
	size_t whole;

	/* What is broken is fsck's to tell. */
	rc = h5_record_fold(&r->bytes, r->id, &o, &whole, &at, e);
	if (rc == H5_OK)
		rc = h5_derive(pg, r, o, e);
	h5_order_free(o);
	return rc == H5_E_INPUT ? H5_OK : rc;
}

enum h5_code
h5_derive_hooks(struct h5_postgresql *pg, struct h5_err *e)
{
	char text[H5_PG_NUMBER];
	const char *values[] = {text};
	struct h5_wire_answer *a;
	unsigned known;
	enum h5_code rc;

	rc = h5_run_ask(pg, &hooks_told, NULL, until(pg), &a, e);
	if (rc != H5_OK)
		return rc;
	known = (unsigned)h5_wire_number(a, 0, 0);
	h5_wire_drop(a);
	if ((pg->hooks & ~known) == 0)
		return H5_OK;
	rc = h5_derive_each(pg, derive_one, pg, e);
	(void)h5_run_text(known | pg->hooks, text);
	return rc == H5_OK ? change(pg, &hooks_set, values, e) : rc;
}
