/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory cache: paths of directories and executables, and what the rules say of a directory.
 * It saves `rm -r` a walk and a look-up for every file. A second cache has the paths of cgroups.
 * Each scratch space has its own.
 *
 * An entry is only used where it cannot have changed:
 *  - The dentry has the same parent, name and inode, and the inode has the same number and
 *    generation. So it is the same file, and not another whose dentry has taken its place in
 *    memory.
 *  - rename_seq has not changed, so no directory has begun to move. Processes move them through
 *    security_path_rename(), and kernel threads through vfs_rename(); see hooks.bpf.h and
 *    vfs.bpf.c. Where the programs cannot see that, nothing is inserted. (A dentry that moves by
 *    itself has another parent or name.)
 *  - On overlayfs, the directory still has the same one in the upper layer.
 *  - The file system does not ask a server where its directories are (DCACHE_OP_REVALIDATE). Its
 *    d_op does not tell: many file systems have d_revalidate() for a few directories.
 *
 * What the rules say of a directory holds for one generation of them, and only where no rule is
 * about a part of the directory. A path holds for one mount, in the mount namespace of the process,
 * as long as nothing is mounted or unmounted there; see host_tree.bpf.h for that counter. A cgroup
 * cannot be renamed, and its id is used once.
 */
#ifndef UW_DIR_CACHE_BPF_H
#define UW_DIR_CACHE_BPF_H

#include "host_tree.bpf.h"

_Static_assert(DIR_CACHE_SIZE == 32 && CGROUP_CACHE_SIZE == 4, "the bits of hash()");

/* The upper bits of the product, as pointers differ in the middle. */
static __always_inline __u32 hash(__u64 pointer, __u32 bits)
{
	return pointer * 0x9e3779b97f4a7c15ULL >> (64 - bits);
}

static __always_inline struct dir_cache_entry *dir_cache_nth(struct scratch *s, __u32 n)
{
	/* Or clang drops the mask, which the verifier needs. */
	asm volatile("" : "+r"(n));
	return &s->dir_cache[n & (DIR_CACHE_SIZE - 1)];
}

/*
 * The entry of the dentry, or the one to insert it at. A dentry may be at either of two neighbours,
 * and replaces the older. So the last two dentries that share a pair are both there, whatever their
 * hashes.
 */
static __always_inline struct dir_cache_entry *dir_cache_find(struct scratch *s,
							      const struct dentry *dentry)
{
	__u64 number = as_number(s, dentry);
	__u32 n = hash(number, 5);
	struct dir_cache_entry *k = dir_cache_nth(s, n), *other = dir_cache_nth(s, n ^ 1);

	if (k->dentry == number || (other->dentry != number && k->turn <= other->turn))
		return k;
	return other;
}

/* With `typed`, the verifier knows the type of the pointer, and plain reads do. */
static __always_inline bool read_dentry_identity(__u64 core[4], struct dentry *dentry,
						 const bool typed)
{
	if (AT(dentry, d_name) != AT(dentry, d_parent) + 8 ||
	    AT(dentry, d_inode) != AT(dentry, d_parent) + 24)
		return false;
	if (!typed)
		return !bpf_probe_read_kernel(core, 4 * sizeof(*core),
					      (void *)dentry + AT(dentry, d_parent));
	core[0] = (__u64)dentry->d_parent;
	core[1] = (__u64)dentry->d_name.len << 32 | dentry->d_name.hash;
	core[2] = (__u64)dentry->d_name.name;
	core[3] = (__u64)dentry->d_inode;
	return true;
}

static __always_inline bool identify_inode(struct identity *is)
{
	struct inode *inode = (struct inode *)is->core[3];
	__u32 generation;
	__u64 near[4];

	/* i_sb and i_ino are near each other in most kernels, and one read gets both. */
	if (AT(inode, i_ino) == AT(inode, i_sb) + 24 &&
	    !bpf_probe_read_kernel(near, sizeof(near), (void *)inode + AT(inode, i_sb))) {
		is->sb = near[0];
		is->ino = near[3];
	} else if (BPF_CORE_READ_INTO(&is->sb, inode, i_sb) ||
		   BPF_CORE_READ_INTO(&is->ino, inode, i_ino)) {
		return false;
	}
	if (BPF_CORE_READ_INTO(&generation, inode, i_generation))
		return false;
	is->generation = generation;
	return true;
}

static __always_inline bool identify(struct identity *is, struct dentry *dentry, const bool typed)
{
	struct inode *inode;

	if (!read_dentry_identity(is->core, dentry, typed))
		return false;
	if (!typed)
		return identify_inode(is);
	inode = dentry->d_inode;
	is->sb = (__u64)inode->i_sb;
	is->ino = inode->i_ino;
	is->generation = inode->i_generation;
	return true;
}

/* The same, with the flags of the dentry, which one read gets, too, as on all kernels so far. */
static __always_inline bool identify_with_flags(struct scratch *s, struct identity *is,
						struct dentry *dentry, __u32 *flags)
{
	const __u32 at = AT(dentry, d_parent);

