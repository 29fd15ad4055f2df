/* The store, one program at a time. */
#include "tests/unit/help.h"
#include "tests/fields_set.h"

#include "tests/unit/shop.h"
#include "tests/unit/where.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define ID "order-1"
#define DAY 86400

/* --- opening -------------------------------------------------------------- */

static enum h5_code
try_open(const char *dir, struct h5_err *e)
{
	struct h5_store *st;
	enum h5_code rc;

	rc = h5_store_open(WHERE(dir), 0, &st, e);
	assert_true((rc == H5_OK) == (st != NULL));
	h5_store_close(st);
	return rc;
}

static void
test_store__open_makes_a_closed_folder(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct stat st;
	char *text;
	size_t n;

	assert_int_equal(lstat(s->dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	folder_name(&s->f, "store/format", path);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	text = fixture(path, &n);
	assert_string_equal(text, "h5pay store 1\n");
	free(text);
	(void)snprintf(path, sizeof path, "%.400s///", s->dir);
	assert_int_equal(try_open(path, NULL), H5_OK);
}

static void
test_store__open_refuses_what_is_not_a_store(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct h5_err e;

	folder_mkdir(&s->f, "full");
	folder_write(&s->f, "full/holiday.jpg", "x", 0600);
	folder_write(&s->f, "file", "x", 0600);
	assert_int_equal(
	    try_open(folder_name(&s->f, "full", path), &e), H5_E_CONFIG);
	assert_non_null(strstr(e.msg, "holiday.jpg"));
	assert_int_equal(
	    try_open(folder_name(&s->f, "file", path), &e), H5_E_CONFIG);
	assert_int_equal(symlink("store", folder_name(&s->f, "link", path)), 0);
	assert_int_equal(try_open(path, &e), H5_E_CONFIG);
	assert_int_equal(
	    try_open(folder_name(&s->f, "link/", path), &e), H5_E_CONFIG);
	assert_int_equal(
	    try_open(folder_name(&s->f, "no/store", path), &e), H5_E_CONFIG);
}

static unsigned
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_store__open_closes_a_store_to_others(void **state)
{
	static const mode_t modes[] = {
	    0701, 0710, 0740, 0704, 0755, 0777, 02775};
	struct shop *s = *state;
	char log[FOLDER_PATH], *text;
	struct h5_store_where w = *WHERE(s->dir);
	struct h5_store *st;
	struct h5_log l;
	size_t i, n;

	h5_log_init(&l, "test", folder_name(&s->f, "log", log));
	w.log = &l;
	for (i = 0; i < COUNT(modes); i++) {
		assert_int_equal(chmod(s->dir, modes[i]), 0);
		assert_int_equal(h5_store_open(&w, 0, &st, NULL), H5_OK);
		h5_store_close(st);
		assert_int_equal(mode_of(s->dir), 0700);
	}
	text = fixture(log, &n);
	assert_non_null(strstr(text, "mode-mended"));
	assert_non_null(strstr(text, "was=2775 now=700"));
	free(text);
}

/* Whatever stands in the configuration: only a store is closed, and never what
 * a link leads to. */
static void
test_store__open_closes_no_strangers_folder(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], link[FOLDER_PATH];
	struct h5_err e;

	folder_mkdir(&s->f, "site");
	folder_name(&s->f, "site", path);
	folder_write(&s->f, "site/format", "JPEG\n", 0644);
	folder_write(&s->f, "site/index.html", "x", 0644);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(try_open(path, &e), H5_E_CONFIG);
	assert_non_null(strstr(e.msg, "chmod 700"));
	assert_int_equal(mode_of(path), 0755);
	assert_int_equal(chmod(s->dir, 0755), 0);
	assert_int_equal(symlink("store", folder_name(&s->f, "link", link)), 0);
	assert_int_equal(try_open(link, &e), H5_E_CONFIG);
	assert_int_equal(mode_of(s->dir), 0755);
	assert_int_equal(
	    symlink("format", folder_name(&s->f, "store/l", link)), 0);
	assert_int_equal(rename(folder_name(&s->f, "store/format", path),
			     folder_name(&s->f, "format", link)),
	    0);
	assert_int_equal(symlink("../format", path), 0);
	assert_int_equal(try_open(s->dir, &e), H5_E_CONFIG);
	assert_int_equal(mode_of(s->dir), 0755);
}

/* Every folder below it, as chmod -R leaves them, and a link among them. */
static void
test_store__folders_of_a_store_are_closed_where_they_are_used(void **state)
{
	static const char *const below[] = {"store/orders", "store/index",
	    "store/index/created", "store/index/wake", "store/sweep"};
	struct shop_seen seen = {.n = 0};
	struct shop *s = *state;
	char path[FOLDER_PATH];
	size_t i;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	for (i = 0; i < COUNT(below); i++)
		assert_int_equal(
		    chmod(folder_name(&s->f, below[i], path), 0755), 0);
	shop_ledger(s, ID, path);
	*strrchr(path, '/') = '\0';
	assert_int_equal(chmod(path, 0755), 0);
	shop_reopen(s, 0);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_int_equal(
	    h5_store_each_open(s->st, shop_see, &seen, NULL), H5_OK);
	assert_int_equal(seen.n, 1);
	assert_int_equal(
	    mode_of(folder_name(&s->f, "store/index/created", path)), 0700);
	assert_int_equal(
	    mode_of(folder_name(&s->f, "store/index/wake", path)), 0700);
}

static void
test_store__open_refuses_another_owner_and_format(void **state)
{
	struct shop *s = *state;
	struct h5_err e;

	folder_write(&s->f, "store/format", "h5pay store 99\n", 0600);
	assert_int_equal(try_open(s->dir, &e), H5_E_CONFIG);
	folder_write(&s->f, "store/format", "h5pay store 1\n", 0600);
	assert_int_equal(try_open(s->dir, &e), H5_OK);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(s->dir, 1, 1), 0);
	assert_int_equal(try_open(s->dir, &e), H5_E_CONFIG);
	assert_int_equal(chown(s->dir, 0, 0), 0);
}

