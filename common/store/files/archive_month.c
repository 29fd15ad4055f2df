/* A month's file: one gzip member for each record, so that one record is read
 * without the others, and zcat shows them all.  A last member says how many
 * there are, and has the sum of all bytes before it: a file without it was cut
 * short. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/sum.h"
#include "common/format/gzip.h"
#include "common/store/files/archive.h"

#define AT_ONCE 262144 /* bytes written together */

/* --- writing -------------------------------------------------------------- */

enum h5_code
h5_archive_begin(struct h5_archive_writer *w, struct h5_files *st,
    const struct h5_archive_month *old, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;
	size_t size;

	memset(w, 0, sizeof *w);
	w->st = st;
	w->fd = -1;
	memcpy(w->month.name, old->name, sizeof w->month.name);
	w->month.generation = old->generation + 1;
	h5_buf_init(&w->packed, AT_ONCE + H5_ARCHIVE_MEMBER);
	h5_archive_path(&w->month, path);
	/* What is left of a pass that was killed; no index names it. */
	rc = h5_file_remove(st->dir, path, e);
	if (rc == H5_OK)
		rc = h5_file_open(
		    st->dir, path, O_RDWR | O_CREAT, &w->fd, &size, e);
	return rc;
}

void
h5_archive_drop(struct h5_archive_writer *w)
{
	h5_file_drop(&w->fd);
	h5_buf_release(&w->packed);
	h5_archive_list_release(&w->list);
}

static enum h5_code
flush(struct h5_archive_writer *w, size_t least, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	if (w->packed.len < least)
		return H5_OK;
	rc = h5_file_write(w->fd, w->packed.data, w->packed.len, e);
	h5_buf_clear(&w->packed);
	return rc;
}

/* *at, *len: where it went. */
static enum h5_code
pack(struct h5_archive_writer *w, const char *p, size_t n, uint64_t *at,
    size_t *len, struct h5_err *e)
{
	size_t from = w->packed.len;
	enum h5_code rc;

	*at = w->month.bytes;
	*len = 0;
	rc = h5_gzip_pack(p, n, &w->packed, e);
	if (rc != H5_OK)
		return rc;
	*len = w->packed.len - from;
	/* A sum of sums would do, but this one anybody can check. */
	w->sum = h5_sum_64(w->packed.data + from, *len, w->sum);
	w->month.bytes += *len;
	return flush(w, AT_ONCE, e);
}

enum h5_code
h5_archive_put(struct h5_archive_writer *w, const char *id,
    const struct h5_buf *bytes, struct h5_err *e)
{
	struct h5_archive_entry en = {.at = 0};
	enum h5_code rc;

	memcpy(en.id, id, strlen(id) + 1);
	memcpy(en.month, w->month.name, sizeof en.month);
	rc = pack(w, bytes->data, bytes->len, &en.at, &en.len, e);
	if (rc == H5_OK)
		rc = h5_archive_list_add(&w->list, &en, e);
	w->month.orders += rc == H5_OK;
	return rc;
}

static void
last_line(const char *month, uint64_t orders, uint64_t bytes, uint64_t sum,
    struct h5_buf *out)
{
	h5_buf_printf(out,
	    "{\"archive\":\"%s\",\"orders\":%" PRIu64 ",\"bytes\":%" PRIu64
	    ",\"sum\":\"%016" PRIx64 "\"}\n",
	    month, orders, bytes, sum);
}

enum h5_code
h5_archive_end(struct h5_archive_writer *w, struct h5_err *e)
{
	struct h5_buf line;
	enum h5_code rc;
	uint64_t at;
	size_t len;

	h5_buf_init(&line, 256);
	last_line(
	    w->month.name, w->month.orders, w->month.bytes, w->sum, &line);
	rc = h5_buf_finish(&line, e);
	if (rc == H5_OK)
		rc = pack(w, line.data, line.len, &at, &len, e);
	if (rc == H5_OK)
		rc = flush(w, 1, e);
	if (rc == H5_OK)
		rc = h5_file_sync(w->fd, e);
	if (rc == H5_OK)
		rc = h5_file_close(&w->fd, e);
	if (rc == H5_OK)
		rc = h5_file_sync_folder(w->st->dir, H5_ARCHIVE_FOLDER, e);
	h5_buf_release(&line);
	return rc;
}

