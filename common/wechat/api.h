/* api.h - what an API of WeChat Pay does for the calls of wechat.h.  Private to
 * common/wechat. */
#ifndef H5_WECHAT_API_H
#define H5_WECHAT_API_H

#include <stdbool.h>
#include <stdint.h>

#include "common/system/https.h"
#include "common/wechat/wechat.h"

struct h5_wechat {
	const struct h5_config *c;
	struct h5_https *https;
	struct h5_buf request, answer; /* of the present call */
	/* Of the last believed answer that told WeChat's time. */
	bool told;
	int64_t told_ms, told_at; /* when, by our two clocks */
	int64_t ahead_s; /* how far ours was ahead then */
};

/* h5_wechat_told_time(w, date): an answer that is believed had this Date. */
void h5_wechat_told_time(struct h5_wechat *w, const char *date);

/* h5_wechat_level(v): how loudly the log says that. */
enum h5_log_level h5_wechat_level(enum h5_wechat_verdict v);

/* h5_wechat_pair_ready(c, now, e): h5_wechat_certificate, with words about who
 * may read the files.  Errors: H5_E_CONFIG, H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_wechat_pair_ready(
    const struct h5_config *c, int64_t now, struct h5_err *e);

/* The calls of wechat.h by the same names; see there. */
struct h5_wechat_api {
	enum h5_code (*prepay)(struct h5_wechat *w, const struct h5_log *log,
	    const struct h5_order *o, const struct h5_attempt *a,
	    const char *ip, struct h5_wechat_prepay *out,
	    struct h5_wechat_refusal *refusal, struct h5_err *e);
	/* NULL: a repetition is told by its parameters. */
	enum h5_code (*request)(const struct h5_config *c,
	    const struct h5_order *o, const struct h5_attempt *a,
	    const char *ip, struct h5_buf *out, struct h5_err *e);
	enum h5_code (*bridge)(const struct h5_config *c,
	    const struct h5_attempt *a, int64_t now,
	    struct h5_wechat_bridge *out, struct h5_err *e);
	enum h5_code (*query)(struct h5_wechat *w, const struct h5_log *log,
	    const char *out_trade_no, struct h5_wechat_trade *t,
	    struct h5_wechat_refusal *refusal, struct h5_err *e);
	enum h5_code (*close)(struct h5_wechat *w, const struct h5_log *log,
	    const char *out_trade_no, struct h5_wechat_refusal *refusal,
	    struct h5_err *e);
	enum h5_code (*refund)(struct h5_wechat *w, const struct h5_log *log,
	    const struct h5_order *o, const struct h5_refund *r,
	    struct h5_wechat_refund *got, struct h5_wechat_refusal *refusal,
	    struct h5_err *e);
	enum h5_code (*refund_query)(struct h5_wechat *w,
	    const struct h5_log *log, const struct h5_order *o,
	    const struct h5_refund *r, struct h5_wechat_refund *got,
	    struct h5_wechat_refusal *refusal, struct h5_err *e);
	/* NULL: the API lists none. */
	enum h5_code (*refunds)(struct h5_wechat *w, const struct h5_log *log,
	    const char *out_trade_no, const char *transaction_id,
	    struct h5_wechat_refunds *list, struct h5_wechat_refusal *refusal,
	    struct h5_err *e);
	enum h5_code (*refund_ready)(
	    const struct h5_config *c, int64_t now, struct h5_err *e);
	enum h5_code (*sample_notice)(const struct h5_config *c,
	    const char *number, struct h5_buf *out, struct h5_err *e);
};

#endif
