/* Templates: a value (before the first NUL) and a template (behind it).
 * Nothing that has a meaning in HTML reaches a page from a value, but through
 * the raw tags; a template without tags is its own page. */
#include "common/format/escape.h"
#include "common/format/template.h"
#include "common/base/text.h"
#include "tests/fuzz/fuzz.h"

#define PAGE 65536
/* Stands before each character of the marked value. */
#define MARK "qZ"
#define MARKED "qZ<qZ>qZ&qZ\"qZ'qZ</b>."

static const struct h5_template *
find(void *arg, const char *name)
{
	/* One partial, the template itself, so that the depth is tried. */
	return strcmp(name, "self") == 0 ? *(struct h5_template **)arg : NULL;
}

static struct h5_data *
fill(const char *value)
{
	struct h5_data *v = h5_data_new(), *item;
	int i;

	h5_data_str(v, "v", value);
	h5_data_str(v, "m", MARKED);
	h5_data_str(v, "no", "");
	h5_data_flag(v, "on", true);
	h5_data_flag(v, "off", false);
	for (i = 0; i < 2; i++) {
		item = h5_data_item(v, "list");
		h5_data_str(item, "m", MARKED);
		h5_data_str(item, "x", value);
	}
	MUST(h5_data_complete(v));
	return v;
}

/* No mark is followed by anything but what an escaped character becomes. */
static void
check_marks(const char *page, size_t n)
{
	static const char *const good[] = {
	    "&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
	const char *p = page, *end = page + n;
	size_t i;

	for (; (p = memmem(p, (size_t)(end - p), MARK, 2)) != NULL; p += 2)
		if (p + 2 < end && p[2] != '\0' &&
		    strchr("<>&\"'", p[2]) != NULL) {
			for (i = 0; i < 5; i++)
				if (strncmp(p + 2, good[i], strlen(good[i])) ==
				    0)
					break;
			MUST(i < 5);
		}
}

/* An escaped value says what it said before. */
static void
check_value(const char *value)
{
	static const char *const names[] = {
	    "&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
	size_t n = strlen(value), i, k;
	struct h5_buf out;
	const char *p;

	if (!h5_text_utf8(value, n))
		return;
	h5_buf_init(&out, 8 * n + 8);
	h5_escape_html(&out, value);
	MUST(h5_buf_finish(&out, NULL) == H5_OK);
	for (p = out.data, i = 0; i < n; i++) {
		if (((unsigned char)value[i] < 0x20 &&
			strchr("\t\n\r", value[i]) == NULL) ||
		    value[i] == 0x7f)
			continue;
		for (k = 0; k < 5 && value[i] != "<>&\"'"[k]; k++)
			;
		if (k == 5) {
			MUST(*p++ == value[i]);
			continue;
		}
		MUST(strncmp(p, names[k], strlen(names[k])) == 0);
		p += strlen(names[k]);
	}
	MUST(*p == '\0');
	h5_buf_release(&out);
}

static void
check_page(const char *src, size_t n, const struct h5_buf *page)
{
	bool raw = memmem(src, n, "{{{", 3) != NULL ||
		   memmem(src, n, "{{&", 3) != NULL;

	if (!raw && memmem(src, n, MARK, 2) == NULL &&
	    memchr(src, 'q', n) == NULL)
		check_marks(page->data, page->len);
	if (memmem(src, n, "{{", 2) == NULL)
		MUST(page->len == n && memcmp(page->data, src, n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *nul = memchr(data, '\0', size), *src;
	struct h5_template *t;
	const struct h5_template_source from = {.find = find, .arg = &t};
	struct h5_data *v;
	struct h5_buf page;
	struct h5_err e;
	char *value;
	size_t n;

	if (nul == NULL)
		nul = (const char *)data;
	value = fuzz_text(data, (size_t)(nul - (const char *)data));
	src = nul + (value[0] != '\0' || (size > 0 && data[0] == 0) ? 1 : 0);
	n = size - (size_t)(src - (const char *)data);
	check_value(value);
	/* A value must not look like the mark itself. */
	if (h5_template_compile("page", src, n, &t, &e) == H5_OK) {
		v = fill(strchr(value, 'q') == NULL ? value : "");
		h5_buf_init(&page, PAGE);
		if (h5_template_render(t, v, &from, &page, NULL) == H5_OK)
			check_page(src, n, &page);
		h5_buf_release(&page);
		h5_data_free(v);
	} else {
		MUST(e.code == H5_E_INPUT && t == NULL);
		MUST(strncmp(e.msg, "page:", 5) == 0);
	}
	h5_template_free(t);
	free(value);
	return 0;
}
