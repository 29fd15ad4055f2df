/* worker.h - answers requests: one as plain CGI, or many, with threads, as
 * FastCGI. */
#ifndef H5_CGI_BIN_RUN_WORKER_H
#define H5_CGI_BIN_RUN_WORKER_H

#include <signal.h>

#include "cgi-bin/run/run.h"

/* h5_worker_once(run): answer one request of plain CGI; returns the exit
 * status. */
int h5_worker_once(struct h5_run *run);

/* h5_worker_serve(run): answer FastCGI requests with threads until told to
 * stop; returns the exit status.  run->again: the socket is still open, for the
 * caller to start over.  The caller has blocked the signals that it listens
 * for. */
int h5_worker_serve(struct h5_run *run);

/* h5_worker_signals(set): those that tell a process to leave. */
void h5_worker_signals(sigset_t *set);

/* h5_worker_signal(sfd): the next signal of a signalfd that does not block; 0:
 * there is none.  -1: one is there and cannot be read; since it would be told
 * again and again, that is a reason to leave as well. */
int h5_worker_signal(int sfd);

/* h5_worker_threads(p, c): how many threads a process has. */
int h5_worker_threads(const struct h5_program *p, const struct h5_config *c);

#endif
