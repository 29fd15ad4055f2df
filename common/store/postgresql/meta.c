/* What is told of the store as a whole: its format, when it was made, when the
 * last sweep ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgresql/pg.h"

static const struct h5_pg_statement told = {"h5_told",
    "SELECT k, v FROM h5_meta WHERE k IN"
    " ('format', 'format_by', 'made_at', 'swept', 'hooks')",
    0, 12, false};
/* A format is never lowered, whoever else raises it. */
static const struct h5_pg_statement raise = {"h5_raise",
    "WITH f AS (UPDATE h5_meta SET v = $1::text WHERE k = 'format'"
    " AND v::int < $1::int RETURNING 1), "
    "b AS (UPDATE h5_meta SET v = $2::text WHERE k = 'format_by'"
    " AND EXISTS (SELECT 1 FROM f) RETURNING 1) "
    "SELECT (SELECT count(*) FROM f), current_setting('synchronous_commit')",
    2, 13, true};
static const struct h5_pg_statement swept = {"h5_swept",
    "INSERT INTO h5_meta (k, v) VALUES ('swept', $1::text)"
    " ON CONFLICT (k) DO UPDATE SET v = excluded.v",
    1, 14, true};

static int64_t
until(const struct h5_postgresql *pg)
{
	return h5_clock_mono_ms() + pg->w->budget_ms;
}

static const char *
value_of(const struct h5_wire_answer *a, const char *key)
{
	size_t i;

	for (i = 0; i < h5_wire_rows(a); i++)
		if (strcmp(h5_wire_value(a, i, 0), key) == 0)
			return h5_wire_value(a, i, 1);
	return "";
}

void
h5_meta_told_format(struct h5_postgresql *pg, const char *text)
{
	long number = strtol(text, NULL, 10);

	(void)pthread_mutex_lock(&pg->lock);
	if (number > 0 && (unsigned)number > pg->format.number) {
		pg->format.number = (unsigned)number;
		pg->format.by[0] = '\0';
	}
	(void)pthread_mutex_unlock(&pg->lock);
}

static enum h5_code
read_format(struct h5_postgresql *pg, int64_t until_ms, struct h5_err *e)
{
	struct h5_wire_answer *a;
	enum h5_code rc;

	rc = h5_run_ask(pg, &told, NULL, until_ms, &a, e);
	if (rc != H5_OK)
		return rc;
	if (value_of(a, "format")[0] == '\0') {
		h5_wire_drop(a);
		return h5_err_set(e, H5_E_CONFIG,
		    "the database holds no store yet: run h5pay store init");
	}
	h5_meta_told_format(pg, value_of(a, "format"));
	(void)pthread_mutex_lock(&pg->lock);
	(void)snprintf(pg->format.by, sizeof pg->format.by, "%s",
	    value_of(a, "format_by"));
	(void)pthread_mutex_unlock(&pg->lock);
	h5_wire_drop(a);
	return H5_OK;
}

enum h5_code
h5_postgresql_format(void *store, struct h5_engine_format *f, struct h5_err *e)
{
	struct h5_postgresql *pg = store;
	enum h5_code rc = H5_OK;
	bool known;

	/* Each record that is read, and each that is written, brings it
	 * along. */
	(void)pthread_mutex_lock(&pg->lock);
	known = pg->format.number > 0;
	(void)pthread_mutex_unlock(&pg->lock);
	if (!known)
		rc = read_format(pg, until(pg), e);
	(void)pthread_mutex_lock(&pg->lock);
	*f = pg->format;
	(void)pthread_mutex_unlock(&pg->lock);
	return rc;
}

enum h5_code
h5_postgresql_raise(
    void *store, struct h5_engine_format *f, int64_t until_ms, struct h5_err *e)
{
	char number[H5_PG_NUMBER];
	const char *values[] = {h5_run_text(f->number, number), f->by};
	struct h5_engine_format now;
	struct h5_postgresql *pg = store;
	struct h5_wire_answer *a;
	enum h5_code rc;

	rc = h5_postgresql_format(pg, &now, e);
	if (rc == H5_OK && now.number < f->number) {
		rc = h5_run_ask(pg, &raise, values, until_ms, &a, e);
		if (rc == H5_OK) {
			rc = h5_guard_durable(pg, h5_wire_value(a, 0, 1), e);
			h5_wire_drop(a);
		}
		if (rc == H5_OK)
			rc = read_format(pg, until_ms, e);
		/* It may be another's work, whose commit was only seen. */
		if (rc == H5_OK)
			rc = h5_seal(pg, until_ms, e);
		if (rc == H5_OK)
			rc = h5_postgresql_format(pg, &now, e);
	}
	if (rc == H5_OK)
		*f = now;
	return rc;
}

enum h5_code
h5_postgresql_swept(void *store, int64_t at, struct h5_err *e)
{
	char text[H5_PG_NUMBER];
	const char *values[] = {h5_run_text(at, text)};
	struct h5_postgresql *pg = store;
	struct h5_wire_answer *a;
	enum h5_code rc;

	rc = h5_run_ask(pg, &swept, values, until(pg), &a, e);
	if (rc == H5_OK)
		h5_wire_drop(a);
	return rc;
}

enum h5_code
h5_postgresql_swept_at(
    void *store, int64_t *at, int64_t *made_at, struct h5_err *e)
{
	struct h5_postgresql *pg = store;
	struct h5_wire_answer *a;
	enum h5_code rc;

	*at = 0;
	*made_at = 0;
	rc = h5_run_ask(pg, &told, NULL, until(pg), &a, e);
	if (rc != H5_OK)
		return rc;
	*at = strtoll(value_of(a, "swept"), NULL, 10);
	*made_at = strtoll(value_of(a, "made_at"), NULL, 10);
	h5_wire_drop(a);
	return H5_OK;
}
