/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kprobe and the fentry programs have in common: a body for each function of the kernel
 * that they are attached to. The return value of the outer functions is the result:
 *
 *	int do_unlinkat(int dfd, struct filename *name)			5.10 to 6.18
 *	int do_rmdir(int dfd, struct filename *name)
 *	int do_renameat2(int olddfd, struct filename *from, int newdfd, struct filename *to,
 *			 unsigned int flags)
 *
 * They are filename_unlinkat(), filename_rmdir() and filename_renameat2() from 7.0. Up to 6.12 they
 * free the names, so these cannot be read at the return. On the way, when the kernel has resolved
 * the name and holds the lock of the parent, it asks its security modules, the same from 5.10 to
 * 7.2:
 *
 *	int security_path_unlink(const struct path *dir, struct dentry *dentry)
 *	int security_path_rmdir(const struct path *dir, struct dentry *dentry)
 *	int security_path_rename(const struct path *old_dir, struct dentry *old_dentry,
 *				 const struct path *new_dir, struct dentry *new_dentry,
 *				 unsigned int flags)
 *
 * overlayfs goes through these once, for the file that the user sees. It calls vfs_unlink() and so
 * on for its layers.
 */
#ifndef UW_HOOKS_BPF_H
#define UW_HOOKS_BPF_H

#include "target.bpf.h"

static __always_inline int enter_outer(enum uw_probe probe, __u32 op, __s32 dfd,
				       struct filename *name)
{
	struct attempt a = { .op = op, .probe = probe, .dfd = dfd, .name = name };

	return enter(&a);
}

static __always_inline int enter_rename(enum uw_probe probe, __s32 olddfd, struct filename *from,
					__s32 newdfd, struct filename *to, __u32 flags)
{
	struct attempt a = {
		.op = flags & RENAME_EXCHANGE ? UW_OP_EXCHANGE : UW_OP_MOVE,
		.probe = probe,
		.dfd = olddfd,
		.name = from,
		.other_dfd = newdfd,
		.other = to,
	};

	return enter(&a);
}

static __always_inline int leave_outer(__u32 op, __s32 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = find(id);

	change_ends(id);
	if (slot && is_of_call(&slot->ev, op))
		finish(id, slot, ret, 0);
	return 0;
}

#define PROBE_OF(typed) ((typed) ? UW_PROBE_FENTRY : UW_PROBE_KPROBE)

/*
 * Takes a scratch space for the target of the deletion in the slot, or of one without a slot. NULL
 * if there is none of the two, or no space: then the target is not known.
 */
static __always_inline struct scratch *take_for_target(struct uw_slot *slot, __u32 *ret_index)
{
	struct scratch *s;

	if (!slot && !uw_shared.lacked)
		return NULL;
	s = take_scratch(ret_index);
	if (!s && slot)
		forget_target(slot);
	return s;
}

/* security_path_unlink() and security_path_rmdir() */
static __always_inline int security_path_remove(__u32 op, const struct path *dir,
						struct dentry *dentry, const bool typed)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = find(id);
	struct scratch *s;
	__u32 index = 0;

	/* A rule may lead through a link; a directory may be mounted elsewhere. */
	if (op == UW_OP_RMDIR || uw_shared.control.links)
		path_dep_changes(id, dentry);
	s = take_for_target(slot, &index);
	if (!s)
		return 0;
	slot = begin_targeted(slot, op, PROBE_OF(typed), index, 0);
	if (slot) {
		resolve(s, index, slot, dir, dentry, typed);
		leave_target(slot, index);
	}
	leave_scratch(s, index);
	return 0;
}

static __always_inline int security_path_rename(const struct path *from, struct dentry *source,
						const struct path *to, struct dentry *victim,
						__u32 flags, const bool typed)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = find(id);
	struct inode *old, *new;
	struct scratch *s;
	__u32 index = 0;

	rename_begins(id, source, victim, flags, typed);
	s = take_for_target(slot, &index);
	if (!s)
		return 0;
	slot = begin_targeted(slot, flags & RENAME_EXCHANGE ? UW_OP_EXCHANGE : UW_OP_MOVE,
			      PROBE_OF(typed), index, 0);
	if (slot) {
		old = typed ? source->d_inode : BPF_CORE_READ(source, d_inode);
		new = typed ? victim->d_inode : BPF_CORE_READ(victim, d_inode);
		if (decide_rename(slot, old, new))
			resolve_rename(s, index, slot, from, source, to, victim, typed);
		leave_target(slot, index);
	}
	leave_scratch(s, index);
	return 0;
}

#endif
