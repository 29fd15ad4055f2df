/* Copies a store into another one, record by record and byte for byte, and
 * compares two.  Both may be in use: what grows meanwhile is copied by the next
 * run, and once the first store is sealed nothing grows any more. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/sum.h"
#include "common/order/due.h"
#include "common/order/since.h"
#include "common/store/core.h"
#include "common/store/format.h"
#include "common/store/record.h"

#define WORKERS 4

/* --- what the other store has --------------------------------------------- */

/* Sizes of records by the sums of their ids, for engines that tell them
 * cheaply: most records need no second look then. */
struct sizes {
	struct size {
		uint64_t id, bytes; /* id 0: empty */
	} * v;
	size_t n, cap;
	bool bad; /* no memory: then all are looked at */
};

static void
put(struct sizes *s, uint64_t id, uint64_t bytes)
{
	size_t i = id & (s->cap - 1);

	while (s->v[i].id != 0 && s->v[i].id != id)
		i = (i + 1) & (s->cap - 1);
	s->n += s->v[i].id == 0;
	s->v[i].id = id;
	s->v[i].bytes = bytes;
}

static bool
grow(struct sizes *s)
{
	struct sizes larger = {.cap = s->cap == 0 ? 4096 : s->cap * 2};
	size_t i;

	larger.v = calloc(larger.cap, sizeof *larger.v);
	if (larger.v == NULL)
		return false;
	for (i = 0; i < s->cap; i++)
		if (s->v[i].id != 0)
			put(&larger, s->v[i].id, s->v[i].bytes);
	free(s->v);
	*s = larger;
	return true;
}

static uint64_t
sum_of(const char *id)
{
	uint64_t sum = h5_sum_64(id, strlen(id), 0);

	return sum != 0 ? sum : 1;
}

static void
tell_size(void *arg, const char *id, uint64_t bytes)
{
	struct sizes *s = arg;

	if (s->bad || (s->n * 2 >= s->cap && !grow(s))) {
		s->bad = true;
		return;
	}
	put(s, sum_of(id), bytes);
}

/* 0: not known. */
static uint64_t
size_of(const struct sizes *s, const char *id)
{
	uint64_t sum = sum_of(id);
	size_t i = s->cap == 0 ? 0 : sum & (s->cap - 1);

	while (s->cap != 0 && s->v[i].id != 0) {
		if (s->v[i].id == sum)
			return s->v[i].bytes;
		i = (i + 1) & (s->cap - 1);
	}
	return 0;
}

/* --- one record ----------------------------------------------------------- */

/* One run over all of them, by several threads. */
struct run {
	struct h5_store *from, *to;
	struct h5_store_copy *c;
	bool write;
	struct sizes there;
	pthread_mutex_t lock; /* of all that follows, and of c */
	struct h5_engine_walk w;
	size_t at; /* in the walk's page */
	bool over;
	enum h5_code rc;
	struct h5_err why;
};

static int64_t
until(const struct h5_store *st)
{
	return h5_clock_mono_ms() + st->budget_ms;
}

static void
found(struct run *r, const char *id, const char *what)
{
	(void)pthread_mutex_lock(&r->lock);
	r->c->differ++;
	if (r->c->found != NULL)
		r->c->found(r->c->arg, id, what);
	(void)pthread_mutex_unlock(&r->lock);
}

static enum h5_code
read_bytes(
    struct h5_store *st, const char *id, struct h5_buf *out, struct h5_err *e)
{
	struct h5_engine_record r = {
	    .id = id, .mode = H5_ENGINE_CALM, .until_ms = until(st)};
	enum h5_code rc;

	h5_buf_init(&r.bytes, H5_RECORD_MAX);
	rc = st->engine->begin(st->own, &r, e);
	(void)!st->engine->end(st->own, &r, NULL);
	*out = r.bytes;
	return rc;
}

/* What the other engine is told of the record, and which format it needs. */
static void
facts_of(const struct h5_store *to, const struct h5_order *o,
    struct h5_engine_facts *f, unsigned *format)
{
	unsigned since;
	size_t i;

