/* serve.h - answers one request.
 * struct h5_serve holds what a thread keeps from one request to the next.  Set
 * run and fcgi, and everything else to 0. */
#ifndef H5_CGI_BIN_RUN_SERVE_H
#define H5_CGI_BIN_RUN_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi-bin/run/run.h"
#include "common/web/fcgi.h"

struct h5_serve {
	struct h5_run *run;
	struct h5_fcgi *fcgi;
	struct h5_site *site; /* the one that own was made for */
	void *own; /* what program->worker_new made */
	bool has_own;
	struct h5_site *root_site; /* nothing of it lies below root */
	char *root; /* the last document root that was checked */
	uint64_t id; /* of the last request; 0: before the first */
};

/* h5_serve_request(s, r): answer r, which was just accepted. */
void h5_serve_request(struct h5_serve *s, const struct h5_request *r);

/* h5_serve_last_words(s): answer the present request when there is no memory
 * for a better answer. */
void h5_serve_last_words(struct h5_serve *s);

/* h5_serve_release(s): free what was kept; run and fcgi are the caller's. */
void h5_serve_release(struct h5_serve *s);

#endif
