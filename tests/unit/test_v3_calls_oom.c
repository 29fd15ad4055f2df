/* Memory runs out in the middle of a call of APIv3: it says so, believes
 * nothing, and leaves nothing behind. */
#include "tests/unit/help.h"
#include "tests/unit/oom.h"
#define DESK_OWN_CALL
#include "tests/unit/v3desk.h"

#include "common/wechat/v3/message.h"

#define NO "order-1"
#define IDS "\"appid\":\"" APPID "\",\"mchid\":\"" MCH_ID "\""

static struct h5_attempt attempt;
static struct h5_order order;
static struct h5_refund refund_row = {.out_refund_no = "order-1-r1",
    .out_trade_no = NO,
    .refund_fee = 300,
    .state = H5_REFUND_ASKED,
    .asked_at = 1};
static struct h5_wechat_refusal refusal;

/* What the next call is answered; signed once, for signing needs memory. */
static struct reply answer;
static struct h5_buf head;

void __wrap_h5_clock_pause_ms(int ms);
void
__wrap_h5_clock_pause_ms(int ms)
{
	assert_true(ms > 0);
}

enum h5_code __wrap_h5_https_call(struct h5_https *h,
    const struct h5_https_request *q, struct h5_buf *out,
    struct h5_https_answer *a, struct h5_err *e);
enum h5_code
__wrap_h5_https_call(struct h5_https *h, const struct h5_https_request *q,
    struct h5_buf *out, struct h5_https_answer *a, struct h5_err *e)
{
	enum h5_code rc;

	(void)h;
	assert_non_null(q->head);
	memset(a, 0, sizeof *a);
	a->sent = true;
	a->status = answer.status;
	h5_buf_clear(out);
	h5_buf_clear(q->head);
	h5_buf_puts(out, answer.body);
	h5_buf_add(q->head, head.data, head.len);
	rc = h5_buf_finish(q->head, e);
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}

static void
answers(long status, const char *body)
{
	answer = (struct reply){.status = status, .body = body};
	h5_buf_clear(&head);
	h5_buf_printf(&head, "HTTP/1.1 %ld X\n", status);
	put_signature(&head, &answer, strlen(body));
	assert_int_equal(h5_buf_finish(&head, NULL), H5_OK);
}

static int
set_up(void **state)
{
	static char body[] = "Tea", request[] = "{\"x\":1}";

	memset(&attempt, 0, sizeof attempt);
	memset(&order, 0, sizeof order);
	(void)snprintf(attempt.out_trade_no, sizeof attempt.out_trade_no, NO);
	(void)snprintf(attempt.transaction_id, sizeof attempt.transaction_id,
	    "4200000001");
	(void)snprintf(order.id, sizeof order.id, NO);
	attempt.api = H5_API_V3;
	attempt.request = request;
	order.total_fee = 12800;
	order.body = body;
	order.attempts = &attempt;
	order.n_attempts = 1;
	h5_buf_init(&head, 65536);
	assert_int_equal(desk_set_up(state), 0);
	/* Nothing that is logged here matters, and logging needs memory. */
	desk->log.least = H5_LOG_ALERT;
	return 0;
}

static int
tear_down(void **state)
{
	h5_buf_release(&head);
	return desk_tear_down(state);
}

/* A handle of its own, whose buffers grow each time. */
static enum h5_code
anew(struct h5_wechat **w, struct h5_err *e)
{
	return h5_wechat_new(&desk->c, w, e);
}

static enum h5_code
use_prepay(struct h5_err *e)
{
	struct h5_wechat_prepay p = {{0}, NULL, NULL};
	struct h5_wechat *w = NULL;
	enum h5_code rc = anew(&w, e);

	if (rc == H5_OK)
		rc = h5_wechat_prepay(w, &desk->log, &order, &attempt,
		    "203.0.113.7", &p, &refusal, e);
	if (rc != H5_OK)
		assert_null(p.mweb_url);
	h5_wechat_prepay_release(&p);
	h5_wechat_free(w);
	return rc;
}

static enum h5_code
use_query(struct h5_err *e)
{
	struct h5_wechat_trade t;
	struct h5_wechat *w = NULL;
	enum h5_code rc = anew(&w, e);

	h5_wechat_trade_init(&t);
	if (rc == H5_OK)
		rc = h5_wechat_query(w, &desk->log, &attempt, &t, &refusal, e);
	h5_wechat_trade_release(&t);
	h5_wechat_free(w);
	return rc;
}

static enum h5_code
use_close(struct h5_err *e)
{
	struct h5_wechat *w = NULL;
	enum h5_code rc = anew(&w, e);

	if (rc == H5_OK)
		rc = h5_wechat_close(w, &desk->log, &attempt, &refusal, e);
	h5_wechat_free(w);
	return rc;
}

static enum h5_code
use_refund(struct h5_err *e)
{
	struct h5_wechat_refund got;
	struct h5_wechat *w = NULL;
	enum h5_code rc = anew(&w, e);

	if (rc == H5_OK)
		rc = h5_wechat_refund(
		    w, &desk->log, &order, &refund_row, &got, &refusal, e);
	h5_wechat_free(w);
	return rc;
}

static enum h5_code
use_request(struct h5_err *e)
{
	struct h5_buf out;
	enum h5_code rc;

	h5_buf_init(&out, H5_V3_BODY_MAX);
	rc = h5_wechat_request(
	    &desk->c, &order, &attempt, "203.0.113.7", &out, e);
	h5_buf_release(&out);
	return rc;
}

static enum h5_code
use_certificates(struct h5_err *e)
{
	struct h5_buf pem;
	struct h5_wechat *w = NULL;
	enum h5_code rc = anew(&w, e);

	h5_buf_init(&pem, 65536);
	if (rc == H5_OK)
		rc = h5_wechat_certificates(w, &desk->log, &pem, &refusal, e);
	if (rc != H5_OK)
		assert_int_equal(pem.len, 0);
	h5_buf_release(&pem);
	h5_wechat_free(w);
	return rc;
}

static void
test_v3_calls_oom__calls(void **state)
{
	(void)state;
	answers(200, "{\"h5_url\":\"https://wx.tenpay.com/cgi-bin/x\"}");
	fail_each(use_prepay, 8);
	answers(200,
	    "{" IDS ",\"out_trade_no\":\"" NO "\",\"trade_state\":\"SUCCESS\","
	    "\"transaction_id\":\"4200000001\",\"bank_type\":\"OTHERS\","
	    "\"amount\":{\"total\":12800,\"payer_total\":1}}");
	fail_each(use_query, 8);
	answers(204, "");
	fail_each(use_close, 8);
	answers(200,
	    "{\"refund_id\":\"5000001\",\"out_refund_no\":\"order-1-r1\","
	    "\"transaction_id\":\"4200000001\",\"out_trade_no\":\"" NO "\","
	    "\"status\":\"PROCESSING\","
	    "\"amount\":{\"total\":12800,\"refund\":300}}");
	fail_each(use_refund, 8);
	fail_each(use_request, 4);
}

static void
test_v3_calls_oom__certificates(void **state)
{
	size_t n;
	char *body;

	(void)state;
	body = fixture(
	    "tests/fixtures/v3/java-sdk/certificates_answer.body.json", &n);
	answers(200, body);
	fail_each(use_certificates, 12);
	free(body);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_v3_calls_oom__calls),
	    T(test_v3_calls_oom__certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
