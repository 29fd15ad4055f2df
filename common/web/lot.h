/* lot.h - where connections wait until their request has come whole, so that a
 * slow sender holds no thread.
 * A process has one for all its threads.  Private to fcgi.c and to whoever
 * makes one. */
#ifndef H5_WEB_LOT_H
#define H5_WEB_LOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct h5_lot;

/* h5_lot_new(body_max, wait_ms, out, e): make one.  A request whose body has
 * more than body_max bytes does not wait for the rest of them, and none waits
 * longer than wait_ms.
 * H5_E_IO: there are no descriptors.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_lot_new(
    size_t body_max, int wait_ms, struct h5_lot **out, struct h5_err *e);
/* h5_lot_free(lot): close the connections that still wait, and free it. */
void h5_lot_free(struct h5_lot *lot);

/* h5_lot_fd(lot): readable when h5_lot_take may have something. */
int h5_lot_fd(const struct h5_lot *lot);
/* h5_lot_empty(lot): does no connection wait? */
bool h5_lot_empty(struct h5_lot *lot);
/* h5_lot_keep(lot, fd): take the connection over.  False: its request is there
 * already, or there is no room; it still belongs to the caller. */
bool h5_lot_keep(struct h5_lot *lot, int fd);
/* h5_lot_take(lot, since, late): a connection that has waited enough; -1: there
 * is none.  *since: when it came, of h5_clock_mono_ms.  *late: it has waited
 * not for its end, but for its time: what did not come by now is not to be
 * waited for. */
int h5_lot_take(struct h5_lot *lot, int64_t *since, bool *late);

#endif
