/* What programs ask of an order; nothing here changes one. */
#include "common/order/order.h"

#include <string.h>

/* 2020-01-01: an order of this program was made later, or its clock stood
 * still. */
#define CLOCK_LEAST 1577836800
/* On so many mornings the bills are looked through for a refund that was made
 * elsewhere: WeChat may list it late, and after that a person has to look. */
#define BILLS_MOST 7

struct h5_attempt *
h5_order_attempt(const struct h5_order *o, const char *out_trade_no)
{
	size_t i;

	for (i = 0; i < o->n_attempts; i++)
		if (strcmp(o->attempts[i].out_trade_no, out_trade_no) == 0)
			return &o->attempts[i];
	return NULL;
}

struct h5_attempt *
h5_order_current(const struct h5_order *o)
{
	/* The fold makes the first attempt with the order, so there is one. */
	return &o->attempts[o->n_attempts - 1];
}

struct h5_attempt *
h5_order_paid_attempt(const struct h5_order *o)
{
	size_t i;

	for (i = 0; i < o->n_attempts; i++)
		if (o->attempts[i].state == H5_ATTEMPT_PAID &&
		    strcmp(o->attempts[i].transaction_id, o->transaction_id) ==
			0)
			return &o->attempts[i];
	return NULL;
}

enum h5_product
h5_order_product(const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_paid_attempt(o);

	return a != NULL ? a->product : h5_order_current(o)->product;
}

bool
h5_order_settled(const struct h5_order *o)
{
	return o->state != H5_ORDER_CREATED && o->state != H5_ORDER_AWAITING;
}

bool
h5_order_at_rest(const struct h5_order *o, unsigned hooks)
{
	size_t i;

	/* While an attempt is open at WeChat, somebody may pay. */
	if (!h5_order_settled(o))
		return false;
	for (i = 0; i < o->n_attempts; i++)
		if (o->attempts[i].state == H5_ATTEMPT_AWAITING)
			return false;
	for (i = 0; i < o->n_refunds; i++)
		if (!h5_order_refund_over(&o->refunds[i]))
			return false;
	return !h5_order_bill_wanted(o) && h5_order_untold(o, hooks) == NULL;
}

bool
h5_order_bill_wanted(const struct h5_order *o)
{
	return (h5_order_alerts_open(o) & H5_ALERT_ELSEWHERE) != 0 &&
	       o->billed < BILLS_MOST;
}

bool
h5_order_over(const struct h5_order *o, unsigned hooks)
{
	size_t i;

	if (!h5_order_at_rest(o, hooks) || o->alerts != 0)
		return false;
	for (i = 0; i < o->n_refunds; i++)
		if (o->refunds[i].state == H5_REFUND_CHANGE)
			return false;
	return true;
}

bool
h5_order_attach_is(const struct h5_order *o, const char *attach)
{
	return o->forgotten_at != 0 ||
	       strcmp(o->attach != NULL ? o->attach : "",
		   attach != NULL ? attach : "") == 0;
}

/* Money that does not fit has come in: the buyer must not pay again. */
static bool
held(const struct h5_order *o)
{
	return (o->alerts & (H5_ALERT_DISPUTED | H5_ALERT_OVERPAID)) != 0;
}

bool
h5_order_nothing_due(const struct h5_order *o)
{
	return h5_order_settled(o) || held(o);
}

int64_t
h5_order_expires_at(const struct h5_order *o, int64_t now)
{
	int64_t life = o->expires_at - o->created_at;
	size_t i;

	if (o->created_at >= CLOCK_LEAST)
		return o->expires_at;
	for (i = 0; i < o->n_events; i++)
		if (o->events[i].at >= CLOCK_LEAST)
			return o->events[i].at + life;
	return now + life;
}

int64_t
h5_order_ends_at(const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_current(o);
	int64_t end = h5_order_expires_at(o, INT64_MAX / 2);

	/* A replacement lives a minute beyond WeChat's least (pay.c), which may
	 * be later than the order's own end. */
	return a->time_expire > end ? a->time_expire : end;
}

/* All of the money went back, or is on its way, by refunds that were made
 * elsewhere; or some of it, and how much is not known.  A refund that was asked
 * for here is no secret to the shop, and a notice's word alone is none of
 * WeChat's. */
