#include "tests/unit/help.h"

#include "common/base/buf.h"
#include "common/base/text.h"

static void
test_text__u64_takes_whole_plain_numbers(void **state)
{
	static const struct {
		const char *s;
		uint64_t min, max, want;
		enum h5_code rc;
	} rows[] = {
	    {"0", 0, 9, 0, H5_OK}, {"9", 0, 9, 9, H5_OK},
	    {"18446744073709551609", 0, UINT64_MAX, 18446744073709551609U,
		H5_OK},
	    {"10", 0, 9, 0, H5_E_INPUT}, {"4", 5, 9, 0, H5_E_INPUT},
	    {"", 0, 9, 0, H5_E_INPUT}, {"00", 0, 9, 0, H5_E_INPUT},
	    {"01", 0, 9, 0, H5_E_INPUT}, {"-1", 0, 9, 0, H5_E_INPUT},
	    {"+1", 0, 9, 0, H5_E_INPUT}, {" 1", 0, 9, 0, H5_E_INPUT},
	    {"1 ", 0, 9, 0, H5_E_INPUT}, {"1\n", 0, 9, 0, H5_E_INPUT},
	    {"0x1", 0, 9, 0, H5_E_INPUT}, {"1e0", 0, 9, 0, H5_E_INPUT},
	    {"99999999999999999999", 0, UINT64_MAX, 0, H5_E_INPUT},
	    {"18446744073709551617", 0, UINT64_MAX, 0, H5_E_INPUT},
	    {"\xef\xbc\x91", 0, 9, 0, H5_E_INPUT}, /* full-width 1 */
	};
	uint64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		got = 77;
		ROW(rows[i].s, h5_text_u64(rows[i].s, rows[i].min, rows[i].max,
				   &got, NULL) == rows[i].rc);
		ROW(rows[i].s, got == rows[i].want);
	}
}

static void
test_text__fen_and_yuan(void **state)
{
	static const struct {
		const char *s;
		int64_t fen; /* 0: refused */
		int64_t yuan;
	} rows[] = {
	    {"1", 1, 100},
	    {"12", 12, 1200},
	    {"12.3", 0, 1230},
	    {"12.30", 0, 1230},
	    {"0.01", 0, 1},
	    {"0.1", 0, 10},
	    {"99999999999", 99999999999, 0},
	    {"100000000000", 0, 0},
	    {"999999999.99", 0, 99999999999},
	    {"9999999999.99", 0, 0},
	    {"0", 0, 0},
	    {"0.00", 0, 0},
	    {"0.001", 0, 0},
	    {"1.", 0, 0},
	    {".5", 0, 0},
	    {"1.234", 0, 0},
	    {"01.5", 0, 0},
	    {"-1", 0, 0},
	    {"1,5", 0, 0},
	    {"1.5x", 0, 0},
	    {"1.5 ", 0, 0},
	    {"1e2", 0, 0},
	    {"1..5", 0, 0},
	    {"", 0, 0},
	};
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		got = 77;
		ROW(rows[i].s, (h5_text_fen(rows[i].s, &got, NULL) == H5_OK) ==
				   (rows[i].fen != 0));
		ROW(rows[i].s, got == rows[i].fen);
		got = 77;
		ROW(rows[i].s, (h5_text_yuan(rows[i].s, &got, NULL) == H5_OK) ==
				   (rows[i].yuan != 0));
		ROW(rows[i].s, got == rows[i].yuan);
	}
}

static void
test_text__fen_is_written_and_read_back(void **state)
{
	static const int64_t amounts[] = {
	    1, 9, 10, 99, 100, 101, 12800, 123456789, 99999999999};
	char text[H5_TEXT_FEN];
	int64_t back;
	size_t i;

	(void)state;
	h5_text_from_fen(12800, text);
	assert_string_equal(text, "128.00");
	h5_text_from_fen(5, text);
	assert_string_equal(text, "0.05");
	h5_text_from_fen(0, text);
	assert_string_equal(text, "0.00");
	for (i = 0; i < COUNT(amounts); i++) {
		h5_text_from_fen(amounts[i], text);
		assert_int_equal(h5_text_yuan(text, &back, NULL), H5_OK);
		assert_true(back == amounts[i]);
	}
}