/* A start that was interrupted anywhere is taken up again. */
static void
test_store__open_finishes_an_interrupted_start(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(unlink(folder_name(&s->f, "store/format", path)), 0);
	assert_int_equal(rmdir(folder_name(&s->f, "store/sweep", path)), 0);
	assert_int_equal(try_open(s->dir, NULL), H5_OK);
	assert_int_equal(
	    access(folder_name(&s->f, "store/sweep", path), F_OK), 0);
	assert_int_equal(shop_events(s->st, ID), 1);
}

static void *
open_once(void *arg)
{
	return try_open(arg, NULL) == H5_OK ? arg : NULL;
}

static void
test_store__many_may_open_a_new_one_at_once(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	pthread_t t[8];
	void *result;
	size_t i;

	folder_name(&s->f, "fresh", path);
	for (i = 0; i < COUNT(t); i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, open_once, path), 0);
	for (i = 0; i < COUNT(t); i++) {
		assert_int_equal(pthread_join(t[i], &result), 0);
		assert_non_null(result);
	}
}

static void
test_store__owner_and_probe(void **state)
{
	struct shop *s = *state;
	unsigned uid, gid;
	struct h5_err e;
	char path[FOLDER_PATH], deep[FOLDER_PATH];

	assert_int_equal(h5_store_owner(WHERE(s->dir), &uid, &gid, &e), H5_OK);
	assert_int_equal(uid, geteuid());
	assert_int_equal(gid, getegid());
	folder_name(&s->f, "none", path);
	assert_int_equal(h5_store_owner(WHERE(path), &uid, &gid, &e), H5_OK);
	assert_int_equal(uid, geteuid());
	folder_name(&s->f, "none/store", deep);
	assert_int_equal(
	    h5_store_owner(WHERE(deep), &uid, &gid, &e), H5_E_NOTFOUND);
	assert_int_equal(h5_store_probe(WHERE(s->dir), &e), H5_OK);
	assert_int_equal(h5_store_probe(WHERE(path), &e), H5_E_CONFIG);
	/* It leaves nothing behind. */
	assert_int_equal(try_open(s->dir, &e), H5_OK);
}

/* --- create, load, update ------------------------------------------------- */

