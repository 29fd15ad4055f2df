/* launch.h - starts other programs.  It links no curl.
 * Deliveries ("h5pay sweep --order ID") begin after the reply is flushed, in
 * a process of their own with every descriptor closed, so that a slow shop
 * never holds a web program.  Safe in a process with many threads. */
#ifndef H5_HOOKS_LAUNCH_H
#define H5_HOOKS_LAUNCH_H

#include "common/base/buf.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/log.h"

/* h5_launch_find(c, out, e): the path of h5pay: server.command, else beside the
 * program, in its parent folder, or /usr/bin/h5pay, /usr/local/bin/h5pay.
 * H5_E_NOTFOUND. */
H5_MUST_CHECK enum h5_code h5_launch_find(
    const struct h5_config *c, struct h5_buf *out, struct h5_err *e);
/* h5_launch_deliver(c, log, id): start it; failure is logged and harmless,
 * since sweep takes up what is left. */
void h5_launch_deliver(
    const struct h5_config *c, const struct h5_log *log, const char *id);

/* h5_launch_sweep(c, log): "h5pay sweep --for 10", for a shop without cron; its
 * failure is logged and harmless likewise. */
void h5_launch_sweep(const struct h5_config *c, const struct h5_log *log);

/* h5_launch_try(argv, limit_ms, words, e): run argv[0] (a path) to its end, at
 * most limit_ms; what it writes to stderr is appended to words.  H5_OK: it
 * exited 0.  H5_E_STATE: it exited otherwise.  H5_E_BUSY: it was killed at the
 * limit.  H5_E_IO: it could not be started.  Blocks. */
H5_MUST_CHECK enum h5_code h5_launch_try(
    char *const argv[], int limit_ms, struct h5_buf *words, struct h5_err *e);

#endif
