/* The bill of a day, by the API that new attempts get.  Apart from the other
 * calls: only the command reads bills, and no web program is to link what
 * unpacks them. */
#include "common/wechat/wechat.h"

#include "common/wechat/v2/call.h"
#include "common/wechat/v3/call.h"

enum h5_code
h5_wechat_bill(const struct h5_config *c, const struct h5_log *log, int64_t day,
    const char *type, struct h5_buf *raw, struct h5_buf *text, struct h5_err *e)
{
	return c->merchant.api == H5_API_V3
		   ? h5_v3_bill(c, log, day, type, raw, text, e)
		   : h5_v2_downloadbill(c, log, day, type, raw, text, e);
}
