/* Becoming paid: by whom, how often, for how much. */
#include "tests/unit/help.h"
#include "tests/unit/orders.h"

#include <unistd.h>

#include "common/base/clock.h"
#include "common/pay/settle.h"
#include "tests/unit/where.h"

struct desk {
	struct h5_store *st;
	struct h5_log log;
	const struct h5_config *c; /* NULL: nothing is signed */
	enum h5_sign_type by; /* what the trade is signed with */
	enum h5_api api; /* whose form it comes in */
	bool elsewhere; /* it went back, and nobody knows how much */
	char dir[64];
	char store[80];
};

static void
create(struct desk *d, const char *id, const char *sign_type)
{
	struct h5_order *o;
	struct h5_event ev;
	struct h5_err e;

	event_of(&ev, H5_EVENT_CREATED, h5_clock_now(), "order", id,
	    "total_fee", "12800", "body", "Tea", "expires_at", T1_TEXT,
	    "out_trade_no", id, "spbill_create_ip", "203.0.113.7", "time_start",
	    T0_TEXT, "time_expire", T1_TEXT, NULL);
	h5_event_text(&ev, "sign_type", sign_type);
	assert_int_equal(h5_store_create(d->st, &ev, &o, &e), H5_OK);
	h5_order_free(o);
}

