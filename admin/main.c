/* h5pay - the operator's command.  Options that every verb has, the
 * configuration, the store; then one file a verb. */
#include <getopt.h>
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
    &verb_check,
    &verb_doctor,
    &verb_explain,
    &verb_link,
    &verb_list,
    &verb_show,
    &verb_query,
    &verb_close,
    &verb_refund,
    &verb_sweep,
    &verb_hook,
    &verb_bill,
    &verb_reconcile,
    &verb_report,
    &verb_export,
    &verb_status,
    &verb_support,
    &verb_fsck,
    &verb_archive,
};

#define VERBS H5_LENGTH(verbs)

static void
print_help(FILE *to)
{
	size_t i;

	(void)fputs(
	    "usage: h5pay [-c FILE] VERB [OPTION...]\n\n"
	    "  h5pay check                  check the configuration\n"
	    "  h5pay list --since today     today's orders\n"
	    "  h5pay show ID                one order's whole story\n"
	    "  h5pay sweep                  for cron, once a minute\n\n",
	    to);
	for (i = 0; i < VERBS; i++)
		(void)fprintf(
		    to, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
	(void)fputs(
	    "\n"
	    "  -c, --config FILE   the configuration (else H5PAY_CONF, "
	    "h5pay.path, ~/h5pay/h5pay.conf,\n"
	    "                      /etc/h5pay/h5pay.conf)\n"
	    "      --json          machine-readable output\n"
	    "      --quiet         print nothing on stderr unless something "
	    "is wrong\n"
	    "  -h, --help          this, or a verb's own help\n"
	    "  -V, --version\n\n"
	    "exit status: 0 done, 1 the answer is no, 64 usage, 65 bad data, "
	    "66 no such order,\n"
	    "69 WeChat unreachable, 70 bug, 74 store, 75 try later, 78 "
	    "configuration\n",
	    to);
}

static void
print_verb_help(const struct verb *v, FILE *to)
{
	(void)fprintf(to, "usage: h5pay [-c FILE] %s\n\n%s\n%s", v->usage,
	    v->summary, v->help);
}

int
command_usage(const struct verb *v, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "h5pay %s: ", v->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nusage: h5pay %s\n", v->usage);
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
	rc = h5_https_start(e);
	if (rc == H5_OK)
		rc = h5_wechat_new(cmd->config, &cmd->shop.wx, e);
	return rc;
}

int
command_order(const struct verb *v, int argc, char **argv, const char **id)
{
	if (argc != 2)
		return command_usage(v, "one order is needed");
	/* It may have been copied out of a bill or an export. */
	*id = h5_escape_csv_back(argv[1]);
	if (h5_number_is_order(*id))
		return EXIT_DONE;
	(void)fprintf(
	    stderr, "h5pay: \"%s\" is not a possible order id\n", *id);
	return h5_err_exit(H5_E_NOTFOUND);
}

enum h5_code
command_time(const char *s, int64_t now, int64_t *t, struct h5_err *e)
{
	char day[H5_CLOCK_DAY], digits[16];
	uint64_t n;
	size_t len = strlen(s);
	const char *unit;
	static const char units[] = "smhd";
	static const int64_t seconds[] = {1, 60, 3600, 86400};

	/* By the calendar of the shop, which is Beijing's. */
	if (strcmp(s, "today") == 0 || strcmp(s, "yesterday") == 0) {
		h5_clock_day(s[0] == 'y' ? now - 86400 : now, day);
		return h5_clock_from_day(day, t, e);
	}
	/* The three forms are told apart by their length and marks, so their
	 * order does not matter. */
	if (h5_clock_from_day(s, t, NULL) == H5_OK ||
	    h5_clock_from_plain(s, t, NULL) == H5_OK ||
	    h5_clock_from_any_rfc3339(s, t, NULL) == H5_OK)
		return H5_OK;
	/* Unix seconds, as --expires has them: nobody means the year 1973. */
	if (len >= 9 && h5_text_u64(s, 0, 253402271999, &n, NULL) == H5_OK) {
		*t = (int64_t)n;
		return H5_OK;
	}
	/* A number with a unit is an age. */
	unit = len > 1 ? strchr(units, s[len - 1]) : NULL;
	if (unit != NULL && len < sizeof digits) {
		memcpy(digits, s, len - 1);
		digits[len - 1] = '\0';
		if (h5_text_u64(digits, 0, 1000000, &n, NULL) == H5_OK) {
			*t = now - (int64_t)n * seconds[unit - units];
			return H5_OK;
		}
	}
	*t = 0;
	return h5_err_set(e, H5_E_INPUT,
	    "\"%s\" is not a time: use 2026-11-23, \"2026-11-23 16:40:12\", "
	    "today, yesterday, RFC 3339, Unix seconds, or an age like "
	    "30m, 6h, 2d",
	    s);
}

static const struct verb *
find_verb(const char *name)
{
	const char *names[VERBS], *near;
	size_t i;

	for (i = 0; i < VERBS; i++) {
		names[i] = verbs[i]->name;
		if (strcmp(name, names[i]) == 0)
			return verbs[i];
	}
	near = h5_text_closest(name, names, VERBS);
	/* A mistyped verb is shown its neighbour and not the whole help. */
	(void)fprintf(stderr, "h5pay: there is no verb \"%s\"", name);
	if (near != NULL)
		(void)fprintf(stderr, "; did you mean \"%s\"?", near);
	(void)fputs("\n\"h5pay --help\" lists them.\n", stderr);
	return NULL;
}

/* --- options all verbs have: taken out of argv wherever they stand --- */

struct options {
	bool help, version;
};

static bool
take_option(
    struct command *cmd, struct options *opt, int argc, char **argv, int *i)
{
	const char *a = argv[*i];

	if (strcmp(a, "-c") == 0 || strcmp(a, "--config") == 0) {
		if (*i + 1 < argc)
			cmd->config_path = argv[++*i];
		else
			/* An empty path is told below, where the verb is
			 * known. */
			cmd->config_path = "";
	} else if (strncmp(a, "--config=", 9) == 0) {
		cmd->config_path = a + 9;
	} else if (strcmp(a, "--json") == 0) {
		cmd->json = true;
	} else if (strcmp(a, "--quiet") == 0) {
		cmd->quiet = true;
	} else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
		opt->help = true;
	} else if (strcmp(a, "--version") == 0 || strcmp(a, "-V") == 0) {
		opt->version = true;
	} else {
		return false;
	}
	return true;
}

