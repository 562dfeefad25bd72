// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deletions by kernel threads, such as those of nfsd and ksmbd for their clients. They call
 * vfs_unlink(), vfs_rmdir() and vfs_rename() themselves and pass none of the functions in
 * hooks.bpf.h. Processes come through here as well and leave at the first check. To spare them even
 * that, the probes are only attached while there is somebody who deletes in this way; see
 * daemon/probe/kthreads.h.
 *
 * A kernel thread can be in several of these calls at once: for nfsd's overlayfs, vfs_unlink()
 * calls itself for the file in the upper layer. The outermost call is the deletion. The stack
 * pointer tells its return from those inside. A count of calls would be wrong after one missed
 * return.
 */
#include "hooks.bpf.h"

/* The daemon sets it before it loads the programs. */
const volatile struct uw_vfs_args uw_vfs SEC(".rodata.vfs") = {};

#if defined(__TARGET_ARCH_x86)
#define RETURN_POPS 8	/* the return address */
#define PARM6(ctx) ((ctx)->r9)
#elif defined(__TARGET_ARCH_arm64)
#define RETURN_POPS 0
#define PARM6(ctx) (((const struct user_pt_regs *)(ctx))->regs[5])
#endif

/* Parameter n, from 0 on. The barrier keeps clang from computing an address in ctx. */
static __always_inline __u64 parameter(struct pt_regs *ctx, __u32 n)
{
	__u64 a = PT_REGS_PARM1(ctx), b = PT_REGS_PARM2(ctx), c = PT_REGS_PARM3(ctx);
	__u64 d = PT_REGS_PARM4(ctx), e = PT_REGS_PARM5(ctx), f = PARM6(ctx);

	asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	return n == 0 ? a : n == 1 ? b : n == 2 ? c : n == 3 ? d : n == 4 ? e : f;
}

/* Up to 5.11, io_uring's workers are kernel threads, but they pass the functions of hooks.bpf.h. */
static __always_inline bool in_kthread(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)) == PF_KTHREAD;
}

/*
 * Whether a call is inside one that is known already: a stacked file system passes it on to the one
 * below, further down the stack. Any other call means that the return of the known one was missed.
 */
static __always_inline bool inside(const struct uw_slot *slot, __u64 sp, __u32 depth)
{
	if (!slot->sp)
		return true;
	return sp < slot->sp && depth < slot->depth;
}

/* From enter_call() to uw_enter_vfs(). Nothing preempts a kprobe. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kthread_call);
} uw_call SEC(".maps");

static __always_inline struct kthread_call *get_call(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&uw_call, &zero);
}

/* Begins the deletion in get_call(). Returns its slot, if the target has to be resolved. */
__noinline __u32 uw_enter_kthread(__u64 sp, __u32 index)
{
	struct kthread_call *call = get_call();
	struct attempt a = { .probe = UW_PROBE_KPROBE, .dfd = -1, .kthread = true, .sp = sp };
	struct dentry *victim, *source, *target;
	__u64 id = bpf_get_current_pid_tgid();
	struct inode *inode;
	struct uw_slot *slot;

	if (!call)
		return UW_NO_SLOT;
	victim = call->victim;
	source = call->source;
	target = victim;
	a.depth = BPF_CORE_READ(victim, d_sb, s_stack_depth);
	inode = BPF_CORE_READ(victim, d_inode);
	if (source) {
		if (call->flags & RENAME_EXCHANGE)
			call->op = UW_OP_EXCHANGE;
		else
			call->op = inode ? UW_OP_RENAME : UW_OP_MOVE;
		if (call->op != UW_OP_RENAME)
			target = source;
	}
	a.op = call->op;
	a.name = BPF_CORE_READ(target, d_name.name);
	enter(&a);
	slot = find(id);
	if (slot || uw_shared.lacked)
		slot = begin_targeted(slot, a.op, UW_PROBE_KPROBE, index, sp);
	if (!slot || (!source && !inode))
		return UW_NO_SLOT;
	/* Between two links of one file it does nothing. */
	if (source && inode == BPF_CORE_READ(source, d_inode)) {
		narrow(slot, 0);
		return UW_NO_SLOT;
	}
	return slot->at;
}

/*
 * What the three entries go on with. It is a program of its own, so that the verifier checks it
 * once, and since the JIT of arm64 before 6.0 takes no program that has both a tail call and a
 * function.
 */
