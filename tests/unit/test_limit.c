/* What buyers may start: one address, the whole machine, and a file of counts
 * that anything may happen to. */
#include "tests/unit/help.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/pay/limit.h"
#include "tests/unit/folder.h"

#define SECOND INT64_C(1000000000)

/* One test at a time: cmocka runs them in turn. */
static int64_t now_ns;

int64_t __wrap_h5_clock_now_ns(void);
int64_t
__wrap_h5_clock_now_ns(void)
{
	return now_ns;
}

struct stage {
	struct folder f;
	char dir[FOLDER_PATH];
	struct h5_config c;
	struct h5_log log;
};

static int
setup(void **state)
{
	struct stage *s = calloc(1, sizeof *s);

	assert_non_null(s);
	folder_make(&s->f);
	(void)snprintf(s->dir, sizeof s->dir, "%s", s->f.path);
	s->c.store.dir = s->dir;
	s->c.limits.starts_per_minute = 10;
	s->c.limits.starts_total_per_minute = 100;
	h5_log_init(&s->log, "test", "/dev/null");
	now_ns = 1795430400 * SECOND;
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct stage *s = *state;

	folder_remove(&s->f);
	free(s);
	return 0;
}

/* 0: it may; else how many seconds it is told to wait. */
static int
ask(struct stage *s, const char *ip, enum h5_limit_what what)
{
	struct h5_limit limit = {.ip = ""};
	struct h5_shop shop = {.c = &s->c, .log = &s->log, .limit = &limit};
	struct h5_err e;
	enum h5_code rc;

	(void)snprintf(limit.ip, sizeof limit.ip, "%s", ip);
	rc = h5_limit_admit(&shop, what, &e);
	assert_true(rc == H5_OK || rc == H5_E_BUSY);
	assert_true((rc == H5_OK) == (limit.wait_s == 0));
	assert_true(limit.wait_s >= 0 && limit.wait_s <= 60);
	/* One request is one start. */
	if (rc == H5_OK)
		assert_int_equal(h5_limit_admit(&shop, what, &e), H5_OK);
	return limit.wait_s;
}

/* How many of n pass. */
static int
passes(struct stage *s, const char *ip, enum h5_limit_what what, int n)
{
	int good = 0;

	while (n-- > 0)
		good += ask(s, ip, what) == 0;
	return good;
}

static void
test_limit__a_bucket_may_be_emptied_at_once_and_fills_evenly(void **state)
{
	struct stage *s = *state;

	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 12), 10);
	/* One of ten a minute comes back every six seconds. */
	assert_int_equal(ask(s, "8.8.8.8", H5_LIMIT_ASK), 6 + 1);
	now_ns += 6 * SECOND - 1;
	assert_int_equal(ask(s, "8.8.8.8", H5_LIMIT_ASK), 1);
	now_ns += 1;
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ASK, 2), 1);
	now_ns += 60 * SECOND;
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ASK, 12), 10);
}

static void
test_limit__an_address_is_a_whole_one_or_the_64_of_it(void **state)
{
	struct stage *s = *state;

	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ASK, 11), 10);
	assert_int_equal(passes(s, "8.8.8.9", H5_LIMIT_ASK, 11), 10);
	assert_int_equal(passes(s, "2400:3200::1", H5_LIMIT_ASK, 11), 10);
	assert_int_equal(passes(s, "2400:3200::ff:2", H5_LIMIT_ASK, 11), 0);
	assert_int_equal(passes(s, "2400:3200:0:1::1", H5_LIMIT_ASK, 11), 10);
	/* The same eight bytes in another order are another address. */
	assert_int_equal(passes(s, "2400:3200:1::1", H5_LIMIT_ASK, 11), 10);
}