static int
open_desk(void **state)
{
	struct desk *d = calloc(1, sizeof *d);
	struct h5_err e;

	assert_non_null(d);
	(void)snprintf(d->dir, sizeof d->dir, "/tmp/h5pay-settle-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	(void)snprintf(d->store, sizeof d->store, "%s/store", d->dir);
	h5_log_init(&d->log, "test", "/dev/null");
	assert_int_equal(h5_store_open(WHERE(d->store), 0, &d->st, &e), H5_OK);
	create(d, "order-1", NULL);
	*state = d;
	return 0;
}

static int
close_desk(void **state)
{
	struct desk *d = *state;

	h5_store_close(d->st);
	help_remove(d->dir);
	free(d);
	return 0;
}

struct said {
	const char *number, *state, *transaction;
	int64_t fee;
	const char *currency;
};

static enum h5_code
tell(struct desk *d, struct said said, const char *via,
    enum h5_settled *settled, struct h5_order **o)
{
	struct h5_wechat_trade t;
	struct h5_err e;
	enum h5_code rc;

	h5_wechat_trade_init(&t);
	(void)snprintf(
	    t.out_trade_no, sizeof t.out_trade_no, "%s", said.number);
	(void)snprintf(t.trade_state, sizeof t.trade_state, "%s", said.state);
	(void)snprintf(
	    t.transaction_id, sizeof t.transaction_id, "%s", said.transaction);
	(void)snprintf(t.fee_type, sizeof t.fee_type, "%s",
	    said.currency != NULL ? said.currency : "CNY");
	t.total_fee = said.fee;
	t.paid = strcmp(said.state, "SUCCESS") == 0 ||
		 strcmp(said.state, "REFUND") == 0;
	t.time_end = 1795430500;
	assert_int_equal(
	    h5_fields_add(&t.further, "bank_type", "CFT", &e), H5_OK);
	t.sign_type = d->by;
	t.api = d->api;
	t.elsewhere = d->elsewhere;
	t.returned = d->elsewhere ? said.fee : 0;
	rc =
	    h5_settle(&(struct h5_shop){.c = d->c, .log = &d->log, .st = d->st},
		&t, via, settled, o, &e);
	h5_wechat_trade_release(&t);
	return rc;
}

/* Tells it and checks result, state, alerts and how often the shop hears of
 * a payment. */
static void
expect(struct desk *d, struct said said, enum h5_settled want,
    enum h5_order_state state, unsigned alerts, size_t paid_events)
{
	enum h5_settled settled;
	struct h5_order *o;
	size_t i, n = 0;

	assert_int_equal(tell(d, said, "notify", &settled, &o), H5_OK);
	assert_int_equal(settled, want);
	assert_int_equal(o->state, state);
	assert_int_equal(o->alerts, alerts);
	for (i = 0; i < o->n_outgoing; i++)
		if (strcmp(o->outgoing[i].type, "order.paid") == 0)
			n++;
	assert_int_equal(n, paid_events);
	h5_order_free(o);
}

static const struct said good = {"order-1", "SUCCESS", "4200001", 12800, NULL};

/* The type of a notice is the attempt's; where 0.1.0 did not write it down, it
 * is the configured one or merchant.sign_type_previous. */
static void
test_settle__c6_the_type_of_the_attempt(void **state)
{
	enum { NO = H5_SIGN_UNSAID, MD5 = H5_SIGN_MD5, HMAC };
	static const struct {
		const char *made_with; /* NULL: 0.1.0 */
		int now, previous, by;
		bool good;
	} rows[] = {
	    {"MD5", HMAC, NO, MD5, true},
	    {"MD5", HMAC, NO, HMAC, false},
	    {"MD5", HMAC, MD5, HMAC, false},
	    {"MD5", MD5, HMAC, HMAC, false},
	    {"HMAC-SHA256", MD5, NO, HMAC, true},
	    {"HMAC-SHA256", MD5, NO, MD5, false},
	    {"HMAC-SHA256", HMAC, MD5, MD5, false},
	    {NULL, HMAC, NO, HMAC, true},
	    {NULL, HMAC, NO, MD5, false},
	    {NULL, HMAC, MD5, MD5, true},
	    {NULL, HMAC, MD5, HMAC, true},
	    {NULL, MD5, NO, HMAC, false},
	    {NULL, MD5, MD5, HMAC, false},
	    {NULL, MD5, HMAC, HMAC, true},
	    /* An answer, which was compared with its question. */
	    {"MD5", HMAC, NO, NO, true},
	    {NULL, HMAC, NO, NO, true},
	};
	struct desk *d = *state;
	struct h5_config c = {0};
	enum h5_settled settled;
	char id[32];
	size_t i;

	d->c = &c;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(id, sizeof id, "typed-%zu", i);
		create(d, id, rows[i].made_with);
		c.merchant.sign_type = (enum h5_sign_type)rows[i].now;
		c.merchant.sign_type_previous =
		    (enum h5_sign_type)rows[i].previous;
		d->by = (enum h5_sign_type)rows[i].by;
		ROW(id, tell(d, (struct said){id, "SUCCESS", "42", 12800, NULL},
			    rows[i].by != NO ? "notify" : "query", &settled,
			    NULL) == (rows[i].good ? H5_OK : H5_E_AUTH));
	}
	d->c = NULL;
}

/* Nothing of a hint is written down. */
static void
test_settle__c6_a_hint_is_no_payment(void **state)
{
	struct desk *d = *state;
	struct h5_config c = {.merchant.sign_type = H5_SIGN_MD5};
	struct h5_shop shop = {.c = &c, .log = &d->log, .st = d->st};
	struct h5_wechat_trade t;
	char id[H5_ORDER_ID_MAX + 1];
	enum h5_settled settled;
	struct h5_order *o;
	struct h5_err e;
	bool known;

	h5_wechat_trade_init(&t);
	(void)snprintf(t.out_trade_no, sizeof t.out_trade_no, "order-1");
	(void)snprintf(t.transaction_id, sizeof t.transaction_id, "4200001");
	(void)snprintf(t.fee_type, sizeof t.fee_type, "CNY");
	t.total_fee = 12800;
	t.paid = true;
	t.sign_type = H5_SIGN_MD5;
	assert_int_equal(h5_settle_hint(&shop, &t, &known, id, &e), H5_OK);
	assert_false(known);
	assert_string_equal(id, "order-1");
	t.sign_type = H5_SIGN_HMAC_SHA256;
	assert_int_equal(h5_settle_hint(&shop, &t, &known, id, &e), H5_E_AUTH);
	t.sign_type = H5_SIGN_MD5;
	assert_int_equal(h5_store_load(d->st, "order-1", &o, &e), H5_OK);
	assert_int_equal(o->n_events, 1);
	h5_order_free(o);
	/* Known is what stands there: this payment, of this amount. */
	assert_int_equal(tell(d, good, "query", &settled, NULL), H5_OK);
	assert_int_equal(h5_settle_hint(&shop, &t, &known, id, &e), H5_OK);
	assert_true(known);
	t.total_fee = 12801;
	assert_int_equal(h5_settle_hint(&shop, &t, &known, id, &e), H5_OK);
	assert_false(known);
	t.total_fee = 12800;
	t.transaction_id[6] = '2';
	assert_int_equal(h5_settle_hint(&shop, &t, &known, id, &e), H5_OK);
	assert_false(known);
	t.out_trade_no[6] = '2';
	assert_int_equal(
	    h5_settle_hint(&shop, &t, &known, id, &e), H5_E_NOTFOUND);
	h5_wechat_trade_release(&t);
}

