/* h5pay show - the whole story of one order: laid out on a terminal, elsewhere
 * one tab-separated line a fact. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/escape.h"
#include "common/order/order_json.h"

#define TEXT_MAX (16U << 20)
#define NAME_WIDTH 15 /* of the names of facts */
#define STATE_WIDTH 11 /* of REFUNDCLOSE and undelivered */

/* --- lines that a terminal does not break --------------------------------- */

struct line {
	const struct command *cmd;
	struct h5_buf *b;
	size_t room, used, indent;
};

static void
line_begin(
    struct line *l, const struct command *cmd, struct h5_buf *b, size_t indent)
{
	memset(l, 0, sizeof *l);
	l->cmd = cmd;
	l->b = b;
	l->room = table_terminal(STDOUT_FILENO);
	/* A narrow terminal has no room for a wide indent. */
	l->indent = indent * 3 < l->room ? indent : 4;
}

/* How many bytes of a text that is wider than room go on a line: up to the last
 * blank, else what fits, but never nothing. */
static size_t
line_part(const char *text, size_t room)
{
	size_t w, n = table_cut(text, room, &w), at = n;

	while (at > 0 && text[at] != ' ' && text[at] != '\0')
		at--;
	if (at > 0)
		return at;
	return n > 0 ? n : table_cut(text, 2, &w);
}

/* One more word, at least as wide as that, on this line or on the next.  What
 * is wider than a line is broken. */
static void
line_word(struct line *l, const char *word, size_t least)
{
	size_t gap = 2, n, w, i;
	struct h5_buf seen;
	const char *s;

	/* As a terminal shows it: nothing hidden, nothing that moves. */
	h5_buf_init(&seen, TEXT_MAX);
	command_text(l->cmd, word, &seen);
	for (s = seen.data; *s != '\0'; s += strspn(s, " ")) {
		(void)table_cut(s, SIZE_MAX / 2, &w);
		if (l->used > l->indent && l->used + gap + w > l->room) {
			h5_buf_putc(l->b, '\n');
			l->used = 0;
			gap = l->indent;
		}
		for (i = 0; i < gap; i++)
			h5_buf_putc(l->b, ' ');
		l->used += gap;
		n = l->used + w <= l->room
			? strlen(s)
			: line_part(
			      s, l->used < l->room ? l->room - l->used : 2);
		h5_buf_add(l->b, s, n);
		/* The rest of it begins a line. */
		l->used = s[n] == '\0' ? l->used + w : l->room;
		s += n;
	}
	for (i = strlen(word); i < least && l->used < l->room; i++) {
		h5_buf_putc(l->b, ' ');
		l->used++;
	}
	h5_buf_release(&seen);
}

static void
line_end(const struct line *l)
{
	h5_buf_putc(l->b, '\n');
}

static void
put_field(struct h5_buf *b, const struct command *cmd, const char *name,
    const char *value)
{
	struct line l;

	/* What is empty is not shown; a program finds a fact by its name. */
	if (value == NULL || value[0] == '\0')
		return;
	if (cmd->terminal) {
		line_begin(&l, cmd, b, 19);
		line_word(&l, name, NAME_WIDTH);
		line_word(&l, value, 0);
		line_end(&l);
		return;
	}
	h5_buf_printf(b, "%s\t", name);
	command_text(cmd, value, b);
	h5_buf_putc(b, '\n');
}

static void
put_time(
    struct h5_buf *b, const struct command *cmd, const char *name, int64_t t)
{
	char at[H5_CLOCK_PLAIN];

	h5_clock_plain(t, at);
	put_field(b, cmd, name, t == 0 ? NULL : at);
}

static void
put_fee(
    struct h5_buf *b, const struct command *cmd, const char *name, int64_t fee)
{
	char yuan[H5_TEXT_FEN], both[64];

	h5_text_from_fen(fee, yuan);
	if (cmd->terminal)
		(void)snprintf(both, sizeof both, "%s yuan (%lld fen)", yuan,
		    (long long)fee);
	else
		(void)snprintf(both, sizeof both, "%lld", (long long)fee);
	put_field(b, cmd, name, both);
}

/* --- parts of the order --------------------------------------------------- */

static const char *
alert_name(unsigned i)
{
	return h5_order_alert_name((enum h5_order_alert)(1U << i));
}

static void
put_heading(
    struct h5_buf *b, const struct command *cmd, const struct h5_order *o)
{
	const char *state = h5_order_state_name(o->state);
	const char *end = cmd->colour ? "\033[0m" : "";
	unsigned i, open = h5_order_alerts_open(o);

