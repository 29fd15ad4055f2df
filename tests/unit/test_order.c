/* What each event does to an order, and what none may do. */
#include "tests/unit/help.h"
#include "tests/fields_set.h"

#include "tests/unit/orders.h"

#define ID "order-1"

static struct h5_order *
make(void)
{
	struct h5_order *o;
	struct h5_event ev;

	created_of(&ev, ID, T0);
	assert_int_equal(h5_order_new(&ev, &o, NULL), H5_OK);
	assert_int_equal(ev.fields.n, 0);
	return o;
}

/* Applies; whatever the result, the event is taken over. */
static enum h5_code
apply(struct h5_order *o, struct h5_event *ev)
{
	enum h5_code rc = h5_order_apply(o, ev, NULL);

	assert_int_equal(ev->fields.n, 0);
	return rc;
}

static enum h5_code
prepaid(struct h5_order *o, const char *no, const char *ip, int64_t at)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_PREPAID, at, "out_trade_no", no,
	    "spbill_create_ip", ip, "prepay_id", "wx20", "mweb_url",
	    "https://wx.tenpay.com/x", NULL);
	return apply(o, &ev);
}

static enum h5_code
paid(struct h5_order *o, const char *no, const char *transaction_id)
{
	struct h5_event ev;

	paid_of(&ev, no, transaction_id, T0 + 60);
	return apply(o, &ev);
}

static enum h5_code
closed(struct h5_order *o)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_CLOSED, T0 + 90, "why", "operator", NULL);
	return apply(o, &ev);
}

static enum h5_code
ended(struct h5_order *o, const char *no)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_ENDED, T0 + 80, "out_trade_no", no, "why",
	    "closeorder", NULL);
	return apply(o, &ev);
}

static enum h5_code
attempt(struct h5_order *o, const char *no)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_ATTEMPT, T0 + 85, "out_trade_no", no,
	    "spbill_create_ip", "203.0.113.8", "time_start", T0_TEXT,
	    "time_expire", T1_TEXT, NULL);
	return apply(o, &ev);
}

static enum h5_code
asked(struct h5_order *o, const char *no, const char *fee)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_REFUND_ASKED, T0 + 100, "out_refund_no", no,
	    "refund_fee", fee, "reason", "broken", NULL);
	return apply(o, &ev);
}

static enum h5_code
refunded(
    struct h5_order *o, const char *no, const char *fee, const char *status)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_REFUNDED, T0 + 110, "out_refund_no", no,
	    "refund_id", "50000", "refund_fee", fee, "status", status, NULL);
	return apply(o, &ev);
}

static enum h5_code
delivered(struct h5_order *o, const char *id, const char *to)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_DELIVERED, T0 + 120, "id", id, "to", to, NULL);
	return apply(o, &ev);
}

/* --- created -------------------------------------------------------------- */

static void
test_order__created_sets_the_terms(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_string_equal(o->id, ID);
	assert_int_equal(o->state, H5_ORDER_CREATED);
	assert_int_equal(o->total_fee, 12800);
	assert_string_equal(o->body, "Green tea, 250 g");
	assert_string_equal(o->attach, "shelf 3");
	assert_string_equal(o->item, "tea");
	assert_int_equal(o->qty, 2);
	assert_string_equal(o->lang, "en");
	assert_int_equal(o->created_at, T0);
	assert_int_equal(o->expires_at, T0 + 7200);
	assert_int_equal(o->n_attempts, 1);
	assert_string_equal(o->attempts[0].out_trade_no, ID);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_AWAITING);
	assert_int_equal(o->attempts[0].time_start, T0);
	assert_int_equal(o->attempts[0].time_expire, T0 + 7200);
	assert_string_equal(o->attempts[0].spbill_create_ip, "203.0.113.7");
	assert_null(o->attempts[0].mweb_url);
	assert_int_equal(o->n_events, 1);
	assert_false(h5_order_settled(o));
	h5_order_free(o);
}

static void
test_order__created_needs_each_field(void **state)
{
	static const char *const needed[] = {"order", "total_fee", "body",
	    "expires_at", "out_trade_no", "spbill_create_ip", "time_start",
	    "time_expire", "qty"};
	struct h5_order *o;
	struct h5_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(needed); i++) {
		created_of(&ev, ID, T0);
		h5_fields_drop(&ev.fields, needed[i]);
		ROW(needed[i], h5_order_new(&ev, &o, NULL) == H5_E_INPUT);
		ROW(needed[i], o == NULL && ev.fields.n == 0);
	}
}

static void
test_order__created_refuses_bad_values(void **state)
{
	static const struct {
		const char *name;
		const char *value;
	} rows[] = {{"order", "../../etc"}, {"order", "short"},
	    {"order", "order-1_2"}, {"total_fee", "0"}, {"total_fee", "-1"},
	    {"total_fee", "1.0"}, {"total_fee", "99999999999999"}, {"body", ""},
	    {"expires_at", "2026-11-23"},
	    {"expires_at", "2026-02-30T00:00:00+08:00"},
	    {"out_trade_no", "order-2"}, {"out_trade_no", "order-1_2"},
	    {"spbill_create_ip", ""},
	    {"spbill_create_ip",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"},
	    {"qty", "0"}, {"qty", "two"}};
	struct h5_order *o;
	struct h5_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		created_of(&ev, ID, T0);
		assert_int_equal(
		    fields_set(&ev.fields, rows[i].name, rows[i].value, NULL),
		    H5_OK);
		ROW(rows[i].value, h5_order_new(&ev, &o, NULL) == H5_E_INPUT);
	}
}

