/* The index of the archives: one line of a fixed width for each id, sorted by
 * the sum of the id, so that a lookup reads a handful of lines however many
 * there are.  It can be read and grepped:
 *
 *   h5pay archive 1
 *   2026-10 1 3 1452                  a month, its generation, orders, bytes
 *   ids 3 5f0c3e6a1b2d4c7f            how many lines follow; sum of the head
 *   20261003-0007                2026-10 000000000000 000001e4 1a2b3c4d
 *
 * A line has the id, the month, offset and length in the month's file, and its
 * own sum: a lookup that meets a damaged line fails, and never says "there is
 * no such order". */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/sum.h"
#include "common/base/text.h"
#include "common/store/files/archive.h"

#define HEAD "h5pay archive 1\n"
#define HEAD_MAX 262144 /* bytes: 5,000 months */
#define LINE 68 /* bytes of a line of an id */
#define SUMMED 59 /* of these, what its sum is of */
#define AT_ONCE 1024 /* lines read or written together */
#define NEW "archive/.tmp-index"

_Static_assert(H5_ORDER_ID_MAX == 28, "the width of a line");

uint64_t
h5_archive_sum(const char *id)
{
	return h5_sum_64(id, strlen(id), 0);
}

static enum h5_code
damaged(struct h5_err *e)
{
	return h5_err_set(
	    e, H5_E_INPUT, "the file " H5_ARCHIVE_INDEX " is damaged");
}

/* --- lists ---------------------------------------------------------------- */

