/* The doctor: this machine - what the example left behind, modes, the store,
 * hooks, the certificate, running programs. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/config/previous.h"
#include "common/doctor/words.h"
#include "common/system/chain.h"
#include "common/system/file.h"
#include "common/hooks/launch.h"
#include "common/base/log.h"
#include "common/store/store.h"
#include "common/base/text.h"
#include "common/format/url.h"
#include "common/wechat/wechat.h"

#define SPACE_FAIL (16LL << 20) /* bytes left on the store's disk */
#define SPACE_WARN (256LL << 20)
#define SWEEP_WARN_MIN 10

/* --- what the example left behind --- */

static void
placeholders(struct h5_doctor *d)
{
	const struct h5_config *c = d->c;
	struct h5_config_left at;
	size_t left;

	for (left = 0; h5_config_left(c, left, &at); left++)
		h5_doctor_say(d, H5_DOCTOR_FAIL, "placeholders",
		    "placeholder-left", "key", at.name, NULL);
	if (h5_config_same_key(c->site.secret, c->site.link_key) ||
	    h5_config_same_key(c->site.secret, c->merchant.api_key) ||
	    h5_config_same_key(c->site.link_key, c->merchant.api_key)) {
		left++;
		h5_doctor_say(
		    d, H5_DOCTOR_WARN, "placeholders", "keys-same", NULL);
	}
	if (left == 0)
		h5_doctor_say(d, H5_DOCTOR_PASS, "placeholders",
		    "placeholders-none", NULL);
}

/* A key of before that nothing in flight can need is a key too many. */
static void
previous_keys(struct h5_doctor *d)
{
	struct h5_config_previous keys[H5_CONFIG_PREVIOUS_MAX];
	size_t i, n = h5_config_previous(d->c, h5_clock_now(), keys);

	for (i = 0; i < n; i++)
		h5_doctor_say(d, keys[i].old ? H5_DOCTOR_FAIL : H5_DOCTOR_WARN,
		    "placeholders",
		    keys[i].old ? "previous-old" : "previous-there", "key",
		    keys[i].name, NULL);
}

/* --- modes --- */

/* Whoever may write to one of these can change what the shop does. */
static bool
mode_good(struct h5_doctor *d, const char *path)
{
	struct stat st;
	bool world;

	if (path == NULL || stat(path, &st) != 0)
		return true;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return true;
	world = (st.st_mode & S_IWOTH) != 0;
	h5_doctor_say(d, world ? H5_DOCTOR_FAIL : H5_DOCTOR_WARN, "modes",
	    world ? "mode-world" : "mode-group", "path", path, NULL);
	return false;
}

/* The store's owner is the account of the web programs, which read all of
 * this. */
static bool
readable(struct h5_doctor *d, const char *path)
{
	if (access(path, R_OK) == 0)
		return true;
	h5_doctor_say(d, H5_DOCTOR_FAIL, "modes", "unreadable", "uid",
	    H5_LOG_NUM(geteuid()), "path", path, NULL);
	return false;
}

static void
modes(struct h5_doctor *d)
{
	const struct h5_config *c = d->c;
	const char *const further[] = {c->catalogue.file, c->hooks.exec,
	    c->server.command, c->pages.templates};
	bool good;
	size_t i;

	good = readable(d, c->path) && mode_good(d, c->path);
	for (i = 0; i < c->n_files; i++) {
		good = readable(d, c->files[i]) && good;
		good = mode_good(d, c->files[i]) && good;
	}
	for (i = 0; i < H5_LENGTH(further); i++)
		good = mode_good(d, further[i]) && good;
	if (good)
		h5_doctor_say(d, H5_DOCTOR_PASS, "modes", "modes-good", "files",
		    H5_LOG_NUM(c->n_files), NULL);
}

/* --- the store --- */

