/* Events to the shop: what is due, by which way, how often. */
#include "tests/unit/help.h"
#include "tests/unit/folder.h"
#include "tests/unit/orders.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/format/base64.h"
#include "common/hooks/exec.h"
#include "common/hooks/webhook.h"
#include "common/hooks/hooks.h"
#include "common/system/https.h"
#include "tests/unit/where.h"

/* Of the specification's own test. */
#define SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* --- a shop's server --- */

struct server {
	int fd;
	char url[64];
	pthread_t thread;
	const char *replies[8]; /* in order; the last again and again */
	char seen[8][4096];
	size_t n;
};

static void *
serve(void *arg)
{
	struct server *s = arg;
	const char *reply;
	size_t n, room;
	ssize_t got;
	char *to;
	int c;

	for (;;) {
		c = accept(s->fd, NULL, NULL);
		if (c < 0)
			return NULL;
		to = s->seen[s->n < 7 ? s->n : 7];
		room = sizeof s->seen[0] - 1;
		for (n = 0; n < room && strstr(to, "}}") == NULL;
		     n += (size_t)got) {
			got = recv(c, to + n, room - n, 0);
			if (got <= 0)
				break;
			to[n + (size_t)got] = '\0';
		}
		reply = s->replies[s->n < 7 ? s->n : 7];
		s->n++;
		(void)send(c, reply, strlen(reply), MSG_NOSIGNAL);
		(void)close(c);
	}
}

/* --- a shop --- */

struct shop {
	struct folder f;
	struct h5_config c;
	struct h5_store *st;
	struct h5_log log;
	struct server server;
	char exec[FOLDER_PATH], out[FOLDER_PATH], store[FOLDER_PATH];
};

static int
open_shop(void **state)
{
	struct shop *s = calloc(1, sizeof *s);
	struct h5_err e;

	assert_non_null(s);
	folder_make(&s->f);
	(void)folder_name(&s->f, "hook", s->exec);
	(void)folder_name(&s->f, "out", s->out);
	(void)folder_name(&s->f, "store", s->store);
	h5_log_init(&s->log, "test", "/dev/null");
	assert_int_equal(h5_https_start(&e), H5_OK);
	s->server.fd = -1;
	*state = s;
	return 0;
}

static int
close_shop(void **state)
{
	struct shop *s = *state;

	if (s->server.fd >= 0) {
		(void)shutdown(s->server.fd, SHUT_RDWR);
		(void)pthread_join(s->server.thread, NULL);
		(void)close(s->server.fd);
	}
	h5_store_close(s->st);
	h5_crypto_key_free(s->c.hooks.webhook_secret);
	folder_remove(&s->f);
	free(s);
	return 0;
}

/* A hook program; %s in its text is the path of the file "out". */
static void
with_exec(struct shop *s, const char *text)
{
	char script[2048];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(script, sizeof script, text, s->out, s->out, s->out);
#pragma GCC diagnostic pop
	folder_write(&s->f, "hook", script, 0700);
	s->c.hooks.exec = s->exec;
	s->c.hooks.mask |= H5_HOOK_EXEC;
}

