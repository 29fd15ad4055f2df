/* Walks over many orders, page by page of the ids that the engine names; and
 * tells when the last sweep ended. */
#include "common/base/clock.h"
#include "common/store/core.h"

/* Whom a walk calls. */
struct visitor {
	h5_store_visit_fn visit;
	void *arg;
};

/* Is this order meant?  Records are named before they are read. */
static bool
meant(const struct h5_store *st, const struct h5_engine_walk *w,
    const struct h5_order *o)
{
	/* The engine names more than is meant, since it does not read records:
	 * those at rest are left out here. */
	if (w->kind != H5_ENGINE_CREATED)
		return !h5_order_at_rest(o, st->hooks);
	/* A creation that lost a race leaves its id on a day of its own. */
	return o->created_at >= w->from && o->created_at < w->to &&
	       o->created_at >= w->since &&
	       (w->until == 0 || o->created_at < w->until);
}

static enum h5_code
visit_one(struct h5_store *st, const struct h5_engine_walk *w, const char *id,
    const struct visitor *v, struct h5_err *e)
{
	struct h5_order *o;
	struct h5_err why;
	enum h5_code rc;

	/* Only now: another program may have cared for it while this walk
	 * waited for WeChat. */
	rc = h5_store_load(st, id, &o, &why);
	/* H5_E_NOTFOUND: its creation was cut short after it was named. */
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	if (rc == H5_E_NOMEM)
		return h5_err_nomem(e);
	/* H5_E_CONFIG: not this order's fault; the store is too new for this
	 * program, and so would every other order be. */
	if (rc == H5_E_CONFIG)
		return h5_err_set(e, rc, "%s", why.msg);
	/* A record that cannot be read is shown to the visitor and does not end
	 * the walk: the others still need care. */
	if (rc != H5_OK)
		return v->visit(v->arg, id, NULL, &why);
	if (meant(st, w, o))
		rc = v->visit(v->arg, id, o, NULL);
	h5_order_free(o);
	return rc;
}

static enum h5_code
walk(struct h5_store *st, struct h5_engine_walk *w, const struct visitor *v,
    struct h5_err *e)
{
	enum h5_code rc;
	size_t i;

	do {
		rc = st->engine->page(st->own, w, e);
		for (i = 0; rc == H5_OK && w->more && i < w->n; i++)
			rc = visit_one(st, w, w->ids[i], v, e);
	} while (rc == H5_OK && w->more);
	/* After a failure as well: an engine may hold a folder open. */
	st->engine->leave(st->own, w);
	return rc;
}

enum h5_code
h5_store_each(struct h5_store *st, int64_t since, int64_t until,
    h5_store_visit_fn visit, void *arg, struct h5_err *e)
{
	struct h5_engine_walk w = {
	    .kind = H5_ENGINE_CREATED, .since = since, .until = until};
	const struct visitor v = {visit, arg};

	return walk(st, &w, &v, e);
}

enum h5_code
h5_store_each_open(
    struct h5_store *st, h5_store_visit_fn visit, void *arg, struct h5_err *e)
{
	struct h5_engine_walk w = {.kind = H5_ENGINE_OPEN};
	const struct visitor v = {visit, arg};

	return walk(st, &w, &v, e);
}

enum h5_code
h5_store_each_due(struct h5_store *st, int64_t now, int claim_ms,
    h5_store_visit_fn visit, void *arg, struct h5_err *e)
{
	struct h5_engine_walk w = {
	    .kind = H5_ENGINE_DUE, .now = now, .claim_ms = claim_ms};
	const struct visitor v = {visit, arg};

	return walk(st, &w, &v, e);
}

/* --- when the last sweep ended -------------------------------------------- */

enum h5_code
h5_store_swept(struct h5_store *st, struct h5_err *e)
{
	return st->engine->swept(st->own, h5_clock_now(), e);
}

enum h5_code
h5_store_swept_at(struct h5_store *st, int64_t *at, struct h5_err *e)
{
	enum h5_code rc;
	int64_t made_at;

	*at = 0;
	rc = st->engine->swept_at(st->own, at, &made_at, e);
	if (rc == H5_OK && *at == 0)
		rc = h5_err_set(e, H5_E_NOTFOUND, "no sweep has ended here");
	return rc;
}

bool
h5_store_unswept(struct h5_store *st, int64_t now, int64_t age_s)
{
	int64_t at = 0, made_at = 0;

	/* A store that was never swept is as old as its making: a new shop is
	 * not warned in its first minutes. */
	if (st->engine->swept_at(st->own, &at, &made_at, NULL) != H5_OK ||
	    at == 0)
		at = made_at;
	return at != 0 && now - at >= age_s;
}
