/* hook_exec.h - runs the shop's program for one event.  Private to
 * hooks.
 * No shell, a clean environment, JSON on stdin, a deadline.  What it prints
 * is read and thrown away but for its first words, which help the one who
 * looks for the reason of a failure. */
#ifndef H5_SYSTEM_PROCESS_H
#define H5_SYSTEM_PROCESS_H

#include <stddef.h>

#include "common/base/err.h"

#define H5_HOOK_EXEC_SAID 200 /* bytes of its output that are kept */

/* h5_hook_exec_run(path, env, in, n, timeout_ms, said, e): run path with env
 * (NULL-terminated) as its whole environment and n bytes of in on its stdin,
 * as the leader of a process group, in the folder "/".  said: the beginning
 * of what it printed, NUL-terminated.
 * H5_OK: exit status 0.  H5_E_NET: another status, a signal, not to be run,
 * or still there after timeout_ms: then its group gets SIGKILL.  H5_E_IO: no
 * process or pipe to be had.  Blocks up to timeout_ms.  In a program with
 * threads, only one of them may call it. */
H5_MUST_CHECK enum h5_code h5_hook_exec_run(const char *path, char *const *env,
    const char *in, size_t n, int timeout_ms, char said[H5_HOOK_EXEC_SAID + 1],
    struct h5_err *e);

#endif