/* Limits of reading are wider than those of writing, and are limits. */
static void
test_order__created_takes_texts_of_a_kilobyte(void **state)
{
	static const char *const names[] = {"body", "attach", "return_url"};
	struct h5_event ev;
	struct h5_order *o;
	char text[1026];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		memset(text, 'x', sizeof text - 1);
		text[1025] = '\0';
		created_of(&ev, ID, T0);
		assert_int_equal(
		    fields_set(&ev.fields, names[i], text, NULL), H5_OK);
		ROW(names[i], h5_order_new(&ev, &o, NULL) == H5_E_INPUT);
		text[1024] = '\0';
		created_of(&ev, ID, T0);
		assert_int_equal(
		    fields_set(&ev.fields, names[i], text, NULL), H5_OK);
		ROW(names[i], h5_order_new(&ev, &o, NULL) == H5_OK);
		h5_order_free(o);
	}
}

static void
test_order__begins_with_created_once(void **state)
{
	struct h5_order *o = NULL, *twice = make();
	struct h5_event ev;

	(void)state;
	paid_of(&ev, ID, "4200", T0);
	assert_int_equal(h5_order_new(&ev, &o, NULL), H5_E_INPUT);
	assert_null(o);
	created_of(&ev, ID, T0);
	assert_int_equal(apply(twice, &ev), H5_E_STATE);
	assert_int_equal(twice->n_events, 1);
	h5_order_free(twice);
}

/* --- on the way to payment ------------------------------------------------ */

static void
test_order__prepaid_awaits(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(prepaid(o, ID, "203.0.113.9", T0 + 1), H5_OK);
	assert_int_equal(o->state, H5_ORDER_AWAITING);
	assert_int_equal(o->attempts[0].prepaid_at, T0 + 1);
	assert_string_equal(o->attempts[0].spbill_create_ip, "203.0.113.9");
	assert_string_equal(o->attempts[0].prepay_id, "wx20");
	assert_int_equal(prepaid(o, ID, "203.0.113.7", T0 + 300), H5_OK);
	assert_int_equal(o->state, H5_ORDER_AWAITING);
	assert_int_equal(o->attempts[0].prepaid_at, T0 + 300);
	assert_int_equal(o->n_events, 3);
	h5_order_free(o);
}

static void
test_order__queried_and_unreached_tell_when(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;

	(void)state;
	event_of(&ev, H5_EVENT_UNREACHED, T0 + 5, "out_trade_no", ID, "why",
	    "unreachable", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_true(o->unreached);
	assert_int_equal(o->tried_at, T0 + 5);
	assert_int_equal(o->checked_at, 0);
	event_of(&ev, H5_EVENT_QUERIED, T0 + 9, "out_trade_no", ID,
	    "trade_state", "NOTPAY", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_false(o->unreached);
	assert_int_equal(o->tried_at, T0 + 9);
	assert_int_equal(o->checked_at, T0 + 9);
	assert_int_equal(o->attempts[0].queried_at, T0 + 9);
	assert_string_equal(o->attempts[0].trade_state, "NOTPAY");
	assert_int_equal(o->state, H5_ORDER_CREATED);
	h5_order_free(o);
}

static void
test_order__attempts_are_numbered_in_turn(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(attempt(o, ID), H5_E_INPUT);
	assert_int_equal(attempt(o, ID "_3"), H5_E_INPUT);
	assert_int_equal(attempt(o, "order-2_2"), H5_E_INPUT);
	assert_int_equal(attempt(o, ID "_2"), H5_OK);
	assert_int_equal(attempt(o, ID "_2"), H5_E_INPUT);
	assert_int_equal(attempt(o, ID "_3"), H5_OK);
	assert_string_equal(h5_order_current(o)->out_trade_no, ID "_3");
	assert_ptr_equal(h5_order_attempt(o, ID "_2"), &o->attempts[1]);
	assert_null(h5_order_attempt(o, ID "_4"));
	h5_order_free(o);
}

/* What 0.1.0 wrote says neither API nor product. */
static void
test_order__an_attempt_knows_what_it_was_made_with(void **state)
{
	static const struct {
		const char *name, *word;
		enum h5_code rc;
	} rows[] = {{"api", "v2", H5_OK}, {"product", "h5", H5_OK},
	    {"api", "v9", H5_E_INPUT}, {"api", "V2", H5_E_INPUT},
	    {"api", "", H5_E_INPUT}, {"product", "fax", H5_E_INPUT},
	    {"product", "", H5_E_INPUT}, {"sign_type", "MD5", H5_OK},
	    {"sign_type", "HMAC-SHA256", H5_OK},
	    {"sign_type", "md5", H5_E_INPUT}, {"sign_type", "", H5_E_INPUT},
	    {"sign_type", "SM3", H5_E_INPUT}};
	struct h5_order *o;
	struct h5_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		created_of(&ev, ID, T0);
		assert_int_equal(
		    h5_fields_add(&ev.fields, rows[i].name, rows[i].word, NULL),
		    H5_OK);
		ROW(rows[i].word, h5_order_new(&ev, &o, NULL) == rows[i].rc);
		h5_order_free(o);
		o = make();
		event_of(&ev, H5_EVENT_ATTEMPT, T0 + 85, "out_trade_no",
		    ID "_2", "spbill_create_ip", "203.0.113.8", "time_start",
		    T0_TEXT, "time_expire", T1_TEXT, rows[i].name, rows[i].word,
		    NULL);
		ROW(rows[i].word, apply(o, &ev) == rows[i].rc);
		ROW(rows[i].word,
		    o->n_attempts == (rows[i].rc == H5_OK ? 2 : 1));
		ROW(rows[i].word,
		    h5_order_current(o)->api == H5_API_V2 &&
			h5_order_current(o)->product == H5_PRODUCT_H5);
		ROW(rows[i].word,
		    strcmp(h5_order_sign_word(h5_order_current(o)->sign_type),
			strcmp(rows[i].name, "sign_type") == 0 &&
				rows[i].rc == H5_OK
			    ? rows[i].word
			    : "") == 0);
		h5_order_free(o);
	}
}

static void
test_order__many_attempts_and_events_keep_in_order(void **state)
{
	struct h5_order *o = make();
	char no[40];
	int i;

	(void)state;
	for (i = 2; i <= 200; i++) {
		(void)snprintf(no, sizeof no, ID "_%d", i);
		assert_int_equal(attempt(o, no), H5_OK);
	}
	assert_int_equal(o->n_attempts, 200);
	assert_int_equal(o->n_events, 200);
	for (i = 2; i <= 200; i++) {
		(void)snprintf(no, sizeof no, ID "_%d", i);
		assert_string_equal(o->attempts[i - 1].out_trade_no, no);
		assert_true(
		    h5_fields_is(&o->events[i - 1].fields, "out_trade_no", no));
	}
	h5_order_free(o);
}

static void
test_order__an_unknown_attempt_is_refused(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(prepaid(o, ID "_2", "203.0.113.7", T0), H5_E_INPUT);
	assert_int_equal(paid(o, ID "_2", "4200"), H5_E_INPUT);
	assert_int_equal(ended(o, ID "_2"), H5_E_INPUT);
	assert_int_equal(o->n_events, 1);
	h5_order_free(o);
}

/* --- paid ----------------------------------------------------------------- */

static void
test_order__paid_by_notice(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_PAID);
	assert_string_equal(o->attempts[0].transaction_id, "4200");
	assert_string_equal(o->transaction_id, "4200");
	assert_string_equal(o->paid_via, "notify");
	assert_int_equal(o->paid_at, T0 + 60);
	assert_int_equal(o->checked_at, 0);
	assert_int_equal(o->n_outgoing, 1);
	assert_string_equal(o->outgoing[0].id, "evt_" ID "_2");
	assert_string_equal(o->outgoing[0].type, "order.paid");
	assert_true(h5_order_settled(o));
	h5_order_free(o);
}

