/* What answers about refunds say, and what is not believed of them. */
#include "tests/unit/help.h"
#include "tests/fields_set.h"

#include "common/wechat/v2/message.h"
#include "common/wechat/v2/xml.h"

/* refundquery's answer: two refunds, the second is the one asked about. */
static const char *const query[][2] = {
    {"transaction_id", "4200000001202611230000000001"},
    {"out_trade_no", "order-1"},
    {"total_fee", "1200"},
    {"refund_count", "2"},
    {"out_refund_no_0", "order-1-r1"},
    {"refund_id_0", "50000000001"},
    {"refund_fee_0", "200"},
    {"refund_status_0", "CHANGE"},
    {"out_refund_no_1", "order-1-r2"},
    {"refund_id_1", "50000000002"},
    {"refund_fee_1", "700"},
    {"refund_status_1", "SUCCESS"},
    {"refund_recv_accout_1", "x"},
    {"refund_success_time_1", "2026-11-23 16:40:12"},
};

/* The same with one value changed (NULL: without it) or one added. */
static void
fields_with(struct h5_fields *f, const char *name, const char *value)
{
	struct h5_err e;
	size_t i;

	h5_fields_init(f, 64, 8192);
	for (i = 0; i < COUNT(query); i++)
		assert_int_equal(
		    h5_fields_add(f, query[i][0], query[i][1], &e), H5_OK);
	if (name != NULL && value == NULL)
		h5_fields_drop(f, name);
	else if (name != NULL)
		assert_int_equal(fields_set(f, name, value, &e), H5_OK);
}

static void
test_wxmsg_refund__finds_the_one_that_was_asked_about(void **state)
{
	struct h5_wechat_refund r;
	struct h5_fields f;
	struct h5_err e;

	(void)state;
	fields_with(&f, NULL, NULL);
	assert_int_equal(h5_v2_read_refund_of(&f, "order-1-r2", &r, &e), H5_OK);
	assert_string_equal(r.out_trade_no, "order-1");
	assert_string_equal(r.transaction_id, "4200000001202611230000000001");
	assert_string_equal(r.out_refund_no, "order-1-r2");
	assert_string_equal(r.refund_id, "50000000002");
	assert_string_equal(h5_order_refund_word(r.state), "SUCCESS");
	assert_int_equal(r.refund_fee, 700);
	assert_int_equal(r.total_fee, 1200);
	assert_int_equal(r.success_time, 1795423212);
	assert_int_equal(h5_v2_read_refund_of(&f, "order-1-r1", &r, &e), H5_OK);
	assert_string_equal(h5_order_refund_word(r.state), "CHANGE");
	assert_int_equal(r.success_time, 0);
	h5_fields_release(&f);
}

static void
test_wxmsg_refund__refuses_what_is_amiss(void **state)
{
	static const char *const rows[][2] = {
	    {"out_refund_no_1", "order-1-r3"},
	    {"out_refund_no_1", NULL},
	    {"out_refund_no_0", "order-1-r2"}, /* twice */
	    {"transaction_id", NULL},
	    {"transaction_id", ""},
	    {"out_trade_no", NULL},
	    {"out_trade_no", "a b"},
	    {"total_fee", NULL},
	    {"total_fee", "12.00"},
	    {"total_fee", "-1200"},
	    {"refund_id_1", NULL},
	    {"refund_id_1", "500000000000000000000000000000000"},
	    {"refund_fee_1", NULL},
	    {"refund_fee_1", "0"},
	    {"refund_fee_1", "7e2"},
	    {"refund_fee_1", "99999999999999999999"},
	    {"refund_status_1", NULL},
	    {"refund_status_1", "DONE"},
	    {"refund_status_1", "success"},
	    {"refund_status_1", "asked"},
	};
	struct h5_wechat_refund r;
	struct h5_fields f;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		fields_with(&f, rows[i][0], rows[i][1]);
		ROW(rows[i][0], h5_v2_read_refund_of(
				    &f, "order-1-r2", &r, &e) == H5_E_INPUT);
		ROW(rows[i][0], r.refund_id[0] == '\0' && r.refund_fee == 0);
		h5_fields_release(&f);
	}
}

