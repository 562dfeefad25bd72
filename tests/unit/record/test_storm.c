// SPDX-License-Identifier: MIT
/* Tests of daemon/record/storm.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/storm.h"

#define S UINT64_C(1000000000)

static const struct uw_storm_limit limit = { .burst = 10, .interval_s = 5 };
static struct uw_storm *storm;
static struct uw_record record;

static int set_up(void **state)
{
	(void)state;
	storm = calloc(1, uw_storm_size());
	return storm ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(storm);
	return 0;
}

static struct uw_str str(const char *s)
{
	return (struct uw_str){ s, strlen(s) };
}

static bool take_record(const struct uw_storm_limit *of, uint64_t rules)
{
	uw_storm_mark(storm);
	return uw_storm_take(storm, of, &record, rules);
}

/* Counts a deletion by rm of user 1000, a child of 500. Returns true if it is part of a storm. */
static bool take(uint64_t ns, uint32_t pid, const char *path, int ret)
{
	record.uid = record.fsuid = record.account = 1000;
	record.pid = pid;
	record.task_known = true;
	record.ppid = 500;
	record.exe = str("/usr/bin/rm");
	record.comm = str("rm");
	record.path = str(path);
	record.ret_known = true;
	record.ret = ret;
	record.exit_ns = ns;
	return take_record(&limit, 1);
}

static void check_text(const struct uw_storm_text *text, const char *want)
{
	if (text->len != strlen(want) || memcmp(text->s, want, text->len) != 0)
		fail_msg("%.*s, expected: %s", (int)text->len, text->s, want);
}

static void test_below(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		/* Ten deletions in each interval. */
		assert_false(take(S + (uint64_t)i * S / 2, 7, "/a", 0));
	assert_null(uw_storm_oldest(storm));
}

static void test_summary(void **state)
{
	const struct uw_summary *s;
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_false(take(S, 7, "/srv/a/x", 0));
	assert_true(take(S + 1, 7, "/srv/a/first", 0));
	for (i = 0; i < 5; i++)
		assert_true(take(S + 2, 8, "/srv/a/b/x", 0));
	record.ret_known = false;
	assert_true(take_record(&limit, 1));
	assert_true(take(S + 3, 9, "/srv/a/c/last", 0));
	assert_null(uw_storm_due(storm, &limit, 6 * S - 1));
	s = uw_storm_due(storm, &limit, 6 * S);
	assert_non_null(s);
	assert_int_equal(s->succeeded, 7);
	assert_int_equal(s->failed, 0);
	assert_int_equal(s->unknown, 1);
	assert_false(s->mixed);
	assert_int_equal(s->begin_ns, S + 1);
	assert_int_equal(s->end_ns, S + 3);
	assert_int_equal(s->rules, 1);
	assert_int_equal(s->uid, 1000);
	assert_int_equal(s->ppid, 500);
	assert_int_equal(s->n_pids, 3);
	assert_int_equal(s->pids[0], 7);
	assert_int_equal(s->pids[2], 9);
	check_text(&s->first, "/srv/a/first");
	check_text(&s->last, "/srv/a/c/last");
	check_text(&s->dir, "/srv/a");
	assert_true(s->dir_known);
	check_text(&s->exe, "/usr/bin/rm");
	uw_storm_release(storm, s);
	assert_null(uw_storm_due(storm, &limit, 60 * S));
}

static void test_end(void **state)
{
	const struct uw_summary *s;
	int i;

	(void)state;
	for (i = 0; i < 30; i++)
		take(S, 7, "/a", 0);
	/* The next interval begins inside the storm and has few deletions, so the storm ends. */
	assert_true(take(7 * S, 7, "/a", 0));
	s = uw_storm_due(storm, &limit, 7 * S);
	assert_int_equal(s->succeeded, 20);
	uw_storm_release(storm, s);
	assert_null(uw_storm_due(storm, &limit, 7 * S));
	for (i = 0; i < 10; i++)
		assert_false(take(13 * S, 7, "/a", 0));
	s = uw_storm_due(storm, &limit, 13 * S);
	assert_int_equal(s->succeeded, 1);
	uw_storm_release(storm, s);
	assert_true(take(13 * S, 7, "/a", 0));
}

