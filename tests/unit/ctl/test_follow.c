// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/follow.c: with records in memory, and files that are said to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/follow.h"

#define MAX 16

/*
 * A record in the words of the fields: "move /a /b 7 8 040755", with the inodes and the mode; "-"
 * where there is none.
 */
static struct uw_journal_record records[MAX];
static size_t n_records;

/* What is at a path: "/b 7" with the inode; NULL: nobody can look. */
static const char *const *files;

static void add_field(struct uw_journal_record *record, const char *name, const char *value)
{
	char text[128];

	if (strcmp(value, "-"))
		uw_journal_record_add(record, text,
				      (size_t)snprintf(text, sizeof(text), "%s=%s", name, value));
}

static void add_record(const char *words, uint64_t ns)
{
	struct uw_journal_record *record = &records[n_records++];
	char op[16] = "", path[64] = "-", other[64] = "-", inode[16] = "-", of_other[16] = "-";
	char mode[16] = "-", upper[64] = "-";
	char time[32];

	sscanf(words, "%15s %63s %63s %15s %15s %15s %63s", op, path, other, inode, of_other, mode,
	       upper);
	uw_journal_record_reset(record);
	snprintf(time, sizeof(time), "%llu", (unsigned long long)ns);
	add_field(record, "UNLINK_TIME", time);
	add_field(record, "UNLINK_OP", op);
	add_field(record, "UNLINK_RET", "0");
	add_field(record, "UNLINK_PID", "7");
	add_field(record, "UNLINK_PATH", path);
	add_field(record, !strcmp(op, "rename") ? "UNLINK_REPLACED_BY" : "UNLINK_MOVED_TO", other);
	add_field(record, "UNLINK_UPPER_PATH", upper);
	add_field(record, "UNLINK_DEV", "0:31");
	add_field(record, "UNLINK_MODE", mode);
	add_field(record, "UNLINK_INODE", inode);
	add_field(record, "UNLINK_REPLACED_BY_INODE", of_other);
	assert_int_equal(uw_journal_record_finish(record), 0);
	record->realtime_us = ns / 1000;
	record->number = n_records;
}

static void copy(const struct uw_journal_record *from, struct uw_journal_record *to)
{
	static const struct {
		enum uw_journal_record_field field;
		const char *name;
	} fields[] = {
#define X(name) { UW_JOURNAL_RECORD_##name, "UNLINK_" #name }
		X(TIME),     X(OP),	     X(RET),   X(PID), X(PATH), X(UPPER_PATH),
		X(MOVED_TO), X(REPLACED_BY), X(INODE), X(DEV), X(MODE), X(REPLACED_BY_INODE),
#undef X
	};
	char value[64];

	uw_journal_record_reset(to);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct uw_str v = from->value[fields[i].field];

		snprintf(value, sizeof(value), "%.*s", (int)v.len, v.s ?: "");
		add_field(to, fields[i].name, v.s ? value : "-");
	}
	assert_int_equal(uw_journal_record_finish(to), 0);
	to->realtime_us = from->realtime_us;
	to->number = from->number;
}

static int nearest(void *ctx, struct uw_str host, const char *path, const struct uw_record_key *key,
		   bool before, struct uw_journal_record *ret)
{
	const struct uw_journal_record *best = NULL;

	(void)ctx;
	(void)host;
	for (size_t i = 0; i < n_records; i++) {
		struct uw_record_key this = uw_record_key_of(&records[i]), other;
		int order = before ? -1 : 1;

		if (uw_touch_of(&records[i], path).type == UW_TOUCH_NONE ||
		    uw_record_key_compare(&this, key) != order)
			continue;
		if (best) {
			other = uw_record_key_of(best);
			if (uw_record_key_compare(&other, &this) != order)
				continue;
		}
		best = &records[i];
	}
	if (best)
		copy(best, ret);
	return best != NULL;
}

static enum uw_look look(void *ctx, const char *path, const struct uw_file_id *id, uint64_t us)
{
	(void)ctx;
	(void)us;
	for (size_t i = 0; files && files[i]; i++) {
		char there[64];
		unsigned long long inode;

		sscanf(files[i], "%63s %llu", there, &inode);
		if (!strcmp(there, path))
			return id->known && id->inode != inode ? UW_LOOK_OTHER : UW_LOOK_THERE;
	}
	return files ? UW_LOOK_GONE : UW_LOOK_UNKNOWN;
}

