/* wire.c - XML, percent encoding, forms, HTML escaping, URLs. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/gateway/gateway.h"

/* ---- XML in ---------------------------------------------------------- */

struct reader {
	const char *p;
	const char *end;
	const char *why;
};

static bool
fail(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

static bool
eat(struct reader *r, const char *token)
{
	size_t n = strlen(token);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, token, n) != 0)
		return false;
	r->p += n;
	return true;
}

static void
skip_blank(struct reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n", *r->p) != NULL)
		r->p++;
}

/* Everything up to and with the token. */
static const char *
eat_until(struct reader *r, const char *token, size_t *len)
{
	const char *start = r->p;
	const char *at =
	    memmem(r->p, (size_t)(r->end - r->p), token, strlen(token));

	if (at == NULL)
		return NULL;
	*len = (size_t)(at - start);
	r->p = at + strlen(token);
	return start;
}

static bool
name_char(char c, bool first)
{
	if (isalpha((unsigned char)c) || c == '_')
		return true;
	return !first && (isdigit((unsigned char)c) || c == '-' || c == '.');
}

static bool
read_name(struct reader *r, struct gw_buf *name)
{
	const char *start = r->p;

	while (r->p < r->end && name_char(*r->p, r->p == start))
		r->p++;
	if (r->p == start || r->p - start > 64)
		return fail(r, "bad element name");
	name->len = 0;
	gw_buf_add(name, start, (size_t)(r->p - start));
	return true;
}

/* &#...; as UTF-8 */
static bool
add_code(struct gw_buf *b, const char *digits)
{
	uint32_t c = 0;
	uint32_t base = 10;
	char out[4];
	size_t n = 0;

	if (*digits == 'x') {
		base = 16;
		digits++;
	}
	if (*digits == '\0' || strlen(digits) > 7)
		return false;
	for (; *digits != '\0'; digits++) {
		const char *set = "0123456789abcdef";
		const char *at = strchr(set, tolower((unsigned char)*digits));

		if (at == NULL || (uint32_t)(at - set) >= base)
			return false;
		c = c * base + (uint32_t)(at - set);
	}
	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		out[n++] = (char)(0xe0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		out[n++] = (char)(0xf0 | (c >> 18 & 7));
		out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (c & 0x3f));
	}
	if (c == 0 || !gw_utf8(out, n))
		return false;
	gw_buf_add(b, out, n);
	return true;
}

static bool
read_entity(struct reader *r, struct gw_buf *value)
{
	static const char *const known[][2] = {{"lt", "<"}, {"gt", ">"},
	    {"amp", "&"}, {"quot", "\""}, {"apos", "'"}};
	char name[12];
	size_t n;
	const char *start = eat_until(r, ";", &n);

	if (start == NULL || n >= sizeof(name))
		return fail(r, "bad entity");
	memcpy(name, start, n);
	name[n] = '\0';
	if (name[0] == '#')
		return add_code(value, name + 1) || fail(r, "bad entity");
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i][0], name) == 0) {
			gw_buf_puts(value, known[i][1]);
			return true;
		}
	}
	return fail(r, "unknown entity");
}

/* Text and CDATA up to the end tag. */
static bool
read_value(struct reader *r, struct gw_buf *value)
{
	value->len = 0;
	gw_buf_puts(value, "");
	for (;;) {
		size_t n;

		if (r->p == r->end)
			return fail(r, "ends inside an element");
		if (eat(r, "</"))
			return true;
		if (eat(r, "<![CDATA[")) {
			const char *start = eat_until(r, "]]>", &n);

			if (start == NULL)
				return fail(r, "CDATA does not end");
			gw_buf_add(value, start, n);
		} else if (eat(r, "<!--")) {
			if (eat_until(r, "-->", &n) == NULL)
				return fail(r, "comment does not end");
		} else if (eat(r, "&")) {
			if (!read_entity(r, value))
				return false;
		} else if (*r->p == '<') {
			return fail(r, "element inside an element");
		} else {
			gw_buf_add(value, r->p, 1);
			r->p++;
		}
	}
}

static bool
read_element(struct reader *r, struct gw_buf *name, struct gw_buf *value)
{
	struct gw_buf end = {0};
	bool ok = false;

	if (!read_name(r, name))
		return false;
	skip_blank(r);
	value->len = 0;
	gw_buf_puts(value, "");
	if (eat(r, "/>"))
		return true;
	if (!eat(r, ">"))
		return fail(r, "attribute or broken tag");
	if (!read_value(r, value) || !read_name(r, &end))
		goto out;
	skip_blank(r);
	if (strcmp(end.data, name->data) != 0 || !eat(r, ">")) {
		fail(r, "end tag does not match");
		goto out;
	}
	ok = true;
out:
	gw_buf_free(&end);
	return ok;
}

static bool
read_document(struct reader *r, struct gw_list *out, struct gw_buf *name,
    struct gw_buf *value)
{
	size_t n;

	eat(r, "\xef\xbb\xbf");
	if (eat(r, "<?xml ") && eat_until(r, "?>", &n) == NULL)
		return fail(r, "declaration does not end");
	skip_blank(r);
	if (!eat(r, "<xml>"))
		return fail(r, "root is not <xml>");
	for (;;) {
		skip_blank(r);
		if (eat(r, "</xml>"))
			break;
		if (eat(r, "<!--")) {
			if (eat_until(r, "-->", &n) == NULL)
				return fail(r, "comment does not end");
			continue;
		}
		if (!eat(r, "<"))
			return fail(r, "text between elements");
		if (!read_element(r, name, value))
			return false;
		if (gw_list_get(out, name->data) != NULL)
			return fail(r, "element twice");
		if (out->n >= 256)
			return fail(r, "too many elements");
		gw_list_add(out, name->data, value->data);
	}
	skip_blank(r);
	return r->p == r->end || fail(r, "something follows </xml>");
}

