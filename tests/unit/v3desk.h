/* v3desk.h - WeChat Pay's APIv3 as the unit tests of its calls play it: it
 * checks the signature of each request over the very bytes that came, and signs
 * what it answers.  Include it after help.h; link with --wrap=h5_https_call. */
#ifndef TESTS_UNIT_V3DESK_H
#define TESTS_UNIT_V3DESK_H

#include <unistd.h>

#include "common/base/clock.h"
#include "common/format/base64.h"
#include "common/system/crypto.h"
#include "common/system/https.h"
#include "common/system/rsa.h"
#include "common/wechat/v3/keys.h"
#include "common/wechat/wechat.h"

#define KEYS "tests/gateway/keys/"
#define MCH_ID "1230000109"
#define APPID "wx2421b1c4370ec43b"
#define SERIAL "0A1C72E2A8931B72A2E13AF8DEE92471EB397115"
#define PUBLIC_ID "PUB_KEY_ID_0114232134912410000000000000"
#define APIV3 "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
#define REPLIES 16

/* One answer to come. */
struct reply {
	long status; /* 0: none at all, H5_E_NET */
	const char *body;
	size_t n; /* 0: strlen(body) */
	const char *extra; /* more header lines, each ended by LF */
	const char *serial; /* who signs; NULL: the public key */
	bool bare; /* 2xx without any Wechatpay header */
	bool wrong; /* another body was signed */
	bool probe; /* SIGNTEST */
	bool lower; /* names of headers in lower case */
	bool doubled; /* the serial comes twice */
	int64_t ago; /* seconds: how old it says it is */
	int64_t date_ago; /* seconds: how old Date says it is */
};

/* One request as it came. */
struct seen {
	enum h5_https_method method;
	char url[2304], body[9000];
	char headers[8][1500];
	size_t n_headers, n_body;
};

struct desk {
	struct h5_config c;
	struct h5_wechat *w;
	struct h5_log log;
	struct h5_rsa_key *ours, *theirs; /* the merchant's; WeChat's private */
	struct reply replies[REPLIES];
	size_t n_replies, at;
	struct seen seen[REPLIES];
	size_t n_seen;
};

/* The wrapped call has no argument of ours. */
static struct desk *desk;

static inline const char *
seen_header(const struct seen *s, const char *name)
{
	size_t i, n = strlen(name);

	for (i = 0; i < s->n_headers; i++)
		if (strncmp(s->headers[i], name, n) == 0 &&
		    strncmp(s->headers[i] + n, ": ", 2) == 0)
			return s->headers[i] + n + 2;
	return NULL;
}

/* The value of one of the pairs in Authorization. */
static void
authorized(const char *header, const char *name, char *to, size_t size)
{
	char key[32];
	const char *at;
	size_t n;

	(void)snprintf(key, sizeof key, "%s=\"", name);
	at = strstr(header, key);
	assert_non_null(at);
	at += strlen(key);
	n = strcspn(at, "\"");
	assert_true(n < size);
	memcpy(to, at, n);
	to[n] = '\0';
}

/* Who signs a request signs what is in the request line and in the body. */
static inline void
check_signature(const struct seen *s)
{
	const char *header = seen_header(s, "Authorization");
	char stamp[32], nonce[64], text[1024], serial[80], mchid[40];
	struct h5_buf message, signature;
	const char *target;
	struct h5_err e;

	assert_non_null(header);
	assert_int_equal(strncmp(header, "WECHATPAY2-SHA256-RSA2048 ", 26), 0);
	authorized(header, "timestamp", stamp, sizeof stamp);
	authorized(header, "nonce_str", nonce, sizeof nonce);
	authorized(header, "signature", text, sizeof text);
	authorized(header, "serial_no", serial, sizeof serial);
	authorized(header, "mchid", mchid, sizeof mchid);
	assert_string_equal(serial, SERIAL);
	assert_string_equal(mchid, MCH_ID);
	target = strstr(strstr(s->url, "://") + 3, "/");
	h5_buf_init(&message, 16384);
	h5_buf_init(&signature, 1024);
	h5_buf_printf(&message, "%s\n%s\n%s\n%s\n",
	    s->method == H5_HTTPS_POST ? "POST" : "GET", target, stamp, nonce);
	h5_buf_add(&message, s->body, s->n_body);
	h5_buf_putc(&message, '\n');
	assert_int_equal(h5_base64_read(text, &signature, &e), H5_OK);
	assert_int_equal(h5_rsa_verify(desk->ours, message.data, message.len,
			     &signature, &e),
	    H5_OK);
	h5_buf_release(&message);
	h5_buf_release(&signature);
}

static void
put_header(struct h5_buf *head, const struct reply *r, const char *name,
    const char *value)
{
	for (; *name != '\0'; name++)
		h5_buf_putc(
		    head, (char)(r->lower && *name >= 'A' && *name <= 'Z'
				     ? *name + 'a' - 'A'
				     : *name));
	h5_buf_printf(head, ": %s\n", value);
}

