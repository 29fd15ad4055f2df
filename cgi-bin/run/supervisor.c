/* Starts worker processes, replaces one that died, renews them, and ends them.
 */
#include "cgi-bin/run/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgi-bin/run/sandbox.h"
#include "cgi-bin/run/worker.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define TICK_MS 1000
#define SHORT_LIFE_MS                                                          \
	1000 /* a worker that lived shorter is not hurried back                \
	      */
#define PAUSE_MS 1000
#define TERM_AGAIN_MS 1000
#define KILL_AFTER_MS 10000
#define STEP_MS 50
#define EX_IOERR 74

/* The workers of the program we were before we started over, for the new
 * program to reap: process ids, blank-separated. */
#define LEAVING "H5PAY_LEAVING"
#define LEAVING_MAX 4096

struct child {
	pid_t pid; /* 0: none */
	int64_t started_ms;
	int64_t due_ms; /* when the next one may start */
	bool leaving; /* of an older program: not replaced */
	bool told; /* to make room for one with other rights */
};

struct supervisor {
	struct h5_run *run;
	const struct h5_log *log;
	struct child *kids; /* n of ours, then those that are leaving */
	size_t n, n_leaving;
	int sfd;
	uint64_t confined; /* h5_sandbox_stamp of the workers' rights */
	bool stopping;
	int64_t term_ms; /* when TERM was last sent */
	int64_t kill_ms; /* when KILL is */
};

/* --- workers --- */

static size_t
all(const struct supervisor *s)
{
	return s->n + s->n_leaving;
}

/* Runs in the child.  The parent may have died before the kernel knew that we
 * want to be told.  In that case it is not our parent any more. */
static int
be_worker(struct supervisor *s, pid_t parent)
{
	/* What a worker has no use for: signals come to the parent, and the
	 * list of its brothers is none of its business. */
	(void)close(s->sfd);
	free(s->kids);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		return 0;
	/* The order matters: first the pair, then the sandbox, which closes the
	 * way back, then the threads. */
	h5_delegate_worker(&s->run->delegate);
	if (!h5_sandbox_worker(s->run)) {
		h5_log_event(s->log, H5_LOG_ERROR, "not-hardened", "why",
		    strerror(errno), NULL);
		return EX_IOERR;
	}
	h5_reload_leave(&s->run->reload);
	return h5_worker_serve(s->run);
}

/* Returns true in the parent; false in the child, *status set. */
static bool
start_worker(struct supervisor *s, struct child *k, int *status)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		*status = be_worker(s, parent);
		return false;
	}
	k->started_ms = h5_clock_mono_ms();
	/* Even if fork failed: the next try waits as long. */
	k->due_ms = k->started_ms + PAUSE_MS;
	k->pid = pid > 0 ? pid : 0;
	if (pid < 0)
		h5_log_event(s->log, H5_LOG_ERROR, "worker-not-started", "why",
		    strerror(errno), NULL);
	return true;
}

static void
signal_all(const struct supervisor *s, int sig)
{
	size_t i;

	for (i = 0; i < all(s); i++)
		if (s->kids[i].pid > 0)
			(void)kill(s->kids[i].pid, sig);
}

static void
child_ended(struct supervisor *s, struct child *k, int status)
{
	int64_t now = h5_clock_mono_ms();

	/* Only an end that nobody asked for is worth a line. */
	if (!s->stopping && !k->leaving && !k->told)
		h5_log_event(s->log, H5_LOG_WARN, "worker-ended", "pid",
		    H5_LOG_NUM(k->pid), "signal",
		    WIFSIGNALED(status) ? H5_LOG_NUM(WTERMSIG(status)) : NULL,
		    "exit",
		    WIFEXITED(status) ? H5_LOG_NUM(WEXITSTATUS(status)) : NULL,
		    NULL);
	/* A worker that dies at once, again and again, would otherwise keep the
	 * machine busy with starting it. */
	k->due_ms = now - k->started_ms < SHORT_LIFE_MS && !k->told
			? now + PAUSE_MS
			: now;
	k->pid = 0;
	k->told = false;
}