	if (!cmd->terminal) {
		put_field(b, cmd, "order", o->id);
		put_field(b, cmd, "state", state);
		/* One line for each, since a program splits at tabs. */
		for (i = 0; i < H5_ALERTS; i++)
			if ((open & 1U << i) != 0)
				put_field(b, cmd, "alert", alert_name(i));
		return;
	}
	h5_buf_printf(b, "%s%s%s  %s%s%s", cmd->colour ? "\033[1m" : "", o->id,
	    end, table_tint(cmd, state), state, end);
	for (i = 0; i < H5_ALERTS; i++)
		if ((open & 1U << i) != 0)
			h5_buf_printf(b, "  %s%s!%s",
			    table_tint(cmd, alert_name(i)), alert_name(i), end);
	h5_buf_putc(b, '\n');
}

static void
put_attempts(
    struct h5_buf *b, const struct command *cmd, const struct h5_order *o)
{
	char at[H5_CLOCK_PLAIN], from[64];
	const struct h5_attempt *a;
	struct line l;
	size_t i;
	bool h5;

	if (cmd->terminal)
		h5_buf_puts(b, "\nattempts\n");
	for (i = 0; i < o->n_attempts; i++) {
		a = &o->attempts[i];
		/* A shop that has always had H5 alone sees no word of it. */
		h5 = a->product == H5_PRODUCT_H5 && !command_products(cmd);
		h5_clock_plain(a->created_at, at);
		if (!cmd->terminal) {
			h5_buf_printf(b, "attempt\t%s\t%s\t%s\t%s%s%s\n",
			    a->out_trade_no, h5_order_attempt_word(a->state),
			    at, a->spbill_create_ip, h5 ? "" : "\t",
			    h5 ? "" : h5_order_product_word(a->product));
			continue;
		}
		(void)snprintf(
		    from, sizeof from, "from %s", a->spbill_create_ip);
		line_begin(&l, cmd, b, 4);
		line_word(&l, at, 0);
		line_word(&l, h5_order_attempt_word(a->state), STATE_WIDTH);
		line_word(&l, a->out_trade_no, 0);
		line_word(&l, from, 0);
		if (!h5)
			line_word(&l, h5_order_product_word(a->product), 0);
		line_end(&l);
	}
}

static void
put_refunds(
    struct h5_buf *b, const struct command *cmd, const struct h5_order *o)
{
	char yuan[H5_TEXT_FEN], sum[40], at[H5_CLOCK_PLAIN];
	const struct h5_refund *r;
	struct line l;
	size_t i;

	if (cmd->terminal && o->n_refunds > 0)
		h5_buf_puts(b, "\nrefunds\n");
	for (i = 0; i < o->n_refunds; i++) {
		r = &o->refunds[i];
		h5_text_from_fen(r->refund_fee, yuan);
		h5_clock_plain(r->changed_at, at);
		if (!cmd->terminal) {
			h5_buf_printf(b, "refund\t%s\t%s\t%lld\t%s\n",
			    r->out_refund_no, h5_order_refund_word(r->state),
			    (long long)r->refund_fee, at);
			continue;
		}
		(void)snprintf(sum, sizeof sum, "%s yuan", yuan);
		line_begin(&l, cmd, b, 4);
		line_word(&l, at, 0);
		line_word(&l, h5_order_refund_word(r->state), STATE_WIDTH);
		line_word(&l, sum, 0);
		line_word(&l, r->out_refund_no, 0);
		line_end(&l);
	}
}

/* What is worth telling of an event; in this order, whatever the order in the
 * ledger: columns line up better. */
static const char *const told[] = {"out_trade_no", "trade_state", "via",
    "transaction_id", "total_fee", "fee_type", "alert", "why",
    "spbill_create_ip", "out_refund_no", "refund_status", "refund_fee",
    "status", "id", "to", "retry_at"};

/* A fact of an event for a person; false: it says nothing new. */
static bool
put_fact(const struct h5_order *o, const char *name, const char *value,
    struct h5_buf *word)
{
	char yuan[H5_TEXT_FEN];
	int64_t fen;

	/* Nearly every event has the order's own number. */
	if (strcmp(name, "out_trade_no") == 0 && strcmp(value, o->id) == 0)
		return false;
	if (strstr(name, "_fee") != NULL &&
	    h5_text_fen(value, &fen, NULL) == H5_OK) {
		h5_text_from_fen(fen, yuan);
		h5_buf_printf(word, "%s=%s yuan", name, yuan);
	} else {
		h5_buf_printf(word, "%s=%s", name, value);
	}
	return true;
}