bool
gw_xml_read(const char *text, size_t n, struct gw_list *out, const char **why)
{
	struct reader r = {text, text + n, NULL};
	struct gw_buf name = {0};
	struct gw_buf value = {0};
	bool ok = false;

	if (memchr(text, '\0', n) != NULL)
		r.why = "NUL byte";
	else if (!gw_utf8(text, n))
		r.why = "not UTF-8";
	else
		ok = read_document(&r, out, &name, &value);
	gw_buf_free(&name);
	gw_buf_free(&value);
	*why = r.why;
	return ok;
}

/* ---- XML out --------------------------------------------------------- */

static bool
digits_only(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* Which values are written without CDATA, as in live messages. */
static bool
plain(const char *name, const char *value, enum gw_xml_style style)
{
	if (!digits_only(value))
		return false;
	if (strcmp(name, "total_fee") == 0)
		return true;
	if (style == GW_XML_NOTICE)
		return false;
	return gw_starts(name, "coupon_fee") ||
	       gw_starts(name, "coupon_count") || gw_ends(name, "_fee");
}

static void
add_cdata(struct gw_buf *b, const char *value)
{
	const char *at = strstr(value, "]]>");

	gw_buf_puts(b, "<![CDATA[");
	for (; at != NULL; at = strstr(value, "]]>")) {
		gw_buf_add(b, value, (size_t)(at - value) + 2);
		gw_buf_puts(b, "]]><![CDATA[");
		value = at + 2;
	}
	gw_buf_puts(b, value);
	gw_buf_puts(b, "]]>");
}

void
gw_xml_write(
    struct gw_buf *b, const struct gw_list *fields, enum gw_xml_style style)
{
	gw_buf_puts(b, "<xml>");
	for (size_t i = 0; i < fields->n; i++) {
		const struct gw_pair *f = &fields->v[i];

		gw_buf_putf(b, "<%s>", f->name);
		if (plain(f->name, f->value, style))
			gw_buf_puts(b, f->value);
		else
			add_cdata(b, f->value);
		gw_buf_putf(b, "</%s>\n", f->name);
	}
	gw_buf_puts(b, "</xml>");
}

/* ---- percent encoding and forms -------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
gw_unescape(struct gw_buf *b, const char *text, size_t n, bool plus)
{
	gw_buf_puts(b, "");
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < n ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < n ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0')
			return false;
		gw_buf_add(b, &c, 1);
	}
	return true;
}

void
gw_escape_url(struct gw_buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-_.~", c) != NULL)
			gw_buf_add(b, text, 1);
		else
			gw_buf_putf(b, "%%%02X", c);
	}
}

void
gw_escape_html(struct gw_buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			gw_buf_puts(b, "&amp;");
			break;
		case '<':
			gw_buf_puts(b, "&lt;");
			break;
		case '>':
			gw_buf_puts(b, "&gt;");
			break;
		case '"':
			gw_buf_puts(b, "&quot;");
			break;
		case '\'':
			gw_buf_puts(b, "&#39;");
			break;
		default:
			gw_buf_add(b, text, 1);
		}
	}
}

bool
gw_form_read(const char *text, size_t n, struct gw_list *out)
{
	struct gw_buf name = {0};
	struct gw_buf value = {0};
	bool ok = true;

	while (n > 0 && ok) {
		const char *amp = memchr(text, '&', n);
		size_t len = amp != NULL ? (size_t)(amp - text) : n;
		const char *eq = memchr(text, '=', len);
		size_t cut = eq != NULL ? (size_t)(eq - text) : len;

		name.len = value.len = 0;
		ok = gw_unescape(&name, text, cut, true) &&
		     gw_unescape(&value, eq != NULL ? eq + 1 : "",
			 eq != NULL ? len - cut - 1 : 0, true);
		if (ok && name.len > 0)
			gw_list_add(out, name.data, value.data);
		if (amp != NULL)
			len++;
		text += len;
		n -= len;
	}
	gw_buf_free(&name);
	gw_buf_free(&value);
	return ok;
}

/* ---- URLs ------------------------------------------------------------ */

static bool
read_authority(struct gw_url *out, const char *at, size_t n)
{
	const char *colon = NULL;
	size_t host = n;
	int64_t port = 0;

	if (memchr(at, '@', n) != NULL)
		return false;
	if (n > 0 && at[0] == '[') {
		const char *close = memchr(at, ']', n);

		if (close == NULL)
			return false;
		host = (size_t)(close - at) + 1;
		if (host < n)
			colon = at + host;
	} else {
		colon = memchr(at, ':', n);
		if (colon != NULL)
			host = (size_t)(colon - at);
	}
	if (host == 0 || host >= sizeof(out->host))
		return false;
	memcpy(out->host, at, host);
	out->host[host] = '\0';
	if (colon != NULL) {
		char digits[8] = "";
		size_t len = n - host - 1;

		if (*colon != ':' || len >= sizeof(digits))
			return false;
		memcpy(digits, colon + 1, len);
		if (!gw_number(digits, 65535, &port))
			return false;
	}
	out->port = (unsigned)port;
	return true;
}

bool
gw_url_read(const char *text, struct gw_url *out)
{
	size_t n;

	*out = (struct gw_url){0};
	if (gw_starts(text, "https://")) {
		out->tls = true;
		text += 8;
	} else if (gw_starts(text, "http://")) {
		text += 7;
	} else {
		return false;
	}
	n = strcspn(text, "/?#");
	if (!read_authority(out, text, n))
		return false;
	text += n;
	n = strcspn(text, "#");
	if (n >= sizeof(out->target))
		return false;
	memcpy(out->target, text, n);
	return true;
}
