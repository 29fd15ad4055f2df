/* launch.h - starts "h5pay sweep --order ID" detached.  Floor 2; no curl.
 * Deliveries begin after the reply is flushed, in a process of their own with
 * every descriptor closed, so that a slow shop never holds a web program. */
#ifndef H5_LAUNCH_H
#define H5_LAUNCH_H

#include "common/config.h"
#include "common/err.h"
#include "common/log.h"

/* h5_launch_find(c, out, e): the path of h5pay: server.command, else beside the
 * program, in its parent folder, or /usr/bin/h5pay, /usr/local/bin/h5pay.
 * H5_E_NOTFOUND. */
H5_MUST_CHECK enum h5_code h5_launch_find(
    const struct h5_config *c, struct h5_buf *out, struct h5_err *e);
/* h5_launch_deliver(c, log, id): start it; failure is logged and harmless,
 * since sweep takes up what is left. */
void h5_launch_deliver(
    const struct h5_config *c, const struct h5_log *log, const char *id);

#endif
