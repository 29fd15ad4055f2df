#include "tests/unit/help.h"

#include "common/wechat/bill.h"
#include "common/base/text.h"

#define FIXTURES "tests/fixtures/v2-bill/"

static enum h5_code
read_bytes(const char *p, size_t n, struct h5_bill *b, struct h5_err *e)
{
	struct h5_buf text;
	enum h5_code rc;

	h5_buf_init(&text, 1U << 20);
	h5_buf_add(&text, p, n);
	rc = h5_bill_read(&text, b, e);
	assert_int_equal(text.len, 0);
	h5_buf_release(&text);
	return rc;
}

static enum h5_code
read_text(const char *s, struct h5_bill *b, struct h5_err *e)
{
	return read_bytes(s, strlen(s), b, e);
}

static enum h5_code
read_fixture(const char *name, struct h5_bill *b, struct h5_err *e)
{
	char path[256];
	char *bytes;
	size_t n;
	enum h5_code rc;

	(void)snprintf(path, sizeof path, FIXTURES "%s", name);
	bytes = fixture(path, &n);
	rc = read_bytes(bytes, n, b, e);
	free(bytes);
	return rc;
}

/* --- a provider's -------------------------------------------------------- */

#define COLUMNS                                                                \
	"\xe4\xba\xa4\xe6\x98\x93\xe6\x97\xb6\xe9\x97\xb4,"                    \
	"\xe7\x89\xb9\xe7\xba\xa6\xe5\x95\x86\xe6\x88\xb7\xe5\x8f\xb7,"        \
	"\xe5\xbe\xae\xe4\xbf\xa1\xe8\xae\xa2\xe5\x8d\x95\xe5\x8f\xb7,"        \
	"\xe5\x95\x86\xe6\x88\xb7\xe8\xae\xa2\xe5\x8d\x95\xe5\x8f\xb7,"        \
	"\xe4\xba\xa4\xe6\x98\x93\xe7\x8a\xb6\xe6\x80\x81,"                    \
	"\xe5\xba\x94\xe7\xbb\x93\xe8\xae\xa2\xe5\x8d\x95\xe9\x87\x91"         \
	"\xe9\xa2\x9d\n"
#define TOTALS "\xe6\x80\xbb\xe4\xba\xa4\xe6\x98\x93\xe5\x8d\x95\xe6\x95\xb0\n`"
#define LINE(sub, id, number, yuan)                                            \
	"`2026-11-23 16:40:12,`" sub ",`" id ",`" number ",`SUCCESS,`" yuan "\n"

/* A number is unique with each sub-merchant alone, so another's line with ours
 * must not be found. */
static void
test_bill__a_provider_reads_his_sub_merchants_lines(void **state)
{
	static const char text[] =
	    COLUMNS LINE("1900000111", "4", "order-1", "3.00")
		LINE("1900000110", "5", "order-1", "1.00")
		    LINE("1900000111", "6", "order-2", "7.00")
			LINE("0", "7", "order-3", "2.00") TOTALS "4\n";
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(read_text(text, &b, &e), H5_OK);
	assert_string_equal(b.rows[0].sub_mch_id, "1900000111");
	assert_string_equal(b.rows[3].sub_mch_id, "");
	assert_int_equal(h5_bill_narrow(&b, NULL), 0);
	assert_int_equal(b.n, 4);
	assert_string_equal(h5_bill_order(&b, "order-1")->transaction_id, "4");
	assert_int_equal(h5_bill_narrow(&b, "1900000110"), 2);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.n_payments, 2);
	assert_int_equal(b.settled_sum, 300);
	assert_string_equal(h5_bill_order(&b, "order-1")->transaction_id, "5");
	assert_null(h5_bill_order(&b, "order-2"));
	assert_null(h5_bill_payment(&b, "4"));
	assert_string_equal(h5_bill_payment(&b, "5")->out_trade_no, "order-1");
	assert_string_equal(h5_bill_payment(&b, "7")->out_trade_no, "order-3");
	assert_int_equal(h5_bill_narrow(&b, "1900000110"), 0);
	h5_bill_free(&b);
	h5_bill_empty(&b);
	assert_int_equal(h5_bill_narrow(&b, "1900000110"), 0);
}

/* --- the published ones --------------------------------------------------- */

