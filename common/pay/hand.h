/* hand.h - what the operator settled by hand, put on record: who, how, and how
 * much.  What WeChat knows is left to WeChat. */
#ifndef H5_PAY_HAND_H
#define H5_PAY_HAND_H

#include "common/base/err.h"
#include "common/order/order.h"
#include "common/shop/shop.h"

#define H5_HAND_NOTE_MAX 256 /* bytes */

struct h5_hand {
	const char *by; /* who settled it: printable, 1 to 64 bytes */
	const char *note; /* how the dispute was settled: printable, 1 to
			     H5_HAND_NOTE_MAX bytes; NULL: it is a refund */
	int64_t refunded; /* fen that went back without WeChat, in all */
};

/* h5_hand_settle(shop, id, hand, o, e): record it.  Nothing is written if the
 * ledger says the same already.  o: the order afterwards.  Durable if H5_OK.
 * H5_E_STATE: it is not disputed, not paid, or more would have gone back than
 * came in, or less than before.
 * Others as h5_store_update. */
H5_MUST_CHECK enum h5_code h5_hand_settle(const struct h5_shop *shop,
    const char *id, const struct h5_hand *hand, struct h5_order **o,
    struct h5_err *e);

#endif
