/* The threads of a worker process: each accepts, has the request answered, and
 * goes on until it is told to stop. */
#include "cgi-bin/run/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cgi-bin/run/serve.h"
#include "common/base/clock.h"

#define TICK_MS 1000 /* how often replaced files are looked for */
#define QUIET_MS 1000 /* the same complaint is logged once in this time */
#define SHORTAGE_MS 10000 /* without descriptors or memory to accept with */
#define THREADS_MAX 1024
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

/* One thread. */
struct worker {
	struct h5_serve serve; /* what it keeps from one request to the next */
	int stop_fd, broken_fd; /* eventfds of the process */
	pthread_t thread;
	int64_t quiet_ms; /* when a failed accept was last logged */
	int64_t short_ms,
	    busy_ms; /* a shortage: when it began, when it was last met */
};

/* --- a thread --- */

/* A shortage that does not pass may be our own: a fresh process has none. */
static bool
it_lasts(struct worker *w)
{
	int64_t now_ms = h5_clock_mono_ms();

	/* A shortage that lasts is met again at once.  If some time has passed,
	 * this is a new one: another thread may have served what waited when
	 * the last one was over. */
	if (w->busy_ms == 0 || now_ms - w->busy_ms > QUIET_MS)
		w->short_ms = now_ms;
	w->busy_ms = now_ms;
	return now_ms - w->short_ms >= SHORTAGE_MS;
}

/* Takes one request.  false: leave. */
static bool
turn(struct worker *w)
{
	const struct h5_log *log = h5_sites_log(&w->serve.run->sites);
	struct h5_request r;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_fcgi_accept(w->serve.fcgi, w->stop_fd, -1, &r, &e);
	if (rc == H5_OK) {
		/* The request outlives its answer: what is done after it needs
		 * its parts. */
		h5_serve_request(&w->serve, &r);
		h5_request_release(&r);
		return true;
	}
	if (rc == H5_E_STATE)
		return false;
	if (rc == H5_E_NOTFOUND)
		return true;
	/* The request is lost, but its buyer gets an answer. */
	if (rc == H5_E_NOMEM)
		h5_serve_last_words(&w->serve);
	/* Every thread meets the same fault again and again. */
	if (h5_clock_mono_ms() - w->quiet_ms >= QUIET_MS) {
		h5_log_event(
		    log, H5_LOG_ERROR, "not-accepted", "why", e.msg, NULL);
		w->quiet_ms = h5_clock_mono_ms();
	}
	/* A broken socket will not get better; the process ends, and a new one
	 * has another chance. */
	if (rc == H5_E_IO || (rc == H5_E_BUSY && it_lasts(w))) {
		(void)eventfd_write(w->broken_fd, 1);
		return false;
	}
	/* A shortage passes sooner if nobody presses. */
	h5_clock_pause_ms(50);
	return true;
}

static void *
loop(void *arg)
{
	struct worker *w = arg;

	while (turn(w))
		continue;
	h5_serve_release(&w->serve);
	return NULL;
}

int
h5_worker_once(struct h5_run *run)
{
	const struct h5_program *p = run->sites.program;
	struct worker w;
	struct h5_err e;
	enum h5_code rc;

	memset(&w, 0, sizeof w);
	w.serve.run = run;
	w.stop_fd = -1;
	w.broken_fd = -1;
	rc =
	    h5_fcgi_new(true, p->body_max, p->body_ms, NULL, &w.serve.fcgi, &e);
	if (rc == H5_OK)
		(void)loop(&w);
	else
		h5_log_event(h5_sites_log(&run->sites), H5_LOG_ERROR,
		    "no-start", "why", e.msg, NULL);
	h5_fcgi_free(w.serve.fcgi);
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
start_threads(struct h5_run *run, struct worker *w, int n, struct h5_lot *lot,
    const int fds[3])
{
	const struct h5_program *p = run->sites.program;
	pthread_attr_t attr;
	struct h5_err why;
	int i, sys;

	if (pthread_attr_init(&attr) != 0)
		return 0;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (i = 0; i < n; i++) {
		w[i].serve.run = run;
		w[i].stop_fd = fds[0];
		w[i].broken_fd = fds[1];
		if (h5_fcgi_new(false, p->body_max, p->body_ms, lot,
			&w[i].serve.fcgi, &why) != H5_OK)
			break;
		sys = pthread_create(&w[i].thread, &attr, loop, &w[i]);
		if (sys != 0) {
			(void)h5_err_sys(
			    &why, H5_E_BUSY, sys, "pthread_create");
			h5_fcgi_free(w[i].serve.fcgi);
			break;
		}
	}
	(void)pthread_attr_destroy(&attr);
	if (i < n)
		h5_log_event(h5_sites_log(&run->sites), H5_LOG_WARN,
		    "fewer-threads", "threads", H5_LOG_NUM(i), "why", why.msg,
		    NULL);
	return i;
}

int
h5_worker_signal(int sfd)
{
	struct signalfd_siginfo si;
	ssize_t n = read(sfd, &si, sizeof si);

	/* A signal that another thread took is no failure. */
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
		/* Without poll there is no way to learn of a stop. */
		if (n < 0 && errno != EINTR)
			return NULL;
		if (n > 0 && p[1].revents != 0)
			return NULL;
		signo = n > 0 ? h5_worker_signal(sfd) : 0;
		if (signo != 0 && signo != SIGHUP)
			return "signal";
		/* Now, and not at the end of the tick. */
		if (signo == SIGHUP)
			due = 0;
		if (h5_clock_mono_ms() < due)
			continue;
		if (h5_reload_look(&run->reload)) {
			run->again = h5_reload_anew(&run->reload);
			return "replaced";
		}
		due = h5_clock_mono_ms() + TICK_MS;
	}
}

static int
serve(struct h5_run *run, struct worker *w, int n, int fds[3])
{
	const struct h5_log *log = h5_sites_log(&run->sites);
	const struct h5_program *p = run->sites.program;
	struct h5_lot *lot = NULL;
	const char *why;
	struct h5_err e;
	int i;

	/* Without a lot each thread waits for its own. */
	if (p->body_ms > 0 &&
	    h5_lot_new(p->body_max, p->body_ms, &lot, &e) != H5_OK)
		h5_log_event(log, H5_LOG_WARN, "no-lot", "why", e.msg, NULL);
	n = start_threads(run, w, n, lot, fds);
	if (n == 0) {
		h5_lot_free(lot);
		return EX_IOERR;
	}
	why = wait_for_end(run, fds[2], fds[1]);
	h5_log_event(log, why == NULL ? H5_LOG_ERROR : H5_LOG_INFO, "leaving",
	    "why", why == NULL ? "requests cannot be waited for" : why, NULL);
	/* Wakes each thread: the number is never read back. */
	(void)eventfd_write(fds[0], 1);
	for (i = 0; i < n; i++)
		(void)pthread_join(w[i].thread, NULL);
	/* Requests that came while the threads ended are answered first; then
	 * the socket is closed at once.  Where this process goes on as another
	 * they wait in the socket. */
	if (why != NULL && !run->again)
		(void)loop(&w[0]);
	if (!run->again)
		(void)close(STDIN_FILENO);
	for (i = 0; i < n; i++)
		h5_fcgi_free(w[i].serve.fcgi);
	h5_lot_free(lot);
	return why == NULL ? EX_IOERR : 0;
}

void
h5_worker_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGUSR1);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP);
}

static enum h5_code
open_fds(int fds[3], struct h5_err *e)
{
	sigset_t set;

	h5_worker_signals(&set);
	/* Not a signal handler: descriptors are waited for together with the
	 * rest. */
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