struct one_event {
	enum h5_event_kind kind;
	const char *why;
};

static enum h5_code
decide_one(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	const struct one_event *x = arg;
	struct h5_event *ev = h5_store_add(b, x->kind);

	if (x->kind != H5_EVENT_CLOSED)
		h5_event_text(
		    ev, "out_trade_no", h5_order_current(o)->out_trade_no);
	h5_event_text(ev, "why", x->why);
	return h5_event_finish(ev, e);
}

static void
append(struct desk *d, enum h5_event_kind kind, const char *why)
{
	struct one_event x = {kind, why};
	struct h5_err e;

	assert_int_equal(
	    h5_store_update(d->st, "order-1", NULL, decide_one, &x, NULL, &e),
	    H5_OK);
}

static void
test_settle__paid_once_however_often_it_is_told(void **state)
{
	struct desk *d = *state;
	int i;

	expect(d, good, H5_SETTLED_NOW, H5_ORDER_PAID, 0, 1);
	for (i = 0; i < 20; i++)
		expect(d, good, H5_SETTLED_BEFORE, H5_ORDER_PAID, 0, 1);
}

static void
test_settle__paid_keeps_what_was_said(void **state)
{
	struct desk *d = *state;
	enum h5_settled settled;
	const struct h5_fields *f;
	struct h5_order *o;

	assert_int_equal(tell(d, good, "query", &settled, &o), H5_OK);
	assert_int_equal(o->paid_at, 1795430500);
	assert_string_equal(o->paid_via, "query");
	assert_string_equal(o->transaction_id, "4200001");
	f = &o->events[o->n_events - 1].fields;
	assert_string_equal(h5_fields_get(f, "wx_bank_type"), "CFT");
	h5_order_free(o);
}

static void
test_settle__another_amount_or_currency_is_disputed_once(void **state)
{
	struct desk *d = *state;
	struct said less = good, dollars = good, more = good, none = good;
	struct h5_order *o;
	struct h5_err e;
	int i;

	less.fee = 12799;
	more.fee = 12801;
	dollars.currency = "USD";
	for (i = 0; i < 3; i++)
		expect(d, less, H5_SETTLED_DISPUTED, H5_ORDER_CREATED,
		    H5_ALERT_DISPUTED, 0);
	expect(d, more, H5_SETTLED_DISPUTED, H5_ORDER_CREATED,
	    H5_ALERT_DISPUTED, 0);
	none.fee = 0;
	expect(d, dollars, H5_SETTLED_DISPUTED, H5_ORDER_CREATED,
	    H5_ALERT_DISPUTED, 0);
	expect(d, none, H5_SETTLED_DISPUTED, H5_ORDER_CREATED,
	    H5_ALERT_DISPUTED, 0);
	assert_int_equal(h5_store_load(d->st, "order-1", &o, &e), H5_OK);
	/* created, and one alert for each (transaction_id, total_fee) */
	assert_int_equal(o->n_events, 5);
	h5_order_free(o);
	/* The right amount is taken all the same. */
	expect(d, good, H5_SETTLED_NOW, H5_ORDER_PAID, H5_ALERT_DISPUTED, 1);
}

