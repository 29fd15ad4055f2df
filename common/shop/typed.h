/* typed.h - an amount as a keyboard types it. */
#ifndef H5_SHOP_TYPED_H
#define H5_SHOP_TYPED_H

#include <stdbool.h>
#include <stddef.h>

#define H5_TYPED_TEXT 64 /* bytes of an amount that is looked into, and NUL */

/* h5_typed_fold(s, out): s as plain digits with at most one point, where it is
 * certain what is meant: blanks and a sign or name of the yuan around it,
 * digits and points of a keyboard set to Chinese, a decimal comma, thousands in
 * groups. "1,000" and "1.000" are not certain, no other currency is, nor is a
 * minus. The rest is h5_text_yuan's to judge.  false: nothing is certain. */
bool h5_typed_fold(const char *s, char out[H5_TYPED_TEXT]);

#endif
