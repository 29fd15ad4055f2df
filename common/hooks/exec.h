/* exec.h - the shop's own program, run for one event.
 * No shell, a clean environment, JSON on stdin, a deadline.  Private to
 * hooks. */
#ifndef H5_HOOKS_EXEC_H
#define H5_HOOKS_EXEC_H

#include <stddef.h>

#include "common/base/err.h"

#define H5_EXEC_SAID 200 /* bytes of its output that are kept */

/* h5_exec_run(path, env, in, n, timeout_ms, said, e): run path with env
 * (NULL-terminated) as its whole environment and n bytes of in on its stdin.
 * said: the beginning of what it printed, which helps to find the reason of a
 * failure; NUL-terminated.  Blocks for timeout_ms at most.
 * H5_OK: it exited 0.
 * H5_E_NET: it exited otherwise, a signal ended it, it cannot be run, or it was
 * killed after timeout_ms; e->msg says which.
 * H5_E_IO: no process could be made. */
H5_MUST_CHECK enum h5_code h5_exec_run(const char *path, char *const *env,
    const char *in, size_t n, int timeout_ms, char said[H5_EXEC_SAID + 1],
    struct h5_err *e);

#endif
