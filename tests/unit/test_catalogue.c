#include "tests/unit/help.h"
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/shop/catalogue.h"
#include "common/shop/kept.h"
#include "common/system/file.h"

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
	    {"", ":1: the file is empty"},
	    {"# nothing yet", ":1: the last line has no line feed"},
	    {"[a]\ntitle = x\nprice = 1", ":3: the last line has no line feed"},
	    {"[a]\ntitle = x\nprice = 1\r", ":3: the last line has no line"},
	    {"[a]\ntitle = x\nprice = 1\n#", ":4: the last line has no line"},
	    {"# must end with: # end\n[a]\ntitle = x\nprice = 1\n",
		":4: the file is cut short"},
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

/* A2: whatever was cut off, half of it is never sold by. */
static void
test_catalogue__every_cut_of_a_file_is_refused(void **state)
{
	static const char whole[] = "\xef\xbb\xbf# must end with: # end\r\n"
				    "[a]\r\ntitle = \xe8\x8c\xb6\r\n"
				    "price = 12999.00\r\nmax_qty = 20\r\n"
				    "[b]\r\ntitle = b\r\nmin_price = 1\r\n"
				    "max_price = 100\r\n# end\r\n";
	struct fixture *f = *state;
	char cut[sizeof whole];
	size_t n;

	assert_int_equal(load(f, whole), H5_OK);
	for (n = 0; n < sizeof whole - 1; n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		if (load(f, cut) != H5_E_CONFIG)
			fail_msg("%zu bytes are taken", n);
	}
}

/* A2: one open, one reading, and nobody wrote meanwhile. */
static int arm; /* writes that still come while something is read */
static char armed_path[FOLDER_PATH];

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t
__wrap_read(int fd, void *p, size_t n)
{
	int other;

	if (arm > 0) {
		arm--;
		other = open(armed_path, O_WRONLY | O_APPEND);
		assert_true(other >= 0);
		assert_int_equal(write(other, "#\n", 2), 2);
		(void)close(other);
	}
	return __real_read(fd, p, n);
}

static void
test_catalogue__one_that_is_being_written_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "[a]\ntitle = x\nprice = 1\n"), H5_OK);
	(void)folder_name(&f->folder, "c.ini", armed_path);
	arm = 1;
	h5_catalogue_free(f->c);
	assert_int_equal(
	    h5_catalogue_load(armed_path, &f->faults, &f->c, &f->e),
	    H5_E_CONFIG);
	assert_int_equal(arm, 0);
	assert_null(f->c);
	assert_non_null(strstr(f->e.msg, "written to while it was read"));
	assert_int_equal(
	    h5_catalogue_load(armed_path, &f->faults, &f->c, &f->e), H5_OK);
}

/* A2: a running program keeps the one before. */
static void
test_catalogue__the_one_before_is_kept(void **state)
{
	struct fixture *f = *state;
	struct h5_config c = {0};
	struct h5_kept kept;
	struct h5_log log;
	struct h5_shop shop = {.c = &c, .log = &log, .kept = &kept};
	struct h5_item item;
	char path[FOLDER_PATH], log_path[FOLDER_PATH];
	struct h5_buf said;
	size_t before;

	h5_log_init(&log, "t", folder_name(&f->folder, "log", log_path));
	h5_kept_init(&kept, NULL);
	(void)folder_name(&f->folder, "c.ini", path);
	c.catalogue.file = path;
	assert_int_equal(load(f, "[a]\ntitle = x\nprice = 12999.00\n"), H5_OK);
	assert_int_equal(h5_kept_item(&shop, "a", &item, &f->e), H5_OK);
	assert_int_equal(item.price, 1299900);
	free(item.title);
	/* Half a file, twice: the log has it once. */
	assert_int_equal(load(f, "[a]\ntitle = y\nprice = 1"), H5_E_CONFIG);
	for (before = 0; before < 2; before++) {
		assert_int_equal(h5_kept_item(&shop, "a", &item, &f->e), H5_OK);
		assert_int_equal(item.price, 1299900);
		assert_string_equal(item.title, "x");
		free(item.title);
	}
	assert_int_equal(h5_kept_item(&shop, "b", &item, &f->e), H5_E_NOTFOUND);
	h5_buf_init(&said, 4096);
	assert_int_equal(h5_file_read(AT_FDCWD, log_path, &said, NULL), H5_OK);
	assert_non_null(strstr(said.data, "no line feed"));
	assert_ptr_equal(strchr(said.data, '\n'), said.data + said.len - 1);
	h5_buf_release(&said);
	/* Without one before there is none. */
	shop.kept = NULL;
	assert_int_equal(h5_kept_item(&shop, "a", &item, &f->e), H5_E_CONFIG);
	shop.kept = &kept;
	/* Whole again; then gone, which is no upload under way. */
	assert_int_equal(load(f, "[a]\ntitle = z\nprice = 2\n"), H5_OK);
	assert_int_equal(h5_kept_item(&shop, "a", &item, &f->e), H5_OK);
	assert_int_equal(item.price, 200);
	free(item.title);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(h5_kept_item(&shop, "a", &item, &f->e), H5_E_CONFIG);
	h5_kept_release(&kept);
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
	    TEST(test_catalogue__every_cut_of_a_file_is_refused),
	    TEST(test_catalogue__one_that_is_being_written_is_refused),
	    TEST(test_catalogue__the_one_before_is_kept),
	    TEST(test_catalogue__no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
