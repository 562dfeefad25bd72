// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel side: sees every deletion at its entry and at its return, joins the two per thread, drops
 * what no rule wants, and hands the rest to the daemon through a ring buffer.
 *
 * Compiled three times from this source:
 *  - UW_KERNEL_READS: the kprobes, and the tracepoints with the directory and the parent read from kernel
 *    memory.
 *  - UW_PLAIN: tracepoints that read nothing but the caller's own memory. They load where the
 *    kernel has no BTF, without which libbpf loads no object that has CO-RE relocations.
 *  - UW_RAW: the same by the two tracepoints of all system calls, told apart by their number.
 *    lockdown=confidentiality forbids kernel reads and empties tracefs, so that the system calls' own
 *    tracepoints cannot be found; these are found through BTF. They are the last resort, as
 *    they run for every system call.
 */
#include "kernel.bpf.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "unlinkwatch.h"
#if UW_KERNEL_READS
#include "walk.bpf.h"
#endif

#ifndef UW_KERNEL_READS
#define UW_KERNEL_READS 0
#endif

#define AT_FDCWD -100
#define AT_REMOVEDIR 0x200

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);	/* RingBufferSize= replaces it */
} uw_events SEC(".maps");

/* Plain and preallocated: an LRU table would drop deletions in flight without a word. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_SMALL_STATES);
	__type(key, __u64);
	__type(value, struct uw_small_state);
} uw_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_BIG_STATES);
	__type(key, __u64);
	__type(value, struct uw_big_state);
} uw_big_states SEC(".maps");

/* Where an entry is put together: too large for the stack. */
struct scratch {
	struct uw_state_head head;
	struct uw_event ev;
	char data[UW_BIG_DATA];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} uw_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[UW_CNT_MAX]);
} uw_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct uw_control);
} uw_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UW_RULESETS);
	__type(key, __u32);
	__type(value, struct uw_ruleset);
} uw_rulesets SEC(".maps");

struct uid_table {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);	/* the daemon makes them as large as the rules need */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	/* Sizes, not types: clang leaves the types of an inner map out of the BTF. */
	__uint(key_size, sizeof(struct uw_uid_key));
	__uint(value_size, sizeof(__u64));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UW_RULESETS);
	__type(key, __u32);
	__array(values, struct uid_table);
} uw_uids SEC(".maps");

/* What an entry probe knows of the deletion that begins. */
struct attempt {
	__u32 op;
	__u32 probe;
	__s32 dfd;
	const void *name;	/* may be an error pointer: reading it fails safely */
	bool user;		/* name is in the caller's memory, not the kernel's */
};

static __always_inline void count(enum uw_counter which)
{
	__u32 zero = 0;
	__u64 *counters = bpf_map_lookup_elem(&uw_counters, &zero);

	/* Atomic, since a program may be preempted by another one on the same CPU. */
	if (counters)
		__sync_fetch_and_add(&counters[which], 1);
}

/* The rules of this set that accept the uid. */
static __always_inline __u64 uid_rules(__u32 slot, __u32 uid)
{
	struct uw_uid_key key = { .prefixlen = 32, .uid = bpf_htonl(uid) };
	void *table = bpf_map_lookup_elem(&uw_uids, &slot);
	__u64 *rules = table ? bpf_map_lookup_elem(table, &key) : NULL;

	return rules ? *rules : 0;
}

/* Sends `size` bytes, at most `max`, which the verifier needs as a constant bound of its own. */
static __always_inline long output(void *ev, __u64 size, const __u64 max)
{
	/* One comparison: clang makes two into a subtraction, from which 6.1 learns no bound. */
	if (size > max)
		return -1;
	return bpf_ringbuf_output(&uw_events, ev, size, 0);
}

#if UW_KERNEL_READS
/* The directory that a relative name starts at; the process's root for an absolute one. */
static __always_inline const struct path *start_of(struct task_struct *task, __s32 dfd, bool absolute)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct fdtable *fdt;
	struct file **fds, *file = NULL;
	struct path *path = NULL;

	if (absolute)
		path = (void *)fs + bpf_core_field_offset(struct fs_struct, root);
	else if (dfd == AT_FDCWD)
		path = (void *)fs + bpf_core_field_offset(struct fs_struct, pwd);
	if (path)
		return fs ? path : NULL;

	fdt = BPF_CORE_READ(task, files, fdt);
	if (dfd < 0 || (__u32)dfd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	fds = BPF_CORE_READ(fdt, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), &fds[dfd]) || !file)
		return NULL;
	return (void *)file + bpf_core_field_offset(struct file, f_path);
}

