/* Folds an attempt into its order: its number, what it was made with, and the
 * bytes that it is ordered in. */
#include <string.h>

#include "common/order/fold_parts.h"
#include "common/order/order.h"

#define WORD_MAX 16

/* What an attempt was made with.  Version 0.1.0 did not say, since it knew only
 * one API and one product. */
static enum h5_code
made_with(const struct h5_event *ev, struct h5_attempt *a, struct h5_err *e)
{
	char *api, *product, *type;
	enum h5_code rc;

	a->api = H5_API_V2;
	a->product = H5_PRODUCT_H5;
	rc = h5_event_read_text_if(ev, "api", WORD_MAX, &api, e);
	if (rc == H5_OK)
		rc =
		    h5_event_read_text_if(ev, "product", WORD_MAX, &product, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(ev, "sign_type", WORD_MAX, &type, e);
	if (rc != H5_OK)
		return rc;
	/* A word of a later version is refused, never ignored: WeChat knows the
	 * attempt under that API alone, and asking another one would find
	 * nothing. */
	if (api != NULL && !h5_order_api_of(api, &a->api))
		return h5_err_set(e, H5_E_INPUT,
		    "%s: this version does not know API %s",
		    h5_event_name(ev->kind), api);
	if (product != NULL && !h5_order_product_of(product, &a->product))
		return h5_err_set(e, H5_E_INPUT,
		    "%s: this version does not know product %s",
		    h5_event_name(ev->kind), product);
	if (type != NULL && !h5_order_sign_type_of(type, &a->sign_type))
		return h5_err_set(e, H5_E_INPUT,
		    "%s: this version does not know sign_type %s",
		    h5_event_name(ev->kind), type);
	return H5_OK;
}

/* Numbers are given out in order: "<id>", "<id>_2", "<id>_3"... */
enum h5_code
h5_fold_add_attempt(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1], *no, *ip, *openid;
	struct h5_attempt a = {0};
	enum h5_code rc;
	unsigned nth;

	rc =
	    h5_event_read_text(ev, "out_trade_no", H5_OUT_TRADE_NO_MAX, &no, e);
	if (rc == H5_OK)
		rc = h5_number_order_of(no, id, &nth, e);
	if (rc == H5_OK && (strcmp(id, o->id) != 0 || nth != o->n_attempts + 1))
		rc = h5_err_set(e, H5_E_INPUT,
		    "%s: %s is not the next number of order %s",
		    h5_event_name(ev->kind), no, o->id);
	if (rc == H5_OK)
		rc = h5_event_read_text(ev, "spbill_create_ip",
		    sizeof a.spbill_create_ip - 1, &ip, e);
	if (rc == H5_OK)
		rc = h5_event_read_time(ev, "time_start", &a.time_start, e);
	if (rc == H5_OK)
		rc = h5_event_read_time(ev, "time_expire", &a.time_expire, e);
	if (rc == H5_OK)
		rc = made_with(ev, &a, e);
	if (rc == H5_OK)
		rc = h5_event_read_text_if(
		    ev, "openid", H5_FOLD_OPENID_MAX, &openid, e);
	if (rc == H5_OK)
		rc = h5_fold_room_for_attempt(o, e);
	if (rc != H5_OK)
		/* Nothing can fail from here on, so the order is either whole
		 * or untouched. */
		return rc;
	h5_fold_keep(a.out_trade_no, no);
	h5_fold_keep(a.spbill_create_ip, ip);
	a.state = H5_ATTEMPT_AWAITING;
	a.created_at = ev->at;
	a.openid = openid;
	o->attempts[o->n_attempts++] = a;
	return H5_OK;
}

/* The first one stays: WeChat compares every repetition with it. */
enum h5_code
h5_fold_ordering(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;
	enum h5_code rc;
	char *request;

	rc = h5_fold_attempt(o, ev, &a, e);
	/* It is not there any more once the buyer was forgotten. */
	if (rc == H5_OK)
		rc = h5_event_read_text_if(
		    ev, "request", H5_ORDER_REQUEST_MAX, &request, e);
	if (rc == H5_OK && a->request == NULL)
		a->request = request;
	return rc;
}
