/* converse.h - one conversation with WeChat over APIv3.
 * Call h5_v3_begin, append to target and body, call h5_v3_converse, read what
 * is in w->answer, then call h5_v3_report and h5_v3_end. */
#ifndef H5_WECHAT_V3_CONVERSE_H
#define H5_WECHAT_V3_CONVERSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wechat/api.h"
#include "common/wechat/v3/error.h"

/* Target and body are the same on every attempt; the signature is new. */
struct h5_v3_call {
	enum h5_v3_what what;
	const char *api; /* for the log */
	enum h5_https_method method;
	const char *out_trade_no; /* for the log; NULL: none */
	const char *out_refund_no; /* for the log; NULL: no refund */
	bool once; /* whether it was carried out is for a query to tell:
		      repeated at the other host alone */
	bool unchecked; /* the caller checks who signed, with keys of its own */
	const char *serial; /* ask for this key; NULL: the public key, if any */
	struct h5_buf target, body;
	int64_t began_ms; /* on the clock that only goes forward */
	unsigned attempts;
	/* Of the last answer. */
	struct h5_https_answer facts;
	struct h5_buf head;
	struct h5_wechat_headers headers; /* borrowed from head */
	char request_id[H5_V3_REQUEST_ID]; /* "": none */
	bool probe; /* its signature is wrong on purpose */
	bool skewed; /* refused for our clock, which is ahead_s ahead */
	int64_t ahead_s;
};

/* h5_v3_ready(c, e): were the keys of APIv3 read?
 * H5_E_CONFIG: no: c does not say all that it needs. */
H5_MUST_CHECK enum h5_code h5_v3_ready(
    const struct h5_config *c, struct h5_err *e);

/* h5_v3_begin(k, what, refusal): start k.
 * refusal: is "refused" from here until WeChat has said something, so that an
 *   early failure never looks like success. */
void h5_v3_begin(struct h5_v3_call *k, enum h5_v3_what what,
    struct h5_wechat_refusal *refusal);
void h5_v3_end(struct h5_v3_call *k);

/* h5_v3_converse(w, log, k, refusal, e): make attempts until there is an answer
 * to go by, or no time is left.
 * H5_OK: if the verdict is H5_WECHAT_SUCCESS, w->answer has the bytes that
 * WeChat signed, with status 200, or nothing, with status 204.
 * H5_E_REMOTE: an answer that must not be believed: the outcome is unknown.
 * Blocks; other errors as in wechat.h. */
H5_MUST_CHECK enum h5_code h5_v3_converse(struct h5_wechat *w,
    const struct h5_log *log, struct h5_v3_call *k,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v3_send(c, h, k, host, timeout_ms, out, e): one attempt at one host,
 * signed anew.  out: the answer's body; k has the rest of it.  Errors as
 * h5_https_call. */
H5_MUST_CHECK enum h5_code h5_v3_send(const struct h5_config *c,
    struct h5_https *h, struct h5_v3_call *k, const char *host,
    int64_t timeout_ms, struct h5_buf *out, struct h5_err *e);

/* h5_v3_report(log, k, rc, refusal, state, e): write one line to the log: how
 * the conversation ended, and what to do about it.  state: trade_state or the
 * refund's status, or NULL. */
void h5_v3_report(const struct h5_log *log, const struct h5_v3_call *k,
    enum h5_code rc, const struct h5_wechat_refusal *refusal, const char *state,
    const struct h5_err *e);

#endif
