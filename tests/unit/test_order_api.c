/* An attempt of APIv3: the API that it keeps, the bytes that it was ordered in,
 * and money that went back where nobody here knows. */
#include "tests/unit/help.h"

#include "common/order/due.h"
#include "common/order/order_json.h"
#include "tests/unit/orders.h"

#define ID "order-1"
#define BODY "{\"payer\":{\"openid\":\"oUpF8uMEb4qRXf22hE3X68TekukE\"}}"
#define HOUR 3600
#define DAY 86400
/* 10:10 of the morning after T0, which is 16:40:12. */
#define MORNING (T0 - 16 * HOUR - 40 * 60 - 12 + DAY + 10 * HOUR + 10 * 60)

static enum h5_code
apply(struct h5_order *o, struct h5_event *ev)
{
	return h5_order_apply(o, ev, NULL);
}

static struct h5_order *
make(const char *api)
{
	struct h5_order *o;
	struct h5_event ev;

	created_of(&ev, ID, T0);
	h5_event_text(&ev, "api", api);
	assert_int_equal(h5_order_new(&ev, &o, NULL), H5_OK);
	return o;
}

static unsigned
told(const struct h5_order *o, const char *type)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < o->n_outgoing; i++)
		n += strcmp(o->outgoing[i].type, type) == 0;
	return n;
}

static enum h5_code
alert(struct h5_order *o, const char *word)
{
	struct h5_event ev;

	event_of(
	    &ev, H5_EVENT_ALERT, T0, "alert", word, "out_trade_no", ID, NULL);
	return apply(o, &ev);
}

static enum h5_code
refunded(
    struct h5_order *o, const char *no, const char *fee, const char *status)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_REFUNDED, T0 + 9, "out_refund_no", no,
	    "out_trade_no", ID, "refund_id", "50", "refund_fee", fee, "status",
	    status, NULL);
	return apply(o, &ev);
}

static enum h5_code
one(struct h5_order *o, enum h5_event_kind kind, int64_t at, const char *name,
    const char *value)
{
	struct h5_event ev;

	event_of(&ev, kind, at, name, value, NULL);
	return apply(o, &ev);
}

static enum h5_code
ordering(struct h5_order *o, const char *request)
{
	struct h5_event ev;

	h5_event_init(&ev, H5_EVENT_ORDERING, T0 + 1);
	h5_event_text(&ev, "out_trade_no", ID);
	h5_event_text(&ev, "request", request);
	return apply(o, &ev);
}

