/* fsck: what it finds, what it mends, what it leaves alone. */
#include "tests/unit/help.h"

#include "tests/unit/shop.h"

#include <time.h>

#define ID "order-1"

struct findings {
	struct h5_store_report r;
	char text[8192]; /* "id: what;" with a + behind what was repaired */
	uint64_t done;
	uint64_t total;
};

static void
found(void *arg, const char *id, const char *what, bool repaired)
{
	struct findings *f = arg;
	size_t n = strlen(f->text);

	(void)snprintf(f->text + n, sizeof f->text - n, "%s: %s%s; ", id, what,
	    repaired ? "+" : "");
}

static void
progress(void *arg, uint64_t done, uint64_t total)
{
	struct findings *f = arg;

	assert_true(done >= f->done && total >= done);
	f->done = done;
	f->total = total;
}

static const char *
check(struct shop *s, bool repair, struct findings *f)
{
	struct h5_err e;

	memset(f, 0, sizeof *f);
	f->r.found = found;
	f->r.progress = progress;
	f->r.arg = f;
	f->r.orders = 999;
	if (h5_store_check(s->st, repair, &f->r, &e) != H5_OK)
		fail_msg("%s", e.msg);
	assert_int_equal(f->done, f->total);
	return f->text;
}

/* It finds this, mends it when asked, and finds nothing then. */
static void
finds_and_mends(struct shop *s, const char *what)
{
	struct findings f;

	assert_non_null(strstr(check(s, false, &f), what));
	assert_null(strchr(f.text, '+'));
	assert_non_null(strstr(check(s, true, &f), what));
	assert_non_null(strchr(f.text, '+'));
	assert_string_equal(check(s, false, &f), "");
}

static const char *
day_file(struct shop *s, const char *folder, int64_t at, char out[FOLDER_PATH])
{
	char name[128], day[H5_CLOCK_DAY];

	h5_clock_day(at, day);
	(void)snprintf(name, sizeof name, "store/%s/%s", folder, day);
	return folder_name(&s->f, name, out);
}

static void
append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
some_orders(struct shop *s)
{
	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-3", T0 + 86400), H5_OK);
	assert_int_equal(shop_paid(s->st, "order-2"), H5_OK);
}

static void
test_store_check__a_good_store_is_silent(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;
	struct findings f;
	char id[32];
	int i;

	assert_string_equal(check(s, false, &f), "");
	assert_int_equal(f.r.orders, 0);
	some_orders(s);
	for (i = 0; i < 600; i++) {
		(void)snprintf(id, sizeof id, "many-%04d", i);
		assert_int_equal(shop_create(s->st, id, T0 + i), H5_OK);
	}
	assert_string_equal(check(s, false, &f), "");
	assert_int_equal(f.r.orders, 603);
	(void)shop_open_orders(s->st, &seen);
	assert_int_equal(shop_refund(s->st, "order-2", "r1", NULL), H5_OK);
	assert_string_equal(check(s, false, &f), "");
	assert_string_equal(check(s, true, &f), "");
	assert_int_equal(f.r.unfinished + f.r.broken + f.r.derived, 0);
}

static void
test_store_check__torn_tails_are_cut(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct findings f;

	some_orders(s);
	shop_ledger(s, ID, path);
	append(path, "{\"n\":2,\"at\"");
	(void)check(s, false, &f);
	assert_int_equal(f.r.unfinished, 1);
	assert_int_equal(f.r.broken, 0);
	assert_int_equal(f.r.orders, 3);
	finds_and_mends(s, "order-1: torn tail");
	assert_int_equal(shop_events(s->st, ID), 1);
	append(path, "{");
	finds_and_mends(s, "order-1: torn tail");
}

static void
test_store_check__broken_records_stay_as_they_are(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], *before, *after;
	struct findings f;
	size_t n, m;

	some_orders(s);
	shop_ledger(s, "order-2", path);
	before = fixture(path, &n);
	before[30] ^= 4;
	folder_write_n(&s->f, path + strlen(s->f.path) + 1, before, n, 0600);
	(void)check(s, true, &f);
	assert_int_equal(f.r.broken, 1);
	assert_int_equal(f.r.orders, 2);
	assert_non_null(strstr(f.text, "order-2: line 1"));
	after = fixture(path, &m);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
	/* Its index line stays, even in an index that is rebuilt: sweeps go
	 * on to tell of it. */
	append(day_file(s, "index/created", T0, path), "???\n");
	assert_non_null(strstr(
	    check(s, true, &f), "contains something that is not an order id"));
	free(after);
	after = fixture(day_file(s, "index/created", T0, path), &m);
	assert_non_null(strstr(after, "order-2\n"));
	free(before);
	free(after);
}