static void
test_bill__reads_the_official_sample(void **state)
{
	const struct h5_bill_row *r;
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(read_fixture("php-bill.ALL.csv", &b, &e), H5_OK);
	assert_int_equal(b.columns, 27);
	assert_int_equal(b.n, 45);
	assert_int_equal(b.settled_sum, 47);
	assert_int_equal(b.refund_sum, 14);
	assert_int_equal(b.fee_sum_micro, 8000);
	assert_int_equal(b.n_payments + b.n_refunds, b.n);
	r = &b.rows[0]; /* a refund */
	assert_true(r->refund);
	assert_int_equal(r->line, 2);
	assert_int_equal(r->at, 1550523706); /* 2019-02-19 05:01:46 Beijing */
	assert_string_equal(r->transaction_id, "4200000263201902167700134212");
	assert_string_equal(
	    r->out_refund_no, "REF4200000263201902167700963919");
	assert_string_equal(r->refund_id, "50000709672019011908420787722");
	assert_string_equal(r->refund_status, "SUCCESS");
	assert_int_equal(r->refund_fee, 1);
	assert_int_equal(r->total_fee, 0);
	r = &b.rows[2]; /* a payment */
	assert_false(r->refund);
	assert_string_equal(r->trade_type, "NATIVE");
	assert_string_equal(r->out_refund_no, "");
	assert_int_equal(r->total_fee, 3);
	assert_int_equal(r->fee_micro, 1000);
	assert_string_equal(r->body, "autotest");
	assert_ptr_equal(
	    h5_bill_payment(&b, "4200000263201902167700134902"), r);
	assert_ptr_equal(
	    h5_bill_refund(&b, "REF4200000263201902167700963919"), &b.rows[0]);
	assert_null(h5_bill_payment(&b, "4200000263201902167700134999"));
	assert_null(h5_bill_refund(&b, ""));
	h5_bill_free(&b);
	h5_bill_free(&b);
}

/* These two are cut: a row of many, under the whole day's totals. */
static void
test_bill__totals_that_do_not_fit_are_refused(void **state)
{
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    read_fixture("wxjava-all_content.csv", &b, &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "totals say 48"));
	assert_null(b.text);
	assert_int_equal(
	    read_fixture("wxjava-success_content.csv", &b, &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "totals say 31"));
}

/* --- shapes --------------------------------------------------------------- */

#define HEAD20                                                                                             \
	"交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号," \
	"用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"             \
	"代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注"
#define ROW20(body)                                                            \
	"`2019-07-23 18:46:41,`wx1,`10000100,`0,`,`4200001,`A00001,`o1,"       \
	"`MWEB,`SUCCESS,`CFT,`CNY,`5.00,`1.28,`" body                          \
	",`,`0.03000,`0.60%,`6.28,`"
#define TOTALS7                                                                           \
	"总交易单数,应结订单总金额,退款总金额,充值券退款总金额," \
	"手续费总金额,订单总金额,申请退款总金额"
#define SUMS20 "`1,`5.00,`0.00,`0.00,`0.03000,`6.28,`0.00"

#define HEAD24                                                                                          \
	"交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号," \
	"用户标识,交易类型,交易状态,付款银行,货币种类,总金额,"                   \
	"代金券或立减优惠金额,微信退款单号,商户退款单号,退款金额,"            \
	"代金券或立减优惠退款金额,退款类型,退款状态,商品名称,商户数据包,"  \
	"手续费,费率"
#define ROW24A                                                                  \
	"`2014-11-10 16:33:45,`wx1,`10000100,`0,`1000,`1001,`141564,`o1,"       \
	"`MICROPAY,`SUCCESS,`CFT,`CNY,`0.01,`0.0,`0,`0,`0,`0,`,`,`被扫,`,`0," \
	"`0.60%"
#define ROW24B                                                                 \
	"`2014-11-10 16:46:14,`wx1,`10000100,`0,`1000,`1002,`141563,`o1,"      \
	"`MICROPAY,`REFUND,`CFT,`CNY,`0.00,`0.0,`2002,`R1,`0.01,`0,`ORIGINAL," \
	"`SUCCESS,`被扫,`,`-0.00001,`0.60%"
#define TOTALS5                                                                                 \
	"总交易单数,总交易额,总退款金额,总代金券或立减优惠退款金额," \
	"手续费总金额"

#define HEAD29                                                                                             \
	"交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号," \
	"用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"             \
	"代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,"     \
	"退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"       \
	"手续费,费率,订单金额,申请退款金额,费率备注"
