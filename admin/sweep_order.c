/* What a sweep does for one order: ask, close, look after refunds, tell the
 * shop. */
#include <stdio.h>
#include <string.h>

#include "admin/sweep.h"
#include "common/base/clock.h"
#include "common/hooks/hooks.h"
#include "common/order/due.h"
#include "common/pay/attempt.h"
#include "common/pay/refund.h"

static void
say(const struct sweeping *s, const char *id, const char *what)
{
	if (!s->cmd->quiet)
		(void)printf(s->cmd->json
				 ? "{\"order\":\"%s\",\"done\":\"%s\"}\n"
				 : "%s\t%s\n",
		    id, what);
}

void
sweep_failed(
    struct sweeping *s, const char *id, enum h5_code rc, const struct h5_err *e)
{
	/* Somebody else works on it, or WeChat will not close it yet: the next
	 * sweep looks again. */
	if (rc == H5_E_BUSY || rc == H5_E_STATE)
		return;
	command_complain(id, e->msg);
	(void)pthread_mutex_lock(&s->lock);
	if (s->worst == H5_OK)
		s->worst = rc;
	(void)pthread_mutex_unlock(&s->lock);
}

static int64_t
query_gap(const struct h5_shop *shop)
{
	return shop->c->orders.query_interval_s;
}

/* When WeChat is to be asked about an order.  One that is named may be so
 * because its code is being looked at. */
static int64_t
ask_at(const struct sweeping *s, const struct h5_shop *shop,
    const struct h5_order *o)
{
	int64_t at = h5_due_ask(o, query_gap(shop));
	int64_t watched = s->named ? h5_due_watched(o) : H5_DUE_NEVER;

	return watched < at ? watched : at;
}

static void
settle(struct sweeping *s, const struct h5_shop *shop,
    const struct h5_order *before, int64_t now)
{
	struct h5_order *o = NULL;
	bool asked = true;
	struct h5_err e;
	enum h5_code rc = H5_E_STATE; /* it goes on */

	if (now >= h5_order_ends_at(before) && !s->jumped)
		rc = h5_pay_expire(shop, before->id, &o, &e);
	/* One that did not end is asked about like any other. */
	if (rc == H5_E_STATE && (o == NULL || !h5_order_settled(o)) &&
	    now >= ask_at(s, shop, o != NULL ? o : before)) {
		h5_order_free(o);
		rc = h5_pay_ask(shop, before->id, false, &asked, &o, &e);
	}
	if (o != NULL && o->state != before->state)
		say(s, before->id, h5_order_state_name(o->state));
	if (rc != H5_OK)
		sweep_failed(s, before->id, rc, &e);
	h5_order_free(o);
}

/* Asks what became of refunds, also of those that only a notice told of. */
static void
follow_refunds(struct sweeping *s, const struct h5_shop *shop, const char *id)
{
	struct h5_order *o = NULL, *after = NULL;
	enum h5_order_state was;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_store_load(shop->st, id, &o, &e);
	if (rc == H5_OK && h5_refund_due(o, h5_clock_now())) {
		was = o->state;
		rc = h5_refund_look(shop, id, false, &after, &e);
		if (after != NULL && after->state != was)
			say(s, id, h5_order_state_name(after->state));
	}
	if (rc != H5_OK)
		sweep_failed(s, id, rc, &e);
	h5_order_free(o);
	h5_order_free(after);
}

static void
deliver(struct sweeping *s, const struct h5_shop *shop, const char *id)
{
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;

	if (shop->c->hooks.mask == 0)
		return;
	rc = h5_store_load(shop->st, id, &o, &e);
	if (rc == H5_OK && h5_hooks_due(shop->c, o, h5_clock_now()) != NULL) {
		rc = h5_hooks_deliver(shop, id, false, &e);
		if (rc == H5_OK)
			say(s, id, "delivered");
	}
	if (rc != H5_OK)
		sweep_failed(s, id, rc, &e);
	h5_order_free(o);
}

/* A notice that is not believed says that it was paid.  Every attempt is asked
 * about, a closed order's as well, but no more often than for a buyer. */
static void
ask_now(struct sweeping *s, const struct h5_shop *shop,
    const struct h5_order *before)
{
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;
	bool asked;

	if (h5_pay_too_early(shop, before, h5_clock_now()))
		return;
	rc = h5_pay_ask(shop, before->id, true, &asked, &o, &e);
	if (o != NULL && o->state != before->state)
		say(s, before->id, h5_order_state_name(o->state));
	if (rc != H5_OK)
		sweep_failed(s, before->id, rc, &e);
	h5_order_free(o);
}

void
sweep_one(struct sweeping *s, const struct h5_shop *shop, const char *id)
{
	int64_t now = h5_clock_now();
	struct h5_order *o = NULL, *after = NULL;
	struct h5_err e;
	enum h5_code rc;

	/* Only now: another program may have cared for it while it waited. */
	rc = h5_store_load(shop->st, id, &o, &e);
	if (rc != H5_OK) {
		sweep_failed(s, id, rc, &e);
		return;
	}
	if (s->ask)
		ask_now(s, shop, o);
	else if (now < h5_due_at(o, shop->c->hooks.mask, query_gap(shop)) &&
		 (h5_order_settled(o) || now < ask_at(s, shop, o)))
		goto out;
	else if (!h5_order_settled(o))
		settle(s, shop, o, now);
	if (h5_due_close_rest(o)) {
		rc = h5_pay_close_rest(shop, id, &after, &e);
		if (rc != H5_OK)
			sweep_failed(s, id, rc, &e);
	}
	sweep_bill(s, shop, id);
	follow_refunds(s, shop, id);
	deliver(s, shop, id);
out:
	h5_order_free(o);
	h5_order_free(after);
}
