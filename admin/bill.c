/* h5pay bill - WeChat's bill of a day, kept as it came. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/system/file.h"
#include "common/format/gzip.h"
#include "common/format/json.h"
#include "common/wechat/wechat.h"
#include "common/system/state.h"

enum { TYPE };

static const char *const types[] = {"ALL", "SUCCESS", "REFUND", NULL};
static const struct option_def options[] = {
    [TYPE] = {.name = "type",
	.kind = VALUE_WORD,
	.form = "TYPE",
	.example = "ALL",
	.words = types},
    {.name = NULL},
};

/* --- where bills are kept ------------------------------------------------- */

/* "2026-11-22.ALL.csv.gz", below H5_STATE_BILLS. */
static void
put_name(int64_t day, const char *type, bool packed, struct h5_buf *name)
{
	char date[H5_CLOCK_DAY];

	h5_clock_day(day, date);
	h5_buf_printf(name, "%s.%s.csv%s", date, type, packed ? ".gz" : "");
}

static enum h5_code
open_bills(const struct command *cmd, bool make, int *fd, struct h5_err *e)
{
	int dir = -1;
	enum h5_code rc;

	*fd = -1;
	rc =
	    h5_file_folder(AT_FDCWD, h5_config_state_dir(cmd->shop.c), &dir, e);
	if (rc == H5_OK && make)
		rc = h5_file_mkdir(dir, H5_STATE_BILLS, e);
	if (rc == H5_OK)
		rc = h5_file_folder_mend(
		    dir, H5_STATE_BILLS, H5_STATE_BILLS, &cmd->log, fd, e);
	h5_file_drop(&dir);
	return rc;
}

static enum h5_code
keep(const struct command *cmd, int64_t day, const char *type,
    const struct h5_buf *raw, struct h5_buf *path, struct h5_err *e)
{
	struct h5_buf name;
	enum h5_code rc;
	int fd = -1;

	h5_buf_init(&name, 64);
	put_name(day, type, h5_gzip_is(raw->data, raw->len), &name);
	rc = open_bills(cmd, true, &fd, e);
	if (rc == H5_OK)
		/* Replaced: a bill that is asked for again may have been
		 * incomplete. */
		rc = h5_file_replace(
		    fd, name.data, raw->data, raw->len, 0600, e);
	h5_file_drop(&fd);
	h5_buf_printf(path, "%s/" H5_STATE_BILLS "/%s",
	    h5_config_state_dir(cmd->shop.c), name.data);
	if (rc == H5_OK)
		rc = h5_buf_finish(path, e);
	h5_buf_release(&name);
	return rc;
}

enum h5_code
command_bill_kept(struct command *cmd, int64_t day, const char *type,
    struct h5_buf *text, struct h5_err *e)
{
	struct h5_buf name, raw;
	enum h5_code rc;
	int fd = -1, i;

	h5_buf_init(&name, 64);
	h5_buf_init(&raw, H5_WECHAT_BILL_RAW);
	rc = open_bills(cmd, false, &fd, e);
	/* A bill is kept just as it came, which is packed as a rule; so the
	 * packed name is tried first. */
	for (i = 1; rc == H5_OK && i >= 0; i--) {
		h5_buf_clear(&name);
		put_name(day, type, i == 1, &name);
		rc = h5_file_read(fd, name.data, &raw, e);
		if (rc != H5_E_NOTFOUND)
			break;
		if (i == 1)
			rc = H5_OK;
	}
	if (rc == H5_OK && h5_gzip_is(raw.data, raw.len))
		rc = h5_gzip_unpack(raw.data, raw.len, text, e);
	else if (rc == H5_OK)
		h5_buf_add(text, raw.data, raw.len);
	h5_file_drop(&fd);
	h5_buf_release(&name);
	h5_buf_release(&raw);
	return rc;
}

enum h5_code
command_bill_fetch(struct command *cmd, int64_t day, const char *type,
    struct h5_buf *text, struct h5_buf *path, struct h5_err *e)
{
	struct h5_buf raw;
	enum h5_code rc;

	h5_buf_init(&raw, H5_WECHAT_BILL_RAW);
	/* curl is started, and keys are read, by the verbs that need them. */
	rc = command_wechat(cmd, e);
	if (rc == H5_OK)
		rc = h5_wechat_bill(
		    cmd->shop.c, cmd->shop.log, day, type, &raw, text, e);
	if (rc == H5_OK)
		rc = keep(cmd, day, type, &raw, path, e);
	h5_buf_release(&raw);
	return rc;
}

/* --- the verb ------------------------------------------------------------- */

static void
print_path(const struct command *cmd, const struct h5_buf *path,
    const struct h5_bill *b, int64_t day, const char *type)
{
	char date[H5_CLOCK_DAY];
	struct h5_buf out;

	if (!cmd->json) {
		(void)puts(path->data);
		return;
	}
	h5_clock_day(day, date);
	h5_buf_init(&out, 16384);
	h5_buf_printf(
	    &out, "{\"date\":\"%s\",\"type\":\"%s\",\"path\":", date, type);
	h5_json_string(path->data, &out);
	h5_buf_printf(&out,
	    ",\"payments\":%zu,\"refunds\":%zu,\"settled_fee\":%lld,"
	    "\"refund_fee\":%lld}\n",
	    b->n_payments, b->n_refunds, (long long)b->settled_sum,
	    (long long)b->refund_sum);
	(void)fputs(out.data, stdout);
	h5_buf_release(&out);
}

static int
fetch(struct command *cmd, int64_t day, const char *type)
{
	struct h5_buf text, path;
	struct h5_bill b;
	struct h5_err e;
	enum h5_code rc;

	h5_bill_empty(&b);
	h5_buf_init(&text, H5_BILL_MAX);
	h5_buf_init(&path, 8192);
	rc = command_bill_fetch(cmd, day, type, &text, &path, &e);
	/* It is kept either way; whether it is whole is said now, not when
	 * it is needed. */
	if (rc == H5_OK)
		rc = h5_bill_read(&text, &b, &e);
	if (rc == H5_OK)
		print_path(cmd, &path, &b, day, type);
	h5_bill_free(&b);
	h5_buf_release(&text);
	h5_buf_release(&path);
	if (rc == H5_OK)
		return EXIT_DONE;
	(void)command_fail(cmd, &e);
	/* No trade that day is an answer, and has a status of its own. */
	return rc == H5_E_NOTFOUND ? EXIT_NO : h5_err_exit(rc);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	const char *type = cmd->given[TYPE].text;
	int64_t day;
	int status;

	(void)argc;
	status = command_day(&verb_bill, argv[1], &day);
	return status == EXIT_DONE
		   ? fetch(cmd, day, type != NULL ? type : "ALL")
		   : status;
}

const struct verb verb_bill = {
    .name = "bill",
    .usage = "bill DATE [--type ALL|SUCCESS|REFUND] [--json]",
    .operand = "DATE",
    .example = "yesterday",
    .least = 1,
    .most = 1,
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
