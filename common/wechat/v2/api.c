/* APIv2's row: which function here makes which call. */
#include "common/wechat/v2/api.h"

#include "common/wechat/v2/call.h"

const struct h5_wechat_api h5_v2_api = {
    .prepay = h5_v2_unifiedorder,
    .bridge = h5_v2_bridge,
    .query = h5_v2_orderquery,
    .close = h5_v2_closeorder,
    .refund = h5_v2_refund,
    .refund_query = h5_v2_refundquery,
    .refunds = h5_v2_refunds,
    .refund_ready = h5_v2_refund_ready,
    .sample_notice = h5_v2_sample_notice,
};
