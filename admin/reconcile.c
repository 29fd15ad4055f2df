/* h5pay reconcile - WeChat's bill of a day against the orders here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/escape.h"
#include "common/hooks/hooks.h"
#include "common/format/json.h"
#include "common/pay/reconcile.h"
#include "common/pay/refund.h"
#include "common/base/text.h"

#define DAY_S 86400
/* An order lives at most a week (orders.expire_minutes); a payment that comes
 * in late belongs to one that is little older. */
#define BACK_DAYS 32
#define BACK_MOST 400

enum { FIX, CSV, KEPT, BACK };

static const struct option_def options[] = {
    [FIX] = {.name = "fix"},
    [CSV] = {.name = "csv"},
    [KEPT] = {.name = "kept"},
    [BACK] = {.name = "back",
	.kind = VALUE_NUMBER,
	.form = "DAYS",
	.example = "32",
	.least = 1,
	.most = BACK_MOST},
    {.name = NULL},
};

static const struct column columns[] = {
    {.heading = "DIFFERENCE"},
    {.heading = "HELD", .spare = 1},
    {.heading = "ORDER"},
    {.heading = "OUT_TRADE_NO", .spare = 5},
    {.heading = "HERE"},
    {.heading = "THERE"},
    {.heading = "AT", .spare = 4},
    {.heading = "TRANSACTION", .spare = 3},
    {.heading = "OUT_REFUND_NO", .spare = 2},
};
#define COLUMNS H5_LENGTH(columns)

struct ids {
	char (*v)[H5_OUT_TRADE_NO_MAX + 1];
	size_t n, cap;
};

struct reconciling {
	struct command *cmd;
	struct h5_reconcile x;
	bool fix, csv, kept, nomem;
	int64_t back_days;
	struct progress bar;
	/* What this pass found. */
	struct table *table; /* NULL: a pass that prints nothing */
	bool silent;
	uint64_t differences, held;
	uint64_t others; /* lines of the provider's other sub-merchants */
	enum h5_code unread; /* why an order was not compared */
	struct ids ask; /* orders that WeChat is to be asked about */
	struct ids missing; /* numbers of orders that are not here */
};

/* --- telling -------------------------------------------------------------- */

static void
print_json(const struct h5_difference *d)
{
	const struct {
		const char *name, *value;
	} texts[] = {
	    {"order", d->order},
	    {"out_trade_no", d->out_trade_no},
	    {"transaction_id", d->transaction_id},
	    {"out_refund_no", d->out_refund_no},
	    {"here", d->here},
	    {"there", d->there},
	};
	char at[H5_CLOCK_RFC3339];
	struct h5_buf b;
	size_t i;

	h5_buf_init(&b, 65536);
	h5_clock_rfc3339(d->at, at);
	h5_buf_printf(&b, "{\"difference\":\"%s\",\"held\":%s,\"at\":\"%s\"",
	    h5_reconcile_name(d->kind), d->held ? "true" : "false", at);
	for (i = 0; i < H5_LENGTH(texts); i++) {
		h5_buf_printf(&b, ",\"%s\":", texts[i].name);
		if (texts[i].value[0] == '\0')
			h5_buf_puts(&b, "null");
		else
			h5_json_string(texts[i].value, &b);
	}
	if (d->line != 0)
		h5_buf_printf(&b, ",\"line\":%u", d->line);
	h5_buf_puts(&b, "}\n");
	(void)fputs(b.data, stdout);
	h5_buf_release(&b);
}

static void
print_cells(const struct reconciling *r, const char *const cells[], size_t n)
{
	struct h5_buf b;
	size_t i;

	if (!r->csv) {
		for (i = 0; i < n; i++)
			table_cell(r->table, cells[i]);
		return;
	}
	h5_buf_init(&b, 65536);
	for (i = 0; i < n; i++) {
		h5_buf_puts(&b, i == 0 ? "" : ",");
		h5_escape_csv(&b, cells[i]);
	}
	h5_buf_puts(&b, "\r\n");
	(void)fputs(b.data, stdout);
	h5_buf_release(&b);
}

