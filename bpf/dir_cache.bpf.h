/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of directories, executables and cgroups that deletions had to do with a moment ago, for each scratch index of
 * each CPU: `rm -r` asks for the same ones again and again, and neither walk nor look-up is needed for them.
 *
 * What is known of a dentry is taken only where it cannot have changed:
 *  - It has the same parent, name and inode, and that has the same number and generation: it is the same file,
 *    not another one whose dentry has come to lie in the same place.
 *  - No dentry of any file system has begun to move since: all changes of a path inside a file system
 *    go through __d_move(), whose entry and return are counted. Where it cannot be probed, nothing is
 *    remembered.
 *  - The file system asks nobody else where its directories are (d_revalidate), as network ones do.
 * What the path rules say of a directory holds for the same rules, none of which is about a part of it.
 * Its path holds for the same mount, which is in the mount namespace of the process, where nothing has been
 * mounted or unmounted since: see mounts.bpf.h for the counter. A cgroup cannot be renamed, and its number is used
 * once.
 */
#ifndef UW_DIR_CACHE_BPF_H
#define UW_DIR_CACHE_BPF_H

#include <bpf/bpf_core_read.h>

#include "mounts.bpf.h"

_Static_assert(DIR_CACHE_SIZE == 32 && CGROUP_CACHE_SIZE == 4, "the bits of hash()");

/* The upper bits of the product, as pointers differ in the middle. */
static __always_inline __u32 hash(__u64 pointer, __u32 bits)
{
	return pointer * 0x9e3779b97f4a7c15ULL >> (64 - bits);
}

/* The verifier counts with no pointer of a known type. What comes from a map has none. */
static __always_inline __u64 as_number(struct scratch *s, const void *pointer)
{
	*(volatile __u64 *)&s->number = (__u64)pointer;
	return *(volatile __u64 *)&s->number;
}

static __always_inline struct dir_cache_entry *dir_cache_nth(struct scratch *s, __u32 n)
{
	/* Or clang finds the mask useless, which the verifier does not. */
	asm volatile("" : "+r"(n));
	return &s->dir_cache[n & (DIR_CACHE_SIZE - 1)];
}

/*
 * Where the dentry is remembered, or else is to be: each has two places, of which the one goes that was filled first. So
 * of all that have these two, the two last ones are remembered, whichever of them each would rather have.
 */
static __always_inline struct dir_cache_entry *dir_cache_find(struct scratch *s, const struct dentry *dentry)
{
	__u64 number = as_number(s, dentry);
	__u32 n = hash(number, 5);
	struct dir_cache_entry *k = dir_cache_nth(s, n), *other = dir_cache_nth(s, n ^ 1);

	if (k->dentry == number || (other->dentry != number && k->turn <= other->turn))
		return k;
	return other;
}

/* With `typed`, the verifier knows the type, and it takes no helper. */
static __always_inline bool read_dentry_identity(__u64 core[4], struct dentry *dentry, const bool typed)
{
	if (AT(dentry, d_name) != AT(dentry, d_parent) + 8 || AT(dentry, d_inode) != AT(dentry, d_parent) + 24)
		return false;
	if (!typed)
		return !bpf_probe_read_kernel(core, 4 * sizeof(*core), (void *)dentry + AT(dentry, d_parent));
	core[0] = (__u64)dentry->d_parent;
	core[1] = (__u64)dentry->d_name.len << 32 | dentry->d_name.hash;
	core[2] = (__u64)dentry->d_name.name;
	core[3] = (__u64)dentry->d_inode;
	return true;
}

/* Super block and number are near each other; what stands between them is of no interest. */
static __always_inline bool identify(struct identity *is, struct dentry *dentry, const bool typed)
{
	struct inode *inode;
	__u32 generation;
	__u64 near[4];

	if (!read_dentry_identity(is->core, dentry, typed))
		return false;
	if (typed) {
		inode = dentry->d_inode;
		is->sb = (__u64)inode->i_sb;
		is->ino = inode->i_ino;
		is->generation = inode->i_generation;
		return true;
	}
	inode = (struct inode *)is->core[3];
	if (AT(inode, i_ino) == AT(inode, i_sb) + 24 &&
	    !bpf_probe_read_kernel(near, sizeof(near), (void *)inode + AT(inode, i_sb))) {
		is->sb = near[0];
		is->ino = near[3];
	} else if (BPF_CORE_READ_INTO(&is->sb, inode, i_sb) || BPF_CORE_READ_INTO(&is->ino, inode, i_ino)) {
		return false;
	}
	if (BPF_CORE_READ_INTO(&generation, inode, i_generation))
		return false;
	is->generation = generation;
	return true;
}

