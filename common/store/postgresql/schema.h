/* schema.h - the tables of a store.  Private to the plug-in. */
#ifndef H5_STORE_POSTGRESQL_SCHEMA_H
#define H5_STORE_POSTGRESQL_SCHEMA_H

#include "common/store/postgresql/pg.h"

/* h5_schema_print(out): append the statements that make the store, for somebody
 * who carries them out himself. */
void h5_schema_print(struct h5_buf *out);

/* h5_schema_make(w, accept, e): make the store; what is there already stays.
 * accept: the database may be another one than the one written to before.
 * H5_E_CONFIG: the database is not fit for it, or must not be changed by us.
 * H5_E_IO: it was not reached. */
H5_MUST_CHECK enum h5_code h5_schema_make(
    const struct h5_store_where *w, bool accept, struct h5_err *e);

#endif
