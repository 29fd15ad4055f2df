/* fields_set.h - puts another value into a list of fields, for tests that spoil
 * what they made.  The product only adds. */
#ifndef TESTS_FIELDS_SET_H
#define TESTS_FIELDS_SET_H

#include <stdlib.h>
#include <string.h>

#include "common/base/fields.h"

/* fields_set(f, name, value, e): value takes the place of what had the name, at
 * the end of the list.  It may be part of what it replaces. */
static inline enum h5_code
fields_set(
    struct h5_fields *f, const char *name, const char *value, struct h5_err *e)
{
	char *own_name = strdup(name), *own = strdup(value);
	enum h5_code rc = H5_E_NOMEM;

	if (own_name != NULL && own != NULL) {
		h5_fields_drop(f, own_name);
		rc = h5_fields_add(f, own_name, own, e);
	}
	free(own_name);
	free(own);
	return rc;
}

#endif
