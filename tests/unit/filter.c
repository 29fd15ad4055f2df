/* filter.c - in every unit test program: runs those of its tests whose names
 * fit the pattern TEST of the environment, if there is one. */
#include "tests/unit/help.h"

__attribute__((constructor)) static void
choose_tests(void)
{
	const char *pattern = getenv("TEST");

	if (pattern != NULL && pattern[0] != '\0')
		cmocka_set_test_filter(pattern);
}
