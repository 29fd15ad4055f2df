/* shop.h - a store in a temporary folder.  Include it after help.h. */
#ifndef TESTS_UNIT_SHOP_H
#define TESTS_UNIT_SHOP_H

#include <glob.h>

#include "tests/unit/folder.h"
#include "tests/unit/orders.h"

#include "common/store/store.h"
#include "tests/unit/where.h"

struct shop {
	struct folder f;
	char dir[FOLDER_PATH];
	struct h5_store *st;
};

static inline void
shop_open(struct shop *s, unsigned hooks)
{
	struct h5_err e;

	if (h5_store_open(WHERE(s->dir), hooks, &s->st, &e) != H5_OK)
		fail_msg("%s", e.msg);
}

static inline void
shop_reopen(struct shop *s, unsigned hooks)
{
	h5_store_close(s->st);
	shop_open(s, hooks);
}

static inline int
shop_setup_in(void **state, const char *base)
{
	struct shop *s = calloc(1, sizeof *s);

	assert_non_null(s);
	folder_make_in(&s->f, base);
	folder_name(&s->f, "store", s->dir);
	shop_open(s, 0);
	*state = s;
	return 0;
}

static inline int
shop_setup(void **state)
{
	return shop_setup_in(state, "/tmp");
}

static inline int
shop_teardown(void **state)
{
	struct shop *s = *state;

	h5_store_close(s->st);
	folder_remove(&s->f);
	free(s);
	return 0;
}

/* shop_create(s, id, at): its result; the order is freed. */
static inline enum h5_code
shop_create(struct h5_store *st, const char *id, int64_t at)
{
	struct h5_order *o;
	struct h5_event ev;
	enum h5_code rc;

	created_of(&ev, id, at);
	rc = h5_store_create(st, &ev, &o, NULL);
	h5_order_free(o);
	return rc;
}

/* Adds one event (see shop_update). */
struct shop_note {
	struct h5_event *ev;
	size_t n;
};

static inline enum h5_code
shop_decide(void *arg, const struct h5_order *o, struct h5_store_batch *b,
    struct h5_err *e)
{
	struct shop_note *note = arg;
	struct h5_event *to;
	size_t i;

	(void)o;
	for (i = 0; i < note->n; i++) {
		to = h5_store_add(b, note->ev[i].kind);
		if (to == NULL)
			return h5_err_set(e, H5_E_BUG, "batch full");
		if (h5_fields_copy(&to->fields, &note->ev[i].fields, e) !=
		    H5_OK)
			return H5_E_INPUT;
	}
	return H5_OK;
}

/* shop_update(st, id, ev, n): add these events (released) as one batch. */
static inline enum h5_code
shop_update(struct h5_store *st, const char *id, struct h5_event *ev, size_t n)
{
	struct shop_note note = {ev, n};
	enum h5_code rc;
	size_t i;

	rc = h5_store_update(st, id, NULL, shop_decide, &note, NULL, NULL);
	for (i = 0; i < n; i++)
		h5_event_release(&ev[i]);
	return rc;
}

static inline enum h5_code
shop_nothing(struct h5_store *st, const char *id)
{
	return shop_update(st, id, NULL, 0);
}

static inline enum h5_code
shop_query(struct h5_store *st, const char *id, const char *word)
{
	struct h5_event ev;

	event_of(&ev, H5_EVENT_QUERIED, T0, "out_trade_no", id, "trade_state",
	    word, NULL);
	return shop_update(st, id, &ev, 1);
}

static inline enum h5_code
shop_paid(struct h5_store *st, const char *id)
{
	struct h5_event ev;

	paid_of(&ev, id, "4200", T0);
	return shop_update(st, id, &ev, 1);
}

/* Makes a paid order wake, and rest again. */
static inline enum h5_code
shop_refund(
    struct h5_store *st, const char *id, const char *no, const char *status)
{
	struct h5_event ev;

	if (status == NULL)
		event_of(&ev, H5_EVENT_REFUND_ASKED, T0, "out_refund_no", no,
		    "refund_fee", "1", NULL);
	else
		event_of(&ev, H5_EVENT_REFUNDED, T0, "out_refund_no", no,
		    "refund_id", "50000", "refund_fee", "1", "status", status,
		    NULL);
	return shop_update(st, id, &ev, 1);
}

/* shop_events(st, id): how many there are; -1: cannot be read. */
static inline int
shop_events(struct h5_store *st, const char *id)
{
	struct h5_order *o;
	int n;

	if (h5_store_load(st, id, &o, NULL) != H5_OK)
		return -1;
	n = (int)o->n_events;
	h5_order_free(o);
	return n;
}

/* shop_ledger(s, id, path): where its file is. */
static inline void
shop_ledger(const struct shop *s, const char *id, char path[FOLDER_PATH])
{
	char pattern[FOLDER_PATH];
	glob_t g;

	(void)snprintf(
	    pattern, sizeof pattern, "%.400s/orders/*/*/%s.ledger", s->dir, id);
	if (glob(pattern, 0, NULL, &g) != 0 || g.gl_pathc != 1)
		fail_msg("no ledger of %s", id);
	(void)snprintf(path, FOLDER_PATH, "%s", g.gl_pathv[0]);
	globfree(&g);
}

/* Which orders a walk visited, as one text "id id ". */
struct shop_seen {
	char text[8192];
	size_t n;
	size_t broken;
};

static inline enum h5_code
shop_see(void *arg, const char *id, const struct h5_order *o,
    const struct h5_err *e_o)
{
	struct shop_seen *seen = arg;
	size_t at = strlen(seen->text);

	(void)snprintf(seen->text + at, sizeof seen->text - at, "%s ", id);
	seen->n++;
	if (o == NULL) {
		seen->broken++;
		assert_non_null(e_o);
	}
	return H5_OK;
}

static inline const char *
shop_open_orders(struct h5_store *st, struct shop_seen *seen)
{
	memset(seen, 0, sizeof *seen);
	if (h5_store_each_open(st, shop_see, seen, NULL) != H5_OK)
		fail_msg("each_open failed");
	return seen->text;
}

#endif
