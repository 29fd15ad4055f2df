/* main.c - options, start, stop. */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "tests/gateway/gateway.h"

enum {
	CONNECTIONS_MAX = 4096,
	IDLE_MS = 120000,
	STACK = 512 * 1024,
	STOP_MS = 6000,
};

/* ---- waiting --------------------------------------------------------- */

bool
gw_wait(struct gw *gw, pthread_cond_t *cond, int64_t at_ms)
{
	struct timespec t = {.tv_sec = (time_t)(at_ms / 1000),
	    .tv_nsec = (long)(at_ms % 1000) * 1000000};

	if (gw_monotonic_ms() >= at_ms)
		return false;
	pthread_cond_timedwait(cond, &gw->lock, &t);
	return true;
}

void
gw_pause(struct gw *gw, int64_t ms)
{
	/* The clock is cut to whole ms: one more, or it may be too short. */
	int64_t end = gw_monotonic_ms() + ms + 1;

	pthread_mutex_lock(&gw->lock);
	while (!gw->stopping && gw_wait(gw, &gw->stopped, end))
		continue;
	pthread_mutex_unlock(&gw->lock);
}

bool
gw_thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ok = pthread_create(&thread, &attr, run, arg) == 0;
	pthread_attr_destroy(&attr);
	return ok;
}

/* ---- routes ---------------------------------------------------------- */

static void
only(struct gw_response *res, const char *allow)
{
	gw_response_text(res, 405, "text/plain", "method not allowed\n");
	gw_list_set(&res->headers, "Allow", allow);
}

void
gw_route(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	bool post = strcmp(req->method, "POST") == 0;
	bool get =
	    strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;

	if (strcmp(req->path, "/pay/unifiedorder") == 0)
		gw_api_handle(gw, GW_UNIFIEDORDER, req, res);
	else if (strcmp(req->path, "/pay/orderquery") == 0)
		gw_api_handle(gw, GW_ORDERQUERY, req, res);
	else if (strcmp(req->path, "/pay/closeorder") == 0)
		gw_api_handle(gw, GW_CLOSEORDER, req, res);
	else if (strcmp(req->path, "/pay/downloadbill") == 0)
		gw_api_handle(gw, GW_DOWNLOADBILL, req, res);
	else if (strcmp(req->path, "/secapi/pay/refund") == 0)
		gw_api_handle(gw, GW_REFUND_CALL, req, res);
	else if (strcmp(req->path, "/pay/refundquery") == 0)
		gw_api_handle(gw, GW_REFUNDQUERY, req, res);
	else if (strcmp(req->path, "/cgi-bin/mmpayweb-bin/checkmweb") == 0)
		get ? gw_cashier_open(gw, req, res) : only(res, "GET, HEAD");
	else if (strcmp(req->path, "/cgi-bin/mmpayweb-bin/act") == 0)
		post ? gw_cashier_act(gw, req, res) : only(res, "POST");
	else if (strcmp(req->path, "/scan") == 0)
		get ? gw_phone_scan(gw, req, res) : only(res, "GET, HEAD");
	else if (strcmp(req->path, "/connect/oauth2/authorize") == 0)
		get ? gw_oauth_authorize(gw, req, res) : only(res, "GET, HEAD");
	else if (strcmp(req->path, "/sns/oauth2/access_token") == 0)
		gw_oauth_access_token(gw, req, res);
	else if (strcmp(req->path, "/bridge") == 0)
		post ? gw_bridge_handle(gw, req, res) : only(res, "POST");
	else if (gw_starts(req->path, "/v3/"))
		gw_v3_handle(gw, req, res);
	else if (gw_starts(req->path, "/_control/"))
		gw_control_handle(gw, req, res);
	else if (strcmp(req->path, "/") == 0)
		get ? gw_front_handle(gw, req, res) : only(res, "GET, HEAD");
	else
		gw_response_text(res, 404, "text/plain", "not found\n");
}

/* ---- connections ----------------------------------------------------- */

static void
forget(struct gw *gw, struct gw_conn *c)
{
	struct gw_conn **at = &gw->conns;

	pthread_mutex_lock(&gw->lock);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	gw->conn_count--;
	pthread_cond_broadcast(&gw->stopped);
	pthread_mutex_unlock(&gw->lock);
}

