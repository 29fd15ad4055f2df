/* Filling events, and JSON strings there and back. */
#include "tests/unit/help.h"
#include "tests/unit/orders.h"

#include "common/format/json.h"
#include "common/order/event.h"

static void
test_event__each_kind_of_field_is_spelt(void **state)
{
	struct h5_event ev;

	(void)state;
	h5_event_init(&ev, H5_EVENT_PAID, T0);
	h5_event_text(&ev, "out_trade_no", "order-1");
	h5_event_text(&ev, "via", NULL);
	h5_event_number(&ev, "total_fee", 12800);
	h5_event_number(&ev, "qty", 0);
	h5_event_time(&ev, "time_start", T0);
	h5_event_time(&ev, "time_end", 0);
	h5_event_time(&ev, "retry_at", -1);
	assert_int_equal(h5_event_finish(&ev, NULL), H5_OK);
	assert_int_equal(ev.fields.n, 4);
	assert_true(h5_fields_is(&ev.fields, "out_trade_no", "order-1"));
	assert_true(h5_fields_is(&ev.fields, "total_fee", "12800"));
	assert_true(h5_fields_is(&ev.fields, "qty", "0"));
	assert_true(h5_fields_is(&ev.fields, "time_start", T0_TEXT));
	h5_event_release(&ev);
}

static void
test_event__a_field_of_another_kind_is_a_bug(void **state)
{
	struct h5_event ev[7];
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ev); i++)
		h5_event_init(&ev[i], H5_EVENT_PAID, T0);
	h5_event_text(&ev[0], "total_fee", "12800");
	h5_event_text(&ev[1], "time_end", T0_TEXT);
	h5_event_number(&ev[2], "body", 1);
	h5_event_number(&ev[3], "time_end", 1);
	h5_event_time(&ev[4], "via", T0);
	h5_event_time(&ev[5], "qty", T0);
	h5_event_number(&ev[6], "qty", -1);
	for (i = 0; i < COUNT(ev); i++) {
		assert_int_equal(h5_event_finish(&ev[i], &e), H5_E_BUG);
		assert_int_equal(ev[i].fields.n, 0);
		h5_event_release(&ev[i]);
	}
}

static void
test_event__the_first_failure_is_told(void **state)
{
	struct h5_event ev;

	(void)state;
	h5_event_init(&ev, H5_EVENT_PAID, T0);
	h5_event_text(&ev, "via", "query");
	h5_event_text(&ev, "via", "notify");
	h5_event_text(&ev, "total_fee", "1");
	h5_event_text(&ev, "wx_a", "b");
	assert_int_equal(h5_event_finish(&ev, NULL), H5_E_EXISTS);
	assert_int_equal(ev.fields.n, 1);
	h5_event_release(&ev);
}

static void
test_event__no_room_for_one(void **state)
{
	(void)state;
	h5_event_text(NULL, "via", "query");
	h5_event_number(NULL, "total_fee", 1);
	h5_event_time(NULL, "time_end", T0);
	assert_int_equal(h5_event_finish(NULL, NULL), H5_E_BUG);
}

static void
test_event__members_of_an_object(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 256);
	h5_buf_putc(&b, '{');
	h5_json_text("a", "say \"\\\x01\n", &b);
	h5_json_text("b", "", &b);
	h5_json_text("c", NULL, &b);
	h5_json_int("d", INT64_MIN, &b);
	h5_buf_putc(&b, ',');
	h5_event_put_field("total_fee", "12", &b);
	h5_buf_putc(&b, ',');
	h5_event_put_field("body", "12", &b);
	h5_buf_putc(&b, '}');
	assert_int_equal(h5_buf_finish(&b, NULL), H5_OK);
	assert_string_equal(b.data,
	    "{\"a\":\"say \\\"\\\\\\u0001\\n\",\"b\":null,\"c\":null,"
	    "\"d\":-9223372036854775808,\"total_fee\":12,\"body\":\"12\"}");
	h5_buf_release(&b);
}

static void
test_event__an_escape_has_one_spelling(void **state)
{
	static const struct {
		const char *text; /* behind the backslash */
		size_t taken;
		char c;
	} rows[] = {{"\"", 1, '"'}, {"\\x", 1, '\\'}, {"n", 1, '\n'},
	    {"b", 1, '\b'}, {"f", 1, '\f'}, {"r", 1, '\r'}, {"t", 1, '\t'},
	    {"u0001", 5, '\x01'}, {"u001f0", 5, '\x1f'}, {"", 0, '\0'},
	    {"/", 0, '\0'}, {"x", 0, '\0'}, {"u000", 0, '\0'},
	    {"u0000", 0, '\0'}, {"u000a", 0, '\0'}, {"u001F", 0, '\0'},
	    {"u0020", 0, '\0'}, {"u0041", 0, '\0'}};
	size_t i;
	char c;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].text,
		    h5_json_unescape(rows[i].text, strlen(rows[i].text), &c) ==
			rows[i].taken);
		ROW(rows[i].text, c == rows[i].c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_event__each_kind_of_field_is_spelt),
	    cmocka_unit_test(test_event__a_field_of_another_kind_is_a_bug),
	    cmocka_unit_test(test_event__the_first_failure_is_told),
	    cmocka_unit_test(test_event__no_room_for_one),
	    cmocka_unit_test(test_event__members_of_an_object),
	    cmocka_unit_test(test_event__an_escape_has_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
