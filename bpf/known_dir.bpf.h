/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the path rules say of the last directory, one for each bank of each CPU: `rm -r` asks for the same
 * directory again and again, and neither walk nor look-up is needed for it.
 *
 * The answer is taken only where it cannot have changed:
 *  - The rules are the same, and none of them is about a part of the directory.
 *  - The dentry has the same parent, name and inode, and that has the same number and generation: it is
 *    the same directory, not another one whose dentry has come to lie in the same place.
 *  - No dentry of any file system has begun to move since: all changes of a path inside a file system
 *    go through __d_move(), whose entry and return are counted. Where it cannot be probed, nothing is
 *    remembered.
 *  - The file system asks nobody else where its directories are (d_revalidate), as network ones do.
 */
#ifndef UW_KNOWN_DIR_BPF_H
#define UW_KNOWN_DIR_BPF_H

#include <bpf/bpf_core_read.h>

#include "maps.bpf.h"
#include "walk.bpf.h"

/* Parent, hash and length of the name, name, inode: they stand together in all kernels so far. */
static __always_inline bool read_core(__u64 core[4], struct dentry *dir)
{
	return AT(dentry, d_name) == AT(dentry, d_parent) + 8 &&
	       AT(dentry, d_inode) == AT(dentry, d_parent) + 24 &&
	       !bpf_probe_read_kernel(core, 4 * sizeof(*core), (void *)dir + AT(dentry, d_parent));
}

/* Super block and number are near each other; what stands between them is of no interest. */
static __always_inline bool read_identity(struct known_dir *k, struct inode *inode)
{
	__u64 near[4];

	if (AT(inode, i_ino) == AT(inode, i_sb) + 24 &&
	    !bpf_probe_read_kernel(near, sizeof(near), (void *)inode + AT(inode, i_sb))) {
		k->sb = (void *)near[0];
		k->ino = near[3];
	} else if (BPF_CORE_READ_INTO(&k->sb, inode, i_sb) ||
		   BPF_CORE_READ_INTO(&k->ino, inode, i_ino)) {
		return false;
	}
	return !BPF_CORE_READ_INTO(&k->generation, inode, i_generation);
}

static __always_inline struct uw_moves *get_moves(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&uw_moves, &zero);
}

/* True where the answer for what is in dir is known: *rules. */
static __always_inline bool recall(const struct known_dir *k, __u32 rules_gen, struct dentry *dir,
				   __u64 *rules)
{
	volatile struct uw_moves *moves = get_moves();
	struct known_dir now;

	if (k->dir != dir || k->rules_gen != rules_gen || !moves || moves->begun != k->moves)
		return false;
	if (!read_core(now.core, dir) || now.core[0] != k->core[0] || now.core[1] != k->core[1] ||
	    now.core[2] != k->core[2] || now.core[3] != k->core[3])
		return false;
	if (!read_identity(&now, (struct inode *)now.core[3]) || now.sb != k->sb || now.ino != k->ino ||
	    now.generation != k->generation)
		return false;
	*rules = k->rules;
	return true;
}

/* Before the walk: the count of moves, or 0 where one is under way. */
static __always_inline __u64 before_walk(void)
{
	volatile struct uw_moves *moves = get_moves();
	__u64 done;

	if (!moves)
		return 0;
	done = moves->done;	/* this one first, or a move that is under way might hide */
	return moves->begun == done ? done : 0;
}

/* After it: keeps the answer. */
static __always_inline void remember(struct known_dir *k, __u32 rules_gen, struct dentry *dir,
				     __u64 moved, __u64 rules)
{
	volatile struct uw_moves *moves = get_moves();
	const struct dentry_operations *op = NULL;
	void *revalidate = NULL;

	k->dir = NULL;
	if (!moved || !moves || BPF_CORE_READ_INTO(&op, dir, d_op) ||
	    (op && BPF_CORE_READ_INTO(&revalidate, op, d_revalidate)) || revalidate)
		return;
	if (!read_core(k->core, dir) || !read_identity(k, (struct inode *)k->core[3]) ||
	    moves->begun != moved)
		return;
	k->moves = moved;
	k->rules = rules;
	k->rules_gen = rules_gen;
	k->dir = dir;
}

static __always_inline void count_move(bool done)
{
	struct uw_moves *moves = get_moves();

	if (moves)
		__sync_fetch_and_add(done ? &moves->done : &moves->begun, 1);
}

#endif
