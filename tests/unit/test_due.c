/* When a sweep has work: against the rule in its plain form, second by second.
 */
#include "tests/unit/help.h"

#include "common/order/due.h"
#include "tests/unit/orders.h"

#define GAP 3
#define MINUTE 60
#define HOUR 3600
#define DAY 86400

static struct h5_order *
order_of(int64_t at)
{
	struct h5_order *o;
	struct h5_event ev;

	created_of(&ev, "order-1", at);
	assert_int_equal(h5_order_new(&ev, &o, NULL), H5_OK);
	return o;
}

/* One more event. */
static void
add(struct h5_order *o, struct h5_event *ev)
{
	assert_int_equal(h5_order_apply(o, ev, NULL), H5_OK);
}

static bool
ask_is_due(int64_t created, int64_t tried, int64_t now)
{
	int64_t gap = (now - created) / 5;

	gap = gap > HOUR ? HOUR : gap < MINUTE ? MINUTE : gap;
	return now - tried >= gap;
}

static void
test_due__a_question_follows_after_a_fifth_of_the_age(void **state)
{
	static const int64_t ages[] = {0, 1, 2, 59, 60, 119, 120, 236, 240, 241,
	    242, 243, 244, 245, 300, 1000, 3601, 14396, 14400, 14401, 14405,
	    18000, 86400};
	struct h5_order *o = order_of(T0);
	int64_t at;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ages); i++) {
		o->tried_at = T0 + ages[i];
		at = h5_due_ask(o, GAP);
		if (!ask_is_due(T0, o->tried_at, at) ||
		    ask_is_due(T0, o->tried_at, at - 1))
			fail_msg("asked at the age of %lld s, and again %lld s "
				 "later",
			    (long long)ages[i], (long long)(at - o->tried_at));
	}
	h5_order_free(o);
}

static void
test_due__the_first_question_waits_for_the_buyer(void **state)
{
	struct h5_order *o = order_of(T0);
	struct h5_event ev;

	(void)state;
	assert_int_equal(h5_due_ask(o, GAP), T0 + 120);
	event_of(&ev, H5_EVENT_PREPAID, T0 + 50, "out_trade_no", "order-1",
	    "spbill_create_ip", "203.0.113.7", "prepay_id", "wx1", "mweb_url",
	    "https://wx.tenpay.com/x", NULL);
	add(o, &ev);
	assert_int_equal(h5_due_ask(o, GAP), T0 + 170);
	assert_int_equal(h5_due_at(o, 0, GAP), T0 + 170);
	/* Nothing is asked sooner than the operator allows. */
	o->tried_at = T0 + 200;
	assert_int_equal(h5_due_ask(o, 1800), T0 + 2000);
	/* It ends before it is asked about again. */
	o->tried_at = o->expires_at - 30;
	assert_int_equal(h5_due_at(o, 0, GAP), o->expires_at);
	h5_order_free(o);
}

/* One more question that WeChat answered. */
static void
answered(struct h5_order *o, int64_t at)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_QUERIED, at, "out_trade_no", "order-1",
	    "trade_state", "NOTPAY", NULL);
	add(o, &ev);
}

static void
test_due__nobody_came_back_is_asked_about_ever_more_seldom(void **state)
{
	struct h5_order *o = order_of(T0);
	int64_t at = T0 + 120;
	struct h5_event ev;
	unsigned n;

	(void)state;
	for (n = 0; n < 5; n++, at += 60) {
		answered(o, at);
		assert_true(h5_due_ask(o, GAP) < at + 100);
	}
	answered(o, at);
	assert_int_equal(h5_due_ask(o, GAP), T0 + 2 * (at - T0));
	for (n = 0; at < T0 + DAY; n++) {
		at = h5_due_ask(o, GAP);
		answered(o, at);
	}
	/* At the age of 14 min, 28, 56, 112, then hourly. */
	assert_int_equal(n, 27);
	assert_int_equal(h5_due_ask(o, GAP), at + HOUR);
	h5_order_free(o);
	/* A buyer who went to WeChat again may have paid. */
	o = order_of(T0);
	for (n = 1; n <= 6; n++)
		answered(o, T0 + 100 * n);
	assert_int_equal(h5_due_ask(o, GAP), T0 + 1200);
	event_of(&ev, H5_EVENT_PREPAID, T0 + 620, "out_trade_no", "order-1",
	    "spbill_create_ip", "203.0.113.7", "prepay_id", "wx1", "mweb_url",
	    "https://wx.tenpay.com/x", NULL);
	add(o, &ev);
	assert_int_equal(h5_due_ask(o, GAP), T0 + 749);
	h5_order_free(o);
}