	f->created_at = o->created_at;
	f->due_at = h5_due_at(o, to->hooks, to->query_gap_s);
	f->wakes = f->due_at != H5_DUE_NEVER;
	f->lines = (unsigned)o->n_events;
	*format = 1;
	for (i = 0; i < o->n_events; i++) {
		since = h5_since_event(&o->events[i]);
		*format = since > *format ? since : *format;
	}
}

/* Adds what the record has more than the one there.  *how: CONFLICT means that
 * they are two different ones, or that somebody was faster. */
static enum h5_code
add(struct run *r, const char *id, const struct h5_buf *bytes,
    struct h5_engine_facts *f, enum h5_engine_result *how, struct h5_err *e)
{
	const struct h5_store_engine *engine = r->to->engine;
	struct h5_engine_record t = {
	    .id = id, .mode = H5_ENGINE_WRITE, .until_ms = until(r->to)};
	struct h5_buf rest = *bytes;
	enum h5_code rc;
	size_t i;

	*how = H5_ENGINE_CONFLICT;
	h5_buf_init(&t.bytes, H5_RECORD_MAX);
	rc = engine->begin(r->to->own, &t, e);
	if (rc == H5_OK && t.bytes.len <= bytes->len &&
	    memcmp(t.bytes.data, bytes->data, t.bytes.len) == 0) {
		*how = H5_ENGINE_DONE;
		for (i = 0; i < t.bytes.len; i++)
			t.lines += t.bytes.data[i] == '\n';
		t.whole = t.bytes.len;
		rest.data += t.whole;
		rest.len -= t.whole;
		f->lines -= t.lines;
		rc = rest.len == 0 ? engine->seal(r->to->own, &t, e)
				   : engine->append(r->to->own, &t, &rest, f,
					 NULL, how, e);
	}
	if (engine->end(r->to->own, &t, NULL) != H5_OK && rc == H5_OK)
		rc = h5_err_set(e, H5_E_IO, "order %s was not written", id);
	h5_buf_release(&t.bytes);
	return rc;
}

static enum h5_code
copy_one(struct run *r, const char *id, const struct h5_buf *bytes,
    const struct h5_order *o, struct h5_err *e)
{
	enum h5_engine_result how;
	struct h5_engine_facts f;
	unsigned format;
	enum h5_code rc;

	facts_of(r->to, o, &f, &format);
	rc =
	    h5_format_raise(r->to->engine, r->to->own, format, until(r->to), e);
	if (rc == H5_OK)
		rc = r->to->engine->create(
		    r->to->own, id, bytes, &f, until(r->to), &how, e);
	if (rc == H5_OK && how == H5_ENGINE_CONFLICT)
		rc = add(r, id, bytes, &f, &how, e);
	if (rc == H5_OK && how == H5_ENGINE_CONFLICT) {
		found(r, id, "is another order there");
		return H5_OK;
	}
	if (rc == H5_OK) {
		(void)pthread_mutex_lock(&r->lock);
		r->c->copied++;
		(void)pthread_mutex_unlock(&r->lock);
	}
	return rc;
}

static enum h5_code
compare_one(
    struct run *r, const char *id, const struct h5_buf *bytes, struct h5_err *e)
{
	struct h5_buf there;
	enum h5_code rc;

	rc = read_bytes(r->to, id, &there, e);
	if (rc == H5_E_NOTFOUND)
		found(r, id, "is not there");
	else if (rc == H5_OK &&
		 (there.len != bytes->len ||
		     memcmp(there.data, bytes->data, there.len) != 0))
		found(r, id, "differs");
	h5_buf_release(&there);
	return rc == H5_E_NOTFOUND ? H5_OK : rc;
}

