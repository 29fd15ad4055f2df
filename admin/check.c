/* h5pay check - the configuration, the catalogue and the templates; and what
 * this version would change in the store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/config/previous.h"
#include "common/format/json.h"
#include "common/order/since.h"
#include "common/store/store.h"
#include "common/web/load.h"

enum { AS };

static const struct option_def options[] = {
    [AS] = {.name = "as",
	.kind = VALUE_TEXT,
	.form = "ACCOUNT",
	.example = "www-data",
	.least = 1,
	.most = 64},
    {.name = NULL},
};

/* *format: the store's, 0 where there is none yet. */
static enum h5_code
check_store(const struct h5_config *c, struct h5_buf *faults, unsigned *format)
{
	struct h5_err e;
	enum h5_code rc = h5_store_format(&c->store, format, &e);

	/* A store that is missing or cannot be looked at is no fault of the
	 * configuration. */
	if (rc != H5_E_CONFIG)
		return H5_OK;
	h5_buf_printf(faults, "%s\n", e.msg);
	return rc;
}

static void
print_change(const struct h5_config *c, unsigned format)
{
	if (format != 0 && format < h5_since_newest())
		(void)printf("store %s: its format is %u; this version makes "
			     "it %u with the first write that needs it, and "
			     "older versions then refuse it: docs/UPGRADE.md\n",
		    c->store.dir, format, h5_since_newest());
}

/* Buyers behind one address cannot be told apart. */
static void
print_limits(const struct h5_config *c)
{
	if (c->limits.starts_per_minute > 0 &&
	    (c->gateway.loopback || c->site.n_trusted_proxies > 0))
		(void)printf("limits: limits.starts_per_minute does not count "
			     "private addresses and those of "
			     "site.trusted_proxies; for them "
			     "limits.starts_total_per_minute alone holds\n");
}

/* Can the log be made, or written to?  A file that is not there yet is made. */
static bool
log_writable(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct h5_buf folder;
	bool good;

	h5_buf_init(&folder, 4096);
	h5_buf_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
	good = access(path, F_OK) == 0 ? access(path, W_OK) == 0
				       : access(folder.data, W_OK | X_OK) == 0;
	h5_buf_release(&folder);
	return good;
}

/* Where an operator finds it, and what keeps it from being written. */
static void
put_log(const struct h5_config *c, struct h5_buf *out)
{
	const char *path = h5_config_log_path(c);
	bool sys = path == NULL && access("/dev/log", W_OK) != 0;

	h5_buf_puts(out, c->log.file != NULL
			     ? c->log.file
			     : "stderr, which is the web server's error log; "
			       "syslog where that is /dev/null, as under "
			       "spawn-fcgi");
	if (path != NULL && !log_writable(path))
		h5_buf_printf(out,
		    "; but it cannot be written (%s), so lines go to stderr",
		    strerror(errno));
	else if (sys)
		h5_buf_puts(out,
		    "; but there is no syslog here (/dev/log): set log.file");
}

/* The untouched example sells nothing. */
static enum h5_code
check_left(const struct h5_config *c, struct h5_buf *faults)
{
	struct h5_config_left at;
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; h5_config_left(c, i, &at); i++) {
		if (!at.must)
			continue;
		h5_buf_printf(faults,
		    "%s:%u: %s still has the value of the example: \"h5pay "
		    "init\" asks for yours\n",
		    c->path, at.line, at.name);
		rc = H5_E_CONFIG;
	}
	return rc;
}

static void
put_left(const struct h5_config *c, struct h5_buf *out)
{
	struct h5_config_left at;
	size_t i;

	for (i = 0; h5_config_left(c, i, &at); i++)
		h5_buf_printf(out,
		    "%s:%u: warning: %s still has the value of the example\n",
		    c->path, at.line, at.name);
}

/* A key that was changed for good is deleted, not kept. */
static enum h5_code
check_previous(const struct h5_config *c, struct h5_buf *faults)
{
	struct h5_config_previous keys[H5_CONFIG_PREVIOUS_MAX];
	size_t i, n = h5_config_previous(c, h5_clock_now(), keys);
	enum h5_code rc = H5_OK;

	for (i = 0; i < n; i++) {
		if (!keys[i].old)
			continue;
		h5_buf_printf(faults,
		    "%s:%u: %s: the file that holds it was written more than "
		    "30 days ago: delete the key; if it was put there only "
		    "now, touch the file\n",
		    c->path, keys[i].line, keys[i].name);
		rc = H5_E_CONFIG;
	}
	return rc;
}

