// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel side: sees every deletion at its entry and at its return, joins the two per thread, learns
 * the true path from the hooks in between, drops what no rule wants, and hands the rest to the
 * daemon through a ring buffer.
 *
 * Compiled three times from this source:
 *  - UW_KERNEL_READS: the kprobes, the fentry programs, and the tracepoints with the directory and the process read from
 *    kernel memory.
 *  - UW_PLAIN: tracepoints that read nothing but the caller's own memory. They load where the
 *    kernel has no BTF, without which libbpf loads no object that has CO-RE relocations.
 *  - UW_RAW: the same by the two tracepoints of all system calls, told apart by their number.
 *    lockdown=confidentiality forbids kernel reads and empties tracefs, so that the system calls' own
 *    tracepoints cannot be found; these are found through BTF. They are the last resort, as
 *    they run for every system call.
 */
#include "kernel.bpf.h"

#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"

#ifndef UW_KERNEL_READS
#define UW_KERNEL_READS 0
#endif
#ifndef UW_RAW
#define UW_RAW 0
#endif
#include "state.bpf.h"
#if UW_KERNEL_READS
#include "task.bpf.h"
#endif

#define AT_REMOVEDIR 0x200
#define RENAME_EXCHANGE 2

char LICENSE[] SEC("license") = "GPL";

/* What an entry probe knows of the deletion that begins. */
struct attempt {
	__u32 op;
	__u32 probe;
	enum bank bank;
	__s32 dfd;
	const void *name;	/* may be an error pointer: reading it fails safely */
	bool user;		/* that is in the caller's memory, not a struct filename */
	bool kthread;		/* name is in the kernel's memory, and these are valid, as in struct uw_state: */
	__u8 depth;
	__u64 sp;
};

/* Not at the entry, as most deletions turn out to interest nobody. */
static __always_inline void fill_who(struct uw_state *st)
{
	bpf_get_current_comm(st->comm, sizeof(st->comm));
	st->via = st->sp ? UW_VIA_KERNEL : UW_VIA_SYSCALL;
#if UW_KERNEL_READS
	struct task_struct *task = (void *)bpf_get_current_task();

	/* The worker thread is the submitter's, but not its name: "iou-wrk-4242". */
	if (BPF_CORE_READ(task, flags) & PF_IO_WORKER) {
		st->via = UW_VIA_IO_URING;
		BPF_CORE_READ_INTO(&st->comm, task, group_leader, comm);
	}
#endif
}

/* What the state knows joins an event that has its strings. */
static __always_inline void fill_event(struct uw_event *ev, __u64 id, const struct uw_state *st,
				       __u64 rules, __s32 ret, __u32 flags)
{
	ev->abi = UW_ABI;
	ev->op = st->op;
	ev->probe = st->probe;
	ev->via = st->via;
	ev->flags |= st->flags | flags | (st->canary ? UW_EV_CANARY : 0);
	ev->gen = st->gen;
	ev->rules = rules;
	ev->enter_ns = st->enter_ns;
	ev->exit_ns = bpf_ktime_get_boot_ns();
	ev->ret = ret;
	ev->dfd = st->dfd;
	ev->pid = id >> 32;
	ev->tid = (__u32)id;
	ev->uid = st->uid;
	ev->gid = st->gid;
	__builtin_memcpy(ev->comm, st->comm, sizeof(ev->comm));
}

/* A name that could not be read at the entry, see enter(). */
static __always_inline void read_late(struct scratch *s, const struct uw_state *st)
{
	long n = bpf_probe_read_user_str(s->data, UW_PATH_MAX, (const void *)st->name_ptr);

	begin_strings(&s->ev, n > 0 ? n - 1 : 0);
	s->ev.flags = n > 0 ? UW_EV_NAME_LATE : UW_EV_NAME_LATE | UW_EV_NAME_FAULT;
}

