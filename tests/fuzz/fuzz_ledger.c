/* A whole ledger.  The input is lines without their checksums, which the
 * target adds as a chain; what follows a byte 0xff at the end of a line's
 * place is put behind it as it stands (a torn tail, rubbish).  An order that
 * comes of it is written again byte by byte the same, and folds from any
 * number of its whole bytes as it did before. */
#include <jansson.h>

#include "common/order/order_json.h"
#include "common/store/ledger.h"
#include "common/base/sum.h"
#include "common/base/text.h"
#include "tests/fuzz/fuzz.h"

#define ID "20261123-0007"

static void
check_json(const struct h5_order *o)
{
	enum h5_code (*const forms[])(const struct h5_order *, struct h5_buf *,
	    struct h5_err *) = {h5_order_json, h5_order_status_json};
	struct h5_buf out;
	json_t *j, *fee;
	size_t i;

	h5_buf_init(&out, 1 << 20);
	for (i = 0; i < 2; i++) {
		h5_buf_clear(&out);
		MUST(forms[i](o, &out, NULL) == H5_OK);
		j = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
		MUST(json_is_object(j));
		fee = json_object_get(j, "total_fee");
		MUST(json_is_integer(fee));
		MUST(json_integer_value(fee) == o->total_fee);
		json_decref(j);
	}
	for (i = 0; i < o->n_outgoing; i++) {
		h5_buf_clear(&out);
		MUST(h5_order_outgoing_json(o, &o->outgoing[i], &out, NULL) ==
		     H5_OK);
		j = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
		MUST(json_is_object(j));
		json_decref(j);
	}
	h5_buf_release(&out);
}

/* What must hold of any order, whatever its ledger says. */
static void
check_order(const struct h5_order *o)
{
	int64_t back = 0;
	bool paid = false;
	size_t i;

	MUST(strcmp(o->id, ID) == 0);
	MUST(o->total_fee >= 1 && o->total_fee <= H5_FEN_MAX);
	MUST(o->n_attempts >= 1);
	MUST(strcmp(o->attempts[0].out_trade_no, ID) == 0);
	for (i = 0; i < o->n_attempts; i++)
		paid = paid || o->attempts[i].state == H5_ATTEMPT_PAID;
	/* Paid is said where a payment was, and where one was it is said. */
	MUST(paid == (o->transaction_id[0] != '\0'));
	MUST(paid ==
	     (o->state == H5_ORDER_PAID || o->state >= H5_ORDER_REFUNDING));
	for (i = 0; i < o->n_refunds; i++) {
		MUST(o->refunds[i].refund_fee >= 0);
		if (o->refunds[i].state == H5_REFUND_SUCCESS)
			back += o->refunds[i].refund_fee;
	}
	MUST(o->state != H5_ORDER_REFUNDED || back >= o->total_fee);
	check_json(o);
}

/* The units of an order's events, as they stood: more counts down. */
static void
check_bytes(const struct h5_order *o, const char *text, size_t whole)
{
	struct h5_ledger_at at = {0, "", 0};
	const char *line = text, *more, *end;
	struct h5_buf out;
	size_t i;

	h5_buf_init(&out, whole + H5_LEDGER_LINE);
	for (i = 0; i < o->n_events; i++) {
		end = memchr(line, '\n', (size_t)(text + whole - line));
		MUST(end != NULL);
		more = memmem(line, (size_t)(end - line), "\",\"more\":", 9);
		at.more = more == NULL || more > line + 90
			      ? 0
			      : (unsigned)more[9] - '0';
		MUST(h5_ledger_write(&at, &o->events[i], &out, NULL) == H5_OK);
		line = end + 1;
	}
	MUST(out.len == whole && memcmp(out.data, text, whole) == 0);
	h5_buf_release(&out);
}

static bool
alike(const struct h5_order *a, const struct h5_order *b)
{
	return a->state == b->state && a->alerts == b->alerts &&
	       a->total_fee == b->total_fee && a->n_events == b->n_events &&
	       a->n_attempts == b->n_attempts && a->n_refunds == b->n_refunds &&
	       a->n_outgoing == b->n_outgoing &&
	       strcmp(a->transaction_id, b->transaction_id) == 0;
}

static void
check_ledger(const char *text, size_t n)
{
	struct h5_ledger_at at, at_again;
	struct h5_order *o, *again;
	size_t whole, same;
	enum h5_code rc;

	rc = h5_ledger_fold(text, n, ID, &o, &whole, &at, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT || rc == H5_E_NOTFOUND);
	MUST((rc == H5_OK) == (o != NULL) && whole <= n);
	if (rc != H5_OK) {
		MUST(whole == 0);
		return;
	}
	MUST(whole > 0 && text[whole - 1] == '\n' && at.n == o->n_events);
	check_order(o);
	check_bytes(o, text, whole);
	/* A writer cuts the tail off; the order stays what it is. */
	MUST(h5_ledger_fold(text, whole, ID, &again, &same, &at_again, NULL) ==
	     H5_OK);
	MUST(same == whole && fuzz_there(&at, &at_again));
	MUST(alike(o, again));
	h5_order_free(again);
	h5_order_free(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *raw = memchr(data, 0xff, size), *end, *p;
	size_t n = raw == NULL ? size : (size_t)(raw - data);
	struct h5_buf text;
	uint64_t sum = 0;

	h5_buf_init(&text, 1 << 20);
	for (p = data; p < data + n; p = end + 1) {
		end = memchr(p, '\n', n - (size_t)(p - data));
		if (end == NULL)
			end = data + n;
		sum = h5_sum_64(p, (size_t)(end - p), sum);
		h5_buf_add(&text, p, (size_t)(end - p));
		h5_buf_printf(
		    &text, ",\"sum\":\"%016llx\"}\n", (unsigned long long)sum);
	}
	if (raw != NULL)
		h5_buf_add(&text, raw + 1, size - n - 1);
	MUST(h5_buf_finish(&text, NULL) == H5_OK);
	check_ledger(text.data, text.len);
	h5_buf_release(&text);
	return 0;
}
