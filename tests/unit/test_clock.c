#include "tests/unit/help.h"

#include <time.h>

#include "common/base/clock.h"

static void
test_clock__now_is_the_systems_clock(void **state)
{
	int64_t before = (int64_t)time(NULL), now = h5_clock_now();

	(void)state;
	assert_true(now >= before && now <= before + 5);
}

static void
test_clock__mono_goes_forward(void **state)
{
	int64_t first = h5_clock_mono_ms(), second;

	(void)state;
	h5_clock_pause_ms(3);
	second = h5_clock_mono_ms();
	assert_true(second >= first + 2 && second < first + 5000);
}

static void
test_clock__writes_beijing_time(void **state)
{
	static const struct {
		int64_t t;
		const char *wire, *rfc3339, *plain, *day;
	} rows[] = {
	    {0, "19700101080000", "1970-01-01T08:00:00+08:00",
		"1970-01-01 08:00:00", "1970-01-01"},
	    /* midnight in Beijing is 16:00 the day before in UTC */
	    {1709135999, "20240228235959", "2024-02-28T23:59:59+08:00",
		"2024-02-28 23:59:59", "2024-02-28"},
	    {1709136000, "20240229000000", "2024-02-29T00:00:00+08:00",
		"2024-02-29 00:00:00", "2024-02-29"},
	    {253402271999, "99991231235959", "9999-12-31T23:59:59+08:00",
		"9999-12-31 23:59:59", "9999-12-31"},
	};
	char wire[H5_CLOCK_WIRE], rfc3339[H5_CLOCK_RFC3339];
	char plain[H5_CLOCK_PLAIN], day[H5_CLOCK_DAY];
	int64_t back;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		h5_clock_wire(rows[i].t, wire);
		h5_clock_rfc3339(rows[i].t, rfc3339);
		h5_clock_plain(rows[i].t, plain);
		h5_clock_day(rows[i].t, day);
		assert_string_equal(wire, rows[i].wire);
		assert_string_equal(rfc3339, rows[i].rfc3339);
		assert_string_equal(plain, rows[i].plain);
		assert_string_equal(day, rows[i].day);
		assert_int_equal(h5_clock_from_wire(wire, &back, NULL), H5_OK);
		assert_true(back == rows[i].t);
		assert_int_equal(
		    h5_clock_from_rfc3339(rfc3339, &back, NULL), H5_OK);
		assert_true(back == rows[i].t);
		assert_int_equal(
		    h5_clock_from_plain(plain, &back, NULL), H5_OK);
		assert_true(back == rows[i].t);
	}
}

static void
test_clock__the_machines_zone_does_not_matter(void **state)
{
	char wire[H5_CLOCK_WIRE];
	int64_t t;

	(void)state;
	assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
	tzset();
	h5_clock_wire(1709136000, wire);
	assert_string_equal(wire, "20240229000000");
	assert_int_equal(h5_clock_from_wire(wire, &t, NULL), H5_OK);
	assert_true(t == 1709136000);
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void
test_clock__day_begins_at_midnight_in_beijing(void **state)
{
	int64_t t;

	(void)state;
	assert_int_equal(h5_clock_from_day("2024-02-29", &t, NULL), H5_OK);
	assert_true(t == 1709136000);
}

static void
test_clock__refuses_what_is_no_time(void **state)
{
	static const char *const wire[] = {"", "2024022900000",
	    "202402290000000", "20240230000000", "20230229000000",
	    "20241301000000", "20240001000000", "20240100000000",
	    "20240101240000", "20240101006000", "20240101000060",
	    "2024010100000x", " 0240101000000", "19700101000000",
	    "19690101000000", "00000000000000", "2024-02-29 00:00"};
	static const char *const rfc3339[] = {"", "2024-02-29T00:00:00Z",
	    "2024-02-29T00:00:00+00:00", "2024-02-29 00:00:00+08:00",
	    "2024-02-29T00:00:00+08:00 ", "2024-02-30T00:00:00+08:00",
	    "2024-02-29T00:00:00.5+08:00", "2024-2-29T00:00:00+08:00"};
	static const char *const day[] = {"", "2024-02-30", "2024/02/29",
	    "2024-02-29 ", "20240229", "2024-2-29", "1970-01-01"};
	int64_t t;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(wire); i++) {
		t = 7;
		ROW(wire[i],
		    h5_clock_from_wire(wire[i], &t, NULL) == H5_E_INPUT);
		ROW(wire[i], t == 0);
	}
	for (i = 0; i < COUNT(rfc3339); i++)
		ROW(rfc3339[i],
		    h5_clock_from_rfc3339(rfc3339[i], &t, NULL) == H5_E_INPUT);
	for (i = 0; i < COUNT(day); i++)
		ROW(day[i], h5_clock_from_day(day[i], &t, NULL) == H5_E_INPUT);
	assert_int_equal(
	    h5_clock_from_plain("2024-02-29T00:00:00", &t, NULL), H5_E_INPUT);
}

