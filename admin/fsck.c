/* h5pay fsck - every order file and every index. */
#include <stdio.h>

#include "admin/command.h"
#include "common/format/json.h"

enum { REPAIR };

static const struct option_def options[] = {
    [REPAIR] = {.name = "repair"},
    {.name = NULL},
};

struct checking {
	struct command *cmd;
	struct progress bar;
	uint64_t left; /* findings that stand unrepaired */
	enum h5_code untold; /* why a finding was not printed */
};

static void
found(void *arg, const char *id, const char *what, bool repaired)
{
	struct checking *c = arg;
	struct h5_buf b;

	if (!repaired)
		c->left++;
	if (!c->cmd->json) {
		/* An order's id may be empty: some findings are about a
		 * file. */
		(void)printf(
		    "%s\t%s\t%s\n", id, what, repaired ? "repaired" : "found");
		return;
	}
	h5_buf_init(&b, 4096);
	h5_buf_puts(&b, "{\"order\":");
	h5_json_string(id, &b);
	h5_buf_puts(&b, ",\"what\":");
	h5_json_string(what, &b);
	h5_buf_printf(&b, ",\"repaired\":%s}\n", repaired ? "true" : "false");
	if (b.bad == H5_OK)
		(void)fputs(b.data, stdout);
	else
		c->untold = b.bad;
	h5_buf_release(&b);
}

static void
progress(void *arg, uint64_t done, uint64_t total)
{
	struct checking *c = arg;

	progress_step(&c->bar, done, total);
}

static void
print_summary(
    const struct command *cmd, const struct h5_store_report *r, uint64_t left)
{
	if (cmd->json)
		(void)printf("{\"orders\":%llu,\"torn\":%llu,\"broken\":%llu,"
			     "\"index\":%llu,\"left\":%llu}\n",
		    (unsigned long long)r->orders,
		    (unsigned long long)r->unfinished,
		    (unsigned long long)r->broken,
		    (unsigned long long)r->derived, (unsigned long long)left);
	else if (!cmd->quiet)
		(void)fprintf(stderr,
		    "%llu orders, %llu torn tails, %llu broken, %llu index "
		    "faults: %s\n",
		    (unsigned long long)r->orders,
		    (unsigned long long)r->unfinished,
		    (unsigned long long)r->broken,
		    (unsigned long long)r->derived,
		    left == 0 ? "good"
			      : "h5pay fsck --repair repairs what can be "
				"repaired; see docs/STORE.md");
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct checking c = {.cmd = cmd};
	struct h5_store_report r = {
	    .found = found, .progress = progress, .arg = &c};
	struct h5_err e;
	bool repair = cmd->given[REPAIR].text != NULL;
	enum h5_code rc;

	(void)argc;
	(void)argv;
	progress_start(&c.bar, cmd, "checking");
	rc = h5_store_check(cmd->shop.st, repair, &r, &e);
	progress_end(&c.bar);
	/* A finding that was not shown must not pass for a clean store. */
	if (rc == H5_OK && c.untold != H5_OK)
		rc = h5_err_set(&e, c.untold, "a finding could not be printed");
	if (rc != H5_OK)
		return command_fail(cmd, &e);
	print_summary(cmd, &r, c.left);
	/* A repaired store is a good one. */
	return c.left == 0 ? EXIT_DONE : EXIT_NO;
}

const struct verb verb_fsck = {
    .name = "fsck",
    .usage = "fsck [--repair] [--json]",
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
