/* Makes and opens the store's folder, and knows the names of its parts. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/length.h"
#include "common/base/sum.h"
#include "common/store/files/internal.h"
#include "common/system/state.h"

/* --- paths ---------------------------------------------------------------- */

unsigned
h5_files_hash(const char *id)
{
	/* The first byte of the sum, for one of 256 folders. */
	return (unsigned)(h5_sum_64(id, strlen(id), 0) >> 56);
}

void
h5_files_leaf(const char *id, char out[H5_FILES_PATH])
{
	unsigned h = h5_files_hash(id);

	(void)snprintf(out, H5_FILES_PATH, "orders/%x/%x", h >> 4, h & 15);
}

void
h5_files_path(const char *id, char out[H5_FILES_PATH])
{
	size_t n;

	h5_files_leaf(id, out);
	n = strlen(out);
	(void)snprintf(
	    out + n, H5_FILES_PATH - n, "/%.*s.ledger", H5_ORDER_ID_MAX, id);
}

/* --- making it ------------------------------------------------------------ */

static const char *const folders[] = {
    "orders", "index", "index/created", "index/wake", "sweep"};

bool
h5_files_own_name(const char *name)
{
	/* lost+found is there where the store is a file system of its own. */
	static const char *const own[] = {"format", "orders", "index", "sweep",
	    "swept", "talk", "archive", "lost+found"};
	size_t i;

	for (i = 0; i < H5_LENGTH(own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	/* What the programs keep beside the store is theirs as well. */
	return h5_state_name(name);
}

/* A folder without a format file becomes a store only if it holds nothing, or
 * just what an interrupted start has left. */
static enum h5_code
must_be_own(void *arg, const char *name, struct h5_err *e)
{
	(void)arg;
	if (h5_files_own_name(name) || strncmp(name, ".tmp-", 5) == 0)
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "it is neither an order store nor empty (%s)", name);
}

/* orders/0 to orders/f.  The folders in these are made when they are needed:
 * all 256 at once would take a tenth of a second. */
static enum h5_code
make_branches(int dir, struct h5_err *e)
{
	char name[H5_FILES_PATH];
	enum h5_code rc = H5_OK;
	unsigned i;

	for (i = 0; rc == H5_OK && i < 16; i++) {
		(void)snprintf(name, sizeof name, "orders/%x", i);
		rc = h5_file_mkdir_unsynced(dir, name, e);
	}
	return rc == H5_OK ? h5_file_sync_folder(dir, "orders", e) : rc;
}

/* The format file comes last: where it stands, all the rest does. */
enum h5_code
h5_files_furnish(int dir, struct h5_err *e)
{
	enum h5_code rc;
	size_t i, size;
	int fd = -1;

	rc = h5_file_list(dir, must_be_own, NULL, e);
	for (i = 0; rc == H5_OK && i < H5_LENGTH(folders); i++)
		rc = h5_file_mkdir(dir, folders[i], e);
	if (rc == H5_OK)
		rc = make_branches(dir, e);
	if (rc == H5_OK)
		rc = h5_file_open(dir, "talk", O_RDWR | O_CREAT, &fd, &size, e);
	h5_file_drop(&fd);
	if (rc == H5_OK)
		rc = h5_file_create(dir, "format", H5_FILES_FIRST,
		    sizeof H5_FILES_FIRST - 1, 0600, e);
	/* Two programs may furnish at once: the second finds the work done. */
	return rc == H5_E_EXISTS ? H5_OK : rc;
}

enum h5_code
h5_files_lockable(int dir, struct h5_err *e)
{
	/* Locks over a network are kept by some servers and forgotten by
	 * others, and a store without locks mixes two writes into one. */
	const char *network = h5_file_network(dir);

	if (network != NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "it is on a network file system (%s), whose locks cannot "
		    "be relied on: use a local disk",
		    network);
	return H5_OK;
}

/* Is it a store, by its format file?  Only of a store is the mode ours to
 * change, whatever somebody wrote into the configuration. */
static bool
is_store(int dir)
{
	char head[sizeof H5_FILES_FIRST - 2]; /* up to the number */
	bool yes;
	size_t size;
	int fd;

	yes =
	    h5_file_open(dir, "format", O_RDONLY, &fd, &size, NULL) == H5_OK &&
	    h5_file_read_at(fd, 0, head, sizeof head, NULL) == H5_OK &&
	    memcmp(head, H5_FILES_FIRST, sizeof head - 1) == 0;
	h5_file_drop(&fd);
	return yes;
}

/* path is open to others.  If it is a store, it is closed to them. */
static enum h5_code
close_store_folder(const char *path, const struct h5_log *log, int *fd)
{
	enum h5_code rc = H5_E_CONFIG;
	int any;

	/* Through this one descriptor, from the look to the end. */
	any = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (any >= 0 && is_store(any))
		rc = h5_file_folder_mend(any, ".", path, log, fd, NULL);
	h5_file_drop(&any);
	return rc;
}

/* Opens the folder.  make: when it is missing, it is made; an empty one that
 * others may look into is closed to them. */
enum h5_code
h5_files_folder(
    const struct h5_store_where *w, bool make, int *fd, struct h5_err *e)
{
	const char *dir = w->dir;
	struct h5_buf path;
	enum h5_code rc;

	*fd = -1;
	h5_buf_init(&path, 4096);
	h5_buf_puts(&path, dir);
	/* If a slash stood behind it, a link would be followed. */
	while (
	    path.bad == H5_OK && path.len > 1 && path.data[path.len - 1] == '/')
		path.data[--path.len] = '\0';
	rc = h5_buf_finish(&path, e);
	if (rc == H5_OK)
		rc = h5_file_folder(AT_FDCWD, path.data, fd, e);
	if (rc == H5_E_CONFIG &&
	    close_store_folder(path.data, w->log, fd) == H5_OK)
		rc = H5_OK;
	/* The folder may have been made by hand, as an FTP program makes it.
	 * Only an empty folder is closed to others: if something is in it, it
	 * is somebody's, and its rights are not ours to change. */
	if (rc == H5_E_CONFIG &&
	    h5_file_bare(AT_FDCWD, path.data, make, NULL) == H5_OK)
		rc = make ? h5_file_folder(AT_FDCWD, path.data, fd, e)
			  : h5_err_set(e, H5_E_NOTFOUND, "an empty folder");
	if (rc == H5_E_NOTFOUND && make) {
		rc = h5_file_mkdir(AT_FDCWD, path.data, e);
		/* One level only.  A path that is wrong higher up is a mistake
		 * in the configuration and must not be built. */
		if (rc == H5_E_NOTFOUND)
			rc = h5_err_set(e, H5_E_CONFIG,
			    "the folder above %s does not exist", dir);
		if (rc == H5_OK)
			rc = h5_file_folder(AT_FDCWD, path.data, fd, e);
	}
	h5_buf_release(&path);
	return rc;
}

enum h5_code
h5_files_sub(struct h5_files *st, const char *path, int *fd, struct h5_err *e)
{
	return h5_file_folder_mend(st->dir, path, path, st->log, fd, e);
}

bool
h5_files_there(const struct h5_store_where *w)
{
	size_t size;
	int folder = -1, format = -1;
	enum h5_code rc;

	rc = h5_files_folder(w, false, &folder, NULL);
	if (rc == H5_OK)
		rc = h5_file_open(
		    folder, "format", O_RDONLY, &format, &size, NULL);
	h5_file_drop(&format);
	h5_file_drop(&folder);
	/* Any other failure means that something is there, and open says
	 * what. */
	return rc != H5_E_NOTFOUND;
}