static void test_apart(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		take(S, 7, "/a", 0);
	assert_true(take(S, 1234, "/a", 0));
	record.account = 0; /* without the budget of a user */
	record.fsuid = 1001;
	assert_false(take_record(&limit, 1));
	record.uid = record.fsuid = 1000;
	record.ppid = 501;
	assert_false(take_record(&limit, 1));
	record.ppid = 500;
	record.exe = str("/usr/bin/find");
	assert_false(take_record(&limit, 1));
	record.exe = str("/usr/bin/rm");
	assert_true(take_record(&limit, 1));
	/* Children of process 1 count separately. */
	record.ppid = 1;
	for (i = 0; i < 20; i++) {
		record.pid = 2000 + (uint32_t)i;
		assert_false(take_record(&limit, 1));
	}
}

static void test_rules(void **state)
{
	const struct uw_summary *s;
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		take(S, 7, "/a", 0);
	assert_true(take(S, 7, "/a", 0));
	assert_true(take_record(&limit, 3));
	assert_true(take_record(&limit, 3));
	for (i = 0; i < 2; i++) {
		s = uw_storm_due(storm, &limit, 9 * S);
		assert_int_equal(s->succeeded, s->rules == 3 ? 2 : 1);
		uw_storm_release(storm, s);
	}
	assert_null(uw_storm_oldest(storm));
}

static void test_directories(void **state)
{
	static const struct {
		const char *a, *b, *dir;
	} rows[] = {
		{ "/a/b/c", "/a/b/d", "/a/b" },
		{ "/a/b/c", "/a/bc/d", "/a" },
		{ "/a/bc/d", "/a/b/c", "/a" },
		{ "/a/b", "/a/b/c", "/a" },
		{ "/a/b/c", "/a/b", "/a" },
		{ "/a", "/b", "" },
		{ "/a/b", "/c/d", "" },
		{ "/", "/a/b", "" },
		{ "/a/b/c/d", "/a/b/c/d", "/a/b/c" },
		{ "/a/b/c/x", "/a/b/x", "/a/b" },
		{ "/a/b/x", "/a/b/c/x", "/a/b" },
		{ "/ab/x", "/a/x", "" },
	};
	const struct uw_summary *s;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (k = 0; k < 10; k++)
			take(S, 7, "/", 0);
		take(S, 7, rows[i].a, 0);
		take(S, 7, rows[i].b, 0);
		s = uw_storm_oldest(storm);
		assert_true(s->dir_known);
		check_text(&s->dir, rows[i].dir);
		uw_storm_release(storm, s);
		uw_storm_end_all(storm);
	}
	/* A path that is missing or lacks its beginning has no known directory. */
	for (k = 0; k < 10; k++)
		take(S, 7, "/", 0);
	take(S, 7, "/a/b", 0);
	take(S, 7, "b/c", 0);
	take(S, 7, "/a/b", 0);
	assert_false(uw_storm_oldest(storm)->dir_known);
}

static void test_off(void **state)
{
	static const struct uw_storm_limit off = { .burst = 0, .interval_s = 5 };
	int i;

	(void)state;
	take(S, 7, "/a", 0);
	for (i = 0; i < 100000; i++)
		assert_false(take_record(&off, 1));
}

static void test_end_all(void **state)
{
	const struct uw_summary *s;
	int i;

	(void)state;
	for (i = 0; i < 12; i++)
		take(S, 7, "/a", 0);
	uw_storm_end_all(storm);
	/* Counting starts again, and the old summary does not change. */
	for (i = 0; i < 10; i++)
		assert_false(take(S, 7, "/b", 0));
	assert_true(take(S, 7, "/b", 0));
	s = uw_storm_due(storm, &limit, S);
	assert_int_equal(s->succeeded, 2);
	check_text(&s->first, "/a");
	uw_storm_release(storm, s);
	assert_null(uw_storm_due(storm, &limit, S));
	s = uw_storm_oldest(storm);
	assert_int_equal(s->succeeded, 1);
	uw_storm_release(storm, s);
}

