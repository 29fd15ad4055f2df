/* h5pay settle - puts on record what was settled by hand: a dispute, or money
 * that went back without WeChat. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/text.h"
#include "common/hooks/hooks.h"
#include "common/pay/hand.h"

enum { REFUNDED, DISPUTED, YES };

static const struct option_def options[] = {
    [REFUNDED] = {.name = "refunded",
	.kind = VALUE_FEN,
	.form = "FEN",
	.example = "1280"},
    [DISPUTED] = {.name = "disputed-done",
	.kind = VALUE_TEXT,
	.form = "NOTE",
	.example = "\"sent back on 3 May, Li\"",
	.least = 1,
	.most = H5_HAND_NOTE_MAX},
    [YES] = {.name = "yes"},
    {.name = NULL},
};

#define BY_MAX 64

/* Root may have become the store's owner by now, so the account alone does not
 * tell who it was. */
static const char *
who(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *pw;

	if (name == NULL || name[0] == '\0')
		name = getlogin();
	if (name == NULL || name[0] == '\0') {
		pw = getpwuid(getuid());
		name = pw != NULL ? pw->pw_name : NULL;
	}
	return name != NULL && name[0] != '\0' && strlen(name) <= BY_MAX &&
		       h5_text_printable(name)
		   ? name
		   : "unknown";
}

static int
check(const struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;

	(void)argc;
	(void)argv;
	if ((given[REFUNDED].text != NULL) == (given[DISPUTED].text != NULL))
		return command_usage(&verb_settle,
		    "one of --refunded and --disputed-done is needed");
	if (given[REFUNDED].text != NULL && given[YES].text == NULL &&
	    (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1))
		return command_usage(&verb_settle,
		    "this counts as money that moved: without a terminal it "
		    "needs --yes");
	return EXIT_DONE;
}

static bool
agreed(const char *id, const struct h5_hand *hand)
{
	char yuan[H5_TEXT_FEN];

	h5_text_from_fen(hand->refunded, yuan);
	(void)fprintf(stderr,
	    "record that %s yuan of order %s, in all, went back by hand", yuan,
	    id);
	return command_agreed();
}

static int
settle(struct command *cmd, const char *id, const struct h5_hand *hand)
{
	struct h5_order *o = NULL;
	struct h5_err e, e_hook;
	int status = EXIT_DONE;

	if (h5_hand_settle(&cmd->shop, id, hand, &o, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (cmd->json)
		status = command_print_order(cmd, o);
	else if (!cmd->quiet)
		(void)printf(cmd->terminal ? "order %s is %s\n" : "%s\t%s\n",
		    id, h5_order_state_name(o->state));
	h5_order_free(o);
	(void)fflush(stdout);
	/* A hook that fails has its retry written down. */
	if (cmd->shop.c->hooks.mask != 0)
		(void)!h5_hooks_deliver(&cmd->shop, id, false, &e_hook);
	return status;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;
	struct h5_hand hand = {.by = who(),
	    .note = given[DISPUTED].text,
	    .refunded = given[REFUNDED].number};
	const char *id = NULL;
	int status;

	(void)argc;
	status = command_order(cmd, argv[1], &id);
	if (status != EXIT_DONE)
		return status;
	if (hand.note == NULL && given[YES].text == NULL &&
	    !agreed(id, &hand)) {
		(void)fputs("nothing was done\n", stderr);
		return EXIT_NO;
	}
	return settle(cmd, id, &hand);
}

const struct verb verb_settle = {
    .name = "settle",
    .usage = "settle ID (--refunded FEN [--yes] | --disputed-done NOTE) "
	     "[--json]",
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
