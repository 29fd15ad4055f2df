/* The answers that several programs give in the same way. */
#include "common/web/reply.h"

#include <stdio.h>
#include <string.h>

#include "common/format/escape.h"
#include "common/format/form.h"

static bool
among(const char *name, const char *const *allowed, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(name, allowed[i]) == 0)
			return true;
	return false;
}

static bool
bad_request(struct h5_job *job, const char *why, const char *name)
{
	h5_log_event(&job->log, H5_LOG_WARN, "bad-request", "why", why, "name",
	    name, NULL);
	h5_page_plain(&job->page, H5_PAGE_BAD_REQUEST, NULL, NULL);
	return false;
}

bool
h5_reply_only(struct h5_job *job, const struct h5_fields *f,
    const char *const *allowed, size_t n)
{
	size_t i;

	/* A parameter of another page was not put there by ours, so the address
	 * has been tampered with or cut together. */
	for (i = 0; i < f->n; i++)
		if (!among(f->v[i].name, allowed, n))
			return bad_request(
			    job, "a parameter of another page", f->v[i].name);
	return true;
}

bool
h5_reply_fields(struct h5_job *job, struct h5_fields *f)
{
	struct h5_err e;
	enum h5_code rc = h5_web_params(job->r, f, &e);

	if (rc == H5_E_INPUT || rc == H5_E_EXISTS)
		return bad_request(job, e.msg, NULL);
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	return rc == H5_OK;
}

static void
too_many(struct h5_job *job, const struct h5_err *e, const struct h5_order *o,
    const char *token)
{
	char seconds[12];
	struct h5_err ours;

	h5_log_event(&job->log, H5_LOG_WARN, "too-many", "why", e->msg,
	    "address", job->limit.ip, "order", o != NULL ? o->id : NULL, NULL);
	(void)snprintf(seconds, sizeof seconds, "%d", job->limit.wait_s);
	h5_page_plain(&job->page, H5_PAGE_TOO_MANY, o, token);
	if (h5_response_header(job->resp, "Retry-After", seconds, &ours) !=
	    H5_OK)
		h5_log_event(&job->log, H5_LOG_ERROR, "header-not-sent", "why",
		    ours.msg, NULL);
}

enum h5_code
h5_reply_buyer(struct h5_job *job, struct h5_err *e)
{
	enum h5_code rc = h5_web_client(job->shop.c, job->r, job->limit.ip, e);

	if (rc == H5_OK)
		job->shop.limit = &job->limit;
	return rc;
}

void
h5_reply_failed(struct h5_job *job, enum h5_code code, const struct h5_err *e,
    const struct h5_order *o, const char *token)
{
	enum h5_page_plain page = H5_PAGE_ERROR;
	enum h5_log_level level = H5_LOG_ERROR;

	/* What another page has said already is not said. */
	h5_response_clear(job->resp);
	switch (code) {
	case H5_E_NOTFOUND:
		page = H5_PAGE_NOT_FOUND;
		/* The guesses of strangers end here, so it is nothing to look
		 * at. */
		level = H5_LOG_INFO;
		break;
	case H5_E_NET:
	case H5_E_REMOTE:
		page = H5_PAGE_GATEWAY_ERROR;
		break;
	case H5_E_IO:
	case H5_E_CONFIG:
		page = H5_PAGE_STORE_ERROR;
		level = H5_LOG_ALERT;
		break;
	case H5_E_BUSY:
		if (job->limit.wait_s > 0) {
			too_many(job, e, o, token);
			return;
		}
		page = H5_PAGE_BUSY;
		level = H5_LOG_WARN;
		break;
	case H5_E_NOMEM:
		page = H5_PAGE_BUSY;
		level = H5_LOG_WARN;
		break;
	case H5_E_INPUT:
	case H5_E_BUG:
		/* A ledger that cannot be read, or a fault of ours. */
		level = H5_LOG_ALERT;
		break;
	/* Not failures of a request, or answered before by the caller. */
	case H5_OK:
	case H5_E_AUTH:
	case H5_E_EXISTS:
	case H5_E_STATE:
		break;
	}
	h5_log_event(&job->log, level, h5_err_name(code), "why", e->msg,
	    "order", o != NULL ? o->id : NULL, NULL);
	h5_page_plain(&job->page, page, o, token);
}

