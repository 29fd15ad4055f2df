/* Answers one request: in the order of INTERFACE section 3, from the method to
 * the handler, and then what is to be done once the answer is flushed. */
#include "cgi-bin/run/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgi-bin/run/sandbox.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/format/url.h"
#include "common/system/crypto.h"

#define UNSWEPT_LOOK_MS 60000
#define UNSWEPT_S 600

/* Gives the request an id.  Each thread starts at a random number and goes on
 * in steps that visit every number once. */
static void
name_request(struct h5_serve *s, struct h5_log *log)
{
	const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
	unsigned char id[sizeof s->id];
	struct h5_err e;

	if (s->id == 0 && h5_crypto_random(id, sizeof id, &e) == H5_OK)
		memcpy(&s->id, id, sizeof id);
	else if (s->id == 0)
		s->id = ((uint64_t)h5_clock_now() << 24) +
			((uint64_t)(uintptr_t)s << 12);
	/* An odd step visits all numbers before any comes twice. */
	s->id += step;
	memcpy(id, &s->id, sizeof id);
	h5_text_hex(id, sizeof id, log->rid);
}

static int
status_of(enum h5_page_plain why)
{
	switch (why) {
	case H5_PAGE_NOT_ALLOWED:
		return 405;
	case H5_PAGE_TOO_LARGE:
		return 413;
	case H5_PAGE_BAD_REQUEST:
		return 400;
	case H5_PAGE_STORE_ERROR:
	case H5_PAGE_BUSY:
		return 503;
	case H5_PAGE_ERROR:
	case H5_PAGE_BAD_ADDRESS:
	case H5_PAGE_BAD_LINK:
	case H5_PAGE_BAD_ORIGIN:
	case H5_PAGE_NOT_FOUND:
	case H5_PAGE_CONFLICT:
	case H5_PAGE_LINK_EXPIRED:
	case H5_PAGE_TOO_MANY:
	case H5_PAGE_GATEWAY_ERROR:
	case H5_PAGE_MERCHANT_ERROR:
		break;
	}
	return 500;
}

static void
refuse(struct h5_job *job, enum h5_page_plain why)
{
	struct h5_err e;

	/* Nothing of a half-made answer may stay. */
	h5_response_clear(job->resp);
	job->resp->status = status_of(why);
	if (job->app->program->refuse != NULL)
		job->app->program->refuse(job, why);
	else
		h5_page_plain(&job->page, why, NULL, NULL);
	/* A 405 has to name what is allowed (RFC 9110, 15.5.6). */
	if (why == H5_PAGE_NOT_ALLOWED &&
	    h5_response_header(
		job->resp, "Allow", job->app->program->allow, &e) != H5_OK)
		h5_log_event(&job->log, H5_LOG_ERROR, "allow-not-sent", "why",
		    e.msg, NULL);
}

/* Our own fault: the buyer learns a request id, the log the rest, and an
 * operator must act. */
static void
give_up(struct h5_job *job, enum h5_page_plain page, const char *event,
    const char *why)
{
	h5_log_event(&job->log, H5_LOG_ALERT, event, "why", why, NULL);
	refuse(job, page);
}

/* Is method one of the names in "GET, HEAD, POST"? */
static bool
allowed(const char *allow, const char *method)
{
	size_t n = strlen(method), len;

	while (*allow != '\0') {
		allow += strspn(allow, ", ");
		len = strcspn(allow, ", ");
		if (len == n && len > 0 && memcmp(allow, method, n) == 0)
			return true;
		allow += len;
	}
	return false;
}

/* Does anything of the site lie below the document root?  The answer for the
 * last root is kept, since a thread meets one or two. */
static enum h5_code
outside(struct h5_serve *s, struct h5_site *site, const char *root,
    struct h5_err *e)
{
	enum h5_code rc;

	/* A web server that names no document root leaves nothing to compare.
	 */
	if (root == NULL || *root == '\0')
		return H5_OK;
	if (s->root != NULL && s->root_site == site &&
	    strcmp(s->root, root) == 0)
		return H5_OK;
	/* Costs a look at several folders, so a good answer is kept. */
	rc = h5_config_outside(site->app.c, root, e);
	if (rc == H5_OK) {
		free(s->root);
		s->root = strdup(root);
		s->root_site = site;
	}
	return rc;
}

static void
drop_own(struct h5_serve *s)
{
	const struct h5_program *p = s->run->sites.program;

	if (s->has_own && p->worker_free != NULL)
		p->worker_free(s->own);
	s->own = NULL;
	s->has_own = false;
	s->site = NULL;
}

