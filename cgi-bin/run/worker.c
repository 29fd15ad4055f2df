#include "cgi-bin/run/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cgi-bin/run/sandbox.h"
#include "common/base/clock.h"
#include "common/web/fcgi.h"
#include "common/system/crypto.h"
#include "common/base/text.h"

#define TICK_MS 1000 /* how often replaced files are looked for */
#define QUIET_MS 1000 /* the same complaint is logged once in this time */
#define SHORTAGE_MS 10000 /* without descriptors or memory to accept with */
#define THREADS_MAX 1024
#define UNSWEPT_LOOK_MS 60000
#define UNSWEPT_S 600
#define EX_IOERR 74
#define EX_CONFIG 78
/* Measured deepest: getaddrinfo 16 KiB, curl with a TLS handshake 14 KiB; name
 * service modules of other hosts may want more.  Sanitizers take several
 * times as much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES ((size_t)2 << 20)
#else
#define STACK_BYTES ((size_t)256 << 10)
#endif

/* One thread and what it keeps from one request to the next. */
struct worker {
	struct h5_run *run;
	struct h5_fcgi *fcgi;
	int stop_fd, broken_fd; /* eventfds of the process */
	pthread_t thread;
	struct h5_site *site; /* whose ... */
	void *own; /* ... program->worker_new gave this */
	bool has_own;
	struct h5_site *root_site; /* whose store lies outside of ... */
	char *root; /* ... this document root */
	int64_t quiet_ms; /* when a failed accept was last logged */
	int64_t short_ms, busy_ms; /* a shortage: its begin, last met */
	uint64_t id; /* of the last request; 0: before the first */
};

/* --- one request --- */

/* A request's id: a random start of each thread, and from there in steps that
 * meet every number once. */
