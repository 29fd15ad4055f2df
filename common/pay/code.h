/* code.h - is one and the same address to pay at handed out for two orders?  A
 * test gateway does that, and WeChat calls the second one expired. */
#ifndef H5_PAY_CODE_H
#define H5_PAY_CODE_H

#include "common/shop/shop.h"

/* h5_code_note(shop, id, url): url was handed out for the order id just now;
 * NULL: nothing was.  Tells the log if another order had it among the last few
 * hundred.  Kept in the state folder, in a file of one size; where that cannot
 * be written nothing is told, and nobody waits. */
void h5_code_note(const struct h5_shop *shop, const char *id, const char *url);

#endif
