/* The options of the command line, read by the tables of the verbs: every
 * fault names the option, its form and an example. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"

#define NEAR_MOST 32 /* options that a misspelt one is compared with */

enum common { CONFIG, JSON, QUIET, HELP, VERSION, COMMON };

const struct option_def options_common[] = {
    [CONFIG] = {.name = "config",
	.letter = 'c',
	.kind = VALUE_FILE,
	.form = "FILE",
	.example = "/etc/h5pay/h5pay.conf"},
    [JSON] = {.name = "json"},
    [QUIET] = {.name = "quiet", .letter = 'q'},
    [HELP] = {.name = "help", .letter = 'h'},
    [VERSION] = {.name = "version", .letter = 'V'},
    [COMMON] = {.name = NULL},
};

struct parsing {
	const struct verb *v; /* NULL: what stands before the verb */
	struct given common[COMMON];
	struct given *own; /* the verb's, by the place in its table */
	int argc, at;
	char **argv;
};

/* One option as it was written, for messages: "-c" or "--config". */
struct spelt {
	const struct option_def *def;
	struct given *slot;
	char name[48];
};

/* --- what is said about a fault ------------------------------------------- */

static int
fault(const struct parsing *p, const char *text)
{
	if (p->v != NULL)
		return command_usage(p->v, "%s", text);
	(void)fprintf(stderr,
	    "h5pay: %s\nusage: h5pay [-c FILE] VERB [OPTION...]\n", text);
	return EXIT_USAGE;
}

static int
bad_value(const struct parsing *p, const struct spelt *s, const char *value,
    const char *want)
{
	(void)fprintf(stderr, "h5pay%s%s: %s \"%.*s\": %s, such as %s %s",
	    p->v != NULL ? " " : "", p->v != NULL ? p->v->name : "", s->name,
	    (int)h5_text_cut(value, strlen(value), 100), value, want, s->name,
	    s->def->example);
	return EXIT_USAGE;
}

static int
unknown(const struct parsing *p, const char *word)
{
	const char *names[NEAR_MOST], *near;
	const struct option_def *o;
	char bare[48], text[256];
	size_t n = 0;

	for (o = options_common; o->name != NULL; o++)
		names[n++] = o->name;
	o = p->v != NULL ? p->v->options : NULL;
	for (; o != NULL && o->name != NULL && n < NEAR_MOST; o++)
		names[n++] = o->name;
	/* A single letter is near to everything. */
	(void)snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word + 2, "="),
	    word[1] == '-' ? word + 2 : "");
	near = bare[0] == '\0' ? NULL : h5_text_closest(bare, names, n);
	(void)snprintf(text, sizeof text, "there is no option \"%.*s\"%s%s%s%s",
	    48, word, near != NULL ? "; did you mean \"--" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "",
	    p->v == NULL ? " (the options of a verb stand behind it)" : "");
	return fault(p, text);
}

static int
without_value(const struct parsing *p, const struct spelt *s)
{
	char text[256];

	(void)snprintf(text, sizeof text,
	    "%s needs a value: %s %s, such as %s %s", s->name, s->name,
	    s->def->form, s->name, s->def->example);
	return fault(p, text);
}

/* --- values --------------------------------------------------------------- */

static int
read_money(const struct parsing *p, const struct spelt *s, struct given *g)
{
	char fen[256];
	int64_t n;

	if (s->def->kind == VALUE_YUAN) {
		if (h5_text_yuan(g->text, &g->number, NULL) == H5_OK)
			return EXIT_DONE;
		(void)bad_value(
		    p, s, g->text, "yuan with at most two decimals are needed");
		(void)fputs("\n", stderr);
		return EXIT_DATA;
	}
	if (h5_text_fen(g->text, &g->number, NULL) == H5_OK)
		return EXIT_DONE;
	(void)bad_value(
	    p, s, g->text, "whole fen are needed (1 yuan is 100 fen)");
	fen[0] = '\0';
	/* Somebody who writes 12.80 thinks in yuan. */
	if (h5_text_yuan(g->text, &n, NULL) == H5_OK)
		(void)snprintf(fen, sizeof fen,
		    "; %s yuan are %s %lld, or --yuan %s", g->text, s->name,
		    (long long)n, g->text);
	(void)fprintf(stderr, "%s\n", fen);
	return EXIT_DATA;
}

static int
read_word(const struct parsing *p, const struct spelt *s, struct given *g)
{
	const char *const *words = s->def->words, *near;
	size_t n = 0, i;

	while (words[n] != NULL)
		if (strcmp(words[n++], g->text) == 0)
			return EXIT_DONE;
	near = h5_text_closest(g->text, words, n);
	(void)fprintf(stderr, "h5pay %s: %s \"%.*s\": use ", p->v->name,
	    s->name, (int)h5_text_cut(g->text, strlen(g->text), 100), g->text);
	for (i = 0; i < n; i++)
		(void)fprintf(stderr, "%s%s",
		    i == 0	 ? ""
		    : i + 1 == n ? " or "
				 : ", ",
		    words[i]);
	if (near != NULL)
		(void)fprintf(stderr, "; did you mean \"%s\"?", near);
	(void)fputs("\n", stderr);
	return EXIT_USAGE;
}

