/* The doctor: the site - our own pages as the world sees them through
 * site.base_url, and what the host makes of them. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/fields.h"
#include "common/base/length.h"
#include "common/base/log.h"
#include "common/doctor/words.h"
#include "common/format/escape.h"
#include "common/format/netaddr.h"
#include "common/format/url.h"
#include "common/store/store.h"
#include "common/system/file.h"
#include "common/system/https.h"
#include "common/web/pages.h"
#include "common/web/request.h"
#include "common/wechat/wechat.h"

#define PAGE_MAX 262144
#define TIMEOUT_MS 10000
#define FILE_MAX 65536
#define NOTICE_MAX 65536
#define DEPTH 8 /* folders above a file that may be the document root */
#define PAGE_NAME 32
#define ADDRESS_DAYS 30
#define ADDRESSES 64

struct site {
	struct h5_doctor *d;
	struct h5_https *h;
	struct h5_pages *pages;
	struct h5_buf url, head, body; /* of the last request */
	struct h5_https_answer a;
};

/* --- headers as they came --- */

/* Copies the n-th value (from 0) of a header to out, without the blanks around
 * it. */
static bool
header(const struct site *s, const char *name, size_t n, struct h5_buf *out)
{
	size_t len = strlen(name);
	const char *line = s->head.data, *end;

	h5_buf_clear(out);
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		if (strncasecmp(line, name, len) != 0 || line[len] != ':' ||
		    n-- > 0)
			continue;
		line += len + 1;
		while (*line == ' ' || *line == '\t')
			line++;
		h5_buf_add(out, line, (size_t)(end - line));
		return true;
	}
	return false;
}

static bool
has_header(const struct site *s, const char *name)
{
	struct h5_buf value;
	bool has;

	h5_buf_init(&value, PAGE_MAX);
	has = header(s, name, 0, &value);
	h5_buf_release(&value);
	return has;
}

static enum h5_code
get(struct site *s, struct h5_err *e)
{
	struct h5_https_request q = {.url = s->url.data,
	    .timeout_ms = h5_doctor_left(s->d, TIMEOUT_MS),
	    .head = &s->head};

	memset(&s->a, 0, sizeof s->a);
	if (q.timeout_ms == 0)
		return h5_err_set(e, H5_E_BUSY, "the time is used up");
	return h5_https_call(s->h, &q, &s->body, &s->a, e);
}

/* --- a program's page --- */

static const char *
remedy_of_status(long status)
{
	if (status >= 300 && status < 400)
		return "status-3xx";
	if (status == 401 || status == 403)
		return "status-403";
	if (status == 404)
		return "status-404";
	if (status == 500)
		return "status-500";
	if (status == 502 || status == 503 || status == 504)
		return "status-50x";
	return "status-other";
}

/* The page's name, if this is an error page of ours: then the host is not to
 * blame.  Every page of ours carries it (INTERFACE 3). */
static bool
our_page(const struct site *s, char name[PAGE_NAME])
{
	static const char mark[] = " data-page=\"";
	const char *p;
	size_t n;

	p = s->body.len > 0 ? strstr(s->body.data, "<main") : NULL;
	p = p != NULL ? strstr(p, mark) : NULL;
	if (p == NULL)
		return false;
	p += sizeof mark - 1;
	n = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
	if (n == 0 || n >= PAGE_NAME || p[n] != '"')
		return false;
	memcpy(name, p, n);
	name[n] = '\0';
	return true;
}

/* Another page than the one that was to come. */
static void
say_other(struct site *s, const char *program)
{
	char name[PAGE_NAME];

	if (our_page(s, name))
		h5_doctor_say_mend(s->d, H5_DOCTOR_FAIL, program, "page-ours",
		    strcmp(name, "store-error") == 0 ? "mend-store"
						     : "mend-log",
		    "url", s->url.data, "page", name, "status",
		    H5_LOG_NUM(s->a.status), NULL);
	else
		h5_doctor_say_mend(s->d, H5_DOCTOR_FAIL, program, "page-other",
		    remedy_of_status(s->a.status), "url", s->url.data, "status",
		    H5_LOG_NUM(s->a.status), NULL);
}