static void
test_wxmsg_refund__a_malformed_time_is_no_time(void **state)
{
	static const char *const rows[] = {NULL, "", "2026-13-23 16:40:12",
	    "20261123164012", "2026-11-23T16:40:12"};
	struct h5_wechat_refund r;
	struct h5_fields f;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		fields_with(&f, "refund_success_time_1", rows[i]);
		assert_int_equal(
		    h5_v2_read_refund_of(&f, "order-1-r2", &r, &e), H5_OK);
		assert_int_equal(r.success_time, 0);
		h5_fields_release(&f);
	}
}

static void
test_wxmsg_refund__accepted_is_processing(void **state)
{
	static const char *const answer[][2] = {
	    {"transaction_id", "4200"},
	    {"out_trade_no", "order-1"},
	    {"out_refund_no", "order-1-r1"},
	    {"refund_id", "50000000001"},
	    {"refund_fee", "200"},
	    {"total_fee", "1200"},
	};
	struct h5_wechat_refund r;
	struct h5_fields f;
	struct h5_err e;
	size_t i, without;

	(void)state;
	for (without = 0; without <= COUNT(answer); without++) {
		h5_fields_init(&f, 16, 1024);
		for (i = 0; i < COUNT(answer); i++)
			if (i != without)
				assert_int_equal(h5_fields_add(&f, answer[i][0],
						     answer[i][1], &e),
				    H5_OK);
		if (without < COUNT(answer)) {
			ROW(answer[without][0],
			    h5_v2_read_refund(&f, &r, &e) == H5_E_INPUT);
		} else {
			assert_int_equal(h5_v2_read_refund(&f, &r, &e), H5_OK);
			assert_string_equal(
			    h5_order_refund_word(r.state), "PROCESSING");
			assert_int_equal(r.refund_fee, 200);
		}
		h5_fields_release(&f);
	}
}

/* An old sample of WeChat's own: no total_fee, so it cannot be compared. */
static void
test_wxmsg_refund__a_published_sample(void **state)
{
	struct h5_wechat_refund r;
	struct h5_fields f;
	struct h5_err e;
	char *xml;
	size_t n;

	(void)state;
	xml = fixture("tests/fixtures/v2-xml/wxjava-refundquery.xml", &n);
	assert_int_equal(h5_xml_read(xml, n, "xml", &f, &e), H5_OK);
	free(xml);
	assert_int_equal(
	    h5_v2_read_refund_of(&f, "1415701182", &r, &e), H5_E_INPUT);
	assert_int_equal(h5_fields_add(&f, "total_fee", "1", &e), H5_OK);
	assert_int_equal(h5_v2_read_refund_of(&f, "1415701182", &r, &e), H5_OK);
	assert_string_equal(r.refund_id, "2008450740201411110000174436");
	assert_string_equal(h5_order_refund_word(r.state), "PROCESSING");
	h5_fields_release(&f);
}

static void
test_wxmsg_refund__a_hint_says_no_more_than_it_must(void **state)
{
	static const struct {
		const char *name, *value; /* NULL: taken out */
		enum h5_code rc;
	} rows[] = {
	    {"refund_id", "50000404922017112502468056157", H5_OK},
	    {"refund_id", NULL, H5_OK},
	    {"refund_id", "500004049220171125024680561578901", H5_E_INPUT},
	    {"refund_id", "a\x01", H5_E_INPUT},
	    {"refund_fee", NULL, H5_OK},
	    {"refund_fee", "0", H5_E_INPUT},
	    {"refund_fee", "6.0", H5_E_INPUT},
	    {"refund_status", NULL, H5_E_INPUT},
	    {"refund_status", "REFUNDCLOSE", H5_OK},
	    {"refund_status", "0123456789abcdef", H5_E_INPUT},
	    {"out_refund_no", NULL, H5_E_INPUT},
	    {"out_refund_no", "", H5_E_INPUT},
	    {"out_trade_no", NULL, H5_E_INPUT},
	    {"out_trade_no", "012345678901234567890123456789012", H5_OK},
	};
	struct h5_wechat_hint r;
	struct h5_fields f;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		h5_fields_init(&f, 8, 1024);
		assert_int_equal(
		    h5_fields_add(&f, "out_trade_no", "order-1", &e), H5_OK);
		assert_int_equal(
		    h5_fields_add(&f, "out_refund_no", "order-1-r1", &e),
		    H5_OK);
		assert_int_equal(
		    h5_fields_add(&f, "refund_status", "SUCCESS", &e), H5_OK);
		assert_int_equal(
		    h5_fields_add(&f, "refund_fee", "6", &e), H5_OK);
		h5_fields_drop(&f, rows[i].name);
		if (rows[i].value != NULL)
			assert_int_equal(
			    h5_fields_add(&f, rows[i].name, rows[i].value, &e),
			    H5_OK);
		ROW(rows[i].name, h5_v2_read_hint(&f, &r, &e) == rows[i].rc);
		if (rows[i].rc == H5_OK) {
			assert_string_equal(r.out_refund_no, "order-1-r1");
			assert_string_equal(r.out_trade_no,
			    strcmp(rows[i].name, "out_trade_no") == 0
				? ""
				: "order-1");
			assert_string_equal(r.refund_id,
			    strcmp(rows[i].name, "refund_id") == 0 &&
				    rows[i].value != NULL
				? rows[i].value
				: "");
			assert_int_equal(r.refund_fee,
			    strcmp(rows[i].name, "refund_fee") == 0 ? 0 : 6);
		} else {
			assert_string_equal(
			    e.msg, "the refund notice is malformed");
			assert_string_equal(r.out_refund_no, "");
		}
		h5_fields_release(&f);
	}
}

