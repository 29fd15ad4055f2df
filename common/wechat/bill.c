/* A bill's text as rows: which column means what, and whether the totals at
 * the end are the sum of the rows (docs/PROTOCOL.md 8). */
#include "common/wechat/bill.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"

#define FEE_PLACES 5 /* WeChat's fee: 1/1000 fen */

/* --- the columns we know -------------------------------------------------- */

enum column {
	AT,
	APPID,
	MCH_ID,
	TRANSACTION_ID,
	OUT_TRADE_NO,
	TRADE_TYPE,
	TRADE_STATE,
	CURRENCY,
	SETTLED,
	TOTAL,
	REFUND_ID,
	OUT_REFUND_NO,
	PAID_BACK,
	REFUND_ASKED,
	REFUND_STATUS,
	BODY,
	FEE,
	RATE,
	COLUMNS
};

enum total {
	COUNT,
	SETTLED_SUM,
	REFUND_SUM,
	FEE_SUM,
	TOTAL_SUM,
	ASKED_SUM,
	TOTALS
};

struct name {
	const char *utf8;
	int means;
};

/* Headings as WeChat writes them, in UTF-8. */
static const struct name headings[] = {
    /* time of trade */
    {"\xe4\xba\xa4\xe6\x98\x93\xe6\x97\xb6\xe9\x97\xb4", AT},
    /* official account id */
    {"\xe5\x85\xac\xe4\xbc\x97\xe8\xb4\xa6\xe5\x8f\xb7ID", APPID},
    /* merchant's number */
    {"\xe5\x95\x86\xe6\x88\xb7\xe5\x8f\xb7", MCH_ID},
    /* WeChat's order number */
    {"\xe5\xbe\xae\xe4\xbf\xa1\xe8\xae\xa2\xe5\x8d\x95\xe5\x8f\xb7",
	TRANSACTION_ID},
    /* merchant's order number */
    {"\xe5\x95\x86\xe6\x88\xb7\xe8\xae\xa2\xe5\x8d\x95\xe5\x8f\xb7",
	OUT_TRADE_NO},
    /* trade type */
    {"\xe4\xba\xa4\xe6\x98\x93\xe7\xb1\xbb\xe5\x9e\x8b", TRADE_TYPE},
    /* trade state */
    {"\xe4\xba\xa4\xe6\x98\x93\xe7\x8a\xb6\xe6\x80\x81", TRADE_STATE},
    /* kind of currency */
    {"\xe8\xb4\xa7\xe5\xb8\x81\xe7\xa7\x8d\xe7\xb1\xbb", CURRENCY},
    /* order amount to be settled */
    {"\xe5\xba\x94\xe7\xbb\x93\xe8\xae\xa2\xe5\x8d\x95\xe9\x87\x91\xe9\xa2"
     "\x9d",
	SETTLED},
    /* total amount: the same, before 2018 */
    {"\xe6\x80\xbb\xe9\x87\x91\xe9\xa2\x9d", SETTLED},
    /* order amount */
    {"\xe8\xae\xa2\xe5\x8d\x95\xe9\x87\x91\xe9\xa2\x9d", TOTAL},
    /* WeChat's refund number */
    {"\xe5\xbe\xae\xe4\xbf\xa1\xe9\x80\x80\xe6\xac\xbe\xe5\x8d\x95\xe5\x8f"
     "\xb7",
	REFUND_ID},
    /* merchant's refund number */
    {"\xe5\x95\x86\xe6\x88\xb7\xe9\x80\x80\xe6\xac\xbe\xe5\x8d\x95\xe5\x8f"
     "\xb7",
	OUT_REFUND_NO},
    /* refunded amount */
    {"\xe9\x80\x80\xe6\xac\xbe\xe9\x87\x91\xe9\xa2\x9d", PAID_BACK},
    /* refund amount that was asked for */
    {"\xe7\x94\xb3\xe8\xaf\xb7\xe9\x80\x80\xe6\xac\xbe\xe9\x87\x91\xe9\xa2"
     "\x9d",
	REFUND_ASKED},
    /* refund state */
    {"\xe9\x80\x80\xe6\xac\xbe\xe7\x8a\xb6\xe6\x80\x81", REFUND_STATUS},
    /* name of the goods */
    {"\xe5\x95\x86\xe5\x93\x81\xe5\x90\x8d\xe7\xa7\xb0", BODY},
    /* fee */
    {"\xe6\x89\x8b\xe7\xbb\xad\xe8\xb4\xb9", FEE},
    /* rate of the fee */
    {"\xe8\xb4\xb9\xe7\x8e\x87", RATE},
};