static void
say_unreached(struct site *s, const char *check, const struct h5_err *e)
{
	if (e->code == H5_E_BUSY)
		h5_doctor_say(s->d, H5_DOCTOR_WARN, check, "no-time", NULL);
	else
		h5_doctor_say(s->d, H5_DOCTOR_FAIL, check,
		    s->a.distrusted ? "page-distrusted" : "page-unreached",
		    "url", s->url.data, "reason", e->msg, NULL);
}

/* Without parameters checkout says what is missing, and the others say that
 * there is no such order. */
static bool
page(struct site *s, const char *program, long status, const char *mark)
{
	struct h5_buf to;
	struct h5_err e;
	bool good = false;

	h5_buf_init(&to, PAGE_MAX);
	h5_buf_clear(&s->url);
	h5_config_url(s->d->c, program, &s->url);
	if (get(s, &e) != H5_OK)
		say_unreached(s, program, &e);
	else if (s->a.status == status && strstr(s->body.data, mark) != NULL)
		good = true;
	else if (header(s, "Location", 0, &to))
		h5_doctor_say_mend(s->d, H5_DOCTOR_FAIL, program,
		    "page-redirected", remedy_of_status(s->a.status), "url",
		    s->url.data, "to", to.data, NULL);
	else
		say_other(s, program);
	if (good)
		h5_doctor_say(s->d, H5_DOCTOR_PASS, program, "page-good", "url",
		    s->url.data, NULL);
	h5_buf_release(&to);
	return good;
}

/* --- what the host added or changed --- */

struct expected {
	const char *name, *value;
	enum h5_doctor_result wrong;
	const char *mend;
};

static bool
one_header(struct site *s, const struct expected *x)
{
	struct h5_buf first, second;
	bool twice, there;
	bool good = false;

	h5_buf_init(&first, PAGE_MAX);
	h5_buf_init(&second, PAGE_MAX);
	there = header(s, x->name, 0, &first);
	twice = header(s, x->name, 1, &second);
	/* A header that comes twice with the same value does no harm. */
	if (twice && strcasecmp(first.data, x->value) == 0) {
		h5_buf_clear(&first);
		h5_buf_puts(&first, second.data);
	}
	if (!there || strcasecmp(first.data, x->value) != 0)
		h5_doctor_say_mend(s->d, x->wrong, "headers",
		    !there  ? "header-gone"
		    : twice ? "header-second"
			    : "header-changed",
		    x->mend, "name", x->name, "value", first.data, NULL);
	else
		good = true;
	h5_buf_release(&first);
	h5_buf_release(&second);
	return good;
}

/* Is there a cookie beside our own (common/shop/browser.h)? */
static bool
foreign_cookie(struct site *s)
{
	struct h5_buf value;
	bool foreign = false;
	unsigned i;

	h5_buf_init(&value, PAGE_MAX);
	for (i = 0; header(s, "Set-Cookie", i, &value); i++) {
		if (strncmp(value.data, "h5c=", 4) != 0)
			foreign = true;
		h5_buf_clear(&value);
	}
	h5_buf_release(&value);
	return foreign;
}

static void
headers(struct site *s)
{
	bool page_mode = s->d->c->site.handoff_page;
	const struct expected all[] = {
	    {"Referrer-Policy", "strict-origin",
		page_mode ? H5_DOCTOR_WARN : H5_DOCTOR_FAIL,
		page_mode ? "mend-referrer-page" : "mend-referrer"},
	    {"Content-Security-Policy", h5_pages_csp(s->pages), H5_DOCTOR_FAIL,
		"mend-csp"},
	    {"Cache-Control", "no-store", H5_DOCTOR_FAIL, "mend-cache"},
	    {"X-Content-Type-Options", "nosniff", H5_DOCTOR_WARN,
		"mend-headers"},
	    {"Content-Type", "text/html; charset=utf-8", H5_DOCTOR_WARN,
		"mend-headers"},
	};
	bool good = true;
	size_t i;

	for (i = 0; i < H5_LENGTH(all); i++)
		good = one_header(s, &all[i]) && good;
	if (foreign_cookie(s)) {
		good = false;
		h5_doctor_say(s->d, H5_DOCTOR_WARN, "headers", "cookie", NULL);
	}
	if (good)
		h5_doctor_say(
		    s->d, H5_DOCTOR_PASS, "headers", "headers-good", NULL);
}

