/* gzip.h - packs and unpacks gzip members: bills that came over the network,
 * and the archives of the store.  gzip.c alone uses zlib. */
#ifndef H5_FORMAT_GZIP_H
#define H5_FORMAT_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* h5_gzip_is(p, n): does it begin as a gzip file does? */
bool h5_gzip_is(const void *p, size_t n);

/* h5_gzip_unpack(p, n, out, e): append the content of one whole gzip member.
 * out's ceiling is the limit, so that few bytes cannot become many. H5_E_INPUT:
 * not gzip, cut short, damaged, followed by something, or more than out may
 * hold. H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_gzip_unpack(
    const void *p, size_t n, struct h5_buf *out, struct h5_err *e);

/* The bytes at the beginning of a member of ours, which tell its length. */
#define H5_GZIP_HEAD 20

/* h5_gzip_pack(p, n, out, e): append the n bytes as one gzip member that
 * carries its own length.  Members one after the other are a gzip file.
 * H5_E_INPUT: more than out may hold.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_gzip_pack(
    const void *p, size_t n, struct h5_buf *out, struct h5_err *e);

/* h5_gzip_length(head): the length of the member that begins with these
 * H5_GZIP_HEAD bytes; 0: it is none of ours. */
size_t h5_gzip_length(const void *head);

#endif
