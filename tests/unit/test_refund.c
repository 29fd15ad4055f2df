/* Refunds: what is asked for, when it is looked at, and what becomes of it,
 * against a WeChat that answers from a script. */
#include "tests/unit/help.h"
#include "tests/unit/shop.h"

#include "common/pay/refund.h"
#include "common/pay/refund_hint.h"
#include "common/wechat/wechat.h"
#include "common/base/text.h"

#define ID "20261123-0007"

/* What WeChat will say, call by call. */
struct script {
	enum h5_code ask_rc, look_rc;
	enum h5_wechat_verdict ask, look;
	const char *err_code;
	const char *status; /* of refundquery */
	int64_t fee; /* 0: the refund's own */
	unsigned asks, looks, lists;
	const char *foreign; /* a refund made elsewhere; NULL: none */
	char number[65]; /* the last */
	int64_t asked_fee;
	char reason[128];
	bool spoils; /* the ledger, while WeChat is asked */
	bool durable; /* it stood in the store when it was asked for */
	struct shop *shop;
};
static struct script script;

static int64_t now = T0 + 1000;
int64_t __wrap_h5_clock_now(void);
int64_t
__wrap_h5_clock_now(void)
{
	return now;
}

static void
fill(const struct h5_order *o, const struct h5_refund *r, const char *status,
    struct h5_wechat_refund *got)
{
	memset(got, 0, sizeof *got);
	(void)snprintf(got->out_trade_no, sizeof got->out_trade_no, "%s",
	    r->out_trade_no[0] != '\0' ? r->out_trade_no : o->id);
	(void)snprintf(got->out_refund_no, sizeof got->out_refund_no, "%s",
	    r->out_refund_no);
	(void)snprintf(got->refund_id, sizeof got->refund_id, "50000");
	assert_true(h5_order_refund_state_of(status, &got->state));
	got->total_fee = o->total_fee;
	got->refund_fee = script.fee != 0 ? script.fee : r->refund_fee;
	if (strcmp(status, "SUCCESS") == 0)
		got->success_time = T0 + 5000;
}

static enum h5_code
answer(enum h5_code rc, enum h5_wechat_verdict verdict,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = verdict;
	if (verdict != H5_WECHAT_SUCCESS)
		(void)snprintf(refusal->err_code, sizeof refusal->err_code,
		    "%s", script.err_code != NULL ? script.err_code : "CODE");
	return rc == H5_OK ? H5_OK : h5_err_set(e, rc, "scripted");
}

enum h5_code __wrap_h5_wechat_refund(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);
enum h5_code __wrap_h5_wechat_refund_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

enum h5_code
__wrap_h5_wechat_refund(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_order *stored;

	(void)w;
	(void)log;
	script.asks++;
	script.asked_fee = r->refund_fee;
	(void)snprintf(
	    script.number, sizeof script.number, "%s", r->out_refund_no);
	(void)snprintf(script.reason, sizeof script.reason, "%s",
	    r->reason != NULL ? r->reason : "");
	if (h5_store_load(script.shop->st, o->id, &stored, NULL) == H5_OK) {
		script.durable =
		    h5_order_refund(stored, r->out_refund_no) != NULL;
		h5_order_free(stored);
	}
	fill(o, r, "PROCESSING", got);
	return answer(script.ask_rc, script.ask, refusal, e);
}

static void
spoil_ledger(void)
{
	char path[FOLDER_PATH];
	int fd;

	shop_ledger(script.shop, ID, path);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "no line\nnor this\n", 17), 17);
	assert_int_equal(close(fd), 0);
}

