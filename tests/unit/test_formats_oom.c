/* The formats without memory: each allocation in turn fails once.  Afterwards
 * the answer is "no memory" and nothing is left behind (a sanitizer or
 * valgrind sees what is). */
#include "tests/unit/help.h"
#include "tests/fields_set.h"
#include "tests/unit/oom.h"

#include "common/format/form.h"
#include "tests/form_read.h"
#include "common/shop/link.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

static enum h5_code
use_form(struct h5_err *e)
{
	/* More fields and more text than a list begins with room for. */
	static const char form[] = "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&"
				   "k=11&l=12&m=13&n=14&o=15&p=16&q=17&r=";
	char all[sizeof form + 500];
	struct h5_fields f, copy;
	enum h5_code rc;

	memset(all, 'x', sizeof all);
	memcpy(all, form, sizeof form - 1);
	h5_fields_init(&f, 20, 1000);
	h5_fields_init(&copy, 20, 1000);
	rc = form_read(all, sizeof all, &f, e);
	if (rc != H5_OK && f.n != 0)
		rc = H5_E_BUG;
	if (rc == H5_OK)
		rc = h5_fields_copy(&copy, &f, e);
	if (rc != H5_OK && copy.n != 0)
		rc = H5_E_BUG;
	if (rc == H5_OK)
		rc = fields_set(&f, "a", "other", e);
	h5_fields_release(&copy);
	h5_fields_release(&f);
	return rc;
}

static enum h5_code
use_xml(struct h5_err *e)
{
	static const char text[] =
	    "<xml><a>1</a><b><![CDATA[2]]>&lt;</b></xml>";
	struct h5_fields f;
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, 1000);
	rc = h5_xml_read(text, sizeof text - 1, "xml", &f, e);
	if (rc != H5_OK && f.n != 0)
		rc = H5_E_BUG;
	if (rc == H5_OK)
		rc = h5_xml_write(&f, &b, e);
	h5_buf_release(&b);
	h5_fields_release(&f);
	return rc;
}

static enum h5_code
use_sign(struct h5_err *e)
{
	struct h5_crypto_key *k = NULL;
	char hex[H5_SIGN_HEX] = "", token[H5_LINK_TOKEN];
	struct h5_buf text;
	struct h5_fields f;
	enum h5_code rc;

	h5_fields_init(&f, 20, 1000);
	h5_buf_init(&text, 1000);
	rc = h5_fields_add(&f, "body", "bar", e);
	if (rc == H5_OK)
		rc = h5_crypto_key_new("foo-merchant-key", 16, &k, e);
	if (rc == H5_OK)
		rc = h5_sign_fields(k, H5_SIGN_MD5, &f, hex, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "sign", hex, e);
	if (rc == H5_OK)
		rc = h5_sign_check(k, H5_SIGN_MD5, &f, e);
	if (rc == H5_OK)
		rc = h5_link_sign(k, &f, hex, e);
	if (rc == H5_OK)
		rc = h5_link_token(k, "order", "abcdef", token, e);
	if (rc == H5_OK)
		rc = h5_sign_open_refund(k,
		    "FTuPWOW4npLOTY8GQp+JtWXKe3ZFa2wsJC6v9gFoATU=", &text, e);
	h5_crypto_key_free(k);
	h5_buf_release(&text);
	h5_fields_release(&f);
	return rc;
}

static void
test_formats__form_without_memory(void **state)
{
	(void)state;
	fail_each(use_form, 10);
}

static void
test_formats__xml_without_memory(void **state)
{
	(void)state;
	fail_each(use_xml, 4);
}

static void
test_formats__sign_without_memory(void **state)
{
	(void)state;
	fail_each(use_sign, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_formats__form_without_memory),
	    cmocka_unit_test(test_formats__xml_without_memory),
	    cmocka_unit_test(test_formats__sign_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
