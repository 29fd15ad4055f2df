/* Starts other programs: one to its end with a limit, or one that outlives us.
 * Between fork and exec only what is safe there is called: the other threads
 * may have held any lock when fork was called, so nothing allocates, locks or
 * formats. */
#include "common/system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"

#define TICK_MS 20 /* between looks, on kernels without pidfd_open */
#define DESCRIPTORS 65536 /* closed one by one where close_range is missing */

extern char **environ;

/* --- between fork and exec --- */

static void
close_all_from(unsigned from)
{
	unsigned fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, from, ~0U, 0) == 0)
		return;
#endif
	for (fd = from; fd < DESCRIPTORS; fd++)
		(void)close((int)fd);
}

/* in, out and err lie above the first three, so none is overwritten here. */
static _Noreturn void
become(const char *path, char *const *argv, char *const *env, int in, int out,
    int err)
{
	sigset_t none;
	int i;

	/* What we ignore it must not: a closed pipe ends a filter. */
	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) != 0 || dup2(out, 1) != 1 || dup2(err, 2) != 2 ||
	    chdir("/") != 0)
		_exit(H5_PROCESS_NOT_RUN);
	close_all_from(3);
	(void)execve(path, argv, env != NULL ? env : environ);
	_exit(H5_PROCESS_NOT_RUN);
}

/* --- descriptors --- */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Moves fd above the three standard descriptors, which a detached program has
 * closed.  -1: none is left. */
static int
lift(int fd)
{
	int high;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(fd);
	return high;
}

static int
open_null(void)
{
	return lift(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static bool
high_pipe(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) != 0) {
		fd[0] = fd[1] = -1;
		return false;
	}
	fd[0] = lift(fd[0]);
	fd[1] = lift(fd[1]);
	return fd[0] >= 0 && fd[1] >= 0;
}

/* --- to its end --- */

struct child {
	pid_t pid;
	int end; /* readable when it has ended; -1: not known that way */
	int in; /* its stdin, our end; -1: closed, or never ours */
	int out; /* what it writes, our end; -1: closed */
	const char *rest; /* of what it shall read */
	size_t n;
	struct h5_buf *said;
};

/* The ends of the pipes that are the child's. */
struct ends {
	int in[2], out[2], null;
};

static bool
open_ends(const struct h5_process *p, struct ends *x)
{
	*x = (struct ends){{-1, -1}, {-1, -1}, -1};
	x->null = open_null();
	return x->null >= 0 && high_pipe(x->out) &&
	       (p->in == NULL || high_pipe(x->in));
}

static bool
start(const struct h5_process *p, struct child *c)
{
	struct ends x;
	int sys;

	/* Whoever started us may ignore SIGCHLD: then the kernel throws the
	 * child's status away. */
	(void)signal(SIGCHLD, SIG_DFL);
	c->pid = open_ends(p, &x) ? fork() : -1;
	sys = errno;
	if (c->pid == 0) {
		(void)setpgid(0, 0);
		become(p->path, p->argv, p->env,
		    p->in == NULL ? x.null : x.in[0],
		    p->mute ? x.null : x.out[1], x.out[1]);
	}
	close_fd(&x.null);
	close_fd(&x.in[0]);
	close_fd(&x.out[1]);
	if (c->pid < 0) {
		close_fd(&x.in[1]);
		close_fd(&x.out[0]);
		errno = sys;
		return false;
	}
	(void)setpgid(c->pid, c->pid); /* whoever of the two is first */
	c->in = x.in[1];
	c->out = x.out[0];
	if (c->in >= 0)
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
	room = c->said->max - c->said->len;
	if (room > 0)
		h5_buf_add(
		    c->said, bytes, room < (size_t)got ? room : (size_t)got);
}

/* Feeds and listens until it ends or the limit passes.  True: it ended. */
static bool
attend(struct child *c, int limit_ms, int *status)
{
	int64_t left, until = h5_clock_mono_ms() + limit_ms;
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

static pid_t
wait_for(pid_t pid, int *status)
{
	pid_t got;

	do {
		got = waitpid(pid, status, 0);
	} while (got < 0 && errno == EINTR);
	return got;
}

static void
finish(struct child *c, int limit_ms, struct h5_process_end *end)
{
	int status = -1;

	end->late = !attend(c, limit_ms, &status);
	if (end->late) {
		(void)kill(-c->pid, SIGKILL);
		(void)wait_for(c->pid, &status);
	}
	if (c->out >= 0)
		listen_to(c);
	close_fd(&c->in);
	close_fd(&c->out);
	close_fd(&c->end);
	end->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

enum h5_code
h5_process_run(const struct h5_process *p, int limit_ms, struct h5_buf *said,
    struct h5_process_end *end, struct h5_err *e)
{
	struct child c = {.rest = p->in, .n = p->n, .said = said};
	struct timespec at_once = {0, 0};
	sigset_t pipe_only, before;
	enum h5_code rc = H5_OK;

	*end = (struct h5_process_end){false, -1, 0};
	/* A program that does not read its stdin must not end us. */
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	if (start(p, &c))
		finish(&c, limit_ms, end);
	else
		rc = h5_err_sys(e, H5_E_IO, errno,
		    "no process could be started for %s", p->path);
	while (sigtimedwait(&pipe_only, NULL, &at_once) > 0)
		;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/* --- on its own --- */

/* The child of a child: nobody waits for it, and init reaps it. */
enum h5_code
h5_process_detach(
    const char *path, char *const *argv, char *const *env, struct h5_err *e)
{
	int null = open_null(), status = 0, sys;
	pid_t pid;

	if (null < 0)
		return h5_err_sys(e, H5_E_IO, errno, "/dev/null");
	pid = fork();
	sys = errno;
	if (pid == 0) {
		if (setsid() < 0)
			_exit(H5_PROCESS_NOT_RUN);
		pid = fork();
		if (pid == 0)
			become(path, argv, env, null, null, null);
		_exit(pid < 0 ? H5_PROCESS_NOT_RUN : 0);
	}
	(void)close(null);
	if (pid < 0)
		return h5_err_sys(e, H5_E_IO, sys, "fork");
	if (wait_for(pid, &status) == pid && status != 0)
		return h5_err_set(e, H5_E_IO, "fork failed in the child");
	return H5_OK;
}