enum h5_code
__wrap_h5_wechat_refund_query(struct h5_wechat *w, const struct h5_log *log,
    const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	(void)w;
	(void)log;
	/* A number that stands in no ledger yet is looked up. */
	if (r->heard_at == 0)
		return answer(H5_OK, H5_WECHAT_NO_REFUND, refusal, e);
	script.looks++;
	if (script.spoils)
		spoil_ledger();
	fill(o, r, script.status != NULL ? script.status : "PROCESSING", got);
	return answer(script.look_rc, script.look, refusal, e);
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
	struct h5_order o = {.id = ID, .total_fee = 12800};
	struct h5_refund r = {.refund_fee = 800};

	(void)w;
	(void)log;
	script.lists++;
	assert_string_equal(a->out_trade_no, ID);
	assert_string_equal(transaction_id, "4200");
	memset(list, 0, sizeof *list);
	if (script.foreign == NULL)
		return answer(script.look_rc, H5_WECHAT_NO_REFUND, refusal, e);
	(void)snprintf(
	    r.out_refund_no, sizeof r.out_refund_no, "%s", script.foreign);
	list->n = 1;
	fill(&o, &r, "SUCCESS", &list->v[0]);
	return answer(script.look_rc, H5_WECHAT_SUCCESS, refusal, e);
}

/* --- a shop with one paid order of 128.00 --------------------------------- */

static struct h5_config config;
static struct h5_log quiet;

static struct h5_shop
pay_of(struct shop *s)
{
	return (struct h5_shop){.c = &config, .log = &quiet, .st = s->st};
}

static int
set_up(void **state)
{
	struct shop *s;

	shop_setup(state);
	s = *state;
	memset(&script, 0, sizeof script);
	script.shop = s;
	now = T0 + 1000;
	config.gateway.deadline_ms = 1000;
	h5_log_init(&quiet, "test", "/dev/null");
	assert_int_equal(shop_create(s->st, ID, T0), H5_OK);
	assert_int_equal(shop_paid(s->st, ID), H5_OK);
	return 0;
}

static struct h5_order *
load(struct shop *s)
{
	struct h5_order *o;

	assert_int_equal(h5_store_load(s->st, ID, &o, NULL), H5_OK);
	return o;
}

static enum h5_code
plan_of(struct shop *s, struct h5_refund_want want, struct h5_refund_plan *plan)
{
	struct h5_order *o = load(s);
	struct h5_err e;
	enum h5_code rc = h5_refund_plan(o, &want, now, plan, &e);

	h5_order_free(o);
	return rc;
}

/* Plans and asks, as the verb does. */
static enum h5_code
ask(struct shop *s, struct h5_refund_want want)
{
	struct h5_shop p = pay_of(s);
	struct h5_refund_plan plan;
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc = plan_of(s, want, &plan);

	if (rc == H5_OK)
		rc = h5_refund_ask(&p, ID, &want, &plan, &o, &e);
	h5_order_free(o);
	return rc;
}

static enum h5_code
look(struct shop *s, bool force)
{
	struct h5_shop p = pay_of(s);
	struct h5_order *o = NULL;
	struct h5_err e;
	enum h5_code rc = h5_refund_look(&p, ID, force, &o, &e);

	h5_order_free(o);
	return rc;
}

/* The state, and the last refund's status. */
static void
expect(struct shop *s, enum h5_order_state state, const char *status)
{
	struct h5_order *o = load(s);

	assert_int_equal(o->state, state);
	assert_true(o->n_refunds > 0);
	assert_string_equal(
	    h5_order_refund_word(o->refunds[o->n_refunds - 1].state), status);
	h5_order_free(o);
}

/* What the operator says. */
static struct h5_refund_want
want_of(const char *no, int64_t fee, const char *reason)
{
	return (struct h5_refund_want){no, fee, reason};
}

/* --- what is asked for ---------------------------------------------------- */

static void
test_refund__default_is_all_that_is_left(void **state)
{
	struct h5_refund_plan plan;

	assert_int_equal(plan_of(*state, want_of(NULL, 0, NULL), &plan), H5_OK);
	assert_string_equal(plan.out_refund_no, ID "-r1");
	assert_string_equal(plan.out_trade_no, ID);
	assert_int_equal(plan.fee, 12800);
	assert_false(plan.again);
	assert_int_equal(ask(*state, want_of(NULL, 2800, NULL)), H5_OK);
	now += 61;
	assert_int_equal(plan_of(*state, want_of(NULL, 0, NULL), &plan), H5_OK);
	assert_string_equal(plan.out_refund_no, ID "-r2");
	assert_int_equal(plan.fee, 10000);
}

