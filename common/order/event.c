/* Events: their words, the kinds of their fields, how one is filled and how it
 * is read. */
#include "common/order/event.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/json.h"

/* WeChat's messages are capped at 1,024 elements in 64 KiB (xml.h); an event
 * keeps them all, each name with a prefix. */
#define EVENT_FIELDS 1088
#define EVENT_BYTES 131072

#define NUMBER_DIGITS 18 /* fits int64_t whatever the digits */

static const char *const event_names[] = {
    [H5_EVENT_CREATED] = "created",
    [H5_EVENT_ATTEMPT] = "attempt",
    [H5_EVENT_ORDERING] = "ordering",
    [H5_EVENT_PREPAID] = "prepaid",
    [H5_EVENT_QUERIED] = "queried",
    [H5_EVENT_UNREACHED] = "unreached",
    [H5_EVENT_PAID] = "paid",
    [H5_EVENT_CLOSING] = "closing",
    [H5_EVENT_ENDED] = "ended",
    [H5_EVENT_CLOSED] = "closed",
    [H5_EVENT_REFUND_ASKED] = "refund-asked",
    [H5_EVENT_REFUND_HINT] = "refund-hint",
    [H5_EVENT_REFUNDED] = "refunded",
    [H5_EVENT_REFUND_REFUSED] = "refund-refused",
    [H5_EVENT_KEPT] = "kept",
    [H5_EVENT_BILLED] = "billed",
    [H5_EVENT_ALERT] = "alert",
    [H5_EVENT_DELIVERED] = "delivered",
    [H5_EVENT_UNDELIVERED] = "undelivered",
    [H5_EVENT_SETTLED] = "settled",
    [H5_EVENT_FORGOTTEN] = "forgotten",
    [H5_EVENT_RELEASED] = "released",
    [H5_EVENT_AUTHORIZING] = "authorizing",
    [H5_EVENT_AUTHORIZED] = "authorized",
    [H5_EVENT_UNAUTHORIZED] = "unauthorized",
};

_Static_assert(
    H5_LENGTH(event_names) == H5_EVENT_KINDS, "a word for each event");

const char *
h5_event_name(enum h5_event_kind kind)
{
	return event_names[kind];
}

bool
h5_event_kind_of(const char *name, enum h5_event_kind *kind)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(event_names); i++)
		if (strcmp(event_names[i], name) == 0) {
			*kind = (enum h5_event_kind)i;
			return true;
		}
	return false;
}

void
h5_event_init(struct h5_event *ev, enum h5_event_kind kind, int64_t at)
{
	ev->kind = kind;
	ev->bad = H5_OK;
	ev->at = at;
	h5_fields_init(&ev->fields, EVENT_FIELDS, EVENT_BYTES);
}

void
h5_event_release(struct h5_event *ev)
{
	h5_fields_release(&ev->fields);
}

/* --- kinds of fields ------------------------------------------------------ */

/* Every field that is neither a number nor a time is a text. */
static const char *const times[] = {"expires_at", "time_start", "time_expire",
    "time_end", "success_time", "retry_at"};

