/* Refunds of an attempt of APIv3, which lists none: repeated only after a
 * query, and what is found out about those that were made elsewhere. */
#include "tests/unit/help.h"
#include "tests/unit/shop.h"

#include "common/pay/attempt.h"
#include "common/pay/elsewhere.h"
#include "common/pay/hand.h"
#include "common/pay/refund.h"
#include "common/pay/stays.h"
#include "common/wechat/wechat.h"

#define ID "20261123-0007"
#define OPEN_ID "20261123-0008" /* not paid yet */
#define DAY 86400

/* What WeChat knows and will say. */
static struct script {
	enum h5_code ask_rc;
	enum h5_wechat_verdict ask;
	const char *trade_state; /* of the paid number */
	const char *refund; /* the number that it knows; NULL: none */
	const char *status; /* of that */
	int64_t fee;
	unsigned asks, looks, queries;
	char order_of_calls[16]; /* a: ask, l: look, q: query */
} script;

static void
called(char what)
{
	size_t n = strlen(script.order_of_calls);

	assert_true(n + 1 < sizeof script.order_of_calls);
	script.order_of_calls[n] = what;
}

static int64_t now;
int64_t __wrap_h5_clock_now(void);
int64_t
__wrap_h5_clock_now(void)
{
	return now;
}

static void
fill(const struct h5_order *o, const char *no, const char *status,
    struct h5_wechat_refund *got)
{
	memset(got, 0, sizeof *got);
	(void)snprintf(
	    got->out_trade_no, sizeof got->out_trade_no, "%s", o->id);
	(void)snprintf(got->out_refund_no, sizeof got->out_refund_no, "%s", no);
	(void)snprintf(got->refund_id, sizeof got->refund_id, "50000");
	assert_true(h5_order_refund_state_of(status, &got->state));
	got->total_fee = o->total_fee;
	got->refund_fee = script.fee;
	got->success_time = T0 + 5000;
}

static enum h5_code
answer(enum h5_code rc, enum h5_wechat_verdict verdict,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = verdict;
	return rc == H5_OK ? H5_OK : h5_err_set(e, rc, "scripted");
}

enum h5_code __wrap_h5_wechat_refund(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
enum h5_code
__wrap_h5_wechat_refund(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	(void)w;
	(void)log;
	script.asks++;
	called('a');
	fill(o, r->out_refund_no, "PROCESSING", got);
	return answer(script.ask_rc, script.ask, refusal, e);
}

enum h5_code __wrap_h5_wechat_refund_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
enum h5_code
__wrap_h5_wechat_refund_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	(void)w;
	(void)log;
	script.looks++;
	called('l');
	/* As the answer names it, also before the payment is recorded. */
	assert_string_equal(h5_order_attempt(o, o->id)->transaction_id, "4200");
	if (script.refund == NULL ||
	    strcmp(script.refund, r->out_refund_no) != 0)
		return answer(H5_OK, H5_WECHAT_NO_REFUND, refusal, e);
	fill(o, r->out_refund_no, script.status, got);
	return answer(H5_OK, H5_WECHAT_SUCCESS, refusal, e);
}

/* APIv3 has no such call. */
enum h5_code __wrap_h5_wechat_refunds(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    const char *transaction_id, struct h5_wechat_refunds *list,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
enum h5_code
__wrap_h5_wechat_refunds(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, const char *transaction_id,
    struct h5_wechat_refunds *list, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	(void)w;
	(void)log;
	(void)a;
	(void)transaction_id;
	(void)list;
	(void)refusal;
	(void)e;
	fail_msg("a list of refunds was asked for");
	return H5_E_BUG;
}

enum h5_code __wrap_h5_wechat_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    struct h5_wechat_trade *t, struct h5_wechat_refusal *refusal,
    struct h5_err *e);
enum h5_code
__wrap_h5_wechat_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, struct h5_wechat_trade *t,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	(void)w;
	(void)log;
	script.queries++;
	called('q');
	h5_wechat_trade_init(t);
	(void)snprintf(
	    t->out_trade_no, sizeof t->out_trade_no, "%s", a->out_trade_no);
	(void)snprintf(
	    t->trade_state, sizeof t->trade_state, "%s", script.trade_state);
	(void)snprintf(t->transaction_id, sizeof t->transaction_id, "4200");
	(void)snprintf(t->fee_type, sizeof t->fee_type, "CNY");
	t->paid = true;
	t->total_fee = 12800;
	t->time_end = T0 + 60;
	return answer(H5_OK, H5_WECHAT_SUCCESS, refusal, e);
}