static void
test_text__utf8(void **state)
{
	static const struct {
		const char *name, *s;
		size_t n;
		bool good;
	} rows[] = {
	    {"empty", "", 0, true},
	    {"ascii", "abc", 3, true},
	    {"two", "\xc2\xa0", 2, true},
	    {"three", "\xe8\x8c\xb6", 3, true},
	    {"four", "\xf0\x9f\x8d\xb5", 4, true},
	    {"last", "\xf4\x8f\xbf\xbf", 4, true},
	    {"before the surrogates", "\xed\x9f\xbf", 3, true},
	    {"control", "\x01\x7f", 2, true},
	    {"NUL", "a\0b", 3, false},
	    {"cut two", "\xc2", 1, false},
	    {"cut three", "\xe8\x8c", 2, false},
	    {"cut four", "\xf0\x9f\x8d", 3, false},
	    {"lone tail", "\x80", 1, false},
	    {"overlong two", "\xc0\x80", 2, false},
	    {"overlong c1", "\xc1\xbf", 2, false},
	    {"overlong three", "\xe0\x9f\xbf", 3, false},
	    {"overlong four", "\xf0\x8f\xbf\xbf", 4, false},
	    {"surrogate", "\xed\xa0\x80", 3, false},
	    {"last surrogate", "\xed\xbf\xbf", 3, false},
	    {"above 10ffff", "\xf4\x90\x80\x80", 4, false},
	    {"f5", "\xf5\x80\x80\x80", 4, false},
	    {"fe ff", "\xfe\xff", 2, false},
	    {"byte order mark", "\xef\xbb\xbf", 3, false},
	    {"fffe", "\xef\xbf\xbe", 3, false},
	    {"ffff", "\xef\xbf\xbf", 3, false},
	    {"GBK", "\xb2\xe8", 2, false},
	    {"bad tail", "\xe8\x8c\x41", 3, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		ROW(rows[i].name,
		    h5_text_utf8(rows[i].s, rows[i].n) == rows[i].good);
}

/* ASCII is read in eights: what is wrong is found wherever it stands, and
 * nothing behind the end is looked at (a sanitizer would see it). */
static void
test_text__utf8_at_every_place(void **state)
{
	size_t n, at;
	char *p;

	(void)state;
	for (n = 0; n < 40; n++) {
		p = malloc(n > 0 ? n : 1);
		assert_non_null(p);
		memset(p, '\x01', n);
		assert_true(h5_text_utf8(p, n));
		for (at = 0; at < n; at++) {
			p[at] = '\0';
			assert_false(h5_text_utf8(p, n));
			p[at] = '\x80';
			assert_false(h5_text_utf8(p, n));
			p[at] = '\xc2';
			assert_false(h5_text_utf8(p, n));
			if (at > 0) {
				p[at - 1] = '\xc2';
				p[at] = '\x80';
				assert_true(h5_text_utf8(p, n));
				p[at - 1] = '\x7f';
			}
			p[at] = '\x7f';
		}
		free(p);
	}
}

/* Every two-byte text, and every three-byte one around a lead byte, against
 * a decoder written from the Unicode table alone. */
static bool
well_formed(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		if (p[i] >= 0x01 && p[i] <= 0x7f) {
			i++;
		} else if (n - i >= 2 && p[i] >= 0xc2 && p[i] <= 0xdf &&
			   p[i + 1] >= 0x80 && p[i + 1] <= 0xbf) {
			i += 2;
		} else if (n - i >= 3 && p[i] >= 0xe0 && p[i] <= 0xef &&
			   p[i + 1] >= (p[i] == 0xe0 ? 0xa0 : 0x80) &&
			   p[i + 1] <= (p[i] == 0xed ? 0x9f : 0xbf) &&
			   p[i + 2] >= 0x80 && p[i + 2] <= 0xbf &&
			   memcmp(p + i, "\xef\xbb\xbf", 3) != 0 &&
			   memcmp(p + i, "\xef\xbf\xbe", 3) != 0 &&
			   memcmp(p + i, "\xef\xbf\xbf", 3) != 0) {
			i += 3;
		} else {
			return false;
		}
	}
	return true;
}

static void
test_text__utf8_agrees_with_the_table(void **state)
{
	unsigned char p[3];
	unsigned long i;

	(void)state;
	for (i = 0; i < 0x1000000; i++) {
		p[0] = (unsigned char)(i >> 16);
		p[1] = (unsigned char)(i >> 8);
		p[2] = (unsigned char)i;
		if (h5_text_utf8((const char *)p, 3) != well_formed(p, 3))
			fail_msg("%02x %02x %02x", p[0], p[1], p[2]);
	}
}

static void
test_text__printable(void **state)
{
	(void)state;
	assert_true(h5_text_printable(""));
	assert_true(h5_text_printable("tea \xe8\x8c\xb6 \xc2\xa0"));
	assert_false(h5_text_printable("a\tb"));
	assert_false(h5_text_printable("a\x1f"));
	assert_false(h5_text_printable("a\x7f"));
	assert_false(h5_text_printable("a\xc2\x80"));
	assert_false(h5_text_printable("a\xc2\x9f"));
	assert_false(h5_text_printable("a\xff"));
}

static void
test_text__cut_never_splits_a_character(void **state)
{
	const char *s = "a\xe8\x8c\xb6\xf0\x9f\x8d\xb5z"; /* 1 3 4 1 */
	static const size_t want[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9, 9};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(want); i++)
		assert_int_equal(h5_text_cut(s, 9, i), want[i]);
}