static void
test_refund__no_more_than_was_paid(void **state)
{
	struct h5_refund_plan plan;

	assert_int_equal(
	    plan_of(*state, want_of(NULL, 12801, NULL), &plan), H5_E_STATE);
	assert_int_equal(ask(*state, want_of(NULL, 12800, NULL)), H5_OK);
	now += 61;
	assert_int_equal(
	    plan_of(*state, want_of(NULL, 0, NULL), &plan), H5_E_STATE);
	assert_int_equal(
	    plan_of(*state, want_of(NULL, 1, NULL), &plan), H5_E_STATE);
	assert_int_equal(
	    plan_of(*state, want_of("mine", 1, NULL), &plan), H5_E_STATE);
	assert_int_equal(script.asks, 1);
}

static void
test_refund__a_minute_between_two(void **state)
{
	struct h5_refund_plan plan;

	assert_int_equal(ask(*state, want_of(NULL, 100, NULL)), H5_OK);
	now += 59;
	assert_int_equal(
	    plan_of(*state, want_of(NULL, 100, NULL), &plan), H5_E_BUSY);
	now += 1;
	assert_int_equal(
	    plan_of(*state, want_of(NULL, 100, NULL), &plan), H5_OK);
}

static void
test_refund__fifty_and_a_year(void **state)
{
	struct h5_refund_plan plan;
	int i;

	for (i = 0; i < 50; i++, now += 60)
		assert_int_equal(ask(*state, want_of(NULL, 1, NULL)), H5_OK);
	assert_int_equal(
	    plan_of(*state, want_of(NULL, 1, NULL), &plan), H5_E_STATE);
}

static void
test_refund__a_year_and_no_longer(void **state)
{
	struct h5_refund_plan plan;

	now += 365 * 86400;
	assert_int_equal(plan_of(*state, want_of(NULL, 0, NULL), &plan), H5_OK);
	now++;
	assert_int_equal(
	    plan_of(*state, want_of(NULL, 0, NULL), &plan), H5_E_STATE);
}

static void
test_refund__numbers_are_checked(void **state)
{
	static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa9",
	    ("1234567890123456789012345678901234567890123456789012345678901234"
	     "5")};
	struct h5_refund_plan plan;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
		    plan_of(*state, want_of(bad[i], 0, NULL), &plan),
		    H5_E_INPUT);
	assert_int_equal(
	    plan_of(*state, want_of("A_z-0|*@", 0, NULL), &plan), H5_OK);
	assert_string_equal(plan.out_refund_no, "A_z-0|*@");
}

static void
test_refund__nothing_goes_back_unpaid(void **state)
{
	struct shop *s = *state;
	struct h5_refund_want want = {NULL, 0, NULL};
	struct h5_refund_plan plan;
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(shop_create(s->st, "unpaid-1", T0), H5_OK);
	assert_int_equal(h5_store_load(s->st, "unpaid-1", &o, &e), H5_OK);
	assert_int_equal(h5_refund_plan(o, &want, now, &plan, &e), H5_E_STATE);
	h5_order_free(o);
}

/* --- asking --------------------------------------------------------------- */

static void
test_refund__durable_before_it_is_asked_for(void **state)
{
	assert_int_equal(ask(*state, want_of(NULL, 0, "broken cup")), H5_OK);
	assert_true(script.durable);
	assert_int_equal(script.asked_fee, 12800);
	assert_string_equal(script.reason, "broken cup");
	expect(*state, H5_ORDER_REFUNDING, "PROCESSING");
}

static void
test_refund__a_lost_answer_keeps_its_number(void **state)
{
	struct h5_refund_plan plan;

	script.ask_rc = H5_E_NET;
	assert_int_equal(ask(*state, want_of(NULL, 500, "first")), H5_E_NET);
	expect(*state, H5_ORDER_REFUNDING, "asked");
	/* Neither another amount nor a second refund while it is unknown. */
	assert_int_equal(
	    plan_of(*state, want_of(NULL, 400, NULL), &plan), H5_E_STATE);
	assert_int_equal(plan_of(*state, want_of(NULL, 0, NULL), &plan), H5_OK);
	assert_true(plan.again);
	assert_int_equal(plan.fee, 500);
	script.ask_rc = H5_OK;
	assert_int_equal(ask(*state, want_of(NULL, 500, "second")), H5_OK);
	assert_string_equal(script.number, ID "-r1");
	/* The same words, too. */
	assert_string_equal(script.reason, "first");
	expect(*state, H5_ORDER_REFUNDING, "PROCESSING");
	assert_int_equal(script.asks, 2);
}