SEC("kprobe")
int uw_enter_vfs(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct kthread_call *call;
	struct uw_slot *slot;
	struct scratch *s;
	__u32 index = 0;

	/* First of all, or the return of this call would be taken for that of the old one. */
	if (find(id))
		uw_finish_stale(id);
	s = take_scratch(&index);
	if (!s)
		return 0;
	slot = get_slot(uw_enter_kthread(PT_REGS_SP(ctx) + RETURN_POPS, index));
	call = get_call();
	if (slot && call) {
		resolve_kthread(s, index, slot, call);
		leave_target(slot, index);
	}
	leave_scratch(s, index);
	return 0;
}

/* The daemon puts uw_enter_vfs() into it. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} uw_vfs_next SEC(".maps");

/* A rename puts `source` in the place of `victim`. The other operations have no source. */
static __always_inline int enter_call(struct pt_regs *ctx, __u32 op, struct dentry *victim,
				      struct dentry *source, __u32 flags)
{
	__u64 id = bpf_get_current_pid_tgid(), sp = PT_REGS_SP(ctx) + RETURN_POPS;
	struct kthread_call *call = get_call();
	struct uw_slot *slot = find(id);

	if (!call || (slot && inside(slot, sp, BPF_CORE_READ(victim, d_sb, s_stack_depth))))
		return 0;
	if (op == UW_OP_RMDIR || (op == UW_OP_UNLINK && uw_shared.control.links))
		path_dep_changes(id, victim);
	call->op = op;
	call->flags = flags;
	call->victim = victim;
	call->source = source;
	bpf_tail_call(ctx, &uw_vfs_next, 0);
	return 0;
}

/*
 * The return of any of the three. An entry ends older calls, so the one in the slot is the
 * outermost.
 */
SEC("kprobe")
int uw_leave_vfs(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot;

	if (!in_kthread())
		return 0;
	slot = find(id);
	if (slot && PT_REGS_SP(ctx) < slot->sp)
		return 0;	/* of a call inside */
	change_ends(id);
	if (slot && slot->sp)
		finish(id, slot, (__s32)PT_REGS_RC(ctx), 0);
	return 0;
}

SEC("kprobe")
int uw_enter_vfs_unlink(struct pt_regs *ctx)
{
	if (!in_kthread())
		return 0;
	return enter_call(ctx, UW_OP_UNLINK, (void *)parameter(ctx, uw_vfs.unlink_dentry), NULL, 0);
}

SEC("kprobe")
int uw_enter_vfs_rmdir(struct pt_regs *ctx)
{
	if (!in_kthread())
		return 0;
	return enter_call(ctx, UW_OP_RMDIR, (void *)parameter(ctx, uw_vfs.rmdir_dentry), NULL, 0);
}

SEC("kprobe")
int uw_enter_vfs_rename(struct pt_regs *ctx)
{
	struct dentry *victim, *source;
	struct renamedata *rd;
	__u32 flags;

	if (!in_kthread())
		return 0;
	if (uw_vfs.rename_plain) {
		source = (void *)parameter(ctx, uw_vfs.rename_source);
		victim = (void *)parameter(ctx, uw_vfs.rename_victim);
		flags = parameter(ctx, uw_vfs.rename_flags);
	} else {
		rd = (void *)PT_REGS_PARM1(ctx);
		source = BPF_CORE_READ(rd, old_dentry);
		victim = BPF_CORE_READ(rd, new_dentry);
		flags = BPF_CORE_READ(rd, flags);
	}
	rename_begins(bpf_get_current_pid_tgid(), source, victim, flags, false);
	return enter_call(ctx, UW_OP_RENAME, victim, source, flags);
}

SEC("kprobe")
int uw_enter_vfs_symlink(struct pt_regs *ctx)
{
	if (in_kthread())
		path_dep_changes(bpf_get_current_pid_tgid(),
				 (void *)parameter(ctx, uw_vfs.symlink_dentry));
	return 0;
}

/* Tells the daemon at once that a module is about to start, which may delete in this way. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);	/* the daemon makes it a page */
} uw_modules SEC(".maps");

SEC("raw_tp/module_load")
int uw_module_load(void *ctx)
{
	__u8 nothing = 0;

	bpf_ringbuf_output(&uw_modules, &nothing, sizeof(nothing), 0);
	return 0;
}
