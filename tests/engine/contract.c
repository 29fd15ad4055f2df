/* Every promise of common/store/store.h that can be seen without knowing the
 * engine, as sentences.  Durability is tested where disks fail
 * (tests/unit/test_store_fault.c, tests/fault/). */
#include "tests/unit/help.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/engine/conflict.h"
#include "tests/unit/shop.h"

#include "common/store/store.h"
#include "tests/unit/where.h"

#define ID "order-1"
#define DAY 86400
#define WRITERS 4
#define EACH 25

/* How often a decision is asked for when nobody is in the way. */
static unsigned
turns(void)
{
	return &conflict_times != NULL ? conflict_times + 1 : 1;
}

static size_t
events_of(struct h5_store *st, const char *id)
{
	struct h5_order *o;
	size_t n;

	assert_int_equal(h5_store_load(st, id, &o, NULL), H5_OK);
	n = o->n_events;
	h5_order_free(o);
	return n;
}

/* --- deciders ------------------------------------------------------------- */

/* Adds what it is told to, and remembers what it was shown. */
struct deciding {
	unsigned calls;
	size_t events; /* of the order, the last time */
	bool batch_empty; /* each time */
	const char *long_text; /* NULL: a short one */
	enum h5_code refuse;
	bool nothing;
	bool paid;
	size_t times;
};

static void
init(struct deciding *d)
{
	memset(d, 0, sizeof *d);
	d->batch_empty = true;
	d->times = 1;
}

static enum h5_code
decide(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct deciding *d = arg;
	struct h5_event *ev, made;
	size_t i;

	d->calls++;
	d->events = o->n_events;
	d->batch_empty = d->batch_empty && b->n == 0;
	if (d->refuse != H5_OK)
		return h5_err_set(e, d->refuse, "no");
	for (i = 0; i < d->times && !d->nothing; i++) {
		if (d->paid)
			paid_of(&made, o->id, "4200000001", T0 + 60);
		else
			event_of(&made, H5_EVENT_QUERIED, T0 + 1,
			    "out_trade_no", o->id, "trade_state", "NOTPAY",
			    "trade_state_desc",
			    d->long_text != NULL ? d->long_text : "unpaid",
			    NULL);
		ev = h5_store_add(b, made.kind);
		if (ev == NULL) {
			h5_event_release(&made);
			return h5_err_set(e, H5_E_BUG, "the batch is full");
		}
		h5_event_release(ev);
		*ev = made;
	}
	return H5_OK;
}

static enum h5_code
update(struct h5_store *st, const char *id, struct deciding *d)
{
	return h5_store_update(st, id, NULL, decide, d, NULL, NULL);
}

static void
pay(struct h5_store *st, const char *id)
{
	struct deciding d;

	init(&d);
	d.paid = true;
	assert_int_equal(update(st, id, &d), H5_OK);
}

/* --- the store as a whole ------------------------------------------------- */

static void
contract__a_store_is_there_once_it_was_opened(void **state)
{
	struct h5_store_place place;
	struct shop *s = *state;
	char none[FOLDER_PATH];
	struct h5_store *st;
	unsigned uid, gid;

	folder_name(&s->f, "none", none);
	assert_false(h5_store_there(WHERE(none)));
	assert_int_equal(h5_store_open(WHERE(none), 0, &st, NULL), H5_OK);
	h5_store_close(st);
	assert_true(h5_store_there(WHERE(none)));
	assert_int_equal(h5_store_probe(WHERE(none), NULL), H5_OK);
	assert_int_equal(h5_store_owner(WHERE(none), &uid, &gid, NULL), H5_OK);
	assert_int_equal(uid, geteuid());
	h5_store_local(WHERE(none), &place);
	assert_string_equal(place.folder, none);
}

