#include "tests/unit/help.h"

#include "common/web/request.h"

/* A configuration of no file, with what web.c looks at. */
struct fixture {
	struct h5_config c;
	struct h5_request r;
	struct h5_fields params;
	struct h5_err e;
	struct h5_netrange proxy;
	char base_url[64], origin[64], suffix[16], lang[8], other[64];
	char *origins[1];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	h5_request_init(&f->r);
	h5_fields_init(&f->params, 1, 1);
	(void)snprintf(f->base_url, sizeof(f->base_url), "%s",
	    "https://shop.example:8443/pay");
	(void)snprintf(
	    f->origin, sizeof(f->origin), "%s", "https://shop.example:8443");
	(void)snprintf(f->suffix, sizeof(f->suffix), "%s", ".fcgi");
	(void)snprintf(f->lang, sizeof(f->lang), "%s", "zh-CN");
	(void)snprintf(f->other, sizeof(f->other), "%s", "https://www.example");
	f->c.site.base_url = f->base_url;
	f->c.site.origin = f->origin;
	f->c.site.program_suffix = f->suffix;
	f->c.site.lang = f->lang;
	f->origins[0] = f->other;
	f->c.site.allowed_origins.v = f->origins;
	f->c.site.allowed_origins.n = 1;
	f->c.site.trusted_proxies = &f->proxy;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	h5_request_release(&f->r);
	h5_request_release(&f->r);
	h5_fields_release(&f->params);
	free(f);
	return 0;
}

/* Gives a fresh request a text as fcgi.c does: a copy of its own. */
static void
put(char **where, const char *value)
{
	*where = strdup(value);
	assert_non_null(*where);
}

static enum h5_code
params(struct fixture *f, const char *method, const char *query,
    const char *type, const char *body)
{
	h5_fields_release(&f->params);
	h5_request_release(&f->r);
	(void)snprintf(f->r.method, sizeof(f->r.method), "%s", method);
	put(&f->r.query, query);
	put(&f->r.content_type, type);
	h5_buf_init(&f->r.body, 65536);
	h5_buf_puts(&f->r.body, body);
	return h5_web_params(&f->r, &f->params, &f->e);
}

#define FORM "application/x-www-form-urlencoded"

static void
test_web_params__come_from_the_right_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(params(f, "GET", "t=1&body=x+y", "", "item=3"), H5_OK);
	assert_int_equal(f->params.n, 2);
	assert_string_equal(h5_fields_get(&f->params, "body"), "x y");
	assert_int_equal(params(f, "HEAD", "t=1", "", ""), H5_OK);
	assert_int_equal(f->params.n, 1);
	assert_int_equal(params(f, "POST", "", FORM, "t=1&body=2"), H5_OK);
	assert_int_equal(f->params.n, 2);
	assert_int_equal(params(f, "GET", "", "", ""), H5_OK);
	assert_int_equal(f->params.n, 0);
	assert_int_equal(params(f, "PUT", "t=1", FORM, "t=1"), H5_E_INPUT);
}

static void
test_web_params__lang_is_not_the_handlers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(params(f, "GET", "lang=en&t=1", "", ""), H5_OK);
	assert_int_equal(f->params.n, 1);
	assert_null(h5_fields_get(&f->params, "lang"));
	assert_int_equal(params(f, "POST", "lang=xx", FORM, "t=1"), H5_OK);
	assert_int_equal(f->params.n, 1);
	assert_int_equal(
	    params(f, "POST", "lang=en", FORM, "t=1&lang=en"), H5_OK);
	assert_int_equal(f->params.n, 1);
	assert_int_equal(
	    params(f, "GET", "lang=en&lang=en", "", ""), H5_E_EXISTS);
	assert_int_equal(
	    params(f, "POST", "lang=en&lang=zh-CN", FORM, ""), H5_E_EXISTS);
}