static const struct name totals_headings[] = {
    /* number of trades */
    {"\xe6\x80\xbb\xe4\xba\xa4\xe6\x98\x93\xe5\x8d\x95\xe6\x95\xb0", COUNT},
    /* sum of order amounts to be settled */
    {"\xe5\xba\x94\xe7\xbb\x93\xe8\xae\xa2\xe5\x8d\x95\xe6\x80\xbb\xe9\x87\x91"
     "\xe9\xa2\x9d",
	SETTLED_SUM},
    /* traded sum: the same, before 2018 */
    {"\xe6\x80\xbb\xe4\xba\xa4\xe6\x98\x93\xe9\xa2\x9d", SETTLED_SUM},
    /* sum of refunds; the same, before 2018 */
    {"\xe9\x80\x80\xe6\xac\xbe\xe6\x80\xbb\xe9\x87\x91\xe9\xa2\x9d",
	REFUND_SUM},
    {"\xe6\x80\xbb\xe9\x80\x80\xe6\xac\xbe\xe9\x87\x91\xe9\xa2\x9d",
	REFUND_SUM},
    /* sum of fees */
    {"\xe6\x89\x8b\xe7\xbb\xad\xe8\xb4\xb9\xe6\x80\xbb\xe9\x87\x91\xe9\xa2"
     "\x9d",
	FEE_SUM},
    /* sum of order amounts */
    {"\xe8\xae\xa2\xe5\x8d\x95\xe6\x80\xbb\xe9\x87\x91\xe9\xa2\x9d", TOTAL_SUM},
    /* sum of refunds asked for */
    {"\xe7\x94\xb3\xe8\xaf\xb7\xe9\x80\x80\xe6\xac\xbe\xe6\x80\xbb\xe9\x87\x91"
     "\xe9\xa2\x9d",
	ASKED_SUM},
};

#define HEADINGS H5_LENGTH(headings)
#define TOTALS_HEADINGS H5_LENGTH(totals_headings)

/* --- lines and values ----------------------------------------------------- */

struct reader {
	struct h5_bill *b;
	char *next; /* NULL: no more lines */
	unsigned line;
	int means[H5_BILL_COLUMNS]; /* by place; -1: not ours */
	size_t cap;
	int64_t sums[TOTALS];
};

/* The next line without its end, or NULL. */
static char *
next_line(struct reader *r)
{
	char *s = r->next, *end;

	/* The last line feed ends the last line; no empty one follows it. */
	if (s == NULL || *s == '\0')
		return NULL;
	r->line++;
	end = strchr(s, '\n');
	r->next = end == NULL ? NULL : end + 1;
	if (end == NULL)
		end = s + strlen(s);
	/* Old bills have CR LF, newer ones LF alone. */
	if (end > s && end[-1] == '\r')
		end--;
	*end = '\0';
	return s;
}

/* Cuts a line at each separator into at most H5_BILL_COLUMNS values; 0: too
 * many. */
static size_t
split(char *line, const char *separator, char *v[H5_BILL_COLUMNS])
{
	size_t n = 0, skip = strlen(separator);
	char *end;

	for (;;) {
		if (n == H5_BILL_COLUMNS)
			return 0;
		v[n++] = line;
		end = strstr(line, separator);
		if (end == NULL)
			return n;
		*end = '\0';
		line = end + skip;
	}
}

