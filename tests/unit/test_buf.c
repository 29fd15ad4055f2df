#include "tests/unit/help.h"

#include "common/base/buf.h"

static void
test_buf__empty_is_an_empty_string(void **state)
{
	struct h5_buf b;
	char *taken;

	(void)state;
	h5_buf_init(&b, 10);
	assert_string_equal(b.data, "");
	assert_int_equal(h5_buf_finish(&b, NULL), H5_OK);
	h5_buf_add(&b, "x", 0);
	assert_int_equal(b.len, 0);
	taken = h5_buf_take(&b);
	assert_non_null(taken);
	assert_string_equal(taken, "");
	free(taken);
	h5_buf_release(&b);
	h5_buf_release(&b);
	h5_buf_wipe(&b);
}

static void
test_buf__appends_grow_and_end_in_nul(void **state)
{
	struct h5_buf b;
	size_t i;

	(void)state;
	h5_buf_init(&b, 100000);
	for (i = 0; i < 20000; i++) {
		h5_buf_putc(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], '\0');
	}
	h5_buf_puts(&b, "-end");
	h5_buf_printf(&b, " %d%%", 42);
	assert_int_equal(h5_buf_finish(&b, NULL), H5_OK);
	assert_int_equal(b.len, 20000 + 4 + 4);
	assert_string_equal(b.data + 20000, "-end 42%");
	assert_memory_equal(b.data, "abcdefghijklmnopqrstuvwxyzab", 28);
	h5_buf_release(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 100000);
}

static void
test_buf__holds_exactly_its_ceiling(void **state)
{
	struct h5_err e;
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 5);
	h5_buf_puts(&b, "12345");
	assert_int_equal(h5_buf_finish(&b, &e), H5_OK);
	h5_buf_putc(&b, '6');
	assert_int_equal(h5_buf_finish(&b, &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "5 bytes"));
	assert_string_equal(b.data, "12345");
	h5_buf_release(&b);
}

/* Less than fits may lie ready, and more memory than the ceiling allows. */
static void
test_buf__prints_whole_or_not_at_all(void **state)
{
	struct h5_buf b;
	char want[200];
	int n;

	(void)state;
	for (n = 0; n < 150; n++) {
		h5_buf_init(&b, 100);
		h5_buf_puts(&b, "ab");
		h5_buf_printf(&b, "%0*d", n, 7);
		(void)snprintf(want, sizeof want, "ab%0*d", n, 7);
		if (n <= 98)
			assert_string_equal(b.data, want);
		else
			assert_string_equal(b.data, "ab");
		assert_int_equal(
		    h5_buf_finish(&b, NULL), n <= 98 ? H5_OK : H5_E_INPUT);
		h5_buf_release(&b);
	}
}

static void
test_buf__first_failure_sticks(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 4);
	h5_buf_puts(&b, "12345");
	h5_buf_puts(&b, "1");
	h5_buf_printf(&b, "%d", 1);
	assert_null(h5_buf_room(&b, 1));
	assert_int_equal(b.len, 0);
	assert_int_equal(h5_buf_finish(&b, NULL), H5_E_INPUT);
	assert_null(h5_buf_take(&b));
	/* take left it usable again. */
	h5_buf_puts(&b, "1234");
	assert_int_equal(h5_buf_finish(&b, NULL), H5_OK);
	h5_buf_puts(&b, "5");
	h5_buf_clear(&b);
	assert_string_equal(b.data, "");
	assert_int_equal(h5_buf_finish(&b, NULL), H5_OK);
	h5_buf_release(&b);
}

static void
test_buf__no_length_wraps_around(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 100);
	h5_buf_puts(&b, "1");
	assert_null(h5_buf_room(&b, SIZE_MAX));
	assert_int_equal(h5_buf_finish(&b, NULL), H5_E_INPUT);
	h5_buf_release(&b);
}

static void
test_buf__room_and_commit(void **state)
{
	struct h5_buf b;
	char *to;

	(void)state;
	h5_buf_init(&b, 64);
	h5_buf_puts(&b, "ab");
	to = h5_buf_room(&b, 10);
	assert_non_null(to);
	memcpy(to, "cd", 2);
	h5_buf_commit(&b, 2);
	assert_string_equal(b.data, "abcd");
	h5_buf_wipe(&b);
	assert_string_equal(b.data, "");
}

static void
test_buf__take_gives_the_bytes_away(void **state)
{
	struct h5_buf b;
	char *taken;

	(void)state;
	h5_buf_init(&b, 64);
	h5_buf_puts(&b, "abc");
	taken = h5_buf_take(&b);
	assert_string_equal(taken, "abc");
	assert_string_equal(b.data, "");
	h5_buf_release(&b);
	assert_string_equal(taken, "abc");
	free(taken);
}

static void
test_buf__may_hold_nul_bytes(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 8);
	h5_buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	h5_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buf__empty_is_an_empty_string),
	    cmocka_unit_test(test_buf__appends_grow_and_end_in_nul),
	    cmocka_unit_test(test_buf__holds_exactly_its_ceiling),
	    cmocka_unit_test(test_buf__prints_whole_or_not_at_all),
	    cmocka_unit_test(test_buf__first_failure_sticks),
	    cmocka_unit_test(test_buf__no_length_wraps_around),
	    cmocka_unit_test(test_buf__room_and_commit),
	    cmocka_unit_test(test_buf__take_gives_the_bytes_away),
	    cmocka_unit_test(test_buf__may_hold_nul_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
