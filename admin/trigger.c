/* h5pay trigger - one made-up event of a type, to the shop's own receivers. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/text.h"
#include "common/hooks/hooks.h"

static int
check(const struct command *cmd, int argc, char **argv)
{
	const char *near;
	size_t n = 0;

	(void)cmd;
	(void)argc;
	while (h5_hooks_types[n] != NULL)
		if (strcmp(h5_hooks_types[n++], argv[1]) == 0)
			return EXIT_DONE;
	near = h5_text_closest(argv[1], h5_hooks_types, n);
	return command_usage(&verb_trigger,
	    "there is no type \"%s\": order.paid, order.closed, "
	    "order.refunded or order.alert%s%s%s",
	    argv[1], near != NULL ? "; did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "");
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_err e;

	(void)argc;
	/* A webhook is sent with curl, which command_wechat starts. */
	if (command_wechat(cmd, &e) != H5_OK ||
	    h5_hooks_test(&cmd->shop, argv[1], &e) != H5_OK)
		return command_fail(cmd, &e);
	if (cmd->json)
		(void)printf("{\"type\":\"%s\",\"ok\":true}\n", argv[1]);
	else if (!cmd->quiet)
		(void)printf("the shop accepted a test %s\n", argv[1]);
	return EXIT_DONE;
}

const struct verb verb_trigger = {
    .name = "trigger",
    .usage = "trigger TYPE [--json]",
    .operand = "TYPE",
    .example = "order.paid",
    .least = 1,
    .most = 1,
    .need_config = true,
    .need_store = true,
    .check = check,
    .run = run,
};
