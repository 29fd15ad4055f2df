/* supervisor.h - keeps worker processes running that share one socket. */
#ifndef H5_CGI_BIN_RUN_SUPERVISOR_H
#define H5_CGI_BIN_RUN_SUPERVISOR_H

#include "cgi-bin/run/run.h"

/* h5_supervisor_run(run, n): run n worker processes over one socket, and return
 * the exit status.  It returns in the workers as well. */
int h5_supervisor_run(struct h5_run *run, int n);

#endif