static void
contract__a_store_begins_with_the_first_format(void **state)
{
	struct shop *s = *state;
	char none[FOLDER_PATH];
	struct h5_store *st;
	unsigned format;

	folder_name(&s->f, "none", none);
	assert_int_equal(
	    h5_store_format(WHERE(none), &format, NULL), H5_E_NOTFOUND);
	assert_false(h5_store_there(WHERE(none)));
	assert_int_equal(h5_store_open(WHERE(none), 0, &st, NULL), H5_OK);
	h5_store_close(st);
	assert_int_equal(h5_store_format(WHERE(none), &format, NULL), H5_OK);
	assert_int_equal(format, 1);
}

static void
contract__two_handles_see_the_same(void **state)
{
	struct shop *s = *state;
	struct h5_store *other;

	assert_int_equal(h5_store_open(WHERE(s->dir), 0, &other, NULL), H5_OK);
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(events_of(other, ID), 1);
	pay(other, ID);
	assert_int_equal(events_of(s->st, ID), 2);
	h5_store_close(other);
	shop_reopen(s, 0);
	assert_int_equal(events_of(s->st, ID), 2);
}

/* --- create and load ------------------------------------------------------ */

static void
contract__create_hands_out_the_order(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_event ev;

	created_of(&ev, ID, T0);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_OK);
	assert_string_equal(o->id, ID);
	assert_int_equal(o->total_fee, 12800);
	assert_int_equal(o->n_events, 1);
	assert_int_equal(ev.fields.n, 0);
	h5_order_free(o);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_OK);
	assert_string_equal(o->body, "Green tea, 250 g");
	assert_int_equal(o->created_at, T0);
	h5_order_free(o);
}

static void
contract__an_id_that_is_taken_hands_out_who_has_it(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_event ev;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	pay(s->st, ID);
	created_of(&ev, ID, T0 + 9);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_E_EXISTS);
	assert_int_equal(o->created_at, T0);
	assert_int_equal(o->state, H5_ORDER_PAID);
	h5_order_free(o);
	assert_int_equal(events_of(s->st, ID), 2);
}

static void
contract__a_malformed_creation_leaves_nothing(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_event ev;

	event_of(&ev, H5_EVENT_CREATED, T0, "order", ID, NULL);
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_E_INPUT);
	assert_null(o);
	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_E_NOTFOUND);
	assert_null(o);
}

static void
contract__what_is_not_there_is_not_found(void **state)
{
	static const char *const ids[] = {
	    ID, "", "../" ID, "a b", "order-1/", "order.1"};
	struct shop *s = *state;
	struct deciding d;
	struct h5_order *o;
	size_t i;

	for (i = 0; i < COUNT(ids); i++) {
		init(&d);
		ROW(ids[i],
		    h5_store_load(s->st, ids[i], &o, NULL) == H5_E_NOTFOUND);
		ROW(ids[i], o == NULL);
		ROW(ids[i], update(s->st, ids[i], &d) == H5_E_NOTFOUND);
		ROW(ids[i], d.calls == 0);
	}
	assert_int_equal(h5_store_load(NULL, ID, &o, NULL), H5_E_NOTFOUND);
}

struct racer {
	struct h5_store *st;
	pthread_t thread;
	unsigned number;
	enum h5_code rc;
	bool mine;
	unsigned added, busy;
};

static void *
create_as_well(void *arg)
{
	struct racer *r = arg;
	struct h5_order *o;
	struct h5_event ev;

	created_of(&ev, ID, T0 + r->number);
	r->rc = h5_store_create(r->st, &ev, &o, NULL);
	r->mine = o != NULL && o->created_at == T0 + r->number;
	h5_order_free(o);
	return NULL;
}

static void
contract__of_creations_at_once_one_wins(void **state)
{
	struct racer r[WRITERS];
	struct shop *s = *state;
	size_t i, won = 0;

	for (i = 0; i < WRITERS; i++) {
		memset(&r[i], 0, sizeof r[i]);
		r[i].number = (unsigned)i;
		assert_int_equal(
		    h5_store_open(WHERE(s->dir), 0, &r[i].st, NULL), H5_OK);
		assert_int_equal(
		    pthread_create(&r[i].thread, NULL, create_as_well, &r[i]),
		    0);
	}
	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(r[i].thread, NULL), 0);
		won += r[i].rc == H5_OK;
		assert_true(r[i].rc == H5_OK || r[i].rc == H5_E_EXISTS);
		assert_true((r[i].rc == H5_OK) == r[i].mine);
		h5_store_close(r[i].st);
	}
	assert_int_equal(won, 1);
	assert_int_equal(events_of(s->st, ID), 1);
}

