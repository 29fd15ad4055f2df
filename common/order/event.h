/* event.h - what can happen to an order: a kind, a time, and named texts.
 * */
#ifndef H5_ORDER_EVENT_H
#define H5_ORDER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/fields.h"

/* Events as they stand in the ledger; their fields are in STORE.md. */
enum h5_event_kind {
	H5_EVENT_CREATED, /* terms and the first attempt's parameters */
	H5_EVENT_ATTEMPT, /* a next attempt's number and parameters */
	H5_EVENT_PREPAID, /* a mweb_url for an attempt */
	H5_EVENT_QUERIED, /* what WeChat said when asked, unless paid */
	H5_EVENT_UNREACHED, /* WeChat was asked and not reached or believed */
	H5_EVENT_PAID,
	H5_EVENT_CLOSING, /* we are about to close an attempt, for the next */
	H5_EVENT_ENDED, /* an attempt is closed at WeChat */
	H5_EVENT_CLOSED, /* the order is closed */
	H5_EVENT_REFUND_ASKED,
	H5_EVENT_REFUND_HINT, /* a refund notice came: ask refundquery */
	H5_EVENT_REFUNDED, /* refundquery's word on one refund */
	H5_EVENT_REFUND_REFUSED, /* WeChat has no such refund */
	H5_EVENT_ALERT,
	H5_EVENT_DELIVERED, /* the shop took an event */
	H5_EVENT_UNDELIVERED, /* the shop did not: when to try again */
	H5_EVENT_KINDS
};

/* One event.  fields holds all but kind and time, as text; which of them are
 * numbers in JSON is the ledger's knowledge. */
struct h5_event {
	enum h5_event_kind kind;
	int64_t at; /* Unix seconds */
	struct h5_fields fields;
};

void h5_event_init(struct h5_event *ev, enum h5_event_kind kind, int64_t at);
void h5_event_release(struct h5_event *ev);
/* h5_event_fill(ev, e, name, value, ..., NULL): pairs of strings; a NULL value
 * leaves its pair out.  H5_E_INPUT, H5_E_NOMEM; H5_E_BUG: ev is NULL (a full
 * batch). */
H5_MUST_CHECK enum h5_code h5_event_fill(
    struct h5_event *ev, struct h5_err *e, ...) __attribute__((sentinel));
/* The word for a kind in the ledger and in show --json, and back. */
const char *h5_event_name(enum h5_event_kind kind);
bool h5_event_kind_of(const char *name, enum h5_event_kind *kind);

#endif
