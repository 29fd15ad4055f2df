/* Money that went back: WeChat's list of a payment's refunds, and what it makes
 * of the order. */
#include "common/pay/returned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pay/elsewhere.h"
#include "common/pay/hold.h"
#include "common/pay/refund_hint.h"

/* --- asking --------------------------------------------------------------- */

/* An amount that we asked for is the amount of that refund. */
static enum h5_code
check_ours(const struct h5_order *o, const struct h5_wechat_refund *got,
    struct h5_err *e)
{
	const struct h5_refund *r = h5_order_refund(o, got->out_refund_no);

	if (got->total_fee == o->total_fee &&
	    (r == NULL || r->asked_at == 0 || got->refund_fee == r->refund_fee))
		return H5_OK;
	return h5_err_set(
	    e, H5_E_REMOTE, "WeChat's answer: about another amount");
}

static enum h5_code
ask_list(const struct h5_shop *shop, const struct h5_attempt *a,
    const char *transaction_id, struct h5_wechat_refunds *list,
    struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	enum h5_code rc;

	rc = h5_wechat_refunds(
	    shop->wx, shop->log, a, transaction_id, list, &refusal, e);
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_NO_REFUND)
		list->n = 0;
	else if (rc == H5_OK && refusal.verdict != H5_WECHAT_SUCCESS)
		rc = h5_err_set(e, H5_E_REMOTE, "refundquery refused: %s",
		    refusal.err_code);
	return rc;
}

/* Is it a refund of what attempt a paid?  What a notice spoke of before the
 * payment was known belongs to the attempt that it named. */
static bool
is_of(const struct h5_order *o, const struct h5_refund *r,
    const struct h5_attempt *a)
{
	const struct h5_attempt *of = h5_order_refund_attempt(o, r);

	return (of == NULL || of == a) && r->state != H5_REFUND_REFUSED;
}

/* One after the other, by the numbers that are known here: APIv3 has no other
 * way (PROTOCOL 7).  paid: the order as it is once the payment is recorded,
 * since an answer has to be about that. */
static enum h5_code
ask_each(const struct h5_shop *shop, const struct h5_order *paid,
    const struct h5_attempt *a, struct h5_wechat_refunds *list,
    struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < paid->n_refunds; i++) {
		if (!is_of(paid, &paid->refunds[i], a) ||
		    list->n == H5_WECHAT_REFUNDS_MAX)
			continue;
		rc = h5_wechat_refund_query(shop->wx, shop->log, paid,
		    &paid->refunds[i], &list->v[list->n], &refusal, e);
		if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS)
			list->n++;
		else if (rc == H5_OK &&
			 refusal.verdict != H5_WECHAT_NO_REFUND &&
			 refusal.verdict != H5_WECHAT_TAKEN)
			rc = h5_err_set(e, H5_E_REMOTE,
			    "refundquery refused: %s", refusal.err_code);
	}
	return rc;
}

static enum h5_code
ask_known(const struct h5_shop *shop, const struct h5_order *o,
    const struct h5_attempt *a, const char *transaction_id,
    struct h5_wechat_refunds *list, struct h5_err *e)
{
	struct h5_order paid = *o;
	struct h5_attempt *of;
	enum h5_code rc;

	paid.attempts = reallocarray(NULL, o->n_attempts, sizeof *o->attempts);
	if (paid.attempts == NULL)
		return h5_err_nomem(e);
	memcpy(paid.attempts, o->attempts, o->n_attempts * sizeof *o->attempts);
	of = h5_order_attempt(&paid, a->out_trade_no);
	(void)snprintf(of->transaction_id, sizeof of->transaction_id, "%s",
	    transaction_id);
	rc = ask_each(shop, &paid, of, list, e);
	free(paid.attempts);
	return rc;
}

enum h5_code
h5_returned_ask(const struct h5_shop *shop, const struct h5_order *o,
    const struct h5_attempt *a, const char *transaction_id,
    struct h5_wechat_refunds **list, bool *all, struct h5_err *e)
{
	enum h5_code rc;
	size_t i;

	*all = a->api == H5_API_V2;
	*list = calloc(1, sizeof **list);
	if (*list == NULL)
		return h5_err_nomem(e);
	rc = *all ? ask_list(shop, a, transaction_id, *list, e)
		  : ask_known(shop, o, a, transaction_id, *list, e);
	for (i = 0; rc == H5_OK && i < (*list)->n; i++)
		rc = check_ours(o, &(*list)->v[i], e);
	return rc;
}

int64_t
h5_returned_sum(const struct h5_wechat_refunds *list)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].state != H5_REFUND_CLOSED)
			sum += list->v[i].refund_fee;
	return sum;
}

/* --- recording ------------------------------------------------------------ */

