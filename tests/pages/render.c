/* Writes every page in every case and both languages as HTML into a folder,
 * with its headers beside it, for eyes and for tests/browser/pages.mjs:
 *   render-pages FOLDER */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/embed.h"
#include "common/doctor/doctor.h"
#include "common/web/pages.h"

/* Where most buyers are, and where nothing can be paid. */
static const struct h5_choice phone = {.place = H5_PLACE_PHONE, .n = 1};
static const struct h5_choice outside = {
    .place = H5_PLACE_WECHAT, .elsewhere = H5_ELSEWHERE_BROWSER};

#define NOON 1795406412 /* 2026-11-23 12:00:12 Beijing time */
#define TOKEN "Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1ub3RoaW5n"

struct stage {
	const char *folder;
	struct h5_config c;
	struct h5_pages *pages;
	struct h5_log log;
	struct h5_order o;
	struct h5_attempt attempt;
	struct h5_refund refunds[2];
	const char *lang;
	int written;
};

static void
die(const char *what)
{
	fprintf(stderr, "render-pages: %s\n", what);
	exit(1);
}

static void
save(const struct stage *s, const char *name, const char *ext,
    const struct h5_buf *b)
{
	char path[512];
	FILE *f;

	(void)snprintf(
	    path, sizeof path, "%s/%s.%s.%s", s->folder, name, s->lang, ext);
	f = fopen(path, "w");
	if (f == NULL || fwrite(b->data, 1, b->len, f) != b->len ||
	    fclose(f) != 0)
		die(path);
}

/* What is being asked for. */
struct visit {
	struct h5_request r;
	struct h5_response resp;
	struct h5_page_ctx x;
	char query[256];
};

static void
open_visit(struct stage *s, struct visit *v, const char *method,
    const char *program, const char *query)
{
	static char empty[] = "";

	memset(v, 0, sizeof *v);
	(void)snprintf(v->r.method, sizeof v->r.method, "%s", method);
	(void)snprintf(v->query, sizeof v->query, "%s%slang=%s", query,
	    query[0] == '\0' ? "" : "&", s->lang);
	v->r.query = v->query;
	v->r.user_agent = v->r.accept = v->r.accept_language = empty;
	v->r.origin = v->r.referer = v->r.content_type = empty;
	v->r.forwarded_for = v->r.document_root = v->r.conf = empty;
	h5_response_init(&v->resp);
	v->x = (struct h5_page_ctx){.pages = s->pages,
	    .c = &s->c,
	    .r = &v->r,
	    .log = &s->log,
	    .resp = &v->resp,
	    .program = program};
}

static void
close_visit(struct stage *s, struct visit *v, const char *name)
{
	if (v->resp.body.len == 0)
		die(name);
	save(s, name, "html", &v->resp.body);
	save(s, name, "headers", &v->resp.headers);
	h5_response_release(&v->resp);
	s->written++;
}

static void
fresh_order(struct stage *s)
{
	static char title[] = "\xe6\x98\x8e\xe5\x89\x8d\xe9\xbe\x99\xe4\xba\x95"
			      " 250 g";

	memset(&s->o, 0, sizeof s->o);
	memset(&s->attempt, 0, sizeof s->attempt);
	memset(s->refunds, 0, sizeof s->refunds);
	(void)snprintf(s->o.id, sizeof s->o.id, "20261123-6f1c09a7b2d4");
	s->o.state = H5_ORDER_AWAITING;
	s->o.total_fee = 12800;
	s->o.body = title;
	s->o.qty = 2;
	s->o.created_at = NOON;
	s->o.attempts = &s->attempt;
	s->o.n_attempts = 1;
	s->o.refunds = s->refunds;
}

static void
pay_order(struct stage *s)
{
	fresh_order(s);
	s->o.state = H5_ORDER_PAID;
	s->o.paid_at = NOON + 60;
	(void)snprintf(s->o.transaction_id, sizeof s->o.transaction_id,
	    "4200001234202611230000000001");
}

static void
result(struct stage *s, const char *name, const char *program,
    enum h5_page_note note)
{
	struct visit v;

