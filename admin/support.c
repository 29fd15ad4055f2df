/* h5pay support - everything about one order, fit to be sent to somebody who
 * helps: no secret, no buyer's address, nothing that opens a payment. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/system/file.h"
#include "common/format/json.h"
#include "common/order/order_json.h"

#define ORDER_MAX (16U << 20)
#define CONF_MAX (1U << 20)
#define LOG_TAIL (64U << 20) /* bytes of the log's end that are looked at */
#define LOG_MAX (4U << 20) /* bytes of lines that are taken over */
#define BUNDLE_MAX (32U << 20)

enum { OUTPUT };

static const struct option_def options[] = {
    [OUTPUT] = {.name = "output",
	.letter = 'o',
	.kind = VALUE_FILE,
	.form = "FILE",
	.example = "20261123-0007.txt"},
    {.name = NULL},
};

struct bundle {
	struct command *cmd;
	const char *id;
	struct h5_buf order, conf, log;
};

/* --- taking out ----------------------------------------------------------- */

static bool
in_list(const char *const *list, const char *p, size_t n)
{
	for (; *list != NULL; list++)
		/* A name must fit as a whole: a part of it would hide too much
		 * or too little. */
		if (strlen(*list) == n && memcmp(*list, p, n) == 0)
			return true;
	return false;
}

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* The length of an IPv4 address at s, and of its first half; 0: none. */
static size_t
address_at(const char *s, size_t *half)
{
	size_t at = 0, n;
	int group;

	for (group = 0; group < 4; group++) {
		n = digits(s + at);
		if (n == 0 || n > 3)
			return 0;
		at += n;
		if (group == 1)
			*half = at;
		if (group < 3 && s[at++] != '.')
			return 0;
	}
	/* A number like 1.2.3.4.5 is a version and not an address. */
	return s[at] == '.' ? 0 : at;
}

/* One half of an address says which network it is; the other half would say
 * who. */
static void
put_masked(struct h5_buf *out, const char *s, size_t n)
{
	size_t i = 0, whole, half = 0;

	while (i < n) {
		/* Only where a number begins: 1192.0.2.1 has no address in
		 * it. */
		whole = i == 0 || strchr("0123456789.", s[i - 1]) == NULL
			    ? address_at(s + i, &half)
			    : 0;
		if (whole > 0 && i + whole <= n) {
			h5_buf_add(out, s + i, half);
			h5_buf_puts(out, ".x.x");
			i += whole;
		} else {
			h5_buf_putc(out, s[i++]);
		}
	}
}

/* The end of a JSON string that begins at s (behind its quote). */
static size_t
string_length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0' && s[n] != '"')
		/* A backslash takes the next character with it. */
		n += s[n] == '\\' && s[n + 1] != '\0' ? 2 : 1;
	return n;
}

/* An order as show --json gives it, without what others must not see. */
static void
put_order(struct h5_buf *out, const char *json)
{
	static const char *const hidden[] = {"mweb_url", "prepay_id", "attach",
	    "return_url", "reason", "spbill_create_ip", "openid", "wx_openid",
	    "request", NULL};
	bool hide = false;
	const char *s = json;
	size_t n;

	while (*s != '\0') {
		/* Everything outside strings is shown: numbers, brackets,
		 * null. */
		if (*s != '"') {
			h5_buf_putc(out, *s++);
			continue;
		}
		n = string_length(++s);
		h5_buf_putc(out, '"');
		/* A string before a colon is a name; it decides about the
		 * string after it. */
		if (s[n] == '"' && s[n + 1] == ':') {
			hide = in_list(hidden, s, n);
			h5_buf_add(out, s, n);
		} else {
			if (hide)
				h5_buf_puts(out, "(hidden)");
			else
				h5_buf_add(out, s, n);
			hide = false;
		}
		h5_buf_putc(out, '"');
		s += n + (s[n] == '"');
	}
}

