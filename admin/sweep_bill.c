/* Refunds that were made elsewhere and that WeChat's API does not list: the
 * next morning a sweep looks through the bills for them. */
#include "admin/sweep.h"
#include "common/base/clock.h"
#include "common/order/due.h"
#include "common/pay/elsewhere.h"

#define DAY_S 86400

/* The bill of a day: as it is kept, else as WeChat has it. */
static enum h5_code
get_bill(struct command *cmd, int64_t day, struct h5_bill *b, struct h5_err *e)
{
	struct h5_buf text, path;
	enum h5_code rc;

	h5_bill_empty(b);
	h5_buf_init(&text, H5_BILL_MAX);
	h5_buf_init(&path, 8192);
	rc = command_bill_kept(cmd, day, "ALL", &text, e);
	if (rc == H5_E_NOTFOUND)
		rc = command_bill_fetch(cmd, day, "ALL", &text, &path, e);
	if (rc == H5_OK)
		rc = h5_bill_read(&text, b, e);
	/* A day without trade has none. */
	else if (rc == H5_E_NOTFOUND)
		rc = H5_OK;
	if (rc == H5_OK)
		(void)h5_bill_narrow(b, cmd->shop.c->merchant.sub_mch_id);
	h5_buf_release(&text);
	h5_buf_release(&path);
	return rc;
}

/* From the day of the alert back to that of the payment, until one tells. */
static enum h5_code
look_through(struct sweeping *s, const struct h5_shop *shop,
    const struct h5_order *o, struct h5_err *e)
{
	int64_t first, last, day;
	enum h5_code rc = H5_OK;
	unsigned taken = 0;
	struct h5_bill b;

	h5_elsewhere_days(o, &first, &last);
	for (day = last; rc == H5_OK && taken == 0 && day >= first;
	     day -= DAY_S) {
		rc = get_bill(s->cmd, day, &b, e);
		if (rc == H5_OK)
			rc = h5_elsewhere_take(shop, o->id, &b, &taken, e);
		h5_bill_free(&b);
	}
	return rc == H5_OK ? h5_elsewhere_looked(shop, o->id, last, e) : rc;
}

void
sweep_bill(struct sweeping *s, const struct h5_shop *shop, const char *id)
{
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc;

	/* A bill is large: one at a time, and not behind a web request.  What
	 * is left is the next sweep's. */
	if (s->named || pthread_mutex_trylock(&s->billing) != 0)
		return;
	rc = h5_store_load(shop->st, id, &o, &e);
	if (rc == H5_OK && h5_due_bill(o) <= h5_clock_now())
		rc = look_through(s, shop, o, &e);
	(void)pthread_mutex_unlock(&s->billing);
	if (rc != H5_OK)
		sweep_failed(s, id, rc, &e);
	h5_order_free(o);
}
