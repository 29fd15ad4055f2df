/* http.c - the server's requests and answers, the notices' client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/gateway/gateway.h"

enum {
	HEAD_MAX = 64 * 1024,
	BODY_MAX = 4 * 1024 * 1024,
};

/* ---- reading --------------------------------------------------------- */

static void
used(struct gw_conn *c, size_t n)
{
	memmove(c->in.data, c->in.data + n, c->in.len - n + 1);
	c->in.len -= n;
}

/* One line without its end.  False if none comes within max bytes. */
static bool
read_line(struct gw_conn *c, struct gw_buf *line, size_t max)
{
	for (;;) {
		const char *nl =
		    c->in.len > 0 ? memchr(c->in.data, '\n', c->in.len) : NULL;

		if (nl != NULL) {
			size_t n = (size_t)(nl - c->in.data);
			size_t text = n;

			if (text > 0 && c->in.data[text - 1] == '\r')
				text--;
			line->len = 0;
			gw_buf_add(line, c->in.data, text);
			used(c, n + 1);
			return memchr(line->data, '\0', text) == NULL;
		}
		if (c->in.len > max || gw_conn_fill(c) <= 0)
			return false;
	}
}

static bool
read_headers(struct gw_conn *c, struct gw_list *out)
{
	struct gw_buf line = {0};
	size_t left = HEAD_MAX;
	bool ok = false;

	while (read_line(c, &line, left)) {
		char *colon;
		char *value;

		if (line.len == 0) {
			ok = true;
			break;
		}
		colon = strchr(line.data, ':');
		if (colon == NULL || line.len > left)
			break;
		left -= line.len;
		*colon = '\0';
		for (char *p = line.data; *p != '\0'; p++) {
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		}
		value = colon + 1 + strspn(colon + 1, " \t");
		for (char *p = value + strlen(value);
		     p > value && strchr(" \t", p[-1]) != NULL; p--)
			p[-1] = '\0';
		gw_list_add(out, line.data, value);
	}
	gw_buf_free(&line);
	return ok;
}

static bool
read_bytes(struct gw_conn *c, struct gw_buf *body, size_t n)
{
	while (c->in.len < n) {
		if (gw_conn_fill(c) <= 0)
			return false;
	}
	gw_buf_add(body, c->in.data != NULL ? c->in.data : "", n);
	if (n > 0)
		used(c, n);
	return true;
}

static bool
read_chunks(struct gw_conn *c, struct gw_buf *body)
{
	struct gw_buf line = {0};
	bool ok = false;

	while (read_line(c, &line, 1024)) {
		char *end = NULL;
		unsigned long n = strtoul(line.data, &end, 16);

		if (end == line.data || n > BODY_MAX - body->len)
			break;
		if (n == 0) {
			struct gw_list trailer = {0};

			ok = read_headers(c, &trailer);
			gw_list_free(&trailer);
			break;
		}
		if (!read_bytes(c, body, n) || !read_line(c, &line, 2))
			break;
	}
	gw_buf_free(&line);
	return ok;
}

static bool
read_to_end(struct gw_conn *c, struct gw_buf *body)
{
	int more = 1;

	while (more > 0 && c->in.len < BODY_MAX)
		more = gw_conn_fill(c);
	if (c->in.len > 0)
		gw_buf_add(body, c->in.data, c->in.len);
	return more == 0;
}

/* to_end: an answer without a length goes on until the connection ends. */
static bool
read_body(struct gw_conn *c, const struct gw_list *headers, bool to_end,
    struct gw_buf *body)
{
	const char *coding = gw_list_get(headers, "transfer-encoding");
	const char *length = gw_list_get(headers, "content-length");
	int64_t n = 0;

	gw_buf_puts(body, "");
	if (coding != NULL)
		return gw_in_words(coding, "chunked") && read_chunks(c, body);
	if (length == NULL)
		return !to_end || read_to_end(c, body);
	return gw_number(length, BODY_MAX, &n) &&
	       read_bytes(c, body, (size_t)n);
}

static bool
read_request_line(struct gw_request *req, char *line)
{
	char *target = strchr(line, ' ');
	char *version;
	char *query;
	struct gw_buf path = {0};

	if (target == NULL)
		return false;
	*target++ = '\0';
	version = strchr(target, ' ');
	if (version == NULL || !gw_starts(version, " HTTP/1."))
		return false;
	*version++ = '\0';
	gw_copy(req->method, sizeof(req->method), line);
	req->target = gw_dup(target);
	req->keep = strcmp(version, "HTTP/1.1") == 0;
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	if (!gw_unescape(&path, target, strlen(target), false)) {
		gw_buf_free(&path);
		return false;
	}
	req->path = path.data;
	req->query = gw_dup(query != NULL ? query : "");
	return true;
}

