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
#include "next.bpf.h"
#endif

/* What an entry probe knows of a deletion that begins. */
struct attempt {
	__u32 op;	/* of a process's rename, which is not resolved yet: move or exchange */
	__u32 probe;
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
	__u32 account;	/* see uw_namespace_account() */
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
/* Sends the event in the scratch space, which is that of slot `at`, and counts it. */
__noinline int uw_emit_scratch(__u32 at, __u32 index)
{
	struct uw_control *control = &uw_shared.control;
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);

	if (!slot || !s)
		return 0;
	append_task(STRINGS_OF_SCRATCH(s), s, index, control->detail, true);
	s->ev.file.origin = 0;	/* the slot's last one may have had one */
	s->ev.size += sizeof(s->ev);
	count_end(slot, output(&s->ev, s->ev.size, UW_EVENT_MAX, &s->ev));
	return 0;
}

/*
 * Loads the event of slot `at` into the scratch space, with the names and the walks that it lacks.
 * Returns 0, or -1 if it is lost. A global function, so that the verifier checks it once. It takes
 * the number, since find() hides a slot that the daemon is about to take away.
 */
__noinline int uw_load_long(__u32 at, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);

	if (!slot)
		return -1;
	if (!s || load(s, slot)) {
		count_end(slot, UW_CNT_RING_FULL);
		return -1;
	}
	if (slot->name_ptr)
		read_late(s, slot);
	if (!(s->ev.flags & UW_EV_RESOLVED))
		append_starts(s, index);
	return 0;
}

/* Sends what the slot has, where no scratch space is free. */
__noinline int uw_send_bare(__u32 at)
{
	struct uw_slot *slot = get_slot(at);

	if (!slot)
		return 0;
	if (slot->name_ptr)
		slot->ev.flags |= UW_EV_NAME_FAULT | (slot->other_ptr ? UW_EV_OTHER_NAME_FAULT : 0);
	slot->ev.file.origin = 0;
	count_end(slot, slot->long_slot == UW_NO_SLOT ? output_slot(slot) : UW_CNT_RING_FULL);
	return 0;
}

/* Sends the event and counts what becomes of it. Rare cases are apart, as they take more stack. */
static __always_inline void emit(struct uw_slot *slot, struct scratch *s, __u32 index,
				 const __u32 flags)
{
	struct uw_control *control = &uw_shared.control;
	struct uw_event *ev = &slot->ev;
	__u32 size = ev->size;
	enum uw_counter sent;
	bool followed;

	if (!s) {
		uw_send_bare(slot->at);
		return;
	}
	if (!(flags & UW_EV_RET_UNKNOWN) && slot->long_slot == UW_NO_SLOT && !slot->name_ptr &&
	    ev->flags & UW_EV_RESOLVED && control->detail < UW_DETAIL_FULL) {
		followed = may_be_followed(ev);
		if (followed && uw_send_next(slot->at, index))
			return;
		ev->file.origin = followed ? index + 1 : 0;
		if (append_task(STRINGS_OF_SLOT(slot), s, index, control->detail, false)) {
			sent = output_slot(slot);
			if (followed)
				remember_event(s, ev, sent == UW_CNT_RECORDED);
			count_end(slot, sent);
			return;
		}
		ev->file.origin = 0;
		ev->size = size;
		ev->len[UW_STR_EXE] = 0;
		ev->len[UW_STR_CMDLINE] = 0;
		ev->len[UW_STR_CGROUP] = 0;
	}
	if (!uw_load_long(slot->at, index))
		uw_emit_scratch(slot->at, index);
}
#else
/* Sends the event and returns what becomes of it. */
static __always_inline enum uw_counter send(struct uw_slot *slot, struct scratch *s)
{
	struct uw_event *ev = &slot->ev;
	struct uw_long_slot *strings;

	if (slot->name_ptr) {
		if (!s)
			return UW_CNT_RING_FULL;
		s->ev = *ev;
		read_late(s, slot);
		s->ev.size += sizeof(s->ev);
		return output(&s->ev, s->ev.size, UW_EVENT_MAX, &s->ev);
	}
	if (slot->long_slot == UW_NO_SLOT)
		return output_slot(slot);
	strings = get_long_slot(slot->long_slot);
	if (!strings)
		return UW_CNT_RING_FULL;
	strings->ev = *ev;
	strings->ev.size += sizeof(*ev);
	return output(&strings->ev, strings->ev.size, sizeof(*strings), &strings->ev);
}

