/* The only file that reads a clock, and the ways in which a time is written. */
#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BEIJING_S (8 * 3600)
#define DAY_S 86400
#define LAST 253402271999 /* 9999-12-31 23:59:59, Beijing time */

int64_t
h5_clock_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec;
}

int64_t
h5_clock_now_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
h5_clock_mono_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
h5_clock_pause_ms(int ms)
{
	struct timespec ts;

	ts.tv_sec = ms / 1000;
	ts.tv_nsec = (long)(ms % 1000) * 1000000;
	(void)nanosleep(&ts, NULL);
}

/* The ways in which a time is written: Y M D h m s stand for digits of those
 * parts, and every other byte for itself. */
#define WIRE "YYYYMMDDhhmmss"
#define RFC3339 "YYYY-MM-DDThh:mm:ss+08:00"
#define PLAIN "YYYY-MM-DD hh:mm:ss"
#define DAY "YYYY-MM-DD"

struct parts {
	unsigned year, month, day, hour, minute, second;
};

static unsigned *
part_of(struct parts *p, char letter)
{
	switch (letter) {
	case 'Y':
		return &p->year;
	case 'M':
		return &p->month;
	case 'D':
		return &p->day;
	case 'h':
		return &p->hour;
	case 'm':
		return &p->minute;
	case 's':
		return &p->second;
	default:
		return NULL;
	}
}

/* The calendar is reckoned here: the C library's takes a lock and looks for a
 * time zone at each call.  Years are counted from a first of March, so that the
 * day that comes and goes is the last one of its year. */
#define YEARS_400 146097 /* days of 400 years */
#define TO_1970 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t
days_before(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month > 2 ? year : year - 1;
	unsigned m = month > 2 ? month - 3 : month + 9;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 +
	       (153 * m + 2) / 5 + day - 1 - TO_1970;
}

/* The other way round.  days: counted from 1970-01-01, not negative. */
static void
set_date(struct parts *p, unsigned days)
{
	unsigned n = days + TO_1970, era = n / YEARS_400, y, m;

	n %= YEARS_400;
	y = (n - n / 1460 + n / 36524 - n / (YEARS_400 - 1)) / 365;
	n -= 365 * y + y / 4 - y / 100;
	m = (5 * n + 2) / 153;
	p->day = n - (153 * m + 2) / 5 + 1;
	p->month = m < 10 ? m + 3 : m - 9;
	p->year = era * 400 + y + (p->month <= 2);
}

static struct parts
split(int64_t t)
{
	struct parts p;
	unsigned s;

	if (t < 0)
		t = 0;
	if (t > LAST)
		t = LAST;
	t += BEIJING_S;
	set_date(&p, (unsigned)(t / DAY_S));
	s = (unsigned)(t % DAY_S);
	p.hour = s / 3600;
	p.minute = s / 60 % 60;
	p.second = s % 60;
	return p;
}

/* Written from the last digit to the first. */
static void
write_shape(int64_t t, const char *shape, char *out)
{
	struct parts p = split(t);
	size_t i = strlen(shape);
	unsigned *part;

	out[i] = '\0';
	while (i > 0) {
		i--;
		part = part_of(&p, shape[i]);
		out[i] = shape[i];
		if (part == NULL)
			continue;
		out[i] = (char)('0' + *part % 10);
		*part /= 10;
	}
}

int64_t
h5_clock_day_start(int64_t t)
{
	return (t + BEIJING_S) / DAY_S * DAY_S - BEIJING_S;
}

void
h5_clock_wire(int64_t t, char out[H5_CLOCK_WIRE])
{
	write_shape(t, WIRE, out);
}

void
h5_clock_rfc3339(int64_t t, char out[H5_CLOCK_RFC3339])
{
	write_shape(t, RFC3339, out);
}

void
h5_clock_plain(int64_t t, char out[H5_CLOCK_PLAIN])
{
	write_shape(t, PLAIN, out);
}

void
h5_clock_day(int64_t t, char out[H5_CLOCK_DAY])
{
	write_shape(t, DAY, out);
}