static void
test_text__item_name(void **state)
{
	(void)state;
	assert_true(h5_text_item_name("a"));
	assert_true(h5_text_item_name("_a-B9"));
	assert_true(h5_text_item_name("12345678901234567890123456789012"));
	assert_false(h5_text_item_name("123456789012345678901234567890123"));
	assert_false(h5_text_item_name(""));
	assert_false(h5_text_item_name("a b"));
	assert_false(h5_text_item_name("../a"));
}

static void
test_text__closest_word(void **state)
{
	static const char *const list[] = {"appid", "mch_id", "api_key"};

	(void)state;
	assert_string_equal(h5_text_closest("appod", list, 3), "appid");
	assert_string_equal(h5_text_closest("apikey", list, 3), "api_key");
	assert_string_equal(h5_text_closest("mch_id", list, 3), "mch_id");
	/* Two letters in the wrong order are one slip, not two. */
	assert_string_equal(
	    h5_text_closest("lsit", (const char *[]){"init", "list"}, 2),
	    "list");
	assert_string_equal(
	    h5_text_closest("ab", (const char *[]){"ba", "b"}, 2), "ba");
	assert_null(h5_text_closest("x", list, 3));
	assert_null(h5_text_closest("completely", list, 3));
	assert_null(h5_text_closest("appid", list, 0));
	assert_null(h5_text_closest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaaaaaaaaaaaaaaaaa",
	    list, 3));
}

static void
test_text__numbers_as_printf_writes_them(void **state)
{
	static const int64_t rows[] = {0, 1, 9, 10, 99, 100, 12800, -1, -10,
	    INT64_MAX, INT64_MIN, INT64_MIN + 1, 1000000000000};
	char ours[H5_TEXT_NUMBER], theirs[H5_TEXT_NUMBER];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(
		    theirs, sizeof theirs, "%lld", (long long)rows[i]);
		h5_text_number(rows[i], ours);
		assert_string_equal(ours, theirs);
	}
}

static void
test_text__hex(void **state)
{
	const unsigned char bytes[] = {0x00, 0x0f, 0xa5, 0xff};
	char out[9];

	(void)state;
	h5_text_hex(bytes, sizeof bytes, out);
	assert_string_equal(out, "000fa5ff");
	h5_text_hex(bytes, 0, out);
	assert_string_equal(out, "");
}

