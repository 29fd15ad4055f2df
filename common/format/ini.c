/* Cuts INI text into sections, keys and values, and counts its lines. */
#include "common/format/ini.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

#define BLANKS " \t"
#define ENDS BLANKS "\r\n"
#define NAME_BYTES                                                             \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

void
h5_ini_fault(struct h5_ini *h, unsigned line, const char *fmt, ...)
{
	char what[512];
	va_list ap;
	size_t need;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	h->n_faults++;
	/* A full buffer keeps the faults it holds instead of failing. */
	need = strlen(h->file) + strlen(what) + 16;
	if (h->faults->len + need <= h->faults->max)
		h5_buf_printf(h->faults, "%s:%u: %s\n", h->file, line, what);
}

/* Drops the blanks at both ends of s. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, BLANKS);
	n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	s[n] = '\0';
	return s;
}

static bool
good_name(const char *s)
{
	size_t n = strnlen(s, H5_INI_NAME + 1);

	return n >= 1 && n <= H5_INI_NAME && strspn(s, NAME_BYTES) == n;
}

/* Reads "[section]".  Returns the name, or NULL if it has reported a fault. */
static const char *
header(struct h5_ini *h, char *s)
{
	size_t n = strlen(s);

	if (s[n - 1] != ']') {
		h5_ini_fault(h, h->line,
		    "a section is written [name], with nothing after it");
		return NULL;
	}
	s[n - 1] = '\0';
	if (!good_name(s + 1)) {
		h5_ini_fault(h, h->line,
		    "a section's name is 1 to %d letters, digits, - or _",
		    H5_INI_NAME);
		return NULL;
	}
	return s + 1;
}

/* Reads "key = value".  What stands in a bad line is never repeated, since it
 * may be a secret that lost its key. */
static void
setting(struct h5_ini *h, const char *section, char *s, h5_ini_fn fn, void *ctx)
{
	char *eq = strchr(s, '='), *value;

	if (eq == NULL) {
		h5_ini_fault(h, h->line,
		    "neither [section] nor key = value nor a comment");
		return;
	}
	*eq = '\0';
	s = trim(s);
	value = trim(eq + 1);
	if (!good_name(s)) {
		h5_ini_fault(h, h->line,
		    "a key is 1 to %d letters, digits, - or _", H5_INI_NAME);
		return;
	}
	if (strlen(value) > H5_INI_VALUE) {
		h5_ini_fault(h, h->line,
		    "%s: the value is longer than %d bytes", s, H5_INI_VALUE);
		return;
	}
	fn(ctx, h, section, s, value);
}

/* A tab counts as a blank; no other control byte belongs in a line. */
static bool
clean(struct h5_ini *h, const char *s, size_t n)
{
	size_t i;

	if (!h5_text_utf8(s, n)) {
		h5_ini_fault(h, h->line, "not UTF-8: save the file as UTF-8");
		return false;
	}
	for (i = 0; i < n; i++) {
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') ||
		    s[i] == 0x7f) {
			h5_ini_fault(h, h->line, "a control byte in the line");
			return false;
		}
	}
	return true;
}

/* Bytes of s, at most n, without the blanks and line ends at both ends. */
static const char *
core(const char *s, size_t *n)
{
	while (*n > 0 && memchr(ENDS, s[*n - 1], strlen(ENDS)) != NULL)
		(*n)--;
	while (*n > 0 && memchr(ENDS, *s, strlen(ENDS)) != NULL) {
		s++;
		(*n)--;
	}
	return s;
}

/* The text that the first line promises the last one to be; NULL: nothing. */
static const char *
promised_end(const char *text, size_t n, size_t *len)
{
	static const char words[] = "must end with:";
	const char *s = text, *end = memchr(text, '\n', n);

	*len = end == NULL ? n : (size_t)(end - text);
	s = core(s, len);
	if (*len == 0 || (*s != '#' && *s != ';'))
		return NULL;
	--*len;
	s = core(s + 1, len);
	if (*len < strlen(words) || memcmp(s, words, strlen(words)) != 0)
		return NULL;
	*len -= strlen(words);
	return core(s + strlen(words), len);
}

/* Is the last line that is not blank another than the first one promises? */
static bool
lacks_end(const char *text, size_t n)
{
	size_t len, from;
	const char *end = promised_end(text, n, &len);

	if (end == NULL)
		return false;
	text = core(text, &n);
	for (from = n; from > 0 && text[from - 1] != '\n'; from--)
		;
	n -= from;
	text = core(text + from, &n);
	return len == 0 || n != len || memcmp(text, end, n) != 0;
}

void
h5_ini_read(struct h5_ini *h, char *text, size_t n, h5_ini_fn fn, void *ctx)
{
	const char *section = "";
	char *p = text, *end = text + n, *next, *s;
	size_t len;
	bool cut;

	h->open_end = n == 0 || text[n - 1] != '\n';
	p += h5_text_skip_bom(p, n);
	/* Asked before the lines are cut into strings. */
	cut = lacks_end(p, (size_t)(end - p));
	for (; p < end; p = next) {
		h->line++;
		next = memchr(p, '\n', (size_t)(end - p));
		len = (size_t)((next == NULL ? end : next) - p);
		next = next == NULL ? end : next + 1;
		if (len > 0 && p[len - 1] == '\r')
			len--;
		p[len] = '\0';
		s = p + strspn(p, BLANKS);
		if (*s == '#' || *s == ';')
			continue;
		if (!clean(h, p, len))
			continue;
		s = trim(p);
		if (*s == '\0')
			continue;
		if (*s != '[') {
			/* After a bad header nobody can say where a key
			 * belongs: that one fault is enough. */
			if (section != NULL)
				setting(h, section, s, fn, ctx);
			continue;
		}
		section = header(h, s);
		if (section != NULL)
			fn(ctx, h, section, NULL, NULL);
	}
	if (cut)
		h5_ini_fault(h, h->line,
		    "the file is cut short: its first line says how it must "
		    "end");
}

enum h5_code
h5_ini_verdict(const struct h5_ini *h, const char *first, struct h5_err *e)
{
	size_t n = strcspn(first, "\n");

	if (h->n_faults == 0)
		return H5_OK;
	if (n > H5_ERR_MSG - 40)
		n = h5_text_cut(first, n, H5_ERR_MSG - 40);
	if (h->n_faults == 1)
		return h5_err_set(e, H5_E_CONFIG, "%.*s", (int)n, first);
	return h5_err_set(e, H5_E_CONFIG, "%.*s (and %u more)", (int)n, first,
	    h->n_faults - 1);
}