static void
test_store_check__empty_misnamed_and_misplaced(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], to[FOLDER_PATH];
	struct findings f;

	some_orders(s);
	shop_ledger(s, "order-1", path);
	assert_int_equal(truncate(path, 0), 0);
	assert_non_null(strstr(check(s, true, &f), "order-1: "));
	assert_int_equal(f.r.broken, 1);
	assert_int_equal(unlink(path), 0);
	shop_ledger(s, "order-2", to);
	shop_ledger(s, "order-3", path);
	assert_int_equal(rename(path, to), 0);
	assert_non_null(strstr(check(s, true, &f), "order-2: "));
	assert_int_equal(f.r.broken, 1);
	/* The right name in a wrong folder. */
	folder_name(&s->f, "store/orders/f", path);
	(void)mkdir(path, 0700);
	folder_name(&s->f, "store/orders/f/f", path);
	(void)mkdir(path, 0700);
	folder_name(&s->f, "store/orders/f/f/order-3.ledger", path);
	assert_int_equal(rename(to, path), 0);
	assert_non_null(
	    strstr(check(s, true, &f), "order-3: is in the wrong folder"));
}

static void
test_store_check__a_lost_index_is_rebuilt(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct shop_seen seen;
	struct stat st;

	some_orders(s);
	assert_int_equal(unlink(day_file(s, "index/created", T0, path)), 0);
	finds_and_mends(s, "order-1: missing in index/created/2026-11-23");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-3 ");
}

/* The order files alone are the truth. */
static void
test_store_check__everything_else_can_be_rebuilt(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;
	struct folder gone;
	struct findings f;

	some_orders(s);
	(void)shop_open_orders(s->st, &seen);
	assert_int_equal(shop_refund(s->st, "order-2", "r1", NULL), H5_OK);
	(void)snprintf(gone.path, sizeof gone.path, "%.50s/index", s->dir);
	folder_remove(&gone);
	(void)snprintf(gone.path, sizeof gone.path, "%.50s/sweep", s->dir);
	folder_remove(&gone);
	assert_string_not_equal(check(s, true, &f), "");
	assert_string_equal(check(s, false, &f), "");
	assert_string_equal(
	    shop_open_orders(s->st, &seen), "order-1 order-2 order-3 ");
	memset(&seen, 0, sizeof seen);
	assert_int_equal(
	    h5_store_each(s->st, 0, 0, shop_see, &seen, NULL), H5_OK);
	assert_string_equal(seen.text, "order-1 order-2 order-3 ");
}

static void
test_store_check__garbage_in_an_index_goes(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];

	some_orders(s);
	append(day_file(s, "index/created", T0, path), "no id!\n");
	finds_and_mends(s, "index/created/2026-11-23 contains something that "
			   "is not an order id");
	append(day_file(s, "index/created", T0, path), "torn");
	finds_and_mends(s, "index/created/2026-11-23 contains something that "
			   "is not an order id");
}

static void
test_store_check__a_line_of_a_cut_creation_is_no_fault(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct findings f;

	some_orders(s);
	append(day_file(s, "index/created", T0, path), "order-8\norder-1\n");
	assert_string_equal(check(s, false, &f), "");
}

/* An order that woke without a line, as if an index had been lost. */
static void
test_store_check__an_order_no_sweep_would_find(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct shop_seen seen;

	some_orders(s);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-3 ");
	assert_int_equal(shop_refund(s->st, "order-2", "r1", NULL), H5_OK);
	assert_int_equal(
	    unlink(day_file(s, "index/wake", h5_clock_now(), path)), 0);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-3 ");
	finds_and_mends(s, "order-2: is not at rest");
	(void)shop_open_orders(s->st, &seen);
	assert_non_null(strstr(seen.text, "order-2 "));
	assert_int_equal(seen.n, 3);
}

