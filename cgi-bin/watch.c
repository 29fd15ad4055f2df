#include "cgi-bin/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/launch.h"

#define PATH_BYTES 4096
#define TRY_MS 20000
#define WORDS_MAX 4096

static const char gone[] = " (deleted)";

/* The path of the running program, or NULL. */
static char *
exe_path(void)
{
	char path[PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	size_t len, cut = sizeof gone - 1;

	if (n <= 0 || n >= (ssize_t)sizeof path - 1)
		return NULL;
	len = (size_t)n;
	path[len] = '\0';
	/* Replaced before we looked. */
	if (len > cut && strcmp(path + len - cut, gone) == 0)
		path[len - cut] = '\0';
	return strdup(path);
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15U;
	return h ^ (h >> 29);
}

/* 0: no program is there (an upload is under way). */
static uint64_t
stamp_of(const char *path)
{
	struct stat st;
	uint64_t h = 1;

	if (path == NULL || stat(path, &st) != 0)
		return 0;
	h = mix(h, (uint64_t)st.st_dev);
	h = mix(h, (uint64_t)st.st_ino);
	h = mix(h, (uint64_t)st.st_size);
	h = mix(h, (uint64_t)st.st_mtim.tv_sec);
	h = mix(h, (uint64_t)st.st_mtim.tv_nsec);
	return h == 0 ? 1 : h;
}

void
h5_watch_init(struct h5_watch *w, struct h5_sites *s)
{
	w->sites = s;
	w->exe = exe_path();
	w->exe_stamp = stamp_of(w->exe);
	w->refused = 0;
}

void
h5_watch_release(struct h5_watch *w)
{
	free(w->exe);
	memset(w, 0, sizeof *w);
}

/* Everything that is there now as one number, and whether it is what this
 * process was started from. */
static uint64_t
look(const struct h5_watch *w, bool *changed)
{
	struct h5_site *site = atomic_load(&w->sites->first);
	uint64_t exe = stamp_of(w->exe), now, all;

	*changed = exe != 0 && exe != w->exe_stamp;
	all = mix(1, exe);
	for (; site != NULL; site = site->next) {
		now = h5_config_stamp(site->app.c);
		if (now != site->stamp)
			*changed = true;
		all = mix(all, now);
	}
	return all;
}

static bool
try_one(const struct h5_watch *w, char *conf)
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
	if (words.len > 0)
		words.data[strcspn(words.data, "\n")] = '\0';
	if (rc != H5_OK)
		h5_log_event(h5_site_log(w->sites), H5_LOG_ERROR,
		    "replacement-refused", "program", w->exe, "conf", conf,
		    "why", words.len > 0 ? words.data : e.msg, NULL);
	h5_buf_release(&words);
	return rc == H5_OK;
}

static bool
try_all(const struct h5_watch *w)
{
	struct h5_site *site = atomic_load(&w->sites->first);

	if (site == NULL)
		return try_one(w, NULL);
	for (; site != NULL; site = site->next)
		if (!try_one(w, site->app.c->path))
			return false;
	return true;
}

bool
h5_watch_look(struct h5_watch *w)
{
	bool changed = false;
	uint64_t now;

	if (w->exe == NULL)
		return false;
	now = look(w, &changed);
	if (!changed || now == w->refused)
		return false;
	if (try_all(w))
		return true;
	w->refused = now;
	return false;
}
