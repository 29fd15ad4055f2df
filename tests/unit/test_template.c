#include "tests/unit/help.h"

#include "common/format/template.h"

/* Partials by name, for the tables below. */
static const char *const partials[][2] = {
    {"p", "in"},
    {"line", "one\n"},
    {"two", "a\nb\n"},
    {"deep", "<\n{{> two}}\n>\n"},
    {"var", "[{{text}}]\n{{{lines}}}\n|\n"},
    {"section", "{{#yes}}\n-\n{{/yes}}\n"},
    {"blank", "a\n\nb\n"},
    {"self", "({{> self}})"},
    {"m.dotted", "dot"},
};

struct found {
	struct h5_template *t[COUNT(partials)];
};

static const struct h5_template *
find(void *arg, const char *name)
{
	const struct found *f = arg;

	for (size_t i = 0; i < COUNT(partials); i++) {
		if (strcmp(partials[i][0], name) == 0)
			return f->t[i];
	}
	return NULL;
}

static void
found_load(struct found *f)
{
	struct h5_err e;

	for (size_t i = 0; i < COUNT(partials); i++)
		assert_int_equal(
		    h5_template_compile(partials[i][0], partials[i][1],
			strlen(partials[i][1]), &f->t[i], &e),
		    H5_OK);
}

static void
found_free(struct found *f)
{
	for (size_t i = 0; i < COUNT(partials); i++)
		h5_template_free(f->t[i]);
}

/* text <&>"', yes, no, empty "", list of two with name a and b (the second
 * hides text), one item that holds a list. */
static struct h5_data *
sample_view(void)
{
	struct h5_data *v = h5_data_new(), *item;

	h5_data_str(v, "text", "<&>\"'");
	h5_data_str(v, "lines", "x\ny");
	h5_data_str(v, "empty", "");
	h5_data_str(v, "none", NULL);
	h5_data_flag(v, "yes", true);
	h5_data_flag(v, "no", false);
	item = h5_data_item(v, "list");
	h5_data_str(item, "name", "a");
	item = h5_data_item(v, "list");
	h5_data_str(item, "name", "b");
	h5_data_str(item, "text", "inner");
	item = h5_data_item(v, "outer");
	h5_data_str(h5_data_item(item, "inner"), "name", "x");
	h5_data_str(h5_data_item(item, "inner"), "name", "y");
	return v;
}

static enum h5_code
render(const char *src, struct h5_buf *out, struct h5_err *e)
{
	struct h5_data *v = sample_view();
	struct h5_template *t = NULL;
	struct found f;
	const struct h5_template_source from = {.find = find, .arg = &f};
	enum h5_code rc;

	found_load(&f);
	rc = h5_template_compile("t", src, strlen(src), &t, e);
	if (rc == H5_OK)
		rc = h5_template_render(t, v, &from, out, e);
	h5_template_free(t);
	found_free(&f);
	h5_data_free(v);
	return rc;
}

