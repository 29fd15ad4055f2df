/* Takes from a process what it will not need: new rights, other files, other
 * ports. */
#include "cgi-bin/run/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "common/base/length.h"
#include "common/system/file.h"
#include "common/system/landlock.h"
#include "common/config/stamp.h"
#include "common/format/url.h"

#define PATH_BYTES 4096
#define RULES_MAX 48
#define PORT_DNS 53 /* an answer too long for a datagram comes by TCP */

/* --- rights by set-uid and set-gid bits ----------------------------------- */

/* From now on no program that this process starts gains rights by such a
 * bit. */
static bool
no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool
h5_sandbox_alone(const struct h5_run *run, const struct h5_site *site)
{
	/* Deliveries are our children here, and their hook may be a mailer that
	 * lives by its set-gid bit. */
	if (site == NULL ? !run->sites.once : site->app.c->hooks.exec != NULL)
		return true;
	return no_new_privs();
}

/* --- whether the rest can be closed --------------------------------------- */

/* Why a worker is not closed in; NULL: it is. */
static const char *
open_why(const struct h5_run *run)
{
	if (run->delegate.site == NULL)
		return "server.processes is 0";
	if (!run->sites.fixed)
		return "requests may name other configurations: start it with "
		       "-c FILE or with H5PAY_CONF";
	if (h5_landlock_level() < H5_LANDLOCK_FILES)
		return "this kernel does not offer Landlock";
	/* h5_store_there makes no store, and for a store that is not there no
	 * rule can be made. */
	if (!h5_store_there(&run->delegate.site->app.c->store))
		return "the store does not exist before the first order";
	return NULL;
}

/* --- what a worker needs -------------------------------------------------- */

struct rule {
	char *path;
	enum h5_landlock_may may;
};

struct rules {
	struct rule v[RULES_MAX];
	size_t n;
	bool bad; /* no memory, or too many */
};

static void
release(struct rules *r)
{
	while (r->n > 0)
		free(r->v[--r->n].path);
}

static void
add(struct rules *r, const char *path, size_t len, enum h5_landlock_may may)
{
	/* A rule too many is told in the end, like a lack of memory. */
	char *copy = r->n < RULES_MAX ? strndup(path, len) : NULL;

	if (copy == NULL) {
		r->bad = true;
		return;
	}
	r->v[r->n].path = copy;
	r->v[r->n++].may = may;
}

static void
add_folder(struct rules *r, const char *path, enum h5_landlock_may may)
{
	add(r, path, strlen(path), may);
}

/* The length of the folder a path lies in. */
static size_t
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	/* "/" for a file in the root, and for a name without any folder. */
	return slash == NULL || slash == path ? 1 : (size_t)(slash - path);
}

/* True if the folder holds anything else that decides what runs, or with which
 * keys, or if it holds the store, which not every program may write to. */
static bool
holds_ours(const struct h5_config *c, const char *folder, const char *but)
{
	const char *fixed[] = {c->path, c->server.command, c->hooks.exec,
	    c->pages.templates, c->catalogue.file, c->store.dir,
	    "/proc/self/exe"};
	const size_t n = H5_LENGTH(fixed);
	const char *path;
	size_t i;

	for (i = 0; i < n + c->n_files; i++) {
		path = i < n ? fixed[i] : c->files[i - n];
		if (path != NULL && strcmp(path, but) != 0 &&
		    h5_file_below(path, folder))
			return true;
	}
	/* The root holds everything. */
	return strcmp(folder, "/") == 0;
}

/* A file that is replaced by another one under its name needs a rule for its
 * folder.  Where that would open what is none of the worker's business, the
 * rule is for the file alone, and the supervisor renews the workers when it was
 * replaced. */
static void
add_file(struct rules *r, const struct h5_config *c, const char *path,
    enum h5_landlock_may may)
{
	char *real = realpath(path, NULL), *folder;
	/* A file that is not there yet will be made under the name that was
	 * given. */
	const char *where = real == NULL ? path : real;

	folder = strndup(where, folder_of(where));
	if (folder == NULL)
		r->bad = true;
	else if (holds_ours(c, folder, path))
		add_folder(r, where, may);
	else
		add_folder(r, folder, may);
	free(folder);
	free(real);
}

