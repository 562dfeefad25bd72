/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel structures that the programs read, each with only the members that they use. CO-RE
 * finds the real offsets in the running kernel's BTF when the programs are loaded, so one object
 * serves every kernel, and building takes no kernel headers and no vmlinux.h.
 */
#ifndef UW_KERNEL_BPF_H
#define UW_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

/* Registers at a probe: the layout is part of the kernel's BPF ABI, so it needs no relocation. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
#else
#error "the registers of this architecture are not described here"
#endif

/* Makes bpf_tracing.h use the kernel's names of the registers rather than user space's. */
#define __VMLINUX_H__

/* What a program attached to a system call's tracepoint gets (see its `format` file in tracefs). */
struct sys_enter_ctx {
	__u64 common;
	__s64 nr;
	__u64 args[6];
};

struct sys_exit_ctx {
	__u64 common;
	__s64 nr;
	__s64 ret;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root, pwd;
};

struct file {
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct thread_info {
	unsigned long flags;
	__u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	struct task_struct *real_parent;
	__s32 tgid;
	struct fs_struct *fs;
	struct files_struct *files;
};

struct filename {
	const char *name;
};

#pragma clang attribute pop

#endif