static const struct row {
	const char *name, *src, *want;
} rows[] = {
    {"plain text", "no tags } { }}\n", "no tags } { }}\n"},
    {"nothing", "", ""},
    {"escaped", "{{text}}", "&lt;&amp;&gt;&quot;&#39;"},
    {"raw by braces", "{{{text}}}", "<&>\"'"},
    {"raw by ampersand", "{{& text }}", "<&>\"'"},
    {"blanks in a tag", "{{  text\t}}", "&lt;&amp;&gt;&quot;&#39;"},
    {"an unknown name", "[{{nobody}}]", "[]"},
    {"NULL adds nothing", "[{{none}}{{#none}}x{{/none}}]", "[]"},
    {"flags as text", "{{yes}} {{no}}", "true false"},
    {"true", "{{#yes}}x{{/yes}}{{^yes}}y{{/yes}}", "x"},
    {"false", "{{#no}}x{{/no}}{{^no}}y{{/no}}", "y"},
    {"unknown is false", "{{#nobody}}x{{/nobody}}{{^nobody}}y{{/nobody}}", "y"},
    {"empty is false", "{{#empty}}x{{/empty}}{{^empty}}y{{/empty}}", "y"},
    {"text is true", "{{#text}}x{{/text}}{{^text}}y{{/text}}", "x"},
    {"list", "{{#list}}{{name}},{{/list}}", "a,b,"},
    {"list is not empty", "{{^list}}x{{/list}}", ""},
    {"the parent's name", "{{#list}}{{text}};{{/list}}",
	"&lt;&amp;&gt;&quot;&#39;;inner;"},
    {"lists in lists", "{{#outer}}{{#inner}}{{name}}{{/inner}}{{/outer}}",
	"xy"},
    {"same section inside", "{{#yes}}a{{#yes}}b{{/yes}}c{{/yes}}", "abc"},
    {"nothing in no", "{{#no}}{{#list}}{{name}}{{/list}}{{/no}}.", "."},
    {"comment", "a{{! not this }}b", "ab"},
    {"comment over lines", "a\n{{! one\ntwo }}\nb\n", "a\nb\n"},
    {"comment at the start", "{{! x }}\nb", "b"},
    {"standalone section", "a\n{{#yes}}\nb\n{{/yes}}\nc\n", "a\nb\nc\n"},
    {"standalone, indented", "a\n  {{#yes}}\t\n  b\n\t{{/yes}}\nc",
	"a\n  b\nc"},
    {"standalone, CR LF", "a\r\n{{#yes}}\r\nb\r\n{{/yes}}\r\n", "a\r\nb\r\n"},
    {"standalone at the end", "a\n  {{#yes}}\nb\n  {{/yes}}", "a\nb\n"},
    {"not alone", " {{#yes}} x {{/yes}} \n", "  x  \n"},
    {"two tags are not alone", "{{#yes}}{{/yes}}\n.", "\n."},
    {"a variable is not alone", " {{text}} \n", " &lt;&amp;&gt;&quot;&#39; \n"},
    {"partial in a line", "<{{> p}}>", "<in>"},
    {"a dotted name", "{{>m.dotted}}", "dot"},
    {"standalone partial", "a\n{{> line}}\nb\n", "a\none\nb\n"},
    {"indented partial", "  {{> two}}\n.", "  a\n  b\n."},
    {"indented twice", " {{> deep}}\n", " <\n a\n b\n >\n"},
    {"values are not indented", "  {{> var}}\n",
	"  [&lt;&amp;&gt;&quot;&#39;]\n  x\ny\n  |\n"},
    {"standalone in indented", "  {{> section}}\n.", "  -\n."},
    {"no indent on empty lines", "  {{> blank}}\n", "  a\n\n  b\n"},
    {"partial in a list", "{{#list}}\n {{> line}}\n{{/list}}\n",
	" one\n one\n"},
};

static void
test_template__renders_as_the_specification_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct h5_buf out;
		struct h5_err e;

		h5_buf_init(&out, 4096);
		ROW(rows[i].name, render(rows[i].src, &out, &e) == H5_OK);
		if (strcmp(out.data, rows[i].want) != 0)
			fail_msg("row \"%s\": got \"%s\", want \"%s\"",
			    rows[i].name, out.data, rows[i].want);
		h5_buf_release(&out);
	}
}

