/* h5pay init - sets a shop up: asks, writes configuration, secrets and the web
 * server's part, looks at it all, and ends with a link for one fen. */
#include "admin/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/format/json.h"
#include "common/store/store.h"
#include "common/system/file.h"
#include "common/system/process.h"

#define TEXT_MAX (256 * 1024) /* bytes of a configuration */
#define KEY_FILE 256 /* bytes of a file with a key */
#define CHILD_MS 120000 /* the doctor may wait for the network */

/* --- where everything is -------------------------------------------------- */

/* The folder of this program, where the programs lie, seen from it. */
static void
find_programs(struct init *in)
{
	static const char *const tails[] = {
	    "/../lib/h5pay", "/../libexec/h5pay", "/cgi-bin"};
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	struct h5_buf b;
	char *real;
	size_t i;

	exe[n > 0 ? n : 0] = '\0';
	h5_buf_puts(&in->command, n > 0 ? exe : "h5pay");
	*(n > 0 ? strrchr(exe, '/') : exe) = '\0';
	h5_buf_init(&b, INIT_PATH);
	for (i = 0; i < H5_LENGTH(tails) && in->bin.len == 0; i++) {
		h5_buf_clear(&b);
		h5_buf_printf(&b, "%s%s/checkout", exe, tails[i]);
		real = realpath(b.data, NULL);
		if (real != NULL)
			h5_buf_add(
			    &in->bin, real, strlen(real) - strlen("/checkout"));
		free(real);
	}
	if (in->bin.len == 0)
		h5_buf_puts(&in->bin, "/usr/lib/h5pay");
	h5_buf_release(&b);
}

/* The configuration that is there, or where a new one goes: root's below /etc,
 * another's below that account's home. */
static enum h5_code
find_path(struct init *in, struct h5_err *e)
{
	const char *option = in->cmd->config_path;
	struct h5_buf home, path;
	char cwd[PATH_MAX];
	unsigned uid, gid;
	enum h5_code rc = H5_OK;
	const char *slash;

	h5_buf_init(&home, INIT_PATH);
	h5_buf_init(&path, INIT_PATH);
	if (option != NULL) {
		if (option[0] != '/' && getcwd(cwd, sizeof cwd) != NULL)
			h5_buf_printf(&in->path, "%s/", cwd);
		h5_buf_puts(&in->path, option);
	} else if (h5_config_find(NULL, NULL, &path, NULL) == H5_OK) {
		h5_buf_puts(&in->path, path.data);
	} else if (in->root) {
		h5_buf_puts(&in->path, "/etc/h5pay/h5pay.conf");
	} else {
		rc = command_account(NULL, &uid, &gid, &home, e);
		h5_buf_printf(&in->path, "%s/h5pay/h5pay.conf", home.data);
	}
	slash = strrchr(in->path.data, '/');
	if (rc == H5_OK && slash == NULL)
		rc = h5_err_set(e, H5_E_CONFIG, "-c needs a whole path here");
	if (rc == H5_OK)
		h5_buf_add(&in->dir, in->path.data,
		    slash == in->path.data ? 1
					   : (size_t)(slash - in->path.data));
	h5_buf_release(&path);
	h5_buf_release(&home);
	return rc;
}

static enum h5_code
read_conf(struct init *in, struct h5_err *e)
{
	char *real = realpath(in->path.data, NULL);
	enum h5_code rc;

	rc = h5_file_read(
	    AT_FDCWD, real != NULL ? real : in->path.data, &in->text, e);
	/* What a link leads to is what is changed. */
	if (rc == H5_OK && real != NULL) {
		h5_buf_clear(&in->path);
		h5_buf_puts(&in->path, real);
	}
	free(real);
	if (rc != H5_E_NOTFOUND)
		return rc;
	in->fresh = true;
	h5_buf_puts(&in->text, command_file("h5pay.conf.example"));
	return h5_buf_finish(&in->text, e);
}

/* --- options -------------------------------------------------------------- */

/* The key that stands in a file, alone in a line, or on stdin. */
static enum h5_code
read_key(const char *path, struct h5_buf *out, struct h5_err *e)
{
	bool in = strcmp(path, "-") == 0;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	enum h5_code rc = H5_OK;
	ssize_t n = 1;
	char c;

	if (fd < 0)
		return h5_err_sys(e, H5_E_INPUT, errno, "%s", path);
	while (rc == H5_OK && (n = read(fd, &c, 1)) == 1 && c != '\n') {
		h5_buf_putc(out, c);
		rc = h5_buf_finish(out, e);
	}
	if (n < 0)
		rc = h5_err_sys(e, H5_E_INPUT, errno, "%s", path);
	if (!in)
		(void)close(fd);
	if (out->len > 0 && out->data[out->len - 1] == '\r')
		out->data[--out->len] = '\0';
	if (out->len >= 3 && memcmp(out->data, "\xef\xbb\xbf", 3) == 0) {
		memmove(out->data, out->data + 3, out->len - 2);
		out->len -= 3;
	}
	return rc;
}

