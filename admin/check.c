/* h5pay check - the configuration, the catalogue and the templates; and what
 * this version would change in the store. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/length.h"
#include "common/format/json.h"
#include "common/order/since.h"
#include "common/store/store.h"
#include "common/web/load.h"

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

/* A key that was changed for good is deleted, not kept. */
static void
print_previous(const struct h5_config *c)
{
	const struct {
		const char *name;
		const struct h5_crypto_key *key;
	} keys[] = {{"site.secret_previous", c->site.secret_previous},
	    {"site.link_key_previous", c->site.link_key_previous},
	    {"hooks.webhook_secret_previous",
		c->hooks.webhook_secret_previous}};
	size_t i;

	for (i = 0; i < H5_LENGTH(keys); i++)
		if (keys[i].key != NULL)
			(void)printf("warning: %s is still believed; delete it "
				     "once what was made with it is over\n",
			    keys[i].name);
}

static void
print_json(
    const char *path, const struct h5_buf *faults, unsigned format, bool good)
{
	struct h5_buf out;
	const char *line = faults->data, *end;
	char one[1024];
	bool first = true;

	h5_buf_init(&out, 262144);
	h5_buf_printf(&out, "{\"ok\":%s,\"file\":", good ? "true" : "false");
	h5_json_string(path, &out);
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

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_loaded got = {NULL, NULL, NULL};
	struct h5_buf path, faults;
	struct h5_err e;
	unsigned format = 0;
	enum h5_code rc;

	(void)argv;
	if (argc != 1)
		return command_usage(&verb_check, "check takes no operand");
	/* h5_load may fail without words of its own, when the faults say it
	 * all. */
	h5_err_clear(&e);
	h5_buf_init(&path, 4096);
	h5_buf_init(&faults, H5_LOAD_FAULTS);
	rc = h5_config_find(cmd->config_path, NULL, &path, &e);
	if (rc == H5_OK)
		rc = h5_load(path.data, &faults, &got, &e);
	if (rc == H5_OK)
		rc = check_store(got.c, &faults, &format);
	if (rc == H5_OK)
		h5_load_doubts(&got, &faults);
	if (cmd->json) {
		print_json(path.data, &faults, format, rc == H5_OK);
	} else if (rc == H5_OK) {
		(void)printf("%s: good\n", path.data);
		print_change(got.c, format);
		print_limits(got.c);
		print_previous(got.c);
	}
	h5_load_release(&got);
	(void)fputs(faults.data, stderr);
	/* The faults went to stderr line by line, so the summary would only
	 * repeat them. */
	if (rc != H5_OK && faults.len == 0)
		(void)fprintf(stderr, "h5pay: %s\n", e.msg);
	h5_buf_release(&faults);
	h5_buf_release(&path);
	return h5_err_exit(rc == H5_OK ? H5_OK : H5_E_CONFIG);
}

const struct verb verb_check = {
    .name = "check",
    .usage = "check [--json]",
    .summary = "check the configuration and report every fault in one run",
    .help = "\n"
	    "  h5pay check\n"
	    "  h5pay -c /etc/h5pay/h5pay.conf check\n\n"
	    "Reads the configuration, its secret files, the catalogue and the "
	    "templates as the\n"
	    "programs do, and prints each fault as \"file:line: what is "
	    "wrong\"; and says\n"
	    "what this version will change in the store.\n"
	    "exit status: 0 good, 78 not\n",
    .run = run,
};