static __always_inline void read_task(struct scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct path *start;
	struct walk *w;
	__u32 at, len;
	__s32 ppid;

	if (!BPF_CORE_READ_INTO(&ppid, task, real_parent, tgid)) {
		s->ev.ppid = ppid;
		s->ev.flags |= UW_EV_PPID;
	}
	if (!s->ev.name_len)
		return;

	start = start_of(task, s->ev.dfd, s->data[0] == '/');
	w = start ? uw_walk(start) : NULL;
	if (!w)
		return;
	at = s->ev.name_len & (UW_PATH_MAX - 1);
	len = (UW_PATH_MAX - w->pos) & (UW_PATH_MAX - 1);
	if (bpf_probe_read_kernel(&s->data[at], len, &w->text[w->pos & (UW_PATH_MAX - 1)]))
		return;
	s->ev.dir_len = len;
	s->ev.flags |= UW_EV_DIR_WALKED | (w->cut ? UW_EV_DIR_CUT : 0);
}
#endif

static __always_inline void set_name(struct uw_event *ev, long n)
{
	/* n counts the NUL; a name that fills the buffer is as long as the kernel allows (PATH_MAX). */
	if (n > 0 && n <= UW_PATH_MAX)
		ev->name_len = n - 1;
	else
		ev->flags |= UW_EV_NAME_FAULT;
}

static __always_inline void read_name(struct scratch *s, const struct attempt *a)
{
	long n;

	if (!a->user) {
		set_name(&s->ev, bpf_probe_read_kernel_str(s->data, UW_PATH_MAX, a->name));
		return;
	}
	/*
	 * This read does not fault pages in. Where the name's page was never touched, the system call
	 * itself brings it in, and it is read again at the return.
	 */
	n = bpf_probe_read_user_str(s->data, UW_PATH_MAX, a->name);
	if (n < 0)
		s->head.name_ptr = (__u64)a->name;
	set_name(&s->ev, n);
}

static __always_inline void fill_strings(struct scratch *s, const struct attempt *a)
{
	read_name(s, a);
#if UW_KERNEL_READS
	read_task(s);
#endif
	s->ev.size = sizeof(s->ev) + s->ev.name_len + s->ev.dir_len;
}

static __always_inline void fill_result(struct uw_event *ev, __u64 rules, __s64 ret, __u32 flags)
{
	ev->rules = rules;
	ev->ret = ret;
	ev->flags |= flags;
	ev->exit_ns = bpf_ktime_get_boot_ns();
}

/* Passes on a deletion whose name, and so its directory, could not be read at the entry. */
static __always_inline long output_late(const struct uw_small_state *st)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&uw_scratch, &zero);
	struct attempt a = { .name = (const void *)st->head.name_ptr, .user = true };

	if (!s)
		return -1;
	s->ev = st->ev;
	s->ev.flags &= ~UW_EV_NAME_FAULT;
	s->ev.flags |= UW_EV_NAME_LATE;
	fill_strings(s, &a);
	return output(&s->ev, s->ev.size, UW_EVENT_MAX);
}

/* Passes on a deletion whose strings are in the table of big states. */
static __always_inline long output_big(__u64 id, const struct uw_small_state *st)
{
	struct uw_big_state *big = bpf_map_lookup_elem(&uw_big_states, &id);

	if (!big)
		return -1;
	big->ev = st->ev;
	return output(&big->ev, big->ev.size, UW_EVENT_MAX);
}

/*
 * Ends the deletion in `st`: passes it on if a rule wants this result, and frees its state. Called at
 * the return, and with UW_EV_RET_UNKNOWN where the return was missed: a kretprobe is skipped without a
 * word when all its instances are in use.
 */
