/* orders.h - events and orders for tests.  Include it after help.h. */
#ifndef TESTS_UNIT_ORDERS_H
#define TESTS_UNIT_ORDERS_H

#include <stdarg.h>

#include "common/base/clock.h"
#include "common/order/order.h"

/* 2026-11-23T16:40:12+08:00, when the orders of these tests begin. */
#define T0 1795423212
#define T0_TEXT "2026-11-23T16:40:12+08:00"
#define T1_TEXT "2026-11-23T18:40:12+08:00"

/* event_of(ev, kind, at, name, value, ..., NULL): fails the test if a field
 * does not fit. */
static inline void event_of(struct h5_event *ev, enum h5_event_kind kind,
    int64_t at, ...) __attribute__((sentinel));
static inline void
event_of(struct h5_event *ev, enum h5_event_kind kind, int64_t at, ...)
{
	const char *name, *value;
	va_list ap;

	h5_event_init(ev, kind, at);
	va_start(ap, at);
	while ((name = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (h5_fields_add(&ev->fields, name, value, NULL) != H5_OK)
			fail_msg("field %s does not fit", name);
	}
	va_end(ap);
}

/* created_of(ev, id, at): an order of 128.00 yuan. */
static inline void
created_of(struct h5_event *ev, const char *id, int64_t at)
{
	event_of(ev, H5_EVENT_CREATED, at, "order", id, "total_fee", "12800",
	    "body", "Green tea, 250 g", "attach", "shelf 3", "item", "tea",
	    "qty", "2", "lang", "en", "expires_at", T1_TEXT, "out_trade_no", id,
	    "spbill_create_ip", "203.0.113.7", "time_start", T0_TEXT,
	    "time_expire", T1_TEXT, NULL);
}

/* paid_of(ev, no, transaction_id, at): by notice. */
static inline void
paid_of(
    struct h5_event *ev, const char *no, const char *transaction_id, int64_t at)
{
	event_of(ev, H5_EVENT_PAID, at, "out_trade_no", no, "transaction_id",
	    transaction_id, "total_fee", "12800", "via", "notify", "wx_openid",
	    "oUpF8uMEb4qRXf22hE3X68TekukE", NULL);
}

#endif
