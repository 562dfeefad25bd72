// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kprobes and kretprobes. hooks.bpf.h has the functions that they are attached to, and their
 * bodies.
 */
#include "hooks.bpf.h"

static __always_inline int kprobe_enter(__u32 op, __u64 dfd, __u64 name)
{
	return enter_outer(UW_PROBE_KPROBE, op, (__s32)dfd, (struct filename *)name);
}

static __always_inline int kprobe_target(struct pt_regs *ctx, __u32 op)
{
	return security_path_remove(op, (void *)PT_REGS_PARM1(ctx),
				    (void *)PT_REGS_PARM2(ctx), false);
}

SEC("kprobe")
int uw_enter_unlink(struct pt_regs *ctx)
{
	return kprobe_enter(UW_OP_UNLINK, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("kprobe")
int uw_target_unlink(struct pt_regs *ctx)
{
	return kprobe_target(ctx, UW_OP_UNLINK);
}

SEC("kprobe")
int uw_leave_unlink(struct pt_regs *ctx)
{
	return leave_outer(UW_OP_UNLINK, (__s32)PT_REGS_RC(ctx));
}

SEC("kprobe")
int uw_enter_rmdir(struct pt_regs *ctx)
{
	return kprobe_enter(UW_OP_RMDIR, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("kprobe")
int uw_target_rmdir(struct pt_regs *ctx)
{
	return kprobe_target(ctx, UW_OP_RMDIR);
}

SEC("kprobe")
int uw_leave_rmdir(struct pt_regs *ctx)
{
	return leave_outer(UW_OP_RMDIR, (__s32)PT_REGS_RC(ctx));
}

SEC("kprobe")
int uw_enter_rename(struct pt_regs *ctx)
{
	return enter_rename(UW_PROBE_KPROBE, (__s32)PT_REGS_PARM1(ctx),
			    (void *)PT_REGS_PARM2(ctx), (__s32)PT_REGS_PARM3(ctx),
			    (void *)PT_REGS_PARM4(ctx), PT_REGS_PARM5(ctx));
}

SEC("kprobe")
int uw_target_rename(struct pt_regs *ctx)
{
	return security_path_rename((void *)PT_REGS_PARM1(ctx),
				    (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx),
				    (void *)PT_REGS_PARM4(ctx), PT_REGS_PARM5(ctx), false);
}

SEC("kprobe")
int uw_leave_rename(struct pt_regs *ctx)
{
	return leave_outer(UW_OP_RENAME, (__s32)PT_REGS_RC(ctx));
}