static int
read_text(const struct parsing *p, const struct spelt *s, const struct given *g)
{
	const struct option_def *d = s->def;
	size_t n = strlen(g->text);
	char want[128];

	if (d->kind == VALUE_NEW_ORDER) {
		if (h5_number_is_order(g->text))
			return EXIT_DONE;
		(void)bad_value(p, s, g->text,
		    "6 to 28 of 0-9 A-Z a-z _ - are needed, the first a letter "
		    "or digit, the end not _2 or the like");
	} else {
		if (d->most == 0 ||
		    (n >= (size_t)d->least && n <= (size_t)d->most &&
			h5_text_printable(g->text)))
			return EXIT_DONE;
		(void)snprintf(want, sizeof want,
		    "%lld to %lld bytes of text without control characters are "
		    "needed (these are %zu)",
		    (long long)d->least, (long long)d->most, n);
		(void)bad_value(p, s, g->text, want);
	}
	(void)fputs("\n", stderr);
	return EXIT_DATA;
}

static int
read_number(const struct parsing *p, const struct spelt *s, struct given *g)
{
	const struct option_def *d = s->def;
	char want[96];
	uint64_t n = 0;

	if (h5_text_u64(g->text, (uint64_t)d->least, (uint64_t)d->most, &n,
		NULL) == H5_OK) {
		g->number = (int64_t)n;
		return EXIT_DONE;
	}
	(void)snprintf(want, sizeof want,
	    "a whole number from %lld to %lld is needed", (long long)d->least,
	    (long long)d->most);
	(void)bad_value(p, s, g->text, want);
	(void)fputs("\n", stderr);
	return EXIT_USAGE;
}

static int
read_time(const struct parsing *p, const struct spelt *s, struct given *g)
{
	bool coming = s->def->kind == VALUE_COMING;
	int64_t now = h5_clock_now();
	struct h5_err e;
	enum h5_code rc;

	rc = coming ? command_coming(g->text, now, &g->number, &e)
		    : command_time(g->text, now, &g->number, &e);
	if (rc == H5_OK)
		return EXIT_DONE;
	(void)fprintf(stderr, "h5pay %s: %s %s\n", p->v->name, s->name, e.msg);
	return coming ? EXIT_DATA : EXIT_USAGE;
}

static int
read_value(const struct parsing *p, const struct spelt *s, const char *value)
{
	struct given *g = s->slot;
	int status = EXIT_DONE;
	char text[128];

	if (g->text != NULL) {
		/* Two amounts on one line: which one was meant? */
		(void)snprintf(text, sizeof text, "%s is given twice", s->name);
		return fault(p, text);
	}
	g->text = value;
	switch (s->def->kind) {
	case VALUE_FEN:
	case VALUE_YUAN:
		status = read_money(p, s, g);
		break;
	case VALUE_WORD:
		status = read_word(p, s, g);
		break;
	case VALUE_NUMBER:
		status = read_number(p, s, g);
		break;
	case VALUE_PAST:
	case VALUE_COMING:
		status = read_time(p, s, g);
		break;
	case VALUE_TEXT:
	case VALUE_NEW_ORDER:
		status = read_text(p, s, g);
		break;
	case VALUE_FILE:
	case VALUE_ORDER:
		if (value[0] == '\0')
			status = without_value(p, s);
		break;
	case VALUE_NONE:
		break;
	}
	return status;
}

/* --- finding -------------------------------------------------------------- */

static bool
fits(const struct option_def *o, const char *name, size_t n, char letter)
{
	if (letter != '\0')
		return o->letter == letter;
	return strlen(o->name) == n && memcmp(o->name, name, n) == 0;
}

/* By its name of n bytes or, if letter is not NUL, by that. */
static bool
find(
    struct parsing *p, const char *name, size_t n, char letter, struct spelt *s)
{
	const struct option_def *own = p->v != NULL ? p->v->options : NULL;
	size_t i;

	s->def = NULL;
	for (i = 0; i < COMMON; i++)
		if (fits(&options_common[i], name, n, letter)) {
			s->def = &options_common[i];
			s->slot = &p->common[i];
		}
	for (i = 0; own != NULL && i < OPTIONS_MAX && own[i].name != NULL; i++)
		if (fits(&own[i], name, n, letter)) {
			s->def = &own[i];
			s->slot = &p->own[i];
		}
	if (s->def != NULL && letter != '\0')
		(void)snprintf(s->name, sizeof s->name, "-%c", letter);
	else if (s->def != NULL)
		(void)snprintf(s->name, sizeof s->name, "--%s", s->def->name);
	return s->def != NULL;
}