/* --- a proxy in front, and whose address we send --- */

struct buyers {
	const struct h5_config *c;
	char seen[ADDRESSES][46];
	size_t n; /* different addresses, up to ADDRESSES */
	unsigned orders;
	char bad[46]; /* one that cannot be a buyer's, or "" */
};

static bool
is_buyers(const struct h5_config *c, const char *ip)
{
	struct h5_netaddr a;
	size_t i;

	if (h5_netaddr_read(ip, &a, NULL) != H5_OK)
		return false;
	for (i = 0; i < c->site.n_trusted_proxies; i++)
		if (h5_netaddr_in(&a, &c->site.trusted_proxies[i]))
			return false;
	return c->gateway.loopback || h5_netaddr_public(&a);
}

static enum h5_code
count_buyer(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct buyers *b = arg;
	const char *ip;
	size_t i;

	(void)id;
	(void)e_o;
	if (o == NULL || o->n_attempts == 0)
		return H5_OK;
	ip = o->attempts[0].spbill_create_ip;
	if (ip[0] == '\0')
		return H5_OK;
	b->orders++;
	if (!is_buyers(b->c, ip))
		(void)snprintf(b->bad, sizeof b->bad, "%s", ip);
	for (i = 0; i < b->n; i++)
		if (strcmp(b->seen[i], ip) == 0)
			return H5_OK;
	if (b->n < ADDRESSES)
		(void)snprintf(b->seen[b->n++], sizeof b->seen[0], "%s", ip);
	return H5_OK;
}

/* What only a proxy or a CDN sends. */
static const char *
proxy_header(const struct site *s)
{
	static const char *const names[] = {"Via", "CF-RAY", "X-Cache",
	    "X-Cache-Lookup", "X-Served-By", "EagleId", "X-Via", "X-Amz-Cf-Id",
	    "X-NWS-LOG-UUID"};
	size_t i;

	for (i = 0; i < H5_LENGTH(names); i++)
		if (has_header(s, names[i]))
			return names[i];
	return NULL;
}

/* No page tells the address it saw; the orders do. */
static void
buyers_address(struct site *s, const char *proxy)
{
	struct h5_doctor *d = s->d;
	struct h5_store *st = NULL;
	struct buyers b;

	memset(&b, 0, sizeof b);
	b.c = d->c;
	if (h5_store_there(&d->c->store) &&
	    h5_store_open(&d->c->store, d->c->hooks.mask, &st, NULL) == H5_OK)
		(void)!h5_store_each(st,
		    h5_clock_now() - (int64_t)ADDRESS_DAYS * 86400, 0,
		    count_buyer, &b, NULL);
	h5_store_close(st);
	if (b.bad[0] != '\0')
		h5_doctor_say(d, H5_DOCTOR_FAIL, "buyers", "buyers-bad", "ip",
		    b.bad, NULL);
	else if (proxy != NULL && d->c->site.n_trusted_proxies == 0)
		h5_doctor_say(d, H5_DOCTOR_WARN, "buyers", "buyers-proxy",
		    "header", proxy, NULL);
	else if (b.n == 1 && b.orders >= 10 && !d->c->gateway.loopback)
		h5_doctor_say(d, H5_DOCTOR_WARN, "buyers",
		    d->web ? "buyers-one-web" : "buyers-one", "orders",
		    H5_LOG_NUM(b.orders), "days", H5_LOG_NUM(ADDRESS_DAYS),
		    "ip", b.seen[0], NULL);
	else if (b.orders == 0 && !d->web)
		h5_doctor_say(d, H5_DOCTOR_PASS, "buyers", "buyers-none", NULL);
	else
		h5_doctor_say(d, H5_DOCTOR_PASS, "buyers",
		    d->web ? "buyers-good-web" : "buyers-good", "orders",
		    H5_LOG_NUM(b.orders), "days", H5_LOG_NUM(ADDRESS_DAYS), "n",
		    H5_LOG_NUM(b.n), "more", b.n == ADDRESSES ? " or more" : "",
		    NULL);
}

