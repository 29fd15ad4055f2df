/* command.h - what the verbs of h5pay share.
 * Each verb has a file.  main.c takes the options that all verbs have, and
 * opens configuration and store for them.  Data goes to stdout, words go to
 * stderr. */
#ifndef H5_ADMIN_COMMAND_H
#define H5_ADMIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/wechat/bill.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/pay/pay.h"
#include "common/shop/shop.h"

/* Exit statuses beside those of h5_err_exit (INTERFACE section 6). */
enum {
	EXIT_DONE = 0,
	EXIT_NO = 1,
	EXIT_USAGE = 64,
	EXIT_DATA = 65,
	EXIT_LATER = 75
};

/* What the value of an option is; options.c checks it, and what number holds
 * then. */
enum value_kind {
	VALUE_NONE, /* there is none: a flag, whose text is "" if it stands */
	VALUE_TEXT, /* of least to most bytes if most is set */
	VALUE_FILE,
	VALUE_ORDER, /* one that is there; the verb looks it up */
	VALUE_NEW_ORDER, /* a well-formed id */
	VALUE_NUMBER, /* from least to most */
	VALUE_FEN, /* number: fen */
	VALUE_YUAN, /* number: fen */
	VALUE_PAST, /* as command_time has it; number: Unix seconds */
	VALUE_COMING, /* as command_coming has it; likewise */
	VALUE_WORD /* one of words */
};

#define OPTIONS_MAX 20 /* of one verb */
struct option_def {
	const char *name; /* "total-fee"; NULL ends a table */
	char letter; /* 'o', or NUL */
	enum value_kind kind;
	const char *form; /* "FEN" */
	const char *example; /* a value that is good */
	const char *const *words; /* ended by NULL */
	int64_t least, most;
};

/* What stood on the line. */
struct given {
	const char *text; /* NULL: the option did not */
	int64_t number;
};

struct command {
	const char *config_path; /* -c, or NULL */
	struct given given[OPTIONS_MAX]; /* the verb's, as its table has them */
	struct h5_config *config; /* NULL for verbs without need_config */
	struct h5_log log;
	/* config and log belong to it.  Its store is NULL if need_store is not
	 * set; its WeChat is NULL until command_wechat was called. */
	struct h5_shop shop;
	bool json; /* --json */
	bool quiet; /* --quiet */
	bool help, version; /* asked for */
	char id[H5_ORDER_ID_MAX + 1]; /* what command_order found */
	bool colour; /* stdout is a terminal that takes colours */
	bool terminal; /* stdout is a terminal: tables; else tab-separated */
};

struct verb {
	const char *name;
	const char *usage; /* "link --order ID ..." */
	/* What stands behind the options: how it is called in the usage, an
	 * example, and how many there may be. */
	const char *operand, *example;
	int least, most;
	/* Its own, of which cmd->given is the answer; NULL: none. */
	const struct option_def *options;
	bool need_config, need_store;
	/* What the table cannot say of the line; before the configuration is
	 * read.  NULL: nothing. */
	int (*check)(const struct command *cmd, int argc, char **argv);
	/* argv[0] is the verb, then the operands, as many as it says; returns
	 * the exit status. */
	int (*run)(struct command *cmd, int argc, char **argv);
};

extern const struct verb verb_archive, verb_bill, verb_certs, verb_check,
    verb_close, verb_export, verb_fsck, verb_hook, verb_link, verb_list,
    verb_query, verb_reconcile, verb_refund, verb_report, verb_settle,
    verb_show, verb_status, verb_support, verb_sweep;
extern const struct verb verb_config, verb_doctor, verb_explain, verb_help,
    verb_init, verb_listen, verb_logs, verb_store, verb_trigger, verb_watch;
/* command_verbs(n): all of them, as --help lists them. */
const struct verb *const *command_verbs(size_t *n);
/* command_verb(name): the one of that name.  NULL: there is none, and stderr
 * was told so. */
const struct verb *command_verb(const char *name);

/* options.c reads the line by the tables. */
extern const struct option_def options_common[]; /* which all verbs have */
/* options_before(cmd, argc, argv, verb): read what stands before the verb, and
 * where that stands.  Returns EXIT_DONE, or the status to leave with. */