static enum h5_code
take_key_file(
    struct init *in, enum init_answer which, const char *path, struct h5_err *e)
{
	struct h5_buf key;
	enum h5_code rc;

	h5_buf_init(&key, KEY_FILE);
	rc = read_key(path, &key, e);
	if (rc == H5_OK)
		rc = init_take(in, which, key.data, e);
	h5_buf_wipe(&key);
	return rc;
}

/* section.key=value */
static enum h5_code
take_set(struct init *in, const char *text, struct h5_err *e)
{
	const char *dot = strchr(text, '.'), *is = strchr(text, '=');
	char section[40], key[40];
	struct h5_err why;
	enum h5_code rc;

	if (dot == NULL || is == NULL || is < dot ||
	    dot - text >= (ptrdiff_t)sizeof section ||
	    is - dot > (ptrdiff_t)sizeof key)
		return h5_err_set(e, H5_E_INPUT,
		    "\"%.60s\": a key is set by SECTION.KEY=VALUE", text);
	(void)snprintf(
	    section, sizeof section, "%.*s", (int)(dot - text), text);
	(void)snprintf(key, sizeof key, "%.*s", (int)(is - dot) - 1, dot + 1);
	rc = h5_config_try(section, key, is + 1, &why);
	/* Whether a file is there shows when the whole is tried. */
	if (rc == H5_E_NOTFOUND)
		return h5_err_set(e, H5_E_INPUT, "%s", why.msg);
	if (rc != H5_OK && strstr(key, "_file") == NULL)
		return h5_err_set(
		    e, H5_E_INPUT, "%s.%s: %s", section, key, why.msg);
	return init_set_key(in, section, key, is + 1, e);
}

/* The first ones are the answers, by enum init_answer. */
enum {
	OPT_API_KEY_FILE = INIT_ANSWERS,
	OPT_APP_SECRET_FILE,
	OPT_LANG,
	OPT_OFFLINE,
	OPT_WEB_FILE,
	OPT_WEBHOOK,
	OPT_YES
};

static const char *const languages[] = {"zh-CN", "en", NULL};
static const struct option_def options[] = {
    [INIT_APPID] = {.name = "appid",
	.kind = VALUE_TEXT,
	.form = "ID",
	.example = "wx8888888888888888"},
    [INIT_MCH_ID] = {.name = "mch-id",
	.kind = VALUE_TEXT,
	.form = "ID",
	.example = "1230000109"},
    [INIT_API_KEY] = {.name = "api-key",
	.kind = VALUE_TEXT,
	.form = "KEY",
	.example = "32-characters"},
    [INIT_BASE_URL] = {.name = "base-url",
	.kind = VALUE_TEXT,
	.form = "URL",
	.example = "https://shop.your-domain/pay"},
    [INIT_NAME] = {.name = "name",
	.kind = VALUE_TEXT,
	.form = "TEXT",
	.example = "Teahouse"},
    [INIT_CONTACT] = {.name = "contact",
	.kind = VALUE_TEXT,
	.form = "TEXT",
	.example = "010-12345678"},
    [INIT_PRODUCTS] = {.name = "products",
	.kind = VALUE_TEXT,
	.form = "LIST",
	.example = "\"h5 native\""},
    [INIT_APP_SECRET] = {.name = "app-secret",
	.kind = VALUE_TEXT,
	.form = "KEY",
	.example = "32-hex-digits"},
    [INIT_WEB] = {.name = "web",
	.kind = VALUE_TEXT,
	.form = "SERVER",
	.example = "nginx"},
    [INIT_PUBLIC] = {.name = "public",
	.kind = VALUE_TEXT,
	.form = "FOLDER",
	.example = "/srv/www/pay"},
    [INIT_USER] = {.name = "user",
	.kind = VALUE_TEXT,
	.form = "ACCOUNT",
	.example = "www-data"},
    [OPT_API_KEY_FILE] = {.name = "api-key-file",
	.kind = VALUE_FILE,
	.form = "FILE",
	.example = "-"},
    [OPT_APP_SECRET_FILE] = {.name = "app-secret-file",
	.kind = VALUE_FILE,
	.form = "FILE",
	.example = "app_secret"},
    [OPT_LANG] = {.name = "lang",
	.kind = VALUE_WORD,
	.form = "zh-CN|en",
	.example = "en",
	.words = languages},
    [OPT_OFFLINE] = {.name = "offline"},
    [OPT_WEB_FILE] = {.name = "web-file",
	.kind = VALUE_FILE,
	.form = "FILE",
	.example = "-"},
    [OPT_WEBHOOK] = {.name = "webhook-url",
	.kind = VALUE_TEXT,
	.form = "URL",
	.example = "https://shop.your-domain/event"},
    [OPT_YES] = {.name = "yes"},
    {.name = NULL},
};

