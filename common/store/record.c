/* Turns the bytes of a record into an order and events into bytes, and keeps a
 * record below its limits: the same for every engine. */
#include "common/store/record.h"

#include <string.h>

#include "common/store/format.h"

/* What a buyer or a silent gateway can cause again and again may fill three
 * quarters of a record; the rest is kept for payments and refunds.  Answers of
 * WeChat may fill half of that rest, since without them no order ends. */
#define RECORD_COMMON (H5_RECORD_MAX / 4 * 3)
#define RECORD_ANSWERS (H5_RECORD_MAX / 8 * 7)
/* Longer than what a button causes once. */
#define RECORD_ONCE 8192

_Static_assert(
    H5_STORE_BATCH <= H5_LEDGER_UNIT, "a batch is one unit of the ledger");

enum h5_code
h5_record_fold(const struct h5_buf *b, const char *id, struct h5_order **out,
    size_t *whole, struct h5_ledger_at *at, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_ledger_fold(b->data, b->len, id, out, whole, at, e);
	/* A record is written whole before it gets its name, so an empty one
	 * was damaged; it must not look like an order that never was. */
	if (rc == H5_E_NOTFOUND)
		rc = h5_err_set(e, H5_E_INPUT, "the record of %s is empty", id);
	if (rc == H5_OK)
		(*out)->full = *whole > RECORD_COMMON - RECORD_ONCE;
	return rc;
}

enum h5_code
h5_record_id(
    const struct h5_buf *b, char id[H5_ORDER_ID_MAX + 1], struct h5_err *e)
{
	struct h5_ledger_at at = {0, "", 0};
	const char *lf = NULL;
	struct h5_event ev;
	enum h5_code rc;
	char *told = NULL;
	bool summed;

	id[0] = '\0';
	if (b->len > 0)
		lf = memchr(b->data, '\n', b->len);
	if (lf == NULL)
		return h5_err_set(e, H5_E_INPUT, "the record has no line");
	rc = h5_ledger_read(
	    &at, b->data, (size_t)(lf - b->data), &ev, &summed, e);
	if (rc == H5_OK)
		rc =
		    h5_event_read_text(&ev, "order", H5_ORDER_ID_MAX, &told, e);
	if (rc == H5_OK && !h5_number_is_order(told))
		rc = h5_err_set(e, H5_E_INPUT, "the record has no order's id");
	if (rc == H5_OK)
		memcpy(id, told, strlen(told) + 1);
	h5_event_release(&ev);
	return rc;
}

/* How long a record may become by it. */
static size_t
limit_of(enum h5_event_kind kind)
{
	switch (kind) {
	/* A buyer's clicks, a notice or a silent receiver may cause these
	 * without end. */
	case H5_EVENT_ATTEMPT:
	case H5_EVENT_ORDERING:
	case H5_EVENT_PREPAID:
	case H5_EVENT_CLOSING:
	case H5_EVENT_REFUND_HINT:
	case H5_EVENT_UNDELIVERED:
	case H5_EVENT_AUTHORIZING:
	case H5_EVENT_AUTHORIZED:
	case H5_EVENT_UNAUTHORIZED:
		return RECORD_COMMON;
	case H5_EVENT_QUERIED:
	case H5_EVENT_UNREACHED:
	case H5_EVENT_BILLED:
		return RECORD_ANSWERS;
	case H5_EVENT_CREATED:
	case H5_EVENT_PAID:
	case H5_EVENT_ENDED:
	case H5_EVENT_CLOSED:
	case H5_EVENT_REFUND_ASKED:
	case H5_EVENT_REFUNDED:
	case H5_EVENT_REFUND_REFUSED:
	case H5_EVENT_KEPT:
	case H5_EVENT_ALERT:
	case H5_EVENT_SETTLED:
	case H5_EVENT_DELIVERED:
	case H5_EVENT_FORGOTTEN:
	case H5_EVENT_RELEASED:
	case H5_EVENT_KINDS:
		break;
	}
	return H5_RECORD_MAX;
}

/* Both the ledger and the order refuse what does not fit, before anything is
 * written. */
enum h5_code
h5_record_unit(struct h5_store_batch *b, struct h5_order *o, size_t whole,
    struct h5_ledger_at *at, struct h5_buf *unit, unsigned *format,
    struct h5_err *e)
{
	size_t limit = H5_RECORD_MAX, most, i;
	enum h5_code rc = H5_OK;

	*format = 1;
	for (i = 0; i < b->n && rc == H5_OK; i++) {
		/* One such event is enough: the unit is written whole or not at
		 * all. */
		most = limit_of(b->ev[i].kind);
		limit = most < limit ? most : limit;
		at->more = (unsigned)(b->n - 1 - i);
		rc = h5_format_need(&b->ev[i], format, e);
		if (rc == H5_OK)
			rc = h5_ledger_write(at, &b->ev[i], unit, e);
		if (rc == H5_OK)
			rc = h5_order_apply(o, &b->ev[i], e);
	}
	if (rc == H5_OK && whole + unit->len > limit)
		rc = h5_err_set(
		    e, H5_E_INPUT, "the record of %s is full", o->id);
	return rc;
}

enum h5_code
h5_record_read(const struct h5_store_engine *engine, void *store,
    const char *id, enum h5_engine_mode mode, int64_t until_ms,
    struct h5_order **out, struct h5_err *e)
{
	struct h5_engine_record r = {
	    .id = id, .mode = mode, .until_ms = until_ms};
	struct h5_ledger_at at;
	enum h5_code rc;

	*out = NULL;
	if (!h5_number_is_order(id))
		return h5_err_set(e, H5_E_NOTFOUND, "not an order id");
	h5_buf_init(&r.bytes, H5_RECORD_MAX);
	rc = engine->begin(store, &r, e);
	if (rc == H5_OK)
		rc = h5_record_fold(&r.bytes, id, out, &r.whole, &at, e);
	rc = h5_format_believe(engine, store, rc, e);
	if (rc != H5_OK) {
		h5_order_free(*out);
		*out = NULL;
	}
	/* The failure of end is ignored: nothing was written that closing could
	 * lose. */
	(void)!engine->end(store, &r, NULL);
	h5_buf_release(&r.bytes);
	return rc;
}

enum h5_code
h5_record_load(const struct h5_store_engine *engine, void *store,
    const char *id, int64_t until_ms, struct h5_order **out, struct h5_err *e)
{
	enum h5_code rc;

	rc =
	    h5_record_read(engine, store, id, H5_ENGINE_LOOK, until_ms, out, e);
	/* A writer may have cut off a torn tail and written anew while it was
	 * being read, so what looks broken is read again between two writes. */
	if (rc == H5_E_INPUT)
		rc = h5_record_read(
		    engine, store, id, H5_ENGINE_CALM, until_ms, out, e);
	return rc;
}
