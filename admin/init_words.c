/* What "h5pay init" says: templates/init.txt, in the reader's language. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/init.h"

const char *
init_lang(const char *option)
{
	static const char *const variables[] = {
	    "LC_ALL", "LC_MESSAGES", "LANG"};
	const char *value = option;
	size_t i;

	/* The first one that is set decides (setlocale(3)). */
	for (i = 0; i < 3 && (value == NULL || value[0] == '\0'); i++)
		value = getenv(variables[i]);
	return value != NULL && strncmp(value, "zh", 2) == 0 ? "zh" : "en";
}

/* Appends a line with its {{names}} filled in. */
static void
fill(const char *p, size_t n, struct h5_buf *out, va_list ap)
{
	const char *end = p + n, *open, *close, *key, *value;
	va_list args;

	while ((open = memmem(p, (size_t)(end - p), "{{", 2)) != NULL) {
		close = memmem(open, (size_t)(end - open), "}}", 2);
		if (close == NULL)
			break;
		h5_buf_add(out, p, (size_t)(open - p));
		open += 2;
		va_copy(args, ap);
		while ((key = va_arg(args, const char *)) != NULL) {
			value = va_arg(args, const char *);
			if (strlen(key) == (size_t)(close - open) &&
			    memcmp(key, open, strlen(key)) == 0)
				h5_buf_puts(out, value);
		}
		va_end(args);
		p = close + 2;
	}
	h5_buf_add(out, p, (size_t)(end - p));
}

static void
words(const struct init *in, const char *name, struct h5_buf *out, va_list ap)
{
	const char *at, *end;
	char mark[64];
	size_t n, lines = 0;

	n = (size_t)snprintf(mark, sizeof mark, "\n= %s\n", name);
	at = strstr(command_file("init.txt"), mark);
	for (at = at == NULL ? "" : at + n; *at != '\0' && *at != '=';
	     at = end + 1) {
		end = strchr(at, '\n');
		if (end == NULL)
			return;
		if (strncmp(at, in->lang, 2) != 0 || at[2] != ' ')
			continue;
		if (lines++ > 0)
			h5_buf_putc(out, '\n');
		fill(at + 3, (size_t)(end - at) - 3, out, ap);
	}
}

void
init_words(const struct init *in, const char *name, struct h5_buf *out, ...)
{
	va_list ap;

	va_start(ap, out);
	words(in, name, out, ap);
	va_end(ap);
}

void
init_say(const struct init *in, FILE *to, const char *name, ...)
{
	struct h5_buf b;
	va_list ap;

	/* Questions and warnings are said in any case. */
	if (in->json && to == stdout)
		return;
	h5_buf_init(&b, 16384);
	va_start(ap, name);
	words(in, name, &b, ap);
	va_end(ap);
	(void)fprintf(to, "%s\n", b.data);
	(void)fflush(to);
	h5_buf_release(&b);
}
