/* One line of a ledger, read and written in the one spelling that there is. */
#include "common/store/ledger.h"

#include <stdint.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/sum.h"
#include "common/base/text.h"
#include "common/format/json.h"

/* What ends every line: ,"sum":"0123456789abcdef"} */
#define SUM_HEAD ",\"sum\":\""
#define SUM_TAIL "\"}"
#define SUM_BYTES                                                              \
	(sizeof SUM_HEAD - 1 + H5_LEDGER_SUM - 1 + sizeof SUM_TAIL - 1)

/* The names of WeChat's elements are far shorter, even with the prefix that an
 * event gives them. */
#define NAME_MAX_BYTES 96

/* Names that a line has anyway. */
static const char *const taken[] = {"n", "at", "event", "more", "sum"};

static bool
is_taken(const char *name)
{
	size_t i;

	/* The first letter is enough for most. */
	for (i = 0; i < H5_LENGTH(taken); i++)
		if (taken[i][0] == name[0] && strcmp(taken[i], name) == 0)
			return true;
	return false;
}

static bool
name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* --- writing a line ------------------------------------------------------- */

static enum h5_code
fit_field(const struct h5_field *f, struct h5_err *e)
{
	size_t i;

	/* A name that a line has anyway would make a second member of that
	 * name, and readers differ in which one they believe. */
	if (f->name_len == 0 || f->name_len > NAME_MAX_BYTES ||
	    is_taken(f->name))
		return h5_err_set(
		    e, H5_E_INPUT, "a field name cannot stand in a ledger");
	for (i = 0; i < f->name_len; i++)
		if (!name_byte(f->name[i]))
			return h5_err_set(e, H5_E_INPUT,
			    "a field name cannot stand in a ledger");
	if (h5_event_is_number(f->name) &&
	    !h5_event_number_fits(f->value, f->value_len))
		return h5_err_set(e, H5_E_INPUT, "%s is not a number", f->name);
	/* Bytes that are no UTF-8 would make a file that no JSON reader
	 * takes. */
	if (!h5_text_utf8(f->value, f->value_len))
		return h5_err_set(e, H5_E_INPUT, "%s is not UTF-8", f->name);
	return H5_OK;
}

static void
sum_text(uint64_t sum, char hex[H5_LEDGER_SUM])
{
	size_t i;

	/* Written from the last digit to the first.  printf would do it as
	 * well, but is slow, and every write passes here. */
	for (i = H5_LEDGER_SUM - 1; i-- > 0; sum >>= 4)
		hex[i] = "0123456789abcdef"[sum & 15];
	hex[H5_LEDGER_SUM - 1] = '\0';
}

/* And back to its number; "" before the first line is 0. */
static bool
sum_of(const char *hex, uint64_t *sum)
{
	size_t i;

	/* The chain starts at 0, so the first line needs no case of its own. */
	*sum = 0;
	if (hex[0] == '\0')
		return true;
	for (i = 0; i < H5_LEDGER_SUM - 1; i++) {
		if (hex[i] >= '0' && hex[i] <= '9')
			*sum = *sum << 4 | (uint64_t)(hex[i] - '0');
		else if (hex[i] >= 'a' && hex[i] <= 'f')
			*sum = *sum << 4 | (uint64_t)(hex[i] - 'a' + 10);
		else
			return false;
	}
	return true;
}

enum h5_code
h5_ledger_write(struct h5_ledger_at *at, const struct h5_event *ev,
    struct h5_buf *out, struct h5_err *e)
{
	char when[H5_CLOCK_RFC3339], hex[H5_LEDGER_SUM];
	size_t start = out->len, i;
	enum h5_code rc = H5_OK;
	uint64_t sum;

	for (i = 0; i < ev->fields.n && rc == H5_OK; i++)
		rc = fit_field(&ev->fields.v[i], e);
	/* Six digits of "n" are all that a reader takes. */
	if (rc == H5_OK && (!sum_of(at->sum, &sum) || at->n >= 999999))
		rc = h5_err_set(
		    e, H5_E_INPUT, "the ledger cannot take another line");
	if (rc != H5_OK)
		return rc;
	h5_clock_rfc3339(ev->at, when);
	h5_buf_printf(out, "{\"n\":%u,\"at\":\"%s\",\"event\":\"%s\"",
	    at->n + 1, when, h5_event_name(ev->kind));
	/* The number counts down, so that a reader knows how much of a unit is
	 * missing. */
	if (at->more > 0)
		h5_buf_printf(out, ",\"more\":%u", at->more);
	for (i = 0; i < ev->fields.n; i++) {
		h5_buf_putc(out, ',');
		h5_event_put_field(
		    ev->fields.v[i].name, ev->fields.v[i].value, out);
	}
	rc = h5_buf_finish(out, e);
	if (rc != H5_OK)
		return rc;
	/* The sum covers this line and, by its seed, all lines before it: none
	 * can be changed, dropped or moved without a trace. */
	sum = h5_sum_64(out->data + start, out->len - start, sum);
	sum_text(sum, hex);
	h5_buf_puts(out, SUM_HEAD);
	h5_buf_puts(out, hex);
	h5_buf_puts(out, SUM_TAIL "\n");
	rc = h5_buf_finish(out, e);
	/* Checked at the end: how long a text becomes is known once it is
	 * escaped. */
	if (rc == H5_OK && out->len - start > H5_LEDGER_LINE)
		rc = h5_err_set(e, H5_E_INPUT,
		    "a ledger line is longer than %d bytes", H5_LEDGER_LINE);
	if (rc != H5_OK)
		return rc;
	/* The chain moves on only when nothing can fail any more. */
	memcpy(at->sum, hex, sizeof hex);
	at->n++;
	return H5_OK;
}

