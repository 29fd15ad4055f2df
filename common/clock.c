#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BEIJING_S (8 * 3600)
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

struct parts {
	unsigned year, month, day, hour, minute, second;
};

static struct parts
split(int64_t t)
{
	struct parts p = {1970, 1, 1, 0, 0, 0};
	struct tm tm;
	time_t shifted;

	if (t < 0)
		t = 0;
	if (t > LAST)
		t = LAST;
	shifted = (time_t)(t + BEIJING_S);
	if (gmtime_r(&shifted, &tm) == NULL)
		return p;
	p.year = (unsigned)tm.tm_year + 1900;
	p.month = (unsigned)tm.tm_mon + 1;
	p.day = (unsigned)tm.tm_mday;
	p.hour = (unsigned)tm.tm_hour;
	p.minute = (unsigned)tm.tm_min;
	p.second = (unsigned)tm.tm_sec;
	return p;
}

void
h5_clock_wire(int64_t t, char out[H5_CLOCK_WIRE])
{
	struct parts p = split(t);

	(void)snprintf(out, H5_CLOCK_WIRE, "%04u%02u%02u%02u%02u%02u",
	    p.year % 10000, p.month % 100, p.day % 100, p.hour % 100,
	    p.minute % 100, p.second % 100);
}

void
h5_clock_rfc3339(int64_t t, char out[H5_CLOCK_RFC3339])
{
	h5_clock_plain(t, out);
	out[10] = 'T';
	memcpy(out + 19, "+08:00", 7);
}

void
h5_clock_plain(int64_t t, char out[H5_CLOCK_PLAIN])
{
	struct parts p = split(t);

	(void)snprintf(out, H5_CLOCK_PLAIN, "%04u-%02u-%02u %02u:%02u:%02u",
	    p.year % 10000, p.month % 100, p.day % 100, p.hour % 100,
	    p.minute % 100, p.second % 100);
}

void
h5_clock_day(int64_t t, char out[H5_CLOCK_DAY])
{
	char full[H5_CLOCK_PLAIN];

	h5_clock_plain(t, full);
	memcpy(out, full, H5_CLOCK_DAY - 1);
	out[H5_CLOCK_DAY - 1] = '\0';
}

/* Reads s against a shape in which Y M D h m s stand for digits of those
 * parts and every other byte for itself. */
static enum h5_code
read_shape(const char *s, const char *shape, int64_t *t, struct h5_err *e)
{
	struct parts p = {0, 1, 1, 0, 0, 0}, back;
	unsigned *part;
	struct tm tm = {0};
	const char *c;
	char last = '\0';

	*t = 0;
	for (c = shape; *c != '\0'; c++, s++) {
		part = *c == 'Y'   ? &p.year
		       : *c == 'M' ? &p.month
		       : *c == 'D' ? &p.day
		       : *c == 'h' ? &p.hour
		       : *c == 'm' ? &p.minute
		       : *c == 's' ? &p.second
				   : NULL;
		if (part == NULL ? *s != *c : *s < '0' || *s > '9')
			return h5_err_set(e, H5_E_INPUT, "not a time");
		if (part == NULL)
			continue;
		if (*c != last)
			*part = 0;
		last = *c;
		*part = *part * 10 + (unsigned)(*s - '0');
	}
	if (*s != '\0')
		return h5_err_set(e, H5_E_INPUT, "not a time");
	if (p.year < 1970 || p.month < 1 || p.month > 12)
		return h5_err_set(e, H5_E_INPUT, "no such time");
	tm.tm_year = (int)p.year - 1900;
	tm.tm_mon = (int)p.month - 1;
	tm.tm_mday = (int)p.day;
	tm.tm_hour = (int)p.hour;
	tm.tm_min = (int)p.minute;
	tm.tm_sec = (int)p.second;
	*t = (int64_t)timegm(&tm) - BEIJING_S;
	/* timegm repairs 31 February; a time that is not itself is refused. */
	back = split(*t);
	if (memcmp(&back, &p, sizeof p) != 0) {
		*t = 0;
		return h5_err_set(e, H5_E_INPUT, "no such time");
	}
	return H5_OK;
}

enum h5_code
h5_clock_from_wire(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, "YYYYMMDDhhmmss", t, e);
}

enum h5_code
h5_clock_from_rfc3339(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, "YYYY-MM-DDThh:mm:ss+08:00", t, e);
}

enum h5_code
h5_clock_from_plain(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, "YYYY-MM-DD hh:mm:ss", t, e);
}

enum h5_code
h5_clock_from_day(const char *s, int64_t *t, struct h5_err *e)
{
	return read_shape(s, "YYYY-MM-DD", t, e);
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
	/* That was read as Beijing time. */
	if (rc == H5_OK)
		*t += BEIJING_S;
	return rc;
}
