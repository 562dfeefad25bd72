/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A deletion from its entry to its end. enter() drops what no rule can want by operation and uid,
 * and gives the rest a slot. finish() drops what no rule wants by its result, and sends the rest to
 * the daemon.
 */
#ifndef UW_DELETION_BPF_H
#define UW_DELETION_BPF_H

#include "output.bpf.h"
#include "rules.bpf.h"
#include "slot.bpf.h"
#if UW_KERNEL_READS
#include "task.bpf.h"
#endif

/* What an entry probe knows of a deletion that begins. */
struct attempt {
	__u32 op;
	__u32 probe;
	enum scratch_index index;
	__s32 dfd;
	const void *name;	/* may be an error pointer, which fails to read */
	bool user;		/* the name is in the caller's memory, not in a struct filename */
	bool kthread;		/* the name is in the kernel's memory, and these are set: */
	__u8 depth;
	__u64 sp;
};

/* Not called at the entry, as no rule wants most deletions. */
static __always_inline void fill_who(struct uw_event *ev, const struct uw_slot *slot)
{
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
	ev->via = slot->sp ? UW_VIA_KERNEL : UW_VIA_SYSCALL;
#if UW_KERNEL_READS
	/*
	 * A worker thread belongs to the process that submits, but has a name of its own:
	 * "iou-wrk-4242".
	 */
	if (CURRENT(flags) & PF_IO_WORKER) {
		struct task_struct *task = (void *)bpf_get_current_task();

		ev->via = UW_VIA_IO_URING;
		BPF_CORE_READ_INTO(&ev->comm, task, group_leader, comm);
	}
#endif
}

/* A name that could not be read at the entry; see enter(). The event is in the scratch space. */
static __always_inline void read_late(struct scratch *s, const struct uw_slot *slot)
{
	long n = bpf_probe_read_user_str(s->data, UW_PATH_MAX, (const void *)slot->name_ptr);

	begin_strings(&s->ev, n > 0 ? n - 1 : 0);
	s->ev.flags |= n > 0 ? UW_EV_NAME_LATE : UW_EV_NAME_LATE | UW_EV_NAME_FAULT;
}

#if UW_KERNEL_READS
/*
 * Sends the event of slot `at`, whose strings are long or take a walk, and counts it. A global
 * function, so that the verifier checks it once. It takes the number, since find() hides a slot
 * that the daemon is about to take away.
 */
__noinline int uw_emit_long(__u32 at, __u32 index)
{
	struct uw_control *control = &uw_shared.control;
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);

	if (!slot)
		return 0;
	if (!s || load(s, slot)) {
		count_end(slot, UW_CNT_RING_FULL);
		return 0;
	}
	if (slot->name_ptr && slot->ev.op != UW_OP_RENAME)
		read_late(s, slot);
	else if (slot->name_ptr)
		s->ev.flags |= UW_EV_NAME_FAULT;
	if (!(s->ev.flags & UW_EV_RESOLVED))
		append_start(s, index);
	append_task(STRINGS_OF_SCRATCH(s), s, control->detail, true);
	s->ev.size += sizeof(s->ev);
	count_end(slot, output(&s->ev, s->ev.size, UW_EVENT_MAX, s->ev.uid));
	return 0;
}

/* Sends the event and counts what becomes of it. Rare cases are apart, as they take more stack. */
static __always_inline void emit(struct uw_slot *slot, enum scratch_index index, const __u32 flags)
{
	struct uw_control *control = &uw_shared.control;
	struct scratch *s = get_scratch(index);
	struct uw_event *ev = &slot->ev;
	__u32 size = ev->size;

	if (!(flags & UW_EV_RET_UNKNOWN) && s && slot->long_slot == UW_NO_SLOT && !slot->name_ptr &&
	    ev->flags & UW_EV_RESOLVED && control->detail < UW_DETAIL_FULL) {
		if (append_task(STRINGS_OF_SLOT(slot), s, control->detail, false)) {
			count_end(slot, output_slot(slot));
			return;
		}
		ev->size = size;
		ev->len[UW_STR_EXE] = 0;
		ev->len[UW_STR_CMDLINE] = 0;
	}
	uw_emit_long(slot->at, index);
}
#else
/* Sends the event and returns what becomes of it. */
static __always_inline enum uw_counter send(struct uw_slot *slot, enum scratch_index index)
{
	struct uw_event *ev = &slot->ev;
	struct uw_long_slot *strings;
	struct scratch *s;

	if (slot->name_ptr) {
		s = get_scratch(index);
		if (!s)
			return UW_CNT_RING_FULL;
		s->ev = *ev;
		read_late(s, slot);
		s->ev.size += sizeof(s->ev);
		return output(&s->ev, s->ev.size, UW_EVENT_MAX, ev->uid);
	}
	if (slot->long_slot == UW_NO_SLOT)
		return output_slot(slot);
	strings = get_long_slot(slot->long_slot);
	if (!strings)
		return UW_CNT_RING_FULL;
	strings->ev = *ev;
	strings->ev.size += sizeof(*ev);
	return output(&strings->ev, strings->ev.size, sizeof(*strings), ev->uid);
}

static __always_inline void emit(struct uw_slot *slot, enum scratch_index index, const __u32 flags)
{
	count_end(slot, send(slot, index));
}
#endif

/* A rename that replaces nothing is no deletion and is not counted. */
static __always_inline bool is_deletion(const struct uw_slot *slot)
{
	return slot->ev.op != UW_OP_RENAME || slot->victim;
}

