/* When the last sweep ended: for those who ask whether cron is alive. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/store/files/internal.h"

#define SWEPT "swept"

enum h5_code
h5_store_swept(struct h5_store *st, struct h5_err *e)
{
	char at[H5_CLOCK_RFC3339 + 1];
	size_t n = H5_CLOCK_RFC3339 - 1;

	h5_clock_rfc3339(h5_clock_now(), at);
	at[n++] = '\n';
	return h5_file_replace(st->dir, SWEPT, at, n, 0600, e);
}

enum h5_code
h5_store_swept_at(struct h5_store *st, int64_t *at, struct h5_err *e)
{
	struct h5_buf b;
	enum h5_code rc;

	*at = 0;
	h5_buf_init(&b, H5_CLOCK_RFC3339);
	rc = h5_file_read(st->dir, SWEPT, &b, e);
	if (rc == H5_OK && b.len > 0 && b.data[b.len - 1] == '\n')
		b.data[b.len - 1] = '\0';
	if (rc == H5_OK)
		rc = h5_clock_from_rfc3339(b.data, at, e);
	h5_buf_release(&b);
	return rc == H5_E_INPUT ? H5_E_NOTFOUND : rc;
}

bool
h5_store_unswept(struct h5_store *st, int64_t now, int64_t age_s)
{
	struct stat made;
	int64_t at;

	if (h5_store_swept_at(st, &at, NULL) != H5_OK) {
		if (fstatat(st->dir, "format", &made, AT_SYMLINK_NOFOLLOW) != 0)
			return false;
		at = (int64_t)made.st_mtime;
	}
	return now - at >= age_s;
}