static void
put_event(const struct command *cmd, const struct h5_order *o,
    const struct h5_event *ev, const char *at, struct h5_buf *b)
{
	struct h5_buf word;
	const char *value;
	struct line l;
	size_t j;

	h5_buf_init(&word, TEXT_MAX);
	line_begin(&l, cmd, b, 23);
	line_word(&l, at, 0);
	line_word(&l, h5_event_name(ev->kind), STATE_WIDTH);
	for (j = 0; j < H5_LENGTH(told); j++) {
		value = h5_fields_get(&ev->fields, told[j]);
		h5_buf_clear(&word);
		if (value != NULL && put_fact(o, told[j], value, &word))
			line_word(&l, word.data, 0);
	}
	line_end(&l);
	h5_buf_release(&word);
}

/* The story, one line an event: when, what, and what is worth telling. */
static void
put_events(struct h5_buf *b, const struct command *cmd,
    const struct h5_order *o, size_t from)
{
	const struct h5_event *ev;
	const char *value;
	char at[H5_CLOCK_PLAIN];
	size_t i, j;

	for (i = from; i < o->n_events; i++) {
		ev = &o->events[i];
		h5_clock_plain(ev->at, at);
		if (cmd->terminal) {
			put_event(cmd, o, ev, at, b);
			continue;
		}
		h5_buf_printf(b, "event\t%s\t%s", at, h5_event_name(ev->kind));
		for (j = 0; j < H5_LENGTH(told); j++) {
			value = h5_fields_get(&ev->fields, told[j]);
			if (value == NULL)
				continue;
			h5_buf_printf(b, "\t%s=", told[j]);
			h5_escape_tsv(b, value);
		}
		h5_buf_putc(b, '\n');
	}
}

static void
put_order(struct h5_buf *b, const struct command *cmd, const struct h5_order *o)
{
	put_heading(b, cmd, o);
	put_fee(b, cmd, "total_fee", o->total_fee);
	put_field(b, cmd, "body", o->body);
	put_field(b, cmd, "attach", o->attach);
	put_field(b, cmd, "return_url", o->return_url);
	put_field(b, cmd, "item", o->item);
	put_time(b, cmd, "created", o->created_at);
	put_time(b, cmd, "expires", o->expires_at);
	put_time(b, cmd, "paid", o->paid_at);
	put_field(b, cmd, "paid_via", o->paid_via);
	put_field(b, cmd, "transaction_id", o->transaction_id);
	put_time(b, cmd, "closed", o->closed_at);
	put_time(b, cmd, "checked", o->checked_at);
	put_attempts(b, cmd, o);
	put_refunds(b, cmd, o);
	if (cmd->terminal)
		h5_buf_puts(b, "\nevents\n");
	put_events(b, cmd, o, 0);
}

enum h5_code
command_print_events(const struct command *cmd, const struct h5_order *o,
    size_t from, struct h5_err *e)
{
	struct h5_buf out;
	enum h5_code rc;

	h5_buf_init(&out, TEXT_MAX);
	put_events(&out, cmd, o, from);
	rc = h5_buf_finish(&out, e);
	if (rc == H5_OK)
		(void)fputs(out.data, stdout);
	h5_buf_release(&out);
	return rc;
}

/* The whole of it, or nothing. */
int
command_print_order(const struct command *cmd, const struct h5_order *o)
{
	struct h5_buf out;
	enum h5_code rc;
	struct h5_err e;

	h5_buf_init(&out, TEXT_MAX);
	if (cmd->json) {
		rc = h5_order_json(o, &out, &e);
		h5_buf_putc(&out, '\n');
	} else {
		rc = H5_OK;
		put_order(&out, cmd, o);
	}
	if (rc == H5_OK)
		rc = h5_buf_finish(&out, &e);
	if (rc == H5_OK)
		(void)fputs(out.data, stdout);
	h5_buf_release(&out);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_order *o = NULL;
	const char *id = NULL;
	struct h5_err e;
	int status;

	(void)argc;
	status = command_order(cmd, argv[1], &id);
	if (status != EXIT_DONE)
		return status;
	if (h5_store_load(cmd->shop.st, id, &o, &e) != H5_OK)
		return command_fail(cmd, &e);
	status = command_print_order(cmd, o);
	h5_order_free(o);
	return status;
}

const struct verb verb_show = {
    .name = "show",
    .usage = "show ID [--json]",
    .operand = "ID",
    .example = "20261123-0007",
    .least = 1,
    .most = 1,
    .need_config = true,
    .need_store = true,
    .run = run,
};