static __always_inline void emit(struct uw_slot *slot, struct scratch *s, __u32 index,
				 const __u32 flags)
{
	count_end(slot, send(slot, s));
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

/* What the event lacks when the deletion has ended, or when its result is not waited for. */
static __always_inline void complete(struct uw_event *ev, const struct uw_slot *slot, __u64 rules,
				     __s32 ret, const __u32 flags)
{
	if (!ev->via)
		fill_who(ev, slot);
	ev->flags |= flags;
	ev->rules = rules;
	ev->exit_ns = bpf_ktime_get_boot_ns();
	ev->ret = ret;
}

/*
 * Ends the deletion in the slot: sends it if a rule wants this result, and frees the slot. Called
 * at the return, and with UW_EV_RET_UNKNOWN where the return was missed: the kernel silently skips
 * a kretprobe when all of its instances are in use.
 */
static __always_inline void finish(__u64 id, struct uw_slot *slot, __s32 ret, const __u32 flags)
{
	__u64 rules = (ret ? rules_of_failure(slot) : slot->on_success) & slot->of_target;
	__u32 index = 0;
	struct scratch *s;

	if (is_swept(slot))
		return;
	if (flags & UW_EV_RET_UNKNOWN)
		rules = uw_slot_rules(slot);
	if (slot->sent) {
		/* It is counted. */
	} else if (!rules) {
		count(UW_CNT_FILTERED);
	} else {
		if (flags & UW_EV_RET_UNKNOWN)
			count_end(slot, UW_CNT_STALE);
		complete(&slot->ev, slot, rules, ret, flags);
		s = take_scratch(&index);
		emit(slot, s, index, flags);
		leave_scratch(s, index);
	}
	free_slot(id, slot);
}

/* A global function, so that the verifier checks it once and not in every caller. */
__noinline int uw_finish_stale(__u64 id)
{
	struct uw_slot *slot = find(id);

	if (slot)
		finish(id, slot, 0, UW_EV_RET_UNKNOWN);
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

#if UW_KERNEL_READS
/* How deep user namespaces can be nested. */
#define NAMESPACES 32

/*
 * Whose share of slots and ring buffer a deletion takes that is made in a user namespace: that of
 * the user who made the outermost one, or else the subordinate uids of one user would have as many
 * shares. Namespaces that root made are told apart by their inode numbers, which no uid reaches.
 */
__noinline __u32 uw_namespace_account(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct user_namespace *ns = BPF_CORE_READ(task, cred, user_ns), *parent;
	__u32 owner;
	int i;

	for (i = 0; i < NAMESPACES; i++) {
		parent = BPF_CORE_READ(ns, parent);
		if (!BPF_CORE_READ(parent, level))
			break;
		ns = parent;
	}
	owner = BPF_CORE_READ(ns, owner.val);
	return owner ? owner : BPF_CORE_READ(ns, ns.inum);
}
#endif

/*
 * Real ids, and those that the file system checks: a server may take on the latter for a client
 * (setfsuid(2), seteuid(2)). A kernel thread, such as nfsd's, only has these. Without `all`, only
 * the users are read.
 */
static __always_inline struct ids ids_of(const struct attempt *a, const bool all)
{
	struct ids ids = {};
	__u64 both;

#if UW_KERNEL_READS
	if (TYPED_TASK) {
		const struct cred *cred = bpf_get_current_task_btf()->cred;

		ids.fsuid = cred->fsuid.val;
		ids.uid = a->kthread ? ids.fsuid : cred->uid.val;
		if (all) {
			ids.fsgid = cred->fsgid.val;
			ids.gid = a->kthread ? ids.fsgid : cred->gid.val;
			ids.account = cred->user_ns->level ? uw_namespace_account() : ids.fsuid;
		}
		return ids;
	}
#endif
	both = bpf_get_current_uid_gid();
	ids.uid = ids.fsuid = both;
	ids.gid = ids.fsgid = both >> 32;
	ids.account = ids.fsuid;
#if UW_KERNEL_READS
	ids.fsuid = CURRENT(cred, fsuid.val);
	ids.fsgid = CURRENT(cred, fsgid.val);
	if (a->kthread) {
		ids.uid = ids.fsuid;
		ids.gid = ids.fsgid;
	}
	if (all)
		ids.account = CURRENT(cred, user_ns, level) ? uw_namespace_account() : ids.fsuid;
#endif
	return ids;
}

_Static_assert(UW_OPS == 8 && UW_RULESETS == 2, "powers of two, which select_rules() masks with");

/* How a deletion begins. */
struct beginning {
	__u64 rules;	/* that may want it, by operation and uid */
	__u32 set;
	bool ignored, selftest;
};

static __always_inline struct beginning select_rules(const struct attempt *a)
{
	struct uw_control *control = &uw_shared.control;
	__u64 id = bpf_get_current_pid_tgid();
	struct beginning b = {};
	struct uw_rule_masks *set;
	struct ids ids;

	b.ignored = control->stopping;
	if (id >> 32 == control->self) {
		b.selftest = control->selftest && (__u32)id == control->thread;
		b.ignored |= !b.selftest;
	}
	if (b.ignored)
		return b;
	b.set = control->active & (UW_RULESETS - 1);
	set = &uw_shared.set[b.set];
	b.rules = set->op[a->op & (UW_OPS - 1)];
	if (a->op == UW_OP_MOVE)	/* or a rename that replaces a file */
		b.rules |= set->op[UW_OP_RENAME];
	if (b.rules && set->check_uids) {
		ids = ids_of(a, false);
		b.rules &= uid_rules(b.set, set->gen, ids.uid, ids.fsuid);
	}
	return b;
}

static __always_inline void begin(struct uw_slot *slot, const struct attempt *a,
				  const struct beginning *b, const struct ids *ids)
{
	struct uw_rule_masks *set = &uw_shared.set[b->set & (UW_RULESETS - 1)];
	__u64 id = bpf_get_current_pid_tgid();

	slot->on_success = b->selftest ? ~0ULL : b->rules & set->success;
	slot->on_failure = b->selftest ? ~0ULL : b->rules & set->failure;
	slot->of_target = ~0ULL;
	slot->set = b->set;
	slot->sp = a->sp;
	slot->depth = a->depth;
	slot->ev.abi = UW_ABI;
	slot->ev.op = a->op;
	slot->ev.probe = a->probe;
	slot->ev.flags = b->selftest ? UW_EV_SELFTEST : 0;
	slot->ev.gen = set->gen;
	slot->ev.enter_ns = bpf_ktime_get_boot_ns();
	slot->ev.dfd = a->dfd;
	slot->ev.other_dfd = a->other_dfd;
	slot->ev.pid = id >> 32;
	slot->ev.tid = (__u32)id;
	slot->ev.uid = ids->uid;
	slot->ev.gid = ids->gid;
	slot->ev.fsuid = ids->fsuid;
	slot->ev.fsgid = ids->fsgid;
	slot->ev.account = ids->account;
}

static __always_inline int enter(const struct attempt *a)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_control *control = &uw_shared.control;
	struct beginning b = select_rules(a);
	struct uw_slot *slot;
	struct ids ids;

	if (b.ignored)
		return 0;
	/* Even if no rule wants this deletion, its return must not end the old one. */
	if (!a->kthread && find(id))
		uw_finish_stale(id);

	/* On a stacked file system, a kernel thread's call is kept to tell the calls inside it. */
	if (!b.selftest)
		count_entry(!b.rules && !a->depth);
	if (!b.rules && !b.selftest && !a->depth)
		return 0;

	ids = ids_of(a, true);
	slot = take_slot(id, ids.account);
	if (!slot) {
		count(b.selftest ? UW_CNT_SELFTEST_FULL : UW_CNT_STATE_FULL);
		return 0;
	}
	begin(slot, a, &b, &ids);
	uw_keep_names(slot->at, name_of(a, a->name),
		      uw_op_is_rename(a->op) && !a->kthread ? name_of(a, a->other) : 0, a->user);
	/* Where the kernel may skip uw_thread_exit(), the daemon sends what is here by then. */
	if (a->kthread || control->preempts)
		fill_who(&slot->ev, slot);
	return 0;
}

#if UW_KERNEL_READS
/*
 * For a deletion that may have found no slot at its entry, once its target is known: prepares the
 * slot of the scratch space and returns its number, or UW_NO_SLOT if no rule wants it. The names are
 * gone.
 */
__noinline __u32 uw_begin_unslotted(__u32 op, __u32 probe, __u32 index, __u64 kthread_sp)
{
	struct attempt a = { .op = op, .probe = probe, .dfd = -1, .other_dfd = -1 };
	struct uw_slot *slot;
	struct beginning b;
	struct ids ids;

	a.kthread = kthread_sp;
	a.sp = kthread_sp;
	b = select_rules(&a);
	if (b.ignored || b.selftest || !b.rules)
		return UW_NO_SLOT;
	slot = empty_slot(UW_SLOTS + index);
	if (!slot)
		return UW_NO_SLOT;
	ids = ids_of(&a, true);
	begin(slot, &a, &b, &ids);
	slot->ev.flags |= UW_EV_NAME_FAULT | (uw_op_is_rename(op) ? UW_EV_OTHER_NAME_FAULT : 0);
	slot->targeted = 1;
	return slot->at;
}

/*
 * Sends the event in the scratch space before the deletion has ended, if a rule wants it whatever
 * its result.
 */
__noinline int uw_send_now(__u32 at, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);

	if (!s || !slot || !uw_slot_rules(slot))
		return 0;
	if (slot->sent)	/* for another target */
		count(UW_CNT_SEEN);
	slot->sent = 1;
	complete(&s->ev, slot, uw_slot_rules(slot), 0, UW_EV_RET_UNKNOWN);
	return uw_emit_scratch(at, index);
}

/* Sends its event, if a rule wants the target. */
__noinline int uw_end_unslotted(__u32 at, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);

	if (!s || !slot)
		return 0;
	count(UW_CNT_SEEN);
	count(UW_CNT_NO_SLOT);
	if (slot->sent)
		return 0;
	if (!uw_slot_rules(slot) || load(s, slot)) {
		count(UW_CNT_FILTERED);
		return 0;
	}
	return uw_send_now(at, index);
}
#endif

#endif