/* Only the file itself may be read, since /etc holds much else.  If it is a
 * link, as resolv.conf often is, it is the folder in which its target is
 * replaced. */
static void
add_etc(struct rules *r, const char *path)
{
	char *real = realpath(path, NULL);

	/* No such file: the rule waits for one. */
	if (real == NULL)
		add_folder(r, path, H5_LANDLOCK_READ);
	else if (strncmp(real, "/etc/", 5) == 0)
		add_folder(r, real, H5_LANDLOCK_READ);
	else
		add(r, real, folder_of(real), H5_LANDLOCK_READ);
	free(real);
}

/* Libraries that are loaded when they are needed: name service, mostly. */
static void
add_system(struct rules *r)
{
	static const char *const folders[] = {"/lib", "/lib64", "/usr/lib",
	    "/usr/lib64", "/usr/local/lib", "/dev/urandom", "/etc/ld.so.cache"};
	/* Where they are not, no rule is needed. */
	size_t i;

	for (i = 0; i < H5_LENGTH(folders); i++)
		add_folder(r, folders[i], H5_LANDLOCK_READ);
	add_folder(r, "/dev/null", H5_LANDLOCK_KEEP);
#ifdef __SANITIZE_ADDRESS__
	/* It looks for leaks among the threads of the process. */
	add_folder(r, "/proc", H5_LANDLOCK_READ);
#endif
}

static void
add_resolver(struct rules *r)
{
	static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts",
	    "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf",
	    "/etc/services"};
	size_t i;

	for (i = 0; i < H5_LENGTH(files); i++)
		add_etc(r, files[i]);
}

static void
add_network(struct rules *r, const struct h5_config *c)
{
	static const char *const bundles[] = {"/etc/ssl", "/etc/pki",
	    "/etc/ca-certificates", "/usr/share/ca-certificates",
	    "/usr/local/share/ca-certificates", "/usr/local/share/certs"};
	size_t i;

	add_resolver(r);
	for (i = 0; i < H5_LENGTH(bundles); i++)
		add_folder(r, bundles[i], H5_LANDLOCK_READ);
	if (c->gateway.ca_file != NULL)
		add_file(r, c, c->gateway.ca_file, H5_LANDLOCK_READ);
}

/* What the engine of the orders reaches outside its folder. */
static void
add_database(struct rules *r, const struct h5_config *c, bool resolver)
{
	struct h5_store_needs needs;
	size_t i;

	if (h5_store_ready(&c->store, &needs, NULL) != H5_OK)
		return;
	for (i = 0; i < needs.n_files; i++)
		add_file(r, c, needs.files[i], H5_LANDLOCK_READ);
	if (needs.names && !resolver)
		add_resolver(r);
}

static void
collect(struct rules *r, const struct h5_app *app)
{
	const struct h5_program *p = app->program;
	const struct h5_config *c = app->c;
	struct h5_store_place local;

	memset(r, 0, sizeof *r);
	h5_store_local(&c->store, &local);
	/* The store first: allow_files counts on it. */
	add_folder(
	    r, local.folder, p->writes ? H5_LANDLOCK_KEEP : H5_LANDLOCK_READ);
	add_system(r);
	if (h5_config_log_path(c) != NULL)
		add_file(r, c, h5_config_log_path(c), H5_LANDLOCK_ADD);
	/* Always by its folder: it is read for each order, and a new price
	 * holds from the next one on. */
	if (p->catalogue && c->catalogue.file != NULL)
		add(r, c->catalogue.file, folder_of(c->catalogue.file),
		    H5_LANDLOCK_READ);
	if (p->gateway)
		add_network(r, c);
	add_database(r, c, p->gateway);
}

uint64_t
h5_sandbox_stamp(const struct h5_run *run)
{
	const struct h5_site *site = run->delegate.site;
	uint64_t h = 0;
	struct rules r;
	size_t i;

	/* Workers that are not confined need no renewal. */
	if (open_why(run) != NULL)
		return 0;
	collect(&r, &site->app);
	for (i = 0; i < r.n; i++)
		h = h5_stamp_mix(h, h5_stamp_place(r.v[i].path));
	release(&r);
	return h;
}

