/* Opens, writes, syncs, links and renames, each in the order that survives a
 * power cut. */
#include "common/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* ".tmp-", the number of the process, 16 digits. */
#define NAME 64 /* temporary names, and NUL */
#define TRIES 16

/* --- reading -------------------------------------------------------------- */

/* What openat's errno means to a caller. */
static enum h5_code
open_failed(const char *path, struct h5_err *e)
{
	enum h5_code rc = H5_E_IO;

	/* A part of the path that is no folder: the file is not there
	 * either. */
	if (errno == ENOENT || errno == ENOTDIR)
		rc = H5_E_NOTFOUND;
	else if (errno == ELOOP)
		return h5_err_set(e, H5_E_INPUT, "%s is a symbolic link", path);
	return h5_err_sys(e, rc, errno, "cannot open %s", path);
}

/* O_NONBLOCK: a FIFO planted under the name must not hang the program. */
static enum h5_code
open_plain(
    int dirfd, const char *path, int *fd, struct stat *st, struct h5_err *e)
{
	*fd =
	    openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return open_failed(path, e);
	if (fstat(*fd, st) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "fstat %s", path);
	if (!S_ISREG(st->st_mode))
		return h5_err_set(
		    e, H5_E_INPUT, "%s is not a regular file", path);
	return H5_OK;
}

/* What is read while somebody writes is part old and part new.  The times of
 * the inode are not asked: a rename over the name changes them and no byte. */