#define ROW29                                                                  \
	"`2019-07-23 18:46:41,`wx1,`10000100,`0,`,`4200001,`A00001,`o1,"       \
	"`MWEB,`REFUND,`CFT,`CNY,`0.00,`0.00,`2019-07-23 18:46:40,"            \
	"`2019-07-23 18:47:00,`500001,`R-A00001,`5.00,`0.00,`ORIGINAL,"        \
	"`SUCCESS,`茶,`,`-0.03000,`0.60%,`0.00,`6.28,`"

static void
test_bill__reads_every_known_width(void **state)
{
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    read_text(HEAD20 "\r\n" ROW20("茶") "\r\n" TOTALS7 "\r\n" SUMS20
						"\r\n",
		&b, &e),
	    H5_OK);
	assert_int_equal(b.columns, 20);
	assert_int_equal(b.rows[0].total_fee, 628);
	assert_int_equal(b.rows[0].settled_fee, 500);
	assert_int_equal(b.rows[0].refund_fee, -1);
	assert_string_equal(b.rows[0].refund_status, "");
	h5_bill_free(&b);

	assert_int_equal(read_text(HEAD24 "\n" ROW24A "\n" ROW24B "\n" TOTALS5
					  "\n`2,`0.01,`0.01,`0.0,`-0.00001\n",
			     &b, &e),
	    H5_OK);
	assert_int_equal(b.columns, 24);
	assert_int_equal(b.rows[0].total_fee, 1);
	assert_false(b.rows[0].refund);
	assert_true(b.rows[1].refund);
	assert_int_equal(b.rows[1].refund_fee, 1);
	assert_int_equal(b.rows[1].fee_micro, -1);
	h5_bill_free(&b);

	assert_int_equal(
	    read_text("\xef\xbb\xbf" HEAD29 "\r\n" ROW29 "\r\n" TOTALS7
		      "\r\n`1,`0.00,`5.00,`0.00,`-0.03000,`0.00,`6.28",
		&b, &e),
	    H5_OK);
	assert_int_equal(b.columns, 29);
	assert_int_equal(b.rows[0].refund_fee, 628);
	assert_int_equal(b.rows[0].paid_back, 500);
	h5_bill_free(&b);
}

static void
test_bill__a_name_may_hold_commas_and_back_ticks(void **state)
{
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    read_text(HEAD20 "\n" ROW20("tea, `green`, 100 g,") "\n" TOTALS7
								"\n" SUMS20,
		&b, &e),
	    H5_OK);
	assert_string_equal(b.rows[0].body, "tea, `green`, 100 g,");
	h5_bill_free(&b);
}

static void
test_bill__unknown_and_moved_columns_do_not_matter(void **state)
{
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    read_text("新栏目,应结订单金额,交易状态,商户订单号,微信订单号,"
		      "交易时间\n`?,`1.00,`SUCCESS,`A00001,`42,"
		      "`2019-07-23 18:46:41\n总交易单数,新合计\n`1,`?\n",
		&b, &e),
	    H5_OK);
	assert_int_equal(b.rows[0].total_fee, 100);
	assert_string_equal(b.rows[0].out_trade_no, "A00001");
	assert_string_equal(b.rows[0].trade_type, "");
	assert_false(b.rows[0].has_fee);
	h5_bill_free(&b);
}

static void
test_bill__a_day_without_rows_is_a_bill(void **state)
{
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    read_text(HEAD20 "\n" TOTALS7 "\n`0,`0.00,`0.00,`0.00,`0.00000,"
			     "`0.00,`0.00\n",
		&b, &e),
	    H5_OK);
	assert_int_equal(b.n, 0);
	assert_null(h5_bill_payment(&b, "42"));
	h5_bill_free(&b);
	h5_bill_empty(&b);
	assert_null(h5_bill_payment(&b, "42"));
	h5_bill_free(&b);
}

/* --- what is refused ------------------------------------------------------ */

#define SHORT "应结订单金额,交易状态,商户订单号,微信订单号,交易时间"
#define GOOD "`1.00,`SUCCESS,`A00001,`42,`2019-07-23 18:46:41"

