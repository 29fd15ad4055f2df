/* run.h - one run of a web program, from its start to its exit.
 *
 *   main -> (supervisor -> fork) -> worker: threads, each
 *   accept -> site -> method, size, syntax -> store -> handler -> answer
 *
 * The handlers know none of it: they get a struct h5_job (common/web). */
#ifndef H5_CGI_BIN_RUN_RUN_H
#define H5_CGI_BIN_RUN_RUN_H

#include "cgi-bin/run/delegate.h"
#include "cgi-bin/run/reload.h"
#include "cgi-bin/run/sites.h"

struct h5_run {
	struct h5_sites sites;
	struct h5_reload reload;
	struct h5_delegate delegate;
	char **argv; /* to start over with */
	bool again; /* what h5_worker_serve left for: to start over */
};

#endif