static void
test_clock__rfc3339_at_any_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} rows[] = {{"2024-02-28T16:00:00Z", 1709136000},
	    {"2024-02-28t16:00:00z", 1709136000},
	    {"2024-02-29T00:00:00+08:00", 1709136000},
	    {"2024-02-28T16:00:00.75-00:00", 1709136000},
	    {"2024-02-28T11:30:00-04:30", 1709136000}};
	static const char *const bad[] = {"", "2024-02-29T00:00:00",
	    "2024-02-29 00:00:00Z", "2024-02-29T00:00:00.Z",
	    "2024-02-29T00:00:00+0800", "2024-02-29T00:00:00+24:00",
	    "2024-02-29T00:00:00+08:60", "2024-02-29T00:00:00+08:0x",
	    "2024-02-29T00:00:00Zx", "2024-02-30T00:00:00Z",
	    "2024-02-29T00:00:00*08:00", "2024-02-29T00:00:00+08-00"};
	int64_t t;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].text,
		    h5_clock_from_any_rfc3339(rows[i].text, &t, NULL) == H5_OK);
		ROW(rows[i].text, t == rows[i].t);
	}
	for (i = 0; i < COUNT(bad); i++)
		ROW(bad[i],
		    h5_clock_from_any_rfc3339(bad[i], &t, NULL) == H5_E_INPUT);
}

static void
test_clock__out_of_range_is_clamped(void **state)
{
	char wire[H5_CLOCK_WIRE];

	(void)state;
	h5_clock_wire(INT64_MIN, wire);
	assert_string_equal(wire, "19700101080000");
	h5_clock_wire(INT64_MAX, wire);
	assert_string_equal(wire, "99991231235959");
}

/* Every day that can be written, beside the C library's calendar. */
static void
test_clock__every_day_is_the_c_librarys(void **state)
{
	char day[H5_CLOCK_DAY], want[32];
	struct tm tm;
	time_t t;

	(void)state;
	for (t = 57600; t < 253402271999; t += 86400) {
		h5_clock_day((int64_t)t, day);
		t += 28800;
		assert_non_null(gmtime_r(&t, &tm));
		t -= 28800;
		assert_int_equal(strftime(want, sizeof want, "%Y-%m-%d", &tm),
		    H5_CLOCK_DAY - 1);
		assert_string_equal(day, want);
	}
}

/* Each day of four centuries there and back. */
static void
test_clock__every_day_there_and_back(void **state)
{
	char day[H5_CLOCK_DAY], before[H5_CLOCK_DAY] = "";
	int64_t t, back;

	(void)state;
	for (t = 57600; t < (int64_t)400 * 366 * 86400; t += 86400) {
		h5_clock_day(t, day);
		assert_int_equal(h5_clock_from_day(day, &back, NULL), H5_OK);
		assert_true(back == t);
		assert_true(strcmp(before, day) < 0);
		memcpy(before, day, sizeof day);
	}
}

static void
test_clock__http_dates_are_read(void **state)
{
	static const char *const bad[] = {"", "now",
	    "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 ovD 1994 08:49:37 GMT",
	    "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
	    "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
	int64_t t;
	size_t i;

	(void)state;
	assert_int_equal(
	    h5_clock_from_http("Sun, 06 Nov 1994 08:49:37 GMT", &t, NULL),
	    H5_OK);
	assert_true(t == 784111777);
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    h5_clock_from_http(bad[i], &t, NULL), H5_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clock__now_is_the_systems_clock),
	    cmocka_unit_test(test_clock__mono_goes_forward),
	    cmocka_unit_test(test_clock__writes_beijing_time),
	    cmocka_unit_test(test_clock__the_machines_zone_does_not_matter),
	    cmocka_unit_test(test_clock__day_begins_at_midnight_in_beijing),
	    cmocka_unit_test(test_clock__refuses_what_is_no_time),
	    cmocka_unit_test(test_clock__rfc3339_at_any_offset),
	    cmocka_unit_test(test_clock__out_of_range_is_clamped),
	    cmocka_unit_test(test_clock__every_day_is_the_c_librarys),
	    cmocka_unit_test(test_clock__every_day_there_and_back),
	    cmocka_unit_test(test_clock__http_dates_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
