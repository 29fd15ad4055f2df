#include "tests/unit/help.h"

#include "common/format/ini.h"

/* What came out, written down: "[s]" and "s.key=value;". */
static void
record(void *ctx, struct h5_ini *h, const char *section, const char *key,
    char *value)
{
	struct h5_buf *seen = ctx;

	if (key == NULL)
		h5_buf_printf(seen, "%u[%s] ", h->line, section);
	else
		h5_buf_printf(
		    seen, "%u %s.%s=%s; ", h->line, section, key, value);
}

/* Reads n bytes; the caller releases both buffers. */
static struct h5_ini
read_ini(const char *text, size_t n, struct h5_buf *seen, struct h5_buf *faults)
{
	struct h5_ini h = {.file = "f", .faults = faults};
	char *copy = malloc(n + 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	copy[n] = '\0';
	h5_buf_init(seen, 65536);
	h5_ini_read(&h, copy, n, record, seen);
	free(copy);
	return h;
}

static void
test_ini__reads_what_is_well_formed(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
	    {"empty file", "", ""},
	    {"blank lines", "\n \t\n\r\n", ""},
	    {"plain", "[a]\nk = v\n", "1[a] 2 a.k=v; "},
	    {"no blanks", "[a]\nk=v\n", "1[a] 2 a.k=v; "},
	    {"many blanks", "  [a]\t\n \tk \t=  v w \t\n", "1[a] 2 a.k=v w; "},
	    {"no line end at the end", "[a]\nk=v", "1[a] 2 a.k=v; "},
	    {"CRLF", "[a]\r\nk = v\r\n", "1[a] 2 a.k=v; "},
	    {"byte-order mark", "\xef\xbb\xbf[a]\nk=v", "1[a] 2 a.k=v; "},
	    {"comments", "# x\n[a]\n ; y\n\t# z=1\nk=v", "2[a] 5 a.k=v; "},
	    {"a comment need not be UTF-8", "# \xc4\xe3\n[a]", "2[a] "},
	    {"no comment inside a value", "[a]\nk = v # w ; x",
		"1[a] 2 a.k=v # w ; x; "},
	    {"no quotes", "[a]\nk = \"v\"", "1[a] 2 a.k=\"v\"; "},
	    {"= inside a value", "[a]\nk = v=w=", "1[a] 2 a.k=v=w=; "},
	    {"empty value", "[a]\nk =", "1[a] 2 a.k=; "},
	    {"a value like a header", "[a]\nk = [b]", "1[a] 2 a.k=[b]; "},
	    {"Chinese", "[a]\nk = \xe8\x8c\xb6\xe5\x8f\xb6",
		"1[a] 2 a.k=\xe8\x8c\xb6\xe5\x8f\xb6; "},
	    {"before any section", "k=v", "1 .k=v; "},
	    {"a section twice is the caller's matter", "[a]\n[a]",
		"1[a] 2[a] "},
	};
	struct h5_buf seen, faults;
	struct h5_ini h;
	size_t i;

	(void)state;
	h5_buf_init(&faults, 4096);
	for (i = 0; i < COUNT(rows); i++) {
		h = read_ini(
		    rows[i].text, strlen(rows[i].text), &seen, &faults);
		ROW(rows[i].name, strcmp(seen.data, rows[i].want) == 0);
		ROW(rows[i].name, h.n_faults == 0 && faults.len == 0);
		h5_buf_release(&seen);
	}
}

