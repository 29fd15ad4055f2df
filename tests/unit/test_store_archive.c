/* Archives of plain files: writers beside a pass, ids among thousands, and what
 * lies there twice. */
#include "tests/unit/help.h"

#include "tests/unit/shop.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>

#define ID "order-1"
#define DAY 86400
#define LATER (T0 + 30 * DAY)
#define MANY 300

static uint64_t
archive(struct h5_store *st)
{
	struct h5_store_moved m = {.progress = NULL};
	struct h5_err e;

	if (h5_store_archive(st, LATER, &m, &e) != H5_OK)
		fail_msg("%s", e.msg);
	return m.moved;
}

static uint64_t
restore(struct h5_store *st)
{
	struct h5_store_moved m = {.progress = NULL};
	struct h5_err e;

	if (h5_store_restore(st, LATER, &m, &e) != H5_OK)
		fail_msg("%s", e.msg);
	return m.moved;
}

static void
paid_order(struct h5_store *st, const char *id)
{
	assert_int_equal(shop_create(st, id, T0), H5_OK);
	assert_int_equal(shop_paid(st, id), H5_OK);
}

static char *
ledger_of(const struct shop *s, const char *id, size_t *n)
{
	char path[FOLDER_PATH];

	shop_ledger(s, id, path);
	return fixture(path, n);
}

