/* The one place where JSON is quoted: string literals, members of objects, and
 * the way back from an escape to its byte. */
#include "common/format/json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* The short escapes, by byte and by letter. */
static const char escaped[] = "\"\\\b\f\n\r\t";
static const char letters[] = "\"\\bfnrt";

void
h5_json_string(const char *s, struct h5_buf *out)
{
	const char *run = s, *short_form;

	h5_buf_putc(out, '"');
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			continue;
		h5_buf_add(out, run, (size_t)(s - run));
		run = s + 1;
		short_form = strchr(escaped, *s);
		if (short_form != NULL)
			h5_buf_printf(
			    out, "\\%c", letters[short_form - escaped]);
		else
			h5_buf_printf(out, "\\u%04x", (unsigned)*s);
	}
	h5_buf_add(out, run, (size_t)(s - run));
	h5_buf_putc(out, '"');
}

void
h5_json_name(const char *name, struct h5_buf *out)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		h5_buf_putc(out, ',');
	h5_json_string(name, out);
	h5_buf_putc(out, ':');
}

void
h5_json_text(const char *name, const char *s, struct h5_buf *out)
{
	h5_json_name(name, out);
	if (s == NULL || s[0] == '\0')
		h5_buf_puts(out, "null");
	else
		h5_json_string(s, out);
}

void
h5_json_int(const char *name, int64_t n, struct h5_buf *out)
{
	h5_json_name(name, out);
	h5_buf_printf(out, "%" PRId64, n);
}

static bool
hex4(const char *p, unsigned *out)
{
	int i;

	*out = 0;
	for (i = 0; i < 4; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			*out = *out << 4 | (unsigned)(p[i] - '0');
		else if (p[i] >= 'a' && p[i] <= 'f')
			*out = *out << 4 | (unsigned)(p[i] - 'a' + 10);
		else
			return false;
	}
	return true;
}

size_t
h5_json_unescape(const char *p, size_t n, char *c)
{
	const char *letter;
	unsigned code;

	*c = '\0';
	if (n == 0 || p[0] == '\0')
		return 0;
	if (p[0] == 'u') {
		if (n < 5 || !hex4(p + 1, &code) || code == 0 || code >= 0x20 ||
		    strchr(escaped, (int)code) != NULL)
			return 0;
		*c = (char)code;
		return 5;
	}
	letter = strchr(letters, p[0]);
	if (letter == NULL)
		return 0;
	*c = escaped[letter - letters];
	return 1;
}
