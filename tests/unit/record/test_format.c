// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/record/format.c: whole outputs byte by byte, and the rules of journald for fields.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

#include "base/journal_fields_helper.h"
#include "record/format.h"
#include "record/manifest.h"
#include "record/message_ids.h"
#include "record/names.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define TIME_NS UINT64_C(1700000000123456789) /* 2023-11-14T22:13:20Z */

/* test_no_memory() needs larger allocations to fail. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=2";
}

static const char *const one_rule[] = { "payroll" };
static const char *const two_rules[] = { "rule1", "all of /srv" };

/* Common to most rows. */
#define TIMED  .probe = UW_PROBE_KPROBE, .enter_ns = 1000, .exit_ns = 2500, .dfd = AT_FDCWD
#define PROBED TIMED, .via = UW_VIA_SYSCALL
#define BY_ALICE_AS(user, group) \
	.pid = 4242, .tid = 4243, .uid = 1000, .gid = 100, .fsuid = (user), .fsgid = (group)
#define BY_ALICE BY_ALICE_AS(1000, 100)
#define BY	 PROBED, BY_ALICE, .name_known = true
#define FULL	 .detail = UW_DETAIL_FULL

/* A shell twice, one whose name is to be taken for a chain, and process 1. */
static const struct uw_ancestor ancestors[] = {
	{ "sh", 17 }, { "a[2] < b\n", 16 }, { "sh", 15 }, { "systemd", 1 }
};

static const struct uw_client client = { { [10] = 0xff, 0xff, 192, 0, 2, 9 } };

#define CLIENT	  .client = { (const char *)&client, sizeof(client) }
#define ANCESTORS .ancestors = { (const char *)ancestors, sizeof(ancestors) }
#define CHAIN                                                                   \
	"UNLINK_ANCESTORS=sh[17] < \"a[2] < b\\n\"[16] < sh[15] < systemd[1]\n" \
	"UNLINK_ANCESTOR=sh\n"                                                  \
	"UNLINK_ANCESTOR=a[2] < b\n\n"
#define CHAIN_JSON                                                                    \
	"\"ancestors\":\"sh[17] < \\\"a[2] < b\\\\n\\\"[16] < sh[15] < systemd[1]\"," \
	"\"ancestor\":[\"sh\",\"a[2] < b\\u000a\"],"

/* A deletion with a value for every field. */
#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SCOPE "docker-" ID ".scope"
#define KNOWN                                                                                  \
	BY, .task_known = true, .ppid = 17, .euid = 0, .mntns = 4026531841, ANCESTORS, CLIENT, \
	    .loginuid_known = true, .loginuid = 1001, .session_known = true, .session = 3,     \
	    .tty = 136 << 20, .comm = TEXT("rm"), .exe = TEXT("/usr/bin/rm"),                  \
	    .cmdline = TEXT("rm\0-f\0--\0it's x"), .exe_known = true, .exe_dev = 8 << 20 | 1,  \
	    .exe_ino = 77, .exe_deleted = true, .private_mnt = true, .cwd = TEXT("/srv/data"), \
	    .root = TEXT("/srv"), .cgroup = TEXT("/system.slice/" SCOPE "/x"),                 \
	    .name = TEXT("it's x"), .path_state = UW_PATH_RESOLVED,                            \
	    .path = TEXT("/srv/data/it's x"), .inode_known = true, .dev_known = true,          \
	    .dev_major = 8, .dev_minor = 17, .ino = UINT64_MAX, .bytes = UINT64_C(1) << 63,    \
	    .mode = 0100644, .owner = 1002, .links_known = true, .links = 2,                   \
	    .fstype = TEXT("ext4")
#define HOST                                                         \
	.host_path = TEXT("/host/data/it's x"),                      \
	.session = { "192.0.2.7", "sshd", "seat0", TIME_NS - 1000 }, \
	.container = { "web", "shop/web:1", "web-0", "shop" }
#define NAMES                                 \
	"UNLINK_CONTAINER_NAME=web\n"         \
	"UNLINK_CONTAINER_IMAGE=shop/web:1\n" \
	"UNLINK_POD=web-0\n"                  \
	"UNLINK_POD_NAMESPACE=shop\n"
#define NAMES_JSON                                                       \
	"\"container_name\":\"web\",\"container_image\":\"shop/web:1\"," \
	"\"pod\":\"web-0\",\"pod_namespace\":\"shop\","
#define KNOWN_MESSAGE                                                                      \
	"MESSAGE=rm[4242] (alice) removed \"/srv/data/it's x\"\nMESSAGE_ID=" UW_ID_DELETED \
	"\nPRIORITY=6\nUNLINK_TIME=1700000000123456789\nUNLINK_OP=unlink\n"                \
	"UNLINK_VIA=syscall\nUNLINK_RET=0\nUNLINK_PID=4242\n"
#define KNOWN_JSON                                                                            \
	"{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\"," \
	"\"ret\":0,\"pid\":4242,"
#define KNOWN_TEXT                                                                                \
	"2023-11-14T22:13:20.123456+0000 rm[4242] (alice) removed \"/srv/data/it's x\" pid=4242 " \
	"comm=rm filename=\"it's x\" ret=0\n"

