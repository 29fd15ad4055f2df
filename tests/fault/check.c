/* check.c - looks at stores as an operator would after a crash.
 * One line in: FOLDER ORDER.  One line out: how it opened, the order, how
 * often it was paid, whether a sweep finds it, and the same after a repair.
 * ORDER may be "-": then a line for each order of the store. */
#include <stdio.h>
#include <string.h>

#include "common/store.h"

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
look(const char *dir, const char *id)
{
	struct h5_store_report r = {0};
	struct h5_store *st;
	struct h5_err e;
	enum h5_code rc;

	/* A hook is configured, so a paid order is not at rest. */
	rc = h5_store_open(dir, H5_HOOK_EXEC, &st, &e);
	if (rc == H5_OK && strcmp(id, "-") == 0) {
		list(st);
		h5_store_close(st);
		return;
	}
	(void)printf("%s ", h5_err_name(rc));
	if (rc != H5_OK) {
		(void)printf("%s\n", e.msg);
		return;
	}
	tell(st, id);
	rc = h5_store_check(st, true, &r, &e);
	(void)printf(
	    " %s %llu ", h5_err_name(rc), (unsigned long long)r.broken);
	tell(st, id);
	(void)printf("\n");
	h5_store_close(st);
}

int
main(void)
{
	char line[1024], *blank;

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		blank = strchr(line, ' ');
		if (blank == NULL)
			return 2;
		*blank = '\0';
		look(line, blank + 1);
		(void)fflush(stdout);
	}
	return 0;
}
