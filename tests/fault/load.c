/* load - buyers and WeChat at once, by FastCGI over the programs' own sockets.
 *
 *   load SOCKETS WIDTH WAVES NOTICES CLICKS WRONG-KEYS WRONG-AMOUNTS SEED
 *
 * A line in, its parts divided by tabs: an order's id, the query of its pay
 * link, its notice, the same signed with a wrong key, the same with a wrong
 * amount.  The order is created as a buyer does it, then WAVES times WIDTH
 * requests come at once: all are sent but for the last record, then all of
 * those.  Which ones is drawn with the four weights.
 *
 * Every answer is looked at, byte by byte.  A line out for each order:
 * "order ID ACKNOWLEDGED"; at the end the counts, "count N WHAT".  A count
 * whose name begins with '!' must not be there. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define WIDTH_MAX 256
#define TRIES 50 /* of a buyer whose answer was lost */
#define PATIENCE_S 30
#define REQUEST_BYTES 8192
#define ANSWER_BYTES 65536
#define RECORD_END 8 /* bytes of the empty record that ends a request */

#define SUCCESS                                                                \
	"<xml><return_code><![CDATA[SUCCESS]]></return_code>"                  \
	"<return_msg><![CDATA[OK]]></return_msg></xml>"
#define FAIL_HEAD                                                              \
	"<xml><return_code><![CDATA[FAIL]]></"                                 \
	"return_code><return_msg><![CDATA["
