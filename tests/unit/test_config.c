#include "tests/unit/help.h"
#include "tests/unit/folder.h"

#include "common/config/config.h"
#include "common/config/keys.h"

#define KEY32 "0123456789abcdef0123456789abcdef"
#define WHSEC24 "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

struct setting {
	const char *section, *key, *value;
};

/* The least that loads. */
static const struct setting least[] = {
    {"merchant", "appid", "wx8888888888888888"},
    {"merchant", "mch_id", "1900000109"},
    {"merchant", "api_key", KEY32},
    {"site", "base_url", "https://shop.example/cgi-bin"},
    {"site", "name", "Tea"},
    {"site", "secret", KEY32},
    {"store", "dir", "data"},
};

struct fixture {
	struct folder folder;
	struct h5_buf text, faults;
	struct h5_config *c;
	struct h5_err e;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	folder_make(&f->folder);
	h5_buf_init(&f->text, 1 << 20);
	h5_buf_init(&f->faults, 1 << 16);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	h5_config_free(f->c);
	h5_buf_release(&f->text);
	h5_buf_release(&f->faults);
	folder_remove(&f->folder);
	free(f);
	return 0;
}

/* Loads text as h5pay.conf. */
static enum h5_code
load_text(struct fixture *f, const char *text)
{
	char path[FOLDER_PATH];

	folder_write(&f->folder, "h5pay.conf", text, 0600);
	h5_config_free(f->c);
	h5_buf_clear(&f->faults);
	return h5_config_load(folder_name(&f->folder, "h5pay.conf", path),
	    &f->faults, &f->c, &f->e);
}

/* Loads least with some settings changed: a NULL value takes one out, a new
 * key is added to its section.  Lines: a header and its settings, in the order
 * of least, further sections behind. */
static enum h5_code
load_with(struct fixture *f, const struct setting *change, size_t n)
{
	static const char *const sections[] = {"merchant", "site", "store",
	    "gateway", "orders", "catalogue", "hooks", "pages", "log",
	    "server"};
	const char *value;
	size_t s, i, j;

	h5_buf_clear(&f->text);
	for (s = 0; s < COUNT(sections); s++) {
		h5_buf_printf(&f->text, "[%s]\n", sections[s]);
		for (i = 0; i < COUNT(least); i++) {
			value = strcmp(least[i].section, sections[s]) == 0
				    ? least[i].value
				    : NULL;
			for (j = 0; j < n; j++)
				if (strcmp(change[j].key, least[i].key) == 0)
					value = NULL;
			if (value != NULL)
				h5_buf_printf(
				    &f->text, "%s = %s\n", least[i].key, value);
		}
		for (j = 0; j < n; j++)
			if (change[j].value != NULL &&
			    strcmp(change[j].section, sections[s]) == 0)
				h5_buf_printf(&f->text, "%s = %s\n",
				    change[j].key, change[j].value);
	}
	assert_int_equal(h5_buf_finish(&f->text, NULL), H5_OK);
	return load_text(f, f->text.data);
}

static enum h5_code
load_one(
    struct fixture *f, const char *section, const char *key, const char *value)
{
	const struct setting change = {section, key, value};

	return load_with(f, &change, 1);
}

/* --- what comes out ------------------------------------------------------- */

static void
test_config__defaults(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH];
	const struct h5_config *c;

	assert_int_equal(load_with(f, NULL, 0), H5_OK);
	c = f->c;
	assert_string_equal(f->faults.data, "");
	assert_string_equal(
	    c->path, folder_name(&f->folder, "h5pay.conf", path));
	assert_int_equal(c->merchant.sign_type, H5_SIGN_HMAC_SHA256);
	assert_null(c->merchant.cert_file);
	assert_string_equal(c->site.program_suffix, "");
	assert_string_equal(c->site.origin, "https://shop.example");
	assert_string_equal(c->site.host, "shop.example");
	assert_string_equal(c->site.shop_url, "https://shop.example");
	assert_string_equal(c->site.lang, "zh-CN");
	assert_null(c->site.contact);
	assert_null(c->site.link_key);
	assert_int_equal(c->site.n_trusted_proxies, 0);
	assert_int_equal(c->site.allowed_origins.n, 0);
	assert_false(c->site.handoff_page);
	assert_string_equal(c->gateway.url, "https://api.mch.weixin.qq.com");
	assert_string_equal(
	    c->gateway.backup_url, "https://api2.mch.weixin.qq.com");
	assert_string_equal(c->gateway.cashier, "https://wx.tenpay.com/");
	assert_string_equal(c->gateway.cashier_origin, "https://wx.tenpay.com");
	assert_null(c->gateway.ca_file);
	assert_false(c->gateway.loopback);
	assert_int_equal(c->gateway.connect_timeout_ms, 3000);
	assert_int_equal(c->gateway.timeout_ms, 6000);
	assert_int_equal(c->gateway.deadline_ms, 15000);
	assert_string_equal(
	    c->store.dir, folder_name(&f->folder, "data", path));
	assert_int_equal(c->orders.expire_minutes, 120);
	assert_int_equal(c->orders.query_interval_s, 3);
	assert_null(c->catalogue.file);
	assert_null(c->hooks.exec);
	assert_int_equal(c->hooks.mask, 0);
	assert_null(c->pages.templates);
	assert_null(c->log.file);
	assert_null(c->server.command);
	assert_int_equal(c->server.threads, 0);
	assert_int_equal(c->server.processes, 0);
}

