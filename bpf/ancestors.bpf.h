/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ancestors of the process, read while they live. All children of one parent have the same, so
 * each scratch space remembers those of the last parent for a second. Within that time an ancestor
 * may have ended or changed its name.
 */
#ifndef UW_ANCESTORS_BPF_H
#define UW_ANCESTORS_BPF_H

#include "append.bpf.h"

/* Reads an ancestor, and returns its parent. */
static __always_inline struct task_struct *read_ancestor(struct uw_ancestor *to,
							 struct task_struct *task)
{
	struct task_struct *leader;
	const __u32 *comm;

	/* The parent may be any thread. Its process has the name of the first one. */
	if (TYPED_TASK) {
		leader = task->group_leader;
		comm = (const __u32 *)leader->comm;
		((__u32 *)to->comm)[0] = comm[0];
		((__u32 *)to->comm)[1] = comm[1];
		((__u32 *)to->comm)[2] = comm[2];
		((__u32 *)to->comm)[3] = comm[3];
		to->pid = leader->tgid;
		return leader->real_parent;
	}
	leader = BPF_CORE_READ(task, group_leader);
	BPF_CORE_READ_INTO(&to->comm, leader, comm);
	to->pid = BPF_CORE_READ(leader, tgid);
	return BPF_CORE_READ(leader, real_parent);
}

/* From the parent up to process 1, as far as there is room. */
__noinline int uw_read_chain(__u32 index)
{
	struct scratch *s = get_scratch(index);
	struct task_struct *task;
	struct chain *c;
	int i;

	if (!s)
		return 0;
	c = &s->chain;
	c->n = 0;
	task = CURRENT(real_parent);
#pragma unroll
	for (i = 0; i < UW_ANCESTORS_MAX; i++) {
		task = read_ancestor(&c->ancestor[i], task);
		if (!c->ancestor[i].pid)
			break;
		c->n = i + 1;
		if (c->ancestor[i].pid == 1)
			break;
	}
	return 0;
}

static __always_inline bool append_ancestors(const struct strings to, struct scratch *s,
					     __u32 index)
{
	struct chain *c = &s->chain;
	__u64 start = CURRENT(real_parent, start_boottime), now = to.ev->exit_ns;

	if (c->start != start || c->ppid != to.ev->ppid || now - c->ns > REMEMBER_NS) {
		uw_read_chain(index);
		c->start = start;
		c->ppid = to.ev->ppid;
		c->ns = now;
	}
	return append(to, UW_STR_ANCESTORS, c->ancestor, c->n * sizeof(c->ancestor[0]));
}

#endif