static const struct row faults[] = {
    {"an open tag", "a\nb {{text\n", "t:2: this tag is not closed"},
    {"an open raw tag", "{{{text}}", "t:1: this tag is not closed"},
    {"no name", "\n\n{{ }}", "t:3: this tag has no name"},
    {"a blank in a name", "{{a b}}", "t:1: this tag has no name"},
    {"the iterator", "{{#list}}{{.}}{{/list}}", "t:1: this tag has no name"},
    {"delimiters", "{{=<% %>=}}", "t:1: the delimiters cannot be changed here"},
    {"an open section", "a\n{{#yes}}\nb\n",
	"t:2: nothing closes the section yes"},
    {"no section", "a\n{{/yes}}\n",
	"t:2: closes a section that is not open: yes"},
    {"another section", "{{#yes}}\n{{#no}}\n{{/yes}}",
	"t:3: this does not close the open section no"},
    {"after a comment", "{{! a\nb }}\n{{=}}",
	"t:3: the delimiters cannot be changed here"},
    {"after a standalone tag", "{{#yes}}\n{{/yes}}\n{{",
	"t:3: this tag is not closed"},
    {"no partial", "{{> nobody}}", "t: there is no partial called nobody"},
    {"endless", "{{> self}}", "self: nested too deeply at self"},
};

static void
test_template__faults_name_the_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct h5_buf out;
		struct h5_err e;

		h5_buf_init(&out, 4096);
		ROW(faults[i].name,
		    render(faults[i].src, &out, &e) == H5_E_INPUT);
		if (strcmp(e.msg, faults[i].want) != 0)
			fail_msg(
			    "row \"%s\": got \"%s\"", faults[i].name, e.msg);
		h5_buf_release(&out);
	}
}

static void
test_template__a_line_can_be_given(void **state)
{
	struct h5_template *t;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    h5_template_compile_at("f", 17, "{{x", 3, &t, &e), H5_E_INPUT);
	assert_null(t);
	assert_string_equal(e.msg, "f:17: this tag is not closed");
}

static void
test_template__sections_nest_to_a_limit(void **state)
{
	struct h5_buf src, out;
	struct h5_err e;

	(void)state;
	for (int depth = H5_TEMPLATE_DEPTH; depth <= H5_TEMPLATE_DEPTH + 1;
	     depth++) {
		h5_buf_init(&src, 4096);
		h5_buf_init(&out, 4096);
		for (int i = 0; i < depth; i++)
			h5_buf_puts(&src, "{{#yes}}");
		h5_buf_puts(&src, "x");
		for (int i = 0; i < depth; i++)
			h5_buf_puts(&src, "{{/yes}}");
		assert_int_equal(render(src.data, &out, &e),
		    depth <= H5_TEMPLATE_DEPTH ? H5_OK : H5_E_INPUT);
		h5_buf_release(&src);
		h5_buf_release(&out);
	}
}

static void
test_template__the_ceiling_is_an_error(void **state)
{
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	h5_buf_init(&out, 3);
	assert_int_equal(render("four", &out, &e), H5_E_INPUT);
	h5_buf_release(&out);
}

static void
count_partial(void *arg, const char *name)
{
	struct h5_buf *b = arg;

	h5_buf_printf(b, "%s ", name);
}

static void
test_template__partials_are_listed(void **state)
{
	static const char src[] = "{{> a}}\n{{#x}}{{>b}}{{/x}}{{c}}";
	struct h5_template *t;
	struct h5_buf b;
	struct h5_err e;

	(void)state;
	h5_buf_init(&b, 256);
	assert_int_equal(
	    h5_template_compile("t", src, sizeof src - 1, &t, &e), H5_OK);
	h5_template_each_partial(t, count_partial, &b);
	assert_string_equal(b.data, "a b ");
	h5_template_free(t);
	h5_buf_release(&b);
}

static void
test_template__no_partials_needs_no_finder(void **state)
{
	struct h5_data *v = h5_data_new();
	struct h5_template *t;
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	h5_buf_init(&out, 256);
	h5_data_str(v, "a", "1");
	h5_data_str(v, "a", "2");
	assert_int_equal(
	    h5_template_compile("t", "{{a}}{{>p}}", 5, &t, &e), H5_OK);
	assert_int_equal(h5_template_render(t, v, NULL, &out, &e), H5_OK);
	assert_string_equal(out.data, "2");
	h5_template_free(t);
	assert_int_equal(
	    h5_template_compile("t", "{{a}}{{>p}}", 11, &t, &e), H5_OK);
	assert_int_equal(h5_template_render(t, v, NULL, &out, &e), H5_E_INPUT);
	h5_template_free(t);
	h5_data_free(v);
	h5_buf_release(&out);
}

