/* orders - fills a store with orders, by the library.
 *   orders STORE PREFIX FIRST COUNT [OPEN]
 * Each is called PREFIX and eight digits and costs one fen.  The last OPEN of
 * them (all, if it is not said) were made now and await payment; those before
 * are paid by transaction "4200" and their number in 24 digits, and lie back
 * one day a thousand.  Nothing waits for the disk here: fsync and fdatasync do
 * nothing in this program, and one sync() ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/store.h"
#include "tests/unit/where.h"

#define DAY_S 86400

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static enum h5_code
prepaid(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct h5_event *ev = h5_store_add(b, H5_EVENT_PREPAID);

	(void)arg;
	h5_event_text(ev, "out_trade_no", o->id);
	h5_event_text(ev, "spbill_create_ip", "203.0.113.7");
	h5_event_text(ev, "prepay_id", "wx201410272009395522657a690389285100");
	h5_event_text(ev, "mweb_url",
	    "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?"
	    "prepay_id=wx201410272009395522657a690389285100&package=363092778");
	return h5_event_finish(ev, e);
}

static enum h5_code
paid(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const long *n = arg;
	struct h5_event *ev = h5_store_add(b, H5_EVENT_PAID);
	char transaction[40];

	(void)snprintf(transaction, sizeof transaction, "4200%024ld", *n);
	h5_event_text(ev, "out_trade_no", o->id);
	h5_event_text(ev, "transaction_id", transaction);
	h5_event_number(ev, "total_fee", 1);
	h5_event_text(ev, "via", "notify");
	return h5_event_finish(ev, e);
}

/* at: when the order was made. */
static enum h5_code
make(struct h5_store *st, const char *id, int64_t at, struct h5_err *e)
{
	struct h5_order *o = NULL;
	struct h5_event ev;
	enum h5_code rc;

	h5_event_init(&ev, H5_EVENT_CREATED, at);
	h5_event_text(&ev, "order", id);
	h5_event_number(&ev, "total_fee", 1);
	h5_event_text(&ev, "body", "Green tea, 250 g");
	h5_event_text(&ev, "lang", "zh-CN");
	h5_event_time(&ev, "expires_at", at + 7200);
	h5_event_text(&ev, "out_trade_no", id);
	h5_event_text(&ev, "spbill_create_ip", "203.0.113.7");
	h5_event_time(&ev, "time_start", at);
	h5_event_time(&ev, "time_expire", at + 7200);
	rc = h5_event_finish(&ev, e);
	if (rc == H5_OK)
		rc = h5_store_create(st, &ev, &o, e);
	h5_order_free(o);
	if (rc == H5_OK)
		rc = h5_store_update(st, id, NULL, prepaid, NULL, NULL, e);
	return rc;
}

int
main(int argc, char **argv)
{
	long i, first, count, open;
	struct h5_store *st;
	struct h5_err e;
	enum h5_code rc;
	int64_t back;
	char id[64];

	if (argc != 5 && argc != 6)
		return 64;
	first = strtol(argv[3], NULL, 10);
	count = strtol(argv[4], NULL, 10);
	open = argc == 6 ? strtol(argv[5], NULL, 10) : count;
	rc = h5_store_open(WHERE(argv[1]), 0, &st, &e);
	for (i = first; i < first + count && rc == H5_OK; i++) {
		(void)snprintf(id, sizeof id, "%s%08ld", argv[2], i);
		back = count - open - (i - first); /* above 0: it is paid */
		rc = make(st, id,
		    h5_clock_now() - (back > 0 ? back / 1000 + 1 : 0) * DAY_S,
		    &e);
		if (rc == H5_OK && back > 0)
			rc = h5_store_update(st, id, NULL, paid, &i, NULL, &e);
	}
	if (rc != H5_OK)
		(void)fprintf(stderr, "orders: %s\n", e.msg);
	else
		h5_store_close(st);
	sync();
	return rc == H5_OK ? 0 : 1;
}
