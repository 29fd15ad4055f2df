/* fsck: reads every record, and what is derived from it. */
#include <stdio.h>
#include <string.h>

#include "common/order/due.h"
#include "common/store/format.h"
#include "common/store/postgresql/derive.h"
#include "common/store/record.h"

struct checking {
	struct h5_postgresql *pg;
	struct h5_store_report *r;
	bool repair;
	uint64_t done, total;
};

static void
found(struct checking *c, uint64_t *counter, const char *id, const char *what,
    bool repaired)
{
	(*counter)++;
	if (c->r->found != NULL)
		c->r->found(c->r->arg, id, what, repaired);
}

/* Of what is derived: NULL if all is well. */
static const char *
derived_wrong(const struct checking *c, const struct h5_derive_record *r,
    const struct h5_order *o)
{
	int64_t due = h5_due_at(o, c->pg->hooks, c->pg->w->query_gap_s);

	if (!r->listed)
		return "is not in h5_order";
	if (r->created_at != o->created_at)
		return "stands in h5_order under another time";
	if (due == H5_DUE_NEVER)
		return NULL;
	if (!r->due)
		return "has work to do and is not in h5_due";
	/* Too early costs a look for nothing. */
	return r->due_at > due ? "stands in h5_due too late" : NULL;
}

static enum h5_code
fold(struct checking *c, struct h5_derive_record *r, struct h5_order **o,
    const char **wrong, struct h5_err *why)
{
	struct h5_ledger_at at;
	enum h5_code rc;
	size_t whole;

	*wrong = NULL;
	rc = h5_record_fold(&r->bytes, r->id, o, &whole, &at, why);
	if (rc == H5_OK && (r->gap || whole < r->bytes.len)) {
		rc = h5_err_set(why, H5_E_INPUT,
		    "its units are not numbered by their lines");
		h5_order_free(*o);
		*o = NULL;
	}
	rc = h5_format_believe(c->pg->self, c->pg, rc, why);
	if (rc == H5_OK)
		*wrong = derived_wrong(c, r, *o);
	return rc;
}

static enum h5_code
check_one(void *arg, struct h5_derive_record *r, struct h5_err *e)
{
	struct checking *c = arg;
	const char *wrong;
	struct h5_order *o;
	struct h5_err why;
	enum h5_code rc;

	c->done++;
	if (c->r->progress != NULL && (c->done & 255) == 0)
		c->r->progress(c->r->arg, c->done,
		    c->total > c->done ? c->total : c->done);
	rc = fold(c, r, &o, &wrong, &why);
	/* It may have grown between two pages: look again at one moment. */
	if (rc == H5_E_INPUT || wrong != NULL) {
		h5_order_free(o);
		rc = h5_derive_again(c->pg, r, e);
		if (rc != H5_OK)
			return rc;
		rc = fold(c, r, &o, &wrong, &why);
	}
	if (rc == H5_E_INPUT) {
		found(c, &c->r->broken, r->id, why.msg, false);
		rc = H5_OK;
	} else if (rc != H5_OK) {
		(void)h5_err_pass(e, &why);
	} else {
		c->r->orders++;
		if (wrong != NULL && c->repair)
			rc = h5_derive(c->pg, r, o, e);
		if (wrong != NULL)
			found(c, &c->r->derived, r->id, wrong,
			    c->repair && rc == H5_OK);
	}
	h5_order_free(o);
	return rc;
}

enum h5_code
h5_postgresql_check(
    void *store, bool repair, struct h5_store_report *r, struct h5_err *e)
{
	struct checking c = {.pg = store, .r = r, .repair = repair};
	enum h5_code rc;

	rc = h5_derive_total(c.pg, &c.total, e);
	return rc == H5_OK ? h5_derive_each(c.pg, check_one, &c, e) : rc;
}
