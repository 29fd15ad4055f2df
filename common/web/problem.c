/* What a program that asked for JSON is told where it is refused: the same
 * words as the page's, as application/problem+json. */
#include "common/web/problem.h"

#include <stdio.h>
#include <string.h>

#include "common/base/length.h"
#include "common/format/json.h"

#define WORDS 4096 /* bytes of a title or a detail */

/* Pages whose refusal has other words than <page>_title and <page>_text. */
struct words {
	const char *page;
	int status;
	const char *type, *title, *text;
};
static const struct words others[] = {
    {"confirm", 400, "bad-amount", "yuan_label", "yuan_error"},
    {"confirm", 409, "price-changed", "changed_title", "changed_text"},
};

bool
h5_problem_wanted(const struct h5_request *r, int status)
{
	return status >= 400 && h5_web_wants_json(r);
}

/* Words of a page without its markup. */
static void
put_plain(struct h5_buf *out, const char *s)
{
	static const char *const marks[][2] = {{"&lt;", "<"}, {"&gt;", ">"},
	    {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
	size_t i;

	/* Markup goes; the five escapes that templates write become what they
	 * stand for. */
	while (*s != '\0') {
		if (*s == '<' && strchr(s, '>') != NULL) {
			s = strchr(s, '>') + 1;
			continue;
		}
		for (i = 0; i < H5_LENGTH(marks); i++)
			if (strncmp(s, marks[i][0], strlen(marks[i][0])) == 0)
				break;
		if (i < H5_LENGTH(marks)) {
			h5_buf_puts(out, marks[i][1]);
			s += strlen(marks[i][0]);
		} else {
			h5_buf_putc(out, *s++);
		}
	}
}

/* The member called name: the message called key, filled with v. */
static void
put_message(const struct h5_page_ctx *x, const char *name, const char *key,
    const char *lang, const struct h5_data *v)
{
	struct h5_buf page, plain;
	char message[64];

	h5_buf_init(&page, WORDS);
	h5_buf_init(&plain, WORDS);
	(void)snprintf(message, sizeof message, "m.%s", key);
	/* A message that cannot be rendered is left out; the status is what
	 * counts. */
	if (h5_pages_render(x->pages, message, lang, v, &page, NULL) == H5_OK)
		put_plain(&plain, page.data);
	if (plain.len > 0 && plain.bad == H5_OK)
		h5_json_text(name, plain.data, &x->resp->body);
	h5_buf_release(&plain);
	h5_buf_release(&page);
}

static const struct words *
find_words(const char *page, int status)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(others); i++)
		if (others[i].status == status &&
		    strcmp(others[i].page, page) == 0)
			return &others[i];
	return NULL;
}

static void
put_members(const struct h5_page_ctx *x, const char *page, int status,
    const char *lang, const struct h5_data *v)
{
	const struct words *other = find_words(page, status);
	struct h5_buf *out = &x->resp->body;
	char type[80], title[64], text[64], *c;

	(void)snprintf(type, sizeof type, "urn:h5pay:%s",
	    other != NULL ? other->type : page);
	(void)snprintf(title, sizeof title, "%s_title", page);
	(void)snprintf(text, sizeof text, "%s_text", page);
	/* Pages are named with hyphens, their messages with underscores. */
	for (c = title; *c != '\0'; c++)
		*c = (char)(*c == '-' ? '_' : *c);
	for (c = text; *c != '\0'; c++)
		*c = (char)(*c == '-' ? '_' : *c);
	h5_buf_putc(out, '{');
	h5_json_text("type", type, out);
	put_message(x, "title", other != NULL ? other->title : title, lang, v);
	h5_json_int("status", status, out);
	put_message(x, "detail", other != NULL ? other->text : text, lang, v);
	if (x->log != NULL)
		h5_json_text("request", x->log->rid, out);
	h5_buf_puts(out, "}\n");
}

void
h5_problem_fill(const struct h5_page_ctx *x, const char *page, int status,
    const char *lang, const struct h5_data *v)
{
	const char *const headers[][2] = {
	    {"Content-Type", "application/problem+json"},
	    {"Cache-Control", "no-store"},
	    {"Content-Language", lang},
	    {"Vary", "Accept, Accept-Language"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "strict-origin"},
	};
	struct h5_err e;
	size_t i;

	h5_buf_clear(&x->resp->body);
	put_members(x, page, status, lang, v);
	x->resp->status = status;
	/* A header that does not fit is no reason to fail here: this is the
	 * answer to a failure. */
	for (i = 0; i < H5_LENGTH(headers); i++)
		if (h5_response_header(
			x->resp, headers[i][0], headers[i][1], &e) != H5_OK)
			break;
}
