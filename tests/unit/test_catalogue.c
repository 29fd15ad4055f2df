#include "tests/unit/help.h"
#include "tests/unit/folder.h"

#include "common/shop/catalogue.h"

struct fixture {
	struct folder folder;
	struct h5_buf faults;
	struct h5_catalogue *c;
	struct h5_err e;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	folder_make(&f->folder);
	h5_buf_init(&f->faults, 1 << 16);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	h5_catalogue_free(f->c);
	h5_buf_release(&f->faults);
	folder_remove(&f->folder);
	free(f);
	return 0;
}

static enum h5_code
load(struct fixture *f, const char *text)
{
	char path[FOLDER_PATH];

	folder_write(&f->folder, "c.ini", text, 0644);
	h5_catalogue_free(f->c);
	h5_buf_clear(&f->faults);
	return h5_catalogue_load(
	    folder_name(&f->folder, "c.ini", path), &f->faults, &f->c, &f->e);
}

static void
test_catalogue__items(void **state)
{
	struct fixture *f = *state;
	const struct h5_item *i;

	assert_int_equal(load(f, "# items\n"
				 "[tea-250]\n"
				 "title = \xe8\x8c\xb6 250 g; best\n"
				 "price = 128\n"
				 "max_qty = 5\n"
				 "[donation]\r\n"
				 "title = Donation\r\n"
				 "min_price = 0.01\r\n"
				 "max_price = 5000.5\r\n"
				 "[A_1]\n"
				 "price = 0.10\n"
				 "title = a\n"),
	    H5_OK);
	assert_int_equal(f->c->n, 3);
	i = h5_catalogue_find(f->c, "tea-250");
	assert_non_null(i);
	assert_string_equal(i->name, "tea-250");
	assert_string_equal(i->title, "\xe8\x8c\xb6 250 g; best");
	assert_int_equal(i->price, 12800);
	assert_int_equal(i->min_price, 0);
	assert_int_equal(i->max_price, 0);
	assert_int_equal(i->max_qty, 5);
	i = h5_catalogue_find(f->c, "donation");
	assert_non_null(i);
	assert_int_equal(i->price, 0);
	assert_int_equal(i->min_price, 1);
	assert_int_equal(i->max_price, 500050);
	assert_int_equal(i->max_qty, 1);
	i = h5_catalogue_find(f->c, "A_1");
	assert_non_null(i);
	assert_int_equal(i->price, 10);
	assert_null(h5_catalogue_find(f->c, "a_1"));
	assert_null(h5_catalogue_find(f->c, "tea"));
	assert_null(h5_catalogue_find(f->c, ""));
}

static void
test_catalogue__may_be_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "# nothing yet\n"), H5_OK);
	assert_int_equal(f->c->n, 0);
	assert_null(h5_catalogue_find(f->c, "x"));
}

