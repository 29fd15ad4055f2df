/* A bill's text as rows: which column means what, and whether the totals at
 * the end are the sum of the rows (docs/PROTOCOL.md 8). */
#include "common/wechat/bill_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/length.h"
#include "common/base/text.h"

/* --- the columns we know -------------------------------------------------- */

struct name {
	const char *utf8;
	int means;
};

/* Headings as WeChat writes them, in UTF-8. */
static const struct name headings[] = {
    /* time of trade */
    {"\xe4\xba\xa4\xe6\x98\x93\xe6\x97\xb6\xe9\x97\xb4", H5_BILL_AT},
    /* official account id */
    {"\xe5\x85\xac\xe4\xbc\x97\xe8\xb4\xa6\xe5\x8f\xb7ID", H5_BILL_APPID},
    /* merchant's number */
    {"\xe5\x95\x86\xe6\x88\xb7\xe5\x8f\xb7", H5_BILL_MCH_ID},
    /* special merchant's number: of a service provider's sub-merchant */
    {"\xe7\x89\xb9\xe7\xba\xa6\xe5\x95\x86\xe6\x88\xb7\xe5\x8f\xb7",
	H5_BILL_SUB_MCH_ID},
    /* WeChat's order number */
    {"\xe5\xbe\xae\xe4\xbf\xa1\xe8\xae\xa2\xe5\x8d\x95\xe5\x8f\xb7",
	H5_BILL_TRANSACTION_ID},
    /* merchant's order number */
    {"\xe5\x95\x86\xe6\x88\xb7\xe8\xae\xa2\xe5\x8d\x95\xe5\x8f\xb7",
	H5_BILL_OUT_TRADE_NO},
    /* trade type */
    {"\xe4\xba\xa4\xe6\x98\x93\xe7\xb1\xbb\xe5\x9e\x8b", H5_BILL_TRADE_TYPE},
    /* trade state */
    {"\xe4\xba\xa4\xe6\x98\x93\xe7\x8a\xb6\xe6\x80\x81", H5_BILL_TRADE_STATE},
    /* kind of currency */
    {"\xe8\xb4\xa7\xe5\xb8\x81\xe7\xa7\x8d\xe7\xb1\xbb", H5_BILL_CURRENCY},
    /* order amount to be settled */
    {"\xe5\xba\x94\xe7\xbb\x93\xe8\xae\xa2\xe5\x8d\x95\xe9\x87\x91\xe9\xa2"
     "\x9d",
	H5_BILL_SETTLED},
    /* total amount: the same, before 2018 */
    {"\xe6\x80\xbb\xe9\x87\x91\xe9\xa2\x9d", H5_BILL_SETTLED},
    /* order amount */
    {"\xe8\xae\xa2\xe5\x8d\x95\xe9\x87\x91\xe9\xa2\x9d", H5_BILL_TOTAL},
    /* WeChat's refund number */
    {"\xe5\xbe\xae\xe4\xbf\xa1\xe9\x80\x80\xe6\xac\xbe\xe5\x8d\x95\xe5\x8f"
     "\xb7",
	H5_BILL_REFUND_ID},
    /* merchant's refund number */
    {"\xe5\x95\x86\xe6\x88\xb7\xe9\x80\x80\xe6\xac\xbe\xe5\x8d\x95\xe5\x8f"
     "\xb7",
	H5_BILL_OUT_REFUND_NO},
    /* refunded amount */
    {"\xe9\x80\x80\xe6\xac\xbe\xe9\x87\x91\xe9\xa2\x9d", H5_BILL_PAID_BACK},
    /* refund amount that was asked for */
    {"\xe7\x94\xb3\xe8\xaf\xb7\xe9\x80\x80\xe6\xac\xbe\xe9\x87\x91\xe9\xa2"
     "\x9d",
	H5_BILL_REFUND_ASKED},
    /* refund state */
    {"\xe9\x80\x80\xe6\xac\xbe\xe7\x8a\xb6\xe6\x80\x81", H5_BILL_REFUND_STATUS},
    /* name of the goods */
    {"\xe5\x95\x86\xe5\x93\x81\xe5\x90\x8d\xe7\xa7\xb0", H5_BILL_BODY},
    /* fee */
    {"\xe6\x89\x8b\xe7\xbb\xad\xe8\xb4\xb9", H5_BILL_FEE},
    /* rate of the fee */
    {"\xe8\xb4\xb9\xe7\x8e\x87", H5_BILL_RATE},
};

