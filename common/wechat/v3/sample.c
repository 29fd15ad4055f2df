/* A notice in APIv3's form that nobody signed: the doctor asks with it whether
 * notify is reached and refuses it. */
#include "common/wechat/v3/call.h"

#include "common/format/json.h"

enum h5_code
h5_v3_sample_notice(const struct h5_config *c, const char *number,
    struct h5_buf *out, struct h5_err *e)
{
	(void)c;
	h5_buf_putc(out, '{');
	h5_json_text("id", number, out);
	h5_json_text("event_type", "TRANSACTION.SUCCESS", out);
	h5_json_text("resource_type", "encrypt-resource", out);
	h5_buf_putc(out, '}');
	return h5_buf_finish(out, e);
}
