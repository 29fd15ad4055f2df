/* Compares a day's bill with the orders here, line by line and order by order.
 * It is pure except for the calls to found(). */
#include "common/pay/reconcile.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/wechat/wechat.h"

#define DAY_S 86400
#define LATE_S (23 * 3600) /* from here on a trade may be another day's */
#define FEN_MICRO 1000
#define FEE_SLACK_MICRO FEN_MICRO /* how WeChat rounds is not published */

const char *
h5_reconcile_name(enum h5_reconcile_kind kind)
{
	switch (kind) {
	case H5_DIFF_MISSING_HERE:
		return "missing-here";
	case H5_DIFF_MISSING_THERE:
		return "missing-there";
	case H5_DIFF_AMOUNT:
		return "amount";
	case H5_DIFF_STATE:
		return "state";
	case H5_DIFF_REFUND_MISSING_HERE:
		return "refund-missing-here";
	case H5_DIFF_REFUND_MISSING_THERE:
		return "refund-missing-there";
	case H5_DIFF_UNREADABLE:
		return "unreadable";
	case H5_DIFF_PRODUCT:
		return "product";
	case H5_DIFF_FEE:
		break;
	}
	return "fee";
}

/* --- telling -------------------------------------------------------------- */

static void
put_word(char to[24], const char *word)
{
	(void)snprintf(to, 24, "%s", word);
}

static bool
is_held(const struct h5_reconcile *x, int64_t at)
{
	/* Only while the next bill may still bring it: two days after the day
	 * began, what is missing is missing. */
	return at >= x->day + LATE_S && at < x->day + DAY_S &&
	       x->now < x->day + 2 * DAY_S;
}

static void
tell(const struct h5_reconcile *x, struct h5_difference *d,
    enum h5_reconcile_kind kind)
{
	d->kind = kind;
	/* A fee and a product do not wait for another day: all that is known
	 * of them stands in this line. */
	d->held =
	    kind != H5_DIFF_FEE && kind != H5_DIFF_PRODUCT && is_held(x, d->at);
	x->found(x->arg, d);
}

static struct h5_difference
of_row(const struct h5_bill_row *r, const struct h5_order *o)
{
	struct h5_difference d = {.order = o == NULL ? "" : o->id,
	    .out_trade_no = r->out_trade_no,
	    .transaction_id = r->transaction_id,
	    .out_refund_no = r->out_refund_no,
	    .at = r->at};

	return d;
}

/* This shop's products are some of many ways to be paid under a merchant's
 * number.  A bill that does not name the way or the appid is taken to mean this
 * shop. */
static bool
is_ours(const struct h5_reconcile *x, const struct h5_bill_row *r)
{
	bool way = r->trade_type[0] == '\0';
	unsigned p;

	for (p = 0; p < H5_PRODUCTS; p++)
		if ((x->products & 1U << p) != 0 &&
		    strcmp(r->trade_type,
			h5_wechat_trade_type((enum h5_product)p)) == 0)
			way = true;
	return way && (r->appid[0] == '\0' || strcmp(r->appid, x->appid) == 0);
}

static void
nothing_here(struct h5_reconcile *x, const struct h5_bill_row *r,
    const struct h5_order *o, enum h5_reconcile_kind kind)
{
	struct h5_difference d = of_row(r, o);

	/* An unknown number of another trade type is another program's
	 * business; a known one is ours whatever its type says. */
	if (o == NULL && !is_ours(x, r)) {
		x->elsewhere++;
		return;
	}
	/* A line is a refund or a payment, so one of the two columns is
	 * filled. */
	h5_text_number(r->refund ? r->refund_fee : r->total_fee, d.there);
	tell(x, &d, kind);
}

/* --- the bill's side ------------------------------------------------------ */

static void
compare_fee(struct h5_reconcile *x, const struct h5_bill_row *r,
    const struct h5_order *o)
{
	struct h5_difference d = of_row(r, o);
	int64_t due, off;

	/* Not every kind of bill has the columns, and a rate that cannot be
	 * read is no reason to call a fee wrong. */
	if (!r->has_fee || !h5_bill_fee_due(r, &due))
		return;
	off = r->fee_micro - due;
	if (off >= -FEE_SLACK_MICRO && off <= FEE_SLACK_MICRO)
		return;
	h5_text_number(due / FEN_MICRO, d.here);
	h5_text_number(r->fee_micro / FEN_MICRO, d.there);
	tell(x, &d, H5_DIFF_FEE);
}

/* A number was sent to WeChat for one product, which it never changes. */
static void
compare_product(struct h5_reconcile *x, const struct h5_bill_row *r,
    const struct h5_order *o, const struct h5_attempt *a)
{
	struct h5_difference d = of_row(r, o);
	const char *sent = h5_wechat_trade_type(a->product);

	if (r->trade_type[0] == '\0' || strcmp(r->trade_type, sent) == 0)
		return;
	put_word(d.here, sent);
	put_word(d.there, r->trade_type);
	tell(x, &d, H5_DIFF_PRODUCT);
}

