// SPDX-License-Identifier: MIT
/* Tests of daemon/format.c: whole outputs, byte by byte, and what journald demands of fields. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "format.h"
#include "ids.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define TIME_NS UINT64_C(1700000000123456789) /* 2023-11-14T22:13:20Z */

/* An allocation of more fails: see the test of -ENOMEM. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=2";
}

static const char *const one_rule[] = { "payroll" };
static const char *const two_rules[] = { "rule1", "all of /srv" };

/* What most rows have in common. */
#define PROBED	 .probe = UW_PROBE_KPROBE, .enter_ns = 1000, .exit_ns = 2500, .dfd = AT_FDCWD
#define BY_ALICE .pid = 4242, .tid = 4243, .uid = 1000, .gid = 100
#define BY	 PROBED, BY_ALICE, .name_known = true

static const struct row {
	const char *title;
	struct uw_record record;
	struct uw_entry entry;
	struct uw_str journal; /* the fields in their order, a newline behind each */
	const char *json, *text;
} rows[] = {
	{
		.title = "a deletion that succeeded",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .ppid_known = true,
			    .ppid = 17, .dir_known = true, .comm = TEXT("rm"), .name = TEXT("x"),
			    .dir = TEXT("/srv/data"), .path_state = UW_PATH_LEXICAL,
			    .path = TEXT("/srv/data/x") },
		.entry = { .priority = 6, .rules = one_rule, .n_rules = 1, .user = "alice" },
		.journal = TEXT("MESSAGE=rm[4242] (alice) removed /srv/data/x\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_PPID=17\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/srv/data/x\n"
				"UNLINK_PATH_STATE=lexical\n"
				"UNLINK_DURATION_NS=1500\n"
				"UNLINK_RULE=payroll\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"ret\":0,"
			"\"pid\":4242,\"tid\":4243,\"ppid\":17,\"comm\":\"rm\",\"uid\":1000,"
			"\"gid\":100,\"user\":\"alice\",\"filename\":\"x\","
			"\"path\":\"/srv/data/x\",\"path_state\":\"lexical\",\"duration_ns\":1500,"
			"\"rule\":[\"payroll\"],\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (alice) removed /srv/data/x "
			"pid=4242 comm=rm filename=x ret=0\n",
	},
	{
		.title = "a deletion that failed, by a user without a name",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .ret = -EACCES,
			    .comm = TEXT("rm"), .name = TEXT("/etc/hosts"),
			    .path_state = UW_PATH_LEXICAL, .path = TEXT("/etc/hosts") },
		.entry = { .priority = 4, .rules = one_rule, .n_rules = 1 },
		.journal = TEXT("MESSAGE=rm[4242] (uid 1000) could not remove /etc/hosts: "
				"Permission denied (EACCES)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=4\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_RET=-13\n"
				"UNLINK_ERRNO=EACCES\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_FILENAME=/etc/hosts\n"
				"UNLINK_PATH=/etc/hosts\n"
				"UNLINK_PATH_STATE=lexical\n"
				"UNLINK_DURATION_NS=1500\n"
				"UNLINK_RULE=payroll\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\","
			"\"ret\":-13,\"errno\":\"EACCES\",\"pid\":4242,\"tid\":4243,"
			"\"comm\":\"rm\",\"uid\":1000,\"gid\":100,\"filename\":\"/etc/hosts\","
			"\"path\":\"/etc/hosts\",\"path_state\":\"lexical\",\"duration_ns\":1500,"
			"\"rule\":[\"payroll\"],\"priority\":4}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (uid 1000) could not remove "
			"/etc/hosts: Permission denied (EACCES) pid=4242 comm=rm "
			"filename=/etc/hosts ret=-13\n",
	},
	{
		.title = "a deletion whose return was missed",
		.record = { BY, .op = UW_OP_UNLINK, .comm = TEXT("rm"), .name = TEXT("x"),
			    .path_state = UW_PATH_GUESSED, .path = TEXT("/home/a/x") },
		.entry = { .priority = 5, .rules = one_rule, .n_rules = 1, .user = "alice" },
		.journal = TEXT("MESSAGE=rm[4242] (alice) tried to remove /home/a/x: "
				"the result is not known\n"
				"MESSAGE_ID=" UW_ID_UNKNOWN "\n"
				"PRIORITY=5\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_RET=unknown\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/home/a/x\n"
				"UNLINK_PATH_STATE=guessed\n"
				"UNLINK_RULE=payroll\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\","
			"\"ret\":null,\"pid\":4242,\"tid\":4243,\"comm\":\"rm\",\"uid\":1000,"
			"\"gid\":100,\"user\":\"alice\",\"filename\":\"x\",\"path\":\"/home/a/x\","
			"\"path_state\":\"guessed\",\"rule\":[\"payroll\"],\"priority\":5}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (alice) tried to remove "
			"/home/a/x: the result is not known pid=4242 comm=rm filename=x "
			"ret=unknown\n",
	},
	{
		.title = "a directory, wanted by two rules",
		.record = { BY, .op = UW_OP_RMDIR, .ret_known = true, .ret = -ENOTEMPTY,
			    .comm = TEXT("rmdir"), .name = TEXT("d/"),
			    .path_state = UW_PATH_TRUNCATED, .path = TEXT("/tail/d") },
		.entry = { .priority = 0, .rules = two_rules, .n_rules = 2, .user = "root" },
		.journal = TEXT("MESSAGE=rmdir[4242] (root) could not remove directory /tail/d: "
				"Directory not empty (ENOTEMPTY)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=0\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rmdir\n"
				"UNLINK_RET=-39\n"
				"UNLINK_ERRNO=ENOTEMPTY\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rmdir\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=root\n"
				"UNLINK_FILENAME=d/\n"
				"UNLINK_PATH=/tail/d\n"
				"UNLINK_PATH_STATE=truncated\n"
				"UNLINK_DURATION_NS=1500\n"
				"UNLINK_RULE=rule1\n"
				"UNLINK_RULE=all of /srv\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rmdir\","
			"\"ret\":-39,\"errno\":\"ENOTEMPTY\",\"pid\":4242,\"tid\":4243,"
			"\"comm\":\"rmdir\",\"uid\":1000,\"gid\":100,\"user\":\"root\","
			"\"filename\":\"d/\",\"path\":\"/tail/d\",\"path_state\":\"truncated\","
			"\"duration_ns\":1500,\"rule\":[\"rule1\",\"all of /srv\"],"
			"\"priority\":0}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rmdir[4242] (root) could not remove "
			"directory /tail/d: Directory not empty (ENOTEMPTY) pid=4242 comm=rmdir "
			"filename=d/ ret=-39\n",
	},
	{
		.title = "a name in a directory that is not known, wanted by no rule",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("a b"),
			    .name = TEXT("x=y"), .path_state = UW_PATH_UNKNOWN },
		.entry = { .priority = 6, .user = "alice" },
		.journal = TEXT("MESSAGE=\"a b\"[4242] (alice) removed x=y "
				"(in a directory that is not known)\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=a b\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=x=y\n"
				"UNLINK_PATH_STATE=unknown\n"
				"UNLINK_DURATION_NS=1500\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"ret\":0,"
			"\"pid\":4242,\"tid\":4243,\"comm\":\"a b\",\"uid\":1000,\"gid\":100,"
			"\"user\":\"alice\",\"filename\":\"x=y\",\"path_state\":\"unknown\","
			"\"duration_ns\":1500,\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 \"a b\"[4242] (alice) removed x=y "
			"(in a directory that is not known) pid=4242 comm=\"a b\" "
			"filename=\"x=y\" ret=0\n",
	},
	{
		.title = "a name that could not be read, by a process without one",
		.record = { PROBED, BY_ALICE, .op = UW_OP_UNLINK, .ret_known = true, .ret = -EFAULT,
			    .comm = TEXT(""), .name = TEXT(""), .path_state = UW_PATH_UNKNOWN },
		.entry = { .priority = 6, .rules = one_rule, .n_rules = 1, .user = "alice" },
		.journal = TEXT("MESSAGE=\"\"[4242] (alice) could not remove a file whose name "
				"could not be read: Bad address (EFAULT)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_RET=-14\n"
				"UNLINK_ERRNO=EFAULT\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=\n"
				"UNLINK_PATH_STATE=unknown\n"
				"UNLINK_DURATION_NS=1500\n"
				"UNLINK_RULE=payroll\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\","
			"\"ret\":-14,\"errno\":\"EFAULT\",\"pid\":4242,\"tid\":4243,\"comm\":\"\","
			"\"uid\":1000,\"gid\":100,\"user\":\"alice\",\"filename\":\"\","
			"\"path_state\":\"unknown\",\"duration_ns\":1500,\"rule\":[\"payroll\"],"
			"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 \"\"[4242] (alice) could not remove a "
			"file whose name could not be read: Bad address (EFAULT) pid=4242 "
			"comm=\"\" filename=\"\" ret=-14\n",
	},
	{
		.title = "a comm and a name that pretend to be another record",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("rm[1](root)"),
			    .name = TEXT("x\nMESSAGE=\x1b[2J\xff ret=0"),
			    .path_state = UW_PATH_LEXICAL,
			    .path = TEXT("/t/x\nMESSAGE=\x1b[2J\xff ret=0") },
		.entry = { .priority = 6, .rules = one_rule, .n_rules = 1, .user = "a(b)" },
		.journal = TEXT("MESSAGE=\"rm[1](root)\"[4242] (\"a(b)\") removed "
				"\"/t/x\\nMESSAGE=\\x1b[2J\\xff ret=0\"\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rm[1](root)\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=a(b)\n"
				"UNLINK_FILENAME=x\nMESSAGE=\x1b[2J\xff ret=0\n"
				"UNLINK_PATH=/t/x\nMESSAGE=\x1b[2J\xff ret=0\n"
				"UNLINK_PATH_STATE=lexical\n"
				"UNLINK_DURATION_NS=1500\n"
				"UNLINK_RULE=payroll\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"ret\":0,"
			"\"pid\":4242,\"tid\":4243,\"comm\":\"rm[1](root)\",\"uid\":1000,"
			"\"gid\":100,\"user\":\"a(b)\",\"filename\":[120,10,77,69,83,83,65,71,69,"
			"61,27,91,50,74,255,32,114,101,116,61,48],\"path\":[47,116,47,120,10,77,"
			"69,83,83,65,71,69,61,27,91,50,74,255,32,114,101,116,61,48],"
			"\"path_state\":\"lexical\",\"duration_ns\":1500,\"rule\":[\"payroll\"],"
			"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 \"rm[1](root)\"[4242] (\"a(b)\") removed "
			"\"/t/x\\nMESSAGE=\\x1b[2J\\xff ret=0\" pid=4242 comm=rm[1](root) "
			"filename=\"x\\nMESSAGE=\\x1b[2J\\xff ret=0\" ret=0\n",
	},
	{
		.title = "an error that has no name, of a rename, by the largest ids",
		.record = { PROBED, .name_known = true, .pid = UINT32_MAX, .tid = UINT32_MAX,
			    .uid = UINT32_MAX, .gid = UINT32_MAX, .op = UW_OP_RENAME,
			    .ret_known = true, .ret = -1000, .comm = TEXT("mv"), .name = TEXT("/x"),
			    .path_state = UW_PATH_LEXICAL, .path = TEXT("/x") },
		.entry = { .priority = 7, .rules = one_rule, .n_rules = 1 },
		.journal = TEXT("MESSAGE=mv[4294967295] (uid 4294967295) could not remove /x: "
				"Unknown error (?)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=7\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rename\n"
				"UNLINK_RET=-1000\n"
				"UNLINK_PID=4294967295\n"
				"UNLINK_TID=4294967295\n"
				"UNLINK_COMM=mv\n"
				"UNLINK_UID=4294967295\n"
				"UNLINK_GID=4294967295\n"
				"UNLINK_FILENAME=/x\n"
				"UNLINK_PATH=/x\n"
				"UNLINK_PATH_STATE=lexical\n"
				"UNLINK_DURATION_NS=1500\n"
				"UNLINK_RULE=payroll\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rename\","
			"\"ret\":-1000,\"pid\":4294967295,\"tid\":4294967295,\"comm\":\"mv\","
			"\"uid\":4294967295,\"gid\":4294967295,\"filename\":\"/x\","
			"\"path\":\"/x\",\"path_state\":\"lexical\",\"duration_ns\":1500,"
			"\"rule\":[\"payroll\"],\"priority\":7}\n",
		.text = "2023-11-14T22:13:20.123456+0000 mv[4294967295] (uid 4294967295) could "
			"not remove /x: Unknown error (?) pid=4294967295 comm=mv filename=/x "
			"ret=-1000\n",
	},
};

static struct uw_entry entry_of(const struct row *row)
{
	struct uw_entry e = row->entry;

	e.record = &row->record;
	e.time_ns = TIME_NS;
	return e;
}

static void check(const struct uw_buf *buf, const char *want, size_t len)
{
	size_t i;

	assert_false(buf->failed);
	for (i = 0; i < len && i < buf->len && buf->p[i] == want[i]; i++)
		;
	if (i < len || i < buf->len)
		fail_msg("differs from byte %zu on: %.*s", i, (int)(buf->len - i), buf->p + i);
}

static void test_journal(void **state)
{
	struct uw_entry e = entry_of(*state);
	const struct row *row = *state;
	struct uw_buf buf = { 0 }, joined = { 0 };
	struct iovec iov[UW_FIELDS_MAX];
	size_t n = 0, i;

	assert_int_equal(uw_format_journal(&e, &buf, iov, &n), 0);
	assert_in_range(n, 1, UW_FIELDS_MAX);
	for (i = 0; i < n; i++) {
		uw_buf_add(&joined, iov[i].iov_base, iov[i].iov_len);
		uw_buf_puts(&joined, "\n");
	}
	check(&joined, row->journal.s, row->journal.len);
	uw_buf_free(&joined);
	uw_buf_free(&buf);
}

static void test_json(void **state)
{
	struct uw_entry e = entry_of(*state);
	const struct row *row = *state;
	struct uw_buf buf = { 0 };

	uw_format_json(&e, &buf);
	check(&buf, row->json, strlen(row->json));
	uw_buf_free(&buf);
}

static void test_text(void **state)
{
	struct uw_entry e = entry_of(*state);
	const struct row *row = *state;
	struct uw_buf buf = { 0 };

	uw_format_text(&e, &buf);
	check(&buf, row->text, strlen(row->text));
	uw_buf_free(&buf);
}

static void test_message(void **state)
{
	static const char key[] = "MESSAGE=";
	struct uw_entry e = entry_of(*state);
	const struct row *row = *state;
	struct uw_buf buf = { 0 };
	const char *end = memchr(row->journal.s, '\n', row->journal.len);

	uw_format_message(&e, &buf);
	check(&buf, row->journal.s + strlen(key), (size_t)(end - row->journal.s) - strlen(key));
	uw_buf_free(&buf);
}

/* ---- fields */

/* What journald takes from a client: journal_field_valid() of systemd, with protected fields
 * refused. */
static bool valid_name(const char *name, size_t len)
{
	size_t i;

	if (!len || len > 64 || name[0] == '_' || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (i = 0; i < len; i++)
		if (!(name[i] >= 'A' && name[i] <= 'Z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_')
			return false;
	return true;
}

static void test_field_names(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; uw_format_field(i); i++) {
		const char *name = uw_format_field(i);

		if (!valid_name(name, strlen(name)))
			fail_msg("%s is no name for journald", name);
		assert_memory_equal(name, "UNLINK_", 7);
		for (k = 0; k < i; k++)
			assert_string_not_equal(name, uw_format_field(k));
	}
	assert_int_equal(i, 16);
	assert_null(uw_format_field(i + 1));
	assert_null(uw_format_field(SIZE_MAX));
}

/* The rows together have every field of the table, and none that is not in it. */
static void test_field_set(void **state)
{
	static const char *const extra[] = { "MESSAGE", "MESSAGE_ID", "PRIORITY" };
	const char *known[64] = { extra[0], extra[1], extra[2] };
	bool seen[64] = { false };
	size_t n_known = LEN(extra), n, i, k, len;
	struct iovec iov[UW_FIELDS_MAX];
	struct uw_buf buf = { 0 };

	(void)state;
	for (i = 0; uw_format_field(i); i++)
		known[n_known++] = uw_format_field(i);
	for (i = 0; i < LEN(rows); i++) {
		struct uw_entry e = entry_of(&rows[i]);
		unsigned int times[64] = { 0 };

		assert_int_equal(uw_format_journal(&e, &buf, iov, &n), 0);
		while (n--) {
			const char *eq = memchr(iov[n].iov_base, '=', iov[n].iov_len);

			assert_non_null(eq);
			len = (size_t)(eq - (char *)iov[n].iov_base);
			assert_true(valid_name(iov[n].iov_base, len));
			for (k = 0; k < n_known; k++)
				if (strlen(known[k]) == len &&
				    !memcmp(known[k], iov[n].iov_base, len))
					break;
			if (k == n_known)
				fail_msg("%.*s is not in the table", (int)len,
					 (char *)iov[n].iov_base);
			seen[k] = true;
			if (times[k]++ && strcmp(known[k], "UNLINK_RULE") != 0)
				fail_msg("%s is there twice", known[k]);
		}
	}
	for (k = 0; k < n_known; k++)
		if (!seen[k])
			fail_msg("no row has %s", known[k]);
	uw_buf_free(&buf);
}

static const char *field(const struct iovec *iov, size_t n, const char *name, size_t *ret_len)
{
	size_t len = strlen(name), i;

	for (i = 0; i < n; i++) {
		const char *s = iov[i].iov_base;

		if (iov[i].iov_len > len && !memcmp(s, name, len) && s[len] == '=') {
			*ret_len = iov[i].iov_len - len - 1;
			return s + len + 1;
		}
	}
	fail_msg("%s is missing", name);
	return NULL;
}

/* Every field there is, each as long as can be, in a buffer that has to move many times. */
static void test_moving_buffer(void **state)
{
	static const size_t counts[] = { 0, 1, 63, 64, 80 };
	static char path[2 * UW_PATH_MAX], name[UW_PATH_MAX - 1], rule[201], user[200];
	const char *rules[80];
	struct uw_record record = rows[0].record;
	struct uw_entry e = entry_of(&rows[0]);
	struct iovec *iov;
	size_t c, i, n, len, n_rules;
	const char *at, *value;

	(void)state;
	memset(path, 'p', sizeof(path));
	memset(name, '\n', sizeof(name));
	memset(rule, 'r', sizeof(rule) - 1);
	memset(user, 'u', sizeof(user) - 1);
	for (i = 0; i < LEN(rules); i++)
		rules[i] = rule;
	record.path = (struct uw_str){ path, sizeof(path) };
	record.name = (struct uw_str){ name, sizeof(name) };
	record.ret = -EACCES;
	e.record = &record;
	e.user = user;
	e.rules = rules;
	for (c = 0; c < LEN(counts); c++) {
		struct uw_buf buf = { 0 };

		/* The address sanitizer watches over the array's end. */
		iov = malloc(UW_FIELDS_MAX * sizeof(*iov));
		assert_non_null(iov);
		e.n_rules = counts[c];
		assert_int_equal(uw_format_journal(&e, &buf, iov, &n), 0);
		assert_in_range(n, 1, UW_FIELDS_MAX);
		for (i = 0, at = buf.p, n_rules = 0; i < n; i++) {
			assert_ptr_equal(iov[i].iov_base, at);
			assert_true(iov[i].iov_len > 0);
			at += iov[i].iov_len;
			if (iov[i].iov_len > 12 && !memcmp(iov[i].iov_base, "UNLINK_RULE=", 12)) {
				assert_int_equal(iov[i].iov_len, 12 + strlen(rule));
				assert_memory_equal((char *)iov[i].iov_base + 12, rule,
						    strlen(rule));
				n_rules++;
			}
		}
		assert_ptr_equal(at, buf.p + buf.len);
		assert_int_equal(n_rules, counts[c] > UW_RULES_MAX ? UW_RULES_MAX : counts[c]);
		assert_int_equal(n, 18 + n_rules);
		value = field(iov, n, "UNLINK_PATH", &len);
		assert_int_equal(len, sizeof(path));
		assert_memory_equal(value, path, sizeof(path));
		value = field(iov, n, "UNLINK_FILENAME", &len);
		assert_int_equal(len, sizeof(name));
		assert_memory_equal(value, name, sizeof(name));
		value = field(iov, n, "UNLINK_USER", &len);
		assert_int_equal(len, strlen(user));
		value = field(iov, n, "PRIORITY", &len);
		assert_int_equal(len, 1);
		assert_int_equal(*value, '6');
		free(iov);
		uw_buf_free(&buf);
	}
}

static void test_used_again(void **state)
{
	struct uw_buf used = { 0 }, fresh = { 0 };
	struct iovec a[UW_FIELDS_MAX], b[UW_FIELDS_MAX];
	size_t n_a, n_b, i, k;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		struct uw_entry e = entry_of(&rows[i]);

		assert_int_equal(uw_format_journal(&e, &used, a, &n_a), 0);
		assert_int_equal(uw_format_journal(&e, &fresh, b, &n_b), 0);
		assert_int_equal(n_a, n_b);
		for (k = 0; k < n_a; k++) {
			assert_int_equal(a[k].iov_len, b[k].iov_len);
			assert_memory_equal(a[k].iov_base, b[k].iov_base, a[k].iov_len);
		}
		uw_buf_free(&fresh);
	}
	uw_buf_free(&used);
}

static void test_no_memory(void **state)
{
	struct uw_record record = rows[0].record;
	struct uw_entry e = entry_of(&rows[0]);
	struct iovec iov[UW_FIELDS_MAX];
	struct uw_buf buf = { 0 };
	size_t n = 4711, len = (size_t)5 << 18; /* once in MESSAGE, and again in UNLINK_PATH */
	char *path = malloc(len);

	(void)state;
	assert_non_null(path);
	memset(path, 'p', len);
	record.path = (struct uw_str){ path, len };
	e.record = &record;
	assert_int_equal(uw_format_journal(&e, &buf, iov, &n), -ENOMEM);
	assert_int_equal(n, 4711);
	e.record = &rows[0].record;
	assert_int_equal(uw_format_journal(&e, &buf, iov, &n), 0);
	assert_int_equal(n, 18);
	free(path);
	uw_buf_free(&buf);
}

/* ---- lines */

static void test_added(void **state)
{
	struct uw_entry e = entry_of(&rows[0]);
	struct uw_buf buf = { 0 }, want = { 0 };

	(void)state;
	uw_buf_puts(&buf, "before\n");
	uw_format_json(&e, &buf);
	uw_format_text(&e, &buf);
	uw_format_message(&e, &buf);
	uw_buf_puts(&want, "before\n");
	uw_buf_puts(&want, rows[0].json);
	uw_buf_puts(&want, rows[0].text);
	uw_buf_puts(&want, "rm[4242] (alice) removed /srv/data/x");
	check(&buf, want.p, want.len);
	uw_buf_free(&buf);
	uw_buf_free(&want);
}

static uint64_t seed = 0x666f726d6174;

static uint64_t any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

static struct uw_str any_bytes(char *to, size_t max)
{
	static const char bad[] = "\n\r\t\"\\ =[](){},:\x1b\x7f\xc2\x85\xe2\x80\xa8\xff";
	size_t len = any(max), i;

	for (i = 0; i < len; i++)
		to[i] = any(3) ? bad[any(sizeof(bad) - 1)] : (char)(1 + any(255));
	return (struct uw_str){ to, len };
}

static void check_line(const struct uw_buf *buf)
{
	size_t i;

	assert_false(buf->failed);
	assert_true(buf->len > 0 && buf->p[buf->len - 1] == '\n');
	for (i = 0; i < buf->len - 1; i++)
		if ((unsigned char)buf->p[i] < 0x20 || buf->p[i] == 0x7f)
			fail_msg("control character %#x in: %.*s", (unsigned char)buf->p[i],
				 (int)buf->len, buf->p);
}

/* Outside of strings, which have no unescaped quote within, braces and brackets are balanced. */
static void check_json_form(const struct uw_buf *buf)
{
	int braces = 0, brackets = 0, quoted = 0;
	size_t i;

	for (i = 0; i + 1 < buf->len; i++) {
		char c = buf->p[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = 0;
			continue;
		}
		quoted = c == '"';
		braces += (c == '{') - (c == '}');
		brackets += (c == '[') - (c == ']');
		assert_true(braces == 1 || (!braces && i + 2 == buf->len));
		assert_in_range(brackets, 0, 2);
	}
	assert_false(quoted || braces || brackets);
	assert_int_equal(buf->p[0], '{');
}

static void test_lines(void **state)
{
	char comm[17], name[64], path[64], rule[64];
	const char *rules[] = { rule };
	struct uw_buf buf = { 0 };
	struct uw_record r;
	struct uw_entry e;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		e = entry_of(&rows[any(LEN(rows))]);
		r = *e.record;
		r.comm = any_bytes(comm, sizeof(comm));
		r.name = any_bytes(name, sizeof(name));
		r.path = any_bytes(path, sizeof(path));
		rule[any_bytes(rule, sizeof(rule)).len] = '\0';
		e.record = &r;
		e.rules = rules;
		e.n_rules = 1;
		e.user = any(2) ? rule : NULL;
		e.time_ns = any(2) ? UINT64_MAX : any(UINT64_MAX);
		uw_buf_reset(&buf);
		uw_format_json(&e, &buf);
		check_line(&buf);
		check_json_form(&buf);
		uw_buf_reset(&buf);
		uw_format_text(&e, &buf);
		check_line(&buf);
		uw_buf_reset(&buf);
		uw_format_message(&e, &buf);
		uw_buf_puts(&buf, "\n");
		check_line(&buf);
	}
	uw_buf_free(&buf);
}

static void test_time_zone(void **state)
{
	static const struct {
		const char *zone, *text;
	} zones[] = {
		{ "UTC0", "2023-11-14T22:13:20.123456+0000 " },
		{ "XXX-5:30", "2023-11-15T03:43:20.123456+0530 " },
		{ "XXX+9:30", "2023-11-14T12:43:20.123456-0930 " },
	};
	struct uw_entry e = entry_of(&rows[0]);
	struct uw_buf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < LEN(zones); i++) {
		setenv("TZ", zones[i].zone, 1);
		tzset();
		uw_buf_reset(&buf);
		uw_format_text(&e, &buf);
		if (buf.len < strlen(zones[i].text) ||
		    memcmp(buf.p, zones[i].text, strlen(zones[i].text)) != 0)
			fail_msg("%s: %.*s", zones[i].zone, (int)buf.len, buf.p);
		/* JSON is for machines: always UTC. */
		uw_buf_reset(&buf);
		uw_format_json(&e, &buf);
		check(&buf, rows[0].json, strlen(rows[0].json));
	}
	setenv("TZ", "UTC", 1);
	tzset();
	uw_buf_free(&buf);
}

static void test_time_digits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *json, *text;
	} times[] = {
		{ 0, "{\"time\":\"1970-01-01T00:00:00.000000000Z\"",
		  "1970-01-01T00:00:00.000000+0000 " },
		{ 1, "{\"time\":\"1970-01-01T00:00:00.000000001Z\"",
		  "1970-01-01T00:00:00.000000+0000 " },
		{ 1999999999, "{\"time\":\"1970-01-01T00:00:01.999999999Z\"",
		  "1970-01-01T00:00:01.999999+0000 " },
		{ UINT64_C(4102444800000001000), "{\"time\":\"2100-01-01T00:00:00.000001000Z\"",
		  "2100-01-01T00:00:00.000001+0000 " },
	};
	struct uw_entry e = entry_of(&rows[0]);
	struct uw_buf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < LEN(times); i++) {
		e.time_ns = times[i].ns;
		uw_buf_reset(&buf);
		uw_format_json(&e, &buf);
		assert_memory_equal(buf.p, times[i].json, strlen(times[i].json));
		uw_buf_reset(&buf);
		uw_format_text(&e, &buf);
		assert_memory_equal(buf.p, times[i].text, strlen(times[i].text));
	}
	uw_buf_free(&buf);
}