int options_before(struct command *cmd, int argc, char **argv, int *verb);
/* options_read(cmd, v, argc, argv): read the options behind the verb, argv[0],
 * and leave only its operands in argv. */
int options_read(
    struct command *cmd, const struct verb *v, int *argc, char **argv);
/* options_operands(v, argc, argv): are there as many operands as v takes? */
int options_operands(const struct verb *v, int argc, char **argv);

/* help_print(to): the verbs and the common options, in the reader's
 * language. */
void help_print(FILE *to);
/* command_file(name): the text of a file that the command has in it (Makefile:
 * COMMAND_SRC); "": there is none. */
const char *command_file(const char *name);
/* help_usage(v, before, to): how the verb is used, behind those words, in lines
 * of 80 columns. */
void help_usage(const struct verb *v, const char *before, FILE *to);
/* help_print_verb(v): a verb's own help, on stdout. */
void help_print_verb(const struct verb *v);

/* command_usage(v, fmt, ...): say what is wrong with the call and how the verb
 * is used.  Returns EXIT_USAGE. */
int command_usage(const struct verb *v, const char *fmt, ...) H5_PRINTF(2, 3);
/* command_complain(id, msg): print "h5pay: ID: msg" to stderr; id may be NULL.
 * msg may hold words of WeChat's or of a stranger. */
void command_complain(const char *id, const char *msg);
/* command_text(cmd, s, out): append the text s, whoever wrote it: for a person
 * on a terminal what can be seen, for a program one tab-separated field. */
void command_text(const struct command *cmd, const char *s, struct h5_buf *out);
/* command_agreed(): does whoever is asked on the terminal say yes?  Anything
 * else, and the end of input, is no. */
bool command_agreed(void);
/* command_fail(cmd, e): print "h5pay: ..." and return the exit status. */
int command_fail(const struct command *cmd, const struct h5_err *e);
/* command_products(cmd): has the shop more than H5?  Only then its orders are
 * told with their products: what H5 alone prints stays as it was. */
bool command_products(const struct command *cmd);
/* command_unread(id, e, worst): print why an order of a walk cannot be read.
 * *worst keeps the first code, for the exit status. */
void command_unread(
    const char *id, const struct h5_err *e, enum h5_code *worst);
/* command_wechat(cmd, e): make cmd->shop.wx, once in a process.
 * H5_E_CONFIG: the certificates cannot be read.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code command_wechat(
    struct command *cmd, struct h5_err *e);
/* command_own_store(path, e): if this runs as root, become the owner of the
 * store that the configuration at path names, if nobody but that owner and root
 * can have written it (trust.h).
 * H5_E_CONFIG: that was refused. */
H5_MUST_CHECK enum h5_code command_own_store(
    const char *path, struct h5_err *e);
/* command_own_group(path, e): if this runs as root, take on that owner's group
 * alone: secrets that root has given to it may be read by it (INTERFACE 2), and
 * root reads by the same rule.
 * H5_E_CONFIG: that was refused, or others can write the configuration. */
H5_MUST_CHECK enum h5_code command_own_group(
    const char *path, struct h5_err *e);
/* command_trust(c, e): if this runs as root, refuse secrets and hooks of c that
 * others can write.
 * H5_E_CONFIG: e->msg says which. */
H5_MUST_CHECK enum h5_code command_trust(
    const struct h5_config *c, struct h5_err *e);
/* command_account(name, uid, gid, home, e): look an account up.  name: NULL for
 * the one this runs as.  home: gets its folder; may be NULL.
 * H5_E_NOTFOUND: there is none. */
H5_MUST_CHECK enum h5_code command_account(const char *name, unsigned *uid,
    unsigned *gid, struct h5_buf *home, struct h5_err *e);
/* command_become(name, e): become that account.
 * H5_E_NOTFOUND: there is none.
 * H5_E_CONFIG: this is neither root nor that account. */
