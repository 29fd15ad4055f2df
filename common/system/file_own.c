/* The part of file.h that the store needs: files and folders of our own, and
 * locks on them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/system/file.h"
#include "common/base/sum.h"

#define PAUSE_MAX_MS 20
#define REPLACED 8 /* times that a file may be replaced meanwhile */

/* --- opening -------------------------------------------------------------- */

static enum h5_code
open_failed(const char *path, struct h5_err *e)
{
	if (errno == ENOENT)
		return h5_err_sys(
		    e, H5_E_NOTFOUND, errno, "cannot open %s", path);
	if (errno == ELOOP)
		return h5_err_set(e, H5_E_INPUT, "%s is a symbolic link", path);
	return h5_err_sys(e, H5_E_IO, errno, "cannot open %s", path);
}

enum h5_code
h5_file_open(int dirfd, const char *path, int flags, int *fd, size_t *size,
    struct h5_err *e)
{
	struct stat st;
	enum h5_code rc = H5_OK;
	int turn = 0, failed;

	*size = 0;
	/* A file that was replaced or removed just now is opened again, or not
	 * found. */
	do {
		/* O_NONBLOCK for a FIFO, O_NOCTTY for a terminal that somebody
		 * planted under the name. */
		*fd = openat(dirfd, path,
		    flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		    0600);
		if (*fd < 0)
			return open_failed(path, e);
		failed = fstat(*fd, &st);
		if (failed == 0 && st.st_nlink == 0)
			h5_file_drop(fd);
	} while (*fd < 0 && ++turn < REPLACED);
	if (*fd < 0)
		return h5_err_set(
		    e, H5_E_INPUT, "%s is replaced all the time", path);
	if (failed != 0)
		rc = h5_err_sys(e, H5_E_IO, errno, "fstat %s", path);
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		 st.st_nlink != 1 || st.st_size < 0)
		rc = h5_err_set(e, H5_E_INPUT,
		    "%s is not a regular file of ours with a single name",
		    path);
	else
		*size = (size_t)st.st_size;
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

static enum h5_code
nothing_there(void *arg, const char *name, struct h5_err *e)
{
	(void)arg;
	return h5_err_set(e, H5_E_CONFIG, "it is not empty (%s)", name);
}