	open_visit(s, &v, "GET", program, "order=20261123-6f1c&t=" TOKEN);
	h5_page_result(&v.x, &s->o, TOKEN, note, NOON + 300, 200);
	close_visit(s, &v, name);
}

static void
all_confirms(struct stage *s)
{
	static const struct {
		enum h5_offer_typed typed;
		const char *name;
	} faults[] = {{H5_TYPED_UNREADABLE, "confirm-bad-amount"},
	    {H5_TYPED_LOW, "confirm-too-low"},
	    {H5_TYPED_HIGH, "confirm-too-high"}};
	struct h5_page_confirm p = {.choice = &phone};
	struct h5_fields hidden;
	struct h5_err e;
	struct visit v;

	h5_fields_init(&hidden, 16, 4096);
	if (h5_fields_add(&hidden, "item", "tea", &e) != H5_OK ||
	    h5_fields_add(&hidden, "qty", "2", &e) != H5_OK ||
	    h5_fields_add(&hidden, "form", TOKEN, &e) != H5_OK)
		die("fields");
	p.title = s->o.body;
	p.total_fee = 12800;
	p.qty = 2;
	p.order = s->o.id;
	p.hidden = &hidden;
	open_visit(s, &v, "GET", "checkout", "item=tea&qty=2");
	h5_page_confirm(&v.x, &p, 200);
	close_visit(s, &v, "confirm");
	p.changed = true;
	open_visit(s, &v, "POST", "checkout", "");
	h5_page_confirm(&v.x, &p, 409);
	close_visit(s, &v, "confirm-changed");
	p.changed = false;
	p.order = NULL;
	p.qty = 1;
	p.total_fee = 0;
	p.min_fee = 100;
	p.max_fee = 500000;
	open_visit(s, &v, "GET", "checkout", "item=gift");
	h5_page_confirm(&v.x, &p, 200);
	close_visit(s, &v, "confirm-amount");
	for (size_t i = 0; i < 3; i++) {
		p.typed = faults[i].typed;
		open_visit(s, &v, "POST", "checkout", "");
		h5_page_confirm(&v.x, &p, 400);
		close_visit(s, &v, faults[i].name);
	}
	h5_fields_release(&hidden);
}

static void
all_results(struct stage *s)
{
	static const char *const words[] = {"NOTPAY", "USERPAYING", "PAYERROR"};
	static const char *const names[] = {
	    "result-notpay", "result-userpaying", "result-payerror"};

	fresh_order(s);
	result(s, "result-unasked", "query", H5_NOTE_NONE);
	s->o.checked_at = NOON;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(s->attempt.trade_state,
		    sizeof s->attempt.trade_state, "%s", words[i]);
		result(s, names[i], "query", H5_NOTE_NONE);
	}
	result(s, "result-unreachable", "query", H5_NOTE_UNREACHABLE);
	result(s, "result-wait", "checkout", H5_NOTE_WAIT);
	s->o.alerts = H5_ALERT_DISPUTED;
	result(s, "result-disputed", "query", H5_NOTE_NONE);
	s->o.alerts = 0;
	s->o.state = H5_ORDER_CLOSED;
	result(s, "result-closed", "query", H5_NOTE_NONE);
	s->o.checked_at = 0;
	result(s, "result-closed-unasked", "query", H5_NOTE_NONE);
}

/* What the browser paid for, and the button that buys it once more. */
static void
bought(struct stage *s)
{
	struct h5_page_confirm p = {.total_fee = s->o.total_fee};
	struct visit v;

	open_visit(s, &v, "GET", "checkout", "item=tea");
	h5_page_bought(&v.x, &s->o, TOKEN, &p);
	close_visit(s, &v, "result-bought");
	p.total_fee = 0;
	p.min_fee = 100;
	p.max_fee = 50000;
	open_visit(s, &v, "GET", "checkout", "item=gift");
	h5_page_bought(&v.x, &s->o, TOKEN, &p);
	close_visit(s, &v, "result-bought-gift");
}

