/* JSON that others wrote: what is taken, what is refused, and by which words.
 */
#include "tests/unit/help.h"

#include <locale.h>

#include "common/format/json_read.h"

static enum h5_code
reads(const char *text, size_t n)
{
	struct h5_json_value *v;
	struct h5_err e;
	enum h5_code rc = h5_json_read(text, n, &v, &e);

	assert_int_equal(rc == H5_OK, v != NULL);
	h5_json_free(v);
	return rc;
}

static struct h5_json_value *
document(const char *text)
{
	struct h5_json_value *v;
	struct h5_err e;

	if (h5_json_read(text, strlen(text), &v, &e) != H5_OK)
		fail_msg("%s: %s", text, e.msg);
	return v;
}

static void
test_json_read__takes_what_rfc_8259_calls_an_object(void **state)
{
	static const char *const good[] = {"{}", " \t\r\n{ } \n", "{\"\":null}",
	    "\xef\xbb\xbf{\"a\":1}", "{\"a\":\"\\u5fae\\ud83d\\ude00\\/\"}",
	    "{\"a\":{\"a\":{\"a\":[]}}}",
	    "{\"a\":[1,\"2\",true,false,null,{}]}", "{\"a\":-0}",
	    "{\"a\":1.5e-3,\"b\":1E400,\"c\":-0.0}",
	    "{\"a\":123456789012345678901234567890}",
	    "{\"a\":9223372036854775808,\"b\":-9999999999999999999}",
	    "{\"a\":\"1e999 [[[[[[[[[[[[[[[[[[[[[[\"}", "{\"a\":\"\\\"[\"}"};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++)
		ROW(good[i], reads(good[i], strlen(good[i])) == H5_OK);
}

static void
test_json_read__refuses_everything_else(void **state)
{
	static const char *const bad[] = {"", " ", "\xef\xbb\xbf", "null", "[]",
	    "1", "\"a\"", "true", "{", "}", "{\"a\"}", "{\"a\":}", "{a:1}",
	    "{'a':1}", "{\"a\":1,}", "{\"a\":1}}", "{\"a\":1}{}", "{\"a\":1} x",
	    "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}",
	    "{\"a\":1e+}", "{\"a\":+1}", "{\"a\":-}", "{\"a\":0x10}",
	    "{\"a\":1.5.5}", "{\"a\":1e5e5}", "{\"a\":1.5e5e5}",
	    "{\"a\":1.5-1.5}", "{\"a\":1.5true}", "{\"a\":-1.5.5}",
	    "{\"a\":1 2}", "{\"a\":--1}", "{\"a\":1.5x}", "{\"a\":NaN}",
	    "{\"a\":Infinity}", "{\"a\":\"\\x41\"}", "{\"a\":\"\\ud800\"}",
	    "{\"a\":\"\\udc00\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\n\"}",
	    "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}",
	    "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"", "{\"a\":\"\\", "/*x*/{}",
	    "{},{}", "{},1", "{}],[{}", "{}]", "[]]", ",{}", "{}//",
	    "{\"a\":1 \"b\":2}", "\xef\xbb\xbf\xef\xbb\xbf{}", "<xml/>"};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		ROW(bad[i], reads(bad[i], strlen(bad[i])) == H5_E_INPUT);
}

static void
test_json_read__refuses_a_name_that_stands_twice(void **state)
{
	struct h5_json_value *v;
	struct h5_err e;
	static const char twice[] =
	    "{\"amount\":{\"total\":1,\"refund\":1,\"total\":2}}";

	(void)state;
	assert_int_equal(
	    h5_json_read(twice, strlen(twice), &v, &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "twice"));
	/* Also where it is spelt otherwise. */
	assert_int_equal(reads("{\"a\":1,\"\\u0061\":2}", 18), H5_E_INPUT);
	assert_int_equal(reads("{\"a\":{\"b\":1},\"b\":2}", 19), H5_OK);
}

static void
test_json_read__refuses_what_lies_too_deep(void **state)
{
	char text[300];
	size_t depth, n;

	(void)state;
	for (depth = 1; depth <= 20; depth++) {
		n = (size_t)snprintf(text, sizeof text, "{\"a\":%.*s%.*s}",
		    (int)depth - 1, "[[[[[[[[[[[[[[[[[[[[", (int)depth - 1,
		    "]]]]]]]]]]]]]]]]]]]]");
		if (depth == 1)
			n = (size_t)snprintf(text, sizeof text, "{\"a\":1}");
		assert_int_equal(
		    reads(text, n), depth <= 16 ? H5_OK : H5_E_INPUT);
	}
	/* Beside each other is not within each other. */
	assert_int_equal(
	    reads("{\"a\":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
		  "[],[]]}",
		64),
	    H5_OK);
	/* A parser that recurs for each would end here. */
	memset(text, '[', sizeof text);
	assert_int_equal(reads(text, sizeof text), H5_E_INPUT);
}

static void
test_json_read__takes_exactly_the_bytes_that_it_is_given(void **state)
{
	(void)state;
	assert_int_equal(reads("{\"a\":1}garbage", 7), H5_OK);
	assert_int_equal(reads("{\"a\":1}", 6), H5_E_INPUT);
	assert_int_equal(reads("{\"a\":1}\0", 8), H5_E_INPUT);
	assert_int_equal(reads("{\"a\0b\":1}", 9), H5_E_INPUT);
	assert_int_equal(reads("{\"a\\u0000b\":1}", 14), H5_E_INPUT);
}

static void
test_json_read__whole_numbers_alone_are_read(void **state)
{
	static const struct {
		const char *text;
		bool whole;
		int64_t n;
	} rows[] = {{"0", true, 0}, {"-0", true, 0}, {"-1", true, -1},
	    {"100", true, 100},
	    {"999999999999999999", true, 999999999999999999},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775807", true, -INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"-9223372036854775809", false, 0},
	    {"9223372036854775808", false, 0},
	    {"10000000000000000000000", false, 0}, {"1.0", false, 0},
	    {"100.00", false, 0}, {"1e2", false, 0}, {"1E2", false, 0},
	    {"1e-2", false, 0}, {"1e999", false, 0}, {"\"100\"", false, 0},
	    {"true", false, 0}, {"[100]", false, 0}, {"{}", false, 0}};
	struct h5_json_value *v;
	char text[100];
	struct h5_err e;
	enum h5_code rc;
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(
		    text, sizeof text, "{\"total\":%s}", rows[i].text);
		v = document(text);
		n = -7;
		rc = h5_json_take_int(v, "total", H5_JSON_OPTIONAL, &n, &e);
		ROW(rows[i].text, rc == (rows[i].whole ? H5_OK : H5_E_INPUT));
		ROW(rows[i].text, n == (rows[i].whole ? rows[i].n : -7));
		if (rc != H5_OK)
			assert_string_equal(
			    e.msg, "total is not a whole number");
		h5_json_free(v);
	}
}