static void
with_webhook(struct shop *s)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	struct h5_buf secret;
	struct h5_err e;

	s->server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(s->server.fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(s->server.fd, 8), 0);
	assert_int_equal(
	    getsockname(s->server.fd, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(s->server.url, sizeof s->server.url,
	    "http://127.0.0.1:%u/hook?a=1", (unsigned)ntohs(at.sin_port));
	assert_int_equal(
	    pthread_create(&s->server.thread, NULL, serve, &s->server), 0);
	h5_buf_init(&secret, 64);
	assert_int_equal(h5_base64_read(SECRET, &secret, &e), H5_OK);
	assert_int_equal(h5_crypto_key_new(secret.data, secret.len,
			     &s->c.hooks.webhook_secret, &e),
	    H5_OK);
	h5_buf_release(&secret);
	s->c.hooks.webhook_url = s->server.url;
	s->c.hooks.mask |= H5_HOOK_WEBHOOK;
}

/* An order that was paid; then, if so, refunded events follow as alerts. */
static enum h5_code
decide_paid(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct h5_event *ev = h5_store_add(b, H5_EVENT_PAID);

	event_of(ev, H5_EVENT_PAID, ev->at, "out_trade_no", o->id,
	    "transaction_id", "4200000522202004140990926670", "total_fee",
	    "12800", "via", "notify", "time_end", "2026-11-23T16:41:02+08:00",
	    NULL);
	if (arg == NULL)
		return h5_event_finish(ev, e);
	ev = h5_store_add(b, H5_EVENT_ALERT);
	event_of(ev, H5_EVENT_ALERT, ev->at, "alert", "overpaid",
	    "out_trade_no", o->id, "transaction_id",
	    "4200000522202004140990926671", "total_fee", "12800", "fee_type",
	    "CNY", NULL);
	return h5_event_finish(ev, e);
}

static void
paid_order(struct shop *s, const char *id, bool alert)
{
	char yes = 1;
	struct h5_order *o;
	struct h5_event ev;
	struct h5_err e;

	if (s->st == NULL)
		assert_int_equal(
		    h5_store_open(WHERE(s->store), s->c.hooks.mask, &s->st, &e),
		    H5_OK);
	event_of(&ev, H5_EVENT_CREATED, h5_clock_now(), "order", id,
	    "total_fee", "12800", "body", "\xe8\x8c\xb6", "lang", "zh-CN",
	    "expires_at", T1_TEXT, "out_trade_no", id, "spbill_create_ip",
	    "203.0.113.7", "time_start", T0_TEXT, "time_expire", T1_TEXT, NULL);
	assert_int_equal(h5_store_create(s->st, &ev, &o, &e), H5_OK);
	h5_order_free(o);
	assert_int_equal(h5_store_update(s->st, id, NULL, decide_paid,
			     alert ? &yes : NULL, NULL, &e),
	    H5_OK);
}

static struct h5_order *
load(struct shop *s, const char *id)
{
	struct h5_order *o;
	struct h5_err e;

	assert_int_equal(h5_store_load(s->st, id, &o, &e), H5_OK);
	return o;
}

static struct h5_shop
shop_of(struct shop *s)
{
	return (struct h5_shop){.c = &s->c, .log = &s->log, .st = s->st};
}

static enum h5_code
rehearse(struct shop *s, struct h5_err *e)
{
	const struct h5_shop shop = shop_of(s);

	return h5_hooks_test(&shop, "order.paid", e);
}

static enum h5_code
deliver(struct shop *s, const char *id, bool force)
{
	const struct h5_shop shop = shop_of(s);
	struct h5_err e;

	return h5_hooks_deliver(&shop, id, force, &e);
}

static char *
out_of(struct shop *s)
{
	size_t n;

	return fixture(s->out, &n);
}

/* --- running a program --- */

static enum h5_code
run(struct shop *s, const char *text, size_t n, int ms,
    char said[H5_EXEC_SAID + 1], struct h5_err *e)
{
	char var[] = "A=b c", path[] = "PATH=/usr/bin:/bin";
	char *env[] = {path, var, NULL};
	char *in = calloc(1, n + 1);
	enum h5_code rc;

	assert_non_null(in);
	memset(in, 'x', n);
	with_exec(s, text);
	e->msg[0] = '\0';
	rc = h5_exec_run(s->exec, env, in, n, ms, said, e);
	free(in);
	return rc;
}

static void
test_hooks__a_program_gets_only_what_it_should(void **state)
{
	char said[H5_EXEC_SAID + 1], *out;
	struct h5_err e;

	assert_int_equal(setenv("H5PAY_LEAK", "1", 1), 0);
	/* Not closed on exec, and above what a short loop would close. */
	assert_int_equal(dup2(STDERR_FILENO, 300), 300);
	assert_int_equal(
	    run(*state,
		"#!/bin/sh\nenv | sort >%s\necho \"argc=$#\" >>%s\n"
		"{ pwd; ls /proc/$$/fd; cat; } >>%s\n"
		"read -r pid comm state parent group rest </proc/$$/stat\n"
		"[ $group = $$ ] && echo its own group",
		10, 5000, said, &e),
	    H5_OK);
	out = out_of(*state);
	assert_non_null(strstr(out, "A=b c\n"));
	assert_null(strstr(out, "H5PAY_LEAK"));
	assert_non_null(strstr(out, "argc=0\n/\n0\n1\n")); /* cwd is / */
	assert_non_null(strstr(out, "xxxxxxxxxx"));
	assert_non_null(strstr(said, "its own group"));
	assert_null(strstr(out, "\n3\n4\n")); /* no descriptor of ours */
	assert_null(strstr(out, "\n300\n"));
	(void)close(300);
	free(out);
}

static void
test_hooks__exit_status_decides(void **state)
{
	static const struct {
		const char *script, *msg;
		enum h5_code rc;
	} rows[] = {
	    {"#!/bin/sh\nexit 0\n", "", H5_OK},
	    {"#!/bin/sh\ncat >/dev/null\n", "", H5_OK},
	    {"#!/bin/sh\nexit 1\n", "exit 1", H5_E_NET},
	    {"#!/bin/sh\nexit 75\n", "exit 75", H5_E_NET},
	    {"#!/bin/sh\nkill -9 $$\n", "signal 9", H5_E_NET},
	    {"#!/no/such/interpreter\n", "cannot be run", H5_E_NET},
	    {"no program", "cannot be run", H5_E_NET},
	};
	char said[H5_EXEC_SAID + 1];
	struct h5_err e;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].script, run(*state, rows[i].script, 100, 5000, said,
					&e) == rows[i].rc);
		ROW(rows[i].script, strstr(e.msg, rows[i].msg) != NULL);
	}
}

