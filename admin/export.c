/* h5pay export - orders for a spreadsheet or another program. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/escape.h"
#include "common/order/order_json.h"

#define ORDER_MAX (16U << 20) /* bytes of one order as text */

enum { FORMAT, SINCE, UNTIL, BOM };

static const char *const formats[] = {"csv", "json", NULL};
static const struct option_def options[] = {
    [FORMAT] = {.name = "format",
	.kind = VALUE_WORD,
	.form = "FORMAT",
	.example = "csv",
	.words = formats},
    [SINCE] = {.name = "since",
	.kind = VALUE_PAST,
	.form = "TIME",
	.example = "today"},
    [UNTIL] = {.name = "until",
	.kind = VALUE_PAST,
	.form = "TIME",
	.example = "yesterday"},
    [BOM] = {.name = "bom"},
    {.name = NULL},
};

static const char heading[] =
    "order,state,alerts,total_fee,yuan,refunded_fee,body,attach,item,qty,"
    "created_at,expires_at,paid_at,paid_via,transaction_id,out_trade_no,"
    "closed_at,attempts";

struct exporting {
	struct command *cmd;
	bool csv, bom;
	enum h5_code unread;
	int64_t since, until;
	struct progress bar;
	struct h5_buf line;
};

/* --- CSV ------------------------------------------------------------------ */

static void
put_text(struct h5_buf *b, const char *s)
{
	h5_buf_putc(b, ',');
	if (s != NULL)
		h5_escape_csv(b, s);
}

static void
put_number(struct h5_buf *b, int64_t n)
{
	h5_buf_printf(b, ",%lld", (long long)n);
}

static void
put_time(struct h5_buf *b, int64_t t)
{
	char at[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(t, at);
	put_text(b, t == 0 ? "" : at);
}

static void
put_alerts(struct h5_buf *b, const struct h5_order *o)
{
	const char *between = "";
	size_t i;

	h5_buf_putc(b, ',');
	for (i = 0; i < H5_ALERTS; i++)
		if ((h5_order_alerts_open(o) & 1U << i) != 0) {
			h5_buf_puts(b, between);
			h5_buf_puts(b, h5_order_alert_name(
					   (enum h5_order_alert)(1U << i)));
			between = " ";
		}
}

/* The number under which it was paid; else the last one. */
static const char *
number_of(const struct h5_order *o)
{
	const struct h5_attempt *a = h5_order_paid_attempt(o);

	return a != NULL ? a->out_trade_no : h5_order_current(o)->out_trade_no;
}

static void
put_csv(struct h5_buf *b, const struct h5_order *o, bool products)
{
	char yuan[H5_TEXT_FEN];

	h5_text_from_fen(o->total_fee, yuan);
	h5_escape_csv(b, o->id);
	put_text(b, h5_order_state_name(o->state));
	put_alerts(b, o);
	put_number(b, o->total_fee);
	put_text(b, yuan);
	put_number(b, h5_order_refunded(o));
	put_text(b, o->body);
	put_text(b, o->attach);
	put_text(b, o->item);
	put_number(b, o->qty);
	put_time(b, o->created_at);
	put_time(b, o->expires_at);
	put_time(b, o->paid_at);
	put_text(b, o->paid_via);
	put_text(b, o->transaction_id);
	put_text(b, number_of(o));
	put_time(b, o->closed_at);
	put_number(b, (int64_t)o->n_attempts);
	if (products)
		put_text(b, h5_order_product_word(h5_order_product(o)));
	h5_buf_puts(b, "\r\n");
}

/* --- the walk ------------------------------------------------------------- */

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct exporting *x = arg;
	enum h5_code rc = H5_OK;
	struct h5_err e;

	if (o == NULL) {
		command_unread(id, e_o, &x->unread);
		return H5_OK;
	}
	h5_buf_clear(&x->line);
	if (x->csv) {
		put_csv(&x->line, o, command_products(x->cmd));
	} else {
		rc = h5_order_json(o, &x->line, &e);
		h5_buf_putc(&x->line, '\n');
	}
	if (rc == H5_OK)
		rc = h5_buf_finish(&x->line, &e);
	if (rc != H5_OK) {
		/* Each order is printed at once, so that a program that reads
		 * along sees them. */
		command_unread(id, &e, &x->unread);
		return rc;
	}
	(void)fwrite(x->line.data, 1, x->line.len, stdout);
	/* How many there are is not known; how far in time we are is. */
	if (x->since > 0 && x->until > x->since)
		progress_step(&x->bar, (uint64_t)(o->created_at - x->since),
		    (uint64_t)(x->until - x->since));
	return ferror(stdout) ? H5_E_IO : H5_OK;
}

static int
read_options(struct exporting *x)
{
	const struct given *given = x->cmd->given;
	/* --json alone chooses the format, like everywhere else. */
	const char *format = given[FORMAT].text != NULL ? given[FORMAT].text
			     : x->cmd->json		? "json"
							: NULL;

	x->bom = given[BOM].text != NULL;
	x->since = given[SINCE].number;
	x->until = given[UNTIL].number;
	if (format == NULL)
		return command_usage(
		    &verb_export, "--format csv or --format json is needed");
	x->csv = strcmp(format, "csv") == 0;
	if (x->bom && !x->csv)
		return command_usage(
		    &verb_export, "--bom works only with --format csv");
	return EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct exporting x = {.cmd = cmd};
	struct h5_err e;
	enum h5_code rc;
	int status;

	(void)argc;
	(void)argv;
	status = read_options(&x);
	if (status != EXIT_DONE)
		return status;
	h5_buf_init(&x.line, ORDER_MAX);
	if (x.csv)
		(void)printf("%s%s%s\r\n", x.bom ? "\xef\xbb\xbf" : "", heading,
		    command_products(cmd) ? ",product" : "");
	/* Up to now: orders that are created while it runs are left for the
	 * next. */
	if (x.until == 0)
		x.until = h5_clock_now() + 1;
	h5_err_clear(&e);
	progress_start(&x.bar, cmd, "exporting");
	rc = h5_store_each(cmd->shop.st, x.since, x.until, visit, &x, &e);
	progress_end(&x.bar);
	h5_buf_release(&x.line);
	if (x.unread != H5_OK)
		return h5_err_exit(x.unread);
	/* What stdout did not take is told when the command ends. */
	if (rc != H5_OK && !ferror(stdout))
		return command_fail(cmd, &e);
	return h5_err_exit(rc);
}

const struct verb verb_export = {
    .name = "export",
    .usage = "export --format csv|json [--since TIME] [--until TIME] [--bom]",
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
