/* A request's parts as values, one a line: method, query, Content-Type,
 * X-Forwarded-For, address, Accept-Language, Accept, Origin, and the body. */
#include <arpa/inet.h>
#include <ctype.h>

#include "common/base/text.h"
#include "common/format/url.h"
#include "common/pay/product.h"
#include "common/web/request.h"
#include "tests/fuzz/fuzz.h"

static const struct h5_config *
config(void)
{
	static struct h5_config c;
	static char origin[] = "https://shop.example", lang[] = "zh-CN",
		    other[] = "https://www.shop.example:8443";
	static char *others[] = {other};
	static struct h5_netrange proxies[2];

	if (c.site.origin == NULL) {
		MUST(
		    h5_netaddr_range("10.0.0.0/8", &proxies[0], NULL) == H5_OK);
		MUST(h5_netaddr_range("2001:db8::/32", &proxies[1], NULL) ==
		     H5_OK);
		c.site.origin = origin;
		c.site.lang = lang;
		c.site.allowed_origins.v = others;
		c.site.allowed_origins.n = 1;
		c.site.trusted_proxies = proxies;
		c.site.n_trusted_proxies = 2;
	}
	return &c;
}

static void
check_params(const struct h5_request *r)
{
	struct h5_fields f;
	size_t i;

	if (h5_web_params(r, &f, NULL) == H5_OK) {
		MUST(f.n <= H5_WEB_PARAMS && f.bytes <= 16384);
		MUST(h5_fields_get(&f, "lang") == NULL);
		for (i = 0; i < f.n; i++)
			MUST(h5_text_utf8(f.v[i].value, f.v[i].value_len));
		if (strcmp(r->method, "POST") == 0)
			MUST(r->content_type[0] == '\0' ||
			     strcasestr(r->content_type,
				 "application/x-www-form-urlencoded") != NULL);
		else
			MUST(strcmp(r->method, "GET") == 0 ||
			     strcmp(r->method, "HEAD") == 0);
	} else {
		MUST(f.n == 0);
	}
	h5_fields_release(&f);
}

static void
check_client(const struct h5_request *r)
{
	char text[H5_NETADDR_TEXT];
	struct in6_addr six;
	struct in_addr four;

	if (h5_web_client(config(), r, text, NULL) != H5_OK) {
		MUST(text[0] == '\0');
		return;
	}
	MUST(inet_pton(AF_INET, text, &four) == 1 ||
	     inet_pton(AF_INET6, text, &six) == 1);
	/* Ours and nobody's cannot be a buyer's. */
	MUST(strncmp(text, "10.", 3) != 0 && strncmp(text, "127.", 4) != 0);
	MUST(strncmp(text, "192.168.", 8) != 0);
	MUST(strncmp(text, "fe80:", 5) != 0 && text[0] != ':');
}

/* Ours is what a browser would compare as the same: scheme, host, port. */
static void
check_origin(const struct h5_request *r)
{
	static const char *const ours[] = {"https://shop.example",
	    "https://shop.example:443", "https://www.shop.example:8443"};
	enum h5_web_origin got = h5_web_origin(config(), r);
	bool mine = false;
	struct h5_buf text;
	struct h5_url u, again;
	size_t i;

	for (i = 0; i < 3; i++)
		mine = mine || strcasecmp(r->origin, ours[i]) == 0;
	if (got == H5_ORIGIN_OURS)
		MUST(mine);
	else if (got == H5_ORIGIN_NONE)
		MUST(r->origin[0] == '\0' || strcmp(r->origin, "null") == 0);
	for (i = 0; i < 3; i++)
		if (strcmp(r->origin, ours[i]) == 0)
			MUST(got == H5_ORIGIN_OURS);
	if (h5_url_read(r->origin, &u, NULL) != H5_OK)
		return;
	h5_buf_init(&text, 2 * H5_URL_MAX);
	h5_url_origin(&u, &text);
	MUST(h5_url_read(text.data, &again, NULL) == H5_OK);
	MUST(u.https == again.https && u.port == again.port);
	MUST(strcmp(u.host, again.host) == 0 && again.path[0] == '\0');
	MUST(h5_url_loopback(&u) == h5_url_loopback(&again));
	h5_buf_release(&text);
}

static void
check_header(const char *name, const char *value)
{
	struct h5_response resp;
	struct h5_buf want;
	const char *p;

	h5_response_init(&resp);
	if (h5_response_header(&resp, name, value, NULL) == H5_OK) {
		h5_buf_init(&want, 65536);
		h5_buf_printf(&want, "%s: %s\r\n", name, value);
		MUST(strcmp(want.data, resp.headers.data) == 0);
		/* One line, whatever stood in the value. */
		p = strpbrk(resp.headers.data, "\r\n");
		MUST(p != NULL && strcmp(p, "\r\n") == 0);
		h5_buf_release(&want);
	} else {
		MUST(resp.headers.len == 0);
	}
	h5_response_release(&resp);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *rest;
	struct h5_request r;
	struct h5_choice choice;
	const char *lang;

	text = rest = fuzz_text(data, size);
	h5_request_init(&r);
	(void)snprintf(r.method, sizeof r.method, "%s", fuzz_cut(&rest, '\n'));
	r.query = fuzz_cut(&rest, '\n');
	r.content_type = fuzz_cut(&rest, '\n');
	r.forwarded_for = fuzz_cut(&rest, '\n');
	(void)snprintf(
	    r.remote_addr, sizeof r.remote_addr, "%s", fuzz_cut(&rest, '\n'));
	r.accept_language = fuzz_cut(&rest, '\n');
	r.accept = fuzz_cut(&rest, '\n');
	r.origin = fuzz_cut(&rest, '\n');
	r.user_agent = r.accept;
	r.body.data = rest;
	r.body.len = strlen(rest);
	check_params(&r);
	check_client(&r);
	check_origin(&r);
	lang = h5_web_lang(config(), &r);
	MUST(strcmp(lang, "zh-CN") == 0 || strcmp(lang, "en") == 0);
	MUST(!h5_web_wants_json(&r) ||
	     strcasestr(r.accept, "application/json") != NULL);
	h5_product_choose(r.user_agent, 7, &choice);
	MUST(choice.n <= H5_PRODUCTS);
	check_header(r.method, r.query);
	check_header("Location", rest);
	free(text);
	return 0;
}
