/* headers.h - what the headers of an answer tell beside its body. */
#ifndef H5_WECHAT_V3_HEADERS_H
#define H5_WECHAT_V3_HEADERS_H

#include "common/wechat/v3/error.h"

/* h5_v3_headers(head, h, request_id): find WeChat's own in head, the header
 * lines as they came; their names may be of any case.  h: borrowed from head,
 * whose bytes are written to.  request_id: "" if there is none that fits. */
void h5_v3_headers(struct h5_buf *head, struct h5_wechat_headers *h,
    char request_id[H5_V3_REQUEST_ID]);

#endif
