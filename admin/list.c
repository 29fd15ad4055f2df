/* h5pay list - orders by the day they were made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/json.h"

#define LIMIT_MOST 100000
#define MINUTES 16 /* where the seconds begin: "2026-11-23 16:40:12" */
#define DAY_S 86400
#define BEGINNING 1577836800 /* no order is older than 2020 */

enum { STATE, SINCE, UNTIL, FIND, LIMIT };

static const char *const states[] = {"created", "awaiting", "paid", "closed",
    "refunding", "partly-refunded", "refunded", NULL};
static const struct option_def options[] = {
    [STATE] = {.name = "state",
	.kind = VALUE_WORD,
	.form = "STATE",
	.example = "paid",
	.words = states},
    [SINCE] = {.name = "since",
	.kind = VALUE_PAST,
	.form = "TIME",
	.example = "today"},
    [UNTIL] = {.name = "until",
	.kind = VALUE_PAST,
	.form = "TIME",
	.example = "yesterday"},
    [FIND] = {.name = "find",
	.kind = VALUE_TEXT,
	.form = "TEXT",
	.example = "tea",
	.least = 1,
	.most = 127},
    [LIMIT] = {.name = "limit",
	.letter = 'n',
	.kind = VALUE_NUMBER,
	.form = "N",
	.example = "20",
	.least = 1,
	.most = LIMIT_MOST},
    {.name = NULL},
};

static const struct column columns[] = {
    {.heading = "ORDER"},
    {.heading = "STATE"},
    {.heading = "YUAN", .right = true},
    {.heading = "CREATED", .spare = 2},
    {.heading = "PAID", .spare = 4},
    {.heading = "VIA", .spare = 5},
    {.heading = "ALERTS", .spare = 1},
    {.heading = "BODY", .spare = 3, .shorten = true},
    {.heading = "PRODUCT", .spare = 6},
};
#define COLUMNS H5_LENGTH(columns)

struct listing {
	struct command *cmd;
	struct table *table;
	bool any_state;
	enum h5_order_state state;
	const char *find; /* NULL: all */
	enum h5_code unread;
	struct progress bar;
	int64_t base, upper; /* the time of the first order, and of the last */
	/* --limit: the ids of a span of time, the last `room` of them. */
	char (*ring)[H5_ORDER_ID_MAX + 1];
	size_t room, seen;
};

static void
put_alerts(const struct h5_order *o, bool json, struct h5_buf *out)
{
	unsigned i;
	bool first = true;

	for (i = 0; i < H5_ALERTS; i++) {
		if ((h5_order_alerts_open(o) & 1U << i) == 0)
			continue;
		h5_buf_puts(out, first ? "" : ",");
		first = false;
		if (json)
			h5_json_string(
			    h5_order_alert_name((enum h5_order_alert)(1U << i)),
			    out);
		else
			h5_buf_puts(out, h5_order_alert_name(
					     (enum h5_order_alert)(1U << i)));
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
print_json(const struct listing *l, const struct h5_order *o, struct h5_err *e)
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
	if (command_products(l->cmd))
		h5_buf_printf(&b, ",\"product\":\"%s\"",
		    h5_order_product_word(h5_order_product(o)));
	h5_buf_puts(&b, "}\n");
	rc = h5_buf_finish(&b, e);
	if (rc == H5_OK)
		(void)fputs(b.data, stdout);
	h5_buf_release(&b);
	return rc;
}

static enum h5_code
print_row(const struct listing *l, const struct h5_order *o, struct h5_err *e)
{
	char created[H5_CLOCK_PLAIN], paid[H5_CLOCK_PLAIN], yuan[H5_TEXT_FEN];
	struct table *t = l->table;
	struct h5_buf alerts;
	enum h5_code rc;

	h5_buf_init(&alerts, 64);
	put_alerts(o, false, &alerts);
	h5_clock_plain(o->created_at, created);
	h5_clock_plain(o->paid_at, paid);
	h5_text_from_fen(o->total_fee, yuan);
	/* People read minutes and yuan; programs get seconds and fen. */
	if (l->cmd->terminal)
		created[MINUTES] = paid[MINUTES] = '\0';
	table_cell(t, o->id);
	table_cell(t, h5_order_state_name(o->state));
	table_cell(t, l->cmd->terminal ? yuan : H5_LOG_NUM(o->total_fee));
	table_cell(t, created);
	table_cell(t, o->paid_at == 0 ? NULL : paid);
	table_cell(t, o->paid_via);
	table_cell(t, alerts.data);
	table_cell(t, o->body);
	if (command_products(l->cmd))
		table_cell(t, h5_order_product_word(h5_order_product(o)));
	rc = h5_buf_finish(&alerts, e);
	h5_buf_release(&alerts);
	return rc;
}

/* --- which orders --------------------------------------------------------- */

static bool
in(const char *text, const char *find)
{
	return text != NULL && strcasestr(text, find) != NULL;
}

/* By whatever a buyer or a shop may have in hand. */
static bool
holds(const struct h5_order *o, const char *find)
{
	static const char *const names[] = {
	    "out_trade_no", "transaction_id", "out_refund_no", "refund_id"};
	size_t i, j;

	if (in(o->id, find) || in(o->body, find) || in(o->attach, find) ||
	    in(o->item, find))
		return true;
	for (i = 0; i < o->n_events; i++)
		for (j = 0; j < H5_LENGTH(names); j++)
			if (in(h5_fields_get(&o->events[i].fields, names[j]),
				find))
				return true;
	return false;
}

static enum h5_code
show(struct listing *l, const struct h5_order *o)
{
	enum h5_code rc;
	struct h5_err e;

	rc = l->cmd->json ? print_json(l, o, &e) : print_row(l, o, &e);
	if (rc != H5_OK)
		command_unread(o->id, &e, &l->unread);
	return rc;
}

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct listing *l = arg;

	if (o == NULL) {
		command_unread(id, e_o, &l->unread);
		return H5_OK;
	}
	if (l->base == 0)
		l->base = o->created_at;
	progress_step(&l->bar, (uint64_t)(o->created_at - l->base),
	    (uint64_t)(l->upper - l->base));
	/* The walk goes by time; all else is sifted here. */
	if ((!l->any_state && o->state != l->state) ||
	    (l->find != NULL && !holds(o, l->find)))
		return H5_OK;
	if (l->ring == NULL)
		return show(l, o);
	memcpy(l->ring[l->seen++ % l->room], id, strlen(id) + 1);
	return H5_OK;
}

