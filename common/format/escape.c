/* One encoder for each place that text can go to; none is fit for another. */
#include "common/format/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

void
h5_escape_csv(struct h5_buf *out, const char *s)
{
	bool formula = s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL;

	if (strpbrk(s, ",\"\r\n") == NULL) {
		if (formula)
			h5_buf_putc(out, '\'');
		h5_buf_puts(out, s);
		return;
	}
	h5_buf_putc(out, '"');
	if (formula)
		h5_buf_putc(out, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			h5_buf_putc(out, '"');
		h5_buf_putc(out, *s);
	}
	h5_buf_putc(out, '"');
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
