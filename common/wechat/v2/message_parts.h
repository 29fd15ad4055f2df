/* wxmsg_parts.h - what the readers of WeChat's messages share.  Private to
 * common/wxmsg*.c. */
#ifndef H5_WECHAT_V2_MESSAGE_PARTS_H
#define H5_WECHAT_V2_MESSAGE_PARTS_H

#include "common/wechat/v2/message.h"

/* A word of visible ASCII, 1 to size - 1 bytes; absent and empty are the same,
 * "", and H5_E_INPUT only if it is needed. */
H5_MUST_CHECK enum h5_code h5_wxmsg_word(const struct h5_fields *f,
    const char *name, bool needed, char *to, size_t size, struct h5_err *e);

#endif
