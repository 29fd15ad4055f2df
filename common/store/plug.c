/* Finds the engine of a store: files are linked in, others are plug-ins. */
#include "common/store/plug.h"

#include <stdio.h>
#include <string.h>

#include "common/system/plugin.h"

enum h5_code
h5_store_engine(const struct h5_store_where *w,
    const struct h5_store_engine **out, struct h5_err *e)
{
	const struct h5_store_engine *engine;
	const void *symbol;
	enum h5_code rc;
	char name[40];

	*out = &h5_store_files;
	if (w->engine == NULL || strcmp(w->engine, "files") == 0)
		return H5_OK;
	(void)snprintf(name, sizeof name, "store-%.24s", w->engine);
	rc = h5_plugin_open(name, H5_ENGINE_SYMBOL, &symbol, e);
	if (rc != H5_OK)
		return rc;
	engine = symbol;
	/* The number comes first: only it tells what the rest means. */
	if (engine->abi != H5_ENGINE_ABI || engine->size != sizeof *engine ||
	    strcmp(engine->version, H5_VERSION) != 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "the plug-in %s is of another build than h5pay " H5_VERSION
		    ": install both from one",
		    name);
	*out = engine;
	return H5_OK;
}