static void
test_ini__reports_what_is_not(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
	    {"no =", "[a]\njunk", "f:2: neither"},
	    {"no key", "[a]\n= v", "f:2: a key is"},
	    {"blank in a key", "[a]\nk k = v", "f:2: a key is"},
	    {"key too long", "[a]\nabcdefghijabcdefghijabcdefghijabc = v",
		"f:2: a key is"},
	    {"open header", "[a\nk=v", "f:1: a section is written"},
	    {"text after a header", "[a] # x", "f:1: a section is written"},
	    {"empty header", "[]", "f:1: a section's name"},
	    {"blank in a header", "[ a ]", "f:1: a section's name"},
	    {"GBK", "[a]\nk = \xc4\xe3", "f:2: not UTF-8"},
	    {"byte-order mark inside", "[a]\n\xef\xbb\xbfk=v",
		"f:2: not UTF-8"},
	    {"control byte", "[a]\nk = v\x01", "f:2: a control byte"},
	    {"lone CR", "[a]\nk = v\rw", "f:2: a control byte"},
	    {"DEL", "[a]\nk = v\x7f", "f:2: a control byte"},
	};
	struct h5_buf seen, faults;
	struct h5_ini h;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		h5_buf_init(&faults, 4096);
		h = read_ini(
		    rows[i].text, strlen(rows[i].text), &seen, &faults);
		ROW(rows[i].name, h.n_faults == 1);
		ROW(rows[i].name, strncmp(faults.data, rows[i].want,
				      strlen(rows[i].want)) == 0);
		ROW(rows[i].name, strchr(seen.data, '=') == NULL);
		h5_buf_release(&seen);
		h5_buf_release(&faults);
	}
}

static void
test_ini__a_nul_byte_is_not_text(void **state)
{
	struct h5_buf seen, faults;
	struct h5_ini h;

	(void)state;
	h5_buf_init(&faults, 4096);
	h = read_ini("[a]\nk = v\0w\nl = x", 17, &seen, &faults);
	assert_int_equal(h.n_faults, 1);
	assert_string_equal(seen.data, "1[a] 3 a.l=x; ");
	h5_buf_release(&seen);
	h5_buf_release(&faults);
}

static void
test_ini__a_value_may_have_4096_bytes(void **state)
{
	char text[5000] = "[a]\nk = ";
	struct h5_buf seen, faults;
	struct h5_ini h;

	(void)state;
	h5_buf_init(&faults, 4096);
	memset(text + 8, 'v', 4096);
	h = read_ini(text, strlen(text), &seen, &faults);
	assert_int_equal(h.n_faults, 0);
	h5_buf_release(&seen);
	text[8 + 4096] = 'v';
	h = read_ini(text, strlen(text), &seen, &faults);
	assert_int_equal(h.n_faults, 1);
	assert_string_equal(
	    faults.data, "f:2: k: the value is longer than 4096 bytes\n");
	h5_buf_release(&seen);
	h5_buf_release(&faults);
}

static void
test_ini__goes_on_after_a_fault(void **state)
{
	static const char text[] = "junk\n[a]\nk=v\n[b\nl=w\n[c]\nm=x\njunk";
	struct h5_buf seen, faults;
	struct h5_ini h;

	(void)state;
	h5_buf_init(&faults, 4096);
	h = read_ini(text, strlen(text), &seen, &faults);
	assert_int_equal(h.n_faults, 3);
	assert_int_equal(h.line, 8);
	/* l stands below a header that nobody could read. */
	assert_string_equal(seen.data, "2[a] 3 a.k=v; 6[c] 7 c.m=x; ");
	h5_buf_release(&seen);
	h5_buf_release(&faults);
}

static void
test_ini__a_full_buffer_keeps_the_first_faults(void **state)
{
	static const char text[] = "junk\njunk\njunk\njunk\n";
	struct h5_buf seen, faults;
	struct h5_ini h;
	struct h5_err e;

	(void)state;
	h5_buf_init(&faults, 130);
	h = read_ini(text, strlen(text), &seen, &faults);
	assert_int_equal(h.n_faults, 4);
	assert_int_equal(faults.bad, H5_OK);
	assert_memory_equal(faults.data, "f:1: neither", 12);
	assert_int_equal(h5_ini_verdict(&h, faults.data, &e), H5_E_CONFIG);
	assert_memory_equal(e.msg, "f:1: neither", 12);
	assert_non_null(strstr(e.msg, "(and 3 more)"));
	h5_buf_release(&seen);
	h5_buf_release(&faults);
}

