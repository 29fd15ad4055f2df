/* core.h - the open store, for the files of the core. */
#ifndef H5_STORE_CORE_H
#define H5_STORE_CORE_H

#include "common/store/engine.h"
#include "common/store/store.h"

struct h5_store {
	const struct h5_store_engine *engine;
	void *own; /* the engine's */
	unsigned hooks;
	int budget_ms;
};

struct h5_store_hold {
	const struct h5_store_engine *engine;
	void *own; /* the engine's */
};

#endif