/* Finds out what the headings in a line mean, by place. */
static enum h5_code
read_headings(struct reader *r, char *line, const struct name *known,
    size_t n_known, size_t *n, struct h5_err *e)
{
	char *v[H5_BILL_COLUMNS];
	uint64_t seen = 0;
	size_t i, k;

	*n = split(line, ",", v);
	if (*n == 0)
		return h5_err_set(
		    e, H5_E_INPUT, "bill, line %u: too many columns", r->line);
	for (i = 0; i < *n; i++) {
		r->means[i] = -1;
		/* A column that is not known is passed over: WeChat adds some
		 * every few years. */
		for (k = 0; k < n_known; k++)
			if (strcmp(v[i], known[k].utf8) == 0)
				r->means[i] = known[k].means;
		if (r->means[i] < 0)
			continue;
		/* If two columns have one meaning, nobody can say which of them
		 * to believe. */
		if ((seen >> r->means[i] & 1) != 0)
			return h5_err_set(e, H5_E_INPUT,
			    "bill, line %u: a column occurs twice", r->line);
		seen |= UINT64_C(1) << r->means[i];
	}
	return H5_OK;
}

static bool
has(const struct reader *r, size_t n, int means)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (r->means[i] == means)
			return true;
	return false;
}

/* A line of back-ticked values, as many as there are headings. */
static enum h5_code
read_values(struct reader *r, char *line, size_t want, char *v[H5_BILL_COLUMNS],
    struct h5_err *e)
{
	/* The back-tick is how WeChat keeps a spreadsheet from reading
	 * numbers. */
	size_t n = line[0] == '`' ? split(line + 1, ",`", v) : 0;

	/* A product's name with a comma and a back-tick in it would shift all
	 * values behind it. */
	if (n == want)
		return H5_OK;
	return h5_err_set(e, H5_E_INPUT,
	    "bill, line %u: %zu values, but the heading names %zu", r->line, n,
	    want);
}

/* --- a row ---------------------------------------------------------------- */

static enum h5_code
read_money(const char *s, int64_t *fen, struct h5_err *e)
{
	enum h5_code rc = h5_text_decimal(s, 2, fen, e);

	if (rc == H5_OK && *fen < 0)
		rc = h5_err_set(e, H5_E_INPUT, "%.40s is negative", s);
	return rc;
}

/* Refund numbers of payments are "0". */
static const char *
none_if_zero(const char *s)
{
	return strcmp(s, "0") == 0 ? "" : s;
}

static enum h5_code
set_value(
    struct h5_bill_row *row, enum column c, const char *s, struct h5_err *e)
{
	switch (c) {
	case AT:
		return h5_clock_from_plain(s, &row->at, e);
	case APPID:
		row->appid = s;
		break;
	case MCH_ID:
		row->mch_id = s;
		break;
	case TRANSACTION_ID:
		row->transaction_id = s;
		break;
	case OUT_TRADE_NO:
		row->out_trade_no = s;
		break;
	case TRADE_TYPE:
		row->trade_type = s;
		break;
	case TRADE_STATE:
		row->trade_state = s;
		break;
	case CURRENCY:
		row->currency = s;
		break;
	case SETTLED:
		return read_money(s, &row->settled_fee, e);
	case TOTAL:
		return read_money(s, &row->total_fee, e);
	case REFUND_ID:
		row->refund_id = none_if_zero(s);
		break;
	case OUT_REFUND_NO:
		row->out_refund_no = none_if_zero(s);
		break;
	case PAID_BACK:
		return read_money(s, &row->paid_back, e);
	case REFUND_ASKED:
		return read_money(s, &row->refund_fee, e);
	case REFUND_STATUS:
		row->refund_status = s;
		break;
	case BODY:
		row->body = s;
		break;
	case FEE:
		row->has_fee = true;
		return h5_text_decimal(s, FEE_PLACES, &row->fee_micro, e);
	case RATE:
		row->rate = s;
		break;
	case COLUMNS:
		break;
	}
	return H5_OK;
}

