#include "common/order/event.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* WeChat's messages are capped at 1,024 elements in 64 KiB (xml.h); an event
 * keeps them all, each name with a prefix. */
#define EVENT_FIELDS 1088
#define EVENT_BYTES 131072

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *const event_names[] = {
    [H5_EVENT_CREATED] = "created",
    [H5_EVENT_ATTEMPT] = "attempt",
    [H5_EVENT_PREPAID] = "prepaid",
    [H5_EVENT_QUERIED] = "queried",
    [H5_EVENT_UNREACHED] = "unreached",
    [H5_EVENT_PAID] = "paid",
    [H5_EVENT_CLOSING] = "closing",
    [H5_EVENT_ENDED] = "ended",
    [H5_EVENT_CLOSED] = "closed",
    [H5_EVENT_REFUND_ASKED] = "refund-asked",
    [H5_EVENT_REFUND_HINT] = "refund-hint",
    [H5_EVENT_REFUNDED] = "refunded",
    [H5_EVENT_REFUND_REFUSED] = "refund-refused",
    [H5_EVENT_ALERT] = "alert",
    [H5_EVENT_DELIVERED] = "delivered",
    [H5_EVENT_UNDELIVERED] = "undelivered",
};

_Static_assert(COUNT(event_names) == H5_EVENT_KINDS, "a word for each event");

const char *
h5_event_name(enum h5_event_kind kind)
{
	return event_names[kind];
}

bool
h5_event_kind_of(const char *name, enum h5_event_kind *kind)
{
	size_t i;

	for (i = 0; i < COUNT(event_names); i++)
		if (strcmp(event_names[i], name) == 0) {
			*kind = (enum h5_event_kind)i;
			return true;
		}
	return false;
}

void
h5_event_init(struct h5_event *ev, enum h5_event_kind kind, int64_t at)
{
	ev->kind = kind;
	ev->at = at;
	h5_fields_init(&ev->fields, EVENT_FIELDS, EVENT_BYTES);
}

void
h5_event_release(struct h5_event *ev)
{
	h5_fields_release(&ev->fields);
}

enum h5_code
h5_event_fill(struct h5_event *ev, struct h5_err *e, ...)
{
	const char *name, *value;
	enum h5_code rc = H5_OK;
	va_list ap;

	if (ev == NULL)
		return h5_err_set(e, H5_E_BUG, "no room for an event");
	va_start(ap, e);
	while (rc == H5_OK && (name = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (value != NULL)
			rc = h5_fields_add(&ev->fields, name, value, e);
	}
	va_end(ap);
	return rc;
}
