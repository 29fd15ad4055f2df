/* A whole ledger: its units, line by line, folded into an order, and what its
 * end is if it was cut short. */
#include "common/store/ledger.h"

#include <string.h>

/* What every line ends with begins so. */
#define SUM_HEAD ",\"sum\":\""

/* The lines of one unit, until all of it is there. */
struct unit {
	struct h5_event ev[H5_LEDGER_UNIT];
	size_t n;
};

static void
drop_unit(struct unit *u)
{
	while (u->n > 0)
		h5_event_release(&u->ev[--u->n]);
}

static enum h5_code
apply_unit(
    struct unit *u, const char *id, struct h5_order **o, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	size_t i;

	/* All events of a unit or none: the fold stops at the first that fails,
	 * and the caller throws the order away. */
	for (i = 0; i < u->n && rc == H5_OK; i++) {
		if (*o != NULL)
			rc = h5_order_apply(*o, &u->ev[i], e);
		else
			rc = h5_order_new(&u->ev[i], o, e);
		/* A record that was copied under another name must not pass for
		 * that order. */
		if (rc == H5_OK && strcmp((*o)->id, id) != 0)
			rc = h5_err_set(e, H5_E_INPUT,
			    "the record of %s holds order %s", id, (*o)->id);
	}
	drop_unit(u);
	/* A move that may never happen cannot have been written by us. */
	return rc == H5_E_STATE ? h5_err_as(e, H5_E_INPUT) : rc;
}

static const char *
next_sum(const char *p, const char *end)
{
	return memmem(p, (size_t)(end - p), SUM_HEAD, sizeof SUM_HEAD - 1);
}

/* The last piece of the file, from p on, is no good line.  H5_OK: it is torn,
 * a line of which only a part arrived, nothing of it acknowledged.  Only one
 * line is ever written at a time: the ends of two mean that both were there,
 * and that the line feed between them was damaged. */
static enum h5_code
judge_tail(
    const struct h5_ledger_at *at, const char *p, size_t n, struct h5_err *e)
{
	const char *end = p + n, *first = next_sum(p, end);

	if (first != NULL && next_sum(first + 1, end) != NULL)
		return h5_err_set(e, H5_E_INPUT,
		    "line %u: its line feed is damaged", at->n + 1);
	return H5_OK;
}

enum h5_code
h5_ledger_fold(const char *p, size_t n, const char *id, struct h5_order **out,
    size_t *whole, struct h5_ledger_at *at, struct h5_err *e)
{
	struct h5_ledger_at here = {0, "", 0};
	struct unit u = {.n = 0};
	enum h5_code rc = H5_OK;
	const char *lf;
	size_t pos = 0;
	bool summed;

	*out = NULL;
	*whole = 0;
	*at = here;
	while (rc == H5_OK && pos < n) {
		lf = memchr(p + pos, '\n', n - pos);
		if (lf == NULL) {
			rc = judge_tail(&here, p + pos, n - pos, e);
			break;
		}
		rc = h5_ledger_read(&here, p + pos, (size_t)(lf - (p + pos)),
		    &u.ev[u.n], &summed, e);
		/* The last line, and its sum does not fit: perhaps only its
		 * beginning reached the disk before the power failed. */
		if (rc == H5_E_INPUT && !summed && lf + 1 == p + n) {
			rc = judge_tail(&here, p + pos, n - pos, e);
			break;
		}
		if (rc != H5_OK)
			break;
		pos = (size_t)(lf + 1 - p);
		u.n++;
		/* The unit is not complete yet; nothing of it counts until it
		 * is. */
		if (here.more > 0)
			continue;
		rc = apply_unit(&u, id, out, e);
		*whole = pos;
		*at = here;
	}
	/* What is left of a unit that was cut short was never acknowledged. */
	drop_unit(&u);
	if (rc == H5_OK && *out == NULL)
		rc = h5_err_set(
		    e, H5_E_NOTFOUND, "the record of %s is empty", id);
	if (rc != H5_OK) {
		h5_order_free(*out);
		*out = NULL;
		*whole = 0;
	}
	return rc;
}