static void
test_config__every_key(void **state)
{
	static const struct setting all[] = {
	    {"merchant", "sign_type", "MD5"},
	    {"merchant", "sign_type_previous", "HMAC-SHA256"},
	    {"merchant", "cert_file", "cert.pem"},
	    {"merchant", "key_file", "key.pem"},
	    {"site", "base_url", "https://Shop.example:8443/pay/"},
	    {"site", "program_suffix", ".fcgi"},
	    {"site", "link_key", KEY32 KEY32},
	    {"site", "trusted_proxies", "10.0.0.0/8 2001:db8::/32\t127.0.0.1"},
	    {"site", "allowed_origins",
		"https://A.example https://b.example:443"},
	    {"site", "shop_url", "https://shop.example/index.php?lang=zh"},
	    {"site", "lang", "en"},
	    {"site", "contact", "\xe7\x94\xb5\xe8\xaf\x9d 010-1234"},
	    {"site", "handoff", "page"},
	    {"gateway", "url", "http://127.0.0.1:8999/"},
	    {"gateway", "cashier", "http://127.0.0.1:8999"},
	    {"gateway", "ca_file", "cert.pem"},
	    {"gateway", "connect_timeout_ms", "100"},
	    {"gateway", "timeout_ms", "200"},
	    {"gateway", "deadline_ms", "300"},
	    {"store", "dir", "/var/lib/h5pay"},
	    {"orders", "expire_minutes", "10080"},
	    {"orders", "query_interval_s", "1"},
	    {"catalogue", "file", "catalogue.ini"},
	    {"hooks", "exec", "hook"},
	    {"hooks", "webhook_url", "https://shop.example/hook?x=1"},
	    {"hooks", "webhook_secret", WHSEC24},
	    {"pages", "templates", "templates"},
	    {"log", "file", "log/h5pay.log"},
	    {"server", "command", "hook"},
	    {"server", "threads", "16"},
	    {"server", "processes", "2"},
	};
	struct fixture *f = *state;
	char path[FOLDER_PATH];
	const struct h5_config *c;

	folder_write(&f->folder, "cert.pem", "x", 0644);
	folder_write(&f->folder, "key.pem", "x", 0600);
	folder_write(&f->folder, "hook", "#!/bin/sh\n", 0700);
	if (load_with(f, all, COUNT(all)) != H5_OK)
		fail_msg("%s", f->faults.data);
	c = f->c;
	assert_int_equal(c->merchant.sign_type, H5_SIGN_MD5);
	assert_int_equal(c->merchant.sign_type_previous, H5_SIGN_HMAC_SHA256);
	assert_string_equal(
	    c->merchant.key_file, folder_name(&f->folder, "key.pem", path));
	assert_string_equal(c->site.base_url, "https://shop.example:8443/pay");
	assert_string_equal(c->site.origin, "https://shop.example:8443");
	assert_string_equal(c->site.host, "shop.example:8443");
	assert_string_equal(c->site.program_suffix, ".fcgi");
	assert_non_null(c->site.link_key);
	assert_int_equal(c->site.n_trusted_proxies, 3);
	assert_int_equal(c->site.trusted_proxies[0].bits, 8);
	assert_int_equal(c->site.allowed_origins.n, 2);
	assert_string_equal(c->site.allowed_origins.v[0], "https://a.example");
	assert_string_equal(c->site.allowed_origins.v[1], "https://b.example");
	assert_string_equal(
	    c->site.shop_url, "https://shop.example/index.php?lang=zh");
	assert_string_equal(c->site.lang, "en");
	assert_string_equal(
	    c->site.contact, "\xe7\x94\xb5\xe8\xaf\x9d 010-1234");
	assert_true(c->site.handoff_page);
	assert_string_equal(c->gateway.url, "http://127.0.0.1:8999");
	assert_string_equal(c->gateway.backup_url, "");
	assert_true(c->gateway.loopback);
	assert_string_equal(c->gateway.cashier, "http://127.0.0.1:8999/");
	assert_string_equal(c->gateway.cashier_origin, "http://127.0.0.1:8999");
	assert_int_equal(c->gateway.connect_timeout_ms, 100);
	assert_int_equal(c->gateway.timeout_ms, 200);
	assert_int_equal(c->gateway.deadline_ms, 300);
	assert_string_equal(c->store.dir, "/var/lib/h5pay");
	assert_int_equal(c->orders.expire_minutes, 10080);
	assert_int_equal(c->orders.query_interval_s, 1);
	assert_string_equal(
	    c->catalogue.file, folder_name(&f->folder, "catalogue.ini", path));
	assert_string_equal(
	    c->hooks.exec, folder_name(&f->folder, "hook", path));
	assert_string_equal(
	    c->hooks.webhook_url, "https://shop.example/hook?x=1");
	assert_int_equal(c->hooks.mask, 3);
	assert_string_equal(
	    c->pages.templates, folder_name(&f->folder, "templates", path));
	assert_string_equal(
	    c->log.file, folder_name(&f->folder, "log/h5pay.log", path));
	assert_string_equal(
	    c->server.command, folder_name(&f->folder, "hook", path));
	assert_int_equal(c->server.threads, 16);
	assert_int_equal(c->server.processes, 2);
}

