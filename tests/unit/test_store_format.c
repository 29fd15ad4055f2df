/* The format of a store: what raises it, in which order, what a crash leaves,
 * and that a program which does not know it refuses the store as a whole.
 * In the place of the table of formats stands one that has an event of format
 * 2: refund-asked. */
#include "tests/unit/help.h"

#include "tests/unit/shop.h"

#include <pthread.h>
#include <sys/wait.h>

#include "common/order/since.h"

#define ID "order-1"
#define OTHER "order-2"

/* --- another table, and a disk that tells -----------------------------------
 */

static unsigned newest = 1; /* what "this program" knows */
static unsigned refund_since = 2;

unsigned __real_h5_since_newest(void);
unsigned __wrap_h5_since_newest(void);
unsigned
__wrap_h5_since_newest(void)
{
	return newest;
}

unsigned __real_h5_since_event(const struct h5_event *ev);
unsigned __wrap_h5_since_event(const struct h5_event *ev);
unsigned
__wrap_h5_since_event(const struct h5_event *ev)
{
	unsigned since = __real_h5_since_event(ev);

	return since != 0 && ev->kind == H5_EVENT_REFUND_ASKED ? refund_since
							       : since;
}

static pthread_mutex_t tracing = PTHREAD_MUTEX_INITIALIZER;
static struct {
	int left; /* calls until the program dies; 0: it lives */
	char trace[2048];
} disk;

/* Notes what is done to what; dies before it when its time has come. */
static void
touch(const char *what, const char *name)
{
	size_t n;

	if (disk.left > 0 && --disk.left == 0)
		_exit(9);
	(void)pthread_mutex_lock(&tracing);
	n = strlen(disk.trace);
	(void)snprintf(
	    disk.trace + n, sizeof disk.trace - n, "%s %s; ", what, name);
	(void)pthread_mutex_unlock(&tracing);
}

static void
touch_fd(const char *what, int fd)
{
	char link[64], path[FOLDER_PATH] = "";
	const char *name;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof path - 1) < 0)
		path[0] = '\0';
	name = strrchr(path, '/');
	name = name != NULL ? name + 1 : path;
	touch(what, strncmp(name, ".tmp-", 5) == 0 ? "TMP" : name);
}

int __wrap_fsync(int fd);
int
__wrap_fsync(int fd)
{
	touch_fd("fsync", fd);
	return 0;
}

int __wrap_fdatasync(int fd);
int
__wrap_fdatasync(int fd)
{
	touch_fd("fdatasync", fd);
	return 0;
}

int __real_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b);
int
__wrap_renameat(int from, const char *a, int to, const char *b)
{
	touch("rename", b);
	return __real_renameat(from, a, to, b);
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	touch_fd("write", fd);
	return __real_write(fd, p, n);
}

static int
setup(void **state)
{
	newest = 1;
	refund_since = 2;
	memset(&disk, 0, sizeof disk);
	return shop_setup(state);
}

static char *
word(const struct shop *s)
{
	char path[FOLDER_PATH];
	size_t n;

	return fixture(folder_name(&s->f, "store/format", path), &n);
}

static void
word_is(const struct shop *s, const char *want)
{
	char *text = word(s);

	assert_string_equal(text, want);
	free(text);
}

#define ONE "h5pay store 1\n"
#define TWO "h5pay store 2\nh5pay " H5_VERSION "\n"

/* A paid order, and one more. */
static void
orders(struct shop *s)
{
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	assert_int_equal(shop_create(s->st, OTHER, T0), H5_OK);
	disk.trace[0] = '\0';
}

static enum h5_code
refund(struct h5_store *st)
{
	return shop_refund(st, ID, "r1", NULL);
}

static enum h5_code
load(struct h5_store *st, const char *id, struct h5_err *e)
{
	struct h5_order *o;
	enum h5_code rc = h5_store_load(st, id, &o, e);

	assert_true((rc == H5_OK) == (o != NULL));
	h5_order_free(o);
	return rc;
}

