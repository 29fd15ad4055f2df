/* file.h - the only open, write, fsync, link and rename of data.
 * Every result is checked, that of close as well.  close is never repeated,
 * since on Linux the descriptor is gone.  EINTR and short writes are dealt with
 * here.  Unless a block says otherwise, every function may fail with H5_E_IO (a
 * system call failed) and blocks for the disk. */
#ifndef H5_SYSTEM_FILE_H
#define H5_SYSTEM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/log.h"

/* h5_file_read(dirfd, path, out, e): append a regular file to out, whose
 * ceiling is the limit.  Follows no link, and never blocks on a FIFO.  One open
 * and one reading: what comes out stood there at one moment.
 * H5_E_NOTFOUND: nothing is there.
 * H5_E_INPUT: not a regular file, or too large.
 * H5_E_BUSY: it was written to meanwhile. */
H5_MUST_CHECK enum h5_code h5_file_read(
    int dirfd, const char *path, struct h5_buf *out, struct h5_err *e);

/* h5_file_read_secret(path, out, e): the same for a file that holds a secret.
 * H5_E_CONFIG: others may read it, or its group may.  Only a group that is the
 * program's own may, of a file that root owns.  e->msg has the chmod that mends
 * it. */
H5_MUST_CHECK enum h5_code h5_file_read_secret(
    const char *path, struct h5_buf *out, struct h5_err *e);

/* h5_file_secret_mode(path, st, e): that rule alone. */
H5_MUST_CHECK enum h5_code h5_file_secret_mode(
    const char *path, const struct stat *st, struct h5_err *e);

/* h5_file_write(fd, p, n, e): write all n bytes. */
H5_MUST_CHECK enum h5_code h5_file_write(
    int fd, const void *p, size_t n, struct h5_err *e);

/* h5_file_sync(fd, e), h5_file_sync_data(fd, e): fsync, fdatasync.  Never call
 * them again for a descriptor whose sync failed: the kernel has dropped the
 * pages. */
