/* supervisor.h - keeps worker processes running over one socket. */
#ifndef H5_CGI_BIN_RUN_SUPERVISOR_H
#define H5_CGI_BIN_RUN_SUPERVISOR_H

#include "cgi-bin/run/run.h"

/* h5_supervisor_run(run, n): n worker processes over one socket.  Exit
 * status; comes back in the workers too. */
int h5_supervisor_run(struct h5_run *run, int n);

#endif
