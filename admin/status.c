/* h5pay status - how the shop is doing, for a person or for Prometheus. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/certificates.h"
#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/format/json.h"
#include "common/order/due.h"
#include "common/pay/shut.h"
#include "common/system/file.h"

#define DAYS 30
#define DAY_S 86400
#define STATES (H5_ORDER_REFUNDED + 1)
#define ALERTS H5_ALERTS
#define TEXT_MAX 65536

enum { PROMETHEUS };

static const struct option_def options[] = {
    [PROMETHEUS] = {.name = "prometheus",
	.kind = VALUE_FILE,
	.form = "FILE",
	.example = "/var/lib/prometheus/node-exporter/h5pay.prom"},
    {.name = NULL},
};

static const char *
alert_name(size_t i)
{
	return h5_order_alert_name((enum h5_order_alert)(1U << i));
}

struct counts {
	struct command *cmd;
	int64_t now;
	int64_t orders[STATES], fen[STATES], with_alert[ALERTS], refunded_fen;
	int64_t unresolved, oldest_s; /* neither paid nor closed */
	int64_t pending, pending_oldest_s; /* events the shop has not taken */
	int64_t due, due_oldest_s; /* orders with work for a sweep */
	int64_t broken;
	int64_t swept_at; /* 0: never */
	enum h5_code unread; /* why an order that may be whole was not read */
};

/* --- counting ------------------------------------------------------------- */

/* A broken record is counted; counts that lack what a failing disk did not give
 * would only be wrong. */
static void
unread(struct counts *c, const char *id, const struct h5_err *e)
{
	if (e->code != H5_E_INPUT)
		command_unread(id, e, &c->unread);
}

static enum h5_code
count_one(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct counts *c = arg;
	size_t i;

	if (o == NULL) {
		unread(c, id, e_o);
		c->broken++;
		return H5_OK;
	}
	/* The arrays are indexed by the state itself. */
	c->orders[o->state]++;
	c->fen[o->state] += o->total_fee;
	for (i = 0; i < ALERTS; i++)
		c->with_alert[i] += (h5_order_alerts_open(o) & 1U << i) != 0;
	c->refunded_fen += h5_order_refunded(o);
	return H5_OK;
}

static void
older(int64_t *oldest_s, int64_t now, int64_t at)
{
	if (now - at > *oldest_s)
		*oldest_s = now - at;
}

/* Work that is due "at once" has been since the order's last event. */
static void
count_due(struct counts *c, const struct h5_order *o)
{
	const struct h5_config *conf = c->cmd->shop.c;
	int64_t due =
	    h5_due_at(o, conf->hooks.mask, conf->orders.query_interval_s);

	if (due > c->now)
		return;
	c->due++;
	older(&c->due_oldest_s, c->now,
	    due > 0 ? due : o->events[o->n_events - 1].at);
}

static enum h5_code
count_open(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct counts *c = arg;
	unsigned mask = c->cmd->shop.c->hooks.mask;
	size_t i;

	if (o == NULL) {
		unread(c, id, e_o);
		return H5_OK;
	}
	count_due(c, o);
	if (!h5_order_settled(o)) {
		c->unresolved++;
		older(&c->oldest_s, c->now, o->created_at);
	}
	for (i = 0; i < o->n_outgoing; i++)
		if (h5_order_owed(o, &o->outgoing[i], mask)) {
			c->pending++;
			older(&c->pending_oldest_s, c->now, o->outgoing[i].at);
		}
	return H5_OK;
}

static enum h5_code
count(struct counts *c, struct h5_err *e)
{
	struct h5_store *st = c->cmd->shop.st;
	enum h5_code rc;

	c->now = h5_clock_now();
	/* A month for the counts; the open ones below have no age limit. */
	rc = h5_store_each(st, c->now - DAYS * DAY_S, 0, count_one, c, e);
	if (rc == H5_OK)
		rc = h5_store_each_open(st, count_open, c, e);
	if (rc == H5_OK) {
		rc = h5_store_swept_at(st, &c->swept_at, e);
		/* Never swept is 0, as the metric's text says. */
		if (rc == H5_E_NOTFOUND)
			rc = H5_OK;
	}
	if (rc == H5_OK && c->unread != H5_OK)
		rc = h5_err_set(e, c->unread, "not every order could be read");
	return rc;
}

/* --- three ways to say it ------------------------------------------------- */

static void
metric(struct h5_buf *b, const char *name, const char *help)
{
	h5_buf_printf(
	    b, "# HELP h5pay_%s %s\n# TYPE h5pay_%s gauge\n", name, help, name);
}

static void
one_metric(struct h5_buf *b, const char *name, const char *help, int64_t value)
{
	metric(b, name, help);
	h5_buf_printf(b, "h5pay_%s %lld\n", name, (long long)value);
}

