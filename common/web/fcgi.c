/* Requests in and answers out over libfcgi, or as plain CGI. */
#include "common/web/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/system/file.h"
#include "common/base/text.h"
#include "common/web/cgi.h"
#include "common/web/door.h"

#define LISTEN_FD H5_DOOR_FD
#define REQUEST_MS 30000 /* a whole body arrives within this, or is cut */
#define DRAIN_MAX ((size_t)16 << 20) /* of a body that is too large */
#define CHUNK 8192
#define PATH_BYTES 4096
#define HEAD_MAX 65536

struct h5_fcgi {
	bool cgi;
	size_t body_max; /* bytes */
	int body_ms; /* a whole body arrives within this */
	bool done; /* plain CGI: the one request was taken */
	bool open; /* a FastCGI request is in hand */
	struct h5_door door; /* of FastCGI */
	struct h5_door_caller who; /* in hand */
	FCGX_Request req;
};

enum h5_code
h5_fcgi_start(struct h5_err *e)
{
	struct sigaction sa;
	int flags;

	if (FCGX_Init() != 0)
		return h5_err_set(e, H5_E_IO, "libfcgi cannot be started");
	/* After FCGX_Init, which puts a handler of its own there. */
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_IGN;
	if (sigaction(SIGPIPE, &sa, NULL) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "cannot ignore SIGPIPE");
	flags = fcntl(LISTEN_FD, F_GETFL);
	if (flags < 0 || fcntl(LISTEN_FD, F_SETFL, flags | O_NONBLOCK) != 0)
		return h5_err_sys(
		    e, H5_E_IO, errno, "cannot set up the listening socket");
	return H5_OK;
}

/* --- a thread's end of it --- */

enum h5_code
h5_fcgi_new(bool cgi, size_t body_max, int body_ms, struct h5_lot *lot,
    struct h5_fcgi **out, struct h5_err *e)
{
	struct h5_fcgi *f;
	enum h5_code rc = H5_OK;

	*out = NULL;
	f = calloc(1, sizeof *f);
	if (f == NULL)
		return h5_err_nomem(e);
	f->cgi = cgi;
	f->body_max = body_max;
	f->body_ms = body_ms > 0 ? body_ms : REQUEST_MS;
	f->door.epfd = -1;
	if (!cgi) {
		/* Socket -1: the library must never accept by itself; see
		 * take_connection. */
		if (FCGX_InitRequest(&f->req, -1, 0) != 0)
			rc = h5_err_set(e, H5_E_IO, "FCGX_InitRequest");
		else
			rc = h5_door_open(&f->door, lot, e);
	}
	if (rc != H5_OK) {
		h5_fcgi_free(f);
		return rc;
	}
	*out = f;
	return H5_OK;
}

/* Ends the FastCGI request in hand: writes what is buffered, closes. */
static int
finish(struct h5_fcgi *f)
{
	int bad = 0;

	if (!f->open)
		return 0;
	f->open = false;
	/* The error stream first: the last writer to close sends the end. */
	(void)FCGX_FClose(f->req.err);
	bad = FCGX_FClose(f->req.out) != 0 || FCGX_GetError(f->req.out) != 0;
	/* A detached connection is closed at once.  The library's own close
	 * waits for the peer's, two seconds and more; that is for input not
	 * yet read, and ours has been. */
	f->req.keepConnection = 0;
	(void)FCGX_Detach(&f->req);
	FCGX_Finish_r(&f->req);
	return bad;
}

void
h5_fcgi_free(struct h5_fcgi *f)
{
	if (f == NULL)
		return;
	if (!f->cgi) {
		(void)finish(f);
		h5_door_close(&f->door);
	}
	free(f);
}

/* --- reading a request --- */

/* A parameter; nginx sends empty strings for what is absent. */
static const char *
param(const struct h5_fcgi *f, const char *name)
{
	const char *v;

	v = f->cgi ? getenv(name) : FCGX_GetParam(name, f->req.envp);
	return v == NULL || *v == '\0' ? NULL : v;
}

