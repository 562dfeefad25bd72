// SPDX-License-Identifier: MIT
/*
 * Writes seed events for the targets `record`, `format` and `manifest` into the directory that its
 * argument names. They are not committed, since their layout changes with UW_ABI.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "unlinkwatch.h"

struct seed {
	const char *name;
	__u8 op;
	__u32 flags;
	int ret;
	const char *strings[UW_STR_MAX];
	__u16 below;
	const char *comm;
};

#define KNOWN (UW_EV_TASK | UW_EV_INODE | UW_EV_LOGINUID)
#define DEEP  "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/0/1/2/3/4/5/6/7/8/9"

static const struct seed seeds[] = {
	{ "resolved",
	  UW_OP_UNLINK,
	  KNOWN | UW_EV_RESOLVED | UW_EV_FS,
	  0,
	  { [UW_STR_NAME] = "report.csv",
	    [UW_STR_PATH] = "/srv/data/report.csv",
	    [UW_STR_FSROOT] = "/exports",
	    [UW_STR_EXE] = "/usr/bin/rm",
	    [UW_STR_CMDLINE] = "rm -f it's 100% x=y",
	    [UW_STR_CGROUP] = "/user.slice/user-1000.slice" },
	  11,
	  "rm" },
	{ "lexical",
	  UW_OP_UNLINK,
	  KNOWN | UW_EV_DIR | UW_EV_FS,
	  -ENOENT,
	  { [UW_STR_NAME] = "../x/./none",
	    [UW_STR_DIR] = "/srv/data",
	    [UW_STR_ROOT] = "/srv",
	    [UW_STR_CWD] = "/srv/data" },
	  5,
	  "unlink" },
	{ "detached",
	  UW_OP_UNLINK,
	  UW_EV_DIR | UW_EV_FS | UW_EV_DETACHED,
	  -ENOENT,
	  { [UW_STR_NAME] = "none", [UW_STR_DIR] = "/srv" },
	  4,
	  "rm" },
	{ "absolute",
	  UW_OP_UNLINK,
	  UW_EV_DIR | UW_EV_FS,
	  -EACCES,
	  { [UW_STR_NAME] = "/etc/../motd",
	    [UW_STR_DIR] = "/",
	    [UW_STR_CGROUP] = "/system.slice/a.service" },
	  0,
	  "sh" },
	{ "guessed",
	  UW_OP_UNLINK,
	  0,
	  -EPERM,
	  { [UW_STR_NAME] = "name", [UW_STR_CWD] = "/home/alice" },
	  0,
	  "a b" },
	{ "directory",
	  UW_OP_RMDIR,
	  KNOWN | UW_EV_RESOLVED,
	  -ENOTEMPTY,
	  { [UW_STR_NAME] = "old/", [UW_STR_PATH] = "/srv/old" },
	  0,
	  "rmdir" },
	{ "rename",
	  UW_OP_RENAME,
	  KNOWN | UW_EV_RESOLVED | UW_EV_OTHER_CUT,
	  0,
	  { [UW_STR_NAME] = "plan.txt",
	    [UW_STR_PATH] = "/srv/plan.txt",
	    [UW_STR_OTHER] = "data/plan.new" },
	  0,
	  "mv" },
	{ "exchange",
	  UW_OP_EXCHANGE,
	  KNOWN | UW_EV_RESOLVED | UW_EV_OTHER_FS | UW_EV_MOVES_DIR,
	  0,
	  { [UW_STR_NAME] = "a",
	    [UW_STR_OTHER_NAME] = "b",
	    [UW_STR_PATH] = "/srv/a",
	    [UW_STR_OTHER] = "/srv/b" },
	  0,
	  "mv" },
	{ "move",
	  UW_OP_MOVE,
	  KNOWN | UW_EV_DIR | UW_EV_OTHER_DIR,
	  -EXDEV,
	  { [UW_STR_NAME] = "a",
	    [UW_STR_OTHER_NAME] = "../b",
	    [UW_STR_DIR] = "/srv",
	    [UW_STR_OTHER_DIR] = "/home/alice" },
	  0,
	  "mv" },
	{ "overlay",
	  UW_OP_RENAME,
	  KNOWN | UW_EV_RESOLVED | UW_EV_PRIVATE_MNT | UW_EV_EXE | UW_EV_EXE_PRIVATE,
	  0,
	  { [UW_STR_NAME] = "plan.new",
	    [UW_STR_OTHER_NAME] = "plan.txt",
	    [UW_STR_PATH] = "/srv/plan.txt",
	    [UW_STR_OTHER] = "/srv/plan.new",
	    [UW_STR_UPPER] = "/upper/plan.txt",
	    [UW_STR_EXE] = "/usr/bin/mv" },
	  0,
	  "mv" },
	{ "unplaced",
	  UW_OP_RENAME,
	  KNOWN | UW_EV_UNPLACED | UW_EV_DIR | UW_EV_OTHER_DIR | UW_EV_EXE | UW_EV_EXE_DELETED,
	  0,
	  { [UW_STR_NAME] = "plan.new",
	    [UW_STR_OTHER_NAME] = "/srv/plan.txt",
	    [UW_STR_DIR] = "/home/alice",
	    [UW_STR_OTHER_DIR] = "/" },
	  0,
	  "mv" },
	{ "cut",
	  UW_OP_UNLINK,
	  UW_EV_DIR | UW_EV_DIR_CUT | UW_EV_NAME_CUT | UW_EV_CWD_CUT | UW_EV_CMDLINE_CUT,
	  0,
	  { [UW_STR_NAME] = "x", [UW_STR_DIR] = DEEP + 1, [UW_STR_CWD] = "b/c", [UW_STR_CMDLINE] = "a" },
	  0,
	  "" },
	{ "fault", UW_OP_UNLINK, UW_EV_NAME_FAULT | UW_EV_RET_UNKNOWN, 0, { NULL }, 0, "x" },
	{ "hostile",
	  UW_OP_UNLINK,
	  KNOWN | UW_EV_RESOLVED | UW_EV_NAME_LATE,
	  0,
	  { [UW_STR_NAME] = "a\n1970 rm[1] \"x\\\" \xe2\x80\xae\xff \xc2\x9b",
	    [UW_STR_PATH] = "/tmp/a\n1970 rm[1] \"x\\\" \xe2\x80\xae\xff \xc2\x9b",
	    [UW_STR_CMDLINE] = "sh 'a b' \x1b[2J $(x) \t\xf0\x9f\x98\x80" },
	  0,
	  "=[x](\")=\xff" },
	{ "container",
	  UW_OP_UNLINK,
	  KNOWN | UW_EV_RESOLVED,
	  0,
	  { [UW_STR_NAME] = "a",
	    [UW_STR_PATH] = "/a",
	    [UW_STR_ROOT] = "/var/lib/machines/m",
	    [UW_STR_CGROUP] = "/machine.slice/systemd-nspawn@a\\x2db.service/payload" },
	  0,
	  "rm" },
	{ "deep",
	  UW_OP_UNLINK,
	  UW_EV_DIR | UW_EV_FS,
	  0,
	  { [UW_STR_NAME] = "../../.." DEEP, [UW_STR_DIR] = DEEP, [UW_STR_FSROOT] = DEEP },
	  20,
	  "rm" },
};

static struct uw_event head_of(const struct seed *seed)
{
	struct uw_event ev = {
		.size = sizeof(ev),
		.abi = UW_ABI,
		.op = seed->op,
		.probe = UW_PROBE_KPROBE,
		.via = UW_VIA_SYSCALL,
		.flags = seed->flags,
		.rules = 1,
		.enter_ns = 1000,
		.exit_ns = 2500,
		.ret = seed->ret,
		.dfd = AT_FDCWD,
		.pid = 4242,
		.tid = 4243,
		.uid = 1000,
		.gid = 100,
		.loginuid = 1000,
		.session = 3,
		.dev = 8 << 20 | 1,
		.upper_dev = 8 << 20 | 2,
		.exe_ino = 132,
		.exe_dev = 8 << 20 | 1,
		.file.ino = 131,
		.file.mode = S_IFREG | 0640,
		.file.nlink = 2,
		.below = seed->below,
		.fstype = "ext4",
	};

	memcpy(ev.comm, seed->comm, strnlen(seed->comm, sizeof(ev.comm)));
	return ev;
}

/* A space in a command line stands for the NUL between arguments. */
static void write_strings(FILE *f, const struct seed *seed)
{
	for (size_t i = 0; i < UW_STR_MAX; i++)
		for (const char *s = seed->strings[i]; s && *s; s++)
			fputc(i == UW_STR_CMDLINE && *s == ' ' ? '\0' : *s, f);
}

static int write_seed(const char *dir, const struct seed *seed)
{
	struct uw_event ev = head_of(seed);
	char path[4096];
	FILE *f;

	for (size_t i = 0; i < UW_STR_MAX; i++) {
		ev.len[i] = (__u16)(seed->strings[i] ? strlen(seed->strings[i]) : 0);
		ev.size += ev.len[i];
	}
	snprintf(path, sizeof(path), "%s/%s", dir, seed->name);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	fwrite(&ev, sizeof(ev), 1, f);
	write_strings(f, seed);
	return fclose(f) ? -errno : 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 64;
	}
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		int r = write_seed(argv[1], &seeds[i]);

		if (r < 0) {
			fprintf(stderr, "%s/%s: %s\n", argv[1], seeds[i].name, strerror(-r));
			return 1;
		}
	}
	return 0;
}
