/* One encoder for each place that text can go to; none is fit for another. */
#include "common/format/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/length.h"
#include "common/base/text.h"

static const char upper_hex[] = "0123456789ABCDEF";

/* The bytes of the whole UTF-8 character at s (n bytes are left), or 0. */
static size_t
character(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return len <= n && h5_text_utf8(s, len) ? len : 0;
}

static const char *
entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static bool
control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\0') || c == 0x7f;
}

/* The bytes that have an entity; all are below 64. */
#define BIT(c) (UINT64_C(1) << (c))
static const uint64_t entities =
    BIT('&') | BIT('<') | BIT('>') | BIT('"') | BIT('\'');

/* How many bytes at s are ASCII that HTML takes as it is. */
static size_t
plain_run(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] < 0x7f &&
	       (s[n] >= 64 || (entities >> s[n] & 1) == 0))
		n++;
	return n;
}

void
h5_escape_html(struct h5_buf *out, const char *s)
{
	size_t n = strlen(s), i, len;
	const char *word;

	for (i = 0; i<n; i += len> 0 ? len : 1) {
		len = plain_run(s + i);
		if (len > 0) {
			h5_buf_add(out, s + i, len);
			continue;
		}
		len = character(s + i, n - i);
		word = entity(s[i]);
		if (len == 0)
			h5_buf_puts(out, "\xef\xbf\xbd");
		else if (word != NULL)
			h5_buf_puts(out, word);
		else if (!control(s[i]) || strchr("\t\n\r", s[i]) != NULL)
			h5_buf_add(out, s + i, len);
	}
}

void
h5_escape_url(struct h5_buf *out, const char *s)
{
	unsigned char c;

	for (; *s != '\0'; s++) {
		c = (unsigned char)*s;
		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || strchr("-._~", c) != NULL) {
			h5_buf_putc(out, *s);
			continue;
		}
		h5_buf_putc(out, '%');
		h5_buf_putc(out, upper_hex[c >> 4]);
		h5_buf_putc(out, upper_hex[c & 15]);
	}
}

/* The blank at s, in bytes: a spreadsheet looks for a formula behind it. */
static size_t
blank(const char *s)
{
	static const char *const wide[] = {
	    "\xc2\xa0", /* no-break space */
	    "\xe3\x80\x80", /* ideographic space */
	    "\xe2\x80\x8b", /* zero-width space */
	    "\xef\xbb\xbf", /* byte-order mark */
	};
	size_t i;

	if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		return 1;
	for (i = 0; i < H5_LENGTH(wide); i++)
		if (strncmp(s, wide[i], strlen(wide[i])) == 0)
			return strlen(wide[i]);
	return 0;
}

/* Would a spreadsheet run it?  = + - @, also full-width, also behind blanks; a
 * tab or a carriage return alone.  Apostrophes in front do not count, so that
 * the one that is put there can be told from them. */
static bool
is_formula(const char *s)
{
	static const char *const wide[] = {
	    "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
	size_t i, n;

	s += strspn(s, "'");
	if (*s == '\t' || *s == '\r')
		return true;
	while ((n = blank(s)) > 0)
		s += n;
	if (*s != '\0' && strchr("=+-@", *s) != NULL)
		return true;
	for (i = 0; i < H5_LENGTH(wide); i++)
		if (strncmp(s, wide[i], strlen(wide[i])) == 0)
			return true;
	return false;
}

/* Would a spreadsheet take it for a number or a date and lose some of it?  More
 * than 15 digits, zeros in front, an exponent, 11-30, 1/2, 1.2.3. */
static bool
is_lossy(const char *s)
{
	size_t n = strlen(s), digits = 0, dots = 0, others = 0, i;

	if (n == 0 || s[strspn(s, "0123456789.eE-/:+ ")] != '\0')
		return false;
	for (i = 0; i < n; i++) {
		digits += s[i] >= '0' && s[i] <= '9';
		dots += s[i] == '.';
		others += strchr("eE-/:+ ", s[i]) != NULL;
	}
	if (digits == 0)
		return false;
	return digits > 15 || others > 0 || dots > 1 ||
	       (s[0] == '0' && n > 1 && s[1] != '.');
}

void
h5_escape_csv(struct h5_buf *out, const char *s)
{
	bool quoted = strpbrk(s, ",\"\r\n") != NULL;

	if (quoted)
		h5_buf_putc(out, '"');
	if (is_formula(s))
		h5_buf_putc(out, '\'');
	else if (is_lossy(s) || *s == '`')
		h5_buf_putc(out, '`');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			h5_buf_putc(out, '"');
		h5_buf_putc(out, *s);
	}
	if (quoted)
		h5_buf_putc(out, '"');
}

const char *
h5_escape_csv_back(const char *s)
{
	if (*s == '`' || (*s == '\'' && is_formula(s + 1)))
		return s + 1;
	return s;
}

void
h5_escape_tsv(struct h5_buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\t')
			h5_buf_puts(out, "\\t");
		else if (*s == '\n')
			h5_buf_puts(out, "\\n");
		else if (*s == '\r')
			h5_buf_puts(out, "\\r");
		else if (*s == '\\')
			h5_buf_puts(out, "\\\\");
		else if (control(*s))
			h5_buf_printf(out, "\\x%02X", (unsigned)*s);
		else
			h5_buf_putc(out, *s);
	}
}