static void
test_store__create_and_load(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct h5_order *o;
	struct h5_event ev;
	struct stat st;

	created_of(&ev, ID, T0);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_OK);
	assert_string_equal(o->id, ID);
	assert_int_equal(o->total_fee, 12800);
	h5_order_free(o);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_OK);
	assert_string_equal(o->body, "Green tea, 250 g");
	assert_int_equal(o->created_at, T0);
	h5_order_free(o);
	shop_ledger(s, ID, path);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_nlink, 1);
}

static void
test_store__create_twice_hands_out_the_first(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_event ev;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	created_of(&ev, ID, T0 + 9);
	assert_int_equal(fields_set(&ev.fields, "total_fee", "1", NULL), H5_OK);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_E_EXISTS);
	assert_non_null(o);
	assert_int_equal(o->total_fee, 12800);
	assert_int_equal(o->created_at, T0);
	assert_int_equal(o->state, H5_ORDER_PAID);
	h5_order_free(o);
}

static void
test_store__a_bad_created_writes_nothing(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_event ev;

	created_of(&ev, ID, T0);
	h5_fields_drop(&ev.fields, "body");
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_E_INPUT);
	assert_null(o);
	assert_int_equal(shop_events(s->st, ID), -1);
	created_of(&ev, "../../../tmp/x", T0);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_E_INPUT);
	paid_of(&ev, ID, "4200", T0);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_E_INPUT);
}

static void
test_store__unknown_and_impossible_ids(void **state)
{
	static const char *const ids[] = {"order-9", "", "a", "../format", "..",
	    "orders/0/0/order-1", "order-1.ledger", "order-1_2",
	    "0123456789012345678901234567890", "order\n1", "."};
	struct shop *s = *state;
	struct h5_order *o;
	size_t i;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	for (i = 0; i < COUNT(ids); i++) {
		ROW(ids[i],
		    h5_store_load(s->st, ids[i], &o, NULL) == H5_E_NOTFOUND);
		ROW(ids[i], o == NULL);
		ROW(ids[i], shop_nothing(s->st, ids[i]) == H5_E_NOTFOUND);
	}
}

static void
test_store__update_shows_what_it_did(void **state)
{
	struct shop *s = *state;
	struct shop_note note;
	struct h5_event ev[2];
	struct h5_order *o;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	paid_of(&ev[0], ID, "4200", T0);
	event_of(&ev[1], H5_EVENT_ALERT, T0, "alert", "late", "out_trade_no",
	    ID, NULL);
	note.ev = ev;
	note.n = 2;
	assert_int_equal(
	    h5_store_update(s->st, ID, NULL, shop_decide, &note, &o, NULL),
	    H5_OK);
	h5_event_release(&ev[0]);
	h5_event_release(&ev[1]);
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->alerts, H5_ALERT_LATE);
	assert_int_equal(o->n_events, 3);
	assert_true(llabs(o->events[1].at - h5_clock_now()) <= 2);
	h5_order_free(o);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_OK);
	assert_int_equal(o->n_events, 3);
	assert_int_equal(o->state, H5_ORDER_PAID);
	h5_order_free(o);
}

static enum h5_code
decide_no(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	(void)arg;
	(void)o;
	(void)h5_store_add(b, H5_EVENT_CLOSED);
	return h5_err_set(e, H5_E_REMOTE, "not today");
}

static void
test_store__a_decision_against_writes_nothing(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(
	    h5_store_update(s->st, ID, NULL, decide_no, NULL, &o, &e),
	    H5_E_REMOTE);
	assert_string_equal(e.msg, "not today");
	assert_null(o);
	assert_int_equal(shop_events(s->st, ID), 1);
}