/* Bug 25: an amount as a string or with a fraction. */
static void
test_v3__bug_25_an_amount_is_a_whole_number_or_refused(void **state)
{
	struct h5_json_value *v =
	    document("{\"amount\":{\"total\":\"100\",\"refund\":1.0}}");
	struct h5_err e;
	int64_t n = 5;

	(void)state;
	assert_int_equal(
	    h5_json_take_int(v, "amount.total", H5_JSON_REQUIRED, &n, &e),
	    H5_E_INPUT);
	assert_string_equal(e.msg, "amount.total is not a whole number");
	assert_int_equal(
	    h5_json_take_int(v, "amount.refund", H5_JSON_REQUIRED, &n, &e),
	    H5_E_INPUT);
	assert_int_equal(n, 5);
	h5_json_free(v);
}

/* Bug 50: a locale whose decimal sign is a comma. */
static void
test_v3__bug_50_no_locale_changes_a_number(void **state)
{
	const char *had = setlocale(LC_ALL, "de_DE.UTF-8");
	struct h5_json_value *v = document("{\"a\":1.5,\"b\":1000}");
	struct h5_err e;
	int64_t n = 0;

	(void)state;
	/* Where that locale is not installed the C locale has to do. */
	(void)had;
	assert_int_equal(
	    h5_json_take_int(v, "b", H5_JSON_REQUIRED, &n, &e), H5_OK);
	assert_int_equal(n, 1000);
	h5_json_free(v);
	(void)setlocale(LC_ALL, "C");
}

