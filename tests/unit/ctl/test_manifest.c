// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/manifest.c: which names a query wants, and the records made from names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/manifest.h"
#include "record/message_ids.h"

#define LEN(array)    (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal) ((struct uw_str){ literal, sizeof(literal) - 1 })

static struct uw_journal_record manifest, record;
static struct uw_buf fields, more;

static void add_field(struct uw_buf *buf, const char *name, const char *value)
{
	uw_names_add_field(buf, name, (struct uw_str){ value, strlen(value) });
}

static void make_manifest(const char *const *lines)
{
	uw_journal_record_reset(&manifest);
	for (; *lines; lines++)
		uw_journal_record_add(&manifest, *lines, strlen(*lines));
	assert_int_equal(uw_journal_record_finish(&manifest), 0);
	manifest.realtime_us = 77;
	manifest.number = UINT64_C(5) << UW_MANIFEST_NAMES_BITS;
}
#define MANIFEST(...) make_manifest((const char *const[]){ __VA_ARGS__, NULL })

static int set_up(void **state)
{
	(void)state;
	MANIFEST("MESSAGE_ID=" UW_ID_STORM, "UNLINK_NAMES=x", "_HOSTNAME=here", "UNLINK_COMM=many");
	uw_buf_reset(&fields);
	uw_buf_reset(&more);
	add_field(&fields, "UNLINK_COMM", "rm");
	add_field(&fields, "UNLINK_NLINK", "0");
	add_field(&fields, "UNLINK_RULE", "a");
	add_field(&fields, "UNLINK_RULE", "b");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	uw_journal_record_done(&manifest);
	uw_journal_record_done(&record);
	uw_buf_free(&fields);
	uw_buf_free(&more);
	return 0;
}

static struct uw_name deletion(void)
{
	return (struct uw_name){ .op = UW_OP_UNLINK,
				 .file_known = true,
				 .ino = 12,
				 .bytes = 0,
				 .time_us = 1700000000000001,
				 .dir = TEXT("/srv/d"),
				 .host_dir = TEXT(""),
				 .name = TEXT("f"),
				 .fields = uw_buf_str(&fields),
				 .more = uw_buf_str(&more) };
}

static void need_json(const struct uw_name *name, const char *expected)
{
	struct uw_buf json = { 0 };

	assert_int_equal(uw_manifest_expand(&manifest, name, 3, &record), 0);
	assert_int_equal(record.realtime_us, 77);
	assert_int_equal(record.number, 5 << UW_MANIFEST_NAMES_BITS | 3);
	uw_journal_record_json(&record, true, &json);
	uw_buf_add(&json, "", 1);
	assert_string_equal(json.p, expected);
	uw_buf_free(&json);
}

static void a_name_becomes_a_record(void **state)
{
	struct uw_name name = deletion();

	(void)state;
	need_json(&name, "{\"time\":\"2023-11-14T22:13:20.000001000Z\",\"op\":\"unlink\",\"ret\":0,"
			 "\"comm\":\"rm\",\"filename\":\"f\",\"path\":\"/srv/d/f\",\"inode\":12,"
			 "\"size\":0,\"nlink\":0,\"rule\":[\"a\",\"b\"],\"hostname\":\"here\"}\n");
	assert_true(uw_journal_record_is(&record, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_DELETED));
	name.failed = name.by_path = true;
	name.error = 13;
	name.file_known = false;
	name.host_dir = TEXT("/h");
	name.dir = TEXT("");
	need_json(&name,
		  "{\"time\":\"2023-11-14T22:13:20.000001000Z\",\"op\":\"unlink\",\"ret\":-13,"
		  "\"errno\":\"EACCES\",\"comm\":\"rm\",\"filename\":\"/f\",\"path\":\"/f\","
		  "\"host_path\":\"/h/f\",\"nlink\":0,\"rule\":[\"a\",\"b\"],"
		  "\"hostname\":\"here\"}\n");
	assert_true(uw_journal_record_is(&record, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_FAILED));
}

static void further_fields_win(void **state)
{
	struct uw_name name;

	(void)state;
	add_field(&more, "UNLINK_NLINK", "");
	add_field(&more, "UNLINK_RULE", "c=");
	add_field(&more, "UNLINK_FILENAME", "../f");
	add_field(&more, "UNLINK_MOVED_TO", "/srv/e");
	add_field(&more, "UNLINK_INODE", "");
	name = deletion();
	name.op = UW_OP_MOVE;
	need_json(&name, "{\"time\":\"2023-11-14T22:13:20.000001000Z\",\"op\":\"move\",\"ret\":0,"
			 "\"comm\":\"rm\",\"filename\":\"../f\",\"path\":\"/srv/d/f\","
			 "\"moved_to\":\"/srv/e\",\"size\":0,\"rule\":[\"c=\"],"
			 "\"hostname\":\"here\"}\n");
	assert_true(uw_journal_record_is(&record, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_MOVED));
}

static void what_has_no_name_has_no_path(void **state)
{
	struct uw_name name;

	(void)state;
	add_field(&more, "UNLINK_FILENAME", "f");
	name = deletion();
	name.name = TEXT("");
	name.failed = name.by_path = true;
	name.host_dir = TEXT("/h");
	name.file_known = false;
	need_json(&name, "{\"time\":\"2023-11-14T22:13:20.000001000Z\",\"op\":\"unlink\","
			 "\"ret\":null,\"comm\":\"rm\",\"filename\":\"f\",\"nlink\":0,"
			 "\"rule\":[\"a\",\"b\"],\"hostname\":\"here\"}\n");
	assert_true(uw_journal_record_is(&record, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_UNKNOWN));
}