#define FAIL_TAIL "]]></return_msg></xml>"
#define PHONE                                                                  \
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 "         \
	"(KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"

enum kind { NOTICE, CLICK, WRONG_KEY, WRONG_AMOUNT, KINDS };

enum count {
	ORDERS,
	NOT_CREATED,
	NOTICES,
	REPEATED,
	FORGED,
	AMOUNTS,
	CLICKS,
	LOST,
	REFUSED,
	UNANSWERED,
	FORGED_TAKEN,
	GARBLED,
	COUNTS
};

static const char *const count_names[COUNTS] = {
    "orders",
    "orders not created",
    "notices",
    "notices of a paid order",
    "notices with a wrong key",
    "notices with a wrong amount",
    "clicks",
    "replies lost",
    "good notices answered FAIL",
    "clicks answered with an error page",
    "!forged notices taken",
    "!answers that are none",
};

struct load {
	const char *sockets;
	unsigned width;
	unsigned waves;
	unsigned weight[KINDS];
	uint64_t random;
	unsigned long counts[COUNTS];
};

/* What one line of input holds. */
struct buyer {
	char *id;
	char *link;
	char *body[KINDS];
	char click[256];
};

struct request {
	char data[REQUEST_BYTES];
	size_t n;
};

struct answer {
	char data[ANSWER_BYTES]; /* what came on standard output, and NUL */
	size_t n;
	bool whole;
};

/* --- FastCGI ---------------------------------------------------------------
 */

static void
put(struct request *r, const void *p, size_t n)
{
	if (n > sizeof r->data - r->n) {
		(void)fprintf(stderr, "load: a request is too long\n");
		exit(2);
	}
	memcpy(r->data + r->n, p, n);
	r->n += n;
}

static void
put_head(struct request *r, unsigned char kind, size_t n)
{
	unsigned char head[8] = {1, kind, 0, 1, (unsigned char)(n >> 8),
	    (unsigned char)(n & 255), 0, 0};

	put(r, head, sizeof head);
}

static void
put_size(struct request *r, size_t n)
{
	unsigned char big[4] = {(unsigned char)(128 | n >> 24),
	    (unsigned char)(n >> 16 & 255), (unsigned char)(n >> 8 & 255),
	    (unsigned char)(n & 255)};
	unsigned char small = (unsigned char)n;

	if (n < 128)
		put(r, &small, 1);
	else
		put(r, big, sizeof big);
}

static void
put_pair(struct request *r, const char *name, const char *value)
{
	put_size(r, strlen(name));
	put_size(r, strlen(value));
	put(r, name, strlen(name));
	put(r, value, strlen(value));
}

/* One request; body NULL: GET. */
static void
build(struct request *r, const char *program, const char *query,
    const char *body, const char *type, const char *accept)
{
	static const unsigned char begin[8] = {0, 1}; /* responder */
	char text[64];
	size_t head, n;

	r->n = 0;
	put_head(r, 1, sizeof begin);
	put(r, begin, sizeof begin);
	head = r->n;
	put_head(r, 4, 0);
	put_pair(r, "GATEWAY_INTERFACE", "CGI/1.1");
	put_pair(r, "SERVER_PROTOCOL", "HTTP/1.1");
	put_pair(r, "REQUEST_METHOD", body != NULL ? "POST" : "GET");
	(void)snprintf(text, sizeof text, "/cgi-bin/%s", program);
	put_pair(r, "SCRIPT_NAME", text);
	put_pair(r, "QUERY_STRING", query);
	put_pair(r, "REMOTE_ADDR", "127.0.0.1");
	put_pair(r, "HTTP_HOST", "127.0.0.1");
	put_pair(r, "HTTP_USER_AGENT", PHONE);
	put_pair(r, "HTTP_ACCEPT", accept);
	if (body != NULL) {
		(void)snprintf(text, sizeof text, "%zu", strlen(body));
		put_pair(r, "CONTENT_TYPE", type);
		put_pair(r, "CONTENT_LENGTH", text);
	}
	n = r->n - head - 8;
	r->data[head + 4] = (char)(n >> 8);
	r->data[head + 5] = (char)(n & 255);
	put_head(r, 4, 0);
	if (body != NULL) {
		put_head(r, 5, strlen(body));
		put(r, body, strlen(body));
	}
	put_head(r, 5, 0);
}

/* A connection, or -1. */
static int
open_to(const struct load *l, const char *program)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval patience = {PATIENCE_S, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(
	    to.sun_path, sizeof to.sun_path, "%s/%s.sock", l->sockets, program);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		(void)close(fd);
		return -1;
	}
	if (fd >= 0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

/* A worker that was killed meanwhile shows when the answer is read. */
static void
give(int fd, const char *p, size_t n)
{
	ssize_t done;

	while (fd >= 0 && n > 0) {
		done = send(fd, p, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

/* The next n bytes, or false. */
static bool
get(int fd, char *p, size_t n)
{
	ssize_t got;

	while (n > 0) {
		got = recv(fd, p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* Reads an answer to its last record, and closes. */
static void
take(int fd, struct answer *a)
{
	char head[8], rest[256 + 65536];
	size_t n, pad;

	a->n = 0;
	a->whole = false;
	while (fd >= 0 && !a->whole && get(fd, head, sizeof head)) {
		n = (size_t)(unsigned char)head[4] << 8 |
		    (size_t)(unsigned char)head[5];
		pad = (unsigned char)head[6];
		if (!get(fd, rest, n + pad))
			break;
		if (head[1] == 6 && n < sizeof a->data - a->n) {
			memcpy(a->data + a->n, rest, n);
			a->n += n;
		}
		a->whole = head[1] == 3;
	}
	a->data[a->n] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static void
ask(const struct load *l, const char *program, const struct request *r,
    struct answer *a)
{
	int fd = open_to(l, program);

	give(fd, r->data, r->n);
	take(fd, a);
}

/* --- an order --------------------------------------------------------------
 */

static bool
has_status(const struct answer *a, const char *code)
{
	return strncmp(a->data, "Status: ", 8) == 0 &&
	       strncmp(a->data + 8, code, 3) == 0;
}

/* The text between two marks behind p; NULL: not there. */
static char *
between(const char *p, const char *from, const char *to, char *out, size_t room)
{
	const char *s = p != NULL ? strstr(p, from) : NULL;
	const char *end;

	if (s == NULL)
		return NULL;
	s += strlen(from);
	end = strstr(s, to);
	if (end == NULL || (size_t)(end - s) >= room)
		return NULL;
	memcpy(out, s, (size_t)(end - s));
	out[end - s] = '\0';
	return out;
}

/* A value as a form sends it.  The terms of these orders need no HTML
 * escapes. */
static void
add_value(struct request *body, const char *name, const char *value)
{
	char text[4];

	if (body->n > 0)
		put(body, "&", 1);
	put(body, name, strlen(name));
	put(body, "=", 1);
	for (; *value != '\0'; value++) {
		(void)snprintf(text, sizeof text, "%%%02X",
		    (unsigned)(unsigned char)*value);
		put(body, text, 3);
	}
}

/* The hidden fields of the page's form, as a body. */
static bool
fill_form(const char *page, struct request *body)
{
	const char *p = strstr(page, "<form"), *end;
	char name[64], value[1024];

	while (p != NULL && (end = strchr(p, '>')) != NULL &&
	       memmem(p, (size_t)(end - p), "checkout", 8) == NULL)
		p = strstr(p + 1, "<form");
	end = p != NULL ? strstr(p, "</form>") : NULL;
	body->n = 0;
	while (end != NULL && (p = strstr(p, "<input")) != NULL && p < end) {
		p++;
		if (between(p, "name=\"", "\"", name, sizeof name) != NULL &&
		    between(p, "value=\"", "\"", value, sizeof value) != NULL)
			add_value(body, name, value);
	}
	put(body, "", 1);
	return body->n > 1;
}

/* Creates the order; its click is filled in.  A lost answer is asked for
 * again. */
static bool
create(struct load *l, struct buyer *b)
{
	static struct answer a;
	static struct request r, form;
	char token[64];
	int i;

	for (i = 0; i < TRIES; i++) {
		build(&r, "checkout", b->link, NULL, "", "text/html");
		ask(l, "checkout", &r, &a);
		if (a.whole && fill_form(a.data, &form)) {
			build(&r, "checkout", "", form.data,
			    "application/x-www-form-urlencoded", "text/html");
			ask(l, "checkout", &r, &a);
		}
		if (!a.whole)
			l->counts[LOST]++;
		else if (has_status(&a, "303") &&
			 between(a.data, "%26t%3D", "\r", token,
			     sizeof token) != NULL)
			break;
	}
	if (i == TRIES)
		return false;
	token[strcspn(token, "%&")] = '\0';
	(void)snprintf(
	    b->click, sizeof b->click, "order=%s&t=%s", b->id, token);
	return true;
}

/* --- waves ------------------------------------------------------------------
 */

static uint64_t
draw(struct load *l, uint64_t below)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random % below;
}

static enum kind
draw_kind(struct load *l)
{
	uint64_t sum = 0, at;
	int k;

	for (k = 0; k < KINDS; k++)
		sum += l->weight[k];
	at = draw(l, sum);
	for (k = 0; at >= l->weight[k]; k++)
		at -= l->weight[k];
	return (enum kind)k;
}

static bool
is_fail(const char *body)
{
	size_t n = strlen(body), head = sizeof FAIL_HEAD - 1;
	size_t tail = sizeof FAIL_TAIL - 1;

	return n > head + tail && strncmp(body, FAIL_HEAD, head) == 0 &&
	       strcmp(body + n - tail, FAIL_TAIL) == 0;
}

/* Does this answer to a notice acknowledge it? */
static bool
judge_notice(struct load *l, enum kind kind, const struct answer *a)
{
	const char *body = strstr(a->data, "\r\n\r\n");
	bool taken = body != NULL && strcmp(body + 4, SUCCESS) == 0;

	if (body == NULL || (!taken && !is_fail(body + 4)))
		l->counts[GARBLED]++;
	else if (kind != NOTICE && taken)
		l->counts[FORGED_TAKEN]++;
	else if (kind == NOTICE && !taken)
		l->counts[REFUSED]++;
	return kind == NOTICE && taken;
}

/* Does this answer to a click say that the order is paid?  Only the JSON one
 * says so; the other leads on to a page. */
static bool
judge_click(struct load *l, const struct answer *a)
{
	bool json = strstr(a->data, "application/json") != NULL;

	if (json && strstr(a->data, "\"state\":\"paid\"") != NULL)
		return true;
	if (!json && !has_status(a, "303"))
		l->counts[strstr(a->data, "</html>") != NULL ? UNANSWERED
							     : GARBLED]++;
	return false;
}

/* How many of this wave were acknowledged. */
static unsigned
wave(struct load *l, struct buyer *b, unsigned acknowledged)
{
	static struct request r[WIDTH_MAX];
	static struct answer a;
	enum kind kind[WIDTH_MAX];
	int fd[WIDTH_MAX];
	unsigned i, good = 0;

	for (i = 0; i < l->width; i++) {
		kind[i] = draw_kind(l);
		if (kind[i] == CLICK)
			build(&r[i], "query", "", b->click,
			    "application/x-www-form-urlencoded",
			    i % 2 != 0 ? "application/json" : "text/html");
		else
			build(&r[i], "notify", "", b->body[kind[i]], "text/xml",
			    "*/*");
	}
	for (i = 0; i < l->width; i++) {
		fd[i] = open_to(l, kind[i] == CLICK ? "query" : "notify");
		give(fd[i], r[i].data, r[i].n - RECORD_END);
	}
	for (i = 0; i < l->width; i++)
		give(fd[i], r[i].data + r[i].n - RECORD_END, RECORD_END);
	for (i = 0; i < l->width; i++) {
		take(fd[i], &a);
		l->counts[kind[i] == CLICK ? CLICKS : NOTICES]++;
		l->counts[FORGED] += kind[i] == WRONG_KEY;
		l->counts[AMOUNTS] += kind[i] == WRONG_AMOUNT;
		l->counts[REPEATED] +=
		    kind[i] == NOTICE && acknowledged + good > 0;
		if (!a.whole)
			l->counts[LOST]++;
		else if (kind[i] == CLICK)
			good += judge_click(l, &a);
		else
			good += judge_notice(l, kind[i], &a);
	}
	return good;
}

/* --- the whole --------------------------------------------------------------
 */

static bool
split(char *line, struct buyer *b)
{
	char *parts[5];
	int i;

	line[strcspn(line, "\n")] = '\0';
	for (i = 0; i < 5; i++) {
		parts[i] = line;
		line += strcspn(line, "\t");
		if ((*line == '\0') != (i == 4))
			return false;
		*line++ = '\0';
	}
	b->id = parts[0];
	b->link = parts[1];
	b->body[NOTICE] = parts[2];
	b->body[CLICK] = b->click;
	b->body[WRONG_KEY] = parts[3];
	b->body[WRONG_AMOUNT] = parts[4];
	return true;
}

static void
one_order(struct load *l, struct buyer *b)
{
	unsigned acknowledged = 0, i;

	if (!create(l, b)) {
		l->counts[NOT_CREATED]++;
		return;
	}
	l->counts[ORDERS]++;
	for (i = 0; i < l->waves; i++)
		acknowledged += wave(l, b, acknowledged);
	(void)printf("order %s %u\n", b->id, acknowledged);
}

int
main(int argc, char **argv)
{
	static struct load l;
	struct buyer b;
	char *line = NULL;
	size_t room = 0;
	int i;

	if (argc != 9)
		return 2;
	l.sockets = argv[1];
	l.width = (unsigned)strtoul(argv[2], NULL, 10);
	l.waves = (unsigned)strtoul(argv[3], NULL, 10);
	for (i = 0; i < KINDS; i++)
		l.weight[i] = (unsigned)strtoul(argv[4 + i], NULL, 10);
	l.random = strtoul(argv[8], NULL, 10) * 0x9e3779b97f4a7c15 + 1;
	if (l.width == 0 || l.width > WIDTH_MAX)
		return 2;
	/* Who reads along sees each order as soon as it is acknowledged. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	while (getline(&line, &room, stdin) > 0) {
		if (!split(line, &b))
			return 2;
		one_order(&l, &b);
	}
	for (i = 0; i < COUNTS; i++)
		(void)printf("count %lu %s\n", l.counts[i], count_names[i]);
	free(line);
	return 0;
}
