/* h5pay doctor - tries out what the configuration says; one line a finding. */
#include "common/doctor/doctor.h"

#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/pay/shut.h"
#include "common/base/clock.h"
#include "common/format/escape.h"
#include "common/format/json.h"

enum { OFFLINE };

static const struct option_def options[] = {
    [OFFLINE] = {.name = "offline"},
    {.name = NULL},
};

#define LINE_MAX 16384 /* a finding and its remedy, escaped, bytes */

/* What the findings are said with. */
struct saying {
	const struct command *cmd;
	struct h5_buf json; /* the elements of "checks" */
	bool known; /* WeChat knows our ids and our key */
};

static const struct {
	const char *word, *json, *tint;
} results[] = {
    {"PASS", "pass", "\033[32m"},
    {"WARN", "warn", "\033[33m"},
    {"FAIL", "fail", "\033[31m"},
};

/* --- what is said --- */

static void
say_json(struct h5_buf *out, const struct h5_doctor_finding *f)
{
	h5_buf_puts(out, out->len > 0 ? "," : "");
	h5_buf_printf(out,
	    "{\"check\":\"%s\",\"result\":\"%s\",\"found\":", f->check,
	    results[f->result].json);
	h5_json_string(f->found, out);
	h5_buf_puts(out, ",\"remedy\":");
	if (f->remedy != NULL)
		h5_json_string(f->remedy, out);
	else
		h5_buf_puts(out, "null");
	h5_buf_puts(out, "}");
}

static void
say_line(const struct command *cmd, const struct h5_doctor_finding *f)
{
	struct h5_buf line;
	bool terminal = cmd->terminal;
	/* A person reads columns, a program splits at tabs. */
	const char *tab = terminal ? "  " : "\t";

	h5_buf_init(&line, LINE_MAX);
	command_text(cmd, f->found, &line);
	/* A program gets the last column in any case. */
	if (f->remedy != NULL || !terminal) {
		h5_buf_puts(&line, terminal ? " - " : "\t");
		command_text(cmd, f->remedy != NULL ? f->remedy : "-", &line);
	}
	(void)printf("%s%s%s%s%-*s%s%s\n",
	    cmd->colour ? results[f->result].tint : "", results[f->result].word,
	    cmd->colour ? "\033[0m" : "", tab, terminal ? 13 : 0, f->check, tab,
	    line.data);
	/* Each as it comes: the next one may wait for the network. */
	(void)fflush(stdout);
	h5_buf_release(&line);
}

static void
say(void *arg, const struct h5_doctor_finding *f)
{
	struct saying *s = arg;

	if (strcmp(f->check, "ids-and-key") == 0)
		s->known = f->result == H5_DOCTOR_PASS;
	if (s->cmd->json)
		say_json(&s->json, f);
	else if (!s->cmd->quiet || f->result != H5_DOCTOR_PASS)
		say_line(s->cmd, f);
}

/* --- the verb --- */

static int
end(const struct h5_doctor *d, struct saying *s)
{
	bool good = d->count[H5_DOCTOR_FAIL] == 0;

	if (s->cmd->json)
		(void)printf("{\"ok\":%s,\"checks\":[%s]}\n",
		    good ? "true" : "false", s->json.data);
	else if (!s->cmd->quiet)
		(void)fprintf(stderr, "%u pass, %u warn, %u fail\n",
		    d->count[H5_DOCTOR_PASS], d->count[H5_DOCTOR_WARN],
		    d->count[H5_DOCTOR_FAIL]);
	h5_buf_release(&s->json);
	return good ? EXIT_DONE : EXIT_NO;
}

/* Without a configuration nothing else can be looked at. */
static bool
configuration(struct h5_doctor *d, struct command *cmd, struct h5_buf *path)
{
	struct h5_err e;

	if (h5_config_find(cmd->config_path, NULL, path, &e) == H5_OK &&
	    command_own_group(path->data, &e) == H5_OK)
		return h5_doctor_configuration(d, path->data);
	h5_doctor_say(d, H5_DOCTOR_FAIL, "configuration", "config-missing",
	    "why", e.msg, NULL);
	return false;
}

static void
look(struct h5_doctor *d, struct command *cmd, bool offline)
{
	struct h5_err e;

	cmd->config = d->c;
	cmd->shop.c = d->c;
	h5_doctor_processes(d);
	/* Root would find other things than the store's owner does. */
	if (command_own_store(d->c->path, &e) != H5_OK) {
		h5_doctor_say(d, H5_DOCTOR_FAIL, "store", "store-account",
		    "why", e.msg, NULL);
		return;
	}
	h5_doctor_local(d);
	if (!offline)
		h5_doctor_online(d);
}

/* What WeChat refused within the hour.  An operator who has been at WeChat, and
 * whose account is in order, need not wait for the hour's end. */
static void
shut_products(struct h5_doctor *d, const struct saying *s)
{
	char words[H5_ORDER_PRODUCTS];
	int64_t now = h5_clock_now();
	unsigned shut;

	if (d->c == NULL)
		return;
	shut = s->known ? h5_shut_forget(d->c, now) : h5_shut_read(d->c, now);
	h5_order_products(shut, words);
	if (shut != 0)
		h5_doctor_say(d, H5_DOCTOR_WARN, "products",
		    s->known ? "products-again" : "products-shut", "products",
		    words, NULL);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	bool offline = cmd->given[OFFLINE].text != NULL;
	struct saying s = {.cmd = cmd};
	struct h5_doctor d = {.lang = "en", .say = say, .arg = &s};
	struct h5_buf path;

	(void)argc;
	(void)argv;
	h5_buf_init(&s.json, 1 << 20);
	h5_buf_init(&path, 4096);
	if (configuration(&d, cmd, &path))
		look(&d, cmd, offline);
	shut_products(&d, &s);
	h5_buf_release(&path);
	return end(&d, &s);
}

const struct verb verb_doctor = {
    .name = "doctor",
    .usage = "doctor [--offline] [--json]",
    .options = options,
    .run = run,
};
