// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/journal_record.c and show.c: what the daemon writes is read back as it was. */
#include <errno.h>
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

#include "ctl/journal_record.h"
#include "ctl/show.h"
#include "record/fields.h"
#include "record/format.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const char *const rules[] = { "payroll", "all" };
static const struct uw_style plain = { "", "", "", "", "", "" };

/* All that there can be to know, with hostile bytes where somebody chooses them. */
static const struct uw_ancestor ancestors[] = { { "a \"b", 17 }, { "c\n", 16 }, { "init", 1 } };

static const struct uw_record known = {
	.op = UW_OP_UNLINK,
	.probe = UW_PROBE_KPROBE,
	.enter_ns = 1000,
	.exit_ns = 2500,
	.via = UW_VIA_IO_URING,
	.pid = 4242,
	.tid = 4243,
	.uid = 1000,
	.gid = 100,
	.fsuid = 1000,
	.fsgid = 100,
	.task_known = true,
	.ppid = 17,
	.euid = 0,
	.mntns = 4026531841,
	.loginuid_known = true,
	.loginuid = 1001,
	.session_known = true,
	.session = 3,
	.comm = TEXT("rm\n"),
	.ancestors = { (const char *)ancestors, sizeof(ancestors) },
	.exe = TEXT("/usr/bin/rm"),
	.cmdline = TEXT("rm\0-f\0--\0it's x"),
	.cwd = TEXT("/srv/data"),
	.root = TEXT("/srv"),
	.cgroup = TEXT("/system.slice/x.service"),
	.name_known = true,
	.name = TEXT("a=\xff\x1b[2J"),
	.path_state = UW_PATH_RESOLVED,
	.path = TEXT("/srv/data/a=\xff\x1b[2J"),
	.other.path = TEXT("/srv/other"),
	.other.file_known = true,
	.other.file.ino = 77,
	.inode_known = true,
	.dev_known = true,
	.dev_major = 8,
	.dev_minor = 17,
	.ino = UINT64_MAX,
	.bytes = UINT64_C(1) << 63,
	.mode = 0100644,
	.owner = 1002,
	.links_known = true,
	.links = 2,
	.fstype = TEXT("ext4"),
};

static struct uw_entry entry_of(const struct uw_record *record)
{
	return (struct uw_entry){ .record = record,
				  .time_ns = UINT64_C(1700000000123456789),
				  .priority = 4,
				  .rules = rules,
				  .n_rules = 2,
				  .user = "alice",
				  .real_user = record->uid ? NULL : "root",
				  .host_path = TEXT("/host/a"),
				  .upper_path = TEXT("/upper/a"),
				  .host_other = TEXT("/host/other"),
				  .detail = UW_DETAIL_FULL };
}

static void add_value(struct uw_journal_record *found, const char *name,
		      const struct uw_value *value)
{
	struct uw_buf buf = { 0 };

	uw_buf_printf(&buf, "%s=", name);
	switch (value->type) {
	case UW_VALUE_STR:
		uw_buf_add(&buf, value->s.s, value->s.len);
		break;
	case UW_VALUE_INT:
		uw_buf_printf(&buf, "%" PRId64, value->n);
		break;
	case UW_VALUE_UNKNOWN:
		uw_buf_puts(&buf, "unknown");
		break;
	case UW_VALUE_UINT:
	case UW_VALUE_TIME:
	case UW_VALUE_NONE:
		uw_buf_printf(&buf, "%" PRIu64, value->u);
		break;
	}
	uw_journal_record_add(found, buf.p, buf.len);
	uw_buf_free(&buf);
}

/* As the journal has the entry: the fields of the daemon's table, in the other order. */
static void read_back(const struct uw_entry *entry, struct uw_journal_record *found)
{
	static struct uw_ask ask;
	size_t n = 0;

	ask.entry = entry;
	ask.record = entry->record;
	uw_journal_record_reset(found);
	uw_journal_record_add(found, "_PID=1", 6);
	uw_journal_record_add(found, "PRIORITY=4", 10);
	while (uw_record_fields[n].name)
		n++;
	while (n--) {
		const struct uw_field *field = &uw_record_fields[n];

		for (ask.i = 0; !ask.i || field->many; ask.i++) {
			struct uw_value value = field->get(&ask);

			if (value.type == UW_VALUE_NONE)
				break;
			add_value(found, field->name, &value);
		}
	}
	assert_int_equal(uw_journal_record_finish(found), 0);
}

static void need_same(const struct uw_buf *a, const struct uw_buf *b)
{
	if (a->len != b->len || memcmp(a->p, b->p, a->len))
		fail_msg("%.*s\n%.*s", (int)a->len, a->p, (int)b->len, b->p);
}

static const char *user_name(uint64_t uid)
{
	return uid == 1000 ? "alice" : uid == 0 ? "root" : NULL;
}