static void
test_limit__of_a_shared_address_only_the_total_counts(void **state)
{
	static const char *const shared[] = {
	    "10.0.0.9", "127.0.0.1", "100.64.0.1", "fe80::1", "9.9.9.9", ""};
	struct stage *s = *state;
	struct h5_netrange proxy;
	size_t i;

	assert_int_equal(h5_netaddr_range("9.9.9.0/24", &proxy, NULL), H5_OK);
	s->c.site.trusted_proxies = &proxy;
	s->c.site.n_trusted_proxies = 1;
	for (i = 0; i < COUNT(shared); i++) {
		ROW(shared[i], passes(s, shared[i], H5_LIMIT_ASK, 50) == 50);
	}
	assert_int_equal(passes(s, "10.0.0.9", H5_LIMIT_ORDER, 50), 50);
	assert_int_equal(passes(s, "127.0.0.1", H5_LIMIT_ORDER, 51), 50);
}

static void
test_limit__near_the_total_the_busiest_are_refused_first(void **state)
{
	struct stage *s = *state;
	char ip[32];
	int i;

	s->c.limits.starts_per_minute = 300;
	for (i = 0; i < 80; i++) {
		(void)snprintf(ip, sizeof ip, "8.8.4.%d", i);
		assert_int_equal(ask(s, ip, H5_LIMIT_ORDER), 0);
	}
	/* Ten more of one: ninety, the last tenth begins. */
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 20), 11);
	assert_int_equal(passes(s, "1.1.1.1", H5_LIMIT_ORDER, 20), 5);
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 5), 0);
	/* Orders that stand go on. */
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ASK, 100), 100);
}

static void
test_limit__few_starts_pass_until_twice_the_total(void **state)
{
	struct stage *s = *state;
	char ip[32];
	int i, good = 0;

	assert_int_equal(passes(s, "10.0.0.9", H5_LIMIT_ORDER, 101), 100);
	for (i = 0; i < 250; i++) {
		(void)snprintf(ip, sizeof ip, "8.8.%d.8", i);
		good += passes(s, ip, H5_LIMIT_ORDER, 4);
	}
	assert_int_equal(good, 100);
	assert_int_equal(passes(s, "1.1.1.1", H5_LIMIT_ORDER, 1), 0);
	/* Refused orders were not counted. */
	now_ns += 60 * SECOND;
	assert_int_equal(passes(s, "1.1.1.1", H5_LIMIT_ORDER, 3), 3);
	assert_int_equal(passes(s, "1.1.1.1", H5_LIMIT_ORDER, 1), 0);
}

static void
test_limit__without_a_figure_there_is_no_limit(void **state)
{
	struct stage *s = *state;
	char path[FOLDER_PATH];

	s->c.limits.starts_per_minute = 0;
	s->c.limits.starts_total_per_minute = 0;
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 1000), 1000);
	assert_int_equal(access(folder_name(&s->f, "limits", path), F_OK), -1);
	s->c.limits.starts_per_minute = 10;
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 1000), 10);
	s->c.limits.starts_per_minute = 0;
	s->c.limits.starts_total_per_minute = 100;
	assert_int_equal(passes(s, "10.1.1.1", H5_LIMIT_ORDER, 1000), 100);
}

/* --- the file ------------------------------------------------------------- */

static void
full(struct stage *s)
{
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 11), 10);
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 1), 0);
}

static void
flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	assert_int_equal(close(fd), 0);
}

static void
test_limit__a_torn_file_is_made_new_and_refuses_nobody(void **state)
{
	struct stage *s = *state;
	char path[FOLDER_PATH], junk[40000];
	size_t sizes[] = {0, 1, 8, 31, 32, 33, 300, 40000}, i;

	memset(junk, 0x7f, sizeof junk);
	folder_name(&s->f, "limits", path);
	full(s);
	for (i = 0; i < COUNT(sizes); i++) {
		folder_write_n(&s->f, "limits", junk, sizes[i], 0600);
		full(s);
	}
	memset(junk, 0, sizeof junk);
	folder_write_n(&s->f, "limits", junk, sizeof junk, 0600);
	full(s);
	/* The machine's bucket is full, but one bit of its sum is wrong. */
	(void)passes(s, "10.0.0.9", H5_LIMIT_ORDER, 100);
	assert_int_equal(passes(s, "10.0.0.9", H5_LIMIT_ORDER, 1), 0);
	flip(path, 24);
	assert_int_equal(passes(s, "10.0.0.9", H5_LIMIT_ORDER, 1), 1);
	full(s);
	/* Cut in its middle: the head is good, some addresses are gone. */
	assert_int_equal(truncate(path, 33), 0);
	full(s);
	assert_int_equal(unlink(path), 0);
	full(s);
}

