/* Forms: what is read is what a second, plain reader makes of the bytes, and
 * is read again as the same after it was encoded. */
#include "common/format/escape.h"
#include "common/format/form.h"
#include "tests/form_read.h"
#include "common/base/text.h"
#include "tests/fuzz/fuzz.h"

#define FIELDS 32
#define BYTES 16384

static int
digit(char c)
{
	const char *at = c == '\0' ? NULL : strchr("0123456789abcdef", c | 32);

	return at == NULL ? -1 : (int)(at - "0123456789abcdef");
}

/* The next decoded byte of *p, or -1 at end. */
static int
next(const char **p, const char *end)
{
	int c;

	if (*p == end)
		return -1;
	if (**p != '%') {
		c = **p == '+' ? ' ' : (unsigned char)**p;
		(*p)++;
		return c;
	}
	MUST(end - *p >= 3);
	c = digit((*p)[1]) * 16 + digit((*p)[2]);
	MUST(digit((*p)[1]) >= 0 && digit((*p)[2]) >= 0);
	*p += 3;
	return c;
}

/* Is this what stands between p and end? */
static void
decodes_to(const char *p, const char *end, const char *want, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		MUST(next(&p, end) == (unsigned char)want[i]);
	MUST(next(&p, end) == -1);
}

static void
second_reader(const char *p, const char *end, const struct h5_fields *f)
{
	const char *to, *equals;
	size_t i = 0;

	for (; p < end; p = to + 1) {
		to = memchr(p, '&', (size_t)(end - p));
		if (to == NULL)
			to = end;
		if (to == p)
			continue;
		equals = memchr(p, '=', (size_t)(to - p));
		if (equals == NULL)
			equals = to;
		MUST(i < f->n);
		decodes_to(p, equals, f->v[i].name, f->v[i].name_len);
		decodes_to(equals == to ? to : equals + 1, to, f->v[i].value,
		    f->v[i].value_len);
		i++;
	}
	MUST(i == f->n);
}

static void
round_trip(const struct h5_fields *f)
{
	struct h5_fields again;
	struct h5_buf out;
	size_t i;

	h5_buf_init(&out, 4 * BYTES);
	for (i = 0; i < f->n; i++) {
		if (i > 0)
			h5_buf_putc(&out, '&');
		h5_escape_url(&out, f->v[i].name);
		h5_buf_putc(&out, '=');
		h5_escape_url(&out, f->v[i].value);
	}
	MUST(h5_buf_finish(&out, NULL) == H5_OK);
	h5_fields_init(&again, FIELDS, BYTES);
	MUST(form_read(out.data, out.len, &again, NULL) == H5_OK);
	MUST(fuzz_same(f, &again));
	h5_fields_release(&again);
	h5_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size > 0 ? size : 1);
	struct h5_fields f;
	enum h5_code rc;
	size_t i;

	MUST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	h5_fields_init(&f, FIELDS, BYTES);
	rc = form_read(text, size, &f, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT || rc == H5_E_EXISTS);
	MUST(rc == H5_OK || f.n == 0);
	for (i = 0; i < f.n; i++) {
		MUST(f.v[i].name_len > 0);
		/* No second one behind it. */
		MUST(h5_fields_get(&f, f.v[i].name) == f.v[i].value);
		MUST(h5_text_utf8(f.v[i].name, f.v[i].name_len));
		MUST(h5_text_utf8(f.v[i].value, f.v[i].value_len));
	}
	if (rc == H5_OK) {
		second_reader(text, text + size, &f);
		round_trip(&f);
	}
	h5_fields_release(&f);
	free(text);
	return 0;
}
