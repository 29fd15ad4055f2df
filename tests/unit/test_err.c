#include "tests/unit/help.h"

#include <errno.h>

#include "common/base/err.h"

static void
test_err__set_fills_and_returns_the_code(void **state)
{
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    h5_err_set(&e, H5_E_INPUT, "bad %s at %d", "word", 7), H5_E_INPUT);
	assert_int_equal(e.code, H5_E_INPUT);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.msg, "bad word at 7");
	h5_err_clear(&e);
	assert_int_equal(e.code, H5_OK);
	assert_string_equal(e.msg, "");
}

static void
test_err__no_place_to_write_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(h5_err_set(NULL, H5_E_AUTH, "x"), H5_E_AUTH);
	assert_int_equal(h5_err_sys(NULL, H5_E_IO, ENOSPC, "x"), H5_E_IO);
	assert_int_equal(h5_err_nomem(NULL), H5_E_NOMEM);
	h5_err_clear(NULL);
}

/* Of every character, at every place of it. */
static void
test_err__c7_a_message_is_cut_between_characters(void **state)
{
	static const char *const chars[] = {
	    "\xc3\xa9", "\xe8\x8c\xb6", "\xf0\x9f\x8d\xb5"};
	char longer[2 * H5_ERR_MSG];
	struct h5_err e;
	size_t i, shift, n, len;

	(void)state;
	for (i = 0; i < sizeof chars / sizeof chars[0]; i++)
		for (shift = 0; shift < 4; shift++) {
			len = strlen(chars[i]);
			memset(longer, 'x', shift);
			for (n = shift; n + len < sizeof longer; n += len)
				memcpy(longer + n, chars[i], len);
			longer[n] = '\0';
			(void)h5_err_set(&e, H5_E_BUG, "%s", longer);
			n = strlen(e.msg);
			assert_true(n > H5_ERR_MSG - 1 - len);
			assert_int_equal((n - shift) % len, 0);
			assert_memory_equal(e.msg, longer, n);
		}
}

static void
test_err__long_messages_are_cut(void **state)
{
	char longer[2 * H5_ERR_MSG];
	struct h5_err e;

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	(void)h5_err_set(&e, H5_E_BUG, "%s", longer);
	assert_int_equal(strlen(e.msg), H5_ERR_MSG - 1);
	(void)h5_err_sys(&e, H5_E_IO, ENOSPC, "%s", longer);
	assert_int_equal(strlen(e.msg), H5_ERR_MSG - 1);
	assert_int_equal(e.sys, ENOSPC);
}

static void
test_err__sys_appends_the_systems_text(void **state)
{
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    h5_err_sys(&e, H5_E_IO, ENOENT, "open %s", "a"), H5_E_IO);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "open a: No such file or directory");
}

static void
test_err__each_code_has_its_word_and_exit_status(void **state)
{
	static const struct {
		enum h5_code code;
		const char *name;
		int status;
	} rows[] = {
	    {H5_OK, "ok", 0},
	    {H5_E_INPUT, "bad-input", 65},
	    {H5_E_AUTH, "not-authentic", 65},
	    {H5_E_NOTFOUND, "not-found", 66},
	    {H5_E_EXISTS, "exists", 65},
	    {H5_E_STATE, "wrong-state", 1},
	    {H5_E_REMOTE, "bad-answer", 69},
	    {H5_E_NET, "unreachable", 69},
	    {H5_E_IO, "io", 74},
	    {H5_E_NOMEM, "no-memory", 75},
	    {H5_E_CONFIG, "configuration", 78},
	    {H5_E_BUSY, "busy", 75},
	    {H5_E_BUG, "bug", 70},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].name, rows[i].code == (enum h5_code)i);
		ROW(rows[i].name,
		    strcmp(h5_err_name(rows[i].code), rows[i].name) == 0);
		ROW(rows[i].name, h5_err_exit(rows[i].code) == rows[i].status);
	}
	assert_string_equal(h5_err_name((enum h5_code)99), "bug");
	assert_int_equal(h5_err_exit((enum h5_code)99), 70);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_err__set_fills_and_returns_the_code),
	    cmocka_unit_test(test_err__no_place_to_write_is_allowed),
	    cmocka_unit_test(test_err__c7_a_message_is_cut_between_characters),
	    cmocka_unit_test(test_err__long_messages_are_cut),
	    cmocka_unit_test(test_err__sys_appends_the_systems_text),
	    cmocka_unit_test(test_err__each_code_has_its_word_and_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