static enum h5_code
open_now(const struct shop *s, struct h5_store **out, struct h5_err *e)
{
	return h5_store_open(WHERE(s->dir), 0, out, e);
}

/* --- the table --------------------------------------------------------------
 */

static void
test_store_format__every_kind_is_in_the_table(void **state)
{
	struct h5_event ev;
	unsigned kind;

	(void)state;
	for (kind = 0; kind < H5_EVENT_KINDS; kind++) {
		h5_event_init(&ev, (enum h5_event_kind)kind, T0);
		assert_int_equal(__real_h5_since_event(&ev),
		    kind >= H5_EVENT_SETTLED ? 2 : 1);
		h5_event_release(&ev);
	}
	/* return_url of a pay link (INTERFACE 3). */
	h5_event_init(&ev, H5_EVENT_CREATED, T0);
	h5_event_text(&ev, "return_url", "https://shop.example/");
	assert_int_equal(__real_h5_since_event(&ev), 2);
	h5_event_release(&ev);
	assert_int_equal(__real_h5_since_newest(), 2);
}

static void
test_store_format__unknown_names_and_words_are_in_no_format(void **state)
{
	static const struct {
		enum h5_event_kind kind;
		const char *name, *value;
		unsigned since;
	} rows[] = {
	    {H5_EVENT_PAID, "via", "notify", 1},
	    {H5_EVENT_PAID, "via", "query", 1},
	    {H5_EVENT_PAID, "returned", "100", 2},
	    {H5_EVENT_PAID, "via", "notif", 0},
	    {H5_EVENT_PAID, "via", "guess", 0},
	    {H5_EVENT_CREATED, "sign_type", "MD5", 2},
	    {H5_EVENT_ATTEMPT, "sign_type", "HMAC-SHA256", 2},
	    {H5_EVENT_ATTEMPT, "sign_type", "SM3", 0},
	    {H5_EVENT_SETTLED, "how", "refunded", 2},
	    {H5_EVENT_SETTLED, "how", "disputed-done", 2},
	    {H5_EVENT_SETTLED, "how", "forgotten", 0},
	    {H5_EVENT_PAID, "wx_bank_type", "OTHERS", 1},
	    {H5_EVENT_PAID, "wx", "x", 0},
	    {H5_EVENT_PAID, "why", "x", 0},
	    {H5_EVENT_CLOSED, "why", "whatever", 1},
	    {H5_EVENT_CLOSED, "wx_bank_type", "x", 0},
	    {H5_EVENT_CREATED, "order", "order-1", 1},
	    {H5_EVENT_CREATED, "orde", "order-1", 0},
	    {H5_EVENT_CREATED, "order2", "order-1", 0},
	    {H5_EVENT_CREATED, "time_expire", "x", 1},
	    {H5_EVENT_ALERT, "alert", "disputed", 1},
	    {H5_EVENT_ALERT, "alert", "late", 1},
	    {H5_EVENT_ALERT, "alert", "overpaid", 1},
	    {H5_EVENT_ALERT, "alert", "wrong-api", 2},
	    {H5_EVENT_ALERT, "alert", "refunded-elsewhere", 2},
	    {H5_EVENT_ALERT, "alert", "unrecorded", 0},
	    {H5_EVENT_CREATED, "api", "v3", 2},
	    {H5_EVENT_ATTEMPT, "api", "v2", 2},
	    {H5_EVENT_ATTEMPT, "api", "v4", 0},
	    {H5_EVENT_ORDERING, "request", "{}", 2},
	    {H5_EVENT_ALERT, "alert", "", 0},
	    {H5_EVENT_DELIVERED, "to", "webhook", 1},
	    {H5_EVENT_UNDELIVERED, "to", "robot", 0},
	};
	struct h5_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		h5_event_init(&ev, rows[i].kind, T0);
		assert_int_equal(h5_fields_add(&ev.fields, rows[i].name,
				     rows[i].value, NULL),
		    H5_OK);
		if (__real_h5_since_event(&ev) != rows[i].since)
			fail_msg("%s %s %s", h5_event_name(rows[i].kind),
			    rows[i].name, rows[i].value);
		h5_event_release(&ev);
	}
}

