/* worker.h - answers requests: one as plain CGI, many with threads as FastCGI.
 */
#ifndef H5_CGI_BIN_RUN_WORKER_H
#define H5_CGI_BIN_RUN_WORKER_H

#include "cgi-bin/run/run.h"

/* h5_worker_once(run): plain CGI.  Exit status. */
int h5_worker_once(struct h5_run *run);
/* h5_worker_serve(run): FastCGI with threads until told to stop.  The signals
 * of h5_worker_signals are blocked.  Exit status. */
int h5_worker_serve(struct h5_run *run);
/* h5_worker_signal(sfd): the next signal of a signalfd that does not block; 0:
 * none.  -1: one is there and cannot be read; since it would be told again and
 * again, that is a reason to leave, too. */
int h5_worker_signal(int sfd);
/* h5_worker_threads(p, c): how many. */
int h5_worker_threads(const struct h5_program *p, const struct h5_config *c);

#endif