/* Whatever is refused in a batch, none of it is written. */
static void
test_store__a_batch_is_all_or_nothing(void **state)
{
	struct shop *s = *state;
	struct h5_event ev[2];

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	event_of(&ev[0], H5_EVENT_QUERIED, T0, "out_trade_no", ID,
	    "trade_state", "NOTPAY", NULL);
	event_of(&ev[1], H5_EVENT_CREATED, T0, "order", ID, NULL);
	assert_int_equal(shop_update(s->st, ID, ev, 2), H5_E_STATE);
	event_of(&ev[0], H5_EVENT_QUERIED, T0, "out_trade_no", ID,
	    "trade_state", "NOTPAY", NULL);
	event_of(&ev[1], H5_EVENT_CLOSED, T0, "why", "\xff", NULL);
	assert_int_equal(shop_update(s->st, ID, ev, 2), H5_E_INPUT);
	assert_int_equal(shop_events(s->st, ID), 1);
}

static void
test_store__a_batch_holds_four(void **state)
{
	struct h5_store_batch b = {.n = 0};
	struct h5_event *ev;
	size_t i;

	(void)state;
	for (i = 0; i < H5_STORE_BATCH; i++) {
		ev = h5_store_add(&b, H5_EVENT_QUERIED);
		assert_non_null(ev);
		assert_true(llabs(ev->at - h5_clock_now()) <= 2);
		assert_int_equal(ev->fields.n, 0);
	}
	assert_null(h5_store_add(&b, H5_EVENT_QUERIED));
}

/* --- torn and broken ------------------------------------------------------ */

static void
test_store__a_torn_tail_is_cut_by_the_next_writer(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	char *whole;
	size_t n, cut, first;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_query(s->st, ID, "NOTPAY"), H5_OK);
	shop_ledger(s, ID, path);
	whole = fixture(path, &n);
	first = (size_t)(strchr(whole, '\n') - whole) + 1;
	for (cut = n - 1; cut > first; cut -= cut > first + 7 ? 7 : 1) {
		assert_int_equal(truncate(path, (off_t)cut), 0);
		assert_int_equal(shop_events(s->st, ID), 1);
		assert_int_equal(shop_nothing(s->st, ID), H5_OK);
		assert_int_equal(shop_query(s->st, ID, "NOTPAY"), H5_OK);
		assert_int_equal(shop_events(s->st, ID), 2);
	}
	free(whole);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	assert_int_equal(shop_events(s->st, ID), 3);
}

/* A torn unit may be longer than what is written in its place. */
static void
test_store__nothing_of_a_torn_unit_stays(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], desc[5001];
	struct h5_event ev[2];
	struct stat st;
	size_t i;

	memset(desc, 'x', sizeof desc - 1);
	desc[sizeof desc - 1] = '\0';
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	for (i = 0; i < COUNT(ev); i++)
		event_of(&ev[i], H5_EVENT_QUERIED, T0, "out_trade_no", ID,
		    "trade_state", "NOTPAY", "trade_state_desc", desc, NULL);
	assert_int_equal(shop_update(s->st, ID, ev, COUNT(ev)), H5_OK);
	shop_ledger(s, ID, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 3), 0);
	assert_int_equal(shop_events(s->st, ID), 1);
	assert_int_equal(shop_query(s->st, ID, "NOTPAY"), H5_OK);
	assert_int_equal(shop_events(s->st, ID), 2);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 2000);
}

static void
damage(const char *path, size_t at)
{
	char c;
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
	c ^= 4;
	assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
	assert_int_equal(close(fd), 0);
}

static void
test_store__a_broken_record_is_left_alone(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	char *before, *after;
	struct h5_order *o;
	struct h5_event ev;
	struct h5_err e;
	size_t n, m;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_query(s->st, ID, "NOTPAY"), H5_OK);
	shop_ledger(s, ID, path);
	damage(path, 50);
	before = fixture(path, &n);
	assert_int_equal(h5_store_load(s->st, ID, &o, &e), H5_E_INPUT);
	assert_null(o);
	assert_non_null(strstr(e.msg, "line 1"));
	assert_int_equal(shop_paid(s->st, ID), H5_E_INPUT);
	created_of(&ev, ID, T0);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_E_INPUT);
	assert_null(o);
	after = fixture(path, &m);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
	free(before);
	free(after);
}

static void
test_store__an_empty_record_is_broken(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct h5_order *o;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	shop_ledger(s, ID, path);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_E_INPUT);
	assert_int_equal(shop_paid(s->st, ID), H5_E_INPUT);
	assert_int_equal(shop_create(s->st, ID, T0), H5_E_INPUT);
}

