/* h5pay doctor: the site - our own pages as the world sees them through
 * site.base_url, and what the host makes of them. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/doctor.h"
#include "common/clock.h"
#include "common/escape.h"
#include "common/fields.h"
#include "common/file.h"
#include "common/https.h"
#include "common/netaddr.h"
#include "common/pages.h"
#include "common/url.h"
#include "common/web.h"
#include "common/wxmsg.h"
#include "common/xml.h"

#define PAGE_MAX 262144
#define TIMEOUT_MS 10000
#define FILE_MAX 65536
#define DEPTH 8 /* folders above a file that may be the document root */
#define ADDRESS_DAYS 30
#define ADDRESSES 64

struct site {
	struct doctor *d;
	struct h5_https *h;
	struct h5_pages *pages;
	struct h5_buf url, head, body; /* of the last request */
	struct h5_https_answer a;
};

/* --- headers as they came --- */

/* The n-th (from 0) value of a header into out, without its blanks. */
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
	return h5_https_get(
	    s->h, s->url.data, TIMEOUT_MS, &s->head, &s->body, &s->a, e);
}

/* --- a program's page --- */

static const char *
remedy_of_status(long status)
{
	if (status >= 300 && status < 400)
		return "let base_url name the place it is redirected to, or "
		       "take the redirect away";
	if (status == 401 || status == 403)
		return "take away the login, the firewall rule or the "
		       "challenge page for this folder; is the program "
		       "executable (chmod 755)?";
	if (status == 404)
		return "check base_url, site.program_suffix and the web "
		       "server's mapping";
	if (status == 500)
		return "see the web server's error log; often the "
		       "configuration is not found, not readable or below the "
		       "document root";
	if (status == 502 || status == 503 || status == 504)
		return "start the web program: nothing listens behind the web "
		       "server";
	return "check base_url and the web server's mapping: this is not our "
	       "page";
}

static void
say_unreached(struct site *s, const char *check, const struct h5_err *e)
{
	doctor_say(s->d, DOCTOR_FAIL, check,
	    s->a.distrusted
		? "get a certificate for that name that browsers trust"
		: "check base_url, DNS, firewall and web server; if only this "
		  "machine cannot reach its own public name, try from "
		  "elsewhere",
	    "%s is not reached: %s", s->url.data, e->msg);
}

/* Without parameters: checkout says what is missing, the others know no such
 * order. */
static bool
page(struct site *s, const char *program, long status, const char *mark)
{
	struct h5_buf to;
	struct h5_err e;
	bool good = false;

	h5_buf_init(&to, PAGE_MAX);
	h5_buf_clear(&s->url);
	h5_web_url(s->d->c, program, &s->url);
	if (get(s, &e) != H5_OK)
		say_unreached(s, program, &e);
	else if (s->a.status == status && strstr(s->body.data, mark) != NULL)
		good = true;
	else if (header(s, "Location", 0, &to))
		doctor_say(s->d, DOCTOR_FAIL, program,
		    remedy_of_status(s->a.status), "%s redirects to %s",
		    s->url.data, to.data);
	else
		doctor_say(s->d, DOCTOR_FAIL, program,
		    remedy_of_status(s->a.status),
		    "%s answers %ld, and not with our page", s->url.data,
		    s->a.status);
	if (good)
		doctor_say(s->d, DOCTOR_PASS, program, NULL, "%s answers",
		    s->url.data);
	h5_buf_release(&to);
	return good;
}

/* --- what the host added or changed --- */

struct expected {
	const char *name, *value;
	enum doctor_result wrong;
	const char *remedy;
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
	/* Said twice over is said. */
	if (twice && strcasecmp(first.data, x->value) == 0) {
		h5_buf_clear(&first);
		h5_buf_puts(&first, second.data);
	}
	if (!there)
		doctor_say(s->d, x->wrong, "headers", x->remedy,
		    "the host takes %s away", x->name);
	else if (strcasecmp(first.data, x->value) != 0)
		doctor_say(s->d, x->wrong, "headers", x->remedy,
		    "the host %s %s: %s", twice ? "adds a second" : "changes",
		    x->name, first.data);
	else
		good = true;
	h5_buf_release(&first);
	h5_buf_release(&second);
	return good;
}

