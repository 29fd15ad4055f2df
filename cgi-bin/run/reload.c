/* Notices between requests that the program or its configuration was replaced,
 * and tries the new pair before the old one leaves. */
#include "cgi-bin/run/reload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/config/stamp.h"
#include "common/hooks/launch.h"

#define PATH_BYTES 4096
#define TRY_MS 5000
#define TRY_AGAIN_MS 10000
#define SELF "/proc/self/exe"
#define WORDS_MAX 4096

static const char gone[] = " (deleted)";

/* The path of the running program, or NULL. */
static char *
exe_path(void)
{
	char path[PATH_BYTES];
	ssize_t n = readlink(SELF, path, sizeof path - 1);
	size_t len, cut = sizeof gone - 1;

	/* A path that fills the array may be cut off. */
	if (n <= 0 || n >= (ssize_t)sizeof path - 1)
		return NULL;
	len = (size_t)n;
	path[len] = '\0';
	/* Replaced before we looked. */
	if (len > cut && strcmp(path + len - cut, gone) == 0)
		/* The kernel marks the name of a file that is gone.  A new one
		 * under the name is just what we wait for. */
		path[len - cut] = '\0';
	return strdup(path);
}

void
h5_reload_init(struct h5_reload *w, struct h5_sites *s)
{
	w->sites = s;
	w->exe = exe_path();
	/* Not what the path stands for: that may be a newer program already. */
	w->exe_stamp = h5_stamp_file(SELF);
	w->known = NULL;
	w->refused = 0;
	w->again_ms = 0;
	w->without = atomic_load(&s->first) == NULL;
}

bool
h5_reload_anew(const struct h5_reload *w)
{
	struct h5_site *site = atomic_load(&w->sites->first);

	/* A configuration that a request names is no start's. */
	while (site != NULL && *site->key != '\0')
		site = site->next;
	return w->without && site != NULL;
}

void
h5_reload_leave(struct h5_reload *w)
{
	w->known = atomic_load(&w->sites->first);
	w->exe_stamp = 0;
	w->refused = 0;
}

void
h5_reload_release(struct h5_reload *w)
{
	free(w->exe);
	memset(w, 0, sizeof *w);
}

/* Everything that is there now as one number, and whether it is what this
 * process was started from. */
static uint64_t
look(const struct h5_reload *w, bool *changed)
{
	struct h5_site *site = atomic_load(&w->sites->first);
	uint64_t exe = 0, now, all;

	/* 0 says that the program is not watched. */
	if (w->exe_stamp != 0)
		exe = h5_stamp_file(w->exe);
	/* A program that is gone for a moment, while it is replaced, is no
	 * change. */
	*changed = (exe != 0 && exe != w->exe_stamp) || h5_reload_anew(w);
	all = h5_stamp_mix(1, exe);
	/* Sites that were there when the worker began are the supervisor's. */
	for (; site != w->known; site = site->next) {
		now = h5_stamp_config(site->app.c);
		if (now != site->stamp)
			*changed = true;
		all = h5_stamp_mix(all, now);
	}
	return all;
}

static enum h5_code
try_one(const struct h5_reload *w, char *conf)
{
	char dash_t[] = "-t", dash_c[] = "-c", dash_v[] = "-V";
	char *argv[5] = {w->exe, dash_t, dash_c, conf, NULL};
	struct h5_buf words;
	struct h5_err e;
	enum h5_code rc;

	if (conf == NULL) {
		/* No configuration yet: does it run at all? */
		argv[1] = dash_v;
		argv[2] = NULL;
	}
	h5_buf_init(&words, WORDS_MAX);
	rc = h5_launch_try(argv, TRY_MS, &words, &e);
	/* The first line says what is wrong; the others would not fit a log
	 * line. */
	if (words.len > 0)
		words.data[strcspn(words.data, "\n")] = '\0';
	if (rc != H5_OK)
		h5_log_event(h5_sites_log(w->sites), H5_LOG_ERROR,
		    "replacement-refused", "binary", w->exe, "conf", conf,
		    "why", words.len > 0 ? words.data : e.msg, NULL);
	h5_buf_release(&words);
	return rc;
}

static enum h5_code
try_all(const struct h5_reload *w)
{
	/* The newest first, down to those that were known before. */
	struct h5_site *site = atomic_load(&w->sites->first);
	enum h5_code rc = H5_OK;

	if (site == NULL)
		return try_one(w, NULL);
	for (; rc == H5_OK && site != w->known; site = site->next)
		rc = try_one(w, site->app.c->path);
	return rc;
}

bool
h5_reload_look(struct h5_reload *w)
{
	bool changed = false;
	enum h5_code rc;
	uint64_t now;

	if (w->exe == NULL)
		return false;
	/* The number of what was refused is kept: the same pair is not tried
	 * again and again, once a second. */
	now = look(w, &changed);
	if (!changed ||
	    (now == w->refused &&
		(w->again_ms == 0 || h5_clock_mono_ms() < w->again_ms)))
		return false;
	rc = try_all(w);
	if (rc == H5_OK)
		return true;
	w->refused = now;
	/* It said no, or it could not say anything. */
	w->again_ms = rc == H5_E_STATE ? 0 : h5_clock_mono_ms() + TRY_AGAIN_MS;
	return false;
}
