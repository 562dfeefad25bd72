// SPDX-License-Identifier: MIT
#include "helper/root_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"

/* By syscall(2), as glibc has the functions only from 2.36. */
int uw_mount_detached(const char *type)
{
	int fs, fd;

	fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		fd = -errno;
	} else {
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
		if (fd < 0)
			fd = -errno;
	}
	close(fs);
	return fd;
}

/* A descriptor of the path if a file system of this kind is there, else -errno. */
static int open_root(const char *path, unsigned int magic)
{
	struct statfs sfs;
	int fd;

	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstatfs(fd, &sfs) && (unsigned int)sfs.f_type == magic)
		return fd;
	close(fd);
	return -ENOENT;
}

static int tracefs_open(void)
{
	/* The trailing component makes an automount happen. */
	static const char *const places[] = { "/sys/kernel/tracing/.",
					      "/sys/kernel/debug/tracing/." };
	size_t i;
	int fd;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		fd = open_root(places[i], TRACEFS_MAGIC);
		if (fd >= 0)
			return fd;
	}
	return uw_mount_detached("tracefs");
}

/*
 * The models none and voluntary let no task be preempted in the kernel. Where the kernel can change
 * between models (PREEMPT_DYNAMIC, 5.12), debugfs has the one in force in parentheses.
 */
static enum uw_preemption preemption_read(void)
{
	struct utsname uts;
	char line[128];
	int dir;

	if (uname(&uts) < 0)
		return UW_PREEMPTION_UNKNOWN;
	if (!strstr(uts.version, "PREEMPT"))
		return UW_PREEMPTION_NONE;
	if (!strstr(uts.version, "PREEMPT_DYNAMIC"))
		return UW_PREEMPTION_FULL;
	dir = open_root("/sys/kernel/debug/.", DEBUGFS_MAGIC);
	if (dir < 0)
		dir = uw_mount_detached("debugfs");
	if (dir < 0)
		return UW_PREEMPTION_UNKNOWN;
	uw_file_read_small(dir, "sched/preempt", line, sizeof(line));
	close(dir);
	if (strstr(line, "(none)") || strstr(line, "(voluntary)"))
		return UW_PREEMPTION_NONE;
	return strchr(line, '(') ? UW_PREEMPTION_FULL : UW_PREEMPTION_UNKNOWN;
}

static enum uw_lockdown lockdown_read(void)
{
	char line[128];
	int dir;

	if (uw_file_read_small(AT_FDCWD, "/sys/kernel/security/lockdown", line, sizeof(line)) < 0) {
		dir = uw_mount_detached("securityfs");
		if (dir < 0)
			return UW_LOCKDOWN_NONE;
		uw_file_read_small(dir, "lockdown", line, sizeof(line));
		close(dir);
	}
	if (strstr(line, "[confidentiality]"))
		return UW_LOCKDOWN_CONFIDENTIALITY;
	return strstr(line, "[integrity]") ? UW_LOCKDOWN_INTEGRITY : UW_LOCKDOWN_NONE;
}

void uw_root_facts_read(struct uw_root_facts *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tracefs = tracefs_open();
	if (ret->tracefs >= 0) {
		ret->kprobe_events = !faccessat(ret->tracefs, "kprobe_events", W_OK, 0);
		ret->syscall_events =
			!faccessat(ret->tracefs, "events/syscalls/sys_enter_unlinkat/id", R_OK, 0);
	}
	ret->lockdown = lockdown_read();
	ret->preemption = preemption_read();
}