static bool
among(const char *const *list, size_t n, const char *name)
{
	size_t i;

	/* The first two letters tell most names apart. */
	for (i = 0; i < n; i++)
		if (list[i][0] == name[0] && list[i][1] == name[1] &&
		    strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* This is asked about every field that is read.  No two of these names begin
 * with the same letter, so the first letter says which one it can be. */
bool
h5_event_is_number(const char *name)
{
	switch (name[0]) {
	case 'f':
		return strcmp(name, "failures") == 0;
	case 'q':
		return strcmp(name, "qty") == 0;
	case 'r':
		return strcmp(name, "refund_fee") == 0 ||
		       strcmp(name, "returned") == 0;
	case 't':
		return name[1] == 'o' && strcmp(name, "total_fee") == 0;
	default:
		return false;
	}
}

bool
h5_event_number_fits(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > NUMBER_DIGITS || (s[0] == '0' && n > 1))
		return false;
	for (i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

void
h5_event_put_field(const char *name, const char *value, struct h5_buf *out)
{
	h5_json_string(name, out);
	h5_buf_putc(out, ':');
	if (h5_event_is_number(name))
		h5_buf_puts(out, value);
	else
		h5_json_string(value, out);
}

/* --- filling -------------------------------------------------------------- */

static void
put(struct h5_event *ev, const char *name, const char *value, bool kind_fits)
{
	/* A batch that is full gives no event, and a fault is remembered.  Both
	 * are told at the end, so the lines that fill an event need no
	 * tests. */
	if (ev == NULL || ev->bad != H5_OK)
		return;
	/* A value of the wrong kind would be written in a form that no reader
	 * takes, so it is a fault of the program. */
	ev->bad = kind_fits ? h5_fields_add(&ev->fields, name, value, NULL)
			    : H5_E_BUG;
}

void
h5_event_text(struct h5_event *ev, const char *name, const char *value)
{
	if (value != NULL)
		put(ev, name, value,
		    !h5_event_is_number(name) &&
			!among(times, H5_LENGTH(times), name));
}

void
h5_event_number(struct h5_event *ev, const char *name, int64_t n)
{
	char digits[H5_TEXT_NUMBER];

	h5_text_number(n, digits);
	put(ev, name, digits, n >= 0 && h5_event_is_number(name));
}

void
h5_event_time(struct h5_event *ev, const char *name, int64_t t)
{
	char when[H5_CLOCK_RFC3339];

	/* A time that is not known is left out, and never written as zero. */
	if (t <= 0)
		return;
	h5_clock_rfc3339(t, when);
	put(ev, name, when, among(times, H5_LENGTH(times), name));
}

enum h5_code
h5_event_finish(const struct h5_event *ev, struct h5_err *e)
{
	if (ev == NULL)
		return h5_err_set(e, H5_E_BUG, "there is no room for an event");
	if (ev->bad != H5_OK)
		return h5_err_set(e, ev->bad, "%s: a field does not fit",
		    h5_event_name(ev->kind));
	return H5_OK;
}

/* --- reading -------------------------------------------------------------- */

enum h5_code
h5_event_read_text(const struct h5_event *ev, const char *name, size_t max,
    char **out, struct h5_err *e)
{
	size_t i;

	*out = NULL;
	/* Searched by hand: the length is wanted with the value. */
	for (i = 0; i < ev->fields.n; i++) {
		if (strcmp(ev->fields.v[i].name, name) != 0)
			continue;
		/* An empty value is never written (see h5_event_text), so one
		 * that is there has been put there by somebody else. */
		if (ev->fields.v[i].value_len == 0 ||
		    ev->fields.v[i].value_len > max)
			return h5_err_set(e, H5_E_INPUT,
			    "%s: %s is empty or too long",
			    h5_event_name(ev->kind), name);
		*out = ev->fields.v[i].value;
		return H5_OK;
	}
	return h5_err_set(
	    e, H5_E_INPUT, "%s: no %s", h5_event_name(ev->kind), name);
}

enum h5_code
h5_event_read_text_if(const struct h5_event *ev, const char *name, size_t max,
    char **out, struct h5_err *e)
{
	*out = NULL;
	if (h5_fields_get(&ev->fields, name) == NULL)
		return H5_OK;
	return h5_event_read_text(ev, name, max, out, e);
}

enum h5_code
h5_event_read_number(const struct h5_event *ev, const char *name, uint64_t min,
    uint64_t max, int64_t *out, struct h5_err *e)
{
	enum h5_code rc;
	uint64_t n;
	char *s;

	*out = 0;
	rc = h5_event_read_text(ev, name, 20, &s, e);
	if (rc != H5_OK)
		return rc;
	if (h5_text_u64(s, min, max, &n, NULL) != H5_OK)
		return h5_err_set(e, H5_E_INPUT, "%s: %s is not a valid number",
		    h5_event_name(ev->kind), name);
	*out = (int64_t)n;
	return H5_OK;
}

enum h5_code
h5_event_read_fen(
    const struct h5_event *ev, const char *name, int64_t *out, struct h5_err *e)
{
	return h5_event_read_number(ev, name, 1, H5_FEN_MAX, out, e);
}

enum h5_code
h5_event_read_time(
    const struct h5_event *ev, const char *name, int64_t *out, struct h5_err *e)
{
	enum h5_code rc;
	char *s;

	*out = 0;
	rc = h5_event_read_text(ev, name, H5_CLOCK_RFC3339 - 1, &s, e);
	if (rc == H5_OK && h5_clock_from_rfc3339(s, out, NULL) != H5_OK)
		rc = h5_err_set(e, H5_E_INPUT, "%s: %s is not a time",
		    h5_event_name(ev->kind), name);
	return rc;
}