static void
test_catalogue__faults(void **state)
{
	/* Each has one fault, in the line that want begins with. */
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"title = x\n", ":1: title before the first [item]"},
	    {"[a]\nprice = 1\n", ":1: [a]: title is missing"},
	    {"[a]\ntitle = x\n", ":1: [a]: price is missing"},
	    {"[a]\ntitle = x\nmin_price = 1\n", ":1: [a]: price is missing"},
	    {"[a]\ntitle = x\nmax_price = 1\n", ":1: [a]: price is missing"},
	    {"[a]\ntitle = x\nmin_price = 1\nmax_price = 2\nprice = 1\n",
		":5: [a]: set price, or min_price"},
	    {"[a]\ntitle = x\nmin_price = 2.01\nmax_price = 2\n",
		":3: [a]: min_price is above"},
	    {"[a]\ntitle = \nprice = 1\n", ":2: title: must be the text"},
	    {"[a]\ntitle = x\ty\nprice = 1\n", ":2: title: must be the text"},
	    {"[a]\ntitle = x\nprice = 1.234\n", ":3: price: yuan"},
	    {"[a]\ntitle = x\nprice = 0\n", ":3: price: amount"},
	    {"[a]\ntitle = x\nprice = -1\n", ":3: price: yuan"},
	    {"[a]\ntitle = x\nprice = 1,50\n", ":3: price: yuan"},
	    {"[a]\ntitle = x\nprice = 1\nmax_qty = 0\n",
		":4: max_qty: number not between 1 and 9999"},
	    {"[a]\ntitle = x\nprice = 1\nmax_qty = 10000\n",
		":4: max_qty: number not between 1 and 9999"},
	    {"[a]\ntitle = x\nprice = 999999999\nmax_qty = 2\n",
		":4: [a]: max_qty times the price"},
	    {"[a]\ntitle = x\nprice = 1\nprice = 1\n",
		":4: price is already set in line 3"},
	    {"[a]\ntitle = x\nprice = 1\nprices = 1\n",
		":4: unknown key prices; did you mean price?"},
	    {"[a]\ntitle = x\nprice = 1\nquite_unlike = 1\n",
		":4: unknown key quite_unlike\n"},
	    {"[b]\ntitle = x\nprice = 1\n[a]\ntitle = x\nprice = 1\n"
	     "[b]\ntitle = y\nprice = 2\n",
		":7: [b] is already defined in line 1"},
	    {"[a b]\ntitle = x\nprice = 1\n", ":1: a section's name"},
	    {"[a]\ntitle = x\nprice = 1\njunk\n", ":4: neither"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].text, load(f, rows[i].text) == H5_E_CONFIG);
		ROW(rows[i].text, f->c == NULL);
		ROW(rows[i].text, strstr(f->faults.data, rows[i].want) != NULL);
		ROW(rows[i].text, strchr(f->faults.data, '\n') ==
				      f->faults.data + f->faults.len - 1);
		ROW(rows[i].text, strstr(f->e.msg, "c.ini:") != NULL);
	}
}

static void
test_catalogue__all_faults_in_one_run(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load(f, "junk\n[a]\nprice = x\n[b]\ntitle = b\n"), H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, ":1: neither"));
	assert_non_null(strstr(f->faults.data, ":3: price:"));
	assert_non_null(strstr(f->faults.data, ":2: [a]: title is missing"));
	assert_non_null(strstr(f->faults.data, ":4: [b]: price is missing"));
	assert_non_null(strstr(f->e.msg, "(and 3 more)"));
}

static void
test_catalogue__many_items_are_found(void **state)
{
	struct fixture *f = *state;
	struct h5_buf text;
	char name[16];
	int i;

	h5_buf_init(&text, 1 << 20);
	for (i = 0; i < 10000; i++)
		h5_buf_printf(&text, "[i%d]\ntitle = t%d\nprice = %d\n",
		    (i * 7919) % 10000, i, i + 1);
	assert_int_equal(load(f, text.data), H5_OK);
	for (i = 0; i < 10000; i++) {
		(void)snprintf(name, sizeof(name), "i%d", i);
		assert_non_null(h5_catalogue_find(f->c, name));
	}
	assert_null(h5_catalogue_find(f->c, "i10000"));
	h5_buf_puts(&text, "[more]\ntitle = t\nprice = 1\n");
	assert_int_equal(load(f, text.data), H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, "more than 10000 items"));
	h5_buf_release(&text);
}

static void
test_catalogue__no_file(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH];

	assert_int_equal(
	    h5_catalogue_load(folder_name(&f->folder, "none.ini", path),
		&f->faults, &f->c, &f->e),
	    H5_E_NOTFOUND);
	assert_null(f->c);
	assert_int_not_equal(
	    h5_catalogue_load(f->folder.path, &f->faults, &f->c, &f->e), H5_OK);
	assert_null(f->c);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_catalogue__items),
	    TEST(test_catalogue__may_be_empty),
	    TEST(test_catalogue__faults),
	    TEST(test_catalogue__all_faults_in_one_run),
	    TEST(test_catalogue__many_items_are_found),
	    TEST(test_catalogue__no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
