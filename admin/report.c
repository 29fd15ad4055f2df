/* h5pay report - a day or a month as one HTML file: counting. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/certificates.h"
#include "admin/command.h"
#include "admin/report.h"
#include "common/system/file.h"

#define DAY_S 86400
/* An order may be this much older than its payment. */
#define BACK_S (8 * DAY_S)
#define OPEN_S 7200 /* longer than most orders live */
#define SWEEP_S 600
#define PAGE_MAX (4U << 20)

enum { OUTPUT, LANGUAGE };

static const char *const languages[] = {"zh-CN", "en", NULL};
static const struct option_def options[] = {
    [OUTPUT] = {.name = "output",
	.letter = 'o',
	.kind = VALUE_FILE,
	.form = "FILE",
	.example = "report.html"},
    [LANGUAGE] = {.name = "lang",
	.kind = VALUE_WORD,
	.form = "LANG",
	.example = "zh-CN",
	.words = languages},
    {.name = NULL},
};

const int64_t report_wait_s[REPORT_WAITS - 1] = {
    30, 60, 120, 300, 900, 3600, 86400};
const int64_t report_notice_s[REPORT_NOTICES - 2] = {2, 5, 15, 60, 300, 3600};

struct reporting {
	struct command *cmd;
	struct report r;
	struct progress bar;
	enum h5_code unread; /* why an order that may be whole was not read */
};

/* --- what one order adds -------------------------------------------------- */

static void
problem(struct report *r, const char *order, const char *key, int64_t fen)
{
	struct report_problem *p;

	/* More than the page shows are counted all the same. */
	if (r->n_problems < REPORT_PROBLEMS) {
		p = &r->problems[r->n_problems];
		(void)snprintf(p->order, sizeof p->order, "%s", order);
		p->key = key;
		p->fen = fen;
	}
	r->n_problems++;
}

static bool
within(const struct report *r, int64_t t)
{
	return t >= r->start && t < r->end;
}

static size_t
bucket(const int64_t *bounds, size_t n, int64_t v)
{
	size_t i;

	for (i = 0; i < n && v >= bounds[i]; i++)
		;
	return i;
}

static enum report_fate
fate_of(const struct h5_order *o, int64_t now)
{
	const char *said = h5_order_current(o)->trade_state;

	if (o->paid_at != 0)
		return REPORT_PAID;
	/* What WeChat calls an error, or what came in wrong, is not just
	 * abandoned. */
	if ((o->alerts & H5_ALERT_DISPUTED) != 0 ||
	    strcmp(said, "PAYERROR") == 0 || strcmp(said, "REVOKED") == 0)
		return REPORT_FAILED;
	if (o->state == H5_ORDER_CLOSED || now >= o->expires_at)
		return REPORT_ABANDONED;
	return REPORT_OPEN;
}

/* How long the notice took that made the order paid; by query: none did. */
static size_t
notice_column(const struct h5_order *o)
{
	const size_t n = REPORT_NOTICES - 2;
	const char *end;
	int64_t t;
	size_t i;

	for (i = 0; i < o->n_events; i++) {
		if (o->events[i].kind != H5_EVENT_PAID)
			continue;
		end = h5_fields_get(&o->events[i].fields, "time_end");
		/* Learned by a query, or the notice has no time to measure. */
		if (!h5_fields_is(&o->events[i].fields, "via", "notify") ||
		    end == NULL ||
		    h5_clock_from_rfc3339(end, &t, NULL) != H5_OK)
			break;
		return bucket(report_notice_s, n, o->events[i].at - t);
	}
	return REPORT_NOTICES - 1;
}

static void
count_paid(struct report *r, const struct h5_order *o)
{
	int64_t day = (o->paid_at - r->days_start) / DAY_S;
	enum h5_product product;

	if (o->paid_at == 0)
		return;
	/* The days' chart shows a month, whatever the period is. */
	if (o->paid_at >= r->days_start && day < (int64_t)r->n_days)
		r->day_fen[day] += o->total_fee;
	if (!within(r, o->paid_at))
		return;
	r->paid++;
	r->paid_fen += o->total_fee;
	product = h5_order_product(o);
	r->product_paid[product]++;
	r->product_fen[product] += o->total_fee;
	/* One of a shop that sells by H5 alone now. */
	r->products = r->products || product != H5_PRODUCT_H5;
	r->waits[bucket(
	    report_wait_s, REPORT_WAITS - 1, o->paid_at - o->created_at)]++;
	r->notices[notice_column(o)]++;
}