static void
test_web_params__refuses(void **state)
{
	static const struct {
		const char *name, *method, *query, *type, *body;
		enum h5_code want;
	} rows[] = {
	    {"query beside a body", "POST", "t=1", FORM, "body=2", H5_E_INPUT},
	    {"query and lang", "POST", "lang=en&t=1", FORM, "body=2",
		H5_E_INPUT},
	    {"bad query of a POST", "POST", "lang=%zz", FORM, "body=2",
		H5_E_INPUT},
	    {"no type", "POST", "", "", "t=1", H5_OK},
	    {"JSON", "POST", "", "application/json", "{}", H5_E_INPUT},
	    {"multipart", "POST", "", "multipart/form-data; boundary=x", "",
		H5_E_INPUT},
	    {"a type that begins alike", "POST", "", FORM "x", "t=1",
		H5_E_INPUT},
	    {"a charset is fine", "POST", "", FORM "; charset=UTF-8", "t=1",
		H5_OK},
	    {"capitals are fine", "POST", "",
		"Application/X-WWW-Form-URLEncoded ;charset=x", "t=1", H5_OK},
	    {"doubled", "POST", "", FORM, "t=1&t=1", H5_E_EXISTS},
	    {"doubled in a query", "GET", "t=1&t=1", "", "", H5_E_EXISTS},
	    {"bad escape", "GET", "t=%4", "", "", H5_E_INPUT},
	    {"not UTF-8", "GET", "t=%ff", "", "", H5_E_INPUT},
	    {"NUL", "POST", "", FORM, "t=%00", H5_E_INPUT},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].name,
		    params(f, rows[i].method, rows[i].query, rows[i].type,
			rows[i].body) == rows[i].want);
		if (rows[i].want != H5_OK)
			ROW(rows[i].name, f->params.n == 0);
	}
}

/* B1: what WeChat, a campaign, a proxy or another shop's script adds. */
static void
test_web_params__only_ours_are_read(void **state)
{
	static const char *const extras[] = {
	    "from=singlemessage&isappinstalled=0", "utm_source=a&utm_source=b",
	    "fbclid=IwAR0", "T=1&Order=x", "order%20=x", "_=1700000000",
	    "t%5B%5D=1", "%C3%A9=1", "order.x=1", "a", "scene=&scene="};
	char many[2048] = "";
	struct fixture *f = *state;
	char text[2200];
	size_t i;

	for (i = 0; i < COUNT(extras); i++) {
		(void)snprintf(text, sizeof text, "%s&t=1", extras[i]);
		ROW(extras[i], params(f, "GET", text, "", "") == H5_OK);
		ROW(extras[i], f->params.n == 1);
		ROW(extras[i], params(f, "POST", "", FORM, text) == H5_OK);
		ROW(extras[i], f->params.n == 1);
		ROW(extras[i],
		    params(f, "POST", extras[i], FORM, "t=1") == H5_OK);
		ROW(extras[i], f->params.n == 1);
		(void)snprintf(text, sizeof text, "t=1&%s&%%74=2", extras[i]);
		ROW(extras[i], params(f, "GET", text, "", "") == H5_E_EXISTS);
	}
	for (i = 0; i < 200; i++)
		(void)snprintf(many + strlen(many), sizeof(many) - strlen(many),
		    "p%zu=1&", i);
	(void)snprintf(text, sizeof text, "%st=1", many);
	assert_int_equal(params(f, "GET", text, "", ""), H5_OK);
	assert_int_equal(f->params.n, 1);
}

static void
test_web_params__a_short_body_is_no_form(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(params(f, "POST", "", FORM, "t=1"), H5_OK);
	h5_fields_release(&f->params);
	f->r.body_code = H5_E_INPUT;
	assert_int_equal(h5_web_params(&f->r, &f->params, &f->e), H5_E_INPUT);
}

