/* h5pay sweep - for cron: does what is due, for every order that is not at
 * rest.  Silent if nothing happened.  Any number may run at once, since each
 * order is worked on under its locks, and a busy one is left to whoever holds
 * it. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "admin/certificates.h"
#include "admin/sweep.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/order/due.h"
#include "common/wechat/wechat.h"

/* A sweep ends before cron starts the next. */
#define SWEEP_FOR_S 50
/* Longer than one order may take: a few answers of WeChat, and a hook. */
#define CLAIM_MS 60000
#define PARALLEL 8
#define PARALLEL_MOST 64
/* A few orders are not worth a connection each. */
#define ORDERS_A_CONVERSATION 4

enum { ORDER, ASK, FOR, PARALLELS };

static const struct option_def options[] = {
    [ORDER] = {.name = "order",
	.kind = VALUE_ORDER,
	.form = "ID",
	.example = "20261123-0007"},
    [ASK] = {.name = "ask"},
    [FOR] = {.name = "for",
	.kind = VALUE_NUMBER,
	.form = "SECONDS",
	.example = "50",
	.least = 1,
	.most = 86400},
    [PARALLELS] = {.name = "parallel",
	.kind = VALUE_NUMBER,
	.form = "N",
	.example = "8",
	.least = 1,
	.most = PARALLEL_MOST},
    {.name = NULL},
};

/* A sweep over all orders. */
struct all {
	struct sweeping *s;
	struct sweep_queue queue; /* under s->lock once it is ready */
};

/* --- what is due ---------------------------------------------------------- */

static enum h5_code
visit(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct all *all = arg;
	struct sweeping *s = all->s;
	const struct h5_config *c = s->cmd->shop.c;
	int64_t now = h5_clock_now(), due;
	const struct h5_outgoing *untold;
	struct h5_err e;

	if (h5_clock_mono_ms() >= s->until_ms) {
		s->cut = true;
		return H5_E_STATE;
	}
	if (o == NULL) {
		sweep_failed(s, id, e_o->code, e_o);
		return H5_OK;
	}
	due = h5_due_at(o, c->hooks.mask, c->orders.query_interval_s);
	if (due > now)
		return H5_OK;
	untold = h5_order_untold(o, c->hooks.mask);
	return sweep_queue_add(&all->queue,
	    untold != NULL && untold->retry_at <= now ? SWEEP_TELL : SWEEP_ASK,
	    id, due, &e);
}

/* --- conversations -------------------------------------------------------- */

/* Takes one order after the other, until none is left or the time is over. */
static void
converse(struct all *all, const struct h5_shop *shop)
{
	char id[H5_ORDER_ID_MAX + 1];
	struct sweeping *s = all->s;
	enum sweep_kind kind;
	bool more;

	for (;;) {
		(void)pthread_mutex_lock(&s->lock);
		more = sweep_queue_take(&all->queue, &kind, id);
		/* The rest is the next sweep's: what was asked now is not due
		 * then, so it comes further. */
		if (more && h5_clock_mono_ms() >= s->until_ms) {
			s->cut = true;
			more = false;
		}
		(void)pthread_mutex_unlock(&s->lock);
		if (!more)
			return;
		sweep_one(s, shop, id);
		(void)pthread_mutex_lock(&s->lock);
		sweep_queue_done(&all->queue, kind);
		(void)pthread_mutex_unlock(&s->lock);
	}
}

/* One more conversation beside the first.  Without it the others do its work.
 */
static void *
beside(void *arg)
{
	struct all *all = arg;
	struct h5_shop shop = all->s->cmd->shop;
	struct h5_err e;

	if (h5_wechat_new(shop.c, &shop.wx, &e) == H5_OK) {
		converse(all, &shop);
		h5_wechat_free(shop.wx);
	}
	return NULL;
}

/* parallel: 0 stands for as many as the work is worth. */
static void
work(struct all *all, size_t parallel)
{
	pthread_t threads[PARALLEL_MOST];
	size_t n = 0, i, worth = 0;

	for (i = 0; i < SWEEP_KINDS; i++)
		worth += all->queue.line[i].n;
	if (parallel == 0) {
		parallel = PARALLEL;
		worth =
		    (worth + ORDERS_A_CONVERSATION - 1) / ORDERS_A_CONVERSATION;
	}
	if (parallel > worth)
		parallel = worth;
	sweep_queue_ready(&all->queue, parallel);
	while (n + 1 < parallel &&
	       pthread_create(&threads[n], NULL, beside, all) == 0)
		n++;
	converse(all, &all->s->cmd->shop);
	for (i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
}

static int
sweep_all(struct sweeping *s, size_t parallel)
{
	struct all all = {.s = s};
	struct h5_err e = {H5_OK, 0, ""};
	enum h5_code rc;

	rc = h5_store_each_due(
	    s->cmd->shop.st, h5_clock_now(), CLAIM_MS, visit, &all, &e);
	if (rc == H5_E_STATE && s->cut)
		rc = H5_OK;
	if (rc == H5_E_NOMEM)
		(void)h5_err_nomem(&e);
	/* What was found is worked on even if not all of it was found. */
	work(&all, parallel);
	if (rc == H5_OK && !s->cut && !all.queue.left_out)
		rc = h5_store_swept(s->cmd->shop.st, &e);
	sweep_queue_release(&all.queue);
	return rc == H5_OK ? h5_err_exit(s->worst) : command_fail(s->cmd, &e);
}

/* One order, right after a reply about it was sent: tell the shop. */
static int
sweep_order(struct sweeping *s, const char *id)
{
	sweep_one(s, &s->cmd->shop, id);
	return h5_err_exit(s->worst);
}

static int
check(const struct command *cmd, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (cmd->given[ASK].text != NULL && cmd->given[ORDER].text == NULL)
		return command_usage(&verb_sweep,
		    "--ask needs --order, such as --order 20261123-0007");
	return EXIT_DONE;
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct sweeping s = {.cmd = cmd,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .billing = PTHREAD_MUTEX_INITIALIZER,
	    .worst = H5_OK};
	const struct given *given = cmd->given;
	const char *id = NULL;
	int64_t seconds = SWEEP_FOR_S;
	int status = EXIT_DONE;
	struct h5_err e;

	(void)argc;
	(void)argv;
	s.ask = given[ASK].text != NULL;
	if (given[FOR].text != NULL)
		seconds = given[FOR].number;
	if (given[ORDER].text != NULL)
		status = command_order(cmd, given[ORDER].text, &id);
	if (status != EXIT_DONE)
		return status;
	if (command_wechat(cmd, &e) != H5_OK)
		return command_fail(cmd, &e);
	s.until_ms = h5_clock_mono_ms() + seconds * 1000;
	s.jumped = sweep_clock_jumped(cmd, id == NULL);
	s.named = id != NULL;
	if (id != NULL)
		return sweep_order(&s, id);
	status = sweep_all(&s, (size_t)given[PARALLELS].number);
	/* Not behind a web request, which names its order; and when no order
	 * waits any more. */
	certificates_daily(cmd);
	return status;
}

const struct verb verb_sweep = {
    .name = "sweep",
    .usage = "sweep [--order ID [--ask]] [--for SECONDS] [--parallel N] "
	     "[--json]",
    .options = options,
    .check = check,
    .need_config = true,
    .need_store = true,
    .run = run,
};