/* Puts a copy of the first max bytes of v in *slot, which h5_request_init
 * filled; NULL leaves that.  false: no memory. */
static bool
keep(char **slot, const char *v, size_t max)
{
	char *copy;

	if (v == NULL)
		return true;
	copy = strndup(v, max);
	if (copy == NULL)
		return false;
	*slot = copy;
	return true;
}

/* X-Forwarded-For as one list: a server may hand on its lines one by one
 * (nginx before 1.23), and the first is the client's own.  The entries near us
 * are at the right end: a cut takes the left ones.  false: no memory. */
static bool
keep_forwarded(const struct h5_fcgi *f, struct h5_request *r)
{
	static const char name[] = "HTTP_X_FORWARDED_FOR=";
	char *const *p = f->cgi ? environ : f->req.envp;
	const size_t max = H5_WEB_HEADER;
	struct h5_buf all;
	bool good;

	h5_buf_init(&all, 1 << 20);
	for (; p != NULL && *p != NULL; p++) {
		if (strncmp(*p, name, sizeof name - 1) != 0)
			continue;
		if (all.len > 0)
			h5_buf_putc(&all, ',');
		h5_buf_puts(&all, *p + sizeof name - 1);
	}
	good = all.bad == H5_OK &&
	       (all.len == 0 ||
		   keep(&r->forwarded_for,
		       all.len > max ? all.data + (all.len - max) : all.data,
		       max));
	h5_buf_release(&all);
	return good;
}

/* A server may hand on several Cookie headers one by one.  What others keep in
 * cookies, a session of the shop say, is none of our business. */
static void
keep_browser(const struct h5_fcgi *f, struct h5_request *r)
{
	static const char name[] = "HTTP_COOKIE=";
	char *const *p = f->cgi ? environ : f->req.envp;

	for (; p != NULL && *p != NULL; p++)
		if (strncmp(*p, name, sizeof name - 1) == 0)
			h5_browser_pick(&r->browser, *p + sizeof name - 1);
}

/* What a notice of APIv3 is signed by.  Each counts if it is there once: of two
 * nobody knows which one was signed.  false: no memory. */
static bool
keep_wechatpay(const struct h5_fcgi *f, struct h5_request *r)
{
	static const char prefix[] = "HTTP_WECHATPAY_";
	static const char *const names[H5_WECHAT_HEADERS] = {
	    [H5_WECHAT_TIMESTAMP] = "TIMESTAMP",
	    [H5_WECHAT_NONCE] = "NONCE",
	    [H5_WECHAT_SIGNATURE] = "SIGNATURE",
	    [H5_WECHAT_SERIAL] = "SERIAL",
	    [H5_WECHAT_SIGNATURE_TYPE] = "SIGNATURE_TYPE",
	};
	char *const *p = f->cgi ? environ : f->req.envp;
	struct h5_wechat_headers *h = &r->wechatpay;
	const char *name;
	size_t i, len;

	for (; p != NULL && *p != NULL; p++) {
		if (strncmp(*p, prefix, sizeof prefix - 1) != 0)
			continue;
		h->any = true;
		name = *p + sizeof prefix - 1;
		for (i = 0; i < H5_WECHAT_HEADERS; i++) {
			len = strlen(names[i]);
			if (strncmp(name, names[i], len) != 0 ||
			    name[len] != '=')
				continue;
			h->doubled = h->doubled || h->v[i] != NULL;
			/* A cut one is not the one that was signed. */
			if (h->v[i] == NULL &&
			    !keep(&h->v[i], name + len + 1, H5_WEB_HEADER))
				return false;
		}
	}
	return true;
}

static void
keep_short(char *out, size_t size, const char *v)
{
	size_t n = v == NULL ? 0 : strnlen(v, size - 1);

	if (n > 0)
		memcpy(out, v, n);
	out[n] = '\0';
}

/* What decides something must be whole: a query, a path.  What is cut here
 * only describes the browser. */