static void
test_refund__a_taken_number_is_not_asked_for_again(void **state)
{
	struct h5_shop p = pay_of(*state);
	struct h5_refund_want want = {"mine", 500, NULL};
	struct h5_refund_plan plan;
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(ask(*state, want), H5_OK);
	assert_int_equal(plan_of(*state, want, &plan), H5_OK);
	assert_true(plan.taken);
	assert_int_equal(
	    h5_refund_ask(&p, ID, &want, &plan, &o, &e), H5_E_BUSY);
	h5_order_free(o);
	assert_int_equal(
	    plan_of(*state, want_of("mine", 499, NULL), &plan), H5_E_INPUT);
	assert_int_equal(script.asks, 1);
}

static void
test_refund__what_was_agreed_to_must_still_hold(void **state)
{
	struct h5_shop p = pay_of(*state);
	struct h5_refund_want want = {NULL, 0, NULL};
	struct h5_refund_plan plan;
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(plan_of(*state, want, &plan), H5_OK);
	/* Somebody else refunds a part while the question stands. */
	assert_int_equal(ask(*state, want_of(NULL, 100, NULL)), H5_OK);
	now += 61;
	assert_int_equal(
	    h5_refund_ask(&p, ID, &want, &plan, &o, &e), H5_E_BUSY);
	assert_null(o);
	assert_int_equal(script.asks, 1);
	/* The same if the number was chosen and only the sum is another. */
	want = want_of("mine", 0, NULL);
	assert_int_equal(plan_of(*state, want, &plan), H5_OK);
	assert_int_equal(plan.fee, 12700);
	assert_int_equal(ask(*state, want_of(NULL, 50, NULL)), H5_OK);
	now += 61;
	assert_int_equal(
	    h5_refund_ask(&p, ID, &want, &plan, &o, &e), H5_E_BUSY);
	assert_null(o);
	assert_int_equal(script.asks, 2);
}

struct refusal_row {
	enum h5_wechat_verdict verdict;
	enum h5_code rc;
	const char *status;
};

static void
test_refund__refusals(void **state)
{
	static const struct refusal_row rows[] = {
	    {H5_WECHAT_REFUSED, H5_E_STATE, "refused"},
	    {H5_WECHAT_UNKNOWN_ORDER, H5_E_STATE, "refused"},
	    {H5_WECHAT_MERCHANT, H5_E_CONFIG, "refused"},
	    {H5_WECHAT_NOT_YET, H5_E_BUSY, "refused"},
	    {H5_WECHAT_AGAIN, H5_E_NET, "asked"},
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		script.ask = rows[i].verdict;
		script.look = H5_WECHAT_NO_REFUND;
		assert_int_equal(
		    ask(*state, want_of(NULL, 0, NULL)), rows[i].rc);
		expect(*state,
		    strcmp(rows[i].status, "asked") == 0 ? H5_ORDER_REFUNDING
							 : H5_ORDER_PAID,
		    rows[i].status);
		/* The same number each time. */
		assert_string_equal(script.number, ID "-r1");
		assert_int_equal(script.asks, i + 1);
	}
}

static void
test_refund__a_refusal_alone_proves_nothing(void **state)
{
	/* refundquery is not reached: the refund may exist. */
	script.ask = H5_WECHAT_REFUSED;
	script.look_rc = H5_E_NET;
	assert_int_equal(ask(*state, want_of(NULL, 0, NULL)), H5_E_STATE);
	expect(*state, H5_ORDER_REFUNDING, "asked");
	/* It does exist: then the refusal is no failure. */
	script.look_rc = H5_OK;
	script.look = H5_WECHAT_SUCCESS;
	assert_int_equal(ask(*state, want_of(NULL, 0, NULL)), H5_OK);
	expect(*state, H5_ORDER_REFUNDING, "PROCESSING");
}

