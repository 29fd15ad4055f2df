/* The walks of an order whose attempts are made with APIv3, against a WeChat
 * that answers from a script: the bytes of a first prepay, refusals that only a
 * query explains, and a configuration that changes its API. */
#include "tests/unit/help.h"
#include "tests/unit/shop.h"

#include "common/pay/attempt.h"
#include "common/pay/pay.h"
#include "common/wechat/wechat.h"

#define ID "order-1"
#define IP "203.0.113.7"

static struct script {
	enum h5_wechat_verdict order[8], query[8], close[8];
	enum h5_code order_rc[8];
	const char *state[8]; /* of each query */
	unsigned orders, queries, closes;
	unsigned written; /* bodies that were made */
	char sent[8][64]; /* what each prepay was sent in */
	enum h5_api api[8]; /* and what it went by */
	char calls[256];
	struct shop *shop;
} script;

static void
called(char what, const char *number)
{
	size_t n = strlen(script.calls);

	(void)snprintf(
	    script.calls + n, sizeof script.calls - n, "%c:%s ", what, number);
}

static int64_t now;
int64_t __wrap_h5_clock_now(void);
int64_t
__wrap_h5_clock_now(void)
{
	return now;
}

/* Different at each call, as bytes that hold a time would be. */
enum h5_code __wrap_h5_wechat_request(const struct h5_config *c,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_buf *out, struct h5_err *e);
enum h5_code
__wrap_h5_wechat_request(const struct h5_config *c, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_buf *out,
    struct h5_err *e)
{
	(void)c;
	(void)o;
	(void)ip;
	(void)e;
	if (a->api == H5_API_V3)
		h5_buf_printf(
		    out, "{\"%s\":%u}", a->out_trade_no, ++script.written);
	return H5_OK;
}

enum h5_code __wrap_h5_wechat_prepay(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_wechat_prepay *out,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
enum h5_code
__wrap_h5_wechat_prepay(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_wechat_prepay *out, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	unsigned n = script.orders++;
	struct h5_order *stored;
	const char *kept;

	(void)w;
	(void)log;
	(void)ip;
	assert_true(n < 8);
	memset(out, 0, sizeof *out);
	memset(refusal, 0, sizeof *refusal);
	called('O', a->out_trade_no);
	script.api[n] = a->api;
	/* What is sent stands in the store already. */
	assert_int_equal(
	    h5_store_load(script.shop->st, o->id, &stored, NULL), H5_OK);
	kept = h5_order_current(stored)->request;
	assert_true((kept == NULL) == (a->request == NULL));
	if (kept != NULL) {
		assert_string_equal(kept, a->request);
		(void)snprintf(
		    script.sent[n], sizeof script.sent[n], "%s", kept);
	}
	h5_order_free(stored);
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

enum h5_code __wrap_h5_wechat_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    struct h5_wechat_trade *t, struct h5_wechat_refusal *refusal,
    struct h5_err *e);
enum h5_code
__wrap_h5_wechat_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, struct h5_wechat_trade *t,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	unsigned n = script.queries++;
	const char *state;

	(void)w;
	(void)log;
	(void)e;
	assert_true(n < 8);
	h5_wechat_trade_init(t);
	memset(refusal, 0, sizeof *refusal);
	called(a->api == H5_API_V3 ? 'Q' : 'q', a->out_trade_no);
	refusal->verdict = script.query[n];
	state = script.state[n] != NULL ? script.state[n] : "NOTPAY";
	(void)snprintf(
	    t->out_trade_no, sizeof t->out_trade_no, "%s", a->out_trade_no);
	(void)snprintf(t->trade_state, sizeof t->trade_state, "%s", state);
	(void)snprintf(t->fee_type, sizeof t->fee_type, "CNY");
	(void)snprintf(t->transaction_id, sizeof t->transaction_id, "4200");
	t->total_fee = 100;
	t->paid = strcmp(state, "SUCCESS") == 0;
	t->time_end = now;
	return H5_OK;
}

