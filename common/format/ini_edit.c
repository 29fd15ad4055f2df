/* Sets one key in the text of an INI file and leaves the rest as it is. */
#include "common/format/ini_edit.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/text.h"

#define PROMISE "must end with:"

/* A line without its end. */
struct line {
	const char *p;
	size_t n; /* bytes without the end */
	size_t whole; /* and with it */
};

/* Where in the text the new line goes. */
struct place {
	size_t at; /* offset */
	size_t cut; /* bytes that it replaces */
	bool in_section; /* the section is there */
	bool replaces; /* a setting's line was found */
	bool commented; /* "#key = ..." was found, and no setting yet */
};

static struct line
line_at(const char *p)
{
	struct line l = {p, strcspn(p, "\n"), 0};

	l.whole = l.n + (p[l.n] == '\n' ? 1 : 0);
	if (l.n > 0 && p[l.n - 1] == '\r')
		l.n--;
	return l;
}

static void
trim(struct line *l)
{
	while (l->n > 0 && strchr(" \t", l->p[0]) != NULL) {
		l->p++;
		l->n--;
	}
	while (l->n > 0 && strchr(" \t", l->p[l->n - 1]) != NULL)
		l->n--;
}

/* Is it "key = value"? */
static bool
sets(struct line l, const char *key)
{
	const char *is;

	trim(&l);
	is = memchr(l.p, '=', l.n);
	if (key == NULL || is == NULL)
		return false;
	l.n = (size_t)(is - l.p);
	trim(&l);
	return l.n == strlen(key) && memcmp(l.p, key, l.n) == 0;
}

/* Is it "#key = value", an example that is switched off? */
static bool
shows(struct line l, const char *key)
{
	trim(&l);
	if (l.n == 0 || strchr("#;", l.p[0]) == NULL)
		return false;
	l.p++;
	l.n--;
	return sets(l, key);
}

static bool
heads(struct line l, const char *section)
{
	size_t n = strlen(section);

	trim(&l);
	return l.n == n + 2 && l.p[0] == '[' && l.p[n + 1] == ']' &&
	       memcmp(l.p + 1, section, n) == 0;
}

static bool
is_head(struct line l)
{
	trim(&l);
	return l.n > 0 && l.p[0] == '[';
}

static bool
is_setting(struct line l)
{
	trim(&l);
	return l.n > 0 && strchr("#;[", l.p[0]) == NULL;
}

/* The bytes that may be written behind: all, or those before the line that the
 * first one promises to be the last. */
static size_t
body(const char *text)
{
	struct line first =
	    line_at(text + h5_text_skip_bom(text, strlen(text)));
	size_t n = strlen(text), at;

	trim(&first);
	if (first.n < 2 || strchr("#;", first.p[0]) == NULL)
		return n;
	first.p++;
	first.n--;
	trim(&first);
	if (first.n < strlen(PROMISE) ||
	    memcmp(first.p, PROMISE, strlen(PROMISE)) != 0)
		return n;
	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	for (at = n; at > 0 && text[at - 1] != '\n';)
		at--;
	return at;
}

/* One line of the section that is wanted, at offset at. */
static void
look(struct place *to, struct line l, size_t at, const struct h5_ini_set *set)
{
	if (to->replaces)
		return;
	if (sets(l, set->key) || sets(l, set->twin)) {
		to->at = at;
		to->cut = l.whole;
		to->replaces = true;
	} else if (shows(l, set->key)) {
		to->at = at + l.whole;
		to->commented = true;
	} else if (!to->commented && is_setting(l)) {
		to->at = at + l.whole;
	}
}

static struct place
find(const char *text, const struct h5_ini_set *set)
{
	struct place to = {body(text), 0, false, false, false};
	size_t at = h5_text_skip_bom(text, strlen(text));
	bool inside = false;
	struct line l;

	for (; text[at] != '\0'; at += l.whole) {
		l = line_at(text + at);
		if (is_head(l)) {
			inside = heads(l, set->section);
			if (inside && !to.in_section) {
				to.in_section = true;
				to.at = at + l.whole;
			}
		} else if (inside) {
			look(&to, l, at, set);
		}
	}
	return to;
}

enum h5_code
h5_ini_edit(const char *text, const struct h5_ini_set *set, struct h5_buf *out,
    struct h5_err *e)
{
	struct place to = find(text, set);
	/* The ends of lines are as in the file's first one. */
	const char *lf = strchr(text, '\n');
	const char *end =
	    lf != NULL && lf > text && lf[-1] == '\r' ? "\r\n" : "\n";

	h5_buf_add(out, text, to.at);
	if (to.at > 0 && text[to.at - 1] != '\n')
		h5_buf_puts(out, end);
	if (!to.in_section)
		h5_buf_printf(
		    out, "%s[%s]%s", to.at > 0 ? end : "", set->section, end);
	h5_buf_printf(out, "%s = %s%s", set->key, set->value, end);
	h5_buf_puts(out, text + to.at + to.cut);
	return h5_buf_finish(out, e);
}
