/* Tries out whether a folder can hold a store. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/store/files/internal.h"

/* Two open files of the same program must keep each other out, or two threads
 * would append at once. */
static enum h5_code
probe_locks(int dir, const char *name, struct h5_err *e)
{
	enum h5_code rc, second;
	int a = -1, b = -1;
	size_t size;

	rc = h5_file_open(dir, name, O_RDWR, &a, &size, e);
	if (rc == H5_OK)
		rc = h5_file_open(dir, name, O_RDWR, &b, &size, e);
	if (rc == H5_OK)
		rc = h5_file_lock(a, LOCK_EX, 0, e);
	if (rc == H5_OK) {
		second = h5_file_lock(b, LOCK_EX, 0, e);
		/* Anything but BUSY means that both got it: no lock at all. */
		if (second != H5_E_BUSY)
			rc = h5_err_set(
			    e, H5_E_CONFIG, "flock does not lock anything");
	}
	if (rc == H5_OK)
		/* The kernel has two kinds of locks, and a file system may know
		 * one of them only. */
		rc = h5_file_lock_byte(a, 1, 0, e);
	if (rc == H5_OK) {
		second = h5_file_lock_byte(b, 1, 0, e);
		if (second != H5_E_BUSY)
			rc = h5_err_set(
			    e, H5_E_CONFIG, "OFD locks do not lock anything");
	}
	h5_file_drop(&a);
	h5_file_drop(&b);
	return rc;
}

static enum h5_code
probe_folder(int dir, struct h5_err *e)
{
	char name[H5_FILES_PATH];
	enum h5_code rc, gone;

	rc = h5_files_lockable(dir, e);
	if (rc != H5_OK)
		return rc;
	/* The number of the process keeps two probes apart. */
	(void)snprintf(name, sizeof name, ".tmp-probe-%ld", (long)getpid());
	rc = h5_file_create(dir, name, "probe\n", 6, 0600, e);
	if (rc != H5_OK)
		return rc;
	rc = probe_locks(dir, name, e);
	/* Removed in any case; its failure is told only if all else went
	 * well. */
	gone = h5_file_remove(dir, name, rc == H5_OK ? e : NULL);
	return rc != H5_OK ? rc : gone;
}

enum h5_code
h5_files_probe(const struct h5_store_where *w, struct h5_err *e)
{
	const char *dir = w->dir;
	struct h5_err why;
	enum h5_code rc;
	int fd;

	/* As the programs open it: they close it to others. */
	rc = h5_files_folder(w, false, &fd, &why);
	if (rc == H5_OK)
		rc = probe_folder(fd, &why);
	h5_file_drop(&fd);
	if (rc == H5_OK)
		return H5_OK;
	return h5_err_set(
	    e, H5_E_CONFIG, "%s cannot hold a store: %s", dir, why.msg);
}
