/* Puts on record what the operator settled by hand. */
#include "common/pay/hand.h"

#include "common/pay/elsewhere.h"
#include "common/store/store.h"

static bool
is_so(const struct h5_order *o, const struct h5_hand *hand)
{
	if (hand->note == NULL)
		return o->refunded_by_hand == hand->refunded;
	return (o->alerts & H5_ALERT_DISPUTED) != 0 &&
	       (h5_order_alerts_open(o) & H5_ALERT_DISPUTED) == 0;
}

/* What may not be is refused by the fold. */
static enum h5_code
decide(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct h5_hand *hand = arg;
	struct h5_event *ev;
	enum h5_code rc;

	if (is_so(o, hand))
		return H5_OK;
	if (hand->note == NULL) {
		rc = h5_elsewhere_keep(b, o,
		    h5_order_refunds_out(o, NULL) - o->refunded_by_hand +
			hand->refunded,
		    e);
		if (rc != H5_OK)
			return rc;
	}
	ev = h5_store_add(b, H5_EVENT_SETTLED);
	h5_event_text(
	    ev, "how", hand->note != NULL ? "disputed-done" : "refunded");
	h5_event_text(ev, "by", hand->by);
	h5_event_text(ev, "note", hand->note);
	if (hand->note == NULL)
		h5_event_number(ev, "refund_fee", hand->refunded);
	return h5_event_finish(ev, e);
}

enum h5_code
h5_hand_settle(const struct h5_shop *shop, const char *id,
    const struct h5_hand *hand, struct h5_order **o, struct h5_err *e)
{
	struct h5_hand copy = *hand;
	enum h5_code rc;

	rc = h5_store_update(shop->st, id, NULL, decide, &copy, o, e);
	if (rc == H5_OK)
		h5_log_event(shop->log, H5_LOG_INFO, "settled-by-hand", "order",
		    id, "how",
		    hand->note != NULL ? "disputed-done" : "refunded", "by",
		    hand->by, "refund_fee",
		    hand->note == NULL ? H5_LOG_NUM(hand->refunded) : NULL,
		    NULL);
	return rc;
}
