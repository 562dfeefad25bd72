/* SPDX-License-Identifier: MIT */
/* The facts about the running kernel that root alone may read. */
#ifndef UW_ROOT_FACTS_H
#define UW_ROOT_FACTS_H

#include <stdbool.h>

enum uw_lockdown {
	UW_LOCKDOWN_NONE, /* also where the kernel has no lockdown or securityfs is not mounted */
	UW_LOCKDOWN_INTEGRITY,
	UW_LOCKDOWN_CONFIDENTIALITY,
};

/*
 * Whether the kernel may preempt a program that a trampoline runs. Since 5.12 the kernel then skips
 * that program for other threads on the same CPU until the first one is done. With many threads
 * deleting on 7.2, a quarter of the deletions was lost, and returns were taken for those of others.
 */
enum uw_preemption {
	UW_PREEMPTION_UNKNOWN,
	UW_PREEMPTION_NONE, /* PREEMPT_NONE, PREEMPT_VOLUNTARY */
	UW_PREEMPTION_FULL, /* PREEMPT, PREEMPT_LAZY, PREEMPT_RT */
};

struct uw_root_facts {
	bool helper;	     /* the helper has read them, and does what takes root */
	int tracefs;	     /* descriptor of the root of tracefs, or -errno */
	bool kprobe_events;  /* tracefs has kprobe_events: the kernel has kprobes */
	bool syscall_events; /* tracefs has the system calls' tracepoints */
	enum uw_lockdown lockdown;
	enum uw_preemption preemption;
};

/*
 * Mounts a file system such as tracefs for this process alone: it is attached nowhere, and goes
 * with the descriptor. Without systemd, tracefs, securityfs and debugfs may not be mounted. Returns
 * a descriptor of its root, or -errno.
 */
int uw_mount_detached(const char *type);

/* Reads them, as root. What cannot be read counts as not there. Close ret->tracefs. */
void uw_root_facts_read(struct uw_root_facts *ret);

#endif