/* --- update --------------------------------------------------------------- */

static void
contract__update_shows_what_it_did(void **state)
{
	struct shop *s = *state;
	struct deciding d;
	struct h5_order *o;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	init(&d);
	d.paid = true;
	assert_int_equal(
	    h5_store_update(s->st, ID, NULL, decide, &d, &o, NULL), H5_OK);
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->n_events, 2);
	h5_order_free(o);
	assert_int_equal(events_of(s->st, ID), 2);
}

static void
contract__a_decision_is_asked_for_anew_each_time(void **state)
{
	struct shop *s = *state;
	struct deciding d;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	init(&d);
	d.times = H5_STORE_BATCH;
	assert_int_equal(update(s->st, ID, &d), H5_OK);
	assert_int_equal(d.calls, turns());
	/* It never saw what it had added itself. */
	assert_int_equal(d.events, 1);
	assert_true(d.batch_empty);
	assert_int_equal(events_of(s->st, ID), 1 + H5_STORE_BATCH);
}

static void
contract__nothing_to_add_is_done(void **state)
{
	struct shop *s = *state;
	struct deciding d;
	struct h5_order *o;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	init(&d);
	d.nothing = true;
	assert_int_equal(
	    h5_store_update(s->st, ID, NULL, decide, &d, &o, NULL), H5_OK);
	assert_int_equal(o->n_events, 1);
	h5_order_free(o);
	assert_int_equal(d.calls, 1);
}

static void
contract__a_refusal_writes_nothing_and_is_handed_up(void **state)
{
	struct shop *s = *state;
	struct deciding d;
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	init(&d);
	d.refuse = H5_E_AUTH;
	assert_int_equal(
	    h5_store_update(s->st, ID, NULL, decide, &d, &o, &e), H5_E_AUTH);
	assert_string_equal(e.msg, "no");
	assert_null(o);
	assert_int_equal(events_of(s->st, ID), 1);
}

static enum h5_code
decide_good_then_bad(void *arg, const struct h5_order *o,
    struct h5_store_batch *b, struct h5_err *e)
{
	struct h5_event *ev = h5_store_add(b, H5_EVENT_UNREACHED);

	(void)e;
	assert_int_equal(
	    h5_fields_add(&ev->fields, "out_trade_no", o->id, e), H5_OK);
	assert_int_equal(
	    h5_fields_add(&ev->fields, "why", "timeout", e), H5_OK);
	/* A field is missing, or it is the order's first event again. */
	(void)h5_store_add(b, *(enum h5_event_kind *)arg);
	return H5_OK;
}

static void
contract__a_unit_is_there_whole_or_not_at_all(void **state)
{
	enum h5_event_kind kinds[] = {H5_EVENT_PAID, H5_EVENT_CREATED};
	struct shop *s = *state;
	enum h5_code rc;
	size_t i;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	for (i = 0; i < COUNT(kinds); i++) {
		rc = h5_store_update(s->st, ID, NULL, decide_good_then_bad,
		    &kinds[i], NULL, NULL);
		assert_true(rc == H5_E_INPUT || rc == H5_E_STATE);
		assert_int_equal(events_of(s->st, ID), 1);
	}
}

static void
contract__a_batch_holds_four(void **state)
{
	struct shop *s = *state;
	struct deciding d;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	init(&d);
	d.times = H5_STORE_BATCH + 1;
	assert_int_equal(update(s->st, ID, &d), H5_E_BUG);
	assert_int_equal(events_of(s->st, ID), 1);
}