/* An option in the place of a value is a value that was forgotten; whoever
 * means it writes --body=--yes. */
static bool
is_option(struct parsing *p, const char *word)
{
	struct spelt s;

	return strncmp(word, "--", 2) == 0 &&
	       (word[2] == '\0' ||
		   find(p, word + 2, strcspn(word + 2, "="), '\0', &s));
}

/* value: what stands behind "=" or the letter; NULL: nothing does. */
static int
take(struct parsing *p, const struct spelt *s, const char *value)
{
	char text[128];

	if (s->def->kind == VALUE_NONE) {
		if (value != NULL) {
			(void)snprintf(text, sizeof text,
			    "%s takes no value: write %s alone", s->name,
			    s->name);
			return fault(p, text);
		}
		s->slot->text = "";
		return EXIT_DONE;
	}
	if (value == NULL) {
		if (p->at + 1 >= p->argc || is_option(p, p->argv[p->at + 1]))
			return without_value(p, s);
		value = p->argv[++p->at];
	}
	return read_value(p, s, value);
}

static int
take_long(struct parsing *p, const char *word)
{
	const char *name = word + 2;
	size_t n = strcspn(name, "=");
	struct spelt s;

	if (!find(p, name, n, '\0', &s))
		return unknown(p, word);
	return take(p, &s, name[n] == '=' ? name + n + 1 : NULL);
}

/* "-n20", "-n 20", "-fq". */
static int
take_letters(struct parsing *p, const char *word)
{
	int status = EXIT_DONE;
	struct spelt s;
	const char *c;

	for (c = word + 1; status == EXIT_DONE && *c != '\0'; c++) {
		if (!find(p, NULL, 0, *c, &s))
			return unknown(p, word);
		if (s.def->kind != VALUE_NONE)
			return take(p, &s, c[1] != '\0' ? c + 1 : NULL);
		status = take(p, &s, NULL);
	}
	return status;
}

/* --- the two parts of the line -------------------------------------------- */

static int
hand_over(const struct parsing *p, struct command *cmd)
{
	if (p->common[CONFIG].text != NULL) {
		if (cmd->config_path != NULL)
			return fault(p, "-c is given twice");
		cmd->config_path = p->common[CONFIG].text;
	}
	cmd->json = cmd->json || p->common[JSON].text != NULL;
	cmd->quiet = cmd->quiet || p->common[QUIET].text != NULL;
	cmd->help = cmd->help || p->common[HELP].text != NULL;
	cmd->version = cmd->version || p->common[VERSION].text != NULL;
	return EXIT_DONE;
}

int
options_before(struct command *cmd, int argc, char **argv, int *verb)
{
	struct parsing p = {.argc = argc, .argv = argv, .at = 1};
	int status = EXIT_DONE;

	for (; status == EXIT_DONE && p.at < argc; p.at++) {
		if (argv[p.at][0] != '-' || argv[p.at][1] == '\0')
			break;
		status = argv[p.at][1] == '-' ? take_long(&p, argv[p.at])
					      : take_letters(&p, argv[p.at]);
	}
	*verb = p.at;
	return status == EXIT_DONE ? hand_over(&p, cmd) : status;
}

int
options_read(struct command *cmd, const struct verb *v, int *argc, char **argv)
{
	struct parsing p = {
	    .v = v, .own = cmd->given, .argc = *argc, .argv = argv, .at = 1};
	int status = EXIT_DONE, kept = 1;
	bool all = false;
	const char *a;

	for (; status == EXIT_DONE && p.at < p.argc; p.at++) {
		a = argv[p.at];
		/* Behind "--" everything is an operand. */
		if (!all && strcmp(a, "--") == 0)
			all = true;
		else if (!all && a[0] == '-' && a[1] == '-')
			status = take_long(&p, a);
		else if (!all && a[0] == '-' && a[1] != '\0')
			status = take_letters(&p, a);
		else
			argv[kept++] = argv[p.at];
	}
	argv[kept] = NULL;
	*argc = kept;
	return status == EXIT_DONE ? hand_over(&p, cmd) : status;
}

int
options_operands(const struct verb *v, int argc, char **argv)
{
	if (argc - 1 < v->least)
		return command_usage(v,
		    "%s is missing, such as in \"h5pay %s %s\"", v->operand,
		    v->name, v->example);
	if (argc - 1 > v->most)
		return command_usage(v, "\"%s\" is not expected: %s takes %s",
		    argv[v->most + 1], v->name,
		    v->most == 0 ? "options alone" : v->operand);
	return EXIT_DONE;
}