/* --- one bad value at a time ---------------------------------------------- */

static void
test_config__values(void **state)
{
	/* want: NULL when the value is good, else a part of the one fault. */
	static const struct {
		const char *section, *key, *value, *want;
	} rows[] = {
	    {"merchant", "appid", "", "no value"},
	    {"merchant", "appid", "8888888888888888", "must begin with wx"},
	    {"merchant", "appid", "wx88888888 8888888", "must begin with wx"},
	    {"merchant", "appid", "wx", "must begin with wx"},
	    {"merchant", "mch_id", "190000010", NULL},
	    {"merchant", "mch_id", "1900000", "8 to 32 digits"},
	    {"merchant", "mch_id", "190000010a", "8 to 32 digits"},
	    {"merchant", "api_key", "0123456789abcdef0123456789abcde",
		"31 bytes, must have exactly 32"},
	    {"merchant", "api_key", KEY32 "0", "33 bytes"},
	    {"merchant", "api", "V3", "must be v2 or v3"},
	    {"merchant", "apiv3_key", "short", "must have exactly 32"},
	    {"merchant", "apiv3_key", KEY32, NULL},
	    {"merchant", "sub_mch_id", "1900000109", NULL},
	    {"merchant", "sub_mch_id", "19", "8 to 32 digits"},
	    {"merchant", "sign_type", "md5", "must be HMAC-SHA256 or MD5"},
	    {"merchant", "sign_type_previous", "", "no value"},
	    {"merchant", "sign_type_previous", "SHA1",
		"must be HMAC-SHA256 or MD5"},
	    {"merchant", "api_key_previous", "short",
		"has 5 bytes, must have exactly 32"},
	    {"site", "base_url", "http://shop.example/x", "https://"},
	    {"site", "base_url", "http://localhost:8080/x", NULL},
	    {"site", "base_url", "http://127.0.0.1/x", NULL},
	    {"site", "base_url", "http://127.0.0.1.example/x", "https://"},
	    {"site", "base_url", "https://shop.example/x?y", "query"},
	    {"site", "base_url", "https://shop.example/x#y", "fragment"},
	    {"site", "base_url", "https://u@shop.example/x", "user name"},
	    {"site", "base_url", "shop.example", "https://"},
	    /* B7 */
	    {"site", "base_url", "HTTPS://Shop.Example/cgi-bin", NULL},
	    {"site", "base_url",
		"https://\xe5\x95\x86\xe5\xba\x97.\xe4\xb8\xad\xe5\x9b\xbd/x",
		"ASCII: https://xn--czrs0t.xn--fiqs8s/x"},
	    {"site", "base_url", "https://%E5%95%86%E5%BA%97.example/x",
		"ASCII: https://xn--"},
	    {"site", "shop_url", "https://shop.example/\xe8\x8c\xb6",
		"https://shop.example/%E8%8C%B6"},
	    {"site", "aliases", "", NULL},
	    {"site", "aliases", "Old.Example m.shop.example", NULL},
	    {"site", "aliases", "https://old.example", "only a host name"},
	    {"site", "aliases", "old.example:8443", "only a host name"},
	    {"site", "aliases", "old.example/x", "only a host name"},
	    {"site", "aliases", "\xe8\x8c\xb6.example", "xn--"},
	    {"site", "return_origins", "", NULL},
	    {"site", "return_origins", "https://m.shop.example", NULL},
	    {"site", "return_origins", "https://m.shop.example/x", "origin is"},
	    {"site", "program_suffix", "", NULL},
	    {"site", "program_suffix", "/x", "letters"},
	    {"site", "program_suffix", ".abcdefghijklmnop", "16 letters"},
	    {"site", "name", "\xc2\x85", "control"},
	    {"site", "name", "a\tb", "control"},
	    {"site", "secret", "0123456789abcdef0123456789abcde",
		"31 bytes, must have 32 to 4096"},
	    {"site", "link_key", "", "no value"},
	    {"site", "link_key", "short", "5 bytes"},
	    {"site", "trusted_proxies", "", NULL},
	    {"site", "trusted_proxies", "127.0.0.1 10.0.0.1/8", "entry 2"},
	    {"site", "trusted_proxies", "localhost", "entry 1"},
	    {"site", "allowed_origins", "", NULL},
	    {"site", "allowed_origins", "https://a.example/", "origin is"},
	    {"site", "allowed_origins", "https://a.example http://b.example",
		"https://"},
	    {"site", "shop_url", "http://shop.example/", "https://"},
	    {"site", "shop_url", "javascript:alert(1)", "https://"},
	    {"site", "lang", "zh", "must be zh-CN or en"},
	    {"site", "contact", "", NULL},
	    {"site", "handoff", "Page", "must be redirect or page"},
	    {"gateway", "url", "http://gateway.example", "https://"},
	    {"gateway", "url", "", "no value"},
	    {"gateway", "backup_url", "", NULL},
	    {"gateway", "backup_url", "http://gateway.example", "https://"},
	    {"gateway", "cashier", "https://wx.tenpay.com/?", "query"},
	    {"gateway", "ca_file", "nowhere.pem", "No such file"},
	    {"gateway", "connect_timeout_ms", "9", "10 to 60000"},
	    {"gateway", "connect_timeout_ms", "60001", "10 to 60000"},
	    {"gateway", "timeout_ms", "6 s", "10 to 60000"},
	    {"gateway", "timeout_ms", "-1", "10 to 60000"},
	    {"gateway", "timeout_ms", "06000", "10 to 60000"},
	    {"gateway", "deadline_ms", "300001", "10 to 300000"},
	    {"store", "dir", "", "no value"},
	    {"orders", "expire_minutes", "5", "6 to 10080"},
	    {"orders", "expire_minutes", "6", NULL},
	    {"orders", "expire_minutes", "10081", "6 to 10080"},
	    {"orders", "query_interval_s", "3601", "0 to 3600"},
	    {"hooks", "exec", "nowhere", "No such file"},
	    {"hooks", "exec", "plain", "cannot be run"},
	    {"hooks", "exec", ".", "is not a file"},
	    {"hooks", "exec", "dos", "DOS line ends"},
	    {"hooks", "exec", "marked", "byte order mark"},
	    {"hooks", "exec", "typo", "/usr/bin/pyhton3: No such file"},
	    {"hooks", "exec", "dos-inside", NULL},
	    {"server", "command", "dos", "DOS line ends"},
	    {"server", "command", "plain", "cannot be run"},
	    {"server", "threads", "0", "1 to 1024"},
	    {"server", "threads", "1024", NULL},
	    {"server", "threads", "1025", "1 to 1024"},
	    {"server", "processes", "64", NULL},
	    {"server", "processes", "65", "0 to 64"},
	};
	struct fixture *f = *state;
	char name[128], text[64];
	enum h5_code rc;
	size_t i;

	folder_write(&f->folder, "plain", "x", 0600);
	folder_write(&f->folder, "dos", "#!/bin/sh\r\nexit 0\r\n", 0700);
	folder_write(&f->folder, "dos-inside", "#!/bin/sh -e\n:\r\n", 0700);
	folder_write(&f->folder, "marked", "\xef\xbb\xbf#!/bin/sh\n", 0700);
	folder_write(&f->folder, "typo", "#! /usr/bin/pyhton3 -u\n", 0700);
	for (i = 0; i < COUNT(rows); i++) {
		rc = load_one(f, rows[i].section, rows[i].key, rows[i].value);
		(void)snprintf(name, sizeof(name), "%s.%s = %s",
		    rows[i].section, rows[i].key, rows[i].value);
		if (rows[i].want == NULL) {
			ROW(name, rc == H5_OK && f->c != NULL);
			ROW(name, f->faults.len == 0);
			continue;
		}
		ROW(name, rc == H5_E_CONFIG && f->c == NULL);
		ROW(name, strstr(f->faults.data, rows[i].want) != NULL);
		(void)snprintf(text, sizeof(text), ": %s.%s: ", rows[i].section,
		    rows[i].key);
		ROW(name, strstr(f->faults.data, text) != NULL);
		/* One fault, one line. */
		ROW(name, strchr(f->faults.data, '\n') ==
			      f->faults.data + f->faults.len - 1);
		ROW(name, strstr(f->e.msg, rows[i].want) != NULL);
	}
}