static bool
add(int64_t *sum, int64_t n)
{
	/* Columns that are missing are -1 and add nothing. */
	return !__builtin_add_overflow(*sum, n < 0 ? 0 : n, sum);
}

static enum h5_code
add_to_sums(struct reader *r, const struct h5_bill_row *row, struct h5_err *e)
{
	/* The sums are made row by row, to be held against the totals below. */
	r->sums[COUNT]++;
	if (!add(&r->sums[SETTLED_SUM], row->settled_fee) ||
	    !add(&r->sums[TOTAL_SUM], row->total_fee) ||
	    !add(&r->sums[REFUND_SUM], row->paid_back) ||
	    !add(&r->sums[ASKED_SUM], row->refund_fee) ||
	    __builtin_add_overflow(
		r->sums[FEE_SUM], row->fee_micro, &r->sums[FEE_SUM]))
		return h5_err_set(
		    e, H5_E_INPUT, "bill, line %u: sums overflow", r->line);
	return H5_OK;
}

static enum h5_code
grow(struct reader *r, struct h5_err *e)
{
	size_t cap = r->cap == 0 ? 256 : r->cap * 2;
	struct h5_bill_row *more;

	if (r->b->n < r->cap)
		return H5_OK;
	more = realloc(r->b->rows, cap * sizeof *more);
	if (more == NULL)
		return h5_err_nomem(e);
	r->b->rows = more;
	r->cap = cap;
	return H5_OK;
}