/* What may hold a secret is told by the name; comments may hold an old one. */
static void
put_setting(struct h5_buf *out, const char *line, size_t n)
{
	const char *equals = memchr(line, '=', n), *value, *path;
	char name[64];
	size_t len;

	/* Only sections and settings are shown. */
	if (n == 0 || line[0] == '#' || line[0] == ';' ||
	    (line[0] != '[' && equals == NULL))
		return;
	if (line[0] == '[') {
		h5_buf_add(out, line, n);
		h5_buf_putc(out, '\n');
		return;
	}
	(void)snprintf(name, sizeof name, "%.*s", (int)(equals - line), line);
	len = strcspn(name, " \t");
	name[len] = '\0';
	value = equals + 1;
	h5_buf_printf(out, "%s =", name);
	/* A path to a key is no secret, the key itself is. */
	if ((strstr(name, "key") != NULL || strstr(name, "secret") != NULL) &&
	    (len < 5 || strcmp(name + len - 5, "_file") != 0)) {
		h5_buf_puts(out, " (hidden)\n");
		return;
	}
	/* A URL's path may be a secret as well. */
	path = strcmp(name, "webhook_url") == 0
		   ? memmem(value, n - (size_t)(value - line), "://", 3)
		   : NULL;
	if (path != NULL)
		path = memchr(path + 3, '/', n - (size_t)(path + 3 - line));
	if (path == NULL)
		path = line + n;
	h5_buf_add(out, value, (size_t)(path - value));
	h5_buf_puts(out, path < line + n ? "/(hidden)\n" : "\n");
}

/* --- collecting ----------------------------------------------------------- */

/* Calls put with each line of text. */
static void
each_line(struct h5_buf *out, const struct h5_buf *text,
    void (*put)(struct h5_buf *out, const char *line, size_t n))
{
	const char *s = text->data, *end;

	while (*s != '\0') {
		/* Blanks in front of a setting count for nothing. */
		s += strspn(s, " \t");
		end = s + strcspn(s, "\r\n");
		put(out, s, (size_t)(end - s));
		s = end + (*end != '\0');
	}
}

static enum h5_code
take_order(struct bundle *b, struct h5_err *e)
{
	struct h5_order *o = NULL;
	struct h5_buf json;
	enum h5_code rc;

	h5_buf_init(&json, ORDER_MAX);
	rc = h5_store_load(b->cmd->shop.st, b->id, &o, e);
	if (rc == H5_OK)
		rc = h5_order_json(o, &json, e);
	if (rc == H5_OK)
		put_order(&b->order, json.data);
	h5_order_free(o);
	h5_buf_release(&json);
	return rc == H5_OK ? h5_buf_finish(&b->order, e) : rc;
}

static enum h5_code
take_conf(struct bundle *b, struct h5_err *e)
{
	struct h5_buf text;
	enum h5_code rc;

	h5_buf_init(&text, CONF_MAX);
	/* The file as it is now, which may not be what the programs run
	 * with. */
	rc = h5_file_read(AT_FDCWD, b->cmd->shop.c->path, &text, e);
	if (rc == H5_OK)
		each_line(&b->conf, &text, put_setting);
	h5_buf_wipe(&text);
	return rc == H5_OK ? h5_buf_finish(&b->conf, e) : rc;
}

/* The lines of the log's end that name the order. */
static enum h5_code
scan_log(struct bundle *b, const char *path, struct h5_err *e)
{
	struct h5_buf text;
	size_t size = 0, id_len = strlen(b->id), n;
	const char *s, *end;
	enum h5_code rc;
	int fd = -1;

	h5_buf_init(&text, LOG_TAIL);
	rc = h5_file_open(AT_FDCWD, path, O_RDONLY, &fd, &size, e);
	if (rc == H5_OK)
		/* The end of a large log: what is asked about happened
		 * lately. */
		rc = h5_file_slurp(fd, size > LOG_TAIL ? size - LOG_TAIL : 0,
		    size > LOG_TAIL ? LOG_TAIL : size, &text, e);
	h5_file_drop(&fd);
	for (s = text.data; rc == H5_OK && s < text.data + text.len;
	     s = end + 1) {
		n = strcspn(s, "\n");
		end = s + n;
		/* Whole lines, with addresses cut in half. */
		if (memmem(s, n, b->id, id_len) != NULL) {
			put_masked(&b->log, s, n);
			h5_buf_putc(&b->log, '\n');
		}
	}
	h5_buf_release(&text);
	return rc == H5_OK ? h5_buf_finish(&b->log, e) : rc;
}