static void
test_order__paid_by_query(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;

	(void)state;
	event_of(&ev, H5_EVENT_PAID, T0 + 60, "out_trade_no", ID,
	    "transaction_id", "4200", "total_fee", "12800", "via", "query",
	    "time_end", T1_TEXT, NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(o->paid_at, T0 + 7200);
	assert_string_equal(o->paid_via, "query");
	assert_int_equal(o->checked_at, T0 + 60);
	assert_int_equal(o->tried_at, T0 + 60);
	assert_int_equal(o->attempts[0].queried_at, T0 + 60);
	assert_string_equal(o->attempts[0].trade_state, "SUCCESS");
	h5_order_free(o);
}

static void
test_order__paid_again_changes_nothing(void **state)
{
	struct h5_order *o = make();
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(o->n_outgoing, 1);
	assert_int_equal(o->n_events, 6);
	assert_int_equal(o->state, H5_ORDER_PAID);
	h5_order_free(o);
}

static void
test_order__paid_with_another_amount_never(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;

	(void)state;
	paid_of(&ev, ID, "4200", T0);
	assert_int_equal(fields_set(&ev.fields, "total_fee", "1", NULL), H5_OK);
	assert_int_equal(apply(o, &ev), H5_E_STATE);
	assert_int_equal(o->state, H5_ORDER_CREATED);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_AWAITING);
	assert_int_equal(o->n_outgoing, 0);
	assert_int_equal(o->n_events, 1);
	h5_order_free(o);
}

static void
test_order__one_attempt_has_one_transaction(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(paid(o, ID, "4201"), H5_E_STATE);
	assert_string_equal(o->transaction_id, "4200");
	h5_order_free(o);
}

static void
test_order__a_second_payment_marks_its_attempt_only(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;

	(void)state;
	assert_int_equal(attempt(o, ID "_2"), H5_OK);
	assert_int_equal(paid(o, ID "_2", "4200"), H5_OK);
	assert_int_equal(paid(o, ID, "4201"), H5_OK);
	event_of(&ev, H5_EVENT_ALERT, T0 + 61, "alert", "overpaid",
	    "out_trade_no", ID, NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_string_equal(o->transaction_id, "4200");
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_PAID);
	assert_int_equal(o->attempts[1].state, H5_ATTEMPT_PAID);
	assert_int_equal(o->alerts, H5_ALERT_OVERPAID);
	assert_int_equal(o->n_outgoing, 2);
	assert_string_equal(o->outgoing[1].type, "order.alert");
	/* Both can be given back; only then all is refunded. */
	assert_int_equal(refunded(o, "r1", "12800", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_PARTLY_REFUNDED);
	assert_int_equal(refunded(o, "r2", "12800", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	h5_order_free(o);
}

static void
test_order__paid_fields_are_checked(void **state)
{
	static const struct {
		const char *name;
		const char *value;
	} rows[] = {{"transaction_id", ""},
	    {"transaction_id", "012345678901234567890123456789012"},
	    {"total_fee", "12800.0"}, {"via", "rumour"}, {"time_end", "today"},
	    {"trade_state", "0123456789abcdef"}};
	struct h5_order *o = make();
	struct h5_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		paid_of(&ev, ID, "4200", T0);
		assert_int_equal(
		    fields_set(&ev.fields, rows[i].name, rows[i].value, NULL),
		    H5_OK);
		ROW(rows[i].name, apply(o, &ev) == H5_E_INPUT);
	}
	assert_int_equal(o->state, H5_ORDER_CREATED);
	h5_order_free(o);
}

/* --- ended and closed ----------------------------------------------------- */

static void
test_order__an_ended_attempt_does_not_close_the_order(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(prepaid(o, ID, "203.0.113.7", T0), H5_OK);
	assert_int_equal(ended(o, ID), H5_OK);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_CLOSED);
	assert_int_equal(o->state, H5_ORDER_AWAITING);
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_PAID);
	assert_int_equal(ended(o, ID), H5_OK);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_PAID);
	h5_order_free(o);
}