static enum h5_code
one(struct run *r, const char *id, struct h5_err *e)
{
	struct h5_order *o = NULL;
	struct h5_ledger_at at;
	struct h5_buf bytes;
	struct h5_err why;
	enum h5_code rc;
	size_t whole;

	rc = read_bytes(r->from, id, &bytes, e);
	if (rc == H5_OK)
		rc = h5_record_fold(&bytes, id, &o, &whole, &at, &why);
	if (rc == H5_E_INPUT)
		/* It stays behind, for fsck to tell of. */
		found(r, id, why.msg);
	if (rc == H5_OK) {
		/* What was cut short there is not carried on. */
		bytes.len = whole;
		bytes.data[whole] = '\0';
		(void)pthread_mutex_lock(&r->lock);
		r->c->orders++;
		(void)pthread_mutex_unlock(&r->lock);
		if (!r->write)
			rc = compare_one(r, id, &bytes, e);
		else if (size_of(&r->there, id) != bytes.len)
			rc = copy_one(r, id, &bytes, o, e);
	}
	h5_order_free(o);
	h5_buf_release(&bytes);
	/* Its creation was cut short after it was named. */
	return rc == H5_E_INPUT || rc == H5_E_NOTFOUND ? H5_OK : rc;
}

/* --- all of them ---------------------------------------------------------- */

/* The next id; false: there is none left, or the run has failed. */
static bool
next(struct run *r, char id[H5_ORDER_ID_MAX + 1])
{
	bool got = false;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->over && r->rc == H5_OK && r->at >= r->w.n) {
		r->rc = r->from->engine->page(r->from->own, &r->w, &r->why);
		r->over = r->rc == H5_OK && !r->w.more;
		r->at = 0;
	}
	if (!r->over && r->rc == H5_OK) {
		memcpy(id, r->w.ids[r->at++], H5_ORDER_ID_MAX + 1);
		got = true;
		if (r->c->progress != NULL && (r->c->orders & 255) == 0)
			r->c->progress(r->c->arg, r->c->orders, 0);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return got;
}

static void *
work(void *arg)
{
	char id[H5_ORDER_ID_MAX + 1];
	struct run *r = arg;
	struct h5_err why;
	enum h5_code rc;

	while (next(r, id)) {
		rc = one(r, id, &why);
		if (rc == H5_OK)
			continue;
		(void)pthread_mutex_lock(&r->lock);
		if (r->rc == H5_OK) {
			r->rc = rc;
			r->why = why;
		}
		(void)pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

static enum h5_code
all(struct run *r, struct h5_err *e)
{
	pthread_t threads[WORKERS];
	int i, n = 0;

	(void)pthread_mutex_init(&r->lock, NULL);
	while (
	    n < WORKERS - 1 && pthread_create(&threads[n], NULL, work, r) == 0)
		n++;
	(void)work(r);
	for (i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	r->from->engine->leave(r->from->own, &r->w);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->there.v);
	return r->rc == H5_OK ? H5_OK : h5_err_pass(e, &r->why);
}

enum h5_code
h5_store_copy(struct h5_store *from, struct h5_store *to,
    struct h5_store_copy *c, struct h5_err *e)
{
	struct run r = {.from = from, .to = to, .c = c, .write = true};
	enum h5_code rc = H5_OK;

	r.w.since = c->since;
	if (to->engine->sizes != NULL)
		rc = to->engine->sizes(to->own, tell_size, &r.there, e);
	if (rc != H5_OK) {
		free(r.there.v);
		return rc;
	}
	return all(&r, e);
}

enum h5_code
h5_store_compare(struct h5_store *a, struct h5_store *b,
    struct h5_store_copy *c, struct h5_err *e)
{
	struct run there = {.from = a, .to = b, .c = c},
		   back = {.from = b, .to = a, .c = c};
	enum h5_code rc;

	/* Both ways: one of the two may have an order more. */
	there.w.since = c->since;
	back.w.since = c->since;
	rc = all(&there, e);
	if (rc == H5_OK) {
		c->orders = 0;
		rc = all(&back, e);
	}
	return rc;
}

enum h5_code
h5_store_seal(struct h5_store *st, const char *to, struct h5_err *e)
{
	struct h5_engine_format f = {.number = H5_FORMAT_MOVED};
	size_t n = strlen(to);

	/* Every program looks at the format after it has read and before it
	 * writes, and knows none that is so high. */
	memcpy(f.by, to, n < sizeof f.by ? n : sizeof f.by - 1);
	return st->engine->raise(st->own, &f, until(st), e);
}
