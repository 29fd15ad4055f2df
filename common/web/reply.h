/* visit.h - how a visitor shows which order is theirs: order and t.
 * A missing or wrong token gets the same 404 page as an order that does not
 * exist, so that nobody can find out which ids are in use. */
#ifndef H5_WEB_REPLY_H
#define H5_WEB_REPLY_H

#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/fields.h"
#include "common/order/order.h"
#include "common/shop/link.h"
#include "common/web/program.h"

/* h5_visit_token(c, id, out, e): the order token of id. */
H5_MUST_CHECK enum h5_code h5_visit_token(const struct h5_config *c,
    const char *id, char out[H5_LINK_TOKEN], struct h5_err *e);

/* h5_visit_admit(c, f, token, e): are the fields order and t there, and does t
 * belong to order?  token: t.  H5_E_NOTFOUND otherwise. */
H5_MUST_CHECK enum h5_code h5_visit_admit(const struct h5_config *c,
    const struct h5_fields *f, char token[H5_LINK_TOKEN], struct h5_err *e);

/* h5_visit_fields(job, f): the request's parameters into f (initialised here;
 * release it either way).  When false the answer (400) is filled already. */
bool h5_visit_fields(struct h5_job *job, struct h5_fields *f);
/* h5_visit_only(job, f, allowed, n): are there no parameters but the n allowed
 * ones?  When false the answer (400) is filled already. */
bool h5_visit_only(struct h5_job *job, const struct h5_fields *f,
    const char *const *allowed, size_t n);

/* h5_visit_failed(job, code, e, o, token): the page for a failure of store or
 * gateway, and its log line.  o and token: whose button may try again; NULL. */
void h5_visit_failed(struct h5_job *job, enum h5_code code,
    const struct h5_err *e, const struct h5_order *o, const char *token);

/* h5_visit_lang(job): the language when the URL names one, else NULL: it goes
 * on in the URLs that lead further. */
const char *h5_visit_lang(const struct h5_job *job);

/* h5_visit_url(job, program, o, token, extra, out): "<program>?order=..&t=..",
 * then extra ("&go=1", or ""), then &lang= when the URL named one. */
void h5_visit_url(const struct h5_job *job, const char *program, const char *id,
    const char *token, const char *extra, struct h5_buf *out);

/* h5_visit_redirect(job, program, id, token, extra): 303 to that. */
void h5_visit_redirect(struct h5_job *job, const char *program, const char *id,
    const char *token, const char *extra);

/* h5_visit_deliver(job, o): deliver o's events to the shop after the reply is
 * flushed, if any are due. */
void h5_visit_deliver(struct h5_job *job, const struct h5_order *o);

#endif
