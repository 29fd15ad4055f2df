/* echo - a web program for the trials of the FastCGI machinery: says what
 * reached it.  The query picks what it does; see fcgi_wire.py. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/web/program.h"

static void
say(struct h5_buf *b, const char *name, const char *value)
{
	h5_buf_printf(b, "%s=%s\n", name, value);
}

static void
echo(struct h5_job *job)
{
	const struct h5_request *r = job->r;
	struct h5_buf *b = &job->resp->body;

	say(b, "method", r->method);
	say(b, "query", r->query);
	say(b, "user_agent", r->user_agent);
	say(b, "accept", r->accept);
	say(b, "accept_language", r->accept_language);
	say(b, "origin", r->origin);
	say(b, "referer", r->referer);
	say(b, "content_type", r->content_type);
	say(b, "forwarded_for", r->forwarded_for);
	say(b, "remote_addr", r->remote_addr);
	say(b, "document_root", r->document_root);
	say(b, "conf", r->conf);
	say(b, "site", job->shop.c->site.name);
	h5_buf_printf(b, "pid=%ld\n", (long)getpid());
	h5_buf_printf(b, "body=%zu:", r->body.len);
	h5_buf_add(b, r->body.data, r->body.len);
}

/* Blocks until somebody opens the FIFO for writing and closes it.  what:
 * its path, and an "&" behind it. */
static void
hold(const char *what)
{
	char *fifo = strndup(what, strcspn(what, "&"));
	char c;
	int fd = fifo == NULL ? -1 : open(fifo, O_RDONLY | O_CLOEXEC);

	free(fifo);

	while (fd >= 0 && read(fd, &c, 1) > 0)
		continue;
	if (fd >= 0)
		(void)close(fd);
}

static void
handle(struct h5_job *job)
{
	const char *q = job->r->query;
	const char *order = strstr(q, "order=");
	size_t i;

	if (strcmp(q, "nothing=1") == 0)
		return;
	if (strcmp(q, "crash=1") == 0)
		abort();
	if (h5_response_header(job->resp, "Content-Type",
		"text/plain; charset=utf-8", NULL) != H5_OK)
		return;
	if (strncmp(q, "hold=", 5) == 0)
		hold(q + 5);
	if (order != NULL)
		memcpy(job->sweep, order + 6,
		    strnlen(order + 6, sizeof job->sweep - 1));
	if (strcmp(q, "large=1") == 0)
		for (i = 0; i < 20000; i++)
			h5_buf_puts(&job->resp->body, "0123456789");
	else
		echo(job);
}

const struct h5_program h5_program = {
    .name = "echo",
    .allow = "GET, HEAD, POST",
    .body_max = 65536,
    .threads = 16,
    .handle = handle,
};
