/* APIv3 without memory: each allocation in turn fails once, jansson's too.
 * Afterwards the answer is "no memory" and nothing is left behind (a sanitizer
 * or valgrind sees what is). */
#include "tests/unit/help.h"
#include "tests/unit/oom.h"
#include "tests/unit/v3keys.h"

#include <jansson.h>

#include "common/format/json_read.h"
#include "common/wechat/v3/notice.h"
#include "common/wechat/v3/sign.h"

static struct v3 *world;

/* Where jansson itself ran out of memory it says that the text is wrong
 * (json_read.h). */
static enum h5_code
or_jansson(enum h5_code rc)
{
	return rc == H5_E_INPUT && until_failure < 0 ? H5_E_NOMEM : rc;
}

static enum h5_code
use_json(struct h5_err *e)
{
	static const char text[] =
	    "{\"amount\":{\"total\":100,\"list\":[1,2.5,\"\\u5fae\"]},"
	    "\"a\":\"b\",\"c\":null,\"d\":1e999}";
	struct h5_json_value *v;
	enum h5_code rc = h5_json_read(text, sizeof text - 1, &v, e);
	int64_t n;

	if (rc == H5_OK)
		rc = h5_json_take_int(
		    v, "amount.total", H5_JSON_REQUIRED, &n, e);
	else if (v != NULL)
		rc = H5_E_BUG;
	h5_json_free(v);
	return or_jansson(rc);
}

static enum h5_code
use_notice(struct h5_err *e)
{
	struct h5_wechat_hint hint;
	struct h5_wechat_trade t;
	enum h5_wechat_kind kind;
	struct v3_message m;
	enum h5_code rc;
	long left = until_failure;

	until_failure = -1;
	v3_message(&m, "constructed/notify_pay_h5");
	until_failure = left;
	rc = h5_v3_read_notice(&world->c,
	    &(struct h5_v3_notice){&m.h, m.body, m.n}, V3_NOW, &kind, &t, &hint,
	    e);
	h5_wechat_trade_release(&t);
	v3_message_free(&m);
	return or_jansson(rc);
}

static enum h5_code
use_sign(struct h5_err *e)
{
	const struct h5_v3_request r = {"POST", "/v3/x", "{}", 2, NULL};
	struct h5_buf out;
	enum h5_code rc;

	h5_buf_init(&out, H5_V3_AUTHORIZATION);
	rc = h5_v3_authorization(world->c.merchant.v3, &r, 1, &out, e);
	h5_buf_release(&out);
	return rc;
}

static enum h5_code
use_keys(struct h5_err *e)
{
	struct h5_v3_keys_how how = {true, 0, NULL};
	struct h5_v3_keys *k;
	enum h5_code rc = h5_v3_keys_load(&world->c, &how, &k, e);

	if (rc != H5_OK && k != NULL)
		rc = H5_E_BUG;
	h5_v3_keys_free(k);
	return rc;
}

static void
test_v3__json_without_memory(void **state)
{
	(void)state;
	fail_each(use_json, 20);
}

static void
test_v3__a_notice_without_memory(void **state)
{
	world = *state;
	fail_each(use_notice, 30);
}

static void
test_v3__a_signature_without_memory(void **state)
{
	world = *state;
	fail_each(use_sign, 4);
}

static void
test_v3__keys_without_memory(void **state)
{
	world = *state;
	fail_each(use_keys, 5);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, v3_setup, v3_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_v3__json_without_memory),
	    WITH(test_v3__a_notice_without_memory),
	    WITH(test_v3__a_signature_without_memory),
	    WITH(test_v3__keys_without_memory),
	};

	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
