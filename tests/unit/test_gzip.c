#include "tests/unit/help.h"

#include "common/format/gzip.h"

/* "h5pay\n" by gzip -n, so without name and time. */
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x02, 0x03, 0xcb, 0x30, 0x2d, 0x48, 0xac, 0xe4, 0x02, 0x00, 0x48,
    0x31, 0xa6, 0x00, 0x06, 0x00, 0x00, 0x00};
#define PLAIN "h5pay\n"

static void
test_gzip__unpacks_a_whole_file(void **state)
{
	struct h5_buf out;

	(void)state;
	h5_buf_init(&out, 64);
	assert_true(h5_gzip_is(packed, sizeof packed));
	assert_int_equal(
	    h5_gzip_unpack(packed, sizeof packed, &out, NULL), H5_OK);
	assert_string_equal(out.data, PLAIN);
	h5_buf_release(&out);
}

static void
test_gzip__any_cut_is_refused(void **state)
{
	struct h5_buf out;
	size_t i;

	(void)state;
	h5_buf_init(&out, 64);
	for (i = 0; i < sizeof packed; i++) {
		h5_buf_clear(&out);
		if (h5_gzip_unpack(packed, i, &out, NULL) != H5_E_INPUT)
			fail_msg("%zu bytes pass", i);
	}
	h5_buf_release(&out);
}

static void
test_gzip__any_changed_byte_behind_the_head_is_refused(void **state)
{
	unsigned char bad[sizeof packed];
	struct h5_buf out;
	size_t i;

	(void)state;
	h5_buf_init(&out, 1 << 16);
	for (i = 10; i < sizeof packed; i++) {
		memcpy(bad, packed, sizeof bad);
		bad[i] ^= 0x55;
		h5_buf_clear(&out);
		if (h5_gzip_unpack(bad, sizeof bad, &out, NULL) != H5_E_INPUT)
			fail_msg("byte %zu does not matter", i);
	}
	h5_buf_release(&out);
}

static void
test_gzip__nothing_may_stand_behind(void **state)
{
	unsigned char more[sizeof packed + 1];
	struct h5_buf out;

	(void)state;
	memcpy(more, packed, sizeof packed);
	more[sizeof packed] = '\n';
	h5_buf_init(&out, 64);
	assert_int_equal(
	    h5_gzip_unpack(more, sizeof more, &out, NULL), H5_E_INPUT);
	h5_buf_release(&out);
}

static void
test_gzip__a_bomb_stops_at_the_ceiling(void **state)
{
	/* 100,000 blanks by gzip -9n. */
	static const unsigned char bomb[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00, 0x00, 0x00,
	    0xc2, 0xa0, 0x2a, 0xeb, 0x9f, 0xd2, 0x1a, 0x1e, 0x40, 0x01, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xaf, 0x06, 0x2d, 0xf0,
	    0x79, 0xca, 0xa0, 0x86, 0x01, 0x00};
	struct h5_buf out;

	(void)state;
	h5_buf_init(&out, 1000);
	assert_int_equal(
	    h5_gzip_unpack(bomb, sizeof bomb, &out, NULL), H5_E_INPUT);
	assert_true(out.len <= 1000);
	h5_buf_release(&out);
	h5_buf_init(&out, 1 << 24);
	assert_int_equal(h5_gzip_unpack(bomb, sizeof bomb, &out, NULL), H5_OK);
	assert_int_equal(out.len, 100000);
	h5_buf_release(&out);
}

static void
test_gzip__knows_what_is_none(void **state)
{
	struct h5_buf out;

	(void)state;
	h5_buf_init(&out, 64);
	assert_false(h5_gzip_is("", 0));
	assert_false(h5_gzip_is("\x1f", 1));
	assert_false(h5_gzip_is("<xml>", 5));
	assert_int_equal(h5_gzip_unpack("<xml>", 5, &out, NULL), H5_E_INPUT);
	h5_buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_gzip__unpacks_a_whole_file),
	    cmocka_unit_test(test_gzip__any_cut_is_refused),
	    cmocka_unit_test(
		test_gzip__any_changed_byte_behind_the_head_is_refused),
	    cmocka_unit_test(test_gzip__nothing_may_stand_behind),
	    cmocka_unit_test(test_gzip__a_bomb_stops_at_the_ceiling),
	    cmocka_unit_test(test_gzip__knows_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
