/* escape.h - one encoder for each context, named after it.
 * All of them append to a buffer; a failure sticks in the buffer. */
#ifndef H5_FORMAT_ESCAPE_H
#define H5_FORMAT_ESCAPE_H

#include <stddef.h>

#include "common/base/buf.h"

/* For HTML text and quoted attribute values: & < > " ' become the entities
 * &amp; &lt; &gt; &quot; &#39;.  Control bytes other than tab, LF, CR are
 * dropped.  A byte that is not UTF-8 becomes U+FFFD. */
void h5_escape_html(struct h5_buf *out, const char *s);

/* For the value of a URL's query (RFC 3986): all but A-Za-z0-9-._~ become %XX,
 * also a blank, which is %20 (PROTOCOL 3.1 asks this of redirect_url). */
void h5_escape_url(struct h5_buf *out, const char *s);

/* For one CSV field (RFC 4180), quoted if need be.  A value that a spreadsheet
 * would run (it begins with = + - @, also full-width, also behind blanks; with
 * a tab or CR) gets an apostrophe in front.  One that it would take for a
 * number or a date and shorten (4200000701202611308642097531, 007, 1e5, 11-30)
 * gets a back-tick, as in WeChat's own bills. */
void h5_escape_csv(struct h5_buf *out, const char *s);
/* h5_escape_csv_back(s): a field as a CSV reader gives it, without what stands
 * in front; borrowed from s. */
const char *h5_escape_csv_back(const char *s);

/* For one tab-separated field: tab, LF, CR and backslash become \t \n \r \\,
 * and other control bytes \xHH. */
void h5_escape_tsv(struct h5_buf *out, const char *s);

#endif
