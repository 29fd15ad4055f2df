#include "tests/unit/help.h"

#include "common/pay/reconcile.h"

#define DAY 1795363200 /* 2026-11-23 00:00 in Beijing */
#define NOON (DAY + 43200)
#define LATE (DAY + 86399)
#define MUCH_LATER (DAY + 10 * 86400)

#define HEAD                                                                                     \
	"交易时间,公众账号ID,微信订单号,商户订单号,交易类型,交易状态," \
	"应结订单金额,商户退款单号,退款状态,申请退款金额,手续费,费率\n"

struct seen {
	char text[512]; /* "kind order here there held;" each */
};

static void
found(void *arg, const struct h5_difference *d)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	(void)snprintf(s->text + n, sizeof s->text - n, "%s %s %s %s%s;",
	    h5_reconcile_name(d->kind), d->order, d->here, d->there,
	    d->held ? " held" : "");
}

/* An order with two attempts; the first may be paid. */
struct fixture {
	struct h5_attempt attempts[2];
	struct h5_refund refund;
	struct h5_order o;
};

static void
make_order(struct fixture *f, int64_t paid_at)
{
	memset(f, 0, sizeof *f);
	(void)snprintf(f->o.id, sizeof f->o.id, "A00001");
	(void)snprintf(f->attempts[0].out_trade_no,
	    sizeof f->attempts[0].out_trade_no, "A00001");
	(void)snprintf(f->attempts[1].out_trade_no,
	    sizeof f->attempts[1].out_trade_no, "A00001_2");
	f->attempts[1].product = H5_PRODUCT_NATIVE;
	f->o.total_fee = 628;
	f->o.state = H5_ORDER_AWAITING;
	f->o.attempts = f->attempts;
	f->o.n_attempts = 2;
	if (paid_at == 0)
		return;
	f->o.state = H5_ORDER_PAID;
	f->o.paid_at = paid_at;
	f->attempts[0].state = H5_ATTEMPT_PAID;
	(void)snprintf(f->attempts[0].transaction_id,
	    sizeof f->attempts[0].transaction_id, "42");
	(void)snprintf(f->o.transaction_id, sizeof f->o.transaction_id, "42");
}

static void
add_refund(struct fixture *f, const char *status, int64_t at, int64_t changed)
{
	(void)snprintf(f->refund.out_refund_no, sizeof f->refund.out_refund_no,
	    "A00001-r1");
	assert_true(h5_order_refund_state_of(status, &f->refund.state));
	f->refund.refund_fee = 100;
	f->refund.asked_at = at;
	f->refund.changed_at = changed;
	f->o.refunds = &f->refund;
	f->o.n_refunds = 1;
}

static void
read_bill(struct h5_bill *b, const char *lines, const char *count)
{
	struct h5_buf text;
	struct h5_err e;

	h5_buf_init(&text, 65536);
	h5_buf_puts(&text, HEAD);
	h5_buf_puts(&text, lines);
	h5_buf_printf(&text, "总交易单数\n`%s\n", count);
	if (h5_bill_read(&text, b, &e) != H5_OK)
		fail_msg("%s", e.msg);
	h5_buf_release(&text);
}

static struct h5_reconcile
start(struct seen *s, const struct h5_bill *b, int64_t now)
{
	struct h5_reconcile x = {.bill = b,
	    .appid = "wx1",
	    .products = 1 << H5_PRODUCT_H5 | 1 << H5_PRODUCT_NATIVE,
	    .day = DAY,
	    .now = now,
	    .found = found,
	    .arg = s};

	memset(s, 0, sizeof *s);
	return x;
}

#define PAY(no, tx, fee, type)                                                 \
	"`2026-11-23 12:00:00,`wx1,`" tx ",`" no ",`" type ",`SUCCESS,`" fee   \
	",`0,`,`0.00,`0.04000,`0.60%\n"
#define LAST(no, tx, fee, type)                                                \
	"`2026-11-23 23:59:59,`wx1,`" tx ",`" no ",`" type ",`SUCCESS,`" fee   \
	",`0,`,`0.00,`0.04000,`0.60%\n"
#define BACK(no, refund, status, fee)                                          \
	"`2026-11-23 12:00:00,`wx1,`42,`" no ",`MWEB,`REFUND,`0.00,`" refund   \
	",`" status ",`" fee ",`-0.01000,`0.60%\n"