static inline void
put_signature(struct h5_buf *head, const struct reply *r, size_t n)
{
	struct h5_buf message, raw, text;
	char stamp[32];
	struct h5_err e;

	(void)snprintf(
	    stamp, sizeof stamp, "%lld", (long long)(h5_clock_now() - r->ago));
	h5_buf_init(&message, 1 << 20);
	h5_buf_init(&raw, 1024);
	h5_buf_init(&text, 2048);
	h5_buf_printf(&message, "%s\nn0nce\n", stamp);
	h5_buf_add(&message, r->body, n);
	h5_buf_puts(&message, r->wrong ? " \n" : "\n");
	assert_int_equal(
	    h5_rsa_sign(desk->theirs, message.data, message.len, &raw, &e),
	    H5_OK);
	if (r->probe)
		h5_buf_puts(&text, "WECHATPAY/SIGNTEST/");
	h5_base64_write(raw.data, raw.len, &text);
	if (r->probe)
		text.data[344] = '\0';
	put_header(head, r, "Wechatpay-Timestamp", stamp);
	put_header(head, r, "Wechatpay-Nonce", "n0nce");
	put_header(head, r, "Wechatpay-Signature", text.data);
	put_header(head, r, "Wechatpay-Serial",
	    r->serial != NULL ? r->serial : PUBLIC_ID);
	if (r->doubled)
		put_header(head, r, "Wechatpay-Serial", PUBLIC_ID);
	h5_buf_release(&message);
	h5_buf_release(&raw);
	h5_buf_release(&text);
}

static inline void
remember(const struct h5_https_request *q)
{
	struct seen *s;
	size_t i;

	assert_true(desk->n_seen < REPLIES);
	s = &desk->seen[desk->n_seen++];
	memset(s, 0, sizeof *s);
	s->method = q->method;
	assert_true(strlen(q->url) < sizeof s->url);
	memcpy(s->url, q->url, strlen(q->url) + 1);
	assert_true(q->body_len < sizeof s->body);
	if (q->body_len > 0)
		memcpy(s->body, q->body, q->body_len);
	s->n_body = q->body_len;
	assert_true(q->n_headers <= 8);
	for (i = 0; i < q->n_headers; i++)
		(void)snprintf(
		    s->headers[i], sizeof s->headers[i], "%s", q->headers[i]);
	s->n_headers = q->n_headers;
	check_signature(s);
}

/* A test that answers in its own way says so. */
#ifndef DESK_OWN_CALL
enum h5_code __wrap_h5_https_call(struct h5_https *h,
    const struct h5_https_request *q, struct h5_buf *out,
    struct h5_https_answer *a, struct h5_err *e);