/* --- reading -------------------------------------------------------------- */

enum h5_code
h5_archive_member(
    int fd, uint64_t at, size_t len, struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf packed;
	enum h5_code rc = H5_OK;

	if (len < H5_GZIP_HEAD || len > H5_ARCHIVE_MEMBER)
		return h5_err_set(e, H5_E_INPUT, "no member is that long");
	h5_buf_init(&packed, len);
	rc = h5_file_slurp(fd, (size_t)at, len, &packed, e);
	/* A member of another length is none that was meant. */
	if (rc == H5_OK &&
	    (packed.len != len || h5_gzip_length(packed.data) != len))
		rc = h5_err_set(e, H5_E_INPUT, "cut short or damaged");
	if (rc == H5_OK)
		rc = h5_gzip_unpack(packed.data, packed.len, out, e);
	h5_buf_release(&packed);
	return rc;
}

/* Where a reader of all members is. */
struct scan {
	int fd;
	const char *month;
	uint64_t size, at, orders, sum;
	struct h5_buf packed, bytes;
};

/* The next member into s->packed, and what is in it into s->bytes.  *len: 0:
 * from here on no member can be told. */
static enum h5_code
next_member(struct scan *s, size_t *len, struct h5_err *e)
{
	char head[H5_GZIP_HEAD];
	enum h5_code rc;

	rc = h5_file_read_at(s->fd, (size_t)s->at, head, sizeof head, e);
	*len = rc == H5_OK ? h5_gzip_length(head) : 0;
	if (*len < H5_GZIP_HEAD || *len > H5_ARCHIVE_MEMBER ||
	    *len > s->size - s->at) {
		*len = 0;
		return rc;
	}
	h5_buf_clear(&s->packed);
	h5_buf_clear(&s->bytes);
	rc = h5_file_slurp(s->fd, (size_t)s->at, *len, &s->packed, e);
	if (rc == H5_OK && s->packed.len != *len)
		rc = h5_err_set(e, H5_E_IO, "it became shorter meanwhile");
	if (rc == H5_OK)
		rc =
		    h5_gzip_unpack(s->packed.data, s->packed.len, &s->bytes, e);
	if (rc == H5_E_INPUT) {
		h5_buf_clear(&s->bytes);
		rc = H5_OK;
	}
	return rc;
}

/* Is this the last line, and does it say what was read? */
static bool
is_last(const struct scan *s)
{
	struct h5_buf want;
	bool same;

	h5_buf_init(&want, 256);
	last_line(s->month, s->orders, s->at, s->sum, &want);
	same = want.bad == H5_OK && want.len == s->bytes.len &&
	       memcmp(want.data, s->bytes.data, want.len) == 0;
	h5_buf_release(&want);
	return same;
}

enum h5_code
h5_archive_scan(int fd, uint64_t size, const char *month,
    h5_archive_each_fn each, void *arg, bool *whole, struct h5_err *e)
{
	struct scan s = {.fd = fd, .month = month, .size = size};
	enum h5_code rc = H5_OK;
	size_t len;

	*whole = false;
	h5_buf_init(&s.packed, H5_ARCHIVE_MEMBER);
	h5_buf_init(&s.bytes, H5_RECORD_MAX);
	while (rc == H5_OK && s.at < size) {
		rc = next_member(&s, &len, e);
		if (rc != H5_OK || len == 0)
			break;
		/* No record begins so: its first line has a number first. */
		if (s.bytes.len > 10 &&
		    memcmp(s.bytes.data, "{\"archive\"", 10) == 0) {
			*whole = is_last(&s) && s.at + len == size;
			break;
		}
		rc = each(arg, s.at, len, &s.bytes, e);
		s.sum = h5_sum_64(s.packed.data, len, s.sum);
		s.at += len;
		s.orders++;
	}
	h5_buf_release(&s.packed);
	h5_buf_release(&s.bytes);
	return rc;
}
