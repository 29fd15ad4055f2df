/* Packs bytes as one gzip member, and unpacks one up to a ceiling. */
#include "common/format/gzip.h"

#include <limits.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define STEP 65536 /* bytes of output at a time */
#define GZIP_ONLY (16 + MAX_WBITS)
#define MEMORY 8 /* of the packer; zlib's own choice */

/* The header of a member of ours: one extra field, "H5", that holds the length
 * of the member, lowest byte first (RFC 1952, 2.3.1.1).  Any gunzip passes over
 * it. */
static const unsigned char head_of[] = {
    0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 8, 0, 'H', '5', 4, 0};
#define LENGTH_AT sizeof head_of

bool
h5_gzip_is(const void *p, size_t n)
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
h5_gzip_unpack(const void *p, size_t n, struct h5_buf *out, struct h5_err *e)
{
	z_stream z;
	enum h5_code rc;

	memset(&z, 0, sizeof z);
	if (!h5_gzip_is(p, n) || n > UINT_MAX)
		return h5_err_set(e, H5_E_INPUT, "not a gzip file");
	z.next_in = p;
	z.avail_in = (unsigned)n;
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return h5_err_nomem(e);
	rc = inflate_all(&z, out, e);
	(void)inflateEnd(&z);
	return rc;
}

size_t
h5_gzip_length(const void *head)
{
	const unsigned char *p = head;

	if (memcmp(p, head_of, sizeof head_of) != 0)
		return 0;
	p += LENGTH_AT;
	return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 |
	       (size_t)p[3] << 24;
}

static void
put_four(char *to, unsigned long n)
{
	size_t i;

	for (i = 0; i < 4; i++)
		to[i] = (char)(n >> (8 * i) & 255);
}

/* The bytes between the header and the sums. */
static enum h5_code
deflate_all(z_stream *z, struct h5_buf *out, struct h5_err *e)
{
	/* All of it at once: zlib knows how much room that takes at most. */
	size_t room = deflateBound(z, z->avail_in);
	char *to = h5_buf_room(out, room);

	if (to == NULL)
		return h5_buf_finish(out, e);
	z->next_out = (unsigned char *)to;
	z->avail_out = (unsigned)room;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return h5_err_set(e, H5_E_BUG, "gzip: the bound was too low");
	h5_buf_commit(out, room - z->avail_out);
	return H5_OK;
}

enum h5_code
h5_gzip_pack(const void *p, size_t n, struct h5_buf *out, struct h5_err *e)
{
	size_t from = out->len;
	char sums[8];
	enum h5_code rc;
	z_stream z;

	memset(&z, 0, sizeof z);
	if (n > UINT_MAX / 2)
		return h5_err_set(e, H5_E_INPUT, "gzip: too much at once");
	z.next_in = p;
	z.avail_in = (unsigned)n;
	/* The length is not known before the end; room for it first. */
	h5_buf_add(out, head_of, sizeof head_of);
	h5_buf_add(out, "\0\0\0", 4);
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS,
		MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return h5_err_nomem(e);
	rc = deflate_all(&z, out, e);
	(void)deflateEnd(&z);
	put_four(sums, crc32(crc32(0, NULL, 0), p, (unsigned)n));
	put_four(sums + 4, n);
	h5_buf_add(out, sums, sizeof sums);
	if (rc == H5_OK)
		rc = h5_buf_finish(out, e);
	if (rc == H5_OK)
		put_four(out->data + from + LENGTH_AT, out->len - from);
	return rc;
}
