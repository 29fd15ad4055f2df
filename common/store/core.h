/* core.h - the open store, for the files of the core. */
#ifndef H5_STORE_CORE_H
#define H5_STORE_CORE_H

#include <stdint.h>

#include "common/store/engine.h"
#include "common/store/store.h"

struct h5_store {
	const struct h5_store_engine *engine;
	void *own; /* the engine's */
	unsigned hooks;
	int budget_ms;
	int query_gap_s;
	int64_t until_ms; /* of h5_clock_mono_ms; 0: each call's own alone */
};

struct h5_store_hold {
	const struct h5_store_engine *engine;
	void *own; /* the engine's */
};

#endif