/* --- the newest of them --------------------------------------------------- */

/* Takes what the ring holds in front of those already found, oldest first. */
static void
keep(struct listing *l, char (*ids)[H5_ORDER_ID_MAX + 1])
{
	size_t n = l->seen < l->room ? l->seen : l->room, i;

	for (i = 0; i < n; i++)
		memcpy(ids[l->room - n + i],
		    l->ring[(l->seen - n + i) % l->room], sizeof *ids);
	l->room -= n;
	l->seen = 0;
}

/* Backwards, by spans that grow, until there are enough: the last orders of a
 * large store are found without a look at all the others. */
static enum h5_code
collect(struct listing *l, int64_t since, int64_t until,
    char (*ids)[H5_ORDER_ID_MAX + 1], struct h5_err *e)
{
	int64_t first = since > BEGINNING ? since : BEGINNING, from, days = 1;
	int64_t to = until, upper = until > 0 ? until : h5_clock_now();
	enum h5_code rc = H5_OK;

	while (rc == H5_OK && l->room > 0 && upper > first) {
		from = upper - days * DAY_S;
		if (from < first)
			from = first;
		rc = h5_store_each(l->cmd->shop.st, from, to, visit, l, e);
		if (rc == H5_OK)
			keep(l, ids);
		to = upper = from;
		days *= 2;
	}
	return rc;
}

static enum h5_code
newest(
    struct listing *l, size_t n, int64_t since, int64_t until, struct h5_err *e)
{
	char(*ids)[H5_ORDER_ID_MAX + 1] = calloc(n, sizeof *ids);
	struct h5_order *o;
	enum h5_code rc;
	size_t i;

	l->ring = calloc(n, sizeof *l->ring);
	l->room = n;
	rc = ids == NULL || l->ring == NULL ? h5_err_nomem(e)
					    : collect(l, since, until, ids, e);
	for (i = l->room; rc == H5_OK && i < n; i++) {
		o = NULL;
		rc = h5_store_load(l->cmd->shop.st, ids[i], &o, e);
		if (rc == H5_OK)
			rc = show(l, o);
		h5_order_free(o);
	}
	free(l->ring);
	free(ids);
	return rc;
}

/* --- the verb ------------------------------------------------------------- */

static enum h5_code
list(struct listing *l, struct h5_err *e)
{
	const struct given *given = l->cmd->given;
	int64_t since = given[SINCE].number, until = given[UNTIL].number;
	enum h5_code rc;

	if (!l->cmd->json) {
		l->table = table_new(l->cmd, columns,
		    command_products(l->cmd) ? COLUMNS : COLUMNS - 1);
		if (l->table == NULL)
			return h5_err_nomem(e);
	}
	l->upper = until > 0 ? until : h5_clock_now();
	progress_start(&l->bar, l->cmd, "looking");
	/* Rows that are printed as they come show themselves how far it is; and
	 * the newest are looked for backwards. */
	if ((l->cmd->json && l->cmd->terminal) || given[LIMIT].text != NULL)
		progress_end(&l->bar);
	/* The orders come by day, as the indexes have them. */
	rc = given[LIMIT].text != NULL
		 ? newest(l, (size_t)given[LIMIT].number, since, until, e)
		 : h5_store_each(l->cmd->shop.st, since, until, visit, l, e);
	progress_end(&l->bar);
	if (l->table != NULL && !table_end(l->table) && rc == H5_OK)
		rc = h5_err_nomem(e);
	return rc;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct listing l = {.cmd = cmd, .any_state = true};
	struct h5_err e;
	enum h5_code rc;

	(void)argc;
	(void)argv;
	if (cmd->given[STATE].text != NULL)
		l.any_state =
		    !h5_order_state_of(cmd->given[STATE].text, &l.state);
	l.find = cmd->given[FIND].text;
	rc = list(&l, &e);
	if (l.unread != H5_OK)
		return h5_err_exit(l.unread);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

const struct verb verb_list = {
    .name = "list",
    .usage = "list [--state STATE] [--since TIME] [--until TIME] "
	     "[--find TEXT] [-n N] [--json]",
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
