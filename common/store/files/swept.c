/* Remembers when the last sweep ended, which tells whether cron is alive. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/store/files/internal.h"

#define SWEPT "swept"

enum h5_code
h5_files_swept(void *store, int64_t at, struct h5_err *e)
{
	char text[H5_CLOCK_RFC3339 + 1];
	size_t n = H5_CLOCK_RFC3339 - 1;
	struct h5_files *st = store;

	h5_clock_rfc3339(at, text);
	text[n++] = '\n';
	/* Replaced, so that a reader finds the old time or the new one. */
	return h5_file_replace(st->dir, SWEPT, text, n, 0600, e);
}

enum h5_code
h5_files_swept_at(void *store, int64_t *at, int64_t *made_at, struct h5_err *e)
{
	struct h5_files *st = store;
	struct stat made;
	struct h5_buf b;
	enum h5_code rc;

	*at = 0;
	*made_at = 0;
	h5_buf_init(&b, H5_CLOCK_RFC3339);
	rc = h5_file_read(st->dir, SWEPT, &b, e);
	if (rc == H5_OK && b.len > 0 && b.data[b.len - 1] == '\n')
		b.data[b.len - 1] = '\0';
	if (rc == H5_OK && h5_clock_from_rfc3339(b.data, at, NULL) != H5_OK)
		*at = 0;
	h5_buf_release(&b);
	/* Without a sweep, the making of the store is the time to count
	 * from. */
	if (*at == 0 &&
	    fstatat(st->dir, "format", &made, AT_SYMLINK_NOFOLLOW) == 0)
		*made_at = (int64_t)made.st_mtime;
	/* One that is there and is no time tells nothing. */
	return rc == H5_E_NOTFOUND || rc == H5_E_INPUT ? H5_OK : rc;
}
