/* format/qr: what is drawn; whether it can be read is asked from outside
 * (tests/e2e/test_qr.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/format/qr.h"

static void
test_qr__an_svg_is_whole_and_white_around(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 1 << 20);
	assert_int_equal(h5_qr_svg("https://x/", &b, NULL), H5_OK);
	/* Version 1 has 21 modules, and 4 white ones on each side. */
	assert_non_null(strstr(b.data, "viewBox=\"0 0 29 29\""));
	/* The first finder's upper edge: seven black modules. */
	assert_non_null(strstr(b.data, "<path d=\"M4 4h7v1h-7z"));
	assert_string_equal(b.data + b.len - 6, "</svg>");
	h5_buf_release(&b);
}

static void
test_qr__a_terminal_gets_as_many_lines_as_it_needs(void **state)
{
	size_t width = 0, lines = 0;
	struct h5_buf b;
	const char *s;

	(void)state;
	h5_buf_init(&b, 1 << 20);
	assert_int_equal(
	    h5_qr_terminal("https://x/", false, &width, &b, NULL), H5_OK);
	assert_int_equal(width, 25);
	for (s = b.data; (s = strchr(s, '\n')) != NULL; s++)
		lines++;
	assert_int_equal(lines, 13);
	/* The quiet zone is light: without colours that is what is written. */
	assert_memory_equal(b.data, "\xe2\x96\x88\xe2\x96\x88", 6);
	h5_buf_clear(&b);
	assert_int_equal(
	    h5_qr_terminal("https://x/", true, &width, &b, NULL), H5_OK);
	assert_non_null(strstr(b.data, "48;5;231m   "));
	h5_buf_release(&b);
}

static void
test_qr__what_does_not_fit_is_refused(void **state)
{
	char text[4097];
	struct h5_buf b;
	struct h5_err e;
	size_t width;

	(void)state;
	memset(text, 'x', sizeof text);
	/* Version 40 takes 2,953 bytes at the lowest level. */
	h5_buf_init(&b, 1 << 20);
	text[2953] = '\0';
	assert_int_equal(h5_qr_svg(text, &b, &e), H5_OK);
	text[2953] = 'x';
	text[2954] = '\0';
	h5_buf_clear(&b);
	assert_int_equal(h5_qr_svg(text, &b, &e), H5_E_INPUT);
	assert_int_equal(
	    h5_qr_terminal(text, true, &width, &b, &e), H5_E_INPUT);
	h5_buf_release(&b);
	/* Nor what the picture has no room in. */
	h5_buf_init(&b, 100);
	assert_int_equal(h5_qr_svg("https://x/", &b, &e), H5_E_INPUT);
	h5_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_qr__an_svg_is_whole_and_white_around),
	    cmocka_unit_test(
		test_qr__a_terminal_gets_as_many_lines_as_it_needs),
	    cmocka_unit_test(test_qr__what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