H5_MUST_CHECK enum h5_code command_become(const char *name, struct h5_err *e);
/* command_who(out): append the name of the account this runs as. */
void command_who(struct h5_buf *out);
/* command_find(cmd, text, e): the order that somebody means by its id, the
 * number of one of its attempts, or a transaction_id, into cmd->id.
 * H5_E_NOTFOUND: none.
 * Others as h5_store_find. */
H5_MUST_CHECK enum h5_code command_find(
    struct command *cmd, const char *text, struct h5_err *e);
/* command_print_events(cmd, o, from, e): what happened to the order, from that
 * event on, as show has it. */
H5_MUST_CHECK enum h5_code command_print_events(const struct command *cmd,
    const struct h5_order *o, size_t from, struct h5_err *e);
/* command_order(cmd, text, id): the same for a verb: id lives as long as cmd
 * does.  Returns EXIT_DONE, or the status to leave with. */
int command_order(struct command *cmd, const char *text, const char **id);
/* command_time(s, now, t, e): read a day, "today", "yesterday", an RFC 3339
 * time, Unix seconds, or an age such as 30m, 6h, 2d.  now, t: Unix seconds.
 * H5_E_INPUT: it is none of these. */
H5_MUST_CHECK enum h5_code command_time(
    const char *s, int64_t now, int64_t *t, struct h5_err *e);
/* command_coming(s, now, t, e): read a time to come: a day, a time of day, an
 * RFC 3339 time, Unix seconds, or how long from now, such as 30m, 6h, 2d. */
H5_MUST_CHECK enum h5_code command_coming(
    const char *s, int64_t now, int64_t *t, struct h5_err *e);
/* command_print_order(cmd, o): print the order for a person, or as JSON. */
int command_print_order(const struct command *cmd, const struct h5_order *o);

/* command_day(v, text, day): read a day that has begun.  day: its first second.
 * Returns EXIT_DONE, or the status to leave with. */
int command_day(const struct verb *v, const char *text, int64_t *day);

/* command_bill_fetch(cmd, day, type, text, path, e): download WeChat's bill and
 * keep it below store.dir/bills.  text gets its content, path its place.
 * H5_E_IO: it could not be kept.
 * Others as h5_wechat_bill. */
H5_MUST_CHECK enum h5_code command_bill_fetch(struct command *cmd, int64_t day,
    const char *type, struct h5_buf *text, struct h5_buf *path,
    struct h5_err *e);

/* command_bill_kept(cmd, day, type, text, e): read a bill that was kept before.
 * H5_E_NOTFOUND: there is none. */
H5_MUST_CHECK enum h5_code command_bill_kept(struct command *cmd, int64_t day,
    const char *type, struct h5_buf *text, struct h5_err *e);

/* table.c prints rows of cells: aligned, with a heading and within its width on
 * a terminal, tab-separated, whole and without heading elsewhere. */
struct column {
	const char *heading;
	unsigned spare; /* which goes first on a narrow terminal: the greatest;
	    0: never */
	bool shorten; /* its texts may be cut there */
	bool right; /* numbers */
};
struct table;
struct table *table_new(
    const struct command *cmd, const struct column *columns, size_t n);
/* table_cell(t, s): add the next cell, row by row; NULL is shown as "-". */
void table_cell(struct table *t, const char *s);
/* table_end(t): print and free.  False: out of memory (a cell may be missing),
 * or stdout is closed. */
bool table_end(struct table *t);
/* table_tint(cmd, state): the colour for a state's word, or "". */
const char *table_tint(const struct command *cmd, const char *word);

/* table_terminal(fd): how many columns the terminal has; 80 if it does not
 * say. */
size_t table_terminal(int fd);
/* table_cut(s, most, width): how many bytes of s fit into most columns of a
 * terminal, where Chinese takes two each.  width: the columns that they take.
 */
size_t table_cut(const char *s, size_t most, size_t *width);

/* progress.c draws a bar on stderr, if that is a terminal, after one second. */
struct progress {
	bool on;
	int64_t started_ms, drawn_ms;
	bool drawn;
	const char *what;
};
void progress_start(
    struct progress *p, const struct command *cmd, const char *what);
void progress_step(struct progress *p, uint64_t done, uint64_t total);
void progress_end(struct progress *p);

#endif
