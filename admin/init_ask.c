/* The questions of "h5pay init": each answer is looked at when it is given. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "admin/init.h"
#include "common/base/length.h"
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/format/ini.h"

#define ANSWER 4096 /* longest answer, bytes */

static const struct {
	const char *name; /* of its words */
	const char *option;
	const char *section, *key; /* NULL: not of the configuration */
	const char *example; /* what the example has there, or NULL */
	bool required;
} questions[INIT_ANSWERS] = {
    [INIT_APPID] = {"appid", "--appid", "merchant", "appid",
	"wx0000000000000000", true},
    [INIT_MCH_ID] = {"mch_id", "--mch-id", "merchant", "mch_id", "0000000000",
	true},
    [INIT_API_KEY] = {"api_key", "--api-key-file", "merchant", "api_key", NULL,
	true},
    [INIT_BASE_URL] = {"base_url", "--base-url", "site", "base_url",
	"https://shop.example", true},
    [INIT_NAME] = {"name", "--name", "site", "name", "My Shop", true},
    [INIT_CONTACT] = {"contact", "--contact", "site", "contact", NULL, false},
    [INIT_PRODUCTS] = {"products", "--products", "merchant", "products", NULL,
	false},
    [INIT_APP_SECRET] = {"app_secret", "--app-secret-file", "merchant",
	"app_secret", NULL, true},
    [INIT_WEB] = {"web", "--web", NULL, NULL, NULL, false},
    [INIT_PUBLIC] = {"public", "--public", NULL, NULL, NULL, true},
    [INIT_USER] = {"user", "--user", NULL, NULL, NULL, false},
};

/* --- what the configuration has already --- */

struct wanted {
	const char *section, *key;
	struct h5_buf *out;
	bool found;
};

static void
on_line(void *ctx, struct h5_ini *h, const char *section, const char *key,
    char *value)
{
	struct wanted *w = ctx;

	(void)h;
	if (key == NULL || strcmp(section, w->section) != 0 ||
	    strcmp(key, w->key) != 0 || w->found)
		return;
	h5_buf_puts(w->out, value);
	w->found = true;
}

bool
init_present(const struct init *in, const char *section, const char *key,
    struct h5_buf *out)
{
	struct wanted w = {section, key, out, false};
	struct h5_buf faults;
	struct h5_ini ini = {.file = in->path.data, .faults = &faults};
	char *copy = strdup(in->text.data);

	if (copy == NULL)
		return false;
	h5_buf_init(&faults, 65536);
	h5_ini_read(&ini, copy, strlen(copy), on_line, &w);
	explicit_bzero(copy, strlen(in->text.data));
	free(copy);
	h5_buf_release(&faults);
	return w.found;
}

/* Is the value one of the example, or nothing but zeros? */
static bool
placeholder(enum init_answer which, const char *text)
{
	const char *example = questions[which].example;

	if (which == INIT_MCH_ID)
		return strspn(text, "0") == strlen(text);
	if (which == INIT_BASE_URL)
		return strncmp(text, example, strlen(example)) == 0;
	return example != NULL && strcmp(text, example) == 0;
}

/* A key that stands in a file of its own, or in the configuration. */
static bool
has_secret(const struct init *in, enum init_answer which)
{
	const char *key = questions[which].key;
	char file[40];
	struct h5_buf b, path;
	bool there;

	h5_buf_init(&b, INIT_PATH);
	h5_buf_init(&path, INIT_PATH);
	(void)snprintf(file, sizeof file, "%s_file", key);
	there = init_present(in, "merchant", key, &b);
	if (!there && init_present(in, "merchant", file, &b)) {
		if (b.data[0] != '/')
			h5_buf_printf(&path, "%s/", in->dir.data);
		h5_buf_puts(&path, b.data);
		there = access(path.data, F_OK) == 0;
	}
	h5_buf_release(&path);
	h5_buf_wipe(&b);
	return there;
}

/* --- one answer --- */

static enum h5_code
acceptable(const struct init *in, enum init_answer which, const char *text,
    struct h5_err *why)
{
	const char *section = questions[which].section;
	struct h5_buf home;
	unsigned uid, gid;

