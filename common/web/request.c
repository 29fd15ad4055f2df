/* What a request says: parameters, the buyer's address, language and origin. */
#include "common/web/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/length.h"
#include "common/format/form.h"
#include "common/format/url.h"

#define HEADERS_MAX (16 * 1024)
#define PAGE_MAX (1024 * 1024)
#define PARAM_BYTES (16 * 1024) /* names and values of a form together */
#define FORM_TYPE "application/x-www-form-urlencoded"
#define BLANKS " \t"

/* --- request and response ------------------------------------------------- */

/* What an absent text points at: never written, never freed. */
static char nothing[1] = "";

void
h5_request_init(struct h5_request *r)
{
	memset(r, 0, sizeof(*r));
	/* Never NULL, so that every reader may compare at once. */
	r->query = r->user_agent = r->accept = r->accept_language = nothing;
	r->origin = r->referer = r->content_type = nothing;
	r->forwarded_for = r->document_root = r->conf = r->host = nothing;
	h5_buf_init(&r->body, 0);
}

void
h5_request_release(struct h5_request *r)
{
	char *texts[] = {r->query, r->user_agent, r->accept, r->accept_language,
	    r->origin, r->referer, r->content_type, r->forwarded_for,
	    r->document_root, r->conf, r->host};
	size_t i;

	for (i = 0; i < H5_WECHAT_HEADERS; i++)
		free(r->wechatpay.v[i]);

	for (i = 0; i < H5_LENGTH(texts); i++)
		/* Some of the texts are the shared empty one. */
		if (texts[i] != nothing)
			free(texts[i]);
	h5_buf_release(&r->body);
	h5_request_init(r);
}

void
h5_response_init(struct h5_response *r)
{
	memset(r, 0, sizeof(*r));
	h5_buf_init(&r->headers, HEADERS_MAX);
	h5_buf_init(&r->body, PAGE_MAX);
	r->status = 200;
}

void
h5_response_release(struct h5_response *r)
{
	h5_buf_release(&r->headers);
	h5_buf_release(&r->body);
	h5_response_init(r);
}

void
h5_response_clear(struct h5_response *r)
{
	h5_buf_clear(&r->headers);
	h5_buf_clear(&r->body);
	r->status = 200;
	r->head = false;
}

