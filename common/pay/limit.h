/* limit.h - how much buyers may start: limits.* of the configuration.
 * What one address, and the whole machine, have started is counted in a file
 * of the state folder, which the threads and processes of all programs share.
 * The file proves nothing: it may be cut, damaged or removed at any time, and
 * what is lost of it is counted from nothing again.  Nobody is refused because
 * it cannot be read or written. */
#ifndef H5_PAY_LIMIT_H
#define H5_PAY_LIMIT_H

#include <stdbool.h>

#include "common/format/netaddr.h"
#include "common/shop/shop.h"

/* A buyer who asks for something (shop->limit). */
struct h5_limit {
	char ip[H5_NETADDR_TEXT]; /* his address; "": it is not known */
	bool counted; /* already: one request is one start */
	int wait_s; /* after a refusal: seconds until it is worth trying */
};

enum h5_limit_what {
	H5_LIMIT_ORDER, /* a new order */
	H5_LIMIT_ASK /* WeChat is asked about an order that stands */
};

/* h5_limit_admit(shop, what, e): may shop->limit's buyer start that?  If so, it
 * is counted.  Without a buyer, an operator or a sweep asks: always.
 * Of an address that many buyers share, a private one or one of
 * site.trusted_proxies, only the total counts.
 * Blocks for the file's lock, 50 ms at most; nothing is made durable.
 * H5_E_BUSY: no, and shop->limit->wait_s says how long. */
H5_MUST_CHECK enum h5_code h5_limit_admit(
    const struct h5_shop *shop, enum h5_limit_what what, struct h5_err *e);

#endif