static void
remember(struct reconciling *r, struct ids *ids, const char *id)
{
	size_t cap = ids->cap == 0 ? 16 : ids->cap * 2;
	void *more;

	/* An order may differ in several lines, which follow each other. */
	if (id[0] == '\0' ||
	    (ids->n > 0 && strcmp(ids->v[ids->n - 1], id) == 0))
		return;
	if (ids->n == ids->cap) {
		more = realloc(ids->v, cap * sizeof ids->v[0]);
		if (more == NULL) {
			/* The failure is kept until the end of the pass, since
			 * the callback cannot fail. */
			r->nomem = true;
			return;
		}
		ids->v = more;
		ids->cap = cap;
	}
	(void)snprintf(ids->v[ids->n++], sizeof ids->v[0], "%s", id);
}

static void
found(void *arg, const struct h5_difference *d)
{
	struct reconciling *r = arg;
	char at[H5_CLOCK_PLAIN];
	const char *const cells[COLUMNS] = {h5_reconcile_name(d->kind),
	    d->held ? "held" : "", d->order, d->out_trade_no, d->here, d->there,
	    at, d->transaction_id, d->out_refund_no};

	if (d->held)
		r->held++;
	else
		r->differences++;
	/* A fee is WeChat's own sum, and a number's product is fixed: asking
	 * about the order would change neither. */
	if (d->kind != H5_DIFF_FEE && d->kind != H5_DIFF_PRODUCT)
		remember(r, &r->ask, d->order);
	if (d->order[0] == '\0' && (d->kind == H5_DIFF_MISSING_HERE ||
				       d->kind == H5_DIFF_REFUND_MISSING_HERE))
		remember(r, &r->missing, d->out_trade_no);
	if (r->silent)
		return;
	h5_clock_plain(d->at, at);
	if (r->cmd->json)
		print_json(d);
	else
		print_cells(r, cells, COLUMNS);
}

/* --- one pass ------------------------------------------------------------- */

/* The order that a line's number names, NULL: none here. */
static enum h5_code
order_of(struct reconciling *r, const struct h5_bill_row *row,
    struct h5_order **o, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];
	unsigned attempt;
	enum h5_code rc;

	*o = NULL;
	/* Numbers of other programs of the merchant stand in the same bill. */
	if (h5_number_order_of(row->out_trade_no, id, &attempt, NULL) != H5_OK)
		return H5_OK;
	rc = h5_store_load(r->cmd->shop.st, id, o, e);
	/* A broken order is told, and does not hide the rest of the day. */
	if (rc == H5_E_INPUT)
		command_unread(id, e, &r->unread);
	return rc == H5_E_NOTFOUND || rc == H5_E_INPUT ? H5_OK : rc;
}

static enum h5_code
walk_bill(struct reconciling *r, struct h5_err *e)
{
	const struct h5_bill *b = r->x.bill;
	struct h5_order *o;
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < b->n; i++) {
		rc = order_of(r, &b->rows[i], &o, e);
		if (rc != H5_OK)
			break;
		if (b->rows[i].refund)
			h5_reconcile_refund(&r->x, &b->rows[i], o);
		else
			h5_reconcile_payment(&r->x, &b->rows[i], o);
		h5_order_free(o);
		/* The lines of the bill are the first half of the work. */
		progress_step(&r->bar, i, b->n * 2);
	}
	for (i = 0; rc == H5_OK && i < b->n_odd; i++)
		h5_reconcile_odd(&r->x, &b->odd[i]);
	return rc;
}

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct reconciling *r = arg;
	int64_t since = r->x.day - r->back_days * DAY_S;

	if (o == NULL) {
		command_unread(id, e_o, &r->unread);
		return H5_OK;
	}
	h5_reconcile_order(&r->x, o);
	progress_step(&r->bar, (uint64_t)(o->created_at - since + DAY_S),
	    (uint64_t)((r->back_days + 2) * DAY_S * 2));
	return H5_OK;
}

