/* loads - nanoseconds of a look at an order of a store, by the library.
 *   loads STORE PREFIX FIRST COUNT TURNS
 * TURNS looks at orders PREFIX and eight digits, each at another one of COUNT,
 * which are there or not. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/store/store.h"
#include "tests/unit/where.h"

static long long
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

int
main(int argc, char **argv)
{
	long i, first, count, turns, found = 0;
	struct h5_order *o;
	struct h5_store *st;
	long long began;
	char id[64];

	if (argc != 6)
		return 64;
	first = strtol(argv[3], NULL, 10);
	count = strtol(argv[4], NULL, 10);
	turns = strtol(argv[5], NULL, 10);
	if (h5_store_open(WHERE(argv[1]), 0, &st, NULL) != H5_OK)
		return 1;
	began = now_ns();
	for (i = 0; i < turns; i++) {
		/* A prime step goes through all of them in no order. */
		(void)snprintf(id, sizeof id, "%s%08ld", argv[2],
		    first + i * 7919 % count);
		found += h5_store_load(st, id, &o, NULL) == H5_OK;
		h5_order_free(o);
	}
	(void)printf("%lld %ld\n", (now_ns() - began) / turns, found);
	h5_store_close(st);
	return 0;
}
