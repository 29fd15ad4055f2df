/* Loads the configurations that a process serves, and opens their stores when
 * the first order comes. */
#include "cgi-bin/run/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/config/stamp.h"
#include "common/web/load.h"
#include "common/wechat/wechat.h"

#define PATH_BYTES 4096
#define SITES_MAX 16 /* one process serves few shops; a limit all the same */
#define AGAIN_MS 1000

/* --- loading --- */

/* For one request only what that request may need: a program with refusals
 * of its own shows no page. */
static enum h5_load_pages
pages_of(const struct h5_sites *s)
{
	if (!s->once)
		return H5_LOAD_PAGES;
	return s->program->refuse != NULL ? H5_LOAD_NO_PAGES
					  : H5_LOAD_PAGES_ONCE;
}

static void
free_site(struct h5_site *site)
{
	if (site == NULL)
		return;
	if (site->app.st != NULL)
		h5_store_close(site->app.st);
	h5_pages_free(site->app.pages);
	h5_config_free(site->app.c);
	h5_kept_release(&site->kept);
	(void)pthread_mutex_destroy(&site->opening);
	free(site->key);
	free(site);
}

/* One request of plain CGI that only reads signs nothing, unless its page has a
 * payment inside WeChat, which is signed in the page. */
static enum h5_code
make_ready(const struct h5_sites *s, struct h5_config *c, struct h5_buf *faults,
    struct h5_err *e)
{
	const struct h5_program *p = s->program;
	const char *method = getenv("REQUEST_METHOD");
	bool posted = method != NULL && strcmp(method, "POST") == 0;

	if (p->ready == NULL ||
	    (s->once && !posted &&
		(c->merchant.products >> H5_PRODUCT_JSAPI & 1) == 0))
		return H5_OK;
	return p->ready(c, 0, faults, e);
}

/* The files may be replaced while they are read.  So the stamp is taken
 * between two readings: when it holds after the second, it is of what the
 * second one read. */
static enum h5_code
load_settled(const struct h5_sites *s, const char *path, struct h5_buf *faults,
    struct h5_site *site, struct h5_err *e)
{
	struct h5_loaded got;
	uint64_t before;
	enum h5_code rc;
	int tries;

	for (tries = 0;; tries++) {
		rc = h5_load_serving(
		    s->program, path, pages_of(s), faults, &got, e);
		/* One request does not live long enough to be reloaded. */
		if (rc != H5_OK || s->once)
			break;
		before = site->stamp;
		site->stamp = h5_stamp_config(got.c);
		/* After three turns the last reading is taken: somebody writes
		 * all the time, and the next look will find it. */
		if ((tries > 0 && site->stamp == before) || tries == 3)
			break;
		h5_load_release(&got);
	}
	if (rc == H5_OK)
		rc = make_ready(s, got.c, faults, e);
	site->app.c = got.c;
	site->app.pages = got.pages;
	site->kept.last = got.items;
	return rc;
}

static enum h5_code
load_site(struct h5_sites *s, const char *key, struct h5_buf *faults,
    struct h5_site **out, struct h5_err *e)
{
	struct h5_site *site = calloc(1, sizeof *site);
	struct h5_buf path;
	enum h5_code rc;

	*out = NULL;
	if (site == NULL)
		return h5_err_nomem(e);
	(void)pthread_mutex_init(&site->opening, NULL);
	h5_kept_init(&site->kept, NULL);
	h5_buf_init(&path, PATH_BYTES);
	site->key = strdup(key);
	rc = site->key == NULL ? h5_err_nomem(e) : H5_OK;
	if (rc == H5_OK)
		/* "" is the site of no name: the option, the environment or the
		 * default place. */
		rc = h5_config_find(
		    s->option, *key == '\0' ? NULL : key, &path, e);
	if (rc == H5_OK)
		rc = load_settled(s, path.data, faults, site, e);
	h5_buf_release(&path);
	if (rc != H5_OK) {
		free_site(site);
		return rc;
	}
	site->app.program = s->program;
	site->app.option = s->option;
	site->app.kept = &site->kept;
	h5_log_init(&site->app.log, s->program->name, site->app.c->log.file);
	if (site->app.c->open_line != 0)
		h5_log_event(&site->app.log, H5_LOG_WARN, "configuration-doubt",
		    "file", site->app.c->path, "why",
		    "the last line has no line feed", NULL);
	*out = site;
	return H5_OK;
}