static __always_inline void finish(__u64 id, struct uw_small_state *st, __s64 ret, __u32 flags)
{
	__u64 rules;
	long err;

	if (flags & UW_EV_RET_UNKNOWN) {
		rules = st->head.on_success | st->head.on_failure;
		count(UW_CNT_STALE);
	} else {
		rules = ret ? st->head.on_failure : st->head.on_success;
	}

	if (rules) {
		fill_result(&st->ev, rules, ret, flags);
		if (st->head.big)
			err = output_big(id, st);
		else if (st->head.name_ptr)
			err = output_late(st);
		else
			err = output(&st->ev, st->ev.size, sizeof(st->ev) + sizeof(st->data));
		count(err ? UW_CNT_RING_FULL : UW_CNT_RECORDED);
	} else {
		count(UW_CNT_FILTERED);
	}

	if (st->head.big)
		bpf_map_delete_elem(&uw_big_states, &id);
	bpf_map_delete_elem(&uw_states, &id);
}

static __always_inline void finish_stale(__u64 id)
{
	struct uw_small_state *st = bpf_map_lookup_elem(&uw_states, &id);

	if (st)
		finish(id, st, 0, UW_EV_RET_UNKNOWN);
}

static __always_inline void keep(__u64 id, struct scratch *s)
{
	if (s->ev.size > sizeof(s->ev) + UW_SMALL_DATA) {
		if (!bpf_map_update_elem(&uw_big_states, &id, &s->ev, BPF_ANY)) {
			s->head.big = 1;
		} else {
			/* Rather a cut name, marked as such, than no record. */
			count(UW_CNT_BIG_FULL);
			s->ev.dir_len = 0;
			s->ev.flags &= ~(UW_EV_DIR_WALKED | UW_EV_DIR_CUT);
			if (s->ev.name_len > UW_SMALL_DATA) {
				s->ev.name_len = UW_SMALL_DATA;
				s->ev.flags |= UW_EV_NAME_CUT;
			}
			s->ev.size = sizeof(s->ev) + s->ev.name_len;
		}
	}
	if (bpf_map_update_elem(&uw_states, &id, s, BPF_ANY)) {
		count(UW_CNT_STATE_FULL);
		if (s->head.big)
			bpf_map_delete_elem(&uw_big_states, &id);
	}
}

static __always_inline int enter(const struct attempt *a)
{
	__u64 id = bpf_get_current_pid_tgid(), ids = bpf_get_current_uid_gid(), rules;
	__u32 zero = 0, slot;
	struct uw_control *control;
	struct uw_ruleset *set;
	struct scratch *s;

	control = bpf_map_lookup_elem(&uw_control, &zero);
	if (!control || id >> 32 == control->self)
		return 0;
	slot = control->active;
	set = bpf_map_lookup_elem(&uw_rulesets, &slot);
	s = bpf_map_lookup_elem(&uw_scratch, &zero);
	if (!set || !s || a->op >= UW_OP_MAX)
		return 0;

	count(UW_CNT_SEEN);
	/* Also where no rule wants the new one: its return must not be taken for the old one's. */
	finish_stale(id);

	rules = set->op[a->op];
	if (rules && set->check_uids)
		rules &= uid_rules(slot, (__u32)ids);
	if (!rules) {
		count(UW_CNT_FILTERED);
		return 0;
	}

	__builtin_memset(&s->head, 0, sizeof(s->head));
	__builtin_memset(&s->ev, 0, sizeof(s->ev));
	s->head.on_success = rules & set->success;
	s->head.on_failure = rules & set->failure;
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
	bpf_get_current_comm(s->ev.comm, sizeof(s->ev.comm));
	fill_strings(s, a);
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
	finish_stale(bpf_get_current_pid_tgid());
	return 0;
}

#if UW_KERNEL_READS
/*
 * int do_unlinkat(int dfd, struct filename *name)		5.10 to 6.18
 * int do_rmdir(int dfd, struct filename *name)
 * int filename_unlinkat(int dfd, struct filename *name)	from 7.0
 * int filename_rmdir(int dfd, struct filename *name)
 * Up to 6.12 the name is freed inside, so that only the entry can read it.
 */
static __always_inline int enter_outer(struct pt_regs *ctx, __u32 op)
{
	struct filename *name = (void *)PT_REGS_PARM2(ctx);
	struct attempt a = {
		.op = op,
		.probe = UW_PROBE_KPROBE,
		.dfd = (__s32)PT_REGS_PARM1(ctx),
	};

	a.name = BPF_CORE_READ(name, name);
	return enter(&a);
}

static __always_inline int leave_outer(__u32 op, __s64 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_small_state *st = bpf_map_lookup_elem(&uw_states, &id);

	if (!st || st->ev.op != op)
		return 0;
	finish(id, st, ret, 0);
	return 0;
}

