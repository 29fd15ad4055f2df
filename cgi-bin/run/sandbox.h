/* sandbox.h - takes from a process what it may no longer do. */
#ifndef H5_CGI_BIN_RUN_SANDBOX_H
#define H5_CGI_BIN_RUN_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi-bin/run/run.h"

/* h5_sandbox_alone(run, site): for a program without a supervisor, before it
 * has threads.  site: what it serves, or NULL.  False: it failed, with
 * errno. */
H5_MUST_CHECK bool h5_sandbox_alone(
    const struct h5_run *run, const struct h5_site *site);

/* h5_sandbox_worker(run): for a worker, before it has threads.  If the kernel
 * has Landlock and no request can name another configuration, a worker reaches
 * its store, its log, what it must read and, if it talks with WeChat, the
 * gateway's ports; it starts nothing.  If that cannot be closed, it is logged
 * and the worker serves all the same.  False: it failed, with errno. */
H5_MUST_CHECK bool h5_sandbox_worker(const struct h5_run *run);

/* h5_sandbox_stamp(run): a stamp of the files and folders that workers may use.
 * If it changes, one of them was replaced and the workers are to be renewed. */
uint64_t h5_sandbox_stamp(const struct h5_run *run);

/* h5_sandbox_say(run): write to the log how far workers are closed in, or why
 * not. */
void h5_sandbox_say(struct h5_run *run);

#endif