static void
test_store_format__what_no_format_has_is_not_written(void **state)
{
	struct shop *s = *state;
	struct h5_event ev;

	orders(s);
	event_of(&ev, H5_EVENT_QUERIED, T0, "out_trade_no", ID, "trade_state",
	    "NOTPAY", "mood", "good", NULL);
	assert_int_equal(shop_update(s->st, ID, &ev, 1), H5_E_BUG);
	assert_int_equal(shop_events(s->st, ID), 2);
}

/* --- raising ----------------------------------------------------------------
 */

static void
test_store_format__only_what_needs_it_raises_it(void **state)
{
	struct shop *s = *state;

	newest = 2;
	shop_reopen(s, 0);
	orders(s);
	assert_int_equal(shop_query(s->st, OTHER, "NOTPAY"), H5_OK);
	assert_int_equal(load(s->st, ID, NULL), H5_OK);
	word_is(s, ONE);
	assert_int_equal(refund(s->st), H5_OK);
	word_is(s, TWO);
	assert_int_equal(shop_query(s->st, OTHER, "NOTPAY"), H5_OK);
	word_is(s, TWO);
}

static void
test_store_format__a_refused_event_raises_nothing(void **state)
{
	struct shop *s = *state;

	newest = 2;
	orders(s);
	/* Not paid: no refund. */
	assert_int_equal(shop_refund(s->st, OTHER, "r1", NULL), H5_E_STATE);
	word_is(s, ONE);
}

static void
test_store_format__the_word_is_on_disk_before_the_line(void **state)
{
	struct shop *s = *state;

	newest = 2;
	orders(s);
	assert_int_equal(refund(s->st), H5_OK);
	assert_true(
	    strncmp(disk.trace,
		"write TMP; fsync TMP; rename format; fsync store; ", 50) == 0);
	assert_non_null(strstr(disk.trace, "fdatasync " ID ".ledger; "));
	assert_null(strstr(strstr(disk.trace, ".ledger"), "format"));
}

/* Whoever raised it may have died before its sync: the word that is found is
 * made durable before it is relied on, once. */
static void
test_store_format__a_word_that_is_found_is_synced_first(void **state)
{
	struct shop *s = *state;

	newest = 2;
	orders(s);
	folder_write(&s->f, "store/format", TWO, 0600);
	shop_reopen(s, 0);
	disk.trace[0] = '\0';
	assert_int_equal(refund(s->st), H5_OK);
	assert_true(strncmp(disk.trace, "fsync store; ", 13) == 0);
	assert_null(strstr(disk.trace, "rename format"));
	disk.trace[0] = '\0';
	assert_int_equal(shop_refund(s->st, ID, "r1", NULL), H5_OK);
	assert_null(strstr(disk.trace, "fsync store; "));
}

static void *
raise_once(void *arg)
{
	return refund(arg) == H5_OK ? arg : NULL;
}

static void
test_store_format__eight_at_once_raise_it_once(void **state)
{
	struct h5_store *st[8];
	struct shop *s = *state;
	pthread_t t[8];
	const char *at;
	void *result;
	size_t i, times = 0;

	newest = 2;
	orders(s);
	for (i = 0; i < COUNT(t); i++)
		assert_int_equal(open_now(s, &st[i], NULL), H5_OK);
	for (i = 0; i < COUNT(t); i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, raise_once, st[i]), 0);
	for (i = 0; i < COUNT(t); i++) {
		assert_int_equal(pthread_join(t[i], &result), 0);
		assert_non_null(result);
		h5_store_close(st[i]);
	}
	for (at = disk.trace; (at = strstr(at, "rename format")) != NULL; at++)
		times++;
	assert_int_equal(times, 1);
	word_is(s, TWO);
}