/* --- a shop with one paid and one open order of 128.00 -------------------- */

static struct h5_config config;
static struct h5_log quiet;

static void
create(struct shop *s, const char *id)
{
	struct h5_order *o;
	struct h5_event ev;

	created_of(&ev, id, T0);
	h5_event_text(&ev, "api", "v3");
	assert_int_equal(h5_store_create(s->st, &ev, &o, NULL), H5_OK);
	h5_order_free(o);
}

static int
set_up(void **state)
{
	struct shop *s;

	shop_setup(state);
	s = *state;
	memset(&script, 0, sizeof script);
	script.trade_state = "SUCCESS";
	script.status = "SUCCESS";
	script.fee = 12800;
	now = T0 + 1000;
	config.gateway.deadline_ms = 1000;
	h5_log_init(&quiet, "test", "/dev/null");
	create(s, ID);
	create(s, OPEN_ID);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	return 0;
}

static struct h5_shop
pay_of(struct shop *s)
{
	return (struct h5_shop){.c = &config, .log = &quiet, .st = s->st};
}

static struct h5_order *
load(struct shop *s, const char *id)
{
	struct h5_order *o;

	assert_int_equal(h5_store_load(s->st, id, &o, NULL), H5_OK);
	return o;
}

static enum h5_code
ask(struct shop *s, int64_t fee)
{
	struct h5_refund_want want = {NULL, fee, NULL};
	struct h5_shop p = pay_of(s);
	struct h5_refund_plan plan;
	struct h5_order *o = load(s, ID);
	struct h5_err e;
	enum h5_code rc = h5_refund_plan(o, &want, now, &plan, &e);

	h5_order_free(o);
	o = NULL;
	if (rc == H5_OK)
		rc = h5_refund_ask(&p, ID, &want, &plan, &o, &e);
	h5_order_free(o);
	return rc;
}

static void
look(struct shop *s, const char *id)
{
	struct h5_shop p = pay_of(s);
	struct h5_order *o = NULL;
	struct h5_err e;

	assert_int_equal(h5_refund_look(&p, id, true, &o, &e), H5_OK);
	h5_order_free(o);
}

/* The open order is asked about: it was paid, and some went back. */
static void
find_out(struct shop *s)
{
	struct h5_shop p = pay_of(s);
	struct h5_order *o = load(s, OPEN_ID);
	struct h5_err e;

	script.trade_state = "REFUND";
	assert_int_equal(h5_pay_ask_one(&p, OPEN_ID, &o, &e), H5_OK);
	h5_order_free(o);
}

static void
expect(struct shop *s, const char *id, enum h5_order_state state,
    unsigned alerts, const char *told)
{
	struct h5_order *o = load(s, id);
	char all[256] = "";
	size_t i;

	for (i = 0; i < o->n_outgoing; i++)
		(void)snprintf(all + strlen(all), sizeof all - strlen(all),
		    "%s ", o->outgoing[i].type + 6);
	assert_string_equal(all, told);
	assert_int_equal(o->state, state);
	assert_int_equal(h5_order_alerts_open(o), alerts);
	h5_order_free(o);
}

/* --- asking (39: never another number after an unknown outcome) ----------- */

static void
test_elsewhere__b39_an_unknown_outcome_is_queried_at_once(void **state)
{
	static const struct {
		enum h5_code rc;
		enum h5_wechat_verdict verdict;
	} unknown[] = {{H5_E_NET, H5_WECHAT_AGAIN},
	    {H5_E_REMOTE, H5_WECHAT_AGAIN}, {H5_OK, H5_WECHAT_AGAIN}};
	size_t i;

	for (i = 0; i < COUNT(unknown); i++) {
		if (i > 0) {
			shop_teardown(state);
			set_up(state);
		}
		script.ask_rc = unknown[i].rc;
		script.ask = unknown[i].verdict;
		script.refund = ID "-r1";
		script.status = "PROCESSING";
		/* WeChat had taken it all the same. */
		assert_int_equal(ask(*state, 0), H5_OK);
		assert_string_equal(script.order_of_calls, "al");
		expect(*state, ID, H5_ORDER_REFUNDING, 0, "paid ");
	}
}

