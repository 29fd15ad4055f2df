/* The XML reader: what is read can be written and is read again as the same. */
#include "common/base/text.h"
#include "common/wechat/v2/xml.h"
#include "tests/fuzz/fuzz.h"

/* What h5_xml_write has to take (xml.h). */
static bool
writable(const struct h5_fields *f)
{
	size_t i;

	if (f->n == 0)
		return false;
	for (i = 0; i < f->n; i++)
		if (strpbrk(f->v[i].name, ".-") != NULL ||
		    strpbrk(f->v[i].value, "\t\n\r\x7f") != NULL)
			return false;
	return true;
}

static bool
doubled(const struct h5_fields *f)
{
	size_t i, j;

	for (i = 0; i < f->n; i++)
		for (j = 0; j < i; j++)
			if (strcmp(f->v[i].name, f->v[j].name) == 0)
				return true;
	return false;
}

static void
check_fields(const struct h5_fields *f)
{
	struct h5_fields again;
	struct h5_buf out;
	enum h5_code rc;
	size_t i;

	MUST(!doubled(f));
	for (i = 0; i < f->n; i++) {
		MUST(f->v[i].name_len >= 1 && f->v[i].name_len <= 64);
		MUST(strchr(f->v[i].value, '\r') == NULL);
		MUST(h5_text_utf8(f->v[i].value, f->v[i].value_len));
	}
	h5_buf_init(&out, 8 * H5_XML_MAX);
	rc = h5_xml_write(f, &out, NULL);
	MUST((rc == H5_OK) == writable(f));
	if (rc == H5_OK && out.len <= H5_XML_MAX) {
		MUST(h5_xml_read(out.data, out.len, "xml", &again, NULL) ==
		     H5_OK);
		MUST(fuzz_same(f, &again));
		h5_fields_release(&again);
	}
	h5_buf_release(&out);
}

static void
check_root(const char *text, size_t n, const char *root)
{
	enum h5_code rc;
	struct h5_fields f;

	rc = h5_xml_read(text, n, root, &f, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT);
	if (rc == H5_OK)
		check_fields(&f);
	else
		MUST(f.n == 0);
	h5_fields_release(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Without a NUL behind it: a reader is told the length. */
	char *text = malloc(size > 0 ? size : 1);

	MUST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	check_root(text, size, "xml");
	if (memmem(text, size, "<root>", 6) != NULL)
		check_root(text, size, "root");
	free(text);
	return 0;
}
