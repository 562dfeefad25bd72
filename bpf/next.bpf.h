/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A deletion that is like the last one of its thread is sent as a struct uw_next: a third of the
 * bytes, so that the ring buffer has room for three times as many while the daemon is restarted.
 * Each scratch space remembers the last event that it sent whole. The daemon has that event in
 * uw_whole, and makes the other one whole again.
 *
 * What an event has of the process is read each time and compared. Of its strings, the executable
 * and the cgroup are compared by what tells one from another, as in the caches. The arguments may
 * change in the memory of the process, and its ancestors may change, so an event is remembered for a
 * second.
 */
#ifndef UW_NEXT_BPF_H
#define UW_NEXT_BPF_H

#include "output.bpf.h"
#include "slot.bpf.h"
#include "task.bpf.h"

/* Written and read by the daemon alone. Like the ring buffer, it outlives the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);		/* one for each scratch space */
	__type(key, __u32);
	__type(value, struct uw_whole);
} uw_whole SEC(".maps");

/* The texts of the process. False if one is not in the caches. */
static __always_inline bool find_texts(struct scratch *s, struct uw_event *ev, struct texts *ret)
{
	struct cgroup_cache_entry *g;
	struct dir_cache_entry *k;
	__u32 nlink;

	k = find_exe(s, &nlink);
	if (!k)
		return false;
	set_exe(ev, k->is.ino, k->dev, nlink, ev->flags & UW_EV_PRIVATE_MNT);
	g = cgroup_cache_find(s);
	identify_exe(ret, k);
	ret->cgroup = g->id;
	find_arguments(&ret->arg_start, &ret->arg_end);
	ret->start = CURRENT(start_boottime);
	return g->len;
}

#define SAME(member) (a->member == b->member)

static __always_inline bool same_texts(const struct texts *a, const struct texts *b)
{
	return SAME(exe_turn) && SAME(exe_mnt) && SAME(exe_event) && SAME(cgroup) &&
	       SAME(arg_start) && SAME(arg_end) && SAME(start);
}

/*
 * Whether others may follow the event, whose strings end with PATH. At Detail=minimal they are short
 * as they are.
 */
static __always_inline bool may_be_followed(const struct uw_event *ev)
{
	return uw_shared.control.detail >= UW_DETAIL_STANDARD && !uw_op_is_rename(ev->op) &&
	       ev->via != UW_VIA_KERNEL &&
	       ev->size == (__u32)ev->len[UW_STR_NAME] + ev->len[UW_STR_FSROOT] +
				   ev->len[UW_STR_PATH];
}

/* All but what struct uw_next has, and the strings of the process. */
static __always_inline bool same_event(const struct uw_event *a, const struct uw_event *b)
{
	const __u64 *comm_a = (const __u64 *)a->comm, *comm_b = (const __u64 *)b->comm;

	return SAME(tid) && SAME(pid) && SAME(op) && SAME(probe) && SAME(via) && SAME(flags) &&
	       SAME(gen) && SAME(rules) && SAME(ret) && SAME(uid) && SAME(gid) && SAME(fsuid) &&
	       SAME(fsgid) && SAME(account) && SAME(ppid) && SAME(euid) && SAME(loginuid) &&
	       SAME(session) && SAME(dev) && SAME(exe_dev) && SAME(exe_ino) && SAME(file.mode) &&
	       SAME(file.owner) && SAME(tty) && SAME(mntns) && SAME(tree) && comm_a[0] == comm_b[0] &&
	       comm_a[1] == comm_b[1];
}

/* Remembers an event that others may follow, if it has been sent whole. */
static __always_inline void remember_event(struct scratch *s, const struct uw_event *ev, bool sent)
{
	if (!sent) {
		s->last.file.origin = 0;
		return;
	}
	s->last = *ev;
	s->last.flags &= ~UW_EV_CMDLINE_CUT;
	s->last_texts = s->texts;
}

/*
 * Sends the event of slot `at`, which may_be_followed(), as one that follows the last. Returns 0 if
 * it does not.
 */
__noinline int uw_send_next(__u32 at, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);
	struct uw_event *ev, *last;
	struct uw_next *next;
	__u32 len;

	if (!s || !slot)
		return 0;
	ev = &slot->ev;
	last = &s->last;
	if (last->tid != ev->tid || !last->file.origin || ev->exit_ns - last->exit_ns > REMEMBER_NS ||
	    uw_shared.control.whole)
		return 0;
	read_namespace(ev);
	read_ids(ev);
	if (!find_texts(s, ev, &s->texts) || !same_texts(&s->texts, &s->last_texts) ||
	    !same_event(ev, last))
		return 0;
	next = (void *)s->data;
	next->abi = UW_ABI_NEXT;
	next->below = ev->below;
	next->origin = last->file.origin;
	next->nlink = ev->file.nlink;
	next->since = last->exit_ns;
	next->enter_ns = ev->enter_ns;
	next->exit_ns = ev->exit_ns;
	next->ino = ev->file.ino;
	next->bytes = ev->file.bytes;
	next->len[UW_STR_NAME] = ev->len[UW_STR_NAME];
	next->len[UW_STR_OTHER_NAME] = 0;
	next->len[UW_STR_FSROOT] = ev->len[UW_STR_FSROOT];
	next->len[UW_STR_PATH] = ev->len[UW_STR_PATH];
	len = ev->size;
	asm volatile("" : "+r"(len));
	len &= UW_SLOT_EVENT - 1;
	if (bpf_probe_read_kernel(next + 1, len, slot->data))
		return 0;
	next->size = sizeof(*next) + len;
	count_end(slot, output(next, sizeof(*next) + len, sizeof(*next) + UW_SLOT_EVENT, ev));
	return 1;
}

#endif
