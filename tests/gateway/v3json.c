/* v3json.c - APIv3's JSON: a strict reader that keeps what each value was, and
 * a writer that makes objects of dotted names.
 *
 * Read: amount.total = n100, payer.openid = sO..., a = o{}.  The first letter
 * is the kind: s text, n number (as it stood), b true or false, z null, o
 * object, a array; an array's members are a[0], a[1].
 * Written: amount.total = 100, payer.openid = "o..."; the value is JSON
 * already. */
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

enum { DEPTH_MAX = 16 };

struct reader {
	const char *p;
	const char *end;
	struct gw_list *out;
	int depth;
};

static bool read_value(struct reader *r, const char *path);

static void
skip_blank(struct reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n", *r->p) != NULL)
		r->p++;
}

static bool
eat(struct reader *r, char c)
{
	skip_blank(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool
read_hex4(struct reader *r, uint32_t *out)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	uint32_t c = 0;

	if (r->end - r->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		const char *at = memchr(digits, r->p[i], 32);

		if (at == NULL)
			return false;
		c = c * 16 + ((uint32_t)(at - digits) & 15);
	}
	r->p += 4;
	*out = c;
	return true;
}

static void
add_utf8(struct gw_buf *b, uint32_t c)
{
	char out[4];
	size_t n = 0;

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
		out[n++] = (char)(0xf0 | c >> 18);
		out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (c & 0x3f));
	}
	gw_buf_add(b, out, n);
}

/* Behind the backslash. */
static bool
read_escape(struct reader *r, struct gw_buf *b)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	uint32_t c = 0;
	uint32_t low = 0;
	const char *at;

	if (r->p == r->end)
		return false;
	if (*r->p != 'u') {
		at = memchr(from, *r->p, sizeof(from) - 1);
		if (at == NULL)
			return false;
		gw_buf_add(b, to + (at - from), 1);
		r->p++;
		return true;
	}
	r->p++;
	if (!read_hex4(r, &c) || c == 0 || (c >= 0xdc00 && c < 0xe000))
		return false;
	if (c >= 0xd800 && c < 0xdc00) {
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return false;
		r->p += 2;
		if (!read_hex4(r, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	add_utf8(b, c);
	return true;
}

static bool
read_string(struct reader *r, struct gw_buf *b)
{
	if (!eat(r, '"'))
		return false;
	gw_buf_puts(b, "");
	while (r->p < r->end && *r->p != '"') {
		if ((unsigned char)*r->p < 0x20)
			return false;
		if (*r->p == '\\') {
			r->p++;
			if (!read_escape(r, b))
				return false;
		} else {
			gw_buf_add(b, r->p, 1);
			r->p++;
		}
	}
	return eat(r, '"');
}

static bool
read_object(struct reader *r, const char *path)
{
	struct gw_buf name = {0};
	struct gw_buf full = {0};
	bool ok = false;

	gw_list_add(r->out, path, "o");
	if (eat(r, '}'))
		return true;
	do {
		name.len = full.len = 0;
		if (!read_string(r, &name) || !eat(r, ':'))
			goto out;
		gw_buf_putf(
		    &full, "%s%s%s", path, *path != '\0' ? "." : "", name.data);
		if (gw_list_get(r->out, full.data) != NULL ||
		    !read_value(r, full.data))
			goto out;
	} while (eat(r, ','));
	ok = eat(r, '}');
out:
	gw_buf_free(&name);
	gw_buf_free(&full);
	return ok;
}

static bool
read_array(struct reader *r, const char *path)
{
	struct gw_buf full = {0};
	unsigned i = 0;
	bool ok = true;

	gw_list_add(r->out, path, "a");
	if (eat(r, ']'))
		return true;
	do {
		full.len = 0;
		gw_buf_putf(&full, "%s[%u]", path, i++);
		ok = read_value(r, full.data);
	} while (ok && eat(r, ','));
	gw_buf_free(&full);
	return ok && eat(r, ']');
}

static bool
read_word(struct reader *r, const char *path)
{
	static const char *const words[] = {"true", "false", "null"};
	static const char digits[] = "0123456789+-.eE";
	struct gw_buf word = {0};
	const char *start = r->p;

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(r->end - r->p) < n ||
		    memcmp(r->p, words[i], n) != 0)
			continue;
		r->p += n;
		gw_list_addf(
		    r->out, path, "%c%s", i == 2 ? 'z' : 'b', words[i]);
		return true;
	}
	while (r->p < r->end && memchr(digits, *r->p, sizeof(digits) - 1))
		r->p++;
	if (r->p == start)
		return false;
	gw_buf_puts(&word, "n");
	gw_buf_add(&word, start, (size_t)(r->p - start));
	gw_list_add(r->out, path, word.data);
	gw_buf_free(&word);
	return true;
}