static void
test_ini__a_promised_end_shows_what_was_cut_off(void **state)
{
	static const struct {
		const char *name, *text, *want; /* NULL: good */
	} rows[] = {
	    {"whole", "# must end with: # end\n[a]\nk=v\n# end\n", NULL},
	    {"no line feed behind the end",
		"# must end with: # end\n[a]\nk=v\n# end", NULL},
	    {"blank lines behind it", "# must end with: # end\n# end\n\n \n",
		NULL},
	    {"CRLF", "# must end with: # end\r\n[a]\r\n# end\r\n", NULL},
	    {"byte-order mark", "\xef\xbb\xbf# must end with: # end\n# end\n",
		NULL},
	    {"another comment's sign", "; must end with: ; fin\n; fin\n", NULL},
	    {"blanks", " #  must end with:  # e n d \n\t# e n d\t\n", NULL},
	    {"a setting", "# must end with: k=v\n[a]\nk=v\n", NULL},
	    {"Chinese", "# must end with: # \xe5\xae\x8c\n# \xe5\xae\x8c\n",
		NULL},
	    {"not in the first line", "\n# must end with: # end\n[a]\n", NULL},
	    {"cut in a value", "# must end with: # end\n[a]\nk=v",
		"f:3: the file is cut short"},
	    {"cut at a line's end", "# must end with: # end\n[a]\nk=v\n",
		"f:3: the file is cut short"},
	    {"cut in the end", "# must end with: # end\n[a]\nk=v\n# en",
		"f:4: the file is cut short"},
	    {"cut behind the first line", "# must end with: # end\n",
		"f:1: the file is cut short"},
	    {"cut in the first line", "# must end with: # e",
		"f:1: the file is cut short"},
	    {"a Chinese character is cut",
		"# must end with: # \xe5\xae\x8c\n# \xe5\xae\n",
		"f:2: the file is cut short"},
	    {"more behind it", "# must end with: # end\n# end\n[a]\n",
		"f:3: the file is cut short"},
	    {"only at a line's end", "# must end with: # end\n[a]\nk=v # end\n",
		"f:3: the file is cut short"},
	    {"nothing promised", "# must end with:\n[a]\n",
		"f:2: the file is cut short"},
	};
	struct h5_buf seen, faults;
	struct h5_ini h;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		h5_buf_init(&faults, 4096);
		h = read_ini(
		    rows[i].text, strlen(rows[i].text), &seen, &faults);
		if (rows[i].want == NULL)
			ROW(rows[i].name, h.n_faults == 0);
		else
			ROW(rows[i].name,
			    h.n_faults == 1 &&
				strstr(faults.data, rows[i].want) != NULL);
		h5_buf_release(&seen);
		h5_buf_release(&faults);
	}
}

static void
test_ini__says_whether_the_last_line_is_open(void **state)
{
	static const struct {
		const char *text;
		bool open;
	} rows[] = {
	    {"", true},
	    {"[a]\nk = 1", true},
	    {"[a]\nk = 1\r", true},
	    {"[a]\nk = 1\n#", true},
	    {"[a]\nk = 1\n\t", true},
	    {"[a]\nk = 1\n", false},
	    {"[a]\nk = 1\r\n", false},
	    {"\n", false},
	};
	struct h5_buf seen, faults;
	struct h5_ini h;
	size_t i;

	(void)state;
	h5_buf_init(&faults, 4096);
	for (i = 0; i < COUNT(rows); i++) {
		h = read_ini(
		    rows[i].text, strlen(rows[i].text), &seen, &faults);
		ROW(rows[i].text, h.open_end == rows[i].open);
		h5_buf_release(&seen);
	}
	h5_buf_release(&faults);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ini__reads_what_is_well_formed),
	    cmocka_unit_test(test_ini__reports_what_is_not),
	    cmocka_unit_test(test_ini__a_nul_byte_is_not_text),
	    cmocka_unit_test(test_ini__a_value_may_have_4096_bytes),
	    cmocka_unit_test(test_ini__goes_on_after_a_fault),
	    cmocka_unit_test(test_ini__a_full_buffer_keeps_the_first_faults),
	    cmocka_unit_test(test_ini__a_promised_end_shows_what_was_cut_off),
	    cmocka_unit_test(test_ini__says_whether_the_last_line_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
