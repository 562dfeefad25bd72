// SPDX-License-Identifier: MIT
/* Tests of daemon/record/format.c: summaries of storms, whole outputs byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/journal_fields_helper.h"
#include "record/format.h"
#include "record/message_ids.h"

#define OFFSET UINT64_C(1700000000000000000) /* 2023-11-14T22:13:20Z */

static const char *const rules[] = { "one", "two" };

static void set(struct uw_storm_text *text, const char *s)
{
	text->len = strlen(s);
	memcpy(text->s, s, text->len);
}

/* A summary with a value for every field. */
static struct uw_entry full(struct uw_summary *s)
{
	*s = (struct uw_summary){
		.succeeded = 48999,
		.failed = 3,
		.unknown = 2,
		.begin_ns = 1000000000,
		.end_ns = UINT64_C(5900000000),
		.rules = 3,
		.uid = 1000,
		.fsuid = 1000,
		.ppid = 17,
		.ppid_known = true,
		.pids = { 100, 101 },
		.n_pids = 2,
		.dir_known = true,
	};
	set(&s->comm, "rm");
	set(&s->exe, "/usr/bin/rm");
	set(&s->cgroup, "/system.slice/cron.service");
	set(&s->first, "/srv/a/1");
	set(&s->last, "/srv/b\n");
	set(&s->dir, "/srv");
	return (struct uw_entry){
		.summary = s,
		.time_ns = OFFSET + s->end_ns,
		.priority = 5,
		.rules = rules,
		.n_rules = 2,
		.user = "alice",
	};
}

static void check(const struct uw_buf *buf, const char *want)
{
	assert_false(buf->failed);
	if (buf->len != strlen(want) || memcmp(buf->p, want, buf->len) != 0)
		fail_msg("got:  %.*s\nwant: %s", (int)buf->len, buf->p, want);
}

/* Compares the fields as journald reads them, each with a newline. */
static void check_journal(const struct uw_entry *e, const char *want)
{
	struct uw_buf raw = { 0 }, joined = { 0 }, lines = { 0 };
	struct iovec iov[FIELDS_MAX];
	size_t n, i;

	uw_format_journal(e, &raw);
	n = native_fields(raw.p, raw.len, &joined, iov);
	for (i = 0; i < n; i++) {
		uw_buf_add(&lines, iov[i].iov_base, iov[i].iov_len);
		uw_buf_puts(&lines, "\n");
	}
	check(&lines, want);
	uw_buf_free(&raw);
	uw_buf_free(&joined);
	uw_buf_free(&lines);
}

static void test_journal(void **state)
{
	static struct uw_summary s;
	struct uw_entry e = full(&s);

	(void)state;
	assert_int_equal(uw_summary_count(&s), 49004);
	check_journal(&e, "MESSAGE=rm (alice) removed 48999 more names below /srv within 4.9 s; "
			  "could not remove 3; results not known: 2\n"
			  "MESSAGE_ID=" UW_ID_STORM "\nPRIORITY=5\n"
			  "UNLINK_FLOOD_COUNT=49004\nUNLINK_FLOOD_SUCCEEDED=48999\n"
			  "UNLINK_FLOOD_FAILED=3\nUNLINK_FLOOD_UNKNOWN=2\n"
			  "UNLINK_FLOOD_BEGIN=1700000001000000000\n"
			  "UNLINK_FLOOD_END=1700000005900000000\n"
			  "UNLINK_FLOOD_DIR=/srv\nUNLINK_FLOOD_FIRST=/srv/a/1\n"
			  "UNLINK_FLOOD_LAST=/srv/b\n\n"
			  "UNLINK_FLOOD_PID=100\nUNLINK_FLOOD_PID=101\nUNLINK_PPID=17\n"
			  "UNLINK_COMM=rm\nUNLINK_EXE=/usr/bin/rm\nUNLINK_UID=1000\n"
			  "UNLINK_USER=alice\nUNLINK_UNIT=cron.service\n"
			  "UNLINK_RULE=one\nUNLINK_RULE=two\n");
}

static void test_attempts(void **state)
{
	static struct uw_summary s;
	struct uw_entry e = full(&s);
	struct uw_buf buf = { 0 };

	(void)state;
	s.succeeded = s.unknown = 0;
	uw_format_message(&e, &buf);
	check(&buf, "rm (alice) could not remove 3 more names below /srv within 4.9 s");
	uw_buf_reset(&buf);
	s.mixed = true;
	s.moves = true;
	s.failed = 1;
	uw_format_message(&e, &buf);
	check(&buf, "several programs (alice) could not remove or move 1 more name below /srv "
		    "within 4.9 s");
	uw_buf_free(&buf);
}

static void test_little(void **state)
{
	static struct uw_summary s;
	struct uw_entry e = { .summary = &s, .priority = 6 };

	(void)state;
	s = (struct uw_summary){
		.succeeded = 1, .uid = 0, .pids = { 7 }, .n_pids = 1, .dir_known = true
	};
	check_journal(&e, "MESSAGE=\"\" (uid 0) removed 1 more name below / within 0.0 s\n"
			  "MESSAGE_ID=" UW_ID_STORM "\nPRIORITY=6\n"
			  "UNLINK_FLOOD_COUNT=1\nUNLINK_FLOOD_SUCCEEDED=1\n"
			  "UNLINK_FLOOD_FAILED=0\nUNLINK_FLOOD_UNKNOWN=0\n"
			  "UNLINK_FLOOD_BEGIN=0\nUNLINK_FLOOD_END=0\nUNLINK_FLOOD_DIR=/\n"
			  "UNLINK_FLOOD_PID=7\nUNLINK_UID=0\n");
}

static void test_names(void **state)
{
	static struct uw_summary s;
	struct uw_entry e = { .summary = &s, .priority = 6 };
	struct uw_buf buf = { 0 };

	(void)state;
	s = (struct uw_summary){ .succeeded = 1, .unnamed = 3, .dir_known = true };
	memcpy(s.names, "a\0b", 3);
	s.names_len = 3;
	uw_format_journal(&e, &buf);
	assert_non_null(memmem(buf.p, buf.len, "\nUNLINK_FLOOD_UNNAMED=3\n", 24));
	assert_non_null(memmem(buf.p, buf.len, "\nUNLINK_NAMES=a\0b\n", 18));
	uw_buf_free(&buf);
}

static void test_hostile(void **state)
{
	static struct uw_summary s;
	struct uw_entry e = full(&s);
	struct uw_buf buf = { 0 };

	(void)state;
	set(&s.comm, "x\nMESSAGE_ID=1");
	set(&s.dir, "/a\x1b[2J");
	uw_format_message(&e, &buf);
	check(&buf, "\"x\\nMESSAGE_ID=1\" (alice) removed 48999 more names below \"/a\\x1b[2J\" "
		    "within 4.9 s; could not remove 3; results not known: 2");
	uw_buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "writes journal fields", test_journal, NULL, NULL, NULL },
		{ "says it in a sentence if all are failed attempts", test_attempts, NULL, NULL,
		  NULL },
		{ "omits fields without a value", test_little, NULL, NULL, NULL },
		{ "writes a sentence whatever bytes the names hold", test_hostile, NULL, NULL,
		  NULL },
		{ "has the names", test_names, NULL, NULL, NULL },
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
