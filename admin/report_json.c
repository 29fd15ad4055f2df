/* The report's numbers as one JSON object. */
#include <stdio.h>
#include <string.h>

#include "admin/report.h"
#include "common/format/json.h"

#define DAY_S 86400

static void
figures(const struct report *r, struct h5_buf *out)
{
	char start[H5_CLOCK_RFC3339], end[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(r->start, start);
	h5_clock_rfc3339(r->end, end);
	h5_buf_puts(out, "{\"shop\":");
	h5_json_string(r->shop, out);
	h5_buf_printf(out,
	    ",\"period\":\"%s\",\"start\":\"%s\",\"end\":\"%s\","
	    "\"orders\":%lld,\"orders_paid\":%lld,\"paid\":%lld,"
	    "\"paid_fee\":%lld,\"refunded_fee\":%lld",
	    r->period, start, end, (long long)r->orders,
	    (long long)r->orders_paid, (long long)r->paid,
	    (long long)r->paid_fen, (long long)r->refunded_fen);
}

static void
products(const struct report *r, struct h5_buf *out)
{
	unsigned i;

	h5_buf_puts(out, ",\"products\":[");
	for (i = 0; i < H5_PRODUCTS; i++)
		h5_buf_printf(out,
		    "%s{\"product\":\"%s\",\"paid\":%lld,"
		    "\"paid_fee\":%lld}",
		    i > 0 ? "," : "", h5_order_product_word((enum h5_product)i),
		    (long long)r->product_paid[i],
		    (long long)r->product_fen[i]);
	h5_buf_puts(out, "]");
}

static void
problems(const struct report *r, struct h5_buf *out)
{
	unsigned i;

	h5_buf_puts(out, ",\"problems\":[");
	for (i = 0; i < r->n_problems && i < REPORT_PROBLEMS; i++) {
		h5_buf_puts(out, i > 0 ? ",{\"order\":" : "{\"order\":");
		/* A problem of the shop as a whole has no order. */
		if (r->problems[i].order[0] != '\0')
			h5_json_string(r->problems[i].order, out);
		else
			h5_buf_puts(out, "null");
		/* The prefix belongs to the keys of the page's words. */
		h5_buf_printf(out, ",\"problem\":\"%s\",\"fee\":",
		    r->problems[i].key + strlen("p_"));
		if (r->problems[i].fen != 0)
			h5_buf_printf(
			    out, "%lld}", (long long)r->problems[i].fen);
		else
			h5_buf_puts(out, "null}");
	}
	h5_buf_printf(out, "],\"problems_all\":%u", r->n_problems);
}

static void
hours_and_days(const struct report *r, struct h5_buf *out)
{
	char day[H5_CLOCK_DAY];
	unsigned i;

	h5_buf_puts(out, ",\"hours\":[");
	for (i = 0; i < 24; i++)
		h5_buf_printf(out,
		    "%s{\"hour\":%u,\"paid\":%lld,\"abandoned\":%lld,"
		    "\"failed\":%lld,\"open\":%lld}",
		    i > 0 ? "," : "", i, (long long)r->hours[i][REPORT_PAID],
		    (long long)r->hours[i][REPORT_ABANDONED],
		    (long long)r->hours[i][REPORT_FAILED],
		    (long long)r->hours[i][REPORT_OPEN]);
	h5_buf_puts(out, "],\"days\":[");
	for (i = 0; i < r->n_days; i++) {
		h5_clock_day(r->days_start + (int64_t)i * DAY_S, day);
		h5_buf_printf(out, "%s{\"day\":\"%s\",\"paid_fee\":%lld}",
		    i > 0 ? "," : "", day, (long long)r->day_fen[i]);
	}
	h5_buf_puts(out, "]");
}

/* Prints n columns, each with its upper bound, and one more for what is above
 * the last bound. */
static void
columns(const char *name, const int64_t *bounds, size_t n,
    const int64_t *values, struct h5_buf *out)
{
	size_t i;

	h5_buf_printf(out, ",\"%s\":[", name);
	/* A bound of seconds for each column but the last. */
	for (i = 0; i < n; i++)
		h5_buf_printf(out, "{\"below_s\":%lld,\"payments\":%lld},",
		    (long long)bounds[i], (long long)values[i]);
	h5_buf_printf(
	    out, "{\"below_s\":null,\"payments\":%lld}]", (long long)values[n]);
}

enum h5_code
report_json(const struct report *r, struct h5_buf *out, struct h5_err *e)
{
	figures(r, out);
	if (r->products)
		products(r, out);
	problems(r, out);
	hours_and_days(r, out);
	columns(
	    "order_to_paid", report_wait_s, REPORT_WAITS - 1, r->waits, out);
	columns("notice_delay", report_notice_s, REPORT_NOTICES - 2, r->notices,
	    out);
	h5_buf_printf(out, ",\"learned_by_query\":%lld}\n",
	    (long long)r->notices[REPORT_NOTICES - 1]);
	return h5_buf_finish(out, e);
}
