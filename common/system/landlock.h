/* landlock.h - the kernel's own sandbox, for files and TCP.
 * Raw system calls, so no library is needed; the kernel's header is not
 * either, which on older systems lacks half of this.  What the running kernel
 * does not know yet stays open: h5_landlock_level tells.
 *
 * Calling order: h5_landlock_new, then what stays allowed, then
 * h5_landlock_enforce.  A rule holds for the file or folder that the path
 * leads to now, not for one that takes its name later. */
#ifndef H5_SYSTEM_LANDLOCK_H
#define H5_SYSTEM_LANDLOCK_H

#include "common/base/err.h"

struct h5_landlock;

/* The kernel's level ("ABI") from which on files can be closed off; TCP; other
 * processes, by signals and abstract sockets. */
#define H5_LANDLOCK_FILES 1
#define H5_LANDLOCK_TCP 4
#define H5_LANDLOCK_SCOPE 6

/* What a rule allows; of a folder, for all below it. */
enum h5_landlock_may {
	H5_LANDLOCK_READ, /* files and lists of files */
	H5_LANDLOCK_ADD, /* files may be written and made, not read */
	H5_LANDLOCK_KEEP /* read, write, make, cut and remove files */
};

/* h5_landlock_level(): of the running kernel; 0: there is none, or it may not
 * be used. */
int h5_landlock_level(void);
/* h5_landlock_new(out, e): nothing is allowed.  H5_E_STATE: no Landlock here.
 * H5_E_NOMEM, H5_E_IO. */
H5_MUST_CHECK enum h5_code h5_landlock_new(
    struct h5_landlock **out, struct h5_err *e);
void h5_landlock_free(struct h5_landlock *l);
/* h5_landlock_allow(l, path, may, e).  H5_E_NOTFOUND: nothing is there. */
H5_MUST_CHECK enum h5_code h5_landlock_allow(struct h5_landlock *l,
    const char *path, enum h5_landlock_may may, struct h5_err *e);
/* h5_landlock_connect(l, port, e): TCP to that port of any host. */
H5_MUST_CHECK enum h5_code h5_landlock_connect(
    struct h5_landlock *l, unsigned port, struct h5_err *e);
/* h5_landlock_enforce(l, e): for this thread and what it starts, for ever.
 * Nothing can be executed any more.  no_new_privs must be set. */
H5_MUST_CHECK enum h5_code h5_landlock_enforce(
    struct h5_landlock *l, struct h5_err *e);

#endif