static void
test_elsewhere__b39_a_repetition_keeps_number_and_asks_first(void **state)
{
	struct h5_order *o;

	script.ask_rc = H5_E_NET;
	assert_int_equal(ask(*state, 800), H5_E_NET);
	now += 100;
	script.ask_rc = H5_OK;
	script.fee = 800;
	assert_int_equal(ask(*state, 800), H5_OK);
	/* Query after the unknown one, query before the repetition. */
	assert_string_equal(script.order_of_calls, "alla");
	o = load(*state, ID);
	assert_int_equal(o->n_refunds, 1);
	h5_order_free(o);
	/* Taken meanwhile: it is not asked for again. */
	shop_teardown(state);
	set_up(state);
	script.ask_rc = H5_E_NET;
	script.fee = 800;
	assert_int_equal(ask(*state, 800), H5_E_NET);
	now += 100;
	script.refund = ID "-r1";
	assert_int_equal(ask(*state, 800), H5_OK);
	assert_string_equal(script.order_of_calls, "all");
	expect(*state, ID, H5_ORDER_PARTLY_REFUNDED, 0, "paid refunded ");
}

/* --- looking -------------------------------------------------------------- */

static void
test_elsewhere__the_state_tells_and_no_list(void **state)
{
	look(*state, ID);
	assert_string_equal(script.order_of_calls, "q");
	expect(*state, ID, H5_ORDER_PAID, 0, "paid ");
	script.trade_state = "REFUND";
	look(*state, ID);
	expect(
	    *state, ID, H5_ORDER_REFUNDING, H5_ALERT_ELSEWHERE, "paid alert ");
	/* Once. */
	look(*state, ID);
	expect(
	    *state, ID, H5_ORDER_REFUNDING, H5_ALERT_ELSEWHERE, "paid alert ");
}

static void
test_elsewhere__our_own_refund_explains_it(void **state)
{
	script.fee = 800;
	script.refund = ID "-r1";
	assert_int_equal(ask(*state, 800), H5_OK);
	script.trade_state = "REFUND";
	look(*state, ID);
	assert_int_equal(script.queries, 0);
	expect(*state, ID, H5_ORDER_PARTLY_REFUNDED, 0, "paid refunded ");
}

static void
test_elsewhere__found_before_the_shop_heard_of_the_payment(void **state)
{
	struct h5_hand hand = {.by = "li", .refunded = 800};
	struct h5_shop p = pay_of(*state);
	struct h5_order *o;
	struct h5_err e;

	find_out(*state);
	expect(
	    *state, OPEN_ID, H5_ORDER_REFUNDING, H5_ALERT_ELSEWHERE, "alert ");
	/* The operator knows: a part. */
	assert_int_equal(h5_hand_settle(&p, OPEN_ID, &hand, &o, &e), H5_OK);
	h5_order_free(o);
	expect(*state, OPEN_ID, H5_ORDER_PARTLY_REFUNDED, 0,
	    "alert paid refunded ");
}

/* order.paid is the first that both orders have for the shop. */
static bool
owed_as_paid(struct shop *s)
{
	struct h5_order *o = load(s, ID);
	bool owed;

	assert_string_equal(o->outgoing[0].type, "order.paid");
	owed = h5_order_owed(o, &o->outgoing[0], H5_HOOK_EXEC);
	h5_order_free(o);
	return owed;
}

static void
by_hand(struct shop *s, int64_t fee)
{
	struct h5_hand hand = {.by = "li", .refunded = fee};
	struct h5_shop p = pay_of(s);
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(h5_hand_settle(&p, ID, &hand, &o, &e), H5_OK);
	h5_order_free(o);
}

/* Recorded by a notice, and asked about before the shop is told of it. */
static void
test_elsewhere__a1_an_old_notice_waits_until_it_is_known(void **state)
{
	struct h5_shop p = pay_of(*state);
	struct h5_err e;

	assert_int_equal(h5_stays_ask(&p, ID, now, &e), H5_OK);
	assert_true(owed_as_paid(*state));
	script.trade_state = "REFUND";
	assert_int_equal(h5_stays_ask(&p, ID, now, &e), H5_OK);
	expect(
	    *state, ID, H5_ORDER_REFUNDING, H5_ALERT_ELSEWHERE, "paid alert ");
	assert_false(owed_as_paid(*state));
	/* The operator knows: a part; in the end, all of it. */
	by_hand(*state, 12799);
	assert_true(owed_as_paid(*state));
	by_hand(*state, 12800);
	assert_false(owed_as_paid(*state));
}

/* A notice of the refund came while nobody knew of the payment. */
static void
test_elsewhere__a_refund_that_was_heard_of_first(void **state)
{
	struct shop *s = *state;
	struct h5_event ev;

	event_of(&ev, H5_EVENT_REFUND_HINT, T0, "out_refund_no", "BY-HAND",
	    "out_trade_no", OPEN_ID, "refund_status", "SUCCESS", NULL);
	assert_int_equal(shop_update(s->st, OPEN_ID, &ev, 1), H5_OK);
	script.refund = "BY-HAND";
	script.fee = 800;
	find_out(s);
	assert_string_equal(script.order_of_calls, "ql");
	expect(s, OPEN_ID, H5_ORDER_PARTLY_REFUNDED, 0, "paid refunded ");
}

