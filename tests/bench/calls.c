/* calls - nanoseconds and allocations of one call of what a request is made
 * of.  Allocations are counted here, those of the libraries too. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/store/ledger.h"
#include "common/format/template.h"
#include "common/pay/limit.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

#define TURNS 20000

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static atomic_long allocations;

void *
malloc(size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_realloc(p, n);
}

struct bench {
	struct h5_crypto_key *key;
	struct h5_fields f;
	struct h5_buf xml, page, ledger;
	struct h5_event paid;
	struct h5_template *t;
	struct h5_data *v;
	char folder[32]; /* of the counts of limits.* */
};

static enum h5_code
sign_md5(struct bench *b)
{
	char hex[H5_SIGN_HEX];

	return h5_sign_fields(b->key, H5_SIGN_MD5, &b->f, hex, NULL);
}

static enum h5_code
sign_hmac(struct bench *b)
{
	char hex[H5_SIGN_HEX];

	return h5_sign_fields(b->key, H5_SIGN_HMAC_SHA256, &b->f, hex, NULL);
}

static enum h5_code
read_xml(struct bench *b)
{
	struct h5_fields f;
	enum h5_code rc;

	rc = h5_xml_read(b->xml.data, b->xml.len, "xml", &f, NULL);
	h5_fields_release(&f);
	return rc;
}

static enum h5_code
write_xml(struct bench *b)
{
	h5_buf_clear(&b->page);
	return h5_xml_write(&b->f, &b->page, NULL);
}

static enum h5_code
render(struct bench *b)
{
	h5_buf_clear(&b->page);
	return h5_template_render(b->t, b->v, NULL, &b->page, NULL);
}

static enum h5_code
write_line(struct bench *b)
{
	struct h5_ledger_at at = {2, "0123456789abcdef", 0};

	h5_buf_clear(&b->page);
	return h5_ledger_write(&at, &b->paid, &b->page, NULL);
}

static enum h5_code
fold(struct bench *b)
{
	struct h5_ledger_at at;
	struct h5_order *o;
	enum h5_code rc;
	size_t whole;

	rc = h5_ledger_fold(b->ledger.data, b->ledger.len, "BENCH00000001", &o,
	    &whole, &at, NULL);
	h5_order_free(o);
	return rc;
}

/* A start that passes, its file and its lock with it. */
static enum h5_code
admit(struct bench *b)
{
	struct h5_limit limit = {.ip = "8.8.8.8"};
	struct h5_config c = {0};
	struct h5_log log;
	const struct h5_shop shop = {.c = &c, .log = &log, .limit = &limit};

	h5_log_init(&log, "bench", NULL);
	c.store.dir = b->folder;
	c.limits.starts_per_minute = 100000;
	c.limits.starts_total_per_minute = 100000;
	return h5_limit_admit(&shop, H5_LIMIT_ORDER, NULL);
}

static void
remove_counts(const struct bench *b)
{
	char path[64];

	(void)snprintf(path, sizeof path, "%s/limits", b->folder);
	(void)unlink(path);
	(void)rmdir(b->folder);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
measure(const char *name, enum h5_code (*call)(struct bench *), struct bench *b)
{
	int64_t best = INT64_MAX, t;
	long before = 0;

	for (int round = 0; round < 5; round++) {
		before = atomic_load(&allocations);
		t = now_ns();
		for (int i = 0; i < TURNS / 5; i++)
			if (call(b) != H5_OK)
				exit(1);
		t = now_ns() - t;
		if (t < best)
			best = t;
	}
	(void)printf("%s\t%lld\t%.1f\n", name, (long long)(best / (TURNS / 5)),
	    (double)(atomic_load(&allocations) - before) / (TURNS / 5));
}

/* The fields of a notice. */
static enum h5_code
fill(struct bench *b, struct h5_err *e)
{
	static const char *const pairs[][2] = {{"appid", "wx8888888888888888"},
	    {"bank_type", "OTHERS"}, {"cash_fee", "1"}, {"fee_type", "CNY"},
	    {"is_subscribe", "N"}, {"mch_id", "1230000109"},
	    {"nonce_str", "5d2b6c2a8db53831f7eda20af46e531c"},
	    {"openid", "oUpF8uMEb4qRXf22hE3X68TekukE"},
	    {"out_trade_no", "BENCH00000001"}, {"result_code", "SUCCESS"},
	    {"return_code", "SUCCESS"}, {"time_end", "20261123164012"},
	    {"total_fee", "1"}, {"trade_type", "MWEB"},
	    {"transaction_id", "4200000000202611230000000001"}};
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; i < sizeof pairs / sizeof *pairs && rc == H5_OK; i++)
		rc = h5_fields_add(&b->f, pairs[i][0], pairs[i][1], e);
	return rc;
}