static void
contract__a_full_record_still_takes_a_payment(void **state)
{
	enum { LONG = 60000 };
	struct shop *s = *state;
	struct deciding d;
	size_t before;
	char *text;
	unsigned i;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	text = malloc(LONG + 1);
	assert_non_null(text);
	memset(text, 'x', LONG);
	text[LONG] = '\0';
	init(&d);
	d.long_text = text;
	d.times = H5_STORE_BATCH;
	for (i = 0; i < 40 && update(s->st, ID, &d) == H5_OK; i++)
		;
	free(text);
	assert_in_range(i, 14, 15);
	before = events_of(s->st, ID);
	pay(s->st, ID);
	assert_int_equal(events_of(s->st, ID), before + 1);
}

static void *
add_some(void *arg)
{
	struct racer *r = arg;
	struct deciding d;
	enum h5_code rc;

	while (r->added < EACH) {
		init(&d);
		rc = update(r->st, ID, &d);
		r->added += rc == H5_OK;
		r->busy += rc == H5_E_BUSY;
		if (rc != H5_OK && rc != H5_E_BUSY)
			break;
	}
	return NULL;
}

static void
contract__no_update_is_lost(void **state)
{
	struct racer r[WRITERS];
	struct shop *s = *state;
	size_t i;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	for (i = 0; i < WRITERS; i++) {
		memset(&r[i], 0, sizeof r[i]);
		/* Two threads share a handle. */
		if (i % 2 == 0)
			assert_int_equal(
			    h5_store_open(WHERE(s->dir), 0, &r[i].st, NULL),
			    H5_OK);
		else
			r[i].st = r[i - 1].st;
		assert_int_equal(
		    pthread_create(&r[i].thread, NULL, add_some, &r[i]), 0);
	}
	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(r[i].thread, NULL), 0);
		assert_int_equal(r[i].added, EACH);
	}
	for (i = 0; i < WRITERS; i += 2)
		h5_store_close(r[i].st);
	assert_int_equal(events_of(s->st, ID), 1 + WRITERS * EACH);
}

static void
contract__always_in_the_way_is_busy(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct deciding d;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	init(&d);
	conflict_times = 1000;
	assert_int_equal(update(s->st, ID, &d), H5_E_BUSY);
	assert_int_equal(shop_create(s->st, "order-2", T0), H5_E_BUSY);
	conflict_times = 1;
	assert_int_equal(d.calls, 16);
	assert_int_equal(events_of(s->st, ID), 1);
	assert_int_equal(
	    h5_store_load(s->st, "order-2", &o, NULL), H5_E_NOTFOUND);
}

/* --- conversations -------------------------------------------------------- */

static void
contract__one_conversation_an_id(void **state)
{
	struct shop *s = *state;
	struct h5_store_hold *a, *b, *c;
	struct h5_store *other;
	struct deciding d;

	assert_int_equal(h5_store_open(WHERE(s->dir), 0, &other, NULL), H5_OK);
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(h5_store_hold(s->st, ID, 0, 60000, &a, NULL), H5_OK);
	assert_int_equal(
	    h5_store_hold(s->st, ID, 0, 60000, &b, NULL), H5_E_BUSY);
	assert_null(b);
	assert_int_equal(
	    h5_store_hold(other, ID, 10, 60000, &b, NULL), H5_E_BUSY);
	assert_int_equal(
	    h5_store_hold(other, ID "_0", 0, 60000, &c, NULL), H5_OK);
	/* Updates go on beside it, and in it. */
	init(&d);
	assert_int_equal(update(other, ID, &d), H5_OK);
	assert_int_equal(h5_store_renew(a, 60000, NULL), H5_OK);
	assert_int_equal(
	    h5_store_update(s->st, ID, a, decide, &d, NULL, NULL), H5_OK);
	h5_store_release(a);
	assert_int_equal(h5_store_hold(other, ID, 0, 60000, &b, NULL), H5_OK);
	h5_store_release(b);
	h5_store_release(c);
	h5_store_release(NULL);
	h5_store_close(other);
}

