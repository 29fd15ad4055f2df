/* h5pay sweep - for cron: does what is due, for every order that is not at
 * rest.  Silent if nothing happened.  Any number may run at once, since each
 * order is worked on under its locks, and a busy one is left to whoever holds
 * it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/hooks/hooks.h"
#include "common/order/due.h"
#include "common/pay/refund.h"

enum { OPT_ORDER = 256, OPT_FOR };

static const struct option options[] = {
    {"order", required_argument, NULL, OPT_ORDER},
    {"for", required_argument, NULL, OPT_FOR},
    {NULL, 0, NULL, 0},
};

/* A sweep ends before cron starts the next. */
#define SWEEP_FOR_S 50
/* Longer than one order may take: a few answers of WeChat, and a hook. */
#define CLAIM_MS 60000

struct sweeping {
	struct command *cmd;
	int64_t until_ms; /* when to stop taking up further orders */
	bool cut; /* that moment came */
	enum h5_code worst; /* the first failure, for the exit status */
};

static void
say(const struct sweeping *s, const char *id, const char *what)
{
	if (!s->cmd->quiet)
		(void)printf(s->cmd->json
				 ? "{\"order\":\"%s\",\"done\":\"%s\"}\n"
				 : "%s\t%s\n",
		    id, what);
}

/* A failure is told, remembered for the exit status, and does not keep the
 * other orders waiting. */
static void
failed(
    struct sweeping *s, const char *id, enum h5_code rc, const struct h5_err *e)
{
	/* Somebody else works on it, or WeChat will not close it yet: the next
	 * sweep looks again. */
	if (rc == H5_E_BUSY || rc == H5_E_STATE)
		return;
	(void)fprintf(stderr, "h5pay: %s: %s\n", id, e->msg);
	if (s->worst == H5_OK)
		s->worst = rc;
}

static int64_t
query_gap(const struct sweeping *s)
{
	return s->cmd->shop.c->orders.query_interval_s;
}

static void
settle_one(struct sweeping *s, const struct h5_order *before, int64_t now)
{
	enum h5_order_state was = before->state;
	char id[H5_ORDER_ID_MAX + 1];
	struct h5_order *o = NULL;
	bool asked = true;
	struct h5_err e;
	enum h5_code rc;

	memcpy(id, before->id, sizeof id);
	if (now >= h5_order_ends_at(before))
		rc = h5_pay_close(&s->cmd->shop, id, "expired", &o, &e);
	else if (now >= h5_due_ask(before, query_gap(s)))
		rc = h5_pay_ask(&s->cmd->shop, id, false, &asked, &o, &e);
	else
		return;
	if (o != NULL && o->state != was)
		say(s, id, h5_order_state_name(o->state));
	if (rc != H5_OK)
		failed(s, id, rc, &e);
	h5_order_free(o);
}

/* Asks what became of refunds, also of those that only a notice told of. */
static void
follow_refunds(struct sweeping *s, const char *id)
{
	struct h5_order *o = NULL, *after = NULL;
	enum h5_order_state was;
	struct h5_err e;
	enum h5_code rc;

	rc = h5_store_load(s->cmd->shop.st, id, &o, &e);
	if (rc == H5_OK && h5_refund_due(o, h5_clock_now())) {
		was = o->state;
		rc = h5_refund_look(&s->cmd->shop, id, false, &after, &e);
		if (after != NULL && after->state != was)
			say(s, id, h5_order_state_name(after->state));
	}
	if (rc != H5_OK)
		failed(s, id, rc, &e);
	h5_order_free(o);
	h5_order_free(after);
}

