/* h5pay list - orders by the day they were made. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/json.h"

enum { OPT_STATE = 256, OPT_SINCE, OPT_UNTIL };

static const struct option options[] = {
    {"state", required_argument, NULL, OPT_STATE},
    {"since", required_argument, NULL, OPT_SINCE},
    {"until", required_argument, NULL, OPT_UNTIL},
    {NULL, 0, NULL, 0},
};

static const char *const headings[] = {
    "ORDER", "STATE", "TOTAL_FEE", "CREATED", "PAID", "VIA", "ALERTS", "BODY"};
#define COLUMNS H5_LENGTH(headings)

struct listing {
	struct command *cmd;
	struct table *table;
	bool any_state;
	enum h5_order_state state;
	enum h5_code unread;
};

static void
put_alerts(const struct h5_order *o, bool json, struct h5_buf *out)
{
	static const enum h5_order_alert all[] = {
	    H5_ALERT_DISPUTED, H5_ALERT_LATE, H5_ALERT_OVERPAID};
	size_t i;
	bool first = true;

	for (i = 0; i < 3; i++) {
		if ((o->alerts & all[i]) == 0)
			continue;
		h5_buf_puts(out, first ? "" : ",");
		first = false;
		if (json)
			h5_json_string(h5_order_alert_name(all[i]), out);
		else
			h5_buf_puts(out, h5_order_alert_name(all[i]));
	}
}

static void
json_time(const char *name, int64_t t, struct h5_buf *out)
{
	char at[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(t, at);
	if (t == 0)
		h5_buf_printf(out, ",\"%s\":null", name);
	else
		h5_buf_printf(out, ",\"%s\":\"%s\"", name, at);
}

/* One object a line, so that a long list can be read as it comes. */
static enum h5_code
print_json(const struct h5_order *o, struct h5_err *e)
{
	enum h5_code rc;
	struct h5_buf b;

	h5_buf_init(&b, 8192);
	h5_buf_printf(&b, "{\"order\":\"%s\",\"state\":\"%s\",\"alerts\":[",
	    o->id, h5_order_state_name(o->state));
	put_alerts(o, true, &b);
	h5_buf_printf(
	    &b, "],\"total_fee\":%lld,\"body\":", (long long)o->total_fee);
	h5_json_string(o->body, &b);
	json_time("created_at", o->created_at, &b);
	json_time("paid_at", o->paid_at, &b);
	h5_buf_puts(&b, ",\"paid_via\":");
	h5_buf_puts(&b, o->paid_via[0] == '\0' ? "null" : "");
	if (o->paid_via[0] != '\0')
		h5_json_string(o->paid_via, &b);
	h5_buf_puts(&b, ",\"transaction_id\":");
	h5_buf_puts(&b, o->transaction_id[0] == '\0' ? "null" : "");
	if (o->transaction_id[0] != '\0')
		h5_json_string(o->transaction_id, &b);
	h5_buf_puts(&b, "}\n");
	rc = h5_buf_finish(&b, e);
	if (rc == H5_OK)
		(void)fputs(b.data, stdout);
	h5_buf_release(&b);
	return rc;
}

static enum h5_code
print_row(struct table *t, const struct h5_order *o, struct h5_err *e)
{
	char created[H5_CLOCK_PLAIN], paid[H5_CLOCK_PLAIN];
	struct h5_buf alerts;
	enum h5_code rc;

	h5_buf_init(&alerts, 64);
	put_alerts(o, false, &alerts);
	h5_clock_plain(o->created_at, created);
	h5_clock_plain(o->paid_at, paid);
	table_cell(t, o->id);
	table_cell(t, h5_order_state_name(o->state));
	table_cell(t, H5_LOG_NUM(o->total_fee));
	table_cell(t, created);
	table_cell(t, o->paid_at == 0 ? NULL : paid);
	table_cell(t, o->paid_via);
	table_cell(t, alerts.data);
	table_cell(t, o->body);
	rc = h5_buf_finish(&alerts, e);
	h5_buf_release(&alerts);
	return rc;
}

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct listing *l = arg;
	enum h5_code rc = H5_OK;
	struct h5_err e;

	if (o == NULL)
		command_unread(id, e_o, &l->unread);
	else if (!l->any_state && o->state != l->state)
		/* The walk goes by time; states are sifted here. */
		return H5_OK;
	else if (l->cmd->json)
		rc = print_json(o, &e);
	else
		rc = print_row(l->table, o, &e);
	if (rc != H5_OK)
		command_unread(id, &e, &l->unread);
	return rc;
}

static int
read_options(
    struct listing *l, int argc, char **argv, int64_t *since, int64_t *until)
{
	int64_t now = h5_clock_now();
	struct h5_err e;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_STATE) {
			l->any_state = false;
			if (!h5_order_state_of(optarg, &l->state))
				return command_usage(&verb_list,
				    "there is no state \"%s\": use created, "
				    "awaiting, paid, closed, refunding, "
				    "partly-refunded or refunded",
				    optarg);
		} else if (opt == OPT_SINCE || opt == OPT_UNTIL) {
			if (command_time(optarg, now,
				opt == OPT_SINCE ? since : until, &e) != H5_OK)
				return command_usage(&verb_list, "%s", e.msg);
		} else {
			return command_usage(&verb_list, "unknown option");
		}
	}
	if (optind < argc)
		return command_usage(
		    &verb_list, "unexpected \"%s\"", argv[optind]);
	return EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct listing l = {cmd, NULL, true, H5_ORDER_CREATED, H5_OK};
	int64_t since = 0, until = 0;
	struct h5_err e;
	enum h5_code rc;
	int status;

	status = read_options(&l, argc, argv, &since, &until);
	if (status != EXIT_DONE)
		return status;
	if (!cmd->json) {
		l.table = table_new(cmd, headings, COLUMNS);
		if (l.table == NULL) {
			(void)h5_err_nomem(&e);
			return command_fail(cmd, &e);
		}
	}
	/* The orders come by day, as the indexes have them. */
	rc = h5_store_each(cmd->shop.st, since, until, visit, &l, &e);
	if (l.table != NULL && !table_end(l.table) && rc == H5_OK)
		rc = h5_err_nomem(&e);
	if (l.unread != H5_OK)
		return h5_err_exit(l.unread);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

const struct verb verb_list = {
    .name = "list",
    .usage = "list [--state STATE] [--since TIME] [--until TIME] [--json]",
    .summary = "orders, oldest first",
    .help =
	"\n"
	"  h5pay list --since today\n"
	"  h5pay list --state paid --since yesterday --until today\n"
	"  h5pay list --since 2026-11-01 --json | jq .total_fee\n\n"
	"      --state STATE  created awaiting paid closed refunding "
	"partly-refunded refunded\n"
	"      --since TIME   made at or after: 2026-11-23, today, yesterday, "
	"RFC 3339,\n"
	"                     or an age: 30m, 6h, 2d\n"
	"      --until TIME   made before\n"
	"      --json         one object a line\n\n"
	"A table on a terminal; tab-separated lines without heading elsewhere: "
	"order, state,\n"
	"total_fee in fen, created, paid, via, alerts, body; \"-\" for "
	"nothing.\n",
    .need_config = true,
    .need_store = true,
    .run = run,
};
