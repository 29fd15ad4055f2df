/* Parts of the fold that its functions share: making room in the order's lists,
 * and noting what the shop must hear of. */
#include "common/order/fold_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
h5_fold_keep(char *to, const char *from)
{
	memcpy(to, from, strlen(from) + 1);
}

/* Makes room for one more entry behind n.  Lists hold 4, 8, 16 or more entries,
 * so the count alone tells when one is full.  NULL: out of memory; v is as it
 * was. */
static void *
grow(void *v, size_t n, size_t size)
{
	if (n == 0)
		return reallocarray(v, 4, size);
	if (n >= 4 && (n & (n - 1)) == 0)
		return reallocarray(v, n * 2, size);
	return v;
}

enum h5_code
h5_fold_room_for_event(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->events, o->n_events, sizeof *o->events);

	if (v == NULL)
		return h5_err_nomem(e);
	o->events = v;
	return H5_OK;
}

enum h5_code
h5_fold_room_for_attempt(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->attempts, o->n_attempts, sizeof *o->attempts);

	if (v == NULL)
		return h5_err_nomem(e);
	o->attempts = v;
	return H5_OK;
}

enum h5_code
h5_fold_room_for_refund(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->refunds, o->n_refunds, sizeof *o->refunds);

	if (v == NULL)
		return h5_err_nomem(e);
	o->refunds = v;
	return H5_OK;
}

enum h5_code
h5_fold_room_for_outgoing(struct h5_order *o, struct h5_err *e)
{
	void *v = grow(o->outgoing, o->n_outgoing, sizeof *o->outgoing);

	if (v == NULL)
		return h5_err_nomem(e);
	o->outgoing = v;
	return H5_OK;
}

void
h5_fold_tell_shop(
    struct h5_order *o, const struct h5_event *ev, const char *type)
{
	struct h5_outgoing *g = &o->outgoing[o->n_outgoing++];

	memset(g, 0, sizeof *g);
	/* Events are counted from 1, and this one is not in the list yet. */
	(void)snprintf(
	    g->id, sizeof g->id, "evt_%s_%zu", o->id, o->n_events + 1);
	g->type = type;
	g->at = ev->at;
}

enum h5_code
h5_fold_attempt(const struct h5_order *o, const struct h5_event *ev,
    struct h5_attempt **a, struct h5_err *e)
{
	enum h5_code rc;
	char *no;

	*a = NULL;
	rc =
	    h5_event_read_text(ev, "out_trade_no", H5_OUT_TRADE_NO_MAX, &no, e);
	if (rc != H5_OK)
		return rc;
	*a = h5_order_attempt(o, no);
	if (*a == NULL)
		return h5_err_set(e, H5_E_INPUT, "%s: %s has no attempt %s",
		    h5_event_name(ev->kind), o->id, no);
	return H5_OK;
}