	h5_err_clear(why);
	if (section != NULL && placeholder(which, text))
		return h5_err_set(why, H5_E_INPUT, "the example's");
	if (section != NULL && text[0] == '\0' && questions[which].required)
		return h5_err_set(why, H5_E_INPUT, "no value");
	if (section != NULL && text[0] != '\0')
		return h5_config_try(section, questions[which].key, text, why);
	if (which == INIT_WEB && !init_web_known(text))
		return h5_err_set(why, H5_E_INPUT, "unknown");
	if (which == INIT_PUBLIC && text[0] != '/')
		return h5_err_set(why, H5_E_INPUT, "not a whole path");
	/* h5pay is made if it is missing. */
	if (which != INIT_USER || (in->root && strcmp(text, "h5pay") == 0))
		return H5_OK;
	h5_buf_init(&home, INIT_PATH);
	if (command_account(text, &uid, &gid, &home, why) == H5_OK &&
	    uid == 0 && in->fresh)
		(void)h5_err_set(why, H5_E_INPUT, "root");
	h5_buf_release(&home);
	return why->code;
}

/* The words for an answer that is not acceptable. */
static void
refusal(const struct init *in, enum init_answer which, const char *text,
    const char *why, struct h5_buf *out)
{
	char name[40];

	(void)snprintf(name, sizeof name, "%s.bad", questions[which].name);
	init_words(
	    in, name, out, "why", why, "n", H5_LOG_NUM(strlen(text)), NULL);
}

enum h5_code
init_take(
    struct init *in, enum init_answer which, const char *text, struct h5_err *e)
{
	struct h5_buf b;
	struct h5_err why;
	enum h5_code rc = acceptable(in, which, text, &why);

	if (rc == H5_E_NOMEM)
		return h5_err_nomem(e);
	if (rc != H5_OK) {
		h5_buf_init(&b, 2048);
		refusal(in, which, text, why.msg, &b);
		rc = h5_err_set(
		    e, H5_E_INPUT, "%s: %s", questions[which].option, b.data);
		h5_buf_release(&b);
		return rc;
	}
	h5_buf_clear(&in->answer[which]);
	h5_buf_puts(&in->answer[which], text);
	in->given[which] = true;
	return h5_buf_finish(&in->answer[which], e);
}

/* --- asking --- */

/* No echo of what is typed from here on; false: this is no terminal.  What was
 * typed ahead is kept: it may be the answer. */
static bool
hush(struct termios *was)
{
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, was) != 0)
		return false;
	quiet = *was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
	return true;
}

/* Prints the prompt and reads a line.  A secret is not shown on a terminal.
 * False: the end. */
static bool
read_line(const char *prompt, struct h5_buf *out, bool secret)
{
	struct termios was;
	/* Before the prompt, behind which somebody may type at once. */
	bool hide = secret && hush(&was);
	char c;
	ssize_t n;

	h5_buf_clear(out);
	(void)fputs(prompt, stderr);
	(void)fflush(stderr);
	/* A byte at a time: the rest is the next answer. */
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		h5_buf_putc(out, c);
	if (hide) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
		(void)fputs("\n", stderr);
	}
	if (out->len > 0 && out->data[out->len - 1] == '\r')
		out->data[--out->len] = '\0';
	return n == 1 || out->len > 0;
}

static enum h5_code
ended(const struct init *in, struct h5_err *e)
{
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, 1024);
	init_words(in, "ended", &b, NULL);
	rc = h5_err_set(e, H5_E_INPUT, "%s", b.data);
	h5_buf_release(&b);
	return rc;
}

/* Asks until the answer will do.  fallback: what Enter means; NULL: nothing
 * does. */
