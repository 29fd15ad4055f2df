/* wxmsg.h - WeChat Pay's messages as facts: what an answer or a notice says
 * once it is signed, ours, and about what we asked.  Links no curl,
 * so that notify starts fast. */
#ifndef H5_WECHAT_V2_MESSAGE_H
#define H5_WECHAT_V2_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/fields.h"

/* What to do about an answer, whichever call it answers (PROTOCOL 2.6, 4, 5,
 * 7).
 */
enum h5_wx_verdict {
	H5_WX_SUCCESS, /* return_code and result_code SUCCESS, believed */
	H5_WX_PAID, /* ORDERPAID: query, settle */
	H5_WX_CLOSED, /* ORDERCLOSED */
	H5_WX_TAKEN, /* 201, OUT_TRADE_NO_USED: query, close, next number */
	H5_WX_UNKNOWN_ORDER, /* ORDERNOTEXIST */
	H5_WX_AGAIN, /* SYSTEMERROR, FREQUENCY_LIMITED...: outcome unknown */
	H5_WX_NO_REFUND, /* REFUNDNOTEXIST */
	H5_WX_NOT_YET, /* closeorder: not before five minutes,
	    TRADE_STATE_ERROR; refund: not before a minute has passed,
	    INVALID_REQ_TOO_MUCH */
	H5_WX_MERCHANT, /* NOAUTH, APPID_...: the operator must act */
	H5_WX_REFUSED /* any other signed refusal: our bug or the order's fault
		       */
};

struct h5_wx_refusal {
	enum h5_wx_verdict verdict;
	char err_code[33];
	char err_code_des[130]; /* WeChat's words, for the log and show */
};

/* What WeChat says of one attempt's trade. */
struct h5_wx_trade {
	char out_trade_no[33];
	char trade_state[16]; /* SUCCESS REFUND NOTPAY CLOSED REVOKED USERPAYING
	    PAYERROR ACCEPT; a notice is SUCCESS */
	bool paid; /* SUCCESS or REFUND */
	char transaction_id[33];
	int64_t total_fee; /* fen; -1: not said */
	char fee_type[9]; /* "CNY" when not said */
	int64_t time_end; /* Unix seconds; 0: not said or malformed */
	struct h5_fields further; /* every other element, to be kept; without
	    the envelope (return_code ... sign), openid and what stands above */
};
void h5_wx_trade_init(struct h5_wx_trade *t);
void h5_wx_trade_release(struct h5_wx_trade *t);

/* h5_wxmsg_verdict(f): an answer's err_code and err_code_des as a verdict;
 * total: an unknown code is H5_WX_REFUSED. */
enum h5_wx_verdict h5_wxmsg_verdict(const struct h5_fields *f);
/* h5_wxmsg_note(err_code): what a code means and what to fix, in English, for
 * the log; NULL when there is nothing to add. */
const char *h5_wxmsg_note(const char *err_code);

/* h5_wxmsg_answer(c, body, n, f, refusal, e): read and believe an answer:
 * whole XML, return_code SUCCESS, signed with our key and type, our appid and
 * mch_id.  f (initialised here; release it) holds all elements.
 * H5_OK: result_code SUCCESS, or FAIL and *refusal tells (verdict other than
 * H5_WX_SUCCESS).  H5_E_REMOTE: must not be believed (return_code FAIL is
 * unsigned: its return_msg is in e->msg, advisory). */
H5_MUST_CHECK enum h5_code h5_wxmsg_answer(const struct h5_config *c,
    const char *body, size_t n, struct h5_fields *f,
    struct h5_wx_refusal *refusal, struct h5_err *e);

/* h5_wxmsg_trade(f, t, e): the trade's facts out of believed elements (of an
 * orderquery answer or a notice) into t (initialised here; release it).
 * Without trade_state it is SUCCESS, as a notice is: who reads an answer
 * checks that it is there.  H5_E_INPUT: a paid trade without transaction_id
 * or total_fee, or malformed. */
H5_MUST_CHECK enum h5_code h5_wxmsg_trade(
    const struct h5_fields *f, struct h5_wx_trade *t, struct h5_err *e);

/* What WeChat says of one refund. */
struct h5_wx_refund {
	char out_trade_no[33];
	char transaction_id[33];
	char out_refund_no[65];
	char refund_id[33];
	char status[16]; /* PROCESSING SUCCESS CHANGE REFUNDCLOSE; accepted by
	    refund is PROCESSING */
	int64_t total_fee, refund_fee; /* fen */
	int64_t success_time; /* Unix seconds; 0: not said or malformed */
};
/* h5_wxmsg_refund(f, r, e): the refund's facts out of a believed answer of
 * refund.  H5_E_INPUT: one is missing or malformed. */
H5_MUST_CHECK enum h5_code h5_wxmsg_refund(
    const struct h5_fields *f, struct h5_wx_refund *r, struct h5_err *e);
/* h5_wxmsg_refund_of(f, out_refund_no, r, e): that one's facts out of a
 * believed answer of refundquery, which may list others beside it.
 * H5_E_INPUT: it is not there once, or a fact is missing or malformed. */
H5_MUST_CHECK enum h5_code h5_wxmsg_refund_of(const struct h5_fields *f,
    const char *out_refund_no, struct h5_wx_refund *r, struct h5_err *e);

enum h5_wx_notice { H5_NOTICE_PAYMENT, H5_NOTICE_REFUND };
/* h5_wxmsg_notice(c, body, n, kind, t, refund, e): read and believe a notice.
 * t and refund are initialised here; release both.  H5_NOTICE_PAYMENT: t is
 * filled.  H5_NOTICE_REFUND: refund holds the decrypted elements: a hint only.
 * H5_E_INPUT: malformed; H5_E_AUTH: not signed by WeChat for us, other ids;
 * H5_E_STATE: result_code is not SUCCESS.  e->msg is English and fit for
 * return_msg. */
H5_MUST_CHECK enum h5_code h5_wxmsg_notice(const struct h5_config *c,
    const char *body, size_t n, enum h5_wx_notice *kind, struct h5_wx_trade *t,
    struct h5_fields *refund, struct h5_err *e);

/* h5_wxmsg_reply(ok, msg, out): the exact bytes of INTERFACE section 4; msg is
 * kept to plain ASCII without markup. */
void h5_wxmsg_reply(bool ok, const char *msg, struct h5_buf *out);

#endif
