/* The walks of an order against a WeChat that answers from a script: every
 * call of wxpay is replaced at link time. */
#include "tests/unit/help.h"

#include <unistd.h>

#include "common/base/clock.h"
#include "common/pay/attempt.h"
#include "common/pay/limit.h"
#include "common/pay/pay.h"
#include "common/pay/settle.h"
#include "common/pay/stays.h"
#include "tests/unit/where.h"

#define IP "203.0.113.7"

/* What WeChat will do, call by call, and what it was asked. */
struct script {
	enum h5_wechat_verdict order[4], query[8], close[4];
	enum h5_code order_rc[4], query_rc[8], close_rc[4];
	const char *state[8]; /* trade_state of each query */
	int64_t fee[8]; /* 0: the order's */
	unsigned orders, queries, closes, lists;
	struct h5_wechat_refunds list[4];
	enum h5_wechat_verdict list_verdict[4];
	enum h5_code list_rc[4];
	bool endless; /* each call is answered as the first of its kind */
	bool told, tells; /* its time: before, by an answer to a query */
	bool dateless; /* no answer tells it */
	int64_t set_s; /* by how much the clock is set while it is asked */
	int64_t ahead_s;
	/* What somebody else does once an attempt was closed, before the next
	 * number is made. */
	void (*meanwhile)(const struct h5_shop *shop);
	const struct h5_shop *shop;
	char last[H5_OUT_TRADE_NO_MAX + 1];
	char calls[256]; /* "O:id Q:id C:id " */
};

/* One test at a time: cmocka runs them in turn. */
static struct script script;

static unsigned
next_of(unsigned *calls)
{
	unsigned n = (*calls)++;

	return script.endless ? 0 : n;
}

static void
called(char what, const char *number)
{
	size_t n = strlen(script.calls);

	(void)snprintf(
	    script.calls + n, sizeof script.calls - n, "%c:%s ", what, number);
	(void)snprintf(script.last, sizeof script.last, "%s", number);
}

enum h5_code __wrap_h5_wechat_prepay(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_wechat_prepay *out,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
enum h5_code __wrap_h5_wechat_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    struct h5_wechat_trade *t, struct h5_wechat_refusal *refusal,
    struct h5_err *e);
enum h5_code __wrap_h5_wechat_close(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

enum h5_code
__wrap_h5_wechat_prepay(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_wechat_prepay *out, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	unsigned n = next_of(&script.orders);

	(void)w;
	(void)log;
	(void)o;
	(void)ip;
	assert_true(n < 4);
	memset(out, 0, sizeof *out);
	memset(refusal, 0, sizeof *refusal);
	called('O', a->out_trade_no);
	if (script.order_rc[n] != H5_OK)
		return h5_err_set(e, script.order_rc[n], "scripted");
	refusal->verdict = script.order[n];
	if (refusal->verdict == H5_WECHAT_SUCCESS) {
		(void)snprintf(
		    out->prepay_id, sizeof out->prepay_id, "wx%u", n);
		out->mweb_url = strdup("https://wx.tenpay.com/x?prepay_id=wx");
	}
	return H5_OK;
}

enum h5_code
__wrap_h5_wechat_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, struct h5_wechat_trade *t,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	unsigned n = next_of(&script.queries);
	const char *state;

	(void)w;
	(void)log;
	assert_true(n < 8);
	h5_wechat_trade_init(t);
	memset(refusal, 0, sizeof *refusal);
	called('Q', a->out_trade_no);
	if (script.query_rc[n] != H5_OK)
		return h5_err_set(e, script.query_rc[n], "scripted");
	refusal->verdict = script.query[n];
	state = script.state[n] != NULL ? script.state[n] : "NOTPAY";
	(void)snprintf(
	    t->out_trade_no, sizeof t->out_trade_no, "%s", a->out_trade_no);
	(void)snprintf(t->trade_state, sizeof t->trade_state, "%s", state);
	(void)snprintf(t->fee_type, sizeof t->fee_type, "CNY");
	t->paid = strcmp(state, "SUCCESS") == 0 || strcmp(state, "REFUND") == 0;
	if (t->paid) {
		t->total_fee = script.fee[n] != 0 ? script.fee[n] : 100;
		(void)snprintf(t->transaction_id, sizeof t->transaction_id,
		    "4200%.28s", a->out_trade_no);
	}
	return H5_OK;
}

enum h5_code
__wrap_h5_wechat_close(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	unsigned n = next_of(&script.closes);

	(void)w;
	(void)log;
	assert_true(n < 4);
	memset(refusal, 0, sizeof *refusal);
	called('C', a->out_trade_no);
	if (script.close_rc[n] != H5_OK)
		return h5_err_set(e, script.close_rc[n], "scripted");
	refusal->verdict = script.close[n];
	return H5_OK;
}

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
	unsigned n = script.lists++;

	(void)w;
	(void)log;
	assert_true(n < 4);
	assert_memory_equal(transaction_id, "4200", 4);
	memset(refusal, 0, sizeof *refusal);
	called('L', a->out_trade_no);
	if (script.list_rc[n] != H5_OK)
		return h5_err_set(e, script.list_rc[n], "scripted");
	*list = script.list[n];
	refusal->verdict = script.list_verdict[n];
	return H5_OK;
}

/* The clock is the test's own. */
static int64_t now = 1795430400;
bool __wrap_h5_wechat_clock(const struct h5_wechat *w, int64_t *ahead_s);
bool
__wrap_h5_wechat_clock(const struct h5_wechat *w, int64_t *ahead_s)
{
	(void)w;
	if (script.queries > 0)
		now += script.set_s;
	*ahead_s = script.ahead_s;
	return script.told || (script.tells && script.queries > 0);
}

bool __wrap_h5_wechat_date(const struct h5_wechat *w, int64_t *at);
bool
__wrap_h5_wechat_date(const struct h5_wechat *w, int64_t *at)
{
	(void)w;
	*at = now - script.ahead_s;
	return !script.dateless;
}

int64_t __wrap_h5_clock_now(void);
int64_t
__wrap_h5_clock_now(void)
{
	return now;
}

int64_t __real_h5_order_expires_at(const struct h5_order *o, int64_t at);
int64_t __wrap_h5_order_expires_at(const struct h5_order *o, int64_t at);
/* Behind a close the next number asks for it, while no lock is held. */
int64_t
__wrap_h5_order_expires_at(const struct h5_order *o, int64_t at)
{
	void (*meanwhile)(const struct h5_shop *shop) = script.meanwhile;

	if (script.closes > 0 && meanwhile != NULL) {
		script.meanwhile = NULL;
		meanwhile(script.shop);
	}
	return __real_h5_order_expires_at(o, at);
}