/* Paid, and WeChat says that some went back; nobody knows how much. */
static struct h5_order *
elsewhere(void)
{
	struct h5_order *o = make("v3");
	struct h5_event ev;

	event_of(&ev, H5_EVENT_PAID, T0, "out_trade_no", ID, "transaction_id",
	    "4200", "total_fee", "12800", "via", "query", "trade_state",
	    "REFUND", "returned", "12800", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(alert(o, "refunded-elsewhere"), H5_OK);
	return o;
}

/* --- what it was made with ------------------------------------------------ */

static void
test_order_api__an_attempt_keeps_its_api(void **state)
{
	struct h5_order *o = make("v3");
	struct h5_event ev;

	(void)state;
	assert_int_equal(o->attempts[0].api, H5_API_V3);
	assert_int_equal(o->attempts[0].sign_type, H5_SIGN_UNSAID);
	event_of(&ev, H5_EVENT_ATTEMPT, T0 + 9, "out_trade_no", ID "_2",
	    "spbill_create_ip", "203.0.113.8", "time_start", T0_TEXT,
	    "time_expire", T1_TEXT, NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(o->attempts[0].api, H5_API_V3);
	assert_int_equal(o->attempts[1].api, H5_API_V2);
	h5_order_free(o);
	o = make(NULL);
	assert_int_equal(o->attempts[0].api, H5_API_V2);
	h5_order_free(o);
}

static void
test_order_api__the_first_bytes_stay(void **state)
{
	struct h5_order *o = make("v3");
	char *most;

	(void)state;
	assert_null(o->attempts[0].request);
	assert_int_equal(ordering(o, BODY), H5_OK);
	assert_string_equal(o->attempts[0].request, BODY);
	assert_int_equal(o->state, H5_ORDER_CREATED);
	assert_int_equal(ordering(o, "{}"), H5_OK);
	assert_string_equal(o->attempts[0].request, BODY);
	h5_order_free(o);
	/* Forgotten with the buyer. */
	o = make("v3");
	assert_int_equal(ordering(o, NULL), H5_OK);
	assert_null(o->attempts[0].request);
	most = calloc(1, H5_ORDER_REQUEST_MAX + 2);
	assert_non_null(most);
	memset(most, 'x', H5_ORDER_REQUEST_MAX + 1);
	assert_int_equal(ordering(o, most), H5_E_INPUT);
	most[H5_ORDER_REQUEST_MAX] = '\0';
	assert_int_equal(ordering(o, most), H5_OK);
	free(most);
	h5_order_free(o);
}

static void
test_order_api__show_tells_the_api_and_not_the_bytes(void **state)
{
	struct h5_order *o = make("v3"), *v2 = make(NULL);
	struct h5_buf out;

	(void)state;
	assert_int_equal(ordering(o, BODY), H5_OK);
	h5_buf_init(&out, 1 << 16);
	assert_int_equal(h5_order_json(o, &out, NULL), H5_OK);
	assert_non_null(strstr(out.data, "\"api\":\"v3\""));
	assert_non_null(strstr(out.data, "\"event\":\"ordering\""));
	assert_null(strstr(out.data, "request"));
	assert_null(strstr(out.data, "oUpF8"));
	h5_buf_clear(&out);
	assert_int_equal(h5_order_json(v2, &out, NULL), H5_OK);
	assert_null(strstr(out.data, "\"api\""));
	h5_buf_release(&out);
	h5_order_free(o);
	h5_order_free(v2);
}

/* --- a notice of the other API -------------------------------------------- */

static void
test_order_api__a_wrong_api_changes_no_state(void **state)
{
	struct h5_order *o = make("v3");

	(void)state;
	assert_int_equal(alert(o, "wrong-api"), H5_OK);
	assert_int_equal(o->alerts, H5_ALERT_WRONG_API);
	assert_int_equal(o->state, H5_ORDER_CREATED);
	assert_false(h5_order_nothing_due(o));
	assert_int_equal(told(o, "order.alert"), 1);
	assert_int_equal(alert(o, "unrecorded"), H5_E_INPUT);
	h5_order_free(o);
}

/* --- money that went back elsewhere --------------------------------------- */

static void
test_order_api__elsewhere_is_refunding_and_tells_nothing(void **state)
{
	struct h5_order *o = make("v3");
	struct h5_event ev;

	(void)state;
	/* Only of money that came in. */
	assert_int_equal(alert(o, "refunded-elsewhere"), H5_E_STATE);
	h5_order_free(o);
	o = elsewhere();
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	assert_int_equal(told(o, "order.paid"), 0);
	assert_int_equal(told(o, "order.alert"), 1);
	assert_false(h5_order_at_rest(o, 0));
	/* What was announced and does not exist proves nothing. */
	assert_int_equal(
	    one(o, H5_EVENT_REFUND_HINT, T0, "out_refund_no", "X"), H5_OK);
	event_of(&ev, H5_EVENT_REFUND_REFUSED, T0, "out_refund_no", "X", "why",
	    "RESOURCE_NOT_EXISTS", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	assert_int_equal(told(o, "order.paid"), 0);
	h5_order_free(o);
}

static void
test_order_api__a_refund_that_is_found_ends_it(void **state)
{
	struct h5_order *o = elsewhere();

	(void)state;
	/* Under way is not there yet. */
	assert_int_equal(refunded(o, "M1", "12800", "PROCESSING"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	assert_int_equal(h5_order_alerts_open(o), H5_ALERT_ELSEWHERE);
	assert_int_equal(refunded(o, "M1", "12800", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	assert_int_equal(h5_order_alerts_open(o), 0);
	assert_int_equal(told(o, "order.paid"), 0);
	assert_int_equal(told(o, "order.refunded"), 1);
	h5_order_free(o);
	/* A part: the shop hears of the payment first. */
	o = elsewhere();
	assert_int_equal(one(o, H5_EVENT_KEPT, T0, "why", "part"), H5_OK);
	assert_int_equal(refunded(o, "M1", "800", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_PARTLY_REFUNDED);
	assert_string_equal(o->outgoing[1].type, "order.paid");
	assert_string_equal(o->outgoing[2].type, "order.refunded");
	assert_string_not_equal(o->outgoing[1].id, o->outgoing[2].id);
	/* Told once. */
	assert_int_equal(one(o, H5_EVENT_KEPT, T0, "why", "part"), H5_OK);
	assert_int_equal(told(o, "order.paid"), 1);
	assert_true(h5_order_at_rest(o, 0));
	h5_order_free(o);
}

static void
test_order_api__our_own_refund_does_not_end_it(void **state)
{
	struct h5_order *o = elsewhere();
	struct h5_event ev;

	(void)state;
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0 + 5, "out_refund_no", ID "-r1",
	    "out_trade_no", ID, "refund_fee", "800", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(refunded(o, ID "-r1", "800", "SUCCESS"), H5_OK);
	assert_int_equal(h5_order_alerts_open(o), H5_ALERT_ELSEWHERE);
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	h5_order_free(o);
}

static void
test_order_api__the_operators_word_ends_it(void **state)
{
	struct h5_order *o = elsewhere();
	struct h5_event ev;

	(void)state;
	event_of(&ev, H5_EVENT_SETTLED, T0 + 5, "how", "refunded", "by", "li",
	    "refund_fee", "12800", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(h5_order_alerts_open(o), 0);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	assert_int_equal(told(o, "order.paid"), 0);
	h5_order_free(o);
}

static void
test_order_api__bills_are_due_the_next_mornings(void **state)
{
	struct h5_order *o = elsewhere();
	int i;

	(void)state;
	assert_int_equal(h5_due_bill(o), MORNING);
	assert_int_equal(h5_due_at(o, 0, 3), MORNING);
	for (i = 0; i < 7; i++) {
		assert_true(h5_order_bill_wanted(o));
		assert_int_equal(h5_due_bill(o), MORNING + i * DAY);
		/* Any time of that day is the same morning. */
		assert_int_equal(one(o, H5_EVENT_BILLED,
				     MORNING + i * DAY + (i % 2) * 13 * HOUR,
				     "bill_date", "2026-11-23"),
		    H5_OK);
	}
	/* From now on a person has to look. */
	assert_false(h5_order_bill_wanted(o));
	assert_true(h5_due_bill(o) == H5_DUE_NEVER);
	assert_true(h5_order_at_rest(o, 0));
	assert_false(h5_order_over(o, 0));
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	assert_int_equal(
	    one(o, H5_EVENT_BILLED, T0, "bill_date", "2026-11-23-"),
	    H5_E_INPUT);
	h5_order_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order_api__an_attempt_keeps_its_api),
	    cmocka_unit_test(test_order_api__the_first_bytes_stay),
	    cmocka_unit_test(
		test_order_api__show_tells_the_api_and_not_the_bytes),
	    cmocka_unit_test(test_order_api__a_wrong_api_changes_no_state),
	    cmocka_unit_test(
		test_order_api__elsewhere_is_refunding_and_tells_nothing),
	    cmocka_unit_test(test_order_api__a_refund_that_is_found_ends_it),
	    cmocka_unit_test(test_order_api__our_own_refund_does_not_end_it),
	    cmocka_unit_test(test_order_api__the_operators_word_ends_it),
	    cmocka_unit_test(test_order_api__bills_are_due_the_next_mornings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
