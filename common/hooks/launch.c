#include "common/hooks/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/length.h"

#define PATH_BYTES 4096
#define COMMAND "h5pay"
#define DESCRIPTORS 65536 /* closed one by one where close_range is missing */

extern char **environ;

/* --- where h5pay is --- */

/* Appends the folder this program lies in, without a slash at its end. */
static bool
own_folder(struct h5_buf *out)
{
	char exe[PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe);

	while (n > 0 && n < (ssize_t)sizeof exe && exe[n - 1] != '/')
		n--;
	if (n <= 1 || n == (ssize_t)sizeof exe)
		return false;
	h5_buf_add(out, exe, (size_t)n - 1);
	return true;
}

static bool
runnable(const struct h5_buf *path)
{
	return path->bad == H5_OK && access(path->data, X_OK) == 0;
}

enum h5_code
h5_launch_find(const struct h5_config *c, struct h5_buf *out, struct h5_err *e)
{
	static const char *const beside[] = {"/" COMMAND, "/../" COMMAND};
	static const char *const installed[] = {
	    "/usr/bin/" COMMAND, "/usr/local/bin/" COMMAND};
	size_t i;

	if (c->server.command != NULL) {
		h5_buf_clear(out);
		h5_buf_puts(out, c->server.command);
		if (runnable(out))
			return H5_OK;
		return h5_err_set(e, H5_E_NOTFOUND,
		    "server.command %s cannot be run", c->server.command);
	}
	for (i = 0; i < 2; i++) {
		h5_buf_clear(out);
		if (!own_folder(out))
			break;
		h5_buf_puts(out, beside[i]);
		if (runnable(out))
			return H5_OK;
	}
	for (i = 0; i < 2; i++) {
		h5_buf_clear(out);
		h5_buf_puts(out, installed[i]);
		if (runnable(out))
			return H5_OK;
	}
	h5_buf_clear(out);
	return h5_err_set(e, H5_E_NOTFOUND,
	    "no " COMMAND " beside the program, above it or installed: set "
	    "server.command");
}

/* --- between fork and exec -------------------------------------------------
 * The other threads may have held any lock when fork was called, so nothing
 * here allocates, locks or formats. */

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

/* Signals as a fresh program expects them; null on 0 and 1, err on 2, and
 * no other descriptor. */