static bool
good_header(const char *name, const char *value)
{
	const unsigned char *p;

	if (name[0] == '\0')
		return false;
	/* Visible ASCII without a colon is what a field name may be. */
	for (p = (const unsigned char *)name; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f || *p == ':')
			return false;
	for (p = (const unsigned char *)value; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

enum h5_code
h5_response_header(struct h5_response *r, const char *name, const char *value,
    struct h5_err *e)
{
	if (!good_header(name, value))
		return h5_err_set(e, H5_E_INPUT,
		    "a header contains a byte that is not allowed");
	h5_buf_puts(&r->headers, name);
	h5_buf_puts(&r->headers, ": ");
	h5_buf_puts(&r->headers, value);
	h5_buf_puts(&r->headers, "\r\n");
	return h5_buf_finish(&r->headers, e);
}

/* --- parameters ----------------------------------------------------------- */

/* The next element of *s (parts between sep), n bytes at *p without the blanks
 * around it; *s moves behind it, and is NULL after the last.  false: none. */
static bool
next_element(const char **s, char sep, const char **p, size_t *n)
{
	const char *end;

	if (*s == NULL)
		return false;
	*p = *s;
	end = strchr(*p, sep);
	*n = end == NULL ? strlen(*p) : (size_t)(end - *p);
	*s = end == NULL ? NULL : end + 1;
	while (*n > 0 && strchr(BLANKS, **p) != NULL) {
		(*p)++;
		(*n)--;
	}
	while (*n > 0 && strchr(BLANKS, (*p)[*n - 1]) != NULL)
		(*n)--;
	return true;
}

static bool
is_word(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(p, word, n) == 0;
}

/* Every parameter that a page of ours reads. */
static const char *const our_names[] = {"again", "amount", "attach", "body",
    "code", "expires", "form", "go", "handoff", "item", "lang", "order",
    "other", "qty", "return_url", "scan", "sig", "state", "t", "total_fee",
    "via", "yuan"};

static enum h5_code
pick_ours(const char *p, size_t n, struct h5_fields *out, struct h5_err *e)
{
	return h5_form_pick(p, n, our_names, H5_LENGTH(our_names), out, e);
}

static enum h5_code
read_post(const struct h5_request *r, struct h5_fields *out, struct h5_err *e)
{
	const char *type = r->content_type, *p;
	struct h5_fields query;
	enum h5_code rc;
	size_t n;

	/* A request without a type sends what is asked for here (RFC 9110,
	 * 8.3). */
	if (type[0] != '\0' &&
	    (!next_element(&type, ';', &p, &n) || !is_word(p, n, FORM_TYPE)))
		return h5_err_set(e, H5_E_INPUT, "not a form");
	if (r->body_code != H5_OK)
		return h5_err_set(e, H5_E_INPUT, "the body is incomplete");
	h5_fields_init(&query, H5_WEB_PARAMS, PARAM_BYTES);
	rc = pick_ours(r->query, strlen(r->query), &query, e);
	if (rc == H5_OK) {
		/* The language may stand in the address of a form; nothing else
		 * may. */
		h5_fields_drop(&query, "lang");
		if (query.n > 0)
			rc = h5_err_set(e, H5_E_INPUT,
			    "a POST has parameters in its address");
	}
	h5_fields_release(&query);
	if (rc == H5_OK)
		rc = pick_ours(r->body.data, r->body.len, out, e);
	return rc;
}

enum h5_code
h5_web_params(
    const struct h5_request *r, struct h5_fields *out, struct h5_err *e)
{
	enum h5_code rc;

	h5_fields_init(out, H5_WEB_PARAMS, PARAM_BYTES);
	if (strcmp(r->method, "POST") == 0)
		rc = read_post(r, out, e);
	else if (strcmp(r->method, "GET") == 0 ||
		 strcmp(r->method, "HEAD") == 0)
		rc = pick_ours(r->query, strlen(r->query), out, e);
	else
		rc = h5_err_set(
		    e, H5_E_INPUT, "this method takes no parameters");
	if (rc == H5_OK)
		h5_fields_drop(out, "lang"); /* h5_web_lang reads it */
	else
		h5_fields_release(out);
	return rc;
}

/* --- who asks ------------------------------------------------------------- */

enum h5_code
h5_web_client(const struct h5_config *c, const struct h5_request *r,
    char out[H5_NETADDR_TEXT], struct h5_err *e)
{
	struct h5_netaddr a;
	enum h5_code rc;

	out[0] = '\0';
	rc = h5_netaddr_client(r->remote_addr, r->forwarded_for,
	    c->site.trusted_proxies, c->site.n_trusted_proxies, &a, e);
	/* A server that names no address, and a stand-in for WeChat that takes
	 * any. */
	if (rc != H5_OK && r->remote_addr[0] == '\0' && c->gateway.loopback)
		rc = h5_netaddr_read("127.0.0.1", &a, e);
	if (rc != H5_OK)
		return rc;
	/* WeChat refuses such an address (PROTOCOL 3.4); told here, the
	 * operator learns that trusted_proxies is incomplete. */
	if (!c->gateway.loopback && !h5_netaddr_public(&a))
		return h5_err_set(
		    e, H5_E_INPUT, "the buyer's address is not a public one");
	h5_netaddr_text(&a, out);
	return H5_OK;
}

enum h5_web_origin
h5_web_origin(const struct h5_config *c, const struct h5_request *r)
{
	enum h5_web_origin rc = H5_ORIGIN_FOREIGN;
	struct h5_buf b;
	struct h5_url u;
	size_t i;

	/* Browsers send "null" from a page without an origin: as good as
	 * none. */
	if (r->origin[0] == '\0' || strcmp(r->origin, "null") == 0)
		return H5_ORIGIN_NONE;
	/* An origin has no path, so whatever has one is not an origin. */
	if (h5_url_read(r->origin, &u, NULL) != H5_OK || u.path[0] != '\0')
		return H5_ORIGIN_FOREIGN;
	h5_buf_init(&b, H5_URL_MAX);
	h5_url_origin(&u, &b);
	if (h5_buf_finish(&b, NULL) == H5_OK) {
		if (strcmp(b.data, c->site.origin) == 0)
			rc = H5_ORIGIN_OURS;
		for (i = 0; i < c->site.allowed_origins.n; i++)
			if (strcmp(b.data, c->site.allowed_origins.v[i]) == 0)
				rc = H5_ORIGIN_OURS;
	}
	h5_buf_release(&b);
	return rc;
}

/* --- the site's other name --- */

/* The name in "name:port", and its length without a dot at its end. */
static size_t
name_length(const char *host)
{
	size_t n = strcspn(host, ":");

	return n > 0 && host[n - 1] == '.' ? n - 1 : n;
}

static bool
same_name(const char *a, size_t n, const char *b)
{
	return n == strcspn(b, ":") && strncasecmp(a, b, n) == 0;
}

/* Is the n bytes' name another one of this site's? */
static bool
is_other_name(const struct h5_config *c, const char *name, size_t n)
{
	const char *own = c->site.host;
	size_t i;

	/* The site's own name, perhaps with a port: nothing to redirect. */
	if (same_name(name, n, own))
		return false;
	/* With and without "www." counts as the same site. */
	if (n > 4 && strncasecmp(name, "www.", 4) == 0 &&
	    same_name(name + 4, n - 4, own))
		return true;
	if (strncmp(own, "www.", 4) == 0 && same_name(name, n, own + 4))
		return true;
	for (i = 0; i < c->site.aliases.n; i++)
		if (same_name(name, n, c->site.aliases.v[i]))
			return true;
	return false;
}

bool
h5_web_moved(const struct h5_config *c, const struct h5_request *r,
    const char *program, struct h5_buf *out)
{
	static const char *const moved[] = {"moved"};
	struct h5_fields f;
	bool carries;

	if (!is_other_name(c, r->host, name_length(r->host)))
		return false;
	/* A query that cannot be read is not sent on; it is answered here, with
	 * 400. */
	h5_fields_init(&f, 1, H5_WEB_QUERY);
	carries = h5_form_pick(r->query, strlen(r->query), moved, 1, &f,
		      NULL) != H5_OK ||
		  f.n > 0;
	h5_fields_release(&f);
	/* It has been sent on once.  A second time would be a circle. */
	if (carries)
		return false;
	h5_config_url(c, program, out);
	h5_buf_printf(
	    out, "?%s%smoved=1", r->query, r->query[0] == '\0' ? "" : "&");
	return true;
}

/* --- what the browser prefers --------------------------------------------- */

/* A weight (RFC 9110, 12.4.2) in thousandths; -1: it is none. */
static int
read_weight(const char *p, size_t n)
{
	int weight, digit = 100;
	size_t i;

	if (n < 1 || n > 5 || (p[0] != '0' && p[0] != '1') ||
	    (n > 1 && p[1] != '.'))
		return -1;
	weight = p[0] == '1' ? 1000 : 0;
	for (i = 2; i < n; i++, digit /= 10) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		weight += (p[i] - '0') * digit;
	}
	return weight > 1000 ? -1 : weight;
}

/* One element "value;q=0.8;...", n bytes: cuts *n down to the value.  The
 * weight, 1000 where none stands, -1 for a malformed one. */
static int
split_weight(const char *p, size_t *n)
{
	size_t all = *n, at = 0, end;

	while (at < all && p[at] != ';')
		at++;
	*n = at;
	while (*n > 0 && strchr(BLANKS, p[*n - 1]) != NULL)
		(*n)--;
	while (at < all) {
		at++; /* the semicolon */
		while (at < all && strchr(BLANKS, p[at]) != NULL)
			at++;
		for (end = at; end < all && p[end] != ';'; end++)
			/* Parameters other than the weight are passed over. */
			;
		if (end - at >= 2 && strncasecmp(p + at, "q=", 2) == 0) {
			all = end;
			while (strchr(BLANKS, p[all - 1]) != NULL)
				all--;
			return read_weight(p + at + 2, all - at - 2);
		}
		at = end;
	}
	return 1000;
}

/* Does the language range p name language (two letters), whatever follows? */
static bool
names_language(const char *p, size_t n, const char *language)
{
	return n >= 2 && strncasecmp(p, language, 2) == 0 &&
	       (n == 2 || p[2] == '-');
}

/* The language by Accept-Language, or NULL when it prefers neither. */
static const char *
negotiate(const char *header)
{
	int zh = -1, en = -1, any = -1, *which, weight;
	const char *p, *first = NULL, *s = header;
	size_t n;

	while (next_element(&s, ',', &p, &n)) {
		weight = split_weight(p, &n);
		/* A malformed element is left out, as if it had not been
		 * sent. */
		if (weight < 0)
			continue;
		which = names_language(p, n, "zh")   ? &zh
			: names_language(p, n, "en") ? &en
			: is_word(p, n, "*")	     ? &any
						     : NULL;
		if (which == NULL)
			continue;
		if (first == NULL && which != &any && weight > 0)
			first = which == &zh ? "zh-CN" : "en";
		if (weight > *which)
			*which = weight;
	}
	/* "*" stands for what is not named. */
	zh = zh < 0 ? any : zh;
	en = en < 0 ? any : en;
	/* Both are equally welcome: the one named first wins. */
	if (zh == en)
		return zh > 0 ? first : NULL;
	if (zh > en)
		return zh > 0 ? "zh-CN" : NULL;
	return en > 0 ? "en" : NULL;
}

const char *
h5_web_lang(const struct h5_config *c, const struct h5_request *r)
{
	const char *p, *s = r->query, *lang;
	size_t n;

	/* The language is read from the raw query string, so that the page
	 * about a malformed one speaks the buyer's language as well. */
	while (next_element(&s, '&', &p, &n)) {
		if (n == 10 && strncmp(p, "lang=zh-CN", n) == 0)
			return "zh-CN";
		if (n == 7 && strncmp(p, "lang=en", n) == 0)
			return "en";
	}
	lang = negotiate(r->accept_language);
	if (lang != NULL)
		return lang;
	return c != NULL && strcmp(c->site.lang, "en") == 0 ? "en" : "zh-CN";
}

bool
h5_web_wants_json(const struct h5_request *r)
{
	const char *p, *s = r->accept;
	size_t n;

	while (next_element(&s, ',', &p, &n))
		if (split_weight(p, &n) > 0 &&
		    (is_word(p, n, "application/json") ||
			is_word(p, n, "application/problem+json")))
			return true;
	return false;
}

const char *
h5_response_reason(int status)
{
	static const struct {
		int status;
		const char *words;
	} known[] = {
	    {200, "OK"},
	    {204, "No Content"},
	    {303, "See Other"},
	    {308, "Permanent Redirect"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {409, "Conflict"},
	    {410, "Gone"},
	    {413, "Content Too Large"},
	    {429, "Too Many Requests"},
	    {500, "Internal Server Error"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	};
	size_t i;

	for (i = 0; i < H5_LENGTH(known); i++)
		if (known[i].status == status)
			return known[i].words;
	return "Answer";
}