static void
test_store_format__it_is_never_lowered(void **state)
{
	struct shop *s = *state;

	newest = 3;
	orders(s);
	refund_since = 3;
	assert_int_equal(refund(s->st), H5_OK);
	refund_since = 2;
	shop_reopen(s, 0);
	assert_int_equal(refund(s->st), H5_OK);
	word_is(s, "h5pay store 3\nh5pay " H5_VERSION "\n");
}

/* The program dies before each of its steps in turn. */
static void
test_store_format__killed_at_any_step(void **state)
{
	struct h5_store *st;
	bool raised, added;
	int n, status;
	struct shop *s;
	void *v;
	char *text;
	pid_t pid;

	(void)state;
	for (n = 1, status = -1; status != 0; n++) {
		assert_int_equal(setup(&v), 0);
		s = v;
		newest = 2;
		orders(s);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			if (open_now(s, &st, NULL) != H5_OK)
				_exit(2);
			disk.left = n;
			_exit(refund(st) == H5_OK ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(status == 0 || WEXITSTATUS(status) == 9);
		text = word(s);
		raised = strcmp(text, TWO) == 0;
		assert_true(raised || strcmp(text, ONE) == 0);
		free(text);
		/* A program of the format before refuses all or reads all. */
		newest = 1;
		assert_int_equal(
		    open_now(s, &st, NULL), raised ? H5_E_CONFIG : H5_OK);
		h5_store_close(st);
		newest = 2;
		added = shop_events(s->st, ID) == 3;
		assert_true(raised || !added);
		/* And the same again goes on. */
		assert_int_equal(refund(s->st), H5_OK);
		word_is(s, TWO);
		assert_int_equal(shop_teardown(&v), 0);
	}
	assert_true(n > 6);
}

/* --- a format that this program does not know -------------------------------
 */

static void
test_store_format__open_refuses_a_newer_one_and_names_both(void **state)
{
	static const char *const words[] = {"h5pay store 2\n",
	    "h5pay store 2\nh5pay 9.9.9\n", "h5pay store 999999\nx\ny\n",
	    "h5pay store 2"};
	struct shop *s = *state;
	struct h5_store *st;
	struct h5_err e;
	unsigned format;
	size_t i;

	for (i = 0; i < COUNT(words); i++) {
		folder_write(&s->f, "store/format", words[i], 0600);
		assert_int_equal(open_now(s, &st, &e), H5_E_CONFIG);
		assert_null(st);
		assert_non_null(strstr(e.msg, s->dir));
		assert_int_equal(
		    h5_store_format(WHERE(s->dir), &format, &e), H5_E_CONFIG);
	}
	folder_write(&s->f, "store/format", words[1], 0600);
	assert_int_equal(open_now(s, &st, &e), H5_E_CONFIG);
	assert_non_null(strstr(e.msg, "is 2, raised by h5pay 9.9.9"));
	assert_non_null(strstr(e.msg, "h5pay " H5_VERSION " knows 1 at most"));
	assert_non_null(strstr(e.msg, "docs/UPGRADE.md"));
}

static void
test_store_format__what_is_no_format_is_refused(void **state)
{
	static const char *const words[] = {"", "\n", "h5pay store \n",
	    "h5pay store 0\n", "h5pay store 01\n", "h5pay store -1\n",
	    "h5pay store 1 \n", "H5pay store 1\n", "h5pay store 12345678\n"};
	struct shop *s = *state;
	struct h5_store *st;
	size_t i;

	for (i = 0; i < COUNT(words); i++) {
		folder_write(&s->f, "store/format", words[i], 0600);
		if (open_now(s, &st, NULL) != H5_E_CONFIG)
			fail_msg("\"%s\" is taken", words[i]);
	}
}

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	(void)id;
	(void)o;
	(void)e_o;
	++*(int *)arg;
	return H5_OK;
}

/* A program that runs on while a newer one raises the format: from then on it
 * refuses every order, not only those that have something newer. */