static void need_read_back(const struct uw_record *record)
{
	struct uw_entry entry = entry_of(record);
	struct uw_buf daemon = { 0 }, mine = { 0 };
	struct uw_journal_record found = { 0 };

	read_back(&entry, &found);
	uw_format_json(&entry, &daemon);
	uw_journal_record_json(&found, false, &mine);
	need_same(&mine, &daemon);
	uw_buf_reset(&daemon);
	uw_buf_reset(&mine);
	uw_format_message(&entry, &daemon);
	uw_journal_record_sentence(&found, user_name, &mine);
	need_same(&mine, &daemon);
	uw_buf_free(&daemon);
	uw_buf_free(&mine);
	uw_journal_record_done(&found);
}

static void json_and_sentence_are_the_daemons(void **state)
{
	struct uw_record *record = malloc(sizeof(*record));

	(void)state;
	*record = known;
	need_read_back(record); /* the result is not known */
	record->ret_known = true;
	need_read_back(record);
	record->ret = -EACCES;
	need_read_back(record);
	record->op = UW_OP_RMDIR;
	record->via = UW_VIA_KERNEL;
	need_read_back(record);
	record->op = UW_OP_RENAME;
	record->via = UW_VIA_SYSCALL;
	record->mode = 0040755;
	need_read_back(record);
	record->op = UW_OP_MOVE;
	need_read_back(record);
	record->op = UW_OP_EXCHANGE;
	record->ret = 0;
	need_read_back(record);
	record->uid = 0; /* for alice */
	need_read_back(record);
	record->path = record->other.path = (struct uw_str){ "", 0 };
	record->path_state = UW_PATH_UNKNOWN;
	need_read_back(record);
	free(record);
}

static struct uw_journal_record *found_of(const char *const *fields)
{
	static struct uw_journal_record found;

	uw_journal_record_reset(&found);
	for (; *fields; fields++)
		uw_journal_record_add(&found, *fields, strlen(*fields));
	assert_int_equal(uw_journal_record_finish(&found), 0);
	return &found;
}
#define FOUND(...) found_of((const char *const[]){ __VA_ARGS__, NULL })

static void what_is_no_number_is_a_string(void **state)
{
	struct uw_journal_record *found = FOUND("UNLINK_PID=1,\"x\":2", "UNLINK_UID=007",
						"UNLINK_RET=-", "UNLINK_TIME=soon", "UNLINK_TID=12",
						"UNLINK_TID=13", "novalue", "=x");
	struct uw_buf buf = { 0 };

	(void)state;
	uw_journal_record_json(found, false, &buf);
	uw_buf_add(&buf, "", 1);
	assert_string_equal(buf.p,
			    "{\"time\":\"soon\",\"ret\":\"-\",\"pid\":\"1,\\\"x\\\":2\",\"tid\":12,"
			    "\"uid\":\"007\"}\n");
	uw_buf_free(&buf);
	uw_journal_record_done(found);
}

static void need_paragraph(struct uw_journal_record *found, const char *expected)
{
	struct uw_show show = { .style = &plain, .now_us = 1700000060000000, .user = user_name };
	struct uw_buf buf = { 0 };

	found->realtime_us = 1700000000000000;
	uw_show_paragraph(&show, found, &buf);
	uw_buf_add(&buf, "", 1);
	assert_string_equal(buf.p, expected);
	uw_buf_free(&buf);
	uw_journal_record_done(found);
}

static void a_paragraph_names_who_logged_in(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	need_paragraph(
		FOUND("UNLINK_OP=unlink", "UNLINK_RET=0", "UNLINK_PID=7", "UNLINK_PPID=6",
		      "UNLINK_COMM=rm", "UNLINK_EXE=/bin/rm", "UNLINK_CMDLINE=rm 'a b'",
		      "UNLINK_UID=0", "UNLINK_EUID=1000", "UNLINK_USER=root",
		      "UNLINK_LOGINUID=1000", "UNLINK_SESSION=3", "UNLINK_REMOTE=192.0.2.7",
		      "UNLINK_TTY=pts/0", "UNLINK_CLIENT=2001:db8::7", "UNLINK_CLIENT_FROM=request",
		      "UNLINK_UNIT=a.scope", "UNLINK_CONTAINER=" ID, "UNLINK_CONTAINER_NAME=web",
		      "UNLINK_CONTAINER_IMAGE=shop/web:1 x", "UNLINK_POD=web-0",
		      "UNLINK_POD_NAMESPACE=shop", "UNLINK_FILENAME=a b", "UNLINK_PATH=/a b",
		      "UNLINK_PATH_STATE=lexical", "UNLINK_HOST_PATH=/h/a b",
		      "UNLINK_UPPER_PATH=/up/a b", "UNLINK_DEV=8:1", "UNLINK_INODE=5",
		      "UNLINK_SIZE=11", "UNLINK_OWNER=1000", "UNLINK_NLINK=0", "UNLINK_RULE=x",
		      "UNLINK_RULE=y z"),
		"Tue 2023-11-14 22:13:20 UTC, 1min 0s ago\n"
		"    rm[7] (root) removed \"/a b\"\n"
		"    user     root, with the rights of alice, claims to be logged in as alice in session 3, from 192.0.2.7, on pts/0\n"
		"    command  rm 'a b'\n"
		"    process  rm, pid 7, parent 6, /bin/rm, for the client 2001:db8::7\n"
		"    unit     a.scope, container web (\"shop/web:1 x\", 0123456789ab), pod shop/web-0\n"
		"    on host  \"/h/a b\"\n"
		"    upper    \"/up/a b\"\n"
		"    path is  lexical; typed as \"a b\"\n"
		"    file     inode 5 on 8:1, 11 bytes, of alice, no name left\n"
		"    rule     x, \"y z\"\n");
}