static const struct h5_template *
find_nothing(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return NULL;
}

/* What was bound is not looked for again, for that set; the other is. */
static void
test_template__bound_partials_need_no_finder(void **state)
{
	static const char src[] = "  {{> two}}\n{{> p}}";
	struct found f;
	const struct h5_template_source with = {find, &f, 1};
	const struct h5_template_source without = {find_nothing, NULL, 1};
	const struct h5_template_source other = {find_nothing, NULL, 0};
	struct h5_data *v = h5_data_new();
	struct h5_template *t;
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	found_load(&f);
	h5_buf_init(&out, 256);
	assert_int_equal(
	    h5_template_compile("t", src, strlen(src), &t, &e), H5_OK);
	h5_template_bind(t, &with);
	assert_int_equal(h5_template_render(t, v, &without, &out, &e), H5_OK);
	assert_string_equal(out.data, "  a\n  b\nin");
	assert_int_equal(
	    h5_template_render(t, v, &other, &out, &e), H5_E_INPUT);
	h5_template_free(t);
	found_free(&f);
	h5_data_free(v);
	h5_buf_release(&out);
}

static void
test_view__a_reference_is_no_copy(void **state)
{
	struct h5_data *v = h5_data_new();
	char value[] = "x";

	(void)state;
	h5_data_str(v, "copy", value);
	h5_data_ref(v, "ref", value);
	h5_data_ref(v, "none", NULL);
	value[0] = 'y';
	assert_string_equal(h5_data_find(v, "copy")->str, "x");
	assert_ptr_equal(h5_data_find(v, "ref")->str, value);
	assert_null(h5_data_find(v, "none"));
	h5_data_free(v);
}

static void
test_view__a_name_can_change_its_kind(void **state)
{
	struct h5_data *v = h5_data_new();

	(void)state;
	h5_data_str(v, "a", "x");
	h5_data_flag(v, "a", true);
	assert_int_equal(h5_data_find(v, "a")->kind, H5_DATA_FLAG);
	assert_non_null(h5_data_item(v, "a"));
	assert_int_equal(h5_data_find(v, "a")->n_items, 1);
	h5_data_str(v, "a", "y");
	assert_string_equal(h5_data_find(v, "a")->str, "y");
	h5_data_str(v, h5_data_find(v, "a")->name, h5_data_find(v, "a")->str);
	assert_string_equal(h5_data_find(v, "a")->str, "y");
	assert_null(h5_data_find(v, "b"));
	assert_true(h5_data_complete(v));
	h5_data_free(v);
}

static void
test_view__no_view_is_no_crash(void **state)
{
	(void)state;
	h5_data_str(NULL, "a", "x");
	h5_data_flag(NULL, "a", true);
	assert_null(h5_data_item(NULL, "a"));
	assert_null(h5_data_find(NULL, "a"));
	assert_false(h5_data_complete(NULL));
	h5_data_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_template__renders_as_the_specification_says),
	    cmocka_unit_test(test_template__faults_name_the_line),
	    cmocka_unit_test(test_template__a_line_can_be_given),
	    cmocka_unit_test(test_template__sections_nest_to_a_limit),
	    cmocka_unit_test(test_template__the_ceiling_is_an_error),
	    cmocka_unit_test(test_template__partials_are_listed),
	    cmocka_unit_test(test_template__no_partials_needs_no_finder),
	    cmocka_unit_test(test_template__bound_partials_need_no_finder),
	    cmocka_unit_test(test_view__a_reference_is_no_copy),
	    cmocka_unit_test(test_view__a_name_can_change_its_kind),
	    cmocka_unit_test(test_view__no_view_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
