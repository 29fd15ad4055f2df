#include "tests/unit/help.h"

#include "common/base/fields.h"

static void
test_fields__keep_their_order_and_bytes(void **state)
{
	struct h5_fields f;

	(void)state;
	h5_fields_init(&f, 10, 100);
	assert_int_equal(h5_fields_add(&f, "b", "2", NULL), H5_OK);
	assert_int_equal(h5_fields_add(&f, "a", "", NULL), H5_OK);
	assert_int_equal(h5_fields_addn(&f, "cxx", 1, "345xx", 3, NULL), H5_OK);
	assert_int_equal(h5_fields_add_int(&f, "d", INT64_MIN, NULL), H5_OK);
	assert_int_equal(f.n, 4);
	assert_string_equal(f.v[0].name, "b");
	assert_string_equal(f.v[1].name, "a");
	assert_string_equal(f.v[2].name, "c");
	assert_string_equal(f.v[2].value, "345");
	assert_int_equal(f.v[2].value_len, 3);
	assert_string_equal(h5_fields_get(&f, "d"), "-9223372036854775808");
	assert_int_equal(f.bytes, 2 + 1 + 4 + 21);
	h5_fields_release(&f);
	assert_int_equal(f.n, 0);
	assert_int_equal(f.bytes, 0);
	assert_int_equal(h5_fields_add(&f, "b", "2", NULL), H5_OK);
	h5_fields_release(&f);
	h5_fields_release(&f);
}

static void
test_fields__copies_what_it_is_given(void **state)
{
	char name[] = "n", value[] = "v";
	struct h5_fields f;

	(void)state;
	h5_fields_init(&f, 10, 100);
	assert_int_equal(h5_fields_add(&f, name, value, NULL), H5_OK);
	name[0] = value[0] = 'x';
	assert_string_equal(h5_fields_get(&f, "n"), "v");
	h5_fields_release(&f);
}

static void
test_fields__a_name_stands_once(void **state)
{
	struct h5_fields f;
	struct h5_err e;

	(void)state;
	h5_fields_init(&f, 10, 100);
	assert_int_equal(h5_fields_add(&f, "sign", "1", &e), H5_OK);
	assert_int_equal(h5_fields_add(&f, "sign", "2", &e), H5_E_EXISTS);
	assert_non_null(strstr(e.msg, "sign"));
	/* Names are case-sensitive, and a prefix is another name. */
	assert_int_equal(h5_fields_add(&f, "Sign", "3", &e), H5_OK);
	assert_int_equal(h5_fields_add(&f, "sig", "4", &e), H5_OK);
	assert_int_equal(h5_fields_add(&f, "signs", "5", &e), H5_OK);
	assert_string_equal(h5_fields_get(&f, "sign"), "1");
	assert_int_equal(f.n, 4);
	h5_fields_release(&f);
}

static void
test_fields__ceilings(void **state)
{
	struct h5_fields f;
	struct h5_err e;

	(void)state;
	h5_fields_init(&f, 2, 10);
	assert_int_equal(h5_fields_add(&f, "a", "1234", &e), H5_OK);
	assert_int_equal(h5_fields_add(&f, "b", "12345", &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "10 bytes"));
	assert_int_equal(h5_fields_add(&f, "bbbbbbb", "", &e), H5_E_INPUT);
	assert_int_equal(h5_fields_add(&f, "b", "1234", &e), H5_OK);
	assert_int_equal(f.bytes, 10);
	assert_int_equal(h5_fields_add(&f, "", "", &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "2 fields"));
	h5_fields_drop(&f, "b");
	assert_int_equal(h5_fields_add(&f, "b", "12345", &e), H5_E_INPUT);
	assert_string_equal(h5_fields_get(&f, "a"), "1234");
	assert_int_equal(h5_fields_add(&f, "b", "1234", &e), H5_OK);
	assert_int_equal(f.bytes, 10);
	h5_fields_release(&f);
	h5_fields_init(&f, 0, 0);
	assert_int_equal(h5_fields_add(&f, "", "", &e), H5_E_INPUT);
	h5_fields_release(&f);
}

static void
test_fields__a_nul_inside_is_refused(void **state)
{
	struct h5_fields f;

	(void)state;
	h5_fields_init(&f, 10, 100);
	assert_int_equal(
	    h5_fields_addn(&f, "a\0b", 3, "v", 1, NULL), H5_E_INPUT);
	assert_int_equal(
	    h5_fields_addn(&f, "a", 1, "v\0w", 3, NULL), H5_E_INPUT);
	assert_int_equal(f.n, 0);
	h5_fields_release(&f);
}