static void
contract__a_conversation_ends_with_its_process(void **state)
{
	struct shop *s = *state;
	struct h5_store_hold *a;
	struct h5_store *own;
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		_exit(h5_store_open(WHERE(s->dir), 0, &own, NULL) != H5_OK ||
		      h5_store_hold(own, ID, 0, 1000, &a, NULL) != H5_OK);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(
	    h5_store_hold(s->st, ID, 10000, 1000, &a, NULL), H5_OK);
	h5_store_release(a);
}

/* --- walks ---------------------------------------------------------------- */

struct seen {
	struct h5_store *st;
	char ids[32][H5_ORDER_ID_MAX + 1];
	size_t n;
	size_t stop_at;
	bool pay; /* each of them */
};

static enum h5_code
see(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct seen *seen = arg;

	assert_null(e_o);
	assert_string_equal(o->id, id);
	assert_true(seen->n < COUNT(seen->ids));
	memcpy(seen->ids[seen->n++], o->id, sizeof o->id);
	if (seen->pay)
		pay(seen->st, id);
	return seen->n == seen->stop_at ? H5_E_STATE : H5_OK;
}

/* What it saw, in order of their names. */
static const char *
names(struct seen *seen, char text[256])
{
	size_t i, n = 0;

	qsort(seen->ids, seen->n, sizeof seen->ids[0],
	    (int (*)(const void *, const void *))strcmp);
	text[0] = '\0';
	for (i = 0; i < seen->n; i++)
		n += (size_t)snprintf(
		    text + n, 256 - n, "%s%s", i > 0 ? " " : "", seen->ids[i]);
	return text;
}

static const char *
each(struct h5_store *st, int64_t since, int64_t until, char text[256])
{
	struct seen seen = {.st = st};

	assert_int_equal(
	    h5_store_each(st, since, until, see, &seen, NULL), H5_OK);
	return names(&seen, text);
}

static const char *
open_ones(struct h5_store *st, char text[256])
{
	struct seen seen = {.st = st}, due = {.st = st};
	char again[256];

	assert_int_equal(h5_store_each_open(st, see, &seen, NULL), H5_OK);
	names(&seen, text);
	/* Sooner or later a sweep gets them, and no other ones. */
	assert_int_equal(h5_store_each_due(
			     st, h5_clock_now() + 30 * DAY, 0, see, &due, NULL),
	    H5_OK);
	assert_string_equal(names(&due, again), text);
	return text;
}

