/* h5pay explain - what a code, a message or a log event means, whose it is and
 * what to do.  The words are templates/explain.txt, compiled in. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/embed.h"
#include "common/format/escape.h"
#include "common/format/json.h"
#include "common/base/text.h"

#define WORDS_MOST 4096 /* a text that was not put into quotes */
#define TEXT_MAX 4096 /* longest question, bytes */
#define ALIASES 32
#define SHOWN 5 /* most entries that one question is answered with */
#define NEAR 3
#define NEAR_LIKE 6 /* least bytes in common: two Chinese characters */

struct slice {
	const char *p;
	size_t n;
};

/* In the order of their lines. */
enum part { KIND, WHOSE, EN, EN_NEXT, ZH, ZH_NEXT, PARTS };
static const char *const part_names[PARTS] = {
    "kind", "whose", "en", "en.next", "zh", "zh.next"};

struct entry {
	struct slice alias[ALIASES];
	size_t n;
	struct slice part[PARTS];
};

/* --- the file --- */

static bool
next_line(const char **at, struct slice *line)
{
	const char *end = strchr(*at, '\n');

	if (end == NULL)
		return false;
	line->p = *at;
	line->n = (size_t)(end - *at);
	*at = end + 1;
	return true;
}

static const char *
file_text(void)
{
	return (const char *)h5_embed_command_files[0].bytes;
}

static void
take_aliases(struct slice line, struct entry *x)
{
	const char *p = line.p, *end = line.p + line.n, *bar;

	x->n = 0;
	while (p < end && x->n < ALIASES) {
		bar = memmem(p, (size_t)(end - p), " | ", 3);
		if (bar == NULL)
			bar = end;
		x->alias[x->n++] = (struct slice){p, (size_t)(bar - p)};
		p = bar < end ? bar + 3 : end;
	}
}

/* The next entry from *at on. */
static bool
next_entry(const char **at, struct entry *x)
{
	struct slice line;
	size_t i, len;

	/* Up to the next line that begins with "=". */
	do
		if (!next_line(at, &line))
			return false;
	while (line.n < 3 || line.p[0] != '=');
	take_aliases((struct slice){line.p + 2, line.n - 2}, x);
	/* The parts have a fixed order; a file that lacks one is a fault of the
	 * build, which the tests find. */
	for (i = 0; i < PARTS; i++) {
		len = strlen(part_names[i]);
		if (!next_line(at, &line) || line.n <= len ||
		    strncmp(line.p, part_names[i], len) != 0 ||
		    line.p[len] != ' ')
			return false;
		x->part[i] = (struct slice){line.p + len + 1, line.n - len - 1};
	}
	return true;
}

/* The line that begins with "@" and this name. */
static void
word(const char *name, struct h5_buf *out)
{
	const char *at = file_text();
	size_t len = strlen(name);
	struct slice line;

	while (next_line(&at, &line))
		if (line.n > len + 2 && line.p[0] == '@' &&
		    strncmp(line.p + 1, name, len) == 0 &&
		    line.p[len + 1] == ' ')
			h5_buf_add(out, line.p + len + 2, line.n - len - 2);
}

/* --- finding --- */