/* One event a fault, so that none is cut off by the length of a line. */
static void
log_faults(const struct h5_log *log, struct h5_buf *faults, const char *why)
{
	/* The text is cut up here and not used again. */
	char *line = faults->data, *end;

	h5_log_event(log, H5_LOG_ERROR, "no-configuration", "why", why, NULL);
	while (faults->len > 0 && *line != '\0') {
		end = line + strcspn(line, "\n");
		if (*end == '\n')
			*end++ = '\0';
		h5_log_event(log, H5_LOG_ERROR, "configuration-fault", "what",
		    line, NULL);
		line = end;
	}
}

/* --- the list --- */

static enum h5_code
load_bare(struct h5_sites *s, struct h5_err *e)
{
	struct h5_buf faults;
	struct h5_err why;
	enum h5_code rc;

	h5_buf_init(&faults, H5_LOAD_FAULTS);
	rc = h5_load_pages(NULL, pages_of(s), &faults, &s->bare.pages, &why);
	if (rc != H5_OK) {
		log_faults(&s->bare.log, &faults, why.msg);
		rc = h5_err_pass(e, &why);
	}
	h5_buf_release(&faults);
	return rc;
}

void
h5_sites_init(struct h5_sites *s, const struct h5_program *p,
    const char *option, bool once)
{
	const char *env = getenv("H5PAY_CONF");

	memset(s, 0, sizeof *s);
	s->program = p;
	s->option = option;
	s->once = once;
	/* With either of them set, no request may name another
	 * configuration. */
	s->fixed = option != NULL || (env != NULL && *env != '\0');
	(void)pthread_mutex_init(&s->loading, NULL);
	s->bare.program = p;
	s->bare.option = option;
	h5_log_init(&s->bare.log, p->name, NULL);
}

void
h5_sites_bare(struct h5_sites *s, struct h5_app *out)
{
	struct h5_err e;

	/* Mostly there is a configuration, and pages by it: these are loaded
	 * when they are needed first. */
	(void)pthread_mutex_lock(&s->loading);
	if (s->bare.pages == NULL && load_bare(s, &e) != H5_OK)
		h5_log_event(
		    &s->bare.log, H5_LOG_ERROR, "no-pages", "why", e.msg, NULL);
	*out = s->bare;
	(void)pthread_mutex_unlock(&s->loading);
}

void
h5_sites_release(struct h5_sites *s)
{
	/* No lock: all threads have ended. */
	struct h5_site *site = atomic_load(&s->first), *next;

	for (; site != NULL; site = next) {
		next = site->next;
		free_site(site);
	}
	h5_pages_free(s->bare.pages);
	free(s->failed_key);
	(void)pthread_mutex_destroy(&s->loading);
	memset(s, 0, sizeof *s);
}

static struct h5_site *
find_site(struct h5_sites *s, const char *key)
{
	struct h5_site *site = atomic_load(&s->first);

	while (site != NULL && strcmp(site->key, key) != 0)
		site = site->next;
	return site;
}

static size_t
count_sites(struct h5_sites *s)
{
	struct h5_site *site = atomic_load(&s->first);
	size_t n = 0;

	for (; site != NULL; site = site->next)
		n++;
	return n;
}

static void
note_failure(struct h5_sites *s, const char *key)
{
	free(s->failed_key);
	s->failed_key = strdup(key);
	s->failed_ms = h5_clock_mono_ms();
}

/* Under s->loading. */
static enum h5_code
add_site(
    struct h5_sites *s, const char *key, struct h5_site **out, struct h5_err *e)
{
	struct h5_buf faults;
	struct h5_err why;
	enum h5_code rc;

