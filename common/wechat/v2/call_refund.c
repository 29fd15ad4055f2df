/* Refunds over APIv2: asking for one, asking what became of it, and whether the
 * first can be done at all. */
#include "common/wechat/v2/call.h"

#include <string.h>

#include "common/base/text.h"
#include "common/wechat/believe.h"
#include "common/wechat/v2/converse.h"
#include "common/wechat/v2/message.h"

#define DESC_MAX 80 /* bytes of refund_desc */

static enum h5_code
add_refund(struct h5_wechat *w, struct h5_fields *f, const struct h5_order *o,
    const struct h5_refund *r, struct h5_err *e)
{
	struct h5_buf notify;
	enum h5_code rc;

	h5_buf_init(&notify, H5_CONFIG_URL);
	h5_config_url(w->c, "notify", &notify);
	rc = h5_buf_finish(&notify, e);
	/* By out_trade_no, and not by transaction_id: it is the number that the
	 * attempt is stored under. */
	if (rc == H5_OK)
		rc = h5_fields_add(f, "out_trade_no", r->out_trade_no, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "out_refund_no", r->out_refund_no, e);
	if (rc == H5_OK)
		/* WeChat wants the sum of the order as well, and refuses if it
		 * differs. */
		rc = h5_fields_add_int(f, "total_fee", o->total_fee, e);
	if (rc == H5_OK)
		rc = h5_fields_add_int(f, "refund_fee", r->refund_fee, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "refund_fee_type", "CNY", e);
	/* What the payer reads.  Without a reason the element is left out. */
	if (rc == H5_OK && r->reason != NULL)
		rc = h5_fields_addn(f, "refund_desc", strlen("refund_desc"),
		    r->reason,
		    h5_text_cut(r->reason, strlen(r->reason), DESC_MAX), e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "notify_url", notify.data, e);
	h5_buf_release(&notify);
	return rc;
}

static enum h5_code
believe(const struct h5_fields *f, bool query, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got, struct h5_err *e)
{
	struct h5_err why;
	enum h5_code rc;

	/* refundquery may list several refunds of the payment; refund speaks of
	 * one. */
	if (query)
		rc = h5_v2_read_refund_of(f, r->out_refund_no, got, &why);
	else
		rc = h5_v2_read_refund(f, got, &why);
	if (rc != H5_OK)
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: %s", why.msg);
	return h5_wechat_fits(o, r, got, e);
}

/* Does WeChat know the number as a refund of an order that is not o?  Of one
 * that it has accepted for o that is not believed. */
static bool
is_anothers(const struct h5_fields *f, const struct h5_order *o,
    const struct h5_refund *r)
{
	struct h5_wechat_refund got;
	struct h5_err e;

	return (r->state == H5_REFUND_ASKED || r->state == H5_REFUND_HINTED) &&
	       h5_v2_read_refund_of(f, r->out_refund_no, &got, &e) == H5_OK &&
	       h5_order_attempt(o, got.out_trade_no) == NULL;
}

/* A refusal need not say what it is about; if it does, it must be ours. */
static enum h5_code
check_refusal(const struct h5_fields *f, const struct h5_order *o,
    const struct h5_refund *r, struct h5_err *e)
{
	const char *refund = h5_fields_get(f, "out_refund_no");
	const char *trade = h5_fields_get(f, "out_trade_no");

	if ((refund == NULL || refund[0] == '\0' ||
		strcmp(refund, r->out_refund_no) == 0) &&
	    (trade == NULL || trade[0] == '\0' ||
		h5_order_attempt(o, trade) != NULL))
		return H5_OK;
	return h5_err_set(
	    e, H5_E_REMOTE, "WeChat's answer: about another order");
}

static enum h5_code
talk(struct h5_wechat *w, const struct h5_log *log, struct h5_v2_call *k,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *why)
{
	struct h5_https_answer facts = {0};
	struct h5_fields f;
	bool success = false;
	enum h5_code rc;

	h5_fields_init(&f, 0, 0);
	rc = h5_v2_converse(w, log, k, &facts, &f, refusal, why);
	success = rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS;
	/* Only the first of the two calls shows a certificate. */
	if (success && !k->certificate && is_anothers(&f, o, r)) {
		refusal->verdict = H5_WECHAT_TAKEN;
		success = false;
	} else if (success)
		rc = believe(&f, !k->certificate, o, r, got, why);
	else if (rc == H5_OK)
		rc = check_refusal(&f, o, r, why);
	h5_v2_report(log, k, &facts, rc, refusal,
	    success && rc == H5_OK ? h5_order_refund_word(got->state) : NULL,
	    why);
	h5_fields_release(&f);
	return rc;
}