static void
test_reconcile__a_line_of_the_bill(void **state)
{
	static const struct {
		const char *name, *line;
		bool here, paid;
		const char *refund; /* its status here; NULL: none */
		const char *want;
	} rows[] = {
	    {"agrees", PAY("A00001", "42", "6.28", "MWEB"), true, true, NULL,
		""},
	    {"nobody's", PAY("A00001", "42", "6.28", "MWEB"), false, false,
		NULL, "missing-here   628;"},
	    {"of a bill that does not name the way",
		PAY("A00001", "42", "6.28", ""), false, false, NULL,
		"missing-here   628;"},
	    {"another attempt of ours that was never made",
		PAY("A00001_3", "42", "6.28", "MWEB"), true, true, NULL,
		"missing-here A00001  628;"},
	    {"mini program's", PAY("B00001", "43", "6.28", "JSAPI"), false,
		false, NULL, ""},
	    {"mini program's, under our number",
		PAY("A00001", "42", "6.28", "JSAPI"), true, true, NULL,
		"product A00001 MWEB JSAPI;"},
	    {"nobody's, of another product of ours",
		PAY("A00001", "42", "6.28", "NATIVE"), false, false, NULL,
		"missing-here   628;"},
	    {"nobody's, of no product at all",
		PAY("A00001", "42", "6.28", "MICROPAY"), false, false, NULL,
		""},
	    {"by a code, under our number and for a day's last hour",
		LAST("A00001", "42", "6.28", "NATIVE"), true, true, NULL,
		"product A00001 MWEB NATIVE;"},
	    {"unpaid here, and of another product",
		PAY("A00001", "42", "6.28", "APP"), true, false, NULL,
		"state A00001 awaiting SUCCESS;product A00001 MWEB APP;"},
	    {"of a bill that does not name the way, under our number",
		PAY("A00001", "42", "6.28", ""), true, true, NULL, ""},
	    {"a second attempt by a code",
		PAY("A00001_2", "44", "6.28", "NATIVE"), true, true, NULL,
		"state A00001 other attempt SUCCESS;"},
	    {"a second attempt, said to be H5",
		PAY("A00001_2", "44", "6.28", "MWEB"), true, true, NULL,
		"state A00001 other attempt SUCCESS;"
		"product A00001 NATIVE MWEB;"},
	    {"unpaid here", PAY("A00001", "42", "6.28", "MWEB"), true, false,
		NULL, "state A00001 awaiting SUCCESS;"},
	    {"another transaction", PAY("A00001", "43", "6.28", "MWEB"), true,
		true, NULL, "state A00001 other transaction SUCCESS;"},
	    {"another amount", PAY("A00001", "42", "6.29", "MWEB"), true, true,
		NULL, "amount A00001 628 629;"},
	    {"another amount, unpaid here", PAY("A00001", "42", "6.27", "MWEB"),
		true, false, NULL, "amount A00001 628 627;"},
	    {"an amount whose fee is wrong",
		PAY("A00001", "42", "62.80", "MWEB"), true, true, NULL,
		"amount A00001 628 6280;fee A00001 38 4;"},
	    {"refund agrees", BACK("A00001", "A00001-r1", "SUCCESS", "1.00"),
		true, true, "SUCCESS", ""},
	    {"refund of a payment of another product",
		BACK("A00001_2", "A00001-r1", "SUCCESS", "1.00"), true, true,
		"SUCCESS", "product A00001 NATIVE MWEB;"},
	    {"refund unknown", BACK("A00001", "A00001-r9", "SUCCESS", "1.00"),
		true, true, "SUCCESS", "refund-missing-here A00001  100;"},
	    {"refund of nobody's order",
		BACK("B00001", "R1", "SUCCESS", "1.00"), false, false, NULL,
		"refund-missing-here   100;"},
	    {"refund of another amount",
		BACK("A00001", "A00001-r1", "SUCCESS", "1.01"), true, true,
		"SUCCESS", "amount A00001 100 101;"},
	    {"refund not done here",
		BACK("A00001", "A00001-r1", "SUCCESS", "1.00"), true, true,
		"PROCESSING", "state A00001 PROCESSING SUCCESS;"},
	    {"refund not done there",
		BACK("A00001", "A00001-r1", "PROCESSING", "1.00"), true, true,
		"PROCESSING", ""},
	};
	struct h5_reconcile x;
	struct fixture f;
	struct h5_bill b;
	struct seen s;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		make_order(&f, rows[i].paid ? NOON : 0);
		if (rows[i].refund != NULL)
			add_refund(&f, rows[i].refund, NOON, NOON);
		read_bill(&b, rows[i].line, "1");
		x = start(&s, &b, NOON + 86400);
		if (b.rows[0].refund)
			h5_reconcile_refund(
			    &x, &b.rows[0], rows[i].here ? &f.o : NULL);
		else
			h5_reconcile_payment(
			    &x, &b.rows[0], rows[i].here ? &f.o : NULL);
		if (strcmp(s.text, rows[i].want) != 0)
			fail_msg("row \"%s\": %s", rows[i].name, s.text);
		ROW(rows[i].name,
		    x.elsewhere == (rows[i].want[0] == '\0' && !rows[i].here));
		h5_bill_free(&b);
	}
}