static void
test_fields__drop_takes_one_out(void **state)
{
	struct h5_fields f;

	(void)state;
	h5_fields_init(&f, 10, 100);
	assert_int_equal(h5_fields_add(&f, "a", "1", NULL), H5_OK);
	assert_int_equal(h5_fields_add(&f, "b", "2", NULL), H5_OK);
	assert_int_equal(h5_fields_add(&f, "c", "3", NULL), H5_OK);
	h5_fields_drop(&f, "b");
	h5_fields_drop(&f, "b");
	h5_fields_drop(&f, "x");
	assert_int_equal(f.n, 2);
	assert_int_equal(f.bytes, 4);
	assert_null(h5_fields_get(&f, "b"));
	assert_string_equal(f.v[1].name, "c");
	h5_fields_drop(&f, "c");
	h5_fields_drop(&f, "a");
	assert_int_equal(f.n, 0);
	h5_fields_release(&f);
}

static void
test_fields__get_and_is(void **state)
{
	struct h5_fields f;

	(void)state;
	h5_fields_init(&f, 10, 100);
	assert_null(h5_fields_get(&f, "a"));
	assert_false(h5_fields_is(&f, "a", ""));
	assert_int_equal(h5_fields_add(&f, "a", "x", NULL), H5_OK);
	assert_true(h5_fields_is(&f, "a", "x"));
	assert_false(h5_fields_is(&f, "a", "X"));
	assert_false(h5_fields_is(&f, "a", "xy"));
	assert_false(h5_fields_is(&f, "A", "x"));
	h5_fields_release(&f);
}

static void
test_fields__sorted_is_byte_order(void **state)
{
	/* "_" lies between the cases (PROTOCOL 11, 22). */
	static const char *const names[] = {"remark", "re_openid", "RE_OPENID",
	    "REMARK", "a", "Z", "\xe8\x8c\xb6", "1", "re", ""};
	static const char *const want[] = {"", "1", "REMARK", "RE_OPENID", "Z",
	    "a", "re", "re_openid", "remark", "\xe8\x8c\xb6"};
	const struct h5_field **v;
	struct h5_fields f;
	size_t i;

	(void)state;
	h5_fields_init(&f, 20, 200);
	assert_int_equal(h5_fields_sorted(&f, &v, NULL), H5_OK);
	assert_non_null(v);
	free(v);
	for (i = 0; i < COUNT(names); i++)
		assert_int_equal(h5_fields_add(&f, names[i], "v", NULL), H5_OK);
	assert_int_equal(h5_fields_sorted(&f, &v, NULL), H5_OK);
	for (i = 0; i < COUNT(want); i++)
		assert_string_equal(v[i]->name, want[i]);
	assert_string_equal(f.v[0].name, "remark");
	free(v);
	h5_fields_release(&f);
}

static void
test_fields__copy_is_all_or_nothing(void **state)
{
	struct h5_fields from, to;

	(void)state;
	h5_fields_init(&from, 10, 100);
	h5_fields_init(&to, 3, 100);
	assert_int_equal(h5_fields_add(&from, "a", "1", NULL), H5_OK);
	assert_int_equal(h5_fields_add(&from, "b", "2", NULL), H5_OK);
	assert_int_equal(h5_fields_add(&to, "c", "3", NULL), H5_OK);
	assert_int_equal(h5_fields_copy(&to, &from, NULL), H5_OK);
	assert_int_equal(to.n, 3);
	assert_string_equal(to.v[2].name, "b");
	assert_true(to.v[2].value != from.v[1].value);
	h5_fields_drop(&to, "a");
	assert_int_equal(h5_fields_copy(&to, &from, NULL), H5_E_EXISTS);
	assert_int_equal(to.n, 2);
	assert_int_equal(to.bytes, 4);
	assert_null(h5_fields_get(&to, "a"));
	h5_fields_release(&from);
	h5_fields_release(&to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields__keep_their_order_and_bytes),
	    cmocka_unit_test(test_fields__copies_what_it_is_given),
	    cmocka_unit_test(test_fields__a_name_stands_once),
	    cmocka_unit_test(test_fields__ceilings),
	    cmocka_unit_test(test_fields__a_nul_inside_is_refused),
	    cmocka_unit_test(test_fields__drop_takes_one_out),
	    cmocka_unit_test(test_fields__get_and_is),
	    cmocka_unit_test(test_fields__sorted_is_byte_order),
	    cmocka_unit_test(test_fields__copy_is_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
