// SPDX-License-Identifier: GPL-2.0-only
/*
 * An iterator over the open files of a process. It writes a struct uw_peer with the time at which
 * the process began, and one for each TCP socket that listens or is a connection which was
 * accepted, as far as the local port tells: clients get theirs from net.ipv4.ip_local_port_range,
 * by default from 32768 on.
 */
#include "address.bpf.h"

#define S_IFSOCK 0140000
#define LOCAL_PORTS 32768
#define TCP_ESTABLISHED 1
#define TCP_LISTEN 10
#define IPPROTO_TCP 6

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct file *file;
};

#pragma clang attribute pop

SEC("iter/task_file")
int uw_peers(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct uw_peer peer = {};
	struct sock *sk;
	__u8 state;

	if (!task || !file)
		return 0;
	peer.start_ns = task->start_boottime;
	if (!ctx->meta->seq_num)
		bpf_seq_write(ctx->meta->seq, &peer, sizeof(peer));
	if ((file->f_inode->i_mode & S_IFMT) != S_IFSOCK)
		return 0;
	sk = BPF_CORE_READ((struct socket *)file->private_data, sk);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_LISTEN)
		peer.type = UW_PEER_LISTENS;
	else if (state == TCP_ESTABLISHED &&
		 BPF_CORE_READ(sk, __sk_common.skc_num) < LOCAL_PORTS)
		peer.type = UW_PEER_CONNECTION;
	else
		return 0;
	if (take_peer(&peer.client, sk))
		bpf_seq_write(ctx->meta->seq, &peer, sizeof(peer));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
