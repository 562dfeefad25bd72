// SPDX-License-Identifier: MIT
/* Tests of daemon/stats.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stats.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct row {
	const char *title;
	struct uw_stats before, now;
	uint64_t lost; /* between the two */
	uint64_t sum;  /* in all */
	const char *text;
} rows[] = {
	{ "reports nothing where nothing happened", .text = "" },
	{ "reports nothing where nothing was lost",
	  .now = { .kernel = { [UW_CNT_SEEN] = 10, [UW_CNT_RECORDED] = 7, [UW_CNT_FILTERED] = 3 },
		   .written = 5,
		   .filtered = 2 },
	  .text = "" },
	{ "counts neither a missed return nor a cut name as lost",
	  .now = { .kernel = { [UW_CNT_STALE] = 4, [UW_CNT_BIG_FULL] = 5 } }, .text = "" },
	{ "reports a full ring buffer", .now = { .kernel = { [UW_CNT_RING_FULL] = 3 } }, .lost = 3,
	  .sum = 3, .text = "3 as the ring buffer was full" },
	{ "reports a full table of deletions in flight",
	  .now = { .kernel = { [UW_CNT_STATE_FULL] = 1 } }, .lost = 1, .sum = 1,
	  .text = "1 as too many deletions were in flight" },
	{ "reports probes that the kernel skipped", .now = { .kernel = { [UW_CNT_SKIPPED] = 6 } },
	  .lost = 6, .sum = 6, .text = "6 as the kernel skipped the probe" },
	{ "reports bytes that could not be decoded", .now = { .undecodable = 2 }, .lost = 2,
	  .sum = 2, .text = "2 as their bytes could not be decoded" },
	{ "reports an output that failed", .now = { .sink_failed = 9 }, .lost = 9, .sum = 9,
	  .text = "9 as the output did not take them" },
	{ "reports every cause, and the sum of them",
	  .now = { .kernel = { [UW_CNT_SEEN] = 100,
			       [UW_CNT_RING_FULL] = 1,
			       [UW_CNT_STATE_FULL] = 2,
			       [UW_CNT_STALE] = 50 },
		   .written = 60,
		   .undecodable = 4,
		   .sink_failed = 8 },
	  .lost = 15, .sum = 15,
	  .text = "1 as the ring buffer was full, 2 as too many deletions were in flight, "
		  "4 as their bytes could not be decoded, 8 as the output did not take them" },
	{ "reports the increments alone",
	  .before = { .kernel = { [UW_CNT_RING_FULL] = 100 }, .sink_failed = 7 },
	  .now = { .kernel = { [UW_CNT_RING_FULL] = 101 }, .undecodable = 5, .sink_failed = 7 },
	  .lost = 6, .sum = 113,
	  .text = "1 as the ring buffer was full, 5 as their bytes could not be decoded" },
	{ "reports nothing again that it has reported",
	  .before = { .kernel = { [UW_CNT_STATE_FULL] = 9 }, .undecodable = 3 },
	  .now = { .kernel = { [UW_CNT_STATE_FULL] = 9 }, .undecodable = 3 }, .sum = 12,
	  .text = "" },
	{ "reports numbers of more than 32 bits whole",
	  .before = { .kernel = { [UW_CNT_RING_FULL] = 1 } },
	  .now = { .kernel = { [UW_CNT_RING_FULL] = UINT64_MAX } }, .lost = UINT64_MAX - 1,
	  .sum = UINT64_MAX, .text = "18446744073709551614 as the ring buffer was full" },
};

static void test_row(void **state)
{
	const struct row *row = *state;
	struct uw_buf buf = { 0 };
	uint64_t lost;

	uw_buf_puts(&buf, ">");
	lost = uw_stats_loss_report(&row->before, &row->now, &buf);
	assert_true(lost == row->lost);
	assert_true(uw_stats_lost(&row->now) == row->sum);
	assert_true(uw_stats_lost(&row->now) - uw_stats_lost(&row->before) == lost);
	if (buf.len != 1 + strlen(row->text) || memcmp(buf.p + 1, row->text, buf.len - 1))
		fail_msg("the report is: %.*s", (int)buf.len, buf.p);
	assert_int_equal(buf.p[0], '>');
	uw_buf_free(&buf);
}

int main(void)
{
	static struct CMUnitTest tests[LEN(rows)];
	size_t i;

	for (i = 0; i < LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ rows[i].title, test_row, NULL, NULL,
						(void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
