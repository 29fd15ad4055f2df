#include <stdarg.h>
#include <stddef.h>

#include "common/order.h"

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