/* Whoever counts is alone: beside a reader nothing is counted, and nobody is
 * refused for it. */
static void
test_limit__beside_another_lock_nothing_is_counted(void **state)
{
	struct stage *s = *state;
	char path[FOLDER_PATH];
	int fd;

	s->c.limits.starts_per_minute = 2;
	s->c.limits.starts_total_per_minute = 0;
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 1), 1);
	fd = open(folder_name(&s->f, "limits", path), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 3), 3);
	assert_int_equal(close(fd), 0);
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 2), 1);
}

static void
test_limit__what_cannot_be_a_file_refuses_nobody(void **state)
{
	struct stage *s = *state;
	char path[FOLDER_PATH], other[FOLDER_PATH];

	folder_mkdir(&s->f, "limits");
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 50), 50);
	folder_name(&s->f, "limits", path);
	assert_int_equal(rmdir(path), 0);
	folder_write(&s->f, "other", "mine", 0600);
	assert_int_equal(symlink(folder_name(&s->f, "other", other), path), 0);
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 50), 50);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 50), 50);
}

static void
test_limit__a_clock_that_was_set_back_refuses_nobody(void **state)
{
	struct stage *s = *state;

	full(s);
	assert_int_equal(passes(s, "10.0.0.9", H5_LIMIT_ORDER, 91), 90);
	now_ns -= 86400 * SECOND;
	full(s);
	assert_int_equal(passes(s, "10.0.0.9", H5_LIMIT_ORDER, 91), 90);
}

static void
test_limit__more_addresses_than_room_still_count_the_busy_one(void **state)
{
	struct stage *s = *state;
	char ip[48];
	int i;

	s->c.limits.starts_total_per_minute = 0;
	full(s);
	for (i = 0; i < 40000; i++) {
		(void)snprintf(ip, sizeof ip, "2400:3200:%x:%x::1", i >> 8, i);
		assert_int_equal(ask(s, ip, H5_LIMIT_ORDER), 0);
	}
	assert_int_equal(passes(s, "8.8.8.8", H5_LIMIT_ORDER, 1), 0);
}

static void
test_limit__processes_count_together(void **state)
{
	struct {
		int good[4];
	} * counts;
	struct stage *s = *state;
	int i, status, good = 0;
	pid_t pid;

	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(counts != MAP_FAILED);
	s->c.limits.starts_per_minute = 2000;
	s->c.limits.starts_total_per_minute = 0;
	for (i = 0; i < 4; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			counts->good[i] =
			    (int)passes(s, "8.8.8.8", H5_LIMIT_ORDER, 1000);
			_exit(0);
		}
	}
	for (i = 0; i < 4; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
	}
	for (i = 0; i < 4; i++)
		good += counts->good[i];
	assert_int_equal(good, 2000);
	assert_int_equal(munmap(counts, sizeof *counts), 0);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(test_limit__##name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(a_bucket_may_be_emptied_at_once_and_fills_evenly),
	    T(an_address_is_a_whole_one_or_the_64_of_it),
	    T(of_a_shared_address_only_the_total_counts),
	    T(near_the_total_the_busiest_are_refused_first),
	    T(few_starts_pass_until_twice_the_total),
	    T(without_a_figure_there_is_no_limit),
	    T(a_torn_file_is_made_new_and_refuses_nobody),
	    T(beside_another_lock_nothing_is_counted),
	    T(what_cannot_be_a_file_refuses_nobody),
	    T(a_clock_that_was_set_back_refuses_nobody),
	    T(more_addresses_than_room_still_count_the_busy_one),
	    T(processes_count_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