static void
print_heading(struct reconciling *r)
{
	const char *names[COLUMNS];
	size_t i;

	for (i = 0; i < COLUMNS; i++)
		names[i] = columns[i].heading;
	print_cells(r, names, COLUMNS);
}

static enum h5_code
pass(struct reconciling *r, bool silent, struct h5_err *e)
{
	enum h5_code rc;

	/* Each pass counts anew; the one that prints comes last. */
	r->silent = silent;
	r->differences = r->held = 0;
	r->x.elsewhere = r->others;
	r->unread = H5_OK;
	r->ask.n = 0;
	r->missing.n = 0;
	if (!silent && !r->cmd->json && !r->csv) {
		r->table = table_new(r->cmd, columns, COLUMNS);
		if (r->table == NULL)
			return h5_err_nomem(e);
	}
	if (!silent && r->csv)
		print_heading(r);
	progress_start(&r->bar, r->cmd, "comparing");
	rc = walk_bill(r, e);
	/* A clock that is off by hours may make an order younger than its
	 * payment. */
	if (rc == H5_OK)
		rc = h5_store_each(r->cmd->shop.st,
		    r->x.day - r->back_days * DAY_S, r->x.day + 2 * DAY_S,
		    visit, r, e);
	progress_end(&r->bar);
	if (r->table != NULL && !table_end(r->table) && rc == H5_OK)
		rc = h5_err_nomem(e);
	r->table = NULL;
	if (rc == H5_OK && r->nomem)
		rc = h5_err_nomem(e);
	return rc;
}

/* --- --fix ---------------------------------------------------------------- */

/* WeChat's own signed word on one order; what it says is settled like any
 * other answer. */
static enum h5_code
ask(const struct h5_shop *shop, const char *id, struct h5_err *e)
{
	struct h5_order *o = NULL;
	bool asked;
	enum h5_code rc;

	rc = h5_pay_ask(shop, id, true, &asked, &o, e);
	h5_order_free(o);
	o = NULL;
	if (rc == H5_OK) {
		rc = h5_refund_look(shop, id, true, &o, e);
		h5_order_free(o);
	}
	return rc;
}

/* Orders that WeChat was paid for and that are not here are written from its
 * own signed word, and then asked about like those that differ. */
static enum h5_code
write_missing(struct reconciling *r, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];
	const struct h5_bill_row *row;
	enum h5_code rc = H5_OK, one;
	struct h5_err e_one;
	unsigned nth;
	size_t i;
	bool made;

	for (i = 0; i < r->missing.n; i++) {
		row = h5_bill_order(r->x.bill, r->missing.v[i]);
		/* A number of another form is another program's. */
		if (row == NULL || h5_number_order_of(row->out_trade_no, id,
				       &nth, NULL) != H5_OK)
			continue;
		one = h5_pay_missing(&r->cmd->shop, row->out_trade_no,
		    row->body, row->at, &made, &e_one);
		if (one == H5_OK && made)
			remember(r, &r->ask, id);
		if (one == H5_OK)
			continue;
		(void)fprintf(
		    stderr, "h5pay: %s: %s\n", row->out_trade_no, e_one.msg);
		if (rc == H5_OK)
			rc = h5_err_set(e, one, "%s", e_one.msg);
	}
	return rc;
}

