// SPDX-License-Identifier: MIT
/* Tests of daemon/state/stats.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/stats.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct row {
	const char *title;
	struct uw_stats before, now;
	uint64_t lost; /* between the two */
	uint64_t sum;  /* in all */
	const char *text;
	const char *fields;
} rows[] = {
	{ "reports nothing where nothing happened", .text = "", .fields = "" },
	{ "reports nothing where nothing was lost",
	  .now = { .kernel = { [UW_CNT_SEEN] = 10, [UW_CNT_RECORDED] = 7, [UW_CNT_FILTERED] = 3 },
		   .recorded = 5,
		   .filtered = 2 },
	  .text = "", .fields = "" },
	{ "counts neither a missed return nor a cut name as lost",
	  .now = { .kernel = { [UW_CNT_STALE] = 4, [UW_CNT_LONG_FULL] = 5 } }, .text = "",
	  .fields = "" },
	{ "reports a full ring buffer", .now = { .kernel = { [UW_CNT_RING_FULL] = 3 } }, .lost = 3,
	  .sum = 3, .text = "3 as the ring buffer was full",
	  .fields = "UNLINK_LOST_RING_FULL=3\nUNLINK_LOST=3\n" },
	{ "reports what found no room in the user's share of the ring buffer",
	  .now = { .kernel = { [UW_CNT_RING_SHARE] = 5 } }, .lost = 5, .sum = 5,
	  .text = "5 as others of the same user filled the ring buffer",
	  .fields = "UNLINK_LOST_RING_SHARE=5\nUNLINK_LOST=5\n" },
	{ "reports a full table of deletions in flight",
	  .now = { .kernel = { [UW_CNT_STATE_FULL] = 1 } }, .lost = 1, .sum = 1,
	  .text = "1 as too many deletions were in flight",
	  .fields = "UNLINK_LOST_STATE_FULL=1\nUNLINK_LOST=1\n" },
	{ "reports probes that the kernel skipped", .now = { .kernel = { [UW_CNT_SKIPPED] = 6 } },
	  .lost = 6, .sum = 6, .text = "6 as the kernel skipped the probe",
	  .fields = "UNLINK_LOST_SKIPPED=6\nUNLINK_LOST=6\n" },
	{ "reports bytes that could not be decoded", .now = { .undecodable = 2 }, .lost = 2,
	  .sum = 2, .text = "2 as their bytes could not be decoded",
	  .fields = "UNLINK_LOST_UNDECODABLE=2\nUNLINK_LOST=2\n" },
	{ "reports an output that failed", .now = { .sink_failed = 9 }, .lost = 9, .sum = 9,
	  .text = "9 as the output did not take them",
	  .fields = "UNLINK_LOST_SINK_FAILED=9\nUNLINK_LOST=9\n" },
	{ "reports every cause, and the sum of them",
	  .now = { .kernel = { [UW_CNT_SEEN] = 100,
			       [UW_CNT_RING_FULL] = 1,
			       [UW_CNT_STATE_FULL] = 2,
			       [UW_CNT_STALE] = 50 },
		   .recorded = 60,
		   .undecodable = 4,
		   .sink_failed = 8 },
	  .lost = 15, .sum = 15,
	  .text = "1 as the ring buffer was full, 2 as too many deletions were in flight, "
		  "4 as their bytes could not be decoded, 8 as the output did not take them",
	  .fields = "UNLINK_LOST_RING_FULL=1\nUNLINK_LOST_STATE_FULL=2\n"
		    "UNLINK_LOST_UNDECODABLE=4\nUNLINK_LOST_SINK_FAILED=8\nUNLINK_LOST=15\n" },
	{ "reports the increments alone",
	  .before = { .kernel = { [UW_CNT_RING_FULL] = 100 }, .sink_failed = 7 },
	  .now = { .kernel = { [UW_CNT_RING_FULL] = 101 }, .undecodable = 5, .sink_failed = 7 },
	  .lost = 6, .sum = 113,
	  .text = "1 as the ring buffer was full, 5 as their bytes could not be decoded",
	  .fields = "UNLINK_LOST_RING_FULL=1\nUNLINK_LOST_UNDECODABLE=5\nUNLINK_LOST=6\n" },
	{ "reports nothing again that it has reported",
	  .before = { .kernel = { [UW_CNT_STATE_FULL] = 9 }, .undecodable = 3 },
	  .now = { .kernel = { [UW_CNT_STATE_FULL] = 9 }, .undecodable = 3 }, .sum = 12, .text = "",
	  .fields = "" },
	{ "reports numbers of more than 32 bits whole",
	  .before = { .kernel = { [UW_CNT_RING_FULL] = 1 } },
	  .now = { .kernel = { [UW_CNT_RING_FULL] = UINT64_MAX } }, .lost = UINT64_MAX - 1,
	  .sum = UINT64_MAX, .text = "18446744073709551614 as the ring buffer was full",
	  .fields = "UNLINK_LOST_RING_FULL=18446744073709551614\n"
		    "UNLINK_LOST=18446744073709551614\n" },
};

