/* h5pay refund - give money back, under one number however often it takes. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/hooks/hooks.h"
#include "common/pay/refund.h"
#include "common/base/text.h"
#include "common/wechat/wechat.h"

enum { OPT_FEE = 256, OPT_REASON, OPT_ID, OPT_YES };

static const struct option options[] = {
    {"fee", required_argument, NULL, OPT_FEE},
    {"reason", required_argument, NULL, OPT_REASON},
    {"id", required_argument, NULL, OPT_ID},
    {"yes", no_argument, NULL, OPT_YES},
    {NULL, 0, NULL, 0},
};

struct refunding {
	struct command *cmd;
	const char *order;
	struct h5_refund_want want;
	bool yes;
};

static int
bad_data(const char *what)
{
	(void)fprintf(stderr, "h5pay: %s\n", what);
	return EXIT_DATA;
}

static int
read_options(struct refunding *r, int argc, char **argv)
{
	const char *fee = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_FEE:
			fee = optarg;
			break;
		case OPT_REASON:
			r->want.reason = optarg;
			break;
		case OPT_ID:
			r->want.out_refund_no = optarg;
			break;
		case OPT_YES:
			r->yes = true;
			break;
		default:
			return command_usage(&verb_refund, "unknown option");
		}
	}
	/* getopt has put the operand last.  Whoever types the command sees what
	 * it will do.  A script has to say that it means it. */
	if (!r->yes && (isatty(STDIN_FILENO) != 1 || isatty(2) != 1))
		return command_usage(&verb_refund,
		    "this moves money: without a terminal it needs --yes");
	/* In fen, without a point: no amount can be misread. */
	if (fee != NULL && h5_text_fen(fee, &r->want.fee, NULL) != H5_OK)
		return bad_data(
		    "--fee must be a number of fen: 1234 is 12.34 yuan");
	if (r->want.reason != NULL &&
	    (r->want.reason[0] == '\0' ||
		strlen(r->want.reason) > H5_REFUND_REASON_MAX ||
		!h5_text_printable(r->want.reason)))
		return bad_data(
		    "--reason must be 1 to 80 bytes of printable text");
	return EXIT_DONE;
}

/* Asks on the terminal.  Anything but y is no. */
static bool
agreed(const struct refunding *r, const struct h5_refund_plan *plan)
{
	char yuan[H5_TEXT_FEN], answer[16];

	if (r->yes)
		return true;
	h5_text_from_fen(plan->fee, yuan);
	(void)fprintf(stderr, "%s %s yuan of order %s to the payer",
	    plan->again ? "ask once more to refund" : "refund", yuan, r->order);
	/* The attempt is named only if its number is not the order's own. */
	if (strcmp(plan->out_trade_no, r->order) != 0)
		(void)fprintf(stderr, " (attempt %s)", plan->out_trade_no);
	(void)fputs("? [y/N] ", stderr);
	(void)fflush(stderr);
	/* End of input is no agreement. */
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0 ||
	       strcmp(answer, "yes\n") == 0;
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
	struct refunding r = {.cmd = cmd};
	struct h5_err e;
	int status;

	status = read_options(&r, argc, argv);
	/* getopt has put the operand behind the options, and command_order
	 * wants it as the second word. */
	if (status == EXIT_DONE)
		status = command_order(&verb_refund, argc - optind + 1,
		    argv + optind - 1, &r.order);
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
    .usage = "refund ID [--fee FEN] [--reason TEXT] [--id OUT_REFUND_NO] "
	     "[--yes] [--json]",
    .summary = "refund the payer, in full or in part",
    .help =
	"\n"
	"  h5pay refund 20261123-0007                  all that is left\n"
	"  h5pay refund 20261123-0007 --fee 500 --reason \"one cup broken\"\n"
	"  h5pay refund 20261123-0007 --yes            without asking\n\n"
	"      --fee FEN          how much; default: what is left\n"
	"      --reason TEXT      the payer reads it, at most 80 bytes\n"
	"      --id NUMBER        the refund's number, 1 to 64 of "
	"0-9A-Za-z_-|*@; default\n"
	"                         ID-r1, ID-r2...; one of another order is "
	"refused\n"
	"      --yes              do not ask; needed without a terminal\n\n"
	"Needs the merchant's certificate (merchant.cert_file, key_file).  "
	"The number is on\n"
	"disk before WeChat is asked, and the same command after a failure "
	"uses it again:\n"
	"the payer gets the money once.  A refund that WeChat accepts has not "
	"arrived\n"
	"yet: sweep asks until it has.  At most 50 refunds an order, within "
	"365 days, one\n"
	"minute apart.\n"
	"exit status: 0 accepted, 1 refused or not confirmed, 64 usage, 65 "
	"bad data, 66 no such\n"
	"order, 69 WeChat unreachable (repeat it), 75 try later, 78 "
	"certificate or other\n"
	"configuration\n",
    .need_config = true,
    .need_store = true,
    .run = run,
};
