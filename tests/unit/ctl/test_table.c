// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/table.c and table.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ctl/table.h"
#include "ctl/timespec.h"

#define HOUR (3600 * UW_USEC_PER_S)
#define NOON (UINT64_C(1700049600) * UW_USEC_PER_S) /* 2023-11-15 12:00 UTC */

static const struct uw_style plain = { "", "", "", "", "", "" };
static const struct uw_style marks = { "<b>", "<d>", "<r>", "<g>", "<y>", "<o>" };

static void add(struct uw_counts *counts, const char *key, size_t times, bool failed)
{
	while (times--)
		assert_int_equal(uw_counts_add(counts, key, strlen(key), 1, failed), 0);
}

static void need_text(struct uw_buf *buf, const char *expected)
{
	uw_buf_add(buf, "", 1);
	assert_false(buf->failed);
	assert_string_equal(buf->p, expected);
	uw_buf_free(buf);
}

static void rows_are_sorted_by_count_and_key(void **state)
{
	struct uw_table table = { .by = UW_BY_USER, .style = &marks, .rows = 3 };
	struct uw_counts counts = { 0 };
	struct uw_buf buf = { 0 };

	(void)state;
	add(&counts, "zoe", 2, false);
	add(&counts, "", 1, false);
	add(&counts, "alice", 1, false);
	add(&counts, "alice", 1, true);
	add(&counts, "bob", 5, true);
	add(&counts, "dave", 1, false);
	uw_table_add(&table, &counts, &buf);
	need_text(&buf, "<b>     COUNT    FAILED  USER<o>\n"
			"         5  <r>       5  <o>bob\n"
			"         2  <r>       1  <o>alice\n"
			"         2         0  zoe\n");
	table.rows = 9;
	table.style = &plain;
	uw_table_add(&table, &counts, &buf);
	uw_buf_add(&buf, "", 1);
	assert_non_null(
		strstr(buf.p, "         1         0  (not known)\n         1         0  dave\n"));
	uw_buf_free(&buf);
	uw_counts_done(&counts);
}