/* A1: refundquery by transaction_id lists every refund, on pages. */
static void
test_wxmsg_refund__a1_lists_all(void **state)
{
	struct h5_wechat_refunds list = {0};
	struct h5_fields f;
	struct h5_err e;
	bool more;

	(void)state;
	fields_with(&f, NULL, NULL);
	assert_int_equal(h5_v2_read_refunds(&f, &list, &more, &e), H5_OK);
	assert_int_equal(list.n, 2);
	assert_false(more);
	assert_string_equal(list.v[0].out_refund_no, "order-1-r1");
	assert_string_equal(list.v[0].out_trade_no, "order-1");
	assert_int_equal(list.v[0].state, H5_REFUND_CHANGE);
	assert_int_equal(list.v[1].refund_fee, 700);
	assert_int_equal(list.v[1].state, H5_REFUND_SUCCESS);
	/* The same page again adds nothing. */
	assert_int_equal(h5_v2_read_refunds(&f, &list, &more, &e), H5_OK);
	assert_int_equal(list.n, 2);
	h5_fields_release(&f);
	fields_with(&f, "total_refund_count", "3");
	assert_int_equal(h5_v2_read_refunds(&f, &list, &more, &e), H5_OK);
	assert_true(more);
	h5_fields_release(&f);
}

static void
test_wxmsg_refund__a1_a_list_is_believed_whole_or_not_at_all(void **state)
{
	static const char *const rows[][2] = {
	    {"refund_count", "3"},
	    {"refund_count", "1"},
	    {"refund_count", NULL},
	    {"refund_status_0", "PERHAPS"},
	    {"refund_status_1", NULL},
	    {"refund_fee_0", "2.00"},
	    {"refund_fee_1", NULL},
	    {"refund_id_1", NULL},
	    {"out_refund_no_0", NULL},
	    {"out_refund_no_0", ""},
	    {"transaction_id", NULL},
	    {"out_trade_no", NULL},
	    {"total_fee", "0"},
	};
	struct h5_wechat_refunds list;
	struct h5_fields f;
	struct h5_err e;
	bool more;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		memset(&list, 0, sizeof list);
		fields_with(&f, rows[i][0], rows[i][1]);
		ROW(rows[i][0],
		    h5_v2_read_refunds(&f, &list, &more, &e) == H5_E_INPUT);
		h5_fields_release(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_wxmsg_refund__finds_the_one_that_was_asked_about),
	    cmocka_unit_test(test_wxmsg_refund__refuses_what_is_amiss),
	    cmocka_unit_test(test_wxmsg_refund__a_malformed_time_is_no_time),
	    cmocka_unit_test(test_wxmsg_refund__accepted_is_processing),
	    cmocka_unit_test(test_wxmsg_refund__a_published_sample),
	    cmocka_unit_test(
		test_wxmsg_refund__a_hint_says_no_more_than_it_must),
	    cmocka_unit_test(test_wxmsg_refund__a1_lists_all),
	    cmocka_unit_test(
		test_wxmsg_refund__a1_a_list_is_believed_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