/* --- a bill --------------------------------------------------------------- */

static void
take(struct shop *s, struct h5_bill_row *rows, size_t n, unsigned want)
{
	struct h5_shop p = pay_of(s);
	struct h5_bill b = {.rows = rows, .n = n};
	unsigned taken;
	struct h5_err e;

	assert_int_equal(h5_elsewhere_take(&p, OPEN_ID, &b, &taken, &e), H5_OK);
	assert_int_equal(taken, want);
}

static void
test_elsewhere__the_bill_names_it_and_the_query_decides(void **state)
{
	struct h5_bill_row rows[] = {
	    {.out_trade_no = OPEN_ID, .refund_id = "", .out_refund_no = ""},
	    {.out_trade_no = ID,
		.refund_id = "50",
		.out_refund_no = "OTHERS",
		.refund = true,
		.refund_fee = 1},
	    {.out_trade_no = OPEN_ID,
		.refund_id = "50",
		.out_refund_no = "not a number",
		.refund = true,
		.refund_fee = 1},
	    {.out_trade_no = OPEN_ID,
		.refund_id = "50000",
		.out_refund_no = "BY-HAND",
		.refund = true,
		.refund_fee = 12800}};
	struct h5_order *o;

	find_out(*state);
	take(*state, rows, COUNT(rows), 1);
	take(*state, rows, COUNT(rows), 0);
	o = load(*state, OPEN_ID);
	assert_true(h5_refund_due(o, now));
	assert_int_equal(o->n_refunds, 1);
	h5_order_free(o);
	/* A bill is a word of nobody. */
	expect(
	    *state, OPEN_ID, H5_ORDER_REFUNDING, H5_ALERT_ELSEWHERE, "alert ");
	script.refund = "BY-HAND";
	look(*state, OPEN_ID);
	expect(*state, OPEN_ID, H5_ORDER_REFUNDED, 0, "alert refunded ");
}

static void
test_elsewhere__a_part_by_the_bill_tells_the_payment_first(void **state)
{
	struct h5_bill_row row = {.out_trade_no = OPEN_ID,
	    .refund_id = "50000",
	    .out_refund_no = "BY-HAND",
	    .refund = true,
	    .refund_fee = 800};

	find_out(*state);
	take(*state, &row, 1, 1);
	script.refund = "BY-HAND";
	script.fee = 800;
	look(*state, OPEN_ID);
	expect(*state, OPEN_ID, H5_ORDER_PARTLY_REFUNDED, 0,
	    "alert paid refunded ");
}

static void
test_elsewhere__days_between_payment_and_alert(void **state)
{
	static const struct {
		int64_t paid, alert;
		int days;
	} rows[] = {{T0, T0 + 1, 1}, {T0, T0 + DAY, 2}, {T0, T0 + 30 * DAY, 31},
	    {T0, T0 + 300 * DAY, 31}, {T0 + DAY, T0, 1}, {0, T0, 1},
	    /* 16:40 is 26,388 s before midnight in Beijing. */
	    {T0, T0 + 26387, 1}, {T0, T0 + 26388, 2}};
	struct h5_order o = {0};
	int64_t first, last;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		o.paid_at = rows[i].paid;
		o.elsewhere_at = rows[i].alert;
		h5_elsewhere_days(&o, &first, &last);
		assert_int_equal((last - first) / DAY + 1, rows[i].days);
		assert_int_equal((last + 8 * 3600) % DAY, 0);
		assert_true(
		    last <= rows[i].alert && rows[i].alert < last + DAY);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_elsewhere__b39_an_unknown_outcome_is_queried_at_once),
	    T(test_elsewhere__b39_a_repetition_keeps_number_and_asks_first),
	    T(test_elsewhere__the_state_tells_and_no_list),
	    T(test_elsewhere__our_own_refund_explains_it),
	    T(test_elsewhere__found_before_the_shop_heard_of_the_payment),
	    T(test_elsewhere__a1_an_old_notice_waits_until_it_is_known),
	    T(test_elsewhere__a_refund_that_was_heard_of_first),
	    T(test_elsewhere__the_bill_names_it_and_the_query_decides),
	    T(test_elsewhere__a_part_by_the_bill_tells_the_payment_first),
	    cmocka_unit_test(test_elsewhere__days_between_payment_and_alert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