/* Leaves in argv only what is the verb's own.  Everything after "--" is. */
static int
take_options(struct command *cmd, struct options *opt, int argc, char **argv)
{
	int i, kept = 1;
	bool all = false;

	for (i = 1; i < argc; i++) {
		if (!all && take_option(cmd, opt, argc, argv, &i))
			continue;
		/* A text to be explained may look like an option. */
		if (strcmp(argv[i], "--") == 0)
			all = true;
		argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
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
	if (rc == H5_OK && v->need_store)
		rc = h5_store_open(&cmd->config->store, cmd->config->hooks.mask,
		    &cmd->shop.st, e);
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
	/* The verbs parse with getopt_long: argv[0] is their name.  getopt_long
	 * begins anew with each verb. */
	optind = 1;
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

int
main(int argc, char **argv)
{
	struct command cmd;
	struct options opt = {false, false};
	const struct verb *v;
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	harden();
	memset(&cmd, 0, sizeof cmd);
	h5_log_init(&cmd.log, "h5pay", NULL);
	cmd.shop.log = &cmd.log;
	argc = take_options(&cmd, &opt, argc, argv);
	cmd.terminal = isatty(STDOUT_FILENO) == 1;
	/* A terminal that is dumb, or NO_COLOR, asks for plain text. */
	cmd.colour = cmd.terminal &&
		     (no_color == NULL || no_color[0] == '\0') &&
		     term != NULL && strcmp(term, "dumb") != 0;
	if (opt.version) {
		(void)printf("h5pay %s\n", H5_VERSION);
		return EXIT_DONE;
	}
	/* Without a verb the help is what is needed, but it is still a
	 * mistake. */
	if (argc < 2) {
		print_help(opt.help ? stdout : stderr);
		return opt.help ? EXIT_DONE : EXIT_USAGE;
	}
	if (strcmp(argv[1], "help") == 0) {
		opt.help = true;
		if (argc == 2) {
			print_help(stdout);
			return EXIT_DONE;
		}
		argv++;
		argc--;
	}
	v = find_verb(argv[1]);
	if (v == NULL)
		return EXIT_USAGE;
	if (opt.help) {
		print_verb_help(v, stdout);
		return EXIT_DONE;
	}
	if (cmd.config_path != NULL && cmd.config_path[0] == '\0')
		return command_usage(v, "-c needs a file");
	return run(&cmd, v, argc - 1, argv + 1);
}