/* A thousand failing attempts do not hide the deletion that follows, nor the other way round. */
static void test_hiding(void **state)
{
	static const struct uw_storm_limit usual = { .burst = 1000, .interval_s = 5 };
	const struct uw_summary *s;
	int i;

	(void)state;
	take(S, 7, "/a", -ENOENT);
	for (i = 0; i < 1001; i++)
		assert_int_equal(take_record(&usual, 1), i >= 1000 - 1);
	record.ret = 0;
	assert_false(take_record(&usual, 1));
	record.ret_known = false;
	assert_false(take_record(&usual, 1));
	uw_storm_end_all(storm);
	s = uw_storm_oldest(storm);
	assert_int_equal(s->failed, 2);
	assert_int_equal(uw_summary_count(s), 2);
	uw_storm_release(storm, s);

	record.ret_known = true;
	for (i = 0; i < 1001; i++)
		take_record(&usual, 1);
	assert_true(take_record(&usual, 1));
	record.ret = -EACCES;
	assert_false(take_record(&usual, 1));
}

/* However many parents and programs make failing attempts, few records come of it. */
static void test_washing_out(void **state)
{
	static const struct uw_storm_limit usual = { .burst = 1000, .interval_s = 5 };
	uint64_t recorded = 0, summarised = 0, summaries = 0;
	const struct uw_summary *s = NULL;
	int parent, i;

	(void)state;
	take(S, 7, "/srv/a/x", -ENOENT);
	recorded++;
	for (parent = 0; parent < 500; parent++) {
		record.ppid = 1000 + (uint32_t)parent;
		record.exe = str(parent % 2 ? "/usr/bin/rm" : "/tmp/rm");
		record.path = str(parent % 2 ? "/srv/a/x" : "/srv/b/y");
		/* A subordinate uid is charged to its owner. */
		record.uid = record.fsuid = parent % 3 ? 1000 : 100000 + (uint32_t)parent;
		for (i = 0; i < 1000; i++) {
			record.exit_ns += 30000; /* 15 s in all */
			if (!take_record(&usual, 1))
				recorded++;
			while ((s = uw_storm_due(storm, &usual, record.exit_ns))) {
				summarised += uw_summary_count(s);
				summaries++;
				uw_storm_release(storm, s);
			}
		}
	}
	record.ret = 0;
	assert_false(take_record(&usual, 1));
	s = uw_storm_oldest(storm);
	assert_true(s->mixed);
	assert_false(s->ppid_known);
	check_text(&s->exe, "");
	check_text(&s->comm, "rm");
	check_text(&s->dir, "/srv");
	assert_int_equal(s->uid, 1000);
	assert_int_equal(s->fsuid, 1000);
	summarised += uw_summary_count(s);
	uw_storm_release(storm, s);
	assert_null(uw_storm_oldest(storm));
	assert_int_equal(recorded, 1000);
	assert_in_range(summaries, 1, 4);
	assert_int_equal(recorded + summarised, 500001);
	/* Another user has a budget of his own. */
	record.ret = -ENOENT;
	record.account = 1001;
	assert_false(take_record(&usual, 1));
}

/* However many programs a user starts, few of their deletions have records of their own. */
static void test_user(void **state)
{
	const struct uw_summary *s;
	uint64_t recorded = 0;
	int i, of_user = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		take(S, 7, i % 2 ? "/srv/a/x" : "/srv/b/y", 0);
		record.ppid = 1000 + (uint32_t)i / 5;
		recorded += !take_record(&limit, 1);
	}
	/* The first deletion of each turn belongs to a storm of one program, from the eleventh on. */
	assert_int_equal(recorded + 10, UW_STORM_USER_TIMES * limit.burst);
	for (i = 0; i < 2; i++) {
		s = uw_storm_due(storm, &limit, 9 * S);
		assert_int_equal(s->succeeded, 990);
		check_text(&s->dir, "/srv");
		of_user += !s->ppid_known;
		uw_storm_release(storm, s);
	}
	assert_int_equal(of_user, 1);
	record.account = 1001;
	assert_false(take_record(&limit, 1));
	/* The programs of root are those of the system, and only count one by one. */
	record.account = 0;
	for (i = 0; i < 1000; i++) {
		record.ppid = 5000 + (uint32_t)i;
		assert_false(take_record(&limit, 1));
	}
}

/* A process that is killed after it counted an attempt counts it again, once. */
/* Stands for a name. */
static void keep(struct uw_summary *s)
{
	assert_non_null(s);
	s->names[s->names_len++] = 'x';
	s->unnamed++;
}