static void
test_config__text_lengths(void **state)
{
	struct fixture *f = *state;
	char text[4200];

	memset(text, 'n', sizeof(text));
	text[4096] = '\0';
	assert_int_equal(load_one(f, "site", "name", text), H5_OK);
	assert_int_equal(load_one(f, "site", "contact", text), H5_OK);
	assert_int_equal(load_one(f, "site", "secret", text), H5_OK);
	text[4096] = 'n';
	text[4097] = '\0';
	assert_int_equal(load_one(f, "site", "secret", text), H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, "longer than 4096"));
}

static void
test_config__v3_says_all_that_it_needs(void **state)
{
	static const char *const wants[] = {"merchant.cert_file and",
	    "merchant.apiv3_key_file", "merchant.public_key_file and"};
	static const char *const ids[] = {
	    "0116", "PUB_KEY_ID_", "PUB_KEY_ID_01 16", "pub_key_id_0116"};
	struct setting v3[] = {
	    {"merchant", "api", "v3"},
	    {"merchant", "api_key", NULL},
	    {"merchant", "apiv3_key", KEY32},
	    {"merchant", "cert_file", "cert"},
	    {"merchant", "key_file", "key"},
	    {"merchant", "public_key_file", "cert"},
	    {"merchant", "public_key_id", "PUB_KEY_ID_0116"},
	};
	struct fixture *f = *state;
	size_t i;

	assert_int_equal(load_one(f, "merchant", "api", "v3"), H5_E_CONFIG);
	for (i = 0; i < COUNT(wants); i++)
		assert_non_null(strstr(f->faults.data, wants[i]));
	folder_write(&f->folder, "cert", "x", 0600);
	folder_write(&f->folder, "key", "x", 0600);
	assert_int_equal(load_with(f, v3, COUNT(v3)), H5_OK);
	assert_int_equal(f->c->merchant.api, H5_API_V3);
	assert_null(f->c->merchant.api_key);
	assert_string_equal(f->c->merchant.public_key_id, "PUB_KEY_ID_0116");
	assert_int_equal(
	    load_one(f, "merchant", "sub_appid", "wx8888888888888888"),
	    H5_E_CONFIG);
	assert_non_null(
	    strstr(f->faults.data, "also needs merchant.sub_mch_id"));
	/* Its id is compared whole, so it is taken whole. */
	for (i = 0; i < COUNT(ids); i++) {
		v3[6].value = ids[i];
		assert_int_equal(load_with(f, v3, COUNT(v3)), H5_E_CONFIG);
		assert_non_null(strstr(f->faults.data, "must be PUB_KEY_ID_"));
	}
}