static enum h5_code
take_options(struct init *in, struct h5_err *e)
{
	const struct given *g = in->cmd->given;
	enum h5_code rc = H5_OK;
	size_t i;

	in->offline = g[OPT_OFFLINE].text != NULL;
	in->yes = g[OPT_YES].text != NULL;
	in->web_file = g[OPT_WEB_FILE].text;
	in->webhook_url = g[OPT_WEBHOOK].text;
	if (g[INIT_API_KEY].text != NULL || g[INIT_APP_SECRET].text != NULL)
		init_say(in, stderr, "key-on-line", NULL);
	for (i = 0; i < INIT_ANSWERS && rc == H5_OK; i++)
		if (g[i].text != NULL)
			rc = init_take(in, (enum init_answer)i, g[i].text, e);
	if (rc == H5_OK && g[OPT_API_KEY_FILE].text != NULL)
		rc = take_key_file(
		    in, INIT_API_KEY, g[OPT_API_KEY_FILE].text, e);
	if (rc == H5_OK && g[OPT_APP_SECRET_FILE].text != NULL)
		rc = take_key_file(
		    in, INIT_APP_SECRET, g[OPT_APP_SECRET_FILE].text, e);
	if (rc == H5_OK && in->webhook_url != NULL)
		rc = h5_config_try("hooks", "webhook_url", in->webhook_url, e);
	return rc == H5_E_CONFIG ? h5_err_as(e, H5_E_INPUT) : rc;
}

/* The process list shows a key as long as this runs. */
static void
hide_key(const struct init *in)
{
	static const enum init_answer secrets[] = {
	    INIT_API_KEY, INIT_APP_SECRET};
	const char *text;
	size_t i;

	/* It is a part of our own argument, which may be written to. */
	for (i = 0; i < H5_LENGTH(secrets); i++) {
		text = in->cmd->given[secrets[i]].text;
		if (text != NULL)
			explicit_bzero((char *)(uintptr_t)text, strlen(text));
	}
}

/* --- afterwards ----------------------------------------------------------- */

/* Runs a verb of this command; what it prints is printed, or goes to out. */
static int
child(const struct init *in, char *const *args, struct h5_buf *out)
{
	char *argv[16] = {
	    in->command.data, (char *)(uintptr_t) "-c", in->path.data};
	struct h5_process p = {.path = in->command.data, .argv = argv};
	struct h5_process_end end = {.status = -1};
	struct h5_buf said;
	struct h5_err e;
	size_t n = 3;

	if (in->json)
		argv[n++] = (char *)(uintptr_t) "--json";
	while (n < H5_LENGTH(argv) - 1 && *args != NULL)
		argv[n++] = *args++;
	argv[n] = NULL;
	h5_buf_init(&said, 1 << 20);
	if (h5_process_run(&p, CHILD_MS, &said, &end, &e) != H5_OK)
		(void)fprintf(stderr, "h5pay: %s\n", e.msg);
	if (out != NULL)
		h5_buf_add(out, said.data, strcspn(said.data, "\n"));
	else
		(void)fputs(said.data, stdout);
	(void)fflush(stdout);
	h5_buf_release(&said);
	return end.status;
}

static void
print_json(const struct init *in, bool good, const struct h5_buf *checked,
    const struct h5_buf *found, const struct h5_buf *url)
{
	struct h5_buf out;

	h5_buf_init(&out, 1 << 21);
	h5_buf_printf(&out, "{\"ok\":%s,\"file\":", good ? "true" : "false");
	h5_json_string(in->path.data, &out);
	h5_buf_puts(&out, ",\"account\":");
	h5_json_string(in->account, &out);
	/* Each of the three is what a verb of its own says. */
	h5_buf_printf(&out,
	    ",\"written\":[%s],\"check\":%s,\"doctor\":%s,\"link\":%s}\n",
	    in->written.data, checked->len > 0 ? checked->data : "null",
	    found->len > 0 ? found->data : "null",
	    url->len > 0 ? url->data : "null");
	(void)fputs(out.data, stdout);
	h5_buf_release(&out);
}

