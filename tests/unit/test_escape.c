#include "tests/unit/help.h"

#include "common/format/escape.h"

struct row {
	const char *in, *out;
};

static void
check(void (*escape)(struct h5_buf *, const char *), const struct row *rows,
    size_t n)
{
	struct h5_buf b;
	size_t i;

	h5_buf_init(&b, 1000);
	for (i = 0; i < n; i++) {
		h5_buf_clear(&b);
		escape(&b, rows[i].in);
		ROW(rows[i].in, h5_buf_finish(&b, NULL) == H5_OK);
		assert_string_equal(b.data, rows[i].out);
	}
	h5_buf_release(&b);
}

static void
test_escape__html(void **state)
{
	static const struct row rows[] = {
	    {"", ""},
	    {"plain", "plain"},
	    {"<script>alert(\"x\")</script>",
		"&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"},
	    {"a&b'c", "a&amp;b&#39;c"},
	    {"&amp;", "&amp;amp;"},
	    {"a\tb\nc\rd", "a\tb\nc\rd"},
	    {"a\x01\x0b\x1f\x7f"
	     "b",
		"ab"},
	    {"\xe8\x8c\xb6\xf0\x9f\x8d\xb5", "\xe8\x8c\xb6\xf0\x9f\x8d\xb5"},
	    {"a\xff"
	     "b",
		"a\xef\xbf\xbd"
		"b"},
	    {"\xe8\x8c", "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xe8<b>", "\xef\xbf\xbd&lt;b&gt;"},
	    {"\xf0\x9f\x8d<", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&lt;"},
	    {"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong "<" */
	    {"\xb6", "\xef\xbf\xbd"},
	};

	(void)state;
	check(h5_escape_html, rows, COUNT(rows));
}

static void
test_escape__url(void **state)
{
	static const struct row rows[] = {
	    {"", ""},
	    {"AZaz09-._~", "AZaz09-._~"},
	    {"a b", "a%20b"},
	    {"https://shop.example/r?a=1&b=2#c",
		"https%3A%2F%2Fshop.example%2Fr%3Fa%3D1%26b%3D2%23c"},
	    {"+%!'()*", "%2B%25%21%27%28%29%2A"},
	    {"\xe8\x8c\xb6", "%E8%8C%B6"},
	    {"\x01\x7f\xff", "%01%7F%FF"},
	};

	(void)state;
	check(h5_escape_url, rows, COUNT(rows));
}

static void
test_escape__csv(void **state)
{
	static const struct row rows[] = {
	    {"", ""},
	    {"plain text", "plain text"},
	    {"a,b", "\"a,b\""},
	    {"a\"b", "\"a\"\"b\""},
	    {"\"", "\"\"\"\""},
	    {"a\nb", "\"a\nb\""},
	    {"a\rb", "\"a\rb\""},
	    {"=1+1", "'=1+1"},
	    {"+1", "'+1"},
	    {"-1", "'-1"},
	    {"@sum", "'@sum"},
	    {"\tx", "'\tx"},
	    {"\rx", "\"'\rx\""},
	    {"=HYPERLINK(\"a\",\"b\")", "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\""},
	    {"a=1", "a=1"},
	    {"\xef\xbc\x9d"
	     "1+1",
		"'\xef\xbc\x9d"
		"1+1"},
	    {"\xef\xbc\x8b"
	     "1",
		"'\xef\xbc\x8b"
		"1"},
	    {"\xef\xbc\x8d"
	     "1",
		"'\xef\xbc\x8d"
		"1"},
	    {"\xef\xbc\xa0SUM", "'\xef\xbc\xa0SUM"},
	    {" =1", "' =1"},
	    {" \t@SUM(A1)", "' \t@SUM(A1)"},
	    {"\n=1", "\"'\n=1\""},
	    {"\xe3\x80\x80=1", "'\xe3\x80\x80=1"},
	    {"\xc2\xa0\xef\xbc\x9d"
	     "1",
		"'\xc2\xa0\xef\xbc\x9d"
		"1"},
	    {"\xe2\x80\x8b=1", "'\xe2\x80\x8b=1"},
	    {"\xef\xbb\xbf=1", "'\xef\xbb\xbf=1"},
	    {" tea", " tea"},
	    {"\xef\xbc\x81", "\xef\xbc\x81"},
	    /* What a spreadsheet would lose some of. */
	    {"4200000701202611308642097531", "`4200000701202611308642097531"},
	    {"1234567890123456", "`1234567890123456"},
	    {"123456789012345", "123456789012345"},
	    {"007", "`007"},
	    {"0", "0"},
	    {"1e5", "`1e5"},
	    {"12E10", "`12E10"},
	    {"2026-11", "`2026-11"},
	    {"11/30", "`11/30"},
	    {"12:30", "`12:30"},
	    {"1.2.3", "`1.2.3"},
	    {"6.28", "6.28"},
	    {"0.50", "0.50"},
	    {"1234567890123.456", "`1234567890123.456"},
	    {"2026-11-30T12:00:00+08:00", "2026-11-30T12:00:00+08:00"},
	    {"A00001", "A00001"},
	    {"20261130-0a1b", "20261130-0a1b"},
	    {"`42", "``42"},
	    {"'=1", "''=1"},
	    {"''@x", "''"
		     "'@x"},
	    {"'tis tea", "'tis tea"},
	    {"e", "e"},
	    {"", ""},
	};
	struct h5_buf b;
	const char *field;
	char one[128];
	size_t i;

	(void)state;
	check(h5_escape_csv, rows, COUNT(rows));
	/* And back: A11. */
	for (i = 0; i < COUNT(rows); i++) {
		h5_buf_init(&b, 256);
		h5_escape_csv(&b, rows[i].in);
		field = b.data;
		if (strchr(rows[i].in, '"') == NULL) {
			(void)snprintf(one, sizeof one, "%s",
			    field[0] == '"' ? field + 1 : field);
			if (field[0] == '"')
				one[strlen(one) - 1] = '\0';
			ROW(rows[i].in,
			    strcmp(h5_escape_csv_back(one), rows[i].in) == 0);
		}
		h5_buf_release(&b);
	}
}

static void
test_escape__tsv(void **state)
{
	static const struct row rows[] = {
	    {"", ""},
	    {"plain \"text\"", "plain \"text\""},
	    {"a\tb\nc\rd\\e", "a\\tb\\nc\\rd\\\\e"},
	    {"\x01\x1b\x7f", "\\x01\\x1B\\x7F"},
	    {"\xe8\x8c\xb6", "\xe8\x8c\xb6"},
	};

	(void)state;
	check(h5_escape_tsv, rows, COUNT(rows));
}

static void
test_escape__failure_sticks_in_the_buffer(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 4);
	h5_escape_html(&b, "a<b");
	assert_int_equal(h5_buf_finish(&b, NULL), H5_E_INPUT);
	h5_buf_release(&b);
}

/* No byte that means something in HTML gets through, whatever stands around
 * it. */
static void
test_escape__html_lets_no_markup_through(void **state)
{
	char in[4] = "";
	struct h5_buf b;
	unsigned i;
	size_t k;

	(void)state;
	h5_buf_init(&b, 100);
	for (i = 1; i < 0x1000000; i += 37) {
		in[0] = (char)(i >> 16);
		in[1] = (char)(i >> 8);
		in[2] = (char)i;
		h5_buf_clear(&b);
		h5_escape_html(&b, in);
		assert_int_equal(h5_buf_finish(&b, NULL), H5_OK);
		for (k = 0; k < b.len; k++)
			if (strchr("<>\"'", b.data[k]) != NULL)
				fail_msg("%06x", i);
	}
	h5_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_escape__html),
	    cmocka_unit_test(test_escape__url),
	    cmocka_unit_test(test_escape__csv),
	    cmocka_unit_test(test_escape__tsv),
	    cmocka_unit_test(test_escape__failure_sticks_in_the_buffer),
	    cmocka_unit_test(test_escape__html_lets_no_markup_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