static void
test_text__c7_what_a_person_may_see(void **state)
{
	static const struct {
		const char *in, *also, *out;
	} rows[] = {
	    {"", "", ""},
	    {"plain = text", "", "plain = text"},
	    {"a\"b\\", "\"\\", "a\\x22b\\x5c"},
	    {"\xe8\x8c\xb6", "", "\xe8\x8c\xb6"},
	    {"\xf0\x9f\x8d\xb5", "", "\xf0\x9f\x8d\xb5"},
	    {"\t\n\x1b[0m\x7f", "", "\\x09\\x0a\\x1b[0m\\x7f"},
	    /* not UTF-8: alone, cut, overlong, a surrogate, too high */
	    {"a\xff"
	     "b",
		"", "a\\xffb"},
	    {"a\xe8\x8c", "", "a\\xe8\\x8c"},
	    {"\xe8\xe8\x8c\xb6", "", "\\xe8\xe8\x8c\xb6"},
	    {"\xc0\xaf", "", "\\xc0\\xaf"},
	    {"\xed\xa0\x80", "", "\\xed\\xa0\\x80"},
	    {"\xf4\x90\x80\x80", "", "\\xf4\\x90\\x80\\x80"},
	    /* C1, soft hyphen, ALM, ZWSP, RLM, LRE, WJ, LRI, BOM, filler, tag,
	     * variation selector */
	    {"\xc2\x9b", "", "\\xc2\\x9b"},
	    {"\xc2\xad", "", "\\xc2\\xad"},
	    {"\xd8\x9c", "", "\\xd8\\x9c"},
	    {"\xe2\x80\x8b", "", "\\xe2\\x80\\x8b"},
	    {"\xe2\x80\x8f", "", "\\xe2\\x80\\x8f"},
	    {"\xe2\x80\xaa", "", "\\xe2\\x80\\xaa"},
	    {"\xe2\x81\xa0", "", "\\xe2\\x81\\xa0"},
	    {"\xe2\x81\xa6", "", "\\xe2\\x81\\xa6"},
	    {"\xef\xbb\xbf", "", "\\xef\\xbb\\xbf"},
	    {"\xe3\x85\xa4", "", "\\xe3\\x85\\xa4"},
	    {"\xf3\xa0\x81\x81", "", "\\xf3\\xa0\\x81\\x81"},
	    {"\xef\xb8\x8f", "", "\\xef\\xb8\\x8f"},
	    /* beside them */
	    {"\xc2\xa0\xe2\x80\x8a\xe2\x80\x90\xe2\x80\xaf", "",
		"\xc2\xa0\xe2\x80\x8a\xe2\x80\x90\xe2\x80\xaf"},
	};
	struct h5_buf b, back;
	size_t i, n;

	(void)state;
	h5_buf_init(&b, 256);
	h5_buf_init(&back, 256);
	for (i = 0; i < COUNT(rows); i++) {
		h5_buf_clear(&b);
		n = h5_text_show(rows[i].in, SIZE_MAX, rows[i].also, &b);
		ROW(rows[i].out, n == strlen(rows[i].in));
		ROW(rows[i].out, strcmp(b.data, rows[i].out) == 0);
		h5_buf_clear(&back);
		h5_text_unshow(b.data, &back);
		ROW(rows[i].out, strcmp(back.data, rows[i].in) == 0);
	}
	/* Cut between characters. */
	for (i = 0; i <= 7; i++) {
		h5_buf_clear(&b);
		n = h5_text_show("a\xe8\x8c\xb6\xe8\x8c\xb6", i, "", &b);
		assert_int_equal(n, i == 0 ? 0 : i < 4 ? 1 : i < 7 ? 4 : 7);
		assert_int_equal(b.len, n);
	}
	/* What is no \\xhh stays. */
	h5_buf_clear(&back);
	h5_text_unshow("\\x \\xg0 \\x4 \\\\x \\x41", &back);
	assert_string_equal(back.data, "\\x \\xg0 \\x4 \\\\x A");
	h5_buf_release(&b);
	h5_buf_release(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text__c7_what_a_person_may_see),
	    cmocka_unit_test(test_text__u64_takes_whole_plain_numbers),
	    cmocka_unit_test(test_text__fen_and_yuan),
	    cmocka_unit_test(test_text__fen_is_written_and_read_back),
	    cmocka_unit_test(test_text__utf8),
	    cmocka_unit_test(test_text__utf8_at_every_place),
	    cmocka_unit_test(test_text__utf8_agrees_with_the_table),
	    cmocka_unit_test(test_text__printable),
	    cmocka_unit_test(test_text__cut_never_splits_a_character),
	    cmocka_unit_test(test_text__item_name),
	    cmocka_unit_test(test_text__closest_word),
	    cmocka_unit_test(test_text__numbers_as_printf_writes_them),
	    cmocka_unit_test(test_text__hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