/* Before the first byte.  False: it is over. */
static bool
admit(struct gw *gw, struct gw_conn *c)
{
	struct gw_plan plan = {0};
	const struct gw_fault *f;
	bool ok = true;

	if (c->side)
		return true;
	pthread_mutex_lock(&gw->lock);
	gw->connections++;
	plan = gw_fault_plan(gw, GW_CONNECT, "");
	pthread_mutex_unlock(&gw->lock);
	f = gw_plan_find(&plan, GW_CONNECT_HANG);
	if (f != NULL) {
		gw_pause(gw, f->num);
		ok = false;
	}
	if (gw_plan_find(&plan, GW_CONNECT_PLAIN) != NULL) {
		gw_conn_write(c, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		ok = false;
	}
	if (gw_plan_find(&plan, GW_CONNECT_RESET) != NULL) {
		gw_conn_close(c, true);
		ok = false;
	}
	gw_plan_free(&plan);
	if (!ok || gw->tls == NULL)
		return ok;
	ok = gw_conn_secure(c, gw->tls, true);
	pthread_mutex_lock(&gw->lock);
	if (ok)
		gw->handshakes++;
	else
		gw->failed_handshakes++;
	pthread_mutex_unlock(&gw->lock);
	return ok;
}

/* One request.  False: the connection is over. */
static bool
exchange(struct gw *gw, struct gw_conn *c)
{
	struct gw_request req = {0};
	struct gw_response res = {0};
	bool more = false;
	int got;

	c->deadline_ms = gw_monotonic_ms() + IDLE_MS;
	got = gw_http_read(c, &req, &res);
	if (got != 0) {
		pthread_mutex_lock(&gw->lock);
		gw->requests++;
		pthread_mutex_unlock(&gw->lock);
	}
	if (got > 0)
		gw_route(gw, &req, &res);
	if (got != 0)
		more = gw_http_write(gw, c, &req, &res) && got > 0;
	gw_request_free(&req);
	gw_response_free(&res);
	return more && !gw->stopping;
}

static void *
converse(void *arg)
{
	struct gw_conn *c = arg;
	struct gw *gw = c->gw;

	c->deadline_ms = gw_monotonic_ms() + 15000;
	if (admit(gw, c)) {
		while (exchange(gw, c))
			continue;
	}
	/* Off the list first: a stop touches only sockets that are open. */
	forget(gw, c);
	gw_conn_close(c, false);
	free(c);
	return NULL;
}

struct door {
	struct gw *gw;
	int fd;
	bool side;
};

static void
greet(struct door *d, int fd, const struct sockaddr *from, socklen_t n)
{
	struct gw *gw = d->gw;
	struct gw_conn *c = gw_alloc(sizeof(*c));
	int one = 1;
	bool full;

	c->gw = gw;
	c->fd = fd;
	c->side = d->side;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (getnameinfo(from, n, c->peer, sizeof(c->peer), NULL, 0,
		NI_NUMERICHOST) != 0)
		gw_copy(c->peer, sizeof(c->peer), "?");
	pthread_mutex_lock(&gw->lock);
	full = gw->stopping || gw->conn_count >= CONNECTIONS_MAX;
	if (!full) {
		c->number = ++gw->last_conn;
		c->next = gw->conns;
		gw->conns = c;
		gw->conn_count++;
	}
	pthread_mutex_unlock(&gw->lock);
	if (!full && gw_thread(converse, c))
		return;
	if (!full)
		forget(gw, c);
	gw_conn_close(c, true);
	free(c);
}

static void *
keep_door(void *arg)
{
	struct door *d = arg;

	while (!d->gw->stopping) {
		struct sockaddr_storage from = {0};
		socklen_t n = sizeof(from);
		int fd = accept4(d->fd, (struct sockaddr *)&from, &n,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			greet(d, fd, (struct sockaddr *)&from, n);
		else if (errno == EMFILE || errno == ENFILE)
			gw_pause(d->gw, 50);
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	return NULL;
}

/* ---- options --------------------------------------------------------- */

static const char usage[] =
    "usage: gateway --appid ID --mch-id ID {--api-key KEY|--api-key-file F}\n"
    "  --listen HOST:PORT          default 127.0.0.1:0 (0: any port)\n"
    "  --side-listen HOST:PORT     a second, plain door for control\n"
    "  --port-file F               the ports, one a line, once it listens\n"
    "  --public-url URL            how browsers reach it\n"
    "  --allowed-domains HOST[,..] H5 payment domains of the merchant\n"
    "  --app-secret TEXT           of the service account, for JSAPI\n"
    "  --tls-cert F --tls-key F    TLS on --listen\n"
    "  --client-ca F               who signs merchants' certificates\n"
    "  --plain-refund              refunds without a certificate\n"
    "APIv3, if the next four are given:\n"
    "  --merchant-cert F           apiclient_cert.pem of the merchant\n"
    "  --platform-cert F           WeChat's platform certificate\n"
    "  --platform-key F            its private key\n"
    "  --apiv3-key KEY             32 bytes; --apiv3-key-file F: a file of it\n"
    "  --wechat-key F              private half of the WeChat Pay public key\n"
    "  --public-key-id ID          its PUB_KEY_ID_..., then notices are "
    "signed\n"
    "                              by it and there is no certificate to fetch\n"
    "  --certificates              ... but there is one\n"
    "  --real-wire-clock           a clock that is moved signs nothing\n"
    "A service provider:\n"
    "  --sub-mch-ids ID[,..]       its sub-merchants; --sub-appids ID[,..]\n"
    "  --latency-ms N              added to each API call\n"
    "  --speed N                   notices are retried N times faster\n"
    "  --keep N                    entries of each log, default 10000\n";

static bool
read_key_file(char *key, size_t size, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL) {
		fprintf(stderr, "gateway: %s: %s\n", path, strerror(errno));
		return false;
	}
	n = fread(key, 1, size - 1, f);
	fclose(f);
	key[n] = '\0';
	key[strcspn(key, "\r\n")] = '\0';
	return true;
}

static bool
read_number(const char *text, int64_t least, int64_t max, int64_t *out)
{
	if (gw_number(text, max, out) && *out >= least)
		return true;
	fprintf(stderr, "gateway: %s is not a usable number\n", text);
	return false;
}

enum {
	LISTEN = 1000,
	SIDE_LISTEN,
	PORT_FILE,
	APPID,
	MCH_ID,
	API_KEY,
	API_KEY_FILE,
	APP_SECRET,
	ALLOWED_DOMAINS,
	PUBLIC_URL,
	LATENCY_MS,
	SPEED,
	TLS_CERT,
	TLS_KEY,
	CLIENT_CA,
	PLAIN_REFUND,
	MERCHANT_CERT,
	PLATFORM_CERT,
	PLATFORM_KEY,
	WECHAT_KEY,
	PUBLIC_KEY_ID,
	APIV3_KEY,
	APIV3_KEY_FILE,
	CERTIFICATES,
	REAL_WIRE_CLOCK,
	SUB_MCH_IDS,
	SUB_APPIDS,
	KEEP,
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"side-listen", required_argument, NULL, SIDE_LISTEN},
    {"port-file", required_argument, NULL, PORT_FILE},
    {"appid", required_argument, NULL, APPID},
    {"mch-id", required_argument, NULL, MCH_ID},
    {"api-key", required_argument, NULL, API_KEY},
    {"api-key-file", required_argument, NULL, API_KEY_FILE},
    {"app-secret", required_argument, NULL, APP_SECRET},
    {"allowed-domains", required_argument, NULL, ALLOWED_DOMAINS},
    {"public-url", required_argument, NULL, PUBLIC_URL},
    {"latency-ms", required_argument, NULL, LATENCY_MS},
    {"speed", required_argument, NULL, SPEED},
    {"tls-cert", required_argument, NULL, TLS_CERT},
    {"tls-key", required_argument, NULL, TLS_KEY},
    {"client-ca", required_argument, NULL, CLIENT_CA},
    {"plain-refund", no_argument, NULL, PLAIN_REFUND},
    {"merchant-cert", required_argument, NULL, MERCHANT_CERT},
    {"platform-cert", required_argument, NULL, PLATFORM_CERT},
    {"platform-key", required_argument, NULL, PLATFORM_KEY},
    {"wechat-key", required_argument, NULL, WECHAT_KEY},
    {"public-key-id", required_argument, NULL, PUBLIC_KEY_ID},
    {"apiv3-key", required_argument, NULL, APIV3_KEY},
    {"apiv3-key-file", required_argument, NULL, APIV3_KEY_FILE},
    {"certificates", no_argument, NULL, CERTIFICATES},
    {"real-wire-clock", no_argument, NULL, REAL_WIRE_CLOCK},
    {"sub-mch-ids", required_argument, NULL, SUB_MCH_IDS},
    {"sub-appids", required_argument, NULL, SUB_APPIDS},
    {"keep", required_argument, NULL, KEEP},
    {NULL, 0, NULL, 0},
};

/* Those of APIv3 and of service providers. */
static bool
read_v3_option(struct gw *gw, int which, const char *value)
{
	struct gw_setup *s = &gw->setup;

	switch (which) {
	case MERCHANT_CERT:
		s->merchant_cert = value;
		return true;
	case PLATFORM_CERT:
		s->platform_cert = value;
		return true;
	case PLATFORM_KEY:
		s->platform_key = value;
		return true;
	case WECHAT_KEY:
		s->wechat_key = value;
		return true;
	case PUBLIC_KEY_ID:
		gw_copy(s->public_key_id, sizeof(s->public_key_id), value);
		return true;
	case APIV3_KEY:
		gw_copy(s->apiv3_key, sizeof(s->apiv3_key), value);
		return true;
	case APIV3_KEY_FILE:
		return read_key_file(s->apiv3_key, sizeof(s->apiv3_key), value);
	case CERTIFICATES:
		gw->start.certificates = 1;
		return true;
	case REAL_WIRE_CLOCK:
		gw->start.real_wire_clock = 1;
		return true;
	case SUB_MCH_IDS:
		gw_copy(s->sub_mch_ids, sizeof(s->sub_mch_ids), value);
		return true;
	case SUB_APPIDS:
		gw_copy(s->sub_appids, sizeof(s->sub_appids), value);
		return true;
	default:
		return false;
	}
}

static bool
read_option(struct gw *gw, int which, const char *value)
{
	struct gw_setup *s = &gw->setup;
	int64_t n = 0;

	switch (which) {
	case LISTEN:
		s->listen = value;
		return true;
	case SIDE_LISTEN:
		s->side_listen = value;
		return true;
	case PORT_FILE:
		s->port_file = value;
		return true;
	case APPID:
		s->appid = value;
		return true;
	case MCH_ID:
		s->mch_id = value;
		return true;
	case API_KEY:
		gw_copy(s->key, sizeof(s->key), value);
		return true;
	case API_KEY_FILE:
		return read_key_file(s->key, sizeof(s->key), value);
	case APP_SECRET:
		gw_copy(s->app_secret, sizeof(s->app_secret), value);
		return true;
	case ALLOWED_DOMAINS:
		gw_copy(gw->start.allowed_domains,
		    sizeof(gw->start.allowed_domains), value);
		return true;
	case PUBLIC_URL:
		gw_copy(s->public_url, sizeof(s->public_url), value);
		return true;
	case LATENCY_MS:
		return read_number(value, 0, 600000, &gw->start.latency_ms);
	case SPEED:
		return read_number(value, 1, 1000000, &gw->start.speed);
	case TLS_CERT:
		s->tls_cert = value;
		return true;
	case TLS_KEY:
		s->tls_key = value;
		return true;
	case CLIENT_CA:
		s->client_ca = value;
		return true;
	case PLAIN_REFUND:
		gw->start.plain_refund = 1;
		return true;
	case KEEP:
		if (!read_number(value, 1, 10000000, &n))
			return false;
		s->kept = (unsigned)n;
		return true;
	default:
		return read_v3_option(gw, which, value);
	}
}

/* All of APIv3's four, or none; the public key's two likewise. */
static bool
v3_is_whole(const struct gw_setup *s)
{
	bool on = s->merchant_cert != NULL;

	return on == (s->platform_cert != NULL) &&
	       on == (s->platform_key != NULL) &&
	       (s->wechat_key != NULL) == (s->public_key_id[0] != '\0') &&
	       (s->apiv3_key[0] == '\0' || (on && strlen(s->apiv3_key) == 32));
}

static bool
read_options(struct gw *gw, int argc, char **argv)
{
	struct gw_setup *s = &gw->setup;
	int which;

	*s = (struct gw_setup){.listen = "127.0.0.1:0", .kept = 10000};
	gw->start =
	    (struct gw_options){.allowed_domains = "127.0.0.1,localhost",
		.account = "A",
		.products = "MWEB NATIVE JSAPI",
		.oauth_domains = "127.0.0.1,localhost",
		.refund_result = "SUCCESS",
		.refund_s = 10,
		.refund_gap_s = 60,
		.balance = 100000000,
		.strict_expire = 1,
		.notice_timeout_ms = 5000,
		.pay_later_s = 8,
		.notice_public_percent = 101,
		.speed = 1};
	while (
	    (which = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (!read_option(gw, which, optarg))
			return false;
	}
	if (optind != argc || s->appid == NULL || s->mch_id == NULL ||
	    s->key[0] == '\0' || (s->tls_cert == NULL) != (s->tls_key == NULL))
		return false;
	if (s->public_key_id[0] == '\0')
		gw->start.certificates = 1;
	gw->opt = gw->start;
	return v3_is_whole(s);
}

/* ---- start and stop -------------------------------------------------- */

static void
init(struct gw *gw)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&gw->lock, NULL);
	pthread_cond_init(&gw->changed, &attr);
	pthread_cond_init(&gw->timing, &attr);
	pthread_cond_init(&gw->stopped, &attr);
	pthread_condattr_destroy(&attr);
	gw->calls = gw_alloc(gw->setup.kept * sizeof(struct gw_call *));
	gw->sent = gw_alloc(gw->setup.kept * sizeof(struct gw_sent *));
}