static void
test_json_read__strings_have_a_limit_and_no_nul(void **state)
{
	struct h5_json_value *v = document(
	    "{\"a\":\"12345\",\"n\":\"1\\u00002\",\"z\":\"\",\"q\":null,"
	    "\"c\":\"\\u5fae\\u4fe1\",\"i\":7,\"w\":\"a b\",\"s\":\"\\/+\"}");
	const char *s;
	struct h5_err e;
	char word[6];

	(void)state;
	assert_int_equal(
	    h5_json_take_string(v, "a", H5_JSON_REQUIRED, 5, &s, &e), H5_OK);
	assert_string_equal(s, "12345");
	assert_int_equal(
	    h5_json_take_string(v, "a", H5_JSON_REQUIRED, 4, &s, &e),
	    H5_E_INPUT);
	assert_string_equal(e.msg, "a is longer than 4 bytes");
	assert_null(s);
	assert_int_equal(
	    h5_json_take_string(v, "n", H5_JSON_OPTIONAL, 9, &s, &e),
	    H5_E_INPUT);
	assert_null(h5_json_string_of(v, "n"));
	assert_int_equal(
	    h5_json_take_string(v, "i", H5_JSON_OPTIONAL, 9, &s, &e),
	    H5_E_INPUT);
	assert_string_equal(e.msg, "i is not a string");
	/* Absent, null and empty are the same. */
	for (const char *name = "zqx"; *name != '\0'; name++) {
		const char path[2] = {*name, '\0'};

		assert_int_equal(
		    h5_json_take_string(v, path, H5_JSON_OPTIONAL, 9, &s, &e),
		    H5_OK);
		assert_null(s);
		assert_int_equal(
		    h5_json_take_string(v, path, H5_JSON_REQUIRED, 9, &s, &e),
		    H5_E_INPUT);
		assert_int_equal(h5_json_take_word(v, path, H5_JSON_OPTIONAL,
				     word, sizeof word, &e),
		    H5_OK);
		assert_string_equal(word, "");
	}
	assert_int_equal(
	    h5_json_take_word(v, "a", H5_JSON_REQUIRED, word, sizeof word, &e),
	    H5_OK);
	assert_string_equal(word, "12345");
	assert_int_equal(
	    h5_json_take_word(v, "a", H5_JSON_REQUIRED, word, 5, &e),
	    H5_E_INPUT);
	assert_string_equal(word, "");
	assert_int_equal(
	    h5_json_take_word(v, "c", H5_JSON_REQUIRED, word, sizeof word, &e),
	    H5_E_INPUT);
	assert_int_equal(
	    h5_json_take_word(v, "w", H5_JSON_REQUIRED, word, sizeof word, &e),
	    H5_E_INPUT);
	assert_string_equal(h5_json_string_of(v, "s"), "/+");
	h5_json_free(v);
}

static void
test_json_read__a_path_leads_through_objects(void **state)
{
	struct h5_json_value *v =
	    document("{\"a\":{\"b\":{\"c\":\"x\"},\"l\":[{\"n\":1},{\"n\":2}]},"
		     "\"s\":\"t\",\"a.b\":1}");
	const struct h5_json_value *list;
	struct h5_err e;
	int64_t n = 0;

	(void)state;
	assert_string_equal(h5_json_string_of(v, "a.b.c"), "x");
	assert_string_equal(
	    h5_json_string_of(h5_json_object(v, "a.b"), "c"), "x");
	assert_null(h5_json_object(v, "s"));
	assert_null(h5_json_object(v, "a.l"));
	assert_null(h5_json_string_of(v, "s.t"));
	assert_null(h5_json_string_of(v, "a.b.c.d"));
	assert_null(h5_json_string_of(NULL, "a"));
	assert_null(h5_json_object(NULL, "a"));
	list = h5_json_list(v, "a.l");
	assert_int_equal(h5_json_count(list), 2);
	assert_int_equal(h5_json_take_int(h5_json_item(list, 1), "n",
			     H5_JSON_REQUIRED, &n, &e),
	    H5_OK);
	assert_int_equal(n, 2);
	assert_null(h5_json_item(list, 2));
	assert_null(h5_json_list(v, "a"));
	assert_int_equal(h5_json_count(NULL), 0);
	assert_int_equal(
	    h5_json_take_int(v, "a.b.d", H5_JSON_REQUIRED, &n, &e), H5_E_INPUT);
	assert_string_equal(e.msg, "a.b.d is missing");
	h5_json_free(v);
}

/* Bug 24: an empty body, as of a wrong path, and pages of servers between. */
static void
test_v3__bug_24_an_empty_body_is_refused_and_no_crash(void **state)
{
	(void)state;
	assert_int_equal(reads("", 0), H5_E_INPUT);
	assert_int_equal(reads("<html>502 Bad Gateway</html>", 28), H5_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_json_read__takes_what_rfc_8259_calls_an_object),
	    cmocka_unit_test(test_json_read__refuses_everything_else),
	    cmocka_unit_test(test_json_read__refuses_a_name_that_stands_twice),
	    cmocka_unit_test(test_json_read__refuses_what_lies_too_deep),
	    cmocka_unit_test(
		test_json_read__takes_exactly_the_bytes_that_it_is_given),
	    cmocka_unit_test(test_json_read__whole_numbers_alone_are_read),
	    cmocka_unit_test(
		test_v3__bug_25_an_amount_is_a_whole_number_or_refused),
	    cmocka_unit_test(test_v3__bug_50_no_locale_changes_a_number),
	    cmocka_unit_test(test_json_read__strings_have_a_limit_and_no_nul),
	    cmocka_unit_test(test_json_read__a_path_leads_through_objects),
	    cmocka_unit_test(
		test_v3__bug_24_an_empty_body_is_refused_and_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
