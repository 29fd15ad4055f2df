/* clock.h - the only clock, and the ways a time is written.
 * Times are Unix seconds, UTC.  People and WeChat read Beijing time (UTC+8,
 * no summer time; PROTOCOL 2.3).  Years 1970 to 9999. */
#ifndef H5_BASE_CLOCK_H
#define H5_BASE_CLOCK_H

#include <stdint.h>

#include "common/base/err.h"

#define H5_CLOCK_WIRE 15 /* yyyyMMddHHmmss and NUL */
#define H5_CLOCK_RFC3339 26 /* 2026-11-23T16:40:12+08:00 and NUL */
#define H5_CLOCK_PLAIN 20 /* 2026-11-23 16:40:12 and NUL */
#define H5_CLOCK_DAY 11 /* 2026-11-23 and NUL */

/* h5_clock_now(): Unix seconds. */
int64_t h5_clock_now(void);

/* h5_clock_now_ns(): the same in nanoseconds. */
int64_t h5_clock_now_ns(void);

/* h5_clock_mono_ms(): milliseconds of a clock that only goes forward, for
 * waits. */
int64_t h5_clock_mono_ms(void);

/* h5_clock_pause_ms(ms): sleep; a signal ends it early. */
void h5_clock_pause_ms(int ms);

/* h5_clock_day_start(t): the first second of the Beijing day that t is in. */
int64_t h5_clock_day_start(int64_t t);

/* Write the Beijing time of t in one of four forms. */
void h5_clock_wire(int64_t t, char out[H5_CLOCK_WIRE]);
void h5_clock_rfc3339(int64_t t, char out[H5_CLOCK_RFC3339]);
void h5_clock_plain(int64_t t, char out[H5_CLOCK_PLAIN]);
void h5_clock_day(int64_t t, char out[H5_CLOCK_DAY]);

/* The same forms read back.  Shape and range must be exact, else the result is
 * H5_E_INPUT.  h5_clock_from_day gives the first second of that Beijing day. */
H5_MUST_CHECK enum h5_code h5_clock_from_wire(
    const char *s, int64_t *t, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_clock_from_rfc3339(
    const char *s, int64_t *t, struct h5_err *e);
/* The same at any offset ("Z", "+09:30"), and with a fraction, which is cut. */
H5_MUST_CHECK enum h5_code h5_clock_from_any_rfc3339(
    const char *s, int64_t *t, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_clock_from_plain(
    const char *s, int64_t *t, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_clock_from_day(
    const char *s, int64_t *t, struct h5_err *e);

/* h5_clock_from_http(s, t, e): the date of an HTTP header, in the one form that
 * is sent today (RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT").  The day's
 * name decides nothing.
 * H5_E_INPUT: another form. */
H5_MUST_CHECK enum h5_code h5_clock_from_http(
    const char *s, int64_t *t, struct h5_err *e);

#endif
