/* Asks WeChat whether the money of a payment is still there, before the shop is
 * told of it. */
#include "common/pay/stays.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/pay/elsewhere.h"
#include "common/pay/hold.h"
#include "common/pay/returned.h"
#include "common/wechat/wechat.h"

/* A notice comes within seconds, and its first repetitions within minutes. */
#define OLD_S 300
/* If money went back, and WeChat does not say how much. */
#define HELD_S 600

static bool
by_notice(const struct h5_order *o)
{
	return strcmp(o->paid_via, "notify") == 0;
}

bool
h5_stays_doubtful(
    const struct h5_order *o, const struct h5_outgoing *g, int64_t now)
{
	size_t i;

	if (strcmp(g->type, "order.paid") != 0 || g->done != 0)
		return false;
	for (i = 0; i < o->n_refunds; i++)
		if (o->refunds[i].state == H5_REFUND_HINTED)
			return true;
	/* A notice is as old as the payment, whenever it comes; an answer is
	 * as old as its line. */
	return now - (by_notice(o) ? o->paid_at : g->at) > OLD_S;
}

int
h5_stays_most_ms(const struct h5_shop *shop)
{
	/* Waiting for another conversation, orderquery, and refundquery with a
	 * page or two more. */
	return 5 * (shop->c->gateway.deadline_ms + 1000);
}

/* Does WeChat say that some of this payment went back? */
static bool
some_went_back(const struct h5_order *o, const struct h5_wechat_trade *t)
{
	return strcmp(t->trade_state, "REFUND") == 0 &&
	       strcmp(t->transaction_id, o->transaction_id) == 0;
}

/* How much of it.  Not knowing holds the news up, but not for ever. */
static enum h5_code
take_in(const struct h5_shop *shop, int64_t until, struct h5_order **o,
    struct h5_err *e)
{
	char number[H5_OUT_TRADE_NO_MAX + 1];
	struct h5_wechat_refunds *list;
	enum h5_code rc;
	bool all;

	memcpy(number, h5_order_paid_attempt(*o)->out_trade_no, sizeof number);
	rc = h5_returned_ask(shop, *o, h5_order_paid_attempt(*o),
	    (*o)->transaction_id, &list, &all, e);
	if (rc == H5_OK)
		rc = h5_returned_record_all(shop, list, o, e);
	/* APIv3 does not list them.  The alert keeps the news back. */
	if (rc == H5_OK && !all &&
	    !h5_elsewhere_explained(*o, h5_order_paid_attempt(*o)))
		rc = h5_elsewhere_note(shop, number, o, e);
	else if ((rc == H5_E_NET || rc == H5_E_REMOTE) &&
		 h5_clock_now() >= until)
		rc = H5_OK;
	free(list);
	return rc;
}

enum h5_code
h5_stays_ask(
    const struct h5_shop *shop, const char *id, int64_t at, struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	struct h5_store_hold *hold = NULL;
	struct h5_order *o = NULL;
	struct h5_wechat_trade t;
	enum h5_code rc;

	rc = h5_pay_hold(shop, id, &hold, &o, e);
	if (rc != H5_OK)
		goto out;
	rc = h5_wechat_query(
	    shop->wx, shop->log, h5_order_paid_attempt(o), &t, &refusal, e);
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS) {
		if (some_went_back(o, &t))
			rc = take_in(shop, at + HELD_S, &o, e);
	} else if (rc == H5_OK || rc == H5_E_NET || rc == H5_E_REMOTE) {
		/* The shop must not wait for WeChat: a signed notice stands
		 * until somebody says otherwise. */
		rc = H5_OK;
		h5_log_event(shop->log, H5_LOG_WARN, "paid-not-asked", "order",
		    id, NULL);
	}
	h5_wechat_trade_release(&t);
out:
	h5_store_release(hold);
	h5_order_free(o);
	return rc;
}