	/* A faulty configuration is read once a second, and not once a
	 * request. */
	if (s->failed_key != NULL && strcmp(s->failed_key, key) == 0 &&
	    h5_clock_mono_ms() - s->failed_ms < AGAIN_MS)
		return h5_err_set(
		    e, H5_E_CONFIG, "it was not usable a moment ago");
	h5_buf_init(&faults, H5_LOAD_FAULTS);
	if (count_sites(s) >= SITES_MAX)
		rc = h5_err_set(&why, H5_E_CONFIG,
		    "this process already serves %d configurations", SITES_MAX);
	else
		rc = load_site(s, key, &faults, out, &why);
	if (rc != H5_OK) {
		log_faults(&s->bare.log, &faults, why.msg);
		note_failure(s, key);
		rc = h5_err_pass(e, &why);
	} else {
		/* In front, and complete before it can be seen: readers take no
		 * lock. */
		(*out)->next = atomic_load(&s->first);
		atomic_store(&s->first, *out);
	}
	h5_buf_release(&faults);
	return rc;
}

enum h5_code
h5_sites_get(struct h5_sites *s, const char *conf, struct h5_site **out,
    struct h5_err *e)
{
	const char *key = s->fixed || conf == NULL ? "" : conf;
	enum h5_code rc = H5_OK;

	/* Nearly always found here, without a lock. */
	*out = find_site(s, key);
	if (*out != NULL)
		return H5_OK;
	(void)pthread_mutex_lock(&s->loading);
	/* Another thread may have loaded it meanwhile. */
	*out = find_site(s, key);
	if (*out == NULL)
		rc = add_site(s, key, out, e);
	(void)pthread_mutex_unlock(&s->loading);
	return rc;
}

bool
h5_site_has_store(struct h5_site *site)
{
	return atomic_load(&site->ready) || h5_store_there(&site->app.c->store);
}

enum h5_code
h5_site_open(struct h5_site *site, struct h5_err *e)
{
	struct h5_store_where where;
	enum h5_code rc = H5_OK;

	if (atomic_load(&site->ready))
		return H5_OK;
	(void)pthread_mutex_lock(&site->opening);
	/* Opened once; the threads that came second wait for the first. */
	if (!atomic_load(&site->ready)) {
		where = site->app.c->store;
		where.log = &site->app.log;
		rc = h5_store_open(
		    &where, site->app.c->hooks.mask, &site->app.st, e);
		if (rc == H5_OK)
			atomic_store(&site->ready, true);
	}
	(void)pthread_mutex_unlock(&site->opening);
	return rc;
}

const struct h5_log *
h5_sites_log(struct h5_sites *s)
{
	const struct h5_site *site = atomic_load(&s->first);

	return site == NULL ? &s->bare.log : &site->app.log;
}

/* --- -t --- */

static enum h5_code
check_outside(
    const struct h5_config *c, struct h5_buf *faults, struct h5_err *e)
{
	struct h5_err why;
	enum h5_code rc;

	rc = h5_config_outside(c, getenv("DOCUMENT_ROOT"), &why);
	if (rc == H5_OK)
		return H5_OK;
	h5_buf_printf(faults, "%s:1: %s\n", c->path, why.msg);
	return h5_err_set(e, rc, "%s", why.msg);
}

bool
h5_sites_check(const struct h5_program *p, const char *option)
{
	struct h5_loaded got = {NULL, NULL, NULL};
	struct h5_buf path, faults;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&path, PATH_BYTES);
	h5_buf_init(&faults, H5_LOAD_FAULTS);
	rc = h5_wechat_self_test(&e);
	if (rc == H5_OK)
		rc = h5_config_find(option, NULL, &path, &e);
	/* The same steps as at a start, so that -t and a start cannot
	 * differ. */
	if (rc == H5_OK)
		rc = h5_load(path.data, p->ready, &faults, &got, &e);
	if (rc == H5_OK)
		rc = check_outside(got.c, &faults, &e);
	if (rc == H5_OK)
		h5_load_doubts(&got, &faults);
	if (faults.len > 0)
		(void)fputs(faults.data, stderr);
	else if (rc != H5_OK)
		(void)fprintf(stderr, "%s: %s\n", p->name, e.msg);
	h5_load_release(&got);
	h5_buf_release(&faults);
	h5_buf_release(&path);
	return rc == H5_OK;
}