int
gw_http_read(struct gw_conn *c, struct gw_request *req, struct gw_response *res)
{
	struct gw_buf line = {0};
	const char *connection;
	int rc = 0;

	req->conn = c;
	/* An empty line before the request is allowed: RFC 9112, 2.2. */
	for (int i = 0; i < 3 && line.len == 0; i++) {
		if (!read_line(c, &line, HEAD_MAX))
			goto out;
	}
	rc = -1;
	gw_response_text(res, 400, "text/plain", "bad request\n");
	if (!read_request_line(req, line.data) ||
	    !read_headers(c, &req->headers))
		goto out;
	connection = gw_list_get(&req->headers, "connection");
	if (connection != NULL && gw_in_words(connection, "close"))
		req->keep = false;
	if (gw_list_get(&req->headers, "expect") != NULL &&
	    !gw_conn_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25))
		goto out;
	if (!read_body(c, &req->headers, false, &req->body))
		goto out;
	gw_response_free(res);
	rc = 1;
out:
	gw_buf_free(&line);
	return rc;
}

void
gw_request_free(struct gw_request *req)
{
	free(req->target);
	free(req->path);
	free(req->query);
	gw_list_free(&req->headers);
	gw_buf_free(&req->body);
	*req = (struct gw_request){0};
}

const char *
gw_request_header(const struct gw_request *req, const char *name)
{
	return gw_list_text(&req->headers, name);
}

/* ---- answering ------------------------------------------------------- */

void
gw_response_free(struct gw_response *res)
{
	gw_list_free(&res->headers);
	gw_buf_free(&res->body);
	*res = (struct gw_response){0};
}

void
gw_response_text(
    struct gw_response *res, int status, const char *type, const char *text)
{
	gw_response_free(res);
	res->status = status;
	gw_list_set(&res->headers, "Content-Type", type);
	gw_buf_puts(&res->body, text);
}

void
gw_response_go(struct gw_response *res, const char *location)
{
	gw_response_text(res, 303, "text/plain", "");
	gw_list_set(&res->headers, "Location", location);
}

static const char *
reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 302:
		return "Found";
	case 303:
		return "See Other";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 500:
		return "Internal Server Error";
	default:
		return "Status";
	}
}

/* The head without its last empty line; length < 0: none is given. */
static void
write_head(struct gw *gw, struct gw_buf *b, const struct gw_response *res,
    int64_t length, bool keep)
{
	time_t now = (time_t)(gw_wire_now_ms(gw) / 1000);
	char date[64] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(
		    date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	gw_buf_putf(b, "HTTP/1.1 %d %s\r\n", res->status, reason(res->status));
	gw_buf_putf(b, "Date: %s\r\n", date);
	for (size_t i = 0; i < res->headers.n; i++)
		gw_buf_putf(b, "%s: %s\r\n", res->headers.v[i].name,
		    res->headers.v[i].value);
	if (length >= 0)
		gw_buf_putf(b, "Content-Length: %lld\r\n", (long long)length);
	gw_buf_putf(b, "Connection: %s\r\n", keep ? "keep-alive" : "close");
}

/* One byte at a time. */
static bool
drip(struct gw *gw, struct gw_conn *c, const struct gw_buf *b, int64_t ms)
{
	for (size_t i = 0; i < b->len; i++) {
		c->deadline_ms = gw_monotonic_ms() + 10000;
		if (gw->stopping || !gw_conn_write(c, b->data + i, 1))
			return false;
		gw_pause(gw, ms);
	}
	return true;
}

/* A body of blanks that the XML comes before: each byte is legal. */
static void
flood(struct gw *gw, struct gw_conn *c, int64_t bytes, bool chunked)
{
	struct gw_buf block = {0};
	int64_t sent = 0;

	if (chunked)
		gw_buf_puts(&block, "4000\r\n");
	for (int i = 0; i < 0x4000; i++)
		gw_buf_add(&block, " ", 1);
	if (chunked)
		gw_buf_puts(&block, "\r\n");
	while (!gw->stopping && (bytes < 0 || sent < bytes)) {
		c->deadline_ms = gw_monotonic_ms() + 10000;
		if (!gw_conn_write(c, block.data, block.len))
			break;
		sent += 0x4000;
	}
	gw_buf_free(&block);
}

static uint32_t
crc32_of(const char *bytes, size_t n)
{
	uint32_t crc = 0xffffffffU;

	for (size_t i = 0; i < n; i++) {
		crc ^= (unsigned char)bytes[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1)));
	}
	return ~crc;
}