void
h5_reconcile_payment(struct h5_reconcile *x, const struct h5_bill_row *r,
    const struct h5_order *o)
{
	struct h5_difference d = of_row(r, o);
	const struct h5_attempt *a =
	    o == NULL ? NULL : h5_order_attempt(o, r->out_trade_no);

	if (a == NULL) {
		nothing_here(x, r, o, H5_DIFF_MISSING_HERE);
		return;
	}
	/* The amount first: with another sum, what the states say matters
	 * less. */
	if (r->total_fee != o->total_fee) {
		h5_text_number(o->total_fee, d.here);
		h5_text_number(r->total_fee, d.there);
		tell(x, &d, H5_DIFF_AMOUNT);
	} else if (a->state != H5_ATTEMPT_PAID) {
		/* Paid by another attempt: this second payment is news. */
		put_word(d.here, o->paid_at != 0
				     ? "other attempt"
				     : h5_order_state_name(o->state));
		put_word(d.there, r->trade_state);
		tell(x, &d, H5_DIFF_STATE);
	} else if (strcmp(a->transaction_id, r->transaction_id) != 0) {
		/* One number paid twice, by two transactions. */
		put_word(d.here, "other transaction");
		put_word(d.there, r->trade_state);
		tell(x, &d, H5_DIFF_STATE);
	}
	/* These are compared in any case; they do not depend on the state. */
	compare_product(x, r, o, a);
	compare_fee(x, r, o);
}

void
h5_reconcile_refund(struct h5_reconcile *x, const struct h5_bill_row *r,
    const struct h5_order *o)
{
	const struct h5_refund *refund =
	    o == NULL ? NULL : h5_order_refund(o, r->out_refund_no);
	const struct h5_attempt *a =
	    o == NULL ? NULL : h5_order_attempt(o, r->out_trade_no);
	struct h5_difference d = of_row(r, o);

	if (a != NULL)
		compare_product(x, r, o, a);
	if (refund == NULL) {
		nothing_here(x, r, o, H5_DIFF_REFUND_MISSING_HERE);
	} else if (r->refund_fee >= 0 && r->refund_fee != refund->refund_fee) {
		h5_text_number(refund->refund_fee, d.here);
		h5_text_number(r->refund_fee, d.there);
		tell(x, &d, H5_DIFF_AMOUNT);
	} else if (strcmp(r->refund_status, "SUCCESS") == 0 &&
		   refund->state != H5_REFUND_SUCCESS) {
		/* Only success is compared.  Other states move for days, and
		 * both sides may be right about different moments. */
		put_word(d.here, h5_order_refund_word(refund->state));
		put_word(d.there, r->refund_status);
		tell(x, &d, H5_DIFF_STATE);
	}
}

void
h5_reconcile_odd(struct h5_reconcile *x, const struct h5_bill_odd *odd)
{
	struct h5_difference d = {.order = "",
	    .out_trade_no = "",
	    .transaction_id = odd->transaction_id,
	    .out_refund_no = "",
	    .line = odd->line,
	    .at = x->day};

	(void)snprintf(d.there, sizeof d.there, "line %u", odd->line);
	tell(x, &d, H5_DIFF_UNREADABLE);
}

/* --- our side ------------------------------------------------------------- */

static bool
on_day(const struct h5_reconcile *x, int64_t t)
{
	return t >= x->day && t < x->day + DAY_S;
}

/* Is there a line of it, whether it could be read or not? */
static bool
is_billed(const struct h5_bill *b, const char *transaction_id)
{
	size_t i;

	if (b == NULL)
		return false;
	for (i = 0; i < b->n_odd; i++)
		if (strcmp(b->odd[i].transaction_id, transaction_id) == 0)
			return true;
	return h5_bill_payment(b, transaction_id) != NULL;
}

static void
compare_refund(
    struct h5_reconcile *x, const struct h5_order *o, const struct h5_refund *r)
{
	struct h5_difference d = {.order = o->id,
	    .out_trade_no = "",
	    .transaction_id = "",
	    .out_refund_no = r->out_refund_no,
	    .at = r->asked_at};

	/* Only a refund that was asked for and arrived on this day is looked
	 * for; any other may stand in the bill of another day. */
	if (r->state != H5_REFUND_SUCCESS || !on_day(x, r->asked_at) ||
	    !on_day(x, r->changed_at) ||
	    h5_bill_refund(x->bill, r->out_refund_no) != NULL ||
	    (x->next != NULL &&
		h5_bill_refund(x->next, r->out_refund_no) != NULL))
		return;
	h5_text_number(r->refund_fee, d.here);
	tell(x, &d, H5_DIFF_REFUND_MISSING_THERE);
}

void
h5_reconcile_order(struct h5_reconcile *x, const struct h5_order *o)
{
	struct h5_difference d = {.order = o->id,
	    .out_trade_no = o->id,
	    .transaction_id = o->transaction_id,
	    .out_refund_no = "",
	    .at = o->paid_at};
	const struct h5_attempt *a;
	size_t i;

	for (i = 0; i < o->n_refunds; i++)
		compare_refund(x, o, &o->refunds[i]);
	if (o->paid_at == 0 || !on_day(x, o->paid_at) ||
	    is_billed(x->bill, o->transaction_id) ||
	    is_billed(x->next, o->transaction_id))
		return;
	a = h5_order_paid_attempt(o);
	if (a != NULL)
		d.out_trade_no = a->out_trade_no;
	h5_text_number(o->total_fee, d.here);
	tell(x, &d, H5_DIFF_MISSING_THERE);
}