static void
test_order__closed_once_and_then_no_attempt(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(closed(o), H5_OK);
	assert_int_equal(closed(o), H5_OK);
	assert_int_equal(o->state, H5_ORDER_CLOSED);
	assert_int_equal(o->closed_at, T0 + 90);
	assert_int_equal(o->n_outgoing, 1);
	assert_string_equal(o->outgoing[0].type, "order.closed");
	assert_int_equal(attempt(o, ID "_2"), H5_E_STATE);
	h5_order_free(o);
}

static void
test_order__late_payment_is_kept(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(closed(o), H5_OK);
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->closed_at, T0 + 90);
	assert_int_equal(o->n_outgoing, 2);
	assert_int_equal(closed(o), H5_OK);
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->n_outgoing, 2);
	h5_order_free(o);
}

/* --- refunds -------------------------------------------------------------- */

static void
test_order__refunds_move_the_state(void **state)
{
	static const struct {
		const char *name;
		const char *fee1, *status1, *fee2, *status2;
		enum h5_order_state want;
	} rows[] = {
	    {"asked", "800", NULL, NULL, NULL, H5_ORDER_REFUNDING},
	    {"processing", "800", "PROCESSING", NULL, NULL, H5_ORDER_REFUNDING},
	    {"change", "800", "CHANGE", NULL, NULL, H5_ORDER_REFUNDING},
	    {"part", "800", "SUCCESS", NULL, NULL, H5_ORDER_PARTLY_REFUNDED},
	    {"all", "12800", "SUCCESS", NULL, NULL, H5_ORDER_REFUNDED},
	    {"failed", "800", "REFUNDCLOSE", NULL, NULL, H5_ORDER_PAID},
	    {"part, then asked", "800", "SUCCESS", "100", NULL,
		H5_ORDER_REFUNDING},
	    {"part, then failed", "800", "SUCCESS", "100", "REFUNDCLOSE",
		H5_ORDER_PARTLY_REFUNDED},
	    {"two make all", "800", "SUCCESS", "12000", "SUCCESS",
		H5_ORDER_REFUNDED},
	};
	struct h5_order *o;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		o = make();
		assert_int_equal(paid(o, ID, "4200"), H5_OK);
		ROW(rows[i].name, asked(o, "r1", rows[i].fee1) == H5_OK);
		if (rows[i].status1 != NULL)
			ROW(rows[i].name, refunded(o, "r1", rows[i].fee1,
					      rows[i].status1) == H5_OK);
		if (rows[i].fee2 != NULL)
			ROW(rows[i].name,
			    asked(o, "r2", rows[i].fee2) == H5_OK);
		if (rows[i].status2 != NULL)
			ROW(rows[i].name, refunded(o, "r2", rows[i].fee2,
					      rows[i].status2) == H5_OK);
		ROW(rows[i].name, o->state == rows[i].want);
		h5_order_free(o);
	}
}

/* What came in is what was paid: an attempt that was closed, or that is still
 * open, brought nothing. */
