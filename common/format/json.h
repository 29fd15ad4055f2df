/* json.h - JSON as this project writes it, and strings back.  Each value goes
 * through a function that knows how to spell it; nothing is quoted by hand, so
 * nothing can break an object.  All functions append to a buffer, and
 * h5_buf_finish finds a failure. */
#ifndef H5_FORMAT_JSON_H
#define H5_FORMAT_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

/* h5_json_string(s, out): append the string literal of s, which is UTF-8.
 * Control bytes, quotes and backslashes are escaped; everything else stays as
 * it is. */
void h5_json_string(const char *s, struct h5_buf *out);

/* h5_json_name(name, out): append the name of the next member and a colon,
 * after a comma unless it is the first of its object. */
void h5_json_name(const char *name, struct h5_buf *out);

/* h5_json_text(name, s, out): append a member that is a string, or null if s is
 * NULL or empty. */
void h5_json_text(const char *name, const char *s, struct h5_buf *out);

/* h5_json_int(name, n, out): append a member that is a number. */
void h5_json_int(const char *name, int64_t n, struct h5_buf *out);

/* h5_json_unescape(p, n, c): set c to the byte that an escape stands for; p and
 * n are what follows its backslash.  The result is how many bytes the escape
 * takes; 0: h5_json_string writes no such escape, since a string has one
 * spelling only. */
size_t h5_json_unescape(const char *p, size_t n, char *c);

#endif