static void
all_paid(struct stage *s)
{
	pay_order(s);
	result(s, "result-paid", "query", H5_NOTE_NONE);
	bought(s);
	result(s, "result-paid-already", "checkout", H5_NOTE_NONE);
	s->o.alerts = H5_ALERT_LATE;
	result(s, "result-paid-late", "query", H5_NOTE_NONE);
	s->o.alerts = H5_ALERT_OVERPAID;
	result(s, "result-overpaid", "query", H5_NOTE_NONE);
	s->o.alerts = 0;
	s->o.n_refunds = 1;
	s->refunds[0].refund_fee = 2800;
	s->refunds[0].changed_at = NOON + 3600;
	s->refunds[0].state = H5_REFUND_PROCESSING;
	s->o.state = H5_ORDER_REFUNDING;
	result(s, "result-refunding", "query", H5_NOTE_NONE);
	s->refunds[0].state = H5_REFUND_SUCCESS;
	s->o.state = H5_ORDER_PARTLY_REFUNDED;
	result(s, "result-partly-refunded", "query", H5_NOTE_NONE);
	s->refunds[1] = s->refunds[0];
	s->refunds[1].refund_fee = 10000;
	s->o.n_refunds = 2;
	s->o.state = H5_ORDER_REFUNDED;
	result(s, "result-refunded", "query", H5_NOTE_NONE);
}

/* The ways to pay: a code, inside WeChat, and where to go instead. */
static void
all_ways(struct stage *s)
{
	static char code[] =
	    "weixin://wxpay/bizpayurl/up?pr=NwY5Mz9aB&groupid=00";
	static char id[] = "wx201410272009395522657a690389285100";
	static const struct h5_choice desktop = {.place = H5_PLACE_DESKTOP,
	    .ways = {H5_PRODUCT_NATIVE, H5_PRODUCT_H5},
	    .n = 2};
	static const struct h5_choice bare = {
	    .place = H5_PLACE_DESKTOP, .n = 1};
	static const struct h5_choice app = {
	    .place = H5_PLACE_APP, .elsewhere = H5_ELSEWHERE_BROWSER, .n = 1};
	static const struct h5_choice chat = {
	    .place = H5_PLACE_DESKTOP, .elsewhere = H5_ELSEWHERE_WECHAT};
	static const char url[] =
	    "https://shop.example/cgi-bin/checkout?item=tea&qty=2";
	struct h5_wechat_bridge bridge = {.app_id = "wx2421b1c4370ec43b",
	    .sign_type = "HMAC-SHA256",
	    .time_stamp = "1414561699",
	    .nonce_str = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
	    .package = "prepay_id=wx201410272009395522657a690389285100",
	    .pay_sign = "C380BEC2BFD727A4B6845133519F3AD6"};
	struct h5_page_confirm p = {.choice = &desktop,
	    .title = "\xe9\xbe\x99\xe4\xba\x95",
	    .total_fee = 12800,
	    .qty = 1,
	    .url = url};
	struct h5_fields hidden;
	struct h5_err e;
	struct visit v;

	h5_fields_init(&hidden, 16, 4096);
	if (h5_fields_add(&hidden, "item", "tea", &e) != H5_OK)
		die("fields");
	p.hidden = &hidden;
	open_visit(s, &v, "GET", "checkout", "item=tea&qty=2");
	h5_page_confirm(&v.x, &p, 200);
	close_visit(s, &v, "confirm-native");
	p.choice = &bare;
	open_visit(s, &v, "GET", "checkout", "item=tea&qty=2");
	h5_page_confirm(&v.x, &p, 200);
	close_visit(s, &v, "confirm-desktop");
	open_visit(s, &v, "GET", "checkout", "item=tea&qty=2");
	h5_page_elsewhere(&v.x, url, &app, &hidden);
	close_visit(s, &v, "open-outside-app");
	open_visit(s, &v, "GET", "checkout", "item=tea&qty=2");
	h5_page_elsewhere(&v.x, url, &chat, NULL);
	close_visit(s, &v, "open-in-wechat");
	fresh_order(s);
	s->attempt.product = H5_PRODUCT_NATIVE;
	s->attempt.code_url = code;
	s->attempt.prepay_id = id;
	open_visit(s, &v, "GET", "checkout", "order=2026&t=" TOKEN "&go=1");
	h5_page_scan(&v.x, &s->o, TOKEN, &desktop, h5_clock_now() + 6600);
	close_visit(s, &v, "scan");
	open_visit(s, &v, "GET", "checkout", "order=2026&t=" TOKEN "&go=1");
	h5_page_scan(&v.x, &s->o, TOKEN, &desktop, NOON);
	close_visit(s, &v, "scan-over");
	s->attempt.product = H5_PRODUCT_JSAPI;
	open_visit(s, &v, "GET", "checkout", "order=2026&t=" TOKEN "&go=1");
	h5_page_jsapi(&v.x, &s->o, TOKEN, &bridge);
	close_visit(s, &v, "jsapi");
	open_visit(s, &v, "GET", "checkout", "order=2026&t=" TOKEN "&go=1");
	h5_page_jsapi(&v.x, &s->o, TOKEN, NULL);
	close_visit(s, &v, "jsapi-over");
	open_visit(s, &v, "GET", "checkout", "order=2026&t=" TOKEN "&state=1");
	h5_page_authorize(&v.x, &s->o, TOKEN, H5_WECHAT_WHO_LATER, 502);
	close_visit(s, &v, "authorize");
	open_visit(s, &v, "GET", "checkout", "order=2026&t=" TOKEN "&state=1");
	h5_page_authorize(&v.x, &s->o, TOKEN, H5_WECHAT_WHO_VIRTUAL, 200);
	close_visit(s, &v, "authorize-virtual");
	h5_fields_release(&hidden);
}

