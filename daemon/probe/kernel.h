/* SPDX-License-Identifier: MIT */
/*
 * Facts about the running kernel, and the choice of the probe. The choice is a pure function of the
 * facts, so that every combination can be tested. Kernel versions are never compared: a
 * distribution's 5.10 may have what another's 6.1 lacks.
 */
#ifndef UW_KERNEL_H
#define UW_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "helper/root_facts.h"
#include "helper/targets.h"
#include "unlinkwatch.h"

struct uw_kernel {
	struct uw_root_facts root;
	bool btf;			  /* /sys/kernel/btf/vmlinux can be read */
	bool trampolines;		  /* the kernel has what fentry programs are attached by */
	bool ftrace_off;		  /* kernel.ftrace_enabled=0 */
	const char *functions[UW_FN_MAX]; /* by their names here, or NULL */
	bool vfs;			  /* deletions by kernel threads can be seen, by: */
	struct uw_vfs_args vfs_args;
};

/* One way to see deletions. */
struct uw_plan {
	enum uw_probe probe;
	bool kernel_reads;		  /* use the object whose programs read kernel memory */
	bool raw;			  /* use the tracepoints of all system calls */
	bool kthreads;			  /* kernel threads can be watched, too, by kprobes */
	const char *functions[UW_FN_MAX]; /* for kprobe and fentry */
	const char *why_not;		  /* NULL, or why it cannot work; static */
	const char *not_covered;	  /* what it does not see, for the log; static */
};

#define UW_PLANS_MAX 5

/* Reads the facts. What cannot be read counts as missing. Release with uw_kernel_done(). */
void uw_kernel_read(struct uw_kernel *ret);
void uw_kernel_done(struct uw_kernel *kernel);

/*
 * Fills plans with all that `choice` allows, the best first. Those that cannot work say why.
 * Returns how many. Pure.
 */
size_t uw_kernel_plan(const struct uw_kernel *kernel, enum uw_probe_choice choice,
		      struct uw_plan plans[UW_PLANS_MAX]);

/* "kprobe", "fentry" or "tracepoint". */
const char *uw_probe_name(enum uw_probe probe);

/*
 * What distinguishes the plan from others with the same probe, such as " without kernel reads", or
 * "".
 */
const char *uw_plan_detail(const struct uw_plan *plan);

#endif
