// SPDX-License-Identifier: MIT
/* A kprobe and a kretprobe that do nothing: no tool that uses them can cost less. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("kprobe/do_unlinkat")
int empty_entry(void *ctx)
{
	return 0;
}

SEC("kretprobe/do_unlinkat")
int empty_return(void *ctx)
{
	return 0;
}
