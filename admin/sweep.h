/* sweep.h - a sweep's parts: what is due, in which order it is done, and the
 * work with one order. */
#ifndef H5_ADMIN_SWEEP_H
#define H5_ADMIN_SWEEP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "admin/command.h"

/* One sweep, shared by its conversations. */
struct sweeping {
	struct command *cmd;
	int64_t until_ms; /* when to stop taking up further orders */
	bool ask; /* about the payment, due or not */
	bool named; /* one order alone, by its id */
	bool jumped; /* the clock did: this sweep expires nothing */
	pthread_mutex_t lock; /* of what follows */
	enum h5_code worst; /* the first failure, for the exit status */
	pthread_mutex_t billing; /* whoever looks through bills has it */
	bool cut; /* orders that are due were left to the next sweep */
};

/* sweep_failed(s, id, rc, e): tell a failure with the order id and remember it
 * for the exit status; the other orders go on. */
void sweep_failed(struct sweeping *s, const char *id, enum h5_code rc,
    const struct h5_err *e);
/* sweep_one(s, shop, id): do what is due for the order id, now.  shop: with
 * this thread's own WeChat.  Blocks for the calls that it makes. */
void sweep_one(struct sweeping *s, const struct h5_shop *shop, const char *id);

/* sweep_bill(s, shop, id): if bills are due to be looked through for refunds of
 * the order id, do it; what they tell is asked about next.  Blocks for the
 * downloads. */
void sweep_bill(struct sweeping *s, const struct h5_shop *shop, const char *id);

/* sweep_clock_jumped(cmd, note): was this machine's clock set by more than a
 * minute since the last sweep began here?  Then orders were made by another
 * time than now, which is an alert.  It is not known, and so not said, after a
 * restart of the machine.  note: remember how the clock stands. */
bool sweep_clock_jumped(const struct command *cmd, bool note);

/* --- the queue (sweep_queue.c) --- */

enum sweep_kind { SWEEP_TELL, SWEEP_ASK, SWEEP_KINDS };

struct sweep_item {
	char id[H5_ORDER_ID_MAX + 1];
	int64_t due;
};

/* Orders of one kind, by when they are due. */
struct sweep_line {
	struct sweep_item *v;
	size_t n, room;
	size_t oldest, newest; /* those of v between are still to be done */
	bool turn; /* the next one is the newest */
};

struct sweep_queue {
	struct sweep_line line[SWEEP_KINDS];
	size_t telling; /* conversations that deliver at present */
	size_t telling_most; /* while there is something to ask */
	bool left_out; /* more is due than the queue may hold */
};

/* sweep_queue_add(q, kind, id, due, e): one more order.  What does not fit is
 * left to the next sweep.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code sweep_queue_add(struct sweep_queue *q,
    enum sweep_kind kind, const char *id, int64_t due, struct h5_err *e);
/* sweep_queue_ready(q, parallel): everything is in; from now on it is taken by
 * parallel conversations. */
void sweep_queue_ready(struct sweep_queue *q, size_t parallel);
/* sweep_queue_take(q, kind, id): the order that is next; false: none is left.
 * Deliveries come first, in the order in which they are due; they never take
 * all conversations while there is something to ask, because a shop that does
 * not answer would hold up the money.  Of what is to be asked, one is the
 * longest due and the next the latest: neither a backlog nor a flood keeps the
 * other waiting. */
bool sweep_queue_take(
    struct sweep_queue *q, enum sweep_kind *kind, char id[H5_ORDER_ID_MAX + 1]);
/* sweep_queue_done(q, kind): the conversation about one of that kind ended. */
void sweep_queue_done(struct sweep_queue *q, enum sweep_kind kind);
void sweep_queue_release(struct sweep_queue *q);

#endif