/* --- reading a line ------------------------------------------------------- */

struct reader {
	const char *p;
	const char *end;
	struct h5_buf text; /* a string whose escapes had to be undone */
};

/* Takes exactly these bytes. */
static bool
take(struct reader *r, const char *s)
{
	size_t n = strlen(s);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, s, n) != 0)
		return false;
	r->p += n;
	return true;
}

/* Takes digits; *n of them begin at the result. */
static const char *
take_number(struct reader *r, size_t *n)
{
	const char *s = r->p, *q = s;

	/* The same rule as for writing: two spellings of a number would be two
	 * ledgers with one meaning. */
	while (q < r->end && *q >= '0' && *q <= '9')
		q++;
	*n = (size_t)(q - s);
	if (!h5_event_number_fits(s, *n))
		return NULL;
	r->p = q;
	return s;
}

/* "n" and "more": small numbers. */
static bool
take_count(struct reader *r, unsigned *out)
{
	const char *s;
	size_t n, i;

	*out = 0;
	s = take_number(r, &n);
	if (s == NULL || n > 6)
		return false;
	for (i = 0; i < n; i++)
		*out = *out * 10 + (unsigned)(s[i] - '0');
	return true;
}

/* One escape after its backslash. */
static bool
take_escape(struct reader *r)
{
	char c;
	size_t n = h5_json_unescape(r->p, (size_t)(r->end - r->p), &c);

	r->p += n;
	if (n > 0)
		h5_buf_putc(&r->text, c);
	return n > 0;
}

/* Takes a string; *n bytes of it begin at the result, in the line itself or
 * (if it had escapes) in r->text. */
static const char *
take_string(struct reader *r, size_t *n)
{
	const char *run;

	*n = 0;
	if (!take(r, "\""))
		return NULL;
	h5_buf_clear(&r->text);
	for (run = r->p; r->p < r->end; r->p++) {
		if (*r->p == '"') {
			*n = (size_t)(r->p - run);
			r->p++;
			/* The usual case: no escape, so the line itself is
			 * handed out. */
			if (r->text.len == 0)
				return run;
			h5_buf_add(&r->text, run, *n);
			*n = r->text.len;
			return r->text.data;
		}
		/* A control byte is always written as an escape. */
		if ((unsigned char)*r->p < 0x20)
			return NULL;
		if (*r->p != '\\')
			continue;
		h5_buf_add(&r->text, run, (size_t)(r->p - run));
		r->p++;
		if (!take_escape(r))
			return NULL;
		run = r->p;
		r->p--;
	}
	return NULL;
}

/* ,"name":value into the list. */
static enum h5_code
read_field(struct reader *r, struct h5_fields *f, struct h5_err *e)
{
	char name[NAME_MAX_BYTES + 1];
	const char *p, *value;
	size_t n, value_len;

	/* No blanks anywhere: one spelling, so that a sum over bytes is a sum
	 * over the meaning. */
	if (!take(r, ",\""))
		return h5_err_set(e, H5_E_INPUT, "a field is malformed");
	for (p = r->p; p < r->end && name_byte(*p);)
		p++;
	n = (size_t)(p - r->p);
	if (n == 0 || n > NAME_MAX_BYTES)
		return h5_err_set(e, H5_E_INPUT, "a field name is malformed");
	memcpy(name, r->p, n);
	name[n] = '\0';
	r->p = p;
	if (!take(r, "\":") || is_taken(name))
		return h5_err_set(e, H5_E_INPUT, "a field name is malformed");
	value = h5_event_is_number(name) ? take_number(r, &value_len)
					 : take_string(r, &value_len);
	if (value == NULL)
		return h5_err_set(
		    e, H5_E_INPUT, "the value of %s is malformed", name);
	if (r->text.bad != H5_OK)
		return h5_buf_finish(&r->text, e);
	/* A value that is not UTF-8 would be printed as it is, and no JSON
	 * reader would take it. */
	if (!h5_text_utf8(value, value_len))
		return h5_err_set(e, H5_E_INPUT, "%s is not UTF-8", name);
	return h5_fields_addn(f, name, n, value, value_len, e);
}