static void test_row(void **state)
{
	const struct row *row = *state;
	struct uw_buf buf = { 0 }, fields = { 0 };
	uint64_t lost;

	uw_buf_puts(&buf, ">");
	lost = uw_stats_loss_report(&row->before, &row->now, &buf, &fields);
	uw_buf_puts(&fields, "end");
	if (fields.len != strlen(row->fields) + 3 ||
	    memcmp(fields.p, row->fields, fields.len - 3) != 0)
		fail_msg("the fields are: %.*s", (int)fields.len, fields.p);
	uw_buf_free(&fields);
	assert_true(lost == row->lost);
	assert_true(uw_stats_lost(&row->now) == row->sum);
	assert_true(uw_stats_lost(&row->now) - uw_stats_lost(&row->before) == lost);
	if (buf.len != 1 + strlen(row->text) || memcmp(buf.p + 1, row->text, buf.len - 1))
		fail_msg("the report is: %.*s", (int)buf.len, buf.p);
	assert_int_equal(buf.p[0], '>');
	uw_buf_free(&buf);
}

static const struct balance_row {
	const char *title;
	struct uw_stats stats;
	struct uw_balance want;
} balances[] = {
	{ "balances where nothing happened", .want = { 0 } },
	{ "balances with something everywhere",
	  .stats = { .kernel = { [UW_CNT_SEEN] = 100,
				 [UW_CNT_RECORDED] = 50,
				 [UW_CNT_FILTERED] = 30,
				 [UW_CNT_RING_FULL] = 1,
				 [UW_CNT_RING_SHARE] = 3,
				 [UW_CNT_STATE_FULL] = 6,
				 [UW_CNT_STALE] = 9,
				 [UW_CNT_LONG_FULL] = 9 },
		     .recorded = 10,
		     .queued = 7,
		     .filtered = 5,
		     .summarised = 11,
		     .undecodable = 1,
		     .sink_failed = 2 },
	  /* 14 are in the ring buffer still, 10 have not returned. */
	  .want = { .seen = 100,
		    .recorded = 10,
		    .filtered = 35,
		    .summarised = 11,
		    .lost = 13,
		    .in_flight = 10,
		    .queued = 21 } },
	{ "balances where an event was taken before the kernel side counted it",
	  .stats = { .kernel = { [UW_CNT_SEEN] = 10, [UW_CNT_RECORDED] = 6, [UW_CNT_FILTERED] = 2 },
		     .recorded = 7 },
	  .want = { .seen = 10, .recorded = 7, .filtered = 2, .in_flight = 1 } },
};

static void test_balance(void **state)
{
	const struct balance_row *row = *state;
	const struct uw_balance *want = &row->want;
	struct uw_balance b;

	uw_stats_balance(&row->stats, &b);
	assert_int_equal(b.seen, want->seen);
	assert_int_equal(b.recorded, want->recorded);
	assert_int_equal(b.filtered, want->filtered);
	assert_int_equal(b.summarised, want->summarised);
	assert_int_equal(b.lost, want->lost);
	assert_int_equal(b.in_flight, want->in_flight);
	assert_int_equal(b.queued, want->queued);
	assert_int_equal(b.seen,
			 b.recorded + b.filtered + b.summarised + b.lost + b.in_flight + b.queued);
}

