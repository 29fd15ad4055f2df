/* believe.h - what an answer of any API must fit before it is believed.
 * Private to common/wechat. */
#ifndef H5_WECHAT_BELIEVE_H
#define H5_WECHAT_BELIEVE_H

#include "common/wechat/wechat.h"

/* h5_wechat_take_mweb_url(c, url, out, e): a copy of url, to which a buyer is
 * sent; free() it.  url may be NULL.
 * H5_E_REMOTE: it does not lead to gateway.cashier.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_take_mweb_url(
    const struct h5_config *c, const char *url, char **out, struct h5_err *e);

/* h5_wechat_take_code_url(url, out, e): a copy of url, which is drawn as it
 * came; free() it.  url may be NULL.
 * H5_E_REMOTE: no QR can show it.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_take_code_url(
    const char *url, char **out, struct h5_err *e);

/* h5_wechat_take_prepay_id(id, out, e): copy id, which may be NULL.
 * H5_E_REMOTE: it is none. */
H5_MUST_CHECK enum h5_code h5_wechat_take_prepay_id(
    const char *id, struct h5_wechat_prepay *out, struct h5_err *e);

/* h5_wechat_fits(o, r, got, e): is what WeChat says about the refund r of o,
 * with these amounts?  The amount of a refund that only a notice spoke of binds
 * nobody.
 * H5_E_REMOTE: it is about something else; got is cleared. */
H5_MUST_CHECK enum h5_code h5_wechat_fits(const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got, struct h5_err *e);

#endif
