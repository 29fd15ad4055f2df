/* h5pay watch - one order, event by event, until it is settled. */
#include <poll.h>
#include <stdio.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/order/order_json.h"
#include "common/pay/pay.h"

#define LOOK_MS 250 /* between two looks at the store */
#define ORDER_MAX (16U << 20)

enum { ASK, FOR };

static const struct option_def options[] = {
    [ASK] = {.name = "ask"},
    [FOR] = {.name = "for",
	.kind = VALUE_NUMBER,
	.form = "SECONDS",
	.example = "120",
	.least = 1,
	.most = 604800},
    {.name = NULL},
};

struct watching {
	struct command *cmd;
	const char *id;
	size_t seen; /* events that were told */
	bool began;
};

static enum h5_code
print_json(const struct h5_order *o, struct h5_err *e)
{
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, ORDER_MAX);
	rc = h5_order_json(o, &b, e);
	if (rc == H5_OK)
		(void)printf("%s\n", b.data);
	h5_buf_release(&b);
	return rc;
}

/* Whatever is new.  Programs get the whole order, one object a change. */
static enum h5_code
tell(struct watching *w, const struct h5_order *o, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	if (w->began && o->n_events == w->seen)
		return H5_OK;
	if (w->cmd->json)
		rc = print_json(o, e);
	else
		rc = command_print_events(w->cmd, o, w->seen, e);
	w->seen = o->n_events;
	w->began = true;
	(void)fflush(stdout);
	return rc;
}

/* *settled: there is nothing to wait for; *paid: and it was paid. */
static enum h5_code
look(struct watching *w, bool *settled, bool *paid, struct h5_err *e)
{
	struct h5_order *o = NULL;
	struct h5_err why;
	enum h5_code rc;
	bool asked;

	/* Inside orders.query_interval_s nothing is asked.  WeChat may be out
	 * of reach for a while: a notice can come all the same. */
	if (w->cmd->given[ASK].text != NULL) {
		(void)!h5_pay_ask(
		    &w->cmd->shop, w->id, false, &asked, &o, &why);
		h5_order_free(o);
		o = NULL;
	}
	rc = h5_store_load(w->cmd->shop.st, w->id, &o, e);
	if (rc == H5_OK)
		rc = tell(w, o, e);
	*settled = rc == H5_OK && h5_order_settled(o);
	*paid = rc == H5_OK && o->paid_at != 0;
	h5_order_free(o);
	return rc;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct watching w = {.cmd = cmd};
	int64_t until_ms = INT64_MAX;
	bool settled = false, paid = false;
	struct h5_err e;
	int status;

	(void)argc;
	status = command_order(cmd, argv[1], &w.id);
	if (status != EXIT_DONE)
		return status;
	if (cmd->given[ASK].text != NULL && command_wechat(cmd, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (cmd->given[FOR].text != NULL)
		until_ms = h5_clock_mono_ms() + cmd->given[FOR].number * 1000;
	for (;;) {
		if (look(&w, &settled, &paid, &e) != H5_OK)
			return command_fail(cmd, &e);
		/* Nobody reads any more. */
		if (settled || ferror(stdout))
			return paid ? EXIT_DONE : EXIT_NO;
		if (h5_clock_mono_ms() >= until_ms)
			break;
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (!cmd->quiet)
		(void)fprintf(stderr,
		    "h5pay: order %s was not settled within %s s\n", w.id,
		    cmd->given[FOR].text);
	return EXIT_LATER;
}

const struct verb verb_watch = {
    .name = "watch",
    .usage = "watch ID [--ask] [--for SECONDS] [--json]",
    .operand = "ID",
    .example = "20261123-0007",
    .least = 1,
    .most = 1,
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
