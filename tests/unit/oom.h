/* oom.h - each allocation in turn fails once.  Include it after help.h.
 * Afterwards the answer is "no memory" and nothing is left behind (a sanitizer
 * or valgrind sees what is).  A test that includes it is linked with
 * $(OOM_LDFLAGS). */
#ifndef TESTS_UNIT_OOM_H
#define TESTS_UNIT_OOM_H

#include <stdbool.h>

#include "common/base/err.h"

/* The linker puts these between the library and libc. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);

static long until_failure = -1; /* -1: none */

static bool
fails(void)
{
	if (until_failure < 0)
		return false;
	until_failure--;
	return until_failure < 0;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

/* fail_each(use, least): use succeeds with memory, and answers H5_E_NOMEM
 * whichever of its allocations (at least that many) fails. */
static inline void
fail_each(enum h5_code (*use)(struct h5_err *), long least)
{
	struct h5_err e;
	enum h5_code rc;
	long n;

	assert_int_equal(use(&e), H5_OK);
	for (n = 0; n < 1000; n++) {
		until_failure = n;
		rc = use(&e);
		if (until_failure >= 0)
			break;
		if (rc != H5_E_NOMEM)
			fail_msg("allocation %ld: %s", n, h5_err_name(rc));
	}
	until_failure = -1;
	assert_int_equal(rc, H5_OK);
	assert_true(n >= least);
}

#endif
