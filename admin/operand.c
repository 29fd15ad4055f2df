/* What people write for an order, a time and a day. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/format/escape.h"

/* Digits of a transaction_id: 28 today, 32 at most (PROTOCOL 4). */
#define TRANSACTION_MIN 20
#define TRANSACTION_MAX 32
#define UNIX_MOST 253402271999 /* the last second of the year 9999 */

/* May WeChat have given this number to a payment?  A shop's own numbers are
 * seldom as long, so a mistyped one does not search the whole store. */
static bool
may_be_transaction(const char *s)
{
	size_t n = strlen(s);

	return n >= TRANSACTION_MIN && n <= TRANSACTION_MAX &&
	       strspn(s, "0123456789") == n;
}

static bool
has_attempt(const struct h5_order *o, const char *number)
{
	size_t i;

	for (i = 0; i < o->n_attempts; i++)
		if (strcmp(o->attempts[i].out_trade_no, number) == 0)
			return true;
	return false;
}

/* text is an order's id, or the number of one of its attempts. */
static enum h5_code
by_number(struct command *cmd, const char *text, struct h5_err *e)
{
	struct h5_order *o = NULL;
	unsigned attempt;
	enum h5_code rc;

	if (h5_number_order_of(text, cmd->id, &attempt, NULL) != H5_OK)
		return h5_err_set(e, H5_E_NOTFOUND,
		    "\"%s\" is not a possible order id", text);
	rc = h5_store_load(cmd->shop.st, cmd->id, &o, e);
	if (rc == H5_OK && !has_attempt(o, text))
		rc = h5_err_set(e, H5_E_NOTFOUND,
		    "order %s has no attempt \"%s\"", cmd->id, text);
	h5_order_free(o);
	return rc;
}

enum h5_code
command_find(struct command *cmd, const char *text, struct h5_err *e)
{
	enum h5_code rc;

	/* It may have been copied out of a bill or an export. */
	text = h5_escape_csv_back(text);
	rc = by_number(cmd, text, e);
	/* The buyer's own number, from the payment's receipt. */
	if (rc == H5_E_NOTFOUND && may_be_transaction(text))
		rc = h5_store_find(cmd->shop.st, text, cmd->id, e);
	return rc;
}

int
command_order(struct command *cmd, const char *text, const char **id)
{
	struct h5_err e;

	*id = cmd->id;
	if (command_find(cmd, text, &e) != H5_OK)
		return command_fail(cmd, &e);
	if (!cmd->quiet && isatty(STDERR_FILENO) == 1 &&
	    strcmp(text, cmd->id) != 0)
		(void)fprintf(stderr, "%s is order %s\n", text, cmd->id);
	return EXIT_DONE;
}

/* Day, time of day, RFC 3339, Unix seconds. */
static bool
read_moment(const char *s, int64_t *t)
{
	uint64_t n;

	/* The three forms are told apart by their length and marks, so their
	 * order does not matter. */
	if (h5_clock_from_day(s, t, NULL) == H5_OK ||
	    h5_clock_from_plain(s, t, NULL) == H5_OK ||
	    h5_clock_from_any_rfc3339(s, t, NULL) == H5_OK)
		return true;
	/* Unix seconds: nobody means the year 1973. */
	if (strlen(s) < 9 || h5_text_u64(s, 0, UNIX_MOST, &n, NULL) != H5_OK)
		return false;
	*t = (int64_t)n;
	return true;
}

/* A number with a unit: 30m, 6h, 2d. */
static bool
read_span(const char *s, int64_t *seconds)
{
	static const char units[] = "smhd";
	static const int64_t worth[] = {1, 60, 3600, 86400};
	size_t len = strlen(s);
	const char *unit = len > 1 ? strchr(units, s[len - 1]) : NULL;
	char digits[16];
	uint64_t n;

	if (unit == NULL || len >= sizeof digits)
		return false;
	memcpy(digits, s, len - 1);
	digits[len - 1] = '\0';
	if (h5_text_u64(digits, 0, 1000000, &n, NULL) != H5_OK)
		return false;
	*seconds = (int64_t)n * worth[unit - units];
	return true;
}

enum h5_code
command_time(const char *s, int64_t now, int64_t *t, struct h5_err *e)
{
	char day[H5_CLOCK_DAY];
	int64_t age;

	/* By the calendar of the shop, which is Beijing's. */
	if (strcmp(s, "today") == 0 || strcmp(s, "yesterday") == 0) {
		h5_clock_day(s[0] == 'y' ? now - 86400 : now, day);
		return h5_clock_from_day(day, t, e);
	}
	if (read_moment(s, t))
		return H5_OK;
	if (read_span(s, &age)) {
		*t = now - age;
		return H5_OK;
	}
	*t = 0;
	return h5_err_set(e, H5_E_INPUT,
	    "\"%s\" is not a time: use 2026-11-23, \"2026-11-23 16:40:12\", "
	    "today, yesterday, RFC 3339, Unix seconds, or an age like "
	    "30m, 6h, 2d",
	    s);
}

enum h5_code
command_coming(const char *s, int64_t now, int64_t *t, struct h5_err *e)
{
	int64_t span;

	if (read_moment(s, t))
		return H5_OK;
	if (read_span(s, &span) && span > 0) {
		*t = now + span;
		return H5_OK;
	}
	*t = 0;
	return h5_err_set(e, H5_E_INPUT,
	    "\"%s\" is not a time to come: use how long from now, like 30m, "
	    "1h, "
	    "2d, or 2026-11-23, \"2026-11-23 16:40:12\", RFC 3339, Unix "
	    "seconds",
	    s);
}

int
command_day(const struct verb *v, const char *text, int64_t *day)
{
	int64_t now = h5_clock_now(), t;
	char date[H5_CLOCK_DAY];
	struct h5_err e;

	if (command_time(text, now, &t, &e) != H5_OK)
		return command_usage(v, "%s", e.msg);
	/* Whatever was given, a whole day is meant. */
	h5_clock_day(t, date);
	if (h5_clock_from_day(date, day, &e) != H5_OK)
		return command_usage(v, "%s", e.msg);
	if (*day <= now)
		return EXIT_DONE;
	(void)fprintf(stderr, "h5pay: %s is in the future\n", date);
	return EXIT_DATA;
}