struct shop {
	struct h5_config c;
	struct h5_log log;
	struct h5_shop pay;
	char dir[64];
	char store[80];
};

static int
open_shop(void **state)
{
	struct shop *s = calloc(1, sizeof *s);
	struct h5_err e;

	assert_non_null(s);
	memset(&script, 0, sizeof script);
	script.told = true;
	now = 1795430400;
	(void)snprintf(s->dir, sizeof s->dir, "/tmp/h5pay-pay-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->store, sizeof s->store, "%s/store", s->dir);
	s->c.merchant.sign_type = H5_SIGN_HMAC_SHA256;
	s->c.orders.expire_minutes = 120;
	s->c.orders.query_interval_s = 3;
	s->c.gateway.deadline_ms = 1000;
	h5_log_init(&s->log, "test", "/dev/null");
	s->pay.c = &s->c;
	s->pay.log = &s->log;
	assert_int_equal(
	    h5_store_open(WHERE(s->store), 0, &s->pay.st, &e), H5_OK);
	script.shop = &s->pay;
	*state = s;
	return 0;
}

static int
close_shop(void **state)
{
	struct shop *s = *state;

	h5_store_close(s->pay.st);
	help_remove(s->dir);
	free(s);
	return 0;
}

static void
make(struct shop *s, const char *id)
{
	struct h5_pay_terms t = {
	    .id = id, .body = "Tea", .lang = "en", .ip = IP, .total_fee = 100};
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(h5_pay_create(&s->pay, &t, &o, &e), H5_OK);
	assert_int_equal(o->state, H5_ORDER_CREATED);
	h5_order_free(o);
}

/* Starts the payment of order-1 and checks what came of it. */
static void
start(struct shop *s, bool again, enum h5_code want_rc, enum h5_pay_result want,
    const char *calls)
{
	enum h5_pay_result result;
	struct h5_order *o;
	struct h5_err e;

	script.calls[0] = '\0';
	assert_int_equal(h5_pay_start(&s->pay, "order-1",
			     &(struct h5_pay_way){.ip = IP, .again = again},
			     &result, &o, &e),
	    want_rc);
	if (want_rc == H5_OK)
		assert_int_equal(result, want);
	assert_string_equal(script.calls, calls);
	h5_order_free(o);
}

static struct h5_order *
load(struct shop *s)
{
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(h5_store_load(s->pay.st, "order-1", &o, &e), H5_OK);
	return o;
}

static void
expect_state(struct shop *s, enum h5_order_state want, size_t attempts)
{
	struct h5_order *o = load(s);

	assert_int_equal(o->state, want);
	assert_int_equal(o->n_attempts, attempts);
	h5_order_free(o);
}

static void
test_pay__create_twice_with_the_same_terms_is_one_order(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	make(s, "order-1");
	expect_state(s, H5_ORDER_CREATED, 1);
}

static void
test_pay__create_with_other_terms_is_a_conflict(void **state)
{
	/* As it stands, and each time one term is another. */
	static const struct h5_pay_terms item = {.id = "order-1",
	    .body = "Tea",
	    .attach = "a=1",
	    .item = "tea",
	    .qty = 2,
	    .return_url = "https://shop.example/1",
	    .ip = IP,
	    .total_fee = 100};
	struct shop *s = *state;
	struct h5_pay_terms rows[10], link = item;
	struct h5_order *o;
	struct h5_err e;
	size_t i;

	assert_int_equal(h5_pay_create(&s->pay, &item, &o, &e), H5_OK);
	h5_order_free(o);
	for (i = 0; i < COUNT(rows); i++)
		rows[i] = item;
	rows[0].total_fee = 99;
	rows[1].total_fee = 101;
	rows[2].attach = "a=2";
	rows[3].attach = NULL;
	rows[4].item = "cup";
	rows[5].item = NULL;
	rows[6].qty = 1;
	rows[7].qty = 3;
	rows[8].return_url = "https://shop.example/2";
	rows[9].return_url = NULL;
	for (i = 0; i < COUNT(rows); i++) {
		ROW("term",
		    h5_pay_create(&s->pay, &rows[i], &o, &e) == H5_E_EXISTS);
		assert_non_null(o);
		h5_order_free(o);
	}
	/* An item's title may change; the body of a link may not. */
	rows[0] = item;
	rows[0].body = "Green tea";
	assert_int_equal(h5_pay_create(&s->pay, &rows[0], &o, &e), H5_OK);
	h5_order_free(o);
	link.id = "order-2";
	link.item = NULL;
	link.qty = 0;
	assert_int_equal(h5_pay_create(&s->pay, &link, &o, &e), H5_OK);
	h5_order_free(o);
	link.body = "Green tea";
	assert_int_equal(h5_pay_create(&s->pay, &link, &o, &e), H5_E_EXISTS);
	h5_order_free(o);
}

/* An order lives as long as the shop says, no longer than its link, and no
 * shorter than WeChat takes. */
static void
test_pay__create_sets_the_end(void **state)
{
	static const struct {
		int64_t link; /* seconds from now; 0: without an end */
		int64_t want;
	} rows[] = {{0, 7200}, {7199, 7199}, {7201, 7200},
	    {H5_PAY_EXPIRE_LEAST_S, H5_PAY_EXPIRE_LEAST_S},
	    {H5_PAY_EXPIRE_LEAST_S - 1, H5_PAY_EXPIRE_LEAST_S}};
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_err e;
	char id[16];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct h5_pay_terms t = {
		    .id = id, .body = "Tea", .ip = IP, .total_fee = 100};

		(void)snprintf(id, sizeof id, "order-%zu", i);
		t.expires = rows[i].link == 0 ? 0 : now + rows[i].link;
		assert_int_equal(h5_pay_create(&s->pay, &t, &o, &e), H5_OK);
		assert_int_equal(o->expires_at - now, rows[i].want);
		assert_int_equal(
		    o->attempts[0].time_expire - now, rows[i].want);
		h5_order_free(o);
	}
}

static void
test_pay__start_twice_is_one_unifiedorder(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 269;
	start(s, false, H5_OK, H5_PAY_GO, "");
	now += 1;
	start(s, false, H5_OK, H5_PAY_GO, "Q:order-1 O:order-1 ");
}

