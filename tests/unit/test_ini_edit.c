/* Setting one key: nothing else may change, byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/help.h"
#include "common/format/ini_edit.h"

static void
same(const char *text, const char *key, const char *twin, const char *value,
    const char *want)
{
	struct h5_ini_set set = {"site", key, value, twin};
	struct h5_buf out;
	struct h5_err e;

	h5_buf_init(&out, 65536);
	assert_int_equal(h5_ini_edit(text, &set, &out, &e), H5_OK);
	assert_string_equal(out.data, want);
	h5_buf_release(&out);
}

static void
test_ini_edit__a_line_is_replaced(void **state)
{
	(void)state;
	same("[site]\nname = A\n", "name", NULL, "B", "[site]\nname = B\n");
	same("# x\n\n[site]\n  name=A \n# y\nlang = en\n", "name", NULL, "B",
	    "# x\n\n[site]\nname = B\n# y\nlang = en\n");
	/* The same key elsewhere, and one that only begins alike. */
	same("[shop]\nname = A\n[site]\nnames = C\nname = A\n", "name", NULL,
	    "B", "[shop]\nname = A\n[site]\nnames = C\nname = B\n");
	/* Without a last line feed, and with DOS line ends. */
	same("[site]\nname = A", "name", NULL, "B", "[site]\nname = B\n");
	same("[site]\r\nname = A\r\nlang = en\r\n", "name", NULL, "B",
	    "[site]\r\nname = B\r\nlang = en\r\n");
	same("\xef\xbb\xbf[site]\nname = A\n", "name", NULL, "B",
	    "\xef\xbb\xbf[site]\nname = B\n");
	/* A value may look like anything. */
	same("[site]\nname = [site]\n", "name", NULL, "# x = y",
	    "[site]\nname = # x = y\n");
}

static void
test_ini_edit__a_twin_gives_its_line(void **state)
{
	(void)state;
	same("[site]\nsecret = abc\n", "secret_file", "secret", "f",
	    "[site]\nsecret_file = f\n");
	same("[site]\nsecret_previous = abc\n", "secret_file", "secret", "f",
	    "[site]\nsecret_previous = abc\nsecret_file = f\n");
}

static void
test_ini_edit__a_new_line_stands_below_its_comment(void **state)
{
	(void)state;
	same("[site]\nname = A\n\n# why\n#lang = zh-CN\n\n# more\n[log]\n",
	    "lang", NULL, "en",
	    "[site]\nname = A\n\n# why\n#lang = zh-CN\nlang = en\n\n# more\n"
	    "[log]\n");
	same("[site]\nname = A\n\n# of the log\n[log]\n", "lang", NULL, "en",
	    "[site]\nname = A\nlang = en\n\n# of the log\n[log]\n");
	same("[site]\n[log]\n", "lang", NULL, "en",
	    "[site]\nlang = en\n[log]\n");
	/* A comment in another section is no place. */
	same("[log]\n#lang = x\n[site]\nname = A\n", "lang", NULL, "en",
	    "[log]\n#lang = x\n[site]\nname = A\nlang = en\n");
}

static void
test_ini_edit__a_section_is_made(void **state)
{
	(void)state;
	same("", "lang", NULL, "en", "[site]\nlang = en\n");
	same("[log]\nfile = x\n", "lang", NULL, "en",
	    "[log]\nfile = x\n\n[site]\nlang = en\n");
	same("[log]\nfile = x", "lang", NULL, "en",
	    "[log]\nfile = x\n\n[site]\nlang = en\n");
	/* The promised end stays the end. */
	same("# must end with: # end\n[log]\nfile = x\n# end\n", "lang", NULL,
	    "en",
	    "# must end with: # end\n[log]\nfile = x\n\n[site]\nlang = en\n"
	    "# end\n");
	same("# must end with: # end\n[site]\nname = A\n# end\n", "lang", NULL,
	    "en",
	    "# must end with: # end\n[site]\nname = A\nlang = en\n# end\n");
}

static void
test_ini_edit__the_ceiling_holds(void **state)
{
	struct h5_ini_set set = {"site", "name", "B", NULL};
	struct h5_buf out;

	(void)state;
	h5_buf_init(&out, 10);
	assert_int_equal(
	    h5_ini_edit("[site]\nname = A\n", &set, &out, NULL), H5_E_INPUT);
	h5_buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ini_edit__a_line_is_replaced),
	    cmocka_unit_test(test_ini_edit__a_twin_gives_its_line),
	    cmocka_unit_test(
		test_ini_edit__a_new_line_stands_below_its_comment),
	    cmocka_unit_test(test_ini_edit__a_section_is_made),
	    cmocka_unit_test(test_ini_edit__the_ceiling_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
