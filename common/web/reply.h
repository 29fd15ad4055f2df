/* reply.h - what the answers of several programs have in common. */
#ifndef H5_WEB_REPLY_H
#define H5_WEB_REPLY_H

#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/fields.h"
#include "common/order/order.h"
#include "common/shop/link.h"
#include "common/web/program.h"

/* h5_reply_fields(job, f): read the request's parameters into f, which is
 * initialised here; release it in any case.  If false, the answer (400) is
 * filled already. */
bool h5_reply_fields(struct h5_job *job, struct h5_fields *f);

/* h5_reply_only(job, f, allowed, n): does f hold no parameters but the n
 * allowed ones?  (h5_web_params leaves only names of ours.)  If false, the
 * answer (400) is filled already. */
bool h5_reply_only(struct h5_job *job, const struct h5_fields *f,
    const char *const *allowed, size_t n);

/* h5_reply_failed(job, code, e, o, token): fill the page for a failure of store
 * or gateway, instead of whatever page was begun, and write its log line.  o
 * and token: the order that the page's button may try again, or NULL. */
void h5_reply_failed(struct h5_job *job, enum h5_code code,
    const struct h5_err *e, const struct h5_order *o, const char *token);

/* h5_reply_buyer(job, e): find the buyer's address (job->limit.ip), and let
 * what is started from now on count as his.  Errors as h5_web_client. */
H5_MUST_CHECK enum h5_code h5_reply_buyer(struct h5_job *job, struct h5_err *e);

/* h5_reply_cookie(job, b): let the answer set the browser's cookie, or give it
 * another day, unless the browser has several.  Call it last: if the cookie
 * cannot be set, the answer is h5_reply_failed's instead. */
void h5_reply_cookie(struct h5_job *job, const struct h5_browser *b);

/* h5_reply_lang(job): the language if the URL names one, else NULL.  It goes on
 * in the URLs that lead further. */
const char *h5_reply_lang(const struct h5_job *job);

/* h5_reply_url(job, program, id, token, extra, out): append
 * "<program>?order=..&t=..", then extra ("&go=1", or ""), then &lang= if the
 * URL named one. */
void h5_reply_url(const struct h5_job *job, const char *program, const char *id,
    const char *token, const char *extra, struct h5_buf *out);

/* h5_reply_redirect(job, program, id, token, extra): answer 303 to that URL. */
void h5_reply_redirect(struct h5_job *job, const char *program, const char *id,
    const char *token, const char *extra);

/* h5_reply_deliver(job, o): if events of o are due, tell the shop once the
 * reply is flushed. */
void h5_reply_deliver(struct h5_job *job, const struct h5_order *o);

/* h5_reply_cashier_url(c, o, a, token, lang, out, e): append the mweb_url of a
 * to out, with the return page as its redirect_url (PROTOCOL 3.1). token: the
 * order token of o.  lang: NULL unless the buyer chose a language.
 * H5_E_BUG: a has no mweb_url.
 * H5_E_NOMEM: no memory, or the address is longer than out may become. */
H5_MUST_CHECK enum h5_code h5_reply_cashier_url(const struct h5_config *c,
    const struct h5_order *o, const struct h5_attempt *a, const char *token,
    const char *lang, struct h5_buf *out, struct h5_err *e);

#endif
