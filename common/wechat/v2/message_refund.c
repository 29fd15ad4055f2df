/* What WeChat says of refunds: the answers of refund and refundquery, and the
 * hint in a notice. */
#include "common/wechat/v2/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define REFUNDS_MAX 100 /* in one answer; WeChat allows fifty an order */
#define NAME_MAX 48
/* A page of so many may have others behind it (PROTOCOL 7.2). */
#define PAGE_LEAST 10

static enum h5_code
take_fen(
    const struct h5_fields *f, const char *name, int64_t *fen, struct h5_err *e)
{
	const char *s = h5_fields_get(f, name);

	*fen = 0;
	/* Above 0: a refund of nothing would be no refund. */
	if (s != NULL && h5_text_fen(s, fen, NULL) == H5_OK)
		return H5_OK;
	return h5_err_set(e, H5_E_INPUT, "no good %s", name);
}

/* The refund's own elements; index: "" or "_0", "_1"... */
static enum h5_code
take_refund(const struct h5_fields *f, const char *index,
    struct h5_wechat_refund *r, struct h5_err *e)
{
	char name[NAME_MAX];
	enum h5_code rc;

	/* refund has names without an index and refundquery with one, so the
	 * same lines read both. */
	(void)snprintf(name, sizeof name, "out_refund_no%s", index);
	rc = h5_v2_read_word(
	    f, name, true, r->out_refund_no, sizeof r->out_refund_no, e);
	(void)snprintf(name, sizeof name, "refund_id%s", index);
	if (rc == H5_OK)
		rc = h5_v2_read_word(
		    f, name, true, r->refund_id, sizeof r->refund_id, e);
	(void)snprintf(name, sizeof name, "refund_fee%s", index);
	if (rc == H5_OK)
		rc = take_fen(f, name, &r->refund_fee, e);
	return rc;
}

/* The trade that the money goes back from. */
static enum h5_code
take_trade(
    const struct h5_fields *f, struct h5_wechat_refund *r, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_v2_read_word(f, "out_trade_no", true, r->out_trade_no,
	    sizeof r->out_trade_no, e);
	if (rc == H5_OK)
		rc = h5_v2_read_word(f, "transaction_id", true,
		    r->transaction_id, sizeof r->transaction_id, e);
	if (rc == H5_OK)
		rc = take_fen(f, "total_fee", &r->total_fee, e);
	return rc;
}

enum h5_code
h5_v2_read_refund(
    const struct h5_fields *f, struct h5_wechat_refund *r, struct h5_err *e)
{
	enum h5_code rc;

	memset(r, 0, sizeof *r);
	rc = take_trade(f, r, e);
	if (rc == H5_OK)
		rc = take_refund(f, "", r, e);
	if (rc != H5_OK) {
		memset(r, 0, sizeof *r);
		return rc;
	}
	/* WeChat has only taken it.  Whether the money arrives, only
	 * refundquery can say. */
	r->state = H5_REFUND_PROCESSING;
	return H5_OK;
}

static enum h5_code
take_status(const struct h5_fields *f, const char *index,
    struct h5_wechat_refund *r, struct h5_err *e)
{
	char name[NAME_MAX], word[16];
	const char *at;
	enum h5_code rc;

	(void)snprintf(name, sizeof name, "refund_status%s", index);
	rc = h5_v2_read_word(f, name, true, word, sizeof word, e);
	/* Only WeChat's own words; "asked" and "hinted" are ours. */
	if (rc == H5_OK && (!h5_order_refund_state_of(word, &r->state) ||
			       r->state < H5_REFUND_PROCESSING))
		rc = h5_err_set(e, H5_E_INPUT, "an unknown %s", name);
	(void)snprintf(name, sizeof name, "refund_success_time%s", index);
	at = h5_fields_get(f, name);
	/* A time that is missing or malformed is no reason to doubt the
	 * state. */
	if (at == NULL ||
	    h5_clock_from_plain(at, &r->success_time, NULL) != H5_OK)
		r->success_time = 0;
	return rc;
}

enum h5_code
h5_v2_read_refund_of(const struct h5_fields *f, const char *out_refund_no,
    struct h5_wechat_refund *r, struct h5_err *e)
{
	char name[NAME_MAX], index[8] = "";
	enum h5_code rc;
	unsigned i, n = 0;

