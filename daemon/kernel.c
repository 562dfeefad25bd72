// SPDX-License-Identifier: MIT
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <linux/magic.h>
#include <linux/mount.h>

#define NOT_YET "renames that replace a file, and deletions inside the kernel (nfsd, overlayfs)"
#define NO_READS \
	"io_uring, 32-bit system calls, parent processes, the directories of relative names where the " \
	"process has exited, "
#define NO_BTF "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"

/*
 * Without systemd nobody may have mounted tracefs and securityfs. A mount of our own that is attached
 * nowhere shows it to this process alone and is gone with the descriptor. By syscall(2), as
 * glibc has the functions only from 2.36. Returns a descriptor of the root, or -errno.
 */
static int mount_private(const char *type)
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

static int tracefs_open(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	struct statfs sfs;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		/* The trailing component makes an automount happen. */
		char path[64];

		snprintf(path, sizeof(path), "%s/.", places[i]);
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!fstatfs(fd, &sfs) && sfs.f_type == TRACEFS_MAGIC)
			return fd;
		close(fd);
	}
	return mount_private("tracefs");
}

static enum uw_lockdown lockdown_read(void)
{
	char line[128];
	ssize_t n = -1;
	int dir, fd;

	fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		dir = mount_private("securityfs");
		if (dir < 0)
			return UW_LOCKDOWN_NONE;
		fd = openat(dir, "lockdown", O_RDONLY | O_CLOEXEC);
		close(dir);
	}
	if (fd >= 0) {
		n = read(fd, line, sizeof(line) - 1);
		close(fd);
	}
	line[n > 0 ? n : 0] = '\0';
	if (strstr(line, "[confidentiality]"))
		return UW_LOCKDOWN_CONFIDENTIALITY;
	return strstr(line, "[integrity]") ? UW_LOCKDOWN_INTEGRITY : UW_LOCKDOWN_NONE;
}

static const char *function_of(const struct btf *btf, const char *name, const char *name_before_7_0)
{
	if (btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0)
		return name;
	if (btf__find_by_name_kind(btf, name_before_7_0, BTF_KIND_FUNC) > 0)
		return name_before_7_0;
	return NULL;
}

void uw_kernel_read(struct uw_kernel *ret)
{
	struct btf *btf = btf__load_vmlinux_btf();

	memset(ret, 0, sizeof(*ret));
	ret->tracefs = tracefs_open();
	if (ret->tracefs >= 0) {
		ret->kprobe_events = !faccessat(ret->tracefs, "kprobe_events", W_OK, 0);
		ret->syscall_events =
			!faccessat(ret->tracefs, "events/syscalls/sys_enter_unlinkat/id", R_OK, 0);
	}
	ret->lockdown = lockdown_read();
	/* libbpf 1.0 and later: NULL on failure. */
	if (btf) {
		ret->btf = true;
		ret->unlink_fn = function_of(btf, "filename_unlinkat", "do_unlinkat");
		ret->rmdir_fn = function_of(btf, "filename_rmdir", "do_rmdir");
		btf__free(btf);
	}
}

void uw_kernel_done(struct uw_kernel *kernel)
{
	if (kernel->tracefs >= 0)
		close(kernel->tracefs);
	kernel->tracefs = -EBADF;
}

static const char *why_no_kernel_reads(const struct uw_kernel *k)
{
	if (k->lockdown == UW_LOCKDOWN_CONFIDENTIALITY)
		return "lockdown=confidentiality forbids reading kernel memory";
	if (!k->btf)
		return NO_BTF;
	return NULL;
}

static const char *why_no_tracefs(const struct uw_kernel *k)
{
	if (k->tracefs == -EPERM || k->tracefs == -EACCES)
		return "tracefs cannot be opened; this takes root";
	return "tracefs is not there; mount it with: mount -t tracefs tracefs /sys/kernel/tracing";
}

static const char *why_no_kprobe(const struct uw_kernel *k)
{
	if (why_no_kernel_reads(k))
		return why_no_kernel_reads(k);
	if (!k->unlink_fn || !k->rmdir_fn)
		return "this kernel's BTF lacks the function that unlinks (filename_unlinkat, do_unlinkat) "
		       "or the one for directories (filename_rmdir, do_rmdir)";
	if (k->tracefs < 0)
		return why_no_tracefs(k);
	if (!k->kprobe_events)
		return "tracefs has no kprobe_events that can be written: no CONFIG_KPROBE_EVENTS, or no right";
	return NULL;
}

static const char *why_no_tracepoint(const struct uw_kernel *k)
{
	if (k->tracefs < 0)
		return why_no_tracefs(k);
	if (!k->syscall_events && k->lockdown == UW_LOCKDOWN_CONFIDENTIALITY)
		return "lockdown=confidentiality keeps tracefs empty";
	if (!k->syscall_events)
		return "tracefs has no events/syscalls: no CONFIG_FTRACE_SYSCALLS, or no right to read it";
	return NULL;
}

size_t uw_kernel_plan(const struct uw_kernel *kernel, enum uw_probe_choice choice,
		      struct uw_plan plans[UW_PLANS_MAX])
{
	size_t n = 0;

	if (choice == UW_CHOOSE_AUTO || choice == UW_CHOOSE_KPROBE)
		plans[n++] = (struct uw_plan){
			.probe = UW_PROBE_KPROBE,
			.kernel_reads = true,
			.unlink_fn = kernel->unlink_fn,
			.rmdir_fn = kernel->rmdir_fn,
			.why_not = why_no_kprobe(kernel),
			.not_covered = NOT_YET,
		};
	if (choice == UW_CHOOSE_AUTO || choice == UW_CHOOSE_TRACEPOINT) {
		const char *why_not = why_no_tracepoint(kernel);
		const char *why_no_reads = why_no_kernel_reads(kernel);

		plans[n++] = (struct uw_plan){
			.probe = UW_PROBE_TRACEPOINT,
			.kernel_reads = true,
			.why_not = why_not ? why_not : why_no_reads,
			.not_covered = "io_uring, 32-bit system calls, " NOT_YET,
		};
		plans[n++] = (struct uw_plan){
			.probe = UW_PROBE_TRACEPOINT,
			.why_not = why_not,
			.not_covered = NO_READS NOT_YET,
		};
		plans[n++] = (struct uw_plan){
			.probe = UW_PROBE_TRACEPOINT,
			.raw = true,
			.why_not = kernel->btf ? NULL : NO_BTF,
			.not_covered = NO_READS NOT_YET,
		};
	}
	return n;
}

const char *uw_probe_name(enum uw_probe probe)
{
	switch (probe) {
	case UW_PROBE_KPROBE:
		return "kprobe";
	case UW_PROBE_FENTRY:
		return "fentry";
	case UW_PROBE_TRACEPOINT:
		return "tracepoint";
	case UW_PROBE_MAX:
		break;
	}
	return "unknown";
}

const char *uw_plan_detail(const struct uw_plan *plan)
{
	if (plan->raw)
		return " of all system calls, without kernel reads";
	return plan->kernel_reads ? "" : " without kernel reads";
}
