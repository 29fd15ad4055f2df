/* h5pay help - what the verbs do, in the reader's language (the texts are
 * templates/command/help.*), and the tables that completion is made from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/embed.h"
#include "common/base/length.h"

#define WIDTH 80 /* columns of a line */

enum { TABLE };

static const struct option_def options[] = {
    [TABLE] = {.name = "table"},
    {.name = NULL},
};

/* A text of the file: behind "= NAME" its summary, one line; then the rest, up
 * to the next "= ". */
struct text {
	const char *summary, *rest;
	int summary_n, rest_n;
};

/* As other programs choose it: the first of the three that is set decides. */
static const char *
file_of_reader(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	const char *value;
	size_t i;

	for (i = 0; i < H5_LENGTH(names); i++) {
		value = getenv(names[i]);
		if (value != NULL && value[0] != '\0')
			return strncmp(value, "zh", 2) == 0 ? "help.zh-CN"
							    : "help.en";
	}
	return "help.en";
}

const char *
command_file(const char *name)
{
	size_t i;

	for (i = 0; i < h5_embed_command_count; i++)
		if (strcmp(h5_embed_command_files[i].name, name) == 0)
			return (const char *)h5_embed_command_files[i].bytes;
	return "";
}

static bool
find(const char *name, struct text *t)
{
	const char *at = command_file(file_of_reader()), *end;
	size_t n = strlen(name);

	memset(t, 0, sizeof *t);
	while ((at = strstr(at, "\n= ")) != NULL) {
		at += 3;
		if (strncmp(at, name, n) != 0 || at[n] != '\n')
			continue;
		t->summary = at + n + 1;
		t->rest = strchr(t->summary, '\n');
		if (t->rest == NULL)
			return false;
		t->summary_n = (int)(t->rest++ - t->summary);
		end = strstr(t->rest, "\n= ");
		t->rest_n =
		    end != NULL ? (int)(end - t->rest) : (int)strlen(t->rest);
		return true;
	}
	return false;
}

void
help_print(FILE *to)
{
	const struct verb *const *verbs;
	struct text all, one;
	const char *mark;
	size_t n, i;

	/* The verbs come where the text says "@". */
	if (!find("h5pay", &all) || (mark = strstr(all.rest, "\n@\n")) == NULL)
		return;
	(void)fprintf(to, "%.*s\n%.*s", all.summary_n, all.summary,
	    (int)(mark + 1 - all.rest), all.rest);
	verbs = command_verbs(&n);
	for (i = 0; i < n; i++)
		if (find(verbs[i]->name, &one))
			(void)fprintf(to, "  %-9s %.*s\n", verbs[i]->name,
			    one.summary_n, one.summary);
	mark += 3;
	(void)fprintf(to, "%.*s", (int)(all.rest + all.rest_n - mark), mark);
}

void
help_usage(const struct verb *v, const char *before, FILE *to)
{
	const char *s = v->usage, *end;
	size_t used, n;

	(void)fprintf(to, "%s", before);
	(void)table_cut(before, WIDTH, &used);
	for (used++; *s != '\0'; s = *end != '\0' ? end + 1 : end) {
		/* Up to the next option or alternative. */
		for (end = s; *end != '\0'; end++)
			if (end[0] == ' ' && strchr("[-|", end[1]) != NULL)
				break;
		n = (size_t)(end - s);
		if (used + n >= WIDTH) {
			(void)fputs("\n     ", to);
			used = 6;
		}
		(void)fprintf(to, " %.*s", (int)n, s);
		used += n + 1;
	}
	(void)fputc('\n', to);
}

void
help_print_verb(const struct verb *v)
{
	struct text word, t;
	char before[64];

	if (!find("usage", &word) || !find(v->name, &t))
		return;
	(void)snprintf(before, sizeof before, "%.*s h5pay [-c FILE]",
	    word.summary_n, word.summary);
	help_usage(v, before, stdout);
	(void)printf("\n%.*s\n%.*s", t.summary_n, t.summary, t.rest_n, t.rest);
}

/* --- for completion ------------------------------------------------------- */

static const char *
kind_word(enum value_kind kind)
{
	static const char *const words[] = {[VALUE_NONE] = "flag",
	    [VALUE_TEXT] = "text",
	    [VALUE_FILE] = "file",
	    [VALUE_ORDER] = "order",
	    [VALUE_NEW_ORDER] = "text",
	    [VALUE_NUMBER] = "number",
	    [VALUE_FEN] = "fen",
	    [VALUE_YUAN] = "yuan",
	    [VALUE_PAST] = "past",
	    [VALUE_COMING] = "coming",
	    [VALUE_WORD] = "word"};

	return words[kind];
}

static void
print_option(const char *verb, const struct option_def *o)
{
	const char *const *w;

	(void)printf("option\t%s\t--%s\t%c\t%s\t%s\t", verb, o->name,
	    o->letter != '\0' ? o->letter : '-', kind_word(o->kind),
	    o->form != NULL ? o->form : "-");
	for (w = o->words; w != NULL && *w != NULL; w++)
		(void)printf("%s%s", w == o->words ? "" : " ", *w);
	(void)puts(o->words == NULL ? "-" : "");
}

static void
print_table(void)
{
	const struct verb *const *verbs;
	const struct option_def *o;
	size_t n, i;

	for (o = options_common; o->name != NULL; o++)
		print_option("-", o);
	verbs = command_verbs(&n);
	for (i = 0; i < n; i++) {
		(void)printf("verb\t%s\t%s\t%s\t%d\n", verbs[i]->name,
		    verbs[i]->operand != NULL ? verbs[i]->operand : "-",
		    verbs[i]->example != NULL ? verbs[i]->example : "-",
		    verbs[i]->least);
		for (o = verbs[i]->options; o != NULL && o->name != NULL; o++)
			print_option(verbs[i]->name, o);
	}
}

/* --- the verb ------------------------------------------------------------- */

static int
run(struct command *cmd, int argc, char **argv)
{
	const struct verb *v;

	if (cmd->given[TABLE].text != NULL) {
		print_table();
		return EXIT_DONE;
	}
	if (argc == 1) {
		help_print(stdout);
		return EXIT_DONE;
	}
	v = command_verb(argv[1]);
	if (v == NULL)
		return EXIT_USAGE;
	help_print_verb(v);
	return EXIT_DONE;
}

const struct verb verb_help = {
    .name = "help",
    .usage = "help [VERB] [--table]",
    .operand = "VERB",
    .example = "link",
    .most = 1,
    .options = options,
    .run = run,
};