static void
test_bill__hostile_input_is_refused_and_named(void **state)
{
	static const struct {
		const char *name, *text, *says;
	} rows[] = {
	    {"empty", "", "empty"},
	    {"a line feed first", "\n" SHORT "\n", "not a bill"},
	    {"BOM alone", "\xef\xbb\xbf", "empty"},
	    {"an error", "<xml><return_code>FAIL</return_code></xml>",
		"not a bill"},
	    {"HTML", "<!doctype html>\n<p>busy\n", "not a bill"},
	    {"heading alone", SHORT "\n", "cut short"},
	    {"the totals are missing", SHORT "\n" GOOD "\n", "cut short"},
	    {"totals' heading alone", SHORT "\n" GOOD "\n总交易单数\n",
		"cut short"},
	    {"a heading is missing", "交易状态,商户订单号,微信订单号,交易时间",
		"not a bill"},
	    {"a heading comes twice", SHORT ",交易状态\n", "occurs twice"},
	    {"the time comes twice", SHORT ",交易时间\n", "occurs twice"},
	    {"too few values", SHORT "\n`1.00,`SUCCESS,`A00001,`42\n",
		"line 2: 4 values"},
	    {"too many values", SHORT "\n" GOOD ",`\n", "line 2: 6 values"},
	    {"no back-tick", SHORT "\n1.00,SUCCESS,A00001,42,x\n",
		"line 2: neither"},
	    {"an empty line", SHORT "\n" GOOD "\n\n总交易单数\n`1\n",
		"line 3: neither"},
	    {"a negative amount",
		SHORT "\n`-1.00,`SUCCESS,`A00001,`42,`2019-07-23 18:46:41\n",
		"is negative"},
	    {"three decimals",
		SHORT "\n`1.001,`SUCCESS,`A00001,`42,`2019-07-23 18:46:41\n",
		"not an amount"},
	    {"an exponent",
		SHORT "\n`1e2,`SUCCESS,`A00001,`42,`2019-07-23 18:46:41\n",
		"not an amount"},
	    {"an amount of sixteen digits",
		SHORT "\n`99999999999999.99,`SUCCESS,`A00001,`42,"
		      "`2019-07-23 18:46:41\n",
		"not an amount"},
	    {"no time", SHORT "\n`1.00,`SUCCESS,`A00001,`42,`yesterday\n",
		"line 2, column 5"},
	    {"31 February",
		SHORT "\n`1.00,`SUCCESS,`A00001,`42,`2019-02-31 00:00:00\n",
		"line 2, column 5"},
	    {"wrong count", SHORT "\n" GOOD "\n总交易单数\n`2\n",
		"totals say 2"},
	    {"wrong sum",
		SHORT "\n" GOOD "\n总交易单数,应结订单总金额\n`1,`1.01\n",
		"totals say 1.01"},
	    {"totals are none", SHORT "\n" GOOD "\n总交易单数\n`many\n",
		"not an amount"},
	    {"rows behind the totals",
		SHORT "\n" GOOD "\n总交易单数\n`1\n" GOOD "\n",
		"follows the totals"},
	    {"not UTF-8", SHORT "\n`1.00,`\xb3\xc9\xb9\xa6,`A,`42,`x\n",
		"UTF-8"},
	};
	struct h5_bill b;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].name,
		    read_text(rows[i].text, &b, &e) == H5_E_INPUT);
		if (strstr(e.msg, rows[i].says) == NULL)
			fail_msg("row \"%s\": %s", rows[i].name, e.msg);
		ROW(rows[i].name, b.rows == NULL && b.text == NULL);
	}
	assert_int_equal(
	    read_bytes(SHORT "\n\0", sizeof(SHORT) + 1, &b, &e), H5_E_INPUT);
}

static void
test_bill__any_cut_of_a_bill_is_refused(void **state)
{
	char *whole;
	struct h5_bill b;
	struct h5_err e;
	size_t n, i;

	(void)state;
	whole = fixture(FIXTURES "php-bill.ALL.csv", &n);
	/* But for the line end, and digits of the last sum. */
	for (i = 0; i < n - 6; i++)
		if (read_bytes(whole, i, &b, &e) != H5_E_INPUT)
			fail_msg("%zu bytes of %zu pass", i, n);
	assert_int_equal(read_bytes(whole, n - 2, &b, &e), H5_OK);
	h5_bill_free(&b);
	free(whole);
}

static void
test_bill__a_hundred_columns_are_refused(void **state)
{
	char text[1024] = "";
	struct h5_bill b;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < 200; i += 2)
		memcpy(text + i, "x,", 2);
	assert_int_equal(read_text(text, &b, &e), H5_E_INPUT);
	assert_non_null(strstr(e.msg, "too many columns"));
}

