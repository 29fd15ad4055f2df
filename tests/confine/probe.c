/* probe - tries, from inside a web program, what a program may be kept from.
 * It is one of the four with another handler: the build names the program's own
 * table real_program, and this one h5_program, so that what it is allowed is
 * what the real one is.
 * The query: "do=WORD&a=PATH-OR-NUMBER&b=PATH".  The answer: "errno=N". */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include "common/web/program.h"

extern const struct h5_program real_program;
extern struct h5_program probe_program;

/* The value of a name in the query; free it. */
static char *
value(const char *query, const char *name)
{
	size_t n = strlen(name);
	const char *at = query;

	while (strncmp(at, name, n) != 0 || at[n] != '=') {
		at += strcspn(at, "&");
		if (*at++ == '\0')
			return strdup("");
	}
	return strndup(at + n + 1, strcspn(at + n + 1, "&"));
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	return close(fd);
}

/* What the child could not do comes back through a pipe. */
static int
try_exec(const char *path)
{
	int p[2], sys = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)execl(path, path, (char *)NULL);
		sys = errno;
		if (write(p[1], &sys, sizeof sys) < 0)
			_exit(1);
		_exit(0);
	}
	(void)close(p[1]);
	if (read(p[0], &sys, sizeof sys) < 0)
		sys = errno;
	(void)close(p[0]);
	(void)waitpid(pid, NULL, 0);
	errno = sys;
	return sys == 0 ? 0 : -1;
}

static int
try_tcp(int (*what)(int, const struct sockaddr *, socklen_t), int port)
{
	struct sockaddr_in to;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc, sys;

	memset(&to, 0, sizeof to);
	to.sin_family = AF_INET;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((in_port_t)port);
	rc = fd < 0 ? -1 : what(fd, (const struct sockaddr *)&to, sizeof to);
	sys = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = sys;
	return rc;
}

static int
try_abstract(const char *name)
{
	struct sockaddr_un to;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc, sys;

	memset(&to, 0, sizeof to);
	to.sun_family = AF_UNIX;
	memcpy(to.sun_path + 1, name, strnlen(name, sizeof to.sun_path - 2));
	rc = connect(fd, (const struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			strlen(name)));
	sys = errno;
	(void)close(fd);
	errno = sys;
	return rc;
}

static int
try_name(const char *host)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo(host, "80", NULL, &found) != 0) {
		errno = ENOENT;
		return -1;
	}
	freeaddrinfo(found);
	return 0;
}

static int
attempt(const char *what, const char *a, const char *b)
{
	int n = (int)strtol(a, NULL, 10);

	if (strcmp(what, "read") == 0)
		return try_open(a, O_RDONLY);
	if (strcmp(what, "list") == 0)
		return try_open(a, O_RDONLY | O_DIRECTORY);
	if (strcmp(what, "write") == 0)
		return try_open(a, O_WRONLY);
	if (strcmp(what, "make") == 0)
		return try_open(a, O_WRONLY | O_CREAT | O_EXCL);
	if (strcmp(what, "cut") == 0)
		return truncate(a, 0);
	if (strcmp(what, "remove") == 0)
		return unlink(a);
	if (strcmp(what, "mkdir") == 0)
		return mkdir(a, 0700);
	if (strcmp(what, "fifo") == 0)
		return mkfifo(a, 0600);
	if (strcmp(what, "symlink") == 0)
		return symlink(b, a);
	if (strcmp(what, "rename") == 0)
		return rename(a, b);
	if (strcmp(what, "link") == 0)
		return link(a, b);
	if (strcmp(what, "exec") == 0)
		return try_exec(a);
	if (strcmp(what, "connect") == 0)
		return try_tcp(connect, n);
	if (strcmp(what, "bind") == 0)
		return try_tcp(bind, n);
	if (strcmp(what, "abstract") == 0)
		return try_abstract(a);
	if (strcmp(what, "signal") == 0)
		return kill((pid_t)n, 0);
	if (strcmp(what, "name") == 0)
		return try_name(a);
	if (strcmp(what, "dumpable") == 0) {
		errno = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
		return -1;
	}
	errno = ENOSYS;
	return -1;
}

static void
handle(struct h5_job *job)
{
	char *what = value(job->r->query, "do");
	char *a = value(job->r->query, "a"), *b = value(job->r->query, "b");
	int sys = 0;

	if (attempt(what, a, b) != 0)
		sys = errno;
	if (h5_response_header(job->resp, "Content-Type", "text/plain", NULL) ==
	    H5_OK)
		h5_buf_printf(&job->resp->body, "errno=%d\n", sys);
	free(what);
	free(a);
	free(b);
}

/* In memory that can be written: filled from the real one before main. */
struct h5_program probe_program;

__attribute__((constructor)) static void
take_over(void)
{
	probe_program = real_program;
	probe_program.allow = "GET";
	probe_program.handle = handle;
}