static void
reap(struct supervisor *s)
{
	size_t i;
	pid_t pid;
	int status;

	/* All that have ended: one SIGCHLD may stand for several. */
	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return;
		for (i = 0; i < all(s); i++)
			if (s->kids[i].pid == pid)
				child_ended(s, &s->kids[i], status);
	}
}

static bool
any_left(const struct supervisor *s)
{
	size_t i;

	for (i = 0; i < all(s); i++)
		if (s->kids[i].pid > 0)
			return true;
	return false;
}

/* What workers may read or write is bound to files, not to names: when one was
 * replaced they leave, each with the request in its hands answered, and the
 * next ones are let at the new one. */
static void
renew(struct supervisor *s)
{
	uint64_t now = h5_sandbox_stamp(s->run);
	size_t i;

	if (now == s->confined)
		return;
	/* This line may be what makes the new log file. */
	h5_log_event(s->log, H5_LOG_INFO, "renewing-workers", "why",
	    "a file or folder that they use was replaced", NULL);
	h5_sandbox_say(s->run);
	/* Taken anew, after the line above may have changed it. */
	s->confined = h5_sandbox_stamp(s->run);
	for (i = 0; i < s->n; i++) {
		s->kids[i].told = s->kids[i].pid > 0;
		if (s->kids[i].told)
			(void)kill(s->kids[i].pid, SIGTERM);
	}
}

/* --- starting over --- */

/* The new program takes the place of this one: same process id, same socket,
 * so nothing is refused meanwhile.  The workers leave, each with the request
 * in its hands answered; the new program reaps them. */
static void
start_over(struct supervisor *s)
{
	struct h5_buf pids;
	size_t i;

	h5_buf_init(&pids, LEAVING_MAX);
	for (i = 0; i < all(s); i++)
		if (s->kids[i].pid > 0)
			h5_buf_printf(&pids, "%ld ", (long)s->kids[i].pid);
	h5_log_event(s->log, H5_LOG_INFO, "starting-over", "binary",
	    s->run->reload.exe, NULL);
	/* Everything is prepared before the workers are told to go. */
	if (pids.bad == H5_OK && setenv(LEAVING, pids.data, 1) == 0 &&
	    h5_delegate_hand_on(&s->run->delegate)) {
		signal_all(s, SIGTERM);
		(void)execv(s->run->reload.exe, s->run->argv);
		/* Still here: the new program could not be started.  The
		 * workers that leave are replaced by workers of this
		 * program. */
		h5_log_event(s->log, H5_LOG_ERROR, "not-started-over", "why",
		    strerror(errno), NULL);
		(void)unsetenv(LEAVING);
		h5_delegate_take_back(&s->run->delegate);
	}
	h5_buf_release(&pids);
}

/* Only our own children count: the list comes through the environment. */
static void
adopt(struct supervisor *s, const char *list)
{
	char one[24];
	struct h5_err e;
	uint64_t pid;
	size_t len;

	for (; list != NULL && *list != '\0'; list += len) {
		list += strspn(list, " ");
		len = strcspn(list, " ");
		if (len == 0 || len >= sizeof one)
			continue;
		memcpy(one, list, len);
		one[len] = '\0';
		if (h5_text_u64(one, 2, INT32_MAX, &pid, &e) == H5_OK &&
		    waitpid((pid_t)pid, NULL, WNOHANG) == 0) {
			s->kids[all(s)].pid = (pid_t)pid;
			s->kids[all(s)].leaving = true;
			s->n_leaving++;
		}
	}
}

/* --- the loop --- */

static void
begin_stop(struct supervisor *s)
{
	/* Told twice, it stops once. */
	if (s->stopping)
		return;
	h5_log_event(s->log, H5_LOG_INFO, "leaving", "why", "signal", NULL);
	s->stopping = true;
	s->term_ms = 0;
	s->kill_ms = h5_clock_mono_ms() + KILL_AFTER_MS;
}