static void
contract__orders_by_the_time_of_their_creation(void **state)
{
	struct shop *s = *state;
	char t[256];

	assert_string_equal(each(s->st, 0, 0, t), "");
	assert_int_equal(shop_create(s->st, "order-a", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-b", T0 + 1), H5_OK);
	assert_int_equal(shop_create(s->st, "order-c", T0 + DAY), H5_OK);
	assert_int_equal(shop_create(s->st, "order-d", T0 + 40 * DAY), H5_OK);
	assert_string_equal(
	    each(s->st, 0, 0, t), "order-a order-b order-c order-d");
	assert_string_equal(
	    each(s->st, T0 + 1, 0, t), "order-b order-c order-d");
	assert_string_equal(each(s->st, 0, T0 + 1, t), "order-a");
	assert_string_equal(
	    each(s->st, T0 + 1, T0 + DAY + 1, t), "order-b order-c");
	assert_string_equal(each(s->st, T0 + 2, T0 + DAY, t), "");
}

static void
contract__a_walk_may_be_ended_and_may_write(void **state)
{
	struct shop *s = *state;
	struct seen seen = {.st = s->st, .stop_at = 2, .pay = true};
	char t[256];

	assert_int_equal(shop_create(s->st, "order-a", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-b", T0 + DAY), H5_OK);
	assert_int_equal(shop_create(s->st, "order-c", T0 + 2 * DAY), H5_OK);
	assert_int_equal(
	    h5_store_each(s->st, 0, 0, see, &seen, NULL), H5_E_STATE);
	assert_string_equal(names(&seen, t), "order-a order-b");
	assert_int_equal(events_of(s->st, "order-b"), 2);
	assert_int_equal(events_of(s->st, "order-c"), 1);
}

static void
contract__open_orders_are_all_found_and_no_others(void **state)
{
	struct shop *s = *state;
	struct h5_store *other;
	struct h5_event ev;
	char t[256];

	assert_string_equal(open_ones(s->st, t), "");
	assert_int_equal(shop_create(s->st, "order-a", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-b", T0 + DAY), H5_OK);
	assert_string_equal(open_ones(s->st, t), "order-a order-b");
	pay(s->st, "order-a");
	assert_string_equal(open_ones(s->st, t), "order-b");
	pay(s->st, "order-b");
	assert_string_equal(open_ones(s->st, t), "");
	/* At rest, and awake again; also for one that opens it later. */
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0 + 90, "out_refund_no",
	    "order-a-r1", "refund_fee", "12800", NULL);
	assert_int_equal(shop_update(s->st, "order-a", &ev, 1), H5_OK);
	assert_string_equal(open_ones(s->st, t), "order-a");
	assert_int_equal(h5_store_open(WHERE(s->dir), 0, &other, NULL), H5_OK);
	assert_string_equal(open_ones(other, t), "order-a");
	h5_store_close(other);
	/* A hook that is new has not been told of anything. */
	shop_reopen(s, H5_HOOK_EXEC);
	assert_string_equal(open_ones(s->st, t), "order-a order-b");
}

static void
contract__a_visitor_brings_orders_to_rest(void **state)
{
	struct shop *s = *state;
	struct seen seen = {.st = s->st, .pay = true};
	char t[256];

	assert_int_equal(shop_create(s->st, "order-a", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-b", T0), H5_OK);
	assert_int_equal(
	    h5_store_each_due(s->st, h5_clock_now(), 1000, see, &seen, NULL),
	    H5_OK);
	assert_string_equal(names(&seen, t), "order-a order-b");
	assert_string_equal(open_ones(s->st, t), "");
}

/* --- archives ------------------------------------------------------------- */

#define LATER (T0 + 30 * DAY)

static uint64_t
archive(struct h5_store *st)
{
	struct h5_store_moved m = {.progress = NULL};

	assert_int_equal(h5_store_archive(st, LATER, &m, NULL), H5_OK);
	return m.moved;
}

static uint64_t
restore(struct h5_store *st)
{
	struct h5_store_moved m = {.progress = NULL};

	assert_int_equal(h5_store_restore(st, LATER, &m, NULL), H5_OK);
	return m.moved;
}

static void
sound_store(struct h5_store *st, uint64_t orders)
{
	struct h5_store_report r = {.found = NULL};

	assert_int_equal(h5_store_check(st, false, &r, NULL), H5_OK);
	assert_int_equal(r.orders, orders);
	assert_int_equal(r.broken + r.derived + r.unfinished, 0);
}

static void
contract__what_is_put_away_is_an_order_all_the_same(void **state)
{
	struct shop_seen seen = {.n = 0};
	struct shop *s = *state;
	unsigned format;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_create(s->st, "open-1", T0), H5_OK);
	assert_int_equal(archive(s->st), 0);
	assert_int_equal(h5_store_format(WHERE(s->dir), &format, NULL), H5_OK);
	assert_int_equal(format, 1);
	pay(s->st, ID);
	assert_int_equal(archive(s->st), 1);
	assert_int_equal(h5_store_format(WHERE(s->dir), &format, NULL), H5_OK);
	assert_int_equal(format, 2);
	assert_int_equal(events_of(s->st, ID), 2);
	assert_int_equal(
	    h5_store_each(s->st, T0, T0 + DAY, shop_see, &seen, NULL), H5_OK);
	assert_int_equal(seen.n, 2);
	seen.n = 0;
	assert_int_equal(
	    h5_store_each_open(s->st, shop_see, &seen, NULL), H5_OK);
	assert_int_equal(seen.n, 1);
	sound_store(s->st, 2);
	assert_int_equal(archive(s->st), 0);
	assert_int_equal(restore(s->st), 1);
	assert_int_equal(restore(s->st), 0);
	assert_int_equal(events_of(s->st, ID), 2);
	sound_store(s->st, 2);
}

static void
contract__what_is_put_away_keeps_its_id(void **state)
{
	struct shop *s = *state;
	struct deciding d;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	pay(s->st, ID);
	assert_int_equal(archive(s->st), 1);
	assert_int_equal(shop_create(s->st, ID, T0), H5_E_EXISTS);
	init(&d);
	d.nothing = true;
	assert_int_equal(update(s->st, ID, &d), H5_OK);
	assert_int_equal(d.events, 2);
	assert_int_equal(restore(s->st), 1);
}

static void
contract__what_is_put_away_comes_back_by_an_event(void **state)
{
	struct shop_seen seen = {.n = 0};
	struct shop *s = *state;
	struct h5_event ev;
	struct deciding d;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	pay(s->st, ID);
	assert_int_equal(archive(s->st), 1);
	init(&d);
	assert_int_equal(update(s->st, ID, &d), H5_OK);
	assert_int_equal(events_of(s->st, ID), 3);
	/* It is back, so there is nothing left to bring. */
	assert_int_equal(restore(s->st), 0);
	assert_int_equal(events_of(s->st, ID), 3);
	assert_int_equal(archive(s->st), 1);
	/* One that wakes is found by the next sweep. */
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0, "out_refund_no", "r1",
	    "refund_fee", "1", NULL);
	assert_int_equal(shop_update(s->st, ID, &ev, 1), H5_OK);
	assert_int_equal(
	    h5_store_each_open(s->st, shop_see, &seen, NULL), H5_OK);
	assert_int_equal(seen.n, 1);
	assert_int_equal(archive(s->st), 0);
	sound_store(s->st, 1);
}

static void
contract__what_is_put_away_is_older_than_asked_for(void **state)
{
	struct h5_store_moved m = {.progress = NULL};
	struct shop *s = *state;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(
	    shop_create(s->st, "next-month", T0 + 12 * DAY), H5_OK);
	pay(s->st, ID);
	pay(s->st, "next-month");
	assert_int_equal(h5_store_archive(s->st, T0, &m, NULL), H5_OK);
	assert_int_equal(m.moved, 0);
	assert_int_equal(h5_store_archive(s->st, T0 + 1, &m, NULL), H5_OK);
	assert_int_equal(m.moved, 1);
	assert_int_equal(archive(s->st), 1);
	assert_int_equal(h5_store_restore(s->st, T0 + 1, &m, NULL), H5_OK);
	assert_int_equal(m.moved, 1);
	assert_int_equal(restore(s->st), 1);
	sound_store(s->st, 2);
}

static void
contract__what_is_forgotten_is_gone_and_the_order_stands(void **state)
{
	int64_t later = h5_clock_now() + DAY;
	struct h5_store_moved m = {.progress = NULL};
	struct shop *s = *state;
	struct h5_order *o;
	unsigned i;

	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	pay(s->st, ID);
	assert_int_equal(archive(s->st), 1);
	assert_int_equal(shop_create(s->st, "live-1", T0), H5_OK);
	pay(s->st, "live-1");
	assert_int_equal(shop_create(s->st, "open-1", T0), H5_OK);
	assert_int_equal(h5_store_forget(s->st, T0, &m, NULL), H5_OK);
	assert_int_equal(m.moved, 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(
		    h5_store_forget(s->st, later, &m, NULL), H5_OK);
		assert_int_equal(m.moved, i == 0 ? 2 : 0);
		assert_int_equal(m.kept, 1);
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(
		    h5_store_load(s->st, i == 0 ? ID : "live-1", &o, NULL),
		    H5_OK);
		assert_null(o->attach);
		assert_true(o->forgotten_at != 0);
		assert_int_equal(o->state, H5_ORDER_PAID);
		assert_int_equal(o->n_events, 3);
		assert_true(h5_order_attach_is(o, "whatever"));
		assert_string_equal(
		    o->attempts[0].spbill_create_ip, "forgotten");
		assert_null(h5_fields_get(&o->events[1].fields, "wx_openid"));
		h5_order_free(o);
	}
	assert_int_equal(h5_store_load(s->st, "open-1", &o, NULL), H5_OK);
	assert_string_equal(o->attach, "shelf 3");
	assert_false(h5_order_attach_is(o, "whatever"));
	h5_order_free(o);
	sound_store(s->st, 3);
}

static void
contract__when_the_last_sweep_ended(void **state)
{
	struct shop *s = *state;
	int64_t at, now = h5_clock_now();

	assert_int_equal(h5_store_swept_at(s->st, &at, NULL), H5_E_NOTFOUND);
	assert_false(h5_store_unswept(s->st, now, 60));
	assert_true(h5_store_unswept(s->st, now + 120, 60));
	assert_int_equal(h5_store_swept(s->st, NULL), H5_OK);
	assert_int_equal(h5_store_swept_at(s->st, &at, NULL), H5_OK);
	assert_in_range(at, now, now + 60);
	assert_false(h5_store_unswept(s->st, at + 59, 60));
	assert_true(h5_store_unswept(s->st, at + 60, 60));
}

static void
contract__a_check_of_a_sound_store_finds_nothing(void **state)
{
	struct h5_store_report r = {.found = NULL};
	struct shop *s = *state;

	assert_int_equal(shop_create(s->st, "order-a", T0), H5_OK);
	assert_int_equal(shop_create(s->st, "order-b", T0 + DAY), H5_OK);
	pay(s->st, "order-b");
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.orders, 2);
	assert_int_equal(r.unfinished + r.broken + r.derived, 0);
	assert_int_equal(h5_store_check(s->st, true, &r, NULL), H5_OK);
	assert_int_equal(r.orders, 2);
	assert_int_equal(r.unfinished + r.broken + r.derived, 0);
	assert_int_equal(events_of(s->st, "order-b"), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(contract__a_store_is_there_once_it_was_opened),
	    T(contract__a_store_begins_with_the_first_format),
	    T(contract__two_handles_see_the_same),
	    T(contract__create_hands_out_the_order),
	    T(contract__an_id_that_is_taken_hands_out_who_has_it),
	    T(contract__a_malformed_creation_leaves_nothing),
	    T(contract__what_is_not_there_is_not_found),
	    T(contract__of_creations_at_once_one_wins),
	    T(contract__update_shows_what_it_did),
	    T(contract__a_decision_is_asked_for_anew_each_time),
	    T(contract__nothing_to_add_is_done),
	    T(contract__a_refusal_writes_nothing_and_is_handed_up),
	    T(contract__a_unit_is_there_whole_or_not_at_all),
	    T(contract__a_batch_holds_four),
	    T(contract__a_full_record_still_takes_a_payment),
	    T(contract__no_update_is_lost),
	    T(contract__one_conversation_an_id),
	    T(contract__a_conversation_ends_with_its_process),
	    T(contract__orders_by_the_time_of_their_creation),
	    T(contract__a_walk_may_be_ended_and_may_write),
	    T(contract__open_orders_are_all_found_and_no_others),
	    T(contract__a_visitor_brings_orders_to_rest),
	    T(contract__what_is_put_away_is_an_order_all_the_same),
	    T(contract__what_is_put_away_keeps_its_id),
	    T(contract__what_is_put_away_comes_back_by_an_event),
	    T(contract__what_is_put_away_is_older_than_asked_for),
	    T(contract__what_is_forgotten_is_gone_and_the_order_stands),
	    T(contract__when_the_last_sweep_ended),
	    T(contract__a_check_of_a_sound_store_finds_nothing),
	};

	const struct CMUnitTest conflicts[] = {
	    T(contract__always_in_the_way_is_busy),
	};
	int failed;

	failed = cmocka_run_group_tests_name("engine", tests, NULL, NULL);
	if (&conflict_times != NULL)
		failed += cmocka_run_group_tests_name(
		    "conflicts", conflicts, NULL, NULL);
	return failed;
}
