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

static const char *
file_text(void)
{
	return (const char *)h5_embed_doctor_files[1].bytes;
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
remedy_of(const struct h5_doctor *d, const char *at, size_t *n)
{
	const char *text = NULL;

	if (d->web)
		text = h5_doctor_line(at, h5_doctor_language(d), ".web", n);
	return text != NULL
		   ? text
		   : h5_doctor_line(at, h5_doctor_language(d), ".next", n);
}

static void
say(struct h5_doctor *d, enum h5_doctor_result r, const char *check,
    const char *what, const char *mend, const struct h5_data *v,
    struct h5_buf *remedy)
{
	const char *at = entry(what), *words, *text = NULL;
	struct h5_doctor_finding f = {.result = r, .check = check};
	struct h5_buf found;
	size_t n = 0;

	h5_buf_init(&found, SAID);
	words = h5_doctor_line(at, h5_doctor_language(d), "", &n);
	h5_doctor_fill(d, words, n, v, &found);
	/* What is known of the fault itself goes before what helps with its
	 * kind. */
	if (remedy->len == 0)
		text = mend == NULL ? remedy_of(d, at, &n)
				    : h5_doctor_line(entry(mend),
					  h5_doctor_language(d), "", &n);
	if (text != NULL)
		h5_doctor_fill(d, text, n, v, remedy);
	f.found = found.data;
	f.remedy = remedy->len > 0 && r != H5_DOCTOR_PASS ? remedy->data : NULL;
	d->count[r]++;
	d->say(d->arg, &f);
	h5_buf_release(&found);
}

/* English of a loader, the store or the network.  Whoever has no shell gets it
 * in words of its own: of "why" also the remedy, of "reason" not. */
static void
set_said(const struct h5_doctor *d, const char *name, const char *said,
    struct h5_data *v, struct h5_buf *remedy)
{
	bool why = strcmp(name, "why") == 0;
	struct h5_buf meant, ignored;

	h5_buf_init(&meant, SAID);
	h5_buf_init(&ignored, SAID);
	if (d->web && (why || strcmp(name, "reason") == 0) &&
	    h5_doctor_explain(d, said, &meant, why ? remedy : &ignored))
		said = meant.data;
	h5_data_str(v, name, said);
	h5_buf_release(&ignored);
	h5_buf_release(&meant);
}

static struct h5_data *
values(const struct h5_doctor *d, va_list ap, struct h5_buf *remedy)
{
	struct h5_data *v = h5_data_new();
	const char *name;

	for (name = va_arg(ap, const char *); name != NULL;
	     name = va_arg(ap, const char *))
		set_said(d, name, va_arg(ap, const char *), v, remedy);
	return v;
}

void
h5_doctor_say(struct h5_doctor *d, enum h5_doctor_result r, const char *check,
    const char *what, ...)
{
	struct h5_buf remedy;
	struct h5_data *v;
	va_list ap;

	h5_buf_init(&remedy, SAID);
	va_start(ap, what);
	v = values(d, ap, &remedy);
	va_end(ap);
	say(d, r, check, what, NULL, v, &remedy);
	h5_data_free(v);
	h5_buf_release(&remedy);
}

void
h5_doctor_say_mend(struct h5_doctor *d, enum h5_doctor_result r,
    const char *check, const char *what, const char *mend, ...)
{
	struct h5_buf remedy;
	struct h5_data *v;
	va_list ap;

	h5_buf_init(&remedy, SAID);
	va_start(ap, mend);
	v = values(d, ap, &remedy);
	va_end(ap);
	say(d, r, check, what, mend, v, &remedy);
	h5_data_free(v);
	h5_buf_release(&remedy);
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
