/* Pages without memory: one allocation after the other fails.  A load that
 * fails leaves nothing behind (a sanitizer sees what is left); a page that
 * fails is a 500, never half a page. */
#include "tests/unit/help.h"
#include "tests/unit/oom.h"

#include "common/web/pages.h"

static void
test_pages__a_load_without_memory_leaves_nothing(void **state)
{
	enum h5_code rc = H5_E_BUG;
	struct h5_pages *p;
	struct h5_buf faults;
	struct h5_err e;
	long n;

	(void)state;
	/* Every 17th of some two thousand, to stay quick. */
	for (n = 0; rc != H5_OK; n += 17) {
		h5_buf_init(&faults, 65536);
		until_failure = n;
		rc = h5_pages_load(NULL, &faults, &p, &e);
		until_failure = -1;
		if (rc != H5_OK) {
			assert_int_equal(rc, H5_E_NOMEM);
			assert_null(p);
		}
		h5_buf_release(&faults);
	}
	assert_true(n > 1000);
	h5_pages_free(p);
}

static void
test_pages__a_page_without_memory_is_a_500(void **state)
{
	static char empty[] = "", title[] = "tea", query[] = "order=1";
	struct h5_attempt attempt = {0};
	struct h5_order o = {.id = "20261123-0001",
	    .state = H5_ORDER_PAID,
	    .total_fee = 1,
	    .body = title,
	    .attempts = &attempt,
	    .n_attempts = 1,
	    .paid_at = 1795406412};
	struct h5_request r = {.method = "GET", .query = query};
	struct h5_response resp;
	struct h5_page_ctx x = {.r = &r, .resp = &resp, .program = "query"};
	struct h5_pages *p;
	struct h5_buf faults;
	struct h5_err e;
	long n = 0;

	(void)state;
	r.accept_language = empty;
	h5_buf_init(&faults, 65536);
	assert_int_equal(h5_pages_load(NULL, &faults, &p, &e), H5_OK);
	x.pages = p;
	do {
		h5_response_init(&resp);
		until_failure = n++;
		h5_page_result(&x, &o, "t", H5_NOTE_NONE, 0, 200);
		until_failure = -1;
		if (resp.status == 200)
			assert_non_null(strstr(resp.body.data, "</html>"));
		else
			assert_int_equal(resp.status, 500);
		if (resp.status == 500 && resp.body.len > 0)
			assert_non_null(
			    strstr(resp.body.data, "data-page=\"error\""));
		h5_response_release(&resp);
	} while (n < 200);
	h5_buf_release(&faults);
	h5_pages_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pages__a_load_without_memory_leaves_nothing),
	    cmocka_unit_test(test_pages__a_page_without_memory_is_a_500),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