static void
labelled(struct h5_buf *b, const char *name, const char *label,
    const char *word, int64_t value)
{
	h5_buf_printf(b, "h5pay_%s{%s=\"%s\"} %lld\n", name, label, word,
	    (long long)value);
}

static void
put_prometheus(const struct counts *c, struct h5_buf *b)
{
	size_t i;

	metric(b, "orders", "Orders made in the last 30 days.");
	for (i = 0; i < STATES; i++)
		labelled(b, "orders", "state",
		    h5_order_state_name((enum h5_order_state)i), c->orders[i]);
	metric(b, "order_amount_fen",
	    "Sum of the orders made in the last 30 days, 1/100 CNY.");
	for (i = 0; i < STATES; i++)
		labelled(b, "order_amount_fen", "state",
		    h5_order_state_name((enum h5_order_state)i), c->fen[i]);
	one_metric(b, "refunded_fen",
	    "Refunds of orders made in the last 30 days, 1/100 CNY.",
	    c->refunded_fen);
	metric(b, "orders_with_alert",
	    "Orders made in the last 30 days that have an alert.");
	for (i = 0; i < ALERTS; i++)
		labelled(b, "orders_with_alert", "alert", alert_name(i),
		    c->with_alert[i]);
	one_metric(b, "unresolved_orders",
	    "Orders that are neither paid nor closed.", c->unresolved);
	one_metric(b, "oldest_unresolved_seconds", "Age of the oldest of them.",
	    c->oldest_s);
	one_metric(b, "hooks_pending", "Events that the shop has not accepted.",
	    c->pending);
	one_metric(b, "hooks_oldest_pending_seconds",
	    "Age of the oldest of them.", c->pending_oldest_s);
	one_metric(
	    b, "due_orders", "Orders that a sweep has work with.", c->due);
	one_metric(b, "oldest_due_seconds",
	    "For how long the oldest of them has been due.", c->due_oldest_s);
	one_metric(b, "broken_orders",
	    "Orders of the last 30 days whose record cannot be read.",
	    c->broken);
	one_metric(b, "last_sweep_timestamp_seconds",
	    "When the last whole sweep ended, Unix time; 0: never.",
	    c->swept_at);
	metric(b, "build_info", "The version that wrote this.");
	labelled(b, "build_info", "version", H5_VERSION, 1);
}

static void
put_json_list(
    struct h5_buf *b, const char *name, const int64_t *v, size_t n, bool states)
{
	size_t i;

	h5_buf_printf(b, "\"%s\":{", name);
	for (i = 0; i < n; i++)
		h5_buf_printf(b, "%s\"%s\":%lld", i == 0 ? "" : ",",
		    states ? h5_order_state_name((enum h5_order_state)i)
			   : alert_name(i),
		    (long long)v[i]);
	h5_buf_puts(b, "},");
}

static void
put_json_certificate(void *arg, const struct certificate *x)
{
	char at[H5_CLOCK_RFC3339];
	struct h5_buf *b = arg;

	h5_clock_rfc3339(x->end, at);
	h5_buf_printf(b, "%s{\"certificate\":\"%s\",",
	    b->len > 0 && b->data[b->len - 1] == '}' ? "," : "", x->name);
	if (x->end != 0)
		h5_buf_printf(
		    b, "\"ends\":\"%s\",\"days\":%lld", at, (long long)x->days);
	else
		h5_buf_puts(b, "\"ends\":null,\"days\":null");
	h5_json_text("why", x->why, b);
	h5_buf_printf(b, ",\"alarm\":%s}", x->alarm ? "true" : "false");
}

static void
put_json_certificates(const struct counts *c, struct h5_buf *b)
{
	h5_buf_puts(b, "\"certificates\":[");
	certificates_each(c->cmd->shop.c, c->now, put_json_certificate, b);
	h5_buf_puts(b, "],");
}

/* Only what needs somebody: a good certificate has no line. */
static void
print_certificate(void *arg, const struct certificate *x)
{
	const struct counts *c = arg;
	char day[H5_CLOCK_DAY];

	if (!x->alarm)
		return;
	h5_clock_day(x->end, day);
	(void)printf(c->cmd->terminal ? "certificate          %s, "
				      : "certificate\t%s\t",
	    x->name);
	if (x->why[0] != '\0')
		(void)printf("%s\n", x->why);
	else
		(void)printf("%s %s, %lld days\n",
		    x->days < 0 ? "ended" : "ends", day, (long long)x->days);
}

/* Products that WeChat refused within the hour. */
static void
print_shut(const struct counts *c)
{
	char words[H5_ORDER_PRODUCTS];

	h5_order_products(h5_shut_read(c->cmd->shop.c, c->now), words);
	if (words[0] != '\0')
		(void)printf(c->cmd->terminal ? "refused by WeChat    %s\n"
					      : "refused by WeChat\t%s\n",
		    words);
}