static void
space(struct h5_doctor *d)
{
	struct h5_store_place local;
	struct statvfs v;
	long long left;

	h5_store_local(&d->c->store, &local);
	if (statvfs(local.folder, &v) != 0)
		return;
	left = (long long)v.f_bavail * (long long)v.f_frsize;
	if (left >= SPACE_WARN && v.f_files > 0 && v.f_favail < 1000) {
		h5_doctor_say(d, H5_DOCTOR_WARN, "space", "inodes-short",
		    "files", H5_LOG_NUM(v.f_favail), "dir", local.folder, NULL);
		return;
	}
	h5_doctor_say(d,
	    left < SPACE_FAIL	? H5_DOCTOR_FAIL
	    : left < SPACE_WARN ? H5_DOCTOR_WARN
				: H5_DOCTOR_PASS,
	    "space", left < SPACE_WARN ? "space-short" : "space-left", "mib",
	    H5_LOG_NUM(left >> 20), "dir", local.folder, NULL);
}

/* Names that hosts give to the folder they show to the world. */
static void
root_by_name(struct h5_doctor *d, const char *what, const char *path)
{
	static const char *const names[] = {"public_html", "htdocs", "httpdocs",
	    "wwwroot", "webroot", "docroot"};
	char whole[PATH_MAX], part[64];
	size_t i;

	if (realpath(path, whole) == NULL)
		return;
	for (i = 0; i < H5_LENGTH(names); i++) {
		(void)snprintf(part, sizeof part, "/%s/", names[i]);
		if (strstr(whole, part) == NULL)
			continue;
		h5_doctor_say(d, H5_DOCTOR_WARN, "document-root",
		    "root-by-name", "what", what, "path", whole, "folder",
		    names[i], NULL);
		return;
	}
}

/* When did cron last do its part? */
static void
sweep(struct h5_doctor *d)
{
	struct h5_store *st = NULL;
	int64_t at = 0, age_min;
	char when[H5_CLOCK_PLAIN];
	struct h5_err e;
	enum h5_code rc = H5_E_NOTFOUND;

	/* Opening a store that is not there would make it. */
	if (h5_store_there(&d->c->store))
		rc = h5_store_open(&d->c->store, d->c->hooks.mask, &st, &e);
	if (rc == H5_OK)
		rc = h5_store_swept_at(st, &at, &e);
	h5_store_close(st);
	h5_clock_plain(at, when);
	age_min = (h5_clock_now() - at) / 60;
	if (rc == H5_OK && age_min < SWEEP_WARN_MIN)
		h5_doctor_say(d, H5_DOCTOR_PASS, "sweep", "sweep-seen", "when",
		    when, NULL);
	else if (rc == H5_OK)
		h5_doctor_say(d, H5_DOCTOR_WARN, "sweep", "sweep-late", "when",
		    when, NULL);
	else if (rc == H5_E_NOTFOUND)
		h5_doctor_say(d, H5_DOCTOR_WARN, "sweep", "sweep-none", NULL);
	else
		h5_doctor_say(d, H5_DOCTOR_FAIL, "sweep", "sweep-broken", "why",
		    e.msg, NULL);
}

static void
store(struct h5_doctor *d)
{
	const char *dir = d->c->store.dir;
	struct stat st;
	struct h5_err e;

	if (lstat(dir, &st) != 0) {
		h5_doctor_say(d, H5_DOCTOR_WARN, "store", "store-missing",
		    "dir", dir, NULL);
		return;
	}
	if (h5_store_probe(&d->c->store, &e) != H5_OK) {
		h5_doctor_say(d, H5_DOCTOR_FAIL, "store", "store-bad", "dir",
		    dir, "why", e.msg, NULL);
		return;
	}
	h5_doctor_say(d, H5_DOCTOR_PASS, "store", "store-good", "dir", dir,
	    "uid", H5_LOG_NUM(geteuid()), NULL);
	space(d);
	sweep(d);
}

/* --- hooks, the command, the certificate --- */

