/* The store under many threads and processes at once, and under kill -9. */
#include "tests/unit/help.h"

#include "tests/unit/shop.h"
#include "tests/unit/where.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PROCESSES 4
#define THREADS 8
#define ORDERS 6
#define ROUNDS 4

/* --- who wins ------------------------------------------------------------- */

/* What each thread of each process counts, in memory all share. */
struct score {
	int created[ORDERS]; /* creations that won */
	int paid[ORDERS]; /* payments that were the first */
	int queried[ORDERS]; /* lines written */
	int talking[ORDERS]; /* who talks just now */
	int failed;
};

struct racer {
	const char *dir;
	struct h5_store *st;
	struct score *score;
	int seed;
};

static void
order_id(int i, char id[32])
{
	(void)snprintf(id, 32, "order-%d", i);
}

/* Pays unless paid; adds to *arg if it was the first. */
static enum h5_code
pay_once(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct h5_event *ev;
	int *first = arg;

	if (o->transaction_id[0] != '\0')
		return H5_OK;
	*first = 1;
	ev = h5_store_add(b, H5_EVENT_PAID);
	h5_event_text(ev, "out_trade_no", o->id);
	h5_event_text(ev, "transaction_id", "4200");
	h5_event_number(ev, "total_fee", 12800);
	h5_event_text(ev, "via", "notify");
	if (h5_event_finish(ev, e) != H5_OK)
		return H5_E_BUG;
	ev = h5_store_add(b, H5_EVENT_ALERT);
	h5_event_text(ev, "alert", "late");
	h5_event_text(ev, "out_trade_no", o->id);
	return h5_event_finish(ev, e);
}

/* "Later" is a good answer of a machine that stands still for seconds: ask
 * again, but not for ever. */
#define PATIENTLY(rc, call)                                                    \
	do {                                                                   \
		int tries_ = 0;                                                \
                                                                               \
		do                                                             \
			(rc) = (call);                                         \
		while ((rc) == H5_E_BUSY && ++tries_ < 30);                    \
	} while (0)

static enum h5_code
race_create(struct racer *r, const char *id, struct h5_order **o)
{
	struct h5_event ev;

	created_of(&ev, id, T0);
	return h5_store_create(r->st, &ev, o, NULL);
}

static void
race_order(struct racer *r, int i)
{
	struct h5_store_hold *talk;
	struct h5_order *o;
	int first = 0;
	enum h5_code rc;
	char id[32];

	order_id(i, id);
	PATIENTLY(rc, race_create(r, id, &o));
	__sync_fetch_and_add(&r->score->created[i], rc == H5_OK ? 1 : 0);
	if ((rc != H5_OK && rc != H5_E_EXISTS) || o == NULL)
		__sync_fetch_and_add(&r->score->failed, 1);
	h5_order_free(o);
	PATIENTLY(
	    rc, h5_store_update(r->st, id, NULL, pay_once, &first, &o, NULL));
	if (rc != H5_OK || o->transaction_id[0] == '\0')
		__sync_fetch_and_add(&r->score->failed, 1);
	__sync_fetch_and_add(&r->score->paid[i], first);
	h5_order_free(o);
	PATIENTLY(rc, shop_query(r->st, id, "NOTPAY"));
	__sync_fetch_and_add(&r->score->queried[i], rc == H5_OK ? 1 : 0);
	PATIENTLY(rc, h5_store_hold(r->st, id, 10000, 1000, &talk, NULL));
	if (rc != H5_OK)
		__sync_fetch_and_add(&r->score->failed, 1);
	if (__sync_fetch_and_add(&r->score->talking[i], 1) != 0)
		__sync_fetch_and_add(&r->score->failed, 1);
	/* A lock-free reader meets writers at every stage. */
	if (h5_store_load(r->st, id, &o, NULL) != H5_OK)
		__sync_fetch_and_add(&r->score->failed, 1);
	h5_order_free(o);
	__sync_fetch_and_sub(&r->score->talking[i], 1);
	h5_store_release(talk);
}

static void *
race_thread(void *arg)
{
	struct racer *r = arg;
	int round, i;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < ORDERS; i++)
			race_order(r, (i + r->seed) % ORDERS);
	return NULL;
}