static const struct row {
	const char *title;
	struct uw_record record;
	struct uw_entry entry;
	struct uw_str journal; /* the fields in their order, each with a newline */
	const char *json, *text;
} rows[] = {
	{
		.title = "a deletion that succeeded",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .task_known = true,
			    .euid = 0, .mntns = 4026531841, .ppid = 17, .dir_known = true,
			    .comm = TEXT("rm"), .name = TEXT("x"), .dir = TEXT("/srv/data"),
			    .path_state = UW_PATH_LEXICAL, .path = TEXT("/srv/data/x") },
		.entry = { FULL, .priority = 6, .rules = one_rule, .n_rules = 1, .user = "alice" },
		.journal = TEXT("MESSAGE=rm[4242] (alice) removed /srv/data/x\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_PPID=17\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_EUID=0\n"
				"UNLINK_USER=alice\n"
				"UNLINK_MNTNS=4026531841\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/srv/data/x\n"
				"UNLINK_PATH_STATE=lexical\n"
				"UNLINK_DURATION_NS=1500\n"
				"UNLINK_RULE=payroll\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\",\"ret\":0,"
			"\"pid\":4242,\"tid\":4243,\"ppid\":17,\"comm\":\"rm\",\"uid\":1000,"
			"\"gid\":100,\"euid\":0,\"user\":\"alice\",\"mntns\":4026531841,\"filename\":\"x\","
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
		.entry = { FULL, .priority = 4, .rules = one_rule, .n_rules = 1 },
		.journal = TEXT("MESSAGE=rm[4242] (uid 1000) could not remove /etc/hosts: "
				"Permission denied (EACCES)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=4\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
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
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\","
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
		.entry = { FULL, .priority = 5, .rules = one_rule, .n_rules = 1, .user = "alice" },
		.journal = TEXT("MESSAGE=rm[4242] (alice) tried to remove /home/a/x: "
				"the result is not known\n"
				"MESSAGE_ID=" UW_ID_UNKNOWN "\n"
				"PRIORITY=5\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
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
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\","
			"\"ret\":null,\"pid\":4242,\"tid\":4243,\"comm\":\"rm\",\"uid\":1000,"
			"\"gid\":100,\"user\":\"alice\",\"filename\":\"x\",\"path\":\"/home/a/x\","
			"\"path_state\":\"guessed\",\"rule\":[\"payroll\"],\"priority\":5}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (alice) tried to remove "
			"/home/a/x: the result is not known pid=4242 comm=rm filename=x "
			"ret=unknown\n",
	},
	{
		.title = "a directory that two rules match",
		.record = { BY, .op = UW_OP_RMDIR, .ret_known = true, .ret = -ENOTEMPTY,
			    .comm = TEXT("rmdir"), .name = TEXT("d/"),
			    .path_state = UW_PATH_TRUNCATED, .path = TEXT("/tail/d") },
		.entry = { FULL, .priority = 0, .rules = two_rules, .n_rules = 2, .user = "root" },
		.journal = TEXT("MESSAGE=rmdir[4242] (root) could not remove directory /tail/d: "
				"Directory not empty (ENOTEMPTY)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=0\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rmdir\n"
				"UNLINK_VIA=syscall\n"
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
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rmdir\",\"via\":\"syscall\","
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
		.title = "a name in an unknown directory that no rule matches",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("a b"),
			    .name = TEXT("x=y"), .path_state = UW_PATH_UNKNOWN },
		.entry = { FULL, .priority = 6, .user = "alice" },
		.journal = TEXT("MESSAGE=\"a b\"[4242] (alice) removed x=y "
				"(in a directory that is not known)\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
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
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\",\"ret\":0,"
			"\"pid\":4242,\"tid\":4243,\"comm\":\"a b\",\"uid\":1000,\"gid\":100,"
			"\"user\":\"alice\",\"filename\":\"x=y\",\"path_state\":\"unknown\","
			"\"duration_ns\":1500,\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 \"a b\"[4242] (alice) removed x=y "
			"(in a directory that is not known) pid=4242 comm=\"a b\" "
			"filename=\"x=y\" ret=0\n",
	},
	{
		.title = "an unreadable name, by a process without a name",
		.record = { PROBED, BY_ALICE, .op = UW_OP_UNLINK, .ret_known = true, .ret = -EFAULT,
			    .comm = TEXT(""), .name = TEXT(""), .path_state = UW_PATH_UNKNOWN },
		.entry = { FULL, .priority = 6, .rules = one_rule, .n_rules = 1, .user = "alice" },
		.journal = TEXT("MESSAGE=\"\"[4242] (alice) could not remove a file whose name "
				"could not be read: Bad address (EFAULT)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
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
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\","
			"\"ret\":-14,\"errno\":\"EFAULT\",\"pid\":4242,\"tid\":4243,\"comm\":\"\","
			"\"uid\":1000,\"gid\":100,\"user\":\"alice\",\"filename\":\"\","
			"\"path_state\":\"unknown\",\"duration_ns\":1500,\"rule\":[\"payroll\"],"
			"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 \"\"[4242] (alice) could not remove a "
			"file whose name could not be read: Bad address (EFAULT) pid=4242 "
			"comm=\"\" filename=\"\" ret=-14\n",
	},
	{
		.title = "a comm and a name that imitate another record",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("rm[1](root)"),
			    .name = TEXT("x\nMESSAGE=\x1b[2J\xff ret=0"),
			    .path_state = UW_PATH_LEXICAL,
			    .path = TEXT("/t/x\nMESSAGE=\x1b[2J\xff ret=0") },
		.entry = { FULL, .priority = 6, .rules = one_rule, .n_rules = 1, .user = "a(b)" },
		.journal = TEXT("MESSAGE=\"rm[1](root)\"[4242] (\"a(b)\") removed "
				"\"/t/x\\nMESSAGE=\\x1b[2J\\xff ret=0\"\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
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
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\",\"ret\":0,"
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
		.title = "a failed rename with an unnamed error and the largest ids",
		.record = { PROBED, .name_known = true, .pid = UINT32_MAX, .tid = UINT32_MAX,
			    .uid = UINT32_MAX, .gid = UINT32_MAX, .fsuid = UINT32_MAX,
			    .fsgid = UINT32_MAX, .op = UW_OP_RENAME, .ret_known = true,
			    .ret = -1000, .comm = TEXT("mv"), .name = TEXT("/x"),
			    .path_state = UW_PATH_LEXICAL, .path = TEXT("/x") },
		.entry = { FULL, .priority = 7, .rules = one_rule, .n_rules = 1 },
		.journal = TEXT("MESSAGE=mv[4294967295] (uid 4294967295) could not replace /x: "
				"Unknown error (?)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=7\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rename\n"
				"UNLINK_VIA=syscall\n"
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
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rename\",\"via\":\"syscall\","
			"\"ret\":-1000,\"pid\":4294967295,\"tid\":4294967295,\"comm\":\"mv\","
			"\"uid\":4294967295,\"gid\":4294967295,\"filename\":\"/x\","
			"\"path\":\"/x\",\"path_state\":\"lexical\",\"duration_ns\":1500,"
			"\"rule\":[\"payroll\"],\"priority\":7}\n",
		.text = "2023-11-14T22:13:20.123456+0000 mv[4294967295] (uid 4294967295) could "
			"not replace /x: Unknown error (?) pid=4294967295 comm=mv filename=/x "
			"ret=-1000\n",
	},
	{
		.title = "everything",
		.record = { KNOWN, .op = UW_OP_UNLINK, .ret_known = true },
		.entry = { FULL, HOST, .priority = 6, .rules = one_rule, .n_rules = 1,
			   .user = "alice" },
		.journal = TEXT(KNOWN_MESSAGE "UNLINK_TID=4243\n"
					      "UNLINK_PPID=17\n" CHAIN "UNLINK_COMM=rm\n"
					      "UNLINK_EXE=/usr/bin/rm\n"
					      "UNLINK_EXE_DEV=8:1\n"
					      "UNLINK_EXE_INODE=77\n"
					      "UNLINK_EXE_STATE=deleted\n"
					      "UNLINK_CMDLINE=rm -f -- 'it'\\''s x'\n"
					      "UNLINK_CWD=/srv/data\n"
					      "UNLINK_ROOT=/srv\n"
					      "UNLINK_UID=1000\n"
					      "UNLINK_GID=100\n"
					      "UNLINK_EUID=0\n"
					      "UNLINK_USER=alice\n"
					      "UNLINK_LOGINUID=1001\n"
					      "UNLINK_LOGIN=claimed\n"
					      "UNLINK_SESSION=3\n"
					      "UNLINK_REMOTE=192.0.2.7\n"
					      "UNLINK_TTY=pts/0\n"
					      "UNLINK_LOGIN_SERVICE=sshd\n"
					      "UNLINK_LOGIN_TIME=1700000000123455789\n"
					      "UNLINK_SEAT=seat0\n"
					      "UNLINK_CLIENT=192.0.2.9\n"
					      "UNLINK_CLIENT_FROM=request\n"
					      "UNLINK_CGROUP=/system.slice/" SCOPE "/x\n"
					      "UNLINK_UNIT=" SCOPE "\n"
					      "UNLINK_SLICE=system.slice\n"
					      "UNLINK_CONTAINER=" ID "\n" NAMES
					      "UNLINK_MNT=private\n"
					      "UNLINK_MNTNS=4026531841\n"
					      "UNLINK_FILENAME=it's x\n"
					      "UNLINK_PATH=/srv/data/it's x\n"
					      "UNLINK_PATH_STATE=resolved\n"
					      "UNLINK_HOST_PATH=/host/data/it's x\n"
					      "UNLINK_DEV=8:17\n"
					      "UNLINK_INODE=18446744073709551615\n"
					      "UNLINK_MODE=0100644\n"
					      "UNLINK_OWNER=1002\n"
					      "UNLINK_SIZE=9223372036854775808\n"
					      "UNLINK_NLINK=2\n"
					      "UNLINK_FSTYPE=ext4\n"
					      "UNLINK_DURATION_NS=1500\n"
					      "UNLINK_RULE=payroll\n"),
		.json = KNOWN_JSON
		"\"tid\":4243,\"ppid\":17," CHAIN_JSON "\"comm\":\"rm\","
		"\"exe\":\"/usr/bin/rm\",\"exe_dev\":\"8:1\",\"exe_inode\":77,\"exe_state\":\"deleted\",\"cmdline\":\"rm -f -- 'it'\\\\''s x'\","
		"\"cwd\":\"/srv/data\",\"root\":\"/srv\",\"uid\":1000,\"gid\":100,"
		"\"euid\":0,\"user\":\"alice\",\"loginuid\":1001,\"login\":\"claimed\",\"session\":3,\"remote\":\"192.0.2.7\",\"tty\":\"pts/0\","
		"\"login_service\":\"sshd\",\"login_time\":\"2023-11-14T22:13:20.123455789Z\",\"seat\":\"seat0\",\"client\":\"192.0.2.9\",\"client_from\":\"request\","
		"\"cgroup\":\"/system.slice/" SCOPE "/x\",\"unit\":\"" SCOPE "\","
		"\"slice\":\"system.slice\",\"container\":\"" ID "\"," NAMES_JSON
		"\"mnt\":\"private\","
		"\"mntns\":4026531841,\"filename\":\"it's x\","
		"\"path\":\"/srv/data/it's x\",\"path_state\":\"resolved\","
		"\"host_path\":\"/host/data/it's x\","
		"\"dev\":\"8:17\",\"inode\":18446744073709551615,\"mode\":\"0100644\","
		"\"owner\":1002,\"size\":9223372036854775808,\"nlink\":2,"
		"\"fstype\":\"ext4\",\"duration_ns\":1500,\"rule\":[\"payroll\"],"
		"\"priority\":6}\n",
		.text = KNOWN_TEXT,
	},
	{
		.title = "a program of the host at Detail=standard, whose path says enough",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("rm"),
			    .exe = TEXT("/usr/bin/rm"), .exe_known = true, .exe_ino = 5,
			    .name = TEXT("x"), .path_state = UW_PATH_RESOLVED, .path = TEXT("/x") },
		.entry = { .detail = UW_DETAIL_STANDARD, .priority = 6, .user = "alice" },
		.journal = TEXT("MESSAGE=rm[4242] (alice) removed /x\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_EXE=/usr/bin/rm\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/x\n"
				"UNLINK_PATH_STATE=resolved\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\","
			"\"via\":\"syscall\",\"ret\":0,\"pid\":4242,\"tid\":4243,\"comm\":\"rm\","
			"\"exe\":\"/usr/bin/rm\",\"uid\":1000,\"gid\":100,\"user\":\"alice\","
			"\"filename\":\"x\",\"path\":\"/x\",\"path_state\":\"resolved\","
			"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (alice) removed /x pid=4242 "
			"comm=rm filename=x ret=0\n",
	},
	{
		.title = "everything at Detail=standard",
		.record = { KNOWN, .op = UW_OP_UNLINK, .ret_known = true },
		.entry = { .detail = UW_DETAIL_STANDARD,
			   HOST,
			   .priority = 6,
			   .rules = one_rule,
			   .n_rules = 1,
			   .user = "alice" },
		.journal = TEXT(KNOWN_MESSAGE "UNLINK_TID=4243\n"
					      "UNLINK_PPID=17\n" CHAIN "UNLINK_COMM=rm\n"
					      "UNLINK_EXE=/usr/bin/rm\n"
					      "UNLINK_EXE_DEV=8:1\n"
					      "UNLINK_EXE_INODE=77\n"
					      "UNLINK_EXE_STATE=deleted\n"
					      "UNLINK_CMDLINE=rm -f -- 'it'\\''s x'\n"
					      "UNLINK_UID=1000\n"
					      "UNLINK_GID=100\n"
					      "UNLINK_EUID=0\n"
					      "UNLINK_USER=alice\n"
					      "UNLINK_LOGINUID=1001\n"
					      "UNLINK_LOGIN=claimed\n"
					      "UNLINK_SESSION=3\n"
					      "UNLINK_REMOTE=192.0.2.7\n"
					      "UNLINK_TTY=pts/0\n"
					      "UNLINK_CLIENT=192.0.2.9\n"
					      "UNLINK_CLIENT_FROM=request\n"
					      "UNLINK_UNIT=" SCOPE "\n"
					      "UNLINK_CONTAINER=" ID "\n" NAMES
					      "UNLINK_MNT=private\n"
					      "UNLINK_FILENAME=it's x\n"
					      "UNLINK_PATH=/srv/data/it's x\n"
					      "UNLINK_PATH_STATE=resolved\n"
					      "UNLINK_HOST_PATH=/host/data/it's x\n"
					      "UNLINK_DEV=8:17\n"
					      "UNLINK_INODE=18446744073709551615\n"
					      "UNLINK_MODE=0100644\n"
					      "UNLINK_OWNER=1002\n"
					      "UNLINK_SIZE=9223372036854775808\n"
					      "UNLINK_NLINK=2\n"
					      "UNLINK_RULE=payroll\n"),
		.json = KNOWN_JSON
		"\"tid\":4243,\"ppid\":17," CHAIN_JSON "\"comm\":\"rm\","
		"\"exe\":\"/usr/bin/rm\",\"exe_dev\":\"8:1\",\"exe_inode\":77,\"exe_state\":\"deleted\",\"cmdline\":\"rm -f -- 'it'\\\\''s x'\","
		"\"uid\":1000,\"gid\":100,\"euid\":0,\"user\":\"alice\","
		"\"loginuid\":1001,\"login\":\"claimed\",\"session\":3,\"remote\":\"192.0.2.7\",\"tty\":\"pts/0\",\"client\":\"192.0.2.9\",\"client_from\":\"request\",\"unit\":\"" SCOPE
		"\","
		"\"container\":\"" ID "\"," NAMES_JSON
		"\"mnt\":\"private\",\"filename\":\"it's x\","
		"\"path\":\"/srv/data/it's x\",\"path_state\":\"resolved\","
		"\"host_path\":\"/host/data/it's x\","
		"\"dev\":\"8:17\",\"inode\":18446744073709551615,\"mode\":\"0100644\","
		"\"owner\":1002,\"size\":9223372036854775808,\"nlink\":2,"
		"\"rule\":[\"payroll\"],\"priority\":6}\n",
		.text = KNOWN_TEXT,
	},
	{
		.title = "everything at Detail=minimal",
		.record = { KNOWN, .op = UW_OP_UNLINK, .ret_known = true },
		.entry = { .detail = UW_DETAIL_MINIMAL,
			   HOST,
			   .priority = 6,
			   .rules = one_rule,
			   .n_rules = 1,
			   .user = "alice" },
		.journal = TEXT(KNOWN_MESSAGE "UNLINK_COMM=rm\n"
					      "UNLINK_UID=1000\n"
					      "UNLINK_USER=alice\n"
					      "UNLINK_FILENAME=it's x\n"
					      "UNLINK_PATH=/srv/data/it's x\n"
					      "UNLINK_PATH_STATE=resolved\n"
					      "UNLINK_RULE=payroll\n"),
		.json = KNOWN_JSON
		"\"comm\":\"rm\",\"uid\":1000,\"user\":\"alice\","
		"\"filename\":\"it's x\",\"path\":\"/srv/data/it's x\","
		"\"path_state\":\"resolved\",\"rule\":[\"payroll\"],\"priority\":6}\n",
		.text = KNOWN_TEXT,
	},
	{
		.title = "a rename that replaced a file",
		.record = { BY, .op = UW_OP_RENAME, .ret_known = true, .comm = TEXT("mv"),
			    .name = TEXT("x"), .path_state = UW_PATH_RESOLVED,
			    .path = TEXT("/srv/x"), .other = { .path = TEXT("/srv/y z") } },
		.entry = { .priority = 6, .user = "alice" },
		.journal = TEXT("MESSAGE=mv[4242] (alice) replaced /srv/x with \"/srv/y z\"\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rename\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_COMM=mv\n"
				"UNLINK_UID=1000\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/srv/x\n"
				"UNLINK_PATH_STATE=resolved\n"
				"UNLINK_REPLACED_BY=/srv/y z\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rename\","
			"\"via\":\"syscall\",\"ret\":0,\"pid\":4242,\"comm\":\"mv\",\"uid\":1000,"
			"\"user\":\"alice\",\"filename\":\"x\",\"path\":\"/srv/x\","
			"\"path_state\":\"resolved\",\"replaced_by\":\"/srv/y z\","
			"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 mv[4242] (alice) replaced /srv/x with "
			"\"/srv/y z\" pid=4242 comm=mv filename=x ret=0\n",
	},
	{
		.title = "a container in a container, as a user claims who has logged in",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("rm"),
			    .exe_known = true, .exe_private = true, .exe_deleted = true,
			    .exe_ino = 5, .loginuid_known = true, .loginuid = 1000,
			    .private_mnt = true, .name = TEXT("x"), .path_state = UW_PATH_DETACHED,
			    .path = TEXT("/x"),
			    .cgroup = TEXT("/user.slice/user-1000.slice/user@1000.service/"
					   "libpod-" ID ".scope/machine-in\\x2dner.scope"),
			    .cmdline = TEXT("rm\0--password=x") },
		.entry = { .detail = UW_DETAIL_STANDARD,
			   .no_cmdline = true,
			   .priority = 6,
			   .user = "alice",
			   .host_path = TEXT("/x") },
		.journal = TEXT("MESSAGE=rm[4242] (alice) removed /x\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_EXE_DEV=0:0\n"
				"UNLINK_EXE_INODE=5\n"
				"UNLINK_EXE_STATE=private\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_LOGINUID=1000\n"
				"UNLINK_UNIT=user@1000.service\n"
				"UNLINK_CONTAINER=in-ner\n"
				"UNLINK_OUTER_CONTAINER=" ID "\n"
				"UNLINK_CONTAINER_CLAIMED_BY=1000\n"
				"UNLINK_MNT=private\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/x\n"
				"UNLINK_PATH_STATE=detached\n"
				"UNLINK_HOST_PATH=/x\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"unlink\",\"via\":\"syscall\",\"ret\":0,"
			"\"pid\":4242,\"tid\":4243,\"comm\":\"rm\",\"exe_dev\":\"0:0\",\"exe_inode\":5,"
			"\"exe_state\":\"private\",\"uid\":1000,\"gid\":100,\"user\":\"alice\","
			"\"loginuid\":1000,\"unit\":\"user@1000.service\",\"container\":\"in-ner\","
			"\"outer_container\":\"" ID "\",\"container_claimed_by\":1000,"
			"\"mnt\":\"private\",\"filename\":\"x\",\"path\":\"/x\","
			"\"path_state\":\"detached\",\"host_path\":\"/x\",\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (alice) removed /x pid=4242 "
			"comm=rm filename=x ret=0\n",
	},
	{
		.title = "a directory that a server moved for a user, seen from a container",
		.record = { PROBED, BY_ALICE_AS(1001, 101), .name_known = true, .op = UW_OP_MOVE,
			    .ret_known = true, .comm = TEXT("smbd"), .name = TEXT("d"),
			    .found = true, .path_state = UW_PATH_RESOLVED, .path = TEXT("/srv/d"),
			    .inode_known = true, .mode = 040755, .links_known = true, .links = 2,
			    .other = { .path = TEXT("/srv/e/d"), .file.ino = 9 } },
		.entry = { .detail = UW_DETAIL_STANDARD,
			   .priority = 6,
			   .user = "bob",
			   .real_user = "alice",
			   .host_path = TEXT("/data/d"),
			   .upper_path = TEXT("/up/d"),
			   .host_other = TEXT("/data/e/d") },
		.journal = TEXT("MESSAGE=smbd[4242] (alice for bob) moved directory /srv/d to "
				"/srv/e/d\n"
				"MESSAGE_ID=" UW_ID_MOVED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=move\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=smbd\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_FSUID=1001\n"
				"UNLINK_FSGID=101\n"
				"UNLINK_USER=bob\n"
				"UNLINK_FILENAME=d\n"
				"UNLINK_PATH=/srv/d\n"
				"UNLINK_PATH_STATE=resolved\n"
				"UNLINK_HOST_PATH=/data/d\n"
				"UNLINK_UPPER_PATH=/up/d\n"
				"UNLINK_MOVED_TO=/srv/e/d\n"
				"UNLINK_HOST_MOVED_TO=/data/e/d\n"
				"UNLINK_INODE=0\n"
				"UNLINK_MODE=040755\n"
				"UNLINK_OWNER=0\n"
				"UNLINK_SIZE=0\n"
				"UNLINK_NLINK=2\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"move\","
			"\"via\":\"syscall\",\"ret\":0,\"pid\":4242,\"tid\":4243,\"comm\":\"smbd\","
			"\"uid\":1000,\"gid\":100,\"fsuid\":1001,\"fsgid\":101,\"user\":\"bob\",\"filename\":\"d\","
			"\"path\":\"/srv/d\",\"path_state\":\"resolved\",\"host_path\":\"/data/d\","
			"\"upper_path\":\"/up/d\","
			"\"moved_to\":\"/srv/e/d\",\"host_moved_to\":\"/data/e/d\",\"inode\":0,"
			"\"mode\":\"040755\",\"owner\":0,\"size\":0,\"nlink\":2,\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 smbd[4242] (alice for bob) moved directory "
			"/srv/d to /srv/e/d pid=4242 comm=smbd filename=d ret=0\n",
	},
	{
		.title = "an exchange that failed, by a program that acts as root",
		.record = { PROBED, BY_ALICE_AS(0, 100), .name_known = true, .op = UW_OP_EXCHANGE,
			    .ret_known = true, .ret = -EXDEV, .comm = TEXT("su"), .name = TEXT("a"),
			    .path_state = UW_PATH_LEXICAL, .path = TEXT("/srv/a"),
			    .other = { .path = TEXT("/mnt/b") } },
		.entry = { .priority = 6, .user = "root", .real_user = "alice" },
		.journal = TEXT("MESSAGE=su[4242] (alice as root) could not exchange /srv/a with "
				"/mnt/b: Invalid cross-device link (EXDEV)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=exchange\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=-18\n"
				"UNLINK_ERRNO=EXDEV\n"
				"UNLINK_PID=4242\n"
				"UNLINK_COMM=su\n"
				"UNLINK_UID=1000\n"
				"UNLINK_FSUID=0\n"
				"UNLINK_USER=root\n"
				"UNLINK_FILENAME=a\n"
				"UNLINK_PATH=/srv/a\n"
				"UNLINK_PATH_STATE=lexical\n"
				"UNLINK_MOVED_TO=/mnt/b\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"exchange\","
			"\"via\":\"syscall\",\"ret\":-18,\"errno\":\"EXDEV\",\"pid\":4242,"
			"\"comm\":\"su\",\"uid\":1000,\"fsuid\":0,\"user\":\"root\",\"filename\":\"a\","
			"\"path\":\"/srv/a\",\"path_state\":\"lexical\",\"moved_to\":\"/mnt/b\","
			"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 su[4242] (alice as root) could not exchange "
			"/srv/a with /mnt/b: Invalid cross-device link (EXDEV) pid=4242 comm=su "
			"filename=a ret=-18\n",
	},
	{
		.title = "a failed rename by io_uring with paths cut at the beginning",
		.record = { TIMED,
			    BY_ALICE,
			    .name_known = true,
			    .op = UW_OP_RENAME,
			    .via = UW_VIA_IO_URING,
			    .ret_known = true,
			    .ret = -ENOTEMPTY,
			    .comm = TEXT("app"),
			    .name = TEXT("d"),
			    .path_state = UW_PATH_TRUNCATED,
			    .path = TEXT("/tail/d"),
			    .other = { .path = TEXT("/end/e"),
				       .path_cut = true,
				       .file_known = true },
			    .cwd = TEXT("/deep"),
			    .cwd_cut = true,
			    .cmdline = TEXT("app\0fil"),
			    .cmdline_cut = true,
			    .inode_known = true,
			    .mode = 040755,
			    .links_known = true,
			    .links = 2 },
		.entry = { FULL, .priority = 6, .user = "alice", .host_other = TEXT("/host/e") },
		.journal = TEXT("MESSAGE=app[4242] (alice) could not replace directory /tail/d "
				"with .../end/e by io_uring: Directory not empty (ENOTEMPTY)\n"
				"MESSAGE_ID=" UW_ID_FAILED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rename\n"
				"UNLINK_VIA=io_uring\n"
				"UNLINK_RET=-39\n"
				"UNLINK_ERRNO=ENOTEMPTY\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=app\n"
				"UNLINK_CMDLINE=app fil (cut)\n"
				"UNLINK_CWD=.../deep\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=d\n"
				"UNLINK_PATH=/tail/d\n"
				"UNLINK_PATH_STATE=truncated\n"
				"UNLINK_REPLACED_BY=.../end/e\n"
				"UNLINK_HOST_REPLACED_BY=/host/e\n"
				"UNLINK_REPLACED_BY_INODE=0\n"
				"UNLINK_INODE=0\n"
				"UNLINK_MODE=040755\n"
				"UNLINK_OWNER=0\n"
				"UNLINK_SIZE=0\n"
				"UNLINK_NLINK=2\n"
				"UNLINK_DURATION_NS=1500\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rename\","
			"\"via\":\"io_uring\",\"ret\":-39,\"errno\":\"ENOTEMPTY\",\"pid\":4242,"
			"\"tid\":4243,\"comm\":\"app\",\"cmdline\":\"app fil (cut)\","
			"\"cwd\":\".../deep\",\"uid\":1000,\"gid\":100,\"user\":\"alice\","
			"\"filename\":\"d\",\"path\":\"/tail/d\",\"path_state\":\"truncated\","
			"\"replaced_by\":\".../end/e\",\"host_replaced_by\":\"/host/e\",\"replaced_by_inode\":0,\"inode\":0,\"mode\":\"040755\","
			"\"owner\":0,\"size\":0,\"nlink\":2,\"duration_ns\":1500,"
			"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 app[4242] (alice) could not replace "
			"directory /tail/d with .../end/e by io_uring: Directory not empty "
			"(ENOTEMPTY) pid=4242 comm=app filename=d ret=-39\n",
	},
	{
		.title = "a deletion inside the kernel with an unknown result",
		.record = { TIMED, BY_ALICE, .name_known = true, .op = UW_OP_RMDIR,
			    .via = UW_VIA_KERNEL, .comm = TEXT("nfsd"), .name = TEXT(""),
			    .path_state = UW_PATH_RESOLVED, .path = TEXT("/srv/d") },
		.entry = { .priority = 6, .user = "root" },
		.journal = TEXT("MESSAGE=nfsd[4242] (root) tried to remove directory /srv/d "
				"inside the kernel: the result is not known\n"
				"MESSAGE_ID=" UW_ID_UNKNOWN "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rmdir\n"
				"UNLINK_VIA=kernel\n"
				"UNLINK_RET=unknown\n"
				"UNLINK_PID=4242\n"
				"UNLINK_COMM=nfsd\n"
				"UNLINK_UID=1000\n"
				"UNLINK_USER=root\n"
				"UNLINK_FILENAME=\n"
				"UNLINK_PATH=/srv/d\n"
				"UNLINK_PATH_STATE=resolved\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rmdir\","
			"\"via\":\"kernel\",\"ret\":null,\"pid\":4242,\"comm\":\"nfsd\","
			"\"uid\":1000,\"user\":\"root\",\"filename\":\"\",\"path\":\"/srv/d\","
			"\"path_state\":\"resolved\",\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 nfsd[4242] (root) tried to remove "
			"directory /srv/d inside the kernel: the result is not known pid=4242 "
			"comm=nfsd filename=\"\" ret=unknown\n",
	},
	{
		.title = "a rename with unknown result, target and source",
		.record = { PROBED, BY_ALICE, .op = UW_OP_RENAME, .comm = TEXT("mv"),
			    .path_state = UW_PATH_UNKNOWN },
		.entry = { .priority = 6, .user = "alice" },
		.journal = TEXT("MESSAGE=mv[4242] (alice) tried to replace a file whose name could "
				"not be read: the result is not known\n"
				"MESSAGE_ID=" UW_ID_UNKNOWN "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=rename\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=unknown\n"
				"UNLINK_PID=4242\n"
				"UNLINK_COMM=mv\n"
				"UNLINK_UID=1000\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=\n"
				"UNLINK_PATH_STATE=unknown\n"),
		.json = "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"op\":\"rename\","
			"\"via\":\"syscall\",\"ret\":null,\"pid\":4242,\"comm\":\"mv\","
			"\"uid\":1000,\"user\":\"alice\",\"filename\":\"\","
			"\"path_state\":\"unknown\",\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 mv[4242] (alice) tried to replace a "
			"file whose name could not be read: the result is not known pid=4242 "
			"comm=mv filename=\"\" ret=unknown\n",
	},
	{
		.title = "a path that is the same on the host",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("rm"),
			    .name = TEXT("x"), .path_state = UW_PATH_RESOLVED,
			    .path = TEXT("/srv/x") },
		.entry = { .detail = UW_DETAIL_STANDARD,
			   .priority = 6,
			   .user = "alice",
			   .host_path = TEXT("/srv/x") },
		.journal = TEXT("MESSAGE=rm[4242] (alice) removed /srv/x\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/srv/x\n"
				"UNLINK_PATH_STATE=resolved\n"),
		.json = KNOWN_JSON
		"\"tid\":4243,\"comm\":\"rm\",\"uid\":1000,\"gid\":100,\"user\":\"alice\","
		"\"filename\":\"x\",\"path\":\"/srv/x\",\"path_state\":\"resolved\","
		"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (alice) removed /srv/x pid=4242 "
			"comm=rm filename=x ret=0\n",
	},
	{
		.title = "a host path that imitates another field",
		.record = { BY, .op = UW_OP_UNLINK, .ret_known = true, .comm = TEXT("rm"),
			    .name = TEXT("x"), .path_state = UW_PATH_RESOLVED, .path = TEXT("/x") },
		.entry = { .detail = UW_DETAIL_STANDARD,
			   .priority = 6,
			   .user = "alice",
			   .host_path = TEXT("/c\nPRIORITY=\xff/x") },
		.journal = TEXT("MESSAGE=rm[4242] (alice) removed /x\n"
				"MESSAGE_ID=" UW_ID_DELETED "\n"
				"PRIORITY=6\n"
				"UNLINK_TIME=1700000000123456789\n"
				"UNLINK_OP=unlink\n"
				"UNLINK_VIA=syscall\n"
				"UNLINK_RET=0\n"
				"UNLINK_PID=4242\n"
				"UNLINK_TID=4243\n"
				"UNLINK_COMM=rm\n"
				"UNLINK_UID=1000\n"
				"UNLINK_GID=100\n"
				"UNLINK_USER=alice\n"
				"UNLINK_FILENAME=x\n"
				"UNLINK_PATH=/x\n"
				"UNLINK_PATH_STATE=resolved\n"
				"UNLINK_HOST_PATH=/c\nPRIORITY=\xff/x\n"),
		.json = KNOWN_JSON
		"\"tid\":4243,\"comm\":\"rm\",\"uid\":1000,\"gid\":100,\"user\":\"alice\","
		"\"filename\":\"x\",\"path\":\"/x\",\"path_state\":\"resolved\","
		"\"host_path\":[47,99,10,80,82,73,79,82,73,84,89,61,255,47,120],"
		"\"priority\":6}\n",
		.text = "2023-11-14T22:13:20.123456+0000 rm[4242] (alice) removed /x pid=4242 "
			"comm=rm filename=x ret=0\n",
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

/* Splits the entry into fields like journald: see native_fields(). */
static size_t journal_of(const struct uw_entry *e, struct uw_buf *buf, struct iovec iov[FIELDS_MAX])
{
	struct uw_buf raw = { 0 };
	size_t n;

	uw_format_journal(e, &raw);
	assert_false(raw.failed);
	n = native_fields(raw.p, raw.len, buf, iov);
	uw_buf_free(&raw);
	return n;
}

static void test_journal(void **state)
{
	struct uw_entry e = entry_of(*state);
	const struct row *row = *state;
	struct uw_buf buf = { 0 }, joined = { 0 };
	struct iovec iov[FIELDS_MAX];
	size_t n = 0, i;

	n = journal_of(&e, &buf, iov);
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

/* The fields that a name of a manifest stands for. */
struct expanded {
	struct uw_buf bytes;
	size_t at[FIELDS_MAX + 1];
	size_t n;
};

static struct uw_str str(const char *s)
{
	return (struct uw_str){ s, strlen(s) };
}

static void expand(struct expanded *x, const char *name, struct uw_str value)
{
	assert_in_range(x->n, 0, FIELDS_MAX - 1);
	uw_buf_puts(&x->bytes, name);
	uw_buf_puts(&x->bytes, "=");
	uw_buf_add(&x->bytes, value.s, value.len);
	x->at[++x->n] = x->bytes.len;
}

static struct uw_str expanded_field(const struct expanded *x, size_t i)
{
	return (struct uw_str){ x->bytes.p + x->at[i], x->at[i + 1] - x->at[i] };
}

static bool has_name(struct uw_str field, const char *name)
{
	size_t len = strlen(name);

	return field.len > len && field.s[len] == '=' && !memcmp(field.s, name, len);
}

static bool expanded_has(const struct expanded *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++)
		if (has_name(expanded_field(x, i), name))
			return true;
	return false;
}

static void expand_own(struct expanded *x, const struct uw_name *name)
{
	static const char *const ops[] = { "", "unlink", "rmdir", "rename", "move", "exchange" };
	char path[2 * UW_PATH_MAX], number[32];
	struct uw_str whole = { path, 0 };

	expand(x, "UNLINK_OP", (struct uw_str){ ops[name->op], strlen(ops[name->op]) });
	snprintf(number, sizeof(number), name->failed ? "-%d" : "0", name->error);
	expand(x, "UNLINK_RET", str(name->failed && !name->error ? "unknown" : number));
	if (name->error && strerrorname_np(name->error))
		expand(x, "UNLINK_ERRNO", str(strerrorname_np(name->error)));
	snprintf(number, sizeof(number), "%" PRIu64, name->time_us * 1000);
	expand(x, "UNLINK_TIME", str(number));
	if (name->file_known) {
		snprintf(number, sizeof(number), "%" PRIu64, name->ino);
		expand(x, "UNLINK_INODE", str(number));
		snprintf(number, sizeof(number), "%" PRIu64, name->bytes);
		expand(x, "UNLINK_SIZE", str(number));
	}
	if (name->name.len && !expanded_has(x, "UNLINK_PATH")) {
		whole.len = (size_t)snprintf(path, sizeof(path), "%.*s/%.*s", (int)name->dir.len,
					     name->dir.s, (int)name->name.len, name->name.s);
		expand(x, "UNLINK_PATH", whole);
	}
	if (!expanded_has(x, "UNLINK_FILENAME"))
		expand(x, "UNLINK_FILENAME", name->by_path ? whole : name->name);
	if (name->host_dir.len && !expanded_has(x, "UNLINK_HOST_PATH")) {
		whole.len = (size_t)snprintf(path, sizeof(path), "%.*s/%.*s",
					     (int)name->host_dir.len, name->host_dir.s,
					     (int)name->name.len, name->name.s);
		expand(x, "UNLINK_HOST_PATH", whole);
	}
}

static void expand_name(struct expanded *x, const struct uw_name *name)
{
	struct uw_str lists[] = { name->more, name->fields }, field;

	for (size_t i = 0; i < LEN(lists); i++) {
		while (uw_names_field(&lists[i], &field)) {
			assert_in_range(x->n, 0, FIELDS_MAX - 1);
			uw_buf_add(&x->bytes, field.s, field.len);
			x->at[++x->n] = x->bytes.len;
		}
	}
	expand_own(x, name);
}

/* All but what a manifest leaves out, and the time as it has it. */
static size_t expected_fields(const struct iovec *iov, size_t n, struct expanded *x)
{
	static const char *const left_out[] = { "MESSAGE", "MESSAGE_ID", "UNLINK_DURATION_NS" };
	size_t expected = 0, i, k;

	for (i = 0; i < n; i++) {
		struct uw_str want = { iov[i].iov_base, iov[i].iov_len };
		bool there = false, out = false;

		for (k = 0; k < LEN(left_out); k++)
			out = out || has_name(want, left_out[k]);
		if (out)
			continue;
		if (has_name(want, "UNLINK_TIME"))
			memset((char *)iov[i].iov_base + want.len - 3, '0', 3);
		for (k = 0; k < x->n; k++)
			there = there || uw_str_equal(expanded_field(x, k), want);
		if (!there)
			fail_msg("a manifest lacks %.*s", (int)want.len, want.s);
		expected++;
	}
	return expected;
}

static void test_names(void **state)
{
	static struct uw_summary summary;
	struct uw_entry e = entry_of(*state);
	struct uw_manifest *manifest = uw_manifest_new();
	struct uw_names_reader *reader = uw_names_reader_new();
	struct uw_series series = { 0 };
	struct uw_buf buf = { 0 };
	struct expanded x = { .n = 0 };
	struct iovec iov[FIELDS_MAX];
	struct uw_name name;
	size_t n;

	memset(&summary, 0, sizeof(summary));
	assert_non_null(manifest);
	assert_true(uw_manifest_add(manifest, &e, &series, &summary));
	assert_int_equal(summary.unnamed, 0);
	uw_names_reader_begin(reader, (struct uw_str){ summary.names, summary.names_len });
	assert_int_equal(uw_names_read(reader, &name), 1);
	expand_name(&x, &name);
	n = journal_of(&e, &buf, iov);
	assert_int_equal(expected_fields(iov, n, &x), x.n);
	assert_int_equal(uw_names_read(reader, &name), 0);
	uw_names_reader_free(reader);
	uw_manifest_free(manifest);
	uw_series_done(&series);
	uw_buf_free(&x.bytes);
	uw_buf_free(&buf);
}

/* ---- fields */

/* Whether journald accepts the name from a client: journal_field_valid() of systemd. */
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
	for (i = 0; uw_record_fields[i].name; i++) {
		const char *name = uw_record_fields[i].name;

		if (!valid_name(name, strlen(name)))
			fail_msg("%s is no name for journald", name);
		assert_memory_equal(name, "UNLINK_", 7);
		for (k = 0; k < i; k++)
			assert_string_not_equal(name, uw_record_fields[k].name);
	}
	assert_int_equal(i, 65);
	assert_null(uw_record_fields[i].get);
}

/* The text of an address, of a client and of anybody. */
static void test_client(void **state)
{
	static const struct {
		struct uw_client client;
		const char *text;
	} clients[] = {
		{ { { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 } }, "2001:db8::7" },
		{ { { 0xfe, 0x80, [15] = 1 } }, "fe80::1" },
		{ { { [10] = 0xff, 0xff, 127, 0, 0, 2 } }, "127.0.0.2" },
		{ { { [15] = 1 } }, "::1" },
		{ { { 0 } }, "::" },
	};
	const struct uw_field *field = uw_record_fields;
	struct uw_record record = { 0 };
	struct uw_entry entry = { .record = &record, .detail = UW_DETAIL_STANDARD };
	struct uw_value value;
	struct uw_ask ask;
	size_t i;

	(void)state;
	uw_first_field(&ask, &entry);
	while (strcmp(field->name, "UNLINK_CLIENT"))
		field++;
	assert_int_equal(uw_field_value(field, &ask, 0).type, UW_VALUE_NONE);
	assert_int_equal(uw_field_value(field + 1, &ask, 0).type, UW_VALUE_NONE);
	for (i = 0; i < LEN(clients); i++) {
		record.client = (struct uw_str){ (const char *)&clients[i].client,
						 sizeof(clients[i].client) };
		value = uw_field_value(field, &ask, 0);
		assert_int_equal(value.type, UW_VALUE_STR);
		assert_true(uw_str_is(value.s, clients[i].text));
		assert_true(uw_str_is(uw_field_value(field + 1, &ask, 0).s, "request"));
		record.client.len = 0;
		entry.client = &clients[i].client;
		assert_true(uw_str_is(uw_field_value(field, &ask, 0).s, clients[i].text));
		assert_true(uw_str_is(uw_field_value(field + 1, &ask, 0).s, "socket"));
	}
}

/* Each detail has its own fields and those of the lower details. */
static void test_field_details(void **state)
{
	static const char *const fields_of[] = {
		[UW_DETAIL_MINIMAL] = "TIME OP VIA RET ERRNO PID COMM UID FSUID USER FILENAME "
				      "PATH PATH_STATE MOVED_TO REPLACED_BY RULE ",
		[UW_DETAIL_STANDARD] =
			"TID PPID ANCESTORS ANCESTOR EXE EXE_DEV EXE_INODE EXE_STATE CMDLINE GID EUID FSGID LOGINUID LOGIN SESSION REMOTE TTY CLIENT CLIENT_FROM UNIT "
			"CONTAINER OUTER_CONTAINER CONTAINER_CLAIMED_BY CONTAINER_NAME CONTAINER_IMAGE POD POD_NAMESPACE MNT "
			"HOST_PATH UPPER_PATH HOST_MOVED_TO HOST_REPLACED_BY "
			"REPLACED_BY_INODE DEV INODE MODE OWNER SIZE NLINK ",
		[UW_DETAIL_FULL] =
			"CWD ROOT LOGIN_SERVICE LOGIN_TIME SEAT CGROUP SLICE MNTNS FSTYPE DURATION_NS ",
	};
	char found[512];
	size_t detail, i;

	(void)state;
	for (detail = 0; detail < LEN(fields_of); detail++) {
		found[0] = '\0';
		for (i = 0; uw_record_fields[i].name; i++) {
			if (uw_record_fields[i].detail != detail)
				continue;
			strcat(found, uw_record_fields[i].name + strlen("UNLINK_"));
			strcat(found, " ");
		}
		assert_string_equal(found, fields_of[detail]);
	}
}

/* The rows together have exactly the fields of the table. */
static void test_field_set(void **state)
{
	static const char *const extra[] = { "MESSAGE", "MESSAGE_ID", "PRIORITY" };
	const char *known[96] = { extra[0], extra[1], extra[2] };
	bool seen[96] = { false };
	size_t n_known = LEN(extra), n, i, k, len;
	struct iovec iov[FIELDS_MAX];
	struct uw_buf buf = { 0 };

	(void)state;
	for (i = 0; uw_record_fields[i].name; i++)
		known[n_known++] = uw_record_fields[i].name;
	for (i = 0; i < LEN(rows); i++) {
		struct uw_entry e = entry_of(&rows[i]);
		unsigned int times[96] = { 0 };

		n = journal_of(&e, &buf, iov);
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
			if (times[k]++ && strcmp(known[k], "UNLINK_RULE") != 0 &&
			    strcmp(known[k], "UNLINK_ANCESTOR") != 0)
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

static const struct row *row_of(const char *title)
{
	size_t i;

	for (i = 0; i < LEN(rows); i++)
		if (!strcmp(rows[i].title, title))
			return &rows[i];
	fail_msg("no row is called %s", title);
	return NULL;
}

static void check_field(const struct iovec *iov, size_t n, const char *name, const char *want,
			size_t want_len)
{
	size_t len;
	const char *value = field(iov, n, name, &len);

	if (len != want_len || memcmp(value, want, len))
		fail_msg("%s is %.*s", name, (int)len, value);
}

/* All fields with their longest values, in a buffer that has to move many times. */
static void test_moving_buffer(void **state)
{
	static const size_t counts[] = { 0, 1, 63, 64, 80 };
	static char path[2 * UW_PATH_MAX], name[UW_PATH_MAX - 1], rule[201], user[200];
	static char quotes[UW_CMDLINE_MAX], cut[UW_PATH_MAX + 2];
	const struct row *row = row_of("everything");
	const char *rules[80];
	struct uw_record record = row->record;
	struct uw_entry e = entry_of(row);
	struct iovec iov[FIELDS_MAX];
	size_t c, i, n, len, n_rules;

	(void)state;
	memset(path, 'p', sizeof(path));
	memset(name, '\n', sizeof(name));
	memset(rule, 'r', sizeof(rule) - 1);
	memset(user, 'u', sizeof(user) - 1);
	memset(quotes, '\'', sizeof(quotes));
	memset(cut, '\n', sizeof(cut));
	memset(cut, '.', 3);
	for (i = 0; i < LEN(rules); i++)
		rules[i] = rule;
	record.path = (struct uw_str){ path, sizeof(path) };
	record.name = record.exe = record.root = (struct uw_str){ name, sizeof(name) };
	record.cwd = record.other.path = record.name;
	e.host_path = record.name;
	record.cwd_cut = record.other.path_cut = record.cmdline_cut = true;
	record.cmdline = (struct uw_str){ quotes, sizeof(quotes) };
	record.ret = -EACCES;
	record.op = UW_OP_RENAME;
	record.fsuid = record.fsgid = 7;
	record.other.file_known = true;
	e.host_other = (struct uw_str){ path, sizeof(path) };
	e.record = &record;
	e.user = user;
	e.rules = rules;
	for (c = 0; c < LEN(counts); c++) {
		struct uw_buf buf = { 0 };

		e.n_rules = counts[c];
		n = journal_of(&e, &buf, iov);
		for (i = 0, n_rules = 0; i < n; i++) {
			if (iov[i].iov_len > 12 && !memcmp(iov[i].iov_base, "UNLINK_RULE=", 12)) {
				assert_int_equal(iov[i].iov_len, 12 + strlen(rule));
				assert_memory_equal((char *)iov[i].iov_base + 12, rule,
						    strlen(rule));
				n_rules++;
			}
		}
		assert_int_equal(n_rules, counts[c] > UW_RULES_MAX ? UW_RULES_MAX : counts[c]);
		/*
		 * The table without the rule, the two of a move, the two of a second container
		 * and the upper path, and a second ancestor and three that are not in it.
		 */
		assert_int_equal(n, 65 - 6 + 1 + 3 + n_rules);
		check_field(iov, n, "UNLINK_PATH", path, sizeof(path));
		check_field(iov, n, "UNLINK_FILENAME", name, sizeof(name));
		check_field(iov, n, "UNLINK_HOST_PATH", name, sizeof(name));
		check_field(iov, n, "UNLINK_EXE", name, sizeof(name));
		check_field(iov, n, "UNLINK_CWD", cut, sizeof(cut));
		check_field(iov, n, "UNLINK_REPLACED_BY", cut, sizeof(cut));
		check_field(iov, n, "UNLINK_USER", user, strlen(user));
		check_field(iov, n, "UNLINK_CONTAINER", ID, strlen(ID));
		check_field(iov, n, "PRIORITY", "6", 1);
		field(iov, n, "UNLINK_CMDLINE", &len);
		assert_int_equal(len, 4 * UW_CMDLINE_MAX + 2 + strlen(" (cut)"));
		uw_buf_free(&buf);
	}
}

static struct uw_str exactly(const char *text)
{
	size_t len = strlen(text);
	char *s = malloc(len ?: 1);

	assert_non_null(s);
	memcpy(s, text, len);
	return (struct uw_str){ s, len };
}

/* Copies to memory of the exact size, so that the address sanitizer finds a read beyond it. */

static void test_host_paths(void **state)
{
	static const struct {
		const char *path, *host;
		bool written;
	} pairs[] = {
		{ "/a", "", false },	  { "", "", false },	 { "/a", "/a", false },
		{ "/", "/", false },	  { "/a", "/b", true },	 { "/a", "/a/b", true },
		{ "/a/b", "/a", true },	  { "/a", "/A", true },	 { "", "/a", true },
		{ "/a/b", "/c/b", true }, { "/a/", "/a", true },
	};
	struct iovec iov[FIELDS_MAX];
	struct uw_buf buf = { 0 };
	size_t n, i, k, found;

	(void)state;
	for (i = 0; i < LEN(pairs); i++) {
		struct uw_record record = rows[0].record;
		struct uw_entry e = entry_of(&rows[0]);

		record.path = exactly(pairs[i].path);
		e.host_path = exactly(pairs[i].host);
		e.record = &record;
		n = journal_of(&e, &buf, iov);
		for (k = 0, found = 0; k < n; k++)
			found += iov[k].iov_len > 17 &&
				 !memcmp(iov[k].iov_base, "UNLINK_HOST_PATH=", 17);
		if (found != pairs[i].written)
			fail_msg("%s in the host's tree, of the path %s, is written %zu times",
				 pairs[i].host, pairs[i].path, found);
		if (found)
			check_field(iov, n, "UNLINK_HOST_PATH", pairs[i].host,
				    strlen(pairs[i].host));
		free((char *)record.path.s);
		free((char *)e.host_path.s);
	}
	uw_buf_free(&buf);
}

static void test_upper_paths(void **state)
{
	static const struct {
		const char *path, *host, *upper, *json;
	} rows_of[] = {
		{ "/m/a", "", "/up/a", "\"upper_path\":\"/up/a\"" },
		{ "/m/a", "/h/m/a", "/up/a", "\"host_path\":\"/h/m/a\",\"upper_path\":\"/up/a\"" },
		{ "/m/a", "/h/m/a", "", NULL },
		{ "/m/a", "/h/m/a", "/m/a", NULL },
		{ "/m/a", "/h/m/a", "/h/m/a", NULL },
	};
	struct uw_buf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < LEN(rows_of); i++) {
		struct uw_record record = rows[0].record;
		struct uw_entry e = entry_of(&rows[0]);

		record.path = exactly(rows_of[i].path);
		e.host_path = exactly(rows_of[i].host);
		e.upper_path = exactly(rows_of[i].upper);
		e.record = &record;
		uw_buf_reset(&buf);
		uw_format_json(&e, &buf);
		uw_buf_add(&buf, "", 1);
		if (rows_of[i].json)
			assert_non_null(strstr(buf.p, rows_of[i].json));
		else
			assert_null(strstr(buf.p, "upper_path"));
		free((char *)record.path.s);
		free((char *)e.host_path.s);
		free((char *)e.upper_path.s);
	}
	uw_buf_free(&buf);
}

static void test_used_again(void **state)
{
	struct uw_buf used = { 0 }, fresh = { 0 };
	struct iovec a[FIELDS_MAX], b[FIELDS_MAX];
	size_t n_a, n_b, i, k;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		struct uw_entry e = entry_of(&rows[i]);

		n_a = journal_of(&e, &used, a);
		n_b = journal_of(&e, &fresh, b);
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
	struct uw_buf buf = { 0 };
	size_t len = (size_t)5 << 18; /* once in MESSAGE, and again in UNLINK_PATH */
	char *path = malloc(len);

	(void)state;
	assert_non_null(path);
	memset(path, 'p', len);
	record.path = (struct uw_str){ path, len };
	e.record = &record;
	uw_format_journal(&e, &buf);
	assert_true(buf.failed);
	uw_buf_reset(&buf);
	e.record = &rows[0].record;
	uw_format_journal(&e, &buf);
	assert_false(buf.failed);
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

/* Whether braces and brackets outside of strings are balanced. */
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
	char comm[17], name[64], path[64], rule[64], other[6][64];
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
		r.other.path = any_bytes(other[0], sizeof(other[0]));
		r.cwd = any_bytes(other[1], sizeof(other[1]));
		r.exe = any_bytes(other[2], sizeof(other[2]));
		r.cgroup = any_bytes(other[3], sizeof(other[3]));
		r.cmdline = any_bytes(other[4], sizeof(other[4]));
		if (r.cmdline.len)
			other[4][any(r.cmdline.len)] = '\0';
		r.other.path_cut = r.other.path.len && any(2);
		r.cwd_cut = r.cwd.len && any(2);
		r.cmdline_cut = any(2);
		rule[any_bytes(rule, sizeof(rule)).len] = '\0';
		e.record = &r;
		e.host_path = any(4) ? any_bytes(other[5], sizeof(other[5])) : r.path;
		e.rules = rules;
		e.n_rules = 1;
		e.user = any(2) ? rule : NULL;
		e.time_ns = any(2) ? UINT64_MAX : any(UINT64_MAX);
		e.detail = (enum uw_detail)any(3);
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
		/* JSON is for machines and always has UTC. */
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
					   UW_ID_STORM,		  UW_ID_CONFIG_ACCEPTED,
					   UW_ID_CONFIG_REJECTED, UW_ID_STARTED,
					   UW_ID_STOPPED };
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
	struct uw_entry e = {
		.record = record, .time_ns = TIME_NS, .priority = 6, .detail = UW_DETAIL_FULL
	};
	struct uw_buf buf = { 0 };

	uw_format_journal(&e, &buf);
	uw_format_json(&e, &buf);
	uw_format_text(&e, &buf);
	uw_buf_free(&buf);
}

/*
 * All values that the decoder accepts can be written. Runs in a child process, since a sanitizer
 * may end it.
 */
static void test_every_result(void **state)
{
	static const int rets[] = { 0, -1, -4095, -4096, 1, INT_MAX, INT_MIN + 1, INT_MIN };
	static struct uw_record record;
	struct uw_event ev = { .size = sizeof(ev),
			       .abi = UW_ABI,
			       .op = UW_OP_UNLINK,
			       .probe = UW_PROBE_KPROBE,
			       .via = UW_VIA_SYSCALL,
			       .flags = UW_EV_INODE | UW_EV_TASK | UW_EV_LOGINUID };
	size_t i, accepted = 0;
	int status = 0;
	pid_t pid;

	(void)state;
	for (i = 0; i < LEN(rets); i++) {
		ev.ret = rets[i];
		if (uw_record_decode(&ev, sizeof(ev), &record) < 0)
			continue;
		accepted++;
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			format_all(&record);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status)
			fail_msg("writing a record with the result %d ends with status %#x",
				 rets[i], (unsigned int)status);
	}
	assert_int_equal(accepted, 3);
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

static const struct CMUnitTest others[] = {
	TEST("names every field as journald takes it, once", test_field_names),
	TEST("writes each field at its detail and above", test_field_details),
	TEST("writes the address of a client as text", test_client),
	TEST("writes exactly the fields of the table, and only rules and ancestors more than once",
	     test_field_set),
	TEST("writes the right values when the buffer moves, with at most 64 rules",
	     test_moving_buffer),
	TEST("writes the host path only if it differs from the path", test_host_paths),
	TEST("writes the upper path only if it differs from both", test_upper_paths),
	TEST("writes the same to a buffer that was used before", test_used_again),
	TEST("reports a lack of memory, and recovers", test_no_memory),
	TEST("appends lines to the contents of the buffer", test_added),
	TEST("writes one line for each record whatever its strings hold", test_lines),
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
	{ "a name of a manifest", test_names },
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