SEC("kprobe")
int uw_enter_unlink(struct pt_regs *ctx)
{
	return enter_outer(ctx, UW_OP_UNLINK);
}

SEC("kprobe")
int uw_leave_unlink(struct pt_regs *ctx)
{
	return leave_outer(UW_OP_UNLINK, (__s32)PT_REGS_RC(ctx));
}

SEC("kprobe")
int uw_enter_rmdir(struct pt_regs *ctx)
{
	return enter_outer(ctx, UW_OP_RMDIR);
}

SEC("kprobe")
int uw_leave_rmdir(struct pt_regs *ctx)
{
	return leave_outer(UW_OP_RMDIR, (__s32)PT_REGS_RC(ctx));
}
#endif

static __always_inline int enter_syscall(__u32 op, __s32 dfd, __u64 name)
{
	struct attempt a = {
		.op = op,
		.probe = UW_PROBE_TRACEPOINT,
		.dfd = dfd,
		.name = (const void *)name,
		.user = true,
	};

	return enter(&a);
}

static __always_inline int leave_syscall(__s64 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_small_state *st = bpf_map_lookup_elem(&uw_states, &id);

	if (st)
		finish(id, st, ret, 0);
	return 0;
}

#if UW_RAW
#if defined(__TARGET_ARCH_x86)
enum { NR_RMDIR = 84, NR_UNLINK = 87, NR_UNLINKAT = 263 };
#define ARG(regs, n) ((n) == 0 ? (regs)->di : (n) == 1 ? (regs)->si : (regs)->dx)
#define NR_OF(regs) ((__s64)(regs)->orig_ax)
#elif defined(__TARGET_ARCH_arm64)
enum { NR_RMDIR = -2, NR_UNLINK = -3, NR_UNLINKAT = 35 };	/* -1 is "no system call" */
#define ARG(regs, n) ((regs)->regs[n])
#define NR_OF(regs) ((__s64)(regs)->regs[8])
#endif

static __always_inline bool is_deletion(__s64 nr)
{
	return nr == NR_UNLINKAT || nr == NR_UNLINK || nr == NR_RMDIR;
}

/* The number of a 32-bit system call means something else. */
static __always_inline bool is_compat(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2;		/* TS_COMPAT */
#else
	return task->thread_info.flags & 1UL << 22;	/* TIF_32BIT */
#endif
}

/* daemon/rawtp.c knows these section names. */
SEC("uw_raw/sys_enter")
int BPF_PROG(uw_raw_sys_enter, struct pt_regs *regs, long nr)
{
	if (!is_deletion(nr) || is_compat())
		return 0;
	if (nr == NR_UNLINK)
		return enter_syscall(UW_OP_UNLINK, AT_FDCWD, ARG(regs, 0));
	if (nr == NR_RMDIR)
		return enter_syscall(UW_OP_RMDIR, AT_FDCWD, ARG(regs, 0));
	return enter_syscall(ARG(regs, 2) & AT_REMOVEDIR ? UW_OP_RMDIR : UW_OP_UNLINK,
			     (__s32)ARG(regs, 0), ARG(regs, 1));
}

SEC("uw_raw/sys_exit")
int BPF_PROG(uw_raw_sys_exit, struct pt_regs *regs, long ret)
{
	return is_deletion(NR_OF(regs)) ? leave_syscall(ret) : 0;
}

#else

SEC("tp")
int uw_sys_enter_unlink(struct sys_enter_ctx *ctx)
{
	return enter_syscall(UW_OP_UNLINK, AT_FDCWD, ctx->args[0]);
}

SEC("tp")
int uw_sys_enter_rmdir(struct sys_enter_ctx *ctx)
{
	return enter_syscall(UW_OP_RMDIR, AT_FDCWD, ctx->args[0]);
}

SEC("tp")
int uw_sys_enter_unlinkat(struct sys_enter_ctx *ctx)
{
	return enter_syscall(ctx->args[2] & AT_REMOVEDIR ? UW_OP_RMDIR : UW_OP_UNLINK,
			     (__s32)ctx->args[0], ctx->args[1]);
}

SEC("tp")
int uw_sys_exit(struct sys_exit_ctx *ctx)
{
	return leave_syscall(ctx->ret);
}
#endif