/* One handle for all threads of a process. */
static int
race_process(const char *dir, struct score *score, int seed)
{
	struct racer r[THREADS];
	pthread_t t[THREADS];
	struct h5_store *st;
	int i;

	if (h5_store_open(WHERE(dir), 0, &st, NULL) != H5_OK)
		return 1;
	for (i = 0; i < THREADS; i++) {
		r[i] = (struct racer){dir, st, score, seed + i};
		if (pthread_create(&t[i], NULL, race_thread, &r[i]) != 0)
			return 1;
	}
	for (i = 0; i < THREADS; i++)
		(void)pthread_join(t[i], NULL);
	h5_store_close(st);
	return 0;
}

static void *
shared(size_t n)
{
	void *p = mmap(
	    NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	memset(p, 0, n);
	return p;
}

static void
sound(struct shop *s)
{
	struct h5_store_report r = {.found = NULL};

	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.broken, 0);
	assert_int_equal(r.derived, 0);
}

static void
test_store_race__exactly_one_wins(void **state)
{
	struct score *score = shared(sizeof *score);
	struct shop *s = *state;
	pid_t child[PROCESSES];
	int i, status;
	char id[32];

	for (i = 0; i < PROCESSES; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0)
			_exit(race_process(s->dir, score, i * 3));
	}
	for (i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(score->failed, 0);
	for (i = 0; i < ORDERS; i++) {
		order_id(i, id);
		assert_int_equal(score->created[i], 1);
		assert_int_equal(score->paid[i], 1);
		assert_int_equal(
		    score->queried[i], PROCESSES * THREADS * ROUNDS);
		assert_int_equal(
		    shop_events(s->st, id), 3 + PROCESSES * THREADS * ROUNDS);
	}
	sound(s);
	(void)munmap(score, sizeof *score);
}

/* --- no order is missed --------------------------------------------------- */

/* Orders that writers wake and put to rest while sweepers sweep. */
struct restless {
	struct h5_store *st;
	int seed;
	int *stop;
	int failed;
};

static void *
wake_and_rest(void *arg)
{
	struct restless *r = arg;
	char id[32], no[32];
	int i, n;

	for (n = 0; n < 12; n++)
		for (i = 0; i < ORDERS; i++) {
			order_id(i, id);
			(void)snprintf(no, sizeof no, "r-%d-%d", r->seed, n);
			if (shop_refund(r->st, id, no, NULL) != H5_OK)
				r->failed++;
			/* The last one of some stays open. */
			if ((n < 11 || (i + r->seed) % 3 != 0) &&
			    shop_refund(r->st, id, no, "SUCCESS") != H5_OK)
				r->failed++;
		}
	return NULL;
}

static void *
sweep_on(void *arg)
{
	struct restless *r = arg;
	struct shop_seen seen;

	while (__sync_fetch_and_add(r->stop, 0) == 0) {
		memset(&seen, 0, sizeof seen);
		if (h5_store_each_open(r->st, shop_see, &seen, NULL) != H5_OK)
			r->failed++;
	}
	return NULL;
}

/* Each sweep by its own handle, as if by its own program. */
static void
run_restless(struct shop *s, int writers, int sweepers)
{
	struct restless r[16];
	pthread_t t[16];
	int i, stop = 0;

	for (i = 0; i < writers + sweepers; i++) {
		r[i] = (struct restless){NULL, i, &stop, 0};
		assert_int_equal(
		    h5_store_open(WHERE(s->dir), 0, &r[i].st, NULL), H5_OK);
		assert_int_equal(
		    pthread_create(&t[i], NULL,
			i < writers ? wake_and_rest : sweep_on, &r[i]),
		    0);
	}
	for (i = 0; i < writers + sweepers; i++) {
		if (i == writers)
			__sync_fetch_and_add(&stop, 1);
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_int_equal(r[i].failed, 0);
		h5_store_close(r[i].st);
	}
}