static void test_recover(void **state)
{
	const struct uw_summary *s;
	int i;

	(void)state;
	for (i = 0; i < 12; i++)
		take(S, 7, "/a", -ENOENT);
	for (i = 0; i < 12; i++)
		take(S, 7, "/a", 0);
	uw_storm_mark(storm);
	record.ret = -ENOENT;
	keep(uw_storm_take(storm, &limit, &record, 1));
	record.ret = 0;
	keep(uw_storm_take(storm, &limit, &record, 1));
	uw_storm_recover(storm, true, 0);
	/* Both are complete, as another process cannot add to their names. */
	for (i = 0; i < 2; i++) {
		s = uw_storm_due(storm, &limit, S);
		assert_int_equal(uw_summary_count(s), 2);
		assert_true(!s->names_len && !s->unnamed);
		uw_storm_release(storm, s);
	}
	assert_null(uw_storm_oldest(storm));
}

/* A summary that is closed is due at once, and the next deletion begins another. */
static void test_close(void **state)
{
	struct uw_summary *s;
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		take(S, 7, "/a", 0);
	uw_storm_mark(storm);
	s = uw_storm_take(storm, &limit, &record, 1);
	keep(s);
	assert_null(uw_storm_due(storm, &limit, S));
	uw_storm_close(storm, s);
	uw_storm_mark(storm);
	assert_ptr_not_equal(uw_storm_take(storm, &limit, &record, 1), s);
	assert_ptr_equal(uw_storm_due(storm, &limit, S), s);
	assert_int_equal(s->succeeded, 1);
	uw_storm_release(storm, s);
	assert_int_equal(uw_storm_oldest(storm)->names_len, 0);
}

/* A series of deletions has the counts that each of them would have. */
static void test_series(void **state)
{
	struct uw_summary *s;
	uint64_t slot, serial;
	int i;

	(void)state;
	for (i = 0; i < 11; i++)
		take(S, 7, "/srv/a/x", 0);
	s = (struct uw_summary *)uw_storm_oldest(storm);
	slot = uw_storm_slot(storm, s);
	serial = s->serial;
	uw_storm_mark(storm);
	assert_ptr_equal(uw_storm_take_next(storm, &limit, slot, serial, 2 * S, str("/srv/b/y")),
			 s);
	assert_int_equal(s->succeeded, 2);
	assert_int_equal(s->end_ns, 2 * S);
	check_text(&s->last, "/srv/b/y");
	check_text(&s->dir, "/srv");
	/* It counts for the next interval, too: ten are not enough for the storm to go on. */
	uw_storm_mark(storm);
	assert_null(uw_storm_take_next(storm, &limit, slot, serial, 7 * S, str("/srv/a/z")));
	assert_int_equal(s->succeeded, 2);
	/* As another deletion has begun the interval, it goes on. */
	assert_true(take(7 * S, 7, "/srv/a/z", 0));
	assert_null(uw_storm_take_next(storm, &limit, slot, serial, 7 * S, str("/srv/a/z")));
	s = (struct uw_summary *)uw_storm_due(storm, &limit, 7 * S);
	assert_int_equal(uw_storm_slot(storm, s), slot);
	uw_storm_release(storm, s);
	assert_null(uw_storm_take_next(storm, &limit, slot, serial, 7 * S, str("/srv/a/z")));
	s = (struct uw_summary *)uw_storm_oldest(storm);
	for (i = 0; i < 9; i++) {
		uw_storm_mark(storm);
		assert_non_null(uw_storm_take_next(storm, &limit, uw_storm_slot(storm, s),
						   s->serial, 7 * S, str("/srv/a/z")));
	}
	/* Ten in this interval end it. */
	assert_false(take(13 * S, 7, "/srv/a/z", 0));
	/* What was counted last is undone. */
	for (i = 0; i < 11; i++)
		take(13 * S, 7, "/srv/a/x", 0);
	s = (struct uw_summary *)uw_storm_oldest(storm);
	while (uw_storm_due(storm, &limit, 13 * S))
		uw_storm_release(storm, uw_storm_due(storm, &limit, 13 * S));
	s = (struct uw_summary *)uw_storm_oldest(storm);
	i = (int)s->succeeded;
	uw_storm_mark(storm);
	assert_non_null(uw_storm_take_next(storm, &limit, uw_storm_slot(storm, s), s->serial,
					   13 * S, str("/srv/a/z")));
	assert_int_equal(s->succeeded, i + 1);
	uw_storm_recover(storm, true, 0);
	assert_int_equal(s->succeeded, i);
}