static void
test_store_format__a_running_program_refuses_every_order(void **state)
{
	struct h5_store_report r = {0};
	struct shop *s = *state;
	struct h5_store *newer;
	struct h5_err e;
	int seen = 0;

	newest = 2;
	orders(s);
	assert_int_equal(open_now(s, &newer, NULL), H5_OK);
	assert_int_equal(refund(newer), H5_OK);
	h5_store_close(newer);
	newest = 1;
	assert_int_equal(load(s->st, OTHER, &e), H5_E_CONFIG);
	assert_non_null(strstr(e.msg, "knows 1 at most"));
	assert_int_equal(load(s->st, ID, NULL), H5_E_CONFIG);
	assert_int_equal(shop_query(s->st, OTHER, "NOTPAY"), H5_E_CONFIG);
	assert_int_equal(shop_create(s->st, "order-3", T0), H5_E_CONFIG);
	assert_int_equal(
	    h5_store_each(s->st, 0, 0, visit, &seen, NULL), H5_E_CONFIG);
	assert_int_equal(
	    h5_store_each_open(s->st, visit, &seen, NULL), H5_E_CONFIG);
	assert_int_equal(seen, 0);
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_E_CONFIG);
	/* A program that knows it goes on, and finds nothing of order-3. */
	newest = 2;
	assert_int_equal(load(s->st, OTHER, NULL), H5_OK);
	assert_int_equal(load(s->st, "order-3", NULL), H5_E_NOTFOUND);
}

/* Somebody removes it: a program that runs goes on with what it read. */
static void
test_store_format__a_lost_word_stops_no_running_program(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];

	orders(s);
	assert_int_equal(unlink(folder_name(&s->f, "store/format", path)), 0);
	assert_int_equal(load(s->st, ID, NULL), H5_OK);
	assert_int_equal(shop_query(s->st, OTHER, "NOTPAY"), H5_OK);
}

/* A copy made while the format was raised: the word before, the records of
 * after. */
static void
test_store_format__fsck_raises_a_word_that_is_too_low(void **state)
{
	struct h5_store_report r = {0};
	struct shop *s = *state;

	newest = 2;
	orders(s);
	assert_int_equal(refund(s->st), H5_OK);
	folder_write(&s->f, "store/format", ONE, 0600);
	shop_reopen(s, 0);
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.derived, 1);
	word_is(s, ONE);
	assert_int_equal(h5_store_check(s->st, true, &r, NULL), H5_OK);
	word_is(s, TWO);
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.derived, 0);
}

static void
test_store_format__the_format_can_be_asked_for(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	unsigned format = 7;

	assert_int_equal(h5_store_format(WHERE(s->dir), &format, NULL), H5_OK);
	assert_int_equal(format, 1);
	folder_name(&s->f, "nothing", path);
	assert_int_equal(
	    h5_store_format(WHERE(path), &format, NULL), H5_E_NOTFOUND);
	assert_int_equal(format, 0);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
#define F(t) cmocka_unit_test_setup_teardown(t, setup, shop_teardown)
	const struct CMUnitTest tests[] = {
	    F(test_store_format__every_kind_is_in_the_table),
	    F(test_store_format__unknown_names_and_words_are_in_no_format),
	    F(test_store_format__what_no_format_has_is_not_written),
	    F(test_store_format__only_what_needs_it_raises_it),
	    F(test_store_format__a_refused_event_raises_nothing),
	    F(test_store_format__the_word_is_on_disk_before_the_line),
	    F(test_store_format__a_word_that_is_found_is_synced_first),
	    F(test_store_format__eight_at_once_raise_it_once),
	    F(test_store_format__it_is_never_lowered),
	    F(test_store_format__killed_at_any_step),
	    F(test_store_format__open_refuses_a_newer_one_and_names_both),
	    F(test_store_format__what_is_no_format_is_refused),
	    F(test_store_format__a_running_program_refuses_every_order),
	    F(test_store_format__a_lost_word_stops_no_running_program),
	    F(test_store_format__fsck_raises_a_word_that_is_too_low),
	    F(test_store_format__the_format_can_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