/* Check, doctor, the link; then the object for programs. */
static int
look(struct init *in)
{
	char order[H5_CLOCK_PLAIN + 16];
	char *check[] = {(char *)(uintptr_t) "check",
	    (char *)(uintptr_t) "--as", in->account, NULL};
	char *doctor[] = {(char *)(uintptr_t) "doctor",
	    in->offline ? (char *)(uintptr_t) "--offline" : NULL, NULL};
	char *link[] = {(char *)(uintptr_t) "link",
	    (char *)(uintptr_t) "--order", order,
	    (char *)(uintptr_t) "--total-fee", (char *)(uintptr_t) "1",
	    (char *)(uintptr_t) "--body", (char *)(uintptr_t) "Test", NULL};
	struct h5_buf checked, found, url;
	int good;

	h5_buf_init(&checked, 1 << 16);
	h5_buf_init(&found, 1 << 20);
	h5_buf_init(&url, 1 << 14);
	(void)snprintf(
	    order, sizeof order, "test-%lld", (long long)h5_clock_now());
	init_say(in, stdout, "check", NULL);
	good = child(in, check, in->json ? &checked : NULL);
	if (good == 0) {
		init_say(in, stdout, "doctor", NULL);
		if (child(in, doctor, in->json ? &found : NULL) != 0)
			init_say(in, stdout, "doctor-later", NULL);
		if (!in->json)
			init_web_next(in);
		init_say(in, stdout, "link", "order", order, NULL);
		(void)child(in, link, in->json ? &url : NULL);
	}
	if (in->json)
		print_json(in, good == 0, &checked, &found, &url);
	h5_buf_release(&url);
	h5_buf_release(&found);
	h5_buf_release(&checked);
	return good == 0 ? EXIT_DONE : h5_err_exit(H5_E_CONFIG);
}

/* --- the verb ------------------------------------------------------------- */

static void
start(struct init *in, struct command *cmd)
{
	size_t i;

	memset(in, 0, sizeof *in);
	in->cmd = cmd;
	in->json = cmd->json;
	in->root = geteuid() == 0;
	h5_buf_init(&in->path, INIT_PATH);
	h5_buf_init(&in->dir, INIT_PATH);
	h5_buf_init(&in->text, TEXT_MAX);
	h5_buf_init(&in->bin, INIT_PATH);
	h5_buf_init(&in->command, INIT_PATH);
	h5_buf_init(&in->written, 1 << 16);
	for (i = 0; i < INIT_ANSWERS; i++)
		h5_buf_init(&in->answer[i], INIT_PATH);
}

static void
finish(struct init *in)
{
	size_t i;

	for (i = 0; i < INIT_ANSWERS; i++)
		h5_buf_wipe(&in->answer[i]);
	for (i = 0; i < in->n_set; i++)
		free(in->set[i].value);
	h5_buf_wipe(&in->text);
	h5_buf_release(&in->path);
	h5_buf_release(&in->dir);
	h5_buf_release(&in->bin);
	h5_buf_release(&in->command);
	h5_buf_release(&in->written);
}

static enum h5_code
all(struct init *in, struct h5_err *e)
{
	enum h5_code rc;

	find_programs(in);
	rc = init_ask(in, e);
	if (rc == H5_OK)
		rc = init_account(in, e);
	if (rc == H5_OK)
		rc = init_write(in, e);
	return rc == H5_OK ? init_web(in, e) : rc;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct init in;
	struct h5_err e;
	int status, i;
	enum h5_code rc;

	start(&in, cmd);
	in.lang = init_lang(cmd->given[OPT_LANG].text);
	h5_err_clear(&e);
	rc = find_path(&in, &e);
	if (rc == H5_OK)
		rc = read_conf(&in, &e);
	if (rc == H5_OK)
		rc = take_options(&in, &e);
	hide_key(&in);
	for (i = 1; i < argc && rc == H5_OK; i++)
		rc = take_set(&in, argv[i], &e);
	if (rc == H5_OK)
		rc = all(&in, &e);
	if (rc == H5_E_INPUT) {
		(void)fprintf(stderr, "h5pay init: %s\n", e.msg);
		status = EXIT_USAGE;
	} else {
		status = rc == H5_OK ? look(&in) : command_fail(cmd, &e);
	}
	finish(&in);
	return status;
}

const struct verb verb_init = {
    .name = "init",
    .usage = "init [--yes] [--web SERVER] [OPTION...] [SECTION.KEY=VALUE...]",
    .operand = "SECTION.KEY=VALUE",
    .example = "site.lang=en",
    .least = 0,
    .most = INIT_SETS / 2,
    .options = options,
    .run = run,
};
