/* The only dlopen: finds a plug-in and makes sure whose it is. */
#include "common/system/plugin.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/length.h"

#define PATH_BYTES 4096
/* Where a package puts plug-ins. */
#ifndef H5_PLUGINS
#define H5_PLUGINS "/usr/lib/h5pay/engine"
#endif

/* --- whose is it ---------------------------------------------------------- */

static enum h5_code
fit(const char *path, uid_t owner, struct h5_err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return h5_err_set(e, H5_E_NOTFOUND, "%s is not there", path);
	/* In a sticky folder nobody moves what is another's. */
	if ((st.st_uid == 0 || st.st_uid == owner) &&
	    ((st.st_mode & 022) == 0 ||
		(S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0)))
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "%s may be changed by others: chown it to root and chmod go-w",
	    path);
}

/* The file, whose path has no links, and each folder above it. */
static enum h5_code
trusted(const char *real, uid_t owner, struct h5_err *e)
{
	char path[PATH_BYTES], *slash;
	enum h5_code rc;

	(void)snprintf(path, sizeof path, "%s", real);
	rc = fit(path, owner, e);
	while (rc == H5_OK && (slash = strrchr(path, '/')) != NULL) {
		*slash = '\0';
		rc = fit(slash == path ? "/" : path, owner, e);
	}
	return rc;
}

/* --- where is it ---------------------------------------------------------- */

/* Where they may lie as seen from this program's own folder: beside it, beside
 * its folder, and where make install puts them for a command in bin/. */
static const char *const beside[] = {
    "engine", "../engine", "../lib/h5pay/engine", "../libexec/h5pay/engine"};

/* The i-th place, from 0.  false: there is none. */
static bool
place(size_t i, const char *self, const char *name, char out[PATH_BYTES])
{
	const char *slash = strrchr(self, '/');
	int n, dir = slash == NULL ? 0 : (int)(slash - self);

	if (i == 0)
		n = snprintf(out, PATH_BYTES, "%s/%s.so", H5_PLUGINS, name);
	else if (i <= H5_LENGTH(beside))
		n = snprintf(out, PATH_BYTES, "%.*s/%s/%s.so", dir, self,
		    beside[i - 1], name);
	else
		return false;
	return n > 0 && n < PATH_BYTES;
}

static enum h5_code
find(const char *name, char *real, struct h5_err *e)
{
	char self[PATH_BYTES], path[PATH_BYTES];
	struct stat mine;
	ssize_t n;
	size_t i;

	n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0 || stat("/proc/self/exe", &mine) != 0)
		return h5_err_set(
		    e, H5_E_CONFIG, "this program cannot find its own file");
	self[n] = '\0';
	for (i = 0; place(i, self, name, path); i++)
		if (realpath(path, real) != NULL)
			return trusted(real, mine.st_uid, e);
	return h5_err_set(e, H5_E_CONFIG,
	    "%s.so is neither in %s nor in engine/ beside this program: "
	    "install the package h5pay-postgresql, or make install",
	    name, H5_PLUGINS);
}

/* -------------------------------------------------------------------------- */

enum h5_code
h5_plugin_open(
    const char *name, const char *symbol, const void **out, struct h5_err *e)
{
	char real[PATH_BYTES];
	enum h5_code rc;
	void *handle;

	*out = NULL;
#ifdef H5_NO_PLUGINS
	(void)find;
	(void)symbol;
	(void)real;
	(void)handle;
	(void)rc;
	return h5_err_set(e, H5_E_CONFIG,
	    "this program was linked for hosts without libraries and loads no "
	    "%s: use the package or build it here",
	    name);
#else
	rc = find(name, real, e);
	if (rc != H5_OK)
		return h5_err_as(e, H5_E_CONFIG);
	/* Bound at once: what is missing is told now, not by a payment. */
	handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return h5_err_set(
		    e, H5_E_CONFIG, "cannot load %s: %s", real, dlerror());
	*out = dlsym(handle, symbol);
	if (*out == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "%s is no such plug-in: it has no %s", real, symbol);
	return H5_OK;
#endif
}