static void
all_plain(struct stage *s)
{
	static const char *const names[] = {"bad-request", "bad-address",
	    "bad-link", "bad-origin", "not-found", "not-allowed", "conflict",
	    "link-expired", "too-large", "error", "gateway-error",
	    "merchant-error", "store-error", "busy"};
	struct visit v;
	char name[64];

	fresh_order(s);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		open_visit(s, &v, "GET", "checkout", "item=tea");
		h5_page_plain(&v.x, (enum h5_page_plain)i, NULL, NULL);
		(void)snprintf(name, sizeof name, "plain-%s", names[i]);
		close_visit(s, &v, name);
	}
	open_visit(s, &v, "POST", "checkout", "");
	h5_page_plain(&v.x, H5_PAGE_GATEWAY_ERROR, &s->o, TOKEN);
	close_visit(s, &v, "plain-gateway-error-order");
	open_visit(s, &v, "GET", "checkout", "");
	v.x.c = NULL;
	h5_page_plain(&v.x, H5_PAGE_ERROR, NULL, NULL);
	close_visit(s, &v, "plain-error-bare");
}

static void
all_others(struct stage *s)
{
	struct visit v;

	fresh_order(s);
	open_visit(s, &v, "GET", "checkout", "order=2026&t=" TOKEN "&go=1");
	h5_page_handoff(&v.x, &s->o, TOKEN,
	    "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id="
	    "wx23124012&package=1037687096&redirect_url=https%3A%2F%2Fshop",
	    NOON + 300);
	close_visit(s, &v, "handoff");
	s->o.total_fee = H5_FEN_MAX;
	open_visit(s, &v, "GET", "return-page", "order=2026&t=" TOKEN);
	h5_page_return(&v.x, &s->o, TOKEN);
	close_visit(s, &v, "return-most");
	fresh_order(s);
	open_visit(s, &v, "GET", "return-page", "order=2026&t=" TOKEN);
	h5_page_return(&v.x, &s->o, TOKEN);
	close_visit(s, &v, "return");
	open_visit(s, &v, "GET", "checkout", "item=tea&qty=2");
	h5_page_elsewhere(&v.x,
	    "https://shop.example/cgi-bin/checkout?order=20261123-0007&"
	    "total_fee=12800&body=Longjing%20tea&expires=1795500000&sig="
	    "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    &outside, NULL);
	close_visit(s, &v, "open-outside");
}

/* --- the doctor's --- */

struct diagnosis {
	struct h5_doctor d;
	struct h5_data *v;
	enum { SO_FAR, GOOD, EARLY, BAD, FAULTS, WORDS } which;
};

static void
note(void *arg, const struct h5_doctor_finding *f)
{
	static const char *const lists[] = {"pass", "warn", "fail"};
	struct diagnosis *x = arg;
	struct h5_data *item = h5_data_item(x->v, lists[f->result]);
	struct h5_buf name;

	h5_buf_init(&name, 256);
	h5_doctor_name(&x->d, f->check, &name);
	h5_data_str(item, "name", name.data);
	h5_data_str(item, "found", f->found);
	h5_data_str(item, "remedy", f->remedy);
	h5_buf_release(&name);
}

static void
say_bad(struct h5_doctor *d)
{
	h5_doctor_say(d, H5_DOCTOR_FAIL, "ids-and-key", "ids-key", "mch_id",
	    "1230000109", "appid", "wx8888888888888888", "words",
	    "\xe7\xad\xbe\xe5\x90\x8d\xe9\x94\x99\xe8\xaf\xaf", NULL);
	h5_doctor_say(d, H5_DOCTOR_FAIL, "store", "store-bad", "dir", "orders",
	    "why", "orders is open to others: chmod 700 orders", NULL);
	h5_doctor_say(d, H5_DOCTOR_FAIL, "configuration", "config-fault", "why",
	    "h5pay.conf:12: merchant.mch_id is required and missing", NULL);
	h5_doctor_say(d, H5_DOCTOR_WARN, "sweep", "sweep-none", NULL);
	h5_doctor_say(d, H5_DOCTOR_WARN, "gateway", "host-stand-in", "url",
	    "http://127.0.0.1:8081", NULL);
}

/* A value for "{name" in a message; returns what follows its "}". */
static const char *
sample(const char *hole, struct h5_buf *out)
{
	static const char *const known[][2] = {{"{n}", "12"}, {"{m}", "7"},
	    {"{key}", "site.base_url"}, {"{file}", "h5pay.conf"},
	    {"{why}", "No such file or directory"}};
	const char *value = "secrets/a-file-with-a-rather-long-name.pem";
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strncmp(hole, known[i][0], strlen(known[i][0])) == 0)
			value = known[i][1];
	h5_buf_puts(out, value);
	return strchr(hole, '}') + 1;
}

