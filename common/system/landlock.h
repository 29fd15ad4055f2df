/* landlock.h - the kernel's own sandbox, for files and TCP.
 * It is used by raw system calls, so neither a library nor the kernel's header
 * is needed; on older systems that header lacks half of this.  What the running
 * kernel does not know yet stays open; h5_landlock_level tells.
 *
 * Call h5_landlock_new, then allow what stays allowed, then
 * h5_landlock_enforce.  A rule holds for the file or folder that the path leads
 * to now, and not for one that takes its name later. */
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

/* h5_landlock_level(): the level of the running kernel; 0: it has no Landlock,
 * or it may not be used. */
int h5_landlock_level(void);

/* h5_landlock_new(out, e): begin with nothing allowed.
 * H5_E_STATE: this kernel has no Landlock.
 * H5_E_IO: the kernel refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_landlock_new(
    struct h5_landlock **out, struct h5_err *e);
void h5_landlock_free(struct h5_landlock *l);

/* h5_landlock_allow(l, path, may, e): allow that for path.
 * H5_E_NOTFOUND: nothing is there.
 * H5_E_IO: the kernel refused. */
H5_MUST_CHECK enum h5_code h5_landlock_allow(struct h5_landlock *l,
    const char *path, enum h5_landlock_may may, struct h5_err *e);

/* h5_landlock_connect(l, port, e): allow TCP to that port of any host. */
H5_MUST_CHECK enum h5_code h5_landlock_connect(
    struct h5_landlock *l, unsigned port, struct h5_err *e);

/* h5_landlock_enforce(l, e): close everything else, for this thread and what it
 * starts, for ever.  Nothing can be executed any more.  no_new_privs must be
 * set. */
H5_MUST_CHECK enum h5_code h5_landlock_enforce(
    struct h5_landlock *l, struct h5_err *e);

#endif