enum h5_code __wrap_h5_wechat_close(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
enum h5_code
__wrap_h5_wechat_close(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_attempt *a, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	unsigned n = script.closes++;

	(void)w;
	(void)log;
	(void)e;
	assert_true(n < 8);
	memset(refusal, 0, sizeof *refusal);
	called(a->api == H5_API_V3 ? 'C' : 'c', a->out_trade_no);
	refusal->verdict = script.close[n];
	return H5_OK;
}

/* --- a shop --------------------------------------------------------------- */

static struct h5_config config;
static struct h5_log quiet;
static struct h5_crypto_key *const some_key = (void *)&config;

static int
set_up(void **state)
{
	shop_setup(state);
	memset(&script, 0, sizeof script);
	memset(&config, 0, sizeof config);
	script.shop = *state;
	now = 1795430400;
	config.merchant.api = H5_API_V3;
	config.merchant.sign_type = H5_SIGN_HMAC_SHA256;
	config.orders.expire_minutes = 120;
	config.orders.query_interval_s = 3;
	config.gateway.deadline_ms = 1000;
	h5_log_init(&quiet, "test", "/dev/null");
	return 0;
}

static struct h5_shop
pay_of(struct shop *s)
{
	return (struct h5_shop){.c = &config, .log = &quiet, .st = s->st};
}

static void
make(struct shop *s)
{
	struct h5_pay_terms t = {
	    .id = ID, .body = "Tea", .lang = "en", .ip = IP, .total_fee = 100};
	struct h5_shop p = pay_of(s);
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(h5_pay_create(&p, &t, &o, &e), H5_OK);
	h5_order_free(o);
}

static void
start(struct shop *s, const char *ip, enum h5_code want_rc,
    enum h5_pay_result want, const char *calls)
{
	struct h5_shop p = pay_of(s);
	enum h5_pay_result result;
	struct h5_order *o;
	struct h5_err e;

	script.calls[0] = '\0';
	now += 10;
	assert_int_equal(
	    h5_pay_start(&p, ID, &(struct h5_pay_way){.ip = ip, .again = true},
		&result, &o, &e),
	    want_rc);
	if (want_rc == H5_OK)
		assert_int_equal(result, want);
	assert_string_equal(script.calls, calls);
	h5_order_free(o);
}

static void
expect(struct shop *s, const char *apis)
{
	struct h5_order *o;
	size_t i;

	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_OK);
	assert_int_equal(o->n_attempts, strlen(apis));
	for (i = 0; i < o->n_attempts; i++)
		assert_int_equal(
		    o->attempts[i].api, apis[i] == '3' ? H5_API_V3 : H5_API_V2);
	h5_order_free(o);
}

/* --- the bytes ------------------------------------------------------------ */

static void
test_pay_api__the_first_bytes_are_kept_and_sent_again(void **state)
{
	make(*state);
	script.query[0] = H5_WECHAT_UNKNOWN_ORDER;
	/* Lost on its way: nobody knows whether it arrived. */
	script.order_rc[0] = H5_E_NET;
	start(*state, IP, H5_E_NET, H5_PAY_GO, "Q:" ID " O:" ID " ");
	start(*state, IP, H5_OK, H5_PAY_GO, "Q:" ID " O:" ID " ");
	/* Another address, another day, another configuration. */
	config.orders.expire_minutes = 6;
	start(*state, "198.51.100.9", H5_OK, H5_PAY_GO, "Q:" ID " O:" ID " ");
	assert_int_equal(script.written, 1);
	assert_string_equal(script.sent[0], "{\"" ID "\":1}");
	assert_string_equal(script.sent[1], script.sent[0]);
	assert_string_equal(script.sent[2], script.sent[0]);
	expect(*state, "3");
}

static void
test_pay_api__v2_keeps_no_bytes(void **state)
{
	config.merchant.api = H5_API_V2;
	make(*state);
	start(*state, IP, H5_OK, H5_PAY_GO, "q:" ID " O:" ID " ");
	assert_int_equal(script.written, 0);
	expect(*state, "2");
}

/* --- refusals ------------------------------------------------------------- */

/* WeChat compares the address as well, or not: either way the buyer gets in. */
static void
test_pay_api__b38_a_refused_address_is_closed_before_the_next(void **state)
{
	make(*state);
	start(*state, IP, H5_OK, H5_PAY_GO, "Q:" ID " O:" ID " ");
	script.order[1] = H5_WECHAT_TAKEN_PERHAPS;
	start(*state, "198.51.100.9", H5_OK, H5_PAY_GO,
	    "Q:" ID " O:" ID " Q:" ID " C:" ID " O:" ID "_2 ");
	assert_string_equal(script.sent[2], "{\"" ID "_2\":2}");
	expect(*state, "33");
}

static void
test_pay_api__what_a_query_does_not_know_broke_another_rule(void **state)
{
	make(*state);
	script.query[0] = script.query[1] = H5_WECHAT_UNKNOWN_ORDER;
	script.order[0] = H5_WECHAT_TAKEN_PERHAPS;
	start(
	    *state, IP, H5_OK, H5_PAY_MERCHANT, "Q:" ID " O:" ID " Q:" ID " ");
	expect(*state, "3");
	/* A number that it does have is another matter. */
	script.order[1] = H5_WECHAT_TAKEN;
	script.query[3] = H5_WECHAT_UNKNOWN_ORDER;
	start(*state, IP, H5_OK, H5_PAY_GO,
	    "Q:" ID " O:" ID " Q:" ID " C:" ID " O:" ID "_2 ");
	expect(*state, "33");
}