static enum h5_code
ask(struct init *in, enum init_answer which, const char *fallback,
    struct h5_err *e)
{
	bool secret = which == INIT_API_KEY || which == INIT_APP_SECRET;
	struct h5_err why;
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, ANSWER);
	init_say(in, stderr, questions[which].name, NULL);
	for (;;) {
		(void)fprintf(stderr, "%s", questions[which].name);
		if (fallback != NULL && !secret)
			(void)fprintf(stderr, " [%s]", fallback);
		if (!read_line(": ", &b, secret)) {
			rc = ended(in, e);
			break;
		}
		rc = H5_OK;
		if (b.len == 0 && fallback != NULL)
			break;
		rc = init_take(in, which, b.data, &why);
		if (rc != H5_E_INPUT)
			break;
		/* The words without the option's name. */
		(void)fprintf(stderr, "%s\n",
		    why.msg + strlen(questions[which].option) + 2);
	}
	if (rc == H5_OK && b.len == 0 && fallback != NULL) {
		h5_buf_clear(&in->answer[which]);
		h5_buf_puts(&in->answer[which], fallback);
	}
	h5_buf_wipe(&b);
	return rc;
}

/* The value that a question would have without an answer; false: none. */
static bool
standing(struct init *in, enum init_answer which, struct h5_buf *out)
{
	h5_buf_clear(out);
	switch (which) {
	case INIT_API_KEY:
	case INIT_APP_SECRET:
		return has_secret(in, which);
	case INIT_PRODUCTS:
		if (!init_present(in, "merchant", "products", out))
			h5_buf_puts(out, "h5");
		return true;
	case INIT_WEB:
		h5_buf_puts(out, "none");
		return true;
	case INIT_USER:
		init_usual_account(in);
		h5_buf_puts(out, in->account);
		return true;
	case INIT_PUBLIC:
	case INIT_ANSWERS:
		return false;
	case INIT_APPID:
	case INIT_MCH_ID:
	case INIT_BASE_URL:
	case INIT_NAME:
	case INIT_CONTACT:
		break;
	}
	return (init_present(
		    in, questions[which].section, questions[which].key, out) &&
		   !placeholder(which, out->data)) ||
	       !questions[which].required;
}

/* Does the question have a sense now? */
static bool
asked(const struct init *in, enum init_answer which)
{
	bool htaccess = strcmp(in->answer[INIT_WEB].data, "htaccess") == 0;

	if (in->given[which])
		return false;
	if (which == INIT_PUBLIC)
		return htaccess && in->web_file == NULL;
	if (which == INIT_APP_SECRET)
		return strstr(in->answer[INIT_PRODUCTS].data, "jsapi") != NULL;
	/* One user's programs run as that user. */
	return which != INIT_USER || in->root;
}

/* Is anything said on the line?  Then only what is missing is asked. */
static bool
one_thing(const struct init *in)
{
	size_t i;

	for (i = 0; i < INIT_ANSWERS; i++)
		if (in->given[i])
			return true;
	return in->n_set > 0 || in->webhook_url != NULL;
}

enum h5_code
init_ask(struct init *in, struct h5_err *e)
{
	bool few = in->yes || (!in->fresh && one_thing(in)), have;
	struct h5_buf was, missing;
	enum h5_code rc = H5_OK;
	size_t i;

	h5_buf_init(&was, ANSWER);
	h5_buf_init(&missing, 1024);
	if (!few)
		init_say(in, stderr, "hello", "path", in->path.data, NULL);
	for (i = 0; i < INIT_ANSWERS && rc == H5_OK; i++) {
		if (!asked(in, (enum init_answer)i))
			continue;
		have = standing(in, (enum init_answer)i, &was);
		if (in->yes && !have)
			h5_buf_printf(&missing, "%s%s",
			    missing.len > 0 ? " " : "", questions[i].option);
		else if (!few || !have)
			rc = ask(
			    in, (enum init_answer)i, have ? was.data : NULL, e);
		else if (i >= INIT_WEB || i == INIT_PRODUCTS)
			h5_buf_puts(&in->answer[i], was.data);
	}
	if (rc == H5_OK && missing.len > 0) {
		h5_buf_clear(&was);
		init_words(in, "missing", &was, "what", missing.data, NULL);
		rc = h5_err_set(e, H5_E_INPUT, "%s", was.data);
	}
	h5_buf_release(&missing);
	h5_buf_release(&was);
	return rc;
}
