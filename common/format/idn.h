/* idn.h - a URL as a person writes it, in the letters that programs use. */
#ifndef H5_FORMAT_IDN_H
#define H5_FORMAT_IDN_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* h5_idn_url(s, out, e): append the URL s with scheme and host in lower-case
 * ASCII.  Labels in other letters become xn-- (RFC 3492), the dots and letters
 * of Chinese keyboards become plain ones, and percent escapes in the host are
 * read.  Elsewhere bytes beyond ASCII become percent escapes.  What is ASCII
 * and lower-case already is left as it is.  Capitals beyond ASCII are not
 * folded.
 * H5_E_INPUT: not UTF-8, or a label that has no such form.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_idn_url(
    const char *s, struct h5_buf *out, struct h5_err *e);

#endif
