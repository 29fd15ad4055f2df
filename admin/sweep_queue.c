/* What a sweep has found due, and in which order it is taken up. */
#include <stdlib.h>
#include <string.h>

#include "admin/sweep.h"

/* The most orders of one kind that are kept.  A sweep gets through a tenth of
 * that, so the rest would have to wait for the next one anyway. */
#define LINE_MOST 131072
#define LINE_FIRST 256

static int
earlier(const void *a, const void *b)
{
	const struct sweep_item *x = a, *y = b;

	if (x->due != y->due)
		return x->due < y->due ? -1 : 1;
	return strcmp(x->id, y->id);
}

static void
sort(struct sweep_line *l)
{
	if (l->n > 0)
		qsort(l->v, l->n, sizeof *l->v, earlier);
}

/* Leaves out the half that this sweep would reach last: as orders are taken
 * from both ends, those in the middle. */
static void
leave_half(struct sweep_line *l)
{
	size_t quarter = l->n / 4;

	sort(l);
	memmove(l->v + quarter, l->v + l->n - quarter, quarter * sizeof *l->v);
	l->n = 2 * quarter;
}

enum h5_code
sweep_queue_add(struct sweep_queue *q, enum sweep_kind kind, const char *id,
    int64_t due, struct h5_err *e)
{
	struct sweep_line *l = &q->line[kind];
	struct sweep_item *v;
	size_t room;

	if (l->n == LINE_MOST) {
		leave_half(l);
		q->left_out = true;
	}
	if (l->n == l->room) {
		room = l->room == 0 ? LINE_FIRST : 2 * l->room;
		v = realloc(l->v, room * sizeof *v);
		if (v == NULL)
			return h5_err_nomem(e);
		l->v = v;
		l->room = room;
	}
	memcpy(l->v[l->n].id, id, strlen(id) + 1);
	l->v[l->n++].due = due;
	return H5_OK;
}

void
sweep_queue_ready(struct sweep_queue *q, size_t parallel)
{
	size_t i;

	for (i = 0; i < SWEEP_KINDS; i++) {
		sort(&q->line[i]);
		q->line[i].newest = q->line[i].n;
	}
	/* Half of the conversations, and the only one if there is one. */
	q->telling_most = (parallel + 1) / 2;
}

bool
sweep_queue_take(
    struct sweep_queue *q, enum sweep_kind *kind, char id[H5_ORDER_ID_MAX + 1])
{
	struct sweep_line *tell = &q->line[SWEEP_TELL];
	struct sweep_line *ask = &q->line[SWEEP_ASK];
	bool to_ask = ask->oldest < ask->newest;
	const struct sweep_item *next;

	if (tell->oldest < tell->newest &&
	    (q->telling < q->telling_most || !to_ask)) {
		*kind = SWEEP_TELL;
		q->telling++;
		next = &tell->v[tell->oldest++];
	} else if (to_ask) {
		*kind = SWEEP_ASK;
		next =
		    ask->turn ? &ask->v[--ask->newest] : &ask->v[ask->oldest++];
		ask->turn = !ask->turn;
	} else {
		return false;
	}
	memcpy(id, next->id, sizeof next->id);
	return true;
}

void
sweep_queue_done(struct sweep_queue *q, enum sweep_kind kind)
{
	if (kind == SWEEP_TELL)
		q->telling--;
}

void
sweep_queue_release(struct sweep_queue *q)
{
	size_t i;

	for (i = 0; i < SWEEP_KINDS; i++)
		free(q->line[i].v);
}