static enum h5_code
read_params(const struct h5_fcgi *f, struct h5_request *r, struct h5_err *e)
{
	const char *query = param(f, "QUERY_STRING");
	const char *root = param(f, "DOCUMENT_ROOT");
	const char *conf = param(f, "H5PAY_CONF");
	const size_t max = H5_WEB_HEADER;

	/* The method and the address are compared with short words, so a cut
	 * one is like no known one. */
	keep_browser(f, r);
	keep_short(r->method, sizeof r->method, param(f, "REQUEST_METHOD"));
	keep_short(
	    r->remote_addr, sizeof r->remote_addr, param(f, "REMOTE_ADDR"));
	if ((query != NULL && strlen(query) > H5_WEB_QUERY) ||
	    (root != NULL && strlen(root) > PATH_BYTES) ||
	    (conf != NULL && strlen(conf) > PATH_BYTES))
		r->body_code = H5_E_INPUT;
	if (!keep(&r->query, query, H5_WEB_QUERY) ||
	    !keep(&r->user_agent, param(f, "HTTP_USER_AGENT"), max) ||
	    !keep(&r->accept, param(f, "HTTP_ACCEPT"), max) ||
	    !keep(&r->accept_language, param(f, "HTTP_ACCEPT_LANGUAGE"), max) ||
	    !keep(&r->host, param(f, "HTTP_HOST"), max) ||
	    !keep(&r->origin, param(f, "HTTP_ORIGIN"), max) ||
	    !keep(&r->referer, param(f, "HTTP_REFERER"), max) ||
	    !keep(&r->content_type, param(f, "CONTENT_TYPE"), max) ||
	    !keep_forwarded(f, r) || !keep_wechatpay(f, r) ||
	    !keep(&r->document_root, root, PATH_BYTES) ||
	    !keep(&r->conf, conf, PATH_BYTES))
		return h5_err_nomem(e);
	return H5_OK;
}

/* How long the body is; SIZE_MAX: it ends where its stream does.  A server that
 * was sent chunks names no length: FastCGI has an end of its own, and to plain
 * CGI the chunks were announced, taken apart, and stdin is closed behind them.
 * H5_E_REMOTE: over max.  H5_E_INPUT: not a number, or a plain-CGI POST of
 * which nothing tells the end. */
static enum h5_code
body_length(const struct h5_fcgi *f, const struct h5_request *r, size_t *want)
{
	const char *s = param(f, "CONTENT_LENGTH");
	const char *coding = param(f, "HTTP_TRANSFER_ENCODING");
	bool post = strcmp(r->method, "POST") == 0;
	struct h5_err e;
	uint64_t n;

	*want = 0;
	/* Caddy's word for a body of unknown length. */
	if (s != NULL && !f->cgi && strcmp(s, "-1") == 0)
		s = NULL;
	if (s == NULL && post && !f->cgi)
		*want = SIZE_MAX;
	else if (s == NULL && post && coding != NULL &&
		 strcasecmp(coding, "chunked") == 0)
		*want = SIZE_MAX;
	else if (s == NULL)
		return post ? H5_E_INPUT : H5_OK;
	if (s == NULL)
		return H5_OK;
	if (s[strspn(s, "0123456789")] != '\0')
		return H5_E_INPUT;
	s += strspn(s, "0");
	if (*s == '\0')
		return H5_OK;
	if (h5_text_u64(s, 1, (uint64_t)SIZE_MAX - 1, &n, &e) != H5_OK) {
		*want = SIZE_MAX - 1;
		return H5_E_REMOTE;
	}
	*want = (size_t)n;
	return *want > f->body_max ? H5_E_REMOTE : H5_OK;
}

