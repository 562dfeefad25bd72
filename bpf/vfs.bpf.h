/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernel threads delete, as nfsd and ksmbd do for their clients: they call vfs_unlink(), vfs_rmdir() and
 * vfs_rename() themselves, past all that hooks.bpf.h knows. Processes come through here, too, and leave at
 * the first check. To spare them even that, the probes are only attached while something is there that
 * deletes in this way: see daemon/kthreads.h.
 *
 * A kernel thread can be in several of these calls at once: overlayfs, exported by nfsd, calls the same
 * function for the file in its upper layer. The outermost call is the deletion. Its return is told from
 * those inside by the stack pointer, which a missed return cannot confuse as it could a count.
 */
#ifndef UW_VFS_BPF_H
#define UW_VFS_BPF_H

/* The daemon sets it before the programs are loaded. */
const volatile struct uw_vfs_args uw_vfs SEC(".rodata.vfs") = {};

#if defined(__TARGET_ARCH_x86)
#define RETURN_POPS 8	/* the return address */
#define PARM6(ctx) ((ctx)->r9)
#elif defined(__TARGET_ARCH_arm64)
#define RETURN_POPS 0
#define PARM6(ctx) (((const struct user_pt_regs *)(ctx))->regs[5])
#endif

/* Parameter n, the first being 0. The barrier keeps clang from choosing an address in ctx, which none may. */
static __always_inline __u64 parameter(struct pt_regs *ctx, __u32 n)
{
	__u64 a = PT_REGS_PARM1(ctx), b = PT_REGS_PARM2(ctx), c = PT_REGS_PARM3(ctx);
	__u64 d = PT_REGS_PARM4(ctx), e = PT_REGS_PARM5(ctx), f = PARM6(ctx);

	asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	return n == 0 ? a : n == 1 ? b : n == 2 ? c : n == 3 ? d : n == 4 ? e : f;
}

/* Up to 5.11, io_uring's workers were kernel threads; what they do is in hooks.bpf.h. */
static __always_inline bool in_kthread(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)) == PF_KTHREAD;
}

/*
 * True inside of a call that is already known, as far as can be told: a stacked file system passes it on to one
 * below, further down the stack. Any other call means that the return of the known one was missed.
 */
static __always_inline bool inside(const struct uw_slot *slot, __u64 sp, __u32 depth)
{
	if (!slot->sp)
		return true;
	return sp < slot->sp && depth < slot->depth;
}

/*
 * Begins what s->call says. Only a rename that replaces another file deletes. Returns 1 if the target is to be taken down.
 * A function of its own, as there is not enough stack for all.
 */
__noinline int uw_enter_kthread(__u64 sp)
{
	struct scratch *s = get_scratch(SCRATCH_PROBE);
	struct attempt a = { .probe = UW_PROBE_KPROBE, .dfd = -1, .kthread = true, .sp = sp };
	struct dentry *victim, *source;
	struct uw_slot *slot;
	struct inode *inode;
	bool deletes;

	if (!s)
		return 0;
	a.op = s->call.op;
	victim = s->call.victim;
	source = s->call.source;
	a.depth = BPF_CORE_READ(victim, d_sb, s_stack_depth);

	inode = BPF_CORE_READ(victim, d_inode);
	deletes = inode && !(s->call.flags & RENAME_EXCHANGE);
	if (source && inode == BPF_CORE_READ(source, d_inode))
		deletes = false;
	/* A rename that deletes nothing may have deletions inside: of what marks a name as deleted. */
	if (!deletes && !(source && a.depth))
		return 0;
	a.name = BPF_CORE_READ(victim, d_name.name);
	enter(&a);
	slot = deletes ? awaiting(bpf_get_current_pid_tgid(), a.op) : NULL;
	if (!slot)
		return 0;
	if (source) {
		count(UW_CNT_SEEN);
		slot->victim = 1;
	}
	return 1;
}

/*
 * What each entry does, once for the verifier, and apart: arm64's JIT takes no program that has both a tail call and a
 * function before 6.0.
 */
SEC("kprobe")
int uw_enter_vfs(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();

	/* Before all else: the return of this call must not be taken for the old one's. */
	if (find(id))
		uw_finish_stale(id, SCRATCH_PROBE);
	if (uw_enter_kthread(PT_REGS_SP(ctx) + RETURN_POPS))
		resolve_kthread(SCRATCH_PROBE, id);
	return 0;
}

/* The daemon puts uw_enter_vfs() there. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} uw_vfs_next SEC(".maps");

/* `source` is what a rename puts in the place of `victim`, NULL for the other operations. */
static __always_inline int enter_call(struct pt_regs *ctx, __u32 op, struct dentry *victim,
				      struct dentry *source, __u32 flags)
{
	__u64 id = bpf_get_current_pid_tgid(), sp = PT_REGS_SP(ctx) + RETURN_POPS;
	struct scratch *s = get_scratch(SCRATCH_PROBE);
	struct uw_slot *slot = find(id);

	if (!s || (slot && inside(slot, sp, BPF_CORE_READ(victim, d_sb, s_stack_depth))))
		return 0;
	s->call.op = op;
	s->call.flags = flags;
	s->call.victim = victim;
	s->call.source = source;
	bpf_tail_call(ctx, &uw_vfs_next, 0);
	return 0;
}

/* Of each of the functions: as an entry leaves no older call in the table, the outermost is this one. */
SEC("kprobe")
int uw_leave_vfs(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot;

	if (!in_kthread())
		return 0;
	slot = find(id);
	if (!slot || !slot->sp || PT_REGS_SP(ctx) < slot->sp)
		return 0;
	finish(id, slot, (__s32)PT_REGS_RC(ctx), 0, SCRATCH_PROBE);
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
	return enter_call(ctx, UW_OP_RENAME, victim, source, flags);
}

/* Tells the daemon, at once, that a module is about to start: it may be one of those. */
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

#endif
