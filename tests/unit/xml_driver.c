/* Reads documents from stdin, each after its length in four bytes (big
 * endian), and says for each what h5_xml_read makes of it: "R" (refused), or
 * "A", the number of fields, and each name and value after its length.  For
 * xml_differential.py.  What was accepted is read by mxml, too, and must be the
 * same: a difference ends the driver. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mxml.h>

#include "common/base/buf.h"
#include "common/base/fields.h"
#include "common/wechat/v2/xml.h"

#define DOCUMENT_MAX (2U * H5_XML_MAX)

static void
put_number(size_t n)
{
	int shift;

	for (shift = 24; shift >= 0; shift -= 8)
		(void)putchar((int)(n >> shift & 0xff));
}

static void
put_text(const char *p, size_t n)
{
	put_number(n);
	(void)fwrite(p, 1, n, stdout);
}

/* mxml asks for a "<" at the beginning, and leaves line ends as they are,
 * which XML 1.0, 2.11 wants as LF. */
static void
make_plain(const char *p, size_t n, struct h5_buf *out)
{
	size_t i = strspn(p, " \t\r\n");

	for (; i < n; i++)
		if (p[i] != '\r')
			h5_buf_putc(out, p[i]);
		else if (i + 1 >= n || p[i + 1] != '\n')
			h5_buf_putc(out, '\n');
}

static const char *
text_of(mxml_node_t *node)
{
	return mxmlGetType(node) == MXML_OPAQUE ? mxmlGetOpaque(node)
						: mxmlGetCDATA(node);
}

/* Is the element this field? */
static bool
same(mxml_node_t *element, const struct h5_field *f)
{
	const char *text, *value = f->value;
	mxml_node_t *child;
	size_t len;

	for (child = mxmlGetFirstChild(element); child != NULL;
	     child = mxmlGetNextSibling(child)) {
		text = text_of(child);
		len = text == NULL ? 0 : strlen(text);
		if (text == NULL || strncmp(value, text, len) != 0)
			return false;
		value += len;
	}
	return *value == '\0' && strcmp(mxmlGetElement(element), f->name) == 0;
}

/* p was accepted: its first byte that is no white space is "<". */
static void
ask_mxml(const char *p, size_t n, const struct h5_fields *f)
{
	mxml_node_t *tree, *node;
	struct h5_buf plain;
	size_t i = 0;

	h5_buf_init(&plain, H5_XML_MAX);
	make_plain(p, n, &plain);
	tree = mxmlLoadString(NULL, plain.data, MXML_OPAQUE_CALLBACK);
	if (tree == NULL)
		abort();
	for (node = mxmlGetFirstChild(tree); node != NULL;
	     node = mxmlGetNextSibling(node)) {
		if (mxmlGetType(node) != MXML_ELEMENT)
			continue; /* white space between elements */
		if (i == f->n || !same(node, &f->v[i++]))
			abort();
	}
	if (i != f->n)
		abort();
	mxmlDelete(tree);
	h5_buf_release(&plain);
}

static void
answer(const char *p, size_t n)
{
	struct h5_fields f;
	enum h5_code rc;
	size_t i;

	rc = h5_xml_read(p, n, "xml", &f, NULL);
	if (rc != H5_OK && rc != H5_E_INPUT)
		abort();
	(void)putchar(rc == H5_OK ? 'A' : 'R');
	if (rc == H5_OK) {
		ask_mxml(p, n, &f);
		put_number(f.n);
		for (i = 0; i < f.n; i++) {
			put_text(f.v[i].name, f.v[i].name_len);
			put_text(f.v[i].value, f.v[i].value_len);
		}
	}
	(void)fflush(stdout);
	h5_fields_release(&f);
}

int
main(void)
{
	unsigned char head[4];
	char *document;
	size_t n;

	while (fread(head, 1, sizeof head, stdin) == sizeof head) {
		n = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
		    (size_t)head[2] << 8 | (size_t)head[3];
		if (n > DOCUMENT_MAX)
			return 1;
		/* Its exact size, so that a sanitizer sees one byte more. */
		document = malloc(n > 0 ? n : 1);
		if (document == NULL || fread(document, 1, n, stdin) != n) {
			free(document);
			return 1;
		}
		answer(document, n);
		free(document);
	}
	return 0;
}
