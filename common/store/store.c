/* The core of the store: runs each call of store.h on an engine, within one
 * deadline, and begins again when somebody else was faster. */
#include "common/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/sum.h"
#include "common/order/due.h"
#include "common/store/core.h"
#include "common/store/engine.h"
#include "common/store/format.h"
#include "common/store/plug.h"
#include "common/store/record.h"

/* How often a call begins again at most.  If somebody else is faster each time,
 * a later call does better. */
#define TURNS 16
#define PAUSE_MOST_MS 50

/* --- the store as a whole ------------------------------------------------- */

static enum h5_code
open_any(const struct h5_store_where *w, unsigned hooks, bool moved,
    struct h5_store **out, struct h5_err *e)
{
	struct h5_engine_format f;
	struct h5_store *st;
	struct h5_err why;
	enum h5_code rc;

	*out = NULL;
	st = calloc(1, sizeof *st);
	if (st == NULL)
		return h5_err_nomem(e);
	st->hooks = hooks;
	st->budget_ms = w->budget_ms;
	st->query_gap_s = w->query_gap_s;
	rc = h5_store_engine(w, &st->engine, e);
	if (rc == H5_OK)
		rc = st->engine->open(w, hooks, &st->own, e);
	if (rc != H5_OK) {
		free(st);
		return rc;
	}
	/* An engine opens any store that it can read; whether this program may
	 * is decided here, for all engines alike. */
	rc = st->engine->format(st->own, &f, &why);
	if (rc == H5_OK && !(moved && f.number == H5_FORMAT_MOVED))
		rc = h5_format_must_know(&f, &why);
	if (rc == H5_OK) {
		*out = st;
		return H5_OK;
	}
	h5_store_close(st);
	return h5_err_set(e, rc, "store %s: %s", w->dir, why.msg);
}

enum h5_code
h5_store_open(const struct h5_store_where *w, unsigned hooks,
    struct h5_store **out, struct h5_err *e)
{
	return open_any(w, hooks, false, out, e);
}

enum h5_code
h5_store_open_moved(const struct h5_store_where *w, unsigned hooks,
    struct h5_store **out, struct h5_err *e)
{
	return open_any(w, hooks, true, out, e);
}

enum h5_code
h5_store_until(const struct h5_store *st, int64_t until_ms,
    struct h5_store **out, struct h5_err *e)
{
	*out = malloc(sizeof **out);
	if (*out == NULL)
		return h5_err_nomem(e);
	**out = *st;
	(*out)->until_ms = until_ms;
	return H5_OK;
}

void
h5_store_until_free(struct h5_store *st)
{
	free(st);
}

enum h5_code
h5_store_format(
    const struct h5_store_where *w, unsigned *format, struct h5_err *e)
{
	const struct h5_store_engine *engine;
	struct h5_engine_format f;
	struct h5_err why;
	enum h5_code rc;

	*format = 0;
	rc = h5_store_engine(w, &engine, &why);
	if (rc == H5_OK)
		rc = engine->peek(w, &f, &why);
	if (rc == H5_OK)
		rc = h5_format_must_know(&f, &why);
	if (rc != H5_OK)
		return h5_err_set(e, rc, "store %s: %s", w->dir, why.msg);
	*format = f.number;
	return H5_OK;
}

void
h5_store_close(struct h5_store *st)
{
	if (st == NULL)
		return;
	st->engine->close(st->own);
	free(st);
}

bool
h5_store_there(const struct h5_store_where *w)
{
	const struct h5_store_engine *engine;

	/* Without its engine nobody can say, and opening it says why. */
	return h5_store_engine(w, &engine, NULL) != H5_OK || engine->there(w);
}

enum h5_code
h5_store_probe(const struct h5_store_where *w, struct h5_err *e)
{
	const struct h5_store_engine *engine;
	enum h5_code rc;

	rc = h5_store_engine(w, &engine, e);
	return rc == H5_OK ? engine->probe(w, e) : rc;
}

void
h5_store_local(const struct h5_store_where *w, struct h5_store_place *out)
{
	const struct h5_store_engine *engine;

	if (h5_store_engine(w, &engine, NULL) != H5_OK)
		engine = &h5_store_files;
	engine->local(w, out);
}

