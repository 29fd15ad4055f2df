/* wxpay_call.h - one conversation with WeChat Pay.  Private to
 * common/wxpay*.c. */
#ifndef H5_WECHAT_V2_CALL_PARTS_H
#define H5_WECHAT_V2_CALL_PARTS_H

#include "common/system/https.h"
#include "common/wechat/v2/call.h"

#define H5_WXPAY_PARAMS_N 32
#define H5_WXPAY_PARAMS_BYTES 8192

struct h5_wxpay {
	const struct h5_config *c;
	struct h5_https *h;
	struct h5_https *secure; /* with our certificate; made when needed */
	struct h5_buf request, answer;
};

/* One conversation: the same parameters on every attempt. */
struct h5_wxpay_call {
	const char *api; /* for the log */
	const char *path;
	const char *out_trade_no; /* for the log */
	const char *out_refund_no; /* for the log; NULL: no refund */
	bool secure; /* with our certificate */
	struct h5_fields params; /* all but nonce_str and sign */
	int64_t began_ms; /* on the clock that only goes forward */
	unsigned attempts;
};

/* Who we are; the caller adds what it asks.  Release k->params. */
H5_MUST_CHECK enum h5_code h5_wxpay_begin(struct h5_wxpay *w,
    struct h5_wxpay_call *k, const char *api, const char *path,
    const char *out_trade_no, struct h5_err *e);
/* Attempts until there is an answer to go by, or no time. */
H5_MUST_CHECK enum h5_code h5_wxpay_converse(struct h5_wxpay *w,
    const struct h5_log *log, struct h5_wxpay_call *k,
    struct h5_https_answer *a, struct h5_fields *f,
    struct h5_wx_refusal *refusal, struct h5_err *e);
/* One log line: how it ended, and what to do about it.  state: trade_state or
 * refund_status, or NULL. */
void h5_wxpay_report(const struct h5_log *log, const struct h5_wxpay_call *k,
    const struct h5_https_answer *a, enum h5_code rc,
    const struct h5_wx_refusal *refusal, const char *state,
    const struct h5_err *e);

#endif