enum h5_code
h5_file_bare(int dirfd, const char *path, bool shut, struct h5_err *e)
{
	struct stat st;
	enum h5_code rc = H5_OK;
	/* Not h5_file_folder: that refuses a folder which others may look into,
	 * and just such a one is meant here. */
	int fd;

	fd = openat(
	    dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return open_failed(path, e);
	if (fd < 0)
		return h5_err_sys(e, H5_E_CONFIG, errno, "%s", path);
	if (fstat(fd, &st) != 0)
		rc = h5_err_sys(e, H5_E_IO, errno, "fstat %s", path);
	else if (st.st_uid != geteuid())
		rc = h5_err_set(
		    e, H5_E_CONFIG, "%s does not belong to us", path);
	if (rc == H5_OK)
		rc = h5_file_list(fd, nothing_there, NULL, e);
	/* Only after the look: a folder with something in it keeps its
	 * rights. */
	if (rc == H5_OK && shut && fchmod(fd, 0700) != 0)
		rc = h5_err_sys(e, H5_E_IO, errno, "chmod 700 %s", path);
	h5_file_drop(&fd);
	return rc;
}

/* A folder of ours, whatever its mode. */
static enum h5_code
open_folder(
    int dirfd, const char *path, int *fd, mode_t *mode, struct h5_err *e)
{
	struct stat st;
	enum h5_code rc = H5_OK;

	*mode = 0;
	*fd = openat(
	    dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return h5_err_set(e, H5_E_CONFIG,
		    "%s is not a folder (it may be a symbolic link)", path);
	if (*fd < 0)
		return open_failed(path, e);
	if (fstat(*fd, &st) != 0)
		rc = h5_err_sys(e, H5_E_IO, errno, "fstat %s", path);
	else if (st.st_uid != geteuid())
		rc = h5_err_set(e, H5_E_CONFIG,
		    "%s belongs to user %u, but this runs as user %u", path,
		    (unsigned)st.st_uid, (unsigned)geteuid());
	else
		*mode = st.st_mode & 07777;
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

enum h5_code
h5_file_folder(int dirfd, const char *path, int *fd, struct h5_err *e)
{
	enum h5_code rc;
	mode_t mode;

	rc = open_folder(dirfd, path, fd, &mode, e);
	if (rc == H5_OK && (mode & 077) != 0) {
		h5_file_drop(fd);
		rc = h5_err_set(e, H5_E_CONFIG,
		    "%s is open to others: chmod 700 %s", path, path);
	}
	return rc;
}

enum h5_code
h5_file_folder_mend(int dirfd, const char *path, const char *name,
    const struct h5_log *log, int *fd, struct h5_err *e)
{
	char was[16], now[16];
	enum h5_code rc;
	mode_t mode;

	rc = open_folder(dirfd, path, fd, &mode, e);
	if (rc != H5_OK || (mode & 077) == 0)
		return rc;
	/* By the descriptor, so that nobody can put a link in between. */
	if (fchmod(*fd, mode & 0700) != 0) {
		rc = h5_err_sys(e, H5_E_CONFIG, errno,
		    "%s is open to others, and cannot be closed: chmod 700 %s",
		    name, name);
		h5_file_drop(fd);
		return rc;
	}
	(void)snprintf(was, sizeof was, "%o", (unsigned)mode);
	(void)snprintf(now, sizeof now, "%o", (unsigned)mode & 0700);
	if (log != NULL)
		h5_log_event(log, H5_LOG_WARN, "mode-mended", "path", name,
		    "was", was, "now", now, NULL);
	return H5_OK;
}

enum h5_code
h5_file_sync_folder(int dirfd, const char *path, struct h5_err *e)
{
	enum h5_code rc;
	mode_t mode;
	int fd;

	/* Its mode is the matter of whoever opens it for what is inside. */
	rc = open_folder(dirfd, path, &fd, &mode, e);
	if (rc == H5_OK)
		rc = h5_file_sync(fd, e);
	h5_file_drop(&fd);
	return rc;
}

/* --- content -------------------------------------------------------------- */

enum h5_code
h5_file_slurp(
    int fd, size_t from, size_t n, struct h5_buf *out, struct h5_err *e)
{
	ssize_t got;
	char *to;

	while (n > 0) {
		/* The room for the rest is taken at once, so that a large file
		 * is not copied while the buffer grows. */
		to = h5_buf_room(out, n);
		if (to == NULL)
			return h5_buf_finish(out, e);
		got = pread(fd, to, n, (off_t)from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return h5_err_sys(e, H5_E_IO, errno, "read");
		/* The file became shorter; what was read is what there is. */
		if (got == 0)
			return H5_OK;
		h5_buf_commit(out, (size_t)got);
		from += (size_t)got;
		n -= (size_t)got;
	}
	return H5_OK;
}

enum h5_code
h5_file_look(int fd, struct h5_file_look *look, struct h5_err *e)
{
	uint64_t seen[3];
	struct stat st;

	memset(look, 0, sizeof *look);
	if (fstat(fd, &st) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "fstat");
	/* Size and change time together: a write within one tick of the clock
	 * changes at least the size. */
	seen[0] = (uint64_t)st.st_size;
	seen[1] = (uint64_t)st.st_ctim.tv_sec;
	seen[2] = (uint64_t)st.st_ctim.tv_nsec;
	look->ino = (uint64_t)st.st_ino;
	look->size = (size_t)st.st_size;
	look->named = st.st_nlink > 0;
	look->stamp = h5_sum_64(seen, sizeof seen, look->ino);
	return H5_OK;
}

enum h5_code
h5_file_read_at(int fd, size_t at, void *to, size_t n, struct h5_err *e)
{
	ssize_t got;

	memset(to, 0, n);
	do
		got = pread(fd, to, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got < 0 ? h5_err_sys(e, H5_E_IO, errno, "pread") : H5_OK;
}

enum h5_code
h5_file_write_at(int fd, size_t at, const void *p, size_t n, struct h5_err *e)
{
	/* lseek and write, not pwrite: h5_file_write repeats until all is
	 * written. */
	if (lseek(fd, (off_t)at, SEEK_SET) < 0)
		return h5_err_sys(e, H5_E_IO, errno, "lseek");
	return h5_file_write(fd, p, n, e);
}

/* Is the byte before the n bytes just appended the end of a line? */
static bool
began_a_line(int fd, size_t n)
{
	off_t end = lseek(fd, 0, SEEK_CUR);
	char before = '\0';

	if (end < 0 || (size_t)end < n)
		return false;
	/* The line is the first of the file. */
	if ((size_t)end == n)
		return true;
	return pread(fd, &before, 1, end - (off_t)n - 1) == 1 && before == '\n';
}

enum h5_code
h5_file_add_line(int fd, const char *line, struct h5_err *e)
{
	struct h5_buf b;
	enum h5_code rc;

	/* The line feed in front is only used when it is needed. */
	h5_buf_init(&b, 256);
	h5_buf_printf(&b, "\n%s\n", line);
	rc = h5_buf_finish(&b, e);
	if (rc == H5_OK)
		rc = h5_file_write(fd, b.data + 1, b.len - 1, e);
	/* It was glued to what a killed writer left: once more, apart. */
	if (rc == H5_OK && !began_a_line(fd, b.len - 1))
		rc = h5_file_write(fd, b.data, b.len, e);
	h5_buf_release(&b);
	return rc;
}

enum h5_code
h5_file_cut(int fd, size_t size, struct h5_err *e)
{
	while (ftruncate(fd, (off_t)size) != 0)
		if (errno != EINTR)
			return h5_err_sys(e, H5_E_IO, errno, "ftruncate");
	return H5_OK;
}

void
h5_file_spoil(int fd, size_t at)
{
	ssize_t n;

	/* One byte is enough to make the checksum of the line wrong. */
	do
		n = pwrite(fd, "!", 1, (off_t)at);
	while (n < 0 && errno == EINTR);
}

/* --- locks ---------------------------------------------------------------- */

/* One try; true when it is settled, either way. */
static bool
settled(int failed, enum h5_code *rc, struct h5_err *e)
{
	*rc = H5_OK;
	if (failed == 0)
		return true;
	/* EACCES is what fcntl says for EWOULDBLOCK. */
	if (errno == EINTR || errno == EWOULDBLOCK || errno == EACCES)
		return false;
	*rc = h5_err_sys(e, H5_E_IO, errno, "lock");
	return true;
}

/* Waits before the next try; false: the time is up.  Waiting in the kernel
 * cannot be bounded without a signal, so it is done in growing pauses. */
static bool
wait_more(int64_t until, int *pause_ms)
{
	int64_t left = until - h5_clock_mono_ms();

	if (left <= 0)
		return false;
	h5_clock_pause_ms(left < *pause_ms ? (int)left : *pause_ms);
	/* The pauses begin with 1 ms, since most locks are free again very
	 * soon. */
	if (*pause_ms < PAUSE_MAX_MS)
		(*pause_ms)++;
	return true;
}

enum h5_code
h5_file_lock(int fd, int how, int wait_ms, struct h5_err *e)
{
	int64_t until = -1;
	int pause_ms = 1;
	enum h5_code rc;

	for (;;) {
		if (settled(flock(fd, how | LOCK_NB), &rc, e))
			return rc;
		/* The clock is looked at only when the lock is not free. */
		if (until < 0)
			until = h5_clock_mono_ms() + wait_ms;
		if (!wait_more(until, &pause_ms))
			return h5_err_set(
			    e, H5_E_BUSY, "another process holds the lock");
	}
}

void
h5_file_unlock(int fd)
{
	if (fd >= 0)
		(void)flock(fd, LOCK_UN);
}

enum h5_code
h5_file_lock_byte(int fd, uint64_t at, int wait_ms, struct h5_err *e)
{
	struct flock fl = {0};
	int64_t until = -1;
	int pause_ms = 1;
	enum h5_code rc;

	fl.l_type = F_WRLCK;
	fl.l_whence = SEEK_SET;
	/* The offset is signed, so two bits are cut off. */
	fl.l_start = (off_t)(at & 0x3fffffffffffffff);
	fl.l_len = 1;
	for (;;) {
		if (settled(fcntl(fd, F_OFD_SETLK, &fl), &rc, e))
			return rc;
		if (until < 0)
			until = h5_clock_mono_ms() + wait_ms;
		if (!wait_more(until, &pause_ms))
			return h5_err_set(
			    e, H5_E_BUSY, "another process holds the lock");
	}
}

/* --- folders -------------------------------------------------------------- */

enum h5_code
h5_file_remove(int dirfd, const char *path, struct h5_err *e)
{
	/* It is gone, whoever removed it. */
	if (unlinkat(dirfd, path, 0) != 0 && errno != ENOENT)
		return h5_err_sys(e, H5_E_IO, errno, "cannot remove %s", path);
	return H5_OK;
}

static bool
between(time_t t, int64_t since, int64_t now)
{
	return (int64_t)t >= since && (int64_t)t <= now;
}

bool
h5_file_flag(const char *dir, const char *name, int64_t since)
{
	int64_t now = h5_clock_now();
	struct stat st;
	bool set = false;
	int at, fd = -1;
	size_t size;

	/* Somebody who may write into the folder could set the flag, so it must
	 * be ours alone. */
	at = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at >= 0 && fstat(at, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	    h5_file_open(at, name, O_RDONLY, &fd, &size, NULL) == H5_OK)
		set = fstat(fd, &st) == 0 && between(st.st_mtime, since, now) &&
		      between(st.st_ctime, since, now);
	h5_file_drop(&fd);
	h5_file_drop(&at);
	return set;
}

bool
h5_file_older(int dirfd, const char *name, int64_t t)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (int64_t)st.st_mtim.tv_sec < t;
}

const char *
h5_file_network(int fd)
{
	struct statfs fs;

	/* An unknown file system is taken for a local one; h5_store_probe tries
	 * its locks. */
	if (fstatfs(fd, &fs) != 0)
		return NULL;
	switch ((unsigned long)fs.f_type & 0xffffffff) {
	case 0x6969:
		return "NFS";
	case 0x517b:
	case 0xfe534d42:
	case 0xff534d42:
		return "SMB";
	case 0x01021997:
		return "9p";
	case 0x5346414f:
		return "AFS";
	default:
		return NULL;
	}
}

enum h5_code
h5_file_list(int fd, h5_file_each_fn each, void *arg, struct h5_err *e)
{
	struct dirent *entry;
	enum h5_code rc = H5_OK;
	DIR *d;
	int own;

	/* A descriptor of its own: closedir closes it, and the caller keeps the
	 * other. */
	own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return h5_err_sys(e, H5_E_IO, errno, "cannot list a folder");
	d = fdopendir(own);
	if (d == NULL) {
		rc = h5_err_sys(e, H5_E_IO, errno, "cannot list a folder");
		(void)close(own);
		return rc;
	}
	while (rc == H5_OK) {
		/* readdir tells of a failure by errno alone. */
		errno = 0;
		entry = readdir(d);
		if (entry == NULL && errno != 0)
			rc = h5_err_sys(
			    e, H5_E_IO, errno, "cannot list a folder");
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = each(arg, entry->d_name, e);
	}
	(void)closedir(d);
	return rc;
}