/* Of the most columns that are read each has its place. */
static void
test_bill__as_many_columns_as_are_read(void **state)
{
	struct h5_buf text;
	struct h5_bill b;
	struct h5_err e;
	size_t i;

	(void)state;
	h5_buf_init(&text, 65536);
	h5_buf_puts(&text, SHORT);
	for (i = 5; i < 64; i++)
		h5_buf_printf(&text, ",new %zu", i);
	h5_buf_puts(&text, "\n" GOOD);
	for (i = 5; i < 64; i++)
		h5_buf_puts(&text, ",`x");
	h5_buf_puts(&text, "\n总交易单数\n`1\n");
	assert_int_equal(text.bad, H5_OK);
	if (h5_bill_read(&text, &b, &e) != H5_OK)
		fail_msg("%s", e.msg);
	assert_int_equal(b.columns, 64);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.rows[0].at, 1563878801);
	h5_bill_free(&b);
	h5_buf_release(&text);
}

/* --- A10: foreign lines --------------------------------------------------- */

/* What is read of the good line that stands beside each odd one. */
#define FOREIGN(name)                                                          \
	"`2019-07-23 18:46:41,`wx1,`10000100,`0,`dev,`4200009,`other-1,`o1,"   \
	"`JSAPI,`SUCCESS,`CFT,`CNY,`1.00,`0.00,`" name ",`0.01000,`0.60%,"     \
	"`1.00,`"
#define SUMS_BOTH "`2,`6.00,`0.00,`0.00,`0.04000,`7.28,`0.00"

static void
test_bill__a_foreign_name_spoils_nothing(void **state)
{
	/* Name and attach, as they stand in the line. */
	static const struct {
		const char *what, *text, *body; /* NULL: whatever */
	} rows[] = {
	    {"a line feed", FOREIGN("a\nb,`"), "a\nb"},
	    {"CR LF", FOREIGN("a\r\nb,`"), "a\r\nb"},
	    {"empty lines", FOREIGN("a\n\n\nb,`"), "a\n\n\nb"},
	    {"a line feed at the end", FOREIGN("a\n,`"), "a\n"},
	    {"a line feed in the attach", FOREIGN("a,`x\ny"), "a"},
	    {"line feeds in both", FOREIGN("a\nb,`x\ny"), "a\nb"},
	    {"a separator", FOREIGN("a,`b,`"), NULL},
	    {"many separators", FOREIGN("a,`b,`,`,`c,`x,`y"), NULL},
	    {"a separator at the end", FOREIGN("a,`,`"), NULL},
	    {"a separator in the attach", FOREIGN("a,`x,`y"), NULL},
	    {"separators and line feeds", FOREIGN("a,`\nb,`\n`c,`x\n`,`"),
		NULL},
	    {"a line that begins with a back-tick", FOREIGN("a\n`b`,`"),
		"a\n`b`"},
	    {"a line like the totals",
		FOREIGN("a\n总交易单数,应结订单总金额\n`1,`1.00\nb,`"), NULL},
	    {"a line like the heading", FOREIGN("a\n" HEAD20 "\nb,`"), NULL},
	    {"what looks like the columns behind it",
		FOREIGN("a,`,`0.01000,`0.60%,`9.99,`,`"), NULL},
	    {"a comma and a blank alone", FOREIGN("a, b ,`"), "a, b "},
	    {"WeChat's own escapes", FOREIGN("a\\ b\\nc\\d,`"), "a,b\nc\\d"},
	    {"half a character", FOREIGN("a\xe8\x8c,`"), ""},
	    {"another alphabet's bytes", FOREIGN("\xb2\xe8,`\xb2"), ""},
	};
	const char *first, *second;
	char text[8192];
	struct h5_bill b;
	struct h5_err e;
	size_t i, k, mine;

	(void)state;
	for (i = 0; i < COUNT(rows) * 2; i++) {
		k = i / 2;
		mine = i % 2;
		first = mine == 0 ? ROW20("tea") : rows[k].text;
		second = mine == 0 ? rows[k].text : ROW20("tea");
		(void)snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n",
		    HEAD20, first, second, TOTALS7, SUMS_BOTH);
		if (read_text(text, &b, &e) != H5_OK)
			fail_msg("row \"%s\": %s", rows[k].what, e.msg);
		ROW(rows[k].what, b.n == 2 && b.n_odd == 0);
		ROW(rows[k].what,
		    strcmp(b.rows[mine].out_trade_no, "A00001") == 0 &&
			b.rows[mine].total_fee == 628);
		ROW(rows[k].what,
		    strcmp(b.rows[1 - mine].transaction_id, "4200009") == 0 &&
			b.rows[1 - mine].total_fee == 100 &&
			b.rows[1 - mine].fee_micro == 1000);
		if (rows[k].body != NULL)
			ROW(rows[k].what,
			    strcmp(b.rows[1 - mine].body, rows[k].body) == 0);
		h5_bill_free(&b);
	}
}