static const struct name totals_headings[] = {
    /* number of trades */
    {"\xe6\x80\xbb\xe4\xba\xa4\xe6\x98\x93\xe5\x8d\x95\xe6\x95\xb0",
	H5_BILL_COUNT},
    /* sum of order amounts to be settled */
    {"\xe5\xba\x94\xe7\xbb\x93\xe8\xae\xa2\xe5\x8d\x95\xe6\x80\xbb\xe9\x87\x91"
     "\xe9\xa2\x9d",
	H5_BILL_SETTLED_SUM},
    /* traded sum: the same, before 2018 */
    {"\xe6\x80\xbb\xe4\xba\xa4\xe6\x98\x93\xe9\xa2\x9d", H5_BILL_SETTLED_SUM},
    /* sum of refunds; the same, before 2018 */
    {"\xe9\x80\x80\xe6\xac\xbe\xe6\x80\xbb\xe9\x87\x91\xe9\xa2\x9d",
	H5_BILL_REFUND_SUM},
    {"\xe6\x80\xbb\xe9\x80\x80\xe6\xac\xbe\xe9\x87\x91\xe9\xa2\x9d",
	H5_BILL_REFUND_SUM},
    /* sum of fees */
    {"\xe6\x89\x8b\xe7\xbb\xad\xe8\xb4\xb9\xe6\x80\xbb\xe9\x87\x91\xe9\xa2"
     "\x9d",
	H5_BILL_FEE_SUM},
    /* sum of order amounts */
    {"\xe8\xae\xa2\xe5\x8d\x95\xe6\x80\xbb\xe9\x87\x91\xe9\xa2\x9d",
	H5_BILL_TOTAL_SUM},
    /* sum of refunds asked for */
    {"\xe7\x94\xb3\xe8\xaf\xb7\xe9\x80\x80\xe6\xac\xbe\xe6\x80\xbb\xe9\x87\x91"
     "\xe9\xa2\x9d",
	H5_BILL_ASKED_SUM},
};

#define HEADINGS H5_LENGTH(headings)
#define TOTALS_HEADINGS H5_LENGTH(totals_headings)

/* --- lines and values ----------------------------------------------------- */

/* The line at p: its bytes without the end, and where the next one begins (end:
 * nowhere).  Changes nothing. */
static size_t
look_at(char *p, char *end, char **next)
{
	char *feed = memchr(p, '\n', (size_t)(end - p));
	size_t n = (size_t)((feed == NULL ? end : feed) - p);

	*next = feed == NULL ? end : feed + 1;
	return n > 0 && p[n - 1] == '\r' ? n - 1 : n;
}

/* The next line as a string, or NULL. */
static char *
next_line(struct h5_bill_reader *r)
{
	char *s = r->next;
	size_t n;

	if (s == r->end)
		return NULL;
	r->line++;
	n = look_at(s, r->end, &r->next);
	s[n] = '\0';
	return s;
}

/* Finds out what the headings in a line mean, by place. */
static enum h5_code
read_headings(struct h5_bill_reader *r, char *line, const struct name *known,
    size_t n_known, size_t *n, struct h5_err *e)
{
	char *v[H5_BILL_COLUMNS];
	uint64_t seen = 0;
	size_t i, k;

	*n = h5_bill_split(line, ",", v);
	if (*n == 0)
		return h5_err_set(
		    e, H5_E_INPUT, "bill, line %u: too many columns", r->line);
	for (i = 0; i < *n; i++) {
		r->means[i] = -1;
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
has(const struct h5_bill_reader *r, size_t n, int means)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (r->means[i] == means)
			return true;
	return false;
}

/* --- the totals ----------------------------------------------------------- */

/* Does this line head the totals?  A name may hold a line that looks like it:
 * the last such line does. */
static bool
heads_totals(const char *s, size_t n)
{
	const char *count = totals_headings[0].utf8, *comma;
	size_t len = strlen(count), part;

	while (n > 0 && s[0] != '`') {
		comma = memchr(s, ',', n);
		part = comma == NULL ? n : (size_t)(comma - s);
		if (part == len && memcmp(s, count, len) == 0)
			return true;
		part += comma == NULL ? 0 : 1;
		s += part;
		n -= part;
	}
	return false;
}

/* Where the totals begin; r->end: nowhere. */
static char *
find_totals(const struct h5_bill_reader *r)
{
	char *found = r->end, *p, *next;
	size_t n;

	for (p = r->next; p < r->end; p = next) {
		n = look_at(p, r->end, &next);
		if (heads_totals(p, n))
			found = p;
	}
	return found;
}

static void
keep_worth(struct h5_bill *b, int means, int64_t worth)
{
	if (means == H5_BILL_SETTLED_SUM)
		b->odd_settled = worth;
	if (means == H5_BILL_REFUND_SUM)
		b->odd_refunded = worth;
}

/* What the totals say in one column against what the rows add up to.  Lines
 * that could not be read are worth what is missing. */
static bool
agrees(const struct h5_bill_reader *r, int means, int64_t said)
{
	int64_t worth;

	if (__builtin_sub_overflow(said, r->sums[means], &worth))
		return false;
	if (r->b->n_odd == 0)
		return worth == 0;
	keep_worth(r->b, means, worth);
	if (means == H5_BILL_COUNT)
		return worth >= 1 && (uint64_t)worth <= r->b->n_odd;
	return worth >= 0 || means == H5_BILL_FEE_SUM;
}

static unsigned
places_of(int means)
{
	if (means == H5_BILL_COUNT)
		return 0; /* "45.0" has been seen */
	return means == H5_BILL_FEE_SUM ? H5_BILL_FEE_PLACES : 2;
}

static enum h5_code
read_totals(struct h5_bill_reader *r, struct h5_err *e)
{
	char *v[H5_BILL_COLUMNS], *line = next_line(r);
	enum h5_code rc;
	int64_t said;
	size_t n, i, got;

	rc = read_headings(r, line, totals_headings, TOTALS_HEADINGS, &n, e);
	if (rc != H5_OK)
		return rc;
	line = next_line(r);
	if (line == NULL)
		return h5_err_set(
		    e, H5_E_INPUT, "bill, line %u: cut short", r->line);
	got = line[0] == '`' ? h5_bill_split(line + 1, ",`", v) : 0;
	if (got != n)
		return h5_err_set(e, H5_E_INPUT,
		    "bill, line %u: %zu values where the heading names %zu",
		    r->line, got, n);
	for (i = 0; rc == H5_OK && i < n; i++) {
		if (r->means[i] < 0)
			continue;
		rc = h5_text_decimal(v[i], places_of(r->means[i]), &said, e);
		if (rc == H5_OK && !agrees(r, r->means[i], said))
			rc = h5_err_set(e, H5_E_INPUT,
			    "bill, line %u: the totals say %.40s in column "
			    "%zu, but the %zu lines above add up to something "
			    "else: download it again",
			    r->line, v[i], i + 1, r->b->n);
	}
	if (rc == H5_OK && (line = next_line(r)) != NULL && line[0] != '\0')
		rc = h5_err_set(e, H5_E_INPUT,
		    "bill, line %u: something follows the totals", r->line);
	return rc;
}

/* --- the whole ------------------------------------------------------------ */

/* A trade begins with a back-tick and, where the first column is a time, with
 * one: a name's second line may begin with a back-tick. */
static bool
begins(const struct h5_bill_reader *r, const char *s, size_t n)
{
	static const char shape[] = "`dddd-dd-dd dd:dd:dd,`";
	size_t i;

	if (n == 0 || s[0] != '`')
		return false;
	if (r->means[0] != H5_BILL_AT)
		return true;
	if (n < sizeof shape - 1)
		return false;
	for (i = 0; shape[i] != '\0'; i++)
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9'
				    : s[i] != shape[i])
			return false;
	return true;
}