static enum h5_code
check_still(int fd, const char *path, const struct stat *then, struct h5_err *e)
{
	struct stat now;

	if (fstat(fd, &now) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "fstat %s", path);
	if (now.st_size == then->st_size &&
	    now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
		return H5_OK;
	return h5_err_set(
	    e, H5_E_BUSY, "%s was written to while it was read", path);
}

/* To the end of the file, which is as it was when st was taken. */
static enum h5_code
read_all(int fd, const char *path, const struct stat *st, struct h5_buf *out,
    struct h5_err *e)
{
	/* One byte more than the file has, so that its end is seen without
	 * another round. */
	size_t want = (size_t)st->st_size + 1, left;
	char over, *to;
	ssize_t n;

	for (;;) {
		left = out->max - out->len;
		want = want < left ? want : left;
		/* At the ceiling, one more byte tells whether the file ends
		 * here. */
		to = left > 0 ? h5_buf_room(out, want) : &over;
		if (to == NULL)
			return h5_buf_finish(out, e);
		n = read(fd, to, left > 0 ? want : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return h5_err_sys(e, H5_E_IO, errno, "read %s", path);
		if (n == 0)
			return check_still(fd, path, st, e);
		if (left == 0)
			return h5_err_set(e, H5_E_INPUT,
			    "%s is larger than %zu bytes", path, out->max);
		h5_buf_commit(out, (size_t)n);
		/* The end of the file is looked for in the room that is left.
		 * If the buffer grew for it, a copy of what may be a secret
		 * would be left behind. */
		want = out->cap - out->len - 1;
		if (want == 0)
			want = 4096;
	}
}

enum h5_code
h5_file_read(int dirfd, const char *path, struct h5_buf *out, struct h5_err *e)
{
	struct stat st;
	enum h5_code rc;
	int fd;

	rc = open_plain(dirfd, path, &fd, &st, e);
	if (rc == H5_OK)
		rc = read_all(fd, path, &st, out, e);
	h5_file_drop(&fd);
	return rc;
}

enum h5_code
h5_file_secret_mode(const char *path, const struct stat *st, struct h5_err *e)
{
	/* Others may do nothing with it, and the group may not write to it.
	 * The group may read it if root has given the file to the group of this
	 * program, which is often how a web server's account gets to its
	 * files. */
	if ((st->st_mode & 07) != 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "%s contains a secret and is open to others: chmod o= %s",
		    path, path);
	if ((st->st_mode & 020) != 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "%s contains a secret and its group can write to it: chmod "
		    "g-w %s",
		    path, path);
	if ((st->st_mode & 050) != 0 && st->st_uid != 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "%s contains a secret and a group can read it: chmod 600 "
		    "%s",
		    path, path);
	/* chmod 600 would shut the programs out: root owns the file. */
	if ((st->st_mode & 050) != 0 && st->st_gid != getegid())
		return h5_err_set(e, H5_E_CONFIG,
		    "%s contains a secret and group %u can read it, which is "
		    "not that of the programs: chgrp %u %s",
		    path, (unsigned)st->st_gid, (unsigned)getegid(), path);
	return H5_OK;
}

enum h5_code
h5_file_read_secret(const char *path, struct h5_buf *out, struct h5_err *e)
{
	struct stat st;
	enum h5_code rc;
	int fd;

	rc = open_plain(AT_FDCWD, path, &fd, &st, e);
	if (rc == H5_OK)
		rc = h5_file_secret_mode(path, &st, e);
	if (rc == H5_OK)
		rc = read_all(fd, path, &st, out, e);
	h5_file_drop(&fd);
	return rc;
}

/* --- writing -------------------------------------------------------------- */

enum h5_code
h5_file_write(int fd, const void *p, size_t n, struct h5_err *e)
{
	struct pollfd ready = {fd, POLLOUT, 0};
	const char *at = p;
	ssize_t done;

	while (n > 0) {
		done = write(fd, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		/* Never for a file; a program's stdout may be a pipe. */
		if (done < 0 && errno == EAGAIN) {
			if (poll(&ready, 1, -1) < 0 && errno != EINTR)
				return h5_err_sys(e, H5_E_IO, errno, "poll");
			continue;
		}
		if (done < 0)
			return h5_err_sys(e, H5_E_IO, errno, "write");
		/* No progress and no reason: stop, since trying again might go
		 * on for ever. */
		if (done == 0)
			return h5_err_set(
			    e, H5_E_IO, "write: no bytes were written");
		at += done;
		n -= (size_t)done;
	}
	return H5_OK;
}

enum h5_code
h5_file_sync(int fd, struct h5_err *e)
{
	if (fsync(fd) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "fsync");
	return H5_OK;
}

enum h5_code
h5_file_sync_data(int fd, struct h5_err *e)
{
	if (fdatasync(fd) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "fdatasync");
	return H5_OK;
}

enum h5_code
h5_file_close(int *fd, struct h5_err *e)
{
	int had = *fd;

	*fd = -1;
	/* Not repeated after a signal: on Linux the descriptor is gone by then,
	 * and its number may be somebody else's. */
	if (had >= 0 && close(had) != 0 && errno != EINTR)
		return h5_err_sys(e, H5_E_IO, errno, "close");
	return H5_OK;
}

void
h5_file_drop(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* --- whole new files ------------------------------------------------------ */

/* Opens the folder that path lies in; *name: its last part. */
static enum h5_code
open_parent(
    int dirfd, const char *path, int *fd, const char **name, struct h5_err *e)
{
	const char *slash = strrchr(path, '/');
	struct h5_buf parent;

	*name = slash == NULL ? path : slash + 1;
	h5_buf_init(&parent, PATH_MAX);
	if (slash == NULL)
		h5_buf_puts(&parent, ".");
	else
		h5_buf_add(
		    &parent, path, slash == path ? 1 : (size_t)(slash - path));
	*fd = -1;
	if (h5_buf_finish(&parent, e) != H5_OK)
		return parent.bad;
	/* The folder may be reached by a link; the file itself may not. */
	*fd = openat(dirfd, parent.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	h5_buf_release(&parent);
	if (*fd < 0)
		return h5_err_sys(e, errno == ENOENT ? H5_E_NOTFOUND : H5_E_IO,
		    errno, "cannot open the folder of %s", path);
	return H5_OK;
}

/* A new file under a name that nobody uses, ".tmp-<pid>-<random>". */
static enum h5_code
open_temp(int parent, mode_t mode, int *fd, char name[NAME], struct h5_err *e)
{
	unsigned long r;
	int i;

	/* Another thread has drawn the same name, so the next one is tried. */
	for (i = 0; i < TRIES; i++) {
		if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
			return h5_err_sys(e, H5_E_IO, errno, "getrandom");
		(void)snprintf(
		    name, NAME, ".tmp-%ld-%016lx", (long)getpid(), r);
		*fd = openat(parent, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (*fd >= 0)
			return H5_OK;
		if (errno != EEXIST)
			break;
	}
	name[0] = '\0';
	return h5_err_sys(e, H5_E_IO, errno, "cannot create a file");
}

/* A file without a name where the file system can, else a temporary one. */
static enum h5_code
open_new(int parent, mode_t mode, int *fd, char name[NAME], struct h5_err *e)
{
	name[0] = '\0';
	/* O_TMPFILE leaves nothing behind when the program is killed. */
	*fd = openat(parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (*fd >= 0)
		return H5_OK;
	/* These three say that the file system does not offer it. */
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return h5_err_sys(e, H5_E_IO, errno, "cannot create a file");
	return open_temp(parent, mode, fd, name, e);
}

/* Gives the finished file its name, unless that is taken.  A temporary name is
 * renamed, not linked, so that the file never has two. */
static enum h5_code
give_name(
    int parent, int fd, const char *temp, const char *name, struct h5_err *e)
{
	char self[NAME];
	int failed;

	if (temp[0] != '\0') {
		failed =
		    renameat2(parent, temp, parent, name, RENAME_NOREPLACE);
	} else {
		/* By way of /proc: linkat on a descriptor alone needs a
		 * privilege. */
		(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
		failed =
		    linkat(AT_FDCWD, self, parent, name, AT_SYMLINK_FOLLOW);
	}
	if (failed == 0)
		return H5_OK;
	return h5_err_sys(e, errno == EEXIST ? H5_E_EXISTS : H5_E_IO, errno,
	    "cannot name %s", name);
}

enum h5_code
h5_file_create(int dirfd, const char *name, const void *p, size_t n,
    mode_t mode, struct h5_err *e)
{
	char temp[NAME] = "";
	int parent = -1, fd = -1;
	struct h5_err why;
	const char *last;
	enum h5_code rc;

	rc = open_parent(dirfd, name, &parent, &last, e);
	if (rc == H5_OK)
		rc = open_new(parent, mode, &fd, temp, e);
	if (rc == H5_OK)
		rc = h5_file_write(fd, p, n, e);
	/* fsync, not fdatasync: a new file's size and blocks are metadata. */
	if (rc == H5_OK)
		rc = h5_file_sync(fd, e);
	if (rc == H5_OK) {
		rc = give_name(parent, fd, temp, last, e);
		if (rc == H5_OK)
			temp[0] = '\0';
	}
	/* The name is on disk only when the folder is. */
	if (rc == H5_OK)
		rc = h5_file_sync(parent, e);
	if (h5_file_close(&fd, &why) != H5_OK && rc == H5_OK)
		rc = h5_err_set(e, H5_E_IO, "%s: %s", name, why.msg);
	if (temp[0] != '\0')
		(void)unlinkat(parent, temp, 0);
	h5_file_drop(&parent);
	return rc;
}

static enum h5_code
own(int fd, const struct h5_file_as *as, const char *name, struct h5_err *e)
{
	if (as != NULL &&
	    (fchown(fd, as->uid, as->gid) != 0 || fchmod(fd, as->mode) != 0))
		return h5_err_sys(
		    e, H5_E_IO, errno, "cannot give %s its owner", name);
	return H5_OK;
}

/* as: NULL for ours, with the mode. */
static enum h5_code
replace(int dirfd, const char *name, const void *p, size_t n, mode_t mode,
    const struct h5_file_as *as, struct h5_err *e)
{
	char temp[NAME] = "";
	int parent = -1, fd = -1;
	struct h5_err why;
	const char *last;
	enum h5_code rc;

	rc = open_parent(dirfd, name, &parent, &last, e);
	if (rc == H5_OK)
		/* A name is needed here, since only a name can be renamed over
		 * another. */
		rc = open_temp(parent, mode, &fd, temp, e);
	if (rc == H5_OK)
		rc = h5_file_write(fd, p, n, e);
	if (rc == H5_OK)
		rc = own(fd, as, name, e);
	if (rc == H5_OK)
		rc = h5_file_sync(fd, e);
	/* Before the rename: a file that failed to close must not replace a
	 * good one. */
	if (h5_file_close(&fd, &why) != H5_OK && rc == H5_OK)
		rc = h5_err_set(e, H5_E_IO, "%s: %s", name, why.msg);
	if (rc == H5_OK) {
		if (renameat(parent, temp, parent, last) == 0)
			temp[0] = '\0';
		else
			rc = h5_err_sys(
			    e, H5_E_IO, errno, "cannot rename to %s", name);
	}
	if (rc == H5_OK)
		rc = h5_file_sync(parent, e);
	if (temp[0] != '\0')
		(void)unlinkat(parent, temp, 0);
	h5_file_drop(&parent);
	return rc;
}

enum h5_code
h5_file_replace(int dirfd, const char *name, const void *p, size_t n,
    mode_t mode, struct h5_err *e)
{
	return replace(dirfd, name, p, n, mode, NULL, e);
}

enum h5_code
h5_file_put(const char *path, const void *p, size_t n,
    const struct h5_file_as *as, struct h5_err *e)
{
	return replace(AT_FDCWD, path, p, n, 0600, as, e);
}

enum h5_code
h5_file_put_folder(
    const char *path, const struct h5_file_as *as, struct h5_err *e)
{
	const char *last;
	enum h5_code rc;
	int parent, fd;

	rc = open_parent(AT_FDCWD, path, &parent, &last, e);
	if (rc != H5_OK)
		return rc;
	if (mkdirat(parent, last, 0700) != 0) {
		if (errno != EEXIST)
			rc = h5_err_sys(
			    e, H5_E_IO, errno, "cannot make %s", path);
	} else {
		fd = openat(parent, last,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = fd < 0
			 ? h5_err_sys(e, H5_E_IO, errno, "cannot open %s", path)
			 : own(fd, as, path, e);
		h5_file_drop(&fd);
	}
	if (rc == H5_OK)
		rc = h5_file_sync(parent, e);
	h5_file_drop(&parent);
	return rc;
}

enum h5_code
h5_file_rename(int dirfd, const char *from, const char *to, struct h5_err *e)
{
	const char *last;
	enum h5_code rc;
	int parent;

	rc = open_parent(dirfd, to, &parent, &last, e);
	if (rc == H5_OK && renameat(dirfd, from, parent, last) != 0)
		rc = h5_err_sys(e, H5_E_IO, errno, "cannot rename to %s", to);
	if (rc == H5_OK)
		rc = h5_file_sync(parent, e);
	h5_file_drop(&parent);
	return rc;
}

enum h5_code
h5_file_mkdir(int dirfd, const char *name, struct h5_err *e)
{
	const char *last;
	enum h5_code rc;
	int parent;

	rc = open_parent(dirfd, name, &parent, &last, e);
	if (rc == H5_OK && mkdirat(parent, last, 0700) != 0 && errno != EEXIST)
		rc = h5_err_sys(e, H5_E_IO, errno, "cannot make %s", name);
	/* Also when it was there: whoever made it may have died before this. */
	if (rc == H5_OK)
		rc = h5_file_sync(parent, e);
	h5_file_drop(&parent);
	return rc;
}

enum h5_code
h5_file_mkdir_unsynced(int dirfd, const char *name, struct h5_err *e)
{
	if (mkdirat(dirfd, name, 0700) != 0 && errno != EEXIST)
		return h5_err_sys(e, errno == ENOENT ? H5_E_NOTFOUND : H5_E_IO,
		    errno, "cannot make %s", name);
	return H5_OK;
}

/* --- where a path leads --------------------------------------------------- */

/* Returns path with its links resolved.  If it does not exist yet, the nearest
 * folder above that does stands for it.  NULL: it cannot be told. */
static char *
resolve(const char *path)
{
	struct h5_buf b;
	char *real = NULL, *slash;

	h5_buf_init(&b, PATH_MAX);
	h5_buf_puts(&b, path);
	while (b.bad == H5_OK && b.len > 0) {
		real = realpath(b.data, NULL);
		if (real != NULL || errno != ENOENT)
			break;
		slash = strrchr(b.data, '/');
		/* A relative path without a folder above, or the root
		 * itself. */
		if (slash == NULL || slash == b.data)
			break;
		b.len = (size_t)(slash - b.data);
		*slash = '\0';
	}
	h5_buf_release(&b);
	return real;
}

bool
h5_file_below(const char *path, const char *root)
{
	char *p, *r;
	bool below;
	size_t n;

	if (path == NULL || root == NULL || root[0] == '\0')
		return false;
	/* The root must exist; the path need not, since it may be made
	 * later. */
	r = realpath(root, NULL);
	p = resolve(path);
	n = r != NULL ? strlen(r) : 0;
	below = r != NULL && p != NULL && strncmp(p, r, n) == 0 &&
		(p[n] == '\0' || p[n] == '/' || r[n - 1] == '/');
	free(p);
	free(r);
	return below;
}

bool
h5_file_exposed(const char *path, mode_t bits)
{
	char *real = realpath(path, NULL), *slash;
	struct stat st;
	bool open =
	    real != NULL && stat(real, &st) == 0 && (st.st_mode & bits) == bits;

	/* Each folder on the way must let others through, or the file is not
	 * reached. */
	while (open && strcmp(real, "/") != 0) {
		slash = strrchr(real, '/');
		slash[slash == real ? 1 : 0] = '\0';
		open = stat(real, &st) == 0 && (st.st_mode & S_IXOTH) != 0;
	}
	free(real);
	return open;
}