static void
test_store_check__a_damaged_sweep_memory_goes(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct shop_seen seen;

	some_orders(s);
	(void)shop_open_orders(s->st, &seen);
	append(day_file(s, "sweep", T0, path), "x");
	finds_and_mends(s, "sweep/2026-11-23 is damaged");
}

/* Its end is there, and an order in its middle is not: nothing of it counts. */
static void
test_store_check__a_sweep_memory_that_lost_an_order_is_not_used(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], *text, *line;
	struct shop_seen seen;
	size_t n;

	some_orders(s);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-3 ");
	text = fixture(day_file(s, "sweep", T0, path), &n);
	line = strstr(text, "order-1\n");
	assert_non_null(line);
	memmove(line, line + 8, strlen(line + 8) + 1);
	folder_write(&s->f, path + strlen(s->f.path) + 1, text, 0600);
	free(text);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-3 ");
}

static void
test_store_check__strangers_are_told_and_left(void **state)
{
	static const char *const names[] = {"store/x", "store/orders/x",
	    "store/orders/0", "store/index/x", "store/index/created/x",
	    "store/sweep/x"};
	struct shop *s = *state;
	char path[FOLDER_PATH], other[FOLDER_PATH];
	struct findings f;
	struct stat st;
	size_t i;

	some_orders(s);
	for (i = 0; i < COUNT(names); i++) {
		if (stat(folder_name(&s->f, names[i], path), &st) == 0)
			continue;
		folder_write(&s->f, names[i], "mine", 0600);
		ROW(names[i], strcmp(check(s, true, &f), "") != 0);
		ROW(names[i], stat(path, &st) == 0);
		assert_int_equal(unlink(path), 0);
	}
	shop_ledger(s, ID, path);
	(void)snprintf(other, sizeof other, "%.500s~", path);
	assert_int_equal(rename(path, other), 0);
	assert_non_null(strstr(check(s, true, &f), "order-1.ledger~"));
	assert_int_equal(access(other, F_OK), 0);
	/* As long as the right name, and another one. */
	assert_int_equal(rename(other, path), 0);
	(void)snprintf(
	    other, sizeof other, "%.*ss", (int)strlen(path) - 1, path);
	folder_write(&s->f, other + strlen(s->f.path) + 1, "mine", 0600);
	assert_non_null(strstr(check(s, true, &f), "order-1.ledges"));
	assert_int_equal(access(other, F_OK), 0);
}

static void
test_store_check__old_temporary_files_go(void **state)
{
	struct timespec times[2] = {{1000, 0}, {1000, 0}};
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct findings f;

	some_orders(s);
	folder_write(&s->f, "store/sweep/.tmp-1-2", "x", 0600);
	/* Somebody may be writing it just now. */
	assert_string_equal(check(s, true, &f), "");
	folder_name(&s->f, "store/sweep/.tmp-1-2", path);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	finds_and_mends(s, "left over: sweep/.tmp-1-2");
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_store_check__a_folder_open_to_others_is_told(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct findings f;

	some_orders(s);
	assert_int_equal(
	    chmod(folder_name(&s->f, "store/orders", path), 0755), 0);
	assert_non_null(strstr(check(s, false, &f), "chmod 700 orders"));
	assert_int_equal(f.r.broken, 1);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_store_check__a_good_store_is_silent),
	    TEST(test_store_check__torn_tails_are_cut),
	    TEST(test_store_check__broken_records_stay_as_they_are),
	    TEST(test_store_check__empty_misnamed_and_misplaced),
	    TEST(test_store_check__a_lost_index_is_rebuilt),
	    TEST(test_store_check__everything_else_can_be_rebuilt),
	    TEST(test_store_check__garbage_in_an_index_goes),
	    TEST(test_store_check__a_line_of_a_cut_creation_is_no_fault),
	    TEST(test_store_check__an_order_no_sweep_would_find),
	    TEST(test_store_check__a_damaged_sweep_memory_goes),
	    TEST(
		test_store_check__a_sweep_memory_that_lost_an_order_is_not_used),
	    TEST(test_store_check__strangers_are_told_and_left),
	    TEST(test_store_check__old_temporary_files_go),
	    TEST(test_store_check__a_folder_open_to_others_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