static bool
write_port_file(const struct gw *gw, unsigned port, unsigned side_port)
{
	FILE *f;

	if (gw->setup.port_file == NULL)
		return true;
	f = fopen(gw->setup.port_file, "w");
	if (f == NULL) {
		perror(gw->setup.port_file);
		return false;
	}
	fprintf(f, "%u\n", port);
	if (side_port != 0)
		fprintf(f, "%u\n", side_port);
	return fclose(f) == 0;
}

static void
set_public_url(struct gw *gw, unsigned port)
{
	const char *address = gw->setup.listen;
	int host = (int)(strrchr(address, ':') - address);

	if (gw->setup.public_url[0] == '\0')
		snprintf(gw->setup.public_url, sizeof(gw->setup.public_url),
		    "%s://%.*s:%u", gw->tls != NULL ? "https" : "http", host,
		    address, port);
}

/* Wakes and waits for everybody. */
static void
stop(struct gw *gw)
{
	int64_t end = gw_monotonic_ms() + STOP_MS;

	pthread_mutex_lock(&gw->lock);
	gw->stopping = true;
	for (struct gw_conn *c = gw->conns; c != NULL; c = c->next)
		shutdown(c->fd, SHUT_RDWR);
	pthread_cond_broadcast(&gw->changed);
	pthread_cond_broadcast(&gw->timing);
	pthread_cond_broadcast(&gw->stopped);
	while (gw->conn_count > 0 && gw_wait(gw, &gw->stopped, end))
		continue;
	while (gw->flying > 0 && gw_wait(gw, &gw->changed, end))
		continue;
	pthread_mutex_unlock(&gw->lock);
}