static void
one(struct sweeping *s, const struct h5_order *o)
{
	int64_t now = h5_clock_now();
	char id[H5_ORDER_ID_MAX + 1];
	struct h5_order *after = NULL;
	struct h5_err e;
	enum h5_code rc = H5_OK;

	if (now < h5_due_at(o, s->cmd->shop.c->hooks.mask, query_gap(s)))
		return;
	memcpy(id, o->id, sizeof id);
	if (!h5_order_settled(o))
		settle_one(s, o, now);
	if (h5_due_close_rest(o)) {
		rc = h5_pay_close_rest(&s->cmd->shop, id, &after, &e);
		if (rc != H5_OK)
			failed(s, id, rc, &e);
		h5_order_free(after);
		after = NULL;
	}
	follow_refunds(s, id);
	if (s->cmd->shop.c->hooks.mask == 0)
		return;
	rc = h5_store_load(s->cmd->shop.st, id, &after, &e);
	if (rc == H5_OK && h5_hooks_due(s->cmd->shop.c, after, now) != NULL) {
		rc = h5_hooks_deliver(&s->cmd->shop, id, false, &e);
		if (rc == H5_OK)
			say(s, id, "delivered");
	}
	if (rc != H5_OK)
		failed(s, id, rc, &e);
	h5_order_free(after);
}

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct sweeping *s = arg;

	/* The rest is for the next sweep.  What was asked now is not due then,
	 * so that one gets further. */
	if (h5_clock_mono_ms() >= s->until_ms) {
		s->cut = true;
		return H5_E_STATE;
	}
	if (o == NULL)
		failed(s, id, e_o->code, e_o);
	else
		one(s, o);
	return H5_OK;
}

/* One order, right after a reply about it was sent: tell the shop. */
static int
sweep_order(struct sweeping *s, const char *id)
{
	struct h5_order *o = NULL;
	struct h5_err e;

	if (h5_store_load(s->cmd->shop.st, id, &o, &e) != H5_OK)
		return command_fail(s->cmd, &e);
	one(s, o);
	h5_order_free(o);
	return h5_err_exit(s->worst);
}

static int
sweep_all(struct sweeping *s)
{
	struct h5_err e;
	enum h5_code rc;

	rc = h5_store_each_due(
	    s->cmd->shop.st, h5_clock_now(), CLAIM_MS, visit, s, &e);
	/* A sweep that was cut short is stamped as well, since the next one
	 * goes on. */
	if (rc == H5_E_STATE && s->cut)
		rc = H5_OK;
	if (rc == H5_OK)
		rc = h5_store_swept(s->cmd->shop.st, &e);
	return rc == H5_OK ? h5_err_exit(s->worst) : command_fail(s->cmd, &e);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct sweeping s = {.cmd = cmd, .worst = H5_OK};
	uint64_t seconds = SWEEP_FOR_S;
	const char *id = NULL;
	struct h5_err e;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_ORDER)
			id = optarg;
		else if (opt != OPT_FOR)
			return command_usage(&verb_sweep, "unknown option");
		else if (h5_text_u64(optarg, 1, 86400, &seconds, &e) != H5_OK)
			return command_usage(&verb_sweep, "--for: %s", e.msg);
	}
	if (optind < argc)
		return command_usage(
		    &verb_sweep, "unexpected \"%s\"", argv[optind]);
	if (command_wechat(cmd, &e) != H5_OK)
		return command_fail(cmd, &e);
	s.until_ms = h5_clock_mono_ms() + (int64_t)seconds * 1000;
	return id != NULL ? sweep_order(&s, id) : sweep_all(&s);
}

const struct verb verb_sweep = {
    .name = "sweep",
    .usage = "sweep [--order ID] [--for SECONDS] [--json]",
    .summary = "for cron: ask, expire and deliver what is due",
    .help =
	"\n"
	"  * * * * * h5pay sweep          a line for crontab -e\n"
	"  h5pay sweep --order ID         one order only\n\n"
	"Asks WeChat about unsettled orders when they are due, closes the "
	"expired ones, asks\n"
	"what became of refunds, and delivers events that the shop has not "
	"accepted.  Prints\n"
	"a line for each thing it did, and nothing if nothing happened.  "
	"Several may run at\n"
	"once.\n\n"
	"      --order ID     one order only\n"
	"      --for SECONDS  start no further order after that time; default "
	"50\n\n"
	"exit status: 0, 69 if WeChat or the shop could not be reached, 74 "
	"store\n",
    .need_config = true,
    .need_store = true,
    .run = run,
};
