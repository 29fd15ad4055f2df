/* h5pay - the operator's command: the line, the configuration, the store; then
 * one file a verb. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/escape.h"
#include "common/system/https.h"
#include "common/base/text.h"
#include "common/wechat/wechat.h"

static const struct verb *const verbs[] = {
    &verb_init,
    &verb_check,
    &verb_config,
    &verb_doctor,
    &verb_explain,
    &verb_link,
    &verb_list,
    &verb_show,
    &verb_query,
    &verb_close,
    &verb_refund,
    &verb_settle,
    &verb_sweep,
    &verb_hook,
    &verb_watch,
    &verb_logs,
    &verb_trigger,
    &verb_listen,
    &verb_bill,
    &verb_reconcile,
    &verb_report,
    &verb_export,
    &verb_status,
    &verb_support,
    &verb_fsck,
    &verb_archive,
    &verb_certs,
    &verb_store,
    &verb_help,
};

const struct verb *const *
command_verbs(size_t *n)
{
	*n = H5_LENGTH(verbs);
	return verbs;
}

const struct verb *
command_verb(const char *name)
{
	const char *names[H5_LENGTH(verbs)], *near;
	size_t i;

	for (i = 0; i < H5_LENGTH(verbs); i++) {
		names[i] = verbs[i]->name;
		if (strcmp(name, names[i]) == 0)
			return verbs[i];
	}
	near = h5_text_closest(name, names, H5_LENGTH(verbs));
	/* A mistyped verb is shown its neighbour and not the whole help. */
	(void)fprintf(stderr, "h5pay: there is no verb \"%s\"", name);
	if (near != NULL)
		(void)fprintf(stderr, "; did you mean \"%s\"?", near);
	(void)fputs("\n\"h5pay --help\" lists them.\n", stderr);
	return NULL;
}

int
command_usage(const struct verb *v, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "h5pay %s: ", v->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	help_usage(v, "usage: h5pay", stderr);
	return EXIT_USAGE;
}

void
command_complain(const char *id, const char *msg)
{
	struct h5_buf b;

	h5_buf_init(&b, 65536);
	(void)h5_text_show(msg, SIZE_MAX, "", &b);
	(void)fprintf(stderr, "h5pay: %s%s%s\n", id != NULL ? id : "",
	    id != NULL ? ": " : "", b.data);
	h5_buf_release(&b);
}

bool
command_agreed(void)
{
	char answer[16];

	(void)fputs("? [y/N] ", stderr);
	(void)fflush(stderr);
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0 ||
	       strcmp(answer, "yes\n") == 0;
}

void
command_text(const struct command *cmd, const char *s, struct h5_buf *out)
{
	if (cmd->terminal)
		(void)h5_text_show(s, SIZE_MAX, "", out);
	else
		h5_escape_tsv(out, s);
}

int
command_fail(const struct command *cmd, const struct h5_err *e)
{
	(void)cmd;
	command_complain(NULL, e->msg);
	return h5_err_exit(e->code);
}

bool
command_products(const struct command *cmd)
{
	return cmd->shop.c->merchant.products != 1U << H5_PRODUCT_H5;
}

void
command_unread(const char *id, const struct h5_err *e, enum h5_code *worst)
{
	command_complain(id, e->msg);
	/* The first one decides the exit status, and the walk goes on. */
	if (*worst == H5_OK)
		*worst = e->code;
}

enum h5_code
command_wechat(struct command *cmd, struct h5_err *e)
{
	enum h5_code rc;

	/* Some verbs ask for it twice, but it is made once. */
	if (cmd->shop.wx != NULL)
		return H5_OK;
	rc = h5_wechat_ready(cmd->config, 0, NULL, e);
	if (rc == H5_OK)
		rc = h5_https_start(e);
	if (rc == H5_OK)
		rc = h5_wechat_new(cmd->config, &cmd->shop.wx, e);
	return rc;
}

/* --- configuration, store, owner --- */

static enum h5_code
load_config(struct command *cmd, struct h5_err *e)
{
	struct h5_buf path, faults;
	enum h5_code rc;

	h5_buf_init(&path, 4096);
	h5_buf_init(&faults, 65536);
	rc = h5_config_find(cmd->config_path, NULL, &path, e);
	if (rc == H5_OK)
		rc = command_own_group(path.data, e);
	if (rc == H5_OK)
		rc = h5_config_load(path.data, &faults, &cmd->config, e);
	if (rc == H5_OK)
		rc = command_trust(cmd->config, e);
	/* The faults first, then the sentence that ends the command. */
	if (faults.len > 0)
		(void)fputs(faults.data, stderr);
	h5_buf_release(&faults);
	h5_buf_release(&path);
	return rc;
}

