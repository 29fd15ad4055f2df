#include "common/system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"

#define TICK_MS 20 /* between looks, on kernels without pidfd_open */
#define NOT_RUN 127 /* exit status of a child that could not become path */

struct child {
	pid_t pid;
	int end; /* readable when it has ended; -1: not known that way */
	int in; /* its stdin, our end; -1: closed */
	int out; /* its stdout and stderr, our end */
	const char *rest; /* of what it shall read */
	size_t n;
	char *said;
	size_t said_n;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Only what is safe between fork and exec. */
static _Noreturn void
become(const char *path, char *const *env, int in, int out)
{
	char name[] = "h5pay-hook";
	char *argv[] = {name, NULL};
	sigset_t none;
	int i;

	(void)setpgid(0, 0);
	/* What we ignore it must not: a closed pipe ends a filter. */
	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	/* The pipes were moved above 2, so none is overwritten here. */
	if (dup2(in, 0) != 0 || dup2(out, 1) != 1 || dup2(out, 2) != 2 ||
	    chdir("/") != 0)
		_exit(NOT_RUN);
	/* Ours are closed on exec; these may come from who started us. */
	for (i = 3; i < 256; i++)
		(void)close(i);
	(void)execve(path, argv, env);
	_exit(NOT_RUN);
}

/* A pipe whose ends are above the three standard descriptors, which a detached
 * program has closed. */
static int
high_pipe(int fd[2])
{
	int low[2], i;

	fd[0] = fd[1] = -1;
	if (pipe2(low, O_CLOEXEC) != 0)
		return -1;
	for (i = 0; i < 2; i++)
		fd[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
	close_fd(&low[0]);
	close_fd(&low[1]);
	if (fd[0] >= 0 && fd[1] >= 0)
		return 0;
	close_fd(&fd[0]);
	close_fd(&fd[1]);
	return -1;
}

static bool
start(const char *path, char *const *env, struct child *c)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};

	/* Who started us may ignore SIGCHLD: then the kernel throws the
	 * child's status away. */
	(void)signal(SIGCHLD, SIG_DFL);
	c->pid = -1;
	if (high_pipe(in) == 0 && high_pipe(out) == 0)
		c->pid = fork();
	if (c->pid == 0)
		become(path, env, in[0], out[1]);
	close_fd(&in[0]);
	close_fd(&out[1]);
	if (c->pid < 0) {
		close_fd(&in[1]);
		close_fd(&out[0]);
		return false;
	}
	(void)setpgid(c->pid, c->pid); /* whoever of the two is first */
	c->in = in[1];
	c->out = out[0];
	(void)fcntl(c->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(c->out, F_SETFL, O_NONBLOCK);
	c->end = -1;
#ifdef SYS_pidfd_open
	c->end = (int)syscall(SYS_pidfd_open, c->pid, 0);
#endif
	return true;
}

static void
feed(struct child *c)
{
	ssize_t put;

	if (c->n == 0) {
		close_fd(&c->in);
		return;
	}
	put = write(c->in, c->rest, c->n);
	if (put > 0) {
		c->rest += put;
		c->n -= (size_t)put;
	}
	/* It need not read: EPIPE is no failure. */
	if (c->n == 0 || (put < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(&c->in);
}

static void
listen_to(struct child *c)
{
	char bytes[4096];
	ssize_t got;
	size_t room;

	got = read(c->out, bytes, sizeof bytes);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		close_fd(&c->out);
		return;
	}
	if (got < 0)
		return;
	room = H5_HOOK_EXEC_SAID - c->said_n;
	if (room > (size_t)got)
		room = (size_t)got;
	memcpy(c->said + c->said_n, bytes, room);
	c->said_n += room;
}

/* Feeds and listens until it ends or ms are over.  True: it ended. */
static bool
attend(struct child *c, int ms, int *status)
{
	int64_t left, until = h5_clock_mono_ms() + ms;
	struct pollfd p[3];
	pid_t got;

	for (;;) {
		got = waitpid(c->pid, status, WNOHANG);
		if (got == c->pid || (got < 0 && errno != EINTR))
			return true;
		left = until - h5_clock_mono_ms();
		if (left <= 0)
			return false;
		if (c->end < 0 && left > TICK_MS)
			left = TICK_MS;
		p[0] = (struct pollfd){c->end, POLLIN, 0};
		p[1] = (struct pollfd){c->in, POLLOUT, 0};
		p[2] = (struct pollfd){c->out, POLLIN, 0};
		if (poll(p, 3, (int)left) <= 0)
			continue;
		if (p[1].revents != 0)
			feed(c);
		if (p[2].revents != 0)
			listen_to(c);
	}
}

static enum h5_code
judge(bool ended, int status, int timeout_ms, struct h5_err *e)
{
	if (!ended)
		return h5_err_set(e, H5_E_NET,
		    "still running after %d s: killed", timeout_ms / 1000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return H5_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN)
		return h5_err_set(e, H5_E_NET,
		    "exit 127: it or its interpreter cannot be run");
	if (WIFEXITED(status))
		return h5_err_set(e, H5_E_NET, "exit %d", WEXITSTATUS(status));
	return h5_err_set(e, H5_E_NET, "ended by signal %d",
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

enum h5_code
h5_hook_exec_run(const char *path, char *const *env, const char *in, size_t n,
    int timeout_ms, char said[H5_HOOK_EXEC_SAID + 1], struct h5_err *e)
{
	struct child c = {.rest = in, .n = n, .said = said};
	struct timespec at_once = {0, 0};
	sigset_t pipe_only, before;
	int status = -1;
	bool ended;
	enum h5_code rc;

	memset(said, 0, H5_HOOK_EXEC_SAID + 1);
	/* A program that does not read its stdin must not end us. */
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	if (!start(path, env, &c)) {
		rc = h5_err_sys(e, H5_E_IO, errno, "no process for %s", path);
		goto out;
	}
	ended = attend(&c, timeout_ms, &status);
	if (!ended) {
		(void)kill(-c.pid, SIGKILL);
		while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (c.out >= 0)
		listen_to(&c);
	close_fd(&c.in);
	close_fd(&c.out);
	close_fd(&c.end);
	rc = judge(ended, status, timeout_ms, e);
out:
	while (sigtimedwait(&pipe_only, NULL, &at_once) > 0)
		;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}
