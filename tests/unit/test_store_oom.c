/* A store, and what lies on it, without memory: it says so, whichever
 * allocation fails. */
#include "tests/unit/help.h"
#include "tests/unit/oom.h"
#include "tests/unit/shop.h"

#include "common/pay/returned.h"

static struct shop *shop; /* what is used has no argument of ours */

static enum h5_code
use_open(struct h5_err *e)
{
	struct h5_store *st = NULL;
	enum h5_code rc;

	rc = h5_store_open(WHERE(shop->dir), 0, &st, e);
	if ((rc == H5_OK) != (st != NULL))
		rc = H5_E_BUG;
	h5_store_close(st);
	return rc;
}

static enum h5_code
use_load(struct h5_err *e)
{
	struct h5_order *o = NULL;
	enum h5_code rc = h5_store_load(shop->st, "order-1", &o, e);

	if ((rc == H5_OK) != (o != NULL))
		rc = H5_E_BUG;
	h5_order_free(o);
	return rc;
}

static enum h5_code
use_hold(struct h5_err *e)
{
	struct h5_store_hold *hold = NULL;
	enum h5_code rc;

	rc = h5_store_hold(shop->st, "order-1", 0, 1000, &hold, e);
	if ((rc == H5_OK) != (hold != NULL))
		rc = H5_E_BUG;
	h5_store_release(hold);
	return rc;
}

static enum h5_code
nothing(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	(void)arg;
	(void)o;
	(void)b;
	(void)e;
	return H5_OK;
}

static enum h5_code
use_update(struct h5_err *e)
{
	struct h5_order *o = NULL;
	enum h5_code rc;

	rc = h5_store_update(shop->st, "order-1", NULL, nothing, NULL, &o, e);
	if ((rc == H5_OK) != (o != NULL))
		rc = H5_E_BUG;
	h5_order_free(o);
	return rc;
}

static void
test_store_oom__each_allocation_fails_once(void **state)
{
	shop = *state;
	assert_int_equal(shop_create(shop->st, "order-1", T0), H5_OK);
	assert_int_equal(shop_paid(shop->st, "order-1"), H5_OK);
	fail_each(use_open, 1);
	fail_each(use_load, 5);
	fail_each(use_hold, 1);
	fail_each(use_update, 5);
}

/* What asks WeChat has no room for the answer: it does not ask. */
static void
test_store_oom__no_room_for_a_list_of_refunds(void **state)
{
	struct h5_order o = {.id = "order-1"};
	struct h5_attempt a = {.state = H5_ATTEMPT_PAID};
	struct h5_shop asking = {0};
	struct h5_wechat_refunds *list;
	struct h5_err e;
	bool all;

	(void)state;
	until_failure = 0;
	assert_int_equal(
	    h5_returned_ask(&asking, &o, &a, "4200", &list, &all, &e),
	    H5_E_NOMEM);
	assert_true(until_failure < 0);
	assert_null(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_store_oom__each_allocation_fails_once, shop_setup,
		shop_teardown),
	    cmocka_unit_test(test_store_oom__no_room_for_a_list_of_refunds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
