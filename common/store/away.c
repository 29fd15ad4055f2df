/* Archives: which orders are put away, brought back, and relieved of what tells
 * of the buyer.  How that is stored is the engine's. */
#include "common/base/clock.h"
#include "common/order/since.h"
#include "common/store/core.h"
#include "common/store/forget.h"
#include "common/store/format.h"
#include "common/store/record.h"

/* One pass, for the function that judges. */
struct pass {
	struct h5_store *st;
	int64_t before;
	int64_t now; /* the same for all records of the pass */
	uint64_t kept;
	bool raised; /* the store has the format that archives need */
};

static enum h5_code
read_bytes(const struct h5_buf *bytes, const char *id, struct h5_order **o,
    bool *torn, struct h5_err *e)
{
	struct h5_ledger_at at;
	enum h5_code rc;
	size_t whole;

	rc = h5_record_fold(bytes, id, o, &whole, &at, e);
	*torn = rc == H5_OK && whole < bytes->len;
	return rc;
}

static enum h5_code
raise(struct pass *p, struct h5_err *e)
{
	enum h5_code rc;

	/* Before the first record is put away, and only if there is one: until
	 * then the store can be given back to an older version. */
	if (p->raised)
		return H5_OK;
	rc = h5_format_raise(p->st->engine, p->st->own, H5_SINCE_ARCHIVE,
	    h5_clock_mono_ms() + p->st->budget_ms, e);
	p->raised = rc == H5_OK;
	return rc;
}

/* A record that is broken stays for fsck to tell of, and so does one with a
 * torn tail, for its next writer to cut. */
static enum h5_code
judge_away(void *arg, const char *id, const struct h5_buf *bytes, bool away,
    enum h5_engine_verdict *verdict, struct h5_buf *instead, struct h5_err *e)
{
	struct pass *p = arg;
	enum h5_code rc = H5_OK;
	struct h5_order *o;
	bool torn;

	(void)instead;
	(void)away; /* not asked of those */
	*verdict = H5_ENGINE_STAY;
	rc = h5_format_believe(p->st->engine, p->st->own,
	    read_bytes(bytes, id, &o, &torn, NULL), e);
	if (rc == H5_OK && o->created_at < p->before) {
		if (!torn && h5_order_over(o, p->st->hooks))
			*verdict = H5_ENGINE_AWAY;
		else
			p->kept++;
	}
	if (rc == H5_OK && *verdict == H5_ENGINE_AWAY)
		rc = raise(p, e);
	h5_order_free(o);
	return rc == H5_E_INPUT ? H5_OK : rc;
}

static enum h5_code
judge_back(void *arg, const char *id, const struct h5_buf *bytes, bool away,
    enum h5_engine_verdict *verdict, struct h5_buf *instead, struct h5_err *e)
{
	struct pass *p = arg;
	struct h5_order *o;
	enum h5_code rc;
	bool torn;

	(void)instead;
	*verdict = H5_ENGINE_STAY;
	if (!away)
		return H5_OK;
	rc = read_bytes(bytes, id, &o, &torn, e);
	if (rc == H5_OK && o->created_at < p->before)
		*verdict = H5_ENGINE_BACK;
	h5_order_free(o);
	return rc;
}

static enum h5_code
judge_forget(void *arg, const char *id, const struct h5_buf *bytes, bool away,
    enum h5_engine_verdict *verdict, struct h5_buf *instead, struct h5_err *e)
{
	struct pass *p = arg;
	struct h5_order *o;
	enum h5_code rc;
	bool torn;

	*verdict = H5_ENGINE_STAY;
	rc = read_bytes(bytes, id, &o, &torn, away ? e : NULL);
	if (rc == H5_E_INPUT && !away)
		return H5_OK;
	if (rc == H5_OK && h5_forget_needed(o) &&
	    o->events[o->n_events - 1].at < p->before) {
		if (!torn && h5_order_over(o, p->st->hooks))
			*verdict = H5_ENGINE_REWRITE;
		else
			p->kept++;
	}
	if (rc == H5_OK && *verdict == H5_ENGINE_REWRITE)
		rc = raise(p, e);
	if (rc == H5_OK && *verdict == H5_ENGINE_REWRITE)
		rc = h5_forget_record(o, p->now, instead, e);
	h5_order_free(o);
	return rc;
}

static enum h5_code
run(struct h5_store *st, int64_t before, h5_engine_judge_fn judge,
    bool look_away, struct h5_store_moved *m, struct h5_err *e)
{
	struct pass p = {.st = st, .before = before, .now = h5_clock_now()};
	struct h5_engine_away a = {.until = before,
	    .judge = judge,
	    .arg = &p,
	    .look_away = look_away,
	    .progress = m->progress,
	    .progress_arg = m->arg};
	enum h5_code rc;

	rc = st->engine->away(st->own, &a, e);
	m->moved = a.away + a.back + a.rewritten;
	m->kept = p.kept;
	return rc;
}

enum h5_code
h5_store_archive(struct h5_store *st, int64_t before, struct h5_store_moved *m,
    struct h5_err *e)
{
	return run(st, before, judge_away, false, m, e);
}

enum h5_code
h5_store_restore(struct h5_store *st, int64_t before, struct h5_store_moved *m,
    struct h5_err *e)
{
	return run(st, before, judge_back, true, m, e);
}

enum h5_code
h5_store_forget(struct h5_store *st, int64_t before, struct h5_store_moved *m,
    struct h5_err *e)
{
	return run(st, before, judge_forget, true, m, e);
}