static void
test_config__the_notify_url_fits_wechat(void **state)
{
	char url[300] = "https://shop.example/";
	struct fixture *f = *state;

	/* 256 bytes less "/notify". */
	memset(url + 21, 'p', 249 - 21);
	assert_int_equal(load_one(f, "site", "base_url", url), H5_OK);
	url[249] = 'p';
	assert_int_equal(load_one(f, "site", "base_url", url), H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, "notify URL"));
	assert_non_null(strstr(f->faults.data, "257 bytes"));
}

static void
test_config__the_scene_fits_wechat(void **state)
{
	char url[300] = "https://";
	struct fixture *f = *state;
	size_t i;

	/* 256 bytes less the frame of scene_info and 30 of the name. */
	for (i = 8; i < 173; i++)
		url[i] = i % 10 == 0 ? '.' : 'h';
	assert_int_equal(load_one(f, "site", "base_url", url), H5_OK);
	url[173] = 'h';
	assert_int_equal(load_one(f, "site", "base_url", url), H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, "scene_info"));
}

/* --- keys that belong together -------------------------------------------- */

static void
test_config__missing_keys_are_named_with_their_section(void **state)
{
	struct fixture *f = *state;
	char want[128];
	size_t i;

	for (i = 0; i < COUNT(least); i++) {
		assert_int_equal(
		    load_one(f, least[i].section, least[i].key, NULL),
		    H5_E_CONFIG);
		(void)snprintf(want, sizeof(want),
		    "%s.%s is required and missing\n", least[i].section,
		    least[i].key);
		ROW(least[i].key, strstr(f->faults.data, want) != NULL);
	}
	/* The header's line, else the last one. */
	assert_int_equal(load_text(f, "# x\n\n[store]\n#\n"), H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, "conf:3: store.dir is req"));
	assert_non_null(strstr(f->faults.data, "conf:4: site.name is req"));
	assert_int_equal(load_text(f, ""), H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, "conf:1: store.dir is req"));
}

static void
test_config__pairs(void **state)
{
	static const struct {
		const char *section, *key, *value, *want;
	} rows[] = {
	    {"merchant", "cert_file", "key.pem", "needs merchant.key_file"},
	    {"merchant", "key_file", "key.pem", "needs merchant.cert_file"},
	    {"hooks", "webhook_url", "https://shop.example/h",
		"needs hooks.webhook_secret"},
	    {"hooks", "webhook_secret", WHSEC24, "needs hooks.webhook_url"},
	    {"hooks", "webhook_secret_file", "whsec",
		"needs hooks.webhook_url"},
	};
	struct fixture *f = *state;
	size_t i;

	folder_write(&f->folder, "key.pem", "x", 0600);
	folder_write(&f->folder, "whsec", WHSEC24 "\n", 0600);
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].key, load_one(f, rows[i].section, rows[i].key,
				     rows[i].value) == H5_E_CONFIG);
		ROW(rows[i].key, strstr(f->faults.data, rows[i].want) != NULL);
	}
}

