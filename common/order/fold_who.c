/* Folds who a buyer inside WeChat is (common/pay/who.h). */
#include <stddef.h>

#include "common/order/fold_parts.h"
#include "common/order/order.h"

#define STATE_MAX 128 /* bytes of OAuth's state */

/* Changes nothing: the walk finds its state among the events (pay/who.h). */
enum h5_code
h5_fold_authorizing(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;
	enum h5_code rc;
	char *state;

	rc = h5_fold_attempt(o, ev, &a, e);
	return rc != H5_OK ? rc
			   : h5_event_read_text(
				 ev, "oauth_state", STATE_MAX, &state, e);
}

/* An attempt is one person's from its first prepay on, so that a second person
 * gets an attempt of his own. */
enum h5_code
h5_fold_authorized(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e)
{
	struct h5_attempt *a;
	enum h5_code rc;
	char *openid;

	rc = h5_fold_attempt(o, ev, &a, e);
	if (rc == H5_OK)
		rc = h5_event_read_text(
		    ev, "openid", H5_FOLD_OPENID_MAX, &openid, e);
	if (rc == H5_OK && a->product == H5_PRODUCT_JSAPI && a->openid == NULL)
		a->openid = openid;
	return rc;
}
