/* Whose files root may act on: those that nobody can change but root and the
 * account that the command becomes. */
#include "admin/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/length.h"

#define LINKS_MAX 40
#define PATH_BYTES 4096

/* A path that is walked name by name, so that a link, and the folder that it
 * lies in, are looked at as well as what it leads to. */
struct walk {
	unsigned uid, gid; /* the account, beside root */
	char at[PATH_BYTES]; /* as far as it was looked at; "" is the root */
	char rest[PATH_BYTES]; /* still to go */
	unsigned links;
};

static enum h5_code
look(const struct walk *w, const struct stat *st, struct h5_err *e)
{
	const char *path = w->at[0] != '\0' ? w->at : "/";
	mode_t open = st->st_mode & 022;

	if (st->st_uid != 0 && st->st_uid != w->uid)
		return h5_err_set(e, H5_E_CONFIG,
		    "root does not act on %s: it belongs to user %u, and not "
		    "to root or user %u: chown it",
		    path, (unsigned)st->st_uid, w->uid);
	/* Whoever may write to a link's folder is what matters, and in a sticky
	 * one nobody moves what is another's. */
	if (S_ISLNK(st->st_mode) ||
	    (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0))
		return H5_OK;
	/* The account's own group is the account's affair. */
	if (w->uid != 0 && st->st_gid == w->gid)
		open &= 02;
	if (open != 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "root does not act on %s: others may write to it: chmod "
		    "go-w %s",
		    path, path);
	return H5_OK;
}

/* Takes the next name of rest into name.  false: there is none. */
static bool
next_name(struct walk *w, char name[PATH_BYTES])
{
	size_t skip = strspn(w->rest, "/");
	size_t n = strcspn(w->rest + skip, "/");

	memcpy(name, w->rest + skip, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
	return n > 0;
}

/* Puts what the link at w->at leads to in front of rest. */
static enum h5_code
follow(struct walk *w, size_t folder, struct h5_err *e)
{
	char to[PATH_BYTES];
	ssize_t n = readlink(w->at, to, sizeof to - 1);
	size_t rest = strlen(w->rest);

	if (n <= 0 || ++w->links > LINKS_MAX ||
	    (size_t)n + 1 + rest >= sizeof w->rest)
		return h5_err_set(
		    e, H5_E_CONFIG, "%s: cannot follow the link", w->at);
	memmove(w->rest + n + 1, w->rest, rest + 1);
	memcpy(w->rest, to, (size_t)n);
	w->rest[n] = '/';
	w->at[to[0] == '/' ? 0 : folder] = '\0';
	return H5_OK;
}

static enum h5_code
step(struct walk *w, const char *name, struct h5_err *e)
{
	size_t folder = strlen(w->at), n = strlen(name);
	enum h5_code rc;
	struct stat st;
	char *slash;

	if (strcmp(name, ".") == 0)
		return H5_OK;
	if (strcmp(name, "..") == 0) {
		slash = strrchr(w->at, '/');
		if (slash != NULL)
			*slash = '\0';
		return H5_OK;
	}
	if (folder + 1 + n >= sizeof w->at)
		return h5_err_set(e, H5_E_CONFIG, "a path is too long");
	w->at[folder] = '/';
	memcpy(w->at + folder + 1, name, n + 1);
	if (lstat(w->at, &st) != 0)
		return h5_err_sys(e, H5_E_CONFIG, errno, "%s", w->at);
	rc = look(w, &st, e);
	return rc == H5_OK && S_ISLNK(st.st_mode) ? follow(w, folder, e) : rc;
}

enum h5_code
trust_path(const char *path, unsigned uid, unsigned gid, struct h5_err *e)
{
	struct walk w = {.uid = uid, .gid = gid};
	char name[PATH_BYTES];
	enum h5_code rc;
	struct stat st;
	size_t here;

	if (path[0] != '/' && getcwd(w.rest, sizeof w.rest) == NULL)
		return h5_err_sys(e, H5_E_CONFIG, errno, "getcwd");
	here = strlen(w.rest);
	if (here + 1 + strlen(path) >= sizeof w.rest)
		return h5_err_set(e, H5_E_CONFIG, "a path is too long");
	w.rest[here] = '/';
	memcpy(w.rest + here + 1, path, strlen(path) + 1);
	if (stat("/", &st) != 0)
		return h5_err_sys(e, H5_E_CONFIG, errno, "/");
	rc = look(&w, &st, e);
	while (rc == H5_OK && next_name(&w, name))
		rc = step(&w, name, e);
	return rc;
}

enum h5_code
trust_files(
    const struct h5_config *c, unsigned uid, unsigned gid, struct h5_err *e)
{
	const char *one[] = {c->hooks.exec, c->pages.templates};
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < c->n_files; i++)
		rc = trust_path(c->files[i], uid, gid, e);
	for (i = 0; rc == H5_OK && i < H5_LENGTH(one); i++)
		if (one[i] != NULL)
			rc = trust_path(one[i], uid, gid, e);
	return rc;
}
