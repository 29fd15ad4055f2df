/* Rows of cells for a terminal, aligned and tinted, or for a program, separated
 * by tabs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/buf.h"
#include "common/base/length.h"
#include "common/format/escape.h"

#define TABLE_MAX (256U << 20)
#define COLUMNS_MAX 16
#define GAP 2 /* between two columns */
#define CUT 2 /* what stands for the rest of a text: ".." */
#define SHORTEST 12 /* columns that a shortened text keeps */

/* A terminal's table waits for its widths; tab-separated rows are printed as
 * they come, so that a list of a million orders needs no memory. */
struct table {
	const struct command *cmd;
	const struct column *columns;
	size_t n_columns, at;
	struct h5_buf cells; /* each NUL-terminated */
	size_t n;
	size_t width[COLUMNS_MAX]; /* on the terminal; 0: not shown */
	bool told[COLUMNS_MAX]; /* has a cell with something in it */
	bool bad; /* a cell did not fit in memory */
};

/* --- widths --------------------------------------------------------------- */

size_t
table_terminal(int fd)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return 80;
	return w.ws_col;
}

/* One character of UTF-8; what is none counts as its bytes. */
static size_t
take(const unsigned char *u, uint32_t *c)
{
	static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t n = *u < 0xc0 ? 1 : *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : 4, i;

	*c = *u & mask[n];
	for (i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return i;
		*c = *c << 6 | (u[i] & 0x3f);
	}
	return n;
}

/* East Asian Wide and Fullwidth, and most emoji (Unicode 15, UAX 11). */
static bool
is_wide(uint32_t c)
{
	static const uint32_t wide[][2] = {{0x1100, 0x115f}, {0x2e80, 0x303e},
	    {0x3041, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},
	    {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
	    {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
	    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
	size_t i;

	for (i = 0; i < H5_LENGTH(wide); i++)
		if (c >= wide[i][0] && c <= wide[i][1])
			return true;
	return false;
}

static bool
is_nothing(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0xfe00 && c <= 0xfe0f);
}

size_t
table_cut(const char *s, size_t most, size_t *width)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n, w, at = 0;
	uint32_t c;

	for (*width = 0; u[at] != '\0'; at += n) {
		n = take(u + at, &c);
		w = is_nothing(c) ? 0 : is_wide(c) ? 2 : 1;
		if (*width + w > most)
			break;
		*width += w;
	}
	return at;
}

static size_t
width_of(const char *s)
{
	size_t width;

	(void)table_cut(s, SIZE_MAX / 2, &width);
	return width;
}

/* --- filling -------------------------------------------------------------- */

struct table *
table_new(const struct command *cmd, const struct column *columns, size_t n)
{
	struct table *t;
	size_t i;

	/* A table wider than this is a fault of the program. */
	if (n > COLUMNS_MAX)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->cmd = cmd;
	t->columns = columns;
	t->n_columns = n;
	h5_buf_init(&t->cells, TABLE_MAX);
	for (i = 0; i < n; i++)
		t->width[i] = width_of(columns[i].heading);
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
		(void)fputc(t->at + 1 < t->n_columns ? '\t' : '\n', stdout);
	} else {
		h5_buf_add(&t->cells, clean.data, clean.len + 1);
		w = width_of(clean.data);
		if (w > t->width[t->at])
			t->width[t->at] = w;
		t->told[t->at] = t->told[t->at] || strcmp(clean.data, "-") != 0;
		t->n++;
	}
	t->at = (t->at + 1) % t->n_columns;
	h5_buf_release(&clean);
}

/* --- printing ------------------------------------------------------------- */

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

static size_t
total(const struct table *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n_columns; i++)
		if (t->width[i] > 0)
			n += t->width[i] + GAP;
	/* Nothing stands behind the last. */
	return n > 0 ? n - GAP : 0;
}

/* Shortens the texts that may be, as far as is needed. */
static void
shorten(struct table *t, const size_t *whole, size_t room)
{
	size_t i, over, most;

	for (i = 0; i < t->n_columns; i++) {
		if (!t->columns[i].shorten || t->width[i] == 0)
			continue;
		t->width[i] = whole[i];
		if (whole[i] <= SHORTEST || total(t) <= room)
			continue;
		over = total(t) - room;
		most = whole[i] - SHORTEST;
		t->width[i] -= over < most ? over : most;
	}
}

/* What is too wide is shortened; if that is not enough, the column that can be
 * spared first goes, and so on.  A column without a word in it goes at once. */
static void
fit(struct table *t, size_t room)
{
	size_t whole[COLUMNS_MAX], i, worst;

	memcpy(whole, t->width, sizeof whole);
	for (i = 0; i < t->n_columns; i++)
		if (!t->told[i] && t->columns[i].spare > 0)
			t->width[i] = 0;
	for (shorten(t, whole, room); total(t) > room;
	     shorten(t, whole, room)) {
		for (i = 0, worst = t->n_columns; i < t->n_columns; i++)
			if (t->width[i] > 0 && t->columns[i].spare > 0 &&
			    (worst == t->n_columns ||
				t->columns[i].spare > t->columns[worst].spare))
				worst = i;
		/* Nothing can be spared: the terminal breaks the lines. */
		if (worst == t->n_columns)
			return;
		t->width[worst] = 0;
	}
}

static void
print_blanks(size_t n)
{
	while (n-- > 0)
		(void)fputc(' ', stdout);
}

static void
print_cell(const struct table *t, const char *s, size_t column, bool last)
{
	const char *tint = table_tint(t->cmd, s);
	size_t room = t->width[column], n, w;
	bool cut;

	n = table_cut(s, room, &w);
	cut = s[n] != '\0';
	if (cut)
		n = table_cut(s, room - CUT, &w);
	if (t->columns[column].right)
		print_blanks(room - w);
	(void)printf("%s%.*s%s%s", tint, (int)n, s, cut ? ".." : "",
	    tint[0] != '\0' ? "\033[0m" : "");
	w += cut ? CUT : 0;
	if (last)
		(void)fputc('\n', stdout);
	else
		print_blanks((t->columns[column].right ? 0 : room - w) + GAP);
}

static void
print_row(const struct table *t, const char **s)
{
	size_t i, last = 0;

	for (i = 0; i < t->n_columns; i++)
		if (t->width[i] > 0)
			last = i;
	for (i = 0; i < t->n_columns; i++) {
		if (t->width[i] > 0)
			print_cell(t, *s != NULL ? *s : t->columns[i].heading,
			    i, i == last);
		if (*s != NULL)
			*s += strlen(*s) + 1;
	}
}

bool
table_end(struct table *t)
{
	const char *s = NULL;
	size_t i;
	bool good;

	if (t == NULL)
		return false;
	/* A row that is not complete means that a cell was lost. */
	good = t->cells.bad == H5_OK && !t->bad && t->at == 0;
	if (good && t->cmd->terminal && t->n > 0) {
		fit(t, table_terminal(STDOUT_FILENO));
		print_row(t, &s);
		s = t->cells.data;
		for (i = 0; i < t->n; i += t->n_columns)
			print_row(t, &s);
	}
	h5_buf_release(&t->cells);
	free(t);
	return good && !ferror(stdout);
}
