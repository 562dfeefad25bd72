// SPDX-License-Identifier: MIT
/* Tests of daemon/record/names.c: the format byte by byte, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/names.h"
#include "unlinkwatch.h"

#define LEN(array)    (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal) ((struct uw_str){ literal, sizeof(literal) - 1 })

static struct uw_names_writer *writer;
static struct uw_names_reader *reader;
static struct uw_buf buf;

static int set_up(void **state)
{
	(void)state;
	writer = uw_names_writer_new();
	reader = uw_names_reader_new();
	uw_buf_reset(&buf);
	return writer && reader ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	uw_names_writer_free(writer);
	uw_names_reader_free(reader);
	uw_buf_free(&buf);
	return 0;
}

/* A deletion by rm, of a file below /srv. */
static struct uw_name deletion(const char *name)
{
	return (struct uw_name){
		.op = UW_OP_UNLINK,
		.file_known = true,
		.ino = 100,
		.bytes = 300,
		.time_us = 1000,
		.dir = TEXT("/srv"),
		.host_dir = TEXT(""),
		.name = { name, strlen(name) },
		.fields = TEXT("\4A=rm\3B=1"),
		.more = TEXT(""),
	};
}

static void write_name(const struct uw_name *name)
{
	assert_true(uw_names_write(writer, name, SIZE_MAX, &buf));
}

static void assert_bytes(struct uw_str expected)
{
	assert_int_equal(buf.len, expected.len);
	assert_memory_equal(buf.p, expected.s, expected.len);
	uw_buf_reset(&buf);
}

static void assert_same(const struct uw_name *a, const struct uw_name *b)
{
	assert_int_equal(a->op, b->op);
	assert_int_equal(a->failed, b->failed);
	assert_int_equal(a->error, b->error);
	assert_int_equal(a->file_known, b->file_known);
	assert_int_equal(a->ino, b->ino);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->time_us, b->time_us);
	assert_int_equal(a->by_path, b->by_path);
	assert_true(uw_str_equal(a->dir, b->dir) && uw_str_equal(a->host_dir, b->host_dir));
	assert_true(uw_str_equal(a->name, b->name));
	assert_true(uw_str_equal(a->fields, b->fields) && uw_str_equal(a->more, b->more));
}

/* ---- the format */

static void test_bytes(void **state)
{
	struct uw_name name = deletion("a");

	(void)state;
	write_name(&name);
	assert_bytes(TEXT("F\2\4A=rm\3B=1D\0\4/srv\x91\xc8\1\xac\2\xd0\17\1a"));
	/* Everything relative to what was before, also backwards. */
	name.name = TEXT("bc");
	name.ino = 99;
	name.time_us = 1002;
	write_name(&name);
	assert_bytes(TEXT("\x91\1\xac\2\4\2bc"));
	/* Neither an inode nor a result. */
	name.file_known = false;
	name.failed = true;
	name.op = UW_OP_RMDIR;
	write_name(&name);
	assert_bytes(TEXT("\x8a\0\0\2bc"));
	name.error = ENOENT;
	name.by_path = true;
	name.time_us = 1001;
	name.more = TEXT("\3C=2");
	write_name(&name);
	assert_bytes(TEXT("\xea\2\1\2bc\1\3C=2"));
}

static void test_directories(void **state)
{
	struct uw_name name = deletion("a");

	(void)state;
	write_name(&name);
	uw_buf_reset(&buf);
	name.dir = TEXT("/srv/tree");
	name.host_dir = TEXT("/mnt");
	write_name(&name);
	assert_bytes(TEXT("D\4\5/treeH\0\4/mnt\x91\0\xac\2\0\1a"));
	name.dir = TEXT("/srv/to");
	write_name(&name);
	assert_bytes(TEXT("D\6\1o\x91\0\xac\2\0\1a"));
	name.dir = TEXT("");
	name.host_dir = TEXT("");
	write_name(&name);
	assert_bytes(TEXT("D\0\0H\0\0\x91\0\xac\2\0\1a"));
}

/* Directory, inode and time of each set go on where they were. */
static void test_sets(void **state)
{
	struct uw_name one = deletion("a"), other = deletion("b");

	(void)state;
	other.fields = TEXT("\4A=mv");
	other.dir = TEXT("/tmp");
	other.ino = 5;
	write_name(&one);
	uw_buf_reset(&buf);
	write_name(&other);
	assert_bytes(TEXT("F\1\4A=mvD\0\4/tmp\x91\12\xac\2\xd0\17\1b"));
	write_name(&one);
	assert_bytes(TEXT("S\0\x91\0\xac\2\0\1a"));
	write_name(&other);
	assert_bytes(TEXT("S\1\x91\0\xac\2\0\1b"));
}

static void test_reset(void **state)
{
	struct uw_name name = deletion("a");

	(void)state;
	write_name(&name);
	uw_names_writer_reset(writer);
	uw_buf_reset(&buf);
	write_name(&name);
	assert_bytes(TEXT("F\2\4A=rm\3B=1D\0\4/srv\x91\xc8\1\xac\2\xd0\17\1a"));
}

static void test_add_field(void **state)
{
	struct uw_str fields, field;

	(void)state;
	uw_names_add_field(&buf, "UNLINK_COMM", TEXT("r=m\n"));
	uw_names_add_field(&buf, "E", TEXT(""));
	fields = (struct uw_str){ buf.p, buf.len };
	assert_true(uw_names_field(&fields, &field));
	assert_true(uw_str_equal(field, TEXT("UNLINK_COMM=r=m\n")));
	assert_true(uw_names_field(&fields, &field));
	assert_true(uw_str_equal(field, TEXT("E=")));
	assert_false(uw_names_field(&fields, &field));
}

