/* sandbox.h - what a process may no longer do. */
#ifndef H5_CGI_BIN_RUN_SANDBOX_H
#define H5_CGI_BIN_RUN_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi-bin/run/run.h"

/* h5_sandbox_alone(run, site): of a program without supervisor, before it has
 * threads.  site: what it serves, NULL without one.  false: errno. */
H5_MUST_CHECK bool h5_sandbox_alone(
    const struct h5_run *run, const struct h5_site *site);
/* h5_sandbox_worker(run): of a worker, before it has threads.  Where the kernel
 * has Landlock and the configuration cannot be another one tomorrow, a worker
 * reaches its store, its log, what it must read, and, if it talks with WeChat,
 * the gateway's ports; it runs nothing.  Failing that is logged and borne.
 * false: errno. */
H5_MUST_CHECK bool h5_sandbox_worker(const struct h5_run *run);
/* h5_sandbox_stamp(run): of the files and folders that workers were let at;
 * when it changes, one was replaced, and they are to be renewed. */
uint64_t h5_sandbox_stamp(const struct h5_run *run);
/* h5_sandbox_say(run): in the log: the level, or why there is none. */
void h5_sandbox_say(struct h5_run *run);

#endif