static void
test_order__only_paid_attempts_can_go_back(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(ended(o, ID), H5_OK);
	assert_int_equal(attempt(o, ID "_2"), H5_OK);
	assert_int_equal(ended(o, ID "_2"), H5_OK);
	assert_int_equal(attempt(o, ID "_3"), H5_OK);
	assert_int_equal(attempt(o, ID "_4"), H5_OK);
	assert_int_equal(paid(o, ID "_3", "4200"), H5_OK);
	assert_int_equal(asked(o, "r1", "12801"), H5_E_STATE);
	assert_int_equal(asked(o, "r1", "12800"), H5_OK);
	/* Asked again, it is the same money. */
	assert_int_equal(asked(o, "r1", "12800"), H5_OK);
	assert_int_equal(refunded(o, "r1", "12800", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	/* With all of it back, one more that is under way changes nothing. */
	assert_int_equal(refunded(o, "M1", "1", "PROCESSING"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	assert_int_equal(refunded(o, "M1", "1", "REFUNDCLOSE"), H5_OK);
	/* Money on the fourth as well: now there are two. */
	assert_int_equal(paid(o, ID "_4", "4201"), H5_OK);
	assert_int_equal(asked(o, "r2", "12801"), H5_E_STATE);
	assert_int_equal(asked(o, "r2", "12800"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	assert_int_equal(refunded(o, "r2", "12800", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	h5_order_free(o);
}

static size_t
told(const struct h5_order *o, const char *type)
{
	size_t i, n = 0;

	for (i = 0; i < o->n_outgoing; i++)
		if (strcmp(o->outgoing[i].type, type) == 0)
			n++;
	return n;
}

/* A1: a payment that all went back before the shop was told of it. */
static struct h5_order *
paid_and_returned(const char *fen)
{
	struct h5_order *o = make();
	struct h5_event ev;

	paid_of(&ev, ID, "4200", T0 + 90);
	if (h5_fields_add(&ev.fields, "returned", fen, NULL) != H5_OK ||
	    apply(o, &ev) != H5_OK)
		fail_msg("not paid");
	return o;
}

static void
test_order__a1_money_that_all_went_back_is_no_order_paid(void **state)
{
	struct h5_order *o = paid_and_returned("12800");

	(void)state;
	assert_int_equal(o->n_outgoing, 0);
	assert_int_equal(refunded(o, "M1", "800", "SUCCESS"), H5_OK);
	assert_int_equal(refunded(o, "M2", "12000", "PROCESSING"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	assert_int_equal(refunded(o, "M2", "12000", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	assert_int_equal(told(o, "order.paid"), 0);
	assert_int_equal(told(o, "order.refunded"), 2);
	h5_order_free(o);
	o = paid_and_returned("12799");
	assert_int_equal(told(o, "order.paid"), 1);
	h5_order_free(o);
}

static void
test_order__a1_money_that_stays_after_all_is_told_once(void **state)
{
	struct h5_order *o = paid_and_returned("12800");
	struct h5_event ev;

	(void)state;
	assert_int_equal(refunded(o, "M1", "800", "PROCESSING"), H5_OK);
	assert_int_equal(refunded(o, "M2", "12000", "PROCESSING"), H5_OK);
	assert_int_equal(told(o, "order.paid"), 0);
	assert_int_equal(refunded(o, "M2", "12000", "REFUNDCLOSE"), H5_OK);
	assert_int_equal(told(o, "order.paid"), 1);
	assert_int_equal(refunded(o, "M1", "800", "REFUNDCLOSE"), H5_OK);
	assert_int_equal(told(o, "order.paid"), 1);
	assert_int_equal(o->state, H5_ORDER_PAID);
	h5_order_free(o);
	/* Likewise where what was announced does not exist. */
	o = paid_and_returned("12800");
	event_of(&ev, H5_EVENT_REFUND_HINT, T0 + 99, "out_refund_no", "M1",
	    "refund_fee", "12800", "refund_status", "SUCCESS", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	event_of(&ev, H5_EVENT_REFUND_REFUSED, T0 + 99, "out_refund_no", "M1",
	    "why", "REFUNDNOTEXIST", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(told(o, "order.paid"), 1);
	h5_order_free(o);
}

/* The first event that either receiver is still owed; "": none. */
static const char *
owed(const struct h5_order *o)
{
	const struct h5_outgoing *g =
	    h5_order_untold(o, H5_HOOK_EXEC | H5_HOOK_WEBHOOK);

	return g != NULL ? g->type : "";
}

/* A notice made it paid; what went back became known later. */
static void
test_order__a1_what_went_back_elsewhere_is_told_no_more(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;

	(void)state;
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	event_of(&ev, H5_EVENT_REFUND_HINT, T0 + 99, "out_refund_no", "M1",
	    "refund_fee", "12800", "refund_status", "SUCCESS", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	/* Hearsay keeps nothing from the shop. */
	assert_string_equal(owed(o), "order.paid");
	assert_int_equal(refunded(o, "M2", "12799", "SUCCESS"), H5_OK);
	assert_string_equal(owed(o), "order.paid");
	assert_int_equal(refunded(o, "M1", "1", "PROCESSING"), H5_OK);
	assert_string_equal(owed(o), "order.refunded");
	assert_int_equal(refunded(o, "M1", "1", "REFUNDCLOSE"), H5_OK);
	assert_string_equal(owed(o), "order.paid");
	h5_order_free(o);
	/* One that was asked for here is no secret to the shop. */
	o = make();
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(asked(o, "r1", "12800"), H5_OK);
	assert_int_equal(refunded(o, "r1", "12800", "SUCCESS"), H5_OK);
	assert_string_equal(owed(o), "order.paid");
	h5_order_free(o);
	/* One receiver knows it already, so the other is told as well. */
	o = make();
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	event_of(&ev, H5_EVENT_DELIVERED, T0 + 99, "id", o->outgoing[0].id,
	    "to", "exec", NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(refunded(o, "M1", "12800", "SUCCESS"), H5_OK);
	assert_string_equal(owed(o), "order.paid");
	h5_order_free(o);
}

static void
test_order__a_refund_needs_a_payment_and_its_bounds(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(asked(o, "r1", "100"), H5_E_STATE);
	assert_int_equal(refunded(o, "r1", "100", "SUCCESS"), H5_E_STATE);
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(asked(o, "r1", "12801"), H5_E_STATE);
	assert_int_equal(asked(o, "r1", "12000"), H5_OK);
	assert_int_equal(asked(o, "r2", "801"), H5_E_STATE);
	assert_int_equal(refunded(o, "r1", "12000", "REFUNDCLOSE"), H5_OK);
	assert_int_equal(asked(o, "r2", "12800"), H5_OK);
	h5_order_free(o);
}

static void
test_order__a_refund_asked_again_is_the_same_one(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(asked(o, "r1", "800"), H5_OK);
	assert_int_equal(asked(o, "r1", "800"), H5_OK);
	assert_int_equal(o->n_refunds, 1);
	assert_string_equal(h5_order_refund_word(o->refunds[0].state), "asked");
	assert_string_equal(o->refunds[0].reason, "broken");
	assert_int_equal(o->refunds[0].asked_at, T0 + 100);
	assert_int_equal(asked(o, "r1", "900"), H5_E_STATE);
	assert_int_equal(refunded(o, "r1", "900", "SUCCESS"), H5_E_STATE);
	assert_int_equal(o->refunds[0].refund_fee, 800);
	h5_order_free(o);
}

static void
test_order__a_refund_succeeds_once_for_the_shop(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_int_equal(refunded(o, "r1", "800", "SUCCESS"), H5_OK);
	assert_int_equal(refunded(o, "r1", "800", "SUCCESS"), H5_OK);
	assert_int_equal(refunded(o, "r1", "800", "PROCESSING"), H5_OK);
	assert_string_equal(
	    h5_order_refund_word(o->refunds[0].state), "SUCCESS");
	assert_string_equal(o->refunds[0].refund_id, "50000");
	assert_int_equal(o->state, H5_ORDER_PARTLY_REFUNDED);
	assert_int_equal(o->n_outgoing, 2);
	assert_string_equal(o->outgoing[1].type, "order.refunded");
	assert_string_equal(o->outgoing[1].id, "evt_" ID "_3");
	assert_int_equal(refunded(o, "r2", "800", "GONE"), H5_E_INPUT);
	h5_order_free(o);
}

static void
test_order__a_hint_only_asks_for_a_look(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;
	int i;

	(void)state;
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	for (i = 0; i < 2; i++) {
		event_of(&ev, H5_EVENT_REFUND_HINT, T0 + 99, "out_refund_no",
		    "r1", "refund_id", "50000", "refund_status", "SUCCESS",
		    NULL);
		assert_int_equal(apply(o, &ev), H5_OK);
	}
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->n_refunds, 1);
	assert_string_equal(
	    h5_order_refund_word(o->refunds[0].state), "hinted");
	assert_false(h5_order_at_rest(o, 0));
	assert_int_equal(refunded(o, "r1", "12800", "SUCCESS"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDED);
	assert_true(h5_order_at_rest(o, 0));
	h5_order_free(o);
}

/* --- alerts and deliveries ------------------------------------------------ */

static void
test_order__alerts_are_bits(void **state)
{
	static const struct {
		const char *word;
		enum h5_order_alert bit;
	} rows[] = {{"disputed", H5_ALERT_DISPUTED}, {"late", H5_ALERT_LATE},
	    {"overpaid", H5_ALERT_OVERPAID}};
	struct h5_order *o = make();
	struct h5_event ev;
	unsigned all = 0;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		all |= rows[i].bit;
		event_of(&ev, H5_EVENT_ALERT, T0, "alert", rows[i].word,
		    "out_trade_no", ID, NULL);
		ROW(rows[i].word, apply(o, &ev) == H5_OK);
		ROW(rows[i].word, o->alerts == all);
		assert_string_equal(
		    h5_order_alert_name(rows[i].bit), rows[i].word);
	}
	event_of(
	    &ev, H5_EVENT_ALERT, T0, "alert", "fire", "out_trade_no", ID, NULL);
	assert_int_equal(apply(o, &ev), H5_E_INPUT);
	assert_int_equal(o->n_outgoing, 3);
	h5_order_free(o);
}

static void
test_order__deliveries_bring_rest(void **state)
{
	const unsigned both = H5_HOOK_EXEC | H5_HOOK_WEBHOOK;
	struct h5_order *o = make();
	struct h5_event ev;

	(void)state;
	assert_false(h5_order_at_rest(o, 0));
	assert_int_equal(paid(o, ID, "4200"), H5_OK);
	assert_true(h5_order_at_rest(o, 0));
	assert_false(h5_order_at_rest(o, H5_HOOK_EXEC));
	event_of(&ev, H5_EVENT_UNDELIVERED, T0 + 70, "id", "evt_" ID "_2", "to",
	    "exec", "retry_at", T1_TEXT, "failures", "1", "why", "exit 1",
	    NULL);
	assert_int_equal(apply(o, &ev), H5_OK);
	assert_int_equal(o->outgoing[0].failures, 1);
	assert_int_equal(o->outgoing[0].retry_at, T0 + 7200);
	assert_false(h5_order_at_rest(o, H5_HOOK_EXEC));
	assert_int_equal(delivered(o, "evt_" ID "_2", "exec"), H5_OK);
	assert_true(h5_order_at_rest(o, H5_HOOK_EXEC));
	assert_false(h5_order_at_rest(o, both));
	assert_int_equal(delivered(o, "evt_" ID "_2", "webhook"), H5_OK);
	assert_true(h5_order_at_rest(o, both));
	assert_int_equal(delivered(o, "evt_" ID "_3", "exec"), H5_E_INPUT);
	assert_int_equal(delivered(o, "evt_" ID "_2", "mail"), H5_E_INPUT);
	h5_order_free(o);
}

static void
test_order__rest_waits_for_attempts_and_refunds(void **state)
{
	struct h5_order *o = make();

	(void)state;
	assert_int_equal(attempt(o, ID "_2"), H5_OK);
	assert_int_equal(paid(o, ID "_2", "4200"), H5_OK);
	assert_false(h5_order_at_rest(o, 0));
	assert_int_equal(ended(o, ID), H5_OK);
	assert_true(h5_order_at_rest(o, 0));
	assert_int_equal(asked(o, "r1", "100"), H5_OK);
	assert_false(h5_order_at_rest(o, 0));
	assert_int_equal(refunded(o, "r1", "100", "PROCESSING"), H5_OK);
	assert_false(h5_order_at_rest(o, 0));
	assert_int_equal(refunded(o, "r1", "100", "SUCCESS"), H5_OK);
	assert_true(h5_order_at_rest(o, 0));
	h5_order_free(o);
}

/* --- words ---------------------------------------------------------------- */

static void
test_order__words_and_back(void **state)
{
	enum h5_order_state s;
	enum h5_event_kind k;
	int i;

	(void)state;
	for (i = 0; i < H5_EVENT_KINDS; i++) {
		assert_true(
		    h5_event_kind_of(h5_event_name((enum h5_event_kind)i), &k));
		assert_int_equal(k, i);
	}
	for (i = H5_ORDER_CREATED; i <= H5_ORDER_REFUNDED; i++) {
		assert_true(h5_order_state_of(
		    h5_order_state_name((enum h5_order_state)i), &s));
		assert_int_equal(s, i);
	}
	assert_false(h5_event_kind_of("Paid", &k));
	assert_false(h5_event_kind_of("", &k));
	assert_false(h5_order_state_of("partly", &s));
	assert_string_equal(
	    h5_event_name(H5_EVENT_REFUND_ASKED), "refund-asked");
	assert_string_equal(h5_order_attempt_word(H5_ATTEMPT_CLOSED), "closed");
	assert_string_equal(h5_order_attempt_word(H5_ATTEMPT_PAID), "paid");
	assert_string_equal(
	    h5_order_attempt_word(H5_ATTEMPT_AWAITING), "awaiting");
}

/* --- every sequence ------------------------------------------------------- */

static enum h5_code
play(struct h5_order *o, int move)
{
	struct h5_event ev;

	switch (move) {
	case 0:
		return prepaid(o, ID, "203.0.113.7", T0);
	case 1:
		return paid(o, ID, "4200");
	case 2:
		return paid(o, ID, "4201");
	case 3:
		return attempt(o, ID "_2");
	case 4:
		return paid(o, ID "_2", "4300");
	case 5:
		return ended(o, ID);
	case 6:
		return closed(o);
	case 7:
		return asked(o, "r1", "12000");
	case 8:
		return refunded(o, "r1", "12000", "SUCCESS");
	case 9:
		return refunded(o, "r2", "800", "PROCESSING");
	case 10:
		return refunded(o, "r2", "800", "SUCCESS");
	case 11:
		return delivered(o, "evt_" ID "_2", "exec");
	default:
		event_of(&ev, H5_EVENT_QUERIED, T0, "out_trade_no", ID,
		    "trade_state", "NOTPAY", NULL);
		return apply(o, &ev);
	}
}

/* Whatever came before: paid stays paid, terms stay, the shop hears of a
 * payment once, and what is refused leaves no trace. */
static void
test_order__invariants_hold_for_every_sequence(void **state)
{
	struct h5_order *o;
	char transaction[33];
	enum h5_code rc;
	long seq, left, total = 13L * 13 * 13 * 13;
	size_t events, step;
	bool was_paid;

	(void)state;
	for (seq = 0; seq < total; seq++) {
		o = make();
		for (step = 0, left = seq; step < 4; step++, left /= 13) {
			was_paid = o->transaction_id[0] != '\0';
			memcpy(
			    transaction, o->transaction_id, sizeof transaction);
			events = o->n_events;
			rc = play(o, (int)(left % 13));
			assert_true(rc == H5_OK || rc == H5_E_STATE ||
				    rc == H5_E_INPUT);
			assert_int_equal(
			    o->n_events, events + (rc == H5_OK ? 1 : 0));
			assert_int_equal(o->total_fee, 12800);
			assert_string_equal(o->body, "Green tea, 250 g");
			if (was_paid) {
				assert_string_equal(
				    o->transaction_id, transaction);
				assert_true(h5_order_settled(o));
				assert_true(o->state != H5_ORDER_CLOSED);
			}
			assert_true((o->transaction_id[0] != '\0') ==
				    (told(o, "order.paid") == 1));
			assert_true(told(o, "order.closed") <= 1);
		}
		h5_order_free(o);
	}
}

/* --- settled by hand --- */

static enum h5_code
by_hand(struct h5_order *o, const char *how, const char *fee)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_SETTLED, T0 + 200, "how", how, "by", "li", NULL);
	if (fee != NULL)
		assert_int_equal(
		    h5_fields_add(&ev.fields, "refund_fee", fee, NULL), H5_OK);
	return h5_order_apply(o, &ev, NULL);
}

static void
test_order__c17_a_dispute_is_done_until_the_next(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;
	int turn;

	(void)state;
	assert_int_equal(by_hand(o, "disputed-done", NULL), H5_E_STATE);
	for (turn = 0; turn < 2; turn++) {
		event_of(&ev, H5_EVENT_ALERT, T0, "alert", "disputed",
		    "out_trade_no", ID, NULL);
		assert_int_equal(h5_order_apply(o, &ev, NULL), H5_OK);
		assert_int_equal(h5_order_alerts_open(o), H5_ALERT_DISPUTED);
		assert_int_equal(by_hand(o, "disputed-done", NULL), H5_OK);
		assert_int_equal(h5_order_alerts_open(o), 0);
		/* What was raised stays, and the buyer must not pay again. */
		assert_int_equal(o->alerts, H5_ALERT_DISPUTED);
		assert_true(h5_order_nothing_due(o));
	}
	assert_int_equal(by_hand(o, "forgotten", NULL), H5_E_INPUT);
	h5_order_free(o);
}

static void
test_order__c17_money_that_went_back_by_hand(void **state)
{
	static const struct {
		const char *fee;
		enum h5_code rc;
		int64_t sum;
		enum h5_order_state state;
	} rows[] = {
	    {"1", H5_OK, 1, H5_ORDER_PARTLY_REFUNDED},
	    {"1", H5_OK, 1, H5_ORDER_PARTLY_REFUNDED},
	    {NULL, H5_E_INPUT, 1, H5_ORDER_PARTLY_REFUNDED},
	    {"0", H5_E_INPUT, 1, H5_ORDER_PARTLY_REFUNDED},
	    {"12801", H5_E_STATE, 1, H5_ORDER_PARTLY_REFUNDED},
	    {"12799", H5_OK, 12799, H5_ORDER_PARTLY_REFUNDED},
	    {"12798", H5_E_STATE, 12799, H5_ORDER_PARTLY_REFUNDED},
	    {"12800", H5_OK, 12800, H5_ORDER_REFUNDED},
	};
	struct h5_order *o = make();
	struct h5_event ev;
	size_t i;

	(void)state;
	assert_int_equal(by_hand(o, "refunded", "1"), H5_E_STATE);
	paid_of(&ev, ID, "42", T0 + 9);
	assert_int_equal(h5_order_apply(o, &ev, NULL), H5_OK);
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].fee != NULL ? rows[i].fee : "none",
		    by_hand(o, "refunded", rows[i].fee) == rows[i].rc);
		assert_int_equal(h5_order_refunded(o), rows[i].sum);
		assert_int_equal(o->state, rows[i].state);
		assert_int_equal(
		    h5_order_refunds_out(o, h5_order_paid_attempt(o)),
		    rows[i].sum);
	}
	/* order.paid, and one order.refunded for each sum. */
	assert_int_equal(o->n_outgoing, 4);
	h5_order_free(o);
}

static void
test_order__c17_beside_refunds_at_wechat(void **state)
{
	struct h5_order *o = make();
	struct h5_event ev;

	(void)state;
	paid_of(&ev, ID, "42", T0 + 9);
	assert_int_equal(h5_order_apply(o, &ev, NULL), H5_OK);
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0 + 99, "out_refund_no", "r1",
	    "refund_fee", "12000", NULL);
	assert_int_equal(h5_order_apply(o, &ev, NULL), H5_OK);
	assert_int_equal(by_hand(o, "refunded", "801"), H5_E_STATE);
	assert_int_equal(by_hand(o, "refunded", "800"), H5_OK);
	assert_int_equal(o->state, H5_ORDER_REFUNDING);
	/* And the other way round. */
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0 + 99, "out_refund_no", "r2",
	    "refund_fee", "1", NULL);
	assert_int_equal(h5_order_apply(o, &ev, NULL), H5_E_STATE);
	h5_order_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order__c17_a_dispute_is_done_until_the_next),
	    cmocka_unit_test(test_order__c17_money_that_went_back_by_hand),
	    cmocka_unit_test(test_order__c17_beside_refunds_at_wechat),
	    cmocka_unit_test(test_order__created_sets_the_terms),
	    cmocka_unit_test(test_order__created_needs_each_field),
	    cmocka_unit_test(test_order__created_refuses_bad_values),
	    cmocka_unit_test(test_order__created_takes_texts_of_a_kilobyte),
	    cmocka_unit_test(test_order__begins_with_created_once),
	    cmocka_unit_test(test_order__prepaid_awaits),
	    cmocka_unit_test(test_order__queried_and_unreached_tell_when),
	    cmocka_unit_test(test_order__attempts_are_numbered_in_turn),
	    cmocka_unit_test(
		test_order__an_attempt_knows_what_it_was_made_with),
	    cmocka_unit_test(
		test_order__many_attempts_and_events_keep_in_order),
	    cmocka_unit_test(test_order__an_unknown_attempt_is_refused),
	    cmocka_unit_test(test_order__paid_by_notice),
	    cmocka_unit_test(test_order__paid_by_query),
	    cmocka_unit_test(test_order__paid_again_changes_nothing),
	    cmocka_unit_test(test_order__paid_with_another_amount_never),
	    cmocka_unit_test(test_order__one_attempt_has_one_transaction),
	    cmocka_unit_test(
		test_order__a_second_payment_marks_its_attempt_only),
	    cmocka_unit_test(test_order__paid_fields_are_checked),
	    cmocka_unit_test(
		test_order__an_ended_attempt_does_not_close_the_order),
	    cmocka_unit_test(test_order__closed_once_and_then_no_attempt),
	    cmocka_unit_test(test_order__late_payment_is_kept),
	    cmocka_unit_test(test_order__refunds_move_the_state),
	    cmocka_unit_test(test_order__only_paid_attempts_can_go_back),
	    cmocka_unit_test(
		test_order__a_refund_needs_a_payment_and_its_bounds),
	    cmocka_unit_test(
		test_order__a1_money_that_all_went_back_is_no_order_paid),
	    cmocka_unit_test(
		test_order__a1_money_that_stays_after_all_is_told_once),
	    cmocka_unit_test(
		test_order__a1_what_went_back_elsewhere_is_told_no_more),
	    cmocka_unit_test(test_order__a_refund_asked_again_is_the_same_one),
	    cmocka_unit_test(test_order__a_refund_succeeds_once_for_the_shop),
	    cmocka_unit_test(test_order__a_hint_only_asks_for_a_look),
	    cmocka_unit_test(test_order__alerts_are_bits),
	    cmocka_unit_test(test_order__deliveries_bring_rest),
	    cmocka_unit_test(test_order__rest_waits_for_attempts_and_refunds),
	    cmocka_unit_test(test_order__words_and_back),
	    cmocka_unit_test(test_order__invariants_hold_for_every_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