static void
test_pay__start_from_another_address_orders_again(void **state)
{
	struct shop *s = *state;
	enum h5_pay_result result;
	struct h5_order *o;
	struct h5_err e;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.calls[0] = '\0';
	assert_int_equal(
	    h5_pay_start(&s->pay, "order-1",
		&(struct h5_pay_way){.ip = "198.51.100.9"}, &result, &o, &e),
	    H5_OK);
	assert_string_equal(script.calls, "O:order-1 ");
	assert_string_equal(
	    h5_order_current(o)->spbill_create_ip, "198.51.100.9");
	h5_order_free(o);
}

static void
test_pay__again_asks_first_and_uses_the_number_again(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	start(s, true, H5_OK, H5_PAY_GO, "Q:order-1 O:order-1 ");
	/* Inside the interval the look is skipped, and the young mweb_url is
	 * handed out again. */
	now += 1;
	start(s, true, H5_OK, H5_PAY_GO, "");
	now += 2;
	start(s, true, H5_OK, H5_PAY_GO, "Q:order-1 O:order-1 ");
	expect_state(s, H5_ORDER_AWAITING, 1);
}

static void
test_pay__again_on_a_paid_order_shows_it(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.state[0] = "SUCCESS";
	start(s, true, H5_OK, H5_PAY_SETTLED, "Q:order-1 ");
	expect_state(s, H5_ORDER_PAID, 1);
	start(s, true, H5_OK, H5_PAY_SETTLED, "");
}

static void
test_pay__a_taken_number_is_closed_before_the_next(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 O:order-1_2 ");
	expect_state(s, H5_ORDER_AWAITING, 2);
}

