/* command.h - what the verbs of h5pay share.
 * Each verb has a file.  main.c takes the options that all verbs have, and
 * opens configuration and store for them.  Data goes to stdout, words go to
 * stderr. */
#ifndef H5_ADMIN_COMMAND_H
#define H5_ADMIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct command {
	const char *config_path; /* -c, or NULL */
	struct h5_config *config; /* NULL for verbs without need_config */
	struct h5_log log;
	/* config and log belong to it.  Its store is NULL if need_store is not
	 * set; its WeChat is NULL until command_wechat was called. */
	struct h5_shop shop;
	bool json; /* --json */
	bool quiet; /* --quiet */
	bool colour; /* stdout is a terminal that takes colours */
	bool terminal; /* stdout is a terminal: tables; else tab-separated */
};

struct verb {
	const char *name;
	const char *usage; /* "link --order ID ..." */
	const char *summary; /* one line */
	const char *help; /* examples first, then options */
	bool need_config, need_store;
	/* argv[0] is the verb; returns the exit status. */
	int (*run)(struct command *cmd, int argc, char **argv);
};

extern const struct verb verb_archive, verb_bill, verb_check, verb_close,
    verb_export, verb_fsck, verb_hook, verb_link, verb_list, verb_query,
    verb_reconcile, verb_refund, verb_report, verb_show, verb_status,
    verb_support, verb_sweep;
extern const struct verb verb_doctor, verb_explain;

/* command_usage(v, fmt, ...): say what is wrong with the call and how the verb
 * is used.  Returns EXIT_USAGE. */
int command_usage(const struct verb *v, const char *fmt, ...) H5_PRINTF(2, 3);
/* command_complain(id, msg): print "h5pay: ID: msg" to stderr; id may be NULL.
 * msg may hold words of WeChat's or of a stranger. */
void command_complain(const char *id, const char *msg);
/* command_text(cmd, s, out): append the text s, whoever wrote it: for a person
 * on a terminal what can be seen, for a program one tab-separated field. */
void command_text(const struct command *cmd, const char *s, struct h5_buf *out);
/* command_fail(cmd, e): print "h5pay: ..." and return the exit status. */
int command_fail(const struct command *cmd, const struct h5_err *e);
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
 * store that the configuration at path names.
 * H5_E_CONFIG: that was refused. */
H5_MUST_CHECK enum h5_code command_own_store(
    const char *path, struct h5_err *e);
/* command_own_group(path, e): if this runs as root, take on that owner's group
 * alone: secrets that root has given to it may be read by it (INTERFACE 2), and
 * root reads by the same rule.
 * H5_E_CONFIG: that was refused. */
H5_MUST_CHECK enum h5_code command_own_group(
    const char *path, struct h5_err *e);
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
/* command_order(v, argc, argv, id): take the one operand, an order's id.
 * Returns EXIT_DONE, or the status to leave with. */
int command_order(const struct verb *v, int argc, char **argv, const char **id);
/* command_time(s, now, t, e): read a day, "today", "yesterday", an RFC 3339
 * time, Unix seconds, or an age such as 30m, 6h, 2d.  now, t: Unix seconds.
 * H5_E_INPUT: it is none of these. */
H5_MUST_CHECK enum h5_code command_time(
    const char *s, int64_t now, int64_t *t, struct h5_err *e);
/* command_print_order(cmd, o): print the order for a person, or as JSON. */
int command_print_order(const struct command *cmd, const struct h5_order *o);

/* command_day(v, argc, argv, day): take the one operand behind the options, a
 * day that has begun.  day: its first second.  Returns EXIT_DONE, or the status
 * to leave with. */
int command_day(const struct verb *v, int argc, char **argv, int64_t *day);

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

/* table.c prints rows of cells: aligned and with a heading on a terminal,
 * tab-separated and without heading elsewhere. */
struct table;
struct table *table_new(
    const struct command *cmd, const char *const *headings, size_t columns);
/* table_cell(t, s): add the next cell, row by row; NULL is shown as "-". */
void table_cell(struct table *t, const char *s);
/* table_end(t): print and free.  False: out of memory (a cell may be missing),
 * or stdout is closed. */
bool table_end(struct table *t);
/* table_tint(cmd, state): the colour for a state's word, or "". */
const char *table_tint(const struct command *cmd, const char *word);

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