static void
put_json(const struct counts *c, struct h5_buf *b)
{
	char shut[H5_ORDER_PRODUCTS];
	char at[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(c->now, at);
	h5_buf_printf(b, "{\"at\":\"%s\",\"days\":%d,", at, DAYS);
	put_json_list(b, "orders", c->orders, STATES, true);
	put_json_list(b, "amount_fen", c->fen, STATES, true);
	put_json_list(b, "alerts", c->with_alert, ALERTS, false);
	put_json_certificates(c, b);
	if (command_products(c->cmd)) {
		h5_order_products(h5_shut_read(c->cmd->shop.c, c->now), shut);
		h5_buf_printf(b, "\"products_refused\":\"%s\",", shut);
	}
	h5_clock_rfc3339(c->swept_at, at);
	h5_buf_printf(b,
	    "\"refunded_fen\":%lld,\"unresolved\":%lld,"
	    "\"oldest_unresolved_seconds\":%lld,\"hooks_pending\":%lld,"
	    "\"oldest_hook_seconds\":%lld,\"due\":%lld,"
	    "\"oldest_due_seconds\":%lld,\"broken\":%lld,"
	    "\"last_sweep\":%s%s%s,"
	    "\"version\":\"%s\"}\n",
	    (long long)c->refunded_fen, (long long)c->unresolved,
	    (long long)c->oldest_s, (long long)c->pending,
	    (long long)c->pending_oldest_s, (long long)c->due,
	    (long long)c->due_oldest_s, (long long)c->broken,
	    c->swept_at == 0 ? "" : "\"", c->swept_at == 0 ? "null" : at,
	    c->swept_at == 0 ? "" : "\"", H5_VERSION);
}

static void
row(struct table *t, const char *what, int64_t n, const char *more)
{
	table_cell(t, what);
	table_cell(t, H5_LOG_NUM(n));
	table_cell(t, more);
}

static bool
print_table(struct counts *c)
{
	static const struct column columns[] = {{.heading = "WHAT"},
	    {.heading = "ORDERS", .right = true},
	    {.heading = "YUAN", .right = true}};
	struct table *t = table_new(c->cmd, columns, 3);
	char text[H5_TEXT_FEN], at[H5_CLOCK_PLAIN];
	size_t i;

	if (t == NULL)
		return false;
	for (i = 0; i < STATES; i++) {
		h5_text_from_fen(c->fen[i], text);
		row(t, h5_order_state_name((enum h5_order_state)i),
		    c->orders[i], text);
	}
	for (i = 0; i < ALERTS; i++)
		row(t, alert_name(i), c->with_alert[i], NULL);
	if (!table_end(t))
		return false;
	h5_clock_plain(c->swept_at, at);
	(void)printf(c->cmd->terminal
			 ? "\nunresolved           %lld, oldest %lld min\n"
			   "events for the shop  %lld, oldest %lld min\n"
			   "due for a sweep      %lld, oldest due %lld s\n"
			   "broken               %lld\n"
			   "last sweep           %s\n"
			 : "unresolved\t%lld\toldest %lld min\n"
			   "events for the shop\t%lld\toldest %lld min\n"
			   "due for a sweep\t%lld\toldest due %lld s\n"
			   "broken\t%lld\n"
			   "last sweep\t%s\n",
	    (long long)c->unresolved, (long long)(c->oldest_s / 60),
	    (long long)c->pending, (long long)(c->pending_oldest_s / 60),
	    (long long)c->due, (long long)c->due_oldest_s, (long long)c->broken,
	    c->swept_at == 0 ? "never" : at);
	certificates_each(c->cmd->shop.c, c->now, print_certificate, c);
	print_shut(c);
	return true;
}

/* --- the verb ------------------------------------------------------------- */

static int
run(struct command *cmd, int argc, char **argv)
{
	struct counts c = {.cmd = cmd};
	const char *file = cmd->given[PROMETHEUS].text;
	struct h5_buf b;
	struct h5_err e;
	enum h5_code rc;

	(void)argc;
	(void)argv;
	h5_buf_init(&b, TEXT_MAX);
	rc = count(&c, &e);
	if (rc == H5_OK && file != NULL)
		put_prometheus(&c, &b);
	else if (rc == H5_OK && cmd->json)
		put_json(&c, &b);
	else if (rc == H5_OK && !print_table(&c))
		rc = h5_err_nomem(&e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&b, &e);
	/* The collector is another user. */
	(void)umask(022);
	/* Replaced in one step: the collector may read at any moment. */
	if (rc == H5_OK && file != NULL &&
	    h5_file_replace(AT_FDCWD, file, b.data, b.len, 0644, &e) != H5_OK)
		rc = h5_err_set(&e, H5_E_IO, "cannot write %s", file);
	else if (rc == H5_OK && file == NULL)
		(void)fputs(b.data, stdout);
	h5_buf_release(&b);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

const struct verb verb_status = {
    .name = "status",
    .usage = "status [--prometheus FILE] [--json]",
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
