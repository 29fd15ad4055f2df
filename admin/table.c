/* Rows of cells for a terminal, aligned and tinted, or for a program, separated
 * by tabs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/buf.h"
#include "common/base/length.h"
#include "common/format/escape.h"

#define TABLE_MAX (256U << 20)
#define COLUMNS_MAX 16

/* A terminal's table waits for its widths; tab-separated rows are printed as
 * they come, so that a list of a million orders needs no memory. */
struct table {
	const struct command *cmd;
	const char *const *headings;
	size_t columns, at;
	struct h5_buf cells; /* each NUL-terminated */
	size_t n;
	size_t width[COLUMNS_MAX];
	bool bad; /* a cell did not fit in memory */
};

/* Columns that a text takes on a terminal: CJK characters take two. */
static size_t
width_of(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = 0;

	for (; *u != '\0'; u++)
		/* A byte that continues a character takes no column. */
		if ((*u & 0xc0) != 0x80)
			n += *u >= 0xe3 && *u <= 0xed ? 2 : 1;
	return n;
}

struct table *
table_new(
    const struct command *cmd, const char *const *headings, size_t columns)
{
	struct table *t;
	size_t i;

	/* A table wider than this is a fault of the program. */
	if (columns > COLUMNS_MAX)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->cmd = cmd;
	t->headings = headings;
	t->columns = columns;
	h5_buf_init(&t->cells, TABLE_MAX);
	for (i = 0; i < columns; i++)
		t->width[i] = width_of(headings[i]);
	return t;
}

void
table_cell(struct table *t, const char *s)
{
	struct h5_buf clean;
	size_t w;

	if (t == NULL)
		return;
	h5_buf_init(&clean, 65536);
	/* Never an empty cell: a program that splits at blanks would lose
	 * count. */
	command_text(t->cmd, s == NULL || s[0] == '\0' ? "-" : s, &clean);
	t->bad = t->bad || clean.bad != H5_OK;
	if (!t->cmd->terminal) {
		(void)fputs(clean.data, stdout);
		/* The last column ends the line. */
		(void)fputc(t->at + 1 < t->columns ? '\t' : '\n', stdout);
	} else {
		h5_buf_add(&t->cells, clean.data, clean.len + 1);
		w = width_of(clean.data);
		if (w > t->width[t->at])
			t->width[t->at] = w;
		t->n++;
	}
	t->at = (t->at + 1) % t->columns;
	h5_buf_release(&clean);
}

const char *
table_tint(const struct command *cmd, const char *word)
{
	static const struct {
		const char *word, *tint;
	} tints[] = {
	    {"paid", "\033[32m"},
	    {"awaiting", "\033[33m"},
	    {"created", "\033[33m"},
	    {"closed", "\033[2m"},
	    {"refunding", "\033[36m"},
	    {"partly-refunded", "\033[36m"},
	    {"refunded", "\033[36m"},
	    {"disputed", "\033[31m"},
	    {"overpaid", "\033[31m"},
	    {"late", "\033[31m"},
	};
	size_t i;

	for (i = 0; cmd->colour && i < H5_LENGTH(tints); i++)
		if (strcmp(tints[i].word, word) == 0)
			return tints[i].tint;
	return "";
}

static void
print_cell(const struct table *t, const char *s, size_t column)
{
	const char *tint = table_tint(t->cmd, s);
	size_t pad = t->width[column] - width_of(s);

	(void)fputs(tint, stdout);
	(void)fputs(s, stdout);
	if (tint[0] != '\0')
		(void)fputs("\033[0m", stdout);
	if (column + 1 == t->columns) {
		(void)fputc('\n', stdout);
		return;
	}
	for (pad += 2; pad > 0; pad--)
		(void)fputc(' ', stdout);
}

bool
table_end(struct table *t)
{
	const char *s;
	size_t i;
	bool good;

	if (t == NULL)
		return false;
	/* A row that is not complete means that a cell was lost. */
	good = t->cells.bad == H5_OK && !t->bad && t->at == 0;
	s = t->cells.data;
	if (good && t->cmd->terminal && t->n > 0) {
		for (i = 0; i < t->columns; i++)
			print_cell(t, t->headings[i], i);
		for (i = 0; i < t->n; i++) {
			print_cell(t, s, i % t->columns);
			s += strlen(s) + 1;
		}
	}
	h5_buf_release(&t->cells);
	free(t);
	return good && !ferror(stdout);
}
