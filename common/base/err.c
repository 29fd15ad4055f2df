/* Fills a caller's struct h5_err, and says what a code means to a log and to a
 * shell. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/length.h"

struct row {
	enum h5_code code;
	const char *name;
	int exit_status;
};

/* One row for each code: its word in the log, and the command's exit status. */
static const struct row rows[] = {
    {H5_OK, "ok", 0},
    {H5_E_INPUT, "bad-input", 65},
    {H5_E_AUTH, "not-authentic", 65},
    {H5_E_NOTFOUND, "not-found", 66},
    {H5_E_EXISTS, "exists", 65},
    {H5_E_STATE, "wrong-state", 1},
    {H5_E_REMOTE, "bad-answer", 69},
    {H5_E_NET, "unreachable", 69},
    {H5_E_IO, "io", 74},
    {H5_E_NOMEM, "no-memory", 75},
    {H5_E_CONFIG, "configuration", 78},
    {H5_E_BUSY, "busy", 75},
    {H5_E_BUG, "bug", 70},
};

static const struct row *
row_of(enum h5_code code)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return &rows[H5_LENGTH(rows) - 1];
}

/* The message was cut at n bytes: less, if that is inside a character.  (text.h
 * is above this file.) */
static size_t
whole(char *msg, size_t n)
{
	size_t first = n, len;

	while (first > 0 && ((unsigned char)msg[first - 1] & 0xc0) == 0x80)
		first--;
	if (first == 0)
		return n;
	first--;
	len = (unsigned char)msg[first] >= 0xf0	  ? 4
	      : (unsigned char)msg[first] >= 0xe0 ? 3
	      : (unsigned char)msg[first] >= 0xc0 ? 2
						  : 1;
	if (first + len > n)
		n = first;
	msg[n] = '\0';
	return n;
}

static size_t fill(struct h5_err *e, enum h5_code code, int sys,
    const char *fmt, va_list ap) H5_PRINTF(4, 0);

static size_t
fill(struct h5_err *e, enum h5_code code, int sys, const char *fmt, va_list ap)
{
	int n;

	e->code = code;
	e->sys = sys;
	n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	if (n < 0) {
		e->msg[0] = '\0';
		return 0;
	}
	return (size_t)n < sizeof e->msg ? (size_t)n
					 : whole(e->msg, sizeof e->msg - 1);
}

enum h5_code
h5_err_set(struct h5_err *e, enum h5_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return code;
	va_start(ap, fmt);
	(void)fill(e, code, 0, fmt, ap);
	va_end(ap);
	return code;
}

enum h5_code
h5_err_sys(struct h5_err *e, enum h5_code code, int sys, const char *fmt, ...)
{
	va_list ap;
	size_t n;
	char text[80];

	if (e == NULL)
		return code;
	va_start(ap, fmt);
	n = fill(e, code, sys, fmt, ap);
	va_end(ap);
	/* The GNU strerror_r returns the text and may ignore the buffer. */
	(void)snprintf(e->msg + n, sizeof e->msg - n, ": %s",
	    strerror_r(sys, text, sizeof text));
	return code;
}

enum h5_code
h5_err_nomem(struct h5_err *e)
{
	return h5_err_set(e, H5_E_NOMEM, "out of memory");
}

enum h5_code
h5_err_as(struct h5_err *e, enum h5_code code)
{
	if (e != NULL)
		e->code = code;
	return code;
}

enum h5_code
h5_err_pass(struct h5_err *e, const struct h5_err *why)
{
	if (e != NULL)
		*e = *why;
	return why->code;
}

void
h5_err_clear(struct h5_err *e)
{
	if (e == NULL)
		return;
	e->code = H5_OK;
	e->sys = 0;
	e->msg[0] = '\0';
}

const char *
h5_err_name(enum h5_code code)
{
	return row_of(code)->name;
}

int
h5_err_exit(enum h5_code code)
{
	return row_of(code)->exit_status;
}
