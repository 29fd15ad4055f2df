/* What is known to be durable.  Seen is not durable: a row whose commit still
 * waited for its standby is there after a restart, and gone after a failover.
 * A commit of our own that came later vouches for it. */
#include <string.h>

#include "common/base/sum.h"
#include "common/store/postgresql/pg.h"

/* A statement that only reads would not wait for the standby. */
static const struct h5_pg_statement seal = {"h5_seal",
    "INSERT INTO h5_seal (slot, at) VALUES ($1::int, now())"
    " ON CONFLICT (slot) DO UPDATE SET at = excluded.at"
    " RETURNING current_setting('synchronous_commit')",
    1, 0, true};

static struct h5_pg_known *
place(struct h5_postgresql *pg, uint64_t id)
{
	return &pg->known[id % H5_PG_KNOWN];
}

bool
h5_seal_sure(struct h5_postgresql *pg, const char *id, unsigned lines)
{
	uint64_t sum = h5_sum_64(id, strlen(id), 0);
	struct h5_pg_known *k = place(pg, sum);
	bool sure;

	(void)pthread_mutex_lock(&pg->lock);
	sure = k->id == sum && k->lines >= lines;
	(void)pthread_mutex_unlock(&pg->lock);
	return sure;
}

void
h5_seal_learn(struct h5_postgresql *pg, const char *id, unsigned lines)
{
	uint64_t sum = h5_sum_64(id, strlen(id), 0);
	struct h5_pg_known *k = place(pg, sum);

	(void)pthread_mutex_lock(&pg->lock);
	k->id = sum;
	k->lines = lines;
	(void)pthread_mutex_unlock(&pg->lock);
}

enum h5_code
h5_seal(struct h5_postgresql *pg, int64_t until_ms, struct h5_err *e)
{
	char slot[H5_PG_NUMBER];
	const char *values[] = {h5_run_text(pg->slot, slot)};
	struct h5_wire_answer *a;
	enum h5_code rc;

	/* Asked again as often as it takes: the last one counts. */
	rc = h5_run_ask(pg, &seal, values, until_ms, &a, e);
	if (rc == H5_OK)
		rc = h5_guard_durable(pg, h5_wire_value(a, 0, 0), e);
	h5_wire_drop(rc == H5_OK || rc == H5_E_CONFIG ? a : NULL);
	return rc;
}
