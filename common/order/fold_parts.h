/* fold_parts.h - what the functions that fold events share.  Private to
 * common/order/fold*.c. */
#ifndef H5_ORDER_FOLD_PARTS_H
#define H5_ORDER_FOLD_PARTS_H

#include "common/base/err.h"
#include "common/order/order.h"

/* Bytes of the "why" of an event. */
#define H5_FOLD_WHY_MAX 128

/* Folds one event.  Changes nothing unless it succeeds. */
typedef enum h5_code (*h5_fold_fn)(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);

/* The events about refunds. */
H5_MUST_CHECK enum h5_code h5_fold_refund_asked(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_refund_hint(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_refund_refused(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_refunded(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);

/* h5_fold_must_be_paid(o, ev, e): H5_E_STATE if no money ever came in. */
H5_MUST_CHECK enum h5_code h5_fold_must_be_paid(
    const struct h5_order *o, const struct h5_event *ev, struct h5_err *e);
/* h5_fold_elsewhere(o, ev): money went back by a refund that nobody here knows:
 * the order is refunding until one who knows says how much. */
void h5_fold_elsewhere(struct h5_order *o, const struct h5_event *ev);
H5_MUST_CHECK enum h5_code h5_fold_kept(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_billed(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);

/* An attempt: its first event, and the bytes that it is ordered in. */
H5_MUST_CHECK enum h5_code h5_fold_add_attempt(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_ordering(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);

/* What the operator settled by hand: a refund or a dispute. */
H5_MUST_CHECK enum h5_code h5_fold_settled(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);

/* Make room for one more entry in a list of the order, so that what follows
 * cannot fail.  H5_E_NOMEM: the list is as it was. */
H5_MUST_CHECK enum h5_code h5_fold_room_for_event(
    struct h5_order *o, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_room_for_attempt(
    struct h5_order *o, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_room_for_refund(
    struct h5_order *o, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_room_for_outgoing(
    struct h5_order *o, struct h5_err *e);

/* h5_fold_tell_shop(o, ev, type): note that the shop must hear of ev, which is
 * being folded.  Room was made before.  The id names the line of the ledger, so
 * every program that reads the ledger makes the same id. */
void h5_fold_tell_shop(
    struct h5_order *o, const struct h5_event *ev, const char *type);

/* h5_fold_keep(to, from): copy a text whose length was checked against the
 * array's. */
void h5_fold_keep(char *to, const char *from);

/* h5_fold_attempt(o, ev, a, e): the attempt that the event speaks of.
 * H5_E_INPUT: it names none of the order. */
H5_MUST_CHECK enum h5_code h5_fold_attempt(const struct h5_order *o,
    const struct h5_event *ev, struct h5_attempt **a, struct h5_err *e);

/* Who the buyer is: one function an event, as those of fold.c. */
#define H5_FOLD_OPENID_MAX 128 /* bytes */
H5_MUST_CHECK enum h5_code h5_fold_authorizing(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_fold_authorized(
    struct h5_order *o, const struct h5_event *ev, struct h5_err *e);

#endif
