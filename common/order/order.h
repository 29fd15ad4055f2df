/* order.h - an order, its states, and how events change it.
 * An order is the fold of its events; nothing else changes it.  fold.c and
 * fold_refund.c fold, order.c answers questions, words.c has the words for
 * states (INTERFACE 5).
 *
 * h5_order_new makes an order from its first event, h5_order_apply folds the
 * rest, h5_order_free ends it.  What the questions return belongs to the order,
 * and lives until the next event is applied. */
#ifndef H5_ORDER_ORDER_H
#define H5_ORDER_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/order/event.h"
#include "common/order/number.h"

enum h5_order_state {
	H5_ORDER_CREATED, /* durable here; WeChat's answer unknown */
	H5_ORDER_AWAITING, /* a mweb_url was issued */
	H5_ORDER_PAID, /* never goes back to an earlier state */
	H5_ORDER_CLOSED,
	H5_ORDER_REFUNDING,
	H5_ORDER_PARTLY_REFUNDED,
	H5_ORDER_REFUNDED
};

enum h5_attempt_state {
	H5_ATTEMPT_AWAITING,
	H5_ATTEMPT_PAID,
	H5_ATTEMPT_CLOSED
};

/* Bits of struct h5_order.alerts. */
enum h5_order_alert {
	H5_ALERT_DISPUTED = 1, /* amount or currency differ */
	H5_ALERT_LATE = 2, /* paid after it was closed */
	H5_ALERT_OVERPAID = 4, /* two attempts paid */
	H5_ALERT_UNRECORDED = 8, /* paid, and there was no order of it here */
	H5_ALERT_WRONG_API = 16, /* a notice in the form of an API that the
		attempt was not made with; nothing of it is believed */
	H5_ALERT_ELSEWHERE = 32 /* money went back by a refund that was made
		elsewhere, and WeChat does not tell how much */
};
#define H5_ALERTS 6 /* bits, from the first on */

/* The API of WeChat Pay that an attempt was made with.  WeChat knows the
 * attempt under that API alone. */
enum h5_api { H5_API_V2, H5_API_V3 };
#define H5_APIS 2
/* The way to pay that an attempt was made for. */
enum h5_product {
	H5_PRODUCT_H5, /* a phone's browser: mweb_url */
	H5_PRODUCT_NATIVE, /* WeChat's scanner: code_url */
	H5_PRODUCT_JSAPI /* inside WeChat: prepay_id and openid */
};
#define H5_PRODUCTS 3
/* How a message of APIv2 is signed. */
enum h5_sign_type { H5_SIGN_UNSAID, H5_SIGN_MD5, H5_SIGN_HMAC_SHA256 };

#define H5_ORDER_REQUEST_MAX 8192 /* bytes of the body of a prepay */

struct h5_attempt {
	char out_trade_no[H5_OUT_TRADE_NO_MAX + 1];
	enum h5_attempt_state state;
	enum h5_api api;
	enum h5_product product;
	enum h5_sign_type sign_type; /* what WeChat signs its notices with;
		UNSAID: version 0.1.0 did not write it down */
	int64_t created_at;
	int64_t time_start; /* sent to WeChat; never changes for a number */
	int64_t time_expire; /* likewise */
	int64_t prepaid_at; /* of the last prepay_id; 0: none yet */
	char *prepay_id; /* NULL: none yet */
	char *mweb_url; /* of H5; NULL: none yet */
	char *code_url; /* of Native; NULL: none yet */
	char *openid; /* of JSAPI, whose payment it is; NULL: not known yet */
	char *request; /* of v3: the body of its first prepay, which is what
		WeChat compares a repetition with; NULL: not sent yet */
	char spbill_create_ip[46]; /* of the last prepay_id, else of creation */
	int64_t queried_at; /* last answer of orderquery, 0: never */
	char trade_state[16]; /* its word, also "ORDERNOTEXIST"; "": none yet */
	char transaction_id[33]; /* "" unless paid */
};

/* What became of a refund.  The last four are WeChat's words. */
enum h5_refund_state {
	H5_REFUND_HINTED, /* a notice spoke of it, which proves nothing */
	H5_REFUND_ASKED, /* we asked; whether WeChat took it is unknown */
	H5_REFUND_REFUSED, /* there is no such refund at WeChat */
	H5_REFUND_PROCESSING,
	H5_REFUND_SUCCESS, /* the money has gone back */
	H5_REFUND_CHANGE, /* the payer's account does not take it; the merchant
	    has to act at WeChat's platform, and it may still become SUCCESS */
	H5_REFUND_CLOSED /* REFUNDCLOSE: nothing went back */
};

