/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracepoints: of the system calls, or, with UW_RAW, the two of all system calls. */
#ifndef UW_SYSCALLS_BPF_H
#define UW_SYSCALLS_BPF_H

static __always_inline int enter_syscall(enum scratch_index index, __u32 op, __s32 dfd, __u64 name)
{
	struct attempt a = {
		.op = op,
		.probe = UW_PROBE_TRACEPOINT,
		.index = index,
		.dfd = dfd,
		.name = (const void *)name,
		.user = true,
	};

	return enter(&a);
}

static __always_inline int leave_syscall(__s64 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = find(id);

	if (slot)
		finish(id, slot, ret, 0, SCRATCH_SYS_LEAVE);
	return 0;
}

#if UW_RAW
#if defined(__TARGET_ARCH_x86)
enum { NR_RMDIR = 84, NR_UNLINK = 87, NR_UNLINKAT = 263 };
#define ARG(regs, n) ((n) == 0 ? (regs)->di : (n) == 1 ? (regs)->si : (regs)->dx)
#define NR_OF(regs) ((__s64)(regs)->orig_ax)
#elif defined(__TARGET_ARCH_arm64)
enum { NR_UNLINKAT = 35 };
#define NR_RMDIR (1L << 32)	/* there is none, and callers choose numbers of 32 bits */
#define NR_UNLINK NR_RMDIR
#define ARG(regs, n) ((regs)->regs[n])
#define NR_OF(regs) ((__s32)(regs)->regs[8])
#endif

static __always_inline bool is_ours(__s64 nr)
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
	if (!is_ours(nr) || is_compat())
		return 0;
	if (nr == NR_UNLINK)
		return enter_syscall(SCRATCH_PROBE, UW_OP_UNLINK, AT_FDCWD, ARG(regs, 0));
	if (nr == NR_RMDIR)
		return enter_syscall(SCRATCH_PROBE, UW_OP_RMDIR, AT_FDCWD, ARG(regs, 0));
	return enter_syscall(SCRATCH_PROBE, ARG(regs, 2) & AT_REMOVEDIR ? UW_OP_RMDIR : UW_OP_UNLINK,
			     (__s32)ARG(regs, 0), ARG(regs, 1));
}

SEC("uw_raw/sys_exit")
int BPF_PROG(uw_raw_sys_exit, struct pt_regs *regs, long ret)
{
	return is_ours(NR_OF(regs)) ? leave_syscall(ret) : 0;
}

#else

SEC("tp")
int uw_sys_enter_unlink(struct sys_enter_ctx *ctx)
{
	return enter_syscall(SCRATCH_SYS_UNLINK, UW_OP_UNLINK, AT_FDCWD, ctx->args[0]);
}

SEC("tp")
int uw_sys_enter_rmdir(struct sys_enter_ctx *ctx)
{
	return enter_syscall(SCRATCH_SYS_RMDIR, UW_OP_RMDIR, AT_FDCWD, ctx->args[0]);
}

SEC("tp")
int uw_sys_enter_unlinkat(struct sys_enter_ctx *ctx)
{
	return enter_syscall(SCRATCH_PROBE, ctx->args[2] & AT_REMOVEDIR ? UW_OP_RMDIR : UW_OP_UNLINK,
			     (__s32)ctx->args[0], ctx->args[1]);
}

SEC("tp")
int uw_sys_exit(struct sys_exit_ctx *ctx)
{
	return leave_syscall(ctx->ret);
}
#endif

#endif