static void
name_request(struct worker *w, struct h5_log *log)
{
	const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
	unsigned char id[sizeof w->id];
	struct h5_err e;

	if (w->id == 0 && h5_crypto_random(id, sizeof id, &e) == H5_OK)
		memcpy(&w->id, id, sizeof id);
	else if (w->id == 0)
		w->id = ((uint64_t)h5_clock_now() << 24) +
			((uint64_t)(uintptr_t)w << 12);
	w->id += step;
	memcpy(id, &w->id, sizeof id);
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

	h5_response_clear(job->resp);
	job->resp->status = status_of(why);
	if (job->app->program->refuse != NULL)
		job->app->program->refuse(job, why);
	else
		h5_page_plain(&job->page, why, NULL, NULL);
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

/* Lies anything of the site below the document root?  The answer for the
 * last root is kept: a thread meets one or two. */
static enum h5_code
outside(
    struct worker *w, struct h5_site *site, const char *root, struct h5_err *e)
{
	enum h5_code rc;

	if (root == NULL || *root == '\0')
		return H5_OK;
	if (w->root != NULL && w->root_site == site &&
	    strcmp(w->root, root) == 0)
		return H5_OK;
	rc = h5_config_outside(site->app.c, root, e);
	if (rc == H5_OK) {
		free(w->root);
		w->root = strdup(root);
		w->root_site = site;
	}
	return rc;
}

static void
drop_own(struct worker *w)
{
	const struct h5_program *p = w->run->sites.program;

	if (w->has_own && p->worker_free != NULL)
		p->worker_free(w->own);
	w->own = NULL;
	w->has_own = false;
	w->site = NULL;
}

/* What the program keeps per thread, for this site. */
static enum h5_code
make_own(struct worker *w, struct h5_site *site, struct h5_err *e)
{
	const struct h5_program *p = site->app.program;
	enum h5_code rc = H5_OK;

	if (w->has_own && w->site == site)
		return H5_OK;
	drop_own(w);
	if (p->worker_new != NULL)
		rc = p->worker_new(site->app.c, &w->own, e);
	w->has_own = rc == H5_OK;
	w->site = w->has_own ? site : NULL;
	return rc;
}

static bool
reads(const struct h5_request *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

/* In the order of INTERFACE section 3: method, size, syntax; what is wrong
 * with us comes before or after, never between.  site: NULL for a bare program
 * without a configuration. */
static void
handle(struct worker *w, struct h5_job *job, struct h5_site *site)
{
	const struct h5_program *p = job->app->program;
	const struct h5_request *r = job->r;
	struct h5_err e;
	enum h5_code rc = H5_OK;

	if (!p->bare)
		rc = outside(w, site, r->document_root, &e);
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
	} else if (reads(r) && !h5_site_has_store(site)) {
		/* To look writes nothing, not even an empty store: the first
		 * order makes it. */
		p->handle(job);
	} else if (h5_site_open(site, &e) != H5_OK) {
		give_up(job, H5_PAGE_STORE_ERROR, "store-not-open", e.msg);
	} else if (make_own(w, site, &e) != H5_OK) {
		give_up(job, H5_PAGE_ERROR, "worker-not-ready", e.msg);
	} else {
		job->shop.st = site->app.st;
		job->shop.wx = w->own;
		p->handle(job);
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

static void
say_last_words(struct worker *w)
{
	static const char headers[] =
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Language: en\r\n"
	    "Cache-Control: no-store\r\n"
	    "Content-Security-Policy: default-src 'none'\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Referrer-Policy: strict-origin-when-cross-origin\r\n";
	static const char page[] =
	    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>Error</title></head><body><main data-page=\"error\">"
	    "<h1>Please try again in a moment.</h1></main></body></html>\n";
	const struct h5_program *p = w->run->sites.program;

	if (p->last_body != NULL)
		h5_fcgi_last_words(w->fcgi, p->last_headers, p->last_body);
	else
		h5_fcgi_last_words(w->fcgi, headers, page);
}

/* A shop without cron: where no sweep was seen for long, one is started after
 * an answer, bounded in time.  Looked at once in a while by a process. */
static void
sweep_if_nobody_does(
    const struct worker *w, struct h5_site *site, const struct h5_log *log)
{
	int64_t now_ms = h5_clock_mono_ms();
	int64_t last_ms = atomic_load(&site->swept_ms);

	if (!site->app.program->sweeps || !atomic_load(&site->ready) ||
	    (last_ms != 0 && now_ms - last_ms < UNSWEPT_LOOK_MS) ||
	    !atomic_compare_exchange_strong(&site->swept_ms, &last_ms, now_ms))
		return;
	if (h5_store_unswept(site->app.st, h5_clock_now(), UNSWEPT_S))
		h5_delegate_sweep(&w->run->delegate, site, log);
}

/* site: NULL without a configuration. */
static void
respond(struct worker *w, struct h5_job *job, struct h5_site *site)
{
	struct h5_response *resp = job->resp;
	struct h5_err e;
	enum h5_code rc;

	catch_all(job);
	resp->head = strcmp(job->r->method, "HEAD") == 0;
	/* The id that an error page names stands in the log too. */
	h5_log_event(&job->log,
	    resp->status >= 400 ? H5_LOG_INFO : H5_LOG_DEBUG, "request",
	    "method", job->r->method, "status", H5_LOG_NUM(resp->status), NULL);
	rc = nothing(resp) ? h5_err_nomem(&e)
			   : h5_fcgi_answer(w->fcgi, resp, &e);
	if (rc == H5_E_NOMEM)
		say_last_words(w);
	if (rc != H5_OK)
		h5_log_event(&job->log, H5_LOG_INFO, "answer-not-taken", "why",
		    e.msg, NULL);
	if (site == NULL)
		return;
	if (job->sweep[0] != '\0')
		h5_delegate_deliver(
		    &w->run->delegate, site, &job->log, job->sweep);
	sweep_if_nobody_does(w, site, &job->log);
}

/* What the request is for.  Plain CGI meets its configuration here. */
static enum h5_code
get_site(struct worker *w, const struct h5_request *r, struct h5_site **site,
    struct h5_err *e)
{
	enum h5_code rc = h5_sites_get(&w->run->sites, r->conf, site, e);

	if (rc != H5_OK)
		*site = NULL;
	if (w->run->sites.once && !h5_sandbox_alone(w->run, *site))
		rc = h5_err_sys(e, H5_E_IO, errno, "no_new_privs");
	return rc;
}

static void
serve_request(struct worker *w, const struct h5_request *r)
{
	struct h5_sites *sites = &w->run->sites;
	struct h5_response resp;
	struct h5_site *site;
	struct h5_app bare;
	struct h5_job job;
	struct h5_err e;
	enum h5_code rc;

	h5_response_init(&resp);
	memset(&job, 0, sizeof job);
	rc = get_site(w, r, &site, &e);
	if (rc != H5_OK)
		h5_sites_bare(sites, &bare);
	job.app = rc == H5_OK ? &site->app : &bare;
	job.log = job.app->log;
	name_request(w, &job.log);
	job.shop.c = job.app->c;
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
		handle(w, &job, rc == H5_OK ? site : NULL);
	} else {
		give_up(&job, H5_PAGE_ERROR, "no-usable-configuration", e.msg);
		resp.status = 500;
	}
	respond(w, &job, rc == H5_OK ? site : NULL);
	h5_response_release(&resp);
}

/* --- a thread --- */

/* A shortage that does not pass may be our own: a fresh process has none. */
static bool
it_lasts(struct worker *w)
{
	int64_t now_ms = h5_clock_mono_ms();

	/* One that lasts is met again at once.  Another thread may have served
	 * what waited when the last one passed. */
	if (w->busy_ms == 0 || now_ms - w->busy_ms > QUIET_MS)
		w->short_ms = now_ms;
	w->busy_ms = now_ms;
	return now_ms - w->short_ms >= SHORTAGE_MS;
}

/* Takes one request.  false: leave. */
static bool
turn(struct worker *w)
{
	const struct h5_program *p = w->run->sites.program;
	const struct h5_log *log = h5_sites_log(&w->run->sites);
	struct h5_request r;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_fcgi_accept(w->fcgi, w->stop_fd, -1, p->body_max, &r, &e);
	if (rc == H5_OK) {
		serve_request(w, &r);
		h5_request_release(&r);
		return true;
	}
	if (rc == H5_E_STATE)
		return false;
	if (rc == H5_E_NOTFOUND)
		return true;
	if (rc == H5_E_NOMEM)
		say_last_words(w);
	/* Every thread meets the same fault again and again. */
	if (h5_clock_mono_ms() - w->quiet_ms >= QUIET_MS) {
		h5_log_event(
		    log, H5_LOG_ERROR, "not-accepted", "why", e.msg, NULL);
		w->quiet_ms = h5_clock_mono_ms();
	}
	if (rc == H5_E_IO || (rc == H5_E_BUSY && it_lasts(w))) {
		(void)eventfd_write(w->broken_fd, 1);
		return false;
	}
	h5_clock_pause_ms(50);
	return true;
}

static void *
loop(void *arg)
{
	struct worker *w = arg;

	while (turn(w))
		continue;
	drop_own(w);
	free(w->root);
	w->root = NULL;
	return NULL;
}

int
h5_worker_once(struct h5_run *run)
{
	struct worker w;
	struct h5_err e;
	enum h5_code rc;

	memset(&w, 0, sizeof w);
	w.run = run;
	w.stop_fd = -1;
	w.broken_fd = -1;
	rc = h5_fcgi_new(true, &w.fcgi, &e);
	if (rc == H5_OK)
		(void)loop(&w);
	else
		h5_log_event(h5_sites_log(&run->sites), H5_LOG_ERROR,
		    "no-start", "why", e.msg, NULL);
	h5_fcgi_free(w.fcgi);
	return rc == H5_OK ? 0 : h5_err_exit(rc);
}

/* --- many threads --- */

int
h5_worker_threads(const struct h5_program *p, const struct h5_config *c)
{
	int n =
	    c != NULL && c->server.threads > 0 ? c->server.threads : p->threads;

	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

/* Starts as many of n as there is room for; returns how many run. */
static int
start_threads(struct h5_run *run, struct worker *w, int n, int stop_fd,
    int broken_fd, struct h5_err *e)
{
	pthread_attr_t attr;
	int i, sys;

	if (pthread_attr_init(&attr) != 0)
		return 0;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (i = 0; i < n; i++) {
		w[i].run = run;
		w[i].stop_fd = stop_fd;
		w[i].broken_fd = broken_fd;
		if (h5_fcgi_new(false, &w[i].fcgi, e) != H5_OK)
			break;
		sys = pthread_create(&w[i].thread, &attr, loop, &w[i]);
		if (sys != 0) {
			(void)h5_err_sys(e, H5_E_BUSY, sys, "pthread_create");
			h5_fcgi_free(w[i].fcgi);
			break;
		}
	}
	(void)pthread_attr_destroy(&attr);
	if (i < n)
		h5_log_event(h5_sites_log(&run->sites), H5_LOG_WARN,
		    "fewer-threads", "threads", H5_LOG_NUM(i), "why", e->msg,
		    NULL);
	return i;
}

int
h5_worker_signal(int sfd)
{
	struct signalfd_siginfo si;
	ssize_t n = read(sfd, &si, sizeof si);

	if (n == (ssize_t)sizeof si)
		return (int)si.ssi_signo;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Waits until there is a reason to leave, looking at the files now and then.
 * Returns the reason; NULL: the socket is broken, or there is no waiting. */
static const char *
wait_for_end(struct h5_run *run, int sfd, int broken_fd)
{
	struct pollfd p[2];
	int64_t due = h5_clock_mono_ms() + TICK_MS, left;
	int n, signo;

	for (;;) {
		left = due - h5_clock_mono_ms();
		p[0].fd = sfd;
		p[1].fd = broken_fd;
		p[0].events = p[1].events = POLLIN;
		p[0].revents = p[1].revents = 0;
		n = poll(p, 2, left > 0 ? (int)left : 0);
		if (n < 0 && errno != EINTR)
			return NULL;
		if (n > 0 && p[1].revents != 0)
			return NULL;
		signo = n > 0 ? h5_worker_signal(sfd) : 0;
		if (signo != 0 && signo != SIGHUP)
			return "signal";
		if (signo == SIGHUP)
			due = 0;
		if (h5_clock_mono_ms() < due)
			continue;
		if (h5_reload_look(&run->reload))
			return "replaced";
		due = h5_clock_mono_ms() + TICK_MS;
	}
}

static int
serve(struct h5_run *run, struct worker *w, int n, int fds[3])
{
	const struct h5_log *log = h5_sites_log(&run->sites);
	const char *why;
	struct h5_err e;
	int i;

	n = start_threads(run, w, n, fds[0], fds[1], &e);
	if (n == 0)
		return EX_IOERR;
	why = wait_for_end(run, fds[2], fds[1]);
	h5_log_event(log, why == NULL ? H5_LOG_ERROR : H5_LOG_INFO, "leaving",
	    "why", why == NULL ? "no request can be waited for" : why, NULL);
	(void)eventfd_write(fds[0], 1);
	for (i = 0; i < n; i++)
		(void)pthread_join(w[i].thread, NULL);
	/* What came while they ended, then the door is shut at once. */
	if (why != NULL)
		(void)loop(&w[0]);
	(void)close(STDIN_FILENO);
	for (i = 0; i < n; i++)
		h5_fcgi_free(w[i].fcgi);
	return why == NULL ? EX_IOERR : 0;
}

static enum h5_code
open_fds(int fds[3], struct h5_err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	fds[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[2] = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0)
		return h5_err_sys(e, H5_E_IO, errno, "eventfd, signalfd");
	return H5_OK;
}

int
h5_worker_serve(struct h5_run *run)
{
	const struct h5_program *p = run->sites.program;
	struct h5_site *site = atomic_load(&run->sites.first);
	int n = h5_worker_threads(p, site == NULL ? NULL : site->app.c);
	struct worker *w = calloc((size_t)n, sizeof *w);
	int fds[3] = {-1, -1, -1}, status, i;
	struct h5_err e;
	enum h5_code rc;

	rc = w == NULL ? h5_err_nomem(&e) : open_fds(fds, &e);
	if (rc == H5_OK)
		rc = h5_fcgi_start(&e);
	if (rc == H5_OK && p->start != NULL)
		rc = p->start(&e);
	if (rc == H5_OK) {
		status = serve(run, w, n, fds);
	} else {
		h5_log_event(h5_sites_log(&run->sites), H5_LOG_ERROR,
		    "no-start", "why", e.msg, NULL);
		status = h5_err_exit(rc);
	}
	for (i = 0; i < 3; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	free(w);
	return status;
}