static void names_are_cut_at_the_edge_of_the_terminal(void **state)
{
	static const char *const keys[] = { "12345", "123456",
					    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
					    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" };
	static const char *const shown[] = { "  12345\n", "  1234+\n",
					     "  \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\n",
					     "  \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4+\n" };
	struct uw_table table = { .style = &plain, .rows = 1, .columns = 27 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct uw_counts counts = { 0 };
		struct uw_buf buf = { 0 };

		add(&counts, keys[i], 1, false);
		uw_table_add(&table, &counts, &buf);
		uw_buf_add(&buf, "", 1);
		if (!strstr(buf.p, shown[i]))
			fail_msg("%s: %s", keys[i], buf.p);
		uw_buf_free(&buf);
		uw_counts_done(&counts);
	}
}

static void recent_ones_come_first_in_a_live_table(void **state)
{
	struct uw_table table = {
		.style = &plain, .rows = 2, .recent = true, .span_ns = 2 * UW_NS_PER_S
	};
	struct uw_counts counts = { 0 };
	struct uw_buf buf = { 0 };

	(void)state;
	add(&counts, "before", 100, false);
	uw_counts_forget(&counts);
	add(&counts, "now", 5, true);
	uw_table_add(&table, &counts, &buf);
	need_text(&buf, "  per sec       COUNT    FAILED  PROCESS\033[K\n"
			"      2.5           5         5  now\033[K\n"
			"      0.0         100         0  before\033[K\n");
	uw_counts_done(&counts);
}

static void a_tally_has_room_for_so_many(void **state)
{
	struct uw_counts counts = { 0 };
	char key[32];

	(void)state;
	for (int i = 0; i < UW_COUNTS_MAX + 10; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		add(&counts, key, 1, false);
	}
	add(&counts, "key 7", 1, true);
	assert_int_equal(counts.n, UW_COUNTS_MAX);
	assert_int_equal(counts.others.count, 10);
	assert_int_equal(counts.row[7].count, 2);
	assert_int_equal(counts.row[7].failed, 1);
	uw_counts_done(&counts);
}

static void need_key(const char *const *fields, enum uw_counts_by by, const char *expected)
{
	struct uw_journal_record found = { 0 };
	struct uw_buf buf = { 0 };

	for (; *fields; fields++)
		uw_journal_record_add(&found, *fields, strlen(*fields));
	assert_int_equal(uw_journal_record_finish(&found), 0);
	for (size_t i = 0; uw_counts_key(&found, by, i, &buf); i++)
		uw_buf_puts(&buf, i || by == UW_BY_ANCESTOR ? " " : "");
	need_text(&buf, expected);
	uw_journal_record_done(&found);
}
#define FIELDS(...)               \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void keys_are_what_is_counted_and_safe(void **state)
{
	(void)state;
	need_key(FIELDS("UNLINK_COMM=a\033b", "UNLINK_PID=7"), UW_BY_PROCESS, "\"a\\x1bb\"[7]");
	need_key(FIELDS("UNLINK_USER=alice", "UNLINK_UID=1"), UW_BY_USER, "alice");
	need_key(FIELDS("UNLINK_UID=1"), UW_BY_USER, "uid 1");
	need_key(FIELDS("UNLINK_PATH=/a\n/b/c"), UW_BY_DIRECTORY, "\"/a\\n/b\"");
	need_key(FIELDS("UNLINK_PATH=/c"), UW_BY_DIRECTORY, "/");
	need_key(FIELDS("UNLINK_FLOOD_DIR=/c d"), UW_BY_DIRECTORY, "\"/c d\"");
	need_key(FIELDS("UNLINK_UNIT=a.service"), UW_BY_UNIT, "a.service");
	need_key(FIELDS("UNLINK_UID=1"), UW_BY_UNIT, "");
	need_key(FIELDS("UNLINK_ERRNO=EPERM"), UW_BY_ERROR, "EPERM");
	need_key(FIELDS("UNLINK_COMM=rm", "UNLINK_ANCESTOR=sh", "UNLINK_ANCESTOR=a\tb"),
		 UW_BY_ANCESTOR, "sh \"a\\tb\" rm ");
	need_key(FIELDS("UNLINK_COMM=sh", "UNLINK_ANCESTOR=sh"), UW_BY_ANCESTOR, "sh ");
	need_key(FIELDS("UNLINK_UID=1"), UW_BY_ANCESTOR, " ");
}

static void bars_are_in_proportion(void **state)
{
	(void)state;
	assert_int_equal(uw_bar_length(0, 10, 50), 0);
	assert_int_equal(uw_bar_length(10, 10, 50), 50);
	assert_int_equal(uw_bar_length(5, 10, 50), 25);
	assert_int_equal(uw_bar_length(1, 1000000, 50), 1); /* not none */
	assert_int_equal(uw_bar_length(UINT64_MAX, UINT64_MAX, 50), 50);
	assert_int_equal(uw_bar_length(1, 0, 50), 0);
	assert_int_equal(uw_bar_length(1, 1, 0), 0);
}

static void hours_have_a_line_each(void **state)
{
	struct uw_histogram histogram = { 0 };
	struct uw_buf buf = { 0 };

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (int i = 0; i < 4; i++)
		assert_int_equal(uw_histogram_add(&histogram, NOON + 5, 1, i == 0), 0);
	assert_int_equal(uw_histogram_add(&histogram, NOON + 6, 1, false), 0); /* late */
	assert_int_equal(uw_histogram_add(&histogram, NOON - 1, 1, true), 0);
	assert_int_equal(uw_histogram_add(&histogram, NOON - 3 * HOUR, 4, 2), 0);
	assert_int_equal(uw_histogram_add(&histogram, NOON - 10 * HOUR, 1, false), 0);
	uw_histogram_print(&histogram, 10, false, &marks, &buf);
	need_text(&buf, "2023-11-15 02h          1  ##\n"
			"<d>               none for 6 hours<o>\n"
			"2023-11-15 09h          4  ####<r>####<o>\n"
			"2023-11-15 10h          0\n"
			"2023-11-15 11h          1  <r>##<o>\n"
			"2023-11-15 12h          5  ########<r>##<o>\n");
	uw_histogram_print(&histogram, 1, true, &plain, &buf);
	uw_buf_add(&buf, "", 1);
	assert_non_null(strstr(buf.p, "02h          1  \xe2\x96\x88\n"));
	uw_buf_free(&buf);
	uw_histogram_done(&histogram);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sorted_by_count_and_key),
		cmocka_unit_test(names_are_cut_at_the_edge_of_the_terminal),
		cmocka_unit_test(recent_ones_come_first_in_a_live_table),
		cmocka_unit_test(a_tally_has_room_for_so_many),
		cmocka_unit_test(keys_are_what_is_counted_and_safe),
		cmocka_unit_test(bars_are_in_proportion),
		cmocka_unit_test(hours_have_a_line_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