static void a_chain_shows_and_finds_ancestors(void **state)
{
	static const struct {
		const char *process;
		bool is;
	} rows[] = {
		{ "sh", true },
		{ "rm", true },
		{ "unattended-upgrade", true },
		{ "unattended", false },
		{ "s", false },
		{ "systemd", false },
		{ "7", true },
		{ "66", true },
		{ "55", true },
		{ "1", true },
		{ "5", false },
		/* Numbers in a name are not those of a process. */
		{ "44", false },
		{ "45", false },
	};
	struct uw_journal_record *found;

	(void)state;
	need_paragraph(
		FOUND("UNLINK_OP=unlink", "UNLINK_RET=0", "UNLINK_PID=7", "UNLINK_PPID=6",
		      "UNLINK_COMM=a < b", "UNLINK_UID=0", "UNLINK_USER=root",
		      "UNLINK_LOGINUID=1000", "UNLINK_REMOTE=192.0.2.7", "UNLINK_TTY=pts/0",
		      "UNLINK_FILENAME=a", "UNLINK_PATH=/a",
		      "UNLINK_ANCESTORS=sh[6] < sudo[5] < systemd[1]", "UNLINK_ANCESTOR=sh",
		      "UNLINK_ANCESTOR=sudo"),
		"Tue 2023-11-14 22:13:20 UTC, 1min 0s ago\n"
		"    \"a < b\"[7] (root) removed /a\n"
		"    user     root, claims to be logged in as alice, through sudo\n"
		"    process  \"a < b\", pid 7\n"
		"    chain    \"a < b\"[7] < sh[6] < sudo[5] < systemd[1] (from 192.0.2.7, on pts/0)\n");
	found = FOUND("UNLINK_PID=7", "UNLINK_COMM=rm",
		      "UNLINK_ANCESTORS=\"x[44] < \\\"y[45]\"[66] < sh[55] < systemd[1]",
		      "UNLINK_ANCESTOR=unattended-upgr", "UNLINK_ANCESTOR=sh");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (uw_journal_record_is_under(found, rows[i].process) != rows[i].is)
			fail_msg("%s", rows[i].process);
	uw_journal_record_done(found);
}

/* The unit of a session, or of the user's own manager, and no doubt by the daemon. */
static void a_login_needs_a_session(void **state)
{
	static const struct {
		const char *unit, *login, *says;
	} rows[] = {
		{ "UNLINK_UNIT=session-3.scope", "", "logged in as alice" },
		{ "UNLINK_UNIT=user@1000.service", "", "logged in as alice" },
		{ "UNLINK_UNIT=session-3.scope", "UNLINK_LOGIN=claimed",
		  "claims to be logged in as alice" },
		{ "UNLINK_UNIT=user@1001.service", "", "claims to be logged in as alice" },
		{ "UNLINK_UNIT=cron.service", "", "claims to be logged in as alice" },
		{ "UNLINK_UNIT=session-.scope", "", "claims to be logged in as alice" },
		{ "", "", "claims to be logged in as alice" },
	};
	char expected[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *unit = strchr(rows[i].unit, '=');

		snprintf(expected, sizeof(expected),
			 "Tue 2023-11-14 22:13:20 UTC, 1min 0s ago\n"
			 "    rm[7] (alice) removed /a\n"
			 "    user     alice, %s\n"
			 "    process  rm, pid 7\n%s%s%s",
			 rows[i].says, unit ? "    unit     " : "", unit ? unit + 1 : "",
			 unit ? "\n" : "");
		need_paragraph(FOUND("UNLINK_OP=unlink", "UNLINK_RET=0", "UNLINK_PID=7",
				     "UNLINK_COMM=rm", "UNLINK_UID=1000", "UNLINK_USER=alice",
				     "UNLINK_LOGINUID=1000", rows[i].login, rows[i].unit,
				     "UNLINK_FILENAME=a", "UNLINK_PATH=/a"),
			       expected);
	}
}