static void
test_pay__a_number_that_cannot_be_closed_yet_waits(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.close[0] = H5_WECHAT_NOT_YET;
	start(s, true, H5_OK, H5_PAY_WAIT,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 ");
	expect_state(s, H5_ORDER_AWAITING, 1);
}

static void
test_pay__a_close_of_unknown_outcome_makes_no_next_attempt(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.close_rc[0] = H5_E_NET;
	start(s, true, H5_E_NET, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 ");
	expect_state(s, H5_ORDER_AWAITING, 1);
}

static void
test_pay__a_number_closed_by_a_dead_program_goes_on(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.order_rc[2] = H5_E_NET;
	start(s, true, H5_E_NET, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 O:order-1_2 ");
	start(s, true, H5_OK, H5_PAY_GO, "O:order-1_2 ");
}

static void
test_pay__our_own_close_with_a_lost_answer_goes_on(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.close_rc[0] = H5_E_NET;
	start(s, true, H5_E_NET, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 ");
	now += 10;
	script.state[2] = "CLOSED";
	start(s, true, H5_OK, H5_PAY_GO, "Q:order-1 O:order-1_2 ");
	expect_state(s, H5_ORDER_AWAITING, 2);
}

static void
test_pay__paid_while_closing_is_paid(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.close[0] = H5_WECHAT_PAID;
	script.state[2] = "SUCCESS";
	start(s, true, H5_OK, H5_PAY_SETTLED,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_PAID, 1);
}

static void
pay_it(const struct h5_shop *shop)
{
	struct h5_wechat_trade t;
	enum h5_settled settled;
	struct h5_order *o;
	struct h5_err e;

	h5_wechat_trade_init(&t);
	(void)snprintf(t.out_trade_no, sizeof t.out_trade_no, "order-1");
	(void)snprintf(t.transaction_id, sizeof t.transaction_id, "4200");
	(void)snprintf(t.trade_state, sizeof t.trade_state, "SUCCESS");
	(void)snprintf(t.fee_type, sizeof t.fee_type, "CNY");
	t.total_fee = 100;
	t.paid = true;
	assert_int_equal(
	    h5_settle(shop, &t, "notify", &settled, &o, &e), H5_OK);
	assert_int_equal(settled, H5_SETTLED_NOW);
	h5_order_free(o);
	h5_wechat_trade_release(&t);
}

/* A notice takes no hold: it comes between our close and the next number. */
static void
test_pay__paid_before_the_next_number_makes_none(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.meanwhile = pay_it;
	start(s, true, H5_OK, H5_PAY_SETTLED,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 ");
	assert_null(script.meanwhile);
	expect_state(s, H5_ORDER_PAID, 1);
}

static enum h5_code
decide_second(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct h5_event *ev = h5_store_add(b, H5_EVENT_ATTEMPT);

	(void)arg;
	assert_int_equal(h5_order_current(o)->state, H5_ATTEMPT_CLOSED);
	h5_event_text(ev, "out_trade_no", "order-1_2");
	h5_event_text(ev, "spbill_create_ip", IP);
	h5_event_time(ev, "time_start", now);
	h5_event_time(ev, "time_expire", now + 600);
	return h5_event_finish(ev, e);
}

static void
make_second(const struct h5_shop *shop)
{
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(h5_store_update(shop->st, "order-1", NULL,
			     decide_second, NULL, &o, &e),
	    H5_OK);
	h5_order_free(o);
}

/* Whoever paid no heed to the hold made the next number: it is ordered, and no
 * third one is made beside it. */
static void
test_pay__beside_an_open_number_no_next_one_is_made(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.meanwhile = make_second;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 O:order-1_2 ");
	assert_null(script.meanwhile);
	expect_state(s, H5_ORDER_AWAITING, 2);
}

/* What each answer to closeorder means for the number. */
static void
test_pay__only_what_ends_a_number_makes_the_next(void **state)
{
	static const struct {
		const char *name;
		enum h5_wechat_verdict says;
		enum h5_code want;
		bool ends;
	} rows[] = {
	    {"closed before", H5_WECHAT_CLOSED, H5_OK, true},
	    {"unknown outcome", H5_WECHAT_AGAIN, H5_E_NET, false},
	    {"not yet", H5_WECHAT_NOT_YET, H5_E_STATE, false},
	    {"taken", H5_WECHAT_TAKEN, H5_E_REMOTE, false},
	    {"no refund", H5_WECHAT_NO_REFUND, H5_E_REMOTE, false},
	    {"the merchant's", H5_WECHAT_MERCHANT, H5_E_REMOTE, false},
	    {"refused", H5_WECHAT_REFUSED, H5_E_REMOTE, false},
	    {"done", H5_WECHAT_SUCCESS, H5_OK, true},
	};
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_err e;
	char id[16];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(id, sizeof id, "order-%zu", i);
		make(s, id);
		script.closes = 0;
		script.close[0] = rows[i].says;
		assert_int_equal(h5_store_load(s->pay.st, id, &o, &e), H5_OK);
		ROW(rows[i].name,
		    h5_pay_close_attempt(&s->pay, id, &o, &e) == rows[i].want);
		ROW(rows[i].name, (o->attempts[0].state == H5_ATTEMPT_CLOSED) ==
				      rows[i].ends);
		h5_order_free(o);
	}
}

/* closeorder says ORDERPAID; the query that has to confirm it does not. */
static void
test_pay__paid_by_closeorders_word_alone_makes_no_next_number(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.close[0] = H5_WECHAT_PAID;
	start(s, true, H5_E_REMOTE, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_AWAITING, 1);
}

static void
close_rest(struct shop *s, const char *calls)
{
	struct h5_order *o;
	struct h5_err e;

	script.calls[0] = '\0';
	assert_int_equal(h5_pay_close_rest(&s->pay, "order-1", &o, &e), H5_OK);
	assert_string_equal(script.calls, calls);
	h5_order_free(o);
}

static void
test_pay__what_is_open_beside_a_payment_is_closed_alone(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	/* Not paid: its buyer may still pay. */
	close_rest(s, "");
	script.order[1] = H5_WECHAT_TAKEN;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 O:order-1_2 ");
	pay_it(&s->pay);
	close_rest(s, "C:order-1_2 ");
	close_rest(s, "");
	o = load(s);
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->attempts[0].state, H5_ATTEMPT_PAID);
	assert_int_equal(o->attempts[1].state, H5_ATTEMPT_CLOSED);
	h5_order_free(o);
}

static void
test_pay__orderpaid_is_asked_and_settled(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.order[0] = H5_WECHAT_PAID;
	script.state[0] = "SUCCESS";
	start(s, false, H5_OK, H5_PAY_SETTLED, "O:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_PAID, 1);
}

static void
test_pay__orderpaid_that_nobody_confirms_is_not_believed(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.order[0] = H5_WECHAT_PAID;
	start(s, false, H5_E_REMOTE, H5_PAY_GO, "O:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CREATED, 1);
}

static void
test_pay__merchant_faults_and_unknown_outcomes(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.order[0] = H5_WECHAT_MERCHANT;
	start(s, false, H5_OK, H5_PAY_MERCHANT, "O:order-1 ");
	script.order[1] = H5_WECHAT_AGAIN;
	start(s, false, H5_E_NET, H5_PAY_GO, "O:order-1 ");
	script.order_rc[2] = H5_E_REMOTE;
	start(s, false, H5_E_REMOTE, H5_PAY_GO, "O:order-1 ");
	expect_state(s, H5_ORDER_CREATED, 1);
}

static void
test_pay__an_expired_order_is_closed_at_wechat_first(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 7200;
	start(s, true, H5_OK, H5_PAY_SETTLED, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
}

/* The clock decides about money only if WeChat's agrees. */
static void
test_pay__a_wrong_clock_ends_no_order(void **state)
{
	static const int64_t off[] = {61, -61, 3 * 3600, -3 * 3600};
	struct shop *s = *state;
	size_t i;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 7200;
	for (i = 0; i < COUNT(off); i++) {
		script.ahead_s = off[i];
		start(s, true, H5_OK, H5_PAY_WAIT, "");
	}
	/* Nothing told the time: WeChat is asked, and does. */
	script.told = false;
	start(s, true, H5_OK, H5_PAY_WAIT, "Q:order-1 ");
	script.tells = true;
	start(s, true, H5_OK, H5_PAY_WAIT, "");
	expect_state(s, H5_ORDER_AWAITING, 1);
	script.ahead_s = -60;
	start(s, true, H5_OK, H5_PAY_SETTLED, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
}

/* A clock that was hours ahead when the order was looked at, and is set right
 * while WeChat is asked. */
static void
test_pay__a_clock_set_right_meanwhile_ends_no_order(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 3 * 3600;
	script.told = false;
	script.tells = true;
	script.set_s = 600 - 3 * 3600;
	start(s, true, H5_OK, H5_PAY_WAIT, "Q:order-1 ");
	expect_state(s, H5_ORDER_AWAITING, 1);
}

static void
test_pay__an_order_expires_in_its_second(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_err e;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 7199;
	script.calls[0] = '\0';
	assert_int_equal(h5_pay_expire(&s->pay, "order-1", &o, &e), H5_E_STATE);
	h5_order_free(o);
	assert_string_equal(script.calls, "");
	now++;
	assert_int_equal(h5_pay_expire(&s->pay, "order-1", &o, &e), H5_OK);
	h5_order_free(o);
	expect_state(s, H5_ORDER_CLOSED, 1);
}

static void
test_pay__a_buyer_is_not_late_before_the_second(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 7199;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 Q:order-1 C:order-1 O:order-1_2 ");
}

static void
test_pay__an_order_of_1972_can_be_paid_once_the_clock_is_right(void **state)
{
	struct shop *s = *state;
	int64_t right = now;
	struct h5_order *o;

	now = 63072000;
	make(s, "order-1");
	script.order_rc[0] = H5_E_NET;
	start(s, false, H5_E_NET, H5_PAY_GO, "O:order-1 ");
	now = right;
	script.query[0] = script.query[1] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[0] = H5_WECHAT_UNKNOWN_ORDER;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 Q:order-1 C:order-1 O:order-1_2 ");
	o = load(s);
	assert_int_equal(o->attempts[1].time_start, right);
	assert_int_equal(o->attempts[1].time_expire, right + 7200);
	assert_int_equal(h5_order_ends_at(o), right + 7200);
	h5_order_free(o);
	now += 7200;
	start(s, true, H5_OK, H5_PAY_SETTLED,
	    "C:order-1_2 Q:order-1 Q:order-1_2 ");
	expect_state(s, H5_ORDER_CLOSED, 2);
}

static void
test_pay__a_link_of_the_future_is_not_fresh(void **state)
{
	struct h5_attempt a = {
	    .state = H5_ATTEMPT_AWAITING, .prepaid_at = 1795430400};
	char url[] = "https://wx.tenpay.com/x";

	(void)state;
	a.mweb_url = url;
	a.prepay_id = url;
	assert_true(h5_pay_fresh(&a, a.prepaid_at));
	assert_true(h5_pay_fresh(&a, a.prepaid_at + 269));
	assert_false(h5_pay_fresh(&a, a.prepaid_at + 270));
	/* The clock was set back: how old the link is, nobody knows. */
	assert_false(h5_pay_fresh(&a, a.prepaid_at - 1));
	assert_false(h5_pay_fresh(&a, a.prepaid_at - 86400));
	/* Of what has ended no link is. */
	a.state = H5_ATTEMPT_CLOSED;
	assert_false(h5_pay_fresh(&a, a.prepaid_at));
	a.state = H5_ATTEMPT_PAID;
	assert_false(h5_pay_fresh(&a, a.prepaid_at));
	a.state = H5_ATTEMPT_AWAITING;
	a.prepay_id = NULL;
	assert_false(h5_pay_fresh(&a, a.prepaid_at));
}

static void
test_pay__the_least_time_between_queries_doubles(void **state)
{
	struct shop *s = *state;
	struct h5_order *o = NULL;
	int64_t gap;
	int i;

	make(s, "order-1");
	for (i = 0, gap = 3; i < 97; i++) {
		struct h5_pay_note n = {
		    H5_EVENT_QUERIED, "order-1", NULL, "NOTPAY"};
		struct h5_err e;

		if (o == NULL)
			o = load(s);
		assert_int_equal(h5_pay_note(&s->pay, &o, n, &e), H5_OK);
		/* Doubled with the 32nd, the 64th and the 96th. */
		gap = (int64_t)3 << ((i + 1) / 32);
		assert_true(h5_pay_too_early(&s->pay, o, now + gap - 1));
		assert_false(h5_pay_too_early(&s->pay, o, now + gap));
	}
	h5_order_free(o);
}

/* It grows no further after the tenth step, and neither a clock that was set
 * back nor a WeChat that was not reached keeps a buyer waiting. */
static void
test_pay__the_least_time_has_an_end(void **state)
{
	struct shop *s = *state;
	struct h5_order o = {.tried_at = 1795430400};
	size_t n = (size_t)32 * 12, i;

	o.events = calloc(n, sizeof *o.events);
	assert_non_null(o.events);
	o.n_events = n;
	for (i = 0; i < n; i++)
		o.events[i].kind = H5_EVENT_QUERIED;
	assert_true(h5_pay_too_early(&s->pay, &o, now + (3 << 10) - 1));
	assert_false(h5_pay_too_early(&s->pay, &o, now + (3 << 10)));
	assert_true(h5_pay_too_early(&s->pay, &o, now));
	assert_false(h5_pay_too_early(&s->pay, &o, now - 1));
	o.n_events = 0;
	assert_true(h5_pay_too_early(&s->pay, &o, now + 2));
	assert_false(h5_pay_too_early(&s->pay, &o, now + 3));
	o.unreached = true;
	assert_true(h5_pay_too_early(&s->pay, &o, now));
	assert_false(h5_pay_too_early(&s->pay, &o, now + 1));
	/* A shop may want less than that. */
	s->c.orders.query_interval_s = 0;
	assert_false(h5_pay_too_early(&s->pay, &o, now));
	s->c.orders.query_interval_s = 3;
	o.unreached = false;
	o.tried_at = 0;
	assert_false(h5_pay_too_early(&s->pay, &o, now));
	free(o.events);
}

static void
ask(struct shop *s, bool force, enum h5_code want, bool want_asked,
    const char *calls)
{
	struct h5_order *o;
	struct h5_err e;
	bool asked;

	script.calls[0] = '\0';
	assert_int_equal(
	    h5_pay_ask(&s->pay, "order-1", force, &asked, &o, &e), want);
	assert_int_equal(asked, want_asked);
	assert_string_equal(script.calls, calls);
	assert_non_null(o);
	h5_order_free(o);
}

/* Presses pay again once a second, from two addresses in turn if hop. */
static void
press(struct shop *s, int times, bool hop)
{
	static const char *const from[] = {IP, "198.51.100.9"};
	struct h5_limit buyer = {.ip = IP};
	enum h5_pay_result result;
	struct h5_order *o;
	struct h5_err e;
	enum h5_code rc;
	int i;

	s->pay.limit = &buyer;
	for (i = 0; i < times; i++, now++) {
		buyer.wait_s = 0;
		rc = h5_pay_start(&s->pay, "order-1",
		    &(struct h5_pay_way){
			.ip = from[hop && i % 2 != 0], .again = true},
		    &result, &o, &e);
		/* Refused for a while only, and the buyer is told for how
		 * long. */
		if (rc == H5_E_BUSY)
			assert_in_range(buyer.wait_s, 1, 7200);
		else if (rc != script.query_rc[0])
			assert_int_equal(rc, H5_OK);
		h5_order_free(o);
	}
	s->pay.limit = NULL;
}

static void
test_pay__a7_presses_do_not_fill_the_ledger(void **state)
{
	static const struct {
		bool hop;
		enum h5_code query_rc;
		unsigned queries, orders; /* at most */
	} rows[] = {
	    {false, H5_OK, 200, 200},
	    {true, H5_OK, 200, 200},
	    {false, H5_E_NET, 250, 250},
	};
	struct shop *s;
	struct h5_order *o;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		(void)close_shop(state);
		(void)open_shop(state);
		s = *state;
		script.endless = true;
		make(s, "order-1");
		start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
		script.query_rc[0] = rows[i].query_rc;
		press(s, 3000, rows[i].hop);
		assert_in_range(script.queries, 2, rows[i].queries);
		assert_in_range(script.orders, 1, rows[i].orders);
		o = load(s);
		assert_in_range(o->n_events, 3, 400);
		h5_order_free(o);
		/* It can still be paid for, and ends in its time. */
		script.query_rc[0] = H5_OK;
		now += 7200;
		start(s, true, H5_OK, H5_PAY_SETTLED, "C:order-1 Q:order-1 ");
		expect_state(s, H5_ORDER_CLOSED, 1);
	}
}

static void
test_pay__a7_what_will_not_close_is_noted_once(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	size_t i, closing = 0;

	script.endless = true;
	make(s, "order-1");
	script.order[0] = H5_WECHAT_TAKEN;
	script.close[0] = H5_WECHAT_NOT_YET;
	press(s, 1000, false);
	assert_in_range(script.closes, 10, 100);
	o = load(s);
	for (i = 0; i < o->n_events; i++)
		closing += o->events[i].kind == H5_EVENT_CLOSING;
	assert_int_equal(closing, 1);
	h5_order_free(o);
}

static enum h5_code
decide_long(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct h5_event *ev = NULL;
	size_t i;

	for (i = 0; i < H5_STORE_BATCH; i++) {
		ev = h5_store_add(b, H5_EVENT_QUERIED);
		h5_event_text(ev, "out_trade_no", o->id);
		h5_event_text(ev, "trade_state", "NOTPAY");
		h5_event_text(ev, "trade_state_desc", arg);
		if (h5_event_finish(ev, e) != H5_OK)
			return e->code;
	}
	return H5_OK;
}

/* As the button of 0.1.0 could fill it. */
static void
fill(struct shop *s)
{
	char text[60001];
	struct h5_order *o;
	struct h5_err e;
	bool full = false;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	while (!full) {
		assert_int_equal(h5_store_update(s->pay.st, "order-1", NULL,
				     decide_long, text, NULL, &e),
		    H5_OK);
		o = load(s);
		full = o->full;
		h5_order_free(o);
	}
}

static void
test_pay__a7_a_full_ledger_asks_seldom_and_ends(void **state)
{
	struct h5_limit buyer = {.ip = IP};
	struct shop *s = *state;
	struct h5_order *o;
	int i;

	script.endless = true;
	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	fill(s);
	now += 3072;
	s->pay.limit = &buyer;
	/* One look, and nothing that the ledger cannot hold. */
	start(s, true, H5_E_BUSY, H5_PAY_GO, "Q:order-1 ");
	assert_int_equal(buyer.wait_s, 7200 - 3072);
	for (i = 0; i < 50; i++, now++)
		start(s, true, H5_E_BUSY, H5_PAY_GO, "");
	s->pay.limit = NULL;
	/* A sweep asks and closes it. */
	now += 3072;
	ask(s, false, H5_OK, true, "Q:order-1 ");
	ask(s, false, H5_OK, false, "");
	now += 7200;
	script.calls[0] = '\0';
	assert_int_equal(h5_pay_expire(&s->pay, "order-1", &o, NULL), H5_OK);
	h5_order_free(o);
	assert_string_equal(script.calls, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
}

static void
test_pay__a7_a_full_ledger_takes_the_payment_it_asks_for(void **state)
{
	struct shop *s = *state;

	script.endless = true;
	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	fill(s);
	now += 3072;
	script.state[0] = "SUCCESS";
	start(s, true, H5_OK, H5_PAY_SETTLED, "Q:order-1 ");
	expect_state(s, H5_ORDER_PAID, 1);
}

static void
test_pay__the_last_minutes_take_a_next_number(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 7200 - 300;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 Q:order-1 C:order-1 O:order-1_2 ");
	o = load(s);
	assert_int_equal(o->attempts[1].time_expire, now + 360);
	assert_int_equal(h5_order_ends_at(o), now + 360);
	h5_order_free(o);
}

static void
test_pay__closed_by_wechat_closes_the_order(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.state[0] = "CLOSED";
	start(s, true, H5_OK, H5_PAY_SETTLED, "Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
}

static void
test_pay__a_wrong_amount_is_an_alert_and_nothing_to_pay_again(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.state[0] = "SUCCESS";
	script.fee[0] = 1;
	start(s, true, H5_OK, H5_PAY_SETTLED, "Q:order-1 ");
	o = load(s);
	assert_int_equal(o->state, H5_ORDER_AWAITING);
	assert_int_equal(o->alerts, H5_ALERT_DISPUTED);
	h5_order_free(o);
}

static void
test_pay__ask_keeps_the_interval(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	ask(s, false, H5_OK, true, "Q:order-1 ");
	now += 2;
	ask(s, false, H5_OK, false, "");
	ask(s, true, H5_OK, true, "Q:order-1 ");
	now += 3;
	ask(s, false, H5_OK, true, "Q:order-1 ");
}

static void
test_pay__ask_unreached_is_remembered_and_soon_tried_again(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;

	make(s, "order-1");
	script.query_rc[0] = H5_E_NET;
	ask(s, false, H5_E_NET, true, "Q:order-1 ");
	o = load(s);
	assert_true(o->unreached);
	assert_int_equal(o->checked_at, 0);
	h5_order_free(o);
	now += 1;
	ask(s, false, H5_OK, true, "Q:order-1 ");
	o = load(s);
	assert_false(o->unreached);
	assert_int_equal(o->checked_at, now);
	h5_order_free(o);
}

static void
test_pay__ask_never_asks_about_a_settled_order(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.state[0] = "SUCCESS";
	ask(s, false, H5_OK, true, "Q:order-1 ");
	now += 10;
	ask(s, false, H5_OK, false, "");
}

static void
close_it(struct shop *s, enum h5_code want, const char *calls)
{
	struct h5_order *o;
	struct h5_err e;

	script.calls[0] = '\0';
	assert_int_equal(
	    h5_pay_close(&s->pay, "order-1", "operator", &o, &e), want);
	assert_string_equal(script.calls, calls);
	h5_order_free(o);
}

static void
test_pay__close_asks_once_more(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	close_it(s, H5_OK, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
	close_it(s, H5_OK, "");
}

static void
test_pay__close_that_finds_money_is_refused(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.state[0] = "SUCCESS";
	close_it(s, H5_E_STATE, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_PAID, 1);
	close_it(s, H5_E_STATE, "");
}

static void
test_pay__close_without_the_last_look_stays_open(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.query_rc[0] = H5_E_NET;
	close_it(s, H5_E_NET, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CREATED, 1);
	close_it(s, H5_OK, "Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
}

/* A4: that closeorder does not know a number ends it only where WeChat never
 * spoke of it. */
static void
test_pay__a4_a_known_number_takes_a_confirmed_close(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	/* The answer to unifiedorder is lost; the query knows the number. */
	script.order_rc[0] = H5_E_NET;
	start(s, false, H5_E_NET, H5_PAY_GO, "O:order-1 ");
	now += 600;
	script.order[1] = H5_WECHAT_TAKEN;
	script.query[1] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[0] = H5_WECHAT_UNKNOWN_ORDER;
	start(s, true, H5_OK, H5_PAY_WAIT,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 ");
	expect_state(s, H5_ORDER_CREATED, 1);
	now += 600;
	script.order[2] = H5_WECHAT_TAKEN;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 O:order-1_2 ");
}

static void
test_pay__a4_201_is_knowledge_that_stays(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.query[0] = H5_WECHAT_UNKNOWN_ORDER;
	script.query[1] = H5_WECHAT_UNKNOWN_ORDER;
	script.order[0] = H5_WECHAT_TAKEN;
	script.close[0] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[1] = H5_WECHAT_UNKNOWN_ORDER;
	start(s, true, H5_OK, H5_PAY_WAIT,
	    "Q:order-1 O:order-1 Q:order-1 C:order-1 ");
	now += 600;
	close_it(s, H5_E_STATE, "C:order-1 ");
	expect_state(s, H5_ORDER_CREATED, 1);
}

static void
test_pay__a4_a_mweb_url_is_knowledge_and_ends_with_its_time(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	now += 3600;
	script.close[0] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[1] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[2] = H5_WECHAT_UNKNOWN_ORDER;
	close_it(s, H5_E_STATE, "C:order-1 ");
	now += 3600 + 59;
	close_it(s, H5_E_STATE, "C:order-1 ");
	now += 1;
	close_it(s, H5_OK, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
}

/* A6: whether its time is up is for WeChat's clock to say. */
static void
test_pay__a4_a_wrong_clock_does_not_end_a_known_number(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	start(s, false, H5_OK, H5_PAY_GO, "O:order-1 ");
	script.close[0] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[1] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[2] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[3] = H5_WECHAT_UNKNOWN_ORDER;
	/* Three hours ahead: here its time was up long ago. */
	now += 600 + 3 * 3600;
	script.ahead_s = 3 * 3600;
	close_it(s, H5_E_STATE, "C:order-1 ");
	/* No answer tells WeChat's time. */
	script.dateless = true;
	close_it(s, H5_E_STATE, "C:order-1 ");
	script.dateless = false;
	/* Behind: its time is up there, and that is enough. */
	now += 7200 - 600 + 59 - 6 * 3600;
	script.ahead_s = -3 * 3600;
	close_it(s, H5_E_STATE, "C:order-1 ");
	now += 1;
	close_it(s, H5_OK, "C:order-1 Q:order-1 ");
	expect_state(s, H5_ORDER_CLOSED, 1);
}

static void
test_pay__a4_a_number_nobody_knows_is_closed_at_once(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.query[0] = H5_WECHAT_UNKNOWN_ORDER;
	script.query[1] = H5_WECHAT_UNKNOWN_ORDER;
	script.close[0] = H5_WECHAT_UNKNOWN_ORDER;
	now += 7200 - 300;
	start(s, true, H5_OK, H5_PAY_GO,
	    "Q:order-1 Q:order-1 C:order-1 O:order-1_2 ");
	expect_state(s, H5_ORDER_AWAITING, 2);
}

static void
test_pay__a4_the_page_tells_when_to_come_back(void **state)
{
	struct h5_attempt a = {.created_at = 1000, .time_expire = 8200};

	(void)state;
	assert_int_equal(h5_pay_closable_at(&a, 1299), 1300);
	assert_int_equal(h5_pay_closable_at(&a, 1300), 8260);
}

/* A1: what the list of refunds will say, one more of them. */
static void
give_back(unsigned call, const char *no, int64_t fee, const char *status)
{
	struct h5_wechat_refunds *list = &script.list[call];
	struct h5_wechat_refund *r = &list->v[list->n++];

	(void)snprintf(r->out_trade_no, sizeof r->out_trade_no, "order-1");
	(void)snprintf(r->out_refund_no, sizeof r->out_refund_no, "%s", no);
	(void)snprintf(r->refund_id, sizeof r->refund_id, "5000%s", no);
	assert_true(h5_order_refund_state_of(status, &r->state));
	r->total_fee = 100;
	r->refund_fee = fee;
}

/* The types of the events for the shop, in order. */
static void
expect_told(struct shop *s, enum h5_order_state want, const char *types)
{
	struct h5_order *o = load(s);
	char all[256] = "";
	size_t i, n;

	for (i = 0; i < o->n_outgoing; i++) {
		n = strlen(all);
		(void)snprintf(
		    all + n, sizeof all - n, "%s ", o->outgoing[i].type);
	}
	assert_string_equal(all, types);
	assert_int_equal(o->state, want);
	h5_order_free(o);
}

static void
test_pay__a1_all_of_it_back_is_refunded_and_never_paid(void **state)
{
	static const enum h5_event_kind kinds[] = {H5_EVENT_CREATED,
	    H5_EVENT_REFUND_HINT, H5_EVENT_REFUND_HINT, H5_EVENT_PAID,
	    H5_EVENT_REFUNDED, H5_EVENT_REFUNDED};
	struct shop *s = *state;
	struct h5_order *o;
	size_t i;

	make(s, "order-1");
	script.state[0] = "REFUND";
	give_back(0, "M1", 40, "SUCCESS");
	give_back(0, "M2", 60, "SUCCESS");
	ask(s, false, H5_OK, true, "Q:order-1 L:order-1 ");
	expect_told(s, H5_ORDER_REFUNDED, "order.refunded order.refunded ");
	/* What a crash may leave is due to be asked about: the refunds are
	 * announced before the payment stands. */
	o = load(s);
	assert_int_equal(o->n_events, 6);
	for (i = 0; i < 6; i++)
		assert_int_equal(o->events[i].kind, kinds[i]);
	h5_order_free(o);
}

static void
test_pay__a1_a_part_back_is_paid_and_then_partly_refunded(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.state[0] = "REFUND";
	give_back(0, "M1", 99, "SUCCESS");
	give_back(0, "M2", 1, "REFUNDCLOSE");
	ask(s, false, H5_OK, true, "Q:order-1 L:order-1 ");
	expect_told(s, H5_ORDER_PARTLY_REFUNDED, "order.paid order.refunded ");
}

static void
test_pay__a1_all_of_it_under_way_is_not_told_as_paid(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.state[0] = "REFUND";
	give_back(0, "M1", 100, "PROCESSING");
	ask(s, false, H5_OK, true, "Q:order-1 L:order-1 ");
	expect_told(s, H5_ORDER_REFUNDING, "");
}

static void
test_pay__a1_nothing_is_told_before_the_refunds_are_known(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.state[0] = script.state[1] = script.state[2] = "REFUND";
	script.list_rc[0] = H5_E_NET;
	ask(s, false, H5_E_NET, true, "Q:order-1 L:order-1 ");
	expect_told(s, H5_ORDER_CREATED, "");
	/* An amount that is not the order's is not believed. */
	now += 10;
	give_back(1, "M1", 100, "SUCCESS");
	script.list[1].v[0].total_fee = 101;
	ask(s, false, H5_E_REMOTE, true, "Q:order-1 L:order-1 ");
	expect_told(s, H5_ORDER_CREATED, "");
	now += 10;
	script.list_verdict[2] = H5_WECHAT_NO_REFUND;
	ask(s, false, H5_OK, true, "Q:order-1 L:order-1 ");
	expect_told(s, H5_ORDER_PAID, "order.paid ");
}

static void
test_pay__a1_refunds_of_a_disputed_payment_are_not_asked(void **state)
{
	struct shop *s = *state;

	make(s, "order-1");
	script.state[0] = "REFUND";
	script.fee[0] = 1;
	ask(s, false, H5_OK, true, "Q:order-1 ");
	expect_told(s, H5_ORDER_CREATED, "order.alert ");
}

/* A1: when WeChat is asked once more before the shop is told. */
static void
test_pay__a1_an_old_payment_is_doubtful(void **state)
{
	struct h5_outgoing paid = {.type = "order.paid", .at = now - 10};
	struct h5_outgoing other = {.type = "order.alert", .at = now - 900};
	struct h5_refund hint = {.state = H5_REFUND_HINTED};
	struct h5_order o = {.refunds = &hint};

	(void)state;
	(void)snprintf(o.paid_via, sizeof o.paid_via, "notify");
	o.paid_at = now - 300;
	assert_false(h5_stays_doubtful(&o, &paid, now));
	o.paid_at = now - 301;
	assert_true(h5_stays_doubtful(&o, &paid, now));
	assert_false(h5_stays_doubtful(&o, &other, now));
	/* The shop has begun to hear of it. */
	paid.done = H5_HOOK_EXEC;
	assert_false(h5_stays_doubtful(&o, &paid, now));
	paid.done = 0;
	/* An answer to a question was right when it was given. */
	(void)snprintf(o.paid_via, sizeof o.paid_via, "query");
	assert_false(h5_stays_doubtful(&o, &paid, now));
	assert_true(h5_stays_doubtful(&o, &paid, now + 291));
	o.n_refunds = 1;
	assert_true(h5_stays_doubtful(&o, &paid, now));
	hint.state = H5_REFUND_SUCCESS;
	assert_false(h5_stays_doubtful(&o, &paid, now));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_shop, close_shop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_pay__create_twice_with_the_same_terms_is_one_order),
	    T(test_pay__create_with_other_terms_is_a_conflict),
	    T(test_pay__create_sets_the_end),
	    T(test_pay__start_twice_is_one_unifiedorder),
	    T(test_pay__start_from_another_address_orders_again),
	    T(test_pay__again_asks_first_and_uses_the_number_again),
	    T(test_pay__again_on_a_paid_order_shows_it),
	    T(test_pay__a7_presses_do_not_fill_the_ledger),
	    T(test_pay__a7_what_will_not_close_is_noted_once),
	    T(test_pay__a7_a_full_ledger_asks_seldom_and_ends),
	    T(test_pay__a7_a_full_ledger_takes_the_payment_it_asks_for),
	    T(test_pay__a_taken_number_is_closed_before_the_next),
	    T(test_pay__a_number_that_cannot_be_closed_yet_waits),
	    T(test_pay__a_close_of_unknown_outcome_makes_no_next_attempt),
	    T(test_pay__a_number_closed_by_a_dead_program_goes_on),
	    T(test_pay__our_own_close_with_a_lost_answer_goes_on),
	    T(test_pay__paid_while_closing_is_paid),
	    T(test_pay__paid_before_the_next_number_makes_none),
	    T(test_pay__beside_an_open_number_no_next_one_is_made),
	    T(test_pay__only_what_ends_a_number_makes_the_next),
	    T(test_pay__paid_by_closeorders_word_alone_makes_no_next_number),
	    T(test_pay__what_is_open_beside_a_payment_is_closed_alone),
	    T(test_pay__orderpaid_is_asked_and_settled),
	    T(test_pay__orderpaid_that_nobody_confirms_is_not_believed),
	    T(test_pay__merchant_faults_and_unknown_outcomes),
	    T(test_pay__an_expired_order_is_closed_at_wechat_first),
	    T(test_pay__a_wrong_clock_ends_no_order),
	    T(test_pay__a_clock_set_right_meanwhile_ends_no_order),
	    T(test_pay__an_order_expires_in_its_second),
	    T(test_pay__a_buyer_is_not_late_before_the_second),
	    T(test_pay__an_order_of_1972_can_be_paid_once_the_clock_is_right),
	    T(test_pay__a_link_of_the_future_is_not_fresh),
	    T(test_pay__the_least_time_between_queries_doubles),
	    T(test_pay__the_least_time_has_an_end),
	    T(test_pay__the_last_minutes_take_a_next_number),
	    T(test_pay__closed_by_wechat_closes_the_order),
	    T(test_pay__a_wrong_amount_is_an_alert_and_nothing_to_pay_again),
	    T(test_pay__ask_keeps_the_interval),
	    T(test_pay__ask_unreached_is_remembered_and_soon_tried_again),
	    T(test_pay__ask_never_asks_about_a_settled_order),
	    T(test_pay__close_asks_once_more),
	    T(test_pay__close_that_finds_money_is_refused),
	    T(test_pay__close_without_the_last_look_stays_open),
	    T(test_pay__a1_all_of_it_back_is_refunded_and_never_paid),
	    T(test_pay__a1_a_part_back_is_paid_and_then_partly_refunded),
	    T(test_pay__a1_all_of_it_under_way_is_not_told_as_paid),
	    T(test_pay__a1_nothing_is_told_before_the_refunds_are_known),
	    T(test_pay__a1_refunds_of_a_disputed_payment_are_not_asked),
	    T(test_pay__a1_an_old_payment_is_doubtful),
	    T(test_pay__a4_a_known_number_takes_a_confirmed_close),
	    T(test_pay__a4_201_is_knowledge_that_stays),
	    T(test_pay__a4_a_mweb_url_is_knowledge_and_ends_with_its_time),
	    T(test_pay__a4_a_wrong_clock_does_not_end_a_known_number),
	    T(test_pay__a4_a_number_nobody_knows_is_closed_at_once),
	    T(test_pay__a4_the_page_tells_when_to_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
