/* Base64 without OpenSSL: configuration keys, tokens and notices need it where
 * nothing is encrypted. */
#include "common/format/base64.h"

#include <stdbool.h>
#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
h5_base64_write(const void *p, size_t n, struct h5_buf *out)
{
	size_t whole = (n + 2) / 3 * 4;
	const unsigned char *from = p;
	unsigned bits;
	char *to;

	if (n == 0)
		return;
	to = h5_buf_room(out, whole);
	if (to == NULL)
		return;
	for (; n >= 3; n -= 3, from += 3) {
		bits =
		    (unsigned)from[0] << 16 | (unsigned)from[1] << 8 | from[2];
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = digits[bits >> 6 & 63];
		*to++ = digits[bits & 63];
	}
	if (n > 0) {
		bits = (unsigned)from[0] << 16 |
		       (n == 2 ? (unsigned)from[1] << 8 : 0);
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = n == 2 ? digits[bits >> 6 & 63] : '=';
		*to++ = '=';
	}
	h5_buf_commit(out, whole);
}

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void
forget_from(struct h5_buf *b, size_t len)
{
	if (b->len <= len)
		return;
	explicit_bzero(b->data + len, b->len - len);
	b->len = len;
}

enum h5_code
h5_base64_read(const char *s, struct h5_buf *out, struct h5_err *e)
{
	size_t before = out->len, n = 0, pads = 0;
	unsigned bits = 0;
	bool good = true;
	enum h5_code rc;
	int value;

	for (; *s != '\0' && good; s++) {
		if (*s == '\n' || *s == '\r')
			continue;
		value = value_of(*s);
		pads += *s == '=';
		/* Nothing follows a pad but another pad. */
		good = *s == '=' || (value >= 0 && pads == 0);
		if (!good || *s == '=')
			continue;
		bits = bits << 6 | (unsigned)value;
		n++;
		if (n % 4 != 1)
			h5_buf_putc(out,
			    (char)(bits >> (6 - 2 * ((n - 1) % 4)) & 0xff));
	}
	/* Only whole groups, the right padding and no bits that nobody reads
	 * are accepted, so that a value has one text. */
	good = good && (n + pads) % 4 == 0 && pads <= 2 && n % 4 != 1 &&
	       (pads == 0 || n % 4 != 0) && (n % 4 != 2 || (bits & 15) == 0) &&
	       (n % 4 != 3 || (bits & 3) == 0);
	rc = h5_buf_finish(out, e);
	if (rc == H5_OK && !good)
		rc = h5_err_set(e, H5_E_INPUT, "not base64");
	if (rc != H5_OK)
		forget_from(out, before);
	return rc;
}
