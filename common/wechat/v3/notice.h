/* notice.h - notices of APIv3, believed or not (PROTOCOL-V3 13).  Links no
 * curl, so that notify starts fast. */
#ifndef H5_WECHAT_V3_NOTICE_H
#define H5_WECHAT_V3_NOTICE_H

#include <stddef.h>
#include <stdint.h>

#include "common/wechat/wechat.h"

#define H5_V3_NOTICE_MAX 65536 /* bytes of what a notice holds, decrypted */

struct h5_v3_notice {
	const struct h5_wechat_headers *h;
	const char *body; /* as it came */
	size_t n;
};

/* h5_v3_read_notice(c, notice, now, kind, t, hint, e): check the signature,
 * then open the seal, then read, as h5_wechat_notice does.  now: Unix seconds.
 * A notice that a previous key vouches for is a hint, and an echo by one proves
 * nothing. */
H5_MUST_CHECK enum h5_code h5_v3_read_notice(const struct h5_config *c,
    const struct h5_v3_notice *notice, int64_t now, enum h5_wechat_kind *kind,
    struct h5_wechat_trade *t, struct h5_wechat_hint *hint, struct h5_err *e);

#endif
