/* json.h - JSON as this project writes it, and strings back.
 * Each value goes through a function that knows how to spell it, so nothing
 * that is quoted by hand can break an object.  Appends to a buffer; what fails
 * is found by h5_buf_finish. */
#ifndef H5_FORMAT_JSON_H
#define H5_FORMAT_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

/* h5_json_string(s, out): the string literal of s, which is UTF-8: control
 * bytes, quotes and backslashes escaped, everything else as it is. */
void h5_json_string(const char *s, struct h5_buf *out);

/* h5_json_name(name, out): "name": of the next member, after a comma unless it
 * is the first of its object. */
void h5_json_name(const char *name, struct h5_buf *out);
/* h5_json_text(name, s, out): a member that is a string; null if s is NULL or
 * empty. */
void h5_json_text(const char *name, const char *s, struct h5_buf *out);
/* h5_json_int(name, n, out): a member that is a number. */
void h5_json_int(const char *name, int64_t n, struct h5_buf *out);

/* h5_json_unescape(p, n, c): the byte that an escape stands for, p and n being
 * what follows its backslash.  The result is how many bytes it takes; 0 if it
 * is no escape that h5_json_string writes: there is one spelling of a
 * string. */
size_t h5_json_unescape(const char *p, size_t n, char *c);

#endif
