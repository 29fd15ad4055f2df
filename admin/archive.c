/* h5pay archive - puts orders at rest away, brings them back, and takes what
 * tells of the buyer out of old ones. */
#include <stdio.h>

#include "admin/command.h"

enum { BEFORE, FORGET, RESTORE };

static const struct option_def options[] = {
    [BEFORE] = {.name = "before",
	.kind = VALUE_PAST,
	.form = "DATE",
	.example = "2026-01-01"},
    [FORGET] = {.name = "forget",
	.kind = VALUE_PAST,
	.form = "AGE",
	.example = "365d"},
    [RESTORE] = {.name = "restore"},
    {.name = NULL},
};

static int
check(const struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;

	(void)argc;
	(void)argv;
	if ((given[BEFORE].text == NULL) == (given[FORGET].text == NULL))
		return command_usage(
		    &verb_archive, "--before DATE is needed, or --forget AGE");
	if (given[RESTORE].text != NULL && given[BEFORE].text == NULL)
		return command_usage(&verb_archive,
		    "--restore needs --before; what was forgotten is gone");
	return EXIT_DONE;
}

static void
progress(void *arg, uint64_t done, uint64_t total)
{
	progress_step(arg, done, total);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_store_moved m = {.progress = progress};
	bool forget = cmd->given[FORGET].text != NULL;
	bool restore = cmd->given[RESTORE].text != NULL;
	int64_t before = cmd->given[forget ? FORGET : BEFORE].number;
	const char *word = forget    ? "forgotten"
			   : restore ? "restored"
				     : "archived";
	struct progress bar;
	struct h5_err e;
	enum h5_code rc;

	(void)argc;
	(void)argv;
	m.arg = &bar;
	progress_start(&bar, cmd, word);
	if (forget)
		rc = h5_store_forget(cmd->shop.st, before, &m, &e);
	else if (restore)
		rc = h5_store_restore(cmd->shop.st, before, &m, &e);
	else
		rc = h5_store_archive(cmd->shop.st, before, &m, &e);
	progress_end(&bar);
	if (rc != H5_OK)
		return command_fail(cmd, &e);
	(void)printf(cmd->json ? "{\"%s\":%llu,\"kept\":%llu}\n"
			       : "%s\t%llu\nkept\t%llu\n",
	    word, (unsigned long long)m.moved, (unsigned long long)m.kept);
	return EXIT_DONE;
}

const struct verb verb_archive = {
    .name = "archive",
    .usage = "archive (--before DATE [--restore] | --forget AGE) [--json]",
    .options = options,
    .check = check,
    .need_config = true,
    .need_store = true,
    .run = run,
};
