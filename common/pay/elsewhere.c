/* Refunds that were made elsewhere and that the API does not list: the alert,
 * and what a bill tells of them. */
#include "common/pay/elsewhere.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/pay/hold.h"
#include "common/pay/refund_hint.h"

#define DAY_S 86400
/* Bills of more days than these are not fetched for one order. */
#define DAYS_MOST 31

bool
h5_elsewhere_explained(const struct h5_order *o, const struct h5_attempt *a)
{
	size_t i;

	if (o->refunded_by_hand > 0)
		return true;
	for (i = 0; i < o->n_refunds; i++)
		if (o->refunds[i].state != H5_REFUND_HINTED &&
		    o->refunds[i].state != H5_REFUND_REFUSED &&
		    o->refunds[i].state != H5_REFUND_CLOSED &&
		    h5_order_refund_attempt(o, &o->refunds[i]) == a)
			return true;
	return false;
}

enum h5_code
h5_elsewhere_keep(struct h5_store_batch *b, const struct h5_order *o,
    int64_t out, struct h5_err *e)
{
	struct h5_event *ev;

	if (!o->paid_untold || out >= o->total_fee ||
	    (h5_order_alerts_open(o) & H5_ALERT_ELSEWHERE) == 0)
		return H5_OK;
	ev = h5_store_add(b, H5_EVENT_KEPT);
	h5_event_text(ev, "why", "a part went back");
	return h5_event_finish(ev, e);
}

/* --- the alert ------------------------------------------------------------ */

static enum h5_code
decide_note(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const char *out_trade_no = arg;
	const struct h5_attempt *a = h5_order_attempt(o, out_trade_no);
	struct h5_event *ev;

	if (a == NULL)
		return h5_err_set(e, H5_E_NOTFOUND, "there is no such attempt");
	if ((o->alerts & H5_ALERT_ELSEWHERE) != 0 ||
	    a->state != H5_ATTEMPT_PAID || h5_elsewhere_explained(o, a))
		return H5_OK;
	ev = h5_store_add(b, H5_EVENT_ALERT);
	h5_event_text(ev, "alert", h5_order_alert_name(H5_ALERT_ELSEWHERE));
	h5_event_text(ev, "out_trade_no", a->out_trade_no);
	h5_event_text(ev, "transaction_id", a->transaction_id);
	h5_event_number(ev, "total_fee", o->total_fee);
	return h5_event_finish(ev, e);
}

enum h5_code
h5_elsewhere_note(const struct h5_shop *shop, const char *out_trade_no,
    struct h5_order **o, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1], number[H5_OUT_TRADE_NO_MAX + 1];
	bool before = ((*o)->alerts & H5_ALERT_ELSEWHERE) != 0;
	enum h5_code rc;

	memcpy(id, (*o)->id, sizeof id);
	(void)snprintf(number, sizeof number, "%s", out_trade_no);
	rc = h5_pay_update(shop, decide_note, number, o, e);
	if (rc == H5_OK && !before && ((*o)->alerts & H5_ALERT_ELSEWHERE) != 0)
		h5_log_event(shop->log, H5_LOG_ALERT,
		    "order-refunded-elsewhere", "order", id, "out_trade_no",
		    number, "total_fee", H5_LOG_NUM((*o)->total_fee), NULL);
	return rc;
}

/* --- the bill ------------------------------------------------------------- */

void
h5_elsewhere_days(const struct h5_order *o, int64_t *first, int64_t *last)
{
	*last = h5_clock_day_start(o->elsewhere_at);
	*first = o->paid_at > 0 ? h5_clock_day_start(o->paid_at) : *last;
	if (*first > *last)
		*first = *last;
	if (*last - *first > (DAYS_MOST - 1) * DAY_S)
		*first = *last - (DAYS_MOST - 1) * DAY_S;
}

static bool
fill_hint(const struct h5_bill_row *r, struct h5_wechat_hint *hint)
{
	memset(hint, 0, sizeof *hint);
	if (!h5_number_is_refund(r->out_refund_no) ||
	    strlen(r->out_trade_no) >= sizeof hint->out_trade_no ||
	    strlen(r->refund_id) >= sizeof hint->refund_id)
		return false;
	(void)snprintf(hint->out_trade_no, sizeof hint->out_trade_no, "%s",
	    r->out_trade_no);
	(void)snprintf(hint->out_refund_no, sizeof hint->out_refund_no, "%s",
	    r->out_refund_no);
	(void)snprintf(
	    hint->refund_id, sizeof hint->refund_id, "%s", r->refund_id);
	/* The bill's words for the state are its own, and a snapshot. */
	(void)snprintf(
	    hint->refund_status, sizeof hint->refund_status, "BILLED");
	hint->refund_fee = r->refund_fee > 0 ? r->refund_fee : 0;
	return true;
}

enum h5_code
h5_elsewhere_take(const struct h5_shop *shop, const char *id,
    const struct h5_bill *b, unsigned *taken, struct h5_err *e)
{
	struct h5_wechat_hint hint;
	struct h5_order *o = NULL;
	enum h5_code rc;
	size_t i;

	*taken = 0;
	rc = h5_store_load(shop->st, id, &o, e);
	for (i = 0; rc == H5_OK && i < b->n; i++) {
		const struct h5_bill_row *r = &b->rows[i];

		if (!r->refund ||
		    h5_order_attempt(o, r->out_trade_no) == NULL ||
		    h5_order_refund(o, r->out_refund_no) != NULL ||
		    !fill_hint(r, &hint))
			continue;
		rc = h5_pay_update(shop, h5_refund_decide_hint, &hint, &o, e);
		if (rc == H5_OK)
			(*taken)++;
	}
	h5_order_free(o);
	return rc;
}

static enum h5_code
decide_looked(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct h5_event *ev;

	if (!h5_order_bill_wanted(o))
		return H5_OK;
	ev = h5_store_add(b, H5_EVENT_BILLED);
	h5_event_text(ev, "bill_date", arg);
	return h5_event_finish(ev, e);
}

enum h5_code
h5_elsewhere_looked(
    const struct h5_shop *shop, const char *id, int64_t day, struct h5_err *e)
{
	char date[H5_CLOCK_DAY];

	h5_clock_day(day, date);
	return h5_store_update(
	    shop->st, id, NULL, decide_looked, date, NULL, e);
}