#if UW_KERNEL_READS
/* Returns what becomes of it. */
static __always_inline enum uw_counter emit(__u64 id, const struct uw_state *st, __u64 rules, __s32 ret,
					    __u32 flags, enum bank bank)
{
	struct uw_control *control = get_control();
	struct scratch *s = get_scratch(bank);

	if (!s || !control)
		return UW_CNT_RING_FULL;
	if (!st->name_ptr) {
		if (load(s, st))
			return UW_CNT_RING_FULL;
	} else if (st->op != UW_OP_RENAME) {
		read_late(s, st);
	} else {
		begin_strings(&s->ev, 0);
		s->ev.flags = UW_EV_NAME_FAULT;
	}
	fill_event(&s->ev, id, st, rules, ret, flags);
	read_task(s, bank, control->detail);
	s->ev.size += sizeof(s->ev);
	return output(&s->ev, s->ev.size, UW_EVENT_MAX, st->uid);
}
#else
/* Returns what becomes of it. */
static __always_inline enum uw_counter emit(__u64 id, const struct uw_state *st, __u64 rules, __s32 ret,
					    __u32 flags, enum bank bank)
{
	struct uw_small_slot *small;
	struct uw_big_slot *big;
	struct scratch *s;

	if (st->slot == UW_NO_SLOT) {
		s = get_scratch(bank);
		if (!s)
			return UW_CNT_RING_FULL;
		if (st->name_ptr)
			read_late(s, st);
		else
			load_name(s, st);
		fill_event(&s->ev, id, st, rules, ret, flags);
		s->ev.size += sizeof(s->ev);
		return output(&s->ev, s->ev.size, UW_EVENT_MAX, st->uid);
	}
	if (st->slot & UW_BIG_SLOT) {
		big = big_slot(st->slot);
		if (!big)
			return UW_CNT_RING_FULL;
		fill_event(&big->ev, id, st, rules, ret, flags);
		big->ev.size += sizeof(big->ev);
		return output(&big->ev, big->ev.size, sizeof(*big), st->uid);
	}
	small = small_slot(st->slot);
	if (!small)
		return UW_CNT_RING_FULL;
	fill_event(&small->ev, id, st, rules, ret, flags);
	small->ev.size += sizeof(small->ev);
	return output(&small->ev, small->ev.size, sizeof(*small), st->uid);
}
#endif

/* A rename that has not met a victim deletes nothing, and is not counted. */
static __always_inline bool is_deletion(const struct uw_state *st)
{
	return st->op != UW_OP_RENAME || st->victim;
}

/*
 * Ends the deletion in `st`: passes it on if a rule wants this result, and frees its state. Called at
 * the return, and with UW_EV_RET_UNKNOWN where the return was missed: a kretprobe is skipped without a
 * word when all its instances are in use.
 */
static __always_inline void finish(__u64 id, struct uw_state *st, __s32 ret, __u32 flags,
				   enum bank bank)
{
	__u64 rules = ret ? st->on_failure : st->on_success;

	if (is_deletion(st)) {
		if (flags & UW_EV_RET_UNKNOWN) {
			rules = st->on_success | st->on_failure;
			count_end(st->canary, UW_CNT_STALE);
		}
		if (rules && !st->via)
			fill_who(st);
		if (!rules)
			count(UW_CNT_FILTERED);
		else
			count_end(st->canary, emit(id, st, rules, ret, flags, bank));
	}
	forget(id, st);
}

static __always_inline void finish_stale(__u64 id, enum bank bank)
{
	struct uw_state *st = find(id);

	if (st)
		finish(id, st, 0, UW_EV_RET_UNKNOWN, bank);
}