static void
test_config__a_changed_gateway_has_no_backup_of_its_own(void **state)
{
	static const struct setting both[] = {
	    {"gateway", "url", "https://gateway.example"},
	    {"gateway", "backup_url", "https://gateway2.example/"},
	};
	struct fixture *f = *state;

	assert_int_equal(load_with(f, both, 1), H5_OK);
	assert_string_equal(f->c->gateway.backup_url, "");
	assert_int_equal(load_with(f, both, 2), H5_OK);
	assert_string_equal(
	    f->c->gateway.backup_url, "https://gateway2.example");
	assert_int_equal(load_with(f, both + 1, 1), H5_OK);
	assert_string_equal(
	    f->c->gateway.backup_url, "https://gateway2.example");
	assert_int_equal(
	    load_one(f, "gateway", "url", "https://api.mch.weixin.qq.com/"),
	    H5_OK);
	assert_string_equal(
	    f->c->gateway.backup_url, "https://api2.mch.weixin.qq.com");
	assert_int_equal(load_one(f, "gateway", "backup_url", ""), H5_OK);
	assert_string_equal(f->c->gateway.backup_url, "");
}

static void
test_config__a_bad_url_is_one_fault_not_two(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load_one(f, "gateway", "url", "gateway.example"), H5_E_CONFIG);
	assert_ptr_equal(
	    strchr(f->faults.data, '\n'), f->faults.data + f->faults.len - 1);
}

/* --- secrets -------------------------------------------------------------- */

/* Do two loads hold the same key? */
static void
assert_same_key(const struct h5_crypto_key *a, const struct h5_crypto_key *b)
{
	unsigned char x[32], y[32];

	assert_int_equal(h5_crypto_mac(a, "m", 1, x, NULL), H5_OK);
	assert_int_equal(h5_crypto_mac(b, "m", 1, y, NULL), H5_OK);
	assert_memory_equal(x, y, sizeof(x));
}

static void
test_config__secrets_from_files(void **state)
{
	static const struct setting files[] = {
	    {"merchant", "api_key", NULL},
	    {"merchant", "api_key_file", "api_key"},
	    {"site", "secret", NULL},
	    {"site", "secret_file", "secret"},
	    {"site", "link_key_file", "link"},
	    {"hooks", "webhook_url", "https://shop.example/h"},
	    {"hooks", "webhook_secret_file", "whsec"},
	};
	struct fixture *f = *state;
	struct h5_crypto_key *key = NULL;

	folder_write(&f->folder, "api_key", KEY32 "\n", 0600);
	/* B7: as Notepad saves it. */
	folder_write(&f->folder, "secret", "\xef\xbb\xbf" KEY32 "\r\n", 0600);
	folder_write(&f->folder, "link", KEY32 "x\r\n", 0400);
	folder_write(&f->folder, "whsec", WHSEC24 "\n", 0600);
	if (load_with(f, files, COUNT(files)) != H5_OK)
		fail_msg("%s", f->faults.data);
	assert_int_equal(h5_crypto_key_new(KEY32, 32, &key, NULL), H5_OK);
	assert_same_key(f->c->merchant.api_key, key);
	assert_same_key(f->c->site.secret, key);
	h5_crypto_key_free(key);
	assert_int_equal(h5_crypto_key_new(KEY32 "x", 33, &key, NULL), H5_OK);
	assert_same_key(f->c->site.link_key, key);
	h5_crypto_key_free(key);
	assert_int_equal(
	    h5_crypto_key_new("0123456789abcdef01234567", 24, &key, NULL),
	    H5_OK);
	assert_same_key(f->c->hooks.webhook_secret, key);
	h5_crypto_key_free(key);
	assert_int_equal(f->c->n_files, 4);
	/* No secret stands in the configuration: others may read it. */
	folder_write(&f->folder, "other.conf", f->text.data, 0644);
	h5_config_free(f->c);
	{
		char path[FOLDER_PATH];

		assert_int_equal(
		    h5_config_load(folder_name(&f->folder, "other.conf", path),
			&f->faults, &f->c, &f->e),
		    H5_OK);
	}
}

static void
test_config__secret_files_that_will_not_do(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		mode_t mode;
		const char *want;
	} rows[] = {
	    {"others may read it", KEY32, 32, 0644, "chmod"},
	    {"others may write it", KEY32, 32, 0602, "chmod"},
	    {"two line ends", KEY32 "\n\n", 34, 0600, "on one line"},
	    {"two lines", KEY32 "\nx", 34, 0600, "on one line"},
	    {"a NUL",
		"0123456789abcdef\0"
		"123456789abcdef",
		32, 0600, "on one line"},
	    {"empty", "", 0, 0600, "0 bytes, must have exactly 32"},
	    {"B7: UTF-16", "\xff\xfek\0e\0y\0", 8, 0600, "UTF-16"},
	    {"B7: a mark and no more", "\xef\xbb\xbf\n", 4, 0600, "0 bytes"},
	    {"B7: two marks", "\xef\xbb\xbf\xef\xbb\xbf" KEY32, 38, 0600,
		"35 bytes"},
	    {"short", "abc\n", 4, 0600, "3 bytes, must have exactly 32"},
	};
	static const struct setting change[] = {
	    {"merchant", "api_key", NULL},
	    {"merchant", "api_key_file", "key"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		folder_write_n(
		    &f->folder, "key", rows[i].text, rows[i].n, rows[i].mode);
		ROW(rows[i].name,
		    load_with(f, change, COUNT(change)) == H5_E_CONFIG);
		ROW(rows[i].name, strstr(f->faults.data, rows[i].want) != NULL);
		ROW(rows[i].name,
		    strstr(f->faults.data, "api_key is req") == NULL);
	}
	assert_int_equal(
	    load_one(f, "merchant", "api_key_file", "nowhere"), H5_E_CONFIG);
}