static void
count_refunds(struct report *r, const struct h5_order *o)
{
	size_t i;

	for (i = 0; i < o->n_refunds; i++) {
		/* By the day on which WeChat changed it, which is how bills
		 * count. */
		if (!within(r, o->refunds[i].changed_at))
			continue;
		if (o->refunds[i].state == H5_REFUND_SUCCESS)
			r->refunded_fen += o->refunds[i].refund_fee;
		else if (o->refunds[i].state == H5_REFUND_CHANGE ||
			 o->refunds[i].state == H5_REFUND_CLOSED)
			problem(r, o->id, "p_refund", o->refunds[i].refund_fee);
	}
}

/* A broken record is a line of the report; sums that lack what a failing disk
 * did not give would only be wrong. */
static void
unread(struct reporting *x, const char *id, const struct h5_err *e)
{
	if (e->code != H5_E_INPUT)
		command_unread(id, e, &x->unread);
}

static enum h5_code
count_one(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct reporting *x = arg;
	struct report *r = &x->r;
	enum report_fate fate;

	if (o == NULL) {
		unread(x, id, e_o);
		problem(r, id, "p_broken", 0);
		return H5_OK;
	}
	progress_step(&x->bar,
	    (uint64_t)(o->created_at - r->days_start + BACK_S),
	    (uint64_t)(r->end - r->days_start + BACK_S));
	count_paid(r, o);
	count_refunds(r, o);
	if (within(r, o->created_at)) {
		fate = fate_of(o, r->now);
		r->hours[(o->created_at - r->start) % DAY_S / 3600][fate]++;
		r->orders++;
		r->orders_paid += fate == REPORT_PAID;
	} else if (!within(r, o->paid_at)) {
		return H5_OK;
	}
	if ((h5_order_alerts_open(o) & H5_ALERT_DISPUTED) != 0)
		problem(r, id, "p_disputed", o->total_fee);
	if ((o->alerts & H5_ALERT_OVERPAID) != 0)
		problem(r, id, "p_overpaid", o->total_fee);
	if ((o->alerts & H5_ALERT_LATE) != 0)
		problem(r, id, "p_late", o->total_fee);
	if ((o->alerts & H5_ALERT_UNRECORDED) != 0)
		problem(r, id, "p_unrecorded", o->total_fee);
	return H5_OK;
}

/* What is open now, whatever the period. */
static enum h5_code
count_open(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct reporting *x = arg;
	struct report *r = &x->r;
	size_t i;

	if (o == NULL) {
		unread(x, id, e_o);
		return H5_OK;
	}
	/* A disputed order is open by intent and has its own line. */
	if (!h5_order_settled(o) && (o->alerts & H5_ALERT_DISPUTED) == 0 &&
	    r->now - o->created_at > OPEN_S)
		problem(r, id, "p_open", o->total_fee);
	for (i = 0; i < o->n_outgoing; i++)
		if (o->outgoing[i].failures > 0 &&
		    h5_order_owed(
			o, &o->outgoing[i], x->cmd->shop.c->hooks.mask)) {
			problem(r, id, "p_hook", 0);
			break;
		}
	return H5_OK;
}

static void
count_certificate(void *arg, const struct certificate *x)
{
	if (x->alarm)
		problem(arg, "",
		    strcmp(x->name, "site") == 0 ? "p_certificate_site"
		    : strcmp(x->name, "platform") == 0
			? "p_certificate_platform"
			: "p_certificate",
		    0);
}

