/* A notice that speaks of a refund: kept as hearsay, so that WeChat is asked
 * soon.  Apart from refund.c, since notify must not be linked to what calls
 * WeChat. */
#include "common/pay/refund_hint.h"

#include "common/store/store.h"

/* A refund notice is not signed: it only says that WeChat should be asked.  The
 * same hint twice is one. */
enum h5_code
h5_refund_decide_hint(void *arg, const struct h5_order *o,
    struct h5_store_batch *b, struct h5_err *e)
{
	const struct h5_wechat_hint *hint = arg;
	struct h5_event *ev;
	size_t i;

	/* A notice that repeats itself, or that only says what refundquery told
	 * before, adds no line: anybody can send one, so a ledger must not grow
	 * by it. */
	for (i = 0; i < o->n_events; i++)
		if ((o->events[i].kind == H5_EVENT_REFUND_HINT ||
			o->events[i].kind == H5_EVENT_REFUNDED) &&
		    h5_fields_is(&o->events[i].fields, "out_refund_no",
			hint->out_refund_no) &&
		    (h5_fields_is(&o->events[i].fields, "refund_status",
			 hint->refund_status) ||
			h5_fields_is(&o->events[i].fields, "status",
			    hint->refund_status)))
			return H5_OK;
	ev = h5_store_add(b, H5_EVENT_REFUND_HINT);
	h5_event_text(ev, "out_refund_no", hint->out_refund_no);
	/* The number is hearsay.  It is kept only if it is one of this
	 * order's. */
	if (h5_order_attempt(o, hint->out_trade_no) != NULL)
		h5_event_text(ev, "out_trade_no", hint->out_trade_no);
	/* Fields that the notice left out are left out here. */
	if (hint->refund_id[0] != '\0')
		h5_event_text(ev, "refund_id", hint->refund_id);
	h5_event_text(ev, "refund_status", hint->refund_status);
	if (hint->refund_fee != 0)
		h5_event_number(ev, "refund_fee", hint->refund_fee);
	return h5_event_finish(ev, e);
}

enum h5_code
h5_refund_hint(const struct h5_shop *shop, struct h5_wechat_hint *hint,
    char id[H5_ORDER_ID_MAX + 1], struct h5_err *e)
{
	unsigned attempt;
	enum h5_code rc;

	/* The order's number is found by its form alone, before anything is
	 * read: junk costs no access to the disk. */
	if (h5_number_order_of(hint->out_trade_no, id, &attempt, NULL) != H5_OK)
		return h5_err_set(e, H5_E_NOTFOUND, "unknown order");
	rc = h5_store_update(
	    shop->st, id, NULL, h5_refund_decide_hint, hint, NULL, e);
	if (rc == H5_E_NOTFOUND)
		return h5_err_set(e, rc, "unknown order");
	if (rc == H5_OK)
		h5_log_event(shop->log, H5_LOG_INFO, "refund-notice", "order",
		    id, "out_refund_no", hint->out_refund_no, "refund_status",
		    hint->refund_status, NULL);
	return rc;
}
