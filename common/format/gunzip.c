/* Unpacks a gzip file that came over the network, up to a ceiling. */
#include "common/format/gunzip.h"

#include <limits.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define STEP 65536 /* bytes of output at a time */
#define GZIP_ONLY (16 + MAX_WBITS)

bool
h5_gunzip_is(const void *p, size_t n)
{
	return n >= 2 && memcmp(p, "\x1f\x8b", 2) == 0;
}

static enum h5_code
inflate_all(z_stream *z, struct h5_buf *out, struct h5_err *e)
{
	size_t room;
	char *to;
	int got;

	do {
		room = out->max - out->len;
		if (room > STEP)
			room = STEP;
		/* One byte more than may be kept, so that a file which is too
		 * large shows itself. */
		to = h5_buf_room(out, room == 0 ? 1 : room);
		if (to == NULL)
			return h5_buf_finish(out, e);
		z->next_out = (unsigned char *)to;
		z->avail_out = (unsigned)room;
		got = inflate(z, Z_NO_FLUSH);
		h5_buf_commit(out, room - z->avail_out);
		if (got == Z_MEM_ERROR)
			return h5_err_nomem(e);
		if (got != Z_OK && got != Z_STREAM_END)
			return h5_err_set(e, H5_E_INPUT,
			    "gzip: damaged or cut short after %zu bytes",
			    out->len);
	} while (got != Z_STREAM_END);
	if (z->avail_in != 0)
		return h5_err_set(e, H5_E_INPUT, "gzip: data follows its end");
	return h5_buf_finish(out, e);
}

enum h5_code
h5_gunzip(const void *p, size_t n, struct h5_buf *out, struct h5_err *e)
{
	z_stream z;
	enum h5_code rc;

	memset(&z, 0, sizeof z);
	if (!h5_gunzip_is(p, n) || n > UINT_MAX)
		return h5_err_set(e, H5_E_INPUT, "not a gzip file");
	z.next_in = p;
	z.avail_in = (unsigned)n;
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return h5_err_nomem(e);
	rc = inflate_all(&z, out, e);
	(void)inflateEnd(&z);
	return rc;
}