static void test_causes(void **state)
{
	const struct uw_stats stats = { .kernel = { [UW_CNT_RING_FULL] = 1,
						    [UW_CNT_RING_SHARE] = 2,
						    [UW_CNT_STATE_FULL] = 3,
						    [UW_CNT_SKIPPED] = 4 },
					.undecodable = 5,
					.sink_failed = 6 };
	static const char *const names[] = { "ring_full", "ring_share",	 "state_full",
					     "skipped",	  "undecodable", "sink_failed" };
	const char *name;
	uint64_t lost;
	size_t i;

	(void)state;
	for (i = 0; uw_stats_cause(&stats, i, &name, &lost); i++) {
		assert_in_range(i, 0, LEN(names) - 1);
		assert_string_equal(name, names[i]);
		assert_int_equal(lost, i + 1);
	}
	assert_int_equal(i, LEN(names));
}

/* What is counted at its entry and with its record is one event, and none that was lost. */
static void test_count_once(void **state)
{
	static const struct {
		uint64_t seen, full, no_slot, want_seen, want_full;
	} counts[] = {
		{ 10, 3, 0, 10, 3 },
		{ 10, 3, 2, 8, 1 },
		{ 10, 3, 3, 7, 0 },
		{ 10, 3, 5, 7, 0 }, /* read a moment later */
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(counts); i++) {
		uint64_t kernel[UW_CNT_MAX] = { [UW_CNT_SEEN] = counts[i].seen,
						[UW_CNT_RECORDED] = 4,
						[UW_CNT_STATE_FULL] = counts[i].full,
						[UW_CNT_NO_SLOT] = counts[i].no_slot };

		uw_stats_count_once(kernel);
		assert_int_equal(kernel[UW_CNT_SEEN], counts[i].want_seen);
		assert_int_equal(kernel[UW_CNT_STATE_FULL], counts[i].want_full);
		assert_int_equal(kernel[UW_CNT_RECORDED], 4);
	}
}

/* The losses at each reading, and what a report says then. */
static void test_shrinking(void **state)
{
	static const uint64_t losses[] = { 3, 1, 2, 3, 4, 0, 5 }, want[] = { 3, 0, 0, 0, 1, 0, 1 };
	struct uw_stats reported = { 0 };
	uint64_t sum = 0;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(losses); i++) {
		struct uw_stats now = { .kernel = { [UW_CNT_SEEN] = 100 + losses[i],
						    [UW_CNT_RECORDED] = 90,
						    [UW_CNT_STATE_FULL] = losses[i] },
					.recorded = 90 };
		struct uw_buf text = { 0 }, fields = { 0 };
		struct uw_balance balance;
		uint64_t lost;

		lost = uw_stats_loss_report(&reported, &now, &text, &fields);
		assert_int_equal(lost, want[i]);
		assert_int_equal(text.len > 0, lost > 0);
		sum += lost;
		uw_stats_set_reported(&reported, &now);
		assert_int_equal(reported.kernel[UW_CNT_STATE_FULL], sum);
		uw_stats_balance(&reported, &balance);
		assert_int_equal(balance.in_flight, 10);
		uw_buf_free(&text);
		uw_buf_free(&fields);
	}
	assert_int_equal(sum, 5);
}

static void check_losers(const struct uw_losers *losers, uint64_t lost, const char *want_text,
			 const char *want_fields)
{
	struct uw_buf text = { 0 }, fields = { 0 };

	uw_losers_report(losers, lost, &text, &fields);
	uw_buf_add(&text, "", 1);
	uw_buf_add(&fields, "", 1);
	assert_string_equal(text.p, want_text);
	assert_string_equal(fields.p, want_fields);
	uw_buf_free(&text);
	uw_buf_free(&fields);
}

static void test_losers(void **state)
{
	static struct uw_losers losers;
	uint32_t i;

	(void)state;
	check_losers(&losers, 7, "", "");
	uw_losers_add(&losers, 1000, 5);
	uw_losers_add(&losers, 0, 3);
	check_losers(&losers, 8, ", mostly of uid 1000",
		     "UNLINK_LOST_UID=1000\nUNLINK_LOST_UID=0\n");
	strcpy(losers.user[0].name, "alice");
	check_losers(&losers, 9, ", mostly of alice (uid 1000)",
		     "UNLINK_LOST_UID=1000\nUNLINK_LOST_USER=alice\nUNLINK_LOST_UID=0\n");
	check_losers(&losers, 10, ", among others of alice (uid 1000)",
		     "UNLINK_LOST_UID=1000\nUNLINK_LOST_USER=alice\nUNLINK_LOST_UID=0\n");
	/* The eight who lost most are left, in order. */
	losers = (struct uw_losers){ 0 };
	for (i = 0; i < 1000; i++)
		uw_losers_add(&losers, i, 1 + i * 7919 % 1000);
	assert_int_equal(losers.n, UW_LOSERS);
	for (i = 0; i < UW_LOSERS; i++)
		assert_int_equal(losers.user[i].lost, 1000 - i);
}

