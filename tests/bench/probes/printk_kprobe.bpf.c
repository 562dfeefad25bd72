// SPDX-License-Identifier: MIT
/* The usual example of tutorials: it writes the name and the result of each deletion to the
 * kernel's trace buffer. */
#include "kernel.bpf.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("kprobe/do_unlinkat")
int BPF_KPROBE(printk_entry, int dfd, struct filename *name)
{
	bpf_printk("pid %d removes %s\n", bpf_get_current_pid_tgid() >> 32,
		   BPF_CORE_READ(name, name));
	return 0;
}

SEC("kretprobe/do_unlinkat")
int BPF_KRETPROBE(printk_return, long ret)
{
	bpf_printk("pid %d: %ld\n", bpf_get_current_pid_tgid() >> 32, ret);
	return 0;
}
