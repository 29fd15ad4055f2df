/* h5pay close - close an unpaid order, at WeChat first. */
#include <stdio.h>

#include "admin/command.h"
#include "common/hooks/hooks.h"

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_order *o = NULL;
	const char *id = NULL;
	struct h5_err e, e_hook;
	enum h5_code rc;
	bool settled;
	int status;

	(void)argc;
	status = command_order(cmd, argv[1], &id);
	if (status != EXIT_DONE)
		return status;
	rc = command_wechat(cmd, &e);
	if (rc == H5_OK)
		rc = h5_pay_close(&cmd->shop, id, "operator", &o, &e);
	if (rc == H5_OK && cmd->json)
		status = command_print_order(cmd, o);
	else if (rc == H5_OK && !cmd->quiet)
		(void)printf("%s closed\n", id);
	settled = o != NULL && h5_order_settled(o);
	h5_order_free(o);
	if (rc != H5_OK)
		status = command_fail(cmd, &e);
	/* Not paid, and not closed yet either: the same command will do
	 * later. */
	if (rc == H5_E_STATE && !settled)
		status = EXIT_LATER;
	/* Printed before the hook runs, which may take long. */
	(void)fflush(stdout);
	if (cmd->shop.c->hooks.mask != 0)
		(void)!h5_hooks_deliver(&cmd->shop, id, false, &e_hook);
	return status;
}

const struct verb verb_close = {
    .name = "close",
    .usage = "close ID [--json]",
    .operand = "ID",
    .example = "20261123-0007",
    .least = 1,
    .most = 1,
    .need_config = true,
    .need_store = true,
    .run = run,
};