/* Names wait for five seconds at most, however long the interval is. */
static void test_waiting(void **state)
{
	static const struct uw_storm_limit hour = { .burst = 1, .interval_s = 3600 };
	struct uw_summary *s;

	(void)state;
	take(S, 7, "/a", 0);
	uw_storm_mark(storm);
	uw_storm_take(storm, &hour, &record, 1);
	uw_storm_mark(storm);
	s = uw_storm_take(storm, &hour, &record, 1);
	assert_non_null(s);
	assert_null(uw_storm_due(storm, &hour, 7 * S));
	keep(s);
	assert_null(uw_storm_due(storm, &hour, 6 * S - 1));
	assert_ptr_equal(uw_storm_due(storm, &hour, 6 * S), s);
}

static uint64_t closed(const struct uw_summary *s, uint64_t by_uid[64])
{
	uint64_t n = s->succeeded + s->failed + s->unknown;

	assert_true(n > 0);
	by_uid[s->uid] += n;
	uw_storm_release(storm, s);
	return n;
}

/* With more users and programs than room, each deletion is still recorded or counted once. */
static void test_random(void **state)
{
	static const char *const exes[] = { "/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h" };
	uint64_t now = S, by_uid[64] = { 0 }, want[64] = { 0 }, recorded = 0, summarised = 0;
	const struct uw_summary *s;
	unsigned int seed = 4711;
	int i;

	(void)state;
	record.task_known = true;
	record.ret_known = true;
	for (i = 0; i < 400000; i++) {
		unsigned int r = (unsigned int)rand_r(&seed);

		now += r % 1000 * 200;
		record.uid = record.fsuid = record.account = r % 64;
		record.ppid = 2 + (unsigned int)rand_r(&seed) % (i / 50000 % 2 ? 900 : 3);
		record.pid = 5000 + (unsigned int)rand_r(&seed) % 40;
		record.exe = str(exes[(unsigned int)rand_r(&seed) % 8]);
		record.path = str("/x/y");
		record.ret = r % 3 ? 0 : -ENOENT;
		record.ret_known = r % 7;
		/* Sometimes a return from long ago. */
		record.exit_ns = r % 11 ? now : now - S / 10;
		want[record.uid]++;
		if (!uw_storm_has_room(storm))
			summarised += closed(uw_storm_oldest(storm), by_uid);
		if (!take_record(&limit, 1 + r % 2)) {
			recorded++;
			by_uid[record.uid]++;
		}
		if (!(r % 100))
			while ((s = uw_storm_due(storm, &limit, now)))
				summarised += closed(s, by_uid);
		if (!(r % 50000))
			uw_storm_end_all(storm);
	}
	while ((s = uw_storm_oldest(storm)))
		summarised += closed(s, by_uid);
	assert_int_equal(recorded + summarised, 400000);
	assert_true(summarised > 50000 && recorded > 10000);
	for (i = 0; i < 64; i++)
		assert_int_equal(by_uid[i], want[i]);
}

#define TEST(title, function)                            \
	{                                                \
		title, function, set_up, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("does not count deletions up to the burst", test_below),
		TEST("counts the deletions beyond the burst exactly", test_summary),
		TEST("ends a storm after an interval with few deletions", test_end),
		TEST("separates users, parents and programs, and joins the processes of one program",
		     test_apart),
		TEST("keeps one summary for each set of rules", test_rules),
		TEST("finds the lowest common directory", test_directories),
		TEST("counts nothing with Burst=0", test_off),
		TEST("ends all storms and starts again", test_end_all),
		TEST("counts failed attempts apart from deletions", test_hiding),
		TEST("gives all failed attempts of a user one budget and one summary",
		     test_washing_out),
		TEST("gives the deletions of a user's programs one budget, and root's none",
		     test_user),
		TEST("undoes what a killed process may have counted", test_recover),
		TEST("begins another summary when one is closed", test_close),
		TEST("counts a series like single deletions", test_series),
		TEST("lets names wait for five seconds at most", test_waiting),
		TEST("counts 400,000 random deletions exactly, with more storms than it has room for",
		     test_random),
	};

	return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