H5_MUST_CHECK enum h5_code h5_file_sync(int fd, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_file_sync_data(int fd, struct h5_err *e);

/* h5_file_close(fd, e): close *fd, which may be -1, and set it to -1. */
H5_MUST_CHECK enum h5_code h5_file_close(int *fd, struct h5_err *e);

/* h5_file_drop(fd): close *fd where nothing can be lost by it: it was only
 * read, or has failed already. */
void h5_file_drop(int *fd);

/* h5_file_create(dirfd, name, p, n, mode, e): make a new file of n bytes, whole
 * and durable together with its name.
 * H5_E_EXISTS: the name is taken.
 * H5_E_NOTFOUND: its folder does not exist.
 * H5_E_IO: there is no file; or the folder could not be synced, and there is a
 * whole file that a power cut may take away.  It is not removed then, since
 * somebody may have built on it. */
H5_MUST_CHECK enum h5_code h5_file_create(int dirfd, const char *name,
    const void *p, size_t n, mode_t mode, struct h5_err *e);

/* h5_file_replace(dirfd, name, p, n, mode, e): put a file of n bytes in the
 * place of another one, in one step; durable. */
H5_MUST_CHECK enum h5_code h5_file_replace(int dirfd, const char *name,
    const void *p, size_t n, mode_t mode, struct h5_err *e);

/* Whose a file becomes that root makes for another account. */
struct h5_file_as {
	uid_t uid; /* (uid_t)-1: ours */
	gid_t gid; /* (gid_t)-1: ours */
	mode_t mode; /* whatever the umask says */
};
/* h5_file_put(path, p, n, as, e): h5_file_replace, with an owner: the file
 * never has its name without it.  Durable. */
H5_MUST_CHECK enum h5_code h5_file_put(const char *path, const void *p,
    size_t n, const struct h5_file_as *as, struct h5_err *e);
/* h5_file_put_folder(path, as, e): a folder likewise.  One that is there stays
 * as it is.  H5_E_NOTFOUND: the folder above it is missing. */
H5_MUST_CHECK enum h5_code h5_file_put_folder(
    const char *path, const struct h5_file_as *as, struct h5_err *e);

/* h5_file_mkdir(dirfd, name, e): make a folder of mode 0700; durable.  One that
 * is there already will do. */
H5_MUST_CHECK enum h5_code h5_file_mkdir(
    int dirfd, const char *name, struct h5_err *e);

/* --- for the store: files of our own, below a folder of our own ----------- */

/* A file is ours if it is a regular file with one name that belongs to this
 * program's user. */

/* h5_file_open(dirfd, path, flags, fd, size, e): open a file of ours.  flags:
 * O_RDONLY or O_RDWR, with O_APPEND or O_CREAT (mode 0600).  Follows no link
 * and never blocks.
 * H5_E_NOTFOUND: nothing is there.
 * H5_E_INPUT: it is not ours. */
H5_MUST_CHECK enum h5_code h5_file_open(int dirfd, const char *path, int flags,
    int *fd, size_t *size, struct h5_err *e);

/* h5_file_folder(dirfd, path, fd, e): open a folder of ours that is closed to
 * others.
 * H5_E_NOTFOUND: nothing is there.
 * H5_E_CONFIG: a link, not ours, or open to others. */
H5_MUST_CHECK enum h5_code h5_file_folder(
    int dirfd, const char *path, int *fd, struct h5_err *e);

/* h5_file_folder_mend(dirfd, path, name, log, fd, e): the same, but a folder of
 * ours that is open to others is closed to them, as panels and FTP programs
 * open them: its mode loses what others may, and gains nothing.  That is logged
 * under name (log: NULL: it is not).  For folders that are known to be a
 * store's.
 * H5_E_NOTFOUND: nothing is there.
 * H5_E_CONFIG: a link, not ours, or its mode cannot be changed. */
H5_MUST_CHECK enum h5_code h5_file_folder_mend(int dirfd, const char *path,
    const char *name, const struct h5_log *log, int *fd, struct h5_err *e);

/* h5_file_bare(dirfd, path, shut, e): is this a folder of ours with nothing in
 * it, whatever its mode?  shut: close it to others.
 * H5_E_NOTFOUND: nothing is there.
 * H5_E_CONFIG: a link, not ours, or not empty. */
H5_MUST_CHECK enum h5_code h5_file_bare(
    int dirfd, const char *path, bool shut, struct h5_err *e);

/* h5_file_sync_folder(dirfd, path, e): make a folder's entries durable. */
H5_MUST_CHECK enum h5_code h5_file_sync_folder(
    int dirfd, const char *path, struct h5_err *e);

/* h5_file_slurp(fd, from, n, out, e): append n bytes from that offset to out,
 * or fewer if the file ends before. */
H5_MUST_CHECK enum h5_code h5_file_slurp(
    int fd, size_t from, size_t n, struct h5_buf *out, struct h5_err *e);

/* h5_file_look(fd, look, e): which file it is, and how it is now.  stamp is
 * another number after any change of the file. */
struct h5_file_look {
	uint64_t ino;
	uint64_t stamp;
	size_t size;
	bool named; /* false: removed or replaced meanwhile */
};
H5_MUST_CHECK enum h5_code h5_file_look(
    int fd, struct h5_file_look *look, struct h5_err *e);

/* h5_file_read_at(fd, at, to, n, e): n bytes from that offset on; what lies
 * behind the end of the file is zeros. */
H5_MUST_CHECK enum h5_code h5_file_read_at(
    int fd, size_t at, void *to, size_t n, struct h5_err *e);

/* h5_file_write_at(fd, at, p, n, e): write all n bytes from that offset on. */
H5_MUST_CHECK enum h5_code h5_file_write_at(
    int fd, size_t at, const void *p, size_t n, struct h5_err *e);

/* h5_file_add_line(fd, line, e): append line and LF to a file that was opened
 * with O_APPEND and that others append to as well.  The torn line of another
 * writer stays a line of its own. */
H5_MUST_CHECK enum h5_code h5_file_add_line(
    int fd, const char *line, struct h5_err *e);

/* h5_file_cut(fd, size, e): drop what is behind size bytes. */
H5_MUST_CHECK enum h5_code h5_file_cut(int fd, size_t size, struct h5_err *e);

/* h5_file_spoil(fd, at): overwrite the byte there with '!'.  It is the last
 * means to make a line unreadable that could not be cut off. */
void h5_file_spoil(int fd, size_t at);

/* h5_file_lock(fd, how, wait_ms, e): flock, LOCK_SH or LOCK_EX.  The lock
 * belongs to the open file, so it holds between threads as well.  Blocks for
 * wait_ms at most, and tries again after growing pauses.
 * H5_E_BUSY: somebody else still holds it. */
H5_MUST_CHECK enum h5_code h5_file_lock(
    int fd, int how, int wait_ms, struct h5_err *e);

/* h5_file_unlock(fd): give the lock up before the close, since a forked child
 * may still hold a copy of the descriptor for a moment. */
void h5_file_unlock(int fd);

/* h5_file_lock_byte(fd, at, wait_ms, e): the same for one byte, by an OFD
 * lock. */
H5_MUST_CHECK enum h5_code h5_file_lock_byte(
    int fd, uint64_t at, int wait_ms, struct h5_err *e);

/* h5_file_rename(dirfd, from, to, e): put a file, synced before, in the place
 * of another one in the same folder; durable. */
H5_MUST_CHECK enum h5_code h5_file_rename(
    int dirfd, const char *from, const char *to, struct h5_err *e);

/* h5_file_remove(dirfd, path, e): unlink; what is not there is gone already. */
H5_MUST_CHECK enum h5_code h5_file_remove(
    int dirfd, const char *path, struct h5_err *e);

/* h5_file_flag(dir, name, since): did somebody who may write as us put a
 * regular file of ours called name into dir, at or after since (Unix seconds)
 * and not later than now?  dir has to be a folder of ours that nobody else may
 * write into.  Both times of the file count, the one that can be set and the
 * one that cannot. */
bool h5_file_flag(const char *dir, const char *name, int64_t since);

/* h5_file_older(dirfd, name, t): is it a regular file that was last written
 * before t (Unix seconds)? */
bool h5_file_older(int dirfd, const char *name, int64_t t);

/* h5_file_network(fd): the name of the network file system it lies on, whose
 * locks and appends cannot be relied on; NULL: it lies on none. */
const char *h5_file_network(int fd);

/* h5_file_list(fd, each, arg, e): call each(arg, name) for every entry of a
 * folder except "." and "..".  A result other than H5_OK ends the walk and is
 * handed up. */
typedef enum h5_code (*h5_file_each_fn)(
    void *arg, const char *name, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_file_list(
    int fd, h5_file_each_fn each, void *arg, struct h5_err *e);

/* h5_file_mkdir_unsynced(dirfd, name, e): h5_file_mkdir for many at once; not
 * durable before the folder above is synced. */
H5_MUST_CHECK enum h5_code h5_file_mkdir_unsynced(
    int dirfd, const char *name, struct h5_err *e);

/* h5_file_below(path, root): does path, with its links resolved, lie below
 * root?  For the rule that nothing secret lies below DOCUMENT_ROOT. */
bool h5_file_below(const char *path, const char *root);

/* h5_file_exposed(path, bits): do all accounts have these bits (of 07) on it,
 * and can they get there through every folder above? */
bool h5_file_exposed(const char *path, mode_t bits);

#endif
