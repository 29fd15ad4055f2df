/* h5pay query - ask WeChat about one order now. */
#include <stdio.h>

#include "admin/command.h"
#include "common/hooks/hooks.h"
#include "common/pay/refund.h"

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_order *o = NULL, *after = NULL;
	const char *id = NULL;
	struct h5_err e, e_hook;
	bool asked;
	enum h5_code rc;
	int status;

	(void)argc;
	status = command_order(cmd, argv[1], &id);
	if (status != EXIT_DONE)
		return status;
	rc = command_wechat(cmd, &e);
	if (rc == H5_OK)
		/* The operator asks now, so the interval does not count. */
		rc = h5_pay_ask(&cmd->shop, id, true, &asked, &o, &e);
	if (rc == H5_OK && h5_order_settled(o)) {
		rc = h5_refund_look(&cmd->shop, id, true, &after, &e);
		if (after != NULL) {
			h5_order_free(o);
			o = after;
		}
	}
	if (rc != H5_OK) {
		h5_order_free(o);
		return command_fail(cmd, &e);
	}
	status = command_print_order(cmd, o);
	/* "Not paid" is the answer no. */
	if (status == EXIT_DONE && o->paid_at == 0)
		status = EXIT_NO;
	h5_order_free(o);
	(void)fflush(stdout);
	/* What was learned may be news for the shop.  A hook that fails has its
	 * retry written down, and is not this verb's answer. */
	if (cmd->shop.c->hooks.mask != 0)
		(void)!h5_hooks_deliver(&cmd->shop, id, false, &e_hook);
	return status;
}

const struct verb verb_query = {
    .name = "query",
    .usage = "query ID [--json]",
    .operand = "ID",
    .example = "20261123-0007",
    .least = 1,
    .most = 1,
    .need_config = true,
    .need_store = true,
    .run = run,
};