static void
test_config__a_secret_inside_makes_the_file_secret(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH];

	assert_int_equal(load_with(f, NULL, 0), H5_OK);
	(void)folder_name(&f->folder, "h5pay.conf", path);
	assert_int_equal(chmod(path, 0644), 0);
	h5_config_free(f->c);
	assert_int_equal(
	    h5_config_load(path, &f->faults, &f->c, &f->e), H5_E_CONFIG);
	assert_null(f->c);
	/* The line is the first secret's. */
	assert_non_null(
	    strstr(f->faults.data, "conf:4: this line contains a secret"));
	assert_non_null(strstr(f->faults.data, "chmod"));
}

static void
test_config__the_store_of_a_file_full_of_faults(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH], want[FOLDER_PATH];
	struct h5_buf dir;

	h5_buf_init(&dir, FOLDER_PATH);
	assert_int_equal(load_one(f, "site", "lang", "fr"), H5_E_CONFIG);
	(void)folder_name(&f->folder, "h5pay.conf", path);
	assert_int_equal(h5_config_state(path, &dir, &f->e), H5_OK);
	(void)folder_name(&f->folder, "data", want);
	assert_string_equal(dir.data, want);
	assert_int_equal(load_one(f, "store", "dir", NULL), H5_E_CONFIG);
	assert_int_equal(h5_config_state(path, &dir, &f->e), H5_E_CONFIG);
	assert_non_null(strstr(f->e.msg, "does not set store.dir"));
	(void)folder_name(&f->folder, "nowhere", path);
	assert_int_equal(h5_config_state(path, &dir, &f->e), H5_E_CONFIG);
	h5_buf_release(&dir);
}

static void
test_config__a_key_both_ways_is_a_fault(void **state)
{
	struct fixture *f = *state;

	folder_write(&f->folder, "key", KEY32, 0600);
	assert_int_equal(
	    load_one(f, "merchant", "api_key_file", "key"), H5_E_CONFIG);
	assert_non_null(strstr(
	    f->faults.data, "both merchant.api_key_file and api_key (line 4)"));
}

static void
test_config__no_fault_repeats_a_secret(void **state)
{
	static const char *const rows[] = {
	    "[merchant]\napi_key = hushhush\n",
	    "[merchant]\napi_key hushhush\n",
	    "[merchant]\nhushhush\n",
	    "[hooks]\nwebhook_secret = whsec_hushhush!\n",
	    "[hooks]\nwebhook_secret = hushhush\n",
	    "[site]\nsecret = hushhush\nsecret = hushhush\n",
	    "[site\nhushhush = 1\n",
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i], load_text(f, rows[i]) == H5_E_CONFIG);
		ROW(rows[i], strstr(f->faults.data, "hushhush") == NULL);
		ROW(rows[i], strstr(f->e.msg, "hushhush") == NULL);
	}
}