/* ---- there and back */

static void test_round_trip(void **state)
{
	static char every[255];
	struct uw_name names[8], got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(every); i++)
		every[i] = (char)(i + 1);
	for (i = 0; i < LEN(names); i++)
		names[i] = deletion("a");
	names[1].name = (struct uw_str){ every, sizeof(every) };
	names[2].ino = names[2].bytes = names[2].time_us = UINT64_MAX;
	names[3].ino = names[3].bytes = names[3].time_us = 0;
	names[4].ino = UINT64_C(1) << 63;
	names[4].op = UW_OP_EXCHANGE;
	names[5].fields = TEXT("");
	names[5].dir = (struct uw_str){ every, sizeof(every) };
	names[6].failed = true;
	names[6].error = 4095;
	names[6].name = TEXT("");
	names[7].more = TEXT("\2X=\0");
	for (i = 0; i < LEN(names); i++)
		write_name(&names[i]);
	uw_names_reader_begin(reader, (struct uw_str){ buf.p, buf.len });
	for (i = 0; i < LEN(names); i++) {
		assert_int_equal(uw_names_read(reader, &got), 1);
		assert_same(&got, &names[i]);
	}
	assert_int_equal(uw_names_read(reader, &got), 0);
	assert_int_equal(uw_names_read(reader, &got), 0);
}

/* ---- limits */

static void test_room(void **state)
{
	struct uw_name name = deletion("a");
	size_t len;

	(void)state;
	write_name(&name);
	len = buf.len;
	uw_names_writer_reset(writer);
	uw_buf_reset(&buf);
	uw_buf_puts(&buf, "before");
	assert_false(uw_names_write(writer, &name, len - 1, &buf));
	assert_bytes(TEXT("before"));
	uw_names_writer_reset(writer);
	assert_true(uw_names_write(writer, &name, len, &buf));
}

static void test_many_sets(void **state)
{
	struct uw_name name = deletion("a"), got;
	char fields[] = "\3A=0";
	size_t i;

	(void)state;
	name.fields = (struct uw_str){ fields, 4 };
	for (i = 0; i < UW_NAMES_SETS; i++) {
		fields[3] = (char)('0' + i);
		write_name(&name);
	}
	uw_names_reader_begin(reader, (struct uw_str){ buf.p, buf.len });
	for (i = 0; i < UW_NAMES_SETS; i++)
		assert_int_equal(uw_names_read(reader, &got), 1);
	assert_int_equal(uw_names_read(reader, &got), 0);
	fields[3]++;
	assert_false(uw_names_write(writer, &name, SIZE_MAX, &buf));
	uw_buf_puts(&buf, "F");
	uw_buf_add(&buf, "\0", 1);
	uw_names_reader_begin(reader, (struct uw_str){ buf.p, buf.len });
	for (i = 0; i < UW_NAMES_SETS; i++)
		assert_int_equal(uw_names_read(reader, &got), 1);
	assert_int_equal(uw_names_read(reader, &got), -EBADMSG);
}

/* ---- what is refused */

#define SET "F\0"

static const struct {
	const char *title;
	struct uw_str value;
} refused[] = {
	{ "a name before any fields", TEXT("\x81\0\1a") },
	{ "a directory before any fields", TEXT("D\0\0") },
	{ "a type that there is not", TEXT(SET "X") },
	{ "a set that there is not", TEXT(SET "S\1") },
	{ "no operation", TEXT(SET "\x80\0\1a") },
	{ "an operation that there is not", TEXT(SET "\x86\0\1a") },
	{ "an error that there is not", TEXT(SET "\x89\x80\x20\0\1a") },
	{ "a directory that begins with more than there is", TEXT(SET "D\1\0") },
	{ "a number that does not end", TEXT(SET "\x81\x80") },
	{ "a number of more than 64 bits",
	  TEXT(SET "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\1a") },
	{ "a number of eleven bytes",
	  TEXT(SET "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\1a") },
	{ "a name that is longer than the value", TEXT(SET "\x81\0\2a") },
	{ "fewer fields than it says", TEXT("F\2\1A") },
	{ "no further fields", TEXT(SET "\xc1\0\1a") },
	{ "no inode", TEXT(SET "\x91") },
	{ "no size", TEXT(SET "\x91\0") },
	{ "no time", TEXT(SET "\x81") },
};

static void test_refused(void **state)
{
	struct uw_name got;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(refused); i++) {
		uw_names_reader_begin(reader, refused[i].value);
		if (uw_names_read(reader, &got) != -EBADMSG)
			fail_msg("%s: not refused", refused[i].title);
	}
}

/* A directory that would take memory without end. */
static void test_long_directory(void **state)
{
	struct uw_name got;
	size_t i, at = 0;

	(void)state;
	uw_buf_add(&buf, SET, 2);
	for (i = 0; i < 10; i++) {
		char number[] = { (char)((at & 0x7f) | 0x80), (char)((at >> 7 & 0x7f) | 0x80),
				  (char)(at >> 14) };
		static char part[4096];

		uw_buf_puts(&buf, "D");
		uw_buf_add(&buf, number, sizeof(number));
		uw_buf_add(&buf, "\x80\x20", 2);
		uw_buf_add(&buf, part, sizeof(part));
		at += sizeof(part);
	}
	uw_names_reader_begin(reader, (struct uw_str){ buf.p, buf.len });
	assert_int_equal(uw_names_read(reader, &got), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directories, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_add_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_directory, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
