/* launch.h - starts other programs of ours.  It links no curl.
 * Deliveries ("h5pay sweep --order ID") begin after the reply has been sent, in
 * a process of their own with every descriptor closed, so that a slow shop
 * never holds up a web program.  All of it is safe in a process with many
 * threads. */
#ifndef H5_HOOKS_LAUNCH_H
#define H5_HOOKS_LAUNCH_H

#include "common/base/buf.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/log.h"

/* h5_launch_find(c, out, e): the path of h5pay.  That is server.command if it
 * is set; else the first that can be run of: beside the program, in its parent
 * folder, /usr/bin/h5pay, /usr/local/bin/h5pay.
 * H5_E_NOTFOUND: none of them can be run. */
H5_MUST_CHECK enum h5_code h5_launch_find(
    const struct h5_config *c, struct h5_buf *out, struct h5_err *e);

/* h5_launch_deliver(c, log, id, ask): start the delivery of one order's events.
 * ask: WeChat is asked about its payment before.  A failure is logged and
 * harmless, since a sweep takes up what is left. */
void h5_launch_deliver(const struct h5_config *c, const struct h5_log *log,
    const char *id, bool ask);

/* h5_launch_sweep(c, log): start "h5pay sweep --for 10", for a shop without
 * cron.  A failure is logged and harmless as well. */
void h5_launch_sweep(const struct h5_config *c, const struct h5_log *log);

/* h5_launch_try(argv, limit_ms, words, e): run argv[0] (a path) to its end, at
 * most limit_ms.  What it writes to stderr is appended to words.  Blocks.
 * H5_OK: it exited 0.
 * H5_E_STATE: it exited otherwise.
 * H5_E_BUSY: it was killed at the limit.
 * H5_E_IO: it could not be started. */
H5_MUST_CHECK enum h5_code h5_launch_try(
    char *const argv[], int limit_ms, struct h5_buf *words, struct h5_err *e);

#endif