/* Reads s against a shape. */
static enum h5_code
read_shape(const char *s, const char *shape, int64_t *t, struct h5_err *e)
{
	struct parts p = {0, 0, 0, 0, 0, 0}, back;
	unsigned *part;

	*t = 0;
	for (; *shape != '\0'; shape++, s++) {
		part = part_of(&p, *shape);
		if (part == NULL ? *s != *shape : *s < '0' || *s > '9')
			return h5_err_set(e, H5_E_INPUT, "not a time");
		if (part != NULL)
			*part = *part * 10 + (unsigned)(*s - '0');
	}
	if (*s != '\0')
		return h5_err_set(e, H5_E_INPUT, "not a time");
	if (p.year < 1970 || p.month < 1 || p.month > 12)
		return h5_err_set(e, H5_E_INPUT, "there is no such time");
	*t = days_before(p.year, p.month, p.day) * DAY_S + p.hour * 3600 +
	     p.minute * 60 + p.second - BEIJING_S;
	/* A date such as 31 February comes back as 3 March, so a time that does
	 * not come back as itself is refused. */
	back = split(*t);
	if (memcmp(&back, &p, sizeof p) != 0) {
		*t = 0;
		return h5_err_set(e, H5_E_INPUT, "there is no such time");
	}
	return H5_OK;
}

enum h5_code
h5_clock_from_wire(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, WIRE, t, e);
}

enum h5_code
h5_clock_from_rfc3339(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, RFC3339, t, e);
}

/* "Z" or "+hh:mm", the rest of a time, as seconds. */
static enum h5_code
read_offset(const char *s, int64_t *offset, struct h5_err *e)
{
	int i, hours, minutes;

	*offset = 0;
	if ((s[0] == 'Z' || s[0] == 'z') && s[1] == '\0')
		return H5_OK;
	if (strlen(s) != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':')
		return h5_err_set(e, H5_E_INPUT, "not a time");
	for (i = 1; i < 6; i++)
		if (i != 3 && (s[i] < '0' || s[i] > '9'))
			return h5_err_set(e, H5_E_INPUT, "not a time");
	hours = (s[1] - '0') * 10 + s[2] - '0';
	minutes = (s[4] - '0') * 10 + s[5] - '0';
	if (hours > 23 || minutes > 59)
		return h5_err_set(e, H5_E_INPUT, "there is no such time");
	*offset = (hours * 60 + minutes) * (s[0] == '-' ? -60 : 60);
	return H5_OK;
}

enum h5_code
h5_clock_from_any_rfc3339(const char *s, int64_t *t, struct h5_err *e)
{
	char plain[H5_CLOCK_PLAIN];
	int64_t offset;
	enum h5_code rc;

	*t = 0;
	if (strnlen(s, H5_CLOCK_PLAIN) < H5_CLOCK_PLAIN ||
	    (s[10] != 'T' && s[10] != 't'))
		return h5_err_set(e, H5_E_INPUT, "not a time");
	memcpy(plain, s, sizeof plain - 1);
	plain[10] = ' ';
	plain[sizeof plain - 1] = '\0';
	s += sizeof plain - 1;
	if (s[0] == '.' && s[1] >= '0' && s[1] <= '9')
		for (s++; *s >= '0' && *s <= '9';)
			s++;
	rc = read_offset(s, &offset, e);
	if (rc == H5_OK)
		rc = h5_clock_from_plain(plain, t, e);
	if (rc == H5_OK)
		*t += BEIJING_S - offset;
	return rc;
}

enum h5_code
h5_clock_from_plain(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, PLAIN, t, e);
}

enum h5_code
h5_clock_from_day(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, DAY, t, e);
}

enum h5_code
h5_clock_from_http(const char *s, int64_t *t, struct h5_err *e)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char wire[32], name[4];
	const char *month;
	enum h5_code rc;

	*t = 0;
	if (strlen(s) != 29 || strncmp(s + 3, ", ", 2) != 0 || s[7] != ' ' ||
	    s[11] != ' ' || s[16] != ' ' || s[19] != ':' || s[22] != ':' ||
	    strcmp(s + 25, " GMT") != 0)
		return h5_err_set(e, H5_E_INPUT, "not an HTTP date");
	memcpy(name, s + 8, 3);
	name[3] = '\0';
	month = strstr(months, name);
	if (month == NULL || (month - months) % 3 != 0)
		return h5_err_set(e, H5_E_INPUT, "not an HTTP date");
	(void)snprintf(wire, sizeof wire, "%.4s%02d%.2s%.2s%.2s%.2s", s + 12,
	    (int)(month - months) / 3 + 1, s + 5, s + 17, s + 20, s + 23);
	rc = h5_clock_from_wire(wire, t, e);
	/* So far it was read as Beijing time; the offset puts it right. */
	if (rc == H5_OK)
		*t += BEIJING_S;
	return rc;
}
