/* Notices: what WeChat sends of its own accord, believed or not, and what it is
 * answered.  Linked by notify, and so without curl and without mxml. */
#include "common/wechat/wechat.h"

#include "common/wechat/v2/message.h"
#include "common/wechat/v2/sign.h"

enum h5_code
h5_wechat_self_test(struct h5_err *e)
{
	return h5_sign_self_test(e);
}

enum h5_code
h5_wechat_notice(const struct h5_config *c, const char *body, size_t n,
    enum h5_wechat_kind *kind, struct h5_wechat_trade *t,
    struct h5_fields *refund, struct h5_err *e)
{
	return h5_v2_read_notice(c, body, n, kind, t, refund, e);
}

void
h5_wechat_reply(bool ok, const char *msg, struct h5_buf *out)
{
	h5_v2_reply(ok, msg, out);
}

bool
h5_wechat_is_reply(const char *text)
{
	return h5_v2_is_reply(text);
}