static void
test_store_race__sweeps_miss_no_order(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;
	struct h5_order *o;
	char id[32], word[40];
	size_t open = 0;
	int i, round;

	for (i = 0; i < ORDERS; i++) {
		order_id(i, id);
		assert_int_equal(shop_create(s->st, id, T0 + i * 40000), H5_OK);
		assert_int_equal(shop_paid(s->st, id), H5_OK);
	}
	for (round = 0; round < 2; round++) {
		run_restless(s, 1 + round, 3);
		(void)shop_open_orders(s->st, &seen);
		for (i = 0, open = 0; i < ORDERS; i++) {
			order_id(i, id);
			assert_int_equal(
			    h5_store_load(s->st, id, &o, NULL), H5_OK);
			(void)snprintf(word, sizeof word, "%s ", id);
			ROW(id, h5_order_at_rest(o, 0) ==
				    (strstr(seen.text, word) == NULL));
			open += h5_order_at_rest(o, 0) ? 0 : 1;
			h5_order_free(o);
		}
		assert_int_equal(seen.n, open);
		assert_true(open > 0);
	}
	sound(s);
}

static void *
create_many(void *arg)
{
	struct restless *r = arg;
	enum h5_code rc;
	char id[32];
	int i;

	for (i = 0; i < 60; i++) {
		(void)snprintf(id, sizeof id, "new-%d-%d", r->seed, i);
		PATIENTLY(rc, shop_create(r->st, id, T0));
		if (rc != H5_OK)
			r->failed++;
	}
	return NULL;
}

/* Creations under way while sweeps and fsck --repair go over the same index.
 */
static void *
repair_on(void *arg)
{
	struct restless *r = arg;
	struct h5_store_report report = {.found = NULL};
	struct shop_seen seen;
	enum h5_code rc;

	while (__sync_fetch_and_add(r->stop, 0) == 0) {
		if (r->seed % 2 == 0) {
			memset(&seen, 0, sizeof seen);
			rc = h5_store_each_open(r->st, shop_see, &seen, NULL);
		} else {
			rc = h5_store_check(r->st, true, &report, NULL);
		}
		if ((rc != H5_OK && rc != H5_E_BUSY) || report.broken != 0)
			r->failed++;
	}
	return NULL;
}

static void
test_store_race__creations_under_sweeps_and_repairs(void **state)
{
	struct shop *s = *state;
	struct restless r[5];
	struct shop_seen *seen;
	char index[FOLDER_PATH];
	pthread_t t[5];
	int i, stop = 0, fd;

	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	folder_name(&s->f, "store/index/created/2026-11-23", index);
	for (i = 0; i < 5; i++) {
		r[i] = (struct restless){NULL, i, &stop, 0};
		assert_int_equal(
		    h5_store_open(WHERE(s->dir), 0, &r[i].st, NULL), H5_OK);
		assert_int_equal(pthread_create(&t[i], NULL,
				     i < 3 ? create_many : repair_on, &r[i]),
		    0);
	}
	/* Something to repair, now and then. */
	for (i = 0; i < 200; i++) {
		fd = open(index, O_WRONLY | O_APPEND);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, "?\n", 2), 2);
		assert_int_equal(close(fd), 0);
		(void)sched_yield();
	}
	for (i = 0; i < 5; i++) {
		if (i == 3)
			__sync_fetch_and_add(&stop, 1);
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_int_equal(r[i].failed, 0);
		h5_store_close(r[i].st);
	}
	seen = calloc(1, sizeof *seen);
	assert_non_null(seen);
	assert_int_equal(
	    h5_store_each_open(s->st, shop_see, seen, NULL), H5_OK);
	assert_int_equal(seen->n, 181);
	memset(seen, 0, sizeof *seen);
	assert_int_equal(
	    h5_store_each(s->st, 0, 0, shop_see, seen, NULL), H5_OK);
	assert_int_equal(seen->n, 181);
	free(seen);
}

/* --- kill -9 -------------------------------------------------------------- */

#define VICTIM_ORDERS 400

/* What was acknowledged before the kill. */
struct acks {
	int created[VICTIM_ORDERS];
	int queried[VICTIM_ORDERS];
	int paid[VICTIM_ORDERS];
};

static void
victim_id(int i, char id[32])
{
	(void)snprintf(id, 32, "victim-%d", i);
}