static void
test_bill__a_device_may_hold_a_separator(void **state)
{
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    read_text(HEAD20
		"\n`2019-07-23 18:46:41,`wx1,`10000100,`0,`a,`b,"
		"`4200001,`A00001,`o1,`MWEB,`SUCCESS,`CFT,`CNY,"
		"`5.00,`1.28,`tea,`,`0.03000,`0.60%,`6.28,`\n" TOTALS7
		"\n" SUMS20 "\n",
		&b, &e),
	    H5_OK);
	assert_string_equal(b.rows[0].transaction_id, "4200001");
	assert_string_equal(b.rows[0].body, "tea");
	assert_int_equal(b.rows[0].total_fee, 628);
	h5_bill_free(&b);
}

/* A line that cannot be read is named, and worth what the totals have more. */
static void
test_bill__an_unreadable_line_is_listed(void **state)
{
	static const struct {
		const char *what, *line, *transaction, *why;
	} rows[] = {
	    {"too few values",
		"`2019-07-23 18:46:41,`wx1,`10000100,`0,`,"
		"`4200009,`other-1,`o1",
		"4200009", "line 2: 8 values"},
	    {"an amount that is none",
		"`2019-07-23 18:46:41,`wx1,`1,`0,`,`4200009,`other-1,`o1,"
		"`JSAPI,`SUCCESS,`CFT,`CNY,`1.0.0,`0,`a,`,`0.01000,`0.60%,"
		"`1.00,`",
		"4200009", "line 2, column 13"},
	    {"a day that is none",
		"`2019-02-31 18:46:41,`wx1,`1,`0,`,`4200009,`other-1,`o1,"
		"`JSAPI,`SUCCESS,`CFT,`CNY,`1.00,`0,`a,`,`0.01000,`0.60%,"
		"`1.00,`",
		"4200009", "line 2, column 1"},
	    {"a number in other bytes",
		"`2019-07-23 18:46:41,`wx1,`1,`0,`,`4200009,`\xb2\xe8,`o1,"
		"`JSAPI,`SUCCESS,`CFT,`CNY,`1.00,`0,`a,`,`0.01000,`0.60%,"
		"`1.00,`",
		"4200009", "line 2, column 7: not UTF-8"},
	    {"separators on both sides of the numbers",
		"`2019-07-23 18:46:41,`wx1,`1,`0,`d,`e,`4200009,`other-1,`o1,"
		"`JSAPI,`SUCCESS,`CFT,`CNY,`1.00,`0.00,`a,`b,`,`0.01000,"
		"`0.60%,`1.00,`",
		"", "line 2: 22 values"},
	    {"no transaction", "`2019-07-23 18:46:41,`wx1", "",
		"line 2: 2 values"},
	    {"no value at all", "what is this?", "", "line 2: neither"},
	};
	char text[8192];
	struct h5_bill b;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(text, sizeof text, "%s\r\n%s\r\n%s\r\n%s\r\n%s",
		    HEAD20, rows[i].line, ROW20("tea"), TOTALS7, SUMS_BOTH);
		if (read_text(text, &b, &e) != H5_OK)
			fail_msg("row \"%s\": %s", rows[i].what, e.msg);
		ROW(rows[i].what, b.n == 1 && b.n_odd == 1);
		ROW(rows[i].what, b.rows[0].line == 3);
		ROW(rows[i].what, b.odd[0].line == 2);
		ROW(rows[i].what,
		    strcmp(b.odd[0].transaction_id, rows[i].transaction) == 0);
		ROW(rows[i].what, strstr(b.odd[0].why, rows[i].why) != NULL);
		ROW(rows[i].what, b.odd_settled == 100 && b.odd_refunded == 0);
		ROW(rows[i].what, b.settled_sum == 500);
		h5_bill_free(&b);
	}
}