static enum h5_code
fix(struct reconciling *r, struct h5_err *e)
{
	struct command *cmd = r->cmd;
	struct h5_err e_hook, e_one;
	enum h5_code rc, one;
	size_t i, asked = 0;

	rc = command_wechat(cmd, e);
	if (rc != H5_OK)
		return rc;
	progress_start(&r->bar, cmd, "asking WeChat");
	rc = write_missing(r, e);
	for (i = 0; i < r->ask.n; i++) {
		one = ask(&cmd->shop, r->ask.v[i], &e_one);
		if (one != H5_OK) {
			(void)fprintf(
			    stderr, "h5pay: %s: %s\n", r->ask.v[i], e_one.msg);
			if (rc == H5_OK)
				/* The first failure is the exit status; the
				 * others have been printed. */
				rc = h5_err_set(e, one, "%s", e_one.msg);
		} else {
			asked++;
			if (cmd->shop.c->hooks.mask != 0)
				(void)!h5_hooks_deliver(
				    &cmd->shop, r->ask.v[i], false, &e_hook);
		}
		progress_step(&r->bar, i + 1, r->ask.n);
	}
	progress_end(&r->bar);
	if (!cmd->quiet)
		(void)fprintf(stderr, "asked WeChat about %zu orders\n", asked);
	return rc;
}

/* --- the whole ------------------------------------------------------------ */

static enum h5_code
check_merchant(
    const struct command *cmd, const struct h5_bill *b, struct h5_err *e)
{
	/* One look at each line: a bill of another merchant would report
	 * everything as missing. */
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->rows[i].mch_id[0] != '\0' &&
		    strcmp(b->rows[i].mch_id, cmd->shop.c->merchant.mch_id) !=
			0)
			return h5_err_set(e, H5_E_INPUT,
			    "bill, line %u belongs to another merchant, %.40s",
			    b->rows[i].line, b->rows[i].mch_id);
	return H5_OK;
}

/* A day without trade has no bill: that is an empty one. */
static enum h5_code
get_bill(struct reconciling *r, struct h5_bill *b, struct h5_err *e)
{
	struct h5_buf text, path;
	enum h5_code rc;

	h5_bill_empty(b);
	h5_buf_init(&text, H5_BILL_MAX);
	h5_buf_init(&path, 8192);
	if (r->kept)
		rc = command_bill_kept(r->cmd, r->x.day, "ALL", &text, e);
	else
		rc = command_bill_fetch(
		    r->cmd, r->x.day, "ALL", &text, &path, e);
	if (rc == H5_OK)
		rc = h5_bill_read(&text, b, e);
	else if (rc == H5_E_NOTFOUND && !r->kept)
		rc = H5_OK;
	else if (rc == H5_E_NOTFOUND)
		rc = h5_err_set(e, H5_E_INPUT,
		    "no bill of that day was kept: leave out --kept");
	if (rc == H5_OK)
		rc = check_merchant(r->cmd, b, e);
	if (rc == H5_OK)
		r->others =
		    h5_bill_narrow(b, r->cmd->shop.c->merchant.sub_mch_id);
	h5_buf_release(&text);
	h5_buf_release(&path);
	return rc;
}

/* The next day's, if it was fetched before: a payment of the last second may
 * stand there.  One that cannot be read is as good as none. */
static bool
get_next(struct reconciling *r, struct h5_bill *b)
{
	struct h5_buf text;
	enum h5_code rc;

	h5_bill_empty(b);
	h5_buf_init(&text, H5_BILL_MAX);
	rc = command_bill_kept(r->cmd, r->x.day + DAY_S, "ALL", &text, NULL);
	if (rc == H5_OK)
		rc = h5_bill_read(&text, b, NULL);
	if (rc == H5_OK)
		(void)h5_bill_narrow(b, r->cmd->shop.c->merchant.sub_mch_id);
	h5_buf_release(&text);
	return rc == H5_OK;
}

/* What the totals have more than the lines that could be read. */
static void
print_worth(const struct h5_bill *b)
{
	char paid[H5_TEXT_FEN], back[H5_TEXT_FEN];

	if (b->n_odd == 0)
		return;
	h5_text_from_fen(b->odd_settled, paid);
	h5_text_from_fen(b->odd_refunded, back);
	(void)fprintf(stderr,
	    "%zu lines could not be read: by the totals %s yuan paid and %s "
	    "yuan refunded\n",
	    b->n_odd, paid, back);
}

