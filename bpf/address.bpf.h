/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses of clients. */
#ifndef UW_ADDRESS_BPF_H
#define UW_ADDRESS_BPF_H

#include "kernel.bpf.h"
#include "unlinkwatch.h"

/* Takes the address of that family. False if it is none of IP, or cannot be read. */
static __always_inline bool take_address(struct uw_client *to, __u16 family, const void *in,
					 const void *in6)
{
	__builtin_memset(to, 0, sizeof(*to));
	if (family == AF_INET6)
		return !bpf_probe_read_kernel(to->address, 16, in6);
	to->address[10] = 0xff;
	to->address[11] = 0xff;
	return family == AF_INET && !bpf_probe_read_kernel(&to->address[12], 4, in);
}

/* The same, of the other end of a connection. */
static __always_inline bool take_peer(struct uw_client *to, struct sock *sk)
{
	return take_address(to, BPF_CORE_READ(sk, __sk_common.skc_family),
			    (void *)sk + AT(sock, __sk_common.skc_daddr),
			    (void *)sk + AT(sock, __sk_common.skc_v6_daddr));
}

#endif