/* Where nothing may run for this thread any more, the daemon takes what is in the table by then. */
static __noinline void know_who(__u64 id)
{
	struct uw_state *st = find(id);

	if (st)
		fill_who(st);
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

/* The user and group that delete, as bpf_get_current_uid_gid() has them. */
static __always_inline __u64 ids_of(const struct attempt *a)
{
#if UW_KERNEL_READS
	if (a->kthread)
		return client_ids();
#endif
	return bpf_get_current_uid_gid();
}

_Static_assert(UW_OP_MAX == 4, "UW_OP_MAX - 1 is a mask");

static __always_inline int enter(const struct attempt *a)
{
	__u64 id = bpf_get_current_pid_tgid(), ids, rules;
	struct uw_control *control = get_control();
	struct uw_ruleset *set;
	struct scratch *s;
	bool canary = false;
	const void *name;
	__u32 slot, op = a->op;

	if (!control || control->stopping)
		return 0;
	if (id >> 32 == control->self) {
		if (!control->canary || (__u32)id != control->thread)
			return 0;
		canary = true;
	}
	slot = control->active;
	set = bpf_map_lookup_elem(&uw_rulesets, &slot);
	s = get_scratch(a->bank);
	if (!set || !s || a->op >= UW_OP_MAX)
		return 0;

	/* Also where no rule wants the new one: its return must not be taken for the old one's. */
	if (!a->kthread)
		finish_stale(id, a->bank);

	ids = ids_of(a);
	/* The check above is too far away for the verifier. */
	asm volatile("" : "+r"(op));
	rules = set->op[op & (UW_OP_MAX - 1)];
	if (rules && set->check_uids)
		rules &= uid_rules(s, slot, set->gen, (__u32)ids);
	/* On a stacked file system a kernel thread's is kept all the same, to know the calls inside of it. */
	if (a->op != UW_OP_RENAME && !canary)
		count_entry(!rules && !a->depth);
	if (!rules && !canary && !a->depth)
		return 0;

	struct uw_state st = {
		.on_success = canary ? ~0ULL : rules & set->success,
		.on_failure = canary ? ~0ULL : rules & set->failure,
		.enter_ns = bpf_ktime_get_boot_ns(),
		.gen = set->gen,
		.dfd = a->dfd,
		.uid = (__u32)ids,
		.gid = ids >> 32,
		.slot = UW_NO_SLOT,
		.op = a->op,
		.probe = a->probe,
		.set = slot,
		.canary = canary,
		.sp = a->sp,
		.depth = a->depth,
	};

	name = name_of(a);
	if (a->op == UW_OP_RENAME)
		st.name_ptr = (__u64)name;	/* only read where there is a victim */
	else
		keep_name(&st, name, a->user);
	/*
	 * Reading from user space does not fault pages in. Where the name's page was never touched, the
	 * system call itself brings it in, and it is read again at the return.
	 */
	if (a->user && st.flags & UW_EV_NAME_FAULT) {
		st.flags = 0;
		st.name_ptr = (__u64)name;
	}
	if (a->kthread)
		fill_who(&st);
	if (add(id, &st)) {
		/* A rename might have met a victim: rather a loss too many in the counts than one too few. */
		if (a->op == UW_OP_RENAME)
			count_end(canary, UW_CNT_SEEN);
		count_end(canary, UW_CNT_STATE_FULL);
		give_slot(st.slot);
	} else if (!a->kthread) {
		control = get_control();
		if (control && control->preempts)
			know_who(id);
	}
	return 0;
}

/*
 * Run once by the daemon, on itself: the ids by which the probes will know it. getpid(2) gives those
 * of the daemon's pid namespace.
 */
SEC("raw_tp")
int uw_whoami(void *ctx)
{
	struct uw_control *control = get_control();
	__u64 id = bpf_get_current_pid_tgid();

	if (!control)
		return 0;
	control->self = id >> 32;
	control->thread = (__u32)id;
	return 0;
}

/* A thread that ends while its deletion is in the table: its return was missed. */
#if UW_RAW
SEC("uw_raw/sched_process_exit")
#else
SEC("raw_tp/sched_process_exit")
#endif
int uw_thread_exit(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_control *control = get_control();

#if UW_KERNEL_READS
	tree_change_ends(id);
#endif
	finish_stale(id, BANK_EXIT);
	/* The daemon itself: until the next one is there, its process id may be anybody's. */
	if (control && control->thread == (__u32)id)
		control->self = control->thread = 0;
	return 0;
}

#if UW_KERNEL_READS
#include "kprobes.bpf.h"
#include "fentry.bpf.h"
#include "vfs.bpf.h"
#endif

#include "syscalls.bpf.h"
