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
	__u32 op;	/* of a process's rename, which is not resolved yet: move or exchange */
	__u32 probe;
	enum scratch_index index;
	__s32 dfd;
	const void *name;	/* may be an error pointer, which fails to read */
	__s32 other_dfd;	/* of a rename: the new name */
	const void *other;
	bool user;		/* names are in the caller's memory, not in a struct filename */
	bool kthread;		/* the name is in the kernel's memory, and these are set: */
	__u8 depth;
	__u64 sp;
};

/* The ids that a deletion is done with: those that the process has, and those that count. */
struct ids {
	__u32 uid, gid, fsuid, fsgid;
};

/* Whether the event is of this call. What kind of rename it is may turn out later. */
static __always_inline bool is_of_call(const struct uw_event *ev, __u32 op)
{
	return ev->op == op || (uw_op_is_rename(op) && uw_op_is_rename(ev->op));
}

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

/* Names that could not be read at the entry; see enter(). The event is in the scratch space. */
static __always_inline void read_late(struct scratch *s, const struct uw_slot *slot)
{
	long n = bpf_probe_read_user_str(s->data, UW_PATH_MAX, (const void *)slot->name_ptr);
	__u32 at;

	begin_strings(&s->ev, n > 0 ? n - 1 : 0);
	s->ev.flags |= n > 0 ? UW_EV_NAME_LATE : UW_EV_NAME_LATE | UW_EV_NAME_FAULT;
	if (!slot->other_ptr)
		return;
	at = s->ev.size;
	asm volatile("" : "+r"(at));
	n = bpf_probe_read_user_str(&s->data[at & (UW_PATH_MAX - 1)], UW_PATH_MAX,
				    (const void *)slot->other_ptr);
	s->ev.len[UW_STR_OTHER_NAME] = n > 0 ? n - 1 : 0;
	s->ev.size += n > 0 ? n - 1 : 0;
	s->ev.flags |= n > 0 ? 0 : UW_EV_OTHER_NAME_FAULT;
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
	if (slot->name_ptr)
		read_late(s, slot);
	if (!(s->ev.flags & UW_EV_RESOLVED))
		append_starts(s, index);
	append_task(STRINGS_OF_SCRATCH(s), s, control->detail, true);
	s->ev.size += sizeof(s->ev);
	count_end(slot, output(&s->ev, s->ev.size, UW_EVENT_MAX, s->ev.fsuid));
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
		return output(&s->ev, s->ev.size, UW_EVENT_MAX, ev->fsuid);
	}
	if (slot->long_slot == UW_NO_SLOT)
		return output_slot(slot);
	strings = get_long_slot(slot->long_slot);
	if (!strings)
		return UW_CNT_RING_FULL;
	strings->ev = *ev;
	strings->ev.size += sizeof(*ev);
	return output(&strings->ev, strings->ev.size, sizeof(*strings), ev->fsuid);
}

static __always_inline void emit(struct uw_slot *slot, enum scratch_index index, const __u32 flags)
{
	count_end(slot, send(slot, index));
}
#endif

/*
 * Of a failed rename that the kernel did not resolve, only rules for moves want a record: it has
 * replaced nothing. If it has worked, it may have.
 */
static __always_inline __u64 rules_of_failure(const struct uw_slot *slot)
{
	const struct uw_rule_masks *set = &uw_shared.set[slot->set & (UW_RULESETS - 1)];

	if (slot->ev.op != UW_OP_MOVE || slot->ev.flags & (UW_EV_RESOLVED | UW_EV_SELFTEST) ||
	    slot->ev.probe == UW_PROBE_TRACEPOINT || set->gen != slot->ev.gen)
		return slot->on_failure;
	return slot->on_failure & set->op[UW_OP_MOVE];
}

/*
 * Ends the deletion in the slot: sends it if a rule wants this result, and frees the slot. Called
 * at the return, and with UW_EV_RET_UNKNOWN where the return was missed: the kernel silently skips
 * a kretprobe when all of its instances are in use.
 */
static __always_inline void finish(__u64 id, struct uw_slot *slot, __s32 ret, const __u32 flags,
				   enum scratch_index index)
{
	__u64 rules = ret ? rules_of_failure(slot) : slot->on_success;
	struct uw_event *ev = &slot->ev;

