#include "tests/unit/help.h"

#include "common/base/buf.h"
#include "common/format/escape.h"
#include "common/format/form.h"
#include "tests/form_read.h"

static void
test_form__reads_what_browsers_send(void **state)
{
	/* want: name=value lines, "|" between fields */
	static const struct {
		const char *form, *want;
	} rows[] = {
	    {"", ""},
	    {"&", ""},
	    {"&&&", ""},
	    {"a=1", "a=1"},
	    {"a=1&b=2", "a=1|b=2"},
	    {"a=1&&b=2&", "a=1|b=2"},
	    {"&a=1", "a=1"},
	    {"a", "a="},
	    {"a=", "a="},
	    {"a=b=c", "a=b=c"},
	    {"a=%3D%26%2b+%20", "a==&+  "},
	    {"%61=%31", "a=1"},
	    {"a=%e8%8c%b6%E8%8C%B6", "a=\xe8\x8c\xb6\xe8\x8c\xb6"},
	    {"a=\xe8\x8c\xb6", "a=\xe8\x8c\xb6"},
	    {"a=%25", "a=%"},
	    {"a=%2500", "a=%00"},
	    {"a=;b", "a=;b"},
	    {"a=%0a", "a=\n"},
	    {"a+b=c", "a b=c"},
	    {"A=1&a=2", "A=1|a=2"},
	};
	struct h5_fields f;
	struct h5_buf text;
	size_t i, k;

	(void)state;
	h5_buf_init(&text, 1000);
	for (i = 0; i < COUNT(rows); i++) {
		h5_fields_init(&f, 10, 100);
		ROW(rows[i].form, form_read(rows[i].form, strlen(rows[i].form),
				      &f, NULL) == H5_OK);
		h5_buf_clear(&text);
		for (k = 0; k < f.n; k++)
			h5_buf_printf(&text, "%s%s=%s", k > 0 ? "|" : "",
			    f.v[k].name, f.v[k].value);
		ROW(rows[i].form, strcmp(text.data, rows[i].want) == 0);
		h5_fields_release(&f);
	}
	h5_buf_release(&text);
}

static void
test_form__refuses_what_is_malformed(void **state)
{
	static const struct {
		const char *name, *form;
		size_t n;
		enum h5_code rc;
	} rows[] = {
	    {"escape cut off", "a=%", 3, H5_E_INPUT},
	    {"escape cut short", "a=%4", 4, H5_E_INPUT},
	    {"escape before &", "a=%4&b=1", 8, H5_E_INPUT},
	    {"escape not hex", "a=%zz", 5, H5_E_INPUT},
	    {"escape half hex", "a=%4g", 5, H5_E_INPUT},
	    {"escape with a blank", "a=% 1", 5, H5_E_INPUT},
	    {"escape in a name", "%=1", 3, H5_E_INPUT},
	    {"escaped NUL", "a=b%00c", 7, H5_E_INPUT},
	    {"NUL", "a=b\0c", 5, H5_E_INPUT},
	    {"NUL in a name", "a\0=c", 4, H5_E_INPUT},
	    {"not UTF-8", "a=%ff", 5, H5_E_INPUT},
	    {"GBK", "a=%b2%e8", 8, H5_E_INPUT},
	    {"overlong", "a=%c0%af", 8, H5_E_INPUT},
	    {"surrogate", "a=%ed%a0%80", 11, H5_E_INPUT},
	    {"character over two fields", "a=%e8%8c&%b6=1", 14, H5_E_INPUT},
	    {"no name", "=1", 2, H5_E_INPUT},
	    {"only =", "=", 1, H5_E_INPUT},
	    {"doubled", "a=1&a=2", 7, H5_E_EXISTS},
	    {"doubled and escaped", "a=1&%61=2", 9, H5_E_EXISTS},
	    {"doubled and the same", "a=1&a=1", 7, H5_E_EXISTS},
	    {"too many", "a&b&c&d", 7, H5_E_INPUT},
	    {"too long", "a=12345678901234567890", 22, H5_E_INPUT},
	};
	struct h5_fields f;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		h5_fields_init(&f, 3, 20);
		ROW(rows[i].name,
		    form_read(rows[i].form, rows[i].n, &f, &e) == rows[i].rc);
		ROW(rows[i].name, e.code == rows[i].rc && e.msg[0] != '\0');
		ROW(rows[i].name, f.n == 0);
		h5_fields_release(&f);
	}
}

/* Reads no byte past n: the copy ends exactly there, which a sanitizer or
 * valgrind sees. */
static void
test_form__stays_inside_its_bytes(void **state)
{
	static const char whole[] = "a=%e8%8c%b6&b";
	struct h5_fields f;
	char *copy;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof whole; n++) {
		copy = malloc(n > 0 ? n : 1);
		assert_non_null(copy);
		memcpy(copy, whole, n);
		h5_fields_init(&f, 10, 100);
		(void)(form_read(copy, n, &f, NULL) == H5_OK);
		assert_true(f.n <= 2);
		h5_fields_release(&f);
		free(copy);
	}
}

/* What h5_escape_url writes, form_read reads: each byte pair that is
 * text. */
static void
test_form__reads_back_what_escape_url_wrote(void **state)
{
	char value[3] = "";
	struct h5_fields f;
	struct h5_buf b;
	unsigned i, k;

	(void)state;
	h5_buf_init(&b, 100);
	for (i = 1; i < 0x80; i++) {
		for (k = 1; k < 0x80; k++) {
			value[0] = (char)i;
			value[1] = (char)k;
			h5_buf_clear(&b);
			h5_escape_url(&b, value);
			h5_buf_putc(&b, '=');
			h5_escape_url(&b, value);
			h5_fields_init(&f, 10, 100);
			assert_int_equal(
			    form_read(b.data, b.len, &f, NULL), H5_OK);
			assert_int_equal(f.n, 1);
			assert_string_equal(f.v[0].name, value);
			assert_string_equal(f.v[0].value, value);
			h5_fields_release(&f);
		}
	}
	h5_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_form__reads_what_browsers_send),
	    cmocka_unit_test(test_form__refuses_what_is_malformed),
	    cmocka_unit_test(test_form__stays_inside_its_bytes),
	    cmocka_unit_test(test_form__reads_back_what_escape_url_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