/* {"n":1,"at":"...","event":"created" and, in a unit, "more". */
static enum h5_code
read_head(struct reader *r, const struct h5_ledger_at *at, unsigned *more,
    struct h5_event *ev, struct h5_err *e)
{
	char when[H5_CLOCK_RFC3339], word[32];
	const char *s;
	unsigned n;
	size_t len;

	*more = 0;
	/* Numbers without gaps: a line that was cut out is found even if
	 * somebody made the sums fit. */
	if (!take(r, "{\"n\":") || !take_count(r, &n) || n != at->n + 1)
		return h5_err_set(
		    e, H5_E_INPUT, "line %u has the wrong number", at->n + 1);
	if (!take(r, ",\"at\":") || (s = take_string(r, &len)) == NULL ||
	    len != sizeof when - 1)
		return h5_err_set(e, H5_E_INPUT, "line %u has no time", n);
	memcpy(when, s, len);
	when[len] = '\0';
	if (h5_clock_from_rfc3339(when, &ev->at, NULL) != H5_OK)
		return h5_err_set(e, H5_E_INPUT, "line %u has no time", n);
	if (!take(r, ",\"event\":") || (s = take_string(r, &len)) == NULL ||
	    len >= sizeof word)
		return h5_err_set(e, H5_E_INPUT, "line %u has no event", n);
	memcpy(word, s, len);
	word[len] = '\0';
	if (!h5_event_kind_of(word, &ev->kind))
		return h5_err_set(e, H5_E_INPUT,
		    "line %u holds an event that this version does not know",
		    n);
	if (take(r, ",\"more\":") &&
	    (!take_count(r, more) || *more == 0 || *more >= H5_LEDGER_UNIT))
		return h5_err_set(
		    e, H5_E_INPUT, "line %u: the value of more is wrong", n);
	/* Within a unit, each line says one less than the one before it. */
	if (at->more > 0 && *more != at->more - 1)
		return h5_err_set(
		    e, H5_E_INPUT, "line %u does not belong to its unit", n);
	return H5_OK;
}

/* Does the line end in the checksum of all before it? */
static bool
sum_fits(
    const struct h5_ledger_at *at, const char *line, size_t n, uint64_t *sum)
{
	const char *tail = line + n - SUM_BYTES;
	uint64_t seed, told;

	/* The cheap tests come first.  n is compared before tail is read, since
	 * tail may point before the line. */
	if (n < SUM_BYTES || n > H5_LEDGER_LINE ||
	    memcmp(tail, SUM_HEAD, sizeof SUM_HEAD - 1) != 0 ||
	    memcmp(line + n - (sizeof SUM_TAIL - 1), SUM_TAIL,
		sizeof SUM_TAIL - 1) != 0 ||
	    !sum_of(tail + sizeof SUM_HEAD - 1, &told) ||
	    !sum_of(at->sum, &seed))
		return false;
	*sum = h5_sum_64(line, n - SUM_BYTES, seed);
	return *sum == told;
}

enum h5_code
h5_ledger_read(struct h5_ledger_at *at, const char *line, size_t n,
    struct h5_event *ev, bool *summed, struct h5_err *e)
{
	struct reader r = {line, line + n, {0}};
	enum h5_code rc;
	unsigned more;
	uint64_t sum;

	h5_event_init(ev, H5_EVENT_CREATED, 0);
	/* Before anything else: what does not fit its sum is not looked
	 * into. */
	*summed = sum_fits(at, line, n, &sum);
	if (!*summed)
		return h5_err_set(e, H5_E_INPUT,
		    "line %u: the checksum does not match", at->n + 1);
	r.end -= SUM_BYTES;
	h5_buf_init(&r.text, H5_LEDGER_LINE);
	rc = read_head(&r, at, &more, ev, e);
	while (rc == H5_OK && r.p < r.end)
		rc = read_field(&r, &ev->fields, e);
	h5_buf_release(&r.text);
	/* A field that occurs twice is two truths. */
	if (rc == H5_E_EXISTS)
		rc = h5_err_set(
		    e, H5_E_INPUT, "line %u: a field occurs twice", at->n + 1);
	if (rc != H5_OK) {
		h5_event_release(ev);
		return rc;
	}
	/* The sum as it stands in the line is the next one's seed. */
	memcpy(at->sum, line + n - (SUM_BYTES - (sizeof SUM_HEAD - 1)),
	    H5_LEDGER_SUM - 1);
	at->sum[H5_LEDGER_SUM - 1] = '\0';
	at->more = more;
	at->n++;
	return H5_OK;
}
