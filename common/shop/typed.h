/* typed.h - reads an amount as buyers type it. */
#ifndef H5_SHOP_TYPED_H
#define H5_SHOP_TYPED_H

#include <stdbool.h>
#include <stddef.h>

#define H5_TYPED_TEXT 64 /* bytes of an amount that is looked into, and NUL */

/* h5_typed_fold(s, out): write s as plain digits with at most one point, if it
 * is certain what is meant.  It understands blanks and a sign or name of the
 * yuan around the number, digits and points of a keyboard set to Chinese, a
 * decimal comma, and thousands in groups.  "1,000" and "1.000" are not certain;
 * neither is another currency or a minus.  Whether the result is a good amount
 * is for h5_text_yuan to say.  False: it is not certain. */
bool h5_typed_fold(const char *s, char out[H5_TYPED_TEXT]);

#endif