static void a_paragraph_says_what_proves_little(void **state)
{
	(void)state;
	need_paragraph(
		FOUND("UNLINK_OP=unlink", "UNLINK_RET=0", "UNLINK_PID=7", "UNLINK_COMM=rm",
		      "UNLINK_EXE=/memfd:x", "UNLINK_EXE_STATE=private", "UNLINK_UID=1000",
		      "UNLINK_UNIT=user@1000.service", "UNLINK_CONTAINER=in",
		      "UNLINK_OUTER_CONTAINER=out", "UNLINK_CONTAINER_CLAIMED_BY=1000",
		      "UNLINK_MNT=private", "UNLINK_FILENAME=a", "UNLINK_PATH=/a",
		      "UNLINK_PATH_STATE=detached"),
		"Tue 2023-11-14 22:13:20 UTC, 1min 0s ago\n"
		"    rm[7] (uid 1000) removed /a\n"
		"    user     alice\n"
		"    process  claims to be rm, pid 7, /memfd:x (a private file)\n"
		"    unit     user@1000.service, container in inside out, as alice claims\n"
		"    mounts   a namespace of its own, where the paths hold; on the host: none\n"
		"    path is  detached; typed as a\n");
	need_paragraph(
		FOUND("UNLINK_OP=unlink", "UNLINK_RET=0", "UNLINK_PID=7", "UNLINK_COMM=rm",
		      "UNLINK_EXE=/bin/rm", "UNLINK_EXE_STATE=deleted", "UNLINK_UID=1000",
		      "UNLINK_CONTAINER=box", "UNLINK_OUTER_CONTAINER=" ID,
		      "UNLINK_CONTAINER_NAME=web", "UNLINK_MNT=private", "UNLINK_FILENAME=a",
		      "UNLINK_PATH=/a", "UNLINK_HOST_PATH=/a"),
		"Tue 2023-11-14 22:13:20 UTC, 1min 0s ago\n"
		"    rm[7] (uid 1000) removed /a\n"
		"    user     alice\n"
		"    process  rm, pid 7, /bin/rm (deleted)\n"
		"    unit     container box inside web (0123456789ab)\n"
		"    mounts   a namespace of its own, where the paths hold; on the host: /a\n");
}

static void a_paragraph_names_the_user_that_a_server_acts_for(void **state)
{
	(void)state;
	need_paragraph(FOUND("UNLINK_OP=move", "UNLINK_RET=0", "UNLINK_PID=7", "UNLINK_COMM=smbd",
			     "UNLINK_UID=0", "UNLINK_EUID=1000", "UNLINK_FSUID=1000",
			     "UNLINK_USER=alice", "UNLINK_FILENAME=a", "UNLINK_PATH=/a",
			     "UNLINK_MOVED_TO=/b"),
		       "Tue 2023-11-14 22:13:20 UTC, 1min 0s ago\n"
		       "    smbd[7] (root for alice) moved /a to /b\n"
		       "    user     alice, by a process of root\n"
		       "    process  smbd, pid 7\n");
}

static void what_somebody_chose_is_escaped(void **state)
{
	(void)state;
	need_paragraph(
		FOUND("UNLINK_OP=unlink", "UNLINK_RET=-13", "UNLINK_COMM=a, pid 1", "UNLINK_UID=5",
		      "UNLINK_CMDLINE=\033[2J\n-- x", "UNLINK_EXE=/\n", "UNLINK_UNIT=\xff",
		      "UNLINK_FILENAME=", "UNLINK_PATH=/\033]0;x\a", "UNLINK_RULE=\xe2\x80\xae"),
		"Tue 2023-11-14 22:13:20 UTC, 1min 0s ago\n"
		"    \"a, pid 1\"[0] (uid 5) could not remove \"/\\x1b]0;x\\a\": Permission denied (EACCES)\n"
		"    user     uid 5\n"
		"    command  \\x1b[2J\\n-- x\n"
		"    process  claims to be \"a, pid 1\", \"/\\n\"\n"
		"    unit     \"\\xff\"\n"
		"    rule     \"\\xe2\\x80\\xae\"\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_and_sentence_are_the_daemons),
		cmocka_unit_test(what_is_no_number_is_a_string),
		cmocka_unit_test(a_paragraph_names_who_logged_in),
		cmocka_unit_test(a_chain_shows_and_finds_ancestors),
		cmocka_unit_test(a_login_needs_a_session),
		cmocka_unit_test(a_paragraph_says_what_proves_little),
		cmocka_unit_test(a_paragraph_names_the_user_that_a_server_acts_for),
		cmocka_unit_test(what_somebody_chose_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
