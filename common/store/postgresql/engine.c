/* The engine of PostgreSQL: its table, opening and closing. */
#include "common/store/postgresql/engine.h"

#include "common/base/length.h"
#include "common/store/postgresql/pg.h"
#include "common/store/postgresql/schema.h"
#include "common/system/file.h"

static enum h5_code
open_store(const struct h5_store_where *w, unsigned hooks, void **store,
    struct h5_err *e)
{
	struct h5_engine_format f;
	struct h5_postgresql *pg;
	enum h5_code rc;
	int dir = -1;

	rc = h5_guard_folder(w, &dir, e);
	h5_file_drop(&dir);
	if (rc == H5_OK)
		rc = h5_state_make(w, hooks, &pg, e);
	if (rc != H5_OK)
		return rc;
	pg->self = &h5_store_postgresql;
	rc = h5_postgresql_format(pg, &f, e);
	if (rc == H5_OK)
		*store = pg;
	else
		h5_state_free(pg);
	return rc;
}

static void
close_store(void *store)
{
	h5_state_free(store);
}

/* Whoever configured a database has made the store in it, or is told by open
 * that there is none. */
static bool
there(const struct h5_store_where *w)
{
	return w->database != NULL;
}

static enum h5_code
peek(const struct h5_store_where *w, struct h5_engine_format *f,
    struct h5_err *e)
{
	struct h5_postgresql *pg;
	enum h5_code rc;

	rc = h5_state_make(w, 0, &pg, e);
	if (rc != H5_OK)
		return rc;
	rc = h5_postgresql_format(pg, f, e);
	h5_state_free(pg);
	return rc == H5_E_CONFIG ? h5_err_as(e, H5_E_NOTFOUND) : rc;
}

static enum h5_code
probe(const struct h5_store_where *w, struct h5_err *e)
{
	struct h5_engine_format f;
	void *store;
	enum h5_code rc;

	rc = open_store(w, 0, &store, e);
	if (rc != H5_OK)
		return rc;
	rc = h5_postgresql_format(store, &f, e);
	close_store(store);
	return rc;
}

/* Only what is kept of the database on this machine lies there. */
static void
local(const struct h5_store_where *w, struct h5_store_place *out)
{
	out->folder = w->dir;
	out->witness = "pg-timeline";
}

static enum h5_code
needs(const struct h5_store_where *w, struct h5_store_needs *out,
    struct h5_err *e)
{
	const char *files[] = {w->ca_file, w->cert_file, w->key_file};
	struct h5_wire_servers *s = NULL;
	enum h5_code rc;
	size_t i;
	int n;

	if (w->database == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "it needs store.database, which says which database");
	rc = h5_wire_servers(w->database, &s, e);
	n = rc == H5_OK ? h5_wire_count(s) : 0;
	if (n > H5_STORE_NEEDS)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "store.database names %d servers, %d at most", n,
		    H5_STORE_NEEDS);
	for (i = 0; rc == H5_OK && i < (size_t)n; i++) {
		out->ports[out->n_ports++] = h5_wire_port(s, (int)i);
		out->names = out->names || !h5_wire_nearby(s, (int)i);
	}
	for (i = 0; i < H5_LENGTH(files); i++)
		if (files[i] != NULL)
			out->files[out->n_files++] = files[i];
	h5_wire_servers_free(s);
	return rc;
}

static enum h5_code
init(const struct h5_store_where *w, bool accept, struct h5_buf *print,
    struct h5_err *e)
{
	if (print == NULL)
		return h5_schema_make(w, accept, e);
	h5_schema_print(print);
	return h5_buf_finish(print, e);
}

const struct h5_store_engine h5_store_postgresql = {
    .abi = H5_ENGINE_ABI,
    .size = sizeof(struct h5_store_engine),
    .version = H5_VERSION,
    .name = "postgresql",
    .files_due = true,
    .there = there,
    .probe = probe,
    .peek = peek,
    .local = local,
    .needs = needs,
    .init = init,
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

/* What the plug-in shows to the outside. */
extern const struct h5_store_engine h5_store_engine_1
    __attribute__((visibility("default"), alias("h5_store_postgresql")));