static void
test_pay_api__a_paid_number_that_was_refused_is_paid(void **state)
{
	static const enum h5_wechat_verdict verdicts[] = {
	    H5_WECHAT_TAKEN_PERHAPS, H5_WECHAT_TAKEN, H5_WECHAT_PAID,
	    H5_WECHAT_CLOSED};
	size_t i;

	for (i = 0; i < COUNT(verdicts); i++) {
		if (i > 0) {
			shop_teardown(state);
			set_up(state);
		}
		make(*state);
		script.order[0] = verdicts[i];
		script.state[1] = "SUCCESS";
		start(*state, IP, H5_OK, H5_PAY_SETTLED,
		    "Q:" ID " O:" ID " Q:" ID " ");
		expect(*state, "3");
	}
}

/* The words of a refused close mean several things: the query decides, and no
 * second number stands beside one that may be paid. */
static void
test_pay_api__a_refused_close_waits(void **state)
{
	make(*state);
	start(*state, IP, H5_OK, H5_PAY_GO, "Q:" ID " O:" ID " ");
	script.order[1] = H5_WECHAT_TAKEN;
	script.close[0] = H5_WECHAT_PAID;
	start(*state, "198.51.100.9", H5_OK, H5_PAY_WAIT,
	    "Q:" ID " O:" ID " Q:" ID " C:" ID " Q:" ID " ");
	expect(*state, "3");
	script.order[2] = H5_WECHAT_TAKEN;
	script.close[1] = H5_WECHAT_PAID;
	script.state[6] = "SUCCESS";
	start(*state, "198.51.100.9", H5_OK, H5_PAY_SETTLED,
	    "Q:" ID " O:" ID " Q:" ID " C:" ID " Q:" ID " ");
	expect(*state, "3");
}

/* --- a configuration that changes its API --------------------------------- */

static void
test_pay_api__an_attempt_goes_on_by_its_own_api(void **state)
{
	config.merchant.api = H5_API_V2;
	make(*state);
	start(*state, IP, H5_OK, H5_PAY_GO, "q:" ID " O:" ID " ");
	config.merchant.api = H5_API_V3;
	start(*state, IP, H5_OK, H5_PAY_GO, "q:" ID " O:" ID " ");
	assert_int_equal(script.api[1], H5_API_V2);
	/* The next attempt, and back. */
	script.order[2] = H5_WECHAT_TAKEN;
	start(*state, IP, H5_OK, H5_PAY_GO,
	    "q:" ID " O:" ID " q:" ID " c:" ID " O:" ID "_2 ");
	assert_int_equal(script.api[3], H5_API_V3);
	config.merchant.api = H5_API_V2;
	start(*state, IP, H5_OK, H5_PAY_GO, "Q:" ID "_2 O:" ID "_2 ");
	expect(*state, "23");
	assert_string_equal(script.sent[4], script.sent[3]);
}

/* An order of the bill that is not here: nobody knows its API. */
static void
test_pay_api__a_missing_order_is_asked_about_by_both(void **state)
{
	struct h5_shop p = pay_of(*state);
	struct h5_err e;
	bool made;

	config.merchant.api_key = some_key;
	config.merchant.apiv3_key = some_key;
	script.query[0] = H5_WECHAT_UNKNOWN_ORDER;
	script.state[1] = "SUCCESS";
	assert_int_equal(
	    h5_pay_missing(&p, ID "_2", "Tea", T0, &made, &e), H5_OK);
	assert_true(made);
	assert_string_equal(script.calls, "Q:" ID "_2 q:" ID "_2 ");
	expect(*state, "22");
	/* The shop's own API first, and the other only if it is set up. */
	shop_teardown(state);
	set_up(state);
	p = pay_of(*state);
	script.state[0] = "SUCCESS";
	assert_int_equal(h5_pay_missing(&p, ID, "Tea", T0, &made, &e), H5_OK);
	assert_string_equal(script.calls, "Q:" ID " ");
	expect(*state, "3");
	shop_teardown(state);
	set_up(state);
	p = pay_of(*state);
	script.query[0] = H5_WECHAT_UNKNOWN_ORDER;
	assert_int_equal(h5_pay_missing(&p, ID, "Tea", T0, &made, &e), H5_OK);
	assert_false(made);
	assert_string_equal(script.calls, "Q:" ID " ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_pay_api__the_first_bytes_are_kept_and_sent_again),
	    T(test_pay_api__v2_keeps_no_bytes),
	    T(test_pay_api__b38_a_refused_address_is_closed_before_the_next),
	    T(test_pay_api__what_a_query_does_not_know_broke_another_rule),
	    T(test_pay_api__a_paid_number_that_was_refused_is_paid),
	    T(test_pay_api__a_refused_close_waits),
	    T(test_pay_api__an_attempt_goes_on_by_its_own_api),
	    T(test_pay_api__a_missing_order_is_asked_about_by_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
