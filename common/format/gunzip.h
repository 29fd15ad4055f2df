/* gunzip.h - unpacks a gzip file that came over the network.
 * gunzip.c alone uses zlib. */
#ifndef H5_FORMAT_GUNZIP_H
#define H5_FORMAT_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* h5_gunzip_is(p, n): does it begin as a gzip file does? */
bool h5_gunzip_is(const void *p, size_t n);

/* h5_gunzip(p, n, out, e): append the content of one whole gzip member.  out's
 * ceiling is the limit, so that few bytes cannot become many.
 * H5_E_INPUT: not gzip, cut short, damaged, followed by something, or more than
 * out may hold.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_gunzip(
    const void *p, size_t n, struct h5_buf *out, struct h5_err *e);

#endif