/* A finding for each message that templates/doctor/faults.txt knows. */
static void
say_faults(struct h5_doctor *d)
{
	const char *p = (const char *)h5_embed_doctor_files[0].bytes;
	struct h5_buf said;

	while ((p = strstr(p, "\nlike ")) != NULL) {
		h5_buf_init(&said, 4096);
		for (p += 6; *p != '\n';) {
			if (*p == '{')
				p = sample(p, &said);
			else
				h5_buf_putc(&said, *p++);
		}
		h5_doctor_say(d, H5_DOCTOR_FAIL, "configuration",
		    "config-fault", "why", said.data, NULL);
		h5_buf_release(&said);
	}
}

/* A finding for each entry of templates/doctor/words.txt. */
static void
say_words(struct h5_doctor *d)
{
	const char *p = (const char *)h5_embed_doctor_files[1].bytes;
	char name[64];

	while ((p = strstr(p, "\n= ")) != NULL) {
		p += 3;
		(void)snprintf(
		    name, sizeof name, "%.*s", (int)strcspn(p, "\n"), p);
		/* Not a reason that has a remedy: each shows its own. */
		h5_doctor_say(d, H5_DOCTOR_FAIL, "store", name, "why",
		    "SSL certificate problem: expired", "reason",
		    "Connection refused", "path", "secrets/apiclient_key.pem",
		    "dir", "orders", "url",
		    "https://shop.example/cgi-bin/checkout.fcgi", "status",
		    "404", "words", "SIGNERROR", "mch_id", "1230000109",
		    "appid", "wx8888888888888888", "key", "merchant.api_key",
		    "name", "Content-Security-Policy", "value",
		    "default-src 'self'", "where", "secrets/site.secret",
		    "host", "shop.example", "to", "https://www.shop.example/",
		    "ip", "192.0.2.7", "s", "90", "mib", "12", "files", "3",
		    "folder", "public_html", "what", "catalogue", "when",
		    "2026-11-30 12:00", "days", "7", "orders", "12", "n", "1",
		    "ms", "48", "code", "SYSTEMERROR", "header", "Via", NULL);
	}
}