static void
test_web_lang__what_the_browser_prefers(void **state)
{
	static const struct {
		const char *query, *header, *site, *want;
	} rows[] = {
	    {"", "", "zh-CN", "zh-CN"},
	    {"", "", "en", "en"},
	    {"lang=en", "zh-CN", "zh-CN", "en"},
	    {"a=1&lang=zh-CN&b=2", "en", "en", "zh-CN"},
	    {"lang=fr", "", "en", "en"},
	    {"lang=fr", "zh", "en", "zh-CN"},
	    {"lang=en-US", "", "zh-CN", "zh-CN"},
	    {"slang=en", "", "zh-CN", "zh-CN"},
	    {"lang=", "", "en", "en"},
	    {"%zz&lang=en", "", "zh-CN", "en"},
	    {"", "en", "zh-CN", "en"},
	    {"", "en-US,en;q=0.9", "zh-CN", "en"},
	    {"", "EN-gb", "zh-CN", "en"},
	    {"", "zh-Hant-TW", "en", "zh-CN"},
	    {"", "zh-CN,zh;q=0.9,en;q=0.8", "en", "zh-CN"},
	    {"", "en;q=0.8, zh;q=0.9", "en", "zh-CN"},
	    {"", "zh;q=0.8, en;q=0.801", "zh-CN", "en"},
	    {"", "en;q=0.5,zh;q=0.5", "zh-CN", "en"},
	    {"", "zh;q=0.5,en;q=0.5", "en", "zh-CN"},
	    {"", "fr-FR, fr;q=0.9", "en", "en"},
	    {"", "fr, en;q=0.2", "zh-CN", "en"},
	    {"", "en;q=0", "zh-CN", "zh-CN"},
	    {"", "zh;q=0, en;q=0.1", "zh-CN", "en"},
	    {"", "*", "en", "en"},
	    {"", "*", "zh-CN", "zh-CN"},
	    {"", "en;q=0.1, *;q=0.5", "en", "zh-CN"},
	    {"", "zh;q=0.5, *;q=0.1", "en", "zh-CN"},
	    {"", "en ; q=0.9 , zh ; q=1.0", "en", "zh-CN"},
	    {"", "en;Q=0.1,zh;q=0.2", "en", "zh-CN"},
	    {"", "en;level=1;q=0.1,zh;q=0.2", "en", "zh-CN"},
	    {"", "english", "zh-CN", "zh-CN"},
	    {"", "en;q=x", "zh-CN", "zh-CN"},
	    {"", "en;q=1.1", "zh-CN", "zh-CN"},
	    {"", "en;q=0.1234", "zh-CN", "zh-CN"},
	    {"", "en;q=", "zh-CN", "zh-CN"},
	    {"", "en;q=1.", "zh-CN", "en"},
	    {"", ",,;,en", "zh-CN", "en"},
	    {"", ";q=1", "en", "en"},
	};
	struct fixture *f = *state;
	char name[256];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		h5_request_release(&f->r);
		put(&f->r.query, rows[i].query);
		put(&f->r.accept_language, rows[i].header);
		(void)snprintf(f->lang, sizeof(f->lang), "%s", rows[i].site);
		(void)snprintf(name, sizeof(name), "%s | %s | %s",
		    rows[i].query, rows[i].header, rows[i].site);
		ROW(name, strcmp(h5_web_lang(&f->c, &f->r), rows[i].want) == 0);
	}
}

static void
test_web_lang__without_a_configuration(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(h5_web_lang(NULL, &f->r), "zh-CN");
	put(&f->r.accept_language, "en");
	assert_string_equal(h5_web_lang(NULL, &f->r), "en");
}

static void
test_web_origin__exact(void **state)
{
	static const struct {
		const char *origin;
		enum h5_web_origin want;
	} rows[] = {
	    {"", H5_ORIGIN_NONE},
	    {"null", H5_ORIGIN_NONE},
	    {"https://shop.example:8443", H5_ORIGIN_OURS},
	    {"https://SHOP.example:8443", H5_ORIGIN_OURS},
	    {"https://shop.example", H5_ORIGIN_FOREIGN},
	    {"https://shop.example:443", H5_ORIGIN_FOREIGN},
	    {"http://shop.example:8443", H5_ORIGIN_FOREIGN},
	    {"https://shop.example:8443/", H5_ORIGIN_FOREIGN},
	    {"https://shop.example:8443.evil.example", H5_ORIGIN_FOREIGN},
	    {"https://evil-shop.example:8443", H5_ORIGIN_FOREIGN},
	    {"https://www.example", H5_ORIGIN_OURS},
	    {"https://www.example:443", H5_ORIGIN_OURS},
	    {"http://www.example", H5_ORIGIN_FOREIGN},
	    {"https://a.www.example", H5_ORIGIN_FOREIGN},
	    {"Null", H5_ORIGIN_FOREIGN},
	    {"https://www.example https://evil.example", H5_ORIGIN_FOREIGN},
	    {"file://", H5_ORIGIN_FOREIGN},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		h5_request_release(&f->r);
		put(&f->r.origin, rows[i].origin);
		ROW(rows[i].origin,
		    h5_web_origin(&f->c, &f->r) == rows[i].want);
	}
}

