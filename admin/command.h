/* command.h - what the verbs of h5pay share.
 * One file a verb; main.c owns the options that all have, the configuration
 * and the store.  Data goes to stdout, words go to stderr. */
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
	/* config and log; its store is NULL for verbs without need_store, its
	 * WeChat until command_wechat. */
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

extern const struct verb verb_bill, verb_check, verb_close, verb_export,
    verb_fsck, verb_hook, verb_link, verb_list, verb_query, verb_reconcile,
    verb_refund, verb_report, verb_show, verb_status, verb_support, verb_sweep;
extern const struct verb verb_doctor, verb_explain;

/* command_usage(v, fmt, ...): say what is wrong with the call, and how it
 * goes.  Returns EXIT_USAGE. */
int command_usage(const struct verb *v, const char *fmt, ...) H5_PRINTF(2, 3);
/* command_fail(cmd, e): print "h5pay: ..." and return the exit status. */
int command_fail(const struct command *cmd, const struct h5_err *e);
/* command_unread(id, e, worst): an order of a walk cannot be read: print why.
 * *worst keeps the first code, for the exit status. */
void command_unread(
    const char *id, const struct h5_err *e, enum h5_code *worst);
/* command_wechat(cmd, e): make cmd->shop.wx, once a process.  H5_E_CONFIG: the
 * certificates cannot be read.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code command_wechat(
    struct command *cmd, struct h5_err *e);
/* command_own_store(cmd, e): as root, become the owner of the store, if there
 * is one.  H5_E_CONFIG. */
H5_MUST_CHECK enum h5_code command_own_store(
    const struct command *cmd, struct h5_err *e);
/* command_order(cmd, v, argc, argv, id): the one operand, an order's id or an
 * attempt's number.  EXIT_DONE, else the status to leave with. */
int command_order(const struct verb *v, int argc, char **argv, const char **id);
/* command_time(s, now, t): a day, "today", "yesterday", an RFC 3339 time, or an
 * age such as 30m, 6h, 2d. */
H5_MUST_CHECK enum h5_code command_time(
    const char *s, int64_t now, int64_t *t, struct h5_err *e);
/* command_print_order(cmd, o): the order for a person, or --json. */
int command_print_order(const struct command *cmd, const struct h5_order *o);

/* command_day(v, argc, argv, day): the one operand behind the options, as a
 * day that has begun; its first second.  EXIT_DONE, else the status to leave
 * with. */
int command_day(const struct verb *v, int argc, char **argv, int64_t *day);

/* bill.c.  command_bill_fetch(cmd, day, type, text, path, e): WeChat's bill,
 * kept below store.dir/bills; text gets what is in it, path where it is.
 * Errors as h5_wechat_bill; H5_E_IO.
 * command_bill_kept: one that was kept before.  H5_E_NOTFOUND: none. */
H5_MUST_CHECK enum h5_code command_bill_fetch(struct command *cmd, int64_t day,
    const char *type, struct h5_buf *text, struct h5_buf *path,
    struct h5_err *e);
H5_MUST_CHECK enum h5_code command_bill_kept(struct command *cmd, int64_t day,
    const char *type, struct h5_buf *text, struct h5_err *e);

/* table.c: rows of cells; aligned with a heading on a terminal, else
 * tab-separated without heading. */
struct table;
struct table *table_new(
    const struct command *cmd, const char *const *headings, size_t columns);
/* table_cell(t, s): the next cell, row by row; NULL: "-". */
void table_cell(struct table *t, const char *s);
/* table_end(t): print and free.  false: out of memory (a cell may be missing),
 * or stdout is closed. */
bool table_end(struct table *t);
/* table_tint(cmd, state): the colour for a state's word, or "". */
const char *table_tint(const struct command *cmd, const char *word);

/* progress.c: a bar on stderr, only on a terminal, after one second. */
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