static void
test_store__a_record_under_another_name_is_refused(void **state)
{
	struct shop *s = *state;
	char from[FOLDER_PATH], to[FOLDER_PATH];
	struct h5_order *o;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	shop_ledger(s, ID, from);
	shop_ledger(s, "order-2", to);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(h5_store_load(s->st, "order-2", &o, NULL), H5_E_INPUT);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_E_NOTFOUND);
}

static void
test_store__planted_files_are_refused(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], other[FOLDER_PATH];
	struct h5_order *o;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	shop_ledger(s, ID, path);
	folder_name(&s->f, "elsewhere", other);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_E_INPUT);
	assert_int_equal(shop_paid(s->st, ID), H5_E_INPUT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(link(other, path), 0);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_E_INPUT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_E_INPUT);
	assert_int_equal(shop_create(s->st, ID, T0), H5_E_INPUT);
}

/* Clicks without end fill a record only so far: a payment always fits. */
static void
test_store__a_full_record_still_takes_a_payment(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], desc[60001];
	struct h5_event ev[4];
	struct stat st;
	size_t i;
	enum h5_code rc;
	int n = 0, click, clicks = 0;

	memset(desc, 'x', sizeof desc - 1);
	desc[sizeof desc - 1] = '\0';
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	do {
		for (i = 0; i < COUNT(ev); i++)
			event_of(&ev[i], H5_EVENT_QUERIED, T0, "out_trade_no",
			    ID, "trade_state", "NOTPAY", "trade_state_desc",
			    desc, NULL);
		rc = shop_update(s->st, ID, ev, COUNT(ev));
		shop_ledger(s, ID, path);
		assert_int_equal(stat(path, &st), 0);
		/* A click is refused from three quarters on. */
		event_of(
		    &ev[0], H5_EVENT_CLOSING, T0, "out_trade_no", ID, NULL);
		clicks += click = shop_update(s->st, ID, ev, 1) == H5_OK;
		assert_int_equal(click, st.st_size < 3 << 20);
	} while (rc == H5_OK && ++n < 100);
	assert_int_equal(rc, H5_E_INPUT);
	assert_in_range(st.st_size, 13 << 18, 7 << 19);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	assert_int_equal(shop_events(s->st, ID), 4 * n + clicks + 2);
}

/* --- the conversation lock ------------------------------------------------ */

static void
test_store__one_talk_an_order(void **state)
{
	struct h5_store_hold *a, *b, *c;
	struct shop *s = *state;

	assert_int_equal(h5_store_hold(s->st, ID, 0, 1000, &a, NULL), H5_OK);
	assert_int_equal(
	    h5_store_hold(s->st, ID, 0, 1000, &b, NULL), H5_E_BUSY);
	assert_null(b);
	assert_int_equal(
	    h5_store_hold(s->st, ID, 20, 1000, &b, NULL), H5_E_BUSY);
	assert_int_equal(
	    h5_store_hold(s->st, "order-2", 0, 1000, &c, NULL), H5_OK);
	/* It does not keep a notice out. */
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	h5_store_release(a);
	assert_int_equal(h5_store_hold(s->st, ID, 0, 1000, &b, NULL), H5_OK);
	h5_store_release(b);
	h5_store_release(c);
	h5_store_release(NULL);
}

static void *
talk_long(void *arg)
{
	struct h5_store_hold *talk;

	if (h5_store_hold(arg, ID, 10000, 1000, &talk, NULL) != H5_OK)
		return NULL;
	h5_store_release(talk);
	return arg;
}

static void
test_store__a_talk_is_waited_for(void **state)
{
	struct h5_store_hold *talk;
	struct shop *s = *state;
	pthread_t t;
	void *result;

	assert_int_equal(h5_store_hold(s->st, ID, 0, 1000, &talk, NULL), H5_OK);
	assert_int_equal(pthread_create(&t, NULL, talk_long, s->st), 0);
	h5_store_release(talk);
	assert_int_equal(pthread_join(t, &result), 0);
	assert_ptr_equal(result, s->st);
}