static enum h5_code
read_row(struct reader *r, char *line, struct h5_err *e)
{
	struct h5_bill_row row = {.line = r->line,
	    .appid = "",
	    .mch_id = "",
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
	char *v[H5_BILL_COLUMNS];
	struct h5_err why;
	enum h5_code rc;
	size_t i;

	rc = read_values(r, line, r->b->columns, v, e);
	for (i = 0; rc == H5_OK && i < r->b->columns; i++) {
		if (r->means[i] < 0)
			continue;
		rc = set_value(&row, (enum column)r->means[i], v[i], &why);
		if (rc != H5_OK)
			return h5_err_set(e, rc,
			    "bill, line %u, column %zu: %s", r->line, i + 1,
			    why.msg);
	}
	if (rc == H5_OK)
		rc = add_to_sums(r, &row, e);
	if (rc == H5_OK)
		rc = grow(r, e);
	if (rc != H5_OK)
		return rc;
	/* Older bills lack these columns.  The nearest columns that they have
	 * are taken instead, so that both amounts are always there to be
	 * compared. */
	if (row.total_fee < 0)
		row.total_fee = row.settled_fee;
	if (row.refund_fee < 0)
		row.refund_fee = row.paid_back;
	/* Some kinds of bill have no trade state but do have a refund's
	 * number. */
	row.refund = strcmp(row.trade_state, "REFUND") == 0 ||
		     row.out_refund_no[0] != '\0';
	r->b->rows[r->b->n++] = row;
	return H5_OK;
}

/* --- the whole ------------------------------------------------------------ */

static enum h5_code
read_totals(struct reader *r, char *line, struct h5_err *e)
{
	char *v[H5_BILL_COLUMNS];
	enum h5_code rc;
	int64_t said;
	size_t n, i;

	rc = read_headings(r, line, totals_headings, TOTALS_HEADINGS, &n, e);
	if (rc != H5_OK)
		return rc;
	/* A line that is neither a row nor the totals is damage, and the count
	 * of trades is in every version of the totals. */
	if (!has(r, n, COUNT))
		return h5_err_set(e, H5_E_INPUT,
		    "bill, line %u: neither a trade nor the totals", r->line);
	line = next_line(r);
	if (line == NULL)
		return h5_err_set(
		    e, H5_E_INPUT, "bill, line %u: cut short", r->line);
	rc = read_values(r, line, n, v, e);
	for (i = 0; rc == H5_OK && i < n; i++) {
		unsigned places = 2;

		if (r->means[i] < 0)
			continue;
		if (r->means[i] == COUNT)
			places = 0; /* "45.0" has been seen */
		else if (r->means[i] == FEE_SUM)
			places = FEE_PLACES;
		rc = h5_text_decimal(v[i], places, &said, e);
		/* Equal to the last fen, or the file was cut or changed on its
		 * way: it carries no signature. */
		if (rc == H5_OK && said != r->sums[r->means[i]])
			rc = h5_err_set(e, H5_E_INPUT,
			    "bill, line %u: the totals say %.40s in column "
			    "%zu, but the %zu lines above add up to something "
			    "else: download it again",
			    r->line, v[i], i + 1, r->b->n);
	}
	/* Anything behind the totals would not have been counted. */
	if (rc == H5_OK && (line = next_line(r)) != NULL && line[0] != '\0')
		rc = h5_err_set(e, H5_E_INPUT,
		    "bill, line %u: something follows the totals", r->line);
	return rc;
}

static enum h5_code
read_all(struct reader *r, struct h5_err *e)
{
	static const enum column needed[] = {
	    AT, TRANSACTION_ID, OUT_TRADE_NO, TRADE_STATE, SETTLED};
	char *line = next_line(r);
	enum h5_code rc;
	size_t i;

	if (line == NULL)
		return h5_err_set(e, H5_E_INPUT, "the bill is empty");
	rc = read_headings(r, line, headings, HEADINGS, &r->b->columns, e);
	for (i = 0; rc == H5_OK && i < H5_LENGTH(needed); i++)
		if (!has(r, r->b->columns, (int)needed[i]))
			rc = h5_err_set(e, H5_E_INPUT,
			    "not a bill: its first line does not name a bill's "
			    "columns");
	while (rc == H5_OK) {
		line = next_line(r);
		if (line == NULL)
			return h5_err_set(e, H5_E_INPUT,
			    "bill, line %u: cut short: the totals are missing",
			    r->line);
		/* Rows begin with a back-tick; the first line without one is
		 * the heading of the totals. */
		if (line[0] != '`')
			return read_totals(r, line, e);
		rc = read_row(r, line, e);
	}
	return rc;
}

void
h5_bill_empty(struct h5_bill *b)
{
	memset(b, 0, sizeof *b);
}

enum h5_code
h5_bill_read(struct h5_buf *text, struct h5_bill *b, struct h5_err *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader r = {.b = b};
	size_t n = text->len;
	enum h5_code rc;

	h5_bill_empty(b);
	/* The rows point into the text, so the bill keeps it. */
	b->text = h5_buf_take(text);
	if (b->text == NULL)
		return h5_err_nomem(e);
	r.next = b->text;
	/* Some bills begin with a byte order mark. */
	if (n >= 3 && memcmp(b->text, bom, 3) == 0) {
		r.next += 3;
		n -= 3;
	}
	if (h5_text_utf8(r.next, n))
		rc = read_all(&r, e);
	else
		rc = h5_err_set(e, H5_E_INPUT, "the bill is not UTF-8 text");
	/* Kept also for a bill that does not add up; the caller may show
	 * them. */
	b->settled_sum = r.sums[SETTLED_SUM];
	b->refund_sum = r.sums[REFUND_SUM];
	b->fee_sum_micro = r.sums[FEE_SUM];
	if (rc == H5_OK)
		rc = h5_bill_index(b, e);
	if (rc != H5_OK)
		h5_bill_free(b);
	return rc;
}

void
h5_bill_free(struct h5_bill *b)
{
	free(b->text);
	free(b->rows);
	free(b->payments);
	free(b->refunds);
	h5_bill_empty(b);
}