enum h5_code
h5_store_ready(const struct h5_store_where *w, struct h5_store_needs *needs,
    struct h5_err *e)
{
	const struct h5_store_engine *engine;
	enum h5_code rc;

	memset(needs, 0, sizeof *needs);
	rc = h5_store_engine(w, &engine, e);
	return rc == H5_OK && engine->needs != NULL ? engine->needs(w, needs, e)
						    : rc;
}

enum h5_code
h5_store_init(const struct h5_store_where *w, bool accept, struct h5_buf *print,
    struct h5_err *e)
{
	const struct h5_store_engine *engine;
	enum h5_code rc;

	rc = h5_store_engine(w, &engine, e);
	if (rc == H5_OK && engine->init == NULL)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "a store of files is made by the first order");
	return rc == H5_OK ? engine->init(w, accept, print, e) : rc;
}

enum h5_code
h5_store_check(struct h5_store *st, bool repair, struct h5_store_report *r,
    struct h5_err *e)
{
	/* Set here, so that no engine has to think of it. */
	r->orders = 0;
	r->unfinished = 0;
	r->broken = 0;
	r->derived = 0;
	return st->engine->check(st->own, repair, r, e);
}

/* --- load ----------------------------------------------------------------- */

static int64_t
deadline(const struct h5_store *st)
{
	int64_t until = h5_clock_mono_ms() + st->budget_ms;

	return st->until_ms != 0 && st->until_ms < until ? st->until_ms : until;
}

enum h5_code
h5_store_load(struct h5_store *st, const char *id, struct h5_order **out,
    struct h5_err *e)
{
	*out = NULL;
	/* A program that has not created an order yet has no store, and knows
	 * none. */
	if (st == NULL)
		return h5_err_set(
		    e, H5_E_NOTFOUND, "no order has been created here yet");
	return h5_record_load(st->engine, st->own, id, deadline(st), out, e);
}

/* --- trying again --------------------------------------------------------- */

/* Somebody was faster, for the turn-th time.  Waits a little, and not past
 * until_ms, so that programs which get in each other's way part. */
static enum h5_code
again(const char *id, unsigned turn, int64_t until_ms, struct h5_err *e)
{
	int64_t now = h5_clock_mono_ms(), left = until_ms - now;
	/* The address of a local and the time differ between programs, which is
	 * all that is asked of this number. */
	uint64_t mix = h5_sum_64(&e, sizeof e, (uint64_t)now);
	int pause = 0;

	if (turn >= TURNS || left <= 0)
		return h5_err_set(e, H5_E_BUSY,
		    "other programs change order %s all the time", id);
	/* The first repetition is at once; then the pause doubles up to its
	 * limit, less a random part of it. */
	if (turn > 1)
		pause = turn > 6 ? PAUSE_MOST_MS : 1 << (turn - 2);
	if (pause > 1)
		pause -= (int)(mix % (unsigned)(pause / 2));
	if (pause > 0)
		h5_clock_pause_ms(pause < left ? pause : (int)left);
	return H5_OK;
}

/* --- update --------------------------------------------------------------- */

struct h5_event *
h5_store_add(struct h5_store_batch *b, enum h5_event_kind kind)
{
	struct h5_event *ev;

	/* A full batch is no failure here: h5_event_finish tells of it, with
	 * the other failures. */
	if (b->n >= H5_STORE_BATCH)
		return NULL;
	ev = &b->ev[b->n++];
	h5_event_init(ev, kind, h5_clock_now());
	return ev;
}

static int64_t
due_of(const struct h5_store *st, const struct h5_order *o)
{
	return st->engine->files_due ? h5_due_at(o, st->hooks, st->query_gap_s)
				     : 0;
}

/* One look at a record and what is added to it. */
struct update {
	struct h5_store *st;
	struct h5_store_hold *hold;
	struct h5_engine_record r;
	struct h5_ledger_at at;
	struct h5_order *o;
	struct h5_store_batch batch;
	struct h5_buf unit; /* the batch as lines */
};

