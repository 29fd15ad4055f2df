/* How a finding is said: the words of templates/doctor/words.txt in the
 * reader's language, filled with the values that were found. */
#include "common/doctor/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/embed.h"
#include "common/format/template.h"

#define SAID 4096 /* longest finding or remedy, bytes */

/* The rest of the line that begins with these words, in the lines from at to
 * the next entry; NULL: there is none. */
static const char *
rest_of(const char *at, const char *word, const char *dot_word, size_t *n)
{
	char mark[32];
	const char *end;
	size_t len;

	len = (size_t)snprintf(mark, sizeof mark, "%s%s ", word, dot_word);
	for (; at != NULL && *at != '\0' && *at != '='; at = end + 1) {
		end = strchr(at, '\n');
		if (end == NULL)
			return NULL;
		if (strncmp(at, mark, len) != 0)
			continue;
		*n = (size_t)(end - at) - len;
		return at + len;
	}
	return NULL;
}

static const char *
file_text(void)
{
	return (const char *)h5_embed_doctor_files[0].bytes;
}

/* The lines of an entry. */
static const char *
entry(const char *name)
{
	char mark[64];
	const char *at;
	size_t n;

	n = (size_t)snprintf(mark, sizeof mark, "\n= %s\n", name);
	at = strstr(file_text(), mark);
	return at == NULL ? NULL : at + n;
}

static const char *
language(const struct h5_doctor *d)
{
	return strcmp(d->lang, "en") == 0 ? "en" : "zh";
}

static const char *
remedy_of(const struct h5_doctor *d, const char *at, size_t *n)
{
	const char *text = NULL;

	if (d->web)
		text = rest_of(at, language(d), ".web", n);
	return text != NULL ? text : rest_of(at, language(d), ".next", n);
}

/* Folders above the configuration's are the host's business alone.  Whoever
 * mends the file knows it by its place beside the configuration. */
static void
hide(struct h5_buf *b, const char *prefix, size_t n)
{
	char *at;

	while (
	    b->len > 0 && (at = memmem(b->data, b->len, prefix, n)) != NULL) {
		memmove(at, at + n, b->len - (size_t)(at - b->data) - n + 1);
		b->len -= n;
	}
}

static void
hide_folders(const struct h5_doctor *d, struct h5_buf *b)
{
	const char *slash, *above;
	size_t n;

	if (!d->web || d->path == NULL)
		return;
	slash = strrchr(d->path, '/');
	if (slash == NULL || slash == d->path)
		return;
	n = (size_t)(slash - d->path) + 1;
	hide(b, d->path, n);
	above = memrchr(d->path, '/', n - 1);
	if (above != NULL && above > d->path)
		hide(b, d->path, (size_t)(above - d->path) + 1);
}

static void
fill(const struct h5_doctor *d, const char *text, size_t n,
    const struct h5_data *v, struct h5_buf *out)
{
	struct h5_template *t = NULL;
	struct h5_err e;
	enum h5_code rc;

	rc = text == NULL ? h5_err_set(&e, H5_E_BUG, "no words for this")
			  : h5_template_compile("words.txt", text, n, &t, &e);
	if (rc == H5_OK)
		rc = h5_template_render(t, v, NULL, out, &e);
	if (rc != H5_OK) {
		h5_buf_clear(out);
		h5_buf_puts(out, e.msg);
	}
	hide_folders(d, out);
	h5_template_free(t);
}

static void
say(struct h5_doctor *d, enum h5_doctor_result r, const char *check,
    const char *what, const char *mend, const struct h5_data *v)
{
	const char *at = entry(what), *text;
	struct h5_doctor_finding f = {.result = r, .check = check};
	struct h5_buf found, remedy;
	size_t n = 0;

	h5_buf_init(&found, SAID);
	h5_buf_init(&remedy, SAID);
	text = rest_of(at, language(d), "", &n);
	fill(d, text, n, v, &found);
	text = mend == NULL ? remedy_of(d, at, &n)
			    : rest_of(entry(mend), language(d), "", &n);
	if (text != NULL)
		fill(d, text, n, v, &remedy);
	f.found = found.data;
	f.remedy = text != NULL && r != H5_DOCTOR_PASS ? remedy.data : NULL;
	d->count[r]++;
	d->say(d->arg, &f);
	h5_buf_release(&found);
	h5_buf_release(&remedy);
}

static struct h5_data *
values(va_list ap)
{
	struct h5_data *v = h5_data_new();
	const char *name;

	for (name = va_arg(ap, const char *); name != NULL;
	     name = va_arg(ap, const char *))
		h5_data_str(v, name, va_arg(ap, const char *));
	return v;
}

void
h5_doctor_say(struct h5_doctor *d, enum h5_doctor_result r, const char *check,
    const char *what, ...)
{
	struct h5_data *v;
	va_list ap;

	va_start(ap, what);
	v = values(ap);
	va_end(ap);
	say(d, r, check, what, NULL, v);
	h5_data_free(v);
}

void
h5_doctor_say_mend(struct h5_doctor *d, enum h5_doctor_result r,
    const char *check, const char *what, const char *mend, ...)
{
	struct h5_data *v;
	va_list ap;

	va_start(ap, mend);
	v = values(ap);
	va_end(ap);
	say(d, r, check, what, mend, v);
	h5_data_free(v);
}

/* "@modes Permissions|..." */
void
h5_doctor_name(const struct h5_doctor *d, const char *check, struct h5_buf *out)
{
	const char *at, *bar, *end;
	char mark[64];
	size_t n;

	n = (size_t)snprintf(mark, sizeof mark, "\n@%s ", check);
	at = strstr(file_text(), mark);
	bar = at == NULL ? NULL : strchr(at + n, '|');
	end = bar == NULL ? NULL : strchr(bar, '\n');
	if (end == NULL)
		h5_buf_puts(out, check);
	else if (strcmp(d->lang, "en") == 0)
		h5_buf_add(out, at + n, (size_t)(bar - at) - n);
	else
		h5_buf_add(out, bar + 1, (size_t)(end - bar) - 1);
}

int
h5_doctor_left(const struct h5_doctor *d, int most_ms)
{
	int64_t left;

	if (d->until_ms == 0)
		return most_ms;
	left = d->until_ms - h5_clock_mono_ms();
	return left < 0 ? 0 : left < most_ms ? (int)left : most_ms;
}
