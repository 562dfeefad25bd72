/* SPDX-License-Identifier: MIT */
/*
 * Facts about the running kernel, and the choice of the way in that follows from them. Reading the
 * facts touches the system; choosing is a pure function of them, so that every combination can be
 * tested. Kernel versions are never compared: a distribution's 5.10 may have what another 6.1 lacks.
 */
#ifndef UW_KERNEL_H
#define UW_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum uw_lockdown {
	UW_LOCKDOWN_NONE, /* also where the kernel has no lockdown or securityfs is not mounted */
	UW_LOCKDOWN_INTEGRITY,
	UW_LOCKDOWN_CONFIDENTIALITY,
};

/*
 * Whether the kernel may preempt a program that a trampoline runs. Since 5.12 it skips that program
 * for other threads on the same CPU until the first one is done: with many threads at work a
 * quarter of the deletions was lost so on 7.2, and returns were taken for those of others.
 */
enum uw_preemption {
	UW_PREEMPTION_UNKNOWN,
	UW_PREEMPTION_NONE, /* PREEMPT_NONE, PREEMPT_VOLUNTARY */
	UW_PREEMPTION_FULL, /* PREEMPT, PREEMPT_LAZY, PREEMPT_RT */
};

/* The kernel's functions that are probed. */
enum uw_function {
	UW_FN_UNLINK, /* do_unlinkat or filename_unlinkat, and so on */
	UW_FN_RMDIR,
	UW_FN_RENAME,
	UW_FN_PATH_UNLINK, /* security_path_unlink and so on, with CONFIG_SECURITY_PATH */
	UW_FN_PATH_RMDIR,
	UW_FN_PATH_RENAME,
	UW_FN_SYMLINK, /* do_symlinkat or filename_symlinkat */
	UW_FN_PATH_SYMLINK,
	UW_FN_MOVE, /* __d_move: where a dentry changes its place */
	UW_FN_MAX,
};

struct uw_kernel {
	bool helper;	     /* what takes root is asked of the helper (privileged.h) */
	int tracefs;	     /* descriptor of the root of tracefs, or -errno */
	bool btf;	     /* /sys/kernel/btf/vmlinux can be read */
	bool kprobe_events;  /* tracefs has kprobe_events: the kernel has kprobes */
	bool syscall_events; /* tracefs has the system calls' tracepoints */
	bool trampolines;    /* the kernel has what fentry programs are attached by */
	bool ftrace_off;     /* kernel.ftrace_enabled=0 */
	enum uw_lockdown lockdown;
	enum uw_preemption preemption;
	const char *functions[UW_FN_MAX]; /* by their names here, or NULL */
	bool vfs;			  /* it can be seen what kernel threads delete, by: */
	struct uw_vfs_args vfs_args;
};

/* One way in. */
struct uw_plan {
	enum uw_probe probe;
	bool kernel_reads;		  /* use the object whose programs read kernel memory */
	bool raw;			  /* use the tracepoints of all system calls */
	bool kthreads;			  /* kernel threads can be watched, too, by kprobes */
	const char *functions[UW_FN_MAX]; /* for kprobe and fentry */
	const char *why_not;		  /* NULL, or why it is not worth a try; static */
	const char *not_covered; /* what it does not see, for the person who reads the log; static */
};

#define UW_PLANS_MAX 5

/*
 * Mounts a file system of the kernel's for this process alone: attached nowhere, and gone with the
 * descriptor. Without systemd nobody may have mounted tracefs, securityfs and debugfs. Returns a
 * descriptor of its root, or -errno.
 */
int uw_kernel_mount(const char *type);

/* Reads the facts. What cannot be read counts as not there. Release with uw_kernel_done(). */
void uw_kernel_read(struct uw_kernel *ret);
void uw_kernel_done(struct uw_kernel *kernel);

/* Reads, as root, those of the facts that root alone may read. The rest is zero. */
void uw_kernel_read_as_root(struct uw_kernel *ret);

/* Whether this is one of the kernel's functions that may be probed. */
bool uw_kernel_is_probed(const char *function);

/*
 * Fills plans with every way in that `choice` allows, the best first, the hopeless ones included
 * with their reason. Returns how many. Pure.
 */
size_t uw_kernel_plan(const struct uw_kernel *kernel, enum uw_probe_choice choice,
		      struct uw_plan plans[UW_PLANS_MAX]);

/* "kprobe", "fentry" or "tracepoint". */
const char *uw_probe_name(enum uw_probe probe);

/* More about the plan than the probe's name, such as " without kernel reads", or "". */
const char *uw_plan_detail(const struct uw_plan *plan);

#endif
