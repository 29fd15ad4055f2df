/* Makes the keys of a configuration ready, once, before anybody shares it. */
#include "common/wechat/wechat.h"

#include "common/wechat/v3/keys.h"

static enum h5_code
ready(struct h5_config *c, const struct h5_v3_keys_how *how, struct h5_err *e)
{
	if (c->merchant.v3 != NULL || !h5_v3_keys_configured(c))
		return H5_OK;
	c->merchant.v3_free = h5_v3_keys_free;
	return h5_v3_keys_load(c, how, &c->merchant.v3, e);
}

enum h5_code
h5_wechat_ready(
    struct h5_config *c, int64_t now, struct h5_buf *faults, struct h5_err *e)
{
	return ready(c, &(struct h5_v3_keys_how){true, now, faults}, e);
}

enum h5_code
h5_wechat_ready_to_take(
    struct h5_config *c, int64_t now, struct h5_buf *faults, struct h5_err *e)
{
	/* A check looks at what the other programs need, too. */
	return ready(c, &(struct h5_v3_keys_how){now != 0, now, faults}, e);
}
