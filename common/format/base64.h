/* base64.h - bytes as base64 (RFC 4648, section 4), and back. */
#ifndef H5_FORMAT_BASE64_H
#define H5_FORMAT_BASE64_H

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* h5_base64_write(p, n, out): append n bytes as padded base64 without line
 * breaks. */
void h5_base64_write(const void *p, size_t n, struct h5_buf *out);

/* h5_base64_read(s, out, e): append the bytes that s stands for.  Line breaks
 * are skipped.  Padding must be complete and unused bits must be zero, so that
 * every value has exactly one text.  After an error out holds what it held
 * before.
 * H5_E_INPUT: not base64, or more bytes than out may hold.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_base64_read(
    const char *s, struct h5_buf *out, struct h5_err *e);

#endif
