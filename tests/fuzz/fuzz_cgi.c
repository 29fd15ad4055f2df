/* A request as plain CGI: lines NAME=value are the environment, up to an empty
 * line, and what follows is what comes on stdin, in pieces (linked with
 * --wrap, see fuzz.mk).  A body that is called whole is as long as
 * CONTENT_LENGTH says and is what came. */
#include <poll.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/web/fcgi.h"
#include "tests/fuzz/fuzz.h"

#define BODY_MAX 256
#define PARAMS 24

/* What the wrapped calls look at; nothing of it outside of an input. */
static struct {
	char *params[PARAMS]; /* NAME=value */
	size_t n;
	const char *in; /* NULL: the real calls */
	size_t left;
	size_t piece;
} now;

char *__real_getenv(const char *name);
char *__wrap_getenv(const char *name);
char *
__wrap_getenv(const char *name)
{
	size_t len = strlen(name), i;

	if (now.in == NULL)
		return __real_getenv(name);
	for (i = 0; i < now.n; i++)
		if (strncmp(now.params[i], name, len) == 0 &&
		    now.params[i][len] == '=')
			return now.params[i] + len + 1;
	return NULL;
}

ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t
__wrap_read(int fd, void *to, size_t n)
{
	if (now.in == NULL)
		return __real_read(fd, to, n);
	if (n > now.piece)
		n = now.piece;
	if (n > now.left)
		n = now.left;
	memcpy(to, now.in, n);
	now.in += n;
	now.left -= n;
	return (ssize_t)n;
}

int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
int
__wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	(void)ms;
	MUST(n == 1 && p->fd == STDIN_FILENO);
	p->revents = POLLIN;
	return 1;
}

int64_t __wrap_h5_clock_mono_ms(void);
int64_t
__wrap_h5_clock_mono_ms(void)
{
	return 0;
}

/* CONTENT_LENGTH as a number, -1: none. */
static long
told(const char *s)
{
	long n = 0;

	if (s == NULL || *s == '\0')
		return 0;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		if (n < 1000000)
			n = n * 10 + (*s - '0');
	}
	return n;
}

/* A text that was kept is the parameter's, or its end or beginning. */
static void
kept(const char *got, const char *name, size_t max)
{
	const char *v = __wrap_getenv(name);

	MUST(strlen(got) <= max);
	MUST(v == NULL ? got[0] == '\0'
		       : strncmp(v, got, strlen(got)) == 0 ||
			     strcmp(v + strlen(v) - strlen(got), got) == 0);
}

static void
check_request(const struct h5_request *r, const char *in, size_t n)
{
	const char *length = __wrap_getenv("CONTENT_LENGTH");
	const char *coding = __wrap_getenv("HTTP_TRANSFER_ENCODING");

	kept(r->method, "REQUEST_METHOD", 15);
	kept(r->query, "QUERY_STRING", H5_WEB_QUERY);
	kept(r->forwarded_for, "HTTP_X_FORWARDED_FOR", H5_WEB_HEADER);
	kept(r->origin, "HTTP_ORIGIN", H5_WEB_HEADER);
	kept(r->user_agent, "HTTP_USER_AGENT", H5_WEB_HEADER);
	/* B6: chunks, whose end is stdin's. */
	if ((length == NULL || length[0] == '\0') && coding != NULL &&
	    strcasecmp(coding, "chunked") == 0 &&
	    strcmp(r->method, "POST") == 0 && r->body_code != H5_E_INPUT) {
		MUST((r->body_code == H5_OK) == (n <= BODY_MAX));
		MUST(r->body.len == (n <= BODY_MAX ? n : 0));
		MUST(memcmp(r->body.data, in, r->body.len) == 0);
		return;
	}
	if (r->body_code == H5_OK) {
		MUST(told(length) == (long)r->body.len);
		MUST(r->body.len <= n && r->body.len <= BODY_MAX);
		MUST(memcmp(r->body.data, in, r->body.len) == 0);
		MUST(strcmp(r->method, "POST") != 0 ||
		     (length != NULL && length[0] != '\0'));
		return;
	}
	MUST(r->body.len == 0);
	MUST(r->body_code == H5_E_INPUT || r->body_code == H5_E_REMOTE);
	MUST((r->body_code == H5_E_REMOTE) == (told(length) > BODY_MAX));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text, *line;
	struct h5_request r;
	struct h5_fcgi *f;
	const char *in;
	size_t left;

	MUST(h5_fcgi_new(true, BODY_MAX, 0, NULL, &f, NULL) == H5_OK);
	for (now.n = 0; now.n < PARAMS && *rest != '\0';) {
		line = fuzz_cut(&rest, '\n');
		if (line[0] == '\0')
			break;
		now.params[now.n++] = line;
	}
	in = rest;
	left = size - (size_t)(rest - text);
	now.in = in;
	now.left = left;
	now.piece = 1 + size % 100;
	MUST(h5_fcgi_accept(f, -1, -1, &r, NULL) == H5_OK);
	check_request(&r, in, left);
	h5_request_release(&r);
	MUST(h5_fcgi_accept(f, -1, -1, &r, NULL) == H5_E_STATE);
	now.in = NULL;
	h5_fcgi_free(f);
	free(text);
	return 0;
}