static void
test_store__a_talk_ends_with_its_process(void **state)
{
	struct h5_store_hold *talk;
	struct shop *s = *state;
	int status, ends[2];
	enum h5_code rc;
	pid_t child;
	char c;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (h5_store_hold(s->st, ID, 0, 1000, &talk, NULL) != H5_OK ||
		    write(ends[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	rc = h5_store_hold(s->st, ID, 0, 1000, &talk, NULL);
	/* First, so that no child outlives a test that fails. */
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(rc, H5_E_BUSY);
	assert_int_equal(h5_store_hold(s->st, ID, 0, 1000, &talk, NULL), H5_OK);
	h5_store_release(talk);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* --- walking -------------------------------------------------------------- */

static const char *
each(struct shop *s, int64_t since, int64_t until, struct shop_seen *seen)
{
	memset(seen, 0, sizeof *seen);
	assert_int_equal(
	    h5_store_each(s->st, since, until, shop_see, seen, NULL), H5_OK);
	return seen->text;
}

static void
test_store__each_by_time(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;

	assert_string_equal(each(s, 0, 0, &seen), "");
	assert_int_equal(shop_create(s->st, "day-3a", T0 + 3 * DAY), H5_OK);
	assert_int_equal(shop_create(s->st, "day-1a", T0 + DAY), H5_OK);
	assert_int_equal(shop_create(s->st, "day-1b", T0 + DAY + 5), H5_OK);
	assert_int_equal(
	    shop_create(s->st, "day-1b", T0 + 2 * DAY), H5_E_EXISTS);
	assert_string_equal(each(s, 0, 0, &seen), "day-1a day-1b day-3a ");
	assert_string_equal(each(s, T0 + DAY + 1, 0, &seen), "day-1b day-3a ");
	assert_string_equal(each(s, T0 + DAY, T0 + DAY + 5, &seen), "day-1a ");
	assert_string_equal(each(s, 0, T0 + 3 * DAY, &seen), "day-1a day-1b ");
	assert_string_equal(each(s, T0 + 4 * DAY, 0, &seen), "");
	/* Midnight is Beijing's. */
	assert_int_equal(
	    shop_create(s->st, "midnight", 1795449600 + DAY * 10), H5_OK);
	assert_string_equal(
	    each(s, 1795449600 + DAY * 10, 1795449600 + DAY * 10 + 1, &seen),
	    "midnight ");
	assert_string_equal(
	    each(s, 1795449600 + DAY * 9, 1795449600 + DAY * 10, &seen), "");
}

static enum h5_code
stop_at_second(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	int *n = arg;

	(void)id;
	(void)o;
	(void)e_o;
	return ++*n == 2 ? H5_E_NET : H5_OK;
}

static void
test_store__a_visitor_may_end_the_walk(void **state)
{
	struct shop *s = *state;
	int n = 0;

	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-3", T0 + DAY), H5_OK);
	assert_int_equal(
	    h5_store_each(s->st, 0, 0, stop_at_second, &n, NULL), H5_E_NET);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(
	    h5_store_each_open(s->st, stop_at_second, &n, NULL), H5_E_NET);
	assert_int_equal(n, 2);
}

static void
test_store__a_walk_tells_of_broken_records(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;
	char path[FOLDER_PATH];

	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_int_equal(shop_query(s->st, "order-1", "NOTPAY"), H5_OK);
	shop_ledger(s, "order-1", path);
	damage(path, 20);
	assert_string_equal(each(s, 0, 0, &seen), "order-1 order-2 ");
	assert_int_equal(seen.broken, 1);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-2 ");
	assert_int_equal(seen.broken, 1);
	/* Nor is it forgotten later. */
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-2 ");
}

/* --- open orders ---------------------------------------------------------- */

static void
test_store__open_orders_come_and_go(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;

	assert_string_equal(shop_open_orders(s->st, &seen), "");
	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0 + DAY), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-2 ");
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-2 ");
	assert_int_equal(shop_paid(s->st, "order-1"), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-2 ");
	assert_int_equal(shop_paid(s->st, "order-2"), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	/* A refund wakes it, again and again. */
	assert_int_equal(shop_refund(s->st, "order-1", "r1", NULL), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 ");
	assert_int_equal(shop_refund(s->st, "order-1", "r1", "SUCCESS"), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	assert_int_equal(shop_refund(s->st, "order-1", "r2", NULL), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 ");
}

/* What no sweep put aside before it woke is found as well, once. */
static void
test_store__awake_between_two_sweeps(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	assert_int_equal(shop_refund(s->st, ID, "r1", NULL), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	assert_int_equal(shop_refund(s->st, ID, "r1", "SUCCESS"), H5_OK);
	assert_int_equal(shop_refund(s->st, ID, "r2", NULL), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
}

static void
test_store__open_for_a_hook(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;
	struct h5_event ev;

	shop_reopen(s, H5_HOOK_EXEC);
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	event_of(&ev, H5_EVENT_DELIVERED, T0, "id", "evt_" ID "_2", "to",
	    "exec", NULL);
	assert_int_equal(shop_update(s->st, ID, &ev, 1), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	/* A further hook is configured: it has not heard yet. */
	shop_reopen(s, H5_HOOK_EXEC | H5_HOOK_WEBHOOK);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	/* And a program that still has the old configuration. */
	shop_reopen(s, H5_HOOK_EXEC);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	shop_reopen(s, H5_HOOK_EXEC | H5_HOOK_WEBHOOK);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	/* None at all. */
	shop_reopen(s, 0);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
}

/* Put aside when there was no hook, then woken by a program that has one: for
 * that program it was never at rest. */
static void
test_store__woken_under_other_hooks(void **state)
{
	struct shop *s = *state;
	struct h5_store *other;
	struct shop_seen seen;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	assert_int_equal(
	    h5_store_open(WHERE(s->dir), H5_HOOK_EXEC, &other, NULL), H5_OK);
	assert_int_equal(shop_refund(other, ID, "r1", NULL), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	h5_store_close(other);
}

/* The sweep's memory may be lost, damaged, of another time: never an order. */
static void
test_store__sweep_memory_is_only_a_help(void **state)
{
	static const char *const texts[] = {"", "x", "h5pay sweep 1\n",
	    "h5pay sweep 1\nhooks 0\ncreated 0 0\nwake 0 0\nopen 0\nend\n",
	    "h5pay sweep 1\nhooks 0\ncreated 8 1\nwake 0 0\nopen 0\nend\n",
	    "h5pay sweep 1\nhooks 0\ncreated 99999 0\nwake 0 0\nopen 0\nend\n",
	    "h5pay sweep 1\nhooks 0\ncreated -1 0\nwake 0 0\nopen 0\nend\n",
	    "h5pay sweep 1\nhooks 0\ncreated 8 0\nwake 0 0\nopen 1\nend\n",
	    "h5pay sweep 1\nhooks 0\ncreated 0 0\nwake 9 9\nopen 0\nend\n",
	    "h5pay sweep 2\nhooks 0\ncreated 8 0\nwake 0 0\nopen 0\nend\n"};
	struct shop *s = *state;
	char name[64] = "store/sweep/", path[FOLDER_PATH];
	struct shop_seen seen;
	size_t i;

	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_int_equal(shop_paid(s->st, "order-1"), H5_OK);
	h5_clock_day(T0, name + strlen(name));
	for (i = 0; i < COUNT(texts); i++) {
		folder_write(&s->f, name, texts[i], 0600);
		ROW(texts[i],
		    strcmp(shop_open_orders(s->st, &seen), "order-2 ") == 0);
		assert_int_equal(unlink(folder_name(&s->f, name, path)), 0);
		ROW(texts[i],
		    strcmp(shop_open_orders(s->st, &seen), "order-2 ") == 0);
	}
}

/* An index from a backup is shorter than what was read; then it grows. */
static void
test_store__an_index_that_went_back_is_read_anew(void **state)
{
	struct shop *s = *state;
	char name[64] = "store/index/created/", path[FOLDER_PATH];
	struct shop_seen seen;

	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-3", T0), H5_OK);
	assert_int_equal(shop_paid(s->st, "order-2"), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-3 ");
	h5_clock_day(T0, name + strlen(name));
	folder_write(&s->f, name, "order-3\norder-1\n", 0600);
	assert_int_equal(shop_create(s->st, "order-9", T0), H5_OK);
	assert_string_equal(
	    shop_open_orders(s->st, &seen), "order-3 order-1 order-9 ");
	assert_int_equal(unlink(folder_name(&s->f, name, path)), 0);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	assert_int_equal(shop_create(s->st, "order-7", T0), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-7 ");
}

/* What a killed creation leaves in the index does not disturb, and does not
 * stay in the sweep's memory. */
static void
test_store__names_without_orders_are_passed_over(void **state)
{
	struct shop *s = *state;
	char name[64] = "store/index/created/", path[FOLDER_PATH];
	struct shop_seen seen;
	size_t n;
	char *text;

	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	h5_clock_day(T0, name + strlen(name));
	folder_write(
	    &s->f, name, "order-1\norder-8\n\n!!!\norder-1\n\norder-77x", 0600);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-1 order-2 ");
	assert_string_equal(each(s, 0, 0, &seen), "order-1 order-2 ");
	memcpy(name, "store/sweep/", 13);
	h5_clock_day(T0, name + strlen(name));
	text = fixture(folder_name(&s->f, name, path), &n);
	assert_null(strstr(text, "order-8"));
	free(text);
	/* The id is still to be had. */
	assert_int_equal(shop_create(s->st, "order-8", T0), H5_OK);
	assert_string_equal(
	    shop_open_orders(s->st, &seen), "order-1 order-2 order-8 ");
}

/* Orders at rest are not read again: it would tell of the broken ones. */
static void
test_store__orders_at_rest_are_not_read(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;
	char path[FOLDER_PATH];

	assert_int_equal(shop_create(s->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_paid(s->st, "order-1"), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	shop_ledger(s, "order-1", path);
	damage(path, 20);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "order-2 ");
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_store__open_makes_a_closed_folder),
	    TEST(test_store__open_refuses_what_is_not_a_store),
	    TEST(test_store__open_closes_a_store_to_others),
	    TEST(test_store__open_closes_no_strangers_folder),
	    TEST(test_store__folders_of_a_store_are_closed_where_they_are_used),
	    TEST(test_store__open_refuses_another_owner_and_format),
	    TEST(test_store__open_finishes_an_interrupted_start),
	    TEST(test_store__many_may_open_a_new_one_at_once),
	    TEST(test_store__owner_and_probe),
	    TEST(test_store__create_and_load),
	    TEST(test_store__create_twice_hands_out_the_first),
	    TEST(test_store__a_bad_created_writes_nothing),
	    TEST(test_store__unknown_and_impossible_ids),
	    TEST(test_store__update_shows_what_it_did),
	    TEST(test_store__a_decision_against_writes_nothing),
	    TEST(test_store__a_batch_is_all_or_nothing),
	    TEST(test_store__a_batch_holds_four),
	    TEST(test_store__a_torn_tail_is_cut_by_the_next_writer),
	    TEST(test_store__nothing_of_a_torn_unit_stays),
	    TEST(test_store__a_broken_record_is_left_alone),
	    TEST(test_store__an_empty_record_is_broken),
	    TEST(test_store__a_record_under_another_name_is_refused),
	    TEST(test_store__planted_files_are_refused),
	    TEST(test_store__a_full_record_still_takes_a_payment),
	    TEST(test_store__one_talk_an_order),
	    TEST(test_store__a_talk_is_waited_for),
	    TEST(test_store__a_talk_ends_with_its_process),
	    TEST(test_store__each_by_time),
	    TEST(test_store__a_visitor_may_end_the_walk),
	    TEST(test_store__a_walk_tells_of_broken_records),
	    TEST(test_store__open_orders_come_and_go),
	    TEST(test_store__awake_between_two_sweeps),
	    TEST(test_store__open_for_a_hook),
	    TEST(test_store__woken_under_other_hooks),
	    TEST(test_store__sweep_memory_is_only_a_help),
	    TEST(test_store__an_index_that_went_back_is_read_anew),
	    TEST(test_store__names_without_orders_are_passed_over),
	    TEST(test_store__orders_at_rest_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