static void
headers(struct site *s)
{
	bool page_mode = s->d->c->site.handoff_page;
	const struct expected all[] = {
	    {"Referrer-Policy", "strict-origin-when-cross-origin",
		page_mode ? DOCTOR_WARN : DOCTOR_FAIL,
		page_mode ? "buyers come through our own link (handoff = "
			    "page), which has a policy of its own"
			  : "take it out of the host's settings for this "
			    "folder, or set site.handoff = page: the cashier "
			    "needs the Referer"},
	    {"Content-Security-Policy", h5_pages_csp(s->pages), DOCTOR_FAIL,
		"take it out of the host's settings for this folder: browsers "
		"obey both, and block the way to the cashier"},
	    {"Cache-Control", "no-store", DOCTOR_FAIL,
		"switch off the cache (CDN, host, web server) for this "
		"folder: a stored page shows one buyer another's order"},
	    {"X-Content-Type-Options", "nosniff", DOCTOR_WARN,
		"let the host leave our headers alone"},
	    {"Content-Type", "text/html; charset=utf-8", DOCTOR_WARN,
		"let the host leave our headers alone"},
	};
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof all / sizeof all[0]; i++)
		good = one_header(s, &all[i]) && good;
	if (has_header(s, "Set-Cookie")) {
		good = false;
		doctor_say(s->d, DOCTOR_WARN, "headers",
		    "h5pay sets none: find out who watches buyers here",
		    "the host sets a cookie on our pages");
	}
	if (good)
		doctor_say(s->d, DOCTOR_PASS, "headers", NULL,
		    "our pages arrive with our headers alone");
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

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (has_header(s, names[i]))
			return names[i];
	return NULL;
}

/* No page tells the address it saw; the orders do. */
static void
buyers_address(struct site *s, const char *proxy)
{
	const char *remedy =
	    "name the proxy's addresses in site.trusted_proxies; to check: "
	    "order by phone, compare spbill_create_ip in h5pay show ID --json";
	struct doctor *d = s->d;
	struct h5_store *st = NULL;
	struct buyers b;

	memset(&b, 0, sizeof b);
	b.c = d->c;
	if (doctor_has_store(d) && h5_store_open(d->c->store.dir,
				       d->c->hooks.mask, &st, NULL) == H5_OK)
		(void)!h5_store_each(st,
		    h5_clock_now() - (int64_t)ADDRESS_DAYS * 86400, 0,
		    count_buyer, &b, NULL);
	h5_store_close(st);
	if (b.bad[0] != '\0')
		doctor_say(d, DOCTOR_FAIL, "buyers", remedy,
		    "WeChat was told %s, which is no buyer's address", b.bad);
	else if (proxy != NULL && d->c->site.n_trusted_proxies == 0)
		doctor_say(d, DOCTOR_WARN, "buyers", remedy,
		    "a proxy stands in front (%s), and none is trusted", proxy);
	else if (b.n == 1 && b.orders >= 10 && !d->c->gateway.loopback)
		doctor_say(d, DOCTOR_WARN, "buyers", remedy,
		    "%u orders in %d days, all from %s", b.orders, ADDRESS_DAYS,
		    b.seen[0]);
	else if (b.orders == 0)
		doctor_say(d, DOCTOR_PASS, "buyers", NULL,
		    "no order yet; to check the address that WeChat is told: "
		    "order by phone, see spbill_create_ip in h5pay show ID "
		    "--json");
	else
		doctor_say(d, DOCTOR_PASS, "buyers", NULL,
		    "%u orders in %d days from %zu%s addresses", b.orders,
		    ADDRESS_DAYS, b.n, b.n == ADDRESSES ? " or more" : "");
}

/* --- the notice --- */

/* Signed as WeChat would, about an order that cannot be there. */
static enum h5_code
write_notice(const struct h5_config *c, const char *number, struct h5_buf *out,
    struct h5_err *e)
{
	char transaction[33], time_end[H5_CLOCK_WIRE], nonce[33];
	char sign[H5_SIGN_HEX];
	struct h5_fields f;
	enum h5_code rc;
	size_t i;

	h5_fields_init(&f, 32, 8192);
	h5_clock_wire(h5_clock_now(), time_end);
	rc = h5_sign_nonce(nonce, e);
	if (rc != H5_OK)
		return rc;
	(void)snprintf(transaction, sizeof transaction, "doctor%.16s", nonce);
	const char *const pairs[][2] = {
	    {"appid", c->merchant.appid},
	    {"bank_type", "OTHERS"},
	    {"cash_fee", "1"},
	    {"fee_type", "CNY"},
	    {"is_subscribe", "N"},
	    {"mch_id", c->merchant.mch_id},
	    {"nonce_str", nonce},
	    {"out_trade_no", number},
	    {"result_code", "SUCCESS"},
	    {"return_code", "SUCCESS"},
	    {"time_end", time_end},
	    {"total_fee", "1"},
	    {"trade_type", "MWEB"},
	    {"transaction_id", transaction},
	};
	for (i = 0; rc == H5_OK && i < sizeof pairs / sizeof pairs[0]; i++)
		rc = h5_fields_add(&f, pairs[i][0], pairs[i][1], e);
	if (rc == H5_OK)
		rc = h5_sign_fields(
		    c->merchant.api_key, c->merchant.sign_type, &f, sign, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "sign", sign, e);
	if (rc == H5_OK)
		rc = h5_xml_write(&f, out, e);
	h5_fields_release(&f);
	return rc;
}

