/* The pace of a sweep: when to ask about a payment or a refund, when to close,
 * when to tell the shop.  Questions come soon after a thing began and then ever
 * more seldom. */
#include "common/order/due.h"

#include "common/base/clock.h"

/* The first question follows two minutes after the last sign of life; then a
 * fifth of the order's age passes between two, at most an hour. */
#define WATCHED_GAP_S 15
#define ASK_FIRST_S 120
#define ASK_LEAST_S 60
#define ASK_MOST_S 3600
/* After six answers without a buyer who came back, the gap is no longer a fifth
 * of the age but half of it: a flood of abandoned orders then costs half the
 * questions. */
#define ASK_PATIENCE 6

/* Refunds follow the same rule.  A refund that takes longer than two days is
 * looked at four times a day. */
#define LOOK_LEAST_S 60
#define LOOK_MOST_S 3600
#define LOOK_OLD_S (2 * 86400)
#define LOOK_OLD_GAP_S (6 * 3600)

/* The bill of a day is there from ten o'clock of the next one. */
#define BILL_S (10 * 3600 + 600)
#define DAY_S 86400

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

/* The first second at which the time since last is a fifth of the age of
 * something that began at began.  The result is at least least and at most most
 * seconds after last. */
static int64_t
after_a_fifth(int64_t began, int64_t last, int64_t least, int64_t most)
{
	/* If t is the answer, t - last = (t - began) / 5, hence t - last =
	 * (last - began) / 4.  One is taken off so that a fraction is rounded
	 * up. */
	int64_t gap = (last - began - 1) / 4;

	return last + earlier(later(gap, least), most);
}

/* Questions that WeChat answered since a buyer last went there. */
static unsigned
answers_since_buyer(const struct h5_order *o)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < o->n_events; i++)
		if (o->events[i].kind == H5_EVENT_PREPAID)
			n = 0;
		else if (o->events[i].kind == H5_EVENT_QUERIED)
			n++;
	return n;
}

int64_t
h5_due_ask(const struct h5_order *o, int64_t query_gap)
{
	int64_t next;

	/* Never asked: the buyer gets time to pay first, counted from the last
	 * thing that was done for the buyer. */
	if (o->tried_at <= 0)
		return ASK_FIRST_S +
		       later(o->created_at, h5_order_current(o)->prepaid_at);
	next =
	    after_a_fifth(o->created_at, o->tried_at, ASK_LEAST_S, ASK_MOST_S);
	if (answers_since_buyer(o) >= ASK_PATIENCE)
		next = later(
		    next, o->tried_at +
			      earlier(o->tried_at - o->created_at, ASK_MOST_S));
	return later(next, o->tried_at + query_gap);
}

int64_t
h5_due_watched(const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_current(o);

	if (h5_order_nothing_due(o) || a->product != H5_PRODUCT_NATIVE ||
	    a->state != H5_ATTEMPT_AWAITING || a->code_url == NULL)
		return H5_DUE_NEVER;
	return later(o->tried_at, a->prepaid_at) + WATCHED_GAP_S;
}

int64_t
h5_due_refund(const struct h5_refund *r)
{
	/* A refund that is known from a notice alone began with the notice. */
	int64_t began = r->asked_at != 0 ? r->asked_at : r->hinted_at;
	int64_t last = later(r->asked_at, r->looked_at), next;

	if (h5_order_refund_over(r))
		return H5_DUE_NEVER;
	if (began == 0)
		began = r->heard_at;
	/* A notice is a reason to look at once, even if the last look was only
	 * just made.  Both times are whole seconds, so a notice in the same
	 * second counts as the later one. */
	if (r->hinted_at != 0 && r->hinted_at >= r->looked_at)
		return 0;
	next = after_a_fifth(began, last, LOOK_LEAST_S, LOOK_MOST_S);
	/* The gap may reach past the second day.  From there on the slower pace
	 * holds, and it begins no sooner than that day ends. */
	if (next - began > LOOK_OLD_S)
		next = later(last + LOOK_OLD_GAP_S, began + LOOK_OLD_S + 1);
	return next;
}

int64_t
h5_due_bill(const struct h5_order *o)
{
	int64_t last = later(o->elsewhere_at, o->billed_at), day;

	if (!h5_order_bill_wanted(o))
		return H5_DUE_NEVER;
	/* The first second of the day after, in Beijing. */
	day = h5_clock_day_start(last) + DAY_S;
	return day + BILL_S;
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

	/* This comes first: until it is done, the order can be paid twice. */
	if (h5_due_close_rest(o))
		return 0;
	/* A payment is asked about until the order ends; refunds come after. */
	if (!h5_order_settled(o))
		return earlier(due,
		    earlier(h5_order_ends_at(o), h5_due_ask(o, query_gap)));
	for (i = 0; i < o->n_refunds; i++)
		due = earlier(due, h5_due_refund(&o->refunds[i]));
	return earlier(due, h5_due_bill(o));
}