static void
test_web_client__by_the_trusted_proxies(void **state)
{
	/* want: NULL when it is refused. */
	static const struct {
		const char *name, *peer, *forwarded, *trusted;
		bool loopback;
		const char *want;
	} rows[] = {
	    {"direct", "8.8.4.4", "", NULL, false, "8.8.4.4"},
	    {"nobody is believed", "8.8.4.4", "1.2.3.4", NULL, false,
		"8.8.4.4"},
	    {"a proxy is", "10.0.0.1", "1.2.3.4", "10.0.0.0/8", false,
		"1.2.3.4"},
	    {"the right-most", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.1.1.1",
		"10.0.0.0/8", false, "1.2.3.4"},
	    {"IPv6", "2408::1", "", NULL, false, "2408::1"},
	    {"IPv4 in IPv6", "::ffff:8.8.4.4", "", NULL, false, "8.8.4.4"},
	    {"private", "192.168.1.5", "", NULL, false, NULL},
	    {"loopback", "127.0.0.1", "", NULL, false, NULL},
	    {"a proxy that names a private one", "10.0.0.1", "192.168.1.5",
		"10.0.0.0/8", false, NULL},
	    {"private, before a stand-in", "192.168.1.5", "", NULL, true,
		"192.168.1.5"},
	    {"malformed", "x", "", NULL, false, NULL},
	    {"malformed, before a stand-in", "x", "", NULL, true, NULL},
	    {"absent", "", "", NULL, false, NULL},
	    {"absent, before a stand-in", "", "", NULL, true, "127.0.0.1"},
	    {"absent, and nobody vouches for what was forwarded", "", "1.2.3.4",
		"127.0.0.0/8", true, "127.0.0.1"},
	    {"absent, and forwarded", "", "1.2.3.4", "127.0.0.0/8", false,
		NULL},
	    {"B2: a unix socket", "unix:", "1.2.3.4", "unix:", false,
		"1.2.3.4"},
	    {"B2: a unix socket that is not named", "unix:", "1.2.3.4",
		"127.0.0.0/8", false, NULL},
	    {"B2: a unix socket without a name", "", "1.2.3.4", "unix:", true,
		"1.2.3.4"},
	    {"B2: a private one with a port", "10.0.0.1", "192.168.1.5:80",
		"10.0.0.0/8", false, NULL},
	};
	struct fixture *f = *state;
	char out[H5_NETADDR_TEXT];
	enum h5_code rc;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		h5_request_release(&f->r);
		(void)snprintf(f->r.remote_addr, sizeof(f->r.remote_addr), "%s",
		    rows[i].peer);
		put(&f->r.forwarded_for, rows[i].forwarded);
		f->c.gateway.loopback = rows[i].loopback;
		f->c.site.n_trusted_proxies = rows[i].trusted != NULL;
		if (rows[i].trusted != NULL)
			assert_int_equal(
			    h5_netaddr_range(rows[i].trusted, &f->proxy, NULL),
			    H5_OK);
		rc = h5_web_client(&f->c, &f->r, out, &f->e);
		ROW(rows[i].name,
		    rc == (rows[i].want == NULL ? H5_E_INPUT : H5_OK));
		ROW(rows[i].name,
		    strcmp(out, rows[i].want == NULL ? "" : rows[i].want) == 0);
	}
}

static void
test_web__wechat_and_json(void **state)
{
	static const struct {
		const char *accept;
		bool want;
	} rows[] = {
	    {"", false},
	    {"*/*", false},
	    {"text/html,application/xhtml+xml,application/xml;q=0.9", false},
	    {"application/json", true},
	    {"Application/JSON; charset=utf-8", true},
	    {"text/html, application/json;q=0.5", true},
	    {"application/json;q=0", false},
	    {"application/json-seq", false},
	    {"application/*", false},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		h5_request_release(&f->r);
		put(&f->r.accept, rows[i].accept);
		ROW(rows[i].accept, h5_web_wants_json(&f->r) == rows[i].want);
	}
}

