/* fsck: counts one finding and reports it, and takes in one order that was
 * read. */
#include <stdlib.h>
#include <string.h>

#include "common/order/since.h"
#include "common/store/files/internal.h"

void
h5_files_check_found(struct h5_files_checking *c, uint64_t *counter,
    const char *id, const char *what, bool repaired)
{
	(*counter)++;
	if (c->r->found != NULL)
		c->r->found(c->r->arg, id, what, repaired);
}

enum h5_code
h5_files_check_order(
    struct h5_files_checking *c, const struct h5_order *o, struct h5_err *e)
{
	unsigned since, newest = h5_since_newest();
	struct h5_files_entry *en;
	size_t cap, i;
	void *v;

	if (c->n == c->cap) {
		cap = c->cap == 0 ? 1024 : c->cap * 2;
		v = reallocarray(c->v, cap, sizeof *c->v);
		if (v == NULL)
			return h5_err_nomem(e);
		c->v = v;
		c->cap = cap;
	}
	en = &c->v[c->n++];
	en->created_at = o->created_at;
	/* Ids and times only, since the orders of years do not fit into
	 * memory. */
	memcpy(en->id, o->id, sizeof en->id);
	en->open = !h5_order_at_rest(o, c->st->hooks);
	c->r->orders++;
	/* What needs a newer format than the store has is looked for only
	 * where it can have been written. */
	for (i = 0; c->st->format.number < newest && i < o->n_events; i++) {
		since = h5_since_event(&o->events[i]);
		c->format = since > c->format ? since : c->format;
	}
	return H5_OK;
}