	if (is_swept(slot))
		return;
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

static __always_inline __u64 name_of(const struct attempt *a, const void *name)
{
#if UW_KERNEL_READS
	const struct filename *filename = name;

	if (!a->user && !a->kthread)
		return (__u64)BPF_CORE_READ(filename, name);
#endif
	return (__u64)name;
}

/*
 * Real ids, and those that the file system checks: a server may take on the latter for a client
 * (setfsuid(2), seteuid(2)). A kernel thread, such as nfsd's, only has these. Without `groups`,
 * only the users are read.
 */
static __always_inline struct ids ids_of(const struct attempt *a, const bool groups)
{
	struct ids ids = {};
	__u64 both;

#if UW_KERNEL_READS
	if (TYPED_TASK) {
		const struct cred *cred = bpf_get_current_task_btf()->cred;

		ids.fsuid = cred->fsuid.val;
		ids.uid = a->kthread ? ids.fsuid : cred->uid.val;
		if (groups) {
			ids.fsgid = cred->fsgid.val;
			ids.gid = a->kthread ? ids.fsgid : cred->gid.val;
		}
		return ids;
	}
#endif
	both = bpf_get_current_uid_gid();
	ids.uid = ids.fsuid = both;
	ids.gid = ids.fsgid = both >> 32;
#if UW_KERNEL_READS
	ids.fsuid = CURRENT(cred, fsuid.val);
	ids.fsgid = CURRENT(cred, fsgid.val);
	if (a->kthread) {
		ids.uid = ids.fsuid;
		ids.gid = ids.fsgid;
	}
#endif
	return ids;
}

_Static_assert(UW_OPS == 8 && UW_RULESETS == 2, "powers of two, which enter() masks with");

static __always_inline int enter(const struct attempt *a)
{
	__u64 id = bpf_get_current_pid_tgid(), rules;
	struct uw_control *control = &uw_shared.control;
	struct uw_rule_masks *set;
	struct uw_slot *slot;
	bool selftest = false;
	struct ids ids;
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

	rules = set->op[a->op & (UW_OPS - 1)];
	if (a->op == UW_OP_MOVE)	/* or a rename that replaces a file */
		rules |= set->op[UW_OP_RENAME];
	if (rules && set->check_uids) {
		ids = ids_of(a, false);
		rules &= uid_rules(a->index, which, set->gen, ids.uid, ids.fsuid);
	}
	/* On a stacked file system, a kernel thread's call is kept to tell the calls inside it. */
	if (!selftest)
		count_entry(!rules && !a->depth);
	if (!rules && !selftest && !a->depth)
		return 0;

	slot = take_slot(id);
	if (!slot) {
		count(selftest ? UW_CNT_SELFTEST_FULL : UW_CNT_STATE_FULL);
		return 0;
	}
	slot->on_success = selftest ? ~0ULL : rules & set->success;
	slot->on_failure = selftest ? ~0ULL : rules & set->failure;
	slot->set = which;
	slot->sp = a->sp;
	slot->depth = a->depth;
	slot->ev.abi = UW_ABI;
	slot->ev.op = a->op;
	slot->ev.probe = a->probe;
	slot->ev.flags = selftest ? UW_EV_SELFTEST : 0;
	slot->ev.gen = set->gen;
	slot->ev.enter_ns = bpf_ktime_get_boot_ns();
	slot->ev.dfd = a->dfd;
	slot->ev.other_dfd = a->other_dfd;
	slot->ev.pid = id >> 32;
	slot->ev.tid = (__u32)id;
	ids = ids_of(a, true);
	slot->ev.uid = ids.uid;
	slot->ev.gid = ids.gid;
	slot->ev.fsuid = ids.fsuid;
	slot->ev.fsgid = ids.fsgid;

	uw_keep_names(slot->at, name_of(a, a->name),
		      uw_op_is_rename(a->op) && !a->kthread ? name_of(a, a->other) : 0, a->user);
	/* Where the kernel may skip uw_thread_exit(), the daemon sends what is here by then. */
	if (a->kthread || control->preempts)
		fill_who(&slot->ev, slot);
	return 0;
}

#endif