/* No read waits longer than until; the library itself waits without end. */
static void
limit_silence(const struct h5_fcgi *f, int64_t left_ms)
{
	struct timeval limit = {H5_CGI_SILENCE_S, 0};

	if (left_ms < H5_CGI_SILENCE_S * 1000) {
		limit.tv_sec = left_ms / 1000;
		limit.tv_usec = left_ms % 1000 * 1000 + 1000;
	}
	(void)setsockopt(
	    f->req.ipcFd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/* Up to size bytes of the body.  0: its end.  -1: broken or too slow. */
static ssize_t
next_fcgi(struct h5_fcgi *f, char *buf, size_t size, int64_t until)
{
	FCGX_Stream *in = f->req.in;
	ptrdiff_t here = in->stop - in->rdNext;
	int n;

	/* Never ask for more than lies in the library's buffer, so that each
	 * wait for the peer comes back here to look at the clock. */
	if (here <= 0) {
		int64_t left = until - h5_clock_mono_ms();

		if (left < 0)
			return -1;
		limit_silence(f, left);
		here = 1;
	}
	n = FCGX_GetStr(
	    buf, (int)((size_t)here < size ? (size_t)here : size), in);
	if (n <= 0)
		return FCGX_GetError(in) == 0 ? 0 : -1;
	return n;
}

/* Reads the body to its end.  What is not kept (too large, or refused
 * already) is thrown away, so that the web server, which may still be
 * writing, reads our answer and not a broken pipe. */
static void
read_body(struct h5_fcgi *f, struct h5_request *r)
{
	char chunk[CHUNK];
	int64_t until = h5_clock_mono_ms() + (f->who.over ? 0 : f->body_ms);
	size_t want, got = 0, ask;
	enum h5_code rc = body_length(f, r, &want);
	ssize_t n;

	if (r->body_code == H5_OK)
		r->body_code = rc;
	for (;;) {
		ask = sizeof chunk;
		/* As plain CGI nothing tells the end but the count. */
		if (f->cgi && want - got < ask)
			ask = want - got;
		if (ask == 0 || got > DRAIN_MAX)
			break;
		n = f->cgi ? h5_cgi_read(chunk, ask, until)
			   : next_fcgi(f, chunk, ask, until);
		if (n <= 0) {
			/* Broken off or too slow: an incomplete form must not
			 * be read as one. */
			if (n < 0 && r->body_code == H5_OK)
				r->body_code = H5_E_INPUT;
			break;
		}
		got += (size_t)n;
		if (want == SIZE_MAX && got > f->body_max &&
		    r->body_code == H5_OK)
			r->body_code = H5_E_REMOTE;
		if (got <= want && r->body_code == H5_OK)
			h5_buf_add(&r->body, chunk, (size_t)n);
	}
	if (r->body_code == H5_OK && r->body.bad != H5_OK)
		r->body_code = r->body.bad;
	if (r->body_code == H5_OK && want != SIZE_MAX && got != want)
		r->body_code = H5_E_INPUT;
	if (r->body_code != H5_OK)
		h5_buf_clear(&r->body);
}

static enum h5_code
read_request(struct h5_fcgi *f, struct h5_request *r, struct h5_err *e)
{
	enum h5_code rc;

	h5_request_init(r);
	h5_buf_init(&r->body, f->body_max);
	r->began_ms = f->who.since;
	rc = read_params(f, r, e);
	if (rc != H5_OK) {
		h5_request_release(r);
		return rc;
	}
	read_body(f, r);
	return H5_OK;
}

/* Gives the library an accepted connection.  FCGX_Accept_r takes one that is
 * there already the way it takes a kept-alive one; so every read has a time
 * limit from the first byte on (the library has none: half a header would
 * hold the thread, and a stop, for ever), and no child inherits it.
 * false: what came was no request; the connection is closed. */
static bool
take_connection(struct h5_fcgi *f, int fd)
{
	const struct timeval limit = {H5_CGI_SILENCE_S, 0}, none = {0, 1000};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO,
	    f->who.over ? &none : &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	f->req.ipcFd = fd;
	f->req.keepConnection = 1;
	f->req.detached = 1;
	f->open = FCGX_Accept_r(&f->req) == 0;
	return f->open;
}

static enum h5_code
accept_cgi(struct h5_fcgi *f, struct h5_request *r, struct h5_err *e)
{
	if (f->done)
		return h5_err_set(e, H5_E_STATE, "the one request is done");
	f->done = true;
	f->who.since = h5_clock_mono_ms();
	return read_request(f, r, e);
}

enum h5_code
h5_fcgi_accept(struct h5_fcgi *f, int stop_fd, int tick_ms,
    struct h5_request *r, struct h5_err *e)
{
	enum h5_code rc;

	memset(r, 0, sizeof *r);
	if (f->cgi)
		return accept_cgi(f, r, e);
	(void)finish(f);
	do {
		rc = h5_door_next(&f->door, stop_fd, tick_ms, &f->who, e);
		if (rc != H5_OK)
			return rc;
	} while (!take_connection(f, f->who.fd));
	return read_request(f, r, e);
}

/* --- answering --- */

/* Some more of the answer. */
static enum h5_code
put(struct h5_fcgi *f, const char *p, size_t n, struct h5_err *e)
{
	struct h5_err why;

	if (!f->cgi && !f->open)
		return h5_err_set(e, H5_E_BUG, "there is no request to answer");
	if (f->cgi && h5_file_write(STDOUT_FILENO, p, n, &why) != H5_OK)
		return h5_err_set(
		    e, H5_E_NET, "the web server is gone: %s", why.msg);
	if (!f->cgi && FCGX_PutStr(p, (int)n, f->req.out) != (int)n)
		return h5_err_set(e, H5_E_NET, "the web server is gone");
	return H5_OK;
}

/* Closes the connection with what was not written yet: half an answer is
 * worse than none. */
static void
abandon(struct h5_fcgi *f)
{
	if (!f->open)
		return;
	f->open = false;
	(void)close(f->req.ipcFd);
	FCGX_Free(&f->req, 0);
	f->req.ipcFd = -1;
}

/* Ends the answer, of which what rc says became. */
static enum h5_code
end(struct h5_fcgi *f, enum h5_code rc, struct h5_err *e)
{
	if (f->cgi)
		h5_cgi_leave();
	else if (rc != H5_OK)
		abandon(f);
	else if (finish(f) != 0)
		rc = h5_err_set(e, H5_E_NET, "the web server is gone");
	return rc;
}

enum h5_code
h5_fcgi_answer(
    struct h5_fcgi *f, const struct h5_response *resp, struct h5_err *e)
{
	const struct h5_buf *body = &resp->body;
	struct h5_buf head;
	enum h5_code rc;

	h5_buf_init(&head, resp->headers.len + body->len + HEAD_MAX);
	h5_buf_printf(&head, "Status: %d %s\r\n", resp->status,
	    h5_response_reason(resp->status));
	h5_buf_add(&head, resp->headers.data, resp->headers.len);
	/* Which 204 must not have (RFC 9110, 8.6). */
	if (resp->status != 204)
		h5_buf_printf(&head, "Content-Length: %zu\r\n", body->len);
	h5_buf_puts(&head, "\r\n");
	/* As plain CGI in one write; libfcgi gathers what it is given. */
	if (f->cgi && !resp->head)
		h5_buf_add(&head, body->data, body->len);
	rc = h5_buf_finish(&head, e);
	if (rc == H5_OK) {
		rc = put(f, head.data, head.len, e);
		if (rc == H5_OK && !f->cgi && !resp->head)
			rc = put(f, body->data, body->len, e);
		rc = end(f, rc, e);
	}
	h5_buf_release(&head);
	return rc;
}

void
h5_fcgi_last_words(struct h5_fcgi *f, const char *headers, const char *body)
{
	char all[1280];
	struct h5_err e;
	int n;

	n = snprintf(all, sizeof all,
	    "Status: 500 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
	    h5_response_reason(500), headers, strlen(body), body);
	if (n > 0 && (size_t)n < sizeof all)
		(void)!end(f, put(f, all, (size_t)n, &e), &e);
}
