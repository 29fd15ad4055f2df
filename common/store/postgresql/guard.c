/* Which server may be believed: one that takes writes, waits for its standbys,
 * and is not an old primary that came back over a newer one. */
#include "common/store/postgresql/pg.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/system/file.h"

/* In the local folder: the cluster and the highest timeline that was written
 * to from here.  A database that was set back cannot tell so itself. */
#define FILE_NAME "pg-timeline"

/* Asked of each new connection.  Databases that are spoken to like PostgreSQL
 * and replicate by themselves do not know these functions (42883). */
#define LOOK                                                                   \
	"SELECT pg_is_in_recovery(), "                                         \
	"current_setting('transaction_read_only'),"                            \
	" current_setting('synchronous_standby_names'),"                       \
	" CASE WHEN pg_is_in_recovery() THEN ''"                               \
	" ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,"       \
	" (SELECT system_identifier::text FROM pg_control_system())"

static void
alert(struct h5_postgresql *pg, const char *event, const char *why)
{
	if (pg->w->log != NULL)
		h5_log_event(
		    pg->w->log, H5_LOG_ALERT, event, "error", why, NULL);
}

enum h5_code
h5_guard_folder(const struct h5_store_where *w, int *dir, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_file_folder(AT_FDCWD, w->dir, dir, e);
	if (rc != H5_E_NOTFOUND)
		return rc;
	rc = h5_file_mkdir(AT_FDCWD, w->dir, e);
	return rc == H5_OK ? h5_file_folder(AT_FDCWD, w->dir, dir, e) : rc;
}

/* What stands in the local folder: "" if nothing was written from here yet. */
static enum h5_code
read_mark(struct h5_postgresql *pg, char out[H5_PG_TIMELINE], struct h5_err *e)
{
	struct h5_buf b;
	enum h5_code rc;
	int dir = -1;

	out[0] = '\0';
	h5_buf_init(&b, H5_PG_TIMELINE - 1);
	rc = h5_guard_folder(pg->w, &dir, e);
	if (rc == H5_OK)
		rc = h5_file_read(dir, FILE_NAME, &b, e);
	if (rc == H5_OK)
		(void)snprintf(out, H5_PG_TIMELINE, "%.*s",
		    (int)strcspn(b.data, "\n"), b.data);
	h5_buf_release(&b);
	h5_file_drop(&dir);
	return rc == H5_E_NOTFOUND ? H5_OK : rc;
}

/* marked, now: "<system identifier> <timeline, 8 hex digits>". */
static enum h5_code
compare(struct h5_postgresql *pg, const char *marked, const char *now,
    struct h5_err *e)
{
	size_t n = strcspn(marked, " ");
	char why[200];

	if (marked[0] == '\0' || strcmp(marked, now) == 0)
		return H5_OK;
	if (strncmp(marked, now, n + 1) != 0)
		(void)snprintf(why, sizeof why,
		    "this is another database cluster (%s) than the one "
		    "written to before (%s): if that is meant, run h5pay "
		    "store init --accept, then fsck and reconcile",
		    now, marked);
	else if (strcmp(marked + n, now + n) > 0)
		(void)snprintf(why, sizeof why,
		    "an old primary came back: it is on timeline%s, and "
		    "timeline%s was written to already",
		    now + n, marked + n);
	else
		return H5_OK;
	alert(pg, "store-went-back", why);
	return h5_err_set(e, H5_E_IO, "%s", why);
}

enum h5_code
h5_guard(struct h5_postgresql *pg, struct h5_wire *conn, int64_t until_ms,
    char timeline[H5_PG_TIMELINE], struct h5_err *e)
{
	char marked[H5_PG_TIMELINE];
	struct h5_wire_result r;
	struct h5_err why;
	enum h5_code rc = H5_OK;

	timeline[0] = '\0';
	h5_wire_query(conn, LOOK, 0, NULL, until_ms, &r);
	if (!r.good)
		return strcmp(r.state, "42883") == 0
			   ? H5_OK
			   : h5_err_set(e, H5_E_IO, "the database: %s",
				 r.words[0] != '\0' ? r.words : "no answer");
	if (strcmp(h5_wire_value(r.answer, 0, 0), "f") != 0 ||
	    strcmp(h5_wire_value(r.answer, 0, 1), "off") != 0)
		rc = h5_err_set(&why, H5_E_IO,
		    "the database %s takes no writes now", h5_wire_host(conn));
	else if (pg->w->replicas > 0 &&
		 h5_wire_value(r.answer, 0, 2)[0] == '\0')
		rc = h5_err_set(&why, H5_E_CONFIG,
		    "the database waits for no standby: set "
		    "synchronous_standby_names there, or say "
		    "store.replicas = 0 if one machine is meant");
	if (rc == H5_OK)
		(void)snprintf(timeline, H5_PG_TIMELINE, "%.40s %.20s",
		    h5_wire_value(r.answer, 0, 4),
		    h5_wire_value(r.answer, 0, 3));
	h5_wire_drop(r.answer);
	if (rc == H5_E_CONFIG)
		alert(pg, "store-not-durable", why.msg);
	if (rc != H5_OK)
		return h5_err_pass(e, &why);
	rc = read_mark(pg, marked, e);
	return rc == H5_OK ? compare(pg, marked, timeline, e) : rc;
}

enum h5_code
h5_guard_mark(struct h5_postgresql *pg, const char *timeline, struct h5_err *e)
{
	char marked[H5_PG_TIMELINE], line[H5_PG_TIMELINE + 1];
	enum h5_code rc;
	int dir = -1, n;

	if (timeline[0] == '\0')
		return H5_OK;
	/* Read anew: another program of this machine may have written it. */
	rc = read_mark(pg, marked, e);
	if (rc == H5_OK)
		rc = compare(pg, marked, timeline, e);
	if (rc != H5_OK || strcmp(marked, timeline) == 0)
		return rc;
	n = snprintf(line, sizeof line, "%s\n", timeline);
	rc = h5_guard_folder(pg->w, &dir, e);
	if (rc == H5_OK)
		rc = h5_file_replace(dir, FILE_NAME, line, (size_t)n, 0600, e);
	h5_file_drop(&dir);
	return rc;
}

enum h5_code
h5_guard_accept(const struct h5_store_where *w, struct h5_err *e)
{
	enum h5_code rc;
	int dir = -1;

	rc = h5_guard_folder(w, &dir, e);
	if (rc == H5_OK)
		rc = h5_file_remove(dir, FILE_NAME, e);
	h5_file_drop(&dir);
	return rc == H5_E_NOTFOUND ? H5_OK : rc;
}

enum h5_code
h5_guard_durable(
    struct h5_postgresql *pg, const char *setting, struct h5_err *e)
{
	struct h5_err why;

	if (strcmp(setting, "on") == 0 || strcmp(setting, "remote_apply") == 0)
		return H5_OK;
	/* One machine on purpose: its own disk is what counts. */
	if (pg->w->replicas == 0 && strcmp(setting, "off") != 0)
		return H5_OK;
	(void)h5_err_set(&why, H5_E_CONFIG,
	    "synchronous_commit is %s in the database, so that a commit may "
	    "be lost: set it to on for this role",
	    setting);
	alert(pg, "store-not-durable", why.msg);
	return h5_err_pass(e, &why);
}
