// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fentry and fexit programs. hooks.bpf.h has the functions, whose names the daemon sets before
 * it loads the programs, and their bodies. The kernel calls them through a trampoline, for less
 * than a kprobe costs.
 */
#include "hooks.bpf.h"

static __always_inline int fentry_enter(__u32 op, __s32 dfd, struct filename *name)
{
	return enter_outer(UW_PROBE_FENTRY, op, dfd, name);
}

static __always_inline int fentry_target(__u32 op, const struct path *dir, struct dentry *dentry)
{
	return security_path_remove(op, dir, dentry, true);
}

static __always_inline int fexit_leave(__u32 op, __s32 ret)
{
	return leave_outer(op, ret);
}

SEC("fentry")
int BPF_PROG(uw_fentry_unlink, int dfd, struct filename *name)
{
	return fentry_enter(UW_OP_UNLINK, dfd, name);
}

SEC("fentry")
int BPF_PROG(uw_fentry_path_unlink, const struct path *dir, struct dentry *dentry)
{
	return fentry_target(UW_OP_UNLINK, dir, dentry);
}

SEC("fexit")
int BPF_PROG(uw_fexit_unlink, int dfd, struct filename *name, int ret)
{
	return fexit_leave(UW_OP_UNLINK, ret);
}

SEC("fentry")
int BPF_PROG(uw_fentry_rmdir, int dfd, struct filename *name)
{
	return fentry_enter(UW_OP_RMDIR, dfd, name);
}

SEC("fentry")
int BPF_PROG(uw_fentry_path_rmdir, const struct path *dir, struct dentry *dentry)
{
	return fentry_target(UW_OP_RMDIR, dir, dentry);
}

SEC("fexit")
int BPF_PROG(uw_fexit_rmdir, int dfd, struct filename *name, int ret)
{
	return fexit_leave(UW_OP_RMDIR, ret);
}

SEC("fentry")
int BPF_PROG(uw_fentry_rename, int olddfd, struct filename *from, int newdfd, struct filename *to,
	     unsigned int flags)
{
	return enter_rename(UW_PROBE_FENTRY, olddfd, from, newdfd, to, flags);
}

SEC("fentry")
int BPF_PROG(uw_fentry_path_rename, const struct path *from, struct dentry *source,
	     const struct path *to, struct dentry *victim, unsigned int flags)
{
	return security_path_rename(from, source, to, victim, flags, true);
}

SEC("fexit")
int BPF_PROG(uw_fexit_rename, int olddfd, struct filename *from, int newdfd, struct filename *to,
	     unsigned int flags, int ret)
{
	return fexit_leave(UW_OP_RENAME, ret);
}
