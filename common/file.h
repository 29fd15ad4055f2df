/* file.h - the only open, write, fsync, link and rename of data.  Floor 2.
 * Every result is checked, close included (never retried: on Linux the
 * descriptor is gone).  EINTR is looped over, short writes are finished. */
#ifndef H5_FILE_H
#define H5_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

/* h5_file_read(dirfd, path, out, e): a regular file whole into out (whose
 * ceiling is the limit).  O_NOFOLLOW, never blocks on a FIFO.
 * H5_E_NOTFOUND; H5_E_INPUT: not a regular file, too large; H5_E_IO. */
H5_MUST_CHECK enum h5_code h5_file_read(
    int dirfd, const char *path, struct h5_buf *out, struct h5_err *e);
/* h5_file_read_secret(path, out, e): the same for a file that holds a secret:
 * H5_E_CONFIG, with the chmod that mends it, when others may read it, or a
 * group may unless root owns it and the group is the program's own. */
H5_MUST_CHECK enum h5_code h5_file_read_secret(
    const char *path, struct h5_buf *out, struct h5_err *e);
/* h5_file_secret_mode(path, st, e): that rule alone. */
H5_MUST_CHECK enum h5_code h5_file_secret_mode(
    const char *path, const struct stat *st, struct h5_err *e);

/* h5_file_write(fd, p, n, e): all n bytes. */
H5_MUST_CHECK enum h5_code h5_file_write(
    int fd, const void *p, size_t n, struct h5_err *e);
/* h5_file_sync / _sync_data: fsync, fdatasync.  Never call again on an fd
 * whose sync failed: the kernel has dropped the pages. */
H5_MUST_CHECK enum h5_code h5_file_sync(int fd, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_file_sync_data(int fd, struct h5_err *e);
/* h5_file_close(fd, e): fd may be -1. */
H5_MUST_CHECK enum h5_code h5_file_close(int *fd, struct h5_err *e);

/* h5_file_create(dirfd, name, p, n, mode, e): a new file, complete and
 * durable, directory entry included, or nothing.  H5_E_EXISTS: taken. */
H5_MUST_CHECK enum h5_code h5_file_create(int dirfd, const char *name,
    const void *p, size_t n, mode_t mode, struct h5_err *e);
/* h5_file_replace(dirfd, name, p, n, mode, e): atomically, durable. */
H5_MUST_CHECK enum h5_code h5_file_replace(int dirfd, const char *name,
    const void *p, size_t n, mode_t mode, struct h5_err *e);
/* h5_file_mkdir(dirfd, name, e): mode 0700, durable; exists: fine. */
H5_MUST_CHECK enum h5_code h5_file_mkdir(
    int dirfd, const char *name, struct h5_err *e);
/* h5_file_below(path, root): does path, links resolved, lie below root?  For
 * the rule that nothing secret lies below DOCUMENT_ROOT. */
bool h5_file_below(const char *path, const char *root);

#endif