static void
notice_judge(struct site *s, const char *number)
{
	const char *remedy = remedy_of_status(s->a.status);
	struct h5_buf want;
	char why[64];

	(void)snprintf(why, sizeof why, "no order %s", number);
	h5_buf_init(&want, 4096);
	h5_wxmsg_reply(false, why, &want);
	if (s->a.status == 200 && strcmp(s->body.data, want.data) == 0)
		doctor_say(s->d, DOCTOR_PASS, "notify", NULL,
		    "%s takes a POST and knows our key", s->url.data);
	else if (s->a.status == 200 && strstr(s->body.data, "sign") != NULL &&
		 strncmp(s->body.data, "<xml><return_code>", 18) == 0)
		doctor_say(s->d, DOCTOR_FAIL, "notify",
		    "give the web programs this same configuration, or "
		    "restart them: they have another key",
		    "%s refuses a signature of our key", s->url.data);
	else if (strncmp(s->body.data, "<xml><return_code>", 18) == 0)
		doctor_say(s->d, DOCTOR_FAIL, "notify",
		    "see the log of notify; do the web programs have this "
		    "same configuration and store?",
		    "%s answers %ld %.200s", s->url.data, s->a.status,
		    s->body.data);
	else
		doctor_say(s->d, DOCTOR_FAIL, "notify", remedy,
		    "a notice to %s is answered %ld%s, and not by us: WeChat's "
		    "notices do not arrive",
		    s->url.data, s->a.status,
		    s->a.status >= 300 && s->a.status < 400 ? " (a redirect)"
		    : s->a.status == 200 ? " with another page"
					 : "");
	h5_buf_release(&want);
}

static void
notice(struct site *s)
{
	static const char *const type[] = {"Content-Type: text/xml"};
	char number[32], nonce[33];
	struct h5_buf body;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_sign_nonce(nonce, &e);
	(void)snprintf(number, sizeof number, "doctor-%.16s", nonce);
	h5_buf_init(&body, H5_XML_MAX);
	h5_buf_clear(&s->url);
	h5_web_url(s->d->c, "notify", &s->url);
	if (rc == H5_OK)
		rc = write_notice(s->d->c, number, &body, &e);
	if (rc != H5_OK)
		doctor_say(
		    s->d, DOCTOR_FAIL, "notify", "report a bug", "%s", e.msg);
	else if (h5_https_post(s->h, s->url.data, type, 1, body.data, body.len,
		     TIMEOUT_MS, &s->body, &s->a, &e) != H5_OK)
		say_unreached(s, "notify", &e);
	else
		notice_judge(s, number);
	h5_buf_release(&body);
}

/* --- what must not be reached --- */

/* Is the file at path handed out below any of the folders above it?  The
 * document root need not be known for that. */
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

static void
exposed(struct site *s)
{
	const struct h5_config *c = s->d->c;
	char format[PATH_MAX];
	bool any;
	size_t i;

	(void)snprintf(format, sizeof format, "%s/format", c->store.dir);
	any = handed_out(s, format);
	if (any)
		doctor_say(s->d, DOCTOR_FAIL, "document-root",
		    "move store.dir outside of what the web server hands out",
		    "everybody can read the store: %s", s->url.data);
	if (handed_out(s, c->path)) {
		any = true;
		doctor_say(s->d, DOCTOR_FAIL, "document-root",
		    "move it outside, and make every secret in it anew",
		    "everybody can read the configuration: %s", s->url.data);
	}
	for (i = 0; i < c->n_files; i++) {
		if (!handed_out(s, c->files[i]))
			continue;
		any = true;
		doctor_say(s->d, DOCTOR_FAIL, "document-root",
		    "move it outside, and make that secret anew",
		    "everybody can read a secret: %s", s->url.data);
	}
	if (!any)
		doctor_say(s->d, DOCTOR_PASS, "document-root", NULL,
		    "store, configuration and secrets are not handed out");
}

/* --- the address --- */

static void
address(struct doctor *d)
{
	struct h5_buf where;
	struct h5_url u;
	struct h5_err e;

	if (h5_url_read(d->c->site.base_url, &u, &e) != H5_OK)
		return;
	if (!u.https)
		doctor_say(d, DOCTOR_WARN, "https",
		    "set site.base_url to the shop's public https address",
		    "%s leads to this machine alone: for tests",
		    d->c->site.base_url);
	else
		doctor_say(
		    d, DOCTOR_PASS, "https", NULL, "%s", d->c->site.base_url);
	h5_buf_init(&where, 512);
	command_word("development-settings", &where);
	doctor_say(d, DOCTOR_PASS, "domain", NULL, "enter exactly %s at %s",
	    u.host, where.data);
	h5_buf_release(&where);
}

void
doctor_site(struct doctor *d)
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
		doctor_say(d, DOCTOR_FAIL, "checkout",
		    "apt install ca-certificates; h5pay check", "%s", e.msg);
	} else {
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