/* --- looking -------------------------------------------------------------- */

static void
test_refund__refundquery_moves_the_state(void **state)
{
	static const struct {
		const char *status;
		enum h5_order_state state;
	} rows[] = {{"PROCESSING", H5_ORDER_REFUNDING},
	    {"CHANGE", H5_ORDER_REFUNDING}, {"SUCCESS", H5_ORDER_REFUNDED}};
	struct h5_order *o;
	size_t i;

	assert_int_equal(ask(*state, want_of(NULL, 0, NULL)), H5_OK);
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		script.status = rows[i].status;
		assert_int_equal(look(*state, true), H5_OK);
		expect(*state, rows[i].state, rows[i].status);
	}
	o = load(*state);
	assert_int_equal(o->refunds[0].changed_at, T0 + 5000);
	assert_int_equal(o->n_outgoing, 2);
	assert_string_equal(o->outgoing[1].type, "order.refunded");
	assert_true(h5_order_at_rest(o, 0));
	h5_order_free(o);
	/* It is over: nobody asks any more. */
	assert_int_equal(look(*state, true), H5_OK);
	assert_int_equal(script.looks, 3);
}

static void
test_refund__a_closed_one_leaves_the_money(void **state)
{
	struct h5_refund_plan plan;

	assert_int_equal(ask(*state, want_of(NULL, 0, NULL)), H5_OK);
	script.status = "REFUNDCLOSE";
	assert_int_equal(look(*state, true), H5_OK);
	expect(*state, H5_ORDER_PAID, "REFUNDCLOSE");
	now += 61;
	assert_int_equal(
	    plan_of(*state, want_of(ID "-r1", 0, NULL), &plan), H5_E_STATE);
	assert_int_equal(plan_of(*state, want_of(NULL, 0, NULL), &plan), H5_OK);
	assert_string_equal(plan.out_refund_no, ID "-r2");
	assert_int_equal(plan.fee, 12800);
}

static void
test_refund__unknown_to_wechat_after_ten_minutes(void **state)
{
	script.ask_rc = H5_E_NET;
	assert_int_equal(ask(*state, want_of(NULL, 0, NULL)), H5_E_NET);
	script.look = H5_WECHAT_NO_REFUND;
	now += 599;
	assert_int_equal(look(*state, true), H5_OK);
	expect(*state, H5_ORDER_REFUNDING, "asked");
	now++;
	assert_int_equal(look(*state, true), H5_OK);
	expect(*state, H5_ORDER_PAID, "refused");
}

static void
hint(struct shop *s, const char *no, const char *fee)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_REFUND_HINT, now, "out_refund_no", no,
	    "refund_status", "SUCCESS", "refund_fee", fee, NULL);
	assert_int_equal(shop_update(s->st, ID, &ev, 1), H5_OK);
}

static void
test_refund__a_hint_is_looked_at_at_once(void **state)
{
	struct h5_order *o;

	assert_int_equal(ask(*state, want_of(NULL, 800, NULL)), H5_OK);
	now++;
	o = load(*state);
	assert_false(h5_refund_due(o, now));
	h5_order_free(o);
	hint(*state, ID "-r1", "800");
	expect(*state, H5_ORDER_REFUNDING, "PROCESSING");
	o = load(*state);
	assert_true(h5_refund_due(o, now));
	h5_order_free(o);
	now++;
	assert_int_equal(look(*state, false), H5_OK);
	assert_int_equal(script.looks, 1);
	now++;
	assert_int_equal(look(*state, false), H5_OK);
	assert_int_equal(script.looks, 1);
}

/* However many events the order has. */
static void
test_refund__a_hint_that_is_told_again_adds_nothing(void **state)
{
	struct h5_wechat_hint h = {
	    .out_trade_no = ID, .refund_status = "SUCCESS", .refund_fee = 1};
	struct shop *s = *state;
	struct h5_shop p = pay_of(s);
	struct h5_err e;
	char id[H5_ORDER_ID_MAX + 1];
	int i, before;

	for (i = 0; i < 40; i++) {
		(void)snprintf(id, sizeof id, "%s", ID);
		(void)snprintf(
		    h.out_refund_no, sizeof h.out_refund_no, "other-%d", i);
		assert_int_equal(h5_refund_hint(&p, &h, id, &e), H5_OK);
		before = (int)shop_events(s->st, ID);
		assert_int_equal(h5_refund_hint(&p, &h, id, &e), H5_OK);
		assert_int_equal(shop_events(s->st, ID), before);
	}
	assert_int_equal(before, 42);
}