static void
test_reconcile__an_order_that_the_bill_should_hold(void **state)
{
	static const struct {
		const char *name;
		int64_t paid_at, now;
		const char *refund;
		int64_t asked_at, changed_at;
		const char *want; /* with an empty bill */
	} rows[] = {
	    {"unpaid", 0, MUCH_LATER, NULL, 0, 0, ""},
	    {"paid that day", NOON, MUCH_LATER, NULL, 0, 0,
		"missing-there A00001 628 ;"},
	    {"paid in its first second", DAY, MUCH_LATER, NULL, 0, 0,
		"missing-there A00001 628 ;"},
	    {"paid the day before", DAY - 1, MUCH_LATER, NULL, 0, 0, ""},
	    {"paid the day after", DAY + 86400, MUCH_LATER, NULL, 0, 0, ""},
	    {"paid in the last hour, looked at next day", LATE,
		DAY + 86400 + 36000, NULL, 0, 0,
		"missing-there A00001 628  held;"},
	    {"paid in the last hour, looked at a day later", LATE,
		DAY + 2 * 86400, NULL, 0, 0, "missing-there A00001 628 ;"},
	    {"paid just before the last hour", DAY + 23 * 3600 - 1,
		DAY + 86400 + 36000, NULL, 0, 0, "missing-there A00001 628 ;"},
	    {"refunded that day", DAY - 86400, MUCH_LATER, "SUCCESS", NOON,
		NOON + 60, "refund-missing-there A00001 100 ;"},
	    {"refunded over midnight", DAY - 86400, MUCH_LATER, "SUCCESS", NOON,
		NOON + 86400, ""},
	    {"refund not done", DAY - 86400, MUCH_LATER, "PROCESSING", NOON,
		NOON + 60, ""},
	};
	struct h5_reconcile x;
	struct h5_bill none;
	struct fixture f;
	struct seen s;
	size_t i;

	(void)state;
	h5_bill_empty(&none);
	for (i = 0; i < COUNT(rows); i++) {
		make_order(&f, rows[i].paid_at);
		if (rows[i].refund != NULL)
			add_refund(&f, rows[i].refund, rows[i].asked_at,
			    rows[i].changed_at);
		x = start(&s, &none, rows[i].now);
		h5_reconcile_order(&x, &f.o);
		if (strcmp(s.text, rows[i].want) != 0)
			fail_msg("row \"%s\": %s", rows[i].name, s.text);
	}
}

static void
test_reconcile__this_bill_or_the_next_will_do(void **state)
{
	struct h5_reconcile x;
	struct h5_bill b, none;
	struct fixture f;
	struct seen s;

	(void)state;
	h5_bill_empty(&none);
	read_bill(&b,
	    PAY("A00001", "42", "6.28", "MWEB")
		BACK("A00001", "A00001-r1", "SUCCESS", "1.00"),
	    "2");
	make_order(&f, NOON);
	add_refund(&f, "SUCCESS", NOON, NOON);
	x = start(&s, &b, MUCH_LATER);
	h5_reconcile_order(&x, &f.o);
	assert_string_equal(s.text, "");
	x = start(&s, &none, MUCH_LATER);
	x.next = &b;
	h5_reconcile_order(&x, &f.o);
	assert_string_equal(s.text, "");
	x.next = &none;
	h5_reconcile_order(&x, &f.o);
	assert_string_not_equal(s.text, "");
	h5_bill_free(&b);
}

/* A10: the line is there, whether it could be read or not. */
static void
test_reconcile__an_unreadable_line_is_listed(void **state)
{
	struct fixture here, other;
	struct h5_reconcile x;
	struct h5_bill b, next;
	struct seen s;
	size_t i;

	(void)state;
	read_bill(&b,
	    "`2026-11-23 12:00:00,`wx1,`42,`A00001,`MWEB\n"
	    "`2026-11-23 12:00:00,`wx1\n",
	    "2");
	h5_bill_empty(&next);
	x = start(&s, &b, MUCH_LATER);
	assert_int_equal(b.n_odd, 2);
	for (i = 0; i < b.n_odd; i++)
		h5_reconcile_odd(&x, &b.odd[i]);
	assert_string_equal(s.text, "unreadable   line 2;unreadable   line 3;");
	make_order(&here, NOON);
	make_order(&other, NOON);
	(void)snprintf(
	    other.o.transaction_id, sizeof other.o.transaction_id, "43");
	s.text[0] = '\0';
	h5_reconcile_order(&x, &here.o);
	assert_string_equal(s.text, "");
	h5_reconcile_order(&x, &other.o);
	assert_string_equal(s.text, "missing-there A00001 628 ;");
	/* Or in the bill of the day after. */
	x.bill = &next;
	x.next = &b;
	s.text[0] = '\0';
	h5_reconcile_order(&x, &here.o);
	assert_string_equal(s.text, "");
	h5_bill_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reconcile__a_line_of_the_bill),
	    cmocka_unit_test(
		test_reconcile__an_order_that_the_bill_should_hold),
	    cmocka_unit_test(test_reconcile__this_bill_or_the_next_will_do),
	    cmocka_unit_test(test_reconcile__an_unreadable_line_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