void
h5_reply_cookie(struct h5_job *job, const struct h5_browser *b)
{
	struct h5_buf value;
	struct h5_err e;
	enum h5_code rc;

	if (!b->one)
		return;
	h5_buf_init(&value, H5_CONFIG_URL);
	h5_browser_set(job->shop.c, b, &value);
	rc = h5_buf_finish(&value, &e);
	if (rc == H5_OK)
		rc =
		    h5_response_header(job->resp, "Set-Cookie", value.data, &e);
	/* Without it a reload would be another order. */
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	h5_buf_release(&value);
}

const char *
h5_reply_lang(const struct h5_job *job)
{
	static const char *const only[] = {"lang"};
	struct h5_fields f;
	const char *lang = NULL;

	h5_fields_init(&f, 1, H5_WEB_QUERY);
	/* What cannot be read as a query names no language. */
	if (h5_form_pick(job->r->query, strlen(job->r->query), only, 1, &f,
		NULL) == H5_OK) {
		if (h5_fields_is(&f, "lang", "en"))
			lang = "en";
		else if (h5_fields_is(&f, "lang", "zh-CN"))
			lang = "zh-CN";
	}
	h5_fields_release(&f);
	return lang;
}

void
h5_reply_url(const struct h5_job *job, const char *program, const char *id,
    const char *token, const char *extra, struct h5_buf *out)
{
	const char *lang = h5_reply_lang(job);

	h5_config_url(job->shop.c, program, out);
	h5_buf_printf(out, "?order=%s&t=%s%s", id, token, extra);
	if (lang != NULL)
		h5_buf_printf(out, "&lang=%s", lang);
}

void
h5_reply_redirect(struct h5_job *job, const char *program, const char *id,
    const char *token, const char *extra)
{
	struct h5_buf url;
	struct h5_err e;

	h5_buf_init(&url, H5_WEB_QUERY);
	h5_reply_url(job, program, id, token, extra, &url);
	if (h5_buf_finish(&url, &e) == H5_OK)
		h5_page_redirect(&job->page, 303, url.data);
	else
		h5_reply_failed(job, e.code, &e, NULL, NULL);
	h5_buf_release(&url);
}

void
h5_reply_deliver(struct h5_job *job, const struct h5_order *o)
{
	unsigned hooks = job->shop.c->hooks.mask;
	size_t i;

	/* One is enough: the delivery looks for all of the order. */
	for (i = 0; i < o->n_outgoing; i++)
		if (h5_order_owed(o, &o->outgoing[i], hooks))
			(void)snprintf(
			    job->sweep, sizeof job->sweep, "%s", o->id);
}

enum h5_code
h5_reply_cashier_url(const struct h5_config *c, const struct h5_order *o,
    const struct h5_attempt *a, const char *token, const char *lang,
    struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf back;
	enum h5_code rc;

	/* Reaching this is a fault of ours: the caller asks h5_pay_fresh
	 * first. */
	if (a->mweb_url == NULL)
		return h5_err_set(e, H5_E_BUG, "there is no mweb_url yet");
	h5_buf_init(&back, H5_CONFIG_URL);
	h5_config_url(c, "return-page", &back);
	/* The return page reads the order's token, which WeChat does not look
	 * at. */
	h5_buf_printf(&back, "?order=%s&t=%s", o->id, token);
	if (lang != NULL)
		h5_buf_printf(&back, "&lang=%s", lang);
	rc = h5_buf_finish(&back, e);
	if (rc == H5_OK) {
		h5_buf_puts(out, a->mweb_url);
		h5_buf_puts(out, "&redirect_url=");
		/* redirect_url is one parameter of WeChat's address, so the
		 * whole of our address is escaped once more (PROTOCOL 3.1). */
		h5_escape_url(out, back.data);
		rc = h5_buf_finish(out, e);
	}
	h5_buf_release(&back);
	return rc;
}
