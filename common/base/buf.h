/* buf.h - a growing byte buffer that has a ceiling from its first byte.
 * Call h5_buf_init, any appends, h5_buf_finish (or h5_buf_take), and
 * h5_buf_release.  The first append that fails sticks: later appends do
 * nothing, and h5_buf_finish tells.  A NUL always follows the bytes. */
#ifndef H5_BASE_BUF_H
#define H5_BASE_BUF_H

#include <stddef.h>

#include "common/base/err.h"

struct h5_buf {
	char *data; /* NUL-terminated; "" before the first append */
	size_t len;
	size_t cap;
	size_t max; /* ceiling for len, bytes */
	enum h5_code bad; /* first failure: H5_OK, H5_E_INPUT, H5_E_NOMEM */
};

/* h5_buf_init(b, max): make b an empty buffer that never holds more than max
 * bytes. */
void h5_buf_init(struct h5_buf *b, size_t max);

/* h5_buf_release(b): free the bytes; the buffer is empty and can be used again.
 */
void h5_buf_release(struct h5_buf *b);

/* h5_buf_wipe(b): overwrite the bytes, then release; for secrets. */
void h5_buf_wipe(struct h5_buf *b);

/* h5_buf_clear(b): make it empty, without a failure; keeps the memory. */
void h5_buf_clear(struct h5_buf *b);

void h5_buf_add(struct h5_buf *b, const void *p, size_t n);
void h5_buf_puts(struct h5_buf *b, const char *s);
void h5_buf_putc(struct h5_buf *b, char c);
void h5_buf_printf(struct h5_buf *b, const char *fmt, ...) H5_PRINTF(2, 3);

/* h5_buf_room(b, n): make sure that n more bytes fit in memory, and return
 * where they go; NULL: there is no room, which is recorded as a failure.
 * h5_buf_commit(b, n) then counts the n bytes that were written there. */
char *h5_buf_room(struct h5_buf *b, size_t n);
void h5_buf_commit(struct h5_buf *b, size_t n);

/* h5_buf_finish(b, e): did every append succeed?
 * H5_E_INPUT: the ceiling was hit.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_buf_finish(
    const struct h5_buf *b, struct h5_err *e);

/* h5_buf_take(b): hand the bytes over, to be freed by the caller; b is empty
 * again.  NULL: an append had failed, or memory is gone. */
char *h5_buf_take(struct h5_buf *b);

#endif
