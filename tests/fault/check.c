/* check.c - looks at stores as an operator would after a crash.  A line in:
 *   mend FOLDER ORDER  how it opened, the order, how often it was paid,
 *                      whether a sweep finds it, and the same after a repair
 *   show FOLDER ORDER  how it was read, what is broken in the store; then its
 *                      state, its payment and its events
 *   list FOLDER        a line for each order, and one at the end
 */
#include <stdio.h>
#include <string.h>

#include "common/store/store.h"
#include "tests/unit/where.h"

struct sought {
	const char *id;
	int times;
};

static enum h5_code
found(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct sought *s = arg;

	(void)e_o;
	if (o != NULL && strcmp(id, s->id) == 0)
		s->times++;
	return H5_OK;
}

static void
tell(struct h5_store *st, const char *id)
{
	struct sought s = {id, 0};
	struct h5_order *o = NULL;
	enum h5_code rc, rc_open;
	struct h5_err e;
	size_t i;
	int paid = 0;

	rc = h5_store_load(st, id, &o, &e);
	for (i = 0; o != NULL && i < o->n_events; i++)
		paid += o->events[i].kind == H5_EVENT_PAID;
	rc_open = h5_store_each_open(st, found, &s, &e);
	(void)printf("%s %d %s %d", h5_err_name(rc), paid, h5_err_name(rc_open),
	    s.times);
	h5_order_free(o);
}

static enum h5_code
print_order(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	int paid = 0;
	size_t i;

	(void)arg;
	for (i = 0; o != NULL && i < o->n_events; i++)
		paid += o->events[i].kind == H5_EVENT_PAID;
	(void)printf("order %s %d %s\n", id, paid, o != NULL ? "ok" : e_o->msg);
	return H5_OK;
}

/* Every order, a line each, then how fsck finds the store. */
static void
list(struct h5_store *st)
{
	struct h5_store_report r = {0};
	struct h5_err e;
	enum h5_code rc;

	rc = h5_store_each(st, 0, 0, print_order, NULL, &e);
	if (rc == H5_OK)
		rc = h5_store_check(st, false, &r, &e);
	(void)printf(
	    "end %s %llu\n", h5_err_name(rc), (unsigned long long)r.broken);
}

static void
mend(struct h5_store *st, const char *id)
{
	struct h5_store_report r = {0};
	struct h5_err e;
	enum h5_code rc;

	(void)printf("ok ");
	tell(st, id);
	rc = h5_store_check(st, true, &r, &e);
	(void)printf(
	    " %s %llu ", h5_err_name(rc), (unsigned long long)r.broken);
	tell(st, id);
	(void)printf("\n");
}

static void
show(struct h5_store *st, const char *id)
{
	struct h5_store_report r = {0};
	struct h5_order *o = NULL;
	enum h5_code rc, rc_check;
	struct h5_err e;
	size_t i;

	rc = h5_store_load(st, id, &o, &e);
	rc_check = h5_store_check(st, false, &r, &e);
	(void)printf("%s %llu", h5_err_name(rc == H5_OK ? rc_check : rc),
	    (unsigned long long)r.broken);
	if (o != NULL)
		(void)printf(" %s %s ", h5_order_state_name(o->state),
		    o->transaction_id[0] != '\0' ? o->transaction_id : "-");
	for (i = 0; o != NULL && i < o->n_events; i++)
		(void)printf(
		    "%s%s", i > 0 ? "," : "", h5_event_name(o->events[i].kind));
	(void)printf("\n");
	h5_order_free(o);
}

static bool
look(const char *verb, const char *dir, const char *id)
{
	struct h5_store *st;
	struct h5_err e;
	enum h5_code rc;

	/* A hook is configured, so a paid order is not at rest. */
	rc = h5_store_open(WHERE(dir), H5_HOOK_EXEC, &st, &e);
	if (rc != H5_OK) {
		(void)printf("%s %s\n", h5_err_name(rc), e.msg);
		return true;
	}
	if (strcmp(verb, "list") == 0)
		list(st);
	else if (strcmp(verb, "mend") == 0)
		mend(st, id);
	else if (strcmp(verb, "show") == 0)
		show(st, id);
	else
		verb = NULL;
	h5_store_close(st);
	return verb != NULL;
}

int
main(void)
{
	char line[1024], verb[8], dir[512], id[128];
	int n;

	while (fgets(line, sizeof line, stdin) != NULL) {
		id[0] = '\0';
		n = sscanf(line, "%7s %511s %127s", verb, dir, id);
		if (n < 2 || !look(verb, dir, id))
			return 2;
		(void)fflush(stdout);
	}
	return 0;
}
