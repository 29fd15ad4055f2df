/* report.h - what h5pay report counts, and the page that it makes of it. */
#ifndef H5_ADMIN_REPORT_H
#define H5_ADMIN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/text.h"
#include "common/order/order.h"

#define REPORT_DAYS 31
#define REPORT_PROBLEMS 20 /* more are only counted */

enum report_fate {
	REPORT_PAID,
	REPORT_ABANDONED, /* closed or run out, unpaid */
	REPORT_FAILED, /* WeChat says so, or what came in does not fit */
	REPORT_OPEN,
	REPORT_FATES
};

struct report_problem {
	char order[H5_ORDER_ID_MAX + 1]; /* "": the whole shop's */
	const char *key; /* of its text: "p_late" */
	int64_t fen; /* 0: not told */
};

#define REPORT_WAITS 8
#define REPORT_NOTICES 8 /* the last: learned by query */

struct report {
	const char *shop, *lang;
	char period[H5_CLOCK_DAY]; /* 2026-11-22, or 2026-11 */
	int64_t start, end, now;
	int64_t days_start;
	unsigned n_days;
	int64_t hours[24][REPORT_FATES];
	int64_t day_fen[REPORT_DAYS];
	int64_t waits[REPORT_WAITS], notices[REPORT_NOTICES];
	int64_t orders, orders_paid; /* of those made in the period */
	int64_t paid, paid_fen; /* paid in the period */
	bool products; /* more than H5: each is told */
	int64_t product_paid[H5_PRODUCTS], product_fen[H5_PRODUCTS];
	int64_t refunded_fen;
	struct report_problem problems[REPORT_PROBLEMS];
	unsigned n_problems;
};

/* Upper bounds of the first REPORT_WAITS - 1 and REPORT_NOTICES - 2 columns, in
 * seconds. */
extern const int64_t report_wait_s[REPORT_WAITS - 1];
extern const int64_t report_notice_s[REPORT_NOTICES - 2];

/* report_page(r, out, e): append the HTML file to out. */
H5_MUST_CHECK enum h5_code report_page(
    const struct report *r, struct h5_buf *out, struct h5_err *e);
/* report_json(r, out, e): append the same numbers as one line of JSON. */
H5_MUST_CHECK enum h5_code report_json(
    const struct report *r, struct h5_buf *out, struct h5_err *e);

#endif