/* Looks for the path, and compares: "there /b 2", where it is or was, and the number of moves. */
static void need(const char *path, const char *expected)
{
	static const struct uw_follow_env env = { .nearest = nearest, .look = look };
	static const char *const ends[] = { "no-record", "there", "removed", "replaced", "lost" };
	struct uw_trail trail;
	char text[128];

	assert_int_equal(uw_trail_find(&env, path, &trail), 0);
	snprintf(text, sizeof(text), "%s%s %s %zu",
		 uw_trail_is_answer(&trail) ? "" : "no: ", ends[trail.end], uw_trail_path(&trail),
		 uw_trail_moves(&trail));
	assert_string_equal(text, expected);
	uw_trail_done(&trail);
}

/*
 * Two records of one exchange have the same time ("="), in microseconds if the other one is in a
 * manifest ("~").
 */
static void set(const char *const *words, const char *const *there)
{
	uint64_t ns = UINT64_C(1000000000000);

	for (size_t i = 0; i < n_records; i++)
		uw_journal_record_done(&records[i]);
	n_records = 0;
	for (; *words; words++) {
		bool again = **words == '=' || **words == '~';

		ns += **words == '~' ? 500 : again ? 0 : 1000000000;
		add_record(*words + again, ns);
	}
	files = there;
}
#define RECORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define FILES(...)   RECORDS(__VA_ARGS__)
#define NO_FILES     ((const char *const[]){ NULL })

static void a_file_is_followed_through_moves(void **state)
{
	(void)state;
	set(RECORDS("unlink /x - 1", "move /a /b 7", "move /b /c 7", "unlink /a - 8",
		    "unlink /c - 7"),
	    NULL);
	need("/b", "removed /c 1");
	need("/c", "removed /c 0");
	need("/a", "removed /a 0"); /* another file, the newest of this name */
	need("/none", "no: no-record /none 0");
	set(RECORDS("move /a /b 7", "move /b /a 7"), NULL);
	need("/a", "there /a 2");
}

static void directories_above_are_followed(void **state)
{
	(void)state;
	set(RECORDS("move /d/f /d/e/f 7", "move /d /w/d 2", "move /w /x 3", "move /x/d/e /e 4"),
	    NULL);
	need("/d/f", "there /e/f 4");
	need("/d/e/f", "there /e/f 3");
	need("/w/d/e/f", "there /e/f 2");
	need("/d/ee", "there /x/d/ee 2");
	need("/w/dd", "there /x/dd 1");
	set(RECORDS("move /d /e 2", "unlink /e/f - 7"), NULL);
	need("/d/f", "removed /e/f 1");
}

static void replacing_ends_one_file_and_moves_another(void **state)
{
	(void)state;
	set(RECORDS("rename /b /a 5 7", "rename /b /c 7 9"), NULL);
	need("/a", "replaced /b 1");
	need("/b", "replaced /b 0");
	need("/c", "there /b 1");
	set(RECORDS("rename /e /d 5 7", "unlink /e/f - 1"), NULL);
	need("/d/f", "removed /e/f 1"); /* an empty directory was replaced by one with a file */
	need("/e/f", "removed /e/f 0");
}

