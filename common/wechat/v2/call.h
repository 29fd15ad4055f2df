/* wxpay.h - conversations with WeChat Pay over https.
 * Each call signs, sends, and hands up only believed facts.  Main and backup
 * host: the other is tried on connection failure and HTTP 5xx, with the same
 * parameters (PROTOCOL 1.1); SYSTEMERROR is retried with the same parameters
 * and back-off; all within gateway.deadline_ms.  An unknown outcome stays
 * unknown: H5_E_NET.  One handle belongs to one thread. */
#ifndef H5_WECHAT_V2_CALL_H
#define H5_WECHAT_V2_CALL_H

#include <stdint.h>

#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/order/order.h"
#include "common/wechat/v2/message.h"

struct h5_wxpay;

H5_MUST_CHECK enum h5_code h5_wxpay_new(
    const struct h5_config *c, struct h5_wxpay **out, struct h5_err *e);
void h5_wxpay_free(struct h5_wxpay *w);
/* The same two as a worker thread of a web program makes and frees what is its
 * own (program.h). */
H5_MUST_CHECK enum h5_code h5_wxpay_worker_new(
    const struct h5_config *c, void **out, struct h5_err *e);
void h5_wxpay_worker_free(void *worker);

struct h5_wx_prepay {
	char prepay_id[65];
	char *mweb_url; /* begins with gateway.cashier; free() it */
};

/* h5_wxpay_unifiedorder(w, log, o, a, ip, out, refusal, e): order attempt a of
 * o for the payer at ip.  The parameters other than ip, nonce and sign are
 * those stored (body cut within 127 bytes at a character, attach, total_fee,
 * time_start, time_expire, notify_url, scene_info Wap).
 * H5_OK with refusal->verdict H5_WX_SUCCESS: out is filled; any other verdict:
 * refused, believed.  H5_E_NET: not reached or outcome unknown.  H5_E_REMOTE:
 * an answer that must not be believed.  Blocks up to gateway.deadline_ms. */
H5_MUST_CHECK enum h5_code h5_wxpay_unifiedorder(struct h5_wxpay *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_wx_prepay *out,
    struct h5_wx_refusal *refusal, struct h5_err *e);

/* h5_wxpay_orderquery(w, log, out_trade_no, t, refusal, e): what WeChat knows
 * of an attempt.  t is initialised here; release it.  Verdicts other than
 * SUCCESS: ORDERNOTEXIST (H5_WX_UNKNOWN_ORDER) and faults. */
H5_MUST_CHECK enum h5_code h5_wxpay_orderquery(struct h5_wxpay *w,
    const struct h5_log *log, const char *out_trade_no, struct h5_wx_trade *t,
    struct h5_wx_refusal *refusal, struct h5_err *e);

/* h5_wxpay_closeorder(w, log, out_trade_no, refusal, e): close it.  SUCCESS and
 * H5_WX_CLOSED both mean closed. */
H5_MUST_CHECK enum h5_code h5_wxpay_closeorder(struct h5_wxpay *w,
    const struct h5_log *log, const char *out_trade_no,
    struct h5_wx_refusal *refusal, struct h5_err *e);

/* h5_wxpay_refund(w, log, o, r, got, refusal, e): ask for refund r of order o,
 * with the merchant's certificate: its number, its attempt and its amount.
 * Repeating it with the same number is one refund.  SUCCESS: accepted, not
 * refunded.  Believed if it is about this refund, attempt and amounts. */
H5_MUST_CHECK enum h5_code h5_wxpay_refund(struct h5_wxpay *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wx_refund *got,
    struct h5_wx_refusal *refusal, struct h5_err *e);

/* h5_wxpay_refundquery(w, log, o, r, got, refusal, e): what became of the
 * refund with r's number.  Believed as above; what a hint says of the amount
 * binds nobody.  H5_WX_NO_REFUND: WeChat knows no such refund. */
H5_MUST_CHECK enum h5_code h5_wxpay_refundquery(struct h5_wxpay *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wx_refund *got,
    struct h5_wx_refusal *refusal, struct h5_err *e);

/* h5_wxpay_scene_info(c, out, e): {"h5_info":{"type":"Wap","wap_url":...,
 * "wap_name":...}}, at most 256 bytes (the name is cut at a character). */
H5_MUST_CHECK enum h5_code h5_wxpay_scene_info(
    const struct h5_config *c, struct h5_buf *out, struct h5_err *e);

#endif
