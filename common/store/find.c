/* Finds the order that a transaction of WeChat's paid, by walks over days.
 * There is no index of them, since it would cost each payment a second
 * fdatasync and 4,400 instructions (2.8 %) before the notice is acknowledged;
 * the number leads to a day's orders anyway. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/store.h"

#define DAY_S 86400
/* An order may be paid a week after it was made (orders.expire_minutes). */
#define EARLIER_S (8 * DAY_S)
#define TRANSACTION 28 /* digits of those that WeChat makes now */
#define DATE_AT 10 /* where eight of them look like the day of payment */

struct finding {
	const char *transaction_id;
	char *id;
	bool found;
};

/* The second payment of an order stands in its events alone. */
static bool
has(const struct h5_order *o, const char *transaction_id)
{
	const char *value;
	size_t i;

	for (i = 0; i < o->n_events; i++) {
		value = h5_fields_get(&o->events[i].fields, "transaction_id");
		if (value != NULL && strcmp(value, transaction_id) == 0)
			return true;
	}
	return false;
}

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct finding *f = arg;

	(void)e_o;
	if (o == NULL || !has(o, f->transaction_id))
		return H5_OK;
	(void)snprintf(f->id, H5_ORDER_ID_MAX + 1, "%s", id);
	f->found = true;
	/* It ends the walk. */
	return H5_E_EXISTS;
}

/* The day that the number seems to name, 0: none.  WeChat promises no such
 * thing, so this decides where to look first, and nothing else. */
static int64_t
day_of(const char *s)
{
	char day[H5_CLOCK_DAY];
	int64_t t = 0;

	if (strlen(s) != TRANSACTION)
		return 0;
	s += DATE_AT;
	(void)snprintf(day, sizeof day, "%.4s-%.2s-%.2s", s, s + 4, s + 6);
	return h5_clock_from_day(day, &t, NULL) == H5_OK && t > EARLIER_S ? t
									  : 0;
}

enum h5_code
h5_store_find(struct h5_store *st, const char *transaction_id,
    char id[H5_ORDER_ID_MAX + 1], struct h5_err *e)
{
	struct finding f = {transaction_id, id, false};
	int64_t day = day_of(transaction_id);
	/* Most likely first; together they are all days. */
	const int64_t spans[][2] = {{day, day + DAY_S}, {day - DAY_S, day},
	    {day - EARLIER_S, day - DAY_S}, {day + DAY_S, 0},
	    {0, day - EARLIER_S}};
	enum h5_code rc = H5_OK;
	size_t i;

	id[0] = '\0';
	if (day == 0)
		rc = h5_store_each(st, 0, 0, visit, &f, e);
	for (i = 0; day != 0 && rc == H5_OK && i < 5; i++)
		rc = h5_store_each(st, spans[i][0], spans[i][1], visit, &f, e);
	if (f.found)
		return H5_OK;
	if (rc == H5_OK)
		rc = h5_err_set(e, H5_E_NOTFOUND,
		    "no order was paid by transaction %s", transaction_id);
	return rc;
}
