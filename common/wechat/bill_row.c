/* One trade of a bill: its values are found from both ends of the line, since
 * what somebody called his goods stands between them. */
#include "common/wechat/bill_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define PIECES 256 /* most values of a trade, with those of its texts */
#define STRICT 64 /* longest value of a column that is looked into, and NUL */

/* --- cutting -------------------------------------------------------------- */

/* A trade's text between the separators. */
struct pieces {
	char *v[PIECES + 1]; /* the last one is where one more would begin */
	size_t n; /* 0: not a line of values */
};

static const char separator[] = ",`";
#define SKIP (sizeof separator - 1)

size_t
h5_bill_split(char *line, const char *between, char *v[H5_BILL_COLUMNS])
{
	size_t n = 0, skip = strlen(between);
	char *end;

	for (;;) {
		if (n == H5_BILL_COLUMNS)
			return 0;
		v[n++] = line;
		end = strstr(line, between);
		if (end == NULL)
			return n;
		*end = '\0';
		line = end + skip;
	}
}

/* Changes nothing.  text[len] is NUL. */
static void
find_pieces(char *text, size_t len, struct pieces *p)
{
	char *s = text + 1, *end;

	p->n = 0;
	if (len == 0 || text[0] != '`' || memchr(text, '\0', len) != NULL)
		return;
	while (p->n < PIECES) {
		p->v[p->n++] = s;
		end = strstr(s, separator);
		if (end == NULL) {
			p->v[p->n] = text + len + SKIP;
			return;
		}
		s = end + SKIP;
	}
	p->n = 0;
}

/* --- what a value must be ------------------------------------------------- */

static enum h5_code
read_money(const char *s, int64_t *fen, struct h5_err *e)
{
	enum h5_code rc = h5_text_decimal(s, 2, fen, e);

	if (rc == H5_OK && *fen < 0)
		rc = h5_err_set(e, H5_E_INPUT, "%.40s is negative", s);
	return rc;
}

static bool
is_made_of(const char *s, const char *bytes)
{
	return s[0] != '\0' && s[strspn(s, bytes)] == '\0';
}

/* May s stand in this column?  Asked where the columns had to be guessed; those
 * that hold anything are not in doubt. */