/* --- the notice --- */

static void
notice_not_ours(struct site *s)
{
	long status = s->a.status;

	h5_doctor_say_mend(s->d, H5_DOCTOR_FAIL, "notify",
	    status >= 300 && status < 400 ? "notice-redirected"
	    : status == 200		  ? "notice-page"
					  : "notice-not-ours",
	    remedy_of_status(status), "url", s->url.data, "status",
	    H5_LOG_NUM(status), NULL);
}

static void
notice_judge(struct site *s, const char *number)
{
	char why[64], body[201];
	struct h5_buf want;

	(void)snprintf(why, sizeof why, "no order %s", number);
	(void)snprintf(body, sizeof body, "%s", s->body.data);
	h5_buf_init(&want, 4096);
	h5_wechat_reply(H5_API_V2, false, why, &want);
	if (!h5_wechat_is_reply(body))
		notice_not_ours(s);
	/* One of APIv3 can be signed by WeChat alone: that it is refused in our
	 * words proves that notify is reached, and the echo the rest. */
	else if (s->d->c->merchant.api == H5_API_V3 && s->a.status == 401)
		h5_doctor_say(s->d, H5_DOCTOR_PASS, "notify", "notice-reached",
		    "url", s->url.data, NULL);
	else if (s->a.status == 200 && strcmp(s->body.data, want.data) == 0)
		h5_doctor_say(s->d, H5_DOCTOR_PASS, "notify", "notice-good",
		    "url", s->url.data, NULL);
	else if (s->a.status == 200 && strstr(body, "sign") != NULL)
		h5_doctor_say(s->d, H5_DOCTOR_FAIL, "notify", "notice-key",
		    "url", s->url.data, NULL);
	else
		h5_doctor_say(s->d, H5_DOCTOR_FAIL, "notify", "notice-other",
		    "url", s->url.data, "status", H5_LOG_NUM(s->a.status),
		    "body", body, NULL);
	h5_buf_release(&want);
}

static void
notice(struct site *s)
{
	const char *type[] = {s->d->c->merchant.api == H5_API_V3
				  ? "Content-Type: application/json"
				  : "Content-Type: " H5_WECHAT_TYPE};
	struct h5_https_request q = {
	    .method = H5_HTTPS_POST, .headers = type, .n_headers = 1};
	char number[32], nonce[33];
	struct h5_buf body;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_crypto_nonce(nonce, &e);
	(void)snprintf(number, sizeof number, "doctor-%.16s", nonce);
	h5_buf_init(&body, NOTICE_MAX);
	h5_buf_clear(&s->url);
	h5_config_url(s->d->c, "notify", &s->url);
	if (rc == H5_OK)
		rc = h5_wechat_sample_notice(s->d->c, number, &body, &e);
	q.url = s->url.data;
	q.body = body.data;
	q.body_len = body.len;
	q.timeout_ms = h5_doctor_left(s->d, TIMEOUT_MS);
	if (rc != H5_OK)
		h5_doctor_say(s->d, H5_DOCTOR_FAIL, "notify", "notice-bug",
		    "why", e.msg, NULL);
	else if (q.timeout_ms == 0)
		h5_doctor_say(s->d, H5_DOCTOR_WARN, "notify", "no-time", NULL);
	else if (h5_https_call(s->h, &q, &s->body, &s->a, &e) != H5_OK)
		say_unreached(s, "notify", &e);
	else
		notice_judge(s, number);
	h5_buf_release(&body);
}

/* --- what must not be reached --- */

/* Is the file at path handed out below any of the folders above it?  Any of
 * them may be the document root, which need not be known for that. */
