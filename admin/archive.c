/* h5pay archive - puts orders at rest away, brings them back, and takes what
 * tells of the buyer out of old ones. */
#include <getopt.h>
#include <stdio.h>

#include "admin/command.h"
#include "common/base/clock.h"

enum { OPT_BEFORE = 256, OPT_FORGET, OPT_RESTORE };

static const struct option options[] = {
    {"before", required_argument, NULL, OPT_BEFORE},
    {"forget", required_argument, NULL, OPT_FORGET},
    {"restore", no_argument, NULL, OPT_RESTORE},
    {NULL, 0, NULL, 0},
};

struct asked {
	const char *before, *forget;
	bool restore;
};

static int
parse(int argc, char **argv, struct asked *a)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_BEFORE)
			a->before = optarg;
		else if (opt == OPT_FORGET)
			a->forget = optarg;
		else if (opt == OPT_RESTORE)
			a->restore = true;
		else
			return command_usage(&verb_archive, "unknown option");
	}
	if (optind < argc)
		return command_usage(
		    &verb_archive, "unexpected \"%s\"", argv[optind]);
	if ((a->before == NULL) == (a->forget == NULL))
		return command_usage(
		    &verb_archive, "--before DATE is needed, or --forget AGE");
	if (a->restore && a->before == NULL)
		return command_usage(&verb_archive,
		    "--restore needs --before; what was forgotten is gone");
	return EXIT_DONE;
}

static void
progress(void *arg, uint64_t done, uint64_t total)
{
	progress_step(arg, done, total);
}

static const char *
word_of(const struct asked *a)
{
	return a->forget != NULL ? "forgotten"
	       : a->restore	 ? "restored"
				 : "archived";
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct asked a = {NULL, NULL, false};
	struct h5_store_moved m = {.progress = progress};
	struct progress bar;
	struct h5_err e;
	enum h5_code rc;
	int64_t before;
	int status;

	status = parse(argc, argv, &a);
	if (status != EXIT_DONE)
		return status;
	rc = command_time(a.before != NULL ? a.before : a.forget,
	    h5_clock_now(), &before, &e);
	if (rc != H5_OK)
		return command_usage(&verb_archive, "%s", e.msg);
	m.arg = &bar;
	progress_start(&bar, cmd, word_of(&a));
	if (a.forget != NULL)
		rc = h5_store_forget(cmd->shop.st, before, &m, &e);
	else if (a.restore)
		rc = h5_store_restore(cmd->shop.st, before, &m, &e);
	else
		rc = h5_store_archive(cmd->shop.st, before, &m, &e);
	progress_end(&bar);
	if (rc != H5_OK)
		return command_fail(cmd, &e);
	(void)printf(cmd->json ? "{\"%s\":%llu,\"kept\":%llu}\n"
			       : "%s\t%llu\nkept\t%llu\n",
	    word_of(&a), (unsigned long long)m.moved,
	    (unsigned long long)m.kept);
	return EXIT_DONE;
}

const struct verb verb_archive = {
    .name = "archive",
    .usage = "archive (--before DATE [--restore] | --forget AGE) [--json]",
    .summary = "put orders at rest away, one compressed file a month, and back",
    .help = "\n"
	    "  h5pay archive --before 2026-01-01\n"
	    "  h5pay archive --before 2026-01-01 --restore\n"
	    "  h5pay archive --forget 365d\n\n"
	    "--before puts away the orders that were created before that day, "
	    "if nothing is\n"
	    "expected of them: settled, told to the shop, no refund under way, "
	    "no alert.  They\n"
	    "stay orders: show, list, links and notices find them, their ids "
	    "stay taken, and\n"
	    "a refund brings the order back by itself.\n"
	    "--restore brings all of them back.\n"
	    "--forget takes openid, attach and the buyer's addresses out of "
	    "such orders, put\n"
	    "away or not, to which nothing happened for that long.  It cannot "
	    "be undone.\n"
	    "kept: orders of that time that are not at rest.\n"
	    "exit status: 0 done, 65 an archive is damaged, 74 store, 75 "
	    "another one runs\n",
    .need_config = true,
    .need_store = true,
    .run = run,
};
