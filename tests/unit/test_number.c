/* The numbers that orders, attempts, refunds and deliveries go by. */
#include "tests/unit/help.h"

#include "common/order/number.h"

static void
test_number__order_id(void **state)
{
	static const struct {
		const char *s;
		bool good;
	} rows[] = {
	    {"abcdef", true},
	    {"0bcdef", true},
	    {"a-b_c-", true},
	    {"abcdefghijklmnopqrstuvwxyz01", true}, /* 28 */
	    {"order_2024", true}, /* four digits */
	    {"2024_", false}, /* 5 */
	    {"123456", true},
	    {"abcdefghijklmnopqrstuvwxyz012", false}, /* 29 */
	    {"abcde", false},
	    {"", false},
	    {"_abcdef", false},
	    {"-abcdef", false},
	    {"abcdef_1", false},
	    {"abcdef_12", false},
	    {"abcdef_123", false},
	    {"abc def", false},
	    {"abc/def", false},
	    {"abc.def", false},
	    {"abcdef\n", false},
	    {"abc\xe8\x8c\xb6", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		ROW(rows[i].s, h5_number_is_order(rows[i].s) == rows[i].good);
}

static void
test_number__order_of_an_attempt(void **state)
{
	static const struct {
		const char *number, *id;
		unsigned attempt; /* 0: refused */
	} rows[] = {
	    {"abcdef", "abcdef", 1},
	    {"abcdef_2", "abcdef", 2},
	    {"abcdef_999", "abcdef", 999},
	    {"abcdefghijklmnopqrstuvwxyz01_999", "abcdefghijklmnopqrstuvwxyz01",
		999},
	    {"abcdef_1000", "abcdef_1000", 1},
	    {"abcdef_1", "", 0},
	    {"abcdef_0", "", 0},
	    {"abcdef_02", "", 0},
	    {"abcdef_2_3", "", 0},
	    {"abcde_2", "", 0},
	    {"_2", "", 0},
	    {"", "", 0},
	    {"abcdefghijklmnopqrstuvwxyz012", "", 0},
	    {"abcdefghijklmnopqrstuvwxyz0123456789_2", "", 0},
	};
	char id[H5_ORDER_ID_MAX + 1], again[H5_OUT_TRADE_NO_MAX + 1];
	unsigned attempt;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		memset(id, 'x', sizeof id);
		attempt = 77;
		ROW(rows[i].number,
		    (h5_number_order_of(rows[i].number, id, &attempt, NULL) ==
			H5_OK) == (rows[i].attempt != 0));
		ROW(rows[i].number, strcmp(id, rows[i].id) == 0);
		ROW(rows[i].number, attempt == rows[i].attempt);
		if (attempt == 0)
			continue;
		h5_number_attempt(id, attempt, again);
		ROW(rows[i].number, strcmp(again, rows[i].number) == 0);
	}
}

static void
test_number__refunds(void **state)
{
	char no[H5_OUT_REFUND_NO_MAX + 1];

	(void)state;
	h5_number_refund("abcdef", 1, no);
	assert_string_equal(no, "abcdef-r1");
	h5_number_refund("abcdefghijklmnopqrstuvwxyz01", 50, no);
	assert_string_equal(no, "abcdefghijklmnopqrstuvwxyz01-r50");
	assert_true(h5_number_is_refund(no));
	assert_true(h5_number_is_refund("09AZaz_-|*@"));
	assert_true(h5_number_is_refund("12345678901234567890123456789012"
					"12345678901234567890123456789012"));
	assert_false(h5_number_is_refund("12345678901234567890123456789012"
					 "123456789012345678901234567890123"));
	assert_false(h5_number_is_refund(""));
	assert_false(h5_number_is_refund("a b"));
	assert_false(h5_number_is_refund("a\n"));
}

/* What is held for a delivery is never held for an order, and the other way
 * round. */
static void
test_number__a_delivery_is_no_order(void **state)
{
	char held[H5_OUT_TRADE_NO_MAX + 1], id[H5_ORDER_ID_MAX + 1];
	unsigned attempt;

	(void)state;
	h5_number_delivery("abcdefghijklmnopqrstuvwxyz01", held);
	assert_string_equal(held, "abcdefghijklmnopqrstuvwxyz01_0");
	assert_false(h5_number_is_order(held));
	assert_int_equal(
	    h5_number_order_of(held, id, &attempt, NULL), H5_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_number__order_id),
	    cmocka_unit_test(test_number__order_of_an_attempt),
	    cmocka_unit_test(test_number__refunds),
	    cmocka_unit_test(test_number__a_delivery_is_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
