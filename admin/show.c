/* h5pay show - the whole story of one order. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/clock.h"
#include "common/escape.h"
#include "common/ledger.h"

static void
print_field(const char *name, const char *value)
{
	struct h5_buf b;

	if (value == NULL || value[0] == '\0')
		return;
	h5_buf_init(&b, 65536);
	h5_escape_tsv(&b, value);
	(void)printf("  %-16s %s\n", name, b.data);
	h5_buf_release(&b);
}

static void
print_time(const char *name, int64_t t)
{
	char at[H5_CLOCK_PLAIN];

	h5_clock_plain(t, at);
	print_field(name, t == 0 ? NULL : at);
}

static void
print_fee(const char *name, int64_t fee)
{
	char yuan[H5_TEXT_FEN], both[64];

	h5_text_from_fen(fee, yuan);
	(void)snprintf(
	    both, sizeof both, "%lld fen (%s yuan)", (long long)fee, yuan);
	print_field(name, both);
}

static void
print_heading(const struct command *cmd, const struct h5_order *o)
{
	static const enum h5_order_alert all[] = {
	    H5_ALERT_DISPUTED, H5_ALERT_LATE, H5_ALERT_OVERPAID};
	const char *state = h5_order_state_name(o->state);
	const char *end = cmd->colour ? "\033[0m" : "";
	size_t i;

	(void)printf("%s%s%s  %s%s%s", cmd->colour ? "\033[1m" : "", o->id, end,
	    table_tint(cmd, state), state, end);
	for (i = 0; i < 3; i++)
		if ((o->alerts & all[i]) != 0)
			(void)printf("  %s%s!%s",
			    table_tint(cmd, h5_order_alert_name(all[i])),
			    h5_order_alert_name(all[i]), end);
	(void)puts("");
}

static void
print_attempts(const struct h5_order *o)
{
	char at[H5_CLOCK_PLAIN];
	size_t i;

	(void)puts("\nattempts");
	for (i = 0; i < o->n_attempts; i++) {
		h5_clock_plain(o->attempts[i].created_at, at);
		(void)printf("  %-32s %-8s %s  from %s\n",
		    o->attempts[i].out_trade_no,
		    h5_order_attempt_word(o->attempts[i].state), at,
		    o->attempts[i].spbill_create_ip);
	}
}

static void
print_refunds(const struct h5_order *o)
{
	char yuan[H5_TEXT_FEN], at[H5_CLOCK_PLAIN];
	const struct h5_refund *r;
	size_t i;

	if (o->n_refunds == 0)
		return;
	(void)puts("\nrefunds");
	for (i = 0; i < o->n_refunds; i++) {
		r = &o->refunds[i];
		h5_text_from_fen(r->refund_fee, yuan);
		h5_clock_plain(r->changed_at, at);
		(void)printf("  %-32s %-11s %s yuan  %s\n", r->out_refund_no,
		    r->status, yuan, at);
	}
}

/* The story, one line an event: when, what, and what is worth telling. */
static void
print_events(const struct h5_order *o)
{
	static const char *const told[] = {"out_trade_no", "trade_state", "via",
	    "transaction_id", "total_fee", "fee_type", "alert", "why",
	    "spbill_create_ip", "out_refund_no", "refund_status", "refund_fee",
	    "status", "id", "to", "retry_at"};
	const struct h5_event *ev;
	const char *value;
	char at[H5_CLOCK_PLAIN];
	struct h5_buf b;
	size_t i, j;

	(void)puts("\nevents");
	h5_buf_init(&b, 65536);
	for (i = 0; i < o->n_events; i++) {
		ev = &o->events[i];
		h5_clock_plain(ev->at, at);
		(void)printf("  %s  %-12s", at, h5_event_name(ev->kind));
		for (j = 0; j < sizeof told / sizeof told[0]; j++) {
			value = h5_fields_get(&ev->fields, told[j]);
			if (value == NULL)
				continue;
			h5_buf_clear(&b);
			h5_escape_tsv(&b, value);
			(void)printf(" %s=%s", told[j], b.data);
		}
		(void)puts("");
	}
	h5_buf_release(&b);
}

int
command_print_order(const struct command *cmd, const struct h5_order *o)
{
	struct h5_buf out;
	struct h5_err e;

	if (cmd->json) {
		h5_buf_init(&out, 16U << 20);
		if (h5_ledger_order_json(o, &out, &e) != H5_OK) {
			h5_buf_release(&out);
			return command_fail(cmd, &e);
		}
		(void)puts(out.data);
		h5_buf_release(&out);
		return EXIT_DONE;
	}
	print_heading(cmd, o);
	print_fee("total_fee", o->total_fee);
	print_field("body", o->body);
	print_field("attach", o->attach);
	print_field("item", o->item);
	print_time("created", o->created_at);
	print_time("expires", o->expires_at);
	print_time("paid", o->paid_at);
	print_field("paid via", o->paid_via);
	print_field("transaction_id", o->transaction_id);
	print_time("closed", o->closed_at);
	print_time("last checked", o->checked_at);
	print_attempts(o);
	print_refunds(o);
	print_events(o);
	return EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_order *o = NULL;
	const char *id = NULL;
	struct h5_err e;
	int status;

	status = command_order(&verb_show, argc, argv, &id);
	if (status != EXIT_DONE)
		return status;
	if (h5_store_load(cmd->st, id, &o, &e) != H5_OK)
		return command_fail(cmd, &e);
	status = command_print_order(cmd, o);
	h5_order_free(o);
	return status;
}

const struct verb verb_show = {
    .name = "show",
    .usage = "show ID [--json]",
    .summary = "one order: terms, attempts, refunds, every event",
    .help = "\n"
	    "  h5pay show 20261123-0007\n"
	    "  h5pay show 20261123-0007 --json | jq .state\n\n"
	    "exit status: 0, or 66 when there is no such order\n",
    .need_config = true,
    .need_store = true,
    .run = run,
};
