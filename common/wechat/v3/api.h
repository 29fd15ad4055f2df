/* api.h - APIv3, as common/wechat/call.c knows it. */
#ifndef H5_WECHAT_V3_API_H
#define H5_WECHAT_V3_API_H

#include "common/wechat/api.h"

extern const struct h5_wechat_api h5_v3_api;

#endif
