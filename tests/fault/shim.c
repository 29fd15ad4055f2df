/* shim.c - LD_PRELOAD: counts what a program does to its storage, records it,
 * and makes one step fail.
 *   H5_FAULT_ROOT  the folder whose files are meant (and standard output)
 *   H5_FAULT       N:WHERE:WHAT:HOW, with N from 1; WHERE before mid after;
 *                  WHAT kill, short or an errno; HOW once sticky
 *   H5_FAULT_COUNT a file that gets one line a step: its name
 *   H5_FAULT_TRACE a file that gets what each step did, one line a step
 * One thread of one process is meant: plain CGI and commands, without what they
 * start.
 *   H5_FAULT_PAUSE_US  nothing fails, but before each write, sync and link
 * there is a pause, in which others come between; for any number of threads and
 * processes */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PATH 512

static long step_now;
static bool interrupted;
static pid_t me;

__attribute__((constructor)) static void
begin(void)
{
	me = getpid();
}

/* --- the plan ------------------------------------------------------------- */

static void
tell(const char *variable, const char *text, size_t n)
{
	const char *path = getenv(variable);
	long fd;

	if (path == NULL)
		return;
	fd = syscall(
	    SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)syscall(SYS_write, fd, text, n);
	(void)syscall(SYS_close, fd);
}

static bool
below(const char *path)
{
	const char *root = getenv("H5_FAULT_ROOT");
	size_t n = root != NULL ? strlen(root) : 0;

	return n > 0 && strncmp(path, root, n) == 0 &&
	       (path[n] == '/' || path[n] == '\0');
}

static void
path_of(int fd, char out[PATH])
{
	char link[64];
	long n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH - 1);
	out[n > 0 ? n : 0] = '\0';
}

/* The folder above counts as well: it holds the entry of the store. */
static bool
ours(int fd)
{
	const char *root = getenv("H5_FAULT_ROOT");
	const char *slash = root != NULL ? strrchr(root, '/') : NULL;
	char path[PATH];
	int was = errno;

	path_of(fd, path);
	errno = was;
	return below(path) ||
	       (slash != NULL && strlen(path) == (size_t)(slash - root) &&
		   strncmp(path, root, strlen(path)) == 0);
}

static void
full_path(int dir, const char *name, char out[PATH])
{
	size_t n;

	out[0] = '\0';
	if (name[0] != '/') {
		if (dir == AT_FDCWD) {
			if (getcwd(out, PATH) == NULL)
				out[0] = '\0';
		} else {
			path_of(dir, out);
		}
	}
	n = strlen(out);
	(void)snprintf(
	    out + n, PATH - n, "%s%s", name[0] == '/' ? "" : "/", name);
}

/* What is to happen to this step. */
struct fate {
	const char *where; /* NULL: nothing */
	bool kill;
	bool cut; /* short write */
	int error;
};

static const struct {
	const char *name;
	int value;
} errors[] = {
    {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR}};

static void
take_time(const char *name)
{
	const char *us = getenv("H5_FAULT_PAUSE_US");

	if (us != NULL &&
	    (strcmp(name, "write") == 0 || strcmp(name, "linkat") == 0 ||
		strcmp(name, "fsync") == 0 || strcmp(name, "fdatasync") == 0))
		(void)usleep((useconds_t)strtoul(us, NULL, 10));
}

