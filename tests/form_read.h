/* form_read.h - every field of a form, for tests of its grammar.  The product
 * picks those it knows. */
#ifndef TESTS_FORM_READ_H
#define TESTS_FORM_READ_H

#include "common/format/form.h"

static inline enum h5_code
form_read(const char *p, size_t n, struct h5_fields *out, struct h5_err *e)
{
	return h5_form_pick(p, n, NULL, 0, out, e);
}

#endif
