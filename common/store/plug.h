/* plug.h - which engine keeps a store. */
#ifndef H5_STORE_PLUG_H
#define H5_STORE_PLUG_H

#include "common/base/err.h"
#include "common/store/engine.h"

/* h5_store_engine(w, out, e): the engine that w names; the plug-in of one that
 * is not linked in is loaded.
 * H5_E_CONFIG: there is none of that name, or it is of another version. */
H5_MUST_CHECK enum h5_code h5_store_engine(const struct h5_store_where *w,
    const struct h5_store_engine **out, struct h5_err *e);

#endif