/* Works until it is killed; ready tells that it has begun. */
static void
work_until_killed(const char *dir, struct acks *acks, unsigned seed, int ready)
{
	struct h5_store *st;
	enum h5_code rc;
	char id[32];
	int i;

	if (h5_store_open(WHERE(dir), 0, &st, NULL) != H5_OK ||
	    write(ready, "x", 1) != 1)
		_exit(1);
	for (;;) {
		seed = seed * 1103515245 + 12345;
		i = (int)(seed >> 8) % VICTIM_ORDERS;
		victim_id(i, id);
		rc = shop_create(st, id, T0);
		if (rc == H5_OK || rc == H5_E_EXISTS)
			__sync_lock_test_and_set(&acks->created[i], 1);
		else
			_exit(2);
		if (shop_query(st, id, "NOTPAY") != H5_OK)
			_exit(3);
		__sync_fetch_and_add(&acks->queried[i], 1);
		if ((seed & 32) != 0)
			continue;
		if (shop_paid(st, id) != H5_OK)
			_exit(4);
		__sync_lock_test_and_set(&acks->paid[i], 1);
		if ((seed & 64) != 0 &&
		    (shop_refund(st, id, "r1", NULL) != H5_OK ||
			shop_refund(st, id, "r1", "SUCCESS") != H5_OK))
			_exit(5);
	}
}

static size_t
count_kind(const struct h5_order *o, enum h5_event_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < o->n_events; i++)
		n += o->events[i].kind == kind ? 1 : 0;
	return n;
}

static void
acknowledged_is_there(struct shop *s, const struct acks *acks)
{
	struct h5_order *o;
	enum h5_code rc;
	char id[32];
	int i;

	for (i = 0; i < VICTIM_ORDERS; i++) {
		victim_id(i, id);
		rc = h5_store_load(s->st, id, &o, NULL);
		ROW(id, rc == H5_OK ||
			    (rc == H5_E_NOTFOUND && acks->created[i] == 0));
		if (rc != H5_OK)
			continue;
		ROW(id, count_kind(o, H5_EVENT_QUERIED) >=
			    (size_t)acks->queried[i]);
		ROW(id, acks->paid[i] == 0 || o->transaction_id[0] != '\0');
		h5_order_free(o);
	}
}

/* Two workers and a sweeper are killed at whatever they do, again and again.
 */
static void
sweep_until_killed(const char *dir, int ready)
{
	struct shop_seen *seen = calloc(1, sizeof *seen);
	struct h5_store *st;

	if (seen == NULL || h5_store_open(WHERE(dir), 0, &st, NULL) != H5_OK ||
	    write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		if (h5_store_each_open(st, shop_see, seen, NULL) != H5_OK)
			_exit(2);
}

static void
one_kill(struct shop *s, struct acks *acks, unsigned round)
{
	int ends[2], status, i;
	pid_t child[3];
	char c;

	assert_int_equal(pipe(ends), 0);
	for (i = 0; i < 3; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0 && i < 2)
			work_until_killed(
			    s->dir, acks, round * 7919 + (unsigned)i, ends[1]);
		if (child[i] == 0)
			sweep_until_killed(s->dir, ends[1]);
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(read(ends[0], &c, 1), 1);
	(void)usleep(2000 + round * 1237 % 30000);
	for (i = 0; i < 3; i++)
		assert_int_equal(kill(child[i], SIGKILL), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_true(WIFSIGNALED(status));
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
test_store_race__killed_at_any_moment(void **state)
{
	struct acks *acks = shared(sizeof *acks);
	struct shop *s = *state;
	struct shop_seen *seen;
	struct h5_order *o;
	size_t open = 0;
	unsigned round;
	char id[32];
	int i;

	for (round = 0; round < 40; round++) {
		one_kill(s, acks, round);
		acknowledged_is_there(s, acks);
	}
	sound(s);
	seen = calloc(1, sizeof *seen);
	assert_non_null(seen);
	assert_int_equal(
	    h5_store_each_open(s->st, shop_see, seen, NULL), H5_OK);
	for (i = 0; i < VICTIM_ORDERS; i++) {
		victim_id(i, id);
		if (h5_store_load(s->st, id, &o, NULL) != H5_OK)
			continue;
		open += h5_order_at_rest(o, 0) ? 0 : 1;
		h5_order_free(o);
	}
	assert_int_equal(seen->n, open);
	assert_true(open > 0);
	free(seen);
	(void)munmap(acks, sizeof *acks);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_store_race__exactly_one_wins),
	    TEST(test_store_race__sweeps_miss_no_order),
	    TEST(test_store_race__creations_under_sweeps_and_repairs),
	    TEST(test_store_race__killed_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
