/* where.h - the store in a folder, as h5_store_open wants it named. */
#ifndef TESTS_UNIT_WHERE_H
#define TESTS_UNIT_WHERE_H

#include <stdint.h>

#include "common/store/store.h"

#define WHERE(folder)                                                          \
	(&(const struct h5_store_where){.dir = (char *)(uintptr_t)(folder),    \
	    .budget_ms = H5_STORE_BUDGET_MS})

#endif
