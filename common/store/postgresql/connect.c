/* The connections of a process: a bounded lot of them, each made within its
 * caller's time, to the first server of store.database that takes writes. */
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/store/postgresql/pg.h"

/* Most for one server; the next one is tried with what is left. */
#define ATTEMPT_MS 1000
#define IDLE_MS 60000

/* A dead server leaves time for the others. */
static enum h5_code
connect_any(struct h5_postgresql *pg, int64_t until_ms, struct h5_wire **out,
    char timeline[H5_PG_TIMELINE], struct h5_err *e)
{
	struct h5_wire_servers *s;
	int64_t now, most;
	enum h5_code rc;
	int i, n;

	*out = NULL;
	rc = h5_wire_servers(pg->w->database, &s, e);
	n = rc == H5_OK ? h5_wire_count(s) : 0;
	for (i = 0; i < n && i < H5_STORE_NEEDS; i++) {
		now = h5_clock_mono_ms();
		most =
		    now + ATTEMPT_MS < until_ms ? now + ATTEMPT_MS : until_ms;
		rc = h5_wire_connect(pg->w, s, i, most, out, e);
		if (rc == H5_OK)
			rc = h5_guard(pg, *out, most, timeline, e);
		if (rc == H5_OK || rc == H5_E_NOMEM)
			break;
		h5_wire_close(*out);
		*out = NULL;
	}
	h5_wire_servers_free(s);
	if (rc != H5_OK) {
		h5_wire_close(*out);
		*out = NULL;
	}
	return rc;
}

/* --- the lot -------------------------------------------------------------- */

static void
close_slot(struct h5_pg_slot *s)
{
	h5_wire_close(s->conn);
	s->conn = NULL;
	s->prepared = 0;
}

static void
close_idle(struct h5_postgresql *pg, int64_t before)
{
	int i;

	for (i = 0; i < pg->w->connections; i++)
		if (!pg->slots[i].busy && pg->slots[i].conn != NULL &&
		    pg->slots[i].idle_since <= before)
			close_slot(&pg->slots[i]);
}

/* One that is connected if there is one, else an empty one. */
static struct h5_pg_slot *
free_slot(struct h5_postgresql *pg)
{
	struct h5_pg_slot *found = NULL;
	int i;

	for (i = 0; i < pg->w->connections; i++) {
		if (pg->slots[i].busy)
			continue;
		if (pg->slots[i].conn != NULL)
			return &pg->slots[i];
		if (found == NULL)
			found = &pg->slots[i];
	}
	return found;
}

static struct h5_pg_slot *
reserve(struct h5_postgresql *pg, int64_t until_ms)
{
	/* The clock of the condition is that of until_ms. */
	const struct timespec at = {.tv_sec = (time_t)(until_ms / 1000),
	    .tv_nsec = until_ms % 1000 * 1000000};
	struct h5_pg_slot *s;

	(void)pthread_mutex_lock(&pg->lock);
	close_idle(pg, h5_clock_mono_ms() - IDLE_MS);
	while ((s = free_slot(pg)) == NULL && h5_clock_mono_ms() < until_ms)
		(void)pthread_cond_timedwait(&pg->freed, &pg->lock, &at);
	if (s != NULL)
		s->busy = true;
	(void)pthread_mutex_unlock(&pg->lock);
	return s;
}

enum h5_code
h5_connect_take(struct h5_postgresql *pg, int64_t until_ms,
    struct h5_pg_slot **slot, struct h5_err *e)
{
	enum h5_code rc;

	*slot = reserve(pg, until_ms);
	if (*slot == NULL)
		return h5_err_set(e, H5_E_BUSY,
		    "all %d connections to the database are in use",
		    pg->w->connections);
	if ((*slot)->conn != NULL)
		return H5_OK;
	/* Nobody else looks at a slot that is taken. */
	(*slot)->prepared = 0;
	(*slot)->marked = false;
	rc = connect_any(pg, until_ms, &(*slot)->conn, (*slot)->timeline, e);
	if (rc != H5_OK) {
		h5_connect_give(pg, *slot, false);
		*slot = NULL;
	}
	return rc;
}

void
h5_connect_give(struct h5_postgresql *pg, struct h5_pg_slot *slot, bool good)
{
	(void)pthread_mutex_lock(&pg->lock);
	slot->busy = false;
	slot->idle_since = h5_clock_mono_ms();
	if (!good) {
		close_slot(slot);
		close_idle(pg, INT64_MAX);
	}
	(void)pthread_cond_signal(&pg->freed);
	(void)pthread_mutex_unlock(&pg->lock);
}

void
h5_connect_close(struct h5_postgresql *pg)
{
	int i;

	for (i = 0; i < H5_PG_CONNECTIONS; i++)
		close_slot(&pg->slots[i]);
}