static struct fate
next(const char *name)
{
	struct fate f = {0};
	char line[64], where[8], what[8], how[8];
	const char *plan = getenv("H5_FAULT");
	long n;
	size_t i;
	int len;

	take_time(name);
	if (getpid() != me)
		return f;
	len = snprintf(line, sizeof line, "%s\n", name);
	tell("H5_FAULT_COUNT", line, (size_t)len);
	step_now++;
	if (plan == NULL || sscanf(plan, "%ld:%7[a-z]:%7[A-Za-z]:%7[a-z]", &n,
				where, what, how) != 4)
		return f;
	if (strcmp(how, "sticky") == 0 ? step_now < n : step_now != n)
		return f;
	for (i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (strcmp(what, errors[i].name) == 0)
			f.error = errors[i].value;
	f.kill = strcmp(what, "kill") == 0;
	f.cut = strcmp(what, "short") == 0;
	/* Only close is interrupted after it has done its work. */
	if (f.error == EINTR && where[0] == 'a' && strcmp(name, "close") != 0)
		return f;
	/* A signal that comes for ever still lets every second call through. */
	if (f.error == EINTR && strcmp(how, "sticky") == 0) {
		interrupted = !interrupted;
		if (!interrupted)
			return f;
	}
	f.where = where[0] == 'b'   ? "before"
		  : where[0] == 'm' ? "mid"
				    : "after";
	return f;
}

static bool
before(const struct fate *f)
{
	if (f->where == NULL || f->where[0] != 'b' || f->cut)
		return false;
	if (f->kill)
		(void)raise(SIGKILL);
	errno = f->error;
	return true;
}

static bool
after(const struct fate *f)
{
	if (f->where == NULL || f->where[0] != 'a')
		return false;
	if (f->kill)
		(void)raise(SIGKILL);
	errno = f->error;
	return true;
}

/* --- the record ----------------------------------------------------------- */

/* Past our own fstat and fstatat. */
static int
stat_of(int dir, const char *name, struct stat *st, int flags)
{
	return (int)syscall(SYS_newfstatat, dir, name, st, flags);
}

static unsigned long
inode(int fd)
{
	struct stat st;

	return stat_of(fd, "", &st, AT_EMPTY_PATH) == 0
		   ? (unsigned long)st.st_ino
		   : 0;
}

/* verb, inode, number, path, then bytes in hex; the path has no blank. */
static void
record(const char *verb, unsigned long ino, long number, const char *path,
    const void *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *from = p;
	char *line;
	int was = errno, len;
	size_t i, at;

	if (getenv("H5_FAULT_TRACE") == NULL)
		return;
	line = malloc(2 * n + PATH + 128);
	if (line == NULL)
		abort();
	len = snprintf(line, PATH + 120, "%s %lu %ld %s ", verb, ino, number,
	    path[0] != '\0' ? path : "-");
	at = (size_t)len;
	for (i = 0; i < n; i++) {
		line[at++] = hex[from[i] >> 4];
		line[at++] = hex[from[i] & 15];
	}
	line[at++] = '\n';
	tell("H5_FAULT_TRACE", line, at);
	free(line);
	errno = was;
}

static void
record_entry(const char *verb, int dir, const char *name)
{
	char path[PATH];
	struct stat st;
	int was = errno;

	full_path(dir, name, path);
	if (stat_of(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		record(verb, (unsigned long)st.st_ino, 0, path, NULL, 0);
	errno = was;
}

/* --- the calls ------------------------------------------------------------ */

int
openat(int dir, const char *name, int flags, ...)
{
	char path[PATH];
	struct stat st;
	struct fate f;
	bool was_there;
	va_list ap;
	mode_t mode;
	int fd;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	full_path(dir, name, path);
	if (!below(path))
		return (int)syscall(SYS_openat, dir, name, flags, mode);
	f = next("openat");
	if (before(&f))
		return -1;
	was_there = stat_of(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	if (fd >= 0 && (flags & O_CREAT) != 0 && !was_there)
		record_entry("entry", dir, name);
	if (fd >= 0 && after(&f)) {
		int why = errno;

		(void)syscall(SYS_close, fd);
		errno = why;
		return -1;
	}
	return fd;
}

int
open(const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat(AT_FDCWD, name, flags, mode);
}

static ssize_t
put(int fd, const void *p, size_t n, off_t at)
{
	long done, pos = 0;
	struct fate f;
	struct stat st;
	char path[PATH];

	path_of(fd, path);
	f = next("write");
	if (before(&f))
		return -1;
	if (f.where != NULL && f.where[0] == 'm')
		n = n > 1 ? n / 2 : n;
	if (at < 0 && stat_of(fd, "", &st, AT_EMPTY_PATH) == 0)
		pos = (fcntl(fd, F_GETFL) & O_APPEND) != 0
			  ? st.st_size
			  : lseek(fd, 0, SEEK_CUR);
	done = at >= 0 ? syscall(SYS_pwrite64, fd, p, n, at)
		       : syscall(SYS_write, fd, p, n);
	if (done > 0)
		record(fd == 1 ? "reply" : "write", inode(fd),
		    at >= 0 ? at : pos, path, p, (size_t)done);
	if (f.where != NULL && f.where[0] == 'm' && f.kill)
		(void)raise(SIGKILL);
	if (f.where != NULL && f.where[0] == 'm' && !f.cut) {
		errno = f.error;
		return -1;
	}
	return after(&f) ? -1 : done;
}

ssize_t
write(int fd, const void *p, size_t n)
{
	if (fd != 1 && !ours(fd))
		return syscall(SYS_write, fd, p, n);
	return put(fd, p, n, -1);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (!ours(fd))
		return syscall(SYS_pwrite64, fd, p, n, at);
	return put(fd, p, n, at);
}

ssize_t
read(int fd, void *p, size_t n)
{
	struct fate f;

	if (!ours(fd))
		return syscall(SYS_read, fd, p, n);
	f = next("read");
	if (before(&f))
		return -1;
	return syscall(SYS_read, fd, p, n);
}

ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
	struct fate f;

	if (!ours(fd))
		return syscall(SYS_pread64, fd, p, n, at);
	f = next("read");
	if (before(&f))
		return -1;
	return syscall(SYS_pread64, fd, p, n, at);
}

/* What fortified objects call instead. */
ssize_t __read_chk(int fd, void *p, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *p, size_t n, off_t at, size_t room);

ssize_t
__read_chk(int fd, void *p, size_t n, size_t room)
{
	if (n > room)
		abort();
	return read(fd, p, n);
}

ssize_t
__pread_chk(int fd, void *p, size_t n, off_t at, size_t room)
{
	if (n > room)
		abort();
	return pread(fd, p, n, at);
}

int
fstat(int fd, struct stat *st)
{
	struct fate f;

	if (ours(fd)) {
		f = next("fstat");
		if (before(&f))
			return -1;
	}
	return stat_of(fd, "", st, AT_EMPTY_PATH);
}

int
fstatat(int dir, const char *name, struct stat *st, int flags)
{
	char path[PATH];
	struct fate f;

	full_path(dir, name, path);
	if (below(path)) {
		f = next("fstatat");
		if (before(&f))
			return -1;
	}
	return stat_of(dir, name, st, flags);
}

int
fstatfs(int fd, struct statfs *st)
{
	struct fate f;

	if (ours(fd)) {
		f = next("fstatfs");
		if (before(&f))
			return -1;
	}
	return (int)syscall(SYS_fstatfs, fd, st);
}

/* The one call that cannot be made without the C library. */
struct dirent *
readdir(DIR *d)
{
	struct dirent *(*real)(DIR *);
	struct fate f;
	void *p;

	if (ours(dirfd(d))) {
		f = next("readdir");
		if (before(&f))
			return NULL;
	}
	p = dlsym(RTLD_NEXT, "readdir");
	memcpy(&real, &p, sizeof real);
	return real(d);
}

#define ONE_FD(NAME, VERB, ARGS, FD, CALL)                                     \
	int NAME ARGS                                                          \
	{                                                                      \
		char path[PATH];                                               \
		unsigned long ino;                                             \
		struct fate f;                                                 \
		int rc;                                                        \
                                                                               \
		if (!ours(FD))                                                 \
			return (int)(CALL);                                    \
		f = next(#NAME);                                               \
		path_of(FD, path);                                             \
		ino = inode(FD);                                               \
		if (before(&f)) {                                              \
			if (VERB[0] == 'c')                                    \
				(void)(CALL);                                  \
			errno = f.error;                                       \
			return -1;                                             \
		}                                                              \
		rc = (int)(CALL);                                              \
		if (rc == 0 && VERB[0] != 'c' && VERB[0] != 'l')               \
			record(VERB, ino, 0, path, NULL, 0);                   \
		return rc == 0 && after(&f) ? -1 : rc;                         \
	}

ONE_FD(fsync, "sync", (int fd), fd, syscall(SYS_fsync, fd))
ONE_FD(fdatasync, "sync", (int fd), fd, syscall(SYS_fdatasync, fd))
ONE_FD(close, "close", (int fd), fd, syscall(SYS_close, fd))
ONE_FD(flock, "lock", (int fd, int how), fd, syscall(SYS_flock, fd, how))

int
ftruncate(int fd, off_t size)
{
	char path[PATH];
	struct fate f;
	int rc;

	if (!ours(fd))
		return (int)syscall(SYS_ftruncate, fd, size);
	f = next("ftruncate");
	if (before(&f))
		return -1;
	rc = (int)syscall(SYS_ftruncate, fd, size);
	path_of(fd, path);
	if (rc == 0)
		record("cut", inode(fd), size, path, NULL, 0);
	return rc == 0 && after(&f) ? -1 : rc;
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	char path[PATH];
	struct fate f;
	int rc;

	full_path(dir, name, path);
	if (!below(path))
		return (int)syscall(SYS_mkdirat, dir, name, mode);
	f = next("mkdirat");
	if (before(&f))
		return -1;
	rc = (int)syscall(SYS_mkdirat, dir, name, mode);
	if (rc == 0)
		record_entry("folder", dir, name);
	return rc == 0 && after(&f) ? -1 : rc;
}

int
linkat(int from, const char *old, int to, const char *name, int flags)
{
	char path[PATH];
	struct fate f;
	int rc;

	full_path(to, name, path);
	if (!below(path))
		return (int)syscall(SYS_linkat, from, old, to, name, flags);
	f = next("linkat");
	if (before(&f))
		return -1;
	rc = (int)syscall(SYS_linkat, from, old, to, name, flags);
	if (rc == 0)
		record_entry("entry", to, name);
	return rc == 0 && after(&f) ? -1 : rc;
}

int
renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
	char path[PATH], gone[PATH];
	struct fate f;
	int rc;

	full_path(to, name, path);
	if (!below(path))
		return (int)syscall(SYS_renameat2, from, old, to, name, flags);
	f = next("renameat");
	if (before(&f))
		return -1;
	full_path(from, old, gone);
	rc = (int)syscall(SYS_renameat2, from, old, to, name, flags);
	if (rc == 0) {
		record_entry("entry", to, name);
		record("gone", 0, 0, gone, NULL, 0);
	}
	return rc == 0 && after(&f) ? -1 : rc;
}

int
renameat(int from, const char *old, int to, const char *name)
{
	return renameat2(from, old, to, name, 0);
}

int
unlinkat(int dir, const char *name, int flags)
{
	char path[PATH];
	struct fate f;
	int rc;

	full_path(dir, name, path);
	if (!below(path))
		return (int)syscall(SYS_unlinkat, dir, name, flags);
	f = next("unlinkat");
	if (before(&f))
		return -1;
	rc = (int)syscall(SYS_unlinkat, dir, name, flags);
	if (rc == 0)
		record("gone", 0, 0, path, NULL, 0);
	return rc == 0 && after(&f) ? -1 : rc;
}

int
fcntl(int fd, int cmd, ...)
{
	struct fate f;
	va_list ap;
	void *arg;
	int rc;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (cmd != F_OFD_SETLK || !ours(fd))
		return (int)syscall(SYS_fcntl, fd, cmd, arg);
	f = next("fcntl");
	if (before(&f))
		return -1;
	rc = (int)syscall(SYS_fcntl, fd, cmd, arg);
	return rc == 0 && after(&f) ? -1 : rc;
}