static void
test_config__webhook_secrets(void **state)
{
	/* Decoded: 16 to 64 bytes. */
	static const struct {
		const char *value;
		enum h5_code want;
	} rows[] = {
	    {WHSEC24, H5_OK},
	    {"whsec_MDEyMzQ1Njc4OWFiY2RlZg==", H5_OK},
	    {"whsec_MDEyMzQ1Njc4OWFiY2Rl", H5_E_CONFIG},
	    {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", H5_E_CONFIG},
	    {"whsec_", H5_E_CONFIG},
	    {"whsec_****************************************", H5_E_CONFIG},
	    {"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5"
	     "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==",
		H5_OK},
	    {"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5"
	     "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjA=",
		H5_E_CONFIG},
	};
	struct setting change[] = {
	    {"hooks", "webhook_url", "https://shop.example/h"},
	    {"hooks", "webhook_secret", NULL},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		change[1].value = rows[i].value;
		ROW(rows[i].value, load_with(f, change, 2) == rows[i].want);
	}
}

/* --- the whole file ------------------------------------------------------- */

static void
test_config__all_faults_in_one_run(void **state)
{
	static const char text[] = "early = 1\n"
				   "[merchnt]\n"
				   "appid = ignored\n"
				   "[merchant]\n"
				   "appid = x\n"
				   "apikey = y\n"
				   "junk\n"
				   "[site]\n"
				   "appid = z\n"
				   "quite_unlike = 1\n"
				   "lang = en\n"
				   "lang = en\n"
				   "[merchant]\n"
				   "[zzzzzzzzz]\n";
	static const char *const want[] = {
	    ":1: early before the first [section]\n",
	    ":2: unknown section [merchnt]; did you mean [merchant]?\n",
	    ":5: merchant.appid: must begin with wx",
	    ":6: unknown key apikey in [merchant]; did you mean api_key?\n",
	    ":7: neither [section] nor key = value nor a comment\n",
	    (":9: unknown key appid in [site]; "
	     "did you mean the one of [merchant]?\n"),
	    ":10: unknown key quite_unlike in [site]\n",
	    ":12: site.lang is already set in line 11\n",
	    ":14: unknown section [zzzzzzzzz]\n",
	    ":4: merchant.mch_id is required and missing\n",
	    ":4: merchant.api_key is required and missing\n",
	    ":8: site.base_url is required and missing\n",
	    ":8: site.name is required and missing\n",
	    ":8: site.secret is required and missing\n",
	    ":14: store.dir is required and missing\n",
	};
	struct fixture *f = *state;
	size_t i, lines = 0;
	const char *p;

	assert_int_equal(load_text(f, text), H5_E_CONFIG);
	for (i = 0; i < COUNT(want); i++)
		ROW(want[i], strstr(f->faults.data, want[i]) != NULL);
	for (p = f->faults.data; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, COUNT(want));
	assert_non_null(strstr(f->e.msg, "(and 14 more)"));
}

static void
test_config__files_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH];

	assert_int_equal(h5_config_load(folder_name(&f->folder, "none", path),
			     &f->faults, &f->c, &f->e),
	    H5_E_CONFIG);
	assert_non_null(strstr(f->faults.data, "none:1: cannot be read"));
	h5_buf_clear(&f->faults);
	assert_int_equal(
	    h5_config_load(f->folder.path, &f->faults, &f->c, &f->e),
	    H5_E_CONFIG);
	assert_true(f->faults.len > 0);
	assert_null(f->c);
}

static void
test_config__too_large_a_file(void **state)
{
	struct fixture *f = *state;
	size_t i;

	h5_buf_clear(&f->text);
	for (i = 0; i < 8200; i++)
		h5_buf_puts(&f->text, "# a comment, a comment, a comment\n");
	assert_int_equal(load_text(f, f->text.data), H5_E_CONFIG);
}

static void
test_config__paths_start_at_the_file(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH], cwd[PATH_MAX];

	assert_int_equal(load_with(f, NULL, 0), H5_OK);
	h5_config_free(f->c);
	f->c = NULL;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(f->folder.path), 0);
	assert_int_equal(
	    h5_config_load("h5pay.conf", &f->faults, &f->c, &f->e), H5_OK);
	assert_int_equal(chdir(cwd), 0);
	assert_string_equal(
	    f->c->path, folder_name(&f->folder, "h5pay.conf", path));
	assert_string_equal(
	    f->c->store.dir, folder_name(&f->folder, "data", path));
}

static void
test_config__a_link_to_the_file_is_followed(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH];

	assert_int_equal(load_with(f, NULL, 0), H5_OK);
	h5_config_free(f->c);
	f->c = NULL;
	(void)folder_name(&f->folder, "link.conf", path);
	assert_int_equal(symlink("h5pay.conf", path), 0);
	assert_int_equal(h5_config_load(path, &f->faults, &f->c, &f->e), H5_OK);
	assert_string_equal(f->c->path, path);
}

static void
test_config__the_key_table_names_each_key_once(void **state)
{
	const struct h5_config_key *keys = h5_keys;
	size_t i, j;

	(void)state;
	assert_true(h5_keys_n >= 40);
	for (i = 0; i < h5_keys_n; i++)
		for (j = 0; j < i; j++)
			assert_false(
			    strcmp(keys[i].name, keys[j].name) == 0 &&
			    strcmp(keys[i].section, keys[j].section) == 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_config__defaults),
	    TEST(test_config__every_key),
	    TEST(test_config__values),
	    TEST(test_config__text_lengths),
	    TEST(test_config__v3_says_all_that_it_needs),
	    TEST(test_config__the_notify_url_fits_wechat),
	    TEST(test_config__the_scene_fits_wechat),
	    TEST(test_config__missing_keys_are_named_with_their_section),
	    TEST(test_config__pairs),
	    TEST(test_config__a_changed_gateway_has_no_backup_of_its_own),
	    TEST(test_config__a_bad_url_is_one_fault_not_two),
	    TEST(test_config__secrets_from_files),
	    TEST(test_config__secret_files_that_will_not_do),
	    TEST(test_config__a_secret_inside_makes_the_file_secret),
	    TEST(test_config__the_store_of_a_file_full_of_faults),
	    TEST(test_config__a_key_both_ways_is_a_fault),
	    TEST(test_config__no_fault_repeats_a_secret),
	    TEST(test_config__webhook_secrets),
	    TEST(test_config__all_faults_in_one_run),
	    TEST(test_config__files_that_cannot_be_read),
	    TEST(test_config__too_large_a_file),
	    TEST(test_config__paths_start_at_the_file),
	    TEST(test_config__a_link_to_the_file_is_followed),
	    TEST(test_config__the_key_table_names_each_key_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