static bool
went_back(const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_paid_attempt(o);
	const struct h5_refund *r;
	int64_t sum = 0;
	size_t i;

	if ((h5_order_alerts_open(o) & H5_ALERT_ELSEWHERE) != 0)
		return true;
	if ((o->alerts & H5_ALERT_ELSEWHERE) != 0)
		sum = o->refunded_by_hand;
	for (i = 0; i < o->n_refunds; i++) {
		r = &o->refunds[i];
		if (r->asked_at == 0 && r->state != H5_REFUND_HINTED &&
		    r->state != H5_REFUND_CLOSED &&
		    r->state != H5_REFUND_REFUSED &&
		    h5_order_refund_attempt(o, r) == a)
			sum += r->refund_fee;
	}
	return o->transaction_id[0] != '\0' && sum >= o->total_fee;
}

bool
h5_order_owed(
    const struct h5_order *o, const struct h5_outgoing *g, unsigned hooks)
{
	if ((g->done & hooks) == hooks)
		return false;
	/* A payment that nobody was told of is not told once its money is back.
	 * If it stays in the end, it is told then. */
	return g->done != 0 || strcmp(g->type, "order.paid") != 0 ||
	       !went_back(o);
}

const struct h5_outgoing *
h5_order_untold(const struct h5_order *o, unsigned hooks)
{
	size_t i;

	if (o->withheld)
		return NULL;
	for (i = 0; i < o->n_outgoing; i++)
		if (h5_order_owed(o, &o->outgoing[i], hooks))
			return &o->outgoing[i];
	return NULL;
}

/* --- refunds -------------------------------------------------------------- */

struct h5_refund *
h5_order_refund(const struct h5_order *o, const char *out_refund_no)
{
	size_t i;

	for (i = 0; i < o->n_refunds; i++)
		if (strcmp(o->refunds[i].out_refund_no, out_refund_no) == 0)
			return &o->refunds[i];
	return NULL;
}

bool
h5_order_refund_open(const struct h5_refund *r)
{
	return r->state == H5_REFUND_ASKED ||
	       r->state == H5_REFUND_PROCESSING || r->state == H5_REFUND_CHANGE;
}

bool
h5_order_refund_over(const struct h5_refund *r)
{
	return r->state == H5_REFUND_SUCCESS || r->state == H5_REFUND_CLOSED ||
	       r->state == H5_REFUND_REFUSED;
}

const struct h5_attempt *
h5_order_refund_attempt(const struct h5_order *o, const struct h5_refund *r)
{
	/* A refund that was asked for elsewhere may not say which payment it is
	 * of. */
	if (r->out_trade_no[0] != '\0')
		return h5_order_attempt(o, r->out_trade_no);
	return h5_order_paid_attempt(o);
}

unsigned
h5_order_alerts_open(const struct h5_order *o)
{
	return o->alerts & ~o->alerts_done;
}

int64_t
h5_order_received(const struct h5_order *o)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < o->n_attempts; i++)
		if (o->attempts[i].state == H5_ATTEMPT_PAID)
			sum += o->total_fee;
	return sum;
}

int64_t
h5_order_refunds_out(const struct h5_order *o, const struct h5_attempt *a)
{
	int64_t sum = 0;
	size_t i;

	if (a == NULL || (a->state == H5_ATTEMPT_PAID &&
			     h5_order_received(o) == o->total_fee))
		sum = o->refunded_by_hand;
	/* A refund with no answer yet counts: the money may be on its way. */
	for (i = 0; i < o->n_refunds; i++)
		if (o->refunds[i].state != H5_REFUND_CLOSED &&
		    o->refunds[i].state != H5_REFUND_REFUSED &&
		    (a == NULL ||
			h5_order_refund_attempt(o, &o->refunds[i]) == a))
			sum += o->refunds[i].refund_fee;
	return sum;
}

int64_t
h5_order_refunded(const struct h5_order *o)
{
	int64_t sum = o->refunded_by_hand;
	size_t i;

	for (i = 0; i < o->n_refunds; i++)
		if (o->refunds[i].state == H5_REFUND_SUCCESS)
			sum += o->refunds[i].refund_fee;
	return sum;
}
