/* sites.h - a configuration and everything that belongs to it.
 * One process may serve several of them; its requests name them. */
#ifndef H5_CGI_BIN_RUN_SITES_H
#define H5_CGI_BIN_RUN_SITES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/shop/kept.h"
#include "common/web/program.h"

/* A site never changes once it is published, except that a store which could
 * not be opened may be opened later: app.st is set, then ready. */
struct h5_site {
	struct h5_site *next;
	char *key; /* H5PAY_CONF of the requests it serves; "": the default */
	struct h5_app app;
	struct h5_kept kept;
	uint64_t stamp;
	pthread_mutex_t opening;
	_Atomic bool ready;
	_Atomic int64_t swept_ms; /* when we last looked at the last sweep */
};

struct h5_sites {
	const struct h5_program *program;
	const char *option; /* -c, or NULL */
	bool once; /* plain CGI: one request, nothing to watch */
	bool fixed; /* -c or the environment names it, so requests may not */
	struct h5_app bare; /* without a configuration: for error pages */
	pthread_mutex_t loading;
	_Atomic(struct h5_site *) first;
	char *failed_key; /* that could not be used a moment ago */
	int64_t failed_ms;
};

/* h5_sites_init(s, p, option, once): begin without a configuration or pages. */
void h5_sites_init(struct h5_sites *s, const struct h5_program *p,
    const char *option, bool once);
void h5_sites_release(struct h5_sites *s);

/* h5_sites_get(s, conf, out, e): the site for requests that carry conf ("":
 * none), which is loaded when it is first met.  Safe in many threads.
 * H5_E_CONFIG: it cannot be used; every fault was logged, at most once a
 * second. */
H5_MUST_CHECK enum h5_code h5_sites_get(struct h5_sites *s, const char *conf,
    struct h5_site **out, struct h5_err *e);

/* h5_sites_bare(s, out): what answers without a configuration.  Its pages are
 * loaded by the first call, and belong to s.  They are NULL for a program that
 * shows none, and if memory ran out. */
void h5_sites_bare(struct h5_sites *s, struct h5_app *out);
/* h5_site_has_store(site): is its store open, or there to be opened? */
bool h5_site_has_store(struct h5_site *site);

/* h5_site_open(site, e): open its store, or make it; nothing if it is open.
 * Errors as h5_store_open. */
H5_MUST_CHECK enum h5_code h5_site_open(struct h5_site *site, struct h5_err *e);

/* h5_sites_log(s): the log for what concerns the process as a whole. */
const struct h5_log *h5_sites_log(struct h5_sites *s);

/* h5_sites_check(p, option): do what -t does: check configuration, catalogue,
 * templates and OpenSSL, and print every fault to stderr.  True: all is
 * good. */
bool h5_sites_check(const struct h5_program *p, const char *option);

#endif
