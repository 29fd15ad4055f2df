/* init.h - what the files of "h5pay init" share.
 * init.c takes the options and goes through the steps; init_ask.c asks;
 * init_write.c writes configuration, secrets and folders; init_web.c the web
 * server's part; init_account.c finds who runs the programs;
 * init_words.c says it in the reader's language. */
#ifndef H5_ADMIN_INIT_H
#define H5_ADMIN_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "admin/command.h"
#include "common/base/buf.h"
#include "common/base/err.h"

#define INIT_SETS 64 /* most keys that one run sets */
#define INIT_PATH 4096

/* One answer.  The first ones are keys of the configuration. */
enum init_answer {
	INIT_APPID,
	INIT_MCH_ID,
	INIT_API_KEY,
	INIT_BASE_URL,
	INIT_NAME,
	INIT_CONTACT,
	INIT_PRODUCTS,
	INIT_APP_SECRET, /* with jsapi among them */
	INIT_WEB,
	INIT_PUBLIC, /* with web = htaccess */
	INIT_USER, /* as root */
	INIT_ANSWERS
};

struct init_set {
	char section[40], key[40];
	char *value; /* owned */
};

struct init {
	struct command *cmd;
	const char *lang; /* "en" or "zh" */
	bool yes, offline, root;
	bool fresh; /* there was no configuration */
	bool json; /* nothing is said but the object at the end */
	struct h5_buf path, dir; /* of the configuration; its folder */
	struct h5_buf text; /* of the configuration, as it was, or the
			       example's */
	struct h5_buf answer[INIT_ANSWERS];
	bool given[INIT_ANSWERS]; /* answered now, not before */
	struct init_set set[INIT_SETS];
	size_t n_set;
	const char *web_file; /* where the web server's part goes; NULL: its
				 usual place */
	const char *webhook_url; /* NULL: none */
	char account[64]; /* who runs the programs */
	unsigned uid, gid;
	struct h5_buf bin, command; /* folder of the programs; this program */
	struct h5_buf written; /* JSON strings, with commas between */
};

/* init_words(in, name, out, key, value, ..., NULL): append the words of an
 * entry, filled in. */
void init_words(const struct init *in, const char *name, struct h5_buf *out,
    ...) __attribute__((sentinel));
/* init_say(in, to, name, key, value, ..., NULL): print them, and a line feed,
 * unless the answer is JSON. */
void init_say(const struct init *in, FILE *to, const char *name, ...)
    __attribute__((sentinel));
/* init_lang(option): the language of the words: option, or the locale's. */
const char *init_lang(const char *option);

/* init_present(in, section, key, out): append the value that the configuration
 * has; false: it has none. */
bool init_present(const struct init *in, const char *section, const char *key,
    struct h5_buf *out);

/* init_take(in, which, text, e): take an answer that was given on the line.
 * H5_E_INPUT: it is not acceptable; e says why, in the reader's language. */
H5_MUST_CHECK enum h5_code init_take(struct init *in, enum init_answer which,
    const char *text, struct h5_err *e);
/* init_ask(in, e): ask for what is missing, or with --yes say what is.
 * H5_E_INPUT: the answers ended, or --yes lacks some. */
H5_MUST_CHECK enum h5_code init_ask(struct init *in, struct h5_err *e);

/* init_set_key(in, section, key, value, e): remember a key to be set.
 * H5_E_INPUT: too many, or not a value that it may have. */
H5_MUST_CHECK enum h5_code init_set_key(struct init *in, const char *section,
    const char *key, const char *value, struct h5_err *e);
/* init_outside(in, path, e): H5_E_CONFIG if a web server hands path out. */
H5_MUST_CHECK enum h5_code init_outside(
    const struct init *in, const char *path, struct h5_err *e);
/* init_usual_account(in): in->account becomes the one that root would choose:
 * the owner of the orders, or the web server's usual one. */
void init_usual_account(struct init *in);
/* init_account(in, e): find out who runs the programs; make h5pay if root may.
 * H5_E_NOTFOUND: there is no such account. */
H5_MUST_CHECK enum h5_code init_account(struct init *in, struct h5_err *e);
/* init_write(in, e): folders, secrets, catalogue, configuration: durable, each
 * in one step; what is there stays.
 * H5_E_CONFIG: the configuration would be faulty; it was left as it was. */
H5_MUST_CHECK enum h5_code init_write(struct init *in, struct h5_err *e);
/* init_note(in, path): path was written. */
void init_note(struct init *in, const char *path);
/* init_web(in, e): the web server's part. */
H5_MUST_CHECK enum h5_code init_web(struct init *in, struct h5_err *e);
/* init_web_known(word): is it a web server's? */
bool init_web_known(const char *word);
/* init_web_next(in): say what is left to do. */
void init_web_next(const struct init *in);

#endif