static void
hooks(struct h5_doctor *d)
{
	const struct h5_config *c = d->c;
	struct h5_buf path;
	struct h5_err e;

	if (c->hooks.exec != NULL && access(c->hooks.exec, X_OK) != 0)
		h5_doctor_say(d, H5_DOCTOR_FAIL, "hooks", "hook-not-run",
		    "path", c->hooks.exec, "reason", strerror(errno), NULL);
	else if (c->hooks.exec == NULL && c->hooks.webhook_url == NULL)
		h5_doctor_say(d, H5_DOCTOR_PASS, "hooks", "hooks-none", NULL);
	else
		/* A shop may have a secret in the address of its webhook. */
		h5_doctor_say(d, H5_DOCTOR_PASS, "hooks",
		    d->web ? "hooks-set-web" : "hooks-set", "what",
		    c->hooks.exec != NULL ? c->hooks.exec
					  : c->hooks.webhook_url,
		    NULL);
	h5_buf_init(&path, PATH_MAX);
	if (h5_launch_find(c, &path, &e) != H5_OK)
		h5_doctor_say(d, H5_DOCTOR_FAIL, "command", "command-missing",
		    "why", e.msg, NULL);
	else
		h5_doctor_say(d, H5_DOCTOR_PASS, "command", "command-good",
		    "path", path.data, NULL);
	h5_buf_release(&path);
}

static void
certificate(struct h5_doctor *d)
{
	const struct h5_config *c = d->c;
	int64_t now = h5_clock_now(), end = 0, days;
	char day[H5_CLOCK_DAY];
	struct h5_err e;

	if (c->merchant.cert_file == NULL) {
		h5_doctor_say(
		    d, H5_DOCTOR_PASS, "certificate", "certificate-none", NULL);
		return;
	}
	if (h5_wechat_certificate(c, now, &e) != H5_OK ||
	    h5_wechat_certificate_end(c, &end, &e) != H5_OK) {
		h5_doctor_say(d, H5_DOCTOR_FAIL, "certificate",
		    "certificate-bad", "why", e.msg, NULL);
		return;
	}
	h5_clock_day(end, day);
	days = h5_chain_days(end, now);
	if (days < H5_CHAIN_DAYS)
		h5_doctor_say(d, H5_DOCTOR_WARN, "certificate",
		    "certificate-soon", "path", c->merchant.cert_file, "day",
		    day, "days", H5_LOG_NUM(days), NULL);
	else
		h5_doctor_say(d, H5_DOCTOR_PASS, "certificate",
		    "certificate-good", "path", c->merchant.cert_file, NULL);
}

/* --- running programs --- */

/* Does the process belong to this shop?  It does unless it names another
 * configuration. */
struct running {
	struct h5_doctor *d;
	unsigned seen, old, open;
};

/* Does the listening socket with this inode stand in a table of /proc/net?
 * "sl local remote st ... inode": 0A is LISTEN. */
static bool
listens_in(const char *table, unsigned long inode)
{
	char line[512], *word, *save = NULL;
	unsigned long n;
	bool found = false, listening;
	FILE *f = fopen(table, "re");
	int i;

	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
		listening = false;
		n = 0;
		word = strtok_r(line, " \n", &save);
		for (i = 0; word != NULL; i++) {
			if (i == 3)
				listening = strcmp(word, "0A") == 0;
			if (i == 9)
				n = strtoul(word, NULL, 10);
			word = strtok_r(NULL, " \n", &save);
		}
		found = listening && n == inode;
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

/* Can everybody reach the unix socket with that inode?  It is so if its file's
 * mode allows it, or if it has an abstract name instead of a file. */
static bool
exposed(unsigned long inode)
{
	char line[512], *word, *save = NULL;
	FILE *f = fopen("/proc/net/unix", "re");
	bool found = false, open = false;
	int i;

	/* Num RefCount Protocol Flags Type St Inode Path */
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
		word = strtok_r(line, " \n", &save);
		for (i = 0; word != NULL && i < 6; i++)
			word = strtok_r(NULL, " \n", &save);
		found = word != NULL && strtoul(word, NULL, 10) == inode;
		word = found ? strtok_r(NULL, "\n", &save) : NULL;
		open = word != NULL &&
		       (word[0] == '@' || h5_file_exposed(word, 02));
	}
	if (f != NULL)
		(void)fclose(f);
	return open;
}

/* The inode of descriptor 0, on which a FastCGI program listens; 0: it does not
 * listen. */
static unsigned long
socket_of(const char *pid)
{
	char path[64], link[64];
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%s/fd/0", pid);
	n = readlink(path, link, sizeof link - 1);
	if (n <= 8)
		return 0;
	link[n] = '\0';
	if (strncmp(link, "socket:[", 8) != 0)
		return 0;
	return strtoul(link + 8, NULL, 10);
}

