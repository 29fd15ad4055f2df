/* fields.h - an ordered list of names and values, each name once.
 * Forms, XML, signatures and ledgers all use it.
 *
 * Call h5_fields_init, then any of the others, then h5_fields_release. */
#ifndef H5_BASE_FIELDS_H
#define H5_BASE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct h5_field {
	char *name; /* NUL-terminated */
	char *value; /* NUL-terminated, holds no other NUL */
	size_t name_len;
	size_t value_len;
};

struct h5_fields_block;

struct h5_fields {
	struct h5_field *v; /* in the order they were added */
	struct h5_fields_block *texts; /* where names and values lie */
	size_t n;
	size_t cap;
	size_t bytes; /* names and values together */
	size_t max_n;
	size_t max_bytes;
};

/* h5_fields_init(f, max_n, max_bytes): make f an empty list with these
 * ceilings: fields, and bytes of names and values together. */
void h5_fields_init(struct h5_fields *f, size_t max_n, size_t max_bytes);

/* h5_fields_release(f): wipe the values and free them; the list is empty and
 * can be used again. */
void h5_fields_release(struct h5_fields *f);

/* h5_fields_add(f, name, value, e): append a copy.
 * H5_E_EXISTS: the name is there already.
 * H5_E_INPUT: a ceiling was hit.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_fields_add(
    struct h5_fields *f, const char *name, const char *value, struct h5_err *e);

/* h5_fields_addn(f, name, name_len, value, value_len, e): the same for bytes; a
 * NUL inside is H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_fields_addn(struct h5_fields *f, const char *name,
    size_t name_len, const char *value, size_t value_len, struct h5_err *e);

/* h5_fields_add_int(f, name, value, e): the same for a number, as decimal
 * text. */
H5_MUST_CHECK enum h5_code h5_fields_add_int(
    struct h5_fields *f, const char *name, int64_t value, struct h5_err *e);

/* h5_fields_drop(f, name): take the field out, if it is there. */
void h5_fields_drop(struct h5_fields *f, const char *name);

/* h5_fields_get(f, name): the value, borrowed until f changes, or NULL. */
const char *h5_fields_get(const struct h5_fields *f, const char *name);

/* h5_fields_is(f, name, value): is it there with exactly that value? */
bool h5_fields_is(
    const struct h5_fields *f, const char *name, const char *value);

/* h5_fields_sorted(f, out, e): f->n pointers into f, in byte order of the
 * names; free(*out).
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_fields_sorted(
    const struct h5_fields *f, const struct h5_field ***out, struct h5_err *e);

/* h5_fields_copy(to, from, e): append all fields of from to to.  Errors as
 * h5_fields_add. */
H5_MUST_CHECK enum h5_code h5_fields_copy(
    struct h5_fields *to, const struct h5_fields *from, struct h5_err *e);

#endif
