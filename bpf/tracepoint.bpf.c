// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints: those of the system calls, or, with UW_RAW, the two of all system calls. They do
 * not see where the kernel resolves a name, nor whether a rename replaces a file.
 */
#include "deletion.bpf.h"

/*
 * The daemon runs this once, on itself, so that the probes know it. getpid(2) would tell the ids of
 * the daemon's pid namespace.
 */
SEC("raw_tp")
int uw_whoami(void *ctx)
{
	struct uw_control *control = &uw_shared.control;
	__u64 id = bpf_get_current_pid_tgid();

	control->self = id >> 32;
	control->thread = (__u32)id;
	return 0;
}

/* Where a thread ends and still has a slot, the return of its deletion was missed. */
#if UW_RAW
SEC("uw_raw/sched_process_exit")
#else
SEC("raw_tp/sched_process_exit")
#endif
int uw_thread_exit(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_control *control = &uw_shared.control;

#if UW_KERNEL_READS
	change_ends(id);
#endif
	if (find(id))
		uw_finish_stale(id);
	/* Until the next daemon is there, anybody may get its process id. */
	if (control->thread == (__u32)id)
		control->self = control->thread = 0;
	return 0;
}

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

static __always_inline int enter_rename_call(__s32 olddfd, __u64 from,
					     __s32 newdfd, __u64 to, __u64 flags)
{
	struct attempt a = {
		.op = flags & RENAME_EXCHANGE ? UW_OP_EXCHANGE : UW_OP_MOVE,
		.probe = UW_PROBE_TRACEPOINT,
		.dfd = olddfd,
		.name = (const void *)from,
		.other_dfd = newdfd,
		.other = (const void *)to,
		.user = true,
	};

	return enter(&a);
}

/* Of unlinkat(2), by its flags. */
static __always_inline enum uw_op op_of(__u64 flags)
{
	return flags & AT_REMOVEDIR ? UW_OP_RMDIR : UW_OP_UNLINK;
}

static __always_inline int leave_syscall(__s64 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = find(id);

	if (slot)
		finish(id, slot, ret, 0);
	return 0;
}

#if UW_RAW
#if defined(__TARGET_ARCH_x86)
enum {
	NR_RENAME = 82,
	NR_RMDIR = 84,
	NR_UNLINK = 87,
	NR_UNLINKAT = 263,
	NR_RENAMEAT = 264,
	NR_RENAMEAT2 = 316,
};
#define ARG(regs, n) \
	((n) == 0 ? (regs)->di : (n) == 1 ? (regs)->si : (n) == 2 ? (regs)->dx \
		  : (n) == 3 ? (regs)->r10 : (regs)->r8)
#define NR_OF(regs) ((__s64)(regs)->orig_ax)
#elif defined(__TARGET_ARCH_arm64)
enum { NR_UNLINKAT = 35, NR_RENAMEAT = 38, NR_RENAMEAT2 = 276 };
#define NR_RMDIR (1L << 32)	/* arm64 has none, and no caller can pass this number */
#define NR_UNLINK NR_RMDIR
#define NR_RENAME NR_RMDIR
#define ARG(regs, n) ((regs)->regs[n])
#define NR_OF(regs) ((__s32)(regs)->regs[8])
#endif

static __always_inline bool is_ours(__s64 nr)
{
	return nr == NR_UNLINKAT || nr == NR_UNLINK || nr == NR_RMDIR || nr == NR_RENAME ||
	       nr == NR_RENAMEAT || nr == NR_RENAMEAT2;
}

/* The numbers of 32-bit system calls mean something else. */
static __always_inline bool is_compat(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2;		/* TS_COMPAT */
#else
	return task->thread_info.flags & 1UL << 22;	/* TIF_32BIT */
#endif
}

/* daemon/probe/rawtp.c knows these section names. */
SEC("uw_raw/sys_enter")
int BPF_PROG(uw_raw_sys_enter, struct pt_regs *regs, long nr)
{
	if (!is_ours(nr) || is_compat())
		return 0;
	if (nr == NR_UNLINK)
		return enter_syscall(UW_OP_UNLINK, AT_FDCWD, ARG(regs, 0));
	if (nr == NR_RMDIR)
		return enter_syscall(UW_OP_RMDIR, AT_FDCWD, ARG(regs, 0));
	if (nr == NR_UNLINKAT)
		return enter_syscall(op_of(ARG(regs, 2)), (__s32)ARG(regs, 0),
				     ARG(regs, 1));
	if (nr == NR_RENAME)
		return enter_rename_call(AT_FDCWD, ARG(regs, 0), AT_FDCWD,
					 ARG(regs, 1), 0);
	return enter_rename_call((__s32)ARG(regs, 0), ARG(regs, 1),
				 (__s32)ARG(regs, 2), ARG(regs, 3),
				 nr == NR_RENAMEAT2 ? ARG(regs, 4) : 0);
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
	return enter_syscall(op_of(ctx->args[2]), (__s32)ctx->args[0],
			     ctx->args[1]);
}

SEC("tp")
int uw_sys_enter_rename(struct sys_enter_ctx *ctx)
{
	return enter_rename_call(AT_FDCWD, ctx->args[0], AT_FDCWD, ctx->args[1],
				 0);
}

SEC("tp")
int uw_sys_enter_renameat(struct sys_enter_ctx *ctx)
{
	return enter_rename_call((__s32)ctx->args[0], ctx->args[1],
				 (__s32)ctx->args[2], ctx->args[3], 0);
}

SEC("tp")
int uw_sys_enter_renameat2(struct sys_enter_ctx *ctx)
{
	return enter_rename_call((__s32)ctx->args[0], ctx->args[1],
				 (__s32)ctx->args[2], ctx->args[3], ctx->args[4]);
}

SEC("tp")
int uw_sys_exit(struct sys_exit_ctx *ctx)
{
	return leave_syscall(ctx->ret);
}
#endif