	if (at + sizeof(is->core) != sizeof(s->dentry) || AT(dentry, d_flags) + 4 > at) {
		*flags = BPF_CORE_READ(dentry, d_flags);
		return identify(is, dentry, false);
	}
	if (bpf_probe_read_kernel(s->dentry, sizeof(s->dentry), dentry))
		return false;
	*flags = *(__u32 *)((void *)s->dentry + AT(dentry, d_flags));
	__builtin_memcpy(is->core, &s->dentry[3], sizeof(is->core));
	return identify_inode(is);
}

static __always_inline bool dir_cache_valid(struct scratch *s, const struct dir_cache_entry *k,
					    struct dentry *dentry, const bool typed)
{
	volatile struct uw_rename_seq *seq = &uw_shared.rename_seq;
	struct identity *now = &s->is;

	if (k->dentry != (__u64)dentry || seq->begun != k->rename_seq ||
	    !identify(now, dentry, typed))
		return false;
	if (k->overlay && (__u64)upper_of((void *)now->core[3]) != k->upper)
		return false;
	return now->core[0] == k->is.core[0] && now->core[1] == k->is.core[1] &&
	       now->core[2] == k->is.core[2] && now->core[3] == k->is.core[3] &&
	       now->sb == k->is.sb && now->ino == k->is.ino && now->generation == k->is.generation;
}

static __always_inline struct snapshot take_snapshot(void)
{
	volatile struct uw_rename_seq *seq = &uw_shared.rename_seq;
	struct snapshot now = {};

	now.rename_seq = seq->done;	/* before `begun`, or a move that is under way could hide */
	if (seq->begun != now.rename_seq)
		now.rename_seq = 0;
	if (!seq->trusted)
		now.rename_seq = 0;
	now.event = mount_event(&now.ns);
	return now;
}

/*
 * After the walk: inserts the dentry, with neither rules nor a path yet. False where it must not be
 * inserted.
 */
static __always_inline bool dir_cache_insert(struct scratch *s, struct dir_cache_entry *k,
					     struct dentry *dentry, const struct snapshot *then,
					     bool overlay)
{
	volatile struct uw_rename_seq *seq = &uw_shared.rename_seq;
	__u32 flags;

	if (!then->rename_seq)
		return false;
	k->dentry = 0;
	if (!identify_with_flags(s, &k->is, dentry, &flags) || flags & DCACHE_OP_REVALIDATE ||
	    seq->begun != then->rename_seq)
		return false;
	k->overlay = overlay;
	k->upper = overlay ? (__u64)upper_of((void *)k->is.core[3]) : 0;
	k->rename_seq = then->rename_seq;
	k->rules_gen = 0;
	k->mnt = 0;
	k->dentry = (__u64)dentry;
	k->turn = ++s->turn;
	return true;
}

/* Gives an entry its text. False where that is too long. */
static __always_inline bool dir_cache_set_text(struct dir_cache_entry *k, const void *text, __u32 len)
{
	k->mnt = 0;
	if (len > DIR_CACHE_PATH)
		return false;
	/* Or clang drops the mask, which the verifier needs. */
	asm volatile("" : "+r"(len));
	k->len = len;
	return !bpf_probe_read_kernel(k->text, len & (2 * DIR_CACHE_PATH - 1), text);
}

/*
 * Gives an entry its path by a mount: `len` bytes at `text`, of which the first `fsroot` are the
 * path of the mount's root within its file system.
 */
static __always_inline void dir_cache_set_path(struct dir_cache_entry *k,
					       const struct snapshot *then, __u64 mnt,
					       const void *text, __u32 fsroot, __u32 len)
{
	struct mount *mount = real_mount((void *)mnt);
	__u64 ns;

	if (!dir_cache_set_text(k, text, len) || !then->event ||
	    (__u64)BPF_CORE_READ(mount, mnt_ns) != then->ns || mount_event(&ns) != then->event ||
	    ns != then->ns)
		return;
	k->ns = then->ns;
	k->event = then->event;
	k->fsroot = fsroot;
	k->mnt = mnt;
}

/* The same for a directory in the upper layer of overlayfs: its path in the file system `sb`. */
static __always_inline void dir_cache_set_upper(struct dir_cache_entry *k, __u64 sb,
						const void *text, __u32 len)
{
	if (dir_cache_set_text(k, text, len))
		k->mnt = sb;
}

/* Whether the entry has the path by this mount, and the path still holds. */
static __always_inline bool dir_cache_has_path(const struct dir_cache_entry *k, __u64 mnt)
{
	__u64 ns;

	return k->mnt == mnt && k->event == mount_event(&ns) && k->ns == ns;
}

/* The entry of this process's cgroup, new ones without a length. */
static __always_inline struct cgroup_cache_entry *cgroup_cache_find(struct scratch *s)
{
	struct cgroup_cache_entry *g;
	struct kernfs_node *node;
	__u64 kn, id;

	if (TYPED_TASK) {
		node = bpf_get_current_task_btf()->cgroups->dfl_cgrp->kn;
		id = node->id;
		kn = as_number(s, node);
	} else {
		kn = (__u64)CURRENT(cgroups, dfl_cgrp, kn);
		id = CURRENT(cgroups, dfl_cgrp, kn, id);
	}
	g = &s->cgroup_cache[hash(kn, 2) & (CGROUP_CACHE_SIZE - 1)];
	if (g->kn != kn || g->id != id)
		g->len = 0;
	g->kn = kn;
	g->id = id;
	return g;
}

#endif