static void
print_previous(const struct h5_config *c)
{
	struct h5_config_previous keys[H5_CONFIG_PREVIOUS_MAX];
	size_t i, n = h5_config_previous(c, h5_clock_now(), keys);

	for (i = 0; i < n; i++)
		(void)printf("warning: %s is still there; delete it once what "
			     "was made with it is over: docs/KEYS.md\n",
		    keys[i].name);
}

/* What was found. */
struct checked {
	struct h5_buf path, faults, account, log;
	unsigned format;
	enum h5_code rc;
};

static void
print_json(const struct checked *found)
{
	struct h5_buf out;
	const char *line = found->faults.data, *end;
	bool first = true, good = found->rc == H5_OK;
	unsigned format = found->format;
	char one[1024];

	h5_buf_init(&out, 262144);
	h5_buf_printf(&out, "{\"ok\":%s,\"file\":", good ? "true" : "false");
	h5_json_string(found->path.data, &out);
	h5_buf_puts(&out, ",\"account\":");
	h5_json_string(found->account.data, &out);
	if (good) {
		h5_buf_puts(&out, ",\"log\":");
		h5_json_string(found->log.data, &out);
	}
	h5_buf_puts(&out, ",\"faults\":[");
	/* What is printed of a good one are warnings. */
	if (good)
		h5_buf_puts(&out, "],\"warnings\":[");
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		/* A fault that is very long is cut; the text output has all of
		 * it. */
		(void)snprintf(one, sizeof one, "%.*s",
		    (int)(end - line < 1000 ? end - line : 1000), line);
		h5_buf_puts(&out, first ? "" : ",");
		h5_json_string(one, &out);
		first = false;
	}
	h5_buf_puts(&out, "]");
	if (format != 0)
		h5_buf_printf(&out, ",\"store\":{\"format\":%u,\"newest\":%u}",
		    format, h5_since_newest());
	h5_buf_puts(&out, "}\n");
	(void)fputs(out.data, stdout);
	h5_buf_release(&out);
}

static void
print_good(const struct checked *found, const struct h5_config *c)
{
	(void)printf("%s: good\n", found->path.data);
	(void)printf(
	    "account %s, log: %s\n", found->account.data, found->log.data);
	print_change(c, found->format);
	print_limits(c);
	print_previous(c);
}

/* as: an account's name, or NULL for the store's owner. */
static enum h5_code
look(struct command *cmd, const char *as, struct checked *found,
    struct h5_loaded *got, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_config_find(cmd->config_path, NULL, &found->path, e);
	/* What root may read says nothing of the programs. */
	if (rc == H5_OK)
		rc = as != NULL ? command_become(as, e)
				: command_own_store(found->path.data, e);
	command_who(&found->account);
	if (rc == H5_OK)
		rc = h5_load(
		    found->path.data, h5_wechat_ready, &found->faults, got, e);
	if (rc == H5_OK)
		rc = check_left(got->c, &found->faults);
	if (rc == H5_OK)
		rc = check_previous(got->c, &found->faults);
	if (rc == H5_OK)
		rc = check_store(got->c, &found->faults, &found->format);
	if (rc != H5_OK)
		return rc;
	h5_load_doubts(got, &found->faults);
	put_left(got->c, &found->faults);
	put_log(got->c, &found->log);
	return H5_OK;
}

static int
check(struct command *cmd, const char *as)
{
	struct h5_loaded got = {NULL, NULL, NULL};
	struct checked found = {.format = 0};
	struct h5_err e;

	/* h5_load may fail without words of its own, when the faults say it
	 * all. */
	h5_err_clear(&e);
	h5_buf_init(&found.path, 4096);
	h5_buf_init(&found.faults, H5_LOAD_FAULTS);
	h5_buf_init(&found.account, 256);
	h5_buf_init(&found.log, 8192);
	found.rc = look(cmd, as, &found, &got, &e);
	if (cmd->json)
		print_json(&found);
	else if (found.rc == H5_OK)
		print_good(&found, got.c);
	h5_load_release(&got);
	(void)fputs(found.faults.data, stderr);
	/* The faults went to stderr line by line, so the summary would only
	 * repeat them. */
	if (found.rc != H5_OK && found.faults.len == 0)
		command_complain(NULL, e.msg);
	h5_buf_release(&found.log);
	h5_buf_release(&found.account);
	h5_buf_release(&found.faults);
	h5_buf_release(&found.path);
	return h5_err_exit(found.rc == H5_OK ? H5_OK : H5_E_CONFIG);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return check(cmd, cmd->given[AS].text);
}

const struct verb verb_check = {
    .name = "check",
    .usage = "check [--as ACCOUNT] [--json]",
    .options = options,
    .run = run,
};