static void
look_at_socket(struct running *r, const char *pid, const char *name)
{
	unsigned long inode = socket_of(pid);
	const char *what = NULL;

	if (inode == 0)
		return;
	if (listens_in("/proc/net/tcp", inode) ||
	    listens_in("/proc/net/tcp6", inode))
		what = "process-tcp";
	else if (exposed(inode))
		what = "process-open";
	if (what == NULL)
		return;
	r->open++;
	h5_doctor_say(r->d, H5_DOCTOR_WARN, "processes", what, "pid", pid,
	    "program", name, NULL);
}

/* True if a string in a file of /proc names a configuration other than ours: it
 * stands in cmdline after "-c", and in environ after H5PAY_CONF=. */
static bool
names_another(const struct h5_config *c, const char *pid, const char *file,
    const char *mark, bool next)
{
	char path[64], *s = NULL;
	const char *value;
	size_t cap = 0;
	bool another = false, is_next = false;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
	f = fopen(path, "re");
	while (f != NULL && getdelim(&s, &cap, '\0', f) > 0) {
		value = is_next ? s
			: !next && strncmp(s, mark, strlen(mark)) == 0
			    ? s + strlen(mark)
			    : "";
		another =
		    another || (value[0] == '/' && strcmp(value, c->path) != 0);
		is_next = next && strcmp(s, mark) == 0;
	}
	if (f != NULL)
		(void)fclose(f);
	free(s);
	return another;
}

/* The name, within exe, of our program that a process runs; NULL: it runs none.
 * old: the file is not there any more. */
static const char *
program_of(const char *pid, char exe[PATH_MAX], bool *old)
{
	static const char *const programs[] = {
	    "checkout", "return-page", "notify", "query"};
	static const char gone[] = " (deleted)";
	char path[64], *base;
	size_t i, len;
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%s/exe", pid);
	n = readlink(path, exe, PATH_MAX - 1);
	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	len = (size_t)n;
	*old = len > sizeof gone - 1 &&
	       strcmp(exe + len - (sizeof gone - 1), gone) == 0;
	if (*old)
		exe[len - (sizeof gone - 1)] = '\0';
	base = strrchr(exe, '/');
	for (i = 0; base != NULL && i < 4; i++) {
		len = strlen(programs[i]);
		/* checkout, or checkout.fcgi */
		if (strncmp(base + 1, programs[i], len) == 0 &&
		    (base[1 + len] == '\0' || base[1 + len] == '.'))
			return base + 1;
	}
	return NULL;
}

static void
look_at(struct running *r, const char *pid)
{
	char exe[PATH_MAX];
	const char *name;
	bool old = false;

	name = program_of(pid, exe, &old);
	if (name == NULL ||
	    names_another(r->d->c, pid, "cmdline", "-c", true) ||
	    names_another(r->d->c, pid, "environ", "H5PAY_CONF=", false))
		return;
	r->seen++;
	if (old) {
		r->old++;
		h5_doctor_say(r->d, H5_DOCTOR_WARN, "processes", "process-old",
		    "pid", pid, "program", name, NULL);
	}
	look_at_socket(r, pid, name);
}

void
h5_doctor_processes(struct h5_doctor *d)
{
	struct running r = {d, 0, 0, 0};
	const struct dirent *entry;
	DIR *proc = opendir("/proc");

	if (proc == NULL)
		return;
	for (entry = readdir(proc); entry != NULL; entry = readdir(proc))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at(&r, entry->d_name);
	(void)closedir(proc);
	if (r.old == 0 && r.open == 0 && r.seen > 0)
		h5_doctor_say(d, H5_DOCTOR_PASS, "processes", "processes-good",
		    "n", H5_LOG_NUM(r.seen), NULL);
	else if (r.seen == 0)
		h5_doctor_say(d, H5_DOCTOR_PASS, "processes",
		    geteuid() == 0 ? "processes-none" : "processes-unseen",
		    NULL);
}

void
h5_doctor_local(struct h5_doctor *d)
{
	placeholders(d);
	previous_keys(d);
	modes(d);
	store(d);
	root_by_name(d, "the store", d->c->store.dir);
	root_by_name(d, "the configuration", d->c->path);
	hooks(d);
	certificate(d);
	h5_doctor_places(d);
}
