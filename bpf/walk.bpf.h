/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dentry -> absolute path, from the dentries and mounts themselves, up to the root of the mount
 * namespace; kernfs node -> path of a cgroup. Written backwards from the end of a per-CPU buffer, as the
 * walk goes upwards.
 *
 * One step is a global function on purpose: the verifier checks such a function once, however often it
 * is called (hundreds of inlined steps exceed what 5.10 and 6.1 are ready to check). Before 5.12 a global
 * function takes no pointer to memory, hence the state in a map. bpf_loop() needs 5.17, and
 * bpf_d_path() is not for kprobes.
 */
#ifndef UW_WALK_BPF_H
#define UW_WALK_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"
#include "unlinkwatch.h"

/* Longest name of a dentry or a cgroup (NAME_MAX). */
#define NAME_BYTES 255

/* Levels of cgroups that are walked. */
#define CGROUP_STEPS 32

struct walk {
	struct dentry *dentry;
	struct mount *mount;	/* NULL: stay within the file system */
	struct dentry *fsroot;	/* root of the first mount, once that is reached */
	const struct kernfs_node *node;
	__u32 pos;		/* the path is text[pos .. UW_PATH_MAX) */
	__u32 below;		/* how much of it is below fsroot */
	__u32 failed;		/* a read failed: there is no path */
	__u32 cut;		/* too long or too deep: the beginning is missing */
	/* The slack keeps every masked write inside. */
	char text[UW_PATH_MAX + NAME_BYTES + 1];
};

/* Two for each bank: the first is for the target, whose path stays there while the second is used. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * UW_BANKS);
	__type(key, __u32);
	__type(value, struct walk);
} uw_walks SEC(".maps");

/* Puts a slash and a name before the path. Returns 1 where the walk has to end. */
static __always_inline int prepend(struct walk *w, const void *name, __u32 len)
{
	__u32 pos = w->pos;

	len &= NAME_BYTES;
	if (pos < len + 2) {	/* a path of 4095 bytes is the longest: the length of one more is no mask */
		w->cut = 1;
		return 1;
	}
	pos = (pos - len - 1) & (UW_PATH_MAX - 1);
	w->text[pos] = '/';
	if (bpf_probe_read_kernel(&w->text[pos + 1], len, name)) {
		w->failed = 1;
		return 1;
	}
	w->pos = pos;
	return 0;
}

/* At the root of a mount: goes on at its mount point. */
static __always_inline int cross(struct walk *w, struct mount *mount, struct dentry *dentry)
{
	struct mount *up = NULL;

	if (!w->fsroot) {
		w->fsroot = dentry;
		w->below = UW_PATH_MAX - w->pos;
	}
	if (BPF_CORE_READ_INTO(&up, mount, mnt_parent) ||
	    BPF_CORE_READ_INTO(&dentry, mount, mnt_mountpoint)) {
		w->failed = 1;
		return 1;
	}
	if (up == mount)
		return 1;
	w->dentry = dentry;
	w->mount = up;
	return 0;
}

/* One dentry upwards, or one mount. Returns 1 when the walk is over. */
__noinline int uw_walk_step(__u32 which)
{
	struct dentry *dentry, *root = NULL, *parent = NULL;
	const unsigned char *name = NULL;
	struct mount *mount;
	struct walk *w;
	__u32 len = 0;

	w = bpf_map_lookup_elem(&uw_walks, &which);
	if (!w)
		return 1;
	/* In variables: what stands in a CO-RE read is relocated, and struct walk is no kernel's. */
	dentry = w->dentry;
	mount = w->mount;

	if (mount && BPF_CORE_READ_INTO(&root, mount, mnt.mnt_root))
		goto failed;
	if (mount && dentry == root)
		return cross(w, mount, dentry);

	if (BPF_CORE_READ_INTO(&parent, dentry, d_parent) ||
	    BPF_CORE_READ_INTO(&len, dentry, d_name.len) ||
	    BPF_CORE_READ_INTO(&name, dentry, d_name.name))
		goto failed;
	if (parent == dentry)	/* the root of the file system, above what is mounted of it */
		return 1;
	w->dentry = parent;
	return prepend(w, name, len);

failed:
	w->failed = 1;
	return 1;
}

/* One cgroup upwards. Returns 1 when the walk is over. */
__noinline int uw_cgroup_step(__u32 which)
{
	struct walk *w = bpf_map_lookup_elem(&uw_walks, &which);
	const struct kernfs_node___6_15 *new_node;
	const struct kernfs_node *node, *parent = NULL;
	char *name;
	long n;

	if (!w)
		return 1;
	node = w->node;
	new_node = (const void *)node;
	if (bpf_core_field_exists(new_node->__parent))
		BPF_CORE_READ_INTO(&parent, new_node, __parent);
	else
		BPF_CORE_READ_INTO(&parent, node, parent);
	if (!parent)		/* the root, whose path is "/" */
		return 1;
	name = &w->text[UW_PATH_MAX];	/* the slack; prepend() only writes before it */
	n = bpf_probe_read_kernel_str(name, NAME_BYTES + 1, BPF_CORE_READ(node, name));
	if (n < 1) {
		w->failed = 1;
		return 1;
	}
	w->node = parent;
	return prepend(w, name, n - 1);
}

static __always_inline struct walk *walk_begin(__u32 which)
{
	struct walk *w = bpf_map_lookup_elem(&uw_walks, &which);

	if (!w)
		return NULL;
	w->pos = UW_PATH_MAX;
	w->below = 0;
	w->failed = 0;
	w->cut = 0;
	w->fsroot = NULL;
	return w;
}

static __always_inline struct walk *walk_end(struct walk *w)
{
	if (w->failed)
		w = NULL;
	/* Or clang has callers look at `failed` instead of the pointer, which the verifier does not get. */
	asm volatile("" : "+r"(w));
	return w;
}

/* The path of dentry, without a trailing slash: empty for the root. NULL where it has none. */
static __always_inline struct walk *walk_dentry(__u32 which, struct vfsmount *mnt,
						struct dentry *dentry)
{
	struct walk *w = walk_begin(which);
	int i, done = 0;

	if (!w || !dentry)
		return NULL;
	w->dentry = dentry;
	w->mount = NULL;
	if (mnt)
		w->mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	for (i = 0; i < UW_WALK_STEPS && !done; i++)
		done = uw_walk_step(which);
	if (!done)
		w->cut = 1;
	return walk_end(w);
}

static __always_inline struct walk *walk_path(__u32 which, const struct path *path)
{
	struct dentry *dentry = NULL;
	struct vfsmount *mnt = NULL;

	if (BPF_CORE_READ_INTO(&dentry, path, dentry) || BPF_CORE_READ_INTO(&mnt, path, mnt) || !mnt)
		return NULL;
	return walk_dentry(which, mnt, dentry);
}

static __always_inline struct walk *walk_cgroup(__u32 which, struct task_struct *task)
{
	struct walk *w = walk_begin(which);
	int i, done = 0;

	if (!w)
		return NULL;
	w->node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	if (!w->node)
		return NULL;
	for (i = 0; i < CGROUP_STEPS && !done; i++)
		done = uw_cgroup_step(which);
	if (!done)
		w->cut = 1;
	return walk_end(w);
}

#endif
