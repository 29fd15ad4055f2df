/* h5pay refund - give money back, under one number however often it takes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/hooks/hooks.h"
#include "common/pay/refund.h"
#include "common/base/text.h"
#include "common/wechat/wechat.h"

enum { FEE, YUAN, REASON, NUMBER, YES };

static const struct option_def options[] = {
    [FEE] = {.name = "fee",
	.kind = VALUE_FEN,
	.form = "FEN",
	.example = "1280"},
    [YUAN] = {.name = "yuan",
	.kind = VALUE_YUAN,
	.form = "YUAN",
	.example = "12.80"},
    [REASON] = {.name = "reason",
	.kind = VALUE_TEXT,
	.form = "TEXT",
	.example = "\"one cup broken\"",
	.least = 1,
	.most = H5_REFUND_REASON_MAX},
    [NUMBER] = {.name = "id",
	.kind = VALUE_TEXT,
	.form = "OUT_REFUND_NO",
	.example = "20261123-0007-r1"},
    [YES] = {.name = "yes"},
    {.name = NULL},
};

struct refunding {
	struct command *cmd;
	const char *order;
	struct h5_refund_want want;
	bool yes;
};

static int
check(const struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;

	(void)argc;
	(void)argv;
	if (given[FEE].text != NULL && given[YUAN].text != NULL)
		return command_usage(&verb_refund, "--fee or --yuan, not both");
	/* Whoever types the command sees what it will do.  A script has to say
	 * that it means it. */
	if (given[YES].text == NULL &&
	    (isatty(STDIN_FILENO) != 1 || isatty(2) != 1))
		return command_usage(&verb_refund,
		    "this moves money: without a terminal it needs --yes");
	return EXIT_DONE;
}

static bool
agreed(const struct refunding *r, const struct h5_refund_plan *plan)
{
	char yuan[H5_TEXT_FEN];

	if (r->yes)
		return true;
	h5_text_from_fen(plan->fee, yuan);
	(void)fprintf(stderr, "%s %s yuan of order %s to the payer",
	    plan->again ? "ask once more to refund" : "refund", yuan, r->order);
	/* The attempt is named only if its number is not the order's own. */
	if (strcmp(plan->out_trade_no, r->order) != 0)
		(void)fprintf(stderr, " (attempt %s)", plan->out_trade_no);
	return command_agreed();
}

/* A sentence on a terminal, else tab-separated, the amount in fen. */
static void
print_line(const struct refunding *r, const struct h5_order *o,
    const struct h5_refund *f)
{
	const char *state = h5_order_state_name(o->state);
	const char *status = h5_order_refund_word(f->state);
	char yuan[H5_TEXT_FEN];

	h5_text_from_fen(f->refund_fee, yuan);
	if (r->cmd->terminal)
		(void)printf("refund %s of %s yuan: %s (order %s is %s)\n",
		    f->out_refund_no, yuan, status, o->id, state);
	else
		(void)printf("%s\t%s\t%s\t%lld\t%s\n", o->id, state,
		    f->out_refund_no, (long long)f->refund_fee, status);
}

static int
print_result(const struct refunding *r, const struct h5_refund_plan *plan,
    const struct h5_order *o)
{
	const struct h5_refund *f = h5_order_refund(o, plan->out_refund_no);
	int status = EXIT_DONE;

	if (r->cmd->json)
		status = command_print_order(r->cmd, o);
	else if (f != NULL && !r->cmd->quiet)
		print_line(r, o, f);
	if (status == EXIT_DONE && f != NULL && f->state == H5_REFUND_CLOSED)
		status = EXIT_NO;
	return status;
}

static int
fail(const struct refunding *r, const struct h5_refund_plan *plan,
    const struct h5_err *e)
{
	int status = command_fail(r->cmd, e);

	/* The one case in which repeating is the right thing to do is spelled
	 * out. */
	if (!plan->taken && (e->code == H5_E_NET || e->code == H5_E_REMOTE))
		(void)fprintf(stderr,
		    "h5pay: it is not known yet whether WeChat accepted "
		    "refund %s; run the same command again: it uses the same "
		    "number and pays only once\n",
		    plan->out_refund_no);
	return status;
}

static int
refund(struct refunding *r)
{
	struct h5_refund_plan plan;
	struct h5_order *o = NULL;
	struct h5_err e, e_hook;
	enum h5_code rc;
	int status;

	/* Planned without a lock, to be shown; h5_refund_ask plans again. */
	rc = h5_store_load(r->cmd->shop.st, r->order, &o, &e);
	if (rc == H5_OK)
		rc = h5_refund_plan(o, &r->want, h5_clock_now(), &plan, &e);
	h5_order_free(o);
	o = NULL;
	if (rc != H5_OK)
		return command_fail(r->cmd, &e);
	if (!plan.taken && !agreed(r, &plan)) {
		(void)fputs("nothing was done\n", stderr);
		return EXIT_NO;
	}
	/* A number that WeChat has taken already: see what became of it. */
	if (plan.taken)
		rc = h5_refund_look(&r->cmd->shop, r->order, true, &o, &e);
	else
		rc = h5_refund_ask(
		    &r->cmd->shop, r->order, &r->want, &plan, &o, &e);
	status = rc == H5_OK ? print_result(r, &plan, o) : fail(r, &plan, &e);
	h5_order_free(o);
	(void)fflush(stdout);
	/* A hook that fails has its retry written down. */
	if (r->cmd->shop.c->hooks.mask != 0)
		(void)!h5_hooks_deliver(
		    &r->cmd->shop, r->order, false, &e_hook);
	return status;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;
	struct refunding r = {.cmd = cmd,
	    .want = {.fee = given[FEE].number + given[YUAN].number,
		.reason = given[REASON].text,
		.out_refund_no = given[NUMBER].text},
	    .yes = given[YES].text != NULL};
	struct h5_err e;
	int status;

	(void)argc;
	status = command_order(cmd, argv[1], &r.order);
	if (status != EXIT_DONE)
		return status;
	/* The certificate first: a refund that cannot be sent must not get a
	 * number. */
	if (h5_wechat_refund_ready(cmd->shop.c, h5_clock_now(), &e) != H5_OK ||
	    command_wechat(cmd, &e) != H5_OK)
		return command_fail(cmd, &e);
	return refund(&r);
}

const struct verb verb_refund = {
    .name = "refund",
    .usage = "refund ID [--fee FEN | --yuan YUAN] [--reason TEXT] [--id "
	     "OUT_REFUND_NO] "
	     "[--yes] [--json]",
    .operand = "ID",
    .example = "20261123-0007",
    .least = 1,
    .most = 1,
    .options = options,
    .check = check,
    .need_config = true,
    .need_store = true,
    .run = run,
};