static void
fill_doctor(void *arg, struct h5_data *v, const char *lang)
{
	struct diagnosis *x = arg;
	struct h5_doctor *d = &x->d;

	x->v = v;
	*d = (struct h5_doctor){
	    .lang = lang, .web = true, .say = note, .arg = x};
	h5_doctor_say(d, H5_DOCTOR_PASS, "configuration", "config-good", "path",
	    "h5pay.conf", NULL);
	h5_doctor_say(
	    d, H5_DOCTOR_PASS, "modes", "modes-good", "files", "3", NULL);
	h5_doctor_say(d, H5_DOCTOR_PASS, "notify", "notice-good", "url",
	    "https://shop.example/pay/notify.fcgi", NULL);
	if (x->which == BAD)
		say_bad(d);
	if (x->which == FAULTS)
		say_faults(d);
	if (x->which == WORDS)
		say_words(d);
	h5_data_str(v, "other_url", "?lang=en");
	h5_data_flag(v, "can_go_on", x->which != FAULTS);
	h5_data_str(v, "domain", "shop.example");
	h5_data_str(v, "directory", "https://shop.example/cgi-bin/pay/");
	h5_data_str(v, "oauth", "shop.example");
	h5_data_flag(v, "online", x->which == GOOD || x->which == BAD);
	h5_data_flag(v, "any_fail", x->which >= BAD);
	h5_data_flag(v, "any_warn", x->which == BAD);
	h5_data_str(v, "n_fail", "3");
	h5_data_str(v, "n_warn", "2");
	h5_data_str(v, "n_pass", "3");
	h5_data_str(v, "wait_s", x->which == EARLY ? "17" : NULL);
}

static void
all_doctors(struct stage *s)
{
	static const char *const names[] = {"doctor", "doctor-good",
	    "doctor-early", "doctor-bad", "doctor-faults", "doctor-words"};
	struct diagnosis x;
	struct visit v;
	int i;

	for (i = SO_FAR; i <= WORDS; i++) {
		memset(&x, 0, sizeof x);
		x.which = i;
		open_visit(s, &v, i == SO_FAR ? "GET" : "POST", "doctor", "");
		h5_page_filled(&v.x, "doctor", fill_doctor, &x, 200);
		close_visit(s, &v, names[i]);
	}
}

static void
set_stage(struct stage *s)
{
	static char base[] = "https://shop.example/cgi-bin", suffix[] = "",
		    name[] = "\xe6\x98\x8e\xe5\xb1\xb1\xe8\x8c\xb6\xe8\xa1\x8c"
			     " Mingshan Tea",
		    url[] = "https://shop.example", contact[] = "400-000-0000",
		    lang[] = "zh-CN", cashier[] = "https://wx.tenpay.com";
	struct h5_buf faults;
	struct h5_err e;

	s->c.site.base_url = base;
	s->c.site.program_suffix = suffix;
	s->c.site.name = name;
	s->c.site.shop_url = url;
	s->c.site.contact = contact;
	s->c.site.lang = lang;
	s->c.gateway.cashier_origin = cashier;
	h5_log_init(&s->log, "render-pages", NULL);
	(void)snprintf(s->log.rid, sizeof s->log.rid, "7f3a91c2e4b0");
	h5_buf_init(&faults, 65536);
	if (h5_pages_load(&s->c, &faults, &s->pages, &e) != H5_OK)
		die(faults.len > 0 ? faults.data : e.msg);
	h5_buf_release(&faults);
}

int
main(int argc, char **argv)
{
	static const char *const langs[] = {"zh-CN", "en"};
	struct stage s = {0};

	if (argc != 2)
		die("which folder?");
	s.folder = argv[1];
	if (mkdir(s.folder, 0777) != 0 && errno != EEXIST)
		die(s.folder);
	set_stage(&s);
	for (size_t i = 0; i < 2; i++) {
		s.lang = langs[i];
		fresh_order(&s);
		all_confirms(&s);
		all_ways(&s);
		all_others(&s);
		all_results(&s);
		all_paid(&s);
		all_plain(&s);
		all_doctors(&s);
	}
	h5_pages_free(s.pages);
	printf("%d pages in %s\n", s.written, s.folder);
	return 0;
}