struct h5_refund {
	char out_refund_no[H5_OUT_REFUND_NO_MAX + 1];
	char refund_id[33];
	/* The attempt; "": the one that paid. */
	char out_trade_no[H5_OUT_TRADE_NO_MAX + 1];
	int64_t refund_fee; /* fen; 0: not said yet */
	enum h5_refund_state state;
	char *reason;
	int64_t asked_at; /* last time we asked for it, 0: somebody else did */
	int64_t hinted_at; /* last notice about it, 0: none */
	int64_t looked_at; /* last answer of refundquery, 0: none */
	int64_t changed_at; /* of SUCCESS: WeChat's time */
	int64_t heard_at; /* when the ledger first spoke of it */
};

/* Ways to tell the shop; bits, since both may be configured. */
enum h5_hook { H5_HOOK_EXEC = 1, H5_HOOK_WEBHOOK = 2 };

/* An event that the shop must hear of.  It follows from the ledger alone, so a
 * crash can neither lose one nor make a second one. */
struct h5_outgoing {
	char id[40]; /* "evt_" and the order's id and the event's number */
	/* order.paid, order.closed, order.refunded or order.alert */
	const char *type;
	int64_t at;
	unsigned done; /* bits of enum h5_hook: which of them took it */
	unsigned failures;
	int64_t retry_at; /* 0: at once */
	bool test; /* made up for a rehearsal; never of an order */
};

struct h5_order {
	char id[H5_ORDER_ID_MAX + 1];
	enum h5_order_state state;
	unsigned alerts; /* bits of enum h5_order_alert: all that were raised */
	unsigned alerts_done; /* those of them that were settled by hand */
	/* The terms: immutable after created. */
	int64_t total_fee; /* fen */
	char *body;
	char *attach; /* NULL: none */
	char *return_url; /* where the shop shows the order; NULL: none */
	char *item; /* catalogue name, NULL for a signed link */
	int64_t qty; /* 0 for a signed link */
	char *lang; /* buyer's language when it was made */
	int64_t created_at;
	int64_t expires_at; /* time_expire of the order, Unix seconds */
	/* What became of it. */
	int64_t paid_at; /* WeChat's time_end, 0: unpaid */
	char paid_via[8]; /* notify, query, "" */
	char transaction_id[33];
	bool paid_untold; /* all of it went back before the shop was told */
	int64_t closed_at;
	int64_t checked_at; /* last answer of orderquery, 0: never */
	int64_t tried_at; /* last time WeChat was asked, answer or not */
	bool unreached; /* it did not answer then */
	bool withheld; /* the shop is told nothing until the operator says so */
	int64_t elsewhere_at; /* of the last alert of that name, 0: none */
	int64_t billed_at; /* when bills were looked through for it, 0: never */
	unsigned billed; /* how many mornings that was done since the alert */
	/* When what told of the buyer was last taken out of the record: attach
	 * and the buyer's addresses are not what they were.  0: never */
	int64_t forgotten_at;
	struct h5_attempt *attempts; /* at least one, in order */
	size_t n_attempts;
	struct h5_refund *refunds;
	size_t n_refunds;
	int64_t refunded_by_hand; /* fen that went back without WeChat */
	struct h5_outgoing *outgoing;
	size_t n_outgoing;
	bool full; /* there is room for its end alone: what a button can cause
		      again and again is refused */
	struct h5_event *events; /* all, in ledger order */
	size_t n_events;
};

/* h5_order_new(created, out, e): make an order from its first event.  The event
 * is taken over: it is empty afterwards, also after a failure.
 * H5_E_INPUT: a field is missing or malformed.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_order_new(
    struct h5_event *created, struct h5_order **out, struct h5_err *e);

/* h5_order_apply(o, ev, e): fold one more event, which is taken over likewise.
 * An event that says nothing new (paid again by the same transaction) is kept
 * in events and changes nothing else.  A failure changes nothing at all.
 * H5_E_INPUT: malformed.
 * H5_E_STATE: a move that may never happen.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_order_apply(
    struct h5_order *o, struct h5_event *ev, struct h5_err *e);
void h5_order_free(struct h5_order *o);

/* Questions about an order; pure. */

/* h5_order_attempt(o, out_trade_no): the attempt of that number, or NULL. */
struct h5_attempt *h5_order_attempt(
    const struct h5_order *o, const char *out_trade_no);
/* h5_order_current(o): the last attempt. */
struct h5_attempt *h5_order_current(const struct h5_order *o);
/* h5_order_paid_attempt(o): the attempt whose payment made it paid, or NULL. */
struct h5_attempt *h5_order_paid_attempt(const struct h5_order *o);
/* h5_order_product(o): by which product it was paid; before that, how its last
 * attempt is to be. */
enum h5_product h5_order_product(const struct h5_order *o);
/* h5_order_settled(o): is it paid, closed or beyond, so that a buyer has
 * nothing to do? */
bool h5_order_settled(const struct h5_order *o);
/* h5_order_nothing_due(o): is it settled, or has money come in that does not
 * fit (disputed, overpaid), so that the buyer must not pay again? */