static enum h5_code
prepare(struct command *cmd, const struct verb *v, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	if (v->need_config)
		rc = load_config(cmd, e);
	if (rc == H5_OK && v->need_config)
		h5_log_init(&cmd->log, "h5pay", cmd->config->log.file);
	cmd->shop.c = cmd->config;
	/* On a terminal the answer is printed; the log is for the file. */
	if (cmd->log.path == NULL)
		/* A verb's answer is on stdout; only what is wrong is told
		 * beside it. */
		cmd->log.least = H5_LOG_WARN;
	/* A store that root wrote into would be closed to the web programs:
	 * become its owner before touching it. */
	if (rc == H5_OK && v->need_store)
		rc = command_own_store(cmd->config->path, e);
	if (rc == H5_OK && v->need_store) {
		cmd->config->store.log = &cmd->log;
		rc = h5_store_open(&cmd->config->store, cmd->config->hooks.mask,
		    &cmd->shop.st, e);
	}
	return rc;
}

static void
harden(void)
{
	struct rlimit none = {0, 0};

	(void)umask(077);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int
run(struct command *cmd, const struct verb *v, int argc, char **argv)
{
	struct h5_err e;
	int status;

	if (prepare(cmd, v, &e) != H5_OK) {
		status = command_fail(cmd, &e);
		goto out;
	}
	status = v->run(cmd, argc, argv);
	/* An answer that was not written is not given: a full disk must not
	 * look like success. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fputs("h5pay: cannot write the answer\n", stderr);
		status = h5_err_exit(H5_E_IO);
	}
out:
	h5_wechat_free(cmd->shop.wx);
	h5_store_close(cmd->shop.st);
	h5_config_free(cmd->config);
	return status;
}

/* The line without a verb. */
static int
no_verb(const struct command *cmd)
{
	const struct option_def *config = &options_common[0];

	if (cmd->version)
		(void)printf("h5pay %s\n", H5_VERSION);
	else if (cmd->config_path != NULL && !cmd->help)
		/* "h5pay -c list": the file was forgotten, or the verb was. */
		(void)fprintf(stderr,
		    "h5pay: a verb is missing behind -c \"%s\": h5pay -c %s "
		    "VERB, such as h5pay -c %s check\n",
		    cmd->config_path, config->form, config->example);
	else
		/* The help is what is needed, but it is still a mistake. */
		help_print(cmd->help ? stdout : stderr);
	return cmd->version || cmd->help ? EXIT_DONE : EXIT_USAGE;
}

static int
begin(struct command *cmd, int argc, char **argv)
{
	const struct verb *v;
	int status, at;

	status = options_before(cmd, argc, argv, &at);
	if (status != EXIT_DONE)
		return status;
	if (cmd->version || at >= argc)
		return no_verb(cmd);
	v = command_verb(argv[at]);
	if (v == NULL)
		return EXIT_USAGE;
	argc -= at;
	status = options_read(cmd, v, &argc, argv + at);
	if (status != EXIT_DONE)
		return status;
	if (cmd->version)
		return no_verb(cmd);
	if (cmd->help) {
		help_print_verb(v);
		return EXIT_DONE;
	}
	status = options_operands(v, argc, argv + at);
	if (status == EXIT_DONE && v->check != NULL)
		status = v->check(cmd, argc, argv + at);
	return status == EXIT_DONE ? run(cmd, v, argc, argv + at) : status;
}

int
main(int argc, char **argv)
{
	struct command cmd;
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	harden();
	memset(&cmd, 0, sizeof cmd);
	h5_log_init(&cmd.log, "h5pay", NULL);
	cmd.shop.log = &cmd.log;
	cmd.terminal = isatty(STDOUT_FILENO) == 1;
	/* A terminal that is dumb, or NO_COLOR, asks for plain text. */
	cmd.colour = cmd.terminal &&
		     (no_color == NULL || no_color[0] == '\0') &&
		     term != NULL && strcmp(term, "dumb") != 0;
	return begin(&cmd, argc, argv);
}
