/* json_read.h - JSON that others wrote, read strictly.
 * Call h5_json_read, take the members that are needed, call h5_json_free.
 *
 * Members are named by a path of names with dots between ("amount.total").  A
 * member that is null is like an absent one, and all members that nobody asks
 * for may hold whatever JSON can. */
#ifndef H5_FORMAT_JSON_READ_H
#define H5_FORMAT_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define H5_JSON_DEPTH 16 /* arrays and objects within each other; no more */

/* A value of a document, borrowed from it. */
struct h5_json_value;

/* h5_json_read(p, n, out, e): read the n bytes at p, which must be one object.
 * A byte-order mark and blanks around it do no harm.  The caller has limited
 * n.
 * H5_E_INPUT: not JSON in UTF-8, not an object, a name twice in one object,
 *   U+0000 in a name, or deeper than H5_JSON_DEPTH.
 * H5_E_NOMEM: no memory; jansson calls some of that H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_json_read(
    const char *p, size_t n, struct h5_json_value **out, struct h5_err *e);
void h5_json_free(struct h5_json_value *document);

/* Look without demanding; v may be NULL, and then nothing is there. */

/* h5_json_object(v, path): the object there; NULL: none. */
const struct h5_json_value *h5_json_object(
    const struct h5_json_value *v, const char *path);
/* h5_json_list(v, path), h5_json_count(list), h5_json_item(list, i): the list
 * there, NULL: none; how many items it has, 0 for NULL; the i-th of them from 0
 * on, NULL: none. */
const struct h5_json_value *h5_json_list(
    const struct h5_json_value *v, const char *path);
size_t h5_json_count(const struct h5_json_value *list);
const struct h5_json_value *h5_json_item(
    const struct h5_json_value *list, size_t i);
/* h5_json_string_of(v, path): the string there, borrowed; NULL: none. */
const char *h5_json_string_of(const struct h5_json_value *v, const char *path);

enum h5_json_need { H5_JSON_OPTIONAL, H5_JSON_REQUIRED };

/* h5_json_take_string(v, path, need, max, out, e): the string there, borrowed,
 * of at most max bytes.  An empty one is like an absent one: NULL.
 * H5_E_INPUT: required and absent, not a string, with U+0000 in it, or too
 * long; e->msg begins with the path. */
H5_MUST_CHECK enum h5_code h5_json_take_string(const struct h5_json_value *v,
    const char *path, enum h5_json_need need, size_t max, const char **out,
    struct h5_err *e);

/* h5_json_take_word(v, path, need, to, size, e): the same as a copy of at most
 * size - 1 bytes of visible ASCII; "" if it is absent. */
H5_MUST_CHECK enum h5_code h5_json_take_word(const struct h5_json_value *v,
    const char *path, enum h5_json_need need, char *to, size_t size,
    struct h5_err *e);

/* h5_json_take_int(v, path, need, out, e): the whole number there; *out stays
 * as it is if it is absent. H5_E_INPUT: required and absent, not a number, with
 * a fraction or an exponent (1.0, 1e2), or none that int64_t holds; e->msg
 * begins with the path. */
H5_MUST_CHECK enum h5_code h5_json_take_int(const struct h5_json_value *v,
    const char *path, enum h5_json_need need, int64_t *out, struct h5_err *e);

#endif
