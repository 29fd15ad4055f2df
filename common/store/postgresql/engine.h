/* engine.h - the engine of PostgreSQL, as its own files and its plug-in know
 * it. */
#ifndef H5_STORE_POSTGRESQL_ENGINE_H
#define H5_STORE_POSTGRESQL_ENGINE_H

#include "common/store/engine.h"

extern const struct h5_store_engine h5_store_postgresql;

#endif
