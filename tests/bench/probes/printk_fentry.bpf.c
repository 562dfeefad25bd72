// SPDX-License-Identifier: MIT
/* The same as printk_kprobe.bpf.c, by fentry and fexit. */
#include "kernel.bpf.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("fentry/do_unlinkat")
int BPF_PROG(printk_entry, int dfd, struct filename *name)
{
	bpf_printk("pid %d removes %s\n", bpf_get_current_pid_tgid() >> 32, name->name);
	return 0;
}

/* The kernel has freed the name by now. */
SEC("fexit/do_unlinkat")
int BPF_PROG(printk_return, int dfd, struct filename *name, long ret)
{
	bpf_printk("pid %d: %ld\n", bpf_get_current_pid_tgid() >> 32, ret);
	return 0;
}
