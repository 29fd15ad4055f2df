#include "tests/unit/help.h"

#include "common/base/buf.h"
#include "common/format/idn.h"

/* B7: what Python's punycode codec and RFC 3492, 7.1 say. */
static void
test_idn__urls_in_the_letters_of_programs(void **state)
{
	static const struct {
		const char *url, *want;
	} rows[] = {{"https://\xe5"
		     "\x95"
		     "\x86"
		     "\xe5"
		     "\xba"
		     "\x97"
		     ".\xe4"
		     "\xb8"
		     "\xad"
		     "\xe5"
		     "\x9b"
		     "\xbd"
		     "/cgi-bin",
			"https://xn--czrs0t.xn--fiqs8s/cgi-bin"},
	    {"https://b\xc3"
	     "\xbc"
	     "cher.example:8443",
		"https://xn--bcher-kva.example:8443"},
	    {"HTTPS://Shop.Example/Path?Q=X", "https://shop.example/Path?Q=X"},
	    {"https://\xef"
	     "\xbc"
	     "\xa1"
	     "\xef"
	     "\xbd"
	     "\x82"
	     "\xef"
	     "\xbd"
	     "\x83"
	     "\xe3"
	     "\x80"
	     "\x82"
	     "\xe4"
	     "\xbe"
	     "\x8b"
	     "\xe5"
	     "\xad"
	     "\x90"
	     "/",
		"https://abc.xn--fsqu00a/"},
	    {"https://\xe4"
	     "\xbb"
	     "\x96"
	     "\xe4"
	     "\xbb"
	     "\xac"
	     "\xe4"
	     "\xb8"
	     "\xba"
	     "\xe4"
	     "\xbb"
	     "\x80"
	     "\xe4"
	     "\xb9"
	     "\x88"
	     "\xe4"
	     "\xb8"
	     "\x8d"
	     "\xe8"
	     "\xaf"
	     "\xb4"
	     "\xe4"
	     "\xb8"
	     "\xad"
	     "\xe6"
	     "\x96"
	     "\x87"
	     ".example/",
		"https://xn--ihqwcrb4cv8a8dqg056pqjye.example/"},
	    {"https://\xe3"
	     "\x81"
	     "\xaa"
	     "\xe3"
	     "\x81"
	     "\x9c"
	     "\xe3"
	     "\x81"
	     "\xbf"
	     "\xe3"
	     "\x82"
	     "\x93"
	     "\xe3"
	     "\x81"
	     "\xaa"
	     "\xe6"
	     "\x97"
	     "\xa5"
	     "\xe6"
	     "\x9c"
	     "\xac"
	     "\xe8"
	     "\xaa"
	     "\x9e"
	     "\xe3"
	     "\x82"
	     "\x92"
	     "\xe8"
	     "\xa9"
	     "\xb1"
	     "\xe3"
	     "\x81"
	     "\x97"
	     "\xe3"
	     "\x81"
	     "\xa6"
	     "\xe3"
	     "\x81"
	     "\x8f"
	     "\xe3"
	     "\x82"
	     "\x8c"
	     "\xe3"
	     "\x81"
	     "\xaa"
	     "\xe3"
	     "\x81"
	     "\x84"
	     "\xe3"
	     "\x81"
	     "\xae"
	     "\xe3"
	     "\x81"
	     "\x8b"
	     ".jp",
		"https://xn--n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa.jp"},
	    {"https://%E5%95%86%E5%BA%97.%E4%B8%AD%E5%9B%BD/cgi-bin",
		"https://xn--czrs0t.xn--fiqs8s/cgi-bin"},
	    {"https://shop.example/\xe5"
	     "\x95"
	     "\x86"
	     "\xe5"
	     "\xba"
	     "\x97"
	     "?\xe8"
	     "\x8c"
	     "\xb6"
	     "=1",
		"https://shop.example/%E5%95%86%E5%BA%97?%E8%8C%B6=1"},
	    {"https://m\xc3"
	     "\xbc"
	     "nchen-ost.example/%20",
		"https://xn--mnchen-ost-9db.example/%20"},
	    {"https://\xf0"
	     "\x9f"
	     "\x98"
	     "\x80"
	     ".example",
		"https://xn--e28h.example"},
	    {"https://[::1]:80/x", "https://[::1]:80/x"},
	    {"shop.example", "shop.example"}};
	struct h5_buf b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		h5_buf_init(&b, 1000);
		ROW(rows[i].want, h5_idn_url(rows[i].url, &b, NULL) == H5_OK);
		ROW(b.data, strcmp(b.data, rows[i].want) == 0);
		h5_buf_release(&b);
	}
}

static void
test_idn__what_has_no_such_form_is_refused(void **state)
{
	char name[700] = "https://";
	struct h5_buf b;
	size_t i;

	(void)state;
	h5_buf_init(&b, 4000);
	assert_int_equal(h5_idn_url("https://\xe5\x95/", &b, NULL), H5_E_INPUT);
	assert_int_equal(h5_idn_url("https://%ff%fe/", &b, NULL), H5_E_INPUT);
	for (i = 0; i < 63; i++)
		strcat(name, "a");
	assert_int_equal(h5_idn_url(name, &b, NULL), H5_OK);
	assert_int_equal(h5_idn_url(strcat(name, "a"), &b, NULL), H5_E_INPUT);
	/* 30 different characters take more than 63 letters. */
	name[8] = '\0';
	for (i = 0; i < 30; i++)
		(void)snprintf(name + strlen(name), 10, "%c\xb8%c",
		    (char)(0xe4 + i % 6), (char)(0x80 + i));
	assert_int_equal(h5_idn_url(name, &b, NULL), H5_E_INPUT);
	h5_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_idn__urls_in_the_letters_of_programs),
	    cmocka_unit_test(test_idn__what_has_no_such_form_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
