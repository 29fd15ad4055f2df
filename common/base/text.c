/* Reads numbers, amounts and alphabets strictly, and writes them back. */
#include "common/base/text.h"

#include <stdio.h>
#include <string.h>

#include "common/base/length.h"

#define NAME_BYTES                                                             \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"
#define DIGITS "0123456789"
#define DECIMAL_DIGITS 15

enum h5_code
h5_text_u64(
    const char *s, uint64_t min, uint64_t max, uint64_t *out, struct h5_err *e)
{
	uint64_t n = 0;
	size_t i;

	*out = 0;
	if (s[0] == '\0' || (s[0] == '0' && s[1] != '\0'))
		return h5_err_set(e, H5_E_INPUT, "not a plain number");
	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] < '0' || s[i] > '9')
			return h5_err_set(e, H5_E_INPUT, "not a plain number");
		if (n > (UINT64_MAX - 9) / 10)
			return h5_err_set(e, H5_E_INPUT, "number too large");
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	if (n < min || n > max)
		return h5_err_set(e, H5_E_INPUT,
		    "number not between %llu and %llu", (unsigned long long)min,
		    (unsigned long long)max);
	*out = n;
	return H5_OK;
}

enum h5_code
h5_text_fen(const char *s, int64_t *out, struct h5_err *e)
{
	uint64_t n;
	enum h5_code rc;

	rc = h5_text_u64(s, 1, H5_FEN_MAX, &n, e);
	*out = (int64_t)n;
	return rc;
}

enum h5_code
h5_text_yuan(const char *s, int64_t *out, struct h5_err *e)
{
	size_t whole, part = 0, i;
	int64_t fen = 0;

	*out = 0;
	whole = strspn(s, DIGITS);
	if (s[whole] == '.') {
		part = strspn(s + whole + 1, DIGITS);
		if (part < 1 || part > 2)
			return h5_err_set(e, H5_E_INPUT,
			    "yuan with at most two decimals, like 12.80");
	}
	if (whole < 1 || whole > 9 || (whole > 1 && s[0] == '0') ||
	    s[whole + (part > 0 ? part + 1 : 0)] != '\0')
		return h5_err_set(e, H5_E_INPUT,
		    "yuan with at most two decimals, like 12.80");
	for (i = 0; i < whole; i++)
		fen = fen * 10 + (s[i] - '0');
	for (i = 0; i < 2; i++)
		fen = fen * 10 + (i < part ? s[whole + 1 + i] - '0' : 0);
	if (fen < 1 || fen > H5_FEN_MAX)
		return h5_err_set(e, H5_E_INPUT, "amount must be above zero");
	*out = fen;
	return H5_OK;
}

