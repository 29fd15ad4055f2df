/* A byte buffer that grows up to its ceiling and remembers its first failure.
 */
#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256 /* bytes; a header, an address, a log line fit */

/* What an empty buffer points at: never written, since cap is 0. */
static char nothing[1] = "";

void
h5_buf_init(struct h5_buf *b, size_t max)
{
	b->data = nothing;
	b->len = 0;
	b->cap = 0;
	b->max = max;
	b->bad = H5_OK;
}

void
h5_buf_release(struct h5_buf *b)
{
	if (b->cap > 0)
		free(b->data);
	h5_buf_init(b, b->max);
}

void
h5_buf_wipe(struct h5_buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->data, b->cap);
	h5_buf_release(b);
}

void
h5_buf_clear(struct h5_buf *b)
{
	b->len = 0;
	b->bad = H5_OK;
	if (b->cap > 0)
		b->data[0] = '\0';
}

char *
h5_buf_room(struct h5_buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (b->bad != H5_OK)
		return NULL;
	if (n > b->max || b->len > b->max - n) {
		b->bad = H5_E_INPUT;
		return NULL;
	}
	need = b->len + n + 1;
	if (need <= b->cap)
		return b->data + b->len;
	cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max + 1 : cap * 2;
	p = realloc(b->cap > 0 ? b->data : NULL, cap);
	if (p == NULL) {
		b->bad = H5_E_NOMEM;
		return NULL;
	}
	b->data = p;
	b->cap = cap;
	b->data[b->len] = '\0';
	return b->data + b->len;
}

void
h5_buf_commit(struct h5_buf *b, size_t n)
{
	b->len += n;
	b->data[b->len] = '\0';
}

/* How many bytes fit before more memory has to be asked for. */
static size_t
ready(const struct h5_buf *b)
{
	size_t most = b->cap == 0 ? 0 : b->cap - 1;

	if (b->bad != H5_OK)
		return 0;
	return (most < b->max ? most : b->max) - b->len;
}

void
h5_buf_add(struct h5_buf *b, const void *p, size_t n)
{
	char *to;

	if (n == 0)
		return;
	to = h5_buf_room(b, n);
	if (to == NULL)
		return;
	memcpy(to, p, n);
	h5_buf_commit(b, n);
}

void
h5_buf_puts(struct h5_buf *b, const char *s)
{
	h5_buf_add(b, s, strlen(s));
}

void
h5_buf_putc(struct h5_buf *b, char c)
{
	if (ready(b) < 1) {
		h5_buf_add(b, &c, 1);
		return;
	}
	b->data[b->len] = c;
	h5_buf_commit(b, 1);
}

void
h5_buf_printf(struct h5_buf *b, const char *fmt, ...)
{
	size_t room = ready(b);
	va_list ap;
	char *to;
	int n;

	if (b->bad != H5_OK)
		return;
	/* Written into the room that there is; what does not fit is written
	 * once more. */
	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? b->data + b->len : NULL,
	    room > 0 ? room + 1 : 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n <= room) {
		b->len += (size_t)n;
		return;
	}
	if (room > 0)
		b->data[b->len] = '\0';
	if (n < 0) {
		b->bad = H5_E_INPUT;
		return;
	}
	to = h5_buf_room(b, (size_t)n);
	if (to == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	h5_buf_commit(b, (size_t)n);
}

enum h5_code
h5_buf_finish(const struct h5_buf *b, struct h5_err *e)
{
	if (b->bad == H5_E_NOMEM)
		return h5_err_nomem(e);
	if (b->bad != H5_OK)
		return h5_err_set(e, b->bad, "longer than %zu bytes", b->max);
	return H5_OK;
}

char *
h5_buf_take(struct h5_buf *b)
{
	char *p;

	if (b->bad == H5_OK && b->cap == 0)
		(void)h5_buf_room(b, 0);
	if (b->bad != H5_OK || b->cap == 0) {
		h5_buf_release(b);
		return NULL;
	}
	p = b->data;
	h5_buf_init(b, b->max);
	return p;
}
