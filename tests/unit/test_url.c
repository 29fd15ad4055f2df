#include "tests/unit/help.h"

#include "common/format/url.h"

static void
test_url__takes_good_ones_apart(void **state)
{
	static const struct {
		const char *url, *origin, *host, *path;
		bool query, loopback;
	} rows[] = {
	    {"https://shop.example", "https://shop.example", "shop.example", "",
		false, false},
	    {"https://Shop.Example/Pay", "https://shop.example", "shop.example",
		"/Pay", false, false},
	    {"https://shop.example:443/", "https://shop.example",
		"shop.example", "/", false, false},
	    {"https://shop.example:8443/a/b", "https://shop.example:8443",
		"shop.example:8443", "/a/b", false, false},
	    {"http://localhost:80/x?y=1", "http://localhost", "localhost",
		"/x?y=1", true, true},
	    {"http://shop.example:443/", "http://shop.example:443",
		"shop.example:443", "/", false, false},
	    {"http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080",
		"", false, true},
	    {"http://[::1]:8080/", "http://[::1]:8080", "[::1]:8080", "/",
		false, true},
	    {"https://[2001:DB8::5]", "https://[2001:db8::5]", "[2001:db8::5]",
		"", false, false},
	    {"https://xn--0zwm56d.example/%E8%8C%B6",
		"https://xn--0zwm56d.example", "xn--0zwm56d.example",
		"/%E8%8C%B6", false, false},
	};
	struct h5_buf b;
	struct h5_url u;
	size_t i;

	(void)state;
	h5_buf_init(&b, H5_URL_MAX);
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].url, h5_url_read(rows[i].url, &u, NULL) == H5_OK);
		h5_buf_clear(&b);
		h5_url_origin(&u, &b);
		ROW(rows[i].url, strcmp(b.data, rows[i].origin) == 0);
		h5_buf_clear(&b);
		h5_url_host(&u, &b);
		ROW(rows[i].url, strcmp(b.data, rows[i].host) == 0);
		ROW(rows[i].url, strcmp(u.path, rows[i].path) == 0);
		ROW(rows[i].url, u.query == rows[i].query);
		ROW(rows[i].url, h5_url_loopback(&u) == rows[i].loopback);
	}
	h5_buf_release(&b);
}

static void
test_url__refuses_the_rest(void **state)
{
	static const char *const rows[] = {"", "shop.example",
	    "//shop.example/", "ftp://shop.example/", "HTTPS://shop.example/",
	    "https:/shop.example/", "https://", "https:///x", "https://:443/",
	    "https://u@shop.example/", "https://u:p@shop.example/",
	    "https://shop.example@evil.example/", "https://shop.example/#x",
	    "https://shop.example?x", "https://shop example/",
	    "https://shop.example/a b", "https://shop.example/\"",
	    "https://shop.example/<", "https://shop.example\\@evil/",
	    "https://shop.example/\xe8\x8c\xb6", "https://\xe8\x8c\xb6.cn/",
	    "https://shop.example:/", "https://shop.example:0/",
	    "https://shop.example:65536/", "https://shop.example:080/",
	    "https://shop.example:8a/", "https://shop.example:80:80/",
	    "https://.example/", "https://shop..example/",
	    "https://shop.example./", "https://-shop.example/",
	    "https://shop-.example/", "https://shop-/", "https://sh*p.example/",
	    "https://[::1/", "https://[]/", "https://[127.0.0.1]/",
	    "https://[::1]x/", "https://[::g]/", "https://::1/",
	    "https://shop.example/\x01"};
	struct h5_url u;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i], h5_url_read(rows[i], &u, &e) == H5_E_INPUT);
		ROW(rows[i], u.host[0] == '\0' && u.path == NULL);
		ROW(rows[i], e.msg[0] != '\0');
	}
}

static void
test_url__has_a_limit(void **state)
{
	char text[H5_URL_MAX + 2] = "https://shop.example/";
	struct h5_url u;

	(void)state;
	memset(text + 21, 'a', H5_URL_MAX - 21);
	assert_int_equal(h5_url_read(text, &u, NULL), H5_OK);
	text[H5_URL_MAX] = 'a';
	assert_int_equal(h5_url_read(text, &u, NULL), H5_E_INPUT);
}

static void
test_url__a_label_has_at_most_63_bytes(void **state)
{
	char text[128] = "https://";
	struct h5_url u;

	(void)state;
	memset(text + 8, 'a', 63);
	assert_int_equal(h5_url_read(text, &u, NULL), H5_OK);
	text[8 + 63] = 'a';
	assert_int_equal(h5_url_read(text, &u, NULL), H5_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_url__takes_good_ones_apart),
	    cmocka_unit_test(test_url__refuses_the_rest),
	    cmocka_unit_test(test_url__has_a_limit),
	    cmocka_unit_test(test_url__a_label_has_at_most_63_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