static bool
may_be(enum h5_bill_column c, const char *s)
{
	int64_t n;

	switch (c) {
	case H5_BILL_AT:
		return h5_clock_from_plain(s, &n, NULL) == H5_OK;
	case H5_BILL_TRANSACTION_ID:
		return is_made_of(s, "0123456789");
	case H5_BILL_OUT_TRADE_NO:
		return s[0] != '\0' && h5_text_printable(s);
	case H5_BILL_TRADE_STATE:
		return is_made_of(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	case H5_BILL_SETTLED:
	case H5_BILL_TOTAL:
	case H5_BILL_PAID_BACK:
	case H5_BILL_REFUND_ASKED:
		return read_money(s, &n, NULL) == H5_OK;
	case H5_BILL_FEE:
		return h5_text_decimal(s, H5_BILL_FEE_PLACES, &n, NULL) ==
		       H5_OK;
	case H5_BILL_RATE:
		return s[0] == '\0' || s[strlen(s) - 1] == '%';
	case H5_BILL_APPID:
	case H5_BILL_MCH_ID:
	case H5_BILL_SUB_MCH_ID:
	case H5_BILL_TRADE_TYPE:
	case H5_BILL_CURRENCY:
	case H5_BILL_REFUND_ID:
	case H5_BILL_OUT_REFUND_NO:
	case H5_BILL_REFUND_STATUS:
	case H5_BILL_BODY:
		break;
	}
	return true;
}

static bool
is_text(int means)
{
	return means < 0 || means == H5_BILL_BODY;
}

/* Where column i begins if column wide holds what is too much, and where the
 * next one would. */
static void
place(const struct h5_bill_reader *r, const struct pieces *p, size_t wide,
    size_t i, char **from, char **to)
{
	size_t more = p->n - r->b->columns;

	*from = p->v[i > wide ? i + more : i];
	*to = p->v[(i >= wide ? i + more : i) + 1] - SKIP;
}

static bool
fits(const struct h5_bill_reader *r, const struct pieces *p, size_t wide)
{
	char value[STRICT], *from, *to;
	size_t i, n;

	for (i = 0; i < r->b->columns; i++) {
		if (is_text(r->means[i]))
			continue;
		place(r, p, wide, i, &from, &to);
		n = (size_t)(to - from);
		if (n >= sizeof value)
			return false;
		memcpy(value, from, n);
		value[n] = '\0';
		if (!may_be((enum h5_bill_column)r->means[i], value))
			return false;
	}
	return true;
}

/* Which column holds separators of its own, so that all others are what they
 * must be; the goods' name is asked first. */
static bool
find_wide(const struct h5_bill_reader *r, const struct pieces *p, size_t *wide)
{
	size_t i;

	if (p->n < r->b->columns)
		return false;
	for (i = 0; i < r->b->columns; i++)
		if (r->means[i] == H5_BILL_BODY && fits(r, p, i)) {
			*wide = i;
			return true;
		}
	for (i = r->b->columns; i-- > 0;)
		if (r->means[i] < 0 && fits(r, p, i)) {
			*wide = i;
			return true;
		}
	return false;
}

/* --- a row ---------------------------------------------------------------- */

/* Refund numbers of payments are "0", and so is the sub-merchant of one who has
 * none. */
static const char *
none_if_zero(const char *s)
{
	return strcmp(s, "0") == 0 ? "" : s;
}

/* Some of WeChat's bills write a comma in a name as "\ " and a line feed as
 * "\n".  A name that was cut within a character is no reason not to read the
 * line. */
static const char *
read_name(char *s)
{
	char *from = s, *to = s;

	if (!h5_text_utf8(s, strlen(s)))
		return "";
	for (; *from != '\0'; from++) {
		if (from[0] == '\\' && (from[1] == ' ' || from[1] == 'n')) {
			*to++ = from[1] == ' ' ? ',' : '\n';
			from++;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return s;
}

static enum h5_code
set_value(
    struct h5_bill_row *row, enum h5_bill_column c, char *s, struct h5_err *e)
{
	if (c != H5_BILL_BODY && !h5_text_utf8(s, strlen(s)))
		return h5_err_set(e, H5_E_INPUT, "not UTF-8");
	switch (c) {
	case H5_BILL_AT:
		return h5_clock_from_plain(s, &row->at, e);
	case H5_BILL_APPID:
		row->appid = s;
		break;
	case H5_BILL_MCH_ID:
		row->mch_id = s;
		break;
	case H5_BILL_SUB_MCH_ID:
		row->sub_mch_id = none_if_zero(s);
		break;
	case H5_BILL_TRANSACTION_ID:
		row->transaction_id = s;
		break;
	case H5_BILL_OUT_TRADE_NO:
		row->out_trade_no = s;
		break;
	case H5_BILL_TRADE_TYPE:
		row->trade_type = s;
		break;
	case H5_BILL_TRADE_STATE:
		row->trade_state = s;
		break;
	case H5_BILL_CURRENCY:
		row->currency = s;
		break;
	case H5_BILL_SETTLED:
		return read_money(s, &row->settled_fee, e);
	case H5_BILL_TOTAL:
		return read_money(s, &row->total_fee, e);
	case H5_BILL_REFUND_ID:
		row->refund_id = none_if_zero(s);
		break;
	case H5_BILL_OUT_REFUND_NO:
		row->out_refund_no = none_if_zero(s);
		break;
	case H5_BILL_PAID_BACK:
		return read_money(s, &row->paid_back, e);
	case H5_BILL_REFUND_ASKED:
		return read_money(s, &row->refund_fee, e);
	case H5_BILL_REFUND_STATUS:
		row->refund_status = s;
		break;
	case H5_BILL_BODY:
		row->body = read_name(s);
		break;
	case H5_BILL_FEE:
		row->has_fee = true;
		return h5_text_decimal(
		    s, H5_BILL_FEE_PLACES, &row->fee_micro, e);
	case H5_BILL_RATE:
		row->rate = s;
		break;
	}
	return H5_OK;
}

static const struct h5_bill_row empty_row = {.appid = "",
    .mch_id = "",
    .sub_mch_id = "",
    .transaction_id = "",
    .out_trade_no = "",
    .trade_type = "",
    .trade_state = "",
    .currency = "",
    .body = "",
    .refund_id = "",
    .out_refund_no = "",
    .refund_status = "",
    .rate = "",
    .total_fee = -1,
    .settled_fee = -1,
    .refund_fee = -1,
    .paid_back = -1};

/* Cuts the values out, and reads them. */
static enum h5_code
set_values(const struct h5_bill_reader *r, const struct pieces *p, size_t wide,
    struct h5_bill_row *row, struct h5_err *e)
{
	struct h5_err why;
	enum h5_code rc;
	char *from, *to;
	size_t i;

	for (i = 0; i < r->b->columns; i++) {
		place(r, p, wide, i, &from, &to);
		*to = '\0';
		if (r->means[i] < 0)
			continue;
		rc = set_value(
		    row, (enum h5_bill_column)r->means[i], from, &why);
		if (rc != H5_OK)
			return h5_err_set(e, rc,
			    "bill, line %u, column %zu: %s", row->line, i + 1,
			    why.msg);
	}
	/* Older bills say less: the nearest that they say. */
	if (row->total_fee < 0)
		row->total_fee = row->settled_fee;
	if (row->refund_fee < 0)
		row->refund_fee = row->paid_back;
	row->refund = strcmp(row->trade_state, "REFUND") == 0 ||
		      row->out_refund_no[0] != '\0';
	return H5_OK;
}

/* one: the text is one line, which is believed to be what its heading says if
 * it has as many values. */
static enum h5_code
read_row(const struct h5_bill_reader *r, const struct pieces *p, unsigned line,
    bool one, struct h5_bill_row *row, struct h5_err *e)
{
	size_t wide = 0;

	*row = empty_row;
	row->line = line;
	if ((!one || p->n != r->b->columns) && !find_wide(r, p, &wide))
		return h5_err_set(e, H5_E_INPUT,
		    "bill, line %u: %zu values where the heading names %zu",
		    line, p->n, r->b->columns);
	return set_values(r, p, wide, row, e);
}

/* --- what is kept --------------------------------------------------------- */

static bool
add(int64_t *sum, int64_t n)
{
	return !__builtin_add_overflow(*sum, n < 0 ? 0 : n, sum);
}

static enum h5_code
add_to_sums(
    struct h5_bill_reader *r, const struct h5_bill_row *row, struct h5_err *e)
{
	int64_t *sums = r->sums;

	sums[H5_BILL_COUNT]++;
	if (!add(&sums[H5_BILL_SETTLED_SUM], row->settled_fee) ||
	    !add(&sums[H5_BILL_TOTAL_SUM], row->total_fee) ||
	    !add(&sums[H5_BILL_REFUND_SUM], row->paid_back) ||
	    !add(&sums[H5_BILL_ASKED_SUM], row->refund_fee) ||
	    __builtin_add_overflow(
		sums[H5_BILL_FEE_SUM], row->fee_micro, &sums[H5_BILL_FEE_SUM]))
		return h5_err_set(
		    e, H5_E_INPUT, "bill, line %u: sums overflow", row->line);
	return H5_OK;
}

static enum h5_code
grow(void **v, size_t size, size_t n, size_t *cap, struct h5_err *e)
{
	size_t more = *cap == 0 ? 64 : *cap * 2;
	void *p;

	if (n < *cap)
		return H5_OK;
	p = reallocarray(*v, more, size);
	if (p == NULL)
		return h5_err_nomem(e);
	*v = p;
	*cap = more;
	return H5_OK;
}

static enum h5_code
put_row(
    struct h5_bill_reader *r, const struct h5_bill_row *row, struct h5_err *e)
{
	struct h5_bill *b = r->b;
	void *rows = b->rows;
	enum h5_code rc;

	rc = grow(&rows, sizeof *row, b->n, &r->cap, e);
	b->rows = rows;
	if (rc == H5_OK)
		rc = add_to_sums(r, row, e);
	if (rc == H5_OK)
		b->rows[b->n++] = *row;
	return rc;
}

/* Its number and, where it can be seen, its transaction_id. */
static enum h5_code
put_odd(struct h5_bill_reader *r, struct pieces *p, unsigned line,
    const char *why, struct h5_err *e)
{
	struct h5_bill *b = r->b;
	struct h5_bill_odd *o;
	void *odd = b->odd;
	enum h5_code rc;
	size_t i;

	if (b->n_odd == H5_BILL_ODD_MAX)
		return h5_err_set(e, H5_E_INPUT, "%s", b->odd[0].why);
	rc = grow(&odd, sizeof *o, b->n_odd, &r->odd_cap, e);
	b->odd = odd;
	if (rc != H5_OK)
		return rc;
	o = &b->odd[b->n_odd++];
	o->line = line;
	o->transaction_id = "";
	(void)snprintf(o->why, sizeof o->why, "%s", why);
	for (i = 0; i < r->b->columns && i < p->n; i++) {
		if (r->means[i] != H5_BILL_TRANSACTION_ID)
			continue;
		*(p->v[i + 1] - SKIP) = '\0';
		if (strlen(p->v[i]) <= 32 && is_made_of(p->v[i], "0123456789"))
			o->transaction_id = p->v[i];
	}
	return H5_OK;
}

static enum h5_code
put_stray(struct h5_bill_reader *r, unsigned line, struct h5_err *e)
{
	struct pieces none = {.n = 0};
	char why[80];

	(void)snprintf(why, sizeof why,
	    "bill, line %u: neither a trade nor the totals", line);
	return put_odd(r, &none, line, why, e);
}

enum h5_code
h5_bill_take(
    struct h5_bill_reader *r, const struct h5_bill_lines *g, struct h5_err *e)
{
	bool one = g->first_len == g->len, rest = false;
	struct h5_bill_row row;
	struct pieces p;
	struct h5_err why;
	enum h5_code rc;

	if (!g->begins)
		return put_stray(r, g->line, e);
	g->text[g->len] = '\0';
	find_pieces(g->text, g->len, &p);
	rc = read_row(r, &p, g->line, one, &row, &why);
	if (rc == H5_E_INPUT && !one) {
		/* The first line may be a trade, and what follows it none. */
		g->text[g->first_len] = '\0';
		find_pieces(g->text, g->first_len, &p);
		rc = read_row(r, &p, g->line, true, &row, &why);
		rest = rc == H5_OK;
	}
	if (rc == H5_OK)
		rc = put_row(r, &row, e);
	else
		rc = put_odd(r, &p, g->line, why.msg, e);
	if (rc == H5_OK && rest)
		rc = put_stray(r, g->line + 1, e);
	return rc;
}
