/* APIv3's row: which function here makes which call. */
#include "common/wechat/v3/api.h"

#include "common/wechat/v3/call.h"
#include "common/wechat/v3/message.h"

const struct h5_wechat_api h5_v3_api = {
    .prepay = h5_v3_prepay,
    .request = h5_v3_write_prepay,
    .bridge = h5_v3_bridge,
    .query = h5_v3_query,
    .close = h5_v3_close,
    .refund = h5_v3_refund,
    .refund_query = h5_v3_refund_query,
    .refund_ready = h5_v3_refund_ready,
    .sample_notice = h5_v3_sample_notice,
};
