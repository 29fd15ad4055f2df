/* number.h - the numbers that an order goes by.
 *   <id>                     the order, and its first attempt
 *   <id>_2 ... <id>_999      its further attempts (out_trade_no)
 *   <id>-r1, <id>-r2 ...     its refunds (out_refund_no), unless the operator
 *                            chose another number
 *   <id>_0                   neither an order nor an attempt: what is held
 * while the shop is told of <id> Pure; nothing here looks at an order. */
#ifndef H5_ORDER_NUMBER_H
#define H5_ORDER_NUMBER_H

#include <stdbool.h>

#include "common/base/err.h"

/* Bytes without the NUL. */
#define H5_ORDER_ID_MIN 6
#define H5_ORDER_ID_MAX 28
#define H5_OUT_TRADE_NO_MAX 32 /* WeChat's limit (PROTOCOL 2.3) */
#define H5_OUT_REFUND_NO_MAX 64 /* likewise (PROTOCOL 7.1) */
#define H5_ATTEMPTS_MAX 999 /* of one order */

/* h5_number_is_order(s): is s an order's id?  That is [0-9A-Za-z_-]{6,28},
 * begins with a letter or digit, and does not end in "_" and one to three
 * digits. */
bool h5_number_is_order(const char *s);

/* h5_number_order_of(out_trade_no, id, attempt, e): the order that an attempt's
 * number belongs to, and which of its attempts it is (1 to 999).
 * H5_E_INPUT: it cannot be a number of ours; then id is "" and attempt is 0. */
H5_MUST_CHECK enum h5_code h5_number_order_of(const char *out_trade_no,
    char id[H5_ORDER_ID_MAX + 1], unsigned *attempt, struct h5_err *e);

/* h5_number_attempt(id, nth, out): the number of an order's nth attempt, 1 to
 * H5_ATTEMPTS_MAX. */
void h5_number_attempt(
    const char *id, unsigned nth, char out[H5_OUT_TRADE_NO_MAX + 1]);

/* h5_number_refund(id, nth, out): the number that we give an order's nth
 * refund, from 1. */
void h5_number_refund(
    const char *id, unsigned nth, char out[H5_OUT_REFUND_NO_MAX + 1]);
/* h5_number_is_refund(s): may a refund have this number?  1 to 64 of
 * 0-9 A-Z a-z _ - | * @ (PROTOCOL 7.1). */
bool h5_number_is_refund(const char *s);

/* h5_number_delivery(id, out): the number that is held while the shop is told
 * of an order.  It is another one than the order's, so that a slow shop does
 * not hold up a buyer. */
void h5_number_delivery(const char *id, char out[H5_OUT_TRADE_NO_MAX + 1]);

#endif
