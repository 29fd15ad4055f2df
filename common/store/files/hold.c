/* Holds conversations: one byte of one file is locked for each id. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/sum.h"
#include "common/store/files/internal.h"

struct talk {
	int fd;
};

enum h5_code
h5_files_hold(void *store, const char *id, int wait_ms, int hold_ms,
    void **hold, struct h5_err *e)
{
	struct h5_files *st = store;
	struct talk *talk;
	enum h5_code rc;
	size_t size;

	/* The kernel gives the lock up with the process. */
	(void)hold_ms;
	talk = calloc(1, sizeof *talk);
	if (talk == NULL)
		return h5_err_nomem(e);
	/* The byte is found by a hash of the id, so no file is left behind.  A
	 * lock belongs to the open file, so each thread's own file keeps the
	 * other threads out as well. */
	rc = h5_file_open(
	    st->dir, "talk", O_RDWR | O_CREAT, &talk->fd, &size, e);
	/* Two ids may share a byte, once in a very long time.  Then one waits
	 * for the other, which does no harm. */
	if (rc == H5_OK)
		rc = h5_file_lock_byte(
		    talk->fd, h5_sum_64(id, strlen(id), 0), wait_ms, e);
	if (rc == H5_OK)
		*hold = talk;
	else
		h5_files_release(talk);
	return rc;
}

enum h5_code
h5_files_renew(void *hold, int hold_ms, struct h5_err *e)
{
	/* Nothing to renew: the lock lives as long as its process. */
	(void)hold;
	(void)hold_ms;
	(void)e;
	return H5_OK;
}

void
h5_files_release(void *hold)
{
	struct talk *talk = hold;

	h5_file_drop(&talk->fd);
	free(talk);
}