static void check_first(const char *strings, uint16_t name, uint16_t path, uint32_t flags,
			const char *want_dir)
{
	struct uw_lost lost = { .ev = { .pid = 4711,
					.via = UW_VIA_SYSCALL,
					.flags = flags,
					.comm = "rm",
					.len = { [UW_STR_NAME] = name, [UW_STR_PATH] = path } } };
	struct uw_loser loser = { .uid = 1000 };

	memset(lost.data, 'x', sizeof(lost.data));
	memcpy(lost.data, strings, strlen(strings));
	uw_loser_set_first(&loser, &lost);
	assert_int_equal(loser.pid, 4711);
	assert_string_equal(loser.comm, "rm");
	assert_string_equal(loser.dir, want_dir);
}

static void check_exe(uint16_t len, const char *want)
{
	struct uw_lost lost = { .ev.len = { [UW_STR_PATH] = 2, [UW_STR_EXE] = len } };
	struct uw_loser loser = { .uid = 1000 };

	memcpy(lost.data, "/f/b/rm", 7);
	uw_loser_set_first(&loser, &lost);
	assert_string_equal(loser.exe, want);
}

static void test_first(void **state)
{
	struct uw_losers losers = { 0 };

	(void)state;
	check_first("f/srv/d/f", 1, 8, UW_EV_RESOLVED, "/srv/d");
	check_first("f/f", 1, 2, UW_EV_RESOLVED, "/");
	check_first("f/srv/d/f", 1, 8, 0, "");
	check_first("f.../d/f", 1, 7, UW_EV_RESOLVED | UW_EV_PATH_CUT, "");
	check_first("f", 1, 0, UW_EV_RESOLVED, "");
	/* As far as it fits. */
	check_first("f/srv/d/f", 1, 4096, UW_EV_RESOLVED, "/srv/d");
	check_first("f/srv/d/f", 65535, 8, UW_EV_RESOLVED, "");
	check_exe(5, "/b/rm");
	check_exe(UW_LOST_DATA - 1, "");
	uw_losers_add(&losers, 1000, 5);
	losers.user[0].pid = 4711;
	strcpy(losers.user[0].comm, "a b");
	check_losers(&losers, 7, ", mostly of uid 1000, first by \"a b\" (pid 4711)",
		     "UNLINK_LOST_UID=1000\nUNLINK_LOST_PID=4711\nUNLINK_LOST_COMM=a b\n");
	strcpy(losers.user[0].exe, "/usr/bin/a");
	strcpy(losers.user[0].dir, "/srv");
	check_losers(&losers, 7, ", mostly of uid 1000, first by \"a b\" (pid 4711) below /srv",
		     "UNLINK_LOST_UID=1000\nUNLINK_LOST_PID=4711\nUNLINK_LOST_COMM=a b\n"
		     "UNLINK_LOST_EXE=/usr/bin/a\nUNLINK_LOST_DIR=/srv\n");
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "names each cause", test_causes, NULL, NULL, NULL },
		{ "counts an event without a slot once", test_count_once, NULL, NULL, NULL },
		{ "reports each loss once, although losses may shrink", test_shrinking, NULL, NULL,
		  NULL },
		{ "names the users who lost most", test_losers, NULL, NULL, NULL },
		{ "names the program and the directory of the first that was lost", test_first,
		  NULL, NULL, NULL },
	};
	static struct CMUnitTest tests[LEN(rows) + LEN(balances) + LEN(others)];
	size_t i, n;

	for (i = 0; i < LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ rows[i].title, test_row, NULL, NULL,
						(void *)(uintptr_t)&rows[i] };
	for (i = 0, n = LEN(rows); i < LEN(balances); i++)
		tests[n++] = (struct CMUnitTest){ balances[i].title, test_balance, NULL, NULL,
						  (void *)(uintptr_t)&balances[i] };
	memcpy(tests + n, others, sizeof(others));
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