static void exchanged_files_go_to_each_others_place(void **state)
{
	static const char *const exchanges[][2] = {
		{ "exchange /a /b 7", NULL },
		{ "exchange /a /b 7", "=exchange /b /a 8" },
		{ "exchange /b /a 8", "=exchange /a /b 7" },
		{ "exchange /a /b 7", "~exchange /b /a 8" },
		{ "exchange /b /a 8", "~exchange /a /b 7" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		const char *const *x = exchanges[i];

		if (x[1])
			set(RECORDS(x[0], x[1], "unlink /b - 7", "move /a /c 8"), NULL);
		else
			set(RECORDS(x[0], "unlink /b - 7", "move /a /c 8"), NULL);
		need("/a", "there /c 1");
		need("/b", "removed /b 0");
	}
	set(RECORDS("exchange /a /b 7", "=exchange /b /a 8", "exchange /a /c 8",
		    "=exchange /c /a 9"),
	    NULL);
	need("/b", "there /c 2");
	need("/a", "there /c 1");
	need("/c", "there /a 1");
	set(RECORDS("exchange /d /e 2", "=exchange /e /d 3", "unlink /e/f - 7", "unlink /d/g - 8"),
	    NULL);
	need("/d/f", "removed /e/f 1");
	need("/e/g", "removed /d/g 1");
}

static void records_show_that_another_file_came(void **state)
{
	(void)state;
	set(RECORDS("move /a /b 7", "unlink /b - 8"), NULL);
	need("/a", "lost /b 1"); /* another inode */
	set(RECORDS("move /a /b -", "unlink /b - 8"), NULL);
	need("/a", "removed /b 1"); /* Detail=minimal: by the path alone */
	set(RECORDS("move /a /b 7 - 040755", "rmdir /b - 8 - 040755"), NULL);
	need("/a", "removed /b 1"); /* overlayfs may number directories anew */
	set(RECORDS("move /a /b 7", "move /c /b 8"), NULL);
	need("/a", "lost /b 1"); /* /b was free */
	set(RECORDS("move /a /d/b 7", "rmdir /d - 8"), NULL);
	need("/a", "lost /d/b 1"); /* /d was empty */
}

static void a_directory_takes_along_only_what_was_there(void **state)
{
	(void)state;
	set(RECORDS("unlink /d/f - 7", "move /d /e 2"), NULL);
	need("/d/f", "removed /d/f 0");
	set(RECORDS("unlink /d/f - 7", "move /x /d/f 9", "move /d /e 2", "move /y /d 3",
		    "move /d /z 3"),
	    NULL);
	need("/d/f", "there /e/f 1");
	set(RECORDS("rename /d/f /x 7 9", "move /d /e 2", "unlink /e/f - 9"), NULL);
	need("/d/f", "removed /e/f 1");
	/* A file was made again before the move. */
	set(RECORDS("unlink /d/f - 7", "move /d /e 2"), FILES("/e/f 8"));
	need("/d/f", "there /e/f 1");
	/* The newest directory of the name did not have the file. */
	set(RECORDS("move /d /e 2", "move /d /g 3"), FILES("/e/f 8"));
	need("/d/f", "there /e/f 1");
	need("/d/none", "no: lost /g/none 1");
}

static void files_that_can_be_looked_at_are(void **state)
{
	(void)state;
	set(RECORDS("move /a /b 7"), FILES("/b 7", "/a 8"));
	need("/a", "there /b 1");
	set(RECORDS("move /a /b 7"), FILES("/b 8"));
	need("/a", "lost /b 1");
	set(RECORDS("move /a /b 7"), NO_FILES);
	need("/a", "lost /b 1");
	need("/b", "lost /b 0");
	set(RECORDS("move /a /b 7", "move /d /e 2"), FILES("/b 7", "/d/f 9"));
	need("/b", "there /b 0");
	need("/d/f", "there /d/f 0");
	need("/none", "no: no-record /none 0");
}

static void a_file_is_found_by_its_path_in_the_upper_directory(void **state)
{
	(void)state;
	set(RECORDS("unlink /m/a - 7 - - /up/a"), NULL);
	need("/up/a", "removed /up/a 0");
	need("/m/a", "removed /m/a 0");
	set(RECORDS("move /m/a /m/b 7 - - /up/a", "unlink /m/b - 7 - - /up/b"), NULL);
	need("/up/a", "removed /m/b 1");
	set(RECORDS("rename /m/a /m/b 7 8 - /up/a"), NULL);
	need("/up/a", "replaced /up/a 0");
	need("/m/b", "there /m/a 1");
	assert_true(uw_record_is_from(&records[0], "/m/b"));
	assert_false(uw_record_is_from(&records[0], "/up/a"));
	set(RECORDS("rmdir /m/d - 7 - - /up/d"), NULL);
	assert_true(uw_record_is_from(&records[0], "/m/d"));
	assert_true(uw_record_is_from(&records[0], "/up/d"));
	assert_false(uw_record_is_from(&records[0], "/up/x"));
}

static int forget(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_records; i++)
		uw_journal_record_done(&records[i]);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_followed_through_moves),
		cmocka_unit_test(directories_above_are_followed),
		cmocka_unit_test(replacing_ends_one_file_and_moves_another),
		cmocka_unit_test(exchanged_files_go_to_each_others_place),
		cmocka_unit_test(records_show_that_another_file_came),
		cmocka_unit_test(a_directory_takes_along_only_what_was_there),
		cmocka_unit_test(files_that_can_be_looked_at_are),
		cmocka_unit_test(a_file_is_found_by_its_path_in_the_upper_directory),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
