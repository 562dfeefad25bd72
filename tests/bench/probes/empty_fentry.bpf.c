// SPDX-License-Identifier: MIT
/* The same as empty_kprobe.bpf.c, by fentry and fexit. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("fentry/do_unlinkat")
int empty_entry(void *ctx)
{
	return 0;
}

SEC("fexit/do_unlinkat")
int empty_return(void *ctx)
{
	return 0;
}
