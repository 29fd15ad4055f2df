/* The pace of a sweep: a question about a payment or a refund comes soon after
 * it began and then ever more seldom; what the shop must hear of comes first.
 */
#include "common/order/due.h"

/* The first question follows two minutes after the last sign of life; then a
 * fifth of the order's age passes between two, at most an hour. */
#define ASK_FIRST_S 120
#define ASK_LEAST_S 60
#define ASK_MOST_S 3600

/* Refunds likewise; one that takes longer than two days is looked at four times
 * a day. */
#define LOOK_LEAST_S 60
#define LOOK_MOST_S 3600
#define LOOK_OLD_S (2 * 86400)
#define LOOK_OLD_GAP_S (6 * 3600)

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first second, at least least and at most most after last, at which the
 * time since last is a fifth of the age of what began at began. */
static int64_t
after_a_fifth(int64_t began, int64_t last, int64_t least, int64_t most)
{
	int64_t gap = (last - began - 1) / 4;

	return last + earlier(later(gap, least), most);
}

int64_t
h5_due_ask(const struct h5_order *o, int64_t query_gap)
{
	int64_t next;

	if (o->tried_at <= 0)
		return ASK_FIRST_S +
		       later(o->created_at, h5_order_current(o)->mweb_url_at);
	next =
	    after_a_fifth(o->created_at, o->tried_at, ASK_LEAST_S, ASK_MOST_S);
	return later(next, o->tried_at + query_gap);
}

int64_t
h5_due_refund(const struct h5_refund *r)
{
	int64_t began = r->asked_at != 0 ? r->asked_at : r->hinted_at;
	int64_t last = later(r->asked_at, r->looked_at), next;

	if (h5_order_refund_over(r))
		return H5_DUE_NEVER;
	if (r->hinted_at != 0 && r->hinted_at >= r->looked_at)
		return 0;
	next = after_a_fifth(began, last, LOOK_LEAST_S, LOOK_MOST_S);
	if (next - began > LOOK_OLD_S)
		next = later(last + LOOK_OLD_GAP_S, began + LOOK_OLD_S + 1);
	return next;
}

bool
h5_due_close_rest(const struct h5_order *o)
{
	size_t i;

	if (o->paid_at == 0)
		return false;
	for (i = 0; i < o->n_attempts; i++)
		if (o->attempts[i].state == H5_ATTEMPT_AWAITING)
			return true;
	return false;
}

int64_t
h5_due_at(const struct h5_order *o, unsigned hooks, int64_t query_gap)
{
	const struct h5_outgoing *untold = h5_order_untold(o, hooks);
	int64_t due = untold != NULL ? untold->retry_at : H5_DUE_NEVER;
	size_t i;

	if (h5_due_close_rest(o))
		return 0;
	if (!h5_order_settled(o))
		return earlier(due,
		    earlier(h5_order_ends_at(o), h5_due_ask(o, query_gap)));
	for (i = 0; i < o->n_refunds; i++)
		due = earlier(due, h5_due_refund(&o->refunds[i]));
	return due;
}