/* What the program keeps per thread, for this site. */
static enum h5_code
make_own(struct h5_serve *s, struct h5_site *site, struct h5_err *e)
{
	const struct h5_program *p = site->app.program;
	enum h5_code rc = H5_OK;

	/* A thread that serves several sites keeps one handle, of the last. */
	if (s->has_own && s->site == site)
		return H5_OK;
	drop_own(s);
	if (p->worker_new != NULL)
		rc = p->worker_new(site->app.c, &s->own, e);
	s->has_own = rc == H5_OK;
	s->site = s->has_own ? site : NULL;
	return rc;
}

static bool
reads(const struct h5_request *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

/* If it was asked for under the site's other name, its forms would belong to
 * another origin.  Then the answer leads to the right name. */
static bool
elsewhere(struct h5_job *job)
{
	struct h5_buf url;
	bool moved;

	/* A form that is posted must not be sent elsewhere. */
	if (!reads(job->r))
		return false;
	h5_buf_init(&url, H5_WEB_QUERY + H5_URL_MAX);
	moved =
	    h5_web_moved(job->shop.c, job->r, job->app->program->name, &url);
	if (moved && h5_buf_finish(&url, NULL) == H5_OK)
		h5_page_redirect(&job->page, 308, url.data);
	else
		moved = false;
	h5_buf_release(&url);
	return moved;
}

/* With a store that nobody waits for longer than the program may take. */
static void
handle_in_time(struct h5_job *job)
{
	const struct h5_program *p = job->app->program;
	struct h5_store *own = NULL;
	struct h5_err e;

	if (p->answer_ms > 0) {
		if (h5_store_until(job->shop.st,
			job->r->began_ms + p->answer_ms, &own, &e) != H5_OK) {
			give_up(job, H5_PAGE_BUSY, "no-memory", "the store");
			return;
		}
		job->shop.st = own;
	}
	p->handle(job);
	h5_store_until_free(own);
}

/* In the order of INTERFACE 3: method, size, syntax.  What is wrong on our side
 * is told before or after these, never between them.  site: NULL for a bare
 * program without a configuration. */
static void
handle(struct h5_serve *s, struct h5_job *job, struct h5_site *site)
{
	const struct h5_program *p = job->app->program;
	const struct h5_request *r = job->r;
	struct h5_err e;
	enum h5_code rc = H5_OK;

	if (!p->bare)
		rc = outside(s, site, r->document_root, &e);
	if (rc != H5_OK) {
		give_up(job, H5_PAGE_ERROR, "below-document-root", e.msg);
	} else if (*r->method == '\0') {
		refuse(job, H5_PAGE_BAD_REQUEST);
	} else if (!allowed(p->allow, r->method)) {
		refuse(job, H5_PAGE_NOT_ALLOWED);
	} else if (r->body_code == H5_E_REMOTE) {
		refuse(job, H5_PAGE_TOO_LARGE);
	} else if (r->body_code == H5_E_NOMEM) {
		give_up(job, H5_PAGE_BUSY, "no-memory", "the body");
	} else if (r->body_code != H5_OK) {
		refuse(job, H5_PAGE_BAD_REQUEST);
	} else if (p->bare) {
		p->handle(job);
	} else if (elsewhere(job)) {
		; /* answered */
	} else if (reads(r) && !h5_site_has_store(site)) {
		/* A look writes nothing, not even an empty store, which the
		 * first order makes. */
		p->handle(job);
	} else if (h5_site_open(site, &e) != H5_OK) {
		give_up(job, H5_PAGE_STORE_ERROR, "store-not-open", e.msg);
	} else if (make_own(s, site, &e) != H5_OK) {
		give_up(job, H5_PAGE_ERROR, "worker-not-ready", e.msg);
	} else {
		job->shop.st = site->app.st;
		job->shop.wx = s->own;
		handle_in_time(job);
	}
}

static bool
nothing(const struct h5_response *resp)
{
	return resp->headers.bad != H5_OK || resp->body.bad != H5_OK ||
	       resp->headers.len == 0;
}

/* A handler that left no answer, or one that did not fit in memory, must
 * not become an empty page. */
static void
catch_all(struct h5_job *job)
{
	if (!nothing(job->resp))
		return;
	h5_log_event(&job->log, H5_LOG_ERROR, "no-answer", NULL);
	refuse(job, H5_PAGE_ERROR);
}

void
h5_serve_last_words(struct h5_serve *s)
{
	static const char headers[] =
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Language: en\r\n"
	    "Cache-Control: no-store\r\n"
	    "Content-Security-Policy: default-src 'none'\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Referrer-Policy: strict-origin\r\n";
	static const char page[] =
	    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>Error</title></head><body><main data-page=\"error\">"
	    "<h1>Please try again in a moment.</h1></main></body></html>\n";
	const struct h5_program *p = s->run->sites.program;

	if (p->last_body != NULL)
		h5_fcgi_last_words(s->fcgi, p->last_headers, p->last_body);
	else
		h5_fcgi_last_words(s->fcgi, headers, page);
}

/* For a shop without cron: if no sweep was seen for long, one is started after
 * an answer, for a limited time.  A process looks at this once in a while. */
static void
sweep_if_nobody_does(
    const struct h5_serve *s, struct h5_site *site, const struct h5_log *log)
{
	int64_t now_ms = h5_clock_mono_ms();
	int64_t last_ms = atomic_load(&site->swept_ms);

	if (!site->app.program->sweeps || !atomic_load(&site->ready) ||
	    (last_ms != 0 && now_ms - last_ms < UNSWEPT_LOOK_MS) ||
	    !atomic_compare_exchange_strong(&site->swept_ms, &last_ms, now_ms))
		return;
	if (h5_store_unswept(site->app.st, h5_clock_now(), UNSWEPT_S))
		h5_delegate_sweep(&s->run->delegate, site, log);
}

/* site: NULL without a configuration. */
static void
respond(struct h5_serve *s, struct h5_job *job, struct h5_site *site)
{
	struct h5_response *resp = job->resp;
	struct h5_err e;
	enum h5_code rc;

	catch_all(job);
	resp->head = strcmp(job->r->method, "HEAD") == 0;
	/* The id that an error page names stands in the log as well. */
	h5_log_event(&job->log,
	    resp->status >= 400 ? H5_LOG_INFO : H5_LOG_DEBUG, "request",
	    "method", job->r->method, "status", H5_LOG_NUM(resp->status), NULL);
	/* What does not fit in memory is answered by fixed bytes. */
	rc = nothing(resp) ? h5_err_nomem(&e)
			   : h5_fcgi_answer(s->fcgi, resp, &e);
	if (rc == H5_E_NOMEM)
		h5_serve_last_words(s);
	if (rc != H5_OK)
		h5_log_event(&job->log, H5_LOG_INFO, "answer-not-taken", "why",
		    e.msg, NULL);
	if (site == NULL)
		return;
	/* Only after the answer: the buyer does not wait for a delivery. */
	if (job->sweep[0] != '\0')
		h5_delegate_deliver(
		    &s->run->delegate, site, &job->log, job->sweep, job->ask);
	sweep_if_nobody_does(s, site, &job->log);
}

/* What the request is for.  Plain CGI meets its configuration here. */
static enum h5_code
get_site(struct h5_serve *s, const struct h5_request *r, struct h5_site **site,
    struct h5_err *e)
{
	enum h5_code rc = h5_sites_get(&s->run->sites, r->conf, site, e);

	/* Nothing of an old site may be used by a program that has none. */
	if (rc != H5_OK)
		*site = NULL;
	if (s->run->sites.once && !h5_sandbox_alone(s->run, *site))
		rc = h5_err_sys(e, H5_E_IO, errno, "no_new_privs");
	return rc;
}

void
h5_serve_request(struct h5_serve *s, const struct h5_request *r)
{
	struct h5_sites *sites = &s->run->sites;
	struct h5_response resp;
	struct h5_site *site;
	struct h5_app bare;
	struct h5_job job;
	struct h5_err e;
	enum h5_code rc;

	h5_response_init(&resp);
	memset(&job, 0, sizeof job);
	rc = get_site(s, r, &site, &e);
	if (rc != H5_OK)
		/* Without a configuration the fault still gets a page. */
		h5_sites_bare(sites, &bare);
	job.app = rc == H5_OK ? &site->app : &bare;
	job.log = job.app->log;
	name_request(s, &job.log);
	job.shop.c = job.app->c;
	job.shop.kept = job.app->kept;
	job.shop.log = &job.log;
	job.r = r;
	job.resp = &resp;
	job.page.pages = job.app->pages;
	job.page.c = job.app->c;
	job.page.r = r;
	job.page.log = &job.log;
	job.page.resp = &resp;
	job.page.program = job.app->program->name;
	if (rc == H5_OK || sites->program->bare) {
		handle(s, &job, rc == H5_OK ? site : NULL);
	} else {
		give_up(&job, H5_PAGE_ERROR, "no-usable-configuration", e.msg);
		/* Whatever page the program gave for it, the fault is ours. */
		resp.status = 500;
	}
	respond(s, &job, rc == H5_OK ? site : NULL);
	h5_response_release(&resp);
}

void
h5_serve_release(struct h5_serve *s)
{
	drop_own(s);
	free(s->root);
	s->root = NULL;
}