/* Blanks, punctuation and case do not count: SYSTEM_ERROR is SYSTEMERROR. */
static void
normal(struct slice s, struct h5_buf *out)
{
	size_t i;
	unsigned char c;

	h5_buf_clear(out);
	for (i = 0; i < s.n; i++) {
		c = (unsigned char)s.p[i];
		if (c >= 0x80 || isalnum(c))
			h5_buf_putc(out, (char)tolower(c));
		/* The comma and full stop of Chinese text. */
		if (out->len >= 3 &&
		    (memcmp(out->data + out->len - 3, "\xef\xbc\x8c", 3) == 0 ||
			memcmp(out->data + out->len - 3, "\xe3\x80\x82", 3) ==
			    0)) {
			out->len -= 3;
			out->data[out->len] = '\0';
		}
	}
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Can this alias be told from the words around it?  A plain word or number
 * cannot. */
static bool
distinct(struct slice a)
{
	size_t i;
	bool lower = false, mark = false, letter = false;

	for (i = 0; i < a.n; i++) {
		lower = lower || islower((unsigned char)a.p[i]);
		letter = letter || isalpha((unsigned char)a.p[i]);
		mark = mark || a.p[i] == '_' || a.p[i] == '-' ||
		       a.p[i] == ' ' || (a.p[i] & 0x80) != 0;
	}
	/* Six bytes with a mark in them, or capitals alone: shorter ones occur
	 * in sentences by chance. */
	return a.n >= 6 && (mark || (letter && !lower));
}

enum how { SAME, EXACT, INSIDE, PART };

static bool
stands_inside(struct slice alias, const char *text)
{
	const char *p = text;
	bool ascii = (alias.p[0] & 0x80) == 0;

	if (!distinct(alias))
		return false;
	for (; (p = memmem(p, strlen(p), alias.p, alias.n)) != NULL; p++)
		/* A Chinese alias needs no borders, since words are not parted
		 * there. */
		if (!ascii ||
		    ((p == text || !is_word(p[-1])) && !is_word(p[alias.n])))
			return true;
	return false;
}

struct asked {
	const char *text; /* as it was given */
	struct h5_buf plain; /* normal */
	struct h5_buf alias; /* normal, of the alias at hand */
	bool cut; /* memory ran out in mid-answer */
};

static bool
matches(struct asked *q, const struct entry *x, enum how how)
{
	size_t i;
	const char *alias;

	for (i = 0; i < x->n; i++) {
		if (how == SAME) {
			if (strlen(q->text) == x->alias[i].n &&
			    memcmp(q->text, x->alias[i].p, x->alias[i].n) == 0)
				return true;
			continue;
		}
		if (how == INSIDE) {
			if (stands_inside(x->alias[i], q->text))
				return true;
			continue;
		}
		normal(x->alias[i], &q->alias);
		alias = q->alias.data;
		/* "78" is "exit 78". */
		if (strncmp(alias, "exit", 4) == 0 &&
		    isdigit((unsigned char)q->plain.data[0]))
			alias += 4;
		if (how == EXACT ? strcmp(alias, q->plain.data) == 0
				 : strstr(alias, q->plain.data) != NULL)
			return true;
	}
	return false;
}

/* --- near matches --- */

/* The longest run of bytes that both have. */
static size_t
common_run(const char *a, const char *b)
{
	size_t best = 0, n;
	const char *p, *q;

	/* The texts are short, so trying each pair of places is fast enough. */
	for (p = a; *p != '\0'; p++)
		for (q = b; *q != '\0'; q++) {
			for (n = 0; p[n] != '\0' && p[n] == q[n]; n++)
				;
			best = n > best ? n : best;
		}
	return best;
}

static void
near_by_run(struct asked *q, struct slice found[NEAR], size_t *n)
{
	const char *at = file_text();
	size_t score[NEAR] = {0}, run, i, j, best;
	struct entry x;

	while (next_entry(&at, &x)) {
		/* An entry is as near as the nearest of its aliases. */
		for (i = best = 0; i < x.n; i++) {
			normal(x.alias[i], &q->alias);
			run = common_run(q->plain.data, q->alias.data);
			best = run > best ? run : best;
		}
		for (i = 0; i < *n && score[i] >= best; i++)
			;
		if (best < NEAR_LIKE || i == NEAR)
			continue;
		*n += *n < NEAR ? 1 : 0;
		for (j = *n - 1; j > i; j--) {
			found[j] = found[j - 1];
			score[j] = score[j - 1];
		}
		found[i] = x.alias[0];
		score[i] = best;
	}
}

/* A mistyped code: few letters differ. */
static void
near_by_letters(struct asked *q, struct slice found[NEAR], size_t *n)
{
	const char *at = file_text(), *one[1];
	struct entry x;
	size_t i;

	while (*n < NEAR && next_entry(&at, &x))
		for (i = 0; i < x.n; i++) {
			normal(x.alias[i], &q->alias);
			one[0] = q->alias.data;
			if (h5_text_closest(q->plain.data, one, 1) == NULL)
				continue;
			found[(*n)++] = x.alias[i];
			break;
		}
}

/* --- answering --- */

/* "@whose.shop the shop|..." in one language. */
static void
whose(const struct entry *x, bool en, struct h5_buf *out)
{
	char name[32];
	struct h5_buf both;
	const char *bar;

	h5_buf_clear(out);
	h5_buf_init(&both, 256);
	(void)snprintf(name, sizeof name, "whose.%.*s", (int)x->part[WHOSE].n,
	    x->part[WHOSE].p);
	word(name, &both);
	bar = strchr(both.data, '|');
	if (bar != NULL && en)
		h5_buf_add(out, both.data, (size_t)(bar - both.data));
	else if (bar != NULL)
		h5_buf_puts(out, bar + 1);
	if (both.bad != H5_OK)
		out->bad = both.bad;
	h5_buf_release(&both);
}

static void
put_json(struct h5_buf *out, const char *name, struct slice s)
{
	char *text = strndup(s.p, s.n);

	h5_buf_printf(out, "\"%s\":", name);
	h5_json_string(text != NULL ? text : "", out);
	free(text);
}

static void
print_json(struct asked *q, const struct entry *x)
{
	struct h5_buf out, who;

	h5_buf_init(&out, 65536);
	h5_buf_init(&who, 256);
	h5_buf_puts(&out, "{");
	put_json(&out, "about", x->alias[0]);
	h5_buf_puts(&out, ",");
	put_json(&out, "kind", x->part[KIND]);
	whose(x, true, &who);
	h5_buf_puts(&out, ",\"whose\":{");
	put_json(&out, "en", (struct slice){who.data, who.len});
	whose(x, false, &who);
	h5_buf_puts(&out, ",");
	put_json(&out, "zh-CN", (struct slice){who.data, who.len});
	h5_buf_puts(&out, "},\"cause\":{");
	put_json(&out, "en", x->part[EN]);
	h5_buf_puts(&out, ",");
	put_json(&out, "zh-CN", x->part[ZH]);
	h5_buf_puts(&out, "},\"next\":{");
	put_json(&out, "en", x->part[EN_NEXT]);
	h5_buf_puts(&out, ",");
	put_json(&out, "zh-CN", x->part[ZH_NEXT]);
	h5_buf_puts(&out, "}}\n");
	if (out.bad == H5_OK)
		(void)fputs(out.data, stdout);
	q->cut = q->cut || out.bad != H5_OK || who.bad != H5_OK;
	h5_buf_release(&who);
	h5_buf_release(&out);
}

/* For a person: both languages.  Elsewhere the same cells, tab-separated. */
static void
print_entry(const struct command *cmd, struct asked *q, const struct entry *x,
    bool first)
{
	struct h5_buf en, zh;
	const struct slice *p = x->part;

	h5_buf_init(&en, 256);
	h5_buf_init(&zh, 256);
	whose(x, true, &en);
	whose(x, false, &zh);
	if (cmd->terminal) {
		(void)printf("%s%s%.*s%s (%.*s)\n", first ? "" : "\n",
		    cmd->colour ? "\033[1m" : "", (int)x->alias[0].n,
		    x->alias[0].p, cmd->colour ? "\033[0m" : "", (int)p[KIND].n,
		    p[KIND].p);
		(void)printf("  whose  %s\n  cause  %.*s\n  next   %.*s\n\n",
		    en.data, (int)p[EN].n, p[EN].p, (int)p[EN_NEXT].n,
		    p[EN_NEXT].p);
		(void)printf("  whose  %s\n  cause  %.*s\n  next   %.*s\n",
		    zh.data, (int)p[ZH].n, p[ZH].p, (int)p[ZH_NEXT].n,
		    p[ZH_NEXT].p);
	} else {
		(void)printf("%.*s\t%.*s\t%s\t%.*s\t%.*s\t%s\t%.*s\t%.*s\n",
		    (int)x->alias[0].n, x->alias[0].p, (int)p[KIND].n,
		    p[KIND].p, en.data, (int)p[EN].n, p[EN].p,
		    (int)p[EN_NEXT].n, p[EN_NEXT].p, zh.data, (int)p[ZH].n,
		    p[ZH].p, (int)p[ZH_NEXT].n, p[ZH_NEXT].p);
	}
	q->cut = q->cut || en.bad != H5_OK || zh.bad != H5_OK;
	h5_buf_release(&en);
	h5_buf_release(&zh);
}

/* Every entry that matches in this way. */
static unsigned
answer(const struct command *cmd, struct asked *q, enum how how)
{
	const char *at = file_text();
	unsigned found = 0;
	struct entry x;

	while (found < SHOWN && next_entry(&at, &x)) {
		if (!matches(q, &x, how))
			continue;
		if (cmd->json)
			print_json(q, &x);
		else
			print_entry(cmd, q, &x, found == 0);
		found++;
	}
	return found;
}

static int
unknown(const struct command *cmd, struct asked *q)
{
	struct slice near[NEAR];
	size_t n = 0, i;

	near_by_letters(q, near, &n);
	if (n == 0)
		near_by_run(q, near, &n);
	if (cmd->json)
		(void)printf("null\n");
	(void)fprintf(stderr, "h5pay: nothing is known about \"%.*s\"\n",
	    (int)h5_text_cut(q->text, strlen(q->text), 100), q->text);
	for (i = 0; i < n; i++)
		(void)fprintf(stderr, "%s  %.*s\n",
		    i == 0 ? "did you mean\n" : "", (int)near[i].n, near[i].p);
	return EXIT_NO;
}

static int
explain(const struct command *cmd, struct asked *q)
{
	enum how how;

	normal((struct slice){q->text, strlen(q->text)}, &q->plain);
	if (q->plain.len == 0)
		return command_usage(&verb_explain, "one text is needed");
	/* The ways are tried from the narrowest to the widest, and the first
	 * that finds anything answers. */
	for (how = SAME; how <= PART; how++)
		/* Less would be a part of everything. */
		if ((how != PART || q->plain.len >= 4) &&
		    answer(cmd, q, how) > 0)
			return EXIT_DONE;
	return unknown(cmd, q);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct asked q = {0};
	struct h5_buf text, raw;
	struct h5_err e;
	int i, status;

	h5_buf_init(&text, TEXT_MAX);
	h5_buf_init(&raw, TEXT_MAX);
	h5_buf_init(&q.plain, TEXT_MAX);
	h5_buf_init(&q.alias, TEXT_MAX);
	for (i = 1; i < argc; i++) {
		h5_buf_puts(&text, i > 1 ? " " : "");
		h5_buf_puts(&text, argv[i]);
	}
	/* A line of the log may have \xhh in it; 0.1.0 wrote all Chinese so. */
	h5_text_unshow(text.data, &raw);
	q.text = raw.bad == H5_OK && h5_text_printable(raw.data) ? raw.data
								 : text.data;
	if (text.bad == H5_E_NOMEM) {
		(void)h5_err_nomem(&e);
		status = command_fail(cmd, &e);
	} else if (text.bad != H5_OK || !h5_text_printable(text.data)) {
		(void)fputs(
		    "h5pay: the text must be one line of UTF-8\n", stderr);
		status = EXIT_DATA;
	} else
		status = explain(cmd, &q);
	/* An answer that lacks something would be worse than none. */
	if (q.cut || q.plain.bad == H5_E_NOMEM || q.alias.bad == H5_E_NOMEM) {
		(void)h5_err_nomem(&e);
		status = command_fail(cmd, &e);
	}
	h5_buf_release(&q.alias);
	h5_buf_release(&q.plain);
	h5_buf_release(&raw);
	h5_buf_release(&text);
	return status;
}

const struct verb verb_explain = {
    .name = "explain",
    .usage = "explain TEXT [--json]",
    .operand = "TEXT",
    .example = "NOAUTH",
    .least = 1,
    .most = WORDS_MOST,
    .run = run,
};