static void
test_hooks__a_program_need_not_read_and_may_talk(void **state)
{
	char said[H5_EXEC_SAID + 1];
	struct h5_err e;

	/* More than a pipe holds, unread. */
	assert_int_equal(
	    run(*state, "#!/bin/sh\nexit 0\n", 1 << 20, 5000, said, &e), H5_OK);
	assert_int_equal(run(*state, "#!/bin/sh\nexec <&-\nsleep 0.1\n",
			     1 << 20, 5000, said, &e),
	    H5_OK);
	/* All of it, read; and more than a pipe holds, written. */
	assert_int_equal(
	    run(*state,
		"#!/bin/sh\ntest $(wc -c) -eq 1048576 || exit 9\n"
		"head -c 1000000 /dev/zero | tr '\\0' y; echo >&2\n",
		1 << 20, 5000, said, &e),
	    H5_OK);
	assert_int_equal(strlen(said), H5_EXEC_SAID);
	assert_int_equal(
	    run(*state, "#!/bin/sh\necho why >&2; exit 3\n", 0, 5000, said, &e),
	    H5_E_NET);
	assert_string_equal(said, "why\n");
}

static void
test_hooks__a_slow_program_is_killed_with_its_children(void **state)
{
	int64_t began = h5_clock_mono_ms();
	char said[H5_EXEC_SAID + 1], *out;
	struct h5_err e;
	pid_t pid;
	int tries;

	assert_int_equal(
	    run(*state,
		"#!/bin/sh\ntrap '' TERM\nsleep 60 & echo $! >%s\nwait\n", 0,
		400, said, &e),
	    H5_E_NET);
	assert_true(h5_clock_mono_ms() - began < 40000);
	assert_non_null(strstr(e.msg, "killed"));
	out = out_of(*state);
	pid = (pid_t)strtol(out, NULL, 10);
	free(out);
	assert_true(pid > 1);
	/* It is dead, or dying under init. */
	for (tries = 0; kill(pid, 0) == 0 && tries < 200; tries++) {
		char path[64], *stat;
		size_t n;

		(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
		if (access(path, R_OK) != 0)
			break;
		stat = fixture(path, &n);
		if (strstr(stat, ") Z ") != NULL)
			tries = 1000;
		free(stat);
		h5_clock_pause_ms(10);
	}
	assert_true(tries != 200);
}

/* --- webhooks --- */

static void
test_hooks__standard_webhooks_vector(void **state)
{
	static const char body[] = "{\"test\": 2432232314}";
	struct h5_crypto_key *key;
	struct h5_buf secret, out;
	struct h5_err e;

	(void)state;
	h5_buf_init(&secret, 64);
	h5_buf_init(&out, 256);
	assert_int_equal(h5_base64_read(SECRET, &secret, &e), H5_OK);
	assert_int_equal(
	    h5_crypto_key_new(secret.data, secret.len, &key, &e), H5_OK);
	assert_int_equal(h5_webhook_sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek",
			     1614265330, body, strlen(body), &out, &e),
	    H5_OK);
	assert_string_equal(
	    out.data, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	h5_crypto_key_free(key);
	h5_buf_release(&secret);
	h5_buf_release(&out);
}

/* The value of a header of a request, in out. */
static const char *
header(const char *request, const char *name, char out[256])
{
	const char *at = strstr(request, name);

	assert_non_null(at);
	at += strlen(name);
	(void)snprintf(out, 256, "%.*s", (int)strcspn(at, "\r\n"), at);
	return out;
}

static void
test_hooks__a_webhook_is_signed_json(void **state)
{
	struct shop *s = *state;
	char id[256], at[256], sign[256];
	const char *request, *body;
	struct h5_buf want;
	struct h5_err e;

	with_webhook(s);
	s->server.replies[0] = "HTTP/1.1 204 No Content\r\n\r\n";
	paid_order(s, "order-1", false);
	assert_int_equal(deliver(s, "order-1", false), H5_OK);
	assert_int_equal(s->server.n, 1);
	request = s->server.seen[0];
	assert_int_equal(
	    strncmp(request, "POST /hook?a=1 HTTP/1.1\r\n", 25), 0);
	(void)header(request, "webhook-id: ", id);
	(void)header(request, "webhook-timestamp: ", at);
	(void)header(request, "webhook-signature: ", sign);
	assert_non_null(strstr(request, "Content-Type: application/json\r\n"));
	assert_int_equal(strncmp(id, "evt_order-1_", 12), 0);
	assert_true(labs(strtol(at, NULL, 10) - (long)h5_clock_now()) < 30);
	body = strstr(request, "\r\n\r\n") + 4;
	assert_non_null(strstr(body, "\"type\":\"order.paid\""));
	assert_non_null(strstr(body, id));
	h5_buf_init(&want, 256);
	assert_int_equal(
	    h5_webhook_sign(s->c.hooks.webhook_secret, id, strtol(at, NULL, 10),
		body, strlen(body), &want, &e),
	    H5_OK);
	assert_string_equal(want.data, sign);
	h5_buf_release(&want);
}

static void
test_hooks__only_2xx_takes_a_webhook(void **state)
{
	static const struct {
		const char *reply;
		enum h5_code rc;
	} rows[] = {
	    {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", H5_E_NET},
	    {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
		H5_E_NET},
	    {"HTTP/1.1 400 Bad\r\n\r\n", H5_E_NET},
	    {"HTTP/1.1 199 Odd\r\n\r\n", H5_E_NET},
	    {"", H5_E_NET},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", H5_E_NET},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\nx", H5_OK},
	};
	struct shop *s = *state;
	struct h5_err e;
	size_t i;

	with_webhook(s);
	for (i = 0; i < COUNT(rows); i++)
		s->server.replies[i] = rows[i].reply;
	for (i = 0; i < COUNT(rows); i++)
		ROW(rows[i].reply, h5_webhook_send(&s->c, "evt_1", "{\"a\":{}}",
				       8, &e) == rows[i].rc);
	assert_int_equal(s->server.n, COUNT(rows));
}

/* --- delivering --- */

#define NOTE                                                                   \
	"#!/bin/sh\necho \"$H5PAY_EVENT $H5PAY_EVENT_ID $H5PAY_ORDER "         \
	"$H5PAY_TOTAL_FEE $H5PAY_TRANSACTION_ID\" >>%s\n"

static void
test_hooks__delivers_in_order_and_once(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	char *out, want[512];

	with_exec(s, NOTE);
	paid_order(s, "order-1", true);
	o = load(s, "order-1");
	assert_int_equal(o->n_outgoing, 2);
	(void)snprintf(want, sizeof want,
	    "order.paid %s order-1 12800 4200000522202004140990926670\n"
	    "order.alert %s order-1 12800 4200000522202004140990926670\n",
	    o->outgoing[0].id, o->outgoing[1].id);
	assert_ptr_equal(h5_hooks_due(&s->c, o, h5_clock_now()), o->outgoing);
	h5_order_free(o);
	assert_int_equal(deliver(s, "order-1", false), H5_OK);
	assert_int_equal(deliver(s, "order-1", false), H5_OK);
	assert_int_equal(deliver(s, "order-1", true), H5_OK);
	out = out_of(s);
	assert_string_equal(out, want);
	free(out);
	o = load(s, "order-1");
	assert_null(h5_hooks_due(&s->c, o, INT64_MAX));
	assert_int_equal(o->outgoing[0].done, H5_HOOK_EXEC);
	assert_int_equal(o->outgoing[1].done, H5_HOOK_EXEC);
	h5_order_free(o);
}

static void
test_hooks__a_failure_waits_longer_each_time_and_blocks_what_follows(
    void **state)
{
	static const int64_t waits[] = {
	    5, 30, 300, 1800, 7200, 18000, 36000, 36000, 36000};
	struct shop *s = *state;
	struct h5_order *o;
	char first[40] = "";
	int64_t wait;
	size_t i;
	char *out;

	with_exec(s, NOTE "exit 1\n");
	paid_order(s, "order-1", true);
	for (i = 0; i < COUNT(waits); i++) {
		assert_int_equal(deliver(s, "order-1", i > 0), H5_E_NET);
		o = load(s, "order-1");
		assert_int_equal(o->outgoing[0].failures, i + 1);
		wait = o->outgoing[0].retry_at - h5_clock_now();
		assert_true(wait <= waits[i] && wait >= waits[i] - 2);
		assert_null(h5_hooks_due(&s->c, o, h5_clock_now()));
		assert_non_null(
		    h5_hooks_due(&s->c, o, o->outgoing[0].retry_at));
		assert_int_equal(o->outgoing[1].failures, 0);
		if (i == 0)
			memcpy(first, o->outgoing[0].id, sizeof first);
		assert_string_equal(o->outgoing[0].id, first);
		h5_order_free(o);
	}
	/* Not due: nothing is run. */
	assert_int_equal(deliver(s, "order-1", false), H5_OK);
	out = out_of(s);
	assert_null(strstr(out, "order.alert"));
	for (i = 0, wait = 0; out[i] != '\0'; i++)
		wait += out[i] == '\n';
	assert_int_equal(wait, COUNT(waits));
	free(out);
	with_exec(s, NOTE);
	assert_int_equal(deliver(s, "order-1", true), H5_OK);
	o = load(s, "order-1");
	assert_null(h5_hooks_due(&s->c, o, INT64_MAX));
	h5_order_free(o);
}

/* One takes it, the other does not: only the other hears it again. */
static void
test_hooks__each_receiver_is_told_apart(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	char *out;

	with_exec(s, NOTE);
	with_webhook(s);
	s->server.replies[0] = "HTTP/1.1 503 Busy\r\n\r\n";
	s->server.replies[1] = "HTTP/1.1 200 OK\r\n\r\n";
	paid_order(s, "order-1", false);
	assert_int_equal(deliver(s, "order-1", false), H5_E_NET);
	o = load(s, "order-1");
	assert_int_equal(o->outgoing[0].done, H5_HOOK_EXEC);
	assert_int_equal(o->outgoing[0].failures, 1);
	h5_order_free(o);
	assert_int_equal(deliver(s, "order-1", true), H5_OK);
	assert_int_equal(s->server.n, 2);
	out = out_of(s);
	assert_ptr_equal(strchr(out, '\n') + 1, out + strlen(out));
	free(out);
}

static void
test_hooks__one_process_at_a_time(void **state)
{
	struct shop *s = *state;
	struct h5_store_hold *pay = NULL, *other = NULL;
	struct h5_order *o;
	struct h5_err e;

	with_exec(s, NOTE);
	paid_order(s, "order-1", false);
	/* A buyer at the cashier does not matter. */
	assert_int_equal(
	    h5_store_hold(s->st, "order-1", 0, 1000, &pay, &e), H5_OK);
	assert_int_equal(
	    h5_store_hold(s->st, "order-1_0", 0, 1000, &other, &e), H5_OK);
	assert_int_equal(deliver(s, "order-1", false), H5_E_BUSY);
	h5_store_release(other);
	/* What that one did not record is due at once. */
	o = load(s, "order-1");
	assert_non_null(h5_hooks_due(&s->c, o, h5_clock_now()));
	h5_order_free(o);
	assert_int_equal(deliver(s, "order-1", false), H5_OK);
	h5_store_release(pay);
}

static void
test_hooks__nothing_configured_nothing_due(void **state)
{
	struct shop *s = *state;
	struct h5_order *o;
	struct h5_err e;

	paid_order(s, "order-1", true);
	o = load(s, "order-1");
	assert_null(h5_hooks_due(&s->c, o, INT64_MAX));
	h5_order_free(o);
	assert_int_equal(deliver(s, "order-1", true), H5_OK);
	assert_int_equal(rehearse(s, &e), H5_E_CONFIG);
	with_exec(s, NOTE);
	assert_int_equal(deliver(s, "no-such-order", false), H5_E_NOTFOUND);
	assert_int_equal(deliver(s, "../x", false), H5_E_NOTFOUND);
}

static void
test_hooks__a_rehearsal_reaches_both(void **state)
{
	struct shop *s = *state;
	struct h5_err e;
	char *out;

	with_exec(s, NOTE "cat >>%s\n");
	with_webhook(s);
	s->server.replies[0] = "HTTP/1.1 200 OK\r\n\r\n";
	s->server.replies[1] = "HTTP/1.1 500 Oops\r\n\r\n";
	assert_int_equal(rehearse(s, &e), H5_OK);
	out = out_of(s);
	assert_int_equal(strncmp(out, "order.paid evt_test_", 20), 0);
	assert_non_null(strstr(out, "{\"id\":\"evt_test_"));
	assert_non_null(strstr(out, "\"time_end\":\"2"));
	free(out);
	assert_non_null(strstr(s->server.seen[0], "webhook-id: evt_test_"));
	assert_int_equal(rehearse(s, &e), H5_E_NET);
	assert_non_null(strstr(e.msg, "webhook: HTTP status 500"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_hooks__a_program_gets_only_what_it_should),
	    TEST(test_hooks__exit_status_decides),
	    TEST(test_hooks__a_program_need_not_read_and_may_talk),
	    TEST(test_hooks__a_slow_program_is_killed_with_its_children),
	    TEST(test_hooks__standard_webhooks_vector),
	    TEST(test_hooks__a_webhook_is_signed_json),
	    TEST(test_hooks__only_2xx_takes_a_webhook),
	    TEST(test_hooks__delivers_in_order_and_once),
	    TEST(
		test_hooks__a_failure_waits_longer_each_time_and_blocks_what_follows),
	    TEST(test_hooks__each_receiver_is_told_apart),
	    TEST(test_hooks__one_process_at_a_time),
	    TEST(test_hooks__nothing_configured_nothing_due),
	    TEST(test_hooks__a_rehearsal_reaches_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
