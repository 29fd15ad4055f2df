/* buf.h - a growing byte buffer with a ceiling from birth.
 * Calling order: h5_buf_init, any appends, h5_buf_finish (or h5_buf_take),
 * h5_buf_release.  The first append that fails sticks; later appends do
 * nothing; h5_buf_finish tells.  The bytes are always followed by a NUL. */
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

/* h5_buf_init(b, max): empty buffer that never holds more than max bytes. */
void h5_buf_init(struct h5_buf *b, size_t max);
/* h5_buf_release(b): free; the buffer is empty again and usable. */
void h5_buf_release(struct h5_buf *b);
/* h5_buf_wipe(b): overwrite the bytes, then release: for secrets. */
void h5_buf_wipe(struct h5_buf *b);
/* h5_buf_clear(b): length 0 and no failure; keeps the memory. */
void h5_buf_clear(struct h5_buf *b);

void h5_buf_add(struct h5_buf *b, const void *p, size_t n);
void h5_buf_puts(struct h5_buf *b, const char *s);
void h5_buf_putc(struct h5_buf *b, char c);
void h5_buf_printf(struct h5_buf *b, const char *fmt, ...) H5_PRINTF(2, 3);

/* h5_buf_room(b, n): make sure n more bytes fit in memory and return where
 * they go, or NULL (failure recorded).  h5_buf_commit(b, n) then counts the
 * n bytes that were written there. */
char *h5_buf_room(struct h5_buf *b, size_t n);
void h5_buf_commit(struct h5_buf *b, size_t n);

/* h5_buf_finish(b, e): did every append succeed?
 * H5_E_INPUT: the ceiling was hit.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_buf_finish(
    const struct h5_buf *b, struct h5_err *e);

/* h5_buf_take(b): hand the bytes over (free() them); b is empty again.
 * NULL when an append had failed or memory is gone. */
char *h5_buf_take(struct h5_buf *b);

#endif
