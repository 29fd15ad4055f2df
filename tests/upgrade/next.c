/* A version that knows one format more: it writes "shut" where this one writes
 * "closed", an event that no program before it can read. */
#include <string.h>

#include "common/order/since.h"

unsigned __real_h5_since_newest(void);
unsigned __wrap_h5_since_newest(void);
unsigned
__wrap_h5_since_newest(void)
{
	return __real_h5_since_newest() + 1;
}

/* A "closed" of the version before has another reason. */
#define WHY "closed by the shop"

void __real_h5_event_text(
    struct h5_event *ev, const char *name, const char *value);
void __wrap_h5_event_text(
    struct h5_event *ev, const char *name, const char *value);
void
__wrap_h5_event_text(struct h5_event *ev, const char *name, const char *value)
{
	if (ev != NULL && ev->kind == H5_EVENT_CLOSED &&
	    strcmp(name, "why") == 0)
		value = WHY;
	__real_h5_event_text(ev, name, value);
}

unsigned __real_h5_since_event(const struct h5_event *ev);
unsigned __wrap_h5_since_event(const struct h5_event *ev);
unsigned
__wrap_h5_since_event(const struct h5_event *ev)
{
	if (h5_fields_is(&ev->fields, "why", WHY))
		return __wrap_h5_since_newest();
	return __real_h5_since_event(ev);
}

const char *__real_h5_event_name(enum h5_event_kind kind);
const char *__wrap_h5_event_name(enum h5_event_kind kind);
const char *
__wrap_h5_event_name(enum h5_event_kind kind)
{
	return kind == H5_EVENT_CLOSED ? "shut" : __real_h5_event_name(kind);
}

bool __real_h5_event_kind_of(const char *name, enum h5_event_kind *kind);
bool __wrap_h5_event_kind_of(const char *name, enum h5_event_kind *kind);
bool
__wrap_h5_event_kind_of(const char *name, enum h5_event_kind *kind)
{
	if (strcmp(name, "shut") == 0) {
		*kind = H5_EVENT_CLOSED;
		return true;
	}
	return __real_h5_event_kind_of(name, kind);
}
