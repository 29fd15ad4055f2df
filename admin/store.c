/* h5pay store - makes a store in a database, and moves a shop from one store
 * to another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"

enum { FROM, TO, SINCE, PRINT, ACCEPT, YES };

static const struct option_def options[] = {
    [FROM] = {.name = "from",
	.kind = VALUE_TEXT,
	.form = "WHERE",
	.example = "files:/var/lib/h5pay",
	.least = 1,
	.most = 1024},
    [TO] = {.name = "to",
	.kind = VALUE_TEXT,
	.form = "WHERE",
	.example = "\"postgresql:host=db1,db2 dbname=h5pay user=h5pay\"",
	.least = 1,
	.most = 1024},
    [SINCE] = {.name = "since",
	.kind = VALUE_PAST,
	.form = "DATE",
	.example = "2026-11-01"},
    [PRINT] = {.name = "print"},
    [ACCEPT] = {.name = "accept"},
    [YES] = {.name = "yes"},
    {.name = NULL},
};

static const char *const words[] = {"init", "copy", "compare", "seal"};
enum what { INIT, COPY, COMPARE, SEAL };

static bool
what_of(const char *word, enum what *what)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(words); i++)
		if (strcmp(words[i], word) == 0) {
			*what = (enum what)i;
			return true;
		}
	return false;
}

static int
check(const struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;
	enum what what = INIT;

	if (argc != 2 || !what_of(argv[1], &what))
		return command_usage(
		    &verb_store, "init, copy, compare or seal is needed");
	if ((what == COPY || what == COMPARE) && given[TO].text == NULL)
		return command_usage(&verb_store,
		    "--to is needed: files:FOLDER or postgresql:KEYWORDS");
	if ((what == INIT || what == SEAL) &&
	    (given[FROM].text != NULL || given[SINCE].text != NULL))
		return command_usage(
		    &verb_store, "%s takes the configured store", words[what]);
	if (what == SEAL && given[YES].text == NULL)
		return command_usage(&verb_store,
		    "nothing can be written to a sealed store any more, and "
		    "that cannot be taken back: say --yes");
	return EXIT_DONE;
}

/* --- where ---------------------------------------------------------------- */

/* What --from or --to says, on top of what is configured; text NULL: just
 * that. */
static enum h5_code
where(const struct command *cmd, const char *text, struct h5_store_where *out,
    struct h5_err *e)
{
	static const char files[] = "files", postgresql[] = "postgresql";
	const char *rest = text != NULL ? strchr(text, ':') : NULL;

	*out = cmd->config->store;
	out->log = &cmd->log;
	if (text == NULL)
		return H5_OK;
	if (rest != NULL && strncmp(text, "files:", 6) == 0 && rest[1] == '/') {
		out->engine = (char *)(uintptr_t)files;
		out->dir = (char *)(uintptr_t)(rest + 1);
		return H5_OK;
	}
	if (rest != NULL && strncmp(text, "postgresql:", 11) == 0) {
		out->engine = (char *)(uintptr_t)postgresql;
		out->database = (char *)(uintptr_t)(rest + 1);
		return H5_OK;
	}
	return h5_err_set(e, H5_E_CONFIG,
	    "\"%.100s\" is no store: files:/FOLDER or postgresql:KEYWORDS",
	    text);
}

static enum h5_code
open_where(const struct command *cmd, const char *text,
    struct h5_store_where *w, struct h5_store **out, struct h5_err *e)
{
	enum h5_code rc;

	*out = NULL;
	rc = where(cmd, text, w, e);
	return rc == H5_OK
		   ? h5_store_open_moved(w, cmd->config->hooks.mask, out, e)
		   : rc;
}

/* --- init ----------------------------------------------------------------- */

