// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/story.c: which names are told of together, in which order, and the sums. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ctl/show.h"
#include "ctl/story.h"

#define S UINT64_C(1000000)

static const struct uw_style plain = { "", "", "", "", "", "" };
static struct uw_buf told;

static int show_record(void *ctx, struct uw_journal_record *record)
{
	struct uw_str path = record->value[UW_JOURNAL_RECORD_PATH];

	(void)ctx;
	uw_buf_printf(&told, "%.*s ", (int)path.len, path.s);
	return 0;
}

static int show_story(void *ctx, const struct uw_story *story)
{
	(void)ctx;
	uw_buf_printf(&told, "%" PRIu64 ":%.*s..%.*s ", story->removed, (int)story->first.len,
		      story->first.p, (int)story->last.len, story->last.p);
	return 0;
}

static const struct uw_story_env env = { NULL, show_record, show_story };

static void put(struct uw_journal_record *record, enum uw_journal_record_field field,
		const char *text)
{
	uw_journal_record_put(record, field, (struct uw_str){ text, strlen(text) });
}

/* A deletion at a time in seconds. */
static struct uw_journal_record deletion(unsigned int at, const char *pid, const char *user,
					 const char *path)
{
	struct uw_journal_record record = { .realtime_us = at * S };

	put(&record, UW_JOURNAL_RECORD_OP, "unlink");
	put(&record, UW_JOURNAL_RECORD_RET, "0");
	put(&record, UW_JOURNAL_RECORD_PID, pid);
	put(&record, UW_JOURNAL_RECORD_COMM, "rm");
	put(&record, UW_JOURNAL_RECORD_USER, user);
	put(&record, UW_JOURNAL_RECORD_PATH, path);
	put(&record, UW_JOURNAL_RECORD_SIZE, "1024");
	put(&record, UW_JOURNAL_RECORD_NLINK, "0");
	assert_int_equal(uw_journal_record_finish(&record), 0);
	return record;
}

static void add(struct uw_stories *stories, unsigned int at, const char *pid, const char *user,
		const char *path)
{
	struct uw_journal_record record = deletion(at, pid, user, path);

	assert_int_equal(uw_stories_add(stories, 0, &record), 0);
	uw_journal_record_done(&record);
}

/* Adds n names of a process, a second apart, the newest first. */
static void add_many(struct uw_stories *stories, unsigned int at, unsigned int n, const char *pid)
{
	char path[32];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/%s/%u", pid, at - i);
		add(stories, at - i, pid, "alice", path);
	}
}

static void need_told(struct uw_stories *stories, const char *expected)
{
	assert_int_equal(uw_stories_end(stories), 0);
	uw_stories_free(stories);
	uw_buf_add(&told, "", 1);
	assert_string_equal(told.p, expected);
	uw_buf_free(&told);
	uw_buf_reset(&told);
}

static void ten_names_are_shown_and_eleven_are_a_story(void **state)
{
	struct uw_stories *stories = uw_stories_new(&env);

	(void)state;
	add_many(stories, 5010, 10, "1");
	add_many(stories, 5000, 11, "2");
	need_told(stories, "/1/5010 /1/5009 /1/5008 /1/5007 /1/5006 /1/5005 /1/5004 /1/5003 "
			   "/1/5002 /1/5001 11:/2/4990../2/5000 ");
}

static void a_story_is_where_its_last_name_is(void **state)
{
	struct uw_stories *stories = uw_stories_new(&env);

	(void)state;
	add(stories, 5002, "9", "bob", "/x");
	add_many(stories, 5001, 5, "1");
	add(stories, 4996, "9", "bob", "/y");
	add_many(stories, 4995, 7, "1");
	add(stories, 4980, "9", "bob", "/z");
	need_told(stories, "/x 12:/1/4989../1/5001 /y /z ");
}

static void users_and_times_apart_are_several(void **state)
{
	struct uw_stories *stories = uw_stories_new(&env);

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		add(stories, 9000 - i, "1", "alice", "/a");
		add(stories, 9000 - i, "1", "bob", "/b");
	}
	add_many(stories, 8400 - 7, 6, "1");
	assert_int_equal(told.len, strlen("/a /b ") * 6); /* the rest may go on */
	add_many(stories, 1000, 11, "1");
	need_told(stories, "/a /b /a /b /a /b /a /b /a /b /a /b /1/8393 /1/8392 /1/8391 /1/8390 "
			   "/1/8389 /1/8388 11:/1/990../1/1000 ");
}

/* So that the memory and the wait are limited, whatever happens at the same time. */
static void a_long_story_does_not_hold_up_thousands(void **state)
{
	struct uw_stories *stories = uw_stories_new(&env);
	char pid[16];

	(void)state;
	add_many(stories, 90000, 20, "1");
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(pid, sizeof(pid), "%u", 100 + i);
		add(stories, 89980, pid, "bob", "/b");
	}
	assert_true(told.len > 500 * strlen("/b ") && told.len < 5000 * strlen("/b "));
	assert_memory_equal(told.p, "/b ", 3);
	add_many(stories, 89980, 20, "1");
	assert_int_equal(uw_stories_end(stories), 0);
	uw_buf_add(&told, "", 1);
	assert_non_null(strstr(told.p, "40:/1/89961../1/90000 "));
	assert_int_equal(told.len - 1, 5000 * strlen("/b ") + strlen("40:/1/89961../1/90000 "));
	uw_stories_free(stories);
	uw_buf_free(&told);
	uw_buf_reset(&told);
}