static bool
read_value(struct reader *r, const char *path)
{
	struct gw_buf text = {0};
	bool ok = false;

	if (r->depth >= DEPTH_MAX || r->out->n >= 1024)
		return false;
	r->depth++;
	skip_blank(r);
	if (r->p == r->end) {
		ok = false;
	} else if (*r->p == '"') {
		gw_buf_puts(&text, "s");
		ok = read_string(r, &text);
		if (ok)
			gw_list_add(r->out, path, text.data);
		gw_buf_free(&text);
	} else if (eat(r, '{')) {
		ok = read_object(r, path);
	} else if (eat(r, '[')) {
		ok = read_array(r, path);
	} else {
		ok = read_word(r, path);
	}
	r->depth--;
	return ok;
}

bool
gw_v3_read(const char *text, size_t n, struct gw_list *out)
{
	struct reader r = {text, text + n, out, 0};

	if (!gw_utf8(text, n) || memchr(text, '\0', n) != NULL ||
	    !read_value(&r, ""))
		return false;
	skip_blank(&r);
	return r.p == r.end && gw_v3_kind(out, "") == 'o';
}

char
gw_v3_kind(const struct gw_list *l, const char *path)
{
	const char *value = gw_list_get(l, path);

	return value != NULL ? value[0] : '\0';
}

const char *
gw_v3_text(const struct gw_list *l, const char *path)
{
	const char *value = gw_list_get(l, path);

	return value != NULL && strchr("snb", value[0]) != NULL ? value + 1
								: "";
}

/* ---- out ------------------------------------------------------------- */

void
gw_v3_add(struct gw_list *l, const char *path, const char *text)
{
	struct gw_buf b = {0};

	gw_json_text(&b, text);
	gw_list_add(l, path, b.data);
	gw_buf_free(&b);
}

void
gw_v3_addn(struct gw_list *l, const char *path, int64_t n)
{
	gw_list_addf(l, path, "%lld", (long long)n);
}

/* The members below a prefix, each object once, where it was named first. */
static void
write_below(struct gw_buf *b, const struct gw_list *l, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *comma = "";

	gw_buf_puts(b, "{");
	for (size_t i = 0; i < l->n; i++) {
		const char *name = l->v[i].name;
		size_t len;
		bool seen = false;
		struct gw_buf word = {0};

		if (!gw_starts(name, prefix))
			continue;
		len = strcspn(name + n, ".");
		for (size_t k = 0; k < i && !seen; k++)
			seen = strncmp(l->v[k].name, name, n + len) == 0 &&
			       strchr(".", l->v[k].name[n + len]) != NULL;
		if (seen)
			continue;
		gw_buf_add(&word, name, n + len);
		gw_buf_puts(b, comma);
		gw_json_text(b, word.data + n);
		gw_buf_puts(b, ":");
		if (name[n + len] == '\0') {
			gw_buf_puts(b, l->v[i].value);
		} else {
			gw_buf_puts(&word, ".");
			write_below(b, l, word.data);
		}
		gw_buf_free(&word);
		comma = ",";
	}
	gw_buf_puts(b, "}");
}

void
gw_v3_write(struct gw_buf *b, const struct gw_list *l)
{
	write_below(b, l, "");
}
