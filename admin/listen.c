/* h5pay listen - a shop's webhook on loopback: takes what is sent, verifies the
 * signature, prints it.  For whoever writes the real one. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/format/json.h"
#include "common/hooks/webhook.h"
#include "common/system/file.h"

#define PORT 8787
#define HEAD_MOST 16384
#define BODY_MOST (1U << 20)
#define PATIENCE_S 10 /* for a sender that does not go on */

enum { PORT_OPTION, LIMIT };

static const struct option_def options[] = {
    [PORT_OPTION] = {.name = "port",
	.kind = VALUE_NUMBER,
	.form = "PORT",
	.example = "8787",
	.most = 65535},
    [LIMIT] = {.name = "limit",
	.letter = 'n',
	.kind = VALUE_NUMBER,
	.form = "N",
	.example = "1",
	.least = 1,
	.most = 1000000},
    {.name = NULL},
};

struct request {
	struct h5_buf bytes; /* the head, then the body */
	size_t head; /* bytes of the head, with its empty line; 0: not there */
	char *id, *at, *signature; /* headers, or NULL */
	size_t length; /* of the body */
};

/* --- reading -------------------------------------------------------------- */

static enum h5_code
read_more(int fd, struct h5_buf *b, struct h5_err *e)
{
	char part[4096];
	ssize_t n = recv(fd, part, sizeof part, 0);

	if (n <= 0)
		return h5_err_set(e, H5_E_INPUT, "the request was cut short");
	h5_buf_add(b, part, (size_t)n);
	return h5_buf_finish(b, e);
}

/* Cuts the value of a header out of the head, in place. */
static char *
header(struct request *q, const char *name)
{
	char *line = q->bytes.data, *end = q->bytes.data + q->head, *next;
	size_t n = strlen(name);

	for (; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (next == NULL)
			break;
		if ((size_t)(next - line) <= n || line[n] != ':' ||
		    strncasecmp(line, name, n) != 0)
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		return strndup(line, strcspn(line, "\r\n"));
	}
	return NULL;
}

static enum h5_code
read_head(int fd, struct request *q, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	const char *end;
	char *length;
	uint64_t n = 0;

	while (rc == H5_OK && (end = strstr(q->bytes.data, "\r\n\r\n")) == NULL)
		rc = q->bytes.len < HEAD_MOST
			 ? read_more(fd, &q->bytes, e)
			 : h5_err_set(e, H5_E_INPUT, "the head is too long");
	if (rc != H5_OK)
		return rc;
	q->head = (size_t)(end - q->bytes.data) + 4;
	if (strncmp(q->bytes.data, "POST ", 5) != 0)
		return h5_err_set(e, H5_E_STATE, "a webhook is a POST");
	length = header(q, "content-length");
	if (length == NULL || h5_text_u64(length, 0, BODY_MOST, &n, NULL) != 0)
		rc = h5_err_set(e, H5_E_INPUT,
		    "Content-Length is missing, or above %u", BODY_MOST);
	free(length);
	q->length = (size_t)n;
	q->id = header(q, "webhook-id");
	q->at = header(q, "webhook-timestamp");
	q->signature = header(q, "webhook-signature");
	return rc;
}

static enum h5_code
read_request(int fd, struct request *q, struct h5_err *e)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	enum h5_code rc;
	char *expect;

	rc = read_head(fd, q, e);
	expect = rc == H5_OK ? header(q, "expect") : NULL;
	if (expect != NULL)
		(void)!send(fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL);
	free(expect);
	while (rc == H5_OK && q->bytes.len < q->head + q->length)
		rc = read_more(fd, &q->bytes, e);
	return rc;
}

/* --- answering ------------------------------------------------------------ */