static void
write_file(const char *path, const char *how, const char *p, size_t n)
{
	FILE *f = fopen(path, how);

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* --- beside a pass -------------------------------------------------------- */

#define ORDERS 40

struct beside {
	struct h5_store *st;
	atomic_bool done;
	atomic_uint all;
	unsigned added[ORDERS];
};

static void
beside_id(unsigned i, char id[32])
{
	(void)snprintf(id, 32, "beside-%u", i);
}

static void *
add_all_the_time(void *arg)
{
	struct beside *b = arg;
	char id[32];
	unsigned i;

	for (i = 0; !atomic_load(&b->done); i = (i + 1) % ORDERS) {
		beside_id(i, id);
		if (shop_query(b->st, id, "REFUND") != H5_OK)
			continue;
		b->added[i]++;
		atomic_fetch_add(&b->all, 1);
	}
	return NULL;
}

/* An event that was acknowledged is in the ledger, whatever a pass does to it
 * at that moment. */
static void
test_store_archive__no_writer_beside_it_loses_an_event(void **state)
{
	struct shop *s = *state;
	struct beside b = {.st = s->st};
	uint64_t moved = 0;
	pthread_t thread;
	char id[32];
	unsigned i;

	for (i = 0; i < ORDERS; i++) {
		beside_id(i, id);
		paid_order(s->st, id);
	}
	atomic_init(&b.done, false);
	atomic_init(&b.all, 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, add_all_the_time, &b), 0);
	/* Until both have met often, however slow the machine. */
	for (i = 0; i < 12 || moved <= ORDERS || atomic_load(&b.all) <= ORDERS;
	     i++) {
		moved += archive(s->st);
		if (i % 3 == 0)
			moved += restore(s->st);
	}
	atomic_store(&b.done, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (i = 0; i < ORDERS; i++) {
		beside_id(i, id);
		assert_int_equal(shop_events(s->st, id), 2 + (int)b.added[i]);
	}
}

/* Is there a descriptor of this process that may write to the file? */
static bool
opened_to_write(const struct stat *file)
{
	struct stat st;
	int fd;

	for (fd = 0; fd < 256; fd++)
		if (fstat(fd, &st) == 0 && st.st_ino == file->st_ino &&
		    st.st_dev == file->st_dev &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			return true;
	return false;
}

static void *
add_one(void *arg)
{
	return shop_query(arg, ID, "REFUND") == H5_OK ? arg : NULL;
}

/* A writer opened the ledger and waits for whoever holds it, who puts it away
 * and brings it back: the file in hand is none any more. */
static void
test_store_archive__a_writer_that_waited_finds_the_new_ledger(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], *was;
	struct stat st;
	pthread_t thread;
	int64_t until;
	void *added;
	size_t n;
	int fd;

	paid_order(s->st, ID);
	was = ledger_of(s, ID, &n);
	shop_ledger(s, ID, path);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(pthread_create(&thread, NULL, add_one, s->st), 0);
	until = h5_clock_mono_ms() + 30000;
	while (!opened_to_write(&st) && h5_clock_mono_ms() < until)
		(void)sched_yield();
	assert_true(opened_to_write(&st));
	assert_int_equal(unlink(path), 0);
	write_file(path, "w", was, n);
	(void)close(fd);
	assert_int_equal(pthread_join(thread, &added), 0);
	assert_ptr_equal(added, s->st);
	assert_int_equal(shop_events(s->st, ID), 3);
	free(was);
}

/* --- among many ----------------------------------------------------------- */

static void
id_of(unsigned i, char id[32])
{
	(void)snprintf(id, 32, "many-%u-%u", i * 7919 % 1000, i);
}

static void
test_store_archive__each_id_is_found_among_many(void **state)
{
	struct shop *s = *state;
	char id[32];
	unsigned i;

	for (i = 0; i < MANY; i++) {
		id_of(i, id);
		paid_order(s->st, id);
	}
	assert_int_equal(archive(s->st), MANY);
	for (i = 0; i < MANY; i++) {
		id_of(i, id);
		assert_int_equal(shop_events(s->st, id), 2);
		assert_int_equal(shop_create(s->st, id, T0), H5_E_EXISTS);
		(void)snprintf(id, sizeof id, "none-%u", i);
		assert_int_equal(shop_events(s->st, id), -1);
	}
	/* Added to and taken from a month that has a file. */
	paid_order(s->st, ID);
	assert_int_equal(archive(s->st), 1);
	assert_int_equal(shop_events(s->st, ID), 2);
	assert_int_equal(restore(s->st), MANY + 1);
}

/* --- bytes ---------------------------------------------------------------- */

static void
test_store_archive__a_ledger_comes_back_to_the_byte(void **state)
{
	struct shop *s = *state;
	size_t n, now;
	char *was, *is, path[FOLDER_PATH];

	paid_order(s->st, ID);
	was = ledger_of(s, ID, &n);
	assert_int_equal(archive(s->st), 1);
	assert_int_equal(restore(s->st), 1);
	is = ledger_of(s, ID, &now);
	assert_int_equal(now, n);
	assert_memory_equal(is, was, n);
	free(is);
	/* A torn tail stays for its writer to cut. */
	shop_ledger(s, ID, path);
	write_file(path, "a", "{\"n\":3", 6);
	assert_int_equal(archive(s->st), 0);
	assert_int_equal(shop_query(s->st, ID, "REFUND"), H5_OK);
	assert_int_equal(archive(s->st), 1);
	free(was);
}

/* A crash before the last step leaves both; an old backup leaves a ledger that
 * knows less. */
static void
test_store_archive__a_ledger_beside_the_archive_counts(void **state)
{
	struct h5_store_report r = {.found = NULL};
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct stat st;
	const char *lf;
	size_t n;
	char *was;

	paid_order(s->st, ID);
	shop_ledger(s, ID, path);
	was = ledger_of(s, ID, &n);
	assert_int_equal(archive(s->st), 1);
	write_file(path, "w", was, n);
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.broken + r.derived, 0);
	assert_int_equal(r.orders, 1);
	assert_int_equal(archive(s->st), 1);
	assert_int_equal(stat(path, &st), -1);
	lf = memchr(was, '\n', n);
	assert_non_null(lf);
	write_file(path, "w", was, (size_t)(lf + 1 - was));
	assert_int_equal(shop_events(s->st, ID), 1);
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.broken, 1);
	assert_int_equal(archive(s->st), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(shop_events(s->st, ID), 2);
	free(was);
}

static void
test_store_archive__one_pass_at_a_time(void **state)
{
	struct h5_store_moved m = {.progress = NULL};
	struct h5_store_report r = {.found = NULL};
	struct shop *s = *state;
	char path[FOLDER_PATH];
	int fd;

	paid_order(s->st, ID);
	assert_int_equal(archive(s->st), 1);
	fd = open(folder_name(&s->f, "store/archive", path), O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(h5_store_archive(s->st, LATER, &m, NULL), H5_E_BUSY);
	assert_int_equal(h5_store_check(s->st, true, &r, NULL), H5_E_BUSY);
	/* A reader does not wait for it. */
	assert_int_equal(shop_events(s->st, ID), 2);
	(void)close(fd);
	assert_int_equal(restore(s->st), 1);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_store_archive__no_writer_beside_it_loses_an_event),
	    TEST(test_store_archive__a_writer_that_waited_finds_the_new_ledger),
	    TEST(test_store_archive__each_id_is_found_among_many),
	    TEST(test_store_archive__a_ledger_comes_back_to_the_byte),
	    TEST(test_store_archive__a_ledger_beside_the_archive_counts),
	    TEST(test_store_archive__one_pass_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
