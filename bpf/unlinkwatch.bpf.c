// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel side: sees every deletion at its entry and at its return, joins the two per thread, learns
 * the true path from the hooks in between, drops what no rule wants, and hands the rest to the
 * daemon through a ring buffer.
 *
 * Compiled three times from this source:
 *  - UW_KERNEL_READS: the kprobes, and the tracepoints with the directory and the process read from
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
	__s32 dfd;
	const void *name;	/* may be an error pointer: reading it fails safely */
	bool user;		/* name is in the caller's memory, not the kernel's */
};

/* Stores the name at the beginning of the event's strings. */
static __always_inline void set_name(struct scratch *s, long n)
{
	/* n counts the NUL; a name that fills the buffer is as long as the kernel allows (PATH_MAX). */
	if (n > 0 && n <= UW_PATH_MAX) {
		s->ev.len[UW_STR_NAME] = n - 1;
		s->ev.size = n - 1;
	} else {
		s->ev.flags |= UW_EV_NAME_FAULT;
		s->ev.size = 0;
	}
}

static __always_inline void read_user_name(struct scratch *s, const void *name)
{
	set_name(s, bpf_probe_read_user_str(s->data, UW_PATH_MAX, name));
}

static __always_inline void fill_result(struct uw_event *ev, __u64 rules, __s32 ret, __u32 flags)
{
	ev->rules = rules;
	ev->ret = ret;
	ev->flags |= flags;
	ev->exit_ns = bpf_ktime_get_boot_ns();
}

/* Names that could not be read at the entry, see enter(). */
static __always_inline void read_late(struct scratch *s, const struct uw_small_state *st)
{
	s->ev.flags &= ~UW_EV_NAME_FAULT;
	s->ev.flags |= UW_EV_NAME_LATE;
	read_user_name(s, (const void *)st->head.name_ptr);
}

#if UW_KERNEL_READS
/* Brings event and strings of a state to the scratch space. */
static __always_inline long load(struct scratch *s, __u64 id, const struct uw_small_state *st)
{
	__u32 len = st->ev.size;
	struct uw_big_state *big;

	s->ev = st->ev;
	if (!st->head.big) {
		if (len > UW_SMALL_DATA)
			return -1;
		return bpf_probe_read_kernel(s->data, len, st->data);
	}
	big = bpf_map_lookup_elem(&uw_big_states, &id);
	if (!big || len > UW_BIG_DATA)
		return -1;
	return bpf_probe_read_kernel(s->data, len, big->data);
}

static __always_inline long emit(__u64 id, const struct uw_small_state *st, enum bank bank)
{
	struct uw_control *control = get_control();
	struct scratch *s = get_scratch(bank);

	if (!s || !control || load(s, id, st))
		return -1;
	if (st->ev.op == UW_OP_RENAME && st->head.name_ptr)
		s->ev.flags |= UW_EV_NAME_FAULT;
	else if (st->head.name_ptr)
		read_late(s, st);
	read_task(s, control->detail);
	s->ev.size += sizeof(s->ev);
	return output(&s->ev, s->ev.size, UW_EVENT_MAX);
}
#else
static __always_inline long emit(__u64 id, struct uw_small_state *st, enum bank bank)
{
	struct uw_big_state *big;
	struct scratch *s;

	if (st->head.name_ptr) {
		s = get_scratch(bank);
		if (!s)
			return -1;
		s->ev = st->ev;
		read_late(s, st);
		s->ev.size += sizeof(s->ev);
		return output(&s->ev, s->ev.size, UW_EVENT_MAX);
	}
	st->ev.size += sizeof(st->ev);
	if (!st->head.big)
		return output(&st->ev, st->ev.size, sizeof(st->ev) + sizeof(st->data));
	big = bpf_map_lookup_elem(&uw_big_states, &id);
	if (!big)
		return -1;
	big->ev = st->ev;
	return output(&big->ev, big->ev.size, sizeof(*big));
}
#endif

static __always_inline void forget(__u64 id, const struct uw_small_state *st)
{
	if (st->head.big)
		bpf_map_delete_elem(&uw_big_states, &id);
	bpf_map_delete_elem(&uw_states, &id);
}

/* A rename that has not met a victim deletes nothing, and is not counted. */
static __always_inline bool is_deletion(const struct uw_small_state *st)
{
	return st->ev.op != UW_OP_RENAME || st->head.victim;
}

/*
 * Ends the deletion in `st`: passes it on if a rule wants this result, and frees its state. Called at
 * the return, and with UW_EV_RET_UNKNOWN where the return was missed: a kretprobe is skipped without a
 * word when all its instances are in use.
 */
static __always_inline void finish(__u64 id, struct uw_small_state *st, __s32 ret, __u32 flags,
				   enum bank bank)
{
	__u64 rules = ret ? st->head.on_failure : st->head.on_success;

