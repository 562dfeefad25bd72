/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel structures that the programs read, each with only the members that they use. libbpf
 * relocates every access by the running kernel's BTF (CO-RE). So one object serves every kernel,
 * and the build needs neither kernel headers nor vmlinux.h.
 */
#ifndef UW_KERNEL_BPF_H
#define UW_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#ifndef UW_KERNEL_READS
#define UW_KERNEL_READS 0
#endif
#ifndef UW_RAW
#define UW_RAW 0
#endif

#define AT_FDCWD -100
#define AT_REMOVEDIR 0x200
#define RENAME_EXCHANGE 2
#define AF_INET 2
#define AF_INET6 10
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define S_IFLNK 0120000
/* The same in all kernels. */
#define DCACHE_OP_HASH 1
#define DCACHE_OP_COMPARE 2
#define DCACHE_OP_REVALIDATE 4
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define MNT_NS_ANON_INO 0xeffffff7	/* since 6.18 */
#define PF_IO_WORKER 0x10
#define PF_WQ_WORKER 0x20
#define PF_KTHREAD 0x200000

/*
 * The longest part of a path that is read. Most file systems allow 255 bytes, vfat, exfat and ntfs3
 * three times as much, and FUSE 1024, or 4095 from 6.17 on.
 */
#define NAME_BYTES 2047

/* Registers at a probe. Their layout is part of the kernel's BPF ABI and needs no relocation. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31], sp, pc, pstate;
};

/* The name that bpf_tracing.h has for them. */
struct user_pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
#else
#error "the registers of this architecture are not described here"
#endif

/* Has bpf_tracing.h use the kernel's names of the registers, not user space's. */
#define __VMLINUX_H__
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* The context of a program on a system call's tracepoint; see its `format` file in tracefs. */
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

struct vfsmount;
struct dentry;

/* The same in all kernels. */
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	__u32 hash, len;
	const unsigned char *name;
};

struct file_system_type {
	const char *name;
};

struct super_block {
	__u32 s_dev;
	struct file_system_type *s_type;
	unsigned long s_magic;
	int s_stack_depth;
};

typedef struct {
	__u32 val;
} kuid_t;

struct inode {
	__u16 i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	__u32 i_nlink;
	__u32 i_generation;
	__s64 i_size;
};

struct dentry {
	unsigned int d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct list_head {
	struct list_head *next;
};

struct mnt_namespace;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_mounts, mnt_child;
	struct mnt_namespace *mnt_ns;
};

struct fs_struct {
	struct path root, pwd;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;	/* of a socket: its struct socket */
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start, arg_end;
};

typedef struct {
	__u32 val;
} kgid_t;

struct ns_common {
	unsigned int inum;
};

struct user_namespace {
	struct user_namespace *parent;
	int level;
	kuid_t owner;
	struct ns_common ns;
};

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid, fsuid;
	kgid_t fsgid;
	struct user_namespace *user_ns;
};

struct mnt_namespace {
	struct ns_common ns;
	__u64 event;
};

struct pid_namespace {
	struct task_struct *child_reaper;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
};

struct kernfs_node {
	__u64 id;
	const char *name;
	struct kernfs_node *parent;
};

/* Since 6.15. */
struct kernfs_node___6_15 {
	struct kernfs_node *__parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct thread_info {
	unsigned long flags;
	__u32 status;
};

struct tty_driver {
	int major, minor_start;
};

struct tty_struct {
	struct tty_driver *driver;
	int index;
};

struct signal_struct {
	struct tty_struct *tty;
};

struct in6_addr {
	__u8 in6_u[16];
};

struct sock_common {
	__u32 skc_daddr;
	__u16 skc_num, skc_family;
	__u8 skc_state;
	struct in6_addr skc_v6_daddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	struct socket *sk_socket;
};

struct socket {
	struct sock *sk;
};

struct workqueue_struct {
	char name[16];	/* its beginning */
};

struct pool_workqueue {
	struct workqueue_struct *wq;
};

struct worker {
	void *current_work;
	struct pool_workqueue *current_pwq;
};

struct kthread {
	void *data;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	void *worker_private;	/* of a kernel thread, since 5.17: its struct kthread */
	int *set_child_tid;	/* and before */
	struct mm_struct *mm;
	struct task_struct *real_parent, *group_leader;
	__s32 tgid;
	__u64 start_boottime;
	char comm[16];
	const struct cred *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
	struct nsproxy *nsproxy;
	kuid_t loginuid;
	unsigned int sessionid;
	struct css_set *cgroups;
};

struct filename {
	const char *name;
};

/* Since 5.12, and where it was backported. */
struct renamedata {
	struct dentry *old_dentry, *new_dentry;
	unsigned int flags;
};

#pragma clang attribute pop

/*
 * From 5.11 on the verifier knows the type of the current task and allows plain reads through it. A
 * helper call takes ten times as long. A NULL pointer on the way reads as zero. Where TYPED_TASK is
 * false, the kernel lacks the helper, and the verifier never gets to the call.
 */
#define TYPED_TASK bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

/* A member of the current task, through one pointer after the other: CURRENT(cred, euid.val). */
#define CURRENT(...) \
	(TYPED_TASK ? UW_CHAIN(bpf_get_current_task_btf(), __VA_ARGS__) \
		    : BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), __VA_ARGS__))

#define UW_CHAIN(p, ...) UW_CHAIN_OF(__VA_ARGS__, 4, 3, 2, 1)(p, __VA_ARGS__)
#define UW_CHAIN_OF(a, b, c, d, n, ...) UW_CHAIN_NTH(n)
#define UW_CHAIN_NTH(n) UW_CHAIN_##n
#define UW_CHAIN_1(p, a) ((p)->a)
#define UW_CHAIN_2(p, a, b) ((p)->a->b)
#define UW_CHAIN_3(p, a, b, c) ((p)->a->b->c)
#define UW_CHAIN_4(p, a, b, c, d) ((p)->a->b->c->d)

/* Where the running kernel has a member. */
#define AT(type, member) bpf_core_field_offset(struct type, member)

static __always_inline struct mount *real_mount(const struct vfsmount *mnt)
{
	return (void *)mnt - AT(mount, mnt);
}

/*
 * The dentry in the upper layer of an inode of overlayfs, or NULL. struct ovl_inode belongs to a
 * module, which may not be loaded yet. From 5.10 to 7.3 it has this pointer right behind the inode.
 */
static __always_inline struct dentry *upper_of(const void *inode)
{
	struct dentry *upper = NULL;

	bpf_probe_read_kernel(&upper, sizeof(upper), inode + bpf_core_type_size(struct inode));
	return upper;
}

static __always_inline bool is_overlay(const struct super_block *sb)
{
	return BPF_CORE_READ(sb, s_magic) == OVERLAYFS_SUPER_MAGIC;
}

#endif
