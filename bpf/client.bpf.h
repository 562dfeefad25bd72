/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client whose request a kernel thread carries out. Its address is read at the return of the
 * deletion, from the request that the thread has at this moment. Nothing is kept from one request
 * to the next, so no address can be that of another:
 *
 *  - The argument of a thread of nfsd is its struct svc_rqst. svc_recv() sets the address before
 *    each request, and the thread deletes nothing between two.
 *  - What a worker has in hand, and from which queue, is in its struct worker. Everything in the
 *    queue of ksmbd is a struct ksmbd_work, with the connection that it came by.
 *  - The argument of ksmbd's thread for a connection is that connection. Once the client has hung
 *    up, the thread deletes what was to go when the client closed it.
 *
 * Names of kernel threads are not a user's choice. Yet each structure has to point back to where it
 * was found.
 */
#ifndef UW_CLIENT_BPF_H
#define UW_CLIENT_BPF_H

#include "address.bpf.h"
#include "append.bpf.h"
#include "output.bpf.h"

/*
 * Whether the first n characters of a name are these, n at most 8; `name` has the first eight as a
 * number. Both architectures have the first one in the lowest byte.
 */
#define BEGINS(name, text, n) \
	((name) << (64 - 8 * (n)) == *(const __u64 *)(text "\0\0\0\0\0\0\0") << (64 - 8 * (n)))

static __always_inline void *pointer_at(const void *at)
{
	void *p = NULL;

	bpf_probe_read_kernel(&p, sizeof(p), at);
	return p;
}

/* From a struct svc_rqst: its struct sockaddr_storage. */
static __always_inline bool take_of_rqst(struct uw_client *to, void *rqst,
					 const struct task_struct *task)
{
	const struct uw_server_offsets *at = &uw_shared.servers;
	void *address = rqst + at->rqst_addr;
	__u16 family = 0;

	if (!at->rqst_addr || pointer_at(rqst + at->rqst_task) != task)
		return false;
	bpf_probe_read_kernel(&family, sizeof(family), address);
	return take_address(to, family, address + 4, address + 8);	/* sin_addr, sin6_addr */
}

/* From a struct ksmbd_conn: the peer of its socket. A connection over RDMA has no socket. */
static __always_inline bool take_of_conn(struct uw_client *to, void *conn)
{
	const struct uw_server_offsets *at = &uw_shared.servers;
	struct socket *socket;
	struct sock *sk;

	if (!at->sock)
		return false;
	socket = pointer_at(pointer_at(conn + at->conn_transport) + at->sock);
	sk = BPF_CORE_READ(socket, sk);
	return sk && BPF_CORE_READ(sk, sk_socket) == socket && take_peer(to, sk);
}

/* From what a worker is doing. */
static __always_inline bool take_of_worker(struct uw_client *to, const struct worker *worker)
{
	const struct uw_server_offsets *at = &uw_shared.servers;
	void *work = BPF_CORE_READ(worker, current_work);
	__u64 queue[2] = {};

	BPF_CORE_READ_INTO(&queue, worker, current_pwq, wq, name);
	if (!BEGINS(queue[0], "ksmbd-io", 8) || (__u8)queue[1])
		return false;
	return take_of_conn(to, pointer_at(work - at->work + at->work_conn));
}

/* Returns 1 if this thread works for a client that has an IP address, which is in s->client then. */
__noinline int uw_read_client(__u32 index)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = get_scratch(index);
	struct kthread *thread;
	void *argument;
	__u64 comm = 0;

	if (!s)
		return 0;
	if (bpf_core_field_exists(task->worker_private))
		thread = BPF_CORE_READ(task, worker_private);
	else
		thread = (void *)BPF_CORE_READ(task, set_child_tid);
	argument = BPF_CORE_READ(thread, data);
	if (CURRENT(flags) & PF_WQ_WORKER)
		return take_of_worker(&s->client, argument);
	BPF_CORE_READ_INTO(&comm, task, comm);
	if (BEGINS(comm, "nfsd", 5))
		return take_of_rqst(&s->client, argument, task);
	return BEGINS(comm, "ksmbd:", 6) && take_of_conn(&s->client, argument);
}

/* If the return was missed, the thread has another request by now. */
static __always_inline bool append_client(const struct strings to, struct scratch *s, __u32 index)
{
	if (to.ev->flags & UW_EV_RET_UNKNOWN || !uw_read_client(index))
		return true;
	return append(to, UW_STR_CLIENT, &s->client, sizeof(s->client));
}

#endif