/* The names of a set, without a record each. */
static void names_of_manifests_count(void **state)
{
	struct uw_stories *stories = uw_stories_new(&env);
	struct uw_name name = { .op = UW_OP_UNLINK,
				.file_known = true,
				.bytes = 5,
				.time_us = 4000 * S,
				.dir = { "/d", 2 },
				.name = { "n", 1 } };

	(void)state;
	assert_false(uw_stories_add_name(stories, 7, &name));
	for (unsigned int i = 0; i < 11; i++) {
		struct uw_journal_record record = deletion(4100, "1", "alice", "/a");

		assert_false(uw_stories_add_name(stories, 7, &name));
		assert_int_equal(uw_stories_add(stories, 7, &record), 0);
		uw_journal_record_done(&record);
	}
	assert_false(uw_stories_add_name(stories, 8, &name));
	assert_true(uw_stories_add_name(stories, 7, &name));
	name.time_us = 3000 * S;
	assert_false(uw_stories_add_name(stories, 7, &name)); /* another run */
	need_told(stories, "12:/d/n../a ");
}

static void need_story(const struct uw_story *story, uint64_t now_us, const char *expected)
{
	struct uw_show show = { .style = &plain, .now_us = now_us };
	struct uw_buf buf = { 0 };

	uw_show_story(&show, story, &buf);
	uw_buf_add(&buf, "", 1);
	assert_string_equal(buf.p, expected);
	uw_buf_free(&buf);
}

static void add_text(struct uw_buf *buf, const char *text)
{
	uw_buf_reset(buf);
	uw_buf_puts(buf, text);
}

static void a_story_is_one_paragraph(void **state)
{
	struct uw_story story = { .first_us = 1700000000 * S,
				  .last_us = 1700000004 * S,
				  .removed = 4021,
				  .failed = 3,
				  .bytes = UINT64_C(1503238553),
				  .largest_bytes = 734003200 };

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	put(&story.record, UW_JOURNAL_RECORD_CMDLINE, "rm -rf /srv/tree");
	put(&story.record, UW_JOURNAL_RECORD_COMM, "rm");
	put(&story.record, UW_JOURNAL_RECORD_UID, "0");
	put(&story.record, UW_JOURNAL_RECORD_USER, "root");
	put(&story.record, UW_JOURNAL_RECORD_LOGINUID, "1000");
	put(&story.record, UW_JOURNAL_RECORD_UNIT, "session-3.scope");
	assert_int_equal(uw_journal_record_finish(&story.record), 0);
	add_text(&story.first, "/srv/tree/a\n");
	add_text(&story.last, "/srv/tree");
	add_text(&story.largest, "/srv/tree/b c");
	need_story(&story, 1700000060 * S,
		   "rm -rf /srv/tree, by uid 1000 (as uid 0), 22:13:20 to 22:13:24: 4,021 names "
		   "removed, 3 failed, 1.4 GiB\n"
		   "    user     root, logged in as uid 1000\n"
		   "    command  rm -rf /srv/tree\n"
		   "    process  rm\n"
		   "    unit     session-3.scope\n"
		   "    largest  \"/srv/tree/b c\", 700.0 MiB\n"
		   "    first    \"/srv/tree/a\\n\"\n"
		   "    last     /srv/tree; --all shows each name\n");
	uw_journal_record_done(&story.record);
	put(&story.record, UW_JOURNAL_RECORD_CMDLINE, "mv x, by bob");
	put(&story.record, UW_JOURNAL_RECORD_COMM, "mv");
	put(&story.record, UW_JOURNAL_RECORD_USER, "al,ice");
	assert_int_equal(uw_journal_record_finish(&story.record), 0);
	story.last_us = story.first_us;
	story.moved = 1234567;
	story.unknown = 2;
	story.removed = story.failed = story.bytes = story.largest_bytes = 0;
	need_story(&story, 1800000000 * S,
		   "mv, by \"al,ice\", Tue 2023-11-14 22:13:20: 1,234,567 names moved, 2 with an "
		   "unknown result\n"
		   "    user     \"al,ice\"\n"
		   "    command  mv x, by bob\n"
		   "    process  mv\n"
		   "    first    \"/srv/tree/a\\n\"\n"
		   "    last     /srv/tree; --all shows each name\n");
	uw_journal_record_done(&story.record);
	uw_buf_free(&story.first);
	uw_buf_free(&story.last);
	uw_buf_free(&story.largest);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_names_are_shown_and_eleven_are_a_story),
		cmocka_unit_test(a_story_is_where_its_last_name_is),
		cmocka_unit_test(users_and_times_apart_are_several),
		cmocka_unit_test(a_long_story_does_not_hold_up_thousands),
		cmocka_unit_test(names_of_manifests_count),
		cmocka_unit_test(a_story_is_one_paragraph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
