/* Reads documents from stdin, each after its length in four bytes (big
 * endian), and says for each what h5_xml_read makes of it: "R" (refused), or
 * "A", the number of fields, and each name and value after its length.  For
 * xml_differential.py. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fields.h"
#include "common/xml.h"

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

static void
answer(const char *p, size_t n)
{
	struct h5_fields f;
	enum h5_code rc;
	size_t i;

	rc = h5_xml_read(p, n, "xml", &f, NULL);
	/* The guard and the reader are to agree but for doubled elements. */
	if (rc == H5_OK && h5_xml_guard(p, n, "xml", NULL) != H5_OK)
		abort();
	if (rc != H5_OK && rc != H5_E_INPUT)
		abort();
	(void)putchar(rc == H5_OK ? 'A' : 'R');
	if (rc == H5_OK) {
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
