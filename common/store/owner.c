/* Finds out who owns the store's folder.  Every engine has a folder, so no
 * engine is asked. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/store/store.h"

/* Looks at the folder above dir, which may end in slashes. */
static bool
look_above(const char *dir, struct stat *st)
{
	char path[4096];
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	/* Up to the slash before the last name, which is kept: "/" remains
	 * "/". */
	while (n > 0 && dir[n - 1] != '/')
		n--;
	if (n == 0 || n >= sizeof path)
		return false;
	memcpy(path, dir, n);
	path[n] = '\0';
	return stat(path, st) == 0;
}

enum h5_code
h5_store_owner(const struct h5_store_where *w, unsigned *uid, unsigned *gid,
    struct h5_err *e)
{
	const char *dir = w->dir;
	struct stat st;

	*uid = 0;
	*gid = 0;
	/* Not made yet: then it will be made by whoever may write above it. A
	 * link is not followed, since the store refuses one. */
	if (lstat(dir, &st) != 0 && (errno != ENOENT || !look_above(dir, &st)))
		return h5_err_set(e, H5_E_NOTFOUND, "no store %s", dir);
	if (!S_ISDIR(st.st_mode))
		return h5_err_set(e, H5_E_CONFIG, "%s is not a folder", dir);
	*uid = (unsigned)st.st_uid;
	*gid = (unsigned)st.st_gid;
	return H5_OK;
}