static void test_ids(void **state)
{
	static const char *const ids[] = { UW_ID_DELETED,	  UW_ID_FAILED,
					   UW_ID_UNKNOWN,	  UW_ID_LOSS,
					   UW_ID_CONFIG_ACCEPTED, UW_ID_CONFIG_REJECTED,
					   UW_ID_STARTED,	  UW_ID_STOPPED };
	size_t i, k;

	(void)state;
	for (i = 0; i < LEN(ids); i++) {
		assert_int_equal(strlen(ids[i]), 32);
		assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
		for (k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

static void format_all(const struct uw_record *record)
{
	struct uw_entry e = { .record = record, .time_ns = TIME_NS, .priority = 6 };
	struct iovec iov[UW_FIELDS_MAX];
	struct uw_buf buf = { 0 };
	size_t n;

	if (uw_format_journal(&e, &buf, iov, &n))
		abort();
	uw_format_json(&e, &buf);
	uw_format_text(&e, &buf);
	uw_buf_free(&buf);
}

/*
 * Whatever the decoder lets through must be fit to be written. In a process of its own, which the
 * sanitizers may end.
 */
static void test_every_result(void **state)
{
	static const int64_t rets[] = { 0, -1, -4095, -4096, 1, INT_MAX, INT_MIN + 1, INT_MIN };
	static struct uw_record record;
	struct uw_event ev = {
		.size = sizeof(ev), .abi = UW_ABI, .op = UW_OP_UNLINK, .probe = UW_PROBE_KPROBE
	};
	int status = 0;
	size_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < LEN(rets); i++) {
		ev.ret = rets[i];
		if (uw_record_decode(&ev, sizeof(ev), &record) < 0)
			continue;
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			format_all(&record);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status)
			fail_msg("writing a record with the result %lld ends with status %#x",
				 (long long)rets[i], (unsigned int)status);
	}
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

static const struct CMUnitTest others[] = {
	TEST("names every field as journald takes it, once", test_field_names),
	TEST("writes every field of its table, no other, and none but the rule twice",
	     test_field_set),
	TEST("points at the right fields when the buffer has moved, with up to 64 rules",
	     test_moving_buffer),
	TEST("writes the same to a buffer that was used before", test_used_again),
	TEST("says that memory is out, and recovers", test_no_memory),
	TEST("adds lines to what the buffer holds", test_added),
	TEST("writes one line per record, whatever its strings hold", test_lines),
	TEST("writes local time for people and UTC for machines", test_time_zone),
	TEST("pads fractions of a second with zeros", test_time_digits),
	TEST("has a different id for each kind of message", test_ids),
	TEST("writes every result that the decoder accepts", test_every_result),
};

static const struct output {
	const char *what;
	CMUnitTestFunction test;
} outputs[] = {
	{ "the journal", test_journal },
	{ "JSON", test_json },
	{ "text", test_text },
	{ "a message", test_message },
};

int main(void)
{
	static struct CMUnitTest tests[LEN(rows) * LEN(outputs) + LEN(others)];
	static char titles[LEN(rows) * LEN(outputs)][128];
	size_t n = 0, i, k;

	setenv("TZ", "UTC", 1);
	tzset();
	for (i = 0; i < LEN(rows); i++) {
		for (k = 0; k < LEN(outputs); k++, n++) {
			snprintf(titles[n], sizeof(titles[n]), "writes %s as %s", rows[i].title,
				 outputs[k].what);
			tests[n] = (struct CMUnitTest){ titles[n], outputs[k].test, NULL, NULL,
							(void *)(uintptr_t)&rows[i] };
		}
	}
	for (i = 0; i < LEN(others); i++)
		tests[n++] = others[i];
	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