static void
test_due__at_rest_is_never(void **state)
{
	struct h5_order *o = order_of(T0);
	struct h5_event ev;

	(void)state;
	paid_of(&ev, "order-1", "42001", T0 + 60);
	add(o, &ev);
	assert_true(h5_order_at_rest(o, 0));
	assert_int_equal(h5_due_at(o, 0, GAP), H5_DUE_NEVER);
	/* The shop has to hear of it, now and after a failure. */
	assert_int_equal(h5_due_at(o, H5_HOOK_EXEC, GAP), 0);
	o->outgoing[0].retry_at = T0 + 500;
	assert_int_equal(h5_due_at(o, H5_HOOK_EXEC, GAP), T0 + 500);
	o->outgoing[0].done = H5_HOOK_EXEC;
	assert_int_equal(h5_due_at(o, H5_HOOK_EXEC, GAP), H5_DUE_NEVER);
	h5_order_free(o);
}

static void
test_due__an_attempt_open_beside_a_payment_is_closed_at_once(void **state)
{
	struct h5_order *o = order_of(T0);
	struct h5_event ev;

	(void)state;
	event_of(
	    &ev, H5_EVENT_CLOSING, T0 + 300, "out_trade_no", "order-1", NULL);
	add(o, &ev);
	event_of(&ev, H5_EVENT_ENDED, T0 + 301, "out_trade_no", "order-1",
	    "why", "attempt", NULL);
	add(o, &ev);
	event_of(&ev, H5_EVENT_ATTEMPT, T0 + 302, "out_trade_no", "order-1_2",
	    "spbill_create_ip", "203.0.113.7", "time_start", T0_TEXT,
	    "time_expire", T1_TEXT, NULL);
	add(o, &ev);
	assert_false(h5_due_close_rest(o));
	paid_of(&ev, "order-1", "42001", T0 + 303);
	add(o, &ev);
	assert_true(h5_due_close_rest(o));
	assert_int_equal(h5_due_at(o, 0, GAP), 0);
	h5_order_free(o);
}

static void
test_due__refunds_are_looked_after(void **state)
{
	struct h5_refund r = {.state = H5_REFUND_PROCESSING, .asked_at = T0};
	struct h5_order *o = order_of(T0);
	struct h5_event ev;

	(void)state;
	assert_int_equal(h5_due_refund(&r), T0 + MINUTE);
	r.looked_at = T0 + 600;
	assert_int_equal(h5_due_refund(&r), T0 + 749);
	r.looked_at = T0 + DAY;
	assert_int_equal(h5_due_refund(&r), T0 + DAY + HOUR);
	r.looked_at = T0 + 2 * DAY - 10;
	assert_int_equal(h5_due_refund(&r), r.looked_at + 6 * HOUR);
	/* A notice came since. */
	r.hinted_at = r.looked_at;
	assert_int_equal(h5_due_refund(&r), 0);
	r.looked_at++;
	assert_int_equal(h5_due_refund(&r), r.looked_at + 6 * HOUR);
	r.state = H5_REFUND_SUCCESS;
	assert_int_equal(h5_due_refund(&r), H5_DUE_NEVER);
	/* Of an order. */
	paid_of(&ev, "order-1", "42001", T0 + 60);
	add(o, &ev);
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0 + 90, "out_refund_no",
	    "order-1-r1", "refund_fee", "12800", NULL);
	add(o, &ev);
	assert_int_equal(h5_due_at(o, 0, GAP), T0 + 150);
	h5_order_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_due__a_question_follows_after_a_fifth_of_the_age),
	    cmocka_unit_test(test_due__the_first_question_waits_for_the_buyer),
	    cmocka_unit_test(
		test_due__nobody_came_back_is_asked_about_ever_more_seldom),
	    cmocka_unit_test(test_due__at_rest_is_never),
	    cmocka_unit_test(
		test_due__an_attempt_open_beside_a_payment_is_closed_at_once),
	    cmocka_unit_test(test_due__refunds_are_looked_after),
	};

	return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