static void
clear(struct gw *gw)
{
	static const struct gw_list all;

	gw_order_clear(gw);
	gw_refund_clear(gw);
	gw_v3_clear(gw);
	gw_v3_keys_free(gw->keys);
	gw_fault_clear(gw, &all);
	gw_call_clear(gw);
	gw_notice_drop(gw);
	gw_sent_clear(gw);
	gw_tls_free(gw->tls);
	gw_tls_free(gw->tls_out);
	free(gw->calls);
	free(gw->sent);
}

static int
run(struct gw *gw)
{
	struct door doors[2] = {{gw, -1, false}, {gw, -1, true}};
	pthread_t threads[3];
	unsigned ports[2] = {0, 0};
	sigset_t set;
	int signal_number = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (gw->setup.tls_cert != NULL) {
		gw->tls = gw_tls_server(
		    gw->setup.tls_cert, gw->setup.tls_key, gw->setup.client_ca);
		if (gw->tls == NULL)
			return 1;
	}
	if (gw->setup.merchant_cert != NULL) {
		gw->keys = gw_v3_keys_load(&gw->setup);
		if (gw->keys == NULL)
			return 1;
	}
	gw->tls_out = gw_tls_client();
	doors[0].fd = gw_listen(gw->setup.listen, &ports[0]);
	if (doors[0].fd < 0)
		return 1;
	if (gw->setup.side_listen != NULL) {
		doors[1].fd = gw_listen(gw->setup.side_listen, &ports[1]);
		if (doors[1].fd < 0)
			return 1;
	}
	set_public_url(gw, ports[0]);
	if (!write_port_file(gw, ports[0], ports[1]))
		return 1;
	for (int i = 0; i < 2; i++) {
		if (doors[i].fd >= 0 && pthread_create(&threads[i], NULL,
					    keep_door, &doors[i]) != 0)
			return 1;
	}
	if (pthread_create(&threads[2], NULL, gw_notice_clockwork, gw) != 0)
		return 1;
	printf("gateway listening on %s\n", gw->setup.public_url);
	if (ports[1] != 0)
		printf("gateway control on port %u\n", ports[1]);
	fflush(stdout);
	while (sigwait(&set, &signal_number) != 0)
		continue;
	gw->stopping = true;
	for (int i = 0; i < 2; i++) {
		if (doors[i].fd < 0)
			continue;
		shutdown(doors[i].fd, SHUT_RDWR);
		pthread_join(threads[i], NULL);
		close(doors[i].fd);
	}
	stop(gw);
	pthread_join(threads[2], NULL);
	return 0;
}

int
main(int argc, char **argv)
{
	struct gw gw = {0};
	int rc;

	if (!read_options(&gw, argc, argv)) {
		fputs(usage, stderr);
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	init(&gw);
	rc = run(&gw);
	clear(&gw);
	return rc;
}