/*
 * Ends the deletion in the slot: sends it if a rule wants this result, and frees the slot. Called
 * at the return, and with UW_EV_RET_UNKNOWN where the return was missed: the kernel silently skips
 * a kretprobe when all of its instances are in use.
 */
static __always_inline void finish(__u64 id, struct uw_slot *slot, __s32 ret, const __u32 flags,
				   enum scratch_index index)
{
	__u64 rules = ret ? slot->on_failure : slot->on_success;
	struct uw_event *ev = &slot->ev;

	if (is_swept(slot))
		return;
	if (is_deletion(slot)) {
		if (flags & UW_EV_RET_UNKNOWN) {
			rules = slot->on_success | slot->on_failure;
			count_end(slot, UW_CNT_STALE);
		}
		if (!rules) {
			count(UW_CNT_FILTERED);
		} else {
			if (!ev->via)
				fill_who(ev, slot);
			ev->flags |= flags;
			ev->rules = rules;
			ev->exit_ns = bpf_ktime_get_boot_ns();
			ev->ret = ret;
			emit(slot, index, flags);
		}
	}
	free_slot(id, slot);
}

/* A global function, so that the verifier checks it once and not in every caller. */
__noinline int uw_finish_stale(__u64 id, __u32 index)
{
	struct uw_slot *slot = find(id);

	if (slot)
		finish(id, slot, 0, UW_EV_RET_UNKNOWN, index);
	return 0;
}

static __always_inline const void *name_of(const struct attempt *a)
{
#if UW_KERNEL_READS
	const struct filename *filename = a->name;

	if (!a->user && !a->kthread)
		return BPF_CORE_READ(filename, name);
#endif
	return a->name;
}

/* The user and the group that delete, in the form of bpf_get_current_uid_gid(). */
static __always_inline __u64 ids_of(const struct attempt *a)
{
#if UW_KERNEL_READS
	__u64 gid;

	if (a->kthread)
		return client_ids();
	if (TYPED_TASK) {
		gid = CURRENT(cred, gid.val);
		return gid << 32 | CURRENT(cred, uid.val);
	}
#endif
	return bpf_get_current_uid_gid();
}

static __always_inline __u32 uid_of(const struct attempt *a)
{
#if UW_KERNEL_READS
	if (!a->kthread && TYPED_TASK)
		return CURRENT(cred, uid.val);
#endif
	return (__u32)ids_of(a);
}

_Static_assert(UW_OP_MAX == 4 && UW_RULESETS == 2, "enter() masks with one less");

static __always_inline int enter(const struct attempt *a)
{
	__u64 id = bpf_get_current_pid_tgid(), ids, rules;
	struct uw_control *control = &uw_shared.control;
	struct uw_rule_masks *set;
	struct uw_slot *slot;
	bool selftest = false;
	const void *name;
	__u32 which;

	if (control->stopping)
		return 0;
	if (id >> 32 == control->self) {
		if (!control->selftest || (__u32)id != control->thread)
			return 0;
		selftest = true;
	}
	which = control->active & (UW_RULESETS - 1);
	set = &uw_shared.set[which];

	/* Even if no rule wants this deletion, its return must not end the old one. */
	if (!a->kthread && find(id))
		uw_finish_stale(id, a->index);

	rules = set->op[a->op & (UW_OP_MAX - 1)];
	if (rules && set->check_uids)
		rules &= uid_rules(a->index, which, set->gen, uid_of(a));
	/* On a stacked file system, a kernel thread's call is kept to tell the calls inside it. */
	if (a->op != UW_OP_RENAME && !selftest)
		count_entry(!rules && !a->depth);
	if (!rules && !selftest && !a->depth)
		return 0;

	slot = take_slot(id);
	ids = ids_of(a);
	if (!slot) {
		/* The rename may replace a file: better one loss too many than one too few. */
		if (a->op == UW_OP_RENAME && !selftest)
			count(UW_CNT_SEEN);
		count(selftest ? UW_CNT_SELFTEST_FULL : UW_CNT_STATE_FULL);
		return 0;
	}
	slot->on_success = selftest ? ~0ULL : rules & set->success;
	slot->on_failure = selftest ? ~0ULL : rules & set->failure;
	slot->set = which;
	slot->sp = a->sp;
	slot->depth = a->depth;
	slot->name_ptr = 0;
	slot->ev.abi = UW_ABI;
	slot->ev.op = a->op;
	slot->ev.probe = a->probe;
	slot->ev.flags = selftest ? UW_EV_SELFTEST : 0;
	slot->ev.gen = set->gen;
	slot->ev.enter_ns = bpf_ktime_get_boot_ns();
	slot->ev.dfd = a->dfd;
	slot->ev.pid = id >> 32;
	slot->ev.tid = (__u32)id;
	slot->ev.uid = (__u32)ids;
	slot->ev.gid = ids >> 32;

	name = name_of(a);
	if (a->op == UW_OP_RENAME)
		slot->name_ptr = (__u64)name;	/* only read if it replaces a file */
	else
		keep_name(slot, name, a->user);
	/*
	 * A program cannot fault a page in. The system call itself does, so a name in such a page
	 * is read again at the return.
	 */
	if (a->user && slot->ev.flags & UW_EV_NAME_FAULT) {
		slot->ev.flags &= ~UW_EV_NAME_FAULT;
		slot->name_ptr = (__u64)name;
	}
	/* Where the kernel may skip uw_thread_exit(), the daemon sends what is here by then. */
	if (a->kthread || control->preempts)
		fill_who(&slot->ev, slot);
	return 0;
}

#endif