/* What the odd lines are worth is what the totals know beside the others. */
static void
test_bill__odd_lines_are_worth_what_is_missing(void **state)
{
	struct h5_bill b;
	struct h5_err e;

	(void)state;
	if (read_text(HEAD20 "\n`odd\n" ROW20(
			  "tea") "\n" TOTALS7
				 "\n`2,`5.00,`3.00,`0.00,`0.03000,`6.28,`0.00",
		&b, &e) != H5_OK)
		fail_msg("%s", e.msg);
	assert_int_equal(b.odd_settled, 0);
	assert_int_equal(b.odd_refunded, 300);
	h5_bill_free(&b);
}

/* The totals are believed in no case against what was read. */
static void
test_bill__odd_lines_do_not_hide_what_is_missing(void **state)
{
	static const struct {
		const char *what, *lines, *sums;
	} rows[] = {
	    {"the totals know of no more", "odd\n" ROW20("tea") "\n",
		"`1,`5.00,`0.00,`0.00,`0.03000,`6.28,`0.00"},
	    {"two are missing, one is odd", ROW20("tea") "\n`odd\n",
		"`3,`7.00,`0.00,`0.00,`0.04000,`8.28,`0.00"},
	    {"less money than was read", "`odd\n" ROW20("tea") "\n",
		"`2,`4.99,`0.00,`0.00,`0.03000,`6.28,`0.00"},
	    {"fewer orders' worth than was read", "`odd\n" ROW20("tea") "\n",
		"`2,`6.00,`0.00,`0.00,`0.03000,`6.27,`0.00"},
	    {"no totals", "`odd\n" ROW20("tea") "\n", NULL},
	};
	char text[8192];
	struct h5_bill b;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(text, sizeof text, HEAD20 "\n%s%s\n%s\n",
		    rows[i].lines, rows[i].sums == NULL ? "" : TOTALS7,
		    rows[i].sums == NULL ? "" : rows[i].sums);
		ROW(rows[i].what, read_text(text, &b, &e) == H5_E_INPUT);
		ROW(rows[i].what, b.odd == NULL);
	}
}

static void
test_bill__odd_lines_have_a_limit(void **state)
{
	struct h5_buf text;
	struct h5_bill b;
	struct h5_err e;
	int i, n;

	(void)state;
	for (n = H5_BILL_ODD_MAX; n <= H5_BILL_ODD_MAX + 1; n++) {
		h5_buf_init(&text, 1U << 20);
		h5_buf_puts(&text, HEAD20 "\n");
		for (i = 0; i < n; i++)
			h5_buf_puts(&text, "`2019-07-23 18:46:41,`odd\n");
		h5_buf_printf(&text, "总交易单数\n`%d\n", n);
		assert_int_equal(h5_bill_read(&text, &b, &e),
		    n > H5_BILL_ODD_MAX ? H5_E_INPUT : H5_OK);
		h5_bill_free(&b);
		h5_buf_release(&text);
	}
}

/* --- money ---------------------------------------------------------------- */

static void
test_bill__decimals_without_floating_point(void **state)
{
	static const struct {
		const char *s;
		unsigned places;
		int64_t want;
		enum h5_code rc;
	} rows[] = {
	    {"0.00", 2, 0, H5_OK},
	    {"6.28", 2, 628, H5_OK},
	    {"6.2", 2, 620, H5_OK},
	    {"6", 2, 600, H5_OK},
	    {"0.29", 2, 29, H5_OK}, /* 28.999... in binary */
	    {"1.10000", 2, 110, H5_OK},
	    {"45.0", 0, 45, H5_OK},
	    {"0.04000", 5, 4000, H5_OK},
	    {"-0.04000", 5, -4000, H5_OK},
	    {"-0.00", 2, 0, H5_OK},
	    {"000000000000000000000.01", 2, 1, H5_OK},
	    {"9999999999999.99", 2, 999999999999999, H5_OK},
	    {"10000000000000.00", 2, 0, H5_E_INPUT},
	    {"45.5", 0, 0, H5_E_INPUT},
	    {"", 2, 0, H5_E_INPUT},
	    {"-", 2, 0, H5_E_INPUT},
	    {".5", 2, 0, H5_E_INPUT},
	    {"5.", 2, 0, H5_E_INPUT},
	    {"+5", 2, 0, H5_E_INPUT},
	    {"1,000.00", 2, 0, H5_E_INPUT},
	    {"1.2.3", 2, 0, H5_E_INPUT},
	    {" 1", 2, 0, H5_E_INPUT},
	    {"1 ", 2, 0, H5_E_INPUT},
	    {"--1", 2, 0, H5_E_INPUT},
	    {"0x10", 2, 0, H5_E_INPUT},
	    {"nan", 2, 0, H5_E_INPUT},
	};
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		got = 77;
		ROW(rows[i].s, h5_text_decimal(rows[i].s, rows[i].places, &got,
				   NULL) == rows[i].rc);
		ROW(rows[i].s, got == rows[i].want);
	}
}