struct recording {
	const struct h5_wechat_refund *got;
	bool news; /* the status is another one than before */
};

static enum h5_code
decide_refunded(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct recording *x = arg;
	const struct h5_wechat_refund *got = x->got;
	const struct h5_refund *r = h5_order_refund(o, got->out_refund_no);
	struct h5_event *ev;
	enum h5_code rc;

	/* The same state again is recorded (when it was learned matters to the
	 * next look) but told to nobody. */
	x->news = r == NULL || r->state != got->state;
	/* Success is WeChat's last word.  An older answer that comes in later
	 * must not take it back. */
	if (r != NULL && (r->state == H5_REFUND_SUCCESS ||
			     (!x->news && h5_order_refund_over(r)))) {
		x->news = false;
		return H5_OK;
	}
	if (got->state == H5_REFUND_SUCCESS) {
		rc = h5_elsewhere_keep(b, o,
		    h5_order_refunds_out(o, h5_order_paid_attempt(o)) +
			got->refund_fee - (r != NULL ? r->refund_fee : 0),
		    e);
		if (rc != H5_OK)
			return rc;
	}
	ev = h5_store_add(b, H5_EVENT_REFUNDED);
	h5_event_text(ev, "out_refund_no", got->out_refund_no);
	h5_event_text(ev, "out_trade_no", got->out_trade_no);
	h5_event_text(ev, "refund_id", got->refund_id);
	h5_event_number(ev, "refund_fee", got->refund_fee);
	h5_event_text(ev, "status", h5_order_refund_word(got->state));
	h5_event_time(ev, "success_time", got->success_time);
	return h5_event_finish(ev, e);
}

static void
tell(const struct h5_log *log, const char *id,
    const struct h5_wechat_refund *got)
{
	enum h5_log_level level = H5_LOG_INFO;
	const char *event = "refund-processing", *note = NULL;

	/* Only what a person must act on is an alert. */
	if (got->state == H5_REFUND_SUCCESS) {
		event = "refund-done";
	} else if (got->state == H5_REFUND_CHANGE) {
		event = "refund-abnormal";
		level = H5_LOG_ALERT;
		note = "the payer's card or account does not accept the money: "
		       "handle the abnormal refund on the merchant platform, "
		       "transaction centre, refunds";
	} else if (got->state == H5_REFUND_CLOSED) {
		event = "refund-closed";
		level = H5_LOG_ALERT;
		note = "no money went back: ask for the refund again under "
		       "another number, or pay it back by other means";
	}
	h5_log_event(log, level, event, "order", id, "out_refund_no",
	    got->out_refund_no, "refund_id", got->refund_id, "refund_fee",
	    H5_LOG_NUM(got->refund_fee), "note", note, NULL);
}

enum h5_code
h5_returned_record(const struct h5_shop *shop,
    const struct h5_wechat_refund *got, struct h5_order **o, struct h5_err *e)
{
	struct recording x = {got, false};
	char id[H5_ORDER_ID_MAX + 1];
	enum h5_code rc;

	/* The update replaces *o; the log line below still needs the id. */
	memcpy(id, (*o)->id, sizeof id);
	rc = h5_pay_update(shop, decide_refunded, &x, o, e);
	if (rc == H5_OK && x.news)
		tell(shop->log, id, got);
	return rc;
}

/* rule: announced */
enum h5_code
h5_returned_announce(const struct h5_shop *shop,
    const struct h5_wechat_refunds *list, struct h5_order **o, struct h5_err *e)
{
	const struct h5_wechat_refund *got;
	struct h5_wechat_hint hint;
	enum h5_code rc = H5_OK;
	const char *word;
	size_t i;

	for (i = 0; rc == H5_OK && i < list->n; i++) {
		got = &list->v[i];
		if (h5_order_refund(*o, got->out_refund_no) != NULL)
			continue;
		memset(&hint, 0, sizeof hint);
		memcpy(hint.out_trade_no, got->out_trade_no,
		    sizeof hint.out_trade_no);
		memcpy(hint.out_refund_no, got->out_refund_no,
		    sizeof hint.out_refund_no);
		memcpy(hint.refund_id, got->refund_id, sizeof hint.refund_id);
		word = h5_order_refund_word(got->state);
		memcpy(hint.refund_status, word, strlen(word) + 1);
		hint.refund_fee = got->refund_fee;
		rc = h5_pay_update(shop, h5_refund_decide_hint, &hint, o, e);
	}
	return rc;
}

enum h5_code
h5_returned_record_all(const struct h5_shop *shop,
    const struct h5_wechat_refunds *list, struct h5_order **o, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < list->n; i++)
		rc = h5_returned_record(shop, &list->v[i], o, e);
	return rc;
}
