/* SPDX-License-Identifier: MIT */
/*
 * Makes kprobes through tracefs. libbpf can attach kprobes, but cannot set how many returns may be
 * in flight at once (maxactive). The kernel's default of twice the CPUs silently misses most
 * returns when many threads delete at a time. An event of type `r4096:` in kprobe_events sets it
 * (Documentation/trace/kprobetrace.rst).
 */
#ifndef UW_TRACEFS_H
#define UW_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The group of the events. */
#define UW_TRACEFS_GROUP "unlinkwatch"

/* The most that the kernel grants (KRETPROBE_MAXACTIVE_MAX in kernel/trace/trace_kprobe.c). */
#define UW_TRACEFS_MAX_ACTIVE 4096

/* Enough for "unlinkwatch/" and a name with a process id. */
#define UW_EVENT_NAME_MAX 64

/*
 * Whether ftrace is off (kernel.ftrace_enabled=0). Kprobes at a function's entry use ftrace on x86
 * and others, and see nothing while it is off. Nor may they be removed then: the kernel frees them
 * without taking them out of its tables (seen on 6.1: a warning, and later a CPU that hangs).
 */
bool uw_tracefs_off(void);

/*
 * Removes the events of unlinkwatchd processes that are gone, as far as possible. The kernel
 * refuses to remove an event that is in use.
 */
void uw_tracefs_clean(int tracefs);

/*
 * How many returns may be in flight at once. UNLINKWATCH_MAXACTIVE= is for the tests: with a small
 * number, returns are missed.
 */
int uw_tracefs_max_active(void);

/*
 * Defines a kprobe event at the entry of function, or where max_active is not 0, at its return with
 * as many in flight, and attaches a BPF program to it. Stores the event's name, of which the id of
 * the process that it is for is a part, for uw_tracefs_remove(). Returns as uw_tracefs_attach().
 */
int uw_tracefs_probe(int tracefs, const char *function, int max_active, pid_t pid, int program,
		     char ret_name[UW_EVENT_NAME_MAX]);

/*
 * Waits up to two seconds while the event is in use: systemd may be about to close its descriptor.
 */
void uw_tracefs_remove(int tracefs, const char *name);

/*
 * Attaches a BPF program to the event, such as "syscalls/sys_enter_unlink". Returns the descriptor
 * that holds it, or -errno; -ENOENT where this kernel has no such event.
 */
int uw_tracefs_attach(int tracefs, const char *name, int program);

#endif