enum h5_code
h5_archive_list_add(struct h5_archive_list *l,
    const struct h5_archive_entry *entry, struct h5_err *e)
{
	size_t cap;
	void *v;

	if (l->n == l->cap) {
		cap = l->cap == 0 ? 256 : l->cap * 2;
		v = reallocarray(l->v, cap, sizeof *l->v);
		if (v == NULL)
			return h5_err_nomem(e);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *entry;
	return H5_OK;
}

void
h5_archive_list_release(struct h5_archive_list *l)
{
	free(l->v);
	memset(l, 0, sizeof *l);
}

/* --- months --------------------------------------------------------------- */

void
h5_archive_path(const struct h5_archive_month *m, char out[H5_FILES_PATH])
{
	(void)snprintf(out, H5_FILES_PATH, H5_ARCHIVE_FOLDER "/%s.%u.gz",
	    m->name, m->generation);
}

static bool
is_month(const char *s)
{
	char day[H5_CLOCK_DAY];
	int64_t t;

	(void)snprintf(day, sizeof day, "%.7s-01", s);
	return strlen(s) == H5_ARCHIVE_MONTH - 1 &&
	       h5_clock_from_day(day, &t, NULL) == H5_OK;
}

bool
h5_archive_name(const char *name, struct h5_archive_month *m)
{
	char digits[8] = "";
	uint64_t n;
	size_t len = strlen(name);

	memset(m, 0, sizeof *m);
	/* "2026-10." "1" ".gz" */
	if (len < 12 || len > 8 + 6 + 3 || name[7] != '.' ||
	    strcmp(name + len - 3, ".gz") != 0)
		return false;
	(void)snprintf(m->name, sizeof m->name, "%.7s", name);
	memcpy(digits, name + 8, len - 11);
	if (!is_month(m->name) ||
	    h5_text_u64(digits, 1, 999999, &n, NULL) != H5_OK)
		return false;
	m->generation = (unsigned)n;
	return true;
}

/* --- the head ------------------------------------------------------------- */

void
h5_archive_head_release(struct h5_archive_head *head)
{
	free(head->months);
	memset(head, 0, sizeof *head);
}

struct h5_archive_month *
h5_archive_head_find(const struct h5_archive_head *head, const char *name)
{
	size_t i;

	for (i = 0; i < head->n; i++)
		if (strcmp(head->months[i].name, name) == 0)
			return &head->months[i];
	return NULL;
}

/* The next word of a line, which ends in end; *p moves behind it. */
static bool
take(char **p, char end, char **word)
{
	char *stop = strchr(*p, end);

	*word = *p;
	if (stop == NULL)
		return false;
	*stop = '\0';
	*p = stop + 1;
	return true;
}

static bool
take_number(char **p, char end, uint64_t least, uint64_t *n)
{
	char *word;

	return take(p, end, &word) &&
	       h5_text_u64(word, least, INT64_MAX, n, NULL) == H5_OK;
}

/* A line "2026-10 1 3 1452". */
static bool
take_month(char **p, struct h5_archive_month *m)
{
	uint64_t generation = 0;
	char *name;

	if (!take(p, ' ', &name) || !is_month(name) ||
	    !take_number(p, ' ', 1, &generation) || generation > 999999 ||
	    !take_number(p, ' ', 1, &m->orders) ||
	    !take_number(p, '\n', 1, &m->bytes))
		return false;
	memcpy(m->name, name, H5_ARCHIVE_MONTH);
	m->generation = (unsigned)generation;
	return true;
}

static enum h5_code
parse_head(char *p, struct h5_archive_head *head, struct h5_err *e)
{
	struct h5_archive_month m;
	char *sum, want[17];
	uint64_t all = 0, is;
	void *v;

	/* Its sum first, since the words are taken apart where they stand. */
	sum = strstr(p, "\nids ");
	if (sum != NULL)
		sum = strchr(sum + 5, ' ');
	if (strncmp(p, HEAD, sizeof HEAD - 1) != 0 || sum == NULL)
		return damaged(e);
	is = h5_sum_64(p, (size_t)(sum + 1 - p), 0);
	(void)snprintf(want, sizeof want, "%016" PRIx64, is);
	if (strncmp(sum + 1, want, 16) != 0 || sum[17] != '\n')
		return damaged(e);
	head->at = (size_t)(sum + 18 - p);
	for (p += sizeof HEAD - 1; strncmp(p, "ids ", 4) != 0;) {
		if (!take_month(&p, &m))
			return damaged(e);
		v = reallocarray(
		    head->months, head->n + 1, sizeof *head->months);
		if (v == NULL)
			return h5_err_nomem(e);
		head->months = v;
		head->months[head->n++] = m;
		all += m.orders;
	}
	p += 4;
	if (!take_number(&p, ' ', 0, &head->ids) || head->ids != all)
		return damaged(e);
	return H5_OK;
}

static enum h5_code
read_head(int fd, struct h5_archive_head *head, struct h5_err *e)
{
	struct h5_file_look look;
	size_t want = 4096;
	struct h5_buf b;
	enum h5_code rc;

	memset(head, 0, sizeof *head);
	h5_buf_init(&b, HEAD_MAX);
	rc = h5_file_look(fd, &look, e);
	/* Few stores have more than a hundred months. */
	for (; rc == H5_OK; want *= 4) {
		h5_buf_clear(&b);
		rc = h5_file_slurp(
		    fd, 0, want < HEAD_MAX ? want : HEAD_MAX - 1, &b, e);
		if (rc == H5_OK &&
		    (memmem(b.data, b.len, "\nids ", 5) != NULL ||
			b.len < want || want >= HEAD_MAX))
			break;
	}
	if (rc == H5_OK)
		rc = b.len == 0 ? damaged(e) : parse_head(b.data, head, e);
	if (rc == H5_OK && look.size != head->at + head->ids * LINE)
		rc = damaged(e);
	h5_buf_release(&b);
	if (rc != H5_OK)
		h5_archive_head_release(head);
	return rc;
}

enum h5_code
h5_archive_index_open(struct h5_files *st, int *fd,
    struct h5_archive_head *head, struct h5_err *e)
{
	enum h5_code rc;
	size_t size;

	memset(head, 0, sizeof *head);
	rc = h5_file_open(st->dir, H5_ARCHIVE_INDEX, O_RDONLY, fd, &size, e);
	if (rc == H5_OK)
		rc = read_head(*fd, head, e);
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* --- lines ---------------------------------------------------------------- */

static unsigned
check_of(const char *line)
{
	return (unsigned)(h5_sum_64(line, SUMMED, 0) & 0xffffffff);
}

static void
put_line(const struct h5_archive_entry *en, char line[LINE + 1])
{
	(void)snprintf(line, LINE + 1, "%-28s %s %012" PRIx64 " %08zx ", en->id,
	    en->month, en->at, en->len);
	(void)snprintf(
	    line + SUMMED, LINE + 1 - SUMMED, "%08x\n", check_of(line));
}

/* Spelt back, it has to be the same line. */
static bool
parse_line(const char *line, struct h5_archive_entry *en)
{
	char again[LINE + 1], number[13] = "";
	size_t n;

	memset(en, 0, sizeof *en);
	memcpy(en->id, line, H5_ORDER_ID_MAX);
	n = strcspn(en->id, " ");
	memset(en->id + n, 0, sizeof en->id - n);
	memcpy(en->month, line + 29, H5_ARCHIVE_MONTH - 1);
	memcpy(number, line + 37, 12);
	en->at = strtoull(number, NULL, 16);
	memcpy(number, line + 50, 8);
	number[8] = '\0';
	en->len = (size_t)strtoull(number, NULL, 16);
	if (!h5_number_is_order(en->id))
		return false;
	put_line(en, again);
	return memcmp(line, again, LINE) == 0;
}

static int
by_sum(const void *a, const void *b)
{
	const struct h5_archive_entry *l = a, *r = b;
	uint64_t x = h5_archive_sum(l->id), y = h5_archive_sum(r->id);

	return x != y ? (x < y ? -1 : 1) : strcmp(l->id, r->id);
}

enum h5_code
h5_archive_line(int fd, const struct h5_archive_head *head, uint64_t n,
    struct h5_archive_entry *en, struct h5_err *e)
{
	char line[LINE];
	enum h5_code rc;

	rc = h5_file_read_at(fd, head->at + n * LINE, line, LINE, e);
	return rc == H5_OK && !parse_line(line, en) ? damaged(e) : rc;
}

/* Reads the lines one after the other. */
struct reader {
	int fd;
	const struct h5_archive_head *head;
	uint64_t next; /* number of the line */
	size_t in; /* of the buffer */
	struct h5_buf b;
	struct h5_archive_entry last;
};

/* *en: the next line; its id is empty behind the last one. */
static enum h5_code
read_line(struct reader *r, struct h5_archive_entry *en, struct h5_err *e)
{
	enum h5_code rc;

	memset(en, 0, sizeof *en);
	if (r->head == NULL || r->next == r->head->ids)
		return H5_OK;
	if (r->in == r->b.len) {
		h5_buf_clear(&r->b);
		r->in = 0;
		rc = h5_file_slurp(r->fd, r->head->at + r->next * LINE,
		    (size_t)AT_ONCE * LINE, &r->b, e);
		if (rc != H5_OK)
			return rc;
	}
	if (r->b.len - r->in < LINE || !parse_line(r->b.data + r->in, en))
		return damaged(e);
	if (r->next > 0 && by_sum(&r->last, en) >= 0)
		return damaged(e);
	r->last = *en;
	r->in += LINE;
	r->next++;
	return H5_OK;
}

enum h5_code
h5_archive_lines(int fd, const struct h5_archive_head *head, const char *month,
    struct h5_archive_list *l, struct h5_err *e)
{
	struct reader r = {.fd = fd, .head = head};
	struct h5_archive_entry en;
	enum h5_code rc;

	h5_buf_init(&r.b, (size_t)AT_ONCE * LINE);
	do {
		rc = read_line(&r, &en, e);
		if (rc == H5_OK && en.id[0] != '\0' &&
		    (month == NULL || strcmp(en.month, month) == 0))
			rc = h5_archive_list_add(l, &en, e);
	} while (rc == H5_OK && en.id[0] != '\0');
	h5_buf_release(&r.b);
	return rc;
}

/* --- writing -------------------------------------------------------------- */

/* The new index. */
struct draft {
	int fd;
	uint64_t lines;
	struct h5_buf b;
};

static enum h5_code
flush(struct draft *d, size_t least, struct h5_err *e)
{
	enum h5_code rc = h5_buf_finish(&d->b, e);

	if (rc == H5_OK && d->b.len >= least && d->b.len > 0) {
		rc = h5_file_write(d->fd, d->b.data, d->b.len, e);
		h5_buf_clear(&d->b);
	}
	return rc;
}

static enum h5_code
write_head(
    struct draft *d, const struct h5_archive_head *head, struct h5_err *e)
{
	const struct h5_archive_month *m;
	uint64_t all = 0;
	size_t i;

	h5_buf_puts(&d->b, HEAD);
	for (i = 0; i < head->n; i++) {
		m = &head->months[i];
		h5_buf_printf(&d->b, "%s %u %" PRIu64 " %" PRIu64 "\n", m->name,
		    m->generation, m->orders, m->bytes);
		all += m->orders;
	}
	h5_buf_printf(&d->b, "ids %" PRIu64 " ", all);
	if (d->b.bad == H5_OK)
		h5_buf_printf(&d->b, "%016" PRIx64 "\n",
		    h5_sum_64(d->b.data, d->b.len, 0));
	return flush(d, 1, e);
}

/* Both are sorted: the smaller one goes first. */
static enum h5_code
merge(struct draft *d, struct reader *r, const char *without,
    const struct h5_archive_list *l, struct h5_err *e)
{
	struct h5_archive_entry old;
	char line[LINE + 1];
	enum h5_code rc;
	size_t i = 0;
	bool mine;

	rc = read_line(r, &old, e);
	while (rc == H5_OK && (old.id[0] != '\0' || i < l->n)) {
		if (old.id[0] != '\0' && without != NULL &&
		    strcmp(old.month, without) == 0) {
			rc = read_line(r, &old, e);
			continue;
		}
		mine = old.id[0] == '\0' ||
		       (i < l->n && by_sum(&l->v[i], &old) < 0);
		put_line(mine ? &l->v[i] : &old, line);
		h5_buf_add(&d->b, line, LINE);
		d->lines++;
		rc = flush(d, (size_t)AT_ONCE * LINE, e);
		if (mine)
			i++;
		else if (rc == H5_OK)
			rc = read_line(r, &old, e);
	}
	return rc == H5_OK ? flush(d, 1, e) : rc;
}

enum h5_code
h5_archive_index_write(struct h5_files *st, const struct h5_archive_old *old,
    const char *without, const struct h5_archive_head *head,
    struct h5_archive_list *l, struct h5_err *e)
{
	struct reader r = {.fd = -1};
	struct draft d = {.fd = -1};
	uint64_t all = 0;
	enum h5_code rc;
	size_t i, size;

	if (old != NULL) {
		r.fd = old->fd;
		r.head = old->head;
	}
	h5_buf_init(&r.b, (size_t)AT_ONCE * LINE);
	h5_buf_init(&d.b, HEAD_MAX);
	if (l->n > 0)
		qsort(l->v, l->n, sizeof *l->v, by_sum);
	/* What an earlier pass left, if it was killed here. */
	rc = h5_file_remove(st->dir, NEW, e);
	if (rc == H5_OK)
		rc = h5_file_open(
		    st->dir, NEW, O_RDWR | O_CREAT, &d.fd, &size, e);
	if (rc == H5_OK)
		rc = write_head(&d, head, e);
	if (rc == H5_OK)
		rc = merge(&d, &r, without, l, e);
	for (i = 0; i < head->n; i++)
		all += head->months[i].orders;
	/* Or its own head would call it damaged. */
	if (rc == H5_OK && d.lines != all)
		rc = damaged(e);
	if (rc == H5_OK)
		rc = h5_file_sync(d.fd, e);
	h5_file_drop(&d.fd);
	if (rc == H5_OK)
		rc = h5_file_rename(st->dir, NEW, H5_ARCHIVE_INDEX, e);
	h5_buf_release(&r.b);
	h5_buf_release(&d.b);
	return rc;
}