static __always_inline bool dir_cache_valid(struct scratch *s, const struct dir_cache_entry *k, struct dentry *dentry,
				     const bool typed)
{
	volatile struct uw_rename_seq *seq = &uw_shared.rename_seq;
	struct identity *now = &s->is;

	if (k->dentry != (__u64)dentry || seq->begun != k->rename_seq || !identify(now, dentry, typed))
		return false;
	return now->core[0] == k->is.core[0] && now->core[1] == k->is.core[1] && now->core[2] == k->is.core[2] &&
	       now->core[3] == k->is.core[3] && now->sb == k->is.sb && now->ino == k->is.ino &&
	       now->generation == k->is.generation;
}

/* What has to stay the same during a walk: the count of moves, and the mounts of this process. */
struct snapshot {
	__u64 rename_seq;	/* 0 where one is under way */
	__u64 ns, event;
};

static __always_inline struct snapshot take_snapshot(void)
{
	volatile struct uw_rename_seq *seq = &uw_shared.rename_seq;
	struct snapshot m = {};

	m.rename_seq = seq->done;	/* this one first, or a move that is under way might hide */
	if (seq->begun != m.rename_seq)
		m.rename_seq = 0;
	m.event = mount_event(&m.ns);
	return m;
}

/* After it: remembers the dentry, of which nothing else is known yet. False where nothing may be remembered. */
static __always_inline bool dir_cache_insert(struct scratch *s, struct dir_cache_entry *k, struct dentry *dentry,
				     const struct snapshot *m)
{
	volatile struct uw_rename_seq *seq = &uw_shared.rename_seq;
	const struct dentry_operations *op = NULL;
	void *revalidate = NULL;

	if (!m->rename_seq)
		return false;
	k->dentry = 0;
	if (BPF_CORE_READ_INTO(&op, dentry, d_op) ||
	    (op && BPF_CORE_READ_INTO(&revalidate, op, d_revalidate)) || revalidate)
		return false;
	if (!identify(&k->is, dentry, false) || seq->begun != m->rename_seq)
		return false;
	k->rename_seq = m->rename_seq;
	k->rules_gen = 0;
	k->mnt = 0;
	k->dentry = (__u64)dentry;
	k->turn = ++s->turn;
	return true;
}

/*
 * The path of a dentry that is remembered: `len` bytes at `text`, of which the first `fsroot` are that within the file
 * system of what the mount shows.
 */
static __always_inline void dir_cache_set_path(struct dir_cache_entry *k, const struct snapshot *m, __u64 mnt, const void *text,
					  __u32 fsroot, __u32 len)
{
	struct mount *mount = (void *)mnt - AT(mount, mnt);
	__u64 ns;

	k->mnt = 0;
	if (!m->event || len > DIR_CACHE_PATH || bpf_probe_read_kernel(k->text, len & (2 * DIR_CACHE_PATH - 1), text) ||
	    (__u64)BPF_CORE_READ(mount, mnt_ns) != m->ns || mount_event(&ns) != m->event || ns != m->ns)
		return;
	k->ns = m->ns;
	k->event = m->event;
	k->fsroot = fsroot;
	k->len = len;
	k->mnt = mnt;
}

/* Whether its path is still the same by this mount. */
static __always_inline bool dir_cache_has_path(const struct dir_cache_entry *k, __u64 mnt)
{
	__u64 ns;

	return k->mnt == mnt && k->event == mount_event(&ns) && k->ns == ns;
}

static __always_inline void count_rename(bool done)
{
	struct uw_rename_seq *seq = &uw_shared.rename_seq;

	__sync_fetch_and_add(done ? &seq->done : &seq->begun, 1);
}

#endif