static void
test_settle__late_money_is_kept_with_an_alert(void **state)
{
	struct desk *d = *state;

	append(d, H5_EVENT_ENDED, "closeorder");
	append(d, H5_EVENT_CLOSED, "operator");
	expect(d, good, H5_SETTLED_NOW, H5_ORDER_PAID, H5_ALERT_LATE, 1);
	expect(d, good, H5_SETTLED_BEFORE, H5_ORDER_PAID, H5_ALERT_LATE, 1);
}

static void
test_settle__a_second_transaction_is_overpaid_once(void **state)
{
	struct desk *d = *state;
	struct said second = good;

	second.transaction = "4200002";
	expect(d, good, H5_SETTLED_NOW, H5_ORDER_PAID, 0, 1);
	expect(d, second, H5_SETTLED_OVERPAID, H5_ORDER_PAID, H5_ALERT_OVERPAID,
	    1);
	expect(d, second, H5_SETTLED_OVERPAID, H5_ORDER_PAID, H5_ALERT_OVERPAID,
	    1);
	expect(d, good, H5_SETTLED_BEFORE, H5_ORDER_PAID, H5_ALERT_OVERPAID, 1);
}

static void
test_settle__what_wechat_says_after_paid_undoes_nothing(void **state)
{
	static const char *const states[] = {
	    "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR", "ACCEPT"};
	struct desk *d = *state;
	struct said said = good;
	size_t i;

	expect(d, good, H5_SETTLED_NOW, H5_ORDER_PAID, 0, 1);
	for (i = 0; i < COUNT(states); i++) {
		said.state = states[i];
		expect(d, said, H5_SETTLED_NOTED, H5_ORDER_PAID, 0, 1);
	}
}

static void
test_settle__only_success_and_refund_pay(void **state)
{
	static const char *const states[] = {
	    "NOTPAY", "USERPAYING", "PAYERROR", "ACCEPT", "CLOSED", "REVOKED"};
	struct desk *d = *state;
	struct said said = good;
	size_t i;

	for (i = 0; i < COUNT(states); i++) {
		said.state = states[i];
		expect(d, said, H5_SETTLED_NOTED, H5_ORDER_CREATED, 0, 0);
	}
	said.state = "REFUND";
	expect(d, said, H5_SETTLED_NOW, H5_ORDER_PAID, 0, 1);
}

static void
test_settle__closed_there_ends_the_attempt_not_the_order(void **state)
{
	struct desk *d = *state;
	struct said said = good;
	enum h5_settled settled;
	struct h5_order *o;

	said.state = "CLOSED";
	assert_int_equal(tell(d, said, "query", &settled, &o), H5_OK);
	assert_int_equal(o->state, H5_ORDER_CREATED);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_CLOSED);
	h5_order_free(o);
}

static void
test_settle__unknown_numbers_are_not_found(void **state)
{
	static const char *const numbers[] = {
	    "order-2", "order-1_2", "../order-1", "", "order-1_1", "x"};
	struct desk *d = *state;
	struct said said = good;
	enum h5_settled settled;
	struct h5_order *o;
	size_t i;

	for (i = 0; i < COUNT(numbers); i++) {
		said.number = numbers[i];
		ROW(numbers[i],
		    tell(d, said, "notify", &settled, &o) == H5_E_NOTFOUND);
		ROW(numbers[i], o == NULL);
	}
}

