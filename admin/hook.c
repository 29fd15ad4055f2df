/* h5pay hook - deliveries to the shop. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/format/escape.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/hooks/hooks.h"

static const char *const headings[] = {
    "ORDER", "EVENT", "TYPE", "AT", "FAILURES", "NEXT"};
#define COLUMNS H5_LENGTH(headings)

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
		if ((g->done & hooks) == hooks)
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
		l.table = table_new(cmd, headings, COLUMNS);
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
retry(struct command *cmd, const char *id)
{
	struct h5_order *o = NULL;
	struct h5_err e;

	id = h5_escape_csv_back(id);
	if (!h5_number_is_order(id)) {
		(void)fprintf(
		    stderr, "h5pay: \"%s\" is not a possible order id\n", id);
		return h5_err_exit(H5_E_NOTFOUND);
	}
	/* Loaded first, so that an order that is not there is told apart from
	 * one that has nothing to deliver. */
	if (h5_store_load(cmd->shop.st, id, &o, &e) != H5_OK)
		return command_fail(cmd, &e);
	h5_order_free(o);
	if (cmd->shop.c->hooks.mask == 0)
		return no_hook();
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
	struct h5_err e;

	if (cmd->shop.c->hooks.mask == 0)
		return no_hook();
	if (h5_hooks_test(&cmd->shop, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (cmd->json)
		(void)puts("{\"ok\":true}");
	else if (!cmd->quiet)
		(void)puts("the shop accepted a test event");
	return EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_err e;

	/* A webhook is sent with curl, which command_wechat starts. */
	if (command_wechat(cmd, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list(cmd);
	if (argc == 3 && strcmp(argv[1], "retry") == 0)
		return retry(cmd, argv[2]);
	if (argc == 2 && strcmp(argv[1], "test") == 0)
		return test(cmd);
	return command_usage(&verb_hook, "list, retry ID or test");
}

const struct verb verb_hook = {
    .name = "hook",
    .usage = "hook list | retry ID | test [--json]",
    .summary = "deliveries to the shop: list them, retry one now, send a test",
    .help = "\n"
	    "  h5pay hook list\n"
	    "  h5pay hook retry 20261123-0007\n"
	    "  h5pay hook test\n\n"
	    "exit status: 0, 66 no such order, 69 the shop did not accept it, "
	    "75 another\n"
	    "process is delivering, 78 no hook is configured\n",
    .need_config = true,
    .need_store = true,
    .run = run,
};