	memset(r, 0, sizeof *r);
	/* All are looked through, since a number that is listed twice is no
	 * answer. */
	for (i = 0; i < REFUNDS_MAX; i++) {
		(void)snprintf(name, sizeof name, "out_refund_no_%u", i);
		if (!h5_fields_is(f, name, out_refund_no))
			continue;
		(void)snprintf(index, sizeof index, "_%u", i);
		n++;
	}
	if (n != 1)
		return h5_err_set(e, H5_E_INPUT, "about another refund");
	rc = take_trade(f, r, e);
	if (rc == H5_OK)
		rc = take_refund(f, index, r, e);
	if (rc == H5_OK)
		rc = take_status(f, index, r, e);
	if (rc != H5_OK)
		memset(r, 0, sizeof *r);
	return rc;
}

/* One of an answer's refunds, unless list has it. */
static enum h5_code
append_refund(const struct h5_fields *f, const char *index,
    const struct h5_wechat_refund *trade, struct h5_wechat_refunds *list,
    struct h5_err *e)
{
	struct h5_wechat_refund r = *trade;
	enum h5_code rc;
	size_t i;

	rc = take_refund(f, index, &r, e);
	if (rc == H5_OK)
		rc = take_status(f, index, &r, e);
	if (rc != H5_OK)
		return rc;
	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i].out_refund_no, r.out_refund_no) == 0)
			return H5_OK;
	if (list->n == H5_WECHAT_REFUNDS_MAX)
		return h5_err_set(e, H5_E_INPUT, "too many refunds");
	list->v[list->n++] = r;
	return H5_OK;
}

/* A count that need not be there; -1: it is not, or is none. */
static int64_t
count_of(const struct h5_fields *f, const char *name)
{
	const char *s = h5_fields_get(f, name);
	uint64_t n;

	if (s == NULL || h5_text_u64(s, 0, 1000, &n, NULL) != H5_OK)
		return -1;
	return (int64_t)n;
}

enum h5_code
h5_v2_read_refunds(const struct h5_fields *f, struct h5_wechat_refunds *list,
    bool *more, struct h5_err *e)
{
	struct h5_wechat_refund trade = {0};
	int64_t here = count_of(f, "refund_count");
	int64_t all = count_of(f, "total_refund_count");
	char name[NAME_MAX], index[8];
	unsigned i, n = 0;
	enum h5_code rc;

	*more = false;
	rc = take_trade(f, &trade, e);
	for (i = 0; rc == H5_OK && i < REFUNDS_MAX; i++) {
		(void)snprintf(index, sizeof index, "_%u", i);
		(void)snprintf(name, sizeof name, "out_refund_no%s", index);
		if (h5_fields_get(f, name) == NULL)
			continue;
		n++;
		rc = append_refund(f, index, &trade, list, e);
	}
	if (rc == H5_OK && (n == 0 || here != (int64_t)n))
		rc = h5_err_set(e, H5_E_INPUT, "refund_count is not the count");
	if (rc == H5_OK)
		*more = all >= 0 ? (size_t)all > list->n : n >= PAGE_LEAST;
	return rc;
}

/* Printable text that fits; absent is "" unless it is needed. */
static bool
take_text(const struct h5_fields *f, const char *name, bool needed, char *to,
    size_t size)
{
	const char *s = h5_fields_get(f, name);

	if (s == NULL)
		return !needed;
	if (strlen(s) >= size || !h5_text_printable(s))
		return false;
	memcpy(to, s, strlen(s) + 1);
	return true;
}

enum h5_code
h5_v2_read_hint(
    const struct h5_fields *f, struct h5_wechat_hint *hint, struct h5_err *e)
{
	const char *number = h5_fields_get(f, "out_trade_no");
	const char *fee = h5_fields_get(f, "refund_fee");

	memset(hint, 0, sizeof *hint);
	if (number != NULL &&
	    take_text(f, "out_refund_no", true, hint->out_refund_no,
		sizeof hint->out_refund_no) &&
	    hint->out_refund_no[0] != '\0' &&
	    take_text(f, "refund_status", true, hint->refund_status,
		sizeof hint->refund_status) &&
	    take_text(f, "refund_id", false, hint->refund_id,
		sizeof hint->refund_id) &&
	    (fee == NULL ||
		h5_text_fen(fee, &hint->refund_fee, NULL) == H5_OK)) {
		/* A number that is too long cannot be an order's.  It is
		 * treated like any other number that is not ours. */
		(void)take_text(f, "out_trade_no", true, hint->out_trade_no,
		    sizeof hint->out_trade_no);
		return H5_OK;
	}
	memset(hint, 0, sizeof *hint);
	return h5_err_set(e, H5_E_INPUT, "the refund notice is malformed");
}
