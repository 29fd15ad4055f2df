/* fields.h - an ordered list of names and values, each name once.
 * The shared currency of form, XML, signature and ledger. */
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

/* h5_fields_init(f, max_n, max_bytes): empty list with its ceilings. */
void h5_fields_init(struct h5_fields *f, size_t max_n, size_t max_bytes);
/* h5_fields_release(f): free; usable again as empty.  Values are wiped. */
void h5_fields_release(struct h5_fields *f);

/* h5_fields_add(f, name, value, e): append a copy.
 * H5_E_EXISTS: the name is there already.  H5_E_INPUT: a ceiling was hit.
 * H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_fields_add(
    struct h5_fields *f, const char *name, const char *value, struct h5_err *e);
/* h5_fields_addn: the same for bytes; a NUL inside is H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_fields_addn(struct h5_fields *f, const char *name,
    size_t name_len, const char *value, size_t value_len, struct h5_err *e);
/* h5_fields_add_int: a number as decimal text. */
H5_MUST_CHECK enum h5_code h5_fields_add_int(
    struct h5_fields *f, const char *name, int64_t value, struct h5_err *e);
/* h5_fields_drop(f, name): take one out; nothing happens if it is absent. */
void h5_fields_drop(struct h5_fields *f, const char *name);

/* h5_fields_get(f, name): the value, borrowed until f changes, or NULL. */
const char *h5_fields_get(const struct h5_fields *f, const char *name);
/* h5_fields_is(f, name, value): is it there with exactly that value? */
bool h5_fields_is(
    const struct h5_fields *f, const char *name, const char *value);
/* h5_fields_sorted(f, out, e): pointers into f in byte order of the names;
 * free(*out).  n is f->n.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_fields_sorted(
    const struct h5_fields *f, const struct h5_field ***out, struct h5_err *e);
/* h5_fields_copy(to, from, e): append all of from to to. */
H5_MUST_CHECK enum h5_code h5_fields_copy(
    struct h5_fields *to, const struct h5_fields *from, struct h5_err *e);

#endif