static enum h5_code
append(struct update *u, enum h5_engine_result *how, struct h5_err *e)
{
	struct h5_engine_facts facts = {.created_at = u->o->created_at};
	/* Without hooks: whether the shop has heard is not what is asked
	 * here. */
	bool rested = h5_order_at_rest(u->o, 0);
	unsigned format;
	enum h5_code rc;

	rc = h5_record_unit(
	    &u->batch, u->o, u->r.whole, &u->at, &u->unit, &format, e);
	if (rc == H5_OK)
		rc = h5_format_raise(
		    u->st->engine, u->st->own, format, u->r.until_ms, e);
	if (rc != H5_OK)
		return rc;
	/* A sweep may have put this order aside, with whatever hooks were
	 * configured then: it must find it again. */
	facts.wakes = rested && !h5_order_at_rest(u->o, u->st->hooks);
	facts.lines = (unsigned)u->batch.n;
	facts.due_at = due_of(u->st, u->o);
	return u->st->engine->append(u->st->own, &u->r, &u->unit, &facts,
	    u->hold != NULL ? u->hold->own : NULL, how, e);
}

/* decide never sees what an earlier turn left: the order and the batch are
 * new. */
static enum h5_code
one_turn(struct update *u, h5_store_decide_fn decide, void *arg,
    enum h5_engine_result *how, struct h5_err *e)
{
	const struct h5_store_engine *engine = u->st->engine;
	struct h5_err why;
	enum h5_code rc;

	*how = H5_ENGINE_DONE;
	rc = engine->begin(u->st->own, &u->r, e);
	if (rc == H5_OK)
		rc = h5_record_fold(
		    &u->r.bytes, u->r.id, &u->o, &u->r.whole, &u->at, e);
	rc = h5_format_believe(engine, u->st->own, rc, e);
	if (rc == H5_OK) {
		/* The lines are counted for the engine, which does not read
		 * them. */
		u->r.lines = (unsigned)u->o->n_events;
		rc = decide(arg, u->o, &u->batch, e);
	}
	if (rc == H5_OK)
		rc = u->batch.n > 0 ? append(u, how, e)
				    : engine->seal(u->st->own, &u->r, e);
	/* A write is not over before end says so: closing is where some disks
	 * tell of a failure. */
	if (engine->end(u->st->own, &u->r, &why) != H5_OK && rc == H5_OK)
		rc = h5_err_pass(e, &why);
	return rc;
}

static void
drop_turn(struct update *u)
{
	size_t i;

	for (i = 0; i < u->batch.n; i++)
		h5_event_release(&u->batch.ev[i]);
	u->batch.n = 0;
	h5_buf_release(&u->r.bytes);
	h5_buf_release(&u->unit);
	h5_order_free(u->o);
	u->o = NULL;
}

static enum h5_code
update_until(struct update *u, h5_store_decide_fn decide, void *arg,
    struct h5_order **out, struct h5_err *e)
{
	enum h5_engine_result how;
	enum h5_code rc;
	unsigned turn;

	for (turn = 1;; turn++) {
		h5_buf_init(&u->r.bytes, H5_RECORD_MAX);
		/* There is room for the largest batch, so that a write never
		 * fails for its length alone. */
		h5_buf_init(&u->unit, (size_t)H5_STORE_BATCH * H5_LEDGER_LINE);
		rc = one_turn(u, decide, arg, &how, e);
		/* Given away only when it is durable. */
		if (rc == H5_OK && how == H5_ENGINE_DONE && out != NULL) {
			*out = u->o;
			u->o = NULL;
		}
		drop_turn(u);
		if (rc == H5_OK && how == H5_ENGINE_CONFLICT)
			rc = again(u->r.id, turn, u->r.until_ms, e);
		if (rc != H5_OK || how == H5_ENGINE_DONE)
			return rc;
	}
}

enum h5_code
h5_store_update(struct h5_store *st, const char *id, struct h5_store_hold *hold,
    h5_store_decide_fn decide, void *arg, struct h5_order **out,
    struct h5_err *e)
{
	/* The deadline is set once: repetitions share it. */
	struct update u = {.st = st, .hold = hold};

	if (out != NULL)
		*out = NULL;
	if (!h5_number_is_order(id))
		return h5_err_set(e, H5_E_NOTFOUND, "not an order id");
	u.r.id = id;
	u.r.mode = H5_ENGINE_WRITE;
	u.r.until_ms = deadline(st);
	return update_until(&u, decide, arg, out, e);
}

