/* wxcall - one conversation with WeChat Pay, told in one line.
 *	wxcall CONF unifiedorder|orderquery|closeorder OUT_TRADE_NO [AT [N]]
 * AT: time_start, Unix seconds (default: now).  N: how often, with one handle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/system/https.h"
#include "common/wechat/wechat.h"

static const char *const verdicts[] = {[H5_WECHAT_SUCCESS] = "success",
    [H5_WECHAT_PAID] = "paid",
    [H5_WECHAT_CLOSED] = "closed",
    [H5_WECHAT_TAKEN] = "taken",
    [H5_WECHAT_UNKNOWN_ORDER] = "unknown-order",
    [H5_WECHAT_AGAIN] = "again",
    [H5_WECHAT_NOT_YET] = "not-yet",
    [H5_WECHAT_MERCHANT] = "merchant",
    [H5_WECHAT_REFUSED] = "refused"};

static void
tell(const char *api, enum h5_code rc, const struct h5_wechat_refusal *refusal,
    const char *rest, int64_t ms, const struct h5_err *e)
{
	(void)printf("api=%s code=%s verdict=%s err_code=%s%s ms=%lld why=%s\n",
	    api, h5_err_name(rc), rc == H5_OK ? verdicts[refusal->verdict] : "",
	    refusal->err_code, rest, (long long)ms, rc == H5_OK ? "" : e->msg);
}

static enum h5_code
order(struct h5_wechat *w, const struct h5_log *log, struct h5_attempt *a)
{
	char body[] = "Tea \xe8\x8c\xb6 <&]]>", rest[2200] = "";
	int64_t began = h5_clock_mono_ms();
	struct h5_order o = {.total_fee = 12800, .body = body};
	struct h5_wechat_refusal refusal;
	struct h5_wechat_prepay prepay;
	struct h5_err e = {0};
	enum h5_code rc;

	(void)snprintf(o.id, sizeof o.id, "%.28s", a->out_trade_no);
	o.attempts = a;
	o.n_attempts = 1;
	rc = h5_wechat_prepay(
	    w, log, &o, a, "203.0.113.7", &prepay, &refusal, &e);
	if (prepay.mweb_url != NULL)
		(void)snprintf(rest, sizeof rest, " prepay_id=%s mweb_url=%s",
		    prepay.prepay_id, prepay.mweb_url);
	tell(
	    "unifiedorder", rc, &refusal, rest, h5_clock_mono_ms() - began, &e);
	free(prepay.mweb_url);
	return rc;
}

static enum h5_code
query(struct h5_wechat *w, const struct h5_log *log, const struct h5_attempt *a)
{
	int64_t began = h5_clock_mono_ms();
	struct h5_wechat_refusal refusal;
	struct h5_wechat_trade t;
	char rest[256] = "";
	struct h5_err e = {0};
	enum h5_code rc;

	rc = h5_wechat_query(w, log, a, &t, &refusal, &e);
	if (rc == H5_OK && refusal.verdict == H5_WECHAT_SUCCESS)
		(void)snprintf(rest, sizeof rest,
		    " trade_state=%s paid=%d total_fee=%lld fee_type=%s",
		    t.trade_state, t.paid, (long long)t.total_fee, t.fee_type);
	tell("orderquery", rc, &refusal, rest, h5_clock_mono_ms() - began, &e);
	h5_wechat_trade_release(&t);
	return rc;
}

static enum h5_code
close_order(
    struct h5_wechat *w, const struct h5_log *log, const struct h5_attempt *a)
{
	int64_t began = h5_clock_mono_ms();
	struct h5_wechat_refusal refusal;
	struct h5_err e = {0};
	enum h5_code rc;

	rc = h5_wechat_close(w, log, a, &refusal, &e);
	tell("closeorder", rc, &refusal, "", h5_clock_mono_ms() - began, &e);
	return rc;
}

static enum h5_code
call(struct h5_wechat *w, const struct h5_log *log, const char *api,
    const char *number, int64_t at)
{
	struct h5_attempt a = {.time_start = at, .time_expire = at + 7200};

	(void)snprintf(a.out_trade_no, sizeof a.out_trade_no, "%s", number);
	if (strcmp(api, "unifiedorder") == 0)
		return order(w, log, &a);
	if (strcmp(api, "orderquery") == 0)
		return query(w, log, &a);
	return close_order(w, log, &a);
}

int
main(int argc, char **argv)
{
	struct h5_config *c = NULL;
	struct h5_wechat *w = NULL;
	struct h5_buf faults;
	struct h5_log log;
	struct h5_err e;
	long n = argc > 5 ? strtol(argv[5], NULL, 10) : 1;
	int64_t at = argc > 4 ? strtoll(argv[4], NULL, 10) : h5_clock_now();

	if (argc < 4)
		return 64;
	h5_log_init(&log, "wxcall", NULL);
	h5_buf_init(&faults, 65536);
	if (h5_config_load(argv[1], &faults, &c, &e) != H5_OK) {
		(void)fprintf(stderr, "%s%s\n", faults.data, e.msg);
		return 78;
	}
	if (h5_https_start(&e) != H5_OK || h5_wechat_new(c, &w, &e) != H5_OK) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return 70;
	}
	for (; n > 0; n--)
		(void)call(w, &log, argv[2], argv[3], at);
	h5_wechat_free(w);
	h5_config_free(c);
	h5_buf_release(&faults);
	return 0;
}
