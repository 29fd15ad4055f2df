/* process.h - the only fork and exec of the product's own programs and the
 * shop's.  The one other fork is the supervisor's, which starts no program.
 * A program that is started here gets null, pipes or nothing on the first
 * three descriptors and no other descriptor of ours, the signals as a fresh
 * program expects them, and the folder "/".  No shell is involved.  Safe in a
 * process with many threads. */
#ifndef H5_SYSTEM_PROCESS_H
#define H5_SYSTEM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct h5_process {
	const char *path;
	char *const *argv; /* argv[0] need not be path; NULL-terminated */
	char *const *env; /* its whole environment; NULL: ours */
	const char *in; /* for its stdin; NULL: /dev/null */
	size_t n; /* bytes of in */
	bool mute; /* what it writes to stdout is not kept */
};

/* How a program ended. */
struct h5_process_end {
	bool late; /* it was killed at the limit, with its children */
	int status; /* exit status; -1: a signal ended it */
	int signal; /* that signal, or 0 */
};

#define H5_PROCESS_NOT_RUN 127 /* status of one that could not be run */

/* h5_process_run(p, limit_ms, said, end, e): run p to its end, as the leader of
 * a process group.  It need not read its stdin.  Blocks for limit_ms at most.
 * said: initialised by the caller; gets the beginning of what p wrote, as far
 * as its ceiling goes.  The rest is read and thrown away.
 * H5_OK: it was started, and end tells what became of it.
 * H5_E_IO: it could not be started (no process, no pipe). */
H5_MUST_CHECK enum h5_code h5_process_run(const struct h5_process *p,
    int limit_ms, struct h5_buf *said, struct h5_process_end *end,
    struct h5_err *e);

/* h5_process_detach(path, argv, env, e): start it in a session of its own.
 * Nobody waits for it, and it outlives us.
 * H5_OK: a process for it was made; whether it can be run is not known.
 * H5_E_IO: none was made. */
H5_MUST_CHECK enum h5_code h5_process_detach(
    const char *path, char *const *argv, char *const *env, struct h5_err *e);

#endif
