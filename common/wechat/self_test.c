/* Whether this machine can check what WeChat signs: for programs that read no
 * notice, too, and so apart from what does. */
#include "common/wechat/wechat.h"

#include "common/wechat/v2/sign.h"

enum h5_code
h5_wechat_self_test(struct h5_err *e)
{
	return h5_sign_self_test(e);
}
