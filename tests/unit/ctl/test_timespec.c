// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/timespec.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ctl/timespec.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define S	   UW_USEC_PER_S
#define NOW	   (UINT64_C(1795255205) * S) /* 2026-11-21 10:00:05 UTC, a Saturday */
#define MIDNIGHT   (UINT64_C(1795219200) * S)
#define DAY	   (86400 * S)

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void times_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t us;
	} rows[] = {
		{ "now", NOW },
		{ "today", MIDNIGHT },
		{ "yesterday", MIDNIGHT - DAY },
		{ "tomorrow", MIDNIGHT + DAY },
		{ "2026-11-21", MIDNIGHT },
		{ "2026-11-21 10:00", NOW - 5 * S },
		{ "2026-11-21 10:00:05", NOW },
		{ "2026-11-21T10:00:05", NOW },
		{ "2026-11-21 10:00:05.25", NOW + S / 4 },
		{ "2026-11-21 10:00:05.1234567", NOW + 123456 },
		{ "2026-11-21 10:00:05 UTC", NOW },
		{ "2026-11-21 UTC", MIDNIGHT },
		{ "10:00", NOW - 5 * S },
		{ "10:00:05", NOW },
		{ "9:30", MIDNIGHT + (9 * 60 + 30) * 60 * S },
		{ "@1795255205", NOW },
		{ "@0", 0 },
		{ "-1h", NOW - 3600 * S },
		{ "- 1 h", NOW - 3600 * S },
		{ "-1h 30min", NOW - 5400 * S },
		{ "-1h30min", NOW - 5400 * S },
		{ "+5min", NOW + 300 * S },
		{ "2 hours ago", NOW - 7200 * S },
		{ "2h ago", NOW - 7200 * S },
		{ "1 day 2 hours ago", NOW - DAY - 7200 * S },
		{ "3 weeks ago", NOW - 21 * DAY },
		{ "-1M", NOW - 2629800 * S },
		{ "-1m", NOW - 60 * S },
		{ "-500ms", NOW - S / 2 },
		{ "-9999 years", 0 },
	};
	uint64_t us;

	(void)state;
	set_zone("UTC");
	for (size_t i = 0; i < LEN(rows); i++) {
		us = 1;
		if (uw_timespec_parse(rows[i].text, NOW, &us) || us != rows[i].us)
			fail_msg("\"%s\": %llu, expected: %llu", rows[i].text,
				 (unsigned long long)us, (unsigned long long)rows[i].us);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"banana",
		"Today",
		"1h", /* before or after? */
		"-1h ago",
		"ago",
		"-",
		"-1",
		"-h",
		"-1 fortnight",
		"-1h x",
		"+9999999 years",
		"-99999999999999999999h",
		"2026-11-21 25:00",
		"2026-11-21 10:60",
		"2026-11-21 10:00:60",
		"2026-11-21 10",
		"2026-11-21 10:00:05.",
		"2026-11-21T",
		"2026-11-21x",
		"2026-11-31",
		"2026-02-29",
		"2026-13-01",
		"2026-00-10",
		"1969-12-31",
		"20260-1-1",
		"2026-11-21 10:00 PST",
		"10:00 11:00",
		"24:00",
		"@",
		"@-1",
		"@1x",
		"@99999999999999",
	};
	uint64_t us = 42;

	(void)state;
	set_zone("UTC");
	for (size_t i = 0; i < LEN(texts); i++)
		if (uw_timespec_parse(texts[i], NOW, &us) != -EINVAL || us != 42)
			fail_msg("\"%s\" was taken for %llu", texts[i], (unsigned long long)us);
}

static void local_time_is_meant(void **state)
{
	uint64_t us;

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(uw_timespec_parse("11:00:05", NOW, &us), 0);
	assert_int_equal(us, NOW);
	assert_int_equal(uw_timespec_parse("2026-07-01 12:00", NOW, &us), 0);
	assert_int_equal(us, UINT64_C(1782900000) * S);
	assert_int_equal(uw_timespec_parse("2026-11-21 10:00:05 UTC", NOW, &us), 0);
	assert_int_equal(us, NOW);
	/* The day in which the summer began has 23 hours. */
	assert_int_equal(uw_timespec_parse("yesterday", UINT64_C(1774821600) * S, &us), 0);
	assert_int_equal(us, UINT64_C(1774738800) * S);
}

static void check_span(uint64_t us, const char *expected)
{
	struct uw_buf buf = { 0 };

	uw_timespec_add_span(&buf, us);
	uw_buf_add(&buf, "", 1);
	assert_string_equal(buf.p, expected);
	uw_buf_free(&buf);
}

static void spans_have_two_units(void **state)
{
	(void)state;
	check_span(0, "0s");
	check_span(59 * S + 999999, "59s");
	check_span(60 * S, "1min 0s");
	check_span(3599 * S, "59min 59s");
	check_span(7500 * S, "2h 5min");
	check_span(DAY, "1 day 0h");
	check_span(50 * 3600 * S, "2 days 2h");
}

static void times_are_shown(void **state)
{
	struct uw_buf buf = { 0 };

	(void)state;
	set_zone("CET-1");
	uw_timespec_add(&buf, NOW);
	uw_buf_puts(&buf, "|");
	uw_timespec_add_hour(&buf, NOW);
	uw_buf_puts(&buf, "|");
	uw_timespec_add_utc(&buf, NOW * 1000 + 7);
	uw_buf_add(&buf, "", 1);
	assert_string_equal(buf.p, "Sat 2026-11-21 11:00:05 CET|2026-11-21 11h|"
				   "\"2026-11-21T10:00:05.000000007Z\"");
	uw_buf_free(&buf);
}

static void hours_begin_where_the_clock_says(void **state)
{
	(void)state;
	set_zone("UTC");
	assert_int_equal(uw_timespec_hour(NOW + 123), MIDNIGHT + 10 * 3600 * S);
	assert_int_equal(uw_timespec_hour(MIDNIGHT), MIDNIGHT);
	set_zone("IST-5:30");
	assert_int_equal(uw_timespec_hour(MIDNIGHT), MIDNIGHT - 1800 * S);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(local_time_is_meant),
		cmocka_unit_test(spans_have_two_units),
		cmocka_unit_test(times_are_shown),
		cmocka_unit_test(hours_begin_where_the_clock_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
