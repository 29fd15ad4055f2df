/* Holding an order for a conversation, and updating it in place. */
#include "common/pay/hold.h"

#include <string.h>

static int
patience_ms(const struct h5_shop *shop)
{
	/* The deadline of one call, and a second for what is written around
	 * it. */
	return shop->c->gateway.deadline_ms + 1000;
}

enum h5_code
h5_pay_hold(const struct h5_shop *shop, const char *id,
    struct h5_store_hold **hold, struct h5_order **o, struct h5_err *e)
{
	int most_ms = patience_ms(shop);
	enum h5_code rc;

	/* A conversation lasts no longer than one call may. */
	rc = h5_store_hold(shop->st, id, most_ms, most_ms, hold, e);
	if (rc != H5_OK)
		return rc;
	/* The order is loaded after the hold is taken, never before: whoever
	 * held it has changed it. */
	h5_order_free(*o);
	*o = NULL;
	return h5_store_load(shop->st, id, o, e);
}

enum h5_code
h5_pay_update(const struct h5_shop *shop, h5_store_decide_fn decide, void *arg,
    struct h5_order **o, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];

	/* *o is freed before the update, which reads the order anew.  The id
	 * has to outlive it. */
	memcpy(id, (*o)->id, sizeof id);
	h5_order_free(*o);
	*o = NULL;
	return h5_store_update(shop->st, id, NULL, decide, arg, o, e);
}
