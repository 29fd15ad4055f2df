/* h5pay doctor - tries out what the configuration says; one line a finding. */
#include "admin/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/catalogue.h"
#include "common/clock.h"
#include "common/escape.h"
#include "common/https.h"
#include "common/ledger.h"
#include "common/pages.h"

#define SAID 1024 /* longest finding or remedy, bytes */

static const struct {
	const char *word, *json, *tint;
} results[] = {
    {"PASS", "pass", "\033[32m"},
    {"WARN", "warn", "\033[33m"},
    {"FAIL", "fail", "\033[31m"},
};

/* --- what is said --- */

static void
say_json(struct doctor *d, enum doctor_result r, const char *check,
    const char *remedy, const char *found)
{
	struct h5_buf *out = &d->json;

	h5_buf_puts(out, out->len > 0 ? "," : "");
	h5_buf_printf(out,
	    "{\"check\":\"%s\",\"result\":\"%s\",\"found\":", check,
	    results[r].json);
	h5_ledger_string(found, out);
	h5_buf_puts(out, ",\"remedy\":");
	if (remedy != NULL)
		h5_ledger_string(remedy, out);
	else
		h5_buf_puts(out, "null");
	h5_buf_puts(out, "}");
}

static void
say_line(struct doctor *d, enum doctor_result r, const char *check,
    const char *remedy, const char *found)
{
	struct h5_buf line;
	bool terminal = d->cmd->terminal;
	const char *tab = terminal ? "  " : "\t";

	h5_buf_init(&line, 4 * 2 * SAID);
	h5_escape_tsv(&line, found);
	if (remedy != NULL || !terminal) {
		h5_buf_puts(&line, terminal ? " - " : "\t");
		h5_escape_tsv(&line, remedy != NULL ? remedy : "-");
	}
	(void)printf("%s%s%s%s%-*s%s%s\n",
	    d->cmd->colour ? results[r].tint : "", results[r].word,
	    d->cmd->colour ? "\033[0m" : "", tab, terminal ? 13 : 0, check, tab,
	    line.data);
	/* Each as it comes: the next one may wait for the network. */
	(void)fflush(stdout);
	h5_buf_release(&line);
}

void
doctor_say(struct doctor *d, enum doctor_result r, const char *check,
    const char *remedy, const char *fmt, ...)
{
	char found[SAID];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(found, sizeof found, fmt, ap);
	va_end(ap);
	d->count[r]++;
	if (d->cmd->json)
		say_json(d, r, check, remedy, found);
	else if (!d->cmd->quiet || r != DOCTOR_PASS)
		say_line(d, r, check, remedy, found);
}

/* --- the configuration --- */

/* Each fault is a finding of its own: "file:line: what is wrong". */
static void
say_faults(struct doctor *d, const struct h5_buf *faults, const char *otherwise)
{
	const char *line = faults->data, *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		doctor_say(d, DOCTOR_FAIL, "configuration",
		    "correct that line; docs/CONFIG.md explains every key",
		    "%.*s", (int)(end - line), line);
	if (faults->len == 0)
		doctor_say(d, DOCTOR_FAIL, "configuration",
		    "name the file with -c, or put it where docs/CONFIG.md "
		    "says",
		    "%s", otherwise);
}

static enum h5_code
load(struct doctor *d, struct h5_buf *path, struct h5_buf *faults,
    struct h5_err *e)
{
	struct h5_catalogue *cat = NULL;
	struct h5_pages *pages = NULL;
	enum h5_code rc;

	rc = h5_config_find(d->cmd->config_path, NULL, path, e);
	if (rc == H5_OK)
		rc = h5_config_load(path->data, faults, &d->cmd->c, e);
	if (rc == H5_OK && d->cmd->c->catalogue.file != NULL)
		rc = h5_catalogue_load(
		    d->cmd->c->catalogue.file, faults, &cat, e);
	if (rc == H5_OK)
		rc = h5_pages_load(d->cmd->c, faults, &pages, e);
	h5_pages_free(pages);
	h5_catalogue_free(cat);
	return rc;
}

static bool
configuration(struct doctor *d)
{
	struct h5_buf path, faults;
	struct h5_err e;
	enum h5_code rc;

	h5_err_clear(&e);
	h5_buf_init(&path, 4096);
	h5_buf_init(&faults, 65536);
	rc = load(d, &path, &faults, &e);
	if (rc == H5_OK)
		doctor_say(d, DOCTOR_PASS, "configuration", NULL, "%s: good",
		    path.data);
	else
		say_faults(d, &faults, e.msg);
	h5_buf_release(&faults);
	h5_buf_release(&path);
	d->c = d->cmd->c;
	return rc == H5_OK;
}

/* --- the verb --- */

static int
end(struct doctor *d)
{
	bool good = d->count[DOCTOR_FAIL] == 0;

	if (d->cmd->json)
		(void)printf("{\"ok\":%s,\"checks\":[%s]}\n",
		    good ? "true" : "false", d->json.data);
	else if (!d->cmd->quiet)
		(void)fprintf(stderr, "%u pass, %u warn, %u fail\n",
		    d->count[DOCTOR_PASS], d->count[DOCTOR_WARN],
		    d->count[DOCTOR_FAIL]);
	h5_buf_release(&d->json);
	return good ? EXIT_DONE : EXIT_NO;
}

static void
online(struct doctor *d)
{
	struct h5_err e;

	if (h5_https_start(&e) != H5_OK) {
		doctor_say(d, DOCTOR_FAIL, "network",
		    "reinstall libcurl: it must have TLS", "%s", e.msg);
		return;
	}
	doctor_wechat(d);
	doctor_site(d);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	bool offline = argc == 2 && strcmp(argv[1], "--offline") == 0;
	struct doctor d = {.cmd = cmd};
	struct h5_err e;

	if (argc != 1 && !offline)
		return command_usage(&verb_doctor, "unknown option or operand");
	h5_buf_init(&d.json, 1 << 20);
	if (!configuration(&d))
		return end(&d);
	doctor_processes(&d);
	if (command_own_store(cmd, &e) != H5_OK) {
		doctor_say(&d, DOCTOR_FAIL, "store",
		    "run doctor as the account of the web programs", "%s",
		    e.msg);
		return end(&d);
	}
	doctor_local(&d);
	if (!offline)
		online(&d);
	return end(&d);
}

const struct verb verb_doctor = {
    .name = "doctor",
    .usage = "doctor [--offline] [--json]",
    .summary =
	"proves or disproves that the shop can be paid; says what to fix",
    .help =
	"\n"
	"  h5pay doctor\n"
	"  h5pay doctor --offline       this machine only, nothing is sent\n"
	"  h5pay doctor --quiet         only what is not as it should be\n\n"
	"One line a finding: PASS, WARN or FAIL, what was found, and what "
	"mends "
	"it.\n"
	"Asks WeChat about a number that nobody ordered, fetches our own pages "
	"through\n"
	"their public address, and posts one notice about an order that does "
	"not exist.\n"
	"No order, no payment and no setting is changed.\n"
	"exit status: 0 nothing failed, 1 something did\n",
    .run = run,
};
