/* help.h - what the unit tests of the formats share.  Include it first: it
 * brings cmocka with what that needs. */
#ifndef TESTS_UNIT_HELP_H
#define TESTS_UNIT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Fails with the row's name, so that a table says which line of it broke. */
#define ROW(name, condition)                                                   \
	do {                                                                   \
		if (!(condition))                                              \
			fail_msg("row \"%s\": %s", (name), #condition);        \
	} while (0)

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* fixture(path, n): a file's bytes and a NUL; free() it.  Fails the test if
 * it cannot be read whole. */
static inline char *
fixture(const char *path, size_t *n)
{
	FILE *file = fopen(path, "rb");
	char *bytes = malloc(1 << 20);

	if (file == NULL || bytes == NULL)
		fail_msg("cannot read %s", path);
	*n = fread(bytes, 1, (1 << 20) - 1, file);
	bytes[*n] = '\0';
	(void)fclose(file);
	if (*n == 0 || *n == (1 << 20) - 1)
		fail_msg("%s is empty or too long", path);
	return bytes;
}

static inline int
help_remove_one(
    const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* help_remove(dir): a test's folder with all that is in it. */
static inline void
help_remove(const char *dir)
{
	assert_int_equal(
	    nftw(dir, help_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
