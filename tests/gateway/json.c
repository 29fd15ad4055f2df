/* json.c - JSON out, and the little JSON that scene_info needs. */
#include <ctype.h>
#include <string.h>

#include "tests/gateway/gateway.h"

void
gw_json_text(struct gw_buf *b, const char *text)
{
	bool utf8 = gw_utf8(text, strlen(text));

	gw_buf_puts(b, "\"");
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			gw_buf_putf(b, "\\%c", c);
		else if (c == '\n')
			gw_buf_puts(b, "\\n");
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
			gw_buf_putf(b, "\\u%04x", c);
		else
			gw_buf_add(b, text, 1);
	}
	gw_buf_puts(b, "\"");
}

void
gw_json_pair(struct gw_buf *b, const char *name, const char *value)
{
	gw_json_text(b, name);
	gw_buf_puts(b, ":");
	gw_json_text(b, value);
}

void
gw_json_list(struct gw_buf *b, const struct gw_list *l)
{
	gw_buf_puts(b, "{");
	for (size_t i = 0; i < l->n; i++) {
		if (i > 0)
			gw_buf_puts(b, ",");
		gw_json_pair(b, l->v[i].name, l->v[i].value);
	}
	gw_buf_puts(b, "}");
}

/* ---- in -------------------------------------------------------------- */

struct reader {
	const char *p;
	struct gw_list *out;
	int depth;
};

static bool read_value(struct reader *r, const char *path);

static void
skip_blank(struct reader *r)
{
	r->p += strspn(r->p, " \t\r\n");
}

static bool
eat(struct reader *r, char c)
{
	skip_blank(r);
	if (*r->p != c)
		return false;
	r->p++;
	return true;
}

static bool
read_escape(struct reader *r, struct gw_buf *b)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (*r->p == 'u') {
		/* scene_info's checks need no characters from here */
		for (int i = 1; i <= 4; i++) {
			if (!isxdigit((unsigned char)r->p[i]))
				return false;
		}
		gw_buf_puts(b, "?");
		r->p += 5;
		return true;
	}
	at = *r->p != '\0' ? strchr(from, *r->p) : NULL;
	if (at == NULL)
		return false;
	gw_buf_add(b, to + (at - from), 1);
	r->p++;
	return true;
}

static bool
read_string(struct reader *r, struct gw_buf *b)
{
	b->len = 0;
	gw_buf_puts(b, "");
	if (!eat(r, '"'))
		return false;
	while (*r->p != '"') {
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
	r->p++;
	return true;
}

static bool
read_object(struct reader *r, const char *path)
{
	struct gw_buf name = {0};
	struct gw_buf full = {0};
	bool ok = false;

	gw_list_add(r->out, path, "{}");
	if (eat(r, '}'))
		return true;
	do {
		if (!read_string(r, &name) || !eat(r, ':'))
			goto out;
		full.len = 0;
		if (*path != '\0')
			gw_buf_putf(&full, "%s.", path);
		gw_buf_puts(&full, name.data);
		if (gw_list_get(r->out, full.data) != NULL)
			goto out;
		if (!read_value(r, full.data))
			goto out;
	} while (eat(r, ','));
	ok = eat(r, '}');
out:
	gw_buf_free(&name);
	gw_buf_free(&full);
	return ok;
}

static bool
read_array(struct reader *r)
{
	if (eat(r, ']'))
		return true;
	do {
		struct gw_list unused = {0};
		struct gw_list *out = r->out;
		bool ok;

		r->out = &unused;
		ok = read_value(r, "");
		r->out = out;
		gw_list_free(&unused);
		if (!ok)
			return false;
	} while (eat(r, ','));
	return eat(r, ']');
}

/* Numbers, true, false, null: kept as they stand. */
static bool
read_word(struct reader *r, const char *path)
{
	size_t n = strspn(r->p, "0123456789+-.eEtrufalsn");
	struct gw_buf word = {0};

	if (n == 0)
		return false;
	gw_buf_add(&word, r->p, n);
	gw_list_add(r->out, path, word.data);
	gw_buf_free(&word);
	r->p += n;
	return true;
}

static bool
read_value(struct reader *r, const char *path)
{
	struct gw_buf text = {0};
	bool ok = false;

	if (r->depth >= 8)
		return false;
	r->depth++;
	skip_blank(r);
	if (*r->p == '"') {
		ok = read_string(r, &text);
		if (ok)
			gw_list_add(r->out, path, text.data);
		gw_buf_free(&text);
	} else if (eat(r, '{')) {
		ok = read_object(r, path);
	} else if (eat(r, '[')) {
		ok = read_array(r);
	} else {
		ok = read_word(r, path);
	}
	r->depth--;
	return ok;
}

bool
gw_json_read(const char *text, struct gw_list *out)
{
	struct reader r = {text, out, 0};

	if (!read_value(&r, ""))
		return false;
	skip_blank(&r);
	return *r.p == '\0';
}
