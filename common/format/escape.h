/* escape.h - one encoder per context, named for it.
 * All append to a buffer; failure sticks in the buffer. */
#ifndef H5_FORMAT_ESCAPE_H
#define H5_FORMAT_ESCAPE_H

#include <stddef.h>

#include "common/base/buf.h"

/* HTML text and quoted attribute values: & < > " ' become entities (&amp;
 * &lt; &gt; &quot; &#39;); control bytes other than tab, LF, CR are dropped;
 * a byte that is not UTF-8 becomes U+FFFD. */
void h5_escape_html(struct h5_buf *out, const char *s);
/* A URL's query value (RFC 3986): all but A-Za-z0-9-._~ become %XX, a blank
 * %20 (PROTOCOL 3.1 asks this of redirect_url). */
void h5_escape_url(struct h5_buf *out, const char *s);
/* One CSV field (RFC 4180), quoted where needed; a value that a spreadsheet
 * would run (begins with = + - @ tab CR) gets a leading apostrophe. */
void h5_escape_csv(struct h5_buf *out, const char *s);
/* One tab-separated field: tab, LF, CR and backslash become \t \n \r \\,
 * other control bytes \xHH. */
void h5_escape_tsv(struct h5_buf *out, const char *s);

#endif
