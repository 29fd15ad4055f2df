/* Makes an order durable before WeChat hears of it, or finds that the very same
 * one is there. */
#include "common/pay/pay.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/pay/attempt.h"

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static enum h5_code
fill_created(const struct h5_shop *shop, const struct h5_pay_terms *t,
    struct h5_event *ev, struct h5_err *e)
{
	int64_t expire = ev->at + (int64_t)shop->c->orders.expire_minutes * 60;

	if (t->expires != 0 && t->expires < expire)
		expire = t->expires;
	if (expire < ev->at + H5_PAY_EXPIRE_LEAST_S)
		expire = ev->at + H5_PAY_EXPIRE_LEAST_S;
	h5_event_text(ev, "order", t->id);
	/* The terms are written as they are, and read back for every call:
	 * WeChat refuses a number that comes again with other parameters
	 * (PROTOCOL 2.7). */
	h5_event_number(ev, "total_fee", t->total_fee);
	h5_event_text(ev, "body", t->body);
	h5_event_text(ev, "attach", t->attach);
	h5_event_text(ev, "item", t->item);
	if (t->item != NULL)
		h5_event_number(ev, "qty", t->qty);
	h5_event_text(ev, "lang", t->lang);
	h5_event_text(ev, "return_url", t->return_url);
	h5_event_time(ev, "expires_at", expire);
	h5_event_text(ev, "out_trade_no", t->id);
	h5_event_text(ev, "spbill_create_ip", t->ip);
	h5_event_time(ev, "time_start", ev->at);
	h5_event_time(ev, "time_expire", expire);
	h5_pay_made_with(shop->c, ev);
	if (t->product != H5_PRODUCT_H5)
		h5_event_text(ev, "product", h5_order_product_word(t->product));
	return h5_event_finish(ev, e);
}

enum h5_code
h5_pay_create(const struct h5_shop *shop, const struct h5_pay_terms *t,
    struct h5_order **o, struct h5_err *e)
{
	struct h5_event ev;
	enum h5_code rc;

	*o = NULL;
	h5_event_init(&ev, H5_EVENT_CREATED, h5_clock_now());
	rc = fill_created(shop, t, &ev, e);
	if (rc == H5_OK)
		rc = h5_store_create(shop->st, &ev, o, e);
	h5_event_release(&ev);
	if (rc == H5_OK) {
		h5_log_event(shop->log, H5_LOG_INFO, "order-created", "order",
		    t->id, "total_fee", H5_LOG_NUM(t->total_fee), "item",
		    t->item, NULL);
		return H5_OK;
	}
	/* The id is taken.  Only the very same terms are the same order: a form
	 * that was posted twice. */
	if (rc != H5_E_EXISTS || *o == NULL)
		return rc;
	/* An item's title may have been edited since: the item is the same, and
	 * its price is compared anyway. */
	if ((*o)->total_fee == t->total_fee &&
	    (t->item != NULL || same((*o)->body, t->body)) &&
	    h5_order_attach_is(*o, t->attach) && same((*o)->item, t->item) &&
	    same((*o)->return_url, t->return_url) &&
	    (*o)->qty == (t->item != NULL ? t->qty : 0))
		return H5_OK;
	return h5_err_set(e, H5_E_EXISTS,
	    "order %s already exists with different terms", t->id);
}
