// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel side. It sees every deletion at its entry and at its return, joins the two per thread,
 * gets the true path from the functions in between, drops what no rule wants, and sends the rest to
 * the daemon through a ring buffer.
 *
 * The programs are in a file for each kind of probe, and are compiled as this one unit, three
 * times:
 *  - UW_KERNEL_READS: kprobes, fentry programs, and tracepoints that read the directory and the
 *    process from kernel memory.
 *  - UW_PLAIN: tracepoints that only read the caller's own memory. They load on kernels without
 *    BTF, where libbpf loads no object that has CO-RE relocations.
 *  - UW_RAW: the same on the two tracepoints of all system calls. lockdown=confidentiality forbids
 *    kernel reads and empties tracefs, so that the tracepoints of the system calls cannot be found;
 *    BTF has these two. They run for every system call and are the last resort.
 */
#include "kernel.bpf.h"

#if UW_KERNEL_READS
#include "kprobe.bpf.c"
#include "fentry.bpf.c"
#include "vfs.bpf.c"
#include "mounts.bpf.c"
#endif
#include "tracepoint.bpf.c"

char LICENSE[] SEC("license") = "GPL";