static bool
handed_out(struct site *s, const char *path)
{
	char whole[PATH_MAX], *part;
	struct h5_buf own;
	bool found = false;
	int depth;

	h5_buf_init(&own, FILE_MAX);
	if (realpath(path, whole) == NULL ||
	    h5_file_read(AT_FDCWD, whole, &own, NULL) != H5_OK || own.len == 0)
		goto out;
	part = whole + strlen(whole);
	for (depth = 0; depth < DEPTH && !found && part > whole; depth++) {
		do
			part--;
		while (part > whole && *part != '/');
		h5_buf_clear(&s->url);
		h5_buf_puts(&s->url, s->d->c->site.origin);
		for (const char *p = part; *p != '\0'; p++) {
			char one[2] = {*p, '\0'};

			if (*p == '/')
				h5_buf_putc(&s->url, '/');
			else
				h5_escape_url(&s->url, one);
		}
		found = get(s, NULL) == H5_OK && s->a.status == 200 &&
			s->body.len == own.len &&
			memcmp(s->body.data, own.data, own.len) == 0;
	}
out:
	h5_buf_wipe(&own);
	return found;
}

/* The page does not say where a secret can be fetched: others may see it. */
static bool
say_exposed(struct site *s, const char *what, const char *path)
{
	if (!handed_out(s, path))
		return false;
	h5_doctor_say(s->d, H5_DOCTOR_FAIL, "document-root", what, "where",
	    s->d->web ? path : s->url.data, NULL);
	return true;
}

static void
exposed(struct site *s)
{
	const struct h5_config *c = s->d->c;
	struct h5_store_place local;
	char witness[PATH_MAX];
	bool any;
	size_t i;

	h5_store_local(&c->store, &local);
	(void)snprintf(
	    witness, sizeof witness, "%s/%s", local.folder, local.witness);
	any = say_exposed(s, "exposed-store", witness);
	any = say_exposed(s, "exposed-config", c->path) || any;
	for (i = 0; i < c->n_files; i++)
		any = say_exposed(s, "exposed-secret", c->files[i]) || any;
	if (h5_doctor_left(s->d, 1) == 0)
		h5_doctor_say(
		    s->d, H5_DOCTOR_WARN, "document-root", "no-time", NULL);
	else if (!any)
		h5_doctor_say(s->d, H5_DOCTOR_PASS, "document-root",
		    "exposed-none", NULL);
}

/* --- the address --- */

static void
address(struct h5_doctor *d)
{
	struct h5_url u;
	struct h5_err e;

	if (h5_url_read(d->c->site.base_url, &u, &e) != H5_OK)
		return;
	h5_doctor_say(d, u.https ? H5_DOCTOR_PASS : H5_DOCTOR_WARN, "https",
	    u.https ? "address-https" : "address-local", "url",
	    d->c->site.base_url, NULL);
}

void
h5_doctor_site(struct h5_doctor *d)
{
	struct h5_https_options o = {
	    .connect_timeout_ms = TIMEOUT_MS, .timeout_ms = TIMEOUT_MS};
	struct site s = {.d = d};
	const char *proxy = NULL;
	struct h5_buf faults;
	struct h5_err e;

	address(d);
	h5_buf_init(&faults, 65536);
	h5_buf_init(&s.url, 2 * PATH_MAX);
	h5_buf_init(&s.head, H5_HTTPS_HEAD);
	h5_buf_init(&s.body, PAGE_MAX);
	if (h5_https_new(&o, &s.h, &e) != H5_OK ||
	    h5_pages_load(d->c, &faults, &s.pages, &e) != H5_OK) {
		h5_doctor_say(d, H5_DOCTOR_FAIL, "checkout", "page-no-ca",
		    "why", e.msg, NULL);
	} else {
		h5_doctor_site_certificate(d, s.h);
		if (page(&s, "checkout", 400, "data-page=\"bad-request\"")) {
			headers(&s);
			proxy = proxy_header(&s);
		}
		(void)page(&s, "return-page", 404, "data-page=\"not-found\"");
		(void)page(&s, "query", 404, "data-page=\"not-found\"");
		notice(&s);
		buyers_address(&s, proxy);
		exposed(&s);
	}
	h5_pages_free(s.pages);
	h5_https_free(s.h);
	h5_buf_release(&s.url);
	h5_buf_release(&s.head);
	h5_buf_release(&s.body);
	h5_buf_release(&faults);
}
