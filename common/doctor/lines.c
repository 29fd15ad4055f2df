/* Reads the lines of an entry of templates/doctor, and fills values in. */
#include <stdio.h>
#include <string.h>

#include "common/doctor/words.h"

const char *
h5_doctor_line(
    const char *at, const char *word, const char *dot_word, size_t *n)
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

const char *
h5_doctor_language(const struct h5_doctor *d)
{
	return strcmp(d->lang, "en") == 0 ? "en" : "zh";
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

void
h5_doctor_fill(const struct h5_doctor *d, const char *text, size_t n,
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