static enum h5_code
count(struct reporting *x, struct h5_err *e)
{
	struct h5_store *st = x->cmd->shop.st;
	int64_t swept;
	enum h5_code rc;

	progress_start(&x->bar, x->cmd, "reading orders");
	rc = h5_store_each(
	    st, x->r.days_start - BACK_S, x->r.end + DAY_S, count_one, x, e);
	if (rc == H5_OK)
		rc = h5_store_each_open(st, count_open, x, e);
	progress_end(&x->bar);
	/* A sum that lacks an order is a wrong sum, so there is no page. */
	if (rc == H5_OK && x->unread != H5_OK)
		rc = h5_err_set(e, x->unread, "not every order could be read");
	if (rc != H5_OK)
		return rc;
	rc = h5_store_swept_at(st, &swept, e);
	if (rc == H5_E_NOTFOUND ||
	    (rc == H5_OK && x->r.now - swept > SWEEP_S)) {
		problem(&x->r, "", "p_no_sweep", 0);
		rc = H5_OK;
	}
	certificates_each(x->cmd->shop.c, x->r.now, count_certificate, &x->r);
	return rc;
}

/* --- the period ----------------------------------------------------------- */

/* "2026-11": that month.  Else a day, as for list. */
static enum h5_code
read_period(const char *s, struct report *r, struct h5_err *e)
{
	char day[H5_CLOCK_DAY], next[H5_CLOCK_DAY];
	bool month = strlen(s) == 7;
	int64_t t;
	enum h5_code rc;

	(void)snprintf(day, sizeof day, "%.7s-01", s);
	if (month && h5_clock_from_day(day, &r->start, NULL) == H5_OK) {
		/* 31 days on is in the next month, and "01" makes it its first
		 * day. */
		h5_clock_day(r->start + 31 * DAY_S, next);
		next[8] = '0';
		next[9] = '1';
		memcpy(r->period, s, 8);
		r->days_start = r->start;
		rc = h5_clock_from_day(next, &r->end, e);
		r->n_days = (unsigned)((r->end - r->start) / DAY_S);
		return rc;
	}
	rc = command_time(s, r->now, &t, e);
	if (rc != H5_OK)
		return rc;
	h5_clock_day(t, r->period);
	rc = h5_clock_from_day(r->period, &r->start, e);
	r->end = r->start + DAY_S;
	/* A single day is shown among the thirty that end with it. */
	r->n_days = 30;
	r->days_start = r->end - (int64_t)r->n_days * DAY_S;
	return rc;
}

/* --- the verb ------------------------------------------------------------- */

static int
read_options(struct reporting *x, const char *period, const char **file)
{
	const struct given *given = x->cmd->given;
	struct h5_err e;

	*file = given[OUTPUT].text;
	if (given[LANGUAGE].text != NULL)
		x->r.lang = given[LANGUAGE].text;
	if (read_period(period, &x->r, &e) != H5_OK)
		return command_usage(&verb_report, "%s", e.msg);
	/* HTML on a terminal helps nobody. */
	if (*file == NULL && x->cmd->terminal && !x->cmd->json)
		return command_usage(
		    &verb_report, "on a terminal, -o FILE is needed");
	if (x->r.start > x->r.now) {
		(void)fprintf(
		    stderr, "h5pay: %s is in the future\n", x->r.period);
		return EXIT_DATA;
	}
	return EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct reporting x = {.cmd = cmd};
	const char *file = NULL;
	struct h5_buf page;
	struct h5_err e;
	enum h5_code rc;
	int status;

	(void)argc;
	x.r.now = h5_clock_now();
	x.r.shop = cmd->shop.c->site.name;
	x.r.lang = cmd->shop.c->site.lang;
	x.r.products = command_products(cmd);
	status = read_options(&x, argv[1], &file);
	if (status != EXIT_DONE)
		return status;
	h5_buf_init(&page, PAGE_MAX);
	rc = count(&x, &e);
	if (rc == H5_OK)
		rc = cmd->json ? report_json(&x.r, &page, &e)
			       : report_page(&x.r, &page, &e);
	if (rc == H5_OK && file == NULL)
		(void)fwrite(page.data, 1, page.len, stdout);
	else if (rc == H5_OK && h5_file_replace(AT_FDCWD, file, page.data,
				    page.len, 0600, &e) != H5_OK)
		rc = h5_err_set(&e, H5_E_IO, "cannot write %s", file);
	h5_buf_release(&page);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

const struct verb verb_report = {
    .name = "report",
    .usage = "report DATE|MONTH [-o FILE] [--lang zh-CN|en] [--json]",
    .operand = "DATE|MONTH",
    .example = "yesterday",
    .least = 1,
    .most = 1,
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