/* TERM again each second: a worker may have met it before it could listen. */
static void
press(struct supervisor *s)
{
	int64_t now = h5_clock_mono_ms();

	/* After ten seconds a worker hangs in something that TERM does not
	 * end. */
	if (now >= s->kill_ms) {
		signal_all(s, SIGKILL);
	} else if (s->term_ms == 0 || now - s->term_ms >= TERM_AGAIN_MS) {
		signal_all(s, SIGTERM);
		s->term_ms = now;
	}
}

/* Returns how long to sleep at most; -1: this is a new worker that is done,
 * *status set. */
static int
fill_up(struct supervisor *s, int *status)
{
	int64_t now = h5_clock_mono_ms(), wait = TICK_MS;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->kids[i].pid > 0)
			continue;
		if (s->kids[i].due_ms <= now) {
			if (!start_worker(s, &s->kids[i], status))
				return -1;
		} else if (s->kids[i].due_ms - now < wait) {
			wait = s->kids[i].due_ms - now;
		}
	}
	return (int)wait;
}

/* Sleeps until a signal or the limit; true: told to look at the files now. */
static bool
listen_for(struct supervisor *s, int limit_ms)
{
	struct pollfd p[2] = {
	    {s->sfd, POLLIN, 0}, {s->run->delegate.take, POLLIN, 0}};
	bool hup = false;
	int signo;

	/* Without it the signals are looked at in steps. */
	if (poll(p, 2, limit_ms) < 0 && errno != EINTR)
		h5_clock_pause_ms(STEP_MS);
	/* Several signals may have come together. */
	do {
		signo = h5_worker_signal(s->sfd);
		hup = hup || signo == SIGHUP;
		if (signo != 0 && signo != SIGHUP && signo != SIGCHLD)
			begin_stop(s);
	} while (signo > 0);
	return hup;
}

static int
finish(struct supervisor *s)
{
	while (h5_delegate_run(&s->run->delegate, s->log))
		continue;
	return 0;
}

static int
supervise(struct supervisor *s)
{
	int64_t due = h5_clock_mono_ms() + TICK_MS;
	int wait, status;
	bool hup;

	for (;;) {
		reap(s);
		wait = TICK_MS;
		if (s->stopping) {
			/* What the last one asked for before it went. */
			if (!any_left(s))
				return finish(s);
			press(s);
		} else {
			wait = fill_up(s, &status);
			if (wait < 0)
				return status;
		}
		hup = listen_for(s, wait);
		(void)h5_delegate_run(&s->run->delegate, s->log);
		if (s->stopping || (!hup && h5_clock_mono_ms() < due))
			continue;
		if (h5_reload_look(&s->run->reload))
			start_over(s);
		renew(s);
		due = h5_clock_mono_ms() + TICK_MS;
	}
}

static int
open_signals(void)
{
	sigset_t set;

	h5_worker_signals(&set);
	(void)sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
h5_supervisor_run(struct h5_run *run, int n)
{
	const char *leaving = getenv(LEAVING);
	struct supervisor s;
	/* start_worker returns in the child as well, whose pid differs. */
	pid_t me = getpid();
	struct h5_err e;
	int status;

	memset(&s, 0, sizeof s);
	s.run = run;
	s.log = h5_sites_log(&run->sites);
	s.n = (size_t)n;
	if (h5_delegate_open(
		&run->delegate, atomic_load(&run->sites.first), &e) != H5_OK) {
		h5_log_event(
		    s.log, H5_LOG_ERROR, "no-start", "why", e.msg, NULL);
		return EX_IOERR;
	}
	s.sfd = open_signals();
	/* Half of the bytes is more ids than the list can hold. */
	s.kids = calloc(s.n + LEAVING_MAX / 2, sizeof *s.kids);
	if (s.sfd < 0 || s.kids == NULL) {
		h5_log_event(s.log, H5_LOG_ERROR, "no-start", "why",
		    strerror(errno), NULL);
		free(s.kids);
		return EX_IOERR;
	}
	h5_sandbox_say(run);
	s.confined = h5_sandbox_stamp(run);
	adopt(&s, leaving);
	(void)unsetenv(LEAVING);
	status = supervise(&s);
	if (getpid() == me) {
		(void)close(s.sfd);
		free(s.kids);
	}
	return status;
}
