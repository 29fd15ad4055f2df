/* derive.h - what is derived from records: which orders there are, and when
 * each has work.  Private to the plug-in. */
#ifndef H5_STORE_POSTGRESQL_DERIVE_H
#define H5_STORE_POSTGRESQL_DERIVE_H

#include "common/store/postgresql/pg.h"

/* One record and what stands beside it, all of one moment. */
struct h5_derive_record {
	char id[H5_ORDER_ID_MAX + 1];
	struct h5_buf bytes;
	unsigned units; /* rows */
	unsigned last; /* the number of the last one */
	bool gap; /* the numbers are not those of the lines */
	bool listed; /* in h5_order */
	int64_t created_at; /* as it is listed */
	bool due; /* in h5_due */
	int64_t due_at;
	bool away; /* in h5_away */
};
typedef enum h5_code (*h5_derive_each_fn)(
    void *arg, struct h5_derive_record *r, struct h5_err *e);

/* h5_derive_each(pg, each, arg, e): each record of the store, in the order of
 * keys. A record that grows meanwhile may come in two states; h5_derive_again
 * reads it anew. */
H5_MUST_CHECK enum h5_code h5_derive_each(struct h5_postgresql *pg,
    h5_derive_each_fn each, void *arg, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_derive_again(
    struct h5_postgresql *pg, struct h5_derive_record *r, struct h5_err *e);

/* h5_derive(pg, r, o, e): write what is derived from o, whose record r is
 * and was read just now; if it has grown since, nothing. */
H5_MUST_CHECK enum h5_code h5_derive(struct h5_postgresql *pg,
    const struct h5_derive_record *r, const struct h5_order *o,
    struct h5_err *e);

/* h5_derive_hooks(pg, e): when each order has work follows from which hooks
 * there are.  If one is new, everything is derived again. */
H5_MUST_CHECK enum h5_code h5_derive_hooks(
    struct h5_postgresql *pg, struct h5_err *e);

/* h5_derive_total(pg, n, e): how many orders are listed. */
H5_MUST_CHECK enum h5_code h5_derive_total(
    struct h5_postgresql *pg, uint64_t *n, struct h5_err *e);

#endif
