/* The grammar of the numbers that orders, attempts, refunds and deliveries go
 * by: one place that makes them and takes them apart. */
#include "common/order/number.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

/* By comparison and not by strspn: with such a list of bytes strspn makes a
 * table of 256 for each call, and an id is looked at several times a
 * request. */
static bool
alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

/* Are the n bytes of s letters, digits, or one of the bytes in more? */
static bool
made_of(const char *s, size_t n, const char *more)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!alphanumeric(s[i]) && strchr(more, s[i]) == NULL)
			return false;
	return true;
}

/* If s (n bytes) ends in "_" and one to three digits: where that begins. */
static const char *
attempt_suffix(const char *s, size_t n)
{
	size_t digits = 0;

	while (
	    digits < n && s[n - 1 - digits] >= '0' && s[n - 1 - digits] <= '9')
		digits++;
	if (digits < 1 || digits > 3 || digits >= n || s[n - 1 - digits] != '_')
		return NULL;
	return s + n - 1 - digits;
}

bool
h5_number_is_order(const char *s)
{
	size_t n = strnlen(s, H5_ORDER_ID_MAX + 1);

	return n >= H5_ORDER_ID_MIN && n <= H5_ORDER_ID_MAX &&
	       made_of(s, n, "_-") && alphanumeric(s[0]) &&
	       attempt_suffix(s, n) == NULL;
}

enum h5_code
h5_number_order_of(const char *out_trade_no, char id[H5_ORDER_ID_MAX + 1],
    unsigned *attempt, struct h5_err *e)
{
	size_t n = strnlen(out_trade_no, H5_OUT_TRADE_NO_MAX + 1), len;
	const char *suffix;
	uint64_t number = 1;

	/* Both are set before anything can fail, so that no caller reads what
	 * another call left there. */
	id[0] = '\0';
	*attempt = 0;
	suffix = attempt_suffix(out_trade_no, n);
	len = suffix == NULL ? n : (size_t)(suffix - out_trade_no);
	/* The suffix counts from 2: "_1" is nobody's, and "_0" is the
	 * delivery's. */
	if (n > H5_OUT_TRADE_NO_MAX || len > H5_ORDER_ID_MAX ||
	    (suffix != NULL && h5_text_u64(suffix + 1, 2, H5_ATTEMPTS_MAX,
				   &number, NULL) != H5_OK))
		return h5_err_set(
		    e, H5_E_INPUT, "not one of our order numbers");
	memcpy(id, out_trade_no, len);
	id[len] = '\0';
	/* The rest has to be an id by itself, without a second suffix. */
	if (!h5_number_is_order(id)) {
		id[0] = '\0';
		return h5_err_set(
		    e, H5_E_INPUT, "not one of our order numbers");
	}
	*attempt = (unsigned)number;
	return H5_OK;
}

void
h5_number_attempt(
    const char *id, unsigned nth, char out[H5_OUT_TRADE_NO_MAX + 1])
{
	/* The first attempt has the order's own number, so that WeChat and the
	 * shop speak of the same one in the usual case. */
	if (nth == 1)
		(void)snprintf(out, H5_OUT_TRADE_NO_MAX + 1, "%s", id);
	else
		(void)snprintf(out, H5_OUT_TRADE_NO_MAX + 1, "%s_%u", id, nth);
}

void
h5_number_refund(
    const char *id, unsigned nth, char out[H5_OUT_REFUND_NO_MAX + 1])
{
	(void)snprintf(out, H5_OUT_REFUND_NO_MAX + 1, "%s-r%u", id, nth);
}

bool
h5_number_is_refund(const char *s)
{
	size_t n = strnlen(s, H5_OUT_REFUND_NO_MAX + 1);

	return n >= 1 && n <= H5_OUT_REFUND_NO_MAX && made_of(s, n, "_-|*@");
}

void
h5_number_delivery(const char *id, char out[H5_OUT_TRADE_NO_MAX + 1])
{
	(void)snprintf(out, H5_OUT_TRADE_NO_MAX + 1, "%s_0", id);
}