enum h5_code
h5_text_decimal(const char *s, unsigned places, int64_t *out, struct h5_err *e)
{
	const char *p = s;
	bool minus = *p == '-', point = false;
	int64_t n = 0;
	unsigned digits = 0, after = 0;

	*out = 0;
	if (minus)
		p++;
	if (*p < '0' || *p > '9')
		goto bad;
	for (; *p != '\0'; p++) {
		if (*p == '.' && !point && p[1] != '\0') {
			point = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			goto bad;
		if (point && after == places) {
			if (*p != '0')
				goto bad;
			continue;
		}
		after += point;
		n = n * 10 + (*p - '0');
		digits += n != 0;
		if (digits > DECIMAL_DIGITS)
			goto bad;
	}
	for (; after < places; after++) {
		n *= 10;
		digits += n != 0;
		if (digits > DECIMAL_DIGITS)
			goto bad;
	}
	*out = minus ? -n : n;
	return H5_OK;
bad:
	return h5_err_set(e, H5_E_INPUT, "\"%.40s\" is not an amount", s);
}

void
h5_text_from_fen(int64_t fen, char out[H5_TEXT_FEN])
{
	(void)snprintf(out, H5_TEXT_FEN, "%lld.%02lld", (long long)(fen / 100),
	    (long long)(fen % 100));
}

/* The length of the character at p (n bytes are left) and its code point; 0: it
 * is none. */
static size_t
utf8_next(const unsigned char *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len, i;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	*cp = p[0] & (0xffU >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3fU);
	}
	if (*cp < least[len] || *cp > 0x10ffff ||
	    (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return len;
}

#define EACH(byte) (UINT64_MAX / 255 * (byte)) /* in each of eight bytes */

/* How many bytes at p are ASCII and not NUL, counted in eights.  Most of what
 * is read is nothing else. */
static size_t
ascii_run(const unsigned char *p, size_t n)
{
	uint64_t eight;
	size_t i;

	for (i = 0; n - i >= sizeof eight; i += sizeof eight) {
		memcpy(&eight, p + i, sizeof eight);
		/* The first term has the top bit of every NUL; a borrow can
		 * only mark a byte beside one. */
		if ((((eight - EACH(1)) | eight) & EACH(0x80)) != 0)
			break;
	}
	return i;
}

bool
h5_text_utf8(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t i, len;
	uint32_t cp;

	for (i = ascii_run(u, n); i < n; i += len) {
		len = utf8_next(u + i, n - i, &cp);
		if (len == 0 || cp == 0 || cp == 0xfeff || cp == 0xfffe ||
		    cp == 0xffff)
			return false;
		if (len > 1)
			len += ascii_run(u + i + len, n - i - len);
	}
	return true;
}

size_t
h5_text_skip_bom(const char *p, size_t n)
{
	return n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

bool
h5_text_printable(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = strlen(s), i, len;
	uint32_t cp;

	if (!h5_text_utf8(s, n))
		return false;
	for (i = 0; i < n; i += len) {
		len = utf8_next(u + i, n - i, &cp);
		if (len == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return false;
	}
	return true;
}

/* Characters that nobody sees, or that move what others see (Unicode's Cc, Cf,
 * line ends and fillers, and what is for no text at all). */
static bool
unseen(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
	    {0, 0x1f},
	    {0x7f, 0x9f},
	    {0xad, 0xad},
	    {0x34f, 0x34f},
	    {0x600, 0x605},
	    {0x61c, 0x61c},
	    {0x6dd, 0x6dd},
	    {0x70f, 0x70f},
	    {0x115f, 0x1160},
	    {0x17b4, 0x17b5},
	    {0x180b, 0x180f},
	    {0x200b, 0x200f},
	    {0x2028, 0x202e},
	    {0x2060, 0x206f},
	    {0x3164, 0x3164},
	    {0xe000, 0xf8ff},
	    {0xfdd0, 0xfdef},
	    {0xfe00, 0xfe0f},
	    {0xfeff, 0xfeff},
	    {0xffa0, 0xffa0},
	    {0xfff0, 0xfffb},
	    {0xfffe, 0xffff},
	    {0x110bd, 0x110bd},
	    {0x1bca0, 0x1bca3},
	    {0x1d173, 0x1d17a},
	    {0xe0000, 0x10ffff},
	};
	size_t i;

	for (i = 0; i < H5_LENGTH(ranges) && cp >= ranges[i].first; i++)
		if (cp <= ranges[i].last)
			return true;
	return false;
}

size_t
h5_text_show(const char *s, size_t max, const char *also, struct h5_buf *out)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = strlen(s), i, j, len;
	uint32_t cp;
	bool hidden;

	for (i = 0; i < n; i += len) {
		len = utf8_next(u + i, n - i, &cp);
		hidden = len == 0 || unseen(cp) ||
			 (cp < 0x80 && strchr(also, (char)cp) != NULL);
		/* One byte of what is none, so that the next may begin one. */
		len = len == 0 ? 1 : len;
		if (i + len > max)
			break;
		for (j = i; hidden && j < i + len; j++)
			h5_buf_printf(out, "\\x%02x", (unsigned)u[j]);
		if (!hidden)
			h5_buf_add(out, s + i, len);
	}
	return i;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
h5_text_unshow(const char *s, struct h5_buf *out)
{
	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] == 'x' && hex_digit(s[2]) >= 0 &&
		    hex_digit(s[3]) >= 0) {
			h5_buf_putc(out,
			    (char)(hex_digit(s[2]) * 16 + hex_digit(s[3])));
			s += 3;
		} else {
			h5_buf_putc(out, *s);
		}
	}
}

size_t
h5_text_cut(const char *s, size_t n, size_t max)
{
	size_t i = max;

	if (n <= max)
		return n;
	while (i > 0 && ((unsigned char)s[i] & 0xc0) == 0x80)
		i--;
	return i;
}

bool
h5_text_item_name(const char *s)
{
	size_t n = strnlen(s, 33);

	return n >= 1 && n <= 32 && strspn(s, NAME_BYTES) == n;
}

#define WORD 64

/* The edit distance of two words below WORD bytes: to insert, delete, replace,
 * or swap two neighbours, which is how fingers err. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][WORD + 1], *row = rows[0], *last = rows[1];
	size_t *before = rows[2], *swap, la = strlen(a), lb = strlen(b), i, j;

	if (la >= WORD || lb >= WORD)
		return WORD;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		swap = before;
		before = last;
		last = row;
		row = swap;
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			row[j] = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
			if (last[j] + 1 < row[j])
				row[j] = last[j] + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[lb];
}

const char *
h5_text_closest(const char *word, const char *const *list, size_t n)
{
	const char *best = NULL;
	size_t i, d, least = strlen(word) / 2 + 1;

	if (least > 4)
		least = 4;
	for (i = 0; i < n; i++) {
		d = distance(word, list[i]);
		if (d < least) {
			least = d;
			best = list[i];
		}
	}
	return best;
}

/* snprintf would take ten times the instructions, and a notice writes several
 * numbers. */
void
h5_text_number(int64_t n, char out[H5_TEXT_NUMBER])
{
	/* In unsigned arithmetic even the least number has an opposite. */
	uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char back[H5_TEXT_NUMBER];
	size_t digits = 0, i = 0;

	do {
		back[digits++] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (n < 0)
		out[i++] = '-';
	while (digits > 0)
		out[i++] = back[--digits];
	out[i] = '\0';
}

void
h5_text_hex(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

int
h5_text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}