/* The order is gone from under the look: it ends, and says why. */
static void
test_refund__a_ledger_that_breaks_ends_the_look(void **state)
{
	int force;

	for (force = 0; force < 2; force++) {
		struct shop *s;

		if (force > 0) {
			assert_int_equal(shop_teardown(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		s = *state;
		assert_int_equal(ask(s, want_of(NULL, 800, NULL)), H5_OK);
		now += 61;
		assert_int_equal(ask(s, want_of(NULL, 700, NULL)), H5_OK);
		now += 86400;
		script.spoils = true;
		assert_int_equal(look(s, force > 0), H5_E_INPUT);
		assert_int_equal(script.looks, 1);
		assert_int_equal(script.lists, 0);
	}
}

static void
test_refund__made_elsewhere_is_taken_in(void **state)
{
	struct h5_order *o;

	/* The notice lies about the amount; refundquery's word counts. */
	hint(*state, "platform-1", "1");
	expect(*state, H5_ORDER_PAID, "hinted");
	script.status = "SUCCESS";
	script.fee = 800;
	assert_int_equal(look(*state, false), H5_OK);
	expect(*state, H5_ORDER_PARTLY_REFUNDED, "SUCCESS");
	o = load(*state);
	assert_int_equal(o->refunds[0].refund_fee, 800);
	h5_order_free(o);
}

static void
test_refund__a_made_up_hint_is_forgotten(void **state)
{
	struct h5_order *o;
	struct h5_refund_plan plan;

	hint(*state, "nobodys", "800");
	script.look = H5_WECHAT_NO_REFUND;
	assert_int_equal(look(*state, false), H5_OK);
	expect(*state, H5_ORDER_PAID, "hinted");
	now += 600;
	assert_int_equal(look(*state, false), H5_OK);
	expect(*state, H5_ORDER_PAID, "refused");
	o = load(*state);
	assert_true(h5_order_at_rest(o, 0));
	h5_order_free(o);
	/* And does not stand in anybody's way. */
	assert_int_equal(
	    plan_of(*state, want_of("nobodys", 500, NULL), &plan), H5_OK);
	assert_false(plan.again);
	assert_int_equal(plan.fee, 500);
	script.look = H5_WECHAT_SUCCESS;
	assert_int_equal(ask(*state, want_of("nobodys", 500, "mine")), H5_OK);
	assert_string_equal(script.reason, "mine");
	expect(*state, H5_ORDER_REFUNDING, "PROCESSING");
}

static void
test_refund__back_off(void **state)
{
	static const struct {
		int64_t after;
		bool due;
	} rows[] = {{59, false}, {60, true}, {119, false}, {120, true},
	    {600, true}, {719, false}, {750, true}, {86400, true},
	    {89999, false}, {90000, true}, {3 * 86400, true},
	    {3 * 86400 + 21599, false}, {3 * 86400 + 21600, true}};
	int64_t t = now;
	struct h5_order *o;
	size_t i;

	assert_int_equal(ask(*state, want_of(NULL, 0, NULL)), H5_OK);
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		/* What the ask answered counts as a look. */
		now = t + rows[i].after;
		o = load(*state);
		if (h5_refund_due(o, now) != rows[i].due)
			fail_msg("%lld s: not %d", (long long)rows[i].after,
			    rows[i].due);
		h5_order_free(o);
		assert_int_equal(look(*state, false), H5_OK);
	}
}

/* --- the certificate ------------------------------------------------------ */

static void
test_refund__plain_http_here_needs_no_certificate(void **state)
{
	struct h5_config c = {0};
	char http[] = "http://127.0.0.1:8080", https[] = "https://a.example";
	struct h5_err e;

	(void)state;
	c.gateway.url = http;
	assert_int_equal(h5_wechat_refund_ready(&c, now, &e), H5_OK);
	c.gateway.url = https;
	assert_int_equal(h5_wechat_refund_ready(&c, now, &e), H5_E_CONFIG);
	assert_non_null(strstr(e.msg, "merchant.cert_file"));
}

/* What is wrong with a certificate is said as it is; of a file that is not
 * there, who should read it. */
static void
test_refund__a_certificate_that_is_none_is_called_so(void **state)
{
	char path[FOLDER_PATH], gone[FOLDER_PATH];
	char https[] = "https://a.example", mch_id[] = "1900000109";
	struct h5_config c = {0};
	struct shop *s = *state;
	struct h5_err e;

	folder_write(&s->f, "cert.pem", "no certificate\n", 0600);
	folder_name(&s->f, "cert.pem", path);
	folder_name(&s->f, "gone.pem", gone);
	c.gateway.url = https;
	c.merchant.mch_id = mch_id;
	c.merchant.cert_file = c.merchant.key_file = path;
	assert_int_equal(h5_wechat_refund_ready(&c, now, &e), H5_E_CONFIG);
	assert_null(strstr(e.msg, "cannot read"));
	c.merchant.cert_file = gone;
	assert_int_equal(h5_wechat_refund_ready(&c, now, &e), H5_E_CONFIG);
	assert_non_null(strstr(e.msg, "cannot read"));
}

static void
test_refund__a1_a_forced_look_takes_in_what_was_made_elsewhere(void **state)
{
	script.foreign = "50300000001";
	assert_int_equal(look(*state, false), H5_OK);
	assert_int_equal(script.lists, 0);
	assert_int_equal(look(*state, true), H5_OK);
	assert_int_equal(script.lists, 1);
	assert_int_equal(script.looks, 0);
	expect(*state, H5_ORDER_PARTLY_REFUNDED, "SUCCESS");
	/* Said twice is known once. */
	assert_int_equal(look(*state, true), H5_OK);
	assert_int_equal(shop_events(((struct shop *)*state)->st, ID), 3);
}

static void
test_refund__a1_ours_is_asked_about_beside_the_list(void **state)
{
	assert_int_equal(ask(*state, want_of(NULL, 100, NULL)), H5_OK);
	now += 61;
	script.foreign = "50300000001";
	script.status = "SUCCESS";
	assert_int_equal(look(*state, true), H5_OK);
	assert_int_equal(script.looks, 1);
	expect(*state, H5_ORDER_PARTLY_REFUNDED, "SUCCESS");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_refund__default_is_all_that_is_left),
	    T(test_refund__a1_a_forced_look_takes_in_what_was_made_elsewhere),
	    T(test_refund__a1_ours_is_asked_about_beside_the_list),
	    T(test_refund__no_more_than_was_paid),
	    T(test_refund__a_minute_between_two),
	    T(test_refund__fifty_and_a_year),
	    T(test_refund__a_year_and_no_longer),
	    T(test_refund__numbers_are_checked),
	    T(test_refund__nothing_goes_back_unpaid),
	    T(test_refund__durable_before_it_is_asked_for),
	    T(test_refund__a_lost_answer_keeps_its_number),
	    T(test_refund__a_taken_number_is_not_asked_for_again),
	    T(test_refund__what_was_agreed_to_must_still_hold),
	    T(test_refund__refusals),
	    T(test_refund__a_refusal_alone_proves_nothing),
	    T(test_refund__refundquery_moves_the_state),
	    T(test_refund__a_closed_one_leaves_the_money),
	    T(test_refund__unknown_to_wechat_after_ten_minutes),
	    T(test_refund__a_hint_is_looked_at_at_once),
	    T(test_refund__a_hint_that_is_told_again_adds_nothing),
	    T(test_refund__a_ledger_that_breaks_ends_the_look),
	    T(test_refund__made_elsewhere_is_taken_in),
	    T(test_refund__a_made_up_hint_is_forgotten),
	    T(test_refund__back_off),
	    T(test_refund__plain_http_here_needs_no_certificate),
	    T(test_refund__a_certificate_that_is_none_is_called_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
