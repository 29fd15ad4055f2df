/* reload.h - tells whether the configuration or the program was replaced. */
#ifndef H5_CGI_BIN_RUN_RELOAD_H
#define H5_CGI_BIN_RUN_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi-bin/run/sites.h"

struct h5_reload {
	struct h5_sites *sites;
	const struct h5_site *known; /* it and those before: not ours */
	char *exe; /* the path this program was started from */
	uint64_t exe_stamp; /* 0: not ours */
	uint64_t refused; /* the stamp of what did not pass -t */
	int64_t again_ms; /* when it is tried once more; 0: not as it is */
	bool without; /* this process began without a configuration */
};

void h5_reload_init(struct h5_reload *w, struct h5_sites *s);
void h5_reload_release(struct h5_reload *w);

/* h5_reload_leave(w): call it in a new worker.  The supervisor watches the
 * program and what is loaded by now, so the worker only watches what requests
 * will name. */
void h5_reload_leave(struct h5_reload *w);

/* h5_reload_look(w): is it time to leave, since a new pair of program and
 * configuration is there and passes its own -t?  One that does not pass is
 * logged once; one whose trial came to no end (on a busy machine, say) is tried
 * again.  Blocks for the trial. */
bool h5_reload_look(struct h5_reload *w);

/* h5_reload_anew(w): did this process begin without a configuration, and has it
 * got one since?  What is settled at a start (processes, threads, rights) was
 * settled without it, so the process starts over in its own place: the web
 * server that started it might not start another. */
bool h5_reload_anew(const struct h5_reload *w);

#endif
