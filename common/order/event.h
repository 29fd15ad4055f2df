/* event.h - what can happen to an order: a kind, a time, and named fields.
 * A  field is a text, a number or a time.  Its name says which; event.c has the
 * only table of names.
 *
 * To write an event: h5_event_init, fill it, h5_event_finish.  What was
 * initialised is released, whether it was finished or not. */
#ifndef H5_ORDER_EVENT_H
#define H5_ORDER_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fields.h"

/* Events as they stand in the ledger; their fields are in STORE.md. */
enum h5_event_kind {
	H5_EVENT_CREATED, /* terms and the first attempt's parameters */
	H5_EVENT_ATTEMPT, /* a next attempt's number and parameters */
	H5_EVENT_PREPAID, /* a prepay_id for an attempt */
	H5_EVENT_QUERIED, /* what WeChat said when asked, unless paid */
	H5_EVENT_UNREACHED, /* WeChat was asked and not reached or believed */
	H5_EVENT_PAID,
	H5_EVENT_CLOSING, /* we are about to close an attempt, for the next */
	H5_EVENT_ENDED, /* an attempt is closed at WeChat */
	H5_EVENT_CLOSED, /* the order is closed */
	H5_EVENT_REFUND_ASKED,
	H5_EVENT_REFUND_HINT, /* a refund notice came: ask refundquery */
	H5_EVENT_REFUNDED, /* refundquery's word on one refund */
	H5_EVENT_REFUND_REFUSED, /* WeChat has no such refund */
	H5_EVENT_ALERT,
	H5_EVENT_DELIVERED, /* the shop took an event */
	H5_EVENT_UNDELIVERED, /* the shop did not: when to try again */
	H5_EVENT_SETTLED, /* the operator settled something by hand */
	H5_EVENT_FORGOTTEN, /* what told of the buyer was taken out */
	H5_EVENT_RELEASED, /* the operator lets the shop be told */
	H5_EVENT_AUTHORIZING, /* the buyer was sent to say who he is */
	H5_EVENT_AUTHORIZED, /* WeChat told his openid */
	H5_EVENT_UNAUTHORIZED, /* WeChat did not tell it */
	H5_EVENT_ORDERING, /* an attempt is about to be ordered in these bytes
			    */
	H5_EVENT_KEPT, /* not all of it went back: the shop is told of it */
	H5_EVENT_BILLED, /* bills were looked through for its refunds */
	H5_EVENT_KINDS
};

/* One event.  fields holds all but kind and time, each as text. */
struct h5_event {
	enum h5_event_kind kind;
	enum h5_code bad; /* the first failure of those that fill it */
	int64_t at; /* Unix seconds */
	struct h5_fields fields;
};

void h5_event_init(struct h5_event *ev, enum h5_event_kind kind, int64_t at);
void h5_event_release(struct h5_event *ev);

/* Filling an event: there is one function for each kind of field.  ev may be
 * NULL (from a full batch), and nothing needs to be checked in between, since
 * h5_event_finish tells of the first failure. */

/* h5_event_text(ev, name, value): if value is NULL, the field is left out. */
void h5_event_text(struct h5_event *ev, const char *name, const char *value);
/* h5_event_number(ev, name, n): n >= 0. */
void h5_event_number(struct h5_event *ev, const char *name, int64_t n);
/* h5_event_time(ev, name, t): t is in Unix seconds.  If it is not above 0, it
 * is no time and the field is left out. */
void h5_event_time(struct h5_event *ev, const char *name, int64_t t);
/* h5_event_finish(ev, e): did all of them fit?
 * H5_E_INPUT: more than an event holds.
 * H5_E_EXISTS: a field is there twice.
 * H5_E_BUG: ev is NULL, or a field is of another kind than its name says.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_event_finish(
    const struct h5_event *ev, struct h5_err *e);

/* h5_event_is_number(name): is the field of that name a number in JSON? */
bool h5_event_is_number(const char *name);
/* h5_event_number_fits(s, n): are these n bytes a number as JSON and the ledger
 * spell it: up to 18 digits, no sign, no superfluous zero? */
bool h5_event_number_fits(const char *s, size_t n);
/* h5_event_put_field(name, value, out): append the field as a member of a JSON
 * object, without a comma. */
void h5_event_put_field(
    const char *name, const char *value, struct h5_buf *out);

/* Reading an event: each function finds one field and checks it.  All of them:
 * H5_E_INPUT: it is absent or does not fit; e->msg names event and field. */

/* h5_event_read_text(ev, name, max, out, e): a text of 1 to max bytes, borrowed
 * until the event is released. */
H5_MUST_CHECK enum h5_code h5_event_read_text(const struct h5_event *ev,
    const char *name, size_t max, char **out, struct h5_err *e);
/* h5_event_read_text_if(ev, name, max, out, e): the same, but if the field is
 * absent, *out is NULL and the result is H5_OK. */
H5_MUST_CHECK enum h5_code h5_event_read_text_if(const struct h5_event *ev,
    const char *name, size_t max, char **out, struct h5_err *e);
/* h5_event_read_number(ev, name, min, max, out, e): a number from min to
 * max. */
H5_MUST_CHECK enum h5_code h5_event_read_number(const struct h5_event *ev,
    const char *name, uint64_t min, uint64_t max, int64_t *out,
    struct h5_err *e);
/* h5_event_read_fen(ev, name, out, e): an amount from 1 to H5_FEN_MAX. */
H5_MUST_CHECK enum h5_code h5_event_read_fen(const struct h5_event *ev,
    const char *name, int64_t *out, struct h5_err *e);
/* h5_event_read_time(ev, name, out, e): a time, in Unix seconds. */
H5_MUST_CHECK enum h5_code h5_event_read_time(const struct h5_event *ev,
    const char *name, int64_t *out, struct h5_err *e);

/* The word for a kind in the ledger and in show --json, and back. */
const char *h5_event_name(enum h5_event_kind kind);
bool h5_event_kind_of(const char *name, enum h5_event_kind *kind);

#endif
