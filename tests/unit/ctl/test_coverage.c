// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/coverage.c: what the daemon's comings and goings say of a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ctl/coverage.h"
#include "ctl/timespec.h"

#define MARKS(...)                                       \
	.mark = (const struct uw_mark[]){ __VA_ARGS__ }, \
	.n_marks = sizeof((struct uw_mark[]){ __VA_ARGS__ }) / sizeof(struct uw_mark)
#define START(us, ...)                             \
	{                                          \
		UW_MARK_STARTED, us, ##__VA_ARGS__ \
	}
#define STOP(us)                    \
	{                           \
		UW_MARK_STOPPED, us \
	}
#define CONTINUED(us)                 \
	{                             \
		UW_MARK_CONTINUED, us \
	}
#define DIED(us)                 \
	{                        \
		UW_MARK_DIED, us \
	}
#define NOW	     UINT64_MAX
#define RUNNING	     .first_us = 10, .any = true
#define MAX_EXPECTED 4

static const struct row {
	const char *title;
	struct uw_coverage coverage;
	struct uw_gap expected[MAX_EXPECTED]; /* up to the first of no length */
} rows[] = {
	{ "always running", { .until_us = NOW, RUNNING, MARKS(START(20)) }, { { 0 } } },
	{ "stopped and started",
	  { .until_us = NOW, RUNNING, MARKS(START(20), STOP(30), START(40)) },
	  { { UW_GAP_STOPPED, 30, 40 } } },
	{ "killed and started",
	  { .until_us = NOW, RUNNING, MARKS(START(20), DIED(30), START(40)) },
	  { { UW_GAP_DIED, 30, 40 } } },
	{ "killed, and its probes went on",
	  { .until_us = NOW, RUNNING, MARKS(START(20), DIED(30), CONTINUED(40)) },
	  { { 0 } } },
	{ "restarted without a word, and stopped later",
	  { .until_us = NOW, RUNNING, MARKS(START(20), CONTINUED(40), STOP(50), START(60)) },
	  { { UW_GAP_STOPPED, 50, 60 } } },
	{ "what dies while it stops was stopped",
	  { .until_us = NOW, RUNNING, MARKS(START(20), STOP(30), DIED(31), START(40)) },
	  { { UW_GAP_STOPPED, 30, 40 } } },
	{ "stopped for good",
	  { .until_us = NOW, RUNNING, MARKS(START(20), STOP(30)) },
	  { { UW_GAP_STOPPED, 30, NOW } } },
	{ "two starts: the power went",
	  { .until_us = NOW, RUNNING, MARKS(START(20), START(40, 35)) },
	  { { UW_GAP_LOST, 35, 40 } } },
	{ "running in another boot, and not since",
	  { .until_us = NOW, RUNNING, MARKS(START(20)), .ended_us = 50 },
	  { { UW_GAP_LOST, 50, NOW } } },
	{ "nothing at all", { .until_us = NOW, .first_us = 10 }, { { UW_GAP_NEVER, 10, NOW } } },
	{ "an empty journal", { .until_us = NOW, .first_us = NOW }, { { UW_GAP_NEVER, 0, NOW } } },
	{ "the start has been vacuumed",
	  { .until_us = NOW, RUNNING, MARKS(STOP(30)) },
	  { { UW_GAP_STOPPED, 30, NOW } } },
	{ "asked for a time before the journal",
	  { .since_us = 5, .until_us = NOW, RUNNING, MARKS(START(20)) },
	  { { UW_GAP_JOURNAL, 5, 10 }, { UW_GAP_BEFORE, 10, 20 } } },
	{ "asked for a time after a gap",
	  { .since_us = 50, .until_us = NOW, RUNNING, MARKS(START(20), STOP(30), START(40)) },
	  { { 0 } } },
	{ "asked for a time within a gap",
	  { .since_us = 32, .until_us = 38, RUNNING, MARKS(START(20), STOP(30), START(40)) },
	  { { UW_GAP_STOPPED, 32, 38 } } },
	{ "asked for a time that a gap reaches into",
	  { .since_us = 35, .until_us = 45, RUNNING, MARKS(START(20), STOP(30), START(40)) },
	  { { UW_GAP_STOPPED, 35, 40 } } },
	{ "several",
	  { .until_us = NOW,
	    RUNNING,
	    MARKS(START(20), STOP(30), START(40), DIED(50), START(60), START(80, 70)) },
	  { { UW_GAP_STOPPED, 30, 40 }, { UW_GAP_DIED, 50, 60 }, { UW_GAP_LOST, 70, 80 } } },
};

static void gaps_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct uw_gap *gap;
		size_t n, wanted = 0;

		assert_int_equal(uw_coverage_gaps(&row->coverage, &gap, &n), 0);
		while (wanted < MAX_EXPECTED && row->expected[wanted].to_us)
			wanted++;
		if (n != wanted)
			fail_msg("%s: %zu gaps, expected: %zu", row->title, n, wanted);
		for (size_t g = 0; g < n; g++)
			if (gap[g].type != row->expected[g].type ||
			    gap[g].from_us != row->expected[g].from_us ||
			    gap[g].to_us != row->expected[g].to_us)
				fail_msg("%s: gap %zu is %d, %llu to %llu", row->title, g,
					 gap[g].type, (unsigned long long)gap[g].from_us,
					 (unsigned long long)gap[g].to_us);
		free(gap);
	}
}

static void gaps_are_described(void **state)
{
	const struct uw_gap gap = { UW_GAP_STOPPED, 10 * UW_USEC_PER_S, 75 * UW_USEC_PER_S };
	const struct uw_gap open = { UW_GAP_NEVER, 0, UINT64_MAX };
	struct uw_buf buf = { 0 };

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	uw_gap_describe(&gap, &buf);
	uw_buf_puts(&buf, "|");
	uw_gap_describe(&open, &buf);
	uw_buf_add(&buf, "", 1);
	assert_string_equal(buf.p,
			    "not covered: unlinkwatchd was stopped from Thu 1970-01-01 00:00:10 UTC"
			    " until Thu 1970-01-01 00:01:15 UTC (1min 5s)|"
			    "not covered: the journal has no record of unlinkwatchd");
	uw_buf_free(&buf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_found),
		cmocka_unit_test(gaps_are_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