bool h5_order_nothing_due(const struct h5_order *o);
/* h5_order_expires_at(o, now): until when a buyer may begin to pay, in Unix
 * seconds: expires_at, unless the order was made while the clock stood before
 * 2020.  Then that much time begins with the first event that is not, or with
 * now if there is none. */
int64_t h5_order_expires_at(const struct h5_order *o, int64_t now);
/* h5_order_ends_at(o): from when on nobody can be paying any more, in Unix
 * seconds.  That is the order's own end, or a little later if its last attempt
 * was made just before that. */
int64_t h5_order_ends_at(const struct h5_order *o);
/* h5_order_at_rest(o, hooks): is there nothing for a sweep to do?  It is
 * settled, no attempt awaits payment, each refund is over, and each of hooks
 * (bits of enum h5_hook) has taken every event. */
bool h5_order_at_rest(const struct h5_order *o, unsigned hooks);

/* h5_order_bill_wanted(o): is the alert refunded-elsewhere open, and may a bill
 * still tell which refund that was? */
bool h5_order_bill_wanted(const struct h5_order *o);

/* h5_order_over(o, hooks): may it be put away, since nothing is expected of it
 * any more?  It is at rest, no alert stands, and no refund waits for the
 * merchant. */
bool h5_order_over(const struct h5_order *o, unsigned hooks);

/* h5_order_attach_is(o, attach): is that the order's attach?  NULL and "":
 * none. One that was forgotten may have been any. */
bool h5_order_attach_is(const struct h5_order *o, const char *attach);

/* h5_order_owed(o, g, hooks): is one of hooks (bits of enum h5_hook) still to
 * be told of o's event g?  Not of a payment that none of them took before all
 * of it went back elsewhere. */
bool h5_order_owed(
    const struct h5_order *o, const struct h5_outgoing *g, unsigned hooks);

/* h5_order_untold(o, hooks): the first event that is owed to one of hooks, or
 * NULL; also NULL while o is withheld.  Later ones
 * wait, so that the shop hears of an order's events in their order. */
const struct h5_outgoing *h5_order_untold(
    const struct h5_order *o, unsigned hooks);

/* h5_order_refund(o, out_refund_no): the refund of that number, or NULL. */
struct h5_refund *h5_order_refund(
    const struct h5_order *o, const char *out_refund_no);
/* h5_order_refund_open(r): was it asked for or taken, and has WeChat not said
 * its last word? */
bool h5_order_refund_open(const struct h5_refund *r);
/* h5_order_refund_over(r): will nothing more become of it by itself? */
bool h5_order_refund_over(const struct h5_refund *r);
/* h5_order_refund_attempt(o, r): the attempt whose money r gives back; NULL if
 * it is a payment that we do not know. */
const struct h5_attempt *h5_order_refund_attempt(
    const struct h5_order *o, const struct h5_refund *r);
/* h5_order_alerts_open(o): the alerts that somebody still has to look into. */
unsigned h5_order_alerts_open(const struct h5_order *o);
/* h5_order_received(o): how many fen came in: each payment of an overpaid order
 * counts. */
int64_t h5_order_received(const struct h5_order *o);
/* h5_order_refunds_out(o, a): how many fen of what attempt a paid have gone
 * back or may still go back.  a NULL: of all payments; what was given back by
 * hand counts there, and for the payment if there is only one. */
int64_t h5_order_refunds_out(
    const struct h5_order *o, const struct h5_attempt *a);
/* h5_order_refunded(o): how many fen have gone back. */
int64_t h5_order_refunded(const struct h5_order *o);

/* The words for states, and back.  The functions that go back return false if
 * there is no such word. */
const char *h5_order_state_name(enum h5_order_state s);
bool h5_order_state_of(const char *name, enum h5_order_state *s);
const char *h5_order_attempt_word(enum h5_attempt_state s);
/* h5_order_api_word(api): v2 or v3. */
const char *h5_order_api_word(enum h5_api api);
bool h5_order_api_of(const char *word, enum h5_api *api);
bool h5_order_product_of(const char *word, enum h5_product *product);
/* h5_order_sign_word(type): as messages spell it; UNSAID has no word: "". */
const char *h5_order_sign_word(enum h5_sign_type type);
bool h5_order_sign_type_of(const char *word, enum h5_sign_type *type);
/* h5_order_product_word(p): h5, native or jsapi. */
const char *h5_order_product_word(enum h5_product p);
/* h5_order_products(set, out): the words of a set of bits 1 << enum h5_product,
 * with blanks between. */
#define H5_ORDER_PRODUCTS 32
void h5_order_products(unsigned set, char out[H5_ORDER_PRODUCTS]);
const char *h5_order_refund_word(enum h5_refund_state s);
bool h5_order_refund_state_of(const char *word, enum h5_refund_state *s);
/* h5_order_alert_name(bit): disputed, late, overpaid, unrecorded, wrong-api,
 * refunded-elsewhere. */
const char *h5_order_alert_name(enum h5_order_alert bit);

#endif