static void a_query_finds_each_path_of_a_name(void **state)
{
	static const struct {
		const char *asked;
		bool found;
	} rows[] = {
		{ "/srv/d/f", true }, { "/srv/d/", true },   { "/h/f", true },
		{ "/h/*", true },     { "f", true },	     { "/srv/e", true },
		{ "/up/f", true },    { "/srv/d/g", false }, { "/srv/d/ff", false },
		{ "/rv/d/f", false }, { "d", true },	     { "/h/d/f", false },
		{ "/srv/?", true },   { "/up", false },	     { "/x", false },
	};
	static const struct uw_query_env env = { .cwd = "/" };
	struct uw_name name;

	(void)state;
	add_field(&fields, "UNLINK_UPPER_PATH", "/up/f");
	add_field(&more, "UNLINK_MOVED_TO", "/srv/e");
	name = deletion();
	name.host_dir = TEXT("/h");
	assert_int_equal(uw_manifest_expand(&manifest, &name, 0, &record), 0);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct uw_query query = { 0 };
		struct uw_name_match match = { .query = &query };
		const char *problem;

		assert_int_equal(uw_query_add(&query, rows[i].asked, &env, &problem), 0);
		assert_int_equal(uw_query_seal(&query), 0);
		if (uw_name_matches(&match, &name) != rows[i].found ||
		    uw_record_matches(&query, &record) != rows[i].found)
			fail_msg("%s", rows[i].asked);
		uw_buf_free(&match.path);
		uw_query_done(&query);
	}
	assert_true(uw_name_is_at(&name, "/srv/d/f") && uw_name_is_at(&name, "/h/f"));
	assert_false(uw_name_is_at(&name, "/srv/d") || uw_name_is_at(&name, "/srv/e"));
}

static void the_rest_is_a_summary(void **state)
{
	uint64_t failed;

	(void)state;
	MANIFEST("MESSAGE_ID=" UW_ID_STORM, "MESSAGE=rm removed 100", "UNLINK_NAMES=x",
		 "UNLINK_FLOOD_COUNT=100", "UNLINK_FLOOD_FAILED=8", "UNLINK_FLOOD_DIR=/srv",
		 "UNLINK_RULE=a", "UNLINK_RULE=b");
	assert_true(uw_is_manifest(&manifest));
	assert_int_equal(uw_manifest_rest(&manifest, 100, 8, &record), 0);
	assert_int_equal(uw_manifest_rest(&manifest, 101, 8, &record), 0);
	assert_int_equal(uw_manifest_rest(&manifest, 70, 5, &record), 1);
	assert_int_equal(uw_journal_record_count(&record, &failed), 30);
	assert_int_equal(failed, 3);
	assert_true(uw_is_summary(&record) && !uw_is_manifest(&record));
	assert_true(uw_journal_record_is(&record, UW_JOURNAL_RECORD_MESSAGE,
					 "30 of these have no name: rm removed 100"));
	assert_true(uw_journal_record_is(&record, UW_JOURNAL_RECORD_FLOOD_DIR, "/srv"));
	assert_int_equal(record.n_rules, 2);
	assert_int_equal(uw_manifest_rest(&manifest, 0, 9, &record), 1);
	assert_int_equal(uw_journal_record_count(&record, &failed), 100);
	assert_int_equal(failed, 0);
	assert_true(uw_journal_record_is(&record, UW_JOURNAL_RECORD_MESSAGE, "rm removed 100"));
}

/* Whatever the bytes are: the sanitizers see what is read. */
static void damaged_bytes_make_records_too(void **state)
{
	struct uw_names_writer *writer = uw_names_writer_new();
	struct uw_names_reader *reader = uw_names_reader_new();
	char *path = strdup("/srv/d/f");
	struct uw_query query = { .exact = &path, .n_exact = 1 };
	struct uw_name_match match = { .query = &query };
	struct uw_buf value = { 0 };
	struct uw_name name;

	(void)state;
	srand(1);
	add_field(&more, "UNLINK_MOVED_TO", "/srv/e");
	for (size_t i = 0; i < 20; i++) {
		name = deletion();
		name.more.len = i % 3 ? name.more.len : 0;
		name.ino = i;
		assert_true(uw_names_write(writer, &name, SIZE_MAX, &value));
	}
	for (size_t n = 0; n < 5000; n++) {
		char *copy = malloc(value.len);

		memcpy(copy, value.p, value.len);
		for (size_t i = 0; i < 3; i++)
			copy[(size_t)rand() % value.len] = (char)rand();
		uw_names_reader_begin(reader, (struct uw_str){ copy, value.len });
		match.fields = NULL;
		while (uw_names_read(reader, &name) > 0) {
			uw_name_matches(&match, &name);
			assert_int_equal(uw_manifest_expand(&manifest, &name, 0, &record), 0);
		}
		free(copy);
	}
	free(path);
	uw_buf_free(&value);
	uw_buf_free(&match.path);
	uw_names_reader_free(reader);
	uw_names_writer_free(writer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_becomes_a_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(further_fields_win, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_has_no_name_has_no_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_query_finds_each_path_of_a_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_rest_is_a_summary, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged_bytes_make_records_too, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