static void
become(char *const argv[], char *const env[], int null, int err)
{
	struct sigaction sa;
	sigset_t none;
	int s;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	for (s = 1; s < NSIG; s++)
		(void)sigaction(s, &sa, NULL);
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	/* err first: it may be one of the numbers that null goes to. */
	if (dup2(err, STDERR_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
	close_all_from(STDERR_FILENO + 1);
	(void)execve(argv[0], argv, env);
	_exit(127);
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

/* /dev/null on a descriptor above the first three. */
static int
open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), high;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(fd);
	return high;
}

/* --- the environment --- */

/* Does the variable describe one request (plain CGI)?  A buyer's header or a
 * token in a query string must not reach the shop's hook. */
static bool
of_request(const char *var)
{
	static const char *const begin[] = {"HTTP_", "REDIRECT_", "SSL_",
	    "REMOTE_", "REQUEST_", "QUERY_", "CONTENT_", "CONTEXT_", "SCRIPT_",
	    "SERVER_", "PATH_", "GATEWAY_", "DOCUMENT_", "AUTH_",
	    "HTTPS=", "UNIQUE_ID="};
	size_t i;

	for (i = 0; i < H5_LENGTH(begin); i++)
		if (strncmp(var, begin[i], strlen(begin[i])) == 0)
			return true;
	return false;
}

/* free() the list, not its strings.  NULL: no memory. */
static char **
clean_environment(void)
{
	size_t n = 0, i, kept = 0;
	char **env;

	while (environ != NULL && environ[n] != NULL)
		n++;
	env = calloc(n + 1, sizeof *env);
	if (env == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		if (getenv("GATEWAY_INTERFACE") == NULL ||
		    !of_request(environ[i]))
			env[kept++] = environ[i];
	return env;
}

/* --- a delivery --- */

/* The child of a child: nobody waits for it, and init reaps it. */
static enum h5_code
start_detached(char *const argv[], char *const env[], struct h5_err *e)
{
	int null = open_null(), status = 0, sys;
	pid_t pid;

	if (null < 0)
		return h5_err_sys(e, H5_E_IO, errno, "/dev/null");
	pid = fork();
	sys = errno;
	if (pid == 0) {
		if (setsid() < 0)
			_exit(127);
		pid = fork();
		if (pid == 0)
			become(argv, env, null, null);
		_exit(pid < 0 ? 127 : 0);
	}
	(void)close(null);
	if (pid < 0)
		return h5_err_sys(e, H5_E_IO, sys, "fork");
	if (wait_for(pid, &status) == pid && status != 0)
		return h5_err_set(e, H5_E_IO, "fork failed in the child");
	return H5_OK;
}

/* "h5pay -c FILE sweep OPTION VALUE", with nothing of ours but the words. */
static enum h5_code
start_sweep(const struct h5_config *c, const char *option, const char *value,
    struct h5_err *e)
{
	const char *words[] = {NULL, "-c", c->path, "sweep", option, value};
	char *argv[H5_LENGTH(words) + 1] = {NULL};
	char **env = clean_environment();
	struct h5_buf path;
	enum h5_code rc;
	size_t i;

	h5_buf_init(&path, PATH_BYTES);
	rc = env == NULL ? h5_err_nomem(e) : h5_launch_find(c, &path, e);
	words[0] = path.data;
	for (i = 0; rc == H5_OK && i < H5_LENGTH(words); i++) {
		argv[i] = strdup(words[i]);
		if (argv[i] == NULL)
			rc = h5_err_nomem(e);
	}
	if (rc == H5_OK)
		rc = start_detached(argv, env, e);
	for (i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	h5_buf_release(&path);
	free(env);
	return rc;
}

void
h5_launch_deliver(
    const struct h5_config *c, const struct h5_log *log, const char *id)
{
	struct h5_err e;

	if (start_sweep(c, "--order", id, &e) != H5_OK)
		h5_log_event(log, H5_LOG_ERROR, "delivery-not-started", "order",
		    id, "why", e.msg, NULL);
}

void
h5_launch_sweep(const struct h5_config *c, const struct h5_log *log)
{
	struct h5_err e;

	if (start_sweep(c, "--for", "10", &e) != H5_OK)
		h5_log_event(
		    log, H5_LOG_ERROR, "sweep-not-started", "why", e.msg, NULL);
}

/* --- a trial --- */

/* Reads words from fd until its end; false when the limit passed first. */
static bool
listen_to(int fd, int64_t until, struct h5_buf *words)
{
	char some[512];
	struct pollfd p;
	int64_t left;
	ssize_t n;

	for (;;) {
		left = until - h5_clock_mono_ms();
		if (left <= 0)
			return false;
		p.fd = fd;
		p.events = POLLIN;
		p.revents = 0;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, some, sizeof some);
		if (n > 0)
			h5_buf_add(words, some, (size_t)n);
		else if (n == 0 || errno != EINTR)
			return n == 0;
	}
}

static enum h5_code
verdict(bool ended, int status, struct h5_err *e)
{
	if (!ended)
		return h5_err_set(e, H5_E_BUSY, "it did not end in time");
	if (WIFSIGNALED(status))
		return h5_err_set(
		    e, H5_E_STATE, "signal %d ended it", WTERMSIG(status));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return h5_err_set(
		    e, H5_E_STATE, "it exited %d", WEXITSTATUS(status));
	return H5_OK;
}

enum h5_code
h5_launch_try(
    char *const argv[], int limit_ms, struct h5_buf *words, struct h5_err *e)
{
	int64_t until = h5_clock_mono_ms() + limit_ms;
	int pipes[2] = {-1, -1}, null = open_null(), status = 0, sys;
	bool ended;
	pid_t pid;

	if (null < 0 || pipe2(pipes, O_CLOEXEC) != 0) {
		sys = errno;
		if (null >= 0)
			(void)close(null);
		return h5_err_sys(e, H5_E_IO, sys, "pipe");
	}
	pid = fork();
	sys = errno;
	if (pid == 0)
		become(argv, environ, null, pipes[1]);
	(void)close(null);
	(void)close(pipes[1]);
	if (pid < 0) {
		(void)close(pipes[0]);
		return h5_err_sys(e, H5_E_IO, sys, "fork");
	}
	ended = listen_to(pipes[0], until, words);
	(void)close(pipes[0]);
	if (!ended)
		(void)kill(pid, SIGKILL);
	if (wait_for(pid, &status) != pid)
		return h5_err_sys(e, H5_E_IO, errno, "waitpid");
	return verdict(ended, status, e);
}