/* --- closing the rest ----------------------------------------------------- */

static enum h5_code
allow_url(struct h5_landlock *l, const char *url, struct h5_err *e)
{
	struct h5_url u;
	enum h5_code rc;

	if (url == NULL || *url == '\0')
		/* No backup host is configured. */
		return H5_OK;
	rc = h5_url_read(url, &u, e);
	if (rc == H5_OK)
		rc = h5_landlock_connect(l,
		    u.port != 0 ? u.port
		    : u.https	? 443
				: 80,
		    e);
	return rc;
}

static enum h5_code
allow_network(
    struct h5_landlock *l, const struct h5_config *c, struct h5_err *e)
{
	/* Names are looked up by TCP as well. */
	enum h5_code rc = h5_landlock_connect(l, PORT_DNS, e);

	if (rc == H5_OK)
		rc = allow_url(l, c->gateway.url, e);
	if (rc == H5_OK)
		rc = allow_url(l, c->gateway.backup_url, e);
	return rc;
}

static enum h5_code
allow_database(
    struct h5_landlock *l, const struct h5_config *c, struct h5_err *e)
{
	struct h5_store_needs needs;
	enum h5_code rc;
	size_t i;

	rc = h5_store_ready(&c->store, &needs, e);
	if (rc == H5_OK && needs.names)
		rc = h5_landlock_connect(l, PORT_DNS, e);
	for (i = 0; rc == H5_OK && i < needs.n_ports; i++)
		rc = h5_landlock_connect(l, needs.ports[i], e);
	return rc;
}

/* What is not there needs no rule; if it is made later, the workers are
 * renewed.  The store, however, must be there. */
static enum h5_code
allow_files(struct h5_landlock *l, const struct rules *r, struct h5_err *e)
{
	enum h5_code rc;
	size_t i;

	for (i = 0; i < r->n; i++) {
		rc = h5_landlock_allow(l, r->v[i].path, r->v[i].may, e);
		if (rc != H5_OK && (rc != H5_E_NOTFOUND || i == 0))
			return rc;
	}
	return r->bad ? h5_err_nomem(e) : H5_OK;
}

static enum h5_code
enter(struct h5_site *site, struct h5_err *e)
{
	struct h5_landlock *l = NULL;
	struct rules r;
	enum h5_code rc;

	collect(&r, &site->app);
	rc = h5_landlock_new(&l, e);
	if (rc == H5_OK)
		rc = allow_files(l, &r, e);
	if (rc == H5_OK && site->app.program->gateway)
		rc = allow_network(l, site->app.c, e);
	if (rc == H5_OK)
		rc = allow_database(l, site->app.c, e);
	if (rc == H5_OK)
		rc = h5_landlock_enforce(l, e);
	h5_landlock_free(l);
	release(&r);
	return rc;
}

/* --- who calls ------------------------------------------------------------ */

bool
h5_sandbox_worker(const struct h5_run *run)
{
	struct h5_site *site = run->delegate.site;
	struct h5_err e;

	if (!no_new_privs())
		/* Not an error: there are reasons not to close anything, and
		 * the log has told them. */
		return false;
	if (open_why(run) != NULL)
		return true;
	/* A shop that is not closed in but takes money is better than one that
	 * does neither. */
	if (enter(site, &e) != H5_OK)
		h5_log_event(&site->app.log, H5_LOG_WARN, "not-confined", "why",
		    e.msg, NULL);
	return true;
}

void
h5_sandbox_say(struct h5_run *run)
{
	const struct h5_log *log = h5_sites_log(&run->sites);
	const struct h5_program *p = run->sites.program;
	const char *why = open_why(run), *tcp = "none";
	int level = h5_landlock_level();

	if (why != NULL) {
		h5_log_event(
		    log, H5_LOG_INFO, "not-confined", "why", why, NULL);
		return;
	}
	if (level < H5_LANDLOCK_TCP)
		tcp = "open";
	else if (p->gateway)
		tcp = "gateway";
	h5_log_event(log, H5_LOG_INFO, "confined", "landlock",
	    H5_LOG_NUM(level), "store", p->writes ? "written" : "read", "tcp",
	    tcp, NULL);
}