/* --- create --------------------------------------------------------------- */

static enum h5_code
decide_nothing(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	(void)arg;
	(void)o;
	(void)b;
	(void)e;
	return H5_OK;
}

/* Until the id is ours or somebody's.  A creation that was in our way may have
 * come to nothing. */
static enum h5_code
create_until(struct h5_store *st, const struct h5_order *o,
    const struct h5_buf *unit, struct h5_order **out, struct h5_err *e)
{
	struct h5_engine_facts facts = {
	    .created_at = o->created_at, .due_at = due_of(st, o), .lines = 1};
	struct update u = {.st = st};
	enum h5_engine_result how;
	enum h5_code rc;
	unsigned turn;

	u.r.id = o->id;
	u.r.mode = H5_ENGINE_WRITE;
	u.r.until_ms = deadline(st);
	for (turn = 1;; turn++) {
		how = H5_ENGINE_DONE;
		rc = st->engine->create(
		    st->own, o->id, unit, &facts, u.r.until_ms, &how, e);
		if (rc != H5_OK || how == H5_ENGINE_DONE)
			return rc;
		/* The id is taken.  Hand out the order that has it, durable: an
		 * update that changes nothing does just that. */
		rc = update_until(&u, decide_nothing, NULL, out, e);
		if (rc == H5_OK)
			return h5_err_set(
			    e, H5_E_EXISTS, "order %s exists", o->id);
		/* It was taken, and is free again: the other creation was cut
		 * short. */
		if (rc == H5_E_NOTFOUND)
			rc = again(o->id, turn, u.r.until_ms, e);
		if (rc != H5_OK)
			return rc;
	}
}

enum h5_code
h5_store_create(struct h5_store *st, struct h5_event *created,
    struct h5_order **out, struct h5_err *e)
{
	struct h5_ledger_at at = {0, "", 0};
	struct h5_order *o = NULL;
	unsigned format = 1;
	struct h5_buf unit;
	enum h5_code rc;

	*out = NULL;
	h5_buf_init(&unit, H5_LEDGER_LINE);
	/* No record was read, but the store may be newer than this program all
	 * the same, and then nothing may be written into it. */
	rc = h5_format_believe(st->engine, st->own, H5_OK, e);
	if (rc == H5_OK)
		rc = h5_format_need(created, &format, e);
	if (rc == H5_OK)
		rc = h5_ledger_write(&at, created, &unit, e);
	if (rc == H5_OK)
		rc = h5_order_new(created, &o, e);
	if (rc == H5_OK)
		/* Before the record exists, for the reason given in append. */
		rc = h5_format_raise(
		    st->engine, st->own, format, deadline(st), e);
	if (rc == H5_OK)
		rc = create_until(st, o, &unit, out, e);
	if (rc == H5_OK) {
		*out = o;
		o = NULL;
	}
	h5_event_release(created);
	h5_order_free(o);
	h5_buf_release(&unit);
	return rc;
}

/* --- conversations -------------------------------------------------------- */

enum h5_code
h5_store_hold(struct h5_store *st, const char *id, int wait_ms, int hold_ms,
    struct h5_store_hold **out, struct h5_err *e)
{
	struct h5_store_hold *hold;
	enum h5_code rc;

	*out = NULL;
	hold = calloc(1, sizeof *hold);
	if (hold == NULL)
		return h5_err_nomem(e);
	hold->engine = st->engine;
	rc = st->engine->hold(st->own, id, wait_ms, hold_ms, &hold->own, e);
	/* BUSY is told in words of what the operator sees, not of locks. */
	if (rc == H5_E_BUSY)
		rc = h5_err_set(e, H5_E_BUSY,
		    "another program is talking to WeChat about order %s", id);
	if (rc == H5_OK)
		*out = hold;
	else
		free(hold);
	return rc;
}

enum h5_code
h5_store_renew(struct h5_store_hold *hold, int hold_ms, struct h5_err *e)
{
	return hold->engine->renew(hold->own, hold_ms, e);
}

void
h5_store_release(struct h5_store_hold *hold)
{
	if (hold == NULL)
		return;
	hold->engine->release(hold->own);
	free(hold);
}