/* An order of one attempt, made with that API. */
static void
create_with(struct desk *d, const char *id, const char *api)
{
	struct h5_order *o;
	struct h5_event ev;
	struct h5_err e;

	created_of(&ev, id, h5_clock_now());
	h5_event_text(&ev, "api", api);
	assert_int_equal(h5_store_create(d->st, &ev, &o, &e), H5_OK);
	h5_order_free(o);
}

/* Each form for each API, each with the same transaction and with others: one
 * alert, and nothing of it is believed, until the own form comes. */
static void
test_settle__a_notice_of_another_api_is_an_alert_once(void **state)
{
	static const struct {
		const char *id, *made_with;
		enum h5_api api, other;
	} rows[] = {{"order-v3", "v3", H5_API_V3, H5_API_V2},
	    {"order-v2", "v2", H5_API_V2, H5_API_V3}};
	struct desk *d = *state;
	struct said said = good;
	enum h5_settled settled;
	struct h5_order *o;
	size_t i, k;

	for (i = 0; i < COUNT(rows); i++) {
		create_with(d, rows[i].id, rows[i].made_with);
		said.number = rows[i].id;
		d->api = rows[i].other;
		for (k = 0; k < 3; k++) {
			said.transaction = k < 2 ? "4200001" : "4200002";
			/* Not even as a dispute. */
			said.fee = k == 1 ? 1 : 12800;
			expect(d, said, H5_SETTLED_WRONG_API, H5_ORDER_CREATED,
			    H5_ALERT_WRONG_API, 0);
		}
		said = good;
		said.number = rows[i].id;
		assert_int_equal(
		    h5_store_load(d->st, rows[i].id, &o, NULL), H5_OK);
		assert_int_equal(o->n_events, 2);
		assert_int_equal(o->n_outgoing, 1);
		h5_order_free(o);
		d->api = rows[i].api;
		expect(d, said, H5_SETTLED_NOW, H5_ORDER_PAID,
		    H5_ALERT_WRONG_API, 1);
		/* A query's answer has no form of its own. */
		d->api = rows[i].other;
		assert_int_equal(tell(d, said, "query", &settled, &o), H5_OK);
		assert_int_equal(settled, H5_SETTLED_BEFORE);
		h5_order_free(o);
	}
}

static void
test_settle__money_that_went_back_elsewhere_is_one_unit(void **state)
{
	struct desk *d = *state;
	struct said said = good;
	enum h5_settled settled;
	struct h5_order *o;

	create_with(d, "order-v3", "v3");
	said.number = "order-v3";
	said.state = "REFUND";
	d->elsewhere = true;
	assert_int_equal(tell(d, said, "query", &settled, &o), H5_OK);
	assert_int_equal(settled, H5_SETTLED_NOW);
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	assert_int_equal(o->alerts, H5_ALERT_ELSEWHERE);
	assert_int_equal(o->n_events, 3);
	assert_int_equal(o->n_outgoing, 1);
	assert_string_equal(o->outgoing[0].type, "order.alert");
	h5_order_free(o);
	assert_int_equal(tell(d, said, "query", &settled, &o), H5_OK);
	assert_int_equal(o->n_events, 3);
	h5_order_free(o);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_desk, close_desk)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_settle__c6_the_type_of_the_attempt),
	    T(test_settle__c6_a_hint_is_no_payment),
	    T(test_settle__paid_once_however_often_it_is_told),
	    T(test_settle__paid_keeps_what_was_said),
	    T(test_settle__another_amount_or_currency_is_disputed_once),
	    T(test_settle__late_money_is_kept_with_an_alert),
	    T(test_settle__a_second_transaction_is_overpaid_once),
	    T(test_settle__what_wechat_says_after_paid_undoes_nothing),
	    T(test_settle__only_success_and_refund_pay),
	    T(test_settle__closed_there_ends_the_attempt_not_the_order),
	    T(test_settle__unknown_numbers_are_not_found),
	    T(test_settle__a_notice_of_another_api_is_an_alert_once),
	    T(test_settle__money_that_went_back_elsewhere_is_one_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
