/* shop.h - one shop: all that a walk with an order needs, passed as one.
 * Programs and verbs make one and lend it out.  Its parts belong to whoever
 * made it, and outlive every call that borrows it.  If there is a request, the
 * log is the request's, so that each line carries the request's id. */
#ifndef H5_SHOP_SHOP_H
#define H5_SHOP_SHOP_H

#include "common/base/log.h"
#include "common/config/config.h"
#include "common/store/store.h"

struct h5_browser;
struct h5_limit;
struct h5_kept;
struct h5_wechat;

struct h5_shop {
	const struct h5_config *c;
	const struct h5_log *log;
	struct h5_store *st; /* NULL: not made yet, and only looked at */
	struct h5_wechat
	    *wx; /* this thread's; NULL where WeChat is not called */
	struct h5_limit *limit; /* the buyer who asks; NULL: nobody does */
	const struct h5_browser *browser; /* of the buyer who asks for an item;
					     NULL: nobody does */
	struct h5_kept *kept; /* the running program's; NULL: none is */
};

#endif
