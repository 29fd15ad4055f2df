/* Notices: what WeChat sends of its own accord, believed or not, and what it is
 * answered.  Linked by notify, and so without curl and without mxml. */
#include "common/wechat/wechat.h"

#include <string.h>

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
    struct h5_wechat_hint *hint, struct h5_err *e)
{
	struct h5_fields refund;
	enum h5_code rc;

	memset(hint, 0, sizeof *hint);
	/* Only APIv2 sends notices so far; another API will be told by its
	 * form. */
	rc = h5_v2_read_notice(c, body, n, kind, t, &refund, e);
	/* The signed kind is finished.  What the other one says is hearsay, so
	 * it is taken apart for its hint alone. */
	if (rc == H5_OK && *kind == H5_WECHAT_REFUND)
		rc = h5_v2_read_hint(&refund, hint, e);
	h5_fields_release(&refund);
	return rc;
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
