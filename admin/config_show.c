/* h5pay config show - what holds: each key with its effective value, defaults
 * marked, secrets hidden. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "common/config/config.h"
#include "common/config/keys.h"
#include "common/format/ini.h"
#include "common/format/json.h"
#include "common/system/file.h"

struct shown {
	const struct command *cmd;
	char *value[H5_CONFIG_KEYS]; /* as written; NULL: the default */
	bool bad; /* no memory */
};

static void
on_line(void *ctx, struct h5_ini *h, const char *section, const char *key,
    char *value)
{
	struct shown *s = ctx;
	size_t i;

	(void)h;
	if (key == NULL)
		return;
	i = h5_keys_find(section, key);
	if (i == h5_keys_n || s->value[i] != NULL)
		return;
	s->value[i] = strdup(value);
	s->bad = s->bad || s->value[i] == NULL;
}

/* The text once more: what a value became is not what it was written as. */
static enum h5_code
read_values(const char *path, struct shown *s, struct h5_err *e)
{
	struct h5_buf text, faults;
	struct h5_ini ini = {.file = path, .faults = &faults};
	char *real = realpath(path, NULL);
	enum h5_code rc;

	h5_buf_init(&text, 1 << 20);
	h5_buf_init(&faults, 65536);
	rc = h5_file_read(AT_FDCWD, real != NULL ? real : path, &text, e);
	if (rc == H5_OK)
		h5_ini_read(&ini, text.data, text.len, on_line, s);
	free(real);
	h5_buf_wipe(&text);
	h5_buf_release(&faults);
	return rc == H5_OK && s->bad ? h5_err_nomem(e) : rc;
}

/* A key that holds a secret itself has a twin that names a file. */
static bool
secret(const struct h5_config_key *k)
{
	char name[64];

	(void)snprintf(name, sizeof name, "%s_file", k->name);
	return h5_keys_find(k->section, name) != h5_keys_n;
}

/* Its twin is there, so this one has no default to speak of. */
static bool
twin_set(const struct shown *s, size_t i)
{
	size_t j;

	for (j = 0; j < h5_keys_n; j++)
		if (j != i && h5_keys[j].at == h5_keys[i].at &&
		    s->value[j] != NULL)
			return true;
	return false;
}

/* The value that holds; NULL: none. */
static const char *
effective(const struct shown *s, size_t i, bool *is_default)
{
	const struct h5_config *c = s->cmd->config;
	const struct h5_config_key *k = &h5_keys[i];

	*is_default = s->value[i] == NULL;
	if (!*is_default && secret(k))
		return "(hidden)";
	/* Two defaults follow from other keys. */
	if (strcmp(k->name, "shop_url") == 0)
		return c->site.shop_url;
	if (strcmp(k->name, "backup_url") == 0)
		return c->gateway.backup_url;
	/* A path is told as it was understood. */
	if (!*is_default &&
	    (strcmp(k->name, "dir") == 0 || strcmp(k->name, "templates") == 0 ||
		strcmp(k->name, "file") == 0 ||
		strcmp(k->name, "command") == 0))
		return *(char *const *)((const char *)c + k->at);
	return *is_default ? k->fallback : s->value[i];
}

static void
print_json(const struct shown *s)
{
	const char *value;
	struct h5_buf out;
	bool first = true, is_default;
	size_t i;

	h5_buf_init(&out, 1 << 20);
	h5_buf_puts(&out, "{\"file\":");
	h5_json_string(s->cmd->config->path, &out);
	h5_buf_puts(&out, ",\"keys\":[");
	for (i = 0; i < h5_keys_n; i++) {
		value = effective(s, i, &is_default);
		if (is_default && (value == NULL || twin_set(s, i)))
			continue;
		h5_buf_printf(&out,
		    "%s{\"key\":\"%s.%s\",\"value\":", first ? "" : ",",
		    h5_keys[i].section, h5_keys[i].name);
		if (!is_default && secret(&h5_keys[i]))
			h5_buf_puts(&out, "null");
		else
			h5_json_string(value, &out);
		h5_buf_printf(&out, ",\"default\":%s,\"secret\":%s,\"line\":",
		    is_default ? "true" : "false",
		    secret(&h5_keys[i]) ? "true" : "false");
		if (is_default)
			h5_buf_puts(&out, "null}");
		else
			h5_buf_printf(&out, "%u}", s->cmd->config->key_line[i]);
		first = false;
	}
	h5_buf_puts(&out, "]}\n");
	(void)fputs(out.data, stdout);
	h5_buf_release(&out);
}

static bool
print_table(const struct shown *s)
{
	static const struct column columns[] = {{.heading = "KEY"},
	    {.heading = "VALUE", .shorten = true}, {.heading = "FROM"}};
	struct table *t = table_new(s->cmd, columns, 3);
	char key[80], from[40];
	const char *value;
	bool is_default;
	size_t i;

	for (i = 0; t != NULL && i < h5_keys_n; i++) {
		value = effective(s, i, &is_default);
		if (is_default && (value == NULL || twin_set(s, i)))
			continue;
		(void)snprintf(key, sizeof key, "%s.%s", h5_keys[i].section,
		    h5_keys[i].name);
		(void)snprintf(
		    from, sizeof from, "line %u", s->cmd->config->key_line[i]);
		table_cell(t, key);
		table_cell(t, value);
		table_cell(t, is_default ? "default" : from);
	}
	return t != NULL && table_end(t);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct shown s = {.cmd = cmd};
	struct h5_err e;
	enum h5_code rc;
	size_t i;

	(void)argc;
	(void)argv;
	rc = read_values(cmd->config->path, &s, &e);
	if (rc == H5_OK && cmd->json)
		print_json(&s);
	else if (rc == H5_OK && !print_table(&s))
		rc = h5_err_nomem(&e);
	for (i = 0; i < H5_CONFIG_KEYS; i++) {
		if (s.value[i] != NULL)
			explicit_bzero(s.value[i], strlen(s.value[i]));
		free(s.value[i]);
	}
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

static int
check(const struct command *cmd, int argc, char **argv)
{
	(void)cmd;
	if (argc == 2 && strcmp(argv[1], "show") == 0)
		return EXIT_DONE;
	return command_usage(
	    &verb_config, "\"%.40s\": there is config show alone", argv[1]);
}

const struct verb verb_config = {
    .name = "config",
    .usage = "config show [--json]",
    .operand = "show",
    .example = "show",
    .least = 1,
    .most = 1,
    .need_config = true,
    .check = check,
    .run = run,
};