/* The lines up to totals. */
static enum h5_code
read_rows(struct h5_bill_reader *r, const char *totals, struct h5_err *e)
{
	struct h5_bill_lines g;
	enum h5_code rc = H5_OK;
	char *next;
	size_t n;

	while (rc == H5_OK && r->next < totals) {
		g.text = r->next;
		g.line = ++r->line;
		g.len = g.first_len = look_at(g.text, r->end, &next);
		g.begins = begins(r, g.text, g.len);
		while (next < totals) {
			r->next = next;
			n = look_at(r->next, r->end, &next);
			if (begins(r, r->next, n)) {
				next = r->next;
				break;
			}
			r->line++;
			g.len = (size_t)(r->next - g.text) + n;
		}
		r->next = next;
		rc = h5_bill_take(r, &g, e);
	}
	return rc;
}

static enum h5_code
read_all(struct h5_bill_reader *r, struct h5_err *e)
{
	static const enum h5_bill_column needed[] = {H5_BILL_AT,
	    H5_BILL_TRANSACTION_ID, H5_BILL_OUT_TRADE_NO, H5_BILL_TRADE_STATE,
	    H5_BILL_SETTLED};
	char *line = next_line(r), *totals;
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
	totals = find_totals(r);
	if (rc == H5_OK)
		rc = read_rows(r, totals, e);
	if (rc != H5_OK)
		return rc;
	if (totals < r->end)
		rc = read_totals(r, e);
	else
		rc = h5_err_set(e, H5_E_INPUT,
		    "bill, line %u: cut short: the totals are missing",
		    r->line);
	/* Where it cannot be believed as a whole, the first line that could not
	 * be read says most. */
	if (rc == H5_E_INPUT && r->b->n_odd > 0)
		rc = h5_err_set(e, rc, "%s", r->b->odd[0].why);
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
	struct h5_bill_reader r = {.b = b};
	size_t n = text->len;
	enum h5_code rc;

	h5_bill_empty(b);
	b->text = h5_buf_take(text);
	if (b->text == NULL)
		return h5_err_nomem(e);
	r.next = b->text;
	r.end = b->text + n;
	if (n >= 3 && memcmp(b->text, bom, 3) == 0)
		r.next += 3;
	rc = read_all(&r, e);
	b->settled_sum = r.sums[H5_BILL_SETTLED_SUM];
	b->refund_sum = r.sums[H5_BILL_REFUND_SUM];
	b->fee_sum_micro = r.sums[H5_BILL_FEE_SUM];
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
	free(b->odd);
	free(b->payments);
	free(b->refunds);
	h5_bill_empty(b);
}

const struct h5_bill_row *
h5_bill_order(const struct h5_bill *b, const char *out_trade_no)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (strcmp(b->rows[i].out_trade_no, out_trade_no) == 0)
			return &b->rows[i];
	return NULL;
}
