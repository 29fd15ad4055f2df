/* converse.h - one conversation with WeChat over APIv2.
 * Call h5_v2_begin, add parameters to params, call h5_v2_converse, then
 * h5_v2_report. */
#ifndef H5_WECHAT_V2_CONVERSE_H
#define H5_WECHAT_V2_CONVERSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wechat/api.h"

#define H5_V2_PARAMS_N 32
#define H5_V2_PARAMS_BYTES 8192

/* The parameters are the same on every attempt. */
struct h5_v2_call {
	const char *api; /* for the log */
	const char *path;
	const char *out_trade_no; /* for the log */
	const char *out_refund_no; /* for the log; NULL: no refund */
	bool certificate; /* show the merchant's */
	enum h5_sign_type sign_type; /* of the request, and so of the answer */
	struct h5_fields params; /* all but nonce_str, sign_type and sign */
	int64_t began_ms; /* on the clock that only goes forward */
	unsigned attempts;
};

/* h5_v2_add_sub(c, f, e): of a service provider, whom the call is for:
 * sub_appid, sub_mch_id (PROTOCOL-V3 14).  An ordinary merchant sends neither.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v2_add_sub(
    const struct h5_config *c, struct h5_fields *f, struct h5_err *e);

/* h5_v2_begin(w, k, api, path, out_trade_no, refusal, e): start k with who we
 * are; the caller adds what it asks.  Release k->params.
 * refusal: is "refused" from here until an answer is believed, so that an early
 *   failure never looks like success. */
H5_MUST_CHECK enum h5_code h5_v2_begin(struct h5_wechat *w,
    struct h5_v2_call *k, const char *api, const char *path,
    const char *out_trade_no, struct h5_wechat_refusal *refusal,
    struct h5_err *e);

/* h5_v2_converse(w, log, k, a, f, refusal, e): make attempts until there is an
 * answer to go by, or no time is left.  f: the elements of the believed answer;
 * release it.  Blocks; errors as in wechat.h. */
H5_MUST_CHECK enum h5_code h5_v2_converse(struct h5_wechat *w,
    const struct h5_log *log, struct h5_v2_call *k, struct h5_https_answer *a,
    struct h5_fields *f, struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_v2_report(log, k, a, rc, refusal, state, e): write one line to the log:
 * how the conversation ended, and what to do about it.  state: trade_state or
 * refund_status, or NULL. */
void h5_v2_report(const struct h5_log *log, const struct h5_v2_call *k,
    const struct h5_https_answer *a, enum h5_code rc,
    const struct h5_wechat_refusal *refusal, const char *state,
    const struct h5_err *e);

#endif
