// SPDX-License-Identifier: MIT
/* Tests of daemon/base/journal_fields.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/journal_fields.h"

static void check(struct uw_buf *buf, const char *want, size_t len)
{
	assert_false(buf->failed);
	assert_int_equal(buf->len, len);
	assert_memory_equal(buf->p, want, len);
	uw_buf_free(buf);
}

#define CHECK(buf, literal) check(buf, literal, sizeof(literal) - 1)

static void test_text(void **state)
{
	struct uw_buf buf = { 0 };

	(void)state;
	uw_journal_field_text(&buf, "A", "x");
	uw_journal_field_text(&buf, "B_2", "");
	uw_journal_field_text(&buf, "C", "a=b \xff\t");
	CHECK(&buf, "A=x\nB_2=\nC=a=b \xff\t\n");
}

static void test_newline(void **state)
{
	struct uw_buf buf = { 0 };

	(void)state;
	uw_journal_field(&buf, "A", (struct uw_str){ "\nPRIORITY=0\n", 12 });
	CHECK(&buf, "A\n\x0c\0\0\0\0\0\0\0\nPRIORITY=0\n\n");
}

static void test_length(void **state)
{
	static char value[0x1234];
	static const char head[] = "NAME\n\x34\x12\0\0\0\0\0\0";
	struct uw_buf buf = { 0 };
	size_t n = sizeof(head) - 1;

	(void)state;
	memset(value, '\n', sizeof(value));
	uw_journal_field(&buf, "NAME", (struct uw_str){ value, sizeof(value) });
	assert_int_equal(buf.len, n + sizeof(value) + 1);
	assert_memory_equal(buf.p, head, n);
	assert_memory_equal(buf.p + n, value, sizeof(value));
	assert_int_equal(buf.p[buf.len - 1], '\n');
	uw_buf_free(&buf);
}

static void test_numbers(void **state)
{
	struct uw_buf buf = { 0 };

	(void)state;
	uw_journal_field_uint(&buf, "U", 0);
	uw_journal_field_uint(&buf, "U", 10);
	uw_journal_field_uint(&buf, "U", UINT64_MAX);
	uw_journal_field_int(&buf, "I", 0);
	uw_journal_field_int(&buf, "I", -1);
	uw_journal_field_int(&buf, "I", INT64_MAX);
	uw_journal_field_int(&buf, "I", INT64_MIN);
	CHECK(&buf, "U=0\nU=10\nU=18446744073709551615\n"
		    "I=0\nI=-1\nI=9223372036854775807\nI=-9223372036854775808\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "writes text as NAME=value", test_text, NULL, NULL, NULL },
		{ "writes text with a newline with its length", test_newline, NULL, NULL, NULL },
		{ "writes the length in little endian", test_length, NULL, NULL, NULL },
		{ "writes numbers, the largest and the smallest too", test_numbers, NULL, NULL,
		  NULL },
	};

	return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