enum h5_code
h5_v2_refund(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v2_call k;
	enum h5_code rc;

	memset(got, 0, sizeof *got);
	rc = h5_v2_begin(w, &k, "refund", "/secapi/pay/refund", r->out_trade_no,
	    refusal, &why);
	/* The log line needs both numbers.  The path is the one for calls with
	 * a certificate. */
	k.out_refund_no = r->out_refund_no;
	k.certificate = true;
	if (rc == H5_OK)
		rc = add_refund(w, &k.params, o, r, &why);
	if (rc == H5_OK)
		rc = talk(w, log, &k, o, r, got, refusal, &why);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v2_refundquery(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v2_call k;
	enum h5_code rc;

	memset(got, 0, sizeof *got);
	/* A hint may not know the attempt.  Then the order's own number stands
	 * in the log. */
	rc = h5_v2_begin(w, &k, "refundquery", "/pay/refundquery",
	    r->out_trade_no[0] != '\0' ? r->out_trade_no : o->id, refusal,
	    &why);
	k.out_refund_no = r->out_refund_no;
	if (rc == H5_OK)
		rc = h5_fields_add(
		    &k.params, "out_refund_no", r->out_refund_no, &why);
	if (rc == H5_OK)
		rc = talk(w, log, &k, o, r, got, refusal, &why);
	h5_fields_release(&k.params);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* Is all of it about this payment, and no more of it than there was? */
static enum h5_code
check_refunds(const struct h5_wechat_refunds *list, const char *out_trade_no,
    const char *transaction_id, struct h5_err *e)
{
	const struct h5_wechat_refund *r;
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		r = &list->v[i];
		if (strcmp(r->out_trade_no, out_trade_no) != 0 ||
		    strcmp(r->transaction_id, transaction_id) != 0)
			return h5_err_set(e, H5_E_REMOTE,
			    "WeChat's answer: about another order");
		if (r->state != H5_REFUND_CLOSED)
			sum += r->refund_fee;
		if (r->total_fee != list->v[0].total_fee || sum > r->total_fee)
			return h5_err_set(e, H5_E_REMOTE,
			    "WeChat's answer: about another amount");
	}
	return H5_OK;
}

/* One page.  *more: ask for the next. */
static enum h5_code
list_page(struct h5_wechat *w, const struct h5_log *log, struct h5_v2_call *k,
    struct h5_wechat_refunds *list, bool *more,
    struct h5_wechat_refusal *refusal, struct h5_err *why)
{
	struct h5_https_answer facts = {0};
	struct h5_err e_read;
	size_t before = list->n;
	struct h5_fields f;
	enum h5_code rc;

	*more = false;
	h5_fields_init(&f, 0, 0);
	rc = h5_v2_converse(w, log, k, &facts, &f, refusal, why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS) {
		if (h5_v2_read_refunds(&f, list, more, &e_read) != H5_OK)
			rc = h5_err_set(why, H5_E_REMOTE, "WeChat's answer: %s",
			    e_read.msg);
		else
			rc = check_refunds(list, k->out_trade_no,
			    h5_fields_get(&k->params, "transaction_id"), why);
		*more = *more && list->n > before;
	} else if (rc == H5_OK && refusal->verdict == H5_WECHAT_NO_REFUND &&
		   before > 0) {
		refusal->verdict = H5_WECHAT_SUCCESS;
	}
	h5_v2_report(log, k, &facts, rc, refusal, NULL, why);
	h5_fields_release(&f);
	return rc;
}

enum h5_code
h5_v2_refunds(struct h5_wechat *w, const struct h5_log *log,
    const char *out_trade_no, const char *transaction_id,
    struct h5_wechat_refunds *list, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v2_call k;
	bool more = true;
	enum h5_code rc = H5_OK;

	memset(list, 0, sizeof *list);
	while (rc == H5_OK && more) {
		rc = h5_v2_begin(w, &k, "refundquery", "/pay/refundquery",
		    out_trade_no, refusal, &why);
		if (rc == H5_OK)
			rc = h5_fields_add(
			    &k.params, "transaction_id", transaction_id, &why);
		if (rc == H5_OK && list->n > 0)
			rc = h5_fields_add_int(
			    &k.params, "offset", (int64_t)list->n, &why);
		if (rc == H5_OK)
			rc = list_page(w, log, &k, list, &more, refusal, &why);
		h5_fields_release(&k.params);
	}
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v2_refund_ready(const struct h5_config *c, int64_t now, struct h5_err *e)
{
	if (c->merchant.cert_file == NULL || c->merchant.key_file == NULL) {
		/* A stand-in on this machine talks plain http and asks for no
		 * certificate. */
		if (strncmp(c->gateway.url, "http://", 7) == 0)
			return H5_OK;
		return h5_err_set(e, H5_E_CONFIG,
		    "a refund needs merchant.cert_file and merchant.key_file: "
		    "apiclient_cert.pem and apiclient_key.pem from the "
		    "merchant platform");
	}
	return h5_wechat_pair_ready(c, now, e);
}
