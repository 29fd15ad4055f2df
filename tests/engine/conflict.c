/* An engine that answers CONFLICT to every first append and every first
 * creation, and is plain files otherwise.  It is linked in the place of
 * h5_store_files (-Wl,--wrap): whatever program it is in then runs each of its
 * deciders twice, as it would beside other writers on an engine that locks
 * nothing. */
#include "tests/engine/conflict.h"

#include <stdio.h>
#include <string.h>

#include "common/store/engine.h"

extern const struct h5_store_engine __real_h5_store_files;
#define REAL (&__real_h5_store_files)

unsigned conflict_times = 1;

/* What this thread wants to write, and how often it was refused. */
static _Thread_local struct {
	char id[H5_ORDER_ID_MAX + 1];
	unsigned times;
} refused;

static bool
refuse(const char *id)
{
	if (strcmp(refused.id, id) != 0) {
		(void)snprintf(refused.id, sizeof refused.id, "%s", id);
		refused.times = 0;
	}
	if (refused.times++ < conflict_times)
		return true;
	refused.id[0] = '\0';
	return false;
}

static bool
there(const struct h5_store_where *w)
{
	return REAL->there(w);
}

static enum h5_code
probe(const struct h5_store_where *w, struct h5_err *e)
{
	return REAL->probe(w, e);
}

static void
local(const struct h5_store_where *w, struct h5_store_place *out)
{
	REAL->local(w, out);
}

static enum h5_code
peek(const struct h5_store_where *w, struct h5_engine_format *f,
    struct h5_err *e)
{
	return REAL->peek(w, f, e);
}

static enum h5_code
open_store(const struct h5_store_where *w, unsigned hooks, void **store,
    struct h5_err *e)
{
	return REAL->open(w, hooks, store, e);
}

static void
close_store(void *store)
{
	REAL->close(store);
}

static enum h5_code
format(void *store, struct h5_engine_format *f, struct h5_err *e)
{
	return REAL->format(store, f, e);
}

static enum h5_code
raise_format(
    void *store, struct h5_engine_format *f, int64_t until_ms, struct h5_err *e)
{
	return REAL->raise(store, f, until_ms, e);
}

static enum h5_code
begin(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	return REAL->begin(store, r, e);
}

static enum h5_code
append(void *store, struct h5_engine_record *r, const struct h5_buf *unit,
    const struct h5_engine_facts *facts, void *hold, enum h5_engine_result *how,
    struct h5_err *e)
{
	if (refuse(r->id)) {
		*how = H5_ENGINE_CONFLICT;
		return H5_OK;
	}
	return REAL->append(store, r, unit, facts, hold, how, e);
}

static enum h5_code
seal(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	return REAL->seal(store, r, e);
}

static enum h5_code
end(void *store, struct h5_engine_record *r, struct h5_err *e)
{
	return REAL->end(store, r, e);
}

static enum h5_code
create(void *store, const char *id, const struct h5_buf *unit,
    const struct h5_engine_facts *facts, int64_t until_ms,
    enum h5_engine_result *how, struct h5_err *e)
{
	if (refuse(id)) {
		*how = H5_ENGINE_CONFLICT;
		return H5_OK;
	}
	return REAL->create(store, id, unit, facts, until_ms, how, e);
}

static enum h5_code
hold(void *store, const char *id, int wait_ms, int hold_ms, void **out,
    struct h5_err *e)
{
	return REAL->hold(store, id, wait_ms, hold_ms, out, e);
}

static enum h5_code
renew(void *held, int hold_ms, struct h5_err *e)
{
	return REAL->renew(held, hold_ms, e);
}

static void
release(void *held)
{
	REAL->release(held);
}

static enum h5_code
page(void *store, struct h5_engine_walk *w, struct h5_err *e)
{
	return REAL->page(store, w, e);
}

static void
leave(void *store, struct h5_engine_walk *w)
{
	REAL->leave(store, w);
}

static enum h5_code
away(void *store, struct h5_engine_away *a, struct h5_err *e)
{
	return REAL->away(store, a, e);
}

static enum h5_code
swept(void *store, int64_t at, struct h5_err *e)
{
	return REAL->swept(store, at, e);
}

static enum h5_code
swept_at(void *store, int64_t *at, int64_t *made_at, struct h5_err *e)
{
	return REAL->swept_at(store, at, made_at, e);
}

static enum h5_code
check(void *store, bool repair, struct h5_store_report *r, struct h5_err *e)
{
	return REAL->check(store, repair, r, e);
}

extern const struct h5_store_engine __wrap_h5_store_files;
const struct h5_store_engine __wrap_h5_store_files = {
    .name = "files that conflict",
    .there = there,
    .probe = probe,
    .local = local,
    .peek = peek,
    .open = open_store,
    .close = close_store,
    .format = format,
    .raise = raise_format,
    .begin = begin,
    .append = append,
    .seal = seal,
    .end = end,
    .create = create,
    .hold = hold,
    .renew = renew,
    .release = release,
    .page = page,
    .leave = leave,
    .away = away,
    .swept = swept,
    .swept_at = swept_at,
    .check = check,
};
