/* form.h - application/x-www-form-urlencoded, read strictly. */
#ifndef H5_FORMAT_FORM_H
#define H5_FORMAT_FORM_H

#include <stddef.h>

#include "common/base/err.h"
#include "common/base/fields.h"

/* h5_form_pick(p, n, names, n_names, out, e): read a query string or the body
 * of a form.  "+" is a blank.  Empty pieces ("a=1&&b=2", a trailing "&") are
 * skipped; "name" without "=" has an empty value.  names: the fields to keep;
 * any other must be well-formed as well, but may come more than once and counts
 * for no ceiling.  NULL: keep all.  out: initialised by the caller, with its
 * ceilings.
 * H5_E_INPUT: a bad percent escape, NUL, invalid UTF-8, an empty name, or a
 * ceiling was hit.
 * H5_E_EXISTS: a name comes twice.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_form_pick(const char *p, size_t n,
    const char *const *names, size_t n_names, struct h5_fields *out,
    struct h5_err *e);

#endif
