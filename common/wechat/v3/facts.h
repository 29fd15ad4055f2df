/* facts.h - APIv3's messages as facts: what an answer, or the inside of a
 * notice, says once WeChat's signature was found good.  Links no curl, so that
 * notify starts fast. */
#ifndef H5_WECHAT_V3_FACTS_H
#define H5_WECHAT_V3_FACTS_H

#include "common/format/json_read.h"
#include "common/wechat/wechat.h"

/* h5_v3_check_ids(c, v, appids, e): is it about our merchant number, of a
 * provider also about our sub-merchant?  appids: about our appids as well, as
 * far as it names them.  A refund's notice may say mchid where sp_mchid is
 * meant (PROTOCOL-V3 14).
 * H5_E_NOTFOUND: it is another's, or names none. */
H5_MUST_CHECK enum h5_code h5_v3_check_ids(const struct h5_config *c,
    const struct h5_json_value *v, bool appids, struct h5_err *e);

/* h5_v3_read_trade(v, t, e): the facts of a trade (PROTOCOL-V3 8).  t was
 * initialised.  amount.payer_total is what the payer gave, less coupons; it is
 * kept, and compared with nothing.
 * H5_E_INPUT: one is missing or malformed.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v3_read_trade(
    const struct h5_json_value *v, struct h5_wechat_trade *t, struct h5_err *e);

/* h5_v3_read_refund(v, r, e): the facts of a refund from an answer (PROTOCOL-V3
 * 10.1).
 * H5_E_INPUT: one is missing or malformed; r is cleared. */
H5_MUST_CHECK enum h5_code h5_v3_read_refund(const struct h5_json_value *v,
    struct h5_wechat_refund *r, struct h5_err *e);

#endif