static void
fill_paid(struct h5_event *ev, const char *id)
{
	h5_event_init(ev, H5_EVENT_PAID, 1795509700);
	h5_event_text(ev, "out_trade_no", id);
	h5_event_text(ev, "transaction_id", "4200000000202611230000000001");
	h5_event_number(ev, "total_fee", 1);
	h5_event_text(ev, "via", "notify");
	h5_event_time(ev, "time_end", 1795509690);
	h5_event_text(ev, "wx_bank_type", "OTHERS");
	h5_event_text(ev, "wx_cash_fee", "1");
	h5_event_text(ev, "wx_is_subscribe", "N");
	h5_event_text(ev, "wx_trade_type", "MWEB");
}

/* An order's three lines: created, prepaid, paid. */
static enum h5_code
fill_ledger(struct bench *b, struct h5_err *e)
{
	static const char id[] = "BENCH00000001", ip[] = "203.0.113.7";
	struct h5_ledger_at at = {0, "", 0};
	struct h5_event created, prepaid;
	enum h5_code rc;

	h5_event_init(&created, H5_EVENT_CREATED, 1795509612);
	h5_event_text(&created, "order", id);
	h5_event_number(&created, "total_fee", 1);
	h5_event_text(&created, "body", "Green tea, 250 g");
	h5_event_text(&created, "lang", "zh-CN");
	h5_event_time(&created, "expires_at", 1795516812);
	h5_event_text(&created, "out_trade_no", id);
	h5_event_text(&created, "spbill_create_ip", ip);
	h5_event_time(&created, "time_start", 1795509612);
	h5_event_time(&created, "time_expire", 1795516812);
	h5_event_init(&prepaid, H5_EVENT_PREPAID, 1795509613);
	h5_event_text(&prepaid, "out_trade_no", id);
	h5_event_text(&prepaid, "spbill_create_ip", ip);
	h5_event_text(
	    &prepaid, "prepay_id", "wx201410272009395522657a690389285100");
	h5_event_text(&prepaid, "mweb_url",
	    "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?"
	    "prepay_id=wx201410272009395522657a690389285100");
	fill_paid(&b->paid, id);
	rc = h5_event_finish(&created, e);
	if (rc == H5_OK)
		rc = h5_event_finish(&prepaid, e);
	if (rc == H5_OK)
		rc = h5_event_finish(&b->paid, e);
	if (rc == H5_OK)
		rc = h5_ledger_write(&at, &created, &b->ledger, e);
	if (rc == H5_OK)
		rc = h5_ledger_write(&at, &prepaid, &b->ledger, e);
	if (rc == H5_OK)
		rc = h5_ledger_write(&at, &b->paid, &b->ledger, e);
	h5_event_release(&created);
	h5_event_release(&prepaid);
	return rc;
}

int
main(void)
{
	static const char source[] =
	    "<main data-page=\"return\"><h1>{{shop}}</h1>\n"
	    "{{#paid}}<p>{{amount}} {{order}}</p>\n{{/paid}}"
	    "{{^paid}}<form><input value=\"{{order}}\">\n</form>{{/paid}}\n"
	    "</main>\n";
	struct bench b;
	struct h5_err e;
	enum h5_code rc;

	memset(&b, 0, sizeof b);
	h5_fields_init(&b.f, 64, 65536);
	h5_buf_init(&b.xml, 65536);
	h5_buf_init(&b.page, 65536);
	h5_buf_init(&b.ledger, 65536);
	rc = h5_crypto_key_new(
	    "8934e7d15453e97507ef794cf7b0519d", 32, &b.key, &e);
	if (rc == H5_OK)
		rc = fill(&b, &e);
	if (rc == H5_OK)
		rc = fill_ledger(&b, &e);
	if (rc == H5_OK)
		rc = h5_xml_write(&b.f, &b.xml, &e);
	if (rc == H5_OK)
		rc = h5_template_compile(
		    "bench", source, sizeof source - 1, &b.t, &e);
	if (rc != H5_OK) {
		(void)fprintf(stderr, "calls: %s\n", e.msg);
		return 1;
	}
	b.v = h5_data_new();
	h5_data_str(b.v, "shop", "Tea & Co");
	h5_data_str(b.v, "order", "BENCH00000001");
	measure("sign 15 fields, MD5", sign_md5, &b);
	measure("sign 15 fields, HMAC-SHA256", sign_hmac, &b);
	measure("read a notice (XML)", read_xml, &b);
	measure("write a message (XML)", write_xml, &b);
	measure("write a ledger line", write_line, &b);
	measure("fold a ledger of three lines", fold, &b);
	measure("render a small template", render, &b);
	(void)snprintf(b.folder, sizeof b.folder, "/tmp/h5pay-calls-XXXXXX");
	if (mkdtemp(b.folder) == NULL)
		return 1;
	measure("count a new order", admit, &b);
	remove_counts(&b);
	h5_data_free(b.v);
	h5_template_free(b.t);
	h5_crypto_key_free(b.key);
	h5_fields_release(&b.f);
	h5_buf_release(&b.xml);
	h5_buf_release(&b.page);
	h5_buf_release(&b.ledger);
	h5_event_release(&b.paid);
	return 0;
}