static int
run_init(struct command *cmd)
{
	bool print = cmd->given[PRINT].text != NULL;
	struct h5_store_where w;
	struct h5_buf sql;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&sql, 65536);
	rc = where(cmd, cmd->given[TO].text, &w, &e);
	if (rc == H5_OK)
		rc = h5_store_init(&w, cmd->given[ACCEPT].text != NULL,
		    print ? &sql : NULL, &e);
	if (rc == H5_OK && print)
		(void)fputs(sql.data, stdout);
	else if (rc == H5_OK)
		(void)puts(
		    cmd->json ? "{\"store\":\"ready\"}" : "the store is ready");
	h5_buf_release(&sql);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

/* --- copy, compare -------------------------------------------------------- */

static void
found(void *arg, const char *id, const char *what)
{
	const struct command *cmd = arg;

	(void)cmd;
	command_complain(id, what);
}

static int
run_two(struct command *cmd, enum what what)
{
	struct h5_store_copy c = {.found = found, .arg = cmd};
	struct h5_store *from = NULL, *to = NULL;
	struct h5_store_where wf, wt;
	struct h5_err e;
	enum h5_code rc;

	c.since = cmd->given[SINCE].number;
	rc = open_where(cmd, cmd->given[FROM].text, &wf, &from, &e);
	if (rc == H5_OK)
		rc = open_where(cmd, cmd->given[TO].text, &wt, &to, &e);
	if (rc == H5_OK)
		rc = what == COPY ? h5_store_copy(from, to, &c, &e)
				  : h5_store_compare(from, to, &c, &e);
	h5_store_close(to);
	h5_store_close(from);
	if (rc != H5_OK)
		return command_fail(cmd, &e);
	if (what == COPY)
		(void)printf(cmd->json
				 ? "{\"orders\":%llu,\"copied\":%llu,"
				   "\"differ\":%llu}\n"
				 : "orders\t%llu\ncopied\t%llu\ndiffer\t%llu\n",
		    (unsigned long long)c.orders, (unsigned long long)c.copied,
		    (unsigned long long)c.differ);
	else
		(void)printf(cmd->json ? "{\"orders\":%llu,\"differ\":%llu}\n"
				       : "orders\t%llu\ndiffer\t%llu\n",
		    (unsigned long long)c.orders, (unsigned long long)c.differ);
	return c.differ > 0 ? EXIT_NO : EXIT_DONE;
}

/* --- seal ----------------------------------------------------------------- */

static int
run_seal(struct command *cmd)
{
	const char *to = cmd->given[TO].text;
	struct h5_store_where w;
	struct h5_store *st;
	struct h5_err e;
	enum h5_code rc;

	rc = open_where(cmd, NULL, &w, &st, &e);
	if (rc == H5_OK)
		rc = h5_store_seal(st, to != NULL ? to : "another store", &e);
	h5_store_close(st);
	if (rc != H5_OK)
		return command_fail(cmd, &e);
	/* What was under way has ended by then. */
	h5_clock_pause_ms(w.budget_ms);
	(void)puts(cmd->json ? "{\"store\":\"sealed\"}"
			     : "the store is sealed: copy once more, compare, "
			       "then change store.engine");
	return EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	enum what what = INIT;
	struct h5_err e;

	(void)argc;
	(void)what_of(argv[1], &what);
	/* Whatever is written here is to belong to the store's owner. */
	if (command_own_store(cmd->config->path, &e) != H5_OK)
		return command_fail(cmd, &e);
	switch (what) {
	case INIT:
		return run_init(cmd);
	case SEAL:
		return run_seal(cmd);
	case COPY:
	case COMPARE:
		break;
	}
	return run_two(cmd, what);
}

const struct verb verb_store = {
    .name = "store",
    .usage = "store (init [--print] [--accept] | copy | compare | seal --yes) "
	     "[--from W] [--to W] [--since DATE] [--json]",
    .options = options,
    .operand = "init, copy, compare or seal",
    .example = "init",
    .least = 1,
    .most = 1,
    .check = check,
    .need_config = true,
    .run = run,
};
