/* h5pay hook - deliveries to the shop. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/hooks/hooks.h"

static const struct column columns[] = {
    {.heading = "ORDER"},
    {.heading = "EVENT", .spare = 3},
    {.heading = "TYPE"},
    {.heading = "AT", .spare = 2},
    {.heading = "FAILURES", .spare = 1, .right = true},
    {.heading = "NEXT"},
};
#define COLUMNS H5_LENGTH(columns)

struct listing {
	struct command *cmd;
	struct table *table;
	enum h5_code unread;
};

static void
print_json(const struct h5_order *o, const struct h5_outgoing *g)
{
	char at[H5_CLOCK_RFC3339], next[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(g->at, at);
	/* An event that was never tried is due since it happened. */
	h5_clock_rfc3339(g->retry_at > 0 ? g->retry_at : g->at, next);
	(void)printf("{\"order\":\"%s\",\"id\":\"%s\",\"type\":\"%s\","
		     "\"at\":\"%s\",\"failures\":%u,\"next\":\"%s\"}\n",
	    o->id, g->id, g->type, at, g->failures, next);
}

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct listing *l = arg;
	unsigned hooks = l->cmd->shop.c->hooks.mask;
	char at[H5_CLOCK_PLAIN], next[H5_CLOCK_PLAIN];
	const struct h5_outgoing *g;
	size_t i;

	if (o == NULL) {
		command_unread(id, e_o, &l->unread);
		return H5_OK;
	}
	for (i = 0; i < o->n_outgoing; i++) {
		g = &o->outgoing[i];
		if (!h5_order_owed(o, g, hooks))
			continue;
		if (l->cmd->json) {
			print_json(o, g);
			continue;
		}
		h5_clock_plain(g->at, at);
		h5_clock_plain(g->retry_at, next);
		table_cell(l->table, o->id);
		table_cell(l->table, g->id);
		table_cell(l->table, g->type);
		table_cell(l->table, at);
		table_cell(l->table, H5_LOG_NUM(g->failures));
		table_cell(l->table, g->retry_at > 0 ? next : "now");
	}
	return H5_OK;
}

/* Without a hook nobody can take what is to be delivered. */
static int
no_hook(void)
{
	(void)fputs("h5pay: no hook is configured: set hooks.exec or "
		    "hooks.webhook_url\n",
	    stderr);
	return h5_err_exit(H5_E_CONFIG);
}

static int
list(struct command *cmd)
{
	struct listing l = {cmd, NULL, H5_OK};
	struct h5_err e;
	enum h5_code rc;

	if (!cmd->json) {
		l.table = table_new(cmd, columns, COLUMNS);
		if (l.table == NULL) {
			(void)h5_err_nomem(&e);
			return command_fail(cmd, &e);
		}
	}
	rc = h5_store_each_open(cmd->shop.st, visit, &l, &e);
	if (l.table != NULL && !table_end(l.table) && rc == H5_OK)
		rc = h5_err_nomem(&e);
	if (rc != H5_OK)
		return command_fail(cmd, &e);
	return h5_err_exit(l.unread);
}

static int
retry(struct command *cmd, const char *text)
{
	const char *id = NULL;
	struct h5_err e;
	int status;

	status = command_order(cmd, text, &id);
	if (status != EXIT_DONE)
		return status;
	if (cmd->shop.c->hooks.mask == 0)
		return no_hook();
	/* This is the operator's word that the shop may be told. */
	if (h5_pay_release(&cmd->shop, id, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (h5_hooks_deliver(&cmd->shop, id, true, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (cmd->json)
		(void)printf("{\"order\":\"%s\",\"delivered\":true}\n", id);
	else if (!cmd->quiet)
		(void)printf("%s delivered\n", id);
	return EXIT_DONE;
}

static int
test(struct command *cmd)
{
	enum h5_code rc, worst = H5_OK;
	struct h5_err e;
	size_t i;

	if (cmd->shop.c->hooks.mask == 0)
		return no_hook();
	/* All of them, so that one look shows what the shop cannot take. */
	for (i = 0; h5_hooks_types[i] != NULL; i++) {
		rc = h5_hooks_test(&cmd->shop, h5_hooks_types[i], &e);
		if (rc == H5_OK)
			continue;
		(void)command_fail(cmd, &e);
		worst = rc;
	}
	if (worst != H5_OK)
		return h5_err_exit(worst);
	if (cmd->json)
		(void)puts("{\"ok\":true}");
	else if (!cmd->quiet)
		(void)puts("the shop accepted a test event of each type");
	return EXIT_DONE;
}

static int
check(const struct command *cmd, int argc, char **argv)
{
	static const char *const words[] = {"list", "retry", "test"};
	bool is_retry = strcmp(argv[1], "retry") == 0;
	const char *near;

	(void)cmd;
	if (is_retry && argc == 2)
		return command_usage(&verb_hook,
		    "retry needs an order, such as h5pay hook retry "
		    "20261123-0007");
	if (is_retry || (argc == 2 && (strcmp(argv[1], "list") == 0 ||
					  strcmp(argv[1], "test") == 0)))
		return EXIT_DONE;
	near = argc == 2 ? h5_text_closest(argv[1], words, H5_LENGTH(words))
			 : NULL;
	return command_usage(&verb_hook,
	    "\"%s\" is not expected: list, retry ID or test%s%s%s",
	    argv[argc - 1], near != NULL ? "; did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "");
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_err e;

	(void)argc;
	/* A webhook is sent with curl, which command_wechat starts. */
	if (command_wechat(cmd, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (strcmp(argv[1], "list") == 0)
		return list(cmd);
	return argv[1][0] == 'r' ? retry(cmd, argv[2]) : test(cmd);
}

const struct verb verb_hook = {
    .name = "hook",
    .usage = "hook list | retry ID | test [--json]",
    .operand = "list, retry ID or test",
    .example = "list",
    .least = 1,
    .most = 2,
    .check = check,
    .need_config = true,
    .need_store = true,
    .run = run,
};