/* If the log cannot be read, the bundle says so in its place. */
static void
take_log(struct bundle *b)
{
	const char *path = h5_config_log_path(b->cmd->shop.c);
	struct h5_err e;

	if (path == NULL) {
		h5_buf_puts(&b->log, b->cmd->shop.c->log.file == NULL
					 ? "(log.file is not set: look in the "
					   "web server's error log, or in "
					   "syslog)\n"
					 : "(log.file = syslog: look there)\n");
	} else if (scan_log(b, path, &e) != H5_OK) {
		h5_buf_clear(&b->log);
		h5_buf_printf(&b->log, "(%s: %s)\n", path, e.msg);
	}
}

/* --- the bundle ----------------------------------------------------------- */

static void
put_versions(const struct bundle *b, struct h5_buf *out)
{
	char now[H5_CLOCK_RFC3339], swept[H5_CLOCK_RFC3339] = "never";
	struct utsname u;
	struct h5_err e;
	int64_t t;

	if (h5_store_swept_at(b->cmd->shop.st, &t, &e) == H5_OK)
		h5_clock_rfc3339(t, swept);
	h5_clock_rfc3339(h5_clock_now(), now);
	if (uname(&u) != 0)
		memset(&u, 0, sizeof u);
	h5_buf_printf(out,
	    "h5pay %s\nmade at %s\nlast sweep %s\nsystem %s %s %s\n",
	    H5_VERSION, now, swept, u.sysname, u.release, u.machine);
}

static void
put_bundle(const struct bundle *b, struct h5_buf *out)
{
	struct h5_buf versions;

	h5_buf_init(&versions, 4096);
	put_versions(b, &versions);
	if (!b->cmd->json) {
		h5_buf_printf(out,
		    "== versions\n%s\n== order %s\n%s\n\n"
		    "== configuration\n%s\n== log\n%s",
		    versions.data, b->id, b->order.data, b->conf.data,
		    b->log.data);
	} else {
		h5_buf_puts(out, "{\"versions\":");
		h5_json_string(versions.data, out);
		h5_buf_printf(
		    out, ",\"order\":%s,\"configuration\":", b->order.data);
		h5_json_string(b->conf.data, out);
		h5_buf_puts(out, ",\"log\":");
		h5_json_string(b->log.data, out);
		h5_buf_puts(out, "}\n");
	}
	h5_buf_release(&versions);
}

static int
make(struct command *cmd, const char *id, const char *file)
{
	struct bundle b = {.cmd = cmd, .id = id};
	struct h5_buf out;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&b.order, ORDER_MAX);
	h5_buf_init(&b.conf, CONF_MAX);
	h5_buf_init(&b.log, LOG_MAX);
	h5_buf_init(&out, BUNDLE_MAX);
	rc = take_order(&b, &e);
	if (rc == H5_OK)
		rc = take_conf(&b, &e);
	if (rc == H5_OK) {
		take_log(&b);
		put_bundle(&b, &out);
		rc = h5_buf_finish(&out, &e);
	}
	if (rc == H5_OK && file == NULL)
		(void)fputs(out.data, stdout);
	else if (rc == H5_OK && h5_file_replace(AT_FDCWD, file, out.data,
				    out.len, 0600, &e) != H5_OK)
		rc = h5_err_set(&e, H5_E_IO, "cannot write %s", file);
	h5_buf_release(&b.order);
	h5_buf_release(&b.conf);
	h5_buf_release(&b.log);
	h5_buf_release(&out);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	const char *id = NULL;
	int status;

	(void)argc;
	status = command_order(cmd, argv[1], &id);
	return status == EXIT_DONE ? make(cmd, id, cmd->given[OUTPUT].text)
				   : status;
}

const struct verb verb_support = {
    .name = "support",
    .usage = "support ID [-o FILE] [--json]",
    .operand = "ID",
    .example = "20261123-0007",
    .least = 1,
    .most = 1,
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