static void
test_web_url__has_base_and_suffix(void **state)
{
	struct fixture *f = *state;
	struct h5_buf b;

	h5_buf_init(&b, 256);
	h5_config_url(&f->c, "notify", &b);
	assert_string_equal(
	    b.data, "https://shop.example:8443/pay/notify.fcgi");
	h5_buf_release(&b);
}

static void
test_response__headers_cannot_be_injected(void **state)
{
	static const struct {
		const char *name, *value;
		enum h5_code want;
	} rows[] = {
	    {"X-A", "b", H5_OK},
	    {"X-A", "", H5_OK},
	    {"Location", "https://x/?a=1&b=%0d%0a", H5_OK},
	    {"X-A", "\xe8\x8c\xb6", H5_OK},
	    {"X-A", "b\r\nX-B: c", H5_E_INPUT},
	    {"X-A", "b\nX-B: c", H5_E_INPUT},
	    {"X-A", "b\rc", H5_E_INPUT},
	    {"X-A", "b\tc", H5_E_INPUT},
	    {"X-A", "b\x7f", H5_E_INPUT},
	    {"X-A: b\r\nX", "c", H5_E_INPUT},
	    {"X A", "c", H5_E_INPUT},
	    {"X:A", "c", H5_E_INPUT},
	    {"", "c", H5_E_INPUT},
	};
	struct h5_response r;
	size_t i;

	(void)state;
	h5_response_init(&r);
	for (i = 0; i < COUNT(rows); i++) {
		h5_response_clear(&r);
		ROW(rows[i].value, h5_response_header(&r, rows[i].name,
				       rows[i].value, NULL) == rows[i].want);
		ROW(rows[i].value,
		    (r.headers.len > 0) == (rows[i].want == H5_OK));
	}
	h5_response_release(&r);
}

static void
test_response__clear_makes_a_fresh_one(void **state)
{
	struct h5_response r;

	(void)state;
	h5_response_init(&r);
	assert_int_equal(r.status, 200);
	assert_int_equal(h5_response_header(&r, "X-A", "b", NULL), H5_OK);
	assert_int_equal(h5_response_header(&r, "X-C", "d", NULL), H5_OK);
	assert_string_equal(r.headers.data, "X-A: b\r\nX-C: d\r\n");
	h5_buf_puts(&r.body, "x");
	r.status = 404;
	r.head = true;
	h5_response_clear(&r);
	assert_int_equal(r.status, 200);
	assert_false(r.head);
	assert_string_equal(r.headers.data, "");
	assert_int_equal(r.body.len, 0);
	h5_response_release(&r);
	h5_response_release(&r);
}

static void
test_request__is_never_null(void **state)
{
	struct h5_request r;

	(void)state;
	h5_request_init(&r);
	assert_string_equal(r.query, "");
	assert_string_equal(r.user_agent, "");
	assert_string_equal(r.accept, "");
	assert_string_equal(r.accept_language, "");
	assert_string_equal(r.origin, "");
	assert_string_equal(r.referer, "");
	assert_string_equal(r.content_type, "");
	assert_string_equal(r.forwarded_for, "");
	assert_string_equal(r.document_root, "");
	assert_string_equal(r.conf, "");
	assert_string_equal(r.body.data, "");
	h5_request_release(&r);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_web_params__come_from_the_right_place),
	    TEST(test_web_params__lang_is_not_the_handlers),
	    TEST(test_web_params__refuses),
	    TEST(test_web_params__only_ours_are_read),
	    TEST(test_web_params__a_short_body_is_no_form),
	    TEST(test_web_lang__what_the_browser_prefers),
	    TEST(test_web_lang__without_a_configuration),
	    TEST(test_web_origin__exact),
	    TEST(test_web_client__by_the_trusted_proxies),
	    TEST(test_web__wechat_and_json),
	    TEST(test_web_url__has_base_and_suffix),
	    TEST(test_response__headers_cannot_be_injected),
	    TEST(test_response__clear_makes_a_fresh_one),
	    TEST(test_request__is_never_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