static void
test_bill__fees_are_what_the_rate_makes(void **state)
{
	static const struct {
		const char *name, *rate;
		int64_t settled, micro; /* -1: cannot tell */
	} rows[] = {
	    {"6.00 at 0.60%", "0.60%", 600, 4000},
	    {"0.03 at 39%", "39.00%", 3, 1000},
	    {"0.01 at 39%", "39.00%", 1, 0},
	    {"half a fen goes up", "0.50%", 100, 1000},
	    {"nothing", "0.60%", 0, 0},
	    {"the most", "100%", H5_FEN_MAX, H5_FEN_MAX * 1000},
	    {"more", "0.60%", H5_FEN_MAX + 1, -1},
	    {"no rate", "", 100, -1},
	    {"a percent sign alone", "%", 100, -1},
	    {"no percent sign", "0.60", 100, -1},
	    {"a word", "free%", 100, -1},
	    {"is negative", "-1%", 100, -1},
	    {"above all", "101%", 100, -1},
	    {"long", "0.000000000000000000000000000%", 100, -1},
	    {"no amount", "0.60%", -1, -1},
	};
	struct h5_bill_row r;
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		memset(&r, 0, sizeof r);
		r.rate = rows[i].rate;
		r.settled_fee = rows[i].settled;
		ROW(rows[i].name,
		    h5_bill_fee_due(&r, &got) == (rows[i].micro >= 0));
		ROW(rows[i].name,
		    got == (rows[i].micro < 0 ? 0 : rows[i].micro));
	}
}

/* The sample's own fees are what its rates make. */
static void
test_bill__published_fees_agree(void **state)
{
	struct h5_bill b;
	struct h5_err e;
	int64_t due;
	size_t i, seen = 0;

	(void)state;
	assert_int_equal(read_fixture("php-bill.ALL.csv", &b, &e), H5_OK);
	for (i = 0; i < b.n; i++)
		if (!b.rows[i].refund && h5_bill_fee_due(&b.rows[i], &due)) {
			assert_int_equal(due, b.rows[i].fee_micro);
			seen++;
		}
	assert_int_equal(seen, b.n_payments);
	h5_bill_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_bill__a_provider_reads_his_sub_merchants_lines),
	    cmocka_unit_test(test_bill__reads_the_official_sample),
	    cmocka_unit_test(test_bill__totals_that_do_not_fit_are_refused),
	    cmocka_unit_test(test_bill__reads_every_known_width),
	    cmocka_unit_test(test_bill__a_name_may_hold_commas_and_back_ticks),
	    cmocka_unit_test(
		test_bill__unknown_and_moved_columns_do_not_matter),
	    cmocka_unit_test(test_bill__a_day_without_rows_is_a_bill),
	    cmocka_unit_test(test_bill__hostile_input_is_refused_and_named),
	    cmocka_unit_test(test_bill__any_cut_of_a_bill_is_refused),
	    cmocka_unit_test(test_bill__a_hundred_columns_are_refused),
	    cmocka_unit_test(test_bill__a_foreign_name_spoils_nothing),
	    cmocka_unit_test(test_bill__a_device_may_hold_a_separator),
	    cmocka_unit_test(test_bill__an_unreadable_line_is_listed),
	    cmocka_unit_test(test_bill__odd_lines_do_not_hide_what_is_missing),
	    cmocka_unit_test(test_bill__as_many_columns_as_are_read),
	    cmocka_unit_test(test_bill__odd_lines_are_worth_what_is_missing),
	    cmocka_unit_test(test_bill__odd_lines_have_a_limit),
	    cmocka_unit_test(test_bill__decimals_without_floating_point),
	    cmocka_unit_test(test_bill__fees_are_what_the_rate_makes),
	    cmocka_unit_test(test_bill__published_fees_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