static void
answer(int fd, enum h5_code rc)
{
	const char *status = rc == H5_OK       ? "204 No Content"
			     : rc == H5_E_AUTH ? "401 Unauthorized"
					       : "400 Bad Request";
	char text[128];
	int n;

	n = snprintf(text, sizeof text,
	    "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	    status);
	(void)!send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

/* The value of the first member of that name, as our events have it. */
static void
member(const char *body, const char *name, char out[64])
{
	char mark[32];
	const char *at;

	(void)snprintf(mark, sizeof mark, "\"%s\":\"", name);
	at = strstr(body, mark);
	out[0] = '\0';
	if (at != NULL) {
		at += strlen(mark);
		(void)snprintf(out, 64, "%.*s", (int)strcspn(at, "\"\\"), at);
	}
}

static void
print_json(const struct request *q, const char *body, const char *why)
{
	char at[H5_CLOCK_RFC3339];
	struct h5_buf b;

	h5_clock_rfc3339(h5_clock_now(), at);
	h5_buf_init(&b, 8 * BODY_MOST);
	h5_buf_printf(&b, "{\"at\":\"%s\",\"good\":%s,\"why\":", at,
	    why == NULL ? "true" : "false");
	if (why != NULL)
		h5_json_string(why, &b);
	h5_buf_puts(&b, why == NULL ? "null,\"id\":" : ",\"id\":");
	if (q->id != NULL)
		h5_json_string(q->id, &b);
	h5_buf_puts(&b, q->id != NULL ? ",\"body\":" : "null,\"body\":");
	h5_json_string(body, &b);
	h5_buf_puts(&b, "}\n");
	if (b.bad == H5_OK)
		(void)fputs(b.data, stdout);
	h5_buf_release(&b);
}

/* Bytes of a stranger: a terminal gets none that it would obey. */
static void
print(const struct command *cmd, const struct request *q, const char *why)
{
	const char *body = q->head > 0 && q->bytes.len >= q->head
			       ? q->bytes.data + q->head
			       : "";
	const char *end = cmd->colour ? "\033[0m" : "";
	char type[64], order[64], at[H5_CLOCK_PLAIN];
	const char *shown = h5_text_printable(body) ? body : "(not text)";

	if (cmd->json) {
		print_json(q, shown, why);
		return;
	}
	member(shown, "type", type);
	member(shown, "order", order);
	h5_clock_plain(h5_clock_now(), at);
	if (cmd->terminal)
		(void)printf("%s  %s%s%s  %s  %s\n  %s\n\n", at,
		    !cmd->colour  ? ""
		    : why == NULL ? "\033[32m"
				  : "\033[31m",
		    why == NULL ? "good" : why, end, type, order, shown);
	else
		(void)printf("%s\t%s\t%s\t%s\t%s\n", at,
		    why == NULL ? "good" : why, type[0] != '\0' ? type : "-",
		    order[0] != '\0' ? order : "-",
		    shown[0] != '\0' ? shown : "-");
}

static void
serve(const struct command *cmd, int fd)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct request q = {.head = 0};
	struct h5_err e;
	enum h5_code rc;

	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	h5_buf_init(&q.bytes, HEAD_MOST + BODY_MOST + 8192);
	rc = read_request(fd, &q, &e);
	if (rc == H5_OK)
		rc = h5_webhook_verify(cmd->config, q.id, q.at, q.signature,
		    q.bytes.data + q.head, q.length, h5_clock_now(), &e);
	answer(fd, rc);
	print(cmd, &q, rc == H5_OK ? NULL : e.msg);
	(void)fflush(stdout);
	free(q.id);
	free(q.at);
	free(q.signature);
	h5_buf_release(&q.bytes);
}

/* --- the verb ------------------------------------------------------------- */

static enum h5_code
open_port(unsigned port, int *fd, unsigned *got, struct h5_err *e)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof a;
	int one = 1;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0)
		(void)setsockopt(
		    *fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (*fd < 0 || bind(*fd, (const struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(*fd, 16) != 0 ||
	    getsockname(*fd, (struct sockaddr *)&a, &n) != 0) {
		(void)h5_err_set(e, H5_E_IO,
		    "127.0.0.1:%u: %s; --port takes "
		    "another one",
		    port, strerror(errno));
		h5_file_drop(fd);
		return H5_E_IO;
	}
	*got = ntohs(a.sin_port);
	return H5_OK;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;
	unsigned port = given[PORT_OPTION].text != NULL
			    ? (unsigned)given[PORT_OPTION].number
			    : PORT;
	int64_t left = given[LIMIT].text != NULL ? given[LIMIT].number : -1;
	struct h5_err e;
	int fd, one;

	(void)argc;
	(void)argv;
	if (cmd->config->hooks.webhook_secret == NULL) {
		(void)fprintf(stderr,
		    "h5pay: there is no secret to verify with: set "
		    "hooks.webhook_secret, and hooks.webhook_url = "
		    "http://127.0.0.1:%u/\n",
		    port);
		return h5_err_exit(H5_E_CONFIG);
	}
	if (open_port(port, &fd, &port, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (!cmd->quiet)
		(void)fprintf(stderr,
		    "listening: hooks.webhook_url = http://127.0.0.1:%u/ ; "
		    "\"h5pay trigger order.paid\" sends an event; Ctrl-C "
		    "ends\n",
		    port);
	while (left != 0 && !ferror(stdout)) {
		one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (one < 0)
			continue;
		serve(cmd, one);
		h5_file_drop(&one);
		if (left > 0)
			left--;
	}
	h5_file_drop(&fd);
	return EXIT_DONE;
}

const struct verb verb_listen = {
    .name = "listen",
    .usage = "listen [--port PORT] [-n N] [--json]",
    .options = options,
    .need_config = true,
    .run = run,
};