enum h5_code
__wrap_h5_https_call(struct h5_https *h, const struct h5_https_request *q,
    struct h5_buf *out, struct h5_https_answer *a, struct h5_err *e)
{
	static const char *const days[] = {
	    "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char wire[H5_CLOCK_WIRE];
	const struct reply *r;
	int64_t now;
	size_t n;

	(void)h;
	assert_true(q->timeout_ms > 0);
	remember(q);
	memset(a, 0, sizeof *a);
	a->sent = true;
	h5_buf_clear(out);
	if (q->head != NULL)
		h5_buf_clear(q->head);
	if (desk->at >= desk->n_replies)
		fail_msg("an unexpected request: %s", q->url);
	r = &desk->replies[desk->at++];
	if (r->status == 0)
		return h5_err_set(e, H5_E_NET, "cut");
	a->status = r->status;
	now = h5_clock_now() - r->date_ago;
	/* The wire's time is Beijing's. */
	h5_clock_wire(now - 8 * 3600, wire);
	(void)snprintf(a->date, sizeof a->date,
	    "%s, %.2s %s %.4s %.2s:%.2s:%.2s GMT", days[now / 86400 % 7],
	    wire + 6, months[(wire[4] - '0') * 10 + wire[5] - '0' - 1], wire,
	    wire + 8, wire + 10, wire + 12);
	n = r->n > 0 ? r->n : strlen(r->body);
	h5_buf_add(out, r->body, n);
	if (q->head == NULL)
		return h5_buf_finish(out, e);
	h5_buf_printf(q->head, "HTTP/1.1 %ld X\n", r->status);
	if (r->extra != NULL)
		h5_buf_puts(q->head, r->extra);
	if (r->status / 100 == 2 && !r->bare)
		put_signature(q->head, r, n);
	h5_buf_putc(q->head, '\n');
	return h5_buf_finish(out, e);
}
#endif

/* desk_reply(status, body): what it answers next, well signed if it is good;
 * the result may still be changed. */
static inline struct reply *
desk_reply(long status, const char *body)
{
	struct reply *r;

	assert_true(desk->n_replies < REPLIES);
	r = &desk->replies[desk->n_replies++];
	*r = (struct reply){.status = status, .body = body};
	return r;
}

/* desk_anew(): forget what was asked and what would be answered. */
static inline void
desk_anew(void)
{
	desk->n_replies = desk->at = desk->n_seen = 0;
}

/* desk_asked(n): so many requests came, and each answer was fetched. */
static inline void
desk_asked(size_t n)
{
	assert_int_equal(desk->n_seen, n);
	assert_int_equal(desk->at, desk->n_replies);
}

static inline void
desk_key(const char *path, bool certificate, struct h5_rsa_key **out)
{
	char serial[H5_RSA_SERIAL];
	struct h5_buf pem;
	struct h5_err e;
	size_t n, at = 0;
	char *text = fixture(path, &n);

	h5_buf_init(&pem, 65536);
	h5_buf_add(&pem, text, n);
	free(text);
	assert_int_equal(
	    certificate ? h5_rsa_read_certificate(&pem, &at, out, serial, &e)
			: h5_rsa_read_private(&pem, out, &e),
	    H5_OK);
	h5_buf_release(&pem);
}

/* The merchant's key where nobody else may read it. */
static char *
desk_secret(void)
{
	char path[] = "/tmp/h5pay-unit-key-XXXXXX";
	char *text, *copy = strdup(path);
	size_t n;
	int fd = mkstemp(copy);

	text = fixture(KEYS "apiclient_key.pem", &n);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	assert_int_equal(close(fd), 0);
	free(text);
	return copy;
}

static inline void
desk_load(void)
{
	const struct h5_v3_keys_how how = {.calls = true};
	struct h5_err e;

	h5_v3_keys_free(desk->c.merchant.v3);
	desk->c.merchant.v3 = NULL;
	if (h5_v3_keys_load(&desk->c, &how, &desk->c.merchant.v3, &e) != H5_OK)
		fail_msg("%s", e.msg);
}

static int
desk_set_up(void **state)
{
	struct desk *d = calloc(1, sizeof *d);
	struct h5_config *c;
	struct h5_err e;

	assert_non_null(d);
	desk = d;
	c = &d->c;
	c->path = strdup("h5pay.conf");
	c->merchant.api = H5_API_V3;
	c->merchant.appid = strdup(APPID);
	c->merchant.mch_id = strdup(MCH_ID);
	c->merchant.cert_file = strdup(KEYS "apiclient_cert.pem");
	c->merchant.key_file = desk_secret();
	c->merchant.public_key_file = strdup(KEYS "pub_key.pem");
	c->merchant.public_key_id = strdup(PUBLIC_ID);
	assert_int_equal(
	    h5_crypto_key_new(APIV3, strlen(APIV3), &c->merchant.apiv3_key, &e),
	    H5_OK);
	c->site.base_url = strdup("https://shop.example/cgi-bin");
	c->site.program_suffix = strdup("");
	c->gateway.url = strdup("https://api.mch.weixin.qq.com");
	c->gateway.backup_url = strdup("https://api2.mch.weixin.qq.com");
	c->gateway.cashier = strdup("https://wx.tenpay.com/");
	c->gateway.connect_timeout_ms = 3000;
	c->gateway.timeout_ms = 6000;
	c->gateway.deadline_ms = 15000;
	h5_log_init(&d->log, "test", "/dev/null");
	desk_key(KEYS "apiclient_cert.pem", true, &d->ours);
	desk_key(KEYS "wechat_key.pem", false, &d->theirs);
	desk_load();
	assert_int_equal(h5_wechat_new(c, &d->w, &e), H5_OK);
	*state = d;
	return 0;
}

static int
desk_tear_down(void **state)
{
	struct desk *d = *state;

	(void)unlink(d->c.merchant.key_file);
	h5_wechat_free(d->w);
	h5_v3_keys_free(d->c.merchant.v3);
	h5_rsa_free(d->ours);
	h5_rsa_free(d->theirs);
	free(d->c.path);
	free(d->c.merchant.appid);
	free(d->c.merchant.mch_id);
	free(d->c.merchant.cert_file);
	free(d->c.merchant.key_file);
	free(d->c.merchant.public_key_file);
	free(d->c.merchant.public_key_id);
	free(d->c.merchant.platform_certs);
	free(d->c.merchant.sub_mch_id);
	free(d->c.merchant.sub_appid);
	h5_crypto_key_free(d->c.merchant.apiv3_key);
	free(d->c.site.base_url);
	free(d->c.site.program_suffix);
	free(d->c.gateway.url);
	free(d->c.gateway.backup_url);
	free(d->c.gateway.cashier);
	free(d);
	desk = NULL;
	return 0;
}

#endif
