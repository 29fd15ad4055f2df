/* Configuration, catalogue and requests without memory. */
#include "tests/unit/help.h"
#include "tests/unit/folder.h"
#include "tests/unit/oom.h"

#include "common/shop/catalogue.h"
#include "common/config/config.h"
#include "common/web/request.h"

#define KEY32 "0123456789abcdef0123456789abcdef"

static struct folder folder;

static int
setup(void **state)
{
	(void)state;
	folder_make(&folder);
	folder_write(&folder, "key", KEY32 "\n", 0600);
	folder_write(&folder, "hook", "", 0700);
	folder_write(&folder, "h5pay.conf",
	    "[merchant]\nappid = wx8888888888888888\nmch_id = 1900000109\n"
	    "api_key_file = key\ncert_file = key\nkey_file = key\n"
	    "[site]\nbase_url = https://shop.example/cgi-bin/\nname = Tea\n"
	    "secret = " KEY32 "\ncontact = 1\n"
	    "trusted_proxies = 10.0.0.0/8 ::1\n"
	    "allowed_origins = https://a.example https://b.example\n"
	    "[gateway]\nurl = http://127.0.0.1:1/\n"
	    "[store]\ndir = store\n"
	    "[hooks]\nexec = hook\nwebhook_url = https://shop.example/h\n"
	    "webhook_secret = whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n",
	    0600);
	folder_write(&folder, "catalogue.ini",
	    "[a]\ntitle = a\nprice = 1\n[b]\ntitle = b\nprice = 2\n", 0600);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	folder_remove(&folder);
	return 0;
}

static enum h5_code
use_config(struct h5_err *e)
{
	struct h5_config *c;
	struct h5_buf faults;
	char path[FOLDER_PATH];
	enum h5_code rc;

	h5_buf_init(&faults, 4096);
	rc = h5_config_load(
	    folder_name(&folder, "h5pay.conf", path), &faults, &c, e);
	if ((rc == H5_OK) != (c != NULL) || faults.len != 0)
		rc = H5_E_BUG;
	h5_config_free(c);
	h5_buf_release(&faults);
	return rc;
}

static enum h5_code
use_catalogue(struct h5_err *e)
{
	struct h5_catalogue *c;
	struct h5_buf faults;
	char path[FOLDER_PATH];
	enum h5_code rc;

	h5_buf_init(&faults, 4096);
	rc = h5_catalogue_load(
	    folder_name(&folder, "catalogue.ini", path), &faults, &c, e);
	if ((rc == H5_OK) != (c != NULL) || faults.len != 0)
		rc = H5_E_BUG;
	h5_catalogue_free(c);
	h5_buf_release(&faults);
	return rc;
}

static enum h5_code
use_find(struct h5_err *e)
{
	struct h5_buf out;
	char path[FOLDER_PATH];
	enum h5_code rc;

	h5_buf_init(&out, 4096);
	rc = h5_config_find(
	    folder_name(&folder, "h5pay.conf", path), NULL, &out, e);
	h5_buf_release(&out);
	return rc;
}

static enum h5_code
use_web(struct h5_err *e)
{
	static char query[] = "a=1&b=2&lang=en";
	struct h5_fields params;
	struct h5_response resp;
	struct h5_request r;
	enum h5_code rc;

	h5_request_init(&r);
	h5_response_init(&resp);
	(void)snprintf(r.method, sizeof(r.method), "GET");
	r.query = query;
	rc = h5_web_params(&r, &params, e);
	if (rc != H5_OK && params.n != 0)
		rc = H5_E_BUG;
	if (rc == H5_OK)
		rc = h5_response_header(&resp, "X-A", "b", e);
	h5_fields_release(&params);
	h5_response_release(&resp);
	return rc;
}

static void
test_config__without_memory(void **state)
{
	(void)state;
	fail_each(use_config, 50);
	fail_each(use_find, 1);
}

static void
test_catalogue__without_memory(void **state)
{
	(void)state;
	fail_each(use_catalogue, 5);
}

static void
test_web__without_memory(void **state)
{
	(void)state;
	fail_each(use_web, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_config__without_memory),
	    cmocka_unit_test(test_catalogue__without_memory),
	    cmocka_unit_test(test_web__without_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