static void
print_summary(const struct reconciling *r)
{
	const struct h5_bill *b = r->x.bill;
	char date[H5_CLOCK_DAY], yuan[H5_TEXT_FEN];

	h5_clock_day(r->x.day, date);
	h5_text_from_fen(b->settled_sum, yuan);
	if (r->cmd->json)
		(void)printf("{\"date\":\"%s\",\"payments\":%zu,"
			     "\"refunds\":%zu,\"settled_fee\":%lld,"
			     "\"refund_fee\":%lld,\"elsewhere\":%llu,"
			     "\"unreadable\":%zu,"
			     "\"unreadable_settled_fee\":%lld,"
			     "\"unreadable_refund_fee\":%lld,"
			     "\"differences\":%llu,\"held\":%llu}\n",
		    date, b->n_payments, b->n_refunds,
		    (long long)b->settled_sum, (long long)b->refund_sum,
		    (unsigned long long)r->x.elsewhere, b->n_odd,
		    (long long)b->odd_settled, (long long)b->odd_refunded,
		    (unsigned long long)r->differences,
		    (unsigned long long)r->held);
	if (!r->cmd->json)
		print_worth(b);
	if (!r->cmd->json && !r->cmd->quiet)
		(void)fprintf(stderr,
		    "%s: %zu payments (%s yuan), %zu refunds, %llu not of this "
		    "shop; %llu differences, %llu held until tomorrow\n",
		    date, b->n_payments, yuan, b->n_refunds,
		    (unsigned long long)r->x.elsewhere,
		    (unsigned long long)r->differences,
		    (unsigned long long)r->held);
}

static int
reconcile(struct reconciling *r)
{
	struct h5_bill bill, next;
	struct h5_err e, e_fix;
	enum h5_code rc, fixed = H5_OK;

	h5_bill_empty(&next);
	rc = get_bill(r, &bill, &e);
	if (rc == H5_OK && get_next(r, &next))
		r->x.next = &next;
	r->x.bill = &bill;
	if (rc == H5_OK && r->fix) {
		/* A silent pass finds what to ask about; the second one shows
		 * what is left. */
		rc = pass(r, true, &e);
		if (rc == H5_OK)
			fixed = fix(r, &e_fix);
	}
	/* Also when WeChat was not reached: the list stands. */
	if (rc == H5_OK)
		rc = pass(r, false, &e);
	if (rc == H5_OK)
		print_summary(r);
	h5_bill_free(&bill);
	h5_bill_free(&next);
	r->x.bill = r->x.next = NULL;
	free(r->ask.v);
	free(r->missing.v);
	if (rc != H5_OK)
		return command_fail(r->cmd, &e);
	if (fixed != H5_OK)
		return command_fail(r->cmd, &e_fix);
	/* An order that could not be read was not compared, so "no difference"
	 * would be wrong. */
	if (r->unread != H5_OK)
		return h5_err_exit(r->unread);
	return r->differences > 0 ? EXIT_NO : EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct reconciling r = {.cmd = cmd, .back_days = BACK_DAYS};
	int status;

	(void)argc;
	r.fix = cmd->given[FIX].text != NULL;
	r.csv = cmd->given[CSV].text != NULL;
	r.kept = cmd->given[KEPT].text != NULL;
	if (cmd->given[BACK].text != NULL)
		r.back_days = cmd->given[BACK].number;
	if (r.csv && cmd->json)
		return command_usage(
		    &verb_reconcile, "--csv or --json, not both");
	status = command_day(&verb_reconcile, argv[1], &r.x.day);
	if (status != EXIT_DONE)
		return status;
	r.x.now = h5_clock_now();
	r.x.appid = cmd->shop.c->merchant.appid;
	r.x.products = cmd->shop.c->merchant.products;
	r.x.found = found;
	r.x.arg = &r;
	return reconcile(&r);
}

const struct verb verb_reconcile = {
    .name = "reconcile",
    .usage = "reconcile DATE [--fix] [--kept] [--back DAYS] [--csv|--json]",
    .operand = "DATE",
    .example = "yesterday",
    .least = 1,
    .most = 1,
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
