/* flush.c - linked into the programs of make cover, so that what they ran is
 * counted: gcov writes its counts at exit, which a confined worker may not, and
 * which does not come where a process ends by _exit or becomes another.  Weak:
 * not every program has all of it. */
#include <unistd.h>

#include "common/system/landlock.h"

#ifndef H5_COVER_TREE
#define H5_COVER_TREE "build-cover"
#endif

#define WEAK __attribute__((weak))

/* gcov.h, which not every compiler has. */
extern void __gcov_dump(void);
extern void __gcov_reset(void);

extern enum h5_code h5_landlock_allow(struct h5_landlock *l, const char *path,
    enum h5_landlock_may may, struct h5_err *e) WEAK;
extern enum h5_code __real_h5_landlock_enforce(
    struct h5_landlock *l, struct h5_err *e) WEAK;
extern void __real__exit(int status) __attribute__((noreturn));
extern int __real_execve(
    const char *path, char *const argv[], char *const env[]);

enum h5_code __wrap_h5_landlock_enforce(
    struct h5_landlock *l, struct h5_err *e);
void __wrap__exit(int status) __attribute__((noreturn));
int __wrap_execve(const char *path, char *const argv[], char *const env[]);

enum h5_code
__wrap_h5_landlock_enforce(struct h5_landlock *l, struct h5_err *e)
{
	enum h5_code rc =
	    h5_landlock_allow(l, H5_COVER_TREE, H5_LANDLOCK_KEEP, e);

	return rc == H5_OK ? __real_h5_landlock_enforce(l, e) : rc;
}

void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

int
__wrap_execve(const char *path, char *const argv[], char *const env[])
{
	__gcov_dump();
	__gcov_reset(); /* or it is counted twice if this fails */
	return __real_execve(path, argv, env);
}