	if (is_deletion(st)) {
		if (flags & UW_EV_RET_UNKNOWN) {
			rules = st->head.on_success | st->head.on_failure;
			count(UW_CNT_STALE);
		}
		if (rules) {
			fill_result(&st->ev, rules, ret, flags);
			count(emit(id, st, bank) ? UW_CNT_RING_FULL : UW_CNT_RECORDED);
		} else {
			count(UW_CNT_FILTERED);
		}
	}
	forget(id, st);
}

static __always_inline void finish_stale(__u64 id, enum bank bank)
{
	struct uw_small_state *st = bpf_map_lookup_elem(&uw_states, &id);

	if (st)
		finish(id, st, 0, UW_EV_RET_UNKNOWN, bank);
}

/* Puts what the scratch space holds into the tables. */
static __always_inline void keep(__u64 id, struct scratch *s)
{
	s->head.big = 0;
	if (s->ev.size > UW_SMALL_DATA) {
		if (!bpf_map_update_elem(&uw_big_states, &id, &s->ev, BPF_ANY)) {
			s->head.big = 1;
		} else {
			/* Rather a cut name, marked as such, than no record. */
			count(UW_CNT_BIG_FULL);
			if (s->ev.len[UW_STR_NAME] > UW_SMALL_DATA) {
				s->ev.len[UW_STR_NAME] = UW_SMALL_DATA;
				s->ev.flags |= UW_EV_NAME_CUT;
			}
			s->ev.size = s->ev.len[UW_STR_NAME];
		}
	}
	if (bpf_map_update_elem(&uw_states, &id, s, BPF_ANY)) {
		/* A rename might have met a victim: rather a loss too many in the counts than one too few. */
		if (s->ev.op == UW_OP_RENAME)
			count(UW_CNT_SEEN);
		count(UW_CNT_STATE_FULL);
		if (s->head.big)
			bpf_map_delete_elem(&uw_big_states, &id);
	}
}

static __always_inline void fill_who(struct uw_event *ev)
{
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
	ev->via = UW_VIA_SYSCALL;
#if UW_KERNEL_READS
	struct task_struct *task = (void *)bpf_get_current_task();

	/* The worker thread is the submitter's, but not its name: "iou-wrk-4242". */
	if (BPF_CORE_READ(task, flags) & PF_IO_WORKER) {
		ev->via = UW_VIA_IO_URING;
		BPF_CORE_READ_INTO(&ev->comm, task, group_leader, comm);
	}
#endif
}

static __always_inline int enter(const struct attempt *a)
{
	__u64 id = bpf_get_current_pid_tgid(), ids = bpf_get_current_uid_gid(), rules;
	struct uw_control *control = get_control();
	struct uw_ruleset *set;
	struct scratch *s;
	__u32 slot;

	if (!control || id >> 32 == control->self)
		return 0;
	slot = control->active;
	set = bpf_map_lookup_elem(&uw_rulesets, &slot);
	s = get_scratch(BANK_PROBE);
	if (!set || !s || a->op >= UW_OP_MAX)
		return 0;

	if (a->op != UW_OP_RENAME)
		count(UW_CNT_SEEN);
	/* Also where no rule wants the new one: its return must not be taken for the old one's. */
	finish_stale(id, BANK_PROBE);

	rules = set->op[a->op];
	if (rules && set->check_uids)
		rules &= uid_rules(slot, (__u32)ids);
	if (!rules) {
		if (a->op != UW_OP_RENAME)
			count(UW_CNT_FILTERED);
		return 0;
	}

	__builtin_memset(&s->head, 0, sizeof(s->head));
	__builtin_memset(&s->ev, 0, sizeof(s->ev));
	s->head.on_success = rules & set->success;
	s->head.on_failure = rules & set->failure;
	s->head.set = slot;
	s->ev.enter_ns = bpf_ktime_get_boot_ns();
	s->ev.abi = UW_ABI;
	s->ev.op = a->op;
	s->ev.probe = a->probe;
	s->ev.gen = set->gen;
	s->ev.pid = id >> 32;
	s->ev.tid = (__u32)id;
	s->ev.uid = (__u32)ids;
	s->ev.gid = ids >> 32;
	s->ev.dfd = a->dfd;
	fill_who(&s->ev);
	if (a->user) {
		/*
		 * This read does not fault pages in. Where the name's page was never touched, the system
		 * call itself brings it in, and it is read again at the return.
		 */
		read_user_name(s, a->name);
		if (s->ev.flags & UW_EV_NAME_FAULT)
			s->head.name_ptr = (__u64)a->name;
	} else if (a->op == UW_OP_RENAME) {
		s->ev.size = 0;
		s->head.name_ptr = (__u64)a->name;	/* only read where there is a victim */
	} else {
#if UW_KERNEL_READS
		set_name(s, bpf_probe_read_kernel_str(s->data, UW_PATH_MAX, a->name));
#endif
	}
	keep(id, s);
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
	finish_stale(bpf_get_current_pid_tgid(), BANK_EXIT);
	return 0;
}

#if UW_KERNEL_READS
#include "kprobes.bpf.h"
#endif

#include "syscalls.bpf.h"