static void
add_little(struct gw_buf *b, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		char c = (char)(value >> (8 * i) & 0xff);

		gw_buf_add(b, &c, 1);
	}
}

/* A gzip file of stored blocks: no compressor needed. */
void
gw_gzip(struct gw_buf *out, const struct gw_buf *in)
{
	size_t at = 0;

	gw_buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	do {
		size_t n = in->len - at > 65535 ? 65535 : in->len - at;

		add_little(out, at + n == in->len ? 1 : 0, 1);
		add_little(out, (uint32_t)n, 2);
		add_little(out, (uint32_t)~n & 0xffff, 2);
		gw_buf_add(out, in->data + at, n);
		at += n;
	} while (at < in->len);
	add_little(out, crc32_of(in->data, in->len), 4);
	add_little(out, (uint32_t)in->len, 4);
}

static void
repeat(struct gw_buf *b, const char *text, int times)
{
	for (int i = 0; i < times; i++)
		gw_buf_puts(b, text);
}

/* The bytes of faults that are one write and then the end. */
static void
broken_bytes(struct gw *gw, struct gw_buf *out, struct gw_response *res,
    enum gw_kind kind)
{
	struct gw_buf *body = &res->body;
	struct gw_buf packed = {0};
	int64_t length = (int64_t)body->len;

	if (kind == GW_CONTINUE_FLOOD)
		repeat(out, "HTTP/1.1 100 Continue\r\n\r\n", 40000);
	if (kind == GW_GZIP) {
		gw_list_set(&res->headers, "Content-Encoding", "gzip");
		gw_gzip(&packed, body);
		write_head(gw, out, res, (int64_t)packed.len, false);
		gw_buf_puts(out, "\r\n");
		gw_buf_add(out, packed.data, packed.len);
		gw_buf_free(&packed);
		return;
	}
	if (kind == GW_HALF_NO_LENGTH || kind == GW_ENDLESS)
		length = -1;
	if (kind == GW_HUGE)
		length = res->wire.num;
	write_head(gw, out, res, length, false);
	if (kind == GW_TWO_LENGTHS)
		gw_buf_putf(out, "Content-Length: %zu\r\n", body->len / 2);
	if (kind == GW_HEADER_BOMB)
		repeat(
		    out, "X-Filler: 0123456789012345678901234567\r\n", 25000);
	if (kind == GW_ENDLESS)
		gw_buf_puts(out, "Transfer-Encoding: chunked\r\n");
	gw_buf_puts(out, "\r\n");
	if (kind == GW_HALF || kind == GW_HALF_NO_LENGTH)
		gw_buf_add(out, body->data, body->len / 2);
	else if (kind == GW_ENDLESS)
		gw_buf_putf(out, "%zx\r\n%s\r\n", body->len, body->data);
	else if (kind != GW_HANG_BODY && kind != GW_DRIP)
		gw_buf_add(out, body->data, body->len);
}

/* A good answer, in pieces. */
static void
write_chunks(struct gw *gw, struct gw_conn *c, const struct gw_response *res)
{
	size_t step = res->wire.num > 0 ? (size_t)res->wire.num : 1;
	struct gw_buf out = {0};

	write_head(gw, &out, res, -1, false);
	gw_buf_puts(&out, "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0; at < res->body.len; at += step) {
		size_t n = res->body.len - at;

		n = n < step ? n : step;
		gw_buf_putf(&out, "%zx\r\n", n);
		gw_buf_add(&out, res->body.data + at, n);
		gw_buf_puts(&out, "\r\n");
	}
	gw_buf_puts(&out, "0\r\n\r\n");
	gw_conn_write(c, out.data, out.len);
	gw_buf_free(&out);
	gw_conn_close(c, false);
}

/* Always the end of the connection. */
static void
write_broken(struct gw *gw, struct gw_conn *c, struct gw_response *res)
{
	const struct gw_fault *f = &res->wire;
	struct gw_buf out = {0};
	bool reset = strcmp(f->name, "reset") == 0;

	if (f->kind == GW_HANG)
		gw_pause(gw, f->num);
	if (f->kind == GW_CUT_BEFORE || f->kind == GW_CUT_AFTER ||
	    f->kind == GW_HANG) {
		gw_conn_close(c, reset);
		return;
	}
	if (f->kind == GW_CHUNKED) {
		write_chunks(gw, c, res);
		return;
	}
	broken_bytes(gw, &out, res, f->kind);
	if (f->kind == GW_DRIP_HEADER)
		drip(gw, c, &out, f->num);
	else if (gw_conn_write(c, out.data, out.len) && f->kind == GW_DRIP)
		drip(gw, c, &res->body, f->num);
	if (f->kind == GW_HANG_BODY)
		gw_pause(gw, f->num);
	if (f->kind == GW_HUGE)
		flood(gw, c, f->num - (int64_t)res->body.len, false);
	if (f->kind == GW_ENDLESS)
		flood(gw, c, f->num, true);
	gw_buf_free(&out);
	gw_conn_close(c, reset);
}

bool
gw_http_write(struct gw *gw, struct gw_conn *c, const struct gw_request *req,
    struct gw_response *res)
{
	struct gw_buf out = {0};
	bool ok;

	c->deadline_ms = gw_monotonic_ms() + 30000;
	if (res->broken) {
		write_broken(gw, c, res);
		return false;
	}
	write_head(gw, &out, res,
	    res->status == 204 ? -1 : (int64_t)res->body.len, req->keep);
	gw_buf_puts(&out, "\r\n");
	if (strcmp(req->method, "HEAD") != 0)
		gw_buf_add(&out, res->body.data != NULL ? res->body.data : "",
		    res->body.len);
	ok = gw_conn_write(c, out.data, out.len);
	gw_buf_free(&out);
	return ok && req->keep;
}

/* ---- the client ------------------------------------------------------ */

static void
write_post(struct gw_buf *out, const struct gw_url *url,
    const struct gw_list *headers, const struct gw_buf *body)
{
	const char *slash = url->target[0] == '/' ? "" : "/";

	gw_buf_putf(out, "POST %s%s HTTP/1.1\r\n", slash, url->target);
	if (url->port != 0)
		gw_buf_putf(out, "Host: %s:%u\r\n", url->host, url->port);
	else
		gw_buf_putf(out, "Host: %s\r\n", url->host);
	for (size_t i = 0; i < headers->n; i++)
		gw_buf_putf(
		    out, "%s: %s\r\n", headers->v[i].name, headers->v[i].value);
	gw_buf_putf(
	    out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", body->len);
	gw_buf_add(out, body->data, body->len);
}

static bool
read_reply(struct gw_conn *c, struct gw_reply *out)
{
	struct gw_list headers = {0};
	struct gw_buf line = {0};
	int64_t status = 0;
	bool ok = false;

	do {
		gw_list_free(&headers);
		if (!read_line(c, &line, HEAD_MAX) || line.len < 12 ||
		    !gw_starts(line.data, "HTTP/1."))
			goto out;
		line.data[12] = '\0';
		if (!gw_number(line.data + 9, 999, &status) ||
		    !read_headers(c, &headers))
			goto out;
	} while (status / 100 == 1);
	ok = read_body(c, &headers, true, &out->body);
out:
	if (ok)
		out->status = (int)status;
	gw_list_free(&headers);
	gw_buf_free(&line);
	return ok;
}

void
gw_http_post(struct gw *gw, const char *url, const struct gw_list *headers,
    const struct gw_buf *body, int64_t timeout_ms, struct gw_reply *out)
{
	struct gw_conn c = {.fd = -1};
	struct gw_url to;
	struct gw_buf bytes = {0};

	*out = (struct gw_reply){0};
	if (!gw_url_read(url, &to)) {
		out->why = "not an http or https URL";
		return;
	}
	c.deadline_ms = gw_monotonic_ms() + timeout_ms;
	if (gw_conn_dial(&c, &to, gw->tls_out, &out->why)) {
		write_post(&bytes, &to, headers, body);
		if (!gw_conn_write(&c, bytes.data, bytes.len))
			out->why = "connection broke while sending";
		else if (!read_reply(&c, out))
			out->why = gw_monotonic_ms() >= c.deadline_ms
				       ? "no reply in time"
				       : "broken reply";
	}
	gw_buf_free(&bytes);
	gw_conn_close(&c, false);
}
